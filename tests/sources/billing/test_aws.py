"""AWS exports in a real S3 server: what a manifest names, in every format, and which deliveries are refused.

Where such bills go wrong, and the test that holds it, here, in test_aws_cur.py, test_bedrock.py or test_focus.py:

- a partition's name in upper and lower case, columns of every month, fractional seconds, an execution folder, zipped files:
  test_every_format_and_delivery_tells_the_same
- an export without a prefix: test_an_export_without_a_prefix_begins_with_its_own_name
- files of every refresh beside each other: test_only_what_the_newest_manifest_names_is_read,
  test_files_left_over_from_a_longer_delivery_do_not_count, test_legacy_report_names_its_newest_assembly_in_the_period_folder
- the manifest is written last: test_month_without_manifest_is_incomplete, test_manifest_that_names_a_missing_file_is_incomplete
- a refresh in flight: test_delivery_during_the_read_is_incomplete
- a closed month that is refreshed: test_units_are_delivered_months_and_the_one_before,
  test_redelivery_is_no_news_and_a_restatement_replaces
- ids of lines are no key: test_line_ids_repeat
- an invoice without a number until it is final: test_an_invoice_has_no_number_until_its_month_is_final
- tax of the payer, of no account: test_tax_of_the_payer_is_of_no_account_below_it
- every type of line, and one nobody knows: test_line_types_are_focus_categories
- usage under a savings plan and its negation, fees and what of them is idle:
  test_commitments_cost_what_they_cover_and_show_what_they_do_not
- discounts as lines: test_a_discount_names_the_service_it_reduces, test_net_cost_where_discounts_have_no_lines
- commitments, each with a second amount after discounts:
  test_commitments_cost_what_is_left_of_them_where_the_net_cost_is_billed
- a list price in dollars beside a line in rupees: test_a_list_price_in_another_currency_is_no_list_cost
- discounts beside a line: test_a_discount_beside_its_line_is_refused_until_the_cost_is_declared,
  test_no_discount_and_one_that_a_line_takes_off_need_no_declaration
- a credit that is a private rate: test_a_credit_can_be_declared_to_be_of_the_price
- a refund: test_refund_names_its_model_and_takes_no_quantity_back
- four grammars of a usage type, words in any order, geography by one word or none: test_a_usage_type_is_read
- tokens by the thousand and by the million, units without a name: test_what_the_quantity_is_in,
  test_marketplace_unit_where_the_bill_has_none
- usage of Bedrock that is no tokens, or in words nobody knows: test_a_usage_type_that_is_not_understood_says_nothing
- three product codes, and Marketplace's opaque ones: test_bedrock_has_three_product_codes, test_bedrock_usage_types,
  test_a_marketplace_line_without_its_product_names_no_model
- columns a FOCUS export leaves null: test_marketplace_line_of_a_focus_export_keeps_its_meter_without_a_unit,
  test_what_a_focus_export_is_documented_to_leave_null_costs_no_line
- small numbers as 6.123E-7: test_an_amount_counts_to_27_decimals
- Claude Platform, in units of its own: test_a_line_of_claude_platform_keeps_its_money_and_is_of_no_meter
- who called, by role or profile: test_who_called_bedrock_stands_for_its_key
- tags in two maps or in columns: test_tags_of_resources_and_of_who_called_are_one_map, test_tags_of_a_map_and_of_columns
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconcilers.errors import PeriodIncomplete, SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.periods import Period
from tests.sources.billing.aws_export import (
    LINES,
    MONEY,
    MONTH,
    Export,
    csv_gz,
    csv_zip,
    focus_rows,
    legacy,
    line,
    parquet,
)
from tests.sources.conftest import Api, Bucket, Params


def exact(row: Mapping[str, Any]) -> Decimal:
    return row["billed_cost"] + row["billed_cost_residual"] * Decimal("1e-27")


FORMATS = {
    "cur_2_0 csv": ("cur_2_0", lambda rows: csv_gz(rows)),
    "cur_2_0 parquet": ("cur_2_0", lambda rows: parquet(rows)),
    "focus_1_2 csv": ("focus_1_2", lambda rows: csv_gz(focus_rows(rows))),
    "focus_1_2 parquet": ("focus_1_2", lambda rows: parquet(focus_rows(rows))),
    "legacy_cur csv": ("legacy_cur", lambda rows: csv_gz(legacy(rows))),
    "legacy_cur zip": ("legacy_cur", lambda rows: csv_zip(legacy(rows))),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("execution", ["", "20261103T040506Z-1f2e"])
def test_every_format_and_delivery_tells_the_same(
    bucket: Bucket, aws: Any, land: Any, name: str, execution: str
) -> None:
    kind, write = FORMATS[name]
    keys = Export(bucket, kind).deliver([write(LINES[:2]), write(LINES[2:])], execution)
    taken = land(aws(kind), MONTH)
    charges = taken.rows["charges"]
    money: dict[str, list[Decimal]] = {}
    for row in charges:
        money.setdefault(row["charge_category"], []).append(exact(row))
    assert {category: sorted(amounts) for category, amounts in money.items()} == MONEY
    used = {row["meter"]: row for row in charges if row["meter"]}
    assert {meter: (row["model"], row["quantity"]) for meter, row in used.items()} == {
        "input_tokens": ("NovaLite", Decimal("29481")),
        "output_tokens": ("NovaLite", Decimal("1234500")),
    }
    expected = {
        "billing_account_id": "111122223333",
        "sub_account_id": "222233334444",
        "service_name": "Amazon Bedrock",
        "charge_period_start": datetime(2026, 10, 1),
        "charge_period_end": datetime(2026, 10, 1, 1),
        "billing_period_start": date(2026, 10, 1),
        "list_cost": Decimal("1.5"),
        "service_tier": "standard",
        "batch": "false",
    }
    assert {column: used["input_tokens"][column] for column in expected} == expected
    assert len({row["charge_id"] for row in charges}) == len(LINES)
    assert [item.uri for item in taken.landed.objects[1:]] == [f"s3://{bucket.name}/{key}" for key in keys]


@pytest.mark.parametrize("kind", ["cur_2_0", "focus_1_2", "legacy_cur"])
def test_only_what_the_newest_manifest_names_is_read(bucket: Bucket, aws: Any, land: Any, kind: str) -> None:
    write = {
        "cur_2_0": csv_gz,
        "focus_1_2": lambda r: csv_gz(focus_rows(r)),
        "legacy_cur": lambda r: csv_gz(legacy(r)),
    }[kind]
    export = Export(bucket, kind)
    export.deliver([write([line(cost="1")]), write([line(cost="2")])], "20261102T000000Z-ffff")
    export.deliver([write([line(cost="5")])], "20261103T000000Z-0000")
    assert [row["billed_cost"] for row in land(aws(kind), MONTH).rows["charges"]] == [5]


def test_legacy_report_names_its_newest_assembly_in_the_period_folder(bucket: Bucket, aws: Any, land: Any) -> None:
    export = Export(bucket, "legacy_cur")
    export.deliver([csv_gz(legacy([line(cost="1")]))], "f0e1-older")
    export.deliver([csv_gz(legacy([line(cost="5")]))], "0a1b-newer")
    assert [row["billed_cost"] for row in land(aws("legacy_cur"), MONTH).rows["charges"]] == [5]


def test_files_left_over_from_a_longer_delivery_do_not_count(bucket: Bucket, aws: Any, land: Any) -> None:
    export = Export(bucket, "cur_2_0")
    export.deliver([csv_gz([line(cost="1")]), csv_gz([line(cost="2")])])
    export.deliver([csv_gz([line(cost="5")])])
    assert [row["billed_cost"] for row in land(aws(), MONTH).rows["charges"]] == [5]


def test_redelivery_is_no_news_and_a_restatement_replaces(bucket: Bucket, aws: Any, land: Any) -> None:
    export = Export(bucket, "legacy_cur")
    export.deliver([csv_gz(legacy([line(cost="1"), line(cost="2")]))])
    first = land(aws("legacy_cur"), MONTH, datetime(2026, 10, 2))
    export.deliver([csv_gz(legacy([line(cost="1"), line(cost="2")]))])
    again = land(aws("legacy_cur"), MONTH, datetime(2026, 10, 3))
    assert (first.news, again.news, again.rows) == (True, False, first.rows)
    export.deliver([csv_gz(legacy([line(cost="2", identity_line_item_id="line-9")]))])
    (left,) = land(aws("legacy_cur"), MONTH, datetime(2026, 10, 4)).rows["charges"]
    # The line is the same charge although AWS gave it another line id.
    assert left["charge_id"] == first.rows["charges"][1]["charge_id"]
    assert left["line_id"] == "line-9"


def test_units_are_delivered_months_and_the_one_before(bucket: Bucket, aws: Any) -> None:
    for month in ("2026-07", "2026-08", "2026-09"):
        bucket.put(f"bills/daily/metadata/BILLING_PERIOD={month}/daily-Manifest.json", b"{}")
    bucket.put("bills/daily/data/BILLING_PERIOD=2026-10/daily-00001.csv.gz", b"")
    assert list(aws().units(Period(date(2026, 10, 5), date(2026, 10, 6)))) == ["2026-09", "2026-10"]
    assert list(aws(earlier_months=0).units(Period(date(2026, 11, 5), date(2026, 11, 6)))) == []
    # On its last evening a month's lines may be on the next month's books.
    assert list(aws(earlier_months=0).units(Period.of_day(date(2026, 9, 30)))) == ["2026-09", "2026-10"]


def test_local_copy_of_an_export(bucket: Bucket, aws: Any, land: Any, tmp_path: Path) -> None:
    for kind, write in (("cur_2_0", csv_gz), ("legacy_cur", lambda rows: csv_gz(legacy(rows)))):
        Export(bucket, kind).deliver([write(LINES)], "20261103T000000Z-1")
        for item in bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]:
            path = tmp_path / kind / item["Key"].removeprefix("bills/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bucket.client.get_object(Bucket=bucket.name, Key=item["Key"])["Body"].read())
        source = aws(kind, uri=str(tmp_path / kind / "daily"), endpoint_url=None)
        assert list(source.units(Period.of_day(date(2026, 10, 3)))) == [MONTH]
        rows = land(source, MONTH).rows["charges"]
        assert Counter(row["charge_category"] for row in rows) == {"Usage": 3, "Tax": 1}
        bucket.client.delete_objects(
            Bucket=bucket.name,
            Delete={
                "Objects": [{"Key": i["Key"]} for i in bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]]
            },
        )


@pytest.mark.parametrize("kind", ["cur_2_0", "legacy_cur"])
def test_an_export_without_a_prefix_begins_with_its_own_name(bucket: Bucket, aws: Any, land: Any, kind: str) -> None:
    write = {"cur_2_0": csv_gz, "legacy_cur": lambda rows: csv_gz(legacy(rows))}[kind]
    Export(bucket, kind, folder="daily").deliver([write(LINES)])
    source = aws(kind, uri=f"s3://{bucket.name}/daily")
    assert list(source.units(Period.of_day(date(2026, 10, 3)))) == [MONTH]
    assert len(land(source, MONTH).rows["charges"]) == len(LINES)


# Deliveries that are refused ------------------------------------------------------------------------------------------


def test_month_without_manifest_is_incomplete(bucket: Bucket, aws: Any, refusal: Any) -> None:
    bucket.put(f"bills/daily/data/BILLING_PERIOD={MONTH}/daily-00001.csv.gz", csv_gz(LINES))
    error = refusal(aws(), MONTH)
    assert isinstance(error, PeriodIncomplete)
    assert "no manifest" in str(error)


@pytest.mark.parametrize("kind", ["cur_2_0", "legacy_cur"])
def test_manifest_that_names_a_missing_file_is_incomplete(bucket: Bucket, aws: Any, refusal: Any, kind: str) -> None:
    keys = Export(bucket, kind).deliver([csv_gz(LINES), csv_gz(LINES)])
    bucket.delete(keys[1])
    error = refusal(aws(kind), MONTH)
    assert isinstance(error, PeriodIncomplete)
    assert "daily-00002.csv.gz, which is not there" in str(error)


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("s3://{bucket}/bills/daily/data/BILLING_PERIOD=2026-10/../../../secret.csv", "leads out of its folder"),
        ("s3://{bucket}/bills/daily/../daily/data/BILLING_PERIOD=2026-10/x.csv", "leads out of its folder"),
        ("s3://elsewhere/bills/daily/data/BILLING_PERIOD=2026-10/daily-00001.csv.gz", "is not below"),
        ("s3://{bucket}/bills/daily-2/data/BILLING_PERIOD=2026-10/x.csv", "is not below"),
        ("bills/daily/data/BILLING_PERIOD=2026-09/daily-00001.csv.gz", "not of this month"),
        ("/etc/passwd", "leads out of its folder"),
    ],
)
def test_manifest_that_leads_elsewhere_is_refused(
    bucket: Bucket, aws: Any, refusal: Any, named: str, problem: str
) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES)], named=[named.format(bucket=bucket.name)])
    error = refusal(aws(), MONTH)
    assert isinstance(error, SourceRejected)
    assert problem in str(error)


def test_manifest_that_names_a_file_twice_is_refused(bucket: Bucket, aws: Any, refusal: Any) -> None:
    key = f"bills/daily/data/BILLING_PERIOD={MONTH}/daily-00001.csv.gz"
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES)], named=[key, f"s3://{bucket.name}/{key}"])
    assert "twice" in str(refusal(aws(), MONTH))


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [(b'{"dataFiles": [', SourceRejected), (b"[]", SourceChangedShape), (b'{"dataFiles": []}', PeriodIncomplete)],
)
def test_manifest_that_says_nothing_is_refused(
    bucket: Bucket, aws: Any, refusal: Any, manifest: bytes, expected: type[Exception]
) -> None:
    bucket.put(f"bills/daily/metadata/BILLING_PERIOD={MONTH}/daily-Manifest.json", manifest)
    assert isinstance(refusal(aws(), MONTH), expected)


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (csv_gz(LINES * 50)[:-9], "gzip data ends early"),
        (csv_gz(LINES)[:40] + b"\0\0\0" + csv_gz(LINES)[43:], "gzip data is corrupt"),
        (parquet(LINES)[:-50], "not a readable Parquet file"),
        (b"", "no header"),
    ],
)
def test_damaged_file_is_refused(bucket: Bucket, aws: Any, refusal: Any, damaged: bytes, problem: str) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES), damaged])
    error = refusal(aws(), MONTH)
    assert isinstance(error, SourceRejected)
    assert problem in str(error)
    assert "daily-00002.csv.gz" in str(error)


def test_delivery_during_the_read_is_incomplete(bucket: Bucket, aws: Any, refusal: Any, api: Api) -> None:
    export = Export(bucket, "cur_2_0")
    export.deliver([csv_gz(LINES)])
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20261101/us-east-1/s3/aws4_request"}

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        got = httpx.get(bucket.endpoint_url + path, params=params, headers=signed)
        if path.endswith("daily-00001.csv.gz"):
            export.deliver([csv_gz(LINES), csv_gz(LINES)])
        kept = {name: got.headers[name] for name in ("ETag", "Last-Modified", "Content-Type") if name in got.headers}
        return got.status_code, got.content, kept

    api.answer = answer
    error = refusal(aws(endpoint_url=api.url), MONTH)
    assert isinstance(error, PeriodIncomplete)
    assert "delivered anew while it was read" in str(error)


def test_row_of_another_month_is_refused(bucket: Bucket, aws: Any, refusal: Any) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), line(bill_billing_period_start_date="2026-09-01T00:00:00Z")])])
    error = refusal(aws(), MONTH)
    assert "billing period 2026-09-01" in str(error)
    assert (error.period, error.line) == (MONTH, 3)


@pytest.mark.parametrize("cost", ["", "NaN", "1E+999999", "1,234.5", "$1"])
def test_an_amount_that_is_none_is_refused_with_its_line(bucket: Bucket, aws: Any, refusal: Any, cost: str) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), line(cost=cost)])])
    error = refusal(aws(), MONTH)
    assert isinstance(error, SourceRejected)
    assert (error.line, "BilledCost" in str(error)) == (3, True)


def test_missing_column_is_named(bucket: Bucket, aws: Any, refusal: Any) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "line_item_unblended_cost"} for row in LINES]
    Export(bucket, "cur_2_0").deliver([csv_gz(rows)])
    error = refusal(aws(), MONTH)
    assert isinstance(error, SourceChangedShape)
    assert "column line_item_unblended_cost is missing" in str(error)


def test_absent_bucket_is_refused(bucket: Bucket, aws: Any, refusal: Any) -> None:
    assert "NoSuchBucket" in str(refusal(aws(uri="s3://no-such-bucket/bills/daily"), MONTH))


@pytest.mark.parametrize("config", [{"price_credits": ["("]}, {"marketplace_unit": "Units"}])
def test_settings_that_mean_nothing_are_refused(aws: Any, config: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match=r"price_credits|marketplace_unit"):
        aws(**config)


def test_a_month_out_of_range_is_refused_with_its_line(bucket: Bucket, aws: Any, refusal: Any) -> None:
    late = line(bill_billing_period_start_date="9999-12-31T23:59:59-05:00")
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), late])])
    error = refusal(aws(), MONTH)
    assert isinstance(error, SourceRejected)
    assert (error.line, "BillingPeriodStart" in str(error)) == (3, True)
