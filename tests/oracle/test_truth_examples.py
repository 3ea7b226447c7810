"""The worked examples of the reconciliation rules, E1 to E20, against the code that reckons the truth."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reconcilers.sample_company.seen.facts import (
    Call,
    Charge,
    Facts,
    Key,
    OutcomeRecord,
    Price,
    ReportedUsage,
    Source,
    Usage,
)
from reconcilers.sample_company.truth.answer import Truth, Waterfall, cost_per_success, reckon
from reconcilers.sample_company.truth.bill import Statement

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


def call(tokens: int, event: str = "e1", *, at: str = f"{DAY}T12:00:00", number: int = 0, **told: Any) -> Call:
    """A call of one meter; ``key`` and every other field may be told."""
    values: dict[str, Any] = {
        "source": SOURCE,
        "identity": f"provider|{event}-{tokens}-{at}-{number}-{told.get('tenant_id')}-{told.get('estimated')}",
        "key": key(),
        "ended_at": datetime.fromisoformat(at),
        "usage": (Usage(METER, Decimal(tokens)),),
        "event_id": event,
        "tenant_id": "tenant",
    }
    return Call(**(values | told))


def price(per_million: str, **told: str) -> Price:
    return Price(SOURCE, "model", METER, Decimal(per_million), **told)


def facts(charges: list[Charge], calls: list[Call], **told: Any) -> Facts:
    """One source that is final at once, at 10 per million tokens, known on the 5th of October."""
    values: dict[str, Any] = {
        "as_of": datetime(2026, 10, 5),
        "sources": {SOURCE: Source(SOURCE, default_account_id="acct")},
        "charges": charges,
        "calls": calls,
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
    return [(one.kind, one.quantity, one.amount) for one in truth.breaks]


def events(truth: Truth) -> dict[str, Decimal]:
    return {name: one.reconciled_cost for name, one in truth.event_cost.items()}


def tenants(truth: Truth) -> dict[str, Decimal]:
    return {tenant: row.direct_cost for (tenant, _, _), row in truth.tenant_margin.items() if row.direct_cost}


EXCESS = "telemetry_without_charge"


def test_e1_missing_telemetry_is_shown_not_spread() -> None:
    truth = reckon(facts([charge("10.00", "1000000")], [call(900_000)]))
    assert steps(truth) == money(event="9", no_telemetry="1")
    assert breaks(truth) == []


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


@pytest.mark.parametrize("half", ["1", "-1"])
def test_the_exact_sum_is_rounded_half_away_by_its_own_sign(half: str) -> None:
    """Lines that each lose half a nano: 2.5 nanos in all are 3, though the rounded lines come to 5."""
    cost = f"{Decimal(half) * Decimal('0.0000000005'):f}"
    lines = [charge(cost, key=Key("acct"), charge_category="Tax", line_id=str(number)) for number in range(5)]
    truth = reckon(facts(lines, []))
    sign = Decimal(half)
    assert truth.waterfall[Statement(SOURCE, SEPTEMBER, "USD")].billed == sign * Decimal("3E-9")
    assert steps(truth) == {"tax": sign * Decimal("5E-9"), "rounding": sign * Decimal("-2E-9")}
