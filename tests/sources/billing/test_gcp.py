"""Google's billing export: what its rows become, what comes late, and which shapes of it are refused; on an emulator.

Where such bills go wrong, and the test that holds it, here, in test_gcp_focus.py or test_gcp_sku.py:

- cost is before credits, and a row has none, one or two: test_credits_neither_repeat_nor_drop_a_cost
- credits that lower a price and credits that do not: test_every_type_of_credit, test_price_and_promotional_are_told_apart
- savings that move from credits into the price: test_savings_that_move_from_credits_into_the_price_cost_the_same
- every type of cost, and one nobody knows: test_every_cost_type, test_an_unknown_cost_type_is_refused
- usage by UTC, invoices by Pacific months: test_usage_meets_telemetry_in_utc_and_its_invoice_as_google_says,
  test_an_invoice_the_period_ends_is_whole
- rows that come late: test_late_rows_come_by_the_day_they_were_exported
- a correction, with its usage's window and the next invoice: test_a_correction_keeps_its_usage_day
- amounts as doubles: test_no_double_is_added
- equal rows, and rows of two resources: test_equal_rows_are_charges_of_their_own, test_detailed_rows_of_two_resources
- rows of the account, of no project: test_account_level_rows_have_no_project
- another currency: test_a_billing_currency_is_kept
- a schema that gains columns: test_columns_that_come_later_change_no_charge
- an export that stopped, and a day without rows: test_an_export_that_stopped_is_no_bill_of_nothing,
  test_a_day_without_rows_is_refused
- a table that grows while it is read: test_an_export_that_grows_while_it_is_read
- a dataset in one location: test_queries_are_bound_labelled_and_run_where_the_table_is
- a view in place of the table: test_a_view_of_the_export
- the FOCUS table's own names, and its credits in a cost or apart: test_focus_rows, test_focus_rows_after_credits,
  test_focus_credits_are_not_counted_twice
- a SKU is free text: test_what_a_sku_says, test_a_sku_nobody_knows_keeps_its_money
- a count of tokens by two words, beside the millions they are priced in, and one that is no token:
  test_a_count_without_a_unit_of_its_own_is_of_tokens, test_a_unit_that_is_no_token_gives_no_tokens
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.errors import (
    PeriodIncomplete,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
)
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.billing.gcp import REDUCTIONS
from tests.sources.billing.gcp_export import (
    DETAILED,
    FIRST,
    OCTOBER,
    STANDARD,
    Json,
    Land,
    charges,
    credited,
    stated,
    total,
    used,
    without,
)

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
    # What the usage costs at list prices is before any credit.
    assert {row["list_cost"] for row in rows if row["charge_category"] == "Credit"} == {0}
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


def test_savings_that_move_from_credits_into_the_price_cost_the_same(export: Any, land: Land) -> None:
    """Under the newer model of spend commitments usage is told at its saved price, and the fee is taken off as it is used."""
    fee = {"sku": {"id": "F", "description": "Commitment fee - dollar based"}, "cost_at_list": 3.6}
    before = [used(4.0, credits=credited(-0.4, type="COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"))]
    after = [used(3.6), used(3.6, **fee, credits=credited(-3.6, type="FEE_UTILIZATION_OFFSET"))]
    usage, saved = charges(land, export(*before).source())
    of_fee, offset, at_price = charges(land, export(*after).source())
    assert total([usage, saved]) == total([at_price, of_fee, offset]) == stated("3.6")
    assert (at_price["quantity"], at_price["list_cost"]) == (usage["quantity"], usage["list_cost"]) == (1_600_000, 4)
    # Each takes off what it is linked to (R6): the fee is no usage of the model, so its offset lowers no price of one.
    linked = [(saved, usage), (offset, of_fee)]
    assert [(one["reduction"], one["linked_line_ids"]) for one, _ in linked] == [
        ("price", [of["line_id"]]) for _, of in linked
    ]
    assert (of_fee["model"], of_fee["meter"]) == (None, None)


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
    costs = [0.1] * 300 + [0.1 + 0.2, 1e-9, 2.5e-13, 1234567890.1234567, -0.0]
    rows = charges(
        land,
        export(*(used(cost, export_time=f"2026-10-01T14:{n % 60:02}:00Z") for n, cost in enumerate(costs))).source(),
    )
    assert total(rows) == sum((Fraction(repr(cost)) for cost in costs), Fraction(0))
    assert total(rows) == stated("30", "0.30000000000000004", "1e-9", "2.5e-13", "1234567890.1234567")


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


# What BigQuery is asked -----------------------------------------------------------------------------------------------


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


def test_a_probe_asks_for_the_columns_and_runs_no_query(google: Any) -> None:
    served = google()
    assert served.source().probe(Period.of_day(date(2026, 10, 1))) == 1
    served.table = (403, "accessDenied", "no")
    with pytest.raises(SourceRejected):
        served.source().probe(Period.of_day(date(2026, 10, 1)))
    assert served.jobs == []


def test_an_export_that_grows_while_it_is_read(google: Any, land: Land, tmp_path: Any) -> None:
    served = google([["1", None, None]], [[json.dumps(used(1.0))], [json.dumps(used(2.0))]])
    with pytest.raises(PeriodIncomplete, match="2 rows came where 1 were counted before"):
        land(served.source(), FIRST)
    assert Landing(tmp_path / "landing").history("gcp", FIRST) == []
