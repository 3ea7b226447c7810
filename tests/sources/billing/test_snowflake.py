"""Snowflake's usage views. The traps of them, and what holds each:

===========================================================  ================================================================
capacity bought before is billed nowhere in the view         test_what_a_balance_paid_is_billed_before_or_never
free credits and rebates, whose amounts are told             test_what_a_balance_paid_is_billed_before_or_never
a rebate, of which nothing says how it counts                test_a_rebate_is_refused_until_somebody_says_how_it_counts
cloud services that a warehouse includes, below 0            test_an_adjustment_takes_off_and_is_not_divided
credits told without a sign                                  test_a_credit_that_adds_is_refused_unless_credits_have_no_sign
fees of a contract and of no account                         test_a_fee_is_a_purchase_of_no_account
spellings of two releases, ``PRIORITY_SUPPORT``              test_a_fee_is_a_purchase_of_no_account
the view's legacy form, files without names of columns       test_a_file_without_its_columns_is_named
an amount that is not rated yet                              test_a_row_without_amount_is_a_row_that_says_so
days restated until the month is closed                      test_a_day_that_changes_is_told_anew
days that come late                                          test_a_day_that_changes_is_told_anew
an export in flight, a part of an earlier one                test_a_month_that_is_not_its_total_is_refused
a month exported twice                                       test_without_a_total_a_row_that_is_there_twice_is_refused
a row of another month                                       test_a_row_of_another_month_is_refused
credits are no money                                         test_a_line_is_divided_by_credits_to_the_last_digit
what no view tells of                                        test_a_line_is_divided_by_credits_to_the_last_digit
capacity and overage on one day                              test_all_lines_of_a_service_are_divided_alike
views that tell more than the bill                           test_more_credits_than_billed_leave_the_line_whole
a service type that moved                                    test_credits_are_of_the_first_service_type_that_the_day_has
the bill comes days after the views                          test_credits_of_days_the_bill_has_yet_to_tell_wait
tokens of two kinds in one amount                            test_tokens_are_told_apart_by_price
tokens of one kind, pages, totals                            test_tokens_of_one_kind_need_no_price
views that stopped, or tell what another does                test_a_view_that_stopped_is_refused_with_the_settings
embeddings of search that the functions tell as well         test_embeddings_of_search_are_told_by_the_functions
times of a session that is not in UTC                        test_the_day_of_credits_is_utc
names of users and roles                                     test_no_user_role_or_query_is_landed
===========================================================  ================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import PeriodIncomplete, SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.snowflake_export import (
    CALL,
    FILE,
    FUNCTIONS,
    MONTH,
    TOTAL,
    USAGE,
    csv_of,
    metrics,
    parquet_of,
    total_of,
)
from tests.sources.conftest import Bucket

VIEW = "cortex_ai_functions_usage_history"
CORTEX = {VIEW: ["AI_FUNCTIONS", "AI_SERVICES"]}
PRICE = {"model": "claude-sonnet-4-5", "input_per_million": "1.5", "output_per_million": "7.5"}
SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def snowflake(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``export``."""

    def load(**config: Any) -> Source:
        base = {"name": "snowflake", "kind": "snowflake", "uri": str(tmp_path / "export")}
        return registry.load("billing", base | config)

    return load


@pytest.fixture
def read(put: Any, snowflake: Any, land: Any) -> Callable[..., Rows]:
    """The lake rows of a month of these rows, which Cortex' calls divide where there are some."""

    def take(*rows: Mapping[str, str], calls: list[Mapping[str, str]] | None = None, **config: Any) -> Rows:
        put(FILE, csv_of(*rows))
        put(TOTAL, total_of(*rows))
        if calls is not None:
            put(FUNCTIONS, csv_of(*calls, like=CALL))
            config = {"cortex": CORTEX} | config
        found: Rows = land(snowflake(**config), MONTH).rows
        return found

    return take


def costs(rows: Rows, name: str = "effective_cost") -> list[Decimal]:
    return [row[name] for row in rows["charges"]]


def divided(rows: Rows) -> list[tuple[Any, ...]]:
    """(description, model, meter, cost) of each charge."""
    return [(row["charge_description"], row["model"], row["meter"], row["effective_cost"]) for row in rows["charges"]]


# Rows -----------------------------------------------------------------------------------------------------------------


def test_a_row_in_parquet_and_csv_is_one_line(put: Any, snowflake: Any, land: Any, read: Any) -> None:
    (told,) = read(USAGE)["charges"]
    expected = {
        "billing_account_id": "ACME",
        "sub_account_id": "PROD",
        "service_name": "AI_SERVICES",
        "sku_meter": "AI_COMPUTE",
        "charge_description": "overage-ai services",
        "charge_period_start": datetime(2026, 9, 15),
        "charge_period_end": datetime(2026, 9, 16),
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "billed_cost_text": "30.01",
        "charge_category": "Usage",
        "consumed_quantity": 10,
        "consumed_unit": "Credits",
        # A credit is no token.
        "quantity": None,
        "region": "AWS_EU_CENTRAL_1",
        "provider": "Snowflake",
        "commitment_discount_id": None,
        "tags": '{"balance_source": "overage"}',
    }
    assert {name: told[name] for name in expected} == expected
    put("usage_in_currency_daily/2026-09/data_0_0_0.csv", csv_of(like=USAGE))
    put("usage_in_currency_daily/2026-09/data_0_1_0.snappy.parquet", parquet_of(USAGE))
    (row,) = land(snowflake(name="snowflake"), MONTH, datetime(2026, 11, 2)).rows["charges"]
    assert (row["charge_id"], row["landing_line"]) == (told["charge_id"], 10_000_000_001)


@pytest.mark.parametrize(
    ("balance", "config", "billed", "effective"),
    [
        ("overage", {}, "30.01", "30.01"),
        ("", {}, "30.01", "30.01"),
        ("capacity", {}, "0", "30.01"),
        ("ROLLOVER", {}, "0", "30.01"),
        ("free usage", {}, "0", "0"),
        ("FREE_USAGE", {}, "0", "0"),
        ("capacity", {"balance_sources": {"Capacity": "billed"}}, "30.01", "30.01"),
        ("rebate", {"balance_sources": {"rebate": "free"}}, "0", "0"),
    ],
)
def test_what_a_balance_paid_is_billed_before_or_never(
    read: Any, balance: str, config: dict[str, Any], billed: str, effective: str
) -> None:
    (row,) = read(USAGE | {"BALANCE_SOURCE": balance}, **config)["charges"]
    assert (row["billed_cost"], row["effective_cost"]) == (Decimal(billed), Decimal(effective))
    assert row["contracted_cost"] == Decimal("30.01")
    prepaid = billed == "0" and effective != "0"
    assert row["commitment_discount_id"] == ("4711" if prepaid else None)
    assert row["commitment_discount_status"] == ("Used" if prepaid else None)


def test_a_rebate_is_refused_until_somebody_says_how_it_counts(put: Any, snowflake: Any, refusal: Any) -> None:
    rows = (USAGE, USAGE | {"BALANCE_SOURCE": "rebate"})
    put(FILE, csv_of(*rows))
    put(TOTAL, total_of(*rows))
    problem = refusal(snowflake(), MONTH)
    assert isinstance(problem, SourceChangedShape)
    assert "balance source 'rebate' is none of overage, capacity, rollover, free usage" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)
    assert "balance_sources" in str(problem.hint)


def test_an_adjustment_takes_off_and_is_not_divided(read: Any) -> None:
    included = {"USAGE_TYPE": "adj for incl cloud services", "USAGE": "-1.5", "USAGE_IN_CURRENCY": "-4.50"}
    rows = read(USAGE, USAGE | included | {"IS_ADJUSTMENT": "true"}, calls=[CALL | {"CREDITS": "10"}])["charges"]
    assert [(row["charge_category"], row["billed_cost"], row["model"]) for row in rows] == [
        ("Usage", Decimal("30.01"), "claude-sonnet-4-5"),
        ("Adjustment", Decimal("-4.50"), None),
    ]


def test_a_credit_that_adds_is_refused_unless_credits_have_no_sign(
    put: Any, snowflake: Any, read: Any, refusal: Any
) -> None:
    credit = USAGE | {"BILLING_TYPE": "support_credit", "USAGE": "", "USAGE_IN_CURRENCY": "-5.00"}
    (row,) = read(credit)["charges"]
    assert (row["charge_category"], row["billed_cost"]) == ("Credit", -5)
    (row,) = read(credit | {"USAGE_IN_CURRENCY": "5.00"}, name="unsigned", credits="unsigned")["charges"]
    assert (row["charge_category"], row["billed_cost"]) == ("Credit", -5)
    assert "a credit of 5.00 adds to the bill" in str(refusal(snowflake(name="signed"), MONTH))
    put(FILE, csv_of(credit))
    put(TOTAL, total_of(credit))
    assert "a credit of -5.00 has its sign already" in str(refusal(snowflake(name="both", credits="unsigned"), MONTH))


@pytest.mark.parametrize("spelt", ["priority support", "PRIORITY_SUPPORT", "vps_deployment_fee"])
def test_a_fee_is_a_purchase_of_no_account(read: Any, spelt: str) -> None:
    cells = {"BILLING_TYPE": spelt, "ACCOUNT_NAME": "", "RATING_TYPE": "OTHER", "USAGE": "1", "SERVICE_TYPE": "support"}
    (row,) = read(USAGE | cells)["charges"]
    assert (row["charge_category"], row["sub_account_id"], row["service_name"]) == ("Purchase", None, "SUPPORT")
    # Nothing tells what one of it is.
    assert (row["consumed_quantity"], row["consumed_unit"]) == (None, None)


def test_a_row_without_amount_is_a_row_that_says_so(read: Any) -> None:
    rows = read(USAGE, USAGE | {"USAGE_IN_CURRENCY": "", "SERVICE_TYPE": "SNOWPIPE"})
    assert costs(rows) == [Decimal("30.01")]
    (lost,) = rows["rejected_records"]
    assert lost["reason"] == "no amount of SNOWPIPE, so its cost is not known; Snowflake has not rated it yet"
    assert (lost["unit"], lost["landing_line"], lost["charge_day"]) == (FILE, 3, date(2026, 9, 15))


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"USAGE_IN_CURRENCY": "many"}, "usage_in_currency: 'many' is not a plain decimal amount"),
        ({"USAGE_IN_CURRENCY": "1e15"}, "BilledCost: "),
        ({"USAGE": "NaN"}, "usage: 'NaN' is not a plain decimal amount"),
        ({"USAGE_DATE": "yesterday"}, "usage_date: "),
        ({"IS_ADJUSTMENT": ""}, "is_adjustment: '' is neither true nor false"),
        ({"BILLING_TYPE": "gift"}, "billing type 'GIFT' is none of CONSUMPTION, REBATE"),
        ({"CURRENCY": ""}, "BillingCurrency is empty"),
        ({"CURRENCY": "credits"}, "is not an ISO 4217 code"),
        ({"ORGANIZATION_NAME": ""}, None),
    ],
)
def test_a_row_that_is_none_is_refused_by_file_and_line(
    put: Any, snowflake: Any, land: Any, refusal: Any, cells: dict[str, str], problem: str | None
) -> None:
    put(FILE, csv_of(USAGE, USAGE | {"SERVICE_TYPE": "OTHER"} | cells))
    source = snowflake(control_total=False)
    if problem is None:
        assert land(source, MONTH).rows["charges"][1]["billing_account_id"] is None
        return
    found = refusal(source, MONTH)
    assert problem in str(found)
    assert (found.file, found.line) == (FILE, 3)


@pytest.mark.parametrize("missing", ["BILLING_TYPE", "BALANCE_SOURCE", "IS_ADJUSTMENT", "SERVICE_TYPE"])
def test_a_file_without_its_columns_is_named(put: Any, snowflake: Any, refusal: Any, missing: str) -> None:
    put(FILE, csv_of({name: text for name, text in USAGE.items() if name != missing}))
    problem = refusal(snowflake(control_total=False), MONTH)
    assert isinstance(problem, SourceChangedShape)
    assert f"no column {missing.lower()}" in str(problem)
    assert "HEADER = TRUE" in str(problem)


# Months ---------------------------------------------------------------------------------------------------------------


def test_a_bucket_holds_the_exports(bucket: Bucket, snowflake: Any, land: Any) -> None:
    bucket.put(f"acme/{FILE}", csv_of(USAGE))
    bucket.put(f"acme/{TOTAL}", total_of(USAGE))
    bucket.put(f"acme/{FUNCTIONS}", csv_of(CALL))
    bucket.put("acme/usage_in_currency_daily/2026-09/_SUCCESS", b"")
    source = snowflake(uri=f"s3://{bucket.name}/acme", endpoint_url=bucket.endpoint_url, cortex=CORTEX)
    assert list(source.units(SEPTEMBER)) == [MONTH]
    taken = land(source, MONTH)
    assert [item.name for item in taken.landed.objects] == [FILE, TOTAL, f"{VIEW}.csv"]
    assert sum(costs(taken.rows)) == Decimal("30.01")


def test_units_are_the_exported_months_and_the_one_before(put: Any, snowflake: Any) -> None:
    for name in ("2026-07/data.csv", "2026-08.csv.gz", "2026-09/data_0_0_0.csv", "2026-10.parquet", "2026-091.csv"):
        put(f"usage_in_currency_daily/{name}", b"")
    october = Period(date(2026, 10, 1), date(2026, 10, 2))
    assert list(snowflake().units(SEPTEMBER)) == ["2026-08", "2026-09"]
    assert list(snowflake().units(october)) == ["2026-09", "2026-10"]
    assert list(snowflake(earlier_months=0).units(october)) == ["2026-10"]
    assert list(snowflake().answered(SEPTEMBER, ["2026-08", "2026-09"])) == [
        Period(date(2026, 8, 1), date(2026, 9, 1)),
        SEPTEMBER,
    ]


def test_a_day_that_changes_is_told_anew(put: Any, snowflake: Any, land: Any, read: Any) -> None:
    late = USAGE | {"USAGE_DATE": "2026-09-29"}
    restated = USAGE | {"USAGE_IN_CURRENCY": "29.00"}
    assert costs(read(USAGE)) == [Decimal("30.01")]
    assert not land(snowflake(), MONTH, datetime(2026, 11, 2)).news
    put(FILE, csv_of(restated, late))
    put(TOTAL, total_of(restated, late))
    again = land(snowflake(), MONTH, datetime(2026, 11, 3))
    assert again.news
    assert costs(again.rows) == [29, Decimal("30.01")]


def test_a_month_that_is_not_its_total_is_refused(put: Any, snowflake: Any, refusal: Any, read: Any) -> None:
    two = (USAGE, USAGE | {"USAGE_DATE": "2026-09-16"})
    assert costs(read(*two)) == [Decimal("30.01")] * 2
    put(TOTAL, total_of(*two, USAGE))
    assert "2 rows, the month's total tells 3" in str(refusal(snowflake(name="half"), MONTH))
    put(TOTAL, total_of(USAGE, USAGE | {"USAGE_IN_CURRENCY": "30.00"}))
    problem = refusal(snowflake(name="another"), MONTH)
    assert "cost lines add up to 60.02 USD, the month's total is 60.01" in str(problem)
    assert (problem.period, "left a part of an earlier one behind" in str(problem.hint)) == (MONTH, True)
    put(TOTAL, b"CURRENCY,ROW_COUNT,USAGE_IN_CURRENCY\nUSD,two,60.02\n")
    assert refusal(snowflake(name="none"), MONTH).file == TOTAL


def test_a_month_without_its_total_waits(put: Any, snowflake: Any, refusal: Any, land: Any) -> None:
    put(FILE, csv_of(USAGE))
    problem = refusal(snowflake(), MONTH)
    assert isinstance(problem, PeriodIncomplete)
    assert "no export of usage_in_currency_daily_total" in str(problem)
    assert "control_total: false" in str(problem.hint)
    assert costs(land(snowflake(control_total=False), MONTH).rows) == [Decimal("30.01")]


def test_without_a_total_a_row_that_is_there_twice_is_refused(
    put: Any, snowflake: Any, refusal: Any, read: Any
) -> None:
    # The total vouches for two rows alike.
    assert costs(read(USAGE, USAGE)) == [Decimal("30.01")] * 2
    second = FILE.replace("0_0_0", "0_1_0")
    put(FILE, csv_of(USAGE))
    put(second, csv_of(USAGE | {"USAGE_IN_CURRENCY": "29.00"}))
    problem = refusal(snowflake(name="untold", control_total=False), MONTH)
    assert "AI_SERVICES of PROD on 2026-09-15 is there twice" in str(problem)
    assert (problem.file, problem.line) == (second, 2)


def test_a_row_of_another_month_is_refused(put: Any, snowflake: Any, refusal: Any) -> None:
    put(FILE, csv_of(USAGE, USAGE | {"USAGE_DATE": "2026-10-01"}))
    problem = refusal(snowflake(control_total=False), MONTH)
    assert "2026-10-01 in the delivery of 2026-09" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)


# Cortex ---------------------------------------------------------------------------------------------------------------


def test_a_line_is_divided_by_credits_to_the_last_digit(read: Any) -> None:
    other = {"MODEL_NAME": "llama3.1-70b", "CREDITS": "0.333333333"}
    rows = read(USAGE, calls=[CALL, CALL | {"QUERY_ID": "two", "CREDITS": "2"}, CALL | other])
    assert divided(rows) == [
        ("AI_COMPLETE", "claude-sonnet-4-5", None, Decimal("18.006000000")),
        ("AI_COMPLETE", "llama3.1-70b", None, Decimal("1.000333332")),
        ("beyond the Cortex views", None, None, Decimal("11.003666668")),
    ]
    assert sum(costs(rows)) == Decimal("30.01")
    assert [row["consumed_quantity"] for row in rows["charges"]] == [6, Decimal("0.333333333"), Decimal("3.666666667")]
    assert {row["landing_line"] for row in rows["charges"]} == {2}
    assert "rejected_records" not in rows


def test_without_calls_a_line_is_beyond_the_views_and_without_views_whole(read: Any) -> None:
    assert divided(read(USAGE, calls=[])) == [("beyond the Cortex views", None, None, Decimal("30.01"))]
    assert divided(read(USAGE, name="none")) == [("overage-ai services", None, None, Decimal("30.01"))]
    other = USAGE | {"SERVICE_TYPE": "WAREHOUSE_METERING", "USAGE_TYPE": "compute"}
    assert divided(read(other, calls=[], name="other")) == [("compute", None, None, Decimal("30.01"))]


def test_all_lines_of_a_service_are_divided_alike(read: Any) -> None:
    capacity = USAGE | {"BALANCE_SOURCE": "capacity", "USAGE": "30.000", "USAGE_IN_CURRENCY": "60.00"}
    rows = read(USAGE, capacity, calls=[CALL | {"CREDITS": "20", "METRICS": metrics(input=1_000_001)}])["charges"]
    assert [(row["billed_cost"], row["effective_cost"], row["quantity"]) for row in rows] == [
        (Decimal("15.005"), Decimal("15.005"), 250_000),
        (Decimal("15.005"), Decimal("15.005"), None),
        (0, 30, 750_001),
        (0, 30, None),
    ]


def test_lines_of_two_files_are_divided_each_by_its_own_day(put: Any, read: Any) -> None:
    other = USAGE | {"USAGE_DATE": "2026-09-16", "USAGE_IN_CURRENCY": "7.00"}
    put(FILE.replace("0_0_0", "0_1_0"), csv_of(other))
    assert divided(read(USAGE, calls=[CALL], control_total=False)) == [
        ("AI_COMPLETE", "claude-sonnet-4-5", None, Decimal("12.004")),
        ("beyond the Cortex views", None, None, Decimal("18.006")),
        ("beyond the Cortex views", None, None, 7),
    ]


def test_more_credits_than_billed_leave_the_line_whole(read: Any) -> None:
    # As many as a line may be rounded down by.
    rows = read(USAGE, calls=[CALL | {"CREDITS": "10.0005"}])
    assert divided(rows) == [("AI_COMPLETE", "claude-sonnet-4-5", None, Decimal("30.01"))]
    rows = read(USAGE, calls=[CALL | {"CREDITS": "10.000500001"}], name="more")
    assert divided(rows) == [("overage-ai services", None, None, Decimal("30.01"))]
    (lost,) = rows["rejected_records"]
    assert lost["reason"] == (
        "the Cortex views tell 10.000500001 credits of AI_SERVICES on 2026-09-15, the bill 10, so its line is not"
        " divided by model"
    )
    assert (lost["unit"], lost["landing_line"], lost["attribute"]) == (FILE, 2, "service_type")


def test_credits_are_of_the_first_service_type_that_the_day_has(read: Any) -> None:
    both = (USAGE, USAGE | {"SERVICE_TYPE": "AI_FUNCTIONS", "USAGE": "5.000", "USAGE_IN_CURRENCY": "15.00"})
    rows = read(*both, calls=[CALL])["charges"]
    assert [(row["service_name"], row["charge_description"], row["billed_cost"]) for row in rows] == [
        ("AI_SERVICES", "beyond the Cortex views", Decimal("30.01")),
        ("AI_FUNCTIONS", "AI_COMPLETE", 12),
        ("AI_FUNCTIONS", "beyond the Cortex views", 3),
    ]


def test_credits_of_days_the_bill_has_yet_to_tell_wait(read: Any) -> None:
    early, late = ({"START_TIME": f"2026-09-{day} 09:00:00.000 +0000"} for day in (14, 16))
    rows = read(USAGE, calls=[CALL | early, CALL | late])
    (lost,) = rows["rejected_records"]
    assert lost["reason"] == "4 credits of AI_FUNCTIONS or AI_SERVICES on 2026-09-14, which no line of PROD has"
    assert (lost["unit"], lost["attribute"], lost["charge_day"]) == (f"{VIEW}.csv", "credits", date(2026, 9, 14))


def test_tokens_are_told_apart_by_price(read: Any) -> None:
    rows = read(USAGE, calls=[CALL | {"CREDITS": "10"}], prices=[PRICE])["charges"]
    # 4,000 at 1.5 and 1,000 at 7.5 are as 6 to 7.5.
    assert [(row["meter"], row["quantity"], row["billed_cost"]) for row in rows] == [
        ("input_tokens", 4_000, Decimal("13.337777776")),
        ("output_tokens", 1_000, Decimal("16.672222224")),
    ]
    for number, prices in enumerate(([], [PRICE | {"valid_from": "2026-09-16"}], [PRICE | {"model": "other"}])):
        (row,) = read(USAGE, calls=[CALL | {"CREDITS": "10"}], prices=prices, name=f"s{number}")["charges"]
        assert (row["model"], row["meter"], row["quantity"]) == ("claude-sonnet-4-5", None, None)


@pytest.mark.parametrize(
    ("told", "meter", "quantity"),
    [
        (metrics(input=7), "input_tokens", 7),
        (metrics(input=0, output=9), "output_tokens", 9),
        (metrics(total=16), None, None),
        (metrics(input=-7), None, None),
        ('[{"key": {"metric": "total", "unit": "pages"}, "value": 3}]', None, None),
        ('[{"key": {"metric": "input", "unit": "pages"}, "value": 3}]', None, None),
        ("", None, None),
        ("{}", None, None),
        ("[1]", None, None),
        ("[" * 9_999, None, None),
    ],
)
def test_tokens_of_one_kind_need_no_price(read: Any, told: str, meter: str | None, quantity: int | None) -> None:
    (row, *_) = read(USAGE, calls=[CALL | {"METRICS": told}])["charges"]
    assert (row["model"], row["meter"], row["quantity"]) == ("claude-sonnet-4-5", meter, quantity)


def test_calls_whose_tokens_are_not_told_are_apart(read: Any) -> None:
    rows = read(USAGE, calls=[CALL | {"METRICS": metrics(input=7)}, CALL | {"METRICS": ""}])["charges"]
    assert [(row["meter"], row["quantity"]) for row in rows] == [(None, None), ("input_tokens", 7), (None, None)]


def test_embeddings_of_search_are_told_by_the_functions(put: Any, read: Any) -> None:
    search = {"USAGE_DATE": "2026-09-15", "ACCOUNT_NAME": "PROD", "CREDITS": "2"}
    kinds = [search | {"CONSUMPTION_TYPE": kind} for kind in ("SERVING", "EMBED_TEXT_TOKENS")]
    put("cortex_search_daily_usage_history/2026-09.csv", csv_of(*kinds))
    views = CORTEX | {"cortex_search_daily_usage_history": ["CORTEX_SEARCH", "AI_SERVICES"]}
    assert divided(read(USAGE, calls=[CALL], cortex=views)) == [
        ("AI_COMPLETE", "claude-sonnet-4-5", None, Decimal("12.004")),
        ("SERVING", None, None, Decimal("6.002")),
        ("beyond the Cortex views", None, None, Decimal("12.004")),
    ]


@pytest.mark.parametrize(
    ("view", "cells", "description"),
    [
        ("cortex_analyst_usage_history", {"START_TIME": "2026-09-15T09:00:00Z", "CREDITS": "4"}, "CORTEX_ANALYST"),
        (
            "cortex_fine_tuning_usage_history",
            {"START_TIME": "2026-09-15T09:00:00Z", "TOKEN_CREDITS": "4", "MODEL_NAME": "m"},
            "CORTEX_FINE_TUNING",
        ),
        (
            "cortex_provisioned_throughput_usage_history",
            {"INTERVAL_START_TIME": "2026-09-15T09:00:00Z", "PTU_CREDITS": "4", "MODEL_NAME": "m"},
            "CORTEX_PROVISIONED_THROUGHPUT",
        ),
        (
            "cortex_document_processing_usage_history",
            {"START_TIME": "2026-09-15T09:00:00Z", "FUNCTION_NAME": "AI_PARSE_DOCUMENT", "MODEL_NAME": "arctic-parse"}
            | {"CREDITS_USED": "4", "PAGE_COUNT": "1200"},
            "AI_PARSE_DOCUMENT",
        ),
    ],
)
def test_each_view_has_columns_of_its_own(
    put: Any, read: Any, view: str, cells: dict[str, str], description: str
) -> None:
    put(f"{view}/2026-09.csv", csv_of(cells | {"ACCOUNT_NAME": "PROD"}))
    rows = read(USAGE, cortex={view: ["AI_SERVICES"]})["charges"]
    assert [(row["charge_description"], row["model"], row["billed_cost"]) for row in rows] == [
        (description, cells.get("MODEL_NAME"), Decimal("12.004")),
        ("beyond the Cortex views", None, Decimal("18.006")),
    ]


def test_the_day_of_credits_is_utc(read: Any) -> None:
    west = {"START_TIME": "2026-09-14 17:00:00.000 -0700"}
    assert divided(read(USAGE, calls=[CALL | west]))[0][0] == "AI_COMPLETE"


def test_no_user_role_or_query_is_landed(read: Any, tmp_path: Path, snowflake: Any, land: Any) -> None:
    read(USAGE, calls=[CALL])
    taken = land(snowflake(cortex=CORTEX), MONTH, datetime(2026, 11, 2))
    assert not taken.news
    (landed,) = (taken.landed.path(item) for item in taken.landed.objects if item.name == f"{VIEW}.csv")
    assert landed.read_text().splitlines() == [
        "account_name,usage_date,function,model,credits,input_tokens,output_tokens,row_count",
        "PROD,2026-09-15,AI_COMPLETE,claude-sonnet-4-5,4,4000,1000,1",
    ]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"CREDITS": "-1"}, "-1 credits: a view tells what was used"),
        ({"CREDITS": "free"}, "is not a plain decimal amount"),
        ({"START_TIME": "soon"}, "soon"),
        ({"START_TIME": "2026-10-01 00:00:00.000 +0000"}, "in the delivery of 2026-09"),
    ],
)
def test_a_call_that_is_none_is_refused(
    put: Any, snowflake: Any, refusal: Any, cells: dict[str, str], problem: str
) -> None:
    put(FILE, csv_of(USAGE))
    put(FUNCTIONS, csv_of(CALL, CALL | cells))
    found = refusal(snowflake(control_total=False, cortex=CORTEX), MONTH)
    assert problem in str(found)
    assert (found.file, found.line) == (FUNCTIONS, 3)


def test_a_view_without_account_or_export_is_named(put: Any, snowflake: Any, refusal: Any) -> None:
    put(FILE, csv_of(USAGE))
    source = snowflake(control_total=False, cortex=CORTEX)
    assert f"no export of {VIEW}" in str(refusal(source, MONTH))
    put(FUNCTIONS, csv_of({name: text for name, text in CALL.items() if name != "ACCOUNT_NAME"}))
    assert "no column account_name -> export the view with CURRENT_ACCOUNT_NAME()" in str(refusal(source, MONTH))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"cortex": {"cortex_functions_usage_history": ["AI_SERVICES"]}}, "stopped in November 2025"),
        ({"cortex": {"cortex_functions_query_usage_history": ["AI_SERVICES"]}}, "stopped in November 2025"),
        ({"cortex": {"cortex_analyst_usage": ["AI_SERVICES"]}}, "nearest is cortex_analyst_usage_history"),
        ({"cortex": {VIEW: []}}, "say which service types"),
        ({"prices": [PRICE | {"output_per_million": "0"}]}, "is not positive"),
        ({"balance_sources": {"capacity": "later"}}, "'billed', 'prepaid' or 'free'"),
    ],
)
def test_a_view_that_stopped_is_refused_with_the_settings(snowflake: Any, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        snowflake(**config)


def test_a_damaged_file_is_refused_and_nothing_of_it_lands(put: Any, snowflake: Any, refusal: Any) -> None:
    put("usage_in_currency_daily/2026-09/data_0_0_0.parquet", parquet_of(USAGE)[:-20])
    error = refusal(snowflake(control_total=False), MONTH)
    assert isinstance(error, SourceRejected)
    assert "not a readable Parquet file" in str(error)
