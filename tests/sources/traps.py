"""Tables of traps: what goes wrong, in words, and the tests that hold it, ``file: test`` a line below some folder."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


def not_there(held: str, folder: Path) -> list[str]:
    """Which of the tests that hold a trap there are not, or are not run whatever the machine has."""
    tests = [line.strip().split(": ") for line in held.split("\n") if line]
    assert tests, "nothing holds it"
    return [f"{file}: {test}" for file, test in tests if test not in all_tests(folder / file)]


@cache
def all_tests(file: Path) -> set[str]:
    """The tests of a file that are run whatever the machine has."""
    tree = ast.parse(file.read_text())
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    return {node.name for node in found if not any("skip" in ast.unparse(mark) for mark in node.decorator_list)}
