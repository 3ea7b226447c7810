"""Skeleton's invoices: one CSV a UTC day over HTTP.

Say here where the system documents it, what a line of it is, and how a line is corrected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.periods import parse_day
from reconcilers.sources import folders, http, tabular
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull
    from reconcilers.periods import Period

#: Column of a revenue line (``docs/lake.md``) → the system's own column.
_COLUMNS = {
    "revenue_id": "id",
    "tenant_id": "customer",
    "service_period_start": "from",
    "service_period_end": "to",
    "amount_text": "amount",
    "currency": "currency",
}


class SkeletonConfig(SourceConfig):
    """Where the invoices are."""

    base_url: str = Field(exclude=True, examples=["https://skeleton.invalid"])
    """Where the API is."""
    api_key_env: str = Field(default="SKELETON_API_KEY", exclude=True)
    """The environment variable that holds the credential."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class Skeleton(Source):
    """Lines of invoices as revenue."""

    kind = "skeleton"
    Config = SkeletonConfig
    begins = MappingProxyType({"": "base_url: https://skeleton.invalid\n"})
    config: SkeletonConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day invoices are made on: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def probe(self, period: Period) -> int:
        """Asks for the first day, once."""
        self._answer(f"{period.start}", http.ONE_TRY)
        return len(list(period.days()))

    def fetch(self, unit: str, pull: Pull) -> None:
        answer = self._answer(unit, self.config.retry)
        pull.add("invoices.csv", answer.url, answer.content)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        for index, item in enumerate(landed.objects):
            base, select = folders.line_base(index), partial(self._select, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                rows = []
                for line, *texts in zip(batch.lines, *batch.columns.values(), strict=True):
                    told = dict(zip(batch.columns, texts, strict=True))
                    place = {"source": self.name, "landing_id": landed.landing_id, "landing_line": line + base}
                    rows.append(place | self._revenue(told, item.name, line))
                yield "revenue", pa.Table.from_pylist(rows, schema=schema("revenue"))

    def _answer(self, unit: str, retry: http.RetryPolicy) -> http.Answer:
        with http.Client(
            self.config.base_url,
            {"Authorization": f"Bearer {http.credential(self.config.api_key_env, self.name)}"},
            source=self.name,
            variable=self.config.api_key_env,
            retry=retry,
            pace=self._pace,
        ) as client:
            return client.read("invoices.csv", [("day", unit)], accept="text/csv")

    def _select(self, file: str, header: Sequence[str]) -> Mapping[str, str]:
        if missing := sorted(set(_COLUMNS.values()) - set(header)):
            raise SourceChangedShape(f"no column {missing[0]}", source=self.name, file=file)
        return _COLUMNS

    def _revenue(self, told: Mapping[str, str | None], file: str, line: int) -> dict[str, Any]:
        """A line of the lake. Raises ``SourceRejected`` naming what cannot be read."""
        try:
            texts = {name: text or "" for name, text in told.items()}
            amount = money.amount(texts["amount_text"])
            period = {name: parse_day(texts[name]) for name in ("service_period_start", "service_period_end")}
        except ValueError as error:
            raise SourceRejected(str(error), source=self.name, file=file, line=line) from None
        return {**told, **period, "kind": "invoice", "amount": amount.rounded, "amount_text": amount.text}
