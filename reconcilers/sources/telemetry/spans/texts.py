"""What of an attribute may be landed, so that prompts, completions, thoughts, tool arguments and headers are not.

The rule is a list of what stays, since nobody can list what emitters call their text. An attribute that a vocabulary or a
setting reads stays; one that a vocabulary knows as text never does. Of a name that says it holds a name, an id or a type, a
line no longer than an id may be stays; of any other a number, a truth value or a single word of that length: ids that a
setting may name one day. A name with a word of text in it (``mlflow.spanInputs``, ``response_data``) keeps numbers only.
"""

from __future__ import annotations

import importlib
import json
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
#: A text or a constant as Python's ``repr`` writes them; an escape it does not write is none.
_ESCAPE = r"""\\(?:[\\'"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U00(?:0[0-9a-f]|10)[0-9a-f]{4})"""
_PYTHON = re.compile(rf"""'(?:[^'\\\x00-\x1f]|{_ESCAPE})*'|"(?:[^"\\\x00-\x1f]|{_ESCAPE})*"|\b(?:None|True|False)\b""")
#: In characters; a longer one is hardly metadata, and is not worth its time.
_LONGEST_PYTHON = 1 << 14
#: What of a text of Python's is spelled otherwise in JSON.
_OTHERWISE = re.compile(rf'{_ESCAPE}|"')
_CONSTANTS = {"None": "null", "True": "true", "False": "false"}
#: No id or name is longer, in characters: a UUID has 36, a response id of a provider up to 64, the resource name of an AWS
#: inference profile some 90, of a model on Vertex AI some 110.
LONGEST = 128
#: A single word, as ids, models, addresses and times are: no blank, no quote, no bracket, no question.
ONE_WORD = re.compile(rf"[A-Za-z0-9_.:/@+=,;~%#&|*$^!-]{{0,{LONGEST}}}")
#: One line, as names are.
_ONE_LINE = re.compile(rf"[^\x00-\x1f]{{0,{LONGEST}}}")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.eE+-]{0,63}|[+-]?(?:Infinity|NaN)")
_NUMBERS = frozenset({"intValue", "doubleValue", "boolValue"})
_SCALARS = _NUMBERS | {"stringValue"}
_PLAIN = frozenset({str, int, float, bool})
#: A list of more is a vector or a text in parts.
_MOST_VALUES = 32
_ATTRIBUTE = {"key", "value"}
#: In place of a list, a map or bytes of a name that is read: still none of the values that it should be.
_NOTHING: Value = {"kvlistValue": {}}


class Holds(Enum):
    """What is known of an attribute by its name, and so which values of it may stay."""

    #: What is read: any number or text.
    READ = auto()
    #: An id, a name, a type: one line that is not too long.
    NAME = auto()
    #: Not known: a number or one word.
    WORD = auto()
    #: Text unless it is a number.
    NUMBER = auto()
    #: JSON text, of which some is read.
    PARTS = auto()
    TEXT = auto()

    def of(self, a_call: bool) -> Holds:
        """The same of a resource or scope where it is not ``a_call``'s: no caller chooses its values, so that a line of what is
        not known stays there."""
        return Holds.NAME if self is Holds.WORD and not a_call else self


_READ = Holds.READ


class TextNames(dict[str, Holds]):
    """Attribute name → what it holds, decided once per name.

    ``read`` are the names that are read, as dialects write them; a setting declares that those of ``keep`` hold no text and
    those of ``remove`` do.
    """

    def __init__(self, read: Iterable[str], keep: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        super().__init__()
        known, read, self.declared, self.removed = known_dialects(), set(read), _Patterns(keep), _Patterns(remove)
        self.texts = _Patterns(name for dialect in known for name in dialect.texts)
        self.no_texts = _Patterns(name for dialect in known for name in dialect.no_texts)
        self.events = frozenset(name for dialect in known for name in dialect.text_events)
        #: Attribute → the paths in its JSON text that are read.
        self.parts: dict[str, list[list[str]]] = {}
        self.read: set[str] = set()
        for name in read:
            attribute, path = split_name(name.rpartition("/")[2])
            if path:
                self.parts.setdefault(attribute, []).append(keys_of(path))
            else:
                self.read.add(attribute)

    def __missing__(self, name: str) -> Holds:
        found = self._decided(name)
        if len(self) < 100_000:
            self[name] = found
        return found

    def _decided(self, name: str) -> Holds:
        if self.removed.length(name):
            return Holds.TEXT
        if self.declared.length(name):
            return Holds.READ
        if name in self.texts.exact:
            return Holds.PARTS if name in self.parts else Holds.TEXT
        if name in self.read:
            return Holds.READ
        if not _ONE_LINE.fullmatch(name):
            return Holds.TEXT
        if name in self.no_texts.exact:
            return Holds.NAME
        text, no_text = self.texts.length(name), self.no_texts.length(name)
        if name in self.parts:
            return Holds.PARTS
        if text > no_text:
            return Holds.TEXT
        words = [word.lower() for word in _WORDS.findall(name)]
        if words and words[-1] in _NO_TEXT:
            return Holds.NAME
        if not _TEXT.isdisjoint(words) or (words and words[-1] in _TEXT_AT_END):
            return Holds.NUMBER
        return Holds.NAME if no_text else Holds.WORD

    def kept(self, attribute: Value, of_call: bool = True) -> Value | None:
        """An attribute without its text, None where nothing of it stays. ``of_call``: not of a resource or scope."""
        name, value = attribute["key"], attribute.get("value") or {}
        holds = self[name] if of_call else self[name].of(a_call=False)
        # Nearly every attribute of a call is read and is a text or a number.
        if holds is _READ and value.keys() <= _SCALARS and len(attribute) == 2:
            (told,) = value.values() if len(value) == 1 else (value,)
            if told.__class__ in _PLAIN:
                return attribute
        kept = self._kept(name, holds, value)
        if kept is None:
            return None
        return attribute if kept is value and attribute.keys() <= _ATTRIBUTE else {"key": name, "value": kept}

    def _kept(self, name: str, holds: Holds, value: Value) -> Value | None:
        if holds is Holds.READ:
            are_scalars = all(_is_scalar(member, told) for member, told in value.items())
            return value if are_scalars or fits(value, Holds.NAME) else _NOTHING
        if holds is Holds.PARTS:
            told = value.get("stringValue")
            parts = self._parts(name, told)
            return value if parts is not None and parts == told else {"stringValue": parts} if parts else None
        return value if fits(value, holds) else None

    def _parts(self, name: str, text: object) -> str | None:
        """What is read of a JSON text, or of Python's spelling of it, as JSON; numbers with a fraction as text, to keep every digit."""
        try:
            told = _loaded(text) if isinstance(text, str) else None
            kept: Value = {}
            for path in sorted(self.parts[name]):
                found, place = told, kept
                for key in path:
                    found = found.get(key) if isinstance(found, dict) else None
                if isinstance(found, (bool, int)) or (isinstance(found, str) and is_one_line(found)):
                    for key in path[:-1]:
                        place = place.setdefault(key, {})
                    place[path[-1]] = found
            parts = json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None
            # Half a surrogate pair is no text.
            return parts.encode().decode() if parts else None
        except (ValueError, RecursionError):
            return None


def _loaded(text: str) -> Any:
    """A JSON text, else one as Python's ``repr`` writes it, ``{'event_id': 'e-1'}``: its words are spelled as JSON's, the shape
    around them is read as JSON, so that nothing is evaluated. Raises ``ValueError`` for a text that is neither."""
    try:
        return json.loads(text, parse_float=str)
    except ValueError:
        # JSON that was cut off begins with a double quote, and is not looked at twice.
        if not text.startswith("{'") or len(text) > _LONGEST_PYTHON:
            raise
        return json.loads(_PYTHON.sub(_as_json, text), parse_float=str)


def _as_json(word: re.Match[str]) -> str:
    told = word[0]
    return _CONSTANTS[told] if told in _CONSTANTS else f'"{_OTHERWISE.sub(_escaped, told[1:-1])}"'


def _escaped(sign: re.Match[str]) -> str:
    told = sign[0]
    if told == "\\'":
        return "'"
    if told[:2] in ("\\x", "\\U"):
        return json.dumps(chr(int(told[2:], 16)))[1:-1]
    return '\\"' if told == '"' else told


def keys_of(path: str) -> list[str]:
    """The keys of a path in a JSON text, as ``split_name`` writes it."""
    return _KEYS.findall(path)


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


def fits(value: Value, holds: Holds) -> bool:
    """Whether a value is what a name that ``holds`` a name, a word or a number may keep; the texts of a list together."""
    if holds is Holds.NUMBER:
        return all(_is_number(member, told) for member, told in value.items())
    form = {Holds.NAME: _ONE_LINE, Holds.WORD: ONE_WORD}.get(holds)
    texts = _texts(value)
    return form is not None and texts is not None and form.fullmatch("".join(texts)) is not None


def is_one_line(text: str) -> bool:
    """Whether a text may be a name."""
    return _ONE_LINE.fullmatch(text) is not None


def is_one_word(text: str) -> bool:
    """Whether a text may be an id."""
    return ONE_WORD.fullmatch(text) is not None


def _texts(value: Value) -> list[str] | None:
    """What a value or the values of its list say as text; None for maps, bytes, lists of lists and what is no value of OTLP."""
    told = [value]
    if (of_list := value.get("arrayValue")) and len(value) == 1 and of_list.keys() <= {"values"}:
        told = of_list.get("values") or []
    if len(told) > _MOST_VALUES or not all(_is_scalar(member, one) for part in told for member, one in part.items()):
        return None
    return [one for part in told for one in part.values() if isinstance(one, str)]


def _is_scalar(member: str, told: object) -> bool:
    return member in _SCALARS and not isinstance(told, (dict, list))


def _is_number(member: str, told: object) -> bool:
    """Whether a member of a value is a number or a truth value and says so, as text or not."""
    return member in _NUMBERS and (
        _NUMBER.fullmatch(told) is not None if isinstance(told, str) else told is None or isinstance(told, (int, float))
    )


@cache
def known_dialects() -> tuple[Dialect, ...]:
    """Every vocabulary there is, read by a source or not: what is text in one is never landed."""
    modules = (
        importlib.import_module(f"{dialects.__name__}.{m.name}") for m in pkgutil.iter_modules(dialects.__path__)
    )
    return tuple(module.DIALECT for module in modules)
