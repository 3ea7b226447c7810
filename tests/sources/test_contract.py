"""What every source says of itself."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

import reconcilers
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

KINDS = [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)]
#: What lands bytes and what names an error say nothing of a row.
NOT_OF_A_ROW = {"reconcilers.errors", "reconcilers.ingest.landing"}
PACKAGE = Path(reconcilers.__path__[0])


def imported(file: Path) -> set[str]:
    """The project's modules that one file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("reconcilers.")}


def file_of(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return path if path.is_file() else None


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_whatever_code_makes_a_row_is_in_the_recipe(room: str, kind: str) -> None:
    source = registry.source_class(room, kind)
    reached, ahead, files = set(), {source.__module__}, set()
    while ahead:
        reached |= ahead
        found = {file for name in ahead if (file := file_of(name))}
        files |= found
        ahead = {name for file in found for name in imported(file)} - reached - NOT_OF_A_ROW
    assert len(files) > 1
    assert files <= source.readers()


def test_vocabularies_are_found_by_name_and_are_in_the_recipe() -> None:
    readers = {file.name for file in registry.source_class("telemetry", "otlp").readers()}
    assert {"botanu.py", "otel_genai.py"} <= readers


def test_a_table_beside_a_source_is_in_its_recipe_and_in_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("one", "another"):
        (tmp_path / f"{kind}.py").write_text(f"from {Source.__module__} import Source\nclass One(Source): ...\n")
    (tmp_path / "one.csv").write_text("text,meaning\n")
    for kind, held in (("one", {"one.py", "one.csv"}), ("another", {"another.py"})):
        spec = importlib.util.spec_from_file_location(f"{kind}_of_test", tmp_path / f"{kind}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        assert {file.name for file in module.One.readers() if tmp_path in file.parents} == held
