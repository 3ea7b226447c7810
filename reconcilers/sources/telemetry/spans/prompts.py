"""Prompt and completion text in OTLP/JSON messages: found, counted, and left out of what is landed.

Nearly every message of a file that is landed as it came holds no text, so a message is first read as an outline, the
names of its attributes and events without any value. Only one whose outline is not clean and whole is parsed in full.
Which names hold text is said in ``texts.py``. The message of a status goes, too: providers quote there what they refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reconcilers.errors import SourceRejected
from reconcilers.sources.rejected import unreadable, why_unreadable
from reconcilers.sources.telemetry.spans.files import DAMAGED, quoted_fractions, read_lines
from reconcilers.sources.telemetry.spans.logs import event_name
from reconcilers.sources.telemetry.spans.texts import NUMBERS, Holds, TextNames

Span = dict[str, Any]
_SIGNALS = {"resourceMetrics": "metrics", "resourceProfiles": "profiles"}


class TextFilter:
    """What of one source's messages is text, by the names of its attributes and events."""

    def __init__(self, source: str, names: TextNames) -> None:
        self.source, self.names = source, names

    def look_through(self, received: Path, unit: str) -> Found:
        """What of a file may not be landed. Raises ``SourceRejected`` for a file without a line that can be read."""
        removed = lost = lines = 0
        first: tuple[int, Unreadable] | None = None
        for line, content in read_lines(received, unit, self.source):
            lines += 1
            if not self._is_clean(content):
                try:
                    removed += self._count(content)
                except Unreadable as error:
                    lost += 1
                    first = first or (line, error)
        if first and lost == lines:
            line, problem = first
            raise SourceRejected(str(problem), source=self.source, file=unit, line=line, hint=problem.hint)
        return Found(removed, lost)

    def without(self, received: Path, unit: str) -> Iterator[bytes]:
        """The file's messages, one a line, without what ``look_through`` counts; its blank lines are kept."""
        import orjson

        written = 0
        for line, content in read_lines(received, unit, self.source):
            try:
                message = self._message(quoted_fractions(content))
                self._remove(message)
                kept = orjson.dumps(message)
            except Unreadable as error:
                kept = content if why_unreadable(content) else unreadable(str(error), len(content))
            except _SHAPE as error:
                kept = unreadable(_shape_problem(error), len(content))
            yield b"\n" * (line - written - 1) + kept + b"\n"
            written = line

    def _is_clean(self, content: bytes) -> bool:
        """Whether a message is traces for certain and holds no text for certain; false says nothing."""
        names, clean = self.names, Holds.NO_TEXT
        try:
            content.decode()  # The outline skips values, and with them bytes that are no text.
            for resource_spans in _OUTLINE.decode(content).resourceSpans:
                shared = [*resource_spans.resource.attributes]
                named: list[_Attribute] = []
                for scope_spans in resource_spans.scopeSpans:
                    shared += scope_spans.scope.attributes
                    for span in scope_spans.spans:
                        if span.status and span.status.message:
                            return False
                        named += span.attributes
                        for part in (*span.events, *span.links) if span.events or span.links else ():
                            if part.name in names.events:
                                return False
                            named += part.attributes
                for attribute in named:
                    if names[attribute.key] is not clean:
                        return False
                for attribute in shared:
                    if names[attribute.key] not in (clean, Holds.UNKNOWN):
                        return False
        except (ValueError, RecursionError):  # what msgspec raises is a ValueError
            return False
        return True

    def _count(self, content: bytes) -> int:
        try:
            return self._remove(self._message(content))
        except _SHAPE as error:
            raise Unreadable(_shape_problem(error)) from None

    def _remove(self, message: Span) -> int:
        """Takes what is text out of a message, and says how many attributes, events and other parts held some."""
        found = 0
        for record in _bodies(message):
            del record["body"]
            found += 1
        for attributes, span in _carriers(message):
            kept = [self.names.kept(attribute, span is not None) for attribute in attributes]
            found += sum(1 for before, after in zip(attributes, kept, strict=True) if before is not after)
            attributes[:] = [attribute for attribute in kept if attribute is not None]
            if not span:
                continue
            if (span.get("status") or {}).pop("message", None):
                found += 1
            if events := span.get("events"):
                kept = [event if event.get("name") not in self.names.events else _numbers_of(event) for event in events]
                found += sum(1 for before, after in zip(events, kept, strict=True) if before is not after)
                span["events"] = [event for event in kept if event is not None]
        return found

    def _message(self, content: bytes) -> Span:
        """One message, parsed. Raises ``Unreadable`` for other signals and what is not OTLP/JSON."""
        import orjson

        if lost := why_unreadable(content):
            raise Unreadable(lost.reason, DAMAGED)
        try:
            message = orjson.loads(content)
        except ValueError as error:
            hint = DAMAGED
            if not content.lstrip().startswith(b"{"):
                hint = "have it written as OTLP/JSON: `format: json` of a file exporter, `otlp_json` of an S3 exporter"
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


@dataclass(frozen=True)
class Found:
    """How many attributes and events of a file hold text, and how many of its lines cannot be read."""

    removed: int
    unreadable: int


class Unreadable(Exception):
    """Why a line cannot be read, and what to do about it."""

    def __init__(self, problem: str, hint: str = "correct the emitter or ask for the file again") -> None:
        super().__init__(problem)
        self.hint = hint


#: What reading a message of another shape raises.
_SHAPE = (AttributeError, KeyError, TypeError, ValueError)


def _shape_problem(error: Exception) -> str:
    return f"not the shape of OTLP/JSON traces: a {type(error).__name__}"


def _numbers_of(event: Span) -> Span | None:
    """An event whose content is a message with the numbers it tells beside; None for one that tells none."""
    attributes = event.get("attributes") or []
    numbers = [a for a in attributes if a.get("value") and a["value"].keys() <= {*NUMBERS}]
    if len(numbers) == len(attributes) and numbers:
        return event
    return event | {"attributes": numbers} if numbers else None


def _containers(message: Span) -> Iterator[tuple[Span, str]]:
    """Every part of a message that holds others, with the member that must hold them."""
    for kind, scoped, records in (("Spans", "scopeSpans", "spans"), ("Logs", "scopeLogs", "logRecords")):
        for resource in message.get(f"resource{kind}") or ():
            yield resource, scoped
            for scope in resource.get(scoped) or ():
                yield scope, records


def _carriers(message: Span) -> Iterator[tuple[list[Span], Span | None]]:
    """Every list of attributes of a message, with its span where it is one's, None for what calls share."""
    for resource_spans in message.get("resourceSpans") or ():
        yield (resource_spans.get("resource") or {}).get("attributes") or [], None
        for scope_spans in resource_spans.get("scopeSpans") or ():
            yield (scope_spans.get("scope") or {}).get("attributes") or [], None
            for span in scope_spans.get("spans") or ():
                yield span.get("attributes") or [], span
                for part in (*(span.get("events") or ()), *(span.get("links") or ())):
                    yield part.get("attributes") or [], {}
    for resource_logs in message.get("resourceLogs") or ():
        yield (resource_logs.get("resource") or {}).get("attributes") or [], None
        for scope_logs in resource_logs.get("scopeLogs") or ():
            yield (scope_logs.get("scope") or {}).get("attributes") or [], None
    for record in _records(message):
        yield record.get("attributes") or [], {}


def _records(message: Span) -> Iterator[Span]:
    for resource_logs in message.get("resourceLogs") or ():
        for scope_logs in resource_logs.get("scopeLogs") or ():
            yield from scope_logs.get("logRecords") or ()


def _bodies(message: Span) -> Iterator[Span]:
    """Log records whose body may hold text: all but those that repeat the name of their event there."""
    for record in list(_records(message)):
        body, name = record.get("body"), event_name(record)
        repeats = name and body and body.keys() == {"stringValue"} and f".{body['stringValue']}".endswith(f".{name}")
        if body and not repeats:
            yield record


# The outline: whatever is written otherwise does not decode, and unknown members below the message are skipped. ---------


class _Attribute(msgspec.Struct, frozen=True, gc=False):
    key: str


class _Carrier(msgspec.Struct, frozen=True, gc=False):
    """A resource, scope, event or link."""

    name: str | None = None
    attributes: list[_Attribute] = []


class _Status(msgspec.Struct, frozen=True, gc=False):
    message: str | None = None


class _Span(msgspec.Struct, frozen=True, gc=False):
    status: _Status | None = None
    attributes: list[_Attribute] = []
    events: list[_Carrier] = []
    links: list[_Carrier] = []


class _ScopeSpans(msgspec.Struct, frozen=True, gc=False):
    spans: list[_Span]
    scope: _Carrier = _Carrier()


class _ResourceSpans(msgspec.Struct, frozen=True, gc=False):
    scopeSpans: list[_ScopeSpans]
    resource: _Carrier = _Carrier()


class _Message(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    resourceSpans: list[_ResourceSpans]


#: Made once, on import: two threads that make the first decoder of a type at the same time end the process (msgspec 0.22).
_OUTLINE = msgspec.json.Decoder(_Message)
