"""What is missing of each month and what is open in it, in words (rule R34). ``difference 0`` is never shown without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from reconcilers.warehouses.base import Figures


def incomplete(completeness: Figures) -> dict[str, list[str]]:
    """Month (``2026-09``) → what is missing of it, a line for all sources that miss the same; a month that is complete is not here."""
    months: dict[str, dict[str, list[str]]] = {}
    for row in sorted(_dicts(completeness), key=lambda row: (row["month"], row["source"])):
        if not row["month_complete"]:
            lacking = months.setdefault(f"{row['month']:%Y-%m}", {})
            if missing := ", ".join(_missing(row)):
                lacking.setdefault(missing, []).append(row["source"])
    return {
        month: [f"{', '.join(sources)}: {missing}" for missing, sources in lacking.items()] or ["the month is not over"]
        for month, lacking in months.items()
    }


def told(facts: Mapping[str, Any], month: date) -> list[str]:
    """The same of one month, from what a publication says of its run; an older release did not look."""
    if "incomplete" not in facts:
        return ["not looked at; run again"]
    found: list[str] = facts["incomplete"].get(f"{month:%Y-%m}", [])
    return found


#: Bills of one day come up to three days apart; what lies further back is no lag.
STALE_AFTER = timedelta(days=3)
#: Breaks a reader of ``difference 0`` must know of.
OPEN = "state = 'open' and (material or kind = 'no_rate')"


def still_open(breaks: Figures, completeness: Figures) -> dict[str, list[str]]:
    """Month (``2026-09``; empty for breaks of no day) → its open material breaks, and its revenue without a rate, which is in no sum.

    ``breaks`` are rows of ``fct_breaks`` that ``OPEN`` takes. Amounts are sums of what is known, whatever its sign, per currency.
    """
    rooms = {row["source"]: row["room"] for row in _dicts(completeness)}
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in _dicts(breaks):
        month = f"{row['charge_day']:%Y-%m}" if row["charge_day"] else ""
        kinds = found.setdefault(month, {})
        if row["kind"] == "no_rate" and rooms.get(row["source"]) == "revenue":
            kinds.setdefault("revenue without a rate", []).append(row)
        elif row["material"]:
            kinds.setdefault(row["kind"], []).append(row)
    return {
        month: [f"{len(rows)} open: {kind}{_sum(rows)}" for kind, rows in sorted(kinds.items())]
        for month, kinds in sorted(found.items())
        if kinds
    }


def stale(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sources whose newest line is days older than that of another of their room, or that have none: silent looks like quiet.

    ``sources`` is what a publication says of them. Revenue comes when it comes, and is not compared.
    """
    found = []
    for room in ("billing", "telemetry"):
        last = {name: one["last_day"] for name, one in sources.items() if one["room"] == room}
        newest = max((day for day in last.values() if day), default=None)
        for name, day in sorted(last.items()):
            if day is None:
                found.append(f"{name}: no line was ever read")
            elif newest and date.fromisoformat(newest) - date.fromisoformat(day) > STALE_AFTER:
                found.append(f"{name}: nothing newer than {day}, others of {room} go on to {newest}")
    return found


def to_look_at(facts: Mapping[str, Any], month: date) -> list[str]:
    """What is open in a month and which sources are stale, from what a publication says of its run."""
    still = facts.get("open", {})
    return [
        *still.get(f"{month:%Y-%m}", ()),
        *still.get("", ()),
        *(f"stale: {line}" for line in facts.get("stale", ())),
    ]


def verdict(facts: Mapping[str, Any], month: date) -> str:
    """Whether a month is complete, what is missing and what is open, in one line."""
    missing, open_ = told(facts, month), to_look_at(facts, month)
    said = f"not complete: {'; '.join(missing)}" if missing else "complete"
    return f"{said}; {'; '.join(open_)}" if open_ else said


def _missing(row: Mapping[str, Any]) -> Iterator[str]:
    if row["days_missing"]:
        yield f"{row['days_missing']} of {row['days_expected']} days missing"
    if row["units_rejected"]:
        yield f"{row['units_rejected']} files or days refused"
    if row["records_rejected"]:
        yield f"{row['records_rejected']} records not read"
    if row["duplicate_lines"]:
        yield f"{row['duplicate_lines']} lines left out or counted twice{_worth(row['duplicate_amount'], row['currency'])}"
    if row["charges_without_rate"]:
        worth = _worth(row["amount_without_rate"], row["currency_without_rate"])
        yield f"{row['charges_without_rate']} charges without a rate{worth}"


def _worth(amount: Any, currency: str | None) -> str:
    if amount is None or currency is None:
        return ""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f" ({whole}.{fraction.rstrip('0').ljust(2, '0')} {currency})"


def _sum(rows: Iterable[Mapping[str, Any]]) -> str:
    sums: dict[str, Any] = {}
    for row in rows:
        if row["amount"] is not None:
            sums[row["currency"]] = sums.get(row["currency"], 0) + abs(row["amount"])
    return "".join(_worth(amount, currency) for currency, amount in sorted(sums.items()))


def _dicts(figures: Figures) -> list[dict[str, Any]]:
    return [dict(zip(figures.names, row, strict=True)) for row in figures.rows]
