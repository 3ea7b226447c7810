"""From lines of OTLP/JSON to spans: a span's ids, fields and partitioned usage, one row each. All of it is SQL for DuckDB.

A batch of lines is read in two steps. The first parses it and keeps of every span the names and texts of its
attributes. The second looks up what the dialects ask for, with a query made for the names this batch has: of the
hundreds a vocabulary knows, a file has few dozens, and each name that is not looked up saves its time on every span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reconcilers.errors import SourceRejected
from reconcilers.objects import split_line
from reconcilers.telemetry.base import PROVIDER_ALIASES, Dialect
from reconcilers.telemetry.otlp_files import DAMAGED

if TYPE_CHECKING:
    import pyarrow as pa

#: What no single operation exceeds, in any meter's own unit; sums of it must stay in INT64 (rule R17).
MAX_COUNT = 10**12

_MEMORY_LIMIT = "2GB"

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
_EVENTS = "list_filter(span.events, lambda e: list_contains($1, e.name))"
_EVENT_KEYS = "flatten(list_transform({0}, lambda e: list_transform(e.attributes, lambda a: e.name || '/' || a.key)))"
_EVENT_TEXTS = f"flatten(list_transform({{0}}, lambda e: {_TEXTS.format('e.attributes')}))"

#: Spans with their attributes as two lists. ``$1`` is the names of the events whose attributes are read.
_KEYED = f"""
create or replace temp table keyed as
with messages as (
    select line, from_json(text, '{_MESSAGE}') as message from lines
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
)

-- Reversed, because list_position finds the first and of attributes with one name the last counts.
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
"""

#: Which of the names ``$1`` the spans have.
_PRESENT = "select distinct name from (select unnest(keys) as name from keyed) where list_contains($1, name)"

#: What the vocabulary means. What stands in braces is made of it, with every name a bound value.
_QUERY = f"""
with recognised as (
    select *, {{dialect}} as dialect, {{is_run_span}} as is_run_span from keyed
),

-- Materialised, or every use of a field would look its attribute up again.
told as materialized (
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


class Spans:
    """DuckDB with the spans of one batch of lines at a time.

    Names of attributes are bound values; what is read of a file is a value in the query and never its text.
    ``exclusive`` are emitters whose input counts were found to exclude cached tokens.
    """

    def __init__(
        self, dialects: Sequence[Dialect], semantics: Mapping[str, str], exclusive: frozenset[str], work: Path
    ) -> None:
        import duckdb

        self.dialects, self.semantics, self.exclusive = dialects, semantics, exclusive
        self.names = list(dict.fromkeys(name for dialect in dialects for name in _names(dialect)))
        self.events = sorted({name.rpartition("/")[0] for name in self.names} - {""})
        self.queries: dict[frozenset[str], _Query] = {}
        self.connection = duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": str(work)})

    def __enter__(self) -> Spans:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def read(self, lines: pa.Table, unit: str, source: str) -> pa.Table:
        """The spans of a batch of lines, in no certain order."""
        import duckdb

        self.connection.register("lines", lines)
        try:
            self.connection.execute(_KEYED, [self.events])
        except duckdb.InvalidInputException as error:
            first = split_line(lines["line"][0].as_py())[1]
            problem = f"from this line on not readable as OTLP/JSON: {error!s:.200}"
            raise SourceRejected(problem, source=source, file=unit, line=first, hint=DAMAGED) from None
        finally:
            self.connection.unregister("lines")
        present = frozenset(name for (name,) in self.connection.execute(_PRESENT, [self.names]).fetchall())
        if present not in self.queries:
            self.queries[present] = _Query(self.dialects, self.semantics, self.exclusive, present)
        query = self.queries[present]
        # A relation with bound values would be planned twice, and planning is most of a small file's time.
        self.connection.execute(f"create or replace temp table spans as {query.text}", query.values)
        return self.connection.table("spans").to_arrow_table()


class _Query:
    """The query from attributes to meaning, for spans that have no other names than ``present``, with its bound values."""

    def __init__(
        self,
        dialects: Sequence[Dialect],
        semantics: Mapping[str, str],
        exclusive: frozenset[str],
        present: frozenset[str],
    ) -> None:
        self.dialects, self.present = dialects, present
        self.values: list[Any] = []
        self.text = self._text(semantics, exclusive)

    def _text(self, semantics: Mapping[str, str], exclusive: frozenset[str]) -> str:
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
            faulty_count=" or ".join(f"({c}_told is not null and ({_is_sound(c)}) is not true)" for c in counts),
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
        found = [f"texts[list_position(keys, {self._bound(name)})]" for name in names if name in self.present]
        return f"coalesce({', '.join(found)})" if found else "null::varchar"

    def _told(self, names: Callable[[Dialect], Sequence[str]]) -> str:
        """As ``_first``, with the names of the span's dialect."""
        lists = [tuple(name for name in names(dialect) if name in self.present) for dialect in self.dialects]
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
