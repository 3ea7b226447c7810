"""Invoices in the files they come in: OpenAI's on paper, Google's as its console's Cost table, the others as tables that each vendor lays
out its own way. AWS's and Microsoft's come in none."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from reconcilers.sample_company.emitters import feed
from reconcilers.sample_company.providers.focus_rows import table
from reconcilers.sample_company.providers.invoices import ROUNDING
from reconcilers.sample_company.providers.ledger import SERVICE_NAMES
from reconcilers.sample_company.providers.paper import pdf
from reconcilers.sample_company.seen.facts import Invoice
from reconcilers.sample_company.store import Delivered
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    ANTHROPIC,
    AWS,
    AZURE,
    COHERE,
    GCP,
    OPENAI,
    PROJECTS,
    VECTORS,
)

_LINES_A_PAGE = 50
_DUE_AFTER = timedelta(days=30)
_Rows = Iterator[dict[str, object]]


def write_invoices(out: Path, invoices: Iterable[Invoice]) -> list[Delivered]:
    """A file for each invoice on paper, a table for each delivery of the others; names begin with the day it came."""
    tables: dict[tuple[str, datetime], list[Invoice]] = defaultdict(list)
    found = []
    for one in invoices:
        if one.source in (AWS, AZURE):  # their APIs tell them
            continue
        if one.source in _ALONE:
            ending, written = _ALONE[one.source]
            file = Delivered(f"invoices/{one.source}/{one.told_at:%Y-%m-%d}-{one.invoice_id}.{ending}", one.told_at)
            found.append(feed.write(out, file, written(one)))
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


def _cost_table(invoice: Invoice) -> bytes:
    """What Google's console gives as CSV: lines of name and value, then a table with a header of its own and what it comes to."""
    account, (cents, total) = ACCOUNTS[GCP], (f"{invoice.total:.2f}", f"{invoice.total}")
    told = {
        "Invoice number": invoice.invoice_id,
        "Invoice date": invoice.issued_on,
        "Due date": invoice.issued_on + _DUE_AFTER,
        "Billing account ID": account,
        "Currency": invoice.billing_currency,
        "Currency exchange rate": 1,
        "Total amount due": f"${cents}",
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([*((name, value, None) for name, value in told.items()), _COST_TABLE])
    whose = ("Acme AI", account, "Documents", PROJECTS[GCP])
    for line in invoice.lines:
        is_credit, is_of_sku = line.charge_category == "Credit", line.charge_category in ("Usage", "Credit")
        of = (*whose, SERVICE_NAMES[GCP], line.description) if is_of_sku else (None,) * 6
        kind = "Usage" if is_of_sku else ROUNDING if line.charge_category == "Adjustment" else line.charge_category
        writer.writerow((*of, "PROMOTION" if is_credit else None, kind, line.billed_cost, f"{line.billed_cost:.2f}"))
    writer.writerow((*(None,) * 7, "Total", total, cents))
    return text.getvalue().encode()


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


_COST_TABLE = (
    "Billing account name",
    "Billing account ID",
    "Project name",
    "Project ID",
    "Service description",
    "SKU description",
    "Credit type",
    "Cost type",
    "Unrounded cost ($)",
    "Cost ($)",
)
#: Whose invoices come in a file each: its ending, and how it is written.
_ALONE: dict[str, tuple[str, Callable[[Invoice], bytes]]] = {OPENAI: ("pdf", _paper), GCP: ("csv", _cost_table)}
_LAYOUTS: dict[str, Callable[[Invoice], _Rows]] = {
    ANTHROPIC: _list_of_invoices,
    COHERE: _invoice_details,
    VECTORS: _german,
}
