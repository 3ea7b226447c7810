"""What Anthropic reckons that engineers' coding agents cost: a record for each person or key and day, at list price, whatever it bills.

https://platform.claude.com/docs/en/api/admin/usage_report: cents are numbers. Anthropic tells what is an hour old; here a day is told
when all of it is, as nobody asks for it before.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.seen.facts import Estimate
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import ANTHROPIC, CACHE_READ, CACHE_WRITE, INPUT, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall, World

#: Hours after the beginning of a UTC day.
_TOLD_AFTER = 25
_TOKENS = {INPUT: "input", CACHE_READ: "cache_read", CACHE_WRITE: "cache_creation", OUTPUT: "output"}
_MOST_RECORDS = 1000
#: Whose calls are whose, by turns: two engineers who signed in, and one key.
_ACTORS = (
    {"type": "user_actor", "email_address": "ada@acme.example"},
    {"type": "user_actor", "email_address": "grace@acme.example"},
    {"type": "api_actor", "api_key_name": "claude_code_key_linus_q7zt"},
)


def estimates(world: World, known_at: datetime) -> list[tuple[int, Estimate]]:
    """(whose it is, what is reckoned) of each actor, model and day, as it is told at ``known_at``."""
    used: dict[tuple[date, int, str], list[TrueCall]] = defaultdict(list)
    for call in world.calls:
        day = call.ended_at.date()
        if call.service == "claude-code" and call.source == ANTHROPIC and instant(day, _TOLD_AFTER) <= known_at:
            used[day, call.call_id % len(_ACTORS), call.model].append(call)
    books = Books(world)
    found = []
    for (day, actor, model), calls in sorted(used.items()):
        tokens = dict.fromkeys(_TOKENS, 0)
        for usage in (usage for call in calls for usage in call.usage):
            tokens[usage.meter] += int(usage.quantity)
        cost = sum((books.call_cost(call, at_list=True) for call in calls), Decimal(0))
        found.append((actor, Estimate(ANTHROPIC, "claude_code", day, model, "api", cost, tokens)))
    return found


def answer(world: World, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
    """One page of a day's records. Raises ``BadRequest``."""
    try:
        day = date.fromisoformat(query["starting_at"][-1])
    except (KeyError, ValueError):
        raise BadRequest("starting_at: Field required, a date in YYYY-MM-DD format") from None
    limit, page = (query.get(name, [default])[-1] for name, default in (("limit", "20"), ("page", "page_0")))
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST_RECORDS or not page.removeprefix("page_").isdigit():
        raise BadRequest("limit or page is none of this list")
    told: dict[int, list[Estimate]] = defaultdict(list)
    for actor, one in estimates(world, known_at):
        if one.charge_day == day:
            told[actor].append(one)
    records = [_record(day, actor, models) for actor, models in told.items()]
    offset = int(page.removeprefix("page_"))
    following = offset + int(limit)
    more = following < len(records)
    body = {"data": records[offset:following], "has_more": more, "next_page": f"page_{following}" if more else None}
    return json.dumps(body, indent=1).encode()


def _record(day: date, actor: int, models: Sequence[Estimate]) -> dict[str, Any]:
    return {
        "date": f"{day}T00:00:00Z",
        "actor": _ACTORS[actor],
        "customer_type": "api",
        "terminal_type": "vscode",
        "model_breakdown": [
            {
                "model": one.model,
                "tokens": {name: one.tokens[meter] for meter, name in _TOKENS.items()},
                # Not money of ours: the API writes numbers, and the shortest text of each is its decimal.
                "estimated_cost": {"amount": float(one.cost * 100), "currency": "USD"},
            }
            for one in models
        ],
    }
