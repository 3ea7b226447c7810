"""A unit stands refused until it is taken, or until its source, asked for it, has it no more (R33, R34)."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
import yaml

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.ingest.completeness import knowledge
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.pipeline import LandingReport, land

MONDAY, TUESDAY = datetime(2026, 9, 7, 6), datetime(2026, 9, 8, 6)
FIFTH = Period.of_day(date(2026, 9, 5))
#: Each source and the name of its file that cannot be read.
FILES = {"bill": "late.csv", "months": "2026-09.csv", "traces": "day=05/spans.json", "invoices": "a.csv"}
BILLS = {"kind": "focus_file", "uri": "bill"}
MONTHS = {"kind": "focus_file", "uri": "months", "delivery": "snapshot", "pattern": r"(?P<period>\d{4}-\d\d)\.csv"}
TRACES = {"kind": "otlp", "uri": "traces", "pattern": r".*\.json", "partition": "day=%d/", "late_days": 2}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A company whose sources have one file each, which is none, landed on Monday for the fifth."""
    for source, file in FILES.items():
        path = tmp_path / source / file
        path.parent.mkdir(parents=True)
        path.write_text("this is no such file\n")
    company = {
        "billing": [{"name": "bill", **BILLS}, {"name": "months", **MONTHS}],
        "telemetry": [{"name": "traces", **TRACES}],
        "revenue": [{"name": "invoices", "kind": "revenue_file", "uri": "invoices"}],
    }
    (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump(company))
    settings = read_settings(tmp_path / "reconcile.yaml")
    for source in FILES:
        assert land(settings, source, FIFTH, MONDAY).failures
    return settings


def refused(settings: Settings, as_of: datetime) -> set[str]:
    return {one.source for one in Landing(settings.landing).refused(as_of)}


def land_without(settings: Settings, source: str, period: Period) -> LandingReport:
    """What landing says on Tuesday, when the file is gone."""
    (settings.path(source) / FILES[source]).unlink()
    return land(settings, source, period, TUESDAY)


@pytest.mark.parametrize("source", FILES)
def test_a_unit_that_is_gone_is_refused_no_more(settings: Settings, source: str) -> None:
    report = land_without(settings, source, FIFTH)
    assert [warning.endswith("was refused, and is gone from the source") for warning in report.warnings] == [True]
    assert refused(settings, MONDAY) == set(FILES)
    assert refused(settings, TUESDAY) == set(FILES) - {source}
    assert land(settings, source, FIFTH, TUESDAY).warnings == []


@pytest.mark.parametrize("source", FILES)
def test_a_unit_that_is_there_stands_refused(settings: Settings, source: str) -> None:
    assert land(settings, source, FIFTH, TUESDAY).warnings == []
    assert refused(settings, TUESDAY) == set(FILES)


@pytest.mark.parametrize(("source", "day"), [("months", date(2026, 11, 5)), ("traces", date(2026, 9, 8))])
def test_a_listing_that_would_not_name_it_ends_nothing(settings: Settings, source: str, day: date) -> None:
    assert land_without(settings, source, Period.of_day(day)).warnings == []
    assert refused(settings, TUESDAY) == set(FILES)


def test_a_month_that_was_refused_and_is_gone_has_not_landed(settings: Settings) -> None:
    land_without(settings, "months", FIFTH)
    asked = knowledge(Landing(settings.landing), configured_sources(settings), TUESDAY)["asked_days"].to_pylist()
    landed = {row["source"]: row["landed"] for row in asked if row["charge_day"] == FIFTH.start}
    assert landed == {"bill": True, "months": False, "traces": True, "invoices": True}


def test_a_source_that_is_configured_no_more_has_nothing_refused(settings: Settings) -> None:
    left = [(room, source) for room, source in configured_sources(settings) if source.name != "bill"]
    known = knowledge(Landing(settings.landing), left, TUESDAY)["rejections"].to_pylist()
    assert {row["source"] for row in known} == set(FILES) - {"bill"}
