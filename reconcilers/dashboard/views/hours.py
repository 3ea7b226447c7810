"""The last hours, from the tables of the hourly watch: what happened since the last bill, and in one of them who it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from dash import html

from reconcilers.dashboard import charts, questions
from reconcilers.dashboard.parts import Row, panel, rows_of, shown
from reconcilers.dashboard.views.reader import Reader, links
from reconcilers.warehouses.base import Published
from reconcilers.watch import watched

TITLE = "The last hours, estimated"


@contextmanager
def watching(reader: Reader) -> Iterator[Published | None]:
    """What the hourly watch published, which is no part of the publication; null where none has run."""
    watch = watched(reader.settings).current()
    if watch is None:
        yield None
        return
    with watch.held() as held:
        yield held


def last_hours(reader: Reader) -> list[Any]:
    """The hours, and of the one that the address names who it was."""
    with watching(reader) as watch:
        if watch is None:
            said = ["No hourly watch has run: ", html.Code("reconcile watch --date DAY"), "."]
            return [html.Section([html.H2(TITLE), html.P(said, className="missing")], className="panel")]
        question = questions.last_hours(reader.settings)
        found = question.asked(watch)
        rows = rows_of(found) if found else []
        hours = panel(
            TITLE,
            question,
            found,
            links={"hour": lambda row: reader.place.but(at=f"{row['hour']:%Y-%m-%dT%H:00}")},
            every_digit=reader.every_digit,
            chart=charts.costs([_bar(row) for row in reversed(rows)], "Estimated cost by hour")
            if len(rows) > 1
            else None,
            note=f"Telemetry at list price, before any bill, as known at {watch.facts['as_of'].replace('T', ' ')} UTC. "
            f"Asked of the watch's own tables: {watch.place}.",
            nothing="The watch has seen no call.",
        )
        at = _hour(reader.place["at"])
        return [hours] if at is None else [_in_hour(reader, watch, at), hours]


def _in_hour(reader: Reader, watch: Published, at: datetime) -> html.Section:
    question = questions.in_hour(reader.settings, at)
    return panel(
        f"Who it was from {at:%Y-%m-%d %H:%M} UTC, for an hour",
        question,
        question.asked(watch),
        links=links(reader, "feature"),
        every_digit=reader.every_digit,
        note="Telemetry at list price, before any bill.",
        nothing="The watch has seen no call in this hour.",
        bar="estimated_cost",
    )


def _bar(row: Row) -> tuple[str, Decimal, None, str]:
    cost = row["estimated_cost"]
    told = "not known" if cost is None else shown("estimated_cost", cost)
    return f"{row['hour']:%d %b %H:%M}", cost or Decimal(0), None, f"{told}, {shown('calls', row['calls'])} calls"


def _hour(told: str) -> datetime | None:
    """The hour an address names; null where it names none."""
    try:
        return datetime.strptime(told, "%Y-%m-%dT%H:00")
    except ValueError:
        return None
