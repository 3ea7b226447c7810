"""OpenTelemetry's GenAI conventions, every generation of names that is still emitted.

The conventions renamed their attributes three times and instrumentations move one by one, so all names are read, the
newest first: ``gen_ai.usage.prompt_tokens`` (first), ``gen_ai.system`` with ``gen_ai.usage.input_tokens`` (to 1.36),
``gen_ai.provider.name`` (1.37 to 1.41), and those of the GenAI repository since. Last come names of instrumentations.
https://github.com/open-telemetry/semantic-conventions-genai, https://opentelemetry.io/docs/specs/semconv/gen-ai/

The ids of the work (event, run, tenant, …) are no part of the conventions. They arrive in W3C Baggage, which a
``BaggageSpanProcessor`` copies to span attributes of the same names.
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="otel_genai",
    recognised_by=(
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.system",
        "gen_ai.request.model",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.request.type",
        "pinecone.usage.read_units",
        "event_id",
        "run_id",
    ),
    attributes={
        # Why and for whom
        "event_id": ("event_id",),
        "run_id": ("run_id",),
        "parent_run_id": ("parent_run_id",),
        "retry_of_run_id": ("retry_of_run_id",),
        "run_kind": ("run_kind",),
        "run_status": ("run_status",),
        "tenant_id": ("tenant_id",),
        "customer_id": ("customer_id",),
        "user_id": ("user.id", "enduser.id", "gen_ai.user"),
        "feature_id": ("feature_id", "endpoint_tag"),
        "workflow": ("workflow", "gen_ai.workflow.name", "traceloop.workflow.name"),
        "prompt_version": ("prompt_version", "gen_ai.prompt.version", "traceloop.prompt.version"),
        "environment": ("deployment.environment.name", "deployment.environment", "environment"),
        "data_mode": ("data_mode",),
        "service": ("service.name",),
        # What was called, and on whose account
        "operation": ("gen_ai.operation.name", "llm.request.type", "db.operation.name", "db.operation"),
        "provider": ("gen_ai.provider.name", "gen_ai.system", "db.system.name", "db.system"),
        "endpoint": ("server.address",),
        "response_id": ("gen_ai.response.id",),
        "model": ("gen_ai.response.model", "gen_ai.request.model"),
        "request_model": ("gen_ai.request.model",),
        "billing_account_id": ("billing_account_id", "openai.organization"),
        "sub_account_id": ("sub_account_id", "openai.project", "anthropic.workspace_id"),
        "cloud_account_id": ("cloud.account.id",),
        "cloud_provider": ("cloud.provider",),
        "api_key_id": ("api_key_id",),
        # The tier that answered is billed; a request's tier counts where the answer tells none.
        "service_tier": (
            "openai.response.service_tier",
            "gen_ai.openai.response.service_tier",
            "openai.request.service_tier",
            "gen_ai.openai.request.service_tier",
            "service_tier",
        ),
        "batch": ("gen_ai.request.batch", "batch"),
        "region": ("gen_ai.request.region",),
        "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
        "error_type": ("error.type", "exception/exception.type"),
        "cache_hit": ("llm.cache_hit", "gen_ai.cache_hit"),
        # How sure its numbers are
        "usage_origin": ("gen_ai.usage.source", "gen_ai.usage.estimated"),
        "sampling_probability": ("sampling.probability",),
        "reported_cost": ("gen_ai.usage.cost.amount", "gen_ai.usage.cost", "llm.cost.total"),
        "reported_currency": ("gen_ai.usage.cost.currency",),
        # How the event ended
        "outcome": ("app.outcome",),
        "outcome_final": ("app.outcome.final",),
        "emitter": ("app.outcome.emitter",),
        "outcome_value": ("app.outcome.value",),
        "value_currency": ("app.outcome.currency",),
        "confidence": ("app.outcome.confidence",),
        "reason": ("app.outcome.reason",),
    },
    counts={
        "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
        "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
        "cache_read": (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cache_read_tokens",
            "gen_ai.usage.details.cache_read_tokens",
            "gen_ai.usage.input_cached_tokens",
        ),
        "cache_write": (
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_tokens",
            "gen_ai.usage.details.cache_write_tokens",
        ),
        # No released attribute tells how long a cache entry is kept; these are Anthropic's own names under OTel's prefix.
        "cache_write_5m": ("gen_ai.usage.cache_creation.ephemeral_5m_input_tokens",),
        "cache_write_1h": ("gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",),
        "reasoning": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
        "tool": ("gen_ai.usage.tool.input_tokens", "gen_ai.usage.tool_use_prompt_tokens"),
        "text_input": ("gen_ai.usage.text.input_tokens",),
        "image_input": ("gen_ai.usage.image.input_tokens",),
        "audio_input": ("gen_ai.usage.audio.input_tokens",),
        "video_input": ("gen_ai.usage.video.input_tokens",),
        "text_output": ("gen_ai.usage.text.output_tokens",),
        "audio_output": ("gen_ai.usage.audio.output_tokens",),
        "read_units": ("pinecone.usage.read_units",),
    },
    kinds={
        "chat": "model",
        "generate_content": "model",
        "text_completion": "model",
        "embeddings": "model",
        "execute_tool": "tool",
        "create_agent": "other",
        "invoke_agent": "other",
        "invoke_workflow": "other",
        # OpenLLMetry's llm.request.type
        "completion": "model",
        "embedding": "model",
        "rerank": "model",
    },
    # Reads a stored answer again; its usage was billed when the answer was made.
    repeating_operations=("fetch_response",),
    # OpenAI's default is its standard tier; Anthropic calls a batch's tier `batch`.
    service_tiers={"default": "standard", "auto": None, "batch": "standard"},
    outcomes={"success": "success", "failure": "failure", "failed": "failure", "partial": "partial"},
    # Since 1.37 the input count is defined to contain the cached tokens.
    inclusive_by=(
        "gen_ai.provider.name",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
    ),
    exclusive_providers=("anthropic", "aws.bedrock"),
    emitters=read_emitters(Path(__file__).with_name("otel_genai_emitters.csv")),
)

#: Attributes that hold prompts, completions, tool arguments or results, in any vocabulary known to us, read as a dialect
#: or not; a trailing dot stands for all names below it.
TEXT_ATTRIBUTES = (
    # OpenTelemetry GenAI
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.evaluation.explanation",
    "gen_ai.prompt",
    "gen_ai.prompt.",
    "gen_ai.completion",
    "gen_ai.completion.",
    # OpenLLMetry
    "traceloop.entity.input",
    "traceloop.entity.output",
    "llm.prompts",
    "llm.prompts.",
    "llm.completions",
    "llm.completions.",
    "llm.request.functions",
    "llm.request.functions.",
    # OpenInference
    "input.value",
    "output.value",
    "llm.input_messages",
    "llm.input_messages.",
    "llm.output_messages",
    "llm.output_messages.",
    "llm.choices",
    "llm.choices.",
    "llm.tools",
    "llm.tools.",
    "llm.function_call",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "retrieval.documents",
    "retrieval.documents.",
    "reranker.query",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings",
    "embedding.embeddings.",
    "tool.parameters",
    # Langfuse, Vercel AI SDK, Google ADK, Pydantic AI
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "ai.prompt",
    "ai.prompt.",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value",
    "ai.values",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "final_result",
    "tool_arguments",
    "tool_response",
)
#: Names below a prefix above that hold no text: the identity of a prompt template.
NO_TEXT = frozenset({"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.id"})
#: Events whose content is a message.
TEXT_EVENTS = frozenset(
    {
        "gen_ai.content.prompt",
        "gen_ai.content.completion",
        "gen_ai.system.message",
        "gen_ai.user.message",
        "gen_ai.assistant.message",
        "gen_ai.tool.message",
        "gen_ai.choice",
        "gen_ai.client.inference.operation.details",
    }
)
