"""What spans state about runs, outcomes and users."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest

from reconcilers.errors import SourceRejected
from tests.sources.telemetry.conftest import Job, told
from tests.sources.telemetry.written import CALL, WORK, chat, event, lines, message, run_span, span

Refusal = Callable[..., SourceRejected]


def test_runs_of_botanu(job: Job) -> None:
    content = lines(
        message(run_span("run-1", "failure", {"error_class": "APITimeoutError"}, status={"code": 2})),
        message(run_span("run-2", "success", spanId="c" * 16, values={"botanu.retry_of_run_id": "run-1"})),
        message(run_span("run-3", "timeout", spanId="d" * 16, values={"botanu.parent_run_id": "run-2"})),
        message(run_span("run-4", "success", spanId="e" * 16, values={"botanu.parent_run_id": "run-4"})),
    )
    taken = job.take(content)
    # The roots are no calls; they tell what the calls below them may inherit (rule R32).
    assert [(c["billable"], c["span_kind"], c["event_id"], c["usage"]) for c in taken.calls] == [
        (False, "other", "evt-1", [])
    ] * 4
    assert taken.rows.get("outcomes", []) == []
    first, *others = taken.rows["runs"]
    assert told(first) == {
        "source": "traces",
        "landing_line": 1,
        "run_id": "run-1",
        "event_id": "evt-1",
        "tenant_id": "ten-1",
        "workflow": "Answer",
        "environment": "production",
        "started_at": datetime(2026, 10, 1, 12),
        "ended_at": datetime(2026, 10, 1, 12, 0, 2, 500_000),
        "status": "failure",
        "error_type": "APITimeoutError",
    }
    names = ("run_id", "status", "retry_of_run_id", "parent_run_id", "declared_kind")
    assert [tuple(run[name] for name in names) for run in others] == [
        ("run-2", "success", "run-1", None, "retry"),
        ("run-3", "timeout", None, "run-2", "worker"),
        ("run-4", "success", None, None, None),
    ]


def test_what_is_recorded_on_a_run_that_went_well_is_no_error_of_it(job: Job) -> None:
    """AutoGen's agent ends a fine run by cancelling itself. Of a run whose own end is told, that counts."""
    recorded = {"events": [event("exception", {"exception.type": "CancelledError"})]}
    roots = [span(WORK, parentSpanId="", status={"code": code}, **recorded) for code in (1, 2, 0)]
    roots += [run_span("run-2", "failure", {"error_class": "Refused"}, status={"code": 1})]
    runs = job.take(lines(*(message(root) for root in roots))).rows["runs"]
    assert [(run["status"], run["error_type"]) for run in runs] == [
        ("success", None),
        ("failure", "CancelledError"),
        ("success", "CancelledError"),
        ("failure", "Refused"),
    ]


def test_a_root_span_with_a_run_id_is_a_statement_about_the_run(job: Job) -> None:
    work = WORK | {"run_kind": "Fallback", "run_status": "OK", "retry_of_run_id": "run-0"}
    content = lines(
        message(span(work, parentSpanId="", name="answer")),
        message(span(WORK, parentSpanId="", name="answer", status={"code": 2})),
        message(span(WORK, parentSpanId="", name="answer")),
        message(span(WORK, name="step")),
        message(span(WORK | CALL, parentSpanId="", name="chat")),
    )
    runs = job.take(content).rows["runs"]
    # A step says nothing of its run, nor does a call that has no parent.
    assert [(run["landing_line"], run["status"], run["declared_kind"]) for run in runs] == [
        (1, "success", "fallback"),
        (2, "failure", None),
        (3, "success", None),
    ]
    assert (runs[0]["feature_id"], runs[0]["prompt_version"]) == ("answers", "v3")


def test_outcomes(job: Job) -> None:
    work = {"botanu.event_id": "evt-1", "botanu.run_id": "run-1"}
    stated = {
        "app.outcome": "success",
        "app.outcome.emitter": "System_of_Record",
        "app.outcome.value": "12.3456789012",
        "app.outcome.currency": "eur",
        "app.outcome.confidence": 0.75,
        "app.outcome.reason": "closed",
    }
    content = lines(
        message(span(WORK | stated)),
        message(span(work | {"botanu.outcome": "timeout", "botanu.outcome.emitter": "robot"})),
        message(span(work, events=[event("botanu.outcome_emitted", {"status": "partial"})])),
        message(span(work | {"botanu.outcome.status": "abandoned"})),
        message(span(WORK | {"app.outcome": "failed", "app.outcome.value": 3})),
        message(span(WORK | {"app.outcome": "success", "app.outcome.final": False})),
        message(span({"run_id": "run-1", "app.outcome": "success"})),
        message(span(WORK | {"app.outcome": "Resolved"})),
    )
    rows = job.take(content, outcomes={"resolved": "success"}).rows["outcomes"]
    first = told(rows[0])
    assert first == {
        "source": "traces",
        "landing_line": 1,
        "event_id": "evt-1",
        "outcome": "success",
        "emitter": "system_of_record",
        "occurred_at": datetime(2026, 10, 1, 12, 0, 2, 500_000),
        "outcome_value": Decimal("12.345678901"),
        "value_currency": "EUR",
        "confidence": Decimal("0.75"),
        "reason": "closed",
    }
    # Abandoned is concluded from silence; what is not final, or of no event, states nothing; no currency, no value.
    assert [(row["landing_line"], row["outcome"], row["emitter"], row["outcome_value"]) for row in rows[1:]] == [
        (2, "failure", "sdk", None),
        (3, "partial", "sdk", None),
        (5, "failure", "sdk", None),
        (8, "success", "sdk", None),
    ]


def test_an_unknown_outcome_is_said_and_its_span_stays(job: Job) -> None:
    taken = job.take(chat(WORK | {"app.outcome": "success"}, WORK | CALL | {"app.outcome": "won"}))
    assert [(row["landing_line"], row["outcome"]) for row in taken.rows["outcomes"]] == [(1, "success")]
    assert [call["landing_line"] for call in taken.calls] == [1, 2]
    ((line, attribute, reason),) = taken.rejected
    assert (line, attribute) == (2, "outcome")
    assert "'won'" in reason


def test_users_are_hashed_with_a_key_or_not_kept(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    content = chat(*(CALL | {"user.id": user} for user in ("ann", "bob", "ann")))
    assert [call["user_hash"] for call in job.take(content, name="keyless").calls] == [None] * 3
    monkeypatch.setenv("RECONCILE_USER_KEY", "pepper")
    ann, bob, again = (call["user_hash"] for call in job.take(content).calls)
    assert ann == again == hmac.new(b"pepper", b"ann", "sha256").hexdigest()
    assert ann != bob
