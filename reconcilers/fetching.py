"""Ask one source for its units side by side, within the time it has; and tell what went wrong once for each cause.

Fetching waits for somebody else's network, so a few units are under way at once. They are handed over in the order of their
list, and everything that is kept is written by whoever takes them: what a run leaves behind does not depend on who was faster.
Reading trace files takes a core each, so as many are read at once as there are cores; their rows are kept in that order, too.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from reconcilers.errors import ReconcileError, SourceUnreachable
from reconcilers.ingest.landing import Landing, Pull
from reconcilers.periods import Period
from reconcilers.sources.contract import Source

_A = TypeVar("_A")
_B = TypeVar("_B")
_T = TypeVar("_T")
#: Each holds the rows of some ten thousand records.
_MOST_READERS = 8


class Fetching:
    """One run's questions to one source. Whoever takes the units counts none of its own time against the source."""

    def __init__(self, landing: Landing, source: Source) -> None:
        self._landing, self._source = landing, source
        self._seconds_left = source.config.time_limit_seconds
        self._waiting: deque[str] = deque()
        self._under_way: dict[str, Future[Pull]] = {}
        self._stopped: ReconcileError | None = None

    def units(self, period: Period) -> list[str]:
        """The units the source lists for ``period``; ``pull`` is then called for each, in this order."""
        units = list(dict.fromkeys(self._had(_started(lambda: list(self._source.units(period))))))
        self._waiting.extend(units)
        return units

    def pull(self, unit: str) -> Pull:
        """What was fetched of the next unit; while it is waited for and taken, those after it are under way.

        Raises what its fetch raised. After an error that stops the source no unit is waited for: each raises that error.
        """
        if self._stopped is not None:
            raise self._stopped.with_traceback(None)
        while self._waiting and len(self._under_way) < self._source.config.side_by_side:
            coming = self._waiting.popleft()
            self._under_way[coming] = self._fetch(coming)
        try:
            return self._had(self._under_way.pop(unit))
        except ReconcileError as error:
            if error.stops_source:
                self._stopped = error
            raise

    def _fetch(self, unit: str) -> Future[Pull]:
        pull = self._landing.pull(self._source.name, self._source.kind, unit)

        def fetch() -> Pull:
            self._source.fetch(unit, pull)
            return pull

        return _started(fetch)

    def _had(self, future: Future[_T]) -> _T:
        began = time.monotonic()
        done, _ = wait([future], max(0.0, self._seconds_left))
        self._seconds_left -= time.monotonic() - began
        if done:
            return future.result()
        raise SourceUnreachable(
            f"not there within the {self._source.config.time_limit_seconds:g} seconds a run waits for the source",
            source=self._source.name,
            hint="run again when it is faster, ask for fewer days, or raise its `time_limit_seconds`",
        )


def _started(call: Callable[[], _T]) -> Future[_T]:
    """``call`` in a thread that holds nobody up: one that never ends dies with the process."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def readers_of(source: Source) -> int:
    """How many of a source's units are read at a time: reading takes a core, where it takes long enough to matter."""
    # Not every system tells which cores are this process's.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_READERS) if source.reads_side_by_side else 1


def ahead(
    items: Iterable[_A], first: Callable[[_A], _B], then: Callable[[_B], _T], readers: int
) -> Iterator[tuple[_A, Future[_T]]]:
    """Each item with what ``then`` makes of what ``first`` gives of it, in order; whatever one of them raises, its future raises.

    ``first`` is called by the caller's thread, one item after the other; ``then`` by ``readers`` threads, for items up to as many
    ahead of the one that is handed over.
    """
    with ThreadPoolExecutor(readers) as pool:
        under_way: deque[tuple[_A, Future[_T]]] = deque()
        for item in items:
            try:
                coming = pool.submit(then, first(item))
            except Exception as error:
                coming = Future()
                coming.set_exception(error)
            under_way.append((item, coming))
            if len(under_way) >= readers:
                yield under_way.popleft()
        yield from under_way


class Causes:
    """What went wrong with a source's units, to be told in as few lines as it had causes."""

    def __init__(self) -> None:
        self._met: dict[Hashable, list[tuple[str, ReconcileError]]] = {}

    def met(self, unit: str, error: ReconcileError) -> None:
        self._met.setdefault((type(error), error.problem, error.hint), []).append((unit, error))

    def lines(self) -> list[str]:
        """One line a cause, in the order they were met: its count, the first and the last unit; of a single one all that is known."""
        return [_line([unit for unit, _ in met], met[0][1]) for met in self._met.values()]


def _line(units: Sequence[str], error: ReconcileError) -> str:
    if len(units) == 1:
        says_which = error.period is not None or units[0] in (error.file or "")
        period = error.period if says_which else units[0]
        return str(_told(error, error.problem, period=period, file=error.file, line=error.line))
    line = f" line {error.line}" if error.line is not None else ""
    first = f" (first: {error.file}{line})" if error.file else ""
    return str(_told(error, f"{counted(units)}: {error.problem}{first}"))


def _told(error: ReconcileError, problem: str, **where: Any) -> ReconcileError:
    return ReconcileError(problem, source=error.source, hint=error.hint, **where)


def told_once(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """(unit, what is to be said of it) as one line for each thing said."""
    said: dict[str, list[str]] = {}
    for unit, text in warnings:
        said.setdefault(text, []).append(unit)
    return [f"{counted(units)}: {text}" for text, units in said.items()]


def counted(units: Sequence[str]) -> str:
    """``21 units, 2026-09-01 to 2026-09-21``; a single one by its name."""
    return units[0] if len(units) == 1 else f"{len(units)} units, {units[0]} to {units[-1]}"
