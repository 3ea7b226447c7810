"""Who paid how much more than they cost, and where cost stands in the accounts."""

from __future__ import annotations

from reconcilers.reports.pack.questions.question import COVERAGE, Column, Question, count, money, share

TENANTS = Question(
    "tenants",
    "Tenant margins",
    "Tenants",
    "Those that lose most stand first. `(unassigned)` carries what no tenant is charged, so that margins sum to revenue less cost (R26). "
    "A margin is provisional where too little of the month's bill is attributed, or revenue is not known in full (R28); by its sources, "
    "where too little is of what the sources that billed the tenant billed.",
    """
select tenants.tenant_id, coalesce(names.name, tenants.tenant_id) as tenant, max(tenants.segment) as segment, sum(tenants.revenue) as revenue,
    sum(tenants.direct_cost) as direct_cost, sum(tenants.contribution_margin) as contribution_margin, sum(tenants.shared_cost) as shared_cost,
    sum(tenants.loaded_margin) as loaded_margin, sum(tenants.accrued_cost) as accrued_cost, min(tenants.share_attributed) as share_attributed,
    min(tenants.share_reconciled) as share_reconciled, max(tenants.status) as status, max(tenants.status_by_sources) as status_by_sources
from finance.fct_tenant_margin as tenants
left join finance.dim_tenants as names on tenants.tenant_id = names.tenant_id
where tenants.month = :month
group by tenants.tenant_id, names.name
order by case when tenants.tenant_id = '(unassigned)' then 1 else 0 end, sum(tenants.loaded_margin) nulls last, tenants.tenant_id
""",
    (
        Column("tenant"),
        Column("tenant_id", on_page=False),
        Column("segment"),
        money("revenue"),
        money("direct_cost"),
        money("contribution_margin", "{revenue}-{direct_cost}"),
        money("shared_cost"),
        money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}"),
        share("margin_rate", ("loaded_margin", "revenue")),
        money("accrued_cost", on_page=False),
        *COVERAGE,
        Column("status_by_sources"),
    ),
    "no tenant cost or earned anything in the month",
    last="total",
    least="loaded_margin",
    chart="tenants",
)

SEGMENTS = Question(
    "segments",
    "Margin by segment",
    "Segments",
    "Up to six months; how much of a segment's revenue and direct cost is of one tenant says what rests on it.",
    """
select month, segment, tenants, revenue, direct_cost, shared_cost, contribution_margin, loaded_margin, top_tenant_revenue_share,
    top_tenant_cost_share, status
from (
    select *, dense_rank() over (order by month desc) as age
    from finance.rpt_margin_trend
    where month < :next
) as months
where age <= 6
order by month desc, segment
""",
    (
        Column("month", "month"),
        Column("segment"),
        count("tenants", summed=False),
        money("revenue", summed=False),
        money("direct_cost", summed=False),
        money("contribution_margin", "{revenue}-{direct_cost}", summed=False),
        money("shared_cost", summed=False),
        money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}", summed=False),
        share("margin_rate", ("loaded_margin", "revenue")),
        share("top_tenant_revenue_share"),
        share("top_tenant_cost_share"),
        Column("status"),
    ),
    "no segment has a margin in the month",
)

COST_CLASSES = Question(
    "cost_classes",
    "Where cost stands in the accounts",
    "Cost classes",
    "Cost of goods sold, research, sales and administration, by finance's own mapping of environments and destinations.",
    """
select cost_class, destination, environment, sum(reconciled_cost) as reconciled_cost
from finance.rpt_cost_classes
where month = :month
group by cost_class, destination, environment
order by cost_class, sum(reconciled_cost) desc, destination, environment
""",
    (Column("cost_class"), Column("destination"), Column("environment"), money("reconciled_cost")),
    "no cost of the month is in a class",
    last="total",
)
