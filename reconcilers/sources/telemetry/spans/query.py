"""What spans mean: their ids, fields and partitioned usage, one row each, by what the dialects say. All of it is SQL.

``otlp_attributes`` makes of a batch of lines a table with a column for every attribute it has. The query over it is made
for those columns: of the hundreds of names a vocabulary knows, a file has few dozens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reconcilers import naming
from reconcilers.errors import SourceRejected
from reconcilers.sources.folders import split_line
from reconcilers.sources.telemetry.base import Dialect
from reconcilers.sources.telemetry.spans.attributes import column, read_attributes
from reconcilers.sources.telemetry.spans.files import DAMAGED

if TYPE_CHECKING:
    import pyarrow as pa

#: What no single operation exceeds, in any meter's own unit; sums of it must stay in INT64 (rule R17).
MAX_COUNT = 10**12

_MEMORY_LIMIT = "2GB"

#: What the vocabulary means. What stands in braces is made of it, with every word a bound value.
_QUERY = f"""
with written as (
    select
        line,
        coalesce(scope_name, '') as scope_name, coalesce(scope_version, '') as scope_version,
        lower(trace_id) as trace_id, lower(span_id) as span_id,
        nullif(nullif(lower(parent_span_id), ''), '0000000000000000') as parent_span_id,
        coalesce(span_name, '') as span_name,
        trace_state,
        nullif(try_cast(start_nanos as bigint), 0) as start_nanos,
        nullif(try_cast(end_nanos as bigint), 0) as end_nanos,
        case
            when status_code in ('2', 'STATUS_CODE_ERROR') then 'error'
            when status_code in ('1', 'STATUS_CODE_OK') then 'ok'
            else 'unset'
        end as status
        {{texts}}
    from attributes
),

recognised as (
    select *, {{dialect}} as dialect, {{is_run_span}} as is_run_span from written
),

-- Materialised, or every use of a field would choose among its attributes again.
told as materialized (
    select
        line, scope_name, scope_version, trace_id, span_id, parent_span_id, trace_state, start_nanos, end_nanos, status,
        dialect, is_run_span,
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
        coalesce(cached_tokens > input, false) as cache_exceeds_input,
        coalesce(cache_read, cache_write, cache_write_5m, cache_write_1h) is not null as tells_cache
    from cached
),

used as (
    select
        *,
        case
            when not billable then []
            {{usage}}
        end as usage
    from uncached
)

select
    {{constants}},
    line as landing_line,
    null::bigint as landing_row,
    coalesce(dialect, 'otlp') as dialect,
    nullif(scope_name, '') as scope_name, nullif(scope_version, '') as scope_version,
    case when is_billable_operation then 'model' when lower(operation) = 'execute_tool' then 'tool' else 'other' end as span_kind,
    null::varchar[] as over_scopes,
    trace_id || '|' || span_id as record_id,
    trace_id, span_id, parent_span_id, response_id, billable, false as answered_from_cache,
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
    {{meters_told}} as meters_told,
    case when input is not null or total is not null then case when semantics = 'inclusive' then input_tokens else input_tokens + cached_tokens end end as input_total,
    case when output is not null then output_tokens end as output_total,
    case when tells_cache then cached_tokens end as cached_total,
    tells_cache, null::boolean as emitter_tells_cache,
    case when len(usage) > 0 then case when semantics = 'ambiguous' and cache_exceeds_input then 'exclusive' else semantics end end as token_semantics,
    null::varchar as token_semantics_by, cache_exceeds_input, false as usage_inconsistent,
    reported_cost,
    case when reported_cost is not null then coalesce(upper(reported_currency), 'USD') end as reported_currency,
    case
        when threshold <> ''
            then ((72057594037927936 - ('0x' || rpad(threshold, 14, '0'))::bigint)::hugeint * 1000000 // 72057594037927936)::bigint
    end as sampling_probability_millionths,
    sampling_probability,
    usage, null::struct(meter varchar, modality varchar, cache_ttl varchar, quantity decimal(38, 9))[] as usage_exclusive,
    parent_run_id, retry_of_run_id,
    case
        when run_kind in ('primary', 'retry', 'fallback', 'escalation', 'worker') then run_kind
        when retry_of_run_id is not null then 'retry'
        when parent_run_id is not null then 'worker'
    end as run_kind,
    coalesce(run_status, case when status = 'error' then 'failure' when not is_run_span then 'success' end) as run_status,
    outcome, coalesce(emitter, 'sdk') as emitter,
    case when value_currency is not null then outcome_value end as outcome_value, upper(value_currency) as value_currency, confidence, reason,
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
#: Counts that tell no meter: sums, and what is inside another.
_NO_METERS = frozenset({"total", "reasoning"})
#: (meter, modality, cache TTL, quantity): no token is in two of them.
_COMMON_PARTITION = (
    ("input_tokens", "null", "null", "uncached_tokens"),
    ("cache_read_input_tokens", "null", "null", "cache_read_tokens"),
    ("cache_write_input_tokens", "null", "null", "written_tokens"),
    ("output_tokens", "null", "null", "output_tokens"),
)
#: Counts that make no other elements than those.
_COMMON_COUNTS = frozenset({"input", "output", "total", "cache_read", "cache_write", "reasoning"})
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


class Spans:
    """DuckDB with the spans of one batch of lines at a time.

    What is read of a file is a value in the query and never its text, attribute names included.
    ``exclusive`` are emitters whose input counts were found to exclude cached tokens. ``constants`` are columns that say
    the same of every span.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        semantics: Mapping[str, str],
        exclusive: frozenset[str],
        constants: Mapping[str, str],
        work: Path,
    ) -> None:
        import duckdb

        self.dialects, self.semantics, self.exclusive, self.constants = dialects, semantics, exclusive, constants
        names = dict.fromkeys(name for dialect in dialects for name in _names(dialect))
        self.numbers = {name: number for number, name in enumerate(names)}
        self.queries: dict[frozenset[str], _Query] = {}
        self.connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": str(work)})
        self.parser = self.connection.cursor()

    def __enter__(self) -> Spans:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.parser.close()
        self.connection.close()

    def parse(self, lines: pa.Table, unit: str, source: str) -> pa.Table:
        """The attributes of the spans of a batch of lines, in order. May run while ``read`` is at another batch."""
        import duckdb

        try:
            return read_attributes(self.parser, lines, self.numbers)
        except duckdb.InvalidInputException as error:
            first = split_line(lines["line"][0].as_py())[1]
            problem = f"from this line on not readable as OTLP/JSON: {error!s:.200}"
            raise SourceRejected(problem, source=source, file=unit, line=first, hint=DAMAGED) from None

    def read(self, attributes: pa.Table) -> pa.Table:
        """What the spans mean, in no certain order."""
        present = frozenset(attributes.column_names)
        if present not in self.queries:
            numbers = {name: number for name, number in self.numbers.items() if column(number) in present}
            self.queries[present] = _Query(self.dialects, self.semantics, self.exclusive, self.constants, numbers)
        query = self.queries[present]
        self.connection.register("attributes", attributes)
        # A relation with bound values would be planned twice, and planning is most of a small file's time.
        self.connection.execute(f"create or replace temp table spans as {query.text}", query.values)
        self.connection.unregister("attributes")
        return self.connection.table("spans").to_arrow_table()


class _Query:
    """The query from attributes to meaning, for spans that have no other names than those of ``numbers``."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        semantics: Mapping[str, str],
        exclusive: frozenset[str],
        constants: Mapping[str, str],
        numbers: Mapping[str, int],
    ) -> None:
        self.dialects, self.numbers = dialects, numbers
        self.values: list[Any] = []
        self.text = self._text(semantics, exclusive, constants)

    def _text(self, semantics: Mapping[str, str], exclusive: frozenset[str], constants: Mapping[str, str]) -> str:
        dialects, bound = self.dialects, self._bound
        fields = list(dict.fromkeys(name for dialect in dialects for name in dialect.attributes))
        counts = list(dict.fromkeys(name for dialect in dialects for name in dialect.counts))
        # Planning the query is a good part of a small file's time, so it checks no count the spans do not have.
        told = [count for count in counts if any(name in self.numbers for d in dialects for name in _count(count)(d))]
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
            constants=", ".join(f"{bound(value)} as {name}" for name, value in constants.items()),
            texts="".join(f", nullif(trim({c}), '') as {c}" for c in map(column, self.numbers.values())),
            dialect=f"case {' '.join(recognised)} end",
            is_run_span=" or ".join(run_spans) or "false",
            follows_convention=self._told(lambda dialect: dialect.inclusive_by),
            passed_through=self._told(lambda dialect: dialect.passed_through_by),
            attributes=", ".join(f"{self._told(_attribute(name))} as {name}" for name in fields),
            counts=", ".join(f"{self._told(_count(name))} as {name}_told" for name in counts),
            provider=self._provider(),
            service_tier=self._translated(_merged(d.service_tiers for d in dialects), "service_tier"),
            numbers=", ".join(
                f"try_cast({c}_told as {'decimal(28, 9)' if c in _METERS else 'bigint'}) as {c}" for c in counts
            ),
            has_count=" or ".join(f"{c}_told is not null" for c in told) or "false",
            faulty_count=" or ".join(f"({c}_told is not null and ({_is_sound(c)}) is not true)" for c in told)
            or "false",
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
            meters_told=" + ".join(f"({c}_told is not null)::bigint" for c in told if c not in _NO_METERS) or "0",
            usage=_usage(told),
        )

    def _bound(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def _first(self, names: Sequence[str]) -> str:
        """The text of the first attribute of ``names`` that a span has."""
        found = [column(self.numbers[name]) for name in names if name in self.numbers]
        return f"coalesce({', '.join(found)})" if found else "null::varchar"

    def _told(self, names: Callable[[Dialect], Sequence[str]]) -> str:
        """As ``_first``, with the names of the span's dialect."""
        lists = [tuple(name for name in names(dialect) if name in self.numbers) for dialect in self.dialects]
        if len(set(lists)) == 1:
            return self._first(lists[0])
        cases = [
            f"when {self._bound(dialect.name)} then {self._first(found)}"
            for dialect, found in zip(self.dialects, lists, strict=True)
        ]
        return f"case dialect {' '.join(cases)} end"

    def _provider(self) -> str:
        """``naming.provider`` in SQL: the longest beginning of words that is a provider's spelling, else what is told."""
        spellings = f"map({self._bound(list(naming.PROVIDERS))}, {self._bound(list(naming.PROVIDERS.values()))})"
        told = "lower(provider)"
        beginnings = (told, f"array_to_string(string_split({told}, '.')[1:2], '.')", f"split_part({told}, '.', 1)")
        return f"coalesce({', '.join(f'{spellings}[{beginning}]' for beginning in beginnings)}, {told})"

    def _translated(self, meanings: Mapping[str, str | None], expression: str) -> str:
        cases = [f"when {self._bound(word)} then {self._bound(m)}::varchar" for word, m in meanings.items()]
        return f"case lower({expression}) {' '.join(cases)} else {expression} end"

    def _listed(self, expression: str, values: Iterable[str]) -> str:
        """Whether a value is one of ``values``; false for null."""
        found = sorted(set(values))
        return f"coalesce(list_contains({self._bound(found)}, {expression}), false)" if found else "false"


def _usage(told: Sequence[str]) -> str:
    """How the partition depends on the span, where spans have no other counts than ``told``."""
    common = f"else {_elements(_COMMON_PARTITION)}"
    if set(told) <= _COMMON_COUNTS:
        return common
    has_meter = " or ".join(f"{meter} > 0" for meter in _METERS)
    apart = f"tells_modality or written_5m_tokens > 0 or written_1h_tokens > 0 or {has_meter}"
    return f"when {apart} then {_elements(_PARTITION)} {common}"


def _elements(partition: Iterable[tuple[str, str, str, str]]) -> str:
    elements = [
        f"{{'meter': '{meter}', 'modality': {modality}::varchar, 'cache_ttl': {ttl}::varchar, 'quantity': ({quantity})::decimal(38, 9)}}"
        for meter, modality, ttl, quantity in partition
    ]
    return f"list_filter([{', '.join(elements)}], lambda e: e.quantity > 0)"


def _is_sound(count: str) -> str:
    """Whether a count is one. A cast to a whole number rounds, hence the comparison with what was written."""
    whole = "" if count in _METERS else f" and {count} = try_cast({count}_told as decimal(38, 18))"
    return f"{count} between 0 and {MAX_COUNT}{whole}"


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
