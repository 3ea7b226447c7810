"""JSON over HTTP and a queue in a file, as small as an example may be. Nothing here is about telemetry."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

Json = dict[str, Any]
#: path, body (empty of a GET) and headers → status and body.
Answer = Callable[[str, Json, Mapping[str, str]], tuple[int, Json]]


def serve(answer: Answer) -> None:
    """Answer on loopback, on any port that is free, until the process is told to end; the first line printed says where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers.get("content-length", 0)))))

        def _answer(self, body: Json) -> None:
            status, told = answer(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    end_when_told()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def post(url: str, body: Json, headers: Mapping[str, str]) -> Json:
    """What another service answers. Raises ``urllib.error.HTTPError`` where it does not answer well."""
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    with urlopen(request, timeout=120) as answer:
        told: Json = json.load(answer)
    return told


def end_when_told() -> None:
    """End as a program does that is through, so that what is left to export is exported."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


@dataclass(frozen=True)
class Job:
    """A ticket to answer, with the headers that say for whom."""

    number: int
    question: str
    headers: Mapping[str, str]


class Jobs:
    """A queue of one worker. A job stands in it until it is answered: one whose worker died is worked at again."""

    def __init__(self) -> None:
        self._file = os.environ["JOBS"]
        self._do("create table if not exists jobs (number integer primary key, event_id, question, headers, answer)")

    def put(self, event_id: str, question: str, headers: Mapping[str, str]) -> None:
        values = (event_id, question, json.dumps(headers))
        self._do("insert into jobs (event_id, question, headers) values (?, ?, ?)", *values)

    def next(self) -> Job | None:
        found = self._do("select number, question, headers from jobs where answer is null order by number limit 1")
        return next((Job(number, question, json.loads(headers)) for number, question, headers in found), None)

    def finish(self, job: Job, answer: str) -> None:
        self._do("update jobs set answer = ? where number = ?", answer, job.number)

    def answer(self, event_id: str) -> str | None:
        return next((answer for (answer,) in self._do("select answer from jobs where event_id = ?", event_id)), None)

    def _do(self, sql: str, *values: object) -> list[Any]:
        connection = sqlite3.connect(self._file, timeout=30)
        try:
            with connection:
                return connection.execute(sql, values).fetchall()
        finally:
            connection.close()
