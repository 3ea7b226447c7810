"""What the pack asks the published tables: each table of it is one query, which stands in its appendix as it was run.

``:month``, ``:before`` and ``:next`` stand for the first days of the month, of the one before and of the one after. All of it is
read alike by DuckDB and BigQuery. Ratios are no part of a query, since DuckDB divides decimals as binary floats: they are made
of two of its columns, as the workbook's formulas make them.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconcilers.reports.months import WATERFALL


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    ``kind``: text, count, money, exact (money with all its digits), unit (money per event or success), share, month, day. ``made``: numerator and
    denominator of a ratio the query does not tell. ``formula`` is what an accountant would write of other columns, in braces.
    """

    name: str
    kind: str = "text"
    summed: bool = False
    formula: str = ""
    made: tuple[str, str] | None = None
    on_page: bool = True

    @property
    def head(self) -> str:
        return self.name.replace("_", " ")

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "money", "exact", "unit", "share")


@dataclass(frozen=True)
class Question:
    """One table of the pack.

    ``nothing`` is said where there are no rows. ``least``: of a table too long for the page, rows with the least of this column stay on it.
    ``last``: whether the last row sums (``total``), or is what the first leaves of all others (``difference``).
    """

    key: str
    title: str
    sheet: str
    says: str
    sql: str
    columns: tuple[Column, ...]
    nothing: str
    last: str = ""
    least: str = ""
    chart: str = ""
    in_full: bool = False


def _money(name: str, formula: str = "", summed: bool = True, on_page: bool = True) -> Column:
    return Column(name, "money", summed, formula, on_page=on_page)


def _count(name: str, summed: bool = True, on_page: bool = True) -> Column:
    return Column(name, "count", summed, on_page=on_page)


def _share(name: str, of: tuple[str, str] | None = None) -> Column:
    return Column(name, "share", made=of, formula=f"{{{of[0]}}}/{{{of[1]}}}" if of else "")


_COVERAGE = (_share("share_attributed"), Column("share_reconciled", "share", on_page=False), Column("status"))

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
        _money("spend", summed=False),
        _count("successes", summed=False),
        Column("cost_per_success", "unit"),
        Column("all_in_cost_per_success", "unit", on_page=False),
        Column("fully_loaded_cost_per_success", "unit"),
        _money("event_cost", summed=False, on_page=False),
        _money("waste_cost", summed=False),
        Column("waste_share", "share", made=("waste_cost", "event_cost"), formula="{waste_cost}/{event_cost}"),
        _money("revenue", summed=False),
        _money("direct_cost", summed=False),
        _money("shared_cost", summed=False),
        _money("accrued_cost", summed=False, on_page=False),
        _money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}", summed=False),
        _share("margin_rate", ("loaded_margin", "revenue")),
        *_COVERAGE,
    ),
    "nothing of any month is published",
)

BOUNDS = Question(
    "bounds",
    "Both bounds of cost per success",
    "Bounds",
    "Where outcomes are still pending or costs accrued, cost per success lies between these two; a verdict must hold on both (R24). "
    "The share of spend in the dearest hundredth of events says how much an average hides.",
    """
select slice_value, events, successes, pending_share, cost_per_success_low, cost_per_success, cost_per_success_high,
    cost_per_successful_event, attempts_per_success, top_1_percent_share, p50_cost, p95_cost, p99_cost, active_users, cost_per_active_user
from finance.rpt_unit_costs
where slice = 'all' and month = :month
""",
    (
        _count("events", summed=False),
        _count("successes", summed=False),
        _share("pending_share"),
        Column("cost_per_success_low", "unit"),
        Column("cost_per_success", "unit"),
        Column("cost_per_success_high", "unit"),
        Column("cost_per_successful_event", "unit"),
        Column("attempts_per_success", "unit"),
        _share("top_1_percent_share"),
        Column("p50_cost", "unit"),
        Column("p95_cost", "unit"),
        Column("p99_cost", "unit"),
        _count("active_users", summed=False),
        Column("cost_per_active_user", "unit"),
    ),
    "no production event was resolved in the month",
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
        _money("month_before"),
        _money("this_month"),
        _money("change", "{this_month}-{month_before}"),
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
        _money("month_before"),
        _money("this_month"),
        _money("change", "{this_month}-{month_before}"),
        _money("volume"),
        _money("mix"),
        _money("price"),
        _money("new"),
        _money("gone"),
    ),
    "nothing was billed for use in either month",
    last="total",
    chart="changes",
)

FEATURES = Question(
    "features",
    "Features",
    "Features",
    "Cost per success is all cost of resolved production events, failed ones included, per success (R24); value per success is what "
    "finance declares. Revenue and direct cost are of the month of use (R26, R27).",
    """
with units as (
    select slice_value as feature_id, events, successes, pending, event_cost, cost_per_success, all_in_cost_per_success, waste_cost
    from finance.rpt_unit_costs
    where slice = 'feature' and month = :month
),
earned as (
    select feature_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost,
        sum(contribution_margin) as contribution_margin, min(share_attributed) as share_attributed, min(share_reconciled) as share_reconciled,
        max(status) as status
    from finance.fct_tenant_margin
    where month = :month
    group by feature_id
)
select coalesce(features.name, features.feature_id) as feature, features.owner, units.events, units.successes, units.pending,
    units.cost_per_success, units.all_in_cost_per_success, features.value_per_outcome as value_per_success, units.event_cost,
    units.waste_cost, earned.revenue, earned.direct_cost, earned.accrued_cost, earned.contribution_margin, earned.share_attributed,
    earned.share_reconciled, earned.status
from finance.dim_features as features
left join units on features.feature_id = units.feature_id
left join earned on features.feature_id = earned.feature_id
where units.feature_id is not null or earned.revenue <> 0 or earned.direct_cost <> 0 or (features.declared and earned.feature_id is not null)
order by earned.contribution_margin nulls last, features.feature_id
""",
    (
        Column("feature"),
        Column("owner"),
        _count("events"),
        _count("successes"),
        _count("pending", on_page=False),
        Column("cost_per_success", "unit"),
        Column("all_in_cost_per_success", "unit", on_page=False),
        _money("value_per_success", summed=False),
        _money("event_cost", on_page=False),
        _money("waste_cost"),
        Column(
            "waste_share",
            "share",
            made=("waste_cost", "event_cost"),
            formula="{waste_cost}/{event_cost}",
            on_page=False,
        ),
        _money("revenue"),
        _money("direct_cost"),
        _money("accrued_cost", on_page=False),
        _money("contribution_margin", "{revenue}-{direct_cost}"),
        _share("margin_rate", ("contribution_margin", "revenue")),
        *_COVERAGE,
    ),
    "no feature did or earned anything in the month",
    last="total",
    least="contribution_margin",
    chart="features",
)

VERDICTS = Question(
    "verdicts",
    "What to do about each feature",
    "Verdicts",
    "One verdict for each feature, where it holds on both bounds of cost per success; else `investigate` (R24). The lever is the one that "
    "does most of what the verdict asks for.",
    """
select coalesce(features.name, verdicts.feature_id) as feature, verdicts.verdict, verdicts.rule, verdicts.measured, verdicts.threshold,
    verdicts.lever, verdicts.saving, verdicts.owner, verdicts.cost_per_success_low, verdicts.cost_per_success_high,
    verdicts.value_per_outcome as value_per_success, verdicts.trend, verdicts.verdict_low, verdicts.verdict_high, verdicts.status
from finance.fct_feature_verdicts as verdicts
left join finance.dim_features as features on verdicts.feature_id = features.feature_id
where verdicts.month = :month
order by case when verdicts.verdict = 'scale' then 1 else 0 end, verdicts.saving desc nulls last, verdicts.feature_id
""",
    (
        Column("feature"),
        Column("verdict"),
        Column("reason"),
        Column("lever"),
        _money("saving", summed=False),
        Column("owner"),
        Column("cost_per_success_low", "unit"),
        Column("cost_per_success_high", "unit"),
        _money("value_per_success", summed=False),
        _share("trend"),
        Column("verdict_low", on_page=False),
        Column("verdict_high", on_page=False),
        Column("rule", on_page=False),
        Column("measured", "unit", on_page=False),
        Column("threshold", "unit", on_page=False),
        Column("status"),
    ),
    "no feature had a production event or cost in the month",
)

SAVINGS = Question(
    "savings",
    "What each lever would have saved",
    "Savings",
    "Estimates from the month's own calls. Levers on the same calls overlap, so they are not summed.",
    """
select coalesce(features.name, savings.feature_id) as feature, savings.lever, savings.saving, savings.basis_cost, savings.calls,
    savings.explanation
from finance.fct_savings as savings
left join finance.dim_features as features on savings.feature_id = features.feature_id
where savings.month = :month
order by savings.saving desc nulls last, savings.feature_id, savings.lever
""",
    (
        Column("feature"),
        Column("lever"),
        _money("saving", summed=False),
        _money("basis_cost", summed=False),
        _count("calls", summed=False),
        Column("explanation"),
    ),
    "no lever would have saved anything in the month",
    chart="savings",
)

ROUTES = Question(
    "routes",
    "Model routes on the same workflow",
    "Model routes",
    "Compared per success and not per call: a cheaper model that fails more is not cheaper. `above_cheapest` is how much more a success "
    "cost than on the cheapest route of its workflow with 30 successes.",
    """
select workflow, model_route, events, successes, event_cost, cost_per_event, cost_per_success, cost_per_success_low, cost_per_success_high,
    failure_share, above_cheapest
from finance.rpt_model_comparison
where month = :month
order by workflow, cost_per_success nulls last, model_route
""",
    (
        Column("workflow"),
        Column("model_route"),
        _count("events"),
        _count("successes"),
        _money("event_cost"),
        Column("cost_per_event", "unit"),
        Column("cost_per_success", "unit"),
        Column("cost_per_success_low", "unit", on_page=False),
        Column("cost_per_success_high", "unit", on_page=False),
        _share("failure_share"),
        Column("above_cheapest", "unit"),
    ),
    "no production event with calls in the month",
    last="total",
)

MATURITY = Question(
    "maturity",
    "How cost per success moved as outcomes arrived",
    "Maturity",
    "Cost per success counting only outcomes told at most so many days after an event ended. It is settled where every event of the month "
    "has had 30 days (R24).",
    """
select coalesce(features.name, maturity.feature_id) as feature, max(maturity.events) as events,
    max(case when maturity.days_after = 30 then maturity.pending end) as pending_after_30_days,
    max(case when maturity.days_after = 0 then maturity.cost_per_success end) as after_0_days,
    max(case when maturity.days_after = 1 then maturity.cost_per_success end) as after_1_days,
    max(case when maturity.days_after = 3 then maturity.cost_per_success end) as after_3_days,
    max(case when maturity.days_after = 7 then maturity.cost_per_success end) as after_7_days,
    max(case when maturity.days_after = 14 then maturity.cost_per_success end) as after_14_days,
    max(case when maturity.days_after = 30 then maturity.cost_per_success end) as after_30_days,
    max(case when maturity.days_after = 30 and maturity.settled then 1 else 0 end) = 1 as settled
from finance.rpt_outcome_maturity as maturity
left join finance.dim_features as features on maturity.feature_id = features.feature_id
where maturity.month = :month
group by coalesce(features.name, maturity.feature_id), maturity.feature_id
order by maturity.feature_id
""",
    (
        Column("feature"),
        _count("events", summed=False),
        *(Column(f"after_{days}_days", "unit") for days in (0, 1, 3, 7, 14, 30)),
        _count("pending_after_30_days", summed=False),
        Column("settled"),
    ),
    "no production event was resolved in the month",
)

REVERSALS = Question(
    "reversals",
    "Outcomes that were said otherwise before",
    "Reversals",
    "An outcome told again is an adjustment as of now, and never rewrites what a month said (R24).",
    """
select coalesce(features.name, reversals.feature_id) as feature, reversals.first_outcome, reversals.outcome, count(*) as events,
    sum(reversals.reconciled_cost) as reconciled_cost
from finance.rpt_outcome_reversals as reversals
left join finance.dim_features as features on reversals.feature_id = features.feature_id
where reversals.production and reversals.month = :month
group by coalesce(features.name, reversals.feature_id), reversals.feature_id, reversals.first_outcome, reversals.outcome
order by count(*) desc, reversals.feature_id, reversals.first_outcome, reversals.outcome
""",
    (Column("feature"), Column("first_outcome"), Column("outcome"), _count("events"), _money("reconciled_cost")),
    "no outcome of the month was told otherwise before",
    last="total",
)

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
        _money("revenue"),
        _money("direct_cost"),
        _money("contribution_margin", "{revenue}-{direct_cost}"),
        _money("shared_cost"),
        _money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}"),
        _share("margin_rate", ("loaded_margin", "revenue")),
        _money("accrued_cost", on_page=False),
        *_COVERAGE,
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
        _count("tenants", summed=False),
        _money("revenue", summed=False),
        _money("direct_cost", summed=False),
        _money("contribution_margin", "{revenue}-{direct_cost}", summed=False),
        _money("shared_cost", summed=False),
        _money("loaded_margin", "{revenue}-{direct_cost}-{shared_cost}", summed=False),
        _share("margin_rate", ("loaded_margin", "revenue")),
        _share("top_tenant_revenue_share"),
        _share("top_tenant_cost_share"),
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
    (Column("cost_class"), Column("destination"), Column("environment"), _money("reconciled_cost")),
    "no cost of the month is in a class",
    last="total",
)

VARIANCE = Question(
    "reconciliation",
    "Billed against expected at contract price",
    "Reconciliation",
    "Expected is telemetry at contract price, else list. Variance is billed less expected (R19).",
    """
select source, sum(billed_cost) as billed, sum(expected_cost) as expected, sum(variance) as variance
from finance.fct_reconciliation
where charge_month = :month
group by source
order by abs(sum(variance)) desc, source
""",
    (Column("source"), _money("billed"), _money("expected"), _money("variance", "{billed}-{expected}")),
    "no charge of the month could be compared",
    last="total",
)

#: The components of R19, in its order.
COMPONENTS = (
    "duplicate", "missing_telemetry", "missing_charge", "timing", "quantity", "cache_semantics", "tier", "price",
    "aborted_stream", "fx", "tax", "credit", "fees", "unpriced", "rounding", "unexplained",
)  # fmt: skip
COMPONENTS_OF_VARIANCE = Question(
    "components",
    "What the variance is made of",
    "Variance",
    "The components sum to the variance of every source, to the last digit (R19).",
    "select source, component, amount\nfrom (\n"
    + "\n    union all\n".join(
        f"    select source, {place} as place, '{name}' as component, sum({name}_variance) as amount\n"
        "    from finance.fct_reconciliation\n    where charge_month = :month\n    group by source"
        for place, name in enumerate(COMPONENTS)
    )
    + "\n) as components\nwhere amount <> 0\norder by place, source\n",
    (Column("source"), Column("component"), _money("amount")),
    "billed and expected agree to the last digit, or nothing could be compared",
    last="total",
    chart="components",
)

COMPLETENESS = Question(
    "completeness",
    "What of the month is there",
    "Completeness",
    "A month is complete when every source has landed every day and nothing was refused, counted twice or left without a rate (R34).",
    """
select source, room, days_expected, days_landed, days_final, days_missing, units_rejected, records_rejected, duplicate_lines,
    duplicate_amount, charges_without_rate, amount_without_rate, currency_without_rate, no_telemetry_cost, untagged_cost, complete
from finance.fct_completeness
where month = :month
order by case when complete then 1 else 0 end, room, source
""",
    (
        Column("source"),
        Column("room"),
        _count("days_expected", summed=False),
        _count("days_landed", summed=False),
        _count("days_final", summed=False),
        _count("days_missing", summed=False),
        _count("units_rejected", summed=False),
        _count("records_rejected", summed=False),
        _count("duplicate_lines", summed=False),
        _money("duplicate_amount", summed=False, on_page=False),
        _count("charges_without_rate", summed=False),
        _money("amount_without_rate", summed=False, on_page=False),
        Column("currency_without_rate", on_page=False),
        _money("no_telemetry_cost", summed=False),
        _money("untagged_cost", summed=False),
        Column("complete"),
    ),
    "nothing is known of what should have come",
    in_full=True,
)

BREAK_SUMS = Question(
    "break_sums",
    "Open breaks, by who acts",
    "Breaks by owner",
    "Differences somebody must look at, of the month or of no day. Amounts of unknown value are in no sum (R19).",
    """
select owner, kind, count(*) as breaks, sum(case when material then 1 else 0 end) as material, sum(amount) as amount, currency, action
from finance.fct_breaks
where state = 'open' and (charge_day is null or (charge_day >= :month and charge_day < :next))
group by owner, kind, currency, action
order by sum(case when material then 1 else 0 end) desc, count(*) desc, owner, kind, currency
""",
    (
        Column("owner"),
        Column("kind"),
        _count("breaks"),
        _count("material"),
        _money("amount", summed=False),
        Column("currency"),
        Column("action"),
    ),
    "no break of the month is open",
    last="total",
)

BREAKS = Question(
    "breaks",
    "The largest open breaks",
    "Breaks",
    "The largest first; the workbook has the 50,000 largest, with their keys.",
    """
select kind, class, source, charge_day, age_days, amount, currency, material, owner, action, note, break_key, break_id
from finance.fct_breaks
where state = 'open' and (charge_day is null or (charge_day >= :month and charge_day < :next))
order by case when material then 0 else 1 end, abs(amount) desc nulls last, break_id
limit 50000
""",
    (
        Column("kind"),
        Column("class", on_page=False),
        Column("source"),
        Column("charge_day", "day"),
        _count("age_days", summed=False),
        _money("amount", summed=False),
        Column("currency"),
        Column("material"),
        Column("owner"),
        Column("action"),
        Column("note"),
        Column("break_key", on_page=False),
        Column("break_id", on_page=False),
    ),
    "no break of the month is open",
)

VERSIONS = Question(
    "prompt_versions",
    "Prompt versions in the month",
    "Prompt versions",
    "By feature, since features name their versions each for itself: resolved production events of which a call was seen (R24).",
    """
select coalesce(features.name, events.feature_id) as feature, events.prompt_version, count(*) as events,
    sum(case when events.outcome = 'success' then 1 else 0 end) as successes,
    sum(case when events.outcome in ('success', 'failure', 'partial') then events.reconciled_cost else 0 end) as resolved_cost
from finance.fct_cost_per_outcome as events
left join finance.dim_features as features on events.feature_id = features.feature_id
where events.production and events.calls > 0 and events.prompt_version is not null
    and cast(coalesce(events.outcome_at, events.ended_at) as date) >= :month
    and cast(coalesce(events.outcome_at, events.ended_at) as date) < :next
group by coalesce(features.name, events.feature_id), events.feature_id, events.prompt_version
order by feature, events.feature_id, events.prompt_version
""",
    (
        Column("feature"),
        Column("prompt_version"),
        _count("events"),
        _count("successes"),
        _money("resolved_cost"),
        Column("cost_per_success", "unit", made=("resolved_cost", "successes"), formula="{resolved_cost}/{successes}"),
    ),
    "no event of the month names a prompt version",
    last="total",
)

DEPLOYS = Question(
    "prompt_impact",
    "What each new prompt version did",
    "Prompt impact",
    "Versions first seen in the month or the one before it: the difference is of cost per event, with its 95 % interval, and the same with "
    "the mix of tenant segments held still. `too_few` says that the sample is too small to tell.",
    """
select coalesce(features.name, impact.feature_id) as feature, impact.before_version, impact.prompt_version,
    cast(impact.deployed_at as date) as deployed, impact.events_before, impact.events_after, impact.cost_per_event_before,
    impact.cost_per_event_after, impact.cost_per_success_before, impact.cost_per_success_after, impact.success_share_before,
    impact.success_share_after, impact.difference, impact.difference_low, impact.difference_high, impact.mix_adjusted_difference,
    impact.excess_cost, impact.margin_impact, impact.finding
from finance.fct_prompt_version_impact as impact
left join finance.dim_features as features on impact.feature_id = features.feature_id
where cast(impact.deployed_at as date) >= :before and cast(impact.deployed_at as date) < :next
order by impact.margin_impact nulls last, impact.feature_id, impact.prompt_version
""",
    (
        Column("feature"),
        Column("before_version"),
        Column("prompt_version"),
        Column("deployed", "day"),
        Column("events_before", "count", on_page=False),
        Column("events_after", "count"),
        Column("cost_per_event_before", "unit", on_page=False),
        Column("cost_per_event_after", "unit", on_page=False),
        Column("cost_per_success_before", "unit"),
        Column("cost_per_success_after", "unit"),
        Column("success_share_before", "share", on_page=False),
        Column("success_share_after", "share", on_page=False),
        Column("difference", "unit"),
        Column("difference_low", "unit"),
        Column("difference_high", "unit"),
        Column("mix_adjusted_difference", "unit"),
        _money("excess_cost", summed=False, on_page=False),
        _money("margin_impact", summed=False),
        Column("finding"),
    ),
    "no prompt version was first seen in the month or the one before it",
)

WASTE = Question(
    "waste",
    "Waste, by class and feature",
    "Waste",
    "Production cost that bought no outcome: each cent has at most one class (R23). It sums to the waste of the first page.",
    """
select waste.waste_class, coalesce(features.name, waste.feature_id) as feature, sum(waste.runs) as runs, sum(waste.waste_cost) as waste_cost
from finance.rpt_waste as waste
left join finance.dim_features as features on waste.feature_id = features.feature_id
where waste.month = :month and waste.production
group by waste.waste_class, coalesce(features.name, waste.feature_id), waste.feature_id
order by sum(waste.waste_cost) desc, waste.waste_class, waste.feature_id
""",
    (Column("waste_class"), Column("feature"), _count("runs"), _money("waste_cost")),
    "no production cost of the month was waste",
    last="total",
    chart="waste",
)

BUDGETS = Question(
    "budgets",
    "Budgets",
    "Budgets",
    "Spent so far, accrued, and a forecast to the end of the month from the median of each weekday.",
    """
select scope, scope_value, owner, amount, spent, accrued, forecast, share_spent, state, state_since
from finance.fct_budget_status
where month = :month
order by share_spent desc nulls last, scope, scope_value
""",
    (
        Column("scope"),
        Column("scope_value"),
        Column("owner"),
        _money("amount", summed=False),
        _money("spent", summed=False),
        _money("accrued", summed=False),
        _money("left", "{amount}-{spent}", summed=False),
        _money("forecast", summed=False),
        Column("share_spent", "share", made=("spent", "amount"), formula="{spent}/{amount}"),
        Column("state"),
        Column("state_since", "day"),
    ),
    "no budget is declared for the month (`budgets.csv`)",
    chart="budgets",
)

ALERTS = Question(
    "alerts",
    "Alerts",
    "Alerts",
    "Raised from the bill, open at some time in the month.",
    """
select severity, kind, scope, scope_value, cast(opened_at as date) as opened, cast(last_seen_at as date) as last_seen, state, message,
    driver_feature_id, driver_tenant_id, driver_prompt_version, estimated_cost, owner, checklist
from finance.fct_alerts
where cast(opened_at as date) < :next and cast(last_seen_at as date) >= :month
order by case when state = 'open' then 0 else 1 end, severity, opened_at, alert_id
""",
    (
        Column("severity"),
        Column("kind"),
        Column("scope_value", on_page=False),
        Column("opened", "day"),
        Column("last_seen", "day"),
        Column("state"),
        Column("message"),
        Column("driver_feature_id"),
        Column("driver_tenant_id"),
        Column("driver_prompt_version", on_page=False),
        _money("estimated_cost", summed=False),
        Column("owner"),
        Column("checklist", on_page=False),
    ),
    "no alert was open in the month",
)


@dataclass(frozen=True)
class Section:
    """A part of the pack under its own heading."""

    anchor: str
    title: str
    questions: tuple[Question, ...]


SECTIONS = (
    Section("overview", "The month", (SPEND, CHANGES, STEPS, MONTHS)),
    Section("features", "Features", (VERDICTS, FEATURES, SAVINGS, ROUTES, BOUNDS, MATURITY, REVERSALS)),
    Section("tenants", "Tenants", (TENANTS, SEGMENTS, COST_CLASSES)),
    Section(
        "breaks",
        "Reconciliation and breaks",
        (COMPLETENESS, VARIANCE, COMPONENTS_OF_VARIANCE, BREAK_SUMS, BREAKS),
    ),
    Section("prompts", "Prompt versions", (DEPLOYS, VERSIONS)),
    Section("waste", "Waste", (WASTE,)),
    Section("budgets", "Budgets and alerts", (BUDGETS, ALERTS)),
)

#: Figure, what it means, the rule that decides it, and the table it is read from.
DEFINITIONS = (
    ("Spend", "What the providers billed in the month, taxes, fees and credits included, in the reporting currency.", "R2, R3, R5", "months"),
    ("Waterfall", "Spend, step by step, to zero: billed = events + named buckets, per source and month.", "R5", "waterfall"),
    ("Event", "One business intent: a ticket, a report. Its cost is that of all its runs, failed ones included, over its whole life.", "R21", "features"),
    ("Cost per success", "All cost of resolved production events ÷ successes. Without a success it is not known.", "R24", "months"),
    ("All-in cost per success", "The same with pending and abandoned events.", "R24", "features"),
    ("Fully loaded cost per success", "All-in and shared cost ÷ successes.", "R24, R26", "months"),
    ("Unobserved success", "An event that succeeded and of which no call was seen: in no unit cost, because its cost is not known.", "R24", "months"),
    ("Direct cost", "Billed cost on the tenant's production calls in the month of use.", "R26", "tenants"),
    ("Shared cost", "Pools that no call drives (fees, idle commitments, platform), moved to tenants by finance's drivers.", "R26", "tenants"),
    ("Accrued cost", "Expected at contract price and not billed yet; never inside a reconciled figure.", "R25", "tenants"),
    ("Revenue", "By service period; what a contract implies is an accrual until an invoice line bills it.", "R27", "tenants"),
    ("Contribution margin", "Revenue − direct cost.", "R26", "tenants"),
    ("Loaded margin", "Revenue − direct cost − shared cost.", "R26", "tenants"),
    ("Margin rate", "Margin ÷ revenue; without revenue it is not known.", "R26", "tenants"),
    ("Waste", "Cost of runs that bought no outcome: failed, abandoned, repeated or after the outcome; one class a cent.", "R23", "waste"),
    ("Share attributed", "Part of production cost that is on events. Under the gate figures are provisional.", "R28", "months"),
    ("Share reconciled", "Part of production cost that is on calls, of an event or not.", "R28", "months"),
    ("Complete", "Every source has landed every day of the month, and nothing was refused, counted twice or left without a rate.", "R34", "completeness"),
    ("Provisional", "Coverage is under the gate, revenue is not known in full, or the month is not complete: the figure may still move.", "R28, R34", "tenants"),
    ("Variance", "Billed − telemetry at contract price, signed, split into components that sum to it.", "R18, R19", "components"),
    ("Break", "A difference somebody must look at; it keeps its identity over reruns.", "R19", "breaks"),
    ("Verdict", "Scale, optimise, reprice, limit, sunset, or investigate where the two bounds disagree.", "R24", "verdicts"),
    ("Volume, mix, price", "The change of a feature's cost against the month before, in parts that sum to it.", "R1", "change_by_feature"),
)  # fmt: skip
