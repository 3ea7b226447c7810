"""What events cost by the month and whom they were for, what features earned, and what was wasted (R23, R24, R26 to R28).

Money is nanos until it is told; an amount per piece is rounded half up to a nano once, a share is cut at nine decimals. ``None`` =
of nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.carve import NANOS, to_money, to_nanos
from reconcilers.sample_company.truth.events import RESOLVED, EventCost
from reconcilers.sample_company.truth.margins import UNASSIGNED, MarginKey, MarginNanos, recognised_lines
from reconcilers.sample_company.truth.runs import RunCost

NOBODY = "(none)"
#: Slices that say where calls ran: of events that are not production, too.
OF_ALL_EVENTS = ("environment", "data_mode")
PRICINGS = ("seat", "usage", "overage", "outcome", "bundle", "other")
#: What a feature's price is for where neither line nor bundle says.
_PRICING_OF = {"per_seat": "seat", "per_outcome": "outcome", "usage_overage": "usage", "usage": "usage"}

#: first day of the month, week or day, slice, value of the slice
UnitKey = tuple[date, str, str]
#: month, feature, tenant, class, production
WasteKey = tuple[date, str | None, str | None, str, bool]


@dataclass
class UnitCost:
    """Events of a slice and the time they were resolved in, else ended (R24).

    Unobserved events are in ``unobserved``, if they name a user in ``users``, and in the waste if a call of their runs names
    another event, and nowhere else.
    """

    observed: list[EventCost] = field(default_factory=list)
    unobserved: list[EventCost] = field(default_factory=list)
    #: nanos billed in the month, whenever the events were resolved (R21), and of stage 2, where it reaches the slice
    billed: int = 0
    shared: int | None = None

    def count(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.observed)

    def cost(self, *outcomes: str) -> int:
        """Nanos of all events, or of those that ended so."""
        return sum(to_nanos(one.reconciled_cost) for one in self.observed if not outcomes or one.outcome in outcomes)

    @property
    def unobserved_successes(self) -> int:
        return sum(one.outcome == "success" for one in self.unobserved)

    @property
    def attempts(self) -> int:
        return sum(one.attempts for one in self.observed)

    @property
    def accrued(self) -> int:
        return sum(to_nanos(one.accrued_cost) for one in self.observed)

    @property
    def waste(self) -> int:
        return sum(to_nanos(cost) for one in (*self.observed, *self.unobserved) for cost in one.waste.values())

    def overhead(self, name: str) -> int:
        """Nanos of a class of waste."""
        return sum(to_nanos(one.waste.get(name, Decimal(0))) for one in (*self.observed, *self.unobserved))

    @property
    def cost_per_event(self) -> Decimal | None:
        return per(self.cost(), len(self.observed))

    @property
    def all_in_cost_per_success(self) -> Decimal | None:
        return per(self.cost(), self.count("success"))

    @property
    def fully_loaded_cost_per_success(self) -> Decimal | None:
        return None if self.shared is None else per(self.cost() + self.shared, self.count("success"))

    @property
    def cost_per_weighted_success(self) -> Decimal | None:
        """A partial is half a success."""
        return per(2 * self.cost(*RESOLVED), 2 * self.count("success") + self.count("partial"))

    @property
    def cost_per_success(self) -> Decimal | None:
        return per(self.cost(*RESOLVED), self.count("success"))

    @property
    def cost_per_successful_event(self) -> Decimal | None:
        return per(self.cost("success"), self.count("success"))

    @property
    def cost_per_success_low(self) -> Decimal | None:
        """A partial is half a success, an unobserved success is one, pending and abandoned events cost nothing."""
        halves = 2 * (self.count("success") + self.unobserved_successes) + self.count("partial")
        return per(2 * self.cost(*RESOLVED), halves)

    @property
    def cost_per_success_high(self) -> Decimal | None:
        """All cost, accrued too; only an observed success is one."""
        return per(self.cost() + self.accrued, self.count("success"))

    @property
    def waste_share(self) -> Decimal | None:
        return share(self.waste, self.cost())

    @property
    def pending_share(self) -> Decimal | None:
        return share(self.count("pending"), len(self.observed))

    @property
    def attempts_per_success(self) -> Decimal | None:
        return share(self.attempts, self.count("success"))

    @property
    def top_1_percent_share(self) -> Decimal | None:
        """Part of the cost that the dearest hundredth of the events has, of at least one."""
        costs = sorted((to_nanos(one.reconciled_cost) for one in self.observed), reverse=True)
        return share(sum(costs[: -(-len(costs) // 100)]), sum(costs))

    def percentile(self, percent: int) -> Decimal | None:
        """Cost of the event at the nearest rank."""
        costs = sorted(one.reconciled_cost for one in self.observed)
        return costs[-(-len(costs) * percent // 100) - 1] if costs else None

    @property
    def users(self) -> int | None:
        """Distinct users of events that name one."""
        return len({one.user_id for one in (*self.observed, *self.unobserved)} - {None}) or None

    @property
    def cost_per_active_user(self) -> Decimal | None:
        named = sum(to_nanos(one.reconciled_cost) for one in self.observed if one.user_id is not None)
        return per(named, self.users or 0)


@dataclass
class FeatureMargin:
    """One feature and month, in nanos; ``revenue_by`` is by what its price is for and sums to ``revenue``."""

    revenue_by: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    direct_cost: int = 0
    accrued_cost: int = 0
    #: by tenant, without ``(unassigned)``: direct cost and contribution margin
    tenants: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def revenue(self) -> int:
        return sum(self.revenue_by.values())

    @property
    def contribution_margin(self) -> int:
        return self.revenue - self.direct_cost

    @property
    def losses_of_tenants(self) -> int:
        """What tenants cost beyond what they pay."""
        return sum(-margin for _, margin in self.tenants.values() if margin < 0)

    @property
    def margin_rate(self) -> Decimal | None:
        return share(self.contribution_margin, self.revenue)

    @property
    def top_tenant(self) -> str | None:
        """The tenant with most direct cost, ties in bytewise order."""
        return min(self.tenants, key=lambda name: (-self.tenants[name][0], name.encode()), default=None)

    @property
    def top_tenant_share(self) -> Decimal | None:
        return share(self.tenants[self.top_tenant][0], self.direct_cost) if self.top_tenant is not None else None

    @property
    def top_tenant_contribution_margin(self) -> int | None:
        return None if self.top_tenant is None else self.tenants[self.top_tenant][1]


@dataclass(frozen=True)
class Waste:
    """Runs and events wasted in one class, what they cost, and the part of what the month's events of feature and tenant cost."""

    runs: int
    events: int
    cost: Decimal
    share_of_cost: Decimal | None


def per(nanos: int, pieces: int) -> Decimal | None:
    """Nanos per piece, rounded half up; ``None`` without pieces."""
    return to_money((2 * nanos + pieces) // (2 * pieces)) if pieces > 0 else None


def share(part: int, whole: int) -> Decimal | None:
    """A ratio cut at nine decimals; ``None`` where the whole is not positive."""
    return to_money(int(Fraction(part * NANOS, whole))) if whole > 0 else None


def unit_costs(
    facts: Facts, events: Iterable[EventCost], begin_of: Callable[[EventCost], date] = lambda event: event.month
) -> dict[UnitKey, UnitCost]:
    """Every month (or what ``begin_of`` begins), slice and value of it that an event is of. Unobserved is what its month says."""
    events = list(events)
    unseen = unobserved_ids(events)
    found: dict[UnitKey, UnitCost] = defaultdict(UnitCost)
    for event in events:
        for name, value in slices_of(facts, event).items():
            row = found[begin_of(event), name, value]
            (row.unobserved if id(event) in unseen else row.observed).append(event)
    return dict(found)


def slices_of(facts: Facts, event: EventCost) -> dict[str, str]:
    """Slices that an event is in, and its value in each; where calls ran is told of all events, else of production only."""
    of: dict[str, Callable[[EventCost], str | None]] = {
        "all": lambda _: "all",
        "tenant": lambda one: one.tenant_id,
        "feature": lambda one: one.feature_id,
        "workflow": lambda one: one.workflow,
        "prompt_version": lambda one: one.prompt_version,
        "segment": lambda one: facts.segments.get(one.tenant_id or ""),
        "model_route": lambda one: one.model_route,
        "environment": lambda one: one.environment,
        "data_mode": lambda one: one.data_mode,
        "user": lambda one: one.user_id,
    }
    return {
        name: value_of(event) or NOBODY for name, value_of in of.items() if event.production or name in OF_ALL_EVENTS
    }


def add_billing(
    facts: Facts,
    units: dict[UnitKey, UnitCost],
    events: dict[str, EventCost],
    billed: dict[tuple[str, date, bool], Decimal],
    margins: dict[MarginKey, MarginNanos],
) -> None:
    """What was billed in the month of each slice's events (R21), and stage-2 cost of all and of tenants (R26)."""
    for (event_id, month, _), cost in billed.items():
        for name, value in slices_of(facts, events[event_id]).items():
            units.setdefault((month, name, value), UnitCost()).billed += to_nanos(cost)
    shared: dict[UnitKey, int] = defaultdict(int)
    for (tenant, _, month), margin in margins.items():
        shared[month, "all", "all"] += margin.shared_cost
        shared[month, "tenant", tenant] += margin.shared_cost
    for key in shared.keys() & units.keys():
        units[key].shared = shared[key]


def unobserved_ids(events: Iterable[EventCost]) -> set[int]:
    """R24: ``id`` of events of which no call was seen, in a feature whose other events of the month have calls."""
    events = list(events)
    seen = {(one.feature_id, one.month) for one in events if one.seen}
    return {id(one) for one in events if not one.seen and (one.feature_id, one.month) in seen}


def feature_margins(facts: Facts, margins: dict[MarginKey, MarginNanos]) -> dict[tuple[str, date], FeatureMargin]:
    """Every feature and month of the tenants' margins."""
    found: dict[tuple[str, date], FeatureMargin] = defaultdict(FeatureMargin)
    for (tenant, feature, month), margin in margins.items():
        row = found[feature, month]
        row.direct_cost += margin.direct_cost
        row.accrued_cost += margin.accrued_cost
        if tenant != UNASSIGNED:
            row.tenants[tenant] = margin.direct_cost, margin.revenue - margin.direct_cost
    for line, feature, day, amount in recognised_lines(facts):
        declared = facts.features.get(feature)
        by_model = _PRICING_OF.get(declared.revenue_model or "", "other") if declared else "other"
        pricing = line.pricing or ("bundle" if line.bundle_id is not None else by_model)
        found[feature, day.replace(day=1)].revenue_by[pricing] += amount
    return found


def waste_ledger(events: dict[str, EventCost], runs: dict[str, RunCost]) -> dict[WasteKey, Waste]:
    """Waste of runs, and of calls without run, by the event's month, feature and tenant."""
    cost: dict[WasteKey, int] = defaultdict(int)
    wasted: dict[WasteKey, int] = defaultdict(int)
    of: dict[WasteKey, set[str]] = defaultdict(set)
    in_runs: dict[tuple[str, str], int] = defaultdict(int)
    spent: dict[tuple[date, str | None, str | None, bool], int] = defaultdict(int)
    unseen = unobserved_ids(events.values())

    def place(event: EventCost, name: str) -> WasteKey:
        return event.month, event.feature_id, event.tenant_id, name, event.production

    for run in runs.values():
        if run.waste_class is not None:
            key = place(events[run.event_id], run.waste_class)
            in_runs[run.event_id, run.waste_class] += to_nanos(run.reconciled_cost)
            cost[key] += to_nanos(run.reconciled_cost)
            wasted[key] += 1
            of[key].add(run.event_id)
    for event_id, event in events.items():
        if id(event) not in unseen:
            spent[event.month, event.feature_id, event.tenant_id, event.production] += to_nanos(event.reconciled_cost)
        for name, amount in event.waste.items():
            without_run = to_nanos(amount) - in_runs[event_id, name]
            if without_run:
                cost[place(event, name)] += without_run
                of[place(event, name)].add(event_id)
    return {
        key: Waste(wasted[key], len(of[key]), to_money(cost[key]), share(cost[key], spent[(*key[:3], key[4])]))
        for key in of
    }
