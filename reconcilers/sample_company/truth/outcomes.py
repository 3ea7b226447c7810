"""How outcomes arrive: what a month would have said earlier, and what was said otherwise before (R24)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Facts, OutcomeRecord
from reconcilers.sample_company.truth.carve import to_nanos
from reconcilers.sample_company.truth.economics import NOBODY, per, share
from reconcilers.sample_company.truth.events import RESOLVED, EventCost
from reconcilers.sample_company.truth.tables import Table

_DAYS_AFTER = (0, 1, 2, 3, 7, 14, 30)


@dataclass(frozen=True)
class Maturity:
    """What a month says of a feature when only outcomes count that were told so many days after an event's last activity."""

    events: int
    outcomes_known: int
    pending: int
    successes: int
    pending_share: Decimal | None
    cost_per_success: Decimal | None
    settled: bool


def outcome_maturity(facts: Facts, events: Iterable[EventCost]) -> Table:
    """Production events with calls, by the month of their last activity."""
    of: dict[tuple[date, str], list[EventCost]] = defaultdict(list)
    for event in events:
        if event.production and event.seen:
            of[event.ended_at.date().replace(day=1), event.feature_id or NOBODY].append(event)
    rows = {}
    for (month, feature), its in of.items():
        next_month = (month + timedelta(days=31)).replace(day=1)
        for days in _DAYS_AFTER:
            wait = timedelta(days=days)
            known = [one for one in its if one.outcome in RESOLVED and _told_within(one, wait)]
            successes = sum(one.outcome == "success" for one in known)
            rows[month, feature, days] = Maturity(
                events=len(its),
                outcomes_known=len(known),
                pending=len(its) - len(known),
                successes=successes,
                pending_share=share(len(its) - len(known), len(its)),
                cost_per_success=per(sum(to_nanos(one.reconciled_cost) for one in known), successes),
                settled=next_month + wait <= facts.as_of.date(),
            )
    return Table("rpt_outcome_maturity", ("month", "feature_id", "days_after"), Maturity, rows)


def _told_within(event: EventCost, wait: timedelta) -> bool:
    assert event.outcome_at is not None, "an outcome is said at some time"
    return event.outcome_at <= event.ended_at + wait


@dataclass(frozen=True)
class Reversal:
    """What was said first of an event, and what counts now."""

    first_outcome: str
    first_emitter: str
    first_at: datetime
    first_month: date
    outcome: str
    outcome_emitter: str | None
    outcome_at: datetime | None
    month: date
    tenant_id: str | None
    feature_id: str | None
    production: bool
    reconciled_cost: Decimal


def outcome_reversals(facts: Facts, events: Mapping[str, EventCost]) -> Table:
    """Events whose outcome was said otherwise before."""
    said: dict[str, list[OutcomeRecord]] = defaultdict(list)
    for statement in facts.outcomes:
        said[statement.event_id].append(statement)
    rows = {}
    for event_id, statements in said.items():
        event = events[event_id]
        first = min(statements, key=lambda one: (one.occurred_at, one.emitter, one.outcome))
        if first.outcome != event.outcome:
            rows[(event_id,)] = Reversal(
                first.outcome,
                first.emitter,
                first.occurred_at,
                first.occurred_at.date().replace(day=1),
                event.outcome,
                event.outcome_emitter,
                event.outcome_at,
                event.month,
                event.tenant_id,
                event.feature_id,
                event.production,
                event.reconciled_cost,
            )
    return Table("rpt_outcome_reversals", ("event_id",), Reversal, rows)
