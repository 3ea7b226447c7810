"""Finance-owned reference files: CSV with contracts (``docs/lake.md``), read whole and typed before anything uses them.

An absent file is an empty one; an unknown or missing column, a value of the wrong type or off its closed list, or a duplicate
key refuses the file, naming line and column, because a mapping read half would move money silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.declared import sheet
from reconcilers.declared.values import PARSERS
from reconcilers.errors import SourceRejected, nearest

if TYPE_CHECKING:
    import pyarrow as pa

_DIMENSIONS = """service_tier caseless batch batch context_band context_band geography caseless region string speed caseless
modality modality cache_ttl cache_ttl"""
_PRICES = f"""source string! model string! meter meter! {_DIMENSIONS} price_per_million not_negative! currency currency!
valid_from date valid_to date version string! time_from time time_to time"""

#: The name reference files land under.
SOURCE = "reference"
#: The European Central Bank's own file, which stands beside them (``euro_rates.py``).
EURO_RATES = "eurofxref-hist"
#: How many faults of a file one error names.
_SHOWN = 20
#: Endings of tables that people keep beside the CSV.
_TABLES = frozenset({".tsv", ".txt", ".xls", ".xlsx", ".ods"})
#: Shares of a budget from which on somebody is told, where its row leaves them out.
DEFAULT_SHARES = {"warning_share": Decimal("0.75"), "alert_share": Decimal("0.90")}
#: (column, what it says nothing without): a value without its tag, half a time span.
_TOGETHER = (("tag_value", "tag_key"), ("time_from", "time_to"), ("time_to", "time_from"))

#: column type pairs per file; ``!`` = required; ``caseless`` is a name that is compared without case; numbers are exact, ``positive``
#: and ``not_negative`` ones are rounded to nine decimals, a ``rate`` has no more; ``month`` is the first day of one. The
#: columns in ``KEYS`` are unique together.
CONTRACTS: dict[str, str] = {
    "billing_sources": """source string! provider string endpoint string billing_account_id string default_account_id string
finality_days finality! batch_day batch_days""",
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
    "context_thresholds": "provider string model string! threshold tokens valid_from date valid_to date version string!",
    "charge_rules": """priority int64! source string service_name string billing_account_id string sub_account_id string sku_meter string
model string tag_key string tag_value string charge_category category destination ruled! valid_from date valid_to date version string!""",
    "exchange_rates": "currency currency! billing_period_start month! rate rate! version string!",
    "tenants": "tenant_id string! name string segment string",
    "features": """feature_id string! name string owner string value_per_outcome not_negative revenue_model string
risk risk batchable bool""",
    "bundle_prices": "bundle_id string! feature_id string! stand_alone_price not_negative! valid_from date valid_to date",
    "shared_cost_rules": "destination pool! driver driver! valid_from date valid_to date version string!",
    "cost_classes": "environment caseless destination destination cost_class cost_class!",
    "model_tiers": "model string! tier model_tier! cheaper_model string",
    "budgets": """scope budget_scope! scope_value string month month amount positive! currency currency! warning_share share
alert_share share owner string""",
    "alert_rules": "kind alert_kind! scope_value string threshold not_negative minimum_cost not_negative minimum_calls tokens owner string",
    "quiet_days": "day date! scope_value string reason string!",
}

#: Tables made by every run from reference files, settings and what was landed: ``model_names`` by ``declared/models.py``, the sources
#: of revenue, and deliveries of revenue and of invoices in the order they were told, by ``known.known``.
DERIVED: dict[str, str] = {
    "model_names": "source string provider string name string! model string! geography string",
    "revenue_sources": "source string!",
    "revenue_deliveries": "source string! unit string! landing_id string! place int64!",
    "invoice_deliveries": "source string! unit string! landing_id string! place int64!",
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
    "cost_classes": ("environment", "destination"),
    "model_tiers": ("model",),
    "budgets": ("scope", "scope_value", "month"),
    "alert_rules": ("kind", "scope_value"),
    "quiet_days": ("day", "scope_value"),
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
        "tokens": pa.int64(),
        "finality": pa.int64(),
        "batch_days": pa.int64(),
        "not_negative": number,
        "positive": number,
        "rate": number,
        "share": number,
        "date": day,
        "month": day,
        "bool": pa.bool_(),
    }
    return pa.schema([pa.field(column, types.get(kind, pa.string())) for column, kind, _ in columns(name)])


@dataclass(frozen=True)
class Fault:
    """What is wrong on a line of a reference file, and what to do about it."""

    line: int
    problem: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.problem} -> {self.hint}" if self.hint else self.problem


def read(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, typed. Raises ``SourceRejected`` with all that is wrong, each with line and column."""
    found, faults = examine(path, name)
    if not faults:
        return [row for _, row in found]
    first, others = faults[0], faults[1:_SHOWN]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    if not others:
        raise SourceRejected(first.problem, source=SOURCE, file=str(path), line=first.line, hint=first.hint)
    told = "; ".join([first.problem, *(f"line {fault.line}: {fault.problem}" for fault in others)]) + more
    raise SourceRejected(told, source=SOURCE, file=str(path), line=first.line)


def examine(path: Path, name: str) -> tuple[list[tuple[int, dict[str, Any]]], list[Fault]]:
    """(line, typed row) of all that can be read in one reference file, and what is wrong with the rest; nothing of an absent one."""
    found: list[tuple[int, dict[str, Any]]] = []
    if not path.exists():
        return found, []
    names = {column for column, _, _ in columns(name)}
    seen: dict[tuple[Any, ...], int] = {}
    faults: list[Fault] = []
    try:
        lines = sheet.records(path.read_bytes(), names)
        header = next(lines, (1, []))[1]
        header = [column.strip() for column in header]
        if wrong := list(_wrong_columns(name, header)):
            return found, wrong
        for line, texts in lines:
            if len(texts) != len(header):
                problem = f"{len(texts)} fields under {len(header)} columns"
                faults.append(Fault(line, problem, "a comma too many or too few"))
                continue
            row, wrong = _row(name, line, dict(zip(header, texts, strict=True)))
            key = tuple(row.get(column) for column in KEYS.get(name, ()))
            if not wrong and key and key in seen:
                wrong = [Fault(line, f"same {', '.join(KEYS[name])} as line {seen[key]}", "keep one row")]
            seen.setdefault(key, line)
            faults += wrong
            found += [] if wrong else [(line, row)]
    except OSError as error:
        faults.append(Fault(1, f"cannot be read: {error.strerror}", "give the job read access to it"))
    except sheet.Unreadable as error:
        faults.append(Fault(error.line, error.problem, error.hint))
    return found, faults


def unread(folder: Path) -> Iterator[str]:
    """What to say of each table in the folder that has the name of no contract, and so is not read.

    Lock files of spreadsheet programs (``~$tenants.csv``, ``.~lock.tenants.csv#``) and hidden files are passed over.
    """
    names = {f"{name}.csv" for name in (*CONTRACTS, EURO_RATES)}
    for path in sorted(folder.glob("*")):
        if path.name.startswith(("~$", ".")) or path.name in names:
            continue
        if path.suffix.lower() == ".csv":
            yield f"{path.name} is no reference file and is not read{nearest(path.name.lower(), names)}"
        elif path.suffix.lower() in _TABLES and path.name.partition(".")[0].lower() in CONTRACTS:
            meant = path.name.partition(".")[0].lower()
            yield f"{path.name} is no reference file and is not read; save it as {meant}.csv, CSV in UTF-8"


def _wrong_columns(name: str, header: list[str]) -> Iterator[Fault]:
    contract = columns(name)
    allowed = [column for column, _, _ in contract]
    if missing := [column for column, _, needed in contract if needed and column not in header]:
        yield Fault(1, f"columns missing: {', '.join(missing)}")
    for column in dict.fromkeys(header):
        if column not in allowed:
            problem = f"column {column!r:.40} is not in the contract{nearest(column, allowed)}"
            yield Fault(1, problem, f"allowed: {', '.join(allowed)}")
        elif header.count(column) > 1:
            yield Fault(1, f"column {column} stands there twice", "keep one")


def _row(name: str, line: int, texts: dict[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    row: dict[str, Any] = {}
    faults = []
    for column, kind, needed in columns(name):
        text = texts.get(column, "").strip()
        row[column] = None
        if text in ("", "*"):
            faults += [Fault(line, f"{column} is empty")] if needed else []
            continue
        try:
            row[column] = PARSERS[kind](text)
        except ValueError as error:
            faults.append(Fault(line, f"{column}: {error}"))
    if row.get("valid_from") and row.get("valid_to") and row["valid_to"] <= row["valid_from"]:
        faults.append(Fault(line, f"valid_to: {row['valid_to']} is not after valid_from {row['valid_from']}"))
    for column, other in _TOGETHER:
        if texts.get(column, "").strip() and not texts.get(other, "").strip():
            faults.append(
                Fault(line, f"{column} says nothing without {other}", f"fill in {other}, or leave both empty")
            )
    faults += [Fault(line, problem) for problem in _of_budget(row)] if name == "budgets" else []
    return row, faults


def _of_budget(row: dict[str, Any]) -> Iterator[str]:
    """What a budget's columns say against each other."""
    if row["scope"] and (row["scope"] == "all") == bool(row["scope_value"]):
        yield (
            "scope_value: a budget of all names none"
            if row["scope"] == "all"
            else f"scope_value: whose {row['scope']} is it?"
        )
    warning, alert = (row[name] or share for name, share in DEFAULT_SHARES.items())
    if alert <= warning:
        yield f"alert_share: {alert.normalize():f} is not above warning_share {warning.normalize():f}"


def rows(path: Path | None, name: str) -> list[dict[str, Any]]:
    """Rows of one reference file, none where there is no file."""
    return read(path, name) if path else []


def table(found: list[dict[str, Any]], name: str) -> pa.Table:
    """Rows as one typed table; a column that a row leaves out is null."""
    import pyarrow as pa

    return pa.Table.from_pylist(found, schema=schema(name))
