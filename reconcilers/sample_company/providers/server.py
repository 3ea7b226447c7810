"""A written sample's providers: APIs over HTTP (OpenAI's, Anthropic's, OpenRouter's, Stripe's, AWS's and Microsoft's of invoices, the
company's LiteLLM proxy, BigQuery's), everyone else's exports in S3 (moto's server).

Each provider shows what it knew at ``known_at``, which may be changed while it runs: by ``Providers.know``, or from
another process by ``PUT /sample/known_at`` with an ISO instant as body. The files the company's own systems deliver
follow. They listen on loopback at ports the operating system chooses, unless told otherwise; ``reconcile.yaml`` of the
sample is rewritten to name them. Whoever gets an answer can start a job: nothing answers before all of that is written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from reconcilers.sample_company import store
from reconcilers.sample_company.emitters import call_table, feed, invocation_logs, spend_logs
from reconcilers.sample_company.providers import (
    anthropic_api,
    aws_invoicing,
    azure_billing,
    google_export,
    openai_api,
    openrouter_api,
    stripe_api,
)
from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.providers.bigquery_api import BigQuery, Table
from reconcilers.sample_company.providers.exports import objects_at
from reconcilers.sample_company.seen.knowledge import settled_at
from reconcilers.sample_company.world.company import CALLS_TABLE, GCP_EXPORT
from reconcilers.sample_company.world.settings_file import Addresses, write_settings

KNOWN_AT = "/sample/known_at"
#: Below these paths of the same server stand the other APIs.
STRIPE, OPENROUTER, ANTHROPIC, INVOICING, LITELLM = "/stripe", "/openrouter", "/anthropic", "/invoicing", "/litellm"
GOOGLE, AZURE, IDENTITY = "/google", "/azure", "/identity"
LOOPBACK = "127.0.0.1"
#: Bytes of an instant, and of a question to AWS.
_LONGEST_INSTANT, _LONGEST_QUESTION = 64, 1 << 16

#: What the job needs in its environment. The keys open nothing but this server.
CREDENTIALS = {
    "OPENAI_ADMIN_KEY": "sk-admin-sample",
    "STRIPE_API_KEY": "stripe-sample",
    "OPENROUTER_MANAGEMENT_KEY": "sk-or-sample",
    "ANTHROPIC_ADMIN_KEY": "sk-ant-admin-sample",
    "LITELLM_ADMIN_KEY": "sk-litellm-sample",
    "AWS_ACCESS_KEY_ID": "sample",
    "AWS_SECRET_ACCESS_KEY": "sample",
    "AWS_DEFAULT_REGION": "us-east-1",
    "IDENTITY_HEADER": "sample",
    "RECONCILE_USER_KEY": "sample-user-key",
}


#: Path below which an API stands that asks for a bearer of its own → the credential.
_KEYS = {STRIPE: "STRIPE_API_KEY", OPENROUTER: "OPENROUTER_MANAGEMENT_KEY", LITELLM: "LITELLM_ADMIN_KEY"}
#: What the machine's identity gives to whoever knows ``IDENTITY_HEADER``, for Microsoft's API.
_TOKEN = "of the sample's machine"


class _Api(Protocol):
    """What answers GET requests below a path."""

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""


class Providers:
    """The running servers of one sample, at ``host``; ``port`` is that of the APIs and of the sample's clock, 0 any."""

    def __init__(self, out: Path, known_at: datetime | None = None, host: str = LOOPBACK, port: int = 0) -> None:
        from moto.server import ThreadedMotoServer

        # moto's server would print every request.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self.out = out
        self.truth = store.load(out)
        self.known_at = known_at or settled_at(self.truth)
        world, ledger = self.truth.world, self.truth.ledger
        self._openai, self._invoicing = (
            openai_api.OpenAIApi(self.truth),
            aws_invoicing.AwsInvoicing(self.truth.invoices),
        )
        self._others: dict[str, _Api] = {
            STRIPE: stripe_api.StripeApi(self.truth.income),
            OPENROUTER: openrouter_api.OpenRouterApi(world, ledger),
            ANTHROPIC: anthropic_api.AnthropicApi(world, ledger),
            LITELLM: spend_logs.SpendLogs(world.calls),
            AZURE: azure_billing.AzureInvoices(self.truth.invoices),
        }
        self._bigquery = BigQuery(
            (
                Table(GCP_EXPORT, google_export.COLUMNS, lambda at: google_export.rows(ledger, at), "export_time"),
                Table(CALLS_TABLE, call_table.COLUMNS, lambda at: call_table.rows(world.calls, at)),
            )
        )
        self._knowing = Lock()
        self._s3 = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
        self._s3.start()
        self._http = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"providers": self}))
        self._thread = Thread(target=self._http.serve_forever, name="sample-apis", daemon=True)
        s3_port = self._s3.get_host_and_port()[1]
        # moto keeps one store per process, so two samples in one process need buckets of their own.
        http = f"http://{host}:{self._http.server_address[1]}"
        self.addresses = Addresses(
            openai=http,
            stripe=f"{http}{STRIPE}",
            openrouter=f"{http}{OPENROUTER}",
            anthropic=f"{http}{ANTHROPIC}",
            invoicing=f"{http}{INVOICING}",
            litellm=f"{http}{LITELLM}",
            bigquery=f"{http}{GOOGLE}",
            azure=f"{http}{AZURE}",
            s3=f"http://{host}:{s3_port}",
            bucket=f"acme-billing-exports-{s3_port}",
        )
        self._stored: dict[str, bytes] = {}
        self._bucket().create()
        self.know(self.known_at)
        write_settings(out, self.addresses, self.truth.world.amended_on)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of a job that reads this sample: credentials, and where it finds out who it is for Microsoft."""
        return {**CREDENTIALS, "IDENTITY_ENDPOINT": self.addresses.azure.replace(AZURE, IDENTITY)}

    def know(self, at: datetime) -> None:
        """Show every bill and file as known at ``at`` (naive UTC)."""
        with self._knowing:
            wanted = objects_at(self.truth.ledger, self.addresses.bucket, at)
            wanted |= invocation_logs.objects(self.truth.world.calls, at)
            bucket = self._bucket()
            # What says that files are whole is written after them.
            for key in sorted(wanted, key=lambda name: (name.endswith((".json", "_SUCCESS")), name)):
                if self._stored.get(key) != wanted[key]:
                    bucket.put_object(Key=key, Body=wanted[key])
            for key in self._stored.keys() - wanted.keys():
                bucket.Object(key).delete()
            self._stored = wanted
            feed.deliver(self.out, self.truth.delivered, at)
            self.known_at = at

    def answer(self, path: str, query: dict[str, list[str]]) -> bytes:
        """One page of OpenAI's API, or of another's below its path."""
        below = next((below for below in self._others if path.startswith(below)), "")
        return self._others.get(below, self._openai).answer(path.removeprefix(below), query, self.known_at)

    def invoices(self, target: str | None, body: bytes) -> bytes:
        """One page of AWS's Invoicing API, whose questions are bodies."""
        return self._invoicing.answer(target, body, self.known_at)

    def bigquery(self, path: str, body: bytes | None) -> bytes:
        """What BigQuery answers to a GET, or to a POST with a body."""
        return self._bigquery.answer(path.removeprefix(GOOGLE), body, self.known_at)

    def wait(self) -> None:
        """Serve until the thread is stopped or the process is interrupted."""
        self._thread.join()

    def stop(self) -> None:
        """Close both servers; the sample stays as it is."""
        self._http.shutdown()
        self._http.server_close()
        self._s3.stop()

    def _bucket(self) -> Any:
        import boto3

        session = boto3.session.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        )
        return session.resource("s3", endpoint_url=self.addresses.s3).Bucket(self.addresses.bucket)


@contextmanager
def serving(out: Path, known_at: datetime | None = None, host: str = LOOPBACK, port: int = 0) -> Iterator[Providers]:
    """The providers of a written sample while the block runs, as known at ``known_at`` (default: all there is to know)."""
    providers = Providers(out, known_at, host, port)
    try:
        yield providers
    finally:
        providers.stop()


def _opens(path: str, headers: Message) -> bool:
    """Whether a request's credential is the one for its path."""
    if path.startswith(ANTHROPIC):
        return "anthropic-version" in headers and headers.get("x-api-key") == CREDENTIALS["ANTHROPIC_ADMIN_KEY"]
    if path.startswith(AZURE):
        return headers.get("Authorization") == f"Bearer {_TOKEN}"
    key = next((key for below, key in _KEYS.items() if path.startswith(below)), "OPENAI_ADMIN_KEY")
    return headers.get("Authorization") == f"Bearer {CREDENTIALS[key]}"


class _Handler(BaseHTTPRequestHandler):
    """OpenAI's organisation API, Stripe's, OpenRouter's, Anthropic's, AWS's and Microsoft's of invoices, LiteLLM's, BigQuery's, and the
    sample's own clock."""

    #: Of each server a class of its own names whose answers it gives.
    providers: Providers
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: the second would wait for the first's acknowledgement, 40 ms a request.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == KNOWN_AT:
            self._send(HTTPStatus.OK, json.dumps({"known_at": self.providers.known_at.isoformat()}).encode())
        elif url.path == IDENTITY:
            self._tell_identity(parse_qs(url.query))
        elif url.path.startswith(GOOGLE):
            self._answer_as_google(url.path, None)
        elif not _opens(url.path, self.headers):
            self._refuse(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.", "invalid_api_key")
        else:
            self._answer(url.path, parse_qs(url.query))

    def do_POST(self) -> None:
        body, path = self._body(_LONGEST_QUESTION), urlsplit(self.path).path
        if path.startswith(GOOGLE):
            self._answer_as_google(path, body)
        elif path.rstrip("/") == INVOICING:
            self._answer_as_aws(body)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"Invalid URL (POST {self.path:.200})", "invalid_request_error")

    def do_PUT(self) -> None:
        try:
            at = datetime.fromisoformat(self._body(_LONGEST_INSTANT).decode().strip())
        except (UnicodeDecodeError, ValueError):
            self._refuse(HTTPStatus.BAD_REQUEST, "the body is no ISO instant", "invalid_request_error")
            return
        if self.path != KNOWN_AT or at.tzinfo is not None:
            self._refuse(HTTPStatus.BAD_REQUEST, f"PUT {KNOWN_AT} takes naive UTC", "invalid_request_error")
            return
        self.providers.know(at)
        self._send(HTTPStatus.OK, json.dumps({"known_at": at.isoformat()}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""

    def _body(self, longest: int) -> bytes:
        """What a request sends; nothing of one that is longer than it may be."""
        size = self.headers.get("Content-Length", "0")
        return self.rfile.read(int(size)) if size.isdigit() and int(size) <= longest else b""

    def _answer(self, path: str, query: dict[str, list[str]]) -> None:
        try:
            self._send(HTTPStatus.OK, self.providers.answer(path, query))
        except BadRequest as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error), "invalid_request_error")
        except KeyError:
            self._refuse(HTTPStatus.NOT_FOUND, f"Invalid URL (GET {path:.200})", "invalid_request_error")

    def _tell_identity(self, query: dict[str, list[str]]) -> None:
        if self.headers.get("X-IDENTITY-HEADER") != CREDENTIALS["IDENTITY_HEADER"] or "resource" not in query:
            self._refuse(HTTPStatus.BAD_REQUEST, "X-IDENTITY-HEADER or resource is none", "invalid_request")
        else:
            self._send(HTTPStatus.OK, azure_billing.token(query["resource"][-1], _TOKEN))

    def _answer_as_aws(self, body: bytes) -> None:
        signed = f"AWS4-HMAC-SHA256 Credential={CREDENTIALS['AWS_ACCESS_KEY_ID']}/"
        if not self.headers.get("Authorization", "").startswith(signed):
            told = "The security token included in the request is invalid."
            self._refuse_as_aws("UnrecognizedClientException", told)
            return
        try:
            self._send(HTTPStatus.OK, self.providers.invoices(self.headers.get("X-Amz-Target"), body))
        except BadRequest as error:
            self._refuse_as_aws("ValidationException", str(error))
        except KeyError:
            self._refuse_as_aws("UnknownOperationException", "")

    def _answer_as_google(self, path: str, body: bytes | None) -> None:
        try:
            self._send(HTTPStatus.OK, self.providers.bigquery(path, body))
        except BadRequest as error:
            self._refuse_as_google(HTTPStatus.BAD_REQUEST, "invalidQuery", str(error))
        except KeyError:
            self._refuse_as_google(HTTPStatus.NOT_FOUND, "notFound", f"Not found: {path:.200}")

    def _refuse(self, status: HTTPStatus, message: str, code: str) -> None:
        error = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
        self._send(status, json.dumps(error).encode())

    def _refuse_as_aws(self, code: str, message: str) -> None:
        self._send(HTTPStatus.BAD_REQUEST, json.dumps({"__type": f"com.amazonaws#{code}", "message": message}).encode())

    def _refuse_as_google(self, status: HTTPStatus, reason: str, message: str) -> None:
        error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
        self._send(status, json.dumps({"error": error}).encode())

    def _send(self, status: HTTPStatus, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
