"""A bill line as a FOCUS 1.2 row of text, and files of such rows."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from reconcilers.sample_company.providers.ledger import BillLine, invoice_number
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.calendar import instant, next_month
from reconcilers.sample_company.world.company import AWS, AZURE, COHERE, OCI

COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "Tags",
    "x_Model",
    "x_Meter",
    "x_ServiceTier",
    "x_ContextBand",
    "x_CacheTtl",
    "x_LineId",
    "x_Reduction",
)

_PROVIDERS = {COHERE: "Cohere", AWS: "AWS", AZURE: "Microsoft", OCI: "Oracle"}


def focus_row(line: BillLine, clock: datetime) -> dict[str, str]:
    """One FOCUS row; what is not known is empty. ``clock`` decides whether the line is on an invoice yet."""
    charge, key = line.charge, line.charge.key
    month = charge.billing_period_start
    unit = "" if charge.quantity is None else "Tokens"
    usage = charge.charge_category == "Usage"
    provider = _PROVIDERS[charge.source]
    sku = "-".join(part for part in (key.model, key.meter, key.service_tier, key.context_band, key.cache_ttl) if part)
    values: dict[str, str | None] = {
        "BilledCost": plain(charge.billed_cost),
        "BillingAccountId": key.billing_account_id,
        "BillingAccountName": "Sample Company",
        "BillingCurrency": charge.billing_currency,
        "BillingPeriodEnd": _time(instant(next_month(month))),
        "BillingPeriodStart": _time(instant(month)),
        "ChargeCategory": charge.charge_category,
        "ChargeClass": charge.charge_class,
        "ChargeDescription": line.description or f"{charge.service_name} {sku}",
        "ChargeFrequency": "Usage-Based"
        if usage
        else ("Recurring" if charge.charge_category == "Purchase" else "One-Time"),
        "ChargePeriodEnd": _time(charge.charge_period_end),
        "ChargePeriodStart": _time(charge.charge_period_start),
        "CommitmentDiscountId": "sp-gpu-host" if charge.commitment_discount_status else None,
        "CommitmentDiscountStatus": charge.commitment_discount_status,
        "ConsumedQuantity": None if charge.quantity is None else plain(charge.quantity),
        "ConsumedUnit": unit,
        "ContractedCost": plain(charge.effective_cost),
        "EffectiveCost": plain(charge.effective_cost),
        "InvoiceId": invoice_number(charge, clock),
        "InvoiceIssuerName": provider,
        "ListCost": plain(charge.list_cost if charge.list_cost is not None else charge.billed_cost),
        "PricingQuantity": None if charge.quantity is None else plain(charge.quantity),
        "PricingUnit": unit,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": charge.service_name,
        "SkuId": sku if usage else None,
        "SkuMeter": charge.sku_meter,
        "SkuPriceId": sku if usage else None,
        "SubAccountId": key.sub_account_id,
        "Tags": None,
        "x_Model": key.model,
        "x_Meter": key.meter,
        "x_ServiceTier": key.service_tier,
        "x_ContextBand": key.context_band,
        "x_CacheTtl": key.cache_ttl,
        "x_LineId": charge.line_id,
        "x_Reduction": charge.reduction,
    }
    return {name: values[name] or "" for name in COLUMNS}


def table(rows: Iterable[Mapping[str, object]], columns: Sequence[str] = ()) -> bytes:
    """A CSV file of rows, which all have the columns of the first; ``columns`` are those of a file without rows."""
    told = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(told[0]) if told else columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    return text.getvalue().encode()


def packed(content: bytes) -> bytes:
    """Gzip without a time of its own, so that equal content packs to equal bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def _time(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"
