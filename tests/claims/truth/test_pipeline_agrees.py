"""The published tables against the reckoned truth, figure by figure, on sample companies of different seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from reconcilers.declared.settings import read_settings
from reconcilers.periods import Period
from reconcilers.sample_company import sample, store
from reconcilers.sample_company.providers.server import Providers, serving
from reconcilers.sample_company.seen import knowledge
from reconcilers.sample_company.seen.facts import Budget
from reconcilers.sample_company.world import reference
from reconcilers.sample_company.world.calendar import instant
from reconcilers.warehouses.duckdb import Version, read_only
from tests import AT_LENGTH
from tests.claims.scenarios.nights import build, land
from tests.claims.truth.guide import guide_differences
from tests.claims.truth.published import book_of_published, book_of_truth
from tests.signed_in import sign_in

START, END, EVENTS_PER_DAY = date(2026, 9, 25), date(2026, 10, 5), 60
#: Budgets that so short a time reaches, one of them twice within a week: the company's own are of a month.
BUDGETS = (
    Budget("tenant", "ten_globex", None, Decimal(3)),
    Budget("feature", "invoice_check", None, Decimal("0.10")),
    Budget("all", None, date(2026, 10, 1), Decimal(150), warning_share=Decimal("0.50")),
)
pytestmark = pytest.mark.slow


@pytest.fixture
def providers(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Providers]:
    """A served sample of the seed the test asks for."""
    monkeypatch.setattr(reference, "BUDGETS", (*reference.BUDGETS, *BUDGETS))
    out = tmp_path / "company"
    sample.make(request.param, START, END, EVENTS_PER_DAY, out)
    with serving(out) as running:
        sign_in(monkeypatch, running)
        yield running


def differences(providers: Providers, published: Version, as_of: datetime) -> list[str]:
    truth = sample.truth_at(providers.out, as_of)
    return book_of_truth(truth).differences(book_of_published(published.folder, truth.tables))


def whole(providers: Providers) -> Period:
    """Every day anything is billed for."""
    return Period(START, knowledge.last_day(store.load(providers.out)) + timedelta(days=1))


@pytest.mark.parametrize("providers", [1, 2, 3, 4, 5] if AT_LENGTH else [1], indirect=True)
def test_once_everything_is_known(providers: Providers) -> None:
    settings, period = read_settings(providers.out / "reconcile.yaml"), whole(providers)
    land(settings, period, providers.known_at)
    published = build(settings, period, providers.known_at)
    assert differences(providers, published, providers.known_at) == []
    assert guide_differences(sample.truth_at(providers.out, providers.known_at), published.folder) == []


@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: minutes, and random companies are built night by night against at once, too"
)
@pytest.mark.parametrize("providers", [4], indirect=True)
def test_nights_agree_and_equal_one_backfill(providers: Providers) -> None:
    """Each night knows what its providers knew; the last one publishes what a backfill with the same knowledge does.

    The job is set up on the third night, when every export has begun."""
    settings, period = read_settings(providers.out / "reconcile.yaml"), whole(providers)
    for number, day in enumerate(period.days()):
        if number < 2:
            continue
        as_of = instant(day + timedelta(days=1), 6)
        providers.know(as_of)
        land(settings, Period(START, day + timedelta(days=1)) if number == 2 else Period.of_day(day), as_of)
        # Not the last night of a month: AWS has opened the next month's bill by then, and nothing asks for it until a day later. Nor one
        # whose table of calls has rows of the day that has begun, which is read when it is over.
        if day in (date(2026, 10, 3), period.end - timedelta(days=1)):
            nights = build(settings, Period.of_day(day), as_of)
            assert differences(providers, nights, as_of) == []
    backfill = settings.model_copy(update={"home": settings.path("backfill")})
    land(backfill, period, as_of)
    assert tables(build(backfill, period, as_of)) == tables(nights)


def tables(published: Version) -> dict[str, str]:
    """A digest of every finance table's rows, in an order of their own."""
    with read_only(published.folder) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "select table_name from information_schema.tables where table_schema = 'finance' order by 1"
            ).fetchall()
        ]
        assert "rpt_invoice_waterfall" in names
        return {
            name: hashlib.sha256(
                repr(sorted(map(repr, connection.execute(f"select * from finance.{name}").fetchall()))).encode()
            ).hexdigest()
            for name in names
        }
