"""What OpenRouter's API answers of the company's activity: a row for each model, endpoint and workspace of a UTC day.

https://openrouter.ai/docs/api/api-reference/analytics/get-user-activity. OpenRouter tells its last 30 days alone; here every day is
told, as a sample is read at any time.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.providers.ledger import BillLine, Ledger
from reconcilers.sample_company.world.company import INPUT, OPENROUTER, OPENROUTER_WORKSPACE, OUTPUT
from reconcilers.sample_company.world.happened import World

_ENDPOINT = "550e8400-e29b-41d4-a716-446655440000"


class OpenRouterApi:
    """Answers from a ledger; how many requests a row is of only the world knows."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.ledger = ledger
        self.requests = Counter(
            (call.ended_at.date(), call.model) for call in world.calls if call.source == OPENROUTER and call.billed
        )

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of a day, of all days without one. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        if path != "/api/v1/activity":
            raise KeyError(path)
        asked = query.get("date", [None])[0]
        try:
            day = None if asked is None else date.fromisoformat(asked)
        except ValueError:
            raise BadRequest("Date must be in YYYY-MM-DD format") from None
        if day is not None and day >= known_at.date():
            raise BadRequest("Date must be within the last 30 (completed) UTC days")
        told: dict[tuple[date, str], list[BillLine]] = defaultdict(list)
        for line in self.ledger.lines_as_of(known_at, OPENROUTER):
            of = line.charge.charge_period_start.date()
            if day in (None, of):
                told[of, str(line.charge.key.model)].append(line)
        grouped = query.get("group_by") == ["workspace"]
        rows = [self._row(*key, lines, grouped) for key, lines in sorted(told.items())]
        return json.dumps({"data": rows}, indent=1).encode()

    def _row(self, day: date, model: str, lines: Sequence[BillLine], grouped: bool) -> dict[str, Any]:
        tokens = {str(line.charge.key.meter): int(line.charge.quantity or 0) for line in lines}
        cost = sum((line.charge.billed_cost for line in lines), Decimal(0))
        return {
            "date": str(day),
            "model": model,
            "model_permaslug": f"{model}-2506",
            "endpoint_id": _ENDPOINT,
            "provider_name": "Mistral",
            # Not money of ours: the API writes doubles, and the shortest text of each is its decimal.
            "usage": float(cost),
            "byok_usage_inference": 0,
            "requests": self.requests[day, model],
            "prompt_tokens": tokens.get(INPUT, 0),
            "completion_tokens": tokens.get(OUTPUT, 0),
            "reasoning_tokens": 0,
        } | ({"workspace_id": OPENROUTER_WORKSPACE} if grouped else {})
