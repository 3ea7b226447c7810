"""What was received and refused is kept as it came, read by no build, and lands once it can be read; killed anywhere, doing it again does it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers import pipeline
from reconcilers.configured import configured_sources
from reconcilers.console.quarantine import print_delivery, print_quarantined
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.forget import forget, look_for
from reconcilers.ingest.completeness import knowledge
from reconcilers.ingest.landing import Landing, Quarantined, Received, Refused
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.quarantine import find, quarantined, readmit
from reconcilers.verify import verify
from tests.hostile.inputs import bills
from tests.sources.conftest import serving
from tests.sources.telemetry.written import CALL, chat

MONDAY, TUESDAY, FRIDAY = datetime(2026, 10, 5, 6), datetime(2026, 10, 6, 6), datetime(2026, 10, 9, 6)
DAY = Period.of_day(date(2026, 9, 10))
HEADER = "revenue_id,tenant_id,feature_id,kind,service_period_start,service_period_end,{},currency\n"
LINES = HEADER.format("total") + "r1,ten_acme,search,invoice,2026-09-01,2026-10-01,10.50,USD\n"
CALLS = '{"id": "a", "ts": 1790856000000, "who": "ada@acme.example", "m": "m1"}\n'
COMPANY: dict[str, Any] = {
    "price_book": "none",
    "billing": [
        {"name": "bill", "kind": "focus_file", "uri": "bill"},
        {
            "name": "months",
            "kind": "focus_file",
            "uri": "months",
            "delivery": "snapshot",
            "pattern": r"(?P<period>\d{4}-\d\d)\.csv",
        },
    ],
    "telemetry": [
        {"name": "traces", "kind": "otlp", "uri": "traces"},
        {
            "name": "calls",
            "kind": "mapped",
            "uri": "calls",
            "format": "ndjson",
            "entity": "calls",
            "columns": {
                "record_id": "id",
                "ended_at": {"column": "ts", "time": "epoch_s"},
                "user_hash": "who",
                "model": "m",
            },
        },
    ],
    "revenue": [{"name": "invoices", "kind": "revenue_file", "uri": "invoices"}],
}
#: Of each source its file, what cannot be read of it, and why.
FILES = {
    "bill": ("bill.csv", bills.bill({"BilledCost": "seven"}), "'seven' is not a plain decimal amount"),
    "months": ("2026-09.csv", bills.bill({"BilledCost": "seven"}), "'seven' is not a plain decimal amount"),
    "traces": ("spans.json", b"the prompt of ada@acme.example\n", "not JSON"),
    "calls": ("calls.ndjson", CALLS.encode(), "'1790856000000' is no time in seconds"),
    "invoices": ("september.csv", LINES.encode(), "no column 'amount'"),
}


def configure(folder: Path, **changes: object) -> Settings:
    (folder / "reconcile.yaml").write_text(yaml.safe_dump(COMPANY | changes))
    return read_settings(folder / "reconcile.yaml")


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    """A company each of whose sources has one file that is refused."""
    for source, (file, content, _) in FILES.items():
        (tmp_path / source).mkdir()
        (tmp_path / source / file).write_bytes(content)
    (tmp_path / "reference").mkdir()
    settings = configure(tmp_path)
    land(settings, MONDAY)
    return settings


def land(settings: Settings, as_of: datetime, refused: bool = True) -> None:
    for source in FILES:
        assert bool(pipeline.land(settings, source, DAY, as_of).failures) is refused


def of(settings: Settings, source: str, as_of: datetime = FRIDAY, everything: bool = False) -> list[Quarantined]:
    return [one for one in quarantined(settings, as_of, everything) if one.refused.source == source]


def only(settings: Settings, source: str) -> Quarantined:
    (one,) = of(settings, source)
    return one


def kept(settings: Settings, one: Quarantined) -> list[bytes]:
    pull = Landing(settings.landing).as_received(one.refused.source, one.refused.unit, one.received, one.last_known)
    return [pull.proven(item).read_bytes() for item in pull.objects]


def mended(settings: Settings) -> Settings:
    """The revenue's column mapped, after its file is gone from its folder."""
    (settings.path("invoices") / "september.csv").unlink(missing_ok=True)
    columns = {"columns": {"amount": "total"}}
    return configure(settings.file.parent, revenue=[COMPANY["revenue"][0] | columns])


# What is kept --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["bill", "months", "invoices"])
def test_what_was_received_is_kept_as_it_came_with_why(company: Settings, source: str) -> None:
    file, content, why = FILES[source]
    one = only(company, source)
    assert kept(company, one) == [content]
    assert (one.received.file, why in one.refused.problem) == (file, True)
    assert one.received.line == (None if source == "invoices" else 3)
    assert (one.first_known, one.last_known, one.stands) == (MONDAY, MONDAY, True)


def test_no_build_reads_it(company: Settings) -> None:
    told = known(company, FRIDAY)
    assert told.files == {}
    assert {row["source"] for row in told.knowledge["rejections"].to_pylist()} == set(FILES)
    assert Landing(company.landing).known(FRIDAY) == []


def test_text_that_may_be_a_prompt_is_not_kept(company: Settings) -> None:
    one = only(company, "traces")
    assert one.received.objects == ()
    assert (one.received.file, one.received.line, bool(one.received.hint)) == ("spans.json", 1, True)
    assert not [path for path in company.landing.rglob("*") if path.is_file() and b"prompt of" in path.read_bytes()]
    # Of a table only the columns that are mapped are.
    (landed,) = kept(company, only(company, "calls"))
    assert json.loads(landed) == json.loads(CALLS)


def test_a_delivery_that_could_not_be_had_whole_is_not_kept(company: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a day would pass for one."""
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    first = b'{"object": "page", "data": [], "has_more": true, "next_page": "2"}'
    with serving() as api:
        api.answer = lambda path, asked: (503, b"", {}) if "page" in dict(asked) else (200, first, {})
        bill = {"name": "openai", "kind": "openai", "base_url": api.url, "usage": [], "retry": {"attempts": 1}}
        settings = configure(company.file.parent, billing=[bill])
        assert pipeline.land(settings, "openai", DAY, MONDAY).failures
    found = of(settings, "openai")
    assert found
    assert {one.received.objects for one in found} == {()}


def test_the_same_delivery_refused_again_is_one(company: Settings) -> None:
    ids = {one.landing_id for one in quarantined(company, FRIDAY)}
    objects = sorted(company.landing.glob("objects/*/*"))
    land(company, TUESDAY)
    assert {one.landing_id for one in quarantined(company, FRIDAY)} == ids
    assert sorted(company.landing.glob("objects/*/*")) == objects
    one = only(company, "bill")
    assert (one.first_known, one.last_known) == (MONDAY, TUESDAY)
    assert only_at(company, MONDAY) == (MONDAY, MONDAY), "as it was known then"


def only_at(settings: Settings, as_of: datetime) -> tuple[datetime, datetime]:
    (one,) = of(settings, "bill", as_of)
    return one.first_known, one.last_known


def test_a_later_delivery_of_the_unit_ends_it(company: Settings) -> None:
    first = only(company, "bill")
    (company.path("bill") / "bill.csv").write_bytes(bills.bill({"BilledCost": "eight"}))
    pipeline.land(company, "bill", DAY, TUESDAY)
    second = only(company, "bill")
    assert [one.stands for one in of(company, "bill", everything=True)] == [False, True]
    with pytest.raises(SettingsInvalid, match="a later delivery of the unit was taken or refused"):
        readmit(company, FRIDAY, first.landing_id)
    (company.path("bill") / "bill.csv").write_bytes(bills.GOOD)
    pipeline.land(company, "bill", DAY, FRIDAY)
    assert of(company, "bill") == []
    assert {one.landing_id for one in of(company, "bill", everything=True)} == {first.landing_id, second.landing_id}


def test_a_refusal_of_an_earlier_release_is_shown_too(company: Settings) -> None:
    shutil.rmtree(company.landing / "quarantine")
    one = only(company, "bill")
    assert (one.received.objects, one.received.line) == ((), None)
    (company.path("bill") / "bill.csv").write_bytes(bills.GOOD)
    assert readmit(company, FRIDAY, one.landing_id).rows == {"charges": 1}
    assert of(company, "bill") == []


def test_what_could_not_be_had_takes_the_place_of_nothing_that_was(company: Settings) -> None:
    """A night on which the source does not answer, between the delivery and the mend."""
    one = only(company, "invoices")
    unanswered = Refused("invoices", one.refused.unit, "HTTP 503")
    Landing(company.landing).refuse(unanswered, TUESDAY, Received(hint="run again later"))
    assert [found.refused.problem for found in of(company, "invoices")] == [one.refused.problem, "HTTP 503"]
    assert one in of(company, "invoices")
    assert readmit(mended(company), FRIDAY, one.landing_id).rows == {"revenue": 1}
    assert of(company, "invoices") == []


def test_what_is_gone_from_its_source_is_kept_and_lands(company: Settings) -> None:
    one = only(company, "invoices")
    settings = mended(company)
    assert "gone from the source" in pipeline.land(settings, "invoices", DAY, TUESDAY).warnings[0]
    assert of(settings, "invoices") == []
    assert [found.landing_id for found in of(settings, "invoices", everything=True)] == [one.landing_id]
    assert readmit(settings, FRIDAY, one.landing_id).rows == {"revenue": 1}
    # In force and not at its source: a run says so, and wants a reason before it publishes (R34).
    assert pipeline.land(settings, "invoices", DAY, FRIDAY).gone == ["september.csv"]


# Reading it again ----------------------------------------------------------------------------------------------------


def test_it_lands_once_its_source_is_configured_to_read_it(company: Settings) -> None:
    one = only(company, "invoices")
    settings = mended(company)
    report = readmit(settings, TUESDAY, one.landing_id[:8])
    assert (report.rows, report.news) == ({"revenue": 1}, 1)
    assert of(settings, "invoices") == []
    (landed,) = Landing(settings.landing).known(TUESDAY, ["invoices"])
    assert landed.landing_id == one.landing_id
    assert list(known(settings, TUESDAY).files) == ["revenue"]
    assert Landing(settings.landing).known(MONDAY, ["invoices"]) == []
    again = readmit(settings, FRIDAY, one.landing_id)
    assert again.news == 0


def test_it_says_the_same_reason_where_nothing_changed(company: Settings) -> None:
    one = only(company, "invoices")
    with pytest.raises(SourceChangedShape, match="no column 'amount'"):
        readmit(company, TUESDAY, one.landing_id)
    again = only(company, "invoices")
    assert (again.landing_id, again.refused.problem) == (one.landing_id, one.refused.problem)
    assert kept(company, again) == [LINES.encode()]
    assert Landing(company.landing).known(FRIDAY) == []


def test_a_new_reason_takes_the_place_of_the_old_one(company: Settings) -> None:
    one = only(company, "invoices")
    settings = configure(company.file.parent, revenue=[COMPANY["revenue"][0] | {"columns": {"amount": "sum"}}])
    with pytest.raises(SourceChangedShape, match="no column 'sum'"):
        readmit(settings, TUESDAY, one.landing_id)
    assert "no column 'sum'" in only(settings, "invoices").refused.problem


def test_of_what_is_not_kept_the_source_is_asked(company: Settings) -> None:
    one = only(company, "traces")
    with pytest.raises(SourceRejected, match="not JSON"):
        readmit(company, TUESDAY, one.landing_id)
    (company.path("traces") / "spans.json").write_bytes(chat(CALL | {"gen_ai.usage.input_tokens": 5}))
    assert readmit(company, TUESDAY, only(company, "traces").landing_id).rows == {"calls": 1}
    assert of(company, "traces") == []


def test_its_days_have_landed_then(company: Settings) -> None:
    """A snapshot answers for a month by the file it has of it; that it was only pulled again stays so."""

    def september(as_of: datetime) -> set[tuple[bool, bool]]:
        asked = knowledge(Landing(company.landing), configured_sources(company), as_of)["asked_days"].to_pylist()
        told = [row for row in asked if row["source"] == "months" and row["charge_day"].month == 9]
        assert {row["charge_day"].day for row in told} >= {3, 10}
        return {(row["landed"], row["pulled_again"]) for row in told if row["charge_day"].day in (3, 10)}

    assert september(MONDAY) == {(False, True), (False, False)}
    settings = configure(
        company.file.parent, billing=[COMPANY["billing"][1] | {"values": {"BilledCost": {"seven": "7"}}}]
    )
    readmit(settings, TUESDAY, only(settings, "months").landing_id)
    assert september(TUESDAY) == {(True, True), (True, False)}


def test_a_renamed_source_has_what_was_refused_before(company: Settings) -> None:
    renamed = COMPANY["revenue"][0] | {"name": "sales", "renamed_from": "invoices", "columns": {"amount": "total"}}
    settings = configure(company.file.parent, revenue=[renamed])
    (one,) = of(settings, "sales")
    assert readmit(settings, TUESDAY, one.landing_id).rows == {"revenue": 1}
    assert of(settings, "sales") == []


def test_a_source_that_is_configured_no_more_is_named(company: Settings) -> None:
    settings = configure(company.file.parent, revenue=[])
    with pytest.raises(SettingsInvalid, match="source invoices: there is no source of that name"):
        readmit(settings, TUESDAY, only(settings, "invoices").landing_id)


def test_a_reference_file_is_mended_where_it_lies(company: Settings) -> None:
    (company.path("reference") / "tenants.csv").write_text("tenant,name\n")
    pipeline.land_reference(company, MONDAY)
    one = only(company, "reference")
    assert one.received.file
    with pytest.raises(SettingsInvalid, match=r"mend it in .*reference"):
        readmit(company, TUESDAY, one.landing_id)


@pytest.mark.parametrize(
    ("told", "says"), [("", "have an id that begins"), ("xyz", "no refused delivery has the id 'xyz'")]
)
def test_an_id_is_of_one_delivery(company: Settings, told: str, says: str) -> None:
    with pytest.raises(SettingsInvalid, match=says):
        find(company, FRIDAY, told)


# Killed --------------------------------------------------------------------------------------------------------------


def tree(settings: Settings) -> dict[str, bytes]:
    """What is kept, but for when bytes were fetched, which the clock says."""
    paths = [path for path in settings.landing.rglob("*") if path.is_file() and path.name != "adding.lock"]
    return {
        str(path.relative_to(settings.landing)): b"" if "manifests" in path.parts else path.read_bytes()
        for path in paths
    }


def test_landing_that_was_killed_before_it_said_why_does_it_again(company: Settings) -> None:
    whole = tree(company)
    shutil.rmtree(company.landing / "refusals")
    assert quarantined(company, FRIDAY) == []
    land(company, MONDAY)
    assert tree(company) == whole


def test_readmitting_that_was_killed_is_finished_by_doing_it_again(company: Settings, tmp_path: Path) -> None:
    one = only(company, "invoices")
    settings = mended(company)
    shutil.copytree(settings.landing, tmp_path / "before")
    readmit(settings, TUESDAY, one.landing_id)
    whole = tree(settings)
    new = [path for path in whole if not (tmp_path / "before" / path).exists()]
    assert {path.partition("/")[0] for path in new} == {"manifests", "refusals"}
    # What a kill leaves: the lake's rows alone, or the manifest, too.
    for gone in (new, [path for path in new if path.startswith("refusals")]):
        for path in gone:
            (settings.landing / path).unlink()
        assert [found.landing_id for found in of(settings, "invoices")] == [one.landing_id]
        readmit(settings, TUESDAY, one.landing_id)
        assert tree(settings) == whole


# Who was forgotten, and what is damaged ------------------------------------------------------------------------------


def test_forgetting_anybody_lets_go_what_was_not_understood(company: Settings) -> None:
    """The id stands in a table whose mapping is wrong, so nobody knows in which column."""

    def telling() -> list[Path]:
        return [path for path in company.landing.rglob("*") if path.is_file() and b"ada@acme" in path.read_bytes()]

    assert telling()
    assert look_for(company, "somebody else").refused == 1
    assert telling()
    assert forget(company, "ada@acme.example", FRIDAY).refused == 1
    assert telling() == []
    assert kept(company, only(company, "calls")) == []
    assert "no time in seconds" in only(company, "calls").refused.problem
    assert kept(company, only(company, "bill")) == [FILES["bill"][1]], "a bill tells of no user"
    assert forget(company, "ada@acme.example", FRIDAY).refused == 0
    assert verify(company).problems == []


def test_what_is_kept_is_read_through_again(company: Settings) -> None:
    assert verify(company).problems == []
    one = only(company, "bill")
    pull = Landing(company.landing).as_received("bill", one.refused.unit, one.received, MONDAY)
    pull.path(pull.objects[0]).write_bytes(b"other")
    (problem,) = verify(company).problems
    assert "land its days again" in str(problem)
    with pytest.raises(SourceRejected, match="the landed bytes in"):
        readmit(company, TUESDAY, one.landing_id)


# For people ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(company: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reconcilers.cli", "quarantine", *arguments, "--config", str(company.file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_a_person_finds_mends_and_readmits(
    company: Settings, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    listed = run("list")
    assert listed.returncode == 0
    (line,) = [line for line in listed.stdout.splitlines() if "september.csv" in line]
    told = line.split()[0]
    assert all(word in line for word in ("invoices", "2026-10-05 06:00", "no column 'amount'"))
    shown = run("show", told)
    assert "map it under `columns`" in shown.stdout
    assert f"{len(LINES)} bytes: {company.landing}" in shown.stdout
    refused = run("readmit", told)
    assert (refused.returncode, "no column 'amount'" in refused.stderr) == (1, True)
    mended(company)
    landed = run("readmit", told)
    assert (landed.returncode, landed.stdout) == (0, "landed: 1 revenue; the next `reconcile run` builds with it\n")
    again = run("readmit", told)
    assert (again.returncode, "landed already" in again.stdout) == (0, True)
    assert "september.csv" not in run("list").stdout
    over = {one["unit"]: one["stands"] for one in json.loads(run("list", "--all", "--format", "json").stdout)}
    assert over["september.csv"] is False
    assert over["bill.csv"] is True


def test_nothing_that_was_delivered_acts_on_a_terminal(company: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    (company.path("invoices") / "[red]\x1b[31m.csv").write_text("a\n")
    pipeline.land(company, "invoices", DAY, TUESDAY)
    print_quarantined(company, FRIDAY, False, "table")
    (one,) = [one for one in of(company, "invoices") if "red" in one.refused.unit]
    print_delivery(company, FRIDAY, one.landing_id)
    said = capsys.readouterr().out
    assert "\x1b[31m" not in said
    assert said.count("[red]\\x1b[31m.csv") >= 2


def test_where_nothing_stands_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_quarantined(configure(tmp_path), FRIDAY, False, "table")
    assert capsys.readouterr().err == "nothing stands refused\n"
    with pytest.raises(SettingsInvalid, match="unknown format 'xml'"):
        print_quarantined(configure(tmp_path), FRIDAY, False, "xml")
