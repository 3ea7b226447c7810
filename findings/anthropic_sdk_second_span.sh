#!/usr/bin/env bash
# anthropic 2.14.0 with opentelemetry-instrumentation-genai-anthropic 1.3b0: one call is two spans with the same usage, since the SDK
# writes one by itself; only that one tells what the cache was written for.
#
# The SDK finds the tracer provider that is set for the process and traces every call, instrumented or not. An instrumentation on
# top writes its own span over it, so one call has two with the same response id and the same tokens: summed, it counts twice.
# To drop the SDK's as the inner one is dear as well: it alone tells writes for an hour from those for five minutes, and an
# hour is priced higher.
#
# Seen for one call with 100 tokens uncached, 800 read from cache, 50 written (30 for five minutes, 20 for an hour), 20 out:
#   without instrumentation: com.anthropic.sdk.python: input 950, output 20, written for 5m 30, for 1h 20, id msg_1
#   with instrumentation: com.anthropic.sdk.python: input 950, output 20, written for 5m 30, for 1h 20, id msg_1
#   with instrumentation: opentelemetry.instrumentation.genai.anthropic: input 950, output 20, written for 5m None, for 1h None, id msg_1
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check opentelemetry-instrumentation-genai-anthropic==1.3b0 anthropic==2.14.0 \
    opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from anthropic import Anthropic
from opentelemetry import trace
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

USAGE = {"input_tokens": 100, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 50, "output_tokens": 20}
USAGE["cache_creation"] = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20}
ANSWER = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "usage": USAGE}
ANSWER |= {"content": [{"type": "text", "text": "It is paid."}], "stop_reason": "end_turn", "stop_sequence": None}


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
told = []
for case in ("without", "with"):
    if case == "with":
        AnthropicInstrumentor().instrument()
    client = Anthropic(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none")
    client.messages.create(model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": "Is it paid?"}])
    for span in spans.get_finished_spans():
        ttl = [span.attributes.get(f"anthropic.usage.cache_creation.ephemeral_{time}_input_tokens") for time in ("5m", "1h")]
        usage = [span.attributes[f"gen_ai.usage.{name}_tokens"] for name in ("input", "output")]
        told.append((case, span.instrumentation_scope.name, *usage, *ttl, span.attributes["gen_ai.response.id"]))
        print("{} instrumentation: {}: input {}, output {}, written for 5m {}, for 1h {}, id {}".format(*told[-1]))
    spans.clear()
sdk = ("com.anthropic.sdk.python", 950, 20, 30, 20, "msg_1")
over = ("opentelemetry.instrumentation.genai.anthropic", 950, 20, None, None, "msg_1")
sys.exit(0 if told == [("without", *sdk), ("with", *sdk), ("with", *over)] else "this is no longer what was seen")
PYTHON
