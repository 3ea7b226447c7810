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
from decimal import Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest import lake
from reconcilers.ingest.lake import METERS
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
    "consumed_unit": "ConsumedUnit",
    "pricing_unit": "PricingUnit",
    "invoice_id": "InvoiceId",
    "invoice_issuer_name": "InvoiceIssuerName",
    "tags": "Tags",
}

#: FOCUS column → lake column of those that hold one word of a short list, which is compared without case.
_WORDS_OF = {
    name: column
    for column, name in _TEXT.items()
    if name in ("x_ServiceTier", "x_ContextBand", "x_Geography", "x_Speed", "x_Modality", "x_CacheTtl")
}

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

#: FOCUS 2.12 ChargeCategory, in lower case ← any spelling.
CATEGORIES = {name.lower(): name for name in ("Usage", "Purchase", "Tax", "Credit", "Adjustment")}

#: What calls are counted in, whichever meter they are a call of.
_CALLS = ("requests", "searches")
#: The size of a byte's multiples: GB is 10⁹ bytes, GiB 2³⁰.
_BYTES = {
    "byte": Decimal(1),
    **{f"{p}b": Decimal(10) ** (3 * n) for n, p in enumerate("kmgtp", 1)},
    **{f"{p}ib": Decimal(1024) ** n for n, p in enumerate("kmgtp", 1)},
    **{f"{p}byte": Decimal(10) ** (3 * n) for n, p in enumerate(("kilo", "mega", "giga", "tera", "peta"), 1)},
    **{f"{p}byte": Decimal(1024) ** n for n, p in enumerate(("kibi", "mebi", "gibi", "tebi", "pebi"), 1)},
}
#: Name of a unit, one of it → (meters' own units it can be counted in, how many of that).
_UNIT_NAMES: dict[str, tuple[tuple[str, ...], Decimal]] = {
    "token": (("tokens",), Decimal(1)),
    "tok": (("tokens",), Decimal(1)),
    "ktok": (("tokens",), Decimal(1_000)),
    "mtok": (("tokens",), Decimal(1_000_000)),
    "ktoken": (("tokens",), Decimal(1_000)),
    "mtoken": (("tokens",), Decimal(1_000_000)),
    "request": (_CALLS, Decimal(1)),
    "call": (_CALLS, Decimal(1)),
    "api call": (_CALLS, Decimal(1)),
    "api request": (_CALLS, Decimal(1)),
    "transaction": (_CALLS, Decimal(1)),
    "query": (_CALLS, Decimal(1)),
    "search": (("searches",), Decimal(1)),
    "second": (("seconds",), Decimal(1)),
    "sec": (("seconds",), Decimal(1)),
    "minute": (("seconds",), Decimal(60)),
    "min": (("seconds",), Decimal(60)),
    "hour": (("seconds",), Decimal(3600)),
    "hr": (("seconds",), Decimal(3600)),
    "image": (("images",), Decimal(1)),
    "character": (("characters",), Decimal(1)),
    "read unit": (("read_units",), Decimal(1)),
    **{name: (("bytes",), size) for name, size in _BYTES.items()},
    # The meter counts gibibyte hours.
    **{f"{name} hour": (("gb_hours",), size / Decimal(1024) ** 3) for name, size in _BYTES.items() if name != "byte"},
}
_MULTIPLES = {
    "k": 1_000,
    "thousand": 1_000,
    "m": 1_000_000,
    "million": 1_000_000,
    "b": 1_000_000_000,
    "billion": 1_000_000_000,
}
#: What a unit may say of the tokens it counts; which they are the meter tells.
_OF_TOKENS = frozenset({"input", "output", "cached", "text", "audio", "image"})
#: Bits, which differ from bytes by their case alone.
_BITS = re.compile(r"(?<![A-Za-z])[KMGTP]i?b\b")
#: A line counts fewer of its meter's own unit than this; more is a misread unit.
_MOST = Decimal(10) ** 18


@dataclass(frozen=True)
class Unit:
    """A unit of measure: ``size`` of what it ``measures``, e.g. ``1000 Tokens`` = (tokens, 1000).

    Calls are ones of any meter that counts calls, so a unit may measure several.
    """

    measures: tuple[str, ...]
    size: Decimal


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit | None:
    """What a unit's text means; null for one that no meter counts in (``LCU-Hours``) or that tells nothing (``Units``).

    Accepts FOCUS spelling (``1000 Tokens``, ``GB-Hours``) and what providers write: ``1K tokens``, ``1 Million Tokens``,
    ``Millions of tokens``, ``1M input tokens``, ``1000_tokens``, ``duration_minutes``, ``Requests``, ``Hrs``, ``GiB``.
    """
    plain = re.sub("[_-]", " ", text.strip().lower()).removeprefix("duration ")
    found = re.fullmatch(r"(\d[\d,]*(?:\.0+)?)?\s*(.+)", plain)
    if not found or _BITS.search(text):
        return None
    count = int(Decimal((found[1] or "1").replace(",", "")))
    words = [_singular(word) for word in found[2].split()]
    if words[0] in _MULTIPLES:
        count *= _MULTIPLES[words.pop(0)]
        words = words[1:] if words[:1] == ["of"] else words
    while len(words) > 1 and words[-1] == "token" and words[0] in _OF_TOKENS:
        words.pop(0)
    known = _UNIT_NAMES.get(" ".join(words))
    return Unit(known[0], known[1] * count) if known and count else None


def _singular(word: str) -> str:
    """``queries`` → ``query``, ``searches`` → ``search``, ``tokens`` → ``token``."""
    for many, one in (("ies", "y"), ("ches", "ch"), ("s", "")):
        if word.endswith(many):
            return word.removesuffix(many) + one
    return word


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
    """Lake charges of one delivery of a landing, built batch by batch.

    ``charge_id`` is a hash of the line's own values, so a rerun, another file name, another row order or another spelling of
    an amount or a time gives the same ids. Equal lines of one delivery are different charges, numbered in the order met;
    equal lines of two deliveries have one id and so count once (rule R33).
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
        rows = _Rows(
            {name: columns.get(name, nothing) for name in COLUMNS} | _trimmed(columns), lines, self.source, file
        )
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
            **{_WORDS_OF[name]: rows.optional(name, _word) for name in _WORDS_OF},
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
            "effective_cost_residual": [amount.residual for amount in effective],
            "list_cost": rows.optional("ListCost", _rounded),
            "contracted_cost": rows.optional("ContractedCost", _rounded),
            "quantity": quantities,
            "consumed_quantity": rows.optional("ConsumedQuantity", _rounded),
            "pricing_quantity": rows.optional("PricingQuantity", _rounded),
            # Last: every value can be read by now.
            "charge_id": self._ids(rows),
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
        for facts in zip(*_values(rows, self.facts), strict=True):
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
        rows = _Rows(
            {name: columns.get(name, nothing) for name in COLUMNS} | _trimmed(columns), lines, self.source, file
        )
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
            **{name: list(rows.columns[_TEXT[name]]) for name in _TEXT if _TEXT[name] in USAGE_COLUMNS},
            **{_WORDS_OF[name]: rows.optional(name, _word) for name in _WORDS_OF},
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
        except _NoInstant as error:
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


class _NewWord(ValueError):
    """A value outside a closed list."""


def _quantities(rows: _Rows) -> tuple[list[str | None], list[Decimal | None]]:
    """(meter, quantity in the meter's own unit) of each row.

    Only a unit that measures the meter gives a quantity; without a meter, tokens do. A unit nobody knows leaves the line
    without quantity. A known one that does not measure its row's meter means that one of the two was misread: such a line
    has no meter, and so ends as ``unmapped``.
    """
    consumed = rows.optional("ConsumedQuantity", _quantity)
    units, meters = rows.columns["ConsumedUnit"], [text and _known_meter(text) for text in rows.columns["x_Meter"]]
    quantities: list[Decimal | None] = [None] * len(consumed)
    for index, quantity in enumerate(consumed):
        if quantity is None:
            continue
        text, meter = units[index], meters[index]
        known = unit(text) if text else None
        if known is None:
            continue
        if METERS.get(meter or "", "tokens") in known.measures:
            counted = _EXACT.multiply(quantity, known.size)
            if abs(counted) >= _MOST:
                raise rows.rejected(
                    rows.lines[index],
                    f"ConsumedQuantity {quantity:f} in ConsumedUnit {text!r:.60} is more than a bill counts",
                )
            quantities[index] = money.round_half_away(counted)
        elif meter in METERS:
            meters[index] = None
    return meters, quantities


_EXACT = Context(prec=120)
_amount = lru_cache(maxsize=1 << 16)(money.amount)
_quantity = money.parse_amount


class _NoInstant(ValueError):
    """A time in a form that could be read in two ways, or in none."""


@lru_cache(maxsize=1 << 16)
def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise _NoInstant(str(error)) from None


def _rounded(text: str) -> Decimal:
    return _amount(text).rounded


@lru_cache(maxsize=4096)
def _month(text: str) -> date:
    if re.fullmatch(r"\d{4}-?\d\d", text):
        text = f"{text[:4]}-{text[-2:]}-01"  # 202609, as Google writes an invoice's month, or 2026-09
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


@lru_cache(maxsize=1024)
def _known_meter(text: str) -> str:
    """A meter however it is spelled (``Input Tokens``); one that nobody knows stays as told, and its money is ``unmapped``."""
    plain = re.sub("[ -]", "_", text.strip().lower())
    return plain if plain in METERS else text


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


def _word(text: str) -> str:
    return text.strip().lower()


def _words(text: str) -> list[str]:
    return text.split()


# Values of a column, for lines to be compared by ----------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def _plain_amount(text: str) -> str:
    """An amount in its one spelling; a text that is none stays, and is refused where the column is parsed, if it is."""
    try:
        return money.plain(money.parse_amount(text))
    except ValueError:
        return text


@lru_cache(maxsize=1 << 16)
def _plain_time(text: str) -> str:
    return _instant(text).isoformat()


@lru_cache(maxsize=1 << 14)
def _plain_tags(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


@lru_cache(maxsize=1 << 16)
def _counted(quantity: str, text: str | None) -> tuple[str, str | None]:
    """A quantity and its unit: ``1 Million Tokens`` is 1000000 tokens, and a unit nobody knows is itself."""
    known = unit(text) if text else None
    if known is None:
        return _plain_amount(quantity), text
    try:
        return money.plain(_EXACT.multiply(_quantity(quantity), known.size)), known.measures[0]
    except ValueError:
        return quantity, text


#: How the texts of a column become values that are equal where they mean the same; of other columns the text is the value.
_PLAIN: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(
        ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "CommitmentDiscountQuantity"), _plain_amount
    ),
    **dict.fromkeys(("ChargePeriodStart", "ChargePeriodEnd"), _plain_time),
    "BillingPeriodStart": lambda text: _month(text).isoformat(),
    "BillingCurrency": _currency,
    "ChargeCategory": str.lower,
    "x_Batch": str.lower,
    "x_Meter": _known_meter,
    **dict.fromkeys(_WORDS_OF, _word),
    "Tags": _plain_tags,
}
#: Quantities and their units: the two are one value.
_COUNTED = (("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit"))


def _values(rows: _Rows, names: Sequence[str]) -> list[Sequence[str | None]]:
    """The columns, each row's values equal to another's where they mean the same, however they are spelled."""
    columns = dict(rows.columns)
    for name, plain in _PLAIN.items():
        columns[name] = [None if text is None else plain(text) for text in columns[name]]
    for quantity, unit_name in _COUNTED:
        pairs = zip(columns[quantity], columns[unit_name], strict=True)
        counted = [(None, text) if amount is None else _counted(amount, text) for amount, text in pairs]
        columns[quantity], columns[unit_name] = [pair[0] for pair in counted], [pair[1] for pair in counted]
    return [columns[name] for name in names]


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
