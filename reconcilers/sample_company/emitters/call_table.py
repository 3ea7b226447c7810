"""What the document reader in Google's cloud keeps of its calls: a row each in a table of its own in BigQuery, written within minutes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconcilers.sample_company.providers.bigquery_api import Row
from reconcilers.sample_company.seen.view import kept_in_bigquery
from reconcilers.sample_company.world.company import INPUT, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall

_WHOM = ("event_id", "run_id", "tenant_id", "feature_id", "workflow", "prompt_version", "user_id", "environment")
COLUMNS = {
    "id": "STRING",
    "began_at": "TIMESTAMP",
    "finished_at": "TIMESTAMP",
    "project": "STRING",
    "answer": {"id": "STRING", "model": "STRING"},
    "tokens": {"input": "INTEGER", "output": "INTEGER"},
    "whom": dict.fromkeys(_WHOM, "STRING"),
}
_WRITTEN_AFTER = timedelta(minutes=2)


def rows(calls: Iterable[TrueCall], known_at: datetime) -> list[Row]:
    """Every row written by then."""
    return [_row(call) for call in calls if kept_in_bigquery(call) and call.ended_at + _WRITTEN_AFTER <= known_at]


def _row(call: TrueCall) -> Row:
    tokens = {usage.meter: int(usage.quantity) for usage in call.usage}
    return {
        "id": call.span_id,
        "began_at": call.started_at,
        "finished_at": call.ended_at,
        "project": call.project,
        "answer": {"id": call.response_id, "model": call.model},
        "tokens": {"input": tokens[INPUT], "output": tokens[OUTPUT]},
        "whom": {name: getattr(call, name) for name in _WHOM},
    }
