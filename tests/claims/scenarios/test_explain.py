"""``reconcile explain``: from a published cost to the stored bytes, each share reckoned again."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.explain import explain


def test_shares_add_up_and_follow_from_the_rules(examples_settings: Path) -> None:
    found = explain(read_settings(examples_settings), "E16/e1", limit=100)
    assert len(found.shares) == found.shares_in_all == 9
    assert sum(share.cost for share in found.shares) == found.event["reconciled_cost"] == Decimal("0.90")
    assert all(share.holds for share in found.shares)
    assert {share.contract_price for share in found.shares} == {Decimal(10)}


def test_the_cited_line_is_the_stored_line(examples_settings: Path) -> None:
    (share,) = explain(read_settings(examples_settings), "E01/e1").shares
    (line,) = share.lines
    bill = (examples_settings.parent / "bills" / "E01" / "bill.csv").read_text().splitlines()
    assert line.stored is not None
    assert (line.stored.file, line.stored.text) == ("bill.csv", bill[line.stored.line - 1])
    assert line.stored.text.startswith("10.00,")


def test_spans_are_shown_as_they_are_stored(examples_settings: Path) -> None:
    settings = read_settings(examples_settings)
    (span,) = explain(settings, "E15/e1").spans
    # What no mapping names is not landed: the last column of this file is empty, and gone with its comma.
    (landed,) = settings.landing.rglob(span.stored.sha256)
    stored, *rest = landed.read_bytes().splitlines(keepends=True)[span.stored.line - 1 :]
    assert stored == f"{span.stored.text}\n".encode()
    assert rest
    calls = (examples_settings.parent / "telemetry" / "calls.csv").read_text().splitlines()
    assert calls[span.stored.line - 1] == f"{span.stored.text},"
    assert span.stored.text.startswith("E15-0-0,")
    assert list(span.parts) == ["counted"]


def told_by(settings: Path, event: str) -> list[tuple[str, str, dict[str, int]]]:
    """Of each span shown: file, name, and for how many calls of the event it did what."""
    spans = explain(read_settings(settings), event, limit=100).spans
    return sorted(
        (
            span.stored.file,
            json.loads(span.stored.text)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"],
            {part: len(calls) for part, calls in span.parts.items()},
        )
        for span in spans
    )


def test_a_call_named_by_its_trace_is_shown_with_who_names_it(examples_settings: Path) -> None:
    assert told_by(examples_settings, "E35/a") == [
        ("roots.json", "root", {"names event_id run_id tenant_id": 1}),
        ("spans.json", "call", {"counted": 1}),
    ]


def test_wrappers_are_shown_with_what_they_did(examples_settings: Path) -> None:
    assert told_by(examples_settings, "E26/a") == [
        ("spans.json", "agent", {"wraps": 2}),
        ("spans.json", "first", {"counted": 1}),
        ("spans.json", "last", {"counted": 1}),
    ]
    assert told_by(examples_settings, "E27/a") == [
        ("spans.json", "agent", {"beyond": 1, "wraps": 1}),
        ("spans.json", "first", {"counted": 1}),
    ]


def test_a_call_told_twice_and_one_answered_from_a_cache(examples_settings: Path) -> None:
    assert told_by(examples_settings, "E22/a") == [
        ("spans.json", "gateway", {"counted": 1}),
        ("spans.json", "sdk", {"told": 1}),
    ]
    assert told_by(examples_settings, "E36/b") == [("spans.json", "s2", {"told": 1})]


def test_unknown_event_says_what_to_do(examples_settings: Path) -> None:
    with pytest.raises(SettingsInvalid, match="no event 'nobody' is published"):
        explain(read_settings(examples_settings), "nobody")


def test_the_command_prints_it(examples_settings: Path) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "explain", "E14/0", "--config", str(examples_settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "reckoned again by R17: 0.00333333" in done.stdout
    assert "equal" in done.stdout
    assert "bill.csv line 2, sha256 " in done.stdout
