"""List prices, context bands and model names, from raw files through the real job to the published tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from reconcilers.warehouses.duckdb import read_only
from tests.claims.scenarios.company_of_prices import COMPANY, write_company


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the company, its month run and published."""
    folder = tmp_path_factory.mktemp("prices")
    settings = write_company(folder)
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += ["--from", "2026-11-01", "--to", "2026-11-06", "--as-of", "2026-11-20T00:00:00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def published(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(home / "var" / "published" / "current") as connection:
        yield connection


@pytest.mark.parametrize(
    ("source", "costs"),
    [
        ("az", {"az-1": ("0.30", "0.30"), "az-2": ("0.20", "0.20")}),
        ("ti", {"ti-priority": ("1.00", "1.00"), "ti-standard": ("0.50", "0.50")}),
        ("ba", {"ba-short": ("0.50", None), "ba-at": ("1.00", None), "ba-long": ("1.65", None)}),
        (
            "pr",
            {
                "pr-us": ("1.10", "1.10"),
                "pr-arn": ("1.10", "1.10"),
                "pr-plain": ("1.10", "1.10"),
                "pr-global": ("1.00", "1.00"),
            },
        ),
        ("tw", {"tw-1": ("0.15", "0.15")}),
        ("ho", {"ho-dear": ("1.32", "1.32"), "ho-cheap": ("0.66", "0.66"), "ho-late": ("0.66", "0.66")}),
    ],
)
def test_events_cost_what_is_billed_and_are_estimated_at_list(
    published: duckdb.DuckDBPyConnection, source: str, costs: dict[str, tuple[str, str | None]]
) -> None:
    sql = "select event_id, reconciled_cost, estimated_cost from finance.fct_cost_per_outcome where starts_with(event_id, ?)"
    found = {event: (cost, listed) for event, cost, listed in published.execute(sql, [f"{source}-"]).fetchall()}
    assert found == {
        event: (Decimal(cost), None if listed is None else Decimal(listed)) for event, (cost, listed) in costs.items()
    }


def test_nothing_is_left_over_and_no_price_is_missing(published: duckdb.DuckDBPyConnection) -> None:
    sound = [source for source in COMPANY if source != "words"]
    sql = "select source, kind, break_key from finance.fct_breaks where list_contains(?, source)"
    assert published.execute(sql, [sound]).fetchall() == []
    sql = "select distinct step from finance.rpt_invoice_waterfall where list_contains(?, source)"
    assert sorted(published.execute(sql, [sound]).fetchall()) == [("billed",), ("event",)]


def test_a_model_only_one_side_names_and_nothing_maps_is_named_once_with_the_nearest(
    published: duckdb.DuckDBPyConnection,
) -> None:
    sql = "select kind, break_key, amount, note from finance.fct_breaks where source = 'words' and kind = 'unmapped' order by break_key"
    assert [
        (kind, key, amount, "the nearest known name is claude-opus-4-6." in note)
        for kind, key, amount, note in published.execute(sql).fetchall()
    ] == [
        ("unmapped", "source=words model=Claude Opus 4.6", Decimal(5), True),
        ("unmapped", "source=words model=claude-opsu-4-6", None, True),
    ]
