"""Snowflake's bill: months of its organisation's usage views, as a task of the company's exports them with ``COPY INTO``.

``USAGE_IN_CURRENCY_DAILY`` tells what a service took on a day and which funds paid it; its total stands beside it. The view of
Cortex tells credits and tokens by model, and no money. https://docs.snowflake.com/en/sql-reference/organization-usage
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from reconcilers.sample_company.providers.focus_rows import table
from reconcilers.sample_company.providers.ledger import BillLine, Ledger, by_month
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.company import (
    INPUT,
    OUTPUT,
    SNOWFLAKE,
    SNOWFLAKE_ACCOUNT,
    SNOWFLAKE_CREDIT,
    SNOWFLAKE_EXPORTS,
    SNOWFLAKE_ORGANIZATION,
    WAREHOUSE_SERVICE,
)

_BILL, _TOTAL, _CORTEX = (
    "usage_in_currency_daily",
    "usage_in_currency_daily_total",
    "cortex_ai_functions_usage_history",
)
_TOKENS = {INPUT: "input", OUTPUT: "output"}


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content}: three files a month."""
    found = {}
    for month, lines in by_month(ledger.lines_as_of(known_at, SNOWFLAKE)).items():
        amounts = {key: sum((one.charge.effective_cost for one in its), Decimal(0)) for key, its in _rows(lines)}
        total = {
            "CURRENCY": "USD",
            "ROW_COUNT": len(amounts),
            "USAGE_IN_CURRENCY": plain(sum(amounts.values(), Decimal(0))),
        }
        for view, rows in (
            (_BILL, [_usage(*key, amount) for key, amount in amounts.items()]),
            (_TOTAL, [total]),
            (_CORTEX, [_call(day, model, its) for (day, model), its in _calls(lines)]),
        ):
            if rows:
                found[f"{SNOWFLAKE_EXPORTS}/{view}/{month:%Y-%m}.csv"] = table(rows)
    return found


def _rows(lines: Iterable[BillLine]) -> Iterable[tuple[tuple[date, str], list[BillLine]]]:
    """Lines of a day and a service."""
    found: dict[tuple[date, str], list[BillLine]] = defaultdict(list)
    for line in lines:
        found[line.charge.charge_period_start.date(), str(line.charge.service_name)].append(line)
    return found.items()


def _calls(lines: Iterable[BillLine]) -> Iterable[tuple[tuple[date, str], list[BillLine]]]:
    """Lines of a day and a model."""
    found: dict[tuple[date, str], list[BillLine]] = defaultdict(list)
    for line in lines:
        if line.charge.key.model is not None:
            found[line.charge.charge_period_start.date(), line.charge.key.model].append(line)
    return found.items()


def _usage(day: date, service: str, amount: Decimal) -> dict[str, object]:
    """A row of the bill. Warehouses are paid from capacity that was bought before."""
    capacity = service == WAREHOUSE_SERVICE
    return {
        "ORGANIZATION_NAME": SNOWFLAKE_ORGANIZATION,
        "CONTRACT_NUMBER": "4711",
        "ACCOUNT_NAME": SNOWFLAKE_ACCOUNT,
        "REGION": "AWS_US_EAST_1",
        "SERVICE_LEVEL": "Enterprise",
        "USAGE_DATE": day,
        "USAGE_TYPE": "compute" if capacity else "overage-ai services",
        "USAGE": plain(amount / SNOWFLAKE_CREDIT),
        "CURRENCY": "USD",
        "USAGE_IN_CURRENCY": plain(amount),
        "BALANCE_SOURCE": "capacity" if capacity else "overage",
        "BILLING_TYPE": "CONSUMPTION",
        "RATING_TYPE": "COMPUTE" if capacity else "AI_COMPUTE",
        "SERVICE_TYPE": service,
        "IS_ADJUSTMENT": "false",
    }


def _call(day: date, model: str, lines: Iterable[BillLine]) -> dict[str, object]:
    """What the view of Cortex tells of a model's day."""
    told = {_TOKENS[str(one.charge.key.meter)]: one.charge for one in lines}
    metrics = [
        {"key": {"metric": metric, "unit": "tokens"}, "value": int(charge.quantity or 0)}
        for metric, charge in sorted(told.items())
    ]
    credits = sum((charge.effective_cost for charge in told.values()), Decimal(0)) / SNOWFLAKE_CREDIT
    return {
        "START_TIME": f"{day} 00:00:00.000 +0000",
        "FUNCTION_NAME": "AI_COMPLETE",
        "MODEL_NAME": model,
        "METRICS": json.dumps(metrics),
        "CREDITS": plain(credits),
        "ACCOUNT_NAME": SNOWFLAKE_ACCOUNT,
    }
