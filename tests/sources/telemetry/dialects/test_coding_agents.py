"""Coding agents: counts under bare names."""

from __future__ import annotations

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import ENDED, Json, attributes, chat, lines, message, span

CLAUDE = {"gen_ai.system": "anthropic", "gen_ai.request.model": "claude-opus-4-5", "event_id": "e-1"}


def test_a_request_of_claude_code(job: Job) -> None:
    values = CLAUDE | {"input_tokens": 3, "output_tokens": 40, "cache_read_tokens": 9000, "cache_creation_tokens": 800}
    content = lines(message(span(values, name="claude_code.llm_request"), scope="com.anthropic.claude_code.tracing"))
    (call,) = job.take(content).calls
    assert (call["span_kind"], call["provider"], call["model"]) == ("model", "anthropic", "claude-opus-4-5")
    assert usage(call) == {
        "input_tokens": 3,
        "cache_read_input_tokens": 9000,
        "cache_write_input_tokens": 800,
        "output_tokens": 40,
    }


def test_a_request_without_counts_is_a_call_and_the_interaction_above_none(job: Job) -> None:
    spans = [
        span({"session.id": "s"}, name="claude_code.interaction", spanId="1" * 16),
        span(CLAUDE, name="claude_code.llm_request", spanId="2" * 16),
        span({"tool_name": "Bash"}, name="claude_code.tool", spanId="3" * 16),
    ]
    calls = job.take(lines(message(*spans, scope="com.anthropic.claude_code.tracing"))).calls
    assert [(call["span_kind"], call["billable"]) for call in calls] == [
        ("other", False),
        ("model", True),
        ("tool", False),
    ]


#: What the agents that count cached tokens inside log, and the partition of it.
INSIDE: list[tuple[Json, dict[str, int]]] = [
    (
        {"input_token_count": 90, "cached_token_count": 70, "output_token_count": 8, "reasoning_token_count": 5},
        {"input_tokens": 20, "cache_read_input_tokens": 70, "output_tokens": 8},
    ),
    (
        {
            "input_token_count": 90,
            "cached_content_token_count": 70,
            "output_token_count": 8,
            "thoughts_token_count": 5,
            "total_token_count": 103,
        },
        {"input_tokens": 20, "cache_read_input_tokens": 70, "output_tokens": 13},
    ),
]


@pytest.mark.parametrize(("counts", "parts"), INSIDE)
def test_agents_that_count_the_cache_inside(job: Job, counts: Json, parts: dict[str, int]) -> None:
    (call,) = job.take(chat({"model": "gpt-5.2-codex"} | counts)).calls
    assert (call["model"], usage(call)) == ("gpt-5.2-codex", parts)


def test_a_bare_name_goes_behind_a_vocabularys(job: Job) -> None:
    (call,) = job.take(chat(CLAUDE | {"gen_ai.usage.input_tokens": 5, "input_tokens": 7, "model": "other"})).calls
    assert (call["model"], usage(call)) == ("claude-opus-4-5", {"input_tokens": 5})


def test_an_event_repeats_the_span_of_its_request(job: Job) -> None:
    """Where both signals are exported: the event names the interaction, or no span at all (rule R29)."""
    values = {"input_tokens": 3, "output_tokens": 40, "event_id": "e-1"}
    record = {"timeUnixNano": str(ENDED), "eventName": "claude_code.api_request", "attributes": attributes(values)}
    scoped = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": [record]}
    content = lines(
        message(span(values, name="claude_code.llm_request"), scope="com.anthropic.claude_code.tracing"),
        {"resourceLogs": [{"scopeLogs": [scoped]}]},
    )
    calls = job.take(content).calls
    assert [call["over_scopes"] for call in calls] == [None, ["com.anthropic.claude_code.tracing"]]
