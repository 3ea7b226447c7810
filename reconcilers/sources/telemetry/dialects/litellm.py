"""LiteLLM, the gateway and its library, by its callback ``otel``: span ``litellm_request``.

It counts under OpenTelemetry's first names and tells no cached count but inside Python texts, which are not read. What a
caller passes as metadata it writes as the text of a Python dictionary, of which ids are read and nothing else is kept. The span
``raw_gen_ai_request`` below it passes the request and the answer on, text included, as ``llm.<provider>.<field>``.
An answer from its own cache replays the counts of the first. Seen of 1.80.0. https://docs.litellm.ai/docs/observability
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="litellm",
    recognised_by=("metadata.usage_object", "gen_ai.cost.total_cost", "llm.cache_hit", "litellm.call_id"),
    attributes={
        "cache_hit": ("llm.cache_hit", "cache_hit", "metadata.cache_hit"),
        "stream": ("llm.is_streaming",),
        "user_id": ("metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id"),
        "reported_cost": ("gen_ai.cost.total_cost",),
    },
    carriers=("metadata.*", "metadata.requester_metadata$.*", "metadata.spend_logs_metadata$.*"),
    # Copies of the counts, as Python texts.
    ignored=("metadata.usage_object",),
    emitters=read_emitters(Path(__file__).with_name("litellm_emitters.csv")),
    texts=(
        "llm.*.choices",
        "llm.*.content",
        "llm.*.input",
        "llm.*.messages",
        "llm.*.prompt",
        "llm.*.system",
        "hidden_params",
        "metadata.requester_custom_headers",
        "error.message",
        "error.stack_trace",
    ),
)
