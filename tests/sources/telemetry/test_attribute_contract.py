"""What the contract says is read is read, under every name it lists, and the page says what the contract does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcilers.ingest.lake import schema
from reconcilers.sources import registry
from reconcilers.sources.telemetry.attribute_contract import (
    NAMES,
    RECOMMENDED,
    REQUIRED,
    page_with_tables,
    read_names,
    what_to_set,
)
from reconcilers.sources.telemetry.base import Dialect
from reconcilers.sources.telemetry.otlp import DIALECTS, dialect_named
from tests.sources.telemetry.conftest import Job
from tests.sources.telemetry.written import Json, event, lines, message, span

PAGE = Path(__file__).parents[3] / "docs" / "telemetry-contract.md"
#: A value that each can have; of any other ``told-1``.
VALUES = {"provider": "openai", "service_tier": "priority", "usage": 7}
TELLS_A_COLUMN = [one for one in (*REQUIRED, *RECOMMENDED) if one.name in (*schema("calls").names, "user_id")]


def telling(name: str, value: object) -> tuple[Json, list[Json]]:
    """Attributes and events of a span that tells a value under a name, as the contract writes names."""
    attribute, _, inside = name.partition("$")
    of_event, slash, plain = attribute.rpartition("/")
    if keys := inside.split(".")[1:]:
        for key in reversed(keys):
            value = {key: value}
        value = json.dumps(value)
    return ({}, [event(of_event, {plain: value})]) if slash else ({attribute: value}, [])


def spans_of(dialect: Dialect) -> Iterator[tuple[str, str, Json]]:
    """(what is told, its name, a span that tells it so) for all that a vocabulary reads."""
    names = [(asked.name, name) for asked in TELLS_A_COLUMN for name in read_names(dialect, asked)]
    for number, (asked, name) in enumerate(names, 1):
        told, events = telling(name, VALUES.get(asked, "told-1"))
        ids = {"spanId": f"{number:016x}", "traceId": f"{number:032x}", "parentSpanId": ""}
        yield asked, name, span({"gen_ai.operation.name": "chat"} | told, events=events, **ids)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_name_of_the_contract_is_read(job: Job, monkeypatch: pytest.MonkeyPatch, dialect: str) -> None:
    monkeypatch.setenv("RECONCILE_USER_KEY", "a key")
    told = list(spans_of(dialect_named(dialect)))
    calls = job.take(lines(*(message(one, resource={}) for _, _, one in told))).calls
    by_span = {row["span_id"]: row for row in calls}

    def found(name: str, row: dict[str, Any]) -> object:
        if name == "usage":
            return sum(int(one["quantity"]) for one in row["usage"])
        return "told-1" if name == "user_id" and row["user_hash"] else row.get(name)

    unread = [
        (name, attribute)
        for name, attribute, one in told
        if found(name, by_span[one["spanId"]]) != VALUES.get(name, "told-1")
    ]
    assert unread == []


def test_the_page_says_what_the_contract_does() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_tables(page), "make docs"
    assert all(f"\n| `{one.name}` |" in page for one in (*REQUIRED, *RECOMMENDED))
    with pytest.raises(ValueError, match="made by"):
        page_with_tables("# a page without a place for them\n")


def test_a_page_whose_tables_are_another_s_is_found_out() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_tables(page.replace("`botanu.event_id`", "`acme.event_id`")) == page


@pytest.mark.parametrize(
    ("dialect", "name", "says"),
    [
        ("otlp", "event_id", "set event_id"),
        ("otel_genai", "usage", "set gen_ai.usage.input_tokens and gen_ai.usage.output_tokens"),
        ("botanu", "event_id", "set botanu.event_id"),
        ("traceloop", "tenant_id", "set traceloop.association.properties.tenant_id"),
        # It carries names in one JSON text; what a baggage processor writes is read as well.
        ("openinference", "run_id", "set run_id"),
        ("botanu", "feature_id", "set acme.feature"),
    ],
)
def test_what_to_set_is_what_is_read(dialect: str, name: str, says: str) -> None:
    config = {"name": "t", "kind": "otlp", "uri": "traces", "attributes": {"feature_id": ["acme.feature"]}}
    assert what_to_set(registry.load("telemetry", config), dialect, name) == says


def test_what_to_set_of_a_table_is_its_column() -> None:
    columns: Json = {"record_id": "id", "ended_at": "at", "event_id": "ticket", "tenant_id": {"constant": ""}}
    config = {"name": "t", "kind": "mapped", "uri": "calls", "format": "csv", "entity": "calls", "columns": columns}
    source = registry.load("telemetry", config)
    assert {name: what_to_set(source, "mapped", name) for name in NAMES} == {
        "event_id": "fill its column ticket",
        "run_id": "map a column to run_id under `columns`",
        "tenant_id": "map a column, not a constant, to tenant_id",
        "feature_id": "map a column to feature_id under `columns`",
        "model": "map a column to model under `columns`",
        "usage": "declare under `usage` which columns count",
    }
    usage = {"semantics": "inclusive", "meters": [{"meter": "input_tokens", "column": "tokens"}]}
    source = registry.load("telemetry", config | {"usage": usage})
    assert what_to_set(source, "mapped", "usage") == "fill its columns tokens"
    assert what_to_set(None, "otlp", "model") == "let its source tell model"
