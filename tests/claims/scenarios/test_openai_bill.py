"""OpenAI's bill through the real job, where a line names another model than the call: what still meets, and where the rest is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.focus_export import dataset
from reconcilers.periods import Period
from reconcilers.warehouses.base import Published
from tests.claims.scenarios import nights
from tests.claims.scenarios.company_of_prices import write
from tests.sources.conftest import Params, serving

DAY, START = date(2026, 10, 1), 1_790_812_800
RANGE, AS_OF = Period(DAY, date(2026, 10, 2)), datetime(2026, 10, 5)
TUNED, LINE = "ft:gpt-4o-2024-08-06:acme:{}:9xQ2", "ft-gpt-4o-2024-08-06"
#: Line item, amount, quantity and its unit. Every fine-tuned model of one base is one line, and the searches of gpt-4.1 are
#: booked under the name of gpt-4o.
COSTS: list[tuple[str, str, int, str | None]] = [
    (f"{LINE}, input", "3.00", 3000, "tokens"),
    ("web search tool calls | gpt-4o", "0.50", 50, None),
]
CALLS: list[dict[str, Any]] = [
    {"record_id": "tuned-1", "model": TUNED.format("intent"), "input": 1000},
    {"record_id": "tuned-2", "model": TUNED.format("tone"), "input": 2000},
    {"record_id": "searched-4o", "model": "gpt-4o", "searches": 20},
    {"record_id": "searched-4.1", "model": "gpt-4.1", "searches": 30},
]
USAGE = [{"meter": "input_tokens", "column": "input"}, {"meter": "searches", "column": "searches"}]
CALLS_SOURCE = {
    **{"name": "calls", "kind": "mapped", "uri": "calls", "format": "csv", "entity": "calls"},
    "columns": {name: name for name in ("record_id", "event_id", "ended_at", "provider", "model", "environment")},
    "usage": {"semantics": "exclusive", "meters": USAGE},
}


def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
    """Costs by line, or their sum; no usage report has anything."""
    told = [(*COSTS[0][:1], "3.50", 0, None)] if path.endswith("/costs") else []
    told = COSTS if told and any(name == "group_by[]" for name, _ in params) else told
    results = [
        {
            "object": "organization.costs.result",
            "amount": {"value": amount, "currency": "usd"},
            **{"line_item": item, "quantity": quantity, "quantity_unit": unit, "project_id": "p", "api_key_id": "k"},
        }
        for item, amount, quantity, unit in told
    ]
    bucket = {"object": "bucket", "start_time": START, "end_time": START + 86_400, "results": results}
    day = dict(params)["start_time"] == str(START)
    page = {"object": "page", "data": [bucket] if day else [], "has_more": False, "next_page": None}
    return 200, json.dumps(page).encode(), {}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("openai")
    common = {"ended_at": f"{DAY}T12:00:00Z", "provider": "openai", "environment": "production"}
    write(folder / "calls/calls.csv", [common | call | {"event_id": call["record_id"]} for call in CALLS])
    write(folder / "reference/environments.csv", [{"environment": "production", "production": "true"}])
    known = {"source": "openai", "provider": "openai", "default_account_id": "org-acme", "finality_days": "0"}
    write(folder / "reference/billing_sources.csv", [known])
    aliases = [{"provider": "openai", "alias": TUNED.format(name), "model": LINE} for name in ("intent", "tone")]
    write(folder / "reference/model_aliases.csv", aliases)
    settings = folder / "reconcile.yaml"
    with serving() as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
        api.answer = answer
        bill = {"name": "openai", "kind": "openai", "base_url": api.url}
        settings.write_text(yaml.safe_dump({"billing": [bill], "telemetry": [CALLS_SOURCE], "price_book": "none"}))
        nights.land(read_settings(settings), RANGE, AS_OF)
        yield read_settings(settings)


@pytest.fixture(scope="module")
def published(company: Settings) -> Published:
    return nights.publish(company, RANGE, AS_OF)


def test_fine_tuned_models_share_the_line_that_an_alias_names_for_each(published: Published) -> None:
    sql = "select event_id, reconciled_cost from finance.fct_cost_per_outcome where event_id like 'tuned%' order by 1"
    assert [tuple(row) for row in published.ask(sql).rows] == [("tuned-1", 1), ("tuned-2", 2)]


def test_searches_under_another_models_name_are_money_without_telemetry_and_a_break(published: Published) -> None:
    """What gpt-4o searched is paid; the line's other searches are no event's, and gpt-4.1's are shown beside, as no money."""
    events = published.ask(
        "select event_id, reconciled_cost from finance.fct_cost_per_outcome where event_id like 'searched%' order by 1"
    ).rows
    assert [tuple(row) for row in events] == [("searched-4.1", 0), ("searched-4o", Decimal("0.20"))]
    steps = "select step, cost from finance.rpt_invoice_waterfall where cost <> 0"
    assert dict(published.ask(steps).rows) == {
        "billed": Decimal("3.50"),
        "event": Decimal("3.20"),
        "no_telemetry": Decimal("0.30"),
    }
    breaks = published.ask("select quantity, break_key from finance.fct_breaks where kind = 'telemetry_without_charge'")
    ((quantity, key),) = breaks.rows
    assert quantity == 30
    assert "model=gpt-4.1 meter=searches" in key


def test_a_bill_without_list_prices_is_exported_with_list_costs_that_are_assumed(
    company: Settings, published: Published
) -> None:
    """Trap: the API tells what is billed alone, which as a list cost would say that nothing was saved."""
    rows = dataset(company, published, DAY, "1.2").read_all().to_pylist()
    assert sum(row["ListCost"] for row in rows) == sum(row["EffectiveCost"] for row in rows) == Decimal("3.50")
    assert {row["x_ListCostAssumed"] for row in rows} == {True}
