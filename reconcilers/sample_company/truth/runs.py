"""Runs: the kind of each attempt (R22), what it cost, and what of that was waste (R23)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Facts, RunRecord
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import to_money

PRIMARY, RETRY, FALLBACK, WORKER = "primary", "retry", "fallback", "worker"
#: R22: an unknown status is not unsuccessful.
UNSUCCESSFUL = frozenset({"failure", "timeout", "cancelled"})
#: R23, first match wins.
WASTE_CLASSES = (
    "duplicate",
    "after_outcome",
    "abandoned_event",
    "failed_event",
    "failed_attempt",
    "fallback_overhead",
    "retry_overhead",
)


@dataclass(frozen=True)
class RunCost:
    """One run: ``attempt`` counts all runs of its event but workers, ``None`` for a worker; ``waste_class`` is of all its cost.

    ``costliest_model`` did most of its work, by reconciled cost.
    """

    event_id: str
    kind: str
    attempt: int | None
    status: str | None
    reconciled_cost: Decimal
    waste_class: str | None
    costliest_model: str | None = None


@dataclass(frozen=True)
class Ending:
    """How an event ended, and when that was said (``None`` for pending and abandoned)."""

    outcome: str
    at: datetime | None
    emitter: str | None = None


def all_runs(facts: Facts, calls: Iterable[Call]) -> dict[str, list[RunRecord]]:
    """Every event's runs in order of start, then id; a run that only its calls name has no status."""
    runs = {run.run_id: run for run in facts.runs}
    unknown: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.run_id is not None and call.event_id is not None and call.run_id not in runs:
            unknown[call.run_id].append(call)
    for run_id, its in unknown.items():
        started = min(call.started_at or call.ended_at for call in its)
        event_id = min(call.event_id for call in its if call.event_id is not None)
        runs[run_id] = RunRecord(run_id, event_id, started, max(call.ended_at for call in its))
    of_event: dict[str, list[RunRecord]] = defaultdict(list)
    for run in sorted(runs.values(), key=lambda one: (one.started_at, one.run_id.encode())):
        of_event[run.event_id].append(run)
    return of_event


class Attempts:
    """Runs with the cost of their calls."""

    def __init__(self, facts: Facts, calls: list[Call], cost_of_call: dict[str, int]) -> None:
        self.runs = all_runs(facts, calls)
        self._cost: dict[str, int] = defaultdict(int)
        self._by_model: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        #: calls of an event without run
        self._loose: dict[str, list[Call]] = defaultdict(list)
        self._cost_of_call = cost_of_call
        for call in calls:
            cost = cost_of_call.get(call.call_id, 0)
            if call.run_id is not None:
                self._cost[call.run_id] += cost
                if call.key.model is not None and cost:
                    self._by_model[call.run_id][call.key.model] += cost
            elif call.event_id is not None:
                self._loose[call.event_id].append(call)

    def of_event(self, event_id: str, ending: Ending) -> dict[str, RunCost]:
        """Every run of an event, by id, in order."""
        runs = self.runs.get(event_id, [])
        kinds = self._kinds(runs)
        kept = _kept(runs, ending)
        originals = _originals(runs, kinds, kept)
        found, attempt = {}, 0
        for run in runs:
            kind = kinds[run.run_id]
            attempt += kind != WORKER
            waste = None if run is kept else _waste_class(run, kind, ending, originals)
            number = None if kind == WORKER else attempt
            cost, model = to_money(self._cost[run.run_id]), self._costliest(run)
            found[run.run_id] = RunCost(event_id, kind, number, run.status, cost, waste, model)
        return found

    def waste(self, event_id: str, ending: Ending) -> dict[str, Decimal]:
        """What of an event's cost is waste, by class (R23)."""
        found: dict[str, Decimal] = defaultdict(Decimal)
        for run in self.of_event(event_id, ending).values():
            if run.waste_class is not None:
                found[run.waste_class] += run.reconciled_cost
        for call in self._loose[event_id]:
            name = _waste_of_event(call.started_at or call.ended_at, ending)
            if name is not None:
                found[name] += to_money(self._cost_of_call.get(call.call_id, 0))
        return {name: amount for name, amount in found.items() if amount}

    def _kinds(self, runs: list[RunRecord]) -> dict[str, str]:
        """R22: as declared, else derived from the run before."""
        kinds: dict[str, str] = {}
        before: RunRecord | None = None
        for run in runs:
            kinds[run.run_id] = run.declared_kind or self._derived(run, before)
            before = run
        return kinds

    def _derived(self, run: RunRecord, before: RunRecord | None) -> str:
        if before is None:
            return PRIMARY
        if before.status in UNSUCCESSFUL:
            mine, its = self._costliest(run), self._costliest(before)
            return FALLBACK if mine is not None and its is not None and mine != its else RETRY
        return WORKER if run.started_at < before.ended_at else PRIMARY

    def _costliest(self, run: RunRecord) -> str | None:
        costs = self._by_model[run.run_id]
        return min(costs, key=lambda model: (-costs[model], model.encode()), default=None)


def _kept(runs: list[RunRecord], ending: Ending) -> RunRecord | None:
    """R23: the last successful run that ends no later than the outcome of a successful event is never waste."""
    if ending.outcome != "success" or ending.at is None:
        return None
    before = [run for run in runs if run.status == "success" and run.ended_at <= ending.at]
    return max(before, key=lambda run: (run.ended_at, run.started_at, run.run_id.encode()), default=None)


def _originals(runs: list[RunRecord], kinds: dict[str, str], kept: RunRecord | None) -> list[RunRecord]:
    """Successful primary runs that another one repeats (reading 27): all but the kept one, or else all but the last."""
    primary = [run for run in runs if kinds[run.run_id] == PRIMARY and run.status == "success"]
    spared = kept if kept in primary else next(reversed(primary), None)
    return [run for run in primary if run is not spared]


def _waste_class(run: RunRecord, kind: str, ending: Ending, duplicates: list[RunRecord]) -> str | None:
    if run in duplicates:
        return "duplicate"
    of_event = _waste_of_event(run.started_at, ending)
    if of_event is not None:
        return of_event
    if run.status in UNSUCCESSFUL:
        return "failed_attempt"
    return {FALLBACK: "fallback_overhead", RETRY: "retry_overhead"}.get(kind)


def _waste_of_event(started_at: datetime, ending: Ending) -> str | None:
    if ending.at is not None and started_at > ending.at:
        return "after_outcome"
    return {"abandoned": "abandoned_event", "failure": "failed_event"}.get(ending.outcome)
