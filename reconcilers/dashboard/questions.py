"""The SQL of every figure shown. What an address says is only ever a bound value; a page shows the text a person would type.

Month, everywhere, is that of ``rpt_unit_costs``: an event belongs to the month it was resolved in, else of its last call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.reports import decisions
from reconcilers.reports.months import WATERFALL
from reconcilers.warehouses.base import Figures, Published
from reconcilers.watch import watched_schema

#: Rows of a page.
ROWS = 50
Value = str | int | date | datetime | Decimal


@dataclass(frozen=True)
class Question:
    """One query of the published tables; ``?`` stands for each value."""

    sql: str
    values: tuple[Value, ...] = ()

    @property
    def typed(self) -> str:
        """The same as a person types it for ``reconcile query``."""
        parts = self.sql.strip().split("?")
        literals = [*map(_literal, self.values), ""]
        return "".join(part + literal for part, literal in zip(parts, literals, strict=True))

    @property
    def tables(self) -> list[str]:
        """The finance tables it reads."""
        return list(dict.fromkeys(re.findall(r"\bfinance\.(\w+)", self.sql)))

    def asked(self, published: Published) -> Figures | None:
        """Its answer; null where the publication is of a release that had not all of its tables and columns yet."""
        try:
            return published.ask(self.sql, *self.values)
        except SettingsInvalid as error:
            if re.search(r"does not exist|not found|Unrecognized name", str(error)):
                return None
            raise

    def lacking(self, published: Published) -> list[str]:
        """Those of its tables that the publication has not."""
        return [
            name for name in self.tables if Question(f"select 1 from finance.{name} limit 0").asked(published) is None
        ]


def _literal(value: Value) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    if isinstance(value, date):
        return f"date '{value}'"
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _shared(sql: str, month: date) -> Question:
    """What the pack asks, too; of more rows the first."""
    return Question(f"{sql.rstrip()}\nlimit 200", (month,))


def until(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


# The first page ------------------------------------------------------------------------------------------------------


def months() -> Question:
    return Question("select distinct billing_period_start as month from finance.rpt_invoice_waterfall order by 1")


def billed(month: date) -> Question:
    return Question(
        """
select sum(case when section = 'billed' then cost else 0 end) as billed,
    sum(case when section = 'billed' then cost else -cost end) as difference, max(currency) as currency
from finance.rpt_invoice_waterfall
where billing_period_start = ?""",
        (month,),
    )


def unit_costs(month: date) -> Question:
    return Question(
        """
select events, successes, failures, pending, abandoned, event_cost, cost_per_success, all_in_cost_per_success,
    fully_loaded_cost_per_success, waste_cost, waste_share, share_attributed, share_reconciled, share_estimated, currency
from finance.rpt_unit_costs
where slice = 'all' and month = ?""",
        (month,),
    )


def margin(month: date) -> Question:
    return Question(
        """
select sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(shared_cost) as shared_cost,
    sum(loaded_margin) as loaded_margin, sum(accrued_cost) as accrued_cost, max(status) as status,
    sum(case when revenue is null then 1 else 0 end) as rows_without_revenue, max(currency) as currency
from finance.fct_tenant_margin
where month = ?""",
        (month,),
    )


def waterfall(month: date) -> Question:
    return Question(WATERFALL, (month,))


def alerts(watch: Settings | None = None) -> Question:
    """Those of the bill; of telemetry where it is asked of what the hourly watch of a company published."""
    return Question(
        f"""
select severity, message, opened_at, owner, estimated_cost, kind, measured, expected, threshold, unit, driver_feature_id,
    driver_tenant_id, driver_prompt_version, checklist, currency
from {watched_schema(watch) if watch else "finance"}.fct_alerts
where state = 'open'
order by opened_at desc, alert_id
limit 200"""
    )


def losing(month: date) -> Question:
    return Question(
        """
select margins.tenant_id, max(names.name) as name, sum(margins.revenue) as revenue, sum(margins.direct_cost) as direct_cost,
    sum(margins.shared_cost) as shared_cost, sum(margins.loaded_margin) as loaded_margin, max(margins.status) as status,
    max(margins.currency) as currency
from finance.fct_tenant_margin as margins
left join finance.dim_tenants as names on margins.tenant_id = names.tenant_id
where margins.month = ? and margins.tenant_id <> '(unassigned)'
group by margins.tenant_id
having sum(margins.loaded_margin) < 0
order by loaded_margin, margins.tenant_id
limit 10""",
        (month,),
    )


# Slices --------------------------------------------------------------------------------------------------------------

_EARNED = """
with costs as (
    select * from finance.rpt_unit_costs where slice = '{slice}' and month = ?
),
earned as (
    select {slice}_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(shared_cost) as shared_cost,
        sum(contribution_margin) as contribution_margin, sum(loaded_margin) as loaded_margin, max(status) as status,
        max(currency) as currency
    from finance.fct_tenant_margin
    where month = ?
    group by {slice}_id
)
"""
_FEATURES = """
select names.feature_id, names.name, names.owner, costs.events, costs.successes, costs.event_cost, costs.cost_per_success,
    names.value_per_outcome as value_per_success, costs.waste_cost, costs.waste_share, earned.revenue, earned.contribution_margin,
    costs.share_attributed, coalesce(earned.status, '') as status, coalesce(costs.currency, earned.currency) as currency
from finance.dim_features as names
left join costs on names.feature_id = costs.slice_value
left join earned on names.feature_id = earned.feature_id
where costs.slice_value is not null or earned.revenue <> 0 or (names.declared and earned.feature_id is not null)
order by coalesce(costs.event_cost, 0) desc, names.feature_id
limit ? offset ?"""
_TENANTS = """
select names.tenant_id, names.name, names.segment, costs.events, costs.successes, costs.event_cost, costs.cost_per_success,
    costs.waste_cost, costs.waste_share, earned.revenue, earned.direct_cost, earned.shared_cost, earned.loaded_margin,
    costs.share_attributed, coalesce(earned.status, '') as status, coalesce(costs.currency, earned.currency) as currency
from finance.dim_tenants as names
left join costs on names.tenant_id = costs.slice_value
left join earned on names.tenant_id = earned.tenant_id
where costs.slice_value is not null or earned.tenant_id is not null
order by case when names.tenant_id = '(unassigned)' then 1 else 0 end, coalesce(costs.event_cost, 0) desc, names.tenant_id
limit ? offset ?"""
_UNIT_COSTS = """
select slice_value as {slice}, events, successes, failures, pending, event_cost, cost_per_event, cost_per_success, p95_cost, waste_cost,
    waste_share, share_attributed, currency
from finance.rpt_unit_costs
where slice = '{slice}' and month = ?
order by event_cost desc, slice_value
limit ? offset ?"""
_USED = """
select {columns}, sum(reconciled_cost) as reconciled_cost, sum(accrued_cost) as accrued_cost, max(currency) as currency
from finance.fct_usage_cost
where production and charge_day >= ? and charge_day < ?
group by {columns}
order by reconciled_cost desc, {columns}
limit ? offset ?"""
_BY_DAY = """
select day, events, successes, failures, pending, event_cost, cost_per_event, cost_per_success, waste_cost, waste_share, currency
from finance.rpt_unit_costs_day
where slice = 'all' and day >= ? and day < ?
order by day
limit ? offset ?"""
_BEGAN = """
select extract(hour from started_at) as hour, count(*) as events, sum(case when outcome = 'success' then 1 else 0 end) as successes,
    sum(case when outcome = 'failure' then 1 else 0 end) as failures, sum(reconciled_cost) as reconciled_cost,
    sum(waste_cost) as waste_cost, max(currency) as currency
from finance.fct_cost_per_outcome
where production and cast(coalesce(outcome_at, ended_at) as date) >= ? and cast(coalesce(outcome_at, ended_at) as date) < ?
group by 1
order by 1
limit ? offset ?"""


@dataclass(frozen=True)
class Slice:
    """One way to cut a month: the words for it, its SQL, the values of it that a month gives, and which column is the cost."""

    name: str
    heading: str
    sql: str
    values: Callable[[date], tuple[Value, ...]]
    cost: str = "event_cost"
    note: str = ""

    def question(self, month: date, page: int = 0) -> Question:
        """Its rows, one more than a page has, so that a reader knows whether there are others."""
        return Question(self.sql, (*self.values(month), ROWS + 1, ROWS * page))


def _once(month: date) -> tuple[Value, ...]:
    return (month,)


def _twice(month: date) -> tuple[Value, ...]:
    return (month, month)


def _days(month: date) -> tuple[Value, ...]:
    return (month, until(month))


def _of_unit_costs(name: str, heading: str, note: str = "") -> Slice:
    return Slice(name, heading, _UNIT_COSTS.format(slice=name), _once, note=note)


_USED_NOTE = "Billed cost of production usage by the day it was used on, of an event or not."
SLICES = {
    one.name: one
    for one in (
        Slice("feature", "Features", _EARNED.format(slice="feature") + _FEATURES, _twice),
        Slice("tenant", "Tenants", _EARNED.format(slice="tenant") + _TENANTS, _twice),
        Slice("model", "Models", _USED.format(columns="model, source"), _days, "reconciled_cost", _USED_NOTE),
        _of_unit_costs("model_route", "Routes", "The models of an event's runs in the order they were tried."),
        Slice("tier", "Tiers", _USED.format(columns="service_tier, batch"), _days, "reconciled_cost", _USED_NOTE),
        Slice(
            "hour",
            "Hours",
            _BEGAN,
            _days,
            "reconciled_cost",
            "Production events of the month by the hour, UTC, they began in.",
        ),
        Slice(
            "day",
            "Days",
            _BY_DAY,
            _days,
            note="Production events by the day they were resolved on, else of their last call.",
        ),
        _of_unit_costs("workflow", "Workflows"),
        _of_unit_costs("prompt_version", "Prompt versions"),
        _of_unit_costs("segment", "Segments"),
        _of_unit_costs("environment", "Environments", "Over all events, production or not."),
        _of_unit_costs("data_mode", "Data modes", "Over all events, production or not."),
    )
}


def segments(month: date) -> Question:
    return Question(
        """
select segment, tenants, revenue, direct_cost, shared_cost, contribution_margin, loaded_margin, previous_loaded_margin, margin_rate,
    top_tenant_revenue_share, top_tenant_cost_share, status, currency
from finance.rpt_margin_trend
where month = ?
order by revenue desc nulls last, segment
limit 200""",
        (month,),
    )


def routes(month: date) -> Question:
    return _shared(decisions.ROUTES, month)


# One feature or tenant -----------------------------------------------------------------------------------------------


def history(slice_: str, value: str) -> Question:
    return Question(
        """
select month, events, successes, event_cost, cost_per_success, waste_cost, waste_share, share_attributed, currency
from finance.rpt_unit_costs
where slice = ? and slice_value = ?
order by month
limit 36""",
        (slice_, value),
    )


def across(slice_: str, value: str, month: date, page: int = 0) -> Question:
    """The tenants of a feature, or the features of a tenant, in a month."""
    mine, other = ("feature", "tenant") if slice_ == "feature" else ("tenant", "feature")
    # Shared cost is of tenants and of no feature (R26), so a feature has no loaded margin.
    margins = ("contribution_margin",) if slice_ == "feature" else ("shared_cost", "loaded_margin")
    earned = ", ".join(f"sum(margins.{name}) as {name}" for name in margins)
    return Question(
        f"""
select margins.{other}_id, max(names.name) as name, sum(margins.revenue) as revenue, sum(margins.direct_cost) as direct_cost,
    {earned}, min(margins.share_attributed) as share_attributed, max(margins.status) as status, max(margins.currency) as currency
from finance.fct_tenant_margin as margins
left join finance.dim_{other}s as names on margins.{other}_id = names.{other}_id
where margins.{mine}_id = ? and margins.month = ?
group by margins.{other}_id
order by direct_cost desc, margins.{other}_id
limit ? offset ?""",
        (value, month, ROWS + 1, ROWS * page),
    )


def waste(month: date, slice_: str | None = None, value: str = "") -> Question:
    """Waste of a month by class, of one feature or tenant or all."""
    where = f" and {slice_}_id = ?" if slice_ in ("feature", "tenant") else ""
    return Question(
        f"""
select waste_class, sum(runs) as runs, sum(events) as events, sum(waste_cost) as waste_cost, max(currency) as currency
from finance.rpt_waste
where production and month = ?{where}
group by waste_class
order by waste_cost desc, waste_class""",
        (month, value) if where else (month,),
    )


# Events --------------------------------------------------------------------------------------------------------------

#: What a list of events can be narrowed by → the condition.
NARROWED = {
    "feature": "feature_id = ?",
    "tenant": "tenant_id = ?",
    "outcome": "outcome = ?",
    "workflow": "coalesce(workflow, '(none)') = ?",
    "prompt_version": "coalesce(prompt_version, '(none)') = ?",
    "model_route": "coalesce(model_route, '(none)') = ?",
    "day": "cast(cast(coalesce(outcome_at, ended_at) as date) as string) = ?",
    "hour": "cast(extract(hour from started_at) as string) = ?",
}
OUTCOMES = ("success", "failure", "partial", "pending", "abandoned")


def _where(month: date, by: Mapping[str, str]) -> tuple[str, tuple[Value, ...]]:
    told = {name: by[name] for name in NARROWED if by.get(name)}
    conditions = [
        "production",
        "cast(coalesce(outcome_at, ended_at) as date) >= ?",
        "cast(coalesce(outcome_at, ended_at) as date) < ?",
        *(NARROWED[name] for name in told),
    ]
    return "\n    and ".join(conditions), (month, until(month), *told.values())


def events(month: date, by: Mapping[str, str], after: tuple[Decimal, str] | None = None) -> Question:
    """The dearest events of a month, of those named ``by``; after the last one of the page before."""
    where, values = _where(month, by)
    if after:
        where += "\n    and (reconciled_cost < ? or (reconciled_cost = ? and event_id > ?))"
        values += (after[0], after[0], after[1])
    return Question(
        f"""
select event_id, started_at, tenant_id, feature_id, outcome, attempts, calls, reconciled_cost, accrued_cost, waste_cost, currency
from finance.fct_cost_per_outcome
where {where}
order by reconciled_cost desc, event_id
limit ?""",
        (*values, ROWS + 1),
    )


def events_in_all(month: date, by: Mapping[str, str]) -> Question:
    where, values = _where(month, by)
    return Question(
        f"""
select count(*) as events, sum(case when outcome = 'success' then 1 else 0 end) as successes,
    sum(case when calls = 0 then 1 else 0 end) as events_without_a_call, sum(reconciled_cost) as reconciled_cost,
    sum(accrued_cost) as accrued_cost, sum(waste_cost) as waste_cost, max(currency) as currency
from finance.fct_cost_per_outcome
where {where}""",
        values,
    )


def event(event_id: str) -> Question:
    return Question("select * from finance.fct_cost_per_outcome where event_id = ?", (event_id,))


def runs(event_id: str) -> Question:
    return Question(
        """
select run_id, kind, attempt, started_at, status, error_type, costliest_model, calls, reconciled_cost, waste_class, waste_cost, currency
from finance.fct_run_cost
where event_id = ?
order by started_at, run_id
limit 500""",
        (event_id,),
    )


def calls(event_id: str) -> Question:
    return Question(
        """
select call_id, run_id, model, source, charge_day, meter, sum(quantity) as quantity, sum(reconciled_cost) as reconciled_cost,
    sum(accrued_cost) as accrued_cost, max(currency) as currency
from finance.fct_allocation
where event_id = ? and target_kind = 'call'
group by call_id, run_id, model, source, charge_day, meter
order by reconciled_cost desc, call_id, meter
limit 500""",
        (event_id,),
    )


# What to do ----------------------------------------------------------------------------------------------------------


def breaks(page: int = 0) -> Question:
    return Question(
        """
select kind, source, charge_day, amount, material, age_days, owner, action, note, break_key, currency
from finance.fct_breaks
where state = 'open'
order by case when material then 0 else 1 end, abs(amount) desc nulls last, break_id
limit ? offset ?""",
        (ROWS + 1, ROWS * page),
    )


def verdicts(month: date) -> Question:
    return _shared(decisions.VERDICTS, month)


def savings(month: date) -> Question:
    return _shared(decisions.SAVINGS, month)


def prompt_versions() -> Question:
    return Question(
        """
select feature_id, prompt_version, deployed_at, before_version, finding, events_before, events_after, cost_per_event_before,
    cost_per_event_after, cost_per_success_before, cost_per_success_after, difference, difference_low, difference_high,
    mix_adjusted_difference, excess_cost, margin_impact, currency
from finance.fct_prompt_version_impact
order by deployed_at desc, feature_id, prompt_version
limit 200"""
    )


def budgets(month: date) -> Question:
    return _shared(decisions.BUDGETS, month)


def review() -> Question:
    return Question(
        """
select week, section, rank, feature_id, tenant_id, prompt_version, amount, measured, action, reason, owner, last_week_action, worked, currency
from finance.rpt_weekly_review
where week = (select max(week) from finance.rpt_weekly_review)
order by section, rank
limit 200"""
    )


def last_hours(watch: Settings) -> Question:
    """Asked of what the hourly watch publishes, which is a publication of its own."""
    return Question(
        f"""
select hour, sum(calls) as calls, sum(unpriced_calls) as unpriced_calls, sum(events) as events, sum(successes) as successes,
    sum(failures) as failures, sum(estimated_cost) as estimated_cost, max(currency) as currency
from {watched_schema(watch)}.fct_cost_hourly
group by hour
order by hour desc
limit 24"""
    )


def in_hour(watch: Settings, hour: datetime) -> Question:
    """Who an hour's calls were for; asked as ``last_hours`` is."""
    return Question(
        f"""
select tenant_id, feature_id, prompt_version, model, sum(calls) as calls, sum(unpriced_calls) as unpriced_calls,
    sum(estimated_cost) as estimated_cost, max(currency) as currency
from {watched_schema(watch)}.fct_cost_hourly
where hour = ? and calls > 0
group by tenant_id, feature_id, prompt_version, model
order by estimated_cost desc nulls last, calls desc, tenant_id, feature_id, prompt_version, model
limit 25""",
        (hour,),
    )
