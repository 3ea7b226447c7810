"""Lines of an Azure cost export, in every dataset, and runs that deliver them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MONTH, DAYS = "2026-09", "20260901-20260930"
Cells = dict[str, str]
#: Puts an object into the folder of an export, or a bucket, or a container.
Put = Callable[[str, bytes], None]

#: A line of the FOCUS dataset 1.2-preview, of a meter of tokens priced by the thousand.
FOCUS: Cells = {
    "BilledCost": "10.00",
    "EffectiveCost": "10.00",
    "ListCost": "12.50",
    "ContractedCost": "10.00",
    "BillingAccountId": "/providers/Microsoft.Billing/billingAccounts/8611537",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-09-01T00:00:00Z",
    "BillingPeriodEnd": "2026-10-01T00:00:00Z",
    "ChargePeriodStart": "2026-09-14T00:00:00Z",
    "ChargePeriodEnd": "2026-09-15T00:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "Azure OpenAI - gpt 4.1 Inp glbl Tokens",
    "CommitmentDiscountId": "",
    "CommitmentDiscountStatus": "",
    "ConsumedQuantity": "5000000",
    "ConsumedUnit": "Units",
    "PricingQuantity": "5000",
    "PricingUnit": "Units",
    "ContractedUnitPrice": "0.002",
    "ListUnitPrice": "0.0025",
    "InvoiceId": "",
    "InvoiceIssuerName": "Microsoft",
    "ProviderName": "Microsoft",
    "PublisherName": "Microsoft",
    "RegionId": "swedencentral",
    "ResourceId": "/subscriptions/1/resourcegroups/ai/providers/microsoft.cognitiveservices/accounts/acme",
    "ServiceName": "Azure OpenAI",
    "SkuId": "",
    "SkuMeter": "gpt 4.1 Inp glbl Tokens",
    "SkuPriceId": "",
    "SubAccountId": "/subscriptions/9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
    "Tags": '{"env": "prod"}',
    "x_BilledCostInUsd": "10.00",
    "x_EffectiveUnitPrice": "0.002",
    "x_PricingBlockSize": "1000",
    "x_PricingUnitDescription": "1K",
    "x_SkuMeterCategory": "Foundry Models",
    "x_SkuMeterId": "f0e1d2c3-0000-4000-8000-000000000001",
    "x_SkuMeterSubcategory": "Azure OpenAI",
}
#: A day of one unit of provisioned throughput, under a reservation.
PTU = FOCUS | {
    "SkuMeter": "Provisioned Managed Global Unit",
    "ConsumedQuantity": "24",
    "ConsumedUnit": "Hours",
    "PricingQuantity": "24",
    "PricingUnit": "Hours",
    "x_PricingBlockSize": "1",
    "x_PricingUnitDescription": "1 Hour",
    "CommitmentDiscountId": "/providers/Microsoft.Capacity/reservationOrders/A1/reservations/B2",
}
#: The same usage in cost details of an Enterprise Agreement.
COSTS: Cells = {
    "BillingAccountId": "8611537",
    "BillingPeriodStartDate": "09/01/2026",
    "BillingPeriodEndDate": "09/30/2026",
    "BillingProfileId": "8611537",
    "SubscriptionId": "9ec51cfd-5ca7-4d76-8101-dd0a4abc5674",
    "Date": "09/14/2026",
    "ProductName": "Azure OpenAI - gpt 4.1 Inp glbl Tokens",
    "MeterId": "f0e1d2c3-0000-4000-8000-000000000001",
    "MeterCategory": "Foundry Models",
    "MeterSubCategory": "Azure OpenAI",
    "MeterName": "gpt 4.1 Inp glbl Tokens",
    "Quantity": "5000",
    "EffectivePrice": "0.002",
    "CostInBillingCurrency": "10.00",
    "UnitPrice": "0.0025",
    "BillingCurrencyCode": "USD",
    "ResourceLocation": "swedencentral",
    "ConsumedService": "Microsoft.CognitiveServices",
    "ResourceId": "/subscriptions/1/resourceGroups/ai/providers/Microsoft.CognitiveServices/accounts/acme",
    "AdditionalInfo": "",
    "Tags": '"env": "prod"',
    "UnitOfMeasure": "1K",
    "ReservationId": "",
    "ChargeType": "Usage",
    "Frequency": "UsageBased",
    "PublisherName": "Microsoft",
    "PublisherType": "Azure",
    "PayGPrice": "0",
    "PricingModel": "OnDemand",
    "benefitId": "",
}


def focus_1_0r2(row: Mapping[str, str]) -> Cells:
    """The line as versions before 1.2 write it: meter and invoice in columns of Azure's own."""
    names = {"SkuMeter": "x_SkuMeterName", "InvoiceId": "x_InvoiceId"}
    return {names.get(name, name): text for name, text in row.items()}


def focus_1_0_preview(row: Mapping[str, str]) -> Cells:
    """The line as version 1.0-preview(v1) writes it, after FOCUS's own preview."""
    names = {"ConsumedQuantity": "UsageQuantity", "ConsumedUnit": "UsageUnit", "RegionId": "Region"}
    names |= {"ContractedCost": "x_OnDemandCost", "ContractedUnitPrice": "x_OnDemandUnitPrice"}
    unknown = ("ChargeClass", "CommitmentDiscountStatus")
    told = {names.get(name, name): text for name, text in focus_1_0(row).items() if name not in unknown}
    return told | {"ChargeSubcategory": "On-Demand"}


def focus_1_0(row: Mapping[str, str]) -> Cells:
    """The line as version 1.0 writes it, whose times have no seconds."""
    return {
        name: text.replace(":00:00Z", ":00Z") if name.endswith(("Start", "End")) else text
        for name, text in focus_1_0r2(row).items()
    }


def csv_of(rows: Sequence[Mapping[str, str]], like: Mapping[str, str] = FOCUS) -> bytes:
    """A file as Azure writes it: a byte order mark, every column of every row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0] if rows else like), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def gz_of(rows: Sequence[Mapping[str, str]]) -> bytes:
    return gzip.compress(csv_of(rows))


def parquet_of(rows: Sequence[Mapping[str, str]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), out, compression="snappy")
    return out.getvalue()


def manifest(keys: Sequence[str], rows: Sequence[int], submitted: str, dataset: str = "FocusCost") -> dict[str, Any]:
    """What a run says of itself."""
    blobs = [{"blobName": key, "byteCount": 1, "dataRowCount": count} for key, count in zip(keys, rows, strict=True)]
    return {
        "manifestVersion": "2024-04-01",
        "blobCount": len(keys),
        "dataRowCount": sum(rows),
        "exportConfig": {
            "exportName": "daily",
            "type": dataset,
            "dataVersion": "1.2-preview",
            "timeFrame": "MonthToDate",
        },
        "deliveryConfig": {"partitionData": True, "dataOverwriteBehavior": "CreateNewReport"},
        "runInfo": {"submittedTime": submitted, "runId": "run", "startDate": "2026-09-01T00:00:00"},
        "blobs": blobs,
    }


def deliver(
    put: Put,
    parts: Sequence[Sequence[Mapping[str, str]]],
    *,
    run: str = "202609150610/10000000-0000-4000-8000-000000000002",
    submitted: str = "2026-09-15T06:10:44.1234567Z",
    dataset: str = "FocusCost",
    days: str = DAYS,
    write: Callable[[Sequence[Mapping[str, str]]], bytes] = csv_of,
    suffix: str = "csv",
    above: str = "costs/daily/",
    **changed: Any,
) -> list[str]:
    """Put one run's partitions and its manifest, whose fields may be ``changed``; gives the keys of the partitions."""
    keys = [f"{days}/{run}/part_{number}_0001.{suffix}" for number in range(len(parts))]
    for key, rows in zip(keys, parts, strict=True):
        put(key, write(rows))
    said = manifest([above + key for key in keys], [len(rows) for rows in parts], submitted, dataset) | changed
    put(f"{days}/{run}/manifest.json", json.dumps(said).encode())
    return keys
