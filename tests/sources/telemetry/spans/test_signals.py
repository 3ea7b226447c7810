"""What a span tells of the machine its call ran on: time in a queue, jitter, throttling. It is optional and moves no money."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.telemetry.conftest import Job
from tests.sources.telemetry.written import CALL, chat

#: Attributes, and the queue in ms, jitter in ms and whether throttled that they tell.
TOLD: list[tuple[dict[str, Any], tuple[int | None, int | None, bool | None]]] = [
    ({}, (None, None, None)),
    # vLLM writes seconds, as a double.
    ({"gen_ai.latency.time_in_queue": 0.2509}, (250, None, None)),
    ({"gen_ai.latency.time_in_queue": 0.00002}, (0, None, None)),
    ({"jitter_ms": "12.9"}, (None, 12, None)),
    ({"throttled": True}, (None, None, True)),
    ({"throttled": "no"}, (None, None, False)),
    ({"error.type": "ThrottlingException"}, (None, None, True)),
    ({"error.type": "openai.RateLimitError"}, (None, None, True)),
    ({"error.type": "429"}, (None, None, True)),
    ({"error.type": "TimeoutError"}, (None, None, None)),
    # What is no length of time tells nothing, and costs the call nothing.
    ({"gen_ai.latency.time_in_queue": -1, "jitter_ms": "much"}, (None, None, None)),
    ({"gen_ai.latency.time_in_queue": 1e12}, (None, None, None)),
]


@pytest.mark.parametrize(("attributes", "told"), TOLD, ids=[str(attributes) for attributes, _ in TOLD])
def test_a_call_carries_what_its_span_tells(
    job: Job, attributes: dict[str, Any], told: tuple[int | None, int | None, bool | None]
) -> None:
    (call,) = job.take(chat(CALL | attributes)).calls
    assert (call["queue_ms"], call["jitter_ms"], call["throttled"]) == told
