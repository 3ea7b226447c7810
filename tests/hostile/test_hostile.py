"""Every hostile input gets what the table says, and the judge that says so tells one kind from another."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.errors import SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from tests.hostile import judge
from tests.hostile.inputs import bills
from tests.hostile.inputs.told import CANARY, Good, Input, Refused
from tests.hostile.table import TABLE, verdict

ROOMS = {
    *(
        "anthropic",
        "focus csv",
        "focus packed",
        "focus parquet",
        "aws",
        "aws_cur",
        "azure",
        "azure details",
        "databricks",
        "gcp",
        "gpu hours",
        "oci cost",
        "oci focus",
        "openai",
        "openrouter",
        "otlp",
        "mapped ndjson",
        "mapped csv",
        "mapped parquet",
        "mapped bill",
        "snowflake",
    ),
    *("revenue", "settings", "reference"),
}
LINE = Input(
    "focus csv",
    "a line",
    {bills.FILE: bills.bill({"BilledCost": "7"})},
    {"kind": "focus_file"},
    bills.good(billed_cost="7"),
)
NO_AMOUNT = replace(
    LINE, files={bills.FILE: bills.bill({"BilledCost": "seven"})}, gets=bills.refused("is not a plain decimal")
)


@pytest.fixture
def home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="hostile-", dir=judge.MEMORY) as folder:
        yield Path(folder)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_what_hostile_input_gets(room: str) -> None:
    wrong = []
    for hostile in (one for one in TABLE if one.room == room):
        with TemporaryDirectory(prefix="hostile-", dir=judge.MEMORY) as folder:
            judged = verdict(hostile, Path(folder))
        if judged.kind not in ("good", "clear"):
            wrong.append(f"{judged.kind}: {hostile}: {judged.seen:.300}")
    assert not wrong


def test_the_table_is_of_all_rooms_and_of_different_inputs() -> None:
    assert {hostile.room for hostile in TABLE} == ROOMS
    assert len(TABLE) >= 300
    assert [name for name, times in Counter(map(str, TABLE)).items() if times > 1] == []


def test_the_judge_knows_what_is_as_it_should_be(home: Path) -> None:
    assert judge.judge(LINE, home / "a").kind == "good"
    assert judge.judge(NO_AMOUNT, home / "b").kind == "clear"


@pytest.mark.parametrize(
    ("hostile", "kind"),
    [
        (replace(LINE, gets=bills.good(billed_cost="8")), "silent"),
        (replace(LINE, gets=bills.refused("is not a plain decimal")), "silent"),
        (replace(LINE, gets=Good("charges", 1, {})), "silent"),
        (replace(NO_AMOUNT, gets=Refused("is not a plain decimal", 4, bills.FILE)), "unclear"),
        (replace(NO_AMOUNT, gets=Refused("is a word", 3, bills.FILE)), "unclear"),
        (replace(NO_AMOUNT, gets=bills.good()), "unclear"),
        (replace(LINE, files={bills.FILE: bills.bill({"x_Model": CANARY})}), "leak"),
        (replace(NO_AMOUNT, files={bills.FILE: bills.bill({"BilledCost": CANARY[:20]})}), "clear"),
    ],
)
def test_the_judge_tells_what_is_wrong(home: Path, hostile: Input, kind: str) -> None:
    assert judge.judge(hostile, home / "a").kind == kind


def crashes(*_: Any) -> pipeline.LandingReport:
    raise KeyError("spans")


def hangs(*_: Any) -> pipeline.LandingReport:
    time.sleep(60)
    raise AssertionError


def lands_half(settings: Settings, source: str, period: Period, as_of: datetime) -> pipeline.LandingReport:
    """Commits what it refuses."""
    report = pipeline.land(settings, source, period, as_of)
    if source == judge.NAME:
        landing = Landing(settings.landing)
        landing.commit(landing.pull(source, "focus_file", "half"), as_of)
    return report


def spoils_the_others(settings: Settings, source: str, period: Period, as_of: datetime) -> pipeline.LandingReport:
    report = pipeline.land(settings, source, period, as_of)
    return report if source == judge.NAME else replace(report, failures=[str(SourceRejected("no"))])


@pytest.mark.parametrize(
    ("land", "kind"), [(crashes, "crash"), (hangs, "hang"), (lands_half, "silent"), (spoils_the_others, "crash")]
)
def test_the_judge_tells_what_a_job_does_wrong(
    home: Path, monkeypatch: pytest.MonkeyPatch, land: Callable[..., Any], kind: str
) -> None:
    monkeypatch.setattr(judge, "SECONDS", 1)
    assert judge.judge(NO_AMOUNT, home / "a", land=land).kind == kind
