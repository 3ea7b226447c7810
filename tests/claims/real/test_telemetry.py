"""Real agent telemetry through ``kind: mapped``: row counts, exact reported cost and tokens, at the lake level."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry

REAL_DATA = os.environ.get("REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")
HERE = Path(__file__).parent


@pytest.fixture
def lake(tmp_path: Path) -> Any:
    """Rows per configured source of one mapping file, landed and normalised."""

    def read(mappings: str) -> dict[str, list[dict[str, Any]]]:
        rows = {}
        for config in yaml.safe_load((HERE / mappings).read_text()):
            source = registry.load("telemetry", config | {"uri": str(Path(REAL_DATA or "") / config["uri"])})
            (unit,) = source.units(Period.of_day(date(2026, 3, 20)))
            landing = Landing(tmp_path)
            pull = landing.pull(source.name, source.kind, unit)
            source.fetch(unit, pull)
            landed, _ = landing.commit(pull, datetime(2026, 4, 1))
            rows[source.name] = [row for _, table in source.normalise(landed) for row in table.to_pylist()]
        return rows

    return read


def answers(name: str) -> Any:
    return json.loads((Path(REAL_DATA or "") / "answers" / name).read_text())


def best(outcomes: list[dict[str, Any]]) -> Iterator[str]:
    """The latest outcome of every event."""
    by_event = {row["event_id"]: row["outcome"] for row in sorted(outcomes, key=lambda row: row["occurred_at"])}
    yield from by_event.values()


def test_redelivered_agent_runs_count_once(lake: Any) -> None:
    rows, expected = lake("ljoukov.yaml"), answers("ljoukov_llm.json")
    assert {name: len(found) for name, found in rows.items()} == {
        "ljoukov_agent_calls": 219,
        "ljoukov_grader_calls": 219,
        "ljoukov_runs": 219,
        "ljoukov_outcomes": 219,
    }
    agent = sum(row["reported_cost"] for row in rows["ljoukov_agent_calls"])
    grader = sum(row["reported_cost"] for row in rows["ljoukov_grader_calls"])
    assert (agent, grader) == (Decimal(expected["agent_cost"]), Decimal(expected["grader_cost"]))
    assert agent + grader == Decimal("14.980871800") == Decimal(expected["all"]["total_cost"])
    assert len({row["event_id"] for row in rows["ljoukov_runs"]}) == expected["all"]["events"]
    assert Counter(best(rows["ljoukov_outcomes"])) == expected["all"]["events_by_outcome"]
    assert Counter(row["status"] for row in rows["ljoukov_runs"])["partial"] == expected["all"]["runs_partial"]


def test_last_line_of_a_message_has_its_tokens(lake: Any) -> None:
    rows, expected = lake("tau2.yaml"), answers("tau2_mermaid_claude_code.json")
    calls = rows["tau2_calls"]
    assert len(calls) == len({row["record_id"] for row in calls}) == expected["distinct_calls"] == 335
    tokens: dict[str, Counter[tuple[str, str | None]]] = defaultdict(Counter)
    for row in calls:
        for element in row["usage"]:
            tokens[row["tenant_id"]][element["meter"], element["cache_ttl"]] += element["quantity"]
    for run, figures in expected["by_run"].items():
        assert tokens[run] == Counter(
            {
                ("input_tokens", None): figures["input"],
                ("output_tokens", None): figures["output"],
                ("cache_read_input_tokens", None): figures["cache_read"],
                ("cache_write_input_tokens", "1h"): figures["cache_write_1h"],
            }
        )
        of_run = [row for row in rows["tau2_outcomes"] if row["event_id"].startswith(f"{run}|")]
        assert (len(of_run), Counter(best(of_run))["success"]) == (figures["events"], figures["success"])
    assert {row["event_id"] for row in calls} == {row["event_id"] for row in rows["tau2_outcomes"]}
