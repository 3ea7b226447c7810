#!/usr/bin/env bash
# openinference-instrumentation-smolagents 0.1.43 (smolagents 1.26.0): a stream whose caller leaves is told as no tokens, with status OK.
#
# Usage comes with the last part of a stream. When the caller stops reading before it, the span is not left without counts:
# it says 0 prompt, 0 completion and 0 total tokens, and its status is OK, as for a call that went well. The provider charges
# for the prompt and for what it had written by then. Here 0 means "not known", so a table that sums these spans books real
# charges as free, and nothing on the span tells it from a call without cost.
#
# Seen, where the provider counts 1000 and 120 for a stream that is read to its end:
#   read to its end: prompt 1000, completion 120, total 1120, status OK
#   left after one part: prompt 0, completion 0, total 0, status OK
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openinference-instrumentation-smolagents==0.1.43 'smolagents[openai]==1.26.0' \
    openai==3.57.0 opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from smolagents import OpenAIModel


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        same = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
        words = [{"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in ("It ", "is ", "paid.")]
        usage = {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 120, "total_tokens": 1120}}
        for part in (*words, usage):
            self.wfile.write(f"data: {json.dumps(same | part)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
SmolagentsInstrumentor().instrument(tracer_provider=provider)
model = OpenAIModel(model_id="gpt-4.1-mini", api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
prompt = [{"role": "user", "content": [{"type": "text", "text": "Is it paid?"}]}]
list(model.generate_stream(prompt))
left = model.generate_stream(prompt)
next(left)
left.close()
names = ("prompt", "completion", "total")
told = []
for span in spans.get_finished_spans():
    told.append((*(span.attributes.get(f"llm.token_count.{name}") for name in names), span.status.status_code.name))
for case, (prompt, completion, total, status) in zip(("read to its end", "left after one part"), told, strict=True):
    print(f"{case}: prompt {prompt}, completion {completion}, total {total}, status {status}")
sys.exit(0 if told == [(1000, 120, 1120, "OK"), (0, 0, 0, "OK")] else "this is no longer what 0.1.43 was seen to do")
PYTHON
