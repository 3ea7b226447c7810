"""Bills as providers and exporters really write them: every line is its provider's, counts once, and meets its calls.

Each bill has telemetry of its own (R8), so one company reckons all of them side by side. Nothing of a bill is read again
when ``skus.csv`` says anew what its SKUs are.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.declared.settings import read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.base import Published
from tests.claims.scenarios import nights
from tests.sources.billing import azure_export

DAY, NEXT = "2026-09-28", "2026-09-29"
RANGE = Period(datetime(2026, 9, 28).date(), datetime(2026, 9, 30).date())
AS_OF = datetime(2026, 10, 5)
Row = dict[str, Any]

#: bill → tokens of its calls, by event.
CALLS: dict[str, dict[str, int]] = {
    "units": {"half": 1_000_000},
    "azure": {"in": 1_500, "out": 10, "old": 400, "late": 350},
    "parts": {"one": 1_000, "two": 1_000},
    "monthly": {"first": 1_000, "second": 2_000},
    "runs": {"first": 1_000, "second": 2_000},
    "cur": {"fast": 1_000_000, "kept": 500_000},
    "foundry": {"asked": 1_000, "more": 500, "late": 4_000, "second": 2_000},
}
MODELS = {"cur": "NovaMicro", "foundry": "gpt-4.1", "old": "other", "late": "other"}
FILES = {
    "units": {"pattern": r"bill\.csv"},
    "azure": {},
    "parts": {},
    "monthly": {"time_format": "%d/%m/%Y"},
    "runs": {
        "delivery": "snapshot",
        "pattern": r"(?P<period>\d{6})\d\d-\d{8}/(?P<version>[0-9a-f-]{36})/part_\d+\.csv",
    },
}


def line(cost: str, tokens: object, day: str = DAY, **more: object) -> Row:
    after = day.replace("28", "29") if day == DAY else "2026-09-30"
    return {
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost"), cost),
        **{"BillingAccountId": "acct", "BillingCurrency": "USD", "BillingPeriodStart": "2026-09-01"},
        **{"ChargePeriodStart": day, "ChargePeriodEnd": after, "ChargeCategory": "Usage", "ServiceName": "API"},
        **{"ConsumedQuantity": tokens, "ConsumedUnit": "Tokens", "x_Model": "model", "x_Meter": "input_tokens"},
    } | more


def meter(cost: str, units: object, sku: str, text: str, day: str = DAY) -> Row:
    """A line of an export that tells meters by their names alone, and counts them in Units."""
    told = {
        "ConsumedUnit": "Units",
        "x_Model": "",
        "x_Meter": "",
        "ServiceName": "Models",
        "SkuId": sku,
        "SkuMeter": text,
    }
    return line(cost, units, day, **told)


def cur(usage_type: str, thousands: str, cost: str, kind: str = "Usage", text: str = "") -> Row:
    return {
        "bill_payer_account_id": "acct",
        "bill_billing_period_start_date": "2026-09-01T00:00:00.000Z",
        "line_item_line_item_type": kind,
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": usage_type,
        "line_item_usage_account_id": "acct",
        "line_item_usage_start_date": f"{DAY} 00:00:00 UTC",
        "line_item_usage_end_date": f"{NEXT} 00:00:00 UTC",
        "line_item_currency_code": "USD",
        "line_item_usage_amount": thousands,
        "line_item_line_item_description": text,
        "line_item_unblended_cost": cost,
    }


def write(path: Path, *rows: Row) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def sku(name: str, counts: str, size: object, **more: object) -> Row:
    empty = dict.fromkeys(("source", "service_name", "model", "valid_from", "valid_to"), "")
    return empty | {"sku": name, "model": "model", "meter": counts, "unit_size": size, "version": "1"} | more


#: The meter text holds for any source; the SKU's own row counts its units otherwise before the 29th.
SKUS = [
    sku("M1 inp", "input_tokens", 1000),
    sku("M1 outp", "output_tokens", 1, source="azure", service_name="Models"),
    sku("M1 outp", "images", 7, source="another"),
    sku("SKU-9", "input_tokens", 100, model="other", valid_to=NEXT),
    sku("SKU-9", "input_tokens", 10, model="other", valid_from=NEXT),
]


#: What tokens that are paid by the hour would cost each.
PRICE = {"source": "foundry", "model": "gpt-4.1", "meter": "input_tokens", "price_per_million": "90", "currency": "USD"}
PRICE |= {"valid_from": "2026-01-01", "version": "1"}


def write_bills(folder: Path) -> None:
    bills = folder / "bills"
    write(bills / "units/bill.csv", line("3.00", 2, ConsumedUnit="Million Tokens"))
    write(
        bills / "azure/bill.csv",
        meter("0.03", 3, "SKU-1", "M1 inp"),
        meter("0.02", 40, "SKU-2", "M1 outp"),
        meter("0.05", 5, "SKU-9", "M1 inp"),
        meter("0.07", 70, "SKU-9", "M1 inp", NEXT),
        meter("0.11", 8, "SKU-5", "M2 unheard of"),
    )
    for part in ("part_0", "part_1"):
        write(bills / f"parts/{part}.csv", line("0.01", 1000))
    write(bills / "monthly/m-28.csv", line("0.01", 1000))
    spelled = {"ChargePeriodStart": "28/09/2026", "ChargePeriodEnd": "29/09/2026", "ConsumedUnit": "1K Tokens"}
    write(bills / "monthly/m-29.csv", line("0.0100", 1) | spelled, line("0.02", 2000, NEXT))
    old, new = "f0000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"
    runs = bills / "runs/20260901-20260930"
    write(runs / old / "part_0.csv", line("0.04", 1000))
    write(runs / new / "part_0.csv", line("0.01", 1000))
    write(runs / new / "part_1.csv", line("0.02", 2000, NEXT))
    os.utime(runs / old / "part_0.csv", (0, 0))
    write_foundry(bills / "foundry")
    month = bills / "cur/data/BILLING_PERIOD=2026-09"
    write(
        month / "b-1.csv",
        cur("USE1-NovaMicro-input-tokens-latency-optimized", "1000", "2.00"),
        cur("USE1-NovaMicro-mantle-cache-write-tokens-1h-standard", "500", "1.50"),
        cur("", "0", "-0.70", "Credit", "private rate card"),
        cur("", "0", "-0.10", "Credit", "goodwill"),
    )
    manifest = bills / "cur/metadata/BILLING_PERIOD=2026-09/b-Manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"dataFiles": ["s3://bucket/data/BILLING_PERIOD=2026-09/b-1.csv"]}')


def write_foundry(folder: Path) -> None:
    """Two runs of a month to date of Azure: a day of 2,000 tokens in blocks of a thousand, then one of provisioned throughput."""

    def put(key: str, content: bytes) -> None:
        (path := folder / key).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    day = {"ChargePeriodStart": f"{DAY}T00:00:00Z", "ChargePeriodEnd": f"{NEXT}T00:00:00Z"}
    cost = dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), "0.004")
    tokens = azure_export.FOCUS | day | cost | {"ConsumedQuantity": "2000", "PricingQuantity": "2"}
    later = {"ChargePeriodStart": f"{NEXT}T00:00:00Z", "ChargePeriodEnd": "2026-09-30T00:00:00Z"}
    ptu = azure_export.PTU | later | dict.fromkeys(("BilledCost", "ListCost", "ContractedCost"), "0")
    used = ptu | {"CommitmentDiscountStatus": "Used", "EffectiveCost": "0.60"}
    unused = ptu | {"CommitmentDiscountStatus": "Unused", "EffectiveCost": "0.40"}
    azure_export.deliver(put, [[tokens | {"BilledCost": "0.003"}]], run="b/1", submitted="2026-09-29T06:00:00Z")
    azure_export.deliver(put, [[tokens], [used, unused]], run="a/2", submitted="2026-09-30T06:00:00Z")


def write_company(folder: Path) -> Path:
    write_bills(folder)
    meters = {"out": "output", "kept": "written"}
    write(
        folder / "telemetry/calls.csv",
        *(
            {
                **{
                    "id": f"{bill}/{event}",
                    "event_id": f"{bill}/{event}",
                    "provider": bill,
                    "environment": "production",
                },
                **{
                    "model": MODELS.get(bill) or MODELS.get(event, "model"),
                    "speed": "optimized" if event == "fast" else "",
                },
                "at": f"{NEXT if event in ('second', 'late') else DAY}T12:00:00",
                **dict.fromkeys(("input", "output", "written"), ""),
                meters.get(event, "input"): tokens,
            }
            for bill, events in CALLS.items()
            for event, tokens in events.items()
        ),
    )
    reference = folder / "reference"
    write(reference / "environments.csv", {"environment": "production", "production": "true"})
    names = ("source", "provider", "default_account_id", "finality_days")
    write(
        reference / "billing_sources.csv", *(dict(zip(names, (bill, bill, "acct", 0), strict=True)) for bill in CALLS)
    )
    write(reference / "skus.csv", *SKUS)
    write(reference / "contract_prices.csv", PRICE)
    columns = {"record_id": "id", "event_id": "event_id", "provider": "provider", "model": "model", "speed": "speed"}
    columns |= {"environment": "environment", "ended_at": "at", "started_at": "at"}
    usage = {"input_tokens": "input", "output_tokens": "output", "cache_write_input_tokens": "written"}
    calls = {
        "name": "calls",
        "kind": "mapped",
        "uri": "telemetry",
        "format": "csv",
        "entity": "calls",
        "columns": columns,
    }
    calls["usage"] = {"semantics": "exclusive", "meters": [{"meter": name, "column": of} for name, of in usage.items()]}
    calls["usage"]["meters"][2]["cache_ttl"] = "1h"  # type: ignore[index]
    bills: list[Row] = [
        {"name": name, "kind": "focus_file", "uri": f"bills/{name}", **told} for name, told in FILES.items()
    ]
    bills.append(
        {"name": "cur", "kind": "aws", "uri": "bills/cur", "format": "cur_2_0", "price_credits": ["private .*"]}
    )
    bills.append({"name": "foundry", "kind": "azure", "uri": "bills/foundry"})
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump({"billing": bills, "telemetry": [calls], "price_book": "none"}))
    return settings


@dataclass
class Company:
    folder: Path
    before: Published
    after: Published
    read_again: set[Path]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company published, and again after ``skus.csv`` said what the last SKU is."""
    folder = tmp_path_factory.mktemp("bills")
    settings = read_settings(write_company(folder))
    nights.land(settings, RANGE, AS_OF)
    before = nights.publish(settings, RANGE, AS_OF)
    lake = set((folder / "var/lake").rglob("charges.parquet"))
    ptu = sku("Provisioned Managed Global Unit", "input_tokens", "", model="gpt-4.1", version="2")
    write(folder / "reference/skus.csv", *SKUS, sku("M2 unheard of", "requests", 1, version="2"), ptu)
    nights.land(settings, RANGE, AS_OF)
    after = nights.publish(settings, RANGE, AS_OF)
    return Company(folder, before, after, set((folder / "var/lake").rglob("charges.parquet")) - lake)


def where(published: Published, bill: str) -> dict[str, Decimal]:
    """What is billed, and each destination's part of it."""
    sql = """select coalesce(destination, step), sum(cost) from finance.rpt_invoice_waterfall
        where source = ? and cost <> 0 and section in ('billed', 'destination') group by 1"""
    return dict(published.ask(sql, bill).rows)


def events(published: Published, bill: str) -> dict[str, Decimal]:
    sql = "select event_id, reconciled_cost from finance.fct_cost_per_outcome where event_id like ?"
    return {event.partition("/")[2]: cost for event, cost in published.ask(sql, f"{bill}/%").rows}


#: What no event has: tokens beyond those of the calls, what nobody says the meaning of, a credit that is one.
RESTS: dict[str, dict[str, Decimal]] = {
    "units": {"no_telemetry": Decimal("1.50")},
    "azure": {"no_telemetry": Decimal("0.075"), "unmapped": Decimal("0.11")},
    "parts": {},
    "monthly": {},
    "runs": {},
    "cur": {"credit": Decimal("-0.10")},
}


@pytest.mark.parametrize(
    ("bill", "costs"),
    [
        ("units", {"half": "1.50"}),
        # Two lines have the SKU's row, which is surer than the meter's text: 5 × 100 tokens, then 70 × 10.
        ("azure", {"in": "0.015", "out": "0.005", "old": "0.04", "late": "0.035"}),
        ("parts", {"one": "0.01", "two": "0.01"}),
        ("monthly", {"first": "0.01", "second": "0.02"}),
        ("runs", {"first": "0.01", "second": "0.02"}),
        # The declared credit lowers both lines by their list cost, 0.40 and 0.30.
        ("cur", {"fast": "1.60", "kept": "1.20"}),
    ],
)
def test_each_event_has_its_part(company: Company, bill: str, costs: dict[str, str]) -> None:
    assert events(company.before, bill) == {event: Decimal(cost) for event, cost in costs.items()}
    total = sum(map(Decimal, costs.values()), Decimal())
    assert where(company.before, bill) == {"billed": total + sum(RESTS[bill].values()), "event": total} | RESTS[bill]


def test_provisioned_throughput_reaches_events_once_finance_says_what_runs_on_it(company: Company) -> None:
    """An hour of it names no model, so what is used is `unmapped` until ``skus.csv`` tells one; then its calls carry it at their contract price."""
    counted = {"asked": Decimal("0.002"), "more": Decimal("0.001")}
    rest = {"billed": Decimal("0.004"), "no_telemetry": Decimal("0.001"), "commitment_idle": Decimal("0.40")}
    assert where(company.before, "foundry") == rest | {"event": Decimal("0.003"), "unmapped": Decimal("0.60")}
    assert where(company.after, "foundry") == rest | {"event": Decimal("0.543"), "unexplained": Decimal("0.06")}
    nothing = dict.fromkeys(("late", "second"), Decimal(0))
    assert events(company.before, "foundry") == counted | nothing
    assert events(company.after, "foundry") == counted | {"late": Decimal("0.36"), "second": Decimal("0.18")}


def test_what_a_line_told_already_is_left_out_with_both_places(company: Company) -> None:
    import pyarrow.parquet as pq

    (row,) = [
        row
        for path in (company.folder / "var/lake").rglob("left_out_charges.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    told = {
        name: row[name]
        for name in ("source", "unit", "landing_line", "kept_unit", "kept_landing_line", "billed_cost_text")
    }
    assert told == {
        **{"source": "monthly", "unit": "m-29.csv", "landing_line": 2, "billed_cost_text": "0.0100"},
        **{"kept_unit": "m-28.csv", "kept_landing_line": 2},
    }


def test_a_sku_said_later_needs_no_bill_read_again(company: Company) -> None:
    assert company.read_again == set()
    known = {"billed": Decimal("0.28"), "event": Decimal("0.095"), "no_telemetry": Decimal("0.185")}
    assert where(company.after, "azure") == known
