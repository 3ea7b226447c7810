"""AWS's bill from S3: Data Exports (FOCUS 1.2, CUR 2.0) and the legacy Cost and Usage Report, one billing month a unit.

https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html. A month is what its manifest names, and
nothing else: with new versions beside old ones a folder holds the month several times. AWS writes the manifest after
the files, refreshes an open month daily and a closed one for weeks, so a later delivery replaces the month whole.
CUR columns become FOCUS columns by the tables below, after AWS's own rules for amortised cost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from reconcilers import money
from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.periods import Period, parse_instant
from reconcilers.sources import focus, folders, http, tabular
from reconcilers.sources.billing import bedrock
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

_EXACT = Context(prec=120)


class AwsConfig(SourceConfig):
    """Where one export or report is delivered.

    ``uri`` is the folder of the export itself, ``s3://bucket/prefix/export-name`` (or a local copy of it): it holds ``data/``
    and ``metadata/``, for the legacy report its ``yyyymmdd-yyyymmdd/`` folders. ``cost`` is what CUR's BilledCost is:
    ``net_unblended`` where discounts have no lines of their own. ``marketplace_unit`` is what one unit of a Bedrock
    Marketplace line without a unit of measure counts (``1000000 Tokens``); without it such lines have no quantity.
    ``price_credits`` are regular expressions of what descriptions of credits say in full where a credit is part of the
    price agreed (a private rate, a volume tier), and so lowers what it credits (rule R6); any other credit is one.
    ``earlier_months`` before the asked period are read again, since AWS refreshes closed months.
    """

    uri: str = Field(exclude=True)
    format: Literal["focus_1_2", "cur_2_0", "legacy_cur"]
    endpoint_url: str | None = Field(default=None, exclude=True)
    cost: Literal["unblended", "net_unblended"] = "unblended"
    marketplace_unit: str | None = None
    price_credits: tuple[str, ...] = ()
    earlier_months: int = Field(default=1, ge=0, le=24, exclude=True)

    @field_validator("price_credits")
    @classmethod
    def _expressions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                re.compile(text)
            except re.error as error:
                raise ValueError(f"{text!r:.80} is no regular expression: {error}") from None
        return value

    @field_validator("marketplace_unit")
    @classmethod
    def _unit(cls, value: str | None) -> str | None:
        if value is not None and focus.unit(value) is None:
            raise ValueError(f"{value!r:.40} is no unit that a meter counts in; write 1000000 Tokens")
        return value


class Aws(Source):
    """AWS charges from an S3 prefix."""

    kind = "aws"
    Config = AwsConfig
    config: AwsConfig

    def units(self, period: Period) -> Iterator[str]:
        """Billing months ``2026-10`` that touch the period and the day after it, or lie shortly before, and have a file or a manifest."""
        first = next(period.months()).start
        for _ in range(self.config.earlier_months):
            first = (first - timedelta(days=1)).replace(day=1)
        folder = self._folder()
        # On the evening a month ends, AWS already keeps the next month's books.
        for month in Period(first, period.end + timedelta(days=1)).months():
            unit = f"{month.start:%Y-%m}"
            if self._listed(folder, unit, "metadata") or self._listed(folder, unit, "data"):
                yield unit

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The months there is a file or a manifest of."""
        return (month for unit in units if (month := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        manifest = self._manifest(folder, unit)
        content = folder.read(manifest)
        delivered: dict[str, folders.StoredObject] = {}
        keys = self._files(manifest.key, content, unit)
        for parent in sorted({key.rpartition("/")[0] for key in keys}):
            delivered |= {stored.key: stored for stored in folder.list(f"{parent}/")}
        for key in keys:
            if key not in delivered:
                raise PeriodIncomplete(
                    f"the manifest names {key}, which is not there",
                    source=self.name,
                    period=unit,
                    file=manifest.key,
                    hint="a delivery is in flight; run again later",
                )
        pull.add(manifest.key, manifest.uri, content)
        for key in keys:
            with folder.copy(delivered[key]) as path:
                tabular.verify(path, key, self._select(key), source=self.name)
                pull.add(key, delivered[key].uri, path)
        if self._manifest(folder, unit) != manifest:
            raise PeriodIncomplete(
                "the month was delivered anew while it was read",
                source=self.name,
                period=unit,
                file=manifest.key,
                hint="run again",
            )

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        # Line ids of a CUR differ from delivery to delivery; FOCUS has none but those an export adds itself.
        charges = focus.Charges(self.name, landed.landing_id, stable_line_ids=self.config.format == "focus_1_2")
        for index, item in enumerate(landed.objects):
            if item.name.endswith(".json"):
                continue
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                if not batch.lines:
                    continue
                columns, lines = self._focus_columns(batch, item.name)
                self._check_month(landed.unit, columns["BillingPeriodStart"], lines, item.name)
                base = folders.line_base(index)
                yield "charges", charges.table(columns, lines, file=item.name, line_base=base)

    @classmethod
    def readers(cls) -> set[Path]:
        return super().readers() | {Path(bedrock.__file__)}

    # Delivery --------------------------------------------------------------------------------------------------------

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _month(self, key: str) -> str | None:
        """The billing month a key belongs to, by the name of its partition."""
        if self.config.format == "legacy_cur":
            found = re.match(r"(\d{4})(\d\d)01-\d{8}/", key)
        else:
            # CUR 2.0 writes the partition in upper case, FOCUS in lower case.
            found = re.match(r"(?:data|metadata)/billing_period=(\d{4})-(\d\d)/", key, re.IGNORECASE)
        return f"{found[1]}-{found[2]}" if found else None

    def _listed(
        self, folder: folders.Folder, unit: str, kind: Literal["data", "metadata"]
    ) -> list[folders.StoredObject]:
        """What is delivered for a month: its files or its manifests, which the legacy report keeps in one folder."""
        if self.config.format == "legacy_cur":
            prefixes = [f"{unit.replace('-', '')}01-"]
        else:
            prefixes = [f"{kind}/{partition}={unit}/" for partition in ("BILLING_PERIOD", "billing_period")]
        found = [stored for prefix in prefixes for stored in folder.list(prefix)]
        return [stored for stored in found if stored.key.endswith("-Manifest.json") == (kind == "metadata")]

    def _manifest(self, folder: folders.Folder, unit: str) -> folders.StoredObject:
        """The manifest of the newest delivery of a month.

        Overwritten deliveries have one. New versions have one each, in a folder of their own; the legacy report then also
        keeps the newest beside them.
        """
        found = self._listed(folder, unit, "metadata")
        if self.config.format == "legacy_cur":
            found = [stored for stored in found if stored.key.count("/") == 1] or found
        if not found:
            raise PeriodIncomplete(
                "no manifest", source=self.name, period=unit, hint=f"AWS writes it last; see {self.config.uri}"
            )
        return max(found, key=lambda stored: (stored.modified_at, stored.key.encode()))

    def _files(self, name: str, content: bytes, unit: str) -> list[str]:
        """The keys a manifest names, below the export's folder, in its order. None may lead out of it or stand twice."""
        body = http.parse_json(content, source=self.name, file=name)
        field = "reportKeys" if self.config.format == "legacy_cur" else "dataFiles"
        named = body.get(field) if isinstance(body, dict) else None
        if not isinstance(named, list) or not all(isinstance(text, str) for text in named):
            raise SourceChangedShape(f"the manifest has no list {field}", source=self.name, period=unit, file=name)
        if not named:
            raise PeriodIncomplete(
                "the manifest names no file", source=self.name, period=unit, file=name, hint="run again later"
            )
        keys = [self._relative(text, name) for text in named]
        for key in keys:
            if keys.count(key) > 1:
                raise SourceRejected(f"the manifest names {key} twice", source=self.name, period=unit, file=name)
            if self._month(key) != unit:
                raise SourceRejected(
                    f"the manifest names {key}, which is not of this month", source=self.name, period=unit, file=name
                )
        return keys

    def _relative(self, named: str, manifest: str) -> str:
        """A file named by a manifest, ``s3://bucket/key`` or a key of the bucket, relative to the export's folder."""
        folder, file = urlsplit(self.config.uri), named
        if named.startswith("s3://"):
            bucket, _, file = named.removeprefix("s3://").partition("/")
            if folder.scheme == "s3" and bucket != folder.netloc:
                raise self._outside(named, manifest)
        folders.check_key(file, self.name)
        if folder.scheme != "s3":
            # A local copy keeps the layout below the export's folder, not the prefix above it.
            below = re.search(r"(?:^|/)((?:data/billing_period=|\d{8}-\d{8}/).*)", file, re.IGNORECASE)
            if not below:
                raise self._outside(named, manifest)
            return below[1]
        base = folder.path.strip("/")
        if base and not file.startswith(f"{base}/"):
            raise self._outside(named, manifest)
        return file.removeprefix(f"{base}/") if base else file

    def _outside(self, named: str, manifest: str) -> SourceRejected:
        return SourceRejected(
            f"the manifest names {named:.200}, which is not below {self.config.uri}",
            source=self.name,
            file=manifest,
            hint="set uri to the export's own folder",
        )

    def _check_month(self, unit: str, starts: Sequence[str | None], lines: Sequence[int], file: str) -> None:
        """Every row is of the month it was delivered for: it would not be replaced with it otherwise."""
        for text in dict.fromkeys(starts):
            try:
                right = text is None or f"{parse_instant(text):%Y-%m}" == unit
            except ValueError:
                continue  # refused with its line where the column is parsed
            if not right:
                raise SourceRejected(
                    f"billing period {text:.40} in the delivery of {unit}",
                    source=self.name,
                    period=unit,
                    file=file,
                    line=lines[starts.index(text)],
                )

    # Columns ---------------------------------------------------------------------------------------------------------

    def _select(self, file: str) -> tabular.Select:
        if self.config.format == "focus_1_2":
            return lambda header: focus.select(header, source=self.name, file=file)
        return lambda header: _select_cur(header, self.name, file, net=self.config.cost == "net_unblended")

    def _focus_columns(self, batch: tabular.Batch, file: str) -> tuple[dict[str, list[str | None]], list[int]]:
        if self.config.format == "focus_1_2":
            columns, lines = _with_bedrock(batch, self.config.marketplace_unit), batch.lines
        else:
            rows = _Cur(batch, self.name, file, self.config.cost == "net_unblended", self.config.marketplace_unit)
            columns, lines = rows.focus_columns()
        return columns | {"x_Reduction": self._reductions(columns, len(lines))}, lines

    def _reductions(self, columns: Mapping[str, Sequence[str | None]], count: int) -> list[str | None]:
        """What lowers a price, credits that were declared to be of it included."""
        nothing: list[str | None] = [None] * count
        names = ("x_Reduction", "ChargeCategory", "ChargeDescription")
        told = zip(*(columns.get(name, nothing) for name in names), strict=True)
        return [
            "price" if category == "Credit" and self._is_of_the_price(description or "") else reduction
            for reduction, category, description in told
        ]

    def _is_of_the_price(self, description: str) -> bool:
        return any(re.fullmatch(text, description.strip()) for text in self.config.price_credits)


# Cost and Usage Report → FOCUS ----------------------------------------------------------------------------------------

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
    "pricing_public_on_demand_cost",
    "reservation_reservation_a_r_n",
    "savings_plan_savings_plan_a_r_n",
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


def _select_cur(header: Sequence[str], source: str, file: str, *, net: bool) -> dict[str, str]:
    """{CUR 2.0 name: column of the file}, and every ``resourceTags/…`` column of a legacy report under its own name."""
    stored: dict[str, str] = {}
    for title in header:
        stored.setdefault(_plain(title), title)
    amounts = [(_NET[name] if net else name) for name in _NET]
    required = (*_CUR_REQUIRED, amounts[0])
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
class _Cur:
    """One batch of a CUR: columns of text by their 2.0 name."""

    batch: tabular.Batch
    source: str
    file: str
    net: bool
    marketplace_unit: str | None

    def focus_columns(self) -> tuple[dict[str, list[str | None]], list[int]]:
        """FOCUS columns and the line of each row; a fee with an unused part is two rows, so that the idle part is seen."""
        count = len(self.batch.lines)
        types = [LINE_TYPES.get(text or "", _UNKNOWN_TYPE) for text in self._column("line_item_line_item_type")]
        codes, names = self._column("line_item_product_code"), self._product_names()
        services = [_service(code, name) for code, name in zip(codes, names, strict=True)]
        billed, listed = self._column(_NET[_COST] if self.net else _COST), self._column("pricing_public_on_demand_cost")
        usage_types, units = self._column("line_item_usage_type"), self._column("pricing_unit")
        quantities = self._column("line_item_usage_amount")
        meters = [
            bedrock.read(usage_type, name, unit, self.marketplace_unit)
            if kind.model and service == bedrock.SERVICE
            else bedrock.Meter({}, unit)
            for kind, service, usage_type, name, unit in zip(types, services, usage_types, names, units, strict=True)
        ]
        columns: dict[str, list[str | None]] = {name: list(self._column(cur)) for name, cur in _CUR.items()}
        columns |= {
            "ProviderName": ["AWS"] * count,
            "ServiceName": services,
            "ChargeCategory": [kind.category for kind in types],
            "x_Reduction": [kind.reduction for kind in types],
            "BilledCost": billed,
            "EffectiveCost": [self._effective(index, kind, billed[index]) for index, kind in enumerate(types)],
            "ListCost": [
                (public or cost) if kind.quantity else "0" if kind.category == "Usage" else cost
                for kind, public, cost in zip(types, listed, billed, strict=True)
            ],
            "ConsumedQuantity": [
                quantity if kind.quantity else None for kind, quantity in zip(types, quantities, strict=True)
            ],
            "ConsumedUnit": [meter.unit if kind.quantity else None for kind, meter in zip(types, meters, strict=True)],
            "CommitmentDiscountId": [self._commitment(index, kind) for index, kind in enumerate(types)],
            "CommitmentDiscountStatus": ["Used" if kind.quantity and kind.commitment else None for kind in types],
            "Tags": self._tags(),
            **_meter_columns(meters),
        }
        return self._with_idle(columns, types)

    def _with_idle(
        self, columns: dict[str, list[str | None]], types: Sequence[LineType]
    ) -> tuple[dict[str, list[str | None]], list[int]]:
        lines = list(self.batch.lines)
        for index, kind in enumerate(types):
            idle = self._sum(index, kind.idle)
            if not idle:
                continue
            row: dict[str, str | None] = {name: values[index] for name, values in columns.items()}
            row |= {
                "ChargeCategory": "Usage",
                "CommitmentDiscountStatus": "Unused",
                "BilledCost": "0",
                "EffectiveCost": f"{idle:f}",
                "ListCost": "0",
                "PricingQuantity": None,
            }
            for name, values in columns.items():
                values.append(row[name])
            lines.append(self.batch.lines[index])
        return columns, lines

    def _effective(self, index: int, kind: LineType, billed: str | None) -> str | None:
        # The upfront fee of a reservation is amortised over what it covers; a fee of its own is what it costs.
        if kind.effective == "0" or (kind.category == "Purchase" and self._commitment(index, kind)):
            return "0"
        return billed if kind.effective is None else self._amount(kind.effective, index)

    def _commitment(self, index: int, kind: LineType) -> str | None:
        return self._cell(kind.commitment, index) if kind.commitment else None

    def _sum(self, index: int, terms: tuple[tuple[str, ...], tuple[str, ...]] | None) -> Decimal:
        total = Decimal(0)
        for sign, names in zip((1, -1), terms or (), strict=False):
            for name in names:
                text = self._amount(name, index)
                try:
                    total = _EXACT.add(total, sign * money.parse_amount(text or "0"))
                except ValueError as error:
                    line = self.batch.lines[index]
                    raise SourceRejected(f"{name}: {error}", source=self.source, file=self.file, line=line) from None
        return total

    def _amount(self, name: str, index: int) -> str | None:
        return self._cell(_NET[name] if self.net else name, index)

    def _cell(self, name: str, index: int) -> str | None:
        values = self.batch.columns.get(name)
        return values[index] if values else None

    def _column(self, name: str) -> list[str | None]:
        return self.batch.columns.get(name) or [None] * len(self.batch.lines)

    def _product_names(self) -> list[str | None]:
        """The product's name: a column of its own in the legacy report, in the map ``product`` of CUR 2.0."""
        maps = self._column("product")
        return [
            name or (str(_map(text).get("product_name") or _map(text).get("servicename") or "") or None)
            for name, text in zip(self._column("product_product_name"), maps, strict=True)
        ]

    def _tags(self) -> list[str | None]:
        """Cost allocation tags as a JSON object: a map in CUR 2.0, a column each in the legacy report."""
        own = [name for name in self.batch.columns if name.startswith("tag ")]
        if not own:
            return self._column("resource_tags")
        keys = [re.sub("^tag resource_?tags[/_]", "", name, flags=re.IGNORECASE) for name in own]
        rows = zip(*(self.batch.columns[name] for name in own), strict=True)
        found = ({key: text for key, text in zip(keys, row, strict=True) if text is not None} for row in rows)
        return [json.dumps(tags, sort_keys=True) if tags else None for tags in found]


@lru_cache(maxsize=4096)
def _map(text: str | None) -> Mapping[str, object]:
    """A CUR map column: a JSON object as text; anything else says nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _service(code: str | None, product_name: str | None) -> str | None:
    """The product code, which every line has, discounts included: they find what they reduce by it. Bedrock has several."""
    if code in bedrock.PRODUCT_CODES or (product_name or "").strip().endswith(bedrock.EDITION):
        return bedrock.SERVICE
    return code


# Bedrock ---------------------------------------------------------------------------------------------------------------


def _meter_columns(meters: Sequence[bedrock.Meter]) -> dict[str, list[str | None]]:
    return {name: [meter.says.get(name) for meter in meters] for name in bedrock.COLUMNS}


def _with_bedrock(batch: tabular.Batch, marketplace_unit: str | None) -> dict[str, list[str | None]]:
    """FOCUS rows with model and meter of Bedrock usage where the export does not tell them itself."""
    columns, count = dict(batch.columns), len(batch.lines)
    nothing: list[str | None] = [None] * count
    usage_types = [
        used or sku
        for used, sku in zip(columns.get("x_UsageType", nothing), columns.get("SkuMeter", nothing), strict=True)
    ]
    names, units = columns.get("ServiceName", nothing), columns.get("ConsumedUnit", nothing)
    told, categories = columns.get("x_Model", nothing), columns.get("ChargeCategory", nothing)
    meters = [
        bedrock.read(usage_type, name, unit, marketplace_unit)
        if model is None and (category or "").lower() in ("usage", "adjustment") and "bedrock" in (name or "").lower()
        else bedrock.Meter({}, unit)
        for usage_type, name, unit, model, category in zip(usage_types, names, units, told, categories, strict=True)
    ]
    for column, values in _meter_columns(meters).items():
        columns[column] = [own or value for own, value in zip(columns.get(column, nothing), values, strict=True)]
    columns["ConsumedUnit"] = [meter.unit for meter in meters]
    return columns
