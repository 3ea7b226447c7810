"""What Microsoft's Billing API answers of the company's billing account: invoices and credit notes, to whoever a machine's identity says
the job is.

https://learn.microsoft.com/rest/api/billing/invoices/list-by-billing-account. Amounts are numbers, without lines of usage; a credit
note's are negative. The link to a next page is a path without host, and has dates with a blank in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.seen.facts import Invoice
from reconcilers.sample_company.world.calendar import next_month
from reconcilers.sample_company.world.company import AZURE, AZURE_ACCOUNT

_INVOICES = f"{AZURE_ACCOUNT}/invoices"
_DUE_AFTER = timedelta(days=30)
#: Invoices of a page.
_PAGE = 2
#: Until when a token of the machine's identity may be used.
_FOREVER = "4102444800"


def token(resource: str, secret: str) -> bytes:
    """What a managed identity of App Service gives for a resource.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """
    told = {"access_token": secret, "expires_on": _FOREVER, "resource": resource, "token_type": "Bearer"}
    return json.dumps(told).encode()


class AzureInvoices:
    """Answers from the invoices that Microsoft issued."""

    def __init__(self, invoices: Sequence[Invoice]) -> None:
        self.invoices = [one for one in invoices if one.source == AZURE]

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        if path != _INVOICES:
            raise KeyError(path)
        try:
            start, end = (date.fromisoformat(query[name][-1][:10]) for name in ("periodStartDate", "periodEndDate"))
            first = int(query.get("$skiptoken", ["0"])[-1])
        except (KeyError, ValueError):
            raise BadRequest("periodStartDate, periodEndDate or $skiptoken is missing or none") from None
        found = [one for one in self.invoices if start <= one.billing_period_start < end and one.told_at <= known_at]
        body: dict[str, Any] = {"totalCount": len(found), "value": [_told(one) for one in found[first : first + _PAGE]]}
        if first + _PAGE < len(found):
            dates = f"periodStartDate={start} 00:00:00Z&periodEndDate={end} 00:00:00Z"
            body["nextLink"] = f"{_INVOICES}?$skiptoken={first + _PAGE}&api-version=2024-04-01&{dates}"
        return json.dumps(body).encode()


def _told(invoice: Invoice) -> dict[str, Any]:
    assert invoice.total is not None
    tax = sum((line.billed_cost for line in invoice.lines if line.charge_category == "Tax"), Decimal(0))
    before_tax, is_credit = invoice.total - tax, bool(invoice.reference_invoice_id)
    amounts = {
        "billedAmount": before_tax,
        "creditAmount": Decimal(0),
        "subTotal": before_tax,
        "taxAmount": tax,
        "totalAmount": invoice.total,
    }
    about = {"creditForDocumentId": f"{_INVOICES}/{invoice.reference_invoice_id}"} if is_credit else {}
    return {
        "id": f"{_INVOICES}/{invoice.invoice_id}",
        "name": invoice.invoice_id,
        "type": "Microsoft.Billing/billingAccounts/invoices",
        "properties": {
            "documentType": "CreditNote" if is_credit else "Invoice",
            "status": "Paid",
            "invoiceDate": _time(invoice.issued_on),
            "dueDate": _time(invoice.issued_on + _DUE_AFTER),
            "invoicePeriodStartDate": _time(invoice.billing_period_start),
            "invoicePeriodEndDate": _time(next_month(invoice.billing_period_start) - timedelta(days=1)),
            # Not money of ours: Microsoft writes numbers.
            **{
                name: {"currency": invoice.billing_currency, "value": float(amount)} for name, amount in amounts.items()
            },
            **about,
        },
    }


def _time(day: date) -> str:
    return f"{day}T00:00:00Z"
