"""Matching: stages of seven passes, groups, turns and the flow of quantity and money (R8 to R16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial

from reconcilers.sample_company.truth.bill import AFTER_MATCHING, DISPUTE, MATCHING, Bill, BillCell
from reconcilers.sample_company.truth.carve import carve, cumulative, micros
from reconcilers.sample_company.truth.counts import CACHE_READ, CACHE_WRITE
from reconcilers.sample_company.truth.keys import ACCOUNT, KEY, NONE, PROJECT, Dims, Filler, scaled_quantity
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
#: R12: provider-reported before estimated; not cache-blind, then blind; each without, then with a flag.
TURNS = tuple(
    (estimated, blind, flag) for estimated in (False, True) for blind in (False, True) for flag in (False, True)
)
#: What a flow of another stage than the days' own is marked (R8, R9, R16).
TIMING, CACHE = "timing", "cache_semantics"
#: R9: how accounts compare within a pass, in turn; null meets any, after what is equal (reading 5).
_EQUAL, _BILL_UNKNOWN, _USAGE_UNKNOWN = range(3)

Group = tuple[object, ...]
TimeOf = Callable[[UsageCell], str | None]
Numbered = tuple[int, UsageCell]


@dataclass(frozen=True)
class Flow:
    """Money (nanos) that went from a bill cell to a usage cell, and the quantity it paid: in R14, micro-units expected."""

    cell: BillCell
    number: int
    mark: str | None
    money: int
    quantity: int


@dataclass
class Matched:
    """What matching decided about the usage cells: who paid whom, and who took part in R14."""

    flows: list[Flow] = field(default_factory=list)
    #: usage cell number -> bill cells it received quantity from (R10's limits)
    quantity_from: dict[int, list[BillCell]] = field(default_factory=lambda: defaultdict(list))
    #: usage cells that received money in R14, whose rest is a price break -> whether some came in its stage 4
    by_money: dict[int, bool] = field(default_factory=dict)


def match(filler: Filler, bill: Bill, usages: list[UsageCell]) -> Matched:
    """Run all stages, then settle what each bill cell has left and carve the corrections that waited (R11, R14, R15)."""
    cells = [cell for cell in bill.cells if cell.destination == MATCHING]
    for cell in cells:
        if (cell.quantity if cell.quantity is not None else cell.cost) <= 0:
            cell.rests[DISPUTE] = cell.cost
    open_cells = [cell for cell in cells if not cell.rests]
    by_quantity = [cell for cell in open_cells if cell.quantity is not None]
    by_money = [cell for cell in open_cells if cell.quantity is None]
    known = [(number, usage) for number, usage in enumerate(usages) if usage.dims.model is not None]

    matched = Matched()
    _four_stages(filler, by_quantity, known, matched)
    for cell in by_money:  # R14: quantity is money from here on
        cell.by_money, cell.quantity = True, micros(cell.cost)
    for _, usage in known:
        usage.expected_left = 0 if usage.price is None else int(usage.value(usage.left))
    _four_stages(filler, by_money, known, matched)

    for cell in open_cells:
        _settle(filler, cell, usages)
    _carve_corrections(bill, usages)
    return matched


# --- stages, passes, groups (R9, R16) --------------------------------------------------------------------------------


def _four_stages(filler: Filler, cells: list[BillCell], usages: list[Numbered], matched: Matched) -> None:
    """Days, the other days, months; then the cache, with the input of those who tell nothing of it."""
    _days_then_months(_Passes(filler, matched), cells, usages)
    blind = [(number, usage) for number, usage in usages if usage.cache_blind]
    for meter in (CACHE_READ, CACHE_WRITE):
        cached = [cell for cell in cells if cell.dims.meter == meter]
        _days_then_months(_Passes(filler, matched, billed_as=meter), cached, blind)


def _days_then_months(passes: _Passes, cells: list[BillCell], usages: list[Numbered]) -> None:
    days = [cell for cell in cells if not cell.is_month]
    passes.run(days, usages, lambda usage: usage.dims.time)
    for turn in range(2):
        passes.run(days, usages, partial(_other_day, turn), mark=TIMING)
    passes.run([cell for cell in cells if cell.is_month], usages, lambda usage: _month(usage.day))


def _other_day(turn: int, usage: UsageCell) -> str | None:
    return usage.other_days[turn].isoformat() if turn < len(usage.other_days) else None


def _month(day: date) -> str:
    return day.replace(day=1).isoformat()


@dataclass
class _Passes:
    """The seven passes; ``billed_as`` is the cached meter that input of the cache-blind stands for in stage 4."""

    filler: Filler
    matched: Matched
    billed_as: str | None = None

    def run(self, cells: list[BillCell], usages: list[Numbered], time_of: TimeOf, mark: str | None = None) -> None:
        timed = [(number, usage, time) for number, usage in usages if (time := time_of(usage)) is not None]
        # R16: in key order by the day that stands in; months keep the order of their days.
        by_day = mark == TIMING
        timed.sort(key=lambda one: one[1].order(one[2] if by_day else None))
        mark = CACHE if self.billed_as else mark
        for bill_depths, usage_depths in PASSES:
            known = min(min(bill_depths), min(usage_depths))
            bill_side = [cell for cell in cells if cell.dims.depth in bill_depths]
            usage_side = [one for one in timed if one[1].dims.depth in usage_depths]
            if not bill_side or not usage_side:
                continue
            for accounts in (_EQUAL, _BILL_UNKNOWN, _USAGE_UNKNOWN) if known > NONE else (_EQUAL,):
                for group in self._groups(bill_side, usage_side, known, accounts):
                    for turn in TURNS:
                        flow(group[0], [pair for pair in group[1] if pair[1].turn == turn], self.matched, mark)

    def _groups(
        self, cells: list[BillCell], usages: Iterable[tuple[int, UsageCell, str]], known: int, accounts: int
    ) -> Iterable[tuple[list[BillCell], list[Numbered]]]:
        """Cells that meet with equal values in all that both tell."""
        groups: dict[Group, tuple[list[BillCell], list[Numbered]]] = {}
        for cell in cells:
            if cell.left > 0 and (accounts != _BILL_UNKNOWN or cell.dims.billing_account_id is None):
                what = (cell.dims.model, cell.dims.meter, self._comparable(cell.dims.prices), cell.dims.time)
                groups.setdefault((_who(cell.dims, known, accounts), *what), ([], []))[0].append(cell)
        for number, usage, time in usages:
            dims = usage.dims
            if accounts == _USAGE_UNKNOWN and dims.billing_account_id is not None:
                continue
            what = (dims.model, self.billed_as or dims.meter, self._comparable(self.filler.told(dims)), time)
            group = groups.get((_who(dims, known, accounts), *what))
            if group is not None:
                group[1].append((number, usage))
        return groups.values()

    def _comparable(self, prices: tuple[str | None, ...]) -> tuple[str | None, ...]:
        """The price-setting dimensions that compare: all told, but for the TTL where input stands for cached input."""
        return prices[:-1] if self.billed_as else prices


def _who(dims: Dims, known: int, accounts: int) -> Group:
    """What both sides of a pass know of source, account, project and key."""
    place = (dims.billing_account_id, dims.sub_account_id, dims.api_key_id)[:known]
    return (dims.source, *(place if accounts == _EQUAL else place[1:]))


# --- flow in a group (R11, R14) --------------------------------------------------------------------------------------


def flow(bill_side: list[BillCell], usage_side: list[Numbered], matched: Matched, mark: str | None) -> None:
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
            _pay(cell, give, met, weights, matched, mark)
    for number, usage, take in met:
        if by_money:
            usage.expected_left -= take
            matched.by_money[number] = matched.by_money.get(number, False) or mark == CACHE
        else:
            usage.left -= take


def _money_weights(met: list[tuple[int, UsageCell, int]], by_money: bool) -> list[int]:
    """R11: m_j × contract price in whole micro-units, at least 1; m_j for all if any has no price, and in R14."""
    if by_money or any(usage.price is None for _, usage, _ in met):
        return [take for _, _, take in met]
    return [max(1, int(usage.value(take))) for _, usage, take in met]


def _pay(
    cell: BillCell,
    give: int,
    met: list[tuple[int, UsageCell, int]],
    weights: list[int],
    matched: Matched,
    mark: str | None,
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
        matched.flows.append(Flow(cell, number, mark, share, piece))
        if share:
            cell.given[number] = cell.given.get(number, 0) + share
            usage.received[(cell.statement.currency, cell.statement.billing_period_start, cell.charge_month)] += share
        if piece > 0 and not cell.by_money:
            cell.given_quantity[number] = cell.given_quantity.get(number, 0) + piece
            matched.quantity_from[number].append(cell)


# --- what is left (R7, R10, R11, R14, R15) ---------------------------------------------------------------------------


def rounding_limit(filler: Filler, cell: BillCell) -> Fraction:
    """R10, D6: half the published unit per line, in stored units; nothing for R14 or where no unit is declared."""
    unit: Decimal | None = filler.source(cell.dims.source).published_units.get(cell.dims.meter or "")
    if unit is None or cell.by_money or cell.quantity is None:
        return Fraction(0)
    return Fraction(scaled_quantity(cell.dims.meter, unit) * cell.line_count, 2)


def _settle(filler: Filler, cell: BillCell, usages: list[UsageCell]) -> None:
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
            correction.rests[DISPUTE] = line.effective
            continue
        pieces = carve(line.effective, sum(weights), weights)
        where = (line.statement.currency, line.statement.billing_period_start, line.charge_month)
        for number, share in zip(numbers, pieces, strict=False):
            usages[number].received[where] += share
        correction.rests = dict(zip(names, pieces[len(numbers) :], strict=True))
