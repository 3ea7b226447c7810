"""The incidents of the sample company: with dates, in every range, and large enough to be seen."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.sample_company.seen.view import seen_place
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.truth.answer import Truth
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.incidents import (
    BURST,
    CONCENTRATION,
    PRICE_CHANGE,
    PROMPT_REGRESSION,
    QUIET,
    REGRESSED_PROMPT,
    RUNAWAY_RUN,
    UNINSTRUMENTED,
    Incident,
    incidents,
)
from tests.sample_company.company import END, START


def incident(truth: GroundTruth, kind: str) -> Incident:
    (found,) = (one for one in incidents(truth.world.start, truth.world.end) if one.kind == kind)
    return found


def test_incidents_stand_in_the_truth_file_with_their_dates(out: Path, truth: GroundTruth) -> None:
    told = json.loads((out / "truth.json").read_text())["incidents"]
    assert [one["kind"] for one in told] == [one.kind for one in incidents(START, END)]
    assert len({one["kind"] for one in told}) == len({one["alert"] for one in told}) == 7
    for one in told:
        assert instant(START).isoformat() <= one["from"] < one["to"] <= instant(END).isoformat()
        assert one["calls"] > 0
        assert Decimal(one["true_cost"]) > 0
    added = {event.event_id for event in truth.world.events if event.incident}
    assert {event_id for one in told for event_id in one["event_ids"] or ()} == added


@pytest.mark.parametrize("days", [5, 8, 10, 30, 45])
def test_every_range_has_every_incident_and_they_begin_on_working_days(days: int) -> None:
    for offset in range(7):
        start = date(2026, 9, 1) + timedelta(days=offset)
        planned = {one.kind: one for one in incidents(start, start + timedelta(days=days))}
        assert len(planned) == 7
        assert all(instant(start) <= one.begins < one.ends <= instant(start, 24 * days) for one in planned.values())
        assert all(
            planned[kind].begins.weekday() < 5 for kind in (PROMPT_REGRESSION, BURST, CONCENTRATION, RUNAWAY_RUN)
        )
        # The nightly calls that are missed are those of a working day.
        assert planned[QUIET].begins.weekday() in range(1, 5)


def test_the_regressed_prompt_makes_a_success_clearly_dearer(truth: GroundTruth, answer: Truth) -> None:
    versions = {run.event_id: run.prompt_version for run in truth.world.runs if run.feature_id == "ticket_resolution"}
    added = {event.event_id for event in truth.world.events if event.incident}
    costs: dict[str, Decimal] = defaultdict(Decimal)
    successes: Counter[str] = Counter()
    for event_id, one in answer.event_cost.items():
        if one.production and event_id in versions and event_id not in added:
            costs[versions[event_id]] += one.reconciled_cost
            successes[versions[event_id]] += one.outcome == "success"
    before, after = (costs[name] / successes[name] for name in ("v12", REGRESSED_PROMPT))
    assert after > before * Decimal("1.4")
    regressed = incident(truth, PROMPT_REGRESSION)
    its = [run for run in truth.world.runs if run.prompt_version == REGRESSED_PROMPT]
    assert {regressed.covers(run.started_at) for run in its if run.kind == "primary"} == {True}


def test_a_runaway_run_has_many_times_its_usual_calls(truth: GroundTruth, answer: Truth) -> None:
    added = {event.event_id for event in truth.world.events if event.incident == RUNAWAY_RUN}
    calls = Counter(call.run_id for call in truth.world.calls if call.feature_id == "ticket_resolution")
    runaway = {run.run_id for run in truth.world.runs if run.event_id in added}
    assert len(runaway) == len(added) == 3
    assert min(calls[run_id] for run_id in runaway) > 40
    assert max(count for run_id, count in calls.items() if run_id not in runaway) < 8
    assert {answer.run_cost[run_id].status for run_id in runaway} == {"failure"}
    assert all(incident(truth, RUNAWAY_RUN).covers(run.started_at) for run in truth.world.runs if run.event_id in added)


def test_a_burst_multiplies_a_tenant_s_events_and_hardly_any_succeed(truth: GroundTruth, answer: Truth) -> None:
    burst = incident(truth, BURST)
    hours = [
        event
        for event in truth.world.events
        if event.tenant_id == burst.tenant_id
        and event.created_at.weekday() < 5
        and burst.begins.hour <= event.created_at.hour < burst.ends.hour
    ]
    during = [event for event in hours if burst.covers(event.created_at)]
    days = {event.created_at.date() for event in hours} - {burst.begins.date()}
    assert len(during) > 4 * (len(hours) - len(during)) / len(days)
    ended = Counter(answer.event_cost[event.event_id].outcome for event in during if event.incident)
    assert ended["success"] < 0.25 * sum(ended.values())


def test_one_tenant_takes_most_of_a_feature_from_a_day_on(truth: GroundTruth, answer: Truth) -> None:
    concentrated = incident(truth, CONCENTRATION)
    cost: dict[tuple[bool, bool], Decimal] = defaultdict(Decimal)
    for event in truth.world.events:
        if event.feature_id == concentrated.feature_id and event.event_id in answer.event_cost:
            key = concentrated.covers(event.created_at), event.tenant_id == concentrated.tenant_id
            cost[key] += answer.event_cost[event.event_id].reconciled_cost
    assert cost[True, True] > cost[True, False]
    assert cost[False, True] < cost[False, False] / 4


def test_a_key_goes_live_that_only_the_bill_knows(truth: GroundTruth, answer: Truth) -> None:
    live = incident(truth, UNINSTRUMENTED)
    lines = [line.charge for line in truth.ledger.lines if line.charge.key.api_key_id == live.api_key_id]
    assert min(line.charge_period_start for line in lines) == live.begins
    assert sum(line.billed_cost for line in lines) > 0
    assert live.api_key_id not in {call.key.api_key_id for call in answer.calls.values()}


def test_a_silent_service_is_billed_and_tells_nothing(truth: GroundTruth, spans: Any) -> None:
    quiet = incident(truth, QUIET)
    served = [c for c in truth.world.calls if c.service == quiet.service and quiet.covers(c.ended_at)]
    assert served
    assert all(call.billed for call in served)
    assert [call for call in served if seen_place(call) in spans] == []
    roots = [run for run in truth.world.runs if run.service == quiet.service and quiet.covers(run.ended_at)]
    assert roots
    assert [run for run in roots if (run.trace_id, run.root_span_id) in spans] == []
    read = [span for ((_, span), *_) in spans.values() if span["name"] == "execute_tool load_transcript"]
    ended = [datetime(1970, 1, 1) + timedelta(microseconds=int(span["endTimeUnixNano"]) // 1000) for span in read]
    assert any(at.date() == quiet.begins.date() - timedelta(days=1) for at in ended)
    assert [at for at in ended if quiet.covers(at)] == []


def test_the_price_is_cut_on_the_day_that_is_told(truth: GroundTruth) -> None:
    assert incident(truth, PRICE_CHANGE).begins == instant(truth.world.amended_on)
