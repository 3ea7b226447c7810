"""The published tables as pandas data frames, money exact.

::

    finance = reconcilers.open("acme/reconcile.yaml")
    finance.tables()
    finance.table("fct_tenant_margin", month="2026-10", columns=["tenant_id", "revenue", "loaded_margin"])
    finance.query("select * from finance.rpt_unit_costs where slice = ? and events > ?", "feature", 10, floats=True)

An amount is a ``Decimal``, whose sums are exact; with ``floats`` it is a binary float, which plots and regressions want and no book
does. Counts are pandas' nullable integers, so that what is unknown is no number. Days and months are timestamps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid, nearest
from reconcilers.periods import days_named
from reconcilers.reports.catalogue import catalogue, entry
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import current

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Columns that say of which month a row is, the first a table has; an invoice's waterfall is of the month it was billed in.
MONTHS = ("month", "charge_month", "billing_period_start")
OF_INVOICES = ("rpt_invoice_waterfall",)


class Finance:
    """One published version."""

    def __init__(self, published: Published) -> None:
        self.published = published

    @classmethod
    def opened(cls, config: Path | None = None) -> Finance:
        """What the company of a settings file has published now."""
        return cls(current(read_settings(config)))

    def __repr__(self) -> str:
        facts = self.published.facts
        return f"<{self.published.name} of {facts['period']}, as known at {facts['as_of']} UTC>"

    def tables(self) -> pd.DataFrame:
        """Every table: its name, what a row of it is (``grain``), its meaning, and whether this version has it (``published``)."""
        import pandas as pd

        rows = [
            (one.table.name, one.grain, one.meaning, one.published is not None) for one in catalogue(self.published)
        ]
        return pd.DataFrame(rows, columns=["table", "grain", "meaning", "published"])

    def columns(self, name: str) -> pd.DataFrame:
        """The columns of a table that this version has: name, type, meaning."""
        import pandas as pd

        table = entry(self.published, name)
        rows = [(one.name, one.type, one.meaning) for one in table.table.columns if table.has(one.name)]
        return pd.DataFrame(rows, columns=["column", "type", "meaning"])

    def table(
        self,
        name: str,
        month: str | date | None = None,
        columns: Sequence[str] | None = None,
        floats: bool = False,
    ) -> pd.DataFrame:
        """A table, or a month (``2026-10`` or a day of it) and columns of it.

        Raises ``SettingsInvalid`` for a table or column that is none, and for a month of a table whose rows are of no month.
        """
        table = entry(self.published, name)
        name = table.table.name
        if table.published is None:
            raise SettingsInvalid(f"{name} is not in {self.published.name}", hint="the next run publishes it")
        for column in columns or ():
            if not table.has(column):
                raise SettingsInvalid(f"{name} has no column {column!r:.80}{nearest(column, table.published)}")
        sql = f"select {', '.join(columns) if columns else '*'} from finance.{name}"
        if month is None:
            return self.query(sql, floats=floats)
        order = MONTHS[::-1] if name in OF_INVOICES else MONTHS
        filtered = next((column for column in order if table.has(column)), None)
        if filtered is None:
            hint = f"leave month away, or ask with query(); a month is one of the columns {', '.join(MONTHS)}"
            raise SettingsInvalid(f"rows of {name} are of no month", hint=hint)
        return self.query(f"{sql} where {filtered} = ?", _first_day(month), floats=floats)

    def query(self, sql: str, *values: Any, floats: bool = False) -> pd.DataFrame:
        """The result of a read-only query over schema ``finance``; ``?`` stands for each value. Raises ``SettingsInvalid`` where it fails."""
        import pandas as pd
        import pyarrow as pa

        table = self.published.batches(sql, *values).read_all()
        table = table.cast(pa.schema([_typed(field, floats) for field in table.schema]))
        nullable = {
            **{kind: pd.Int64Dtype() for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
            pa.bool_(): pd.BooleanDtype(),
        }
        frame: pd.DataFrame = table.to_pandas(types_mapper=nullable.get, date_as_object=False)
        return frame


def _first_day(month: str | date) -> date:
    if isinstance(month, str):
        named = days_named(month)
        if named is None:
            raise SettingsInvalid(f"{month!r:.40} is no month", hint='write it as "2026-10"')
        month = named.start
    return date(month.year, month.month, 1)


def _typed(field: pa.Field, floats: bool) -> pa.Field:
    """A sum of counts is a count; an amount stays what it is, or becomes a float."""
    import pyarrow as pa

    if not pa.types.is_decimal(field.type):
        return field
    return field.with_type(pa.int64() if field.type.scale == 0 else pa.float64() if floats else field.type)
