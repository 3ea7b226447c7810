"""Bills over HTTP: one client with bounded retries, bounded time and size, and checked paging, for every provider's API.

An answer's bytes are handed out exactly as received, so that they can be landed; JSON is read without binary floats.
What may help by itself (time-out, refused connection, 429, 5xx) is retried and ends as ``SourceUnavailable``; what a
human must look at (401, 403, other 4xx, contradictory pages) is ``SourceRejected`` at once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, with_config

from reconcilers.errors import (
    AccessRefused,
    ReconcileError,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
    SourceUnreachable,
)

if TYPE_CHECKING:
    import ssl

    import httpx
    from stamina.instrumentation import RetryDetails

MAX_PAGES = 1_000
MAX_PAGE_BYTES = 64 << 20
_LATER = "what was known before stays in force; run again later"

log = logging.getLogger(__name__)

_Seconds = Annotated[float, Field(ge=0, le=86_400)]


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True)
class RetryPolicy:
    """How long to insist. The wait doubles from the first to the longest, plus random jitter; Retry-After replaces it."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    """How often a request is made in all."""
    first_wait_seconds: _Seconds = 1.0
    """Seconds before the second attempt."""
    longest_wait_seconds: _Seconds = 60.0
    """The most seconds between two attempts, but where the server asks for more."""
    jitter_seconds: _Seconds = 1.0
    """Up to so many random seconds are added to each wait."""
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds of silence: to connect, or between two pieces of an answer."""
    limit_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Seconds a request may take in all, with every attempt, wait and byte of it."""


#: A small request that shows whether a source answers: a person waits for it.
ONE_TRY = RetryPolicy(attempts=1, timeout_seconds=10, limit_seconds=20)


@dataclass(frozen=True)
class Answer:
    """One answer of any content type: where it came from, its bytes as received, and what its header calls them."""

    url: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class Page:
    """One answer in JSON: where it came from, its bytes as received, and what they say (numbers with a point are ``Decimal``)."""

    url: str
    content: bytes
    body: dict[str, Any]


class NotThere(SourceRejected):
    """The API has not what was asked for (404, 410)."""


class Pace:
    """When a provider may be asked again. All who ask it at the same time share one, so that a 429 slows them all.

    With ``burst``, so many requests are made at once and each later one ``then_seconds`` after the one before; what is not asked
    for in that time may be asked for later.
    """

    def __init__(self, *, burst: int | None = None, then_seconds: float = 0.0) -> None:
        self.burst, self.then_seconds = burst, then_seconds
        self._not_before = self._spent_until = 0.0
        self._lock = threading.Lock()

    def take_turn(self) -> None:
        """Wait until one more request may be made."""
        if self.burst is None:
            return
        with self._lock:
            now = time.monotonic()
            self._spent_until = max(self._spent_until, now) + self.then_seconds
            wait = self._spent_until - now - self.burst * self.then_seconds
        time.sleep(max(0.0, wait))

    def slow(self, seconds: float) -> None:
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def wait(self, until: float) -> None:
        """Wait until asking is allowed, at the longest until ``until`` of the monotonic clock."""
        while (left := min(self._not_before, until) - time.monotonic()) > 0:
            time.sleep(left)


class _Unavailable(SourceUnavailable):
    """An answer worth another attempt; ``wait_seconds`` is what the server asked for."""

    wait_seconds: float | None = None


class _Unreachable(SourceUnreachable, _Unavailable):
    """No connection; worth another attempt, too."""


def credential(variable: str, source: str) -> str:
    """The secret in an environment variable. The configuration names the variable, never the secret."""
    secret = os.environ.get(variable, "").strip()
    if not secret or not secret.isascii() or not secret.isprintable():
        problem = "holds no usable credential" if secret else "is not set"
        raise SettingsInvalid(f"environment variable {variable} {problem}", source=source, hint=f"set {variable}")
    return secret


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates clients trust. Reading them takes longer than a request, and every unit has a client of its own."""
    import httpx

    return httpx.create_ssl_context()


class Client:
    """Reads one provider's API under ``base_url``. ``headers`` carry the credential; ``variable`` is where it came from, ``refused``
    what else it may mean that it is refused.

    One request at a time: who asks side by side has a client each and ``pace`` in common.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        source: str,
        variable: str,
        retry: RetryPolicy | None = None,
        pace: Pace | None = None,
        refused: str = "",
    ) -> None:
        import httpx

        self.source, self.variable, self.retry, self.pace = source, variable, retry or RetryPolicy(), pace or Pace()
        self._refusal = refused
        self._connection: Any = None
        try:
            # Identity: what is landed is what was sent. No redirects: a credential goes to the configured host only.
            self._http = httpx.Client(
                base_url=base_url.rstrip("/") + "/",
                headers={"Accept-Encoding": "identity", **headers},
                follow_redirects=False,
                verify=_trusted(),
            )
        except (httpx.InvalidURL, ValueError):
            raise SettingsInvalid(f"base_url {base_url!r:.200} is not a URL", source=source) from None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, params: Sequence[tuple[str, str]]) -> Page:
        """One page of JSON, after as many attempts as the policy allows."""
        answer = self.read(path, params, accept="application/json")
        body = parse_json(answer.content, source=self.source, file=answer.url)
        if not isinstance(body, dict):
            raise SourceChangedShape("answer is not a JSON object", source=self.source, file=answer.url)
        return Page(answer.url, answer.content, body)

    def read(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        accept: str = "*/*",
        max_bytes: int = MAX_PAGE_BYTES,
    ) -> Answer:
        """One answer of any type (CSV, JSON lines, a file), whole, after as many attempts as the policy allows.

        Raises ``SourceRejected`` for one of more than ``max_bytes``, which are held in memory, and for one that does not say
        where it ends: if its connection breaks, nobody can tell.
        """
        import stamina

        stamina.instrumentation.set_on_retry_hooks([_note_retry])
        self.pace.take_turn()
        deadline = time.monotonic() + self.retry.limit_seconds
        longest_wait = 0.0

        def again(error: Exception) -> bool | float:
            return self._backoff(error, longest_wait, deadline)

        for attempt in stamina.retry_context(
            on=again,
            attempts=self.retry.attempts,
            timeout=None,
            wait_initial=self.retry.first_wait_seconds,
            wait_max=self.retry.longest_wait_seconds,
            wait_jitter=self.retry.jitter_seconds,
        ):
            longest_wait = attempt.next_wait + self.retry.jitter_seconds
            with attempt:
                self.pace.wait(deadline)
                return self._once(path, params, accept, max_bytes, deadline)
        raise AssertionError("stamina returns or raises")

    def pages(
        self, path: str, params: Sequence[tuple[str, str]], *, cursor: str = "page", following: str = "next_page"
    ) -> Iterator[Page]:
        """Every page of a list whose answers say ``has_more`` and the next cursor; the cursor is sent back as ``cursor``.

        Raises ``SourceRejected`` for pages that contradict each other: a cursor or a page seen before, more without a
        cursor, a cursor without more, more pages than any window has.
        """
        seen: set[str] = set()
        position: str | None = None
        for _ in range(MAX_PAGES):
            page = self.get(path, [*params, *([(cursor, position)] if position is not None else [])])
            more, position = page.body.get("has_more"), page.body.get(following)
            if not isinstance(more, bool) or not isinstance(position, str | None):
                raise SourceChangedShape(f"has_more or {following} is missing", source=self.source, file=page.url)
            if more != bool(position):
                raise self._contradiction(page, f"has_more is {str(more).lower()} but {following} is {position!r:.60}")
            facts = {f"cursor {position}"} if more else set()
            facts.add(hashlib.sha256(page.content).hexdigest())
            if seen & facts:
                raise self._contradiction(page, "the same page or cursor came twice")
            seen |= facts
            yield page
            if not more:
                return
        raise self._contradiction(page, f"more than {MAX_PAGES} pages")

    def _contradiction(self, page: Page, problem: str) -> SourceRejected:
        return SourceRejected(
            problem, source=self.source, file=page.url, hint="nothing of this pull was kept; report it to the provider"
        )

    def _once(
        self, path: str, params: Sequence[tuple[str, str]], accept: str, max_bytes: int, deadline: float
    ) -> Answer:
        import httpx

        content = bytearray()
        seconds_left = deadline - time.monotonic()
        if seconds_left <= 0:
            raise self._too_slow(path)
        silence = min(self.retry.timeout_seconds, seconds_left)
        with self._cut_off(seconds_left) as is_cut_off:
            try:
                with self._http.stream(
                    "GET",
                    path.lstrip("/"),
                    params=list(params),
                    headers={"Accept": accept},
                    timeout=silence,
                    extensions={"trace": self._note_connection},
                ) as answer:
                    url = str(answer.url)
                    for chunk in answer.iter_bytes():
                        content += chunk
                        if len(content) > max_bytes:
                            hint = f"more than {max_bytes} bytes; ask for less at once"
                            raise SourceRejected("answer is too large", source=self.source, file=url, hint=hint)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
                raise SettingsInvalid(
                    f"base_url or header is unusable: {type(error).__name__}", source=self.source
                ) from None
            except httpx.HTTPError as error:
                if is_cut_off() and not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                    raise self._too_slow(path) from error
                raise self._unanswered(path, error) from error
            # Cut off, an answer that does not say where it ends looks whole.
            if is_cut_off():
                raise self._too_slow(path)
        if answer.status_code != 200:
            raise self._refused(answer, bytes(content))
        if not {"content-length", "transfer-encoding"} & {name.lower() for name in answer.headers}:
            hint = "the provider must send Content-Length or chunks; nothing of this pull was kept"
            raise SourceRejected("answer does not say where it ends", source=self.source, file=url, hint=hint)
        return Answer(url, bytes(content), answer.headers.get("content-type", ""))

    @contextmanager
    def _cut_off(self, seconds: float) -> Iterator[Callable[[], bool]]:
        """Break the connection after ``seconds``, whatever waits for it: to httpx a head that trickles in is no silence."""
        over = threading.Event()

        def cut() -> None:
            over.set()
            if self._connection is not None and (used := self._connection.get_extra_info("socket")):
                with suppress(OSError):
                    used.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield over.is_set
        finally:
            timer.cancel()

    def _note_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the connection that a request opened; the next request may use it again."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._connection = info["return_value"]

    @property
    def _host(self) -> str:
        return self._http.base_url.netloc.decode("ascii", "replace")

    def _too_slow(self, path: str) -> SourceUnavailable:
        """No attempt is left to it."""
        problem = f"{self._host} did not answer whole within {self.retry.limit_seconds:g} seconds"
        hint = f"{_LATER}, or raise `retry: limit_seconds`"
        return SourceUnavailable(problem, source=self.source, file=path, hint=hint)

    def _unanswered(self, path: str, error: httpx.HTTPError) -> _Unavailable:
        import httpx

        said = _printable(str(error))
        told = f"{type(error).__name__}: {said}" if said else type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            problem, hint = f"no connection to {self._host}: {told}", f"check base_url and the network; {_LATER}"
            return _Unreachable(problem, source=self.source, hint=hint)
        return _Unavailable(f"no answer from {self._host}: {told}", source=self.source, file=path, hint=_LATER)

    def _refused(self, answer: httpx.Response, content: bytes) -> ReconcileError:
        status, url = answer.status_code, str(answer.url)
        if status in (408, 425, 429) or status >= 500:
            hint = f"{self._host} is busy; {_LATER}" if status == 429 else f"{self._host} is down or busy; {_LATER}"
            error = _Unavailable(f"HTTP {status}", source=self.source, file=url, hint=hint)
            error.wait_seconds = _wait_asked_for(answer)
            if status == 429 or error.wait_seconds is not None:
                wait = self.retry.first_wait_seconds if error.wait_seconds is None else error.wait_seconds
                self.pace.slow(min(wait, self.retry.limit_seconds))
            return error
        if status in (401, 403):
            hint = f"rotate the credential in {self.variable}, or give it the scope this report needs"
            hint += f"; {self._refusal}" if self._refusal else ""
            return AccessRefused(f"HTTP {status}: access refused", source=self.source, file=url, hint=hint)
        if 300 <= status < 400:
            hint = "a credential is sent to the configured host only; if the API has moved, set base_url"
            return SourceRejected(f"HTTP {status}: sent elsewhere", source=self.source, file=url, hint=hint)
        said = _printable(content[:300].decode("utf-8", "replace"))
        secret = os.environ.get(self.variable, "").strip()
        said = said.replace(secret, "(credential)") if secret else said
        if status in (404, 410):
            check = "check base_url and the account that the settings name"
            return NotThere(f"HTTP {status}: {said}", source=self.source, file=url, hint=check)
        return SourceRejected(f"HTTP {status}: {said}", source=self.source, file=url)

    def _backoff(self, error: Exception, longest_wait: float, deadline: float) -> bool | float:
        """Whether to try again, or after how many seconds; where that is beyond the deadline, give up."""
        if not isinstance(error, _Unavailable):
            return False
        asked_for = error.wait_seconds
        if time.monotonic() + (longest_wait if asked_for is None else asked_for) >= deadline:
            return False
        return True if asked_for is None else asked_for


def _note_retry(details: RetryDetails) -> None:
    """For whoever reads logs; a person at a terminal is told once, when it has failed."""
    log.info("%s; asked again in %.1f seconds", details.caused_by, details.wait_for)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _wait_asked_for(answer: httpx.Response) -> float | None:
    """Retry-After in seconds (RFC 9110 §10.2.3); a date is read against the answer's own Date, not against our clock."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, float(wait.total_seconds()))


def parse_json(
    content: bytes,
    *,
    source: str | None = None,
    file: str | None = None,
    line: int | None = None,
    number: Callable[[str], Any] = Decimal,
) -> Any:
    """JSON whose numbers with a point are exact ``Decimal``, or what ``number`` makes of their text (``str`` keeps it).

    Refuses NaN, infinity and what is cut off.
    """
    try:
        return json.loads(content, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SourceRejected(f"not valid JSON: {str(error)[:200]}", source=source, file=file, line=line) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
