"""What somebody must look at or decide: breaks, verdicts and levers, alerts, budgets and the weekly review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from reconcilers.alerts import steps
from reconcilers.dashboard import questions
from reconcilers.dashboard.parts import Row, cell, missing, reckoned, rows_of, shown
from reconcilers.dashboard.questions import Question
from reconcilers.dashboard.views.hours import watching
from reconcilers.dashboard.views.reader import Page, Reader, links
from reconcilers.reports.files import visible
from reconcilers.reports.verdicts import reason
from reconcilers.warehouses.base import Figures

#: What of a row is shown; the answer has more, which its SQL gives.
_OF_BREAKS = ("kind", "break_key", "charge_day", "amount", "material", "age_days", "owner", "action", "note")
_OF_VERDICTS = (
    "feature_id", "cost_per_success_low", "cost_per_success", "cost_per_success_high", "value_per_success", "contribution_margin",
    "margin_rate", "trend", "waste_share", "top_tenant_id", "top_tenant_share", "status",
)  # fmt: skip
_OF_VERSIONS = (
    "feature_id", "before_version", "prompt_version", "deployed_at", "finding", "events_before", "events_after", "cost_per_event_before",
    "cost_per_event_after", "difference", "difference_low", "difference_high", "margin_impact",
)  # fmt: skip
_OF_REVIEW = (
    "section", "action", "feature_id", "tenant_id", "prompt_version", "reason", "amount", "owner", "last_week_action", "worked",
)  # fmt: skip


def breaks(reader: Reader) -> Page:
    question = questions.breaks(reader.place.page)
    more = reader.place.but(page=str(reader.place.page + 2))
    title = "Differences somebody must look at"
    return Page("Open breaks", [reader.panel(title, question, more=more, only=_OF_BREAKS, nothing="None is open.")])


def decisions(reader: Reader) -> Page:
    month, lead = reader.month, links(reader, "feature")
    return Page(
        f"Decisions, {month:%B %Y}",
        [
            verdicts(reader),
            reader.panel(
                "The numbers behind them",
                questions.verdicts(month),
                links=lead,
                only=_OF_VERDICTS,
                nothing="No feature had an event.",
            ),
            reader.panel(
                "What could be saved",
                questions.savings(month),
                links=lead,
                bar="saving",
                note="Levers on the same calls overlap, so they are not summed.",
                nothing="No lever would have saved anything.",
            ),
            reader.panel(
                "Prompt versions, before and after",
                questions.prompt_versions(),
                links=lead,
                only=_OF_VERSIONS,
                note="The difference is of cost per event, with its 95 % interval.",
                nothing="No prompt version was told.",
            ),
        ],
    )


def verdicts(reader: Reader, feature: str = "", more: str = "") -> html.Section:
    """What to do about each feature, or about one, each with its number, in a line; ``more`` leads to all numbers."""
    question = questions.verdicts(reader.month)
    found = reader.ask(question)
    title = "What to do" if feature else "What to do, by feature"
    rows = [row for row in rows_of(found) if feature in ("", row["feature_id"])] if found else []
    if not rows:
        return reader.panel(
            title, question, found=found and Figures(found.names, []), nothing="No verdict in this month."
        )
    to = links(reader, "feature")["feature_id"]
    lines = [
        html.Li([dcc.Link(row["name"] or row["feature_id"], href=to(row)), cell("verdict", row), html.Span(_why(row))])
        for row in rows
    ]
    further = (
        html.P(dcc.Link("With all numbers, and what could be saved", href=more), className="more") if more else None
    )
    return html.Section(
        [html.H2(title), html.Ul(lines, className="verdicts"), further, reckoned(question)], className="panel"
    )


_KINDS = {"money": "cost", "unit": "cost_per_success", "share": "share_of_it"}


def _why(row: Row) -> str:
    said = reason(row, lambda kind, value: "not known" if value is None else shown(_KINDS[kind], value))
    said = f"{said[:1].upper()}{said[1:]}."
    if row["lever"]:
        saved = (
            f", worth {shown('saving', row['saving'])} {row['currency']} a month" if row["saving"] is not None else ""
        )
        said += f" Lever: {str(row['lever']).replace('_', ' ')}{saved}."
    return said


def alerts(reader: Reader) -> Page:
    month, lead = reader.month, links(reader, "feature")
    review = questions.review()
    reviewed = reader.ask(review)
    week = f" of {rows_of(reviewed)[0]['week']:%-d %B %Y}" if reviewed and reviewed.rows else ""
    billed = questions.alerts()
    return Page(
        "Alerts and budgets",
        [
            _open_alerts(
                "Open alerts, of the bill", reader, billed, reader.ask(billed), billed.lacking(reader.published)
            ),
            _by_the_hour(reader),
            reader.panel(
                f"Budgets of {month:%B %Y}",
                questions.budgets(month),
                links=lead,
                note="The forecast adds the median of each weekday to what is spent.",
                nothing="No budget is declared.",
            ),
            reader.panel(
                f"Weekly review, the week{week}" if week else "Weekly review",
                review,
                found=reviewed,
                links=lead,
                only=_OF_REVIEW,
                nothing="No week is over yet.",
            ),
        ],
    )


def _by_the_hour(reader: Reader) -> html.Section:
    title, question = "Open alerts, of telemetry by the hour", questions.alerts(reader.settings)
    with watching(reader) as watch:
        if watch is None:
            said = ["No hourly watch has run: ", html.Code("reconcile watch --date DAY"), "."]
            return html.Section([html.H2(title), html.P(said, className="missing")], className="panel")
        return _open_alerts(title, reader, question, question.asked(watch), ())


def _open_alerts(
    title: str, reader: Reader, question: Question, found: Figures | None, lacks: Sequence[str]
) -> html.Section:
    """Each with since when, about how much, whose it is and who drives it, and its checklist closed until asked for."""
    parts: list[Any] = [html.H2(title)]
    if found is None:
        parts.append(missing(lacks))
    elif not found.rows:
        parts.append(html.P("None.", className="nothing"))
    else:
        parts.append(html.Ul([_alert(reader, row) for row in rows_of(found)], className="alerts"))
    return html.Section([*parts, reckoned(question)], className="panel")


def _alert(reader: Reader, row: Row) -> html.Li:
    drivers: list[Any] = []
    for kind in ("feature", "tenant"):
        if name := row[f"driver_{kind}_id"]:
            drivers += [f" · {kind} ", dcc.Link(visible(name), href=reader.to(f"/{kind}", id=name))]
    if version := row["driver_prompt_version"]:
        drivers.append(f" · prompt version {visible(version)}")
    about = (
        f"about {shown('estimated_cost', row['estimated_cost'])} {row['currency']} · " if row["estimated_cost"] else ""
    )
    since = f"since {row['opened_at']:%Y-%m-%d %H:%M} UTC · {about}owner {row['owner']}"
    todo = html.Ol([html.Li(step.partition(". ")[2]) for step in steps(row["checklist"] or "")])
    return html.Li(
        [
            html.Div(
                [cell("severity", row), html.B(str(row["kind"]).replace("_", " ")), html.Span(visible(row["message"]))]
            ),
            html.P([since, *drivers], className="note"),
            html.Details([html.Summary("What to do"), todo], className="same"),
        ]
    )
