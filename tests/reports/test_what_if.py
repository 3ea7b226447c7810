"""What an outcome must be sold for: both bounds by hand, of a feature and of its tenants, and what is not known said as such."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.console.what_if import print_what_if
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.reports.what_if import EVERYBODY, WhatIf, figures_of, what_if
from reconcilers.warehouses.duckdb import Version
from tests.reports.published import publish

SEPTEMBER = date(2026, 9, 1)
FACTS = {"period": "2026-09-01", "as_of": "2026-10-03T06:00:00", "failed_units": [], "warnings": []}
FACTS |= {"incomplete": {"2026-09": ["openai: 2 of 30 days missing"]}}


def event(outcome: str, cost: str, *, tenant: str = "ten_a", accrued: str = "0", **more: Any) -> dict[str, Any]:
    row = {
        "feature_id": "chat",
        "tenant_id": tenant,
        "outcome": outcome,
        "outcome_at": datetime(2026, 9, 30, 23, 59) if outcome not in ("pending", "abandoned") else None,
        "ended_at": datetime(2026, 9, 1),
        "production": True,
        "calls": 1,
        "reconciled_cost": Decimal(cost),
        "accrued_cost": Decimal(accrued),
    }
    return row | more


EVENTS = [
    *[event("success", "0.50") for _ in range(3)],
    event("success", "0", calls=0),
    event("failure", "1.10"),
    event("partial", "0.40"),
    event("pending", "0.25", accrued="0.15"),
    event("abandoned", "0.75"),
    event("success", "9", production=False),
    event("success", "9", outcome_at=datetime(2026, 10, 1)),
    event("failure", "0.30", tenant="ten_b"),
    event("success", "0.10", feature_id="search"),
]


def margin(tenant: str, revenue: str | None, feature: str = "chat") -> dict[str, Any]:
    return {
        "feature_id": feature,
        "tenant_id": tenant,
        "month": SEPTEMBER,
        "revenue": None if revenue is None else Decimal(revenue),
        "share_attributed": Decimal("0.9"),
        "share_reconciled": Decimal("0.95"),
        "status": "provisional" if tenant == "ten_b" else "preliminary",
        "currency": "USD",
    }


@pytest.fixture
def company(tmp_path: Path) -> Path:
    tables = {
        "fct_cost_per_outcome": EVENTS,
        "fct_tenant_margin": [margin("ten_a", "7"), margin("ten_b", None), margin("ten_a", "1", "search")],
        "dim_features": [{"feature_id": name} for name in ("chat", "search", "idle")],
        "dim_tenants": [{"tenant_id": name} for name in ("ten_a", "ten_b", "[bold]")],
        "rpt_unit_costs": [
            {"slice": "feature", "slice_value": "chat", "month": SEPTEMBER, "successes": 3, "share_attributed": Decimal("0.8"), "share_reconciled": Decimal("0.85")}
        ],
    }  # fmt: skip
    publish(tmp_path / "var", tables, FACTS)
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


@pytest.fixture
def published(company: Path) -> Version:
    return Version(company.parent / "var" / "published" / "versions" / "000001")


def of(rows: list[WhatIf], feature: str, tenant: str) -> WhatIf:
    (found,) = [row for row in rows if (row.feature_id, row.tenant_id) == (feature, tenant)]
    return found


def test_a_break_even_price_has_two_bounds(published: Version) -> None:
    one = of(what_if(published, "chat"), "chat", "ten_a")
    # 3 × 0.50 + 1.10 + 0.40 = 3.00 over 3 successes, 1 unseen and half a partial; 3.00 + 0.25 + 0.75 + 0.15 over 3
    assert (one.break_even_low, one.break_even_high) == (Decimal("0.666666667"), Decimal("1.383333333"))
    assert (one.successes, one.price, one.holds, one.contribution_margin_low) == (3, None, None, None)


def test_a_price_earns_on_each_bound_what_the_bound_counts(published: Version) -> None:
    one = of(what_if(published, "chat", price=Decimal("1.00")), "chat", "ten_a")
    assert (one.contribution_margin_low, one.contribution_margin_high) == (Decimal("-1.15"), Decimal("1.5"))
    assert (one.margin_rate_low, one.margin_rate_high) == (Decimal("-0.383333333"), Decimal("0.333333333"))


@pytest.mark.parametrize(
    ("price", "holds"), [("0.666666666", "no"), ("0.666666667", "depends"), ("1.383333332", "depends"), ("1.383333333", "yes")]
)  # fmt: skip
def test_a_verdict_holds_on_both_bounds(published: Version, price: str, holds: str) -> None:
    assert of(what_if(published, "chat", price=Decimal(price)), "chat", "ten_a").holds == holds


def test_a_tenant_without_a_success_has_no_price(published: Version) -> None:
    one = of(what_if(published, "chat", price=Decimal(1)), "chat", "ten_b")
    assert (one.break_even_low, one.break_even_high, one.holds, one.margin_rate_low) == (None, None, None, None)
    assert (one.contribution_margin_low, one.contribution_margin_high) == (Decimal("-0.3"), Decimal("-0.3"))
    assert (one.revenue, one.status) == (None, "provisional")


def test_all_tenants_are_the_sum_with_the_coverage_of_the_feature(published: Version) -> None:
    rows = what_if(published)
    assert [(row.feature_id, row.tenant_id) for row in rows] == [
        *(("chat", EVERYBODY), ("chat", "ten_a"), ("chat", "ten_b")),
        *(("search", EVERYBODY), ("search", "ten_a")),
    ]
    chat = of(rows, "chat", EVERYBODY)
    assert (chat.break_even_low, chat.break_even_high) == (Decimal("0.733333333"), Decimal("1.483333333"))
    assert (chat.share_attributed, chat.share_reconciled, chat.status) == (
        Decimal("0.8"),
        Decimal("0.85"),
        "provisional",
    )
    # One tenant's revenue is not known, so the sum is not; the other feature tells no coverage of its own.
    assert chat.revenue is None
    assert of(rows, "search", EVERYBODY).share_attributed == Decimal("0.9")
    assert [row.tenant_id for row in what_if(published, "chat", "ten_a")] == ["ten_a"]


def test_without_a_price_nothing_is_told_of_one(published: Version) -> None:
    assert not {"price", "holds", "contribution_margin_low", "margin_rate_low"} & {
        *figures_of(what_if(published)).names
    }
    assert "margin_rate_low" in figures_of(what_if(published, price=Decimal(1))).names


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"feature": "chatt"}, "there is no feature 'chatt'; nearest is chat"),
        ({"tenant": "ten_c"}, "there is no tenant 'ten_c'; nearest is ten_"),
        ({"feature": "idle"}, "idle had no event in September 2026"),
        ({"month": date(2026, 8, 1)}, "the company had no event in August 2026"),
    ],
)
def test_what_is_not_there_is_said(published: Version, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        what_if(published, **asked)


def test_a_person_sees_coverage_status_and_what_is_missing(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_what_if(read_settings(company), "chat", None, Decimal("1.00"), None, "table", None)
    said = capsys.readouterr().out
    assert said.startswith("September 2026, USD, per success, low to high (R24)\n")
    assert "2026-09 not complete: openai: 2 of 30 days missing" in said
    lines = {line.split()[1]: " ".join(line.split()[2:]) for line in said.splitlines() if line.startswith(" chat")}
    assert lines["ten_a"] == "3 0.6667 to 1.3833 -1.15 to 1.50 -38.3% to 33.3% depends 90.0% preliminary"
    assert lines["ten_b"] == "0 no success -0.30 to -0.30 unknown unknown 90.0% provisional"
