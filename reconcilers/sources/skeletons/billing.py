"""Skeleton's bill: one CSV a UTC day over HTTP.

Say here where the provider documents it, what a line of it is, when a day is final, and what corrects a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import Field

from reconcilers.sources import focus, folders, http, tabular
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull
    from reconcilers.periods import Period

#: FOCUS column → the bill's own column (https://focus.finops.org/focus-specification).
_COLUMNS = {
    "BilledCost": "cost",
    "EffectiveCost": "cost",
    "ListCost": "cost",  # a bill that tells no list cost
    "BillingCurrency": "currency",
    "BillingAccountId": "account",
    "BillingPeriodStart": "day",
    "ChargePeriodStart": "day",
    "ChargePeriodEnd": "day_end",
    "ChargeCategory": "category",
    "ServiceName": "service",
    "x_Model": "model",
    "x_Meter": "meter",
    "ConsumedQuantity": "quantity",
    "ConsumedUnit": "unit",
}


class SkeletonConfig(SourceConfig):
    """Where the bill is. ``token_env`` names the environment variable of the credential."""

    base_url: str = Field(exclude=True)
    token_env: str = Field(default="SKELETON_TOKEN", exclude=True)
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)


class Skeleton(Source):
    """Lines of the bill as charges."""

    kind = "skeleton"
    Config = SkeletonConfig
    config: SkeletonConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.config.token_env,)

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
            answer = client.read("bill.csv", [("day", unit)], accept="text/csv")
        pull.add("bill.csv", answer.url, answer.content)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            base, select = folders.line_base(index), partial(self._select, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                yield "charges", charges.table(batch.columns, batch.lines, file=item.name, line_base=base)

    def _select(self, file: str, header: Sequence[str]) -> Mapping[str, str]:
        return focus.select(header, renamed=_COLUMNS, source=self.name, file=file)
