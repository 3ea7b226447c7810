"""Revenue lines from files: what a line becomes, and what refuses itself, or the file, with its place."""

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
    """Revenue of one file, landed and normalised."""
    return entities(tmp_path, *lines, header=header, **config).get("revenue", [])


def entities(tmp_path: Path, *lines: str, header: str = HEADER, **config: Any) -> dict[str, list[dict[str, Any]]]:
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
    found: dict[str, list[dict[str, Any]]] = {}
    for entity, table in source.normalise(landed):
        found.setdefault(entity, []).extend(table.to_pylist())
    return found


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
    ("change", "reason", "tenant", "day"),
    [
        (("12.50", "12,50"), "11 fields", None, None),
        (("12.50", "NaN"), "plain decimal", "ten_a", date(2026, 9, 1)),
        (("12.50", ""), "amount is empty", "ten_a", date(2026, 9, 1)),
        (("ten_a", ""), "tenant_id is empty", None, date(2026, 9, 1)),
        (("invoice", "payment"), "kind 'payment'", "ten_a", date(2026, 9, 1)),
        (("invoice", "accrual"), "only an invoice line bills one", "ten_a", date(2026, 9, 1)),
        (("USD", "usd"), "three upper-case letters", "ten_a", date(2026, 9, 1)),
        (("2026-10-01", "2026-08-31"), "is before service_period_start", "ten_a", date(2026, 9, 1)),
        (("2026-10-01", "2062-10-01"), "more than 20 years", "ten_a", date(2026, 9, 1)),
        (("2026-10-01", "30.9.2026"), "service_period_end '30.9.2026'", "ten_a", date(2026, 9, 1)),
        (("2026-09-01", "1.9.2026"), "service_period_start '1.9.2026'", "ten_a", None),
        (("search,,", "search,suite,"), "both feature_id and bundle_id", "ten_a", date(2026, 9, 1)),
    ],
)
def test_a_bad_line_refuses_itself_and_says_whose_it_is(
    tmp_path: Path, change: tuple[str, str], reason: str, tenant: str | None, day: date | None
) -> None:
    bad = LINE.replace(*change)
    found = entities(tmp_path, LINE.replace("r1", "r0"), bad, LINE.replace("r1", "r2"))
    assert [(row["revenue_id"], row["landing_line"]) for row in found["revenue"]] == [("r0", 2), ("r2", 4)]
    (rejected,) = found["rejected_records"]
    assert reason in rejected["reason"]
    assert rejected == rejected | {
        "source": "crm",
        "unit": "lines.csv",
        "landing_line": 3,
        "attribute": None,
        "bytes": len(f"{bad}\n"),
        "charge_day": day,
        "tenant_id": tenant,
    }


def test_a_line_may_be_earned_on_one_day(tmp_path: Path) -> None:
    (row,) = read(tmp_path, LINE.replace("2026-10-01", "2026-09-01"))
    assert (row["service_period_start"], row["service_period_end"]) == (date(2026, 9, 1), date(2026, 9, 1))


def test_a_file_that_is_no_table_is_refused_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceRejected, match="unexpected end of data") as refused:
        read(tmp_path, LINE, LINE.replace("search", '"search'))
    assert (refused.value.file, refused.value.line) == ("lines.csv", 3)


def test_a_missing_column_changes_the_shape(tmp_path: Path) -> None:
    with pytest.raises(SourceChangedShape, match="currency"):
        read(tmp_path, LINE.rpartition(",")[0], header=HEADER.rpartition(",")[0])


def test_an_unknown_column_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="price"):
        read(tmp_path, LINE, columns={"price": "amount"})
