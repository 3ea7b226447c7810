"""What stands where an OpenTelemetry Collector stands: OTLP/HTTP in, a file of OTLP/JSON lines per emitter and signal out.

An emitter exports to ``/EMITTER/v1/traces`` (or ``logs``). Protobuf becomes JSON as the Collector's file exporter writes
it: ids in hexadecimal, 64-bit integers as strings, enums as numbers. JSON is kept as it came. Metrics are taken and dropped.
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.emitters.provider import running

_REQUESTS = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


class Handler(BaseHTTPRequestHandler):
    """One export request is one line."""

    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        content = self._body()
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        *_, emitter, _, signal = self.path.partition("?")[0].split("/")
        is_json = "json" in self.headers.get("Content-Type", "")
        if signal in _REQUESTS:
            told = json.loads(content) if is_json else _as_json(_REQUESTS[signal].FromString(content))
            target = self.folder / signal / f"{emitter}.json"
            with self.lock:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("a") as out:
                    out.write(json.dumps(told, separators=(",", ":")) + "\n")
        answer = b"{}" if is_json else b""
        self.send_response(200)
        self.send_header("content-type", self.headers.get("Content-Type", "application/json"))
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def collector(folder: Path) -> Iterator[str]:
    """A running receiver that writes below ``folder``: its address."""
    with running(type("CollectorHandler", (Handler,), {"folder": folder})) as address:
        yield address


def _as_json(message: Any) -> Any:
    return _with_hex_ids(MessageToDict(message, use_integers_for_enums=True))


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in _IDS and isinstance(item, str) else _with_hex_ids(item)
            for key, item in value.items()
        }
    return value
