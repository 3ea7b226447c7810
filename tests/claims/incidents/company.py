"""A sample company with its incidents, landed, reconciled and watched, and the alerts of any hour of it.

The hourly watch is a function of what is known of the hours. So its own SQL, compiled once and asked for an hour, gives what that hour's
run gives, in a second and without a dbt start: the tests hold real runs of ``watch`` against it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.known import known
from reconcilers.periods import Period, parse_instant
from reconcilers.sample_company.providers.server import serving
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from reconcilers.watch import history
from tests.signed_in import sign_in

#: How long after an incident what it did is still in what is measured.
_STILL_SEEN = timedelta(days=1)


@dataclass(frozen=True)
class Raised:
    """An alert, with who it names and when it was first told: at the end of its hour, or with the first night after its day."""

    store: str
    alert_id: str
    kind: str
    scope_value: str
    opened_at: datetime
    last_seen_at: datetime
    state: str
    feature_id: str | None
    tenant_id: str | None
    prompt_version: str | None
    owner: str
    message: str


class Company:
    """A sample whose providers answer, with all its telemetry landed before it begins, so that any hour may be asked what it knew of it."""

    def __init__(self, folder: Path, period: Period) -> None:
        self.file, self.period = folder / "reconcile.yaml", period
        self.settings: Settings = read_settings(self.file)
        self.truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
        before = datetime.combine(period.start, datetime.min.time()) - timedelta(days=1)
        pipeline.land_reference(self.settings, before)
        for config in self.settings.telemetry:
            assert pipeline.land(self.settings, str(config["name"]), period, before).failures == []

    def reconcile(self, as_of: datetime) -> None:
        """The nightly job over all days."""
        run = ["run", "--from", f"{self.period.start}", "--to", f"{self.period.end - timedelta(days=1)}"]
        _reconcile(*run, "--as-of", as_of.isoformat(), "--config", str(self.file))

    @property
    def incidents(self) -> list[dict[str, Any]]:
        """As ``truth.json`` states them."""
        found: list[dict[str, Any]] = self.truth["incidents"]
        return found

    def billed(self) -> list[Raised]:
        """Alerts of the finance tables."""
        published = Store(self.settings.path(self.settings.home)).current()
        assert published is not None
        return [Raised("finance", *row) for row in published.ask(f"select {_COLUMNS} from finance.fct_alerts").rows]


@contextmanager
def served(folder: Path, seed: int, start: str = "2026-09-01", end: str = "2026-10-15") -> Iterator[Company]:
    """The company of a seed while the block runs, whose providers are asked by hourly runs, too."""
    _reconcile("sample", "--seed", str(seed), "--from", start, "--to", end, "--out", str(folder))
    with pytest.MonkeyPatch.context() as patch, serving(folder) as providers:
        sign_in(patch, providers)
        yield Company(folder, Period(date.fromisoformat(start), date.fromisoformat(end) + timedelta(days=1)))


class Hours:
    """Hourly sums of all of a company's days, and the alerts of any hour's run over them."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.home = company.settings.path(company.settings.home) / "watch_of_all_days"
        warehouse = Store(self.home)
        telemetry = {str(config["name"]) for config in company.settings.telemetry}
        # Nothing else in compiled text is these: an hour's run has its own in their place.
        as_of = datetime.combine(company.period.end, datetime.min.time()) + timedelta(hours=1, minutes=1, seconds=1)
        days = company.period.widened(before_days=company.period.start.weekday())
        self.marks = [f"{as_of:%Y-%m-%d %H:%M:%S}", f"{days.start}", f"{days.end}"]
        with warehouse.writing():
            found = known(company.settings, as_of, lambda landed: landed.source in telemetry)
            warehouse.load(found.files, found.reference, found.knowledge)
            dbt.build(
                artefacts=self.home / "dbt",
                environment=warehouse.environment,
                as_of=as_of,
                variables=pipeline.variables(company.settings),
                watched=days,
            )
        self.models = self._compiled()
        self.connection = duckdb.connect(warehouse.environment["RECONCILE_STORE"])

    def _compiled(self) -> dict[str, str]:
        """SQL of each model that follows from the hour, in the order in which they are built."""
        nodes = json.loads((self.home / "dbt" / "manifest.json").read_text())["nodes"]
        texts = {
            name: node["compiled_code"] for name, node in nodes.items() if "/watch/int_" in node["original_file_path"]
        }
        wanted = {name for name, sql in texts.items() if any(mark in sql for mark in self.marks)}
        order: list[str] = []

        def place(name: str) -> None:
            for read in nodes[name]["depends_on"]["nodes"]:
                if read in texts:
                    place(read)
            if name not in order and (name in wanted or wanted & set(nodes[name]["depends_on"]["nodes"])):
                wanted.add(name)
                order.append(name)

        for name in sorted(texts):
            place(name)
        return {nodes[name]["name"]: texts[name] for name in order}

    def alerts(self, as_of: datetime) -> list[Raised]:
        """What the run of an hour publishes, whose end ``as_of`` is a little after."""
        days = history(Period.of_day((as_of - timedelta(hours=1)).date()))
        told = (f"{as_of:%Y-%m-%d %H:%M:%S}", f"{days.start}", f"{days.end}")
        for name, sql in self.models.items():
            for mark, value in zip(self.marks, told, strict=True):
                sql = sql.replace(mark, value)
            self.connection.execute(f"create or replace table store.intermediate.{name} as {sql}")
        rows = self.connection.execute(f"select {_COLUMNS} from store.intermediate.int_alerts__estimated").fetchall()
        return [Raised("watch", *row) for row in rows]

    def all_alerts(self) -> list[Raised]:
        """Every alert that any hour's run opened, by its first telling: runs at the end of each week judge the two before it."""
        found: dict[str, Raised] = {}
        end = datetime.combine(self.company.period.end, datetime.min.time())
        start = self.company.period.start
        week = datetime.combine(start + timedelta(days=7 - start.weekday()), datetime.min.time())
        while week < end + timedelta(days=7):
            for alert in self.alerts(min(week, end)):
                # What lasts over two weeks begins again on a Monday: it is the same.
                same = (
                    alert_id
                    for alert_id, one in found.items()
                    if alert_id == alert.alert_id
                    or (
                        (one.kind, one.scope_value)
                        == (alert.kind, alert.scope_value)
                        != ("budget_state", alert.scope_value)
                        and one.opened_at <= alert.opened_at <= one.last_seen_at + _STILL_SEEN
                    )
                )
                alert_id = next(same, alert.alert_id)
                first = found.get(alert_id, alert)
                found[alert_id] = replace(first, last_seen_at=max(first.last_seen_at, alert.last_seen_at))
            week += timedelta(days=7)
        return sorted(found.values(), key=lambda alert: alert.opened_at)


_COLUMNS = """alert_id, kind, scope_value, opened_at, last_seen_at, state, driver_feature_id, driver_tenant_id, driver_prompt_version,
    owner, message"""


def raised_by(incident: dict[str, Any], alerts: Sequence[Raised]) -> Raised | None:
    """The alert that an incident had to raise: of its kind, about it, opened while it lasted."""
    begins, ends = parse_instant(incident["from"]), parse_instant(incident["to"])
    found = (
        one
        for one in alerts
        if one.kind == incident["alert"] and begins <= one.opened_at < ends and _names(incident, one)
    )
    return min(found, key=lambda one: one.opened_at, default=None)


def explains(incident: dict[str, Any], alert: Raised) -> bool:
    """Whether an alert is of an incident, of whatever kind: it is about the same and opened while the incident was in what is measured."""
    begins, ends = parse_instant(incident["from"]), parse_instant(incident["to"]) + _STILL_SEEN
    return begins <= alert.opened_at < ends and _names(incident, alert)


def _names(incident: dict[str, Any], alert: Raised) -> bool:
    told = {alert.scope_value, alert.feature_id, alert.tenant_id, *alert.scope_value.split()}
    # A key is of a source, whose share its calls move, too.
    if incident["api_key_id"]:
        return bool(told & {incident["api_key_id"], incident["source"]})
    names = [incident[name] for name in ("feature_id", "tenant_id", "source") if incident[name]]
    return all(name in told for name in names)


def _reconcile(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconcilers.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stdout + done.stderr
