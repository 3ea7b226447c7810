"""What the company's LiteLLM proxy logs of the calls it passed on: a row a request, its spend by the proxy's own price map.

https://docs.litellm.ai/docs/proxy/cost_tracking. A row is written some minutes after its call. Whom it was for stands in the metadata
that the caller sent; the key is the proxy's own, which no bill knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.seen.view import passed_on
from reconcilers.sample_company.world.company import INPUT, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall
from reconcilers.sample_company.world.reference import PROVIDERS

#: What the proxy takes a million tokens for, whatever model they are of: its map is old.
_MAP_PRICE = Decimal("0.10")
_WRITTEN_AFTER = timedelta(minutes=10)
_LOGS = "/spend/logs/v2"
_LONGEST_PAGE = 1000


def rows(calls: Iterable[TrueCall], known_at: datetime) -> Iterator[dict[str, Any]]:
    """Every row that is written by then, in the order the calls ended."""
    return (_row(call) for call in calls if passed_on(call) and call.ended_at + _WRITTEN_AFTER <= known_at)


class SpendLogs:
    """The proxy's API over its logs."""

    def __init__(self, calls: Sequence[TrueCall]) -> None:
        self.calls = calls

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """A page of rows. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        if path != _LOGS:
            raise KeyError(path)
        try:
            start, end = (_instant(query[name][-1]) for name in ("start_date", "end_date"))
            page, size = int(query["page"][-1]), min(_LONGEST_PAGE, int(query["page_size"][-1]))
        except (KeyError, ValueError):
            raise BadRequest("start_date, end_date, page or page_size is missing or none") from None
        if page < 1 or size < 1:
            raise BadRequest("page and page_size are greater than 0")
        found = [row for row in rows(self.calls, known_at) if start <= _instant(row["startTime"]) <= end]
        shown = found[(page - 1) * size : page * size]
        pages = -(-len(found) // size)
        body = {"data": shown, "total": len(found), "page": page, "page_size": size, "total_pages": pages}
        return json.dumps(body).encode()


def _row(call: TrueCall) -> dict[str, Any]:
    tokens = {usage.meter: int(usage.quantity) for usage in call.usage}
    used = (tokens[INPUT], tokens[OUTPUT])
    whom = ("event_id", "run_id", "tenant_id", "feature_id", "workflow", "prompt_version", "environment")
    return {
        "request_id": call.response_id,
        "call_type": "acompletion",
        "api_key": hashlib.sha256(b"the key of document-reader").hexdigest(),
        # Not money of ours: the proxy writes doubles.
        "spend": float(sum(used) * _MAP_PRICE / 1_000_000),
        "total_tokens": sum(used),
        "prompt_tokens": used[0],
        "completion_tokens": used[1],
        "startTime": _time(call.started_at),
        "endTime": _time(call.ended_at),
        "model": call.model,
        "model_group": "documents",
        "custom_llm_provider": PROVIDERS[call.source],
        "api_base": "https://openrouter.ai/api/v1",
        "end_user": call.user_id,
        "cache_hit": "False",
        "status": "success",
        "metadata": {"spend_logs_metadata": {name: getattr(call, name) for name in whom}, "usage_object": {}},
    }


def _time(at: datetime) -> str:
    return f"{at.isoformat(timespec='milliseconds')}000Z"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
