"""Traceloop's SDK around an instrumentation of it; the ids are its association properties."""

from contextlib import contextmanager

import work
from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from traceloop.sdk import Traceloop
from traceloop.sdk.instruments import Instruments


def initialised(instrument: Instruments) -> None:
    """As a service starts it: nothing but its own instrumentation of one SDK, its spans to the collector."""
    Traceloop.init(
        app_name=work.EMITTER,
        exporter=OTLPSpanExporter(),
        instruments={instrument},
        telemetry_enabled=False,
        disable_batch=False,
    )


@contextmanager
def associated(told):
    """The ids as association properties, which stay until the next are set."""
    token = context.attach(context.get_current())
    Traceloop.set_association_properties(told)
    try:
        yield
    finally:
        context.detach(token)
