"""Anthropic's reports through the real job: costs tell no quantity, so the usage report's counts place them on events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from reconcilers.new_company import write_company
from reconcilers.warehouses.duckdb import read_only
from tests.claims.scenarios.company_of_prices import write
from tests.sources.conftest import Params, serving

DAY = "2026-10-01"
KEY = "sk-ant-admin-of-acme"
SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
WRITTEN = "cache_creation.ephemeral_{}_input_tokens"

#: Cents, tokens and what else is told: a line of the cost report, and the row of the usage report it is of.
TOKENS: list[tuple[str, int, dict[str, Any]]] = [
    ("60", 200_000, {}),
    ("180", 300_000, {"context_window": "200k-1M"}),
    ("3.75", 10_000, {"token_type": WRITTEN.format("5m")}),
    ("6", 10_000, {"token_type": WRITTEN.format("1h")}),
    ("10.000000", 200_000, {"model": HAIKU, "workspace_id": None, "service_tier": "batch"}),
]
#: Costs that are no token's. Code execution has no usage rows.
SEARCHES = ("10", 10)
CODE_EXECUTION = "5"
#: Tokens at Priority Tier, which no cost tells, and what the contract takes for a million of one model's.
PRIORITY = {SONNET: 100_000, HAIKU: 40_000}
CONTRACT_PRICE = "3.60"
#: A call is an event of its own, named by its id.
CALLS = [
    {"id": "a", "input": 100_000},
    {"id": "b", "input": 60_000},
    {"id": "long", "input": 300_000},
    {"id": "cache", "write_5m": 10_000, "write_1h": 10_000},
    {"id": "batch", "input": 200_000, "model": HAIKU, "workspace": "(default)", "batch": "true"},
    {"id": "priority", "input": 75_000, "tier": "priority"},
    {"id": "undeclared", "input": PRIORITY[HAIKU], "model": HAIKU, "tier": "priority"},
]


def cost(amount: str, told: dict[str, Any]) -> dict[str, Any]:
    line = {
        "cost_type": "tokens",
        "model": SONNET,
        "token_type": "uncached_input_tokens",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": None,
        "workspace_id": "wrkspc_a",
    } | told
    line["description"] = f"{line['model']} {line['cost_type']} {line['token_type']} {line['context_window']}"
    return line | {"amount": amount, "currency": "USD"}


def used(key: str, tokens: int, told: dict[str, Any], searches: int = 0) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "uncached_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": searches},
    }
    holder, _, name = told.get("token_type", "uncached_input_tokens").rpartition(".")
    (counts[holder] if holder else counts)[name] = tokens
    owner = {"workspace_id": "wrkspc_a", "api_key_id": key, "model": SONNET, "inference_geo": "global"}
    price = {"service_tier": "standard", "context_window": "0-200k"}
    return owner | price | {name: value for name, value in told.items() if name != "token_type"} | counts


def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
    """The organisation, and its reports: of ``DAY`` what is billed and used, of any other day nothing."""
    asked = dict(params)
    if path == "/v1/organizations/me":
        return 200, json.dumps({"id": "org-acme", "name": "Acme", "type": "organization"}).encode(), {}
    tool = dict.fromkeys(("model", "token_type", "service_tier", "context_window"))
    results: list[dict[str, Any]] = []
    if asked["starting_at"] != f"{DAY}T00:00:00Z":
        pass
    elif path.endswith("/usage_report/messages"):
        results = [used(f"apikey_{n}", tokens, told) for n, (_, tokens, told) in enumerate(TOKENS)]
        at_priority = {"service_tier": "priority"}
        results += [
            used(f"apikey_{model}", tokens, at_priority | {"model": model}) for model, tokens in PRIORITY.items()
        ]
        results += [used("apikey_search", 0, {}, searches=SEARCHES[1])]
    elif "group_by[]" in asked:
        results = [cost(cents, told) for cents, _, told in TOKENS]
        results += [cost(SEARCHES[0], tool | {"cost_type": "web_search"})]
        results += [cost(CODE_EXECUTION, tool | {"cost_type": "code_execution"})]
    else:
        cents = sum(Decimal(cents) for cents in (*(line[0] for line in TOKENS), SEARCHES[0], CODE_EXECUTION))
        results = [cost(str(cents), {"workspace_id": None})]
    bucket = {"starting_at": asked["starting_at"], "ending_at": asked["ending_at"], "results": results}
    return 200, json.dumps({"data": [bucket], "has_more": False, "next_page": None}).encode(), {}


def write_acme(folder: Path, base_url: str) -> Path:
    """The settings file of a company as ``reconcile init`` begins it, its calls beside it."""
    write_company(folder, {"billing": ["anthropic"]})
    settings = yaml.safe_load((folder / "reconcile.yaml").read_text())
    price = {"model": SONNET, "meter": "input_tokens", "price_per_million": CONTRACT_PRICE}
    settings["billing"][0] |= {"base_url": base_url, "priority_prices": [price]}
    settings["telemetry"] = [
        {
            "name": "calls",
            "kind": "mapped",
            "uri": "calls",
            "format": "csv",
            "entity": "calls",
            "columns": {
                "record_id": "id",
                "event_id": "id",
                "ended_at": "at",
                "provider": {"constant": "anthropic"},
                "model": "model",
                "sub_account_id": "workspace",
                "service_tier": "tier",
                "batch": "batch",
            },
            "usage": {
                "semantics": "exclusive",
                "meters": [
                    {"meter": "input_tokens", "column": "input"},
                    {"meter": "cache_write_input_tokens", "column": "write_5m", "cache_ttl": "5m"},
                    {"meter": "cache_write_input_tokens", "column": "write_1h", "cache_ttl": "1h"},
                ],
            },
        }
    ]
    (folder / "reconcile.yaml").write_text(yaml.safe_dump(settings))
    told = {"at": f"{DAY}T12:00:00Z", "model": SONNET, "workspace": "wrkspc_a"}
    write(folder / "calls" / "october.csv", [told | call for call in CALLS])
    return folder / "reconcile.yaml"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("anthropic")
    with serving() as api:
        api.answer = answer
        command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(write_acme(folder, api.url))]
        command += ["--from", DAY, "--to", "2026-10-02", "--as-of", "2026-10-20T00:00:00"]
        environment = os.environ | {"ANTHROPIC_ADMIN_KEY": KEY}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with read_only(folder / "var" / "published" / "current") as connection:
        yield connection


def test_events_cost_what_the_usage_report_places_on_them(published: duckdb.DuckDBPyConnection) -> None:
    """At 3.00 a million, 6.00 above 200,000, 3.75 and 6.00 written to the cache, half of 1.00 in a batch."""
    sql = "select event_id, reconciled_cost, accrued_cost from finance.fct_cost_per_outcome"
    found = {event: (cost, accrued) for event, cost, accrued in published.execute(sql).fetchall()}
    costs = {"a": "0.30", "b": "0.18", "long": "1.80", "cache": "0.0975", "batch": "0.10"}
    # Three quarters of what was used at the declared price, and nothing for what no bill and no contract prices.
    costs |= {"priority": "0.27", "undeclared": "0"}
    assert found == {event: (Decimal(cost), 0) for event, cost in costs.items()}


def test_every_cent_that_is_billed_is_somewhere(published: duckdb.DuckDBPyConnection) -> None:
    """No telemetry: 40,000 tokens, ten searches and a quarter of the tokens at Priority Tier. Code execution has no quantity."""
    sql = "select step, cost from finance.rpt_invoice_waterfall"
    assert dict(published.execute(sql).fetchall()) == {
        "billed": Decimal("2.7475"),
        "commitment_and_prepaid_timing": Decimal("-0.36"),
        "event": Decimal("2.7475"),
        "no_telemetry": Decimal("0.12") + Decimal("0.10") + Decimal("0.09"),
        "unexplained": Decimal("0.05"),
    }


def test_a_price_that_neither_bill_nor_contract_tells_is_a_break(published: duckdb.DuckDBPyConnection) -> None:
    sql = "select kind, quantity, break_key from finance.fct_breaks where kind in (?, ?) order by kind"
    (noted, _, key), (uncharged, quantity, of) = published.execute(
        sql, ["record_rejected", "telemetry_without_charge"]
    ).fetchall()
    assert (noted, uncharged, quantity) == ("record_rejected", "telemetry_without_charge", PRIORITY[HAIKU])
    assert "no cost tells what tier priority costs" in key
    assert f"model={HAIKU} meter=input_tokens service_tier=priority" in of
