"""What spans of instrumentations that are not OpenTelemetry's own say of a call: OpenInference, OpenLLMetry and Langfuse.

Each names provider, model and counts in words of its own, and carries whom a call was for in a place of its own.
``reconcilers/sources/telemetry/dialects/`` reads them; the words here are as those projects document them, written down apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.world.company import INPUT, OUTPUT
from reconcilers.sample_company.world.happened import TrueCall

_Attributes = dict[str, str | int | bool | float]
_Ids = Mapping[str, str | int | bool | float]


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


#: Dialect of a service → name of its span of a call, and what that says.
_VOCABULARIES: dict[str, tuple[str, Callable[[TrueCall, _Ids, Mapping[str, int]], _Attributes]]] = {
    "openinference": ("ChatCompletion", _openinference),
    "traceloop": ("cohere.chat", _traceloop),
    "langfuse": ("read document", _langfuse),
}
DIALECTS = frozenset(_VOCABULARIES)


def told(dialect: str, call: TrueCall, ids: _Ids, usage: Iterable[Usage]) -> tuple[str, _Attributes]:
    """(name, attributes) of the span of a call; nobody is named where ``ids`` are none."""
    name, words = _VOCABULARIES[dialect]
    used = {one.meter: int(one.quantity) for one in usage}
    user = {"user.id": ids["user.id"]} if "user.id" in ids else {}
    return name, words(call, {key: value for key, value in ids.items() if key != "user.id"}, used) | user
