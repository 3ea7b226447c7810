"""Model invocation logs of Amazon Bedrock, from a folder laid out as the service writes it.

Where they go wrong, and the test that holds it:

- input without what was cached: test_input_does_not_contain_what_was_cached
- a session in the caller's name: test_a_caller_is_told_without_its_session
- a failure has no output: test_a_call_that_failed_used_nothing_it_tells
- prompts in the line, and beside it: test_prompts_and_answers_are_not_landed, test_large_bodies_beside_the_logs_are_no_logs
- lines of another kind: test_lines_of_another_kind_pass_by
- a profile in place of a model: test_a_profile_of_the_company_s_own_stays_its_arn
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any

from reconcilers.sources import registry
from tests.sources.telemetry.conftest import DAY, Job, Row, Taken, usage

ROLE = "arn:aws:sts::111122223333:assumed-role/Support"
SECRET = "Where is CANARY?"
HOUR = "2026/10/01/08/"


def log(**changes: Any) -> Row:
    """One line as the service writes it."""
    body = {"messages": [{"role": "user", "content": [{"text": SECRET}]}]}
    told = {
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
        "timestamp": "2026-10-01T08:00:02Z",
        "accountId": "111122223333",
        "identity": {"arn": f"{ROLE}/session-1"},
        "region": "us-east-1",
        "requestId": "ff4b6c63-5561-4431-93b8-06a817275900",
        "operation": "Converse",
        "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "requestMetadata": {
            "event_id": "ticket-7",
            "run_id": "ticket-7-1",
            "tenant_id": "acme",
            "feature_id": "answers",
        },
        "input": {
            "inputContentType": "application/json",
            "inputBodyJson": body,
            "inputTokenCount": 40,
            "cacheReadInputTokenCount": 1000,
            "cacheWriteInputTokenCount": 200,
        },
        "output": {"outputContentType": "application/json", "outputBodyJson": body, "outputTokenCount": 38},
    }
    return told | changes


def take(job: Job, *lines: Row, unit: str = "calls.json.gz", **config: Any) -> Taken:
    content = gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    return job.take(content, unit, kind="bedrock_invocation_logs", **config)


def test_a_line_is_a_call(job: Job) -> None:
    (call,) = take(job, log()).calls
    assert call == call | {
        "record_id": "ff4b6c63-5561-4431-93b8-06a817275900",
        "ended_at": datetime(2026, 10, 1, 8, 0, 2),
        "provider": "aws.bedrock",
        "sub_account_id": "111122223333",
        "region": "us-east-1",
        "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "operation": "Converse",
        "status": "ok",
        "error_type": None,
        "event_id": "ticket-7",
        "run_id": "ticket-7-1",
        "tenant_id": "acme",
        "feature_id": "answers",
        "span_kind": "model",
        "billable": True,
    }


def test_input_does_not_contain_what_was_cached(job: Job) -> None:
    (call,) = take(job, log()).calls
    assert usage(call) == {
        "input_tokens": 40,
        "cache_read_input_tokens": 1000,
        "cache_write_input_tokens": 200,
        "output_tokens": 38,
    }
    assert (call["input_total"], call["token_semantics"]) == (1240, "exclusive")


def test_a_caller_is_told_without_its_session(job: Job) -> None:
    user = "arn:aws:iam::111122223333:user/batch"
    lines = [log(), log(requestId="b", identity={"arn": user}), log(requestId="c", identity=None)]
    assert [call["api_key_id"] for call in take(job, *lines).calls] == [ROLE, user, None]


def test_whom_a_call_was_for_may_stand_under_other_names(job: Job) -> None:
    told = log(requestMetadata={"ticket": "7", "customer": "acme"})
    columns = {"event_id": {"template": "ticket-{requestMetadata.ticket}"}, "tenant_id": "requestMetadata.customer"}
    (call,) = take(job, told, columns=columns).calls
    assert (call["event_id"], call["tenant_id"], call["run_id"]) == ("ticket-7", "acme", None)


def test_a_call_without_metadata_is_one(job: Job) -> None:
    told = log()
    del told["requestMetadata"]
    (call,) = take(job, told).calls
    assert (call["event_id"], usage(call)["output_tokens"]) == (None, 38)


def test_a_call_that_failed_used_nothing_it_tells(job: Job) -> None:
    told = log(errorCode="ThrottlingException", input={"inputContentType": "application/json"})
    del told["output"]
    (call,) = take(job, told).calls
    assert (call["status"], call["error_type"]) == ("error", "ThrottlingException")
    assert (usage(call), call["usage_source"]) == ({}, "missing")


def test_a_profile_of_the_company_s_own_stays_its_arn(job: Job) -> None:
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
    (call,) = take(job, log(modelId=profile), columns={"api_key_id": "modelId"}).calls
    assert (call["model"], call["api_key_id"]) == (profile, profile)


def test_prompts_and_answers_are_not_landed(job: Job) -> None:
    assert b"CANARY" not in take(job, log()).stored


def test_large_bodies_beside_the_logs_are_no_logs(job: Job) -> None:
    for name in (
        f"{HOUR}calls.json.gz",
        f"{HOUR}data/ff4b_input.json.gz",
        "data/ff4b_output.json.gz",
        "permission-check",
    ):
        path = job.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    told = {"name": "logs", "kind": "bedrock_invocation_logs", "uri": str(job.folder)}
    assert list(registry.load("telemetry", told).units(DAY)) == [f"{HOUR}calls.json.gz"]
    of_days = registry.load("telemetry", told | {"partition": "%Y/%m/%d/", "late_days": 0})
    assert list(of_days.units(DAY)) == [f"{HOUR}calls.json.gz"]


def test_lines_of_another_kind_pass_by(job: Job) -> None:
    taken = take(job, log(), log(requestId="b", schemaType="ModelInvocationLogNext"))
    assert [call["record_id"] for call in taken.calls] == ["ff4b6c63-5561-4431-93b8-06a817275900"]
    assert taken.rejected == []


def test_a_line_that_cannot_be_read_is_rejected_alone(job: Job) -> None:
    taken = take(job, log(), log(requestId=None), log(requestId="c", output={"outputTokenCount": -1}))
    assert [(call["landing_line"], call["usage_source"]) for call in taken.calls] == [(1, "provider"), (3, "missing")]
    assert [(line, column) for line, column, _ in taken.rejected] == [(2, None), (3, "output.outputTokenCount")]
