"""Vercel's AI SDK: calls told below ``ai.``, and sums above them."""

from __future__ import annotations

import json

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import Json, attributes, lines, message, span

COUNTS = {
    "ai.usage.inputTokens": 640,
    "ai.usage.inputTokenDetails.noCacheTokens": 90,
    "ai.usage.inputTokenDetails.cacheReadTokens": 500,
    "ai.usage.inputTokenDetails.cacheWriteTokens": 50,
    "ai.usage.outputTokens": 30,
    "ai.usage.outputTokenDetails.textTokens": 20,
    "ai.usage.outputTokenDetails.reasoningTokens": 10,
    "ai.usage.totalTokens": 670,
}
STEP = {
    "ai.operationId": "ai.streamText.doStream",
    "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-sonnet-4-5",
    "gen_ai.system": "anthropic.messages",
    "ai.response.id": "msg-5",
    "ai.response.model": "claude-sonnet-4-5-20250929",
}
PARTS = {"input_tokens": 90, "cache_read_input_tokens": 500, "cache_write_input_tokens": 50, "output_tokens": 30}


def told(*values: Json) -> bytes:
    return lines(
        message(
            *(span(v, spanId=f"{n:016x}", name=v.get("ai.operationId", "x")) for n, v in enumerate(values, 1)),
            scope="ai",
        )
    )


def test_a_call_is_told_by_its_operation(job: Job) -> None:
    whole, step = {"ai.operationId": "ai.streamText", "ai.model.id": "claude-sonnet-4-5"} | COUNTS, STEP | COUNTS
    above, call = job.take(told(whole, step)).calls
    assert (above["span_kind"], call["span_kind"]) == ("other", "model")
    assert (call["provider"], call["model"], call["request_model"], call["response_id"]) == (
        "anthropic",
        "claude-sonnet-4-5-20250929",
        "claude-sonnet-4-5",
        "msg-5",
    )
    assert usage(call) == PARTS
    assert call["dialect"] == "vercel_ai"


@pytest.mark.parametrize(
    "operation", ["generateText.doGenerate", "generateObject.doGenerate", "embed.doEmbed", "embedMany.doEmbed"]
)
def test_operations_of_a_model(job: Job, operation: str) -> None:
    values = {"ai.operationId": f"ai.{operation}", "ai.model.provider": "openai.embedding", "ai.usage.tokens": 7}
    whole = values | {"ai.operationId": f"ai.{operation.partition('.')[0]}"}
    call, above = job.take(told(values, whole)).calls
    assert (call["span_kind"], call["provider"], usage(call)) == ("model", "openai", {"input_tokens": 7})
    assert above["span_kind"] == "other"


def test_a_tool_is_one(job: Job) -> None:
    (call,) = job.take(told({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "look_up"})).calls
    assert (call["span_kind"], call["billable"]) == ("tool", False)


@pytest.mark.parametrize("under", ["ai.telemetry.metadata.", "ai.settings.context."])
def test_ids_are_what_the_application_passes(job: Job, under: str) -> None:
    ids = {"event_id": "e-1", "tenant_id": "t-1", "run_id": "r-1", "feature_id": "answers", "prompt_version": "v2"}
    (call,) = job.take(told(STEP | COUNTS | {under + name: value for name, value in ids.items()})).calls
    assert {name: call[name] for name in ids} == ids


def test_what_a_provider_says_beside_is_read_and_its_text_is_not_landed(job: Job) -> None:
    beside = {
        "anthropic": {
            "usage": {
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
                "service_tier": "batch",
            },
            "thinking": "First I look at the parcel",
        }
    }
    values = STEP | COUNTS | {"ai.response.providerMetadata": json.dumps(beside)}
    taken = job.take(told(values))
    (call,) = taken.calls
    assert usage(call) == {
        "input_tokens": 90,
        "cache_read_input_tokens": 500,
        "cache_write_input_tokens.5m": 20,
        "cache_write_input_tokens.1h": 30,
        "output_tokens": 30,
    }
    assert (call["service_tier"], call["batch"]) == ("standard", "true")
    assert b"parcel" not in taken.stored


TEXTS = {
    "ai.prompt": "SECRET",
    "ai.prompt.messages": "SECRET",
    "ai.response.text": "SECRET",
    "ai.response.reasoning": "SECRET",
    "ai.response.files": "SECRET",
    "ai.response.toolCalls": "SECRET",
    "ai.request.headers.authorization": "SECRET",
    "ai.toolCall.args": "SECRET",
    "ai.toolCall.result": "SECRET",
    "ai.value": "SECRET",
    "ai.values": ["SECRET"],
    "ai.schema": "SECRET",
    "ai.embedding": "[0.5,SECRET]",
    "ai.settings.context.question": "SECRET",
}


def test_no_text_of_it_is_landed(job: Job) -> None:
    taken = job.take(told(STEP | COUNTS | TEXTS))
    assert b"SECRET" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == str(len(TEXTS))
    for kept in attributes(STEP | COUNTS):
        assert f'"{kept["key"]}"'.encode() in taken.stored
