"""A schema is asked for the keys a place may have, however deep, through lists, mappings and references."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from reconcilers.schemas import keys_at


class Leaf(BaseModel):
    colour: str = ""


class Branch(BaseModel):
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = {}
    only: Leaf | str | None = None


class Tree(BaseModel):
    branch: Branch = Branch()


@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ((), ["branch"]),
        (("branch",), ["leaves", "by_name", "only"]),
        (("branch", "leaves", 3), ["colour"]),
        (("branch", "by_name", "any"), ["colour"]),
        (("branch", "only"), ["colour"]),
        (("branch", "leaves"), []),
        (("branch", "none", "deeper"), []),
        (("branch", "only", 0), []),
    ],
)
def test_keys_of_a_place(place: tuple[str | int, ...], keys: list[str]) -> None:
    assert keys_at(Tree.model_json_schema(), place) == keys
