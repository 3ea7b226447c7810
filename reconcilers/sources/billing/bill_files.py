"""Bills in files of a folder: which files are one delivery, and which delivery counts. What a row of them is, others say.

A *delivery* is one file, the numbered parts of one (``part_0.csv`` and ``part_1.csv``), or one version of a snapshot. With
``delivery: files`` every delivery is a unit of its own: month-to-date files may overlap, since lines that are equal in two
deliveries count once (rule R33). With ``snapshot`` a unit is the period in the file's name, and of its versions the newest
counts alone. Files that ``usage_report`` tells apart are no bill but the provider's own usage report (rule R10); sources that
read no such report are ``DeliveredFiles``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from reconcilers.errors import PeriodIncomplete, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import folders
from reconcilers.sources.contract import Expression, Source, SourceConfig

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull


class DeliveredFilesConfig(SourceConfig):
    """Where the files are and how they are told apart."""

    uri: str = Field(exclude=True, examples=["bills"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    pattern: Expression = r"(?i).*\.(csv(\.(gz|zst|zip))?|parquet)"
    """A regular expression for whole keys below `uri`. For `snapshot` it has a group `period` (`2026-09` or `2026-09-01`, with
    or without dashes) and may have a group `version`: of one period the newest counts, by date, time or number where every
    version is one, else by when its files were last modified. A group `part` says what in a key is the number of a part,
    where it is not written as exporters write it (`part_0`, `part-00001`, `part_0_0001`)."""
    delivery: Literal["files", "snapshot"] = "files"
    """`files`: every file counts, lines that two tell once. `snapshot`: of a period's files the newest counts alone."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""

    @model_validator(mode="after")
    def _period_in_pattern(self) -> Self:
        if self.delivery == "snapshot" and "period" not in re.compile(self.pattern).groupindex:
            raise ValueError("delivery snapshot needs a pattern with a group (?P<period>...)")
        return self


class DeliveredFiles(Source):
    """A bill in files. Subclasses say what a row is."""

    config: DeliveredFilesConfig

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
                pull.add(stored.key, stored.uri, path)

    def _is_usage_report(self, key: str) -> bool:
        """Whether a file is no bill but a usage report, and so a unit of its own."""
        return False

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


class BillFilesConfig(DeliveredFilesConfig):
    """The same, with usage reports among them."""

    usage_report: Expression | None = Field(default=None, examples=[".*usage.*"])
    """A regular expression for the keys of usage report files, each a unit of its own."""


class BillFiles(DeliveredFiles):
    """A bill in files, and usage reports beside it."""

    config: BillFilesConfig

    def _is_usage_report(self, key: str) -> bool:
        return self.config.usage_report is not None and re.fullmatch(self.config.usage_report, key) is not None


#: The number of a part as exporters write it: ``part_0``, ``part-00001-c4f1``, ``part_0_0001`` (Azure), ``0003_part_00``, where Spark
#: numbers a part's tasks behind the job, too; ``000000000001`` (BigQuery); ``data_0_1_0`` (Snowflake).
_PART = re.compile(
    r"(?<![A-Za-z\d])(?:(?:\d{4}_)?part[_-]?\d+(?:[_-]\d+)*|0{4}\d{8}|data_\d+_\d+_\d+)(?![A-Za-z\d])"
    r"|(?<=-[a-f\d]{12})-\d+-\d+(?=-c\d)",
    re.IGNORECASE,
)
#: A random name (RFC 9562), which has no order though it may consist of digits.
_RANDOM = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def _order(version: str) -> tuple[int, ...] | None:
    """Numbers to order a version by: of a date, a time or a number (``20261103T040506Z``, ``v12``); null for any other name."""
    if _RANDOM.fullmatch(version) or not re.fullmatch(r"[vVrR]?\d+(?:[-_.:TtZz ]+\d+)*[Zz]?", version):
        return None
    return tuple(int(number) for number in re.findall(r"\d+", version))
