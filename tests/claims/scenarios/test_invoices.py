"""What is paid, what was exported and what was allocated, side by side: each bill is a situation finance meets (R20)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.duckdb import read_only
from tests.claims.scenarios import nights

BILL = "BilledCost,EffectiveCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,InvoiceId"
INVOICES = "InvoiceId,BillingPeriodStart,BillingCurrency,BilledCost,x_InvoiceTotal,ChargeCategory,InvoiceIssueStatus,ReferenceInvoiceId"
AUGUST, SEPTEMBER, OCTOBER = date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1)

#: bill → its export as (cost, month, currency, invoice number), and its invoices as lines of ``INVOICES``
SITUATIONS: dict[str, tuple[list[tuple[str, str, str, str]], list[str]]] = {
    "exact": (
        [("60.00", "2026-09", "USD", ""), ("39.999999999999", "2026-09", "USD", ""), ("1e-12", "2026-09", "USD", "")],
        ["E-1,2026-09,USD,60,100,Usage,,", "E-1,2026-09,USD,40,100,Usage,,"],
    ),
    "rounded": ([("10.004", "2026-09", "USD", "")], ["R-1,2026-09,USD,10,10,Usage,,"]),
    "taxed": ([("50", "2026-09", "USD", "")], ["T-1,2026-09,USD,50,59.50,,,", "T-1,2026-09,USD,9.50,59.50,Tax,,"]),
    "dearer": ([("100", "2026-09", "USD", "")], ["D-1,2026-09,USD,103,,,,"]),
    "missing": ([("7", "2026-08", "USD", ""), ("8", "2026-09", "USD", "")], ["M-1,2026-08,USD,7,,,,"]),
    "unexported": ([("7", "2026-08", "USD", "")], ["U-1,2026-08,USD,7,,,,", "U-2,2026-09,USD,9,,,,"]),
    "twice": ([("20", "2026-09", "USD", "")], ["W-1,2026-09,USD,20,,,,", "W-2,2026-09,USD,20,,,,"]),
    "credited": ([("25", "2026-09", "USD", "")], ["C-1,2026-09,USD,30,,,,", "CN-1,2026-09,USD,-5,,Credit,,C-1"]),
    "reissued": (
        [("25", "2026-09", "USD", "")],
        ["V-1,2026-09,USD,26,,,Voided,", "V-2,2026-09,USD,25,,,Issued,V-1"],
    ),
    "misread": ([("12", "2026-09", "USD", "")], ["X-1,2026-09,USD,11,12,,,"]),
    "numbered": (
        [("10", "2026-09", "USD", "N-1"), ("20", "2026-09", "USD", "N-2"), ("5", "2026-08", "USD", "N-2")],
        ["N-1,2026-09,USD,10,,,,", "N-2,2026-09,USD,27,,,,"],
    ),
    # the export has the net of both under the invoice's number
    "noted": (
        [("25", "2026-09", "USD", "K-1"), ("4", "2026-09", "USD", "K-2")],
        [
            "K-1,2026-09,USD,30,,,,",
            "CN-K,2026-10,USD,-5,,Credit,,K-1",
            "K-2,2026-09,USD,5,,,Voided,",
            "K-3,2026-09,USD,4,,,,K-2",
        ],
    ),
    # two invoices that make less than the export are not one too many
    "short": ([("50", "2026-09", "USD", "")], ["S-1,2026-09,USD,20,,,,", "S-2,2026-09,USD,20,,,,"]),
    # one invoice of two months, whose total says 1 beyond its lines
    "months": (
        [("7", "2026-08", "USD", ""), ("8", "2026-09", "USD", "")],
        ["Z-1,2026-08,USD,7,16,,,", "Z-1,2026-09,USD,8,16,,,"],
    ),
    # the same without lines: of which month how much is nobody says
    "untold": (
        [("7", "2026-08", "USD", ""), ("8", "2026-09", "USD", "")],
        ["UT-1,2026-08,USD,,15,,,", "UT-1,2026-09,USD,,15,,,"],
    ),
    "currencies": (
        [("10", "2026-09", "USD", ""), ("20", "2026-09", "JPY", "")],
        ["CU-1,2026-09,USD,10,10,,,", "CU-1,2026-09,JPY,20,20,,,"],
    ),
    "yen": ([("1000", "2026-09", "JPY", "")], ["Y-1,2026-09,JPY,1090,,,,"]),
    "leaning": (
        [("5", "2026-08", "USD", ""), ("5", "2026-09", "USD", ""), ("5", "2026-10", "USD", "")],
        ["L-1,2026-08,USD,5.90,,,,", "L-2,2026-09,USD,5.90,,,,", "L-3,2026-10,USD,5,,,,"],
    ),
    "once": (
        [("5", "2026-08", "USD", ""), ("5", "2026-09", "USD", ""), ("5", "2026-10", "USD", "")],
        ["O-1,2026-08,USD,5.10,,,,", "O-2,2026-09,USD,9,,,,", "O-3,2026-10,USD,5.20,,,,"],
    ),
    "without": ([("3", "2026-09", "USD", "")], []),
    # not final yet: of one month nothing is issued, of another a part, and a month that no export has
    "unissued": (
        [("6", "2026-08", "USD", ""), ("9", "2026-09", "USD", "")],
        [
            "UI-1,2026-08,USD,6,7,,Open,",
            "UI-2,2026-09,USD,5,,,Issued,",
            "UI-3,2026-09,USD,4,,,open,",
            "UI-4,2026-10,USD,3,,,Open,",
        ],
    ),
    # its number is of another month than the export's lines, which are compared with nothing while it is open
    "pending": (
        [("5", "2026-09", "USD", "P-1"), ("8", "2026-08", "USD", "P-2")],
        ["P-1,2026-09,USD,5,,,,", "CN-P,2026-10,USD,-2,,Credit,Open,P-1", "P-2,2026-09,USD,9,,,Open,"],
    ),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every bill landed and published, the first file of invoices then told again in part by a later one."""
    folder = tmp_path_factory.mktemp("invoices")
    for bill, (lines, invoices) in SITUATIONS.items():
        (folder / "bills" / bill).mkdir(parents=True)
        text = [
            f"{cost},{cost},{cost},acme,{currency},{month}-01,{month}-05,{month}-06,Usage,API,{number}"
            for cost, month, currency, number in lines
        ]
        (folder / "bills" / bill / "bill.csv").write_text("\n".join([BILL, *text, ""]))
        (folder / "invoices" / bill).mkdir(parents=True)
        (folder / "invoices" / bill / "b.csv").write_text("\n".join([INVOICES, *invoices, ""]))
    # Before it was voided it was due, as an earlier file with a later name says.
    (folder / "invoices" / "reissued" / "z.csv").write_text(f"{INVOICES}\nV-1,2026-09,USD,26,,,Issued,\n")
    settings = _settings(folder)
    later = folder / "invoices" / "reissued" / "b.csv"
    kept, period = later.read_text(), Period(AUGUST, date(2026, 11, 1))
    later.write_text(f"{INVOICES}\n")
    nights.land(settings, period, datetime(2026, 11, 3))
    later.write_text(kept)
    nights.land(settings, period, datetime(2026, 11, 20))
    return nights.build(settings, period, datetime(2026, 11, 20)).folder


def _settings(folder: Path) -> Settings:
    sources = [{"source": bill, "provider": bill, "finality_days": "3"} for bill in SITUATIONS]
    (folder / "reference").mkdir()
    lines = ["source,provider,finality_days", *(",".join(one.values()) for one in sources)]
    (folder / "reference" / "billing_sources.csv").write_text("\n".join([*lines, ""]))
    told = [{"name": bill, "kind": "focus_file", "uri": f"bills/{bill}"} for bill in SITUATIONS]
    invoices = [
        {"name": f"{bill}-invoices", "kind": "invoice_file", "uri": f"invoices/{bill}", "bill": bill}
        for bill in SITUATIONS
    ]
    config = {"billing": told, "invoices": invoices, "price_book": "none", "repull_days": 0}
    (folder / "reconcile.yaml").write_text(yaml.safe_dump(config))
    return read_settings(folder / "reconcile.yaml")


def rows(folder: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with read_only(folder) as connection:
        return connection.execute(sql, values).fetchall()


#: bill → (month, invoices, invoiced, exported, difference, status, three-way) of each of its comparisons
COMPARED: dict[str, list[tuple[Any, ...]]] = {
    "exact": [(SEPTEMBER, "E-1", "100", "100", "0", "equal", "reconciled")],
    "rounded": [(SEPTEMBER, "R-1", "10", "10.004", "-0.004", "within_tolerance", "reconciled")],
    "taxed": [(SEPTEMBER, "T-1", "50", "50", "0", "equal", "reconciled")],
    "dearer": [(SEPTEMBER, "D-1", "103", "100", "3", "beyond_tolerance", "not_invoiced_so")],
    "missing": [
        (AUGUST, "M-1", "7", "7", "0", "equal", "reconciled"),
        (SEPTEMBER, None, None, "8", None, "not_run", "not_run"),
    ],
    "unexported": [
        (AUGUST, "U-1", "7", "7", "0", "equal", "reconciled"),
        (SEPTEMBER, "U-2", "9", None, None, "not_run", "not_run"),
    ],
    "twice": [(SEPTEMBER, "W-1 W-2", "40", "20", "20", "beyond_tolerance", "not_invoiced_so")],
    "credited": [(SEPTEMBER, "C-1 CN-1", "25", "25", "0", "equal", "reconciled")],
    "reissued": [(SEPTEMBER, "V-2", "25", "25", "0", "equal", "reconciled")],
    "misread": [(SEPTEMBER, "X-1", "12", "12", "0", "equal", "reconciled")],
    "numbered": [
        (SEPTEMBER, "N-1", "10", "10", "0", "equal", "reconciled"),
        (SEPTEMBER, "N-2", "27", "25", "2", "beyond_tolerance", "not_invoiced_so"),
    ],
    "noted": [
        (SEPTEMBER, "CN-K K-1", "25", "25", "0", "equal", "reconciled"),
        (SEPTEMBER, "K-3", "4", "4", "0", "equal", "reconciled"),
    ],
    "short": [(SEPTEMBER, "S-1 S-2", "40", "50", "-10", "beyond_tolerance", "not_invoiced_so")],
    "months": [
        (AUGUST, "Z-1", "7", "7", "0", "equal", "reconciled"),
        (SEPTEMBER, "Z-1", "8", "8", "0", "equal", "reconciled"),
    ],
    "untold": [
        (AUGUST, "UT-1", None, "7", None, "not_run", "not_run"),
        (SEPTEMBER, "UT-1", None, "8", None, "not_run", "not_run"),
    ],
    "currencies": [
        (SEPTEMBER, "CU-1", "10", "10", "0", "equal", "reconciled"),
        (SEPTEMBER, "CU-1", "20", "20", "0", "equal", "not_allocated"),
    ],
    # 90 yen are within 100; without a rate nothing of it is allocated
    "yen": [(SEPTEMBER, "Y-1", "1090", "1000", "90", "within_tolerance", "not_allocated")],
    "leaning": [
        (AUGUST, "L-1", "5.9", "5", "0.9", "within_tolerance", "reconciled"),
        (SEPTEMBER, "L-2", "5.9", "5", "0.9", "within_tolerance", "reconciled"),
        (OCTOBER, "L-3", "5", "5", "0", "equal", "reconciled"),
    ],
    "once": [
        (AUGUST, "O-1", "5.1", "5", "0.1", "within_tolerance", "reconciled"),
        (SEPTEMBER, "O-2", "9", "5", "4", "beyond_tolerance", "not_invoiced_so"),
        (OCTOBER, "O-3", "5.2", "5", "0.2", "within_tolerance", "reconciled"),
    ],
    "without": [(SEPTEMBER, None, None, "3", None, "not_run", "not_run")],
    "unissued": [
        (AUGUST, None, None, "6", None, "not_run", "not_run"),
        (SEPTEMBER, "UI-2", "5", "9", "-4", "beyond_tolerance", "not_invoiced_so"),
        (OCTOBER, None, None, None, None, "not_run", "not_run"),
    ],
    "pending": [
        (SEPTEMBER, "P-1", "5", "5", "0", "equal", "reconciled"),
        (SEPTEMBER, None, None, "8", None, "not_run", "not_run"),
    ],
}


#: (kind, bill, month, amount, owner) of every break of theirs, all in dollars
BREAKS = [
    ("invoice_bias", "leaning", SEPTEMBER, Decimal("1.8"), "finance"),
    ("invoice_bias", "leaning", OCTOBER, Decimal("1.8"), "finance"),
    ("invoice_difference", "dearer", SEPTEMBER, Decimal(3), "finance"),
    ("invoice_difference", "numbered", SEPTEMBER, Decimal(2), "finance"),
    ("invoice_difference", "once", SEPTEMBER, Decimal(4), "finance"),
    ("invoice_difference", "short", SEPTEMBER, Decimal(-10), "finance"),
    ("invoice_difference", "unissued", SEPTEMBER, Decimal(-4), "finance"),
    ("invoice_missing", "missing", SEPTEMBER, Decimal(8), "finance"),
    ("invoice_missing", "pending", SEPTEMBER, Decimal(8), "finance"),
    ("invoice_missing", "unissued", AUGUST, Decimal(6), "finance"),
    ("invoice_total", "misread", SEPTEMBER, Decimal(1), "finance"),
    ("invoice_total", "months", AUGUST, Decimal(1), "finance"),
    ("invoice_total", "untold", AUGUST, None, "finance"),
    ("invoice_twice", "twice", SEPTEMBER, Decimal(20), "finance"),
    ("invoice_without_export", "unexported", SEPTEMBER, Decimal(9), "finance engineering"),
]


@pytest.mark.parametrize("bill", SITUATIONS)
def test_invoice_export_and_allocation_stand_side_by_side(published: Path, bill: str) -> None:
    found = rows(
        published,
        """select billing_period_start, invoice_ids, invoiced_cost, export_cost, difference, status, three_way_status
           from finance.fct_invoice_reconciliation where source = ? order by 1, 2, 3""",
        bill,
    )
    amounts = [
        (month, ids, *(None if one is None else Decimal(one) for one in money), status, three_way)
        for month, ids, *money, status, three_way in COMPARED[bill]
    ]
    assert found == amounts


def test_every_difference_is_a_break_and_nothing_else(published: Path) -> None:
    found = rows(
        published,
        "select kind, source, charge_day, amount, currency, owner from finance.fct_breaks where starts_with(kind, 'invoice_') order by all",
    )
    assert found == [(*one[:4], "USD", one[4]) for one in BREAKS]


def test_a_difference_says_what_it_is_made_of(published: Path) -> None:
    ((note,),) = rows(
        published, "select note from finance.fct_breaks where kind = 'invoice_difference' and source = 'dearer'"
    )
    assert "invoiced 103" in note
    assert "exported 100" in note


def test_what_is_still_open_is_shown_and_told_where_something_is_missed(published: Path) -> None:
    found = rows(
        published,
        """select billing_period_start, invoices, open_invoices, tax_cost from finance.fct_invoice_reconciliation
           where source = 'unissued' order by 1""",
    )
    assert found == [(AUGUST, 0, 1, None), (SEPTEMBER, 1, 1, Decimal(0)), (OCTOBER, 0, 1, None)]
    states = "select invoice_id from finance.dim_invoices where source = 'unissued' and status = 'open' order by 1"
    assert rows(published, states) == [("UI-1",), ("UI-3",), ("UI-4",)]
    notes = dict(rows(published, "select kind, note from finance.fct_breaks where source = 'unissued'"))
    assert (
        notes["invoice_missing"] == "the export has the month and its invoice is still open: nothing is asked for yet"
    )
    assert notes["invoice_difference"].endswith("; still open and not counted: 1")


def test_the_tolerance_is_of_the_invoice_s_currency_and_grows_with_rows(published: Path) -> None:
    found = dict(
        rows(
            published,
            "select source, tolerance from finance.fct_invoice_reconciliation where source in ('yen', 'dearer')",
        )
    )
    assert found == {"yen": Decimal(100), "dearer": Decimal(1)}


def test_a_difference_beyond_tolerance_is_told_once_and_leans_nowhere(published: Path) -> None:
    found = rows(
        published,
        """select billing_period_start, cumulative_difference, leans from finance.fct_invoice_reconciliation
           where source = 'once' order by 1""",
    )
    assert found == [(AUGUST, Decimal("0.1"), False), (SEPTEMBER, None, False), (OCTOBER, Decimal("0.3"), False)]


def test_an_invoice_is_as_its_last_delivery_tells_it(published: Path) -> None:
    found = rows(
        published,
        "select invoice_id, status, total_cost, reference_invoice_id from finance.dim_invoices where source = 'reissued' order by 1",
    )
    assert found == [("V-1", "voided", Decimal(26), None), ("V-2", "issued", Decimal(25), "V-1")]


def test_tax_is_told_apart(published: Path) -> None:
    found = rows(
        published, "select total_cost, tax_cost, lines_cost, lines from finance.dim_invoices where source = 'taxed'"
    )
    assert found == [(Decimal("59.5"), Decimal("9.5"), Decimal("59.5"), 2)]
