"""Invoices of an Azure billing account, as Microsoft's Billing API lists them: number, month, days, totals and tax, no usage.

https://learn.microsoft.com/rest/api/billing/invoices/list-by-billing-account: one billing month is one unit, asked for page by page
and landed as received. An invoice is up to three rows: its charges less refunds, what prepayment and free credits pay of it, its tax.

Seen on a recorded answer of a customer agreement's account (API version 2020-05-01, 2025): ``subTotal`` is ``billedAmount`` and
``creditAmount``, which is negative, and ``totalAmount`` is ``subTotal`` and ``taxAmount``, where the documentation's examples are
neither; ``nextLink`` is a path without host, whose token says that voided invoices are left out; dates are asked for as ISO where the
documentation says month first; an invoice that was billed anew has another in its stead, which names it under ``rebillDetails``, was
issued up to five months later and is of the period of the first. A period may be an instant, as a purchase's is.

Not seen: a credit note, so one whose amounts have another sign than ``credit_notes`` says is refused; an account of another
agreement, some of which tell no total but ``billedAmount``; whether a bill has rows for prepayment and credits. Nothing says whether
the dates asked for mean when a period begins, ends or was billed: what is asked is a year from the month on, and kept is what begins
in the month.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.periods import Period, days_named, months_before, months_touched
from reconcilers.sources import focus_values, folders, http, invoice_details, microsoft, results
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.results import Once, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

_VERSION = "2024-04-01"
#: How many months from the one wanted an invoice of it may still be looked for.
_REACH = 12
_TYPES = ("Invoice", _CREDIT := "CreditNote")


class InvoiceAzureConfig(SourceConfig):
    """Whose invoices are asked for."""

    bill: str = Field(examples=["azure"])
    """The source under `billing` that these invoices are for."""
    billing_account: str = Field(pattern=r"^[A-Za-z0-9:_.-]+$", exclude=True, examples=["8611537"])
    """The billing account: its number, or the long name with a colon of a customer agreement."""
    billing_profile: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,128}$", exclude=True)
    """The one billing profile whose invoices are asked for; without it, all of the account."""
    credit_notes: Literal["negative", "positive"] = "negative"
    """How a credit note tells its amounts; one that tells them otherwise is refused."""
    earlier_months: int = Field(default=6, ge=0, le=24, exclude=True)
    """How many months before the period are asked for again: an invoice may be billed anew months later."""
    base_url: str = Field(default="https://management.azure.com", exclude=True)
    """Where the API is; a sovereign cloud has its own."""
    retry: http.RetryPolicy = Field(default=http.RetryPolicy(), exclude=True)
    """How long to insist where the API does not answer."""


class InvoiceAzure(Source):
    """Invoices from Azure; see the module's docstring."""

    kind = "invoice_azure"
    Config = InvoiceAzureConfig
    begins = MappingProxyType(
        {"": "bill: <bill>  # which source of billing\nbilling_account: '8611537'  # as the portal names it\n"}
    )
    config: InvoiceAzureConfig

    @property
    def secrets(self) -> tuple[str, ...]:
        return microsoft.SECRETS

    def probe(self, period: Period) -> int:
        """Asks for the first page of the period's first month."""
        next(iter(self._pages(f"{period.start:%Y-%m}", http.ONE_TRY)), None)
        return len(self.units(period))

    def units(self, period: Period) -> list[str]:
        """Months ``2026-10`` of the period, and ``earlier_months`` before it."""
        return months_touched(period, self.config.earlier_months)

    def lists(self, unit: str, period: Period) -> bool:
        return unit in self.units(period)

    def fetch(self, unit: str, pull: Pull) -> None:
        for number, page in enumerate(self._pages(unit, self.config.retry), 1):
            pull.add(f"invoices/{number:04d}.json", page.url, page.content)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        details = invoice_details.InvoiceDetails(self.name, landed.landing_id, self.config.bill)
        once, told = Once(), 0
        for index, item in enumerate(landed.objects):
            body = http.parse_json(landed.path(item).read_bytes(), source=self.name, file=item.name, number=str)
            page = Result(self.name, item.name, 0, body)
            lines: list[int] = []
            rows: list[dict[str, str | None]] = []
            for line, fields in enumerate(page.members("value"), 1):
                invoice = Result(self.name, item.name, line, fields)
                once.check(invoice, invoice.required_text("name"))
                found = self._rows(invoice, landed.unit)
                lines += [line] * len(found)
                rows += found
            told += len(page.members("value"))
            total = page.count("totalCount")
            if total and index == len(landed.objects) - 1 and told != total:
                raise page.rejected(f"{told} invoices came of {total}", "pull the month again")
            yield "invoice_details", details.table(lines, rows, file=item.name, line_base=folders.line_base(index))

    def cited(self, path: Any, name: str, line: int) -> str:
        """The n-th invoice of a page, cut out of its answer as it stands."""
        return results.cited(path, name, line, source=self.name, member="value")

    def _pages(self, unit: str, retry: http.RetryPolicy) -> Iterator[http.Page]:
        """The answers for one month, as received."""
        month = days_named(unit)
        assert month is not None
        after = months_before(month.start, -_REACH)
        path = f"providers/Microsoft.Billing/billingAccounts/{self.config.billing_account}"
        if self.config.billing_profile:
            path += f"/billingProfiles/{self.config.billing_profile}"
        asked = (
            f"{path}/invoices",
            [("api-version", _VERSION), ("periodStartDate", f"{month.start}"), ("periodEndDate", f"{after}")],
        )
        seen: set[str] = set()
        with microsoft.client(self.config.base_url, source=self.name, retry=retry) as client:
            for _ in range(http.MAX_PAGES):
                page = client.get(*asked)
                if page.url in seen:
                    break
                seen.add(page.url)
                yield page
                following = microsoft.following(page, self.config.base_url, self.name)
                if following is None:
                    return
                asked = following
        problem = "the same page came twice, or more than any account has"
        hint = "nothing of this pull was kept; report it to Microsoft"
        raise SourceRejected(problem, source=self.name, file=page.url, hint=hint)

    def _rows(self, invoice: Result, unit: str) -> list[dict[str, str | None]]:
        """An invoice in the columns of FOCUS's Invoice Detail; none of one whose period begins in another month."""
        began = _day(invoice, "properties.invoicePeriodStartDate")
        if began is None:
            raise invoice.rejected("properties.invoicePeriodStartDate is empty", "pull the month again")
        if began[:7] != unit:
            return []
        kind = invoice.text("properties.documentType") or "Invoice"
        if kind not in _TYPES:
            raise invoice.changed(f"documentType {kind!r:.40} is none of {', '.join(_TYPES)}")
        amounts = _Amounts(invoice, kind == _CREDIT, self.config.credit_notes == "negative")
        total, before_tax, tax = (amounts.of(name) for name in ("totalAmount", "subTotal", "taxAmount"))
        billed, refunds = amounts.of("billedAmount"), amounts.of("creditAmount")
        if total is None and (total := billed) is None:
            raise invoice.rejected("neither totalAmount nor billedAmount is told", "report it to Microsoft")
        if before_tax is None and tax is not None:
            before_tax = money.sum_exactly(total, -tax)
        lines: dict[str, tuple[Decimal | None, str | None]] = {}
        if before_tax is not None:
            # what is charged is told by both, or not apart from what else lessens the invoice
            charges = before_tax if billed is None or refunds is None else money.sum_exactly(billed, refunds)
            applied = money.sum_exactly(before_tax, -charges)
            lines = {
                "charges less refunds": (charges, None),
                "prepayment and credits applied": (applied or None, "Credit"),
                "tax": (tax or None, "Tax"),
            }
        whole = {
            "InvoiceId": invoice.required_text("name"),
            "InvoiceIssuerName": "Microsoft",
            "BillingAccountId": _last_part(invoice.text("properties.billingProfileId")) or self.config.billing_account,
            "BillingPeriodStart": f"{unit}-01",
            "BillingCurrency": amounts.currency,
            "InvoiceIssueDate": _day(invoice, "properties.invoiceDate"),
            "PaymentDueDate": _day(invoice, "properties.dueDate"),
            "InvoiceIssueStatus": "voided" if invoice.text("properties.status") == "Void" else "issued",
            "ReferenceInvoiceId": _last_part(
                invoice.text("properties.creditForDocumentId")
                or invoice.text("properties.rebillDetails.invoiceDocumentId")
            ),
            "x_InvoiceTotal": f"{total:f}",
        }
        told = [
            {"InvoiceDetailDescription": part, "BilledCost": f"{amount:f}", "ChargeCategory": category}
            for part, (amount, category) in lines.items()
            if amount is not None
        ]
        return [whole | line for line in told or [{}]]


class _Amounts:
    """The amounts of one invoice, as they count for who pays, and the one currency they are all in."""

    def __init__(self, invoice: Result, is_credit: bool, is_negative: bool) -> None:
        self._invoice, self._is_credit, self._is_negative = invoice, is_credit, is_negative
        self._currencies: set[str] = set()

    def of(self, name: str) -> Decimal | None:
        """Null where the invoice does not tell it. Raises ``SourceRejected`` for one that is no amount, in another currency than the
        amounts before, or a credit note's of the wrong sign."""
        place = f"properties.{name}"
        if (text := self._invoice.text(f"{place}.value")) is None:
            return None
        self._currencies.add(self._invoice.required_text(f"{place}.currency"))
        if len(self._currencies) > 1:
            problem = f"{name} is in another currency than the amounts before it: {', '.join(sorted(self._currencies))}"
            raise self._invoice.rejected(problem, "report it to Microsoft")
        try:
            amount = money.parse_amount(text)
            if self._is_credit and name != "creditAmount":
                amount = invoice_details.credit(amount, is_negative=self._is_negative, setting="credit_notes")
        except ValueError as error:
            raise self._invoice.rejected(f"{name}: {error}", "pull the month again, or see the settings") from None
        return amount

    @property
    def currency(self) -> str:
        (currency,) = self._currencies
        return currency


def _last_part(path: str | None) -> str | None:
    """The number at the end of a resource's path."""
    return path.rstrip("/").rpartition("/")[2] or None if path else None


def _day(invoice: Result, name: str) -> str | None:
    """The UTC day of an instant (ISO)."""
    if (text := invoice.text(name)) is None:
        return None
    try:
        return f"{focus_values.instant(text):%Y-%m-%d}"
    except ValueError as error:
        raise invoice.changed(f"{name}: {error}") from None
