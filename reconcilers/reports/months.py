"""The figures of each published month that reports show: its waterfall, its features and its tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reconcilers.warehouses.base import Figures, Published

MONTHS = "select distinct billing_period_start from finance.rpt_invoice_waterfall order by 1"
#: What nobody billed is no step. A step of several destinations says who acts only where it is one for all.
WATERFALL = """
select step, sum(cost) as cost, max(meaning) as meaning,
    case when count(distinct owner) = 1 then max(owner) end as owner, case when count(distinct action) = 1 then max(action) end as action,
    max(currency) as currency
from finance.rpt_invoice_waterfall
where billing_period_start = ?
group by step
having sum(cost) <> 0 or step = 'billed'
order by case when step = 'billed' then 0 else 1 end, min(position), step
"""
DEAREST_FEATURES = """
select slice_value as feature, successes, cost_per_success, all_in_cost_per_success, waste_share, share_attributed, share_reconciled
from finance.rpt_unit_costs
where slice = 'feature' and month = ? and successes > 0
order by cost_per_success desc, feature limit 3
"""
#: A feature that sold and did nothing, or did something and sold nothing, is a row too; costs of no feature are not.
FEATURES = """
with costs as (
    select slice_value as feature_id, successes, cost_per_success, all_in_cost_per_success, waste_share, share_attributed, share_reconciled
    from finance.rpt_unit_costs
    where slice = 'feature' and month = ?
),
earned as (
    select feature_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(contribution_margin) as contribution_margin
    from finance.fct_tenant_margin
    where month = ?
    group by feature_id
)
select coalesce(features.name, features.feature_id) as feature, features.owner, costs.successes, costs.cost_per_success,
    costs.all_in_cost_per_success, features.value_per_outcome as value_per_success, costs.waste_share, earned.revenue, earned.direct_cost,
    earned.contribution_margin, costs.share_attributed, costs.share_reconciled
from finance.dim_features as features
left join costs on features.feature_id = costs.feature_id
left join earned on features.feature_id = earned.feature_id
where costs.feature_id is not null or earned.revenue <> 0 or (features.declared and earned.feature_id is not null)
order by earned.revenue desc, costs.successes desc, features.feature_id
"""
MARGINS = """
select tenant_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost,
    sum(shared_cost) as shared_cost, sum(loaded_margin) as loaded_margin, min(share_attributed) as share_attributed,
    min(share_reconciled) as share_reconciled, max(status) as status
from finance.fct_tenant_margin
where month = ?
group by tenant_id order by case when tenant_id = '(unassigned)' then 1 else 0 end, revenue desc, tenant_id
"""
NAMES = "select tenant_id, name from finance.dim_tenants where name is not null"
BREAKS = """
select owner, kind, count(*) as breaks, sum(case when material then 1 else 0 end) as material, sum(amount) as amount, currency, action
from finance.fct_breaks
where state = 'open'
group by owner, kind, currency, action
order by owner, material desc, breaks desc, kind, currency
"""


@dataclass(frozen=True)
class Month:
    """A billing month. Amounts are in ``currency``, the reporting currency."""

    start: date
    currency: str
    #: step, cost, meaning, owner, action, currency
    waterfall: Figures
    dearest: Figures
    features: Figures
    margins: Figures

    @property
    def billed(self) -> Decimal:
        return sum((cost for step, cost, *_ in self.waterfall.rows if step == "billed"), Decimal(0))

    @property
    def carried(self) -> Decimal:
        """What of it is at a destination or a step of the bridge."""
        return sum((cost for step, cost, *_ in self.waterfall.rows if step != "billed"), Decimal(0))


def months_of(published: Published) -> list[Month]:
    """The months of what is published, in order."""
    ask = published.ask
    found = []
    for (start,) in ask(MONTHS).rows:
        waterfall = ask(WATERFALL, start)
        currency = waterfall.rows[0][-1]
        found.append(
            Month(
                start,
                currency,
                waterfall,
                ask(DEAREST_FEATURES, start),
                ask(FEATURES, start, start),
                ask(MARGINS, start),
            )
        )
    return found


def names_of_tenants(published: Published) -> dict[str, str]:
    return dict(published.ask(NAMES).rows)


def open_breaks(published: Published) -> Figures:
    """Open breaks by who acts and kind, those with most material ones first."""
    return published.ask(BREAKS)
