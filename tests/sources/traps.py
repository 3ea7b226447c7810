"""Tables of traps: what goes wrong, in words, and the tests that hold it, ``file: test`` a line below some folder.

``file: test[case]`` is the case of a test that its file calls so.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


def not_there(held: str, folder: Path) -> list[str]:
    """Which of the tests that hold a trap there are not, or are not run whatever the machine has."""
    tests = [line.strip().split(": ", 1) for line in held.split("\n") if line.strip()]
    assert tests, "nothing holds it"
    return [f"{file}: {test}" for file, test in tests if not _is_there(folder / file, *test.partition("[")[::2])]


def _is_there(file: Path, test: str, case: str) -> bool:
    return test in all_tests(file) and (not case or case.removesuffix("]") in _keys(file))


@cache
def _keys(file: Path) -> set[str]:
    """The texts that are keys of a file's dictionaries, as the names of cases are."""
    dicts = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Dict))
    return {str(key.value) for node in dicts for key in node.keys if isinstance(key, ast.Constant)}


@cache
def all_tests(file: Path) -> set[str]:
    """The tests of a file that are run whatever the machine has."""
    tree = ast.parse(file.read_text())
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
    return {node.name for node in found if not any("skip" in ast.unparse(mark) for mark in node.decorator_list)}
