"""That the true answer of the sample company closes, and what is planted shows in it where it should."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.sample_company import sample, store
from reconcilers.sample_company.seen import knowledge
from reconcilers.sample_company.seen.view import flushed_at
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.truth.answer import Truth
from reconcilers.sample_company.truth.calls import call_id
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    AWS,
    COHERE,
    DATABRICKS,
    FEATURES,
    GPUS,
    OPENAI,
    READERS,
    SNOWFLAKE,
    TENANTS,
)
from reconcilers.sample_company.world.happened import TrueCall
from tests.sample_company.company import END, EVENTS_PER_DAY, call_of, cost_of, damaged, planted, step_cost


def test_truth_file_closes_to_the_last_digit(out: Path, truth: GroundTruth) -> None:
    body = json.loads((out / "truth.json").read_text())
    assert {row["source"] for row in body["waterfall"]} == set(ACCOUNTS)
    for row in body["waterfall"]:
        assert sum(Decimal(step["cost"]) for step in row["steps"]) == Decimal(row["billed"])
    of_events = sum(Decimal(event["billed_cost"]) for event in body["events"])
    production = {e.event_id for e in truth.world.events if e.environment == "production"}
    staging = sum(Decimal(e["billed_cost"]) for e in body["events"] if e["event_id"] not in production)
    shown = sum(
        Decimal(step["cost"]) for row in body["waterfall"] for step in row["steps"] if step["destination"] == "event"
    )
    assert shown == of_events - staging
    margins = sum(Decimal(row["margin"]) for row in body["tenant_margins"])
    revenue = sum(Decimal(row["revenue"]) for row in body["tenant_margins"])
    effective = sum(
        Decimal(step["cost"])
        for row in body["waterfall"]
        for step in row["steps"]
        if step["step"] != "commitment_and_prepaid_timing"
    )
    assert margins == revenue - effective
    assert len(body["planted"]) == len(truth.world.planted)


def test_bad_telemetry_hides_a_cost_the_true_cost_shows(out: Path) -> None:
    body = json.loads((out / "truth.json").read_text())
    billed = sum(Decimal(event["billed_cost"]) for event in body["events"])
    true = sum(Decimal(event["true_cost"]) for event in body["events"])
    assert 0 < billed < true


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("credit", "credit"),
        ("tax", "tax"),
        ("support_fee", "support_and_fees"),
        ("unmapped_line", "unmapped"),
    ],
)
def test_what_is_planted_in_bills_shows_under_its_step(truth: GroundTruth, answer: Truth, kind: str, step: str) -> None:
    assert step_cost(answer, step) == sum(one.amount for one in planted(truth, kind))


@pytest.mark.parametrize(("kind", "source"), [("idle_commitment", AWS), ("idle_gpu", GPUS)])
def test_what_is_idle_shows_as_such(truth: GroundTruth, answer: Truth, kind: str, source: str) -> None:
    assert step_cost(answer, "commitment_idle", source) == sum(one.amount for one in planted(truth, kind))


def test_a_record_that_was_taken_back_costs_nothing(out: Path, truth: GroundTruth, answer: Truth) -> None:
    """What was told too much stands on the bill until its retraction is told."""
    (wrong,) = planted(truth, "retracted_record")
    assert wrong.day is not None
    told, later = (
        step_cost(known, "platform_usage", DATABRICKS)
        for known in (sample.truth_at(out, instant(wrong.day, 24 * days)) for days in (1, 3))
    )
    assert told > wrong.amount > later > 0


def test_capacity_bought_before_is_cost_and_bills_nothing(truth: GroundTruth, answer: Truth) -> None:
    (prepaid,) = planted(truth, "prepaid_capacity")
    bridged = [
        one.bridge["commitment_and_prepaid_timing"]
        for statement, one in answer.waterfall.items()
        if statement.source == SNOWFLAKE
    ]
    assert sum(bridged) == -prepaid.amount
    assert step_cost(answer, "platform_usage", SNOWFLAKE) == prepaid.amount


def test_documents_reach_their_events_in_every_cloud(truth: GroundTruth, answer: Truth) -> None:
    """Whatever words their instrumentation speaks, and whoever bills them."""
    for source in READERS:
        seen = [call for call in truth.world.calls if call.source == source and call.seen and not call.event_lost]
        assert seen
        assert all(answer.event_cost[str(call.event_id)].reconciled_cost > 0 for call in seen)


def test_invoices_that_are_wrong_are_breaks_and_no_others(truth: GroundTruth, answer: Truth) -> None:
    wrong = {
        (one.expected_effect.removeprefix("break "), one.source, one.day)
        for one in truth.world.planted
        if one.expected_effect.startswith("break invoice_")
    }
    assert len(wrong) == 5
    found = {one.identity: one for one in answer.breaks if one.kind.startswith("invoice_")}
    assert {(one.kind, one.source, one.charge_day) for one in found.values()} == wrong
    assert len(found) == 5
    for kind, planted_as in (("invoice_total", "invoice_line_unlisted"), ("invoice_missing", "invoice_never_sent")):
        (amount,) = (one.amount for one in found.values() if one.kind == kind)
        assert amount == planted(truth, planted_as)[0].amount


def test_invoices_that_are_right_make_the_bill(answer: Truth) -> None:
    (table,) = (one for one in answer.tables if one.name == "fct_invoice_reconciliation")
    compared = {key[:3]: (row.invoice_ids, row.status) for key, row in table.rows.items()}
    october = date(2026, 10, 1)
    assert compared[OPENAI, "USD", october] == ("OPENAI-202610", "within_tolerance")
    assert compared[AWS, "USD", october] == ("AWS-202610 AWS-202610-C", "within_tolerance")
    assert compared[COHERE, "USD", october] == ("COHERE-202610-R", "within_tolerance")
    assert compared["vectors", "EUR", october] == ("VECTORS-202610 VECTORS-202610-C", "within_tolerance")


def test_calls_billed_nowhere_are_breaks_and_no_money(truth: GroundTruth, answer: Truth) -> None:
    ghosts = [call for call in truth.world.calls if not call.billed]
    used = sum(usage.quantity for call in ghosts for usage in call.usage)
    found = [one for one in answer.breaks if one.kind == "telemetry_without_charge"]
    partner = [one for one in found if one.key["model"] == ghosts[0].model]
    assert sum(one.quantity or 0 for one in partner) == used
    assert sum(one.amount or 0 for one in partner) == sum(one.amount for one in planted(truth, "billed_nowhere"))
    assert {cost_of(answer, call) for call in ghosts} == {Decimal(0)}


def test_skewed_calls_are_paid_by_the_day_they_truly_ended(truth: GroundTruth, answer: Truth) -> None:
    skewed = [call for call in truth.world.calls if call.skew_seconds]
    assert len(skewed) == 3
    # Other calls near the midnights on both sides compete for the same day, and calls that name no key for what its own leave, so a
    # part may go to those.
    cost = sum(cost_of(answer, call) for call in skewed)
    assert cost > Decimal("0.8") * sum(one.amount for one in planted(truth, "clock_skew"))


def test_reversed_outcomes_fail_once_the_reversal_is_known(out: Path, truth: GroundTruth, answer: Truth) -> None:
    for one in planted(truth, "reversed_outcome"):
        (event_id,) = one.ids
        assert one.day is not None
        assert answer.event_cost[event_id].outcome == "failure"
        assert sample.truth_at(out, instant(one.day)).event_cost[event_id].outcome == "success"


def test_an_uninstrumented_key_reaches_no_event(truth: GroundTruth, answer: Truth) -> None:
    (marketing,) = (one for one in planted(truth, "uninstrumented_key") if one.ids == ("key_marketing",))
    assert step_cost(answer, "no_telemetry", OPENAI) >= marketing.amount


def test_unknown_environment_and_unpriced_model_are_breaks(answer: Truth) -> None:
    kinds = Counter(one.kind for one in answer.breaks)
    assert kinds["unknown_environment"] == 1
    assert kinds["unpriced"] > 0


def test_runs_and_waste_stand_in_the_truth_file(out: Path, truth: GroundTruth) -> None:
    body = json.loads((out / "truth.json").read_text())
    told = {run["run_id"]: run for run in body["runs"]}
    seen = {call.run_id for call in truth.world.calls if call.seen and not call.event_lost}
    assert told.keys() == {run.run_id for run in truth.world.runs if not run.dropped or run.run_id in seen}
    # How a run ended whose root never arrived, nobody knows.
    unknown = {run.event_id for run in truth.world.runs if run.dropped}
    whole = [run for run in truth.world.runs if run.event_id not in unknown]
    checked = [run for run in whole if run.service == "invoice-checker"]
    # Nothing declares these: they follow from how the run before ended, and from its model.
    derived = {(run.kind, told[run.run_id]["kind"]) for run in checked}
    assert {("primary", "primary"), ("retry", "retry"), ("fallback", "fallback")} <= derived
    assert all(kind == "retry" for true, kind in derived if true != kind), "a model nobody saw is no other model"
    assert all(told[run.run_id]["kind"] == run.kind for run in whole if run not in checked)
    waste = sum(Decimal(cost) for event in body["events"] for cost in event["waste"].values())
    assert waste == sum(Decimal(run["reconciled_cost"]) for run in body["runs"] if run["waste_class"])
    assert 0 < waste < sum(Decimal(event["billed_cost"]) for event in body["events"])
    attempts = Counter(run["event_id"] for run in body["runs"] if run["attempt"])
    assert all(event["attempts"] == attempts[event["event_id"]] for event in body["events"])


def test_an_event_of_two_tenants_costs_both(truth: GroundTruth, answer: Truth) -> None:
    for one in planted(truth, "two_tenants"):
        (call,) = (call for call in truth.world.calls if f"{call.trace_id}|{call.span_id}" in one.ids)
        (event,) = (event for event in truth.world.events if event.event_id == call.event_id)
        assert call_of(answer, call).tenant_id == call.tenant_id != event.tenant_id


def test_ids_on_the_root_reach_its_calls(truth: GroundTruth, answer: Truth) -> None:
    for call in damaged(truth, "ids_on_root"):
        found = call_of(answer, call)
        assert (found.event_id, found.tenant_id) == (call.event_id, call.tenant_id)
        assert found.origins["event_id"] == "ancestor"


def test_a_late_root_is_nobody_s_until_it_is_known(out: Path, truth: GroundTruth) -> None:
    its: dict[str, list[TrueCall]] = defaultdict(list)
    for call in truth.world.calls:
        if call.seen:
            its[f"{call.run_id} {call.service}"].append(call)
    # A fallback's calls are the gateway's, whose spans come when they come.
    runs = [run for run in truth.world.runs if run.root_delivered_late and its[f"{run.run_id} {run.service}"]]
    assert runs
    for run in runs:
        early = sample.truth_at(out, flushed_at(run.service, run.ended_at))
        assert {call_of(early, call).event_id for call in its[f"{run.run_id} {run.service}"]} == {None}


def test_gateway_and_sdk_are_one_call(truth: GroundTruth, answer: Truth, spans: Any) -> None:
    for call in damaged(truth, "told_by_gateway"):
        told = [
            place
            for place, deliveries in spans.items()
            if deliveries[0][1]["attributes"].get("gen_ai.response.id") == call.response_id
        ]
        assert len(told) == 2
        one = answer.calls[call_id("|".join(place) for place in told)]
        assert sum(usage.quantity for usage in one.usage) == sum(usage.quantity for usage in call.usage)
        assert sum(other.response_ids == {call.response_id} for other in answer.calls.values()) == 1


def test_an_agent_carries_the_call_that_was_never_exported(truth: GroundTruth, answer: Truth) -> None:
    lost = [call for call in truth.world.calls if call.wrapped and not call.seen]
    for call in lost:
        found = [
            one
            for one in answer.calls.values()
            if one.run_id == call.run_id
            and sorted(u.quantity for u in one.usage) == sorted(u.quantity for u in call.usage)
        ]
        assert [one.key.model for one in found] == [call.model]
        assert answer.call_cost[found[0].call_id] > 0


def test_reused_response_ids_stay_apart_and_are_breaks(truth: GroundTruth, answer: Truth) -> None:
    kinds = Counter(one.kind for one in answer.breaks)
    assert kinds["ambiguous_identity"] == len(planted(truth, "reused_response_id"))
    for one in planted(truth, "reused_response_id"):
        for place in one.ids:
            assert answer.calls[call_id([place])].usage


def test_input_without_a_word_of_the_cache_meets_cached_lines(truth: GroundTruth, answer: Truth) -> None:
    blind = damaged(truth, "cache_untold")
    assert all(call_of(answer, call).cache_blind for call in blind)
    true = sum(one.amount for one in planted(truth, "cache_untold"))
    moved = sum(parts["cache_semantics"] for parts in answer.variance.values() if parts.get("cache_semantics", 0) > 0)
    assert 0 < moved < true
    # Other days and dropped calls aside, what these calls truly cost is what they are paid.
    assert Decimal("0.8") * true < sum(cost_of(answer, call) for call in blind) < Decimal("1.2") * true


def test_long_prompts_meet_their_own_line(truth: GroundTruth, answer: Truth) -> None:
    long = [call for call in truth.world.calls if call.context_band == "long"]
    assert {call_of(answer, call).call_id for call in long} == {
        one.call_id for one in answer.calls.values() if one.key.context_band == "long"
    }
    assert sum(cost_of(answer, call) for call in long) == sum(one.amount for one in planted(truth, "long_context"))


def test_three_dear_days_are_breaks_of_price(truth: GroundTruth, answer: Truth) -> None:
    (dear,) = planted(truth, "dearer_days")
    found = [one for one in answer.breaks if one.kind == "price"]
    assert dear.day is not None
    assert {one.charge_day for one in found} == {dear.day + timedelta(days=number) for number in range(3)}
    assert {(one.source, one.key["model"]) for one in found} == {(AWS, "amazon.nova-lite-v1:0")}
    amount = sum(one.amount or Decimal(0) for one in found)
    # Spans that never arrived have no share in it.
    assert Decimal("0.8") * dear.amount < amount <= dear.amount


def test_a_batch_billed_on_the_next_day_is_paid_and_no_break(truth: GroundTruth, answer: Truth) -> None:
    (later,) = planted(truth, "batch_billed_next_day")
    batch = [call for call in truth.world.calls if call.billed_days_later and call.environment == "production"]
    seen = [call for call in batch if call.seen and call.seen_usage is None]
    assert seen
    assert all(cost_of(answer, call) > 0 for call in seen)
    silent = [one for one in answer.breaks if one.charge_day == later.day and one.key.get("batch") == "true"]
    assert [one.kind for one in silent if one.kind == "telemetry_without_charge"] == []


def test_spans_of_nobody_are_untagged(truth: GroundTruth, answer: Truth) -> None:
    nobody = damaged(truth, "key_lost")
    for call in nobody:
        found = call_of(answer, call)
        assert (found.event_id, found.tenant_id, found.key.api_key_id, found.key.sub_account_id) == (None,) * 4
    assert sum(cost_of(answer, call) for call in nobody) > 0
    assert any(call.ended_at.date() >= END - timedelta(days=2) for call in nobody)


def test_a_whole_month_loses_money_on_a_feature_and_on_a_tenant(tmp_path: Path) -> None:
    out = tmp_path / "company"
    sample.make(7, date(2026, 9, 1), date(2026, 10, 1), EVENTS_PER_DAY, out)
    margins: dict[str, Decimal] = defaultdict(Decimal)
    for (tenant, feature, month), row in sample.truth_at(
        out, knowledge.settled_at(store.load(out))
    ).tenant_margin.items():
        if month == date(2026, 9, 1):
            # Shared cost reaches tenants and no feature.
            margins[tenant] += row.revenue - row.direct_cost - row.shared_cost
            margins[feature] += row.revenue - row.direct_cost
    assert [one.tenant_id for one in TENANTS if margins[one.tenant_id] < 0] == ["ten_wayne"]
    assert [one.feature_id for one in FEATURES if margins[one.feature_id] < 0] == ["report_writer"]
