"""The bills that come as files in S3: AWS Data Exports (FOCUS 1.2, Parquet, a manifest), a vendor's FOCUS files, and the table of one
that knows no FOCUS, in German; those of platforms stand in a module each.

A key holds what the provider had delivered by a given time: a later delivery of a month overwrites AWS's, and stands
beside the earlier one at Cohere's, whose file names tell the day of their delivery.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from reconcilers.sample_company.providers import (
    azure_export,
    databricks_exports,
    gpu_hours,
    oci_reports,
    snowflake_exports,
)
from reconcilers.sample_company.providers.focus_rows import COLUMNS, focus_row, packed, table
from reconcilers.sample_company.providers.ledger import BillLine, Ledger, by_month, invoice_number
from reconcilers.sample_company.world.calendar import instant, next_month
from reconcilers.sample_company.world.company import (
    AWS,
    AWS_EXPORT,
    AWS_REGION,
    BEDROCK_NAMES,
    COHERE,
    COHERE_PREFIX,
    VECTORS,
    VECTORS_PREFIX,
)

_GERMAN_COLUMNS = (
    "Posten",
    "Konto",
    "Monat",
    "Von",
    "Bis",
    "Index",
    "Leistung",
    "Menge",
    "Betrag",
    "Waehrung",
    "Rechnung",
)
_BEDROCK_METERS = {"input_tokens": "input-tokens", "output_tokens": "output-tokens"}
#: Columns of ours that no AWS export has.
_NOT_AWS = {"x_Model", "x_Meter", "x_ServiceTier", "x_ContextBand", "x_CacheTtl", "x_LineId"}
_TIMES = {"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"}
_DOUBLES = {"BilledCost", "ContractedCost", "EffectiveCost", "ListCost", "ConsumedQuantity", "PricingQuantity"}
_AWS_COLUMNS = (*(name for name in COLUMNS if name not in _NOT_AWS), "RegionId", "x_ServiceCode", "x_UsageType")


def objects_at(ledger: Ledger, bucket: str, known_at: datetime) -> dict[str, bytes]:
    """{key: content} of the bucket as everybody had filled it by ``known_at``."""
    found = _aws(ledger, bucket, known_at)
    for at in (known_at - timedelta(days=1), known_at):
        found |= _cohere(ledger, at)
    found |= _vectors(ledger, known_at)
    for source in (azure_export, databricks_exports, gpu_hours, oci_reports, snowflake_exports):
        found |= source.objects(ledger, known_at)
    return found


def _cohere(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """``cohere/acme-focus-2026-09-v20260905.csv.gz``: a whole month as known on the day in the name."""
    return {
        f"{COHERE_PREFIX}/acme-focus-{month:%Y-%m}-v{known_at:%Y%m%d}.csv.gz": packed(
            table(focus_row(line, known_at) for line in lines)
        )
        for month, lines in by_month(ledger.lines_as_of(known_at, COHERE)).items()
    }


def _vectors(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """``vectors/2026-09.csv``: one file a month, rewritten in place, with what its lines come to below them."""
    return {
        f"{VECTORS_PREFIX}/{month:%Y-%m}.csv": _german_csv(lines, known_at)
        for month, lines in by_month(ledger.lines_as_of(known_at, VECTORS)).items()
    }


def _german_csv(lines: Sequence[BillLine], clock: datetime) -> bytes:
    """A row for each line, days and numbers as Germans write them; a period's last day is told, not the day after."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _GERMAN_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for line in lines:
        charge = line.charge
        writer.writerow(
            {
                "Posten": charge.line_id,
                "Konto": charge.key.billing_account_id,
                "Monat": f"{charge.billing_period_start:%Y-%m}",
                "Von": f"{charge.charge_period_start:%d.%m.%Y}",
                "Bis": f"{charge.charge_period_end - timedelta(days=1):%d.%m.%Y}",
                "Index": charge.key.model,
                "Leistung": charge.sku_meter if charge.key.meter is None else "Lesezugriffe",
                "Menge": "" if charge.quantity is None else _german(charge.quantity),
                "Betrag": _german(charge.billed_cost),
                "Waehrung": charge.billing_currency,
                "Rechnung": invoice_number(charge, clock),
            }
        )
    writer.writerow(
        {"Posten": "Summe", "Betrag": _german(sum((line.charge.billed_cost for line in lines), Decimal(0)))}
    )
    return text.getvalue().encode()


def _german(value: Decimal) -> str:
    return f"{value:,f}".translate(str.maketrans(",.", ".,"))


def _aws(ledger: Ledger, bucket: str, known_at: datetime) -> dict[str, bytes]:
    """A data file and a manifest per billing month, as Data Exports lays them out with overwriting deliveries."""
    found = {}
    name = AWS_EXPORT.rpartition("/")[2]
    for month, lines in by_month(ledger.lines_as_of(known_at, AWS)).items():
        partition = f"billing_period={month:%Y-%m}"
        key = f"{AWS_EXPORT}/data/{partition}/{name}-00001.snappy.parquet"
        found[key] = _parquet([_aws_row(line, known_at) for line in lines])
        manifest = {
            "exportName": name,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:111122223333:export/{name}",
            "billingPeriod": {"start": _time(instant(month)), "end": _time(instant(next_month(month)))},
            "columns": [{"name": column, "type": _aws_type(column)} for column in _AWS_COLUMNS],
            "dataFiles": [f"s3://{bucket}/{key}"],
        }
        content = json.dumps(manifest, indent=1).encode()
        found[f"{AWS_EXPORT}/metadata/{partition}/{name}-Manifest.json"] = content
    return found


def _aws_row(line: BillLine, known_at: datetime) -> dict[str, str]:
    """The line as AWS words it: usage types for model and meter, thousands of tokens."""
    row = focus_row(line, known_at)
    key = line.charge.key
    bedrock = key.model is not None and key.meter is not None
    if bedrock:
        assert key.model is not None
        assert key.meter is not None
        usage_type = f"USE1-{BEDROCK_NAMES[key.model]}-{_BEDROCK_METERS[key.meter]}"
        row["SkuMeter"] = row["SkuId"] = row["x_UsageType"] = usage_type
        row["ConsumedUnit"] = row["PricingUnit"] = "1K tokens"
        for name in ("ConsumedQuantity", "PricingQuantity"):
            row[name] = str(Decimal(row[name]) / 1000) if row[name] else ""
    row["x_ServiceCode"] = "AmazonBedrock" if bedrock else ""
    row["RegionId"] = AWS_REGION if line.charge.charge_category == "Usage" else ""
    return {name: row.get(name, "") for name in _AWS_COLUMNS}


def _parquet(rows: Sequence[dict[str, str]]) -> bytes:
    """Costs and quantities as doubles and times as milliseconds, as AWS writes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays, fields = [], []
    for name in _AWS_COLUMNS:
        texts = [row[name] or None for row in rows]
        if name in _DOUBLES:
            kind: pa.DataType = pa.float64()
            # Not money of ours: AWS's own files hold binary doubles, and the shortest text of each is its decimal.
            values: list[object] = [None if text is None else float(text) for text in texts]
        elif name in _TIMES:
            kind = pa.timestamp("ms")
            values = [None if text is None else datetime.fromisoformat(text).replace(tzinfo=None) for text in texts]
        else:
            kind, values = pa.string(), list(texts)
        arrays.append(pa.array(values, kind))
        fields.append(pa.field(name, kind))
    out = io.BytesIO()
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), out, compression="snappy")
    return out.getvalue()


def _aws_type(column: str) -> str:
    if column in _DOUBLES:
        return "double"
    return "timestamp_milliseconds" if column in _TIMES else "string"


def _time(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"
