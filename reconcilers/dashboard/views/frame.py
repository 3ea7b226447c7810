"""What stands around every page: months, rooms, and which publication it is of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from dash import dcc, html

from reconcilers.dashboard.questions import SLICES
from reconcilers.dashboard.views.reader import Page, Reader, choice
from reconcilers.declared.settings import Settings
from reconcilers.reports.completeness import told
from reconcilers.reports.files import visible

#: Months that have a link of their own on every page; older ones are behind another.
MONTHS_AT_HAND = 12
#: Pages that say it themselves, or show nothing that a month sums to.
_NOT_OF_A_MONTH = frozenset({"/", "/event", "/stored", "/breaks", "/alerts"})


def framed(settings: Settings, reader: Reader | None, title: str, content: Sequence[Any]) -> Page:
    company, title = settings.company, visible(title)
    head: list[Any] = [html.P(dcc.Link(company or "Reconcile", href="/"), className="company")]
    foot: list[Any] = []
    note: list[Any] = []
    if reader:
        head += [_months(reader), _rooms(reader)]
        facts_ = reader.published.facts
        if reader.place.path not in _NOT_OF_A_MONTH and told(facts_, reader.month):
            note.append(_provisional(reader))
        foot.append(
            html.Footer(
                [
                    html.P(
                        f"Period {facts_['period']}, as known at {facts_['as_of'].replace('T', ' ')} UTC; {reader.published.name}."
                    ),
                    html.P(
                        dcc.Link("Rounded for reading", href=reader.place.but(digits=None))
                        if reader.every_digit
                        else dcc.Link("Every digit", href=reader.place.but(digits="all"))
                    ),
                ]
            )
        )
    body = html.Main([html.H1(title, id="title", tabIndex="-1"), *note, *content], id="content")
    return Page(f"{title} · {company or 'Reconcile'}", [html.Header(head), body, *foot])


def _provisional(reader: Reader) -> html.P:
    """That figures of the month may still move, on the pages that do not say why."""
    said = f" {reader.month:%B %Y} is not complete, so that its figures may still move: "
    why = dcc.Link("what is missing", href=reader.to("/"))
    return html.P([html.Span("provisional", className="said so-so"), said, why], className="note")


def _rooms(reader: Reader) -> html.Nav:
    rooms = [("Overview", "/"), *((one.heading, f"/by/{name}") for name, one in list(SLICES.items())[:6])]
    rooms += [("Events", "/events"), ("Decisions", "/decisions"), ("Alerts", "/alerts"), ("Breaks", "/breaks")]
    return html.Nav(
        [choice(label, reader.to(path), path == reader.place.path) for label, path in rooms],
        className="rooms",
        **{"aria-label": "Pages"},
    )


def _months(reader: Reader) -> html.Nav:
    newest = list(reversed(reader.months))

    def link(month: date) -> html.Span:
        href = reader.place.but(month=f"{month:%Y-%m}", page=None, below=None, after=None)
        return choice(f"{month:%b %Y}", href, month == reader.month)

    older = (
        [html.Details([html.Summary("earlier"), *map(link, newest[MONTHS_AT_HAND:])])]
        if len(newest) > MONTHS_AT_HAND
        else []
    )
    return html.Nav([*map(link, newest[:MONTHS_AT_HAND]), *older], className="months", **{"aria-label": "Month"})


def unpublished() -> list[Any]:
    command = "reconcile run --date DAY"
    return [
        html.P("There are no tables to show until a first run has built, audited and published them."),
        html.P(
            [
                "Run ",
                html.Code(command),
                " for a day whose bill is there, then load this page again. ",
                html.Code("reconcile check"),
            ]
        ),
        html.P("says all that is wrong before anything is asked."),
    ]
