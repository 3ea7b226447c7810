"""A build makes again the days that changed and no other, and one that was killed between two of them is healed by the next."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta

import duckdb
import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.warehouses.duckdb import Store, Version, read_only
from tests import AT_LENGTH
from tests.claims.published_tables import differences
from tests.claims.scenarios.changing_company import DAYS, FIRST, PERIOD, Company, anew, told_call
from tests.claims.scenarios.nights import build, land

#: A table, its partition, and a column of text that no audit looks at.
MARKED = (
    ("int_usage_cells__formed", "charge_day", "modality"),
    ("int_call_amounts", "charge_day", "model"),
    ("int_events", "event_day", "workflow"),
)


def mark(settings: Settings) -> None:
    """Write on every row that it is of before."""
    with duckdb.connect(str(Store(settings.path(settings.home)).folder / "store.duckdb")) as store:
        for table, _, column in MARKED:
            store.execute(f"update intermediate.{table} set {column} = 'of before'")


def made_again(settings: Settings) -> dict[str, list[int]]:
    """Numbers of the days whose rows are not of before, by table."""
    found = {}
    with duckdb.connect(str(Store(settings.path(settings.home)).folder / "store.duckdb"), read_only=True) as store:
        for table, partition, column in MARKED:
            sql = f"select distinct {partition} from intermediate.{table} where {column} is distinct from 'of before' order by 1"
            found[table] = [(found_day - FIRST).days for (found_day,) in store.execute(sql).fetchall()]
    return found


Settled = tuple[Company, Settings, datetime, Version]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """A company built once."""
    company, as_of = Company(tmp_path_factory.mktemp("company")), datetime(2026, 10, 20)
    settings = company.write()
    land(settings, PERIOD, as_of)
    return company, settings, as_of, build(settings, PERIOD, as_of)


@pytest.fixture
def settled(built: Settled) -> Iterator[Settled]:
    """The same, put back when the test is over."""
    company, settings, as_of, version = built
    kept = company.folder.with_name("kept")
    shutil.copytree(company.folder, kept, symlinks=True)
    yield deepcopy(company), settings, as_of, version
    shutil.rmtree(company.folder)
    kept.rename(company.folder)


def test_only_what_changed_is_made_again(settled: Settled) -> None:
    company, settings, as_of, _ = settled
    mark(settings)
    build(settings, PERIOD, as_of + timedelta(hours=1))
    assert made_again(settings) == {"int_usage_cells__formed": [], "int_call_amounts": [], "int_events": []}

    company.bills[1][0] |= {"BilledCost": "0.05", "EffectiveCost": "0.05"}
    company.calls[4][4]["tokens"] += 1
    company.write()
    land(settings, PERIOD, as_of + timedelta(hours=2))
    build(settings, PERIOD, as_of + timedelta(hours=2))
    # Events of day 0 go on into day 1, those of day 3 into day 4.
    assert made_again(settings) == {
        "int_usage_cells__formed": [4],
        "int_call_amounts": [1, 4],
        "int_events": [0, 1, 3, 4],
    }


@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: dbt parses anew; test_unchanged.py has settings in what a build is known by"
)
def test_another_setting_makes_everything_again(settled: Settled) -> None:
    _, settings, as_of, before = settled
    mark(settings)
    with read_only(before.folder) as published:
        shares = published.execute(
            "select distinct least(share_attributed, share_reconciled) from finance.fct_tenant_margin order by 1 desc"
        ).fetchall()
    best = next(share for (share,) in shares if share is not None)
    other = settings.model_copy(
        update={"midnight_window_minutes": 20, "coverage_gate_millionths": int(best * 1_000_000)}
    )
    after = build(other, PERIOD, as_of)
    assert differences(after, anew(other, as_of)) == []
    assert made_again(settings) == {table: list(DAYS) for table, _, _ in MARKED}
    # No row passes the gate of 0.95; the best covered ones pass one at their own share, and the others none.
    with read_only(after.folder) as published:
        passing = published.execute(
            f"""select distinct least(share_attributed, share_reconciled) >= {best}, status from finance.fct_tenant_margin
                where share_attributed is not null and share_reconciled is not null order by all"""
        ).fetchall()
    assert passing == [(False, "provisional"), (True, "preliminary")]
    with read_only(before.folder) as published:
        assert published.execute("select distinct status from finance.fct_tenant_margin").fetchall() == [
            ("provisional",)
        ]


def test_a_bill_delivered_again_under_another_name_counts_once(settled: Settled) -> None:
    company, settings, as_of, before = settled
    for path in (company.folder / "bills").glob("bill-*.csv"):
        shutil.copy(path, path.with_stem(f"{path.stem}-again"))
    land(settings, PERIOD, as_of + timedelta(hours=1))
    after = build(settings, PERIOD, as_of + timedelta(hours=1))
    # Nothing moves but that the lines left out are named (R33), and so the months are not complete (R34).
    assert {found.split(":")[0] for found in differences(after, before)} == {"fct_breaks", "fct_completeness"}
    with read_only(after.folder) as published:
        told = published.execute("select sum(quantity) from finance.fct_breaks where kind = 'duplicate'").fetchone()
    assert told == (
        sum(len(path.read_text().splitlines()) - 1 for path in (company.folder / "bills").glob("*-again.csv")),
    )


def _build_until(settings: Settings, as_of: datetime, model: str) -> None:
    def die(done: int, total: int, node: str) -> None:
        if node == model:
            os.kill(os.getpid(), signal.SIGKILL)

    with pipeline.writing(settings):
        pipeline.build(settings, as_of, die)


@pytest.mark.usefixtures("dbt_of_its_own")
def test_a_build_killed_between_partitions_is_healed_by_the_next(settled: Settled) -> None:
    company, settings, as_of, _ = settled
    spawn = multiprocessing.get_context("spawn")
    for number, model in enumerate(("int_calls", "int_events"), start=3):
        company.calls[number - 1][1]["tokens"] += 100
        company.calls[number - 2].append(
            told_call(number, 20 + number, event="e5-0", tenant="t2", hour=number, model="small")
        )
        company.write()
        land(settings, PERIOD, as_of + timedelta(hours=number))
        killed = spawn.Process(target=_build_until, args=(settings, as_of + timedelta(hours=number), model))
        killed.start()
        killed.join()
        assert killed.exitcode == -signal.SIGKILL
    after = build(settings, PERIOD, as_of + timedelta(hours=8))
    assert differences(after, anew(settings, as_of + timedelta(hours=8))) == []
