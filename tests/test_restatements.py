"""A unit delivered again with less: told in rows and money, and refused where it may be an export that was cut short."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.pipeline import LandingReport
from reconcilers.quarantine import quarantined, readmit
from tests.hostile.inputs.bills import bill

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
FIRST, SECOND, THIRD = (datetime(2026, 10, day) for day in (1, 2, 3))
COMPANY: dict[str, Any] = {
    "price_book": "none",
    "billing": [
        {
            "name": "bill",
            "kind": "focus_file",
            "uri": "bill",
            "delivery": "snapshot",
            "pattern": r"(?P<period>\d{4}-\d\d)\.csv",
        }
    ],
}


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    (tmp_path / "bill").mkdir()
    (tmp_path / "reference").mkdir()
    (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump(COMPANY))
    return read_settings(tmp_path / "reconcile.yaml")


def land(company: Settings, as_of: datetime, *amounts: str) -> LandingReport:
    """Have September's bill be one line of 10.00 and one of each amount, and land it."""
    file = company.path("bill") / "2026-09.csv"
    file.write_bytes(bill(*({"BilledCost": amount, "x_Model": f"m{n}"} for n, amount in enumerate(amounts, 2))))
    return pipeline.land(company, "bill", SEPTEMBER, as_of)


def billed(company: Settings, as_of: datetime) -> Decimal:
    return Decimal(pipeline.held(company, as_of)["bill"]["billed_cost"]["USD"])


def changed(report: LandingReport) -> dict[str, Decimal]:
    return {currency: Decimal(more) for currency, more in report.restated.items()}


def test_a_line_less_is_told_with_both_amounts(company: Settings) -> None:
    assert land(company, FIRST, *["5.00"] * 11).restated == {}
    told = land(company, SECOND, *["5.00"] * 10)
    assert told.warnings == ["2026-09: holds 11 rows where 12 were known (billed 60 USD, before 65 USD)"]
    assert (changed(told), told.failures, billed(company, SECOND)) == ({"USD": -5}, [], 60)


def test_as_many_lines_at_other_prices_are_a_change_and_no_warning(company: Settings) -> None:
    land(company, FIRST, "5.00", "5.00")
    told = land(company, SECOND, "5.00", "6.25")
    assert (changed(told), told.warnings) == ({"USD": Decimal("1.25")}, [])
    assert land(company, THIRD, "5.00", "6.25").restated == {}


@pytest.mark.parametrize(("before", "now", "refused"), [(10, 5, False), (10, 4, True), (12, 6, False), (9, 1, False)])
def test_less_than_half_of_ten_rows_is_refused(company: Settings, before: int, now: int, refused: bool) -> None:
    land(company, FIRST, *["5.00"] * (before - 1))
    told = land(company, SECOND, *["5.00"] * (now - 1))
    assert bool(told.failures) is refused
    assert billed(company, SECOND) == 10 + 5 * ((before if refused else now) - 1)


def test_as_much_money_by_fewer_rows_is_not_cut_short(company: Settings) -> None:
    land(company, FIRST, *["5.00"] * 11)
    told = land(company, SECOND, "55.00")
    assert (told.failures, changed(told)) == ([], {})
    assert told.warnings == ["2026-09: holds 2 rows where 12 were known (billed 65 USD, before 65 USD)"]


def test_what_is_said_of_it_is_the_same_however_it_grows(company: Settings) -> None:
    land(company, FIRST, *["5.00"] * 11)
    assert land(company, SECOND, "5.00").failures == land(company, THIRD, "5.00", "5.00").failures


def test_damaged_rows_of_the_delivery_before_refuse_no_good_one(company: Settings) -> None:
    land(company, FIRST, *["5.00"] * 11)
    (rows,) = company.lake.rglob("charges.parquet")
    rows.write_bytes(b"damaged")
    assert land(company, SECOND, *["5.00"] * 12).failures == []


def test_what_was_known_stays_in_force_until_it_comes_whole(company: Settings) -> None:
    land(company, FIRST, *["5.00"] * 11)
    cut = land(company, SECOND, "5.00")
    assert "holds less than half of the 12 rows that were known and bills less than 65 USD" in cut.failures[0]
    assert (cut.retryable, billed(company, SECOND)) == (True, Decimal(65))
    assert [row["source"] for row in known(company, SECOND).knowledge["rejections"].to_pylist()] == ["bill"]
    whole = land(company, THIRD, *["5.00"] * 12)
    assert (changed(whole), whole.failures, billed(company, THIRD)) == ({"USD": 5}, [], 70)
    assert quarantined(company, THIRD, False) == []


def test_somebody_who_looked_at_it_takes_it(company: Settings) -> None:
    land(company, FIRST, *["5.00"] * 11)
    land(company, SECOND, "5.00")
    (one,) = quarantined(company, THIRD, False)
    told = readmit(company, THIRD, one.landing_id)
    assert (told.news, changed(told), billed(company, THIRD)) == (1, {"USD": -50}, 15)
    assert pipeline.land(company, "bill", SEPTEMBER, THIRD).failures == []
