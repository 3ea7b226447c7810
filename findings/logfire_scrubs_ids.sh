#!/usr/bin/env bash
# logfire 5.4.0 (pydantic-ai-slim 2.68.0): ids with "auth", "session" or the like in them become one text, so many events are one.
#
# What logfire.configure() sets up scrubs what may be a secret, on the way to every exporter and not only to Logfire. A match anywhere in
# a name or a value replaces the value whole: auth-review-17 and auth-review-18 are both "[Scrubbed due to 'auth']", and so is whatever
# stands under session_id. The tokens stay, so the cost of all such events adds up under an id nobody gave, as it would under a real
# one. Spans of logfire's own wrappers of OpenAI and Anthropic are spared, which hides it from who tries it there: of one and the same
# call PydanticAI's span has lost the id and the one below has it. A callback in ScrubbingOptions, or scrubbing=False, keeps ids.
#
# Seen, each a call of 1000 tokens with its id set by logfire.set_baggage:
#   claim-17: event_id of logfire.openai claim-17, of pydantic-ai claim-17
#   auth-review-17: event_id of logfire.openai auth-review-17, of pydantic-ai [Scrubbed due to 'auth']
#   auth-review-18: event_id of logfire.openai auth-review-18, of pydantic-ai [Scrubbed due to 'auth']
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check logfire==5.4.0 'pydantic-ai-slim[openai]==2.68.0' openai==3.57.0 \
    opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import logfire
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

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


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans = InMemorySpanExporter()
logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[SimpleSpanProcessor(spans)])
logfire.instrument_openai()
logfire.instrument_pydantic_ai()
provider = OpenAIProvider(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
agent = Agent(OpenAIChatModel("gpt-4.1-mini", provider=provider))
told = []
for event in ("claim-17", "auth-review-17", "auth-review-18"):
    with logfire.set_baggage(event_id=event):
        agent.run_sync("Is it paid?")
    calls = [span for span in spans.get_finished_spans() if "gen_ai.usage.input_tokens" in span.attributes]
    ids = {span.instrumentation_scope.name: span.attributes["event_id"] for span in calls}
    told.append((event, ids["logfire.openai"], ids["pydantic-ai"]))
    print("{}: event_id of logfire.openai {}, of pydantic-ai {}".format(*told[-1]))
    spans.clear()
scrubbed = "[Scrubbed due to 'auth']"
expected = [("claim-17", "claim-17", "claim-17"), *((event, event, scrubbed) for event in ("auth-review-17", "auth-review-18"))]
sys.exit(0 if told == expected else "this is no longer what was seen")
PYTHON
