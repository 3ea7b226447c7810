"""Invoices against exports by the code that reckons the truth: the situations of finance, with the figures worked out by hand there."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.sample_company.seen.facts import Charge, Facts, Invoice, InvoiceLine, Key, Source
from reconcilers.sample_company.truth.answer import Truth, reckon
from reconcilers.sample_company.truth.invoices import _tolerance
from tests.claims.scenarios.test_invoices import BREAKS, COMPARED, INVOICES, SITUATIONS

#: No sample company is billed in a currency without cents, or gets an invoice of two months.
BILLS = [bill for bill in SITUATIONS if bill not in ("yen", "currencies", "months", "untold")]
SHOWN = ("invoice_ids", "invoiced_cost", "export_cost", "difference", "status", "three_way_status")


def month_of(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def invoices(bill: str, lines: list[str]) -> list[Invoice]:
    """What a file of these lines tells."""
    told: dict[str, list[dict[str, str]]] = {}
    for line in lines:
        row = dict(zip(INVOICES.split(","), line.split(","), strict=True))
        told.setdefault(row["InvoiceId"], []).append(row)
    return [
        Invoice(
            source=bill,
            invoice_id=number,
            billing_period_start=month_of(rows[0]["BillingPeriodStart"]),
            billing_currency=rows[0]["BillingCurrency"],
            issued_on=date(2026, 11, 3),
            told_at=datetime(2026, 11, 20),
            lines=tuple(
                InvoiceLine(number, Decimal(row["BilledCost"]), row["ChargeCategory"] or "Usage") for row in rows
            ),
            total=Decimal(rows[0]["x_InvoiceTotal"]) if rows[0]["x_InvoiceTotal"] else None,
            status=rows[0]["InvoiceIssueStatus"].lower() or "issued",
            reference_invoice_id=rows[0]["ReferenceInvoiceId"] or None,
        )
        for number, rows in told.items()
    ]


def charges(bill: str, lines: list[tuple[str, str, str, str]]) -> list[Charge]:
    return [
        Charge(
            source=bill,
            line_id=f"{bill}|{number}",
            key=Key(billing_account_id="acme"),
            billed_cost=Decimal(cost),
            effective_cost=Decimal(cost),
            charge_period_start=datetime.fromisoformat(f"{month}-05"),
            charge_period_end=datetime.fromisoformat(f"{month}-06"),
            billing_period_start=month_of(month),
            billing_currency=currency,
            service_name="API",
            invoice_id=invoice or None,
        )
        for number, (cost, month, currency, invoice) in enumerate(lines)
    ]


@pytest.fixture(scope="module")
def truth() -> Truth:
    told = [one for bill in BILLS for one in invoices(bill, SITUATIONS[bill][1])]
    due = next(one for one in told if one.invoice_id == "V-1")
    # Before it was voided it was due.
    told.append(Invoice(**{**vars(due), "status": "issued", "told_at": datetime(2026, 11, 3)}))
    return reckon(
        Facts(
            as_of=datetime(2026, 11, 20),
            sources={bill: Source(bill, finality_days=3) for bill in BILLS},
            charges=[one for bill in BILLS for one in charges(bill, SITUATIONS[bill][0])],
            invoices=told,
        )
    )


def table(truth: Truth, name: str) -> dict[tuple[Any, ...], Any]:
    (found,) = (one for one in truth.tables if one.name == name)
    return dict(found.rows)


@pytest.mark.parametrize("bill", BILLS)
def test_invoice_export_and_allocation_stand_side_by_side(truth: Truth, bill: str) -> None:
    found = [
        (key[2], *(getattr(row, name) for name in SHOWN))
        for key, row in table(truth, "fct_invoice_reconciliation").items()
        if key[0] == bill
    ]
    assert found == [
        (month, ids, *(None if one is None else Decimal(one) for one in money), status, three_way)
        for month, ids, *money, status, three_way in COMPARED[bill]
    ]


def test_every_difference_is_a_break_and_nothing_else(truth: Truth) -> None:
    found = [
        (one.kind, one.source, one.charge_day, one.amount) for one in truth.breaks if one.kind.startswith("invoice_")
    ]
    assert sorted(found) == [one[:4] for one in BREAKS if one[1] in BILLS]


def test_of_two_tellings_of_an_invoice_the_later_counts(truth: Truth) -> None:
    rows = table(truth, "dim_invoices")
    assert rows["reissued", "V-1", date(2026, 9, 1), "USD"].status == "voided"
    assert rows["taxed", "T-1", date(2026, 9, 1), "USD"].tax_cost == Decimal("9.5")
    assert rows["misread", "X-1", date(2026, 9, 1), "USD"].total_difference == Decimal(1)


@pytest.mark.parametrize(
    ("rows", "cents"),
    [
        (5, "100"),
        (39_999, "100"),
        (40_000, "100"),
        (40_001, "100.00125"),
        (1_000_000, "500"),
        (3_000_000, "866.025404"),
    ],
)
def test_the_tolerance_is_a_hundred_cents_or_half_the_root_of_the_rows(rows: int, cents: str) -> None:
    """FOCUS 1.4, appendix "Rounding Variance Tolerance": 4.50 of a million rows are within it, 15.00 are not."""
    assert _tolerance(rows) == Decimal(cents) * 10**7
