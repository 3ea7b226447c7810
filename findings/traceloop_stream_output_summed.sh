#!/usr/bin/env bash
# opentelemetry-instrumentation-anthropic 0.62.4 (anthropic 2.14.0): a stream's output is the sum of two counts, one within the other.
#
# Anthropic's stream tells its output twice: as counted so far when the message starts, and as counted in all in its last
# message_delta. The instrumentation adds the two, on a span that looks like any other. Its total has the same surplus.
# A request that is not streamed has the right count. The surplus is whatever the start told, so telemetry is above the bill
# by a little for every stream, and no fixed share sets it right.
#
# Seen, where the provider says 20 each time:
#   not streamed: output 20, total 970
#   streamed, 1 at the start: output 21, total 971
#   streamed, 3 at the start: output 23, total 973
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check opentelemetry-instrumentation-anthropic==0.62.4 anthropic==2.14.0 \
    opentelemetry-sdk==1.45.1
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from anthropic import Anthropic
from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        start = int(asked["messages"][0]["content"])
        told = {"input_tokens": 100, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 50, "output_tokens": 20}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
        message |= {"content": [], "stop_reason": "end_turn", "usage": told}
        opened = message | {"stop_reason": None, "usage": told | {"output_tokens": start}}
        events = [{"type": "message_start", "message": opened}]
        events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}]
        events += [{"type": "message_stop"}]
        streamed = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if asked.get("stream") else "application/json")
        self.end_headers()
        self.wfile.write((streamed if asked.get("stream") else json.dumps(message)).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
AnthropicInstrumentor().instrument(tracer_provider=provider)
ask = Anthropic(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none").messages.create
for start, stream in ((1, False), (1, True), (3, True)):
    answer = ask(model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": str(start)}], stream=stream)
    for _ in answer if stream else ():
        pass
names = ("gen_ai.usage.output_tokens", "gen_ai.usage.total_tokens")
told = [tuple(span.attributes[name] for name in names) for span in spans.get_finished_spans()]
for case, (output, total) in zip(("not streamed", "streamed, 1 at the start", "streamed, 3 at the start"), told, strict=True):
    print(f"{case}: output {output}, total {total}")
sys.exit(0 if told == [(20, 970), (21, 971), (23, 973)] else "this is no longer what 0.62.4 was seen to do")
PYTHON
