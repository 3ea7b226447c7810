"""The published tables in the shape of ``truth.Truth``, so that one ``==`` compares every figure, both directions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from reconcilers.sample_company.seen.facts import PRICE_DIMENSIONS
from reconcilers.sample_company.truth.answer import Truth
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.decisions import Side
from reconcilers.sample_company.truth.economics import NOBODY, PRICINGS, FeatureMargin, UnitCost, UnitKey
from reconcilers.sample_company.truth.tables import Table
from reconcilers.sample_company.truth.variance import COMPONENTS
from reconcilers.warehouses.duckdb import read_only

Figures = dict[Any, Any]


@dataclass
class Book:
    """Every figure both sides know, keyed alike; zero amounts are left out as in ``Truth``."""

    waterfall: Figures
    event_cost: Figures
    event_cost_month: Figures
    run_cost: Figures
    call_cost: Figures
    call_accrued: Figures
    tenant_margin: Figures
    coverage: Figures
    variance: Figures
    breaks: Figures
    accrued_without_telemetry: Figures
    unit_costs: Figures
    unit_costs_of_users: Figures
    unit_costs_week: Figures
    unit_costs_day: Figures
    feature_margins: Figures
    waste: Figures
    verdicts: Figures
    prompt_impacts: Figures
    tables: dict[str, Figures]

    def differences(self, other: Book, limit: int = 5) -> list[str]:
        """The first differing figures of each table, as text."""
        found = []
        for table, mine in self._named().items():
            theirs = other._named()[table]
            differing = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
            for key in differing[:limit]:
                found.append(f"{table} {key}: {mine.get(key)} != {theirs.get(key)}")
            if len(differing) > limit:
                found.append(f"{table}: {len(differing) - limit} more")
        return found

    def _named(self) -> dict[str, Figures]:
        named = {**vars(self), **self.tables}
        del named["tables"]
        return named


def book_of_truth(truth: Truth) -> Book:
    """The reckoned answer as a book."""
    waterfall: Figures = {}
    for statement, one in truth.waterfall.items():
        place = (statement.source, statement.billing_period_start, statement.currency)
        waterfall[(*place, "billed", None, None)] = one.billed
        for step, amount in one.bridge.items():
            waterfall[(*place, step, None, None)] = amount
        for (step, destination, month), amount in one.rows.items():
            waterfall[(*place, step, destination, month)] = amount
    rest: dict[Any, Decimal] = defaultdict(Decimal)
    for key, accrual in truth.accruals.items():
        rest[(key.source, key.day)] += accrual.no_telemetry
    return Book(
        waterfall=waterfall,
        event_cost={
            name: (
                one.reconciled_cost,
                one.accrued_cost,
                one.outcome,
                one.outcome_at,
                one.attempts,
                one.failed_attempts,
                sum(one.waste.values(), Decimal(0)),
                *(getattr(one, name) for name in _OF_EVENTS),
            )
            for name, one in truth.event_cost.items()
        },
        event_cost_month=dict(truth.event_cost_month),
        run_cost={
            name: (one.kind, one.attempt, one.reconciled_cost, one.waste_class) for name, one in truth.run_cost.items()
        },
        call_cost={name: amount for name, amount in truth.call_cost.items() if amount},
        call_accrued={name: amount for name, amount in truth.call_accrued.items() if amount},
        tenant_margin={
            key: (row.revenue, row.direct_cost, row.accrued_cost, row.shared_cost)
            for key, row in truth.tenant_margin.items()
        },
        breaks={
            (one.kind, _break_key(one.source, one.key), one.charge_day): (one.quantity, one.amount, one.break_class)
            for one in truth.breaks
        },
        coverage={
            key: (*map(_nine_decimals, astuple(own)), *map(_nine_decimals, astuple(month)))
            for key, (own, month) in truth.coverage.items()
            if any(share is not None for share in astuple(own))
        },
        variance={
            (*key[:4], *key.told, key.day, key.is_month): tuple(parts.get(name, Decimal(0)) for name in COMPONENTS)
            for key, parts in truth.variance.items()
        },
        accrued_without_telemetry={key: amount for key, amount in rest.items() if amount},
        unit_costs={key: _unit_figures(one) for key, one in _told(truth.unit_costs)},
        unit_costs_of_users=dict(
            Counter(
                (key[0], key[2] == NOBODY, *_unit_figures(one, _OF_A_USER))
                for key, one in _told(truth.unit_costs, of_users=True)
            )
        ),
        unit_costs_week={key: _unit_figures(one, _SUMS_ONLY) for key, one in _told(truth.unit_costs_week)},
        unit_costs_day={key: _unit_figures(one, _SUMS_ONLY) for key, one in _told(truth.unit_costs_day)},
        feature_margins={
            key: _margin_figures(one)
            for key, one in truth.feature_margins.items()
            if one.revenue or one.direct_cost or one.accrued_cost
        },
        waste={key: astuple(one) for key, one in truth.waste.items()},
        verdicts={
            key: tuple(getattr(one, name) for name in _OF_VERDICTS.values()) for key, one in truth.verdicts.items()
        },
        prompt_impacts={
            key: (
                one.before_version,
                one.deployed_at,
                *(figure for side in (one.before, one.after) for figure in _side_figures(side)),
                one.difference,
                *one.interval,
                one.mix_adjusted_difference,
                one.margin_impact,
                one.finding,
            )
            for key, one in truth.prompt_impacts.items()
        },
        tables={_label(table): {key: astuple(row) for key, row in table.rows.items()} for table in truth.tables},
    )


#: What an event's row says beside what it cost and how it ended.
_OF_EVENTS = (
    "outcome_emitter",
    "production",
    "started_at",
    "ended_at",
    "tenant_id",
    "feature_id",
    "workflow",
    "prompt_version",
    "environment",
    "data_mode",
    "model_route",
    "routing_entropy",
)
#: Columns of ``rpt_unit_costs`` beside month, slice and its value, and the true figure of each.
_UNIT_FIGURES: dict[str, Callable[[UnitCost], object]] = {
    "events": lambda one: len(one.observed),
    "successes": lambda one: one.count("success"),
    "failures": lambda one: one.count("failure"),
    "partials": lambda one: one.count("partial"),
    "pending": lambda one: one.count("pending"),
    "abandoned": lambda one: one.count("abandoned"),
    "unobserved_events": lambda one: len(one.unobserved),
    "unobserved_successes": lambda one: one.unobserved_successes,
    "attempts": lambda one: one.attempts,
    "event_cost": lambda one: to_money(one.cost()),
    "cost_of_successes": lambda one: to_money(one.cost("success")),
    "accrued_cost": lambda one: to_money(one.accrued),
    "waste_cost": lambda one: to_money(one.waste),
    "cost_per_event": lambda one: one.cost_per_event,
    "cost_per_success": lambda one: one.cost_per_success,
    "cost_per_successful_event": lambda one: one.cost_per_successful_event,
    "cost_per_weighted_success": lambda one: one.cost_per_weighted_success,
    "all_in_cost_per_success": lambda one: one.all_in_cost_per_success,
    "retry_overhead": lambda one: to_money(one.overhead("retry_overhead")),
    "fallback_overhead": lambda one: to_money(one.overhead("fallback_overhead")),
    "cost_per_success_low": lambda one: one.cost_per_success_low,
    "cost_per_success_high": lambda one: one.cost_per_success_high,
    "waste_share": lambda one: one.waste_share,
    "pending_share": lambda one: one.pending_share,
    "attempts_per_success": lambda one: one.attempts_per_success,
    "top_1_percent_share": lambda one: one.top_1_percent_share,
    "p50_cost": lambda one: one.percentile(50),
    "p95_cost": lambda one: one.percentile(95),
    "p99_cost": lambda one: one.percentile(99),
    "active_users": lambda one: one.users,
    "cost_per_active_user": lambda one: one.cost_per_active_user,
    "month_cost": lambda one: to_money(one.billed),
    "basis_bridge": lambda one: to_money(one.cost() - one.billed),
    "fully_loaded_cost_per_success": lambda one: one.fully_loaded_cost_per_success,
}
#: Those that the tables of weeks and days have, too.
_OF_VERDICTS = {
    "verdict_low": "low",
    "verdict_high": "high",
    **{name: name for name in ("verdict", "rule", "measured", "threshold", "trend", "waste_share", "lever", "saving")},
}
_SUMS_ONLY = tuple(list(_UNIT_FIGURES)[: list(_UNIT_FIGURES).index("top_1_percent_share")])
#: Users are hashed in the tables: their slice is compared as (month, figures), however many users have the same.
_USERS = "user"
_OF_A_USER = tuple(name for name in _UNIT_FIGURES if "active_user" not in name)


def _told(units: dict[UnitKey, UnitCost], *, of_users: bool = False) -> Iterable[tuple[UnitKey, UnitCost]]:
    """Rows of which anything is known."""
    for key, one in units.items():
        if (key[1] == _USERS) == of_users and (one.observed or one.unobserved or one.billed):
            yield key, one


def _unit_figures(one: UnitCost, names: Iterable[str] = tuple(_UNIT_FIGURES)) -> tuple[object, ...]:
    return tuple(_UNIT_FIGURES[name](one) for name in names)


def _margin_figures(one: FeatureMargin) -> tuple[object, ...]:
    amounts = (one.revenue, *(one.revenue_by[name] for name in PRICINGS))
    amounts += (one.direct_cost, one.accrued_cost, one.contribution_margin)
    return (*map(to_money, amounts), one.margin_rate, len(one.tenants), one.top_tenant, one.top_tenant_share)


def _side_figures(side: Side) -> tuple[object, ...]:
    figures = (side.cost_per_event, side.cost_per_success, side.success_share)
    return (len(side.events), side.successes, *figures)


def _nine_decimals(share: Fraction | None) -> Decimal | None:
    """A share as it is stored: what is beyond is cut."""
    return None if share is None else Decimal(share.numerator * 10**9 // share.denominator).scaleb(-9)


def _break_key(source: str, key: dict[str, str | None]) -> str:
    told = {name: value for name, value in key.items() if value is not None and name != "billing_period_start"}
    return " ".join([f"source={source}", *(f"{name}={value}" for name, value in told.items())])


def book_of_published(folder: Path, tables: Iterable[Table]) -> Book:
    """What finance reads, from one published version; of ``tables`` the columns they have."""
    with read_only(folder) as connection:
        return Book(
            waterfall=_keyed(
                connection,
                """select source, billing_period_start, billing_currency, step, case when section = 'destination' then destination end,
                          charge_month, cost
                   from finance.rpt_invoice_waterfall""",
                6,
            ),
            event_cost=_keyed(
                connection,
                f"""select event_id, reconciled_cost, accrued_cost, outcome, outcome_at, attempts, failed_attempts, waste_cost,
                        {", ".join(_OF_EVENTS)}
                    from finance.fct_cost_per_outcome""",
                1,
            ),
            run_cost=_keyed(
                connection, "select run_id, kind, attempt, reconciled_cost, waste_class from finance.fct_run_cost", 1
            ),
            event_cost_month=_keyed(
                connection,
                """select event_id, charge_month, production, reconciled_cost from finance.fct_event_cost_month
                   where reconciled_cost <> 0""",
                3,
            ),
            call_cost=_keyed(connection, _calls("reconciled_cost"), 1),
            call_accrued=_keyed(connection, _calls("accrued_cost"), 1),
            tenant_margin=_keyed(
                connection,
                """select tenant_id, feature_id, month, revenue, direct_cost, accrued_cost, shared_cost
                   from finance.fct_tenant_margin""",
                3,
            ),
            coverage=_keyed(
                connection,
                f"""select tenant_id, feature_id, month, {_shares("own")}, {_shares("month")} from finance.fct_tenant_margin
                    where coalesce({_shares("own")}) is not null""",
                3,
            ),
            # What no telemetry could meet (tax, fees, storage) has a variance, too, and no model.
            variance=_keyed(
                connection,
                f"""select source, billing_account_id, model, meter, {", ".join(f"told_{name}" for name in PRICE_DIMENSIONS)},
                        coalesce(charge_day, charge_month), charge_day is null,
                        {", ".join(f"{name}_variance" for name in COMPONENTS)}
                    from finance.fct_reconciliation where model is not null and meter is not null""",
                14,
            ),
            breaks=_keyed(
                connection, "select kind, break_key, charge_day, quantity, amount, class from finance.fct_breaks", 3
            ),
            accrued_without_telemetry=_keyed(
                connection,
                """select source, charge_day, sum(accrued_cost) from finance.fct_allocation
                   where target_kind = 'bucket' group by 1, 2 having sum(accrued_cost) <> 0""",
                2,
            ),
            # A month in which calls of events were used and nothing was billed or resolved has a row, too.
            unit_costs=_keyed(
                connection,
                f"""select month, slice, slice_value, {", ".join(_UNIT_FIGURES)} from finance.rpt_unit_costs
                    where slice <> '{_USERS}' and (events + unobserved_events > 0 or month_cost <> 0)""",
                3,
            ),
            unit_costs_of_users=dict(
                Counter(
                    connection.execute(
                        f"""select month, slice_value = '{NOBODY}', {", ".join(_OF_A_USER)} from finance.rpt_unit_costs
                            where slice = '{_USERS}' and (events + unobserved_events > 0 or month_cost <> 0)"""
                    ).fetchall()
                )
            ),
            unit_costs_week=_keyed(
                connection,
                f"""select week, slice, slice_value, {", ".join(_SUMS_ONLY)} from finance.rpt_unit_costs_week
                    where events + unobserved_events > 0""",
                3,
            ),
            unit_costs_day=_keyed(
                connection,
                f"""select day, slice, slice_value, {", ".join(_SUMS_ONLY)} from finance.rpt_unit_costs_day
                    where events + unobserved_events > 0""",
                3,
            ),
            feature_margins=_keyed(
                connection,
                f"""select feature_id, month, revenue, {", ".join(f"{name}_revenue" for name in PRICINGS)}, direct_cost, accrued_cost,
                        contribution_margin, margin_rate, tenants, top_tenant_id, top_tenant_share
                    from finance.fct_feature_margin where revenue <> 0 or direct_cost <> 0 or accrued_cost <> 0""",
                2,
            ),
            waste=_keyed(
                connection,
                """select month, feature_id, tenant_id, waste_class, production, runs, events, waste_cost, share_of_cost
                   from finance.rpt_waste""",
                5,
            ),
            verdicts=_keyed(
                connection,
                f"""select feature_id, month, {", ".join(_OF_VERDICTS)} from finance.fct_feature_verdicts""",
                2,
            ),
            prompt_impacts=_keyed(
                connection,
                f"""select feature_id, prompt_version, before_version, deployed_at, {_sides("before")}, {_sides("after")}, difference,
                        difference_low, difference_high, mix_adjusted_difference, margin_impact, finding
                    from finance.fct_prompt_version_impact""",
                2,
            ),
            tables={_label(table): _rows(connection, table) for table in tables},
        )


#: Rows of a table that the truth reckons, where it does not all.
_RECKONED = {
    "rpt_unit_costs": f"slice <> '{_USERS}' and (events + unobserved_events > 0 or month_cost <> 0)",
    "fct_alerts": "kind = 'budget_state'",
}


def _label(table: Table) -> str:
    return f"{table.name} ({table.row.__name__})"


def _rows(connection: duckdb.DuckDBPyConnection, table: Table) -> Figures:
    columns = ", ".join((*table.grain, *(column.name for column in fields(table.row))))
    found = connection.execute(
        f"select {columns} from finance.{table.name} where {_RECKONED.get(table.name, 'true')}"
    ).fetchall()
    grain = len(table.grain)
    rows: Figures = {row[:grain]: row[grain:] for row in found}
    assert len(rows) == len(found), f"twice in {table.name}"
    return rows


def _sides(side: str) -> str:
    names = ("events", "successes", "cost_per_event", "cost_per_success", "success_share")
    return ", ".join(f"{name}_{side}" for name in names)


def _shares(scope: str) -> str:
    return ", ".join(f"{scope}_share_{name}" for name in ("attributed", "reconciled", "estimated"))


def _calls(column: str) -> str:
    return f"""select call_id, sum({column}) from finance.fct_allocation
               where target_kind = 'call' group by call_id having sum({column}) <> 0"""


def _keyed(connection: duckdb.DuckDBPyConnection, sql: str, keys: int) -> Figures:
    """Rows by their first ``keys`` columns. A key met twice is a fault of the table."""
    found: Figures = {}
    for row in connection.execute(sql).fetchall():
        key = row[0] if keys == 1 else tuple(row[:keys])
        assert key not in found, f"twice: {key}"
        found[key] = row[keys] if len(row) == keys + 1 else tuple(row[keys:])
    return found
