"""A provider on loopback with the APIs of OpenAI, Anthropic, Bedrock and Gemini, which writes down what it served.

The prompt says which event a request belongs to, ``[event EMITTER.SCENARIO]``, and the scenario what becomes of it:
``failed`` is answered with 500, the first request of ``retried`` with 429, ``cut`` breaks the connection off in the
middle of a stream, ``left`` gives its caller time to leave one, ``agent…`` asks for a tool first and answers then.
``figures.py`` says what each answer counts. Everything else is answered in full.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.emitters.figures import Usage, usage

Json = dict[str, Any]
#: What an answer consists of: the wire form of each part, the first ``told`` of them sent before a stream breaks off.
Parts = list[bytes]

_EVENT = re.compile(rb"\[event ([a-z0-9_]+)\.([a-z0-9_]+)\]")
_WORDS = ("The ", "parcel ", "is ", "on ", "its ", "way.")


@dataclass(frozen=True)
class Served:
    """One answer of the provider that it charges for, or one refusal, which it does not."""

    emitter: str
    scenario: str
    status: int
    model: str
    response_id: str
    at: datetime
    usage: Usage | None

    @property
    def event_id(self) -> str:
        return f"{self.emitter}.{self.scenario}"


class Ledger:
    """All that was served, in order, and how far each event is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._answers: Counter[tuple[str, str]] = Counter()
        self.served: list[Served] = []

    def request(self, emitter: str, scenario: str) -> int:
        """Number of the event's requests, this one included."""
        with self._lock:
            self._requests[emitter, scenario] += 1
            return self._requests[emitter, scenario]

    def turn(self, emitter: str, scenario: str) -> int:
        """Number of the event's answers, the one about to be given included."""
        with self._lock:
            self._answers[emitter, scenario] += 1
            return self._answers[emitter, scenario]

    def add(self, served: Served) -> None:
        with self._lock:
            self.served.append(served)


@dataclass(frozen=True)
class Answer:
    """What is known when an answer is written: what was asked, as what it is served, what it counts, whether it is a tool call."""

    body: Json
    model: str
    response_id: str
    usage: Usage
    tool: str | None
    arguments: Json


class Handler(BaseHTTPRequestHandler):
    """Every API, told apart by its path."""

    protocol_version = "HTTP/1.1"
    ledger: ClassVar[Ledger]

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body: Json = json.loads(content)
        path = unquote(self.path.partition("?")[0])
        found = _EVENT.findall(content)
        if not found:
            self._send(400, _error(path, "no event in the prompt"))
            return
        emitter, scenario = (word.decode() for word in found[-1])
        asked = body.get("model") or _MODEL_IN_PATH.findall(path)[0]
        number = self.ledger.request(emitter, scenario)
        refusal = (
            500 if scenario.startswith("failed") else 429 if scenario.startswith("retried") and number == 1 else None
        )
        if refusal:
            self.ledger.add(Served(emitter, scenario, refusal, asked, "", datetime.now(UTC), None))
            self._send(refusal, _error(path, "overloaded"), {"retry-after": "0", "retry-after-ms": "1"})
            return
        family, write = _api(path)
        turn = self.ledger.turn(emitter, scenario)
        tool, arguments = _tool(body) if scenario.startswith("agent") else (None, {})
        if tool != "final_answer" and turn > 1:
            tool = None
        counts = usage(family, scenario, turn)
        # The id is the provider's own and says nothing of the event.
        response_id = f"{_ID_PREFIX.get(path.rpartition('/')[2], 'resp_')}{binascii.crc32(f'{emitter}.{scenario}.{number}'.encode()):08x}{number:04d}"
        answer = Answer(body, served_as(asked, family), response_id, counts, tool, arguments)
        kind, parts = write(answer, "stream" in path.lower() or bool(body.get("stream")))
        self.ledger.add(Served(emitter, scenario, 200, answer.model, response_id, datetime.now(UTC), counts))
        if len(parts) == 1:
            self._send(200, parts[0], {"content-type": kind, "request-id": f"req_{response_id}"})
        else:
            self._stream(kind, parts, scenario)

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        headers = {"content-type": "application/json"} | (headers or {})
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, kind: str, parts: Parts, scenario: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for number, part in enumerate(parts):
                if scenario.startswith(("cut", "left")) and number == len(parts) // 2:
                    if scenario.startswith("cut"):
                        self.close_connection = True
                        return
                    time.sleep(0.3)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            # The caller left.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


#: The end of a model's name that says which snapshot of it answered.
SNAPSHOT = re.compile(r"(?:-2026-08-01|-20260801|-001)$")


def served_as(asked: str, family: str) -> str:
    """The snapshot an alias stands for, as the provider names it in its answer and on its bill."""
    bare = asked.removeprefix("models/").removeprefix("us.")
    if bare.startswith("anthropic."):
        return bare
    return bare + {"openai": "-2026-08-01", "anthropic": "-20260801", "gemini": "-001"}[family]


@contextmanager
def provider() -> Iterator[tuple[str, Ledger]]:
    """A running provider: its address and its ledger."""
    ledger = Ledger()
    handler = type("ProviderHandler", (Handler,), {"ledger": ledger})
    with running(handler) as address:
        yield address, ledger


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that resets its connection is part of the work; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on loopback while the block lasts: its address."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# What each API says ------------------------------------------------------------------------------------------------------

_MODEL_IN_PATH = re.compile(r"/models?/([^/:]+(?::\d+)?)")
_ID_PREFIX = {"completions": "chatcmpl-", "messages": "msg_"}


def _api(path: str) -> tuple[str, Any]:
    for end, family, write in (
        ("/chat/completions", "openai", _chat),
        ("/responses", "openai", _responses),
        ("/embeddings", "openai", _embeddings),
        ("/messages", "anthropic", _messages),
        ("/converse", "anthropic", _converse),
        ("/converse-stream", "anthropic", _converse),
        ("/invoke", "anthropic", _messages),
        ("/invoke-with-response-stream", "anthropic", _invoke_stream),
        (":generateContent", "gemini", _gemini),
        (":streamGenerateContent", "gemini", _gemini),
    ):
        if path.endswith(end):
            return family, write
    raise ValueError(f"no such API: {path}")


def _error(path: str, message: str) -> bytes:
    if path.endswith("/messages"):
        return json.dumps({"type": "error", "error": {"type": "api_error", "message": message}}).encode()
    return json.dumps(
        {"message": message, "error": {"message": message, "type": "server_error", "code": None}}
    ).encode()


def _tool(body: Json) -> tuple[str | None, Json]:
    """The tool an agent's first turn calls; ``final_answer`` where a framework wants its answer as a tool call."""
    tools = body.get("tools") or []
    named = {(tool.get("function") or tool)["name"]: tool.get("function") or tool for tool in tools}
    name = next((name for name in named if name != "final_answer"), None)
    answered = any("parcel 7 left" in json.dumps(part) for part in (body.get("messages") or body.get("input") or []))
    if answered:
        name = "final_answer" if "final_answer" in named else None
    if name is None:
        return None, {}
    schema = named[name].get("parameters") or named[name].get("input_schema") or {}
    return name, dict.fromkeys(schema.get("properties", {}), "7")


def _sse(data: Json, event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _chat(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    u = answer.usage
    told = {
        "prompt_tokens": u.input,
        "completion_tokens": u.output,
        "total_tokens": u.input + u.output,
        "prompt_tokens_details": {"cached_tokens": u.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": u.thoughts, "audio_tokens": 0},
    }
    same = {"id": answer.response_id, "created": int(time.time()), "model": answer.model, "service_tier": "default"}
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": answer.tool, "arguments": json.dumps(answer.arguments)},
    }
    finish = "tool_calls" if answer.tool else "stop"
    if not streamed:
        message: Json = {"role": "assistant", "content": None if answer.tool else "".join(_WORDS)}
        if answer.tool:
            message["tool_calls"] = [call]
        choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        return "application/json", [
            json.dumps(same | {"object": "chat.completion", "choices": [choice], "usage": told}).encode()
        ]
    asks = bool((answer.body.get("stream_options") or {}).get("include_usage"))

    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _sse(same | {"object": "chat.completion.chunk", "choices": [choice]} | ({"usage": None} if asks else {}))

    deltas = [{"tool_calls": [{"index": 0} | call]}] if answer.tool else [{"content": word} for word in _WORDS]
    parts = [chunk({"role": "assistant", "content": ""}), *map(chunk, deltas), chunk({}, finish)]
    if asks:
        parts.append(_sse(same | {"object": "chat.completion.chunk", "choices": [], "usage": told}))
    return "text/event-stream", [*parts, b"data: [DONE]\n\n"]


def _responses(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    u = answer.usage
    response: Json = {
        "id": answer.response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": answer.body.get("tools") or [],
        "top_p": 1.0,
        "service_tier": "default",
        "output": [],
        "usage": {
            "input_tokens": u.input,
            "input_tokens_details": {"cached_tokens": u.cache_read},
            "output_tokens": u.output,
            "output_tokens_details": {"reasoning_tokens": u.thoughts},
            "total_tokens": u.input + u.output,
        },
    }
    item: Json = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    text = {"type": "output_text", "text": "".join(_WORDS), "annotations": [], "logprobs": []}
    if answer.tool:
        item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": answer.tool, "status": "completed"}
        item["arguments"] = json.dumps(answer.arguments)
    else:
        item["content"] = [text]
    whole = response | {"output": [item]}
    if not streamed:
        return "application/json", [json.dumps(whole).encode()]
    opened = response | {"status": "in_progress", "usage": None}
    events: list[Json] = [
        {"type": "response.created", "response": opened},
        {"type": "response.in_progress", "response": opened},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": item | {"status": "in_progress"} | ({} if answer.tool else {"content": []}),
        },
    ]
    place = {"item_id": item["id"], "output_index": 0}
    if answer.tool:
        events.append({"type": "response.function_call_arguments.delta", "delta": item["arguments"]} | place)
        events.append(
            {"type": "response.function_call_arguments.done", "arguments": item["arguments"], "name": answer.tool}
            | place
        )
    else:
        place["content_index"] = 0
        events.append({"type": "response.content_part.added", "part": text | {"text": ""}} | place)
        events += [{"type": "response.output_text.delta", "delta": word, "logprobs": []} | place for word in _WORDS]
        events.append({"type": "response.output_text.done", "text": text["text"], "logprobs": []} | place)
        events.append({"type": "response.content_part.done", "part": text} | place)
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return "text/event-stream", [_sse(e | {"sequence_number": n}, e["type"]) for n, e in enumerate(events)]


def _embeddings(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    vector: Any = [0.25, 0.5]
    if answer.body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<2f", *vector)).decode()
    told = {"prompt_tokens": answer.usage.input, "total_tokens": answer.usage.input}
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return "application/json", [
        json.dumps({"object": "list", "model": answer.model, "data": data, "usage": told}).encode()
    ]


def _messages(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    u = answer.usage
    told: Json = {
        "input_tokens": u.uncached,
        "cache_read_input_tokens": u.cache_read,
        "cache_creation_input_tokens": u.written_5m + u.written_1h,
        "cache_creation": {"ephemeral_5m_input_tokens": u.written_5m, "ephemeral_1h_input_tokens": u.written_1h},
        "output_tokens": u.output,
        "service_tier": "standard",
    }
    block: Json = {"type": "text", "text": "".join(_WORDS)}
    if answer.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": answer.tool, "input": answer.arguments}
    stop = "tool_use" if answer.tool else "end_turn"
    message = {
        "id": answer.response_id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [block],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": told,
    }
    if not streamed:
        return "application/json", [json.dumps(message).encode()]
    opened = message | {"content": [], "stop_reason": None, "usage": told | {"output_tokens": 1}}
    deltas: list[Json] = [{"type": "text_delta", "text": word} for word in _WORDS]
    if answer.tool:
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}]
    # The last event repeats what the first told, all but the split by how long a cache is kept.
    whole_usage = {name: count for name, count in told.items() if name.endswith("_tokens")}
    events: list[Json] = [
        {"type": "message_start", "message": opened},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": block | ({"input": {}} if answer.tool else {"text": ""}),
        },
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": whole_usage},
        {"type": "message_stop"},
    ]
    return "text/event-stream", [_sse(event, event["type"]) for event in events]


def _converse(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    u = answer.usage
    told = {
        "inputTokens": u.uncached,
        "outputTokens": u.output,
        "totalTokens": u.input + u.output,
        "cacheReadInputTokens": u.cache_read,
        "cacheWriteInputTokens": u.written_5m + u.written_1h,
    }
    metrics = {"latencyMs": 12}
    if not streamed:
        message = {"role": "assistant", "content": [{"text": "".join(_WORDS)}]}
        whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": told, "metrics": metrics}
        return "application/json", [json.dumps(whole).encode()]
    return "application/vnd.amazon.eventstream", [
        _frame("messageStart", {"role": "assistant"}),
        *(_frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": word}}) for word in _WORDS),
        _frame("contentBlockStop", {"contentBlockIndex": 0}),
        _frame("messageStop", {"stopReason": "end_turn"}),
        _frame("metadata", {"usage": told, "metrics": metrics}),
    ]


def _invoke_stream(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    _, parts = _messages(answer, True)
    events = [part.partition(b"data: ")[2].strip() for part in parts]
    return "application/vnd.amazon.eventstream", [
        _frame("chunk", {"bytes": base64.b64encode(event).decode()}) for event in events
    ]


def _frame(kind: str, payload: Json) -> bytes:
    """One message of Amazon's event stream encoding."""
    headers = b""
    for name, value in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    content = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(content) + 16, len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + content
    return message + struct.pack(">I", binascii.crc32(message))


def _gemini(answer: Answer, streamed: bool) -> tuple[str, Parts]:
    u = answer.usage
    told = {
        "promptTokenCount": u.input,
        "cachedContentTokenCount": u.cache_read,
        "candidatesTokenCount": u.output - u.thoughts,
        "thoughtsTokenCount": u.thoughts,
        "totalTokenCount": u.input + u.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": u.input}],
    }
    same = {"modelVersion": answer.model, "responseId": answer.response_id}

    def said(part: Json, finish: bool) -> Json:
        candidate: Json = {"content": {"role": "model", "parts": [part]}, "index": 0}
        return (
            same
            | {"candidates": [candidate | ({"finishReason": "STOP"} if finish else {})]}
            | ({"usageMetadata": told} if finish else {})
        )

    if not streamed:
        return "application/json", [json.dumps(said({"text": "".join(_WORDS)}, True)).encode()]
    last = len(_WORDS) - 1
    return "text/event-stream", [_sse(said({"text": word}, number == last)) for number, word in enumerate(_WORDS)]
