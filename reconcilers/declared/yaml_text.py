"""A YAML file as a person wrote it: its values, the line of each, and what no settings may hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconcilers.errors import SettingsInvalid

#: Settings of a thousand sources have fewer keys; aliases of aliases stand for more.
_MOST_PLACES = 100_000
#: Where a value stands: keys of mappings and places in lists, from the top.
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Written:
    """``values`` of the whole file, ``lines`` of each place in it, and ``problems`` as (place, line, what is wrong)."""

    values: dict[str, Any]
    lines: Mapping[Place, int]
    problems: list[tuple[Place, int, str]]

    def line_of(self, place: Place) -> int | None:
        """The line of a place, else of the nearest one around it."""
        found = (self.lines.get(place[:size]) for size in range(len(place), 0, -1))
        return next((line for line in found if line is not None), None)


def read(path: Path) -> Written:
    """Raises ``SettingsInvalid`` for what is not YAML, or not keys and values."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8-sig")
        root, values = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"not UTF-8: {error.reason} at byte {error.start}", file=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise SettingsInvalid(f"not YAML: {problem}", file=str(path), line=mark.line + 1 if mark else None) from error
    except RecursionError:
        raise SettingsInvalid("lists or keys in one another without end", file=str(path)) from None
    if root is None:
        return Written({}, {}, [])
    if not isinstance(root, yaml.MappingNode) or not isinstance(values, dict):
        raise SettingsInvalid("the settings file must hold keys and values", file=str(path))
    lines: dict[Place, int] = {}
    problems = []
    try:
        for problem in _walk(root, (), lines):
            problems.append(problem)
    except _ZeroByte as error:
        raise SettingsInvalid("a value holds a zero byte", file=str(path), line=error.line) from None
    except (RecursionError, _TooMany):
        raise SettingsInvalid("its aliases stand for more than settings can hold", file=str(path)) from None
    return Written({key: value for key, value in values.items() if isinstance(key, str)}, lines, problems)


class _TooMany(Exception):
    """More places than any settings have."""


class _ZeroByte(Exception):
    """In a text that may become a path; no system has one of that name, and asking for it is no answer but a fault."""

    def __init__(self, line: int) -> None:
        self.line = line


def _walk(node: Any, place: Place, lines: dict[Place, int]) -> Iterator[tuple[Place, int, str]]:
    """Put down the line of every place below a node, and yield what is wrong with its keys."""
    if len(lines) > _MOST_PLACES:
        raise _TooMany
    if node.id == "scalar" and "\0" in node.value:
        raise _ZeroByte(node.start_mark.line + 1)
    if node.id == "sequence":
        for number, item in enumerate(node.value):
            lines[*place, number] = item.start_mark.line + 1
            yield from _walk(item, (*place, number), lines)
    elif node.id == "mapping":
        for key, value in node.value:
            line = key.start_mark.line + 1
            inside = (*place, str(key.value))
            if key.id != "scalar" or not key.tag.endswith((":str", ":merge")):
                yield inside, line, "a key is a word; put it in quotes if it is meant as one"
            elif inside in lines:
                yield inside, line, f"stands here for the second time; the first is on line {lines[inside]}"
            lines.setdefault(inside, line)
            yield from _walk(value, inside, lines)
