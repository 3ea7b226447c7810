#!/usr/bin/env bash
# opentelemetry-instrumentation-botocore 0.66b2, -genai-anthropic 1.3b0: gen_ai.usage.input_tokens is without the cache in one of them.
#
# The same prompt of the same model, by Bedrock's Converse and by Anthropic's own API, which both count 100 tokens uncached, 800
# read from cache and 50 written. The two instrumentations, both OpenTelemetry's, tell what the cache did alike, but one input is
# 950 and the other 100. Whoever subtracts the cache from the input, as the first needs, gets -750 for Bedrock; whoever does not
# charges Anthropic's cached tokens twice, at the full price. No attribute says which of the two it is; only the scope does.
#
# Seen:
#   opentelemetry.instrumentation.genai.anthropic: input 950, of cache 800 read and 50 written, output 20
#   opentelemetry.instrumentation.botocore.bedrock-runtime: input 100, of cache 800 read and 50 written, output 20
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check opentelemetry-instrumentation-botocore==0.66b2 boto3==1.44.8 \
    opentelemetry-instrumentation-genai-anthropic==1.3b0 anthropic==2.14.0 opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from anthropic import Anthropic
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

USAGE = {"input_tokens": 100, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 50, "output_tokens": 20}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "stop_reason": "end_turn"}
MESSAGE |= {"content": [{"type": "text", "text": "It is paid."}], "usage": USAGE}
CONVERSE = {"output": {"message": {"role": "assistant", "content": [{"text": "It is paid."}]}}, "stopReason": "end_turn"}
CONVERSE["usage"] = {"inputTokens": 100, "cacheReadInputTokens": 800, "cacheWriteInputTokens": 50, "outputTokens": 20, "totalTokens": 970}


class Provider(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(CONVERSE if self.path.endswith("/converse") else MESSAGE).encode())

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
AnthropicInstrumentor().instrument(tracer_provider=provider)
BotocoreInstrumentor().instrument(tracer_provider=provider)
anthropic = Anthropic(base_url=address, api_key="none")
anthropic.messages.create(model="claude-sonnet-4-6", max_tokens=50, messages=[{"role": "user", "content": "Is it paid?"}])
access = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
bedrock = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=address, **access)
bedrock.converse(modelId="anthropic.claude-sonnet-4-6", messages=[{"role": "user", "content": [{"text": "Is it paid?"}]}])
told = []
for span in spans.get_finished_spans():
    usage = {name.removeprefix("gen_ai.usage."): count for name, count in span.attributes.items() if "usage" in name}
    written = usage.get("cache_creation.input_tokens", usage.get("cache_write.input_tokens"))
    told.append((span.instrumentation_scope.name, usage["input_tokens"], usage["cache_read.input_tokens"], written, usage["output_tokens"]))
    print("{}: input {}, of cache {} read and {} written, output {}".format(*told[-1]))
direct = ("opentelemetry.instrumentation.genai.anthropic", 950, 800, 50, 20)
by_bedrock = ("opentelemetry.instrumentation.botocore.bedrock-runtime", 100, 800, 50, 20)
sys.exit(0 if told == [direct, by_bedrock] else "this is no longer what was seen")
PYTHON
