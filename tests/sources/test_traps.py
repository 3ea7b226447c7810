"""Every trap of the tables has tests that hold it, which are there and are run whatever the machine has.

What goes wrong whoever writes it stands in ``traps_of_bills.py`` and its siblings. Traps of one provider's own format stand
at the top of that provider's test file, in words of its docstring, each with the tests that hold it: of that file, or of
another test file that it names.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.sources import traps_of_bills, traps_of_emitters, traps_of_invoices, traps_of_telemetry
from tests.sources.traps import all_tests, not_there

HERE = Path(__file__).parent

HELD = [
    one
    for table in (traps_of_bills, traps_of_invoices, traps_of_telemetry, traps_of_emitters)
    for one in table.TRAPS.items()
]


@pytest.mark.parametrize(("trap", "held"), HELD)
def test_a_trap_is_held_by_tests_there_are(trap: str, held: str) -> None:
    assert not_there(held, HERE.parent) == [], trap


def _told_above(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""


def _named_above(file: Path) -> set[str]:
    """The tests that a file's docstring names."""
    return set(re.findall(r"\btest_\w+\b(?!\.py)", _told_above(file)))


#: Test files with a table of traps at their top.
TABLES = [str(path.relative_to(HERE)) for path in sorted(HERE.rglob("test_*.py")) if len(_named_above(path)) > 3]


def test_every_format_with_facts_of_its_own_has_a_table() -> None:
    of_apis, of_files = ("anthropic", "openai", "openrouter", "gcp"), ("aws", "azure", "oci", "mapped_bill")
    formats = (*of_apis, *of_files, "databricks", "snowflake", "gpu_hours")
    assert {"test_focus.py", *(f"billing/test_{kind}.py" for kind in formats)} <= set(TABLES)


@pytest.mark.parametrize("file", TABLES)
def test_a_table_of_traps_names_tests_there_are(file: str) -> None:
    told = _told_above(HERE / file)
    there = {HERE / file, *(path for path in HERE.parent.rglob("test_*.py") if path.name in told)}
    assert _named_above(HERE / file) - set().union(*map(all_tests, there)) == set()
