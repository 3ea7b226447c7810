"""Invoices in the files they come in: OpenAI's on paper, the others as tables that each vendor lays out its own way. AWS's come in none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from reconcilers.sample_company.emitters import feed
from reconcilers.sample_company.providers.focus_rows import table
from reconcilers.sample_company.providers.paper import pdf
from reconcilers.sample_company.seen.facts import Invoice
from reconcilers.sample_company.store import Delivered
from reconcilers.sample_company.world.company import ACCOUNTS, ANTHROPIC, AWS, COHERE, OPENAI, VECTORS

_LINES_A_PAGE = 50
_DUE_AFTER = timedelta(days=30)
_Rows = Iterator[dict[str, object]]


def write_invoices(out: Path, invoices: Iterable[Invoice]) -> list[Delivered]:
    """A file for each invoice on paper, a table for each delivery of the others; names begin with the day it came."""
    tables: dict[tuple[str, datetime], list[Invoice]] = defaultdict(list)
    found = []
    for one in invoices:
        if one.source == AWS:  # its API tells them
            continue
        if one.source == OPENAI:
            file = Delivered(f"invoices/{OPENAI}/{one.told_at:%Y-%m-%d}-{one.invoice_id}.pdf", one.told_at)
            found.append(feed.write(out, file, _paper(one)))
        else:
            tables[one.source, one.told_at].append(one)
    for (source, told_at), its in sorted(tables.items()):
        file = Delivered(f"invoices/{source}/{told_at:%Y-%m-%d}.csv", told_at)
        found.append(feed.write(out, file, table([row for one in its for row in _LAYOUTS[source](one)])))
    return found


def _paper(invoice: Invoice) -> bytes:
    assert invoice.total is not None
    untaxed = [line for line in invoice.lines if line.charge_category != "Tax"]
    tax = [line for line in invoice.lines if line.charge_category == "Tax"]
    subtotal = sum(line.billed_cost for line in untaxed)
    text = [
        "OpenAI                                                INVOICE",
        f"Invoice number   {invoice.invoice_id}",
        f"Date of issue    {invoice.issued_on:%B %d, %Y}",
        f"Billing period   {invoice.billing_period_start:%B %d, %Y}",
        "",
        f"{'Description':<64}{'Amount':>14}",
        *(_amount(line.description, f"${line.billed_cost:,}") for line in untaxed),
        _amount("Subtotal", f"${subtotal:,}"),
        *(_amount(line.description, f"${line.billed_cost:,}") for line in tax),
        _amount("Amount due", f"${invoice.total:,} {invoice.billing_currency}"),
    ]
    return pdf(*(text[first : first + _LINES_A_PAGE] for first in range(0, len(text), _LINES_A_PAGE)))


def _amount(description: str, amount: str) -> str:
    return f"{description:<64}{amount:>14}"


def _invoice_details(invoice: Invoice) -> _Rows:
    """FOCUS 1.4, Invoice Detail."""
    for number, line in enumerate(invoice.lines, start=1):
        yield {
            "BilledCost": line.billed_cost,
            "BillingAccountId": ACCOUNTS[invoice.source],
            "BillingCurrency": invoice.billing_currency,
            "BillingPeriodStart": f"{invoice.billing_period_start}T00:00:00Z",
            "ChargeCategory": line.charge_category,
            "InvoiceDetailDescription": line.description,
            "InvoiceDetailId": f"{invoice.invoice_id}-{number}",
            "InvoiceId": invoice.invoice_id,
            "InvoiceIssueDate": invoice.issued_on,
            "InvoiceIssueStatus": invoice.status.title(),
            "InvoiceIssuerName": "Cohere Inc.",
            "PaymentDueDate": invoice.issued_on + _DUE_AFTER,
            "ReferenceInvoiceId": invoice.reference_invoice_id,
        }


def _list_of_invoices(invoice: Invoice) -> _Rows:
    """A row for each invoice, with nothing but its total."""
    yield {
        "Invoice": invoice.invoice_id,
        "Service month": invoice.billing_period_start,
        "Issued": invoice.issued_on,
        "Total": invoice.total,
        "Status": "paid",
    }


def _german(invoice: Invoice) -> _Rows:
    """A row for each line, in German; days as Germans write them."""
    for line in invoice.lines:
        yield {
            "Rechnungsnummer": invoice.invoice_id,
            "Rechnungsdatum": f"{invoice.issued_on:%d.%m.%Y}",
            "Leistungsmonat": f"{invoice.billing_period_start:%d.%m.%Y}",
            "Bezug": invoice.reference_invoice_id,
            "Position": line.description,
            "Art": "Steuer" if line.charge_category == "Tax" else "Leistung",
            "Betrag": line.billed_cost,
            "Waehrung": invoice.billing_currency,
            "Rechnungsbetrag": invoice.total,
        }


_LAYOUTS: dict[str, Callable[[Invoice], _Rows]] = {
    ANTHROPIC: _list_of_invoices,
    COHERE: _invoice_details,
    VECTORS: _german,
}
