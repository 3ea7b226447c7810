"""Users' ids in OTLP/JSON messages: the attributes that tell them, and a message without those of one user."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from reconcilers.errors import SourceRejected
from reconcilers.sources.telemetry.spans.files import quoted_fractions
from reconcilers.sources.telemetry.spans.prompts import leave, parts_of
from reconcilers.sources.telemetry.spans.query import split_name
from reconcilers.sources.telemetry.spans.texts import keys_of

Json = dict[str, Any]


class UserNames:
    """Attributes that tell a user's id, in messages of one source.

    ``names`` are written as dialects write them; ``others`` are those by which the source reads something else. An event's
    attribute is looked for on every part.
    """

    def __init__(self, source: str, names: Iterable[str], others: Iterable[str]) -> None:
        self.source, self.others = source, {*map(_place, others)}
        #: Attribute → the keys below which its JSON text tells an id; none where all of it is one.
        self.places: dict[str, list[tuple[str, ...]]] = {}
        for attribute, keys in dict.fromkeys(map(_place, names)):
            self.places.setdefault(attribute, []).append(keys)

    def without(self, content: bytes, user_id: str, file: str, line: int) -> bytes | None:
        """A message without that user's id, None where it does not tell it.

        Raises ``SourceRejected`` where the id is what the source reads something else from.
        """
        import orjson

        # In JSON a text may be written with escapes.
        if user_id.encode() not in content and b"\\" not in content:
            return None
        message, found = orjson.loads(quoted_fractions(content)), 0
        for part, _, _ in parts_of(message):
            if attributes := part.get("attributes"):
                try:
                    found += leave(attributes, [self._without(attribute, user_id) for attribute in attributes])
                except _TellsMoreError as error:
                    raise SourceRejected(
                        f"{str(error)!r:.80} tells the user's id and something else, which would be lost with it",
                        source=self.source,
                        file=file,
                        line=line,
                        hint="read the other from another attribute first (`attributes` of the source)",
                    ) from None
        return orjson.dumps(message) if found else None

    def _without(self, attribute: Json, user_id: str) -> Json:
        """The attribute where it does not tell the id. Else it stays without a value, so that no other of its name counts instead;
        of a JSON text all else stays."""
        name, value = attribute["key"], attribute.get("value") or {}
        for keys in self.places.get(name, ()):
            if not keys and user_id in _ids(value):
                self._refuse_if_shared(name, keys)
                return {"key": name, "value": {}}
            if keys and (text := _without_key(value.get("stringValue"), keys, user_id)) is not None:
                self._refuse_if_shared(name, keys)
                value = {"stringValue": text}
                attribute = {"key": name, "value": value}
        return attribute

    def _refuse_if_shared(self, name: str, keys: tuple[str, ...]) -> None:
        if (name, keys) in self.others:
            raise _TellsMoreError(".".join((name, *keys)))


class _TellsMoreError(Exception):
    """An attribute that tells more than a user's id."""


def _place(name: str) -> tuple[str, tuple[str, ...]]:
    """The attribute of a name, and the keys below which its JSON text has what is meant."""
    attribute, path = split_name(name.rpartition("/")[2])
    return attribute, tuple(keys_of(path or ""))


def _ids(value: Json) -> set[str]:
    """What a value, or one of its list, says as an id: trimmed, and out of the quotes of JSON."""
    told = [value, *((value.get("arrayValue") or {}).get("values") or ())]
    texts = {
        (str(one).lower() if isinstance(one, bool) else str(one)).strip(" \t\r\n")
        for part in told
        for one in part.values()
        if isinstance(one, (str, int, float))
    }
    return texts | {str(_json(text)).strip(" \t\r\n") for text in texts if text.startswith('"')}


def _without_key(text: object, keys: tuple[str, ...], user_id: str) -> str | None:
    """A JSON text without what it has below ``keys``; None where that is not the id."""
    told = holder = _json(text)
    for key in keys[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or user_id not in _ids({"stringValue": holder.get(keys[-1])}):
        return None
    del holder[keys[-1]]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _json(text: object) -> Any:
    """What a JSON text says; None for what is none."""
    try:
        return json.loads(text, parse_float=str) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
