"""The worked examples of the reconciliation rules, E1 to E44, against the code that reckons the truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reconcilers.sample_company.seen.facts import (
    Charge,
    Counts,
    Facts,
    Key,
    OutcomeRecord,
    Price,
    RejectedRecord,
    ReportedUsage,
    Source,
    Telling,
)
from reconcilers.sample_company.truth.answer import Truth, Waterfall, cost_per_success, reckon
from reconcilers.sample_company.truth.bill import Statement
from reconcilers.sample_company.truth.events import unobserved_successes

SOURCE, METER, DAY, SEPTEMBER = "bill", "input_tokens", date(2026, 9, 28), date(2026, 9, 1)


def key(**told: str | None) -> Key:
    """Key A of the one account, project and model, where nothing else is said."""
    return Key(**({"billing_account_id": "acct", "api_key_id": "A", "model": "model"} | told))


def charge(cost: str, tokens: str | None = None, *, day: date = DAY, **told: Any) -> Charge:
    """A line of one UTC day; ``key`` and every other field may be told."""
    name = told.pop("line_id", f"{day}|{cost}|{tokens}|{told.get('key')}")
    values: dict[str, Any] = {
        "source": SOURCE,
        "line_id": name,
        "key": key(meter=METER),
        "billed_cost": Decimal(cost),
        "effective_cost": Decimal(cost),
        "list_cost": Decimal(cost),
        "charge_period_start": datetime.combine(day, datetime.min.time()),
        "charge_period_end": datetime.combine(day + timedelta(days=1), datetime.min.time()),
        "billing_period_start": day.replace(day=1),
        "service_name": "API",
        "quantity": None if tokens is None else Decimal(tokens),
    }
    return Charge(**(values | told))


def call(tokens: int | None = None, event: str | None = "e1", *, at: str = f"{DAY}T12:00:00", **told: Any) -> Telling:
    """A row of a table that tells one call; ``key``, ``counts`` and every other field may be told."""
    record = "-".join(
        str(one) for one in (event, tokens, at, told.pop("number", 0), told.get("tenant_id"), told.get("estimated"))
    )
    values: dict[str, Any] = {
        "source": "rows",
        "record_id": record,
        "provider": "provider",
        "key": key(),
        "ended_at": datetime.fromisoformat(at),
        "counts": Counts(input=tokens),
        "event_id": event,
        "tenant_id": "tenant",
        "environment": "production",
    }
    return Telling(**(values | told))


def span(name: str, tokens: int | None = None, *, below: str | None = None, seconds: int = 0, **told: Any) -> Telling:
    """A span of one trace, named by its span id, that begins and ends ``seconds`` after noon."""
    at = datetime.combine(DAY, datetime.min.time()) + timedelta(hours=12, seconds=seconds)
    values: dict[str, Any] = {
        "source": "traces",
        "record_id": None,
        "trace_id": "t1",
        "span_id": name,
        "parent_span_id": below,
        "scope_name": "sdk",
        "started_at": at,
        "ended_at": at,
    }
    return call(tokens, **(values | told))


def price(per_million: str, **told: str) -> Price:
    return Price(
        **({"source": SOURCE, "model": "model", "meter": METER, "price_per_million": Decimal(per_million)} | told)
    )


#: Prices per million of every meter an example names, so that nothing but what it is about can differ.
OUTPUT, CACHE_READ = "output_tokens", "cache_read_input_tokens"


def facts(charges: list[Charge], tellings: list[Telling], **told: Any) -> Facts:
    """One source that is final at once, at 10 per million tokens, known on the 5th of October."""
    values: dict[str, Any] = {
        "as_of": datetime(2026, 10, 5),
        "sources": {SOURCE: Source(SOURCE, default_account_id="acct")},
        "charges": charges,
        "tellings": tellings,
        "provider_map": {"provider": SOURCE},
        "contract_prices": [price("10")],
    }
    return Facts(**(values | told))


def steps(truth: Truth, month: date = SEPTEMBER) -> dict[str, Decimal]:
    """What one month's bill went to, bridge included; checks that it closes to the last digit."""
    one: Waterfall = truth.waterfall[Statement(SOURCE, month, "USD")]
    found = dict(one.bridge)
    for (step, destination, _), cost in one.rows.items():
        found[step if step == destination else f"{step}/{destination}"] = cost
    assert sum(found.values()) == one.billed
    return found


def money(**amounts: str) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in amounts.items()}


def breaks(truth: Truth) -> list[tuple[str, Decimal | None, Decimal | None]]:
    """All breaks but ``price`` and ``missing_telemetry``, which the examples leave out unless they say otherwise."""
    return [
        (one.kind, one.quantity, one.amount) for one in truth.breaks if one.kind not in ("price", "missing_telemetry")
    ]


def differences(truth: Truth) -> list[tuple[str, Decimal | None]]:
    """The breaks of price and missing telemetry."""
    return [(one.kind, one.amount) for one in truth.breaks if one.kind in ("price", "missing_telemetry")]


def marked(truth: Truth, component: str) -> Decimal:
    """The money that moved between keys or days under one component of the variance."""
    moved = [one.get(component, Decimal(0)) for one in truth.variance.values()]
    return sum((amount for amount in moved if amount > 0), Decimal(0))


def events(truth: Truth) -> dict[str, Decimal]:
    return {name: one.reconciled_cost for name, one in truth.event_cost.items()}


def tenants(truth: Truth) -> dict[str, Decimal]:
    return {tenant: row.direct_cost for (tenant, _, _), row in truth.tenant_margin.items() if row.direct_cost}


EXCESS = "telemetry_without_charge"


def test_e1_missing_telemetry_is_shown_not_spread() -> None:
    truth = reckon(facts([charge("10.00", "1000000")], [call(900_000)]))
    assert steps(truth) == money(event="9", no_telemetry="1")
    assert breaks(truth) == []
    assert differences(truth) == [("missing_telemetry", Decimal(1))]


def test_e2_telemetry_beyond_the_bill_is_a_break_and_no_money() -> None:
    truth = reckon(facts([charge("10.00", "1000000")], [call(1_100_000)]))
    assert steps(truth) == money(event="10")
    assert breaks(truth) == [(EXCESS, Decimal(100_000), Decimal(1))]


def test_e3_an_excess_is_never_netted_against_another_key() -> None:
    dark = charge("1.00", "100000", key=key(api_key_id="dark", meter=METER))
    truth = reckon(facts([charge("10.00", "1000000"), dark], [call(1_100_000)]))
    assert steps(truth) == money(event="10", no_telemetry="1")
    assert breaks(truth) == [(EXCESS, Decimal(100_000), Decimal(1))]


def test_e4_the_most_specific_key_meets_first() -> None:
    charges = [charge("10.00", "1000000"), charge("10.00", "1000000", key=key(api_key_id="B", meter=METER))]
    calls = [call(900_000, "keyed"), call(1_100_000, "keyless", key=key(api_key_id=None))]
    truth = reckon(facts(charges, calls))
    assert steps(truth) == money(event="20")
    assert events(truth) == money(keyed="9", keyless="11")
    assert breaks(truth) == []


def test_e5_money_is_shared_at_contract_price() -> None:
    calls = [
        call(900_000, tenant_id="others"),
        call(100_000, tenant_id="long", key=key(context_band="long")),
    ]
    prices = [price("3", context_band="standard"), price("6", context_band="long")]
    truth = reckon(facts([charge("3.30", "1000000")], calls, contract_prices=prices))
    assert tenants(truth) == money(others="2.70", long="0.60")


#: Telemetry that sees three quarters of what is 100.00 at list and 70.00 by contract.
LIST_AND_CONTRACT = {"list_prices": [price("10")], "contract_prices": [price("7")]}


def test_e6_money_without_quantity_meets_what_is_expected() -> None:
    truth = reckon(facts([charge("70.00")], [call(7_500_000)], **LIST_AND_CONTRACT))
    assert steps(truth) == money(event="52.50", unexplained="17.50")


def test_e7_the_usage_report_gives_the_quantity() -> None:
    report = [ReportedUsage(SOURCE, key(billing_account_id=None, meter=METER), DAY, Decimal(10_000_000))]
    truth = reckon(facts([charge("70.00")], [call(7_500_000)], reported_usage=report, **LIST_AND_CONTRACT))
    assert steps(truth) == money(event="52.50", no_telemetry="17.50")


def test_e8_estimated_usage_takes_only_what_is_left() -> None:
    calls = [
        call(100_000, tenant_id="A"),
        call(100_000, tenant_id="B"),
        call(900_000, tenant_id="B", estimated=True),
    ]
    truth = reckon(facts([charge("2.00", "200000")], calls))
    assert tenants(truth) == money(A="1", B="1")
    assert breaks(truth) == [(EXCESS, Decimal(900_000), Decimal(9))]


def test_e9_a_prepayment_shows_in_the_bridge_alone() -> None:
    purchase = charge("10000", charge_category="Purchase", effective_cost=Decimal(0), key=Key("acct"))
    usage = charge("0", "300000000", effective_cost=Decimal(3000))
    truth = reckon(facts([purchase, usage], [call(300_000_000)]))
    assert truth.waterfall[Statement(SOURCE, SEPTEMBER, "USD")].billed == 10_000
    assert steps(truth) == money(commitment_and_prepaid_timing="7000", event="3000")


def test_e10_price_reductions_fold_and_promotions_do_not() -> None:
    charges = [
        charge("100.00", "10000000", line_id="usage"),
        charge("-30.00", reduction="price", linked_line_ids=("usage",), key=Key("acct")),
        charge("-20.00", reduction="promotional", charge_category="Credit", key=Key("acct")),
    ]
    truth = reckon(facts(charges, [call(10_000_000)]))
    assert steps(truth) == money(event="70", credit="-20")


def test_e11_unbilled_days_accrue_with_what_telemetry_misses() -> None:
    days = [date(2026, 9, 20) + timedelta(days=n) for n in range(10)]
    charges = [charge("100.00", "10000000", day=day) for day in days[:7]]
    calls = [call(7_000_000, at=f"{day}T12:00:00") for day in days]
    source = {SOURCE: Source(SOURCE, default_account_id="acct", finality_days=30)}
    truth = reckon(facts(charges, calls, sources=source))
    accruals = sorted(truth.accruals.values(), key=lambda one: one.accrual)
    assert [one.accrual for one in accruals] == [Decimal(100)] * 3
    assert sum(one.on_calls for one in accruals) == 210
    assert sum(one.no_telemetry for one in accruals) == 90
    assert sum(truth.call_accrued.values()) == 210
    assert steps(truth) == money(event="490", no_telemetry="210")


def test_e12_cost_per_success_counts_what_is_resolved() -> None:
    calls = [call(100_000, f"{number:03}") for number in range(100)]
    ended = datetime(2026, 9, 28, 13)
    said = [
        OutcomeRecord(f"{number:03}", "success" if number < 50 else "failure", "sdk", ended) for number in range(80)
    ]
    truth = reckon(facts([charge("100.00", "10000000")], calls, outcomes=said, as_of=datetime(2026, 9, 30)))
    found = truth.event_cost.values()
    assert {one.reconciled_cost for one in found} == {Decimal(1)}
    assert sum(one.outcome == "pending" for one in found) == 20
    assert cost_per_success(found) == Fraction("1.60")
    assert cost_per_success(found, all_in=True) == 2


def test_e13_an_event_costs_its_whole_life_and_each_month_its_own() -> None:
    january, february = date(2026, 1, 30), date(2026, 2, 2)
    charges = [charge("4.00", "400000", day=january), charge("1.00", "100000", day=february)]
    calls = [call(400_000, at=f"{january}T12:00:00"), call(100_000, at=f"{february}T12:00:00")]
    said = [OutcomeRecord("e1", "success", "sdk", datetime(2026, 2, 2, 13))]
    truth = reckon(facts(charges, calls, outcomes=said))
    assert events(truth) == money(e1="5")
    assert truth.event_cost_month == {
        ("e1", date(2026, 1, 1), True): Decimal(4),
        ("e1", date(2026, 2, 1), True): Decimal(1),
    }
    february_successes = [one for one in truth.event_cost.values() if one.outcome_at and one.outcome_at.month == 2]
    assert [one.outcome for one in february_successes] == ["success"]


def test_e14_shares_fill_the_bill_in_call_order() -> None:
    truth = reckon(facts([charge("0.01", "3")], [call(1, number=number) for number in range(3)]))
    found = [truth.call_cost[name] for name in sorted(truth.call_cost)]
    assert found == [Decimal("0.003333333"), Decimal("0.003333333"), Decimal("0.003333334")]


def test_e15_what_the_published_unit_cannot_tell_is_no_break() -> None:
    source = {SOURCE: Source(SOURCE, default_account_id="acct", published_units={METER: Decimal(10)})}
    truth = reckon(facts([charge("0.2948", "29480")], [call(29_481)], sources=source))
    assert steps(truth) == money(event="0.2948")
    assert breaks(truth) == []


def test_e16_a_call_just_after_midnight_meets_the_day_before() -> None:
    tomorrow = DAY + timedelta(days=1)
    charges = [charge("0.10", "10000"), charge("0.90", "90000", day=tomorrow)]
    calls = [call(10_000, "late", at=f"{tomorrow}T00:00:02")]
    calls += [call(10_000, at=f"{tomorrow}T12:00:00", number=number) for number in range(9)]
    truth = reckon(facts(charges, calls))
    assert events(truth) == money(late="0.10", e1="0.90")
    assert steps(truth) == money(event="1")
    assert breaks(truth) == []


def test_e17_a_reversal_and_its_rebooking_net() -> None:
    charges = [
        charge("10.00", "1000000", line_id="first"),
        charge("-10.00", "-1000000", linked_line_ids=("first",)),
        charge("9.00", "900000"),
    ]
    assert steps(reckon(facts(charges, [call(900_000)]))) == money(event="9")


def test_e18_one_day_on_two_bills_is_shared_over_both() -> None:
    last = date(2026, 9, 30)
    charges = [
        charge("6.00", "600000", day=last),
        charge("4.00", "400000", day=last, billing_period_start=date(2026, 10, 1)),
    ]
    truth = reckon(facts(charges, [call(900_000, at=f"{last}T12:00:00")]))
    assert steps(truth) == money(event="5.40", no_telemetry="0.60")
    october = steps(truth, date(2026, 10, 1))
    assert october == {
        "other_period_usage/event": Decimal("3.60"),
        "other_period_usage/no_telemetry": Decimal("0.40"),
    }


def test_e19_usage_without_key_pays_what_is_left_in_proportion() -> None:
    charges = [charge("1.00", "100000"), charge("20.00", "1000000", key=key(api_key_id="B", meter=METER))]
    truth = reckon(facts(charges, [call(550_000, key=key(api_key_id=None))]))
    assert events(truth) == money(e1="10.50")


def test_e20_the_report_completes_what_lines_with_quantity_tell() -> None:
    report = [ReportedUsage(SOURCE, key(meter=METER), DAY, Decimal(1_000_000))]
    truth = reckon(facts([charge("6.00", "600000"), charge("4.00")], [call(900_000)], reported_usage=report))
    assert steps(truth) == money(event="9", no_telemetry="1")


def test_e21_one_response_id_does_not_make_different_calls_one() -> None:
    tellings = [
        call(tokens, event, at=f"{DAY}T{hour:02}:00:00", response_id="r1")
        for tokens, event, hour in ((1_000, "a", 9), (2_000, "b", 12), (3_000, "c", 15))
    ]
    truth = reckon(facts([charge("0.06", "6000")], tellings))
    assert events(truth) == money(a="0.01", b="0.02", c="0.03")
    assert breaks(truth) == [("ambiguous_identity", Decimal(2), Decimal("0.03"))]


def test_e22_gateway_and_sdk_tell_one_call() -> None:
    tellings = [
        span("sdk", 1_000, event="a", response_id="r1"),
        span("gateway", 1_000, event="a", response_id="r1", seconds=3, scope_name="gateway", provider="gateway"),
        span("other", 1_000, event="b", trace_id="t2", response_id="r2"),
    ]
    truth = reckon(facts([charge("0.02", "2000")], tellings))
    assert events(truth) == money(a="0.01", b="0.01")
    assert truth.breaks == []


def in_and_out(cost_in: str, tokens_in: str, cost_out: str, tokens_out: str) -> list[Charge]:
    """A bill of input and output."""
    return [charge(cost_in, tokens_in), charge(cost_out, tokens_out, key=key(meter=OUTPUT))]


IN_AND_OUT = {"contract_prices": [price("10"), price("40", meter=OUTPUT)]}


@pytest.mark.parametrize("below", [None, 50], ids=["e23", "e24"])
def test_e23_e24_a_span_counts_for_what_it_tells_beyond_those_below(below: int | None) -> None:
    outer = span("outer", counts=Counts(input=1_000, output=50))
    inner = span("inner", below="outer", counts=Counts(output=below))
    truth = reckon(facts(in_and_out("0.01", "1000", "0.002", "50"), [outer, inner], **IN_AND_OUT))
    assert events(truth) == money(e1="0.012")
    assert truth.breaks == []


def test_e25_a_call_below_a_tool_is_another_call() -> None:
    other = key(model="m-2")
    tellings = [
        span("outer", 1_000, key=key(model="m-1")),
        span("tool", below="outer", kind="tool", key=Key()),
        span("inner", 400, below="tool", key=other),
    ]
    charges = [
        charge("0.01", "1000", key=key(model="m-1", meter=METER)),
        charge("0.0004", "400", key=key(model="m-2", meter=METER)),
    ]
    prices = [price("10", model="m-1"), price("1", model="m-2")]
    truth = reckon(facts(charges, tellings, contract_prices=prices))
    assert events(truth) == money(e1="0.0104")
    assert truth.breaks == []


#: 113 tokens for 1.13.
PER_TOKEN = {"contract_prices": [price("10000")]}


@pytest.mark.parametrize("told", [113, 53])
def test_e26_an_agent_that_sums_or_repeats_its_calls_is_no_call(told: int) -> None:
    tellings = [
        span("agent", told, kind="other", key=Key()),
        span("first", 60, below="agent"),
        span("second", 53, below="agent"),
    ]
    truth = reckon(facts([charge("1.13", "113")], tellings, **PER_TOKEN))
    assert events(truth) == money(e1="1.13")
    assert len(truth.calls) == 2
    assert truth.breaks == []


def test_e27_an_agent_counts_for_the_call_that_was_not_exported() -> None:
    tellings = [span("agent", 113, kind="other", key=Key()), span("first", 60, below="agent")]
    truth = reckon(facts([charge("1.13", "113")], tellings, **PER_TOKEN))
    assert events(truth) == money(e1="1.13")
    assert sorted(truth.call_cost.values()) == [Decimal("0.53"), Decimal("0.60")]
    assert truth.breaks == []


def test_e28_a_total_tells_whether_thoughts_stand_apart() -> None:
    tellings = [
        call(event=event, counts=Counts(input=1_000, output=800, thoughts=300, total=total))
        for event, total in (("apart", 2_100), ("inside", 1_800))
    ]
    prices = [price("1"), price("10", meter=OUTPUT)]
    charges = in_and_out("0.002", "2000", "0.019", "1900")
    truth = reckon(facts(charges, tellings, contract_prices=prices))
    assert events(truth) == money(apart="0.012", inside="0.009")
    assert truth.breaks == []


def test_e29_a_total_tells_that_the_cache_stands_apart() -> None:
    telling = call(counts=Counts(input=300, cache_read=200, output=50, total=550))
    charges = [*in_and_out("0.003", "300", "0.002", "50"), charge("0.0002", "200", key=key(meter=CACHE_READ))]
    prices = [price("10"), price("40", meter=OUTPUT), price("1", meter=CACHE_READ)]
    truth = reckon(facts(charges, [telling], contract_prices=prices))
    assert events(truth) == money(e1="0.0052")
    assert truth.breaks == []


def test_e30_a_batch_meets_the_day_after_it_ended() -> None:
    batch = call(1_000, at=f"{DAY}T15:00:00", key=key(batch="true"))
    grain = {SOURCE: Source(SOURCE, frozenset({"batch"}), "acct")}
    line = charge("0.01", "1000", day=DAY + timedelta(days=1), key=key(meter=METER, batch="true"))
    truth = reckon(facts([line], [batch], sources=grain))
    assert events(truth) == money(e1="0.01")
    assert marked(truth, "timing") == Decimal("0.01")
    assert truth.breaks == []


def test_e31_a_call_across_midnight_meets_the_day_it_began() -> None:
    ended = f"{DAY + timedelta(days=1)}T00:20:00"
    late = call(1_000, at=ended, started_at=datetime.fromisoformat(f"{DAY}T23:30:00"))
    truth = reckon(facts([charge("0.01", "1000")], [late]))
    assert events(truth) == money(e1="0.01")
    assert marked(truth, "timing") == Decimal("0.01")
    assert truth.breaks == []


def test_e32_a_price_beyond_the_contract_is_a_break() -> None:
    truth = reckon(facts([charge("1.00", "1000")], [call(1_000)]))
    assert events(truth) == money(e1="1.00")
    assert breaks(truth) == []
    assert differences(truth) == [("price", Decimal("0.99"))]


def test_e33_a_long_prompt_meets_the_line_of_its_band() -> None:
    source = {SOURCE: Source(SOURCE, frozenset({"context_band"}), "acct")}
    charges = [
        charge("0.30", "100000", key=key(meter=METER, context_band="standard")),
        charge("1.80", "300000", key=key(meter=METER, context_band="long")),
    ]
    told = {
        "sources": source,
        "context_thresholds": {(SOURCE, "model"): 200_000},
        "contract_prices": [price("3", context_band="standard"), price("6", context_band="long")],
    }
    truth = reckon(facts(charges, [call(100_000, "short"), call(300_000, "long")], **told))
    assert events(truth) == money(short="0.30", long="1.80")
    assert truth.breaks == []
    at_threshold = reckon(facts(charges, [call(200_000, "just")], **told))
    assert [one.key.context_band for one in at_threshold.calls.values()] == ["standard"]


def test_e34_input_that_is_blind_to_the_cache_meets_cached_lines_last() -> None:
    charges = [charge("0.0004", "200"), charge("0.0004", "800", key=key(meter=CACHE_READ))]
    truth = reckon(facts(charges, [call(1_000)], contract_prices=[price("2"), price("0.5", meter=CACHE_READ)]))
    assert events(truth) == money(e1="0.0008")
    assert marked(truth, "cache_semantics") == Decimal("0.0004")
    assert truth.breaks == []


def test_e35_an_event_told_on_the_root_alone_is_its_calls() -> None:
    root = span("root", kind="other", key=Key(), source="other file", tenant_id="tenant")
    below = span("call", 1_000, below="root", event=None, tenant_id=None)
    truth = reckon(facts([charge("0.01", "1000")], [below, root]))
    assert events(truth) == money(e1="0.01")
    assert [one.origins["event_id"] for one in truth.calls.values()] == ["ancestor"]


def test_e36_an_answer_from_a_cache_in_between_costs_nothing() -> None:
    tellings = [
        call(1_000, "a", at=f"{DAY}T10:00:00", response_id="r1", scope_name="gateway"),
        call(1_000, "b", at=f"{DAY}T10:05:00", response_id="r1", scope_name="gateway", answered_from_cache=True),
    ]
    truth = reckon(facts([charge("0.01", "1000")], tellings))
    assert events(truth) == money(a="0.01", b="0")
    assert truth.event_cost["b"].seen
    assert truth.breaks == []


def test_e37_a_record_that_cannot_be_read_is_a_row() -> None:
    tellings = [call(1_000, str(number)) for number in range(9)]
    lost = [RejectedRecord("rows", "calls.ndjson", 4, "no time", DAY)]
    truth = reckon(facts([charge("0.10", "10000")], tellings, rejected=lost))
    assert set(events(truth).values()) == {Decimal("0.01")}
    assert steps(truth) == money(event="0.09", no_telemetry="0.01")
    (rejected,) = (one for one in truth.breaks if one.kind == "record_rejected")
    assert rejected.key["line"] == "4"


def test_e38_one_line_in_two_sources_stays_in_both_and_is_a_break() -> None:
    of_a = charge("0.01", "1000")
    charges = [of_a, charge("0.02", "2000", key=key(billing_account_id="B", meter=METER)), replace(of_a, source="two")]
    truth = reckon(facts(charges, []))
    assert truth.waterfall[Statement("two", SEPTEMBER, "USD")].billed == Decimal("0.01")
    assert truth.waterfall[Statement(SOURCE, SEPTEMBER, "USD")].billed == Decimal("0.03")
    (duplicate,) = (one for one in truth.breaks if one.kind == "duplicate")
    assert duplicate.amount == Decimal("0.01")
    assert {duplicate.source, duplicate.key["other_source"]} == {SOURCE, "two"}


def test_e39_a_success_nobody_saw_a_call_of_stands_beside() -> None:
    said = [OutcomeRecord(name, "success", "sdk", datetime(2026, 9, 28, 13), "feature") for name in ("e1", "unseen")]
    truth = reckon(facts([charge("1.00", "100000")], [call(100_000, feature_id="feature")], outcomes=said))
    found = truth.event_cost.values()
    assert cost_per_success(found) == 1
    assert unobserved_successes(found) == 1


def test_e40_two_tenants_in_one_event_are_two_tenants() -> None:
    tellings = [
        call(100_000, run_id="r1", tenant_id="t1"),
        call(100_000, run_id="r1", tenant_id="t2"),
        call(100_000, run_id="r2", tenant_id=None),
    ]
    truth = reckon(facts([charge("3.00", "300000")], tellings))
    assert tenants(truth) == {"t1": 1, "t2": 1, "(unassigned)": 1}


def test_e41_what_nobody_tells_the_account_of_is_accrued_once() -> None:
    for default in ("acct", None):
        source = {SOURCE: Source(SOURCE, default_account_id=default, finality_days=30)}
        line = charge("10.00", "1000000", key=Key("acct", model="model", meter=METER))
        truth = reckon(facts([line], [call(1_000_000, key=Key(model="model"))], sources=source))
        assert events(truth) == money(e1="10")
        assert truth.accruals == {}


def test_e42_a_linked_refund_takes_what_it_does_not_tell_from_its_original() -> None:
    refund = charge("-4.00", key=Key("acct"), linked_line_ids=("usage",), line_id="refund")
    truth = reckon(facts([charge("10.00", "1000000", line_id="usage"), refund], [call(1_000_000)]))
    assert events(truth) == money(e1="6")
    assert steps(truth) == money(event="6")
    assert truth.breaks == []


def test_e43_what_one_side_does_not_know_meets_any() -> None:
    source = {SOURCE: Source(SOURCE)}
    line = charge("1.00", "1000000", key=Key(sub_account_id="p", model="model", meter=METER))
    truth = reckon(
        facts([line], [call(1_000_000, key=Key("acct", model="model"))], sources=source, contract_prices=[price("1")])
    )
    assert events(truth) == money(e1="1")
    assert truth.breaks == []


def test_e44_the_exact_sum_is_rounded_once() -> None:
    lines = [
        charge("0.0000000004", key=Key("acct"), billing_currency="EUR", charge_category="Tax", line_id=str(number))
        for number in range(2)
    ]
    truth = reckon(facts(lines, [], exchange_rates={("EUR", SEPTEMBER): Decimal(1)}))
    assert truth.waterfall[Statement(SOURCE, SEPTEMBER, "EUR")].billed == Decimal("0.000000001")


@pytest.mark.parametrize("half", ["1", "-1"])
def test_the_exact_sum_is_rounded_half_away_by_its_own_sign(half: str) -> None:
    """Lines that each lose half a nano: 2.5 nanos in all are 3, though the rounded lines come to 5."""
    cost = f"{Decimal(half) * Decimal('0.0000000005'):f}"
    lines = [charge(cost, key=Key("acct"), charge_category="Tax", line_id=str(number)) for number in range(5)]
    truth = reckon(facts(lines, []))
    sign = Decimal(half)
    assert truth.waterfall[Statement(SOURCE, SEPTEMBER, "USD")].billed == sign * Decimal("3E-9")
    assert steps(truth) == {"tax": sign * Decimal("5E-9"), "rounding": sign * Decimal("-2E-9")}
