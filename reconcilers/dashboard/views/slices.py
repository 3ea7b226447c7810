"""A month cut one way, and one feature or tenant by itself."""

from __future__ import annotations

from collections.abc import Callable

from dash import dcc, html

from reconcilers.dashboard import charts, questions
from reconcilers.dashboard.parts import Link, Row, rows_of, shown
from reconcilers.dashboard.questions import ROWS, SLICES
from reconcilers.dashboard.views.hours import last_hours
from reconcilers.dashboard.views.reader import Page, Reader, choice, links
from reconcilers.dashboard.views.todo import verdicts

_OF_ROUTES = (
    "workflow", "model_route", "events", "successes", "failure_share", "event_cost", "cost_per_event", "cost_per_success", "above_cheapest",
)  # fmt: skip
#: Bars of a chart; the table below it has all rows of its page.
BARS = 12


def slice_(name: str) -> Callable[[Reader], Page]:
    of = SLICES[name]

    def view(reader: Reader) -> Page:
        question = of.question(reader.month, reader.place.page)
        found = reader.ask(question)
        rows = rows_of(found)[:ROWS] if found else []
        label = f"{name}_id" if name in ("feature", "tenant") else name if name != "tier" else "service_tier"
        dearest = [row for row in rows if row[of.cost] is not None]
        if name not in ("hour", "day"):
            dearest = sorted(dearest, key=lambda row: row[of.cost], reverse=True)[:BARS]
        chart = (
            charts.costs(
                [
                    (
                        _told(row, label),
                        row[of.cost],
                        row.get("waste_cost"),
                        shown("cost", row[of.cost])
                        + (f", {shown('waste_cost', row['waste_cost'])} waste" if row.get("waste_cost") else ""),
                    )
                    for row in dearest
                ],
                f"Cost of {of.heading.lower()}",
            )
            if len(dearest) > 1
            else None
        )
        content = [
            _ways(reader, name),
            reader.panel(
                f"{of.heading} of {reader.month:%B %Y}",
                question,
                found=found,
                links=links(reader, name),
                chart=chart,
                note=of.note,
                nothing=f"Nothing of {reader.month:%B %Y} is known by {of.heading.lower()}.",
                more=reader.place.but(page=str(reader.place.page + 2)),
                bar=of.cost if chart is None else None,
            ),
        ]
        if name == "hour":
            hours = last_hours(reader)
            # An hour that is asked for stands first.
            content = [content[0], *hours, *content[1:]] if reader.place["at"] else [*content, *hours]
        if name == "segment":
            content.append(
                reader.panel("Margin by segment", questions.segments(reader.month), nothing="No margin of this month.")
            )
        if name == "model_route":
            content.append(
                reader.panel(
                    "Routes of the same workflow",
                    questions.routes(reader.month),
                    only=_OF_ROUTES,
                    note="Per success and not per call; above cheapest is against the cheapest route with 30 successes.",
                    nothing="No workflow was told.",
                )
            )
        return Page(f"{of.heading}, {reader.month:%B %Y}", content)

    return view


def _told(row: Row, label: str) -> str:
    value = row.get("name") or row[label]
    if label == "hour":
        return f"{int(value):02d}:00"
    if label == "service_tier":
        batch = row.get("batch")
        return f"{value or 'no tier told'}{', batch' if batch in (True, 'true') else ''}"
    return "not known" if value is None else str(value)


def _ways(reader: Reader, name: str) -> html.Nav:
    links = [choice(one.heading, reader.to(f"/by/{other}"), other == name) for other, one in SLICES.items()]
    return html.Nav(links, className="ways", **{"aria-label": "By"})


def one(name: str) -> Callable[[Reader], Page]:
    other = "tenant" if name == "feature" else "feature"

    def view(reader: Reader) -> Page:
        value, month = reader.place["id"], reader.month
        across = questions.across(name, value, month, reader.place.page)
        content = [
            html.P(
                [
                    dcc.Link(f"Its events of {month:%B %Y}", href=reader.to("/events", **{name: value})),
                    " · ",
                    dcc.Link("Those that failed", href=reader.to("/events", **{name: value, "outcome": "failure"})),
                ],
                className="next",
            ),
            *([verdicts(reader, value)] if name == "feature" else []),
            reader.panel(
                "Month by month",
                questions.history(name, value),
                links=_to_months(reader),
                bar="event_cost",
                nothing="It had no event in any month.",
            ),
            reader.panel(
                f"Its {other}s in {month:%B %Y}",
                across,
                links=links(reader, other),
                bar="direct_cost",
                more=reader.place.but(page=str(reader.place.page + 2)),
                nothing=f"No {other} cost or earned anything with it.",
            ),
            reader.panel(
                f"Its waste in {month:%B %Y}, by class",
                questions.waste(month, name, value),
                bar="waste_cost",
                nothing="No waste.",
            ),
        ]
        return Page(f"{name.capitalize()} {value}", content)

    return view


def _to_months(reader: Reader) -> dict[str, Link]:
    return {"month": lambda row: reader.place.but(month=f"{row['month']:%Y-%m}", page=None)}
