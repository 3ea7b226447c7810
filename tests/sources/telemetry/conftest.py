"""A folder that a Collector writes to, and a landing area and a lake that last for the test. Nothing of ours is replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SourceRejected
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

Row = dict[str, Any]
DAY = Period.of_day(date(2026, 10, 1))


@dataclass
class Taken:
    """What landing one unit gave: the committed pull, whether it was news, and its rows per entity."""

    landed: Landed
    news: bool
    rows: dict[str, list[Row]]

    @property
    def calls(self) -> list[Row]:
        return self.rows.get("calls", [])

    @property
    def rejected(self) -> list[tuple[int, str | None, str]]:
        """Line, attribute and reason of every record that cannot be read."""
        rows = self.rows.get("rejected_records", [])
        return [(row["landing_line"], row["attribute"], row["reason"]) for row in rows]

    @property
    def stored(self) -> bytes:
        """The landed bytes of the only object."""
        (item,) = self.landed.objects
        return self.landed.path(item).read_bytes()


class Job:
    """The nightly job for one folder of telemetry, or one source: list, fetch, commit, read into the lake."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "delivered"
        self.folder.mkdir()
        self.landing = Landing(root / "landing")
        self.lake = Lake(root / "lake")
        #: That took last.
        self.source: Source

    def take(self, content: bytes, unit: str = "traces.json", known_at: datetime | None = None, **config: Any) -> Taken:
        (self.folder / unit).write_bytes(content)
        self.source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(self.folder)} | config)
        assert unit in self.source.units(DAY)
        return self.land(self.source, unit, known_at)

    def land(self, source: Source, unit: str, known_at: datetime | None = None) -> Taken:
        import pyarrow.parquet as pq

        pull = self.landing.pull(source.name, source.kind, unit)
        source.fetch(unit, pull)
        landed, news = self.landing.commit(pull, known_at or datetime(2026, 10, 2))
        content = self.lake.ensure(source, landed)
        told = [entity for entity in content.files if entity in content.rows]
        return Taken(landed, news, {entity: pq.read_table(content.files[entity]).to_pylist() for entity in told})


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.fixture
def refused(job: Job) -> Callable[..., SourceRejected]:
    """The error of a file that is not taken. It names source and file; nothing of the file was landed."""

    def take(content: bytes, unit: str = "traces.json", **config: Any) -> SourceRejected:
        with pytest.raises(SourceRejected) as caught:
            job.take(content, unit, **config)
        assert (caught.value.source, caught.value.file) == ("traces", unit)
        assert job.landing.history("traces", unit) == []
        assert not list(job.landing.root.glob("objects/*/*"))
        assert not list(job.landing.root.glob("incoming/*"))
        return caught.value

    return take


def usage(row: Row, column: str = "usage") -> dict[str, int]:
    """Quantity per meter, with modality and TTL where they are told."""
    found = {}
    for element in row[column]:
        name = ".".join(filter(None, (element["meter"], element["modality"], element["cache_ttl"])))
        assert name not in found
        found[name] = element["quantity"]
    return found


def told(row: Row) -> Row:
    apart = ("landing_id", "usage", "usage_exclusive", "meters_told")
    return {name: value for name, value in row.items() if value is not None and name not in apart}


def same(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows without the identity of what was landed."""
    return {
        entity: [{k: v for k, v in row.items() if k != "landing_id"} for row in found] for entity, found in rows.items()
    }
