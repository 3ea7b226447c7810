"""Azure's FOCUS dataset as FOCUS columns: names of older versions, what is unknown as null, tokens where it counts ``Units``.

Versions ``1.0``, ``1.0r2`` and ``1.2-preview`` differ in a few names and in times with or without seconds; ``1.0-preview(v1)`` has
the names of FOCUS's own preview (https://learn.microsoft.com/azure/cost-management-billing/dataset-schema/cost-usage-details-focus).
What no file knows stands in it as 0 or as nothing, not as null.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconcilers.ingest.lake import METERS
from reconcilers.sources import focus, focus_values, tabular, units
from reconcilers.sources.billing import azure_costs, azure_meters, focus_preview

#: Columns of the FOCUS dataset beside FOCUS's own.
_OWN = (
    "x_SkuMeterId",
    "x_SkuMeterName",
    "x_SkuMeterCategory",
    "x_SkuMeterSubcategory",
    "x_InvoiceId",
    "x_PricingBlockSize",
    "x_PricingUnitDescription",
    "x_BilledUnitPrice",
    "x_EffectiveUnitPrice",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "UsageQuantity",
    "UsageUnit",
    "Region",
    "ChargeSubcategory",
    "x_OnDemandCost",
    "x_OnDemandUnitPrice",
)
#: FOCUS column ← column read where it is absent or empty: 1.0 has a meter's name and an invoice's number in columns of its own,
#: its preview other names for more.
_INSTEAD = {
    "SkuMeter": "x_SkuMeterName",
    "InvoiceId": "x_InvoiceId",
    "ServiceName": "x_SkuMeterCategory",
    "ConsumedQuantity": "UsageQuantity",
    "ConsumedUnit": "UsageUnit",
    "RegionId": "Region",
    "ContractedCost": "x_OnDemandCost",
    "ContractedUnitPrice": "x_OnDemandUnitPrice",
}


def select(header: Sequence[str], source: str, file: str, *, account: str | None) -> dict[str, str]:
    """{column: column of the file}, with Azure's own; ``account`` stands for the account of files that tell none."""
    constant = {"BillingAccountId": account} if account else {}
    return focus.select(header, columns=(*focus.COLUMNS, *_OWN), constant=constant, source=source, file=file)


def focus_columns(batch: tabular.Batch, account: str | None) -> dict[str, list[str | None]]:
    """FOCUS rows with what Azure leaves unknown as unknown, and with model, meter and tokens of the meters of models."""
    nothing: list[str | None] = [None] * len(batch.lines)
    columns = {name: list(batch.columns.get(name, nothing)) for name in (*focus.COLUMNS, *_OWN)}
    for name, other in _INSTEAD.items():
        columns[name] = [text or instead for text, instead in zip(columns[name], columns[other], strict=True)]
    # A meter has one id whatever it is called, and cost details tell no other; the dataset's own SKU is broader than its price.
    columns["SkuId"] = [meter or sku for meter, sku in zip(columns["x_SkuMeterId"], columns["SkuId"], strict=True)]
    columns |= focus_preview.of_subcategories(columns["ChargeSubcategory"], columns)
    columns["BillingAccountId"] = [text or account for text in columns["BillingAccountId"]]
    columns["SubAccountId"] = azure_costs.somebody(columns["SubAccountId"])
    columns["Tags"] = azure_costs.braced(columns["Tags"])
    for name in ("ListCost", "ContractedCost"):
        columns[name] = azure_costs.known_prices(columns[name], columns["BilledCost"], columns["EffectiveCost"])
    said = [
        azure_meters.read(meter, product) if (category or "").lower() in ("usage", "adjustment") else {}
        for meter, product, category in zip(
            columns["SkuMeter"], columns["x_SkuMeterSubcategory"], columns["ChargeCategory"], strict=True
        )
    ]
    for name in azure_meters.COLUMNS:
        columns[name] = [own or one.get(name) for own, one in zip(columns[name], said, strict=True)]
    _count_tokens(columns)
    return columns


def _count_tokens(columns: dict[str, list[str | None]]) -> None:
    """Puts the tokens of the lines of token meters in place of the units they are consumed in."""
    names = ("ConsumedQuantity", "PricingQuantity", "x_PricingBlockSize", "x_PricingUnitDescription", "PricingUnit")
    prices = ("x_EffectiveUnitPrice", "x_BilledUnitPrice", "ContractedUnitPrice", "ListUnitPrice")
    costs = ("EffectiveCost", "BilledCost", "BilledCost", "ListCost")
    for index, meter in enumerate(columns["x_Meter"]):
        if meter is None or METERS.get(focus_values.known_meter(meter)) != "tokens":
            continue
        told = columns["ConsumedUnit"][index]
        if told and units.unit(told):
            continue  # it says itself what it counts
        consumed, priced, block, *described = (columns[name][index] for name in names)
        proofs = [(columns[price][index], columns[cost][index]) for price, cost in zip(prices, costs, strict=True)]
        size = azure_meters.block_size(block, next(filter(None, described), None))
        if found := azure_meters.tokens(consumed, priced, size, proofs):
            columns["ConsumedQuantity"][index], columns["ConsumedUnit"][index] = found
