"""Skeleton's log of calls: JSON lines, a UTC day an answer, over HTTP.

Say here where the emitter documents it, what a line of it is, and in which versions it was seen. What its columns mean is
declared in the settings, as of kind ``mapped``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from reconcilers.sources import http
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.telemetry.mapping import MappingConfig, MappingSource

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull
    from reconcilers.periods import Period


class SkeletonConfig(MappingConfig):
    """A mapping, and where the log is. ``token_env`` names the environment variable of the credential."""

    base_url: str = Field(exclude=True)
    token_env: str = Field(default="SKELETON_TOKEN", exclude=True)
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)


class Skeleton(MappingSource):
    """Lines of the log as calls, runs or outcomes, as the mapping says."""

    kind: ClassVar[str] = "skeleton"
    Config: ClassVar[type[SourceConfig]] = SkeletonConfig
    config: SkeletonConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*super().secrets, self.config.token_env)

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def fetch(self, unit: str, pull: Pull) -> None:
        with http.Client(
            self.config.base_url,
            {"Authorization": f"Bearer {http.credential(self.config.token_env, self.name)}"},
            source=self.name,
            variable=self.config.token_env,
            retry=self.config.retry,
            pace=self._pace,
        ) as client:
            answer = client.read("calls.ndjson", [("day", unit)], accept="application/x-ndjson")
        # Prompt and completion text is never landed: ask for a log without it, or leave it out here.
        pull.add("calls.ndjson", answer.url, answer.content)
