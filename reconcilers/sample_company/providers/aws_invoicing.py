"""What AWS's Invoicing API answers of the company's account: invoices and credit memos by billing month, and receipts of payments.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_invoicing_ListInvoiceSummaries.html, in the protocol boto3 speaks:
a POST whose body is the question. Amounts are text, without lines of usage; a credit memo's are negative.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.seen.facts import Invoice
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.calendar import instant, unix_seconds
from reconcilers.sample_company.world.company import AWS, AWS_PAYER

TARGET = "Invoicing.ListInvoiceSummaries"
_DUE_AFTER = timedelta(days=30)
#: Summaries of a page, where no fewer are asked for.
_PAGE = 2


class AwsInvoicing:
    """Answers from the invoices that AWS issued."""

    def __init__(self, invoices: Sequence[Invoice]) -> None:
        self.invoices = [one for one in invoices if one.source == AWS]

    def answer(self, target: str | None, body: bytes, known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for another operation and ``BadRequest``."""
        if target != TARGET:
            raise KeyError(target)
        try:
            asked = json.loads(body)
            account, period = asked["Selector"]["Value"], asked["Filter"]["BillingPeriod"]
            month = date(period["Year"], period["Month"], 1)
            first, most = int(asked.get("NextToken", 0)), min(_PAGE, int(asked.get("MaxResults", _PAGE)))
        except (ValueError, KeyError, TypeError):
            raise BadRequest("Selector, Filter or NextToken is not as documented") from None
        if account != AWS_PAYER:
            raise BadRequest(f"{account} is not the account that asks")
        found = [one for invoice in self._of(month, known_at) for one in _summaries(invoice)]
        page = found[first : first + most]
        more = {"NextToken": str(first + most)} if first + most < len(found) else {}
        return json.dumps({"InvoiceSummaries": page, **more}).encode()

    def _of(self, month: date, known_at: datetime) -> list[Invoice]:
        return [one for one in self.invoices if one.billing_period_start == month and one.told_at <= known_at]


def _summaries(invoice: Invoice) -> Iterator[dict[str, Any]]:
    """An invoice, and the receipt of its payment."""
    told = {
        "AccountId": AWS_PAYER,
        "InvoiceId": invoice.invoice_id,
        "InvoiceType": "CREDIT_MEMO" if invoice.reference_invoice_id else "INVOICE",
        "OriginalInvoiceId": invoice.reference_invoice_id,
        "IssuedDate": unix_seconds(instant(invoice.issued_on)),
        "DueDate": unix_seconds(instant(invoice.issued_on + _DUE_AFTER)),
        "Entity": {"InvoicingEntity": "Amazon Web Services, Inc.", "BillingEntity": "AWS"},
        "BillingPeriod": {"Month": invoice.billing_period_start.month, "Year": invoice.billing_period_start.year},
        "BaseCurrencyAmount": _amounts(invoice),
        "PaymentCurrencyAmount": _amounts(invoice),
    }
    yield told
    if not invoice.reference_invoice_id:
        yield told | {"InvoiceId": f"{invoice.invoice_id}-RECEIPT", "InvoiceType": "PAYMENT_RECEIPT"}


def _amounts(invoice: Invoice) -> dict[str, Any]:
    assert invoice.total is not None
    tax = sum((line.billed_cost for line in invoice.lines if line.charge_category == "Tax"), Decimal(0))
    before_tax = plain(invoice.total - tax)
    taxes = {"Taxes": {"TotalAmount": plain(tax), "Breakdown": []}} if tax else {}
    return {
        "TotalAmount": plain(invoice.total),
        "TotalAmountBeforeTax": before_tax,
        "CurrencyCode": invoice.billing_currency,
        "AmountBreakdown": {"SubTotalAmount": before_tax, **taxes},
    }
