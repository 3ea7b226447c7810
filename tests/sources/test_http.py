"""Reading an API: what is asked again and for how long, which pages contradict each other, and what no error says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from reconcilers.errors import (
    AccessRefused,
    ReconcileError,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
    SourceUnreachable,
)
from reconcilers.sources import http
from tests.sources.conftest import QUICK, Answer, Api, Params, Speaking, trickle

SECRET = "sk-admin-secret"


@pytest.fixture
def client(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., http.Client]:
    """A client of the loopback API that sends the secret in ``API_KEY``."""
    monkeypatch.setenv("API_KEY", SECRET)

    def make(
        base_url: str | None = None, retry: http.RetryPolicy | None = None, pace: http.Pace | None = None
    ) -> http.Client:
        headers = {"Authorization": f"Bearer {http.credential('API_KEY', 'bill')}"}
        url = base_url or f"{api.url}/v1/"
        return http.Client(
            url, headers, source="bill", variable="API_KEY", retry=retry or http.RetryPolicy(**QUICK), pace=pace
        )

    return make


def answering(api: Api, *answers: Answer) -> None:
    """One answer after the other; the last again and again."""
    left = list(answers)
    api.answer = lambda path, params: left.pop(0) if len(left) > 1 else left[0]


def refusal(client: http.Client) -> ReconcileError:
    """The error of one page that is not had. It names the source and never the secret."""
    with pytest.raises(ReconcileError) as caught, client:
        client.get("/costs", [])
    assert caught.value.source == "bill"
    assert SECRET not in str(caught.value)
    return caught.value


# One page -------------------------------------------------------------------------------------------------------------


def test_a_page_is_its_bytes_and_its_exact_numbers(api: Api, client: Callable[..., http.Client]) -> None:
    content = b'{"cost":  0.10000000000000000001}'
    answering(api, (200, content, {}))
    with client() as opened:
        page = opened.get("/costs", [("day", "1"), ("group_by[]", "a"), ("group_by[]", "b")])
    assert (page.content, page.body) == (content, {"cost": Decimal("0.10000000000000000001")})
    ((path, params, headers),) = api.requests
    assert (path, params) == ("/v1/costs", [("day", "1"), ("group_by[]", "a"), ("group_by[]", "b")])
    assert (headers["Authorization"], headers["Accept-Encoding"]) == (f"Bearer {SECRET}", "identity")


def test_a_busy_server_is_asked_again_when_it_says(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (429, b"", {"Retry-After": "1"}), (500, b"", {}), (200, b"{}", {}))
    began = time.monotonic()
    with client() as opened:
        assert opened.get("/costs", []).body == {}
    assert time.monotonic() - began >= 1


def test_a_date_to_come_back_at_is_of_the_servers_clock(api: Api, client: Callable[..., http.Client]) -> None:
    later = {"Date": "Thu, 03 Sep 2026 12:00:00 GMT", "Retry-After": "Thu, 03 Sep 2026 12:00:01 GMT"}
    answering(api, (503, b"", later), (200, b"{}", {}))
    began = time.monotonic()
    with client() as opened:
        opened.get("/costs", [])
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [(500, {}, 3), (503, {"Retry-After": "soon"}, 3), (408, {}, 3), (429, {"Retry-After": "3600"}, 1)],
)
def test_a_server_that_stays_down_is_unavailable(
    api: Api, client: Callable[..., http.Client], status: int, headers: dict[str, str], asked: int
) -> None:
    answering(api, (status, b"", headers))
    error = refusal(client())
    assert isinstance(error, SourceUnavailable)
    assert f"HTTP {status}" in str(error)
    assert len(api.requests) == asked


def test_a_silent_server_is_unavailable(api: Api, client: Callable[..., http.Client]) -> None:
    def answer(path: str, params: Params) -> Answer:
        time.sleep(1)
        return 200, b"{}", {}

    api.answer = answer
    error = refusal(client(retry=http.RetryPolicy(2, 0.01, 2, 0, timeout_seconds=0.1)))
    assert isinstance(error, SourceUnavailable)
    assert "ReadTimeout" in str(error)
    assert isinstance(refusal(client("http://127.0.0.1:1")), SourceUnavailable)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_names_its_variable(api: Api, client: Callable[..., http.Client], status: int) -> None:
    answering(api, (status, b"", {}))
    error = refusal(client())
    assert isinstance(error, AccessRefused)
    assert error.stops_source
    assert "rotate the credential in API_KEY" in str(error)
    assert len(api.requests) == 1


def test_what_the_server_says_is_told_without_the_secret(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (400, f"key {SECRET}\x1b[2J is wrong".encode(), {}))
    assert "HTTP 400: key (credential) [2J is wrong" in str(refusal(client()))


def test_the_credential_goes_to_no_other_host(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (302, b"", {"Location": f"{api.url}/elsewhere"}), (200, b"{}", {}))
    assert "HTTP 302" in str(refusal(client()))
    assert [path for path, _, _ in api.requests] == ["/v1/costs"]


@pytest.mark.parametrize(
    ("content", "kind", "problem"),
    [
        (b"[]", SourceChangedShape, "not a JSON object"),
        (b'{"cost": NaN}', SourceRejected, "NaN is no number"),
        (b'{"cost": -Infinity}', SourceRejected, "-Infinity is no number"),
        (b'{"data":[{"obj', SourceRejected, "not valid JSON"),
        (b"[" * 100_000, SourceRejected, "not valid JSON"),
        (b"{" + b" " * http.MAX_PAGE_BYTES, SourceRejected, "answer is too large"),
    ],
    ids=["list", "NaN", "infinity", "cut off", "nested", "large"],
)
def test_what_is_no_page(
    api: Api, client: Callable[..., http.Client], content: bytes, kind: type[Exception], problem: str
) -> None:
    answering(api, (200, content, {}))
    error = refusal(client(retry=http.RetryPolicy(1, timeout_seconds=60)))
    assert isinstance(error, kind)
    assert problem in str(error)


@pytest.mark.parametrize("base_url", ["not a url", "ftp://127.0.0.1", "http://[::1"])
def test_a_base_url_that_is_none_is_a_setting(client: Callable[..., http.Client], base_url: str) -> None:
    with pytest.raises(SettingsInvalid, match="base_url"), client(base_url) as opened:
        opened.get("/costs", [])


@pytest.mark.parametrize("secret", [None, "", "  ", "schlüssel", "two\nlines"])
def test_a_credential_that_is_none_is_a_setting(monkeypatch: pytest.MonkeyPatch, secret: str | None) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    if secret is not None:
        monkeypatch.setenv("API_KEY", secret)
    with pytest.raises(
        SettingsInvalid, match=r"environment variable API_KEY (is not set|holds no usable credential)"
    ) as told:
        http.credential("API_KEY", "bill")
    assert "lüssel" not in str(told.value)
    monkeypatch.setenv("API_KEY", f" {SECRET}\n")
    assert http.credential("API_KEY", "bill") == SECRET


# The time and the room a request has ------------------------------------------------------------------------------------

SHORT = http.RetryPolicy(
    attempts=100,
    first_wait_seconds=0.01,
    longest_wait_seconds=1,
    jitter_seconds=0,
    timeout_seconds=30,
    limit_seconds=0.6,
)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "speak",
    [
        pytest.param(lambda connection: time.sleep(30), id="says nothing"),
        pytest.param(trickle(OK, b"X-More: 1\r\n"), id="a head without end"),
        pytest.param(trickle(OK + b"X-Long: ", b"a"), id="a line of the head without end"),
        pytest.param(trickle(OK + b"Content-Length: 1000000\r\n\r\n", b" "), id="a body drop by drop"),
        pytest.param(trickle(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="chunks without end"),
        pytest.param(trickle(OK + b"\r\n{}", b" "), id="whole JSON, then blanks without end"),
    ],
)
def test_a_request_ends_within_its_limit(
    hostile: Callable[[Speaking], str], client: Callable[..., http.Client], speak: Speaking
) -> None:
    began = time.monotonic()
    error = refusal(client(hostile(speak), retry=SHORT))
    assert 0.5 < time.monotonic() - began < 2
    assert isinstance(error, SourceUnavailable)
    assert not error.stops_source
    assert "did not answer whole within 0.6 seconds" in str(error)
    assert "`retry: limit_seconds`" in str(error)


@pytest.mark.parametrize("answer", [(429, b"", {"Retry-After": "1"}), (503, b"", {}), (503, b"", {"Retry-After": "0"})])
def test_all_attempts_and_waits_share_the_limit(api: Api, client: Callable[..., http.Client], answer: Answer) -> None:
    answering(api, answer)
    began = time.monotonic()
    told = str(refusal(client(retry=SHORT)))
    assert time.monotonic() - began < 1.5
    # On a busy machine the limit may end the last attempt while it is answered.
    assert f"HTTP {answer[0]}" in told or "within 0.6 seconds" in told


def test_a_longer_wait_than_its_own_is_waited_when_the_server_asks(
    api: Api, client: Callable[..., http.Client]
) -> None:
    answering(api, (429, b"", {"Retry-After": "1"}), (200, b"{}", {}))
    with client(retry=http.RetryPolicy(2, 0.01, longest_wait_seconds=0.1, jitter_seconds=0)) as opened:
        assert opened.get("/costs", []).body == {}


def test_who_asks_too_often_slows_all_who_ask_with_it(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (429, b"", {"Retry-After": "1"}), (200, b"{}", {}))
    pace = http.Pace()
    with pytest.raises(SourceUnavailable), client(retry=http.RetryPolicy(attempts=1), pace=pace) as first:
        first.get("/costs", [])
    began = time.monotonic()
    with client(pace=pace) as second:
        second.get("/costs", [])
    assert time.monotonic() - began > 0.9


def test_after_a_burst_requests_come_one_by_one_whoever_asks(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (200, b"{}", {}))
    pace, began = http.Pace(burst=2, then_seconds=0.3), time.monotonic()
    took = []
    for _ in range(4):
        with client(pace=pace) as opened:
            opened.get("/costs", [])
        took.append(time.monotonic() - began)
    assert took[1] < took[2] - 0.1
    assert took[2] >= 0.3
    assert took[3] >= 0.6


def test_a_wait_for_ones_turn_is_no_slow_answer(api: Api, client: Callable[..., http.Client]) -> None:
    answering(api, (200, b"{}", {}))
    slow = http.Pace(burst=1, then_seconds=0.6)
    with client(retry=http.RetryPolicy(1, 0.01, limit_seconds=0.4), pace=slow) as opened:
        assert [opened.get("/costs", []).body for _ in range(2)] == [{}, {}]


def test_a_redirect_is_no_way_out(api: Api, client: Callable[..., http.Client]) -> None:
    api.answer = lambda path, params: (302, b"", {"Location": f"{api.url}{path}/again"})
    assert "set base_url" in str(refusal(client()))
    assert len(api.requests) == 1


def test_a_body_has_a_largest_size(hostile: Callable[[Speaking], str], client: Callable[..., http.Client]) -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    url = hostile(lambda connection: trickle(head, b"100000\r\n" + b" " * (1 << 20) + b"\r\n")(connection))
    with pytest.raises(SourceRejected, match="answer is too large"), client(url) as opened:
        opened.read("/bill.csv", max_bytes=2 << 20)


def test_an_answer_that_does_not_say_where_it_ends(
    hostile: Callable[[Speaking], str], client: Callable[..., http.Client]
) -> None:
    """Its connection may have broken after any line."""
    url = hostile(lambda connection: connection.sendall(OK + b"\r\nday,cost\n2026-09-01,1\n"))
    with pytest.raises(SourceRejected, match="does not say where it ends"), client(url) as opened:
        opened.read("/bill.csv")


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"day,cost\r\n2026-09-01,0.10\r\n", "text/csv"),
        (b'{"a":1}\n{"a":2}\n', "application/x-ndjson"),
        (b"\0\xff", ""),
    ],
)
def test_an_answer_of_any_type_is_its_bytes(
    api: Api, client: Callable[..., http.Client], content: bytes, content_type: str
) -> None:
    answering(api, (200, content, {"Content-Type": content_type} if content_type else {}))
    with client() as opened:
        answer = opened.read("/bill", [("day", "1")], accept="text/csv")
    assert (answer.content, answer.content_type) == (content, content_type)
    ((_, params, headers),) = api.requests
    assert (params, headers["Accept"]) == ([("day", "1")], "text/csv")


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_a_host_that_is_not_there_is_told_by_name(client: Callable[..., http.Client], base_url: str) -> None:
    error = refusal(client(base_url))
    assert isinstance(error, SourceUnreachable)
    assert error.stops_source
    assert f"no connection to {base_url.removeprefix('http://')}" in str(error)
    assert "check base_url and the network" in str(error)


def test_retries_are_noted_for_logs_and_not_printed(
    api: Api, client: Callable[..., http.Client], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    answering(api, (500, b"", {}), (200, b"{}", {}))
    with client() as opened:
        opened.get("/costs", [])
    assert [record.levelname for record in caplog.records if "asked again" in record.message] == ["INFO"]
    assert all(record.levelname in ("INFO", "DEBUG") for record in caplog.records)
    assert capfd.readouterr() == ("", "")


# Pages of a list ------------------------------------------------------------------------------------------------------


def listed(row: int, more: object, following: object) -> bytes:
    return json.dumps({"data": [row], "has_more": more, "next_page": following}).encode()


def serve_pages(api: Api, pages: dict[str | None, bytes]) -> None:
    """Each page by the cursor asked for."""
    api.answer = lambda path, params: (200, pages[dict(params).get("page")], {})


def test_pages_are_followed_to_the_last(api: Api, client: Callable[..., http.Client]) -> None:
    serve_pages(api, {None: listed(1, True, "b"), "b": listed(2, True, "c"), "c": listed(3, False, None)})
    with client() as opened:
        assert [page.body["data"] for page in opened.pages("/costs", [("day", "1")])] == [[1], [2], [3]]
    assert [params for _, params, _ in api.requests] == [
        [("day", "1")],
        [("day", "1"), ("page", "b")],
        [("day", "1"), ("page", "c")],
    ]


@pytest.mark.parametrize(
    ("pages", "kind", "problem"),
    [
        ({None: listed(1, True, None)}, SourceRejected, "has_more is true but next_page is None"),
        ({None: listed(1, False, "b")}, SourceRejected, "has_more is false but next_page is 'b'"),
        ({None: listed(1, True, "b"), "b": listed(2, True, "b")}, SourceRejected, "the same page or cursor came twice"),
        (
            {None: listed(1, True, "b"), "b": listed(2, True, "c"), "c": listed(1, True, "b")},
            SourceRejected,
            "the same page or cursor came twice",
        ),
        ({None: listed(1, "yes", None)}, SourceChangedShape, "has_more or next_page is missing"),
        ({None: listed(1, True, 7)}, SourceChangedShape, "has_more or next_page is missing"),
        ({None: b'{"data":[]}'}, SourceChangedShape, "has_more or next_page is missing"),
    ],
)
def test_contradictory_pages_are_refused(
    api: Api, client: Callable[..., http.Client], pages: dict[str | None, bytes], kind: type[Exception], problem: str
) -> None:
    serve_pages(api, pages)
    with pytest.raises(kind, match=problem), client() as opened:
        list(opened.pages("/costs", []))


def test_a_list_without_end_is_refused(api: Api, client: Callable[..., http.Client]) -> None:
    def answer(path: str, params: Params) -> Answer:
        number = int(dict(params).get("page", 0))
        return 200, listed(number, True, str(number + 1)), {}

    api.answer = answer
    with pytest.raises(SourceRejected, match=f"more than {http.MAX_PAGES} pages"), client() as opened:
        list(opened.pages("/costs", []))
    assert len(api.requests) == http.MAX_PAGES
