"""What the drivers share: the work an emitter is put through, one event a scenario, and the ways its ids can travel.

A driver sets its emitter up as its own documentation tells, and calls ``perform`` with its scenarios. It runs in the
environment of its emitter, so nothing here needs more than OpenTelemetry.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import baggage, context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

EMITTER = os.environ["EMITTER"]
#: Address of the provider, without a path.
PROVIDER = os.environ["EMITTER_PROVIDER"]

#: A scenario gets the model to ask for and the prompt.
Scenario = Callable[[str, str], object]
Carry = Callable[[dict[str, str]], AbstractContextManager[object]]


def traced() -> TracerProvider:
    """The global tracer provider, which exports to the collector; what is in baggage is on every span."""
    provider = TracerProvider()
    provider.add_span_processor(BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def ids(scenario: str) -> dict[str, str]:
    """Event, run and tenant of a scenario."""
    event = f"{EMITTER}.{scenario}"
    return {"event_id": event, "run_id": f"{event}.1", "tenant_id": f"tenant-{EMITTER}", "feature_id": scenario}


@contextmanager
def in_baggage(told: dict[str, str]):
    """The ids as W3C Baggage, which a processor copies to every span."""
    entered = context.get_current()
    for name, value in told.items():
        entered = baggage.set_baggage(name, value, entered)
    token = context.attach(entered)
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def on_parent(told: dict[str, str]):
    """The ids on a span of the company's own around the work, and on nothing else."""
    with trace.get_tracer("acme.support").start_as_current_span("answer ticket", attributes=told):
        yield


def perform(scenarios: Mapping[str, Scenario], base_model: str, carry: Carry) -> None:
    """Put the emitter through every scenario. Exits with 1 where one went otherwise than its name says."""
    wrong = False
    for name, scenario in scenarios.items():
        model = f"{base_model}-{EMITTER.replace('_', '-')}-{name.replace('_', '-')}"
        prompt = f"Where is parcel 7? [event {EMITTER}.{name}]"
        failure = None
        try:
            with carry(ids(name)):
                scenario(model, prompt)
        except Exception as error:
            failure = error
        if name.startswith("failed") and failure is None:
            print(f"{EMITTER}.{name}: the failure was not seen", file=sys.stderr)
            wrong = True
        if failure and not name.startswith(("failed", "cut", "left")):
            traceback.print_exception(failure)
            wrong = True
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush:
        flush()
    sys.exit(wrong)
