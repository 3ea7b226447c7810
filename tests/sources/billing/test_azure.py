"""Azure's exports: which run is a month, what each dataset and version tells, and the traps of its formats by name.

Where such bills go wrong, and the test that holds it:

- a run is the whole month to date, beside or over the one before:
  test_a_month_is_what_its_newest_run_wrote_however_runs_are_named,
  test_what_an_overwritten_run_left_behind_does_not_count, test_redelivery_is_no_news_and_a_restatement_replaces
- the manifest is written last, and names what counts:
  test_a_run_that_is_still_written_does_not_count_and_one_that_lost_a_partition_is_refused
- rows counted by partition or once for all: test_a_manifest_that_does_not_say_what_is_there_is_refused
- a partition cut off: test_a_partition_that_is_cut_off_is_refused
- actual and amortized cost of one account, added: test_two_exports_in_one_folder_are_refused_and_never_added
- a closed month that settles: test_units_are_delivered_months_and_the_one_before
- a container of Azure's, a copy elsewhere: test_a_container_and_a_bucket_hold_the_same_export
- an export without manifests: test_without_manifests_the_files_written_last_count
- times without seconds, a meter's name in another column, names of the preview:
  test_every_version_and_form_of_focus_tells_the_same
- columns in any case, by agreement: test_a_customer_agreement_in_euros_is_read_by_its_own_names
- pay-as-you-go without account and period: test_pay_as_you_go_tells_no_account_and_no_period
- dates with the month first: test_a_file_that_writes_the_day_first_is_refused_unless_it_is_said,
  test_days_without_a_billing_period_show_their_order_or_are_refused
- thousands and millions, units divided into a block and `Units`: test_tokens_are_counted_from_units_and_blocks
- names of meters as anyone abbreviates them: test_a_meter_is_read_by_all_of_its_words,
  test_a_meter_with_an_unknown_word_keeps_its_money_without_a_model
- a meter that is renamed, a SKU id of more than one price: test_a_meter_under_two_names_is_one_sku_in_every_dataset
- provisioned throughput by the hour, no deployment: test_provisioned_throughput_is_used_idle_or_bought
- commitments, idle, bought and refunded: test_commitments_of_cost_details_are_used_idle_bought_and_refunded
- 0 or nothing where it is unknown (list and contracted cost, service, invoice, subscription), tags without braces,
  rounding, credits, a shortfall: test_a_trap_of_the_focus_dataset
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import PeriodIncomplete, ReconcileError, SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.billing import azure_meters
from reconcilers.sources.contract import Source
from tests.sources.billing.azure_export import (
    COSTS,
    DAYS,
    FOCUS,
    MONTH,
    PTU,
    Put,
    csv_of,
    deliver,
    focus_1_0,
    focus_1_0_preview,
    focus_1_0r2,
    gz_of,
    parquet_of,
)
from tests.sources.conftest import Bucket, Container

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
REAL_DATA = os.environ.get("REAL_DATA")
real = pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")
GPT_41 = {
    "model": "gpt-4.1",
    "meter": "input_tokens",
    "service_tier": "standard",
    "batch": "false",
    "geography": "global",
}


@pytest.fixture
def azure(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``export``."""

    def load(**config: Any) -> Source:
        return registry.load("billing", {"name": "azure", "kind": "azure", "uri": str(tmp_path / "export")} | config)

    return load


@pytest.fixture
def charged(put: Put, azure: Any, land: Any) -> Callable[..., list[dict[str, Any]]]:
    """The charges of a month of one run with these rows."""

    def take(*rows: Mapping[str, str], dataset: str = "FocusCost", **config: Any) -> list[dict[str, Any]]:
        deliver(put, [rows], dataset=dataset)
        named = {"FocusCost": "focus", "ActualCost": "actual", "AmortizedCost": "amortized"}[dataset]
        rows: list[dict[str, Any]] = land(azure(dataset=named, **config), MONTH).rows.get("charges", [])
        return rows

    return take


@pytest.fixture
def refused(refusal: Any) -> Callable[[Source], ReconcileError]:
    """The error of a month that is not taken; see ``refusal``."""
    return partial(refusal, unit=MONTH)


def costs(rows: list[dict[str, Any]]) -> list[Decimal]:
    return [row["billed_cost"] for row in rows]


def below(put: Put, folder: str) -> Put:
    return lambda key, content: put(f"{folder}/{key}", content)


def told(row: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in like}


# Which run is a month -------------------------------------------------------------------------------------------------


def test_a_month_is_what_its_newest_run_wrote_however_runs_are_named(put: Put, azure: Any, land: Any) -> None:
    """Trap: runs have random names, which have no order, and each tells the month to date again."""
    older, newer = FOCUS | {"BilledCost": "1"}, FOCUS | {"BilledCost": "2"}
    deliver(put, [[newer], [newer]], run="10000000-0000-4000-8000-000000000002")
    deliver(put, [[older]], run="f0000000-0000-4000-8000-000000000001", submitted="2026-09-14T06:10:00Z")
    taken = land(azure(), MONTH)
    assert costs(taken.rows["charges"]) == [2, 2]
    assert len({row["charge_id"] for row in taken.rows["charges"]}) == 2
    assert [item.name.rpartition("/")[2] for item in taken.landed.objects] == [
        "manifest.json",
        "part_0_0001.csv",
        "part_1_0001.csv",
    ]


def test_a_run_that_is_still_written_does_not_count_and_one_that_lost_a_partition_is_refused(
    put: Put, azure: Any, land: Any, refused: Any, tmp_path: Path
) -> None:
    deliver(put, [[FOCUS]], run="1/a", submitted="2026-09-14T06:00:00Z")
    put(f"{DAYS}/2/b/part_0_0001.csv", csv_of([FOCUS, FOCUS]))  # its manifest comes last
    assert len(land(azure(), MONTH).rows["charges"]) == 1
    deliver(put, [[FOCUS], [FOCUS]], run="2/b")
    (tmp_path / "export" / DAYS / "2/b/part_1_0001.csv").unlink()
    with pytest.raises(PeriodIncomplete, match=r"names .*2/b/part_1_0001.csv, which is not there"):
        land(azure(), MONTH)


def test_what_an_overwritten_run_left_behind_does_not_count(put: Put, azure: Any, land: Any) -> None:
    deliver(put, [[FOCUS], [FOCUS | {"BilledCost": "7"}]], run="same")
    deliver(put, [[FOCUS]], run="same", submitted="2026-09-16T06:00:00Z")
    assert costs(land(azure(), MONTH).rows["charges"]) == [10]


def test_redelivery_is_no_news_and_a_restatement_replaces(put: Put, azure: Any, land: Any) -> None:
    deliver(put, [[FOCUS, FOCUS | {"BilledCost": "3"}]])
    first = land(azure(), MONTH, datetime(2026, 9, 16))
    again = land(azure(), MONTH, datetime(2026, 9, 17))
    assert (first.news, again.news, again.rows) == (True, False, first.rows)
    deliver(put, [[FOCUS | {"BilledCost": "3"}]], run="next", submitted="2026-09-18T00:00:00Z")
    (left,) = land(azure(), MONTH, datetime(2026, 9, 18)).rows["charges"]
    assert left["charge_id"] == first.rows["charges"][1]["charge_id"]


def test_units_are_delivered_months_and_the_one_before(put: Put, azure: Any) -> None:
    for days in ("20260701-20260731", "20260801-20260831", DAYS, "20261001-20261031"):
        put(f"{days}/run/manifest.json", b"{}")
    assert list(azure().units(Period(date(2026, 9, 5), date(2026, 9, 6)))) == ["2026-08", "2026-09"]
    assert list(azure(earlier_months=0).units(SEPTEMBER)) == ["2026-09", "2026-10"]
    assert list(azure().answered(SEPTEMBER, ["2026-09"])) == [SEPTEMBER]


def test_a_month_without_usage_is_delivered_and_empty(put: Put, azure: Any, land: Any) -> None:
    deliver(put, [[]])
    assert land(azure(), MONTH).rows == {}
    deliver(put, [], run="later", submitted="2026-09-30T00:00:00Z")
    assert land(azure(), MONTH).rows == {}


def test_a_container_and_a_bucket_hold_the_same_export(
    container: Container, bucket: Bucket, azure: Any, land: Any
) -> None:
    at = {
        "az": ({"uri": f"az://{container.name}/costs/daily"}, container.put),
        "s3": ({"uri": f"s3://{bucket.name}/costs/daily", "endpoint_url": bucket.endpoint_url}, bucket.put),
    }
    found = {}
    for name, (config, keep) in at.items():
        deliver(below(keep, "costs/daily"), [[FOCUS], [FOCUS]])
        source = azure(name=name, **config)
        assert list(source.units(SEPTEMBER)) == [MONTH]
        taken = land(source, MONTH)
        found[name] = [told(row, GPT_41) for row in taken.rows["charges"]]
        assert taken.landed.objects[1].uri.endswith("/costs/daily/" + taken.landed.objects[1].name)
    assert found["az"] == found["s3"] == [GPT_41, GPT_41]


@pytest.mark.parametrize(
    ("said", "error", "problem"),
    [
        ({"blobs": None}, SourceChangedShape, "the manifest has no list blobs"),
        ({"blobs": [{"byteCount": 3}]}, SourceChangedShape, "the manifest has no list blobs"),
        ({"blobs": [], "blobCount": 0}, PeriodIncomplete, "the manifest names no partition"),
        ({"blobCount": 2}, SourceRejected, "the manifest names 1 of 2 partitions"),
        ({"blobs": [{"blobName": "../../etc/passwd"}]}, SourceRejected, "leads out of its folder"),
        ({"blobs": [{"blobName": "/etc/passwd"}]}, SourceRejected, "leads out of its folder"),
        ({"blobs": [{"blobName": f"x/{DAYS}/other/part_0_0001.csv"}]}, SourceRejected, "not in its folder, or twice"),
        ({"blobs": [{"blobName": "x/20260801-20260831/r/part_0_0001.csv"}]}, SourceRejected, "not in its folder"),
        ({"exportConfig": {"type": "ActualCost"}}, SourceRejected, "the export is of ActualCost, not of FocusCost"),
        (
            {"blobs": [{"blobName": f"x/{DAYS}/r/part_0_0001.csv", "dataRowCount": 3}]},
            SourceRejected,
            "2 rows where the manifest states 3",
        ),
        # A manifest that counts rows once for all its partitions.
        (
            {"blobs": [{"blobName": f"x/{DAYS}/r/part_0_0001.csv"}], "dataRowCount": 3},
            SourceRejected,
            "2 rows where the manifest states 3 in all",
        ),
    ],
)
def test_a_manifest_that_does_not_say_what_is_there_is_refused(
    put: Put, azure: Any, refused: Any, said: dict[str, Any], error: type[ReconcileError], problem: str
) -> None:
    deliver(put, [[FOCUS, FOCUS]], run="r", **said)
    found = refused(azure())
    assert isinstance(found, error)
    assert problem in str(found)


def test_a_partition_named_twice_is_refused(put: Put, azure: Any, refused: Any) -> None:
    (key,) = deliver(put, [[FOCUS]])
    deliver(put, [[FOCUS]], blobs=[{"blobName": f"x/{key}"}] * 2, blobCount=2)
    assert "twice" in str(refused(azure()))


def test_a_manifest_that_is_no_json_and_a_month_without_one_are_told(put: Put, azure: Any, refused: Any) -> None:
    put(f"{DAYS}/run/part_0_0001.csv", csv_of([FOCUS]))
    assert "no manifest.json" in str(refused(azure()))
    put(f"{DAYS}/run/manifest.json", b'{"blobs": [')
    assert "not valid JSON" in str(refused(azure()))


def test_a_partition_that_is_cut_off_is_refused(put: Put, azure: Any, refused: Any) -> None:
    (key,) = deliver(put, [[FOCUS] * 9], write=gz_of, suffix="csv.gz")
    put(key, gz_of([FOCUS] * 9)[:-12])
    assert "gzip data ends early" in str(refused(azure()))


def test_two_exports_in_one_folder_are_refused_and_never_added(put: Put, azure: Any) -> None:
    """Trap: actual and amortised costs, or two scopes, tell the same usage."""
    for name in ("actual", "amortized"):
        deliver(below(put, name), [[FOCUS]])
    with pytest.raises(SourceRejected, match="holds several exports: actual, amortized"):
        list(azure().units(SEPTEMBER))


@pytest.mark.parametrize(
    "days",
    ["20260701-20260930", "20260920-20260926", "20260901-20260907", "20261301-20261331", "99991201-99991231"],
    ids=["of months", "of a week", "of the first week", "of no days", "at the end of time"],
)
def test_an_export_of_anything_but_a_month_is_refused(put: Put, azure: Any, days: str) -> None:
    """Trap: a run of some days would stand for its month, and the other days would be gone."""
    deliver(put, [[FOCUS]], days=days)
    with pytest.raises(SourceRejected, match=f"its folder {days} is not of one month"):
        list(azure().units(SEPTEMBER))


def test_a_line_of_another_month_is_refused(put: Put, azure: Any, refused: Any) -> None:
    deliver(put, [[FOCUS, FOCUS | {"BillingPeriodStart": "2026-08-01T00:00:00Z"}]])
    assert "line 3: billing period 2026-08-01T00:00:00Z in the delivery of 2026-09" in str(refused(azure()))


# Without manifests ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dated(put: Put, tmp_path: Path) -> Callable[..., None]:
    def write(key: str, rows: list[dict[str, str]], hour: int) -> None:
        put(f"{DAYS}/{key}", csv_of(rows))
        at = datetime(2026, 9, 20, hour).timestamp()
        os.utime(tmp_path / "export" / DAYS / key, (at, at))

    return write


def test_without_manifests_the_files_written_last_count(dated: Any, azure: Any, land: Any) -> None:
    dated("f000/part_0_0001.csv", [FOCUS | {"BilledCost": "1"}], 6)
    dated("1000/part_0_0001.csv", [FOCUS | {"BilledCost": "2"}], 7)
    dated("1000/part_0_0002.csv", [FOCUS | {"BilledCost": "3"}], 8)
    assert costs(land(azure(manifests=False), MONTH).rows["charges"]) == [2, 3]


def test_an_old_export_is_a_file_a_run(dated: Any, azure: Any, land: Any) -> None:
    dated("daily_f000.csv", [FOCUS | {"BilledCost": "1"}], 6)
    dated("daily_1000.csv", [FOCUS | {"BilledCost": "2"}], 7)
    assert costs(land(azure(manifests=False), MONTH).rows["charges"]) == [2]


def test_without_manifests_a_partition_before_another_and_an_order_have_to_be_there(
    dated: Any, azure: Any, refused: Any
) -> None:
    dated("a/part_0_0002.csv", [FOCUS], 6)
    assert "a partition before" in str(refused(azure(manifests=False)))
    dated("a/part_0_0001.csv", [FOCUS], 6)
    dated("b/part_0_0001.csv", [FOCUS], 6)
    assert "modified at the same time" in str(refused(azure(manifests=False)))


def test_without_manifests_one_that_lies_there_is_not_read(put: Put, dated: Any, azure: Any, land: Any) -> None:
    """Trap: a manifest is newer than its partitions, so it would be the newest file, and a month of nothing."""
    dated("a/part_0_0001.csv", [FOCUS], 6)
    put(f"{DAYS}/a/manifest.json", b"of whatever made the copy")
    put("20261001-20261031/a/manifest.json", b"{}")
    source = azure(manifests=False)
    assert list(source.units(SEPTEMBER)) == [MONTH]
    taken = land(source, MONTH)
    assert costs(taken.rows["charges"]) == [10]
    assert [item.name for item in taken.landed.objects] == [f"{DAYS}/a/part_0_0001.csv"]


# Datasets and versions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "suffix"),
    [(csv_of, "csv"), (gz_of, "csv.gz"), (parquet_of, "snappy.parquet")],
    ids=["csv", "gz", "parquet"],
)
@pytest.mark.parametrize("version", ["1.0-preview(v1)", "1.0", "1.0r2", "1.2-preview"])
def test_every_version_and_form_of_focus_tells_the_same(
    put: Put, azure: Any, land: Any, write: Any, suffix: str, version: str
) -> None:
    """Traps: 1.0 writes times without seconds, before 1.2 the meter and the invoice stand in columns of Azure's own, and the
    preview calls a quantity another name.
    """
    row = FOCUS | {"InvoiceId": "G000111222"}
    written = {"1.0-preview(v1)": focus_1_0_preview, "1.0": focus_1_0, "1.0r2": focus_1_0r2}
    given = written[version](row) if version in written else row
    deliver(put, [[given]], write=write, suffix=suffix)
    (found,) = land(azure(), MONTH).rows["charges"]
    expected = GPT_41 | {
        "quantity": Decimal(5_000_000),
        "billed_cost_text": "10.00",
        "charge_period_start": datetime(2026, 9, 14),
        "charge_period_end": datetime(2026, 9, 15),
        "billing_period_start": date(2026, 9, 1),
        "sku_meter": "gpt 4.1 Inp glbl Tokens",
        "sku_id": "f0e1d2c3-0000-4000-8000-000000000001",
        "invoice_id": "G000111222",
        "service_name": "Azure OpenAI",
        "region": "swedencentral",
        "provider": "Microsoft",
        "list_cost": Decimal("12.5"),
        "contracted_cost": Decimal(10),
    }
    assert told(found, expected) == expected


def test_what_the_preview_says_in_a_subcategory_is_said(charged: Any) -> None:
    row = focus_1_0_preview(PTU)
    used, idle, credit = charged(
        row | {"ChargeSubcategory": "Used Commitment"},
        row | {"ChargeSubcategory": "Unused Commitment"},
        row | {"ChargeCategory": "Adjustment", "ChargeSubcategory": "Credit", "BilledCost": "-5"},
    )
    assert [one["commitment_discount_status"] for one in (used, idle, credit)] == ["Used", "Unused", None]
    assert (credit["charge_category"], credit["billed_cost"]) == ("Credit", -5)


def test_a_meter_under_two_names_is_one_sku_in_every_dataset(charged: Any) -> None:
    """``skus.csv`` names the meter by its id; the dataset's own SKU id is of more than one price."""
    names = ("gpt 4.1 Inp glbl Tokens", "gpt-4.1-renamed glbl in")
    focus = charged(*(FOCUS | {"SkuMeter": name, "SkuId": "DZH318Z0BP04"} for name in names))
    details = charged(*(COSTS | {"MeterName": name} for name in names), dataset="ActualCost")
    assert {row["sku_id"] for row in (*focus, *details)} == {FOCUS["x_SkuMeterId"]}
    assert [row["sku_meter"] for row in (*focus, *details)] == [*names, *names]
    (without,) = charged(FOCUS | {"SkuId": "DZH318Z0BP04", "x_SkuMeterId": ""})
    assert without["sku_id"] == "DZH318Z0BP04"


def test_cost_details_tell_the_same_usage_as_focus(charged: Any) -> None:
    (found,) = charged(COSTS, dataset="ActualCost")
    expected = GPT_41 | {
        "quantity": Decimal(5_000_000),
        "billed_cost_text": "10.00",
        "effective_cost_text": "10.00",
        "list_cost": None,
        "charge_period_start": datetime(2026, 9, 14),
        "charge_period_end": datetime(2026, 9, 15),
        "billing_period_start": date(2026, 9, 1),
        "billing_account_id": "8611537",
        "sub_account_id": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
        "tags": '{"env": "prod"}',
        "provider": "Microsoft",
        "invoice_issuer_name": "Microsoft",
    }
    assert told(found, expected) == expected


MCA = {
    "billingAccountId": "/providers/Microsoft.Billing/billingAccounts/a",
    "billingProfileId": "/providers/Microsoft.Billing/billingAccounts/a/billingProfiles/b",
    "billingPeriodStartDate": "2026-09-01",
    "billingPeriodEndDate": "2026-09-30",
    "SubscriptionId": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
    "date": "2026-09-14",
    "productName": "Azure OpenAI",
    "meterCategory": "Foundry Models",
    "meterSubCategory": "Azure OpenAI",
    "meterName": "gpt 4.1 Inp glbl Tokens",
    "quantity": "5000",
    "effectivePrice": "0.0021",
    "costInBillingCurrency": "9.30",
    "costInPricingCurrency": "10.50",
    "costInUsd": "10.50",
    "paygCostInBillingCurrency": "11.40",
    "billingCurrency": "EUR",
    "pricingCurrency": "USD",
    "unitOfMeasure": "1K",
    "chargeType": "Usage",
    "pricingModel": "OnDemand",
    "invoiceId": "G000111222",
    "tags": "",
}


def test_a_customer_agreement_in_euros_is_read_by_its_own_names(charged: Any) -> None:
    """Traps: other capitals, a profile for an account, a price in another currency, amounts in dollars beside the billed one."""
    (found,) = charged(MCA, dataset="ActualCost")
    expected = {
        "billed_cost": Decimal("9.3"),
        "billing_currency": "EUR",
        "list_cost": Decimal("11.4"),
        "billing_account_id": "/providers/Microsoft.Billing/billingAccounts/a/billingProfiles/b",
        "invoice_id": "G000111222",
        "quantity": Decimal(5_000_000),
        "model": "gpt-4.1",
    }
    assert told(found, expected) == expected


def test_pay_as_you_go_tells_no_account_and_no_period(charged: Any, put: Put, azure: Any, refused: Any) -> None:
    row = {
        "SubscriptionGuid": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
        "UsageDateTime": "2026-09-14",
        "MeterCategory": "Foundry Models",
        "MeterName": "gpt 4.1 Inp glbl Tokens",
        "UsageQuantity": "5000",
        "ResourceRate": "0.002",
        "PreTaxCost": "10.00",
        "Currency": "USD",
        "UnitOfMeasure": "1K",
    }
    deliver(put, [[row]], dataset="ActualCost")
    assert "no column BillingProfileId or BillingAccountId -> set `billing_account_id`" in str(
        refused(azure(dataset="actual"))
    )
    (found,) = charged(row, dataset="ActualCost", billing_account_id="acme")
    assert told(
        found, GPT_41 | {"billing_account_id": "", "billing_period_start": "", "charge_category": ""}
    ) == GPT_41 | {
        "billing_account_id": "acme",
        "billing_period_start": date(2026, 9, 1),
        "charge_category": "Usage",
    }


def test_a_file_in_another_language_has_the_names_in_brackets(charged: Any) -> None:
    """Trap: a portal in German heads its columns in German, some of them, with the name behind."""
    german = {
        "Abonnement-GUID (SubscriptionGuid)": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
        "UsageDateTime (UsageDateTime)": "2026-09-14",
        "Kategorie der Verbrauchseinheit (MeterCategory)": "Foundry Models",
        "Name der Verbrauchseinheit (MeterName)": "gpt 4.1 Inp glbl Tokens",
        "UsageQuantity (UsageQuantity)": "5000",
        "Ressourcensatz (ResourceRate)": "0.002",
        "costInBillingCurrency": "10.00",
        "Currency": "EUR",
        "Maßeinheit (UnitOfMeasure)": "1K",
    }
    (found,) = charged(german, dataset="ActualCost", billing_account_id="acme")
    expected = GPT_41 | {
        "quantity": Decimal(5_000_000),
        "billed_cost": Decimal(10),
        "billing_currency": "EUR",
        "sub_account_id": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
        "service_name": "Foundry Models",
    }
    assert told(found, expected) == expected


# Traps, one by one ----------------------------------------------------------------------------------------------------


#: (consumed, pricing quantity, block size, price of a block, what it cost) → tokens
COUNTS: dict[str, tuple[tuple[str, str, str, str, str], int | None]] = {
    # as documented: the consumed quantity counts tokens, the pricing quantity blocks
    "tokens and blocks": (("5000000", "5000", "1000", "0.002", "10"), 5_000_000),
    # before Azure mended it, the pricing quantity was the block's thousandth once more
    "blocks and thousandths": (("5000", "5", "1000", "0.002", "10"), 5_000_000),
    "blocks twice": (("5000", "5000", "1000", "0.002", "10"), 5_000_000),
    "blocks of a million": (("3", "3", "1000000", "2", "6"), 3_000_000),
    "a discount": (("5000000", "5000", "1000", "0.002", "7"), 5_000_000),
    "a correction": (("-5000000", "-5000", "1000", "0.002", "-10"), -5_000_000),
    "less than a block": (("29", "0.029", "1000", "0.002", "0.000058"), 29),
    "no price, blocks twice": (("5000", "5000", "1000", "", "10"), 5_000_000),
    "no price": (("5000000", "5000", "1000", "", "10"), 5_000_000),
    "a price that fits neither": (("5000", "5", "1000", "900", "10"), None),
    "free, so nothing proves it": (("5000", "5", "1000", "0", "0"), None),
    "no block": (("5000", "5", "", "0.002", "10"), None),
    "half a block is none": (("5000", "5", "0.5", "0.002", "10"), None),
}


@pytest.mark.parametrize("name", COUNTS)
def test_tokens_are_counted_from_units_and_blocks(charged: Any, name: str) -> None:
    """Trap: no row says `Tokens`; quantities are in `Units`, of one token or of a block of them, by the age of the file."""
    (consumed, priced, block, price, cost), expected = COUNTS[name]
    row = FOCUS | {
        "ConsumedQuantity": consumed,
        "PricingQuantity": priced,
        "x_PricingBlockSize": block,
        "x_PricingUnitDescription": "",
        "x_EffectiveUnitPrice": price,
        "ListUnitPrice": "",
        "ContractedUnitPrice": "",
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost"), cost),
    }
    (found,) = charged(row)
    assert (found["quantity"], found["meter"], found["model"]) == (expected, "input_tokens", "gpt-4.1")
    if expected is None:  # what the file says is kept, for `skus.csv` to count
        assert (found["consumed_quantity"], found["consumed_unit"]) == (Decimal(consumed), "Units")


def test_what_says_itself_that_it_counts_tokens_is_believed(charged: Any) -> None:
    (found,) = charged(FOCUS | {"ConsumedQuantity": "5000", "ConsumedUnit": "Tokens"})
    assert found["quantity"] == 5_000


#: (meter, product) → what it says beyond standard tier and no batch; nothing where a word is not known
METERS: dict[tuple[str, str], dict[str, str]] = {
    ("gpt 4.1 Outp Data Zone Tokens", "Azure OpenAI"): {
        "x_Model": "gpt-4.1",
        "x_Meter": "output_tokens",
        "x_Geography": "data_zone",
    },
    ("gpt 4.1 cached Inp glbl Tokens", "Azure OpenAI"): {
        "x_Model": "gpt-4.1",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "global",
    },
    ("gpt 4.1 Inp regnl Tokens", "Azure OpenAI"): {
        "x_Model": "gpt-4.1",
        "x_Meter": "input_tokens",
        "x_Geography": "regional",
    },
    ("GPT 5 Mini cchd Inpt Glbl 1M Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5-mini",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "global",
    },
    ("GPT 5 outpt Glbl 1M Tokens", ""): {"x_Model": "gpt-5", "x_Meter": "output_tokens", "x_Geography": "global"},
    ("gpt-5-codex-ccchd-inp-glbl Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5-codex",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "global",
    },
    ("5.4 mini Opt Gl 1M Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5.4-mini",
        "x_Meter": "output_tokens",
        "x_Geography": "global",
    },
    ("5.4 mini pp cd inp Dz 1M Tokens", "azure openai gpt5"): {
        "x_Model": "gpt-5.4-mini",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "data_zone",
        "x_ServiceTier": "priority",
    },
    ("5.4 mini Batch Inp Gl 1M Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5.4-mini",
        "x_Meter": "input_tokens",
        "x_Geography": "global",
        "x_Batch": "true",
    },
    ("54 mini Inp Flex Gl 1M Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5.4-mini",
        "x_Meter": "input_tokens",
        "x_Geography": "global",
        "x_ServiceTier": "flex",
    },
    # long context is no cache, and a cache that is written is none that is read
    ("5.4 longco inp Gl 1M Tokens", "Azure OpenAI GPT5"): {
        "x_Model": "gpt-5.4",
        "x_Meter": "input_tokens",
        "x_Geography": "global",
        "x_ContextBand": "long",
    },
    ("6-sol LongCo Cd Wr Std Gl 1M Tokens", "Azure OpenAI GPT6"): {
        "x_Model": "gpt-6-sol",
        "x_Meter": "cache_write_input_tokens",
        "x_Geography": "global",
        "x_ContextBand": "long",
    },
    ("6-sol ShortCo Cd Inp Std Gl 1M Tokens", "Azure OpenAI GPT6"): {
        "x_Model": "gpt-6-sol",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "global",
        "x_ContextBand": "standard",
    },
    ("gpt 4o 1120 Inp glbl Tokens", "Azure OpenAI"): {
        "x_Model": "gpt-4o-2024-11-20",
        "x_Meter": "input_tokens",
        "x_Geography": "global",
    },
    ("o3-deep research 0626-out-glbl 1M Tokens", "Azure OpenAI Reasoning"): {
        "x_Model": "o3-deep-research-2025-06-26",
        "x_Meter": "output_tokens",
        "x_Geography": "global",
    },
    ("gpt rt aud 0828 Outp glbl Tokens", "Azure OpenAI Media"): {
        "x_Model": "gpt-realtime-2025-08-28",
        "x_Meter": "output_tokens",
        "x_Geography": "global",
        "x_Modality": "audio",
    },
    ("V4 Pro cached glbl Tokens", "Azure Deepseek Models"): {
        "x_Model": "deepseek-v4-pro",
        "x_Meter": "cache_read_input_tokens",
        "x_Geography": "global",
    },
    ("4.6 Outp DZ L Tokens", "Azure Grok Models"): {
        "x_Model": "grok-4.6",
        "x_Meter": "output_tokens",
        "x_Geography": "data_zone",
        "x_ContextBand": "long",
    },
    ("Phi-4-mini-reasoning-Input Tokens", "Azure Phi"): {"x_Model": "phi-4-mini-reasoning", "x_Meter": "input_tokens"},
    ("text-embedding-3-small-glbl Tokens", "Azure OpenAI"): {
        "x_Model": "text-embedding-3-small",
        "x_Meter": "input_tokens",
        "x_Geography": "global",
    },
    # a bare version is of its product only; a word nobody knows, tuning, hosting and contradictions say nothing
    ("5.4 inp Gl 1M Tokens", "Azure OpenAI"): {},
    ("V4 Pro Inp glbl Tokens", ""): {},
    ("gpt 4.1 weird Inp glbl Tokens", "Azure OpenAI"): {},
    ("gpt-4o-0806-FT-inp-glbl Tokens", "Azure OpenAI"): {},
    ("gpt-4o-0806-FT-Hstng-glbl Unit", "Azure OpenAI"): {},
    ("gpt 4.1 Inp glbl regnl Tokens", "Azure OpenAI"): {},
    ("gpt 4.1 Inp Outp Tokens", "Azure OpenAI"): {},
    ("gpt 4.1 cached Outp Tokens", "Azure OpenAI"): {},
    ("gpt 4.1 Tokens", "Azure OpenAI"): {},
    ("Image-Dall-E-3 HD HighRes-glbl Images", "Azure OpenAI"): {},
    ("Hot LRS Data Stored", "Tiered Block Blob"): {},
    ("", ""): {},
}


@pytest.mark.parametrize(("meter", "product"), METERS)
def test_a_meter_is_read_by_all_of_its_words(meter: str, product: str) -> None:
    said = METERS[meter, product]
    assert azure_meters.read(meter, product) == (
        {"x_ServiceTier": "standard", "x_Batch": "false"} | said if said else {}
    )


def test_a_meter_with_an_unknown_word_keeps_its_money_without_a_model(charged: Any) -> None:
    (found,) = charged(FOCUS | {"SkuMeter": "gpt 4.1 turbo Inp glbl Tokens"})
    assert told(found, dict.fromkeys(("model", "meter", "quantity"))) == dict.fromkeys(("model", "meter", "quantity"))
    assert (found["billed_cost"], found["sku_meter"], found["consumed_quantity"]) == (
        10,
        "gpt 4.1 turbo Inp glbl Tokens",
        5_000_000,
    )


def test_what_a_file_says_of_model_and_meter_itself_goes_first(charged: Any) -> None:
    (found,) = charged(FOCUS | {"x_Model": "gpt-4.1-2025-04-14", "x_Meter": "input_tokens"})
    assert (found["model"], found["quantity"]) == ("gpt-4.1-2025-04-14", 5_000_000)


def test_provisioned_throughput_is_used_idle_or_bought(charged: Any) -> None:
    """Trap: capacity is paid by the hour whatever runs on it, and no line says which model does."""
    used, idle, bought, by_the_hour = charged(
        PTU | {"CommitmentDiscountStatus": "Used", "BilledCost": "0", "EffectiveCost": "18", "ListCost": "0"},
        PTU | {"CommitmentDiscountStatus": "Unused", "BilledCost": "0", "EffectiveCost": "6", "ListCost": "0"},
        PTU | {"ChargeCategory": "Purchase", "BilledCost": "260", "EffectiveCost": "0", "ConsumedQuantity": ""},
        PTU | {"CommitmentDiscountId": "", "BilledCost": "24", "EffectiveCost": "24", "ListCost": "24"},
    )
    assert [row["commitment_discount_status"] for row in (used, idle, bought, by_the_hour)] == [
        "Used",
        "Unused",
        None,
        None,
    ]
    assert [row["effective_cost"] for row in (used, idle, bought, by_the_hour)] == [18, 6, 0, 24]
    assert {row["service_tier"] for row in (used, idle, by_the_hour)} == {"provisioned"}
    assert [row["model"] for row in (used, idle, bought, by_the_hour)] == [None] * 4
    assert (used["consumed_quantity"], used["consumed_unit"], used["quantity"]) == (24, "Hours", None)
    # A commitment's id keeps its case.
    assert used["commitment_discount_id"] == "/providers/Microsoft.Capacity/reservationOrders/A1/reservations/B2"


def test_commitments_of_cost_details_are_used_idle_bought_and_refunded(charged: Any) -> None:
    ptu = COSTS | {"MeterName": "Provisioned Managed Global Unit", "UnitOfMeasure": "1 Hour", "benefitId": "/Orders/A1"}
    rows = charged(
        ptu | {"PricingModel": "Reservation"},
        ptu | {"PricingModel": "Reservation", "ChargeType": "UnusedReservation"},
        ptu | {"PricingModel": "SavingsPlan", "ChargeType": "UnusedSavingsPlan", "benefitId": "", "ReservationId": "r"},
        ptu | {"PricingModel": "Reservation", "ChargeType": "Purchase"},
        ptu | {"PricingModel": "Reservation", "ChargeType": "Refund", "CostInBillingCurrency": "-4"},
        COSTS | {"ChargeType": "RoundingAdjustment"},
        dataset="AmortizedCost",
    )
    assert [
        (r["charge_category"], r["charge_class"], r["commitment_discount_status"], r["commitment_discount_id"])
        for r in rows
    ] == [
        ("Usage", None, "Used", "/Orders/A1"),
        ("Usage", None, "Unused", "/Orders/A1"),
        ("Usage", None, "Unused", "r"),
        ("Purchase", None, None, "/Orders/A1"),
        ("Purchase", "Correction", None, "/Orders/A1"),
        ("Adjustment", None, None, None),
    ]
    assert [row["billed_cost"] for row in rows] == [10, 10, 10, 10, -4, 10]
    assert [row["consumed_quantity"] for row in rows] == [5000, None, None, None, None, None]
    assert rows[5]["quantity"] is None


#: A trap of a FOCUS line: what the file has → what is known.
FOCUS_TRAPS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "a list cost of 0 is unknown": (
        {"ListCost": "0", "ContractedCost": "0.0000"},
        {"list_cost": None, "contracted_cost": None},
    ),
    "a list cost of 0 of what is free is known": (
        {"ListCost": "0", "BilledCost": "0", "EffectiveCost": "0.00"},
        {"list_cost": Decimal(0)},
    ),
    "reservation usage has no list cost": (
        {"ListCost": "0", "BilledCost": "0", "EffectiveCost": "3"},
        {"list_cost": None},
    ),
    "an empty list cost": ({"ListCost": ""}, {"list_cost": None}),
    "a marketplace purchase has no service": (
        {"ServiceName": "", "x_SkuMeterCategory": "", "ChargeCategory": "Purchase"},
        {"service_name": None, "billed_cost": Decimal(10)},
    ),
    "a service that only the meter's category tells": ({"ServiceName": ""}, {"service_name": "Foundry Models"}),
    "an Enterprise Agreement fills no invoice": ({"InvoiceId": ""}, {"invoice_id": None}),
    "nothing describes it": (
        {"ChargeDescription": "", "SkuId": "", "SkuPriceId": "", "PublisherName": "", "x_SkuMeterId": ""},
        {"charge_description": None, "sku_id": None, "billed_cost": Decimal(10)},
    ),
    "no subscription is nobody's": (
        {"SubAccountId": "/subscriptions/00000000-0000-0000-0000-000000000000"},
        {"sub_account_id": None},
    ),
    "an older file's no subscription": (
        {"SubAccountId": "00000000-0000-0000-0000-000000000000"},
        {"sub_account_id": None},
    ),
    "tags without braces": ({"Tags": '"a": "b","c": "d"'}, {"tags": '{"a": "b","c": "d"}'}),
    "no tags": ({"Tags": ""}, {"tags": None}),
    "billed in another currency": (
        {"BillingCurrency": "EUR", "x_BilledCostInUsd": "11.74"},
        {"billing_currency": "EUR", "billed_cost": Decimal(10)},
    ),
    "a rebate keeps its sign": ({"BilledCost": "-0.40", "EffectiveCost": "-0.40"}, {"billed_cost": Decimal("-0.4")}),
    "hostile text is text": ({"ChargeDescription": '=cmd|"/c calc"!A1'}, {"charge_description": '=cmd|"/c calc"!A1'}),
    "a shortfall of a commitment to consume is money of no service": (
        {"ServiceName": "", "x_SkuMeterCategory": "", "SkuMeter": "", "x_SkuMeterId": "", "x_SkuMeterSubcategory": ""}
        | {
            "ChargeCategory": "Purchase",
            "ChargeDescription": "MACC Shortfall",
            "ConsumedQuantity": "",
            "ConsumedUnit": "",
        },
        {"charge_category": "Purchase", "service_name": None, "billed_cost": Decimal(10), "model": None, "meter": None},
    ),
    "a credit of Azure is one, and of no service": (
        {
            "ServiceName": "",
            "x_SkuMeterCategory": "",
            "ChargeCategory": "Credit",
            "BilledCost": "-10.00",
            "EffectiveCost": "-10",
        },
        {
            "charge_category": "Credit",
            "reduction": None,
            "service_name": None,
            "billed_cost": Decimal(-10),
            "model": None,
        },
    ),
    "a rounding adjustment is one": (
        {"ChargeCategory": "Adjustment", "SkuMeter": ""},
        {"charge_category": "Adjustment", "model": None},
    ),
}


@pytest.mark.parametrize("name", FOCUS_TRAPS)
def test_a_trap_of_the_focus_dataset(charged: Any, name: str) -> None:
    has, known = FOCUS_TRAPS[name]
    (found,) = charged(FOCUS | has)
    assert told(found, known) == known


#: A cell nobody may guess at: what the file has → what is said.
FOCUS_REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "a decimal comma": ({"BilledCost": "10,00"}, "line 2: BilledCost: '10,00' is not a plain decimal amount"),
    "no amount": ({"EffectiveCost": ""}, "line 2: EffectiveCost is empty"),
    "a currency sign": ({"BilledCost": "$10"}, "'$10' is not a plain decimal amount"),
    "no currency": ({"BillingCurrency": ""}, "BillingCurrency is empty"),
    "a day that could be two": ({"ChargePeriodStart": "09/14/2026"}, "ChargePeriodStart: "),
    "an unknown category": ({"ChargeCategory": "Refund"}, "none of Usage, Purchase"),
}


@pytest.mark.parametrize("name", FOCUS_REFUSALS)
def test_a_value_that_means_nothing_is_refused_with_its_line(put: Put, azure: Any, refused: Any, name: str) -> None:
    has, problem = FOCUS_REFUSALS[name]
    deliver(put, [[FOCUS | has]])
    assert problem in str(refused(azure()))


def test_a_column_that_is_gone_is_named(put: Put, azure: Any, refused: Any) -> None:
    deliver(put, [[{name: text for name, text in FOCUS.items() if name != "EffectiveCost"}]])
    assert "column EffectiveCost is missing" in str(refused(azure()))
    deliver(put, [[COSTS]], dataset="FocusCost")  # the manifest says nothing wrong, the file does
    assert "is missing" in str(refused(azure()))


def test_a_file_that_writes_the_day_first_is_refused_unless_it_is_said(
    charged: Any, put: Put, azure: Any, refused: Any
) -> None:
    """Trap: 01/09/2026 is a day in either order, so the period's last day decides, or the month that was delivered."""
    rows = [
        COSTS | {"BillingPeriodStartDate": "01/09/2026", "BillingPeriodEndDate": "30/09/2026", "Date": "02/09/2026"}
    ]
    deliver(put, [rows], dataset="ActualCost")
    error = refused(azure(dataset="actual"))
    assert "'30/09/2026' has the day before the month" in str(error)
    assert (error.period, error.line, error.hint) == (MONTH, 2, "set `time_format: '%d/%m/%Y'`")
    without_end = [{name: text for name, text in rows[0].items() if name != "BillingPeriodEndDate"}]
    deliver(put, [without_end], dataset="ActualCost")
    assert "'02/09/2026' has the day before the month" in str(refused(azure(dataset="actual")))
    assert "billing period 2026-01-09 in the delivery of 2026-09" in str(
        refused(azure(dataset="actual", time_format="%m/%d/%Y"))
    )
    (found,) = charged(*rows, dataset="ActualCost", time_format="%d/%m/%Y")
    assert found["charge_period_start"] == datetime(2026, 9, 2)


#: Days of rows without a billing period → what is read of them, or what is said, and the line that shows it.
ORDERS: dict[str, tuple[list[str], list[date] | tuple[str, int]]] = {
    "ISO": (["2026-09-02"], [date(2026, 9, 2)]),
    "a number above twelve shows the month": (["08/09/2026", "09/14/2026"], [date(2026, 8, 9), date(2026, 9, 14)]),
    "the delivered month does": (["09/02/2026", "08/07/2026"], [date(2026, 9, 2), date(2026, 8, 7)]),
    "the same in either order": (["09/09/2026"], [date(2026, 9, 9)]),
    "a number above twelve shows the day": (
        ["09/02/2026", "14/09/2026"],
        ("'14/09/2026' has the day before the month", 3),
    ),
    "the month shows the day": (["09/09/2026", "02/09/2026"], ("'02/09/2026' has the day before the month", 3)),
    "neither is of the month": (["03/04/2026"], ("is 2026-03-04 or 2026-04-03, and nothing shows which", 2)),
    "each is, in its order": (
        ["02/09/2026", "09/03/2026"],
        ("is 2026-02-09 or 2026-09-02, and nothing shows which", 2),
    ),
}
NO_PERIOD = {name: text for name, text in COSTS.items() if not name.startswith("BillingPeriod")}


@pytest.mark.parametrize("name", ORDERS)
def test_days_without_a_billing_period_show_their_order_or_are_refused(
    charged: Any, put: Put, azure: Any, refused: Any, name: str
) -> None:
    """Trap: pay-as-you-go tells no billing period, so 02/09/2026 would be a day of February in September's bill."""
    texts, expected = ORDERS[name]
    rows = [NO_PERIOD | {"Date": text} for text in texts]
    if isinstance(expected, list):
        found = charged(*rows, dataset="ActualCost")
        assert [row["charge_period_start"].date() for row in found] == expected
        return
    deliver(put, [rows], dataset="ActualCost")
    error = refused(azure(dataset="actual"))
    assert expected[0] in str(error)
    assert error.line == expected[1]
    assert "set `time_format" in str(error.hint)


@pytest.mark.parametrize(("form", "day"), [("%m/%d/%Y", date(2026, 3, 4)), ("%d/%m/%Y", date(2026, 4, 3))])
def test_a_declared_order_is_believed(charged: Any, form: str, day: date) -> None:
    (found,) = charged(NO_PERIOD | {"Date": "03/04/2026"}, dataset="ActualCost", time_format=form)
    assert found["charge_period_start"].date() == day


@pytest.mark.parametrize("form", ["%m/%Y", "no form", "%"])
def test_a_form_that_tells_no_day_is_a_setting(azure: Any, form: str) -> None:
    with pytest.raises(SettingsInvalid, match="does not tell a day"):
        azure(time_format=form)


# Real files -----------------------------------------------------------------------------------------------------------


@real
@pytest.mark.parametrize(
    ("dataset", "name", "count", "total"),
    [
        ("actual", "EA_ActualCost_Small.csv", 11, "8.5450077867419368"),
        # Two of its amounts have more than the 27 decimals that count, zeros all.
        ("amortized", "EA_AmortizedCost_Small.csv", 28, "16.296932136636644627485419"),
        ("actual", "EA_NoRows.csv", 0, "0"),
    ],
)
def test_files_of_an_enterprise_agreement_load_with_their_totals(
    put: Put, azure: Any, land: Any, dataset: str, name: str, count: int, total: str
) -> None:
    put("20230901-20230930/daily_1.csv", (Path(REAL_DATA or "") / "ms-finops-toolkit" / name).read_bytes())
    rows = land(azure(dataset=dataset, manifests=False), "2023-09").rows.get("charges", [])
    exact = sum((row["billed_cost"] + row["billed_cost_residual"] * Decimal("1e-27") for row in rows), Decimal(0))
    assert (len(rows), exact) == (count, Decimal(total))
    assert all(row["tags"] is None or json.loads(row["tags"]) for row in rows)


@real
@pytest.mark.parametrize(
    ("name", "days", "cost", "currency"),
    [("Enterprise.csv", "20210501-20210531", "0", "CAD"), ("PayAsYouGo.csv", "20210201-20210228", "0.075", "USD")],
)
def test_headers_of_both_agreements_are_read(
    put: Put, azure: Any, land: Any, name: str, days: str, cost: str, currency: str
) -> None:
    put(f"{days}/daily_1.csv", (Path(REAL_DATA or "") / "opencost-azure" / "headersets" / name).read_bytes())
    source = azure(dataset="actual", manifests=False, billing_account_id="acme")
    (row,) = land(source, f"{days[:4]}-{days[4:6]}").rows["charges"]
    assert (row["billed_cost"], row["billing_currency"], row["charge_period_start"]) == (
        Decimal(cost),
        currency,
        datetime(2021, 2, 2),
    )


@real
def test_a_price_is_for_a_block_in_real_files_too() -> None:
    """Real rows of 2024: the cost is the price of the unit of measure times the consumed quantity, whose pricing quantity is once too small."""
    import csv

    with (Path(REAL_DATA or "") / "FOCUS-1.0" / "focus_sample.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if "Operations" in row["ChargeDescription"]]
    ours = [row for row in rows if row["ProviderName"] == "Microsoft"]
    assert len(ours) > 10
    counted = partial(azure_meters.tokens, block=Decimal(10_000))
    for row in ours:
        proofs = [(row["ListUnitPrice"], row["ListCost"])]
        found = counted(row["ConsumedQuantity"], row["PricingQuantity"], proofs=proofs)
        assert found == (row["ConsumedQuantity"], "10000 Tokens")
