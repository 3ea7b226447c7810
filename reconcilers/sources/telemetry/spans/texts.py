"""Which attributes hold prompts, completions, thoughts, tool arguments or headers, by a rule that needs no list of emitters.

An attribute that a vocabulary or a setting reads is kept; one that a vocabulary knows as text never is. Of all others, what
no name vouches for, only a number, a truth value or a single word stays: ids that a setting may name one day. A name with a
word of text in it (``mlflow.spanInputs``, ``response_data``) keeps numbers only.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from enum import Enum, auto
from functools import cache
from typing import Any

from reconcilers.sources.telemetry import dialects
from reconcilers.sources.telemetry.base import Dialect
from reconcilers.sources.telemetry.spans.query import split_name

Value = dict[str, Any]

#: A word in a name that holds text.
_TEXT = {
    *("answer", "answers", "arg", "args", "argument", "arguments", "authorization", "backstory", "blob", "body"),
    *("calls", "caption", "chat", "chunks", "comment", "completion", "completions", "content", "contents"),
    *("conversation", "cookie", "cookies", "credential", "credentials", "data", "description", "dialog", "dialogue"),
    *("document", "documents", "email", "embedding", "embeddings", "events", "goal", "header", "headers", "history"),
    *("input", "inputs", "instruction", "instructions", "json", "kwargs", "memory", "message", "messages", "msg"),
    *("note", "notes", "observation", "output", "outputs", "parameter", "parameters", "params", "password", "payload"),
    *("preview", "prompt", "prompts", "query", "question", "raw", "reasoning", "reply", "responses", "result"),
    *("results", "secret", "secrets", "snippet", "speech", "sql", "stack", "stacktrace", "statement", "summary"),
    *("task", "tasks", "template", "text", "texts", "thinking", "thought", "thoughts", "title", "transcript"),
    *("utterance", "variables", "vector", "vectors"),
}
#: A word that says so at the end of a name only.
_TEXT_AT_END = {
    *("attributes", "context", "ctx", "expected", "metadata", "request", "response", "state", "value", "values"),
}
#: A word at the end of a name that says what is no text, whatever stands before it.
_NO_TEXT = {
    *("count", "currency", "format", "hash", "id", "ids", "language", "model", "ms", "name", "region", "role"),
    *("seconds", "tokens", "type", "uuid", "version"),
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
#: The keys of a path in a JSON text.
_KEYS = re.compile(r'\."([^"]+)"')
#: A single word, as ids, models, addresses and times are: no blank, no quote, no bracket, no question.
_ONE_WORD = re.compile(r"[A-Za-z0-9_.:/@+=,;~%#&|*$^!-]{0,128}")
#: What is read of a JSON text is a name, of a customer with blanks in it, say; what is longer is none.
_LONGEST_NAME = 128
NUMBERS = ("intValue", "doubleValue", "boolValue")
#: A list of more is a vector or a text in parts.
_MOST_VALUES = 32


class Holds(Enum):
    """What is known of an attribute by its name."""

    NO_TEXT = auto()
    TEXT = auto()
    #: JSON text, of which some is read.
    PARTS = auto()
    #: Text unless it is a number.
    WORDS = auto()
    #: Text unless it is a number or a single word; of a resource or scope, whose values are no call's, no text.
    UNKNOWN = auto()


class TextNames(dict[str, Holds]):
    """Attribute name → what it holds, decided once per name.

    ``read`` are the names that are read, as dialects write them; ``remove`` names of text that a setting adds.
    """

    def __init__(self, read: Iterable[str], remove: Iterable[str]) -> None:
        super().__init__()
        known, read, self.removed = known_dialects(), set(read), _Patterns(remove)
        self.texts = _Patterns(name for dialect in known for name in dialect.texts)
        self.no_texts = _Patterns(name for dialect in known for name in dialect.no_texts)
        self.events = frozenset(name for dialect in known for name in dialect.text_events)
        #: Attribute → the paths in its JSON text that are read.
        self.parts: dict[str, list[list[str]]] = {}
        self.read: set[str] = set()
        for name in read:
            attribute, path = split_name(name.rpartition("/")[2])
            if path:
                self.parts.setdefault(attribute, []).append(_KEYS.findall(path))
            else:
                self.read.add(attribute)

    def __missing__(self, name: str) -> Holds:
        found = self._decided(name)
        if len(self) < 100_000:
            self[name] = found
        return found

    def _decided(self, name: str) -> Holds:
        if self.removed.length(name) or name in self.texts.exact:
            return Holds.PARTS if name in self.parts and not self.removed.length(name) else Holds.TEXT
        if name in self.read or name in self.no_texts.exact:
            return Holds.NO_TEXT
        text, no_text = self.texts.length(name), self.no_texts.length(name)
        if text > no_text:
            return Holds.PARTS if name in self.parts else Holds.TEXT
        words = [word.lower() for word in _WORDS.findall(name)]
        if name in self.parts or (words and words[-1] in _NO_TEXT):
            return Holds.NO_TEXT
        if not _TEXT.isdisjoint(words) or (words and words[-1] in _TEXT_AT_END):
            return Holds.WORDS
        return Holds.NO_TEXT if no_text else Holds.UNKNOWN

    def kept(self, attribute: Value, of_call: bool = True) -> Value | None:
        """An attribute without its text, None where nothing of it stays. ``of_call``: not of a resource or scope."""
        value, holds = attribute.get("value") or {}, self[attribute["key"]]
        if holds is Holds.NO_TEXT or (holds is Holds.UNKNOWN and not of_call):
            return attribute
        if holds is Holds.WORDS and value.keys() <= {*NUMBERS}:
            return attribute
        if holds is Holds.UNKNOWN and _is_plain(value):
            return attribute
        if holds is Holds.PARTS and (parts := self._parts(attribute["key"], value.get("stringValue"))):
            return attribute if parts == value["stringValue"] else attribute | {"value": {"stringValue": parts}}
        return None

    def _parts(self, name: str, text: object) -> str | None:
        """What is read of a JSON text, as JSON."""
        import orjson

        try:
            told = orjson.loads(text) if isinstance(text, str) else None
        except ValueError:
            return None
        kept: Value = {}
        for path in sorted(self.parts[name]):
            found, place = told, kept
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, (bool, int)) or (isinstance(found, str) and len(found) <= _LONGEST_NAME):
                for key in path[:-1]:
                    place = place.setdefault(key, {})
                place[path[-1]] = found
        return orjson.dumps(kept).decode() if kept else None


class _Patterns:
    """Names; one that ends in a dot stands for all that start so, ``*`` between two dots for any word."""

    def __init__(self, names: Iterable[str]) -> None:
        names = set(names)
        self.prefixes = tuple(name for name in names if name.endswith("."))
        self.exact = {name for name in names if not name.endswith(".") and "*" not in name}
        starred = sorted(names - self.exact - {*self.prefixes})
        self.starred = re.compile("|".join(re.escape(name).replace(r"\*", r"[^.]+") for name in starred) or "(?!)")

    def length(self, name: str) -> int:
        """How much of a name is known, 0 where it is none of these."""
        if name in self.exact or self.starred.fullmatch(name):
            return len(name)
        return max((len(prefix) for prefix in self.prefixes if name.startswith(prefix)), default=0)


def _is_plain(value: Value) -> bool:
    """Whether a value is a number, a truth value, a single word, or a few of them."""
    if "arrayValue" in value:
        values = (value["arrayValue"] or {}).get("values") or []
        return len(values) <= _MOST_VALUES and all("arrayValue" not in v and _is_plain(v) for v in values)
    return all(
        name in NUMBERS or (name == "stringValue" and isinstance(told, str) and bool(_ONE_WORD.fullmatch(told)))
        for name, told in value.items()
    )


@cache
def known_dialects() -> tuple[Dialect, ...]:
    """Every vocabulary there is, read by a source or not: what is text in one is never landed."""
    modules = (
        importlib.import_module(f"{dialects.__name__}.{m.name}") for m in pkgutil.iter_modules(dialects.__path__)
    )
    return tuple(module.DIALECT for module in modules)
