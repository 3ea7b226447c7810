"""A platform's credits and a company's own nodes through the real job: models reach events, idle and what nobody told stay named."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
import yaml

from reconcilers.declared.settings import read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.base import Published
from tests.claims.scenarios import nights
from tests.claims.scenarios.company_of_prices import write
from tests.sources.billing.gpu_hours_table import COLUMNS, NODE, POD, RATE
from tests.sources.billing.snowflake_export import CALL, FILE, FUNCTIONS, USAGE, metrics

DAY = "2026-09-28"
RANGE = Period(date(2026, 9, 28), date(2026, 9, 29))
AS_OF = datetime(2026, 10, 5)
SERVICES = USAGE | {"USAGE_DATE": DAY, "USAGE_IN_CURRENCY": "30.00"}
WAREHOUSE = SERVICES | {
    **{"SERVICE_TYPE": "WAREHOUSE_METERING", "RATING_TYPE": "COMPUTE", "BALANCE_SOURCE": "capacity"},
    "USAGE_IN_CURRENCY": "7.50",
}
FUNCTION = CALL | {"START_TIME": f"{DAY} 09:00:00.000 +0000", "MODEL_NAME": "m-70b", "METRICS": metrics(input=4_000)}
BILLS = [
    {
        **{"name": "snowflake", "kind": "snowflake", "uri": "snowflake", "control_total": False},
        "cortex": {"cortex_ai_functions_usage_history": ["AI_SERVICES"]},
    },
    {"name": "gpus", "kind": "gpu_hours", "uri": "gpus", "format": "csv", "columns": COLUMNS, "rates": [RATE]},
]
CALLS = {
    "name": "calls",
    "kind": "mapped",
    "uri": "calls",
    "format": "csv",
    "entity": "calls",
    "columns": {name: name for name in ("record_id", "event_id", "ended_at", "provider", "model", "environment")},
    "usage": {
        "semantics": "exclusive",
        "meters": [{"meter": name, "column": name} for name in ("input_tokens", "seconds")],
    },
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("hours")
    write(folder / "snowflake" / FILE, [SERVICES, WAREHOUSE])
    write(folder / "snowflake" / FUNCTIONS, [FUNCTION])
    node, pod = ({**row, "date": DAY, "gpus": "1"} for row in (NODE, POD))
    write(folder / f"gpus/{DAY}.csv", [node, pod | {"hours": "12", "model": "llama"}])
    called = {"ended_at": f"{DAY}T12:00:00Z", "environment": "production", "input_tokens": "", "seconds": ""}
    calls = [
        {"event_id": "a", "provider": "snowflake", "model": "m-70b", "input_tokens": 3_000},
        {"event_id": "b", "provider": "snowflake", "model": "m-70b", "input_tokens": 1_000},
        {"event_id": "c", "provider": "vllm", "model": "llama", "seconds": 6 * 3600},
    ]
    write(folder / "calls/calls.csv", [called | {"record_id": call["event_id"]} | call for call in calls])
    write(folder / "reference/environments.csv", [{"environment": "production", "production": "true"}])
    known = [
        {"source": source, "provider": provider, "default_account_id": account, "finality_days": "0"}
        for source, provider, account in (("snowflake", "snowflake", "ACME"), ("gpus", "vllm", "(default)"))
    ]
    write(folder / "reference/billing_sources.csv", known)
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump({"billing": BILLS, "telemetry": [CALLS], "price_book": "none"}))
    nights.land(read_settings(settings), RANGE, AS_OF)
    return nights.publish(read_settings(settings), RANGE, AS_OF)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "snowflake",
            {
                "billed": "30.00",
                # Capacity was billed when it was bought (E9).
                "commitment_and_prepaid_timing": "-7.50",
                "event": "12.00",
                "unmapped": "25.50",
            },
        ),
        ("gpus", {"billed": "240.00", "event": "60.00", "no_telemetry": "60.00", "commitment_idle": "120.00"}),
    ],
)
def test_every_cent_ends_where_the_rules_send_it(published: Published, source: str, expected: dict[str, str]) -> None:
    sql = f"""select coalesce(destination, step), sum(cost) from finance.rpt_invoice_waterfall
        where source = '{source}' and cost <> 0 group by 1"""
    assert dict(published.ask(sql).rows) == {step: Decimal(cost) for step, cost in expected.items()}


def test_a_model_of_credits_or_of_hours_reaches_its_events(published: Published) -> None:
    costs = published.ask("select event_id, reconciled_cost from finance.fct_cost_per_outcome order by 1").rows
    assert [tuple(row) for row in costs] == [("a", Decimal("9.00")), ("b", Decimal("3.00")), ("c", Decimal("60.00"))]
