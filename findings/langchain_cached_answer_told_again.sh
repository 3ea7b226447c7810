#!/usr/bin/env bash
# openinference-instrumentation-langchain 0.1.80 (langchain-core 1.8.3): what LangChain's own cache answers is told with all its tokens.
#
# With set_llm_cache() the second, equal question never reaches the provider, which bills one call. Each answer is a span of kind LLM all
# the same, with the counts of the first, status OK, and no attribute that says where it came from. LangChain knows: usage_metadata of the
# message has total_cost 0 then, and the same tokens; get_usage_metadata_callback() adds them up like any others. So telemetry
# tells three times what is billed, and what a service saves by its cache looks like usage that the bill lacks.
#
# Seen for one question asked three times, answered once by the provider with 1000 and 120 tokens:
#   asked of the provider: 1
#   spans: LLM 1000 + 120 OK, LLM 1000 + 120 OK, LLM 1000 + 120 OK
#   attributes of the second that the first lacks, or the other way: []
#   usage_metadata callback: input 3000, output 360
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openinference-instrumentation-langchain==0.1.80 langchain-core==1.8.3 \
    langchain-openai==1.7.4 openai==3.57.0 opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
ANSWER["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "It is paid."}, "finish_reason": "stop"}]
ANSWER["usage"] = {"prompt_tokens": 1000, "completion_tokens": 120, "total_tokens": 1120}
asked = []


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
LangChainInstrumentor().instrument(tracer_provider=provider)
set_llm_cache(InMemoryCache())
model = ChatOpenAI(model="gpt-4.1-mini", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
with get_usage_metadata_callback() as counted:
    for _ in range(3):
        model.invoke("Is it paid?")
names = ("openinference.span.kind", "llm.token_count.prompt", "llm.token_count.completion")
calls = spans.get_finished_spans()
told = [(*(span.attributes.get(name) for name in names), span.status.status_code.name) for span in calls]
differing = sorted(set(calls[0].attributes) ^ set(calls[1].attributes))
(total,) = counted.usage_metadata.values()
print(f"asked of the provider: {len(asked)}")
print(f"spans: {', '.join('{} {} + {} {}'.format(*call) for call in told)}")
print(f"attributes of the second that the first lacks, or the other way: {differing}")
print(f"usage_metadata callback: input {total['input_tokens']}, output {total['output_tokens']}")
seen = (len(asked), told, differing, total["input_tokens"], total["output_tokens"])
sys.exit(0 if seen == (1, [("LLM", 1000, 120, "OK")] * 3, [], 3000, 360) else "this is no longer what was seen")
PYTHON
