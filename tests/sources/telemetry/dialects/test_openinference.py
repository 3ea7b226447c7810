"""OpenInference: what a span is, is told by its kind; no response id is told."""

from __future__ import annotations

import json

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import Json, chat, lines, message, span

MODEL = {"llm.system": "openai", "llm.model_name": "gpt-4.1-2025-04-14"}
COUNTS = {
    "llm.token_count.prompt": 500,
    "llm.token_count.completion": 40,
    "llm.token_count.total": 540,
    "llm.token_count.prompt_details.cache_read": 300,
    "llm.token_count.completion_details.reasoning": 15,
}


def test_a_call_of_a_model(job: Job) -> None:
    (call,) = job.take(chat({"openinference.span.kind": "LLM"} | MODEL | COUNTS)).calls
    assert (call["dialect"], call["span_kind"], call["provider"], call["model"]) == (
        "openinference",
        "model",
        "openai",
        "gpt-4.1-2025-04-14",
    )
    assert usage(call) == {"input_tokens": 200, "cache_read_input_tokens": 300, "output_tokens": 40}


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("EMBEDDING", "model"),
        ("RERANKER", "model"),
        ("TOOL", "tool"),
        ("AGENT", "other"),
        ("CHAIN", "other"),
        ("RETRIEVER", "other"),
        ("PROMPT", "other"),
    ],
)
def test_what_a_kind_is(job: Job, kind: str, meant: str) -> None:
    (call,) = job.take(chat({"openinference.span.kind": kind} | MODEL)).calls
    assert (call["span_kind"], call["billable"]) == (meant, meant == "model")


def test_no_tokens_are_counted_of_kinds_that_repeat_them_and_each_is_told(job: Job) -> None:
    """Whatever else the span carries: a botanu span of that kind is one, too."""
    kinds = ("TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "EVALUATOR", "PROMPT", "UNKNOWN")
    values = [{"openinference.span.kind": kind, "botanu.event_id": "e-1"} | MODEL | COUNTS for kind in kinds]
    taken = job.take(chat(*values))
    assert [(call["usage"], call["event_id"]) for call in taken.calls] == [([], "e-1")] * 7
    # A reranker was called all the same, and so its run was seen.
    assert [kind for kind, call in zip(kinds, taken.calls, strict=True) if call["billable"]] == ["RERANKER"]
    assert {row["attribute"]: row["calls"] for row in taken.rows["unread_usage"]} == dict.fromkeys(COUNTS, 7)


@pytest.mark.parametrize("kind", ["AGENT", "CHAIN"])
def test_what_an_agent_tells_is_for_the_calls_below_it_to_be_taken_from(job: Job, kind: str) -> None:
    """Rule R30 counts what it tells beyond them."""
    taken = job.take(chat({"openinference.span.kind": kind} | MODEL | COUNTS))
    assert [(call["span_kind"], call["billable"]) for call in taken.calls] == [("other", True)]
    assert "unread_usage" not in taken.rows


def test_the_model_that_answered_goes_before_the_one_asked_for(job: Job) -> None:
    asked = {
        "llm.model_name": "gpt-4.1",
        "llm.request.model_name": "gpt-4.1",
        "llm.response.model_name": "gpt-4.1-2025-04-14",
    }
    embedded = {"embedding.model_name": "text-embedding-3-small"}
    calls = job.take(
        chat({"openinference.span.kind": "LLM"} | asked, {"openinference.span.kind": "EMBEDDING"} | embedded)
    ).calls
    assert [(call["model"], call["request_model"]) for call in calls] == [
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("text-embedding-3-small", None),
    ]


def test_ids_are_read_of_its_metadata_whose_text_is_not_landed(job: Job) -> None:
    metadata = {"event_id": "e-7", "tenant_id": "t-7", "question": "Where is it?", "note": "CANARY"}
    parameters = {"service_tier": "flex", "stream": True, "instructions": "CANARY"}
    values = {"metadata": json.dumps(metadata), "llm.invocation_parameters": json.dumps(parameters)}
    taken = job.take(chat({"openinference.span.kind": "LLM"} | MODEL | COUNTS | values))
    (call,) = taken.calls
    assert (call["event_id"], call["tenant_id"], call["service_tier"]) == ("e-7", "t-7", "flex")
    assert b"CANARY" not in taken.stored
    assert b"Where" not in taken.stored


@pytest.mark.parametrize(
    "metadata",
    [
        {"event_id": "e-7", "tenant_id": "O'Brien & Söhne", "ok": True, "none": None, "score": 0.1, "note": "CANARY"},
        {"event_id": "e-7", "tenant_id": "O'Brien & Söhne", "note": 'say "CANARY" \\ \n \x85 \U0001f600'},
        {"nested": [{"deep": "it's CANARY"}], "event_id": "e-7", "tenant_id": "O'Brien & Söhne"},
    ],
)
def test_ids_are_read_of_metadata_as_python_prints_it(job: Job, metadata: Json) -> None:
    taken = job.take(chat({"openinference.span.kind": "LLM", "metadata": str(metadata)} | MODEL))
    assert [(call["event_id"], call["tenant_id"]) for call in taken.calls] == [("e-7", "O'Brien & Söhne")]
    assert b"CANARY" not in taken.stored


@pytest.mark.parametrize(
    "metadata",
    [
        "{'event_id': 'e-7'",
        "{'event_id': open('/etc/passwd')}",
        "{'event_id': 'e-7', 'at': datetime.date(2026, 1, 1)}",
        "{'event_id': '\\U00110000'}",
        "{'event_id': '\\ud800'}",
        "{'a': " * 100_000,
        "{'event_id': 'e-7', 'long': '" + "x" * (1 << 16) + "'}",
        "{" + "-" * 50_000 + "1}",
    ],
    ids=range(8),
)
def test_metadata_that_is_neither_is_not_landed(job: Job, metadata: str) -> None:
    taken = job.take(chat({"openinference.span.kind": "LLM", "metadata": metadata} | MODEL))
    assert [call["event_id"] for call in taken.calls] == [None]
    assert b'"metadata"' not in taken.stored


def test_a_name_in_its_metadata_may_be_of_several_words(job: Job) -> None:
    metadata = {"tenant_id": "Müller & Sons", "feature_id": "x" * 129}
    (call,) = job.take(chat({"openinference.span.kind": "LLM", "metadata": json.dumps(metadata)} | MODEL)).calls
    assert (call["tenant_id"], call["feature_id"]) == ("Müller & Sons", None)


TEXTS = {
    "input.value": "CANARY",
    "output.value": "CANARY",
    "llm.input_messages.0.message.content": "CANARY",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "CANARY",
    "llm.prompt_template.template": "CANARY",
    "llm.tools.0.tool.json_schema": "CANARY",
    "embedding.embeddings.0.embedding.text": "CANARY",
    "retrieval.documents.0.document.content": "CANARY",
    "reranker.query": "CANARY",
    "tool.parameters": "CANARY",
}


def test_no_text_of_it_is_landed(job: Job) -> None:
    taken = job.take(chat({"openinference.span.kind": "LLM"} | MODEL | COUNTS | TEXTS))
    assert b"CANARY" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == str(len(TEXTS))


#: Scope → whether its 500 contain the 300 it tells as cached, and whether it tells cached counts at all.
@pytest.mark.parametrize(
    ("scope", "tells"),
    [("openinference.instrumentation.bedrock", True), ("openinference.instrumentation.smolagents", False)],
)
def test_its_table_of_emitters(job: Job, scope: str, tells: bool) -> None:
    values = {"openinference.span.kind": "LLM", "llm.provider": "aws"} | COUNTS
    del values["llm.token_count.total"]
    (call,) = job.take(chat(values, scope=scope)).calls
    assert (call["emitter_tells_cache"], call["token_semantics_by"]) == (tells, "table")
    assert usage(call)["input_tokens"] == 200


def test_langchain_lies_over_the_sdk_it_calls(job: Job) -> None:
    (call,) = job.take(
        chat({"openinference.span.kind": "LLM"} | MODEL, scope="openinference.instrumentation.langchain")
    ).calls
    assert "openinference.instrumentation.openai" in call["over_scopes"]


#: Scope → whom a client of that class calls.
CLIENTS = {
    "openinference.instrumentation.autogen_agentchat": {
        "OpenAIChatCompletionClient.create": "openai",
        "OpenAIChatCompletionClient.create_stream": "openai",
        "AzureOpenAIChatCompletionClient.create": "azure.ai.openai",
        "AnthropicChatCompletionClient.create": "anthropic",
        "OllamaChatCompletionClient.create": None,
    },
    "openinference.instrumentation.smolagents": {
        "OpenAIModel.generate": "openai",
        "OpenAIModel.generate_stream": "openai",
        "AzureOpenAIModel.generate": "azure.ai.openai",
        "AzureOpenAIModel.generate_stream": "azure.ai.openai",
        "LiteLLMModel.generate": None,
    },
}


@pytest.mark.parametrize("scope", CLIENTS)
def test_whom_a_client_calls_is_known_by_its_name_where_it_is_not_told(job: Job, scope: str) -> None:
    values = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4.1"} | COUNTS
    spans = [span(values, spanId=f"{number:016x}", name=name) for number, name in enumerate(CLIENTS[scope], 1)]
    found = job.take(lines(message(*spans, scope=scope))).calls
    assert [call["provider"] for call in found] == list(CLIENTS[scope].values())
    assert {call["emitter_tells_cache"] for call in found} <= {False, None}


def test_who_hosts_a_model_goes_before_who_made_it(job: Job) -> None:
    hosted = {"openinference.span.kind": "LLM", "llm.provider": "azure", "llm.system": "openai"}
    made = {"openinference.span.kind": "LLM", "llm.system": "openai"}
    assert [call["provider"] for call in job.take(chat(hosted, made)).calls] == ["azure.ai.openai", "openai"]


def test_a_decision_is_a_call_of_a_model_with_names_of_its_own(job: Job) -> None:
    told = {
        "openinference.span.kind": "DECISION",
        "decision.model_name": "d-1",
        "decision.response.model_name": "d-1-2026-05-01",
        "decision.provider": "acme",
        "decision.token_count.input": 30,
        "decision.token_count.output": 2,
    }
    (call,) = job.take(chat(told)).calls
    assert (call["span_kind"], call["provider"], call["model"]) == ("model", "acme", "d-1-2026-05-01")
    assert usage(call) == {"input_tokens": 30, "output_tokens": 2}
