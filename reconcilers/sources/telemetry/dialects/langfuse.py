"""Langfuse's own SDKs: ``langfuse.observation.*`` and ``langfuse.trace.*``, as its OTLP exporter writes them.

Counts are one JSON text with the keys of whoever counted: the provider's own answer as it came, or ``input``, ``output``
and details beside them. Metadata values are JSON texts, quotes included. Its wrapper of OpenAI's client tells no provider and
seldom a response id.
Seen of langfuse 5.0.4, Python. https://langfuse.com/integrations/native/opentelemetry
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

_USAGE = "langfuse.observation.usage_details$"
_METADATA = "langfuse.observation.metadata"
#: Details that its own usage types and Anthropic's answers keep outside the input.
_OUTSIDE = (
    f"{_USAGE}.cache_read_input_tokens",
    f"{_USAGE}.cache_creation_input_tokens",
    f"{_USAGE}.input_cached_tokens",
    f"{_USAGE}.input_cache_read",
)

DIALECT = Dialect(
    name="langfuse",
    recognised_by=(
        "langfuse.observation.type",
        "langfuse.observation.model.name",
        "langfuse.observation.usage_details",
    ),
    attributes={
        "kind": ("langfuse.observation.type",),
        # LangChain's callback passes on whom LangChain calls.
        "provider": (f"{_METADATA}.ls_provider$",),
        "model": ("langfuse.observation.model.name",),
        "response_id": (f"{_METADATA}.id$", f"{_METADATA}.response_id$"),
        "service_tier": (f"{_METADATA}.service_tier$",),
        "environment": ("langfuse.environment",),
        "user_id": ("langfuse.user.id", "user.id"),
        "prompt_version": ("langfuse.observation.prompt.version",),
        "reported_cost": ("langfuse.observation.cost_details$.total",),
    },
    counts={
        "input": (f"{_USAGE}.input", f"{_USAGE}.input_tokens", f"{_USAGE}.prompt_tokens"),
        "output": (f"{_USAGE}.output", f"{_USAGE}.output_tokens", f"{_USAGE}.completion_tokens"),
        "total": (f"{_USAGE}.total", f"{_USAGE}.total_tokens"),
        "cache_read": (
            f"{_USAGE}.input_tokens_details.cached_tokens",
            f"{_USAGE}.prompt_tokens_details.cached_tokens",
            f"{_USAGE}.cache_read_input_tokens",
            f"{_USAGE}.input_cached_tokens",
            f"{_USAGE}.input_cache_read",
        ),
        "cache_write": (
            f"{_USAGE}.cache_creation_input_tokens",
            f"{_USAGE}.input_cache_creation",
            f"{_USAGE}.prompt_tokens_details.cache_write_tokens",
        ),
        "cache_write_5m": (f"{_USAGE}.cache_creation.ephemeral_5m_input_tokens",),
        "cache_write_1h": (f"{_USAGE}.cache_creation.ephemeral_1h_input_tokens",),
        "reasoning": (
            f"{_USAGE}.output_tokens_details.reasoning_tokens",
            f"{_USAGE}.completion_tokens_details.reasoning_tokens",
            f"{_USAGE}.output_reasoning_tokens",
            f"{_USAGE}.output_reasoning",
        ),
    },
    carriers=("langfuse.trace.metadata.*$", "langfuse.observation.metadata.*$"),
    kinds={
        "generation": "model",
        "embedding": "model",
        "tool": "tool",
        "agent": "other",
        "chain": "other",
        "evaluator": "other",
        "event": "other",
        "guardrail": "other",
        "retriever": "other",
        "span": "other",
    },
    exclusive_by=_OUTSIDE,
    emitters=read_emitters(Path(__file__).with_name("langfuse_emitters.csv")),
    texts=(
        "langfuse.observation.input",
        "langfuse.observation.output",
        "langfuse.observation.status_message",
        "langfuse.trace.input",
        "langfuse.trace.output",
    ),
)
