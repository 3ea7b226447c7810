"""What Anthropic reckons of Claude Code, and OpenRouter of one's own keys, through the real job: a table beside the bill, and in no sum."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.duckdb import Version
from tests.claims.published_tables import differences
from tests.claims.scenarios.company_of_prices import write
from tests.claims.scenarios.nights import build, land
from tests.sources.conftest import Params, serving

FIRST, LAST = "2026-10-01", "2026-10-02"
PERIOD, AS_OF = Period(date(2026, 10, 1), date(2026, 10, 3)), datetime(2026, 11, 20)
SONNET, HAIKU, GPT = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001", "openai/gpt-4.1"
TABLE = "fct_provider_estimate"
ADDRESS = "ann.lee@acme.example"
#: Cents by day and model of Anthropic's cost report; what OpenRouter took, and reckons the upstream took on one's own key.
BILLED = {FIRST: {SONNET: "300", HAIKU: "40.5"}, LAST: {SONNET: "150"}}
TAKEN, ON_OWN_KEY = 0.0018, 0.036
RATE = Decimal("0.9")


def person(kind: str, *models: dict[str, Any], day: str = FIRST) -> dict[str, Any]:
    """A record of the Claude Code report: what one person or key did that day."""
    actor = {"type": "user_actor", "email_address": ADDRESS}
    if kind == "key":
        actor = {"type": "api_actor", "api_key_name": f"claude_code_key_{ADDRESS}_ab12"}
    told = {"date": f"{day}T00:00:00Z", "organization_id": "org-acme", "terminal_type": "vscode", "is_remote": False}
    told |= {"customer_type": "subscription" if kind == "subscription" else "api", "subscription_type": None}
    return told | {"actor": actor, "core_metrics": {"num_sessions": 3}, "model_breakdown": list(models)}


def used(amount: float, model: str = SONNET, output: int | None = 500) -> dict[str, Any]:
    tokens = {"input": 1000, "output": output, "cache_read": 200, "cache_creation": 30}
    return {"model": model, "tokens": tokens, "estimated_cost": {"amount": amount, "currency": "USD"}}


#: The report by day, a page a list. Another day has none.
RECORDS = {
    FIRST: [
        [person("user", used(12.345), used(7, HAIKU, output=None)), person("key", used(100))],
        [person("subscription", used(0.1)), person("user", used(0.2, output=None), used(1, "claude-unbilled"))],
    ],
    LAST: [[person("user", used(30), day=LAST)]],
}


class Providers:
    """Both APIs. ``records`` is the Claude Code report, ``on_own_key`` what OpenRouter reckons."""

    def __init__(self) -> None:
        self.records, self.on_own_key = RECORDS, ON_OWN_KEY

    def answer(self, path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        asked = dict(params)
        body: dict[str, Any]
        if path == "/v1/organizations/me":
            body = {"id": "org-acme"}
        elif path == "/api/v1/activity":
            body = {"data": self._activity(asked["date"])}
        elif path.endswith("/claude_code"):
            pages, page = self.records.get(asked["starting_at"], [[]]), int(asked.get("page", 0))
            more = page + 1 < len(pages)
            body = {"data": pages[page], "has_more": more, "next_page": str(page + 1) if more else None}
        else:
            bucket = {name: asked[name] for name in ("starting_at", "ending_at")}
            day = asked["starting_at"].partition("T")[0]
            results = [] if path.endswith("/messages") else list(self._costs(day, "group_by[]" in asked))
            body = {"data": [bucket | {"results": results}], "has_more": False, "next_page": None}
        return 200, json.dumps(body).encode(), {}

    def _activity(self, day: str) -> list[dict[str, Any]]:
        counts = {"requests": 1, "prompt_tokens": 10_000, "completion_tokens": 0}
        told = {
            "date": day,
            "model": GPT,
            "usage": TAKEN,
            "byok_usage_inference": self.on_own_key,
            "workspace_id": None,
        }
        return [told | counts] if day == FIRST else []

    def _costs(self, day: str, grouped: bool) -> Iterator[dict[str, Any]]:
        costs: dict[str | None, str] = dict(BILLED.get(day, {}))
        if not grouped:
            costs = {None: str(sum(map(Decimal, costs.values())))}
        for model, cents in costs.items():
            kind = dict.fromkeys(("cost_type", "token_type"))
            kind = {"cost_type": "tokens", "token_type": "uncached_input_tokens"} if model else kind
            told = {"model": model, "description": model, "service_tier": "standard", "context_window": "0-200k"}
            yield {**told, **kind, "amount": cents, "currency": "USD", "workspace_id": None, "inference_geo": None}


def acme(folder: Path, base_url: str, **anthropic: Any) -> Settings:
    """A company that reports in euros, with two calls of a tenant each."""
    api = {"kind": "anthropic", "name": "anthropic", "base_url": base_url} | anthropic
    router = {"kind": "openrouter", "name": "router", "base_url": base_url}
    columns = {"record_id": "id", "event_id": "id", "tenant_id": "tenant", "ended_at": "at", "provider": "provider"}
    calls = {
        "name": "calls",
        "kind": "mapped",
        "uri": "calls",
        "format": "csv",
        "entity": "calls",
        "columns": columns | {"model": "model"},
        "usage": {"semantics": "exclusive", "meters": [{"meter": "input_tokens", "column": "input"}]},
    }
    (folder / "reference").mkdir(parents=True)
    rates = "currency,billing_period_start,rate,version\nUSD,2026-10-01,0.9,1\n"
    (folder / "reference" / "exchange_rates.csv").write_text(rates)
    # Bill and estimate tell the model by its id.
    (folder / "reference" / "model_aliases.csv").write_text(f"provider,alias,model\n,{HAIKU},small\n")
    told = {"tenant": "globex", "at": f"{FIRST}T12:00:00Z", "input": 10_000}
    rows = [{"id": "a", "provider": "anthropic", "model": SONNET}, {"id": "b", "provider": "openrouter", "model": GPT}]
    write(folder / "calls" / "october.csv", [told | row for row in rows])
    settings = {"reporting_currency": "EUR", "reference": "reference", "billing": [api, router], "telemetry": [calls]}
    (folder / "reconcile.yaml").write_text(yaml.safe_dump(settings))
    return read_settings(folder / "reconcile.yaml")


def published(folder: Path, providers: Providers, **anthropic: Any) -> tuple[Settings, Version]:
    with serving() as api:
        api.answer = providers.answer
        settings = acme(folder, api.url, **anthropic)
        land(settings, PERIOD, AS_OF)
    return settings, build(settings, PERIOD, AS_OF)


@pytest.fixture(scope="module", autouse=True)
def keys() -> Iterator[None]:
    os.environ |= {"ANTHROPIC_ADMIN_KEY": "sk-ant-admin-of-acme", "OPENROUTER_MANAGEMENT_KEY": "sk-or-of-acme"}
    yield
    del os.environ["ANTHROPIC_ADMIN_KEY"], os.environ["OPENROUTER_MANAGEMENT_KEY"]


@pytest.fixture(scope="module")
def reckoned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Version]:
    return published(tmp_path_factory.mktemp("reckoned") / "acme", Providers(), claude_code=True)


def estimates(version: Published) -> list[tuple[Any, ...]]:
    sql = f"""select charge_day, model, kind, customer_type, original_estimated_cost, estimated_cost, billed_cost
              from finance.{TABLE} order by charge_day, source, model, customer_type"""
    return [(day.isoformat(), *rest) for day, *rest in version.ask(sql).rows]


def in_euros(dollars: str, billed_cents: str | None) -> tuple[Decimal, Decimal, Decimal | None]:
    return Decimal(dollars), Decimal(dollars) * RATE, billed_cents and Decimal(billed_cents) / 100 * RATE


def test_an_estimate_stands_beside_what_was_billed_of_the_model_that_day(reckoned: tuple[Settings, Version]) -> None:
    """Persons and keys of both pages are one row; what a subscription used is on no bill of the API, nor is a model it does not name."""
    _, version = reckoned
    assert estimates(version) == [
        (FIRST, SONNET, "claude_code", "api", *in_euros("1.12545", BILLED[FIRST][SONNET])),
        (FIRST, SONNET, "claude_code", "subscription", *in_euros("0.001", None)),
        (FIRST, "claude-unbilled", "claude_code", "api", *in_euros("0.01", None)),
        (FIRST, "small", "claude_code", "api", *in_euros("0.07", BILLED[FIRST][HAIKU])),
        (FIRST, GPT, "byok", None, *in_euros("0.036", "0.18")),
        (LAST, SONNET, "claude_code", "api", *in_euros("0.3", BILLED[LAST][SONNET])),
    ]


def test_tokens_are_summed_where_every_record_tells_them(reckoned: tuple[Settings, Version]) -> None:
    """How many of OpenRouter's tokens went through on one's own key it does not tell."""
    _, version = reckoned
    sql = f"""select model, input_tokens, cache_read_input_tokens, cache_write_input_tokens, output_tokens
              from finance.{TABLE} where charge_day = '{FIRST}' and coalesce(customer_type, 'api') = 'api' order by model"""
    assert version.ask(sql).rows == [
        (SONNET, 3000, 600, 90, None),
        ("claude-unbilled", 1000, 200, 30, 500),
        (GPT, None, None, None, None),
        ("small", 1000, 200, 30, None),
    ]


def test_what_was_billed_of_a_day_and_model_is_told_once(reckoned: tuple[Settings, Version]) -> None:
    _, version = reckoned
    sql = f"select sum(billed_cost), sum(estimated_cost) from finance.{TABLE} where source = 'anthropic'"
    ((billed, reckoned_cost),) = version.ask(sql).rows
    every = sum((Decimal(cents) for costs in BILLED.values() for cents in costs.values()), Decimal(0))
    assert billed == every / 100 * RATE
    assert billed > reckoned_cost > 0


def test_no_figure_moves_where_nothing_is_reckoned(reckoned: tuple[Settings, Version], tmp_path: Path) -> None:
    """Every table of finance is the same to the last digit without estimates, but for the one that shows them."""
    _, version = reckoned
    silent = Providers()
    silent.on_own_key = 0
    _, without = published(tmp_path / "acme", silent)
    told = {line.partition(":")[0] for line in differences(version, without, shown=1)}
    assert told == {TABLE}
    for table in ("rpt_invoice_waterfall", "fct_cost_per_outcome", "fct_tenant_margin"):
        assert version.ask(f"select count(*) from finance.{table}").rows[0][0] > 1


def test_no_address_of_a_person_is_stored(reckoned: tuple[Settings, Version]) -> None:
    settings, _ = reckoned
    assert ADDRESS in json.dumps(RECORDS)
    stored = [path for path in settings.landing.parent.rglob("*") if path.is_file()]
    assert any(b'"customer_type": "subscription"' in path.read_bytes() for path in stored)
    for trace in (b"@", b"ann.lee", b"claude_code_key"):
        assert [path for path in stored if path.is_relative_to(settings.landing) and trace in path.read_bytes()] == []
    assert [path for path in stored if ADDRESS.encode() in path.read_bytes()] == []
