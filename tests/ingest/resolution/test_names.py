"""R32: who and why, from the call itself, from above it, from its trace."""

from __future__ import annotations

from collections.abc import Callable

from tests.ingest.resolution.conftest import Row, parts, telling

Calls = Callable[..., list[Row]]
A, B, C, D, E = ("a" * 16, "b" * 16, "c" * 16, "d" * 16, "e" * 16)


def plain(span: str, parent: str | None = None, **said: object) -> Row:
    return telling(span, parent, span_kind="other", operation=None, model=None, provider=None, **said)


def test_the_nearest_above_that_tells_one_goes_before_the_farther(calls: Calls) -> None:
    (call,) = calls(
        plain(A, event_id="far", tenant_id="t"), plain(B, A, event_id="near"), plain(C, B), telling(D, C, input=1)
    )
    assert (call["event_id"], call["tenant_id"]) == ("near", "t")
    assert call["inherited"] == "event_id=ancestor tenant_id=ancestor"


def test_its_own_goes_first(calls: Calls) -> None:
    (call,) = calls(plain(A, event_id="above", run_id="r"), telling(B, A, input=1, event_id="own"))
    assert (call["event_id"], call["run_id"], call["inherited"]) == ("own", "r", "run_id=ancestor")


def test_the_only_one_told_in_its_trace_is_its(calls: Calls) -> None:
    (call,) = calls(plain(A), plain(B, A, feature_id="f"), telling(C, A, input=1))
    assert (call["feature_id"], call["inherited"]) == ("f", "feature_id=trace")
    (call,) = calls(plain(A), plain(B, A, feature_id="f"), plain(D, A, feature_id="g"), telling(C, A, input=1))
    assert (call["feature_id"], call["inherited"]) == (None, None)


def test_what_a_sibling_call_tells_is_told_in_the_trace(calls: Calls) -> None:
    found = calls(plain(A), telling(B, A, input=1, tenant_id="t"), telling(C, A, input=1))
    assert [call["tenant_id"] for call in found] == ["t", "t"]
    assert [call["inherited"] for call in found] == [None, "tenant_id=trace"]


def test_it_is_kept_which_telling_a_name_is_from(calls: Calls) -> None:
    (call,) = calls(
        plain(A, event_id="e", run_id="r", landing_line=1),
        plain(B, A, landing_line=2),
        telling(C, B, input=1, landing_line=3),
        plain(D, A, at=9, feature_id="f", landing_line=4),
        plain(E, A, at=5, feature_id="f", landing_line=5),
    )
    assert parts(call) == [(1, "names event_id run_id"), (3, "counted"), (5, "names feature_id")]
