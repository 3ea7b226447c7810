"""Events: what each cost over its whole life, how it ended, and cost per success (R21, R24)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Call, Facts, OutcomeRecord
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.usage import call_id, is_production

#: Whose word counts most; then the latest statement.
EMITTERS = ("system_of_record", "human", "evaluator", "sdk")
RESOLVED = ("success", "failure", "partial")


@dataclass(frozen=True)
class EventCost:
    """An event as known at ``as_of``: cost of all its calls, production or not, and its outcome.

    ``outcome`` is success, failure, partial, pending or abandoned; ``outcome_at`` when the deciding statement was made.
    ``production`` is true if any of its calls is.
    """

    reconciled_cost: Decimal
    accrued_cost: Decimal
    outcome: str
    production: bool
    outcome_at: datetime | None = None


def reckon_events(facts: Facts, reconciled: dict[str, int], accrued: dict[str, int]) -> dict[str, EventCost]:
    """Every event that has a call, a run or an outcome, from each call's nanos."""
    calls: dict[str, list[Call]] = defaultdict(list)
    runs_ended: dict[str, list[datetime]] = defaultdict(list)
    statements: dict[str, list[OutcomeRecord]] = defaultdict(list)
    for call in facts.calls:
        if call.event_id is not None:
            calls[call.event_id].append(call)
    for run in facts.runs:
        runs_ended[run.event_id].append(run.ended_at)
    for statement in facts.outcomes:
        statements[statement.event_id].append(statement)
    events = {}
    for event_id in sorted(calls.keys() | runs_ended.keys() | statements.keys()):
        names = [call_id(call.identity) for call in calls[event_id]]
        outcome, outcome_at = _outcome(facts, calls[event_id], runs_ended[event_id], statements[event_id])
        events[event_id] = EventCost(
            reconciled_cost=to_money(sum(reconciled.get(name, 0) for name in names)),
            accrued_cost=to_money(sum(accrued.get(name, 0) for name in names)),
            outcome=outcome,
            production=any(is_production(call, facts) for call in calls[event_id]),
            outcome_at=outcome_at,
        )
    return events


def _outcome(
    facts: Facts, calls: list[Call], runs_ended: list[datetime], statements: list[OutcomeRecord]
) -> tuple[str, datetime | None]:
    """How the event ended and when that was said; an event whose calls are not seen waits since its last run."""
    if statements:
        heaviest = min(EMITTERS.index(one.emitter) for one in statements)
        candidates = [one for one in statements if EMITTERS.index(one.emitter) == heaviest]
        final = max(candidates, key=lambda one: (one.occurred_at, one.outcome))
        return final.outcome, final.occurred_at
    waited = facts.as_of - max([call.ended_at for call in calls] or runs_ended)
    return ("abandoned" if waited > timedelta(days=facts.abandoned_after_days) else "pending"), None


def event_months(facts: Facts, on_calls: Iterable[tuple[str, date, int]]) -> dict[tuple[str, date, bool], Decimal]:
    """R21: event × charge month of the bill line × production, from (call id, charge month, nanos)."""
    calls = {call_id(call.identity): call for call in facts.calls}
    months: dict[tuple[str, date, bool], int] = defaultdict(int)
    for name, month, amount in on_calls:
        call = calls[name]
        if call.event_id is not None:
            months[(call.event_id, month, is_production(call, facts))] += amount
    return {key: to_money(amount) for key, amount in months.items() if amount}


def cost_per_success(events: Iterable[EventCost], *, all_in: bool = False) -> Fraction | None:
    """R24: all cost of resolved events ÷ successes; ``all_in`` adds pending and abandoned. Null without a success."""
    events = list(events)
    successes = sum(event.outcome == "success" for event in events)
    cost = sum(
        (Fraction(event.reconciled_cost) for event in events if all_in or event.outcome in RESOLVED), Fraction(0)
    )
    return cost / successes if successes else None
