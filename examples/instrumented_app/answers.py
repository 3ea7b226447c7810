"""Answers questions over HTTP: by one model, and where that fails by another, which is another attempt at the same event.

``POST /`` with ``question`` answers with ``answer`` and the ``run_id`` of the attempt that gave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

from model import ModelFailed, ask
from opentelemetry import baggage
from serving import Json, serve
from telemetry import carried_on, traced, working

MODEL, FALLBACK = "gpt-4.1", "gpt-4.1-mini"
tracer = traced("answers")


def answer(path: str, body: Json, headers: Mapping[str, str]) -> tuple[int, Json]:
    with carried_on(headers):
        first = str(baggage.get_baggage("run_id"))
        try:
            with _attempt():
                return 200, {"answer": ask(tracer, MODEL, body["question"]), "run_id": first}
        except ModelFailed:
            again = str(uuid4())
        try:
            with working(run_id=again, retry_of_run_id=first, run_kind="fallback"), _attempt():
                return 200, {"answer": ask(tracer, FALLBACK, body["question"]), "run_id": again}
        except ModelFailed as error:
            return 502, {"error": str(error)}


@contextmanager
def _attempt() -> Iterator[None]:
    """A span that tells how a run ended; its names come from baggage."""
    with tracer.start_as_current_span("answer", record_exception=False, set_status_on_exception=False) as span:
        try:
            yield
        except ModelFailed:
            span.set_attribute("run_status", "failure")
            raise
        span.set_attribute("run_status", "success")


if __name__ == "__main__":
    serve(answer)
