"""Running again, in parts, twice or in another order changes no published table, and runs and readers do not collide."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from reconcilers import pipeline
from reconcilers.configured import source_names
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sample_company import sample
from reconcilers.sample_company.providers.server import serving
from reconcilers.warehouses.duckdb import Version, read_only
from tests import AT_LENGTH
from tests.claims.published_tables import differences, digest
from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES
from tests.claims.scenarios.nights import build, land
from tests.signed_in import sign_in

#: Eight days across a month's end, and an instant at which everything about them is settled.
DAYS = Period(date(2026, 9, 26), date(2026, 10, 4))
AS_OF = datetime(2026, 12, 1)
#: Nights after which tables are built; the others only land, as every build is from all that is landed.
BUILT = (date(2026, 9, 26), date(2026, 10, 3))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The sample company with its providers running."""
    out = tmp_path_factory.mktemp("idempotence") / "company"
    sample.make(3, DAYS.start, DAYS.end, 20, out)
    with pytest.MonkeyPatch.context() as patch, serving(out) as providers:
        sign_in(patch, providers)
        yield narrow(out / "reconcile.yaml")


def narrow(file: Path) -> Settings:
    """The sample's settings without looking back or ahead, so that every night lands what no other does."""
    settings = read_settings(file)
    telemetry = tuple(source | {"late_days": 0} for source in settings.telemetry)
    return settings.model_copy(update={"repull_days": 0, "telemetry": telemetry})


def at(settings: Settings, home: str) -> Settings:
    """The same company with the job's own files in another folder."""
    return settings.model_copy(update={"home": Path(home)})


@pytest.fixture(scope="module")
def backfilled(company: Settings) -> Version:
    """The version one run over the range publishes."""
    settings = at(company, "range")
    land(settings, DAYS, AS_OF)
    return build(settings, DAYS, AS_OF)


@pytest.mark.skipif(not AT_LENGTH, reason="make long: minutes, and the truth's nights are held to a backfill, too")
def test_nightly_runs_publish_what_a_backfill_does(company: Settings, backfilled: Version) -> None:
    settings = at(company, "nightly")
    for day in DAYS.days():
        night = Period.of_day(day)
        land(settings, night, AS_OF)
        if day == BUILT[0]:
            first = build(settings, night, AS_OF)
            held, before = read_only(first.folder), digest(first)
        elif day in BUILT:
            last = build(settings, night, AS_OF)
    assert differences(last, backfilled) == []

    # A reader that came after the first night still reads that night, even when its files are long gone.
    with pipeline.writing(settings):
        for _ in range(settings.keep_versions):
            again = pipeline.publish(settings, night, AS_OF, [])
    assert not first.folder.exists()
    with held:
        assert digest(held) == before != digest(again)

    reports = land(settings, night, AS_OF)
    assert [report.source for report in reports if report.news] == []
    assert differences(build(settings, night, AS_OF), backfilled) == []


@pytest.mark.skipif(not AT_LENGTH, reason="make long: two sample companies; the sources' tests take files twice, too")
def test_files_twice_renamed_and_in_another_order(company: Settings, backfilled: Version) -> None:
    root = company.file.parent.with_name("again")
    shutil.copytree(company.file.parent, root, ignore=shutil.ignore_patterns("range", "nightly"))
    for number, path in enumerate(sorted((root / "telemetry").rglob("*_traces_*"), reverse=True)):
        name = f"{number:05d}_traces_{{}}{''.join(path.suffixes)}"
        shutil.copy(path, path.with_name(name.format(1)))
        path.rename(path.with_name(name.format(2)))
    settings = narrow(root / "reconcile.yaml")
    for day in sorted(DAYS.days(), reverse=True):
        land(settings, Period.of_day(day), AS_OF, source_names(settings)[::-1])
    assert differences(build(settings, DAYS, AS_OF), backfilled) == []


def test_landing_alone_restores_what_was_published(examples: Settings) -> None:
    when = [
        "--config",
        str(examples.file),
        "--from",
        "2026-09-28",
        "--to",
        "2026-09-28",
        "--as-of",
        str(AS_OF.isoformat()),
    ]
    reconcile = [sys.executable, "-m", "reconcilers.cli"]
    subprocess.run([*reconcile, "run", *when], check=True, capture_output=True)
    home = examples.path(examples.home)
    before = digest(Version(home / "published" / "current"))
    for path in home.iterdir():
        if path != examples.landing:
            shutil.rmtree(path)
    shutil.rmtree(examples.file.parent / "bills")
    done = subprocess.run([*reconcile, "rebuild", *when], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert digest(Version(home / "published" / "current")) == before


@pytest.fixture
def examples(tmp_path: Path) -> Settings:
    return read_settings(write_company(tmp_path, {"E01": EXAMPLES["E01"]}))


def test_a_second_run_is_told_that_another_is_writing(examples: Settings) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(examples.file)]
    with pipeline.writing(examples):
        done = subprocess.run([*command, "--date", "2026-09-28"], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "Busy: another run is writing -> wait for it to end" in done.stderr
    assert not examples.landing.exists()


def test_a_store_somebody_opened_is_told_too(examples: Settings) -> None:
    store = examples.path(examples.home) / "store" / "store.duckdb"
    store.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(examples.file)]
    with duckdb.connect(str(store)):
        done = subprocess.run([*command, "--date", "2026-09-28"], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "Busy: another process has the store open" in " ".join(done.stderr.split())


def _land_one(config: Path, unit: str) -> list[str]:
    return pipeline.land(read_settings(config), unit, DAYS, AS_OF).failures


def test_landing_needs_no_lock(examples: Settings) -> None:
    config = examples.file
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        failures = list(pool.map(_land_one, [config] * 24, ["E01", "calls"] * 12))
    assert failures == [[]] * 24
    known = Landing(examples.landing).known(AS_OF)
    assert [landed.source for landed in known] == ["E01", "calls"]
