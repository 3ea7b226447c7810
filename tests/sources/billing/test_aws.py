"""AWS exports in a real S3 server: what a manifest names, in every format, and what CUR lines become."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconcilers.errors import PeriodIncomplete, ReconcileError, SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.billing.aws import LINE_TYPES
from reconcilers.sources.contract import Source
from tests.sources.conftest import Api, Bucket, Params

MONTH = "2026-10"
LEGACY_MONTH = "20261001-20261101"
Cells = dict[str, str]

BASE: Cells = {
    "identity_line_item_id": "line-1",
    "identity_time_interval": "2026-10-01T00:00:00Z/2026-10-01T01:00:00Z",
    "bill_invoice_id": "",
    "bill_invoicing_entity": "Amazon Web Services, Inc.",
    "bill_payer_account_id": "111122223333",
    "bill_billing_period_start_date": "2026-10-01T00:00:00.000Z",
    "line_item_usage_account_id": "222233334444",
    "line_item_line_item_type": "Usage",
    "line_item_usage_start_date": "2026-10-01T00:00:00.000Z",
    "line_item_usage_end_date": "2026-10-01T01:00:00.000Z",
    "line_item_product_code": "AmazonBedrock",
    "line_item_usage_type": "USE1-NovaLite-input-tokens",
    "line_item_operation": "InvokeModelInference",
    "line_item_usage_amount": "1",
    "line_item_currency_code": "USD",
    "line_item_unblended_cost": "1.0",
    "line_item_net_unblended_cost": "0.9",
    "line_item_line_item_description": "",
    "pricing_unit": "1K tokens",
    "pricing_public_on_demand_cost": "1.5",
    "product_product_name": "Amazon Bedrock",
    "product_region_code": "us-east-1",
    "reservation_effective_cost": "",
    "reservation_reservation_a_r_n": "",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "",
    "reservation_unused_recurring_fee": "",
    "savings_plan_savings_plan_a_r_n": "",
    "savings_plan_savings_plan_effective_cost": "",
    "savings_plan_total_commitment_to_date": "",
    "savings_plan_used_commitment": "",
}


def line(kind: str = "Usage", cost: str = "1.0", **cells: str) -> Cells:
    """One CUR line in CUR 2.0 column names."""
    return BASE | {"line_item_line_item_type": kind, "line_item_unblended_cost": cost} | cells


LINES = [
    line(cost="0.0973", line_item_usage_amount="29.481"),
    line(cost="0.123456789012", line_item_usage_type="USE1-NovaLite-output-tokens", line_item_usage_amount="1234.5"),
    line("EdpDiscount", "-0.02", line_item_usage_amount="0", line_item_usage_type="", pricing_unit=""),
    line("Tax", "0.01", line_item_usage_end_date="2026-11-01T00:00:00.000Z", pricing_unit=""),
]
MONEY = {"Usage": [Decimal("-0.02"), Decimal("0.0973"), Decimal("0.123456789012")], "Tax": [Decimal("0.01")]}


def csv_gz(rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


def parquet(rows: Sequence[Mapping[str, str]]) -> bytes:
    """As AWS writes it: amounts are doubles, times are timestamps, ``product`` and ``resource_tags`` are maps."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    for name in rows[0]:
        values = [row[name] or None for row in rows]
        if name.endswith(("cost", "amount", "Cost", "Quantity")):
            columns[name] = pa.array([None if v is None else float(v) for v in values], pa.float64())
        elif name.endswith(("_date", "Start", "End")):
            times = [None if v is None else datetime.fromisoformat(v) for v in values]
            columns[name] = pa.array(times, pa.timestamp("ms", "UTC"))
        else:
            columns[name] = pa.array(values, pa.string())
    if (names := columns.pop("product_product_name", None)) is not None:
        maps = [[("product_name", name)] for name in names.to_pylist()]
        columns["product"] = pa.array(maps, pa.map_(pa.string(), pa.string()))
        tags = [[("user_team", "search")]] * len(rows)
        columns["resource_tags"] = pa.array(tags, pa.map_(pa.string(), pa.string()))
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="snappy")
    return out.getvalue()


def legacy(rows: Sequence[Cells]) -> list[Cells]:
    """The same lines with the legacy report's column names: ``lineItem/UsageType``."""
    categories = ("identity", "bill", "line_item", "pricing", "product", "reservation", "savings_plan")

    def name(column: str) -> str:
        category = next(c for c in categories if column.startswith(f"{c}_"))
        words = [word.capitalize() for word in column.removeprefix(f"{category}_").split("_")]
        own = "".join(words)
        lower = category in ("pricing", "product") and column != "product_product_name"
        head = re.sub("_(.)", lambda match: match[1].upper(), category)
        return f"{head}/{own[0].lower() + own[1:] if lower else own}"

    return [{name(column): cell for column, cell in row.items()} | {"resourceTags/user:team": "search"} for row in rows]


def focus_rows(rows: Sequence[Cells]) -> list[Cells]:
    """The same lines as AWS's FOCUS 1.2 export tells them."""
    kinds = {"Tax": "Tax", "Usage": "Usage", "EdpDiscount": "Usage"}
    return [
        {
            "BilledCost": row["line_item_unblended_cost"],
            "EffectiveCost": row["line_item_unblended_cost"],
            "ListCost": row["pricing_public_on_demand_cost"],
            "ContractedCost": row["line_item_unblended_cost"],
            "BillingAccountId": row["bill_payer_account_id"],
            "BillingCurrency": "USD",
            "BillingPeriodStart": row["bill_billing_period_start_date"],
            "BillingPeriodEnd": "2026-11-01T00:00:00.000Z",
            "ChargePeriodStart": row["line_item_usage_start_date"],
            "ChargePeriodEnd": row["line_item_usage_end_date"],
            "ChargeCategory": kinds[row["line_item_line_item_type"]],
            "ServiceName": "Amazon Bedrock",
            "SubAccountId": row["line_item_usage_account_id"],
            "ConsumedQuantity": row["line_item_usage_amount"] if row["pricing_unit"] else "",
            "ConsumedUnit": row["pricing_unit"],
            "SkuMeter": row["line_item_usage_type"],
            "x_ServiceCode": "AmazonBedrock",
        }
        for row in rows
    ]


class Export:
    """An export below ``bills/daily`` of a bucket, delivered as AWS does: files first, then the manifest."""

    def __init__(self, bucket: Bucket, kind: str) -> None:
        self.bucket, self.kind = bucket, kind
        self.partition = {"cur_2_0": "BILLING_PERIOD", "focus_1_2": "billing_period"}.get(kind, "")

    def deliver(self, files: Sequence[bytes], execution: str = "", named: list[str] | None = None) -> list[str]:
        """Keys of the delivered files. ``named`` is what the manifest names instead."""
        inner = f"{execution}/" if execution else ""
        folder = (
            f"bills/daily/{LEGACY_MONTH}" if self.kind == "legacy_cur" else f"bills/daily/data/{self.partition}={MONTH}"
        )
        keys = [f"{folder}/{inner}daily-{number:05}.csv.gz" for number, _ in enumerate(files, 1)]
        for key, content in zip(keys, files, strict=True):
            self.bucket.put(key, content)
        if self.kind == "legacy_cur":
            body: dict[str, Any] = {"assemblyId": execution, "reportKeys": keys if named is None else named}
            for manifest in {f"{folder}/daily-Manifest.json", f"{folder}/{inner}daily-Manifest.json"}:
                self.bucket.put(manifest, json.dumps(body).encode())
        else:
            uris = [f"s3://{self.bucket.name}/{key}" for key in keys]
            body = {"executionId": execution, "dataFiles": uris if named is None else named}
            manifest = f"bills/daily/metadata/{self.partition}={MONTH}/{inner}daily-Manifest.json"
            self.bucket.put(manifest, json.dumps(body).encode())
        return keys


@pytest.fixture
def aws(bucket: Bucket) -> Callable[..., Source]:
    def load(kind: str = "cur_2_0", **config: Any) -> Source:
        base = {"name": "aws", "kind": "aws", "uri": f"s3://{bucket.name}/bills/daily", "format": kind}
        return registry.load("billing", base | {"endpoint_url": bucket.endpoint_url} | config)

    return load


@pytest.fixture
def refused(land: Any, tmp_path: Path) -> Callable[[Source], ReconcileError]:
    """The error of a month that is not taken; asserts that nothing of it was committed."""

    def take(source: Source) -> ReconcileError:
        with pytest.raises(ReconcileError) as caught:
            land(source, MONTH)
        assert Landing(tmp_path / "landing").history(source.name, MONTH) == []
        return caught.value

    return take


def exact(row: Mapping[str, Any]) -> Decimal:
    return row["billed_cost"] + row["billed_cost_residual"] * Decimal("1e-27")


FORMATS = {
    "cur_2_0 csv": ("cur_2_0", lambda rows: csv_gz(rows)),
    "cur_2_0 parquet": ("cur_2_0", lambda rows: parquet(rows)),
    "focus_1_2 csv": ("focus_1_2", lambda rows: csv_gz(focus_rows(rows))),
    "focus_1_2 parquet": ("focus_1_2", lambda rows: parquet(focus_rows(rows))),
    "legacy_cur csv": ("legacy_cur", lambda rows: csv_gz(legacy(rows))),
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


# Deliveries that are refused ------------------------------------------------------------------------------------------


def test_month_without_manifest_is_incomplete(bucket: Bucket, aws: Any, refused: Any) -> None:
    bucket.put(f"bills/daily/data/BILLING_PERIOD={MONTH}/daily-00001.csv.gz", csv_gz(LINES))
    error = refused(aws())
    assert isinstance(error, PeriodIncomplete)
    assert "no manifest" in str(error)


@pytest.mark.parametrize("kind", ["cur_2_0", "legacy_cur"])
def test_manifest_that_names_a_missing_file_is_incomplete(bucket: Bucket, aws: Any, refused: Any, kind: str) -> None:
    keys = Export(bucket, kind).deliver([csv_gz(LINES), csv_gz(LINES)])
    bucket.delete(keys[1])
    error = refused(aws(kind))
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
    bucket: Bucket, aws: Any, refused: Any, named: str, problem: str
) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES)], named=[named.format(bucket=bucket.name)])
    error = refused(aws())
    assert isinstance(error, SourceRejected)
    assert problem in str(error)


def test_manifest_that_names_a_file_twice_is_refused(bucket: Bucket, aws: Any, refused: Any) -> None:
    key = f"bills/daily/data/BILLING_PERIOD={MONTH}/daily-00001.csv.gz"
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES)], named=[key, f"s3://{bucket.name}/{key}"])
    assert "twice" in str(refused(aws()))


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [(b'{"dataFiles": [', SourceRejected), (b"[]", SourceChangedShape), (b'{"dataFiles": []}', PeriodIncomplete)],
)
def test_manifest_that_says_nothing_is_refused(
    bucket: Bucket, aws: Any, refused: Any, manifest: bytes, expected: type[Exception]
) -> None:
    bucket.put(f"bills/daily/metadata/BILLING_PERIOD={MONTH}/daily-Manifest.json", manifest)
    assert isinstance(refused(aws()), expected)


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (csv_gz(LINES * 50)[:-9], "gzip data ends early"),
        (csv_gz(LINES)[:40] + b"\0\0\0" + csv_gz(LINES)[43:], "gzip data is corrupt"),
        (parquet(LINES)[:-50], "not a readable Parquet file"),
        (b"", "no header"),
    ],
)
def test_damaged_file_is_refused(
    bucket: Bucket, aws: Any, refused: Any, tmp_path: Path, damaged: bytes, problem: str
) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz(LINES), damaged])
    with pytest.raises(SourceRejected, match=problem):
        # Already while it is fetched: a damaged file is not even kept.
        aws().fetch(MONTH, Landing(tmp_path).pull("aws", "aws", MONTH))
    error = refused(aws())
    assert isinstance(error, SourceRejected)
    assert "daily-00002.csv.gz" in str(error)


def test_delivery_during_the_read_is_incomplete(bucket: Bucket, aws: Any, refused: Any, api: Api) -> None:
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
    error = refused(aws(endpoint_url=api.url))
    assert isinstance(error, PeriodIncomplete)
    assert "delivered anew while it was read" in str(error)


def test_row_of_another_month_is_refused(bucket: Bucket, aws: Any, refused: Any) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), line(bill_billing_period_start_date="2026-09-01T00:00:00Z")])])
    error = refused(aws())
    assert "billing period 2026-09-01" in str(error)
    assert (error.period, error.line) == (MONTH, 3)


@pytest.mark.parametrize("cost", ["", "NaN", "1E+999999", "1,234.5", "$1"])
def test_an_amount_that_is_none_is_refused_with_its_line(bucket: Bucket, aws: Any, refused: Any, cost: str) -> None:
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), line(cost=cost)])])
    error = refused(aws())
    assert isinstance(error, SourceRejected)
    assert (error.line, "BilledCost" in str(error)) == (3, True)


def test_missing_column_is_named(bucket: Bucket, aws: Any, refused: Any) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "line_item_unblended_cost"} for row in LINES]
    Export(bucket, "cur_2_0").deliver([csv_gz(rows)])
    error = refused(aws())
    assert isinstance(error, SourceChangedShape)
    assert "column line_item_unblended_cost is missing" in str(error)


def test_absent_bucket_is_refused(bucket: Bucket, aws: Any, refused: Any) -> None:
    assert "NoSuchBucket" in str(refused(aws(uri="s3://no-such-bucket/bills/daily")))


# What a line becomes --------------------------------------------------------------------------------------------------


@pytest.fixture
def charges(bucket: Bucket, aws: Any, land: Any) -> Callable[..., list[dict[str, Any]]]:
    """CUR 2.0 lines as lake charges."""

    def read(*lines: Cells, **config: Any) -> list[dict[str, Any]]:
        Export(bucket, "cur_2_0").deliver([csv_gz(lines)])
        found: list[dict[str, Any]] = land(aws(**config), MONTH).rows["charges"]
        return found

    return read


ARN = "arn:aws:savingsplans::111122223333:savingsplan/1"
RESERVED = "arn:aws:ec2:us-east-1:111122223333:reserved-instances/2"


def test_line_types_are_focus_categories(charges: Any) -> None:
    lines = [
        line(kind, "2.0", reservation_effective_cost="1.0", savings_plan_savings_plan_effective_cost="1.0")
        for kind in LINE_TYPES
    ]
    found = charges(*lines, line("SomethingNew", "3.0"))
    categories = [(row["charge_category"], row["reduction"]) for row in found]
    assert categories == [
        *[("Usage", None)] * 4,
        *[("Purchase", None)] * 4,
        ("Tax", None),
        ("Credit", "promotional"),
        ("Adjustment", None),
        *[("Usage", "price")] * 6,
        ("Adjustment", None),
    ]
    named = dict(zip([*LINE_TYPES, "SomethingNew"], found, strict=True))
    told = {kind for kind, row in named.items() if row["model"]}
    assert told == {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "Refund"}
    assert {kind for kind, row in named.items() if row["quantity"]} == told - {"Refund"}
    assert sum(row["billed_cost"] for row in found) == 2 * len(LINE_TYPES) + 3


def test_commitments_cost_what_they_cover_and_show_what_they_do_not(charges: Any) -> None:
    plan, reserved = {"savings_plan_savings_plan_a_r_n": ARN}, {"reservation_reservation_a_r_n": RESERVED}
    found = charges(
        line("SavingsPlanCoveredUsage", "1.00", savings_plan_savings_plan_effective_cost="0.63", **plan),
        line("SavingsPlanNegation", "-1.00", **plan),
        line(
            "SavingsPlanRecurringFee",
            "0.72",
            savings_plan_total_commitment_to_date="0.72",
            savings_plan_used_commitment="0.63",
            **plan,
        ),
        line("DiscountedUsage", "0", reservation_effective_cost="0.40", **reserved),
        line(
            "RIFee",
            "30",
            reservation_unused_amortized_upfront_fee_for_billing_period="2.5",
            reservation_unused_recurring_fee="1.5",
            **reserved,
        ),
        line("Fee", "100", **reserved),
        line("Fee", "29"),
    )
    columns = ("charge_category", "commitment_discount_status", "billed_cost", "effective_cost", "quantity")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("Usage", "Used", Decimal("1.00"), Decimal("0.63"), 1000),
        ("Usage", None, Decimal("-1.00"), 0, None),
        ("Purchase", None, Decimal("0.72"), 0, None),
        ("Usage", "Used", 0, Decimal("0.40"), 1000),
        ("Purchase", None, 30, 0, None),
        ("Purchase", None, 100, 0, None),
        ("Purchase", None, 29, 29, None),
        ("Usage", "Unused", 0, Decimal("0.09"), None),
        ("Usage", "Unused", 0, 4, None),
    ]
    assert [row["commitment_discount_id"] for row in found] == [
        ARN,
        ARN,
        ARN,
        RESERVED,
        RESERVED,
        RESERVED,
        None,
        ARN,
        RESERVED,
    ]
    assert [row["landing_line"] % 100 for row in found[-2:]] == [4, 6]
    assert len({row["charge_id"] for row in found}) == len(found)


def test_a_discount_names_the_service_it_reduces(charges: Any) -> None:
    usage, discount = charges(line(), line("EdpDiscount", "-0.03", product_product_name="", line_item_usage_type=""))
    assert usage["service_name"] == discount["service_name"] == "Amazon Bedrock"
    assert (discount["list_cost"], discount["quantity"], discount["model"]) == (0, None, None)


def test_net_cost_where_discounts_have_no_lines(charges: Any) -> None:
    (row,) = charges(line(cost="1.0"), cost="net_unblended")
    assert (row["billed_cost"], row["effective_cost"]) == (Decimal("0.9"), Decimal("0.9"))


def test_line_ids_repeat(charges: Any) -> None:
    hours = [
        line(
            line_item_usage_start_date=f"2026-10-01T0{hour}:00:00Z",
            line_item_usage_end_date=f"2026-10-01T0{hour + 1}:00:00Z",
        )
        for hour in range(3)
    ]
    found = charges(*hours, hours[0])
    assert {row["line_id"] for row in found} == {"line-1"}
    assert len({row["charge_id"] for row in found}) == 4


def test_tags_of_a_map_and_of_columns(bucket: Bucket, aws: Any, land: Any) -> None:
    Export(bucket, "cur_2_0").deliver([parquet([line()])])
    (row,) = land(aws(), MONTH).rows["charges"]
    assert json.loads(row["tags"]) == {"user_team": "search"}
    Export(bucket, "legacy_cur").deliver([csv_gz(legacy([line()]))])
    (row,) = land(aws("legacy_cur"), MONTH).rows["charges"]
    assert json.loads(row["tags"]) == {"user:team": "search"}


EDITION = "Claude Sonnet 4.5 (Amazon Bedrock Edition)"


@pytest.mark.parametrize(
    ("usage_type", "product", "unit", "model", "meter", "quantity", "says"),
    [
        ("USW2-Claude4.6Sonnet-output-tokens", "", "", "Claude4.6Sonnet", "output_tokens", 2000, {}),
        (
            "USW2-Claude4.6Sonnet-cache-read-input-token-count",
            "",
            "",
            "Claude4.6Sonnet",
            "cache_read_input_tokens",
            2000,
            {},
        ),
        (
            "EUW1-Claude4.6Sonnet-cache-write-input-token-count-cross-region-global",
            "",
            "1K tokens",
            "Claude4.6Sonnet",
            "cache_write_input_tokens",
            2000,
            {"geography": "global", "cache_ttl": "5m"},
        ),
        ("USE1-NovaLite-input-tokens-batch", "", "", "NovaLite", "input_tokens", 2000, {"batch": "true"}),
        ("USE1-NovaLite-input-tokens-priority", "", "", "NovaLite", "input_tokens", 2000, {"service_tier": "priority"}),
        (
            "USW2-openai.gpt-oss-120b-mantle-cache-write-tokens-standard",
            "",
            "",
            "openai.gpt-oss-120b",
            "cache_write_input_tokens",
            2000,
            {"service_tier": "standard"},
        ),
        ("USE1-NovaLite-input-tokens", "", "1M tokens", "NovaLite", "input_tokens", 2_000_000, {}),
        (
            "USE1-MP:USE1_InputTokenCount-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "input_tokens",
            2_000_000,
            {},
        ),
        ("USE1-MP:USE1_InputTokenCount-Units", EDITION, "Units", "Claude Sonnet 4.5", "input_tokens", None, {}),
        (
            "USE1-MP:USE1_CacheWrite1hInputTokenCount_Global_Batch_LCtx-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "cache_write_input_tokens",
            2_000_000,
            {"geography": "global", "batch": "true", "context_band": "long", "cache_ttl": "1h"},
        ),
        (
            "USE1-MP:USE1_input_tokens_global_standard-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "input_tokens",
            2_000_000,
            {"geography": "global"},
        ),
        ("USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units", EDITION, "Units", None, None, None, {}),
        ("USE1-NovaLite-input-tokens-warp", "", "", None, None, None, {}),
        ("USE1-ModelUnits", "", "Hrs", None, None, None, {}),
    ],
)
def test_bedrock_usage_types(
    charges: Any, usage_type: str, product: str, unit: str, model: str, meter: str, quantity: int, says: dict[str, str]
) -> None:
    (row,) = charges(
        line(
            line_item_usage_type=usage_type,
            product_product_name=product,
            pricing_unit=unit,
            line_item_usage_amount="2",
            line_item_product_code="opaque0code" if product else "AmazonBedrockService",
        )
    )
    assert (row["model"], row["meter"], row["quantity"]) == (model, meter, quantity)
    assert {name: row[name] for name in says} == says
    assert row["service_name"] == "Amazon Bedrock"


def test_marketplace_unit_where_the_bill_has_none(charges: Any) -> None:
    market = line(
        line_item_usage_type="USE1-MP:USE1_OutputTokenCount-Units", product_product_name=EDITION, pricing_unit="Units"
    )
    (row,) = charges(market, marketplace_unit="1000000 Tokens")
    assert (row["meter"], row["quantity"]) == ("output_tokens", 1_000_000)


def test_other_services_have_no_model(charges: Any) -> None:
    (row,) = charges(line(line_item_product_code="AmazonComprehend", product_product_name="Amazon Comprehend"))
    assert (row["service_name"], row["model"], row["meter"]) == ("AmazonComprehend", None, None)
    assert row["sku_meter"] == "USE1-NovaLite-input-tokens"


def test_refund_names_its_model_and_takes_no_quantity_back(charges: Any) -> None:
    (row,) = charges(line("Refund", "-0.5"))
    assert (row["charge_category"], row["model"], row["quantity"]) == ("Adjustment", "NovaLite", None)


def test_columns_a_focus_export_tells_itself_are_kept(bucket: Bucket, aws: Any, land: Any) -> None:
    own = {"x_Model": "amazon.nova-lite-v1:0", "x_Meter": "input_tokens", "ConsumedUnit": "Tokens", "x_LineId": "l1"}
    Export(bucket, "focus_1_2").deliver([csv_gz([focus_rows([line(line_item_usage_amount="10")])[0] | own])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["model"], row["meter"], row["quantity"], row["line_id"]) == (
        "amazon.nova-lite-v1:0",
        "input_tokens",
        10,
        "l1",
    )


def test_marketplace_line_of_a_focus_export_keeps_its_meter_without_a_unit(bucket: Bucket, aws: Any, land: Any) -> None:
    told = {"ServiceName": EDITION, "SkuMeter": "USE1-MP:USE1_OutputTokenCount-Units", "ConsumedUnit": "Units"}
    Export(bucket, "focus_1_2").deliver([csv_gz([focus_rows([line()])[0] | told])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["model"], row["meter"], row["quantity"]) == ("Claude Sonnet 4.5", "output_tokens", None)


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


@pytest.mark.parametrize("kind", ["cur_2_0", "focus_1_2"])
def test_a_credit_can_be_declared_to_be_of_the_price(bucket: Bucket, aws: Any, land: Any, kind: str) -> None:
    texts = ["Private rate card - Bedrock", "Private rate card - S3", "AWS Activate credit"]
    rows = [line("Credit", "-1.0", line_item_line_item_description=text) for text in texts]
    if kind == "focus_1_2":
        told = focus_rows([row | {"line_item_line_item_type": "Usage"} for row in rows])
        rows = [
            row | {"ChargeCategory": "Credit", "ChargeDescription": text} for row, text in zip(told, texts, strict=True)
        ]
    Export(bucket, kind).deliver([csv_gz(rows)])
    found = land(aws(kind, price_credits=["Private rate card - .*"]), MONTH).rows["charges"]
    assert {row["charge_category"] for row in found} == {"Credit"}
    assert [row["reduction"] == "price" for row in found] == [True, True, False]
    undeclared = land(aws(kind, price_credits=["private rate"]), MONTH).rows["charges"]
    assert "price" not in {row["reduction"] for row in undeclared}


@pytest.mark.parametrize("config", [{"price_credits": ["("]}, {"marketplace_unit": "Units"}])
def test_settings_that_mean_nothing_are_refused(aws: Any, config: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match=r"price_credits|marketplace_unit"):
        aws(**config)


def test_a_month_out_of_range_is_refused_with_its_line(bucket: Bucket, aws: Any, refused: Any) -> None:
    late = line(bill_billing_period_start_date="9999-12-31T23:59:59-05:00")
    Export(bucket, "cur_2_0").deliver([csv_gz([line(), late])])
    error = refused(aws())
    assert isinstance(error, SourceRejected)
    assert (error.line, "BillingPeriodStart" in str(error)) == (3, True)
