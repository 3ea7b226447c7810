"""The workbook: real numbers that are the queries', formulas that give what stands beside them, text that stays text."""

from __future__ import annotations

import shutil
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from reconcilers.reports.pack import pack_of
from reconcilers.reports.pack.questions import SECTIONS
from reconcilers.reports.pack.questions.definitions import DEFINITIONS
from reconcilers.reports.pack.questions.month import CHANGES
from reconcilers.reports.pack.questions.question import Question
from reconcilers.reports.pack.questions.spending import WASTE
from reconcilers.reports.pack.workbook import HEADER, HELD_EXACTLY
from tests.reports.pack.company import FORMULA, LINK, MARKUP, OCTOBER
from tests.reports.pack.conftest import Written
from tests.reports.pack.reading import asked

QUESTIONS = [question for section in SECTIONS for question in section.questions]
READ = [question for question in QUESTIONS if question is not CHANGES]
SOFFICE = shutil.which("soffice")
#: A profile of its own in which files are reckoned again when they are opened, whatever they say.
RECALCULATING = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


@pytest.fixture(scope="module")
def book(written: Written) -> Any:
    """What stands in the cells, formulas as formulas."""
    return openpyxl.load_workbook(written.workbook)


@pytest.fixture(scope="module")
def values(written: Written) -> Any:
    """What a program that does not reckon sees."""
    return openpyxl.load_workbook(written.workbook, data_only=True)


def rows_of(sheet: Any) -> tuple[list[str], list[tuple[Any, ...]]]:
    names, *rows = list(sheet.iter_rows(min_row=HEADER, values_only=True))
    return [str(name).replace(" ", "_") for name in names if name], rows


@pytest.mark.parametrize("question", READ, ids=lambda question: question.key)
def test_every_number_is_one_of_its_query(written: Written, values: Any, question: Question) -> None:
    """The query is taken from the workbook's own sheet."""
    query = next(sql for sheet, sql in values["SQL"].iter_rows(values_only=True, max_col=2) if sheet == question.sheet)
    answered = asked(written.version, query)
    names, rows = rows_of(values[question.sheet])
    places = {name: place for place, name in enumerate(names)}
    compared = 0
    for row, cells in zip(answered, rows, strict=False):
        for column in question.columns:
            if column.name not in row or column.made:
                continue
            told, value = cells[places[column.name]], row[column.name]
            compared += 1
            if value is None:
                assert told is None
            elif column.is_number and abs(value) <= HELD_EXACTLY:
                assert round(Decimal(repr(told)), 9) == value, column.name
            elif column.is_number:
                assert cells[places[f"{column.name}_(exact)"]] == f"{value:f}"
                assert abs(Decimal(repr(told)) - value) < Decimal("0.000001")
            elif isinstance(value, datetime | date):
                assert told == datetime(value.year, value.month, value.day)
            else:
                assert told == {True: "yes", False: "no"}.get(value, value), column.name
        for column in question.columns:
            if column.made:
                part, whole = (row[name] for name in column.made)
                told = cells[places[column.name]]
                assert (
                    told is None
                    if part is None or not whole
                    else abs(Decimal(repr(told)) - Decimal(part) / Decimal(whole)) < Decimal("1e-8")
                )
    assert compared >= len(answered) * 2
    assert len(rows) == len(answered) + (1 if question.last else 0)
    if question.last == "total":
        for column in question.columns:
            if column.summed and column.name in answered[0]:
                total = sum(row[column.name] for row in answered if row[column.name] is not None)
                assert abs(Decimal(repr(rows[-1][places[column.name]])) - total) < Decimal("0.00000001")


def test_accountants_find_formulas_where_they_expect_them(book: Any, values: Any) -> None:
    names, rows = rows_of(book["Tenants"])
    first, last = dict(zip(names, rows[0], strict=False)), dict(zip(names, rows[-1], strict=False))
    assert first["contribution_margin"] == "=D4-F4"
    assert first["loaded_margin"] == "=D4-F4-I4"
    assert first["margin_rate"] == "=J4/D4"
    assert last["revenue"] == "=SUBTOTAL(9,D4:D9)"
    assert rows_of(book["Waterfall"])[1][-1][1] == "=ROUND(B4-SUM(B5:B8),6)"
    assert book["Summary"]["B6"].value == "='Months'!$B$4"
    assert values["Summary"]["B6"].value == 12345783.8734568


def test_no_formula_gives_another_figure_than_stands_beside_it(book: Any) -> None:
    """A tenant's revenue is not known: the month's margin is of the others, and no difference of three sums."""
    names, rows = rows_of(book["Months"])
    assert isinstance(dict(zip(names, rows[0], strict=False))["loaded_margin"], float)
    assert dict(zip(names, rows[1], strict=False))["loaded_margin"] == "=K5-M5-N5"


def test_text_from_outside_is_text(book: Any) -> None:
    told = [
        cell
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value in (FORMULA, LINK, MARKUP, "007")
    ]
    assert {cell.value for cell in told} == {FORMULA, LINK, MARKUP, "007"}
    assert {cell.data_type for cell in told} == {"s"}
    assert not any(cell.hyperlink for cell in told)


def test_every_sheet_is_ready_to_be_read(book: Any) -> None:
    for question in QUESTIONS:
        sheet = book[question.sheet]
        assert sheet.freeze_panes == f"B{HEADER + 1}"
        assert sheet.auto_filter.ref.startswith(f"A{HEADER}:")
    formats = {cell.number_format for cell in book["Tenants"][HEADER + 1]}
    assert "0.0%" in formats
    assert any(one.startswith("#,##0.00") for one in formats)


def test_every_definition_names_its_sheet(values: Any) -> None:
    rows = list(values["Definitions"].iter_rows(min_row=2, values_only=True))
    assert [row[:3] for row in rows] == [definition[:3] for definition in DEFINITIONS]
    assert {row[3] for row in rows} <= set(values.sheetnames)


def test_what_is_provisional_says_so(values: Any, book: Any) -> None:
    assert values["Summary"]["A2"].value == "PROVISIONAL: revenue is not known in full"
    assert "provisional" in values["Tenants"]["A1"].value
    unknown = next(row for row in book["Tenants"].iter_rows(min_row=HEADER + 1) if row[0].value == LINK)
    assert all(cell.font.italic for cell in unknown if cell.value is not None)


@pytest.fixture(scope="module")
def reckoned(written: Written, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The workbook as LibreOffice reckons it."""
    if SOFFICE is None:
        pytest.skip("soffice is not installed")
    folder = tmp_path_factory.mktemp("soffice")
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True)
    (profile / "registrymodifications.xcu").write_text(RECALCULATING)
    # Saved again without the values beside the formulas: what comes out was reckoned.
    without = openpyxl.load_workbook(written.workbook)
    (folder / "in").mkdir()
    without.save(folder / "in" / "pack.xlsx")
    command = [SOFFICE, "--headless", f"-env:UserInstallation=file://{profile.parent}", "--convert-to", "xlsx"]
    done = subprocess.run(
        [*command, "--outdir", str(folder), str(folder / "in" / "pack.xlsx")],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert (folder / "pack.xlsx").exists(), done.stderr
    return openpyxl.load_workbook(folder / "pack.xlsx", data_only=True)


@pytest.mark.slow
def test_a_spreadsheet_reckons_every_formula_to_what_stands_beside_it(book: Any, values: Any, reckoned: Any) -> None:
    compared = 0
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    told, found = (
                        values[sheet.title][cell.coordinate].value,
                        reckoned[sheet.title][cell.coordinate].value,
                    )
                    assert abs(Decimal(repr(found)) - Decimal(repr(told))) < Decimal("0.000001"), (
                        sheet.title,
                        cell.coordinate,
                    )
                    compared += 1
    assert compared > 80


@pytest.mark.slow
def test_totals_of_the_spreadsheet_are_those_of_the_tables(written: Written, reckoned: Any) -> None:
    one = asked(
        written.version,
        """select sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(shared_cost) as shared_cost, sum(loaded_margin) as loaded_margin
           from finance.fct_tenant_margin where month = '2026-10-01'""",
    )[0]
    names, rows = rows_of(reckoned["Tenants"])
    last = dict(zip(names, rows[-1], strict=False))
    for name, total in one.items():
        assert abs(Decimal(repr(last[name])) - total) < Decimal("0.000001"), name
    checks = {row[0]: row[1] for row in reckoned["Summary"].iter_rows(values_only=True) if row[0]}
    agreeing = [checks[name] for name in checks if name.startswith(("billed ", "margin in", "waste in"))]
    assert agreeing == [0, 0, 0, 0]


def test_every_table_of_the_pack_has_a_sheet(written: Written, values: Any) -> None:
    pack = pack_of(written.version, OCTOBER)
    assert values.sheetnames == [
        "Summary",
        *(table.question.sheet for table in pack.tables.values()),
        "Definitions",
        "SQL",
    ]


def test_it_is_a_whole_file(written: Written) -> None:
    assert [path for path in Path(written.workbook).parent.iterdir() if path.name.startswith(".")] == []


def test_what_a_table_says_is_as_wide_as_the_table(book: Any) -> None:
    """Else a sheet of paper is as wide as the sentence, and the table too small to read."""
    for question in (CHANGES, WASTE):
        sheet = book[question.sheet]
        (merged,) = sheet.merged_cells.ranges
        assert (merged.min_row, merged.max_row, merged.min_col) == (2, 2, 1)
        assert merged.max_col == sheet.max_column
        assert sheet["A2"].alignment.wrap_text
        assert sheet["A2"].data_type == "s"
