"""Langfuse: counts are one JSON text, in the words of whoever counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import Json, chat, lines, message, span

CALL = {"langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4.1-2025-04-14"}

#: What a provider or a caller counts, and the partition of it.
COUNTS: dict[str, tuple[Json, dict[str, int]]] = {
    "chat completions": (
        {
            "prompt_tokens": 80,
            "completion_tokens": 9,
            "total_tokens": 89,
            "prompt_tokens_details": {"cached_tokens": 60},
        },
        {"input_tokens": 20, "cache_read_input_tokens": 60, "output_tokens": 9},
    ),
    "responses": (
        {
            "input_tokens": 80,
            "input_tokens_details": {"cached_tokens": 60},
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 89,
        },
        {"input_tokens": 20, "cache_read_input_tokens": 60, "output_tokens": 9},
    ),
    "anthropic": (
        {
            "input_tokens": 20,
            "cache_read_input_tokens": 60,
            "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 9,
        },
        {
            "input_tokens": 20,
            "cache_read_input_tokens": 60,
            "cache_write_input_tokens.5m": 3,
            "cache_write_input_tokens.1h": 4,
            "output_tokens": 9,
        },
    ),
    "its own words": (
        {"input": 20, "input_cached_tokens": 60, "output": 9},
        {"input_tokens": 20, "cache_read_input_tokens": 60, "output_tokens": 9},
    ),
    "its own words with a total": (
        {"input": 20, "input_cached_tokens": 60, "output": 9, "total": 89},
        {"input_tokens": 20, "cache_read_input_tokens": 60, "output_tokens": 9},
    ),
    "embeddings": ({"input": 500, "total": 500}, {"input_tokens": 500}),
}


@pytest.mark.parametrize("counts", COUNTS)
def test_counts_in_the_words_of_who_counted(job: Job, counts: str) -> None:
    written, parts = COUNTS[counts]
    (call,) = job.take(
        chat(CALL | {"langfuse.observation.usage_details": json.dumps(written)}, scope="langfuse-sdk")
    ).calls
    assert (call["dialect"], call["span_kind"], call["provider"], call["model"]) == (
        "langfuse",
        "model",
        "openai",
        "gpt-4.1-2025-04-14",
    )
    assert usage(call) == parts


def test_metadata_are_json_texts(job: Job) -> None:
    values: dict[str, Any] = {
        "langfuse.trace.metadata.event_id": '"e-1"',
        "langfuse.trace.metadata.run_id": "r-1",
        "langfuse.observation.metadata.tenant_id": '"t-1"',
        "langfuse.observation.metadata.id": '"resp-1"',
        "langfuse.observation.metadata.service_tier": '"flex"',
        "langfuse.observation.metadata.ls_provider": '"anthropic"',
        "langfuse.environment": "staging",
    }
    (call,) = job.take(chat(CALL | values, scope="langfuse-sdk")).calls
    assert (call["event_id"], call["run_id"], call["tenant_id"]) == ("e-1", "r-1", "t-1")
    assert (call["response_id"], call["service_tier"], call["provider"]) == ("resp-1", "flex", "anthropic")


def test_the_environment_is_its_own_where_the_deployment_tells_none(job: Job) -> None:
    values = CALL | {"langfuse.environment": "staging"}
    (call,) = job.take(lines(message(span(values), resource={}))).calls
    assert call["environment"] == "staging"


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("embedding", "model"), ("tool", "tool"), ("agent", "other"), ("span", "other"), ("chain", "other")],
)
def test_what_an_observation_is(job: Job, kind: str, meant: str) -> None:
    (call,) = job.take(chat(CALL | {"langfuse.observation.type": kind})).calls
    assert (call["span_kind"], call["billable"]) == (meant, meant == "model")


def test_no_text_of_it_is_landed(job: Job) -> None:
    texts = {f"langfuse.{of}.{name}": "CANARY" for of in ("observation", "trace") for name in ("input", "output")}
    texts |= {
        "langfuse.observation.status_message": "CANARY",
        "langfuse.observation.metadata.thought": '"CANARY is it"',
    }
    taken = job.take(chat(CALL | texts))
    assert b"CANARY" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == str(len(texts))
