"""A published version answers questions about itself and does nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.duckdb import FINANCE_FILE, Version


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    folder = tmp_path / "version"
    folder.mkdir()
    with duckdb.connect(str(folder / FINANCE_FILE)) as connection:
        connection.execute("create schema finance; create table finance.fct_breaks as select 1 as quantity")
    (tmp_path / "elsewhere.csv").write_text("secret\n1\n")
    monkeypatch.chdir(tmp_path)
    return Version(folder)


def test_it_is_asked_in_sql(version: Version) -> None:
    found = version.ask("select quantity from finance.fct_breaks where quantity = ?", 1)
    assert (found.names, found.rows) == (["quantity"], [(1,)])


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('elsewhere.csv')",
        "select * from 'elsewhere.csv'",
        "select * from read_text('elsewhere.csv')",
        "select * from glob('*')",
        "copy finance.fct_breaks to 'elsewhere.csv'",
        "copy finance.fct_breaks to 'written.parquet'",
        "export database 'written'",
        "attach 'written.duckdb' as other",
        "insert into finance.fct_breaks values (2)",
        "set enable_external_access = true",
        "set timezone = 'America/New_York'",
        "",
        "-- nothing",
    ],
)
def test_it_reads_and_writes_nothing_else(version: Version, tmp_path: Path, sql: str) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SettingsInvalid, match="the query"):
        version.ask(sql)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
