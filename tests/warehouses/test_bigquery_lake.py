"""Each lake file is in BigQuery once, whatever was killed, read anew or read again as before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import ServiceUnavailable
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from reconcilers.ingest import metering
from reconcilers.ingest.lake import schema, writer
from reconcilers.sources import google
from reconcilers.warehouses.bigquery_lake import BigQueryLake, fields

CALL = {
    "source": "traces",
    "landing_line": 1,
    "dialect": "mapped",
    "span_kind": "model",
    "billable": True,
    "answered_from_cache": False,
    "meters_told": 0,
    "tells_cache": False,
    "cache_exceeds_input": False,
    "usage_inconsistent": False,
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
        own = {"landing_id": landing_id}
        rows = [CALL | own | {"landing_row": n, "record_id": f"{reader}-{n}"} for n in range(calls)]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema("calls")), path)
        return path

    return written


def load(lake: BigQueryLake, *paths: Path) -> list[str]:
    """The calls there are once these files were loaded."""
    lake.load({"calls": paths}, {})
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


def unnote(lake: BigQueryLake, job_id: str) -> None:
    """As a run leaves it that was killed before it wrote that its load is there."""
    for sql in (
        f"insert into `{lake.name}.begun` (entity, created, source, landing_id, recipe, job_id) select entity, created, source, landing_id, recipe, '{job_id}' from `{lake.name}.loaded` where entity = 'calls'",
        f"delete from `{lake.name}.loaded` where entity = 'calls'",
    ):
        lake.client.query(sql).result()


def jobs(lake: BigQueryLake) -> list[str]:
    """Ids of the loads of calls, first to last."""
    made = [job for job in lake.client.list_jobs(max_results=10_000) if job.job_id.startswith("lake_calls_")]
    return [job.job_id for job in sorted(made, key=lambda job: job.created)]


def test_a_load_that_was_not_noted_is_not_done_again(lake: BigQueryLake, write: Write) -> None:
    path = write("one", "a", 2)
    load(lake, path)
    unnote(lake, *jobs(lake))
    assert load(lake, path) == ["a-0", "a-1"]
    unnote(lake, *jobs(lake))
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    # As the run before, killed where it had taken out what `a` read and loaded what `b` read.
    unnote(lake, jobs(lake)[-1])
    lake.client.query(
        f"insert into `{lake.name}.begun` (entity, created, source, landing_id, recipe, job_id) select entity, created, source, landing_id, 'a', 'none' from `{lake.name}.begun` where entity = 'calls'"
    ).result()
    assert load(lake, write("one", "b", 1)) == ["b-0"]
    assert raw(lake) == 1
    assert len(jobs(lake)) == 2


def test_a_load_that_never_began_is_done(lake: BigQueryLake, write: Write) -> None:
    path = write("one", "a", 2)
    load(lake, path)
    lake.client.query(f"delete from `{lake.name}.raw_calls` where true").result()
    unnote(lake, "of a process that was killed just before")
    assert load(lake, path) == ["a-0", "a-1"]
    assert raw(lake) == 2


@pytest.mark.parametrize("gone", [True, False])
def test_what_a_killed_run_was_taking_out_is_there_again(lake: BigQueryLake, write: Write, gone: bool) -> None:
    """It was about to load what another reader read, and the release is rolled back before the next run."""
    path = write("one", "a", 2)
    load(lake, path)
    lake.client.query(
        f"insert into `{lake.name}.begun` (entity, created, source, landing_id, recipe, job_id) select entity, created, source, landing_id, recipe, 'none' from `{lake.name}.loaded` where entity = 'calls'"
    ).result()
    if gone:
        lake.client.query(f"delete from `{lake.name}.raw_calls` where true").result()
    assert load(lake, path) == ["a-0", "a-1"]
    assert raw(lake) == 2


def test_many_files_are_one_job(lake: BigQueryLake, write: Write) -> None:
    load(lake, *(write(f"pull-{number}", "a", 1) for number in range(20)))
    assert raw(lake) == 20
    assert len(jobs(lake)) == 1


class Lossy(bigquery.Client):
    """A connection that breaks where Google has done what was asked: the first load's answer is lost."""

    lost = False

    def load_table_from_file(self, *given: Any, **more: Any) -> Any:
        job = super().load_table_from_file(*given, **more)
        if "job_id" in more and not self.lost:
            self.lost = True
            raise ServiceUnavailable("the answer was lost")
        return job


def test_a_load_whose_answer_was_lost_is_not_done_again(lake: BigQueryLake, write: Write) -> None:
    lake.client = Lossy(project=lake.client.project, credentials=AnonymousCredentials())
    assert load(lake, write("one", "a", 2)) == ["a-0", "a-1"]
    assert lake.client.lost
    assert raw(lake) == 2


def test_a_table_somebody_dropped_is_loaded_again(lake: BigQueryLake, write: Write) -> None:
    path = write("one", "a", 2)
    load(lake, path)
    lake.client.delete_table(f"{lake.name}.raw_calls")
    assert load(lake, path) == ["a-0", "a-1"]


def test_columns_of_a_new_release(lake: BigQueryLake, write: Write) -> None:
    path = write("one", "a", 2)
    load(lake, path)
    lake.client.delete_table(f"{lake.name}.raw_calls")
    fewer = [field for field in fields(schema("calls")) if field.name != "geography"]
    lake.client.create_table(bigquery.Table(f"{lake.name}.raw_calls", schema=fewer))
    assert load(lake, path) == ["a-0", "a-1"]


def test_calls_as_numbers_stand_beside_their_words(lake: BigQueryLake, write: Write) -> None:
    calls = write("one", "a", 2)
    files = {"calls": [calls]}
    for entity, table in metering.Metering().of(pq.read_table(calls)).items():
        files[entity] = [calls.with_name(f"{entity}.parquet")]
        with writer(entity, files[entity][0]) as out:
            out.write_table(table)
    lake.load(files, {})
    assert lake.client.get_table(f"{lake.name}.raw_metered_calls").time_partitioning.field == "ended_at"
    sql = f"""
        select metered.landing_row, profiles.span_kind, contexts.names_two_events, metered.call_tail,
            coalesce(array_length(metered.other_usage), 0) as others
        from `{lake.name}.metered_calls` as metered
        join `{lake.name}.call_profiles` as profiles using (source, landing_id, profile)
        join `{lake.name}.call_contexts` as contexts using (source, landing_id, context)
        where metered.ended_at >= timestamp '2026-09-01' order by 1"""
    found = [dict(row) for row in lake.client.query(sql).result()]
    same = {"span_kind": "model", "names_two_events": False, "others": 0}
    tails = [int(hashlib.md5(f"traces|a-{number}".encode()).hexdigest()[30:], 16) for number in range(2)]
    assert found == [{"landing_row": number, "call_tail": tail} | same for number, tail in enumerate(tails)]
