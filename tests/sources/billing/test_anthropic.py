"""Anthropic's cost and usage reports, served from a loopback server as the provider writes them.

Where such bills go wrong, and the test that holds it:

- pages with a cursor: test_pages_are_followed_with_the_same_parameters
- pages that repeat, shift or contradict each other: test_contradictory_pages_are_refused
- a page that fails midway: test_failure_on_a_later_page_lands_nothing
- a pull begun again: test_a_pull_that_broke_off_lands_whole_when_it_is_made_again
- an answer cut off: test_an_answer_cut_off_on_the_wire_is_asked_for_again
- too many requests: test_a_busy_api_is_asked_again_when_it_says, test_a_backfill_asks_once_a_minute_when_its_burst_is_spent
- a key of a workspace, a closed account, an Enterprise organisation:
  test_a_key_of_a_workspace_or_a_closed_account_names_its_variable
- a key of another organisation: test_account_is_the_organisation_of_the_key
- arrays without brackets, which the API ignores: test_arrays_are_bracketed_and_no_report_of_the_same_spending_is_asked_for
- a day, a month without spend: test_a_day_without_spend_is_known_to_be_empty, test_a_month_without_spend_is_known_to_be_empty
- a bucket left out is no empty one: test_contradictory_pages_are_refused
- the border of a month: test_the_last_day_of_a_month_is_utcs_in_whatever_zone_it_is_told
- cents for dollars: test_cents_are_dollars_digit_for_digit, test_an_amount_that_is_no_text_may_be_of_another_unit
- another currency: test_minor_units_of_another_currency_are_not_guessed
- binary floats: test_ten_thousand_tenths_of_a_cent_are_ten_dollars
- lines that are not the whole: test_lines_that_do_not_add_up_to_the_day_are_refused
- a negative amount, a late credit: test_a_credit_that_comes_late_is_a_line_of_its_own_day
- a restatement, of a closed month too, and a line that is gone: test_redelivery_is_no_news_and_a_restatement_replaces
- null is the default workspace: test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped
- usage of the console has no key: test_console_usage_has_no_key_and_the_default_workspace_no_name
- kinds of cost and of tokens nobody knows yet: test_what_a_cost_tells_of_its_price
- counts nobody knows yet: test_a_count_that_no_meter_reads_is_told_and_the_rest_counts
- uncached input is no part of cached: test_usage_counts_are_disjoint_as_told
- cache without other input: test_only_cached_input_is_usage
- five minutes and an hour, context bands, geographies, batches: test_what_a_cost_tells_of_its_price, test_tiers_of_usage
- web search without a model, code execution without usage: test_a_cost_without_a_model_is_its_tools
- Priority Tier in no cost: test_priority_tier_costs_what_the_contract_says_and_bills_nothing
- Priority Tier in a cost after all: test_a_cost_that_tells_priority_tier_goes_before_the_contract
- spending told again, after discounts or as an estimate:
  test_arrays_are_bracketed_and_no_report_of_the_same_spending_is_asked_for,
  test_analytics_are_asked_for_instead_of_the_cost_report_and_never_beside_it
- a discount, which one report tells and the other does not: test_a_cost_of_analytics_is_billed_after_discounts_beside_its_list_price
- groups of analytics beyond the hundredth, groups that overlap, a key that tells no organisation:
  test_analytics_are_asked_for_instead_of_the_cost_report_and_never_beside_it, test_analytics_that_cannot_be_asked_are_a_setting
- an estimate of the same calls, by person: test_claude_code_is_an_estimate_and_no_charge, test_no_person_is_landed
- its cents are numbers: test_cents_that_are_numbers_keep_their_digits
- its records that cannot be read, another currency among them: test_an_estimate_that_cannot_be_read_is_told_and_stops_no_bill
- its pages, a day of it that is empty or told anew: test_the_claude_code_report_is_asked_for_day_by_day_and_paged,
  test_a_day_without_claude_code_has_no_estimate, test_a_restated_day_replaces_its_estimates
- a key that may not ask for it: test_a_key_that_may_not_ask_for_claude_code_says_what_to_do
- hostile text: test_hostile_text_stays_text, test_text_that_is_none_is_refused_with_its_place
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import (
    AccessRefused,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
)
from reconcilers.periods import Period
from reconcilers.sources import http, registry
from reconcilers.sources.contract import Source
from tests.sources.conftest import QUICK, Api, Params

DAY, START, END = "2026-10-01", "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"
ME, COSTS, MESSAGES = (f"/v1/organizations/{path}" for path in ("me", "cost_report", "usage_report/messages"))
CLAUDE_CODE = "/v1/organizations/usage_report/claude_code"
ANALYTICS_COST, ANALYTICS_USAGE = (f"/v1/organizations/analytics/{path}" for path in ("cost", "usage"))
ORGANISATION = "6f0f0c3e-2f1d-4f7e-9a51-0d6a1d3f9c11"
SONNET = "claude-sonnet-4-5-20250929"
OK: dict[str, str] = {}
#: What is null unless costs are grouped by description.
UNDESCRIBED = dict.fromkeys(
    ("cost_type", "description", "model", "token_type", "service_tier", "context_window", "inference_geo")
)


def cost(amount: str, **told: Any) -> str:
    """One result of the cost report as JSON: input of a model at standard tier, but for what is ``told``."""
    body = {
        "amount": amount,
        "currency": "USD",
        "cost_type": "tokens",
        "description": "Claude Sonnet 4.5 Usage - Input Tokens",
        "model": SONNET,
        "token_type": "uncached_input_tokens",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": None,
        "workspace_id": "wrkspc_a",
    }
    return json.dumps(body | told)


def tool(amount: str, kind: str, description: str, **told: Any) -> str:
    """A cost that is no token's: nothing but its kind and description is told."""
    return cost(amount, **UNDESCRIBED | {"cost_type": kind, "description": description} | told)


def total(amount: str) -> str:
    return cost(amount, **UNDESCRIBED, workspace_id=None)


def used(**told: Any) -> str:
    """One result of the usage report as JSON."""
    body = {
        "uncached_input_tokens": 1000,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
        "server_tool_use": {"web_search_requests": 0},
        "account_id": None,
        "service_account_id": None,
        "api_key_id": "apikey_a",
        "workspace_id": "wrkspc_a",
        "model": SONNET,
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "not_available",
    }
    return json.dumps(body | told)


def bucket(*results: str, start: str = START, end: str = END) -> str:
    return f'{{"starting_at":"{start}","ending_at":"{end}","results":[{",".join(results)}]}}'


def page(*results: str, following: str | None = None, buckets: list[str] | None = None) -> bytes:
    data = ",".join(buckets if buckets is not None else [bucket(*results)])
    tail = f'"has_more":{json.dumps(following is not None)},"next_page":{json.dumps(following)}'
    return f'{{"data":[{data}],{tail}}}'.encode()


def organisation(**told: Any) -> bytes:
    return json.dumps({"id": ORGANISATION, "name": "Acme", "type": "organization"} | told).encode()


def serve(
    api: Api, costs: bytes, usage: bytes | None = None, totals: bytes | None = None, me: bytes | None = None
) -> None:
    """Costs grouped and ungrouped, usage and the organisation; without ``totals`` the ungrouped costs are the grouped ones."""

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path == ME:
            return 200, me or organisation(), OK
        if path == MESSAGES:
            return 200, usage or page(), OK
        assert path == COSTS, f"{path} is not to be asked"
        grouped = any(name == "group_by[]" for name, _ in params)
        return 200, costs if grouped or totals is None else totals, OK

    api.answer = answer


@pytest.fixture
def anthropic(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-ant-admin-secret")

    def load(**config: Any) -> Source:
        base = {"name": "anthropic", "kind": "anthropic", "base_url": api.url, "retry": QUICK}
        return registry.load("billing", base | config)

    return load


# What is asked --------------------------------------------------------------------------------------------------------


def test_units_are_utc_days(anthropic: Any) -> None:
    assert list(anthropic().units(Period(date(2026, 9, 30), date(2026, 10, 2)))) == ["2026-09-30", "2026-10-01"]


def test_a_probe_is_one_request_that_shows_whether_the_key_is_taken(api: Api, anthropic: Any) -> None:
    serve(api, page())
    assert anthropic().probe(Period(date(2026, 10, 1), date(2026, 10, 3))) == 2
    assert [(path, dict(params)["starting_at"]) for path, params, _ in api.requests] == [(COSTS, START)]
    for status, error in ((503, SourceUnavailable), (403, AccessRefused)):
        api.answer = lambda *_, status=status: (status, b"", OK)
        with pytest.raises(error):
            anthropic().probe(Period(date(2026, 10, 1), date(2026, 10, 2)))
    assert len(api.requests) == 3


def test_arrays_are_bracketed_and_no_report_of_the_same_spending_is_asked_for(
    api: Api, anthropic: Any, land: Any
) -> None:
    """Neither analytics (after discounts) nor, unless it is wanted, the Claude Code report (an estimate): each is the same calls again."""
    serve(api, page())
    land(anthropic(), DAY)
    window = [("starting_at", START), ("ending_at", END), ("bucket_width", "1d"), ("limit", "1")]
    by = ("workspace_id", "model", "service_tier", "context_window", "api_key_id", "inference_geo")
    assert [(path, params) for path, params, _ in api.requests] == [
        (ME, []),
        (COSTS, [*window, ("group_by[]", "workspace_id"), ("group_by[]", "description")]),
        (COSTS, window),
        (MESSAGES, [*window, *(("group_by[]", dimension) for dimension in by)]),
    ]
    told = {name: {headers.get(name) for *_, headers in api.requests} for name in ("x-api-key", "anthropic-version")}
    assert told == {"x-api-key": {"sk-ant-admin-secret"}, "anthropic-version": {"2023-06-01"}}
    assert all("anthropic-beta" not in headers for *_, headers in api.requests)


def test_speed_is_asked_for_by_the_beta_of_fast_mode(api: Api, anthropic: Any, land: Any) -> None:
    fast = page(cost("600", speed="fast"), cost("100", speed="standard"))
    serve(api, fast, usage=page(used(speed="fast"), used(speed="standard")))
    taken = land(anthropic(group_usage_by=["speed"]), DAY)
    assert {headers.get("anthropic-beta") for *_, headers in api.requests} == {"fast-mode-2026-02-01"}
    assert [(row["billed_cost"], row["speed"]) for row in taken.rows["charges"]] == [(6, "fast"), (1, "standard")]
    assert [row["speed"] for row in taken.rows["provider_usage"]] == ["fast", "standard"]


def test_bytes_are_landed_as_received(api: Api, anthropic: Any, land: Any) -> None:
    costs, usage = page(cost("1.50")), page(used())
    serve(api, costs, usage)
    landed = land(anthropic(), DAY).landed
    assert [item.name for item in landed.objects] == [
        "organization/0001.json",
        "costs/0001.json",
        "costs_total/0001.json",
        "messages/0001.json",
    ]
    assert [landed.path(item).read_bytes() for item in landed.objects] == [organisation(), costs, costs, usage]
    assert all("secret" not in item.uri for item in landed.objects)


# What a cost says -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cents", "billed", "kept"),
    [
        ("100", "1", "1.00"),
        ("318.0425", "3.180425", "3.180425"),
        ("420.75", "4.2075", "4.2075"),
        ("0.000001", "0.00000001", "0.00000001"),
        ("-3.5", "-0.035", "-0.035"),
        ("1E+2", "1", "1"),
        ("0", "0", "0.00"),
        ("0.0000000000000000000000007", "0.000000000000000000000000007", "0.000000000000000000000000007"),
    ],
)
def test_cents_are_dollars_digit_for_digit(
    api: Api, anthropic: Any, land: Any, cents: str, billed: str, kept: str
) -> None:
    serve(api, page(cost(cents)))
    (charge,) = land(anthropic(), DAY).rows["charges"]
    assert charge["billed_cost_text"] == charge["effective_cost_text"] == kept
    assert charge["billed_cost"] + charge["billed_cost_residual"] * Decimal("1e-27") == Decimal(billed)
    assert charge["billing_currency"] == "USD"


def test_ten_thousand_tenths_of_a_cent_are_ten_dollars(api: Api, anthropic: Any, land: Any) -> None:
    lines = [cost("0.1", description=f"Line {number}") for number in range(10_000)]
    serve(api, page(*lines), totals=page(total("1000.0")))
    rows = land(anthropic(), DAY).rows["charges"]
    assert sum(row["billed_cost"] for row in rows) == Decimal(10)


@pytest.mark.parametrize("amount", ["NaN", "1,234.5", "", "1E+999999", "Infinity", "$1", "900000000001", "0x10", None])
def test_an_amount_that_is_none_is_refused(api: Api, anthropic: Any, refusal: Any, amount: Any) -> None:
    serve(api, page(cost(amount)))
    assert isinstance(refusal(anthropic(), DAY), SourceRejected | SourceChangedShape)


@pytest.mark.parametrize("amount", [100, 100.5, True, {"value": "100"}])
def test_an_amount_that_is_no_text_may_be_of_another_unit(api: Api, anthropic: Any, refusal: Any, amount: Any) -> None:
    serve(api, page(cost(amount)))
    assert "amount is not a text" in str(refusal(anthropic(), DAY))


def test_minor_units_of_another_currency_are_not_guessed(api: Api, anthropic: Any, refusal: Any) -> None:
    serve(api, page(cost("100", currency="JPY")))
    error = refusal(anthropic(), DAY)
    assert isinstance(error, SourceChangedShape)
    assert "'JPY'" in str(error)


def test_a_cost_is_a_charge(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(cost("318.0425")))
    (charge,) = land(anthropic(), DAY).rows["charges"]
    expected = {
        "billing_account_id": ORGANISATION,
        "sub_account_id": "wrkspc_a",
        "api_key_id": None,
        "model": SONNET,
        "meter": "input_tokens",
        "service_tier": "standard",
        "batch": "false",
        "context_band": "standard",
        "geography": None,
        "cache_ttl": None,
        "quantity": None,
        "charge_category": "Usage",
        "charge_period_start": datetime(2026, 10, 1),
        "charge_period_end": datetime(2026, 10, 2),
        "billing_period_start": date(2026, 10, 1),
        "sku_meter": "Claude Sonnet 4.5 Usage - Input Tokens",
        "provider": "Anthropic",
        "landing_line": 10_000_000_001,
    }
    assert {name: charge[name] for name in expected} == expected
    assert charge["list_cost"] == charge["effective_cost"] == charge["billed_cost"]


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"token_type": "output_tokens"}, {"meter": "output_tokens", "cache_ttl": None}),
        ({"token_type": "cache_read_input_tokens"}, {"meter": "cache_read_input_tokens", "cache_ttl": None}),
        (
            {"token_type": "cache_creation.ephemeral_5m_input_tokens"},
            {"meter": "cache_write_input_tokens", "cache_ttl": "5m"},
        ),
        (
            {"token_type": "cache_creation.ephemeral_1h_input_tokens"},
            {"meter": "cache_write_input_tokens", "cache_ttl": "1h"},
        ),
        ({"service_tier": "batch"}, {"service_tier": "standard", "batch": "true"}),
        ({"service_tier": "flex"}, {"service_tier": "flex", "batch": "false"}),
        ({"context_window": "200k-1M"}, {"context_band": "long"}),
        # No price of ours: it meets nothing, rather than the wrong one.
        ({"context_window": "1M-2M"}, {"context_band": "1m-2m"}),
        ({"inference_geo": "us"}, {"geography": "us"}),
        ({"inference_geo": "global"}, {"geography": "global"}),
        ({"inference_geo": "not_available"}, {"geography": None}),
        ({"workspace_id": None}, {"sub_account_id": "(default)"}),
        # What nobody knows keeps its money and has no meter, which is a break.
        ({"token_type": "cache_creation.ephemeral_30m_input_tokens"}, {"meter": None, "model": SONNET}),
        ({"cost_type": "storage", "token_type": None, "model": None}, {"meter": None, "model": None}),
        (UNDESCRIBED, {"meter": None, "model": None, "service_tier": None, "batch": None, "sku_meter": None}),
    ],
)
def test_what_a_cost_tells_of_its_price(
    api: Api, anthropic: Any, land: Any, told: dict[str, Any], read: dict[str, Any]
) -> None:
    serve(api, page(cost("50", **told)))
    (charge,) = land(anthropic(), DAY).rows["charges"]
    assert {name: charge[name] for name in read} == read
    assert charge["billed_cost"] == Decimal("0.5")


@pytest.mark.parametrize(
    ("kind", "description", "meter"),
    [
        ("web_search", "Web Search Usage", "searches"),
        ("code_execution", "Code Execution Usage", "seconds"),
        ("session_usage", "Session Usage", "seconds"),
    ],
)
def test_a_cost_without_a_model_is_its_tools(
    api: Api, anthropic: Any, land: Any, kind: str, description: str, meter: str
) -> None:
    serve(api, page(tool("50", kind, description)))
    (charge,) = land(anthropic(), DAY).rows["charges"]
    told = ("model", "meter", "quantity", "service_tier", "context_band", "charge_description")
    assert [charge[name] for name in told] == [kind, meter, None, None, None, description]


def test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped(
    api: Api, anthropic: Any, land: Any, refusal: Any
) -> None:
    serve(api, page(cost("1", workspace_id=None), cost("2", workspace_id="wrkspc_a")))
    rows = land(anthropic(), DAY, datetime(2026, 10, 2)).rows["charges"]
    assert [row["sub_account_id"] for row in rows] == ["(default)", "wrkspc_a"]
    bare = {name: value for name, value in json.loads(cost("3")).items() if name != "workspace_id"}
    serve(api, page(json.dumps(bare)))
    with pytest.raises(SourceChangedShape, match="workspace_id is missing"):
        land(anthropic(), DAY, datetime(2026, 10, 3))


# What usage says ------------------------------------------------------------------------------------------------------


def test_usage_counts_are_disjoint_as_told(api: Api, anthropic: Any, land: Any) -> None:
    """Uncached input is what was not cached: nothing is taken from it."""
    told = used(
        uncached_input_tokens=1500,
        cache_read_input_tokens=2000,
        cache_creation={"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1000},
        output_tokens=700,
        server_tool_use={"web_search_requests": 10},
    )
    serve(api, page(), usage=page(told))
    rows = land(anthropic(), DAY).rows["provider_usage"]
    assert [(row["model"], row["meter"], row["cache_ttl"], row["quantity"]) for row in rows] == [
        (SONNET, "input_tokens", None, 1500),
        (SONNET, "cache_read_input_tokens", None, 2000),
        (SONNET, "cache_write_input_tokens", "5m", 500),
        (SONNET, "cache_write_input_tokens", "1h", 1000),
        (SONNET, "output_tokens", None, 700),
        ("web_search", "searches", None, 10),
    ]
    assert {(row["billing_account_id"], row["sub_account_id"], row["api_key_id"]) for row in rows} == {
        (ORGANISATION, "wrkspc_a", "apikey_a")
    }
    assert {row["charge_day"] for row in rows} == {date(2026, 10, 1)}


def test_only_cached_input_is_usage(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(), usage=page(used(uncached_input_tokens=0, cache_read_input_tokens=9)))
    (row,) = land(anthropic(), DAY).rows["provider_usage"]
    assert (row["meter"], row["quantity"]) == ("cache_read_input_tokens", 9)


@pytest.mark.parametrize(
    ("tier", "read"),
    [
        ("standard", ("standard", "false")),
        ("batch", ("standard", "true")),
        ("priority", ("priority", "false")),
        ("priority_on_demand", ("priority_on_demand", "false")),
        ("flex", ("flex", "false")),
        ("flex_discount", ("flex_discount", "false")),
        (None, (None, None)),
    ],
)
def test_tiers_of_usage(api: Api, anthropic: Any, land: Any, tier: str | None, read: tuple[Any, Any]) -> None:
    """A tier of its own that no cost tells is used and not billed: that is said, and nothing is charged for it."""
    serve(api, page(), usage=page(used(service_tier=tier)))
    taken = land(anthropic(), DAY)
    (row,) = taken.rows["provider_usage"]
    assert (row["service_tier"], row["batch"]) == read
    assert "charges" not in taken.rows
    noted = [(note["attribute"], note["charge_day"]) for note in taken.rows.get("rejected_records", [])]
    assert noted == ([] if tier in ("standard", "batch", None) else [("service_tier", date(2026, 10, 1))])


def test_a_tier_that_costs_tell_is_billed(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(cost("1", service_tier="flex")), usage=page(used(service_tier="flex")))
    assert set(land(anthropic(), DAY).rows) == {"charges", "provider_usage"}


def test_a_cost_that_tells_priority_tier_goes_before_the_contract(api: Api, anthropic: Any, land: Any) -> None:
    """Both would be the same tokens twice."""
    serve(api, page(cost("100", service_tier="priority")), usage=page(used(service_tier="priority")))
    taken = land(anthropic(priority_prices=[priority_price()]), DAY)
    assert set(taken.rows) == {"charges", "provider_usage"}
    assert [row["effective_cost"] for row in taken.rows["charges"]] == [1]


def priority_price(price: str = "3.60", **more: Any) -> dict[str, Any]:
    return {"model": SONNET, "meter": "input_tokens", "price_per_million": price} | more


def test_priority_tier_costs_what_the_contract_says_and_bills_nothing(api: Api, anthropic: Any, land: Any) -> None:
    """The commitment is paid for as a purchase of another bill (rules R2, E9)."""
    told = used(service_tier="priority", uncached_input_tokens=123_457, output_tokens=10, workspace_id=None)
    serve(api, page(cost("100")), usage=page(used(), told))
    taken = land(anthropic(priority_prices=[priority_price()]), DAY)
    charge = taken.rows["charges"][1]
    expected = {
        "billed_cost": 0,
        "effective_cost": Decimal("0.444445200"),
        "effective_cost_text": "0.44444520",
        "list_cost": None,
        "quantity": 123_457,
        "service_tier": "priority",
        "model": SONNET,
        "meter": "input_tokens",
        "sub_account_id": "(default)",
        "api_key_id": "apikey_a",
        "billing_account_id": ORGANISATION,
        "commitment_discount_status": "Used",
        "charge_period_start": datetime(2026, 10, 1),
        "landing_line": 30_000_000_002,
    }
    assert {name: charge[name] for name in expected} == expected
    assert len(taken.rows["charges"]) == 2
    # Of the output no price is declared: that is said.
    (note,) = taken.rows["rejected_records"]
    assert (note["attribute"], note["landing_line"]) == ("service_tier", 30_000_000_002)
    assert note["reason"].endswith("counts used at it: 1")


@pytest.mark.parametrize(
    ("more", "holds"),
    [
        ({"valid_from": "2026-10-01"}, True),
        ({"valid_from": "2026-10-02"}, False),
        ({"valid_to": "2026-10-02"}, True),
        ({"valid_to": "2026-10-01"}, False),
        ({"valid_from": "2026-10-01", "valid_to": "2026-10-02"}, True),
        ({"valid_from": "2026-09-30", "valid_to": "2026-10-01"}, False),
        ({"cache_ttl": "1h", "meter": "cache_write_input_tokens"}, True),
        ({"cache_ttl": "5m", "meter": "cache_write_input_tokens"}, False),
        ({"meter": "cache_write_input_tokens"}, True),
        ({"model": "claude-opus-5"}, False),
        ({"meter": "output_tokens"}, False),
    ],
)
def test_a_contract_price_holds_for_its_tokens_and_days(
    api: Api, anthropic: Any, land: Any, more: dict[str, Any], holds: bool
) -> None:
    written = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 7}
    caches = more.get("meter") == "cache_write_input_tokens"
    counts = {"uncached_input_tokens": 0, "cache_creation": written} if caches else {}
    serve(api, page(), usage=page(used(service_tier="priority", **counts)))
    taken = land(anthropic(priority_prices=[priority_price(**more)]), DAY)
    assert ("charges" in taken.rows) == holds


def test_usage_at_another_tier_never_takes_the_contract_price(api: Api, anthropic: Any, land: Any) -> None:
    tiers = ("standard", "batch", "flex", "priority_on_demand")
    serve(api, page(), usage=page(*(used(service_tier=tier) for tier in tiers)))
    assert "charges" not in land(anthropic(priority_prices=[priority_price()]), DAY).rows


@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ([priority_price("-1")], "is negative"),
        ([priority_price("3,60")], "not a plain decimal amount"),
        ([priority_price(valid_from="2026-10-02", valid_to="2026-10-02")], "valid_to 2026-10-02 is not after"),
        ([priority_price(discount="0.1")], "discount"),
        ([priority_price(cache_ttl="5m")], "input_tokens have no cache_ttl"),
        ([priority_price(meter="cache_read_input_tokens", cache_ttl="1h")], "have no cache_ttl"),
        ([{"model": SONNET, "meter": "input_tokens", "price_per_million": 3.6}], "price_per_million"),
        ([priority_price(), priority_price("4")], "priority_prices: two prices .* hold on one day"),
        ([priority_price(valid_to="2026-10-03"), priority_price(valid_from="2026-10-02")], "hold on one day"),
        (
            [priority_price(meter="cache_write_input_tokens", cache_ttl=ttl) for ttl in (None, "5m")],
            "hold on one day",
        ),
    ],
)
def test_contract_prices_that_cannot_be_are_refused(anthropic: Any, prices: list[Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        anthropic(priority_prices=prices)


def test_contract_prices_may_follow_each_other(anthropic: Any) -> None:
    first, second = priority_price(valid_to="2026-10-02"), priority_price(valid_from="2026-10-02")
    ttls = [priority_price(meter="cache_write_input_tokens", cache_ttl=ttl) for ttl in ("5m", "1h")]
    assert len(anthropic(priority_prices=[first, second, *ttls]).config.priority_prices) == 4


def test_console_usage_has_no_key_and_the_default_workspace_no_name(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(), usage=page(used(api_key_id=None, workspace_id=None)))
    (row,) = land(anthropic(), DAY).rows["provider_usage"]
    assert (row["sub_account_id"], row["api_key_id"]) == ("(default)", None)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"output_tokens": -1}, "output_tokens is negative"),
        ({"output_tokens": 1.5}, "output_tokens is not a whole number"),
        ({"output_tokens": True}, "output_tokens is not a whole number"),
        ({"uncached_input_tokens": None}, "uncached_input_tokens is not a whole number"),
        ({"cache_creation": 7}, "cache_creation is not a JSON object"),
        # The shape of a call's usage, not of the report: read as the report's, no cache write would be left.
        ({"cache_creation": None, "cache_creation_input_tokens": 7}, "ephemeral_5m_input_tokens is not a whole number"),
        ({"model": ["claude"]}, "model is neither text nor number"),
        ({"uncached_input_tokens": 9 * 10**12 + 1}, "more than a bill counts"),
    ],
)
def test_usage_that_cannot_be_read_is_refused(
    api: Api, anthropic: Any, refusal: Any, wrong: dict[str, Any], problem: str
) -> None:
    serve(api, page(), usage=page(used(**wrong)))
    told = str(refusal(anthropic(), DAY))
    assert problem in told
    assert "messages/0001.json" in told


def test_a_count_that_no_meter_reads_is_told_and_the_rest_counts(api: Api, anthropic: Any, land: Any) -> None:
    free = {"web_search_requests": 0, "web_fetch_requests": 5}
    rows = [used(image_tokens=3), used(image_tokens=4, model="claude-opus-5"), used(server_tool_use=free, model="x")]
    serve(api, page(), usage=page(*rows))
    taken = land(anthropic(), DAY)
    (unread,) = taken.rows["rejected_records"]
    assert [unread[name] for name in ("unit", "attribute", "landing_line", "charge_day")] == [
        "messages/0001.json",
        "image_tokens",
        30_000_000_001,
        date(2026, 10, 1),
    ]
    assert unread["reason"].endswith("rows that count it: 2")
    assert len(taken.rows["provider_usage"]) == 3


# Analytics instead ----------------------------------------------------------------------------------------------------


def analysed(amount: str, at_list: str, **told: Any) -> str:
    """One row of analytics' costs, as Anthropic's own client types it."""
    group = {
        "workspace_id": "wrkspc_a",
        "model": SONNET,
        "service_tier": "standard",
        "context_window": "0-200k",
        "api_key_id": "apikey_a",
        "cost_type": "tokens",
        "token_type": "uncached_input_tokens",
    }
    cost = {"amount": amount, "list_amount": at_list, "currency": "USD", "requests": None}
    times = {name: told.pop(name, value) for name, value in (("starting_at", START), ("ending_at", END))}
    return json.dumps(times | {"group": group | told, "cost": cost})


def analysed_usage(**told: Any) -> str:
    counted = {**json.loads(used()), "total_tokens": 1000, "requests": 3}
    grouped = ("workspace_id", "model", "service_tier", "context_window", "api_key_id")
    group = {name: counted[name] for name in grouped} | told
    usage = {name: value for name, value in counted.items() if "tokens" in name or isinstance(value, dict | int)}
    return json.dumps({"starting_at": START, "ending_at": END, "group": group, "usage": usage})


def rows_page(*rows: str) -> bytes:
    return f'{{"data":[{",".join(rows)}],"has_more":false,"next_page":null,"data_refreshed_at":"{END}"}}'.encode()


def serve_analytics(api: Api, costs: bytes, usage: bytes | None = None, totals: bytes | None = None) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path == ANALYTICS_USAGE:
            return 200, usage or rows_page(), OK
        assert path == ANALYTICS_COST, f"{path} is not to be asked"
        grouped = any(name == "group_by[]" for name, _ in params)
        return 200, costs if grouped or totals is None else totals, OK

    api.answer = answer


ANALYTICS: dict[str, Any] = {"report": "analytics", "billing_account_id": ORGANISATION}


def test_analytics_are_asked_for_instead_of_the_cost_report_and_never_beside_it(
    api: Api, anthropic: Any, land: Any
) -> None:
    """All groups of five dimensions that overlap nowhere: teams do, and the reports of the hundred largest leave out the rest."""
    serve_analytics(api, rows_page())
    assert anthropic(**ANALYTICS).probe(Period(date(2026, 10, 1), date(2026, 10, 2))) == 1
    assert land(anthropic(**ANALYTICS), DAY).rows == {}
    window = [("starting_at", START), ("ending_at", END), ("time_bucket_width", "1d"), ("limit", "1000")]
    by = [("group_by[]", name) for name in ("workspace_id", "model", "service_tier", "context_window", "api_key_id")]
    assert [(path, params) for path, params, _ in api.requests] == [
        (ANALYTICS_COST, window),
        (ANALYTICS_COST, [*window, *by, ("group_by[]", "cost_type"), ("group_by[]", "token_type")]),
        (ANALYTICS_COST, window),
        (ANALYTICS_USAGE, [*window, *by]),
    ]
    assert {headers.get("anthropic-beta") for *_, headers in api.requests} == {"analytics-usage-cost-2026-08-24"}


def test_a_cost_of_analytics_is_billed_after_discounts_beside_its_list_price(
    api: Api, anthropic: Any, land: Any
) -> None:
    search = {"cost_type": "web_search", "token_type": None, "model": None, "workspace_id": None, "api_key_id": None}
    costs = rows_page(analysed("270.3361", "318.0425"), analysed("50", "50", **search))
    serve_analytics(api, costs, totals=rows_page(analysed("320.3361", "368.0425")))
    first, second = land(anthropic(**ANALYTICS), DAY).rows["charges"]
    expected = {
        "billed_cost": Decimal("2.703361"),
        "effective_cost": Decimal("2.703361"),
        "list_cost": Decimal("3.180425"),
        "billing_account_id": ORGANISATION,
        "sub_account_id": "wrkspc_a",
        "api_key_id": "apikey_a",
        "model": SONNET,
        "meter": "input_tokens",
        "service_tier": "standard",
        "context_band": "standard",
        "charge_description": "uncached_input_tokens",
        "charge_period_start": datetime(2026, 10, 1),
        "charge_period_end": datetime(2026, 10, 2),
        "landing_line": 1,
    }
    assert {name: first[name] for name in expected} == expected
    told = ("model", "meter", "sub_account_id", "api_key_id", "billed_cost")
    assert [second[name] for name in told] == ["web_search", "searches", "(default)", None, Decimal("0.5")]


def test_usage_of_analytics_is_the_providers_usage(api: Api, anthropic: Any, land: Any) -> None:
    serve_analytics(api, rows_page(), usage=rows_page(analysed_usage()))
    taken = land(anthropic(**ANALYTICS), DAY)
    (row,) = taken.rows.pop("provider_usage")
    told = ("meter", "quantity", "sub_account_id", "api_key_id", "charge_day")
    assert [row[name] for name in told] == ["input_tokens", 1000, "wrkspc_a", "apikey_a", date(2026, 10, 1)]
    assert taken.rows == {}


def test_a_line_of_analytics_is_cited_as_it_stands(tmp_path: Path, anthropic: Any) -> None:
    first, second = analysed("1", "1"), analysed("2", "2")
    (stored := tmp_path / "page").write_bytes(rows_page(first, second))
    assert anthropic(**ANALYTICS).cited(stored, "analytics_costs/0001.json", 2) == second


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (analysed("1", "1", ending_at="2026-10-03T00:00:00Z"), "which was not asked for"),
        (analysed("1", "1", starting_at="2026-10-01T01:00:00Z"), "which was not asked for"),
        (analysed("1", "NaN"), "list_amount: 'NaN'"),
        (analysed("1", "1").replace('"1"', "1"), "amount is not a text"),
        (analysed("1", "1").replace('"group"', '"grouped"'), "group, and cost or usage, are not JSON objects"),
        (cost("1"), "starting_at is not an RFC 3339 time"),
        ("7", "is not a JSON object"),
    ],
)
def test_analytics_that_are_none_are_refused(api: Api, anthropic: Any, refusal: Any, row: str, problem: str) -> None:
    serve_analytics(api, rows_page(row))
    assert problem in str(refusal(anthropic(**ANALYTICS), DAY))


def test_analytics_that_do_not_add_up_or_repeat_a_group_are_refused(api: Api, anthropic: Any, refusal: Any) -> None:
    serve_analytics(api, rows_page(analysed("1", "1")), totals=rows_page(analysed("2", "2")))
    assert "the day's total is 0.02" in str(refusal(anthropic(**ANALYTICS), DAY))
    serve_analytics(api, rows_page(analysed("1", "1"), analysed("1", "1")))
    assert "the same group came twice" in str(refusal(anthropic(**ANALYTICS), DAY))


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"billing_account_id": None}, "set billing_account_id"),
        ({"group_usage_by": ["api_key_id", "speed"]}, "name one in group_usage_by"),
        ({"report": "claude_code"}, "report"),
    ],
)
def test_analytics_that_cannot_be_asked_are_a_setting(anthropic: Any, wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        anthropic(**ANALYTICS | wrong)


# Whose it is ----------------------------------------------------------------------------------------------------------


def test_account_is_the_organisation_of_the_key(api: Api, anthropic: Any, land: Any, refusal: Any) -> None:
    serve(api, page(cost("1")))
    error = refusal(anthropic(billing_account_id="another"), DAY)
    assert isinstance(error, SourceRejected)
    assert f"is of organisation {ORGANISATION}, not another" in str(error)
    (charge,) = land(anthropic(billing_account_id=ORGANISATION), DAY).rows["charges"]
    assert charge["billing_account_id"] == ORGANISATION


@pytest.mark.parametrize("told", [{"id": None}, {"id": ["a"]}, {"id": ""}])
def test_an_organisation_without_an_id_is_refused(api: Api, anthropic: Any, refusal: Any, told: dict[str, Any]) -> None:
    serve(api, page(cost("1")), me=organisation(**told))
    assert "organization/0001.json" in str(refusal(anthropic(), DAY))


# Paging, totals and failures ------------------------------------------------------------------------------------------


def serve_pages(api: Api, pages: dict[str | None, bytes]) -> None:
    """Grouped costs page by page, by the cursor asked for."""

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        asked = dict(params)
        if path == COSTS and "group_by[]" in asked:
            return 200, pages[asked.get("page")], OK
        return 200, organisation() if path == ME else page(), OK

    api.answer = answer


FIRST, LAST = (
    cost("100"),
    cost("200", token_type="output_tokens", description="Claude Sonnet 4.5 Usage - Output Tokens"),
)


def test_pages_are_followed_with_the_same_parameters(api: Api, anthropic: Any, land: Any) -> None:
    serve_pages(api, {None: page(FIRST, following="page_2"), "page_2": page(LAST)})
    taken = land(anthropic(control_total=False), DAY)
    assert [row["billed_cost"] for row in taken.rows["charges"]] == [1, 2]
    assert [row["landing_line"] for row in taken.rows["charges"]] == [10_000_000_001, 20_000_000_001]
    first, second = [params for path, params, _ in api.requests if path == COSTS]
    assert second == [*first, ("page", "page_2")]


OTHER_DAY = bucket(LAST, start=END, end="2026-10-03T00:00:00Z")


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        ({None: page(FIRST, following="c2"), "c2": page(FIRST)}, "the same group came twice"),
        ({None: page(FIRST, cost("7"))}, "the same group came twice"),
        ({None: page(FIRST, following="c2"), "c2": page(buckets=[OTHER_DAY])}, "was not asked for"),
        ({None: page(buckets=[])}, "the answer has no bucket of the day"),
        ({None: page(buckets=[bucket(start="2026-10-01 noon")])}, "starting_at is not an RFC 3339 time"),
        ({None: b'{"has_more":false,"next_page":null}'}, "data is not a list"),
        ({None: b'{"data":[],"has_more":true,"next_page":null}'}, "has_more is true but next_page is None"),
        ({None: page(FIRST, following="c2"), "c2": page(LAST, following="c2")}, "the same page or cursor came twice"),
        ({None: page(FIRST)[:-9]}, "not valid JSON"),
        ({None: page('"a text"')}, "is not a JSON object"),
    ],
)
def test_contradictory_pages_are_refused(api: Api, anthropic: Any, refusal: Any, pages: Any, problem: str) -> None:
    serve_pages(api, pages)
    assert problem in str(refusal(anthropic(control_total=False), DAY))


def test_equal_costs_of_two_workspaces_are_two(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST, cost("100", workspace_id="wrkspc_b"), cost("100", workspace_id=None)))
    rows = land(anthropic(), DAY).rows["charges"]
    assert len({row["charge_id"] for row in rows}) == 3


@pytest.mark.parametrize("lines", [[FIRST], [FIRST, LAST, cost("0.001", service_tier="batch")], []])
def test_lines_that_do_not_add_up_to_the_day_are_refused(
    api: Api, anthropic: Any, refusal: Any, lines: list[str]
) -> None:
    serve(api, page(*lines), totals=page(total("300")))
    assert "the day's total is 3.00" in str(refusal(anthropic(), DAY))


def test_lines_without_a_total_are_refused_unless_none_is_asked_for(
    api: Api, anthropic: Any, refusal: Any, land: Any
) -> None:
    serve(api, page(FIRST), totals=page())
    assert "cost lines add up to 1.00 USD" in str(refusal(anthropic(), DAY))
    assert len(land(anthropic(control_total=False), DAY).rows["charges"]) == 1


def test_amounts_rounded_each_on_its_own_add_up(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(cost("0.333333"), LAST), totals=page(total("200.333334")))
    assert len(land(anthropic(), DAY).rows["charges"]) == 2


@pytest.mark.parametrize("report", [COSTS, MESSAGES, ME])
def test_failure_of_any_report_lands_nothing(api: Api, anthropic: Any, refusal: Any, report: str) -> None:
    serve(api, page(FIRST), usage=page(used()))
    whole = api.answer
    api.answer = lambda path, params: (500, b"", OK) if path == report else whole(path, params)
    assert isinstance(refusal(anthropic(), DAY), SourceUnavailable)


def test_failure_on_a_later_page_lands_nothing(api: Api, anthropic: Any, refusal: Any) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path == ME:
            return 200, organisation(), OK
        return (500, b"", OK) if "page" in dict(params) else (200, page(FIRST, following="c2"), OK)

    api.answer = answer
    assert isinstance(refusal(anthropic(), DAY), SourceUnavailable)


def test_a_pull_that_broke_off_lands_whole_when_it_is_made_again(
    api: Api, anthropic: Any, refusal: Any, land: Any
) -> None:
    pages = {None: page(FIRST, following="page_2"), "page_2": page(LAST)}
    serve_pages(api, pages)
    whole = api.answer
    api.answer = lambda path, params: (503, b"", OK) if "page" in dict(params) else whole(path, params)
    refusal(anthropic(control_total=False), DAY)
    api.answer = whole
    taken = land(anthropic(control_total=False), DAY)
    assert [row["billed_cost"] for row in taken.rows["charges"]] == [1, 2]
    assert [item.name for item in taken.landed.objects if item.name.startswith("costs/")] == [
        "costs/0001.json",
        "costs/0002.json",
    ]


def test_an_answer_cut_off_on_the_wire_is_asked_for_again(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST, LAST))
    whole, cut = api.answer, [True]

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        status, body, headers = whole(path, params)
        if path == COSTS and cut and cut.pop():
            return status, body[:-20], {"Content-Length": str(len(body))}
        return status, body, headers

    api.answer = answer
    assert [row["billed_cost"] for row in land(anthropic(), DAY).rows["charges"]] == [1, 2]


def test_a_busy_api_is_asked_again_when_it_says(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST))
    whole, busy = api.answer, [True]

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path == COSTS and busy and busy.pop():
            return 429, b'{"type":"error","error":{"type":"rate_limit_error"}}', {"Retry-After": "0"}
        return whole(path, params)

    api.answer = answer
    assert len(land(anthropic(), DAY).rows["charges"]) == 1
    assert [path for path, *_ in api.requests] == [ME, COSTS, COSTS, COSTS, MESSAGES]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_of_a_workspace_or_a_closed_account_names_its_variable(
    api: Api, anthropic: Any, refusal: Any, status: int
) -> None:
    api.answer = lambda path, params: (status, b'{"error":{"message":"key sk-ant-admin-secret is wrong"}}', OK)
    error = refusal(anthropic(), DAY)
    assert isinstance(error, AccessRefused)
    assert "ANTHROPIC_ADMIN_KEY" in str(error)
    assert "Claude Enterprise" in str(error)


def test_a_backfill_asks_once_a_minute_when_its_burst_is_spent(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST))
    source = anthropic()
    # The provider allows bursts and asks for no more in the long run; a quarter's days are asked for at once.
    assert (source.pace.then_seconds, source.pace.burst) == (60, 500)
    source.pace, began = http.Pace(burst=1, then_seconds=0.1), time.monotonic()
    land(source, DAY)
    assert len(api.requests) * 92 < 500
    assert time.monotonic() - began >= (len(api.requests) - 1) * 0.1 > 0


def test_a_dimension_the_api_refuses_is_told_in_its_words(api: Api, anthropic: Any, refusal: Any) -> None:
    serve(api, page(FIRST))
    whole = api.answer
    said = b'{"type":"error","error":{"message":"group_by: unexpected value inference_geo"}}'
    api.answer = lambda path, params: (400, said, OK) if path == MESSAGES else whole(path, params)
    assert "unexpected value inference_geo" in str(refusal(anthropic(), DAY))


def test_missing_key_is_a_setting(api: Api, anthropic: Any, monkeypatch: pytest.MonkeyPatch, land: Any) -> None:
    monkeypatch.delenv("ANTHROPIC_ADMIN_KEY")
    with pytest.raises(SettingsInvalid, match="ANTHROPIC_ADMIN_KEY is not set"):
        land(anthropic(), DAY)
    assert api.requests == []


@pytest.mark.parametrize("wrong", [{"group_usage_by": ["account_id"]}, {"retry": {"attemps": 2}}, {"analytics": True}])
def test_unknown_setting_is_refused(anthropic: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match=next(iter(wrong))):
        anthropic(**wrong)


def test_redelivery_is_no_news_and_a_restatement_replaces(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST, LAST))
    first = land(anthropic(), DAY, datetime(2026, 10, 2))
    again = land(anthropic(), DAY, datetime(2026, 10, 3))
    assert (first.news, again.news, again.landed.landing_id) == (True, False, first.landed.landing_id)
    assert again.rows == first.rows
    serve(api, page(cost("99")))
    restated = land(anthropic(), DAY, datetime(2026, 10, 4))
    assert restated.news
    assert [row["billed_cost"] for row in restated.rows["charges"]] == [Decimal("0.99")]


def test_a_credit_that_comes_late_is_a_line_of_its_own_day(api: Api, anthropic: Any, land: Any) -> None:
    """Of a month long closed, too: the day is another delivery, and its old lines stay what they were."""
    serve(api, page(FIRST))
    before = land(anthropic(), DAY, datetime(2026, 10, 2)).rows["charges"]
    serve(api, page(FIRST, cost("-40", **UNDESCRIBED | {"description": "Credit"})))
    taken = land(anthropic(), DAY, datetime(2027, 1, 9))
    kept, credit = taken.rows["charges"]
    assert taken.news
    assert [kept[name] for name in ("charge_id", "billed_cost")] == [before[0]["charge_id"], 1]
    told = ("billed_cost", "charge_period_start", "billing_period_start", "model", "charge_description")
    assert [credit[name] for name in told] == [
        Decimal("-0.4"),
        datetime(2026, 10, 1),
        date(2026, 10, 1),
        None,
        "Credit",
    ]


def test_charge_ids_do_not_depend_on_the_order_of_lines(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page(FIRST, LAST))
    first = {row["charge_id"]: row["billed_cost"] for row in land(anthropic(), DAY).rows["charges"]}
    serve(api, page(LAST, FIRST))
    assert {row["charge_id"]: row["billed_cost"] for row in land(anthropic(), DAY).rows["charges"]} == first


def test_a_day_without_spend_is_known_to_be_empty(api: Api, anthropic: Any, land: Any) -> None:
    serve(api, page())
    taken = land(anthropic(), DAY)
    assert (taken.rows, taken.news) == ({}, True)


def test_a_month_without_spend_is_known_to_be_empty(api: Api, anthropic: Any, land: Any) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        asked = dict(params)
        if path == ME:
            return 200, organisation(), OK
        return 200, page(buckets=[bucket(start=asked["starting_at"], end=asked["ending_at"])]), OK

    api.answer = answer
    source = anthropic()
    days = list(source.units(Period(date(2026, 9, 1), date(2026, 10, 1))))
    assert [(taken.news, taken.rows) for taken in (land(source, day) for day in days)] == [(True, {})] * 30


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-09-30T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("2026-09-29T17:00:00-07:00", "2026-09-30T17:00:00-07:00"),
        ("2026-09-30T00:00:00.000+00:00", "2026-10-01T00:00:00.000+00:00"),
    ],
)
def test_the_last_day_of_a_month_is_utcs_in_whatever_zone_it_is_told(
    api: Api, anthropic: Any, land: Any, start: str, end: str
) -> None:
    told = [page(buckets=[bucket(*rows, start=start, end=end)]) for rows in ((FIRST,), (used(),))]
    serve(api, *told)
    taken = land(anthropic(), "2026-09-30")
    (charge,), (usage,) = taken.rows["charges"], taken.rows["provider_usage"]
    told_of = ("charge_period_start", "charge_period_end", "billing_period_start")
    assert [charge[name] for name in told_of] == [datetime(2026, 9, 30), datetime(2026, 10, 1), date(2026, 9, 1)]
    assert usage["charge_day"] == date(2026, 9, 30)


@pytest.mark.parametrize("text", ["=cmd()|'A'!A1", "a\u0000b", "x" * 100_000, "</script>"])
def test_hostile_text_stays_text(api: Api, anthropic: Any, land: Any, text: str) -> None:
    serve(api, page(cost("100", description=text)))
    (charge,) = land(anthropic(), DAY).rows["charges"]
    assert (charge["charge_description"], charge["billed_cost"]) == (text, 1)


def test_text_that_is_none_is_refused_with_its_place(api: Api, anthropic: Any, refusal: Any) -> None:
    serve(api, page(cost("100", description="half \ud800")))
    assert "costs/0001.json, line 1: " in str(refusal(anthropic(), DAY))


def test_a_cited_line_is_the_result_as_it_stands(tmp_path: Path) -> None:
    first, second = cost("1.50"), cost("2", description='a "results": [ ] model')
    stored = tmp_path / "page"
    stored.write_bytes(page(first, second))
    source = registry.load("billing", {"name": "anthropic", "kind": "anthropic"})
    assert [source.cited(stored, "costs/0001.json", line) for line in (1, 2)] == [first, second]
    with pytest.raises(SourceRejected, match="no result 3"):
        source.cited(stored, "costs/0001.json", 3)


# What Claude Code is reckoned to cost ---------------------------------------------------------------------------------

ADDRESS, KEY_NAME = "ann.lee@acme.example", "claude_code_key_ann.lee_ab12"


def reckoned(amount: Any = "12.345", currency: Any = "USD", **told: Any) -> str:
    """One model of a record as JSON; ``amount`` is written as it stands."""
    tokens = {"input": 1000, "output": 50, "cache_read": 200, "cache_creation": 30}
    body = json.dumps({"model": SONNET, "tokens": tokens} | told)
    return f'{body[:-1]},"estimated_cost":{{"amount":{amount},"currency":{json.dumps(currency)}}}}}'


def record(*models: str, **told: Any) -> str:
    """One record of the Claude Code report as JSON: a person's day."""
    body = {
        "date": "2026-10-01T00:00:00Z",
        "actor": {"type": "user_actor", "email_address": ADDRESS},
        "organization_id": ORGANISATION,
        "customer_type": "api",
        "subscription_type": None,
        "terminal_type": "vscode",
        "is_remote": False,
        "core_metrics": {"num_sessions": 5, "lines_of_code": {"added": 10, "removed": 2}},
        "tool_actions": {"edit_tool": {"accepted": 4, "rejected": 1}},
    }
    return f'{json.dumps(body | told)[:-1]},"model_breakdown":[{",".join(models)}]}}'


def serve_claude_code(api: Api, *pages: bytes) -> None:
    """An empty bill, and these pages of the Claude Code report."""
    serve(api, page())
    whole = api.answer

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if path != CLAUDE_CODE:
            return whole(path, params)
        return 200, pages[int(dict(params).get("page", "page_0").removeprefix("page_"))], OK

    api.answer = answer


def test_claude_code_is_an_estimate_and_no_charge(api: Api, anthropic: Any, land: Any) -> None:
    serve_claude_code(api, rows_page(record(reckoned()), record(reckoned("7"), customer_type="subscription")))
    rows = land(anthropic(claude_code=True), DAY).rows
    assert set(rows) == {"provider_estimates"}
    first, second = rows["provider_estimates"]
    del first["landing_id"], first["source"]
    assert first == {
        "landing_line": 40_000_000_001,
        "kind": "claude_code",
        "charge_day": date(2026, 10, 1),
        "customer_type": "api",
        "model": SONNET,
        "input_tokens": 1000,
        "cache_read_input_tokens": 200,
        "cache_write_input_tokens": 30,
        "output_tokens": 50,
        "estimated_cost": Decimal("0.12345"),
        "estimated_cost_text": "0.12345",
        "currency": "USD",
    }
    assert (second["customer_type"], second["estimated_cost"]) == ("subscription", Decimal("0.07"))


@pytest.mark.parametrize(
    ("cents", "dollars"),
    [
        ("12.345", "0.12345"),
        ("186", "1.86"),
        ("0.1000000000000000055", "0.001000000000000000055"),
        ("9007199254740993e-9", "90071.99254740993"),
        ("0", "0.00"),
    ],
)
def test_cents_that_are_numbers_keep_their_digits(
    api: Api, anthropic: Any, land: Any, cents: str, dollars: str
) -> None:
    serve_claude_code(api, rows_page(record(reckoned(cents))))
    (row,) = land(anthropic(claude_code=True), DAY).rows["provider_estimates"]
    assert row["estimated_cost_text"] == dollars
    assert row["estimated_cost"] == round(Decimal(dollars), 9)


def test_no_person_is_landed(api: Api, anthropic: Any, land: Any, tmp_path: Path) -> None:
    """Neither an address, nor a key's name, which is made of a person's, nor what somebody did; and no member nobody listed."""
    key = record(reckoned(), actor={"type": "api_actor", "api_key_name": KEY_NAME}, reviewer=ADDRESS, date=None)
    # In place of a value, too.
    odd = record(reckoned(model={"by": ADDRESS}, tokens=[[ADDRESS]]), customer_type=[ADDRESS])
    cursor = "page_1"
    first = f'{{"data":[{record(reckoned())},{key},{odd}],"has_more":true,"next_page":"{cursor}"}}'.encode()
    serve_claude_code(api, first, rows_page(record(reckoned("1", model="ü \ud800"))))
    landed = land(anthropic(claude_code=True), DAY).landed
    pages = [item for item in landed.objects if item.name.startswith("claude_code/")]
    told = [json.loads(landed.path(item).read_bytes())["data"] for item in pages]
    tokens = {"input": 1000, "cache_read": 200, "cache_creation": 30, "output": 50}
    model = {"model": SONNET, "tokens": tokens, "estimated_cost": {"amount": "12.345", "currency": "USD"}}
    one = {"date": "2026-10-01T00:00:00Z", "customer_type": "api", "model_breakdown": [model]}
    none = {"model": None, "tokens": [[None]]}
    assert told[0] == [one, one | {"date": None}, one | {"customer_type": None, "model_breakdown": [model | none]}]
    assert told[1][0]["model_breakdown"][0]["model"] == "ü ?"
    stored = b"".join(path.read_bytes() for path in (tmp_path / "landing").rglob("*") if path.is_file())
    assert [text for text in ("@", "ann.lee", "vscode", "num_sessions", cursor) if text.encode() in stored] == []


def test_the_claude_code_report_is_asked_for_day_by_day_and_paged(api: Api, anthropic: Any, land: Any) -> None:
    first = f'{{"data":[{record(reckoned("1"))}],"has_more":true,"next_page":"page_1"}}'.encode()
    serve_claude_code(api, first, rows_page(record(reckoned("2"))))
    rows = land(anthropic(claude_code=True), DAY).rows["provider_estimates"]
    assert [row["estimated_cost"] for row in rows] == [Decimal("0.01"), Decimal("0.02")]
    assert [row["landing_line"] for row in rows] == [40_000_000_001, 50_000_000_001]
    asked = [("starting_at", DAY), ("limit", "1000")]
    assert [params for path, params, _ in api.requests if path == CLAUDE_CODE] == [asked, [*asked, ("page", "page_1")]]


def test_a_day_without_claude_code_has_no_estimate(api: Api, anthropic: Any, land: Any) -> None:
    """No records, or one that used no model."""
    for records in ((), (record(),), (record().replace("[]", "null"),)):
        serve_claude_code(api, rows_page(*records))
        assert land(anthropic(claude_code=True), DAY).rows == {}


def test_what_an_estimate_does_not_tell_is_null(api: Api, anthropic: Any, land: Any) -> None:
    tokens = {"input": 5, "output": None, "cache_read": 0}
    serve_claude_code(api, rows_page(record(reckoned(model=None, tokens=tokens), reckoned(tokens=None))))
    first, second = land(anthropic(claude_code=True), DAY).rows["provider_estimates"]
    counts = ("model", "input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens")
    assert [first[name] for name in counts] == [None, 5, 0, None, None]
    assert [second[name] for name in counts] == [SONNET, None, None, None, None]


def test_a_restated_day_replaces_its_estimates(api: Api, anthropic: Any, land: Any) -> None:
    """The report settles after the hour, so a later pull may tell more; what is told again is no news."""
    taken = []
    for day, cents in ((2, "10"), (3, "10"), (4, "12")):
        serve_claude_code(api, rows_page(record(reckoned(cents))))
        taken.append(land(anthropic(claude_code=True), DAY, datetime(2026, 10, day)))
    assert [one.news for one in taken] == [True, False, True]
    assert [row["estimated_cost"] for row in taken[-1].rows["provider_estimates"]] == [Decimal("0.12")]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (record(reckoned(currency="JPY")), "currency is 'JPY'; how many of its minor units are one"),
        (record(reckoned("null")), "estimated_cost.amount is empty"),
        (record(reckoned("true")), "estimated_cost.amount is neither text nor number"),
        (record(reckoned("1e30")), "estimated_cost.amount: '1E+30' is outside the range"),
        (record(reckoned("9000000000000")), "is beyond 9000000000"),
        (record(reckoned('"1,5"')), "estimated_cost.amount: '1,5' is not a plain decimal"),
        (record(reckoned(tokens={"input": -1})), "tokens.input is negative"),
        (record(reckoned(tokens={"output": 1.5})), "tokens.output is not a whole number"),
        (record(reckoned(tokens={"cache_read": 10**30})), "tokens.cache_read is 1e+30, more than is counted"),
        (record(reckoned(), date="2026-10-02T00:00:00Z"), "is of 2026-10-02, which was not asked for"),
        (record(reckoned(), date="today"), "date is not an RFC 3339 time"),
        (record(reckoned(), customer_type=None), "customer_type is empty"),
        (record("[]"), "is not a JSON object"),
        (record(reckoned("1"), reckoned("null")), "estimated_cost.amount is empty"),
        ("7", "is not a JSON object"),
    ],
)
def test_an_estimate_that_cannot_be_read_is_told_and_stops_no_bill(
    api: Api, anthropic: Any, land: Any, bad: str, problem: str
) -> None:
    serve_claude_code(api, rows_page(record(reckoned("1")), bad))
    rows = land(anthropic(claude_code=True), DAY).rows
    assert [row["estimated_cost"] for row in rows["provider_estimates"]] == [Decimal("0.01")]
    (lost,) = rows["rejected_records"]
    assert problem in lost["reason"]
    assert (lost["unit"], lost["landing_line"], lost["charge_day"]) == (
        "claude_code/0001.json",
        40_000_000_002,
        date(2026, 10, 1),
    )


def test_a_key_that_may_not_ask_for_claude_code_says_what_to_do(api: Api, anthropic: Any, refusal: Any) -> None:
    serve(api, page())
    whole = api.answer
    api.answer = lambda path, params: (403, b"", OK) if path == CLAUDE_CODE else whole(path, params)
    error = refusal(anthropic(claude_code=True), DAY)
    assert isinstance(error, AccessRefused)
    assert all(said in str(error) for said in ("ANTHROPIC_ADMIN_KEY", "an Admin API key", "claude_code: false"))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b'{"has_more":false,"next_page":null}', "data is not a list"),
        (b'{"data":[],"next_page":null}', "has_more or next_page is missing"),
        (rows_page(record(reckoned()))[:-9], "not valid JSON"),
    ],
)
def test_a_claude_code_report_of_another_shape_is_refused(
    api: Api, anthropic: Any, refusal: Any, answer: bytes, problem: str
) -> None:
    serve_claude_code(api, answer)
    error = str(refusal(anthropic(claude_code=True), DAY))
    assert problem in error
    assert ADDRESS not in error


def test_a_record_is_cited_as_it_is_kept(api: Api, anthropic: Any, land: Any) -> None:
    serve_claude_code(api, rows_page(record(reckoned("1")), record(reckoned("2"))))
    source = anthropic(claude_code=True)
    landed = land(source, DAY).landed
    (item,) = (one for one in landed.objects if one.name == "claude_code/0001.json")
    cited = json.loads(source.cited(landed.path(item), item.name, 2))
    assert cited["model_breakdown"][0]["estimated_cost"]["amount"] == 2
