"""Oracle Cloud's bill: FOCUS reports in the columns of 1.0's preview, one a day, in two parts, never written again.

https://docs.oracle.com/iaas/Content/Billing/Concepts/costusagereportsoverview.htm
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

from reconcilers.sample_company.providers.focus_rows import focus_row, packed, table
from reconcilers.sample_company.providers.ledger import BillLine, Ledger
from reconcilers.sample_company.world.company import OCI, OCI_REPORTS

_SAME = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "EffectiveCost", "ListCost"),
    *("ServiceCategory", "ServiceName", "SubAccountId"),
)


def objects(ledger: Ledger, known_at: datetime) -> dict[str, bytes]:
    """{key: content}: the parts of every report written by then, named by the day it was written on."""
    reports: dict[date, list[BillLine]] = defaultdict(list)
    for line in ledger.lines_as_of(known_at, OCI):
        reports[line.known_from.date()].append(line)
    return {
        f"{OCI_REPORTS}/{day:%Y/%m/%d}/0001{day:%Y%m%d}0000-{part:05}.csv.gz": packed(table([_row(line)]))
        for day, lines in reports.items()
        for part, line in enumerate(lines, start=1)
    }


def _row(line: BillLine) -> dict[str, str]:
    focus = focus_row(line, line.known_from)
    return {name: focus[name] for name in _SAME} | {
        "InvoiceIssuer": "Oracle",
        "PricingQuantity": "1",
        "PricingUnit": "Unit Per Day",
        "Provider": "Oracle",
        "Publisher": "Oracle",
        "Region": "us-chicago-1",
        "SkuId": "B108078",
        "Tags": "",
        "UsageQuantity": "1",
        "UsageUnit": "Unit Days",
        "oci_ReferenceNumber": line.charge.line_id,
        "oci_BackReferenceNumber": "",
    }
