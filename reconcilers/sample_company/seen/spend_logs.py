"""Rows of the LiteLLM proxy's spend logs as an outsider reads them: each a telling of one call, its input with what is cached."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconcilers.sample_company.seen.facts import Counts, Key, Telling

SOURCE = "litellm"


def read_rows(rows: Iterable[dict[str, Any]]) -> list[Telling]:
    """A telling a row. The row's spend is the proxy's own estimate and no money."""
    return [_telling(row, row["metadata"]["spend_logs_metadata"]) for row in rows]


def _telling(row: dict[str, Any], whom: dict[str, Any]) -> Telling:
    return Telling(
        source=SOURCE,
        record_id=row["request_id"],
        response_id=row["request_id"],
        operation=row["call_type"],
        provider=row["custom_llm_provider"],
        key=Key(model=row["model"]),
        started_at=_at(row["startTime"]),
        ended_at=_at(row["endTime"]),
        counts=Counts(input=row["prompt_tokens"], output=row["completion_tokens"]),
        user_id=row["end_user"],
        **whom,
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
