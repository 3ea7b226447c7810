"""The invoices of the bills, month by month: as each vendor rounds and taxes them, and with what goes wrong in the post.

Vendors invoice what they billed. Each fault is recorded as planted, with the break it must raise or the reason it raises none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from reconcilers.sample_company.providers.fees import billed_cost, note
from reconcilers.sample_company.providers.google_export import sku_of
from reconcilers.sample_company.providers.ledger import INVOICED_AFTER_DAYS, Ledger, number_of
from reconcilers.sample_company.providers.openai_api import line_item
from reconcilers.sample_company.seen.facts import Charge, Invoice, InvoiceLine
from reconcilers.sample_company.world.calendar import instant, month_of, next_month
from reconcilers.sample_company.world.company import ANTHROPIC, AWS, AZURE, COHERE, GCP, OPENAI, STORAGE_METER, VECTORS
from reconcilers.sample_company.world.happened import World

_CENT = Decimal("0.01")
#: An invoice reaches the company in the morning of the day it is issued on.
_MORNING = 8
#: Tax that stands on a vendor's invoices and not in its exports; AWS tells its tax in both.
SALES_TAX, VAT = "Sales tax (8.25%)", "VAT 19 %"
ROUNDING = "Rounding error"
_SALES_TAX_RATE, _VAT_RATE = Decimal("0.0825"), Decimal("0.19")
_TOO_HIGH, _OLD_PRICE = Decimal("12.50"), Decimal("2.00")
_BEFORE_EXPORTS = Decimal("41.20")
#: Days after a month when an invoice is issued that is not the last word about it.
_EARLY_DAYS = 7

_Charges = Iterable[Charge]


def issue(world: World, ledger: Ledger) -> list[Invoice]:
    """Every invoice as each of its deliveries tells it, faults included."""
    final: dict[str, dict[date, list[Charge]]] = defaultdict(lambda: defaultdict(list))
    for line in ledger.lines:
        if line.superseded_at is None:
            final[line.charge.source][line.charge.billing_period_start].append(line.charge)
    return [
        *_openai(world, final[OPENAI]),
        *_anthropic(world, final[ANTHROPIC]),
        *_aws(world, final[AWS]),
        *_azure(world, final[AZURE]),
        *_cohere(world, final[COHERE]),
        *_gcp(final[GCP]),
        *_vectors(world, final[VECTORS]),
    ]


def _openai(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """A line for each item of the bill, and sales tax. The first invoice is sent again under another number."""
    found = []
    for month, charges in sorted(months.items()):
        lines = _lines(charges, lambda one: line_item(one.key) if one.key.model else str(one.sku_meter))
        untaxed = _sum(lines)
        lines.append(InvoiceLine(SALES_TAX, _cents(untaxed * _SALES_TAX_RATE), "Tax"))
        invoice = _issued(OPENAI, month, 1, lines=tuple(lines), total=_sum(lines))
        found.append(invoice)
        if month == min(months):
            again = next_month(month) + timedelta(days=4)
            found.append(replace(_on(invoice, again), invoice_id=f"{invoice.invoice_id}-2"))
            note(
                world, "invoice_sent_twice", "two numbers for one month", OPENAI, month, "break invoice_twice", untaxed
            )
        else:
            off = untaxed - billed_cost(charges)
            note(world, "invoice_rounded", "lines rounded to cents", OPENAI, month, "within tolerance (R20)", off)
    return found


def _anthropic(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """Totals only. One is from before the exports begin, the first is too high, of several the last is never sent."""
    before = month_of(month_of(world.start) - timedelta(days=1))
    found = [_issued(ANTHROPIC, before, 3, total=_BEFORE_EXPORTS)]
    effect = "break invoice_without_export"
    note(world, "invoice_before_exports", "no export has its month", ANTHROPIC, before, effect, _BEFORE_EXPORTS)
    for month, charges in sorted(months.items()):
        billed = billed_cost(charges)
        if month == min(months):
            found.append(_issued(ANTHROPIC, month, 3, total=_cents(billed) + _TOO_HIGH))
            effect = "break invoice_difference"
            note(world, "invoice_too_high", "asks more than was billed", ANTHROPIC, month, effect, _TOO_HIGH)
        elif month == max(months):
            note(world, "invoice_never_sent", "billed, not invoiced", ANTHROPIC, month, "break invoice_missing", billed)
        else:
            found.append(_issued(ANTHROPIC, month, 3, total=_cents(billed)))
    return found


def _aws(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """Totals before tax and tax, as the export has them. The last credit comes after its invoice, by a credit memo."""
    last = max(month for month, charges in months.items() if any(one.charge_category == "Credit" for one in charges))
    found = []
    for month, charges in sorted(months.items()):
        credits = [charge for charge in charges if charge.charge_category == "Credit"]
        if credits and month == last:
            early = _before_tax(
                month, _EARLY_DAYS, [charge for charge in charges if charge.charge_category != "Credit"]
            )
            memo = _before_tax(month, INVOICED_AFTER_DAYS, credits)
            found += [
                early,
                replace(memo, invoice_id=f"{early.invoice_id}-C", reference_invoice_id=early.invoice_id),
            ]
            effect = "none: invoice and credit memo are what was billed"
            note(world, "invoice_credited", "a credit after the invoice", AWS, month, effect, _sum(memo.lines))
        else:
            found.append(_before_tax(month, INVOICED_AFTER_DAYS, charges))
    return found


def _before_tax(month: date, after_days: int, charges: _Charges) -> Invoice:
    """An invoice of AWS that tells what is to be paid before tax and its tax, and nothing of what either is for."""
    sums: dict[bool, Decimal] = defaultdict(Decimal)
    for charge in charges:
        sums[charge.charge_category == "Tax"] += charge.billed_cost
    parts = [InvoiceLine("before tax", _cents(sums[False]))]
    parts += [InvoiceLine("tax", _cents(sums[True]), "Tax")] if sums[True] else []
    return _issued(AWS, month, after_days, lines=tuple(parts), total=_sum(parts))


def _azure(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """In one sum, with VAT. The last has an old price, and a credit note takes it back."""
    found = []
    for month, charges in sorted(months.items()):
        charged = _cents(billed_cost(charges))
        if month == max(months):
            dearer, back = (InvoiceLine("charges", amount) for amount in (charged + _OLD_PRICE, -_OLD_PRICE))
            found += _with_old_price(world, AZURE, month, [dearer], back, "USD")
        else:
            lines = _taxed([InvoiceLine("charges", charged)])
            found.append(_issued(AZURE, month, 2, lines=tuple(lines), total=_sum(lines)))
    return found


def _cohere(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """A line for each service. The first of several is told while it is still open; the last is issued to the wrong address, voided and
    reissued."""
    found = []
    for month, charges in sorted(months.items()):
        invoice = _issued(
            COHERE, month, INVOICED_AFTER_DAYS, lines=tuple(_lines(charges, lambda one: str(one.service_name)))
        )
        if month == max(months):
            first = _on(invoice, next_month(month) + timedelta(days=_EARLY_DAYS))
            found += [first, replace(_on(first, invoice.issued_on), issued_on=first.issued_on, status="voided")]
            invoice = replace(invoice, invoice_id=f"{first.invoice_id}-R", reference_invoice_id=first.invoice_id)
            effect = "none: a voided invoice is not compared"
            note(world, "invoice_reissued", "voided and issued again", COHERE, month, effect, _sum(first.lines))
        elif month == min(months):
            early = _on(invoice, next_month(month) + timedelta(days=_EARLY_DAYS))
            found.append(replace(early, lines=early.lines[:1], status="open"))
            effect = "none: an open invoice is not compared"
            note(world, "invoice_open", "told before it is issued", COHERE, month, effect, _sum(early.lines[:1]))
        found.append(invoice)
    return found


def _gcp(months: dict[date, list[Charge]]) -> list[Invoice]:
    """Of the last day of its month: what each SKU, credit and tax comes to with all its digits, and what is left to the cents due."""
    found = []
    for month, charges in sorted(months.items()):
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for one in charges:
            told = sku_of(one.key) if one.key.model else one.charge_category
            sums[one.charge_category, told] += one.billed_cost
        lines = [InvoiceLine(told, cost, category) for (category, told), cost in sorted(sums.items())]
        due = _cents(_sum(lines))
        if left := due - _sum(lines):
            lines.append(InvoiceLine(ROUNDING, left, "Adjustment"))
        invoice = _issued(GCP, month, _EARLY_DAYS, lines=tuple(lines), total=due)
        found.append(replace(invoice, issued_on=next_month(month) - timedelta(days=1)))
    return found


def _vectors(world: World, months: dict[date, list[Charge]]) -> list[Invoice]:
    """In euro, with VAT. The first leaves storage out of its lines, the last of several has an old price and a credit note."""
    found = []
    for month, charges in sorted(months.items()):
        lines = _lines(charges, lambda one: one.sku_meter if one.sku_meter == STORAGE_METER else "Read units")
        taxed = _taxed(lines)
        whole = _sum(taxed)
        if month == min(months):
            unlisted = [line for line in taxed if line.description != STORAGE_METER]
            found.append(_issued(VECTORS, month, 2, "EUR", lines=tuple(unlisted), total=whole))
            effect, rest = "break invoice_total", whole - _sum(unlisted)
            note(world, "invoice_line_unlisted", "storage in the total only", VECTORS, month, effect, rest, "EUR")
        elif month == max(months):
            dearer, back = (InvoiceLine("Storage, 2025 price", amount) for amount in (_OLD_PRICE, -_OLD_PRICE))
            found += _with_old_price(world, VECTORS, month, [*lines, dearer], back, "EUR")
        else:
            found.append(_issued(VECTORS, month, 2, "EUR", lines=tuple(taxed), total=whole))
    return found


def _with_old_price(
    world: World, source: str, month: date, asked: list[InvoiceLine], back: InvoiceLine, currency: str
) -> list[Invoice]:
    """An invoice that asks an old price, too, and the credit note that takes it back."""
    dearer, credit = tuple(_taxed(asked)), tuple(_taxed([back]))
    invoice = _issued(source, month, 2, currency, lines=dearer, total=_sum(dearer))
    note_of = _issued(source, month, 5, currency, lines=credit, total=_sum(credit))
    effect = "none: invoice and credit note are what was billed"
    note(world, "invoice_credited", "an old price taken back", source, month, effect, back.billed_cost, currency)
    number = invoice.invoice_id
    return [invoice, replace(note_of, invoice_id=f"{number}-C", reference_invoice_id=number)]


def _issued(
    source: str,
    month: date,
    after_days: int,
    currency: str = "USD",
    lines: tuple[InvoiceLine, ...] = (),
    total: Decimal | None = None,
) -> Invoice:
    """The invoice of a month, issued that many days after its end."""
    day = next_month(month) + timedelta(days=after_days)
    told: datetime = instant(day, _MORNING)
    return Invoice(source, number_of(source, month), month, currency, day, told, lines, total)


def _on(invoice: Invoice, day: date) -> Invoice:
    return replace(invoice, issued_on=day, told_at=instant(day, _MORNING))


def _lines(charges: _Charges, named: Callable[[Charge], str]) -> list[InvoiceLine]:
    """What is billed under each name, to the cent."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        sums[named(charge)] += charge.billed_cost
    return [InvoiceLine(name, _cents(cost)) for name, cost in sorted(sums.items())]


def _taxed(lines: list[InvoiceLine]) -> list[InvoiceLine]:
    return [*lines, InvoiceLine(VAT, _cents(_sum(lines) * _VAT_RATE), "Tax")]


def _sum(lines: Iterable[InvoiceLine]) -> Decimal:
    return sum((line.billed_cost for line in lines), Decimal(0))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
