"""The page: whose it is, what each bucket means and who acts, every feature, and that it fits on a phone and in a mail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from reconcilers.reports.waterfall_page import write_page
from tests.reports.published import Rows, publish

FACTS = {
    "period": "2026-09-01 to 2026-09-30",
    "as_of": "2026-10-09T06:00:00",
    "failed_units": [],
    "warnings": [],
    "incomplete": {},
}
SEPTEMBER = date(2026, 9, 1)
HOSTILE = "<script>alert('x')</script>"
#: A browser leaves out what is between ``t`` and ``1``, and ``t1`` is somebody else.
UNSEEN, SEEN = "t\x1b\x001", r"t\x1b\x001"


def steps(month: date = SEPTEMBER, **costs: str) -> Rows:
    """Steps of one month's waterfall, in order."""
    return [
        {"step": step, "cost": Decimal(cost), "position": place, "billing_period_start": month, "currency": "CHF"}
        | {"meaning": f"what {step} is", "owner": f"owner of {step}", "action": f"do {step}"}
        for place, (step, cost) in enumerate(costs.items())
    ]


TABLES: dict[str, Rows] = {
    "rpt_invoice_waterfall": steps(billed="100.000000001", tax="7.50", credit="-5", event="97.500000001"),
    "dim_features": [
        {
            "feature_id": "f1",
            "name": "Reports & more",
            "owner": "insights",
            "value_per_outcome": Decimal(12),
            "declared": True,
        },
        {"feature_id": "f2", "name": HOSTILE, "declared": True},
        {"feature_id": "(shared)", "declared": False},
    ],
    "rpt_unit_costs": [
        {
            "month": SEPTEMBER,
            "slice": "feature",
            "slice_value": "f1",
            "successes": 168,
            "cost_per_success": Decimal("0.4938"),
        }
        | {"share_attributed": Decimal("0.863"), "share_reconciled": Decimal("0.869")},
        {"month": SEPTEMBER, "slice": "feature", "slice_value": "f2", "successes": 0},
    ],
    "fct_tenant_margin": [
        {
            "tenant_id": "t1",
            "feature_id": "f1",
            "month": SEPTEMBER,
            "revenue": Decimal(3),
            "contribution_margin": Decimal(-80),
        }
        | {"loaded_margin": Decimal(-81)},
        {"tenant_id": HOSTILE, "feature_id": "(shared)", "month": SEPTEMBER, "revenue": Decimal(0)},
    ],
    "dim_tenants": [{"tenant_id": "t1", "name": "Globex"}],
    "fct_breaks": [
        {
            "kind": kind,
            "owner": owner,
            "action": f"mend {kind}",
            "amount": Decimal("1.5"),
            "currency": "CHF",
            "material": True,
        }
        | {"state": "open"}
        for kind, owner in (("price", "finance"), ("unknown_environment", "engineering"), ("price", "finance"))
    ],
}


def page_of(tmp_path: Path, tables: dict[str, Rows], company: str = "") -> str:
    return write_page(publish(tmp_path, tables, FACTS), tmp_path / "page.html", company).read_text()


def tables_of(page: str) -> dict[str, list[dict[str, str]]]:
    """Caption → rows of a table as a reader sees them, by the names above them."""
    found = {}
    for caption, body in re.findall(r"<caption>(.*?)</caption>(.*?)</table>", page):
        head, *rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]
        found[unescape(caption)] = [dict(zip(head, map(unescape, row), strict=True)) for row in rows]
    return found


def test_whose_it_is_and_in_which_currency(tmp_path: Path) -> None:
    page = page_of(tmp_path, TABLES, "Müller & Söhne")
    assert "<h1>What outcomes cost · Müller &amp; Söhne</h1>" in page
    assert "All amounts are in <b>CHF</b>" in page
    assert "Billed 100.000000001 CHF, carried 100.000000001, difference <b>0.000000000</b>" in page


def test_every_step_says_what_it_is_and_who_acts(tmp_path: Path) -> None:
    shown = tables_of(page_of(tmp_path, TABLES))["Where every billed cent went"]
    assert [(row["step"], row["cost"]) for row in shown] == [
        ("billed", "100.000000001"),
        ("tax", "7.500000000"),
        ("credit", "-5.000000000"),
        ("event", "97.500000001"),
    ]
    assert [row["who acts"] for row in shown] == [f"owner of {row['step']}" for row in shown]
    assert [row["what it is"] for row in shown] == [f"what {row['step']} is" for row in shown]


def test_bars_go_down_from_what_was_billed_to_nothing(tmp_path: Path) -> None:
    bars = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", page_of(tmp_path, TABLES))
    # A credit goes back up, from 92.5 to 97.5.
    assert bars == [("0.00", "100.00"), ("92.50", "7.50"), ("92.50", "5.00"), ("0.00", "97.50")]


def test_every_feature_has_its_name_value_and_coverage(tmp_path: Path) -> None:
    reports, hostile = tables_of(page_of(tmp_path, TABLES))["Features, CHF"]
    assert (reports["feature"], reports["owner"], reports["successes"]) == ("Reports & more", "insights", "168")
    assert (reports["cost per success"], reports["value per success"]) == ("0.4938", "12.0000")
    assert (reports["share attributed"], reports["share reconciled"]) == ("86.3%", "86.9%")
    assert reports["contribution margin"] == "-80.00"
    assert hostile["feature"] == HOSTILE


def test_control_characters_of_names_are_seen(tmp_path: Path) -> None:
    features = [TABLES["dim_features"][0] | {"name": UNSEEN}, *TABLES["dim_features"][1:]]
    page = page_of(tmp_path, {**TABLES, "dim_features": features}, UNSEEN)
    assert tables_of(page)["Features, CHF"][0]["feature"] == SEEN
    assert f"<h1>What outcomes cost · {SEEN}</h1>" in page


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, TABLES, HOSTILE)
    assert HOSTILE not in page
    assert page.count(escape(HOSTILE)) == 4


def test_open_breaks_stand_by_who_acts(tmp_path: Path) -> None:
    shown = tables_of(page_of(tmp_path, TABLES))["Differences somebody must look at"]
    assert [tuple(row.values()) for row in shown] == [
        ("engineering", "unknown_environment", "1", "1", "1.50", "CHF", "mend unknown_environment"),
        ("finance", "price", "2", "2", "3.00", "CHF", "mend price"),
    ]


def test_what_is_missing_or_open_stands_with_the_difference(tmp_path: Path) -> None:
    facts = {
        **FACTS,
        "incomplete": {"2026-09": ["aws: 3 of 30 days missing"]},
        "open": {"2026-09": ["1 open: unmapped (3.27 CHF)"]},
    }
    page = write_page(publish(tmp_path, TABLES, facts), tmp_path / "page.html").read_text()
    banner = re.search(r"difference <b>0\.000000000</b>\.</p><div class=\"open\">(.*?)</div>", page)
    assert banner is not None
    assert re.findall("<li>(.*?)</li>", banner[1]) == ["aws: 3 of 30 days missing", "1 open: unmapped (3.27 CHF)"]
    assert [row["month is"] for row in tables_of(page)["Months"]] == [
        "not complete: aws: 3 of 30 days missing; 1 open: unmapped (3.27 CHF)"
    ]


def large() -> dict[str, Rows]:
    """Two years of a company of 3,000 tenants and 300 features."""
    months = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(24)]
    waterfalls: list[Any] = [row for month in months for row in steps(month, billed="100", tax="7.50", event="92.50")]
    margins = [
        {"tenant_id": f"t{tenant}", "feature_id": f"f{tenant % 300}", "month": month, "revenue": Decimal(3000 - tenant)}
        | {
            "direct_cost": Decimal(7),
            "contribution_margin": Decimal(2993 - tenant),
            "loaded_margin": Decimal(2900 - tenant),
        }
        for month in months[-6:]
        for tenant in range(3000)
    ]
    features = [{"feature_id": f"f{feature}", "name": "A feature " * 4, "declared": True} for feature in range(300)]
    return {**TABLES, "rpt_invoice_waterfall": waterfalls, "fct_tenant_margin": margins, "dim_features": features}


def test_a_large_company_fits_in_a_mail_and_no_money_is_left_out(tmp_path: Path) -> None:
    page = page_of(tmp_path, large())
    assert len(page.encode()) < 500_000
    # One file that asks nobody for anything.
    assert not re.search(r"<script|<link|src=|url\(|https?:", page)
    shown = tables_of(page)
    assert len(shown["Months"]) == 24
    tenants = shown["Tenant margins, CHF"]
    assert [row["tenant"] for row in tenants[:2]] == ["t0", "Globex (t1)"]
    assert [row["tenant"] for row in tenants[-2:]] == ["t2999", "2960 others"]
    total = sum(Decimal(row["loaded margin"].replace(",", "")) for row in tenants)
    assert total == sum(range(2900 - 2999, 2901))


def test_a_value_stands_beside_its_name_where_there_is_no_room_for_columns(tmp_path: Path) -> None:
    page = page_of(tmp_path, TABLES)
    assert '<meta name="viewport" content="width=device-width,initial-scale=1">' in page
    for body in re.findall(r"<tbody>(.*?)</tbody>", page):
        names = re.findall(r"<th[^>]*>(.*?)</th>", body)
        for row in re.findall(r"<tr><td.*?</tr>", body):
            assert re.findall(r'data-of="(.*?)"', row) == [name for name in names[1:] if name]


def browsers() -> Iterator[str]:
    return filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))


@pytest.mark.skipif(not any(browsers()), reason="no browser on this machine")
@pytest.mark.parametrize("width", [390, 1020, 1280])
def test_a_browser_shows_it_without_scrolling_sideways(tmp_path: Path, width: int) -> None:
    page = page_of(tmp_path, large() | {"fct_breaks": TABLES["fct_breaks"]})
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe width="{width}" height="800" style="border:0" srcdoc="{escape(page)}" onload="'
        "const root = this.contentDocument.documentElement;"
        "document.title = root.scrollWidth + ' of ' + root.clientWidth"
        '"></iframe>'
    )
    command = [
        next(browsers()),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    done = subprocess.run([*command, "--dump-dom", str(frame)], capture_output=True, text=True, check=True, timeout=60)
    titles = re.findall(r"<title>(\d+) of (\d+)</title>", done.stdout)
    assert titles
    (wanted, had) = titles[0]
    assert int(wanted) == int(had) <= width
