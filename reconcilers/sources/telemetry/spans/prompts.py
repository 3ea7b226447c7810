"""Prompt and completion text in OTLP/JSON messages: found, counted, and left out of what is landed.

Nearly every message of a file that is landed as it came holds no text, so a message is first read as an outline, the
names of its attributes and events without any value. Only one whose outline is not clean and whole is parsed in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from reconcilers.errors import SourceRejected
from reconcilers.sources.folders import split_line
from reconcilers.sources.telemetry.dialects.otel_genai import NO_TEXT, TEXT_ATTRIBUTES, TEXT_EVENTS
from reconcilers.sources.telemetry.spans.files import DAMAGED, quoted_fractions, read_lines

Span = dict[str, Any]
_SIGNALS = {"resourceLogs": "logs", "resourceMetrics": "metrics", "resourceProfiles": "profiles"}


class TextFilter:
    """What of one source's messages is text. ``remove`` names attributes that hold text beside those known to us."""

    def __init__(self, source: str, remove: Iterable[str]) -> None:
        self.source = source
        self.holds_text = _TextNames((*TEXT_ATTRIBUTES, *remove))
        self.outline = msgspec.json.Decoder(_Message)

    def count(self, received: Path, unit: str) -> int:
        """How many attributes and events of a file hold text. Refuses a file with what is no message of spans."""
        found = 0
        for line, content in read_lines(received, unit, self.source):
            if not self._is_clean(content):
                found += self._count(unit, line, content)
        return found

    def without(self, received: Path, unit: str) -> Iterator[bytes]:
        """The file's messages without what ``count`` counts, one a line; its blank lines are kept."""
        import orjson

        holds_text, written = self.holds_text, 0
        for line, content in read_lines(received, unit, self.source):
            message = self._traces(unit, line, quoted_fractions(content))
            for attributes, events in _carriers(message):
                attributes[:] = [attribute for attribute in attributes if not holds_text[attribute["key"]]]
                events[:] = [event for event in events if event.get("name") not in TEXT_EVENTS]
            yield b"\n" * (line - written - 1) + orjson.dumps(message) + b"\n"
            written = line

    def _is_clean(self, content: bytes) -> bool:
        """Whether a message is traces for certain and holds no text for certain; false says nothing."""
        holds_text = self.holds_text
        try:
            content.decode()  # The outline skips values, and with them bytes that are no text.
            for resource_spans in self.outline.decode(content).resourceSpans:
                named = [*resource_spans.resource.attributes]
                for scope_spans in resource_spans.scopeSpans:
                    named += scope_spans.scope.attributes
                    for span in scope_spans.spans:
                        named += span.attributes
                        for part in (*span.events, *span.links) if span.events or span.links else ():
                            if part.name in TEXT_EVENTS:
                                return False
                            named += part.attributes
                for attribute in named:
                    if holds_text[attribute.key]:
                        return False
        except (ValueError, RecursionError):  # what msgspec raises is a ValueError
            return False
        return True

    def _count(self, unit: str, line: int, content: bytes) -> int:
        holds_text, found = self.holds_text, 0
        try:
            for attributes, events in _carriers(self._traces(unit, line, content)):
                for attribute in attributes:
                    found += holds_text[attribute["key"]]
                for event in events:
                    found += event.get("name") in TEXT_EVENTS
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._rejected(unit, line, f"not the shape of OTLP/JSON traces: {error!r:.120}") from None
        return found

    def _traces(self, unit: str, line: int, content: bytes) -> Span:
        """One message, parsed. Refuses other signals and what is not OTLP/JSON."""
        import orjson

        try:
            message = orjson.loads(content)
        except ValueError as error:
            hint = DAMAGED
            if not content.lstrip().startswith(b"{"):
                hint = "have it written as OTLP/JSON: `format: json` of a file exporter, `otlp_json` of an S3 exporter"
            raise self._rejected(unit, line, f"not JSON: {error}", hint) from None
        if not isinstance(message, dict):
            raise self._rejected(unit, line, f"a JSON {type(message).__name__}, not an OTLP/JSON message")
        for name, signal in _SIGNALS.items():
            if name in message:
                hint = "narrow `pattern` to the trace files"
                raise self._rejected(unit, line, f"holds {signal}, not traces", hint)
        if message and "resourceSpans" not in message:
            raise self._rejected(unit, line, f"no resourceSpans but {sorted(message)[0]!r:.60}: not OTLP/JSON traces")
        return message

    def _rejected(self, unit: str, line: int, problem: str, hint: str | None = None) -> SourceRejected:
        hint = hint or "correct the emitter or ask for the file again"
        return SourceRejected(problem, source=self.source, file=unit, line=split_line(line)[1], hint=hint)


class _TextNames(dict[str, bool]):
    """Attribute name → whether it holds text, decided once per name."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self.exact = {name for name in names if not name.endswith(".")}
        self.prefixes = tuple(name for name in names if name.endswith("."))

    def __missing__(self, name: str) -> bool:
        found = name not in NO_TEXT and (name in self.exact or name.startswith(self.prefixes))
        if len(self) < 100_000:
            self[name] = found
        return found


def _carriers(message: Span) -> Iterator[tuple[list[Span], list[Span]]]:
    """Every list of attributes of a message, each with the list of events beside it (empty but for a span)."""
    for resource_spans in message.get("resourceSpans") or ():
        yield (resource_spans.get("resource") or {}).get("attributes") or [], []
        for scope_spans in resource_spans.get("scopeSpans") or ():
            yield (scope_spans.get("scope") or {}).get("attributes") or [], []
            for span in scope_spans.get("spans") or ():
                events = span.get("events") or []
                yield span.get("attributes") or [], events
                for part in (*events, *(span.get("links") or ())):
                    yield part.get("attributes") or [], []


# The outline: whatever is written otherwise does not decode, and unknown members below the message are skipped. ---------


class _Attribute(msgspec.Struct, frozen=True, gc=False):
    key: str


class _Carrier(msgspec.Struct, frozen=True, gc=False):
    """A resource, scope, event or link."""

    name: str | None = None
    attributes: list[_Attribute] = []


class _Span(msgspec.Struct, frozen=True, gc=False):
    attributes: list[_Attribute] = []
    events: list[_Carrier] = []
    links: list[_Carrier] = []


class _ScopeSpans(msgspec.Struct, frozen=True, gc=False):
    scope: _Carrier = _Carrier()
    spans: list[_Span] = []


class _ResourceSpans(msgspec.Struct, frozen=True, gc=False):
    resource: _Carrier = _Carrier()
    scopeSpans: list[_ScopeSpans] = []


class _Message(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    resourceSpans: list[_ResourceSpans]
