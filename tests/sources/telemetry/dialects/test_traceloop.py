"""Traceloop's SDK: ids as association properties, and instrumentations with readings of their own."""

from __future__ import annotations

import pytest

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import CALL, Json, chat

UNDER = "traceloop.association.properties."


def test_association_properties_are_ids(job: Job) -> None:
    ids = {
        "event_id": "e-3",
        "run_id": "r-3",
        "tenant_id": "t-3",
        "customer_id": "c-3",
        "feature_id": "answers",
        "prompt_version": "v9",
    }
    (call,) = job.take(chat(CALL | {UNDER + name: value for name, value in ids.items()})).calls
    assert {name: call[name] for name in ids} == ids


def test_a_companys_own_name_is_one_there_too(job: Job) -> None:
    values = CALL | {f"{UNDER}acme.case": "e-4"}
    (call,) = job.take(chat(values), attributes={"event_id": ["acme.case"]}).calls
    assert call["event_id"] == "e-4"


def test_the_spans_own_id_goes_first(job: Job) -> None:
    (call,) = job.take(chat(CALL | {UNDER + "event_id": "e-3", "event_id": "e-5"})).calls
    assert call["event_id"] == "e-5"


@pytest.mark.parametrize(
    ("kind", "meant"), [("workflow", "other"), ("task", "other"), ("agent", "other"), ("tool", "tool")]
)
def test_what_a_kind_is(job: Job, kind: str, meant: str) -> None:
    (call,) = job.take(chat({"traceloop.span.kind": kind, "traceloop.workflow.name": "tickets"})).calls
    assert (call["dialect"], call["span_kind"], call["billable"], call["workflow"]) == (
        "traceloop",
        meant,
        False,
        "tickets",
    )


COUNTS = {"gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 4, "gen_ai.usage.cache_read.input_tokens": 50}


@pytest.mark.parametrize(
    ("scope", "values", "told"),
    [
        ("opentelemetry.instrumentation.bedrock", {"gen_ai.provider.name": "aws.bedrock"}, (70, "provider", None)),
        ("opentelemetry.instrumentation.openai.v1", {}, (20, "provider", None)),
        (
            "opentelemetry.instrumentation.anthropic",
            {"gen_ai.system": "anthropic"},
            (20, "provider", ["com.anthropic.sdk.python"]),
        ),
        (
            "opentelemetry.instrumentation.anthropic",
            {"gen_ai.is_streaming": True},
            (20, "estimated", ["com.anthropic.sdk.python"]),
        ),
    ],
)
def test_its_table_of_emitters(job: Job, scope: str, values: Json, told: tuple[int, str, list[str] | None]) -> None:
    (call,) = job.take(chat(CALL | COUNTS | values, scope=scope)).calls
    assert (usage(call)["input_tokens"], call["usage_source"], call["over_scopes"]) == told


def test_no_text_of_it_is_landed(job: Job) -> None:
    texts = {
        "traceloop.entity.input": "CANARY",
        "traceloop.entity.output": "CANARY",
        "llm.request.functions.0.arguments": "CANARY",
    }
    assert b"CANARY" not in job.take(chat(CALL | texts)).stored
