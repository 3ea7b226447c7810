"""The pack as a workbook: a sheet for each table, what it means, and its SQL.

Numbers are numbers. A cell is a binary double, which holds nine decimals up to 8,388,607: where an amount of a column is larger, the
column beside it has every digit as text. Sums, margins and differences are formulas, each with its value from the exact figures
beside it, for programs that do not reckon. Text from outside is text: it becomes neither formula nor link nor number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.reports.pack.figures import Pack, Row, Table, is_provisional
from reconcilers.reports.pack.questions import SECTIONS
from reconcilers.reports.pack.questions.definitions import DEFINITIONS
from reconcilers.reports.pack.questions.month import MONTHS, SPEND
from reconcilers.reports.pack.questions.question import Column
from reconcilers.reports.pack.questions.spending import WASTE
from reconcilers.reports.pack.questions.tenants import TENANTS
from reconcilers.reports.pack.written import WIDE, exact

#: Up to here a double holds nine decimals.
HELD_EXACTLY = Decimal(8_388_607)
#: Characters a cell holds.
_CELL = 32_000
#: Rows above a table: its title, what it says, its header.
HEADER = 3
_PLAIN: Mapping[str, Any] = {}
_FORMATS = {
    "money": "#,##0.00;[Red]-#,##0.00", "unit": "#,##0.000000", "share": "0.0%", "count": "#,##0", "exact": "#,##0.000000000;[Red]-#,##0.000000000",
    "month": "mmm yyyy", "day": "yyyy-mm-dd",
}  # fmt: skip


def write_workbook(pack: Pack, target: Path) -> Path:
    """Write the workbook to ``target``. The same figures give the same bytes."""
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(str(target), options) as book:
        book.set_properties(
            {
                "title": f"Finance pack, {pack.month:%B %Y}",
                "company": pack.company,
                # The file's own time of writing would be another at each run.
                "created": datetime.fromisoformat(pack.as_of),
            }
        )
        book.set_calc_mode("auto")
        styles = _Styles(book)
        places = {}
        summary = book.add_worksheet("Summary")
        for table in pack.tables.values():
            places[table.question.key] = _table(book.add_worksheet(table.question.sheet), table, pack, styles)
        _summary(summary, pack, places, styles)
        _definitions(book.add_worksheet("Definitions"), styles)
        _sql(book.add_worksheet("SQL"), pack, styles)
    return target


class _Styles:
    """The formats of a workbook, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Any] = {}

    def __call__(self, kind: str = "text", look: Mapping[str, Any] = _PLAIN, **more: Any) -> Any:
        """The format of a kind of figure, with what of its look is told by ``look`` or by name."""
        wanted = {**look, **({"num_format": _FORMATS[kind]} if kind in _FORMATS else {}), **more}
        key = tuple(sorted(wanted.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(wanted)
        return self._made[key]


class _Place:
    """Where the columns and rows of a table stand on its sheet."""

    def __init__(self, table: Table) -> None:
        self.sheet = table.question.sheet
        self.columns: dict[str, int] = {}
        self.exact: dict[str, int] = {}
        place = 0
        for column in table.columns:
            self.columns[column.name] = place
            place += 1
            rows = [*table.rows, *([table.last] if table.last else [])]
            if column.is_number and any(_is_beyond(row.get(column.name)) for row in rows):
                self.exact[column.name] = place
                place += 1
        self.width = place
        self.first, self.end = HEADER, HEADER + len(table.rows)

    def cell(self, name: str, row: int, absolute: bool = False) -> str:
        from xlsxwriter.utility import xl_rowcol_to_cell

        told: str = xl_rowcol_to_cell(row, self.columns[name], row_abs=absolute, col_abs=absolute)
        return told

    def column(self, name: str) -> str:
        return f"{self.cell(name, self.first)}:{self.cell(name, self.end - 1)}"

    def elsewhere(self, name: str, row: int) -> str:
        return f"'{self.sheet}'!{self.cell(name, row, absolute=True)}"


def _is_beyond(value: Any) -> bool:
    return isinstance(value, (Decimal, int)) and not isinstance(value, bool) and abs(Decimal(value)) > HELD_EXACTLY


def _table(sheet: Any, table: Table, pack: Pack, styles: _Styles) -> _Place:
    place = _Place(table)
    stamp = "provisional" if pack.provisional else "preliminary"
    title = f"{table.question.title} · {pack.month:%B %Y} · {pack.currency} · {stamp}"
    sheet.write_string(0, 0, f"{title} · {pack.company}" if pack.company else title, styles(bold=True, font_size=13))
    says = f"{table.question.says.replace('`', '')} {table.note.replace('`', '')}".strip()
    soft = styles(font_color="#55626F", text_wrap=True, valign="top")
    if table.missing:
        sheet.write_string(1, 0, says, styles(font_color="#55626F"))
        sheet.write_string(HEADER, 0, f"{table.missing[0].upper()}{table.missing[1:]}.", styles(italic=True))
        sheet.set_column(0, 0, 24)
        return place
    head: dict[str, Any] = {"bold": True, "bottom": 2, "text_wrap": True, "valign": "bottom", "bg_color": "#EEF1F5"}
    for column in table.columns:
        sheet.write_string(HEADER - 1, place.columns[column.name], column.head, styles("text", head | _aligned(column)))
        if column.name in place.exact:
            sheet.write_string(HEADER - 1, place.exact[column.name], f"{column.head} (exact)", styles("text", head))
        sheet.set_column(place.columns[column.name], place.columns[column.name], _width(column, table))
    # What a table says takes its width, so that a sheet of paper has the width of the table, too. The call that merges guesses what text is.
    if place.width > 1:
        sheet.merge_range(1, 0, 1, place.width - 1, "", soft)
    sheet.write_string(1, 0, says, soft)
    wide = sum(_width(column, table) for column in table.columns) + 26 * len(place.exact)
    sheet.set_row(1, 16 * (1 + len(says) // wide))
    # Two lines of a head that wraps.
    sheet.set_row(HEADER - 1, 31)
    for name in place.exact:
        sheet.set_column(place.exact[name], place.exact[name], 26)
    for number, row in enumerate(table.rows, place.first):
        _row(sheet, table, place, number, row, styles, {"italic": True} if is_provisional(row) else {})
    if table.last:
        _last(sheet, table, place, styles)
    sheet.freeze_panes(HEADER, 1)
    sheet.autofilter(HEADER - 1, 0, place.end - 1, place.width - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEADER - 1)
    return place


def _row(
    sheet: Any, table: Table, place: _Place, number: int, row: Row, styles: _Styles, look: Mapping[str, Any]
) -> None:
    for column in table.columns:
        value, at = row[column.name], place.columns[column.name]
        if value is not None and _gives(column, row, value):
            formula = re.sub(r"\{(\w+)\}", lambda name: place.cell(name[1], number), column.formula)
            sheet.write_formula(number, at, f"={formula}", styles(column.kind, look), float(value))
        else:
            _value(sheet, number, at, column.kind, value, styles(column.kind, {**look, **_aligned(column)}))
        if column.name in place.exact and value is not None:
            sheet.write_string(number, place.exact[column.name], exact(value), styles("text", look))


def _gives(column: Column, row: Row, value: Decimal) -> bool:
    """Whether a column's formula gives the row's figure: it does not where revenue is known in part, and a margin is of that part."""
    names = re.findall(r"\{(\w+)\}", column.formula)
    parts = [row[name] for name in names]
    if not parts or any(part is None for part in parts):
        return False
    first, *others = map(Decimal, parts)
    if "/" in column.formula:
        return True
    for other in others:
        first = WIDE.subtract(first, other)
    return first == value


def _last(sheet: Any, table: Table, place: _Place, styles: _Styles) -> None:
    last: Row = table.last or {}
    look = {"bold": True, "top": 2, "italic": table.provisional}
    for column in table.columns:
        at, value = place.columns[column.name], last.get(column.name)
        style = styles(column.kind, look)
        if column.name not in last:
            sheet.write_blank(place.end, at, None, style)
        elif not column.is_number or value is None:
            _value(sheet, place.end, at, column.kind, value, style)
        else:
            sheet.write_formula(place.end, at, f"={_sum(table, column, place)}", style, float(value))
            if column.name in place.exact:
                sheet.write_string(place.end, place.exact[column.name], exact(value), styles("text", look))


def _sum(table: Table, column: Column, place: _Place) -> str:
    """The formula of a last row: what a filter leaves is summed, as accountants expect of a total below a filter."""
    if table.question.last == "difference":
        # Sums of doubles leave a billionth of a billionth.
        others = f"{place.cell(column.name, place.first + 1)}:{place.cell(column.name, place.end - 1)}"
        return f"ROUND({place.cell(column.name, place.first)}-SUM({others}),6)"
    if column.made:
        return re.sub(r"\{(\w+)\}", lambda name: place.cell(name[1], place.end), column.formula)
    return f"SUBTOTAL(9,{place.column(column.name)})"


def _value(sheet: Any, row: int, at: int, kind: str, value: Any, style: Any) -> None:
    if value is None:
        sheet.write_blank(row, at, None, style)
    elif isinstance(value, bool):
        sheet.write_string(row, at, "yes" if value else "no", style)
    elif isinstance(value, (Decimal, int)):
        sheet.write_number(row, at, float(value), style)
    elif isinstance(value, (date, datetime)):
        sheet.write_datetime(row, at, value, style)
    else:
        sheet.write_string(row, at, str(value)[:_CELL], style)


def _summary(sheet: Any, pack: Pack, places: Mapping[str, _Place], styles: _Styles) -> None:
    """The first page: its figures, what they are worth, and sums of other sheets that must agree."""
    head = {"bold": True, "bottom": 2, "bg_color": "#EEF1F5"}
    told = [
        f"{pack.company + ' · ' if pack.company else ''}{pack.month:%B %Y} · {pack.currency}",
        f"{'PROVISIONAL: ' + '; '.join(pack.reasons) if pack.provisional else 'Preliminary: the month is not closed'}",
        f"As known at {pack.as_of.replace('T', ' ')} UTC, {pack.version}",
    ]
    for number, text in enumerate(told):
        sheet.write_string(
            number, 0, text, styles(bold=number < 2, font_size=14 if not number else 11, italic=number == 1)
        )
    names = ["figure", "this month", "month before", "change", "what it is"]
    for at, name in enumerate(names):
        sheet.write_string(4, at, name, styles("text", head, **({"align": "right"} if 0 < at < 4 else {})))
    number, months = 5, places[MONTHS.key]
    look = {"italic": True} if pack.provisional else {}
    for card in pack.cards:
        sheet.write_string(number, 0, card.title, styles(bold=True))
        # The month's row is the first of its sheet, and the month before's, where there is one, the next.
        for at, value in ((1, card.value), (2, card.before)):
            if value is None:
                sheet.write_string(number, at, "not known", styles(italic=True, align="right"))
            else:
                there = months.elsewhere(card.name, months.first + at - 1)
                sheet.write_formula(number, at, f"={there}", styles(card.kind, look), float(value))
        if card.value is not None and card.before is not None:
            change = float(card.value - card.before)
            sheet.write_formula(number, 3, f"=B{number + 1}-C{number + 1}", styles(card.kind, look), change)
        sheet.write_string(number, 4, card.says, styles(indent=1))
        number += 1
    number = _checks(sheet, pack, places, styles, number + 1)
    complete = "The month is not complete:" if pack.missing else "The month is complete."
    for text in (complete, *pack.missing, *pack.to_look_at):
        sheet.write_string(number, 0, text, styles(italic=bool(pack.missing)))
        number += 1
    for one in pack.restated:
        sheet.write_string(number, 0, f"made again: {one.days}, at {one.at}: {one.reason}"[:_CELL])
        number += 1
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 3, 17)
    sheet.set_column(4, 4, 60)
    sheet.freeze_panes(5, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _checks(sheet: Any, pack: Pack, places: Mapping[str, _Place], styles: _Styles, number: int) -> int:
    """Sums that must agree, as formulas over the sheets: each is 0."""
    sheet.write_string(number, 0, "sums that must agree", styles(bold=True, bottom=2, bg_color="#EEF1F5"))
    sheet.write_string(number, 1, "difference", styles(bold=True, bottom=2, bg_color="#EEF1F5"))
    number += 1
    for says, formula, value in _agreeing(pack, places):
        sheet.write_string(number, 0, says)
        sheet.write_formula(number, 1, f"=ROUND({formula},6)", styles(num_format="0.000000"), float(value))
        number += 1
    return number + 1


def _agreeing(pack: Pack, places: Mapping[str, _Place]) -> Sequence[tuple[str, str, Decimal]]:
    found = []
    months, spend = places[MONTHS.key], places[SPEND.key]
    if pack.difference is not None:
        found.append(("billed less every step of the waterfall", spend.elsewhere("cost", spend.end), pack.difference))
        billed = f"{spend.elsewhere('cost', spend.first)}-{months.elsewhere('spend', months.first)}"
        found.append(
            (
                "billed in Waterfall and in Months",
                billed,
                _rest(pack.tables[SPEND.key].rows[0]["cost"], pack.figures["spend"]),
            )
        )
    for key, name, says in ((TENANTS.key, "loaded_margin", "margin"), (WASTE.key, "waste_cost", "waste")):
        place, last = places[key], pack.tables[key].last
        if last and last[name] is not None and pack.figures.get(name) is not None:
            formula = f"SUM('{place.sheet}'!{place.column(name)})-{months.elsewhere(name, months.first)}"
            found.append((f"{says} in {place.sheet} and in Months", formula, _rest(last[name], pack.figures[name])))
    return found


def _rest(one: Decimal, other: Decimal) -> Decimal:
    return round(one - other, 6)


def _definitions(sheet: Any, styles: _Styles) -> None:
    for at, (name, width) in enumerate((("figure", 30), ("what it means", 100), ("rule", 14), ("sheet", 24))):
        sheet.write_string(0, at, name, styles(bold=True, bottom=2, bg_color="#EEF1F5"))
        sheet.set_column(at, at, width)
    sheets = {one.key: one.sheet for section in SECTIONS for one in section.questions}
    for number, (figure, meaning, rule, key) in enumerate(DEFINITIONS, 1):
        for at, text in enumerate((figure, meaning, rule, sheets[key])):
            sheet.write_string(number, at, text, styles(text_wrap=True, valign="top"))
    sheet.freeze_panes(1, 1)


def _sql(sheet: Any, pack: Pack, styles: _Styles) -> None:
    for at, (name, width) in enumerate((("sheet", 24), ("SQL, as it was asked", 150))):
        sheet.write_string(0, at, name, styles(bold=True, bottom=2, bg_color="#EEF1F5"))
        sheet.set_column(at, at, width)
    number = 1
    for table in pack.tables.values():
        for query in table.queries:
            sheet.write_string(number, 0, table.question.sheet, styles(valign="top"))
            sheet.write_string(
                number, 1, query[:_CELL], styles(text_wrap=True, valign="top", font_name="Consolas", font_size=9)
            )
            number += 1
    sheet.freeze_panes(1, 1)


def _aligned(column: Column) -> dict[str, Any]:
    """Numbers to the right; all else a little off the number before it."""
    return {"align": "right"} if column.is_number else {"align": "left", "indent": 1}


def _width(column: Column, table: Table) -> int:
    if column.is_number:
        return 15
    longest = max((len(str(row[column.name] or "")) for row in table.rows), default=0)
    return max(10, min(60, longest + 2), min(len(column.head) + 2, 24))
