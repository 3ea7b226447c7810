"""What Google refuses, as an error that names what is missing and what to do. The far side is a small server of its answers.

https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from reconcilers.declared.settings import BigQuerySettings
from reconcilers.errors import Busy, ReconcileError, SettingsInvalid
from reconcilers.warehouses.bigquery import BigQuery


class Google:
    """Answers every request with one refusal."""

    def __init__(self) -> None:
        self.refusal: tuple[int, str, str] = (500, "backendError", "")
        google = self

        class Handler(BaseHTTPRequestHandler):
            """One refusal, as Google words it."""

            def do_GET(self) -> None:
                self._refuse()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._refuse()

            def _refuse(self) -> None:
                code, reason, message = google.refusal
                told = {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}
                content = json.dumps(told).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are not logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    found = Google()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{found.server.server_address[1]}")
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.mark.parametrize(
    ("refusal", "error", "told"),
    [
        (
            (403, "accessDenied", "Access Denied: User does not have bigquery.jobs.create permission"),
            SettingsInvalid,
            "bigquery.jobs.create permission -> the job needs roles/bigquery.jobUser on project acme",
        ),
        (
            (403, "accessDenied", "Access Denied: Permission bigquery.rowAccessPolicies.create denied on table t"),
            SettingsInvalid,
            "for row access policies the job needs roles/bigquery.dataOwner on dataset finance",
        ),
        (
            (404, "notFound", "Not found: Dataset acme:finance was not found in location EU"),
            SettingsInvalid,
            "was not found in location EU -> is everything of the job in location EU of project acme?",
        ),
        (
            (403, "quotaExceeded", "Quota exceeded: too many table update operations"),
            Busy,
            "a quota is used up; it is tried again",
        ),
        (
            (400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 10485760"),
            ReconcileError,
            "exceeded limit for bytes billed: 10485760 -> nothing was published",
        ),
        (
            (400, "invalidQuery", "Transaction is aborted due to concurrent update against table acme:finance.t"),
            Busy,
            "another run published meanwhile",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    google: Google, tmp_path: Path, refusal: tuple[int, str, str], error: type[ReconcileError], told: str
) -> None:
    google.refusal = refusal
    with pytest.raises(error) as caught:
        BigQuery(BigQuerySettings(project="acme"), tmp_path).load({}, {}, {})
    assert type(caught.value) is error
    assert told in str(caught.value)
    assert caught.value.retryable == (error is Busy)
