"""Months counted backwards."""

from __future__ import annotations

from datetime import date

import pytest

from reconcilers.periods import months_before


@pytest.mark.parametrize(
    ("day", "months", "first"),
    [
        (date(2026, 9, 15), 0, date(2026, 9, 1)),
        (date(2026, 3, 31), 1, date(2026, 2, 1)),
        (date(2026, 1, 1), 1, date(2025, 12, 1)),
        (date(2026, 12, 31), 12, date(2025, 12, 1)),
        (date(2026, 12, 31), 24, date(2024, 12, 1)),
        (date(2026, 6, 30), 120, date(2016, 6, 1)),
    ],
)
def test_the_first_day_of_a_month_before(day: date, months: int, first: date) -> None:
    assert months_before(day, months) == first
