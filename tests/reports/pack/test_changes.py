"""Why cost changed: the parts are what they say, and sum to the change whatever the figures are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcilers.reports.pack.changes import explained
from tests.reports.pack.conftest import Written
from tests.reports.pack.reading import read_page


def feature(before: str, now: str, events: int | None, events_now: int | None) -> dict[str, Any]:
    told = {"month_before": Decimal(before), "this_month": Decimal(now)}
    return told | {"events_before": events, "events_now": events_now}


def usage(quantity_before: str, cost_before: str, quantity_now: str, cost_now: str) -> dict[str, Decimal]:
    names = ("quantity_before", "cost_before", "quantity_now", "cost_now")
    return dict(zip(names, map(Decimal, (quantity_before, cost_before, quantity_now, cost_now)), strict=True))


def parts(**told: str | None) -> dict[str, Decimal | None]:
    return {name: None if value is None else Decimal(value) for name, value in told.items()}


@pytest.mark.parametrize(
    ("of", "usages", "expected"),
    [
        # Twice the events at the same price: all of it is volume.
        (feature("10", "20", 50, 100), [usage("1000", "10", "2000", "20")], parts(volume="10", price="0", mix="0", new_or_ended="0")),
        # As many events, and each token a half dearer.
        (feature("10", "15", 50, 50), [usage("1000", "10", "1000", "15")], parts(volume="0", price="5", mix="0", new_or_ended="0")),
        # As many events, a dearer model instead of a cheap one: no price changed.
        (
            feature("10", "30", 50, 50),
            [usage("1000", "10", "0", "0"), usage("0", "0", "1000", "30")],
            parts(volume="0", price="0", mix="20", new_or_ended="0"),
        ),
        (feature("0", "7", 0, 5), [usage("0", "0", "10", "7")], parts(volume="0", price="0", mix="0", new_or_ended="7")),
        (feature("7", "0", 5, 0), [usage("10", "7", "0", "0")], parts(volume="0", price="0", mix="0", new_or_ended="-7")),
        # Nobody counted its events, and nobody published its usage.
        (feature("7", "9", None, None), None, parts(volume="0", price=None, mix="2", new_or_ended="0")),
    ],
)  # fmt: skip
def test_parts_are_what_they_say(of: dict[str, Any], usages: Any, expected: dict[str, Decimal | None]) -> None:
    assert explained(of, usages) == expected


AMOUNT = st.decimals(-(10**9), 10**9, places=9)
COUNT = st.none() | st.integers(0, 10**7)
USAGE = st.fixed_dictionaries(
    {name: st.decimals(0, 10**12, places=3) for name in ("quantity_before", "quantity_now")}
    | dict.fromkeys(("cost_before", "cost_now"), AMOUNT)
)


@given(AMOUNT, AMOUNT, COUNT, COUNT, st.none() | st.lists(USAGE, max_size=5))
def test_parts_sum_to_the_change(
    before: Decimal, now: Decimal, events: int | None, events_now: int | None, usages: Any
) -> None:
    of = {"month_before": before, "this_month": now, "events_before": events, "events_now": events_now}
    found = explained(of, usages)
    known = [part for part in found.values() if part is not None]
    assert sum(known, Decimal(0)) == now - before
    assert all(part == round(part, 9) for part in known)


def test_the_page_shows_parts_that_sum(written: Written) -> None:
    rows = read_page(written.page.read_text()).figures("change_by_feature")
    for row in rows:
        told = {name: Decimal(exact) for name, (_, exact) in row.items() if exact}
        assert sum(told[name] for name in ("volume", "price", "mix", "new_or_ended")) == told["change"]
    reports = next(row for row in rows if row["feature"][0] == "Reports & more")
    # 150 events for 100; 1,500 tokens at 0.05 for 0.04, and 30 at 0.04 for 0.03; November's usage is no part of it.
    assert (reports["volume"][1], reports["price"][1]) == ("25.000000001", "15.300000007")
