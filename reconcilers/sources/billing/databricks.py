"""Databricks' bill: exports of its billing tables, usage priced by the list or the account's own prices, a day of ingestion a unit.

https://docs.databricks.com/admin/system-tables/billing. ``system.billing.usage`` tells quantities and is only ever added to: what
was wrong is taken back by a ``RETRACTION``, its negative, and told again by a ``RESTATEMENT``, both ingested later. So all records
count, and the days they were ingested on never change. What a quantity costs is in ``list_prices``, which no contract lowers, and
in ``account_prices``, which an account has to be given.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from reconcilers import money
from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.periods import Period, parse_instant
from reconcilers.sources import focus, folders, tabular
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.rejected import Rejections

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

_FILE = re.compile(r"(?i)(?:.*/)?[^_.][^/]*\.(?:csv(?:\.gz)?|parquet)")
_DAY = re.compile(r"usage/ingestion_date=(\d{4}-\d\d-\d\d)/.*")
_DONE = "usage/_SUCCESS"
#: The table that is read whatever the account pays, for list costs.
_LIST = "list_prices"
_USAGE = (
    *("record_id", "account_id", "workspace_id", "sku_name", "cloud", "usage_start_time", "usage_end_time"),
    *("usage_unit", "usage_quantity", "record_type", "billing_origin_product"),
)
_USAGE_SOMETIMES = ("custom_tags", "usage_metadata", "usage_type")
_PRICE = ("sku_name", "cloud", "usage_unit", "currency_code", "price_start_time", "price_end_time", "pricing")
#: A retraction is in the table as its negative quantity.
_TYPES = {"ORIGINAL": None, "RETRACTION": "Correction", "RESTATEMENT": "Correction"}


class DatabricksConfig(SourceConfig):
    """Where the tables are exported."""

    uri: str = Field(exclude=True, examples=["s3://acme-exports/databricks"])
    """The folder of the exports, `s3://bucket/prefix`, Azure Blob Storage or a path. Below it `usage/ingestion_date=2026-09-15/`
    holds what was ingested on a day, `list_prices/` and `account_prices/` those tables whole, as CSV (structs and maps as JSON) or
    Parquet. `usage/_SUCCESS` is written last, as Spark does."""
    billed_at: Literal["account_prices", "list_prices"] = Field(examples=["account_prices"])
    """What the account pays: its own prices, or the list's where no contract agrees on others."""
    currency: str | None = Field(default=None, examples=["USD"])
    """Which prices count where the tables tell several currencies."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""
    success_file: bool = Field(default=True, exclude=True)
    """Whether an export ends with `usage/_SUCCESS`; without one nothing tells a whole day from half of one."""


@dataclass(frozen=True)
class _Price:
    """A price of one unit and the time it is in force, without end while ``end`` is null."""

    currency: str
    start: datetime
    end: datetime | None
    text: str


#: One row of a table, or a charge line in FOCUS columns: text by column.
Row = dict[str, str | None]
#: (SKU, cloud, unit) → its prices.
_Prices = dict[tuple[str | None, ...], list[_Price]]


class Databricks(Source):
    """Databricks charges from exports of its billing tables."""

    kind = "databricks"
    Config = DatabricksConfig
    begins = MappingProxyType(
        {"": "uri: s3://<bucket>/<prefix>  # holds usage/, list_prices/, account_prices/\nbilled_at: account_prices\n"}
    )
    providers = ("databricks",)
    config: DatabricksConfig

    def units(self, period: Period) -> Iterator[str]:
        """Days of ingestion from the period's start on: a correction is ingested after the day it corrects."""
        for unit in sorted({found[1] for stored in self._folder().list("usage/") if (found := _day_of(stored.key))}):
            if (day := self.days(unit)) and day.start >= period.start:
                yield unit

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The days that were exported."""
        return (day for unit in units if (day := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        files = folder.list(f"usage/ingestion_date={unit}/")
        files = [stored for stored in files if _day_of(stored.key)]
        if not files:
            raise self._incomplete(unit, "not exported", f"no such day in {self.config.uri}")
        self._check_done(folder, unit, max(stored.modified_at for stored in files))
        wanted: set[tuple[str | None, ...]] = set()
        for stored in files:
            with folder.copy(stored) as path:
                wanted |= {_sku(row) for _, row in self._rows(path, stored.key, _USAGE, _USAGE_SOMETIMES)}
                pull.add(stored.key, stored.uri, path)
        for table in self._tables:
            pull.add(f"{table}.csv", f"{self.config.uri}/{table}", self._prices_of(folder, unit, table, wanted))

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        lost = Rejections(self.name, landed.landing_id)
        prices = {table: self._read_prices(landed, table) for table in self._tables}
        seen: set[str | None] = set()
        for index, item in enumerate(landed.objects):
            if not _day_of(item.name):
                continue
            base = folders.line_base(index)
            rows = self._charges(landed.path(item), item.name, prices, seen, lost, base)
            while batch := list(islice(rows, tabular.BATCH_ROWS)):
                yield "charges", charges.table_of_rows(batch, file=item.name, line_base=base)
        yield from charges.rejected()
        if lost.rows:
            yield "rejected_records", lost.table()

    @property
    def _tables(self) -> tuple[str, ...]:
        """The tables of prices that are read."""
        return tuple(dict.fromkeys((_LIST, self.config.billed_at)))

    # Delivery --------------------------------------------------------------------------------------------------------

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _check_done(self, folder: folders.Folder, unit: str, written: datetime) -> None:
        if not self.config.success_file:
            return
        done = [stored for stored in folder.list(_DONE) if stored.key == _DONE]
        if not done or done[0].modified_at < written:
            raise self._incomplete(
                unit,
                f"{_DONE} is missing or older than the day",
                "an export is being written; run again later, or set `success_file: false` where it writes none",
            )

    def _prices_of(self, folder: folders.Folder, unit: str, table: str, wanted: set[tuple[str | None, ...]]) -> bytes:
        """The price rows of what was used, each once and in one order: another SKU's price, and a new export, are no news."""
        files = [stored for stored in folder.list(f"{table}/") if _FILE.fullmatch(stored.key)]
        if not files:
            raise self._incomplete(unit, f"no export of {table}", f"export it whole to {self.config.uri}/{table}/")
        rows: set[tuple[str, ...]] = set()
        for stored in files:
            with folder.copy(stored) as path:
                prices = (row for _, row in self._rows(path, stored.key, _PRICE) if _sku(row) in wanted)
                rows |= {tuple(row[name] or "" for name in _PRICE) for row in prices}
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_PRICE, *sorted(rows)])
        return text.getvalue().encode()

    def _incomplete(self, unit: str, problem: str, hint: str) -> PeriodIncomplete:
        return PeriodIncomplete(problem, source=self.name, period=unit, hint=hint)

    # Prices ----------------------------------------------------------------------------------------------------------

    def _read_prices(self, landed: Landed, table: str) -> _Prices:
        """The prices that landed with a day. Raises ``SourceRejected`` where none of the table did: another was declared then."""
        prices: _Prices = defaultdict(list)
        item = next((item for item in landed.objects if item.name == f"{table}.csv"), None)
        if item is None:
            raise SourceRejected(
                f"{table} did not land with this day",
                source=self.name,
                period=landed.unit,
                hint=f"run the job from this day on, so that it is fetched with {table}, or set `billed_at` back",
            )
        for line, row in self._rows(landed.path(item), item.name, _PRICE):
            currency, end = row["currency_code"], row["price_end_time"]
            if self.config.currency not in (None, currency):
                continue
            try:
                price = _Price(
                    currency or "",
                    parse_instant(row["price_start_time"] or ""),
                    parse_instant(end) if end else None,
                    _unit_price(row["pricing"] or ""),
                )
            except ValueError as error:
                raise self._rejected(f"{error!s:.200}", item.name, line, "export the table anew") from None
            prices[_sku(row)].append(price)
        return prices

    def _in_force(self, prices: Iterable[_Price], at: datetime, file: str, line: int) -> _Price | None:
        """The price in force at an instant; null where none is. Raises ``SourceRejected`` where there are two."""
        found = {
            (price.currency, money.parse_amount(price.text)): price
            for price in prices
            if price.start <= at and (price.end is None or at < price.end)
        }
        if len(found) > 1:
            told = ", ".join(sorted(f"{price.text} {price.currency}" for price in found.values()))
            hint = "if they are of several currencies, set `currency`; else export the prices anew"
            raise self._rejected(f"{len(found)} prices are in force at {at}: {told}", file, line, hint)
        return next(iter(found.values()), None)

    # Rows ------------------------------------------------------------------------------------------------------------

    def _rows(
        self, path: Path, file: str, required: Sequence[str], optional: Sequence[str] = ()
    ) -> Iterator[tuple[int, Row]]:
        """(line, row) of one exported file. Raises ``SourceChangedShape`` naming a required column that it lacks."""

        def select(header: Sequence[str]) -> dict[str, str]:
            stored = {title.strip().lower(): title for title in reversed(header)}
            if missing := next((name for name in required if name not in stored), None):
                raise SourceChangedShape(
                    f"no column {missing}", source=self.name, file=file, hint="export the table with all its columns"
                )
            return {name: stored[name] for name in (*required, *optional) if name in stored}

        for batch in tabular.read(path, file, select, source=self.name):
            for line, *texts in zip(batch.lines, *batch.columns.values(), strict=True):
                yield line, dict(zip(batch.columns, texts, strict=True))

    def _charges(
        self, path: Path, file: str, prices: Mapping[str, _Prices], seen: set[str | None], lost: Rejections, base: int
    ) -> Iterator[tuple[int, Row]]:
        """(line, charge line) of every record that has a price; one without is noted as lost, since its cost is unknown."""
        for line, told in self._rows(path, file, _USAGE, _USAGE_SOMETIMES):
            if (record := told["record_id"]) in seen:
                raise self._rejected(
                    f"record {record or '(without id)'!s:.80} is there twice",
                    file,
                    line,
                    "the day was exported twice, one beside the other; overwrite it",
                )
            seen.add(record)
            try:
                quantity, end = _quantity(told), parse_instant(told["usage_end_time"] or "")
            except ValueError as error:
                raise self._rejected(f"{error!s:.200}", file, line, "export the day anew") from None
            if told["record_type"] not in _TYPES:
                raise SourceChangedShape(
                    f"record_type {told['record_type']!r:.40} is none of {', '.join(_TYPES)}",
                    source=self.name,
                    file=file,
                    line=line,
                )
            listed, billed = (
                self._in_force(prices[table].get(_sku(told), ()), end, file, line)
                for table in (_LIST, self.config.billed_at)
            )
            if billed is None:
                reason = f"no price of {told['sku_name']} in {self.config.billed_at} at {end}, so its cost is not known"
                lost.add(file, line + base, reason, len(json.dumps(told)), day=end.date())
                continue
            yield line, _charge(told, quantity, billed, listed)

    def _rejected(self, problem: str, file: str, line: int, hint: str) -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=file, line=line, hint=hint)


def _charge(told: Row, quantity: str, billed: _Price, listed: _Price | None) -> Row:
    """A record in FOCUS columns, at the price that is billed; a list price in another currency tells no list cost."""
    cost = money.product(quantity, billed.text)
    same = listed is not None and listed.currency == billed.currency
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": money.product(quantity, listed.text) if listed and same else None,
        "BillingAccountId": told["account_id"],
        "SubAccountId": told["workspace_id"],
        "BillingCurrency": billed.currency,
        "BillingPeriodStart": told["usage_start_time"],
        "ChargePeriodStart": told["usage_start_time"],
        "ChargePeriodEnd": told["usage_end_time"],
        "ChargeCategory": "Usage",
        "ChargeClass": _TYPES[told["record_type"] or ""],
        "ChargeDescription": _endpoint(told.get("usage_metadata")),
        "ServiceName": told["billing_origin_product"],
        "SkuId": told["sku_name"],
        "SkuMeter": told.get("usage_type"),
        "ConsumedQuantity": quantity,
        "ConsumedUnit": told["usage_unit"],
        "PricingQuantity": quantity,
        "PricingUnit": told["usage_unit"],
        "ProviderName": "Databricks",
        # On Azure it is a service of Microsoft's, on Microsoft's invoice.
        "InvoiceIssuerName": "Microsoft" if (told["cloud"] or "").upper() == "AZURE" else "Databricks",
        "Tags": told.get("custom_tags"),
        "x_LineId": told["record_id"],
    }


def _day_of(key: str) -> re.Match[str] | None:
    return _DAY.fullmatch(key) if _FILE.fullmatch(key) else None


def _sku(row: Row) -> tuple[str | None, ...]:
    """What a price is of: a SKU of one name costs another price on another cloud."""
    return row["sku_name"], row["cloud"], row["usage_unit"]


def _quantity(told: Row) -> str:
    """The quantity of a record. Raises ``ValueError`` for one that is none, or that a retraction would add."""
    text = told["usage_quantity"] or ""
    if money.parse_amount(text) > 0 and told["record_type"] == "RETRACTION":
        raise ValueError(f"a retraction of {text:.40}: it takes back, so it is below 0")
    return text


def _unit_price(pricing: str) -> str:
    """What one unit costs by the column ``pricing``: promotions included, which ``default`` leaves out."""
    told = _object(pricing)
    effective = told.get("effective_list")
    text = (effective.get("default") if isinstance(effective, dict) else None) or told.get("default")
    if not isinstance(text, str):
        raise ValueError(f"pricing {pricing!r:.60} tells no price")
    money.parse_amount(text)
    return text


def _endpoint(metadata: str | None) -> str | None:
    """The serving endpoint that was called: the only thing in a record that may tell its model."""
    name = _object(metadata or "").get("endpoint_name")
    return name if isinstance(name, str) else None


def _object(text: str) -> dict[str, Any]:
    """A struct as exports write it, its numbers as text; nothing where it is none."""
    try:
        told = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
