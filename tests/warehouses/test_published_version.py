"""A published version answers questions about itself, explains itself to any client, and does nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import FINANCE_FILE, Store, Version


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


def test_threads_ask_it_side_by_side(version: Version) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: version.ask("select quantity from finance.fct_breaks").rows, range(40)))
    assert found == [[(1,)]] * 40


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


def published_of(store: Store, tables: list[str], kind: str = "varchar") -> duckdb.DuckDBPyConnection:
    """A client's connection to a version of these tables, whose columns are null and of one type."""
    store.folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(store.folder / FINANCE_FILE)) as candidate:
        candidate.execute("create schema if not exists finance")
        for table in tables:
            columns = ", ".join(f"null::{kind} as {column.name}" for column in dbt.described()[table].columns)
            candidate.execute(f"drop table if exists finance.{table}; create table finance.{table} as select {columns}")
    return duckdb.connect(str(store.publish({}, keep=3).folder / FINANCE_FILE), read_only=True)


def test_any_client_reads_what_tables_and_columns_mean(tmp_path: Path) -> None:
    with published_of(Store(tmp_path), ["fct_breaks", "dim_tenants"]) as client:
        for place in ("finance", "main"):
            said = client.execute(
                """select table_name, column_name, comment from duckdb_columns()
                   where not internal and schema_name = ? order by table_name, column_index""",
                [place],
            ).fetchall()
            assert said == [
                (table, column.name, column.meaning)
                for table in ("dim_tenants", "fct_breaks")
                for column in dbt.described()[table].columns
            ]
        tables = client.execute(
            """select schema_name, table_name, comment from duckdb_tables() union all
               select schema_name, view_name, comment from duckdb_views() where not internal order by all"""
        ).fetchall()
    assert tables == [
        (place, table, dbt.described()[table].meaning)
        for place in ("finance", "main")
        for table in ("dim_tenants", "fct_breaks")
    ]


def test_a_table_answers_to_its_bare_name_whatever_it_became(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with published_of(store, ["fct_breaks"]) as first, published_of(store, ["fct_breaks"], "date") as second:
        assert first.execute("select typeof(amount) from fct_breaks").fetchall() == [("VARCHAR",)]
        assert second.execute("select typeof(amount) from fct_breaks").fetchall() == [("DATE",)]
    other = duckdb.connect()
    current = tmp_path / "published" / "current" / FINANCE_FILE
    other.execute(f"attach '{current}' as theirs (read_only)")
    assert other.execute("select count(*) from theirs.fct_breaks").fetchall() == [(1,)]


def test_every_table_and_column_is_described() -> None:
    for name, table in dbt.described().items():
        assert all([table.meaning, table.columns, *(column.meaning for column in table.columns)]), name
