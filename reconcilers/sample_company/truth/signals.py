"""Whether runs fail more on a machine under stress, where telemetry tells of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.calls import Call
from reconcilers.sample_company.truth.carve import to_money, to_nanos
from reconcilers.sample_company.truth.economics import NOBODY, share
from reconcilers.sample_company.truth.keys import is_production
from reconcilers.sample_company.truth.runs import UNSUCCESSFUL, RunCost
from reconcilers.sample_company.truth.tables import Table

_QUEUE_MS, _JITTER_MS = (100, 1000, 10000), (1, 10, 100)


@dataclass(frozen=True)
class Stressed:
    """Runs that a signal tells about as much of."""

    runs: int
    failed_runs: int
    failure_share: Decimal | None
    reconciled_cost: Decimal


def run_signals(facts: Facts, calls: Iterable[Call], runs: Mapping[str, RunCost]) -> Table:
    """Production runs by the month they ended in, feature, signal and band: the worst that any call of the run tells."""
    said = {run.run_id: run for run in facts.runs}
    calls_of: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.run_id is not None:
            calls_of[call.run_id].append(call)
    found: dict[tuple[date, str, str, str], list[RunCost]] = defaultdict(list)
    for run_id, run in runs.items():
        its = calls_of[run_id]
        if any(is_production(call.environment, facts) for call in its):
            told = {call.feature_id for call in its} - {None}
            record = said.get(run_id)
            feature = (record.feature_id if record else None) or (next(iter(told)) if len(told) == 1 else None)
            ended = record.ended_at if record else max(call.ended_at for call in its)
            for signal, band in _bands(its):
                found[ended.date().replace(day=1), feature or NOBODY, signal, band].append(run)
    rows = {}
    for key, those in found.items():
        failed = sum(run.status in UNSUCCESSFUL for run in those)
        cost = to_money(sum(to_nanos(run.reconciled_cost) for run in those))
        rows[key] = Stressed(len(those), failed, share(failed, len(those)), cost)
    return Table("rpt_run_signals", ("month", "feature_id", "signal", "band"), Stressed, rows)


def _bands(calls: Iterable[Call]) -> Iterator[tuple[str, str]]:
    calls = list(calls)
    for signal, limits in (("queue", _QUEUE_MS), ("jitter", _JITTER_MS)):
        told = [one for one in (getattr(call, f"{signal}_ms") for call in calls) if one is not None]
        if told:
            above = next((limit for limit in limits if max(told) < limit), None)
            yield signal, f"{limits[-1]} ms or more" if above is None else f"under {above} ms"
    throttled = [call.throttled for call in calls if call.throttled is not None]
    if throttled:
        yield "throttled", "yes" if any(throttled) else "no"
