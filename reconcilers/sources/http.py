"""REST bills: one client with bounded retries and bounded, checked paging, for every provider's API.

A page's bytes are handed out exactly as received, so that they can be landed; its JSON is read without binary floats.
What may help by itself (time-out, refused connection, 429, 5xx) is retried and ends as ``SourceUnavailable``; what a
human must look at (401, 403, other 4xx, contradictory pages) is ``SourceRejected`` at once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, with_config

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected, SourceUnavailable

if TYPE_CHECKING:
    import ssl

    import httpx

MAX_PAGES = 1_000
MAX_PAGE_BYTES = 64 << 20


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True)
class RetryPolicy:
    """How long to insist. The wait doubles from the first to the longest, plus random jitter; Retry-After replaces it."""

    attempts: int = 6
    """How often a request is made in all."""
    first_wait_seconds: float = 1.0
    """Seconds before the second attempt."""
    longest_wait_seconds: float = 60.0
    """The most seconds between two attempts."""
    jitter_seconds: float = 1.0
    """Up to so many random seconds are added to each wait."""
    timeout_seconds: float = 60.0
    """Seconds one attempt may be silent."""


@dataclass(frozen=True)
class Page:
    """One answer: where it came from, its bytes as received, and what they say (numbers with a point are ``Decimal``)."""

    url: str
    content: bytes
    body: dict[str, Any]


class _Unavailable(SourceUnavailable):
    """An answer worth another attempt; ``wait_seconds`` is what the server asked for."""

    wait_seconds: float | None = None


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
    """Reads one provider's API under ``base_url``. ``headers`` carry the credential; ``variable`` is where it came from."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, source: str, variable: str, retry: RetryPolicy | None = None
    ) -> None:
        import httpx

        self.source, self.variable, self.retry = source, variable, retry or RetryPolicy()
        try:
            # Identity: what is landed is what was sent. No redirects: a credential goes to the configured host only.
            self._http = httpx.Client(
                base_url=base_url.rstrip("/") + "/",
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                timeout=self.retry.timeout_seconds,
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
        """One page, after as many attempts as the policy allows."""
        import stamina

        for attempt in stamina.retry_context(
            on=self._backoff,
            attempts=self.retry.attempts,
            timeout=None,
            wait_initial=self.retry.first_wait_seconds,
            wait_max=self.retry.longest_wait_seconds,
            wait_jitter=self.retry.jitter_seconds,
        ):
            with attempt:
                return self._once(path, params)
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

    def _once(self, path: str, params: Sequence[tuple[str, str]]) -> Page:
        import httpx

        content = bytearray()
        try:
            with self._http.stream("GET", path.lstrip("/"), params=list(params)) as answer:
                url = str(answer.url)
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > MAX_PAGE_BYTES:
                        raise SourceRejected("answer is too large", source=self.source, file=url)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            raise SettingsInvalid(
                f"base_url or header is unusable: {type(error).__name__}", source=self.source
            ) from None
        except httpx.HTTPError as error:
            raise _Unavailable(f"{path}: {type(error).__name__}", source=self.source) from error
        if answer.status_code != 200:
            raise self._refused(answer, bytes(content))
        body = parse_json(bytes(content), source=self.source, file=url)
        if not isinstance(body, dict):
            raise SourceChangedShape("answer is not a JSON object", source=self.source, file=url)
        return Page(url, bytes(content), body)

    def _refused(self, answer: httpx.Response, content: bytes) -> Exception:
        status, url = answer.status_code, str(answer.url)
        if status in (408, 425, 429) or status >= 500:
            error = _Unavailable(f"HTTP {status}", source=self.source, file=url)
            error.wait_seconds = _wait_asked_for(answer)
            return error
        if status in (401, 403):
            hint = f"rotate the credential in {self.variable}, or give it the scope this report needs"
            return SourceRejected(f"HTTP {status}: access refused", source=self.source, file=url, hint=hint)
        said = "".join(c if c.isprintable() else " " for c in content[:300].decode("utf-8", "replace"))
        secret = os.environ.get(self.variable, "").strip()
        said = said.replace(secret, "(credential)") if secret else said
        return SourceRejected(f"HTTP {status}: {said}", source=self.source, file=url)

    def _backoff(self, error: Exception) -> bool | float:
        """Whether to try again, or after how many seconds; asked to wait too long, give up."""
        if not isinstance(error, _Unavailable):
            return False
        if error.wait_seconds is None:
            return True
        return error.wait_seconds if error.wait_seconds <= self.retry.longest_wait_seconds else False


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
    content: bytes, *, source: str | None = None, file: str | None = None, number: Callable[[str], Any] = Decimal
) -> Any:
    """JSON whose numbers with a point are exact ``Decimal``, or what ``number`` makes of their text (``str`` keeps it).

    Refuses NaN, infinity and what is cut off.
    """
    try:
        return json.loads(content, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise SourceRejected(f"not valid JSON: {str(error)[:200]}", source=source, file=file) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
