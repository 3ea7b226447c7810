"""The pack as one page of HTML: it asks nobody for anything, so it can be mailed, kept and printed.

Every figure links to the query it is read from; behind every chart stands its table. Names come from outside: Jinja escapes
all text, and the script's data cannot end its element. A policy in the page forbids every request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.reports.pack.charts import chart_of
from reconcilers.reports.pack.figures import Card, Pack, Row, Table, is_provisional
from reconcilers.reports.pack.questions.definitions import DEFINITIONS
from reconcilers.reports.pack.questions.question import Column
from reconcilers.reports.pack.written import WIDE, exact, shown

#: Rows of a table on the page; of more its first half, those with least of its own measure, and the sum of the others.
ROWS = 24
#: Columns of whole sentences, which may break anywhere.
_LONG = frozenset({"reason", "explanation", "message", "action", "meaning", "note", "break_key"})
#: From here on a percentage says less than the two figures.
_TENFOLD = Decimal(10)
_MARKUP = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Cell:
    """A value as it stands in a table: its text, every digit of it, and how it looks."""

    head: str
    text: str
    exact: str
    classes: str


def page_of(pack: Pack) -> str:
    """The page's text."""
    from jinja2 import Environment
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    here = Path(__file__).parent
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(
        shown=shown, is_provisional=is_provisional, cells=cells, rows_on_page=rows_on_page, movement=movement
    )
    environment.filters["code"] = lambda text: Markup(_MARKUP.sub(r"<code>\1</code>", str(Markup.escape(text))))
    charts = {key: chart_of(table, pack.provisional) for key, table in pack.tables.items()}
    template = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        pack=pack,
        definitions=DEFINITIONS,
        charts={key: Markup(_in_script(chart)) for key, chart in charts.items() if chart},
        style=Markup((here / "page.css").read_text(encoding="utf-8")),
        script=Markup((here / "page.js").read_text(encoding="utf-8")),
        plotly=Markup(get_plotlyjs().replace("</script", "<\\/script")),
    )


def rows_on_page(table: Table) -> tuple[Sequence[Row], int]:
    """The rows of a table that the page shows, and how many it does not."""
    rows = table.rows
    if len(rows) <= ROWS or table.question.in_full:
        return rows, 0
    least = table.question.least
    if not least:
        return rows[:ROWS], len(rows) - ROWS
    known = sorted((row for row in rows if row[least] is not None), key=lambda row: row[least])
    chosen = [*known[: ROWS // 2], *known[ROWS // 2 :][-(ROWS // 2) :]]
    kept = [row for row in rows if any(row is one for one in chosen)]
    return kept, len(rows) - len(kept)


def cells(table: Table, row: Row, last: bool = False) -> list[Cell]:
    """A row's cells in the columns the page has; the last row has nothing where nothing is summed."""
    told = [column for column in table.columns if column.on_page]
    return [_cell(column, row.get(column.name), last and column.name not in row, row) for column in told]


def _cell(column: Column, value: Any, empty: bool, row: Row) -> Cell:
    classes = ["n"] if column.is_number else ["day"] if column.kind in ("day", "month") else []
    if isinstance(value, Decimal) and value < 0 and "margin" in column.name:
        classes.append("loss")
    if column.name in _LONG:
        classes.append("long sentence" if column.name in ("message", "reason", "break_key") else "long")
    if column.name in ("status", "status_by_sources", "verdict", "state", "finding", "severity") and value:
        classes.append(f"word {re.sub(r'[^a-z_]', '', str(value))}")
    text = "" if empty else shown(column.kind, value)
    if column.name in ("step", "kind", "class", "waste_class", "component", "lever", "state", "finding"):
        text = text.replace("_", " ")
    return Cell(column.head, text, exact(value) if column.is_number else "", " ".join(classes))


def movement(card: Card) -> str:
    """How a figure moved against the month before, in words and percent; empty where there is nothing to compare."""
    if card.value is None or card.before is None:
        return ""
    change = WIDE.subtract(card.value, card.before)
    if not change:
        return "as the month before"
    word = "up" if change > 0 else "down"
    if card.kind == "share":
        points = WIDE.quantize(WIDE.scaleb(abs(change), 2), Decimal("0.1"))
        return f"{word} {points:f} points from {shown('share', card.before)}"
    share = WIDE.divide(abs(change), card.before) if card.before > 0 else None
    by = f" {shown('share', share)}" if share is not None and share < _TENFOLD else ""
    return f"{word}{by} from {shown(card.kind, card.before)}"


def _in_script(value: object) -> str:
    """JSON that can end no element and begin no comment within a script."""
    return (
        json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )
