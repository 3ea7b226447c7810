"""The published tables in the shape of ``truth.Truth``, so that one ``==`` compares every figure, both directions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import astuple, dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from reconcilers.sample_company.seen.facts import PRICE_DIMENSIONS
from reconcilers.sample_company.truth.answer import Truth
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

    def differences(self, other: Book, limit: int = 5) -> list[str]:
        """The first differing figures of each table, as text."""
        found = []
        for table, mine in vars(self).items():
            theirs = getattr(other, table)
            differing = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
            for key in differing[:limit]:
                found.append(f"{table} {key}: {mine.get(key)} != {theirs.get(key)}")
            if len(differing) > limit:
                found.append(f"{table}: {len(differing) - limit} more")
        return found


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
    )


def _nine_decimals(share: Fraction | None) -> Decimal | None:
    """A share as it is stored: what is beyond is cut."""
    return None if share is None else Decimal(share.numerator * 10**9 // share.denominator).scaleb(-9)


def _break_key(source: str, key: dict[str, str | None]) -> str:
    told = {name: value for name, value in key.items() if value is not None and name != "billing_period_start"}
    return " ".join([f"source={source}", *(f"{name}={value}" for name, value in told.items())])


def book_of_published(folder: Path) -> Book:
    """What finance reads, from one published version."""
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
                """select event_id, reconciled_cost, accrued_cost, outcome, outcome_at, attempts, failed_attempts, waste_cost
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
        )


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
