"""Everything ``reconcile.yaml`` may say, of the models that read it: a JSON Schema for editors, and a page for people.

``python -m reconcilers.configuration FILE`` writes the page, ``docs/configuration.md`` (``make docs``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconcilers.declared.settings import Settings
from reconcilers.schemas import variants
from reconcilers.sources import registry
from reconcilers.sources.contract import SourceConfig

Schema = dict[str, Any]

_HEAD = """# What `reconcile.yaml` may say

Made by `make docs` from the models that read the file; a test holds it to them. Editors know the same from `reconcile schema`, which `reconcile init` writes beside the settings.
Relative paths are relative to the settings file. Secrets are never in it: a key ending in `_env` names the environment variable that holds one. `reconcile check` says what is wrong, with line and key.
`a.b` is the key `b` inside of `a`, `a[]` an entry of a list, `a.*` the value of any key.
"""


def schema() -> Schema:
    """JSON Schema (2020-12) of the settings, with every kind of source there is."""
    whole = Settings.model_json_schema()
    del whole["properties"]["file"]
    definitions = whole.pop("$defs", {})
    for room in registry.ROOMS:
        kinds = {kind: _of_kind(room, kind, definitions) for kind in registry.kinds(room)}
        whole["properties"][room] |= {"items": _one_of(kinds)}
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "title": "reconcile.yaml"}
    plain: Schema = _plain({**found, "$defs": definitions})
    return plain


def _of_kind(room: str, kind: str, definitions: Schema) -> Schema:
    """The schema of one kind of source; what it refers to goes to ``definitions``, which all share."""
    found = registry.source_class(room, kind).Config.model_json_schema()
    definitions |= found.pop("$defs", {})
    found["properties"]["kind"] |= {"const": kind}
    return found


def _one_of(kinds: Mapping[str, Schema]) -> Schema:
    """A source of any kind. The kind decides first, so that an editor names what is wrong in the kind that is meant."""
    return {
        "type": "object",
        "required": ["name", "kind"],
        "properties": {"kind": {"enum": list(kinds), "description": "Which module reads it."}},
        "allOf": [
            {"if": {"required": ["kind"], "properties": {"kind": {"const": kind}}}, "then": one}
            for kind, one in kinds.items()
        ],
    }


def _plain(found: Any) -> Any:
    """Without the titles that pydantic makes of names."""
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items() if key != "title" or not isinstance(value, str)}
    return [_plain(one) for one in found] if isinstance(found, list) else found


def page() -> str:
    """``docs/configuration.md``: every key with what it may be, its default and what it says."""
    whole = schema()
    definitions = whole["$defs"]
    parts = [_HEAD, "## The settings\n", *_table(whole, definitions, skipped=registry.ROOMS)]
    every = _plain(SourceConfig.model_json_schema())
    parts += ["\n## Every source\n", *_table(every, definitions)]
    for room in registry.ROOMS:
        parts.append(f"\n## `{room}`\n\n{whole['properties'][room]['description']}\n")
        for choice in whole["properties"][room]["items"]["allOf"]:
            kind = choice["if"]["properties"]["kind"]["const"]
            about = choice["then"].get("description", "").replace("\n", " ")
            parts.append(f"\n### `kind: {kind}`\n\n{about}\n")
            parts += _table(choice["then"], definitions, skipped=tuple(SourceConfig.model_fields))
    return "\n".join(parts).replace("\n\n\n", "\n\n") + "\n"


def keys(found: Schema, definitions: Schema, inside: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """(key, its schema, whether it is required) of all that a mapping may hold, what is inside of it after it."""
    for name, one in found.get("properties", {}).items():
        yield inside + name, one, name in found.get("required", ())
        yield from _inside(one, definitions, inside + name)


def _inside(one: Schema, definitions: Schema, place: str) -> Iterator[tuple[str, Schema, bool]]:
    for variant in variants(one, definitions):
        if variant.get("type") == "array":
            yield from _inside(variant.get("items", {}), definitions, f"{place}[]")
        elif "properties" in variant:
            yield from keys(variant, definitions, f"{place}.")
        elif isinstance(variant.get("additionalProperties"), dict):
            yield from _inside(variant["additionalProperties"], definitions, f"{place}.*")


def _table(found: Schema, definitions: Schema, skipped: tuple[str, ...] = ()) -> list[str]:
    rows = ["| key | may be | default | what it says |", "|---|---|---|---|"]
    for key, one, required in keys(found, definitions):
        if key.partition(".")[0].partition("[")[0] in skipped:
            continue
        may_be = ", or ".join(dict.fromkeys(_may_be(variant) for variant in variants(one, definitions)))
        examples = "; ".join(f"`{_written(example)}`" for example in one.get("examples", ()))
        says = " ".join(one.get("description", "").split()) + (f" Such as {examples}." if examples else "")
        default = "required" if required else f"`{_written(one['default'])}`" if _has_default(one) else ""
        rows.append(f"| `{key}` | {_cell(may_be)} | {_cell(default)} | {_cell(says)} |")
    return rows


def _has_default(one: Schema) -> bool:
    """Whether there is one worth showing: keys inside of a default are shown with their own."""
    return one.get("default") not in (None, [], {}) and not isinstance(one.get("default"), dict)


def _may_be(variant: Schema) -> str:
    if "enum" in variant or "const" in variant:
        return ", ".join(f"`{value}`" for value in variant.get("enum", [variant.get("const")]))
    kind = str(variant.get("type", "anything"))
    if kind == "array":
        of = variant.get("items", {})
        return f"a list of {_may_be(of)}" if "enum" in of else "a list"
    if kind in ("integer", "number"):
        return f"a {'whole ' if kind == 'integer' else ''}number{_bounds(variant)}"
    if kind == "string":
        return "a path" if variant.get("format") == "path" else "a text"
    return {"null": "nothing", "object": "a mapping", "boolean": "`true`, `false`"}.get(kind, kind)


def _bounds(variant: Schema) -> str:
    least, most = variant.get("minimum"), variant.get("maximum")
    if "exclusiveMinimum" in variant:
        return f" above {variant['exclusiveMinimum']}" + ("" if most is None else f", up to {most}")
    if least is None:
        return "" if most is None else f" up to {most}"
    return f" from {least}" + ("" if most is None else f" to {most}")


def _written(value: Any) -> str:
    """A value as YAML has it on one line."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
