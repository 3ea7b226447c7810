"""Every audit sees a billionth that is wrong in any table it guards, says where, and is asked again until it passes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from reconcilers.warehouses.base import keep_candidate
from tests.warehouses.built import Built

CARRIED, COSTS, SHARED = "allocation_carries_every_charge", "call_costs_carry_the_receipts", "receipts_are_shared_out"
STAND, OF_A_DAY, PAID = (
    "events_and_runs_carry_the_allocation",
    "allocation_of_a_day_is_what_it_cost",
    "cells_are_spent_exactly",
)
CLOSE, ECONOMICS = "reports_close", "unit_economics_close"

ALLOCATION = "finance_file.allocation"
A_COST = "rowid = (select min(rowid) from intermediate.int_call_amounts where cost_nanos is not null)"
#: A call whose output is paid for.
PAYING = """rowid = (
    select min(calls.rowid) from {allocation}.calls join {allocation}.receipts on calls.profile = receipts.profile
    where receipts.slot = 6 and receipts.amount > 1000000 and calls.output_tokens > 1
)"""
ACCRUING = """rowid = (
    select min(calls.rowid) from {allocation}.calls join {allocation}.receipts on calls.profile = receipts.profile
    where receipts.slot = 2 and receipts.accrued > 1000000 and calls.blind_input_tokens > 1
)"""

#: What is wrong: the statement that makes it so, and the audits that must see it.
PLANTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "a share": (
        f"update {{allocation}}.calls set output_tokens = output_tokens - 1 where {PAYING}",
        (SHARED, OF_A_DAY),
    ),
    "an accrued share": (
        f"update {{allocation}}.calls set blind_input_tokens = blind_input_tokens - 1 where {ACCRUING}",
        (SHARED, OF_A_DAY),
    ),
    "a mark": (
        f"update {{allocation}}.calls set output_tokens_until = 1000000000000 where {PAYING}",
        (SHARED, OF_A_DAY),
    ),
    "a share of nothing told twice": (
        "insert into {allocation}.calls select * from {allocation}.calls where {one}",
        (SHARED,),
    ),
    "a share that is no amount": ("update {allocation}.calls set told_again = true where {one}", (SHARED,)),
    "a share of no receipt": ("update {allocation}.calls set profile = 1 where {one}", (SHARED, OF_A_DAY)),
    "a receipt": (
        "update {allocation}.receipts set amount = amount + 1 where {one}",
        (CARRIED, COSTS, SHARED, PAID),
    ),
    "an accrued receipt": (
        "update {allocation}.receipts set accrued = accrued + 1 where {one}",
        (CARRIED, COSTS, SHARED),
    ),
    "a bucket": (
        "update {allocation}.bucket_shares set reconciled_cost = reconciled_cost + 0.000000001 where {one}",
        (CARRIED,),
    ),
    "an accrual in a bucket": (
        "update {allocation}.bucket_shares set accrued_cost = accrued_cost + 0.000000001 where {one}",
        (CARRIED,),
    ),
    "a bucket nobody knows": (
        "update {allocation}.bucket_shares set destination = 'elsewhere' where {one}",
        ("destinations_are_closed",),
    ),
    "a charge": (
        "update intermediate.int_charges set effective_cost = effective_cost + 0.000000001 where destination <> '(no_rate)' and {one}",
        (CARRIED,),
    ),
    "a cost of calls": (
        f"update intermediate.int_call_amounts set cost_nanos = cost_nanos + 1 where {A_COST}",
        (COSTS, OF_A_DAY),
    ),
    "an accrued cost of calls": (
        f"update intermediate.int_call_amounts set accrued_nanos = accrued_nanos + 1 where {A_COST}",
        (COSTS, OF_A_DAY),
    ),
    "a cost on another event": (
        "update intermediate.int_call_amounts set event_id = 'another' where event_id is not null and cost_nanos <> 0",
        (OF_A_DAY,),
    ),
    "a cost on another day": (
        "update intermediate.int_call_amounts set charge_day = charge_day + 1 where cost_nanos <> 0",
        (COSTS, OF_A_DAY),
    ),
    "a call on another run": (
        "update {allocation}.call_contexts set run_id = 'another' where event_id is not null",
        (OF_A_DAY,),
    ),
    "a call that is gone": (
        "delete from {allocation}.calls where context in (select context from {allocation}.call_contexts where event_id is not null)",
        (OF_A_DAY,),
    ),
    "a call on two days": (
        "insert into {allocation}.calls select * replace (charge_day + 40 as charge_day) from {allocation}.calls where {one}",
        ("calls_are_counted_once",),
    ),
    "what a flow gave": ("update intermediate.int_matches set cost_nanos = cost_nanos + 1 where {one}", (PAID,)),
    "usage taken": (
        "update intermediate.int_matches set usage_taken = usage_taken + 1000000000000 where {one}",
        (PAID,),
    ),
    "a bill cell": ("update intermediate.int_bill_cells set cost_nanos = cost_nanos + 1 where {one}", (PAID,)),
    "the rest of a bill cell": (
        "update intermediate.int_bill_cell_rests set cost_nanos = cost_nanos + 1 where {one}",
        (PAID,),
    ),
    "a charge in the bridge": (
        "update finance_file.finance.bridge_match_group_charge set cost = cost + 0.000000001 where {one}",
        (PAID,),
    ),
    "what a cell received": (
        "update intermediate.int_cell_receipts set cost_nanos = cost_nanos + 1 where {one}",
        (PAID,),
    ),
    "a cell beyond INT64": (
        "update intermediate.int_usage_cells set quantity = 9000000000001 where {one}",
        (PAID,),
    ),
    "a line's destination": (
        "update intermediate.int_charges set destination = 'event' where {one}",
        ("destinations_are_closed",),
    ),
    "the waterfall": (
        "update finance_file.finance.rpt_invoice_waterfall set cost = cost + 0.000000001 where {one}",
        (CLOSE,),
    ),
    "unplaced money": (
        "update finance_file.finance.fct_completeness set no_telemetry_cost = no_telemetry_cost + 0.000000001 where {one}",
        (CLOSE,),
    ),
    "a margin": (
        "update finance_file.finance.fct_tenant_margin set loaded_margin = loaded_margin + 0.000000001 where rowid in (select min(rowid) from finance_file.finance.fct_tenant_margin where loaded_margin is not null)",
        (CLOSE,),
    ),
    "a variance": (
        "update finance_file.finance.fct_reconciliation set variance = variance + 0.000000001 where {one}",
        (CLOSE,),
    ),
    "a key told twice": (
        "insert into finance_file.finance.fct_breaks select * from finance_file.finance.fct_breaks where {one}",
        ("keys_are_told_once",),
    ),
    "a key not told": (
        "update finance_file.finance.dim_models set source_model_id = null where {one}",
        ("keys_are_told_once",),
    ),
    "an event on two days": (
        "insert into finance_file.finance.fct_cost_per_outcome select * replace (event_day + 40 as event_day) from finance_file.finance.fct_cost_per_outcome where {one}",
        ("runs_and_events_are_told_once",),
    ),
    "a run told twice": (
        "insert into finance_file.finance.fct_run_cost select * from finance_file.finance.fct_run_cost where {one}",
        ("runs_and_events_are_told_once",),
    ),
    "the view": (
        "create or replace view finance_file.finance.fct_allocation as select * replace (reconciled_cost + 0.000000001 as reconciled_cost) from finance_file.finance.fct_allocation_as_it_is",
        (OF_A_DAY,),
    ),
    **{
        f"{column} of {table}": (
            f"update finance_file.finance.{table} set {column} = {column} + 0.000000001 where {{one}}",
            (STAND,),
        )
        for table in ("fct_cost_per_outcome", "fct_event_cost_month", "fct_run_cost")
        for column in ("reconciled_cost", "accrued_cost")
    },
    **{
        f"{column} of {table}": (
            f"update finance_file.finance.{table} set {column} = {column} + 0.000000001 where {{one}}",
            (ECONOMICS,),
        )
        for table, column in (
            ("fct_outcome_day", "event_cost"),
            ("fct_outcome_day", "waste_cost"),
            ("fct_usage_cost", "reconciled_cost"),
            ("fct_feature_margin", "direct_cost"),
            ("fct_feature_margin", "revenue"),
            ("rpt_cost_classes", "reconciled_cost"),
            ("rpt_margin_trend", "shared_cost"),
        )
    },
}


@pytest.fixture(scope="module")
def audits(built: Built) -> dict[str, str]:
    """The text of every audit, for all days there are calls of."""
    built.dbt("compile", "--select=test_type:singular")
    folder = built.target / "compiled" / "reconcile" / "tests"
    return {path.stem: path.read_text() for path in folder.glob("*.sql")}


@pytest.fixture(scope="module")
def copied(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The store, at another place."""
    folder = tmp_path_factory.mktemp("copied")
    with duckdb.connect(str(shutil.copy(built.environment["RECONCILE_STORE"], folder / "store.duckdb"))) as connection:
        finance = shutil.copy(built.environment["RECONCILE_FINANCE_FILE"], folder / "reconciled.duckdb")
        connection.execute(f"attach '{finance}' as finance_file")
        yield connection


@pytest.fixture
def store(copied: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, to be made wrong: what a test changes is gone after it."""
    copied.execute("begin transaction")
    yield copied
    copied.execute("rollback")
    copied.execute("use store")


def failing(store: duckdb.DuckDBPyConnection, audits: dict[str, str]) -> set[str]:
    """Names of the audits that find anything."""
    return {name for name, text in audits.items() if store.execute(text).fetchone() is not None}


def test_nothing_is_wrong(store: duckdb.DuckDBPyConnection, audits: dict[str, str]) -> None:
    assert len(audits) > 10
    assert failing(store, audits) == set()


@pytest.mark.parametrize("planted", PLANTED)
def test_an_audit_sees_a_billionth(planted: str, store: duckdb.DuckDBPyConnection, audits: dict[str, str]) -> None:
    statement, seen_by = PLANTED[planted]
    if planted == "the view":
        [(text,)] = store.execute(
            "select sql from duckdb_views() where schema_name = 'finance' and view_name = 'fct_allocation'"
        ).fetchall()
        store.execute("use finance_file")
        store.execute(text.replace("fct_allocation", "fct_allocation_as_it_is", 1))
    table = statement.split()[2 if statement.startswith(("insert", "delete")) else 1].format(allocation=ALLOCATION)
    changed = store.execute(statement.format(allocation=ALLOCATION, one=f"rowid = (select min(rowid) from {table})"))
    assert planted == "the view" or changed.fetchall() > [(0,)]
    store.execute("use store")
    assert set(seen_by) <= failing(store, {name: audits[name] for name in seen_by})


def test_what_an_audit_finds_is_said_and_asked_again(built: Built) -> None:
    run, cost = "finance_file.finance.fct_run_cost", "intermediate.int_call_amounts"
    with built.connect(read_only=False) as store:
        store.execute(f"update {run} set accrued_cost = accrued_cost + 0.000000001 where rowid = 0")
        [(row, day, event)] = store.execute(
            f"select rowid, charge_day, event_id from {cost} where event_id is not null and cost_nanos <> 0 limit 1"
        ).fetchall()
        store.execute(f"update {cost} set event_id = 'another' where rowid = {row}")
        store.execute(f"delete from partitions.made_{OF_A_DAY} where day = ?", [day])
    keep_candidate(
        Path(built.environment["RECONCILE_STORE"]).parent, None
    )  # else nothing changed, and nothing is asked
    passed = f"select count(*) from partitions.made_{OF_A_DAY} where day = ?"
    try:
        failed = built.run()
    finally:
        with built.connect(read_only=False) as store:
            store.execute(f"update {run} set accrued_cost = accrued_cost - 0.000000001 where rowid = 0")
            store.execute(f"update {cost} set event_id = ? where event_id = 'another'", [event])
            assert store.execute(passed, [day]).fetchone() == (0,)
    said = " ".join(failed.stderr.split())
    assert f"the audit failed: {OF_A_DAY}, {STAND}: " in said
    assert f"{STAND}: what = runs, difference = 0.000000000, accrued_difference = 0.000000001" in said
    assert "event_id = another, " in said
    assert built.run().returncode == 0
    with built.connect() as store:
        assert store.execute(passed, [day]).fetchone() == (1,)
