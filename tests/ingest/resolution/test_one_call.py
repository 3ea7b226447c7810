"""R29: which tellings are one call, and what it takes from each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ingest.resolution.conftest import Row, telling, used

Calls = Callable[..., list[Row]]
OTHER = "1bf7651916cd43dd8448eb211c80319d"


def test_one_response_id_from_two_emitters_is_one_call(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, response_id="r", input=100, output=5, at=2, tenant_id="t"),
        telling(
            "b" * 16, trace=OTHER, response_id="r", scope_name="gateway", provider="proxy", input=100, output=5, at=4
        ),
    )
    assert (call["tellings"], call["provider"], call["tenant_id"], used(call)) == (
        2,
        "openai",
        "t",
        {"input": 100, "output": 5},
    )
    assert (call["identity_group"], call["names_two_events"]) == (None, False)


@pytest.mark.parametrize(
    ("other", "calls_in_all"),
    [
        ({"at": 100}, 1),
        ({"at": 4000}, 1),  # at any distance where both totals are equal
        ({"at": 4000, "output": 6}, 2),
        ({"at": 10, "output": 6}, 1),  # one of the two is equal
        ({"at": 10, "input": 90, "output": 6}, 2),
        ({"at": 10, "input": 90, "output": 6, "usage_source": "estimated"}, 1),
        ({"at": 10, "model": "n"}, 2),
        ({"at": 10, "model": "m-2026-01-01"}, 1),
        ({"at": 10, "model": "m-2026-03-01"}, 1),  # a snapshot the other does not tell
        ({"at": 10, "model": "m-0613"}, 1),
        ({"at": 10, "model": "openai/m"}, 1),  # as a gateway writes it
        ({"at": 10, "model": "acme/m"}, 2),
        ({"at": 10, "scope_name": "sdk", "output": 6}, 2),  # one emitter: both totals
    ],
)
def test_what_two_tellings_of_a_response_id_must_agree_in(
    calls: Calls, other: dict[str, Any], calls_in_all: int
) -> None:
    said = {"response_id": "r", "input": 100, "output": 5, "scope_name": "wrapper"} | other
    found = calls(telling("a" * 16, response_id="r", input=100, output=5), telling("b" * 16, trace=OTHER, **said))
    assert len(found) == calls_in_all
    assert [call["identity_group"] for call in found] == ([None] if calls_in_all == 1 else ["r", "r"])


def test_usage_comes_from_one_telling_and_names_from_the_earliest(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, response_id="r", input=100, at=9, began=8, event_id="late", region="eu"),
        telling(
            "b" * 16,
            trace=OTHER,
            response_id="r",
            scope_name="w",
            input=60,
            cached=40,
            output=5,
            at=9,
            began=1,
            event_id="early",
        ),
    )
    assert used(call) == {"input": 60, "cached": 40, "output": 5}
    assert (call["event_id"], call["region"]) == ("early", "eu")
    assert (call["names_two_events"], call["identity_group"]) == (True, "r")


def test_what_an_emitter_excludes_it_does_not_exceed(calls: Calls) -> None:
    """Also where another telling names the provider: then nobody finds the emitter by what the call tells."""
    told = {
        "response_id": "r",
        "input": 10,
        "cached": 40,
        "cache_exceeds_input": True,
        "token_semantics_by": "convention",
    }
    gateway = telling("a" * 16, scope_name="gateway", provider="proxy", **told)
    gateway["usage_exclusive"] = gateway["usage"]
    sdk = telling("b" * 16, trace=OTHER, response_id="r")
    (as_told,) = calls(gateway, sdk)
    (call,) = calls(gateway, sdk, excluding=(("traces", "gateway", None, "proxy", "chat"),))
    assert (as_told["provider"], as_told["cache_exceeds_input"]) == ("openai", True)
    assert (call["provider"], call["cache_exceeds_input"]) == ("openai", False)


def test_one_span_told_by_two_files_is_one_telling_too(calls: Calls) -> None:
    (call,) = calls(telling("a" * 16, input=100), telling("a" * 16, input=100, output=7, landing_id="second"))
    assert (call["tellings"], used(call)) == (2, {"input": 100, "output": 7})


def test_an_answer_from_a_cache_uses_nothing_whatever_id_it_replays(calls: Calls) -> None:
    real, replayed = calls(
        telling("a" * 16, response_id="r", input=100, event_id="one"),
        telling("b" * 16, trace=OTHER, response_id="r", input=100, event_id="two", answered_from_cache=True),
    )
    assert (used(real), real["event_id"], used(replayed), replayed["event_id"]) == ({"input": 100}, "one", {}, "two")


def test_spans_around_an_answer_from_a_cache_are_that_answer(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, input=100), telling("b" * 16, parent="a" * 16, input=100, answered_from_cache=True)
    )
    assert (used(call), call["answered_from_cache"]) == ({}, True)


def test_a_span_that_opens_a_stream_is_the_call_it_opens(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, event_id="e", at=1, began=0, scope_name="w", over_scopes=["w"]),
        telling("b" * 16, event_id="e", at=2, began=2, scope_name="w", response_id="r", input=100),
    )
    assert (call["tellings"], used(call)) == (2, {"input": 100})


def stream(name: str, opened: int, ended: int, output: int) -> list[Row]:
    """The two spans of a stream, as an emitter writes them whose second has no length."""
    said: dict[str, Any] = {"event_id": "e", "scope_name": "w", "over_scopes": ["w"]}
    return [
        telling(f"{name}a".ljust(16, "0"), began=opened, at=opened + 1, **said),
        telling(f"{name}b".ljust(16, "0"), began=ended, at=ended, output=output, **said | {"response_id": name}),
    ]


def test_each_end_of_a_stream_is_of_the_last_opening_before_it(calls: Calls) -> None:
    """However long the first stream was, and though both are of one run."""
    found = calls(*stream("1", 0, 300, 7), *stream("2", 400, 402, 8))
    assert [(call["tellings"], used(call)) for call in found] == [(2, {"output": 7}), (2, {"output": 8})]


def test_a_stream_began_when_it_was_opened(calls: Calls) -> None:
    """Its end has no length, so it does not say when: the day the call began is one it may be billed on (rule R16)."""
    (call,) = calls(*stream("1", 0, 3000, 7))
    assert (call["ended_at"] - call["started_at"]).total_seconds() == 3000


def test_of_streams_side_by_side_nobody_knows_which_is_whose(calls: Calls) -> None:
    found = calls(*stream("1", 0, 300, 7), *stream("2", 5, 302, 8))
    assert sorted(call["tellings"] for call in found) == [1, 1, 1, 1]


def test_a_record_without_a_trace_repeats_the_span_of_its_event(calls: Calls) -> None:
    record = telling(record_id="1", event_id="e", scope_name="w", over_scopes=["sdk"], input=5, at=4)
    span = telling("a" * 16, event_id="e", input=5, began=0, at=4)
    assert [call["tellings"] for call in calls(record, span)] == [2]
    assert len(calls(record | {"event_id": None}, span)) == 2
    # Two that name nothing have nothing in common.
    assert len(calls(record | {"event_id": None}, telling(record_id="2", input=5, at=4))) == 2


def test_of_two_that_may_lie_over_one_neither_does(calls: Calls) -> None:
    over = [telling(name * 16, event_id="e", scope_name="w", over_scopes=["sdk"]) for name in "ab"]
    assert len(calls(*over, telling("c" * 16, trace=OTHER, event_id="e"))) == 3


def test_a_failed_call_told_in_two_traces_is_one(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, event_id="e", run_id="r", scope_name="w", over_scopes=["sdk"], error_type="Failed"),
        telling("b" * 16, trace=OTHER, event_id="e", run_id="r", error_type="server_error"),
    )
    assert (call["tellings"], call["usage_source"]) == (2, "missing")


@pytest.mark.parametrize(("framework", "sdk"), [("a" * 16, "b" * 16), ("b" * 16, "a" * 16)])
def test_a_framework_beside_an_sdk_that_tells_the_snapshot_is_one_call(calls: Calls, framework: str, sdk: str) -> None:
    asked = telling(framework, scope_name="framework", over_scopes=["sdk"], event_id="e", input=9, began=0, at=5)
    answered = telling(sdk, trace=OTHER, event_id="e", input=9, began=1, at=4, model="m-2026-03-01")
    (call,) = calls(asked, answered)
    assert (call["tellings"], call["model"], used(call)) == (2, "m-2026-03-01", {"input": 9})


def test_two_snapshots_are_two_models(calls: Calls) -> None:
    asked = telling("a" * 16, scope_name="framework", over_scopes=["sdk"], event_id="e", input=9, model="m-2026-02-01")
    answered = telling("b" * 16, trace=OTHER, event_id="e", input=9, model="m-2026-03-01")
    assert len(calls(asked, answered)) == 2
