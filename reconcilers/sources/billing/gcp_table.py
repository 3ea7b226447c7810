"""What of Google's billing export is read: the columns of its tables, their types, and the select list that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from reconcilers.sources import focus, google

_TEXT, _TIME = ("STRING",), ("TIMESTAMP",)
_NUMBER = ("FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC", "INTEGER", "INT64")
#: Columns of the export that are read: path → types. Everything else it has or gains is left alone.
#: https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage
_EXPORT: Mapping[str, tuple[str, ...]] = {
    "billing_account_id": _TEXT,
    "invoice.month": _TEXT,
    "cost_type": _TEXT,
    "service.id": _TEXT,
    "service.description": _TEXT,
    "sku.id": _TEXT,
    "sku.description": _TEXT,
    "usage_start_time": _TIME,
    "usage_end_time": _TIME,
    "export_time": _TIME,
    "project.id": _TEXT,
    "labels.key": _TEXT,
    "labels.value": _TEXT,
    "cost": _NUMBER,
    "currency": _TEXT,
    "usage.amount": _NUMBER,
    "usage.unit": _TEXT,
    "usage.amount_in_pricing_units": _NUMBER,
    "usage.pricing_unit": _TEXT,
    "credits.type": _TEXT,
    "credits.name": _TEXT,
    "credits.amount": _NUMBER,
}
#: Read where the export has them: a table keeps the columns of the year it was made in until Google adds one.
_EXPORT_SOMETIMES: Mapping[str, tuple[str, ...]] = {
    "project.name": _TEXT,
    "location.location": _TEXT,
    "location.region": _TEXT,
    "location.zone": _TEXT,
    "currency_conversion_rate": _NUMBER,
    "credits.id": _TEXT,
    "credits.full_name": _TEXT,
    "adjustment_info.id": _TEXT,
    "adjustment_info.description": _TEXT,
    "adjustment_info.type": _TEXT,
    "adjustment_info.mode": _TEXT,
    "cost_at_list": _NUMBER,
    "seller_name": _TEXT,
    "resource.name": _TEXT,
    "resource.global_name": _TEXT,
}
_DETAILED = ("resource.name", "resource.global_name")
_REPEATED = ("labels", "credits", "x_Credits")
_FOCUS: Mapping[str, tuple[str, ...]] = {
    "BilledCost": _NUMBER,
    "EffectiveCost": _NUMBER,
    "ListCost": _NUMBER,
    "BillingPeriodStart": _TIME,
    "ChargePeriodStart": _TIME,
    "ChargePeriodEnd": _TIME,
    "x_ExportTime": _TIME,
    "x_Credits.amount": _NUMBER,
    "x_Credits.type": _TEXT,
}
_FOCUS_SOMETIMES = ("x_Project", "x_Labels", "x_CostType", "x_CurrencyConversionRate")


@dataclass(frozen=True)
class Names:
    """What the export calls the times of a row."""

    exported: str
    used_from: str
    used_to: str
    invoice_month: str


EXPORT_NAMES = Names("t.export_time", "t.usage_start_time", "t.usage_end_time", "t.invoice.month")
FOCUS_NAMES = Names(
    "t.x_ExportTime",
    "t.ChargePeriodStart",
    "t.ChargePeriodEnd",
    "format_timestamp('%Y%m', t.BillingPeriodStart)",
)


@dataclass(frozen=True)
class Table:
    """One export as it is now: where it is, which columns to select, whether its partitions are days of ingestion."""

    location: str | None
    columns: str
    by_ingestion: bool

    @property
    def not_before_start(self) -> str:
        """Nothing is stored before it is exported; a day is left for clocks. Rows not stored in a partition yet have null."""
        if not self.by_ingestion:
            return ""
        return "and (_PARTITIONTIME is null or _PARTITIONTIME >= timestamp_sub(@start, interval 1 day))"


def export_columns(table: google.Columns, detailed: bool) -> str:
    """The select list of an export: records keep their names and hold only what is read."""
    paths = []
    for path, types in {**_EXPORT, **_EXPORT_SOMETIMES}.items():
        required = path in _EXPORT or (detailed and path in _DETAILED)
        if table.has(path, types, required=required, repeated=_REPEATED):
            paths.append(path)
    columns = []
    for top, group in groupby(sorted(paths), key=lambda path: path.partition(".")[0]):
        leaves = [path.partition(".")[2] for path in group]
        if leaves == [""] or top in _REPEATED:
            columns.append(f"t.{top}")
        else:
            columns.append(f"struct({', '.join(f't.{top}.{leaf} as {leaf}' for leaf in leaves)}) as {top}")
    return ", ".join(columns)


def focus_columns(table: google.Columns) -> str:
    """The select list of a FOCUS table: every FOCUS column that is read, under its own name, and Google's own."""
    for path, types in _FOCUS.items():
        table.has(path, types, required=True, repeated=_REPEATED)
    columns = (*focus.COLUMNS, "x_ExportTime", "x_Credits", *_FOCUS_SOMETIMES)
    found = focus.select(table.names, columns=columns, source=table.source, file=table.table)
    return ", ".join(f"t.`{stored}` as `{name}`" for name, stored in found.items())
