"""Prompt and completion text in OTLP/JSON messages: found, counted, and left out of what is landed.

Nearly every message of a file holds no text, so a message is first read as an outline, which says that all of it is of
OTLP, no text of it is longer than a name, and which attributes it has. Only one whose outline is not clean and whole is
parsed in full. What may stay is said in ``texts.py``: of attributes by their names, of all else by its length. The message
of a status goes whatever it is: providers quote there what they refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

from reconcilers.errors import SourceRejected
from reconcilers.sources.rejected import unreadable, why_unreadable
from reconcilers.sources.telemetry.spans import outline
from reconcilers.sources.telemetry.spans.files import DAMAGED, quoted_fractions
from reconcilers.sources.telemetry.spans.logs import event_name
from reconcilers.sources.telemetry.spans.removal import Texts
from reconcilers.sources.telemetry.spans.scan import blocks, is_worth_compiling
from reconcilers.sources.telemetry.spans.texts import (
    LONGEST,
    Holds,
    TextNames,
    fits,
    is_one_line,
    is_one_word,
)

Json = dict[str, Any]
_KEY = attrgetter("key")
#: A line break, or what may be one, in a text of JSON.
_BREAK = re.compile(rb"\\[bfnrtu]")
#: More are no names of attributes.
_MOST_NAMES = 100_000
_SIGNALS = {"resourceMetrics": "metrics", "resourceProfiles": "profiles"}


class TextFilter:
    """What of one source's messages is text, by the names of its attributes and events."""

    def __init__(self, source: str, names: TextNames) -> None:
        self.source, self.names = source, names
        #: Names met of which every value in an outline may stay.
        self.clean: set[str] = set()
        #: What reads most of a file that is worth it.
        self.compiled: Texts | None = None

    def without_text(self, received: Path, unit: str, found: Found) -> Iterator[bytes | memoryview]:
        """The file's messages, one a line, without what may not be landed; its blank lines are kept.

        What that is has been added to ``found`` whenever a piece comes. Raises ``SourceRejected`` at the end of a file without a
        line that can be read.
        """
        if self.compiled is None and is_worth_compiling(received.stat().st_size):
            self.compiled = Texts(self.names)
        lines = written = 0
        first: tuple[int, Unreadable] | None = None
        for block in blocks(received, unit, self.source, self.compiled is not None):
            judged = self.compiled.judged(block) if self.compiled else None
            begin, end = 0, len(block.starts)
            found.removed += judged.removed if judged else 0
            for n in chain(judged.left if judged else range(end), [end]):
                if judged and begin < n:
                    lines += n - begin
                    yield judged.without(begin, n, written)
                    written = int(block.numbers[n - 1])
                begin = n + 1
                for line, content in block.lines([n] if n < end else []):
                    lines += 1
                    try:
                        kept = self._kept(content, found)
                    except Unreadable as error:
                        found.unreadable += 1
                        first = first or (line, error)
                        kept = content.strip() if why_unreadable(content) else unreadable(str(error), len(content))
                    yield b"\n" * (line - written - 1) + kept + b"\n"
                    written = line
        if first and found.unreadable == lines:
            line, problem = first
            raise SourceRejected(str(problem), source=self.source, file=unit, line=line, hint=problem.hint)

    def _kept(self, content: bytes, found: Found) -> bytes:
        """A message as it is landed. Raises ``Unreadable``."""
        if self._is_clean(content):
            kept = content.strip()
            # A message in a frame of its own may run over several lines.
            return kept if b"\n" not in kept else self._without(content)[1]
        removed, kept = self._without(content)
        found.removed += removed
        # The id of a log record is a hash of what is landed of it: in a file that is rewritten all are written one way.
        return kept if removed or b"resourceLogs" in content or b"\n" in content.strip() else content.strip()

    def _is_clean(self, content: bytes) -> bool:
        """Whether a message is traces for certain and holds no text for certain; false says nothing."""
        if b"\\" in content and _BREAK.search(content):
            return False
        clean, events = self.clean, self.names.events
        try:
            content.decode()  # The outline skips values, and with them bytes that are no text.
            for resource_spans in outline.DECODE(content).resourceSpans:
                shared = [*resource_spans.resource.attributes]
                for scope_spans in resource_spans.scopeSpans:
                    shared += scope_spans.scope.attributes
                    for span in scope_spans.spans:
                        if not clean.issuperset(map(_KEY, span.attributes)):
                            for attribute in span.attributes:
                                if not self._fits(attribute):
                                    return False
                        parts: tuple[outline.Event | outline.Link, ...] = (*span.events, *span.links)
                        for part in parts:
                            if part.name in events:
                                return False
                            for attribute in part.attributes:
                                if attribute.key not in clean and not self._fits(attribute):
                                    return False
                for attribute in shared:
                    if attribute.key not in clean and not self._fits(attribute, of_call=False):
                        return False
        except (ValueError, RecursionError):  # what msgspec raises is a ValueError
            return False
        return True

    def _fits(self, attribute: outline.Attribute, of_call: bool = True) -> bool:
        """Whether an attribute of an outline may stay; false where it must be looked at more closely.

        A name of which every value in an outline may stay is noted in ``clean``.
        """
        holds, value = self.names[attribute.key], attribute.value
        if holds is Holds.READ or holds is Holds.NAME:
            if len(self.clean) < _MOST_NAMES:
                self.clean.add(attribute.key)
            return True
        if holds is Holds.TEXT or holds is Holds.PARTS or value.arrayValue:
            return False
        told = ((name, getattr(value, name)) for name in outline.Value.__struct_fields__)
        return fits({name: one for name, one in told if one is not None}, holds.of(of_call))

    def _without(self, content: bytes) -> tuple[int, bytes]:
        """How many parts of a message hold text, and the message without them. Raises ``Unreadable``."""
        import orjson

        try:
            message = self._message(quoted_fractions(content))
            return self._remove(message), orjson.dumps(message)
        except _SHAPE as error:
            raise Unreadable(f"not the shape of OTLP/JSON traces: a {type(error).__name__}") from None

    def _remove(self, message: Json) -> int:
        """Takes what is text out of a message, and says how many attributes, events and other parts held some."""
        found = 0
        for part, members, of_call in parts_of(message):
            found += _without_others(part, members)
            if attributes := part.get("attributes"):
                found += leave(attributes, [self.names.kept(attribute, of_call) for attribute in attributes])
            if events := part.get("events"):
                texts = self.names.events
                found += leave(events, [e if e.get("name") not in texts else _numbers_of(e) for e in events])
        return found

    def _message(self, content: bytes) -> Json:
        """One message, parsed. Raises ``Unreadable`` for other signals and what is not OTLP/JSON."""
        import orjson

        if lost := why_unreadable(content):
            raise Unreadable(lost.reason, DAMAGED)
        try:
            message = orjson.loads(content)
        except ValueError as error:
            hint = DAMAGED
            if not content.lstrip().startswith(b"{"):
                hint = "have it written as OTLP: `json` or `proto` by a file exporter, `otlp_json` or `otlp_proto` by an S3 exporter"
            raise Unreadable(f"not JSON: {error}", hint) from None
        if not isinstance(message, dict):
            raise Unreadable(f"a JSON {type(message).__name__}, not an OTLP/JSON message")
        for name, signal in _SIGNALS.items():
            if name in message:
                raise Unreadable(f"holds {signal}, not traces or logs", "narrow `pattern` to the traces and logs")
        if message and "resourceSpans" not in message and "resourceLogs" not in message:
            raise Unreadable(f"no resourceSpans but {sorted(message)[0]!r:.60}: not OTLP/JSON traces")
        for part, member in _containers(message):
            other = next((name for name, value in part.items() if isinstance(value, list)), None)
            if member not in part and other is not None:
                raise Unreadable(f"no {member} but {other!r:.60}: not OTLP/JSON traces")
        return message


@dataclass
class Found:
    """How many attributes, events and other parts of a file hold text, and how many of its lines cannot be read."""

    removed: int = 0
    unreadable: int = 0

    def __bool__(self) -> bool:
        return bool(self.removed or self.unreadable)


class Unreadable(Exception):
    """Why a line cannot be read, and what to do about it."""

    def __init__(self, problem: str, hint: str = "correct the emitter or ask for the file again") -> None:
        super().__init__(problem)
        self.hint = hint


#: What reading a message of another shape raises.
_SHAPE = (AttributeError, KeyError, TypeError, ValueError)


def leave(parts: list[Json], kept: list[Json | None]) -> int:
    """Leaves of a list what is ``kept`` of its parts; how many parts that changes."""
    changed = sum(1 for before, after in zip(parts, kept, strict=True) if before is not after)
    if changed:
        parts[:] = [part for part in kept if part is not None]
    return changed


def _numbers_of(event: Json) -> Json | None:
    """An event whose content is a message with the numbers it tells beside; None for one that tells none."""
    attributes = event.get("attributes") or []
    numbers = [a for a in attributes if a.get("value") and fits(a["value"], Holds.NUMBER)]
    if len(numbers) == len(attributes) and numbers:
        return event
    return event | {"attributes": numbers} if numbers else None


def _containers(message: Json) -> Iterator[tuple[Json, str]]:
    """Every part of a message that holds others, with the member that must hold them."""
    for kind, scoped, records in (("Spans", "scopeSpans", "spans"), ("Logs", "scopeLogs", "logRecords")):
        for resource in message.get(f"resource{kind}") or ():
            yield resource, scoped
            for scope in resource.get(scoped) or ():
                yield scope, records


def parts_of(message: Json) -> Iterator[tuple[Json, type[outline.Part], bool]]:
    """Every part of a message, its members in OTLP, and whether it is of a call: not of what calls share.

    What a part holds comes before it, so that a span's events have lost their text when their span is looked at.
    """
    for kind, of_kind, scoped, of_scope, records in (
        ("resourceSpans", outline.ResourceSpans, "scopeSpans", outline.ScopeSpans, "spans"),
        ("resourceLogs", outline.ResourceLogs, "scopeLogs", outline.ScopeLogs, "logRecords"),
    ):
        for resource in message.get(kind) or ():
            yield resource.get("resource") or {}, outline.Resource, False
            for scope in resource.get(scoped) or ():
                yield scope.get("scope") or {}, outline.Scope, False
                for record in scope.get(records) or ():
                    yield record.get("status") or {}, outline.Status, True
                    for event in record.get("events") or ():
                        yield event, outline.Event, True
                    for link in record.get("links") or ():
                        yield link, outline.Link, True
                    yield record, outline.Span if records == "spans" else outline.LogRecord, True
                yield scope, of_scope, False
            yield resource, of_kind, False
    yield message, outline.Messages, False


def _without_others(part: Json, members: type[outline.Part]) -> int:
    """Takes out of a part what is no member of it in OTLP, and of its members the texts that are too long to be names."""
    plain = outline.PLAIN[members]
    text = [
        name
        for name, value in part.items()
        # Nearly every member is a list, a number or an id.
        if not (
            type(value) in plain.get(name, ())
            and (type(value) is not str or (value.isalnum() and len(value) < LONGEST))
        )
        and not _may_stay(name, value, part, members)
    ]
    for name in text:
        del part[name]
    return len(text)


def _may_stay(name: str, value: object, part: Json, members: type[outline.Part]) -> bool:
    if name not in members.__struct_fields__:
        return False
    if name == "body":
        return _repeats_its_name(part)
    if name == "message":
        return not value
    if not isinstance(value, str):
        return name in outline.HELD or not isinstance(value, (dict, list))
    if name == "traceState":
        return len(value) <= outline.LONGEST_TRACE_STATE
    if name == "eventName" or (name == "name" and members is outline.Event):
        return is_one_word(value)
    return is_one_line(value)


def _repeats_its_name(record: Json) -> bool:
    """Whether the body of a log record is nothing but the name of its event, as some emitters write it."""
    body, name = record.get("body"), event_name(record)
    told = body.get("stringValue") if isinstance(body, dict) and body.keys() == {"stringValue"} else None
    return not body or (isinstance(told, str) and bool(name) and is_one_word(told) and f".{told}".endswith(f".{name}"))
