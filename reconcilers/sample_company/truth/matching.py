"""Matching: four stages of seven passes, groups, turns and the flow of quantity and money (R8 to R16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.bill import AFTER_MATCHING, MATCHING, Bill, BillCell
from reconcilers.sample_company.truth.carve import carve, cumulative, micros
from reconcilers.sample_company.truth.keys import ACCOUNT, KEY, NONE, PROJECT, Filler, scaled_quantity
from reconcilers.sample_company.truth.usage import UsageCell

#: R9: depths of the bill cells and of the usage that meet in each pass. In the first four the usage knows at least as much.
PASSES: tuple[tuple[frozenset[int], frozenset[int]], ...] = (
    (frozenset({KEY}), frozenset({KEY})),
    (frozenset({PROJECT}), frozenset({KEY, PROJECT})),
    (frozenset({ACCOUNT}), frozenset({KEY, PROJECT, ACCOUNT})),
    (frozenset({NONE}), frozenset({KEY, PROJECT, ACCOUNT, NONE})),
    (frozenset({KEY}), frozenset({PROJECT})),
    (frozenset({KEY, PROJECT}), frozenset({ACCOUNT})),
    (frozenset({KEY, PROJECT, ACCOUNT}), frozenset({NONE})),
)
#: R12: provider-reported, the same near midnight, estimated, the same near midnight.
TURNS = ((False, False), (False, True), (True, False), (True, True))

Group = tuple[object, ...]
TimeOf = Callable[[UsageCell], str | None]


@dataclass
class Matched:
    """What matching decided about the usage cells: which bill cells paid them, and who took part in R14."""

    #: usage cell number -> bill cells it received quantity from (R10's limits)
    quantity_from: dict[int, list[BillCell]] = field(default_factory=lambda: defaultdict(list))
    #: usage cells that received money in R14; their rest is a price break
    by_money: set[int] = field(default_factory=set)


def match(facts: Facts, filler: Filler, bill: Bill, usages: list[UsageCell]) -> Matched:
    """Run all stages, then settle what each bill cell has left and carve the corrections that waited (R11, R14, R15)."""
    cells = [cell for cell in bill.cells if cell.destination == MATCHING]
    for cell in cells:
        if (cell.quantity if cell.quantity is not None else cell.cost) <= 0:
            cell.rests["refund_and_dispute"] = cell.cost
    open_cells = [cell for cell in cells if not cell.rests]
    by_quantity = [cell for cell in open_cells if cell.quantity is not None]
    by_money = [cell for cell in open_cells if cell.quantity is None]
    known = [(number, usage) for number, usage in enumerate(usages) if usage.dims.model is not None]

    matched = Matched()
    _three_stages(filler, by_quantity, known, matched)
    for cell in by_money:  # R14: quantity is money from here on
        cell.by_money, cell.quantity = True, micros(cell.cost)
    for _, usage in known:
        usage.expected_left = 0 if usage.price is None else int(usage.value(usage.left))
    _three_stages(filler, by_money, known, matched)

    for cell in open_cells:
        _settle(facts, filler, cell, usages)
    _carve_corrections(bill, usages)
    return matched


# --- stages, passes, groups (R9, R16) --------------------------------------------------------------------------------


def _three_stages(filler: Filler, cells: list[BillCell], usages: list[tuple[int, UsageCell]], matched: Matched) -> None:
    days = [cell for cell in cells if not cell.is_month]
    months = [cell for cell in cells if cell.is_month]
    near = [(number, usage) for number, usage in usages if usage.flag is not None]
    _passes(filler, days, usages, lambda usage: usage.dims.time, None, matched)
    _passes(filler, days, near, UsageCell.day_across_midnight, UsageCell.day_across_midnight, matched)
    _passes(filler, months, usages, lambda usage: usage.day.replace(day=1).isoformat(), None, matched)


def _passes(
    filler: Filler,
    cells: list[BillCell],
    usages: list[tuple[int, UsageCell]],
    time_of: TimeOf,
    order_time: TimeOf | None,
    matched: Matched,
) -> None:
    ordered = sorted(usages, key=lambda pair: pair[1].order(order_time(pair[1]) if order_time else None))
    for bill_depths, usage_depths in PASSES:
        groups: dict[Group, tuple[list[BillCell], list[tuple[int, UsageCell]]]] = {}
        shallowest = min(min(bill_depths), min(usage_depths))
        for cell in cells:
            if cell.dims.depth in bill_depths and cell.left > 0:
                who = _who(cell, shallowest)
                if who is not None:
                    what = (cell.dims.source, *who, cell.dims.model, cell.dims.meter, cell.dims.prices, cell.dims.time)
                    groups.setdefault(what, ([], []))[0].append(cell)
        for number, usage in ordered:
            if usage.dims.depth in usage_depths:
                dims = usage.dims
                rest = (dims.model, dims.meter, filler.told(dims), time_of(usage))
                for who in _who_may_be(usage, shallowest):
                    group = groups.get((dims.source, *who, *rest))
                    if group is not None:
                        group[1].append((number, usage))
                        break
        for bill_side, usage_side in groups.values():
            for turn in TURNS:
                flow(bill_side, [pair for pair in usage_side if pair[1].turn == turn], matched)


def _who(cell: BillCell, shallowest: int) -> tuple[str | None, ...] | None:
    """What a bill cell tells of the depth dimensions both sides of a pass know; ``None``: it meets nobody (Reading 5)."""
    dims = cell.dims
    if shallowest == ACCOUNT and dims.billing_account_id is None:
        return None
    return (dims.billing_account_id, dims.sub_account_id, dims.api_key_id)[:shallowest]


def _who_may_be(usage: UsageCell, shallowest: int) -> list[tuple[str | None, ...]]:
    """The groups a usage fits: an account the bill does not know is ignored (equal in all that *both* tell, R9)."""
    dims = usage.dims
    if shallowest == NONE:
        return [()]
    if shallowest == ACCOUNT:
        return [] if dims.billing_account_id is None else [(dims.billing_account_id,)]
    below = (dims.sub_account_id, dims.api_key_id)[: shallowest - 1]
    return [(dims.billing_account_id, *below), (None, *below)]


# --- flow in a group (R11, R14) --------------------------------------------------------------------------------------


def flow(bill_side: list[BillCell], usage_side: list[tuple[int, UsageCell]], matched: Matched) -> None:
    """R11: T of the scarcer side, carved over both; each bill cell's money carved over the usage it met."""
    by_money = bill_side[0].by_money
    offered = [cell.left for cell in bill_side]
    wanted = [usage.expected_left if by_money else usage.left for _, usage in usage_side]
    total = min(sum(offered), sum(wanted))
    if total == 0:
        return
    given = carve(total, sum(offered), offered)
    taken = carve(total, sum(wanted), wanted)
    met = [(number, usage, take) for (number, usage), take in zip(usage_side, taken, strict=True) if take > 0]
    weights = _money_weights(met, by_money)
    for cell, give in zip(bill_side, given, strict=True):
        if give > 0:
            _pay(cell, give, met, weights, matched)
    for number, usage, take in met:
        if by_money:
            usage.expected_left -= take
            matched.by_money.add(number)
        else:
            usage.left -= take


def _money_weights(met: list[tuple[int, UsageCell, int]], by_money: bool) -> list[int]:
    """R11: m_j × contract price in whole micro-units, at least 1; m_j for all if any has no price, and in R14."""
    if by_money or any(usage.price is None for _, usage, _ in met):
        return [take for _, _, take in met]
    return [max(1, int(usage.value(take))) for _, usage, take in met]


def _pay(
    cell: BillCell, give: int, met: list[tuple[int, UsageCell, int]], weights: list[int], matched: Matched
) -> None:
    quantity = cell.quantity
    assert quantity is not None, "a bill cell that pays has a quantity"
    assert cell.done + give <= quantity, "R11: a bill cell gives no more than it has"
    money = cumulative(cell.cost, quantity, cell.done + give) - cumulative(cell.cost, quantity, cell.done)
    cell.done += give
    takes = [take for _, _, take in met]
    pieces = carve(give, sum(takes), takes)
    shares = carve(money, sum(weights), weights)
    for (number, usage, _), piece, share in zip(met, pieces, shares, strict=True):
        _receive(cell, number, usage, share)
        if piece > 0 and not cell.by_money:
            cell.given_quantity[number] = cell.given_quantity.get(number, 0) + piece
            matched.quantity_from[number].append(cell)


def _receive(cell: BillCell, number: int, usage: UsageCell, share: int) -> None:
    if share:
        cell.given[number] = cell.given.get(number, 0) + share
        usage.received[(cell.statement.currency, cell.statement.billing_period_start, cell.charge_month)] += share


# --- what is left (R7, R10, R11, R14, R15) ---------------------------------------------------------------------------


def rounding_limit(filler: Filler, cell: BillCell) -> Fraction:
    """R10, D6: half the published unit per line, in stored units; nothing for R14 or where no unit is declared."""
    unit: Decimal | None = filler.source(cell.dims.source).published_units.get(cell.dims.meter or "")
    if unit is None or cell.by_money or cell.quantity is None:
        return Fraction(0)
    return Fraction(scaled_quantity(cell.dims.meter, unit) * cell.line_count, 2)


def _settle(facts: Facts, filler: Filler, cell: BillCell, usages: list[UsageCell]) -> None:
    """The rest of a bill cell after the last stage, by R11's order of destinations."""
    quantity = cell.quantity or 0
    paid = cumulative(cell.cost, quantity, cell.done) if quantity else 0
    rest = cell.cost - paid
    if cell.by_money:
        name = "non_production" if filler.is_mapped_non_production(cell.dims) else "unexplained"
        cell.rests = {name: rest} if rest else {}
        return
    if filler.is_mapped_non_production(cell.dims):
        cell.rests = {"non_production": rest}
    elif cell.done > 0 and cell.left <= rounding_limit(filler, cell):
        cell.rests = {"rounding": rest}
    else:
        missing = sum(_missed(piece, usages[number].probability) for number, piece in cell.given_quantity.items())
        reached = cumulative(cell.cost, quantity, cell.done + min(cell.left, missing))
        cell.rests = {"sampled_out": reached - paid, "no_telemetry": cell.cost - reached}
    cell.rests = {name: amount for name, amount in cell.rests.items() if amount}


def _missed(given: int, probability: int | None) -> int:
    """R11, D9: what sampling left out beside a given quantity: ⌊quantity × (1 − p) / p⌋."""
    return 0 if probability is None else max(0, given * (10**6 - probability) // probability)


def _carve_corrections(bill: Bill, usages: list[UsageCell]) -> None:
    """R15: over what the original's cell gave, usage cells in key order, then destinations in R5 order."""
    for correction in bill.corrections:
        cell, line = correction.original, correction.line
        numbers = sorted(cell.given)
        names = [name for name in AFTER_MATCHING if name in cell.rests]
        weights = [micros(cell.given[number]) for number in numbers] + [micros(cell.rests[name]) for name in names]
        if sum(weights) == 0:
            correction.rests["refund_and_dispute"] = line.effective
            continue
        pieces = carve(line.effective, sum(weights), weights)
        where = (line.statement.currency, line.statement.billing_period_start, line.charge_month)
        for number, share in zip(numbers, pieces, strict=False):
            usages[number].received[where] += share
        correction.rests = dict(zip(names, pieces[len(numbers) :], strict=True))
