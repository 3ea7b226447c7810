"""OpenRouter's bill and a LiteLLM proxy's spend logs through the real job: what either reckons is beside the bill, never in it."""

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
from tests.sources.conftest import Params, serving

DAY, MODEL = "2026-10-01", "openai/gpt-4.1"
TOKENS = {"prompt_tokens": 10_000, "completion_tokens": 2_000}
#: What OpenRouter took by endpoint, and what it reckons the upstream took on the company's own key.
TAKEN = {"ours": (0.036, 0), "on_own_key": (0.0018, 0.036)}
#: Event → what LiteLLM reckons its one call cost.
SPEND = {"a": 9.99, "b": 5}


def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
    """Both APIs: of ``DAY`` what was taken and passed on, of any other day nothing."""
    asked = dict(params)
    is_day = DAY in (asked.get("date"), asked.get("start_date", "").partition(" ")[0])
    rows: list[dict[str, Any]] = []
    if is_day and path == "/api/v1/activity":
        told = {"date": DAY, "model": MODEL, "model_permaslug": MODEL, "provider_name": "OpenAI", "requests": 1}
        rows = [
            told | TOKENS | {"endpoint_id": name, "usage": usage, "byok_usage_inference": byok, "workspace_id": None}
            for name, (usage, byok) in TAKEN.items()
        ]
    elif is_day:
        told = {"startTime": f"{DAY}T12:00:00Z", "endTime": f"{DAY}T12:00:05Z", "status": "success"}
        told |= {"custom_llm_provider": "openrouter", "model": MODEL, "cache_hit": "False"}
        rows = [
            told
            | TOKENS
            | {"request_id": event, "spend": spend, "metadata": {"spend_logs_metadata": {"event_id": event}}}
            for event, spend in SPEND.items()
        ]
    return 200, json.dumps({"data": rows, "total": len(rows)}).encode(), {}


def write_acme(folder: Path, base_url: str) -> Path:
    """The settings file of a company as ``reconcile init`` begins it, with the price its bill is split by."""
    write_company(folder, {"billing": ["openrouter"], "telemetry": ["litellm"]})
    settings = yaml.safe_load((folder / "reconcile.yaml").read_text())
    price = {"model": MODEL, "input_per_million": "2.00", "output_per_million": "8.00"}
    settings["billing"][0] |= {"base_url": base_url, "prices": [price]}
    settings["telemetry"][0] |= {"base_url": base_url}
    (folder / "reconcile.yaml").write_text(yaml.safe_dump(settings))
    return folder / "reconcile.yaml"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path_factory.mktemp("gateways")
    with serving() as api:
        api.answer = answer
        command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(write_acme(folder, api.url))]
        command += ["--from", DAY, "--to", DAY, "--as-of", "2026-10-20T00:00:00"]
        environment = os.environ | {"OPENROUTER_MANAGEMENT_KEY": "sk-or-of-acme", "LITELLM_ADMIN_KEY": "sk-of-acme"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with read_only(folder / "var" / "published" / "current") as connection:
        yield connection


def test_events_cost_what_openrouter_took(published: duckdb.DuckDBPyConnection) -> None:
    sql = "select event_id, reconciled_cost, accrued_cost, reported_cost from finance.fct_cost_per_outcome order by 1"
    share = Decimal("0.0189")
    assert published.execute(sql).fetchall() == [("a", share, 0, Decimal("9.99")), ("b", share, 0, Decimal("5"))]


def test_what_is_reckoned_is_in_no_step_of_the_waterfall(published: duckdb.DuckDBPyConnection) -> None:
    sql = "select step, cost from finance.rpt_invoice_waterfall"
    assert dict(published.execute(sql).fetchall()) == {"billed": Decimal("0.0378"), "event": Decimal("0.0378")}
