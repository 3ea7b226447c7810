"""A FOCUS bill (1.0 to 1.3) in files: CSV, plain or gzip, or Parquet, in a local folder or an S3 prefix.

One row of a file is one charge line: https://focus.finops.org/focus-specification/v1-2/. ``reconcilers/sources/focus.py`` says
which columns are read and what each means. With ``delivery: files`` every file is a unit of its own; with ``snapshot``
a unit is the period in the file's name, and a newer snapshot of it replaces the older one whole. Files that
``usage_report`` tells apart are no bill but the provider's own usage report (rule R10), in FOCUS columns without costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from reconcilers.errors import PeriodIncomplete, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import focus, folders, tabular
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull


class FocusFileConfig(SourceConfig):
    """Where the files are and how they are told apart.

    ``pattern`` is matched against the whole key below ``uri``. For ``snapshot`` it has a group ``period`` (``2026-09`` or
    ``2026-09-01``, with or without dashes) and may have a group ``version``: of one period the bytewise greatest counts.
    ``usage_report`` matches the keys of usage report files, each a unit of its own.
    ``columns`` names the file's own column for a FOCUS or ``x_`` column, ``constants`` gives a value for an absent one.
    ``billing_account_id`` keeps only the rows of that account (and usage report rows that name none).
    """

    uri: str
    pattern: str = r".*\.(csv|csv\.gz|csv\.zst|parquet)"
    usage_report: str | None = None
    delivery: Literal["files", "snapshot"] = "files"
    endpoint_url: str | None = None
    billing_account_id: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    @field_validator("columns", "constants")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(value) - set(focus.COLUMNS))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no column that is read; see reconcilers/sources/focus.py")
        return value

    @model_validator(mode="after")
    def _period_in_pattern(self) -> FocusFileConfig:
        try:
            groups = re.compile(self.pattern).groupindex
            re.compile(self.usage_report or "")
        except re.error as error:
            raise ValueError(f"pattern or usage_report is not a regular expression: {error}") from None
        if self.delivery == "snapshot" and "period" not in groups:
            raise ValueError("delivery snapshot needs a pattern with a group (?P<period>...)")
        return self


class FocusFile(Source):
    """FOCUS rows from files."""

    kind = "focus_file"
    Config = FocusFileConfig
    config: FocusFileConfig

    def units(self, period: Period) -> Iterator[str]:
        """Every file's key; for snapshots the periods in the names that touch ``period``, and every usage report."""
        for unit in self._delivered():
            whole_file = self.config.delivery == "files" or self._is_usage_report(unit)
            if whole_file or _overlap(_days(unit), period):
                yield unit

    def fetch(self, unit: str, pull: Pull) -> None:
        delivered = self._delivered().get(unit)
        if not delivered:
            raise PeriodIncomplete(
                "not delivered", source=self.name, period=unit, hint=f"no such file in {self.config.uri}"
            )
        folder = self._folder()
        for stored in delivered:
            with folder.copy(stored) as path:
                tabular.verify(path, stored.key, self._select(stored.key), source=self.name)
                pull.add(stored.key, stored.uri, path)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        report = focus.UsageReport(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                columns, lines = self._kept(batch)
                if lines and self._is_usage_report(item.name):
                    base = folders.line_base(index)
                    yield "provider_usage", report.table(columns, lines, file=item.name, line_base=base)
                elif lines:
                    yield "charges", charges.table(columns, lines, file=item.name, line_base=folders.line_base(index))

    def _is_usage_report(self, key: str) -> bool:
        return self.config.usage_report is not None and re.fullmatch(self.config.usage_report, key) is not None

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _delivered(self) -> dict[str, list[folders.StoredObject]]:
        """unit → the files it consists of."""
        units: dict[str, dict[str, list[folders.StoredObject]]] = {}
        for stored in self._folder().list():
            if self._is_usage_report(stored.key):
                units[stored.key] = {"": [stored]}
            elif match := re.fullmatch(self.config.pattern, stored.key):
                groups = match.groupdict()
                snapshot = self.config.delivery == "snapshot"
                unit = self._period(groups["period"], stored.key) if snapshot else stored.key
                units.setdefault(unit, {}).setdefault(groups.get("version") or "", []).append(stored)
        return {unit: versions[max(versions, key=str.encode)] for unit, versions in sorted(units.items())}

    def _period(self, text: str, key: str) -> str:
        digits = text.replace("-", "")
        try:
            if len(digits) == 6:
                return f"{date(int(digits[:4]), int(digits[4:]), 1):%Y-%m}"
            return date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}").isoformat()
        except ValueError:
            raise SourceRejected(
                f"the period {text!r:.40} in its name is no month or day",
                source=self.name,
                file=key,
                hint="check `pattern`",
            ) from None

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

    def _kept(self, batch: tabular.Batch) -> tuple[dict[str, list[str | None]], list[int]]:
        columns, lines = dict(batch.columns), batch.lines
        for name, value in self.config.constants.items():
            columns[name] = [text or value for text in columns[name]] if name in columns else [value] * len(lines)
        account = self.config.billing_account_id
        if account is None:
            return columns, lines
        # A usage report may leave the account out (rule R10); a bill that leaves it out is refused later.
        accounts = columns.get("BillingAccountId", [None] * len(lines))
        kept = [index for index, text in enumerate(accounts) if text in (account, None)]
        return {name: [texts[i] for i in kept] for name, texts in columns.items()}, [lines[i] for i in kept]


def _days(unit: str) -> Period:
    if len(unit) == 7:
        return Period.of_month(date.fromisoformat(f"{unit}-01"))
    return Period.of_day(date.fromisoformat(unit))


def _overlap(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end
