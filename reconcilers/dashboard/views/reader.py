"""What every page is made with: one request and what is published at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dash import dcc, html

from reconcilers.dashboard import questions
from reconcilers.dashboard.parts import Link, Row, panel, rows_of
from reconcilers.dashboard.place import Place, address
from reconcilers.dashboard.questions import Question
from reconcilers.declared.settings import Settings
from reconcilers.warehouses.base import Figures, Published


@dataclass(frozen=True)
class Page:
    """What is shown of an address; ``title`` is the window's."""

    title: str
    content: list[Any]


@dataclass(frozen=True)
class Reader:
    """One request: what is published now, and what is asked of it."""

    settings: Settings
    published: Published
    place: Place
    months: Sequence[date]
    month: date

    def ask(self, question: Question) -> Figures | None:
        return question.asked(self.published)

    def row(self, question: Question) -> Row:
        """The only row of an answer; empty where there is none."""
        found = self.ask(question)
        return rows_of(found)[0] if found and found.rows else {}

    @property
    def every_digit(self) -> bool:
        return self.place["digits"] == "all"

    @property
    def said_month(self) -> str:
        return f"{self.month:%Y-%m}"

    def to(self, path: str, **said: str | None) -> str:
        """An address of the same month, with as many digits."""
        return address(path, month=self.said_month, digits=self.place["digits"], **said)

    def panel(self, title: str, question: Question, **beside: Any) -> html.Section:
        found = beside.pop("found", None) or self.ask(question)
        lacks = question.lacking(self.published) if found is None else ()
        return panel(title, question, found, **{"every_digit": self.every_digit, "lacks": lacks, **beside})


def choice(label: str, href: str, here: bool) -> html.Span:
    # A link of Dash takes no aria-current, so its place says it.
    if here:
        return html.Span([dcc.Link(label, href=href), html.Span("(this page)", className="unseen")], className="here")
    return html.Span(dcc.Link(label, href=href))


def links(reader: Reader, of: str) -> dict[str, Link]:
    """Where the cells of a row lead: what it is about to its own page or its events."""

    def to_one(page: str, name: str) -> Link:
        def link(row: Row) -> str | None:
            return reader.to(f"/{page}", id=row[name]) if row[name] else None

        return link

    def to_events(row: Row) -> str | None:
        return reader.to("/events", **{of: str(row[of])})

    pages = {
        "feature_id": to_one("feature", "feature_id"),
        "tenant_id": to_one("tenant", "tenant_id"),
        "top_tenant_id": to_one("tenant", "top_tenant_id"),
        "event_id": to_one("event", "event_id"),
    }
    return {**pages, of: to_events} if of in questions.NARROWED else pages
