"""A company whose list prices, context bands and model names are all a source each; every call is an event of its own.

Finance declares only what a comment beside a source says; the rest is the price book's and the vendors' own ways.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml

DAY = "2026-11-05"
Row = dict[str, Any]

#: source → (provider, bill lines, calls). A call is an event of its own, named by its id.
COMPANY: dict[str, tuple[str, list[Row], list[Row]]] = {
    # A bill that tells an amount and no quantity needs a price, and the book lists the model under another provider.
    "azure": (
        "azure.ai.openai",
        [{"cost": "0.50", "model": "gpt-4.1-mini"}],
        [
            {"id": "az-1", "model": "gpt-4.1-mini", "input": 750_000},
            {"id": "az-2", "model": "gpt-4.1-mini", "input": 500_000},
        ],
    ),
    # The standard price has a step and the tier's has none; the bill does not tell the tier.
    "tiers": (
        "openai.responses",
        [{"cost": "1.50", "model": "gpt-5.4", "quantity": 400_000}],
        [
            {"id": "ti-priority", "model": "gpt-5.4", "input": 200_000, "service_tier": "priority"},
            {"id": "ti-standard", "model": "gpt-5.4", "input": 200_000},
        ],
    ),
    # Finance says where this model's price steps: above 200,000, cached tokens and all. It has contract prices.
    "bands": (
        "acme",
        [
            {"cost": "1.50", "model": "writer", "quantity": 300_000, "band": "standard"},
            {"cost": "1.50", "model": "writer", "quantity": 150_001, "band": "long"},
            {
                "cost": "0.15",
                "model": "writer",
                "quantity": 150_000,
                "band": "long",
                "meter": "cache_read_input_tokens",
            },
        ],
        [
            {"id": "ba-short", "model": "writer", "input": 100_000},
            {"id": "ba-at", "model": "writer", "input": 200_000},
            {"id": "ba-long", "model": "writer", "input": 150_001, "cached": 150_000},
        ],
    ),
    # One model by four names, no alias. Contract prices tell the routings apart by the ids they name.
    "profiles": (
        "bedrock",
        [
            {"cost": "3.30", "model": "claude-opus-4-6", "quantity": 600_000, "geography": "regional"},
            {"cost": "1.00", "model": "claude-opus-4-6", "quantity": 200_000, "geography": "global"},
        ],
        [
            {"id": "pr-us", "model": "us.anthropic.claude-opus-4-6-v1:0", "input": 200_000},
            {
                "id": "pr-arn",
                "model": "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-6-v1",
                "input": 200_000,
            },
            {"id": "pr-plain", "model": "anthropic.claude-opus-4-6-v1", "input": 200_000},
            {"id": "pr-global", "model": "global.anthropic.claude-opus-4-6-v1:0", "input": 200_000},
        ],
    ),
    # Prices by the hour: dear from 01:00 to 04:00.
    "hours": (
        "deepseek",
        [{"cost": "2.64", "model": "deepseek-v4-pro", "quantity": 3_000_000}],
        [
            {"id": "ho-dear", "model": "deepseek-v4-pro", "input": 1_000_000, "at": "03:59:59"},
            {"id": "ho-cheap", "model": "deepseek-v4-pro", "input": 1_000_000, "at": "04:00:00"},
            {"id": "ho-late", "model": "deepseek-v4-pro", "input": 1_000_000, "at": "22:00:00"},
        ],
    ),
    # One call of two tellings: one's provider is the bill's, the other's model is what both called.
    "two": (
        "mistralai",
        [{"cost": "0.15", "model": "mistral-medium-3", "quantity": 100_000}],
        [
            {"id": "tw-1", "event": "tw-1", "answer_id": "x", "input": 100_000},
            {
                "id": "tw-2",
                "event": "tw-1",
                "answer_id": "x",
                "provider": "gateway",
                "model": "mistral-medium-3",
                "input": 100_000,
            },
        ],
    ),
    # The bill's own words for a model, which no alias maps; and one that only telemetry has and nobody knows.
    "words": (
        "anthropic",
        [{"cost": "5.00", "model": "Claude Opus 4.6", "quantity": 1_000_000}],
        [
            {"id": "wo-1", "model": "claude-opus-4-6", "input": 1_000_000},
            {"id": "wo-2", "model": "claude-opsu-4-6", "input": 1},
        ],
    ),
}
PRICES = [
    {
        "source": "bands",
        "model": "writer",
        "meter": "input_tokens",
        "context_band": "standard",
        "price_per_million": "5",
    },
    {"source": "bands", "model": "writer", "meter": "input_tokens", "context_band": "long", "price_per_million": "10"},
    {"source": "bands", "model": "writer", "meter": "cache_read_input_tokens", "price_per_million": "1"},
    {
        "source": "profiles",
        "model": "us.anthropic.claude-opus-4-6-v1:0",
        "meter": "input_tokens",
        "price_per_million": "5.5",
    },
    {
        "source": "profiles",
        "model": "global.anthropic.claude-opus-4-6-v1:0",
        "meter": "input_tokens",
        "price_per_million": "5",
    },
]


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)


def line(line: Row) -> Row:
    return {
        "BilledCost": line["cost"],
        "EffectiveCost": line["cost"],
        "ListCost": line["cost"],
        "BillingAccountId": "acct",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-11-01",
        "ChargePeriodStart": f"{DAY}T00:00:00Z",
        "ChargePeriodEnd": "2026-11-06T00:00:00Z",
        "ChargeCategory": "Usage",
        "ServiceName": "API",
        "ConsumedQuantity": line.get("quantity", ""),
        "ConsumedUnit": "tokens",
        "x_Model": line["model"],
        "x_Meter": line.get("meter", "input_tokens"),
        "x_ContextBand": line.get("band", ""),
        "x_Geography": line.get("geography", ""),
    }


def write_company(folder: Path) -> Path:
    """Bills, telemetry and reference files of the company. Returns the settings file."""
    calls = [
        {"provider": provider, "event": call["id"]} | call | {"at": f"{DAY}T{call.get('at', '12:00:00')}Z"}
        for provider, _, told in COMPANY.values()
        for call in told
    ]
    write(
        folder / "telemetry" / "calls.csv",
        [{"cached": 0, "service_tier": "", "answer_id": ""} | call for call in calls],
    )
    for source, (_, lines, _) in COMPANY.items():
        write(folder / "bills" / source / "bill.csv", [line(one) for one in lines])
    declared = {
        # Finance writes providers as it likes, too.
        "billing_sources": [
            {"source": source, "provider": provider, "default_account_id": "acct", "finality_days": 0}
            for source, (provider, _, _) in COMPANY.items()
        ],
        "billing_grain": [
            {"source": "bands", "dimension": "context_band"},
            {"source": "profiles", "dimension": "geography"},
        ],
        "contract_prices": [price | {"currency": "USD", "version": "1"} for price in PRICES],
        "context_thresholds": [
            {
                "provider": "acme",
                "model": "writer",
                "threshold": 500_000,
                "valid_from": "",
                "valid_to": "2026-11-01",
                "version": "1",
            },
            {"provider": "acme", "model": "writer", "threshold": 200_000, "valid_from": "2026-11-01", "version": "1"},
        ],
        "environments": [{"environment": "production", "production": "true"}],
    }
    for name, rows in declared.items():
        write(folder / "reference" / f"{name}.csv", rows)
    columns = {name: name for name in ("provider", "model", "service_tier")}
    columns |= {
        "record_id": "id",
        "response_id": "answer_id",
        "event_id": "event",
        "run_id": "event",
        "ended_at": "at",
        "started_at": "at",
    }
    meters = [{"meter": "input_tokens", "column": "input"}, {"meter": "cache_read_input_tokens", "column": "cached"}]
    telemetry = {
        "name": "calls",
        "kind": "mapped",
        "uri": "telemetry",
        "format": "csv",
        "entity": "calls",
        "columns": columns | {"environment": {"constant": "production"}},
        "usage": {"semantics": "exclusive", "meters": meters},
    }
    bills = [{"name": source, "kind": "focus_file", "uri": f"bills/{source}"} for source in COMPANY]
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump({"billing": bills, "telemetry": [telemetry]}))
    return settings
