"""Which run of an Azure export is a month: the newest, whole, and nothing of any other.

A run of an export of a month to date writes the month again, into a folder of its own or over the one before. It writes its
``manifest.json`` after its partitions and names them in it, so a run without one is still being written, and what an
overwritten one left behind is in no manifest. Names of runs are random; when they were submitted stands in their manifests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.periods import Period, parse_instant
from reconcilers.sources import folders, http

MANIFEST = "manifest.json"
#: The folder of a run's days, ``20260901-20260930``, wherever in a key.
_DAYS = re.compile(r"(?:^|/)((\d{8})-\d{8})/")
_FILE = re.compile(r"(?i).*\.(csv(\.gz)?|parquet)")
#: A partition: ``part_0_0001.csv``, which counts from 1 within what is before it.
_PARTITION = re.compile(r"(?i)(.*part_\d+_)(\d{4})(\.(?:csv|parquet|snappy).*)")


@dataclass(frozen=True)
class Run:
    """What one run delivered of a month: its manifest, null where runs have none, and its partitions."""

    manifest: folders.StoredObject | None
    content: bytes
    files: tuple[folders.StoredObject, ...]


@dataclass(frozen=True)
class Export:
    """The folder of one export of a ``dataset`` as manifests name it; without ``manifests`` the times of files tell runs apart, and a
    manifest among them is not read."""

    source: str
    uri: str
    dataset: str
    manifests: bool
    endpoint_url: str | None

    @cached_property
    def folder(self) -> folders.Folder:
        return folders.open_folder(self.uri, endpoint_url=self.endpoint_url, source=self.source)

    def months(self) -> dict[str, list[folders.StoredObject]]:
        """Month → what is delivered for it. Raises ``SourceRejected`` where the folder holds more than one export."""
        months: dict[str, list[folders.StoredObject]] = {}
        exports: set[str] = set()
        for stored in self.folder.list():
            if (found := _DAYS.search(stored.key)) and self._tells(stored.key):
                exports.add(stored.key[: found.start(1)])
                months.setdefault(self._month(found, stored.key), []).append(stored)
        if len(exports) > 1:
            named = ", ".join(sorted(name.rstrip("/") or "." for name in exports))
            raise SourceRejected(
                f"{self.uri} holds several exports: {named:.200}",
                source=self.source,
                hint="set uri to the folder of one; two of one account tell the same usage",
            )
        return months

    def _tells(self, key: str) -> bool:
        """Whether a file is read: a partition, or a manifest where those count."""
        return _FILE.fullmatch(key) is not None or (self.manifests and key.endswith(f"/{MANIFEST}"))

    def _month(self, found: re.Match[str], key: str) -> str:
        """The month a folder is of. A run of some days of a month tells as little about it as one of several months."""
        try:
            month = Period.of_month(date.fromisoformat(found[2]))
        except (ValueError, OverflowError):
            month = None
        if month is None or found[1] != f"{month.start:%Y%m%d}-{month.end - timedelta(days=1):%Y%m%d}":
            raise SourceRejected(
                f"its folder {found[1]} is not of one month",
                source=self.source,
                file=key,
                hint="an export that is read here is of the month to date or of the last month; move others elsewhere",
            )
        return f"{month.start:%Y-%m}"

    def newest(self, unit: str) -> Run:
        """What the newest run wrote of a month, every partition of it."""
        delivered = self.months().get(unit, [])
        runs: dict[str, list[folders.StoredObject]] = {}
        for stored in delivered:
            runs.setdefault(stored.key.rpartition("/")[0], []).append(stored)
        if self.manifests:
            return self._stated_run(unit, runs)
        # Without partitions a run is a file of its own in the folder of the month.
        single = {
            stored.key: [stored] for files in runs.values() for stored in files if not _PARTITION.fullmatch(stored.key)
        }
        parted = {key: [one for one in files if _PARTITION.fullmatch(one.key)] for key, files in runs.items()}
        return self._last_written(unit, single | parted)

    def _stated_run(self, unit: str, runs: dict[str, list[folders.StoredObject]]) -> Run:
        """The run of the newest manifest, by when it says it was submitted, else by when it was written."""
        found = [stored for files in runs.values() for stored in files if stored.key.endswith(f"/{MANIFEST}")]
        if not found:
            hint = "Azure writes it last; run again later, or set `manifests: false` where there is none"
            raise self._incomplete(unit, f"no {MANIFEST}", None, hint)
        contents = {stored: self.folder.read(stored) for stored in found}
        bodies = {
            stored: http.parse_json(content, source=self.source, file=stored.key)
            for stored, content in contents.items()
        }
        submitted = {stored: _submitted(body) for stored, body in bodies.items()}
        told = None not in submitted.values()
        newest = max(found, key=lambda one: (submitted[one] if told else one.modified_at, one.modified_at, one.key))
        files = {stored.key: stored for stored in runs[newest.key.rpartition("/")[0]]}
        keys = self._named(bodies[newest], newest.key, unit)
        if absent := next((key for key in keys if key not in files), None):
            raise self._incomplete(unit, f"the manifest names {absent}, which is not there", newest.key)
        return Run(newest, contents[newest], tuple(files[key] for key in keys))

    def _named(self, body: Any, name: str, unit: str) -> list[str]:
        """The keys of the partitions a manifest names, in its order: all in its own folder, none twice."""
        blobs = body.get("blobs") if isinstance(body, dict) else None
        if not isinstance(blobs, list) or not all(isinstance(_entry(blob, "blobName"), str) for blob in blobs):
            raise SourceChangedShape("the manifest has no list blobs", source=self.source, period=unit, file=name)
        told, of = _entry(body, "exportConfig", "type"), self.dataset
        if told is not None and str(told).lower() != of.lower():
            raise SourceRejected(
                f"the export is of {told!s:.40}, not of {of}",
                source=self.source,
                period=unit,
                file=name,
                hint="set `dataset` to what is exported",
            )
        if (count := body.get("blobCount", len(blobs))) != len(blobs):
            raise SourceRejected(
                f"the manifest names {len(blobs)} of {count!s:.20} partitions",
                source=self.source,
                period=unit,
                file=name,
                hint="have the export run again",
            )
        if not blobs and body.get("dataRowCount") != 0:
            raise self._incomplete(unit, "the manifest names no partition", name)
        own = name.rpartition("/")[0]
        keys = []
        for blob in blobs:
            text = folders.check_key(str(_entry(blob, "blobName")), self.source)
            key = f"{own}/{text.rpartition('/')[2]}"
            # A copy keeps what is below the folder of the month; what is above it in the container may be another.
            days = _DAYS.search(text)
            if days is None or not f"/{key}".endswith("/" + text[days.start(1) :]) or key in keys:
                raise SourceRejected(
                    f"the manifest names {text:.200}, which is not in its folder, or twice",
                    source=self.source,
                    period=unit,
                    file=name,
                )
            keys.append(key)
        return keys

    def _last_written(self, unit: str, runs: dict[str, list[folders.StoredObject]]) -> Run:
        """The run that was written last. Raises where a partition before another is missing, or nothing tells which run it is."""
        ages = {name: max(one.modified_at for one in files) for name, files in runs.items() if files}
        newest, *others = sorted(ages, key=lambda name: ages[name], reverse=True) or [""]
        if not newest:
            raise self._incomplete(unit, "no file", None)
        if others and ages[others[0]] == ages[newest]:
            raise SourceRejected(
                f"{newest:.80} and {others[0]:.80} were modified at the same time, so neither is the newest",
                source=self.source,
                period=unit,
                hint="touch the newest, or copy the manifests with the files",
            )
        numbers: dict[str, list[int]] = {}
        for stored in runs[newest]:
            if found := _PARTITION.fullmatch(stored.key):
                numbers.setdefault(found[1], []).append(int(found[2]))
        for before, told in numbers.items():
            if sorted(told) != list(range(1, len(told) + 1)):
                raise self._incomplete(unit, f"a partition before {before}{max(told):04} is missing", None)
        return Run(None, b"", tuple(sorted(runs[newest], key=lambda stored: stored.key)))

    def _incomplete(self, unit: str, problem: str, file: str | None, hint: str | None = None) -> PeriodIncomplete:
        return PeriodIncomplete(
            problem,
            source=self.source,
            period=unit,
            file=file,
            hint=hint or f"a delivery is in flight; run again later; see {self.uri}",
        )


def _entry(body: Any, *names: str) -> Any:
    """What stands under the names, one within the other; null where nothing does."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _submitted(body: Any) -> datetime | None:
    told = _entry(body, "runInfo", "submittedTime")
    try:
        return parse_instant(told) if isinstance(told, str) else None
    except ValueError:
        return None


def stated_rows(body: Any) -> tuple[dict[str, int], int | None]:
    """How many rows a manifest states of each of its partitions, by the name of the file, and of all; null where it does not."""
    blobs, of_all = _entry(body, "blobs"), _entry(body, "dataRowCount")
    of_each = {
        str(_entry(blob, "blobName")).rpartition("/")[2]: rows
        for blob in (blobs if isinstance(blobs, list) else [])
        if isinstance(rows := _entry(blob, "dataRowCount"), int)
    }
    return of_each, of_all if isinstance(of_all, int) else None
