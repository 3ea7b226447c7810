"""What tables there are: as the project describes them, beside what is published."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from reconcilers.console.tables import print_tables
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.reports.catalogue import catalogue
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import FINANCE_FILE

FACTS = {"period": "2026-09-01", "as_of": "2026-09-03T06:00:00", "failed_units": [], "warnings": []}


@pytest.fixture
def company(tmp_path: Path) -> Path:
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return tmp_path / "reconcile.yaml"


@pytest.fixture
def told(company: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def tell(name: str | None = None, output: str = "table") -> str:
        print_tables(read_settings(company), name, output)
        return capsys.readouterr().out

    return tell


def publish(company: Path) -> None:
    """A version of an older release: one table lacks columns and has one that is gone, and one nobody describes any more."""
    version = company.parent / "var" / "published" / "versions" / "000001"
    version.mkdir(parents=True)
    with duckdb.connect(str(version / FINANCE_FILE)) as file:
        file.execute("create schema finance; create table finance.fct_breaks (kind varchar, reviewer varchar)")
        file.execute("create table finance.fct_gone (amount decimal(38, 9))")
        file.execute("comment on table finance.fct_gone is 'What went. Grain: thing.'")
    (version / "run.json").write_text(json.dumps(FACTS))
    (version.parent.parent / "current").symlink_to(version)


def test_every_table_says_what_its_row_is() -> None:
    assert [one.table.name for one in catalogue(None)] == sorted(dbt.described())
    assert [one.table.name for one in catalogue(None) if not one.grain or "Grain" in one.meaning] == []


def test_tables_are_listed_with_whether_they_are_published(company: Path, told: Callable[..., str]) -> None:
    publish(company)
    rows = {row["table"]: row for row in csv.DictReader(io.StringIO(told(output="csv")))}
    assert rows.keys() == {*dbt.described(), "fct_gone"}
    assert {name for name, row in rows.items() if row["published"] == "True"} == {"fct_breaks", "fct_gone"}
    assert rows["fct_gone"] == {"table": "fct_gone", "grain": "thing", "meaning": "What went.", "published": "True"}
    lines = told().splitlines()
    head = lines.index("fct_cost_per_outcome  a row is: event")
    assert " ".join(line.strip() for line in lines[head + 1 : head + 3]).startswith(
        "What one outcome cost over its whole life, failed runs included (R21). (not in the published version)"
    )


def test_columns_are_told_with_types_and_whether_they_are_published(company: Path, told: Callable[..., str]) -> None:
    publish(company)
    columns = {row["column"]: row for row in json.loads(told("finance.FCT_BREAKS", "json"))}
    assert {name for name, row in columns.items() if row["published"]} == {"kind", "reviewer"}
    assert columns["amount"]["type"] == "numeric(38, 9)"
    assert columns["amount"]["meaning"] == "Value of the difference; null where it is not known."
    assert columns["reviewer"] == {"column": "reviewer", "type": "varchar", "meaning": "", "published": True}
    shown = told("fct_breaks")
    assert shown.startswith("finance.fct_breaks  a row is: break: kind × key × day\n    Differences somebody must look")
    (line,) = [line for line in shown.splitlines() if line.startswith(" quantity ")]
    assert line.split(maxsplit=3) == ["quantity", "numeric(38,", "9)", "In the meter's own unit. (not in the published"]


def test_a_wrong_name_gets_the_nearest(told: Callable[..., str]) -> None:
    with pytest.raises(SettingsInvalid, match="there is no table 'fct_break'; nearest is fct_breaks"):
        told("fct_break")
    with pytest.raises(SettingsInvalid, match="parquet is no format of this list"):
        told(output="parquet")


def test_before_the_first_run_the_project_is_told(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(read_settings(company), "dim_tenants", "table")
    said = capsys.readouterr()
    assert said.err == "nothing is published yet; these are the tables a run makes\n"
    assert " name       string   Name.\n" in said.out
