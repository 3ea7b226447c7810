"""Which attribute says what: fields of a call in every vocabulary, and the settings that add names."""

from __future__ import annotations

from datetime import datetime

import pytest

from reconcilers.errors import SettingsInvalid
from reconcilers.sources import registry
from tests.sources.telemetry.conftest import Job, told, usage
from tests.sources.telemetry.written import (
    CALL,
    GENERATIONS,
    PARENT,
    SPAN,
    TRACE,
    WORK,
    Json,
    chat,
    lines,
    message,
    span,
)

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
    "token_semantics_by": "convention",
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


@pytest.mark.parametrize("written", ["Customer Support", "Customer+Support", "Customer%20Support", "a+b/c=="])
def test_an_id_is_as_its_span_tells_it(job: Job, written: str) -> None:
    """A sign that baggage put for a blank may be the id's own, so that nothing is decoded twice."""
    (call,) = job.take(chat(CALL | {"event_id": written, "botanu.workflow": written})).calls
    assert (call["event_id"], call["workflow"]) == (written, written)


def test_ids_that_were_scrubbed_are_not_known(job: Job) -> None:
    """Logfire puts one text in the place of every id that looks like a secret to it, and these events would be one."""
    scrubbed = dict.fromkeys(("event_id", "tenant_id", "feature_id"), "[Scrubbed due to 'auth']")
    kept = {"event_id": "[Scrubbing due] 17", "tenant_id": "auth-review", "feature_id": "session"}
    calls = job.take(chat(*(CALL | named | {"gen_ai.usage.input_tokens": 9} for named in (scrubbed, kept)))).calls
    assert [{name: call[name] for name in kept} for call in calls] == [dict.fromkeys(kept), kept]
    assert [usage(call) for call in calls] == [{"input_tokens": 9}] * 2


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
        ({"openai.response.service_tier": "FLEX"}, "flex", None),
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
        {"token_semantics": {"acme.llm": {"input": "maybe"}}},
        {"token_semantics": {"acme.llm": {"cache": "inclusive"}}},
        {"pattern": "("},
        {"acme": 1},
    ],
)
def test_a_wrong_setting_is_refused(config: Json) -> None:
    with pytest.raises(SettingsInvalid):
        registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": "."} | config)
