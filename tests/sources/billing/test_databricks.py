"""Databricks' billing tables. The traps of them, and what holds each:

==============================================================  =========================================================
quantities only: a price by SKU, cloud, unit and time           test_a_price_is_of_sku_cloud_unit_and_time
list prices are not contract prices                             test_the_account_pays_its_own_prices_and_the_list_stays_beside
promotions, which ``default`` leaves out                        test_the_account_pays_its_own_prices_and_the_list_stays_beside
prices in force at the usage's end                              test_the_price_is_the_one_in_force_when_usage_ended
retraction and restatement, and leaving them out                test_all_three_kinds_of_record_add_up
a retraction that is not negative                               test_a_retraction_that_adds_is_refused
corrections ingested later                                      test_units_are_days_of_ingestion_from_the_start_of_the_period
a day exported twice                                            test_a_day_exported_twice_is_refused
an export in flight                                             test_a_day_newer_than_the_mark_of_success_is_being_written
prices of two currencies                                        test_two_currencies_need_a_word
no price                                                        test_a_record_without_price_is_a_row_that_says_so
DBU are no tokens                                               test_a_record_in_parquet_and_csv_is_one_line
Azure's invoice                                                 test_on_azure_the_invoice_is_microsofts
a price export made anew                                        test_prices_of_other_skus_and_a_new_export_are_no_news
other prices declared than landed                               test_a_day_that_landed_without_the_prices_now_declared
==============================================================  =========================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import PeriodIncomplete, ReconcileError, SourceChangedShape, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.databricks_export import DAY, FILE, OWN, PRICE, TOKENS, USAGE, csv_of, parquet_of, pricing
from tests.sources.conftest import Bucket

Put = Callable[[str, bytes], None]
#: The record of a day, taken back and told again.
WRONG = USAGE | {"record_id": "original", "usage_quantity": "10"}
TAKEN_BACK = WRONG | {"record_id": "retraction", "record_type": "RETRACTION", "usage_quantity": "-10"}
TOLD_AGAIN = WRONG | {"record_id": "restatement", "record_type": "RESTATEMENT", "usage_quantity": "4"}


@pytest.fixture
def databricks(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``export``."""

    def load(**config: Any) -> Source:
        base = {"name": "databricks", "kind": "databricks", "uri": str(tmp_path / "export")}
        return registry.load("billing", base | {"billed_at": "account_prices", "success_file": False} | config)

    return load


@pytest.fixture
def put(put: Put) -> Put:
    """The same, with both tables of prices there."""
    put("list_prices/part-0.csv", csv_of(PRICE))
    put("account_prices/part-0.csv", csv_of(OWN))
    return put


@pytest.fixture
def read(put: Put, databricks: Any, land: Any) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """The lake rows of a day of these records."""

    def take(*rows: Mapping[str, str], **config: Any) -> dict[str, list[dict[str, Any]]]:
        put(FILE, csv_of(*rows))
        found: dict[str, list[dict[str, Any]]] = land(databricks(**config), DAY).rows
        return found

    return take


@pytest.fixture
def refused(refusal: Any) -> Callable[[Source], ReconcileError]:
    """The error of a day that is not taken; see ``refusal``."""
    return partial(refusal, unit=DAY)


def costs(rows: dict[str, list[dict[str, Any]]]) -> list[str]:
    return [row["billed_cost_text"] for row in rows["charges"]]


# Prices ---------------------------------------------------------------------------------------------------------------


def test_the_account_pays_its_own_prices_and_the_list_stays_beside(read: Any) -> None:
    (row,) = read(USAGE | {"usage_quantity": "100"})["charges"]
    assert (row["billed_cost"], row["effective_cost"], row["list_cost"]) == (5, 5, 7)
    (row,) = read(USAGE | {"usage_quantity": "100"}, billed_at="list_prices", name="list")["charges"]
    assert (row["billed_cost"], row["list_cost"]) == (7, 7)


def test_a_cost_is_exact(read: Any) -> None:
    assert costs(read(USAGE)) == ["0.62500000000000000005"]


def test_a_price_is_of_sku_cloud_unit_and_time(put: Put, read: Any) -> None:
    others = ({"cloud": "GCP"}, {"usage_unit": "GB"}, {"sku_name": "OTHER"}, {"price_end_time": "2026-09-01T00:00:00Z"})
    put("account_prices/part-0.csv", csv_of(OWN, *(OWN | other | {"pricing": pricing("9")} for other in others)))
    assert costs(read(USAGE | {"usage_quantity": "100"})) == ["5.00"]


@pytest.mark.parametrize(("change", "cost"), [("10:00:00", "9"), ("10:00:01", "5")])
def test_the_price_is_the_one_in_force_when_usage_ended(put: Put, read: Any, change: str, cost: str) -> None:
    at = f"2026-09-15T{change}.000+00:00"
    put(
        "account_prices/part-0.csv",
        csv_of(
            OWN | {"price_end_time": at, "pricing": pricing("5")},
            OWN | {"price_start_time": at, "pricing": pricing("9")},
        ),
    )
    assert costs(read(USAGE | {"usage_quantity": "1"})) == [cost]


def test_a_price_told_twice_is_one_and_two_are_refused(put: Put, databricks: Any, read: Any, refused: Any) -> None:
    put("account_prices/part-0.csv", csv_of(OWN, OWN | {"account_id": "", "pricing": pricing("0.050")}))
    assert [row["billed_cost"] for row in read(USAGE | {"usage_quantity": "2"})["charges"]] == [Decimal("0.1")]
    put("account_prices/part-0.csv", csv_of(OWN, OWN | {"pricing": pricing("0.06")}))
    problem = refused(databricks(name="two"))
    assert "2 prices are in force at 2026-09-15 10:00:00: 0.05 USD, 0.06 USD" in str(problem)
    assert (problem.file, problem.line) == (FILE, 2)


def test_two_currencies_need_a_word(put: Put, databricks: Any, read: Any, refused: Any) -> None:
    euro = {"currency_code": "EUR", "pricing": pricing("0.04")}
    put("account_prices/part-0.csv", csv_of(OWN, OWN | euro))
    put(FILE, csv_of(USAGE))
    assert "set `currency`" in str(refused(databricks()).hint)
    (row,) = read(USAGE | {"usage_quantity": "100"}, currency="EUR")["charges"]
    # The list is told in dollars only.
    assert (row["billing_currency"], row["billed_cost"], row["list_cost"]) == ("EUR", 4, None)


def test_a_list_in_another_currency_is_no_list_cost(put: Put, read: Any) -> None:
    put("list_prices/part-0.csv", csv_of(PRICE | {"currency_code": "EUR"}))
    (row,) = read(USAGE)["charges"]
    assert (row["billing_currency"], row["list_cost"]) == ("USD", None)


def test_a_record_without_price_is_a_row_that_says_so(put: Put, read: Any) -> None:
    """Nor is it billed at the list's, where an account has prices of its own."""
    put("list_prices/part-0.csv", csv_of(PRICE, PRICE | {"sku_name": "PREVIEW"}))
    rows = read(USAGE, USAGE | {"record_id": "two", "sku_name": "PREVIEW"})
    assert len(rows["charges"]) == 1
    (lost,) = rows["rejected_records"]
    assert lost["reason"] == ("no price of PREVIEW in account_prices at 2026-09-15 10:00:00, so its cost is not known")
    assert (lost["unit"], lost["landing_line"], lost["charge_day"]) == (FILE, 3, date(2026, 9, 15))


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"pricing": "0.05"}, "pricing '0.05' tells no price"),
        ({"pricing": "{}"}, "pricing '{}' tells no price"),
        ({"pricing": "[" * 9_999}, "tells no price"),
        ({"pricing": pricing("NaN")}, "is not a plain decimal amount"),
        ({"price_start_time": "yesterday"}, "yesterday"),
    ],
)
def test_a_price_that_is_none_is_refused(
    put: Put, databricks: Any, refused: Any, cells: dict[str, str], problem: str
) -> None:
    put("account_prices/part-0.csv", csv_of(OWN | cells))
    put(FILE, csv_of(USAGE))
    found = refused(databricks())
    assert problem in str(found)
    assert (found.file, found.line) == ("account_prices.csv", 2)


def test_prices_of_other_skus_and_a_new_export_are_no_news(put: Put, databricks: Any, land: Any) -> None:
    put(FILE, csv_of(USAGE))
    assert land(databricks(), DAY, datetime(2026, 10, 2)).news
    put("account_prices/part-0.csv", csv_of(OWN | {"sku_name": "OTHER"}))
    put("account_prices/part-1.csv", csv_of(OWN))
    put("list_prices/part-0.csv", csv_of(PRICE, PRICE))
    assert not land(databricks(), DAY, datetime(2026, 10, 3)).news
    put("account_prices/part-1.csv", csv_of(OWN | {"pricing": pricing("0.06")}))
    assert land(databricks(), DAY, datetime(2026, 10, 4)).news


@pytest.mark.parametrize("table", ["list_prices", "account_prices"])
def test_without_an_export_of_prices_nothing_lands(
    put: Put, databricks: Any, refused: Any, tmp_path: Path, table: str
) -> None:
    put(FILE, csv_of(USAGE))
    (tmp_path / "export" / table / "part-0.csv").rename(tmp_path / "export" / table / "_part-0.csv")
    assert f"no export of {table}" in str(refused(databricks()))


def test_a_day_that_landed_without_the_prices_now_declared(put: Put, databricks: Any, land: Any) -> None:
    put(FILE, csv_of(USAGE | {"usage_quantity": "100"}))
    landed = land(databricks(billed_at="list_prices"), DAY, datetime(2026, 10, 2)).landed
    with pytest.raises(SourceRejected, match="account_prices did not land with this day") as caught:
        list(databricks().normalise(landed))
    assert (caught.value.source, caught.value.period) == ("databricks", DAY)
    assert "fetched with account_prices, or set `billed_at` back" in str(caught.value.hint)
    again = land(databricks(), DAY, datetime(2026, 10, 3))
    assert again.news
    assert costs(again.rows) == ["5.00"]
    # The list's prices land in either case.
    (row,) = databricks(billed_at="list_prices").rows(again.landed)
    assert row[1]["billed_cost_text"] == "7.00"


# Records --------------------------------------------------------------------------------------------------------------


def test_a_record_in_parquet_and_csv_is_one_line(put: Put, databricks: Any, land: Any, read: Any) -> None:
    (told,) = read(USAGE)["charges"]
    expected = {
        "billing_account_id": USAGE["account_id"],
        "sub_account_id": "1234567890123456",
        "service_name": "MODEL_SERVING",
        "sku_id": TOKENS,
        "sku_meter": "TOKEN",
        "charge_description": "databricks-meta-llama-3-3-70b-instruct",
        "charge_period_start": datetime(2026, 9, 15, 9),
        "charge_period_end": datetime(2026, 9, 15, 10),
        "billing_period_start": date(2026, 9, 1),
        "charge_category": "Usage",
        "charge_class": None,
        "consumed_unit": "DBU",
        # A DBU is no token, and nothing tells how many it was.
        "quantity": None,
        "provider": "Databricks",
        "invoice_issuer_name": "Databricks",
        "line_id": USAGE["record_id"],
        "tags": '{"team": "search"}',
    }
    assert {name: told[name] for name in expected} == expected
    put("list_prices/part-0.csv", csv_of(like=PRICE))
    put("list_prices/part-1.parquet", parquet_of(PRICE, PRICE | {"price_end_time": "2026-02-01T00:00:00.000+00:00"}))
    put(FILE.replace("15/", "16/").replace("csv", "snappy.parquet"), parquet_of(USAGE))
    (row,) = land(databricks(), "2026-09-16").rows["charges"]
    assert row["charge_id"] == told["charge_id"]


def test_all_three_kinds_of_record_add_up(read: Any) -> None:
    rows = read(WRONG, TAKEN_BACK, TOLD_AGAIN)["charges"]
    assert sum(row["billed_cost"] for row in rows) == Decimal("0.20")
    assert [row["charge_class"] for row in rows] == [None, "Correction", "Correction"]


def test_a_retraction_that_adds_is_refused(put: Put, databricks: Any, refused: Any) -> None:
    put(FILE, csv_of(WRONG, TAKEN_BACK | {"usage_quantity": "10"}))
    problem = refused(databricks())
    assert "a retraction of 10" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"usage_quantity": "many"}, "is not a plain decimal amount"),
        ({"usage_quantity": ""}, "is not a plain decimal amount"),
        ({"usage_quantity": "1e15"}, "BilledCost: "),
        ({"usage_end_time": ""}, "Invalid isoformat string"),
        ({"usage_end_time": "2026-09-15T08:00:00Z"}, "is before ChargePeriodStart"),
        ({"record_type": "GUESS"}, "record_type 'GUESS' is none of ORIGINAL"),
        ({"billing_origin_product": ""}, None),
    ],
)
def test_a_record_that_is_none_is_refused_by_file_and_line(
    put: Put, databricks: Any, land: Any, refused: Any, cells: dict[str, str], problem: str | None
) -> None:
    put(FILE, csv_of(USAGE, USAGE | {"record_id": "two"} | cells))
    if problem is None:
        assert land(databricks(), DAY).rows["charges"][1]["service_name"] is None
        return
    found = refused(databricks())
    assert problem in str(found)
    assert (found.file, found.line) == (FILE, 3)


def test_text_is_taken_as_text_and_metadata_that_is_none_tells_nothing(read: Any) -> None:
    (row,) = read(USAGE | {"usage_metadata": "[" * 9_999, "billing_origin_product": "\u202e=1+1"})["charges"]
    assert (row["charge_description"], row["service_name"]) == (None, "\u202e=1+1")


def test_on_azure_the_invoice_is_microsofts(put: Put, read: Any) -> None:
    put("account_prices/part-0.csv", csv_of(OWN | {"cloud": "AZURE"}))
    (row,) = read(USAGE | {"cloud": "AZURE"})["charges"]
    assert (row["invoice_issuer_name"], row["provider"]) == ("Microsoft", "Databricks")


def test_a_column_that_is_missing_is_named(put: Put, databricks: Any, refused: Any) -> None:
    put(FILE, csv_of({name: text for name, text in USAGE.items() if name != "record_type"}))
    problem = refused(databricks())
    assert isinstance(problem, SourceChangedShape)
    assert "no column record_type" in str(problem)


# Days -----------------------------------------------------------------------------------------------------------------


def test_a_bucket_holds_the_exports(bucket: Bucket, databricks: Any, land: Any) -> None:
    bucket.put(f"acme/{FILE}", csv_of(USAGE))
    bucket.put(f"acme/usage/ingestion_date={DAY}/_committed_1", b"{}")
    bucket.put("acme/list_prices/part-0.parquet", parquet_of(PRICE))
    bucket.put("acme/account_prices/part-0.parquet", parquet_of(OWN))
    bucket.put("acme/usage/_SUCCESS", b"")
    source = databricks(uri=f"s3://{bucket.name}/acme", endpoint_url=bucket.endpoint_url, success_file=True)
    assert list(source.units(Period(date(2026, 9, 1), date(2026, 9, 2)))) == [DAY]
    taken = land(source, DAY)
    assert costs(taken.rows) == ["0.62500000000000000005"]
    assert [item.name for item in taken.landed.objects] == [FILE, "list_prices.csv", "account_prices.csv"]


def test_units_are_days_of_ingestion_from_the_start_of_the_period(put: Put, databricks: Any) -> None:
    for day in ("2026-08-31", "2026-09-01", "2026-10-20", "2026-99-99"):
        put(f"usage/ingestion_date={day}/part-0.csv", csv_of(USAGE))
    september = Period(date(2026, 9, 1), date(2026, 10, 1))
    units = list(databricks().units(september))
    assert units == ["2026-09-01", "2026-10-20"]
    assert [str(day.start) for day in databricks().answered(september, units)] == units
    assert databricks().lists("2026-09-01", september)


def test_a_correction_counts_on_the_day_it_corrects(put: Put, databricks: Any, land: Any) -> None:
    put("usage/ingestion_date=2026-10-20/part-0.csv", csv_of(TAKEN_BACK, TOLD_AGAIN))
    rows = land(databricks(), "2026-10-20").rows["charges"]
    assert {row["charge_period_start"] for row in rows} == {datetime(2026, 9, 15, 9)}


def test_a_day_exported_twice_is_refused(put: Put, databricks: Any, refused: Any) -> None:
    put(FILE, csv_of(USAGE))
    put(FILE.replace("00000", "00001"), csv_of(USAGE))
    problem = refused(databricks())
    assert f"record {USAGE['record_id']} is there twice" in str(problem)
    assert (problem.file, problem.line) == (FILE.replace("00000", "00001"), 2)


def test_a_day_newer_than_the_mark_of_success_is_being_written(
    put: Put, databricks: Any, land: Any, refused: Any, tmp_path: Path
) -> None:
    put(FILE, csv_of(USAGE))
    source = databricks(success_file=True)
    problem = refused(source)
    assert isinstance(problem, PeriodIncomplete)
    put("usage/_SUCCESS", b"")
    mark = tmp_path / "export" / "usage" / "_SUCCESS"
    os.utime(mark, (1, 1))
    assert "_SUCCESS is missing or older" in str(refused(source))
    os.utime(mark)
    assert land(source, DAY).news


def test_a_cut_file_lands_nothing(put: Put, databricks: Any, tmp_path: Path) -> None:
    put(FILE.replace("csv", "parquet"), parquet_of(USAGE)[:-9])
    with pytest.raises(SourceRejected, match="not a readable Parquet file"):
        databricks().fetch(DAY, Landing(tmp_path / "landing").pull("databricks", "databricks", DAY))


def test_a_day_that_is_not_there(put: Put, databricks: Any, refused: Any) -> None:
    put("usage/ingestion_date=2026-09-16/part-0.csv", csv_of(USAGE))
    assert "not exported" in str(refused(databricks()))


def test_a_day_without_records_is_a_day(read: Any) -> None:
    assert read() == {}


def test_a_restated_day_replaces_it(put: Put, databricks: Any, land: Any) -> None:
    put(FILE, csv_of(USAGE, USAGE | {"record_id": "two"}))
    first = land(databricks(), DAY, datetime(2026, 10, 2))
    again = land(databricks(), DAY, datetime(2026, 10, 3))
    assert (first.news, again.news, again.rows) == (True, False, first.rows)
    put(FILE, csv_of(USAGE))
    changed = land(databricks(), DAY, datetime(2026, 10, 4))
    assert [row["charge_id"] for row in changed.rows["charges"]] == [first.rows["charges"][0]["charge_id"]]
