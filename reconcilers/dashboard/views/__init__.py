"""The page of an address. Each view asks the publication of its request and no other, and never for more rows than it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from dash import dcc, html

from reconcilers.dashboard import questions
from reconcilers.dashboard.place import Place
from reconcilers.dashboard.questions import SLICES
from reconcilers.dashboard.views.events import event, events, stored
from reconcilers.dashboard.views.frame import framed, unpublished
from reconcilers.dashboard.views.overview import overview
from reconcilers.dashboard.views.reader import Page, Reader
from reconcilers.dashboard.views.slices import one, slice_
from reconcilers.dashboard.views.todo import alerts, breaks, decisions
from reconcilers.declared.settings import Settings
from reconcilers.errors import ReconcileError
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import warehouse_of

VIEWS: dict[str, Callable[[Reader], Page]] = {
    "/": overview,
    **{f"/by/{name}": slice_(name) for name in SLICES},
    "/feature": one("feature"),
    "/tenant": one("tenant"),
    "/events": events,
    "/event": event,
    "/stored": stored,
    "/breaks": breaks,
    "/decisions": decisions,
    "/alerts": alerts,
}


def page_of(settings: Settings, place: Place) -> Page:
    """The page of an address, from what is published at this moment. What is wrong is a page, too, which says so."""
    try:
        published = warehouse_of(settings).current()
        if published is None:
            return framed(settings, None, "Nothing is published yet", unpublished())
        with published.held() as held:
            return _of(settings, held, place)
    except ReconcileError as error:
        return framed(settings, None, "This cannot be shown", [html.P(str(error), className="missing", role="alert")])


def _of(settings: Settings, published: Published, place: Place) -> Page:
    months: list[date] = [month for (month,) in published.ask(questions.months().sql).rows]
    if not months:
        return framed(settings, None, "No month is published", [html.P("No bill of any month is published.")])
    asked = place.month
    month = asked if asked and asked in months else months[-1]
    reader = Reader(settings, published, place, months, month)
    view = VIEWS.get(place.path)
    if view is None:
        return framed(settings, reader, "There is no such page", [html.P(dcc.Link("The first page", href="/"))])
    page = view(reader)
    content = page.content
    if place["month"] and asked not in months:
        note = f"The month asked for is not published; this is {month:%B %Y}."
        content = [html.P(note, className="missing", role="status"), *content]
    return framed(settings, reader, page.title, content)
