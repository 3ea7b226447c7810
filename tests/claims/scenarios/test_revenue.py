"""Revenue that is refused, has no rate or is told twice: everything else counts, and the margins it is missing from say so (R27, R33)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.duckdb import Version, read_only
from tests.claims.scenarios import nights
from tests.claims.scenarios.company_of_examples import write_company

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
HEADER = "revenue_id,tenant_id,kind,service_period_start,service_period_end,amount,currency,feature_id"
FIRST = """
seats,ex/known,invoice,2026-09-01,2026-10-01,30,USD,ex
setup,ex/known,invoice,2026-09-15,2026-09-15,5,USD,ex
abroad,ex/abroad,invoice,2026-09-01,2026-11-01,12.50,GBP,ex
abroad2,ex/abroad,invoice,2026-09-01,2026-10-01,4,USD,ex
contested,ex/contested,invoice,2026-09-01,2026-10-01,7,USD,ex
torn,ex/torn,invoice,2026-09-01,2026-10-01,NaN,USD,ex
later,ex/later,invoice,2026-10-01,2026-11-01,NaN,USD,ex
same,ex/same,invoice,2026-09-01,2026-10-01,9,USD,ex
"""
AGAIN = """
contested,ex/contested,invoice,2026-09-01,2026-10-01,8.00,USD,ex,
same,ex/same,invoice,2026-09-01,2026-10-01,9.00,USD,ex,
ghost,ex/known,invoice,2026-09-01,2026-10-01,0,USD,ex,nobody
"""
TENANTS = ("known", "abroad", "contested", "torn", "later", "same", "free")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Seven tenants with a call each. The names of their two revenue files sort against the order they arrive in."""
    folder = tmp_path_factory.mktemp("revenue")
    bill = [{"quantity": 7000, "cost": "0.07"}]
    calls = [{"tokens": 1000, "tenant": tenant, "event": tenant} for tenant in TENANTS]
    settings = write_company(folder, {"ex": {"bill": bill, "calls": calls}})
    (folder / "revenue").mkdir()
    (folder / "revenue" / "z.csv").write_text(f"{HEADER}{FIRST}")
    (folder / "reference" / "skus.csv").write_text("source,sku,model,version\n,text,m,v\nex,text,m,v\nexx,text,m,v\n")
    config = yaml.safe_load(settings.read_text())
    config["revenue"] = [{"name": "crm", "kind": "revenue_file", "uri": "revenue"}]
    settings.write_text(yaml.safe_dump(config))
    return read_settings(settings)


@pytest.fixture(scope="module")
def versions(company: Settings) -> tuple[Version, Version]:
    """What is published when both files are known, and when a delivery of the first was refused."""
    folder = company.path("revenue")
    period = Period.of_day(date(2026, 9, 28))
    nights.land(company, period, datetime(2026, 10, 5))
    (folder / "a.csv").write_text(f"{HEADER},bills_revenue_id{AGAIN}")
    nights.land(company, period, datetime(2026, 10, 6), ["crm"])
    before = nights.build(company, period, datetime(2026, 10, 6))
    (folder / "z.csv").write_text(f"{HEADER.replace('amount', 'total')}{FIRST}")
    assert pipeline.land(company, "crm", period, datetime(2026, 10, 7)).failures
    return before, nights.build(company, period, datetime(2026, 10, 7))


@pytest.fixture(scope="module")
def before(versions: tuple[Version, Version]) -> Path:
    return versions[0].folder


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with read_only(folder) as connection:
        return connection.execute(sql).fetchall()


MARGINS = """select tenant_id[4:], revenue, loaded_margin, revenue_complete, status from finance.fct_tenant_margin
             where month = date '2026-09-01' and feature_id = 'ex' and starts_with(tenant_id, 'ex/')"""


def test_what_is_known_counts_and_what_misses_something_says_so(before: Path) -> None:
    cost = Decimal("0.01")
    found = {tenant: told for tenant, *told in rows(before, MARGINS)}
    complete = (True, "preliminary")
    incomplete = (False, "provisional")
    assert found == {
        "known": [Decimal(35), Decimal(35) - cost, *complete],
        "same": [Decimal(9), Decimal(9) - cost, *complete],
        "free": [Decimal(0), -cost, *complete],
        "later": [Decimal(0), -cost, *complete],
        "abroad": [Decimal(4), Decimal(4) - cost, *incomplete],
        "contested": [Decimal(8), Decimal(8) - cost, *incomplete],
        # of its revenue nothing is known, which is not 0
        "torn": [None, None, *incomplete],
    }


def test_a_line_that_cannot_be_read_is_a_break(before: Path) -> None:
    found = rows(
        before, "select charge_day, break_key from finance.fct_breaks where kind = 'record_rejected' order by 1"
    )
    assert [day for day, _ in found] == [SEPTEMBER, OCTOBER]
    assert found[0][1].startswith("source=crm unit=z.csv line=7 reason='NaN' is not a plain decimal")


def test_an_amount_without_rate_is_a_break_in_its_own_currency(before: Path) -> None:
    found = rows(
        before,
        "select charge_day, break_key, quantity, amount, currency from finance.fct_breaks where kind = 'no_rate'",
    )
    assert found == [(SEPTEMBER, "source=crm tenant_id=ex/abroad currency=GBP", 1, Decimal("12.5"), "GBP")]


def test_a_line_told_twice_counts_once_as_told_last(before: Path) -> None:
    """The second file arrived later, though its name sorts first."""
    found = rows(
        before,
        "select break_key, quantity, amount, currency, note from finance.fct_breaks where kind = 'duplicate' order by 1",
    )
    contested, same = found
    assert contested[:4] == ("source=crm revenue_id=contested unit=z.csv", 1, Decimal(7), "USD")
    assert contested[4] == "line 6 of z.csv is left out: line 2 of a.csv tells it otherwise and was told last"
    assert same[:4] == ("source=crm unit=z.csv kept_unit=a.csv", 1, Decimal(9), "USD")


def test_a_refused_file_leaves_no_margin_that_looks_complete(versions: tuple[Version, Version]) -> None:
    before, after = (rows(version.folder, f"{MARGINS} order by 1") for version in versions)
    known = [row for row in before if row[1]]
    assert [row[:3] for row in after if row[1] is not None] == [row[:3] for row in known]
    assert [row[:3] for row in after if row[1] is None] == [(name, None, None) for name in ("free", "later", "torn")]
    assert {row[3:] for row in after} == {(False, "provisional")}


def test_an_invoice_that_bills_nothing_known_is_undeclared(before: Path) -> None:
    found = rows(before, "select break_key, quantity from finance.fct_breaks where kind = 'undeclared'")
    assert ("source=(none) told_in=revenue bills_revenue_id=nobody", 1) in found


def test_a_source_that_only_skus_name_is_undeclared(before: Path) -> None:
    found = rows(before, "select break_key, quantity from finance.fct_breaks where kind = 'undeclared'")
    assert ("source=(none) told_in=skus source=exx", 1) in found
    assert [key for key, _ in found if "skus" in key] == ["source=(none) told_in=skus source=exx"]
