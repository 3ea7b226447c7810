"""The OpenAI costs and usage APIs, served from a loopback server as the provider writes them.

Where such bills go wrong, and the test that holds it, here, in test_mapped_bill.py, test_http.py or test_openai_bill.py:

- a key without the scope, or expired: test_expired_key_names_its_variable
- too many requests: test_who_asks_too_often_slows_all_who_ask_with_it
- answers name no organisation: test_the_organisation_is_the_one_declared_since_answers_name_none
- a key of another organisation: test_another_organisation_is_refused
- arrays in brackets, and reports that have not every group: test_requests_are_those_of_the_api
- groups of costs that are refused together: test_costs_are_grouped_by_no_more_than_is_declared
- pages with a cursor: test_pages_are_followed_with_the_same_parameters
- pages that repeat or contradict each other: test_contradictory_pages_are_refused
- a page that fails midway: test_failure_on_a_later_page_lands_nothing
- a day without spend: test_a_day_without_spend_is_known_to_be_empty
- days without spend in the console's table, blank and not 0:
  test_days_without_an_amount_are_no_lines_where_that_is_declared
- dollars, a currency in lower case, no project and no key: test_a_cost_is_a_charge_with_its_exact_text
- amounts in every spelling, and none: test_amounts_in_every_spelling_of_the_api, test_an_amount_that_is_none_is_refused,
  test_an_amount_of_no_currency_is_of_none_and_one_that_is_left_out_is_not_0
- binary floats: test_amounts_rounded_to_doubles_add_up
- lines that are not the whole: test_lines_that_do_not_add_up_to_the_day_are_refused
- credits and negative amounts: test_credits_and_negative_amounts
- a line item is a display text: test_line_items_that_name_a_model, test_line_items_that_name_none_keep_their_money
- fine-tuned models of one base in one line: test_fine_tuned_models_share_the_line_that_an_alias_names_for_each
- searches booked under another model's name:
  test_searches_under_another_models_name_are_money_without_telemetry_and_a_break
- searches and the requests to the model that led to them, objects by names of their own: test_every_report_has_its_meter
- quantities in thousands, in no unit, of calls: test_a_cost_is_a_charge_with_its_exact_text,
  test_quantity_of_a_token_line_before_units_were_told, test_calls_of_a_tool_are_counted
- input contains what is cached and written to the cache: test_usage_is_disjoint
- what was written to the cache, told as a sum and by how long it is kept:
  test_what_was_written_to_the_cache_is_its_sum_or_its_parts_and_never_both
- parts that are not the sum: test_usage_that_contradicts_itself_is_refused
- modalities told in part, of the input of uncached tokens alone: test_modalities_are_split_where_every_token_has_one,
  test_modalities_of_what_was_cached_are_its_own
- a bought tier in usage and costs: test_scale_tier_is_told_by_usage_and_by_costs
- a restatement, and a line that is gone: test_redelivery_is_no_news_and_a_restatement_replaces
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected, SourceUnavailable
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.billing.openai import LineItem, read_line_item
from reconcilers.sources.contract import Source
from tests.sources.conftest import QUICK, Api, Params

DAY, START = "2026-10-01", 1_790_812_800
COSTS, USAGE = "/v1/organization/costs", "/v1/organization/usage"
COMPLETIONS = f"{USAGE}/completions"
OK: dict[str, str] = {}


def cost(
    line_item: str | None, value: str, project: str | None = "proj_a", key: str | None = "key_a", **more: Any
) -> str:
    """One costs result as JSON text; ``value`` is put in as it is."""
    body = {"object": "organization.costs.result", "line_item": line_item, "project_id": project, "api_key_id": key}
    text = json.dumps(body | more)
    return text[:-1] + f', "amount": {{"value": {value}, "currency": "usd"}}}}'


def used(**more: Any) -> str:
    """One completions usage result as JSON text."""
    body = {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000,
        "output_tokens": 300,
        "input_cached_tokens": 400,
        "num_model_requests": 7,
        "project_id": "proj_a",
        "api_key_id": "key_a",
        "model": "gpt-4.1-2025-04-14",
        "batch": False,
        "service_tier": "default",
    }
    return json.dumps(body | more)


def page(*results: str, following: str | None = None, more: bool | None = None, start: int = START) -> bytes:
    bucket = f'{{"object":"bucket","start_time":{start},"end_time":{start + 86_400},"results":[{",".join(results)}]}}'
    has_more = more if more is not None else following is not None
    tail = f'"has_more":{json.dumps(has_more)},"next_page":{json.dumps(following)}'
    return f'{{"object":"page","data":[{bucket}],{tail}}}'.encode()


def serve(api: Api, costs: bytes, total: bytes | None = None, **reports: bytes) -> None:
    """Costs grouped and ungrouped, and usage reports by name; a report not given is an empty page."""

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path == COSTS:
            grouped = any(name == "group_by[]" for name, _ in params)
            return 200, costs if grouped or total is None else total, OK
        return 200, reports.get(path.rpartition("/")[2], page()), OK

    api.answer = answer


@pytest.fixture
def openai(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-secret")

    def load(**config: Any) -> Source:
        base = {"name": "openai", "kind": "openai", "base_url": api.url, "usage": ["completions"], "retry": QUICK}
        return registry.load("billing", base | config)

    return load


def test_units_are_utc_days(openai: Any) -> None:
    assert list(openai().units(Period(date(2026, 9, 30), date(2026, 10, 2)))) == ["2026-09-30", "2026-10-01"]


def test_a_probe_is_one_request_that_shows_whether_the_key_is_taken(api: Api, openai: Any) -> None:
    serve(api, page())
    assert openai().probe(Period(date(2026, 10, 1), date(2026, 10, 3))) == 2
    assert [(path, dict(params)["start_time"]) for path, params, _ in api.requests] == [(COSTS, str(START))]
    api.answer = lambda *_: (503, b"", OK)
    with pytest.raises(SourceUnavailable):
        openai().probe(Period(date(2026, 10, 1), date(2026, 10, 2)))
    api.answer = lambda *_: (401, b"", OK)
    with pytest.raises(SourceRejected):
        openai().probe(Period(date(2026, 10, 1), date(2026, 10, 2)))
    assert len(api.requests) == 3


def test_requests_are_those_of_the_api(api: Api, openai: Any, land: Any) -> None:
    serve(api, page())
    tools = ["vector_stores", "code_interpreter_sessions", "file_search_calls", "web_search_calls"]
    land(openai(usage=["completions", "decisions", "embeddings", *tools]), DAY)
    window = [("start_time", str(START)), ("end_time", str(START + 86_400)), ("bucket_width", "1d"), ("limit", "1")]
    by_key = [("group_by[]", "project_id"), ("group_by[]", "api_key_id"), ("group_by[]", "model")]
    assert [(path, params) for path, params, _ in api.requests] == [
        (COSTS, [*window, *(("group_by[]", name) for name in ("project_id", "line_item", "api_key_id"))]),
        (COSTS, window),
        (COMPLETIONS, [*window, *by_key, ("group_by[]", "batch"), ("group_by[]", "service_tier")]),
        (f"{USAGE}/decisions", [*window, *by_key, ("group_by[]", "batch"), ("group_by[]", "service_tier")]),
        (f"{USAGE}/embeddings", [*window, *by_key]),
        # A list grouped by what its report has not is refused.
        (f"{USAGE}/vector_stores", [*window, by_key[0]]),
        (f"{USAGE}/code_interpreter_sessions", [*window, by_key[0]]),
        (f"{USAGE}/file_search_calls", [*window, *by_key[:2]]),
        (f"{USAGE}/web_search_calls", [*window, *by_key]),
    ]
    assert {headers["Authorization"] for *_, headers in api.requests} == {"Bearer sk-admin-secret"}


def test_costs_are_grouped_by_no_more_than_is_declared(api: Api, openai: Any, land: Any) -> None:
    """Trap: the API may refuse a group, of some organisations a user beside a project."""
    serve(api, page(cost("gpt-4o, input", "1", key=None)), page(cost(None, "1", project=None, key=None)))
    (charge,) = land(openai(group_costs_by=["project_id", "line_item"]), DAY).rows["charges"]
    assert (charge["billed_cost"], charge["api_key_id"], charge["sub_account_id"]) == (1, None, "proj_a")
    grouped = [[value for name, value in params if name == "group_by[]"] for _, params, _ in api.requests[:2]]
    assert grouped == [["project_id", "line_item"], []]
    with pytest.raises(SettingsInvalid, match="group_costs_by"):
        openai(group_costs_by=["project_id", "user_id"])


def test_bytes_are_landed_as_received(api: Api, openai: Any, land: Any) -> None:
    costs, usage = page(cost("gpt-4.1-2025-04-14, input", "1.50")), page(used())
    serve(api, costs, completions=usage)
    landed = land(openai(), DAY).landed
    assert [item.name for item in landed.objects] == [
        "costs/0001.json",
        "costs_total/0001.json",
        "completions/0001.json",
    ]
    assert [landed.path(item).read_bytes() for item in landed.objects] == [costs, costs, usage]
    assert all("secret" not in item.uri for item in landed.objects)


def test_a_cost_is_a_charge_with_its_exact_text(api: Api, openai: Any, land: Any) -> None:
    text = "4.2075000000000000000012"
    line = cost("gpt-4.1-2025-04-14, cached input", text, quantity=1683.0, quantity_unit="1000_tokens")
    serve(api, page(line, cost(None, "3e-06", project=None, key=None)))
    rows = land(openai(billing_account_id="org-a"), DAY).rows["charges"]
    charge, bare = rows
    assert charge["billed_cost_text"] == text
    assert charge["billed_cost"] + charge["billed_cost_residual"] * Decimal("1e-27") == Decimal(text)
    assert bare["billed_cost_text"] == "3e-06"
    expected = {
        "billing_account_id": "org-a",
        "sub_account_id": "proj_a",
        "api_key_id": "key_a",
        "model": "gpt-4.1-2025-04-14",
        "meter": "cache_read_input_tokens",
        "service_tier": "standard",
        "batch": "false",
        "quantity": Decimal(1_683_000),
        "charge_category": "Usage",
        "charge_period_start": datetime(2026, 10, 1),
        "charge_period_end": datetime(2026, 10, 2),
        "billing_period_start": date(2026, 10, 1),
        "billing_currency": "USD",
        "sku_meter": "gpt-4.1-2025-04-14, cached input",
        "landing_line": 1,
    }
    assert {name: charge[name] for name in expected} == expected
    # No project is spend without one: the default project has an id of its own.
    assert [bare[name] for name in ("sub_account_id", "api_key_id", "model", "meter", "quantity")] == [None] * 5


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1", "1"),
        ('"0.02100000000000000000000000000000000"', "0.02100000000000000000000000000000000"),
        ('"0E-6176"', "0"),
    ],
)
def test_amounts_in_every_spelling_of_the_api(api: Api, openai: Any, land: Any, written: str, kept: str) -> None:
    serve(api, page(cost("gpt-4o, input", written)))
    (charge,) = land(openai(), DAY).rows["charges"]
    assert charge["billed_cost_text"] == charge["effective_cost_text"] == kept


@pytest.mark.parametrize("value", ["NaN", '"NaN"', "1E+999999", '"1,234.5"', '""', "null", "true", "Infinity"])
def test_an_amount_that_is_none_is_refused(api: Api, openai: Any, refusal: Any, value: str) -> None:
    serve(api, page(cost("gpt-4o, input", value)))
    assert isinstance(refusal(openai(), DAY), SourceRejected | SourceChangedShape)


@pytest.mark.parametrize("amount", [{"value": 1}, {"value": 1, "currency": None}, {"currency": "usd"}, {}, None])
def test_an_amount_of_no_currency_is_of_none_and_one_that_is_left_out_is_not_0(
    api: Api, openai: Any, refusal: Any, amount: dict[str, Any] | None
) -> None:
    """Trap: the API's own schema lets both be left out."""
    told = {"object": "organization.costs.result", "line_item": "gpt-4o, input", "project_id": None, "amount": amount}
    serve(api, page(json.dumps(told)))
    assert "amount" in str(refusal(openai(), DAY))


def test_credits_and_negative_amounts(api: Api, openai: Any, land: Any) -> None:
    serve(api, page(cost("Credit", "-5.00"), cost("gpt-4o, output", "-0.25")))
    credit, correction = land(openai(), DAY).rows["charges"]
    assert (credit["charge_category"], credit["reduction"], credit["billed_cost"]) == ("Credit", "promotional", -5)
    assert (correction["charge_category"], correction["reduction"]) == ("Usage", None)


def test_quantity_of_a_token_line_before_units_were_told(api: Api, openai: Any, land: Any) -> None:
    told = cost("gpt-4o, input", "1", quantity=30.0)
    untold = cost("gpt-4o, output", "1", quantity=30.0, quantity_unit=None)
    serve(api, page(told, untold))
    first, second = land(openai(), DAY).rows["charges"]
    assert (first["quantity"], second["quantity"], second["meter"]) == (30, None, "output_tokens")


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("gpt-4.1-2025-04-14, input", None, ("gpt-4.1-2025-04-14", "input_tokens")),
        ("gpt-4.1-2025-04-14, cached input", None, ("gpt-4.1-2025-04-14", "cache_read_input_tokens")),
        ("demo-model-1, input_tokens", None, ("demo-model-1", "input_tokens")),
        ("gpt-5.6-sol, cache writes", None, ("gpt-5.6-sol", "cache_write_input_tokens")),
        (
            "priority | gpt-5.6-sol, output, long context",
            None,
            ("gpt-5.6-sol", "output_tokens", "priority", "false", "long"),
        ),
        ("flex | o3-2025-04-16, input", None, ("o3-2025-04-16", "input_tokens", "flex")),
        ("batch | gpt-4.1-2025-04-14, output", None, ("gpt-4.1-2025-04-14", "output_tokens", "standard", "true")),
        ("gpt-4o, input, batch", None, ("gpt-4o", "input_tokens", "standard", "true")),
        (
            "gpt-realtime-1.5 audio, output",
            None,
            ("gpt-realtime-1.5", "output_tokens", "standard", "false", "standard", "audio"),
        ),
        ("gpt-x, audio input", None, ("gpt-x", "input_tokens", "standard", "false", "standard", "audio")),
        ("ft:gpt-4.1-mini:acme:intent:9xQ2, input", None, ("ft:gpt-4.1-mini:acme:intent:9xQ2", "input_tokens")),
        ("ft-gpt-4o-2024-08-06, input", None, ("ft-gpt-4o-2024-08-06", "input_tokens")),
        ("text-embedding-3-small", None, ("text-embedding-3-small", "input_tokens")),
        ("web search tool calls", None, ("web search tool calls", "searches")),
        ("Web search tool calls | o4-mini", None, ("o4-mini", "searches")),
        ("web search preview tool calls | gpt-4o", None, ("gpt-4o", "searches")),
        (
            "gpt-realtime-mini, cached audio input",
            None,
            ("gpt-realtime-mini", "cache_read_input_tokens", "standard", "false", "standard", "audio"),
        ),
        (
            "priority | gpt-realtime-mini image, cached input",
            None,
            ("gpt-realtime-mini", "cache_read_input_tokens", "priority", "false", "standard", "image"),
        ),
        (
            "gpt-realtime-mini, batch cached audio input",
            None,
            ("gpt-realtime-mini", "cache_read_input_tokens", "standard", "true", "standard", "audio"),
        ),
        ("gpt-4o, flex output", None, ("gpt-4o", "output_tokens", "flex")),
        ("whisper-1", "duration_minutes", ("whisper-1", "seconds")),
        ("dall-e-3", "images", ("dall-e-3", "images")),
    ],
)
def test_line_items_that_name_a_model(text: str, unit: str | None, expected: tuple[str, ...]) -> None:
    defaults = ("", "", "standard", "false", "standard", None)
    assert read_line_item(text, unit) == LineItem(*expected, *defaults[len(expected) :])


@pytest.mark.parametrize(
    "text",
    [
        "assistants api | file search",
        "evals | gpt-4o-mini-2024-07-18, input",
        "file search tool calls",
        "priority processing surcharge",
        "gpt-4o, input, output",
        "gpt-4o, reserved input",
        "gpt-4o, cached audio",
        "file search tool calls | gpt-4o",
        "web search tool calls | gpt-4o, input",
        "evals | web search tool calls",
        "whisper-1",
        ", input",
        "",
    ],
)
def test_line_items_that_name_none_keep_their_money(text: str, api: Api, openai: Any, land: Any) -> None:
    assert read_line_item(text) is None
    serve(api, page(cost(text, "3.27", quantity=5, quantity_unit="tokens")))
    (charge,) = land(openai(), DAY).rows["charges"]
    assert (charge["billed_cost"], charge["model"], charge["meter"]) == (Decimal("3.27"), None, None)
    assert charge["sku_meter"] == (text or None)


def test_usage_is_disjoint(api: Api, openai: Any, land: Any) -> None:
    batch = used(batch=True, service_tier="priority", model="gpt-5.6-sol", input_cache_write_tokens=50)
    serve(api, page(), completions=page(used(), batch))
    rows = land(openai(), DAY).rows["provider_usage"]
    quantities = Counter({(row["model"], row["meter"]): row["quantity"] for row in rows})
    assert quantities == {
        ("gpt-4.1-2025-04-14", "input_tokens"): 600,
        ("gpt-4.1-2025-04-14", "cache_read_input_tokens"): 400,
        ("gpt-4.1-2025-04-14", "output_tokens"): 300,
        ("gpt-4.1-2025-04-14", "requests"): 7,
        ("gpt-5.6-sol", "input_tokens"): 550,
        ("gpt-5.6-sol", "cache_read_input_tokens"): 400,
        ("gpt-5.6-sol", "cache_write_input_tokens"): 50,
        ("gpt-5.6-sol", "output_tokens"): 300,
        ("gpt-5.6-sol", "requests"): 7,
    }
    assert {(row["model"], row["service_tier"], row["batch"]) for row in rows} == {
        ("gpt-4.1-2025-04-14", "standard", "false"),
        ("gpt-5.6-sol", "priority", "true"),
    }
    assert {(row["sub_account_id"], row["api_key_id"], row["charge_day"]) for row in rows} == {
        ("proj_a", "key_a", date(2026, 10, 1))
    }


WRITTEN = {"input_cache_write_30m_tokens": 20, "input_cache_write_12h_tokens": 30}


@pytest.mark.parametrize(
    "told", [{"input_cache_write_tokens": 50}, WRITTEN, WRITTEN | {"input_cache_write_tokens": 50}]
)
def test_what_was_written_to_the_cache_is_its_sum_or_its_parts_and_never_both(
    api: Api, openai: Any, land: Any, told: dict[str, int]
) -> None:
    serve(api, page(), completions=page(used(**told)))
    rows = land(openai(), DAY).rows["provider_usage"]
    assert {row["meter"]: row["quantity"] for row in rows} == {
        "input_tokens": 550,
        "cache_read_input_tokens": 400,
        "cache_write_input_tokens": 50,
        "output_tokens": 300,
        "requests": 7,
    }


@pytest.mark.parametrize("named", [False, True])
def test_a_report_that_the_api_has_not_is_left_out_where_nobody_named_it(
    api: Api, openai: Any, land: Any, refusal: Any, named: bool
) -> None:
    serve(api, page(cost("gpt-4.1-2025-04-14, input", "1.00")), completions=page(used()))
    there = api.answer
    api.answer = lambda path, params: (404, b"{}", OK) if path.endswith("/decisions") else there(path, params)
    undeclared = {"name": "openai", "kind": "openai", "base_url": api.url, "retry": QUICK}
    asked = openai(usage=["completions", "decisions"]) if named else registry.load("billing", undeclared)
    if named:
        assert "HTTP 404" in str(refusal(asked, DAY))
    else:
        rows = land(asked, DAY).rows
        assert (len(rows["charges"]), {row["model"] for row in rows["provider_usage"]}) == (1, {"gpt-4.1-2025-04-14"})


def test_scale_tier_is_told_by_usage_and_by_costs(api: Api, openai: Any, land: Any) -> None:
    """What runs on a bought tier is in both; its price is in the purchase, and a line of it may cost nothing."""
    scale = cost("scale | gpt-4.1-2025-04-14, input", "0", quantity=600, quantity_unit="tokens")
    serve(api, page(scale, cost("scale tier units", "9000")), completions=page(used(service_tier="scale")))
    taken = land(openai(), DAY)
    (line, units), usage = taken.rows["charges"], taken.rows["provider_usage"]
    assert (line["model"], line["service_tier"], line["quantity"]) == ("gpt-4.1-2025-04-14", "scale", 600)
    assert (units["billed_cost"], units["model"], units["meter"]) == (9000, None, None)
    assert {row["service_tier"] for row in usage} == {"scale"}


def test_modalities_are_split_where_every_token_has_one(api: Api, openai: Any, land: Any) -> None:
    told = used(input_text_tokens=500, input_audio_tokens=100, input_image_tokens=0)
    old = used(model="gpt-4o-audio-preview", input_audio_tokens=100)
    partly = used(model="gpt-4o", input_text_tokens=500, input_audio_tokens=50)
    serve(api, page(), completions=page(told, old, partly))
    rows = land(openai(), DAY).rows["provider_usage"]
    inputs = {(row["model"], row["modality"]): row["quantity"] for row in rows if row["meter"] == "input_tokens"}
    assert inputs == {
        ("gpt-4.1-2025-04-14", "text"): 500,
        ("gpt-4.1-2025-04-14", "audio"): 100,
        ("gpt-4o-audio-preview", None): 600,
        ("gpt-4o", None): 600,
    }


def test_modalities_of_what_was_cached_are_its_own(api: Api, openai: Any, land: Any) -> None:
    """Those of the input are of uncached tokens alone."""
    inputs = {"input_text_tokens": 500, "input_audio_tokens": 100}
    cached = {"input_cached_text_tokens": 350, "input_cached_image_tokens": 50}
    serve(api, page(), completions=page(used(**inputs, **cached, output_text_tokens=290, output_audio_tokens=10)))
    rows = land(openai(), DAY).rows["provider_usage"]
    assert {(row["meter"], row["modality"]): row["quantity"] for row in rows if row["meter"] != "requests"} == {
        ("input_tokens", "text"): 500,
        ("input_tokens", "audio"): 100,
        ("cache_read_input_tokens", "text"): 350,
        ("cache_read_input_tokens", "image"): 50,
        ("output_tokens", "text"): 290,
        ("output_tokens", "audio"): 10,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_cached_tokens": 1001},
        {"input_uncached_tokens": 601},
        {"output_tokens": -1},
        {"input_tokens": "many"},
        {"input_cache_write_tokens": 50, "input_cache_write_30m_tokens": 60},
    ],
)
def test_usage_that_contradicts_itself_is_refused(api: Api, openai: Any, refusal: Any, wrong: dict[str, Any]) -> None:
    serve(api, page(), completions=page(used(**wrong)))
    assert "completions/0001.json" in str(refusal(openai(), DAY))


def test_every_report_has_its_meter(api: Api, openai: Any, land: Any) -> None:
    told: dict[str, dict[str, Any]] = {
        "completions": {"model": "m", "input_tokens": 9, "output_tokens": 5, "num_model_requests": 3},
        "decisions": {"model": "m", "input_tokens": 7, "output_tokens": 4, "num_model_requests": 1},
        "embeddings": {"model": "m", "input_tokens": 12, "num_model_requests": 2},
        "moderations": {"model": "m", "input_tokens": 8, "num_model_requests": 6},
        "images": {"model": "m", "images": 3, "num_model_requests": 2},
        "audio_speeches": {"model": "m", "characters": 70, "num_model_requests": 1},
        "audio_transcriptions": {"model": "m", "seconds": 61, "num_model_requests": 1},
        "vector_stores": {"usage_bytes": 4096},
        "code_interpreter_sessions": {"num_sessions": 5},
        "file_search_calls": {"num_requests": 13},
        "web_search_calls": {"model": "m", "num_requests": 4, "num_model_requests": 3},
    }
    objects = {"file_search_calls": "file_searches", "web_search_calls": "web_searches"}
    pages = {
        name: page(json.dumps({"object": f"organization.usage.{objects.get(name, name)}.result"} | body))
        for name, body in told.items()
    }
    serve(api, page(), **pages)
    source = registry.load("billing", {"name": "openai", "kind": "openai", "base_url": api.url, "retry": QUICK})
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in told}
    taken = land(source, DAY)
    for row in taken.rows["provider_usage"]:
        name = taken.landed.objects[row["landing_line"] // 10**10].name.partition("/")[0]
        found[name].append((row["model"], row["meter"], row["quantity"]))
    assert found == {
        "completions": [("m", "input_tokens", 9), ("m", "output_tokens", 5), ("m", "requests", 3)],
        "decisions": [("m", "input_tokens", 7), ("m", "output_tokens", 4), ("m", "requests", 1)],
        "embeddings": [("m", "input_tokens", 12), ("m", "requests", 2)],
        "moderations": [("m", "input_tokens", 8), ("m", "requests", 6)],
        "images": [("m", "images", 3), ("m", "requests", 2)],
        "audio_speeches": [("m", "characters", 70), ("m", "requests", 1)],
        "audio_transcriptions": [("m", "seconds", 61), ("m", "requests", 1)],
        "vector_stores": [("vector stores", "bytes", 4096)],
        "code_interpreter_sessions": [("code interpreter sessions", "requests", 5)],
        "file_search_calls": [("file search tool calls", "searches", 13)],
        # Its requests to the model are in the model's completions.
        "web_search_calls": [("m", "searches", 4)],
    }


# Paging and failures --------------------------------------------------------------------------------------------------


def serve_pages(api: Api, pages: dict[str | None, bytes]) -> None:
    """Grouped costs page by page, by the cursor asked for."""

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        asked = dict(params)
        return 200, pages[asked.get("page")] if path == COSTS and "group_by[]" in asked else page(), OK

    api.answer = answer


def test_pages_are_followed_with_the_same_parameters(api: Api, openai: Any, land: Any) -> None:
    serve_pages(api, {None: page(cost("gpt-4o, input", "1"), following="c2"), "c2": page(cost("gpt-4o, output", "2"))})
    taken = land(openai(control_total=False), DAY)
    assert [row["billed_cost"] for row in taken.rows["charges"]] == [1, 2]
    assert [row["landing_line"] for row in taken.rows["charges"]] == [1, 10_000_000_001]
    first, second = [params for path, params, _ in api.requests if path == COSTS]
    assert second == [*first, ("page", "c2")]


FIRST, LAST = cost("gpt-4o, input", "1"), cost("gpt-4o, output", "2")


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        ({None: page(FIRST, following="c2"), "c2": page(FIRST, following=None)}, "the same group came twice"),
        ({None: page(FIRST, following="c2"), "c2": page(LAST, start=START + 86_400)}, "was not asked for"),
        ({None: b'{"has_more":false,"next_page":null}'}, "data is not a list"),
    ],
)
def test_contradictory_pages_are_refused(api: Api, openai: Any, refusal: Any, pages: Any, problem: str) -> None:
    serve_pages(api, pages)
    assert problem in str(refusal(openai(control_total=False), DAY))


@pytest.mark.parametrize("lines", [[FIRST], [FIRST, LAST, cost("gpt-4o, cached input", "0.01")]])
def test_lines_that_do_not_add_up_to_the_day_are_refused(api: Api, openai: Any, refusal: Any, lines: list[str]) -> None:
    serve(api, page(*lines), total=page(cost(None, "3", project=None, key=None)))
    assert "the day's total is 3" in str(refusal(openai(), DAY))


def test_amounts_rounded_to_doubles_add_up(api: Api, openai: Any, land: Any) -> None:
    serve(api, page(cost("a, input", "0.1"), cost("a, output", "0.2")), total=page(cost(None, "0.30000000000000004")))
    assert len(land(openai(), DAY).rows["charges"]) == 2


def test_failure_on_a_later_page_lands_nothing(api: Api, openai: Any, refusal: Any) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        return (500, b"", OK) if "page" in dict(params) else (200, page(FIRST, following="c2"), OK)

    api.answer = answer
    assert isinstance(refusal(openai(), DAY), SourceUnavailable)


@pytest.mark.parametrize("status", [401, 403])
def test_expired_key_names_its_variable(api: Api, openai: Any, refusal: Any, status: int) -> None:
    api.answer = lambda path, params: (status, b'{"error":{"message":"key sk-admin-secret is wrong"}}', OK)
    error = refusal(openai(), DAY)
    assert isinstance(error, SourceRejected)
    assert "OPENAI_ADMIN_KEY" in str(error)


def test_missing_key_is_a_setting(api: Api, openai: Any, monkeypatch: pytest.MonkeyPatch, land: Any) -> None:
    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    with pytest.raises(SettingsInvalid, match="OPENAI_ADMIN_KEY is not set"):
        land(openai(), DAY)
    assert api.requests == []


def test_unknown_setting_is_refused(openai: Any) -> None:
    with pytest.raises(SettingsInvalid, match="usage"):
        openai(usage=["fortunes"])
    with pytest.raises(SettingsInvalid, match="retry"):
        openai(retry={"attemps": 2})


def test_another_organisation_is_refused(api: Api, openai: Any, refusal: Any) -> None:
    serve(api, page(cost("gpt-4o, input", "1", organization_id="org-a")))
    assert "org-a" in str(refusal(openai(billing_account_id="org-b"), DAY))


def test_the_organisation_is_the_one_declared_since_answers_name_none(api: Api, openai: Any, land: Any) -> None:
    serve(api, page(FIRST), completions=page(used()))
    declared, undeclared = land(openai(billing_account_id="org-a"), DAY), land(openai(), DAY)
    for entity in ("charges", "provider_usage"):
        assert {row["billing_account_id"] for row in declared.rows[entity]} == {"org-a"}
        assert {row["billing_account_id"] for row in undeclared.rows[entity]} == {None}


def test_redelivery_is_no_news_and_a_restatement_replaces(api: Api, openai: Any, land: Any) -> None:
    serve(api, page(FIRST, LAST))
    first = land(openai(), DAY, datetime(2026, 10, 2))
    again = land(openai(), DAY, datetime(2026, 10, 3))
    assert (first.news, again.news, again.landed.landing_id) == (True, False, first.landed.landing_id)
    assert again.rows == first.rows
    serve(api, page(LAST))
    restated = land(openai(), DAY, datetime(2026, 10, 4))
    assert restated.news
    assert [row["charge_id"] for row in restated.rows["charges"]] == [first.rows["charges"][1]["charge_id"]]


def test_charge_ids_do_not_depend_on_the_order_of_lines(api: Api, openai: Any, land: Any) -> None:
    serve(api, page(FIRST, LAST))
    first = {row["charge_id"]: row["billed_cost"] for row in land(openai(), DAY).rows["charges"]}
    serve(api, page(LAST, FIRST))
    assert {row["charge_id"]: row["billed_cost"] for row in land(openai(), DAY).rows["charges"]} == first


def test_a_day_without_spend_is_known_to_be_empty(api: Api, openai: Any, land: Any) -> None:
    serve(api, page())
    taken = land(openai(), DAY)
    assert (taken.rows, taken.news) == ({}, True)


def test_a_cited_line_is_the_result_as_it_stands(tmp_path: Path) -> None:
    first, second, third = (
        cost(item, "1.50") for item in ("gpt-4.1, input", 'a "results": [ ] model', "gpt-4.1, output")
    )
    stored = tmp_path / "page"
    stored.write_bytes(
        b'{"data": [{"results": [%s , %s]}, {"results":[]}, {"results":[%s]}]}'
        % (first.encode(), second.encode(), third.encode())
    )
    source = registry.load("billing", {"name": "openai", "kind": "openai"})
    assert [source.cited(stored, "costs/0001.json", line) for line in (1, 2, 3)] == [first, second, third]
    with pytest.raises(SourceRejected, match="no result 4"):
        source.cited(stored, "costs/0001.json", 4)


@pytest.mark.parametrize(
    "unit", [{}, {"quantity_unit": None}, {"quantity_unit": "calls"}, {"quantity_unit": "requests"}]
)
def test_calls_of_a_tool_are_counted(api: Api, openai: Any, land: Any, unit: dict[str, Any]) -> None:
    searches = cost("web search tool calls | o4-mini", "0.07", quantity=7, **unit)
    serve(api, page(searches, cost("web search tool calls", "0.30", quantity=30, **unit)))
    rows = land(openai(), DAY).rows["charges"]
    assert [(row["model"], row["meter"], row["quantity"]) for row in rows] == [
        ("o4-mini", "searches", 7),
        ("web search tool calls", "searches", 30),
    ]
