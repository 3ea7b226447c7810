"""LiteLLM: its request's span, the raw request below it, and answers from its own cache."""

from __future__ import annotations

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import chat

REQUEST = {
    "llm.request.type": "completion",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.response.model": "gpt-4.1-2025-04-14",
    "gen_ai.response.id": "chatcmpl-8",
    "gen_ai.usage.prompt_tokens": 300,
    "gen_ai.usage.completion_tokens": 20,
    "llm.usage.total_tokens": 320,
    "metadata.user_api_key_hash": "",
    "gen_ai.cost.total_cost": 0.5,
}


def test_a_request(job: Job) -> None:
    (call,) = job.take(chat(REQUEST | {"metadata.event_id": "e-1", "metadata.tenant_id": "t-1"}, scope="litellm")).calls
    assert (call["dialect"], call["span_kind"], call["model"]) == ("litellm", "model", "gpt-4.1-2025-04-14")
    assert (call["event_id"], call["tenant_id"]) == ("e-1", "t-1")
    assert usage(call) == {"input_tokens": 300, "output_tokens": 20}
    assert call["emitter_tells_cache"] is False


@pytest.mark.parametrize("member", ["requester_metadata", "spend_logs_metadata"])
def test_what_a_caller_passed_is_a_text_of_pythons_of_which_ids_are_read(job: Job, member: str) -> None:
    passed = {"event_id": "e-1", "tenant_id": "O'Brien", "question": "CANARY", "tries": None, "dry": False}
    taken = job.take(chat(REQUEST | {f"metadata.{member}": str(passed)}, scope="litellm"))
    assert [(call["event_id"], call["tenant_id"]) for call in taken.calls] == [("e-1", "O'Brien")]
    assert b"CANARY" not in taken.stored
    both = {"metadata.event_id": "e-2", f"metadata.{member}": str(passed)}
    assert [call["event_id"] for call in job.take(chat(REQUEST | both, scope="litellm")).calls] == ["e-2"]


def test_an_answer_from_its_cache_is_one(job: Job) -> None:
    calls = job.take(chat(REQUEST | {"llm.cache_hit": True}, REQUEST | {"llm.cache_hit": False}, scope="litellm")).calls
    assert [call["answered_from_cache"] for call in calls] == [True, False]


def test_the_raw_request_is_no_call_and_its_text_is_not_landed(job: Job) -> None:
    texts = {
        f"llm.{provider}.{name}": "CANARY"
        for provider in ("openai", "acme-ai")
        for name in ("messages", "choices", "content", "system", "input", "prompt")
    }
    kept = {
        "llm.openai.id": "chatcmpl-8",
        "llm.openai.model": "gpt-4.1-2025-04-14",
        "llm.openai.service_tier": "default",
        "llm.openai.created": 5,
    }
    taken = job.take(chat(texts | kept, scope="litellm"))
    assert [(call["span_kind"], call["billable"]) for call in taken.calls] == [("other", False)]
    assert b"CANARY" not in taken.stored
    for name in kept:
        assert name.encode() in taken.stored


def test_text_in_what_it_passes_on_is_not_landed(job: Job) -> None:
    texts = {
        "hidden_params": '{"additional_headers": "CANARY"}',
        "metadata.requester_custom_headers": "CANARY",
        "gen_ai.prompt.0.content": "CANARY",
        "error.message": "CANARY",
    }
    assert b"CANARY" not in job.take(chat(REQUEST | texts)).stored
