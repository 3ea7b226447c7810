"""From what spans mean to the lake's rows: calls, runs, outcomes, and what of them could not be used (rule R33)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from reconcilers.ingest.lake import schema
from reconcilers.money import parse_amount, round_half_away
from reconcilers.sources.telemetry.base import hash_user
from reconcilers.sources.telemetry.spans.attributes import repeated, texts
from reconcilers.sources.telemetry.spans.counts import most

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.sources.telemetry.spans.query import Meaning

_YEAR_MS = 366 * 86_400_000
_EMITTERS = frozenset({"system_of_record", "human", "evaluator", "sdk"})


class Reject(Protocol):
    """Notes a record of one file that cannot be read, or only but for one attribute; see ``Rejections.add``."""

    def __call__(
        self, line: int, reason: str, size: int, attribute: str | None = None, day: date | None = None
    ) -> None: ...


class Entities:
    """The rows of one batch of spans. What a span tells and cannot mean is rejected, the rest of the span is not.

    ``constants`` are columns that say the same of every row.
    """

    def __init__(
        self, constants: Mapping[str, str], outcomes: Mapping[str, str | None], user_key: bytes | None, reject: Reject
    ) -> None:
        self.constants, self.outcomes, self.user_key, self.reject = constants, outcomes, user_key, reject

    def of(self, meaning: Meaning) -> Iterator[tuple[str, pa.Table]]:
        """(entity, rows in the lake's shape) of the spans that can be read."""
        import pyarrow as pa
        import pyarrow.compute as pc

        spans = self._sound(meaning)

        def chosen(flag: str) -> pa.Table:
            return spans if pc.all(spans[flag]).as_py() else spans.filter(spans[flag])

        def shaped(entity: str, rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
            shape = schema(entity)
            columns |= {name: repeated(text, len(rows)) for name, text in self.constants.items()}
            return pa.table([columns[n] if n in columns else rows[n] for n in shape.names], shape.names).cast(shape)

        money, text = pa.decimal128(38, 9), pa.string()
        calls = chosen("is_call")
        columns = {
            "user_hash": self._converted(calls, "user_id", self._hashed, text),
            "reported_cost": self._converted(calls, "reported_cost", _money, money),
            "queue_ms": self._converted(calls, "queue_seconds", partial(_milliseconds, 1000), pa.int64()),
            "jitter_ms": self._converted(calls, "jitter_ms", partial(_milliseconds, 1), pa.int64()),
            "sampling_probability_millionths": pc.coalesce(
                calls["sampling_probability_millionths"],
                self._converted(calls, "sampling_probability", partial(_millionths, 1), pa.int64()),
                self._converted(calls, "sampling_percent", partial(_millionths, 100), pa.int64()),
            ),
        }
        yield "calls", shaped("calls", calls, columns)

        runs = chosen("is_run")
        columns = {
            "status": runs["run_status"],
            "declared_kind": runs["run_kind"],
            "user_hash": self._converted(runs, "user_id", self._hashed, text),
        }
        yield "runs", shaped("runs", runs, columns)

        stated = chosen("is_outcome")
        outcome = self._converted(stated, "outcome", self._outcome, text)
        stated = stated.set_column(stated.schema.get_field_index("outcome"), "outcome", outcome)
        outcomes = stated.filter(stated["outcome"].is_valid())
        columns = {
            "emitter": self._converted(outcomes, "emitter", _emitter, text),
            "occurred_at": outcomes["ended_at"],
            "outcome_value": self._converted(outcomes, "outcome_value", _money, money),
            "confidence": self._converted(outcomes, "confidence", _money, money),
        }
        yield "outcomes", shaped("outcomes", outcomes, columns)

    def _sound(self, meaning: Meaning) -> pa.Table:
        """The spans with an identity and a time. Counts and beginnings that cannot be are rejected, their spans are not."""
        spans = meaning.spans
        partly = ["landing_line", "bytes", "ended_at", "row", "faulty_count", "faulty_start"]
        for fault in ("fault", "faulty_count", "faulty_start"):
            if spans[fault].null_count == len(spans):
                continue
            for span in spans.filter(spans[fault].is_valid()).select([*partly, "fault"]).to_pylist():
                line, size = span["landing_line"], span["bytes"]
                if span["fault"]:
                    if fault == "fault":
                        self.reject(line, span["fault"], size)
                    continue
                day = span["ended_at"].date()
                if fault == "faulty_start":
                    self.reject(line, span["faulty_start"], size, "startTimeUnixNano", day)
                else:
                    name, told = meaning.told_by(span["row"], span["faulty_count"])
                    self.reject(
                        line, f"{told!r:.60} is no whole number from 0 to {most(span['faulty_count'])}", size, name, day
                    )
        return spans if spans["fault"].null_count == len(spans) else spans.filter(spans["fault"].is_null())

    def _converted(
        self, rows: pa.Table, name: str, convert: Callable[[str], str | None], kind: pa.DataType
    ) -> pa.Array:
        """A column of text as another type, each distinct text converted once; null for what cannot be."""
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
                values.append(None)
                faulty = rows.select(["landing_line", "bytes", "ended_at"]).filter(pc.equal(column, text))
                for span in faulty.to_pylist():
                    self.reject(span["landing_line"], str(error), span["bytes"], name, span["ended_at"].date())
        return texts(values).cast(kind).take(encoded.indices)

    def _hashed(self, user_id: str) -> str | None:
        return hash_user(user_id, self.user_key)

    def _outcome(self, word: str) -> str | None:
        try:
            return self.outcomes[word.lower()]
        except KeyError:
            raise ValueError(f"{word!r:.60} is no known outcome; say in `outcomes` what it means") from None


class UnreadUsage:
    """What of one pull looks like usage, or tells whose it is, and is not read: how many calls tell it, by scope and day."""

    def __init__(self, source: str, landing_id: str) -> None:
        self.source, self.landing_id = source, landing_id
        self.found: dict[tuple[str | None, str, date], tuple[int, int]] = {}

    def add(self, meaning: Meaning) -> None:
        for scope, attribute, day, calls, line in meaning.unread:
            known_calls, known_line = self.found.get((scope, attribute, day), (0, line))
            self.found[scope, attribute, day] = known_calls + calls, min(known_line, line)

    def table(self) -> pa.Table:
        """The rows in the lake's shape; ``landing_line`` is the first that tells the attribute."""
        import pyarrow as pa

        rows = [
            {
                "source": self.source,
                "landing_id": self.landing_id,
                "landing_line": line,
                "scope_name": scope,
                "attribute": attribute,
                "calls": calls,
                "charge_day": day,
            }
            for (scope, attribute, day), (calls, line) in self.found.items()
        ]
        rows.sort(key=lambda row: (row["landing_line"], row["attribute"], row["scope_name"] or "", row["charge_day"]))
        return pa.Table.from_pylist(rows, schema=schema("unread_usage"))


def _money(text: str) -> str:
    return f"{round_half_away(parse_amount(text)):f}"


def _millionths(certain: int, text: str) -> str:
    """A probability in whole millionths, rounded down (rule R8), as part of what is told of something certain."""
    probability = parse_amount(text) / certain
    if not 0 < probability <= 1:
        raise ValueError(f"{text!r:.60} is no probability")
    return str(int(probability * 10**6))


def _milliseconds(per_unit: int, text: str) -> str:
    """A time of at least 0 and less than a year in whole milliseconds, of which a unit of it is ``per_unit``, rounded down."""
    time = parse_amount(text) * per_unit
    if not 0 <= time < _YEAR_MS:
        raise ValueError(f"{text!r:.60} is no length of time")
    return str(int(time))


def _emitter(word: str) -> str:
    """Who stated an outcome; whoever is not known counts least."""
    return word.lower() if word.lower() in _EMITTERS else "sdk"
