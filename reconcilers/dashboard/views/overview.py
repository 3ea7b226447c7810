"""The first page: what a month cost and earned, and what that stands on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from dash import dcc, html

from reconcilers.dashboard import charts, questions
from reconcilers.dashboard.parts import Row, currency_of, reckoned, rows_of, shown, tile
from reconcilers.dashboard.questions import SLICES, Question
from reconcilers.dashboard.views.hours import watching
from reconcilers.dashboard.views.reader import Page, Reader, links
from reconcilers.dashboard.views.todo import verdicts
from reconcilers.reports.completeness import to_look_at, told
from reconcilers.reports.files import visible

#: Alerts of the first page; all of them have a page.
ALERTS = 3


def overview(reader: Reader) -> Page:
    """What a month cost, what a success of it cost, what was earned, what was wasted, and what all of that stands on."""
    month = reader.month
    asked = {name: ask(month) for name, ask in _HEADLINES.items()}
    found = {name: reader.row(question) for name, question in asked.items()}
    incomplete = told(reader.published.facts, month)
    content = [
        _sentence(found),
        _tiles(reader, asked, found, bool(incomplete)),
        html.Div([_waterfall(reader, found["billed"]), _beside(reader, incomplete)], className="two"),
        verdicts(reader, more=reader.to("/decisions")),
        reader.panel(
            "Features",
            SLICES["feature"].question(month),
            links=links(reader, "feature"),
            more=reader.to("/by/feature"),
            nothing="No feature had an event or earned anything.",
        ),
        reader.panel(
            "Tenants that cost more than they pay",
            questions.losing(month),
            links=links(reader, "tenant"),
            nothing="None: every tenant pays more than it costs.",
        ),
        reader.panel("Waste, by class", questions.waste(month), nothing="No waste.", bar="waste_cost"),
    ]
    return Page(f"{month:%B %Y}", content)


_HEADLINES: dict[str, Callable[[date], Question]] = {
    "billed": questions.billed,
    "unit": questions.unit_costs,
    "margin": questions.margin,
}


def _earned(found: dict[str, Row]) -> Decimal | None:
    """Revenue of a month; null where none is known, which is no revenue of 0."""
    return found["margin"].get("revenue") or None


def _sentence(found: dict[str, Row]) -> html.P:
    billed, unit, margin = found["billed"], found["unit"], found["margin"]
    currency = currency_of([billed]) or currency_of([unit])
    parts: list[Any] = []
    if billed.get("billed") is not None:
        parts += ["Providers billed ", html.B(f"{shown('billed', billed['billed'])} {currency}"), ". "]
    if (cost := unit.get("cost_per_success")) is not None:
        parts += ["One successful outcome cost ", html.B(f"{shown('cost_per_success', cost)} {currency}"), ". "]
    elif unit:
        parts.append("No outcome is known to have succeeded, so there is no cost per success. ")
    if (revenue := _earned(found)) is not None and margin["loaded_margin"] is not None:
        kept = margin["loaded_margin"]
        verb = "leaves" if kept >= 0 else "falls short by"
        parts += [
            f"Revenue of {shown('revenue', revenue)} {verb} ",
            html.B(f"{shown('margin', abs(kept))} {currency}"),
            " after all cost. ",
        ]
    else:
        parts.append("No revenue is known. ")
    return html.P(parts, className="sentence")


def _tiles(reader: Reader, asked: dict[str, Question], found: dict[str, Row], incomplete: bool) -> html.Div:
    billed, unit, margin = (found[name] for name in ("billed", "unit", "margin"))
    currency = currency_of([billed]) or currency_of([unit])
    provisional = incomplete or margin.get("status") == "provisional"

    def figure(label: str, of: str, column: str, under: Sequence[Any], kind: str = "") -> html.Div:
        value = found[of].get(column)
        if column in ("revenue", "loaded_margin") and _earned(found) is None:
            value = None
        text = shown(column, value, reader.every_digit) if value is not None else "not known"
        unit_ = f" {currency}" if isinstance(value, Decimal) and "share" not in column else ""
        lost = isinstance(value, Decimal) and value < 0
        kind = f"{kind} {'loss' if lost else ''} {'nothing' if value is None else ''}"
        return tile(
            label,
            asked[of],
            text + unit_,
            under,
            provisional and value is not None,
            "" if value is None else f"{value}",
            kind,
        )

    def text(row: Row, column: str, words: str) -> str:
        return words.format(shown(column, row[column])) if row.get(column) is not None else ""

    difference = billed.get("difference")
    missing = "revenue of some rows is not known" if margin.get("rows_without_revenue") else ""
    return html.Div(
        [
            figure(
                "Spend",
                "billed",
                "billed",
                [
                    "" if difference is None else _closes(difference),
                    text(margin, "accrued_cost", "{} accrued beside it") if margin.get("accrued_cost") else "",
                ],
            ),
            figure(
                "Cost per success",
                "unit",
                "cost_per_success",
                [
                    text(unit, "successes", "{} successes of ") + text(unit, "events", "{} events")
                    if unit
                    else "no event in this month",
                    text(unit, "fully_loaded_cost_per_success", "{} with shared cost"),
                ],
            ),
            figure(
                "Margin",
                "margin",
                "loaded_margin",
                [
                    text(margin, "revenue", "of revenue {}")
                    if _earned(found)
                    else "no revenue is known for this month",
                    missing,
                ],
            ),
            figure("Waste", "unit", "waste_cost", [text(unit, "waste_share", "{} of what events cost")], "waste"),
            figure(
                "Coverage",
                "unit",
                "share_attributed",
                ["of production cost is on events", text(unit, "share_reconciled", "{} on calls")],
            ),
        ],
        className="tiles",
    )


def _closes(difference: Decimal) -> str:
    return f"{difference:f} has no place" if difference else "closes to zero: every billed cent has a place"


def _waterfall(reader: Reader, billed: Row) -> html.Section:
    question = questions.waterfall(reader.month)
    found = reader.ask(question)
    chart = None
    if found and found.rows:
        steps = [(str(row["step"]), row["cost"], shown("cost", row["cost"])) for row in rows_of(found)]
        chart = charts.waterfall(steps)
    left = billed.get("difference")
    note = "" if left is None else f"After the last step {left:f} {billed['currency']} is left."
    section = reader.panel(
        "Where every billed cent went", question, found=found, every_digit=True, chart=chart, note=note
    )
    return _folded(section, "The same as a table, with what each step is and who acts") if chart else section


def _folded(section: html.Section, words: str) -> html.Section:
    """The same panel with its table closed until asked for, where a chart stands above it."""
    title, *charts_, rows, sql = section.children
    return html.Section(
        [title, *charts_, html.Details([html.Summary(words), rows], className="same"), sql], className="panel"
    )


def _beside(reader: Reader, incomplete: Sequence[str]) -> html.Aside:
    """What a difference of zero is worth: what of the month is missing, and what is open."""
    lines = [*incomplete, *to_look_at(reader.published.facts, reader.month)]
    said = "The month is not complete" if incomplete else "The month is complete"
    box = html.Section(
        [
            html.H2(said),
            html.Ul([html.Li(line) for line in lines])
            if lines
            else html.P("Every source answered for every day, and nothing is open."),
            html.P("Figures of this month are provisional.", className="note") if incomplete else None,
            html.P(dcc.Link("All open breaks", href=reader.to("/breaks"))),
        ],
        className=f"panel completeness {'open' if lines else ''}",
    )
    question = questions.alerts()
    found = reader.ask(question)
    alerts: list[Any] = [html.H2("Open alerts")]
    if found is None:
        alerts.append(
            html.P("Not known: this publication has no alerts yet. The next run publishes them.", className="missing")
        )
    elif not found.rows:
        alerts.append(html.P("None."))
    else:
        alerts.append(
            html.Ul(
                [html.Li([html.B(f"{row['severity']}: "), visible(row["message"])]) for row in rows_of(found)[:ALERTS]]
            )
        )
        alerts.append(html.P(dcc.Link(f"All {len(found.rows)}", href=reader.to("/alerts"))))
    with watching(reader) as watch:
        hourly = questions.alerts(reader.settings).asked(watch) if watch else None
        if hourly and hourly.rows:
            alerts.append(html.P(dcc.Link(f"{len(hourly.rows)} more by the hourly watch", href=reader.to("/alerts"))))
    return html.Aside(
        [box, html.Section([*alerts, reckoned(question)], className="panel")], **{"aria-label": "What this stands on"}
    )
