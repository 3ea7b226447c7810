"""Landed bytes become lake files once per reading; what cannot be read leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reconcilers.errors import SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import Lake, Normalised
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

HEADER = "BilledCost,EffectiveCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName"
LINE = "2026-09-01,2026-09-15,2026-09-16,Usage,LLM"
BILL = "\n".join(
    [HEADER, f"0.1,0.1,0.1,acct,USD,{LINE}", f"-3,-3,-3,acct,EUR,{LINE}", f"0.2,0.2,0.2,acct,USD,{LINE}", ""]
)


def bill(**config: Any) -> Source:
    return registry.load("billing", {"name": "bill", "kind": "focus_file", "uri": "nowhere", **config})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def land(folder: Path, source: Source, content: str) -> Landed:
    landing = Landing(folder / "landing")
    pull = landing.pull(source.name, source.kind, "bill.csv")
    pull.add("bill.csv", "file:bill.csv", content.encode())
    return landing.commit(pull, datetime(2026, 10, 1))[0]


def test_rows_have_the_shape_of_the_lake_and_bytes_are_read_once(tmp_path: Path, lake: Lake) -> None:
    source = bill()
    landed = land(tmp_path, source, BILL)
    first = lake.ensure(source, landed)
    assert first == Normalised(
        {"charges": first.files["charges"]},
        {"charges": 3},
        {"EUR": "-3.000000000", "USD": "0.300000000"},
        "2026-09-15",
    )
    assert pq.read_schema(first.files["charges"]).equals(schema("charges"))
    landed.path(landed.objects[0]).unlink()
    assert lake.ensure(source, landed) == first


def test_another_reading_of_the_same_bytes_stands_beside_it(tmp_path: Path, lake: Lake) -> None:
    landed = land(tmp_path, bill(), BILL)
    first, other = (
        lake.ensure(source, landed).files["charges"]
        for source in (bill(), bill(values={"ServiceName": {"LLM": "API"}}))
    )
    assert first.parent != other.parent
    assert [set(pq.read_table(path).column("service_name").to_pylist()) for path in (first, other)] == [
        {"LLM"},
        {"API"},
    ]
    moved = bill(uri="elsewhere")
    assert lake.ensure(moved, landed).files["charges"] == first


def test_what_is_refused_leaves_nothing_behind(tmp_path: Path, lake: Lake) -> None:
    source = bill()
    landed = land(tmp_path, source, BILL.replace("0.2,", "much,", 1))
    with pytest.raises(SourceRejected, match="line 4"):
        lake.ensure(source, landed)
    assert [path for path in lake.root.rglob("*") if path.is_file() or path.name.endswith(".tmp")] == []


class Emptied:
    """A source that tells an entity and no row of it."""

    def __init__(self, source: Source) -> None:
        self.source, self.name, self.recipe = source, source.name, source.recipe

    def normalise(self, landed: Landed) -> Iterator[tuple[str, Any]]:
        return ((entity, table.slice(0, 0)) for entity, table in self.source.normalise(landed))


def test_an_entity_without_rows_has_no_file(tmp_path: Path, lake: Lake) -> None:
    source = bill()
    content = lake.ensure(Emptied(source), land(tmp_path, source, BILL))
    assert (content.files, content.rows, content.billed_cost) == ({}, {"charges": 0}, {})


class Overtaken:
    """A source that another run reads to the end while this run reads it."""

    def __init__(self, source: Source, lake: Lake, meanwhile: Lake) -> None:
        self.source, self.lake, self.meanwhile = source, lake, meanwhile
        self.name, self.recipe = source.name, source.recipe

    def normalise(self, landed: Landed) -> Iterator[tuple[str, Any]]:
        yield from self.source.normalise(landed)
        self.meanwhile.ensure(self.source, landed)
        shutil.copytree(self.meanwhile.root, self.lake.root, dirs_exist_ok=True)


def test_of_two_runs_the_first_to_finish_writes(tmp_path: Path, lake: Lake) -> None:
    late = Overtaken(bill(), lake, Lake(tmp_path / "meanwhile"))
    found = lake.ensure(late, land(tmp_path, late.source, BILL))
    (folder,) = (lake.root / "bill").iterdir()
    assert found.files == {"charges": folder / "charges.parquet"}
    assert sorted(path.name for path in folder.iterdir()) == ["charges.parquet", "content.json"]


def test_tellings_are_numbered_through_all_batches_of_a_pull(tmp_path: Path, lake: Lake) -> None:
    columns = {"record_id": "id", "ended_at": "at"}
    source = registry.load(
        "telemetry",
        {"name": "rows", "kind": "mapped", "uri": "nowhere", "format": "ndjson", "entity": "calls", "columns": columns},
    )
    told = [json.dumps({"id": str(number), "at": "2026-09-15T12:00:00Z"}) for number in range(20_001)]
    content = lake.ensure(source, land(tmp_path, source, "\n".join(told)))
    calls = pq.read_table(content.files["calls"], columns=["landing_row", "record_id"]).to_pylist()
    assert all(call["landing_row"] == number == int(call["record_id"]) for number, call in enumerate(calls))
    assert (len(calls), content.rows) == (20_001, {"calls": 20_001})
    metered = pq.read_table(content.files["metered_calls"], columns=["landing_row", "context", "profile"]).to_pylist()
    assert all(call["landing_row"] == number for number, call in enumerate(metered))
    assert len(metered) == 20_001
    # Two batches said the same words, each once.
    for entity, number in (("call_profiles", "profile"), ("call_contexts", "context")):
        numbers = [call[number] for call in metered]
        assert (numbers[0], numbers[-1]) == (0, 1) == tuple(pq.read_table(content.files[entity])[number].to_pylist())


def test_a_reading_that_was_not_metered_is_none(tmp_path: Path, lake: Lake) -> None:
    """An earlier release wrote calls in today's shape, and nothing that is made of them."""
    config = {"name": "rows", "kind": "mapped", "uri": "nowhere", "format": "ndjson", "entity": "calls"}
    source = registry.load("telemetry", config | {"columns": {"record_id": "id", "ended_at": "at"}})
    landed = land(tmp_path, source, json.dumps({"id": "1", "at": "2026-09-15T12:00:00Z"}))
    written = lake.ensure(source, landed)
    assert lake.last_reading(source, landed) == written
    content = written.files["calls"].with_name("content.json")
    told = json.loads(content.read_bytes())
    for entity in ("metered_calls", "call_profiles", "call_contexts"):
        assert told["rows"].pop(entity) == 1
    content.write_text(json.dumps(told))
    assert lake.last_reading(source, landed) is None
