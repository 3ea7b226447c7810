"""Snowflake's bill: months of its organisation's usage views, as a task of the company's exports them with ``COPY INTO``.

``USAGE_IN_CURRENCY_DAILY`` tells what a service took on a day and which funds paid it; its total stands beside it. The view of
Cortex tells credits and tokens by model, and no money. https://docs.snowflake.com/en/sql-reference/organization-usage
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
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
_CORTEX_COLUMNS = ("START_TIME", "FUNCTION_NAME", "MODEL_NAME", "METRICS", "CREDITS", "ACCOUNT_NAME")
_TOKENS = {INPUT: "input", OUTPUT: "output"}


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content}: three files a month."""
    found = {}
    for month, lines in by_month(ledger.lines_as_of(known_at, SNOWFLAKE)).items():
        amounts = {
            key: sum((one.charge.effective_cost for one in its), Decimal(0))
            for key, its in _grouped(lines, lambda one: str(one.charge.service_name)).items()
        }
        whole = plain(sum(amounts.values(), Decimal(0)))
        models = _grouped((one for one in lines if one.charge.key.model), lambda one: str(one.charge.key.model))
        for view, rows in {
            _BILL: [_usage(*key, amount) for key, amount in amounts.items()],
            _TOTAL: [{"CURRENCY": "USD", "ROW_COUNT": len(amounts), "USAGE_IN_CURRENCY": whole}],
            _CORTEX: [_call(*key, its) for key, its in models.items()],
        }.items():
            # A view that tells nothing of a month is exported as its header.
            found[f"{SNOWFLAKE_EXPORTS}/{view}/{month:%Y-%m}.csv"] = table(rows, _CORTEX_COLUMNS)
    return found


def _grouped(lines: Iterable[BillLine], named: Callable[[BillLine], str]) -> dict[tuple[date, str], list[BillLine]]:
    """Day and name → lines, in their order."""
    found: dict[tuple[date, str], list[BillLine]] = defaultdict(list)
    for line in lines:
        found[line.charge.charge_period_start.date(), named(line)].append(line)
    return found


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
