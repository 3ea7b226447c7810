"""A store that has seen everything change publishes what a store made at once from the same landing does, and makes only what changed.

Every round changes many things at a time, because a build takes its seconds; the differences say which table went wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests import AT_LENGTH
from tests.claims.published_tables import differences
from tests.claims.scenarios.changing_company import DAYS, PERIOD, Company, anew, day, line, told_call
from tests.claims.scenarios.nights import build, land


def link_days(company: Company) -> None:
    """Deliveries, calls, wrappers and owners that reach over days."""
    company.calls[1].pop(2)
    again = next(call for call in company.calls[0] if call["record_id"] == "r0-3")
    company.calls[2].append(
        again | {"record_id": "again", "ended_at": f"{day(2)}T08:00:00", "tokens": 9000, "response_id": "x"}
    )
    company.calls[3][0]["response_id"] = "twin"
    company.calls[5][0]["response_id"] = "twin"
    company.calls[4][2]["parent_span_id"] = "outer"
    outer = told_call(5, 0, event="e4-1", tenant="t1", hour=0, model="large")
    company.calls[5].append(outer | {"record_id": "outer", "trace_id": "trace-4-1", "span_id": "outer", "tokens": 5000})
    company.calls[0][4]["tenant_id"] = company.calls[0][5]["tenant_id"] = ""
    company.calls[3].append(told_call(3, 9, event="e0-2", tenant="t9", hour=12, model="small"))


def unlink_days_and_move_owners(company: Company) -> None:
    """The same taken back, and reference files that place and price calls anew."""
    company.calls[2].pop()
    company.calls[5].pop()
    company.calls[5][0]["response_id"] = ""
    company.calls[1][0]["model"] = "small-2026"
    company.reference["model_aliases"] = [{"provider": "acme", "alias": "small-2026", "model": "small"}]
    company.reference["key_map"][0]["sub_account_id"] = "p2"
    company.reference["environments"][1]["production"] = "false"
    company.reference["contract_prices"][1]["price_per_million"] = "12.5"
    company.reference["context_thresholds"] = [
        {"provider": "acme", "model": "large", "threshold": "1400", "version": "1"}
    ]
    told = {"context_band": "", "time_from": "", "time_to": ""}
    long, late = {"context_band": "long"}, {"time_from": "13:00", "time_to": "10:00"}
    company.reference["contract_prices"] = [
        price | told | more
        for price in company.reference["contract_prices"]
        for more in ({}, long, late)
        if not more or price["model"] == "large"
    ]
    for place, amount in ((-2, "25"), (-1, "11")):
        company.reference["contract_prices"][place]["price_per_million"] = amount


def restate_bills_and_outcomes(company: Company) -> None:
    """Money restated, credited and billed by the month; an outcome that comes and one that is reversed."""
    company.bills[1][0] |= {"BilledCost": "0.05", "EffectiveCost": "0.05"}
    company.bills[2].append(line(2, "K1", "large", "-0.004", quantity="") | {"ChargeCategory": "Credit"})
    company.bills[3] = []
    company.bills[4].append(line(4, "K2", "large", "0.7", quantity="", whole_month=True))
    company.outcomes.append({"event_id": "e2-2", "outcome": "success", "at": f"{day(5)}T10:00:00"})
    company.outcomes.append({"event_id": "e1-0", "outcome": "failure", "at": f"{day(5)}T11:00:00"})


def empty_a_day_and_move_events(company: Company) -> None:
    """A day without calls, an event that loses its first one, a run that turns out to be another event's, one whose calls do."""
    company.calls[2] = []
    company.calls[3] = [call for call in company.calls[3] if call["event_id"] != "e3-0"]
    company.runs[4]["event_id"] = "e0-0"
    for call in company.calls[4]:
        call["event_id"] = "e4-2" if call["run_id"] == "e4-1/run" else call["event_id"]
    company.runs.append({"run_id": "late", "event_id": "e5-9", "started_at": f"{day(4)}T10:00:00", "status": "failure"})


def change_owners_and_money(company: Company) -> None:
    unlink_days_and_move_owners(company)
    restate_bills_and_outcomes(company)


#: What changes, and how much later the next run is; the second passes every bill's finality and every event's patience.
ROUNDS: list[tuple[Callable[[Company], None], timedelta]] = [
    (link_days, timedelta(hours=1)),
    (change_owners_and_money, timedelta(days=12)),
    (empty_a_day_and_move_events, timedelta(days=1)),
]


def test_a_store_that_saw_everything_change_equals_one_made_at_once(tmp_path: Path) -> None:
    company, as_of = Company(tmp_path), datetime(2026, 10, 3, 2)
    settings = company.write()
    land(settings, PERIOD, as_of)
    before = build(settings, PERIOD, as_of)
    for change, later in ROUNDS:
        change(company)
        company.write()
        as_of += later
        land(settings, PERIOD, as_of)
        after = build(settings, PERIOD, as_of)
        assert differences(after, before) != [], f"{change.__name__} changed nothing"
        assert differences(after, anew(settings, as_of)) == [], change.__name__
        before = after


@pytest.mark.skipif(not AT_LENGTH, reason="make long: three builds for one sum that must not cancel out")
def test_rows_that_change_alike_are_seen(tmp_path: Path) -> None:
    """Two models of one price get another one: what stands for a day's prices is another, though each pair changes alike."""
    company, as_of = Company(tmp_path), datetime(2026, 10, 3, 2)
    for price in ("3", "4"):
        for row in company.reference["contract_prices"]:
            row["price_per_million"] = price
        settings = company.write()
        as_of += timedelta(hours=1)
        land(settings, PERIOD, as_of)
        after = build(settings, PERIOD, as_of)
    assert differences(after, anew(settings, as_of)) == []


@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: three builds, and random companies have cells of several files, too"
)
def test_calls_told_hour_by_hour_come_to_what_those_of_whole_days_do(tmp_path: Path) -> None:
    """All calls of a key and model are one cell of their day, and those of an hour stand between those of another."""
    daily, hourly, as_of = Company(tmp_path / "daily"), Company(tmp_path / "hourly", hourly=True), datetime(2026, 10, 3)
    for company in (daily, hourly):
        for number in DAYS:
            company.calls[number] += [
                told_call(number, 10 + hour, event=f"e{number}-{hour % 3}", tenant="t1", hour=hour, model="small")
                | {"api_key_id": "K0"}
                for hour in range(24)
            ]
    late = [call for call in hourly.calls[4] if call["ended_at"] >= f"{day(4)}T12"]
    hourly.calls[4] = [call for call in hourly.calls[4] if call not in late]
    settings = hourly.write()
    land(settings, PERIOD, as_of)
    build(settings, PERIOD, as_of)
    hourly.calls[4] += late
    for company in (daily, hourly):
        for place in (30, 20, 8):
            company.calls[3].pop(place)
        company.write()
    as_of += timedelta(hours=1)
    for company in (daily, hourly):
        land(company.write(), PERIOD, as_of)
    assert differences(build(settings, PERIOD, as_of), build(daily.write(), PERIOD, as_of)) == []
