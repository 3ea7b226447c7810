"""Azure's bill: Cost Management exports of the month to date (FOCUS 1.2-preview), each run in a folder of its own, its manifest last.

A key holds what Azure had delivered by a given time; the run of the day before still stands beside the newest. Azure words model and
meter in the name of a meter, counts tokens as ``Units``, and writes 0 for a price it does not know.
https://learn.microsoft.com/azure/cost-management-billing/dataset-schema/cost-usage-details-focus
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from reconcilers.sample_company.providers.focus_rows import focus_row, packed, table
from reconcilers.sample_company.providers.ledger import BillLine, Ledger, by_month
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.calendar import instant, next_month
from reconcilers.sample_company.world.company import AZURE, AZURE_EXPORT, AZURE_NAMES, INPUT, OUTPUT

_METERS = {INPUT: "Inp", OUTPUT: "Outp"}
_SAME = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("ChargeClass", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "EffectiveCost", "InvoiceIssuerName"),
    *("ListCost", "ProviderName", "PublisherName", "ServiceName", "SubAccountId"),
)
#: Tokens that a price is of.
_BLOCK = 1000
#: Rows of a partition: a month has two.
_PARTITION_ROWS = 40
_EXPORTED_AFTER_DAYS = 5
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content} of the export's folder."""
    found: dict[str, bytes] = {}
    for at in (known_at - timedelta(days=1), known_at):
        for month, lines in by_month(ledger.lines_as_of(at, AZURE)).items():
            # A month that is over is exported for some days more.
            found |= _run(month, lines, min(at, instant(next_month(month) + timedelta(days=_EXPORTED_AFTER_DAYS))))
    return found


def _run(month: date, lines: Sequence[BillLine], at: datetime) -> dict[str, bytes]:
    """What the run of a day writes: partitions, and the manifest that names them."""
    # Names of runs are random.
    run = hashlib.md5(f"{month}|{at:%Y%m%d}".encode(), usedforsecurity=False).hexdigest()
    folder = f"{AZURE_EXPORT}/{month:%Y%m%d}-{next_month(month) - timedelta(days=1):%Y%m%d}/{run}"
    parts = [lines[first : first + _PARTITION_ROWS] for first in range(0, len(lines), _PARTITION_ROWS)]
    keys = [f"{folder}/part_{number}_0001.csv.gz" for number in range(len(parts))]
    blobs = [{"blobName": key, "dataRowCount": len(part)} for key, part in zip(keys, parts, strict=True)]
    manifest = {
        "manifestVersion": "2024-04-01",
        "blobCount": len(blobs),
        "dataRowCount": len(lines),
        "exportConfig": {"exportName": "acme-focus", "type": "FocusCost", "dataVersion": "1.2-preview"},
        "runInfo": {"runId": run, "submittedTime": f"{at:%Y-%m-%d}T00:00:00.0000000Z"},
        "blobs": blobs,
    }
    written = {key: packed(_BYTE_ORDER_MARK + table(map(_row, part))) for key, part in zip(keys, parts, strict=True)}
    return written | {f"{folder}/manifest.json": json.dumps(manifest, indent=1).encode()}


def _row(line: BillLine) -> dict[str, str]:
    focus, key = focus_row(line, line.known_from), line.charge.key
    assert key.model is not None
    assert key.meter is not None
    assert line.charge.quantity is not None
    meter = f"{AZURE_NAMES[key.model].replace('-', ' ')} {_METERS[key.meter]} glbl Tokens"
    price = line.charge.billed_cost / line.charge.quantity * _BLOCK
    return {name: focus[name] for name in _SAME} | {
        "ChargeDescription": f"Azure OpenAI - {meter}",
        "ConsumedUnit": "Units",
        "ContractedCost": "0",
        "ContractedUnitPrice": "0",
        "ListUnitPrice": plain(price),
        "PricingQuantity": plain(line.charge.quantity / _BLOCK),
        "PricingUnit": "Units",
        "SkuMeter": meter,
        "Tags": "",
        "x_EffectiveUnitPrice": plain(price),
        "x_PricingBlockSize": str(_BLOCK),
        "x_PricingUnitDescription": "1K",
        "x_SkuMeterCategory": "Foundry Models",
        "x_SkuMeterSubcategory": "Azure OpenAI",
    }
