"""Invoices of Google Cloud: the *Cost table* of an invoice, which the console's Billing pages give as CSV. No API has them.

Lines of key and value (``Invoice number``, ``Invoice date``, ``Due date``, ``Billing account ID``, ``Currency``, ``Total amount due``)
stand before the table; its own header begins with ``Billing account name``. A row is a SKU of a project, or a credit on one, in
the invoice's currency whatever sign the header has, with more digits than cents (``Unrounded cost``); a row ``Rounding error`` is
part of what is due, a row ``Total`` says the whole table again. What is left between the rows and the cents that are due stands as a
row of its own. An invoice is of the month of its date: a row's usage may begin in the month before.

Read from three public descriptions of such files (2026), not from one of an account: what is not settled by them is whether ``Total``
counts the rounding error, so either is taken. A table that was downloaded without its savings, or with a filter, does not come to
what is due, and is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.sources import folders, invoice_details, tabular
from reconcilers.sources.contract import Expression
from reconcilers.sources.every_file import EveryFile, EveryFileConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

_HEADER = "billing account name"
_COST = re.compile(r"unrounded cost \(.*\)")
_TOTAL, _ROUNDING = "total", "rounding error"
#: ``Cost type`` in lower case → FOCUS's charge category; a row with a ``Credit type`` is a credit, whatever its type.
_CATEGORIES = {"usage": "Usage", "tax": "Tax", "adjustment": "Adjustment", _ROUNDING: "Adjustment"}
_CENT = Decimal("0.01")

Row = dict[str, str]


class InvoiceGcpConfig(EveryFileConfig):
    """Where the tables are, and whose invoices they are."""

    bill: str = Field(examples=["gcp"])
    """The source under `billing` that these invoices are for."""
    pattern: Expression = r"(?i).*\.csv(\.(gz|zst|zip))?"
    """A regular expression for whole keys below `uri`."""
    rows: Literal["all", "none"] = "all"
    """`none` reads of a table only what is due, where it was downloaded without its savings; then tax is not told apart."""
    decimal_sign: Literal[".", ","] = "."
    """What stands before the cents; it follows the language of whoever downloads the table."""


class InvoiceGcp(EveryFile):
    """Invoices from Google's console; see the module's docstring."""

    kind = "invoice_gcp"
    Config = InvoiceGcpConfig
    begins = MappingProxyType(
        {"": "uri: invoices  # a folder, or s3://bucket/prefix\nbill: <bill>  # which source of billing\n"}
    )
    config: InvoiceGcpConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        details = invoice_details.InvoiceDetails(self.name, landed.landing_id, self.config.bill)
        for index, item in enumerate(landed.objects):
            lines, rows = _CostTable(self, item.name, landed.path(item)).invoice()
            base = folders.line_base(index)
            yield "invoice_details", details.table(lines, rows, file=item.name, line_base=base)


class _CostTable:
    """One file: what stands before its table, and the rows with the lines they are on."""

    def __init__(self, source: InvoiceGcp, file: str, path: Path) -> None:
        self._source, self._file = source, file
        self.told: dict[str, tuple[int, str]] = {}
        self.rows: list[tuple[int, Row]] = []
        header: list[str] | None = None
        for line, fields in self._records(path):
            if header is not None:
                if len(fields) != len(header):
                    raise self._rejected(f"{len(fields)} fields where the header has {len(header)}", line)
                self.rows.append((line, dict(zip(header, fields, strict=True))))
            elif fields[0].lower() == _HEADER:
                header = ["unrounded cost" if _COST.fullmatch(name.lower()) else name.lower() for name in fields]
            elif len(fields) > 1:
                self.told[fields[0].lower()] = line, fields[1]
        if header is None:
            raise self._changed("no header that begins with Billing account name")
        if absent := next(
            (name for name in ("cost type", "credit type", "unrounded cost") if name not in header), None
        ):
            raise self._changed(f"no column {absent}")

    def invoice(self) -> tuple[list[int], list[dict[str, str | None]]]:
        """(line, columns of FOCUS's Invoice Detail) of every row of the invoice. Raises ``SourceRejected`` where they do not come to
        what is due."""
        due_line, due_text = self._told("total amount due")
        due = self._amount("total amount due", due_line, due_text)
        whole: dict[str, str | None] = {
            "InvoiceId": self._told("invoice number")[1],
            "InvoiceIssuerName": "Google",
            "BillingAccountId": self._told("billing account id")[1],
            "BillingPeriodStart": self._told("invoice date")[1],
            "BillingCurrency": self._told("currency")[1],
            "InvoiceIssueDate": self._told("invoice date")[1],
            "PaymentDueDate": self.told.get("due date", (0, ""))[1] or None,
            "x_InvoiceTotal": f"{due:f}",
        }
        if self._source.config.rows == "none":
            return [due_line], [whole]
        lines, rows, made, rounding, total = [], [], Decimal(0), Decimal(0), None
        for line, row in self.rows:
            cost = self._amount("unrounded cost", line, row["unrounded cost"])
            kind = row["cost type"].lower()
            if kind == _TOTAL:
                total = cost
                continue
            if kind not in _CATEGORIES:
                raise self._changed(f"Cost type {row['cost type']!r:.40} is none of {', '.join(_CATEGORIES)}", line)
            made = money.sum_exactly(made, cost)
            rounding = money.sum_exactly(rounding, cost) if kind == _ROUNDING else rounding
            category = "Credit" if row["credit type"] else _CATEGORIES[kind]
            lines.append(line)
            rows.append(whole | _line(row, cost, category))
        if total is not None and total not in (made, money.sum_exactly(made, -rounding)):
            raise self._rejected(f"its rows come to {made:f}, its own total is {total:f}", None)
        left = money.sum_exactly(due, -made)
        if abs(left) >= _CENT:
            hint = "download it with every saving ticked and without filters, or set `rows: none`"
            raise self._rejected(f"its rows come to {made:f} and {due:f} is due", due_line, hint)
        if left:
            lines.append(due_line)
            text = "rounded to what is due"
            rows.append(
                whole | {"InvoiceDetailDescription": text, "BilledCost": f"{left:f}", "ChargeCategory": "Adjustment"}
            )
        return (lines, rows) if rows else ([due_line], [whole])

    def _records(self, path: Path) -> Iterator[tuple[int, list[str]]]:
        """(line, fields without blanks around them) of every record that is not empty."""
        source = self._source.name
        with (
            folders.open_unpacked(path, self._file, source=source) as raw,
            io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
        ):
            reader, line = csv.reader(tabular.text_lines(text), strict=True), 1
            try:
                for fields in reader:
                    if any(field.strip() for field in fields):
                        yield line, [field.strip() for field in fields]
                    line = reader.line_num + 1
            except (csv.Error, UnicodeDecodeError) as error:
                raise self._rejected(f"not a readable CSV file: {error!s:.120}", line) from None

    def _told(self, name: str) -> tuple[int, str]:
        """Line and value of what stands before the table."""
        line, value = self.told.get(name, (0, ""))
        if not value:
            hint = "an invoice's own table has it: choose the invoice in the console, not a range of days"
            raise self._rejected(f"{name.capitalize()} is not told", line or None, hint)
        return line, value

    def _amount(self, name: str, line: int, text: str) -> Decimal:
        told = invoice_details.written_amount(text, self._source.config.decimal_sign)
        if told is None:
            problem = f"{name} {text!r:.40} is no amount with {self._source.config.decimal_sign!r} before its cents"
            raise self._rejected(problem, line, "set `decimal_sign`")
        try:
            return money.parse_amount(told)
        except ValueError as error:
            raise self._rejected(f"{name}: {error}", line) from None

    def _rejected(self, problem: str, line: int | None, hint: str = "download the table again") -> SourceRejected:
        return SourceRejected(problem, source=self._source.name, file=self._file, line=line, hint=hint)

    def _changed(self, problem: str, line: int | None = None) -> SourceChangedShape:
        hint = "download the Cost table of an invoice as CSV, in English"
        return SourceChangedShape(problem, source=self._source.name, file=self._file, line=line, hint=hint)


def _line(row: Mapping[str, str], cost: Decimal, category: str) -> dict[str, str | None]:
    """What is of one row of the table."""
    words = [row.get(name) or "" for name in ("project id", "service description", "sku description", "credit type")]
    told = " / ".join(word for word in words if word) or row["cost type"]
    return {"InvoiceDetailDescription": told, "BilledCost": f"{cost:f}", "ChargeCategory": category}
