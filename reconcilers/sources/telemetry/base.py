"""What telemetry readers share: keyed user hashes, and files as units of work.

Of files one unit is one: its key below ``uri``. A later delivery of the same key replaces it whole.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reconcilers import naming
from reconcilers.errors import PeriodIncomplete
from reconcilers.ingest import metering
from reconcilers.sources.contract import Expression, Source, SourceConfig, or_text
from reconcilers.sources.folders import Folder, open_folder

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull
    from reconcilers.periods import Period

USER_KEY_VARIABLE = "RECONCILE_USER_KEY"


def hash_user(user_id: str | None, key: bytes | None) -> str | None:
    """Keyed HMAC-SHA-256 of a user id; null without a key, so that a raw id is never stored."""
    return None if user_id is None or not key else hmac.new(key, user_id.encode(), hashlib.sha256).hexdigest()


#: Who and why (rule R32): the fields a call may take from its ancestors, and that a dialect's ``carriers`` may carry.
WHO_AND_WHY = (
    *("event_id", "run_id", "parent_run_id", "retry_of_run_id", "tenant_id", "customer_id", "user_id", "feature_id"),
    *("workflow", "prompt_version", "environment", "data_mode"),
)
#: Every field of a span that a dialect, or a company's own ``attributes``, may name.
FIELDS = (
    *WHO_AND_WHY,
    *("run_kind", "run_status", "service"),
    # What was called, and on whose account
    *("kind", "operation", "provider", "endpoint", "response_id", "model", "request_model"),
    *("billing_account_id", "sub_account_id", "cloud_account_id", "cloud_provider", "api_key_id"),
    *("service_tier", "batch", "context_band", "geography", "region", "speed"),
    # How it went, and how sure its numbers are
    *("stream", "error_type", "cache_hit", "usage_origin", "sampling_probability", "sampling_percent"),
    *("reported_cost", "reported_currency"),
    # What the machine it ran on was like: seconds in a queue, milliseconds of jitter, whether it was throttled
    *("queue_seconds", "jitter_ms", "throttled"),
    # How the event ended
    *("outcome", "outcome_final", "emitter", "outcome_value", "value_currency", "confidence", "reason"),
)
#: Everything a span may count. ``total`` is of both sides; ``reasoning`` are thoughts, ``tool`` tokens of a provider's own
#: tools; both may be inside a side or outside (rule R31). A modality's count is inside its side.
COUNTS = (
    *("input", "output", "total", "cache_read", "cache_write", "cache_write_5m", "cache_write_1h", "reasoning", "tool"),
    *("text_input", "image_input", "audio_input", "video_input", "text_output", "audio_output"),
    *("read_units", "write_units"),
)


@dataclass(frozen=True)
class Emitter:
    """What is known of one emitter, a row of a dialect's table of emitters (``dialects/<dialect>_emitters.csv``).

    ``scope`` is an instrumentation scope; ``versions`` a range of its version (``>=1.2,<2``; a span that tells no version is
    in none), ``provider`` (OpenTelemetry's spelling) and ``operation`` (lower case; of a span that tells none its whole name)
    narrow it, empty is any. Of the rows that fit a span, the one that says most of version, provider and operation counts, in
    this order, then the first.

    None is *not known*. ``counts_itself``: its counts are its own and not the provider's, ``always`` or of ``streamed`` calls,
    so they are *estimated*. ``over``: scopes whose one call a span of this emitter opens, repeats or lies over (rule R29).
    ``default_provider``: whom it calls where its spans tell no provider. ``zero_cost_is_unknown``: it tells a cost of 0 where it
    finds no price. ``provider_means``: whom it calls where it tells ``provider``, which to it is the word for several.
    ``counts_before``: what it counts contains calls of before that no span below it tells, so it counts nothing.
    """

    scope: str
    versions: str = ""
    provider: str = ""
    operation: str = ""
    input_contains_cache: bool | None = None
    output_contains_thoughts: bool | None = None
    tells_cache: bool | None = None
    counts_itself: Literal["always", "streamed"] | None = None
    over: tuple[str, ...] = ()
    default_provider: str = ""
    zero_cost_is_unknown: bool | None = None
    provider_means: str = ""
    counts_before: bool | None = None


def read_emitters(table: Path) -> tuple[Emitter, ...]:
    """A table of emitters: CSV with a header, ``yes``/``no``/empty (not known), scopes of ``over`` apart by blanks.

    ``provider_means`` and ``counts_before`` may be left out. Its other columns are for people (which span tells the call, what
    it tells, source and date of the observation).
    Raises ``ValueError`` naming the line for a word that is none of these.
    """
    words: dict[str, bool | None] = {"yes": True, "no": False, "": None}
    counting: dict[str, Literal["always", "streamed"] | None] = {"always": "always", "streamed": "streamed", "": None}
    found = []
    with table.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        for row in rows:
            try:
                found.append(
                    Emitter(
                        scope=row["scope"],
                        versions=row["versions"],
                        provider=row["provider"],
                        operation=row["operation"],
                        input_contains_cache=words[row["input_contains_cache"]],
                        output_contains_thoughts=words[row["output_contains_thoughts"]],
                        tells_cache=words[row["tells_cache"]],
                        counts_itself=counting[row["counts_itself"]],
                        over=tuple(row["over"].split()),
                        default_provider=row["default_provider"],
                        zero_cost_is_unknown=words[row["zero_cost_is_unknown"]],
                        provider_means=row.get("provider_means") or "",
                        counts_before=words[row.get("counts_before") or ""],
                    )
                )
            except KeyError as error:
                raise ValueError(f"{table.name} line {rows.line_num}: {error} is no column or no word of it") from None
    return tuple(found)


@dataclass(frozen=True)
class Dialect:
    """One vocabulary over the same span: which attribute says what. It may name a few fields only and works alone.

    ``attributes`` (of ``FIELDS`` → names) and ``counts`` (of ``COUNTS`` → names) list names in order of preference; the
    first one a span has is taken. The names of all dialects are read from every span, in the order in which a source
    lists the dialects. The span's own attribute goes before its event's, and that before its resource's. A name is

    - ``attribute``: as it stands;
    - ``event/attribute``: an attribute of a span's event;
    - ``attribute$``: a text that may be written as JSON (``"evt-1"``, quotes included);
    - ``attribute$.key.key``: what a JSON text has there.

    ``carriers`` are patterns of names with one ``*``, which stands for any name of a ``WHO_AND_WHY`` field in any dialect
    or setting: ``traceloop.association.properties.*``, ``langfuse.trace.metadata.*$``.

    ``recognised_by``: a span with one of these speaks the dialect, else one with a count of it, but for totals. ``run_span`` starts the name of a run's own span.
    ``kinds``: what a word of ``kind``, else of ``operation`` (lower case) says a span is: a ``model`` operation of its own
    (inference, embeddings, rerank), a ``tool``, or ``other`` (agent, workflow, chain). ``kinds_by_name`` is the same of a
    span's whole name, or a log record's event, for emitters that tell neither. ``uncounted_kinds`` are words of the dialect's
    own ``kind`` whose spans count no usage, whatever they carry: it is told as unread (rule R33).
    ``repeating_operations`` read a stored answer again and are never billed, whatever they carry.
    ``service_tiers`` and ``outcomes`` translate spellings (lower case); what is translated to None is not told. Spellings of
    providers are ``naming.PROVIDERS``, for all.

    The convention of rule R31, last in its order: the input count contains what is cached, unless the span has an
    attribute of ``exclusive_by``, or its provider is one of ``exclusive_providers``, whose own answers exclude it and are
    passed on, and the span has none of ``inclusive_by``, which only emitters that follow the convention write;
    ``passed_through_by`` are attributes of emitters that write what their caller passed, so that for them
    ``inclusive_by`` says nothing. Thoughts are inside the output. ``emitters`` is its table of emitters.
    ``ignored`` are attributes that look like counts or like an owner and are known to say nothing more: copies, sums,
    settings (rule R33, ``unread_usage``); one ending in a dot stands for all that start so.

    ``texts`` are attributes that hold prompts, completions, thoughts, tool arguments or results, never landed but for what is
    read inside of them as JSON; ``no_texts`` are known to hold none. One ending in a dot stands for all that start so (of
    ``no_texts`` but for those with a word of text), ``*`` for one word; the longest that fits counts. ``text_events`` are
    events whose content is a message. Of what neither names ``spans/texts.py`` judges by a rule.
    """

    name: str
    recognised_by: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    carriers: tuple[str, ...] = ()
    kinds: Mapping[str, Literal["model", "tool", "other"]] = field(default_factory=dict)
    kinds_by_name: Mapping[str, Literal["model", "tool", "other"]] = field(default_factory=dict)
    uncounted_kinds: tuple[str, ...] = ()
    repeating_operations: tuple[str, ...] = ()
    run_span: str | None = None
    service_tiers: Mapping[str, str | None] = field(default_factory=dict)
    outcomes: Mapping[str, str | None] = field(default_factory=dict)
    inclusive_by: tuple[str, ...] = ()
    exclusive_by: tuple[str, ...] = ()
    passed_through_by: tuple[str, ...] = ()
    exclusive_providers: tuple[str, ...] = ()
    emitters: tuple[Emitter, ...] = ()
    ignored: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    no_texts: tuple[str, ...] = ()
    text_events: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := sorted({*self.attributes} - {*FIELDS} | {*self.counts} - {*COUNTS}):
            raise ValueError(f"dialect {self.name}: not fields or counts of a span: {', '.join(unknown)}")


class TokenSemantics(BaseModel):
    """What a company knows of a scope's counts, before any other evidence (rule R31): whether its ``input`` counts contain
    what is cached (inclusive) or not, and its ``output`` counts the thoughts. One word is said of the input."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, json_schema_extra=or_text)

    input: Literal["inclusive", "exclusive"] | None = None
    """Whether input counts contain what is cached."""
    output: Literal["inclusive", "exclusive"] | None = None
    """Whether output counts contain the thoughts."""

    @model_validator(mode="before")
    @classmethod
    def _of_input(cls, value: Any) -> Any:
        return {"input": value} if isinstance(value, str) else value


class FileSourceConfig(SourceConfig):
    """Fields of every telemetry source that reads files."""

    uri: str = Field(exclude=True, examples=["telemetry"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    pattern: Expression = ".*"
    """A regular expression for whole keys below `uri`."""
    partition: str | None = Field(default=None, exclude=True, examples=["year=%Y/month=%m/day=%d/"])
    """The strftime form of the folder a day's files are in: with it only the folders of the asked days are listed."""
    late_days: int = Field(default=3, ge=0, le=400, exclude=True)
    """Days around the asked ones whose folders are listed too, because writers partition by upload time."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""


class TelemetrySource(Source):
    """A source that may see user ids; it stores their hashes under ``user_key``, or nothing without one."""

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self.user_key = os.environ.get(USER_KEY_VARIABLE, "").encode() or None

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*super().secrets, USER_KEY_VARIABLE)

    @abstractmethod
    def without_user(self, path: Path, name: str, user_id: str, out: BinaryIO) -> int:
        """Write the landed object at ``path`` anew without that user's id, and say how many lines told it.

        Nothing else changes: every line keeps its number, one that does not tell it its bytes. ``name`` is the object's in its
        pull. Raises ``SourceRejected`` where the id stands for something else, too, that would change with it.
        """

    @classmethod
    def readers(cls) -> set[Path]:
        """Also the spellings of providers, what says which records cannot be read, and what writes calls again as numbers."""
        return super().readers() | {Path(naming.__file__), Path(metering.__file__)}


class FileSource(TelemetrySource):
    """A source whose unit is one file. Subclasses say which files they accept and what rows are in them."""

    config: FileSourceConfig

    def units(self, period: Period) -> Iterable[str]:
        folder = self._folder()
        keys = {stored.key for prefix in self._prefixes(period) for stored in folder.list(prefix)}
        return sorted(key for key in keys if re.fullmatch(self.config.pattern, key))

    def lists(self, unit: str, period: Period) -> bool:
        return unit.startswith(tuple(self._prefixes(period)))

    def _prefixes(self, period: Period) -> list[str]:
        """The folders that may hold what was told of a period."""
        if not self.config.partition:
            return [""]
        days = period.widened(self.config.late_days, self.config.late_days).days()
        return list(dict.fromkeys(day.strftime(self.config.partition) for day in days))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        stored = folder.named(unit)
        with TemporaryDirectory() as work:
            if place := folder.in_place(stored):
                try:
                    with place as received:
                        accepted, noted = self.accept(unit, received, Path(work))
                        # As it was listed, so that nothing is landed that was not looked at.
                        content = folder.stream(stored) if accepted == received else accepted
                        pull.add(unit, stored.uri, content).meta.update(noted)
                    return
                except PeriodIncomplete:
                    # Its writer is at work: a copy takes less time than a look into it.
                    pull.objects.clear()
                    stored = folder.named(unit)
            with folder.copy(stored) as received:
                accepted, noted = self.accept(unit, received, Path(work))
                pull.add(unit, stored.uri, accepted).meta.update(noted)

    @abstractmethod
    def accept(
        self, unit: str, received: Path, work: Path
    ) -> tuple[Path | Iterator[bytes | memoryview], dict[str, str]]:
        """The file or the bytes to land for one received file, and what to note about it, which may be known only when all the bytes
        are. Raises ``SourceRejected`` for a bad file, here or with its last bytes.

        A file that must not be landed as it is may be rewritten in the folder ``work``.
        """

    def _folder(self) -> Folder:
        return open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)
