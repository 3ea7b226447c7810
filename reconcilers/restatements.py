"""What a delivery changes of a unit that was known before, in rows and money, and when it is too short to be taken for the whole.

A provider restates what it told: a row more, a price corrected. An export that was cut short looks the same, only that it is much
shorter and bills less. So a delivery that holds fewer rows is told; a bill that has less than half of its rows and bills less stands
refused until it comes whole or somebody readmits it, and what was known stays in force. One that bills as much by fewer rows (by day
instead of by hour, without keys) is not cut short.
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
        """Raises ``PeriodIncomplete`` for a bill that may be a part of the unit. What it says is the same however the part grows."""
        bills_less = any(more < 0 for more in self.change.values()) or not self.billed_before
        if self.rows_before >= _FEW_ROWS and 2 * self.rows < self.rows_before and bills_less:
            billed = _amounts(self.billed_before)
            raise PeriodIncomplete(
                f"holds less than half of the {self.rows_before} rows that were known{billed and f' and bills less than {billed}'}, as an "
                "export that was cut short does",
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
        """``holds 12 rows where 20 were known (billed 40 USD, before 100 USD)``."""
        now, before = _amounts(self.billed), _amounts(self.billed_before)
        billed = f" (billed {now or 'nothing'}, before {before or 'nothing'})" if now or before else ""
        return f"holds {self.rows} rows where {self.rows_before} were known{billed}"


def _billed(read: Normalised) -> dict[str, Decimal]:
    return {currency: Decimal(cost) for currency, cost in read.billed_cost.items()}


def _amounts(billed: Mapping[str, Decimal]) -> str:
    return " and ".join(f"{plain(cost)} {currency}" for currency, cost in sorted(billed.items()))
