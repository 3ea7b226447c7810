"""Skeleton's bill: one CSV a UTC day over HTTP.

Say here where the provider documents it, what a line of it is, when a day is final, and what corrects a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
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
    """Where the bill is."""

    base_url: str = Field(exclude=True, examples=["https://skeleton.invalid"])
    """Where the API is."""
    api_key_env: str = Field(default="SKELETON_API_KEY", exclude=True)
    """The environment variable that holds the credential."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class Skeleton(Source):
    """Lines of the bill as charges."""

    kind = "skeleton"
    Config = SkeletonConfig
    begins = MappingProxyType({"": "base_url: https://skeleton.invalid\n"})
    providers = ("skeleton",)
    config: SkeletonConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._pace = http.Pace()

    @property
    def tells_list_cost(self) -> bool:
        return False

    def units(self, period: Period) -> Iterator[str]:
        """Every UTC day: ``2026-10-01``."""
        return (day.isoformat() for day in period.days())

    def probe(self, period: Period) -> int:
        """Asks for the first day, once."""
        self._answer(f"{period.start}", http.ONE_TRY)
        return len(list(period.days()))

    def fetch(self, unit: str, pull: Pull) -> None:
        answer = self._answer(unit, self.config.retry)
        pull.add("bill.csv", answer.url, answer.content)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            base, select = folders.line_base(index), partial(self._select, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                yield "charges", charges.table(batch.columns, batch.lines, file=item.name, line_base=base)

    def _answer(self, unit: str, retry: http.RetryPolicy) -> http.Answer:
        with http.Client(
            self.config.base_url,
            {"Authorization": f"Bearer {http.credential(self.config.api_key_env, self.name)}"},
            source=self.name,
            variable=self.config.api_key_env,
            retry=retry,
            pace=self._pace,
        ) as client:
            return client.read("bill.csv", [("day", unit)], accept="text/csv")

    def _select(self, file: str, header: Sequence[str]) -> Mapping[str, str]:
        return focus.select(header, renamed=_COLUMNS, source=self.name, file=file)
