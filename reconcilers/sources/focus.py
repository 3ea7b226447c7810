"""FOCUS is the dictionary: every bill becomes FOCUS columns of text, and this file turns those into lake charges.

FOCUS 1.2, "Cost and Usage" dataset (https://focus.finops.org/focus-specification/), with 1.3's columns where a bill has
them and the ``x_`` columns below for what FOCUS has no word for: models and tokens. A source file maps its provider's
fields to these names and never parses an amount, a time or a unit itself. One row = one charge line of a bill.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest import lake
from reconcilers.periods import parse_instant

if TYPE_CHECKING:
    import pyarrow as pa

Value = TypeVar("Value")

#: Without these a row has no amount or no place, so a file that lacks one is refused. All are mandatory in FOCUS 1.0–1.4.
REQUIRED = (
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ServiceName",
)

#: Lake column ← FOCUS column whose text is taken over as it is.
_TEXT = {
    "billing_account_id": "BillingAccountId",
    "sub_account_id": "SubAccountId",
    "api_key_id": "x_ApiKeyId",
    "model": "x_Model",
    "service_tier": "x_ServiceTier",
    "context_band": "x_ContextBand",
    "geography": "x_Geography",
    "region": "x_Region",
    "speed": "x_Speed",
    "modality": "x_Modality",
    "cache_ttl": "x_CacheTtl",
    "line_id": "x_LineId",
    "provider": "ProviderName",
    "service_name": "ServiceName",
    "sku_id": "SkuId",
    "sku_meter": "SkuMeter",
    "charge_class": "ChargeClass",
    "charge_description": "ChargeDescription",
    "commitment_discount_id": "CommitmentDiscountId",
    "commitment_discount_status": "CommitmentDiscountStatus",
    "pricing_unit": "PricingUnit",
    "invoice_id": "InvoiceId",
    "invoice_issuer_name": "InvoiceIssuerName",
    "tags": "Tags",
}

#: Columns that other lake columns are computed from.
_COMPUTED = (
    *REQUIRED,
    "ContractedCost",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingQuantity",
    "x_Meter",
    "x_Batch",
    "x_LinkedLineIds",
    "x_Reduction",
)

#: Columns the lake does not keep, which still tell two lines apart, and those read when another is absent.
_IDENTITY_ONLY = (
    "ResourceId",
    "AvailabilityZone",
    "RegionId",
    "SkuPriceId",
    "SkuPriceDetails",
    "ChargeFrequency",
    "PricingCategory",
    "CommitmentDiscountQuantity",
    "AllocatedResourceId",
    "AllocatedMethodId",
    "ServiceProviderName",
    "InvoiceDetailId",
    "x_Operation",
    "x_UsageType",
)

#: Every column that is read. The order is part of ``charge_id``: append, never insert or reorder.
COLUMNS: tuple[str, ...] = tuple(dict.fromkeys((*_COMPUTED, *_TEXT.values(), *_IDENTITY_ONLY)))

#: What a row of a provider's own usage report says; it has no costs. Those that ``USAGE_REQUIRED`` names are never empty.
USAGE_REQUIRED = ("ChargePeriodStart", "ChargePeriodEnd", "ConsumedQuantity", "ConsumedUnit", "x_Meter")
USAGE_COLUMNS = (
    *USAGE_REQUIRED,
    "BillingAccountId",
    "SubAccountId",
    "x_ApiKeyId",
    "x_Model",
    "x_ServiceTier",
    "x_Batch",
    "x_ContextBand",
    "x_Geography",
    "x_Region",
    "x_Speed",
    "x_Modality",
    "x_CacheTtl",
)

#: Taken in place of an absent or empty column: 1.3 renamed the provider; a region is the price's region if nothing else is.
_FALLBACK = {"ProviderName": "ServiceProviderName", "x_Region": "RegionId"}

#: What each meter counts (``dbt_project/seeds/meters.csv``).
METERS = {
    "input_tokens": "tokens",
    "cache_read_input_tokens": "tokens",
    "cache_write_input_tokens": "tokens",
    "output_tokens": "tokens",
    "requests": "requests",
    "seconds": "seconds",
    "bytes": "bytes",
    "images": "images",
    "characters": "characters",
    "searches": "searches",
    "read_units": "read_units",
    "gb_hours": "gb_hours",
}

#: FOCUS 2.12 ChargeCategory, in lower case ← any spelling.
CATEGORIES = {name.lower(): name for name in ("Usage", "Purchase", "Tax", "Credit", "Adjustment")}

_UNIT_NAMES: dict[str, tuple[str, Decimal]] = {
    "token": ("tokens", Decimal(1)),
    "request": ("requests", Decimal(1)),
    "call": ("requests", Decimal(1)),
    "second": ("seconds", Decimal(1)),
    "sec": ("seconds", Decimal(1)),
    "minute": ("seconds", Decimal(60)),
    "min": ("seconds", Decimal(60)),
    "hour": ("seconds", Decimal(3600)),
    "hr": ("seconds", Decimal(3600)),
    "image": ("images", Decimal(1)),
    "character": ("characters", Decimal(1)),
    "search": ("searches", Decimal(1)),
    "searche": ("searches", Decimal(1)),
    "read unit": ("read_units", Decimal(1)),
    "gibibyte hour": ("gb_hours", Decimal(1)),
    "gib hour": ("gb_hours", Decimal(1)),
    "byte": ("bytes", Decimal(1)),
    **{f"{p}b": ("bytes", Decimal(10) ** (3 * n)) for n, p in enumerate("kmgtp", 1)},
    **{f"{p}ib": ("bytes", Decimal(1024) ** n) for n, p in enumerate("kmgtp", 1)},
}
_MULTIPLES = {
    "": 1,
    "k": 1_000,
    "thousand": 1_000,
    "m": 1_000_000,
    "mtok": 1_000_000,
    "million": 1_000_000,
    "b": 1_000_000_000,
    "billion": 1_000_000_000,
}
_UNIT = re.compile(r"(?P<count>\d[\d,]*)?\s*(?P<multiple>k|m|b|thousand|million|billion)?\s*(?P<name>[a-z][a-z ]*)")


@dataclass(frozen=True)
class Unit:
    """A unit of measure: ``size`` of the meter's own unit, e.g. ``1000 Tokens`` = (tokens, 1000)."""

    measures: str
    size: Decimal


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit | None:
    """What a unit's text means; null for one that no meter counts in (``LCU-Hours``, ``Units``).

    Accepts FOCUS spelling (``1000 Tokens``) and what providers write: ``1K tokens``, ``1M tokens``, ``thousand tokens``,
    ``1000_tokens``, ``duration_minutes``, ``Requests``, ``Hrs``, ``GiB``.
    """
    plain = re.sub("[_-]", " ", text.strip().lower()).removeprefix("duration ")
    match = _UNIT.fullmatch(plain)
    if not match:
        return None
    name, multiple = match["name"].strip(), match["multiple"] or ""
    known = _UNIT_NAMES.get(name) or _UNIT_NAMES.get(name.removesuffix("s"))
    if known is None and multiple:
        # The multiple was part of the name: "mb", "minutes", "bytes".
        known, multiple = _UNIT_NAMES.get((multiple + name).removesuffix("s")), ""
    if known is None:
        return None
    count = int((match["count"] or "1").replace(",", ""))
    return Unit(known[0], known[1] * count * _MULTIPLES[multiple])


def select(
    header: Sequence[str],
    *,
    renamed: Mapping[str, str] | None = None,
    constant: Mapping[str, str] | None = None,
    columns: Sequence[str] = COLUMNS,
    required: Sequence[str] = REQUIRED,
    source: str | None = None,
    file: str | None = None,
) -> dict[str, str]:
    """{FOCUS column: column of the file} of the ``columns`` to read, names compared without case.

    ``renamed`` names a file's own columns for FOCUS columns; ``constant`` lists those that need no column. Raises
    ``SourceChangedShape`` naming a required column that is missing, or one that is there twice in different case.
    """
    renamed, constant = renamed or {}, constant or {}
    stored: dict[str, str] = {}
    for column in header:
        if stored.setdefault(column.strip().lower(), column) != column:
            raise SourceChangedShape(f"column {column!r:.80} appears twice", source=source, file=file)
    found: dict[str, str] = {}
    for column in columns:
        name = stored.get(renamed.get(column, column).lower())
        if name is not None:
            found[column] = name
        elif column in renamed or (column in required and column not in constant):
            raise SourceChangedShape(
                f"column {renamed.get(column, column)} is missing",
                source=source,
                file=file,
                hint="FOCUS makes it mandatory; if the export names it differently, map it under `columns`",
            )
    return found


class Charges:
    """Lake charges of one landing, built batch by batch.

    ``charge_id`` is a hash of the line's own facts, so a rerun, another file name or another row order gives the same ids.
    Lines that are equal in every fact are numbered in the order met; the numbering runs over the whole landing.
    ``stable_line_ids`` is false for a bill whose line ids change with every delivery: they are no facts then.
    """

    def __init__(self, source: str, landing_id: str, *, stable_line_ids: bool = True) -> None:
        self.source, self.landing_id = source, landing_id
        self.facts = [name for name in COLUMNS if stable_line_ids or name != "x_LineId"]
        self.seen = _Seen()
        self.repeats: dict[int, int] = {}

    def table(
        self,
        columns: Mapping[str, Sequence[str | None]],
        lines: Sequence[int],
        *,
        file: str,
        line_base: int = 0,
    ) -> pa.Table:
        """Rows given as FOCUS columns of text → ``lake.schema("charges")``. Raises ``SourceRejected`` naming file and line.

        ``line_base`` is added to each line to make ``landing_line``.
        """
        import pyarrow as pa

        size = len(lines)
        nothing: list[str | None] = [None] * size
        rows = _Rows({name: columns.get(name, nothing) for name in COLUMNS}, lines, self.source, file)
        billed = rows.required("BilledCost", _amount)
        effective = rows.required("EffectiveCost", _amount)
        starts = rows.required("ChargePeriodStart", _instant)
        ends = rows.required("ChargePeriodEnd", _instant)
        for line, start, end in zip(lines, starts, ends, strict=True):
            if end < start:
                raise rows.rejected(line, f"ChargePeriodEnd {end} is before ChargePeriodStart {start}")
        meters, quantities = _quantities(rows)
        values: dict[str, list[Any]] = {
            **{column: list(rows.text(name)) for column, name in _TEXT.items()},
            "charge_id": self._ids(rows),
            "source": [self.source] * size,
            "landing_id": [self.landing_id] * size,
            "landing_line": [line + line_base for line in lines],
            "meter": meters,
            "batch": rows.optional("x_Batch", _truth),
            "linked_line_ids": rows.optional("x_LinkedLineIds", _words),
            "charge_category": rows.required("ChargeCategory", _category),
            "reduction": rows.optional("x_Reduction", _reduction),
            "charge_period_start": starts,
            "charge_period_end": ends,
            "billing_period_start": rows.required("BillingPeriodStart", _month),
            "billing_currency": rows.required("BillingCurrency", _currency),
            "billed_cost": [amount.rounded for amount in billed],
            "billed_cost_text": [amount.text for amount in billed],
            "billed_cost_residual": [amount.residual for amount in billed],
            "effective_cost": [amount.rounded for amount in effective],
            "effective_cost_text": [amount.text for amount in effective],
            "list_cost": rows.optional("ListCost", _rounded),
            "contracted_cost": rows.optional("ContractedCost", _rounded),
            "quantity": quantities,
            "pricing_quantity": rows.optional("PricingQuantity", _rounded),
        }
        schema = lake.schema("charges")
        return pa.table([pa.array(values[field.name], field.type) for field in schema], schema=schema)

    def table_of_rows(
        self, rows: Iterable[tuple[int, Mapping[str, str | None]]], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """The same for (line, FOCUS row) pairs of a source that does not come as a table."""
        lines, columns = _as_columns(rows, COLUMNS)
        return self.table(columns, lines, file=file, line_base=line_base)

    def _ids(self, rows: _Rows) -> list[str]:
        prefix = self.source + "\n"
        ids = []
        for facts in zip(*(rows.columns[name] for name in self.facts), strict=True):
            # Without the trailing nulls, so that a column appended to COLUMNS later leaves the ids of old lines alone.
            text = prefix + json.dumps(facts)[:-1].rstrip(", nul")
            digest = hashlib.md5(text.encode(), usedforsecurity=False)
            short = int.from_bytes(digest.digest()[:8], "big")
            if self.seen.add(short):
                number = self.repeats[short] = self.repeats.get(short, 0) + 1
                digest.update(f"\n{number}".encode())
            ids.append(digest.hexdigest())
        return ids


class UsageReport:
    """Lake rows of a provider's own usage report (rule R10): quantity per key and UTC day."""

    def __init__(self, source: str, landing_id: str) -> None:
        self.source, self.landing_id = source, landing_id

    def table(
        self, columns: Mapping[str, Sequence[str | None]], lines: Sequence[int], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """Rows given as ``USAGE_COLUMNS`` of text → ``lake.schema("provider_usage")``.

        Raises ``SourceRejected`` naming file and line, also for a row that is longer than a day or whose unit does not
        measure its meter, and ``SourceChangedShape`` for a meter nobody knows.
        """
        import pyarrow as pa

        size = len(lines)
        nothing: list[str | None] = [None] * size
        rows = _Rows({name: columns.get(name, nothing) for name in COLUMNS}, lines, self.source, file)
        starts = rows.required("ChargePeriodStart", _instant)
        for line, start, end in zip(lines, starts, rows.required("ChargePeriodEnd", _instant), strict=True):
            if not start <= end <= datetime.combine(start.date() + timedelta(days=1), time()):
                raise rows.rejected(line, f"a usage report row is of one UTC day, this one is {start} to {end}")
        rows.required("x_Meter", _meter)
        rows.required("ConsumedQuantity", _quantity)
        meters, quantities = _quantities(rows)
        for line, meter, quantity in zip(lines, meters, quantities, strict=True):
            if meter is None or quantity is None:
                raise rows.rejected(line, "ConsumedUnit does not measure x_Meter")
        values: dict[str, list[Any]] = {
            **{name: list(columns.get(_TEXT[name], nothing)) for name in _TEXT if _TEXT[name] in USAGE_COLUMNS},
            "source": [self.source] * size,
            "landing_id": [self.landing_id] * size,
            "landing_line": [line + line_base for line in lines],
            "meter": meters,
            "batch": rows.optional("x_Batch", _truth),
            "charge_day": [start.date() for start in starts],
            "quantity": quantities,
        }
        schema = lake.schema("provider_usage")
        return pa.table([pa.array(values[field.name], field.type) for field in schema], schema=schema)

    def table_of_rows(
        self, rows: Iterable[tuple[int, Mapping[str, str | None]]], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """The same for (line, row) pairs of a source that does not come as a table."""
        lines, columns = _as_columns(rows, USAGE_COLUMNS)
        return self.table(columns, lines, file=file, line_base=line_base)


def _as_columns(
    rows: Iterable[tuple[int, Mapping[str, str | None]]], names: Sequence[str]
) -> tuple[list[int], dict[str, list[str | None]]]:
    pairs = list(rows)
    return [line for line, _ in pairs], {name: [row.get(name) for _, row in pairs] for name in names}


@dataclass(frozen=True)
class _Rows:
    """The text columns of one batch, and where its rows stand."""

    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    source: str
    file: str

    def text(self, name: str) -> Sequence[str | None]:
        values = self.columns[name]
        if name not in _FALLBACK:
            return values
        return [value or other for value, other in zip(values, self.columns[_FALLBACK[name]], strict=True)]

    def optional(self, name: str, parse: Callable[[str], Value]) -> list[Value | None]:
        values = self.columns[name]
        line = 0
        try:
            return [None if text is None else parse(text) for line, text in zip(self.lines, values, strict=True)]
        except ValueError:
            for line, text in zip(self.lines, values, strict=True):
                self._parse(name, parse, line, text)
            raise

    def required(self, name: str, parse: Callable[[str], Value]) -> list[Value]:
        values = self.columns[name]
        try:
            return [parse(text) for text in values]  # type: ignore[arg-type]
        except (ValueError, TypeError, AttributeError):
            for line, text in zip(self.lines, values, strict=True):
                if text is None:
                    raise self.rejected(line, f"{name} is empty") from None
                self._parse(name, parse, line, text)
            raise

    def rejected(self, line: int, problem: str) -> SourceRejected:
        return SourceRejected(
            problem, source=self.source, file=self.file, line=line, hint="ask the provider for a corrected file"
        )

    def _parse(self, name: str, parse: Callable[[str], Any], line: int, text: str | None) -> None:
        try:
            if text is not None:
                parse(text)
        except _NewWord as error:
            raise SourceChangedShape(
                f"{name} {error}",
                source=self.source,
                file=self.file,
                line=line,
                hint="teach reconcilers/sources/focus.py the word",
            ) from None
        except ValueError as error:
            raise self.rejected(line, f"{name}: {error}") from None


class _NewWord(ValueError):
    """A value outside a closed list."""


def _quantities(rows: _Rows) -> tuple[list[str | None], list[Decimal | None]]:
    """(meter, quantity in the meter's own unit) of each row.

    Only a unit that measures the meter gives a quantity. Without a meter, tokens do. A quantity in a unit that does not
    measure its row's meter means that one of the two was misread: such a line has no meter, and so ends as ``unmapped``.
    """
    consumed = rows.optional("ConsumedQuantity", _quantity)
    units, meters = rows.columns["ConsumedUnit"], list(rows.columns["x_Meter"])
    quantities: list[Decimal | None] = [None] * len(consumed)
    for index, quantity in enumerate(consumed):
        if quantity is None:
            continue
        text, meter = units[index], meters[index]
        known = unit(text) if text else None
        if known and known.measures == METERS.get(meter or "", "tokens"):
            try:
                quantities[index] = money.round_half_away(quantity * known.size)
            except ArithmeticError:
                raise rows.rejected(rows.lines[index], f"ConsumedQuantity {quantity} is out of range") from None
        elif meter in METERS:
            meters[index] = None
    return meters, quantities


_amount = lru_cache(maxsize=1 << 16)(money.amount)
_instant = lru_cache(maxsize=1 << 16)(parse_instant)
_quantity = money.parse_amount


def _rounded(text: str) -> Decimal:
    return _amount(text).rounded


@lru_cache(maxsize=4096)
def _month(text: str) -> date:
    if re.fullmatch(r"\d{6}", text):
        text = f"{text[:4]}-{text[4:]}-01"  # 202609, as Google writes an invoice's month
    instant: datetime = _instant(text)
    return instant.date().replace(day=1)


def _category(text: str) -> str:
    try:
        return CATEGORIES[text.lower()]
    except KeyError:
        raise _NewWord(f"{text!r:.60} is none of {', '.join(CATEGORIES.values())}") from None


@lru_cache(maxsize=1024)
def _currency(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{3}", text.strip()):
        raise ValueError(f"{text!r:.20} is not an ISO 4217 code")
    return text.strip().upper()


def _meter(text: str) -> str:
    if text not in METERS:
        raise _NewWord(f"{text!r:.60} is none of {', '.join(METERS)}")
    return text


def _truth(text: str) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r:.20} is neither true nor false")
    return text.lower()


def _reduction(text: str) -> str:
    if text not in ("price", "promotional"):
        raise ValueError(f"{text!r:.20} is neither price nor promotional")
    return text


def _words(text: str) -> list[str]:
    return text.split()


class _Seen:
    """A set of 64-bit hashes in flat memory (16 to 32 bytes a row, where a ``set`` takes 100): open addressing."""

    def __init__(self) -> None:
        self.slots = array("Q", bytes(8 << 16))
        self.count = 0

    def add(self, value: int) -> bool:
        """Add ``value``; true when it was there already."""
        value = value or 1  # 0 marks a free slot
        slots, mask = self.slots, len(self.slots) - 1
        place = value & mask
        while slots[place]:
            if slots[place] == value:
                return True
            place = (place + 1) & mask
        slots[place] = value
        self.count += 1
        if self.count * 2 > len(slots):
            self._grow()
        return False

    def _grow(self) -> None:
        old = self.slots
        self.slots = slots = array("Q", bytes(16 * len(old)))
        mask = len(slots) - 1
        for value in old:
            if value:
                place = value & mask
                while slots[place]:
                    place = (place + 1) & mask
                slots[place] = value
