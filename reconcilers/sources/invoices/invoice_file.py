"""Invoices from CSV or Parquet files, in a local folder or an S3 prefix: what is to be paid for a bill.

One row is one line of an invoice, in the columns of FOCUS 1.4's Invoice Detail (https://focus.finops.org/focus-specification/),
or one row a whole invoice where only its total is known. One file is one unit and replaces its earlier delivery whole; of an
invoice that several files tell, the file told last counts, so a file may bring new states alone (rule R33). Columns, by these
names or as mapped under ``columns``::

    InvoiceId                 required: the number on the paper
    BillingPeriodStart        required: a day of the month it is for
    BillingCurrency           required: three upper-case letters
    BilledCost                of the line; negative on a credit note
    x_InvoiceTotal            what the invoice says is to be paid in all, tax included, the same on each of its lines
    x_InvoiceTax              what of that is tax, of a row that is a whole invoice: it becomes a line of its own
    InvoiceIssueStatus        Issued, Open or Voided; Issued where the column is missing or empty
    InvoiceDetailId, InvoiceDetailDescription, ChargeCategory (Tax tells a line of tax apart), InvoiceIssuerName, InvoiceIssueDate,
    PaymentDueDate, BillingAccountId
    ReferenceInvoiceId        the invoice that a credit note or a reissue refers to

A row tells a cost, a total, or both; one that tells neither, or that cannot be read, refuses its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from reconcilers.sources import folders, invoice_details, tabular
from reconcilers.sources.every_file import EveryFile, EveryFileConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed


class InvoiceFileConfig(EveryFileConfig):
    """Where the files are, what their columns are called, and whose invoices they are."""

    bill: str = Field(examples=["openai"])
    """The source under `billing` that these invoices are for."""
    columns: dict[str, str] = Field(default_factory=dict, examples=[{"InvoiceId": "Number"}])
    """The file's own column for a column of the contract."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"BillingCurrency": "USD"}])
    """The value of a column of the contract that the file does not have."""
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict, examples=[{"InvoiceIssueStatus": {"paid": "Issued"}}]
    )
    """What a value of the file means, column by column."""
    time_format: str | None = Field(default=None, examples=["%m/%d/%Y"])
    """The form of days that are not in ISO 8601, as `strptime` has it."""

    @model_validator(mode="after")
    def _known_columns(self) -> InvoiceFileConfig:
        named = set(self.columns) | set(self.constants) | set(self.values)
        if unknown := sorted(named - set(invoice_details.COLUMNS)):
            raise ValueError(f"not columns of the contract: {', '.join(unknown)}")
        return self


class InvoiceFile(EveryFile):
    """Lines of invoices from files; see the module's docstring."""

    kind = "invoice_file"
    Config = InvoiceFileConfig
    begins = MappingProxyType(
        {"": "uri: invoices  # a folder, or s3://bucket/prefix\nbill: <bill>  # which source of billing\n"}
    )
    config: InvoiceFileConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        details = invoice_details.InvoiceDetails(
            self.name, landed.landing_id, self.config.bill, self.config.time_format
        )
        for index, item in enumerate(landed.objects):
            base = folders.line_base(index)
            select = partial(self._select, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                rows = zip(*batch.columns.values(), strict=True)
                told = [self._told(dict(zip(batch.columns, texts, strict=True))) for texts in rows]
                yield "invoice_details", details.table(batch.lines, told, file=item.name, line_base=base)

    def _select(self, file: str, header: Sequence[str]) -> dict[str, str]:
        return invoice_details.select(
            header, renamed=self.config.columns, constant=self.config.constants, source=self.name, file=file
        )

    def _told(self, texts: Mapping[str, str | None]) -> dict[str, str | None]:
        """The row in the columns of the contract, values as the file means them."""
        config, told = self.config, dict[str, Any](self.config.constants)
        for name, text in texts.items():
            value = None if text is None else config.values.get(name, {}).get(text.strip(), text.strip())
            told[name] = value or told.get(name)
        return told
