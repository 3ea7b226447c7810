"""What a delivery changes of a unit that was known before, in rows and money, and when it is too short to be taken for the whole.

A provider restates what it told: a row more, a price corrected. An export that was cut short looks the same, only that it is much
shorter. So one that holds less is told; of a bill or an invoice, one that holds less than half of a unit of some size stands refused
until it comes whole or somebody readmits it, and what was known stays in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from reconcilers.errors import PeriodIncomplete
from reconcilers.ingest.normalise import Normalised
from reconcilers.money import plain

#: Rows of a unit below which losing half of them is told and not refused: a quiet day may have two, then one.
_FEW_ROWS = 10


@dataclass(frozen=True)
class Restatement:
    """A unit's rows and billed cost by currency, before and now."""

    rows_before: int
    rows: int
    billed_before: Mapping[str, Decimal]
    billed: Mapping[str, Decimal]

    @classmethod
    def between(cls, before: Normalised, now: Normalised) -> Restatement:
        return cls(sum(before.rows.values()), sum(now.rows.values()), _billed(before), _billed(now))

    @property
    def change(self) -> dict[str, Decimal]:
        """Currency → what is billed more than before; without those in which nothing changed."""
        currencies = sorted({*self.billed_before, *self.billed})
        found = {one: self.billed.get(one, Decimal(0)) - self.billed_before.get(one, Decimal(0)) for one in currencies}
        return {currency: amount for currency, amount in found.items() if amount}

    def refuse_if_cut_short(self, source: str, unit: str) -> None:
        """Raises ``PeriodIncomplete`` for a delivery that may be a part of the unit."""
        if self.rows_before >= _FEW_ROWS and 2 * self.rows < self.rows_before:
            raise PeriodIncomplete(
                f"{self._told()}: less than half, as an export that was cut short",
                source=source,
                period=unit,
                hint="what was known stays in force; if it is meant, `reconcile quarantine list` and `readmit` take it",
            )

    @property
    def warning(self) -> str | None:
        """What people are told of a delivery that holds less."""
        if not self.rows and self.rows_before:
            return "every row known before has vanished at the source"
        return self._told() if self.rows < self.rows_before else None

    def _told(self) -> str:
        """``holds 12 rows where 20 were known (billed 40 USD, before 100)``."""
        amounts = [
            f"{plain(self.billed.get(one, Decimal(0)))} {one}, before {plain(self.billed_before.get(one, Decimal(0)))}"
            for one in sorted({*self.billed_before, *self.billed})
        ]
        billed = f" (billed {'; '.join(amounts)})" if amounts else ""
        return f"holds {self.rows} rows where {self.rows_before} were known{billed}"


def _billed(read: Normalised) -> dict[str, Decimal]:
    return {currency: Decimal(cost) for currency, cost in read.billed_cost.items()}
