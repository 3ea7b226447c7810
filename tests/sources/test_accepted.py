"""What each source makes of bytes it delivered once is what was accepted; see ``accepted.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcilers.sources import registry
from reconcilers.sources.telemetry.otlp import DIALECTS
from tests.sources.accepted import CASES, Case, changes


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bytes_are_read_as_accepted(case: Case, tmp_path: Path) -> None:
    accepted, now = case.accepted(), case.read_now(tmp_path)
    assert now, "no unit of it was landed"
    if told := changes(case, accepted, now):
        pytest.fail(f"see whether this is meant, then `make accept`\n{told}", pytrace=False)


def test_every_kind_and_every_vocabulary_has_a_case() -> None:
    kinds = {(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)}
    assert {(case.room, case.kind) for case in CASES} == kinds
    assert {case.folder.name for case in CASES if case.kind == "otlp"} >= set(DIALECTS)
