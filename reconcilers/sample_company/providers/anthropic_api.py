"""What Anthropic's Admin API answers of the company's organisation: costs in cents without quantities, usage without costs, and what it
reckons of Claude Code.

https://platform.claude.com/docs/en/manage-claude/usage-cost-api: daily buckets, each as Anthropic knows it at a given time. The default
workspace is null. A day that is not told yet is a bucket without results.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers import claude_code
from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.providers.ledger import Ledger
from reconcilers.sample_company.seen.facts import Key
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    ANTHROPIC_ORGANIZATION,
    CACHE_READ,
    CACHE_WRITE,
    DEFAULT_WORKSPACE,
    INPUT,
    LONG,
    OUTPUT,
)
from reconcilers.sample_company.world.happened import World

_ME, _COSTS, _MESSAGES, _CLAUDE_CODE = (
    f"/v1/organizations/{path}" for path in ("me", "cost_report", "usage_report/messages", "usage_report/claude_code")
)
#: (meter, time to live) → how both reports name the kind of token.
_TOKENS = {
    (INPUT, None): "uncached_input_tokens",
    (CACHE_READ, None): "cache_read_input_tokens",
    (CACHE_WRITE, "5m"): "cache_creation.ephemeral_5m_input_tokens",
    (CACHE_WRITE, "1h"): "cache_creation.ephemeral_1h_input_tokens",
    (OUTPUT, None): "output_tokens",
}
_COST_GROUPS = ("workspace_id", "description")
_USAGE_GROUPS = ("api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo")
#: What a cost tells only where it is grouped by description.
_DESCRIBED = ("cost_type", "description", "model", "token_type", "service_tier", "context_window", "inference_geo")
_MOST_DAYS = 31


class AnthropicApi:
    """Answers from a ledger; what of it was Claude Code's only the world knows."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        if path == _ME:
            return json.dumps({"id": ANTHROPIC_ORGANIZATION, "name": "Acme AI", "type": "organization"}).encode()
        if path == _CLAUDE_CODE:
            return claude_code.answer(self.world, query, known_at)
        told = {_COSTS: (self._costs, _COST_GROUPS), _MESSAGES: (self._messages, _USAGE_GROUPS)}
        rows_of, groups = told[path]
        days, group_by, following = _question(query, groups)
        data = [
            {
                "starting_at": f"{day}T00:00:00Z",
                "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
                "results": rows_of(day, group_by, known_at),
            }
            for day in days
        ]
        return json.dumps({"data": data, "has_more": following is not None, "next_page": following}, indent=1).encode()

    def _costs(self, day: date, group_by: Sequence[str], known_at: datetime) -> list[dict[str, Any]]:
        """A row for each group of costs; cents are text."""
        sums: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
        for line in self.ledger.lines_as_of(known_at, ANTHROPIC):
            # What is used at Priority Tier is in no cost.
            if line.charge.charge_period_start.date() == day and line.charge.key.service_tier != "priority":
                told = _described(line.charge.key) if "description" in group_by else dict.fromkeys(_DESCRIBED)
                workspace = _workspace(line.charge.key) if "workspace_id" in group_by else None
                sums[workspace, *(told[name] for name in _DESCRIBED)] += line.charge.billed_cost
        return [
            {"amount": plain(cost * 100), "currency": "USD", "workspace_id": workspace}
            | dict(zip(_DESCRIBED, told, strict=True))
            for (workspace, *told), cost in sums.items()
        ]

    def _messages(self, day: date, group_by: Sequence[str], known_at: datetime) -> list[dict[str, Any]]:
        """A row for each group of usage; a group that was not asked for is null."""
        counts: dict[tuple[str | None, ...], Counter[str]] = defaultdict(Counter)
        for line in self.ledger.reports_as_of(known_at, ANTHROPIC):
            one = line.reported
            if one.charge_day == day:
                own = _described(one.key) | {"workspace_id": _workspace(one.key), "api_key_id": one.key.api_key_id}
                own["inference_geo"] = "not_available"
                group = tuple(own[name] if name in group_by else None for name in _USAGE_GROUPS)
                counts[group][_token_type(one.key)] += int(one.quantity)
        return [_usage(dict(zip(_USAGE_GROUPS, group, strict=True)), count) for group, count in counts.items()]


def _usage(told: dict[str, str | None], count: Counter[str]) -> dict[str, Any]:
    written = {
        name: count[f"cache_creation.{name}"] for name in ("ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens")
    }
    plainly = {name: count[name] for name in _TOKENS.values() if "." not in name}
    return {**plainly, "cache_creation": written, "server_tool_use": {"web_search_requests": 0}, **told}


def _described(key: Key) -> dict[str, str | None]:
    """What a cost grouped by description tells of a key."""
    kind = _token_type(key)
    window = "200k-1M" if key.context_band == LONG else "0-200k"
    told = (str(key.model), kind, str(key.service_tier), window)
    return {
        "cost_type": "tokens",
        "description": " - ".join(told),
        "model": key.model,
        "token_type": kind,
        "service_tier": key.service_tier,
        "context_window": window,
        "inference_geo": None,
    }


def _token_type(key: Key) -> str:
    return _TOKENS[str(key.meter), key.cache_ttl]


def _workspace(key: Key) -> str | None:
    return None if key.sub_account_id == DEFAULT_WORKSPACE else key.sub_account_id


def _question(query: Mapping[str, Sequence[str]], groups: Sequence[str]) -> tuple[list[date], list[str], str | None]:
    """(days of the page, what to group by, the next page) of a request, as the API reads it: arrays are bracketed."""
    try:
        first, end = (datetime.fromisoformat(query[name][-1]).date() for name in ("starting_at", "ending_at"))
    except (KeyError, ValueError):
        raise BadRequest("starting_at and ending_at: Field required, an RFC 3339 date-time") from None
    if (query.get("bucket_width") or ["1d"])[-1] != "1d":
        raise BadRequest("bucket_width: only '1d' is supported")
    if not first < end <= first + timedelta(days=_MOST_DAYS):
        raise BadRequest("ending_at: must be after starting_at, and within 31 days")
    group_by = list(query.get("group_by[]", ()))
    if unknown := sorted(set(group_by) - set(groups)):
        raise BadRequest(f"group_by: Input should be one of {', '.join(groups)}, not {', '.join(unknown)}")
    limit, page = (query.get(name, [default])[-1] for name, default in (("limit", "7"), ("page", "page_0")))
    if not limit.isdigit() or not 1 <= int(limit) <= _MOST_DAYS or not page.removeprefix("page_").isdigit():
        raise BadRequest("limit or page is none of this list")
    offset = int(page.removeprefix("page_"))
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    following = offset + int(limit)
    return days[offset:following], group_by, f"page_{following}" if following < len(days) else None
