"""Takes tickets over HTTP. Here the work begins: it is given its event, and all that is known of whom it is for.

``POST /tickets`` with ``tenant`` and ``question`` answers with the event's id, ``GET /tickets/ID`` with the answer, null until there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from opentelemetry.trace import SpanKind
from serving import Jobs, Json, serve
from telemetry import carried, traced, working

tracer, jobs = traced("front"), Jobs()


def answer(path: str, body: Json, headers: Mapping[str, str]) -> tuple[int, Json]:
    if not body:
        return 200, {"answer": jobs.answer(path.rpartition("/")[2])}
    event_id = f"ticket-{uuid4()}"
    work = {
        "event_id": event_id,
        "tenant_id": body["tenant"],
        "feature_id": "ticket_resolution",
        "workflow": "answer_and_check",
        "prompt_version": "v3",
    }
    with working(**work), tracer.start_as_current_span("POST /tickets", kind=SpanKind.SERVER):
        # Nothing carries headers through a queue but the message itself.
        jobs.put(event_id, body["question"], carried())
    return 202, {"event_id": event_id}


if __name__ == "__main__":
    serve(answer)
