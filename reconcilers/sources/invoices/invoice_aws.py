"""Invoices of an AWS account, as the Invoicing API lists them: number, month, days, totals and tax, without lines of usage.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_invoicing_ListInvoiceSummaries.html: one billing month is
one unit, asked for page by page by boto3 and landed as received. Amounts are text. An invoice is two rows: what is to be paid
before tax, and its tax, where it tells one. A receipt of a payment is no invoice and is passed over. Credits and invoices of
AWS Marketplace are listed like any other and are told apart by their number, which is the bill's ``InvoiceId``.

Not seen: an answer of a real account. Its documentation does not say whether a credit memo's amounts are negative; one whose are
not is refused until ``credit_memos`` says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceUnavailable
from reconcilers.periods import Period, days_named, months_touched
from reconcilers.sources import amazon, folders, http, invoice_details, results
from reconcilers.sources.contract import Source, SourceConfig
from reconcilers.sources.results import Once, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

#: What is no invoice.
_RECEIPT, _CREDIT = "PAYMENT_RECEIPT", "CREDIT_MEMO"
_TYPES = ("INVOICE", _CREDIT, _RECEIPT)


class InvoiceAwsConfig(SourceConfig):
    """Whose invoices are asked for, and which of their amounts is the bill's."""

    bill: str = Field(examples=["aws"])
    """The source under `billing` that these invoices are for."""
    account_id: str = Field(pattern=r"^\d{12}$", exclude=True, examples=["111122223333"])
    """The account that pays: twelve digits."""
    amounts: Literal["base", "payment"] = "base"
    """Which amounts are read: `base`, in the currency of the services and of the bill, or `payment`, in the one that is paid in."""
    credit_memos: Literal["negative", "positive"] = "negative"
    """How a credit memo tells its amounts; one that tells them otherwise is refused."""
    earlier_months: int = Field(default=2, ge=0, le=24, exclude=True)
    """How many months before the period are asked for again: an invoice is issued after its month, a credit memo later still."""
    region: str = Field(default="us-east-1", exclude=True)
    """The region of the API, which not every one has."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where the API is, where it is not Amazon's."""


class InvoiceAws(Source):
    """Invoices from AWS; see the module's docstring."""

    kind = "invoice_aws"
    Config = InvoiceAwsConfig
    begins = MappingProxyType(
        {"": "bill: <bill>  # which source of billing\naccount_id: '111122223333'  # the account that pays\n"}
    )
    config: InvoiceAwsConfig

    @property
    def secrets(self) -> tuple[str, ...]:
        return amazon.SECRETS

    def probe(self, period: Period) -> int:
        """Asks for one invoice of the period's first month."""
        next(iter(self._pages(f"{period.start:%Y-%m}", most=1)), None)
        return len(self.units(period))

    def units(self, period: Period) -> list[str]:
        """Months ``2026-10`` of the period, and ``earlier_months`` before it."""
        return months_touched(period, self.config.earlier_months)

    def lists(self, unit: str, period: Period) -> bool:
        return unit in self.units(period)

    def fetch(self, unit: str, pull: Pull) -> None:
        for number, content in enumerate(self._pages(unit), 1):
            name = f"summaries/{number:04d}.json"
            pull.add(name, f"invoicing:ListInvoiceSummaries?{self.config.account_id}/{unit}", content)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        details = invoice_details.InvoiceDetails(self.name, landed.landing_id, self.config.bill)
        once = Once()
        for index, item in enumerate(landed.objects):
            lines: list[int] = []
            told: list[dict[str, str | None]] = []
            for summary in _summaries(landed.path(item).read_bytes(), self.name, item.name):
                once.check(summary, summary.required_text("InvoiceId"))
                rows = self._rows(summary, landed.unit)
                lines += [summary.line] * len(rows)
                told += rows
            yield "invoice_details", details.table(lines, told, file=item.name, line_base=folders.line_base(index))

    def cited(self, path: Any, name: str, line: int) -> str:
        """The n-th invoice of a page, cut out of its answer as it stands."""
        return results.cited(path, name, line, source=self.name, member="InvoiceSummaries")

    def _pages(self, unit: str, most: int = 100) -> Iterator[bytes]:
        """The answers for one month, as received."""
        month = days_named(unit)
        assert month is not None
        asked = {
            "Selector": {"ResourceType": "ACCOUNT_ID", "Value": self.config.account_id},
            "Filter": {"BillingPeriod": {"Year": month.start.year, "Month": month.start.month}},
        }
        received: list[bytes] = []

        def receive(http_response: Any, **_: Any) -> None:
            told = http_response.headers.get("Content-Length")
            received.append(http_response.content)
            if told and int(told) != len(received[-1]):  # boto3 takes what came of an answer for all of it
                problem = f"{len(received[-1])} bytes came of an answer of {told}"
                raise SourceUnavailable(problem, source=self.name, period=unit, hint="run again later")

        with amazon.errors(
            "the Invoicing API",
            source=self.name,
            check="check account_id and region",
            permission="invoicing:ListInvoiceSummaries",
        ):
            client = amazon.client("invoicing", self.config.endpoint_url, self.config.region)
            client.meta.events.register("after-call.invoicing.ListInvoiceSummaries", receive)
            pages = client.get_paginator("list_invoice_summaries")
            try:
                for _ in pages.paginate(**asked, PaginationConfig={"PageSize": most}):
                    yield received[-1]
            except ValueError as error:  # of a time, which boto3 reads by itself
                problem = f"an answer that boto3 cannot read: {error}"
                raise SourceChangedShape(problem, source=self.name, period=unit) from None

    def _rows(self, summary: Result, unit: str) -> list[dict[str, str | None]]:
        """An invoice in the columns of FOCUS's Invoice Detail; none of a receipt. Raises ``SourceRejected`` for one of another month."""
        kind = summary.required_text("InvoiceType")
        if kind not in _TYPES:
            raise summary.changed(f"InvoiceType {kind!r:.40} is none of {', '.join(_TYPES)}")
        if kind == _RECEIPT:
            return []
        year, month = (summary.count(f"BillingPeriod.{part}", required=True) for part in ("Year", "Month"))
        if f"{year:04d}-{month:02d}" != unit:
            raise summary.rejected(f"is of {year:04d}-{month:02d}, which was not asked for", "pull the month again")
        currency = "PaymentCurrencyAmount" if self.config.amounts == "payment" else "BaseCurrencyAmount"
        total = self._amount(summary, f"{currency}.TotalAmount", kind)
        if total is None:
            raise summary.rejected(f"{currency}.TotalAmount is empty", "set `amounts`, or report it to AWS")
        before_tax = self._amount(summary, f"{currency}.TotalAmountBeforeTax", kind)
        tax = self._amount(summary, f"{currency}.AmountBreakdown.Taxes.TotalAmount", kind)
        # of a total and one of its two parts the other one follows; a part alone would look like lines that do not make the total
        if tax is None and before_tax is not None:
            tax = money.sum_exactly(total, -before_tax)
        if before_tax is None and tax is not None:
            before_tax = money.sum_exactly(total, -tax)
        whole = {
            "InvoiceId": summary.required_text("InvoiceId"),
            "InvoiceIssuerName": summary.text("Entity.InvoicingEntity"),
            "BillingAccountId": summary.text("AccountId"),
            "BillingPeriodStart": f"{unit}-01",
            "BillingCurrency": summary.required_text(f"{currency}.CurrencyCode"),
            "InvoiceIssueDate": _day(summary, "IssuedDate"),
            "PaymentDueDate": _day(summary, "DueDate"),
            "ReferenceInvoiceId": summary.text("OriginalInvoiceId"),
            "x_InvoiceTotal": f"{total:f}",
        }
        parts = {"before tax": (before_tax, None), "tax": (tax or None, "Tax")}
        lines = [
            {"InvoiceDetailDescription": part, "BilledCost": f"{amount:f}", "ChargeCategory": category}
            for part, (amount, category) in parts.items()
            if amount is not None
        ]
        return [whole | line for line in lines or [{}]]

    def _amount(self, summary: Result, name: str, kind: str) -> Decimal | None:
        """An amount as it counts for who pays. Raises ``SourceRejected`` for one that is none, or a credit memo's of the wrong sign."""
        if (text := summary.text(name)) is None:
            return None
        try:
            amount = money.parse_amount(text)
            if kind == _CREDIT:
                amount = invoice_details.credit(
                    amount, is_negative=self.config.credit_memos == "negative", setting="credit_memos"
                )
        except ValueError as error:
            raise summary.rejected(f"{name}: {error}", "pull the month again, or see the settings") from None
        return amount


def _summaries(content: bytes, source: str, file: str) -> Iterator[Result]:
    body = http.parse_json(content, source=source, file=file, number=str)
    for line, fields in enumerate(Result(source, file, 0, body).members("InvoiceSummaries"), 1):
        yield Result(source, file, line, fields)


def _day(summary: Result, name: str) -> str | None:
    """The UTC day of seconds since 1970 (ISO)."""
    if (text := summary.text(name)) is None:
        return None
    try:
        return f"{datetime.fromtimestamp(int(Decimal(text)), UTC):%Y-%m-%d}"
    except (InvalidOperation, ValueError, OverflowError, OSError):
        raise summary.changed(f"{name} {text!r:.40} is no count of seconds") from None
