"""A night in which nothing changed: dbt is not started, and the version published says the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.known import fingerprint, known
from reconcilers.warehouses.base import candidate_of
from reconcilers.warehouses.duckdb import Store, Version
from tests.claims.published_tables import differences
from tests.claims.scenarios.changing_company import PERIOD, Company, anew
from tests.claims.scenarios.nights import land

AS_OF = datetime(2026, 10, 4, 6)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A company built once, with events nobody has spoken of yet."""
    settings = Company(tmp_path_factory.mktemp("company") / "company").write()
    land(settings, PERIOD, AS_OF)
    assert nodes(settings, AS_OF) > 10
    return settings


def nodes(settings: Settings, as_of: datetime) -> int:
    """How many nodes dbt ran for a build."""
    with pipeline.writing(settings):
        built = pipeline.build(settings, as_of)
        pipeline.publish(settings, PERIOD, as_of, [])
    return len(built.nodes)


def published(settings: Settings) -> Version:
    version = Store(settings.path(settings.home)).current()
    assert version is not None
    return version


def identity(settings: Settings, as_of: datetime) -> str:
    return fingerprint(known(settings, as_of), pipeline.variables(settings))


def test_dbt_is_not_started_where_nothing_changed(settings: Settings) -> None:
    later, before = AS_OF + timedelta(hours=5), published(settings)
    land(settings, PERIOD, later)
    assert nodes(settings, later) == 0
    after = published(settings)
    assert after.folder != before.folder
    assert after.facts["as_of"] == later.isoformat()
    assert differences(after, anew(settings, later)) == []


def test_what_the_tables_are_made_from_is_one_identity(settings: Settings, tmp_path: Path) -> None:
    company = Company(tmp_path / "other")
    other = company.write()
    land(other, PERIOD, AS_OF)
    before = identity(other, AS_OF)
    assert identity(settings, AS_OF) == before
    assert identity(other.model_copy(update={"midnight_window_minutes": 20}), AS_OF) != before
    company.bills[1][0] |= {"BilledCost": "0.05", "EffectiveCost": "0.05"}
    company.write()
    land(other, PERIOD, AS_OF)
    assert identity(other, AS_OF) != before


def test_tables_hold_for_their_day_and_until_an_event_is_given_up(settings: Settings) -> None:
    last = "select max(ended_at) from finance.fct_cost_per_outcome where outcome = 'pending'"
    ((active,),) = published(settings).ask(last).rows
    given_up = active + timedelta(days=settings.abandoned_after_days)
    assert nodes(settings, given_up - timedelta(hours=1)) > 10
    candidate = candidate_of(Store(settings.path(settings.home)).folder)
    assert candidate is not None
    assert candidate.until == given_up
    assert candidate.is_for(candidate.fingerprint, given_up)
    assert not candidate.is_for(candidate.fingerprint, given_up + timedelta(microseconds=1))
    assert not candidate.is_for(candidate.fingerprint, given_up - timedelta(hours=2))
    assert not candidate.is_for("other", given_up)
    assert nodes(settings, given_up + timedelta(seconds=1)) > 10
    candidate = candidate_of(Store(settings.path(settings.home)).folder)
    assert candidate is not None
    assert f"{candidate.until}" == f"{given_up.date()} 23:59:59.999999"


def test_a_build_that_ends_early_and_dbt_by_hand_leave_nothing_that_stands(settings: Settings) -> None:
    def die(done: int, total: int, name: str) -> None:
        raise RuntimeError

    folder = Store(settings.path(settings.home)).folder
    assert candidate_of(folder) is not None
    with pytest.raises(RuntimeError), pipeline.writing(settings):
        pipeline.build(settings, AS_OF + timedelta(days=30), die)
    assert candidate_of(folder) is None
    assert nodes(settings, AS_OF) > 10
    assert pipeline.run_dbt(settings, ["ls", "--quiet", "-s", "int_events"], {}) == 0
    assert candidate_of(folder) is None
