"""An invoice is FOCUS 1.4's Invoice Detail: rows of text in its columns become the lake's ``invoice_details`` here.

https://focus.finops.org/focus-specification/, dataset "Invoice Detail"; ``x_InvoiceTotal`` is what the paper says is to be paid,
which FOCUS leaves to the sum of the lines, ``x_InvoiceTax`` what of it is tax, where no lines tell. A source of invoices maps what it
reads to these names and never parses an amount, a day or a status itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unicodedata import category

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.sources import focus, focus_values

if TYPE_CHECKING:
    import pyarrow as pa

REQUIRED = ("InvoiceId", "BillingPeriodStart", "BillingCurrency")
_AMOUNTS = {"billed_cost": "BilledCost", "invoice_total": "x_InvoiceTotal"}
_DAYS = {"invoice_issue_date": "InvoiceIssueDate", "payment_due_date": "PaymentDueDate"}
_TEXT = {
    "billing_account_id": "BillingAccountId",
    "invoice_id": "InvoiceId",
    "invoice_detail_id": "InvoiceDetailId",
    "invoice_issuer_name": "InvoiceIssuerName",
    "reference_invoice_id": "ReferenceInvoiceId",
    "invoice_detail_description": "InvoiceDetailDescription",
}
#: Every column that is read.
COLUMNS = (
    *REQUIRED,
    *_AMOUNTS.values(),
    "x_InvoiceTax",
    *_DAYS.values(),
    *(name for name in _TEXT.values() if name not in REQUIRED),
    "InvoiceIssueStatus",
    "ChargeCategory",
)
#: What stands before the cents → digits as they are written then: in a row, or in threes with one and the same sign between.
_DIGITS = {
    ".": re.compile(r"(\d{1,3}([,' ])\d{3}(\2\d{3})*|\d+)(\.\d+)?", re.ASCII),
    ",": re.compile(r"(\d{1,3}([.' ])\d{3}(\2\d{3})*|\d+)(,\d+)?", re.ASCII),
}
#: What stands before and behind the digits, but for a currency → the sign of the amount.
_SIGNS = {("", ""): "", ("+", ""): "", ("-", ""): "-", ("", "-"): "-", ("(", ")"): "-"}
#: ``$``, ``US$`` or ``USD``: it says nothing here, as a dollar is one of many.
_CURRENCY = re.compile(r"[A-Z]{0,3}\u00a4|[A-Z]{3}")
_AROUND_DIGITS = re.compile(r"(\D*)(\d.*\d|\d)(\D*)", re.ASCII)
#: The states of an invoice.
STATES = ("issued", "open", "voided")


def select(
    header: Sequence[str], *, renamed: Mapping[str, str], constant: Mapping[str, str], source: str, file: str
) -> dict[str, str]:
    """{column of the contract: column of the file}. Raises ``SourceChangedShape`` naming a required column that is missing."""
    wanted = {"renamed": renamed, "constant": constant}
    return focus.select(header, **wanted, columns=COLUMNS, required=REQUIRED, source=source, file=file)


class InvoiceDetails:
    """Lake rows of the invoices that one landing tells of the billing source ``bill``. ``day_form`` is how days are written
    (``strptime``), null for ISO 8601."""

    def __init__(self, source: str, landing_id: str, bill: str, day_form: str | None = None) -> None:
        self.place = {"source": source, "landing_id": landing_id, "bill": bill}
        self.source, self.day_form = source, day_form

    def table(
        self, lines: Sequence[int], rows: Sequence[Mapping[str, str | None]], *, file: str, line_base: int = 0
    ) -> pa.Table:
        """Rows of text by column → ``lake.schema("invoice_details")``. Raises ``SourceRejected`` naming file and line."""
        import pyarrow as pa

        found = []
        for line, row in zip(lines, rows, strict=True):
            try:
                place = self.place | {"landing_line": line + line_base}
                found += [place | self._typed(part) for part in _parts(row)]
            except ValueError as error:
                raise SourceRejected(
                    str(error), source=self.source, file=file, line=line, hint="correct it, or map it under `values`"
                ) from None
        return pa.Table.from_pylist(found, schema=schema("invoice_details"))

    def _typed(self, row: Mapping[str, str | None]) -> dict[str, Any]:
        """One line of an invoice. Raises ``ValueError`` for what no invoice says."""
        for name in REQUIRED:
            if not row.get(name):
                raise ValueError(f"{name} is empty")
        told: dict[str, Any] = {column: row.get(name) for column, name in _TEXT.items()}
        for column, name in _AMOUNTS.items():
            amount = None if row.get(name) is None else _amount(name, str(row[name]))
            told |= {column: amount and amount.rounded, f"{column}_text": amount and amount.text}
        if told["billed_cost"] is None and told["invoice_total"] is None:
            raise ValueError("neither BilledCost nor x_InvoiceTotal says an amount")
        for column, name in _DAYS.items():
            told[column] = None if row.get(name) is None else self._day(name, str(row[name]))
        status = (row.get("InvoiceIssueStatus") or "issued").lower()
        if status not in STATES:
            raise ValueError(f"InvoiceIssueStatus {status!r:.40} is none of {', '.join(STATES)}")
        category = row.get("ChargeCategory")
        return told | {
            "invoice_issue_status": status,
            "billing_period_start": self._month(str(row["BillingPeriodStart"])),
            "billing_currency": focus_values.currency(str(row["BillingCurrency"])),
            "charge_category": None if category is None else focus_values.category(category),
        }

    def _month(self, text: str) -> date:
        return focus_values.month(text) if text[:4].isdigit() else self._day("BillingPeriodStart", text).replace(day=1)

    def _day(self, name: str, text: str) -> date:
        try:
            if self.day_form and not re.match(r"\d{4}-", text):
                return datetime.strptime(text, self.day_form).date()
            return focus_values.instant(text).date()
        except ValueError:
            form = self.day_form or "YYYY-MM-DD"
            raise ValueError(f"{name} {text!r:.40} is no day, {form}") from None


def _parts(row: Mapping[str, str | None]) -> list[Mapping[str, str | None]]:
    """A row that tells an invoice whole and its tax, as a line before tax and one of tax; any other as it is. Raises ``ValueError``."""
    if not (told := row.get("x_InvoiceTax")):
        return [row]
    if not (total := row.get("x_InvoiceTotal")):
        raise ValueError("x_InvoiceTax without x_InvoiceTotal: tax of what is not told")
    if row.get("BilledCost"):
        raise ValueError("BilledCost and x_InvoiceTax: a line and the tax of a whole invoice")
    tax = money.parse_amount(told)
    before = {**row, "BilledCost": f"{money.sum_exactly(tax.copy_negate(), total):f}"}
    return [before, {**row, "BilledCost": told, "ChargeCategory": "Tax"}] if tax else [before]


def credit(amount: Decimal, *, is_negative: bool, setting: str) -> Decimal:
    """What a credit note's amount takes from what is owed, not above 0. Raises ``ValueError`` where its sign is another one than
    ``setting`` says it is told with: taken the wrong way, it would be wrong by twice the amount."""
    if amount and (amount < 0) != is_negative:
        raise ValueError(f"{amount:f} of a credit note has the wrong sign; say in `{setting}` how it is told")
    return -abs(amount)


def _amount(name: str, text: str) -> money.Amount:
    try:
        return money.charged(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def written_amount(text: str, decimal_sign: str) -> str | None:
    """An amount as written on paper, in digits with a point: ``1.234,50 -`` is -1234.50, ``($12.00)`` is -12.00; null for none."""
    signs = {"\u2212": "-", "\u2013": "-", "\u2019": "'"}
    written = "".join("\u00a4" if category(sign) == "Sc" else signs.get(sign, sign) for sign in " ".join(text.split()))
    parts = _AROUND_DIGITS.fullmatch(written)
    digits = parts and _DIGITS[decimal_sign].fullmatch(parts[2])
    if not parts or not digits:
        return None
    before, behind = (_CURRENCY.sub("", part, count=1).replace(" ", "") for part in (parts[1], parts[3]))
    if (sign := _SIGNS.get((before, behind))) is None:
        return None
    whole, cents = re.sub(r"\D", "", digits[1]), (digits[4] or "").replace(decimal_sign, ".")
    return f"{sign}{whole}{cents}"
