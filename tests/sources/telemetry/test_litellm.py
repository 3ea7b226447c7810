"""LiteLLM's spend logs, served from a loopback server as the proxy writes them.

Where they go wrong, and the test that holds it:

- spend is an estimate and no bill: test_spend_is_a_told_cost_and_no_charge
- input contains what is cached: test_cached_tokens_are_taken_out_of_the_input
- the proxy's own cache: test_an_answer_from_the_proxys_cache_was_served_by_nobody
- a hash that is no provider's key: test_the_hash_of_a_proxys_key_is_no_key_of_a_bill
- prompts in the logs: test_only_what_the_mapping_names_is_landed
- pages: test_pages_are_read_to_the_total
- rows that come while pages are read, a page told twice, a capped count: test_pages_that_contradict_each_other_land_nothing
- requests without an id: test_a_row_without_an_id_is_rejected_alone
- the last half second of a day: test_a_day_is_asked_for_whole
- times without a zone: test_a_time_without_a_zone_is_utc
- an empty day: test_an_empty_day_is_known_to_be_empty
- a key that may not read: test_a_key_that_may_not_read_names_its_variable
- a busy proxy, a pull begun again: test_a_busy_proxy_is_asked_again_and_a_later_pull_lands_whole
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import AccessRefused, PeriodIncomplete, SettingsInvalid, SourceChangedShape
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.conftest import QUICK, Api, Params

DAY, PATH, SECRET = "2026-10-01", "/spend/logs/v2", "sk-litellm-secret"
OK: dict[str, str] = {}
WHOM = {"event_id": "metadata.spend_logs_metadata.event_id", "user_hash": "end_user"}


def request(name: str | None = "chatcmpl-1", **told: Any) -> dict[str, Any]:
    """One row as the proxy lists it."""
    return {
        "request_id": name,
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "spend": 0.000912,
        "total_tokens": 1120,
        "prompt_tokens": 1000,
        "completion_tokens": 120,
        "startTime": f"{DAY}T08:00:00.100000Z",
        "endTime": f"{DAY}T08:00:01.200000Z",
        "model": "gpt-4.1-2025-04-14",
        "model_group": "fast",
        "custom_llm_provider": "openai",
        "api_base": "https://api.openai.com/v1/",
        "cache_hit": "False",
        "status": "success",
        "messages": [{"role": "user", "content": "a secret question"}],
        "response": {"content": "a secret answer"},
        "metadata": {
            "spend_logs_metadata": {"event_id": "ticket-1"},
            "usage_object": {"prompt_tokens_details": {"cached_tokens": 800}, "note": "a secret note"},
        },
    } | told


def page(*rows: dict[str, Any], total: int | None = None, **told: Any) -> bytes:
    told = {"total": len(rows) if total is None else total, "page": 1, "page_size": 1000, "total_pages": 1} | told
    return json.dumps({"data": list(rows), **told}).encode()


def serve(api: Api, *pages: bytes) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        assert path == PATH, f"{path} is not to be asked"
        return 200, pages[int(dict(params)["page"]) - 1], OK

    api.answer = answer


@pytest.fixture
def litellm(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    monkeypatch.setenv("LITELLM_ADMIN_KEY", SECRET)
    monkeypatch.setenv("RECONCILE_USER_KEY", "pepper")

    def load(**config: Any) -> Source:
        base = {"name": "gateway", "kind": "litellm", "base_url": api.url, "retry": QUICK, "columns": WHOM}
        return registry.load("telemetry", base | config)

    return load


def test_spend_is_a_told_cost_and_no_charge(api: Api, litellm: Any, land: Any) -> None:
    """Whoever served the call bills it: taken for a charge, the same tokens would cost twice."""
    serve(api, page(request(), request("chatcmpl-2", spend=1e-07)))
    source = litellm()
    taken = land(source, DAY)
    assert set(taken.rows) == {"calls"}
    told = ("reported_cost", "reported_currency", "record_id", "event_id", "provider", "model", "status")
    assert [tuple(call[name] for name in told) for call in taken.rows["calls"]] == [
        (Decimal("0.000912"), "USD", "chatcmpl-1", "ticket-1", "openai", "gpt-4.1-2025-04-14", "ok"),
        (Decimal("0.0000001"), "USD", "chatcmpl-2", "ticket-1", "openai", "gpt-4.1-2025-04-14", "ok"),
    ]
    assert "litellm" not in registry.kinds("billing")


def test_cached_tokens_are_taken_out_of_the_input(api: Api, litellm: Any, land: Any) -> None:
    claude = {"prompt_tokens_details": {"cached_tokens": 800}, "cache_creation_input_tokens": 50}
    text = json.dumps({"usage_object": claude})  # as older versions list it
    serve(api, page(request(), request("b", prompt_tokens=950, metadata=text), request("c", metadata={})))
    calls = land(litellm(), DAY).rows["calls"]
    assert [{used["meter"]: used["quantity"] for used in call["usage"]} for call in calls] == [
        {"input_tokens": 200, "cache_read_input_tokens": 800, "output_tokens": 120},
        {"input_tokens": 100, "cache_read_input_tokens": 800, "cache_write_input_tokens": 50, "output_tokens": 120},
        {"input_tokens": 1000, "output_tokens": 120},
    ]
    assert [call["tells_cache"] for call in calls] == [True, True, False]


def test_a_time_without_a_zone_is_utc(api: Api, litellm: Any, land: Any) -> None:
    naive = {"startTime": f"{DAY}T08:00:00.100000", "endTime": f"{DAY} 08:00:01.200000"}
    serve(api, page(request("a"), request("b", **naive)))
    first, second = land(litellm(), DAY).rows["calls"]
    assert (second["started_at"], second["ended_at"]) == (first["started_at"], first["ended_at"])


@pytest.mark.parametrize(
    ("told", "answered"), [("True", True), (True, True), ("False", False), ("None", False), ("", False), (None, False)]
)
def test_an_answer_from_the_proxys_cache_was_served_by_nobody(
    api: Api, litellm: Any, land: Any, told: Any, answered: bool
) -> None:
    serve(api, page(request(cache_hit=told)))
    assert land(litellm(), DAY).rows["calls"][0]["answered_from_cache"] is answered


def test_the_hash_of_a_proxys_key_is_no_key_of_a_bill(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request()))
    (call,) = land(litellm(), DAY).rows["calls"]
    assert {call[name] for name in ("api_key_id", "sub_account_id", "billing_account_id")} == {None}


def test_only_what_the_mapping_names_is_landed(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request(end_user="u1", metadata="no JSON but a secret text")))
    taken = land(litellm(), DAY)
    (item,) = taken.landed.objects
    content = taken.landed.path(item).read_bytes()
    assert b"secret" not in content
    assert b"88dc28d0" not in content
    assert taken.rows["calls"][0]["user_hash"] not in (None, "u1")
    assert [note["attribute"] for note in taken.rows["rejected_records"]] == [
        "metadata.spend_logs_metadata.event_id",
        "metadata.usage_object.prompt_tokens_details.cached_tokens",
    ]


def test_pages_are_read_to_the_total(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request("a"), request("b"), total=3), page(request("c"), total=3))
    assert [call["record_id"] for call in land(litellm(), DAY).rows["calls"]] == ["a", "b", "c"]
    assert [dict(params)["page"] for _, params, _ in api.requests] == ["1", "2"]
    assert {headers["Authorization"] for *_, headers in api.requests} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("pages", "problem"),
    [
        ([page(request("a"), total=2), page(request("b"), total=3)], "there were 2 rows, then 3"),
        ([page(request("a"), total=2), page(request("a"), total=2)], "request 'a' stands on two pages"),
        ([page(request("a"), total=2), page(total=2)], "1 of 2 rows came"),
        ([page(request("a"), request("b"), total=1)], "2 of 1 rows came"),
        ([page(request("a"), total_is_capped=True)], "counts no further than its cap"),
    ],
)
def test_pages_that_contradict_each_other_land_nothing(
    api: Api, litellm: Any, refusal: Any, tmp_path: Path, pages: list[bytes], problem: str
) -> None:
    serve(api, *pages)
    error = refusal(litellm(), DAY)
    assert not list((tmp_path / "landing").glob("objects/*/*"))
    assert isinstance(error, PeriodIncomplete)
    assert problem in str(error)


@pytest.mark.parametrize(
    "content", [b'{"data": []}', b'{"data": [1], "total": 1}', b'{"total": 0}', b'{"data": [], "total": true}']
)
def test_answers_of_another_shape_are_refused(api: Api, litellm: Any, refusal: Any, content: bytes) -> None:
    serve(api, content)
    assert isinstance(refusal(litellm(), DAY), SourceChangedShape)


def test_a_row_without_an_id_is_rejected_alone(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request(""), request("b"), request(None)))
    rows = land(litellm(), DAY).rows
    assert [call["record_id"] for call in rows["calls"]] == ["b"]
    assert [note["landing_line"] for note in rows["rejected_records"]] == [1, 3]


def test_a_day_is_asked_for_whole(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page())
    land(litellm(), DAY)
    asked = dict(api.requests[0][1])
    assert (asked["start_date"], asked["end_date"]) == ("2026-10-01 00:00:00", "2026-10-02 00:00:00")
    days = litellm().units(Period(date(2026, 10, 1), date(2026, 10, 3)))
    assert days == ["2026-09-30", "2026-10-01", "2026-10-02"]


def test_an_empty_day_is_known_to_be_empty(api: Api, litellm: Any, land: Any, tmp_path: Any) -> None:
    serve(api, page())
    assert land(litellm(), DAY).rows == {}
    assert len(Landing(tmp_path / "landing").history("gateway", DAY)) == 1


def test_redelivery_is_no_news_and_a_late_row_is(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request("a")))
    assert land(litellm(), DAY, datetime(2026, 10, 2)).news
    assert not land(litellm(), DAY, datetime(2026, 10, 3)).news
    serve(api, page(request("a"), request("b")))
    assert land(litellm(), DAY, datetime(2026, 10, 4)).news


def test_a_key_that_may_not_read_names_its_variable(api: Api, litellm: Any, refusal: Any) -> None:
    api.answer = lambda *_: (401, b"{}", OK)
    error = refusal(litellm(), DAY)
    assert isinstance(error, AccessRefused)
    assert "LITELLM_ADMIN_KEY" in str(error)
    assert litellm().secrets == ("LITELLM_ADMIN_KEY", "RECONCILE_USER_KEY")
    assert litellm().needs == ("LITELLM_ADMIN_KEY",)


def test_a_busy_proxy_is_asked_again_and_a_later_pull_lands_whole(
    api: Api, litellm: Any, land: Any, refusal: Any
) -> None:
    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        return (200, page(request("a"), total=2), OK) if dict(params)["page"] == "1" else (503, b"", OK)

    api.answer = answer
    assert refusal(litellm(), DAY).retryable
    assert len(api.requests) == 4
    serve(api, page(request("a"), total=2), page(request("b"), total=2))
    assert len(land(litellm(), DAY).rows["calls"]) == 2


def test_a_probe_is_one_request_of_one_row(api: Api, litellm: Any) -> None:
    serve(api, page(request("a"), total=9))
    assert litellm().probe(Period(date(2026, 10, 1), date(2026, 10, 3))) == 2
    assert [dict(params)["page_size"] for _, params, _ in api.requests] == ["1"]


def test_what_the_company_maps_goes_before_what_every_row_tells(api: Api, litellm: Any, land: Any) -> None:
    serve(api, page(request(model_id="mine")))
    (call,) = land(litellm(columns=WHOM | {"model": "model_id"}), DAY).rows["calls"]
    assert (call["model"], call["record_id"]) == ("mine", "chatcmpl-1")
    with pytest.raises(SettingsInvalid, match="not columns of calls"):
        litellm(columns={"evnt_id": "x"})


def test_hostile_text_stays_text(api: Api, litellm: Any, land: Any) -> None:
    text = "'; drop table calls; -- \u202e=cmd|' /C calc'!A0 <script>\n\U0001f4b8"
    serve(api, page(request(text, metadata={"spend_logs_metadata": {"event_id": text}})))
    (call,) = land(litellm(), DAY).rows["calls"]
    assert (call["record_id"], call["event_id"]) == (text, text)
