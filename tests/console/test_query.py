"""What a query prints: every digit, no power of ten, and no column folded away."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
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
    (version / "run.json").write_text("{}")
    (version.parent.parent / "current").symlink_to(version)
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


@pytest.fixture
def asked(company: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a query prints."""

    def ask(sql: str, output: str = "table") -> str:
        print_query(read_settings(company), sql, output)
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


def test_amounts_are_written_with_all_their_digits(asked: Callable[..., str]) -> None:
    sql = """select 0::decimal(38, 9) as nothing, -0.000000001::decimal(38, 9) as least, [0::decimal(38, 9)] as several,
             {'amount': 0::decimal(38, 9)} as parts, null as unknown, date '2026-09-01' as day"""
    table = asked(sql).splitlines()[1].split()
    assert table == ["0.000000000", "-0.000000001", '["0.000000000"]', '{"amount":', '"0.000000000"}', "2026-09-01"]
    (row,) = list(csv.reader(io.StringIO(asked(sql, "csv"))))[1:]
    assert row == ["0.000000000", "-0.000000001", '["0.000000000"]', '{"amount": "0.000000000"}', "", "2026-09-01"]
    assert json.loads(asked(sql, "json")) == [
        {
            "nothing": "0.000000000",
            "least": "-0.000000001",
            "several": ["0.000000000"],
            "parts": {"amount": "0.000000000"},
            "unknown": None,
            "day": "2026-09-01",
        }
    ]


def test_numbers_stand_under_one_another(asked: Callable[..., str]) -> None:
    sql = "select * from (values ('a', 1.50, null), ('bcd', 20.25, 7)) as rows(name, cost, count)"
    assert asked(sql).splitlines() == [
        " name   cost  count",
        " a      1.50",
        " bcd   20.25      7",
    ]


def test_a_pipe_gets_every_column_in_one_line(asked: Callable[..., str]) -> None:
    head, row = asked(WIDE).splitlines()
    assert head.split() == [f"column_{number}" for number in range(40)]
    assert row.split() == [f"{number}.000000000" for number in range(40)]


def test_a_narrow_terminal_gets_a_line_for_each_value(company: Path) -> None:
    assert on_a_terminal(80, company, WIDE) == [
        "row 1 of 1",
        *(f" {f'column_{number}':<9}  {number}.000000000" for number in range(40)),
    ]
    assert len(on_a_terminal(800, company, WIDE)) == 2


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


def test_a_format_nobody_knows_is_refused_with_those_there_are(company: Path) -> None:
    command = [*ASK, "select 1", "--config", str(company), "--format"]
    refused = subprocess.run([*command, "xlsx"], capture_output=True, text=True, check=False)
    assert "'xlsx' is not one of 'table', 'csv', 'json'" in " ".join(refused.stderr.replace("│", " ").split())
    assert (refused.returncode, refused.stdout) == (2, "")
    assert json.loads(subprocess.run([*command, "JSON"], capture_output=True, check=True).stdout) == [{"1": 1}]
