"""OpenRouter's activity, served from a loopback server as the provider writes it.

Where such a bill goes wrong, and the test that holds it:

- both tokens in one amount: test_what_a_row_took_is_split_by_price_and_sums_to_it, test_what_nobody_can_split_keeps_its_money
- credits on the company's own key: test_what_the_upstream_takes_on_ones_own_key_is_no_money_here
- reasoning tokens are completion tokens: test_reasoning_tokens_are_counted_once
- free models: test_what_costs_nothing_needs_no_price
- binary floats: test_ten_thousand_tenths_are_a_thousand
- amounts and counts that are none, of another unit: test_numbers_that_are_none_are_refused_with_their_line
- a day that is too old or not over: test_a_day_the_api_does_not_have_changes_nothing
- no pages, so an answer that is not the whole: test_rows_that_do_not_add_up_to_the_day_are_refused
- a row told twice, a row of another day: test_contradictory_rows_are_refused
- grouped by workspace, or not: test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped
- the second answer fails: test_failure_of_the_second_answer_lands_nothing_and_a_later_pull_lands_whole
- an answer cut off: test_an_answer_cut_off_on_the_wire_is_asked_for_again
- too many requests: test_a_busy_api_is_asked_again_when_it_says
- a key that calls models, a closed account: test_a_key_that_is_no_management_key_names_its_variable
- a day, a month without spend: test_a_day_without_spend_is_known_to_be_empty
- delivered again, restated, gone: test_redelivery_is_no_news_and_a_restatement_replaces
- the border of a month, the currency: test_a_day_is_of_its_own_month_and_of_dollars
- hostile text: test_hostile_text_stays_text, test_text_that_is_none_is_refused_with_its_place
- another shape: test_answers_of_another_shape_are_refused
"""

from __future__ import annotations

import json
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
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.conftest import QUICK, Api, Params

DAY, PATH, SECRET = "2026-10-01", "/api/v1/activity", "sk-or-v1-management-secret"
GPT = "openai/gpt-4.1"
PRICE = {"model": GPT, "input_per_million": "2.00", "output_per_million": "8.00"}
OK: dict[str, str] = {}


def row(usage: str = "0.036", **told: Any) -> str:
    """One row of the activity as JSON: of prompt tokens alone, but for what is ``told``."""
    body = {
        "date": DAY,
        "model": GPT,
        "model_permaslug": f"{GPT}-2025-04-14",
        "endpoint_id": "550e8400-e29b-41d4-a716-446655440000",
        "provider_name": "OpenAI",
        "byok_usage_inference": 0,
        "requests": 5,
        "prompt_tokens": 10_000,
        "completion_tokens": 0,
        "reasoning_tokens": 0,
        "workspace_id": "wrk_a",
    }
    return f'{{"usage":{usage},{json.dumps(body | told)[1:]}'


def page(*rows: str) -> bytes:
    return f'{{"data": [{", ".join(rows)}]}}'.encode()


def serve(api: Api, rows: bytes, total: bytes | None = None) -> None:
    """The day by workspace, and without; without ``total`` both are the same."""

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        assert path == PATH, f"{path} is not to be asked"
        return 200, rows if total is None or ("group_by", "workspace") in params else total, OK

    api.answer = answer


@pytest.fixture
def openrouter(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", SECRET)

    def load(**config: Any) -> Source:
        base = {"name": "router", "kind": "openrouter", "base_url": api.url, "retry": QUICK}
        return registry.load("billing", base | config)

    return load


# What is asked --------------------------------------------------------------------------------------------------------


def test_units_are_utc_days(openrouter: Any) -> None:
    assert list(openrouter().units(Period(date(2026, 9, 30), date(2026, 10, 2)))) == ["2026-09-30", DAY]


def test_a_probe_is_one_request_that_shows_whether_the_key_is_taken(api: Api, openrouter: Any) -> None:
    serve(api, page())
    assert openrouter().probe(Period(date(2026, 1, 1), date(2026, 1, 3))) == 2
    assert [(path, params) for path, params, _ in api.requests] == [(PATH, [])]
    for status, error in ((503, SourceUnavailable), (403, AccessRefused)):
        api.answer = lambda *_, status=status: (status, b"", OK)
        with pytest.raises(error):
            openrouter().probe(Period(date(2026, 10, 1), date(2026, 10, 2)))
    assert len(api.requests) == 3


def test_a_day_is_asked_for_by_workspace_and_whole_and_landed_as_received(api: Api, openrouter: Any, land: Any) -> None:
    rows, total = page(row("0.03"), row("0.006", workspace_id="wrk_b")), page(row())
    serve(api, rows, total)
    landed = land(openrouter(), DAY).landed
    assert [params for _, params, _ in api.requests] == [[("date", DAY), ("group_by", "workspace")], [("date", DAY)]]
    assert {headers["Authorization"] for *_, headers in api.requests} == {f"Bearer {SECRET}"}
    assert [item.name for item in landed.objects] == ["activity.json", "activity_total.json"]
    assert [landed.path(item).read_bytes() for item in landed.objects] == [rows, total]
    assert all("secret" not in item.uri for item in landed.objects)


# What a row says ------------------------------------------------------------------------------------------------------


def test_a_row_of_one_kind_of_tokens_is_a_line_of_its_meter(api: Api, openrouter: Any, land: Any) -> None:
    serve(api, page(row("1e-05"), row("0.5", prompt_tokens=0, completion_tokens=300.0, endpoint_id="another")))
    rows = land(openrouter(billing_account_id="acme"), DAY).rows["charges"]
    told = ("billed_cost_text", "billed_cost", "effective_cost", "meter", "quantity")
    assert [tuple(charge[name] for name in told) for charge in rows] == [
        ("1e-05", Decimal("0.00001"), Decimal("0.00001"), "input_tokens", 10_000),
        ("0.5", Decimal("0.5"), Decimal("0.5"), "output_tokens", 300),
    ]
    owners = {(charge["billing_account_id"], charge["sub_account_id"], charge["model"]) for charge in rows}
    assert owners == {("acme", "wrk_a", GPT)}


@pytest.mark.parametrize(
    ("usage", "shares"),
    [
        ("0.036", ["0.02", "0.016"]),
        # Less than list, and more: the ratio is what counts.
        ("0.0018", ["0.001", "0.0008"]),
        ("1.0000000000000002", ["0.555555555", "0.4444444450000002"]),
        ("-0.036", ["-0.02", "-0.016"]),
        ("8000000000.0000000000000000001", ["4444444444.444444444", "3555555555.5555555560000000001"]),
    ],
)
def test_what_a_row_took_is_split_by_price_and_sums_to_it(
    api: Api, openrouter: Any, land: Any, usage: str, shares: list[str]
) -> None:
    serve(api, page(row(usage, completion_tokens=2000)))
    rows = land(openrouter(prices=[PRICE]), DAY).rows["charges"]
    assert [(charge["meter"], charge["quantity"]) for charge in rows] == [
        ("input_tokens", 10_000),
        ("output_tokens", 2000),
    ]
    assert [charge["billed_cost_text"] for charge in rows] == shares
    assert [charge["effective_cost_text"] for charge in rows] == shares


def test_a_price_holds_on_its_days(api: Api, openrouter: Any, land: Any) -> None:
    ended = PRICE | {"output_per_million": "2.00", "valid_to": DAY}
    begins = PRICE | {"output_per_million": "18.00", "valid_from": DAY, "valid_to": "2026-10-02"}
    serve(api, page(row("0.056", completion_tokens=2000)))
    rows = land(openrouter(prices=[ended, begins, PRICE]), DAY).rows["charges"]
    assert [charge["billed_cost_text"] for charge in rows] == ["0.02", "0.036"]


def test_a_price_that_holds_on_no_day_is_refused(openrouter: Any) -> None:
    with pytest.raises(SettingsInvalid, match=f"valid_to {DAY} is not after valid_from {DAY}"):
        openrouter(prices=[PRICE | {"valid_from": DAY, "valid_to": DAY}])


def test_the_least_use_has_its_share(api: Api, openrouter: Any, land: Any) -> None:
    """Weights are whole: what a token costs at list may be less than one, and it is still used."""
    cheap = PRICE | {"input_per_million": "0.0001", "output_per_million": "0.0003"}
    serve(api, page(row("0.000000004", prompt_tokens=1, completion_tokens=1)))
    rows = land(openrouter(prices=[cheap]), DAY).rows["charges"]
    assert [(charge["meter"], charge["billed_cost_text"]) for charge in rows] == [
        ("input_tokens", "0.000000002"),
        ("output_tokens", "0.000000002"),
    ]


@pytest.mark.parametrize("price", ["0", "-1", "cheap"])
def test_a_price_that_splits_nothing_is_refused(openrouter: Any, price: str) -> None:
    with pytest.raises(SettingsInvalid, match="input_per_million"):
        openrouter(prices=[PRICE | {"input_per_million": price}])


@pytest.mark.parametrize(
    "told",
    [
        {"completion_tokens": 2000},
        {"completion_tokens": 2000, "model": "google/gemini-2.5-flash-image"},
        {"prompt_tokens": 0},
    ],
)
def test_what_nobody_can_split_keeps_its_money(api: Api, openrouter: Any, land: Any, told: dict[str, Any]) -> None:
    """It has no meter, so it is a break; ``skus.csv`` may say what the requests of the model are."""
    serve(api, page(row(**told)))
    (charge,) = land(openrouter(prices=[PRICE | {"model": "another"}]), DAY).rows["charges"]
    read = ("billed_cost", "meter", "quantity", "consumed_quantity", "consumed_unit", "sku_id")
    assert [charge[name] for name in read] == [Decimal("0.036"), None, None, 5, "requests", f"{GPT}-2025-04-14"]


def test_what_costs_nothing_needs_no_price(api: Api, openrouter: Any, land: Any) -> None:
    serve(api, page(row("0", completion_tokens=2000, model=f"{GPT}:free")))
    rows = land(openrouter(), DAY).rows["charges"]
    assert [(charge["meter"], charge["quantity"], charge["billed_cost"]) for charge in rows] == [
        ("input_tokens", 10_000, 0),
        ("output_tokens", 2000, 0),
    ]


def test_reasoning_tokens_are_counted_once(api: Api, openrouter: Any, land: Any) -> None:
    serve(api, page(row(prompt_tokens=0, completion_tokens=2000, reasoning_tokens=1500)))
    assert [charge["quantity"] for charge in land(openrouter(), DAY).rows["charges"]] == [2000]


@pytest.mark.parametrize("usage", ["0", "0.0018"])
def test_what_the_upstream_takes_on_ones_own_key_is_no_money_here(
    api: Api, openrouter: Any, land: Any, usage: str
) -> None:
    """Its own bill has it. What OpenRouter takes for the passage is billed, whatever it reckons beside it."""
    serve(api, page(row(usage, byok_usage_inference=0.036, completion_tokens=2000)))
    rows = land(openrouter(prices=[PRICE]), DAY).rows
    for cost in ("billed_cost", "effective_cost", "list_cost"):
        assert sum(charge[cost] for charge in rows["charges"]) == Decimal(usage)
    assert {(charge["contracted_cost"], charge["tags"]) for charge in rows["charges"]} == {(None, None)}
    (estimate,) = rows["provider_estimates"]
    assert {name: value for name, value in estimate.items() if value is not None} == {
        "source": "router",
        "landing_id": rows["charges"][0]["landing_id"],
        "landing_line": rows["charges"][0]["landing_line"],
        "kind": "byok",
        "charge_day": date(2026, 10, 1),
        "model": GPT,
        "estimated_cost": Decimal("0.036"),
        "estimated_cost_text": "0.036",
        "currency": "USD",
    }


@pytest.mark.parametrize("told", [0, 0.0, None])
def test_nothing_on_ones_own_key_is_no_estimate(api: Api, openrouter: Any, land: Any, told: Any) -> None:
    serve(api, page(row(byok_usage_inference=told)))
    assert set(land(openrouter(), DAY).rows) == {"charges"}


def test_ten_thousand_tenths_are_a_thousand(api: Api, openrouter: Any, land: Any) -> None:
    serve(api, page(*(row("0.1", endpoint_id=str(n)) for n in range(10_000))))
    rows = land(openrouter(), DAY).rows["charges"]
    assert sum(Decimal(charge["billed_cost_text"]) for charge in rows) == 1000
    assert len({charge["charge_id"] for charge in rows}) == 10_000


def test_a_day_is_of_its_own_month_and_of_dollars(api: Api, openrouter: Any, land: Any) -> None:
    """Credits are dollars: whose books are in another currency needs a rate of the month, as for any bill."""
    serve(api, page(row(date="2026-10-31 00:00:00")))
    (charge,) = land(openrouter(), "2026-10-31").rows["charges"]
    told = ("billing_period_start", "charge_period_start", "charge_period_end", "billing_currency")
    assert [charge[name] for name in told] == [
        date(2026, 10, 1),
        datetime(2026, 10, 31),
        datetime(2026, 11, 1),
        "USD",
    ]


def test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped(
    api: Api, openrouter: Any, land: Any, refusal: Any
) -> None:
    bare = {name: value for name, value in json.loads(row()).items() if name != "workspace_id"}
    serve(api, page(json.dumps(bare)))
    assert "workspace_id is missing" in str(refusal(openrouter(), DAY))
    serve(api, page(row(workspace_id=None), row()))
    rows = land(openrouter(), DAY).rows["charges"]
    assert [charge["sub_account_id"] for charge in rows] == ["(default)", "wrk_a"]


def test_hostile_text_stays_text(api: Api, openrouter: Any, land: Any) -> None:
    text = "'; drop table charges; -- \u202e=cmd|' /C calc'!A0 <script>\n\U0001f4b8"
    serve(api, page(row(model=text, model_permaslug=text, endpoint_id=text, provider_name=text, workspace_id=text)))
    source = openrouter()
    landed = land(source, DAY)
    (charge,) = landed.rows["charges"]
    assert [charge[name] for name in ("model", "sku_id", "sub_account_id")] == [text] * 3
    assert charge["charge_description"] == f"{text} of {text}"
    cited = source.cited(landed.landed.path(landed.landed.objects[0]), "activity.json", 1)
    assert json.loads(cited)["model"] == text


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"usage": '"1,5"'}, "usage: '1,5' is not a plain decimal amount"),
        ({"usage": "null"}, "usage is empty"),
        ({"usage": "true"}, "usage is neither text nor number"),
        ({"usage": "1e30"}, "usage: '1e30' is outside the range"),
        ({"byok_usage_inference": "some"}, "byok_usage_inference: 'some' is not"),
        ({"byok_usage_inference": 9_000_000_001}, "byok_usage_inference: '9000000001' is beyond"),
        ({"prompt_tokens": -1}, "prompt_tokens is -1, which counts no tokens"),
        ({"completion_tokens": 1.5}, "completion_tokens is 1.5, which counts no tokens"),
        ({"prompt_tokens": None}, "prompt_tokens is empty"),
        ({"model": None}, "model is empty"),
    ],
)
def test_numbers_that_are_none_are_refused_with_their_line(
    api: Api, openrouter: Any, refusal: Any, told: dict[str, Any], problem: str
) -> None:
    wrong = dict(told)
    serve(api, page(row(endpoint_id="first"), row(wrong.pop("usage", "0.036"), **wrong)))
    error = refusal(openrouter(), DAY)
    assert problem in str(error)
    assert (error.source, error.file, error.line) == ("router", "activity.json", 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data": {}}',
        b'{"data": [1]}',
        b'{"data": [',
        b'{"error": {"code": 500}}',
        page(row(date="soon")),
    ],
)
def test_answers_of_another_shape_are_refused(api: Api, openrouter: Any, refusal: Any, content: bytes) -> None:
    serve(api, content)
    assert isinstance(refusal(openrouter(), DAY), SourceRejected | SourceChangedShape)


def test_numbers_that_are_not_finite_are_refused(api: Api, openrouter: Any, refusal: Any) -> None:
    serve(api, page(row("NaN")))
    assert "NaN is no number" in str(refusal(openrouter(), DAY))


def test_text_that_is_none_is_refused_with_its_place(api: Api, openrouter: Any, refusal: Any) -> None:
    serve(api, page(row(model="half \ud83d")))
    error = refusal(openrouter(), DAY)
    assert (error.file, error.line) == ("activity.json", 1)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ((row(), row("0.1")), "the same group came twice"),
        ((row(date="2026-09-30"),), "is of 2026-09-30, which was not asked for"),
    ],
)
def test_contradictory_rows_are_refused(
    api: Api, openrouter: Any, refusal: Any, rows: tuple[str, ...], problem: str
) -> None:
    serve(api, page(*rows))
    assert problem in str(refusal(openrouter(), DAY))


@pytest.mark.parametrize("total", [page(row("0.036000002")), page(), page(row(), row("0.1", endpoint_id="another"))])
def test_rows_that_do_not_add_up_to_the_day_are_refused(
    api: Api, openrouter: Any, land: Any, refusal: Any, total: bytes
) -> None:
    serve(api, page(row()), total)
    assert "cost lines add up to 0.036 USD, the day's total is" in str(refusal(openrouter(), DAY))
    api.requests.clear()
    assert land(openrouter(control_total=False), DAY).rows["charges"]
    assert len(api.requests) == 1


def test_doubles_summed_elsewhere_are_no_difference(api: Api, openrouter: Any, land: Any) -> None:
    serve(api, page(row("0.1"), row("0.2", workspace_id="wrk_b")), page(row("0.30000000000000004")))
    assert len(land(openrouter(), DAY).rows["charges"]) == 2


# Over time ------------------------------------------------------------------------------------------------------------


def test_a_day_the_api_does_not_have_changes_nothing(api: Api, openrouter: Any, land: Any, tmp_path: Path) -> None:
    """Older than thirty days, or not over: an empty answer would take away what was known."""
    serve(api, page(row()))
    land(openrouter(), DAY, datetime(2026, 10, 2))
    said = b'{"error": {"code": 400, "message": "Date must be within the last 30 (completed) UTC days"}}'
    api.answer = lambda *_: (400, said, OK)
    with pytest.raises(SourceRejected, match="within the last 30"):
        land(openrouter(), DAY, datetime(2026, 12, 2))
    assert len(Landing(tmp_path / "landing").history("router", DAY)) == 1


def test_a_day_without_spend_is_known_to_be_empty(api: Api, openrouter: Any, land: Any, tmp_path: Path) -> None:
    serve(api, page())
    days = list(openrouter().units(Period(date(2026, 10, 1), date(2026, 11, 1))))
    assert len(days) == 31
    assert [land(openrouter(), day).rows for day in days] == [{}] * 31
    assert len(Landing(tmp_path / "landing").history("router", DAY)) == 1


def test_redelivery_is_no_news_and_a_restatement_replaces(api: Api, openrouter: Any, land: Any) -> None:
    """Of a unit the newest pull counts, so a row that is gone is in no sum."""
    serve(api, page(row("1"), row("2", workspace_id="wrk_b")))
    first = land(openrouter(), DAY, datetime(2026, 10, 2))
    again = land(openrouter(), DAY, datetime(2026, 10, 3))
    assert (first.news, again.news) == (True, False)
    assert [r["charge_id"] for r in again.rows["charges"]] == [r["charge_id"] for r in first.rows["charges"]]
    serve(api, page(row("1.5")))
    restated = land(openrouter(), DAY, datetime(2026, 10, 4))
    assert restated.news
    assert [r["billed_cost"] for r in restated.rows["charges"]] == [Decimal("1.5")]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_no_management_key_names_its_variable(
    api: Api, openrouter: Any, refusal: Any, status: int
) -> None:
    api.answer = lambda *_: (status, b'{"error":{"message":"Only management keys can perform this operation"}}', OK)
    error = refusal(openrouter(), DAY)
    assert isinstance(error, AccessRefused)
    assert "OPENROUTER_MANAGEMENT_KEY" in str(error)
    assert len(api.requests) == 1


def test_a_missing_key_is_a_setting(openrouter: Any, land: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = openrouter()
    monkeypatch.delenv("OPENROUTER_MANAGEMENT_KEY")
    assert (source.secrets, source.needs) == (("OPENROUTER_MANAGEMENT_KEY",),) * 2
    with pytest.raises(SettingsInvalid, match="OPENROUTER_MANAGEMENT_KEY is not set"):
        land(source, DAY)


def test_a_busy_api_is_asked_again_when_it_says(api: Api, openrouter: Any, land: Any) -> None:
    waits = iter([(429, b"", {"Retry-After": "0"}), (503, b"", OK)])
    api.answer = lambda *_: next(waits, (200, page(row()), OK))
    assert len(land(openrouter(), DAY).rows["charges"]) == 1
    assert len(api.requests) == 4


def test_an_answer_cut_off_on_the_wire_is_asked_for_again(api: Api, openrouter: Any, land: Any) -> None:
    whole = page(row())
    cut = iter([(200, whole[:40], {"Content-Length": str(len(whole)), "Connection": "close"})])
    api.answer = lambda *_: next(cut, (200, whole, OK))
    assert len(land(openrouter(), DAY).rows["charges"]) == 1


def test_failure_of_the_second_answer_lands_nothing_and_a_later_pull_lands_whole(
    api: Api, openrouter: Any, land: Any, refusal: Any
) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        return (200, page(row()), OK) if ("group_by", "workspace") in params else (500, b"", OK)

    api.answer = answer
    assert isinstance(refusal(openrouter(), DAY), SourceUnavailable)
    serve(api, page(row()))
    assert land(openrouter(), DAY).news
