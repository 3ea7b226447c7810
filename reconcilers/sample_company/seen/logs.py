"""Logs and tables of calls as an outsider reads them: LiteLLM's spend logs, Bedrock's invocation logs, a table in BigQuery. A row tells
one call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconcilers.sample_company.seen.facts import Counts, Key, Telling

LITELLM, BEDROCK, CALL_TABLE = "litellm", "bedrock", "gcp_calls"


def read_spend_logs(rows: Iterable[dict[str, Any]]) -> list[Telling]:
    """A telling a row. The row's spend is the proxy's own estimate and no money."""
    return [
        Telling(
            source=LITELLM,
            record_id=row["request_id"],
            response_id=row["request_id"],
            operation=row["call_type"],
            provider=row["custom_llm_provider"],
            key=Key(model=row["model"]),
            started_at=_at(row["startTime"]),
            ended_at=_at(row["endTime"]),
            counts=Counts(input=row["prompt_tokens"], output=row["completion_tokens"]),
            user_id=row["end_user"],
            **row["metadata"]["spend_logs_metadata"],
        )
        for row in rows
    ]


def read_invocation_logs(lines: Iterable[dict[str, Any]]) -> list[Telling]:
    """A telling a line. A role is who it is without its session; all that is logged is production."""
    return [
        Telling(
            source=BEDROCK,
            record_id=line["requestId"],
            operation=line["operation"],
            provider="aws.bedrock",
            key=Key(
                sub_account_id=line["accountId"],
                api_key_id=line["identity"]["arn"].rpartition("/")[0],
                model=line["modelId"],
                region=line["region"],
                geography="regional",
            ),
            ended_at=_at(line["timestamp"]),
            counts=Counts(input=line["input"]["inputTokenCount"], output=line["output"]["outputTokenCount"]),
            environment="production",
            **line["requestMetadata"],
        )
        for line in lines
    ]


def read_call_table(rows: Iterable[dict[str, Any]]) -> list[Telling]:
    """A telling a row, by the columns that the settings name."""
    return [
        Telling(
            source=CALL_TABLE,
            record_id=row["id"],
            response_id=row["answer"]["id"],
            provider="gcp.vertex_ai",
            key=Key(sub_account_id=row["project"], model=row["answer"]["model"]),
            started_at=row["began_at"],
            ended_at=row["finished_at"],
            counts=Counts(input=row["tokens"]["input"], output=row["tokens"]["output"]),
            **row["whom"],
        )
        for row in rows
    ]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
