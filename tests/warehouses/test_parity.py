"""Both warehouses publish the same finance tables, to the last digit, from the same landing.

BigQuery is an emulator here, or the project ``BIGQUERY_PROJECT`` names. What the emulator proves is the arithmetic and
the flow; ``docs/warehouses.md`` says what only a real project can.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

from reconcilers.periods import Period, parse_day
from reconcilers.settings import BigQuerySettings, Settings, read_settings
from reconcilers.warehouses.base import Published
from tests.scenarios.company_of_examples import write_company
from tests.scenarios.conftest import EXAMPLES
from tests.scenarios.nights import land, publish

TABLES = "select table_name from information_schema.tables where table_schema = 'finance' order by 1"


def on_bigquery(settings: Settings, project: str) -> Settings:
    return settings.model_copy(update={"warehouse": "bigquery", "bigquery": BigQuerySettings(project=project)})


def differences(ours: Published, theirs: Published) -> list[str]:
    """One line per finance table whose columns or rows are not the same on both sides."""
    found = []
    names = [name for (name,) in ours.ask(TABLES).rows]
    assert len(names) > 10
    for name in names:
        left, right = (side.ask(f"select * from finance.{name}") for side in (ours, theirs))
        if sorted(left.names) != sorted(right.names):
            found.append(f"{name}: columns {sorted(set(left.names) ^ set(right.names))}")
            continue
        order = [right.names.index(column) for column in left.names]
        here, there = Counter(left.rows), Counter(tuple(row[place] for place in order) for row in right.rows)
        found += [f"{name}: only here {row}" for row in list((here - there).elements())[:2]]
        found += [f"{name}: only there {row}" for row in list((there - here).elements())[:2]]
    return found


def test_every_worked_example(tmp_path: Path, emulator: str) -> None:
    settings = read_settings(write_company(tmp_path, EXAMPLES))
    period, as_of = Period(parse_day("2026-01-01"), parse_day("2026-10-02")), datetime(2026, 10, 5)
    land(settings, period, as_of)
    ours, theirs = publish(settings, period, as_of), publish(on_bigquery(settings, "examples"), period, as_of)
    assert differences(ours, theirs) == []
