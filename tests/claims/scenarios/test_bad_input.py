"""What bad input gets: a message that names source, file and line, nothing half-landed, and everybody else goes on."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from reconcilers.errors import Exit
from reconcilers.warehouses.duckdb import Version, read_only
from tests.claims.scenarios.company_of_examples import write_company

GOOD = {"bill": [{"quantity": 1000, "cost": "10.00"}], "calls": [{"tokens": 1000}]}
#: Bills that must not be taken, and what is said of them.
BAD_BILLS = {
    "nan": ("NaN", "line 2: BilledCost: 'NaN' is not a plain decimal amount"),
    "beyond": ("99999999999.5", "line 2: BilledCost: '99999999999.5' is beyond 9000000000"),
    "huge": ("1E+999999", "line 2: BilledCost: '1E+999999' is not a plain decimal amount"),
    "commas": ('"1,234.5"', "line 2: BilledCost: '1,234.5' is not a plain decimal amount"),
}

#: One line of traces, of two spans: the second tells no time.
_SPANS: list[dict[str, Any]] = [
    {"traceId": f"{1:032x}", "spanId": f"{number:016x}", "name": "w", **times}
    for number, times in enumerate(
        ({"startTimeUnixNano": 1790596800 * 10**9, "endTimeUnixNano": 1790596801 * 10**9}, {}), 1
    )
]
BATCH = json.dumps({"resourceSpans": [{"scopeSpans": [{"scope": {"name": "batched"}, "spans": _SPANS}]}]})


@dataclass
class Ran:
    """A finished command and the company it ran over."""

    folder: Path
    code: int
    said: str

    @property
    def current(self) -> Path:
        return self.folder / "var" / "published" / "current"


def run(folder: Path, as_of: str) -> Ran:
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(folder / "reconcile.yaml")]
    command += ["--date", "2026-09-28", "--as-of", as_of]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=None)
    return Ran(folder, done.returncode, " ".join(done.stderr.split()))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good source among bad ones: amounts that are none, a torn archive, a currency without rate, an unpriced model."""
    folder = tmp_path_factory.mktemp("bad")
    names = ["good", "gone", "euro", "tags", *BAD_BILLS, "torn"]
    settings = write_company(folder, {name: GOOD | ({"prices": []} if name == "gone" else {}) for name in names})
    header, line = (folder / "bills" / "good" / "bill.csv").read_text().splitlines()
    for name, (amount, _) in BAD_BILLS.items():
        (folder / "bills" / name / "bill.csv").write_text(f"{header}\n{amount}{line.removeprefix('10.00')}\n")
    (folder / "bills" / "euro" / "bill.csv").write_text(f"{header}\n{line.replace('USD', 'EUR')}\n")
    (folder / "bills" / "tags" / "bill.csv").write_text(f"{header},Tags\n{line},{{not json\n")
    rule = "priority,tag_key,tag_value,destination,version\n1,team,x,out_of_scope,1\n"
    (folder / "reference" / "charge_rules.csv").write_text(rule)
    (folder / "telemetry" / "batch.json").write_text(BATCH)
    whole = gzip.compress(f"{header}\n{line}\n".encode())
    (folder / "bills" / "torn" / "bill.csv").write_bytes(whole[: len(whole) // 2])
    config = yaml.safe_load(settings.read_text())
    config["telemetry"].append({"name": "nowhere", **{k: v for k, v in config["telemetry"][0].items() if k != "name"}})
    config["telemetry"][-1]["uri"] = "no/such/folder"
    settings.write_text(yaml.safe_dump(config, sort_keys=False))
    return folder


@pytest.fixture(scope="module")
def first(company: Path) -> Ran:
    return run(company, "2026-10-05T00:00:00")


@pytest.fixture
def published(first: Ran) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(first.current.parent / "versions" / "000001") as connection:
        yield connection


def rows(published: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return published.execute(sql).fetchall()


def test_others_go_on_and_the_run_says_so(first: Ran, published: duckdb.DuckDBPyConnection) -> None:
    assert first.code == Exit.IN_PART
    found = dict(
        rows(published, "select source, sum(cost) from finance.rpt_invoice_waterfall where step = 'event' group by 1")
    )
    assert found == {"good": Decimal(10), "gone": Decimal(10), "tags": Decimal(10)}


def test_tags_that_cannot_be_read_are_a_break_and_no_rule_s(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        published,
        "select charge_day, break_key, note from finance.fct_breaks where kind = 'record_rejected' and source = 'tags'",
    )
    key = "source=tags unit=bill.csv line=2 attribute=Tags reason=Tags of 1 lines cannot be read; the first: '{not json' is no JSON object"
    assert found == [(date(2026, 9, 28), key, "not read; the rest of the record is")]


def test_a_span_that_is_lost_is_told_by_its_line_which_holds_others(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(published, "select note from finance.fct_breaks where contains(break_key, 'unit=batch.json line=1 ')")
    assert found == [(f"not read, in a line of {len(BATCH)} bytes; the rest of the file is",)]


@pytest.mark.parametrize("name", BAD_BILLS)
def test_a_bad_amount_names_source_file_and_line(first: Ran, name: str) -> None:
    assert f"source {name}, file bill.csv, {BAD_BILLS[name][1]}" in first.said


def test_a_torn_archive_lands_nothing(first: Ran) -> None:
    assert "source torn, file bill.csv" in first.said
    assert not list((first.folder / "var" / "landing" / "manifests" / "torn").glob("bill*/*.json"))


def test_a_folder_that_is_not_there_is_named(first: Ran) -> None:
    assert "source nowhere" in first.said


def test_every_refusal_is_a_break(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        published, "select source, break_key from finance.fct_breaks where kind = 'source_rejected' order by 1"
    )
    assert [source for source, _ in found] == sorted([*BAD_BILLS, "torn", "nowhere"])


def test_what_was_asked_for_and_not_had_is_missing(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(published, "select source, charge_day from finance.fct_breaks where kind = 'source_missing'")
    assert found == [("nowhere", date(2026, 9, 28))]
    refused = rows(published, "select source, units_rejected from finance.fct_completeness where units_rejected > 0")
    assert dict(refused) == dict.fromkeys([*BAD_BILLS, "torn", "nowhere"], 1)


def test_no_rate_is_a_break_and_in_no_sum(published: duckdb.DuckDBPyConnection) -> None:
    found = rows(published, "select amount, currency, break_key from finance.fct_breaks where kind = 'no_rate'")
    assert found == [(Decimal(10), "EUR", "source=euro currency=EUR")]
    assert rows(published, "select * from finance.rpt_invoice_waterfall where source = 'euro'") == []


def test_a_model_without_a_price_is_a_break_and_still_paid(published: duckdb.DuckDBPyConnection) -> None:
    assert rows(published, "select source, quantity, amount from finance.fct_breaks where kind = 'unpriced'") == [
        ("gone", Decimal(1000), None)
    ]
    assert rows(
        published, "select reconciled_cost, estimated_cost from finance.fct_cost_per_outcome where event_id = 'gone/e1'"
    ) == [(Decimal(10), None)]


def test_rows_that_vanish_are_told_and_gone(first: Ran) -> None:
    bill = first.folder / "bills" / "gone" / "bill.csv"
    bill.write_text(bill.read_text().splitlines()[0] + "\n")
    second = run(first.folder, "2026-10-06T00:00:00")
    assert second.code == first.code, second.said
    assert "every row known before has vanished" in second.said
    assert any("vanished" in warning for warning in Version(second.current).facts["warnings"])
    with read_only(second.current) as connection:
        assert rows(connection, "select * from finance.rpt_invoice_waterfall where source = 'gone'") == []
