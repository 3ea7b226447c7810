#!/usr/bin/env bash
# openlit 1.45.0 (openai 2.54.0): a stream whose usage was not asked for gets half its characters as its tokens, under the same names.
#
# OpenAI's chat stream tells usage only when asked by stream_options.include_usage. Without it openlit halves the length of the text
# it saw ("user: " before the prompt included), rounds up, and writes that where the provider's counts stand otherwise; no
# attribute says so. No tokenizer is asked, and nothing the caller does not see, such as reasoning, is in it. It looks as exact
# as a count the provider told, and nothing ties it to the bill.
#
# Seen, where the provider counts 1000 and 120 for every call:
#   prompt of 18 characters, usage asked for: input 1000, output 120, total 1120
#   prompt of 18 characters, usage not asked for: input 12, output 6, total 18
#   prompt of 1994 characters, usage not asked for: input 1000, output 6, total 1006
#   attributes that a call has only if usage was not asked for: none
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openlit==1.45.0 openai==2.54.0 opentelemetry-sdk==1.45.1
# An empty price file of its own, or openlit fetches one.
printf '{}' > "$room/prices.json"
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - "$room/prices.json" <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openlit
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

USAGE = {"prompt_tokens": 1000, "completion_tokens": 120, "total_tokens": 1120, "prompt_tokens_details": {"cached_tokens": 800}}


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        same = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
        parts = [{"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in ("It ", "is ", "paid.")]
        parts += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
        parts += [{"choices": [], "usage": USAGE}] if asked.get("stream_options") else []
        for part in parts:
            self.wfile.write(f"data: {json.dumps(same | part)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans = InMemorySpanExporter()
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
openlit.init(pricing_json=sys.argv[1], disable_metrics=True, disable_events=True)
ask = OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none").chat.completions.create
short, long = "Is invoice 7 paid?", "7" * 1994
for prompt, options in ((short, {"stream_options": {"include_usage": True}}), (short, {}), (long, {})):
    list(ask(model="gpt-4.1-mini", messages=[{"role": "user", "content": prompt}], stream=True, **options))
calls = [s.attributes for s in spans.get_finished_spans() if s.instrumentation_scope.name == "openlit.instrumentation.openai"]
names = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.client.token.usage")
told = [tuple(call[name] for name in names) for call in calls]
for case, counts in zip(("18 characters, usage", "18 characters, usage not", "1994 characters, usage not"), told, strict=True):
    print("prompt of {} asked for: input {}, output {}, total {}".format(case, *counts))
only = sorted(set(calls[1]) - set(calls[0]))
print(f"attributes that a call has only if usage was not asked for: {', '.join(only) or 'none'}")
as_seen = told == [(1000, 120, 1120), (12, 6, 18), (1000, 6, 1006)] and not only
sys.exit(0 if as_seen else "this is no longer what 1.45.0 was seen to do")
PYTHON
