"""Google's billing export: on an emulator what tables hold and become; on a loopback server what Google refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.errors import (
    PeriodIncomplete,
    ReconcileError,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
)
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.billing.gcp import REDUCTIONS, read_sku
from reconcilers.sources.contract import Source
from tests.sources.billing.gcp_export import PROJECT, STANDARD, Export, Json, fields, make_export
from tests.sources.conftest import Api, Params, Row, Taken

Land = Callable[..., Taken]
FIRST = "2026-10-01"
OCTOBER = Period(date(2026, 10, 1), date(2026, 11, 1))

DETAILED: Json = STANDARD | {"resource": {"name": "STRING", "global_name": "STRING"}}
FOCUS: Json = {
    "BilledCost": "NUMERIC",
    "EffectiveCost": "NUMERIC",
    "ListCost": "NUMERIC",
    "ContractedCost": "NUMERIC",
    "BillingAccountId": "STRING",
    "BillingCurrency": "STRING",
    "BillingPeriodStart": "TIMESTAMP",
    "BillingPeriodEnd": "TIMESTAMP",
    "ChargeCategory": "STRING",
    "ChargeClass": "STRING",
    "ChargeDescription": "STRING",
    "ChargePeriodStart": "TIMESTAMP",
    "ChargePeriodEnd": "TIMESTAMP",
    "ConsumedQuantity": "NUMERIC",
    "ConsumedUnit": "STRING",
    "ProviderName": "STRING",
    "ServiceName": "STRING",
    "SkuId": "STRING",
    "SubAccountId": "STRING",
    "RegionId": "STRING",
    "x_Credits": [{"Name": "STRING", "Amount": "NUMERIC", "FullName": "STRING", "Id": "STRING", "Type": "STRING"}],
    "x_CostType": "STRING",
    "x_ExportTime": "TIMESTAMP",
    "x_CurrencyConversionRate": "FLOAT",
    "x_Project": {"Id": "STRING", "Number": "STRING", "Name": "STRING"},
    "x_Labels": [{"Key": "STRING", "Value": "STRING"}],
}
USAGE: Json = {
    "billing_account_id": "01AB23-CD45EF-678901",
    "invoice": {"month": "202610", "publisher_type": "GOOGLE"},
    "cost_type": "regular",
    "service": {"id": "C7E2-9256-1C43", "description": "Vertex AI"},
    "sku": {"id": "A121-E2B5-1418", "description": "Gemini 2.5 Flash GA Text Output - Predictions"},
    "usage_start_time": "2026-10-01T08:00:00Z",
    "usage_end_time": "2026-10-01T09:00:00Z",
    "project": {"id": "tenant-a", "number": "1", "name": "Tenant A"},
    "labels": [{"key": "tenant", "value": "a"}, {"key": "env", "value": ""}],
    "system_labels": [],
    "location": {"location": "global"},
    "export_time": "2026-10-01T14:03:11.123456Z",
    "cost": 3.6,
    "currency": "USD",
    "currency_conversion_rate": 1.0,
    "usage": {"amount": 1600000.0, "unit": "count", "amount_in_pricing_units": 1.6, "pricing_unit": "million count"},
    "credits": [],
    "cost_at_list": 4.0,
}


def used(cost: float = 3.6, **changes: Any) -> Json:
    """One row of the export; a member of a record is named ``record__member``."""
    row = {**USAGE, "cost": cost}
    for name, value in changes.items():
        top, _, member = name.partition("__")
        row[top] = {**(row.get(top) or {}), member: value} if member else value
    return row


def credited(*amounts: float, type: str = "DISCOUNT", **more: str) -> list[Json]:
    return [
        {"id": "", "full_name": "", "type": type, "name": f"{type} {n}", "amount": a, **more}
        for n, a in enumerate(amounts)
    ]


def focus_row(billed: str, effective: str, *credits: str, **changes: Any) -> Json:
    """One row of the FOCUS table."""
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "ListCost": "4",
        "ContractedCost": billed,
        "BillingAccountId": "01AB23-CD45EF-678901",
        "BillingCurrency": "EUR",
        # A month of Google's is one of its own clock: 07:00 in UTC.
        "BillingPeriodStart": "2026-10-01T07:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": USAGE["sku"]["description"],
        "ChargePeriodStart": "2026-10-01T08:00:00Z",
        "ChargePeriodEnd": "2026-10-01T09:00:00Z",
        "ConsumedQuantity": "1600000",
        "ConsumedUnit": "count",
        "ServiceName": "Vertex AI",
        "SkuId": "A121-E2B5-1418",
        "SubAccountId": "01AB23-CD45EF-678901",
        "x_Credits": [
            {"Name": "n", "Amount": amount, "FullName": "", "Id": "", "Type": "PROMOTION"} for amount in credits
        ],
        "x_ExportTime": "2026-10-01T14:03:11Z",
        "x_Project": {"Id": "tenant-a", "Number": "1", "Name": "Tenant A"},
        "x_Labels": [{"Key": "tenant", "Value": "a"}],
        **changes,
    }


@pytest.fixture
def export(emulator: str) -> Callable[..., Export]:
    """Makes an export on the emulator; see ``make_export``."""
    return make_export


def exact(row: Row) -> Fraction:
    return Fraction(row["billed_cost"]) + Fraction(row["billed_cost_residual"], 10**27)


def total(rows: Sequence[Row]) -> Fraction:
    return sum(map(exact, rows), Fraction(0))


def stated(*texts: str) -> Fraction:
    return sum((Fraction(text) for text in texts), Fraction(0))


def charges(land: Land, source: Source, unit: str = FIRST) -> list[Row]:
    found = land(source, unit).rows.get("charges", [])
    assert len({row["charge_id"] for row in found}) == len(found)
    return found


# What a row becomes ---------------------------------------------------------------------------------------------------


def test_a_usage_row(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used()).source())
    told = {
        name: row[name] for name in row if row[name] is not None and name not in ("charge_id", "landing_id", "line_id")
    }
    assert told == {
        "source": "gcp",
        "landing_line": 1,
        "billing_account_id": "01AB23-CD45EF-678901",
        "sub_account_id": "tenant-a",
        "model": "gemini-2.5-flash",
        "meter": "output_tokens",
        "service_tier": "standard",
        "batch": "false",
        "context_band": "standard",
        "modality": "text",
        "provider": "Google Cloud",
        "service_name": "Vertex AI",
        "sku_id": "A121-E2B5-1418",
        "sku_meter": "Gemini 2.5 Flash GA Text Output - Predictions",
        "charge_category": "Usage",
        "charge_description": "Gemini 2.5 Flash GA Text Output - Predictions",
        "charge_period_start": datetime(2026, 10, 1, 8),
        "charge_period_end": datetime(2026, 10, 1, 9),
        "billing_period_start": date(2026, 10, 1),
        "billing_currency": "USD",
        "billed_cost": Decimal("3.600000000"),
        "billed_cost_text": "3.6",
        "billed_cost_residual": 0,
        "effective_cost": Decimal("3.600000000"),
        "effective_cost_text": "3.6",
        "effective_cost_residual": 0,
        "list_cost": Decimal("4.000000000"),
        "contracted_cost": Decimal("3.600000000"),
        "quantity": Decimal("1600000.000000000"),
        "consumed_quantity": Decimal("1600000.000000000"),
        "consumed_unit": "tokens",
        "pricing_quantity": Decimal("1.600000000"),
        "pricing_unit": "million count",
        "invoice_issuer_name": "Google Cloud",
        "tags": '{"env": "", "tenant": "a"}',
    }


def test_credits_neither_repeat_nor_drop_a_cost(export: Any, land: Land) -> None:
    rows = charges(
        land,
        export(
            used(10.0),
            used(20.0, credits=credited(-1.1)),
            used(30.0, credits=[*credited(-0.1, -0.2, -0.1), *credited(-0.7, type="PROMOTION")]),
        ).source(),
    )
    lines = [row for row in rows if row["charge_category"] == "Usage"]
    assert sorted(row["billed_cost_text"] for row in lines) == ["10.0", "20.0", "30.0"]
    of_line = {
        line["billed_cost_text"]: sorted(
            (row["billed_cost_text"], row["reduction"]) for row in rows if row["linked_line_ids"] == [line["line_id"]]
        )
        for line in lines
    }
    assert of_line == {
        "10.0": [],
        "20.0": [("-1.1", "price")],
        "30.0": [("-0.1", "price"), ("-0.1", "price"), ("-0.2", "price"), ("-0.7", "promotional")],
    }
    credit = next(row for row in rows if row["charge_category"] == "Credit")
    kept = (
        "billing_account_id",
        "sub_account_id",
        "service_name",
        "charge_period_start",
        "billing_period_start",
        "tags",
    )
    assert {name: credit[name] for name in kept} == {name: lines[0][name] for name in kept}
    assert (credit["model"], credit["meter"], credit["quantity"]) == (None, None, None)
    assert total(rows) == stated("10", "20", "30", "-1.1", "-0.1", "-0.2", "-0.1", "-0.7")
    assert len({row["line_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize(("type", "reduction"), [*REDUCTIONS.items(), ("SOMETHING_NEW", None)])
def test_every_type_of_credit(export: Any, land: Land, type: str, reduction: str | None) -> None:
    _, row = charges(land, export(used(credits=credited(-1.0, type=type))).source())
    assert (row["charge_category"], row["reduction"], row["billed_cost_text"]) == ("Credit", reduction, "-1.0")


FIXED = {"PROMOTION": "promotional"} | dict.fromkeys(
    (
        "COMMITTED_USAGE_DISCOUNT",
        "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE",
        "DISCOUNT",
        "FEE_UTILIZATION_OFFSET",
        "FREE_TIER",
        "RESELLER_MARGIN",
        "SUBSCRIPTION_BENEFIT",
        "SUSTAINED_USAGE_DISCOUNT",
    ),
    "price",
)


def test_price_and_promotional_are_told_apart() -> None:
    """R6 asks for a tested mapping: every documented type, each in one place."""
    assert dict(REDUCTIONS) == FIXED


@pytest.mark.parametrize(
    ("changes", "category", "charge_class", "reduction"),
    [
        ({"cost_type": "regular"}, "Usage", None, None),
        ({"cost_type": "tax", "sku": {"description": "Tax"}, "project": None}, "Tax", None, None),
        ({"cost_type": "rounding_error", "sku": {"description": "Rounding error"}}, "Adjustment", None, None),
        ({"cost_type": "adjustment", "sku": {"description": "Adjustment"}}, "Adjustment", None, None),
        ({"cost_type": "adjustment", "adjustment_info__type": "GENERAL_ADJUSTMENT"}, "Adjustment", None, None),
        ({"cost_type": "adjustment", "adjustment_info__type": "SLA_VIOLATION"}, "Credit", None, "promotional"),
        ({"cost_type": "adjustment", "adjustment_info__type": "GOODWILL"}, "Credit", None, "promotional"),
        ({"cost_type": "adjustment", "adjustment_info__type": "USAGE_CORRECTION"}, "Usage", None, None),
        (
            {"cost_type": "adjustment", "adjustment_info__type": "PRICE_CORRECTION", "invoice__month": "202611"},
            "Usage",
            "Correction",
            None,
        ),
        ({"cost_type": "tax", "adjustment_info__type": "PRICE_CORRECTION"}, "Tax", None, None),
        ({"sku": {"description": "Commitment v1: Core in Americas for 1 Year"}}, "Purchase", None, None),
    ],
)
def test_every_cost_type(
    export: Any, land: Land, changes: Json, category: str, charge_class: str | None, reduction: str | None
) -> None:
    (row,) = charges(land, export(used(**changes)).source())
    assert (row["charge_category"], row["charge_class"], row["reduction"]) == (category, charge_class, reduction)


def test_an_unknown_cost_type_is_refused(export: Any, land: Land) -> None:
    with pytest.raises(
        SourceChangedShape, match=r"source gcp, file rows.ndjson, line 1: cost_type 'surcharge' is none of"
    ):
        land(export(used(cost_type="surcharge")).source(), FIRST)


def test_no_double_is_added(export: Any, land: Land) -> None:
    costs = [0.1] * 300 + [0.1 + 0.2, 1e-9, 2.5e-13, 123456789012.34567, -0.0]
    rows = charges(
        land,
        export(*(used(cost, export_time=f"2026-10-01T14:{n % 60:02}:00Z") for n, cost in enumerate(costs))).source(),
    )
    assert total(rows) == sum((Fraction(repr(cost)) for cost in costs), Fraction(0))
    assert total(rows) == stated("30", "0.30000000000000004", "1e-9", "2.5e-13", "123456789012.34567")


def test_equal_rows_are_charges_of_their_own(export: Any, land: Land) -> None:
    rows = charges(land, export(*[used(1.0, credits=credited(-0.25))] * 3).source())
    assert (len(rows), total(rows)) == (6, stated("2.25"))
    assert len({row["line_id"] for row in rows}) == 6
    lines = {row["line_id"] for row in rows if row["charge_category"] == "Usage"}
    assert {tuple(row["linked_line_ids"]) for row in rows if row["linked_line_ids"]} == {(line,) for line in lines}


def test_usage_meets_telemetry_in_utc_and_its_invoice_as_google_says(export: Any, land: Land) -> None:
    """Google cuts months on its own clock: the first hours of a month in UTC are of the invoice before."""
    row = used(
        usage_start_time="2026-11-01T05:00:00Z",
        usage_end_time="2026-11-01T06:00:00Z",
        export_time="2026-11-01T09:00:00Z",
    )
    (found,) = charges(land, export(row).source(), "2026-11-01")
    assert (found["charge_period_start"], found["billing_period_start"]) == (
        datetime(2026, 11, 1, 5),
        date(2026, 10, 1),
    )


def test_a_billing_currency_is_kept(export: Any, land: Land) -> None:
    rows = charges(
        land, export(used(1.8, currency="EUR", currency_conversion_rate=0.9, credits=credited(-0.6))).source()
    )
    assert {row["billing_currency"] for row in rows} == {"EUR"}
    assert total(rows) == stated("1.2")


def test_account_level_rows_have_no_project(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(project=None, labels=[], location=None)).source())
    assert (row["sub_account_id"], row["tags"], row["region"]) == (None, None, None)


def test_a_region_is_the_places_region(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(location={"location": "us-east4", "region": "us-east4"})).source())
    assert row["region"] == "us-east4"


def test_detailed_rows_of_two_resources(export: Any, land: Land) -> None:
    rows = [used(1.0, resource={"name": name, "global_name": None}) for name in ("vm-1", "vm-2")]
    made = export(*rows, columns=DETAILED, format="detailed")
    found = charges(land, made.source())
    assert len({row["line_id"] for row in found}) == 2
    with pytest.raises(SourceChangedShape, match="column resource is missing"):
        land(export(used(), format="detailed").source(), FIRST)


# Late rows, corrections and what is pulled again ----------------------------------------------------------------------


def test_late_rows_come_by_the_day_they_were_exported(export: Any, land: Land) -> None:
    made = export(
        used(1.0),
        used(2.0, export_time="2026-10-01T23:59:59.999999Z"),
        used(4.0, export_time="2026-10-02T00:00:00Z"),
        # Two weeks late, for usage of the first of October.
        used(8.0, export_time="2026-10-15T03:00:00Z"),
        # Exported in the period, for usage of long before: no lower bound on usage.
        used(
            16.0,
            export_time="2026-10-03T05:00:00Z",
            usage_start_time="2026-06-01T00:00:00Z",
            usage_end_time="2026-06-01T01:00:00Z",
        ),
        # After the period and not of it.
        used(
            32.0,
            export_time="2026-10-20T05:00:00Z",
            usage_start_time="2026-10-19T00:00:00Z",
            usage_end_time="2026-10-19T01:00:00Z",
        ),
    )
    source = made.source()
    days = [FIRST, "2026-10-02", "2026-10-03"]
    assert list(source.units(Period(date(2026, 10, 1), date(2026, 10, 4)))) == [*days, "2026-10-15"]
    units = list(source.units(OCTOBER))
    assert units == [*days, "2026-10-15", "2026-10-20"]
    by_unit = {unit: charges(land, source, unit) for unit in units}
    assert {unit: total(rows) for unit, rows in by_unit.items()} == {
        FIRST: 3,
        "2026-10-02": 4,
        "2026-10-03": 16,
        "2026-10-15": 8,
        "2026-10-20": 32,
    }
    ids = [row["charge_id"] for rows in by_unit.values() for row in rows]
    assert len(set(ids)) == len(ids)


def test_an_invoice_the_period_ends_is_whole(export: Any) -> None:
    """What Google adds to October's invoice in November, whatever usage it is for."""
    late = used(
        invoice__month="202610",
        export_time="2026-11-03T05:00:00Z",
        usage_start_time="2026-09-30T20:00:00Z",
        usage_end_time="2026-09-30T21:00:00Z",
    )
    source = export(used(), late).source()
    assert list(source.units(OCTOBER)) == [FIRST, "2026-11-03"]
    assert list(source.units(Period(date(2026, 10, 1), date(2026, 10, 31)))) == [FIRST]


def test_pulling_again_changes_nothing_and_then_only_adds(export: Any, land: Land) -> None:
    made = export(used(1.0, credits=credited(-0.1)), used(2.0))
    source = made.source()
    first = land(source, FIRST, datetime(2026, 10, 2))
    again = land(source, FIRST, datetime(2026, 10, 3))
    assert (first.news, again.news) == (True, False)
    made.append(used(0.5, export_time="2026-10-01T01:00:00Z"))
    more = land(source, FIRST, datetime(2026, 10, 4))
    assert more.news
    ids = {row["charge_id"] for row in first.rows["charges"]}
    assert ids < {row["charge_id"] for row in more.rows["charges"]}
    assert total(more.rows["charges"]) == stated("3.4")


def test_the_order_of_rows_is_no_news(export: Any, land: Land) -> None:
    rows = [used(float(cost)) for cost in (3, 1, 4, 1, 5, 9, 2, 6)]
    landed = [land(export(*order).source(), FIRST).landed for order in (rows, rows[::-1])]
    assert landed[0].objects[0].sha256 == landed[1].objects[0].sha256


def test_nights_of_the_job(export: Any, tmp_path: Any) -> None:
    """Each night lists what was exported since its overlap; what was appended in between is the only news."""
    made = export(used(1.0), used(2.0, export_time="2026-10-02T04:00:00Z"))
    config = {"name": "gcp", "kind": "gcp", "table": made.name}
    settings = Settings(billing=(config,), file=tmp_path / "reconcile.yaml")
    first = pipeline.land(settings, "gcp", Period.of_day(date(2026, 10, 1)), datetime(2026, 10, 2, 6))
    assert (first.units, first.news, first.billed_cost, first.failures) == (2, 2, {"USD": "3.000000000"}, [])
    made.append(used(4.0, export_time="2026-10-02T08:00:00Z"), used(8.0, export_time="2026-10-03T04:00:00Z"))
    second = pipeline.land(settings, "gcp", Period.of_day(date(2026, 10, 2)), datetime(2026, 10, 3, 6))
    assert (second.units, second.news, second.billed_cost, second.failures) == (3, 2, {"USD": "15.000000000"}, [])
    again = pipeline.land(settings, "gcp", Period.of_day(date(2026, 10, 2)), datetime(2026, 10, 3, 7))
    assert (again.units, again.news) == (3, 0)


def test_a_correction_keeps_its_usage_day(export: Any, land: Land) -> None:
    corrected = {
        "invoice__month": "202611",
        "export_time": "2026-11-09T00:00:00Z",
        "cost_type": "adjustment",
        "adjustment_info__type": "USAGE_CORRECTION",
    }
    made = export(
        used(10.0, credits=credited(-1.0)),
        used(-10.0, credits=credited(1.0), usage__amount=-1600000.0, **corrected),
        used(9.0, credits=credited(-0.9), usage__amount=1440000.0, **corrected),
    )
    source = made.source()
    assert list(source.units(OCTOBER)) == [FIRST, "2026-11-09"]
    rows = charges(land, source, "2026-11-09")
    assert {(row["charge_period_start"], row["billing_period_start"]) for row in rows} == {
        (datetime(2026, 10, 1, 8), date(2026, 11, 1))
    }
    lines = [row for row in rows if row["charge_category"] == "Usage"]
    assert {row["charge_class"] for row in rows} == {"Correction"}
    assert sorted(row["quantity"] for row in lines) == [Decimal(-1600000), Decimal(1440000)]
    assert {row["model"] for row in lines} == {"gemini-2.5-flash"}
    assert total(rows) == stated("-0.9")


def test_an_export_that_stopped_is_no_bill_of_nothing(export: Any) -> None:
    source = export(used()).source()
    assert list(source.units(Period(date(2026, 9, 1), date(2026, 9, 5)))) == []
    with pytest.raises(
        PeriodIncomplete, match=r"nothing was exported since 2026-10-01 14:03:11.123456\+00:00 -> .*still on"
    ):
        list(source.units(Period(date(2026, 10, 2), date(2026, 10, 5))))
    with pytest.raises(PeriodIncomplete, match="nothing was exported since it was set up"):
        list(export().source().units(OCTOBER))


def test_a_day_without_rows_is_refused(export: Any, land: Land) -> None:
    with pytest.raises(PeriodIncomplete, match=r"period 2026-10-02.*no row was exported on that day"):
        land(export(used()).source(), "2026-10-02")


def test_a_view_of_the_export(export: Any, land: Land) -> None:
    made = export(used(1.0), used(2.0))
    view = made.name.rpartition(".")[0] + ".billing_view"
    made.client.query(f"create view `{view}` as select * from `{made.name}`").result()
    source = made.source(table=view)
    assert list(source.units(OCTOBER)) == [FIRST]
    assert total(charges(land, source)) == 3


# FOCUS ----------------------------------------------------------------------------------------------------------------


def test_focus_rows(export: Any, land: Land) -> None:
    made = export(
        focus_row("3.6", "3"),
        focus_row("3.6", "2.9", "-0.5", "-0.2"),
        focus_row("0.7", "0.7", ChargeCategory="Tax", x_Project=None, ChargeDescription="Tax", ConsumedUnit=None),
        columns=FOCUS,
        format="focus",
    )
    source = made.source()
    assert list(source.units(OCTOBER)) == [FIRST]
    rows = charges(land, source)
    kinds = sorted(
        (row["charge_category"], row["billed_cost_text"], row["effective_cost_text"], row["sub_account_id"])
        for row in rows
    )
    assert [(kind, Decimal(billed), Decimal(effective), project) for kind, billed, effective, project in kinds] == [
        ("Credit", Decimal("-0.2"), Decimal("-0.2"), "tenant-a"),
        ("Credit", Decimal("-0.5"), Decimal("-0.5"), "tenant-a"),
        ("Tax", Decimal("0.7"), Decimal("0.7"), None),
        # An amount that was paid before is cheaper than billed only in effect.
        ("Usage", Decimal("3.6"), Decimal("3"), "tenant-a"),
        ("Usage", Decimal("3.6"), Decimal("3.6"), "tenant-a"),
    ]
    assert total(rows) == stated("7.2", "-0.7", "0.7")
    usage = next(row for row in rows if row["charge_category"] == "Usage")
    assert (usage["model"], usage["meter"], usage["quantity"]) == ("gemini-2.5-flash", "output_tokens", 1600000)
    assert (usage["billing_period_start"], usage["tags"], usage["provider"]) == (
        date(2026, 10, 1),
        '{"tenant": "a"}',
        "Google Cloud",
    )


def test_focus_rows_after_credits(export: Any, land: Land) -> None:
    made = export(focus_row("2.9", "2.9", "-0.5", "-0.2"), columns=FOCUS, format="focus", credits="included")
    rows = charges(land, made.source())
    assert sorted(Decimal(row["billed_cost_text"]) for row in rows) == [
        Decimal("-0.5"),
        Decimal("-0.2"),
        Decimal("3.6"),
    ]
    assert total(rows) == stated("2.9")


@pytest.mark.parametrize(
    ("setting", "billed", "other"),
    [("apart", "2.9", "included"), ("included", "3.6", "apart")],
    ids=["apart", "included"],
)
def test_focus_credits_are_not_counted_twice(export: Any, land: Land, setting: str, billed: str, other: str) -> None:
    made = export(focus_row(billed, "2.9", "-0.5", "-0.2"), columns=FOCUS, format="focus", credits=setting)
    with pytest.raises(
        SourceRejected, match=rf"line 1: BilledCost {billed}0*, credits -0.70* .*set `credits: {other}`"
    ):
        land(made.source(), FIRST)


def test_focus_amounts_may_be_rounded_apart(export: Any, land: Land) -> None:
    """1.0000000014, a credit of 0.0000000006 and 1.0000000008, each rounded on its own: nothing is said about the setting."""
    made = export(focus_row("1.000000001", "1.000000001", "-0.000000001"), columns=FOCUS, format="focus")
    assert total(charges(land, made.source())) == 1


# SKUs -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("Gemini 2.5 Flash Lite Text Input - Predictions", "gemini-2.5-flash-lite input_tokens text"),
        ("Gemini 2.5 Flash GA Thinking Text Output - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 2.5 Flash Text Output (Thinking On) - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 3.5 Flash Global Text Input - Predictions", "gemini-3.5-flash input_tokens text geography=global"),
        ("Gemini 3.0 Pro Text Input (Long) - Predictions", "gemini-3.0-pro input_tokens text context=long"),
        ("Gemini 2.5 Pro Input Text Caching (Long)", "gemini-2.5-pro cache_read_input_tokens text context=long"),
        ("Gemini 3 Flash Image Input Caching Priority", "gemini-3-flash cache_read_input_tokens image tier=priority"),
        ("Gemini 2.5 Flash Text Input - Batch Predictions", "gemini-2.5-flash input_tokens text batch=true"),
        ("Gemini 3.1 Flash Image Text Input - Predictions", "gemini-3.1-flash-image input_tokens text"),
        ("Gemini 3.1 Flash Image Image Output - Predictions", "gemini-3.1-flash-image output_tokens image"),
        ("Generate content input token count gemini 3.5 flash text", "gemini-3.5-flash input_tokens text"),
        ("Generate content output token count gemini 2.5 flash short input text", "gemini-2.5-flash output_tokens text"),
        ("Generate content output token count gemini 2.5 flash short output text non-thinking", "gemini-2.5-flash output_tokens text"),
        ("Generate content cached input token count gemini 2.5 flash input short text", "gemini-2.5-flash cache_read_input_tokens text"),
        ("Generate_content text cached input token count for gemini 3 pro short", "gemini-3-pro cache_read_input_tokens text"),
        ("Generate_content image output token count for Gemini 3 Pro Image", "gemini-3-pro-image output_tokens image"),
        ("Generate content input token count gemini 3.7 flash image flex caching", "gemini-3.7-flash cache_read_input_tokens image tier=flex"),
        ("Generate content input token count gemini 3.1 flash lite preview text", "gemini-3.1-flash-lite-preview input_tokens text"),
        # Not calls of a model by the token, or words nobody has taught: no model, so the money is seen as unmapped.
        ("Gemini 3 Flash Text Input Caching Storage", ""),
        ("Gemini 3.8 Flash Cyber Global Text Input Caching Offpeak", ""),
        ("Gemini 1.5 Flash Text Input - Predictions", ""),
        ("Gemini 2.5 Flash Text Output Caching", ""),
        ("Gemini 2.5 Flash Text Input Output", ""),
        ("Gemini 2.5 Flash Input - Predictions", ""),
        ("Grounding with Google Search on Gemini 3", ""),
        ("Gemini", ""),
        ("Claude Sonnet 4.5 - Input Tokens", ""),
        ("Standard Storage US Regional", ""),
    ],
)  # fmt: skip
def test_what_a_sku_says(description: str, said: str) -> None:
    found = dict(read_sku(description))
    if not said:
        assert found == {}
        return
    model, meter, modality, *more = said.split()
    expected = {"x_Model": model, "x_Meter": meter, "x_Modality": modality}
    expected |= {"x_ServiceTier": "standard", "x_Batch": "false", "x_ContextBand": "standard"}
    names = {"tier": "x_ServiceTier", "batch": "x_Batch", "context": "x_ContextBand", "geography": "x_Geography"}
    expected |= {names[one.partition("=")[0]]: one.partition("=")[2] for one in more}
    assert found == expected


def test_a_sku_nobody_knows_keeps_its_money(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(sku={"id": "1", "description": "Sprockets"})).source())
    assert (row["model"], row["meter"], row["quantity"], row["billed_cost_text"]) == (None, None, None, "3.6")


def test_a_unit_that_is_no_token_gives_no_tokens(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(usage__unit="seconds")).source())
    assert (row["meter"], row["quantity"]) == (None, None)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"table": "billing.gcp_billing_export_v1"}, "table: String should match pattern"),
        ({"table": "p-one.billing.t` where true; drop table `x"}, "table: String should match pattern"),
        ({"project": "p one"}, "project: String should match pattern"),
        ({"format": "csv"}, "format: Input should be 'standard', 'detailed' or 'focus'"),
        ({"maximum_bytes_billed": 1}, "maximum_bytes_billed: Input should be greater"),
    ],
)
def test_a_setting_that_is_wrong(config: Json, problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        registry.load("billing", {"name": "gcp", "kind": "gcp", "table": "p-one.billing.t", **config})


# The export's shape changes -------------------------------------------------------------------------------------------


def without(columns: Json, path: str) -> Json:
    top, _, member = path.partition(".")
    if not member:
        return {name: kind for name, kind in columns.items() if name != top}
    record = columns[top][0] if isinstance(columns[top], list) else columns[top]
    kept = {name: kind for name, kind in record.items() if name != member}
    return columns | {top: [kept] if isinstance(columns[top], list) else kept}


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (without(STANDARD, "cost"), "column cost is missing"),
        (without(STANDARD, "credits"), "column credits is missing"),
        (without(STANDARD, "credits.amount"), "column credits.amount is missing"),
        (without(STANDARD, "invoice.month"), "column invoice.month is missing"),
        (STANDARD | {"cost": "STRING"}, "column cost is STRING, not FLOAT or"),
        (STANDARD | {"cost_at_list": "STRING"}, "column cost_at_list is STRING"),
        (STANDARD | {"export_time": "STRING"}, "column export_time is STRING, not TIMESTAMP"),
        (STANDARD | {"service": "STRING"}, "column service is STRING, not RECORD or STRUCT"),
        (STANDARD | {"credits": STANDARD["credits"][0]}, "column credits is RECORD, not repeated RECORD"),
        (STANDARD | {"invoice": [STANDARD["invoice"]]}, "column invoice is repeated RECORD, not RECORD"),
    ],
)
def test_a_column_that_is_missing_or_of_another_type(export: Any, land: Land, columns: Json, problem: str) -> None:
    made = export(columns=columns)
    for ask in (lambda: list(made.source().units(OCTOBER)), lambda: land(made.source(), FIRST)):
        with pytest.raises(SourceChangedShape, match=f"file {made.name}: {problem}.* -> "):
            ask()


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (without(FOCUS, "BilledCost"), "column BilledCost is missing"),
        (without(FOCUS, "ServiceName"), "column ServiceName is missing"),
        (without(FOCUS, "x_Credits"), "column x_Credits is missing"),
        (without(FOCUS, "x_ExportTime"), "column x_ExportTime is missing"),
        (FOCUS | {"EffectiveCost": "STRING"}, "column EffectiveCost is STRING"),
    ],
)
def test_a_focus_column_that_is_missing_or_of_another_type(export: Any, columns: Json, problem: str) -> None:
    with pytest.raises(SourceChangedShape, match=problem):
        list(export(columns=columns, format="focus").source().units(OCTOBER))


def test_columns_that_come_later_change_no_charge(export: Any, land: Land) -> None:
    """One that nobody reads, and one that is read: rows from before it keep their identity."""
    young = without(without(STANDARD, "cost_at_list"), "adjustment_info")
    row = {name: value for name, value in used(credits=credited(-1.0)).items() if name in young}
    before = charges(land, export(row, columns=young).source())
    grown = STANDARD | {"novelty": "STRING", "consumption_model": {"id": "STRING"}}
    after = charges(land, export(row, columns=grown).source())
    assert [row["charge_id"] for row in before] == [row["charge_id"] for row in after]


def test_a_row_without_an_amount_is_refused(export: Any, land: Land) -> None:
    with pytest.raises(SourceRejected, match=r"rows.ndjson, line 1: BilledCost is empty"):
        land(export({**used(), "cost": None}).source(), FIRST)
    with pytest.raises(SourceRejected, match=r"rows.ndjson, line 1: BilledCost is empty"):
        land(export(used(credits=[{"type": "DISCOUNT", "amount": None}])).source(), FIRST)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"export_time": "2026-10-02T00:00:00Z", "cost": 1}\n', "was exported on 2026-10-02"),
        (b'{"export_time": "soon", "cost": 1}\n', "export_time is no instant"),
        (b'{"export_time": "2026-10-01T00:00:00Z", "cost": NaN}\n', "not valid JSON"),
        (b'{"export_time": "2026-10-01T00:00:00Z", "cost_type": "regular", "cost": "NaN"}\n', "BilledCost: 'NaN' is not"),
        (b'{"export_time": "2026-10-01T00:00:00Z", "cost_type": ["x"]}\n', "cost_type is neither text nor number"),
        (b'{"export_time": "2026-10-01T00:00:00Z", "cost_type": "tax", "invoice": 5}\n', "is no JSON object"),
        (b'{"export_time": "2026-10-01T00:00:00Z", "cost_type": "tax", "credits": [1]}\n', "credits is no list of records"),
        (b'[1]\n', "is no JSON object"),
    ],
)  # fmt: skip
def test_landed_rows_that_are_damaged(tmp_path: Any, content: bytes, problem: str) -> None:
    source = registry.load("billing", {"name": "gcp", "kind": "gcp", "table": "p-one.billing.t"})
    landing = Landing(tmp_path)
    pull = landing.pull("gcp", "gcp", FIRST)
    pull.add("rows.ndjson", "bigquery://p-one.billing.t", content)
    with pytest.raises((SourceRejected, SourceChangedShape), match=problem):
        list(source.normalise(landing.prepare(pull, datetime(2026, 10, 2))))


def test_a_line_is_cited_as_bigquery_wrote_it(export: Any, land: Land) -> None:
    source = export(used(1.0), used(2.0, credits=credited(-0.5))).source()
    taken = land(source, FIRST)
    credit = next(row for row in taken.rows["charges"] if row["charge_category"] == "Credit")
    (item,) = taken.landed.objects
    cited = json.loads(source.cited(taken.landed.path(item), item.name, credit["landing_line"]))
    assert (cited["cost"], [one["amount"] for one in cited["credits"]]) == (2.0, [-0.5])


# What Google refuses --------------------------------------------------------------------------------------------------


def test_a_dataset_that_is_not_there(export: Any) -> None:
    made = export()
    source = made.source(table=f"{PROJECT}.nowhere.gcp_billing_export_v1")
    with pytest.raises(
        SettingsInvalid, match=rf"not found: .*nowhere.* -> check `table`: is there a dataset {PROJECT}.nowhere"
    ):
        list(source.units(OCTOBER))
    with pytest.raises(SettingsInvalid, match=r"not found: .*gcp_billing_export_v2"):
        list(made.source(table=f"{made.name.rpartition('.')[0]}.gcp_billing_export_v2").units(OCTOBER))


@dataclass
class Google:
    """BigQuery as it answers over HTTP: the table, then one answer for each query. An answer of three is an error."""

    api: Api
    answers: list[Any]
    table: Any = None
    jobs: list[Json] = field(default_factory=list)

    def source(self, **config: Any) -> Source:
        config = {"name": "gcp", "kind": "gcp", "table": "p-billing.export.t", "project": "p-jobs", **config}
        return registry.load("billing", {"timeout_seconds": 0.01, **config})

    def __call__(self, path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        if "/tables/" in path:
            kept = {"timePartitioning": {"type": "DAY"}, "location": "asia-southeast2", "type": "TABLE"}
            schema = {"fields": [one.to_api_repr() for one in fields(STANDARD)]}
            reference = {"projectId": "p-billing", "datasetId": "export", "tableId": "t"}
            answer = self.table or {"tableReference": reference, "schema": schema, **kept}
            return self.told(answer)
        if path.endswith("/jobs"):
            self.jobs.append(json.loads(self.api.bodies[-1]))
            answer = self.answers[len(self.jobs) - 1]
            if isinstance(answer, tuple):
                return self.told(answer)
            return self.told(self.job())
        if "/queries/" in path:
            rows = self.answers[len(self.jobs) - 1]
            types = ("INTEGER", "DATE", "DATE") if rows and len(rows[0]) == 3 else ("STRING",)
            names = [{"name": f"c{n}", "type": kind} for n, kind in enumerate(types)]
            cells = [{"f": [{"v": value} for value in row]} for row in rows]
            done = {"jobComplete": True, "totalRows": str(len(rows)), "schema": {"fields": names}, "rows": cells}
            return self.told({**self.job(), **done})
        return self.told(self.job())

    def job(self) -> Json:
        return {**self.jobs[-1], "status": {"state": "DONE"}, "statistics": {"query": {}}}

    def told(self, answer: Any) -> tuple[int, bytes, dict[str, str]]:
        kind = {"Content-Type": "application/json"}
        if isinstance(answer, tuple):
            status, reason, message = answer
            body = {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}
            return status, json.dumps(body).encode(), kind
        return 200, json.dumps(answer).encode(), kind


@pytest.fixture
def google(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Google]:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", api.url)

    def answering(*answers: Any, table: Any = None) -> Google:
        served = Google(api, list(answers), table)
        api.answer = served
        return served

    return answering


REFUSED = "Access Denied: Table p-billing:export.t: Permission bigquery.tables.get denied on table p-billing:export.t"
NO_JOBS = "Access Denied: Project p-jobs: User does not have bigquery.jobs.create permission in project p-jobs."
DEAR = "Query exceeded limit for bytes billed: 10485760. 20971520 or higher required."


@pytest.mark.parametrize(
    ("table", "query", "kind", "problem"),
    [
        ((403, "accessDenied", REFUSED), None, SourceRejected, "needs roles/bigquery.dataViewer on dataset p-billing.export"),
        (None, (403, "accessDenied", NO_JOBS), SourceRejected, "needs roles/bigquery.jobUser on project p-jobs"),
        (None, (404, "notFound", "Not found: Dataset p-billing:export was not found in location US"), SettingsInvalid, "check `table`"),
        (None, (403, "quotaExceeded", "Quota exceeded"), SourceUnavailable, "tried again"),
        (None, (403, "rateLimitExceeded", "Exceeded rate limits"), SourceUnavailable, "tried again"),
        (None, (429, "rateLimitExceeded", "Exceeded rate limits"), SourceUnavailable, "tried again"),
        (None, (503, "backendError", "Error encountered during execution"), SourceUnavailable, "tried again"),
        ((503, "backendError", "Error encountered during execution"), None, SourceUnavailable, "tried again"),
        (None, (500, "bytesBilledLimitExceeded", DEAR), SettingsInvalid, "raise `maximum_bytes_billed`"),
        (None, (400, "invalidQuery", "Unrecognized name: cost"), SourceRejected, "Unrecognized name: cost"),
    ],
)  # fmt: skip
def test_what_google_refuses(google: Any, table: Any, query: Any, kind: type[ReconcileError], problem: str) -> None:
    with pytest.raises(kind, match=rf"source gcp, file p-billing.export.t: .*{problem}") as raised:
        list(google(query, table=table).source().units(OCTOBER))
    assert raised.value.retryable == (kind is SourceUnavailable)


def test_a_silent_google(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    config = {"name": "gcp", "kind": "gcp", "table": "p-billing.export.t", "timeout_seconds": 0.01}
    with pytest.raises(SourceUnavailable, match=r"source gcp, file p-billing\.export\.t"):
        list(registry.load("billing", config).units(OCTOBER))


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    config = {"name": "gcp", "kind": "gcp", "table": "p-billing.export.t"}
    with pytest.raises(SettingsInvalid, match=r"no credentials: .*gcloud auth application-default login"):
        list(registry.load("billing", config).units(OCTOBER))


def test_queries_are_bound_labelled_and_run_where_the_table_is(google: Any, land: Land) -> None:
    line = json.dumps(used())
    served = google([["1", "2026-10-02", "2026-10-03"]], [[line]])
    assert total(charges(land, served.source(maximum_bytes_billed=10_485_760))) == stated("3.6")
    look, read = (job["configuration"] for job in served.jobs)
    for job in served.jobs:
        assert job["jobReference"]["projectId"] == "p-jobs"
        assert job["jobReference"]["location"] == "asia-southeast2"
        assert job["configuration"]["labels"] == {"application": "reconcile"}
        assert job["configuration"]["query"]["maximumBytesBilled"] == "10485760"
    assert "_PARTITIONTIME >= timestamp_sub(@start, interval 1 day)" in look["query"]["query"]
    # The dear query reads the partitions the cheap one found, and no other.
    assert "_PARTITIONTIME >= @first and _PARTITIONTIME < @after" in read["query"]["query"]
    bound = {one["name"]: one["parameterValue"]["value"] for one in read["query"]["queryParameters"]}
    days = {"start": "2026-10-01", "end": "2026-10-02", "first": "2026-10-02", "after": "2026-10-04"}
    assert {name: value[:10] for name, value in bound.items()} == days


def test_an_export_that_grows_while_it_is_read(google: Any, land: Land, tmp_path: Any) -> None:
    served = google([["1", None, None]], [[json.dumps(used(1.0))], [json.dumps(used(2.0))]])
    with pytest.raises(PeriodIncomplete, match="2 rows came where 1 were counted before"):
        land(served.source(), FIRST)
    assert Landing(tmp_path / "landing").history("gcp", FIRST) == []
