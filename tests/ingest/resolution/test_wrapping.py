"""R30: what a span tells beyond the calls below it."""

from __future__ import annotations

from collections.abc import Callable

from tests.ingest.resolution.conftest import Row, parts, telling, used

Calls = Callable[..., list[Row]]
A, B, C, D = ("a" * 16, "b" * 16, "c" * 16, "d" * 16)
OTHER = "1bf7651916cd43dd8448eb211c80319d"


def agent(span: str, parent: str | None = None, **said: object) -> Row:
    return telling(span, parent, span_kind="other", operation="invoke_agent", **said)


def usages(found: list[Row]) -> dict[str, dict[str, int]]:
    """Usage by the first letter of the span that tells it."""
    return {call["own_id"].split("|")[1][0]: used(call) for call in found}


def test_a_sum_and_a_copy_are_no_calls(calls: Calls) -> None:
    found = calls(agent(A, input=100, output=5), telling(B, A, input=100, output=5), telling(C, B, input=60, output=4))
    assert usages(found) == {"b": {"input": 40, "output": 1}, "c": {"input": 60, "output": 4}}
    found = calls(agent(A, input=160), telling(B, A, input=100), telling(C, A, input=60))
    assert usages(found) == {"b": {"input": 100}, "c": {"input": 60}}


def test_what_an_agent_tells_beyond_its_calls_is_a_call(calls: Calls) -> None:
    found = calls(agent(A, input=160, cached=40, model=None), telling(B, A, input=100, cached=10))
    assert usages(found) == {"a": {"input": 60, "cached": 30}, "b": {"input": 100, "cached": 10}}
    assert [(call["model"], call["provider"]) for call in found] == [("m", "openai")] * 2


def test_the_side_decides_how_much_and_the_meter_which(calls: Calls) -> None:
    # 1,000 in all above, all uncached; 200 uncached and 700 cached below: 100 more
    found = calls(agent(A, input=1000), telling(B, A, input=200, cached=700))
    assert usages(found)["a"] == {"input": 100}


def test_a_model_operation_is_not_compared_with_what_a_tool_of_it_called(calls: Calls) -> None:
    tool = telling(B, A, span_kind="tool", operation="execute_tool", model=None)
    found = calls(telling(A, input=1000), tool, telling(C, B, input=400))
    assert usages(found) == {"a": {"input": 1000}, "c": {"input": 400}}
    found = calls(agent(A, input=1000), tool, telling(C, B, input=400))
    assert usages(found) == {"a": {"input": 600}, "c": {"input": 400}}


def test_a_router_is_compared_with_what_it_chose_and_no_other_model(calls: Calls) -> None:
    found = calls(telling(A, model="router", input=500, output=20), telling(B, A, model="chosen", input=500, output=20))
    assert usages(found) == {"b": {"input": 500, "output": 20}}
    found = calls(telling(A, model="router", input=300, output=20), telling(B, A, model="chosen", input=500, output=9))
    assert usages(found) == {"a": {"input": 300, "output": 20}, "b": {"input": 500, "output": 9}}


def test_the_only_statement_of_usage_counts_wherever_it_is(calls: Calls) -> None:
    found = calls(telling(A, input=1000, output=50), telling(B, A))
    assert usages(found) == {"a": {"input": 1000, "output": 50}, "b": {}}
    found = calls(telling(A), telling(B, A, input=1000))
    assert usages(found) == {"b": {"input": 1000}}


def test_a_span_around_two_attempts_counts_the_one_that_was_answered(calls: Calls) -> None:
    failed = telling(B, A, error_type="timeout", at=1)
    found = calls(telling(A, input=800, output=30, at=4), failed, telling(C, A, input=800, output=30, at=4))
    assert usages(found) == {"b": {}, "c": {"input": 800, "output": 30}}


def test_the_call_below_has_the_context_of_the_input_that_stayed_above(calls: Calls) -> None:
    above, below = calls(telling(A, input=300_000), telling(B, A, output=50))
    assert (above["input_total"], below["input_total"]) == (300_000, 300_000)


def test_an_answer_from_a_cache_counts_here_for_what_it_told(calls: Calls) -> None:
    found = calls(agent(A, input=160), telling(B, A, input=100, answered_from_cache=True), telling(C, A, input=60))
    assert usages(found) == {"b": {}, "c": {"input": 60}}


def test_a_call_told_in_another_trace_too_is_below(calls: Calls) -> None:
    found = calls(
        agent(A, input=100),
        telling(B, A, response_id="r", input=100),
        telling(C, trace=OTHER, response_id="r", scope_name="w", input=60, cached=40),
    )
    assert [(used(call), call["tellings"]) for call in found] == [({"input": 60, "cached": 40}, 2)]


def test_the_upper_of_two_with_one_response_id_takes_no_part_in_laying(calls: Calls) -> None:
    found = calls(
        telling(A, response_id="r", scope_name="w", input=100),
        telling(B, A, response_id="r", input=100),
        telling(C, trace=OTHER, response_id="r", scope_name="provider", input=60, cached=40),
    )
    assert [(used(call), call["tellings"], call["identity_group"]) for call in found] == [
        ({"input": 60, "cached": 40}, 2, None)
    ]


def test_spans_that_are_their_own_descendants_end(calls: Calls) -> None:
    assert len(calls(telling(A, B, input=10), telling(B, A, input=10))) in (1, 2)


def test_a_deep_chain_of_copies_is_one_call(calls: Calls) -> None:
    names = [f"{number:016x}" for number in range(1, 400)]
    chain = [telling(name, above, input=7) for name, above in zip(names, [None, *names], strict=False)]
    assert [used(call) for call in calls(*chain)] == [{"input": 7}]


def test_an_emitter_found_to_exclude_the_cache_is_read_so(calls: Calls) -> None:
    outside = [{"meter": "input_tokens", "modality": None, "cache_ttl": None, "quantity": 100}]
    row = telling(A, input=60, cached=40, usage_exclusive=[*outside, telling(B, cached=40)["usage"][0]])
    (call,) = calls(row, excluding={("traces", "sdk", None, "openai", "chat")})
    assert (used(call), call["input_total"]) == ({"input": 100, "cached": 40}, 140)


def test_a_model_as_asked_wraps_its_snapshot(calls: Calls) -> None:
    (call,) = calls(
        telling("a" * 16, input=9, output=2, at=5),
        telling("b" * 16, parent="a" * 16, input=9, output=1, at=4, model="m-2026-03-01"),
    )[1:]
    assert (call["model"], used(call)) == ("m-2026-03-01", {"input": 9, "output": 1})


def test_it_is_kept_what_each_telling_did_for_a_call(calls: Calls) -> None:
    router = telling(B, A, model="router", input=60, landing_line=2)
    above = agent(A, input=100, landing_line=1)
    twice = {"response_id": "r", "input": 60}
    excess, call = calls(
        above,
        router,
        telling(C, B, model="chosen", landing_line=3, **twice),
        telling(C, B, model="chosen", landing_line=4, landing_id="later", **twice),
    )
    assert parts(excess) == [(1, "beyond")]
    assert parts(call) == [(1, "wraps"), (2, "wraps"), (3, "counted"), (4, "told")]


def test_what_a_cache_in_between_answered_is_told_and_does_not_count(calls: Calls) -> None:
    (call,) = calls(telling(A, input=5, answered_from_cache=True, landing_line=7))
    assert parts(call) == [(7, "told")]
