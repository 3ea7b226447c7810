"""Invoices from files: what a line becomes, other systems' columns and words, and what refuses a file, with its line."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry

HEADER = "InvoiceId,BillingPeriodStart,BillingCurrency,BilledCost,x_InvoiceTotal,InvoiceIssueStatus,InvoiceIssueDate"
LINE = "I-1,2026-09-01,USD,12.50,14.875,Issued,2026-10-02"


def read(folder: Path, *lines: str, header: str = HEADER, **config: Any) -> list[dict[str, Any]]:
    """Lines of one CSV file, landed and normalised."""
    return read_file(folder, "\n".join((header, *lines, "")).encode(), "invoices.csv", **config)


def read_file(folder: Path, content: bytes, name: str, **config: Any) -> list[dict[str, Any]]:
    (folder / "in").mkdir()
    (folder / "in" / name).write_bytes(content)
    told = {"name": "paper", "kind": "invoice_file", "uri": str(folder / "in"), "bill": "openai", **config}
    source = registry.load("invoices", told)
    (unit,) = source.units(Period.of_day(date(2026, 9, 30)))
    landing = Landing(folder / "landing")
    pull = landing.pull(source.name, source.kind, unit)
    source.fetch(unit, pull)
    # As the nightly job does: what cannot be read is not committed.
    received = landing.prepare(pull, datetime(2026, 10, 5))
    rows = [row for _, table in source.normalise(received) for row in table.to_pylist()]
    landing.commit(pull, datetime(2026, 10, 5))
    return rows


def test_a_line_keeps_its_text_and_its_place(tmp_path: Path) -> None:
    (row,) = read(tmp_path, LINE)
    assert row == row | {
        "source": "paper",
        "landing_line": 2,
        "bill": "openai",
        "invoice_id": "I-1",
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "billed_cost": Decimal("12.5"),
        "billed_cost_text": "12.50",
        "invoice_total": Decimal("14.875"),
        "invoice_issue_status": "issued",
        "invoice_issue_date": date(2026, 10, 2),
        "charge_category": None,
    }


def test_another_system_s_columns_words_and_days(tmp_path: Path) -> None:
    """As an accounting system exports what it paid: its own names, days of its country, a state of its own."""
    (row,) = read(
        tmp_path,
        "7/26,30.09.2026,1000,paid,02.10.2026",
        header="Number,Month end,Gross,State,Date",
        columns={
            "InvoiceId": "Number",
            "BillingPeriodStart": "Month end",
            "x_InvoiceTotal": "Gross",
            "InvoiceIssueStatus": "State",
            "InvoiceIssueDate": "Date",
        },
        constants={"BillingCurrency": "JPY"},
        values={"InvoiceIssueStatus": {"paid": "Issued"}},
        time_format="%d.%m.%Y",
    )
    assert (row["invoice_id"], row["billing_currency"], row["invoice_issue_status"]) == ("7/26", "JPY", "issued")
    assert (row["billing_period_start"], row["invoice_issue_date"]) == (date(2026, 9, 1), date(2026, 10, 2))
    assert (row["billed_cost"], row["invoice_total"]) == (None, Decimal(1000))


WHOLE = "InvoiceId,BillingPeriodStart,BillingCurrency,x_InvoiceTotal,x_InvoiceTax"


@pytest.mark.parametrize(
    ("total", "tax", "lines"),
    [
        ("119.00", "19.00", [(None, "100"), ("Tax", "19")]),
        ("-11.9", "-1.9", [(None, "-10"), ("Tax", "-1.9")]),
        ("100.00", "0.00", [(None, "100")]),
        ("100.00", "", [(None, None)]),
    ],
)
def test_of_a_row_that_tells_an_invoice_whole_its_tax_is_a_line_of_its_own(
    tmp_path: Path, total: str, tax: str, lines: list[tuple[str | None, str | None]]
) -> None:
    """Else an export without tax would be held to a total with it; what an empty field leaves unknown stays so."""
    rows = read(tmp_path, f"I-1,2026-09,USD,{total},{tax}", header=WHOLE)
    assert [(row["charge_category"], row["billed_cost"]) for row in rows] == [
        (category, cost and Decimal(cost)) for category, cost in lines
    ]
    assert {(row["landing_line"], row["invoice_total_text"]) for row in rows} == {(2, total)}


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("I-1,2026-09,USD,,19,", "x_InvoiceTax without x_InvoiceTotal"),
        ("I-1,2026-09,USD,119,19,100", "BilledCost and x_InvoiceTax"),
        ("I-1,2026-09,USD,119,19 %,", "'19 %' is not a plain decimal"),
    ],
)
def test_a_tax_of_nothing_known_refuses_its_file(tmp_path: Path, cells: str, problem: str) -> None:
    with pytest.raises(SourceRejected, match=problem) as error:
        read(tmp_path, cells, header=f"{WHOLE},BilledCost")
    assert "file invoices.csv, line 2:" in str(error.value)


def test_parquet_with_decimals_is_exact(tmp_path: Path) -> None:
    table = pa.table(
        {
            "InvoiceId": ["I-1"],
            "BillingPeriodStart": [date(2026, 9, 1)],
            "BillingCurrency": ["USD"],
            "BilledCost": pa.array([Decimal("0.100000001")], pa.decimal128(20, 9)),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    (row,) = read_file(tmp_path, sink.getvalue().to_pybytes(), "invoices.parquet")
    assert (row["billed_cost"], row["billed_cost_text"]) == (Decimal("0.100000001"), "0.100000001")


def test_a_file_without_lines_tells_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []


WRONG = {
    "no number": (LINE.replace("I-1", ""), "InvoiceId is empty"),
    "no month": (LINE.replace("2026-09-01", ""), "BillingPeriodStart is empty"),
    "no amount": (LINE.replace("12.50,14.875", ","), "neither BilledCost nor x_InvoiceTotal"),
    "amount that is none": (LINE.replace("12.50", "NaN"), "BilledCost: 'NaN' is not a plain decimal"),
    "amount with a sign of currency": (LINE.replace("12.50", "$12.50"), "BilledCost: '[$]12.50' is not"),
    "total beyond all bounds": (LINE.replace("14.875", "99999999999"), "x_InvoiceTotal: .* is beyond"),
    "currency that is none": (LINE.replace("USD", "US$"), "'US[$]' is not an ISO 4217 code"),
    "state nobody knows": (LINE.replace("Issued", "paid"), "'paid' is none of issued, open, voided"),
    "day that is none": (LINE.replace("2026-10-02", "2026-13-02"), "InvoiceIssueDate '2026-13-02' is no day"),
    "day of another form": (LINE.replace("2026-10-02", "02/10/2026"), "InvoiceIssueDate '02/10/2026' is no day"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_no_invoice_says_refuses_its_file_with_the_line(tmp_path: Path, wrong: str) -> None:
    line, problem = WRONG[wrong]
    with pytest.raises(SourceRejected, match=problem) as error:
        read(tmp_path, LINE, line)
    assert "source paper, file invoices.csv, line 3:" in str(error.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceChangedShape, match="column BillingCurrency is missing"):
        read(tmp_path, "I-1,2026-09-01,3", header="InvoiceId,BillingPeriodStart,BilledCost")


def test_a_torn_file_is_not_landed(tmp_path: Path) -> None:
    with pytest.raises(SourceRejected):
        read_file(tmp_path, b"PAR1 is all there is", "invoices.parquet")
    assert not list((tmp_path / "landing").rglob("*.json"))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"columns": {"Number": "InvoiceId"}}, "not columns of the contract: Number"),
        ({"pattern": "("}, "not a regular expression"),
        ({"bill": None}, "bill"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, config: dict[str, Any], problem: str) -> None:
    told = {"name": "paper", "kind": "invoice_file", "uri": str(tmp_path), "bill": "openai", **config}
    with pytest.raises(SettingsInvalid, match=problem):
        registry.load("invoices", told)
