"""What telemetry readers share: keyed user hashes, and files as units of work.

Of files one unit is one: its key below ``uri``. A later delivery of the same key replaces it whole.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from reconcilers import naming
from reconcilers.errors import SourceRejected
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.folders import Folder, open_folder

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull
    from reconcilers.periods import Period

USER_KEY_VARIABLE = "RECONCILE_USER_KEY"


def hash_user(user_id: str | None, key: bytes | None) -> str | None:
    """Keyed HMAC-SHA-256 of a user id; null without a key, so that a raw id is never stored."""
    return None if user_id is None or not key else hmac.new(key, user_id.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Dialect:
    """One vocabulary over the same span: which attribute says what. ``otlp.py`` says what each field means.

    ``attributes`` (field → names) and ``counts`` (what is counted → names) list names in order of preference; the first
    one a span has is taken. ``event/attribute`` names an attribute of a span's event. The span's own attribute goes
    before its event's, and that before its resource's.

    ``recognised_by``: a span with one of these speaks the dialect. ``run_span`` starts the name of a run's own span.
    ``billable_operations`` may carry billed usage; ``repeating_operations`` never do, whatever they carry.
    ``service_tiers`` and ``outcomes`` translate spellings; what is translated to None is not told.

    Whether the input count contains the cached tokens: ``inclusive_by`` names attributes only emitters that follow the
    convention write (it does), ``passed_through_by`` attributes of emitters that write what their caller passed.
    ``exclusive_providers`` exclude cached tokens from the count in their own answers, which all other emitters pass on,
    but for ``inclusive_scopes``, which add them up.
    """

    name: str
    recognised_by: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    counts: Mapping[str, tuple[str, ...]]
    billable_operations: tuple[str, ...]
    repeating_operations: tuple[str, ...] = ()
    run_span: str | None = None
    service_tiers: Mapping[str, str | None] = field(default_factory=dict)
    outcomes: Mapping[str, str | None] = field(default_factory=dict)
    inclusive_by: tuple[str, ...] = ()
    passed_through_by: tuple[str, ...] = ()
    inclusive_scopes: tuple[str, ...] = ()
    exclusive_providers: tuple[str, ...] = ()


class FileSourceConfig(SourceConfig):
    """Fields of every telemetry source that reads files.

    ``uri`` is a folder or ``s3://bucket/prefix``; ``pattern``, a regular expression, matches whole keys below it.
    ``partition`` is the strftime form of the folder a day's files are in (``year=%Y/month=%m/day=%d/``): with it only
    the folders of the asked days are listed, widened by ``late_days``, because writers partition by upload time.
    """

    uri: str
    pattern: str = ".*"
    partition: str | None = None
    late_days: int = Field(default=3, ge=0, le=400)
    endpoint_url: str | None = None

    @field_validator("pattern")
    @classmethod
    def _is_expression(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class TelemetrySource(Source):
    """A source that may see user ids; it stores their hashes under ``user_key``, or nothing without one."""

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self.user_key = os.environ.get(USER_KEY_VARIABLE, "").encode() or None

    @classmethod
    def readers(cls) -> set[Path]:
        """Also the spellings of providers."""
        return super().readers() | {Path(naming.__file__)}


class FileSource(TelemetrySource):
    """A source whose unit is one file. Subclasses say which files they accept and what rows are in them."""

    config: FileSourceConfig

    def units(self, period: Period) -> Iterable[str]:
        prefixes = [""]
        if self.config.partition:
            days = period.widened(self.config.late_days, self.config.late_days).days()
            prefixes = list(dict.fromkeys(day.strftime(self.config.partition) for day in days))
        folder = self._folder()
        keys = {stored.key for prefix in prefixes for stored in folder.list(prefix)}
        return sorted(key for key in keys if re.fullmatch(self.config.pattern, key))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        stored = next((found for found in folder.list(unit) if found.key == unit), None)
        if stored is None:
            raise SourceRejected("the file is gone", source=self.name, file=unit, hint="run again; a writer renamed it")
        with TemporaryDirectory() as work:
            received = Path(work) / "received"
            with received.open("wb") as out:
                out.writelines(folder.stream(stored))
            accepted, noted = self.accept(unit, received, Path(work))
            pull.add(unit, stored.uri, accepted, **noted)

    @abstractmethod
    def accept(self, unit: str, received: Path, work: Path) -> tuple[Path, dict[str, str]]:
        """The file to land for one received file, and what to note about it. Raises ``SourceRejected`` for a bad one.

        A file that must not be landed as it is may be rewritten in the folder ``work``.
        """

    def _folder(self) -> Folder:
        return open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)
