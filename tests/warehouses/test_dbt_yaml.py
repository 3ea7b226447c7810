"""The YAML and configuration of the dbt project: every key is one dbt knows, and money in unit tests is text."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers.warehouses.dbt import PROJECT

ROOT = PROJECT.parent


def checked(project: Path) -> subprocess.CompletedProcess[str]:
    """What ``make check`` says of a project's keys."""
    command = ["make", "--no-print-directory", "check-yaml", f"DBT_PROJECT={project}", f"YAML_READ={project}/read"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("file", "key", "misspelt"),
    [
        pytest.param("models/marts/_finance.yml", "data_tests", "data_test", id="of a model"),
        pytest.param("models/staging/_staging.yml", "config: {meta", "config: {metta", id="of a configuration"),
        pytest.param(
            "models/intermediate/telemetry/int_calls.sql", "cluster_by", "cluster", id="in a model's own text"
        ),
        pytest.param("models/intermediate/_unit_tests.yml", "expect:", "expects:", id="of a unit test"),
    ],
)
def test_a_misspelt_key_fails_the_check(tmp_path: Path, file: str, key: str, misspelt: str) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    text = (project / file).read_text()
    assert key in text
    (project / file).write_text(text.replace(key, misspelt, 1))
    told = checked(project)
    assert told.returncode != 0
    assert misspelt.strip(":").rpartition("{")[2] in told.stdout
    assert Path(file).name in told.stdout


def unquoted(text: str) -> list[str]:
    """Numbers with a point in the rows of a file's unit tests, which YAML makes doubles before any column's type is known."""
    found = []
    for test in (yaml.safe_load(text) or {}).get("unit_tests", []):
        for row in _rows(test):
            found += [f"{test['name']}: {column} is {told}" for column, told in row.items() if isinstance(told, float)]
    return found


def _rows(test: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for table in (*test["given"], test["expect"]):
        if isinstance(table.get("rows"), list):
            yield from table["rows"]


def test_no_bare_number_with_a_point_stands_in_a_unit_test() -> None:
    assert [found for file in sorted(PROJECT.rglob("*.yml")) for found in unquoted(file.read_text())] == []


def test_a_bare_number_with_a_point_is_found() -> None:
    rows = "[{cost: 0.1, quantity: 3, price: '0.1'}]"
    text = f"unit_tests: [{{name: a, given: [{{input: b, rows: {rows}}}], expect: {{rows: {rows}}}}}]"
    assert unquoted(text) == ["a: cost is 0.1", "a: cost is 0.1"]
