"""Revenue lines from files: what a line becomes, and what is refused with file and line."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry

HEADER = "revenue_id,tenant_id,feature_id,bundle_id,kind,bills_revenue_id,service_period_start,service_period_end,amount,currency"
LINE = "r1,ten_a,search,,invoice,a1,2026-09-01,2026-10-01,12.50,USD"


def read(tmp_path: Path, *lines: str, header: str = HEADER, **config: Any) -> list[dict[str, Any]]:
    """Lake rows of one file, landed and normalised."""
    folder = tmp_path / "revenue"
    folder.mkdir()
    (folder / "lines.csv").write_text("\n".join((header, *lines)) + "\n")
    source = registry.load("revenue", {"name": "crm", "kind": "revenue_file", "uri": str(folder), **config})
    (unit,) = source.units(Period.of_day(date(2026, 9, 30)))
    landing = Landing(tmp_path / "landing")
    pull = landing.pull(source.name, source.kind, unit)
    source.fetch(unit, pull)
    landed, _ = landing.commit(pull, datetime(2026, 10, 1))
    return [row for _, table in source.normalise(landed) for row in table.to_pylist()]


def test_a_line_keeps_its_text_and_its_place(tmp_path: Path) -> None:
    (row, credit) = read(tmp_path, LINE, "r2,ten_a,,suite,accrual,,2026-09-01,2026-09-02,-0.0000000005,EUR")
    assert row == row | {
        "source": "crm",
        "landing_line": 2,
        "revenue_id": "r1",
        "tenant_id": "ten_a",
        "feature_id": "search",
        "bundle_id": None,
        "kind": "invoice",
        "bills_revenue_id": "a1",
        "service_period_start": date(2026, 9, 1),
        "service_period_end": date(2026, 10, 1),
        "amount": Decimal("12.50"),
        "amount_text": "12.50",
        "currency": "USD",
    }
    assert (credit["amount"], credit["amount_text"]) == (Decimal("-0.000000001"), "-0.0000000005")


def test_columns_and_constants_fit_another_system(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path,
        "i-7,ten_b,2026-09-01,2026-10-01,3",
        header="invoice line,customer,from,until,total",
        columns={
            "revenue_id": "invoice line",
            "tenant_id": "customer",
            "service_period_start": "from",
            "service_period_end": "until",
            "amount": "total",
        },
        constants={"kind": "invoice", "currency": "USD"},
    )
    assert (row["revenue_id"], row["tenant_id"], row["kind"], row["currency"]) == ("i-7", "ten_b", "invoice", "USD")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("12.50", "12,50 USD"), "fields"),
        (("12.50", "NaN"), "plain decimal"),
        (("12.50", ""), "amount is empty"),
        (("ten_a", ""), "tenant_id is empty"),
        (("invoice", "payment"), "kind 'payment'"),
        (("invoice", "accrual"), "only an invoice line bills one"),
        (("USD", "usd"), "three upper-case letters"),
        (("2026-10-01", "2026-09-01"), "is not after"),
        (("2026-10-01", "30.9.2026"), "30.9.2026"),
        (("search,,", "search,suite,"), "both feature_id and bundle_id"),
    ],
)
def test_a_bad_line_is_refused_by_file_and_line(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    with pytest.raises(SourceRejected, match=problem) as refused:
        read(tmp_path, LINE.replace("r1", "r0"), LINE.replace(*change))
    assert (refused.value.file, refused.value.line) == ("lines.csv", 3)


def test_an_id_stands_once_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(SourceRejected, match="that of line 2"):
        read(tmp_path, LINE, LINE.replace("12.50", "13"))


def test_a_missing_column_changes_the_shape(tmp_path: Path) -> None:
    with pytest.raises(SourceChangedShape, match="currency"):
        read(tmp_path, LINE.rpartition(",")[0], header=HEADER.rpartition(",")[0])


def test_an_unknown_column_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="price"):
        read(tmp_path, LINE, columns={"price": "amount"})
