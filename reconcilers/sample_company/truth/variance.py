"""Billed less expected at contract price, per key and day, as the sum of its components (R19)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from reconcilers.sample_company.seen.facts import PRICE_DIMENSIONS, Facts
from reconcilers.sample_company.truth.bill import DISPUTE, MATCHING, Bill, BillCell
from reconcilers.sample_company.truth.books import is_final
from reconcilers.sample_company.truth.carve import NANOS_PER_MICRO, half_away
from reconcilers.sample_company.truth.keys import DayKey, DayKeys, Filler, Prices
from reconcilers.sample_company.truth.matching import CACHE, Flow, Matched, rounding_limit
from reconcilers.sample_company.truth.usage import UsageCell

#: R19, in its order. What no figure of the facts can move is always 0.
COMPONENTS = (
    "duplicate",
    "missing_telemetry",
    "missing_charge",
    "timing",
    "quantity",
    "cache_semantics",
    "tier",
    "price",
    "aborted_stream",
    "fx",
    "tax",
    "credit",
    "fees",
    "unpriced",
    "rounding",
    "unexplained",
)
#: What the rest of a bill cell is a component of (reading 23).
_OF_REST = {
    "no_telemetry": "missing_telemetry",
    "sampled_out": "quantity",
    "non_production": "quantity",
    "unexplained": "unexplained",
    "rounding": "rounding",
    DISPUTE: "credit",
}


#: What money that no telemetry could meet is a component of, where its line names a model and a meter all the same.
_OF_LINE = {
    "tax": "tax",
    "support_and_fees": "fees",
    "credit": "credit",
    "commitment_idle": "fees",
    "platform_usage": "unexplained",
}


@dataclass
class Variance:
    """One key and day, in nanos. ``cache_left`` is what R14's stage 4 left of expected cost, as a positive amount."""

    is_billed: bool = False
    billed: int = 0
    expected: int = 0
    parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COMPONENTS, 0))
    cache_left: int = 0

    @property
    def largest(self) -> str:
        """The class of a break (R19): the largest component, ties in order."""
        return max(COMPONENTS, key=lambda name: (abs(self.parts[name]), -COMPONENTS.index(name)))


def find_variances(
    facts: Facts, filler: Filler, prices: Prices, bill: Bill, usages: list[UsageCell], matched: Matched, keys: DayKeys
) -> dict[DayKey, Variance]:
    """Every key and day that is billed or expected; asserts that the components add up, but for what rounding each moves."""
    found: dict[DayKey, Variance] = defaultdict(Variance)
    for cell in bill.cells:
        if cell.destination == MATCHING:
            one = found[keys.of(cell.dims, cell.is_month)]
            one.is_billed = True
            one.billed += cell.cost
            for name, amount in cell.rests.items():
                one.parts[_OF_REST[name]] += amount
        elif cell.dims.model and cell.dims.meter and (component := _OF_LINE.get(cell.destination)):
            one = found[keys.of(cell.dims, cell.is_month)]
            one.billed += cell.cost
            one.parts[component] += cell.cost
    for correction in bill.corrections:
        one = found[keys.of(correction.original.dims, correction.original.is_month)]
        one.billed += correction.line.effective
        one.parts["credit"] += correction.line.effective
    for usage in usages:
        found[keys.of(usage.dims)].expected += 0 if usage.price is None else usage.value_in_nanos(usage.quantity)
    for flow in matched.flows:
        _add_flow(found, prices, keys, flow, usages[flow.number])
    _add_left(facts, filler, bill, usages, matched, keys, found)
    slack = NANOS_PER_MICRO * (len(usages) + 1) + len(matched.flows)
    for one in found.values():
        difference = one.billed - one.expected - sum(one.parts.values())
        assert abs(difference) <= slack, f"R19: components miss the variance by {difference} nanos"
        one.parts["rounding"] += difference
    return found


def _add_flow(found: dict[DayKey, Variance], prices: Prices, keys: DayKeys, flow: Flow, usage: UsageCell) -> None:
    billed, used = keys.of(flow.cell.dims, flow.cell.is_month), keys.of(usage.dims)
    if flow.mark == CACHE:
        found[billed].parts["cache_semantics"] += flow.money
        found[used].parts["cache_semantics"] -= _expected(flow, usage)
        return
    if billed != used:
        found[billed].parts["timing"] += flow.money
        found[used].parts["timing"] -= flow.money
    if usage.price is None:
        found[used].parts["unpriced"] += flow.money
        return
    own = _own_cost(flow, flow.cell.adjusted + (0 if prices.contains_reductions(usage.dims) else flow.cell.reduced))
    found[used].parts["credit"] += flow.money - own
    found[used].parts["price"] += own - _expected(flow, usage)


def _expected(flow: Flow, usage: UsageCell) -> int:
    if flow.cell.by_money:
        return flow.quantity * NANOS_PER_MICRO
    return 0 if usage.price is None else usage.value_in_nanos(flow.quantity)


def _own_cost(flow: Flow, changed: int) -> int:
    """What the flow would have cost but for reductions and corrections of its bill cell (R19)."""
    cell = flow.cell
    if not changed:
        return flow.money
    if cell.cost:
        return half_away(Fraction(flow.money * (cell.cost - changed), cell.cost))
    return half_away(Fraction(-changed * flow.quantity, cell.quantity or 1))


# --- what usage has left ---------------------------------------------------------------------------------------------


def usage_by_key(usages: list[UsageCell]) -> dict[tuple[str | None, ...], list[int]]:
    """Numbers of the usage cells of one usage key and day, in key order."""
    found: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for number, usage in enumerate(usages):
        found[usage.dims].append(number)
    return found


def limit(filler: Filler, numbers: Iterable[int], matched: Matched) -> Fraction:
    """R10: the sum of the limits over the bill cells a key and day received from, each counted once."""
    cells = {id(cell): cell for number in numbers for cell in matched.quantity_from.get(number, [])}
    return sum((rounding_limit(filler, cell) for cell in cells.values()), Fraction(0))


def beyond_ratio(facts: Facts, filler: Filler, usages: list[UsageCell], matched: Matched) -> set[int]:
    """R13: numbers of the usage of keys and days that exceed the bill by more than the policy ratio of it; it is provisional."""
    found: set[int] = set()
    for numbers in usage_by_key(usages).values():
        first, cells = usages[numbers[0]], [usages[number] for number in numbers if number not in matched.by_money]
        left = sum(cell.left for cell in cells)
        billed = sum(cell.quantity for cell in cells) - left
        is_break = is_final(facts, filler, first.dims.source, first.day) and left > limit(filler, numbers, matched)
        if is_break and left > Fraction(facts.policy_ratio) * billed:
            found.update(numbers)
    return found


def _add_left(
    facts: Facts,
    filler: Filler,
    bill: Bill,
    usages: list[UsageCell],
    matched: Matched,
    keys: DayKeys,
    found: dict[DayKey, Variance],
) -> None:
    unmet = [cell for cell in bill.cells if cell.rests.get("no_telemetry")]
    # What is left is worth the rest of the expected cost, so that no rounding of a value in two parts is a difference.
    paid: dict[int, int] = defaultdict(int)
    for flow in matched.flows:
        paid[flow.number] += _expected(flow, usages[flow.number])
    for numbers in usage_by_key(usages).values():
        one = found[keys.of(usages[numbers[0]].dims)]
        for number in numbers:
            if number in matched.by_money:
                rest = usages[number].expected_left * NANOS_PER_MICRO
                if matched.by_money[number]:
                    one.parts["cache_semantics"] -= rest
                    one.cache_left += rest
                else:
                    one.parts["price"] -= rest
        by_quantity = [number for number in numbers if number not in matched.by_money]
        small = sum(usages[number].left for number in by_quantity) <= limit(filler, numbers, matched)
        for number in by_quantity:
            cell = usages[number]
            if cell.left and cell.price is not None:
                name = _class_of_left(facts, filler, cell, one.is_billed, small, unmet)
                one.parts[name] -= cell.value_in_nanos(cell.quantity) - paid[number]


def _class_of_left(
    facts: Facts, filler: Filler, usage: UsageCell, is_billed: bool, small: bool, unmet: list[BillCell]
) -> str:
    """Reading 23: why a usage has something left."""
    if not is_final(facts, filler, usage.dims.source, usage.day):
        return "timing"
    if small:
        return "rounding"
    if usage.estimated:
        return "aborted_stream"
    if any(_is_of_another_tier(filler, cell, usage) for cell in unmet):
        return "tier"
    return "quantity" if is_billed else "missing_charge"


def _is_of_another_tier(filler: Filler, cell: BillCell, usage: UsageCell) -> bool:
    """R8: the bill tells another value of a price-setting dimension than the one assumed of the usage."""
    mine, its = usage.dims, cell.dims
    if (mine.source, mine.model, mine.meter, mine.time) != (its.source, its.model, its.meter, its.time):
        return False
    told = zip(PRICE_DIMENSIONS, filler.told(mine), its.prices, strict=True)
    differing = {name for name, one, other in told if one != other}
    return bool(differing) and differing <= usage.assumed
