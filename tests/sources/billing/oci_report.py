"""Lines of Oracle Cloud's reports, of both kinds, and files of them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping

Cells = dict[str, str]

#: A line of a FOCUS report: the names of FOCUS 1.0's preview, Oracle's own with a prefix.
FOCUS: Cells = {
    "AvailabilityZone": "",
    "BilledCost": "1.25",
    "BillingAccountId": "4710815",
    "BillingAccountName": "ACME",
    "BillingCurrency": "EUR",
    "BillingPeriodEnd": "2026-10-01T00:00Z",
    "BillingPeriodStart": "2026-09-01T00:00Z",
    "ChargeCategory": "Usage",
    "ChargeDescription": "Oracle Cloud Infrastructure Generative AI - Large Meta",
    "ChargeFrequency": "Usage-Based",
    "ChargePeriodEnd": "2026-09-15T07:00Z",
    "ChargePeriodStart": "2026-09-15T06:00Z",
    "ChargeSubCategory": "On-Demand",
    "CommitmentDiscountId": "",
    "EffectiveCost": "1.25",
    "InvoiceIssuer": "Oracle",
    "ListCost": "1.50",
    "ListUnitPrice": "0.000015",
    "PricingCategory": "",
    "PricingQuantity": "100000",
    "PricingUnit": "ONE TRANSACTION",
    "Provider": "Oracle",
    "Publisher": "Oracle",
    "Region": "eu-frankfurt-1",
    "ResourceId": "ocid1.generativeaimodel.oc1..a",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "GENERATIVE_AI",
    "SkuId": "B108077",
    "SkuPriceId": "",
    "SubAccountId": "ocid1.tenancy.oc1..acme",
    "Tags": '{"team": "search"}',
    "UsageQuantity": "100000",
    "UsageUnit": "Tokens",
    "oci_ReferenceNumber": "V2.1..one==",
    "oci_CompartmentId": "ocid1.compartment.oc1..search",
    "oci_CompartmentName": "search",
    "oci_OverageFlag": "N",
    "oci_UnitPriceOverage": "",
    "oci_BilledQuantityOverage": "",
    "oci_CostOverage": "",
    "oci_AttributedUsage": "",
    "oci_AttributedCost": "",
    "oci_BackReferenceNumber": "",
}
#: The same usage in a cost report.
COST: Cells = {
    "lineItem/referenceNo": "V2.1..one==",
    "lineItem/tenantId": "ocid1.tenancy.oc1..acme",
    "lineItem/intervalUsageStart": "2026-09-15T06:00Z",
    "lineItem/intervalUsageEnd": "2026-09-15T07:00Z",
    "product/service": "GENERATIVE_AI",
    "product/compartmentId": "ocid1.compartment.oc1..search",
    "product/compartmentName": "search",
    "product/region": "eu-frankfurt-1",
    "product/availabilityDomain": "",
    "product/resourceId": "ocid1.generativeaimodel.oc1..a",
    "usage/billedQuantity": "100000",
    "usage/billedQuantityOverage": "0",
    "cost/subscriptionId": "4710815",
    "cost/productSku": "B108077",
    "product/Description": "Oracle Cloud Infrastructure Generative AI - Large Meta",
    "cost/unitPrice": "0.0000125",
    "cost/unitPriceOverage": "0",
    "cost/myCost": "1.25",
    "cost/myCostOverage": "0",
    "cost/currencyCode": "EUR",
    "cost/billingUnitReadable": "ONE TRANSACTION",
    "cost/skuUnitDescription": "10,000 Transactions",
    "cost/overageFlag": "N",
    "lineItem/isCorrection": "false",
    "lineItem/backreferenceNo": "",
    "tags/Oracle-Tags.CreatedBy": "",
    "tags/team": "search",
}


def csv_of(*rows: Mapping[str, str], like: Mapping[str, str] = FOCUS) -> bytes:
    """A report with these lines; without any it is a header."""
    text = io.StringIO()
    names = rows[0] if rows else like
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def gz_of(*rows: Mapping[str, str], like: Mapping[str, str] = FOCUS) -> bytes:
    return gzip.compress(csv_of(*rows, like=like), mtime=0)
