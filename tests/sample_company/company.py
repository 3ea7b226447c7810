"""The sample company that these tests look at, and what they ask its true answer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconcilers.sample_company.seen.view import seen_place
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.truth.answer import Truth
from reconcilers.sample_company.truth.calls import Call, call_id
from reconcilers.sample_company.world.happened import Planted, TrueCall

SEED, START, END, EVENTS_PER_DAY = 1, date(2026, 9, 25), date(2026, 10, 5), 60


def planted(truth: GroundTruth, kind: str) -> list[Planted]:
    return [one for one in truth.world.planted if one.kind == kind]


def call_of(answer: Truth, call: TrueCall) -> Call:
    """The call of the answer whose only telling is the true call's span."""
    return answer.calls[call_id(["|".join(seen_place(call))])]


def cost_of(answer: Truth, call: TrueCall) -> Decimal:
    return answer.call_cost[call_of(answer, call).call_id]


def step_cost(answer: Truth, step: str, source: str | None = None) -> Decimal:
    """What all statements together show under one step."""
    return sum(
        (
            cost
            for statement, one in answer.waterfall.items()
            for (_, destination, _), cost in one.rows.items()
            if destination == step and source in (None, statement.source)
        ),
        Decimal(0),
    )


def damaged(truth: GroundTruth, flag: str) -> list[TrueCall]:
    found = [call for call in truth.world.calls if getattr(call, flag) and call.seen]
    assert found
    return found
