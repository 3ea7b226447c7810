"""The allocated bill as FOCUS: the columns of 1.2 and 1.3 with their types, sums that are the bill, and text that stays text.

What a version of FOCUS makes mandatory is written down here from its specification, apart from what the export says of itself.
"""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.console.export import write_focus
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.focus_export import UNITS, dataset
from reconcilers.warehouses.choice import current
from reconcilers.warehouses.dbt import PROJECT
from tests.reports.published import publish

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
FACTS = {"period": "2026-09-01", "as_of": "2026-10-03T06:00:00", "failed_units": [], "warnings": [], "incomplete": {}}

DECIMAL, STRING, TIME = pa.decimal128(38, 9), pa.string(), pa.timestamp("us")
#: Mandatory in both: column → type, and whether it may be null.
MANDATORY = {
    "BilledCost": (DECIMAL, False),
    "BillingAccountId": (STRING, False),
    "BillingAccountName": (STRING, True),
    "BillingCurrency": (STRING, False),
    "BillingPeriodEnd": (TIME, False),
    "BillingPeriodStart": (TIME, False),
    "ChargeCategory": (STRING, False),
    "ChargeClass": (STRING, True),
    "ChargeDescription": (STRING, True),
    "ChargePeriodEnd": (TIME, False),
    "ChargePeriodStart": (TIME, False),
    "ContractedCost": (DECIMAL, False),
    "EffectiveCost": (DECIMAL, False),
    "InvoiceIssuerName": (STRING, False),
    "ListCost": (DECIMAL, False),
    "PricingQuantity": (DECIMAL, True),
    "PricingUnit": (STRING, True),
    "ProviderName": (STRING, False),
    "PublisherName": (STRING, False),
    "ServiceCategory": (STRING, False),
    "ServiceName": (STRING, False),
}
#: Conditional or recommended, and there.
OTHERS = {
    "ConsumedQuantity": (DECIMAL, True),
    "ConsumedUnit": (STRING, True),
    "InvoiceId": (STRING, True),
    "ServiceSubcategory": (STRING, False),
    "SubAccountId": (STRING, True),
    "SubAccountName": (STRING, True),
    "Tags": (STRING, True),
}
ADDED = {
    "HostProviderName": (STRING, False),
    "ServiceProviderName": (STRING, False),
    "AllocatedMethodId": (STRING, True),
    "AllocatedResourceId": (STRING, True),
    "AllocatedResourceName": (STRING, True),
    "AllocatedTags": (STRING, True),
}
OF_VERSION = {"1.2": MANDATORY | OTHERS, "1.3": MANDATORY | OTHERS | ADDED}


def share(cost: str, **more: Any) -> dict[str, Any]:
    """A share of the bill on a call of an event."""
    row = {
        "allocation_id": f"{cost}{sorted(more.items(), key=str)}",
        "billing_period_start": SEPTEMBER,
        "charge_month": SEPTEMBER,
        "charge_day": date(2026, 9, 30),
        "source": "openai",
        "match_group_id": "cell",
        "target_kind": "call",
        "destination": "event",
        "model": "m-1",
        "meter": "input_tokens",
        "event_id": "=event()",
        "run_id": "run",
        "tenant_id": "ten_a",
        "feature_id": "chat",
        "production": True,
        "quantity": Decimal(7),
        "billing_currency": "USD",
        "currency": "USD",
        "reconciled_cost": Decimal(cost),
        "accrued_cost": Decimal(0),
    }
    return row | more


def bucket(cost: str, destination: str, **more: Any) -> dict[str, Any]:
    names = ("model", "meter", "event_id", "run_id", "tenant_id", "feature_id", "production", "quantity", "charge_day")
    row = {"target_kind": "bucket", "destination": destination, "match_group_id": "line", **dict.fromkeys(names)}
    return share(cost, **row) | more


def step(section: str, cost: str, source: str = "openai", currency: str = "USD") -> dict[str, Any]:
    row = {"section": section, "cost": Decimal(cost), "billing_period_start": SEPTEMBER, "currency": "USD"}
    return row | {"source": source, "billing_currency": currency}


SHARES = [
    share("0.4"),
    share("0.6", quantity=Decimal(3)),
    share("0.000000001", run_id="another", event_id="e2"),
    share("0", accrued_cost=Decimal(5), event_id="accrued only"),
    share("2", billing_period_start=OCTOBER),
    share("3", source="vectors", billing_currency="EUR", charge_month=date(2026, 8, 1), charge_day=date(2026, 8, 31)),
    bucket("1.5", "tax", meter="requests", quantity=Decimal(1)),
    bucket("-0.5", "credit"),
    bucket("4", "no_telemetry", meter="input_tokens", quantity=Decimal(9), model="m-1", charge_day=SEPTEMBER),
]


@pytest.fixture
def company(tmp_path: Path) -> Path:
    tables = {
        "fct_allocation": SHARES,
        "dim_match_groups": [
            {"match_group_id": "cell", "billing_account_id": "123", "sub_account_id": "(default)", "service_tier": "flex"}
        ],
        "dim_sources": [{"source": "openai", "provider": "openai", "default_account_id": "org-1"}],
        "fct_cost_per_outcome": [{"event_id": "=event()", "outcome": "success"}, {"event_id": "e2", "outcome": "failure"}],
        # 6.000000001 at destinations, of which 0.000000003 rounding and 4 prepaid
        "rpt_invoice_waterfall": [
            *(step("billed", "10.000000004"), step("bridge", "4"), step("destination", "6.000000004")),
            *(step("billed", "3", "vectors", "EUR"), step("destination", "3", "vectors", "EUR")),
        ],
    }  # fmt: skip
    publish(tmp_path / "var", tables, FACTS)
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


def exported(company: Path, version: str = "1.2", month: date = SEPTEMBER) -> list[dict[str, Any]]:
    settings = read_settings(company)
    rows: list[dict[str, Any]] = dataset(settings, current(settings), month, version).read_all().to_pylist()
    return rows


@pytest.mark.parametrize("version", OF_VERSION)
def test_every_column_is_there_with_its_type_and_ours_come_last(company: Path, version: str) -> None:
    settings = read_settings(company)
    table = dataset(settings, current(settings), SEPTEMBER, version).read_all()
    ours = [name for name in table.schema.names if name.startswith("x_")]
    theirs = table.schema.names[: -len(ours)]
    assert theirs == sorted(OF_VERSION[version])
    assert ours == sorted(ours)
    assert {name: table.schema.field(name).type for name in theirs} == {
        name: kind for name, (kind, _) in OF_VERSION[version].items()
    }
    never_null = [name for name, (_, nullable) in OF_VERSION[version].items() if not nullable]
    assert [name for name in never_null if table[name].null_count] == []


def test_the_sums_are_the_bill(company: Path) -> None:
    sums: dict[Any, list[Decimal]] = {}
    for row in exported(company):
        billed, effective = sums.get((row["x_Source"], row["x_BilledCurrency"]), (Decimal(0), Decimal(0)))
        sums[row["x_Source"], row["x_BilledCurrency"]] = [billed + row["BilledCost"], effective + row["EffectiveCost"]]
    assert sums == {
        ("openai", "USD"): [Decimal("10.000000004"), Decimal("6.000000004")],
        ("vectors", "EUR"): [Decimal(3), Decimal(3)],
    }


def test_amounts_are_in_the_reporting_currency_and_say_so(company: Path) -> None:
    """Trap: a bill in euros is converted, so its own currency beside its amounts would be wrong by the rate."""
    told = {(row["x_Source"], row["BillingCurrency"], row["x_BilledCurrency"]) for row in exported(company)}
    assert told == {("openai", "USD", "USD"), ("vectors", "USD", "EUR")}


def test_shares_of_one_run_and_meter_are_one_row(company: Path) -> None:
    (row,) = [row for row in exported(company) if row["x_EventId"] == "=event()" and row["x_Source"] == "openai"]
    assert (row["BilledCost"], row["ConsumedQuantity"], row["ConsumedUnit"]) == (Decimal(1), Decimal(10), "Tokens")
    assert (row["BillingAccountId"], row["SubAccountId"], row["x_ServiceTier"]) == ("123", None, "flex")
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (datetime(2026, 9, 30), datetime(2026, 10, 1))
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == (datetime(2026, 9, 1), datetime(2026, 10, 1))
    assert (row["x_Outcome"], row["x_Destination"], row["x_Production"]) == ("success", "event", True)
    assert row["Tags"] == '{"tenant_id":"ten_a","feature_id":"chat","outcome":"success"}'
    assert (row["ListCost"], row["x_ListCostAssumed"]) == (Decimal(1), True)
    assert not any(row["x_EventId"] == "accrued only" for row in exported(company))


def test_buckets_are_of_the_category_they_are(company: Path) -> None:
    rows = {row["x_Destination"]: row for row in exported(company) if row["x_EventId"] is None}
    assert {name: row["ChargeCategory"] for name, row in rows.items()} == {
        "tax": "Tax",
        "credit": "Credit",
        "no_telemetry": "Usage",
        "rounding": "Adjustment",
        "commitment_and_prepaid_timing": "Purchase",
    }
    assert rows["rounding"]["BilledCost"] == Decimal("0.000000003")
    prepaid = rows["commitment_and_prepaid_timing"]
    assert (prepaid["BilledCost"], prepaid["EffectiveCost"]) == (Decimal(4), Decimal(0))
    assert (rows["tax"]["ChargePeriodStart"], rows["tax"]["ChargePeriodEnd"]) == (
        datetime(2026, 9, 1),
        datetime(2026, 10, 1),
    )
    assert (rows["tax"]["BillingAccountId"], rows["tax"]["Tags"]) == ("org-1", None)
    # FOCUS: a tax has no quantity, whatever its line tells.
    measures = ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit")
    assert [rows["tax"][name] for name in measures] == [None] * 4
    assert rows["no_telemetry"]["PricingQuantity"] == Decimal(9)


def test_split_cost_allocation_names_method_and_event(company: Path) -> None:
    rows = exported(company, "1.3")
    (event,) = [row for row in rows if row["x_EventId"] == "e2"]
    assert (event["AllocatedMethodId"], event["AllocatedResourceId"]) == ("carved_by_metered_quantity", "e2")
    assert event["AllocatedTags"] == '{"tenant_id":"ten_a","feature_id":"chat","outcome":"failure"}'
    (rest,) = [row for row in rows if row["x_Destination"] == "no_telemetry"]
    assert (rest["AllocatedMethodId"], rest["AllocatedResourceId"]) == ("carved_by_metered_quantity", None)
    (tax,) = [row for row in rows if row["x_Destination"] == "tax"]
    assert (tax["AllocatedMethodId"], tax["HostProviderName"]) == (None, "openai")


def test_csv_has_focus_s_formats_and_no_formula(company: Path) -> None:
    out = company.parent / "september.csv"
    write_focus(read_settings(company), "1.2", SEPTEMBER, out)
    rows = list(csv.DictReader(out.open(newline="")))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("13.000000004")
    (row,) = [row for row in rows if row["x_EventId"] == "'=event()" and row["x_Source"] == "openai"]
    assert (row["ChargePeriodStart"], row["x_Production"]) == ("2026-09-30T00:00:00Z", "true")
    amounts = [row[name] for row in rows for name, (kind, _) in OF_VERSION["1.2"].items() if kind == DECIMAL]
    assert all(re.fullmatch(r"-?\d+(\.\d+)?|", amount) for amount in amounts)


def test_parquet_is_the_same(company: Path) -> None:
    out = company.parent / "september.parquet"
    write_focus(read_settings(company), "1.3", SEPTEMBER, out)
    assert pq.read_table(out).to_pylist() == exported(company, "1.3")


def test_every_meter_has_a_unit_of_focus() -> None:
    meters = list(csv.DictReader((PROJECT / "seeds" / "meters.csv").open()))
    assert {row["meter"] for row in meters} == UNITS.keys()
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+s|[A-Z][A-Za-z]+[ -][A-Z][a-z]+s", unit) for unit in UNITS.values())


def test_what_cannot_be_exported_is_said(company: Path) -> None:
    settings = read_settings(company)
    with pytest.raises(SettingsInvalid, match="nothing is billed in November 2026"):
        write_focus(settings, "1.2", date(2026, 11, 1), company.parent / "out.csv")
    with pytest.raises(SettingsInvalid, match=r"out\.xlsx says no form of FOCUS"):
        write_focus(settings, "1.2", SEPTEMBER, company.parent / "out.xlsx")
    with pytest.raises(SettingsInvalid, match=r"FOCUS 1\.4 is not written"):
        dataset(settings, current(settings), SEPTEMBER, "1.4")
    assert not list(company.parent.glob("*out*"))
