"""AWS's Cost and Usage Report, 2.0 and legacy, as FOCUS columns: by the tables below, after AWS's own rules for amortised cost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.sources import tabular
from reconcilers.sources.billing import bedrock
from reconcilers.sources.text_columns import Texts, Told, together

if TYPE_CHECKING:
    import pyarrow as pa

#: FOCUS column ← CUR column (2.0 name) whose text is taken over as it is.
_CUR = {
    "BillingAccountId": "bill_payer_account_id",
    "SubAccountId": "line_item_usage_account_id",
    "BillingPeriodStart": "bill_billing_period_start_date",
    "BillingCurrency": "line_item_currency_code",
    "ChargePeriodStart": "line_item_usage_start_date",
    "ChargePeriodEnd": "line_item_usage_end_date",
    "ChargeDescription": "line_item_line_item_description",
    "InvoiceId": "bill_invoice_id",
    "InvoiceIssuerName": "bill_invoicing_entity",
    "SkuId": "product_sku",
    "SkuPriceId": "pricing_rate_code",
    "SkuMeter": "line_item_usage_type",
    "PricingQuantity": "line_item_usage_amount",
    "PricingUnit": "pricing_unit",
    "ResourceId": "line_item_resource_id",
    "AvailabilityZone": "line_item_availability_zone",
    "RegionId": "product_region_code",
    "x_Operation": "line_item_operation",
    "x_UsageType": "line_item_usage_type",
    "x_LineId": "identity_line_item_id",
}
#: CUR columns without which a row has no amount or no place.
_CUR_REQUIRED = (
    "bill_payer_account_id",
    "bill_billing_period_start_date",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_usage_account_id",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_currency_code",
    "line_item_usage_amount",
)
#: CUR columns that FOCUS columns are computed from; amounts whose name here has a ``net`` sibling are read from it.
_CUR_COMPUTED = (
    "product_product_name",
    "product",
    "resource_tags",
    "tags",
    _DISCOUNTS := "discount",
    _DISCOUNT := "discount_total_discount",
    "pricing_public_on_demand_cost",
    "pricing_currency",
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
    _PRINCIPAL := "line_item_iam_principal",
)
_COST = "line_item_unblended_cost"
_NET = {
    _COST: "line_item_net_unblended_cost",
    "reservation_effective_cost": "reservation_net_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period": (
        "reservation_net_unused_amortized_upfront_fee_for_billing_period"
    ),
    "reservation_unused_recurring_fee": "reservation_net_unused_recurring_fee",
    "savings_plan_savings_plan_effective_cost": "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date": "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment": "savings_plan_used_commitment",
}


@dataclass(frozen=True)
class LineType:
    """What a CUR line item type is in FOCUS.

    ``effective`` is the column of its amortised cost, ``0`` for none, null where it is what was billed. ``idle`` is what of a
    commitment's fee was not used, as the columns to add and to subtract. ``model``: its usage type may name one;
    ``quantity``: its usage amount was consumed. ``commitment`` is the column of the reservation or plan it belongs to.
    """

    category: str
    reduction: str | None = None
    effective: str | None = None
    idle: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    model: bool = False
    quantity: bool = False
    commitment: str | None = None


_RESERVATION, _SAVINGS_PLAN = "reservation_reservation_a_r_n", "savings_plan_savings_plan_a_r_n"
_RESERVATION_IDLE = (
    ("reservation_unused_amortized_upfront_fee_for_billing_period", "reservation_unused_recurring_fee"),
    (),
)
_SAVINGS_PLAN_IDLE = (("savings_plan_total_commitment_to_date",), ("savings_plan_used_commitment",))

#: line_item_line_item_type → FOCUS. https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html and, for the
#: amortised cost, https://docs.aws.amazon.com/cur/latest/userguide/use-cases-amortized.html
LINE_TYPES: Mapping[str, LineType] = {
    "Usage": LineType("Usage", model=True, quantity=True),
    "DiscountedUsage": LineType(
        "Usage", effective="reservation_effective_cost", model=True, quantity=True, commitment=_RESERVATION
    ),
    "SavingsPlanCoveredUsage": LineType(
        "Usage",
        effective="savings_plan_savings_plan_effective_cost",
        model=True,
        quantity=True,
        commitment=_SAVINGS_PLAN,
    ),
    # Takes back what covered usage is billed at; the two cancel in what is billed, and this one costs nothing itself.
    "SavingsPlanNegation": LineType("Usage", effective="0", commitment=_SAVINGS_PLAN),
    "RIFee": LineType("Purchase", effective="0", idle=_RESERVATION_IDLE, commitment=_RESERVATION),
    "SavingsPlanRecurringFee": LineType("Purchase", effective="0", idle=_SAVINGS_PLAN_IDLE, commitment=_SAVINGS_PLAN),
    "SavingsPlanUpfrontFee": LineType("Purchase", effective="0", commitment=_SAVINGS_PLAN),
    "Fee": LineType("Purchase", commitment=_RESERVATION),
    "Tax": LineType("Tax"),
    "Credit": LineType("Credit", reduction="promotional"),
    # Which charge is refunded AWS does not tell; its usage type may still name the model.
    "Refund": LineType("Adjustment", model=True),
    "BundledDiscount": LineType("Usage", reduction="price"),
    "Discount": LineType("Usage", reduction="price"),
    "EdpDiscount": LineType("Usage", reduction="price"),
    "PrivateRateDiscount": LineType("Usage", reduction="price"),
    "RiVolumeDiscount": LineType("Usage", reduction="price"),
    "SppDiscount": LineType("Usage", reduction="price"),
}
#: A type AWS adds later: its money counts, and without a model it is a break until somebody says what it is.
_UNKNOWN_TYPE = LineType("Adjustment")


def _plain(name: str) -> str:
    """A CUR column's name without case and punctuation: ``lineItem/UsageType`` and ``line_item_usage_type`` are one."""
    return re.sub("[^a-z0-9]", "", name.lower())


def select(
    header: Sequence[str], source: str, file: str, *, net: bool, callers: bedrock.Callers | None = None
) -> dict[str, str]:
    """{CUR 2.0 name: column of the file}, and every ``resourceTags/…`` column of a legacy report under its own name."""
    stored: dict[str, str] = {}
    for title in header:
        stored.setdefault(_plain(title), title)
    amounts = [(_NET[name] if net else name) for name in _NET]
    required = (*_CUR_REQUIRED, amounts[0], *([_PRINCIPAL] if callers == "iam_principal" else ()))
    found: dict[str, str] = {}
    for name in dict.fromkeys((*_CUR.values(), *_CUR_REQUIRED, *_CUR_COMPUTED, *amounts)):
        if (column := stored.get(_plain(name))) is not None:
            found[name] = column
        elif name in required:
            raise SourceChangedShape(
                f"column {name} is missing", source=source, file=file, hint="add it to the export, or fix `format`"
            )
    tags = (title for title in header if re.match("resource_?tags[/_].", title, re.IGNORECASE))
    return found | {f"tag {title}": title for title in tags}


@dataclass(frozen=True)
class Cur:
    """One batch of a CUR: columns of text by their 2.0 name."""

    batch: tabular.Batch
    source: str
    file: str
    net: bool
    marketplace_unit: str | None
    callers: bedrock.Callers | None = None

    def focus_columns(self) -> tuple[dict[str, Texts], list[int]]:
        """FOCUS columns and the line of each row; a fee with an unused part is two rows, so that the idle part is seen."""
        import pyarrow.compute as pc

        count = len(self.batch.lines)
        nothing, zero = Texts.repeated(None, count).array, Texts.repeated("0", count).array
        types = self._told("line_item_line_item_type").each(lambda text: LINE_TYPES.get(text or "", _UNKNOWN_TYPE))
        names = together(self._told("product_product_name"), self._told("product")).each(_product_name)
        services = together(self._told("line_item_product_code"), names).each(_service)
        usage_types, units = self._told("line_item_usage_type"), self._told("pricing_unit")
        meters = together(types, services, usage_types, names, units).each(self._meter)
        billed = self._column(_NET[_COST] if self.net else _COST).array
        # A list price in another currency than the line is billed in is no list cost of it.
        currencies = (self._column(name).array for name in ("pricing_currency", "line_item_currency_code"))
        of_another = pc.fill_null(pc.not_equal(*currencies), False)
        public = pc.if_else(of_another, nothing, self._column("pricing_public_on_demand_cost").array)
        listed = pc.coalesce(public, billed)
        quantities = self._column("line_item_usage_amount").array

        def commitment(kind: LineType) -> pa.Array:
            return self._column(kind.commitment).array if kind.commitment else nothing

        def effective(kind: LineType) -> pa.Array:
            cost = billed if kind.effective is None else zero if kind.effective == "0" else self._amount(kind.effective)
            # The upfront fee of a reservation is amortised over what it covers; a fee of its own is what it costs.
            return pc.if_else(commitment(kind).is_valid(), zero, cost) if kind.category == "Purchase" else cost

        def list_cost(kind: LineType) -> pa.Array:
            return listed if kind.quantity else zero if kind.category == "Usage" else billed

        columns = {name: self._column(cur) for name, cur in _CUR.items()}
        columns |= {
            "ProviderName": Texts.repeated("AWS", count),
            "ServiceName": Texts.of(services),
            "ChargeCategory": Texts.of(types.each(lambda kind: kind.category)),
            "x_Reduction": Texts.of(types.each(lambda kind: kind.reduction)),
            "BilledCost": Texts(billed),
            "EffectiveCost": _by_type(types, effective),
            "ListCost": _by_type(types, list_cost),
            "ConsumedQuantity": _by_type(types, lambda kind: quantities if kind.quantity else nothing),
            "ConsumedUnit": Texts.of(
                together(types, meters).each(lambda kind, meter: meter.unit if kind.quantity else None)
            ),
            "CommitmentDiscountId": _by_type(types, commitment),
            "CommitmentDiscountStatus": Texts.of(
                types.each(lambda kind: "Used" if kind.quantity and kind.commitment else None)
            ),
            "Tags": Texts.of(together(self._own_tags(), self._told("resource_tags"), self._told("tags")).each(_merged)),
            "x_ApiKeyId": self._callers(services),
            **bedrock.columns(meters),
        }
        return self._with_idle(columns, types)

    def _meter(
        self, kind: LineType, service: str | None, usage_type: str | None, name: str | None, unit: str | None
    ) -> bedrock.Meter:
        if kind.model and service == bedrock.SERVICE:
            return bedrock.read(usage_type, name, unit, self.marketplace_unit)
        return bedrock.Meter({}, unit)

    def _callers(self, services: Told[str | None]) -> Texts:
        """What stands for the key of each line of Bedrock."""
        if self.callers is None:
            return Texts.repeated(None, len(self.batch.lines))
        told = together(services, self._told("line_item_resource_id"), self._told(_PRINCIPAL))
        return Texts.of(
            told.each(
                lambda service, resource, principal: (
                    bedrock.caller(self.callers, resource, principal) if service == bedrock.SERVICE else None
                )
            )
        )

    def _with_idle(self, columns: dict[str, Texts], types: Told[LineType]) -> tuple[dict[str, Texts], list[int]]:
        import numpy as np
        import pyarrow as pa

        lines = list(self.batch.lines)
        may_be_idle = np.array([kind.idle is not None for kind in types.texts])[types.codes]
        added: dict[str, list[str | None]] = {name: [] for name in columns}
        for index in np.flatnonzero(may_be_idle).tolist():
            idle = self._sum(index, types[index].idle)
            if not idle:
                continue
            row: dict[str, str | None] = {name: texts[index] for name, texts in columns.items()}
            row |= {
                "ChargeCategory": "Usage",
                "CommitmentDiscountStatus": "Unused",
                "BilledCost": "0",
                "EffectiveCost": f"{idle:f}",
                "ListCost": "0",
                "PricingQuantity": None,
            }
            for name, text in row.items():
                added[name].append(text)
            lines.append(self.batch.lines[index])
        if len(lines) == len(self.batch.lines):
            return columns, lines
        more = {name: pa.array(texts, pa.string()) for name, texts in added.items()}
        return {name: Texts(pa.concat_arrays([texts.array, more[name]])) for name, texts in columns.items()}, lines

    def _sum(self, index: int, terms: tuple[tuple[str, ...], tuple[str, ...]] | None) -> Decimal:
        total = Decimal(0)
        for sign, names in zip((1, -1), terms or (), strict=False):
            for name in names:
                text = self._column(self._named(name))[index]
                try:
                    amount = money.parse_amount(text or "0")
                except ValueError as error:
                    line = self.batch.lines[index]
                    raise SourceRejected(f"{name}: {error}", source=self.source, file=self.file, line=line) from None
                total = money.sum_exactly(total, amount if sign > 0 else amount.copy_negate())
        return total

    def _named(self, name: str) -> str:
        return _NET[name] if self.net else name

    def _amount(self, name: str) -> pa.Array:
        return self._column(self._named(name)).array

    def _column(self, name: str) -> Texts:
        return self.batch.column(name)

    def _told(self, name: str) -> Told[str | None]:
        return self.batch.column(name).told

    def _own_tags(self) -> Told[str | None]:
        """The tags of a report that has a column for each."""
        own = [name for name in self.batch.columns if name.startswith("tag ")]
        if not own:
            return Texts.repeated(None, len(self.batch.lines)).told
        keys = [re.sub("^tag resource_?tags[/_]", "", name, flags=re.IGNORECASE) for name in own]

        def as_json(*row: str | None) -> str | None:
            tags = {key: text for key, text in zip(keys, row, strict=True) if text is not None}
            return json.dumps(tags, sort_keys=True) if tags else None

        return together(*map(self._told, own)).each(as_json)


def _by_type(types: Told[LineType], chosen: Callable[[LineType], pa.Array]) -> Texts:
    """A column that is of each row what is ``chosen`` for its type."""
    import numpy as np
    import pyarrow.compute as pc

    of_types = [chosen(kind) for kind in types.texts]
    found = of_types[0]
    for array in {id(array): array for array in of_types[1:] if array is not found}.values():
        found = pc.if_else(np.array([one is array for one in of_types])[types.codes], array, found)
    return Texts(found)


def _product_name(own: str | None, product: str | None) -> str | None:
    """The product's name: a column of its own in the legacy report, in the map ``product`` of CUR 2.0."""
    told = _map(product)
    return own or str(told.get("product_name") or told.get("servicename") or "") or None


@lru_cache(maxsize=4096)
def _map(text: str | None) -> Mapping[str, object]:
    """A CUR map column: a JSON object as text; anything else says nothing."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=4096)
def _merged(*maps: str | None) -> str | None:
    """The members of several maps in one, the first that has a key before others; a text that is no map stands as it is."""
    told = [text for text in dict.fromkeys(maps) if text]
    if len(told) < 2:
        return told[0] if told else None
    if broken := next((text for text in told if not _map(text) and text.strip() != "{}"), None):
        return broken
    return json.dumps({key: value for text in reversed(told) for key, value in _map(text).items()}, sort_keys=True)


class Discounts:
    """What the batches of a delivery tell of discounts: lines of their own, or only what is beside a line's cost."""

    def __init__(self) -> None:
        self.have_lines = False
        #: File and line of the first that is before a discount.
        self.beside: tuple[str, int] | None = None

    def see(self, batch: tabular.Batch, file: str) -> None:
        types = batch.column("line_item_line_item_type").told.texts
        self.have_lines |= any(LINE_TYPES.get(kind or "", _UNKNOWN_TYPE).reduction == "price" for kind in types)
        for name in (_DISCOUNTS, _DISCOUNT):
            discounts = batch.column(name).told.each(_is_told)
            if self.beside is None and any(discounts.texts):
                self.beside = next((file, line) for line, told in zip(batch.lines, discounts, strict=True) if told)


@lru_cache(maxsize=4096)
def _is_told(discount: str | None) -> bool:
    """Whether a discount's text, an amount or a map of them, is of anything but 0."""
    return re.search(r"[1-9]", re.sub(r'"[^"]*"\s*:|[eE][+-]?\d+', "", discount or "")) is not None


def _service(code: str | None, product_name: str | None) -> str | None:
    """The product code, which every line has, discounts included: they find what they reduce by it. Bedrock has several."""
    if code in bedrock.PRODUCT_CODES or (product_name or "").strip().endswith(bedrock.EDITION):
        return bedrock.SERVICE
    return code
