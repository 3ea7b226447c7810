"""docs/coverage.md names commands and alerts that there are; its queries are asked of the whole sample by the tests of incidents."""

from __future__ import annotations

import re

import duckdb
import pytest
import typer

from reconcilers.cli import app
from tests.claims.coverage import KINDS, LINES, unanswered


def test_every_line_says_how_the_answer_is_seen() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert len(LINES) > 70
    for asked, seen_by in LINES:
        command = re.fullmatch(r"reconcile ([a-z-]+)", seen_by)
        known = seen_by.startswith("select ") or seen_by in KINDS or (command and command[1] in commands)
        assert known, f"{asked}: {seen_by}"


def test_a_query_without_rows_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.claims.coverage.LINES", [("nothing", "select 1 where false"), ("one", "select 1")])
    assert list(unanswered(duckdb.connect())) == ["nothing"]
