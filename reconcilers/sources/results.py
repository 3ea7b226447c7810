"""Results of a report over HTTP: pages of JSON whose ``data`` are buckets of time, each with its ``results``.

A result is read member by member and stands for itself in every error: its page, and its number there, which is its line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.sources import http


@dataclass(frozen=True)
class Result:
    """One JSON object of a page and where it stands. ``start`` and ``end`` are its bucket's, in naive UTC."""

    source: str
    file: str
    line: int
    fields: Any
    start: datetime | None = None
    end: datetime | None = None

    def get(self, name: str) -> Any:
        """A member as it is; null where there is none. ``a.b`` is a member of a member."""
        found: Any = self.fields
        for place, part in enumerate(parts := name.split(".")):
            if place and found is None:
                return None
            if not isinstance(found, dict):
                raise self.changed(f"{'.'.join(parts[:place])} is not a JSON object".lstrip())
            found = found.get(part)
        return found

    def members(self, name: str) -> list[Any]:
        found = self.get(name)
        if not isinstance(found, list):
            raise self.changed(f"{name} is not a list")
        return found

    def text(self, name: str) -> str | None:
        """A text or number as it is written; null, absent and empty are the same."""
        found = self.get(name)
        if found is None or (isinstance(found, str | int) and not isinstance(found, bool)):
            return None if found is None or found == "" else str(found)
        raise self.changed(f"{name} is neither text nor number")

    def required_text(self, name: str) -> str:
        found, holder = self.text(name), name.rpartition(".")[0]
        if found is None and holder and not isinstance(self.get(holder), dict):
            raise self.changed(f"{holder} is not a JSON object")
        if found is None:
            raise self.rejected(f"{name} is empty")
        return found

    def count(self, name: str, *, required: bool = False) -> int:
        """A whole number that is not negative; 0 where the result does not tell it."""
        found = self.get(name)
        if found is None and not required:
            return 0
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.changed(f"{name} is not a whole number")
        if found < 0:
            raise self.rejected(f"{name} is negative")
        return int(found)

    def start_text(self) -> str | None:
        return self.start.isoformat() if self.start else None

    def end_text(self) -> str | None:
        return self.end.isoformat() if self.end else None

    def rejected(self, problem: str, hint: str = "pull the day again, or report it to the provider") -> SourceRejected:
        return SourceRejected(problem, source=self.source, file=self.file, line=self.line or None, hint=hint)

    def changed(self, problem: str) -> SourceChangedShape:
        return SourceChangedShape(problem, source=self.source, file=self.file, line=self.line or None)


class Once:
    """Groups met so far. A group stands once in a day: told twice, a page was repeated or shifted while it was read."""

    def __init__(self) -> None:
        self._seen: set[tuple[object, ...]] = set()

    def check(self, row: Result, *facts: object) -> None:
        """Raises ``SourceRejected`` where a result of the same ``facts`` came before."""
        if facts in self._seen:
            raise row.rejected("the same group came twice", "pull the day again; its pages contradict each other")
        self._seen.add(facts)


#: When a bucket starts and ends, read from the bucket itself.
Times = Callable[[Result], tuple[datetime, datetime]]


def buckets(
    content: bytes, day: date, times: Times, *, source: str, file: str, number: Callable[[str], Any]
) -> Iterator[tuple[datetime, list[Result]]]:
    """(start, results) of every bucket of a page; ``number`` makes a value of the text of a number with a point.

    A result outside the UTC day contradicts what was asked for, and raises ``SourceRejected``.
    """
    first = datetime.combine(day, time())
    line = 0
    body = http.parse_json(content, source=source, file=file, number=number)
    for bucket in Result(source, file, 0, body).members("data"):
        told = Result(source, file, line + 1, bucket)
        start, end = times(told)
        results = [
            Result(source, file, place, fields, start, end)
            for place, fields in enumerate(told.members("results"), line + 1)
        ]
        line += len(results)
        if results and not first <= start < end <= first + timedelta(days=1):
            raise results[0].rejected(f"is of {start} to {end}, which was not asked for")
        yield start, results


def check_total(
    lines: Mapping[str, Decimal],
    totals: Mapping[str, Decimal],
    *,
    source: str,
    tolerance: Decimal = Decimal(0),
    of: str = "the day",
    period: str | None = None,
    file: str | None = None,
    hint: str = "lines are missing or told twice; pull the day again, or report it to the provider",
) -> None:
    """Raises ``SourceRejected`` where the sum of cost lines of a currency is further than ``tolerance`` from the total stated.

    Both are sums by currency, 0 where they have none of it; ``of`` is what the total is stated of.
    """
    for currency in sorted(lines.keys() | totals.keys()):
        made, stated = lines.get(currency, Decimal(0)), totals.get(currency, Decimal(0))
        if abs(made - stated) > tolerance:
            problem = f"cost lines add up to {made:f} {currency}, {of}'s total is {stated:f}"
            raise SourceRejected(problem, source=source, period=period, file=file, hint=hint)


def cited(path: Path, name: str, line: int, *, source: str, member: str = "results") -> str:
    """The n-th result of a page, cut out of it as it stands. ``member`` names every list of results."""
    text, decoder, number = path.read_text(), json.JSONDecoder(), 0
    begins = f'"{member}":'  # inside a string the quotes would be escaped
    position = text.find(begins)
    while position >= 0:
        position = text.index("[", position) + 1
        while text[position] != "]":
            if text[position] in " \t\r\n,":
                position += 1
                continue
            start = position
            _, position = decoder.raw_decode(text, start)
            number += 1
            if number == line:
                return text[start:position]
        position = text.find(begins, position)
    raise SourceRejected(f"no result {line}", source=source, file=name, hint="landing was changed; restore it")
