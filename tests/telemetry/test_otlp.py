"""``kind: otlp``: trace files in every vocabulary, packing and state of repair, from a folder to rows of the lake."""

from __future__ import annotations

import gzip
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid, SourceRejected
from reconcilers.sources import registry
from tests.telemetry.conftest import DAY, Job, Row
from tests.telemetry.written import (
    PARENT,
    SPAN,
    TRACE,
    Json,
    attribute,
    chat,
    event,
    framed,
    gzipped,
    line,
    lines,
    message,
    span,
    zstandard_file,
)

Refusal = Callable[..., SourceRejected]

#: The ids of the work, as a baggage processor copies them.
WORK = {
    "event_id": "evt-1",
    "run_id": "run-1",
    "tenant_id": "ten-1",
    "customer_id": "cus-1",
    "feature_id": "answers",
    "workflow": "Answer",
    "prompt_version": "v3",
    "data_mode": "real",
}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4.1"}
#: What one call says about itself in each generation of names; the counts are the same.
GENERATIONS = {
    "first": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 120,
        "gen_ai.usage.cache_read_input_tokens": 600,
        "gen_ai.openai.response.service_tier": "priority",
    },
    "to 1.36": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read_tokens": 600,
        "gen_ai.openai.response.service_tier": "priority",
    },
    "1.37 to 1.41": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.reasoning.output_tokens": 40,
        "openai.request.service_tier": "auto",
        "openai.response.service_tier": "priority",
    },
    "since": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4.1",
        "gen_ai.response.model": "gpt-4.1-2025-04-14",
        "gen_ai.response.id": "resp-1",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 40,
        "openai.response.service_tier": "priority",
    },
}
#: The row of each of them, but for what tells where it was landed.
EXPECTED = {
    "source": "traces",
    "landing_line": 1,
    "record_id": f"{TRACE}|{SPAN}",
    "trace_id": TRACE,
    "span_id": SPAN,
    "parent_span_id": PARENT,
    "response_id": "resp-1",
    "billable": True,
    "provider": "openai",
    "endpoint": "api.openai.com",
    "billing_account_id": "org-1",
    "sub_account_id": "proj-1",
    "api_key_id": "key-1",
    "model": "gpt-4.1-2025-04-14",
    "request_model": "gpt-4.1",
    "service_tier": "priority",
    "operation": "chat",
    "event_id": "evt-1",
    "run_id": "run-1",
    "tenant_id": "ten-1",
    "customer_id": "cus-1",
    "feature_id": "answers",
    "workflow": "Answer",
    "prompt_version": "v3",
    "environment": "production",
    "data_mode": "real",
    "service": "answers",
    "started_at": datetime(2026, 10, 1, 12),
    "ended_at": datetime(2026, 10, 1, 12, 0, 2, 500_000),
    "status": "ok",
    "usage_source": "provider",
    "token_semantics": "inclusive",
    "landing_row": 0,
    "scope_name": "acme.llm",
    "scope_version": "1.0",
    "span_kind": "model",
    "answered_from_cache": False,
    "input_total": 1000,
    "output_total": 120,
    "cached_total": 600,
    "tells_cache": True,
    "cache_exceeds_input": False,
    "usage_inconsistent": False,
    "sampling_probability_millionths": 500_000,
}
ACCOUNT = {
    "server.address": "api.openai.com",
    "billing_account_id": "org-1",
    "openai.project": "proj-1",
    "api_key_id": "key-1",
}
USAGE = {"input_tokens": 400, "cache_read_input_tokens": 600, "output_tokens": 120}


def usage(row: Row) -> dict[str, int]:
    """Quantity per meter, with modality and TTL where they are told."""
    found = {}
    for element in row["usage"]:
        name = ".".join(filter(None, (element["meter"], element["modality"], element["cache_ttl"])))
        assert name not in found
        found[name] = element["quantity"]
    return found


def told(row: Row) -> Row:
    apart = ("landing_id", "usage", "meters_told")
    return {name: value for name, value in row.items() if value is not None and name not in apart}


def same(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The rows without the identity of what was landed."""
    return {
        entity: [{k: v for k, v in row.items() if k != "landing_id"} for row in found] for entity, found in rows.items()
    }


# Vocabularies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_call_in_each_generation_of_names(job: Job, generation: str) -> None:
    values = WORK | ACCOUNT | GENERATIONS[generation]
    (call,) = job.take(lines(message(span(values, traceState="ot=th:8", status={"code": 1})))).calls
    assert told(call) == EXPECTED | {"dialect": "otel_genai"}
    assert usage(call) == USAGE


def test_a_call_of_botanu(job: Job) -> None:
    work = {f"botanu.{name}": value for name, value in WORK.items()}
    values = work | ACCOUNT | GENERATIONS["1.37 to 1.41"] | {"botanu.environment": "staging"}
    # The copy the SDK makes of the cache reads is not in addition to them.
    values |= {"botanu.usage.cached_tokens": 600, "botanu.usage.cache_read_tokens": 600}
    (call,) = job.take(lines(message(span(values, traceState="ot=th:8", status={"code": 1})))).calls
    assert told(call) == EXPECTED | {"dialect": "botanu"}
    assert usage(call) == USAGE


def test_environment_of_botanu_counts_where_the_deployment_tells_none(job: Job) -> None:
    values = CALL | {"botanu.run_id": "run-1", "botanu.environment": "staging"}
    resources: list[Json] = [{}, {"deployment.environment": "canary"}, {"deployment.environment.name": "production"}]
    calls = job.take(lines(*(message(span(values), resource=resource) for resource in resources))).calls
    assert [call["environment"] for call in calls] == ["staging", "canary", "production"]


def test_a_newer_name_goes_before_an_older_one(job: Job) -> None:
    values = GENERATIONS["first"] | GENERATIONS["since"] | {"gen_ai.usage.prompt_tokens": 7, "gen_ai.system": "az"}
    (call,) = job.take(chat(values)).calls
    assert (call["provider"], usage(call)) == ("openai", USAGE)


@pytest.mark.parametrize(
    ("written", "provider"),
    [
        ("xai", "x_ai"),
        ("azure.openai", "azure.ai.openai"),
        ("Azure", "azure.ai.openai"),
        ("aws_bedrock", "aws.bedrock"),
        ("AWS", "aws.bedrock"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("gemini", "gcp.gemini"),
        ("google", "gcp.gen_ai"),
        ("Anthropic", "anthropic"),
        ("acme", "acme"),
    ],
)
def test_providers_are_in_one_spelling(job: Job, written: str, provider: str) -> None:
    (call,) = job.take(chat(CALL | {"gen_ai.provider.name": written})).calls
    assert call["provider"] == provider


@pytest.mark.parametrize(
    ("values", "tier", "batch"),
    [
        ({"openai.response.service_tier": "default"}, "standard", None),
        ({"openai.request.service_tier": "auto"}, None, None),
        ({"openai.request.service_tier": "flex"}, "flex", None),
        ({"openai.request.service_tier": "flex", "openai.response.service_tier": "default"}, "standard", None),
        ({"service_tier": "batch"}, "standard", "true"),
        ({"gen_ai.request.batch": True}, None, "true"),
        ({"batch": False}, None, "false"),
    ],
)
def test_the_tier_that_answered(job: Job, values: Json, tier: str | None, batch: str | None) -> None:
    (call,) = job.take(chat(CALL | values)).calls
    assert (call["service_tier"], call["batch"]) == (tier, batch)


def test_the_cloud_account_counts_for_its_own_provider_only(job: Job) -> None:
    cloud = {"cloud.provider": "aws", "cloud.account.id": "1234"}
    calls = job.take(chat(*(CALL | cloud | {"gen_ai.provider.name": name} for name in ("aws.bedrock", "openai")))).calls
    assert [call["sub_account_id"] for call in calls] == ["1234", None]


def test_own_attribute_names_go_first(job: Job) -> None:
    own = {"acme.feature": "search", "feature_id": "other", "acme.in": 5, "gen_ai.usage.input_tokens": 9}
    (call,) = job.take(
        chat(CALL | own), attributes={"feature_id": ["acme.feature"], "input": ["acme.none", "acme.in"]}
    ).calls
    assert (call["feature_id"], usage(call)) == ("search", {"input_tokens": 5})


def test_own_event_id_marks_a_span(job: Job) -> None:
    content = chat({"acme.case": "c-1", "db.system": "pinecone"}, parentSpanId="")
    assert job.take(content).calls == []
    (run,) = job.take(
        chat({"acme.case": "c-1", "run_id": "r"}, parentSpanId=""), attributes={"event_id": ["acme.case"]}
    ).rows["runs"]
    assert (run["event_id"], run["run_id"]) == ("c-1", "r")


@pytest.mark.parametrize(
    "config",
    [
        {"dialects": ["acme"]},
        {"dialects": ["base"]},
        {"dialects": ["../otel_genai"]},
        {"dialects": []},
        {"attributes": {"acme": ["x"]}},
        {"outcomes": {"resolved": "won"}},
        {"token_semantics": {"acme.llm": "maybe"}},
        {"pattern": "("},
        {"acme": 1},
    ],
)
def test_a_wrong_setting_is_refused(config: Json) -> None:
    with pytest.raises(SettingsInvalid):
        registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": "."} | config)


# Usage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "semantics", "expected"),
    [
        # Since 1.37 the input contains what was cached, whoever answers.
        (
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_read.input_tokens": 600,
                "gen_ai.usage.cache_creation.input_tokens": 300,
            },
            "inclusive",
            {"input_tokens": 100, "cache_read_input_tokens": 600, "cache_write_input_tokens": 300},
        ),
        # Before, Anthropic's own count was passed on; only the bill can tell.
        (
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_read_input_tokens": 600,
            },
            "ambiguous",
            {"input_tokens": 1000, "cache_read_input_tokens": 600},
        ),
        # More cached than there was input cannot be contained in it.
        (
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.cache_read_input_tokens": 600,
            },
            "exclusive",
            {"input_tokens": 10, "cache_read_input_tokens": 600},
        ),
        # botanu's tracker writes what it was handed.
        (
            {
                "botanu.vendor": "anthropic",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "botanu.usage.cache_read_tokens": 600,
            },
            "ambiguous",
            {"input_tokens": 1000, "cache_read_input_tokens": 600},
        ),
        # How long an entry is kept, where Anthropic's own names tell it.
        (
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_creation.input_tokens": 500,
                "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens": 100,
                "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens": 300,
            },
            "inclusive",
            {
                "input_tokens": 500,
                "cache_write_input_tokens": 100,
                "cache_write_input_tokens.5m": 100,
                "cache_write_input_tokens.1h": 300,
            },
        ),
        # Gemini counts its thoughts apart from the output: more reasoning than output is not contained in it.
        (
            {
                "gen_ai.provider.name": "gemini",
                "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.reasoning.output_tokens": 50,
            },
            "inclusive",
            {"output_tokens": 70},
        ),
        (
            {"gen_ai.usage.total_tokens": 30, "gen_ai.usage.output_tokens": 10},
            "inclusive",
            {"input_tokens": 20, "output_tokens": 10},
        ),
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.audio.input_tokens": 30,
                "gen_ai.usage.image.input_tokens": 20,
                "gen_ai.usage.video.input_tokens": 10,
                "gen_ai.usage.output_tokens": 50,
                "gen_ai.usage.audio.output_tokens": 40,
            },
            "inclusive",
            {
                "input_tokens.text": 40,
                "input_tokens.audio": 30,
                "input_tokens.image": 20,
                "input_tokens.video": 10,
                "output_tokens.text": 10,
                "output_tokens.audio": 40,
            },
        ),
        # Two modalities that together exceed what is left uncached take no more than there is.
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.cache_read.input_tokens": 60,
                "gen_ai.usage.audio.input_tokens": 30,
                "gen_ai.usage.image.input_tokens": 30,
                "gen_ai.usage.video.input_tokens": 30,
            },
            "inclusive",
            {"input_tokens.audio": 30, "input_tokens.image": 10, "cache_read_input_tokens": 60},
        ),
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.audio.input_tokens": 130,
                "gen_ai.usage.image.input_tokens": 30,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.audio.output_tokens": 9,
            },
            "inclusive",
            {"input_tokens.audio": 100, "output_tokens.audio": 5},
        ),
    ],
)
def test_no_token_is_in_two_meters(job: Job, values: Json, semantics: str, expected: Json) -> None:
    (call,) = job.take(chat({"gen_ai.operation.name": "chat"} | values)).calls
    assert (usage(call), call["token_semantics"], call["usage_source"]) == (expected, semantics, "provider")


def test_vector_reads_have_fractions(job: Job) -> None:
    query = {"db.system": "pinecone", "db.operation": "query", "pinecone.usage.read_units": 0.1}
    (call,) = job.take(chat(query)).calls
    assert (usage(call), call["provider"], call["billable"]) == ({"read_units": Decimal("0.1")}, "pinecone", True)


def test_one_count_that_cannot_be_inclusive_decides_for_its_emitter(job: Job) -> None:
    fits = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read_tokens": 600}
    exceeds = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read_tokens": 600}
    operation = {"gen_ai.operation.name": "chat", "gen_ai.system": "acme"}
    content = lines(
        message(span(operation | fits)),
        message(span(operation | fits), version="2.0"),
        message(span(operation | exceeds)),
    )
    calls = job.take(content).calls
    assert [call["token_semantics"] for call in calls] == ["exclusive", "inclusive", "exclusive"]
    assert [usage(call)["input_tokens"] for call in calls] == [1000, 400, 10]


def test_the_configuration_decides_for_a_scope(job: Job) -> None:
    values = CALL | {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read.input_tokens": 600}
    decided = {"acme.plain": "exclusive", "acme.anthropic": "inclusive"}
    old = {"gen_ai.operation.name": "chat", "gen_ai.system": "anthropic", "gen_ai.usage.input_tokens": 1000}
    old |= {"gen_ai.usage.cache_read_tokens": 600}
    content = chat(values, scope="acme.plain") + chat(old, scope="acme.anthropic")
    calls = job.take(content, token_semantics=decided).calls
    assert [call["token_semantics"] for call in calls] == ["exclusive", "inclusive"]
    assert [usage(call)["input_tokens"] for call in calls] == [1000, 400]


@pytest.mark.parametrize(
    ("values", "fields", "source"),
    [
        ({"gen_ai.usage.input_tokens": 5}, {}, "provider"),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.estimated": True}, {}, "estimated"),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.source": "tokenizer"}, {}, "estimated"),
        ({}, {}, "missing"),
        # Zeros are what some exporters write for no count at all.
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, {}, "missing"),
        ({"error.type": "timeout", "gen_ai.request.stream": True}, {"status": {"code": 2}}, "missing"),
        # A stream that was cut off counted what it had seen.
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.request.stream": True}, {}, "estimated"),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.request.stream": True},
            {"status": {"code": 2}},
            "estimated",
        ),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.request.stream": True},
            {},
            "provider",
        ),
    ],
)
def test_how_sure_the_usage_is(job: Job, values: Json, fields: Json, source: str) -> None:
    (call,) = job.take(chat(CALL | values, **fields)).calls
    assert (call["usage_source"], call["billable"]) == (source, True)
    assert (call["token_semantics"] is None, call["usage"] == []) == (source == "missing", source == "missing")


@pytest.mark.parametrize(
    ("values", "billable"),
    [
        (CALL, True),
        ({"gen_ai.operation.name": "embeddings"}, True),
        ({"llm.request.type": "completion"}, True),
        ({"gen_ai.operation.name": "execute_tool"}, False),
        ({"gen_ai.operation.name": "invoke_agent"}, False),
        # The sum an agent repeats is left to the rule that counts leaves only.
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5}, True),
        ({"gen_ai.usage.input_tokens": 5}, True),
        # A stored answer read again was billed when it was made.
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.usage.input_tokens": 5}, False),
        ({"http.request.method": "GET"}, False),
    ],
)
def test_which_spans_can_be_billed(job: Job, values: Json, billable: bool) -> None:
    (call,) = job.take(chat(values)).calls
    assert call["billable"] is billable
    assert billable or (call["usage"], call["usage_source"]) == ([], "missing")


def test_a_span_of_no_vocabulary_is_kept_for_its_parent_only(job: Job) -> None:
    get = {"http.request.method": "GET"}
    (call,) = job.take(chat(get) + chat(get, parentSpanId="") + chat(get, parentSpanId="0" * 16)).calls
    assert (call["dialect"], call["parent_span_id"], call["landing_line"]) == ("otlp", PARENT, 1)


@pytest.mark.parametrize(
    ("state", "values", "millionths"),
    [
        ("ot=th:0", {}, 1_000_000),
        ("ot=th:8", {}, 500_000),
        ("ot=th:c", {}, 250_000),
        ("ot=th:C;rv:0123456789abcd", {}, 250_000),
        ("acme=1, ot=rv:0123456789abcd;th:8", {}, 500_000),
        # A tenth is not a whole number of millionths in hexadecimal: rounded down.
        ("ot=th:e66666", {}, 100_000),
        ("ot=th:fd70a4", {}, 9_999),
        ("acme=th:8", {}, None),
        ("not=th:8", {}, None),
        ("ot=th:zz", {}, None),
        ("", {}, None),
        ("", {"sampling.probability": 0.25}, 250_000),
        ("", {"sampling.probability": "0.0000019"}, 1),
        ("ot=th:8", {"sampling.probability": 0.25}, 500_000),
    ],
)
def test_sampling_probability(job: Job, state: str, values: Json, millionths: int | None) -> None:
    (call,) = job.take(chat(CALL | values, traceState=state)).calls
    assert call["sampling_probability_millionths"] == millionths


@pytest.mark.parametrize("probability", ["0", "1.1", "-1", "NaN", "often"])
def test_a_probability_that_is_none_is_refused(faulty: Refusal, probability: str) -> None:
    error = faulty(chat(CALL, CALL | {"sampling.probability": probability}))
    assert error.line == 2
    assert "sampling_probability" in error.problem


@pytest.mark.parametrize(
    "written",
    [
        '{"doubleValue":0.123456789123456789}',
        '{"stringValue":"0.123456789123456789"}',
        '{"doubleValue" : 0.123456789123456789}',
        '{"doubleValue":"0.123456789123456789"}',
        '{"doubleValue":1.23456789123456789e-1}',
    ],
)
@pytest.mark.parametrize("with_text", [False, True])
def test_reported_cost_keeps_its_digits(job: Job, written: str, with_text: bool) -> None:
    values = CALL | {"gen_ai.usage.cost": "COST"} | ({"gen_ai.prompt": "hello"} if with_text else {})
    content = chat(values).replace(b'{"stringValue":"COST"}', written.encode())
    (call,) = job.take(content).calls
    assert (call["reported_cost"], call["reported_currency"]) == (Decimal("0.123456789"), "USD")


def test_reported_cost_of_more_digits_than_a_float_has(job: Job) -> None:
    values = CALL | {"gen_ai.usage.cost.amount": "COST", "gen_ai.usage.cost.currency": "eur"}
    content = chat(values).replace(b'{"stringValue":"COST"}', b'{"doubleValue":123456789012.123456789}')
    (call,) = job.take(content).calls
    assert (call["reported_cost"], call["reported_currency"]) == (Decimal("123456789012.123456789"), "EUR")


@pytest.mark.parametrize("cost", ["NaN", "1,5", "1e400", "cheap"])
def test_a_cost_that_is_none_is_refused(faulty: Refusal, cost: str) -> None:
    assert faulty(chat(CALL, CALL | {"gen_ai.usage.cost": cost})).line == 2


# Runs and outcomes ---------------------------------------------------------------------------------------------------


def run_span(run_id: str, how: str, end: Json | None = None, **fields: Any) -> Json:
    """The root span of botanu's SDK with the events it writes."""
    values = {"botanu.event_id": "evt-1", "botanu.run_id": run_id, "botanu.workflow": "Answer", "botanu.attempt": 1}
    values |= {"botanu.tenant_id": "ten-1", **fields.pop("values", {})}
    events = [
        event("botanu.run.started", {"run_id": run_id, "workflow": "Answer"}),
        event("botanu.run.completed", {"run_id": run_id, "status": how, "duration_ms": 2500.0} | (end or {})),
    ]
    return span(values, parentSpanId="", name="botanu.run/Answer", kind=2, events=events, **fields)


def test_runs_of_botanu(job: Job) -> None:
    content = lines(
        message(run_span("run-1", "failure", {"error_class": "APITimeoutError"}, status={"code": 2})),
        message(run_span("run-2", "success", spanId="c" * 16, values={"botanu.retry_of_run_id": "run-1"})),
        message(run_span("run-3", "timeout", spanId="d" * 16, values={"botanu.parent_run_id": "run-2"})),
        message(run_span("run-4", "success", spanId="e" * 16, values={"botanu.parent_run_id": "run-4"})),
    )
    taken = job.take(content)
    assert taken.calls == []
    assert "outcomes" not in taken.rows
    first, *others = taken.rows["runs"]
    assert told(first) == {
        "source": "traces",
        "landing_line": 1,
        "run_id": "run-1",
        "event_id": "evt-1",
        "tenant_id": "ten-1",
        "workflow": "Answer",
        "environment": "production",
        "started_at": datetime(2026, 10, 1, 12),
        "ended_at": datetime(2026, 10, 1, 12, 0, 2, 500_000),
        "status": "failure",
        "error_type": "APITimeoutError",
    }
    names = ("run_id", "status", "retry_of_run_id", "parent_run_id", "declared_kind")
    assert [tuple(run[name] for name in names) for run in others] == [
        ("run-2", "success", "run-1", None, "retry"),
        ("run-3", "timeout", None, "run-2", "worker"),
        ("run-4", "success", None, None, None),
    ]


def test_a_root_span_with_a_run_id_is_a_statement_about_the_run(job: Job) -> None:
    work = WORK | {"run_kind": "Fallback", "run_status": "OK", "retry_of_run_id": "run-0"}
    content = lines(
        message(span(work, parentSpanId="", name="answer")),
        message(span(WORK, parentSpanId="", name="answer", status={"code": 2})),
        message(span(WORK, parentSpanId="", name="answer")),
        message(span(WORK, name="step")),
        message(span(WORK | CALL, parentSpanId="", name="chat")),
    )
    runs = job.take(content).rows["runs"]
    # A step says nothing of its run, nor does a call that has no parent.
    assert [(run["landing_line"], run["status"], run["declared_kind"]) for run in runs] == [
        (1, "success", "fallback"),
        (2, "failure", None),
        (3, "success", None),
    ]
    assert (runs[0]["feature_id"], runs[0]["prompt_version"]) == ("answers", "v3")


def test_outcomes(job: Job) -> None:
    work = {"botanu.event_id": "evt-1", "botanu.run_id": "run-1"}
    stated = {
        "app.outcome": "success",
        "app.outcome.emitter": "System_of_Record",
        "app.outcome.value": "12.3456789012",
        "app.outcome.currency": "eur",
        "app.outcome.confidence": 0.75,
        "app.outcome.reason": "closed",
    }
    content = lines(
        message(span(WORK | stated)),
        message(span(work | {"botanu.outcome": "timeout", "botanu.outcome.emitter": "robot"})),
        message(span(work, events=[event("botanu.outcome_emitted", {"status": "partial"})])),
        message(span(work | {"botanu.outcome.status": "abandoned"})),
        message(span(WORK | {"app.outcome": "failed", "app.outcome.value": 3})),
        message(span(WORK | {"app.outcome": "success", "app.outcome.final": False})),
        message(span({"run_id": "run-1", "app.outcome": "success"})),
        message(span(WORK | {"app.outcome": "Resolved"})),
    )
    rows = job.take(content, outcomes={"resolved": "success"}).rows["outcomes"]
    first = told(rows[0])
    assert first == {
        "source": "traces",
        "landing_line": 1,
        "event_id": "evt-1",
        "outcome": "success",
        "emitter": "system_of_record",
        "occurred_at": datetime(2026, 10, 1, 12, 0, 2, 500_000),
        "outcome_value": Decimal("12.345678901"),
        "value_currency": "EUR",
        "confidence": Decimal("0.75"),
        "reason": "closed",
    }
    # Abandoned is concluded from silence; what is not final, or of no event, states nothing; no currency, no value.
    assert [(row["landing_line"], row["outcome"], row["emitter"], row["outcome_value"]) for row in rows[1:]] == [
        (2, "failure", "sdk", None),
        (3, "partial", "sdk", None),
        (5, "failure", "sdk", None),
        (8, "success", "sdk", None),
    ]


def test_an_unknown_outcome_is_refused(faulty: Refusal) -> None:
    error = faulty(chat(WORK, WORK | {"app.outcome": "won"}))
    assert error.line == 2
    assert "'won'" in error.problem


def test_users_are_hashed_with_a_key_or_not_kept(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    content = chat(*(CALL | {"user.id": user} for user in ("ann", "bob", "ann")))
    assert [call["user_hash"] for call in job.take(content, name="keyless").calls] == [None] * 3
    monkeypatch.setenv("RECONCILE_USER_KEY", "pepper")
    ann, bob, again = (call["user_hash"] for call in job.take(content).calls)
    assert ann == again == hmac.new(b"pepper", b"ann", "sha256").hexdigest()
    assert ann != bob


# Encoding ------------------------------------------------------------------------------------------------------------


def test_numbers_as_text_and_as_numbers(job: Job) -> None:
    values = CALL | {"gen_ai.usage.input_tokens": 999_999_999_999, "gen_ai.usage.output_tokens": 3}
    text = message(span(values))
    numbers = json.loads(line(text), object_hook=_plain_numbers)
    assert line(numbers) != line(text)
    taken, plain = job.take(lines(text)), job.take(lines(numbers))
    assert same(plain.rows) == same(taken.rows)
    assert usage(plain.calls[0]) == {"input_tokens": 999_999_999_999, "output_tokens": 3}


def _plain_numbers(fields: Json) -> Json:
    names = ("intValue", "startTimeUnixNano", "endTimeUnixNano")
    return {name: int(value) if name in names else value for name, value in fields.items()}


def test_ids_are_lower_case_and_empty_parents_none(job: Job) -> None:
    content = lines(
        message(span(CALL, traceId=TRACE.upper(), spanId=SPAN.upper(), parentSpanId=PARENT.upper())),
        message(span(CALL, parentSpanId="")),
        message(span(CALL, parentSpanId=None)),
    )
    calls = job.take(content).calls
    assert [(c["trace_id"], c["span_id"], c["parent_span_id"]) for c in calls] == [
        (TRACE, SPAN, PARENT),
        (TRACE, SPAN, None),
        (TRACE, SPAN, None),
    ]


def test_of_two_attributes_with_one_name_the_last_counts(job: Job) -> None:
    own = span(CALL | {"gen_ai.usage.input_tokens": 1})
    own["attributes"].append(attribute("gen_ai.usage.input_tokens", 2))
    (call,) = job.take(lines(message(own))).calls
    assert usage(call) == {"input_tokens": 2}


def test_attributes_stay_with_their_span_and_resource(job: Job) -> None:
    """Names differ from message to message and from span to span; none moves to a neighbour."""
    first = message(
        span(CALL | {"run_id": "run-1"}),
        span(
            CALL, events=[event("exception", {"exception.type": "Slow"}), event("exception", {"exception.type": "Cut"})]
        ),
        span(CALL | {"error.type": "Own"}, events=[event("exception", {"exception.type": "Slow"})]),
        resource={"service.name": "one", "tenant_id": "ten-1"},
    )
    second = message(span(CALL | {"tenant_id": "ten-2"}), span({}), resource={"tenant_id": "ten-3", "run_id": "run-3"})
    empty = message(resource={"service.name": "none"})
    first["resourceSpans"] += empty["resourceSpans"] + second["resourceSpans"]
    calls = job.take(lines(empty, first, message(span(CALL), resource={}))).calls
    names = ("landing_line", "service", "tenant_id", "run_id", "error_type")
    assert [tuple(call[name] for name in names) for call in calls] == [
        (2, "one", "ten-1", "run-1", None),
        (2, "one", "ten-1", None, "Cut"),
        (2, "one", "ten-1", None, "Own"),
        (2, None, "ten-2", "run-3", None),
        (2, None, "ten-3", "run-3", None),
        (3, None, None, None, None),
    ]


def test_reading_traces_imports_no_pandas(job: Job) -> None:
    """Its import takes longer than most files do."""
    values = {"user.id": "ann", "sampling.probability": 0.5, "gen_ai.usage.cost": 0.25, "app.outcome": "success"}
    failed = span(WORK | CALL | values, events=[event("exception", {"exception.type": "Slow"})])
    (job.folder / "traces.json").write_bytes(lines(message(failed)))
    code = f"""
import sys
from datetime import datetime
from pathlib import Path
from reconcilers.sources import registry
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake

root = Path({str(job.folder.parent)!r})
source = registry.load("telemetry", {{"name": "traces", "kind": "otlp", "uri": {str(job.folder)!r}}})
pull = Landing(root / "landing").pull("traces", "otlp", "traces.json")
source.fetch("traces.json", pull)
content = Lake(root / "lake").ensure(source, Landing(root / "landing").prepare(pull, datetime(2026, 10, 2)))
print(content.rows["calls"], content.rows["outcomes"], "pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "False"]


def test_an_empty_value_is_none_and_text_is_trimmed(job: Job) -> None:
    values = CALL | {"tenant_id": " ten-1 ", "feature_id": "  ", "endpoint_tag": "search", "event_id": ""}
    own = span(values)
    own["attributes"] += [{"key": "workflow", "value": {}}, {"key": "customer_id"}, attribute("run_id", ["a", "b"])]
    (call,) = job.take(lines(message(own))).calls
    names = ("tenant_id", "feature_id", "event_id", "workflow", "customer_id", "run_id")
    assert [call[name] for name in names] == ["ten-1", "search", None, None, None, None]


def test_fields_of_later_versions_are_passed_over(job: Job) -> None:
    later = message(span(CALL, acme={"a": [1]}, links=[{"traceId": TRACE, "spanId": SPAN}], flags=257))
    later["resourceSpans"][0] |= {"schemaUrl": "https://opentelemetry.io/schemas/9.9.9", "acme": 1}
    (call,) = job.take(lines(later)).calls
    assert call["model"] == "gpt-4.1"


HOSTILE = [
    "'; drop table lines; --",
    '"\\"doubleValue\\":1.5,"',
    '"doubleValue":0.1',
    "$1 {0} {names} %s {{",
    "línea\u2028 \u0000 \U0001f4b8 \u202e",
    "a\nb\tc\r\n",
    "x" * 100_000,
    "../../etc/passwd",
    "=cmd|'/c calc'!A1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_values_are_never_code(job: Job, text: str) -> None:
    values = CALL | {"tenant_id": f"<{text}>", text: "x", "gen_ai.usage.input_tokens": 5}
    (call,) = job.take(lines(message(span(values, name=text), scope=text, version=text))).calls
    assert call["tenant_id"] == f"<{text}>"
    assert usage(call) == {"input_tokens": 5}


@pytest.mark.parametrize("unit", ["a'b; drop.json", "ünï code.json", "-rf.json", "%2e%2e.json"])
def test_hostile_file_names(job: Job, unit: str) -> None:
    assert len(job.take(chat(CALL), unit).calls) == 1


@pytest.mark.parametrize("name", ["it's; drop--", "{0} $1"])
def test_hostile_names_in_the_configuration(job: Job, name: str) -> None:
    content = chat(CALL | {name: "search", "app.outcome": name, "event_id": "e"}, scope=name)
    config = {
        "attributes": {"feature_id": [name]},
        "outcomes": {name: "success"},
        "token_semantics": {name: "exclusive"},
    }
    taken = job.take(content, **config)
    assert taken.calls[0]["feature_id"] == "search"
    assert len(taken.rows["outcomes"]) == 1


# Files ---------------------------------------------------------------------------------------------------------------

PACKINGS = {"plain": bytes, "gzip": gzipped, "zstd": zstandard_file, "framed": framed}
SEVERAL = chat(*(WORK | GENERATIONS[name] for name in GENERATIONS)) + lines(message(run_span("run-9", "success")))


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_rows(job: Job, packing: str) -> None:
    expected = job.take(SEVERAL)
    assert {entity: len(rows) for entity, rows in expected.rows.items()} == {"calls": 4, "runs": 1}
    packed = PACKINGS[packing](SEVERAL)
    taken = job.take(packed, f"traces.{packing}")
    assert same(taken.rows) == same(expected.rows)
    # What was received is landed to the byte.
    assert taken.stored == packed


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_cited_line_is_the_message_in_any_packing(job: Job, packing: str) -> None:
    name = f"traces.{packing}"
    taken = job.take(PACKINGS[packing](chat(CALL) + chat(CALL | {"tenant_id": "ten-9"})), name)
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    (item,) = taken.landed.objects
    path = taken.landed.path(item)
    assert json.loads(source.cited(path, name, 2)) == json.loads(chat(CALL | {"tenant_id": "ten-9"}))
    with pytest.raises(SourceRejected, match="no line 3"):
        source.cited(path, name, 3)


def test_several_members_of_gzip_and_frames_of_zstd_are_one_file(job: Job) -> None:
    first, second = chat(CALL), chat(CALL, CALL)
    for pack in (gzipped, zstandard_file):
        assert [c["landing_line"] for c in job.take(pack(first) + pack(second)).calls] == [1, 2, 3]


def test_one_document_over_several_lines(job: Job) -> None:
    document = message(span(CALL | {"gen_ai.usage.cost": 0.5, "tenant_id": "a\nb"}), span(CALL, spanId="c" * 16))
    taken = job.take(json.dumps(document, indent=2).encode())
    assert [(c["landing_line"], c["reported_cost"], c["tenant_id"]) for c in taken.calls] == [
        (1, Decimal("0.5"), "a\nb"),
        (1, None, None),
    ]


def test_landing_lines_count_the_lines_of_the_stored_file(job: Job) -> None:
    content = b"\xef\xbb\xbf" + chat(CALL) + b"\n \n" + chat(CALL | {"tenant_id": "ten-9"}) + b"\r\n" + chat(CALL)[:-1]
    taken = job.take(content)
    assert [call["landing_line"] for call in taken.calls] == [1, 4, 6]
    assert b"ten-9" in taken.stored.split(b"\n")[4 - 1]


def test_spans_are_in_the_order_of_their_lines_over_several_batches(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcilers.sources.telemetry.spans.files._CHUNK_BYTES", 2000)
    monkeypatch.setattr("reconcilers.sources.telemetry.spans.files._BATCH_BYTES", 9000)
    calls = job.take(chat(*(CALL | {"tenant_id": f"ten-{n}"} for n in range(1, 101)))).calls
    assert [(call["landing_line"], call["tenant_id"]) for call in calls] == [(n, f"ten-{n}") for n in range(1, 101)]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b" \n\n", b"{}\n", b'{"resourceSpans":[]}', gzipped(b""), lines(message())]
)
def test_an_empty_file_is_a_unit_without_spans(job: Job, content: bytes) -> None:
    taken = job.take(content)
    assert taken.rows == {}
    assert taken.news


@pytest.mark.parametrize("packing", PACKINGS)
def test_redelivery_is_no_news(job: Job, packing: str) -> None:
    content = PACKINGS[packing](chat(CALL | {"gen_ai.prompt": "hello"}))
    first = job.take(content)
    again = job.take(content, known_at=datetime(2026, 10, 9))
    assert (first.news, again.news) == (True, False)
    assert again.landed.landing_id == first.landed.landing_id
    assert len(job.landing.history("traces", "traces.json")) == 1
    assert job.take(PACKINGS[packing](chat(CALL, CALL)), known_at=datetime(2026, 10, 10)).news


def test_units_are_the_files_of_the_pattern_and_days(job: Job) -> None:
    names = ["day=2026-09-30/traces_1.json", "day=2026-10-01/traces_1.json.gz", "day=2026-10-01/logs_1.json"]
    for name in (*names, "day=2026-08-01/traces_1.json"):
        (job.folder / name).parent.mkdir(exist_ok=True)
        (job.folder / name).write_bytes(b"{}")
    config = {"pattern": r".*/traces_.*\.json(\.gz)?", "partition": "day=%Y-%m-%d/", "late_days": 1}
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)} | config)
    assert list(source.units(DAY)) == names[:2]


# Text ----------------------------------------------------------------------------------------------------------------

SECRET = "My card is 4111 1111 1111 1111"
WITH_TEXT: dict[str, Json] = {
    "attribute": span(CALL | {"gen_ai.input.messages": SECRET, "gen_ai.output.messages": SECRET}),
    "old attribute": span(CALL | {"gen_ai.prompt.0.content": SECRET, "gen_ai.completion.0.content": SECRET}),
    "list": span(CALL | {"llm.prompts": [SECRET]}),
    "other vocabulary": span(CALL | {"input.value": SECRET, "llm.input_messages.0.message.content": SECRET}),
    "not a call": span({"traceloop.entity.input": SECRET}),
    "event": span(CALL, events=[event("gen_ai.user.message", {"content": SECRET})]),
    "attribute of an event": span(CALL, events=[event("acme", {"gen_ai.prompt": SECRET})]),
    "attribute of a link": span(
        CALL, links=[{"traceId": TRACE, "spanId": SPAN, "attributes": [attribute("gen_ai.completion", SECRET)]}]
    ),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("where", WITH_TEXT)
def test_text_is_never_landed(job: Job, where: str, packing: str) -> None:
    clean = message(span(CALL | {"gen_ai.usage.input_tokens": 5}, spanId="c" * 16))
    content = lines(clean) + b"\n" + lines(message(WITH_TEXT[where]), clean)
    taken = job.take(PACKINGS[packing](content))
    for path in job.landing.root.rglob("*"):
        assert path.is_dir() or (b"4111" not in path.read_bytes() and b"4111" not in _unpacked(path.read_bytes()))
    assert [call["landing_line"] for call in taken.calls] == [1, 3, 4]
    (item,) = taken.landed.objects
    assert int(item.meta["removed"]) >= 1
    assert item.meta["rewritten"]


def _unpacked(content: bytes) -> bytes:
    import zstandard

    if content[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def test_text_of_resources_and_scopes_is_removed(job: Job) -> None:
    content = message(span(CALL), resource={"service.name": "answers", "gen_ai.prompt": SECRET})
    content["resourceSpans"][0]["scopeSpans"][0]["scope"]["attributes"] = [attribute("gen_ai.completion", SECRET)]
    taken = job.take(lines(content))
    assert b"4111" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == "2"
    assert taken.calls[0]["service"] == "answers"


@pytest.mark.parametrize("where", ["resource", "scope"])
def test_text_of_a_resource_or_a_scope_alone_is_removed(job: Job, where: str) -> None:
    content = message(span(CALL), resource={})
    scoped = content["resourceSpans"][0]["scopeSpans"][0]
    (content["resourceSpans"][0]["resource"] if where == "resource" else scoped["scope"])["attributes"] = [
        attribute("gen_ai.prompt", SECRET)
    ]
    assert b"4111" not in job.take(lines(content)).stored


def test_deep_nesting_is_refused_like_other_damage(refused: Refusal) -> None:
    deep = b'{"resourceSpans":[{"acme":' + b"[" * 5000 + b"]" * 5000 + b"}]}\n"
    assert refused(chat(CALL) + deep).line == 2


def test_rows_do_not_depend_on_text(job: Job) -> None:
    values = [WORK | GENERATIONS[name] for name in GENERATIONS]
    plain = job.take(chat(*values))
    with_text = job.take(chat(*(v | {"gen_ai.prompt": SECRET} for v in values)))
    assert same(with_text.rows) == same(plain.rows)


def test_the_identity_of_a_prompt_is_no_text(job: Job) -> None:
    content = chat(CALL | {"gen_ai.prompt.version": "v7", "gen_ai.prompt.name": "answer"})
    taken = job.take(content)
    assert taken.stored == content
    assert taken.calls[0]["prompt_version"] == "v7"


def test_an_escaped_name_of_text_is_one(job: Job) -> None:
    content = chat(CALL | {"gen_ai.prompt": SECRET}).replace(b"gen_ai.prompt", b"gen_ai\\u002eprompt")
    assert b"4111" not in job.take(content).stored


#: What a span may lack or say otherwise than expected without being refused: nothing of it is read.
UNUSUAL: dict[str, Json] = {
    "attributes": {"attributes": None},
    "events": {"events": None},
    "links": {"links": []},
    "an event without attributes": {"events": [{"name": "acme", "attributes": None}]},
    "an event without a text for its name": {"events": [{"name": 5}, {"name": None}]},
}


@pytest.mark.parametrize("missing", UNUSUAL)
def test_a_message_with_unusual_parts_is_landed_as_it_is(job: Job, missing: str) -> None:
    content = message(span({}, **UNUSUAL[missing]), resource=CALL) | {"acme": 1}
    content["resourceSpans"] += [{"resource": None, "scopeSpans": None}, {"scopeSpans": [{"scope": None}]}]
    taken = job.take(lines(content, {}))
    assert taken.stored == lines(content, {})
    assert [call["model"] for call in taken.calls] == ["gpt-4.1"]
    content["resourceSpans"][0]["resource"]["attributes"].append(attribute("gen_ai.prompt", SECRET))
    assert b"4111" not in job.take(lines(content)).stored


def test_own_attributes_of_text_are_removed(job: Job) -> None:
    content = chat(CALL | {"acme.question": SECRET, "acme.chat.0": SECRET, "acme.chats": "kept"})
    taken = job.take(content, remove=["acme.question", "acme.chat."])
    assert b"4111" not in taken.stored
    assert b"kept" in taken.stored


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "signal"), [("resourceLogs", "logs"), ("resourceMetrics", "metrics")])
@pytest.mark.parametrize("packing", PACKINGS)
def test_another_signal_is_refused(refused: Refusal, field: str, signal: str, packing: str) -> None:
    error = refused(PACKINGS[packing](chat(CALL) + lines({field: []})), "others.json")
    assert error.line == 2
    assert f"holds {signal}" in error.problem


def test_another_signal_beside_traces_is_refused(refused: Refusal) -> None:
    error = refused(chat(CALL) + lines(message(span(CALL)) | {"resourceLogs": []}))
    assert error.line == 2
    assert "holds logs" in error.problem


@pytest.mark.parametrize("packing", ["gzip", "zstd", "framed"])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_a_packed_file_that_ends_early_is_refused(refused: Refusal, packing: str, kept: float) -> None:
    packed = PACKINGS[packing](chat(*(CALL | {"tenant_id": f"ten-{n * n}"} for n in range(200))))
    error = refused(packed[: int(len(packed) * kept)])
    assert error.line is not None
    assert "early" in error.problem


@pytest.mark.parametrize("packing", ["gzip", "zstd", "framed"])
def test_a_damaged_packed_file_is_refused(refused: Refusal, packing: str) -> None:
    packed = bytearray(PACKINGS[packing](chat(*(CALL | {"tenant_id": f"ten-{n * n}"} for n in range(200)))))
    packed[len(packed) // 2] ^= 0xFF
    assert refused(bytes(packed)).line is not None


def test_the_last_line_of_a_writer_that_was_stopped_is_refused(refused: Refusal) -> None:
    error = refused(chat(CALL, CALL)[:-30])
    assert error.line == 2
    assert "still writing" in str(error)


@pytest.mark.parametrize(
    "content",
    [
        b"\x12\x05proto",
        b"span,tokens\n",
        b"[]\n",
        b'"text"\n',
        b"null\n",
        b'{"spans":[]}\n',
        b'{"resourceSpans":{"a":1}}\n',
        b'{"resourceSpans":[1]}\n',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}\n',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{}}]}]}]}]}\n',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\xff"}]}]}]}\n',
        b"[" * 5000 + b"\n",
    ],
)
def test_what_is_no_otlp_json_is_refused(refused: Refusal, content: bytes) -> None:
    assert refused(content).line == 1
    assert refused(chat(CALL) + content.removesuffix(b"\n") + b"\n" + chat(CALL)).line == 2


def test_a_document_over_several_lines_that_ends_early_is_refused(refused: Refusal) -> None:
    document = json.dumps(message(span(CALL)), indent=2).encode()
    error = refused(document[:-20])
    assert error.line == document[:-20].count(b"\n") + 1
    assert "not JSON" in error.problem


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"traceId": "abc"}, "traceId"),
        ({"spanId": None}, "spanId"),
        ({"traceId": "'" * 32}, "traceId"),
        ({"startTimeUnixNano": "0", "endTimeUnixNano": "0"}, "time"),
        ({"startTimeUnixNano": "soon", "endTimeUnixNano": None}, "time"),
    ],
)
def test_a_span_without_identity_or_time_is_refused(faulty: Refusal, fields: Json, problem: str) -> None:
    error = faulty(lines(message(span(CALL)), message(span(CALL, **fields)), message(span(CALL))))
    assert error.line == 2
    assert problem in error.problem


@pytest.mark.parametrize("count", ["-1", "1.5", "many", str(10**12 + 1), str(10**30)])
def test_a_count_that_is_none_is_refused(faulty: Refusal, count: str) -> None:
    error = faulty(chat(CALL, CALL | {"gen_ai.usage.input_tokens": count}))
    assert error.line == 2
    assert "whole number" in error.problem


@pytest.mark.parametrize("count", ["7", "7.0", "0007"])
def test_whole_numbers_in_other_spellings(job: Job, count: str) -> None:
    (call,) = job.take(chat(CALL | {"gen_ai.usage.input_tokens": count})).calls
    assert usage(call) == {"input_tokens": 7}


def test_a_file_that_is_gone_is_refused(job: Job) -> None:
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(job.folder)})
    with pytest.raises(SourceRejected) as caught:
        source.fetch("gone.json", job.landing.pull("traces", "otlp", "gone.json"))
    assert caught.value.file == "gone.json"


def test_nothing_is_written_about_a_readers_work(job: Job, recwarn: pytest.WarningsRecorder) -> None:
    job.take(chat(CALL))
    assert [str(warning.message) for warning in recwarn] == []
