"""Invoices on paper: what a template reads, to the cent, and what it refuses rather than guess."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sample_company.providers.paper import pdf
from reconcilers.sources import registry

PAGE = (
    "Example AI, Inc.                                   INVOICE",
    "Invoice number   EX-2026-0042",
    "Date of issue    October 2, 2026",
    "Billing period   September 1, 2026",
    "",
    "Description                                Amount",
    "API usage, example-large                $1,240.55",
    "Batch usage (50% off)                      $40.00",
    "Goodwill credit                          ($10.05)",
    "Subtotal                                $1,270.50",
    "VAT                                       $241.40",
    "Amount due                              $1,511.90 USD",
)
TEMPLATE: dict[str, Any] = {
    "fields": {
        "InvoiceId": r"Invoice number\s+(\S+)",
        "InvoiceIssueDate": r"Date of issue\s+(.+)",
        "BillingPeriodStart": r"Billing period\s+(.+)",
        "x_Subtotal": r"^Subtotal\s+\$(\S+)",
        "x_InvoiceTotal": r"Amount due\s+\$(\S+)",
        "BillingCurrency": r"Amount due\s+\S+ ([A-Z]{3})",
    },
    "lines": r"^(?!Subtotal|Amount due)(?P<InvoiceDetailDescription>(?P<ChargeCategory>VAT)?.*?) +(?P<BilledCost>\(?\$[\d,.]+\)?)$",
    "values": {"ChargeCategory": {"VAT": "Tax"}},
    "time_format": "%B %d, %Y",
}


def read(folder: Path, content: bytes, **config: Any) -> list[dict[str, Any]]:
    (folder / "in").mkdir()
    (folder / "in" / "invoice.pdf").write_bytes(content)
    source = registry.load(
        "invoices", {"name": "paper", "kind": "invoice_pdf", "uri": str(folder / "in"), "bill": "example", **config}
    )
    (unit,) = source.units(Period.of_day(date(2026, 9, 30)))
    landing = Landing(folder / "landing")
    pull = landing.pull(source.name, source.kind, unit)
    source.fetch(unit, pull)
    # As the nightly job does: what cannot be read is not committed.
    received = landing.prepare(pull, datetime(2026, 10, 5))
    rows = [row for _, table in source.normalise(received) for row in table.to_pylist()]
    landed, _ = landing.commit(pull, datetime(2026, 10, 5))
    cited = [source.cited(landed.path(landed.objects[0]), unit, row["landing_line"]) for row in rows]
    return [row | {"cited": text} for row, text in zip(rows, cited, strict=True)]


def test_every_line_is_read_to_the_cent(tmp_path: Path) -> None:
    rows = read(tmp_path, pdf(PAGE), **TEMPLATE)
    assert [(row["invoice_detail_description"], row["billed_cost"], row["charge_category"]) for row in rows] == [
        ("API usage, example-large", Decimal("1240.55"), None),
        ("Batch usage (50% off)", Decimal("40"), None),
        ("Goodwill credit", Decimal("-10.05"), None),
        ("VAT", Decimal("241.40"), "Tax"),
    ]
    assert {(row["invoice_id"], row["invoice_total"], row["billing_currency"]) for row in rows} == {
        ("EX-2026-0042", Decimal("1511.90"), "USD")
    }
    assert {(row["billing_period_start"], row["invoice_issue_date"]) for row in rows} == {
        (date(2026, 9, 1), date(2026, 10, 2))
    }
    assert rows[1]["cited"].split() == PAGE[7].split()


def test_lines_go_on_over_pages(tmp_path: Path) -> None:
    rows = read(tmp_path, pdf(PAGE[:7], PAGE[7:]), **TEMPLATE)
    assert [row["billed_cost"] for row in rows] == [Decimal(one) for one in ("1240.55", "40", "-10.05", "241.40")]


@pytest.mark.parametrize(
    ("written", "sign", "amount"),
    [
        ("1.234,50 EUR", ",", "1234.50"),
        ("1 234,50 EUR", ",", "1234.50"),
        ("1'234.50 EUR", ".", "1234.50"),
        ("-1,234.50 EUR", ".", "-1234.50"),
        ("1.234,50- EUR", ",", "-1234.50"),
    ],
)
def test_an_amount_is_read_as_its_country_writes_it(tmp_path: Path, written: str, sign: str, amount: str) -> None:
    fields = {
        "InvoiceId": r"Rechnung (\S+)",
        "BillingPeriodStart": r"Monat (\S+)",
        "x_InvoiceTotal": r"Betrag (.+) EUR",
    }
    page = ("Rechnung 7/26", "Monat 30.09.2026", f"Betrag {written}")
    (row,) = read(
        tmp_path,
        pdf(page),
        fields=fields,
        constants={"BillingCurrency": "EUR"},
        decimal_sign=sign,
        time_format="%d.%m.%Y",
    )
    assert (row["invoice_total"], row["billed_cost"], row["invoice_id"]) == (Decimal(amount), None, "7/26")


def without(word: str) -> Sequence[str]:
    return [line for line in PAGE if word not in line]


REFUSED = {
    "no number": (pdf(without("Invoice number")), "InvoiceId is not found"),
    "no month": (pdf(without("Billing period")), "BillingPeriodStart is not found"),
    "a line the template does not see": (
        pdf([line.replace("$40.00", "40.00 USD") for line in PAGE]),
        r"its lines make 1230.50, its subtotal is 1270.50",
    ),
    "no line at all": (pdf([*PAGE[:6], "Amount due   $1,511.90 USD", "x"]), "no line of it is found"),
    "a scan": (pdf([]), "its pages hold no text"),
    "no PDF": (b"%PDF-1.4 and then nothing", "not a readable PDF file"),
    "nothing": (b"", "not a readable PDF file"),
    "half of it": (pdf(PAGE)[:400], "not a readable PDF file|its pages hold no text"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_template_does_not_read_is_refused_and_not_landed(tmp_path: Path, case: str) -> None:
    content, problem = REFUSED[case]
    with pytest.raises(SourceRejected, match=problem) as error:
        read(tmp_path, content, **TEMPLATE)
    assert "file invoice.pdf" in str(error.value)
    assert not list((tmp_path / "landing").rglob("*.json"))


def test_text_of_the_paper_is_only_text(tmp_path: Path) -> None:
    hostile = "=HYPERLINK(1)</td><script>"
    page = [line.replace("Goodwill credit", hostile) for line in PAGE]
    rows = read(tmp_path, pdf(page), **TEMPLATE)
    assert rows[2]["invoice_detail_description"] == hostile


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"fields": {"InvoiceId": "number"}}, "the expression of InvoiceId has no group"),
        ({"fields": {"InvoiceId": "("}}, "not a regular expression"),
        ({"fields": {"Number": "(.)"}}, "not columns of an invoice: Number"),
        (
            {"fields": {"InvoiceId": "(.)", "x_InvoiceTotal": "(.)"}},
            "nothing tells BillingPeriodStart, BillingCurrency",
        ),
        (
            {"fields": {"InvoiceId": "(.)", "BillingPeriodStart": "(.)", "BillingCurrency": "(.)"}},
            "neither x_InvoiceTotal nor lines with BilledCost",
        ),
    ],
)
def test_a_template_that_can_read_no_invoice_is_told_at_once(
    tmp_path: Path, config: dict[str, Any], problem: str
) -> None:
    told = {"name": "paper", "kind": "invoice_pdf", "uri": str(tmp_path), "bill": "example", **config}
    with pytest.raises(SettingsInvalid, match=problem):
        registry.load("invoices", told)
