"""Skeleton's log of calls: JSON lines, a UTC day an answer, over HTTP.

Say here where the emitter documents it, what a line of it is, and in which versions it was seen. What its columns mean is
declared in the settings, as of kind ``mapped``.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from reconcilers.sources import http
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.telemetry.mapping import BEGIN_CALLS, MappingConfig, MappingSource

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull
    from reconcilers.periods import Period


class SkeletonConfig(MappingConfig):
    """A mapping, and where the log is."""

    base_url: str = Field(exclude=True, examples=["https://skeleton.invalid"])
    """Where the API is."""
    api_key_env: str = Field(default="SKELETON_API_KEY", exclude=True)
    """The environment variable that holds the credential."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class Skeleton(MappingSource):
    """Lines of the log as calls, runs or outcomes, as the mapping says."""

    kind: ClassVar[str] = "skeleton"
    Config: ClassVar[type[SourceConfig]] = SkeletonConfig
    begins = MappingProxyType({"": "base_url: https://skeleton.invalid\n" + BEGIN_CALLS})
    config: SkeletonConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def probe(self, period: Period) -> int:
        """Asks for the first day, once."""
        self._answer(f"{period.start}", http.ONE_TRY)
        return len(list(period.days()))

    def fetch(self, unit: str, pull: Pull) -> None:
        # Prompt and completion text is never landed: ask for a log without it, or leave it out here.
        answer = self._answer(unit, self.config.retry)
        pull.add("calls.ndjson", answer.url, answer.content)

    def _answer(self, unit: str, retry: http.RetryPolicy) -> http.Answer:
        with http.Client(
            self.config.base_url,
            {"Authorization": f"Bearer {http.credential(self.config.api_key_env, self.name)}"},
            source=self.name,
            variable=self.config.api_key_env,
            retry=retry,
            pace=self._pace,
        ) as client:
            return client.read("calls.ndjson", [("day", unit)], accept="application/x-ndjson")
