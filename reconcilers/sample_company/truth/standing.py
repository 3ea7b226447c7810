"""What margins rest on, and how they move: coverage beside a row, whether it is provisional, segments by the month (R28)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.carve import NANOS, to_money
from reconcilers.sample_company.truth.coverage import Coverage, Coverages, lower
from reconcilers.sample_company.truth.economics import NOBODY, FeatureMargin, UnitCost, UnitKey, share
from reconcilers.sample_company.truth.margins import UNASSIGNED, MarginKey, MarginNanos
from reconcilers.sample_company.truth.tables import Table

PRELIMINARY, PROVISIONAL = "preliminary", "provisional"


@dataclass(frozen=True)
class Standing:
    """Coverage that stands for a row, its own and its month's."""

    share_attributed: Decimal | None
    share_reconciled: Decimal | None
    share_estimated: Decimal | None
    own_share_attributed: Decimal | None
    own_share_reconciled: Decimal | None
    own_share_estimated: Decimal | None
    month_share_attributed: Decimal | None
    month_share_reconciled: Decimal | None
    month_share_estimated: Decimal | None


@dataclass(frozen=True)
class TenantStanding:
    """What a tenant's margin comes to; ``status_by_sources`` where a gap of sources that bill nothing of it does not count."""

    segment: str | None
    contribution_margin: Decimal
    loaded_margin: Decimal
    margin_rate: Decimal | None
    revenue_complete: bool
    status: str
    status_by_sources: str


@dataclass(frozen=True)
class FeatureStanding:
    """What a feature's margin is beside the month before, and what is lost on tenants."""

    owner: str | None
    shared_cost: Decimal
    previous_contribution_margin: Decimal | None
    top_tenant_contribution_margin: Decimal | None
    losses_of_tenants: Decimal
    revenue_complete: bool
    status: str


@dataclass(frozen=True)
class SegmentMargin:
    """Margin of a kind of customer in a month, and how much of it rests on one."""

    tenants: int
    revenue: Decimal
    direct_cost: Decimal
    accrued_cost: Decimal
    shared_cost: Decimal
    contribution_margin: Decimal
    loaded_margin: Decimal
    margin_rate: Decimal | None
    previous_loaded_margin: Decimal | None
    top_tenant_revenue_share: Decimal | None
    top_tenant_cost_share: Decimal | None
    revenue_complete: bool
    status: str


def _nine_decimals(part: Fraction | None) -> Decimal | None:
    return None if part is None else to_money(int(part * NANOS))


def _standing(own: Coverage, month: Coverage) -> Standing:
    known = [one for one in (own.estimated, month.estimated) if one is not None]
    stands = Coverage(
        lower(own.attributed, month.attributed), lower(own.reconciled, month.reconciled), max(known, default=None)
    )
    return Standing(*(_nine_decimals(part) for one in (stands, own, month) for part in astuple(one)))


def _status(facts: Facts, *shares: Decimal | None) -> str:
    """Provisional where a part is under the gate, or is not known."""
    is_covered = all(one is not None and one >= facts.coverage_gate for one in shares)
    return PRELIMINARY if is_covered else PROVISIONAL


def tenant_standing(facts: Facts, margins: dict[MarginKey, MarginNanos], coverages: Coverages) -> Table:
    """Beside every tenant's margin."""
    rows = {}
    for key, margin in margins.items():
        one = _standing(*coverages.beside(*key))
        sources = coverages.of_sources.get(key, Coverage(None, None, None))
        loaded = margin.revenue - margin.direct_cost - margin.shared_cost
        rows[key] = TenantStanding(
            segment=facts.segments.get(key[0]),
            contribution_margin=to_money(margin.revenue - margin.direct_cost),
            loaded_margin=to_money(loaded),
            margin_rate=share(loaded, margin.revenue),
            revenue_complete=True,
            status=_status(facts, one.share_attributed, one.share_reconciled),
            status_by_sources=_status(
                facts,
                one.own_share_attributed,
                one.own_share_reconciled,
                _nine_decimals(sources.attributed),
                _nine_decimals(sources.reconciled),
            ),
        )
    return Table("fct_tenant_margin", ("tenant_id", "feature_id", "month"), TenantStanding, rows)


def feature_standing(
    facts: Facts,
    margins: dict[MarginKey, MarginNanos],
    features: dict[tuple[str, date], FeatureMargin],
    coverages: Coverages,
) -> Table:
    """Beside every feature's margin."""
    shared: dict[tuple[str, date], int] = defaultdict(int)
    for (_, feature, month), margin in margins.items():
        shared[feature, month] += margin.shared_cost
    rows = {}
    for (feature, month), row in features.items():
        one = _standing(*coverages.beside(None, feature, month))
        before = features.get((feature, (month - timedelta(days=1)).replace(day=1)))
        top, declared = row.top_tenant_contribution_margin, facts.features.get(feature)
        rows[feature, month] = FeatureStanding(
            owner=declared.owner if declared else None,
            shared_cost=to_money(shared[feature, month]),
            previous_contribution_margin=None if before is None else to_money(before.contribution_margin),
            top_tenant_contribution_margin=None if top is None else to_money(top),
            losses_of_tenants=to_money(row.losses_of_tenants),
            revenue_complete=True,
            status=_status(facts, one.share_attributed, one.share_reconciled),
        )
    return Table("fct_feature_margin", ("feature_id", "month"), FeatureStanding, rows)


def coverage_beside(
    coverages: Coverages,
    margins: Iterable[MarginKey],
    features: Iterable[tuple[str, date]],
    units: dict[UnitKey, UnitCost],
) -> list[Table]:
    """Coverage beside margins and unit costs, of which tenants and features have one of their own."""
    of_units = {}
    for (month, name, value), unit in units.items():
        if (unit.observed or unit.unobserved or unit.billed) and name != "user":
            tenant, feature = (value if name == of else None for of in ("tenant", "feature"))
            of_units[month, name, value] = _standing(*coverages.beside(tenant, feature, month))
    of_tenants = {key: _standing(*coverages.beside(*key)) for key in margins}
    of_features = {(one, month): _standing(*coverages.beside(None, one, month)) for one, month in features}
    return [
        Table("fct_tenant_margin", ("tenant_id", "feature_id", "month"), Standing, of_tenants),
        Table("fct_feature_margin", ("feature_id", "month"), Standing, of_features),
        Table("rpt_unit_costs", ("month", "slice", "slice_value"), Standing, of_units),
    ]


def margin_trend(facts: Facts, margins: dict[MarginKey, MarginNanos], standing: Table) -> Table:
    """Margins by segment and month; what is of nobody is a segment of its own."""
    tenants: dict[tuple[str, date], dict[str, MarginNanos]] = defaultdict(lambda: defaultdict(MarginNanos))
    provisional = set()
    for (tenant, feature, month), margin in margins.items():
        segment = facts.segments.get(tenant) or (tenant if tenant == UNASSIGNED else NOBODY)
        tenants[segment, month][tenant].add(margin)
        if standing.rows[tenant, feature, month].status == PROVISIONAL:
            provisional.add((segment, month))
    rows: dict[tuple[str, date], SegmentMargin] = {}
    before: dict[str, Decimal] = {}
    for (segment, month), its in sorted(tenants.items(), key=lambda item: item[0][1]):
        whole = MarginNanos()
        for margin in its.values():
            whole.add(margin)
        loaded = whole.revenue - whole.direct_cost - whole.shared_cost
        rows[segment, month] = SegmentMargin(
            tenants=len(its.keys() - {UNASSIGNED}),
            revenue=to_money(whole.revenue),
            direct_cost=to_money(whole.direct_cost),
            accrued_cost=to_money(whole.accrued_cost),
            shared_cost=to_money(whole.shared_cost),
            contribution_margin=to_money(whole.revenue - whole.direct_cost),
            loaded_margin=to_money(loaded),
            margin_rate=share(loaded, whole.revenue),
            previous_loaded_margin=before.get(segment),
            top_tenant_revenue_share=share(max(one.revenue for one in its.values()), whole.revenue),
            top_tenant_cost_share=share(max(one.direct_cost for one in its.values()), whole.direct_cost),
            revenue_complete=True,
            status=PROVISIONAL if (segment, month) in provisional else PRELIMINARY,
        )
        before[segment] = to_money(loaded)
    return Table("rpt_margin_trend", ("segment", "month"), SegmentMargin, rows)
