"""Invoices of Google Cloud from the console's Cost table: what stands before it, its rows, and what they have to come to."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.sources import registry

HEADER = (
    "Billing account name,Billing account ID,Project name,Project ID,Project hierarchy,Service description,Service ID,"
    "SKU description,SKU ID,Consumption model description,Credit type,Cost type,Usage start date,Usage end date,"
    "Usage amount,Usage unit,Unrounded cost ($),Cost ($)"
)


def preamble(due: str = "$95.00", **changed: str) -> list[str]:
    told = {
        "Invoice number": "5012345678",
        "Invoice date": "2026-09-30",
        "Due date": "2026-10-30",
        "Billing ID": "1111-2222-3333",
        "Billing account ID": "0A1B2C-3D4E5F-6A7B8C",
        "Currency": "USD",
        "Currency exchange rate": "1",
        "Total amount due": due,
    }
    return [f'{name},"{value}",' for name, value in (told | changed).items()]


def usage(cost: str, sku: str = "Output tokens", credit: str = "", kind: str = "Usage") -> str:
    rounded = cost if cost.startswith("$") else f"{Decimal(cost):.2f}"
    started = "2026-08-31,2026-09-30"
    return (
        f"Acme,0A1B2C-3D4E5F-6A7B8C,support,acme-support,acme.example,Vertex AI,AAAA-0000,{sku},BBBB-1111,Default,{credit},"
        f'{kind},{started},"20,122,880",count,{cost},{rounded}'
    )


def summary(kind: str, cost: str) -> str:
    return f",,,,,,,,,,,{kind},,,,,{cost},{cost}"


TABLE = [
    *preamble(),
    HEADER,
    usage("60.004"),
    usage("50.0", "Input tokens"),
    usage("-15.00", "Output tokens", "SPENDING_BASED_DISCOUNT"),
    summary("Rounding error", "-0.003441"),
    summary("Total", "95.000559"),
]


def source(folder: Path, **config: Any) -> Any:
    return registry.load(
        "invoices", {"name": "paper", "kind": "invoice_gcp", "bill": "gcp", "uri": str(folder)} | config
    )


def read(folder: Path, lines: list[str], **config: Any) -> list[dict[str, Any]]:
    """The lake rows of one table, landed first."""
    (folder / "Acme_Cost table, 2026-09-01 \N{EM DASH} 2026-09-30.csv").write_text("\n".join(lines) + "\n")
    made = source(folder, **config)
    (unit,) = made.units(None)
    landing = Landing(folder / "landing")
    pull = landing.pull(made.name, made.kind, unit)
    made.fetch(unit, pull)
    landed = landing.prepare(pull, datetime(2026, 10, 5))
    rows = [row for _, row in made.rows(landed)]
    (item,) = landed.objects
    assert all(
        made.cited(landed.path(item), item.name, row["landing_line"]) == lines[row["landing_line"] - 1] for row in rows
    )
    return rows


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["landing_line"], row["charge_category"], row["billed_cost"]) for row in rows]


def test_a_table_is_an_invoice_line_by_line(tmp_path: Path) -> None:
    rows = read(tmp_path, TABLE)
    assert rows[0] == rows[0] | {
        "bill": "gcp",
        "invoice_id": "5012345678",
        "invoice_issuer_name": "Google",
        "billing_account_id": "0A1B2C-3D4E5F-6A7B8C",
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "invoice_total": Decimal(95),
        "invoice_issue_date": date(2026, 9, 30),
        "payment_due_date": date(2026, 10, 30),
        "invoice_issue_status": "issued",
        "invoice_detail_description": "acme-support / Vertex AI / Output tokens",
    }
    assert told(rows) == [
        (10, "Usage", Decimal("60.004")),
        (11, "Usage", Decimal(50)),
        (12, "Credit", Decimal(-15)),
        (13, "Adjustment", Decimal("-0.003441")),
        (8, "Adjustment", Decimal("-0.000559")),
    ]
    assert rows[-1]["invoice_detail_description"] == "rounded to what is due"
    assert sum(row["billed_cost"] for row in rows) == rows[0]["invoice_total"]


def test_a_total_may_leave_out_the_rounding_error(tmp_path: Path) -> None:
    lines = [*TABLE[:-1], summary("Total", "95.004")]
    assert told(read(tmp_path, lines)) == told(read(tmp_path, TABLE))


def test_an_invoice_of_nothing_is_one(tmp_path: Path) -> None:
    (row,) = read(tmp_path, [*preamble("$0.00"), HEADER])
    assert (row["invoice_id"], row["invoice_total"], row["billed_cost"]) == ("5012345678", Decimal(0), None)


def test_tax_is_told_apart(tmp_path: Path) -> None:
    rows = read(tmp_path, [*preamble("$119.00"), HEADER, usage("100"), usage("19", "VAT", kind="Tax")])
    assert told(rows) == [(10, "Usage", Decimal(100)), (11, "Tax", Decimal(19))]


def test_a_table_without_its_savings_is_refused_until_only_what_is_due_is_read(tmp_path: Path) -> None:
    lines = [*preamble("$5.72"), HEADER, usage("1000.005"), usage("500.5"), summary("Total", "1500.505")]
    with pytest.raises(
        SourceRejected, match=r"line 8: its rows come to 1500.505 and 5.72 is due -> .*every saving ticked"
    ):
        read(tmp_path, lines)
    (row,) = read(tmp_path, lines, rows="none")
    assert (row["landing_line"], row["billed_cost"], row["invoice_total"]) == (8, None, Decimal("5.72"))


def test_amounts_as_other_languages_write_them(tmp_path: Path) -> None:
    lines = [*preamble("1.095,00\N{NO-BREAK SPACE}\N{EURO SIGN}", Currency="EUR"), HEADER.replace("$", "\N{EURO SIGN}")]
    lines += [usage("0").replace("count,0,0.00", 'count,"1.095,00","1.095,00"')]
    (row,) = read(tmp_path, lines, decimal_sign=",")
    assert (row["billed_cost"], row["billing_currency"]) == (Decimal(1095), "EUR")


@pytest.mark.parametrize(
    ("lines", "kind", "message"),
    [
        (["a,b", "1,2"], SourceChangedShape, "no header that begins with Billing account name"),
        ([*preamble(), HEADER.replace("Unrounded cost", "Cost of")], SourceChangedShape, "no column unrounded cost"),
        ([*preamble(), HEADER.replace("Credit type", "Credit")], SourceChangedShape, "no column credit type"),
        (
            [*preamble(**{"Invoice number": ""}), HEADER],
            SourceRejected,
            "line 1: Invoice number is not told .*choose the invoice",
        ),
        ([*preamble()[1:], HEADER], SourceRejected, "Invoice number is not told"),
        ([*preamble(), HEADER, usage("60")[:-6]], SourceRejected, "line 10: 17 fields where the header has 18"),
        (
            [*preamble(), HEADER, usage("95", kind="Refund")],
            SourceChangedShape,
            "line 10: Cost type 'Refund' is none of",
        ),
        ([*preamble("due"), HEADER], SourceRejected, "line 8: total amount due 'due' is no amount"),
        ([*preamble("1.095,00"), HEADER], SourceRejected, "line 8: .*set `decimal_sign`"),
        (
            [*preamble(), HEADER, usage("95"), summary("Total", "190")],
            SourceRejected,
            "its rows come to 95, its own total is 190",
        ),
        ([*preamble(), HEADER, usage("94.99")], SourceRejected, "its rows come to 94.99 and 95.00 is due"),
        ([*preamble(), HEADER, usage("95"), 'a,"b'], SourceRejected, "line 11: not a readable CSV file"),
        ([*preamble(Currency="$"), HEADER, usage("95")], SourceRejected, "is not an ISO 4217 code"),
    ],
)
def test_what_is_no_invoice_is_refused(tmp_path: Path, lines: list[str], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        read(tmp_path, lines)
