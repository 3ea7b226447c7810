"""What is invoiced beside what was exported and allocated (R20, D59), and the breaks between them, in the invoices' own currencies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import isqrt

from reconcilers.sample_company.seen.facts import Charge, Facts, Invoice, Source
from reconcilers.sample_company.truth.bill import Bill, as_written, convert
from reconcilers.sample_company.truth.breaks import Break
from reconcilers.sample_company.truth.carve import NANOS, to_money, to_nanos
from reconcilers.sample_company.truth.tables import Table

#: The currencies a sample is billed in have cents.
_SUBUNIT = NANOS // 100
#: Days after a bill is final in which its invoice still comes.
_GRACE_DAYS = 7


@dataclass(frozen=True)
class InvoiceRow:
    """What is to be paid by one invoice."""

    status: str
    reference_invoice_id: str | None
    issued_on: date
    lines: int
    lines_cost: Decimal | None
    tax_cost: Decimal | None
    told_total: Decimal | None
    total_cost: Decimal | None
    total_difference: Decimal | None


@dataclass(frozen=True)
class ComparedRow:
    """Invoices, export and allocation of what is compared as one."""

    invoice_ids: str | None
    invoices: int
    open_invoices: int
    invoiced_cost: Decimal | None
    tax_cost: Decimal | None
    export_cost: Decimal | None
    export_rows: int
    difference: Decimal | None
    tolerance: Decimal
    status: str
    cumulative_difference: Decimal | None
    cumulative_tolerance: Decimal | None
    leans: bool
    allocated_cost: Decimal | None
    unrated_rows: int
    three_way_status: str


@dataclass
class _Side:
    """What is compared as one: all of a number, else all of a month that no number joins. Money in nanos. ``still_open`` is what is
    not issued yet, and in no sum."""

    source: str
    currency: str
    number: str | None
    months: set[date] = field(default_factory=set)
    invoices: list[Invoice] = field(default_factory=list)
    still_open: list[Invoice] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    allocated: int | None = None
    unrated: int = 0

    @property
    def month(self) -> date:
        """Of what a number joins the invoice says the period."""
        return min({one.billing_period_start for one in (*self.invoices, *self.still_open)} or self.months)

    @cached_property
    def exported(self) -> int | None:
        exact = sum((as_written(charge.billed_cost) for charge in self.charges), Fraction(0))
        return convert(exact, Decimal(1)) if self.charges else None

    @property
    def tax(self) -> int | None:
        told = [tax for one in self.invoices if (tax := _tax(one)) is not None]
        return sum(told) if told else None

    @property
    def invoiced(self) -> int | None:
        """Before tax, where the export has no line of tax."""
        if not self.invoices:
            return None
        taxed = any(charge.charge_category == "Tax" for charge in self.charges)
        return sum(_total(one) for one in self.invoices) - (0 if taxed else self.tax or 0)

    @property
    def difference(self) -> int | None:
        if self.invoiced is None or self.exported is None:
            return None
        return self.invoiced - self.exported

    @property
    def within(self) -> bool:
        return self.difference is not None and abs(self.difference) <= _tolerance(len(self.charges))

    @property
    def status(self) -> str:
        if self.difference is None:
            return "not_run"
        if not self.within:
            return "beyond_tolerance"
        return "within_tolerance" if self.difference else "equal"

    @property
    def three_way_status(self) -> str:
        if self.status == "not_run":
            return "not_run"
        if self.unrated:
            return "not_allocated"
        return "reconciled" if self.within else "not_invoiced_so"


def compare_invoices(facts: Facts, bill: Bill) -> tuple[list[Table], list[Break]]:
    """Both published tables of invoices, and every break of theirs."""
    last: dict[tuple[str, str], Invoice] = {}
    for one in sorted(facts.invoices, key=lambda one: one.told_at):
        last[one.source, one.invoice_id] = one
    sides = sorted(
        _sides(facts, bill, list(last.values())),
        key=lambda side: (side.source, side.currency, side.month, side.number or side.month.isoformat()),
    )
    invoiced = {one.source for one in last.values()}
    rows, breaks = {}, _of_totals(last.values())
    leaning: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for side in sides:
        cumulative: tuple[int, int] | None = None
        if side.within:
            sum_before, rows_before = leaning[side.source, side.currency]
            cumulative = (sum_before + (side.difference or 0), rows_before + len(side.charges))
            leaning[side.source, side.currency] = cumulative
        row = _row(side, cumulative)
        rows[side.source, side.currency, side.month, side.number] = row
        breaks += _of_side(facts, side, row, side.source in invoiced)
    tables = [
        Table(
            "dim_invoices",
            ("source", "invoice_id", "billing_period_start", "currency"),
            InvoiceRow,
            {
                (source, number, one.billing_period_start, one.billing_currency): _invoice_row(one)
                for (source, number), one in last.items()
            },
        ),
        Table(
            "fct_invoice_reconciliation",
            ("source", "billing_currency", "billing_period_start", "invoice_id"),
            ComparedRow,
            rows,
        ),
    ]
    return tables, breaks


def _sides(facts: Facts, bill: Bill, invoices: list[Invoice]) -> list[_Side]:
    due = [one for one in invoices if one.status != "voided"]
    numbers = {
        (one.source, one.billing_currency, number)
        for one in due
        for number in (one.invoice_id, one.reference_invoice_id)
    }
    numbers &= {(one.source, one.billing_currency, one.invoice_id) for one in facts.charges if one.invoice_id}
    found: dict[tuple[str, str, str | date], _Side] = {}

    def side(source: str, currency: str, month: date, *its_numbers: str | None) -> _Side:
        told = next((number for number in its_numbers if (source, currency, number) in numbers), None)
        one = found.setdefault((source, currency, told or month), _Side(source, currency, told))
        one.months.add(month)
        return one

    for invoice in due:
        of = (invoice.invoice_id, invoice.reference_invoice_id)
        its = side(invoice.source, invoice.billing_currency, invoice.billing_period_start, *of)
        (its.still_open if invoice.status == "open" else its.invoices).append(invoice)

    def of_charge(one: Charge) -> _Side:
        return side(one.source, one.billing_currency, one.billing_period_start, one.invoice_id)

    for charge in facts.charges:
        of_charge(charge).charges.append(charge)
    for line in bill.lines:
        its = of_charge(line.charge)
        its.allocated = (its.allocated or 0) + line.billed
    for charge in bill.no_rate:
        of_charge(charge).unrated += 1
    return list(found.values())


def _tolerance(rows: int) -> int:
    """FOCUS: 100 of the least unit, or half of one times the square root of the rows, to six decimals."""
    millionths = (isqrt(rows * 10**12) + 1) // 2
    return max(100 * 10**6, millionths) * _SUBUNIT // 10**6


def _total(invoice: Invoice) -> int:
    return to_nanos(invoice.total) if invoice.total is not None else _lines(invoice) or 0


def _lines(invoice: Invoice) -> int | None:
    return sum(to_nanos(line.billed_cost) for line in invoice.lines) if invoice.lines else None


def _tax(invoice: Invoice) -> int | None:
    tax = (to_nanos(line.billed_cost) for line in invoice.lines if line.charge_category == "Tax")
    return sum(tax) if invoice.lines else None


def _beyond_lines(invoice: Invoice) -> int | None:
    """What the total says beyond its own lines."""
    lines = _lines(invoice)
    return None if invoice.total is None or lines is None else to_nanos(invoice.total) - lines


def _invoice_row(one: Invoice) -> InvoiceRow:
    return InvoiceRow(
        status=one.status,
        reference_invoice_id=one.reference_invoice_id,
        issued_on=one.issued_on,
        lines=len(one.lines),
        lines_cost=_money(_lines(one)),
        tax_cost=_money(_tax(one)),
        told_total=one.total,
        total_cost=_money(_total(one)),
        total_difference=_money(_beyond_lines(one)),
    )


def _row(side: _Side, cumulative: tuple[int, int] | None) -> ComparedRow:
    leaning, of_rows = cumulative or (None, 0)
    allowed = None if cumulative is None else _tolerance(of_rows)
    return ComparedRow(
        invoice_ids=" ".join(sorted(one.invoice_id for one in side.invoices)) or None,
        invoices=len(side.invoices),
        open_invoices=len(side.still_open),
        invoiced_cost=_money(side.invoiced),
        tax_cost=_money(side.tax),
        export_cost=_money(side.exported),
        export_rows=len(side.charges),
        difference=_money(side.difference),
        tolerance=to_money(_tolerance(len(side.charges))),
        status=side.status,
        cumulative_difference=_money(leaning),
        cumulative_tolerance=_money(allowed),
        leans=leaning is not None and allowed is not None and abs(leaning) > allowed,
        allocated_cost=_money(side.allocated),
        unrated_rows=side.unrated,
        three_way_status=side.three_way_status,
    )


def _of_side(facts: Facts, side: _Side, row: ComparedRow, gets_invoices: bool) -> list[Break]:
    """At most one: what is beyond tolerance, else what leans, else what has no other side."""
    demands = [one for one in side.invoices if one.reference_invoice_id is None and _total(one) > 0]
    next_month = (side.month.replace(day=1) + timedelta(days=31)).replace(day=1)
    declared = facts.sources.get(side.source) or Source(side.source)
    late = (facts.as_of.date() - next_month).days >= _GRACE_DAYS + declared.finality_days
    kind, amount = None, None
    if row.status == "beyond_tolerance":
        twice = len(demands) > 1 and side.number is None and (side.difference or 0) > 0
        kind = "invoice_twice" if twice else "invoice_difference"
        amount = row.difference
    elif row.leans:
        kind, amount = "invoice_bias", row.cumulative_difference
    elif side.invoices and not side.charges and side.invoiced:
        kind, amount = "invoice_without_export", row.invoiced_cost
    elif not side.invoices and gets_invoices and side.exported and late:
        kind, amount = "invoice_missing", row.export_cost
    if kind is None:
        return []
    key = {"invoice_ids": row.invoice_ids, "billing_currency": side.currency}
    return [Break(kind, side.source, key, side.month, Decimal(row.invoices), amount, kind)]


def _of_totals(invoices: Iterable[Invoice]) -> list[Break]:
    """What an invoice asks for is not what its lines make."""
    kind = "invoice_total"
    return [
        Break(
            kind,
            one.source,
            {"invoice_id": one.invoice_id, "billing_currency": one.billing_currency},
            one.billing_period_start,
            Decimal(len(one.lines)),
            _money(beyond),
            kind,
        )
        for one in invoices
        if (beyond := _beyond_lines(one)) and one.status == "issued"
    ]


def _money(nanos: int | None) -> Decimal | None:
    return None if nanos is None else to_money(nanos)
