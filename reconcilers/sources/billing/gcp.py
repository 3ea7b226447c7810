"""Google Cloud's billing export in BigQuery: standard, detailed or FOCUS, one UTC day of ``export_time`` a unit.

https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables. The export is only ever appended to, and
``export_time`` grows with every append: late usage, credits and corrections of any age come as new rows. So a day of
``export_time`` is a unit that is complete once it is over, no row is of two units, and pulling a unit again can only add
what was appended meanwhile. The watermark is the asked period: every day from its start on is listed again, and the
pipeline lets it start ``repull_days`` early, which is the overlap. Usage days and invoice months have no lower bound.

What is landed is one JSON text a row, written by BigQuery itself (``TO_JSON_STRING``), in bytewise order. ``cost`` and
credit amounts are FLOAT64 there; the text has the shortest decimal that names the double, which is the number Google
shows. All sums are sums of these decimals; no double is ever added.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from functools import cached_property, reduce
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from reconcilers import money
from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import METERS
from reconcilers.periods import Period, parse_day, parse_instant
from reconcilers.sources import focus, folders, google, http, tabular
from reconcilers.sources.billing import gcp_sku, gcp_table
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

_EXACT = Context(prec=120)
_NAME = "Google Cloud"
#: What EffectiveCost of a FOCUS row may miss by: it and every credit were rounded to NUMERIC's nine decimals on their own.
_ROUNDED = Decimal("1e-9")


class GcpConfig(google.TableConfig, SourceConfig):
    """Which export is read: the table itself or a view with its columns."""

    format: Literal["standard", "detailed", "focus"] = "standard"
    """Which of Google's exports the table is."""
    credits: Literal["apart", "included"] = "apart"
    """What BilledCost of a FOCUS table is: before credits (`apart`, as Google's own view has it) or after (`included`)."""


class Gcp(Source):
    """Google Cloud charges from a billing export."""

    kind = "gcp"
    Config = GcpConfig
    begins = MappingProxyType({"": "table: <project>.<dataset>.<table>\nformat: standard  # or detailed, focus\n"})
    providers = ("gcp.vertex_ai", "gcp.gemini", "gcp.gen_ai")
    config: GcpConfig

    def probe(self, period: Period) -> int:
        """Asks for the table's columns."""
        self._table()
        return len(list(period.days()))

    def units(self, period: Period) -> Iterator[str]:
        """UTC days of export, ``2026-10-01``: those in the period, and later ones with usage of it or an invoice month it ends.

        Raises ``PeriodIncomplete`` when nothing was exported from the period's start on: an export that stopped is no bill of 0.
        """
        table, at = self._table(), self._names
        start, end = _midnight(period.start), _midnight(period.end)
        months = [f"{month.start:%Y%m}" for month in period.months() if month.end <= period.end]
        sql = f"""select distinct cast(date({at.exported}) as string) as unit from `{self.config.table}` as t
            where {at.exported} >= @start {table.not_before_start}
                and ({at.exported} < @end or ({at.used_from} < @end and {at.used_to} >= @start)
                    or {at.invoice_month} in unnest(@months))
            order by unit"""
        days = [str(day) for (day,) in self._reader.rows(sql, table.location, start=start, end=end, months=months)]
        if not days:
            latest = f"select max({at.exported}) from `{self.config.table}` as t"
            ((last,),) = self._reader.rows(latest, table.location)
            if last is None or last < start:
                hint = "Google promises no delay; if it lasts, see whether the billing export is still on"
                raise self._incomplete(f"nothing was exported since {last or 'it was set up'}", str(period), hint)
        return iter(days)

    def fetch(self, unit: str, pull: Pull) -> None:
        table, at, day = self._table(), self._names, parse_day(unit)
        values = {"start": _midnight(day), "end": _midnight(day + timedelta(days=1))}
        rows = f"from `{self.config.table}` as t where {at.exported} >= @start and {at.exported} < @end"
        # A cheap look at one column first: how many rows the day has, and in which partitions they are.
        days = "min(date(_PARTITIONTIME)), max(date(_PARTITIONTIME))" if table.by_ingestion else "null, null"
        sql = f"select count(*), {days} {rows} {table.not_before_start}"
        ((count, first, last),) = self._reader.rows(sql, table.location, **values)
        if not count:
            raise self._incomplete(
                "no row was exported on that day", unit, "it was listed; see whether the table was emptied"
            )
        partitions = ""
        if first is not None:
            partitions = "and (_PARTITIONTIME is null or (_PARTITIONTIME >= @first and _PARTITIONTIME < @after))"
            values |= {"first": _midnight(first), "after": _midnight(last + timedelta(days=1))}
        sql = f"select to_json_string(struct({table.columns})) as line {rows} {partitions} order by line"
        lines = _Counted(self._reader.rows(sql, table.location, **values))
        pull.add("rows.ndjson", f"bigquery://{self.config.table}?export_day={unit}", iter(lines))
        if lines.count != count:
            hint = "the export was appended to while it was read; run again"
            raise self._incomplete(f"{lines.count} rows came where {count} were counted before", unit, hint)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        is_focus = self.config.format == "focus"
        for index, item in enumerate(landed.objects):
            base, batch = folders.line_base(index), []
            with folders.open_unpacked(landed.path(item), item.name, source=self.name) as stream:
                before: dict[str, Any] = {}
                repeats = 0
                for line, content in enumerate(stream, 1):
                    body = http.parse_json(content, source=self.name, file=item.name, line=line, number=str)
                    row = _Row(self.name, item.name, line, _filled(body))
                    self._check_day(row, landed.unit)
                    # Equal rows follow each other; nothing of the export numbers them.
                    repeats = repeats + 1 if row.fields == before else 0
                    before = row.fields
                    charge = self._focus_charge(row) if is_focus else _export_charge(row)
                    batch += [(line, fields) for fields in self._lines(row, charge, repeats)]
                    if len(batch) >= tabular.BATCH_ROWS:
                        yield "charges", charges.table_of_rows(batch, file=item.name, line_base=base)
                        batch = []
            if batch:
                yield "charges", charges.table_of_rows(batch, file=item.name, line_base=base)
        yield from charges.rejected()

    @classmethod
    def readers(cls) -> set[Path]:
        skus = Path(gcp_sku.__file__)
        return super().readers() | {skus, skus.with_suffix(".csv"), Path(gcp_table.__file__)}

    # Rows → charges --------------------------------------------------------------------------------------------------

    def _lines(self, row: _Row, charge: _Charge, repeats: int) -> Iterator[dict[str, str | None]]:
        """A row's charge, then one charge for each of its credits, linked to it: money is neither lost nor repeated."""
        facts = json.dumps(row.fields, sort_keys=True)
        line_id = hashlib.sha256(f"{facts}\n{repeats}".encode()).hexdigest()[:32]
        fields = charge.fields | {"x_LineId": line_id}
        if fields["ChargeCategory"] in ("Usage", "Adjustment"):
            fields |= self._meant(fields)
        yield fields
        shared = {name: fields.get(name) for name in _OF_CREDITS}
        for number, credit in enumerate(charge.credits, 1):
            yield shared | {
                "ChargeCategory": "Credit",
                "x_Reduction": REDUCTIONS.get((credit.text("type") or "").upper()),
                "BilledCost": credit.text("amount"),
                "EffectiveCost": credit.text("amount"),
                "ListCost": "0",
                "ChargeDescription": credit.text("fullname") or credit.text("name"),
                "x_LineId": f"{line_id}.{number}",
                "x_LinkedLineIds": line_id,
            }

    def _meant(self, fields: Mapping[str, str | None]) -> dict[str, str]:
        """Model, meter and unit of a SKU; a SKU nobody knows says nothing, and so its money ends as ``unmapped``."""
        said = gcp_sku.read_sku(fields.get("ChargeDescription") or "")
        if not said or fields.get("x_Model"):
            return {}
        # Exports tell tokens in `count` or in `requests`: both are ones of whatever the SKU counts.
        in_ones = (fields.get("ConsumedUnit") or "").lower() in ("count", "requests")
        return dict(said) | ({"ConsumedUnit": METERS[said["x_Meter"]]} if in_ones else {})

    def _focus_charge(self, row: _Row) -> _Charge:
        """A row of Google's FOCUS table. BilledCost and EffectiveCost are split into the charge and its credits."""
        fields = {name: row.text(name) for name in focus.COLUMNS if name != "Tags"}
        credits = row.repeated("x_Credits")
        billed, effective = row.amount("BilledCost"), row.amount("EffectiveCost")
        total = reduce(money.sum_exactly, (credit.amount("amount") for credit in credits), Decimal(0))
        included = self.config.credits == "included"
        with_credits = money.sum_exactly(billed, total)
        # EffectiveCost is after credits in either case, so it tells which setting is wrong, where credits add up to anything.
        after, contrary = (billed, with_credits) if included else (with_credits, billed)
        limit = _ROUNDED * (len(credits) + 2)
        if abs(effective - after) > limit >= abs(effective - contrary):
            other = "apart" if included else "included"
            raise row.rejected(
                f"BilledCost {billed:f}, credits {total:f} and EffectiveCost {effective:f} say that credits are {other}",
                f"compare one month with its invoice, then set `credits: {other}`",
            )
        # Google's own view calls the billing account a sub-account; the project is in a record of its own.
        project = fields["SubAccountId"] if fields["SubAccountId"] != fields["BillingAccountId"] else None
        category = _category(fields["ChargeCategory"], fields["ChargeDescription"])
        fields |= {
            "ChargeCategory": category,
            "SubAccountId": row.text("x_Project.id") or project,
            "BilledCost": f"{_EXACT.subtract(billed, total):f}" if included and credits else fields["BilledCost"],
            "EffectiveCost": f"{_EXACT.subtract(effective, total):f}" if credits else fields["EffectiveCost"],
            "ProviderName": fields["ProviderName"] or _NAME,
            "InvoiceIssuerName": fields["InvoiceIssuerName"] or _NAME,
            "SkuMeter": fields["SkuMeter"] or fields["ChargeDescription"],
            "Tags": row.labels("x_Labels") or row.labels("Tags"),
        }
        return _Charge(fields, credits)

    def _check_day(self, row: _Row, unit: str) -> None:
        column = self._names.exported.removeprefix("t.")
        try:
            day = parse_instant(row.text(column) or "").date()
        except ValueError:
            raise row.rejected(f"{column} is no instant") from None
        if day.isoformat() != unit:
            raise row.rejected(f"was exported on {day}, not on the day that was asked for")

    # BigQuery --------------------------------------------------------------------------------------------------------

    @cached_property
    def _reader(self) -> google.Reader:
        return self.config.reader(self.name)

    @property
    def _names(self) -> gcp_table.Names:
        return gcp_table.FOCUS_NAMES if self.config.format == "focus" else gcp_table.EXPORT_NAMES

    def _table(self) -> gcp_table.Table:
        """The table as it is now. Raises ``SourceChangedShape`` for a column that is missing or of another type."""
        found = self._reader.table()
        told, detailed = google.Columns(self.name, self.config.table, found.schema), self.config.format == "detailed"
        columns = (
            gcp_table.focus_columns(told) if self.config.format == "focus" else gcp_table.export_columns(told, detailed)
        )
        kept = found.time_partitioning
        by_ingestion = kept is not None and kept.field is None and kept.type_ in ("DAY", "HOUR")
        return gcp_table.Table(found.location, columns, by_ingestion)

    def _incomplete(self, problem: str, period: str, hint: str) -> PeriodIncomplete:
        return PeriodIncomplete(problem, source=self.name, period=period, file=self.config.table, hint=hint)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


class _Counted:
    """Lines to land, counted as they pass."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self.rows, self.count = rows, 0

    def __iter__(self) -> Iterator[bytes]:
        for (line,) in self.rows:
            self.count += 1
            yield google.landed(line)


# A row ----------------------------------------------------------------------------------------------------------------


def _filled(value: Any) -> Any:
    """A JSON value without what is null or empty, so that a column the export gains later changes no row that lacks it."""
    if isinstance(value, dict):
        kept = ((key, _filled(member)) for key, member in value.items())
        return {key: member for key, member in kept if member not in (None, "", [], {})}
    return [_filled(member) for member in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class _Row:
    """One JSON object of the landed rows and where it stands; numbers with a point are text. Reads members by path."""

    source: str
    file: str
    line: int
    fields: Any

    def get(self, path: str) -> Any:
        found = self.fields
        for part in path.split("."):
            if not isinstance(found, dict):
                raise self.rejected("is no JSON object of the export's shape", "landing was changed; restore it")
            # FOCUS capitalises members of its records, the export does not.
            found = found.get(part, found.get(part.capitalize()))
            if found is None:
                return None
        return found

    def text(self, path: str) -> str | None:
        """A text or number as it is written; null, empty and absent are the same."""
        found = self.get(path)
        if found is None or (isinstance(found, str | int) and not isinstance(found, bool)):
            return None if found is None else str(found)
        raise self.rejected(f"{path} is neither text nor number", "landing was changed; restore it")

    def amount(self, path: str) -> Decimal:
        try:
            return money.parse_amount(self.text(path) or "")
        except ValueError as error:
            raise self.rejected(f"{path}: {error}") from None

    def repeated(self, path: str) -> list[_Row]:
        """The records of a repeated column, their members in lower case without underscores."""
        found = self.get(path) or []
        if not isinstance(found, list) or not all(isinstance(member, dict) for member in found):
            raise self.rejected(f"{path} is no list of records", "landing was changed; restore it")
        plain = [{key.lower().replace("_", ""): value for key, value in member.items()} for member in found]
        return [_Row(self.source, self.file, self.line, member) for member in plain]

    def labels(self, path: str) -> str | None:
        """Labels as a JSON object of text: a list of keys and values, or such an object already."""
        found = self.get(path)
        if isinstance(found, list):
            found = {label.text("key"): label.text("value") or "" for label in self.repeated(path)}
        return found if found is None or isinstance(found, str) else json.dumps(found, sort_keys=True)

    def rejected(self, problem: str, hint: str = "report it to Google Cloud billing support") -> SourceRejected:
        return SourceRejected(problem, source=self.source, file=self.file, line=self.line, hint=hint)


# Export → FOCUS -------------------------------------------------------------------------------------------------------

#: ``credits.type`` → kind of reduction (rule R6). A free tier is the first step of a price by volume. A type Google adds
#: later is a credit that reduces no price until somebody says so here.
REDUCTIONS: Mapping[str, str] = {
    "COMMITTED_USAGE_DISCOUNT": "price",
    "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE": "price",
    "DISCOUNT": "price",
    "FEE_UTILIZATION_OFFSET": "price",
    "FREE_TIER": "price",
    "RESELLER_MARGIN": "price",
    "SUBSCRIPTION_BENEFIT": "price",
    "SUSTAINED_USAGE_DISCOUNT": "price",
    "PROMOTION": "promotional",
}
#: ``adjustment_info.type`` of rows that negate or replace what was charged; the others are money by itself.
_CORRECTIONS = ("USAGE_CORRECTION", "PRICE_CORRECTION", "METADATA_CORRECTION")
_GOODWILL = ("GOODWILL", "SALES_BASED_GOODWILL", "SLA_VIOLATION")
_COST_TYPES = {"regular": "Usage", "tax": "Tax", "adjustment": "Adjustment", "rounding_error": "Adjustment"}
#: Columns a credit has in common with the charge it is on.
_OF_CREDITS = (
    "BillingAccountId",
    "SubAccountId",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeClass",
    "ServiceName",
    "ProviderName",
    "InvoiceIssuerName",
    "InvoiceId",
    "SkuId",
    "RegionId",
    "Tags",
)


@dataclass(frozen=True)
class _Charge:
    """A row as FOCUS columns, its amounts before credits, and its credits."""

    fields: dict[str, str | None]
    credits: Sequence[_Row]


def _export_charge(row: _Row) -> _Charge:
    """A row of the standard or detailed export. ``cost`` is before credits, so it is BilledCost and EffectiveCost of its line."""
    cost, adjusts = row.text("cost"), row.text("adjustment_info.type")
    kind = row.text("cost_type")
    if kind not in _COST_TYPES:
        raise SourceChangedShape(
            f"cost_type {kind!r:.60} is none of {', '.join(_COST_TYPES)}",
            source=row.source,
            file=row.file,
            line=row.line,
            hint="teach reconcilers/sources/billing/gcp.py the word",
        )
    description = row.text("sku.description")
    category = _COST_TYPES[kind]
    if adjusts in _CORRECTIONS and category != "Tax":
        category = "Usage"  # what is corrected keeps its category, so that both meet
    elif adjusts in _GOODWILL and category != "Tax":
        category = "Credit"
    month, used = row.text("invoice.month") or "", row.text("usage_start_time") or ""
    fields = {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": row.text("cost_at_list") or cost,
        "ContractedCost": cost,
        "BillingAccountId": row.text("billing_account_id"),
        "SubAccountId": row.text("project.id"),
        "BillingCurrency": row.text("currency"),
        "BillingPeriodStart": month or None,
        "ChargePeriodStart": used or None,
        "ChargePeriodEnd": row.text("usage_end_time"),
        "ChargeCategory": _category(category, description),
        # FOCUS: a correction is of a period that was invoiced before.
        "ChargeClass": "Correction" if adjusts in _CORRECTIONS and used[:7].replace("-", "") < month else None,
        "x_Reduction": "promotional" if category == "Credit" else None,
        "ServiceName": row.text("service.description"),
        "ProviderName": _NAME,
        "InvoiceIssuerName": _NAME,
        "ChargeDescription": description or row.text("adjustment_info.description"),
        "SkuId": row.text("sku.id"),
        "SkuMeter": description,
        "ConsumedQuantity": row.text("usage.amount"),
        "ConsumedUnit": row.text("usage.unit"),
        "PricingQuantity": row.text("usage.amount_in_pricing_units"),
        "PricingUnit": row.text("usage.pricing_unit"),
        "RegionId": row.text("location.region"),
        "Tags": row.labels("labels"),
    }
    return _Charge(fields, row.repeated("credits"))


def _category(told: str | None, description: str | None) -> str | None:
    """A commitment's fee is a purchase; the export tells it by the SKU's name alone (``Commitment v1: Core in Americas``).

    https://cloud.google.com/docs/cuds-attribution
    """
    is_fee = told == "Usage" and re.match(r"commitment\b", description or "", re.IGNORECASE)
    return "Purchase" if is_fee else told
