"""Days and months as instants in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def month_of(day: date) -> date:
    """First day of the month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """First day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def instant(day: date, hour: int = 0) -> datetime:
    """Midnight UTC of a day, plus hours."""
    return datetime.combine(day, time()) + timedelta(hours=hour)


def unix_seconds(at: datetime) -> int:
    """Whole seconds from 1970 to a naive UTC instant."""
    return int(at.replace(tzinfo=UTC).timestamp())
