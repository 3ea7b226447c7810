"""What is said beside a difference of 0: what is missing, what is open, who is silent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconcilers.reports.completeness import incomplete, stale, still_open, to_look_at, verdict
from reconcilers.warehouses.base import Figures

COMPLETENESS = Figures(["source", "room"], [("bill", "billing"), ("sales", "revenue")])
SEPTEMBER = date(2026, 9, 1)


def breaks(*rows: tuple[str, str, date | None, str | None, str, bool]) -> Figures:
    names = ["source", "kind", "charge_day", "amount", "currency", "material"]
    return Figures(names, [(*row[:3], None if row[3] is None else Decimal(row[3]), *row[4:]) for row in rows])


def test_sources_that_miss_the_same_are_one_line() -> None:
    names = ["month", "source", "month_complete", "days_missing", "days_expected", "units_rejected", "records_rejected"]
    names += ["duplicate_lines", "charges_without_rate"]
    october = date(2026, 10, 1)
    rows = [
        (SEPTEMBER, "bill", True, 0, 30, 0, 0, 0, 0),
        (SEPTEMBER, "traces", False, 0, 30, 0, 0, 0, 0),
        (october, "traces", False, 15, 31, 0, 2, 0, 0),
        (october, "sales", False, 15, 31, 0, 0, 0, 0),
        (october, "bill", False, 15, 31, 0, 0, 0, 0),
    ]
    assert incomplete(Figures(names, rows)) == {
        "2026-09": ["the month is not over"],
        "2026-10": ["bill, sales: 15 of 31 days missing", "traces: 15 of 31 days missing, 2 records not read"],
    }


def test_open_breaks_are_summed_by_kind_and_currency_whatever_their_sign() -> None:
    found = still_open(
        breaks(
            ("bill", "price", date(2026, 9, 3), "-12.50", "USD", True),
            ("bill", "price", date(2026, 9, 4), "2.00", "USD", True),
            ("bill", "no_rate", date(2026, 9, 1), "40", "EUR", True),
            ("bill", "no_rate", date(2026, 9, 1), "7.5", "GBP", True),
            ("bill", "no_rate", date(2026, 9, 1), "0.20", "GBP", False),
            ("bill", "duplicate", None, "3.00", "USD", True),
        ),
        COMPLETENESS,
    )
    assert found == {
        "": ["1 open: duplicate (3.00 USD)"],
        "2026-09": ["2 open: no_rate (40.00 EUR) (7.50 GBP)", "2 open: price (14.50 USD)"],
    }


def test_revenue_without_a_rate_is_told_however_small() -> None:
    found = still_open(breaks(("sales", "no_rate", SEPTEMBER, "0.50", "EUR", False)), COMPLETENESS)
    assert found == {"2026-09": ["1 open: revenue without a rate (0.50 EUR)"]}


def test_a_source_is_stale_beside_others_of_its_room() -> None:
    def source(room: str, last_day: str | None) -> dict[str, str | None]:
        return {"room": room, "last_day": last_day}

    assert stale(
        {
            "late": source("billing", "2026-09-26"),
            "ahead": source("billing", "2026-09-30"),
            "slow": source("billing", "2026-09-27"),
            "never": source("telemetry", None),
            "sales": source("revenue", "2026-01-01"),
        }
    ) == [
        "late: nothing newer than 2026-09-26, others of billing go on to 2026-09-30",
        "never: no line was ever read",
    ]


def test_a_verdict_says_all_of_a_month_in_a_line() -> None:
    facts = {
        "incomplete": {"2026-09": ["bill: 2 of 30 days missing"]},
        "open": {"2026-09": ["1 open: price (14.50 USD)"], "": ["1 open: duplicate (3.00 USD)"]},
        "stale": ["never: no line was ever read"],
    }
    assert verdict(facts, SEPTEMBER) == (
        "not complete: bill: 2 of 30 days missing; 1 open: price (14.50 USD); 1 open: duplicate (3.00 USD); "
        "stale: never: no line was ever read"
    )
    assert verdict({"incomplete": {}}, SEPTEMBER) == "complete"
    assert verdict({}, SEPTEMBER) == "not complete: not looked at; run again"
    assert to_look_at({}, SEPTEMBER) == []
