"""A FOCUS bill (1.0 to 1.3) in files: CSV, plain or packed, or Parquet, in a local folder or an S3 prefix.

One row of a file is one charge line: https://focus.finops.org/focus-specification/v1-2/. ``reconcilers/sources/focus.py`` says
which columns are read and what each means, ``bill_files.py`` which files count. A usage report is in FOCUS columns without
costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from reconcilers.sources import focus, folders, tabular
from reconcilers.sources.billing.bill_files import BillFiles, BillFilesConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed


class FocusFileConfig(BillFilesConfig):
    """Files of FOCUS rows, and what is not FOCUS in them."""

    billing_account_id: str | None = None
    """Keeps only the rows of this account (and usage report rows that name none)."""
    columns: dict[str, str] = Field(default_factory=dict, examples=[{"BilledCost": "cost_usd"}])
    """The file's own column for a FOCUS or `x_` column."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"BillingCurrency": "USD"}])
    """The value of a FOCUS or `x_` column that the file does not have."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict, examples=[{"x_Meter": {"Inp": "input_tokens"}}])
    """What a value of the file means, column by column."""
    time_format: str | None = Field(default=None, examples=["%m/%d/%Y"])
    """The form of times that are not in ISO 8601, as `strptime` has it."""

    @field_validator("columns", "constants", "values")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(value) - set(focus.COLUMNS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no column that is read; see reconcilers/sources/focus.py")
        return value

    @field_validator("time_format")
    @classmethod
    def _tells_a_day(cls, value: str | None) -> str | None:
        day = datetime(2026, 9, 25, tzinfo=UTC)
        if value is not None and _read_time(day.strftime(value), value) != day.replace(tzinfo=None):
            raise ValueError(f"{value!r:.60} does not tell a day; write its form as strptime has it, such as %m/%d/%Y")
        return value


class FocusFile(BillFiles):
    """FOCUS rows from files."""

    kind = "focus_file"
    Config = FocusFileConfig
    begins = MappingProxyType({"": "uri: bills  # a folder, or s3://bucket/prefix\n"})
    config: FocusFileConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        deliveries: dict[str, focus.Charges] = {}
        report = focus.UsageReport(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            charges = deliveries.setdefault(self._delivery(item.name), focus.Charges(self.name, landed.landing_id))
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                columns, lines = self._kept(batch)
                if lines and self._is_usage_report(item.name):
                    base = folders.line_base(index)
                    yield "provider_usage", report.table(columns, lines, file=item.name, line_base=base)
                elif lines:
                    yield "charges", charges.table(columns, lines, file=item.name, line_base=folders.line_base(index))
        for charges in deliveries.values():
            yield from charges.rejected()

    def _select(self, file: str) -> tabular.Select:
        def select(header: Sequence[str]) -> dict[str, str]:
            if self._is_usage_report(file):
                return focus.select(
                    header,
                    constant=self.config.constants,
                    columns=focus.USAGE_COLUMNS,
                    required=focus.USAGE_REQUIRED,
                    source=self.name,
                    file=file,
                )
            return focus.select(
                header, renamed=self.config.columns, constant=self.config.constants, source=self.name, file=file
            )

        return select

    def _kept(self, batch: tabular.Batch) -> tuple[dict[str, Sequence[str | None]], list[int]]:
        columns: dict[str, Sequence[str | None]] = {**batch.columns}
        lines = batch.lines
        for name, value in self.config.constants.items():
            columns[name] = [text or value for text in columns[name]] if name in columns else [value] * len(lines)
        for name, meant in self.config.values.items():
            if name in columns:
                columns[name] = [None if text is None else meant.get(text, text) for text in columns[name]]
        if form := self.config.time_format:
            for name in _TIMES:
                if name in columns:
                    columns[name] = [None if text is None else _iso(text, form) for text in columns[name]]
        account = self.config.billing_account_id
        if account is None:
            return columns, lines
        # A usage report may leave the account out (rule R10); a bill that leaves it out is refused later.
        accounts = columns.get("BillingAccountId", [None] * len(lines))
        kept = [index for index, text in enumerate(accounts) if text in (account, None)]
        return {name: [texts[i] for i in kept] for name, texts in columns.items()}, [lines[i] for i in kept]


_TIMES = ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd")


@lru_cache(maxsize=1 << 16)
def _iso(text: str, form: str) -> str:
    """The time in ISO 8601; a text of another form stays as it is, and is refused with its line if it is none either."""
    found = _read_time(text, form)
    return text if found is None else found.isoformat()


def _read_time(text: str, form: str) -> datetime | None:
    try:
        found = datetime.strptime(text, form)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None
