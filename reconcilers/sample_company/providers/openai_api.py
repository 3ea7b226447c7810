"""What OpenAI's organisation API answers: costs and usage in daily buckets, paged, as the provider knows them at a given time.

https://platform.openai.com/docs/api-reference/usage. An amount is a JSON number written digit by digit from its decimal.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.seen.facts import Key
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.calendar import instant, unix_seconds
from reconcilers.sample_company.world.company import CACHE_READ, EMBED, INPUT, OPENAI, OPENAI_ORGANIZATION, OUTPUT

COSTS = "/v1/organization/costs"
USAGE = "/v1/organization/usage/"
#: Usage reports that exist; those the company does not use are empty.
REPORTS = (
    "completions",
    "decisions",
    "embeddings",
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
    "web_search_calls",
    "file_search_calls",
)
_DIRECTIONS = {INPUT: "input", CACHE_READ: "cached input", OUTPUT: "output"}
_COST_GROUPS = ("project_id", "api_key_id", "line_item")
_USAGE_GROUPS = ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier")
#: (default, most) buckets of one page.
_LIMITS = {"costs": (7, 180), "usage": (7, 31)}
_LONGEST_WINDOW_DAYS = 400


@dataclass(frozen=True)
class _Question:
    """One request, read: its days, what to group by, and which buckets of the window this page holds."""

    first: date
    end: date
    group_by: tuple[str, ...]
    limit: int
    offset: int


class OpenAIApi:
    """Answers from the ground truth of one sample."""

    def __init__(self, truth: GroundTruth) -> None:
        self.truth = truth
        self.requests = _requests(truth)

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        if path == COSTS:
            question = _read(query, "costs", _COST_GROUPS)
            rows = self._costs(question, known_at)
        else:
            report = path.removeprefix(USAGE)
            if not path.startswith(USAGE) or report not in REPORTS:
                raise KeyError(path)
            question = _read(query, "usage", _USAGE_GROUPS)
            rows = self._usage(report, question, known_at)
        days = [question.first + timedelta(days=n) for n in range((question.end - question.first).days)]
        page = days[question.offset : question.offset + question.limit]
        following = question.offset + question.limit
        more = following < len(days)
        buckets = [
            {
                "object": "bucket",
                "start_time": unix_seconds(instant(day)),
                "end_time": unix_seconds(instant(day, 24)),
                "results": rows.get(day, []),
            }
            for day in page
        ]
        body = {"object": "page", "data": buckets, "has_more": more, "next_page": _cursor(following) if more else None}
        return json_text(body).encode()

    def _costs(self, question: _Question, known_at: datetime) -> dict[date, list[Any]]:
        groups: dict[tuple[Any, ...], list[Any]] = {}
        for line in self.truth.ledger.lines_as_of(known_at, OPENAI):
            charge = line.charge
            day = charge.charge_period_start.date()
            if not question.first <= day < question.end:
                continue
            told = {
                "project_id": charge.key.sub_account_id,
                "api_key_id": charge.key.api_key_id,
                "line_item": line.description or line_item(charge.key),
            }
            group = (day, *(told[name] if name in question.group_by else None for name in _COST_GROUPS))
            found = groups.setdefault(group, [Decimal(0), Decimal(0)])
            found[0] += charge.billed_cost
            found[1] = None if charge.quantity is None or found[1] is None else found[1] + charge.quantity
        rows: dict[date, list[Any]] = defaultdict(list)
        for (day, project, api_key, item), (cost, quantity) in groups.items():
            has_quantity = item is not None and quantity is not None
            rows[day].append(
                {
                    "object": "organization.costs.result",
                    "amount": {"value": cost, "currency": "usd"},
                    "line_item": item,
                    "quantity": int(quantity) if has_quantity else None,
                    "quantity_unit": "tokens" if has_quantity else None,
                    "project_id": project,
                    "api_key_id": api_key,
                    "user_id": None,
                    "api_source": None,
                    "organization_id": OPENAI_ORGANIZATION,
                }
            )
        return rows

    def _usage(self, report: str, question: _Question, known_at: datetime) -> dict[date, list[Any]]:
        if report not in ("completions", "embeddings"):
            return {}
        groups: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for line in self.truth.ledger.reports_as_of(known_at, OPENAI):
            reported = line.reported
            embedding = reported.key.model == EMBED
            inside = question.first <= reported.charge_day < question.end
            if inside and embedding == (report == "embeddings"):
                group = (reported.charge_day, *_group(_usage_dimensions(reported.key), question.group_by))
                groups[group][reported.key.meter or ""] += int(reported.quantity)
        for (day, key), count in self.requests.items():
            # The report of a day is told whole: its requests are known when its tokens are.
            group = (day, *_group(_usage_dimensions(key), question.group_by))
            if group in groups and (key.model == EMBED) == (report == "embeddings"):
                groups[group]["requests"] += count
        rows: dict[date, list[Any]] = defaultdict(list)
        for (day, *dimensions), counts in groups.items():
            told = dict(zip(_USAGE_GROUPS, dimensions, strict=True))
            rows[day].append(_usage_row(report, told, counts))
        return rows


def line_item(key: Key) -> str:
    """The display text OpenAI puts on a cost line: what stands before the bar is not the default."""
    before = [
        name for name, told in (("batch", key.batch == "true"), ("priority", key.service_tier == "priority")) if told
    ]
    return " | ".join([*before, f"{key.model}, {_DIRECTIONS[key.meter or INPUT]}"])


def json_text(value: Any) -> str:
    """JSON in which a decimal is a number with exactly its digits."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(name))}:{json_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(json_text(one) for one in value) + "]"
    return json.dumps(value)


def _usage_row(report: str, told: Mapping[str, Any], counts: Counter[str]) -> dict[str, Any]:
    if report == "embeddings":
        return {
            "object": "organization.usage.embeddings.result",
            "input_tokens": counts[INPUT],
            "num_model_requests": counts["requests"],
            **{name: told[name] for name in ("project_id", "user_id", "api_key_id", "model")},
        }
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": counts[INPUT] + counts[CACHE_READ],
        "input_uncached_tokens": counts[INPUT],
        "input_cached_tokens": counts[CACHE_READ],
        "output_tokens": counts[OUTPUT],
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": counts["requests"],
        **told,
    }


def _usage_dimensions(key: Key) -> dict[str, Any]:
    return {
        "project_id": key.sub_account_id,
        "user_id": None,
        "api_key_id": key.api_key_id,
        "model": key.model,
        "batch": key.batch == "true",
        "service_tier": "default" if key.service_tier == "standard" else key.service_tier,
    }


def _group(dimensions: Mapping[str, Any], group_by: Sequence[str]) -> tuple[Any, ...]:
    return tuple(dimensions[name] if name in group_by else None for name in _USAGE_GROUPS)


def _requests(truth: GroundTruth) -> Counter[tuple[date, Key]]:
    """Requests by day and key without meter."""
    counts: Counter[tuple[date, Key]] = Counter()
    for call in truth.world.calls:
        if call.source == OPENAI and call.billed:
            key = Key(
                sub_account_id=call.project,
                api_key_id=call.api_key,
                model=call.model,
                service_tier=call.service_tier,
                batch=call.batch,
            )
            counts[call.ended_at.date() + timedelta(days=call.billed_days_later), key] += 1
    return counts


def _read(query: Mapping[str, Sequence[str]], kind: str, groups: Sequence[str]) -> _Question:
    """Parameters as the provider reads them; arrays come with or without brackets."""
    start = _number(query, "start_time", None)
    if start is None:
        raise BadRequest("start_time is required")
    first = datetime.fromtimestamp(start, UTC).date()
    default, most = _LIMITS[kind]
    limit = _number(query, "limit", default) or 0
    if not 1 <= limit <= most:
        raise BadRequest(f"limit must be between 1 and {most}")
    if (query.get("bucket_width") or ["1d"])[-1] != "1d":
        raise BadRequest("bucket_width must be 1d")
    end_seconds = _number(query, "end_time", None)
    end = first + timedelta(days=limit)
    if end_seconds is not None:
        # A window that ends inside a day holds that whole day's bucket.
        end = datetime.fromtimestamp(end_seconds + 86_399, UTC).date()
    if not first < end <= first + timedelta(days=_LONGEST_WINDOW_DAYS):
        raise BadRequest("end_time must be after start_time, within 400 days")
    group_by = tuple(query.get("group_by[]", ())) + tuple(query.get("group_by", ()))
    if unknown := sorted(set(group_by) - set(groups)):
        raise BadRequest(f"group_by does not accept {', '.join(unknown)}")
    page = (query.get("page") or [""])[-1]
    return _Question(first, end, group_by, limit, _offset(page))


def _number(query: Mapping[str, Sequence[str]], name: str, default: int | None) -> int | None:
    values = query.get(name)
    if not values:
        return default
    if not values[-1].isdigit() or len(values[-1]) > 11:
        raise BadRequest(f"{name} must be a whole number")
    return int(values[-1])


def _cursor(offset: int) -> str:
    return f"page_{offset:08x}"


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(cursor.removeprefix("page_"), 16)
    except ValueError:
        raise BadRequest("page is no cursor of this list") from None
