"""What MetricFlow says of every metric, beside the published tables: ``python -m tests.metricflow MF SETTINGS``.

It ends with 0 where MetricFlow finds every column, its figures are the tables' and every metric was asked. It prints amounts as
floats, so that what it prints is compared to a part in a billion; the SQL it writes is exact but for ratios, and run here it is held
to the last digit.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from reconcilers.declared.settings import read_settings
from reconcilers.warehouses.choice import current
from reconcilers.warehouses.dbt import PROJECT

#: What is no amount but one divided by another, which DuckDB does as floats.
RATIOS = {
    "success_share", "cost_per_success", "all_in_cost_per_success", "cost_per_event", "waste_share", "attempts_per_success",
    "loaded_margin_rate",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """Metrics by one dimension, and the published table that says the same: the dimension first, then a column a metric."""

    metrics: tuple[str, ...]
    by: str
    table: str


_EVENTS = (
    "events", "successes", "resolved_events", "success_share", "event_cost", "accrued_event_cost", "cost_per_success",
    "all_in_cost_per_success", "cost_per_event", "waste_cost", "waste_share", "attempts", "attempts_per_success",
)  # fmt: skip
_OF_EVENTS = """events, successes, successes + failures + partials, successes / nullif(successes + failures + partials, 0), event_cost,
    accrued_cost, cost_per_success, all_in_cost_per_success, cost_per_event, waste_cost, waste_share, attempts, attempts_per_success
from finance.rpt_unit_costs where slice = """
QUESTIONS = (
    Question(_EVENTS, "metric_time__month", f"select month, {_OF_EVENTS} 'all'"),
    Question(
        ("resolved_cost",),
        "metric_time__month",
        """select date_trunc('month', cast(coalesce(outcome_at, ended_at) as date)), sum(reconciled_cost) from finance.fct_cost_per_outcome
        where production and calls > 0 and outcome in ('success', 'failure', 'partial') group by 1""",
    ),
    Question(
        ("revenue", "direct_cost", "shared_cost", "contribution_margin", "loaded_margin", "loaded_margin_rate"),
        "tenant__segment",
        """select nullif(segment, '(unassigned)'), sum(revenue), sum(direct_cost), sum(shared_cost), sum(contribution_margin),
            sum(loaded_margin), sum(loaded_margin) / nullif(sum(revenue), 0)
        from finance.rpt_margin_trend group by 1""",
    ),
    Question(
        ("billed_cost", "carried_cost", "untraced_cost"),
        "metric_time__month",
        """select billing_period_start, sum(case when step = 'billed' then cost end), sum(case when step <> 'billed' then cost end),
            sum(case when step in ('no_telemetry', 'unexplained', 'unmapped') then cost else 0 end)
        from finance.rpt_invoice_waterfall group by 1""",
    ),
    Question(
        ("compared_cost", "expected_cost", "variance"),
        "reconciliation_key__compared_source",
        "select source, sum(billed_cost), sum(expected_cost), sum(billed_cost) - sum(expected_cost) from finance.fct_reconciliation group by 1",
    ),
)


class MetricFlow:
    """``mf`` over a copy of what is published: it opens its file for writing, and reads a manifest in the project's own folder only."""

    def __init__(self, mf: Path, published: Path, folder: Path) -> None:
        self.mf, self.project, self.file = mf.absolute(), folder / "project", folder / "published.duckdb"
        shutil.copy(published, self.file)
        shutil.copytree(PROJECT, self.project, ignore=shutil.ignore_patterns("target", "logs"))
        self.environment = os.environ | {
            "RECONCILE_WAREHOUSE": "duckdb",
            "RECONCILE_STORE": str(self.file),
            "RECONCILE_FINANCE_FILE": str(folder / "nothing.duckdb"),
            "DBT_PROFILES_DIR": str(self.project),
        }
        self._run(self.mf.with_name("dbt"), "--quiet", "parse")

    def valid(self) -> str:
        """What it says of every dimension and measure, asked of the tables."""
        return self._run(self.mf, "validate-configs")

    def figures(self, question: Question) -> list[dict[str, str]]:
        """What it prints."""
        out = self.project / "figures.csv"
        self._run(self.mf, *self._query(question), "--csv", str(out))
        with out.open(newline="") as rows:
            return list(csv.DictReader(rows))

    def sql(self, question: Question) -> str:
        """What it asks."""
        told = self._run(self.mf, *self._query(question), "--explain")
        lines = told.splitlines()
        first = next(place for place, line in enumerate(lines) if line.startswith(("SELECT", "WITH")))
        return "\n".join(lines[first:])

    @staticmethod
    def _query(question: Question) -> list[str]:
        return ["query", "--metrics", ",".join(question.metrics), "--group-by", question.by]

    def _run(self, *command: object) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


def differing(
    question: Question, table: dict[Any, tuple[Any, ...]], rows: dict[Any, tuple[Any, ...]], exact: bool
) -> list[str]:
    """Where MetricFlow's rows are not the table's."""
    found = (
        [f"{question.by}: {sorted(map(str, table.keys() ^ rows.keys()))} only in one"]
        if table.keys() != rows.keys()
        else []
    )
    for key in table.keys() & rows.keys():
        for metric, is_, should in zip(question.metrics, rows[key], table[key], strict=True):
            if is_ is None or should is None:
                same = is_ is should
            elif exact and metric not in RATIOS:
                same = Decimal(is_) == Decimal(should)
            else:
                same = abs(float(is_) - float(should)) <= 1e-9 * max(1, abs(float(should)))
            found += [] if same else [f"{metric} of {key}: {is_}, and the table says {should}"]
    return found


def keyed(rows: list[tuple[Any, ...]]) -> dict[Any, tuple[Any, ...]]:
    return {None if row[0] is None else str(row[0])[:10]: row[1:] for row in rows}


def main(mf: Path, settings: Path) -> int:
    published = Path(current(read_settings(settings)).place.removesuffix(" (schema finance)"))
    declared = yaml.safe_load((PROJECT / "models" / "marts" / "semantic" / "_semantic.yml").read_text())["metrics"]
    wrong = [
        f"not asked: {name}"
        for name in sorted({one["name"] for one in declared} - {m for q in QUESTIONS for m in q.metrics})
    ]
    with tempfile.TemporaryDirectory() as folder:
        flow = MetricFlow(mf, published, Path(folder))
        print(flow.valid().strip().splitlines()[-1])
        for question in QUESTIONS:
            printed = [
                (row[question.by] or None, *(row[metric] or None for metric in question.metrics))
                for row in flow.figures(question)
            ]
            with duckdb.connect(str(flow.file), read_only=True) as connection:
                # The catalog is called as MetricFlow's own connection calls it.
                answer = connection.execute(flow.sql(question))
                names = [column[0] for column in answer.description or ()]
                places = [names.index(name) for name in (question.by, *question.metrics)]
                asked = [tuple(row[place] for place in places) for row in answer.fetchall()]
                table = keyed(connection.execute(question.table).fetchall())
            found = differing(question, table, keyed(asked), True) + differing(question, table, keyed(printed), False)
            print(
                f"{'differs' if found else 'equal':8} {len(table)} rows by {question.by}: {', '.join(question.metrics)}"
            )
            wrong += found
    print("\n".join(wrong) or "every metric is what the tables say")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
