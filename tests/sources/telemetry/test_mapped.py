"""``kind: mapped``: a company's own tables of calls, runs and outcomes, by a declared mapping."""

from __future__ import annotations

import csv
import hmac
import io
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.sources import registry
from tests.sources.telemetry.conftest import Job, Row, Taken, usage

AT = datetime(2026, 10, 1, 12)
FIXTURES = Path(__file__).parents[1] / "fixtures/telemetry/mapped"
MAPPING: Row = {
    "kind": "mapped",
    "entity": "calls",
    "columns": {
        "record_id": "id",
        "ended_at": "at",
        "event_id": "event",
        "model": "model",
        "provider": {"constant": "openai"},
    },
    "usage": {
        "semantics": "inclusive",
        "meters": [
            {"meter": "input_tokens", "column": "usage.in"},
            {"meter": "output_tokens", "column": "usage.out"},
            {"meter": "cache_read_input_tokens", "column": "usage.details.cached"},
        ],
    },
}


def row(name: str, **changes: Any) -> Row:
    """One call of the company's own table."""
    used = {"in": 1000, "out": 50, "details": {"cached": 200}}
    return {"id": name, "at": "2026-10-01T12:00:00Z", "event": "e-1", "model": "m-1", "usage": used} | changes


def ndjson(*rows: Row) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


def table(*rows: Row) -> bytes:
    """CSV, nested values as JSON text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows({name: json.dumps(v) if isinstance(v, Mapping) else v for name, v in one.items()} for one in rows)
    return out.getvalue().encode()


def take(job: Job, content: bytes, form: str = "ndjson", **config: Any) -> Taken:
    return job.take(content, f"calls.{form}", format=form, **(MAPPING | config))


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_path_leads_into_nested_objects_and_into_json_texts(job: Job, form: str) -> None:
    """A gateway's table keeps what was cached in a column of JSON text only."""
    content = table(row("a"), row("b", usage="")) if form == "csv" else ndjson(row("a"), row("b", usage=None))
    first, second = take(job, content, form).calls
    assert usage(first) == {"input_tokens": 800, "cache_read_input_tokens": 200, "output_tokens": 50}
    read = ("input_total", "output_total", "cached_total", "tells_cache", "token_semantics", "token_semantics_by")
    assert [first[name] for name in read] == [1000, 50, 200, True, "inclusive", "setting"]
    assert (second["usage"], second["usage_source"], second["input_total"]) == ([], "missing", None)


def test_a_json_text_in_ndjson(job: Job) -> None:
    (call,) = take(job, ndjson(row("a", usage=json.dumps({"in": 7})))).calls
    assert usage(call) == {"input_tokens": 7}


def parquet(*rows: Row) -> bytes:
    """Parquet, nested values as structs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue().to_pybytes()


SECRET = "Where is CANARY?"
FORMS = {"csv": table, "ndjson": ndjson, "parquet": parquet}


@pytest.mark.parametrize("form", FORMS)
def test_only_mapped_columns_are_landed(job: Job, form: str) -> None:
    """Whatever a column is called, and wherever text stands."""
    used = {"in": 1000, "out": 50, "details": {"cached": 200, "said": SECRET}, "said": SECRET}
    rows = [
        row("a", chat_log=SECRET),
        row("b", chat_log=f"{SECRET}\nand\r\n{SECRET}", usage=used),
        row("c", chat_log=""),
    ]
    taken = take(job, FORMS[form](*rows), form)
    assert b"CANARY" not in taken.stored
    assert [(call["record_id"], usage(call)["input_tokens"]) for call in taken.calls] == [
        ("a", 800),
        ("b", 800),
        ("c", 800),
    ]
    first = {"csv": 2, "ndjson": 1, "parquet": 1}[form]
    assert [call["landing_line"] for call in taken.calls] == [first, first + 1, first + (4 if form == "csv" else 2)]
    assert taken.rejected == []
    (item,) = taken.landed.objects
    for call in taken.calls:
        cited = job.source.cited(taken.landed.path(item), item.name, call["landing_line"])
        assert call["record_id"] in cited


@pytest.mark.parametrize("form", FORMS)
def test_a_landed_table_says_what_the_received_one_said(job: Job, form: str) -> None:
    said = [
        row("a", event="null"),
        row("b", event="two\rlines\u2028and"),
        row("c", event=None, model=" m "),
        row("d", model=""),
    ]
    events = [call["event_id"] for call in take(job, FORMS[form](*said), form).calls]
    assert events == ["null" if form == "ndjson" else None, "two\rlines\u2028and", None, "e-1"]


def test_a_csv_that_is_mapped_whole_is_landed_as_it_came(job: Job) -> None:
    content = b'model,tail,id,at,event\nm-1,,a,2026-10-01T12:00:00Z,e-1\nm-2,,b,2026-10-01T12:00:00Z,"e, 2"\n'
    columns = MAPPING["columns"] | {"tenant_id": "tail"}
    assert take(job, content, "csv", columns=columns, usage=None).stored == content


def test_of_a_value_that_is_none_nothing_is_landed(job: Job) -> None:
    taken = take(job, ndjson(row("a"), row("b", model={"text": SECRET}), row("c", event=[SECRET])))
    assert [(call["model"], call["event_id"]) for call in taken.calls] == [("m-1", "e-1"), (None, "e-1"), ("m-1", None)]
    assert [(line, column) for line, column, _ in taken.rejected] == [(2, "model"), (3, "event")]
    assert b"CANARY" not in taken.stored


def test_a_text_on_a_path_that_is_no_json_is_said(job: Job) -> None:
    taken = take(job, table(row("a"), row("b", usage="{'in': 5, 'said': 'CANARY'}")), "csv")
    assert b"CANARY" not in taken.stored
    assert [call["usage_source"] for call in taken.calls] == ["provider", "missing"]
    ((line, column, reason),) = taken.rejected
    assert (line, column) == (3, "usage.in")
    assert "is no JSON" in reason
    assert "CANARY" not in reason


def test_a_path_whose_column_is_not_there(job: Job) -> None:
    with pytest.raises(SourceChangedShape, match=r"'usage\.in'"):
        take(job, table({"id": "a", "at": "2026-10-01T12:00:00Z", "event": "e", "model": "m"}), "csv")


def test_what_a_mapping_may_say_of_a_call(job: Job) -> None:
    columns = MAPPING["columns"] | {
        "answered_from_cache": {"column": "hit", "map": {"True": "true", "*": "false"}},
        "span_kind": "kind",
        "scope_name": {"constant": "acme.gateway"},
    }
    rows = [row("a", hit="True", kind="model"), row("b", hit="False", kind="other"), row("c", hit="", kind=None)]
    calls = take(job, ndjson(*rows), columns=columns).calls
    read = ("answered_from_cache", "span_kind", "scope_name", "billable", "dialect", "meters_told")
    assert [tuple(call[name] for name in read) for call in calls] == [
        (True, "model", "acme.gateway", True, "mapped", 3),
        (False, "other", "acme.gateway", True, "mapped", 3),
        (False, "model", "acme.gateway", True, "mapped", 3),
    ]
    # What a cache in between replays is kept; that it is no usage is decided where calls are made of tellings.
    assert usage(calls[0]) == usage(calls[1])


def test_a_mapping_may_say_that_a_row_is_no_usage(job: Job) -> None:
    """A gateway whose answers from its own cache stand in the table with the counts of the first answer."""
    columns = MAPPING["columns"] | {"billable": {"column": "hit", "map": {"True": "false", "*": "true"}}}
    calls = take(
        job, table(row("a", hit="False"), row("b", hit="True"), row("c", hit="")), "csv", columns=columns
    ).calls
    assert [(call["record_id"], call["billable"]) for call in calls] == [("a", True), ("b", False), ("c", True)]


def test_words_that_set_a_price_are_read_in_any_case(job: Job) -> None:
    told = {"service_tier": "FLEX", "batch": "True", "geography": "EU", "speed": "Fast"}
    columns = MAPPING["columns"] | {name: {"constant": word} for name, word in told.items()}
    (call,) = take(job, ndjson(row("a")), columns=columns).calls
    assert [call[name] for name in told] == ["flex", "true", "eu", "fast"]


def test_more_cached_than_there_is_input_stays_as_told(job: Job) -> None:
    (call,) = take(job, ndjson(row("a", usage={"in": 10, "details": {"cached": 600}}))).calls
    assert usage(call) == {"input_tokens": 10, "cache_read_input_tokens": 600}
    assert (call["usage_inconsistent"], call["cache_exceeds_input"], call["input_total"]) == (True, False, 610)


@pytest.mark.parametrize(("semantics", "uncached", "total"), [("inclusive", 400, 1000), ("exclusive", 1000, 1600)])
def test_an_export_of_counts_as_they_came_is_mapped_as_one(job: Job, semantics: str, uncached: int, total: int) -> None:
    """An older Langfuse told the cached tokens of spans beside an input that contains them: taken for parts they count twice."""
    mapping = yaml.safe_load((FIXTURES / "langfuse_observations/source.yaml").read_text())
    observation = {"id": "c2", "trace_id": "t", "type": "GENERATION", "start_time": str(AT), "end_time": str(AT)}
    observation |= {"usage_details": {"input": 1000, "input_cached_tokens": 600, "output": 80}}
    mapping["usage"]["semantics"] = semantics
    (call,) = job.take(ndjson(observation), "o.jsonl", kind="mapped", **mapping).calls
    assert usage(call) == {"input_tokens": uncached, "cache_read_input_tokens": 600, "output_tokens": 80}
    assert call["input_total"] == total


def test_a_told_zero_tells_a_meter(job: Job) -> None:
    used = [{"in": 10, "out": 0, "details": {"cached": 0}}, {"in": 10}]
    calls = take(job, ndjson(*(row(str(n), usage=u) for n, u in enumerate(used)))).calls
    read = ("meters_told", "tells_cache", "cached_total", "output_total")
    assert [tuple(call[name] for name in read) for call in calls] == [(3, True, 0, 0), (1, False, None, None)]


def test_runs_name_customer_and_user(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_USER_KEY", "pepper")
    columns = {"run_id": "run", "customer_id": "customer", "user_hash": "user"}
    content = ndjson({"run": "r-1", "customer": "cus-1", "user": "ann"})
    config = {"kind": "mapped", "entity": "runs", "columns": columns, "format": "ndjson"}
    (run,) = job.take(content, "runs.ndjson", **config).rows["runs"]
    assert (run["customer_id"], run["user_hash"]) == ("cus-1", hmac.new(b"pepper", b"ann", "sha256").hexdigest())


# Records that cannot be read (rule R33) --------------------------------------------------------------------------------

LOST = [b"{", b"[]", b'{"id": NaN}', b"\xff", b'{"id": "a", "at": "2026-10-01T1', b"[" * 5000]


@pytest.mark.parametrize("content", LOST)
def test_a_line_that_cannot_be_read_loses_itself(job: Job, content: bytes) -> None:
    taken = take(job, ndjson(row("a")) + content + b"\n" + ndjson(row("b")))
    assert [(call["record_id"], call["landing_line"]) for call in taken.calls] == [("a", 1), ("b", 3)]
    (lost,) = taken.rows["rejected_records"]
    assert (lost["landing_line"], lost["unit"], lost["bytes"]) == (2, "calls.ndjson", len(content) + 1)
    assert "not a JSON object" in lost["reason"]
    # What it holds may be text.
    assert content not in taken.stored.splitlines()


@pytest.mark.parametrize("lost", [b"b,2026-10-01T12:0", b'"b\nSECRET",2,3', b"b,a,b,c,d,e,SECRET"])
def test_a_row_of_a_csv_that_does_not_fit_its_header_loses_itself(job: Job, lost: bytes) -> None:
    """The last row of a writer that was stopped is one."""
    whole = table(row("a", model="m\r\n1"), row("c"))
    at = whole.index(b"c,")
    taken = take(job, whole[:at] + lost + b"\r\n" + whole[at:], "csv")
    assert [(call["record_id"], call["model"]) for call in taken.calls] == [("a", "m\r\n1"), ("c", "m-1")]
    ((line, attribute, reason),) = taken.rejected
    assert (line, attribute) == (4, None)
    assert "where the header has 5" in reason
    assert taken.calls[1]["landing_line"] == 5 + lost.count(b"\n")
    assert b"SECRET" not in taken.stored


def test_a_line_too_long_to_read_loses_itself(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcilers.sources.mapped_columns._MAX_LINE", 1000)
    taken = take(job, ndjson(row("a"), row("b", model="m" * 5000), row("c")))
    assert [(call["record_id"], call["landing_line"]) for call in taken.calls] == [("a", 1), ("c", 3)]
    assert [line for line, _, _ in taken.rejected] == [2]


def test_a_head_of_nul_bytes_is_nothing(job: Job) -> None:
    taken = take(job, b"\0" * 100 + ndjson(row("a"), row("b")))
    assert [call["record_id"] for call in taken.calls] == ["a", "b"]
    assert taken.rejected == []


def test_a_file_without_a_line_that_can_be_read_is_refused(job: Job) -> None:
    with pytest.raises(SourceRejected, match="not a JSON object") as caught:
        take(job, b"{\n[]\n")
    assert caught.value.line == 1
    assert job.landing.history("traces", "calls.ndjson") == []


@pytest.mark.parametrize(
    ("changes", "column", "problem"),
    [
        ({"id": None}, "id", "must not be"),
        ({"at": "soon"}, "at", "column ended_at"),
        ({"at": "1970-01-21T16:54:00Z"}, "at", "looks like 2026-09-08 in another unit of time"),
        ({"at": "1969-12-31T23:59:59Z"}, "at", "is not from 2000 to 2200"),
        ({"at": "9999-12-31T23:59:59Z"}, "at", "is not from 2000 to 2200"),
        ({"id": {"a": 1}}, "id", "one value was expected"),
    ],
)
def test_a_row_without_identity_or_time_loses_itself(job: Job, changes: Row, column: str, problem: str) -> None:
    taken = take(job, ndjson(row("a"), row("b", **changes), row("c")))
    assert [call["record_id"] for call in taken.calls] == ["a", "c"]
    ((line, attribute, reason),) = taken.rejected
    assert (line, attribute) == (2, None)
    assert column in reason
    assert problem in reason


@pytest.mark.parametrize(
    ("form", "at"), [("epoch_ms", 1_790_856_000), ("epoch_ms", 0), ("epoch_ms", -1), ("epoch_s", 1_790_856_000_000)]
)
def test_a_time_in_another_unit_than_the_mapping_says(job: Job, form: str, at: int) -> None:
    right = {"epoch_ms": 1_790_856_000_000, "epoch_s": 1_790_856_000}[form]
    columns = MAPPING["columns"] | {"ended_at": {"column": "at", "time": form}}
    taken = take(job, ndjson(row("a", at=right), row("b", at=at)), columns=columns)
    assert [call["ended_at"] for call in taken.calls] == [AT]
    assert [line for line, _, _ in taken.rejected] == [2]
    # Where no row fits, the mapping is wrong, and says where.
    with pytest.raises(SourceRejected, match="ended_at"):
        take(job, ndjson(row("b", at=at)), columns=columns)


@pytest.mark.parametrize("count", [1.5, -35, "1e3x", "1_000", 10**13, "NaN"])
def test_a_call_with_a_count_that_is_none_has_no_known_usage(job: Job, count: object) -> None:
    taken = take(job, ndjson(row("a"), row("b", usage={"in": count, "out": 5})))
    first, second = taken.calls
    assert usage(first)["input_tokens"] == 800
    read = ("usage", "usage_source", "input_total", "output_total", "meters_told", "billable")
    assert [second[name] for name in read] == [[], "missing", None, None, 0, True]
    (lost,) = taken.rows["rejected_records"]
    assert (lost["landing_line"], lost["attribute"], lost["charge_day"]) == (2, "usage.in", date(2026, 10, 1))
    assert str(count)[:10] in lost["reason"]


def test_a_count_whose_unit_makes_it_more_than_a_call_can_have(job: Job) -> None:
    meters = [{"meter": "input_tokens", "column": "usage.in", "unit": "1000000000000000"}]
    taken = take(job, ndjson(row("a", usage={"in": 10**17})), usage={"semantics": "inclusive", "meters": meters})
    assert [call["usage"] for call in taken.calls] == [[]]
    assert [attribute for _, attribute, _ in taken.rejected] == ["usage.in"]


@pytest.mark.parametrize("value", [9_223_372_036_854_775_808, "1_000", 5_000_000, -1, "0.5"])
def test_a_probability_that_is_none_is_not_known(job: Job, value: object) -> None:
    columns = MAPPING["columns"] | {"sampling_probability_millionths": "p"}
    taken = take(job, ndjson(row("a", p=250_000), row("b", p=value)), columns=columns)
    assert [call["sampling_probability_millionths"] for call in taken.calls] == [250_000, None]
    assert [(line, attribute) for line, attribute, _ in taken.rejected] == [(2, "p")]


def test_a_cost_that_is_none_is_not_known(job: Job) -> None:
    columns = MAPPING["columns"] | {"reported_cost": "cost", "reported_currency": {"constant": "USD"}}
    taken = take(job, ndjson(row("a", cost="0.5"), row("b", cost="cheap")), columns=columns)
    assert [call["reported_cost"] for call in taken.calls] == [Decimal("0.5"), None]
    assert [(line, attribute) for line, attribute, _ in taken.rejected] == [(2, "cost")]


def test_a_row_that_cannot_be_read_is_told_once_with_dedupe(job: Job) -> None:
    rows = [row("a", model="m-1"), row("b", at="soon"), row("a", model="m-2"), row({"x": 1})]  # type: ignore[arg-type]
    taken = take(job, ndjson(*rows), dedupe={"key": ["id"], "keep": "last"})
    assert [(call["record_id"], call["model"]) for call in taken.calls] == [("a", "m-2")]
    assert [line for line, _, _ in taken.rejected] == [2, 4]


def test_rows_that_where_leaves_out_are_not_read(job: Job) -> None:
    taken = take(job, ndjson(row("a"), row("b", model="m-2", at="soon")), where={"model": "m-1"})
    assert [call["record_id"] for call in taken.calls] == ["a"]
    assert taken.rejected == []


@pytest.mark.parametrize(
    "usage_setting",
    [
        {"semantics": "inclusive", "meters": [{"meter": "wishes", "column": "usage.in"}]},
        {"semantics": "inclusive", "meters": [{"meter": "input_tokens", "column": "usage.in", "unit": "0"}]},
        {"semantics": "inclusive", "meters": [{"meter": "input_tokens", "column": "usage.in", "modality": "smell"}]},
        {"semantics": "perhaps", "meters": []},
    ],
)
def test_a_wrong_mapping_is_refused(usage_setting: Row) -> None:
    config = {"name": "calls", "uri": ".", "format": "ndjson"} | MAPPING | {"usage": usage_setting}
    with pytest.raises(SettingsInvalid):
        registry.load("telemetry", config)


#: A table of the Collector's ClickHouse exporter: attributes in maps, whose keys have dots, and how long a span took.
CLICKHOUSE: Row = {
    "columns": {
        "record_id": {"template": "{TraceId}|{SpanId}"},
        "started_at": "Timestamp",
        "ended_at": {"column": "Timestamp", "duration": {"column": "Duration", "unit": "nanoseconds"}},
        "event_id": "SpanAttributes.event_id",
        "model": "SpanAttributes.gen_ai.response.model",
    },
    "usage": {
        "semantics": "inclusive",
        "meters": [
            {"meter": "input_tokens", "column": "SpanAttributes.gen_ai.usage.input_tokens"},
            {"meter": "cache_read_input_tokens", "column": "SpanAttributes.gen_ai.usage.cache_read.input_tokens"},
        ],
    },
}


def span(**changes: Any) -> Row:
    told = {"event_id": "e-1", "gen_ai.response.model": "m-1", "gen_ai.usage.input_tokens": "1000"}
    told |= {"gen_ai.usage.cache_read.input_tokens": "200", "gen_ai.prompt": SECRET}
    at = "2026-10-01 23:59:58.900000456"
    return {"TraceId": "t", "SpanId": "s", "Timestamp": at, "Duration": 1500000789, "SpanAttributes": told} | changes


def maps(*rows: Row) -> bytes:
    """Parquet as ClickHouse writes it: instants to the nanosecond, attributes as a map, counts without sign."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"Timestamp": pa.timestamp("ns", "UTC"), "Duration": pa.uint64()}
    kinds |= {"SpanAttributes": pa.map_(pa.string(), pa.string()), "TraceId": pa.string(), "SpanId": pa.string()}
    named = [one | {"SpanAttributes": list(one["SpanAttributes"].items())} for one in rows]
    named = [one | {"Timestamp": one["Timestamp"] + "Z"} for one in named]
    texts = {"Timestamp": pa.string()}
    columns = {
        name: pa.array([one[name] for one in named], texts.get(name, kind)).cast(kind) for name, kind in kinds.items()
    }
    out = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), out)
    return out.getvalue().to_pybytes()


@pytest.mark.parametrize(("form", "written"), [("csv", table), ("ndjson", ndjson), ("parquet", maps)])
def test_keys_of_a_map_have_dots_of_their_own(job: Job, form: str, written: Any) -> None:
    taken = take(job, written(span()), form, **CLICKHOUSE)
    (call,) = taken.calls
    assert usage(call) == {"input_tokens": 800, "cache_read_input_tokens": 200}
    assert (call["record_id"], call["event_id"], call["model"]) == ("t|s", "e-1", "m-1")
    assert b"CANARY" not in taken.stored


def test_the_longest_key_that_is_there_is_taken(job: Job) -> None:
    columns = MAPPING["columns"] | {"model": "told.by.model"}
    rows = [
        row("a", told={"by.model": "m-1"}),
        row("b", told={"by": {"model": "m-2"}}),
        row("c", told={"by.model": "m-3", "by": {"model": "other"}}),
        row("d", told={"by": '{"model": "m-4"}'}),
        row("e", told={"by.other": "m-5"}),
    ]
    assert [call["model"] for call in take(job, ndjson(*rows), columns=columns).calls] == [
        "m-1",
        "m-2",
        "m-3",
        "m-4",
        None,
    ]


@pytest.mark.parametrize(("form", "written"), [("csv", table), ("ndjson", ndjson), ("parquet", maps)])
def test_a_time_may_be_told_by_its_beginning_and_its_duration(job: Job, form: str, written: Any) -> None:
    """A call is of the day it ended, which here is the next one."""
    (call,) = take(job, written(span()), form, **CLICKHOUSE).calls
    assert call["started_at"] == datetime(2026, 10, 1, 23, 59, 58, 900_000)
    assert call["ended_at"] == datetime(2026, 10, 2, 0, 0, 0, 400_000)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("", "Duration is empty, and with it how long it took"),
        (-1, "Duration is negative: -1"),
        ("1.5", "no whole number"),
        (9 * 10**18, "is not from 2000 to 2200"),
    ],
)
def test_a_duration_that_is_none_rejects_its_row(job: Job, told: Any, reason: str) -> None:
    taken = take(job, ndjson(span(), span(Duration=told)), **CLICKHOUSE)
    assert [call["landing_line"] for call in taken.calls] == [1]
    ((line, _, said),) = taken.rejected
    assert line == 2
    assert said.startswith("column ended_at (from Timestamp, Duration): ")
    assert reason in said


def test_only_a_time_has_a_duration() -> None:
    columns = MAPPING["columns"] | {"model": {"column": "model", "duration": {"column": "d", "unit": "seconds"}}}
    with pytest.raises(SettingsInvalid, match="only a time has a duration: model"):
        registry.load("telemetry", MAPPING | {"name": "a", "uri": "a", "format": "csv", "columns": columns})
