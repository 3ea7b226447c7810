"""Half-open UTC periods of whole days. Nothing here reads the clock: a period is always an argument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal


@dataclass(frozen=True, order=True)
class Period:
    """The UTC days ``start <= day < end``. Raises ``ValueError`` when empty or longer than 20 years."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"empty period: {self.start} to {self.end} (end is exclusive)")
        if (self.end - self.start).days > 7_320:
            raise ValueError(f"period of more than 20 years: {self}")

    def __str__(self) -> str:
        """As people type it: the day, or the first and the last."""
        last = self.end - timedelta(days=1)
        return f"{self.start}" if last == self.start else f"{self.start} to {last}"

    @classmethod
    def of_day(cls, day: date) -> Period:
        return cls(day, day + timedelta(days=1))

    @classmethod
    def of_month(cls, day: date) -> Period:
        start = day.replace(day=1)
        return cls(start, (start + timedelta(days=32)).replace(day=1))

    def days(self) -> Iterator[date]:
        return (self.start + timedelta(days=n) for n in range((self.end - self.start).days))

    def months(self) -> Iterator[Period]:
        """The whole calendar months this period touches, in order."""
        month = Period.of_month(self.start)
        while month.start < self.end:
            yield month
            month = Period.of_month(month.end)

    def overlaps(self, other: Period) -> bool:
        return self.start < other.end and other.start < self.end

    def widened(self, before_days: int = 0, after_days: int = 0) -> Period:
        return Period(self.start - timedelta(days=before_days), self.end + timedelta(days=after_days))


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies so many months before the one ``day`` is in; of 0 the first of its own."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def months_touched(period: Period, earlier: int = 0, later: int = 0) -> list[str]:
    """The months ``2026-10`` that a period touches, and so many before and after it."""
    months = list(Period(months_before(period.start, earlier), period.end).months())
    for _ in range(later):
        months.append(Period.of_month(months[-1].end))
    return [f"{month.start:%Y-%m}" for month in months]


#: No bill, call or line of revenue is of before or after: such a time was written in another unit, or is none.
FIRST_INSTANT, LAST_INSTANT = datetime(2000, 1, 1), datetime(2200, 1, 1)
EPOCH = datetime(1970, 1, 1)
#: How many of a unit of time a second has.
A_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


def unit_of_epoch(number: Decimal | int) -> str | None:
    """The unit in which a number counts from 1970 to a time that can be; null for one that does in none."""
    first, last = ((instant - EPOCH).total_seconds() for instant in (FIRST_INSTANT, LAST_INSTANT))
    return next((unit for unit, size in A_SECOND.items() if first * size <= number < last * size), None)


def check_instant(instant: datetime) -> None:
    """Raises ``ValueError`` for an instant that nothing is of, saying which unit it looks like."""
    if FIRST_INSTANT <= instant < LAST_INSTANT:
        return
    since = instant - EPOCH
    factors = (factor for factor in list(A_SECOND.values())[1:] if abs(since.days) < 300_000 // factor)
    looks = (EPOCH + since * factor for factor in factors)
    near = next(
        (f"; it looks like {found:%Y-%m-%d} in another unit of time" for found in looks if found >= FIRST_INSTANT), ""
    )
    raise ValueError(f"{instant.isoformat()} is not from {FIRST_INSTANT:%Y} to {LAST_INSTANT:%Y}{near}")


def parse_day(text: str) -> date:
    """``YYYY-MM-DD``; raises ``ValueError`` for anything else, times included."""
    return date.fromisoformat(text)


def days_named(text: str) -> Period | None:
    """The days that ``2026-10-01`` or ``2026-10`` names; null for any other text."""
    if not re.fullmatch(r"\d{4}-\d\d(-\d\d)?", text):
        return None
    try:
        return Period.of_month(parse_day(f"{text}-01")) if len(text) == 7 else Period.of_day(parse_day(text))
    except ValueError:
        return None


#: A zone as warehouses write it into CSV: ``UTC``, ``GMT``, ``z``, or an offset set apart by a blank.
_ZONE = re.compile(r"(?<=\d)(?: *(?:UTC|GMT|Z)| +([+-]\d\d:?\d\d))$", re.IGNORECASE)


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant as naive UTC; an offset is converted, none means UTC. Raises ``ValueError``.

    So are its forms in CSV: ``2026-09-15 00:00:00 UTC`` (BigQuery), ``2026-09-15 00:00:00.000`` (Athena),
    ``2026-09-15 00:00:00.000 +0000`` (Snowflake).
    """
    value = datetime.fromisoformat(_ZONE.sub(lambda zone: zone[1] or "Z", text.strip()))
    offset = value.utcoffset()
    try:
        return value.replace(tzinfo=None) - offset if offset is not None else value
    except OverflowError:
        raise ValueError(f"{text!r:.60} is out of range") from None
