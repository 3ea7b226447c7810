"""The company's trace files as an outsider reads them: every span a telling, every root of a run a statement about it.

Read from the delivered bytes alone, with what is known of each emitter's words (``_WORDS``). What a count contains, which spans are one call and whose it is are not decided here.
"""

from __future__ import annotations

import base64
import gzip
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from reconcilers.sample_company.seen.facts import Counts, Key, RunRecord, Telling, Usage

SOURCE = "traces"

_EPOCH = datetime(1970, 1, 1)
#: What a span says that it is where it is a call, in the words of each vocabulary.
_MODEL_OPERATIONS = frozenset(
    {"chat", "completion", "embeddings", "query", "LLM", "generation", "ai.generateText.doGenerate"}
)
_TOOL_OPERATIONS = frozenset({"execute_tool"})
#: Fact → the attributes that tell it, in the vocabularies of the company's services; a span speaks one of them.
_WORDS: dict[str, tuple[str, ...]] = {
    "operation": (
        *("gen_ai.operation.name", "llm.request.type", "db.operation", "openinference.span.kind"),
        *("langfuse.observation.type", "ai.operationId"),
    ),
    "provider": (
        *("gen_ai.provider.name", "gen_ai.system", "db.system", "llm.provider"),
        "langfuse.observation.metadata.ls_provider",
    ),
    "model": (
        *("gen_ai.response.model", "gen_ai.request.model", "db.vector.index_type", "llm.model_name"),
        *("langfuse.observation.model.name", "ai.response.model"),
    ),
    "response": ("gen_ai.response.id", "ai.response.id"),
    "input": (
        *("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "ai.usage.inputTokens"),
        *("langfuse.observation.usage_details.input", "input_tokens"),
    ),
    "output": (
        *("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
        *("ai.usage.outputTokens", "langfuse.observation.usage_details.output", "output_tokens"),
    ),
    "total": ("llm.token_count.total", "ai.usage.totalTokens", "llm.usage.total_tokens"),
    "cache_read": ("gen_ai.usage.cache_read.input_tokens", "cache_read_tokens"),
    "cache_write": (
        *("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"),
        "cache_creation_tokens",
    ),
    "user": ("user.id", "metadata.user_api_key_end_user_id"),
}
#: A provider as some instrumentations spell it → in one spelling.
_SPELLED = {
    **dict.fromkeys(("azure", "azure-openai.chat"), "azure.ai.openai"),
    **dict.fromkeys(("Cohere", "cohere_chat"), "cohere"),
}
#: Below these stands whom a call was for.
_CARRIERS = ("traceloop.association.properties", "ai.telemetry.metadata", "metadata", "langfuse.trace.metadata")
#: Attributes whose text is a JSON object, and below which each value is a JSON text.
_OBJECTS = ("metadata", "langfuse.observation.usage_details")
_TEXTS = ("langfuse.trace.metadata.", "langfuse.observation.metadata.")
_CLAUDE_CODE_CALL = "claude_code.llm_request"
_RUN_OPERATION, _BOTANU_RUN = "invoke_workflow", "botanu.run/"
_BEDROCK, _OPENAI = "aws.bedrock", "openai"
#: What Bedrock's plain model ids mean (no inference profile).
_BEDROCK_GEOGRAPHY = "regional"
#: Millionths of a probability by sampling threshold (``tracestate: ot=th:8`` keeps one half).
_SAMPLING_MILLIONTHS = {"ot=th:8": 500_000}


@dataclass(frozen=True)
class TraceFiles:
    """Everything some trace files tell."""

    tellings: list[Telling]
    runs: list[RunRecord]


@dataclass(frozen=True)
class _Span:
    """One span with its resource's and scope's words; ``told`` are its own attributes."""

    resource: dict[str, Any]
    scope_name: str
    scope_version: str | None
    body: dict[str, Any]
    told: dict[str, Any]

    def first(self, *names: str) -> Any:
        """The first of these attributes that is told."""
        return next((self.told[name] for name in names if name in self.told), None)

    def named(self, name: str) -> str | None:
        """One of the ids of the work, in botanu's word or a plain one."""
        found: str | None = self.first(f"botanu.{name}", name, *(f"{carrier}.{name}" for carrier in _CARRIERS))
        return found

    def environment(self) -> str | None:
        """Its own, else its resource's."""
        found: str | None = self.first("botanu.environment")
        for name in ("deployment.environment.name", "deployment.environment"):
            found = found or self.resource.get(name)
        return found

    def number(self, *names: str) -> int | None:
        value = self.first(*names)
        return None if value is None else int(value)

    def at(self, name: str) -> datetime:
        return _EPOCH + timedelta(microseconds=int(self.body[name]) // 1000)


def read_traces(paths: Iterable[Path]) -> TraceFiles:
    """All spans of the files; a run told twice counts once."""
    tellings, runs = [], {}
    for path in paths:
        for message in _messages(path):
            for span in _spans(message):
                tellings.append(_telling(span))
                if span.first("gen_ai.operation.name") == _RUN_OPERATION or span.body["name"].startswith(_BOTANU_RUN):
                    run = _run(span)
                    runs[run.run_id] = run
    return TraceFiles(tellings, list(runs.values()))


def _messages(path: Path) -> Iterator[Any]:
    """Every message of a file: a line of a plain or gzip file, protobuf in a length-prefixed zstd frame of the others."""
    content = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard

        decompressor = zstandard.ZstdDecompressor()
        while content:
            (size,) = struct.unpack(">I", content[:4])
            yield of_protobuf(decompressor.decompress(content[4 : 4 + size]))
            content = content[4 + size :]
        return
    lines = gzip.decompress(content) if path.suffix == ".gz" else content
    for line in lines.splitlines():
        yield orjson.loads(line)


def of_protobuf(content: bytes) -> Any:
    """A message as OTLP/JSON has it, its ids in hexadecimal digits; what is empty is not there."""
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    message = MessageToDict(TracesData.FromString(content), use_integers_for_enums=True)
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    span[name] = base64.b64decode(span.get(name, "")).hex()
    return message


def _spans(message: Any) -> Iterator[_Span]:
    for resource in message["resourceSpans"]:
        named = _attributes(resource["resource"]["attributes"])
        for scope in resource["scopeSpans"]:
            for body in scope["spans"]:
                told = _unpacked(_attributes(body["attributes"]))
                yield _Span(named, scope["scope"]["name"], scope["scope"].get("version"), body, told)


def _attributes(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}


def _unpacked(told: dict[str, Any]) -> dict[str, Any]:
    """The attributes with what stands in them as JSON, each value under a name of its own."""
    for name in _OBJECTS:
        if name in told:
            told |= {f"{name}.{key}": value for key, value in orjson.loads(told[name]).items()}
    return told | {name: orjson.loads(text) for name, text in told.items() if name.startswith(_TEXTS)}


def _telling(span: _Span) -> Telling:
    operation = "chat" if span.body["name"] == _CLAUDE_CODE_CALL else span.first(*_WORDS["operation"])
    told = span.first(*_WORDS["provider"])
    provider = _SPELLED.get(told, told)
    queued = span.first("gen_ai.latency.time_in_queue")
    kind = "model" if operation in _MODEL_OPERATIONS else "tool" if operation in _TOOL_OPERATIONS else "other"
    return Telling(
        source=SOURCE,
        kind=kind,
        trace_id=span.body["traceId"],
        span_id=span.body["spanId"],
        parent_span_id=span.body["parentSpanId"] or None,
        scope_name=span.scope_name,
        scope_version=span.scope_version,
        operation=operation,
        provider=provider,
        key=_key(span, provider),
        started_at=span.at("startTimeUnixNano"),
        ended_at=span.at("endTimeUnixNano"),
        response_id=span.first(*_WORDS["response"]),
        counts=_counts(span),
        estimated=bool(span.first("gen_ai.usage.estimated")) or span.first("error.type") == "stream_aborted",
        sampling_probability_millionths=_SAMPLING_MILLIONTHS.get(span.body.get("traceState", "")),
        event_id=span.named("event_id"),
        run_id=span.named("run_id"),
        tenant_id=span.named("tenant_id"),
        feature_id=span.named("feature_id"),
        workflow=span.named("workflow"),
        prompt_version=span.named("prompt_version"),
        user_id=span.first(*_WORDS["user"]) or None,
        environment=span.environment(),
        data_mode=span.named("data_mode"),
        queue_ms=None if queued is None else int(Decimal(str(queued)) * 1000),
    )


def _key(span: _Span, provider: str | None) -> Key:
    """Which billing dimensions the span states."""
    tier = span.first("openai.response.service_tier")
    return Key(
        sub_account_id=span.resource.get("cloud.account.id") if provider == _BEDROCK else None,
        api_key_id=span.first("api_key_id"),
        model=span.first(*_WORDS["model"]),
        service_tier="standard" if tier == "default" else tier,
        batch="true" if span.first("gen_ai.request.batch") else None,
        geography=_BEDROCK_GEOGRAPHY if provider == _BEDROCK else None,
    )


def _counts(span: _Span) -> Counts:
    written = span.number(*_WORDS["cache_write"])
    for_an_hour = span.number("gen_ai.usage.cache_creation.ephemeral_1h_input_tokens")
    units = span.number("pinecone.usage.read_units")
    writes: tuple[tuple[str | None, int], ...] = ()
    if written is not None:
        writes = (("1h", written),) if for_an_hour == written else ((None, written),)
    return Counts(
        input=span.number(*_WORDS["input"]),
        output=span.number(*_WORDS["output"]),
        total=span.number(*_WORDS["total"]),
        cache_read=span.number(*_WORDS["cache_read"]),
        cache_writes=writes,
        others=() if units is None else (Usage("read_units", Decimal(units)),),
    )


def _run(span: _Span) -> RunRecord:
    """What the root of a run says of it; botanu tells how it ended in an event of its span."""
    run_id, event_id = span.named("run_id"), span.named("event_id")
    assert run_id is not None
    assert event_id is not None
    completed = [_attributes(one["attributes"]) for one in span.body.get("events", ()) if "completed" in one["name"]]
    status = completed[-1]["status"] if completed else span.first("run_status")
    declared = span.first("run_kind")
    if span.first("botanu.retry_of_run_id"):
        declared = "retry"
    elif span.first("botanu.parent_run_id"):
        declared = "worker"
    return RunRecord(
        run_id=run_id,
        event_id=event_id,
        started_at=span.at("startTimeUnixNano"),
        ended_at=span.at("endTimeUnixNano"),
        status=status,
        declared_kind=declared,
        tenant_id=span.named("tenant_id"),
        feature_id=span.named("feature_id"),
        workflow=span.named("workflow"),
        prompt_version=span.named("prompt_version"),
        user_id=span.first("user.id"),
        environment=span.environment(),
        data_mode=span.named("data_mode"),
    )
