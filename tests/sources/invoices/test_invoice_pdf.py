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


#: A total in euro, of the paper's text behind "Betrag".
TOTAL: dict[str, Any] = {
    "fields": {"InvoiceId": r"Rechnung (\S+)", "BillingPeriodStart": r"Monat (\S+)", "x_InvoiceTotal": r"Betrag (.+)"},
    "constants": {"BillingCurrency": "EUR"},
    "time_format": "%d.%m.%Y",
}


def page_of_total(written: str) -> bytes:
    return pdf(("Rechnung 7/26", "Monat 30.09.2026", f"Betrag {written}"))


@pytest.mark.parametrize(
    ("written", "sign", "amount"),
    [
        ("1234.5", ".", "1234.5"),
        ("1,234.50", ".", "1234.50"),
        ("1,234,567.50 EUR", ".", "1234567.50"),
        ("1 234.50", ".", "1234.50"),
        ("1'234.50 CHF", ".", "1234.50"),
        ("1\u2019234.50", ".", "1234.50"),
        ("1,234", ".", "1234"),
        ("1.234,50 EUR", ",", "1234.50"),
        ("1 234,50 EUR", ",", "1234.50"),
        ("EUR 1234,50", ",", "1234.50"),
        ("1.234", ",", "1234"),
        ("-1,234.50 EUR", ".", "-1234.50"),
        ("\u201312.00", ".", "-12.00"),
        ("+12.00", ".", "12.00"),
        ("-$12.00", ".", "-12.00"),
        ("$-12.00", ".", "-12.00"),
        ("US$ -12.00", ".", "-12.00"),
        ("1.234,50- EUR", ",", "-1234.50"),
        ("12,00 \u20ac-", ",", "-12.00"),
        ("12.00 -", ".", "-12.00"),
        ("(12.00)", ".", "-12.00"),
        ("($12.00)", ".", "-12.00"),
        ("$(12.00)", ".", "-12.00"),
        ("(12,00 \u20ac)", ",", "-12.00"),
    ],
)
def test_an_amount_is_read_as_its_country_writes_it(tmp_path: Path, written: str, sign: str, amount: str) -> None:
    (row,) = read(tmp_path, page_of_total(written), decimal_sign=sign, **TOTAL)
    assert (row["invoice_total_text"], row["billed_cost"], row["invoice_id"]) == (amount, None, "7/26")


@pytest.mark.parametrize("written", ["310²", "310¹²", "1,240.55³", "(12.00)", "12.00"])
def test_the_raised_mark_of_a_footnote_is_no_digit_of_the_amount_before_it(tmp_path: Path, written: str) -> None:
    """In a page's text it is a digit like any other. An expression that takes it, too, finds no amount."""
    alone = TOTAL["fields"] | {"x_InvoiceTotal": r"Betrag (\S+)"}
    (row,) = read(tmp_path, page_of_total(written), **TOTAL | {"fields": alone})
    amount = written.strip("¹²³")
    assert row["invoice_total_text"] == {"(12.00)": "-12.00"}.get(amount, amount.replace(",", ""))
    if amount != written:
        (tmp_path / "whole").mkdir()
        with pytest.raises(SourceRejected, match=r"x_InvoiceTotal '\S+ \d+' is no amount"):
            read(tmp_path / "whole", page_of_total(written), **TOTAL)


@pytest.mark.parametrize(
    ("written", "sign"),
    [
        ("1.234,50", "."),
        ("1,234.50", ","),
        ("1,2,3.40", "."),
        ("1,23", "."),
        ("1234,567.00", "."),
        ("1,234'567.00", "."),
        ("1 $234", "."),
        ("12.00.00", "."),
        (".50", "."),
        ("12.", "."),
        ("--12.00", "."),
        ("-12.00-", "."),
        ("(-12.00)", "."),
        ("(12.00", "."),
        ("12.00 kr", "."),
        ("$12.00 due 3", "."),
        ("none", "."),
    ],
)
def test_an_amount_in_no_known_form_is_refused_with_its_line(tmp_path: Path, written: str, sign: str) -> None:
    """A comma taken for a point, or the other way round, is a hundredfold."""
    with pytest.raises(SourceRejected) as error:
        read(tmp_path, page_of_total(written), decimal_sign=sign, **TOTAL)
    assert f"x_InvoiceTotal {written!r} is no amount with {sign!r} before its cents" in str(error.value)
    assert (error.value.file, error.value.line) == ("invoice.pdf", 3)
    assert "set `decimal_sign`" in str(error.value.hint)
    assert not list((tmp_path / "landing").rglob("*.json"))


def test_a_constant_stands_where_the_paper_tells_nothing_else(tmp_path: Path) -> None:
    template = TEMPLATE | {
        "fields": TEMPLATE["fields"] | {"InvoiceIssuerName": r"^Example AI, Inc\.(?: of (\S+))?"},
        "constants": {"InvoiceIssuerName": "Example AI", "ChargeCategory": "Usage"},
    }
    rows = read(tmp_path, pdf(PAGE), **template)
    assert [row["charge_category"] for row in rows] == ["Usage", "Usage", "Usage", "Tax"]
    assert {row["invoice_issuer_name"] for row in rows} == {"Example AI"}


def test_a_line_of_tax_is_in_no_subtotal_however_its_category_is_spelled(tmp_path: Path) -> None:
    rows = read(tmp_path, pdf(PAGE), **TEMPLATE | {"values": {"ChargeCategory": {"VAT": "tax"}}})
    assert [row["charge_category"] for row in rows] == [None, None, None, "Tax"]


def test_a_total_and_the_tax_in_it_are_read_without_lines(tmp_path: Path) -> None:
    fields = {name: text for name, text in TEMPLATE["fields"].items() if name != "x_Subtotal"}
    told = {"fields": fields | {"x_InvoiceTax": r"^VAT\s+\$(\S+)"}, "time_format": TEMPLATE["time_format"]}
    rows = read(tmp_path, pdf(PAGE), **told)
    assert [(row["charge_category"], row["billed_cost_text"], row["invoice_total_text"]) for row in rows] == [
        (None, "1270.50", "1511.90"),
        ("Tax", "241.40", "1511.90"),
    ]


def without(word: str) -> Sequence[str]:
    return [line for line in PAGE if word not in line]


REFUSED = {
    "no number": (pdf(without("Invoice number")), "InvoiceId is not found"),
    "no month": (pdf(without("Billing period")), "BillingPeriodStart is not found"),
    "a line the template does not see": (
        pdf([line.replace("$40.00", "40.00 USD") for line in PAGE]),
        "cost lines add up to 1230.50 USD, the invoice's total is 1270.50",
    ),
    "no subtotal": (pdf(without("Subtotal")), "x_Subtotal is not found"),
    "no total": (pdf(without("Amount due")), "x_InvoiceTotal is not found"),
    "no line at all": (
        pdf([*PAGE[:6], "Subtotal   $1,270.50", "Amount due   $1,511.90 USD", "x"]),
        "no line of it is found",
    ),
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


def test_a_line_without_its_amount_refuses_the_file(tmp_path: Path) -> None:
    lines = r"^(?P<InvoiceDetailDescription>API usage|Batch usage)[^$\n]*(?:\$(?P<BilledCost>\S+))?$"
    page = [line.replace("$40.00", "") for line in without("Subtotal")]
    fields = {column: text for column, text in TEMPLATE["fields"].items() if column != "x_Subtotal"}
    with pytest.raises(SourceRejected, match="BilledCost is not found") as error:
        read(tmp_path, pdf(page), **TEMPLATE | {"fields": fields, "lines": lines})
    assert error.value.line == 7  # of the text, which has no empty line


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
        (
            {"fields": TEMPLATE["fields"]},
            "x_Subtotal is what lines make together, and no lines with BilledCost are read",
        ),
    ],
)
def test_a_template_that_can_read_no_invoice_is_told_at_once(
    tmp_path: Path, config: dict[str, Any], problem: str
) -> None:
    told = {"name": "paper", "kind": "invoice_pdf", "uri": str(tmp_path), "bill": "example", **config}
    with pytest.raises(SettingsInvalid, match=problem):
        registry.load("invoices", told)
