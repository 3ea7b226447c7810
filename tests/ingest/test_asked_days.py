"""Which days a source was asked for, as landing keeps it (R34)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from reconcilers.ingest.landing import AskedDay, Landing
from reconcilers.periods import Period

NOON = datetime(2026, 9, 4, 12)
WINDOW, PERIOD = Period(date(2026, 9, 1), date(2026, 9, 6)), Period(date(2026, 9, 2), date(2026, 9, 6))


def day(number: int) -> date:
    return date(2026, 9, number)


def test_a_day_that_is_not_over_is_not_asked_for(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.ask("bill", WINDOW, PERIOD, [WINDOW], NOON)
    again, own = AskedDay(landed=True, pulled_again=True), AskedDay(landed=True, pulled_again=False)
    assert landing.asked("bill", NOON) == {day(1): again, day(2): own, day(3): own}


def test_what_was_had_once_was_had(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.ask("bill", WINDOW, PERIOD, [Period.of_day(day(2))], NOON)
    landing.ask("bill", PERIOD, PERIOD, [], datetime(2026, 9, 5))
    asked = landing.asked("bill", datetime(2026, 9, 5))
    assert {one: told.landed for one, told in asked.items()} == {
        day(1): False,
        day(2): True,
        day(3): False,
        day(4): False,
    }


def test_knowledge_has_a_time(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    landing.ask("bill", PERIOD, PERIOD, [PERIOD], NOON)
    assert landing.asked("bill", datetime(2026, 9, 4, 11)) == {}
    assert landing.asked("other", NOON) == {}


def test_asking_again_for_what_is_known_writes_nothing(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for hour in (12, 13, 14):
        landing.ask("traces", PERIOD, PERIOD, [PERIOD], datetime(2026, 9, 4, hour))
    assert len(list((tmp_path / "asked" / "traces").iterdir())) == 1
