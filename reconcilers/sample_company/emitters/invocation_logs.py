"""Amazon Bedrock's model invocation logs in S3: a file an hour, a JSON object a call, for calls that no span tells.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html. Whom a call was for is what its caller sent along as
``requestMetadata``. The caller is an assumed role, whose session is another with every call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson

from reconcilers.sample_company.providers.focus_rows import packed
from reconcilers.sample_company.seen.view import logged_by_bedrock
from reconcilers.sample_company.world.company import AWS_REGION, INPUT, INVOCATION_LOGS, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall

#: A file is there so long after its hour.
_WRITTEN_AFTER = timedelta(minutes=10)
_WHOM = ("event_id", "run_id", "tenant_id", "feature_id", "workflow", "prompt_version", "user_id")


def lines(calls: Iterable[TrueCall], known_at: datetime) -> dict[datetime, list[dict[str, Any]]]:
    """Hour → its lines, of every hour whose file is written by then."""
    hours: dict[datetime, list[dict[str, Any]]] = defaultdict(list)
    for call in calls:
        hour = call.ended_at.replace(minute=0, second=0, microsecond=0)
        if logged_by_bedrock(call) and hour + timedelta(hours=1) + _WRITTEN_AFTER <= known_at:
            hours[hour].append(_line(call))
    return hours


def objects(calls: Iterable[TrueCall], known_at: datetime) -> dict[str, bytes]:
    """{key: content} of the bucket."""
    return {
        f"{INVOCATION_LOGS}/{hour:%Y/%m/%d/%H}/{hour:%Y%m%dT%H}0000000Z_a1b2c3.json.gz": packed(
            b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in told)
        )
        for hour, told in lines(calls, known_at).items()
    }


def _line(call: TrueCall) -> dict[str, Any]:
    tokens = {usage.meter: int(usage.quantity) for usage in call.usage}
    role = f"arn:aws:sts::{call.project}:assumed-role/DocumentReader"
    return {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": f"{call.ended_at:%Y-%m-%dT%H:%M:%SZ}",
        "accountId": call.project,
        "identity": {"arn": f"{role}/{call.span_id}"},
        "region": AWS_REGION,
        "requestId": call.response_id,
        "operation": "Converse",
        "modelId": call.model,
        "requestMetadata": {name: getattr(call, name) for name in _WHOM},
        "input": {"inputContentType": "application/json", "inputTokenCount": tokens[INPUT]},
        "output": {"outputContentType": "application/json", "outputTokenCount": tokens[OUTPUT]},
    }
