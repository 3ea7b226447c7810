#!/usr/bin/env bash
# opentelemetry-exporter-otlp-proto-http and -grpc 1.45.2: spans that a backend rejects are a success, also in the exporter's own counts.
#
# OTLP has a field for what a server leaves out of a batch: a success with `partial_success`, the number of rejected spans and a reason (a
# quota, an age, spans it does not want). They are not to be sent again, but a client should log the reason. Python's exporters do not
# read the answer of what was accepted: the result is SUCCESS, nothing is logged, not even at DEBUG, and the metric in which the SDK counts
# what it exported counts the rejected spans as exported. Calls beyond a backend's quota are billed and stand in no trace, and whoever
# watches the exporter sees that all is well. The OpenTelemetry Collector logs a warning of such an answer.
#
# Seen, ten spans a batch, all but one of them rejected with the reason "quota":
#   http: SUCCESS, exported spans counted 10, of them with an error 0, log of the exporter []
#   grpc: SUCCESS, exported spans counted 10, of them with an error 0, log of the exporter []
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check opentelemetry-exporter-otlp-proto-http==1.45.2 \
    opentelemetry-exporter-otlp-proto-grpc==1.45.2 opentelemetry-sdk==1.45.2
env -i HOME="$room" PATH="$PATH" OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED=true "$room/bin/python" -I - <<'PYTHON'
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as OverGrpc
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as OverHttp
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

ANSWER = trace_service_pb2.ExportTraceServiceResponse()
ANSWER.partial_success.rejected_spans = 9
ANSWER.partial_success.error_message = "quota"
LOG = []


class Kept(logging.Handler):
    def emit(self, record):
        LOG.append(record.getMessage())


class Http(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = ANSWER.SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Grpc(trace_service_pb2_grpc.TraceServiceServicer):
    def Export(self, request, context):
        return ANSWER


logging.getLogger("opentelemetry").setLevel(logging.DEBUG)
logging.getLogger("opentelemetry").addHandler(Kept())
http, over_grpc = HTTPServer(("127.0.0.1", 0), Http), grpc.server(ThreadPoolExecutor())
threading.Thread(target=http.serve_forever, daemon=True).start()
trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Grpc(), over_grpc)
port = over_grpc.add_insecure_port("127.0.0.1:0")
over_grpc.start()
tracer, told = TracerProvider().get_tracer("calls"), []
spans = [tracer.start_span("chat gpt-4.1-mini") for _ in range(10)]
for span in spans:
    span.end()
for case, exporter, options in (
    ("http", OverHttp, {"endpoint": f"http://127.0.0.1:{http.server_port}/v1/traces"}),
    ("grpc", OverGrpc, {"endpoint": f"127.0.0.1:{port}", "insecure": True}),
):
    LOG.clear()
    reader = InMemoryMetricReader()
    result = exporter(**options, meter_provider=MeterProvider(metric_readers=[reader])).export(spans)
    metrics = [metric for scope in reader.get_metrics_data().resource_metrics[0].scope_metrics for metric in scope.metrics]
    points = [point for metric in metrics if metric.name == "otel.sdk.exporter.span.exported" for point in metric.data.data_points]
    failed = sum(point.value for point in points if "error.type" in point.attributes)
    told.append((result.name, sum(point.value for point in points), failed, list(LOG)))
    print("{}: {}, exported spans counted {}, of them with an error {}, log of the exporter {}".format(case, *told[-1]))
over_grpc.stop(None)
sys.exit(0 if told == [("SUCCESS", 10, 0, [])] * 2 else "this is no longer what 1.45.2 was seen to do")
PYTHON
