"""Each lake file is in BigQuery once, whatever was killed, read anew or read again as before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery

from reconcilers import google
from reconcilers.lake import schema
from reconcilers.warehouses.bigquery_lake import BigQueryLake, fields

CALL = {
    "source": "traces",
    "landing_line": 1,
    "dialect": "mapped",
    "billable": True,
    "ended_at": datetime(2026, 9, 1, 8),
    "usage_source": "provider",
}
Write = Callable[[str, str, int], Path]


@pytest.fixture
def lake(emulator: str, request: pytest.FixtureRequest) -> BigQueryLake:
    project = request.node.name.replace("_", "-")[:30]
    return BigQueryLake(google.bigquery_client(project, "EU", None), f"{project}.lake", "EU")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a pull of calls as one reader reads them: their record ids begin with the reader's name."""

    def written(landing_id: str, reader: str, calls: int) -> Path:
        path = tmp_path / "traces" / f"{landing_id}-{reader}" / "calls.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [CALL | {"landing_id": landing_id, "record_id": f"{reader}-{number}"} for number in range(calls)]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema("calls")), path)
        return path

    return written


def load(lake: BigQueryLake, *paths: Path) -> list[str]:
    """The calls there are once these files were loaded."""
    lake.load({"calls": paths}, [])
    found = lake.client.query(f"select record_id from `{lake.name}.calls` order by 1").result()
    return [row["record_id"] for row in found]


def raw(lake: BigQueryLake) -> int:
    return int(next(iter(lake.client.query(f"select count(*) as n from `{lake.name}.raw_calls`").result()))["n"])


def test_a_file_is_loaded_once(lake: BigQueryLake, write: Write) -> None:
    path, other = write("one", "a", 2), write("two", "a", 1)
    assert load(lake, path) == ["a-0", "a-1"]
    made = lake.client.get_table(f"{lake.name}.raw_calls").created
    assert load(lake, path, other) == ["a-0", "a-0", "a-1"]
    assert load(lake, path) == ["a-0", "a-1"]
    assert raw(lake) == 3
    assert lake.client.get_table(f"{lake.name}.raw_calls").created == made


def test_a_reader_that_comes_back(lake: BigQueryLake, write: Write) -> None:
    """A release is rolled back: the ids of its loads are used up, and what they loaded is gone."""
    assert load(lake, write("one", "a", 2)) == ["a-0", "a-1"]
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    assert load(lake, write("one", "a", 2)) == ["a-0", "a-1"]
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    assert raw(lake) == 1


def test_a_load_that_was_not_noted_is_none_of_another_readers(lake: BigQueryLake, write: Write) -> None:
    """Killed after its load jobs and before it wrote that they are there."""
    load(lake, write("one", "a", 2))
    lake.client.query(f"delete from `{lake.name}.loads` where true").result()
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    lake.client.query(f"delete from `{lake.name}.loads` where true").result()
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    assert raw(lake) == 1


def test_columns_of_a_new_release(lake: BigQueryLake, write: Write) -> None:
    path = write("one", "a", 2)
    load(lake, path)
    lake.client.delete_table(f"{lake.name}.raw_calls")
    fewer = [field for field in fields(schema("calls")) if field.name != "geography"]
    lake.client.create_table(bigquery.Table(f"{lake.name}.raw_calls", schema=fewer))
    assert load(lake, path) == ["a-0", "a-1"]
