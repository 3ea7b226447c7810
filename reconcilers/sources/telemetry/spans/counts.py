"""What a span's counts contain and how they partition, as SQL (rule R31). ``query.py`` puts it around its fields.

The order: the company's setting; a total, for this telling only; more thoughts than output, for this telling only; the
table of emitters; the dialect's convention. What many calls of one emitter show is decided over all files known, in
``ingest/resolution``; for it the reading by convention comes with its alternative (``usage_exclusive``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from reconcilers.ingest.lake import most_of

#: What no single operation exceeds, in any meter's own unit; sums of it must stay in INT64 (rule R17).
MAX_COUNT = 10**12

#: Counts that are meters of their own; all others are counts of tokens.
METERS = ("read_units", "write_units")
#: Counts that tell a meter each; a told zero counts. Thoughts, totals and what is inside another tell none.
_TELL_METERS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", *METERS)
_CACHED = ("cache_read", "cache_write", "cache_write_5m", "cache_write_1h")
#: What a total may count beside input and output: (a count that tells it, its tokens, its bit in ``outside``).
_MAY_BE_OUTSIDE = (
    (("cache_read",), "cache_read_tokens", 1),
    (("cache_write", "cache_write_5m", "cache_write_1h"), "cache_write_tokens", 2),
    (("reasoning",), "reasoning_tokens", 4),
    (("tool",), "tool_tokens", 8),
)

#: From ``known`` (fields, numbers, emitter) to ``used``. What stands in braces follows from the counts the spans have.
CONTENTS = """
sized as (
    select
        *,
        -- A total and one side tell the other.
        coalesce(input, case when total >= output then total - output end) as whole_input,
        coalesce(output, case when total >= input then total - input end) as whole_output,
        coalesce(cache_read, 0) as cache_read_tokens,
        coalesce(cache_write_5m, 0) as written_5m_tokens,
        coalesce(cache_write_1h, 0) as written_1h_tokens,
        greatest(coalesce(cache_write, 0) - coalesce(cache_write_5m, 0) - coalesce(cache_write_1h, 0), 0) as written_tokens,
        greatest(coalesce(cache_write, 0), coalesce(cache_write_5m, 0) + coalesce(cache_write_1h, 0)) as cache_write_tokens,
        coalesce(reasoning, 0) as reasoning_tokens,
        coalesce(tool, 0) as tool_tokens,
        total - input - output as beyond,
        {tells_cache} as tells_cache,
        coalesce(text_input, image_input, audio_input, video_input, text_output, audio_output) is not null as tells_modality
    from known
),

totalled as (
    select *, case when beyond > 0 then {fitting} end as fitting, case when beyond > 0 then {outside} end as outside from sized
),

proven as (
    select
        * exclude (outside),
        coalesce(
            total < input or total < output or beyond < 0 or fitting = 0
            -- Two proofs against each other: what the total has inside a side is more than the side.
            or fitting = 1 and (
                outside & 4 = 0 and reasoning_tokens > output
                or case when outside & 1 = 0 then cache_read_tokens else 0 end
                + case when outside & 2 = 0 then cache_write_tokens else 0 end > input
            ),
            false
        ) as total_fits_nothing,
        case when fitting = 1 and not total_fits_nothing then outside end as outside
    from totalled
),

decided as (
    select
        *,
        case
            when input_setting is not null then 'setting'
            when outside is not null then 'total'
            when known_emitter.input_contains_cache is not null then 'table'
            else 'convention'
        end as decided_by,
        case decided_by
            when 'setting' then input_setting = 'exclusive'
            when 'total' then outside & 1 > 0
            when 'table' then not known_emitter.input_contains_cache
            else excludes_by_convention
        end as reads_outside,
        case when decided_by = 'total' then outside & 2 > 0 else reads_outside end as writes_outside,
        coalesce(
            output_setting = 'exclusive',
            outside & 4 > 0,
            case when reasoning_tokens > coalesce(whole_output, 0) then true end,
            not known_emitter.output_contains_thoughts,
            false
        ) as thoughts_outside,
        cache_read_tokens + cache_write_tokens as cached_tokens,
        case when reads_outside then 0 else cache_read_tokens end
        + case when writes_outside then 0 else cache_write_tokens end as cached_inside,
        coalesce(cached_inside > whole_input, false) as goes_below_zero
    from proven
),

parted as (
    select
        *,
        coalesce(whole_input, 0) + case when outside & 8 > 0 then tool_tokens else 0 end as uncached_if_outside,
        -- What would go below zero stays as told.
        case when whole_input is null or goes_below_zero then 0 else cached_inside end as contained_tokens,
        uncached_if_outside - contained_tokens as uncached_tokens,
        coalesce(whole_output, 0) + case when thoughts_outside then reasoning_tokens else 0 end as output_tokens
    from decided
),

used as (
    select
        *,
        case when not billable then [] {usage} end as usage,
        case
            when not billable or decided_by <> 'convention' or cached_inside = 0 then null
            {usage_exclusive}
        end as usage_exclusive
    from parted
)
"""

#: Columns of ``calls`` that say how the counts were read.
READINGS = """
    {meters_told} as meters_told,
    case when whole_input is not null then uncached_tokens + cached_tokens end as input_total,
    case when whole_output is not null then output_tokens end as output_total,
    case when tells_cache then cached_tokens end as cached_total,
    tells_cache,
    known_emitter.tells_cache as emitter_tells_cache,
    case
        when not tells_cache then null
        when reads_outside and writes_outside then 'exclusive'
        when reads_outside and cache_read_tokens > 0 or writes_outside and cache_write_tokens > 0 then 'exclusive'
        else 'inclusive'
    end as token_semantics,
    case when tells_cache then decided_by end as token_semantics_by,
    case decided_by
        when 'convention' then goes_below_zero
        when 'total' then coalesce(cached_tokens > whole_input, false) and cached_inside = 0
        else false
    end as cache_exceeds_input,
    total_fits_nothing
    {more_inside}
    or goes_below_zero and decided_by <> 'convention'
    or not thoughts_outside and reasoning_tokens > coalesce(whole_output, 0) as usage_inconsistent,
    usage, usage_exclusive,
    total is not null and input is null and output is null as has_unread_total
"""

#: (meter, modality, cache TTL, quantity): no token is in two of them. ``{uncached}`` is what of the input is not cached.
_COMMON_PARTITION = (
    ("input_tokens", "null", "null", "{uncached}"),
    ("cache_read_input_tokens", "null", "null", "cache_read_tokens"),
    ("cache_write_input_tokens", "null", "null", "written_tokens"),
    ("output_tokens", "null", "null", "output_tokens"),
)
#: Counts that make no other elements than those.
_COMMON_COUNTS = frozenset({"input", "output", "total", "cache_read", "cache_write", "reasoning", "tool"})
#: What is cached is text as far as there is any; so other modalities are uncached as far as there is room.
_AUDIO, _IMAGE, _VIDEO = (f"coalesce({modality}_input, 0)" for modality in ("audio", "image", "video"))
_PARTITION = (
    (
        "input_tokens",
        "case when tells_modality then 'text' end",
        "null",
        f"{{uncached}} - {_AUDIO} - {_IMAGE} - {_VIDEO}",
    ),
    ("input_tokens", "'audio'", "null", f"least({_AUDIO}, {{uncached}})"),
    ("input_tokens", "'image'", "null", f"least({_IMAGE}, {{uncached}} - {_AUDIO})"),
    ("input_tokens", "'video'", "null", f"least({_VIDEO}, {{uncached}} - {_AUDIO} - {_IMAGE})"),
    ("cache_read_input_tokens", "null", "null", "cache_read_tokens"),
    ("cache_write_input_tokens", "null", "null", "written_tokens"),
    ("cache_write_input_tokens", "null", "'5m'", "written_5m_tokens"),
    ("cache_write_input_tokens", "null", "'1h'", "written_1h_tokens"),
    ("output_tokens", "case when tells_modality then 'text' end", "null", "output_tokens - coalesce(audio_output, 0)"),
    ("output_tokens", "'audio'", "null", "least(coalesce(audio_output, 0), output_tokens)"),
    *((meter, "null", "null", f"coalesce({meter}, 0)") for meter in METERS),
)


def contents(told: Sequence[str]) -> str:
    """``CONTENTS`` for spans that have no other counts than ``told``."""
    return CONTENTS.format(
        tells_cache=_any_told(count for count in _CACHED if count in told),
        usage=_usage(told, "uncached_tokens"),
        usage_exclusive=_usage(told, "uncached_if_outside"),
        **_fits(told),
    )


def readings(told: Sequence[str]) -> str:
    """``READINGS`` for spans that have no other counts than ``told``."""
    meters = [f"({count} is not null)::bigint" for count in _TELL_METERS if count in told]
    # Writes of a told time to live are meters of their own, whose sum is none.
    ttl_told = _any_told(count for count in ("cache_write_5m", "cache_write_1h") if count in told)
    meters += [f"(cache_write is not null and not ({ttl_told}))::bigint"] if "cache_write" in told else []
    return READINGS.format(meters_told=" + ".join(meters) or "0", more_inside=_more_inside(told))


def most(count: str) -> int:
    """What a count does not exceed."""
    return min(MAX_COUNT, int(most_of(count)))


def is_sound(count: str) -> str:
    """Whether a count is one. A cast to a whole number rounds, hence the comparison with what was written."""
    whole = "" if count in METERS else f" and {count} = try_cast({count}_told as decimal(38, 18))"
    # SQL reads 1_000 as a thousand.
    return f"{count} between 0 and {most(count)}{whole} and not contains({count}_told, '_')"


def _more_inside(told: Sequence[str]) -> str:
    """Where the parts of a count are more than it is: writes by time to live, a side by modality."""
    wholes = (
        (("cache_write_5m", "cache_write_1h"), "cache_write"),
        (("text_input", "image_input", "audio_input", "video_input"), "uncached_tokens + cached_tokens"),
        (("text_output", "audio_output"), "output_tokens"),
    )
    parts = ((" + ".join(f"coalesce({c}, 0)" for c in counts if c in told), whole) for counts, whole in wholes)
    return " ".join(f"or coalesce({sum_} > {whole}, false)" for sum_, whole in parts if sum_)


def _any_told(counts: Iterable[str]) -> str:
    return " or ".join(f"{count} is not null" for count in counts) or "false"


def _fits(told: Sequence[str]) -> dict[str, str]:
    """How many readings of what is outside give ``beyond``, and, if one does, the sum of its bits."""
    possible = [(tokens, bit) for counts, tokens, bit in _MAY_BE_OUTSIDE if any(count in told for count in counts)]
    fits = []
    if "total" in told:
        for chosen in product((False, True), repeat=len(possible)):
            parts = [part for part, is_chosen in zip(possible, chosen, strict=True) if is_chosen]
            if parts:
                # A count of 0 is in no reading, or every reading would fit twice.
                told_all = " and ".join(f"{tokens} > 0" for tokens, _ in parts)
                is_sum = f"({told_all} and beyond = {' + '.join(tokens for tokens, _ in parts)})::bigint"
                fits.append((is_sum, sum(bit for _, bit in parts)))
    return {
        "fitting": " + ".join(fit for fit, _ in fits) or "0",
        "outside": " + ".join(f"{bits} * {fit}" for fit, bits in fits) or "0",
    }


def _usage(told: Sequence[str], uncached: str) -> str:
    """How the partition depends on the span, where spans have no other counts than ``told``."""
    common = f"else {_elements(_COMMON_PARTITION, uncached)}"
    if set(told) <= _COMMON_COUNTS:
        return common
    has_meter = " or ".join(f"{meter} > 0" for meter in METERS)
    apart = f"tells_modality or written_5m_tokens > 0 or written_1h_tokens > 0 or {has_meter}"
    return f"when {apart} then {_elements(_PARTITION, uncached)} {common}"


def _elements(partition: Iterable[tuple[str, str, str, str]], uncached: str) -> str:
    elements = [
        f"{{'meter': '{meter}', 'modality': {modality}::varchar, 'cache_ttl': {ttl}::varchar, "
        f"'quantity': ({quantity.format(uncached=uncached)})::decimal(38, 9)}}"
        for meter, modality, ttl, quantity in partition
    ]
    return f"list_filter([{', '.join(elements)}], lambda e: e.quantity > 0)"
