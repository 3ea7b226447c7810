"""``kind: otlp`` — trace and log files in OTLP, as OpenTelemetry Collectors write them to folders and buckets.

    - name: agent_traces
      kind: otlp
      uri: s3://acme-telemetry/traces
      pattern: .*/traces_.*\\.json(\\.gz)?
      partition: year=%Y/month=%m/day=%d/

A file is JSON lines, one JSON document, or one message in protobuf; plain, gzip, zstd, or the file exporter's ``compression: zstd``
or ``format: proto``, in which every message comes after its length in four bytes (big-endian). A *line* of it is a line, the
document, or a message, counted from 1; of protobuf it is the message as OTLP/JSON. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding

``dialects`` says which vocabularies to read, by the name of their module; each span is read by the names of all of them,
and the first that tells a field counts. ``attributes`` adds a company's own attribute names, which go before the
dialects': ``{feature_id: [acme.feature]}``; ``outcomes`` its own words for an outcome: ``{resolved: success}``;
``token_semantics`` decides for a scope name whether its input counts contain the cached tokens, and its output counts the
thoughts: ``{acme.llm: exclusive, acme.agent: {input: inclusive, output: exclusive}}``.

Prompt and completion text is never landed. What is read stays, and of all else what may be an id, a name, a number, a time
or a status; what is longer, or under a name of text, does not (``spans/texts.py``). A file that has some is landed without
it, and ``removed`` in what is noted about the object counts the attributes, events and other parts; the same file gives the
same bytes again. ``keep`` declares attributes that are not read and whose text may be landed however long it is, ``remove``
further attributes of text; one ending in a dot stands for all that start with it, and ``remove`` goes first.

What a span counts that lost attributes (``droppedAttributesCount``) is estimated, since what it lost may be a count; one that
counts nothing is a call whose usage is missing (D77).

A file is a stream of independent records: what of it cannot be read is a row of ``rejected_records``, all else counts
(rule R33). A record that tells a count that is none is a call whose usage is not known. Only a file without any line that
can be read is refused. Numbers that look like usage and that nobody reads are rows of ``unread_usage``.

In ``spans``: ``files`` reads lines, ``protobuf`` makes them of messages, ``logs`` makes log records spans, ``prompts`` finds text, ``attributes`` makes spans columns,
``query`` with ``counts`` and ``emitters`` says what they mean, ``entities`` makes them rows; amounts stay text until they are
exact. Of files of some megabytes nearly every line is walked once by ``kernel``, which is compiled: ``scan`` and ``removal`` make
of that what ``attributes`` and ``prompts`` would. ``users`` takes one user's id out of what landed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal

from pydantic import Field, field_validator

from reconcilers.errors import SourceRejected
from reconcilers.ingest.proofs import sha256_of
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.folders import line_base
from reconcilers.sources.rejected import Rejections
from reconcilers.sources.telemetry.base import COUNTS, FIELDS, Dialect, FileSource, FileSourceConfig, TokenSemantics
from reconcilers.sources.telemetry.spans.attributes import gathered
from reconcilers.sources.telemetry.spans.entities import Entities, UnreadUsage
from reconcilers.sources.telemetry.spans.files import ahead, is_packed, packed, read_lines
from reconcilers.sources.telemetry.spans.prompts import Found, TextFilter
from reconcilers.sources.telemetry.spans.query import Spans, Vocabulary, reader
from reconcilers.sources.telemetry.spans.scan import blocks, is_worth_compiling
from reconcilers.sources.telemetry.spans.texts import TextNames, known_dialects
from reconcilers.sources.telemetry.spans.users import UserNames

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

#: Of a span that speaks two vocabularies the first is the one it is said to speak; its facts are read by the names of all.
#: OpenTelemetry's own stand near the end, because frameworks write some of them beside their own; bare names are last.
DIALECTS = (
    *("botanu", "langfuse", "vercel_ai", "openinference", "litellm", "traceloop", "otel_genai", "coding_agents"),
)
#: Planning the query over spans takes as long as running it over fifteen thousand of them.
_ROWS = 100_000


class OtlpConfig(FileSourceConfig):
    """Where the files are, and what spans say beyond the vocabularies."""

    dialects: tuple[str, ...] = Field(default=DIALECTS, min_length=1)
    """The vocabularies to read; each span is read by the names of all of them, and the first that tells a field counts."""
    attributes: dict[str, tuple[str, ...]] = Field(default={}, examples=[{"feature_id": ["acme.feature"]}])
    """A company's own attribute names of a field, which go before the dialects'."""
    outcomes: dict[str, Literal["success", "failure", "partial"]] = Field(
        default={}, examples=[{"resolved": "success"}]
    )
    """A company's own words for an outcome."""
    token_semantics: dict[str, TokenSemantics] = Field(
        default={}, examples=[{"acme.llm": "exclusive", "acme.agent": {"input": "inclusive", "output": "exclusive"}}]
    )
    """Whether a scope's input counts contain the cached tokens, and its output counts the thoughts."""
    keep: tuple[str, ...] = Field(default=(), examples=[["acme.note"]])
    """Attributes that hold no prompt or completion and are landed though they are not read and longer than an id; one ending in
    a dot stands for all that start with it."""
    remove: tuple[str, ...] = Field(default=(), examples=[["acme.prompt."]])
    """Further attributes that hold text, which is never landed; one ending in a dot stands for all that start with it."""

    @field_validator("dialects")
    @classmethod
    def _are_dialects(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            dialect_named(name)
        return names

    @field_validator("attributes")
    @classmethod
    def _are_fields(cls, attributes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if unknown := sorted(set(attributes) - {*FIELDS, *COUNTS}):
            raise ValueError(f"not fields of a span: {', '.join(unknown)}; use {', '.join(sorted((*FIELDS, *COUNTS)))}")
        return attributes


def dialect_named(name: str) -> Dialect:
    """The vocabulary in the module ``name`` of ``dialects``. Raises ``ValueError`` for a name that is none."""
    if name.isidentifier() and not name.startswith("_"):
        try:
            found = getattr(importlib.import_module(f"reconcilers.sources.telemetry.dialects.{name}"), "DIALECT", None)
        except ModuleNotFoundError:
            found = None
        if isinstance(found, Dialect):
            return found
    raise ValueError(f"{name!r:.60} is not a dialect")


class Otlp(FileSource):
    """Trace and log files in OTLP; see the module's docstring."""

    kind: ClassVar[str] = "otlp"
    reads_side_by_side = True
    begins = MappingProxyType({"": "uri: traces  # a folder, or s3://bucket/prefix\n"})
    Config: ClassVar[type[SourceConfig]] = OtlpConfig
    config: OtlpConfig

    @classmethod
    def readers(cls) -> set[Path]:
        """Also the vocabularies and the machinery that reads traces by them."""
        here = Path(__file__).parent
        return super().readers() | {*here.glob("dialects/*.*"), *here.glob("spans/*.*")}

    def accept(
        self, unit: str, received: Path, work: Path
    ) -> tuple[Path | Iterator[bytes | memoryview], dict[str, str]]:
        """The received file when it is whole and holds no text; else its bytes without the text and what cannot be read.

        They have one message a line, blank lines kept, so that lines keep their numbers, and are packed with zstd when
        the received file was packed. Their numbers with a fraction are JSON strings, as OTLP allows, to keep every digit.
        In place of a line that cannot be read it says why and how long that was: what it holds may be text. Raises
        ``SourceRejected`` for a file of which no line can be read.
        """
        found = Found()
        pieces = TextFilter(self.name, self._text_names).without_text(received, unit, found)
        for before, piece in enumerate(pieces):
            if found:
                # Nearly always it is the first piece that holds some; those before it are made again.
                again = TextFilter(self.name, self._text_names).without_text(received, unit, Found())
                noted = {"rewritten": "without prompt and completion text", "received_sha256": sha256_of(received)}
                return self._rewritten(received, chain(islice(again, before), [piece], pieces), found, noted), noted
        return received, {}

    def _rewritten(
        self, received: Path, pieces: Iterator[bytes | memoryview], found: Found, noted: dict[str, str]
    ) -> Iterator[bytes | memoryview]:
        yield from packed(pieces, is_packed(received))
        noted["removed"] = str(found.removed)
        if found.unreadable:
            noted["unreadable"] = str(found.unreadable)

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th message of the file, in whatever packing it came."""
        for number, content in read_lines(path, name, self.name):
            if number == line:
                return content.decode("utf-8", "replace").strip()
        raise SourceRejected(f"no line {line}", source=self.name, file=name, hint="landing was changed; restore it")

    def without_user(self, path: Path, name: str, user_id: str, out: BinaryIO) -> int:
        found = 0

        def messages() -> Iterator[bytes]:
            nonlocal found
            written = 0
            for line, content in read_lines(path, name, self.name):
                without = self._user_names.without(content, user_id, name, line)
                found += without is not None
                kept = (content if without is None else without).rstrip(b"\r\n")
                # A message in a frame of its own may run over several lines; no text of it has a line break.
                yield b"\n" * (line - written - 1) + kept.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
                written = line

        out.writelines(packed(messages(), is_packed(path)))
        return found

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        rejections = Rejections(self.name, landed.landing_id)
        unread = UnreadUsage(self.name, landed.landing_id)
        constants = {"source": self.name, "landing_id": landed.landing_id}
        compiled = is_worth_compiling(sum(item.bytes for item in landed.objects))
        read = self.config.model_dump_json(include={"dialects", "attributes", "token_semantics"})
        with reader(
            f"{compiled} {read}", lambda: Spans(self._dialects, self.config.token_semantics, compiled)
        ) as spans:
            for index, item in enumerate(landed.objects):
                rejected = partial(rejections.add, item.name)
                # Reading, parsing and meaning each have a batch in hand at the same time.
                lines = ahead(blocks(landed.path(item), item.name, self.name, compiled))
                parsed = (part for block in lines for part in spans.parse(block, line_base(index), rejected))
                entities = Entities(constants, self._outcomes, self.user_key, rejected)
                for attributes in ahead(gathered(parsed, _ROWS)):
                    meaning = spans.read(attributes)
                    unread.add(meaning)
                    yield from ((entity, rows) for entity, rows in entities.of(meaning) if rows.num_rows)
        if rejections.rows:
            yield "rejected_records", rejections.table()
        if unread.found:
            yield "unread_usage", unread.table()

    @cached_property
    def _outcomes(self) -> dict[str, str | None]:
        words: dict[str, str | None] = {}
        for dialect in reversed(self._dialects):
            words |= dialect.outcomes
        return words | {word.lower(): outcome for word, outcome in self.config.outcomes.items()}

    @cached_property
    def _text_names(self) -> TextNames:
        """What is text does not depend on the dialects a source reads, so that it may read others one day."""
        return TextNames(Vocabulary([*self._dialects, *known_dialects()]).names(), self.config.keep, self.config.remove)

    @cached_property
    def _user_names(self) -> UserNames:
        """What tells a user's id does not depend on the dialects a source reads; what tells something else does."""
        users = Vocabulary([*self._dialects, *known_dialects()]).attributes["user_id"]
        read = Vocabulary(self._dialects)
        others = [names for field, names in read.attributes.items() if field != "user_id"]
        return UserNames(self.name, users, chain(*others, *read.counts.values()))

    @cached_property
    def _dialects(self) -> list[Dialect]:
        """The configured dialects with the company's own attribute names before theirs."""
        from dataclasses import replace

        own = self.config.attributes
        marks = [name for told in ("event_id", "run_id", *COUNTS) for name in own.get(told, ())]
        return [
            replace(
                dialect,
                recognised_by=(*marks, *dialect.recognised_by),
                attributes={n: own.get(n, ()) + dialect.attributes.get(n, ()) for n in FIELDS},
                counts={n: own.get(n, ()) + dialect.counts.get(n, ()) for n in COUNTS},
            )
            for dialect in map(dialect_named, self.config.dialects)
        ]
