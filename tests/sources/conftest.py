"""The far side of the network, on the loopback interface: an HTTP server, an S3 server, Azure's storage. Nothing of ours is replaced."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from reconcilers.errors import ReconcileError
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.sources.contract import Source

Row = dict[str, Any]
Params = list[tuple[str, str]]
#: (status, body, headers)
Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class Api:
    """A provider's API: ``answer`` says what each request gets; ``requests`` are those received, in order, ``bodies`` what was posted."""

    answer: Callable[[str, Params], Answer]
    url: str = ""
    requests: list[tuple[str, Params, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Api]:
    """An API on the loopback interface, until the end of the block."""
    served = Api(lambda path, params: (404, b"{}", {}))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = parse_qsl(parts.query, keep_blank_values=True)
            served.requests.append((parts.path, params, dict(self.headers)))
            status, body, headers = served.answer(parts.path, params)
            # A date is only sent where an answer has one.
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            # A client that stopped waiting is the point of a time-out test.
            with suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(body)

        def do_POST(self) -> None:
            served.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as served:
        yield served


#: Says something on a connection, whose first request came, until the client has gone.
Speaking = Callable[[socket.socket], None]


@pytest.fixture
def hostile(request: pytest.FixtureRequest) -> Callable[[Speaking], str]:
    """Makes a server that speaks on the bare connection as it is told; gives its URL."""

    def serve(speak: Speaking) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        request.addfinalizer(server.close)

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65_536)
                speak(connection)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    return serve


def trickle(head: bytes, drop: bytes) -> Speaking:
    """After ``head`` one ``drop`` every twentieth of a second, for ever: never a silence, never an end."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    return speak


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """An empty bucket of its own on the S3 server, with credentials in the environment; ``put(key, bytes)`` fills it."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = boto3.client("s3", endpoint_url=s3_url, region_name="us-east-1")
    name = f"bills-{abs(hash(request.node.nodeid)):x}"
    client.create_bucket(Bucket=name)
    return Bucket(name, s3_url, client)


@dataclass
class Bucket:
    """A bucket: its name, where it is served, and a client to fill it with."""

    name: str
    endpoint_url: str
    client: Any

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


#: Where ``make azurite`` puts Azure's storage emulator, a program of Node.js.
AZURITE = Path(__file__).parents[2] / ".venv" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
#: The account every such emulator has; its key is public.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="session")
def azurite_url() -> Iterator[str]:
    if not AZURITE.exists() or not shutil.which("node"):
        pytest.skip("no Azure storage emulator: needs Node.js and `make azurite`")
    # The first version check would refuse an SDK newer than the emulator; the other keeps it from calling home.
    flags = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    command = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"listens on (\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail("Azure's storage emulator did not start")
        process.terminate()


@dataclass
class Container:
    """A container: its name, the connection string of its account, and a client to fill it with."""

    name: str
    connection: str
    client: Any

    def put(self, key: str, content: bytes) -> None:
        self.client.upload_blob(key, content, overwrite=True)

    def delete(self, key: str) -> None:
        self.client.delete_blob(key)


@pytest.fixture
def container(azurite_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Container:
    """An empty container of its own in Azure's storage, with the credential in the environment."""
    from azure.storage.blob import ContainerClient

    connection = (
        f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={AZURITE_KEY};"
        f"BlobEndpoint={azurite_url}/devstoreaccount1;"
    )
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    name = f"exports-{abs(hash(request.node.nodeid)):x}"
    client = ContainerClient.from_connection_string(connection, name)
    client.create_container()
    return Container(name, connection, client)


#: `retry` of a source of a test: three attempts, at once.
QUICK: dict[str, Any] = {
    "attempts": 3,
    "first_wait_seconds": 0.01,
    "longest_wait_seconds": 2,
    "jitter_seconds": 0,
    "timeout_seconds": 2,
}


@dataclass
class Taken:
    """What landing one unit gave: the committed pull, whether it was news, and its rows per entity."""

    landed: Landed
    news: bool
    rows: dict[str, list[Row]]


@pytest.fixture
def land(tmp_path: Path) -> Callable[..., Taken]:
    """Fetch, normalise and commit one unit in a landing area that lasts for the test, as the nightly job does."""

    def take(source: Source, unit: str, known_at: datetime = datetime(2026, 11, 1)) -> Taken:
        landing = Landing(tmp_path / "landing")
        pull = landing.pull(source.name, source.kind, unit)
        source.fetch(unit, pull)
        rows: dict[str, list[Row]] = {}
        for entity, table in source.normalise(landing.prepare(pull, known_at)):
            rows.setdefault(entity, []).extend(table.to_pylist())
        landed, news = landing.commit(pull, known_at)
        return Taken(landed, news, rows)

    return take


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], None]:
    """Write a file into the test's folder ``export``."""

    def write(key: str, content: bytes) -> None:
        path = tmp_path / "export" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return write


@pytest.fixture
def refusal(land: Callable[..., Taken], tmp_path: Path) -> Callable[[Source, str], ReconcileError]:
    """The error of a unit that is not taken; asserts that nothing of it was committed, and that the error tells no secret."""

    def take(source: Source, unit: str) -> ReconcileError:
        with pytest.raises(ReconcileError) as caught:
            land(source, unit)
        assert Landing(tmp_path / "landing").history(source.name, unit) == []
        secrets = {os.environ.get(variable, "") for variable in source.secrets} - {""}
        assert not [secret for secret in secrets if secret in str(caught.value)]
        return caught.value

    return take


@pytest.fixture
def google(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes BigQuery answer as told; see ``google_answers.Google``."""
    from tests.sources.google_answers import Google

    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", api.url)

    def answering(*answers: Any, table: Any = None) -> Google:
        served = Google(api, list(answers), table)
        api.answer = served
        return served

    return answering
