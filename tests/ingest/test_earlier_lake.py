"""A lake that an earlier release wrote, without narrow calls: all that landed is read again once, told as it goes, and says the same."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.configured import source_names
from reconcilers.declared.settings import Settings
from reconcilers.ingest import metering
from reconcilers.ingest.landing import Landing
from reconcilers.known import known
from tests.claims.scenarios.nights import land
from tests.claims.scenarios.random_company import PERIOD, RandomCompany

AS_OF = datetime(2026, 10, 4, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = RandomCompany(tmp_path / "company", seed=1).write()
    land(settings, PERIOD, AS_OF)
    return settings


def told(settings: Settings) -> tuple[dict[Path, pa.Table], list[str]]:
    """The rows of every lake file that a build reads, and what was said meanwhile."""
    heard: list[str] = []
    files = known(settings, AS_OF, progress=lambda done, total, name: heard.append(f"{done} of {total}: {name}")).files
    return {path: pq.read_table(path) for paths in files.values() for path in paths}, heard


def as_an_earlier_release_left_it(lake: Path) -> None:
    """Under recipes of its own, without what is made of calls."""
    for content in list(lake.glob("*/*/content.json")):
        rows = json.loads(content.read_bytes())
        for entity in metering.ENTITIES:
            content.with_name(f"{entity}.parquet").unlink(missing_ok=True)
            rows["rows"].pop(entity, None)
        content.write_text(json.dumps({name: rows[name] for name in ("rows", "billed_cost")}))
        landing_id, _, _ = content.parent.name.partition("-")
        content.parent.rename(content.parent.with_name(f"{landing_id}-0123456789abcdef"))
    for folder in lake.glob("(*)/*"):
        folder.rename(folder.with_name(f"{folder.name[:11]}0123456789abcdef{folder.suffix}"))


def test_a_lake_of_an_earlier_release_is_made_again_once(settings: Settings) -> None:
    before, heard = told(settings)
    assert heard == []
    as_an_earlier_release_left_it(settings.lake)
    # What follows from several deliveries is kept by what it says.
    assert {path.name for path in before if path.is_file()} == {"left_out_charges.parquet"}
    after, heard = told(settings)
    assert after == before
    pulls = Landing(settings.landing).known(AS_OF, source_names(settings))
    assert heard == [
        f"{number} of {len(pulls)}: read {landed.source} {landed.unit}" for number, landed in enumerate(pulls)
    ]
    assert told(settings) == (before, [])
