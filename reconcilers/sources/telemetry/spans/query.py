"""What spans mean: their ids, fields and partitioned usage, one row each, by what the dialects say. All of it is SQL.

``attributes.py`` makes of a batch of lines a table with a column for every attribute it has. The query over it is made
for those columns: of the hundreds of names the vocabularies know, a file has few dozens. What the counts contain is
``counts.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from reconcilers import naming
from reconcilers.periods import A_SECOND, EPOCH, FIRST_INSTANT, LAST_INSTANT
from reconcilers.sources.telemetry.base import COUNTS, FIELDS, WHO_AND_WHY, Dialect, TokenSemantics
from reconcilers.sources.telemetry.spans.attributes import Held, by_line, column, counted, is_neat, read_attributes
from reconcilers.sources.telemetry.spans.counts import METERS, contents, is_sound, readings
from reconcilers.sources.telemetry.spans.emitters import EMITTER, Emitters
from reconcilers.sources.telemetry.spans.files import Block, batches, readable
from reconcilers.sources.telemetry.spans.logs import with_logs_as_spans
from reconcilers.sources.telemetry.spans.scan import Columns

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import pyarrow as pa

    from reconcilers.sources.telemetry.spans.entities import Reject

_MEMORY_LIMIT = "2GB"
#: Spans of before or after were timed in other units than nanoseconds.
_FIRST_NANOS, _LAST_NANOS = (
    int((instant - EPOCH).total_seconds()) * A_SECOND["nanoseconds"] for instant in (FIRST_INSTANT, LAST_INSTANT)
)


def _looks_like(number: str) -> str:
    """``; it looks like seconds``, of a number that counts in them to a time that can be (``unit_of_epoch`` in SQL)."""
    shorter = {unit: A_SECOND["nanoseconds"] // size for unit, size in A_SECOND.items() if unit != "nanoseconds"}
    looks = (
        f"when {number} between {_FIRST_NANOS // size} and {_LAST_NANOS // size - 1} then '; it looks like {unit}'"
        for unit, size in shorter.items()
    )
    return f"case {' '.join(looks)} else '' end"


#: What the vocabulary means. What stands in braces is made of it, and of nothing that a file tells.
_QUERY = f"""
with written as (
    select
        line, row, bytes, unread, record_id, is_record is not null as is_record,
        coalesce(scope_name, '') as scope_name, coalesce(scope_version, '') as scope_version,
        lower(trace_id) as trace_id, lower(span_id) as span_id,
        nullif(nullif(lower(parent_span_id), ''), '0000000000000000') as parent_span_id,
        coalesce(span_name, '') as span_name,
        trace_state,
        nullif(try_cast(start_nanos as bigint), 0) as start_nanos,
        nullif(try_cast(end_nanos as bigint), 0) as end_nanos,
        coalesce(try_cast(dropped as bigint), 0) > 0 as lost_attributes,
        case
            when status_code in ('2', 'STATUS_CODE_ERROR') then 'error'
            when status_code in ('1', 'STATUS_CODE_OK') then 'ok'
            else 'unset'
        end as status
        {{texts}}
    from {{spans}}
),

told as (
    select
        line, row, bytes, unread, record_id, is_record, scope_name, scope_version, trace_id, span_id, parent_span_id, span_name, trace_state,
        start_nanos, end_nanos, lost_attributes, status,
        {{dialect}} as dialect,
        {{is_run_span}} as is_run_span,
        {{includes_by_name}} as includes_by_name,
        {{excludes_by_name}} as excludes_by_name,
        {{is_uncounted}} as is_uncounted,
        {{attributes}},
        {{counts}}
    from written
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
        lower(operation) as operation_word,
        {{numbers}},
        {{has_count}} as has_count,
        {{faulty_count}} as faulty_count,
        coalesce(list_contains({{repeating}}, operation_word), false) as repeats,
        is_uncounted and has_count and not repeats as has_uncounted,
        {{known_kind}} as known_kind,
        case when trace_state like '%th:%' then regexp_extract(trace_state, '(?:^|,) *ot=(?:[^,]*;)?th:([0-9a-fA-F]{{{{1,14}}}})(?:[;, ]|$)', 1) end as threshold
    from told
),

known as (
    select
        * exclude ({{written_counts}}) replace ({{sound_numbers}}),
        coalesce(
            known_kind,
            case when has_count and (response_id is not null or coalesce(kind, operation) is null and model is not null) then 'model' end,
            'other'
        ) as span_kind,
        {EMITTER} as known_emitter,
        dialect is not null and not repeats and not coalesce((known_emitter).counts_before, false)
            and (span_kind = 'model' or has_count and not is_uncounted) as billable,
        {{input_setting}} as input_setting,
        {{output_setting}} as output_setting,
        excludes_by_name or coalesce(list_contains({{exclusive_providers}}, provider), false) and not includes_by_name as excludes_by_convention
    from meant
    left join emitters using (scope_name, scope_version)
),

{{contents}}

select
    line as landing_line, row, bytes, unread, is_record,
    null::bigint as landing_row,
    coalesce(dialect, 'otlp') as dialect,
    nullif(scope_name, '') as scope_name, nullif(scope_version, '') as scope_version,
    span_kind, known_kind,
    case when len(known_emitter.over) > 0 then known_emitter.over end as over_scopes,
    coalesce(record_id, trace_id || '|' || span_id) as record_id,
    trace_id, span_id, parent_span_id, response_id, billable,
    coalesce(lower(cache_hit) in ('true', '1', 'hit', 'yes'), false) as answered_from_cache,
    coalesce(known_emitter.provider_means, provider, known_emitter.default_provider) as provider, endpoint,
    billing_account_id,
    coalesce(sub_account_id, case when starts_with(provider, cloud_provider || '.') then cloud_account_id end) as sub_account_id,
    api_key_id, model, request_model, service_tier, batch,
    case when lower(context_band) in ('standard', 'long') then lower(context_band) end as context_band,
    lower(geography) as geography, region, lower(speed) as speed,
    operation, event_id, run_id, tenant_id, customer_id, user_id, feature_id, workflow, prompt_version, environment, data_mode, service,
    case when coalesce(start_nanos <= end_nanos, true) and start_nanos >= {_FIRST_NANOS} then make_timestamp(start_nanos // 1000) end as started_at,
    make_timestamp(coalesce(end_nanos, start_nanos) // 1000) as ended_at,
    -- What is recorded on a span that says it went well is no error of it.
    status, case when status <> 'ok' or coalesce(run_status, 'success') <> 'success' then error_type end as error_type,
    case
        when len(usage) = 0 then 'missing'
        when list_contains({{estimated}}, lower(usage_origin)) then 'estimated'
        -- What was dropped may be the other side, or what of it was cached (D77).
        when lost_attributes then 'estimated'
        when known_emitter.counts_itself = 'always' then 'estimated'
        when known_emitter.counts_itself = 'streamed' and lower(stream) = 'true' then 'estimated'
        -- A stream that was cut off counted what it had seen (rule R12).
        when lower(stream) = 'true' and (status = 'error' or error_type is not null or output_tokens = 0) then 'estimated'
        else 'provider'
    end as usage_source,
    {{readings}}, coalesce(has_uncounted, false) as has_uncounted,
    queue_seconds, jitter_ms,
    case
        when lower(throttled) in ('true', '1', 'yes') or regexp_matches(lower(error_type), 'throttl|rate_?limit|too ?many ?requests|^429$') then true
        when lower(throttled) in ('false', '0', 'no') then false
    end as throttled,
    coalesce(known_emitter.zero_cost_is_unknown and try_cast(reported_cost as decimal(38, 18)) = 0, false) as found_no_price,
    case when not found_no_price then reported_cost end as reported_cost,
    case when reported_cost is not null and not found_no_price then coalesce(upper(reported_currency), 'USD') end as reported_currency,
    case
        when threshold <> ''
            then ((72057594037927936 - ('0x' || rpad(threshold, 14, '0'))::bigint)::hugeint * 1000000 // 72057594037927936)::bigint
    end as sampling_probability_millionths,
    sampling_probability, sampling_percent,
    parent_run_id, retry_of_run_id,
    case
        when run_kind in ('primary', 'retry', 'fallback', 'escalation', 'worker') then run_kind
        when retry_of_run_id is not null then 'retry'
        when parent_run_id is not null then 'worker'
    end as run_kind,
    coalesce(run_status, case when status = 'error' then 'failure' when not is_run_span then 'success' end) as run_status,
    outcome, coalesce(emitter_told, 'sdk') as emitter,
    case when value_currency is not null then outcome_value end as outcome_value, upper(value_currency) as value_currency, confidence, reason,
    billable or not is_record and coalesce(parent_span_id, event_id, run_id, tenant_id, feature_id, workflow, prompt_version, customer_id, user_id, environment) is not null as is_call,
    dialect is not null and not is_record and run_id is not null and span_kind <> 'model'
        and (is_run_span or parent_span_id is null or run_status is not null) as is_run,
    dialect is not null and outcome is not null and event_id is not null and coalesce(lower(outcome_final), 'true') <> 'false' as is_outcome,
    case
        when not coalesce(regexp_full_match(trace_id, '[0-9a-f]{{{{32}}}}') and regexp_full_match(span_id, '[0-9a-f]{{{{16}}}}'), false)
            and record_id is null
            then 'a traceId is not 32 or a spanId not 16 hexadecimal digits'
        when coalesce(end_nanos, start_nanos, 0) <= 0 then 'a span without a time'
        when coalesce(end_nanos, start_nanos) not between {_FIRST_NANOS} and {_LAST_NANOS}
            then 'a time that is not in nanoseconds: ' || coalesce(end_nanos, start_nanos) || {_looks_like("coalesce(end_nanos, start_nanos)")}
    end as fault,
    faulty_count,
    case
        when start_nanos > end_nanos then 'begins after it ends'
        when start_nanos < {_FIRST_NANOS} then 'a time that is not in nanoseconds: ' || start_nanos || {_looks_like("start_nanos")}
    end as faulty_start
from used
"""

#: What spans tell and nobody reads: counts of model operations, and owners of spans that tell none.
_UNREAD = """
select scope_name, attribute, ended_at::date, count(*), min(landing_line)
from (select *, unnest(unread) as attribute from spans where unread is not null and fault is null)
where case
    when ends_with(replace(lower(attribute), '_', ''), '.eventid') then event_id is null
    when ends_with(replace(lower(attribute), '_', ''), '.tenantid') then tenant_id is null
    -- An event of a span often repeats what the span tells.
    when contains(attribute, '/') and usage_source <> 'missing' then false
    -- Of what is no known kind of work, too, if it names a model.
    else span_kind = 'model' or is_record or known_kind is null and model is not null
end
group by all
"""
_BLANKS = ", e' \\t\\r\\n'"
#: How begins what Logfire puts in the place of a value that looks like a secret to it: one text for many ids, so no id.
_SCRUBBED = "[Scrubbed due to "
_ESTIMATED = ["true", "estimate", "estimated", "tokenizer", "tiktoken", "local"]


#: Queries that are kept planned; more are of no ordinary files.
_MOST_QUERIES = 50
#: Readers that nobody uses now, and what each reads.
_idle: list[tuple[str, Spans]] = []
_taking = Lock()
_MOST_IDLE = 8


@contextmanager
def reader(reads: str, make: Callable[[], Spans]) -> Iterator[Spans]:
    """What reads spans so, for one file: one that has read others, since to plan a query takes longer than to read most files,
    else a new one. ``reads`` tells all of what it is made from."""
    with _taking:
        found = next((one for one in _idle if one[0] == reads), None)
        if found:
            _idle.remove(found)
    spans = found[1] if found else make()
    try:
        yield spans
    except BaseException:
        spans.close()
        raise
    with _taking:
        _idle.append((reads, spans))
        unused = _idle.pop(0)[1] if len(_idle) > _MOST_IDLE else None
    if unused:
        unused.close()


class Spans:
    """DuckDB with the spans of one batch of lines at a time, and the queries planned for those before.

    Nothing that a file tells is in the text of a query. ``semantics`` is the company's ``token_semantics``. ``compiled``: lines are
    read by the compiled reader as far as it reads them, which is worth its start for more than a few.
    """

    def __init__(
        self, dialects: Sequence[Dialect], semantics: Mapping[str, TokenSemantics], compiled: bool = False
    ) -> None:
        import duckdb

        words = self.vocabulary = Vocabulary(dialects)
        self.columns = Columns(words.numbers, words.telling_counts, words.looks_unread) if compiled else None
        self.semantics, self.told = semantics, frozenset(map(column, words.numbers.values()))
        self.queries: dict[Any, _Planned] = {}
        self.work = TemporaryDirectory(prefix="reconcile-otlp-")
        self.connection = duckdb.connect(
            config={"memory_limit": _MEMORY_LIMIT, "temp_directory": self.work.name, "threads": 1}
        )
        # Nothing is known of how many rows come, so the order of joins is the one that is written.
        self.connection.execute("set disabled_optimizers = 'join_order,build_side_probe_side,in_clause'")
        self.emitters = Emitters(self.connection, words.emitters)
        self.connection.register("emitters", self.emitters.held)
        self.parser = self.connection.cursor()

    def __enter__(self) -> Spans:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.parser.close()
        self.connection.close()
        self.work.cleanup()

    def parse(self, block: Block, base: int, reject: Reject) -> list[pa.Table]:
        """The attributes of the spans of a block of lines, in order; lines are numbered from ``base``.

        May run while ``read`` is at another block.
        """
        left: Sequence[int] = range(len(block.starts))
        parsed: list[pa.Table] = []
        if self.columns is not None:
            found, left = self.columns.of(block, base)
            parsed += [found] if found is not None else []
        in_order = not (parsed and left)
        if left:
            lines = readable(block.lines(left), base, reject)
            parsed += [part for batch in batches(with_logs_as_spans(lines)) for part in self._parse(batch, reject)]
        return parsed if in_order else [by_line(parsed)]

    def _parse(self, lines: pa.Table, reject: Reject) -> list[pa.Table]:
        """The same of lines that the general reader reads."""
        import duckdb

        words = self.vocabulary
        try:
            return [read_attributes(self.parser, lines, words.numbers, words.telling_counts, words.looks_unread)]
        except (duckdb.InvalidInputException, UnicodeDecodeError) as error:
            # Its message quotes the line up to some byte, which may be within a character (findings/duckdb_error_of_half_a_character.sh).
            told = error.object.decode(errors="ignore") if isinstance(error, UnicodeDecodeError) else f"{error}"
            if len(lines) == 1:
                line, text = lines["line"][0].as_py(), lines["text"][0].as_buffer()
                reject(line, f"not readable as OTLP/JSON: {told:.200}", len(text))
                return []
        return [part for at in range(len(lines)) for part in self._parse(lines.slice(at, 1), reject)]

    def read(self, attributes: pa.Table) -> Meaning:
        """What the spans mean, in the order of their lines."""
        self.emitters.know(attributes)
        told = self.told.intersection(attributes.column_names)
        neat = frozenset(name for name in told if is_neat(attributes[name]))
        attributes = attributes.append_column("row", counted(len(attributes)))
        spans = self._query(attributes, neat).rows(attributes)
        meaning = Meaning(_in_order(spans), attributes, self.vocabulary)
        if attributes["unread"].null_count < len(attributes):
            self.connection.register("spans", spans)
            meaning.unread += self.connection.execute(_UNREAD).fetchall()
            self.connection.unregister("spans")
        return meaning

    def _query(self, attributes: pa.Table, neat: frozenset[str]) -> _Planned:
        shape = (tuple(attributes.schema), neat)
        if shape not in self.queries:
            if len(self.queries) >= _MOST_QUERIES:
                self.queries.clear()  # others are planned under their numbers
            number = len(self.queries)
            query = _Query(self.vocabulary, self.semantics, f"spans_{number}", frozenset(attributes.column_names), neat)
            self.queries[shape] = _Planned(self.connection, number, attributes, query)
        return self.queries[shape]


class _Planned:
    """A query that DuckDB has planned, over rows that are given to it each time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, number: int, attributes: pa.Table, query: _Query) -> None:
        self.connection, self.number, self.held = connection, number, Held(attributes)
        connection.register(f"spans_{number}", self.held)
        connection.execute(f"prepare meaning_{number} as {query.text}")

    def rows(self, attributes: pa.Table) -> pa.Table:
        """What the query says of them."""
        self.held.rows = attributes
        found = self.connection.sql(f"execute meaning_{self.number}").to_arrow_table()
        self.held.rows = None
        return found


def _in_order(spans: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    lines = spans["landing_line"]
    is_in_order = not pc.any(pc.less(lines.slice(1), lines.slice(0, max(len(lines) - 1, 0)))).as_py()
    return spans if is_in_order else spans.sort_by("landing_line")


class Meaning:
    """What the spans of one batch mean: ``spans``, a row each, with a ``fault`` where it cannot be read.

    ``unread`` are (scope, attribute, day, calls, first line) of what looks like usage or tells an owner and is not read.
    """

    def __init__(self, spans: pa.Table, attributes: pa.Table, vocabulary: Vocabulary) -> None:
        self.spans, self.attributes, self.vocabulary = spans, attributes, vocabulary
        self.unread: list[tuple[str | None, str, date, int, int]] = []
        #: The spans whose counts are not read → which of these they may tell.
        not_read = {"has_unread_total": ("total",), "has_uncounted": COUNTS}
        for flag, counts in not_read.items():
            found = spans.filter(spans[flag]).select(["scope_name", "ended_at", "landing_line", "row", "fault"])
            for span in found.to_pylist():
                told = [] if span["fault"] else [self._told(span["row"], count) for count in counts]
                self.unread += [
                    (span["scope_name"], name, span["ended_at"].date(), 1, span["landing_line"])
                    for name, text in filter(None, told)
                    if text[:1] not in "-0"
                ]

    def told_by(self, row: int, count: str) -> tuple[str, str]:
        """The attribute that tells a count of the span ``row``, and its text."""
        told = self._told(row, count)
        assert told, f"no attribute of the span tells {count}"
        return told

    def _told(self, row: int, count: str) -> tuple[str, str] | None:
        for name in self.vocabulary.counts[count]:
            attribute, _ = split_name(name)
            told = column(self.vocabulary.numbers[attribute])
            if told in self.attributes.column_names and (text := self.attributes[told][row].as_py()) and text.strip():
                return attribute, text
        return None


class Vocabulary:
    """All that several dialects say together: for each field and count the names of all, in the dialects' order."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.dialects = dialects
        self.emitters = [emitter for dialect in dialects for emitter in dialect.emitters]
        self.attributes = {name: _united(d.attributes.get(name, ()) for d in dialects) for name in FIELDS}
        self.counts = {name: _united(d.counts.get(name, ()) for d in dialects) for name in COUNTS}
        #: Attributes that tell a count as they stand.
        self.telling_counts = {*_whole(name for names in self.counts.values() for name in names)}
        carriers = _united(dialect.carriers for dialect in dialects)
        for name in WHO_AND_WHY:
            plain = [told for told in (name, *self.attributes[name]) if "/" not in told and split_name(told)[1] is None]
            carried = (carrier.replace("*", told) for carrier in carriers for told in dict.fromkeys(plain))
            self.attributes[name] = _united([self.attributes[name], tuple(carried)])
        #: Attributes that tell whose a span is. Ids are read from files and commands, line break included.
        self.owners = {split_name(name)[0] for field in WHO_AND_WHY for name in self.attributes[field]}
        self.ignored = _united(dialect.ignored for dialect in dialects)
        self.ignored_below = tuple(name for name in self.ignored if name.endswith("."))
        #: Attribute → its number, for every attribute that is read.
        self.numbers = {
            name: number for number, name in enumerate(dict.fromkeys(split_name(name)[0] for name in self.names()))
        }

    def names(self) -> Iterator[str]:
        """Every name that is read, as dialects write them."""
        marks = (
            m for d in self.dialects for m in (d.recognised_by, d.inclusive_by, d.exclusive_by, d.passed_through_by)
        )
        for names in (*marks, *self.attributes.values(), *self.counts.values()):
            yield from names

    def looks_unread(self, name: str) -> Literal["number", "text"] | None:
        """Whether an attribute that is not read looks like a token count, or like a text that tells whose a span is (R33)."""
        event, _, name = name.rpartition("/")
        lower = name.lower()
        if name in self.ignored or name.startswith(self.ignored_below):
            return None
        if ("token" in lower or "usage" in lower) and not any(word in lower for word in _NO_COUNTS):
            return "number"
        return "text" if lower.endswith(OWNERS) and not event else None


#: Parts of names with ``token`` or ``usage`` in them that are settings, limits and prices.
_NO_COUNTS = (
    *("max", "min", "limit", "budget", "remaining", "cost", "price", "rate", "per_", "duration", "latency", "speed"),
    *("time", "logprob", "type", "tokenizer", "_id", "threshold"),
)
#: Ends of names that tell whose a span is, under a prefix nobody reads.
OWNERS = (".event_id", ".eventid", ".tenant_id", ".tenantid")


def split_name(name: str) -> tuple[str, str | None]:
    """The attribute of a name, and the JSON path below it: empty for the whole text, None for text that is no JSON."""
    found = _IN_JSON.fullmatch(name)
    if found is None:
        return name, None
    return found[1], "".join(f'."{key}"' for key in found[2].split(".")[1:])


_IN_JSON = re.compile(r"(.+?)\$((?:\.[^.]+)*)", re.DOTALL)


def _whole(names: Iterable[str]) -> Iterator[str]:
    """The names that are attributes as they stand, not parts of a JSON text."""
    return (name for name in names if split_name(name)[1] is None)


def _united(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in lists for name in names))


class _Query:
    """The query from attributes to meaning, for spans that have no other columns than ``present``, of which ``neat`` need no trim."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        semantics: Mapping[str, TokenSemantics],
        spans: str,
        present: frozenset[str],
        neat: frozenset[str],
    ) -> None:
        numbers = vocabulary.numbers
        self.neat = neat
        self.numbers = {name: number for name, number in numbers.items() if column(number) in present}
        self.text = self._text(vocabulary, semantics, spans)

    def _text(self, vocabulary: Vocabulary, semantics: Mapping[str, TokenSemantics], spans: str) -> str:
        dialects = vocabulary.dialects
        # Planning the query is a good part of a small file's time, so it checks no count the spans do not have.
        told = [count for count in COUNTS if self._present(vocabulary.counts[count])]
        recognised = []
        for dialect in dialects:
            marks = [f"{self._first(dialect.recognised_by)} is not null"]
            if dialect.run_span:
                marks.append(f"starts_with(span_name, {_literal(dialect.run_span)})")
            recognised.append(f"when {' or '.join(marks)} then {_literal(dialect.name)}")
        for dialect in dialects:
            # Who counts in a vocabulary speaks it. A total alone is no usage, and a bare one may be of anything.
            counts = [name for count, names in dialect.counts.items() if count != "total" for name in names]
            if self._present(counts):
                recognised.append(f"when {self._first(counts)} is not null then {_literal(dialect.name)}")
        run_spans = [f"starts_with(span_name, {_literal(d.run_span)})" for d in dialects if d.run_span]
        includes = self._first(_united(d.inclusive_by for d in dialects))
        passed_through = self._first(_united(d.passed_through_by for d in dialects))
        kinds = _merged(dialect.kinds for dialect in dialects)
        named = _merged(dialect.kinds_by_name for dialect in dialects)
        words = ((kinds, "lower(kind)"), (kinds, "operation_word"), (named, "lower(span_name)"))
        return _QUERY.format(
            spans=spans,
            texts="".join(
                f", {self._name(column(number)) if name in vocabulary.owners else self._trimmed(column(number))} as {column(number)}"
                for name, number in self.numbers.items()
            ),
            dialect=f"case {' '.join(recognised)} end",
            is_run_span=" or ".join(run_spans) or "false",
            includes_by_name=f"{includes} is not null and {passed_through} is null",
            excludes_by_name=f"{self._first(_united(d.exclusive_by for d in dialects))} is not null",
            is_uncounted=" or ".join(
                f"coalesce(list_contains({_literal(list(d.uncounted_kinds))}, lower({self._first(d.attributes['kind'])})), false)"
                for d in dialects
                if d.uncounted_kinds and self._present(d.attributes["kind"])
            )
            or "false",
            attributes=", ".join(
                f"{self._first(names)} as {'emitter_told' if name == 'emitter' else name}"
                for name, names in vocabulary.attributes.items()
            ),
            counts=", ".join(f"{self._first(names)} as {name}_told" for name, names in vocabulary.counts.items()),
            provider=self._provider(),
            service_tier=self._translated(_merged(d.service_tiers for d in dialects), "service_tier"),
            numbers=", ".join(
                f"try_cast({c}_told as {'decimal(28, 9)' if c in METERS else 'bigint'}) as {c}" for c in COUNTS
            ),
            has_count=" or ".join(f"{c}_told is not null" for c in told) or "false",
            faulty_count="case "
            + " ".join(f"when {c}_told is not null and ({is_sound(c)}) is not true then '{c}'" for c in told)
            + " else null end"
            if told
            else "null::varchar",
            sound_numbers=", ".join(
                f"case when faulty_count is null and not repeats and not is_uncounted then {c} end as {c}" for c in told
            )
            or "total as total",
            written_counts=", ".join(f"{count}_told" for count in COUNTS),
            repeating=_literal([operation for dialect in dialects for operation in dialect.repeating_operations]),
            known_kind=f"coalesce(null::varchar, {', '.join(self._looked_up(meanings, word) for meanings, word in words if meanings)})",
            input_setting=self._looked_up({s: c.input for s, c in semantics.items() if c.input}, "scope_name"),
            output_setting=self._looked_up({s: c.output for s, c in semantics.items() if c.output}, "scope_name"),
            exclusive_providers=_literal(list(_united(d.exclusive_providers for d in dialects))),
            contents=contents(told),
            readings=readings(told),
            estimated=_literal(_ESTIMATED),
        )

    def _name(self, name: str) -> str:
        """A text that tells whose a span is; null for what says only that there was one."""
        told = self._trimmed(name, _BLANKS)
        return f"case when not starts_with({told}, {_literal(_SCRUBBED)}) then {told} end"

    def _trimmed(self, name: str, blanks: str = "") -> str:
        """A text without blanks around it; null for one of nothing else. Most columns have none, and a trim is dear."""
        return name if name in self.neat else f"nullif(trim({name}{blanks}), '')"

    def _present(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if split_name(name)[0] in self.numbers]

    def _first(self, names: Iterable[str]) -> str:
        """The text of the first attribute of ``names`` that a span has."""
        found = [self._value(name) for name in self._present(names)]
        return f"coalesce({', '.join(found)})" if found else "null::varchar"

    def _value(self, name: str) -> str:
        """The text under a name: an attribute's, or what its JSON text has under a path."""
        attribute, path = split_name(name)
        written = column(self.numbers[attribute])
        if path is None:
            return written
        found = f"json_extract_string(try_cast({written} as json), {_literal('$' + path)})"
        return f"nullif(trim({found}), '')" if path else f"coalesce({found}, {written})"

    def _looked_up(self, meanings: Mapping[str, Any], word: str) -> str:
        """The meaning of a word, null for one that has none."""
        names, values = _literal(list(meanings)), _literal(list(meanings.values()))
        return f"{values}[list_position({names}, {word})]"

    def _provider(self) -> str:
        """``naming.provider`` in SQL: the longest beginning of words that is a provider's spelling, else what is told."""
        spellings = f"map({_literal(list(naming.PROVIDERS))}, {_literal(list(naming.PROVIDERS.values()))})"
        told = "lower(provider)"
        beginnings = (told, f"array_to_string(string_split({told}, '.')[1:2], '.')", f"split_part({told}, '.', 1)")
        return f"coalesce({', '.join(f'{spellings}[{beginning}]' for beginning in beginnings)}, {told})"

    def _translated(self, meanings: Mapping[str, str | None], expression: str) -> str:
        """A word in its common spelling; null for one that means *not told*."""
        word = f"lower({expression})"
        known = f"list_contains({_literal(list(meanings))}, {word})"
        return f"case when {known} then {self._looked_up(meanings, word)} else {word} end"


def _literal(value: str | Iterable[str | None] | None) -> str:
    """A text, or a list of texts, as SQL writes it."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"([{', '.join(map(_literal, value))}]::varchar[])"


def _merged(mappings: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The mappings as one; of equal keys the first mapping's counts."""
    merged: dict[str, Any] = {}
    for mapping in mappings:
        merged = {**mapping, **merged}
    return merged
