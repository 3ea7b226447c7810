"""Invoices as PDF files: text is read where it stands, and a declared template says what of it is which column.

A template is a regular expression a column of ``invoice_details`` (FOCUS 1.4, Invoice Detail), looked for in the text of the whole
document, line by line as a reader sees it; what its first group holds is the value. ``lines`` is one for every line of the
invoice, with a named group a column. Amounts and days are written as ``decimal_sign`` and ``time_format`` say and become exact
decimals. One file is one unit. A file in which a required column or a declared amount is not found, or whose lines do not make the
subtotal that it tells itself, is refused: then the template does not read it. Pages that are pictures have no text and are refused
as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.sources import folders, invoice_details, results
from reconcilers.sources.contract import Expression
from reconcilers.sources.every_file import EveryFile, EveryFileConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pdfplumber.page import Page

    from reconcilers.ingest.landing import Landed

#: Pages and characters no invoice has.
_MOST_PAGES, _MOST_CHARACTERS = 400, 4_000_000
_AMOUNTS = ("BilledCost", "x_InvoiceTotal", "x_InvoiceTax", "x_Subtotal")
#: What an invoice cannot be read without, where the template says it.
_NEEDED = (*invoice_details.REQUIRED, *_AMOUNTS)
_HINT = "fit `fields` and `lines` to the text of the file"


class InvoicePdfConfig(EveryFileConfig):
    """Where the files are, whose invoices they are, and how one is read."""

    bill: str = Field(examples=["openai"])
    """The source under `billing` that these invoices are for."""
    fields: dict[str, Expression] = Field(
        examples=[{"InvoiceId": r"Invoice number\s+(\S+)", "x_InvoiceTotal": r"Amount due\s+\$([\d,.]+)"}]
    )
    """A regular expression a column, whose first group is the value; `x_Subtotal` is what the lines make together, without tax. A
    file in which an amount named here is not found is refused."""
    lines: Expression | None = Field(
        default=None, examples=[r"^(?P<InvoiceDetailDescription>.+?) +\$(?P<BilledCost>-?[\d,.]+)$"]
    )
    """A regular expression for a line of the invoice, with a named group a column."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"BillingCurrency": "USD"}])
    """The value of a column that the paper does not tell, or not always."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict, examples=[{"ChargeCategory": {"VAT": "Tax"}}])
    """What a text of the paper means, column by column."""
    decimal_sign: Literal[".", ","] = "."
    """What stands before the cents; the other of the two, blanks or apostrophes may part thousands. A minus stands before or behind
    the amount, or parentheses around it."""
    time_format: str | None = Field(default=None, examples=["%B %d, %Y"])
    """The form of days that are not in ISO 8601, as `strptime` has it."""
    pattern: Expression = r"(?i).*\.pdf"
    """A regular expression for whole keys below `uri`."""

    @model_validator(mode="after")
    def _reads_what_an_invoice_has(self) -> InvoicePdfConfig:
        known = {*invoice_details.COLUMNS, "x_Subtotal"}
        of_lines = set(re.compile(self.lines).groupindex) if self.lines else set()
        if unknown := sorted((set(self.fields) | of_lines | set(self.constants) | set(self.values)) - known):
            raise ValueError(f"not columns of an invoice: {', '.join(unknown)}")
        if flat := [column for column, text in self.fields.items() if re.compile(text).groups < 1]:
            raise ValueError(f"the expression of {flat[0]} has no group that holds its value")
        told = set(self.fields) | set(self.constants) | of_lines
        if missing := [column for column in invoice_details.REQUIRED if column not in told]:
            raise ValueError(f"nothing tells {', '.join(missing)}; name an expression or a constant")
        if "BilledCost" not in of_lines and "x_InvoiceTotal" not in told:
            raise ValueError("neither x_InvoiceTotal nor lines with BilledCost tell what is to be paid")
        if "BilledCost" not in of_lines and "x_Subtotal" in told:
            raise ValueError("x_Subtotal is what lines make together, and no lines with BilledCost are read")
        return self


class InvoicePdf(EveryFile):
    """Invoices from PDF files; see the module's docstring."""

    kind = "invoice_pdf"
    Config = InvoicePdfConfig
    begins = MappingProxyType(
        {
            "": "uri: invoices  # a folder, or s3://bucket/prefix\nbill: <bill>  # which source of billing\n"
            "fields:  # what of the text is which column; the first group is the value\n"
            "  InvoiceId: 'Invoice number\\s+(\\S+)'\n"
            "  BillingPeriodStart: 'Billing period\\s+(\\S+)'\n"
            "  x_InvoiceTotal: 'Amount due\\s+\\$([\\d,.]+)'\n"
            "constants: {BillingCurrency: USD}\n"
        }
    )
    config: InvoicePdfConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        details = invoice_details.InvoiceDetails(
            self.name, landed.landing_id, self.config.bill, self.config.time_format
        )
        for index, item in enumerate(landed.objects):
            lines, rows = self._rows(landed.path(item), item.name)
            base = folders.line_base(index)
            yield "invoice_details", details.table(lines, rows, file=item.name, line_base=base)

    def cited(self, path: Path, name: str, line: int) -> str:
        """The n-th line of the document's text."""
        lines = self._text(path, name).splitlines()
        if not 0 < line <= len(lines):
            raise SourceRejected(f"no line {line}", source=self.name, file=name, hint="landing was changed; restore it")
        return lines[line - 1]

    def _text(self, path: Path, name: str) -> str:
        """The text of all pages. Raises ``SourceRejected`` for what is no PDF, has no text or is longer than any invoice."""
        import pdfplumber
        from pdfplumber.utils.exceptions import PdfminerException

        try:
            with pdfplumber.open(path) as document:
                if len(document.pages) > _MOST_PAGES:
                    raise SourceRejected(f"{len(document.pages)} pages", source=self.name, file=name)
                text = "\n".join(_text_of(page) for page in document.pages)
        except PdfminerException as error:
            problem = f"not a readable PDF file: {error!r:.120}"
            raise SourceRejected(problem, source=self.name, file=name, hint="ask for the file again") from None
        if len(text) > _MOST_CHARACTERS:
            raise SourceRejected(f"{len(text)} characters of text", source=self.name, file=name)
        if not text.strip():
            raise SourceRejected(
                "its pages hold no text",
                source=self.name,
                file=name,
                hint="a scan; give its figures as a row of invoice_file",
            )
        return text

    def _rows(self, path: Path, name: str) -> tuple[list[int], list[dict[str, str | None]]]:
        """(line of the text, its columns) of every line of the invoice, or of the whole where no line is read."""
        text, config = self._text(path, name), self.config
        whole: dict[str, str | None] = dict(config.constants)
        for column, expression in config.fields.items():
            found = re.search(expression, text, re.MULTILINE)
            told = self._value(column, found[1], name, _line_of(text, found)) if found else None
            if told is not None:
                whole[column] = told
            elif column in _NEEDED and column not in whole:
                raise self._unread(f"{column} is not found", name)
        subtotal = whole.pop("x_Subtotal", None)
        lines, rows = [], []
        for found in re.finditer(config.lines, text, re.MULTILINE) if config.lines else ():
            line = _line_of(text, found)
            row = {column: self._value(column, value, name, line) for column, value in found.groupdict().items()}
            rows.append(whole | {column: value for column, value in row.items() if value is not None})
            lines.append(line)
            if absent := next((column for column in _AMOUNTS if column in row and column not in rows[-1]), None):
                raise self._unread(f"{absent} is not found", name, line)
        if config.lines and not rows:
            raise self._unread("no line of it is found", name)
        if subtotal is not None:
            self._check_subtotal(rows, subtotal, whole.get("BillingCurrency"), name)
        return (lines, rows) if rows else ([1], [whole])

    def _check_subtotal(
        self, rows: Sequence[Mapping[str, str | None]], subtotal: str, currency: str | None, name: str
    ) -> None:
        """Raises ``SourceRejected`` where the lines, but for those of tax, do not make the subtotal that the file tells."""
        made: dict[str, Decimal] = {}
        try:
            for row in rows:
                if (row.get("ChargeCategory") or "").lower() != "tax":
                    of = row.get("BillingCurrency") or ""
                    made[of] = money.sum_exactly(made.get(of, Decimal(0)), row["BilledCost"] or "")
            told = {currency or "": money.parse_amount(subtotal)}
        except ValueError as error:
            raise self._unread(str(error), name) from None
        hint = f"{_HINT}; `x_Subtotal` is the total without tax"
        results.check_total(made, told, source=self.name, of="the invoice", file=name, hint=hint)

    def _value(self, column: str, text: str | None, name: str, line: int) -> str | None:
        """What a text of the paper means; of nothing null. Raises ``SourceRejected`` for an amount that is written in no known form."""
        told = " ".join((text or "").split()) or None
        if told is None:
            return None
        told = self.config.values.get(column, {}).get(told, told)
        if column not in _AMOUNTS:
            return told
        if (amount := invoice_details.written_amount(told, self.config.decimal_sign)) is None:
            problem = f"{column} {told!r:.40} is no amount with {self.config.decimal_sign!r} before its cents"
            raise self._unread(problem, name, line, "set `decimal_sign`, or let the expression take the amount alone")
        return amount

    def _unread(self, problem: str, name: str, line: int | None = None, hint: str = _HINT) -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=name, line=line, hint=hint)


def _text_of(page: Page) -> str:
    """A page's text, with a blank before digits that are raised behind others, as a footnote's mark behind an amount is: without it
    $310 with the mark 2 is $3102 (findings/pdfplumber_footnote_joins_amount.sh)."""
    chars = page.chars
    for at, char in enumerate(chars):
        char["raised"] = at > 0 and _is_raised(char, chars[at - 1])
    return page.extract_text(extra_attrs=["raised"])


def _is_raised(char: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a digit stands smaller and higher than the digit it follows, or goes on with one that does."""
    size, height = before["size"], before["bottom"] - char["bottom"]
    if not (before["text"].isdigit() and char["text"].isdigit() and abs(char["x0"] - before["x1"]) < size / 2):
        return False
    if before["raised"] and char["size"] == size:
        return bool(height < size / 5)
    # What is only smaller reaches less far below the line, too, but by less than this.
    return bool(char["size"] < size and height > size / 5)


def _line_of(text: str, found: re.Match[str]) -> int:
    """The line of the text in which a match begins."""
    return text.count("\n", 0, found.start()) + 1
