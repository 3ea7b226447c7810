"""A company whose bills are the ledger of the fake provider, whose telemetry is what the emitters told."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import yaml

from tests.emitters.figures import PRICES, cost
from tests.emitters.provider import SNAPSHOT, Served

#: Billing source → names of its provider, as emitters that tell the provider's own or none use them.
SOURCES = {
    "openai": ("openai",),
    "anthropic": ("anthropic",),
    "bedrock": ("aws.bedrock",),
    "gemini": ("gcp.gemini", "gcp.gen_ai"),
}
_TTL_TOLD = ("anthropic",)


def write_company(folder: Path, served: list[Served]) -> Path:
    """Bills and reference files beside the traces in ``folder``. Returns the settings file."""
    bills: dict[str, dict[tuple[date, str, str, str | None], int]] = {name: defaultdict(int) for name in SOURCES}
    for answer in served:
        for (meter, ttl), tokens in answer.usage.quantities().items() if answer.usage else ():
            source = source_of(answer.model)
            told_ttl = ttl if source in _TTL_TOLD else None
            bills[source][answer.at.date(), answer.model, meter, told_ttl] += tokens
            assert told_ttl == ttl or ttl == "5m", "a bill without cache TTL can only price one of them"
    for source, cells in bills.items():
        _write_csv(
            folder / "bills" / source / "bill.csv", [_line(source, *key, tokens) for key, tokens in cells.items()]
        )
    reference = {
        "billing_sources": [
            {"source": source, "provider": provider, "default_account_id": source, "finality_days": 0}
            for source, providers in SOURCES.items()
            for provider in providers
        ],
        "billing_grain": [{"source": source, "dimension": "cache_ttl"} for source in _TTL_TOLD],
        "environments": [{"environment": "production", "production": "true"}],
        "contract_prices": [
            {
                "source": source,
                "model": model,
                "meter": meter,
                "cache_ttl": ttl or "",
                "price_per_million": price,
                "currency": "USD",
                "version": "1",
            }
            for source, model in sorted({(source_of(answer.model), answer.model) for answer in served if answer.usage})
            for (meter, ttl), price in PRICES.items()
        ],
        # Some emitters tell a model only as it was asked for; whoever asks declares what it stands for.
        "model_aliases": [
            {"provider": provider, "alias": SNAPSHOT.sub("", model), "model": model}
            for source, model in sorted({(source_of(answer.model), answer.model) for answer in served})
            for provider in SOURCES[source]
            if SNAPSHOT.sub("", model) != model
        ],
    }
    for table, rows in reference.items():
        _write_csv(folder / "reference" / f"{table}.csv", rows)
    settings = folder / "reconcile.yaml"
    settings.write_text(
        yaml.safe_dump(
            {
                "billing": [
                    {"name": source, "kind": "focus_file", "uri": f"bills/{source}", "pattern": r"bill\.csv"}
                    for source in SOURCES
                    if bills[source]
                ],
                "telemetry": [{"name": "emitters", "kind": "otlp", "uri": "traces", "pattern": r".*\.json"}],
            },
            sort_keys=False,
        )
    )
    return settings


def source_of(model: str) -> str:
    """The billing source whose bill a served model is on."""
    if model.startswith("anthropic."):
        return "bedrock"
    return {"gpt": "openai", "text": "openai", "claude": "anthropic", "gemini": "gemini"}[model.partition("-")[0]]


def _line(source: str, day: date, model: str, meter: str, ttl: str | None, tokens: int) -> dict[str, object]:
    # Where the bill tells no TTL, writes are the kind that is the default.
    price_ttl = "5m" if meter == "cache_write_input_tokens" and ttl is None else ttl
    billed = cost({(meter, price_ttl): tokens})
    return {
        "BilledCost": billed,
        "EffectiveCost": billed,
        "ListCost": billed,
        "BillingAccountId": source,
        "BillingCurrency": "USD",
        "BillingPeriodStart": day.replace(day=1),
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day + timedelta(days=1)}T00:00:00Z",
        "ChargeCategory": "Usage",
        "ServiceName": "API",
        "ConsumedQuantity": tokens,
        "ConsumedUnit": "tokens",
        "x_Model": model,
        "x_Meter": meter,
        "x_CacheTtl": ttl or "",
    }


def _write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
