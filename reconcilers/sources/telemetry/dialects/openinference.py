"""OpenInference, the vocabulary of Arize's instrumentations: ``openinference.span.kind`` says what a span is.

LLM, DECISION and EMBEDDING are operations of a model; what AGENT and CHAIN count is a sum of what is below them (rule R30).
Tokens of any other kind are not counted: a reranker is billed by searches, and what a guardrail or an evaluator asks of a model
has a span of its own. One call is often told by a framework's span and by an SDK's, one below the other or side by side; none
of them tells a response id.
Seen of openai 0.1.66, anthropic 3.1.0, bedrock 0.1.61, langchain 0.1.80, openai-agents 2.6.0, smolagents 0.1.43, autogen
0.1.22 and npm openai 4.2.7. https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

from __future__ import annotations

from pathlib import Path

from reconcilers.sources.telemetry.base import Dialect, read_emitters

DIALECT = Dialect(
    name="openinference",
    recognised_by=("openinference.span.kind",),
    attributes={
        "kind": ("openinference.span.kind",),
        "provider": (
            "llm.provider",
            "llm.system",
            "embedding.provider",
            "reranker.provider",
            "decision.provider",
            "decision.system",
        ),
        "model": (
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "decision.response.model_name",
            "decision.model_name",
            "decision.request.model_name",
        ),
        "request_model": ("llm.request.model_name", "decision.request.model_name"),
        "service_tier": ("llm.invocation_parameters$.service_tier",),
        "stream": ("llm.invocation_parameters$.stream",),
        "user_id": ("user.id",),
        "prompt_version": ("llm.prompt_template.version", "prompt.version"),
        "reported_cost": ("llm.cost.total",),
    },
    counts={
        "input": ("llm.token_count.prompt", "decision.token_count.input"),
        "output": ("llm.token_count.completion", "decision.token_count.output"),
        "total": ("llm.token_count.total",),
        "cache_read": ("llm.token_count.prompt_details.cache_read", "llm.token_count.prompt_details.cache_input"),
        "cache_write": ("llm.token_count.prompt_details.cache_write",),
        "reasoning": ("llm.token_count.completion_details.reasoning",),
        "audio_input": ("llm.token_count.prompt_details.audio",),
        "audio_output": ("llm.token_count.completion_details.audio",),
    },
    # What `using_attributes(metadata=…)` puts on every span: one JSON text, or a dictionary as Python prints it.
    carriers=("metadata$.*",),
    kinds={
        "llm": "model",
        "decision": "model",
        "embedding": "model",
        "reranker": "model",
        "tool": "tool",
        "agent": "other",
        "chain": "other",
        "evaluator": "other",
        "guardrail": "other",
        "prompt": "other",
        "retriever": "other",
        "unknown": "other",
    },
    uncounted_kinds=("evaluator", "guardrail", "prompt", "reranker", "retriever", "tool", "unknown"),
    emitters=read_emitters(Path(__file__).with_name("openinference_emitters.csv")),
    texts=(
        "input.value",
        "output.value",
        "llm.input_messages",
        "llm.input_messages.",
        "llm.output_messages",
        "llm.output_messages.",
        "llm.choices",
        "llm.choices.",
        "llm.prompts",
        "llm.prompts.",
        "llm.completions",
        "llm.completions.",
        "llm.function_call",
        "llm.invocation_parameters",
        "llm.prompt_template.template",
        "llm.prompt_template.variables",
        "llm.tools",
        "llm.tools.",
        "document.",
        "embedding.embeddings",
        "embedding.embeddings.",
        "embedding.text",
        "embedding.vector",
        "reranker.query",
        "reranker.input_documents",
        "reranker.input_documents.",
        "reranker.output_documents",
        "reranker.output_documents.",
        "retrieval.documents",
        "retrieval.documents.",
        "tool.description",
        "tool.parameters",
        "tool.json_schema",
        "tool_call.function.arguments",
        "metadata",
    ),
    no_texts=("llm.cost.", "llm.finish_reason", "llm.token_count."),
)
