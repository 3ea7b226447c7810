"""A night's work in its parts: land what the sources say, build and publish. Nothing may fail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconcilers import pipeline
from reconcilers.configured import source_names
from reconcilers.declared.settings import Settings
from reconcilers.periods import Period
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.duckdb import Version


def land(
    settings: Settings, period: Period, as_of: datetime, sources: Sequence[str] | None = None
) -> list[pipeline.LandingReport]:
    """The reports of reference data and of every source, or of those named, in their order."""
    names = sources or source_names(settings)
    reports = [pipeline.land_reference(settings, as_of), *(pipeline.land(settings, n, period, as_of) for n in names)]
    assert [failure for report in reports for failure in report.failures] == []
    return reports


def publish(settings: Settings, period: Period, as_of: datetime) -> Published:
    """What a build of everything landed publishes."""
    with pipeline.writing(settings):
        pipeline.build(settings, as_of)
        return pipeline.publish(settings, period, as_of, [])


def build(settings: Settings, period: Period, as_of: datetime) -> Version:
    """The same on the embedded warehouse, where it is a version in a folder."""
    version = publish(settings, period, as_of)
    assert isinstance(version, Version)
    return version
