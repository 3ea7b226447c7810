#!/usr/bin/env bash
# azure-monitor-opentelemetry 1.8.11: unless a sampling rate is set, five traces a second are kept and all other calls dropped.
#
# configure_azure_monitor() is the whole set-up, and OpenTelemetry's own default is to keep everything. The distribution puts a sampler
# in its place that holds every process to five traces a second. A quiet test environment is told in full, a busy service
# in a few per cent, and telemetry that is held to a bill lacks the rest of its calls, in every exporter of the process, not only in
# Azure's. What is kept tells its share in `_MS.sampleRate` alone, in per cent; the tracestate, where OpenTelemetry says it, is empty.
# `sampling_ratio=1.0` keeps all.
#
# Seen for 1,000 calls of 1,000 tokens in five seconds (the number kept moves by a few):
#   by default: RateLimitedSampler{5.0}, 29 of 1000 calls kept, the last tells _MS.sampleRate 2.63, tracestate ''
#   sampling_ratio=1.0: ApplicationInsightsSampler1.0, 1000 of 1000 calls kept, the last tells _MS.sampleRate 100.0, tracestate ''
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check azure-monitor-opentelemetry==1.8.11 \
    azure-monitor-opentelemetry-exporter==1.0.0b58 opentelemetry-sdk==1.45.1
for options in '{}' '{"sampling_ratio": 1.0}'; do
    env -i HOME="$room" PATH="$PATH" APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL=true OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=otel \
        "$room/bin/python" -I - "$options" <<'PYTHON'
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from azure.monitor.opentelemetry import configure_azure_monitor
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Azure(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Azure)
threading.Thread(target=server.serve_forever, daemon=True).start()
options, kept = json.loads(sys.argv[1]), InMemorySpanExporter()
configure_azure_monitor(
    connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000000;"
    f"IngestionEndpoint=http://127.0.0.1:{server.server_port}/",
    span_processors=[SimpleSpanProcessor(kept)],
    disable_logging=True,
    disable_metrics=True,
    enable_live_metrics=False,
    **options,
)
tracer, began = trace.get_tracer("calls"), time.monotonic()
for _ in range(1000):
    with tracer.start_as_current_span("chat gpt-4.1-mini") as span:
        span.set_attribute("gen_ai.usage.input_tokens", 1000)
    time.sleep(0.005)
most = 10 * (time.monotonic() - began)
sampler, spans = trace.get_tracer_provider().sampler.get_description(), kept.get_finished_spans()
rate, state = spans[-1].attributes.get("_MS.sampleRate"), spans[-1].context.trace_state.to_header()
case = ", ".join(f"{name}={value}" for name, value in options.items()) or "by default"
print(f"{case}: {sampler}, {len(spans)} of 1000 calls kept, the last tells _MS.sampleRate {round(rate, 2)}, tracestate {state!r}")
as_seen = (len(spans), rate) == (1000, 100) if options else sampler == "RateLimitedSampler{5.0}" and len(spans) < most and 0 < rate < 50
sys.exit(0 if as_seen and state == "" else "this is no longer what 1.8.11 was seen to do")
PYTHON
done
