"""A bill's table that gains a column: told once, by name, and only that."""

from __future__ import annotations

import io
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period
from tests.hostile.inputs.bills import bill

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
FIRST, SECOND, THIRD, FOURTH = (datetime(2026, 10, day) for day in (1, 2, 3, 4))


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    for folder in ("bill", "reference"):
        (tmp_path / folder).mkdir()
    told: dict[str, Any] = {
        "price_book": "none",
        "billing": [{"name": "bill", "kind": "focus_file", "uri": "bill"}],
    }
    (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump(told))
    return read_settings(tmp_path / "reconcile.yaml")


def write(company: Settings, file: str, *more: str) -> None:
    """A bill of one line, with columns more."""
    header, line = bill().decode().splitlines()
    text = "\n".join((",".join((header, *more)), ",".join((line, *(["told"] * len(more)))), "")).encode()
    path = company.path("bill") / file
    if path.suffix == ".parquet":
        as_text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys((*header.split(","), *more), pa.string()))
        pq.write_table(pyarrow.csv.read_csv(io.BytesIO(text), convert_options=as_text), path)
    else:
        path.write_bytes(text)


def warnings(company: Settings, as_of: datetime) -> list[str]:
    report = pipeline.land(company, "bill", SEPTEMBER, as_of)
    assert report.failures == []
    return report.warnings


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_new_column_is_told_by_name_the_first_time(company: Settings, ending: str) -> None:
    write(company, f"september.{ending}")
    assert warnings(company, FIRST) == []
    write(company, f"october.{ending}", "x_Discount", "x_Fee")
    write(company, f"september.{ending}", "X_FEE")
    assert warnings(company, SECOND) == [
        f"october.{ending}: has columns that no delivery before had: x_discount, x_fee"
    ]
    write(company, f"november.{ending}", "x_Discount")
    assert warnings(company, THIRD) == []


def test_many_of_them_are_a_number(company: Settings) -> None:
    write(company, "september.csv")
    warnings(company, FIRST)
    write(company, "october.csv", *(f"x_{n:02}" for n in range(12)))
    (told,) = warnings(company, SECOND)
    assert told.endswith("x_08, x_09 and 2 more")


def test_a_column_less_is_no_news(company: Settings) -> None:
    write(company, "september.csv", "x_Fee")
    warnings(company, FIRST)
    write(company, "october.csv")
    assert warnings(company, SECOND) == []
    assert warnings(company, THIRD) == []
    write(company, "november.csv", "x_Fee")
    assert warnings(company, FOURTH) == []


def test_a_delivery_that_is_gone_from_landing_stops_nothing(company: Settings) -> None:
    write(company, "september.csv")
    warnings(company, FIRST)
    shutil.rmtree(company.landing / "objects")
    write(company, "october.csv")
    assert warnings(company, SECOND) == []
