"""docs/sources.md has every kind of source: what it reads, what a bill is held to, and what of it was seen on real files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from reconcilers.sources import registry

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
TOLD, SEEN = PAGE.split("## What was seen on real files", 1)
READS, HELD = TOLD.split("## What a bill is held to when it lands", 1)


@pytest.mark.parametrize(("room", "kind"), [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)])
def test_every_kind_is_on_the_page(room: str, kind: str) -> None:
    rows = re.findall(rf"^\| [^|]*`{kind}`[^|]* \|.*", READS, re.MULTILINE)
    assert len(rows) == 1
    final = registry.source_class(room, kind).finality_days
    assert room != "billing" or rows[0].endswith(f"| {final} days |")
    assert re.search(rf"^\| [^|]*`{kind}`", SEEN, re.MULTILINE)
    assert len(re.findall(rf"^\| [^|]*`{kind}`", HELD, re.MULTILINE)) == (room == "billing")


@pytest.mark.parametrize(
    ("name", "room", "case"),
    [
        ("traces", "telemetry", "clickhouse_traces"),
        ("tracker", "telemetry", "opsmeter_payloads"),
        ("observations", "telemetry", "langfuse_observations"),
        ("verdicts", "telemetry", "langfuse_scores"),
        ("payloads", "telemetry", "litellm_payloads"),
        ("requests", "telemetry", "helicone_requests"),
        ("openai_invoices", "invoices", "stripe_export"),
    ],
)
def test_a_mapping_that_is_shown_is_the_one_that_is_read(name: str, room: str, case: str) -> None:
    """It stands on the page and reads the fixture, which is held to its lake rows."""
    every = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", READS, re.DOTALL)]
    (shown,) = (one for one in every if one["name"] == name)
    fixture = Path(__file__).parent / f"fixtures/{room}/{shown['kind']}/{case}/source.yaml"
    steers = {"kind", "name", "uri"}
    assert {key: value for key, value in shown.items() if key not in steers} == yaml.safe_load(fixture.read_text())
    registry.load(room, shown)
