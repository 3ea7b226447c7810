"""A FOCUS bill (1.0 to 1.3) in files: CSV, plain or packed, or Parquet, in a local folder or an S3 prefix.

One row of a file is one charge line: https://focus.finops.org/focus-specification/v1-2/. ``reconcilers/sources/focus.py`` says
which columns are read and what each means. A *delivery* is one file, the numbered parts of one (``part_0.csv`` and
``part_1.csv``), or one version of a snapshot. With ``delivery: files`` every delivery is a unit of its own: month-to-date
files may overlap, since lines that are equal in two deliveries count once (rule R33). With ``snapshot`` a unit is the period
in the file's name, and of its versions the newest counts alone. Files that ``usage_report`` tells apart are no bill but the
provider's own usage report (rule R10), in FOCUS columns without costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

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
    """Where the files are and how they are told apart."""

    uri: str = Field(exclude=True, examples=["bills"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    pattern: str = r"(?i).*\.(csv(\.(gz|zst|zip))?|parquet)"
    """A regular expression for whole keys below `uri`. For `snapshot` it has a group `period` (`2026-09` or `2026-09-01`, with
    or without dashes) and may have a group `version`: of one period the newest counts, by date, time or number where every
    version is one, else by when its files were last modified. A group `part` says what in a key is the number of a part,
    where it is not written as exporters write it (`part_0`, `part-00001`, `part_0_0001`)."""
    usage_report: str | None = Field(default=None, examples=[".*usage.*"])
    """A regular expression for the keys of usage report files, each a unit of its own."""
    delivery: Literal["files", "snapshot"] = "files"
    """`files`: every file counts, lines that two tell once. `snapshot`: of a period's files the newest counts alone."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""
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
    begins = MappingProxyType({"": "uri: bills  # a folder, or s3://bucket/prefix\n"})
    config: FocusFileConfig

    def units(self, period: Period) -> Iterator[str]:
        """Every file's key; for snapshots the periods in the names that touch ``period``, and every usage report."""
        return (unit for unit in self._delivered() if self.lists(unit, period))

    def lists(self, unit: str, period: Period) -> bool:
        may_tell_of_any_day = self.config.delivery == "files" or self._is_usage_report(unit)
        return may_tell_of_any_day or super().lists(unit, period)

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """Of snapshots the periods in their names; files may tell of any day."""
        if self.config.delivery == "files":
            return iter((period,))
        return (days for unit in units if (days := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        delivered = self._delivered(unit).get(unit)
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

    def _is_usage_report(self, key: str) -> bool:
        return self.config.usage_report is not None and re.fullmatch(self.config.usage_report, key) is not None

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _delivered(self, wanted: str | None = None) -> dict[str, list[folders.StoredObject]]:
        """unit → the files it consists of; of units other than the ``wanted`` one the version does not matter.

        Raises ``SourceRejected`` where nothing tells which version of the wanted unit is the newest.
        """
        units: dict[str, dict[str, list[folders.StoredObject]]] = {}
        for stored in self._folder().list():
            if self._is_usage_report(stored.key):
                units[stored.key] = {"": [stored]}
            elif match := re.fullmatch(self.config.pattern, stored.key):
                groups = match.groupdict()
                snapshot = self.config.delivery == "snapshot"
                unit = self._period(groups["period"], stored.key) if snapshot else self._delivery(stored.key)
                version = groups.get("version") or "" if snapshot else ""
                units.setdefault(unit, {}).setdefault(version, []).append(stored)
        return {
            unit: self._newest(unit, versions) if unit == wanted else next(iter(versions.values()))
            for unit, versions in sorted(units.items())
        }

    def _delivery(self, key: str) -> str:
        """Which delivery a file is of: its key without the number of a part; of a snapshot's version all files are one."""
        match = re.fullmatch(self.config.pattern, key)
        told = match.groupdict() if match else {}
        if self.config.delivery == "snapshot" and told.get("version") is not None:
            return str(told["version"])
        if match and told.get("part") is not None:
            return key[: match.start("part")] + "*" + key[match.end("part") :]
        return _PART.sub("part*", key)

    def _newest(self, unit: str, versions: dict[str, list[folders.StoredObject]]) -> list[folders.StoredObject]:
        orders = {version: _order(version) for version in versions}
        # A day and a time of day, both written without a dash, are no numbers of one kind.
        shapes = {
            order and tuple(len(str(number)) if number >= 10**7 else 0 for number in order) for order in orders.values()
        }
        if len(shapes) == 1 and None not in shapes:
            ages: dict[str, Any] = orders
        else:
            ages = {version: max(stored.modified_at for stored in files) for version, files in versions.items()}
        newest, *others = sorted(versions, key=lambda version: ages[version], reverse=True)
        if others and ages[others[0]] == ages[newest]:
            raise SourceRejected(
                f"versions {newest!r:.60} and {others[0]!r:.60} were modified at the same time, so neither is the newest",
                source=self.name,
                period=unit,
                hint="a version must sort by time: let the group `version` take a date, a time or a number, or touch the newest",
            )
        return versions[newest]

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


#: The number of a part as exporters write it: ``part_0``, ``part-00001-c4f1``, ``part_0_0001`` (Azure), ``0003_part_00``, where Spark
#: numbers a part's tasks behind the job, too; ``000000000001`` (BigQuery); ``data_0_1_0`` (Snowflake).
_PART = re.compile(
    r"(?<![A-Za-z\d])(?:(?:\d{4}_)?part[_-]?\d+(?:[_-]\d+)*|0{4}\d{8}|data_\d+_\d+_\d+)(?![A-Za-z\d])"
    r"|(?<=-[a-f\d]{12})-\d+-\d+(?=-c\d)",
    re.IGNORECASE,
)
#: A random name (RFC 9562), which has no order though it may consist of digits.
_RANDOM = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_TIMES = ("BillingPeriodStart", "ChargePeriodStart", "ChargePeriodEnd")


def _order(version: str) -> tuple[int, ...] | None:
    """Numbers to order a version by: of a date, a time or a number (``20261103T040506Z``, ``v12``); null for any other name."""
    if _RANDOM.fullmatch(version) or not re.fullmatch(r"[vVrR]?\d+(?:[-_.:TtZz ]+\d+)*[Zz]?", version):
        return None
    return tuple(int(number) for number in re.findall(r"\d+", version))


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
