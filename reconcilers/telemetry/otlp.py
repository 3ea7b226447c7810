"""``kind: otlp`` — trace files in OTLP/JSON, as OpenTelemetry Collectors write them to folders and buckets.

    - name: agent_traces
      kind: otlp
      uri: s3://acme-telemetry/traces
      pattern: .*/traces_.*\\.json(\\.gz)?
      partition: year=%Y/month=%m/day=%d/

A file is JSON lines, or one JSON document; plain, gzip, zstd, or the file exporter's ``compression: zstd``, in which
every message is a zstd frame after its length in four bytes (big-endian). A *line* of it is a line, the document, or a
message, counted from 1. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding

``dialects`` says which vocabularies to read, by the name of their module: the first that recognises a span takes it.
``attributes`` adds a company's own attribute names, which go before the dialects': ``{feature_id: [acme.feature]}``;
``outcomes`` its own words for an outcome: ``{resolved: success}``; ``token_semantics`` decides for a scope name whether
its input counts contain the cached tokens: ``{acme.llm: exclusive}``.

Prompt and completion text is never landed. A file that has some is landed without the attributes and events that hold
it, and ``removed`` in what is noted about the object counts them; the same file gives the same bytes again.
``remove`` names further attributes that hold text; one ending in a dot stands for all that start with it.

One DuckDB pass over each batch of lines parses, looks up and partitions; amounts stay text until they are exact.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import Field, field_validator

from reconcilers.errors import SourceRejected
from reconcilers.lake import schema
from reconcilers.money import parse_amount, round_half_away
from reconcilers.objects import line_base, open_unpacked, split_line
from reconcilers.source import SourceConfig
from reconcilers.telemetry.base import PROVIDER_ALIASES, Dialect, FileSource, FileSourceConfig, hash_user
from reconcilers.telemetry.otel_genai import NO_TEXT, TEXT_ATTRIBUTES, TEXT_EVENTS

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.landing import Landed

Span = dict[str, Any]
_T = TypeVar("_T")

#: A Collector accepts messages of 4 MiB unless told otherwise.
MAX_MESSAGE_BYTES = 64 << 20
#: What no single operation exceeds, in any meter's own unit; sums of it must stay in INT64 (rule R17).
MAX_COUNT = 10**12

_BATCH_BYTES = 24 << 20
_CHUNK_BYTES = 2 << 20
_ROWS = 50_000
_MEMORY_LIMIT = "2GB"
_ZSTD_MAGIC, _GZIP_MAGIC = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
#: One compressed zstd block of 4 bytes may unpack to 128 KiB, so input is fed in small pieces.
_ZSTD_FEED = 512
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SIGNALS = {"resourceLogs": "logs", "resourceMetrics": "metrics", "resourceProfiles": "profiles"}
_EMITTERS = frozenset({"system_of_record", "human", "evaluator", "sdk"})
_DAMAGED = "ask for the file again; it is damaged, or its writer was stopped or is still writing"
#: Between quotes inside a JSON string stands a backslash, so this finds keys only.
_FRACTION = re.compile(rb'"doubleValue"\s*:\s*(-?[0-9][0-9.eE+-]*)')


class OtlpConfig(FileSourceConfig):
    """See the module's docstring."""

    dialects: tuple[str, ...] = Field(default=("botanu", "otel_genai"), min_length=1)
    attributes: dict[str, tuple[str, ...]] = Field(default={})
    outcomes: dict[str, Literal["success", "failure", "partial"]] = Field(default={})
    token_semantics: dict[str, Literal["inclusive", "exclusive"]] = Field(default={})
    remove: tuple[str, ...] = ()

    @field_validator("dialects")
    @classmethod
    def _are_dialects(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            dialect_named(name)
        return names

    @field_validator("attributes")
    @classmethod
    def _are_fields(cls, attributes: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        dialect = dialect_named("otel_genai")
        fields = {*dialect.attributes, *dialect.counts}
        if unknown := sorted(set(attributes) - fields):
            raise ValueError(f"not fields of a span: {', '.join(unknown)}; use {', '.join(sorted(fields))}")
        return attributes


def dialect_named(name: str) -> Dialect:
    """The vocabulary in the module ``name`` of this room. Raises ``ValueError`` for a name that is none."""
    if name.isidentifier() and not name.startswith("_"):
        try:
            found = getattr(importlib.import_module(f"reconcilers.telemetry.{name}"), "DIALECT", None)
        except ModuleNotFoundError:
            found = None
        if isinstance(found, Dialect):
            return found
    raise ValueError(f"{name!r:.60} is not a dialect")


class Otlp(FileSource):
    """Trace files in OTLP/JSON; see the module's docstring."""

    kind: ClassVar[str] = "otlp"
    Config: ClassVar[type[SourceConfig]] = OtlpConfig
    config: OtlpConfig

    def accept(self, unit: str, received: Path, work: Path) -> tuple[Path, dict[str, str]]:
        """The received file when it is whole, holds spans and no text; else a copy of it without the text.

        The copy has one message a line, blank lines kept, so that lines keep their numbers, and is packed with zstd when
        the received file was packed. Its numbers with a fraction are JSON strings, as OTLP allows, to keep every digit.
        """
        removed = sum(self._count_text(unit, line, content) for line, content in read_lines(received, unit, self.name))
        if not removed:
            return received, {}
        with received.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        target = work / "without_text"
        with target.open("wb") as out:
            out.writelines(_packed(self._without_text(unit, received), _is_packed(received)))
        noted = {"rewritten": "without prompt and completion text", "removed": str(removed), "received_sha256": sha256}
        return target, noted

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        with TemporaryDirectory(prefix="reconcile-otlp-") as work:
            exclusive = self._write(landed, Path(work), frozenset())
            if exclusive:
                # What exceeds the input count is not contained in it: all of these emitters' counts exclude the cache.
                self._write(landed, Path(work), exclusive)
            for entity in ("calls", "runs", "outcomes"):
                with pa.memory_map(str(Path(work) / entity)) as stored, pa.ipc.open_stream(stored) as batches:
                    for batch in batches:
                        yield entity, pa.Table.from_batches([batch])

    def _write(self, landed: Landed, work: Path, exclusive: frozenset[str]) -> frozenset[str]:
        """Write the rows of each entity into ``work``. Returns the emitters whose input counts exclude cached tokens,
        though by convention they would contain them."""
        import pyarrow as pa

        found: set[str] = set()
        shapes = {entity: schema(entity) for entity in ("calls", "runs", "outcomes")}
        writers = {entity: pa.ipc.new_stream(str(work / entity), shape) for entity, shape in shapes.items()}
        try:
            with _Spans(self._dialects, self.config.token_semantics, exclusive, work) as spans:
                for index, item in enumerate(landed.objects):
                    lines = read_lines(landed.path(item), item.name, self.name)
                    for batch in _ahead(_batches(lines, line_base(index))):
                        table = self._sound(item.name, spans.read(batch, item.name, self.name))
                        found.update(table["exclusive_emitter"].unique().drop_null().to_pylist())
                        for entity, rows in self._entities(item.name, landed.landing_id, table):
                            writers[entity].write_table(rows, max_chunksize=_ROWS)
        finally:
            for writer in writers.values():
                writer.close()
        return frozenset(found)

    def _sound(self, unit: str, spans: pa.Table) -> pa.Table:
        """The spans in the order of their lines, none of them faulty."""
        lines = spans["landing_line"].to_numpy()
        if (lines[1:] < lines[:-1]).any():
            spans = spans.take(lines.argsort(kind="stable"))
        faulty = spans.filter(spans["fault"].is_valid())
        if faulty.num_rows:
            raise self._rejected(unit, faulty["landing_line"][0].as_py(), faulty["fault"][0].as_py())
        return spans

    def _entities(self, unit: str, landing_id: str, spans: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """(entity, rows in the lake's shape) of one batch of spans."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def chosen(flag: str) -> pa.Table:
            return spans if pc.all(spans[flag]).as_py() else spans.filter(spans[flag])

        def shaped(entity: str, rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
            own = {"source": pa.repeat(self.name, rows.num_rows), "landing_id": pa.repeat(landing_id, rows.num_rows)}
            given = own | columns
            shape = schema(entity)
            return pa.table([given[n] if n in given else rows[n] for n in shape.names], shape.names).cast(shape)

        def converted(rows: pa.Table, name: str, convert: Callable[[str], Any], kind: pa.DataType) -> Any:
            return self._converted(unit, rows, name, convert, kind)

        money, text = pa.decimal128(38, 9), pa.string()
        calls = chosen("is_call")
        columns = {
            "user_hash": converted(calls, "user_id", self._hashed, text),
            "reported_cost": converted(calls, "reported_cost", _money, money),
            "sampling_probability_millionths": pc.coalesce(
                calls["sampling_probability_millionths"],
                converted(calls, "sampling_probability", _millionths, pa.int64()),
            ),
        }
        yield "calls", shaped("calls", calls, columns)

        runs = chosen("is_run")
        columns = {"status": runs["run_status"], "declared_kind": runs["run_kind"]}
        yield "runs", shaped("runs", runs, columns)

        stated = chosen("is_outcome")
        outcome = converted(stated, "outcome", self._outcome, text)
        stated = stated.set_column(stated.schema.get_field_index("outcome"), "outcome", outcome)
        outcomes = stated.filter(stated["outcome"].is_valid())
        currency = outcomes["value_currency"]
        amount = pc.if_else(currency.is_valid(), outcomes["outcome_value"], None)
        outcomes = outcomes.set_column(outcomes.schema.get_field_index("outcome_value"), "outcome_value", amount)
        columns = {
            "emitter": converted(outcomes, "emitter", _emitter, text).fill_null("sdk"),
            "occurred_at": outcomes["ended_at"],
            "outcome_value": converted(outcomes, "outcome_value", _money, money),
            "confidence": converted(outcomes, "confidence", _money, money),
        }
        yield "outcomes", shaped("outcomes", outcomes, columns)

    def _converted(
        self, unit: str, rows: pa.Table, name: str, convert: Callable[[str], Any], kind: pa.DataType
    ) -> pa.Array:
        """A column of text as another type, each distinct text converted once."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = rows[name]
        if column.null_count == len(column):
            return pa.nulls(len(column), kind)
        encoded = column.combine_chunks().dictionary_encode()
        values = []
        for text in encoded.dictionary.to_pylist():
            try:
                values.append(convert(text))
            except ValueError as error:
                line = rows["landing_line"][pc.index(column, text).as_py()].as_py()
                raise self._rejected(unit, line, f"{name}: {error}") from None
        return pa.array(values, kind).take(encoded.indices)

    def _hashed(self, user_id: str) -> str | None:
        return hash_user(user_id, self.user_key)

    def _outcome(self, word: str) -> str | None:
        try:
            return self._outcomes[word.lower()]
        except KeyError:
            raise ValueError(f"{word!r:.60} is no known outcome; say in `outcomes` what it means") from None

    @cached_property
    def _outcomes(self) -> dict[str, str | None]:
        words: dict[str, str | None] = {}
        for dialect in reversed(self._dialects):
            words |= dialect.outcomes
        return words | {word.lower(): outcome for word, outcome in self.config.outcomes.items()}

    @cached_property
    def _dialects(self) -> list[Dialect]:
        """The configured dialects with the company's own attribute names before theirs."""
        from dataclasses import replace

        own = self.config.attributes
        return [
            replace(
                dialect,
                recognised_by=(*own.get("event_id", ()), *own.get("run_id", ()), *dialect.recognised_by),
                attributes={name: own.get(name, ()) + names for name, names in dialect.attributes.items()},
                counts={name: own.get(name, ()) + names for name, names in dialect.counts.items()},
            )
            for dialect in map(dialect_named, self.config.dialects)
        ]

    # Text ------------------------------------------------------------------------------------------------------------

    @cached_property
    def _holds_text(self) -> _TextNames:
        return _TextNames((*TEXT_ATTRIBUTES, *self.config.remove))

    def _count_text(self, unit: str, line: int, content: bytes) -> int:
        """How many attributes and events of one message hold text. Refuses what is no message of spans."""
        holds_text, found = self._holds_text, 0
        try:
            for attributes, events in _carriers(self._traces(unit, line, content)):
                for attribute in attributes:
                    found += holds_text[attribute["key"]]
                for event in events:
                    found += event.get("name") in TEXT_EVENTS
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._rejected(unit, line, f"not the shape of OTLP/JSON traces: {error!r:.120}") from None
        return found

    def _traces(self, unit: str, line: int, content: bytes) -> Span:
        """One message, parsed. Refuses other signals and what is not OTLP/JSON."""
        import orjson

        try:
            message = orjson.loads(content)
        except ValueError as error:
            hint = _DAMAGED
            if not content.lstrip().startswith(b"{"):
                hint = "have it written as OTLP/JSON: `format: json` of a file exporter, `otlp_json` of an S3 exporter"
            raise self._rejected(unit, line, f"not JSON: {error}", hint) from None
        if not isinstance(message, dict):
            raise self._rejected(unit, line, f"a JSON {type(message).__name__}, not an OTLP/JSON message")
        for name, signal in _SIGNALS.items():
            if name in message:
                hint = "narrow `pattern` to the trace files"
                raise self._rejected(unit, line, f"holds {signal}, not traces", hint)
        if message and "resourceSpans" not in message:
            raise self._rejected(unit, line, f"no resourceSpans but {sorted(message)[0]!r:.60}: not OTLP/JSON traces")
        return message

    def _without_text(self, unit: str, received: Path) -> Iterator[bytes]:
        import orjson

        holds_text, written = self._holds_text, 0
        for line, content in read_lines(received, unit, self.name):
            message = self._traces(unit, line, _quoted_fractions(content))
            for attributes, events in _carriers(message):
                attributes[:] = [attribute for attribute in attributes if not holds_text[attribute["key"]]]
                events[:] = [event for event in events if event.get("name") not in TEXT_EVENTS]
            yield b"\n" * (line - written - 1) + orjson.dumps(message) + b"\n"
            written = line

    def _rejected(self, unit: str, line: int, problem: str, hint: str | None = None) -> SourceRejected:
        hint = hint or "correct the emitter or ask for the file again"
        return SourceRejected(problem, source=self.name, file=unit, line=split_line(line)[1], hint=hint)


class _TextNames(dict[str, bool]):
    """Attribute name → whether it holds text, decided once per name."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.exact = {name for name in names if not name.endswith(".")}
        self.prefixes = tuple(name for name in names if name.endswith("."))

    def __missing__(self, name: str) -> bool:
        found = name not in NO_TEXT and (name in self.exact or name.startswith(self.prefixes))
        if len(self) < 100_000:
            self[name] = found
        return found


def _carriers(message: Span) -> Iterator[tuple[list[Span], list[Span]]]:
    """Every list of attributes of a message, each with the list of events beside it (empty but for a span)."""
    for resource_spans in message.get("resourceSpans") or ():
        yield (resource_spans.get("resource") or {}).get("attributes") or [], []
        for scope_spans in resource_spans.get("scopeSpans") or ():
            yield (scope_spans.get("scope") or {}).get("attributes") or [], []
            for span in scope_spans.get("spans") or ():
                events = span.get("events") or []
                yield span.get("attributes") or [], events
                for part in (*events, *(span.get("links") or ())):
                    yield part.get("attributes") or [], []


# Files ---------------------------------------------------------------------------------------------------------------


def read_lines(path: Path, name: str, source: str | None = None) -> Iterator[tuple[int, bytes]]:
    """(line, its JSON text) of a trace file in any of its packings; blank lines are counted and left out.

    Raises ``SourceRejected`` naming file and line for data that does not unpack or is too long.
    """
    line = 0
    try:
        for content in _framed(path) if _is_framed(path) else _lines(path, name, source):
            line += 1
            if content and not content.isspace():
                yield line, content
    except _Damaged as error:
        raise SourceRejected(str(error), source=source, file=name, line=line + 1, hint=_DAMAGED) from None
    except SourceRejected as error:
        if error.line is not None:
            raise
        raise SourceRejected(error.problem, source=source, file=name, line=line + 1, hint=error.hint) from None


class _Damaged(Exception):
    """Data that does not unpack; turned into ``SourceRejected`` where the line is known."""


def _is_framed(path: Path) -> bool:
    """Whether a file starts with a length and a zstd frame."""
    with path.open("rb") as stream:
        head = stream.read(8)
    return head[4:] == _ZSTD_MAGIC and head[:4] != _ZSTD_MAGIC and head[:2] != _GZIP_MAGIC


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(4)
    return head == _ZSTD_MAGIC or head[:2] == _GZIP_MAGIC or _is_framed(path)


def _lines(path: Path, name: str, source: str | None) -> Iterator[bytes]:
    """The lines of a file, or its one document where that runs over several lines."""
    import orjson

    with open_unpacked(path, name, source=source) as stream:
        first = _readline(stream).removeprefix(_BYTE_ORDER_MARK)
        while first.isspace():
            yield first
            first = _readline(stream)
        if not first:
            return
        second = _readline(stream)
        if second and not _is_json(first) and not _is_json(second):
            document = first + second + stream.read(MAX_MESSAGE_BYTES)
            if len(document) > MAX_MESSAGE_BYTES:
                raise _too_long()
            try:
                # Line breaks go, so that explain prints the document and a reader of lines sees one.
                yield orjson.dumps(orjson.loads(document)) if b'"doubleValue"' not in document else _joined(document)
            except orjson.JSONDecodeError as error:
                problem = f"not JSON: {error.msg}"
                raise SourceRejected(problem, source=source, file=name, line=error.lineno, hint=_DAMAGED) from None
            return
        yield first
        while second:
            yield second
            second = _readline(stream)


def _joined(document: bytes) -> bytes:
    """A JSON document in one line, its numbers as written: a line break in JSON is never inside a string."""
    import orjson

    orjson.loads(document)
    return document.replace(b"\r", b" ").replace(b"\n", b" ")


def _is_json(content: bytes) -> bool:
    import orjson

    try:
        orjson.loads(content)
    except ValueError:
        return False
    return True


def _readline(stream: Any) -> bytes:
    content: bytes = stream.readline(MAX_MESSAGE_BYTES + 1)
    if len(content) > MAX_MESSAGE_BYTES:
        raise _too_long()
    return content


def _too_long() -> _Damaged:
    return _Damaged(f"a message of more than {MAX_MESSAGE_BYTES >> 20} MiB")


def _framed(path: Path) -> Iterator[bytes]:
    """The messages of a Collector file exporter's compressed file."""
    import zstandard

    with path.open("rb") as stream:
        while prefix := stream.read(4):
            length = int.from_bytes(prefix, "big")
            if length > MAX_MESSAGE_BYTES:
                raise _too_long()
            packed = stream.read(length)
            if len(prefix) < 4 or len(packed) < length:
                raise _Damaged("the last message ends early")
            frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
            message = io.BytesIO()
            try:
                for start in range(0, length, _ZSTD_FEED):
                    message.write(frame.decompress(packed[start : start + _ZSTD_FEED]))
                    if message.tell() > MAX_MESSAGE_BYTES:
                        raise _too_long()
            except zstandard.ZstdError as error:
                raise _Damaged(f"zstd data is corrupt: {error}") from None
            if not frame.eof or frame.unused_data:
                raise _Damaged("zstd data is corrupt: its length is wrong")
            yield message.getvalue()


def _packed(chunks: Iterable[bytes], pack: bool) -> Iterator[bytes]:
    import zstandard

    if not pack:
        yield from chunks
        return
    frame = zstandard.ZstdCompressor(level=3).compressobj()
    for chunk in chunks:
        yield frame.compress(chunk)
    yield frame.flush()


def _quoted_fractions(content: bytes) -> bytes:
    """The message with its ``doubleValue`` numbers as strings, so that no reader makes a binary float of them."""
    return _FRACTION.sub(rb'"doubleValue":"\1"', content) if b'"doubleValue"' in content else content


def _batches(lines: Iterable[tuple[int, bytes]], base: int) -> Iterator[pa.Table]:
    """Lines as tables of ``line`` and ``text``, in chunks that several threads can take."""
    import pyarrow as pa

    names = ["line", "text"]

    def chunk(numbers: list[int], texts: list[bytes]) -> pa.RecordBatch:
        return pa.record_batch([pa.array(numbers, pa.int64()), pa.array(texts, pa.binary()).cast(pa.string())], names)

    chunks: list[pa.RecordBatch] = []
    numbers: list[int] = []
    texts: list[bytes] = []
    size = total = 0
    for line, content in lines:
        content = _quoted_fractions(content)
        numbers.append(base + line)
        texts.append(content)
        size += len(content)
        if size >= _CHUNK_BYTES:
            chunks.append(chunk(numbers, texts))
            total += size
            numbers, texts, size = [], [], 0
            if total >= _BATCH_BYTES:
                yield pa.Table.from_batches(chunks)
                chunks, total = [], 0
    if numbers:
        chunks.append(chunk(numbers, texts))
    if chunks:
        yield pa.Table.from_batches(chunks)


def _ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, the next one made while the last is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item  # type: ignore[misc]


# Values --------------------------------------------------------------------------------------------------------------


def _money(text: str) -> Decimal:
    return round_half_away(parse_amount(text))


def _millionths(text: str) -> int:
    """A probability in whole millionths, rounded down (rule R8)."""
    probability = parse_amount(text)
    if not 0 < probability <= 1:
        raise ValueError(f"{text!r:.60} is no probability")
    return int(probability * 10**6)


def _emitter(word: str) -> str:
    """Who stated an outcome; whoever is not known counts least."""
    return word.lower() if word.lower() in _EMITTERS else "sdk"


# Spans ---------------------------------------------------------------------------------------------------------------

_VALUE = '{"stringValue":"VARCHAR","intValue":"VARCHAR","doubleValue":"VARCHAR","boolValue":"VARCHAR"}'
_ATTRIBUTES = f'[{{"key":"VARCHAR","value":{_VALUE}}}]'
_SPAN = (
    '{"traceId":"VARCHAR","spanId":"VARCHAR","parentSpanId":"VARCHAR","traceState":"VARCHAR","name":"VARCHAR",'
    '"startTimeUnixNano":"VARCHAR","endTimeUnixNano":"VARCHAR","status":{"code":"VARCHAR"},'
    f'"attributes":{_ATTRIBUTES},"events":[{{"name":"VARCHAR","attributes":{_ATTRIBUTES}}}]}}'
)
_MESSAGE = (
    f'{{"resourceSpans":[{{"resource":{{"attributes":{_ATTRIBUTES}}},'
    f'"scopeSpans":[{{"scope":{{"name":"VARCHAR","version":"VARCHAR"}},"spans":[{_SPAN}]}}]}}]}}'
)
_KEYS = "list_transform({0}, lambda a: a.key)"
_TEXTS = (
    "list_transform({0}, lambda a: nullif(trim("
    "coalesce(a.value.stringValue, a.value.intValue, a.value.doubleValue, a.value.boolValue)), ''))"
)
_EVENTS = "list_filter(span.events, lambda e: list_contains({events}, e.name))"
_EVENT_KEYS = "flatten(list_transform({0}, lambda e: list_transform(e.attributes, lambda a: e.name || '/' || a.key)))"
_EVENT_TEXTS = f"flatten(list_transform({{0}}, lambda e: {_TEXTS.format('e.attributes')}))"

#: Spans from lines. What stands in braces is made of the vocabulary, with every name a bound value.
_QUERY = f"""
with messages as (
    select line, from_json(text, '{_MESSAGE.replace("{", "{{").replace("}", "}}")}') as message from lines
),

resources as (
    select line, unnest(message.resourceSpans) as resource_spans from messages
),

scopes as (
    select
        line,
        list_reverse({_KEYS.format("resource_spans.resource.attributes")}) as resource_keys,
        list_reverse({_TEXTS.format("resource_spans.resource.attributes")}) as resource_texts,
        unnest(resource_spans.scopeSpans) as scope_spans
    from resources
),

spans as (
    select
        line, resource_keys, resource_texts,
        coalesce(scope_spans.scope.name, '') as scope_name, coalesce(scope_spans.scope.version, '') as scope_version,
        unnest(scope_spans.spans) as span
    from scopes
),

-- Reversed, because list_position finds the first and of attributes with one name the last counts.
keyed as (
    select
        line, scope_name, scope_version,
        lower(span.traceId) as trace_id, lower(span.spanId) as span_id,
        nullif(nullif(lower(span.parentSpanId), ''), '0000000000000000') as parent_span_id,
        coalesce(span.name, '') as span_name,
        span.traceState as trace_state,
        nullif(try_cast(span.startTimeUnixNano as bigint), 0) as start_nanos,
        nullif(try_cast(span.endTimeUnixNano as bigint), 0) as end_nanos,
        case
            when span.status.code in ('2', 'STATUS_CODE_ERROR') then 'error'
            when span.status.code in ('1', 'STATUS_CODE_OK') then 'ok'
            else 'unset'
        end as status,
        list_concat(
            list_reverse({_KEYS.format("span.attributes")}),
            case when span.events is not null then list_reverse({_EVENT_KEYS.format(_EVENTS)}) end,
            resource_keys
        ) as keys,
        list_concat(
            list_reverse({_TEXTS.format("span.attributes")}),
            case when span.events is not null then list_reverse({_EVENT_TEXTS.format(_EVENTS)}) end,
            resource_texts
        ) as texts
    from spans
),

recognised as (
    select *, {{dialect}} as dialect, {{is_run_span}} as is_run_span from keyed
),

told as (
    select
        * exclude (keys, texts),
        {{follows_convention}} is not null as follows_convention,
        {{passed_through}} is not null as passed_through,
        {{attributes}},
        {{counts}}
    from recognised
    where dialect is not null or parent_span_id is not null
),

meant as (
    select
        * replace (
            {{provider}} as provider,
            {{service_tier}} as service_tier,
            case when lower(batch) in ('true', 'false') then lower(batch) when lower(service_tier) = 'batch' then 'true' end as batch,
            lower(run_kind) as run_kind,
            case lower(run_status) when 'failed' then 'failure' when 'error' then 'failure' when 'ok' then 'success' when 'cancelled' then 'canceled' else lower(run_status) end as run_status,
            nullif(parent_run_id, run_id) as parent_run_id,
            nullif(retry_of_run_id, run_id) as retry_of_run_id
        ),
        {{numbers}},
        {{repeating}} as repeats,
        {{billable_operation}} as is_billable_operation,
        {{has_count}} as has_count,
        {{faulty_count}} as has_faulty_count,
        case when trace_state like '%th:%' then regexp_extract(trace_state, '(?:^|,) *ot=(?:[^,]*;)?th:([0-9a-fA-F]{{{{1,14}}}})(?:[;, ]|$)', 1) end as threshold
    from told
),

measured as (
    select
        *,
        dialect is not null and not repeats and (is_billable_operation or has_count) as billable,
        coalesce(cache_read, 0) as cache_read_tokens,
        coalesce(cache_write_5m, 0) as written_5m_tokens,
        coalesce(cache_write_1h, 0) as written_1h_tokens,
        greatest(coalesce(cache_write, 0) - coalesce(cache_write_5m, 0) - coalesce(cache_write_1h, 0), 0) as written_tokens,
        greatest(coalesce(input, total - coalesce(output, 0), 0), 0) as input_tokens,
        -- Reasoning above the output is not contained in it: Gemini counts it apart.
        coalesce(output, 0) + case when reasoning > coalesce(output, 0) then reasoning else 0 end as output_tokens,
        coalesce(text_input, image_input, audio_input, video_input, text_output, audio_output) is not null as tells_modality,
        {{semantics}} as semantics
    from meant
),

cached as (
    select *, cache_read_tokens + written_5m_tokens + written_1h_tokens + written_tokens as cached_tokens from measured
),

uncached as (
    select
        *,
        case when semantics = 'inclusive' then greatest(input_tokens - cached_tokens, 0) else input_tokens end as uncached_tokens,
        input is not null and cached_tokens > input as cache_exceeds_input
    from cached
),

used as (
    select
        *,
        case
            when not billable then []
            when tells_modality or written_5m_tokens > 0 or written_1h_tokens > 0 or {{has_meter}} then {{all_elements}}
            else {{common_elements}}
        end as usage
    from uncached
)

select
    line as landing_line,
    coalesce(dialect, 'otlp') as dialect,
    trace_id || '|' || span_id as record_id,
    trace_id, span_id, parent_span_id, response_id, billable,
    provider, endpoint,
    billing_account_id,
    coalesce(sub_account_id, case when starts_with(provider, cloud_provider || '.') then cloud_account_id end) as sub_account_id,
    api_key_id, model, request_model, service_tier, batch,
    null::varchar as context_band, null::varchar as geography, region, null::varchar as speed,
    operation, event_id, run_id, tenant_id, customer_id, user_id, feature_id, workflow, prompt_version, environment, data_mode, service,
    make_timestamp(start_nanos // 1000) as started_at,
    make_timestamp(coalesce(end_nanos, start_nanos) // 1000) as ended_at,
    status, error_type,
    case
        when len(usage) = 0 then 'missing'
        when list_contains({{estimated}}, lower(usage_origin)) then 'estimated'
        -- A stream that was cut off counted what it had seen (rule R12).
        when lower(stream) = 'true' and (status = 'error' or error_type is not null or output_tokens = 0) then 'estimated'
        else 'provider'
    end as usage_source,
    case when len(usage) > 0 then case when semantics = 'ambiguous' and cache_exceeds_input then 'exclusive' else semantics end end as token_semantics,
    reported_cost,
    case when reported_cost is not null then coalesce(upper(reported_currency), 'USD') end as reported_currency,
    case
        when threshold <> ''
            then ((72057594037927936 - ('0x' || rpad(threshold, 14, '0'))::bigint)::hugeint * 1000000 // 72057594037927936)::bigint
    end as sampling_probability_millionths,
    sampling_probability,
    usage,
    parent_run_id, retry_of_run_id,
    case
        when run_kind in ('primary', 'retry', 'fallback', 'escalation', 'worker') then run_kind
        when retry_of_run_id is not null then 'retry'
        when parent_run_id is not null then 'worker'
    end as run_kind,
    coalesce(run_status, case when status = 'error' then 'failure' when not is_run_span then 'success' end) as run_status,
    outcome, emitter, outcome_value, upper(value_currency) as value_currency, confidence, reason,
    billable or parent_span_id is not null as is_call,
    dialect is not null and run_id is not null and is_billable_operation is not true
        and (is_run_span or parent_span_id is null or run_status is not null) as is_run,
    dialect is not null and outcome is not null and event_id is not null and coalesce(lower(outcome_final), 'true') <> 'false' as is_outcome,
    case when cache_exceeds_input and semantics = 'inclusive' and billable and {{undecided}} then {{emitter}} end as exclusive_emitter,
    case
        when not coalesce(regexp_full_match(trace_id, '[0-9a-f]{{{{32}}}}') and regexp_full_match(span_id, '[0-9a-f]{{{{16}}}}'), false)
            then 'a traceId is not 32 or a spanId not 16 hexadecimal digits'
        when coalesce(end_nanos, start_nanos, 0) <= 0 then 'a span without a time'
        when has_faulty_count then 'a count that is no whole number from 0 to {MAX_COUNT}'
    end as fault
from used
"""

_ESTIMATED = ["true", "estimate", "estimated", "tokenizer", "tiktoken", "local"]
#: Counts that are meters of their own; all others are counts of tokens.
_METERS = ("read_units",)
#: (meter, modality, cache TTL, quantity): no token is in two of them.
_COMMON_PARTITION = (
    ("input_tokens", "null", "null", "uncached_tokens"),
    ("cache_read_input_tokens", "null", "null", "cache_read_tokens"),
    ("cache_write_input_tokens", "null", "null", "written_tokens"),
    ("output_tokens", "null", "null", "output_tokens"),
)
#: What is cached is text as far as there is any; so other modalities are uncached as far as there is room.
_AUDIO, _IMAGE, _VIDEO = (f"coalesce({modality}_input, 0)" for modality in ("audio", "image", "video"))
_PARTITION = (
    (
        "input_tokens",
        "case when tells_modality then 'text' end",
        "null",
        f"uncached_tokens - {_AUDIO} - {_IMAGE} - {_VIDEO}",
    ),
    ("input_tokens", "'audio'", "null", f"least({_AUDIO}, uncached_tokens)"),
    ("input_tokens", "'image'", "null", f"least({_IMAGE}, uncached_tokens - {_AUDIO})"),
    ("input_tokens", "'video'", "null", f"least({_VIDEO}, uncached_tokens - {_AUDIO} - {_IMAGE})"),
    ("cache_read_input_tokens", "null", "null", "cache_read_tokens"),
    ("cache_write_input_tokens", "null", "null", "written_tokens"),
    ("cache_write_input_tokens", "null", "'5m'", "written_5m_tokens"),
    ("cache_write_input_tokens", "null", "'1h'", "written_1h_tokens"),
    ("output_tokens", "case when tells_modality then 'text' end", "null", "output_tokens - coalesce(audio_output, 0)"),
    ("output_tokens", "'audio'", "null", "least(coalesce(audio_output, 0), output_tokens)"),
    *((meter, "null", "null", f"coalesce({meter}, 0)") for meter in _METERS),
)


class _Spans:
    """DuckDB with the query from lines to spans: a span's ids, fields and usage, one row each, in no certain order.

    Names of attributes are bound values; what is read of a file is a value in the query and never its text.
    """

    def __init__(
        self, dialects: Sequence[Dialect], semantics: Mapping[str, str], exclusive: frozenset[str], work: Path
    ) -> None:
        import duckdb

        self.dialects = dialects
        self.values: list[Any] = []
        self.connection = duckdb.connect()
        self.connection.execute(f"set memory_limit = '{_MEMORY_LIMIT}'")
        self.connection.execute("set temp_directory = $1", [str(work)])
        names = list(dict.fromkeys(name for dialect in dialects for name in _names(dialect)))
        self.query = self._query(names, semantics, exclusive)

    def __enter__(self) -> _Spans:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def read(self, lines: pa.Table, unit: str, source: str) -> pa.Table:
        """The spans of a batch of lines."""
        import duckdb

        self.connection.register("lines", lines)
        try:
            return self.connection.execute(self.query, self.values).to_arrow_table()
        except duckdb.InvalidInputException as error:
            first = split_line(lines["line"][0].as_py())[1]
            problem = f"from this line on not readable as OTLP/JSON: {error!s:.200}"
            raise SourceRejected(problem, source=source, file=unit, line=first, hint=_DAMAGED) from None

    def _query(self, names: Sequence[str], semantics: Mapping[str, str], exclusive: frozenset[str]) -> str:
        dialects, bound = self.dialects, self._bound
        fields = list(dict.fromkeys(name for dialect in dialects for name in dialect.attributes))
        counts = list(dict.fromkeys(name for dialect in dialects for name in dialect.counts))
        decided = {
            meaning: [scope for scope, m in semantics.items() if m == meaning] for meaning in ("inclusive", "exclusive")
        }
        emitter = "concat_ws(chr(31), scope_name, scope_version, coalesce(provider, ''))"
        run_spans = [f"starts_with(span_name, {bound(d.run_span)})" for d in dialects if d.run_span]
        recognised = []
        for dialect in dialects:
            marks = f"{self._first(dialect.recognised_by)} is not null"
            if dialect.run_span:
                marks += f" or starts_with(span_name, {bound(dialect.run_span)})"
            recognised.append(f"when {marks} then {bound(dialect.name)}")
        return _QUERY.format(
            events=bound(sorted({name.rpartition("/")[0] for name in names} - {""})),
            dialect=f"case {' '.join(recognised)} end",
            is_run_span=" or ".join(run_spans) or "false",
            follows_convention=self._told(lambda dialect: dialect.inclusive_by),
            passed_through=self._told(lambda dialect: dialect.passed_through_by),
            attributes=", ".join(f"{self._told(_attribute(name))} as {name}" for name in fields),
            counts=", ".join(f"{self._told(_count(name))} as {name}_told" for name in counts),
            provider=self._translated(PROVIDER_ALIASES | _merged(d.providers for d in dialects), "lower(provider)"),
            service_tier=self._translated(_merged(d.service_tiers for d in dialects), "service_tier"),
            numbers=", ".join(
                f"try_cast({c}_told as {'decimal(28, 9)' if c in _METERS else 'bigint'}) as {c}" for c in counts
            ),
            has_count=" or ".join(f"{c}_told is not null" for c in counts),
            faulty_count=" or ".join(
                f"({c}_told is not null and ({c} between 0 and {MAX_COUNT}) is not true)" for c in counts
            ),
            repeating=self._listed("lower(operation)", (o for d in dialects for o in d.repeating_operations)),
            billable_operation=self._listed("lower(operation)", (o for d in dialects for o in d.billable_operations)),
            semantics=f"""case
                when {self._listed("scope_name", decided["inclusive"])} then 'inclusive'
                when {self._listed("scope_name", decided["exclusive"])} then 'exclusive'
                when {self._listed(emitter, exclusive)} then 'exclusive'
                when follows_convention and not passed_through then 'inclusive'
                when {self._listed("scope_name", (s for d in dialects for s in d.inclusive_scopes))} then 'inclusive'
                when {self._listed("provider", (p for d in dialects for p in d.exclusive_providers))} then 'ambiguous'
                else 'inclusive'
            end""",
            undecided=f"{self._listed('scope_name', decided['inclusive'])} is not true",
            emitter=emitter,
            estimated=bound(_ESTIMATED),
            all_elements=_elements(_PARTITION),
            common_elements=_elements(_COMMON_PARTITION),
            has_meter=" or ".join(f"{meter} > 0" for meter in _METERS),
        )

    def _bound(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def _first(self, names: Sequence[str]) -> str:
        """The text of the first attribute of ``names`` that a span has."""
        found = [f"texts[list_position(keys, {self._bound(name)})]" for name in names]
        return f"coalesce({', '.join(found)})" if found else "null::varchar"

    def _told(self, names: Callable[[Dialect], Sequence[str]]) -> str:
        """As ``_first``, with the names of the span's dialect."""
        lists = [tuple(names(dialect)) for dialect in self.dialects]
        if len(set(lists)) == 1:
            return self._first(lists[0])
        cases = [
            f"when {self._bound(dialect.name)} then {self._first(found)}"
            for dialect, found in zip(self.dialects, lists, strict=True)
        ]
        return f"case dialect {' '.join(cases)} end"

    def _translated(self, meanings: Mapping[str, str | None], expression: str) -> str:
        cases = [f"when {self._bound(word)} then {self._bound(m)}::varchar" for word, m in meanings.items()]
        return f"case lower({expression}) {' '.join(cases)} else {expression} end"

    def _listed(self, expression: str, values: Iterable[str]) -> str:
        """Whether a value is one of ``values``; false for null."""
        found = sorted(set(values))
        return f"coalesce(list_contains({self._bound(found)}, {expression}), false)" if found else "false"


def _elements(partition: Iterable[tuple[str, str, str, str]]) -> str:
    elements = [
        f"{{'meter': '{meter}', 'modality': {modality}::varchar, 'cache_ttl': {ttl}::varchar, 'quantity': ({quantity})::decimal(38, 9)}}"
        for meter, modality, ttl, quantity in partition
    ]
    return f"list_filter([{', '.join(elements)}], lambda e: e.quantity > 0)"


def _names(dialect: Dialect) -> Iterator[str]:
    """Every attribute name a dialect reads."""
    yield from dialect.recognised_by
    yield from dialect.inclusive_by
    yield from dialect.passed_through_by
    for names in (*dialect.attributes.values(), *dialect.counts.values()):
        yield from names


def _attribute(field: str) -> Callable[[Dialect], Sequence[str]]:
    return lambda dialect: dialect.attributes.get(field, ())


def _count(counted: str) -> Callable[[Dialect], Sequence[str]]:
    return lambda dialect: dialect.counts.get(counted, ())


def _merged(mappings: Iterable[Mapping[str, str | None]]) -> dict[str, str | None]:
    """The mappings as one; of equal keys the first mapping's counts."""
    merged: dict[str, str | None] = {}
    for mapping in mappings:
        merged = {**mapping, **merged}
    return merged
