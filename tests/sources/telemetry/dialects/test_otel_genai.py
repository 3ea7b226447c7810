"""Names that single emitters add to OpenTelemetry's GenAI names, and what its table of emitters says of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import CALL, Json, chat, lines, message, span

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CLAUDE = CALL | {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"}


def test_anthropics_own_sdk_tells_how_long_a_cache_is_kept_and_the_tier(job: Job) -> None:
    values = CLAUDE | {
        INPUT: 700,
        OUTPUT: 9,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.cache_write.input_tokens": 200,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 150,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 50,
        "anthropic.response.service_tier": "priority",
    }
    (call,) = job.take(chat(values, scope="com.anthropic.sdk.python")).calls
    assert call["service_tier"] == "priority"
    assert usage(call) == {
        "input_tokens": 100,
        "cache_read_input_tokens": 400,
        "cache_write_input_tokens.5m": 150,
        "cache_write_input_tokens.1h": 50,
        "output_tokens": 9,
    }


def test_details_of_pydantic_ai_are_read_beside_the_counts(job: Job) -> None:
    values = CLAUDE | {
        INPUT: 700,
        "gen_ai.usage.details.cache_read_input_tokens": 400,
        "gen_ai.usage.details.cache_creation_input_tokens": 200,
        "gen_ai.usage.details.ephemeral_1h_input_tokens": 50,
        "gen_ai.usage.details.reasoning_tokens": 3,
        OUTPUT: 9,
    }
    taken = job.take(chat(values, scope="pydantic-ai"))
    assert usage(taken.calls[0]) == {
        "input_tokens": 100,
        "cache_read_input_tokens": 400,
        "cache_write_input_tokens": 150,
        "cache_write_input_tokens.1h": 50,
        "output_tokens": 9,
    }
    assert "unread_usage" not in taken.rows


@pytest.mark.parametrize(
    "name",
    [
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_tokens_details.cached_tokens",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
    ],
)
def test_cached_tokens_under_other_names(job: Job, name: str) -> None:
    (call,) = job.take(chat(CALL | {INPUT: 90, name: 60})).calls
    assert usage(call) == {"input_tokens": 30, "cache_read_input_tokens": 60}


#: A name that some emitters write → the convention's, and what 70 of it makes of 500 and 9 tokens.
SYNONYMS: dict[str, tuple[str, Json]] = {
    "input_cached_tokens": ("cache_read.input_tokens", {"input_tokens": 430, "cache_read_input_tokens": 70}),
    "cache_read_input_tokens": ("cache_read.input_tokens", {"input_tokens": 430, "cache_read_input_tokens": 70}),
    "cache_creation_input_tokens": ("cache_write.input_tokens", {"input_tokens": 430, "cache_write_input_tokens": 70}),
    "cache_write_tokens": ("cache_creation.input_tokens", {"input_tokens": 430, "cache_write_input_tokens": 70}),
    # More thoughts than output are outside of it (rule R31).
    "reasoning_tokens": ("reasoning.output_tokens", {"input_tokens": 500, "output_tokens": 79}),
}


@pytest.mark.parametrize("synonym", SYNONYMS)
def test_a_synonym_is_read_where_the_conventions_name_is_not_told(job: Job, synonym: str) -> None:
    name, expected = SYNONYMS[synonym]
    both = {f"gen_ai.usage.{synonym}": 300, f"gen_ai.usage.{name}": 70}
    counts = CALL | {INPUT: 500, OUTPUT: 9}
    calls = job.take(chat(counts | {f"gen_ai.usage.{synonym}": 70}, counts | both)).calls
    assert [usage(call) for call in calls] == [{"output_tokens": 9} | expected] * 2


def test_an_agents_own_event_is_not_the_business_events(job: Job) -> None:
    values = CALL | {"gcp.vertex.agent.event_id": "4f1c", "gcp.vertex.agent.invocation_id": "e-1", INPUT: 9}
    (call,) = job.take(chat(values, scope="gcp.vertex.agent")).calls
    assert (call["event_id"], usage(call)) == (None, {"input_tokens": 9})


@pytest.mark.parametrize("name", ["gen_ai.conversation.id", "session.id", "gen_ai.agent.id", "gen_ai.tool.call.id"])
def test_a_conversation_is_neither_an_event_nor_a_run(job: Job, name: str) -> None:
    (call,) = job.take(chat(CALL | {name: "c-1", INPUT: 9})).calls
    assert (call["event_id"], call["run_id"]) == (None, None)


#: (scope, provider): whether its input of 500 contains the 300 it tells as cached.
READINGS = [
    ("opentelemetry.instrumentation.botocore.bedrock-runtime", "aws.bedrock", False),
    ("openlit.instrumentation.anthropic", "anthropic", False),
    ("opentelemetry.instrumentation.genai.anthropic", "anthropic", True),
    ("com.anthropic.sdk.python", "anthropic", True),
    ("pydantic-ai", "anthropic", True),
]


@pytest.mark.parametrize(("scope", "provider", "contains"), READINGS)
def test_what_an_input_contains_is_known_of_its_emitter(job: Job, scope: str, provider: str, contains: bool) -> None:
    values = CALL | {"gen_ai.provider.name": provider, INPUT: 500, "gen_ai.usage.cache_read.input_tokens": 300}
    (call,) = job.take(chat(values, scope=scope)).calls
    assert usage(call) == {"input_tokens": 200 if contains else 500, "cache_read_input_tokens": 300}
    assert call["token_semantics_by"] == "table"


def test_an_emitters_own_counts_of_a_stream_are_estimated(job: Job) -> None:
    values = CALL | {INPUT: 12, OUTPUT: 4}
    calls = job.take(
        chat(*(values | {"gen_ai.request.stream": on} for on in (True, False)), scope="openlit.instrumentation.openai")
    ).calls
    assert [call["usage_source"] for call in calls] == ["estimated", "provider"]


@pytest.mark.parametrize("cost", [0, 0.0, "0", "0E-9", "0.00"])
def test_a_cost_of_nothing_is_not_known_of_an_emitter_that_finds_no_price(job: Job, cost: object) -> None:
    """Of any other it is told: a call may be free."""
    values = CALL | {INPUT: 12, "gen_ai.usage.cost": cost}
    names = ("reported_cost", "reported_currency")
    for scope, told in (("openlit.instrumentation.openai", (None, None)), ("acme.llm", (0, "USD"))):
        (call,) = job.take(chat(values, scope=scope)).calls
        assert tuple(call[name] for name in names) == told
    (call,) = job.take(chat(values | {"gen_ai.usage.cost": "1E-9"}, scope="openlit.instrumentation.openai")).calls
    assert call["reported_cost"] == Decimal("1E-9")


def test_an_emitter_without_cached_counts_is_known_as_one(job: Job) -> None:
    (call,) = job.take(chat(CALL | {INPUT: 12}, scope="opentelemetry.instrumentation.openai_v2")).calls
    assert (call["tells_cache"], call["emitter_tells_cache"]) == (False, False)


def test_logfires_two_spans_of_a_stream_are_of_one_call(job: Job) -> None:
    opening, telling = span(CALL, spanId="1" * 16), span(CALL | {INPUT: 5}, spanId="2" * 16)
    calls = job.take(lines(message(opening, telling, scope="logfire.openai"))).calls
    assert [call["over_scopes"] for call in calls] == [["logfire.openai"]] * 2


@pytest.mark.parametrize(
    "values",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 9},
        CALL | {"gen_ai.client.token.usage": 9, INPUT: 9},
        CALL | {"gcp.vertex.agent.event_id": "4f1c", INPUT: 9},
    ],
)
def test_sums_and_copies_are_no_unread_usage(job: Job, values: Json) -> None:
    assert "unread_usage" not in job.take(chat(values)).rows
