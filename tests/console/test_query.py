"""What a query prints and writes: every digit that counts, no power of ten, no column left out unnamed, no file half there."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.console.query import print_query
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.duckdb import FINANCE_FILE

ASK = [sys.executable, "-m", "reconcilers.cli", "query"]
WIDE = "select " + ", ".join(f"{number}::decimal(38, 9) as column_{number}" for number in range(40))


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Settings of a company that published one table."""
    version = tmp_path / "var" / "published" / "versions" / "000001"
    version.mkdir(parents=True)
    with duckdb.connect(str(version / FINANCE_FILE)) as connection:
        connection.execute("create schema finance; create table finance.fct_breaks as select 1 as quantity")
    facts = {"period": "2026-09-01", "as_of": "2026-09-03T06:00:00", "failed_units": [], "warnings": []}
    (version / "run.json").write_text(json.dumps(facts))
    (version.parent.parent / "current").symlink_to(version)
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


@pytest.fixture
def asked(company: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a query prints."""

    def ask(sql: str, output: str = "table", vertical: bool = False) -> str:
        print_query(read_settings(company), sql, output, vertical=vertical)
        return capsys.readouterr().out

    return ask


def on_a_terminal(columns: int, company: Path, sql: str) -> list[str]:
    """Lines of a query's answer on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    with os.fdopen(ours, "rb") as reader:
        running = subprocess.Popen([*ASK, sql, "--config", str(company)], stdout=theirs, env=environment)
        os.close(theirs)
        shown = b""
        # A terminal nobody writes to any more is an error, not an end.
        while piece := _read(reader.fileno()):
            shown += piece
        assert running.wait() == 0
    return re.sub(r"\x1b\[\d+m", "", shown.decode()).splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_amounts_are_written_with_the_digits_that_count(asked: Callable[..., str]) -> None:
    sql = """select 0::decimal(38, 9) as nothing, -0.000000001::decimal(38, 9) as least, 1200::decimal(38, 9) as many,
             [1.5::decimal(38, 9)] as several, {'amount': 0::decimal(38, 9)} as parts, null as unknown, date '2026-09-01' as day"""
    table = asked(sql).splitlines()[1].split()
    assert table == ["0", "-0.000000001", "1200", '["1.5"]', '{"amount":', '"0"}', "2026-09-01"]
    (row,) = list(csv.reader(io.StringIO(asked(sql, "csv"))))[1:]
    assert row == ["0", "-0.000000001", "1200", '["1.5"]', '{"amount": "0"}', "", "2026-09-01"]
    assert json.loads(asked(sql, "json")) == [
        {
            "nothing": "0",
            "least": "-0.000000001",
            "many": "1200",
            "several": ["1.5"],
            "parts": {"amount": "0"},
            "unknown": None,
            "day": "2026-09-01",
        }
    ]


def test_numbers_stand_under_one_another_by_their_points(asked: Callable[..., str]) -> None:
    sql = "select * from (values ('a', 1.50, null, 1), ('bcd', 20.25, 7, 100), ('e', 300, 8, 10)) as rows(name, cost, count, whole)"
    assert asked(sql).splitlines() == [
        " name    cost  count  whole",
        " a       1.5              1",
        " bcd    20.25      7    100",
        " e     300         8     10",
    ]


def test_a_value_a_line_where_it_is_asked_for(asked: Callable[..., str]) -> None:
    assert asked("select * from (values (1, 'a'), (2, null)) as rows(number, letter)", vertical=True).splitlines() == [
        "row 1 of 2",
        " number  1",
        " letter  a",
        "row 2 of 2",
        " number  2",
        " letter",
    ]


def test_a_table_that_is_no_terminal_has_every_column_in_one_line(asked: Callable[..., str]) -> None:
    head, row = asked(WIDE).splitlines()
    assert head.split() == [f"column_{number}" for number in range(40)]
    assert row.split() == [f"{number}" for number in range(40)]


def test_a_terminal_shows_what_fits_and_names_the_others(company: Path) -> None:
    head, row, *left = on_a_terminal(80, company, WIDE)
    shown = [f"column_{number}" for number in range(8)]
    assert (head.split(), row.split()) == (shown, [str(number) for number in range(8)])
    assert max(len(head), len(row)) <= 80
    others = ", ".join(f"column_{number}" for number in range(8, 40))
    assert " ".join(left) == f"8 of 40 columns; not shown: {others}"
    assert len(on_a_terminal(800, company, WIDE)) == 2


def test_a_pipe_gets_csv_and_a_terminal_a_table(company: Path) -> None:
    told = [*ASK, "select '=1+1' as cell, 1.50 as cost", "--config", str(company)]
    piped = subprocess.run(told, capture_output=True, check=True).stdout
    assert piped == b"cell,cost\r\n'=1+1,1.5\r\n"
    assert on_a_terminal(80, company, told[len(ASK)]) == [" cell  cost", " =1+1   1.5"]


@pytest.mark.parametrize(
    ("form", "printed"),
    [("table", "no rows\n"), ("csv", "quantity\r\n"), ("json", "[]\n")],
)
def test_no_rows(asked: Callable[..., str], form: str, printed: str) -> None:
    assert asked("from finance.fct_breaks where false", form) == printed


def test_what_cannot_be_answered_is_said(asked: Callable[..., str]) -> None:
    with pytest.raises(SettingsInvalid, match="two columns are named a"):
        asked("select 1 as a, 2 as a", "json")
    with pytest.raises(SettingsInvalid, match="the query is empty"):
        asked(" ")
    with pytest.raises(SettingsInvalid, match="xlsx cannot be printed -> name a file with `--out FILE"):
        asked("select 1", "xlsx")


def test_a_format_nobody_knows_is_refused_with_those_there_are(company: Path, tmp_path: Path) -> None:
    command = [*ASK, "select 1", "--config", str(company)]
    refused = subprocess.run([*command, "--format", "xml"], capture_output=True, text=True, check=False)
    told = " ".join(refused.stderr.replace("│", " ").split())
    assert "'xml' is not one of 'table', 'csv', 'json', 'parquet', 'xlsx'" in told
    assert (refused.returncode, refused.stdout) == (2, "")
    assert json.loads(subprocess.run([*command, "--format", "JSON"], capture_output=True, check=True).stdout) == [
        {"1": 1}
    ]
    nameless = subprocess.run([*command, "--out", str(tmp_path / "costs")], capture_output=True, text=True, check=False)
    assert (nameless.returncode, "say --format: costs ends in none of" in nameless.stderr) == (2, True)


# Files ----------------------------------------------------------------------------------------------------------------

COSTS = """select * from (values
    ('ten_a', date '2026-09-01', timestamp '2026-09-01 10:00:00', 1234.5::decimal(38, 9), 3, true),
    ('=cmd()', null, null, 90000000.123456789::decimal(38, 9), null, null),
    ('http://x', date '1850-01-01', null, -0.000000001::decimal(38, 9), 9007199254740993, false)
) as costs(tenant, day, told_at, cost, calls, production)"""


def written(company: Path, sql: str, name: str, *more: str) -> Path:
    """The file a query is written to."""
    out = company.parent / name
    subprocess.run([*ASK, sql, "--config", str(company), "--out", str(out), *more], check=True, capture_output=True)
    assert [path.name for path in company.parent.iterdir() if path.name.endswith(".tmp")] == []
    return out


def test_parquet_keeps_the_types(company: Path) -> None:
    table = pq.read_table(written(company, COSTS, "costs.parquet"))
    assert table.schema.field("cost").type == pa.decimal128(38, 9)
    assert table.schema.field("day").type == pa.date32()
    assert table["cost"].to_pylist() == [Decimal("1234.5"), Decimal("90000000.123456789"), Decimal("-0.000000001")]
    assert pq.read_table(written(company, f"{COSTS} where false", "none.parquet")).schema == table.schema
    assert pq.read_table(written(company, COSTS, "costs.data", "--format", "parquet")) == table


def test_parquet_of_many_rows_is_all_of_them(company: Path) -> None:
    found = pq.read_table(
        written(company, "select i, i::decimal(38, 9) as cost from range(200000) as r(i)", "n.parquet")
    )
    assert found["i"].to_pylist() == list(range(200_000))


def test_a_workbook_has_real_numbers_no_formula_and_what_a_double_cannot_hold_as_text(company: Path) -> None:
    file = written(company, COSTS, "costs.xlsx")
    book = openpyxl.load_workbook(file)
    head, *rows = book["result"].values
    assert head == ("tenant", "day", "told_at", "cost", "cost (exact)", "calls", "calls (exact)", "production")
    assert [row[0] for row in rows] == ["ten_a", "=cmd()", "http://x"]
    assert [row[1] for row in rows] == [datetime(2026, 9, 1), None, "1850-01-01"]
    assert rows[0][2] == datetime(2026, 9, 1, 10)
    assert [row[3] for row in rows] == [1234.5, 90000000.123456789, -1e-9]
    assert [row[4] for row in rows] == ["1234.5", "90000000.123456789", "-0.000000001"]
    assert [row[6] for row in rows] == ["3", None, "9007199254740993"]
    assert [row[7] for row in rows] == [True, None, False]
    cells = [cell for row in book["result"].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s", "n", "d", "b"}
    assert not any(cell.hyperlink for cell in cells)
    assert book["result"].freeze_panes == "A2"
    about = dict(book["about"].values)
    assert (about["query"], about["published"]) == (COSTS, "version 000001")
    assert file.read_bytes() == written(company, COSTS, "again.xlsx").read_bytes()


def test_a_column_that_a_double_holds_stands_alone(company: Path) -> None:
    sql = "select 8388607.999999999::decimal(38, 9) as cost, date '2026-09-01' as day"
    assert next(openpyxl.load_workbook(written(company, sql, "one.xlsx"))["result"].values) == ("cost", "day")


def test_what_a_workbook_cannot_hold_is_said(company: Path, asked: Callable[..., str]) -> None:
    def refused(sql: str) -> str:
        out = company.parent / "refused.xlsx"
        with pytest.raises(SettingsInvalid) as error:
            print_query(read_settings(company), sql, "xlsx", out)
        assert not out.exists()
        return str(error.value)

    assert "a sheet holds 1,048,575 rows" in refused("select 1 from range(1048576)")
    assert "told has a text that no cell holds" in refused("select repeat('x', 32768) as told")


def test_a_file_is_whole_or_as_it_was(company: Path) -> None:
    out = company.parent / "costs.csv"
    out.write_text("before")
    # The third part of the result fails; the first two are written already.
    sql = "select cast(case when i > 150000 then 'x' else '1' end as int) as number from range(200000) as r(i)"
    told = [*ASK, sql, "--config", str(company), "--out", str(out)]
    failed = subprocess.run(told, capture_output=True, text=True, check=False)
    assert (failed.returncode, "the query failed" in failed.stderr) == (5, True)
    assert out.read_text() == "before"
    assert [path.name for path in company.parent.iterdir() if path.name.startswith(".costs")] == []


@pytest.mark.parametrize("name", ["", "none/costs.csv", "pipe"])
def test_only_a_file_is_written(company: Path, name: str) -> None:
    if name == "pipe":
        os.mkfifo(company.parent / "pipe")
    with pytest.raises(SettingsInvalid, match=r"it is no file|cannot be written"):
        print_query(read_settings(company), "select 1", "csv", company.parent / name)


def test_a_workbook_opens_in_libreoffice_with_its_numbers(company: Path) -> None:
    soffice = shutil.which("soffice")
    if soffice is None:
        pytest.skip("LibreOffice is not installed")
    file = written(company, COSTS, "costs.xlsx")
    profile = f"-env:UserInstallation=file://{company.parent}/profile"
    command = [soffice, profile, "--headless", "--convert-to", "csv", "--outdir", str(company.parent), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    rows = list(csv.DictReader(io.StringIO((company.parent / "costs.csv").read_text())))
    assert [row["tenant"] for row in rows] == ["ten_a", "=cmd()", "http://x"]
    assert [row["cost"] for row in rows] == ["1234.5", "90000000.1234568", "-0.000000001"]
    assert rows[0]["day"] == str(date(2026, 9, 1))
