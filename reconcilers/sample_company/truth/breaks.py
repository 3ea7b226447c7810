"""Differences that are no money, or money finance must look at: one break per kind, key and day (R13, R14, R18, R19)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.bill import Bill
from reconcilers.sample_company.truth.books import is_final
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.keys import Dims, Filler, key_order, to_quantity
from reconcilers.sample_company.truth.matching import Matched, rounding_limit
from reconcilers.sample_company.truth.usage import UsageCell


@dataclass(frozen=True)
class Break:
    """One break. ``key`` names its dimensions; ``quantity`` is in the meter's own unit, ``amount`` in the reporting
    currency; ``None`` = not known or not meaningful. ``telemetry_without_charge`` and ``price`` are positive where
    telemetry expects more than is billed.
    """

    kind: str
    source: str
    key: dict[str, str | None]
    charge_day: date
    quantity: Decimal | None = None
    amount: Decimal | None = None

    @property
    def identity(self) -> tuple[str, str, str, date]:
        """What is unique: kind, source, key and day (R19)."""
        return (self.kind, self.source, repr(sorted(self.key.items())), self.charge_day)


def find_breaks(facts: Facts, filler: Filler, bill: Bill, usages: list[UsageCell], matched: Matched) -> list[Break]:
    """All breaks, ordered by kind, source, key and day."""
    found = _of_usage(facts, filler, usages, matched) + _of_bill(bill) + _of_environments(facts)
    assert len({one.identity for one in found}) == len(found), "R19: one break per kind, key and day"
    return sorted(found, key=lambda one: one.identity)


def _of_usage(facts: Facts, filler: Filler, usages: list[UsageCell], matched: Matched) -> list[Break]:
    by_key: dict[Dims, list[int]] = defaultdict(list)
    for number, usage in enumerate(usages):
        by_key[usage.dims].append(number)
    found: list[Break] = []
    for dims, numbers in sorted(by_key.items(), key=lambda item: key_order(item[0])):
        cells = [usages[number] for number in numbers]
        day, key = cells[0].day, dims._asdict()
        source, meter = key.pop("source"), dims.meter
        del key["time"]
        if cells[0].price is None:
            quantity = to_quantity(meter, sum(cell.quantity for cell in cells))
            found.append(Break("unpriced", source, key, day, quantity))
        if not is_final(facts, filler, source, day):  # D7: the accrual covers it
            continue
        left = sum(usages[number].left for number in numbers if number not in matched.by_money)
        if left > _limit(filler, numbers, matched):
            amount = None if cells[0].price is None else to_money(cells[0].value_in_nanos(left))
            found.append(Break("telemetry_without_charge", source, key, day, to_quantity(meter, left), amount))
        expected = sum(usages[number].expected_left for number in numbers if number in matched.by_money)
        if expected:
            found.append(Break("price", source, key, day, amount=to_money(expected * 1000)))
    return found


def _limit(filler: Filler, numbers: list[int], matched: Matched) -> Fraction:
    """R10: the sum of the limits over the bill cells the key and day received from, each counted once."""
    cells = {id(cell): cell for number in numbers for cell in matched.quantity_from.get(number, [])}
    return sum((rounding_limit(filler, cell) for cell in cells.values()), Fraction(0))


def _of_bill(bill: Bill) -> list[Break]:
    unmapped: dict[tuple[str, str | None, str | None, str | None, date], int] = defaultdict(int)
    for line in bill.lines:
        if line.destination == "unmapped":
            charge = line.charge
            what = charge.sku_meter if charge.sku_meter is not None else charge.key.model
            day = charge.charge_period_start.date()
            unmapped[(charge.source, charge.service_name, what, charge.key.meter, day)] += line.effective
    found = []
    for (source, service, what, meter, day), amount in unmapped.items():
        key = {"service_name": service, "sku_meter_or_model": what, "meter": meter}
        found.append(Break("unmapped", source, key, day, amount=to_money(amount)))
    periods = {(charge.source, charge.billing_currency, charge.billing_period_start) for charge in bill.no_rate}
    for source, currency, start in periods:
        key = {"currency": currency, "billing_period_start": start.isoformat()}
        found.append(Break("no_rate", source, key, start))
    return found


def _of_environments(facts: Facts) -> list[Break]:
    """R7: an environment nobody declared, or none at all, per billing source and day."""
    unknown = {
        (call.source, call.environment, call.ended_at.date())
        for call in facts.calls
        if call.environment not in facts.environments
    }
    return [Break("unknown_environment", source, {"environment": name}, day) for source, name, day in unknown]
