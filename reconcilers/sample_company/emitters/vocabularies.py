"""What spans of instrumentations that are not OpenTelemetry's own say of a call: OpenInference, OpenLLMetry, Langfuse,
Vercel's AI SDK, LiteLLM and Claude Code.

Each names provider, model and counts in words of its own, and carries whom a call was for in a place of its own.
``reconcilers/sources/telemetry/dialects/`` reads them; the words here are as those projects document them, written down apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.world.company import CACHE_READ, CACHE_WRITE, INPUT, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall

_Attributes = dict[str, str | int | bool | float]
_Ids = Mapping[str, str | int | bool | float]

#: Members of the metadata that LiteLLM logs, in its order.
_LITELLM_METADATA = (
    *("user_api_key_hash", "user_api_key_alias", "user_api_key_spend", "user_api_key_max_budget"),
    *("user_api_key_budget_reset_at", "user_api_key_team_id", "user_api_key_org_id", "user_api_key_user_id"),
    *("user_api_key_team_alias", "user_api_key_user_email", "user_api_key_end_user_id", "user_api_key_request_route"),
    *("spend_logs_metadata", "requester_ip_address", "requester_metadata", "prompt_management_metadata"),
    *("applied_guardrails", "mcp_tool_call_metadata", "vector_store_request_metadata", "usage_object"),
    *("requester_custom_headers", "cold_storage_object_key", "user_api_key_auth_metadata"),
)
#: What it notes of a request for its callbacks, in its order.
_LITELLM_HIDDEN = (
    *("model_id", "cache_key", "api_base", "response_cost", "additional_headers", "litellm_overhead_time_ms"),
    *("batch_models", "litellm_model_name", "usage_object"),
)
#: What a token costs by its own map. Not money of ours: it writes doubles.
_LITELLM_PRICES = {INPUT: 2.5e-06, OUTPUT: 1e-05}


def _openinference(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md: ids in one JSON text."""
    counts = {
        "llm.token_count.prompt": used[INPUT],
        "llm.token_count.completion": used[OUTPUT],
        "llm.token_count.total": used[INPUT] + used[OUTPUT],
    }
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "azure",
        "llm.system": "openai",
        "llm.model_name": call.model,
        **counts,
        **({"metadata": json.dumps(dict(ids))} if ids else {}),
    }


def _traceloop(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://github.com/traceloop/openllmetry: older GenAI names, and an association property for each id."""
    return {
        "traceloop.workflow.name": str(call.workflow),
        "traceloop.entity.name": "read",
        "llm.request.type": "chat",
        "gen_ai.system": "Cohere",
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": call.model,
        "gen_ai.usage.input_tokens": used[INPUT],
        "gen_ai.usage.output_tokens": used[OUTPUT],
        **{f"traceloop.association.properties.{name}": value for name, value in ids.items()},
    }


def _langfuse(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://langfuse.com/integrations/native/opentelemetry: values of metadata are JSON texts, quotes included."""
    return {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": call.model,
        "langfuse.observation.usage_details": json.dumps({"input": used[INPUT], "output": used[OUTPUT]}),
        "langfuse.observation.metadata.ls_provider": json.dumps("snowflake"),
        **{f"langfuse.trace.metadata.{name}": json.dumps(value) for name, value in ids.items()},
    }


def _vercel_ai(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://ai-sdk.dev/docs/ai-sdk-core/telemetry: names below ``ai.``, ids in the metadata of the telemetry."""
    return {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "azure-openai.chat",
        "ai.model.id": call.model,
        "gen_ai.system": "azure-openai.chat",
        "gen_ai.request.model": call.model,
        "ai.response.id": str(call.response_id),
        "ai.response.model": call.model,
        "ai.usage.inputTokens": used[INPUT],
        "ai.usage.outputTokens": used[OUTPUT],
        "ai.usage.totalTokens": used[INPUT] + used[OUTPUT],
        **{f"ai.telemetry.metadata.{name}": value for name, value in ids.items()},
    }


def _litellm(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://docs.litellm.ai/docs/observability/opentelemetry_integration: what 1.80.0 wrote of Cohere.

    It was driven with messages left out, and with them the span of the raw request. Of metadata it writes what it
    knows, empty where nothing is, and what a caller hands over only as the text of a Python object: the ids have names
    of their own since the company's ``logging_hook`` adds them. The answer's id is its own, and so is the cost.
    """
    total, cost = used[INPUT] + used[OUTPUT], {meter: used[meter] * price for meter, price in _LITELLM_PRICES.items()}
    whole = cost[INPUT] + cost[OUTPUT]
    usage = {"completion_tokens": used[OUTPUT], "prompt_tokens": used[INPUT], "total_tokens": total}
    metadata = {
        **dict.fromkeys(_LITELLM_METADATA, ""),
        "spend_logs_metadata": str(dict(ids)) if ids else "",
        "applied_guardrails": "[]",
        "usage_object": str({**usage, "completion_tokens_details": None, "prompt_tokens_details": None}),
        **ids,
    }
    hidden = dict.fromkeys(_LITELLM_HIDDEN) | {
        "api_base": "https://api.cohere.com/v2/chat",
        "response_cost": whole,
        "additional_headers": {},
        "litellm_model_name": f"cohere/{call.model}",
    }
    return {
        **{f"metadata.{name}": value for name, value in metadata.items()},
        "hidden_params": json.dumps(hidden),
        "gen_ai.cost.input_cost": cost[INPUT],
        "gen_ai.cost.output_cost": cost[OUTPUT],
        "gen_ai.cost.total_cost": whole,
        "gen_ai.cost.tool_usage_cost": 0.0,
        "gen_ai.cost.original_cost": whole,
        "gen_ai.cost.discount_percent": 0.0,
        "gen_ai.cost.discount_amount": 0.0,
        "gen_ai.request.model": call.model,
        "llm.request.type": "completion",
        "gen_ai.system": "cohere_chat",
        "llm.is_streaming": "False",
        "gen_ai.response.id": f"chatcmpl-{call.response_id}",
        "gen_ai.response.model": call.model,
        "llm.usage.total_tokens": total,
        "gen_ai.usage.completion_tokens": used[OUTPUT],
        "gen_ai.usage.prompt_tokens": used[INPUT],
    }


def _claude_code(call: TrueCall, ids: _Ids, used: Mapping[str, int]) -> _Attributes:
    """https://code.claude.com/docs/en/monitoring-usage: bare names, and what is cached beside the input."""
    return {
        "session.id": call.trace_id,
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": call.model,
        "input_tokens": used[INPUT],
        "output_tokens": used[OUTPUT],
        "cache_read_tokens": used.get(CACHE_READ, 0),
        "cache_creation_tokens": used.get(CACHE_WRITE, 0),
        **ids,
    }


#: Dialect of a service → name of its span of a call, and what that says.
_VOCABULARIES: dict[str, tuple[str, Callable[[TrueCall, _Ids, Mapping[str, int]], _Attributes]]] = {
    "openinference": ("ChatCompletion", _openinference),
    "traceloop": ("cohere.chat", _traceloop),
    "langfuse": ("read document", _langfuse),
    "vercel_ai": ("ai.generateText.doGenerate", _vercel_ai),
    "litellm": ("litellm_request", _litellm),
    "coding_agents": ("claude_code.llm_request", _claude_code),
}
DIALECTS = frozenset(_VOCABULARIES)
#: The word for who the user was, where a dialect has its own.
_USERS = {"litellm": "metadata.user_api_key_end_user_id"}


def told(dialect: str, call: TrueCall, ids: _Ids, usage: Iterable[Usage]) -> tuple[str, _Attributes]:
    """(name, attributes) of the span of a call; nobody is named where ``ids`` are none."""
    name, words = _VOCABULARIES[dialect]
    used = {one.meter: int(one.quantity) for one in usage}
    user = {_USERS.get(dialect, "user.id"): ids["user.id"]} if "user.id" in ids else {}
    return name, words(call, {key: value for key, value in ids.items() if key != "user.id"}, used) | user
