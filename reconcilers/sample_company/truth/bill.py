"""The bill's side: each charge to its place (R5), bill cells (R8), reductions (R6), corrections (R15), billed quantity (R10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from reconcilers.sample_company.seen.facts import Charge, ChargeRule, Facts, Key
from reconcilers.sample_company.truth.carve import NANOS, carve, half_away, micros, to_nanos
from reconcilers.sample_company.truth.keys import Dims, Filler, SortKey, key_order, scaled_quantity, text_order

DISPUTE = "refund_and_dispute"
#: R5 in its order; ``matching`` stands where R8 to R16 take over, ``event`` onwards are what matching ends in.
BEFORE_MATCHING = (
    "out_of_scope",
    "tax",
    "support_and_fees",
    "credit",
    "commitment_idle",
    "commitment_shortfall",
    "platform_usage",
    "unmapped",
    "prior_period",
)
AFTER_MATCHING = (
    "event",
    "untagged",
    "non_production",
    "sampled_out",
    "no_telemetry",
    "unexplained",
    DISPUTE,
    "rounding",
)
MATCHING = "matching"
PRICE_REDUCTION = "price_reduction"
DESTINATIONS = BEFORE_MATCHING + AFTER_MATCHING
CellOrder = tuple[SortKey, tuple[bool, bytes], date, date, bool, bool, int]
#: R5: decimals of the source text that count; what is beyond is cut.
_TEXT_DECIMALS = 27
#: R15: what a linked line takes from its original where it does not tell it.
_TAKEN = ("billing_account_id", "sub_account_id", "api_key_id", "model", "meter")
_CELL_ORDER = {name: rank for rank, name in enumerate((*BEFORE_MATCHING, MATCHING))}


class Statement(NamedTuple):
    """What a waterfall closes on (R5)."""

    source: str
    billing_period_start: date
    currency: str


@dataclass(frozen=True)
class Line:
    """A charge converted once (R3), its keys filled (R8) and its place in R5 decided. Money in nanos."""

    charge: Charge
    billed: int
    effective: int
    dims: Dims
    is_month: bool
    quantity: int | None
    destination: str

    @property
    def statement(self) -> Statement:
        return Statement(self.charge.source, self.charge.billing_period_start, self.charge.billing_currency)

    @property
    def charge_month(self) -> date:
        return self.charge.charge_period_start.date().replace(day=1)

    @property
    def only_adjusts(self) -> bool:
        """R15, D5: money that meets telemetry only through the line it adjusts."""
        return self.destination == MATCHING and changes_no_quantity(self.effective, self.quantity)


@dataclass
class BillCell:
    """R8: the lines of one currency, billing period and charge month, equal in depth and every dimension they tell.

    ``cost`` is B and ``quantity`` Q, null while unknown; of B, ``reduced`` came from R6 and ``adjusted`` from R15.
    ``by_money`` marks a cell of R14, whose Q is money. ``given`` holds what each usage cell (by its number) received from
    it, ``rests`` what went to destinations instead, in nanos.
    """

    statement: Statement
    charge_month: date
    dims: Dims
    is_month: bool
    has_own_quantity: bool
    destination: str
    cost: int = 0
    reduced: int = 0
    adjusted: int = 0
    quantity: int | None = None
    line_count: int = 0
    by_money: bool = False
    done: int = 0
    given: dict[int, int] = field(default_factory=dict)
    given_quantity: dict[int, int] = field(default_factory=dict)
    rests: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Quantity not given yet; nothing for a cell that meets no telemetry."""
        return (self.quantity or 0) - self.done

    @property
    def order(self) -> CellOrder:
        """Key order with its ties (R8); then days before months and destinations in R5 order (Reading 3)."""
        _, billing_period, currency = self.statement
        ties = (billing_period, self.charge_month, not self.has_own_quantity, self.is_month)
        return (key_order(self.dims), text_order(currency), *ties, _CELL_ORDER[self.destination])


@dataclass
class CrossPeriodCorrection:
    """R15: money whose original lies in another billing period (or currency): carved over what that cell gave."""

    line: Line
    original: BillCell
    #: nanos that reached destinations instead of usage cells
    rests: dict[str, int] = field(default_factory=dict)


@dataclass
class Bill:
    """All bill cells in key order, corrections that wait for them, and money already at its destination (R5)."""

    lines: list[Line]
    no_rate: list[Charge]
    cells: list[BillCell]
    corrections: list[CrossPeriodCorrection]
    #: A price reduction without target: ``credit`` (R6). A correction without original: ``refund_and_dispute`` (R15).
    #: With each, whether it reached matching (R4).
    loose: list[tuple[Line, str, bool]]


def read_bill(facts: Facts, filler: Filler) -> Bill:
    """Everything the bill says, as cells ready for matching."""
    lines, no_rate = _convert(facts, filler)
    cells: dict[tuple[object, ...], BillCell] = {}
    cell_of_line: dict[int, BillCell] = {}
    lost = []
    for number, line in enumerate(lines):
        if line.destination == DISPUTE:
            lost.append((line, DISPUTE, False))
        elif line.destination != PRICE_REDUCTION and not line.only_adjusts:
            cell_of_line[number] = _add_to_cell(cells, line)
    bill = Bill(lines, no_rate, sorted(cells.values(), key=lambda cell: cell.order), [], lost)
    _fold_reductions(bill, cell_of_line)
    _apply_corrections(bill, cells, cell_of_line)
    _take_reported_quantity(facts, filler, bill.cells)
    return bill


# --- charges to lines (R3, R5) ---------------------------------------------------------------------------------------


def rate_of(facts: Facts, currency: str, billing_period_start: date) -> Decimal | None:
    """The locked rate of a billing period to the reporting currency, itself always 1 (R3)."""
    if currency == facts.reporting_currency:
        return Decimal(1)
    return facts.exchange_rates.get((currency, billing_period_start))


def as_written(amount: Decimal) -> Fraction:
    """An amount of the source text, exactly, but for what is beyond 27 decimals (R5)."""
    scaled = Fraction(amount) * 10**_TEXT_DECIMALS
    whole = abs(scaled.numerator) // scaled.denominator
    return Fraction(-whole if scaled < 0 else whole, 10**_TEXT_DECIMALS)


def convert(amount: Fraction, rate: Decimal) -> int:
    """Amount × rate in nanos, rounded once, half away from zero (R3)."""
    return half_away(amount * Fraction(rate) * NANOS)


def changes_no_quantity(effective: int, quantity: int | None) -> bool:
    """R15: money with zero quantity, or negative money without quantity."""
    return effective < 0 if quantity is None else quantity == 0 and effective != 0


class Links:
    """Which line a line adjusts, and what it takes from it (R15)."""

    def __init__(self, charges: Iterable[Charge]) -> None:
        self._by_id = {(charge.source, charge.line_id): charge for charge in charges}

    def original(self, charge: Charge) -> Charge | None:
        """The first link that names a line of the source; ``None``: nobody knows it."""
        known = (self._by_id.get((charge.source, line_id)) for line_id in charge.linked_line_ids)
        return next((one for one in known if one is not None and one is not charge), None)

    def key(self, charge: Charge) -> Key:
        """The charge's key, completed from its original through chains of links."""
        key, seen = charge.key, {charge.line_id}
        original = self.original(charge)
        while original is not None and original.line_id not in seen:
            seen.add(original.line_id)
            missing = {name: getattr(original.key, name) for name in _TAKEN if getattr(key, name) is None}
            key = replace(key, **missing)
            original = self.original(original)
        return key


def _convert(facts: Facts, filler: Filler) -> tuple[list[Line], list[Charge]]:
    lines, no_rate = [], []
    links = Links(facts.charges)
    for charge in facts.charges:
        rate = rate_of(facts, charge.billing_currency, charge.billing_period_start)
        if rate is None:
            no_rate.append(charge)
            continue
        is_month = not _within_one_day(charge)
        start = charge.charge_period_start.date()
        time = start.replace(day=1) if is_month else start
        key = links.key(charge)
        quantity = None if charge.quantity is None else scaled_quantity(key.meter, charge.quantity)
        effective = convert(as_written(charge.effective_cost), rate)
        destination = destination_of(charge, key, facts.charge_rules)
        is_lost = charge.linked_line_ids and links.original(charge) is None and changes_no_quantity(effective, quantity)
        if is_lost and destination in ("unmapped", MATCHING):
            destination = DISPUTE
        line = Line(
            charge=charge,
            billed=convert(as_written(charge.billed_cost), rate),
            effective=effective,
            dims=filler.dims(charge.source, key, key.meter, time.isoformat(), told_only=True),
            is_month=is_month,
            quantity=quantity,
            destination=destination,
        )
        lines.append(line)
    return lines, no_rate


def _within_one_day(charge: Charge) -> bool:
    """R8: half-open, so a line that ends at the next midnight lies within its day."""
    start, end = charge.charge_period_start, charge.charge_period_end
    return end <= start or (end - timedelta(microseconds=1)).date() == start.date()


def destination_of(charge: Charge, key: Key, rules: Iterable[ChargeRule]) -> str:
    """R5 and D1: the first destination that applies, ``matching`` for what meets telemetry; ``key`` is completed by R15."""
    fitting = [rule for rule in rules if rule_fits(rule, charge)]
    ruled = min(fitting, key=lambda rule: (rule.priority, rule.destination)).destination if fitting else None
    if ruled == "out_of_scope":
        return ruled
    if charge.charge_category == "Tax":
        return "tax"
    if charge.charge_category == "Purchase" or ruled == "support_and_fees":
        return "support_and_fees"
    if charge.reduction == "price":
        return PRICE_REDUCTION
    if charge.charge_category == "Credit" or charge.reduction == "promotional":
        return "credit"
    if charge.commitment_discount_status == "Unused":
        return "commitment_idle"
    if ruled is not None:
        return ruled
    return "unmapped" if key.model is None or key.meter is None else MATCHING


def rule_fits(rule: ChargeRule, charge: Charge) -> bool:
    """Every column the rule tells equals what the charge tells; a tag key alone asks only for the tag."""
    asked = (
        (rule.source, charge.source),
        (rule.service_name, charge.service_name),
        (rule.billing_account_id, charge.key.billing_account_id),
        (rule.sub_account_id, charge.key.sub_account_id),
        (rule.sku_meter, charge.sku_meter),
        (rule.model, charge.key.model),
        (rule.charge_category, charge.charge_category),
    )
    if any(want is not None and want != told for want, told in asked):
        return False
    if rule.tag_key is None:
        return True
    tag = charge.tags.get(rule.tag_key)
    return tag is not None and rule.tag_value in (None, tag)


# --- lines to cells (R8), reductions (R6), corrections (R15) ---------------------------------------------------------


def _identity(line: Line, has_own_quantity: bool) -> tuple[object, ...]:
    return (line.statement, line.charge_month, line.dims, line.is_month, has_own_quantity, line.destination)


def _add_to_cell(cells: dict[tuple[object, ...], BillCell], line: Line) -> BillCell:
    own = line.quantity is not None
    identity = _identity(line, own)
    cell = cells.get(identity)
    if cell is None:
        cell = BillCell(line.statement, line.charge_month, line.dims, line.is_month, own, line.destination)
        cell.quantity = 0 if own else None
        cells[identity] = cell
    cell.cost += line.effective
    cell.line_count += 1
    if line.quantity is not None and cell.quantity is not None:
        cell.quantity += line.quantity
    return cell


def _fold_reductions(bill: Bill, cell_of_line: dict[int, BillCell]) -> None:
    """R6: price reductions fold into what they reduce, by list cost; without a target they are credits."""
    statements: dict[Statement, list[int]] = defaultdict(list)
    for number in cell_of_line:
        statements[bill.lines[number].statement].append(number)
    for line in bill.lines:
        if line.destination != PRICE_REDUCTION:
            continue
        candidates = statements[line.statement]
        targets = [number for number in candidates if _is_reduced_by(bill.lines[number].charge, line.charge)]
        list_cost: dict[int, int] = defaultdict(int)
        cells: dict[int, BillCell] = {}
        for number in targets:
            cell = cell_of_line[number]
            cells[id(cell)] = cell
            list_cost[id(cell)] += to_nanos(bill.lines[number].charge.list_cost or Decimal(0))
        ordered = sorted(cells.values(), key=lambda cell: cell.order)
        weights = [micros(list_cost[id(cell)]) for cell in ordered]
        if sum(weights) == 0:
            bill.loose.append((line, "credit", False))
            continue
        for cell, share in zip(ordered, carve(line.effective, sum(weights), weights), strict=True):
            cell.cost += share
            cell.reduced += share


def _is_reduced_by(charge: Charge, reduction: Charge) -> bool:
    """R6, D4, within one source, currency and billing period: linked, or without any link by account, service and period."""
    if reduction.linked_line_ids:
        return charge.line_id in reduction.linked_line_ids
    return (
        charge.charge_category == "Usage"
        and charge.reduction is None
        and charge.key.billing_account_id == reduction.key.billing_account_id
        and charge.service_name == reduction.service_name
        and reduction.charge_period_start <= charge.charge_period_start
        and charge.charge_period_end <= reduction.charge_period_end
    )


def _apply_corrections(
    bill: Bill, cells: dict[tuple[object, ...], BillCell], cell_of_line: dict[int, BillCell]
) -> None:
    """R15, D5: money that changes no quantity goes to its original's cell, or waits if that is of another period."""
    by_line_id = {(line.charge.source, line.charge.line_id): number for number, line in enumerate(bill.lines)}

    def original_cell(line: Line, seen: frozenset[str]) -> BillCell | None:
        """The cell of the line adjusted, through chains of adjusting lines."""
        if not line.charge.linked_line_ids:
            return cells.get(_identity(line, True)) or cells.get(_identity(line, False))
        known = ((line.charge.source, line_id) for line_id in line.charge.linked_line_ids if line_id not in seen)
        number = next((by_line_id[place] for place in known if place in by_line_id), None)
        if number is None:
            return None
        original = bill.lines[number]
        if original.only_adjusts:
            return original_cell(original, seen | {original.charge.line_id})
        return cell_of_line.get(number)

    for line in bill.lines:
        if not line.only_adjusts:
            continue
        original = original_cell(line, frozenset({line.charge.line_id}))
        if original is None or original.destination != MATCHING:
            bill.loose.append((line, DISPUTE, True))
        elif original.statement == line.statement:
            original.cost += line.effective
            original.adjusted += line.effective
        else:
            bill.corrections.append(CrossPeriodCorrection(line, original))


# --- billed quantity (R10) -------------------------------------------------------------------------------------------


def _take_reported_quantity(facts: Facts, filler: Filler, cells: list[BillCell]) -> None:
    """R10, D6: cells without quantity take what the usage report has for their key beyond what other lines bill."""
    keys: dict[Dims, list[BillCell]] = defaultdict(list)
    for cell in cells:
        if cell.destination == MATCHING and not cell.is_month:
            keys[cell.dims].append(cell)
    for dims, reported in _reported_by_key(facts, filler, list(keys)).items():
        billed = sum(cell.quantity or 0 for cell in keys[dims] if cell.has_own_quantity)
        sharing = [cell for cell in keys[dims] if not cell.has_own_quantity]
        weights = [max(1, micros(cell.cost)) if cell.cost > 0 else 0 for cell in sharing]
        if len(sharing) == 1 and sharing[0].cost == 0:
            weights = [1]
        if reported <= billed or sum(weights) == 0:
            continue
        for cell, share in zip(sharing, carve(reported - billed, sum(weights), weights), strict=True):
            cell.quantity = share or None


def _reported_by_key(facts: Facts, filler: Filler, keys: list[Dims]) -> dict[Dims, int]:
    """Each report row serves one bill key: the deepest it fits, at equal depth the first in key order (Reading 6)."""
    total: dict[Dims, int] = defaultdict(int)
    by_usage: dict[tuple[object, ...], list[Dims]] = defaultdict(list)
    for dims in keys:
        by_usage[_what_is_used(dims)].append(dims)
    for row in facts.reported_usage:
        told = filler.dims(row.source, row.key, row.key.meter, row.charge_day.isoformat(), told_only=True)
        fitting = [dims for dims in by_usage[_what_is_used(told)] if _row_fits(told, dims)]
        if fitting:
            served = min(fitting, key=lambda dims: (-dims.depth, key_order(dims)))
            total[served] += scaled_quantity(row.key.meter, row.quantity)
    return total


def _what_is_used(dims: Dims) -> tuple[object, ...]:
    return (dims.source, dims.model, dims.meter, dims.prices, dims.time)


def _row_fits(row: Dims, key: Dims) -> bool:
    """The row tells at least what the key tells, with equal values; a null account in the report fits any."""
    account = key.billing_account_id in (None, row.billing_account_id) or row.billing_account_id is None
    project = key.sub_account_id in (None, row.sub_account_id)
    return account and project and key.api_key_id in (None, row.api_key_id)
