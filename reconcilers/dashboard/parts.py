"""What pages are made of: amounts as text, tables, tiles, and beside each its SQL.

Amounts are published decimals, written as text here; no number of money reaches the browser but as the width of a bar.
Names come from outside and go to the browser as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from dash import dcc, html

from reconcilers.dashboard.questions import ROWS, Question
from reconcilers.reports.files import visible
from reconcilers.reports.waterfall_page import brief, exact
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Figures, Table

#: A row by the names of its columns.
Row = Mapping[str, Any]
#: Where a cell of a row leads; null for nowhere.
Link = Callable[[Row], str | None]
#: Columns that say what stands elsewhere: the currency in the caption, a name in the cell of its id.
_ELSEWHERE = frozenset({"currency", "name"})
_WORDS = frozenset(
    {"reason", "message", "explanation", "action", "note", "break_key", "checklist", "meaning", "rule", "worked"}
)
#: Columns of shares, and of amounts a cent is too coarse for, whose names do not say so.
_RATIOS = frozenset({"trend", "margin_rate"})
_FINE = frozenset(
    {"measured", "expected", "threshold", "difference", "difference_low", "difference_high", "mix_adjusted_difference"}
)
_FINE |= {"above_cheapest", "p50_cost", "p95_cost", "p99_cost"}
#: Columns that say one word of a list.
_SAYING = frozenset({"status", "verdict", "state", "severity", "outcome", "finding"})
_LISTED = frozenset({"rule", "lever", "waste_class", "kind", "step", "meter", "section"})
#: Ids nobody reads to the end.
_LONG_IDS = frozenset({"call_id", "run_id"})


def shown(name: str, value: object, every_digit: bool = False) -> str:
    """A value as text: amounts rounded for reading, or with every stored digit. What rounds to nothing is not shown as nothing."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}" if name == "hour" else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "hour" and isinstance(value, int):
        return f"{value:02d}:00"
    if isinstance(value, Decimal) and name.endswith("quantity"):
        whole, _, fraction = exact(name, value).partition(".")
        return f"{whole}.{fraction.rstrip('0')}".rstrip(".")
    if isinstance(value, int):
        return f"{value:,}"
    if name == "month" and isinstance(value, date):
        return f"{value:%B %Y}"
    if not isinstance(value, Decimal) or every_digit:
        return exact(name, value)
    text = brief(f"share_{name}" if name in _RATIOS else f"cost_per_{name}" if name in _FINE else name, value)
    if value and not any(digit in text for digit in "123456789"):
        smallest = f"{text.strip('-%')[:-1]}1{'%' if text.endswith('%') else ''}"
        return f"> -{smallest}" if value < 0 else f"< {smallest}"
    return text


def spoken(name: str) -> str:
    """A column's name as people say it."""
    return name.removesuffix("_id").replace("_", " ")


def rows_of(figures: Figures) -> list[Row]:
    return [dict(zip(figures.names, row, strict=True)) for row in figures.rows]


def currency_of(rows: Sequence[Row]) -> str:
    """The one currency of these rows; nothing where they tell several or none."""
    told = {row.get("currency") for row in rows} - {None}
    return str(told.pop()) if len(told) == 1 else ""


def unknown() -> html.Span:
    """What stands for a value nobody knows."""
    return html.Span(
        [html.Span("–", **{"aria-hidden": "true"}), html.Span("not known", className="unseen")], className="unknown"
    )


def panel(
    title: str,
    question: Question,
    found: Figures | None,
    *,
    links: Mapping[str, Link] | None = None,
    every_digit: bool = False,
    chart: Any = None,
    note: str = "",
    nothing: str = "Nothing here.",
    more: str | None = None,
    bar: str | None = None,
    only: Sequence[str] = (),
    lacks: Sequence[str] = (),
) -> html.Section:
    """A table of what a question found, under its title, with what it means and its SQL; or what is missing for it.

    ``links`` say for a column where its cells lead, ``bar`` is the column whose amounts have a bar, ``more`` leads to the rows after;
    ``only`` names the columns that are shown, in their order, where not all are; ``lacks`` are the tables a publication has not, where nothing could be found.
    """
    parts: list[Any] = [html.H2(title)]
    if found is None:
        parts.append(missing(lacks))
    elif not found.rows:
        parts.append(html.P(nothing, className="nothing"))
    else:
        rows = rows_of(found)
        parts += [html.P(note, className="note")] if note else []
        parts += [chart] if chart is not None else []
        parts.append(
            table(title, only or found.names, rows[:ROWS] if more is not None else rows, links or {}, every_digit, bar)
        )
        if more is not None and len(rows) > ROWS:
            parts.append(html.P(dcc.Link("More rows", href=more), className="more"))
    parts.append(reckoned(question))
    return html.Section(parts, className="panel")


def missing(lacks: Sequence[str]) -> html.P:
    """That a publication is of a release which had not this yet: no figure at all, rather than a zero."""
    tables = [part for name in lacks for part in (html.Code(name), ", ")][:-1]
    of = ["no table ", *tables] if lacks else ["not all columns this needs"]
    return html.P(
        ["Not known: this publication has ", *of, ". A release that builds it publishes it with its next run."],
        className="missing",
    )


def table(
    caption: str,
    names: Sequence[str],
    rows: Sequence[Row],
    links: Mapping[str, Link],
    every_digit: bool,
    bar: str | None = None,
) -> html.Div:
    """Rows under their names, numbers to the right; on a narrow screen each row is a block, each value beside its name."""
    currency = currency_of(rows)
    kept = [name for name in names if name not in _ELSEWHERE or (name == "currency" and not currency)]
    # What a row is about stands to the left, a number or not.
    numbers = {
        name
        for name in kept[1:]
        if any(isinstance(row[name], (Decimal, int)) and not isinstance(row[name], bool) for row in rows)
    }
    known = {name for name in kept if any(row[name] not in (None, "") for row in rows)}
    kept = [name for name in kept if name in known] or list(kept)
    longest = max((abs(row[bar]) for row in rows if row[bar] is not None), default=Decimal(0)) if bar else Decimal(0)
    body = []
    for row in rows:
        cells = []
        for place, name in enumerate(kept):
            href = links[name](row) if name in links else None
            content = cell(name, row, href, every_digit)
            if name == bar and row[name] is not None and longest:
                content = [
                    content,
                    html.I(className="bar", style={"width": f"{float(abs(row[name]) / longest * 100):.1f}%"}),
                ]
            told = {"data-of": spoken(name), "className": _class(name, row[name], name in numbers)}
            if name in _LONG_IDS:
                told["title"] = str(row[name] or "")
            cells.append(html.Th(content, scope="row", **told) if place == 0 else html.Td(content, **told))
        body.append(html.Tr(cells, className="provisional" if row.get("status") == "provisional" else ""))
    head = html.Tr([html.Th(spoken(name), scope="col", className="n" if name in numbers else "") for name in kept])
    said = f"{caption}, in {currency}" if currency else caption
    return html.Div(
        html.Table([html.Caption(said, className="unseen"), html.Thead(head), html.Tbody(body)], className="rows"),
        className="scrolls",
        # A table wider than the screen is scrolled by the keyboard, too.
        **{"tabIndex": "0", "role": "region", "aria-label": said},
    )


def cell(name: str, row: Row, href: str | None = None, every_digit: bool = False) -> Any:
    """A value of a row as it is shown: a figure, a word of a list, a name over its id, a link where it leads somewhere."""
    value = row[name]
    if value is None or value == "":
        return unknown() if value is None else ""
    text = shown(name, value, every_digit)
    if name in _LISTED:
        return text.replace("_", " ")
    if name in _SAYING:
        return html.Span(text.replace("_", " "), className=f"said {_known_word(text)}")
    called = row.get("name") if name in ("feature_id", "tenant_id") and row.get("name") != value else None
    label: list[Any] = [visible(str(called)), html.Small(text)] if called else [text]
    if isinstance(value, Decimal) and not every_digit:
        # The whole amount for who points at it; the address with every digit shows it to everybody.
        return (
            html.Span(text, title=exact(name, value))
            if href is None
            else dcc.Link(text, href=href, title=exact(name, value))
        )
    return dcc.Link(label, href=href) if href else html.Span(label) if called else text


_SAID = {
    "bad": ("failure", "sunset", "limit", "exceeded", "critical", "high", "dearer"),
    "so-so": (
        "provisional",
        "partial",
        "optimise",
        "reprice",
        "investigate",
        "warning",
        "spend_alert",
        "pending",
        "abandoned",
        "medium",
    ),
    "good": ("success", "scale", "ok", "final", "cheaper"),
}


def _known_word(text: str) -> str:
    return next((kind for kind, words in _SAID.items() if text in words), "")


def _class(name: str, value: object, number: bool) -> str:
    if isinstance(value, (date, datetime)):
        return "when"
    if number:
        return "n loss" if _is_loss(name, value) else "n"
    if name in _LONG_IDS:
        return "id"
    return f"words {name}" if name in _WORDS else ""


def tile(
    label: str, question: Question, value: str, under: Sequence[Any], provisional: bool, whole: str = "", kind: str = ""
) -> html.Div:
    """One figure of the first page, what stands under it, and its SQL. ``whole`` is the same with every stored digit."""
    badge = html.Span("provisional", className="said so-so") if provisional else None
    return html.Div(
        [
            html.H2(label),
            html.P(value, className=f"figure {kind}", title=whole or value, **{"data-figure": whole or value}),
            *(html.P(line, className="under") for line in under if line),
            html.Div([reckoned(question), badge], className="foot"),
        ],
        className=f"tile {'provisional' if provisional else ''}",
    )


def reckoned(question: Question) -> html.Details:
    """The SQL of what stands above, as a person types it, and what its columns mean."""
    said = meanings(question)
    return html.Details(
        [
            html.Summary("SQL"),
            html.Pre(html.Code(question.typed), className="sql", tabIndex="0"),
            html.Dl([part for name, meaning in said for part in (html.Dt(name), html.Dd(meaning))]) if said else None,
        ],
        className="reckoned",
    )


@cache
def described() -> dict[str, Table]:
    """What the project says of each table, read once for a process."""
    return dbt.described()


def meanings(question: Question) -> list[tuple[str, str]]:
    """Table and meaning, of those a question reads."""
    return [(name, described()[name].meaning) for name in question.tables if name in described()]


def facts(title: str, question: Question, row: Row, links: Mapping[str, Link]) -> html.Section:
    """One row as a list of names and values, those nobody knows left out at the end as a sentence."""
    known = [name for name, value in row.items() if value is not None and value != ""]
    unknowns = [spoken(name) for name, value in row.items() if value is None]
    items = []
    for name in known:
        href = links[name](row) if name in links else None
        loss = "loss" if _is_loss(name, row[name]) else ""
        items.append(html.Div([html.Dt(spoken(name)), html.Dd(cell(name, row, href, True), className=loss)]))
    return html.Section(
        [
            html.H2(title),
            html.Dl(items, className="facts"),
            html.P(f"Not known: {', '.join(unknowns)}.", className="note") if unknowns else None,
            reckoned(question),
        ],
        className="panel",
    )


def _is_loss(name: str, value: object) -> bool:
    """Whether it is money lost; other figures below zero are no news of that kind."""
    return isinstance(value, Decimal) and value < 0 and "margin" in name
