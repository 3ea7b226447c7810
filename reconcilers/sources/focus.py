"""FOCUS is the dictionary: every bill becomes FOCUS columns of text, and this file turns those into lake charges.

FOCUS 1.2, "Cost and Usage" dataset (https://focus.finops.org/focus-specification/), with 1.3's columns where a bill has
them and the ``x_`` columns below for what FOCUS has no word for: models and tokens. A source file maps its provider's
fields to these names and never parses an amount, a time or a unit itself. One row = one charge line of a bill.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest import lake
from reconcilers.ingest.lake import METERS, most_of
from reconcilers.periods import parse_instant
from reconcilers.sources import focus_values, units
from reconcilers.sources.rejected import Rejections

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
    "consumed_unit": "ConsumedUnit",
    "pricing_unit": "PricingUnit",
    "invoice_id": "InvoiceId",
    "invoice_issuer_name": "InvoiceIssuerName",
    "tags": "Tags",
}

#: FOCUS column → lake column of those that hold one word of a short list.
_WORDS_OF = {name: column for column, name in _TEXT.items() if name in focus_values.WORD_COLUMNS}

#: Columns that other lake columns are computed from.
_COMPUTED = (
    *REQUIRED,
    "ContractedCost",
    "ConsumedQuantity",
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


def check_month(
    month: str, starts: Sequence[str | None], lines: Sequence[int], *, source: str, file: str, hint: str | None = None
) -> None:
    """Raises ``SourceRejected`` for a row whose billing period begins in another month than ``2026-10``, which it was delivered
    for: the next delivery of the month would not replace it.

    A text that is no instant is left to whatever reads the column, which refuses it with its line.
    """
    for text in dict.fromkeys(starts):
        try:
            right = text is None or f"{parse_instant(text):%Y-%m}" == month
        except ValueError:
            continue
        if not right:
            raise SourceRejected(
                f"billing period {text:.40} in the delivery of {month}",
                source=source,
                period=month,
                file=file,
                line=lines[starts.index(text)],
                hint=hint,
            )


class _LakeRows(ABC):
    """Rows of the lake's ``entity`` made of FOCUS columns of text, of which those in ``columns`` are read."""

    entity: ClassVar[str]
    columns: ClassVar[Sequence[str]]

    def __init__(self, source: str, landing_id: str) -> None:
        self.source, self.landing_id = source, landing_id

    def table(
        self, columns: Mapping[str, Sequence[str | None]], lines: Sequence[int], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """Rows given as columns of text → ``lake.schema(self.entity)``. Raises ``SourceRejected`` naming file and line.

        ``line_base`` is added to each line to make ``landing_line``.
        """
        import pyarrow as pa

        size = len(lines)
        nothing: list[str | None] = [None] * size
        rows = _Rows(
            {name: columns.get(name, nothing) for name in COLUMNS} | _trimmed(columns),
            lines,
            self.source,
            file,
            line_base,
        )
        values: dict[str, Sequence[Any]] = {
            "source": [self.source] * size,
            "landing_id": [self.landing_id] * size,
            "landing_line": [line + line_base for line in lines],
            **self._values(rows),
        }
        schema = lake.schema(self.entity)
        return pa.table([_array(values[field.name], field, rows) for field in schema], schema=schema)

    def table_of_rows(
        self, rows: Iterable[tuple[int, Mapping[str, str | None]]], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """The same for (line, row) pairs of a source that does not come as a table."""
        pairs = list(rows)
        columns = {name: [row.get(name) for _, row in pairs] for name in self.columns}
        return self.table(columns, [line for line, _ in pairs], file=file, line_base=line_base)

    @abstractmethod
    def _values(self, rows: _Rows) -> dict[str, list[Any]]:
        """The lake's columns, but for where a row was landed."""


class Charges(_LakeRows):
    """Lake charges of one delivery of a landing, built batch by batch.

    ``charge_id`` is a hash of the line's own values, so a rerun, another file name, another row order or another spelling of
    an amount or a time gives the same ids. Equal lines of one delivery are different charges, numbered in the order met;
    equal lines of two deliveries have one id and so count once (rule R33).
    ``stable_line_ids`` is false for a bill whose line ids change with every delivery: they are no facts then.
    """

    entity, columns = "charges", COLUMNS

    def __init__(self, source: str, landing_id: str, *, stable_line_ids: bool = True) -> None:
        super().__init__(source, landing_id)
        self.facts = [name for name in COLUMNS if stable_line_ids or name != "x_LineId"]
        self.seen = _Seen()
        self.repeats: dict[int, int] = {}
        self.unread_tags: dict[tuple[str, date], _UnreadTags] = {}

    def rejected(self) -> Iterator[tuple[str, pa.Table]]:
        """What of the lines so far was not read, as rows of ``rejected_records``: tags that are none. The lines themselves count."""
        rejections = Rejections(self.source, self.landing_id)
        for (file, day), unread in self.unread_tags.items():
            reason = f"Tags of {unread.lines} lines cannot be read; the first: {unread.reason}"
            rejections.add(file, unread.first, reason, unread.size, "Tags", day)
        if rejections.rows:
            yield "rejected_records", rejections.table()

    def _values(self, rows: _Rows) -> dict[str, list[Any]]:
        billed = rows.required("BilledCost", focus_values.amount)
        effective = rows.required("EffectiveCost", focus_values.amount)
        starts = rows.required("ChargePeriodStart", focus_values.instant)
        ends = rows.required("ChargePeriodEnd", focus_values.instant)
        for line, start, end in zip(rows.lines, starts, ends, strict=True):
            if end < start:
                raise rows.rejected(line, f"ChargePeriodEnd {end} is before ChargePeriodStart {start}")
        meters, quantities = _quantities(rows)
        return {
            **{column: list(rows.text(name)) for column, name in _TEXT.items()},
            **{column: rows.optional(name, focus_values.word) for name, column in _WORDS_OF.items()},
            "meter": meters,
            "batch": rows.optional("x_Batch", focus_values.truth),
            "linked_line_ids": rows.optional("x_LinkedLineIds", focus_values.words),
            "charge_category": rows.required("ChargeCategory", focus_values.category),
            "reduction": rows.optional("x_Reduction", focus_values.reduction),
            "charge_period_start": starts,
            "charge_period_end": ends,
            "billing_period_start": rows.required("BillingPeriodStart", focus_values.month),
            "billing_currency": rows.required("BillingCurrency", focus_values.currency),
            "billed_cost": [amount.rounded for amount in billed],
            "billed_cost_text": [amount.text for amount in billed],
            "billed_cost_residual": [amount.residual for amount in billed],
            "effective_cost": [amount.rounded for amount in effective],
            "effective_cost_text": [amount.text for amount in effective],
            "effective_cost_residual": [amount.residual for amount in effective],
            "list_cost": rows.optional("ListCost", focus_values.rounded),
            "contracted_cost": rows.optional("ContractedCost", focus_values.rounded),
            "quantity": quantities,
            "consumed_quantity": rows.optional("ConsumedQuantity", focus_values.quantity),
            "pricing_quantity": rows.optional("PricingQuantity", focus_values.quantity),
            "tags": self._tags(rows, starts),
            # Last: every value can be read by now.
            "charge_id": self._ids(rows),
        }

    def _tags(self, rows: _Rows, starts: Sequence[datetime]) -> list[str | None]:
        """The tags as told; of a line whose tags cannot be read they are not known, and are noted once for a file and day."""
        found: list[str | None] = []
        for line, text, start in zip(rows.lines, rows.columns["Tags"], starts, strict=True):
            try:
                if text is not None:
                    focus_values.tags(text)
                found.append(text)
            except ValueError as error:
                unread = self.unread_tags.setdefault(
                    (rows.file, start.date()), _UnreadTags(line + rows.line_base, str(error))
                )
                unread.lines += 1
                unread.size += len(text or "")
                found.append(None)
        return found

    def _ids(self, rows: _Rows) -> list[str]:
        prefix = self.source + "\n"
        plain = focus_values.plain(rows.columns)
        ids = []
        for facts in zip(*(plain[name] for name in self.facts), strict=True):
            # Without the trailing nulls, so that a column appended to COLUMNS later leaves the ids of old lines alone.
            text = prefix + json.dumps(facts)[:-1].rstrip(", nul")
            digest = hashlib.md5(text.encode(), usedforsecurity=False)
            short = int.from_bytes(digest.digest()[:8], "big")
            if self.seen.add(short):
                number = self.repeats[short] = self.repeats.get(short, 0) + 1
                digest.update(f"\n{number}".encode())
            ids.append(digest.hexdigest())
        return ids


@dataclass
class _UnreadTags:
    """Tags of a file and day that cannot be read: the first line that has some, why, how many lines do, how long they are."""

    first: int
    reason: str
    lines: int = 0
    size: int = 0


class UsageReport(_LakeRows):
    """Lake rows of a provider's own usage report (rule R10): quantity per key and UTC day.

    A row that is longer than a day or whose unit does not measure its meter is refused, and ``SourceChangedShape`` is raised
    for a meter nobody knows.
    """

    entity, columns = "provider_usage", USAGE_COLUMNS

    def _values(self, rows: _Rows) -> dict[str, list[Any]]:
        starts = rows.required("ChargePeriodStart", focus_values.instant)
        for line, start, end in zip(
            rows.lines, starts, rows.required("ChargePeriodEnd", focus_values.instant), strict=True
        ):
            if not start <= end <= datetime.combine(start.date() + timedelta(days=1), time()):
                raise rows.rejected(line, f"a usage report row is of one UTC day, this one is {start} to {end}")
        rows.required("x_Meter", focus_values.meter)
        rows.required("ConsumedQuantity", money.parse_amount)
        meters, quantities = _quantities(rows)
        for line, meter, quantity in zip(rows.lines, meters, quantities, strict=True):
            if meter is None or quantity is None:
                raise rows.rejected(line, "ConsumedUnit does not measure x_Meter")
        return {
            **{column: list(rows.columns[name]) for column, name in _TEXT.items() if name in USAGE_COLUMNS},
            **{column: rows.optional(name, focus_values.word) for name, column in _WORDS_OF.items()},
            "meter": meters,
            "batch": rows.optional("x_Batch", focus_values.truth),
            "charge_day": [start.date() for start in starts],
            "quantity": quantities,
        }


def _array(values: Sequence[Any], field: pa.Field, rows: _Rows) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        line = next(line for line, value in zip(rows.lines, values, strict=True) if not _is_text(value))
        raise rows.rejected(line, f"{field.name} holds half of a surrogate pair, which is no text") from None


def _is_text(value: Any) -> bool:
    """Whether a value can be written as text; a list of them is looked through."""
    try:
        "".join(value or ()).encode()
    except UnicodeEncodeError:
        return False
    return True


def _trimmed(columns: Mapping[str, Sequence[str | None]]) -> dict[str, list[str | None]]:
    """The columns that are taken over as text, without blanks around it: a name is looked up, and met by telemetry, without."""
    return {
        name: [text.strip() or None if text else None for text in columns[name]]
        for name in _TEXT.values()
        if name in columns
    }


@dataclass(frozen=True)
class _Rows:
    """The text columns of one batch, and where its rows stand."""

    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    source: str
    file: str
    line_base: int

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
        except focus_values.NewWord as error:
            raise SourceChangedShape(
                f"{name} {error}",
                source=self.source,
                file=self.file,
                line=line,
                hint="teach reconcilers/sources/focus_values.py the word",
            ) from None
        except focus_values.NoInstant as error:
            raise SourceRejected(
                f"{name}: {error}",
                source=self.source,
                file=self.file,
                line=line,
                hint="if the file writes times in a form of its own, a focus_file source takes it as `time_format`,"
                " for 09/15/2026 `time_format: '%m/%d/%Y'`",
            ) from None
        except ValueError as error:
            raise self.rejected(line, f"{name}: {error}") from None


def _quantities(rows: _Rows) -> tuple[list[str | None], list[Decimal | None]]:
    """(meter, quantity in the meter's own unit) of each row.

    Only a unit that measures the meter gives a quantity; without a meter, tokens do. A unit nobody knows leaves the line
    without quantity. A known one that does not measure its row's meter means that one of the two was misread: such a line
    has no meter, and so ends as ``unmapped``.
    """
    consumed = rows.optional("ConsumedQuantity", money.parse_amount)
    told = rows.columns["ConsumedUnit"]
    meters = [text and focus_values.known_meter(text) for text in rows.columns["x_Meter"]]
    quantities: list[Decimal | None] = [None] * len(consumed)
    for index, quantity in enumerate(consumed):
        if quantity is None:
            continue
        text, meter = told[index], meters[index]
        known = units.unit(text) if text else None
        if known is None:
            continue
        if METERS.get(meter or "", "tokens") in known.measures:
            counted = known.count(quantity)
            if abs(counted) > most_of(meter):
                raise rows.rejected(
                    rows.lines[index],
                    f"ConsumedQuantity {quantity:f} in ConsumedUnit {text!r:.60} is more than a bill counts"
                    f" ({most_of(meter):f} {known.measures[0]})",
                )
            quantities[index] = money.round_half_away(counted)
        elif meter in METERS:
            meters[index] = None
    return meters, quantities


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
