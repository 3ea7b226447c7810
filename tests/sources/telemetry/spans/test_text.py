"""Prompt and completion text is never landed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from reconcilers.sources.telemetry.otlp import Otlp, OtlpConfig
from tests.sources.telemetry.conftest import Job, same
from tests.sources.telemetry.written import (
    CALL,
    GENERATIONS,
    PACKINGS,
    SPAN,
    TRACE,
    WORK,
    Json,
    attribute,
    chat,
    event,
    lines,
    message,
    span,
)

SECRET = "My card is 4111 1111 1111 1111"
WITH_TEXT: dict[str, Json] = {
    "attribute": span(CALL | {"gen_ai.input.messages": SECRET, "gen_ai.output.messages": SECRET}),
    "old attribute": span(CALL | {"gen_ai.prompt.0.content": SECRET, "gen_ai.completion.0.content": SECRET}),
    "list": span(CALL | {"llm.prompts": [SECRET]}),
    "other vocabulary": span(CALL | {"input.value": SECRET, "llm.input_messages.0.message.content": SECRET}),
    "not a call": span({"traceloop.entity.input": SECRET}),
    "event": span(CALL, events=[event("gen_ai.user.message", {"content": SECRET})]),
    "attribute of an event": span(CALL, events=[event("acme", {"gen_ai.prompt": SECRET})]),
    "attribute of a link": span(
        CALL, links=[{"traceId": TRACE, "spanId": SPAN, "attributes": [attribute("gen_ai.completion", SECRET)]}]
    ),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("where", WITH_TEXT)
def test_text_is_never_landed(job: Job, where: str, packing: str) -> None:
    clean = message(span(CALL | {"gen_ai.usage.input_tokens": 5}, spanId="c" * 16))
    content = lines(clean) + b"\n" + lines(message(WITH_TEXT[where]), clean)
    taken = job.take(PACKINGS[packing](content))
    for path in job.landing.root.rglob("*"):
        assert path.is_dir() or (
            b"4111 1111" not in path.read_bytes() and b"4111 1111" not in _unpacked(path.read_bytes())
        )
    assert [call["landing_line"] for call in taken.calls] == [1, 3, 4]
    (item,) = taken.landed.objects
    assert int(item.meta["removed"]) >= 1
    assert item.meta["rewritten"]


@pytest.mark.parametrize("begins", ["clean", "with text"])
def test_what_is_written_while_a_file_is_looked_at_is_landed_without_text_too(job: Job, begins: str) -> None:
    parts = {"clean": chat(CALL), "with text": chat(CALL | {"gen_ai.prompt": SECRET})}
    first = parts.pop(begins)
    (then,) = parts.values()

    class WrittenMeanwhile(Otlp):
        def accept(self, unit: str, received: Path, work: Path) -> Any:
            accepted = super().accept(unit, received, work)
            if (written := job.folder / unit).read_bytes() == first:
                written.write_bytes(first + then)
            return accepted

    (job.folder / "traces.json").write_bytes(first)
    source = WrittenMeanwhile(OtlpConfig(name="traces", kind="otlp", uri=str(job.folder)))
    assert [call["landing_line"] for call in job.land(source, "traces.json").calls] == [1, 2]
    assert not any(b"4111" in path.read_bytes() for path in job.landing.root.rglob("*") if path.is_file())


def _unpacked(content: bytes) -> bytes:
    import zstandard

    if content[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def test_text_of_resources_and_scopes_is_removed(job: Job) -> None:
    content = message(span(CALL), resource={"service.name": "answers", "gen_ai.prompt": SECRET})
    content["resourceSpans"][0]["scopeSpans"][0]["scope"]["attributes"] = [attribute("gen_ai.completion", SECRET)]
    taken = job.take(lines(content))
    assert b"4111" not in taken.stored
    assert taken.landed.objects[0].meta["removed"] == "2"
    assert taken.calls[0]["service"] == "answers"


@pytest.mark.parametrize("where", ["resource", "scope"])
def test_text_of_a_resource_or_a_scope_alone_is_removed(job: Job, where: str) -> None:
    content = message(span(CALL), resource={})
    scoped = content["resourceSpans"][0]["scopeSpans"][0]
    (content["resourceSpans"][0]["resource"] if where == "resource" else scoped["scope"])["attributes"] = [
        attribute("gen_ai.prompt", SECRET)
    ]
    assert b"4111" not in job.take(lines(content)).stored


def test_rows_do_not_depend_on_text(job: Job) -> None:
    values = [WORK | GENERATIONS[name] for name in GENERATIONS]
    plain = job.take(chat(*values))
    with_text = job.take(chat(*(v | {"gen_ai.prompt": SECRET} for v in values)))
    assert same(with_text.rows) == same(plain.rows)


def test_the_identity_of_a_prompt_is_no_text(job: Job) -> None:
    content = chat(CALL | {"gen_ai.prompt.version": "v7", "gen_ai.prompt.name": "answer"})
    taken = job.take(content)
    assert taken.stored == content
    assert taken.calls[0]["prompt_version"] == "v7"


def test_an_escaped_name_of_text_is_one(job: Job) -> None:
    content = chat(CALL | {"gen_ai.prompt": SECRET}).replace(b"gen_ai.prompt", b"gen_ai\\u002eprompt")
    assert b"4111" not in job.take(content).stored


#: What a span may lack or say otherwise than expected without being refused: nothing of it is read.
UNUSUAL: dict[str, Json] = {
    "attributes": {"attributes": None},
    "events": {"events": None},
    "links": {"links": []},
    "an event without attributes": {"events": [{"name": "acme", "attributes": None}]},
    "an event without a text for its name": {"events": [{"name": 5}, {"name": None}]},
}


@pytest.mark.parametrize("missing", UNUSUAL)
def test_a_message_with_unusual_parts_is_landed_as_it_is(job: Job, missing: str) -> None:
    content = message(span({}, **UNUSUAL[missing]), resource=CALL)
    content["resourceSpans"] += [{"resource": None, "scopeSpans": None}, {"scopeSpans": [{"scope": None}]}]
    taken = job.take(lines(content, {}))
    assert taken.stored == lines(content, {})
    assert [call["model"] for call in taken.calls] == ["gpt-4.1"]
    content["resourceSpans"][0]["resource"]["attributes"].append(attribute("gen_ai.prompt", SECRET))
    assert b"4111" not in job.take(lines(content)).stored


def test_a_setting_declares_attributes_whose_text_is_landed(job: Job) -> None:
    values = CALL | {"acme.answer": SECRET, "acme.note.of.ours": SECRET, "acme.note.of.theirs": "no word"}
    taken = job.take(chat(values), keep=["acme.answer", "acme.note."], remove=["acme.note.of.theirs"])
    assert taken.stored.count(b"4111 1111") == 2
    assert b"no word" not in taken.stored


def test_own_attributes_of_text_are_removed(job: Job) -> None:
    content = chat(CALL | {"acme.question": SECRET, "acme.chat.0": SECRET, "acme.chats": "kept"})
    taken = job.take(content, remove=["acme.question", "acme.chat."])
    assert b"4111" not in taken.stored
    assert b"kept" in taken.stored
