"""Invoices as PDF files: text is read where it stands, and a declared template says what of it is which column.

A template is a regular expression a column of ``invoice_details`` (FOCUS 1.4, Invoice Detail), looked for in the text of the whole
document, line by line as a reader sees it; what its first group holds is the value. ``lines`` is one for every line of the
invoice, with a named group a column. Amounts and days are written as ``decimal_sign`` and ``time_format`` say and become exact
decimals. One file is one unit. A file in which a required column is not found, or whose lines do not make the subtotal that it
tells itself, is refused: then the template does not read it. Pages that are pictures have no text and are refused as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from unicodedata import category

from pydantic import Field, field_validator, model_validator

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.sources import folders, invoice_details
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull
    from reconcilers.periods import Period

#: Pages and characters no invoice has.
_MOST_PAGES, _MOST_CHARACTERS = 400, 4_000_000
_AMOUNTS = ("BilledCost", "x_InvoiceTotal", "x_Subtotal")


class InvoicePdfConfig(SourceConfig):
    """Where the files are, whose invoices they are, and how one is read."""

    uri: str = Field(exclude=True, examples=["invoices"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    bill: str = Field(examples=["openai"])
    """The source under `billing` that these invoices are for."""
    fields: dict[str, str] = Field(
        examples=[{"InvoiceId": r"Invoice number\s+(\S+)", "x_InvoiceTotal": r"Amount due\s+\$([\d,.]+)"}]
    )
    """A regular expression a column, whose first group is the value; `x_Subtotal` is what the lines make together."""
    lines: str | None = Field(
        default=None, examples=[r"^(?P<InvoiceDetailDescription>.+?) +\$(?P<BilledCost>-?[\d,.]+)$"]
    )
    """A regular expression for a line of the invoice, with a named group a column."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"BillingCurrency": "USD"}])
    """The value of a column that the paper does not tell."""
    values: dict[str, dict[str, str]] = Field(default_factory=dict, examples=[{"ChargeCategory": {"VAT": "Tax"}}])
    """What a text of the paper means, column by column."""
    decimal_sign: Literal[".", ","] = "."
    """What stands before the cents; the other of the two, and blanks, part thousands."""
    time_format: str | None = Field(default=None, examples=["%B %d, %Y"])
    """The form of days that are not in ISO 8601, as `strptime` has it."""
    pattern: str = r"(?i).*\.pdf"
    """A regular expression for whole keys below `uri`."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""

    @field_validator("pattern", "lines")
    @classmethod
    def _is_expression(cls, pattern: str | None) -> str | None:
        _compiled(pattern or "")
        return pattern

    @model_validator(mode="after")
    def _reads_what_an_invoice_has(self) -> InvoicePdfConfig:
        known = {*invoice_details.COLUMNS, "x_Subtotal"}
        of_lines = set(_compiled(self.lines).groupindex) if self.lines else set()
        if unknown := sorted((set(self.fields) | of_lines | set(self.constants) | set(self.values)) - known):
            raise ValueError(f"not columns of an invoice: {', '.join(unknown)}")
        if flat := [column for column, text in self.fields.items() if _compiled(text).groups < 1]:
            raise ValueError(f"the expression of {flat[0]} has no group that holds its value")
        told = set(self.fields) | set(self.constants) | of_lines
        if missing := [column for column in invoice_details.REQUIRED if column not in told]:
            raise ValueError(f"nothing tells {', '.join(missing)}; name an expression or a constant")
        if not {"BilledCost"} & of_lines and "x_InvoiceTotal" not in told:
            raise ValueError("neither x_InvoiceTotal nor lines with BilledCost tell what is to be paid")
        return self


class InvoicePdf(Source):
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

    def units(self, period: Period) -> Iterable[str]:
        """Every file."""
        return [stored.key for stored in self._folder().list() if re.fullmatch(self.config.pattern, stored.key)]

    def lists(self, unit: str, period: Period) -> bool:
        return True

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        stored = next((found for found in folder.list(unit) if found.key == unit), None)
        if stored is None:
            raise SourceRejected("the file is gone", source=self.name, file=unit, hint="run again; a writer renamed it")
        with folder.copy(stored) as path:
            pull.add(unit, stored.uri, path)

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

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _text(self, path: Path, name: str) -> str:
        """The text of all pages. Raises ``SourceRejected`` for what is no PDF, has no text or is longer than any invoice."""
        import pdfplumber
        from pdfplumber.utils.exceptions import PdfminerException

        try:
            with pdfplumber.open(path) as document:
                if len(document.pages) > _MOST_PAGES:
                    raise SourceRejected(f"{len(document.pages)} pages", source=self.name, file=name)
                text = "\n".join(page.extract_text() for page in document.pages)
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
            if found is None and column in invoice_details.REQUIRED and column not in whole:
                raise self._unread(f"{column} is not found", name)
            if found is not None:
                whole[column] = self._value(column, found[1])
        subtotal = whole.pop("x_Subtotal", None)
        lines, rows = [], []
        for found in re.finditer(config.lines, text, re.MULTILINE) if config.lines else ():
            told = {column: self._value(column, value) for column, value in found.groupdict().items()}
            lines.append(text.count("\n", 0, found.start()) + 1)
            rows.append(whole | told)
        if config.lines and not rows:
            raise self._unread("no line of it is found", name)
        self._check_sum(rows, subtotal, name)
        return (lines, rows) if rows else ([1], [whole])

    def _check_sum(self, rows: list[dict[str, str | None]], subtotal: str | None, name: str) -> None:
        if subtotal is None or not rows:
            return
        try:
            made = sum(
                money.parse_amount(row["BilledCost"] or "") for row in rows if row.get("ChargeCategory") != "Tax"
            )
            told = money.parse_amount(subtotal)
        except ValueError as error:
            raise self._unread(str(error), name) from None
        if made != told:
            raise self._unread(f"its lines make {made:f}, its subtotal is {told:f}", name)

    def _value(self, column: str, text: str | None) -> str | None:
        told = " ".join((text or "").split()) or None
        if told is None:
            return None
        told = self.config.values.get(column, {}).get(told, told)
        return _plain(told, self.config.decimal_sign) if column in _AMOUNTS else told

    def _unread(self, problem: str, name: str) -> SourceRejected:
        return SourceRejected(
            problem, source=self.name, file=name, hint="fit `fields` and `lines` to the text of the file"
        )


def _plain(text: str, decimal_sign: str) -> str:
    """An amount as written on paper, in digits with a point: ``1.234,50 -`` is -1234.50, ``($12.00)`` is -12.00. A sign of a currency
    says nothing: a dollar is one of many."""
    parts = f"{',' if decimal_sign == '.' else '.'}'\u2019"
    kept = [sign for sign in text if sign not in parts and not sign.isspace() and category(sign) != "Sc"]
    plain = "".join(kept).replace(decimal_sign, ".").replace("\u2212", "-")
    if found := re.fullmatch(r"\((.+)\)|(.+)-", plain):
        plain = f"-{found[1] or found[2]}"
    return plain


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"{text!r:.60} is not a regular expression: {error}") from None
