"""What each emitter that was seen writes of a call, and the calls that are made of it: none lost, none twice, none guessed.

A sketch has the names and the nesting that its emitter writes, of the versions in the tables of emitters, and numbers of its
own. OpenAI: 600 in, 450 of them cached, 70 out, 30 of them thoughts. Anthropic: 900 not cached, 300 read, 60 written (20 for an
hour), 15 out, so an input of 1,260 contains the cache and one of 900 does not. Gemini: 600 in, 450 of them cached, 40 and 30
thoughts out. Embeddings: 200. All sketches are read and resolved once, together; ``traps_of_emitters.py`` says in words what
each is for, and `make emitters` drives the packages themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from reconcilers import naming
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.sources.telemetry.spans.texts import known_dialects
from tests.sources.telemetry.conftest import Job, Row, usage
from tests.sources.telemetry.spans.test_log_records import DETAILS, logs, record
from tests.sources.telemetry.written import ENDED, Json, event, lines, message, span


class Span(NamedTuple):
    """A span of a sketch. ``below``: the number of its parent, from 1; ``trace``: one of the sketch's own; ``fields`` replace its."""

    scope: str
    name: str
    values: Json
    below: int = 0
    trace: str = "a"
    version: str = "1.0"
    fields: Mapping[str, Any] = MappingProxyType({})


class Record(NamedTuple):
    """A log record of a sketch that names span ``of``."""

    scope: str
    values: Json
    of: int


class Call(NamedTuple):
    """A call that a sketch is. ``tells_cache``: what the table of emitters says of whoever counted it."""

    model: str | None
    usage: dict[str, int]
    response_id: str | None = None
    provider: str | None = "openai"
    tells_cache: bool | None = True
    source: str = "provider"
    tellings: int = 1
    tier: str | None = None
    event_id: str | None = None


GPT, GPT_ASKED, EMBEDDER = "gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", "text-embedding-3-small"
CLAUDE, CLAUDE_ASKED = "claude-haiku-4-5-20251001", "claude-haiku-4-5"
PROFILE = f"us.anthropic.{CLAUDE}-v1:0"
GEMINI = "gemini-2.5-flash"

WHOLE = {"input_tokens": 150, "cache_read_input_tokens": 450, "output_tokens": 70}
BLIND = {"input_tokens": 600, "output_tokens": 70}
WRITTEN = {
    "input_tokens": 900,
    "cache_read_input_tokens": 300,
    "cache_write_input_tokens": 60,
    "output_tokens": 15,
}
#: As ``WRITTEN``, with how long what was written is kept.
KEPT = {
    "input_tokens": 900,
    "cache_read_input_tokens": 300,
    "cache_write_input_tokens.5m": 40,
    "cache_write_input_tokens.1h": 20,
    "output_tokens": 15,
}
EMBEDDED = {"input_tokens": 200}

# How OpenTelemetry's names are written ------------------------------------------------------------------------------

READ, WRITE, CREATE = "cache_read.input_tokens", "cache_write.input_tokens", "cache_creation.input_tokens"
THOUGHTS = "reasoning.output_tokens"


def genai(
    provider: str, asked: str, told: str = "", of: str = "", *, operation: str = "chat", old: bool = False
) -> Json:
    """A model's operation; ``told`` is the snapshot that answered, ``of`` its id. ``old``: by the provider's older name."""
    values: Json = {
        "gen_ai.operation.name": operation,
        "gen_ai.system" if old else "gen_ai.provider.name": provider,
        "gen_ai.request.model": asked,
    }
    values |= {"gen_ai.response.model": told} if told else {}
    return values | ({"gen_ai.response.id": of} if of else {})


def used(sizes: tuple[int, int | None], **counts: int) -> Json:
    """Input and output, and what else is counted, by names below ``gen_ai.usage`` with ``__`` for a dot."""
    told = {"input_tokens": sizes[0], "output_tokens": sizes[1]} | {n.replace("__", "."): c for n, c in counts.items()}
    return {f"gen_ai.usage.{name}": count for name, count in told.items() if count is not None}


OF_GPT = used((600, 70))
OF_GPT_CACHED = OF_GPT | {f"gen_ai.usage.{READ}": 450}
OF_GPT_WHOLE = OF_GPT_CACHED | {f"gen_ai.usage.{THOUGHTS}": 30}
OF_EMBEDDINGS = used((200, None))
OF_CLAUDE = used((1260, 15)) | {f"gen_ai.usage.{READ}": 300, f"gen_ai.usage.{WRITE}": 60}
#: The same by the name before.
OF_CLAUDE_CREATED = used((1260, 15)) | {f"gen_ai.usage.{READ}": 300, f"gen_ai.usage.{CREATE}": 60}
OF_CLAUDE_APART = used((900, 15)) | {f"gen_ai.usage.{READ}": 300, f"gen_ai.usage.{CREATE}": 60}
TTL = {
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 40,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 20,
}


def sdk(of: str, below: int = 0, **more: Any) -> Span:
    """What Anthropic's own SDK writes of a call as soon as there is a tracer."""
    tier = {"anthropic.response.service_tier": "standard"}
    values = genai("anthropic", CLAUDE_ASKED, CLAUDE, of) | OF_CLAUDE | TTL | tier
    return Span("com.anthropic.sdk.python", "anthropic.messages.create", values, below, **more)


def without(values: Json, *names: str) -> Json:
    return {name: value for name, value in values.items() if not name.endswith(names)}


# How OpenInference's are --------------------------------------------------------------------------------------------


def kind(word: str, model: str = "", counts: Json | None = None, **named: str) -> Json:
    """A span of that kind; ``counts`` below ``llm.token_count``, ``named`` below ``llm``."""
    name = "embedding.model_name" if word == "EMBEDDING" else "llm.model_name"
    values: Json = {"openinference.span.kind": word} | ({name: model} if model else {})
    values |= {f"llm.{name}": value for name, value in named.items()}
    return values | {f"llm.token_count.{name}": count for name, count in (counts or {}).items()}


COUNTED = {"prompt": 600, "completion": 70}
TOTALLED = COUNTED | {"total": 670}
COUNTED_WHOLE = TOTALLED | {"prompt_details.cache_read": 450, "completion_details.reasoning": 30}
CLAUDE_COUNTED = {
    "prompt": 1260,
    "completion": 15,
    "total": 1275,
    "prompt_details.cache_read": 300,
    "prompt_details.cache_write": 60,
}
OPENINFERENCE = "openinference.instrumentation"


def below_openinference(below: int, name: str = "ChatCompletion", **more: Any) -> Span:
    """What the instrumentation of OpenAI's SDK writes below a framework's span."""
    return Span(f"{OPENINFERENCE}.openai", name, kind("LLM", GPT, COUNTED_WHOLE, system="openai"), below, **more)


# How Vercel's are ---------------------------------------------------------------------------------------------------


def vercel(operation: str, provider: str, model: str, **counts: int) -> Json:
    """A span of ``ai`` 6; ``counts`` below ``ai.usage`` with ``__`` for a dot."""
    values: Json = {"ai.operationId": operation, "ai.model.provider": provider, "ai.model.id": model}
    return values | {f"ai.usage.{name.replace('__', '.')}": count for name, count in counts.items()}


OF_VERCEL = {
    "inputTokens": 600,
    "outputTokens": 70,
    "totalTokens": 670,
    "inputTokenDetails__cacheReadTokens": 450,
    "cachedInputTokens": 450,
    "outputTokenDetails__reasoningTokens": 30,
}
BESIDE = json.dumps(
    {
        "anthropic": {
            "usage": {
                "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 20},
                "service_tier": "priority",
            }
        }
    }
)

# The sketches -------------------------------------------------------------------------------------------------------

CHAT, EMBED = f"chat {GPT_ASKED}", f"embeddings {EMBEDDER}"
V2, GENAI_OPENAI = "opentelemetry.instrumentation.openai_v2", "opentelemetry.instrumentation.genai.openai"
GENAI_ANTHROPIC = "opentelemetry.instrumentation.genai.anthropic"
BOTOCORE = "opentelemetry.instrumentation.botocore.bedrock-runtime"
TRACELOOP = "opentelemetry.instrumentation"
AGENTS = f"{TRACELOOP}.openai_agents"
TRACELOOP_JS, OTEL_JS = "@traceloop/instrumentation-openai", "@opentelemetry/instrumentation-openai"
OPENINFERENCE_JS = "@arizeai/openinference-instrumentation-openai"
OPENLIT = "openlit.instrumentation"
MISSING: dict[str, Any] = {"usage": {}, "source": "missing"}
INVOKED = {"gen_ai.operation.name": "invoke_agent"}

SKETCHES: dict[str, tuple[list[Span | Record], list[Call]]] = {
    "openai_v2 loses the cache": (
        [
            Span(
                V2,
                CHAT,
                genai("openai", GPT_ASKED, GPT, "1a", old=True)
                | OF_GPT
                | {"gen_ai.openai.response.service_tier": "priority"},
                version="",
            ),
            Span(
                V2,
                EMBED,
                genai("openai", EMBEDDER, EMBEDDER, operation="embeddings", old=True) | OF_EMBEDDINGS,
                trace="b",
                version="",
            ),
            # A stream that was not asked for its usage, or was closed early.
            Span(V2, CHAT, genai("openai", GPT_ASKED, GPT, "1c", old=True), trace="c", version=""),
        ],
        [
            Call(GPT, BLIND, "1a", tells_cache=False, tier="priority"),
            Call(EMBEDDER, EMBEDDED, tells_cache=False),
            Call(GPT, response_id="1c", tells_cache=False, **MISSING),
        ],
    ),
    "genai.openai tells a call by a log record again": (
        [
            Span(
                GENAI_OPENAI,
                CHAT,
                genai("openai", GPT_ASKED, GPT, "2a") | OF_GPT_WHOLE | {"openai.response.service_tier": "flex"},
            ),
            Record(GENAI_OPENAI, genai("openai", GPT_ASKED, GPT, "2a") | OF_GPT_WHOLE, of=1),
            # An answer that does not fit the caller's type.
            Span(GENAI_OPENAI, CHAT, genai("openai", GPT_ASKED), trace="b", fields={"status": {"code": 2}}),
        ],
        [Call(GPT, WHOLE, "2a", tellings=2, tier="flex"), Call(GPT_ASKED, **MISSING)],
    ),
    "genai.anthropic lies over Anthropic's SDK, which knows how long a cache is kept": (
        [
            Span(GENAI_ANTHROPIC, f"chat {CLAUDE_ASKED}", genai("anthropic", CLAUDE_ASKED, CLAUDE, "3a") | OF_CLAUDE),
            sdk("3a", below=1),
        ],
        [Call(CLAUDE, KEPT, "3a", "anthropic", tier="standard")],
    ),
    "genai.anthropic tells one token of a stream that was closed, and the SDK below none": (
        [
            Span(
                GENAI_ANTHROPIC,
                f"chat {CLAUDE_ASKED}",
                genai("anthropic", CLAUDE_ASKED, CLAUDE, "3b") | OF_CLAUDE | used((1260, 1)),
            ),
            sdk("3b", below=1)._replace(values=without(sdk("3b").values, ".output_tokens")),
        ],
        [
            Call(CLAUDE, {"output_tokens": 1}, "3b", "anthropic"),
            Call(CLAUDE, without(KEPT, "output_tokens"), "3b", "anthropic", tier="standard"),
        ],
    ),
    "google_genai calls Gemini by a short name, and its text contains the cache": (
        [
            Span(
                "opentelemetry.instrumentation.google_genai",
                f"generate_content {GEMINI}",
                genai("gemini", GEMINI, GEMINI, "4a", operation="generate_content")
                | OF_GPT_WHOLE
                | {"gen_ai.usage.text.input_tokens": 600},
            )
        ],
        [
            Call(
                GEMINI,
                {"input_tokens.text": 150, "cache_read_input_tokens": 450, "output_tokens.text": 70},
                "4a",
                "gcp.gemini",
            )
        ],
    ),
    "botocore's input excludes the cache under names that include it": (
        [
            Span(
                BOTOCORE,
                f"chat {PROFILE}",
                genai("aws.bedrock", PROFILE, old=True)
                | OF_CLAUDE_APART
                | {"aws.request_id": "r-5", "server.address": "bedrock-runtime.eu-west-1.amazonaws.com"},
            ),
            # A stream that was left.
            Span(BOTOCORE, f"chat {PROFILE}", genai("aws.bedrock", PROFILE, old=True), trace="b"),
        ],
        [Call(PROFILE, WRITTEN, None, "aws.bedrock"), Call(PROFILE, provider="aws.bedrock", **MISSING)],
    ),
    "botocore loses the cache of InvokeModel, and OpenInference above does not": (
        [
            Span(
                f"{OPENINFERENCE}.bedrock",
                "bedrock.invoke_model",
                kind("LLM", CLAUDE, without(CLAUDE_COUNTED, "total"), provider="aws", system="anthropic"),
            ),
            Span(BOTOCORE, f"chat {PROFILE}", genai("aws.bedrock", PROFILE, old=True) | used((900, 15)), 1),
        ],
        [
            Call(CLAUDE, {"cache_read_input_tokens": 300, "cache_write_input_tokens": 60}, None, "aws.bedrock"),
            Call(PROFILE, {"input_tokens": 900, "output_tokens": 15}, None, "aws.bedrock"),
        ],
    ),
    "Traceloop's openai": (
        [
            Span(
                f"{TRACELOOP}.openai.v1",
                "openai.chat",
                genai("openai", GPT_ASKED, GPT, "6a")
                | OF_GPT_CACHED
                | used((600, 70), reasoning_tokens=30, total_tokens=670)
                | {
                    "openai.response.service_tier": "default",
                    "traceloop.association.properties.event_id": "e-6",
                },
            ),
            Span(
                f"{TRACELOOP}.openai.v1",
                "openai.embeddings",
                genai("openai", EMBEDDER, EMBEDDER, operation="embeddings")
                | used((200, None), cache_read__input_tokens=0, total_tokens=200),
                trace="b",
            ),
        ],
        [Call(GPT, WHOLE, "6a", tier="standard", event_id="e-6"), Call(EMBEDDER, EMBEDDED)],
    ),
    "Traceloop's anthropic counts one too many of a stream that the SDK tells in another trace": (
        [
            Span(
                f"{TRACELOOP}.anthropic",
                "anthropic.chat",
                genai("anthropic", CLAUDE_ASKED, CLAUDE, "7a")
                | OF_CLAUDE_CREATED
                | used((1260, 16), total_tokens=1276)
                | {"gen_ai.is_streaming": True, "traceloop.association.properties.event_id": "e-7"},
            ),
            sdk("7a", trace="b"),
        ],
        [Call(CLAUDE, KEPT, "7a", "anthropic", tellings=2, tier="standard", event_id="e-7")],
    ),
    "Traceloop's anthropic and the SDK tell a failed call without an id": (
        [
            Span(
                f"{TRACELOOP}.anthropic",
                "anthropic.chat",
                genai("anthropic", CLAUDE_ASKED) | {"event_id": "e-7f"},
                fields={"status": {"code": 2}},
            ),
            Span(
                "com.anthropic.sdk.python",
                "anthropic.messages.create",
                genai("anthropic", CLAUDE_ASKED) | {"event_id": "e-7f"},
                trace="b",
                fields={"status": {"code": 2}},
            ),
        ],
        [Call(CLAUDE_ASKED, provider="anthropic", tellings=2, event_id="e-7f", **MISSING)],
    ),
    "Traceloop's langchain loses the cache of a tier, and what Claude wrote to it": (
        [
            Span(
                f"{TRACELOOP}.langchain",
                "RunnableSequence.workflow",
                INVOKED | {"traceloop.span.kind": "workflow", "gen_ai.provider.name": "langchain"},
            ),
            Span(
                f"{TRACELOOP}.langchain",
                "ChatOpenAI.chat",
                genai("openai", GPT_ASKED, GPT, "7l") | OF_GPT_CACHED | used((600, 70), total_tokens=670),
                1,
            ),
            # Of a flex answer.
            Span(
                f"{TRACELOOP}.langchain",
                "ChatOpenAI.chat",
                genai("openai", GPT_ASKED, GPT, "7m") | used((600, 70), total_tokens=670),
                trace="b",
            ),
            Span(
                f"{TRACELOOP}.langchain",
                "ChatAnthropic.chat",
                genai("anthropic", CLAUDE, CLAUDE, "7n")
                | OF_CLAUDE_CREATED
                | used((1260, 15), total_tokens=1275, cache_creation__input_tokens=0),
                trace="c",
            ),
        ],
        [
            Call(GPT, WHOLE, "7l", tells_cache=False),
            Call(GPT, BLIND, "7m", tells_cache=False),
            Call(
                CLAUDE,
                {"input_tokens": 960, "cache_read_input_tokens": 300, "output_tokens": 15},
                "7n",
                "anthropic",
                tells_cache=False,
            ),
        ],
    ),
    "Traceloop's langchain tells no writes where Anthropic's SDK tells them in another trace": (
        [
            Span(
                f"{TRACELOOP}.langchain",
                "ChatAnthropic.chat",
                genai("anthropic", CLAUDE, CLAUDE, "7o")
                | OF_CLAUDE_CREATED
                | used((1260, 15), total_tokens=1275, cache_creation__input_tokens=0)
                | {"traceloop.association.properties.event_id": "e-7o"},
            ),
            sdk("7o", trace="b"),
        ],
        [Call(CLAUDE, KEPT, "7o", "anthropic", tellings=2, tier="standard", event_id="e-7o")],
    ),
    "Traceloop's bedrock tells a total of what it tells": (
        [
            Span(
                f"{TRACELOOP}.bedrock",
                f"chat {CLAUDE}-v1:0",
                genai("aws.bedrock", f"{CLAUDE}-v1:0", CLAUDE) | OF_CLAUDE_APART | {"gen_ai.usage.total_tokens": 915},
            ),
            # Its metrics are switched off.
            Span(f"{TRACELOOP}.bedrock", f"chat {CLAUDE}-v1:0", genai("aws.bedrock", CLAUDE), trace="b"),
        ],
        [Call(CLAUDE, WRITTEN, None, "aws.bedrock"), Call(CLAUDE, provider="aws.bedrock", **MISSING)],
    ),
    "Traceloop's openai_agents lies over the span of a Chat Completion without usage and id": (
        [
            Span(
                AGENTS,
                "Agent Workflow",
                {
                    "traceloop.span.kind": "workflow",
                    "gen_ai.provider.name": "openai",
                    "traceloop.workflow.name": "Agent Workflow",
                },
            ),
            Span(
                AGENTS, "helper.agent", INVOKED | {"traceloop.span.kind": "agent", "gen_ai.provider.name": "openai"}, 1
            ),
            Span(AGENTS, "openai.response", genai("openai", GPT_ASKED), 2),
            Span(
                f"{TRACELOOP}.openai.v1",
                "openai.chat",
                genai("openai", GPT_ASKED, GPT, "9a") | OF_GPT_CACHED | used((600, 70), reasoning_tokens=30),
                3,
            ),
        ],
        [Call(GPT, WHOLE, "9a")],
    ),
    "Traceloop's openai_agents repeats a Response that is told below": (
        [
            Span(AGENTS, "helper.agent", INVOKED | {"traceloop.span.kind": "agent", "gen_ai.provider.name": "openai"}),
            *(
                Span(
                    scope,
                    "openai.response",
                    genai("openai", GPT_ASKED, GPT, "9b")
                    | OF_GPT_CACHED
                    | used((600, 70), reasoning_tokens=30, total_tokens=670),
                    below,
                )
                for below, scope in ((1, AGENTS), (2, f"{TRACELOOP}.openai.v1"))
            ),
        ],
        [Call(GPT, WHOLE, "9b")],
    ),
    "Traceloop's openai_agents alone tells no usage of a Chat Completion": (
        [Span(AGENTS, "openai.response", genai("openai", GPT_ASKED))],
        [Call(GPT_ASKED, tells_cache=None, **MISSING)],
    ),
    "Anthropic's SDK tells no output of a stream that was cut": (
        [sdk("10a"), sdk("10b", trace="b")._replace(values=without(sdk("10b").values, ".output_tokens"))],
        [
            Call(CLAUDE, KEPT, "10a", "anthropic", tier="standard"),
            Call(CLAUDE, without(KEPT, "output_tokens"), "10b", "anthropic", tier="standard"),
        ],
    ),
    "OpenInference's openai tells no id": (
        [
            below_openinference(0),
            Span(
                f"{OPENINFERENCE}.openai",
                "CreateEmbeddings",
                kind("EMBEDDING", EMBEDDER, {"prompt": 200, "total": 200}, system="openai"),
                trace="b",
            ),
            # A stream that was not asked for its usage.
            Span(f"{OPENINFERENCE}.openai", "ChatCompletion", kind("LLM", GPT, system="openai"), trace="c"),
        ],
        [Call(GPT, WHOLE), Call(EMBEDDER, EMBEDDED), Call(GPT, **MISSING)],
    ),
    "OpenInference's anthropic lies over the SDK without its id": (
        [
            Span(
                f"{OPENINFERENCE}.anthropic",
                "messages.create",
                kind("LLM", CLAUDE, CLAUDE_COUNTED, provider="anthropic"),
            ),
            sdk("12a", below=1),
        ],
        [Call(CLAUDE, KEPT, "12a", "anthropic", tier="standard")],
    ),
    "OpenInference's bedrock includes the cache that botocore below excludes": (
        [
            Span(f"{OPENINFERENCE}.bedrock", "bedrock.converse", kind("LLM", PROFILE, CLAUDE_COUNTED, provider="aws")),
            Span(BOTOCORE, f"chat {PROFILE}", genai("aws.bedrock", PROFILE, old=True) | OF_CLAUDE_APART, 1),
        ],
        [Call(PROFILE, WRITTEN, None, "aws.bedrock")],
    ),
    "OpenInference's langchain tells as asked what the SDK tells in a trace of its own": (
        [
            Span(f"{OPENINFERENCE}.langchain", "RunnableSequence", kind("CHAIN")),
            Span(
                f"{OPENINFERENCE}.langchain",
                "ChatOpenAI",
                kind("LLM", GPT_ASKED, COUNTED_WHOLE, provider="openai") | {"event_id": "e-14"},
                1,
            ),
            below_openinference(0, trace="b")._replace(
                values=kind("LLM", GPT, COUNTED_WHOLE, system="openai") | {"event_id": "e-14"}
            ),
        ],
        [Call(GPT, WHOLE, tellings=2, event_id="e-14")],
    ),
    "OpenInference's openai_agents loses the cache of a Chat Completion and asks for it below": (
        [
            Span(f"{OPENINFERENCE}.openai_agents", "Agent workflow", kind("AGENT")),
            Span(f"{OPENINFERENCE}.openai_agents", "Agent workflow", kind("CHAIN"), 1),
            Span(f"{OPENINFERENCE}.openai_agents", "generation", kind("LLM", GPT_ASKED, COUNTED), 2),
            below_openinference(3),
            Span(
                f"{OPENINFERENCE}.openai_agents",
                "response",
                kind("LLM", GPT, COUNTED_WHOLE, system="openai"),
                trace="b",
            ),
            below_openinference(5, "Response", trace="b"),
            # As they are told without the instrumentation of the SDK.
            Span(f"{OPENINFERENCE}.openai_agents", "generation", kind("LLM", GPT_ASKED, COUNTED), trace="c"),
            Span(f"{OPENINFERENCE}.openai_agents", "response", kind("LLM", GPT, COUNTED_WHOLE), trace="d"),
        ],
        [Call(GPT, WHOLE)] * 3 + [Call(GPT_ASKED, BLIND, tells_cache=False)],
    ),
    "OpenInference's smolagents tells a sum above and loses the cache": (
        [
            Span(
                f"{OPENINFERENCE}.smolagents",
                "ToolCallingAgent.run",
                kind("AGENT", counts={"prompt": 1200, "completion": 140, "total": 1340}),
            ),
            Span(f"{OPENINFERENCE}.smolagents", "Step 1", kind("CHAIN"), 1),
            Span(f"{OPENINFERENCE}.smolagents", "OpenAIModel.generate", kind("LLM", GPT_ASKED, TOTALLED), 2),
            below_openinference(3),
            # The call after the last step.
            Span(f"{OPENINFERENCE}.smolagents", "OpenAIModel.generate", kind("LLM", GPT_ASKED, TOTALLED), 1),
            below_openinference(5),
            # As it is told without the instrumentation of the SDK.
            Span(f"{OPENINFERENCE}.smolagents", "OpenAIModel.generate", kind("LLM", GPT_ASKED, TOTALLED), trace="b"),
            # A stream that was left.
            Span(
                f"{OPENINFERENCE}.smolagents",
                "OpenAIModel.generate_stream",
                kind("LLM", GPT_ASKED, dict.fromkeys(TOTALLED, 0)),
                trace="c",
            ),
        ],
        [
            *[Call(GPT, WHOLE)] * 2,
            Call(GPT_ASKED, BLIND, tells_cache=False),
            Call(GPT_ASKED, tells_cache=False, **MISSING),
        ],
    ),
    "Strands names itself as provider, and its agent tells what it used before as well": (
        [
            Span(
                "strands.telemetry.tracer",
                "invoke_agent helper",
                INVOKED
                | {"gen_ai.system": "strands-agents", "gen_ai.request.model": GPT_ASKED}
                | used((1200, 140), cache_read__input_tokens=900, cache_creation__input_tokens=0, total_tokens=1340),
                version="",
            ),
            Span(
                "strands.telemetry.tracer",
                "execute_event_loop_cycle",
                {"gen_ai.operation.name": "execute_event_loop_cycle", "gen_ai.system": "strands-agents"},
                1,
                version="",
            ),
            Span(
                "strands.telemetry.tracer",
                "chat",
                genai("strands-agents", GPT_ASKED, old=True) | OF_GPT_CACHED | used((600, 70), total_tokens=670),
                2,
                version="",
            ),
        ],
        [Call(GPT_ASKED, WHOLE, provider="strands-agents")],
    ),
    "AutoGen's own spans name the framework as provider and lie over OpenInference's": (
        [
            Span(
                "autogen-core",
                "create_agent helper",
                {"gen_ai.operation.name": "create_agent"} | {"gen_ai.system": "autogen"},
                version="",
            ),
            Span("autogen-core", "invoke_agent helper", INVOKED | {"gen_ai.system": "autogen"}, version=""),
            Span(
                f"{OPENINFERENCE}.autogen_agentchat",
                "helper.on_messages_stream",
                kind("AGENT"),
                2,
                fields={
                    "status": {"code": 1},
                    "events": [event("exception", {"exception.type": "asyncio.exceptions.CancelledError"})],
                },
            ),
            Span(
                f"{OPENINFERENCE}.autogen_agentchat",
                "OpenAIChatCompletionClient.create",
                kind("LLM", GPT, TOTALLED),
                3,
            ),
            Span(
                "autogen-core",
                "execute_tool look_up",
                {"gen_ai.operation.name": "execute_tool", "gen_ai.system": "autogen"},
                3,
                version="",
            ),
        ],
        [Call(GPT, BLIND, tells_cache=False)],
    ),
    "OpenInference's JavaScript tells no counts of a streamed chat and of embeddings": (
        [
            Span(OPENINFERENCE_JS, "OpenAI Responses", kind("LLM", GPT, COUNTED_WHOLE, system="openai")),
            Span(OPENINFERENCE_JS, "OpenAI Chat Completions", kind("LLM", GPT_ASKED, system="openai"), trace="b"),
            Span(OPENINFERENCE_JS, "OpenAI Embeddings", kind("EMBEDDING", EMBEDDER), trace="c"),
        ],
        [Call(GPT, WHOLE), Call(GPT_ASKED, **MISSING), Call(EMBEDDER, **MISSING)],
    ),
    "OpenTelemetry's JavaScript loses the cache and names the provider in two ways": (
        [
            Span(OTEL_JS, CHAT, genai("openai", GPT_ASKED, GPT, "19a", old=True) | OF_GPT),
            Span(OTEL_JS, CHAT, genai("openai", GPT_ASKED, GPT, "19b") | OF_GPT, trace="b"),
            Span(
                OTEL_JS,
                EMBED,
                genai("openai", EMBEDDER, EMBEDDER, operation="embeddings", old=True) | OF_EMBEDDINGS,
                trace="c",
            ),
        ],
        [
            Call(GPT, BLIND, "19a", tells_cache=False),
            Call(GPT, BLIND, "19b", tells_cache=False),
            Call(EMBEDDER, EMBEDDED, tells_cache=False),
        ],
    ),
    "Traceloop's JavaScript loses the cache, and ends a streamed Response when it opens": (
        [
            Span(
                TRACELOOP_JS, CHAT, genai("openai", GPT_ASKED, GPT, "20a") | OF_GPT | used((600, 70), total_tokens=670)
            ),
            Span(TRACELOOP_JS, CHAT, genai("openai", GPT_ASKED, GPT, "20b"), trace="b"),
            Span(TRACELOOP_JS, CHAT, genai("openai", GPT_ASKED), trace="c"),
        ],
        [
            Call(GPT, BLIND, "20a", tells_cache=False),
            Call(GPT, response_id="20b", tells_cache=False, **MISSING),
            Call(GPT_ASKED, tells_cache=False, **MISSING),
        ],
    ),
    "the AI SDK 7 repeats the sum of its steps, and the ids are above": (
        [
            Span(
                "gen_ai",
                f"invoke_agent {GPT_ASKED}",
                genai("openai", GPT_ASKED, operation="invoke_agent")
                | used((1200, 140), cache_read__input_tokens=900)
                | {"ai.settings.context.event_id": "e-21"},
                version="",
            ),
            *(
                one
                for number, below in ((1, 2), (2, 4))
                for one in (
                    Span(
                        "gen_ai",
                        f"step {number}",
                        {"gen_ai.operation.name": "agent_step"} | OF_GPT_CACHED,
                        1,
                        version="",
                    ),
                    Span(
                        "gen_ai",
                        CHAT,
                        genai("openai", GPT_ASKED, GPT, f"21{number}")
                        | OF_GPT_CACHED
                        | {"ai.usage.outputTokenDetails.reasoningTokens": 30},
                        below,
                        version="",
                    ),
                )
            ),
        ],
        [Call(GPT, WHOLE, f"21{number}", event_id="e-21") for number in (1, 2)],
    ),
    "the AI SDK 7 tells embeddings in two spans of one operation": (
        [
            Span("gen_ai", EMBED, genai("openai", EMBEDDER, operation="embeddings"), version=""),
            Span("gen_ai", EMBED, genai("openai", EMBEDDER, operation="embeddings") | OF_EMBEDDINGS, 1, version=""),
        ],
        [Call(EMBEDDER, EMBEDDED)],
    ),
    "the AI SDK 7 tells how long a cache is kept and the tier in a text, if at all": (
        [
            *(
                Span(
                    "gen_ai",
                    f"chat {CLAUDE_ASKED}",
                    genai(provider, CLAUDE_ASKED, CLAUDE, of) | OF_CLAUDE_CREATED | beside,
                    trace=of[-1],
                    version="",
                )
                for provider, of, beside in (
                    ("anthropic", "21c", {"ai.response.providerMetadata": BESIDE}),
                    ("aws.bedrock", "21d", {}),
                )
            ),
            # Aborted.
            Span("gen_ai", f"chat {GEMINI}", genai("gcp.gemini", GEMINI), trace="e", version=""),
        ],
        [
            Call(CLAUDE, KEPT, "21c", "anthropic", tier="priority"),
            Call(CLAUDE, WRITTEN, "21d", "aws.bedrock"),
            Call(GEMINI, provider="gcp.gemini", **MISSING),
        ],
    ),
    "the AI SDK 6 repeats the sum, with the API behind the provider": (
        [
            Span(
                "ai",
                "ai.generateText",
                vercel("ai.generateText", "openai.responses", GPT_ASKED, **OF_VERCEL),
                version="",
            ),
            Span(
                "ai",
                "ai.generateText.doGenerate",
                vercel("ai.generateText.doGenerate", "openai.responses", GPT_ASKED, **OF_VERCEL)
                | without(genai("openai.responses", GPT_ASKED, GPT, "22a", old=True), "operation.name")
                | OF_GPT
                | {"ai.telemetry.metadata.event_id": "e-22"},
                1,
                version="",
            ),
            Span("ai", "ai.embed", vercel("ai.embed", "openai.embedding", EMBEDDER, tokens=200), trace="b", version=""),
            Span(
                "ai",
                "ai.embed.doEmbed",
                vercel("ai.embed.doEmbed", "openai.embedding", EMBEDDER, tokens=200),
                3,
                trace="b",
                version="",
            ),
        ],
        [Call(GPT, WHOLE, "22a", event_id="e-22"), Call(EMBEDDER, EMBEDDED)],
    ),
    "the AI SDK 6 tells Gemini and Claude by words of its own": (
        [
            Span(
                "ai",
                "ai.streamText.doStream",
                vercel(
                    "ai.streamText.doStream",
                    "anthropic.messages",
                    CLAUDE_ASKED,
                    inputTokens=1260,
                    outputTokens=15,
                    inputTokenDetails__cacheReadTokens=300,
                    inputTokenDetails__cacheWriteTokens=60,
                )
                | without(genai("anthropic.messages", CLAUDE_ASKED, CLAUDE, "22c", old=True), "operation.name")
                | used((1260, 15)),
                version="",
            ),
            Span(
                "ai",
                "ai.generateText.doGenerate",
                vercel("ai.generateText.doGenerate", "google.generative-ai", GEMINI, **OF_VERCEL)
                | without(genai("google.generative-ai", GEMINI, GEMINI, "22d", old=True), "operation.name")
                | OF_GPT,
                trace="b",
                version="",
            ),
        ],
        [Call(CLAUDE, WRITTEN, "22c", "anthropic"), Call(GEMINI, WHOLE, "22d", "gcp.gemini")],
    ),
    "Google's ADK has an event id of its own": (
        [
            Span("gcp.vertex.agent", "invoke_agent helper", INVOKED | {"event_id": "e-23"}),
            Span(
                "gcp.vertex.agent",
                f"generate_content {GEMINI}",
                genai("gcp.gemini", GEMINI, operation="generate_content")
                | OF_GPT_WHOLE
                | {"gcp.vertex.agent.event_id": "4f1c"},
                1,
            ),
        ],
        [Call(GEMINI, WHOLE, None, "gcp.gemini", event_id="e-23")],
    ),
    "Pydantic AI tells a sum above and half of how long a cache is kept": (
        [
            Span(
                "pydantic-ai",
                "invoke_agent helper",
                INVOKED | {"gen_ai.aggregated_usage.input_tokens": 1260, "gen_ai.aggregated_usage.output_tokens": 15},
            ),
            Span(
                "pydantic-ai",
                f"chat {CLAUDE_ASKED}",
                genai("anthropic", CLAUDE_ASKED, CLAUDE, "24a")
                | OF_CLAUDE_CREATED
                | {"gen_ai.usage.details.ephemeral_1h_input_tokens": 20, "operation.cost": 0.5},
                1,
            ),
            sdk("24a", below=2),
            # Without the SDK's, the other 40 are of no told time.
            Span(
                "pydantic-ai",
                f"chat {CLAUDE_ASKED}",
                genai("anthropic", CLAUDE_ASKED, CLAUDE, "24b")
                | OF_CLAUDE_CREATED
                | {"gen_ai.usage.details.ephemeral_1h_input_tokens": 20},
                trace="b",
            ),
        ],
        [
            Call(CLAUDE, KEPT, "24a", "anthropic", tier="standard"),
            Call(
                CLAUDE,
                without(WRITTEN, "cache_write_input_tokens")
                | {"cache_write_input_tokens": 40, "cache_write_input_tokens.1h": 20},
                "24b",
                "anthropic",
            ),
        ],
    ),
    "Logfire opens a stream in one span and tells it in another": (
        [
            Span(
                "logfire.openai",
                f"Chat Completion with '{GPT_ASKED}'",
                genai("openai", GPT_ASKED) | {"gen_ai.system": "openai"},
            ),
            Span(
                "logfire.openai",
                f"streaming response from '{GPT_ASKED}' took 2.50s",
                genai("openai", GPT_ASKED, GPT, "25a")
                | OF_GPT_CACHED
                | {
                    "gen_ai.system": "openai",
                    "gen_ai.usage.raw": json.dumps({"completion_tokens_details": {"reasoning_tokens": 30}}),
                },
                fields={"startTimeUnixNano": str(ENDED)},
            ),
        ],
        [Call(GPT, WHOLE, "25a", tellings=2)],
    ),
    "LiteLLM's callback loses the cache but in a text": (
        [
            *(
                Span(
                    "litellm",
                    "litellm_request",
                    {
                        "gen_ai.system": provider,
                        "llm.request.type": "completion",
                        "gen_ai.request.model": asked,
                        "gen_ai.response.model": told,
                        "gen_ai.response.id": of,
                        "gen_ai.usage.prompt_tokens": sizes[0],
                        "gen_ai.usage.completion_tokens": sizes[1],
                        "llm.usage.total_tokens": sum(sizes),
                        "gen_ai.cost.total_cost": 0.5,
                        "metadata.usage_object": f"{{'prompt_tokens': {sizes[0]}, 'cached_tokens': 300}}",
                    },
                    trace=of[-1],
                    version="",
                )
                for provider, asked, told, of, sizes in (
                    ("openai", GPT_ASKED, GPT, "26a", (600, 70)),
                    ("anthropic", CLAUDE_ASKED, CLAUDE, "chatcmpl-26b", (1260, 15)),
                )
            ),
            Span(
                "litellm",
                "raw_gen_ai_request",
                {"llm.openai.id": "26a", "llm.openai.model": GPT, "llm.openai.service_tier": "default"},
                1,
                version="",
            ),
        ],
        [
            Call(GPT, BLIND, "26a", tells_cache=False),
            Call(CLAUDE, {"input_tokens": 1260, "output_tokens": 15}, "chatcmpl-26b", "anthropic", tells_cache=False),
        ],
    ),
    "Langfuse tells the provider's own answer and no provider": (
        [
            Span(
                "langfuse-sdk",
                "OpenAI-generation",
                {
                    "langfuse.observation.type": "generation",
                    "langfuse.observation.model.name": GPT,
                    "langfuse.observation.usage_details": json.dumps(
                        {
                            "input_tokens": 600,
                            "input_tokens_details": {"cached_tokens": 450},
                            "output_tokens": 70,
                            "output_tokens_details": {"reasoning_tokens": 30},
                            "total_tokens": 670,
                        }
                    ),
                    "langfuse.trace.metadata.event_id": '"e-27"',
                },
            ),
        ],
        [Call(GPT, WHOLE, tells_cache=None, event_id="e-27")],
    ),
    "OpenLIT's openai counts a stream itself": (
        [
            Span(
                f"{OPENLIT}.openai",
                CHAT,
                genai("openai", GPT_ASKED, GPT, "28a")
                | OF_GPT_CACHED
                | used((600, 70), cache_creation__input_tokens=0, reasoning_tokens=30)
                | {"gen_ai.client.token.usage": 670, "gen_ai.usage.cost": 0, "openai.response.service_tier": "default"},
                version="",
            ),
            Span(
                f"{OPENLIT}.openai",
                CHAT,
                genai("openai", GPT_ASKED, GPT, "28b") | used((31, 12)) | {"gen_ai.request.stream": True},
                trace="b",
                version="",
            ),
        ],
        [
            Call(GPT, WHOLE, "28a", tier="standard"),
            Call(GPT, {"input_tokens": 31, "output_tokens": 12}, "28b", source="estimated"),
        ],
    ),
    "OpenLIT's anthropic excludes the cache under names that include it": (
        [
            Span(
                f"{OPENLIT}.anthropic",
                f"chat {CLAUDE_ASKED}",
                genai("anthropic", CLAUDE_ASKED, CLAUDE, "29a")
                | OF_CLAUDE_APART
                | {"gen_ai.client.token.usage": 915, "gen_ai.usage.cost": 0},
                version="",
            ),
            Span(
                f"{TRACELOOP}.httpx", "POST", {"http.request.method": "POST", "server.address": "api.anthropic.com"}, 1
            ),
        ],
        [Call(CLAUDE, WRITTEN, "29a", "anthropic")],
    ),
    "botanu's tracker tells what it was passed": (
        [
            Span("botanu_sdk", "botanu.run/Answer", {"botanu.event_id": "e-30", "botanu.run_id": "r-30"}, version=""),
            Span(
                "botanu.gen_ai",
                CHAT,
                genai("openai", GPT_ASKED) | OF_GPT | {"botanu.vendor": "openai", "botanu.usage.cached_tokens": 450},
                1,
                version="",
            ),
            Span(
                "botanu.gen_ai",
                f"chat {CLAUDE_ASKED}",
                genai("anthropic", CLAUDE_ASKED)
                | used((900, 15))
                | {"botanu.vendor": "anthropic", "botanu.usage.cached_tokens": 300},
                1,
                version="",
            ),
        ],
        [
            Call(GPT_ASKED, WHOLE, tells_cache=None, event_id="e-30"),
            Call(
                CLAUDE_ASKED,
                without(WRITTEN, "cache_write_input_tokens"),
                None,
                "anthropic",
                tells_cache=None,
                event_id="e-30",
            ),
        ],
    ),
}

_PROVIDERS = ("openai", "anthropic", "aws.bedrock", "gcp.gemini")
KNOWLEDGE = Knowledge(lambda of, name: naming.model(of, name).model, _PROVIDERS.__contains__)


#: Written by an exporter in JavaScript: whole numbers are numbers, nothing is left out but a version nobody gave.
JAVASCRIPT = (OPENINFERENCE_JS, OTEL_JS, TRACELOOP_JS, "ai", "gen_ai")
EMPTY: Json = {"status": {"code": 0}, "events": [], "links": [], "droppedAttributesCount": 0, "droppedEventsCount": 0}


def written(number: int, parts: list[Span | Record]) -> Iterator[Json]:
    """The messages of a sketch; its traces begin with its number."""
    for place, part in enumerate(parts, 1):
        if isinstance(part, Record):
            told = {"eventName": DETAILS, "timeUnixNano": "0", "observedTimeUnixNano": str(ENDED)}
            ids = {"traceId": trace_of(number, parts[part.of - 1]), "spanId": f"{part.of:016x}"}
            yield logs(record(part.values, **told, **ids), scope=part.scope)
            continue
        above = f"{part.below:016x}" if part.below else ""
        ids = {"traceId": trace_of(number, part), "spanId": f"{place:016x}", "parentSpanId": above}
        form = EMPTY if part.scope in JAVASCRIPT else {}
        one = message(
            span(part.values, name=part.name, **ids | form | dict(part.fields)),
            resource={},
            scope=part.scope,
            version=part.version,
        )
        yield one if part.scope not in JAVASCRIPT else json.loads(json.dumps(one), object_hook=_as_javascript)


def _as_javascript(fields: Json) -> Json:
    left = {name: value for name, value in fields.items() if (name, value) != ("version", "")}
    return {name: int(value) if name == "intValue" else value for name, value in left.items()}


def trace_of(number: int, part: Span | Record) -> str:
    assert isinstance(part, Span)
    return f"{number:016x}{part.trace.rjust(16, '0')}"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """The calls of each sketch: what resolution makes of contested tellings, and the tellings nobody contests."""
    import pyarrow.parquet as pq

    job = Job(tmp_path_factory.mktemp("emitters"))
    names = list(SKETCHES)
    taken = job.take(lines(*(one for number, name in enumerate(names) for one in written(number, SKETCHES[name][0]))))
    assert (taken.rejected, taken.rows.get("unread_usage", [])) == ([], [])
    content = job.lake.ensure(job.source, taken.landed)
    files = resolve([content.files["calls"]], job.lake.root, KNOWLEDGE, "declared")
    made = {
        entity: [row for path in paths for row in pq.read_table(path).to_pylist()] for entity, paths in files.items()
    }
    replaced = {row["told_landing_row"] for row in made["resolved_tellings"]}
    alone = [row | {"tellings": 1} for row in taken.calls if row["billable"] and row["landing_row"] not in replaced]
    found: dict[str, list[Row]] = {name: [] for name in names}
    for row in [*made["resolved_calls"], *alone]:
        found[names[int(row["trace_id"][:16], 16)]].append(row)
    return found


def read(row: Row) -> Call:
    return Call(
        row["model"],
        {meter: int(count) for meter, count in usage(row).items()},
        row["response_id"],
        row["provider"],
        row["emitter_tells_cache"],
        row["usage_source"],
        row["tellings"],
        row["service_tier"],
        row["event_id"],
    )


@pytest.mark.parametrize("sketch", SKETCHES)
def test_what_an_emitter_writes_is_these_calls(calls: dict[str, list[Row]], sketch: str) -> None:
    def place(call: Call) -> tuple[str, ...]:
        return call.model or "", call.response_id or "", repr(sorted(call.usage.items()))

    assert sorted(map(read, calls[sketch]), key=place) == sorted(SKETCHES[sketch][1], key=place)


def test_every_emitter_of_the_tables_has_a_sketch() -> None:
    """But for coding agents, whose requests have names and tests of their own."""
    sketched = {part.scope for parts, _ in SKETCHES.values() for part in parts}
    dialects = [dialect for dialect in known_dialects() if dialect.name != "coding_agents"]
    assert {emitter.scope for dialect in dialects for emitter in dialect.emitters} - sketched == set()
