"""FOCUS is the dictionary: every bill becomes FOCUS columns of text, and this file turns those into lake charges.

FOCUS 1.2, "Cost and Usage" dataset (https://focus.finops.org/focus-specification/), with 1.3's columns where a bill has
them and the ``x_`` columns below for what FOCUS has no word for: models and tokens. A source file maps its provider's
fields to these names and never parses an amount, a time or a unit itself. One row = one charge line of a bill.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest import lake
from reconcilers.ingest.lake import METERS, most_of
from reconcilers.periods import parse_instant
from reconcilers.sources import focus_values, units
from reconcilers.sources.focus_rows import Rows
from reconcilers.sources.line_hashes import Lines
from reconcilers.sources.rejected import Rejections
from reconcilers.sources.text_columns import Texts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

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

#: Without blanks around it: a name is looked up, and met by telemetry, without.
_TRIMMED = frozenset(_TEXT.values())
#: FOCUS column → lake column of those that hold one word of a short list.
_WORDS_OF = {name: column for column, name in _TEXT.items() if name in focus_values.WORD_COLUMNS}

#: Of the columns that are taken over those of which more is known than that they are text.
_READ_OTHERWISE = frozenset({*focus_values.WORD_COLUMNS, "Tags"})

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

    def is_another(text: str | None) -> bool:
        try:
            return text is not None and f"{parse_instant(text):%Y-%m}" != month
        except ValueError:
            return False

    texts = starts.told.texts if isinstance(starts, Texts) else set(starts)
    if wrong := set(filter(is_another, texts)):
        place = next(place for place, text in enumerate(starts) if text in wrong)
        raise SourceRejected(
            f"billing period {starts[place]:.40} in the delivery of {month}",
            source=source,
            period=month,
            file=file,
            line=lines[place],
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
        rows = Rows(columns, lines, trimmed=_TRIMMED, source=self.source, file=file, line_base=line_base)
        values = {
            "source": pa.repeat(self.source, size),
            "landing_id": pa.repeat(self.landing_id, size),
            "landing_line": pa.array([line + line_base for line in lines], pa.int64()),
            **self._values(rows),
        }
        schema = lake.schema(self.entity)
        return pa.table([values[field.name].cast(field.type) for field in schema], schema=schema)

    def table_of_rows(
        self, rows: Iterable[tuple[int, Mapping[str, str | None]]], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """The same for (line, row) pairs of a source that does not come as a table."""
        pairs = list(rows)
        columns = {name: [row.get(name) for _, row in pairs] for name in self.columns}
        return self.table(columns, [line for line, _ in pairs], file=file, line_base=line_base)

    @abstractmethod
    def _values(self, rows: Rows) -> dict[str, pa.Array]:
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

    def _values(self, rows: Rows) -> dict[str, pa.Array]:
        import pyarrow as pa
        import pyarrow.compute as pc

        billed, effective = rows.required_amounts("BilledCost"), rows.required_amounts("EffectiveCost")
        starts, ends = rows.instants("ChargePeriodStart"), rows.instants("ChargePeriodEnd")
        rows.refuse(
            pc.less(ends, starts), lambda at: f"ChargePeriodEnd {ends[at]} is before ChargePeriodStart {starts[at]}"
        )
        meters, quantities = _quantities(rows)
        return {
            **{column: _text(rows, name) for column, name in _TEXT.items() if name not in _READ_OTHERWISE},
            **{column: rows.optional(name, focus_values.word) for name, column in _WORDS_OF.items()},
            "meter": meters,
            "batch": rows.optional("x_Batch", focus_values.truth),
            "linked_line_ids": rows.optional("x_LinkedLineIds", focus_values.words, pa.list_(pa.string())),
            "charge_category": rows.required("ChargeCategory", focus_values.category),
            "reduction": rows.optional("x_Reduction", focus_values.reduction),
            "charge_period_start": starts,
            "charge_period_end": ends,
            "billing_period_start": rows.required("BillingPeriodStart", focus_values.month, pa.date32()),
            "billing_currency": rows.required("BillingCurrency", focus_values.currency),
            "billed_cost": billed.rounded,
            "billed_cost_text": billed.text,
            "billed_cost_residual": billed.residual,
            "effective_cost": effective.rounded,
            "effective_cost_text": effective.text,
            "effective_cost_residual": effective.residual,
            "list_cost": rows.amounts("ListCost").rounded,
            "contracted_cost": rows.amounts("ContractedCost").rounded,
            "quantity": quantities,
            "consumed_quantity": rows.amounts("ConsumedQuantity").rounded,
            "pricing_quantity": rows.amounts("PricingQuantity").rounded,
            "tags": self._tags(rows, starts),
            # Last: every value can be read by now.
            "charge_id": self._ids(rows),
        }

    def _tags(self, rows: Rows, starts: pa.Array) -> pa.Array:
        """The tags as told; of a line whose tags cannot be read they are not known, and are noted once for a file and day."""
        told = rows.told("Tags")
        reasons = {}
        for text in told.texts:
            try:
                if text is not None:
                    focus_values.tags(text)
            except ValueError as error:
                reasons[text] = str(error)
        for place, text in enumerate(told) if reasons else ():
            if text in reasons:
                day, line = starts[place].as_py().date(), rows.lines[place] + rows.line_base
                unread = self.unread_tags.setdefault((rows.file, day), _UnreadTags(line, reasons[text]))
                unread.lines += 1
                unread.size += len(text or "")
        return rows.spread("Tags", told, [None if text in reasons else text for text in told.texts])

    def _ids(self, rows: Rows) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        if not rows.lines:
            return pa.array([], pa.string())
        # Null stands for a column that this bill does not have. Without the trailing ones, so that a column appended to COLUMNS
        # later leaves the ids of old lines alone.
        lines = Lines(f"{self.source}\n[", [rows.fact(name) for name in self.facts], trimmed=", nul")
        places = np.arange(len(rows.lines))
        hashes = lines.md5(places, [""] * len(places))
        shorts = hashes[:, :8].copy().view(">u8")[:, 0].astype(np.uint64)
        repeats = np.flatnonzero(self.seen.add(shorts))
        if len(repeats):
            hashes = hashes.copy()
            hashes[repeats] = lines.md5(repeats, [f"\n{self._number(short)}" for short in shorts[repeats].tolist()])
        return _hex(hashes)

    def _number(self, short: int) -> int:
        """How many times a line came before."""
        self.repeats[short] = self.repeats.get(short, 0) + 1
        return self.repeats[short]


def _hex(hashes: np.ndarray) -> pa.Array:
    """Each row of bytes as text."""
    import numpy as np
    import pyarrow as pa

    digits = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)[hashes]
    offsets = np.arange(len(hashes) + 1, dtype=np.int32) * (2 * hashes.shape[1])
    return pa.StringArray.from_buffers(len(hashes), pa.py_buffer(offsets), pa.py_buffer(digits))


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

    def _values(self, rows: Rows) -> dict[str, pa.Array]:
        import pyarrow.compute as pc

        starts, ends = rows.instants("ChargePeriodStart"), rows.instants("ChargePeriodEnd")
        days = pc.floor_temporal(starts, unit="day")
        of_a_day = pc.and_(pc.less_equal(starts, ends), pc.less_equal(ends, pc.add(days, timedelta(days=1))))
        rows.refuse(
            pc.invert(of_a_day),
            lambda at: f"a usage report row is of one UTC day, this one is {starts[at]} to {ends[at]}",
        )
        rows.required("x_Meter", focus_values.meter)
        rows.required_amounts("ConsumedQuantity")
        meters, quantities = _quantities(rows)
        measured = pc.and_(meters.is_valid(), quantities.is_valid())
        rows.refuse(pc.invert(measured), lambda _: "ConsumedUnit does not measure x_Meter")
        return {
            **{
                column: rows.text(name)
                for column, name in _TEXT.items()
                if name in USAGE_COLUMNS and name not in _READ_OTHERWISE
            },
            **{column: rows.optional(name, focus_values.word) for name, column in _WORDS_OF.items()},
            "meter": meters,
            "batch": rows.optional("x_Batch", focus_values.truth),
            "charge_day": days,
            "quantity": quantities,
        }


def _text(rows: Rows, name: str) -> pa.Array:
    """A column taken over as it is, or the one that is read where it is empty."""
    if name not in _FALLBACK:
        return rows.text(name)
    told = rows.together(name, _FALLBACK[name]).each(lambda own, other: own or other)
    return rows.spread(name, told, told.texts)


def _quantities(rows: Rows) -> tuple[pa.Array, pa.Array]:
    """(meter, quantity in the meter's own unit) of each row.

    Only a unit that measures the meter gives a quantity; without a meter, tokens do. A unit nobody knows leaves the line
    without quantity. A known one that does not measure its row's meter means that one of the two was misread: such a line
    has no meter, and so ends as ``unmapped``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    counted, pairs = rows.counted("ConsumedQuantity").rounded, rows.together("x_Meter", "ConsumedUnit")
    meters: list[str | None] = []
    most: list[Decimal | None] = []
    misread: list[bool] = []
    for told, text in pairs.texts:
        meter = told and focus_values.known_meter(told)
        known = units.unit(text) if text else None
        measures = known is not None and METERS.get(meter or "", "tokens") in known.measures
        meters.append(meter)
        most.append(most_of(meter) if measures else None)
        misread.append(known is not None and not measures and meter in METERS)
    limits = rows.spread("ConsumedUnit", pairs, most, counted.type)
    rows.refuse(
        pc.greater(pc.abs(counted), limits),
        lambda at: (
            f"{rows.quantity('ConsumedQuantity', at)} is more than a bill counts"
            f" ({limits[at].as_py():.0f} of its meter's unit)"
        ),
    )
    without_meter = pc.and_(counted.is_valid(), rows.spread("ConsumedUnit", pairs, misread, pa.bool_()))
    return (
        pc.if_else(without_meter, pa.scalar(None, pa.string()), rows.spread("x_Meter", pairs, meters)),
        pc.if_else(limits.is_valid(), counted, pa.scalar(None, counted.type)),
    )


#: A run that is as long is never made a longer one: a copy of all hashes would be most of what a large bill takes.
_LONGEST_RUN = 1 << 20


class _Seen:
    """A set of 64-bit hashes in flat memory: sorted runs, 8 bytes a hash, of which two of like length become one."""

    def __init__(self) -> None:
        self.runs: list[np.ndarray] = []

    def add(self, hashes: np.ndarray) -> np.ndarray:
        """Add all; true where one was there already, or comes again."""
        import numpy as np

        order = np.argsort(hashes, kind="stable")
        run = hashes[order]
        comes_again = np.concatenate(([False], run[1:] == run[:-1]))[: len(run)]
        for other in self.runs:
            comes_again |= other[np.minimum(np.searchsorted(other, run), len(other) - 1)] == run
        known = np.zeros(len(hashes), bool)
        known[order] = comes_again
        while len(run) and self.runs and len(self.runs[-1]) < min(2 * len(run), _LONGEST_RUN):
            run = np.concatenate((self.runs.pop(), run))
            run.sort()
        self.runs += [run] if len(run) else []
        return known
