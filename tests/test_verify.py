"""Everything stored is read through again: what is not as it was written is named, with what mends it; other files are passed over."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import Damaged
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.verify import verify
from reconcilers.warehouses.duckdb import FINANCE_FILE
from tests.sources.telemetry.written import CALL, chat

AS_OF, DAY = datetime(2026, 10, 2), Period.of_day(date(2026, 10, 1))
FACTS = {"period": "2026-10-01", "as_of": AS_OF.isoformat(), "failed_units": [], "warnings": [], "sources": {}}


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    """A day of telemetry landed and read into the lake, a built store, and one published version."""
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "one.json").write_bytes(chat(CALL | {"gen_ai.usage.input_tokens": 5}))
    (tmp_path / "reference").mkdir()
    (tmp_path / "reconcile.yaml").write_text(
        "home: var\nprice_book: none\ntelemetry:\n- {name: agents, kind: otlp, uri: traces}\n"
    )
    settings = read_settings(tmp_path / "reconcile.yaml")
    pipeline.land_reference(settings, AS_OF)
    pipeline.land(settings, "agents", DAY, AS_OF)
    known(settings, AS_OF)
    home = tmp_path / "var"
    version = home / "published" / "versions" / "000001"
    for folder in (version, home / "store"):
        folder.mkdir(parents=True)
        with duckdb.connect(str(folder / FINANCE_FILE)) as connection:
            connection.execute("create schema finance")
            connection.execute("create table finance.fct_breaks as select range, md5(range::text) from range(20000)")
    duckdb.connect(str(home / "store" / "store.duckdb")).close()
    (version / "run.json").write_text(json.dumps(FACTS))
    (home / "published" / "current").symlink_to(Path("versions") / "000001")
    return settings


def home(company: Settings) -> Path:
    return company.path(company.home)


def only(company: Settings, pattern: str) -> Path:
    (found,) = sorted(home(company).glob(pattern))[:1]
    return found


def overwrite(path: Path) -> None:
    """Other bytes, as many."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def remove(path: Path) -> None:
    path.unlink()


def scribble(path: Path) -> None:
    path.write_text("not what it was")


def test_what_is_as_it_was_written_is_counted(company: Settings) -> None:
    found = verify(company)
    assert found.problems == []
    assert found.objects == 1
    assert found.lake_files >= 3
    assert found.records >= 2
    assert found.publications == ["version 000001"]


#: Kind of file → how it is found, and what the message must name to delete or to do.
STORED = {
    "object": ("landing/objects/*/*", "land its days again"),
    "manifest": ("landing/manifests/agents/*/*.json", "delete it and land its days again"),
    "record of days": ("landing/asked/agents/*.json", "delete it and land its days again"),
    "lake file": ("lake/agents/*/calls.parquet", "delete that folder; the next run makes it again"),
    "lake's note": ("lake/agents/*/content.json", "delete that folder; the next run makes it again"),
    "emitters": ("lake/(resolved)/*/emitters.parquet", "delete that folder; the next run makes it again"),
    "emitters' note": ("lake/(resolved)/*/files.json", "delete that folder; the next run makes it again"),
    "keys": ("lake/(keys)/*/*/tellings.parquet", "delete that folder; the next run makes it again"),
    "published tables": (f"published/versions/*/{FINANCE_FILE}", "reconcile rebuild"),
    "published facts": ("published/versions/*/run.json", "reconcile rebuild"),
    "store": ("store/store.duckdb", "the next run makes it again"),
    "candidate": (f"store/{FINANCE_FILE}", "the next run makes it again"),
}


#: What is only missed where it is named (a manifest, the days asked for), what is made again unsaid, and a bit of a record or
#: store that says nothing else.
UNSEEN = {
    ("manifest", remove),
    ("record of days", remove),
    ("record of days", overwrite),
    ("emitters' note", remove),
    ("store", remove),
    ("candidate", remove),
    ("store", overwrite),
    ("candidate", overwrite),
    ("store", cut),
    ("candidate", cut),
    ("published facts", overwrite),
    ("lake's note", overwrite),
    ("emitters' note", overwrite),
}
CASES = [(kind, harm) for kind in STORED for harm in (scribble, cut, remove, overwrite) if (kind, harm) not in UNSEEN]


@pytest.mark.parametrize(("kind", "harm"), CASES)
def test_what_is_not_as_it_was_written_is_named_with_what_mends_it(
    company: Settings, kind: str, harm: Callable[[Path], None]
) -> None:
    pattern, mends = STORED[kind]
    path = only(company, pattern)
    harm(path)
    problems = [str(problem) for problem in verify(company).problems]
    assert problems
    assert any(path.name in problem or str(path.parent) in problem for problem in problems)
    assert all(mends in problem for problem in problems)


def test_the_command_says_so_and_ends_with_1(company: Settings) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "verify", "--config", str(company.file)]
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (whole.returncode, "all as they were written" in whole.stdout) == (0, True)
    scribble(only(company, "lake/agents/*/calls.parquet"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "calls.parquet has 15 bytes where" in done.stdout
    assert "1 problem" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["landing", "landing/manifests", "landing/manifests/agents", "lake", "lake/agents"])
@pytest.mark.parametrize("name", [".DS_Store", "notes.json", "x.parquet", "desktop.ini"])
def test_files_of_others_are_passed_over(company: Settings, place: str, name: str) -> None:
    before = known(company, AS_OF)
    scribble(home(company) / place / name)
    unit = only(company, "landing/manifests/agents/*/*.json").parent
    for folder in (unit, only(company, "landing/asked/agents")):
        scribble(folder / name)
        scribble(folder / f"._{next(folder.glob('*.json')).name}")
    for folder in ("published", "published/versions", "landing/asked", "landing/objects", "lake/(resolved)"):
        scribble(home(company) / folder / name)
    assert verify(company).problems == []
    assert known(company, AS_OF).files == before.files
    assert pipeline.warehouse_of(company).current() is not None


def test_a_lake_file_that_changed_is_refused_by_name_and_landing_again_restores_it(company: Settings) -> None:
    path = only(company, "lake/agents/*/calls.parquet")
    whole = path.read_bytes()
    overwrite(path)
    with pytest.raises(Damaged, match=r"calls\.parquet holds other bytes than were written"):
        known(company, AS_OF)
    assert pipeline.land(company, "agents", DAY, AS_OF).failures == []
    assert path.read_bytes() == whole
    known(company, AS_OF)


def test_an_object_that_changed_is_refused_by_name_and_landing_again_restores_it(company: Settings) -> None:
    path = only(company, "landing/objects/*/*")
    whole = path.read_bytes()
    overwrite(path)
    (company.path(company.home) / "lake").rename(company.path(company.home) / "lake_of_before")
    told = known(company, AS_OF)
    assert "calls" not in told.files
    (refused,) = told.knowledge["rejections"].to_pylist()
    assert (refused["source"], refused["unit"]) == ("agents", "one.json")
    assert "holds other bytes than were written" in refused["problem"]
    assert pipeline.land(company, "agents", DAY, AS_OF).failures == []
    assert path.read_bytes() == whole
    assert "calls" in known(company, AS_OF).files


def test_a_version_that_counts_and_is_gone_is_said(company: Settings) -> None:
    only(company, "published/versions/*").rename(home(company) / "elsewhere")
    with pytest.raises(Damaged, match="the published version that counts is gone"):
        pipeline.warehouse_of(company).current()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["status"], "published tables"),
        (["status"], "published facts"),
        (["query", "select 1"], "published tables"),
        (["report"], "published tables"),
        (["explain", "e-1"], "published facts"),
    ],
)
def test_a_damaged_version_is_a_message_in_every_command(company: Settings, arguments: list[str], kind: str) -> None:
    scribble(only(company, STORED[kind][0]))
    command = [sys.executable, "-m", "reconcilers.cli", *arguments, "--config", str(company.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Damaged: " in done.stderr
    assert "delete the folder" in done.stderr
    assert "Traceback" not in done.stderr
