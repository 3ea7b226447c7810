"""The finance pack of a company that was run: by command, by a DAG, for every month, and tied to the tables it is read from."""

from __future__ import annotations

import importlib.util
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from reconcilers.cli import app
from reconcilers.declared.settings import read_settings
from reconcilers.periods import Period
from reconcilers.reports.pack import pack_of
from reconcilers.reports.pack.questions.month import CHANGES
from reconcilers.runs import Ledger
from reconcilers.warehouses.choice import current

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "monthly_pack.py"


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["pack", *words])


def test_the_command_writes_two_files_and_says_where(examples_settings: Path, tmp_path: Path) -> None:
    done = run("--month", "2026-09", "--out", str(tmp_path / "board"), "--config", str(examples_settings))
    assert done.exit_code == 0, done.output
    written = [tmp_path / "board" / f"pack-2026-09.{kind}" for kind in ("html", "xlsx")]
    assert done.output.split() == ["pack", str(written[0]), "pack", str(written[1])]
    assert openpyxl.load_workbook(written[1]).sheetnames[0] == "Summary"
    assert "September 2026" in written[0].read_text()


@pytest.mark.parametrize("month", ["2026-13", "2026-10-01", "october"])
def test_what_is_no_month_is_refused(examples_settings: Path, month: str) -> None:
    done = run("--month", month, "--config", str(examples_settings))
    assert done.exit_code == 2
    assert "is no month" in done.output


def test_no_table_is_missing_and_every_month_closes(examples_settings: Path) -> None:
    published, compared = current(read_settings(examples_settings)), 0
    for (month,) in published.ask("select distinct billing_period_start from finance.rpt_invoice_waterfall").rows:
        pack = pack_of(published, month)
        compared += bool(pack.figures_before)
        assert not [table.missing for table in pack.tables.values() if table.missing.startswith("not published")]
        assert pack.difference == 0
        change = pack.tables[CHANGES.key].last
        if change:
            parts = [change[name] for name in ("volume", "mix", "price", "new", "gone")]
            assert sum(parts) == change["change"]
    assert compared


def test_sums_of_its_tables_are_those_of_its_first_page(examples_settings: Path) -> None:
    pack = pack_of(current(read_settings(examples_settings)), date(2026, 9, 1))
    lasts = {key: table.last for key, table in pack.tables.items()}
    figures = pack.figures
    for key, name, whole in (
        ("tenants", "direct_cost", "direct_cost"),
        ("tenants", "shared_cost", "shared_cost"),
        ("features", "event_cost", "event_cost"),
        ("features", "successes", "successes"),
        ("waste", "waste_cost", "waste_cost"),
    ):
        last = lasts[key]
        assert last is not None, key
        assert last[name] == figures[whole] > 0, key
    assert lasts["components"] == lasts["components"] | {"amount": lasts["reconciliation"]["variance"]}  # type: ignore[index]


def test_reasons_of_runs_over_the_month_are_told(examples_settings: Path, tmp_path: Path) -> None:
    home = read_settings(examples_settings).path(Path("var"))
    ledger = Ledger(home)
    for name, first, reason in (
        ("of", date(2026, 9, 30), "credit note 4711"),
        ("not", date(2026, 10, 1), "of no concern"),
    ):
        ledger.begin(name, "run", Period.of_day(first), datetime(2026, 10, 5), reason)
        with ledger.working(name) as entry:
            entry.published("version 000001", in_part=False, built=True)
    assert run("--month", "2026-09", "--out", str(tmp_path), "--config", str(examples_settings)).exit_code == 0
    page = (tmp_path / "pack-2026-09.html").read_text()
    assert "2026-09-30, at " in page
    assert "credit note 4711" in page
    assert "of no concern" not in page


def test_the_example_dag_writes_the_pack_of_its_day(examples_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_CONFIG", str(examples_settings))
    spec = importlib.util.spec_from_file_location("monthly_pack", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    write = module.monthly_pack().get_task("write")
    paths = write.python_callable(dag_run=SimpleNamespace(partition_key="2026-09-28"))
    assert [Path(path).name for path in paths] == ["pack-2026-09.html", "pack-2026-09.xlsx"]
    assert all(Path(path).stat().st_size > 10_000 for path in paths)
    assert Decimal(openpyxl.load_workbook(paths[1], data_only=True)["Waterfall"]["B4"].value) > 0
