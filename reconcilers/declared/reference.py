"""Finance-owned reference files: CSV with contracts (``docs/lake.md``), read whole and typed before anything uses them.

An absent file is an empty one; an unknown or missing column, a value of the wrong type or a duplicate key stops the run,
naming file, line and column, because a mapping read half would move money silently.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.errors import SourceRejected
from reconcilers.ingest.lake import METERS
from reconcilers.money import parse_amount, round_half_away
from reconcilers.periods import parse_day

if TYPE_CHECKING:
    import pyarrow as pa

_PRICES = """source string! model string! meter string! service_tier string batch string context_band string geography string
region string speed string modality string cache_ttl string price_per_million money! currency string! valid_from date valid_to date version string! time_from time time_to time"""

#: The name reference files land under.
SOURCE = "reference"

#: column type pairs per file; ``!`` = required; ``caseless`` is a name that is compared without case. The columns in ``KEYS`` are unique together.
CONTRACTS: dict[str, str] = {
    "billing_sources": "source string! provider string endpoint string billing_account_id string default_account_id string finality_days int64! batch_day int64",
    "billing_grain": "source string! dimension string!",
    "published_units": "source string! meter string! unit money!",
    "key_map": "source string! api_key_id string! sub_account_id string environment caseless",
    "project_map": "source string! sub_account_id string! billing_account_id string environment caseless",
    "environments": "environment caseless! production bool!",
    "model_aliases": "provider string alias string! model string!",
    "skus": """source string service_name string sku string! model string meter meter unit_size money service_tier string batch string
context_band string geography string region string speed string modality string cache_ttl string valid_from date valid_to date version string!""",
    "contract_prices": _PRICES,
    "list_prices": _PRICES,
    "context_thresholds": "provider string model string! threshold int64 valid_from date valid_to date version string!",
    "charge_rules": """priority int64! source string service_name string billing_account_id string sub_account_id string sku_meter string
model string tag_key string tag_value string charge_category string destination string! valid_from date valid_to date version string!""",
    "exchange_rates": "currency string! billing_period_start date! rate money! version string!",
    "tenants": "tenant_id string! name string segment string",
    "features": "feature_id string! name string owner string value_per_outcome money revenue_model string",
    "bundle_prices": "bundle_id string! feature_id string! stand_alone_price money! valid_from date valid_to date",
    "shared_cost_rules": "destination string! driver string! valid_from date valid_to date version string!",
}

#: Tables made from reference files and from what was landed, by ``declared/models.py``.
DERIVED: dict[str, str] = {"model_names": "source string provider string name string! model string! geography string"}

KEYS: dict[str, tuple[str, ...]] = {
    "billing_sources": ("source", "provider", "endpoint", "billing_account_id"),
    "billing_grain": ("source", "dimension"),
    "published_units": ("source", "meter"),
    "key_map": ("source", "api_key_id"),
    "project_map": ("source", "sub_account_id"),
    "environments": ("environment",),
    "model_aliases": ("provider", "alias"),
    "skus": ("source", "service_name", "sku", "valid_from"),
    "exchange_rates": ("currency", "billing_period_start"),
    "tenants": ("tenant_id",),
    "features": ("feature_id",),
    "shared_cost_rules": ("destination", "valid_from"),
}


def _money(text: str) -> Decimal:
    return round_half_away(parse_amount(text))


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r:.40} is neither true nor false")
    return text == "true"


def _time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r:.40} is no time of day, HH:MM in UTC")
    return text


def _meter(text: str) -> str:
    if text not in METERS:
        raise ValueError(f"{text!r:.40} is none of {', '.join(METERS)}")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "caseless": str.lower,
    "meter": _meter,
    "int64": int,
    "money": _money,
    "date": parse_day,
    "time": _time,
    "bool": _boolean,
}


def columns(name: str) -> list[tuple[str, str, bool]]:
    """(column, type, required) of one reference table."""
    words = (CONTRACTS | DERIVED)[name].split()
    return [(c, t.rstrip("!"), t.endswith("!")) for c, t in zip(words[::2], words[1::2], strict=True)]


def schema(name: str) -> pa.Schema:
    """Arrow schema of one reference table."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "caseless": pa.string(),
        "meter": pa.string(),
        "int64": pa.int64(),
        "money": pa.decimal128(38, 9),
        "date": pa.date32(),
        "time": pa.string(),
        "bool": pa.bool_(),
    }
    return pa.schema([pa.field(column, types[kind]) for column, kind, _ in columns(name)])


def read(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, typed. Raises ``SourceRejected`` with file, line and column."""
    if not path.is_file():
        return []
    contract = columns(name)
    rows: list[dict[str, Any]] = []
    seen: dict[tuple[Any, ...], int] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, strict=True)
        required = {column for column, _, needed in contract if needed}
        known = {column for column, _, _ in contract}
        header = set(reader.fieldnames or ())
        if missing := required - header:
            raise SourceRejected(
                f"columns missing: {', '.join(sorted(missing))}", source="reference", file=str(path), line=1
            )
        if unknown := header - known:
            raise SourceRejected(
                f"columns not in the contract: {', '.join(sorted(unknown))}",
                source="reference",
                file=str(path),
                line=1,
                hint=f"allowed: {', '.join(c for c, _, _ in contract)}",
            )
        for line, raw in enumerate(reader, start=2):
            row: dict[str, Any] = {}
            for column, kind, needed in contract:
                text = (raw.get(column) or "").strip()
                if text in ("", "*"):
                    if needed:
                        raise SourceRejected(f"{column} is empty", source="reference", file=str(path), line=line)
                    row[column] = None
                    continue
                try:
                    row[column] = _PARSERS[kind](text)
                except ValueError as error:
                    raise SourceRejected(f"{column}: {error}", source="reference", file=str(path), line=line) from error
            key = tuple(row[column] for column in KEYS.get(name, ()))
            if key and key in seen:
                raise SourceRejected(
                    f"same key as line {seen[key]}: {key}",
                    source="reference",
                    file=str(path),
                    line=line,
                    hint="keep one row",
                )
            seen[key] = line
            rows.append(row)
    return rows


def rows(path: Path | None, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, none where there is no file."""
    return read(path, name) if path else []


def table(found: list[dict[str, Any]], name: str) -> pa.Table:
    """Rows as one typed table; a column that a row leaves out is null."""
    import pyarrow as pa

    return pa.Table.from_pylist(found, schema=schema(name))
