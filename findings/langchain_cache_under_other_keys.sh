#!/usr/bin/env bash
# langchain-openai 1.7.4, langchain-anthropic 1.7.10: usage_metadata puts what the cache did under other keys, and instrumentations lose it.
#
# LangChain has one shape of usage for all providers: input_token_details with cache_read and cache_creation. Of a flex or priority
# answer of OpenAI's the reads are flex_cache_read or priority_cache_read instead, and there is no cache_read. Of Claude's the
# writes are ephemeral_5m_input_tokens and ephemeral_1h_input_tokens, and cache_creation is 0, where the answer tells them apart:
# unstreamed ones do, the last count of a stream does not, so that the same writes are 0 or 50 by how they were asked for.
# Traceloop's instrumentation (0.62.4) copies the two usual keys: 800 cached tokens are uncached, 50 written ones are told as 0.
# OpenInference's (0.1.80) reads the provider's own counts beside them and is right, but for a flex stream, which has none.
# Input and output are right each time, so no total shows it, and flex is where one looks for what was saved.
#
# Seen (read and written of the cache; the provider counts 800 and none of OpenAI, 800 and 50 of Claude):
#   gpt-5-mini, default: LangChain 800 and none, Traceloop 800 and none, OpenInference 800 and none
#   gpt-5-mini, default, streamed: LangChain 800 and none, Traceloop 800 and none, OpenInference 800 and none
#   gpt-5-mini, flex: LangChain none and none, Traceloop none and none, OpenInference 800 and none
#   gpt-5-mini, flex, streamed: LangChain none and none, Traceloop none and none, OpenInference none and none
#   claude-sonnet-4-6: LangChain 800 and 0, Traceloop 800 and 0, OpenInference 800 and 50
#   claude-sonnet-4-6, streamed: LangChain 800 and 50, Traceloop 800 and 50, OpenInference 800 and 50
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check langchain-openai==1.7.4 langchain-anthropic==1.7.10 langchain-core==1.8.3 \
    openai==3.57.0 anthropic==2.14.0 opentelemetry-instrumentation-langchain==0.62.4 openinference-instrumentation-langchain==0.1.80 \
    opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" LANGSMITH_TRACING=false "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

OPENAI = {"prompt_tokens": 1000, "completion_tokens": 120, "total_tokens": 1120, "prompt_tokens_details": {"cached_tokens": 800}}
KEPT = {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20}
CLAUDE = {"input_tokens": 100, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 50, "cache_creation": KEPT}
CLAUDE["output_tokens"] = 20


def of_openai(tier, streamed):
    same = {"id": "chatcmpl-1", "created": 1, "model": "gpt-5-mini-2025-08-07", "service_tier": tier}
    text = {"role": "assistant", "content": "It is paid."}
    if not streamed:
        choices = [{"index": 0, "message": text, "finish_reason": "stop"}]
        return json.dumps(same | {"object": "chat.completion", "choices": choices, "usage": OPENAI})
    same["object"] = "chat.completion.chunk"
    parts = [{"choices": [{"index": 0, "delta": text, "finish_reason": "stop"}]}, {"choices": [], "usage": OPENAI}]
    return "".join(f"data: {json.dumps(same | part)}\n\n" for part in parts) + "data: [DONE]\n\n"


def of_anthropic(streamed):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
    text = {"type": "text", "text": "It is paid."}
    if not streamed:
        return json.dumps(message | {"content": [text], "stop_reason": "end_turn", "usage": CLAUDE})
    opened = message | {"content": [], "stop_reason": None, "usage": CLAUDE | {"output_tokens": 1}}
    events = [{"type": "message_start", "message": opened}]
    events += [{"type": "content_block_start", "index": 0, "content_block": text}]
    events += [{"type": "content_block_stop", "index": 0}]
    in_all = {name: count for name, count in CLAUDE.items() if name != "cache_creation"}
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": in_all}]
    events += [{"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        streamed = asked.get("stream", False)
        answer = of_anthropic(streamed) if self.path.endswith("/messages") else of_openai(asked["service_tier"], streamed)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
LangchainInstrumentor().instrument(tracer_provider=provider)
LangChainInstrumentor().instrument(tracer_provider=provider)
NAMES = {
    "opentelemetry.instrumentation.langchain": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
    "openinference.instrumentation.langchain": (
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_write",
    ),
}


def told(model, streamed):
    """Of the cache, read and written, as LangChain tells it, Traceloop's span and OpenInference's."""
    spans.clear()
    if streamed:
        first, *others = model.stream("Is invoice 7 paid?")
        answer = sum(others, first)
    else:
        answer = model.invoke("Is invoice 7 paid?")
    details = answer.usage_metadata["input_token_details"]
    by_scope = {span.instrumentation_scope.name: span.attributes for span in spans.get_finished_spans()}
    found = [(details.get("cache_read"), details.get("cache_creation"))]
    return found + [tuple(by_scope[scope].get(name) for name in names) for scope, names in NAMES.items()]


seen = {}
for tier in ("default", "flex"):
    gpt = ChatOpenAI(model="gpt-5-mini", base_url=f"{address}/v1", api_key="none", service_tier=tier, stream_usage=True)
    seen |= {f"gpt-5-mini, {tier}": told(gpt, False), f"gpt-5-mini, {tier}, streamed": told(gpt, True)}
claude = ChatAnthropic(model="claude-sonnet-4-6", base_url=address, api_key="none", max_tokens=50)
seen |= {"claude-sonnet-4-6": told(claude, False), "claude-sonnet-4-6, streamed": told(claude, True)}
for case, found in seen.items():
    words = []
    for who, counts in zip(("LangChain", "Traceloop", "OpenInference"), found, strict=True):
        words.append("{} {} and {}".format(who, *("none" if count is None else count for count in counts)))
    print(f"{case}: {', '.join(words)}")
read, lost, unwritten, whole = (800, None), (None, None), (800, 0), (800, 50)
expected = [[read] * 3, [read] * 3, [lost, lost, read], [lost] * 3, [unwritten, unwritten, whole], [whole] * 3]
sys.exit(0 if [*seen.values()] == expected else "this is no longer what was seen")
PYTHON
