"""What providers reckon and do not bill so, beside what their bill has of the model that day (D60): in no other figure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Estimate, Facts
from reconcilers.sample_company.truth.bill import Bill
from reconcilers.sample_company.truth.carve import to_money, to_nanos
from reconcilers.sample_company.truth.tables import Table


@dataclass(frozen=True)
class EstimateRow:
    """Columns of ``fct_provider_estimate``, of estimates in the reporting currency."""

    original_estimated_cost: Decimal
    estimated_cost: Decimal
    billed_cost: Decimal | None
    input_tokens: int
    cache_read_input_tokens: int
    cache_write_input_tokens: int
    output_tokens: int


def provider_estimates(facts: Facts, bill: Bill) -> Table:
    """The published table."""
    told: dict[tuple[object, ...], list[Estimate]] = defaultdict(list)
    for one in facts.estimates:
        told[one.source, one.charge_day, one.model, one.kind, one.customer_type].append(one)
    billed: dict[tuple[object, ...], int] = defaultdict(int)
    for line in bill.lines:
        if not line.is_month:
            billed[line.charge.source, line.charge.charge_period_start.date(), line.dims.model] += line.billed
    rows = {}
    for key, ones in told.items():
        tokens: Counter[str] = Counter()
        for one in ones:
            tokens.update(one.tokens)
        cost = to_money(sum(to_nanos(one.cost) for one in ones))
        beside = billed.get(key[:3]) if ones[0].customer_type != "subscription" else None
        rows[key] = EstimateRow(cost, cost, None if beside is None else to_money(beside), **tokens)
    return Table("fct_provider_estimate", ("source", "charge_day", "model", "kind", "customer_type"), EstimateRow, rows)
