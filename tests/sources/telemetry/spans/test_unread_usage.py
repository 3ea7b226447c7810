"""What looks like usage, or tells whose it is, and nobody reads is named (rule R33)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.sources.telemetry.conftest import Job, Taken
from tests.sources.telemetry.written import CALL, WORK, Json, attribute, chat, event, lines, message, span


def named(taken: Taken) -> list[tuple[Any, ...]]:
    rows = taken.rows.get("unread_usage", [])
    return [(row["scope_name"], row["attribute"], row["calls"], row["landing_line"]) for row in rows]


def test_counts_that_nobody_reads_are_counted_by_scope_attribute_and_day(job: Job) -> None:
    later = {"startTimeUnixNano": "1790942400000000000", "endTimeUnixNano": "1790942401000000000"}
    content = (
        chat(CALL, CALL | {"acme.cached_token_count": 5}, CALL | {"acme.cached_token_count": 7})
        + chat(CALL | {"acme.cached_token_count": 7, "acme.usage.images": 1}, scope="acme.other")
        + chat(CALL | {"acme.cached_token_count": 9}, **later)
    )
    taken = job.take(content)
    assert named(taken) == [
        ("acme.llm", "acme.cached_token_count", 2, 2),
        ("acme.other", "acme.cached_token_count", 1, 4),
        ("acme.other", "acme.usage.images", 1, 4),
        ("acme.llm", "acme.cached_token_count", 1, 5),
    ]
    days = [row["charge_day"] for row in taken.rows["unread_usage"]]
    assert days == [*[date(2026, 10, 1)] * 3, date(2026, 10, 2)]
    assert len(taken.calls) == 5


@pytest.mark.parametrize(
    "values",
    [
        # Read, or a setting, a price, a limit; a text; nothing; no operation of a model.
        CALL | {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 5},
        CALL | {"gen_ai.request.max_tokens": 100, "acme.budget_tokens": 5, "acme.token_cost": 0.5},
        CALL | {"acme.token_type": 3, "acme.tokens_per_second": 12.5, "acme.token_price": 1},
        CALL | {"acme.tokens": "many", "acme.usage": True},
        CALL | {"acme.tokens": 0, "acme.usage.seconds": -1},
        {"http.request.method": "GET", "acme.tokens": 5},
        {"gen_ai.operation.name": "invoke_agent", "acme.tokens": 5},
    ],
)
def test_what_is_no_count_of_a_model_operation_is_not_named(job: Job, values: Json) -> None:
    assert named(job.take(chat(values))) == []


def test_an_operation_nobody_knows_that_names_a_model_may_be_one(job: Job) -> None:
    unknown = CALL | {"gen_ai.operation.name": "acme"}
    content = chat(unknown | {"acme.tokens": 5}, {"gen_ai.operation.name": "acme", "acme.tokens": 5})
    assert named(job.take(content)) == [("acme.llm", "acme.tokens", 1, 1)]


def test_counts_that_only_an_event_of_a_span_tells_are_named(job: Job) -> None:
    """Also of an event whose content is a message: what it says is not landed, its numbers are."""
    secret = {"content": "My card is 4111", "gen_ai.usage.output_tokens": 5}
    told = [event("gen_ai.choice", secret), event("acme", {"gen_ai.usage.input_tokens": 7})]
    repeated = CALL | {"gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 5}
    taken = job.take(lines(message(span(CALL, events=told)), message(span(repeated, events=told))))
    assert b"4111" not in taken.stored
    assert sorted(named(taken)) == [
        ("acme.llm", "acme/gen_ai.usage.input_tokens", 1, 1),
        ("acme.llm", "gen_ai.choice/gen_ai.usage.output_tokens", 1, 1),
    ]


def test_own_names_are_read(job: Job) -> None:
    content = chat(CALL | {"acme.cached_token_count": 5, "acme.prompt_tokens": 9})
    assert [attribute for _, attribute, _, _ in named(job.take(content))] == [
        "acme.cached_token_count",
        "acme.prompt_tokens",
    ]
    own = {"cache_read": ["acme.cached_token_count"], "input": ["acme.prompt_tokens"]}
    taken = job.take(content, attributes=own)
    assert named(taken) == []
    assert taken.calls[0]["cached_total"] == 5


def test_owners_under_a_prefix_that_nobody_reads_are_named_where_none_is_told(job: Job) -> None:
    foreign = {"acme.meta.event_id": "evt-1", "acme.meta.tenant_id": "ten-1", "acme.meta.tenant_ids": "x"}
    foreign |= {"acme.metadata.tenantId": "ten-1"}
    root: Json = {"parentSpanId": ""}
    content = lines(
        message(span(foreign, **root), resource={}),
        message(span(CALL | foreign), resource={}),
        message(span(CALL | foreign | {"tenant_id": "ten-1"}), resource={}),
        message(span(CALL | foreign | WORK), resource={}),
    )
    assert sorted(named(job.take(content))) == [
        ("acme.llm", "acme.meta.event_id", 3, 1),
        ("acme.llm", "acme.meta.tenant_id", 2, 1),
        ("acme.llm", "acme.metadata.tenantId", 2, 1),
    ]


def test_an_attribute_told_twice_is_one_call(job: Job) -> None:
    own = span(CALL | {"acme.tokens": 5})
    own["attributes"] += [attribute("acme.tokens", 5), attribute("acme.reply_tokens", 6)]
    assert sorted(named(job.take(lines(message(own, span(CALL)))))) == [
        ("acme.llm", "acme.reply_tokens", 1, 1),
        ("acme.llm", "acme.tokens", 1, 1),
    ]
