"""Rules the worked examples leave out, against the code that reckons the truth: figures worked out by hand beside each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from reconcilers.sample_company.seen.facts import (
    Counts,
    Emitter,
    Key,
    OutcomeRecord,
    ReportedUsage,
    RunRecord,
    Source,
    Telling,
)
from reconcilers.sample_company.truth.answer import Truth, reckon
from reconcilers.sample_company.truth.coverage import lower
from tests.sample_company.truth.test_examples import (
    CACHE_READ,
    DAY,
    METER,
    OUTPUT,
    SOURCE,
    breaks,
    call,
    charge,
    differences,
    events,
    facts,
    key,
    marked,
    money,
    price,
    span,
    steps,
    tenants,
)


def used(truth: Truth) -> list[dict[str, int]]:
    """What each call counts for, by meter, in order of its input."""
    found = [{one.meter: int(one.quantity) for one in told.usage} for told in truth.calls.values()]
    return sorted(found, key=lambda usage: (usage.get(METER, 0), sorted(usage.items())))


def only_used(*tellings: Telling, emitters: tuple[Emitter, ...] = ()) -> list[dict[str, int]]:
    return used(reckon(facts([], list(tellings), emitters=list(emitters))))


# The bill -------------------------------------------------------------------------------------------------------------


def test_what_is_beyond_27_decimals_is_cut_and_a_rate_multiplies_what_is_written() -> None:
    """R3, R5: 0.0000000005 at 1.1 is 0.55 nanos, so 1; rounded before, it would be 1.1, so 1, and twice 2 instead of 1."""
    line = {"key": Key("acct"), "billing_currency": "EUR", "charge_category": "Tax"}
    lines = [charge("0.00000000049", line_id=str(number), **line) for number in range(2)]
    rate = {("EUR", date(2026, 9, 1)): Decimal("1.1")}
    (waterfall,) = reckon(facts(lines, [], exchange_rates=rate)).waterfall.values()
    assert waterfall.billed == Decimal("0.000000001")
    assert {destination: cost for (_, destination, _), cost in waterfall.rows.items()} == {
        "tax": Decimal("0.000000002"),
        "rounding": Decimal("-0.000000001"),
    }
    # To 27 decimals these come to less than half a nano, as they are written to exactly half.
    halves = [charge(text, line_id=text, **line) for text in ("2.500000000000000005E-10", "2.499999999999999995E-10")]
    (waterfall,) = reckon(facts(halves, [], exchange_rates={("EUR", date(2026, 9, 1)): Decimal(1)})).waterfall.values()
    assert waterfall.billed == 0


@pytest.mark.parametrize(("cost", "share"), [("0.0000005", "0.0000005"), ("0", "0")])
def test_a_line_that_costs_next_to_nothing_takes_its_reported_quantity(cost: str, share: str) -> None:
    """R10: a positive weight is at least 1; the only cell may cost 0."""
    report = [ReportedUsage(SOURCE, key(meter=METER), DAY, Decimal(1_000))]
    truth = reckon(facts([charge(cost)], [call(1_000)], reported_usage=report))
    assert events(truth) == money(e1=share)
    assert breaks(truth) == []


def test_a_correction_of_a_correction_reaches_the_cell_of_the_first() -> None:
    """R15: 10.00 − 4.00 + 1.00, through a chain of links none of which but the first tells a model."""
    charges = [
        charge("10.00", "1000000", line_id="usage"),
        charge("-4.00", key=Key("acct"), linked_line_ids=("usage",), line_id="refund"),
        charge("1.00", "0", key=Key("acct"), linked_line_ids=("refund",), line_id="corrected"),
    ]
    assert steps(reckon(facts(charges, [call(1_000_000)]))) == money(event="7")


@pytest.mark.parametrize(("tokens", "place"), [(None, "refund_and_dispute"), ("1000", "unmapped")])
def test_a_link_nobody_knows_is_a_dispute_only_where_it_moves_money_alone(tokens: str | None, place: str) -> None:
    line = charge("-4.00", tokens, key=Key("acct"), linked_line_ids=("nobody",))
    assert steps(reckon(facts([line], []))) == {place: Decimal(-4)}


# Matching -------------------------------------------------------------------------------------------------------------


def test_environments_are_compared_without_case() -> None:
    """R7."""
    known = {"environments": {"production": True, "staging": False}}
    truth = reckon(facts([charge("10.00", "1000000")], [call(1_000_000, environment="STAGING")], **known))
    assert steps(truth) == money(non_production="10")
    assert breaks(truth) == []


def test_input_blind_to_the_cache_takes_what_others_leave() -> None:
    """R12: 1,000 of 1,200 input go to the call that tells the cache, though both know as much."""
    told = call(event="tells", scope_name="new", counts=Counts(input=1_000, cache_read=0))
    blind = call(1_000, "blind", scope_name="old")
    truth = reckon(facts([charge("0.012", "1200")], [told, blind]))
    assert events(truth) == money(tells="0.01", blind="0.002")


def test_cached_lines_are_met_by_reads_before_writes() -> None:
    """R9 stage 4: what blind input has left meets reads, then writes of any TTL."""
    write = "cache_write_input_tokens"
    grain = {SOURCE: Source(SOURCE, frozenset({"cache_ttl"}), "acct")}
    charges = [
        charge("0.001", "1000", key=key(meter=CACHE_READ)),
        charge("0.002", "1000", key=key(meter=write, cache_ttl="1h")),
    ]
    truth = reckon(facts(charges, [call(1_500)], sources=grain))
    assert events(truth) == money(e1="0.002")
    assert steps(truth) == money(event="0.002", no_telemetry="0.001")


def test_a_batch_takes_the_next_day_before_the_day_before() -> None:
    """R16; and a source that dates batches by another day says so."""
    batch = call(1_000, at=f"{DAY}T15:00:00", key=key(batch="true"))
    days = {name: DAY + timedelta(days=number) for number, name in enumerate(("before", "on", "after"), -1)}
    lines = {name: charge("0.01", "1000", day=day, key=key(meter=METER)) for name, day in days.items()}
    both = reckon(facts([lines["before"], lines["after"]], [batch]))
    assert {one.day for one, parts in both.variance.items() if parts.get("timing", 0) > 0} == {days["after"]}
    later = {SOURCE: Source(SOURCE, default_account_id="acct", batch_day=1)}
    truth = reckon(facts([lines["after"]], [batch], sources=later))
    assert events(truth) == money(e1="0.01")
    assert marked(truth, "timing") == 0


def test_an_account_one_side_does_not_know_waits_for_equal_ones() -> None:
    """R9, reading 5: the usage of account B meets B's line; the line of nobody's account meets what any has left."""
    source = {SOURCE: Source(SOURCE)}
    charges = [
        charge("1.00", "100000", key=Key("B", "q", model="model", meter=METER)),
        charge("4.00", "200000", key=Key(None, "p", model="model", meter=METER)),
    ]
    calls = [call(100_000, name, key=Key(name, model="model")) for name in ("A", "B")]
    truth = reckon(facts(charges, calls, sources=source))
    assert events(truth) == money(A="2", B="1")


def test_reductions_the_contract_price_does_not_contain_are_credit_and_no_price() -> None:
    """R19: 10.00 less 1.00 at a contract price of 10.00; where the contract is below list, it contains the reduction."""
    usage, reduction = (
        charge("10.00", "1000000", line_id="usage"),
        charge("-1.00", reduction="price", linked_line_ids=("usage",)),
    )
    outside = reckon(facts([usage, reduction], [call(1_000_000)]))
    assert differences(outside) == []
    assert [one["credit"] for one in outside.variance.values()] == [Decimal(-1)]
    prices = {"contract_prices": [price("9")], "list_prices": [price("10")]}
    assert differences(reckon(facts([usage, reduction], [call(1_000_000)], **prices))) == []
    dearer = {"contract_prices": [price("8")], "list_prices": [price("10")]}
    assert differences(reckon(facts([usage, reduction], [call(1_000_000)], **dearer))) == [("price", Decimal(1))]


@pytest.mark.parametrize(("cost", "found"), [("10.20", []), ("10.21", [("price", Decimal("0.21"))])])
def test_a_price_within_the_policy_ratio_is_no_break(cost: str, found: list[object]) -> None:
    """R13, R19: 2 % of the larger of expected and billed, 0.2042 of 10.21."""
    assert differences(reckon(facts([charge(cost, "1000000")], [call(1_000_000)]))) == found


def test_the_rest_of_money_that_met_money_is_the_price() -> None:
    """R14, R19: 70.00 billed without quantity for what the contract values at 100.00."""
    truth = reckon(facts([charge("70.00")], [call(10_000_000)]))
    assert breaks(truth) == []
    assert differences(truth) == [("price", Decimal(-30))]


def test_a_tier_nobody_told_names_the_class() -> None:
    """R8: an assumed tier never meets a told one."""
    grain = {SOURCE: Source(SOURCE, frozenset({"service_tier"}), "acct")}
    line = charge("10.00", "1000000", key=key(meter=METER, service_tier="priority"))
    truth = reckon(facts([line], [call(1_000_000)], sources=grain))
    assert [one.break_class for one in truth.breaks if one.kind == "telemetry_without_charge"] == ["tier"]
    told = reckon(facts([line], [call(1_000_000, key=key(service_tier="standard"))], sources=grain))
    assert [one.break_class for one in told.breaks if one.kind == "telemetry_without_charge"] == ["missing_charge"]


# What telemetry told --------------------------------------------------------------------------------------------------


def test_an_answer_from_a_cache_takes_the_sdk_span_above_with_it() -> None:
    """R29: the SDK's span above guesses the replayed counts, under an id of its own; it is no call, beyond or not."""
    above = span("sdk", 1_100, estimated=True)
    hit = span("hit", 1_000, below="sdk", scope_name="gateway", answered_from_cache=True)
    truth = reckon(facts([charge("0.01", "1000")], [above, hit]))
    assert steps(truth) == money(no_telemetry="0.01")
    assert len(truth.calls) == 1
    agent = span("agent", 1_060, kind="other", key=Key())
    below = [replace(hit, parent_span_id="agent"), span("real", 60, below="agent")]
    assert only_used(agent, *below) == [{}, {METER: 60}]


def test_the_table_of_emitters_pairs_what_shares_no_id() -> None:
    """R29: a framework's span and the SDK's, in one trace, siblings."""
    table = Emitter("framework", one_call_with=("sdk",))
    framework = span("outer", 1_000, scope_name="framework", seconds=1)
    assert only_used(span("inner", 1_000), framework, emitters=(table,)) == [{METER: 1_000}]
    assert only_used(span("inner", 1_000), framework) == [{METER: 1_000}] * 2
    two = [span("inner", 1_000), span("another", 1_000)]
    assert only_used(*two, framework, emitters=(table,)) == [{METER: 1_000}] * 3
    other_id = [span("inner", 1_000, response_id="r1"), replace(framework, response_id="r2")]
    assert only_used(*other_id, emitters=(table,)) == [{METER: 1_000}] * 2


@pytest.mark.parametrize(
    ("first", "second", "calls"),
    [
        (Counts(input=100, output=20), Counts(input=90, output=20), 1),
        (Counts(input=100, output=0), Counts(input=90, output=0), 2),
        (Counts(input=100), Counts(output=20), 1),
        (Counts(input=100), Counts(input=90), 2),
    ],
)
def test_totals_of_one_response_agree_or_make_two_calls(first: Counts, second: Counts, calls: int) -> None:
    """R29: each total both tell is equal, or of two told by both one is, other than 0."""
    tellings = [
        span("a", counts=first, response_id="r1"),
        span("b", counts=second, response_id="r1", scope_name="gateway", seconds=60),
    ]
    assert len(reckon(facts([], tellings)).calls) == calls
    far = [tellings[0], replace(tellings[1], started_at=None, ended_at=datetime(2026, 9, 29))]
    assert len(reckon(facts([], far)).calls) == 2
    other_model = [tellings[0], replace(tellings[1], key=key(model="other"))]
    assert len(reckon(facts([], other_model)).calls) == 2
    same_scope = [tellings[0], replace(tellings[1], scope_name="sdk")]
    assert len(reckon(facts([], same_scope)).calls) == 2


def test_what_lies_above_another_of_its_id_is_no_part_of_the_call() -> None:
    """R29, R30: a framework's span over an instrumentation's, and the SDK's in a trace of its own; one id."""
    framework = span("framework", counts=Counts(input=1_000, output=50), response_id="r1", scope_name="framework")
    tellings = [
        span("instrumentation", 1_000, below="framework", response_id="r1", scope_name="instrumentation"),
        span("sdk", 1_000, trace_id="t2", response_id="r1"),
    ]
    assert only_used(framework, *tellings) == [{OUTPUT: 50}, {METER: 1_000}]


def test_a_snapshot_only_one_telling_knows_makes_no_other_model() -> None:
    """R29, R30: and it is the call's model; two snapshots are two models."""
    asked = span("gateway", 1_000, key=key(model="m-4"), response_id="r1", scope_name="gateway")
    for dated in ("m-4-20250929", "m-4-2025-09-29"):
        answered = span("sdk", 1_000, key=key(model=dated), response_id="r1")
        assert [one.key.model for one in reckon(facts([], [asked, answered])).calls.values()] == [dated]
        assert only_used(asked, replace(answered, parent_span_id="gateway", response_id=None)) == [{METER: 1_000}]
    other = span("sdk", 1_000, key=key(model="m-4-20251001"), response_id="r1")
    assert len(reckon(facts([], [answered, replace(other, span_id="other")])).calls) == 2


def test_one_call_with_two_events_is_a_break_of_its_worth() -> None:
    tellings = [
        span("a", 1_000, event="e1", response_id="r1"),
        span("b", 1_000, event="e2", response_id="r1", scope_name="gw"),
    ]
    truth = reckon(facts([charge("0.01", "1000")], tellings))
    assert events(truth) == money(e1="0.01")
    assert breaks(truth) == [("ambiguous_identity", Decimal(1), Decimal("0.01"))]
    unpriced = reckon(facts([charge("0.01", "1000")], tellings, contract_prices=[]))
    found = [(one.quantity, one.amount) for one in unpriced.breaks if one.kind == "ambiguous_identity"]
    assert found == [(Decimal(1), None)]


def test_a_tool_parts_what_is_below_it_from_the_call_above() -> None:
    """R30: a model that a tool asks is another call, though it is the same model."""
    outer, tool = span("outer", 1_000), span("tool", below="outer", kind="tool", key=Key())
    assert only_used(outer, tool, span("inner", 400, below="tool")) == [{METER: 400}, {METER: 1_000}]
    assert only_used(outer, span("inner", 400, below="outer")) == [{METER: 400}, {METER: 600}]


def test_a_router_over_what_it_chose_is_no_call() -> None:
    """R30: another model below compares only where a side of its sum equals the span's own."""
    router = span("router", key=key(model="auto"), counts=Counts(input=1_000, output=70))
    chosen = span("chosen", below="router", counts=Counts(input=1_000, output=50))
    assert only_used(router, chosen) == [{OUTPUT: 20}, {METER: 1_000, OUTPUT: 50}]
    other = replace(chosen, counts=Counts(input=999, output=50))
    assert only_used(router, other) == [{METER: 999, OUTPUT: 50}, {METER: 1_000, OUTPUT: 70}]


def test_an_excess_is_taken_from_uncached_input_first() -> None:
    """R30: 300 input beyond: 200 uncached of 500 over 300, then 100 of 400 read over 0."""
    agent = span("agent", kind="other", key=Key(), counts=Counts(input=900, cache_read=400))
    below = span("call", 300, below="agent", counts=Counts(input=600, cache_read=300))
    assert only_used(agent, below) == [{METER: 200, CACHE_READ: 100}, {METER: 300, CACHE_READ: 300}]


def test_input_that_r30_left_to_the_span_above_has_its_band() -> None:
    """R32."""
    outer = span("outer", counts=Counts(input=300_000, output=50))
    inner = span("inner", below="outer", counts=Counts(output=50))
    truth = reckon(facts([], [outer, inner], context_thresholds={(SOURCE, "model"): 200_000}))
    assert {one.key.context_band for one in truth.calls.values()} == {"long"}
    agent = replace(outer, kind="other")
    truth = reckon(facts([], [agent, inner], context_thresholds={(SOURCE, "model"): 200_000}))
    assert {one.key.context_band for one in truth.calls.values()} == {"standard"}


@pytest.mark.parametrize(
    ("counts", "partition", "inconsistent"),
    [
        # more thoughts than output stand apart
        (Counts(input=10, output=5, thoughts=8), {METER: 10, OUTPUT: 13}, False),
        # a total equal to input and output proves nothing
        (Counts(input=10, output=5, cache_read=4, total=15), {METER: 6, CACHE_READ: 4, OUTPUT: 5}, False),
        # tool tokens beside the input
        (Counts(input=10, output=5, tool=7, total=22), {METER: 17, OUTPUT: 5}, False),
        # two readings fit: thoughts, or the cache
        (Counts(input=10, output=5, cache_read=4, thoughts=4, total=19), {METER: 6, CACHE_READ: 4, OUTPUT: 5}, False),
        # none fits
        (Counts(input=10, output=5, cache_read=4, total=99), {METER: 6, CACHE_READ: 4, OUTPUT: 5}, True),
        # the total proves the cache apart, so thoughts inside; more thoughts than output prove them apart
        (Counts(input=10, output=5, cache_read=4, thoughts=8, total=19), {METER: 6, CACHE_READ: 4, OUTPUT: 13}, True),
        # fewer than three calls with more cached than input
        (Counts(input=10, output=5, cache_read=40), {METER: 10, CACHE_READ: 40, OUTPUT: 5}, True),
    ],
)
def test_what_a_count_contains(counts: Counts, partition: dict[str, int], inconsistent: bool) -> None:
    """R31, evidence by evidence."""
    truth = reckon(facts([], [call(counts=counts)]))
    assert used(truth) == [partition]
    assert any(one.kind == "usage_inconsistent" for one in truth.breaks) == inconsistent


def test_three_calls_with_more_cached_than_input_speak_for_their_emitter() -> None:
    """R31; the company's own word comes before."""
    shows = [call(event=str(n), scope_name="sdk", counts=Counts(input=10, cache_read=40)) for n in range(3)]
    fourth = call(event="fourth", scope_name="sdk", counts=Counts(input=100, cache_read=40))
    truth = reckon(facts([], [*shows, fourth]))
    assert used(truth)[-1] == {METER: 100, CACHE_READ: 40}
    assert all(one.kind != "usage_inconsistent" for one in truth.breaks)
    equal = call(event="equal", scope_name="sdk", counts=Counts(input=100, cache_read=40, output=5, total=105))
    assert used(reckon(facts([], [*shows, equal])))[-1] == {METER: 100, CACHE_READ: 40, OUTPUT: 5}
    said = reckon(facts([], [*shows, fourth], token_semantics={"rows": "inclusive"}))
    assert used(said)[-1] == {METER: 60, CACHE_READ: 40}


def test_a_name_only_one_span_of_the_trace_tells_is_its_calls() -> None:
    """R32: neither own nor an ancestor's; two tell different ones: nobody's."""
    lone = span("call", 1_000, event=None)
    tool = span("tool", kind="tool", event="e1")
    (found,) = reckon(facts([], [lone, tool])).calls.values()
    assert (found.event_id, found.origins["event_id"]) == ("e1", "trace")
    (found,) = reckon(facts([], [lone, tool, span("other", kind="tool", event="e2")])).calls.values()
    assert found.event_id is None


# Runs, tenants, coverage ----------------------------------------------------------------------------------------------


def run(name: str, first: int, last: int, status: str | None, declared: str | None = None) -> RunRecord:
    at = datetime(2026, 9, 28, 10)
    return RunRecord(name, "e1", at + timedelta(minutes=first), at + timedelta(minutes=last), status, declared)


def of_runs(runs: list[RunRecord], models: dict[str, str], outcome: str = "success", minute: int = 90) -> Truth:
    """Each run one call of 100,000 tokens, 1.00, of its model; the outcome at 10:00 plus ``minute``."""
    charges = [
        charge("1.00", "100000", key=key(model=model, meter=METER), line_id=name) for name, model in models.items()
    ]
    calls = [call(100_000, run_id=name, key=key(model=model), number=name) for name, model in models.items()]
    said = [OutcomeRecord("e1", outcome, "sdk", datetime(2026, 9, 28, 10) + timedelta(minutes=minute))]
    prices = [price("10", model=model) for model in set(models.values())]
    return reckon(facts(charges, calls, runs=runs, outcomes=said, contract_prices=prices))


def test_kinds_follow_from_the_run_before() -> None:
    """R22."""
    runs = [
        run("a", 0, 10, "failure"),
        run("b", 11, 20, "failure"),
        run("c", 21, 40, "success"),
        run("d", 30, 50, None),
        run("e", 60, 70, None),
        run("f", 71, 80, "success", "escalation"),
    ]
    truth = of_runs(runs, {"a": "m", "b": "m", "c": "n", "d": "m", "e": "m", "f": "m"})
    assert {name: one.kind for name, one in truth.run_cost.items()} == {
        "a": "primary",
        "b": "retry",
        "c": "fallback",
        "d": "worker",
        "e": "primary",
        "f": "escalation",
    }
    assert [one.attempt for one in truth.run_cost.values()] == [1, 2, 3, None, 4, 5]
    assert truth.event_cost["e1"].attempts == 5
    assert truth.event_cost["e1"].failed_attempts == 2


def test_a_model_nobody_saw_is_no_other_model() -> None:
    """R22, and R23: a retry that is the last success is no waste."""
    runs = [run("unseen", 0, 10, "failure"), run("retried", 11, 20, "success")]
    truth = of_runs(runs, {"retried": "m"})
    assert (truth.run_cost["retried"].kind, truth.run_cost["retried"].waste_class) == ("retry", None)


def test_a_dollar_has_at_most_one_class_of_waste() -> None:
    """R23: the last success before the outcome is kept; what matches nothing is no waste."""
    runs = [
        run("failed", 0, 10, "failure"),
        run("retried", 11, 20, "success"),
        run("repeated", 21, 30, "success"),
        run("kept", 31, 40, "success"),
        run("late", 100, 110, "success"),
        run("unknown", 41, 50, None, "worker"),
    ]
    models = {one.run_id: "m" for one in runs}
    truth = of_runs(runs, models)
    assert {name: one.waste_class for name, one in truth.run_cost.items()} == {
        "failed": "failed_attempt",
        "retried": "retry_overhead",
        "repeated": "duplicate",
        "kept": None,
        "unknown": None,
        "late": "duplicate",
    }
    assert truth.event_cost["e1"].waste == money(failed_attempt="1", retry_overhead="1", duplicate="2")
    failed = of_runs(runs[:2], {"failed": "m", "retried": "m"}, outcome="failure")
    assert failed.event_cost["e1"].waste == money(failed_event="2")
    after = of_runs(
        [run("first", 0, 10, "success"), run("second", 100, 110, "failure", "retry")], {"first": "m", "second": "m"}
    )
    assert after.run_cost["second"].waste_class == "after_outcome"


def test_runs_and_outcomes_without_calls_are_rows() -> None:
    """R33."""
    said = [OutcomeRecord("silent", "success", "sdk", datetime(2026, 9, 28, 13))]
    truth = reckon(facts([], [call(1_000)], runs=[run("unseen", 0, 10, "success")], outcomes=said))
    assert [(one.kind, one.quantity) for one in truth.breaks if one.kind == "no_calls"] == [("no_calls", Decimal(2))]


def test_only_production_calls_tell_whose_an_event_is() -> None:
    """R26: a staging call of another tenant does not make the event two tenants'."""
    tellings = [
        call(100_000, tenant_id="t1"),
        call(100_000, tenant_id=None),
        call(100_000, tenant_id="t2", environment="staging"),
    ]
    known = {"environments": {"production": True, "staging": False}}
    truth = reckon(facts([charge("3.00", "300000")], tellings, **known))
    assert tenants(truth) == money(t1="2")


def test_coverage_is_the_lower_of_the_row_s_and_the_month_s() -> None:
    """R28: the month has 3.00 on events, 1.00 untagged, 1.00 without telemetry; the tenant's own has none of the last."""
    calls = [call(300_000, tenant_id="t1"), call(100_000, None, tenant_id="t2")]
    truth = reckon(facts([charge("5.00", "500000")], calls))
    month = date(2026, 9, 1)
    own, whole = truth.coverage["t1", "(none)", month]
    assert (own.attributed, own.reconciled) == (1, 1)
    assert (whole.attributed, whole.reconciled, whole.estimated) == (Fraction(3, 5), Fraction(4, 5), 0)
    assert lower(own.attributed, whole.attributed) == Fraction(3, 5)
    own, whole = truth.coverage["t2", "(none)", month]
    assert (own.attributed, own.reconciled) == (0, 1)


@pytest.mark.parametrize(("told", "covered"), [(102_000, 1), (102_001, 0), (110_000, 0)])
def test_usage_far_beyond_its_bill_counts_against_coverage(told: int, covered: int) -> None:
    """R13: 2,000 tokens beyond 100,000 billed are within 2 %, one more is not, nor are 10,000."""
    truth = reckon(facts([charge("1.00", "100000")], [call(told)]))
    own, _ = truth.coverage["tenant", "(none)", date(2026, 9, 1)]
    assert (own.attributed, own.reconciled) == (covered, covered)


@pytest.mark.parametrize(("told", "covered"), [(15, 1), (16, 0)])
def test_what_the_published_unit_cannot_tell_does_not_count_against_coverage(told: int, covered: int) -> None:
    """R10, R13: beyond 10 tokens billed in tens 5 are no break, so they exceed nothing; 6 are, and do."""
    source = {SOURCE: Source(SOURCE, default_account_id="acct", published_units={METER: Decimal(10)})}
    truth = reckon(facts([charge("0.0001", "10")], [call(told)], sources=source))
    own, _ = truth.coverage["tenant", "(none)", date(2026, 9, 1)]
    assert (own.attributed, own.reconciled) == (covered, covered)
