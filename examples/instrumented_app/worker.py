"""Takes tickets from the queue, has them answered and the answer checked, and tells how each ended.

Each time a ticket is taken is an attempt at it, and so a run of its own.
"""

from __future__ import annotations

import os
import time
from urllib.error import HTTPError
from uuid import uuid4

from model import ModelFailed, ask
from opentelemetry.trace import SpanKind
from serving import Job, Jobs, end_when_told, post
from telemetry import carried, carried_on, traced, working

CHECKER = "gpt-4.1-nano"
tracer = traced("worker")


def resolve(job: Job) -> str:
    """The ticket's answer, or why there is none."""
    with (
        carried_on(job.headers),
        working(run_id=str(uuid4())),
        tracer.start_as_current_span("resolve ticket", kind=SpanKind.CONSUMER) as span,
    ):
        try:
            answered = post(os.environ["ANSWERS_URL"], {"question": job.question}, carried())
            # The check is part of the attempt that gave the answer, which another model may have made.
            with working(run_id=answered["run_id"]):
                ask(tracer, CHECKER, f"Is this an answer? {answered['answer']} The question was: {job.question}")
        except (HTTPError, ModelFailed) as error:
            span.set_attribute("app.outcome", "failure")
            return f"no answer: {error}"
        span.set_attribute("app.outcome", "success")
        return str(answered["answer"])


if __name__ == "__main__":
    jobs = Jobs()
    end_when_told()
    print("working", flush=True)
    while True:
        if job := jobs.next():
            jobs.finish(job, resolve(job))
        else:
            time.sleep(0.05)
