"""Finance-owned reference files: CSV with contracts (``docs/lake.md``), read whole and typed before anything uses them.

An absent file is an empty one; an unknown or missing column, a value of the wrong type or off its closed list, or a duplicate
key stops the run, naming file, line and column, because a mapping read half would move money silently.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.errors import SourceRejected, nearest
from reconcilers.ingest.lake import METERS
from reconcilers.money import is_currency, parse_amount, round_half_away
from reconcilers.periods import parse_day

if TYPE_CHECKING:
    import pyarrow as pa

#: Closed lists: what a column of that type may say, and nothing else. A typo in one would make a rule that never applies.
CHOICES: dict[str, tuple[str, ...]] = {
    "meter": tuple(METERS),
    "dimension": ("service_tier", "batch", "context_band", "geography", "region", "speed", "modality", "cache_ttl"),
    "batch": ("true", "false"),
    "context_band": ("standard", "long"),
    "modality": ("text", "image", "audio", "video"),
    "cache_ttl": ("5m", "30m", "1h"),
    "category": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    # where a rule may put a line of a bill
    "ruled": ("out_of_scope", "support_and_fees", "commitment_shortfall", "platform_usage"),
    # what no call of a tenant carries, and a driver may move to tenants (R26)
    "pool": (
        "tax",
        "support_and_fees",
        "credit",
        "commitment_idle",
        "commitment_shortfall",
        "platform_usage",
        "unmapped",
        "prior_period",
        "non_production",
        "sampled_out",
        "no_telemetry",
        "unexplained",
        "refund_and_dispute",
        "rounding",
    ),
    "driver": ("direct_cost", "revenue"),
}

_DIMENSIONS = """service_tier caseless batch batch context_band context_band geography caseless region string speed caseless
modality modality cache_ttl cache_ttl"""
_PRICES = f"""source string! model string! meter meter! {_DIMENSIONS} price_per_million not_negative! currency currency!
valid_from date valid_to date version string! time_from time time_to time"""

#: The name reference files land under.
SOURCE = "reference"

#: column type pairs per file; ``!`` = required; ``caseless`` is a name that is compared without case; numbers are exact, ``positive``
#: and ``not_negative`` ones are rounded to nine decimals, a ``rate`` has no more; ``month`` is the first day of one. The
#: columns in ``KEYS`` are unique together.
CONTRACTS: dict[str, str] = {
    "billing_sources": """source string! provider string endpoint string billing_account_id string default_account_id string
finality_days count! batch_day int64""",
    "billing_grain": "source string! dimension dimension!",
    "published_units": "source string! meter meter! unit positive!",
    "key_map": "source string! api_key_id string! sub_account_id string environment caseless",
    "project_map": "source string! sub_account_id string! billing_account_id string environment caseless",
    "environments": "environment caseless! production bool!",
    "model_aliases": "provider string alias string! model string!",
    "skus": f"""source string service_name string sku string! model string meter meter unit_size positive {_DIMENSIONS}
valid_from date valid_to date version string!""",
    "contract_prices": _PRICES,
    "list_prices": _PRICES,
    "context_thresholds": "provider string model string! threshold count valid_from date valid_to date version string!",
    "charge_rules": """priority int64! source string service_name string billing_account_id string sub_account_id string sku_meter string
model string tag_key string tag_value string charge_category category destination ruled! valid_from date valid_to date version string!""",
    "exchange_rates": "currency currency! billing_period_start month! rate rate! version string!",
    "tenants": "tenant_id string! name string segment string",
    "features": "feature_id string! name string owner string value_per_outcome not_negative revenue_model string",
    "bundle_prices": "bundle_id string! feature_id string! stand_alone_price not_negative! valid_from date valid_to date",
    "shared_cost_rules": "destination pool! driver driver! valid_from date valid_to date version string!",
}

#: Tables made by every run from reference files, settings and what was landed: ``model_names`` by ``declared/models.py``, the sources
#: of revenue and, in the order they were told, their deliveries by ``pipeline.known``.
DERIVED: dict[str, str] = {
    "model_names": "source string provider string name string! model string! geography string",
    "revenue_sources": "source string!",
    "revenue_deliveries": "source string! unit string! landing_id string! place int64!",
}

_PRICED = tuple(
    column for column in _PRICES.split()[::2] if column not in ("price_per_million", "currency", "valid_to")
)

KEYS: dict[str, tuple[str, ...]] = {
    "billing_sources": ("source", "provider", "endpoint", "billing_account_id"),
    "billing_grain": ("source", "dimension"),
    "published_units": ("source", "meter"),
    "key_map": ("source", "api_key_id"),
    "project_map": ("source", "sub_account_id"),
    "environments": ("environment",),
    "model_aliases": ("provider", "alias"),
    "skus": ("source", "service_name", "sku", "valid_from"),
    "contract_prices": _PRICED,
    "list_prices": _PRICED,
    "context_thresholds": ("provider", "model", "valid_from", "version"),
    "exchange_rates": ("currency", "billing_period_start"),
    "tenants": ("tenant_id",),
    "features": ("feature_id",),
    "bundle_prices": ("bundle_id", "feature_id", "valid_from"),
    "shared_cost_rules": ("destination", "valid_from"),
}


def _one_of(allowed: tuple[str, ...], text: str) -> str:
    if text not in allowed:
        raise ValueError(f"{text!r:.40} is none of {', '.join(allowed)}{nearest(text, allowed)}")
    return text


def _boolean(text: str) -> bool:
    return _one_of(("true", "false"), text) == "true"


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ValueError(f"{text!r:.40} is no whole number")
    if abs(value := int(text)) >= 2**63:
        raise ValueError(f"{text!r:.40} is too large")
    return value


def _count(text: str) -> int:
    if (value := _whole(text)) < 0:
        raise ValueError(f"{text!r:.40} is negative")
    return value


def _not_negative(text: str) -> Decimal:
    if (value := round_half_away(parse_amount(text))) < 0:
        raise ValueError(f"{text!r:.40} is negative")
    return value


def _positive(text: str) -> Decimal:
    if not (value := _not_negative(text)):
        raise ValueError(f"{text!r:.40} is zero to nine decimals")
    return value


def _rate(text: str) -> Decimal:
    """What an amount is multiplied by as written (R3): rounding it is the company's to do, once, in the file."""
    if (value := _positive(text)) != parse_amount(text):
        raise ValueError(f"{text!r:.40} has more than nine decimals; write the rate that the books use")
    return value


def _currency(text: str) -> str:
    if not is_currency(text):
        raise ValueError(f"{text!r:.40} is no currency code of ISO 4217, such as USD")
    return text


def _month(text: str) -> date:
    if (day := parse_day(text)).day != 1:
        raise ValueError(f"{text!r:.40} is not the first day of a month")
    return day


def _time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r:.40} is no time of day, HH:MM in UTC")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "caseless": str.lower,
    "int64": _whole,
    "count": _count,
    "not_negative": _not_negative,
    "positive": _positive,
    "rate": _rate,
    "currency": _currency,
    "date": parse_day,
    "month": _month,
    "time": _time,
    "bool": _boolean,
    **{kind: partial(_one_of, allowed) for kind, allowed in CHOICES.items()},
}


def columns(name: str) -> list[tuple[str, str, bool]]:
    """(column, type, required) of one reference table."""
    words = (CONTRACTS | DERIVED)[name].split()
    return [(c, t.rstrip("!"), t.endswith("!")) for c, t in zip(words[::2], words[1::2], strict=True)]


def schema(name: str) -> pa.Schema:
    """Arrow schema of one reference table."""
    import pyarrow as pa

    number, day = pa.decimal128(38, 9), pa.date32()
    types = {
        "int64": pa.int64(),
        "count": pa.int64(),
        "not_negative": number,
        "positive": number,
        "rate": number,
        "date": day,
        "month": day,
        "bool": pa.bool_(),
    }
    return pa.schema([pa.field(column, types.get(kind, pa.string())) for column, kind, _ in columns(name)])


def read(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, typed. Raises ``SourceRejected`` with file, line and column."""
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = []
    seen: dict[tuple[Any, ...], int] = {}
    lines = _lines(path)
    header = _header(path, name, next(lines, (1, []))[1])
    for line, texts in lines:
        if len(texts) != len(header):
            raise _rejected(
                path, line, f"{len(texts)} fields under {len(header)} columns", "a comma too many or too few"
            )
        row = _row(path, name, line, dict(zip(header, texts, strict=True)))
        key = tuple(row[column] for column in KEYS.get(name, ()))
        if key and key in seen:
            raise _rejected(path, line, f"same {', '.join(KEYS[name])} as line {seen[key]}", "keep one row")
        seen[key] = line
        found.append(row)
    return found


def unread(folder: Path) -> Iterator[str]:
    """What to say of each CSV file of the folder that has the name of no contract, and so is not read."""
    names = {f"{name}.csv" for name in CONTRACTS}
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() == ".csv" and path.name not in names:
            yield f"{path.name} is no reference file and is not read{nearest(path.name.lower(), names)}"


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of the line it begins on, fields) of each record that is not blank."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = "save it as CSV in UTF-8"
        raise _rejected(path, line, f"byte 0x{content[error.start]:02x} is not UTF-8", hint) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            texts = next(reader, None)
        except csv.Error as error:
            raise _rejected(path, line, str(error), "close the quote, or save the file as CSV anew") from None
        if texts is None:
            return
        if texts:
            yield line, texts


def _header(path: Path, name: str, header: list[str]) -> list[str]:
    """The columns of the file, as they stand."""
    contract = columns(name)
    allowed = [column for column, _, _ in contract]
    if missing := [column for column, _, needed in contract if needed and column not in header]:
        raise _rejected(path, 1, f"columns missing: {', '.join(missing)}")
    for column in header:
        if column not in allowed:
            raise _rejected(path, 1, f"column {column!r:.40} is not in the contract", f"allowed: {', '.join(allowed)}")
        if header.count(column) > 1:
            raise _rejected(path, 1, f"column {column} stands there twice", "keep one")
    return header


def _row(path: Path, name: str, line: int, texts: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column, kind, needed in columns(name):
        text = texts.get(column, "").strip()
        if text in ("", "*"):
            if needed:
                raise _rejected(path, line, f"{column} is empty")
            row[column] = None
            continue
        try:
            row[column] = _PARSERS[kind](text)
        except ValueError as error:
            raise _rejected(path, line, f"{column}: {error}") from None
    if row.get("valid_from") and row.get("valid_to") and row["valid_to"] <= row["valid_from"]:
        raise _rejected(path, line, f"valid_to: {row['valid_to']} is not after valid_from {row['valid_from']}")
    return row


def _rejected(path: Path, line: int, problem: str, hint: str | None = None) -> SourceRejected:
    return SourceRejected(problem, source=SOURCE, file=str(path), line=line, hint=hint)


def rows(path: Path | None, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, none where there is no file."""
    return read(path, name) if path else []


def table(found: list[dict[str, Any]], name: str) -> pa.Table:
    """Rows as one typed table; a column that a row leaves out is null."""
    import pyarrow as pa

    return pa.Table.from_pylist(found, schema=schema(name))
