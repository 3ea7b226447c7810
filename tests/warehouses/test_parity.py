"""Both warehouses publish the same finance tables, to the last digit, from the same landing.

BigQuery is an emulator here. What it proves is the arithmetic and the flow; ``docs/warehouses.md`` says what only a real
project can.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from reconcilers.periods import Period, parse_day
from reconcilers.sample_company import knowledge, sample, store
from reconcilers.sample_company.server import CREDENTIALS, serving
from reconcilers.settings import BigQuerySettings, Settings, read_settings
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.bigquery import BigQuery
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
    bigquery = on_bigquery(settings, "examples")
    ours, theirs = publish(settings, period, as_of), publish(bigquery, period, as_of)
    assert differences(ours, theirs) == []

    # A billionth on one run is seen.
    assert bigquery.bigquery is not None
    BigQuery(bigquery.bigquery, tmp_path).query(
        "update finance.fct_run_cost set reconciled_cost = reconciled_cost + numeric '0.000000001' where starts_with(run_id, 'E01')"
    )
    assert [line.split(" ")[0] for line in differences(ours, theirs)] == ["fct_run_cost:", "fct_run_cost:"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sample_companies(seed: int, tmp_path: Path, emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, start = tmp_path / "company", date(2026, 9, 28)
    sample.make(seed, start, date(2026, 10, 2), 20, out)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    period = Period(start, knowledge.last_day(store.load(out)) + timedelta(days=1))
    with serving(out) as providers:
        settings = read_settings(out / "reconcile.yaml")
        land(settings, period, providers.known_at)
    ours = publish(settings, period, providers.known_at)
    theirs = publish(on_bigquery(settings, f"seed-{seed}"), period, providers.known_at)
    assert differences(ours, theirs) == []
