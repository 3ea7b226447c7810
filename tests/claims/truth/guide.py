"""What the finance guide's questions come to by the true answer, beside what its queries find."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.sample_company.truth.answer import Truth
from reconcilers.warehouses.duckdb import read_only
from tests.claims.finance_guide import answer

RESOLVED = ("success", "failure", "partial")
Rows = list[dict[str, Any]]
Sums = dict[Any, Any]


def guide_differences(truth: Truth, folder: Path) -> list[str]:
    """Figures of the guide's answers over a published version that are not the truth's, as text."""
    found = []
    with read_only(folder) as published:
        for question, (asked, reckoned) in QUESTIONS.items():
            rows, true = asked(answer(published, question)), reckoned(truth)
            found += [
                f"question {question}, {key}: {rows.get(key)} != {true.get(key)}"
                for key in {**rows, **true}
                if rows.get(key) != true.get(key)
            ]
    return found


def _successes(rows: Rows) -> Sums:
    found: Counter[str] = Counter()
    for row in rows:
        found[row["feature"]] += row["successes"]
    return dict(+found)


def _true_successes(truth: Truth) -> Sums:
    """An event nobody saw is none where its feature's others of the month are seen (R24); one of no feature that is known counts."""
    seen = {(event.feature_id, event.month) for event in truth.event_cost.values() if event.seen}
    return dict(
        Counter(
            event.feature_id or "(none)"
            for event in truth.event_cost.values()
            if event.production
            and event.outcome == "success"
            and (event.seen or (event.feature_id, event.month) not in seen)
        )
    )


def _losses(rows: Rows) -> Sums:
    return {(row["tenant_id"], row["month"]): row["loaded_margin"] for row in rows}


def _true_losses(truth: Truth) -> Sums:
    margins: dict[Any, Decimal] = defaultdict(Decimal)
    for (tenant, _, month), one in truth.tenant_margin.items():
        margins[tenant, month] += one.revenue - one.direct_cost - one.shared_cost
    return {key: margin for key, margin in margins.items() if margin < 0 and key[0] != "(unassigned)"}


def _waste(rows: Rows) -> Sums:
    by_run = {(row["kind"], row["waste_class"]): row["waste_cost"] for row in rows if row["kind"] != "(no run)"}
    return {
        **{key: cost for key, cost in by_run.items() if cost},
        "all": sum((row["waste_cost"] for row in rows), Decimal(0)),
    }


def _true_waste(truth: Truth) -> Sums:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for run in truth.run_cost.values():
        event = truth.event_cost.get(run.event_id)
        if run.waste_class and run.reconciled_cost and event and event.production:
            found[run.kind, run.waste_class] += run.reconciled_cost
    production = [event for event in truth.event_cost.values() if event.production]
    return {**found, "all": sum((cost for event in production for cost in event.waste.values()), Decimal(0))}


def _versions(rows: Rows) -> Sums:
    """Resolved cost by feature: that of all its versions."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row["feature_id"]] += row["resolved_cost"]
    return dict(found)


def _true_resolved(truth: Truth) -> Sums:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for event in truth.event_cost.values():
        if event.production and event.seen:
            found[event.feature_id] += event.reconciled_cost if event.outcome in RESOLVED else 0
    return dict(found)


def _accrued(rows: Rows) -> Sums:
    return {"event": sum((row["accrued_cost"] for row in rows if row["destination"] == "event"), Decimal(0))}


def _true_accrued(truth: Truth) -> Sums:
    return {"event": sum((event.accrued_cost for event in truth.event_cost.values() if event.production), Decimal(0))}


def _reckoned(rows: Rows) -> Sums:
    return {(row["source"], row["month"]): (row["estimated_cost"], row["billed_cost"]) for row in rows}


def _true_reckoned(truth: Truth) -> Sums:
    (table,) = (one for one in truth.tables if one.name == "fct_provider_estimate")
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for (source, day, _, kind, customer_type), row in table.rows.items():
        if (kind, customer_type) == ("claude_code", "api"):
            found[source, day.replace(day=1)] += row.estimated_cost
    billed = {(key.source, key.billing_period_start): one.billed for key, one in truth.waterfall.items()}
    return {key: (cost, billed[key]) for key, cost in found.items()}


QUESTIONS: dict[int, tuple[Callable[[Rows], Sums], Callable[[Truth], Sums]]] = {
    1: (_successes, _true_successes),
    2: (_losses, _true_losses),
    4: (_waste, _true_waste),
    8: (_versions, _true_resolved),
    10: (_accrued, _true_accrued),
    12: (_reckoned, _true_reckoned),
}
