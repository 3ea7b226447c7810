"""A declared bill through the real job: each kind of line ends where the rules send it, and every billed cent is somewhere."""

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

RANGE = Period(date(2026, 9, 28), date(2026, 9, 29))
AS_OF = datetime(2026, 10, 5)
DAY = {"first": "2026-09-28", "last": "2026-09-28"}
MONTH = {"first": "2026-09-01", "last": "2026-09-30"}
#: A fee of ten days, four of them in September; all of it is billed in September.
BILL = [
    {"id": "1", "kind": "usage", "metric": "Read Units", "quantity": "10000", "amount": "10.00", "tax": "0.95", **DAY},
    {"id": "2", "kind": "usage", "metric": "Import Units", "quantity": "400", "amount": "0.50", **DAY},
    {"id": "3", "kind": "plan", "amount": "30.00", "first": "2026-09-27", "last": "2026-10-06"},
    {"id": "4", "kind": "minimum", "amount": "5.00", **MONTH},
    {"id": "5", "kind": "credit", "amount": "2.00", **MONTH},
    {"id": "6", "kind": "refund", "amount": "1.00", "of": "1", **DAY},
    {"id": "7", "kind": "total", "amount": "43.45"},
]
SOURCE = {
    "name": "vectors",
    "kind": "mapped_bill",
    "uri": "bills",
    "format": "csv",
    "period_end": "last_day",
    "columns": {
        "BilledCost": "amount",
        "BillingCurrency": {"constant": "USD"},
        "BillingAccountId": {"constant": "acct"},
        "BillingPeriodStart": {"constant": "2026-09"},
        "ChargePeriodStart": "first",
        "ChargePeriodEnd": "last",
        "ServiceName": {"constant": "Vectors"},
        "SkuMeter": "kind",
        "x_LineId": "id",
        "x_LinkedLineIds": "of",
    },
    "lines": [
        {
            "where": {"kind": "usage"},
            "columns": {
                "ChargeCategory": {"constant": "Usage"},
                "x_Model": {"constant": "serverless"},
                "x_Meter": {"column": "metric", "map": {"Read Units": "read_units"}},
                "ConsumedQuantity": "quantity",
                "ConsumedUnit": "metric",
            },
        },
        {"where": {"kind": "plan"}, "spread": True, "columns": {"ChargeCategory": {"constant": "Purchase"}}},
        {"where": {"kind": "minimum"}, "columns": {"ChargeCategory": {"constant": "Usage"}}},
        {"where": {"kind": "credit"}, "negated": True, "columns": {"ChargeCategory": {"constant": "Credit"}}},
        {"where": {"kind": "refund"}, "negated": True, "columns": {"ChargeCategory": {"constant": "Adjustment"}}},
        {"columns": {"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}},
    ],
    "total": {"where": {"kind": "total"}, "column": "amount"},
}
CALLS = {
    "name": "calls",
    "kind": "mapped",
    "uri": "calls",
    "format": "csv",
    "entity": "calls",
    "columns": {name: name for name in ("record_id", "event_id", "ended_at", "provider", "model", "environment")},
    "usage": {"semantics": "exclusive", "meters": [{"meter": "read_units", "column": "read_units"}]},
}
CALL = {"ended_at": "2026-09-28T12:00:00Z", "provider": "vectors", "model": "serverless", "environment": "production"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("mapped_bill")
    write(folder / "bills/2026-09.csv", BILL)
    calls = [
        {"record_id": event, "event_id": event, "read_units": units} for event, units in (("a", 6000), ("b", 3000))
    ]
    write(folder / "calls/calls.csv", [call | CALL for call in calls])
    write(folder / "reference/environments.csv", [{"environment": "production", "production": "true"}])
    known = {"source": "vectors", "provider": "vectors", "default_account_id": "acct", "finality_days": "0"}
    write(folder / "reference/billing_sources.csv", [known])
    rule = {"priority": "1", "sku_meter": "minimum", "destination": "commitment_shortfall", "version": "1"}
    for name in (
        "source",
        "service_name",
        "billing_account_id",
        "sub_account_id",
        "model",
        "tag_key",
        "tag_value",
        *("charge_category", "valid_from", "valid_to"),
    ):
        rule[name] = ""
    write(folder / "reference/charge_rules.csv", [rule])
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump({"billing": [SOURCE], "telemetry": [CALLS], "price_book": "none"}))
    nights.land(read_settings(settings), RANGE, AS_OF)
    return nights.publish(read_settings(settings), RANGE, AS_OF)


def test_each_kind_of_line_ends_where_the_rules_send_it(published: Published) -> None:
    sql = """select coalesce(destination, step), sum(cost) from finance.rpt_invoice_waterfall
        where source = 'vectors' and cost <> 0 and section in ('billed', 'destination') group by 1"""
    # What a refund takes off, its line's calls do not cost: 9,000 of 10,000 read units for 9.00.
    assert dict(published.ask(sql).rows) == {
        "billed": Decimal("43.45"),
        "event": Decimal("8.10"),
        "no_telemetry": Decimal("0.90"),
        "unmapped": Decimal("0.50"),
        "support_and_fees": Decimal("30.00"),
        "commitment_shortfall": Decimal("5.00"),
        "credit": Decimal("-2.00"),
        "tax": Decimal("0.95"),
    }


def test_a_shortfall_is_on_no_event(published: Published) -> None:
    costs = published.ask("select event_id, reconciled_cost from finance.fct_cost_per_outcome order by 1").rows
    assert [tuple(row) for row in costs] == [("a", Decimal("5.40")), ("b", Decimal("2.70"))]
