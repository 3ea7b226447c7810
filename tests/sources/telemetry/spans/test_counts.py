"""What counts contain and how they partition (rule R31), and how sure the usage is."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.errors import SourceRejected
from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import CALL, Json, chat, lines, message, span

Refusal = Callable[..., SourceRejected]


@pytest.mark.parametrize(
    ("values", "semantics", "expected"),
    [
        # Since 1.37 the input contains what was cached, whoever answers.
        (
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_read.input_tokens": 600,
                "gen_ai.usage.cache_creation.input_tokens": 300,
            },
            "inclusive",
            {"input_tokens": 100, "cache_read_input_tokens": 600, "cache_write_input_tokens": 300},
        ),
        # Before, Anthropic's own count was passed on.
        (
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_read_input_tokens": 600,
            },
            "exclusive",
            {"input_tokens": 1000, "cache_read_input_tokens": 600},
        ),
        # More cached than there was input cannot be contained in it.
        (
            {
                "gen_ai.system": "anthropic",
                "gen_ai.usage.input_tokens": 10,
                "gen_ai.usage.cache_read_input_tokens": 600,
            },
            "exclusive",
            {"input_tokens": 10, "cache_read_input_tokens": 600},
        ),
        # botanu's tracker writes what it was handed.
        (
            {
                "botanu.vendor": "anthropic",
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "botanu.usage.cache_read_tokens": 600,
            },
            "exclusive",
            {"input_tokens": 1000, "cache_read_input_tokens": 600},
        ),
        # How long an entry is kept, where Anthropic's own names tell it.
        (
            {
                "gen_ai.provider.name": "anthropic",
                "gen_ai.usage.input_tokens": 1000,
                "gen_ai.usage.cache_creation.input_tokens": 500,
                "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens": 100,
                "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens": 300,
            },
            "inclusive",
            {
                "input_tokens": 500,
                "cache_write_input_tokens": 100,
                "cache_write_input_tokens.5m": 100,
                "cache_write_input_tokens.1h": 300,
            },
        ),
        # Gemini counts its thoughts apart from the output: more reasoning than output is not contained in it.
        (
            {
                "gen_ai.provider.name": "gemini",
                "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.reasoning.output_tokens": 50,
            },
            None,
            {"output_tokens": 70},
        ),
        (
            {"gen_ai.usage.total_tokens": 30, "gen_ai.usage.output_tokens": 10},
            None,
            {"input_tokens": 20, "output_tokens": 10},
        ),
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.audio.input_tokens": 30,
                "gen_ai.usage.image.input_tokens": 20,
                "gen_ai.usage.video.input_tokens": 10,
                "gen_ai.usage.output_tokens": 50,
                "gen_ai.usage.audio.output_tokens": 40,
            },
            None,
            {
                "input_tokens.text": 40,
                "input_tokens.audio": 30,
                "input_tokens.image": 20,
                "input_tokens.video": 10,
                "output_tokens.text": 10,
                "output_tokens.audio": 40,
            },
        ),
        # Two modalities that together exceed what is left uncached take no more than there is.
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.cache_read.input_tokens": 60,
                "gen_ai.usage.audio.input_tokens": 30,
                "gen_ai.usage.image.input_tokens": 30,
                "gen_ai.usage.video.input_tokens": 30,
            },
            "inclusive",
            {"input_tokens.audio": 30, "input_tokens.image": 10, "cache_read_input_tokens": 60},
        ),
        (
            {
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.audio.input_tokens": 130,
                "gen_ai.usage.image.input_tokens": 30,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.audio.output_tokens": 9,
            },
            None,
            {"input_tokens.audio": 100, "output_tokens.audio": 5},
        ),
    ],
)
def test_no_token_is_in_two_meters(job: Job, values: Json, semantics: str | None, expected: Json) -> None:
    (call,) = job.take(chat({"gen_ai.operation.name": "chat"} | values)).calls
    assert (usage(call), call["token_semantics"], call["usage_source"]) == (expected, semantics, "provider")


@pytest.mark.parametrize(("operation", "meter"), [("query", "read_units"), ("upsert", "write_units")])
def test_units_of_a_vector_store_have_fractions(job: Job, operation: str, meter: str) -> None:
    told = {"db.system": "pinecone", "db.operation": operation, f"pinecone.usage.{meter}": 0.1}
    (call,) = job.take(chat(told)).calls
    assert (call["dialect"], call["provider"], call["billable"]) == ("otel_genai", "pinecone", True)
    assert usage(call) == {meter: Decimal("0.1")}


INPUT, OUTPUT, TOTAL = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.total_tokens"
READ, WRITTEN = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"
TTL = "gen_ai.usage.cache_creation.ephemeral_"
THOUGHTS, TOOL = "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.tool.input_tokens"


@pytest.mark.parametrize(
    ("counts", "by", "partition"),
    [
        # A total that exceeds input and output by what is outside says what is outside, of this telling.
        ({INPUT: 300, READ: 200, OUTPUT: 50, TOTAL: 550}, "total", (300, 200, 0, 50)),
        ({INPUT: 300, READ: 200, WRITTEN: 70, OUTPUT: 50, TOTAL: 620}, "total", (300, 200, 70, 50)),
        ({INPUT: 300, READ: 200, WRITTEN: 70, OUTPUT: 50, TOTAL: 420}, "total", (100, 200, 70, 50)),
        ({INPUT: 1000, OUTPUT: 800, THOUGHTS: 300, TOTAL: 2100}, None, (1000, 0, 0, 1100)),
        ({INPUT: 1000, READ: 600, OUTPUT: 800, THOUGHTS: 300, TOTAL: 2100}, "total", (400, 600, 0, 1100)),
        # Tokens of the provider's own tools may be outside, too; they are input.
        ({INPUT: 1000, OUTPUT: 80, THOUGHTS: 30, TOOL: 9, TOTAL: 1119}, None, (1009, 0, 0, 110)),
        ({INPUT: 1000, OUTPUT: 80, THOUGHTS: 30, TOOL: 9, TOTAL: 1089}, None, (1009, 0, 0, 80)),
        # One equal to both proves nothing, and so does one that two readings fit.
        ({INPUT: 1000, OUTPUT: 800, THOUGHTS: 300, TOTAL: 1800}, None, (1000, 0, 0, 800)),
        ({INPUT: 1200, READ: 1024, OUTPUT: 340, TOTAL: 1540}, "convention", (176, 1024, 0, 340)),
        ({INPUT: 300, READ: 100, WRITTEN: 100, OUTPUT: 50, TOTAL: 450}, "convention", (100, 100, 100, 50)),
        # More thoughts than output are outside, of this telling.
        ({INPUT: 10, OUTPUT: 20, THOUGHTS: 50}, None, (10, 0, 0, 70)),
        ({INPUT: 10, OUTPUT: 20, THOUGHTS: 20}, None, (10, 0, 0, 20)),
        # A total tells the side that is not told.
        ({READ: 30, OUTPUT: 20, TOTAL: 120}, "convention", (70, 30, 0, 20)),
        ({INPUT: 90, TOTAL: 120}, None, (90, 0, 0, 30)),
    ],
)
def test_what_a_total_and_thoughts_prove_of_one_telling(job: Job, counts: Json, by: str | None, partition: Any) -> None:
    (call,) = job.take(chat(CALL | counts)).calls
    names = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens")
    assert tuple(usage(call).get(name, 0) for name in names) == partition
    assert (call["token_semantics_by"], call["usage_inconsistent"]) == (by, False)
    assert (call["input_total"], call["output_total"]) == (sum(partition[:3]), partition[3])


@pytest.mark.parametrize(
    ("counts", "partition"),
    [
        # No reading gives the total.
        ({INPUT: 300, READ: 200, OUTPUT: 50, TOTAL: 500}, (100, 200, 50)),
        ({INPUT: 300, READ: 200, OUTPUT: 50, TOTAL: 340}, (100, 200, 50)),
        ({INPUT: 300, OUTPUT: 50, TOTAL: 40}, (300, 0, 50)),
        ({INPUT: 300, OUTPUT: 50, TOTAL: 351}, (300, 0, 50)),
        # The total has the thoughts inside, and there are more of them than of the output.
        ({INPUT: 300, READ: 200, OUTPUT: 50, THOUGHTS: 60, TOTAL: 550}, (100, 200, 110)),
        # The total has the cache inside, and more is cached than there is input.
        ({INPUT: 100, READ: 200, OUTPUT: 50, THOUGHTS: 20, TOTAL: 170}, (100, 200, 50)),
    ],
)
def test_a_total_against_all_else_is_no_evidence(job: Job, counts: Json, partition: Any) -> None:
    (call,) = job.take(chat(CALL | counts)).calls
    names = ("input_tokens", "cache_read_input_tokens", "output_tokens")
    assert tuple(usage(call).get(name, 0) for name in names) == partition
    assert call["usage_inconsistent"]
    assert call["token_semantics_by"] == ("convention" if READ in counts else None)


@pytest.mark.parametrize(
    "counts",
    [
        {INPUT: 950, WRITTEN: 50, f"{TTL}5m_input_tokens": 30, f"{TTL}1h_input_tokens": 30},
        {INPUT: 40, "gen_ai.usage.audio.input_tokens": 30, "gen_ai.usage.image.input_tokens": 20},
        {OUTPUT: 40, "gen_ai.usage.audio.output_tokens": 50},
    ],
)
def test_parts_that_are_more_than_their_whole_are_said(job: Job, counts: Json) -> None:
    (call,) = job.take(chat(CALL | counts)).calls
    assert call["usage_inconsistent"]


def test_a_total_that_proves_the_cache_outside_is_proof_of_its_emitter_too(job: Job) -> None:
    """Where more is cached than input: such a call is one of the three that prove it (rule R31)."""
    exceeding, fitting = {INPUT: 10, READ: 600, OUTPUT: 5, TOTAL: 615}, {INPUT: 900, READ: 600, OUTPUT: 5, TOTAL: 1505}
    calls = job.take(chat(CALL | exceeding, CALL | fitting, CALL | {INPUT: 10, OUTPUT: 5, TOTAL: 15})).calls
    assert [call["cache_exceeds_input"] for call in calls] == [True, False, False]
    assert not any(call["usage_inconsistent"] for call in calls)


def test_a_total_alone_is_unread_usage(job: Job) -> None:
    taken = job.take(chat(CALL | {"llm.usage.total_tokens": 500}, CALL | {TOTAL: 500}, CALL | {TOTAL: 3}))
    assert [(c["usage"], c["usage_source"], c["input_total"], c["billable"]) for c in taken.calls] == [
        ([], "missing", None, True)
    ] * 3
    assert [(r["attribute"], r["calls"], r["landing_line"]) for r in taken.rows["unread_usage"]] == [
        ("llm.usage.total_tokens", 1, 1),
        (TOTAL, 2, 2),
    ]


def test_the_setting_goes_before_a_total_and_a_total_before_the_table(job: Job) -> None:
    inside, outside = {INPUT: 300, READ: 200, OUTPUT: 50}, {INPUT: 300, READ: 200, OUTPUT: 50, TOTAL: 550}
    bedrock = "opentelemetry.instrumentation.bedrock"
    content = b"".join(chat(CALL | inside, CALL | outside, scope=scope) for scope in ("acme.llm", bedrock))
    read = ("token_semantics", "token_semantics_by", "input_total")
    assert [tuple(c[name] for name in read) for c in job.take(content).calls] == [
        ("inclusive", "convention", 300),
        ("exclusive", "total", 500),
        # What is known of an emitter holds for each of its calls and files.
        ("exclusive", "table", 500),
        ("exclusive", "total", 500),
    ]
    setting = {"acme.llm": "inclusive", bedrock: "inclusive"}
    assert [tuple(c[name] for name in read) for c in job.take(content, token_semantics=setting).calls] == [
        ("inclusive", "setting", 300)
    ] * 4


def test_the_setting_says_whether_thoughts_are_inside(job: Job) -> None:
    content = chat(CALL | {INPUT: 10, OUTPUT: 50, THOUGHTS: 20}, CALL | {INPUT: 10, OUTPUT: 20, THOUGHTS: 50})
    read = {}
    for word in ("inclusive", "exclusive"):
        calls = job.take(content, token_semantics={"acme.llm": {"output": word}}).calls
        read[word] = [(call["output_total"], call["usage_inconsistent"]) for call in calls]
    assert read == {"inclusive": [(50, False), (20, True)], "exclusive": [(70, False), (70, False)]}


def test_more_cached_than_input_by_convention_comes_with_its_alternative(job: Job) -> None:
    """Whether an emitter excludes the cache is decided over all its calls, elsewhere."""
    exceeding, fitting = {INPUT: 10, READ: 600, OUTPUT: 5}, {INPUT: 1000, READ: 600, OUTPUT: 5}
    first, second, without = job.take(chat(CALL | exceeding, CALL | fitting, CALL | {INPUT: 10})).calls
    as_told = {"input_tokens": 10, "cache_read_input_tokens": 600, "output_tokens": 5}
    assert (first["cache_exceeds_input"], first["usage_inconsistent"]) == (True, False)
    assert (usage(first), usage(first, "usage_exclusive"), first["input_total"]) == (as_told, as_told, 610)
    assert not second["cache_exceeds_input"]
    assert usage(second) == as_told | {"input_tokens": 400}
    assert usage(second, "usage_exclusive") == as_told | {"input_tokens": 1000}
    assert without["usage_exclusive"] is None


def test_more_cached_than_input_though_the_company_says_inside(job: Job) -> None:
    content = chat(CALL | {INPUT: 10, READ: 600})
    (call,) = job.take(content, token_semantics={"acme.llm": "inclusive"}).calls
    assert (call["usage_inconsistent"], call["cache_exceeds_input"], call["usage_exclusive"]) == (True, False, None)
    assert usage(call) == {"input_tokens": 10, "cache_read_input_tokens": 600}


@pytest.mark.parametrize(
    ("counts", "meters", "tells_cache", "cached"),
    [
        ({INPUT: 10, OUTPUT: 5}, 2, False, None),
        ({INPUT: 10, OUTPUT: 5, THOUGHTS: 3, TOTAL: 15}, 2, False, None),
        ({INPUT: 10, READ: 0, OUTPUT: 5}, 3, True, 0),
        ({INPUT: 100, READ: 20, WRITTEN: 30}, 3, True, 50),
        # Writes of a told time to live are meters of their own.
        ({INPUT: 100, READ: 20, WRITTEN: 30, f"{TTL}5m_input_tokens": 30}, 3, True, 50),
        ({INPUT: 100, READ: 20, WRITTEN: 30, f"{TTL}5m_input_tokens": 10, f"{TTL}1h_input_tokens": 20}, 4, True, 50),
        ({}, 0, False, None),
    ],
)
def test_what_a_telling_tells(job: Job, counts: Json, meters: int, tells_cache: bool, cached: int | None) -> None:
    (call,) = job.take(chat(CALL | counts)).calls
    assert (call["meters_told"], call["tells_cache"], call["cached_total"]) == (meters, tells_cache, cached)


def test_what_a_cache_in_between_answered_is_said(job: Job) -> None:
    hits = [{"llm.cache_hit": value} for value in (True, "True", False, "miss")]
    calls = job.take(chat(*(CALL | {INPUT: 1000} | hit for hit in hits))).calls
    assert [call["answered_from_cache"] for call in calls] == [True, True, False, False]
    # What it replays is kept: a span above it may repeat it (rule R30).
    assert [usage(call) for call in calls] == [{"input_tokens": 1000}] * 4


@pytest.mark.parametrize(
    ("values", "fields", "source"),
    [
        ({"gen_ai.usage.input_tokens": 5}, {}, "provider"),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.estimated": True}, {}, "estimated"),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.source": "tokenizer"}, {}, "estimated"),
        ({}, {}, "missing"),
        # Zeros are what some exporters write for no count at all.
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, {}, "missing"),
        ({"error.type": "timeout", "gen_ai.request.stream": True}, {"status": {"code": 2}}, "missing"),
        # A stream that was cut off counted what it had seen.
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.request.stream": True}, {}, "estimated"),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.request.stream": True},
            {"status": {"code": 2}},
            "estimated",
        ),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.request.stream": True},
            {},
            "provider",
        ),
        # What its SDK dropped may be counts, all of them or some.
        ({}, {"droppedAttributesCount": 3}, "missing"),
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, {"droppedAttributesCount": 3}, "missing"),
        ({"gen_ai.usage.input_tokens": 5}, {"droppedAttributesCount": 3}, "estimated"),
        ({"gen_ai.usage.input_tokens": 5}, {"droppedAttributesCount": "3"}, "estimated"),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}, {"droppedAttributesCount": 3}, "estimated"),
        (
            {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2},
            {"droppedAttributesCount": 0, "droppedEventsCount": 3},
            "provider",
        ),
    ],
)
def test_how_sure_the_usage_is(job: Job, values: Json, fields: Json, source: str) -> None:
    (call,) = job.take(chat(CALL | values, **fields)).calls
    assert (call["usage_source"], call["billable"]) == (source, True)
    assert (call["usage"] == []) == (source == "missing")


@pytest.mark.parametrize(
    ("values", "billable"),
    [
        (CALL, True),
        ({"gen_ai.operation.name": "embeddings"}, True),
        ({"llm.request.type": "completion"}, True),
        ({"gen_ai.operation.name": "execute_tool"}, False),
        ({"gen_ai.operation.name": "invoke_agent"}, False),
        # The sum an agent repeats is left to the rule that counts leaves only.
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 5}, True),
        ({"gen_ai.usage.input_tokens": 5}, True),
        # Who counts in a vocabulary speaks it, though it says nothing else of it; a total of anything is no usage.
        ({"gen_ai.usage.completion_tokens": 5, "gen_ai.response.model": "m-1"}, True),
        ({"llm.token_count.prompt": 5, "llm.model_name": "m-1"}, True),
        ({"total_tokens": 5}, False),
        # A stored answer read again was billed when it was made.
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.usage.input_tokens": 5}, False),
        ({"http.request.method": "GET"}, False),
    ],
)
def test_which_spans_can_be_billed(job: Job, values: Json, billable: bool) -> None:
    (call,) = job.take(chat(values)).calls
    assert call["billable"] is billable
    assert billable or (call["usage"], call["usage_source"]) == ([], "missing")


def test_a_span_is_kept_for_what_links_or_names(job: Job) -> None:
    """A root without usage counts where it tells what the calls below it may inherit (rule R32)."""
    get: Json = {"http.request.method": "GET"}
    root = {"parentSpanId": ""}
    content = lines(
        message(span(get), resource={}),
        message(span(get, **root), resource={}),
        message(span(get, parentSpanId="0" * 16), resource={}),
        message(span(get | {"tenant_id": "ten-1"}, **root), resource={}),
        message(span(get | {"user.id": "ann"}, **root), resource={}),
    )
    calls = job.take(content).calls
    assert [(c["landing_line"], c["dialect"], c["billable"], c["span_kind"]) for c in calls] == [
        (1, "otlp", False, "other"),
        (4, "otlp", False, "other"),
        (5, "otlp", False, "other"),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (CALL, "model"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "m-1", INPUT: 5}, "other"),
        # Told by counts and a model alone; by counts alone it may be anything that sums up.
        ({INPUT: 5, "gen_ai.request.model": "m-1"}, "model"),
        ({INPUT: 5}, "other"),
        # An operation nobody knows is one of a model where it has an answer of its own.
        ({INPUT: 5, "gen_ai.operation.name": "acme", "gen_ai.request.model": "m-1"}, "other"),
        ({INPUT: 5, "gen_ai.operation.name": "acme", "gen_ai.response.id": "r-1"}, "model"),
        ({"http.request.method": "GET"}, "other"),
    ],
)
def test_what_kind_of_span_it_is(job: Job, values: Json, kind: str) -> None:
    (call,) = job.take(chat(values)).calls
    assert call["span_kind"] == kind


@pytest.mark.parametrize(
    ("state", "values", "millionths"),
    [
        ("ot=th:0", {}, 1_000_000),
        ("ot=th:8", {}, 500_000),
        ("ot=th:c", {}, 250_000),
        ("ot=th:C;rv:0123456789abcd", {}, 250_000),
        ("acme=1, ot=rv:0123456789abcd;th:8", {}, 500_000),
        # A tenth is not a whole number of millionths in hexadecimal: rounded down.
        ("ot=th:e66666", {}, 100_000),
        ("ot=th:fd70a4", {}, 9_999),
        ("acme=th:8", {}, None),
        ("not=th:8", {}, None),
        ("ot=th:zz", {}, None),
        ("", {}, None),
        ("", {"sampling.probability": 0.25}, 250_000),
        ("", {"sampling.probability": "0.0000019"}, 1),
        ("ot=th:8", {"sampling.probability": 0.25}, 500_000),
        # Azure Monitor's distribution tells per cent, and nothing in the trace state.
        ("", {"_MS.sampleRate": 2.5641025641025643}, 25_641),
        ("", {"_MS.sampleRate": 100.0}, 1_000_000),
    ],
)
def test_sampling_probability(job: Job, state: str, values: Json, millionths: int | None) -> None:
    (call,) = job.take(chat(CALL | values, traceState=state)).calls
    assert call["sampling_probability_millionths"] == millionths


def test_a_span_whose_flags_say_it_was_not_sampled_was_exported_all_the_same(job: Job) -> None:
    """The lowest bit is the sampler's decision, the others of where the parent was; none is a probability."""
    told: list[Json] = [{"flags": flags} for flags in (0, 1, 256, 257, 768, 769)]
    content = b"".join(chat(CALL | {INPUT: 10, OUTPUT: 3}, **flags) for flags in told)
    calls = job.take(content).calls
    read = [(usage(c), c["sampling_probability_millionths"], c["usage_source"], c["billable"]) for c in calls]
    assert read == [({"input_tokens": 10, "output_tokens": 3}, None, "provider", True)] * 6


def test_a_kept_span_counts_what_it_tells_however_many_it_stands_for(job: Job) -> None:
    kept, whole = job.take(
        chat(CALL | {INPUT: 10, OUTPUT: 3}, traceState="ot=th:e66666")
        + chat(CALL | {INPUT: 10, OUTPUT: 3}, traceState="ot=th:0")
    ).calls
    assert [call["sampling_probability_millionths"] for call in (kept, whole)] == [100_000, 1_000_000]
    assert usage(kept) == usage(whole) == {"input_tokens": 10, "output_tokens": 3}


@pytest.mark.parametrize(
    "written",
    [
        '{"doubleValue":0.123456789123456789}',
        '{"stringValue":"0.123456789123456789"}',
        '{"doubleValue" : 0.123456789123456789}',
        '{"doubleValue":"0.123456789123456789"}',
        '{"doubleValue":1.23456789123456789e-1}',
    ],
)
@pytest.mark.parametrize("with_text", [False, True])
def test_reported_cost_keeps_its_digits(job: Job, written: str, with_text: bool) -> None:
    values = CALL | {"gen_ai.usage.cost": "COST"} | ({"gen_ai.prompt": "hello"} if with_text else {})
    content = chat(values).replace(b'{"stringValue":"COST"}', written.encode())
    (call,) = job.take(content).calls
    assert (call["reported_cost"], call["reported_currency"]) == (Decimal("0.123456789"), "USD")


def test_reported_cost_of_more_digits_than_a_float_has(job: Job) -> None:
    values = CALL | {"gen_ai.usage.cost.amount": "COST", "gen_ai.usage.cost.currency": "eur"}
    content = chat(values).replace(b'{"stringValue":"COST"}', b'{"doubleValue":123456789012.123456789}')
    (call,) = job.take(content).calls
    assert (call["reported_cost"], call["reported_currency"]) == (Decimal("123456789012.123456789"), "EUR")


@pytest.mark.parametrize("count", ["7", "7.0", "0007"])
def test_whole_numbers_in_other_spellings(job: Job, count: str) -> None:
    (call,) = job.take(chat(CALL | {"gen_ai.usage.input_tokens": count})).calls
    assert usage(call) == {"input_tokens": 7}
