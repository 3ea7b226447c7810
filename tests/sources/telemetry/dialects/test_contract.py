"""The contract of a dialect: names of a few fields are enough; JSON texts, carriers, kinds, and the table of emitters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconcilers.sources.telemetry.base import Dialect, Emitter, read_emitters
from reconcilers.sources.telemetry.spans.emitters import is_within
from reconcilers.sources.telemetry.spans.files import read_blocks
from reconcilers.sources.telemetry.spans.query import Spans
from tests.sources.telemetry.conftest import Row
from tests.sources.telemetry.written import Json, chat, lines, message, span

IN, OUT, CACHED = "acme.in", "acme.out", "acme.cached"
#: A dialect that names nothing but its counts and whose they are.
COUNTS = {"input": (IN,), "output": (OUT,), "cache_read": (CACHED,)}
ACME = Dialect(name="acme", recognised_by=(IN, "acme.kind"), counts=COUNTS, attributes={"kind": ("acme.kind",)})


def meant(
    tmp_path: Path, dialects: Sequence[Dialect], *values: Json, scope: str = "acme.llm", **fields: Any
) -> list[Row]:
    """What spans with these attributes mean in these dialects."""
    return read(tmp_path, dialects, chat(*values, scope=scope, **fields))


def read(tmp_path: Path, dialects: Sequence[Dialect], content: bytes) -> list[Row]:
    def refuse(*_: object) -> None:
        raise AssertionError("a line that can be read was rejected")

    path = tmp_path / "traces.json"
    path.write_bytes(content)
    with Spans(dialects, {}) as spans:
        (block,) = read_blocks(path, path.name)
        (attributes,) = spans.parse(block, 0, refuse)
        return spans.read(attributes).spans.to_pylist()  # type: ignore[no-any-return]


def quantities(row: Row) -> dict[str, int]:
    return {element["meter"]: int(element["quantity"]) for element in row["usage"]}


def test_a_dialect_that_names_a_few_fields_works_alone(tmp_path: Path) -> None:
    (call,) = meant(tmp_path, [ACME], {IN: 100, CACHED: 30, OUT: 5})
    assert quantities(call) == {"input_tokens": 70, "cache_read_input_tokens": 30, "output_tokens": 5}
    assert (call["dialect"], call["event_id"], call["provider"], call["billable"]) == ("acme", None, None, True)
    (nothing,) = meant(tmp_path, [Dialect(name="empty")], {IN: 100})
    assert (nothing["dialect"], nothing["billable"], nothing["is_call"]) == ("otlp", False, True)


def test_a_span_is_read_by_the_names_of_all_dialects(tmp_path: Path) -> None:
    """Frameworks write names of several vocabularies on one span; the first that tells a field counts."""
    other = Dialect(
        name="other", recognised_by=("other.model",), attributes={"model": ("other.model",)}, counts={"input": ("n",)}
    )
    (call,) = meant(tmp_path, [ACME, other], {OUT: 5, "other.model": "m-1", "n": 7})
    assert (call["dialect"], call["model"], quantities(call)) == (
        "other",
        "m-1",
        {"input_tokens": 7, "output_tokens": 5},
    )
    both = {IN: 3, "n": 7, "other.model": "m-1"}
    assert [quantities(row) for row in meant(tmp_path, [ACME, other], both)] == [{"input_tokens": 3}]
    assert [quantities(row) for row in meant(tmp_path, [other, ACME], both)] == [{"input_tokens": 7}]


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(ValueError, match="models"):
        Dialect(name="acme", attributes={"models": ("x",)})
    with pytest.raises(ValueError, match="cached"):
        Dialect(name="acme", counts={"cached": ("x",)})


def test_counts_and_ids_inside_json_texts(tmp_path: Path) -> None:
    dialect = Dialect(
        name="json",
        recognised_by=("details",),
        attributes={"tenant_id": ("tenant$",), "model": ("about$.model.name",)},
        counts={"input": ("details$.input", "details$.prompt_tokens"), "cache_read": ("details$.prompt.a-b.cached",)},
    )
    details = '{"prompt_tokens": 100, "prompt": {"a-b": {"cached": 30}}, "text": "x"}'
    about = '{"model": {"name": " m-1 "}}'
    rows = meant(
        tmp_path,
        [dialect],
        {"details": details, "tenant": '"ten-1"', "about": about},
        {"details": "{'input': 5}", "tenant": "ten-1", "about": "{"},
        {"details": '{"input": null}', "tenant": "17", "about": "[]"},
    )
    assert [quantities(row) for row in rows] == [{"input_tokens": 70, "cache_read_input_tokens": 30}, {}, {}]
    assert [row["tenant_id"] for row in rows] == ["ten-1", "ten-1", "17"]
    assert [row["model"] for row in rows] == ["m-1", None, None]


def test_carriers_carry_any_name_of_who_and_why(tmp_path: Path) -> None:
    dialect = Dialect(
        name="carried",
        recognised_by=("x",),
        attributes={"feature_id": ("acme.feature",), "model": ("acme.model",)},
        carriers=("props.*", "trace.metadata.*$"),
    )
    values = {"props.event_id": "evt-1", "props.acme.feature": "search", "trace.metadata.tenant_id": '"ten-1"'}
    values |= {"props.acme.model": "no", "props.other": "no", "x": 1}
    (call,) = meant(tmp_path, [dialect], values)
    assert (call["event_id"], call["feature_id"], call["tenant_id"]) == ("evt-1", "search", "ten-1")
    assert call["model"] is None


def test_a_kind_goes_before_an_operation_and_that_before_a_name(tmp_path: Path) -> None:
    dialect = Dialect(
        name="kinds",
        recognised_by=("kind", "op", "x"),
        attributes={"kind": ("kind",), "operation": ("op",)},
        kinds={"llm": "model", "agent": "other", "tool": "tool", "chat": "model"},
        kinds_by_name={"chat": "model"},
    )
    told: list[Json] = [
        {"kind": "LLM", "op": "agent"},
        {"kind": "AGENT", "op": "chat"},
        {"kind": "UNKNOWN", "op": "Chat"},
        {"op": "tool"},
        {"x": 1},
    ]
    assert [row["span_kind"] for row in meant(tmp_path, [dialect], *told)] == [
        "model",
        "other",
        "model",
        "tool",
        "model",
    ]
    (unnamed,) = meant(tmp_path, [dialect], {"x": 1}, name="GET /chat")
    assert unnamed["span_kind"] == "other"


EMITTERS = (
    Emitter("acme.llm", input_contains_cache=True, tells_cache=True),
    Emitter("acme.llm", versions=">=2,<3", input_contains_cache=False, over=("acme.http", "acme.sdk")),
    Emitter("acme.llm", provider="anthropic", tells_cache=False, output_contains_thoughts=False),
    Emitter("acme.llm", operation="embeddings", default_provider="openai"),
    Emitter("acme.counts", counts_itself="always"),
    Emitter("acme.streams", counts_itself="streamed"),
)


def test_of_an_emitters_rows_the_one_that_says_most_counts(tmp_path: Path) -> None:
    attributes = {"provider": ("p",), "operation": ("op",)}
    dialect = Dialect(name="acme", recognised_by=(IN,), attributes=attributes, counts=COUNTS, emitters=EMITTERS)
    told: list[tuple[str, Json]] = [
        ("1.9", {IN: 100, CACHED: 30}),
        ("2.4b1", {IN: 100, CACHED: 30}),
        ("2.4", {IN: 100, CACHED: 30, "p": "Anthropic"}),
        ("3.0", {IN: 100, CACHED: 30, "p": "Anthropic"}),
        ("", {IN: 100, "op": "Embeddings"}),
    ]
    rows = read(tmp_path, [dialect], lines(*(message(span(values), version=version) for version, values in told)))
    names = ("input_total", "token_semantics_by", "emitter_tells_cache", "over_scopes", "provider")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (100, "table", True, None, None),
        (130, "table", None, ["acme.http", "acme.sdk"], None),
        (130, "table", None, ["acme.http", "acme.sdk"], "anthropic"),
        (100, "convention", False, None, "anthropic"),
        (100, None, None, None, "openai"),
    ]


def test_an_emitter_whose_thoughts_are_outside(tmp_path: Path) -> None:
    emitters = (Emitter("acme.llm", output_contains_thoughts=False),)
    dialect = Dialect(name="acme", recognised_by=(IN,), counts=COUNTS | {"reasoning": ("t",)}, emitters=emitters)
    (call,) = meant(tmp_path, [dialect], {IN: 1, OUT: 50, "t": 20})
    assert (quantities(call)["output_tokens"], call["output_total"]) == (70, 70)


@pytest.mark.parametrize(
    ("scope", "stream", "source"),
    [
        ("acme.counts", False, "estimated"),
        ("acme.streams", False, "provider"),
        ("acme.streams", True, "estimated"),
        ("acme.llm", True, "provider"),
    ],
)
def test_an_emitter_that_counts_itself_estimates(tmp_path: Path, scope: str, stream: bool, source: str) -> None:
    dialect = Dialect(
        name="acme", recognised_by=(IN,), attributes={"stream": ("stream",)}, counts=COUNTS, emitters=EMITTERS
    )
    (call,) = meant(tmp_path, [dialect], {IN: 5, OUT: 5, "stream": stream}, scope=scope)
    assert call["usage_source"] == source


@pytest.mark.parametrize(
    ("version", "versions", "within"),
    [
        ("1.2.3", "", True),
        ("", "", True),
        ("", ">=1", False),
        ("dev", ">=1", False),
        ("1.10", ">=1.9", True),
        ("1.9", ">=1.10", False),
        ("1.3b0", ">=1.3", True),
        ("v2.0.1", "==2.0.1", True),
        ("2.0", "==2.0.0", True),
        ("2.0", "<2", False),
        ("2.0", "<=2, >1", True),
    ],
)
def test_ranges_of_versions(version: str, versions: str, within: bool) -> None:
    assert is_within(version, versions) is within


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no range of versions"):
        is_within("1.0", "~1")


def test_a_table_of_emitters_says_where_it_is_wrong(tmp_path: Path) -> None:
    columns = (
        "scope,versions,provider,operation,input_contains_cache,output_contains_thoughts,tells_cache,counts_itself,over"
    )
    header = f"{columns},default_provider,zero_cost_is_unknown,observed\n"
    table = tmp_path / "acme_emitters.csv"
    table.write_text(header + "acme.llm,>=2,,chat,no,,yes,streamed,a b,openai,yes,1.0 in 2026\n")
    assert read_emitters(table) == (
        Emitter("acme.llm", ">=2", "", "chat", False, None, True, "streamed", ("a", "b"), "openai", True),
    )
    table.write_text(header + "acme.llm,,,,yes,,,,,,,\nacme.llm,,,,perhaps,,,,,,,\n")
    with pytest.raises(ValueError, match=r"acme_emitters\.csv line 3"):
        read_emitters(table)
