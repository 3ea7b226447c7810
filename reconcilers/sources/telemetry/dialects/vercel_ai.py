"""Vercel's AI SDK, npm ``ai``: names below ``ai.`` beside OpenTelemetry's GenAI names, scopes ``ai`` and ``gen_ai``.

A call is ``ai.generateText.doGenerate``, ``ai.streamText.doStream``, ``ai.embed.doEmbed``, …; ``ai.generateText`` above it
tells the sum of its calls and is none. Version 7 with its ``OpenTelemetry`` writes ``chat`` and ``invoke_agent`` instead.
The ids of the work are what the application passes: metadata of the telemetry (to 6) or the runtime context (7).
Seen of 6.0.326 and 7.0.173. https://ai-sdk.dev/docs/ai-sdk-core/telemetry
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

_METADATA = "ai.response.providerMetadata$"

DIALECT = Dialect(
    name="vercel_ai",
    recognised_by=("ai.operationId", "ai.model.id", "ai.model.provider"),
    attributes={
        "operation": ("ai.operationId",),
        # OpenTelemetry's own names first, which are there on calls of text and not on embeddings.
        "provider": ("gen_ai.provider.name", "gen_ai.system", "ai.model.provider"),
        "response_id": ("gen_ai.response.id", "ai.response.id"),
        "model": ("gen_ai.response.model", "ai.response.model", "gen_ai.request.model", "ai.model.id"),
        "request_model": ("gen_ai.request.model", "ai.model.id"),
        "service_tier": (f"{_METADATA}.openai.serviceTier", f"{_METADATA}.anthropic.usage.service_tier"),
        "workflow": ("ai.telemetry.functionId",),
    },
    counts={
        "input": ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
        "output": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
        "total": ("ai.usage.totalTokens",),
        "cache_read": ("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
        "cache_write": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
        "cache_write_5m": (f"{_METADATA}.anthropic.usage.cache_creation.ephemeral_5m_input_tokens",),
        "cache_write_1h": (f"{_METADATA}.anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
        "reasoning": ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    },
    carriers=("ai.telemetry.metadata.*", "ai.settings.context.*"),
    kinds={
        "ai.generatetext.dogenerate": "model",
        "ai.streamtext.dostream": "model",
        "ai.generateobject.dogenerate": "model",
        "ai.streamobject.dostream": "model",
        "ai.embed.doembed": "model",
        "ai.embedmany.doembed": "model",
        "ai.rerank.dorerank": "model",
        "ai.generatetext": "other",
        "ai.streamtext": "other",
        "ai.generateobject": "other",
        "ai.streamobject": "other",
        "ai.embed": "other",
        "ai.embedmany": "other",
        "ai.rerank": "other",
        "ai.toolcall": "tool",
        "agent_step": "other",
    },
    # Parts of the counts above, and a rate.
    ignored=(
        "ai.response.avgOutputTokensPerSecond",
        "ai.usage.inputTokenDetails.noCacheTokens",
        "ai.usage.outputTokenDetails.textTokens",
    ),
    emitters=read_emitters(Path(__file__).with_name("vercel_ai_emitters.csv")),
    # All below them but what is listed: ids, models, counts.
    texts=(
        "ai.prompt",
        "ai.prompt.",
        "ai.request.",
        "ai.response.",
        "ai.schema",
        "ai.toolCall.",
        "ai.value",
        "ai.values",
        "ai.embedding",
        "ai.embeddings",
    ),
    no_texts=(
        "ai.response.avgOutputTokensPerSecond",
        "ai.response.finishReason",
        "ai.response.id",
        "ai.response.model",
        "ai.response.msToFinish",
        "ai.response.msToFirstChunk",
        "ai.response.timestamp",
        "ai.toolCall.id",
        "ai.toolCall.name",
    ),
)
