"""Models side by side on the same work, and what undecided routing came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reconcilers.sample_company.truth.carve import to_money, to_nanos
from reconcilers.sample_company.truth.economics import NOBODY, UnitCost, per, share, unobserved_ids
from reconcilers.sample_company.truth.events import RESOLVED, EventCost
from reconcilers.sample_company.truth.tables import Table

#: Successes from which on a route is one to be compared with.
_FEWEST_SUCCESSES = 30


@dataclass(frozen=True)
class Route:
    """One route of models on one workflow; ``above_cheapest`` is per success, over the cheapest that has enough of them."""

    events: int
    successes: int
    failures: int
    attempts: int
    unobserved_events: int
    event_cost: Decimal
    waste_cost: Decimal
    cost_per_event: Decimal | None
    cost_per_success: Decimal | None
    cost_per_success_low: Decimal | None
    cost_per_success_high: Decimal | None
    failure_share: Decimal | None
    above_cheapest: Decimal | None


def model_comparison(events: Iterable[EventCost]) -> Table:
    """Production events by month, workflow and route."""
    events = list(events)
    unseen = unobserved_ids(events)
    found: dict[tuple[date, str, str], UnitCost] = defaultdict(UnitCost)
    for event in events:
        if event.production:
            row = found[event.month, event.workflow or NOBODY, event.model_route or NOBODY]
            (row.unobserved if id(event) in unseen else row.observed).append(event)
    cheapest: dict[tuple[date, str], Decimal] = {}
    for (month, workflow, _), row in found.items():
        cost = row.cost_per_success
        if cost is not None and row.count("success") >= _FEWEST_SUCCESSES:
            cheapest[month, workflow] = min(cost, cheapest.get((month, workflow), cost))
    rows = {}
    for (month, workflow, route), row in found.items():
        if row.observed:
            cost, least = row.cost_per_success, cheapest.get((month, workflow))
            rows[month, workflow, route] = Route(
                events=len(row.observed),
                successes=row.count("success"),
                failures=row.count("failure"),
                attempts=row.attempts,
                unobserved_events=len(row.unobserved),
                event_cost=to_money(row.cost()),
                waste_cost=to_money(row.waste),
                cost_per_event=row.cost_per_event,
                cost_per_success=cost,
                cost_per_success_low=row.cost_per_success_low,
                cost_per_success_high=row.cost_per_success_high,
                failure_share=share(row.count("failure"), sum(row.count(outcome) for outcome in RESOLVED)),
                above_cheapest=None if cost is None or least is None else cost - least,
            )
    return Table("rpt_model_comparison", ("month", "workflow", "model_route"), Route, rows)


@dataclass(frozen=True)
class Undecided:
    """Events whose routing was about as undecided."""

    events: int
    attempts: int
    resolved: int
    failures: int
    failure_share: Decimal | None
    event_cost: Decimal
    cost_per_event: Decimal | None


def route_entropy(events: Iterable[EventCost]) -> Table:
    """Production events by month, feature and band of the entropy of their calls over models, in bits."""
    found: dict[tuple[date, str, str], list[EventCost]] = defaultdict(list)
    for event in events:
        if event.production and event.routing_entropy is not None:
            found[event.month, event.feature_id or NOBODY, _band(event.routing_entropy)].append(event)
    rows = {}
    for key, its in found.items():
        cost = sum(to_nanos(one.reconciled_cost) for one in its)
        resolved, failures = (
            sum(one.outcome in RESOLVED for one in its),
            sum(one.outcome == "failure" for one in its),
        )
        rows[key] = Undecided(
            len(its),
            sum(one.attempts for one in its),
            resolved,
            failures,
            share(failures, resolved),
            to_money(cost),
            per(cost, len(its)),
        )
    return Table("rpt_route_entropy", ("month", "feature_id", "entropy_band"), Undecided, rows)


def _band(bits: Decimal) -> str:
    if bits == 0:
        return "one model"
    return "up to 0.5" if bits <= Decimal("0.5") else "up to 1" if bits <= 1 else "above 1"
