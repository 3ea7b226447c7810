"""Real response bodies, priced by the public book and by our rows of it, on three dates."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from genai_prices.types import Usage

from reconcilers import naming
from tests.declared.book import ALLOWED, difference

REAL_DATA = os.environ.get("REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")

#: Before most prices were dated; in a month of changes, in DeepSeek's dear hours; after the tiers' first day.
INSTANTS = (
    datetime(2025, 3, 1, 2, tzinfo=UTC),
    datetime(2026, 9, 1, 8, 30, tzinfo=UTC),
    datetime(2026, 11, 15, 12, tzinfo=UTC),
)
CONTEXTS: tuple[dict[str, str] | None, ...] = (
    None,
    {"service_tier": "priority"},
    {"service_tier": "flex"},
    {"service_tier": "fast"},
    {"processing": "batch"},
    {"speed": "fast"},
)


def bodies() -> list[tuple[str, str, dict[str, int]]]:
    """(provider, model, usage) of every body that names a model and whose tokens a provider's own reading gave."""
    found: dict[str, tuple[str, str, dict[str, int]]] = {}
    stored: list[dict[str, Any]] = json.loads((Path(REAL_DATA or "") / "genai-prices" / "usages.json").read_text())
    for one in stored:
        for extracted in one["extracted"]:
            for reader in extracted["extractors"]:
                if "input_price" in reader:
                    body = naming.provider(reader["provider_id"]) or "", one["model"], extracted["usage"]
                    found[json.dumps(body)] = body
    return list(found.values())


@pytest.mark.parametrize("at", INSTANTS, ids=lambda at: f"{at:%Y-%m-%d}")
def test_every_body_costs_what_the_book_says(at: datetime) -> None:
    asked = bodies()
    assert len(asked) > 400
    differing: Counter[str] = Counter()
    for provider, name, usage in asked:
        for context in CONTEXTS:
            why = difference(provider, name, Usage(**usage), at, context)
            differing[why or "equal"] += 1
            # Without a tier, batch or speed only what the book tells finer than any usage may stay without a price.
            assert context or why in (None, "no price", "untold kind", "several steps"), (provider, name, why)
    assert set(differing) - {"equal"} <= set(ALLOWED), differing
    assert differing["equal"] > len(asked) * 0.9, differing
