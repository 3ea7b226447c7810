"""langfuse's drop-in for OpenAI's SDK, exporting to a collector; the ids are metadata that propagates to each observation."""

import work
from langfuse import Langfuse, propagate_attributes
from langfuse.openai import OpenAI
from openai_calls import client, scenarios
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
trace.set_tracer_provider(provider)
Langfuse(public_key="local", secret_key="local", base_url=work.PROVIDER, span_exporter=OTLPSpanExporter())


def propagated(told):
    return propagate_attributes(metadata=told)


work.perform(scenarios(client(OpenAI)), "gpt-4.1-mini", propagated)
