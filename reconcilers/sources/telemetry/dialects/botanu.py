"""The botanu SDK: run context in baggage, stamped on every span, beside OpenTelemetry's GenAI names.

Its run span is ``botanu.run/<workflow>`` with an event ``botanu.run.completed`` that tells how the run ended. A run's
end is not the event's outcome: newer SDKs state none, and then none is read. The attempt number is not read either,
because two plain runs of one event both call themselves the first (rule R22 counts them). Its tracker says ``gcp.vertex_ai`` of
Gemini's API as of Vertex AI, which therefore is ``gcp.gen_ai``, some door of Google's; a caller that passes ``gcp.gemini`` is told so.
Seen of 0.1.dev77. https://github.com/botanu-ai/botanu-sdk-python
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="botanu",
    recognised_by=(
        "botanu.run_id",
        "botanu.event_id",
        "botanu.workflow",
        "botanu.vendor",
        "botanu.outcome.status",
        "botanu.outcome",
    ),
    attributes={
        "event_id": ("botanu.event_id",),
        "run_id": ("botanu.run_id",),
        "parent_run_id": ("botanu.parent_run_id",),
        "retry_of_run_id": ("botanu.retry_of_run_id",),
        "run_kind": ("botanu.run_kind",),
        "run_status": ("botanu.run.completed/status",),
        "tenant_id": ("botanu.tenant_id",),
        "customer_id": ("botanu.customer_id",),
        "user_id": ("botanu.user_id",),
        "feature_id": ("botanu.feature_id",),
        "workflow": ("botanu.workflow",),
        "prompt_version": ("botanu.prompt_version",),
        # The SDK writes `production` where nobody said so, hence what the deployment itself says goes first.
        "environment": ("deployment.environment.name", "deployment.environment", "botanu.environment"),
        "data_mode": ("botanu.data_mode",),
        "provider": ("gen_ai.provider.name", "gen_ai.system", "botanu.vendor"),
        "stream": ("botanu.request.streaming",),
        "error_type": ("botanu.run.completed/error_class",),
        "outcome": ("botanu.outcome.status", "botanu.outcome", "botanu.outcome_emitted/status"),
        "emitter": ("botanu.outcome.emitter",),
        "outcome_value": ("botanu.outcome.value_amount",),
        "value_currency": ("botanu.outcome.value_currency",),
        "confidence": ("botanu.outcome.confidence",),
        "reason": ("botanu.outcome.reason",),
    },
    counts={
        # `cached_tokens` is a copy of the cache reads, never in addition to them.
        "cache_read": ("botanu.usage.cache_read_tokens", "botanu.usage.cached_tokens"),
        "cache_write": ("botanu.usage.cache_write_tokens",),
    },
    run_span="botanu.run/",
    outcomes={
        "success": "success",
        "failure": "failure",
        "failed": "failure",
        "partial": "partial",
        "timeout": "failure",
        "canceled": "failure",
        "abandoned": None,  # Abandonment is concluded from silence (design: none after the window), not stated.
    },
    # Its tracker writes whatever token counts its caller hands over.
    passed_through_by=("botanu.vendor",),
    emitters=read_emitters(Path(__file__).with_name("botanu_emitters.csv")),
    no_texts=("botanu.",),
)
