#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 (openinference-instrumentation-openai 0.1.66): the span of a long conversation keeps its tokens, not its event.
#
# A span has at most 128 attributes. OpenTelemetry's specification says that one more is not taken, as in the SDKs of Go, Ruby and
# JavaScript; Python's takes it and drops the oldest instead. The oldest stood there from the beginning: the ids that
# BaggageSpanProcessor copies, the provider. OpenInference writes two attributes a message, so from some sixty messages on the dearest
# calls of an agent carry every token and no event: charged, and nobody's. Of that the span says only how many attributes it dropped,
# and the service's log that one was. OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT raises the limit.
#
# Seen, with event_id in baggage, 1000 prompt tokens each:
#   40 messages: 95 attributes, 0 dropped, event_id claim-17, llm.system openai, 1000 prompt tokens
#   60 messages: 128 attributes, 8 dropped, event_id None, llm.system None, 1000 prompt tokens
#   60 messages, limit 1000: 135 attributes, 0 dropped, event_id claim-17, llm.system openai, 1000 prompt tokens
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openinference-instrumentation-openai==0.1.66 openai==3.57.0 \
    opentelemetry-sdk==1.45.2 opentelemetry-processor-baggage==0.66b1
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from openai import OpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import baggage, context
from opentelemetry.processor.baggage import ALLOW_ALL_BAGGAGE_KEYS, BaggageSpanProcessor
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
ANSWER["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "It is paid."}, "finish_reason": "stop"}]
ANSWER["usage"] = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_):
        pass


logging.getLogger("opentelemetry.attributes").setLevel(logging.ERROR)
server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
context.attach(baggage.set_baggage("event_id", "claim-17"))
told = []
for case, messages, limits in (("40 messages", 40, None), ("60 messages", 60, None), ("60 messages, limit 1000", 60, 1000)):
    spans, provider = InMemorySpanExporter(), TracerProvider(span_limits=SpanLimits(max_span_attributes=limits))
    provider.add_span_processor(BaggageSpanProcessor(ALLOW_ALL_BAGGAGE_KEYS))
    provider.add_span_processor(SimpleSpanProcessor(spans))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    client = OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
    talk = [{"role": ("user", "assistant")[turn % 2], "content": "Is it paid?"} for turn in range(messages)]
    client.chat.completions.create(model="gpt-4.1-mini", messages=talk)
    OpenAIInstrumentor().uninstrument()
    (span,) = spans.get_finished_spans()
    names = ("event_id", "llm.system", "llm.token_count.prompt")
    told.append((len(span.attributes), span.dropped_attributes, *(span.attributes.get(name) for name in names)))
    print("{}: {} attributes, {} dropped, event_id {}, llm.system {}, {} prompt tokens".format(case, *told[-1]))
few, many = (95, 0, "claim-17", "openai", 1000), (135, 0, "claim-17", "openai", 1000)
sys.exit(0 if told == [few, (128, 8, None, None, 1000), many] else "this is no longer what was seen")
PYTHON
