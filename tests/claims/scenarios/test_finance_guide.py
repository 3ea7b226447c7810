"""The finance guide: every table it names exists, every table that exists is named, and every query in it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from reconcilers.warehouses.duckdb import read_only

GUIDE = (Path(__file__).parents[3] / "docs" / "finance-guide.md").read_text()
QUERIES = re.findall(r"### (\d+\. [^\n]+)\n.*?```sql\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def published(examples_settings: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(examples_settings.parent / "var" / "published" / "current") as connection:
        yield connection


def test_ten_questions() -> None:
    assert [title.split(".")[0] for title, _ in QUERIES] == [str(number) for number in range(1, 11)]


def test_every_table_is_described(published: duckdb.DuckDBPyConnection) -> None:
    rows = published.execute("select table_name from information_schema.tables where table_schema = 'finance'")
    tables = {name for (name,) in rows.fetchall()}
    described = set(re.findall(r"`((?:fct|dim|rpt|bridge)_[a-z_]+)`", GUIDE.split("## Ten questions")[0]))
    assert tables == described


def test_any_client_finds_every_table_by_its_bare_name_with_what_its_columns_mean(
    published: duckdb.DuckDBPyConnection,
) -> None:
    told = "select schema_name, table_name, column_name, comment from duckdb_columns() where not internal"
    rows = published.execute(told).fetchall()
    places = {place: {row[1:] for row in rows if row[0] == place} for place in ("finance", "main")}
    assert places["finance"] == places["main"]
    assert all(comment for *_, comment in places["main"])


@pytest.mark.parametrize(("title", "sql"), QUERIES)
def test_query_answers(published: duckdb.DuckDBPyConnection, title: str, sql: str) -> None:
    assert published.execute(sql).fetchall(), f"no answer to {title}"
