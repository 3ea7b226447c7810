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

``otlp_files`` reads lines, ``otlp_text`` finds text, ``otlp_spans`` makes spans; amounts stay text until they are exact.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from reconcilers.errors import SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.money import parse_amount, round_half_away
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.folders import line_base, split_line
from reconcilers.sources.telemetry.base import Dialect, FileSource, FileSourceConfig, hash_user
from reconcilers.sources.telemetry.spans.attributes import gathered, texts
from reconcilers.sources.telemetry.spans.files import ahead, batches, is_packed, packed, read_lines
from reconcilers.sources.telemetry.spans.prompts import TextFilter
from reconcilers.sources.telemetry.spans.query import Spans

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

#: Planning the query over spans takes as long as running it over ten thousand of them.
_ROWS = 25_000
_EMITTERS = frozenset({"system_of_record", "human", "evaluator", "sdk"})


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
    """Trace files in OTLP/JSON; see the module's docstring."""

    kind: ClassVar[str] = "otlp"
    Config: ClassVar[type[SourceConfig]] = OtlpConfig
    config: OtlpConfig

    @classmethod
    def readers(cls) -> set[Path]:
        """Also the vocabularies and the machinery that reads traces by them."""
        here = Path(__file__).parent
        return super().readers() | {*here.glob("dialects/*.*"), *here.glob("spans/*.*")}

    def accept(self, unit: str, received: Path, work: Path) -> tuple[Path, dict[str, str]]:
        """The received file when it is whole, holds spans and no text; else a copy of it without the text.

        The copy has one message a line, blank lines kept, so that lines keep their numbers, and is packed with zstd when
        the received file was packed. Its numbers with a fraction are JSON strings, as OTLP allows, to keep every digit.
        """
        text = TextFilter(self.name, self.config.remove)
        removed = text.count(received, unit)
        if not removed:
            return received, {}
        with received.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        target = work / "without_text"
        with target.open("wb") as out:
            out.writelines(packed(text.without(received, unit), is_packed(received)))
        noted = {"rewritten": "without prompt and completion text", "removed": str(removed), "received_sha256": sha256}
        return target, noted

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th message of the file, in whatever packing it came."""
        for number, content in read_lines(path, name, self.name):
            if number == line:
                return content.decode("utf-8", "replace").strip()
        raise SourceRejected(f"no line {line}", source=self.name, file=name, hint="landing was changed; restore it")

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        with TemporaryDirectory(prefix="reconcile-otlp-") as work:
            exclusive = self._write(landed, Path(work), frozenset())
            if exclusive:
                # What exceeds the input count is not contained in it: all of these emitters' counts exclude the cache.
                self._write(landed, Path(work), exclusive)
            for entity in ("calls", "runs", "outcomes"):
                with pa.memory_map(str(Path(work) / entity)) as stored, pa.ipc.open_stream(stored) as written:
                    for batch in written:
                        yield entity, pa.Table.from_batches([batch])

    def _write(self, landed: Landed, work: Path, exclusive: frozenset[str]) -> frozenset[str]:
        """Write the rows of each entity into ``work``. Returns the emitters whose input counts exclude cached tokens,
        though by convention they would contain them."""
        import pyarrow as pa

        found: set[str] = set()
        shapes = {entity: schema(entity) for entity in ("calls", "runs", "outcomes")}
        writers = {entity: pa.ipc.new_stream(str(work / entity), shape) for entity, shape in shapes.items()}
        try:
            constants = {"source": self.name, "landing_id": landed.landing_id}
            with Spans(self._dialects, self.config.token_semantics, exclusive, constants, work) as spans:
                for index, item in enumerate(landed.objects):
                    # Reading, parsing and meaning each have a batch in hand at the same time.
                    lines = ahead(batches(read_lines(landed.path(item), item.name, self.name), line_base(index)))
                    parsed = (spans.parse(batch, item.name, self.name) for batch in lines)
                    for attributes in ahead(gathered(parsed, _ROWS)):
                        table = self._sound(item.name, spans.read(attributes))
                        found.update(table["exclusive_emitter"].unique().drop_null().to_pylist())
                        for entity, rows in self._entities(item.name, table):
                            writers[entity].write_table(rows, max_chunksize=_ROWS)
        finally:
            for writer in writers.values():
                writer.close()
        return frozenset(found)

    def _sound(self, unit: str, spans: pa.Table) -> pa.Table:
        """The spans in the order of their lines, none of them faulty."""
        import pyarrow.compute as pc

        lines = spans["landing_line"]
        if pc.any(pc.less(lines.slice(1), lines.slice(0, max(len(lines) - 1, 0)))).as_py():
            spans = spans.sort_by("landing_line")
        faulty = spans.filter(spans["fault"].is_valid())
        if faulty.num_rows:
            raise self._rejected(unit, faulty["landing_line"][0].as_py(), faulty["fault"][0].as_py())
        return spans

    def _entities(self, unit: str, spans: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        """(entity, rows in the lake's shape) of one batch of spans."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def chosen(flag: str) -> pa.Table:
            return spans if pc.all(spans[flag]).as_py() else spans.filter(spans[flag])

        def shaped(entity: str, rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
            shape = schema(entity)
            return pa.table([columns[n] if n in columns else rows[n] for n in shape.names], shape.names).cast(shape)

        def converted(rows: pa.Table, name: str, convert: Callable[[str], str | None], kind: pa.DataType) -> Any:
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
        columns = {
            "status": runs["run_status"],
            "declared_kind": runs["run_kind"],
            "user_hash": converted(runs, "user_id", self._hashed, text),
        }
        yield "runs", shaped("runs", runs, columns)

        stated = chosen("is_outcome")
        outcome = converted(stated, "outcome", self._outcome, text)
        stated = stated.set_column(stated.schema.get_field_index("outcome"), "outcome", outcome)
        outcomes = stated.filter(stated["outcome"].is_valid())
        columns = {
            "emitter": converted(outcomes, "emitter", _emitter, text),
            "occurred_at": outcomes["ended_at"],
            "outcome_value": converted(outcomes, "outcome_value", _money, money),
            "confidence": converted(outcomes, "confidence", _money, money),
        }
        yield "outcomes", shaped("outcomes", outcomes, columns)

    def _converted(
        self, unit: str, rows: pa.Table, name: str, convert: Callable[[str], str | None], kind: pa.DataType
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
        return texts(values).cast(kind).take(encoded.indices)

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

    def _rejected(self, unit: str, line: int, problem: str, hint: str | None = None) -> SourceRejected:
        hint = hint or "correct the emitter or ask for the file again"
        return SourceRejected(problem, source=self.name, file=unit, line=split_line(line)[1], hint=hint)


# Values --------------------------------------------------------------------------------------------------------------


def _money(text: str) -> str:
    return f"{round_half_away(parse_amount(text)):f}"


def _millionths(text: str) -> str:
    """A probability in whole millionths, rounded down (rule R8)."""
    probability = parse_amount(text)
    if not 0 < probability <= 1:
        raise ValueError(f"{text!r:.60} is no probability")
    return str(int(probability * 10**6))


def _emitter(word: str) -> str:
    """Who stated an outcome; whoever is not known counts least."""
    return word.lower() if word.lower() in _EMITTERS else "sdk"
