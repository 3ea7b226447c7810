"""What the JSON Schema of a model says of a place in what the model reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Schema = dict[str, Any]


def variants(one: Schema, definitions: Schema) -> Iterator[Schema]:
    """What a value may be, references followed."""
    if "$ref" in one:
        yield from variants(definitions[one["$ref"].rpartition("/")[2]], definitions)
    elif "anyOf" in one:
        for variant in one["anyOf"]:
            yield from variants(variant, definitions)
    else:
        yield one


def keys_at(schema: Schema, place: Sequence[str | int]) -> list[str]:
    """The keys that the mapping at a place may have, where the schema names them."""
    definitions = schema.get("$defs", {})
    found = list(variants(schema, definitions))
    for step in place:
        inside = (_inside(one, step) for one in found)
        found = [variant for one in inside if one for variant in variants(one, definitions)]
    return [key for one in found for key in one.get("properties", {})]


def _inside(one: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        items = one.get("items")
        return items if isinstance(items, dict) else None
    others = one.get("additionalProperties")
    found = one.get("properties", {}).get(step, others)
    return found if isinstance(found, dict) else None
