"""A source that is called otherwise from now on carries its history: no figure moves, and nothing is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcilers.declared.settings import Settings
from reconcilers.gone import gone
from reconcilers.warehouses.base import Published
from tests.claims.scenarios.changing_company import PERIOD, Company
from tests.claims.scenarios.nights import build, land

AS_OF = datetime(2026, 10, 20, 6)
RENAMED = AS_OF + timedelta(hours=1)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Company(tmp_path_factory.mktemp("company") / "company").write()


def called_otherwise(settings: Settings, **more: Any) -> Settings:
    sources = [
        {**source, "name": "gateway", **more} if source["name"] == "calls" else source for source in settings.telemetry
    ]
    return settings.model_copy(update={"telemetry": tuple(sources)})


def figures(published: Published) -> list[Any]:
    return [
        published.ask(sql).rows
        for sql in (
            "select event_id, reconciled_cost, calls, outcome from finance.fct_cost_per_outcome order by 1",
            "select step, sum(cost) from finance.rpt_invoice_waterfall group by 1 order by 1",
            "select month, days_landed, days_missing from finance.fct_completeness where source in ('calls', 'gateway') order by 1",
        )
    ]


def test_a_renamed_source_is_the_one_it_was(settings: Settings, tmp_path: Path) -> None:
    land(settings, PERIOD, AS_OF)
    before = build(settings, PERIOD, AS_OF)
    told = figures(before)
    assert "calls" in {source for (source,) in before.ask("select distinct source from finance.fct_completeness").rows}

    assert [one.name for one in gone(called_otherwise(settings), RENAMED, [])] == ["calls"]
    renamed = called_otherwise(settings, renamed_from="calls")
    assert gone(renamed, RENAMED, []) == []
    after = build(renamed, PERIOD, RENAMED)
    assert figures(after) == told
    sources = {source for (source,) in after.ask("select distinct source from finance.fct_completeness").rows}
    assert "gateway" in sources
    assert "calls" not in sources
