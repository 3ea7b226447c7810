"""What is published, what came of the runs, and how fresh every source is."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from reconcilers.console.paper import check_format, console, paper, plain, print_table
from reconcilers.declared.settings import Settings
from reconcilers.periods import parse_instant
from reconcilers.reports.completeness import to_look_at, told
from reconcilers.runs import IN_PART, PUBLISHED, Ledger, Run
from reconcilers.warehouses.choice import current, warehouse_of


def print_status(settings: Settings) -> None:
    """The published version, the last attempt beside it, what is missing and open, and each source's freshness."""
    out, published = paper(), warehouse_of(settings).current()
    latest = Ledger(settings.path(settings.home)).runs(1)
    if published is None:
        console.print("nothing is published yet; try `reconcile run --date DAY`")
        for run in latest:
            _print_attempt(out, run, is_published=False)
        return
    facts = published.facts
    out.print(f"published  {plain(published.place)}")
    out.print(f"run for    {facts['period']}\nas of      {facts['as_of']}")
    if covered := _covered(facts):
        out.print(f"covers     {covered}")
    for run in latest:
        is_published = run.version == published.name
        _print_attempt(out, run, is_published)
        if not is_published and run.result not in (PUBLISHED, IN_PART):
            out.print(f"stale      since {facts['as_of']}: no run since has published")
    if "reason" in facts:
        out.print(f"restated   {plain(facts['reason'])}")
    for key in ("failed_units", "warnings"):
        for text in facts[key]:
            out.print(f"{key.replace('_', ' ')}: {plain(text)}")
    for month in sorted({*facts.get("incomplete", {}), *facts.get("open", {})} - {""}):
        day = date.fromisoformat(f"{month}-01")
        for line in told(facts, day):
            out.print(f"{month} not complete: {plain(line)}")
        for line in to_look_at({"open": {month: facts.get("open", {}).get(month, [])}}, day):
            out.print(f"{month} {plain(line)}")
    for line in to_look_at({**facts, "stale": ()}, date.min):
        out.print(plain(line))
    _print_sources(out, facts)
    # A charge without a rate has its own currency.
    breaks = published.ask(
        """select kind, sum(case when material then 1 else 0 end), count(*), sum(amount), currency from finance.fct_breaks
           group by kind, currency order by 2 desc, kind, currency"""
    )
    print_table(out, ["break", "material", "all", "amount", "currency"], breaks.rows)


def print_runs(settings: Settings, limit: int, output: str) -> None:
    """The latest runs, newest first, as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for any other format."""
    runs = [asdict(run) for run in Ledger(settings.path(settings.home)).runs(limit)]
    shown = ["started_at", "ended_at", "command", "period", "as_of", "result", "version", "built", "billed", "carried"]
    if output == "table":
        rows = [[_brief(run[name]) for name in shown] for run in runs]
        print_table(paper(), [name.replace("_", " ") for name in shown], rows)
        for run in runs:
            if run["error"]:
                paper().print(f"{_brief(run['started_at'])} {run['result']}: {plain(run['error'])}")
    else:
        _write(output, list(Run.__dataclass_fields__), runs)
    if not runs:
        console.print("no run yet; try `reconcile run --date DAY`")


def print_sources(settings: Settings, output: str) -> None:
    """Every source of the published version as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for any other format."""
    facts = current(settings).facts
    if output == "table":
        _print_sources(paper(), facts)
    else:
        _write(output, _COLUMNS, _source_rows(facts))


_COLUMNS = ["source", "room", "kind", "landed_until", "lag_days", "last_line", "units", "rows", "billed"]


def _print_sources(out: Any, facts: Mapping[str, Any]) -> None:
    rows = [[_brief(row[name]) for name in _COLUMNS] for row in _source_rows(facts)]
    print_table(out, [name.replace("_", " ") for name in _COLUMNS], rows)
    for line in facts.get("stale", ()):
        out.print(f"stale: {plain(line)}")
    out.print()


def _source_rows(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``lag_days`` is how many whole days before ``as_of`` the last day lies that the source answered for; 0 is yesterday."""
    yesterday = parse_instant(facts["as_of"]).date() - timedelta(days=1)
    return [
        {
            "source": name,
            "room": one["room"],
            "kind": one["kind"],
            "landed_until": one["landed_until"],
            "lag_days": (yesterday - date.fromisoformat(one["landed_until"])).days if one["landed_until"] else None,
            "last_line": one["last_day"],
            "units": one["units"],
            "rows": one["rows"],
            "billed": one["billed_cost"],
        }
        for name, one in _sources(facts).items()
    ]


def _sources(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a publication says of its sources; an older release said their names only."""
    found = facts.get("sources", {})
    return found if isinstance(found, dict) else {}


def _covered(facts: Mapping[str, Any]) -> str:
    """The first and the last day that some source answered for, as people type them."""
    landed = [one for one in _sources(facts).values() if one["landed_until"]]
    return (
        f"{min(one['landed_from'] for one in landed)} to {max(one['landed_until'] for one in landed)}" if landed else ""
    )


def _print_attempt(out: Any, run: Run, is_published: bool) -> None:
    ended = _brief(run.ended_at) or "not ended"
    said = f"{run.result}: {run.error}" if run.error else run.result
    out.print(
        f"last run   {run.command} of {run.period}, {_brief(run.started_at)} to {ended} UTC: {plain(said)}"
        + (", which is what is published" if is_published else "")
    )


def _write(output: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    check_format(output)
    if output == "json":
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([[_brief(row[name]) for name in names] for row in rows])


def _brief(value: Any) -> Any:
    """A mapping and a time as people read them."""
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items())
    if isinstance(value, str) and value[10:11] == "T":
        return f"{value[:10]} {value[11:16]}"
    return value
