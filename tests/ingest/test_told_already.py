"""Lines that several deliveries tell: one counts, the others are named with both places, whichever came first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import Lake, Normalised
from reconcilers.ingest.told_already import left_out_charges
from reconcilers.sources import registry

HEADER = "BilledCost,EffectiveCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName"
Pull = tuple[Landed, Path]


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., tuple[Landed, Normalised]]:
    """Land a file with one line per cost from a source of its own, and read it."""

    def take(name: str, *costs: str, source: str = "bill") -> tuple[Landed, Normalised]:
        lines = [f"{cost},{cost},{cost},acct,USD,2026-09-01,2026-09-15,2026-09-16,Usage,LLM" for cost in costs]
        folder = tmp_path / source
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("\n".join([HEADER, *lines, ""]))
        reader = registry.load("billing", {"name": source, "kind": "focus_file", "uri": str(folder)})
        landing = Landing(tmp_path / "landing")
        pull = landing.pull(source, "focus_file", name)
        reader.fetch(name, pull)
        landed, _ = landing.commit(pull, datetime(2026, 10, 1))
        return landed, Lake(tmp_path / "lake").ensure(reader, landed)

    return take


def left_out(pulls: list[Pull]) -> list[tuple[Any, ...]]:
    columns = ("source", "unit", "landing_line", "kept_unit", "kept_landing_line", "billed_cost_text")
    rows = [row for _, table in left_out_charges(pulls) for row in table.to_pylist()]
    return sorted(tuple(row[name] for name in columns) for row in rows)


def test_of_equal_lines_one_counts_whichever_came_first(deliver: Any) -> None:
    pulls = [
        (landed, content.files["charges"])
        for landed, content in (
            deliver("a.csv", "0.01", "0.01"),
            deliver("b.csv", "0.02", "0.010", "0.01"),
            deliver("c.csv", "0.0100", "1E-2", "0.01", "0.020"),
        )
    ]
    told = {tuple(left_out(list(order))) for order in permutations(pulls)}
    assert told == {
        (
            ("bill", "b.csv", 3, "a.csv", 2, "0.010"),
            ("bill", "b.csv", 4, "a.csv", 3, "0.01"),
            ("bill", "c.csv", 2, "a.csv", 2, "0.0100"),
            ("bill", "c.csv", 3, "a.csv", 3, "1E-2"),
            # The third of c.csv is told by no other; its 0.02 is.
            ("bill", "c.csv", 5, "b.csv", 2, "0.020"),
        )
    }


def test_equal_lines_of_two_sources_both_count(deliver: Any) -> None:
    pulls = [
        (landed, content.files["charges"])
        for landed, content in (deliver("a.csv", "0.01"), deliver("a.csv", "0.01", source="other"))
    ]
    assert left_out(pulls) == []
    assert left_out([]) == []


def test_rows_that_follow_from_others_are_kept_by_their_content(deliver: Any, tmp_path: Path) -> None:
    first, second = deliver("a.csv", "0.01"), deliver("b.csv", "0.01", "0.02")
    lake = Lake(tmp_path / "lake")
    ((landed, table),) = left_out_charges([(pull, content.files["charges"]) for pull, content in (first, second)])
    assert landed == second[0]
    path = lake.keep(landed, "left_out_charges", table)
    assert path == lake.keep(landed, "left_out_charges", table)
    assert path.parent.name.rpartition("-")[0] == landed.landing_id
    assert pq.read_table(path).equals(table)
    assert lake.keep(landed, "left_out_charges", table.slice(0, 0)) != path


def test_what_a_pull_bills_is_the_exact_sum_rounded_once(deliver: Any) -> None:
    _, content = deliver("tiny.csv", *["0.0000000004"] * 60)
    assert Decimal(content.billed_cost["USD"]) == Decimal("0.000000024")
