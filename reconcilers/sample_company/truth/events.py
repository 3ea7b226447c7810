"""Events: what each cost over its whole life, how it ended, and cost per success (R21 to R24)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts, OutcomeRecord, RunRecord
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.keys import is_production
from reconcilers.sample_company.truth.runs import UNSUCCESSFUL, Attempts, Ending, RunCost

#: Whose word counts most; then the latest statement.
EMITTERS = ("system_of_record", "human", "evaluator", "sdk")
RESOLVED = ("success", "failure", "partial")
#: Whom an event was for and how it ran.
NAMES = ("tenant_id", "feature_id", "workflow", "prompt_version", "user_id", "environment", "data_mode")


@dataclass(frozen=True)
class EventCost:
    """An event as known at ``as_of``: cost of all its calls, production or not, and its outcome.

    A name (tenant to environment) is the only one its calls tell, or if they tell none its runs; ``None`` where they differ.
    ``outcome`` is success, failure, partial, pending or abandoned; ``outcome_at`` when the deciding statement was made.
    ``production`` is true if any of its calls is, or without calls any of its runs, or if nothing tells (R7); ``seen`` if it has any.
    ``model_route`` names the models of its attempts, each where it was first tried; ``routing_entropy`` is of its calls over models,
    in bits to six decimals, ``None`` where none tells its model.
    ``ended_at`` is when its last call or run ended, else when its outcome was said. ``waste`` is by class (R23).
    """

    reconciled_cost: Decimal
    accrued_cost: Decimal
    outcome: str
    production: bool
    started_at: datetime
    ended_at: datetime
    outcome_at: datetime | None = None
    outcome_emitter: str | None = None
    tenant_id: str | None = None
    feature_id: str | None = None
    workflow: str | None = None
    prompt_version: str | None = None
    user_id: str | None = None
    environment: str | None = None
    data_mode: str | None = None
    model_route: str | None = None
    routing_entropy: Decimal | None = None
    seen: bool = True
    attempts: int = 0
    failed_attempts: int = 0
    waste: dict[str, Decimal] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """The UTC day it was resolved on, else ended."""
        return (self.outcome_at or self.ended_at).date()

    @property
    def month(self) -> date:
        """First day of the month it was resolved in, else of its end (R24)."""
        return self.day.replace(day=1)


def reckon_events(
    facts: Facts, calls: list[Call], reconciled: dict[str, int], accrued: dict[str, int]
) -> tuple[dict[str, EventCost], dict[str, RunCost]]:
    """Every event that has a call, a run or an outcome, and every run, from each call's nanos."""
    of_event: dict[str, list[Call]] = defaultdict(list)
    statements: dict[str, list[OutcomeRecord]] = defaultdict(list)
    for call in calls:
        if call.event_id is not None:
            of_event[call.event_id].append(call)
    for statement in facts.outcomes:
        statements[statement.event_id].append(statement)
    attempts = Attempts(facts, calls, reconciled)
    events, runs = {}, {}
    for event_id in sorted(of_event.keys() | attempts.runs.keys() | statements.keys()):
        its_runs, its_calls = attempts.runs.get(event_id, []), of_event[event_id]
        ended = [call.ended_at for call in its_calls] or [run.ended_at for run in its_runs]
        ending = _ending(facts, ended, statements[event_id])
        costs = attempts.of_event(event_id, ending)
        environments = [one.environment for one in its_calls or its_runs] or [None]
        names = {name: _only(name, its_calls, its_runs) for name in NAMES}
        if not its_calls and not its_runs:
            names["feature_id"] = _only("feature_id", statements[event_id])
        first = [call.started_at or call.ended_at for call in its_calls] or [run.started_at for run in its_runs]
        last = [*(call.ended_at for call in its_calls), *(run.ended_at for run in its_runs)]
        said = [one.occurred_at for one in statements[event_id]]
        runs.update(costs)
        numbered = [run for run in costs.values() if run.attempt is not None]
        events[event_id] = EventCost(
            reconciled_cost=to_money(sum(reconciled.get(call.call_id, 0) for call in its_calls)),
            accrued_cost=to_money(sum(accrued.get(call.call_id, 0) for call in its_calls)),
            outcome=ending.outcome,
            production=any(is_production(name, facts) for name in environments),
            started_at=min(first or said),
            ended_at=max(last or said),
            outcome_at=ending.at,
            outcome_emitter=ending.emitter,
            **names,
            model_route=_route(costs.values()),
            routing_entropy=_entropy(Counter(call.key.model for call in its_calls if call.key.model is not None)),
            seen=bool(its_calls),
            attempts=len(numbered),
            failed_attempts=sum(run.status in UNSUCCESSFUL for run in numbered),
            waste=attempts.waste(event_id, ending),
        )
    return events, runs


def _only(name: str, *those_who_tell: Sequence[Call | RunRecord | OutcomeRecord]) -> str | None:
    """The only value of a name that the first of them tell who tell any; environments are one name in any case (R7)."""
    for tellings in those_who_tell:
        told: set[str] = {getattr(one, name) for one in tellings} - {None}
        values = {value.lower() for value in told} if name == "environment" else told
        if values:
            return next(iter(values)) if len(values) == 1 else None
    return None


def _route(runs: Iterable[RunCost]) -> str | None:
    """Models in the order of the attempts that first used them; workers are beside the way."""
    first: dict[str, int] = {}
    for run in runs:
        if run.attempt is not None and run.costliest_model is not None:
            first[run.costliest_model] = min(run.attempt, first.get(run.costliest_model, run.attempt))
    return " > ".join(sorted(first, key=lambda model: (first[model], model.encode()))) or None


def _entropy(calls: Counter[str]) -> Decimal | None:
    if len(calls) < 2:
        return Decimal(0) if calls else None
    with localcontext() as exact:
        exact.prec = 40
        parts = [Decimal(number) / calls.total() for number in calls.values()]
        bits = -sum(part * part.ln() for part in parts) / Decimal(2).ln()
        return bits.quantize(Decimal("0.000001"), ROUND_HALF_UP)


def _ending(facts: Facts, ended: list[datetime], statements: list[OutcomeRecord]) -> Ending:
    """How the event ended and when that was said; an event whose calls are not seen waits since its last run."""
    if statements:
        heaviest = min(EMITTERS.index(one.emitter) for one in statements)
        candidates = [one for one in statements if EMITTERS.index(one.emitter) == heaviest]
        final = max(candidates, key=lambda one: (one.occurred_at, one.outcome))
        return Ending(final.outcome, final.occurred_at, final.emitter)
    waited = facts.as_of - max(ended)
    return Ending("abandoned" if waited > timedelta(days=facts.abandoned_after_days) else "pending", None)


def event_months(
    facts: Facts, calls: dict[str, Call], on_calls: Iterable[tuple[str, date, int]]
) -> dict[tuple[str, date, bool], Decimal]:
    """R21: event × charge month of the bill line × production, from (call id, charge month, nanos)."""
    months: dict[tuple[str, date, bool], int] = defaultdict(int)
    for name, month, amount in on_calls:
        call = calls[name]
        if call.event_id is not None:
            months[(call.event_id, month, is_production(call.environment, facts))] += amount
    return {key: to_money(amount) for key, amount in months.items() if amount}


def unobserved(events: Iterable[EventCost]) -> list[EventCost]:
    """R24: events of a slice of which no call was seen, in a feature whose other events in it have calls."""
    events = list(events)
    seen = {event.feature_id for event in events if event.seen}
    return [event for event in events if not event.seen and event.feature_id in seen]


def unobserved_successes(events: Iterable[EventCost]) -> int:
    """Successes that stand in neither side of cost per success (R24)."""
    return sum(event.outcome == "success" for event in unobserved(events))


def cost_per_success(events: Iterable[EventCost], *, all_in: bool = False) -> Fraction | None:
    """R24: all cost of resolved events ÷ successes; ``all_in`` adds pending and abandoned. Null without a success."""
    events = list(events)
    unseen = unobserved(events)
    observed = [event for event in events if not any(event is one for one in unseen)]
    successes = sum(event.outcome == "success" for event in observed)
    counted = [event for event in observed if all_in or event.outcome in RESOLVED]
    cost = sum((Fraction(event.reconciled_cost) for event in counted), Fraction(0))
    return cost / successes if successes else None
