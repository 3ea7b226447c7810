"""What a month was, where every billed cent of it went, and why it is another one than the month before."""

from __future__ import annotations

from reconcilers.reports.months import WATERFALL
from reconcilers.reports.pack.questions.question import COVERAGE, Column, Question, count, money, share

#: A month's figures in one row; the cards of the first page are its newest two.
MONTHS = Question(
    "months",
    "Months",
    "Months",
    "Spend is what was billed in the month; cost per success and waste are of production events resolved in it (R21, R24); revenue "
    "and costs are of the month of use (R26, R27), so that they differ from spend by usage of other months.",
    """
with billed as (
    select billing_period_start as month, sum(cost) as spend, max(currency) as currency
    from finance.rpt_invoice_waterfall
    where step = 'billed' and billing_period_start < :next
    group by billing_period_start
),
earned as (
    select month, sum(revenue) as revenue, sum(case when revenue <> 0 then 1 else 0 end) as rows_with_revenue,
        sum(case when loaded_margin is null then 1 else 0 end) as rows_without_revenue,
        sum(case when revenue_complete then 0 else 1 end) as rows_incomplete,
        sum(case when revenue_complete and status = 'provisional' then 1 else 0 end) as rows_under_gate, sum(direct_cost) as direct_cost,
        sum(shared_cost) as shared_cost, sum(accrued_cost) as accrued_cost, sum(loaded_margin) as loaded_margin, max(status) as status,
        max(currency) as currency
    from finance.fct_tenant_margin
    where month < :next
    group by month
),
units as (select * from finance.rpt_unit_costs where slice = 'all' and month < :next),
told as (select month from billed union distinct select month from earned union distinct select month from units)
select told.month, billed.spend, units.events, units.successes, units.failures, units.partials, units.pending, units.abandoned,
    units.unobserved_successes, units.cost_per_success, units.all_in_cost_per_success, units.fully_loaded_cost_per_success,
    units.event_cost, units.waste_cost, units.waste_share, earned.revenue, earned.direct_cost, earned.shared_cost, earned.loaded_margin,
    earned.accrued_cost, units.month_share_attributed as share_attributed, units.month_share_reconciled as share_reconciled,
    units.month_share_estimated as share_estimated, earned.status, earned.rows_with_revenue, earned.rows_without_revenue,
    earned.rows_incomplete, earned.rows_under_gate,
    coalesce(billed.currency, earned.currency, units.currency) as currency
from told
left join billed on told.month = billed.month
left join earned on told.month = earned.month
left join units on told.month = units.month
order by told.month desc
limit 13
""",
    (
        Column("month", "month"),
        money("spend", summed=False),
        count("successes", summed=False),
        Column("cost_per_success", "unit"),
        Column("all_in_cost_per_success", "unit", on_page=False),
        Column("fully_loaded_cost_per_success", "unit"),
        money("event_cost", summed=False, on_page=False),
        money("waste_cost", summed=False),
        Column("waste_share", "share", made=("waste_cost", "event_cost"), formula="{waste_cost}/{event_cost}"),
        money("revenue", summed=False),
        money("direct_cost", summed=False),
        money("shared_cost", summed=False),
        money("accrued_cost", summed=False, on_page=False),
        money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}", summed=False),
        share("margin_rate", ("loaded_margin", "revenue")),
        *COVERAGE,
    ),
    "nothing of any month is published",
)

SPEND = Question(
    "waterfall",
    "Where every billed cent went",
    "Waterfall",
    "From what was billed, step by step, to zero: every cent is with an event, at a named bucket, or in another month (R5).",
    WATERFALL.replace("?", ":month"),
    (
        Column("step"),
        Column("cost", "exact"),
        Column("meaning"),
        Column("owner"),
        Column("action"),
    ),
    "no bill of the month is published",
    last="difference",
    chart="waterfall",
    in_full=True,
)

STEPS = Question(
    "change_of_spend",
    "What was billed, against the month before",
    "Change of spend",
    "The same steps in both months. Usage of another month stands under its own step (R4).",
    """
select step, sum(case when billing_period_start = :before then cost else 0 end) as month_before,
    sum(case when billing_period_start = :month then cost else 0 end) as this_month,
    sum(case when billing_period_start = :month then cost else -cost end) as change
from finance.rpt_invoice_waterfall
where billing_period_start in (:before, :month) and step <> 'billed'
group by step
order by min(position), step
""",
    (
        Column("step"),
        money("month_before"),
        money("this_month"),
        money("change", "{this_month}-{month_before}"),
    ),
    "no bill of either month is published",
    last="total",
)

CHANGES = Question(
    "change_by_feature",
    "Why cost changed, by feature",
    "Change by feature",
    "By month of use, as `reconcile diff` tells it: change = volume + mix + price + new + gone, to the last digit. Volume: more or less of "
    "the same, at its average price before. Mix: another share of dearer sources and models. Price: another billed price of the same. New "
    "and gone: meters used in one of the months only. What is on no call stands under its destination.",
    # One of the two queries that are decomposed, and the names of features; both months' stand in the appendix.
    "select feature_id, name from finance.dim_features where name is not null",
    (
        Column("feature"),
        money("month_before"),
        money("this_month"),
        money("change", "{this_month}-{month_before}"),
        money("volume"),
        money("mix"),
        money("price"),
        money("new"),
        money("gone"),
    ),
    "nothing was billed for use in either month",
    last="total",
    chart="changes",
)
