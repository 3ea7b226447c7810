#!/usr/bin/env bash
# openai 3.57.0, opentelemetry-instrumentation-genai-openai 1.3b0: a call that times out is three requests and a span of one usage or none.
#
# A timeout seems to be what a call may take at most. It is what a request may, and the SDK asks twice more unless told otherwise. It makes
# an idempotency key for every call and sends it nowhere, so to a provider the three are three: it reads the prompt each time and writes
# on when the caller has left, and what it charges for that stands on the bill alone. The span lies over all three. It tells the usage of
# the last if that came in time, and else none; that there were others it does not say. Where a timeout is tight for a long prompt, as
# many as three prompts are billed for one that is told. `max_retries=0` makes it one request.
#
# Seen, each answer 1000 tokens of input, the timeout a second and a slow answer after two:
#   third in time: 3 requests worked on (3000), idempotency keys 0; the span: 1000, None
#   none in time: 3 requests worked on (3000), idempotency keys 0; the span: None, openai.APITimeoutError
#   none in time, max_retries=0: 1 requests worked on (1000), idempotency keys 0; the span: None, openai.APITimeoutError
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0 opentelemetry-instrumentation-genai-openai==1.3b0 \
    opentelemetry-util-genai==1.3b0 opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
ANSWER["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "It is paid."}, "finish_reason": "stop"}]
ANSWER["usage"] = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}
asked, keys, worked, slow = [], [], [], 0


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        asked.append(self.path)
        keys.extend(value for name, value in self.headers.items() if "idempotency" in name.lower())
        if len(asked) <= slow:
            time.sleep(2)
        body = json.dumps(ANSWER).encode()
        worked.append(ANSWER["usage"]["prompt_tokens"])
        with suppress(ConnectionError):  # the caller has left
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
OpenAIInstrumentor().instrument(tracer_provider=provider)
told = []
for case, slow, options in (("third in time", 2, {}), ("none in time", 3, {}), ("none in time, max_retries=0", 3, {"max_retries": 0})):
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", timeout=1, **options)
    with suppress(openai.APITimeoutError):
        client.chat.completions.create(model="gpt-4.1-mini", messages=[{"role": "user", "content": "Is it paid?"}])
    while len(worked) < len(asked):
        time.sleep(0.1)
    (span,) = spans.get_finished_spans()
    told.append((len(asked), sum(worked), len(keys), span.attributes.get("gen_ai.usage.input_tokens"), span.attributes.get("error.type")))
    print("{}: {} requests worked on ({}), idempotency keys {}; the span: {}, {}".format(case, *told[-1]))
    spans.clear()
    asked.clear(), keys.clear(), worked.clear()
expected = [(3, 3000, 0, 1000, None), (3, 3000, 0, None, "openai.APITimeoutError"), (1, 1000, 0, None, "openai.APITimeoutError")]
sys.exit(0 if told == expected else "this is no longer what was seen")
PYTHON
