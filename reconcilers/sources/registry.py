"""Which sources exist: ``reconcilers.sources.<room>.<kind>`` is one, found by its module's name and imported when asked for.

A room is ``billing``, ``invoices``, ``telemetry`` or ``revenue``. A module of a room is a source when it defines a ``Source``
subclass whose ``kind`` is the module's name; helpers of a room (``base``) define none and are no kind.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from reconcilers.errors import SettingsInvalid, nearest, told_by_model
from reconcilers.schemas import keys_at
from reconcilers.sources.contract import Source

ROOMS = ("billing", "invoices", "telemetry", "revenue")


def kinds(room: str) -> list[str]:
    """The kinds of one room, in order. Imports every module of the room."""
    package = importlib.import_module(f"reconcilers.sources.{_room(room)}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return [name for name in names if _find(room, name) is not None]


def source_class(room: str, kind: str) -> type[Source]:
    """The class that implements ``kind``; raises ``SettingsInvalid`` naming the kinds there are."""
    found = _find(_room(room), kind) if _is_kind(kind) else None
    if found is None:
        raise SettingsInvalid(f"unknown {room} kind {kind!r:.80}", hint=f"use one of {', '.join(kinds(room))}")
    return found


def load(room: str, config: Mapping[str, Any]) -> Source:
    """One configured source. Raises ``SettingsInvalid`` naming the source and each wrong field."""
    name = str(config.get("name", "?"))
    if not isinstance(config.get("kind"), str):
        raise SettingsInvalid(f"{room} source without a kind", source=name, hint=f"use one of {', '.join(kinds(room))}")
    cls = source_class(room, config["kind"])
    try:
        return cls(cls.Config.model_validate(dict(config)))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, place)) or 'source'}: {said}" for place, said in _wrong(cls, error))
        raise SettingsInvalid(told, source=name, hint=f"fix the source's {room} configuration") from None


def problems(room: str, config: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(key within the source, what is wrong) of all that is wrong with one configured source."""
    kind = config.get("kind")
    if not isinstance(kind, str):
        yield (), f"{room} source without a kind; use one of {', '.join(kinds(room))}"
    elif (cls := _find(room, kind) if _is_kind(kind) else None) is None:
        known = kinds(room)
        yield ("kind",), f"unknown {room} kind {kind!r:.80}{nearest(kind, known)}; use one of {', '.join(known)}"
    else:
        try:
            cls.Config.model_validate(dict(config))
        except ValidationError as error:
            yield from _wrong(cls, error)


def _wrong(cls: type[Source], error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    # The values are left out: one of them may be a secret put in the wrong place.
    for one in error.errors():
        place = one["loc"]
        if one["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            known = nearest(str(place[-1]), keys_at(cls.Config.model_json_schema(), place[:-1]))
            of_kind = f" of kind {cls.kind}" if len(place) == 1 else ""
            yield place, f"there is no such setting{of_kind}{known}"
        else:
            yield place, told_by_model(one)


def _is_kind(kind: str) -> bool:
    return kind.isidentifier() and not kind.startswith("_")


def _room(room: str) -> str:
    if room not in ROOMS:
        raise SettingsInvalid(f"unknown room {room!r:.40}", hint=f"use one of {', '.join(ROOMS)}")
    return room


def _find(room: str, kind: str) -> type[Source] | None:
    name = f"reconcilers.sources.{room}.{kind}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, Source) and vars(value).get("kind") == kind:
            return value
    return None
