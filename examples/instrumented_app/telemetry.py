"""How every service of the example is traced: the names of the work are in W3C Baggage, and what is there is on each span.

Spans go to the OTLP endpoint that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names, a Collector as a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.processor.baggage import BaggageSpanProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

#: What of baggage is copied to spans. Anybody upstream may put more into it, which is none of ours to export.
NAMES = frozenset(
    ["event_id", "run_id", "retry_of_run_id", "run_kind", "tenant_id", "feature_id", "workflow", "prompt_version"]
)


def traced(service: str) -> trace.Tracer:
    """The tracer of a service. What it has not exported yet goes out when the process ends."""
    told = {"service.name": service, "deployment.environment.name": "production"}
    provider = TracerProvider(resource=Resource.create(told))
    provider.add_span_processor(BaggageSpanProcessor(NAMES.__contains__))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return trace.get_tracer("instrumented_app", "1.0")


@contextmanager
def working(**names: str) -> Iterator[None]:
    """What begins in the block is for this work: names that are given take the place of those that came with it."""
    entered = context.get_current()
    for name, value in names.items():
        entered = baggage.set_baggage(name, value, entered)
    with _entered(entered):
        yield


@contextmanager
def carried_on(headers: Mapping[str, str]) -> Iterator[None]:
    """What begins in the block goes on with the trace and the work that a message's headers tell of."""
    with _entered(propagate.extract(headers)):
        yield


def carried() -> dict[str, str]:
    """Headers for the next service, ``traceparent`` and ``baggage``. Never for a provider: the names of customers are not for it."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def _entered(entered: context.Context) -> Iterator[None]:
    token = context.attach(entered)
    try:
        yield
    finally:
        context.detach(token)
