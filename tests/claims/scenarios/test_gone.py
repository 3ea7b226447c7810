"""What was there before and is gone stops the publication, until somebody says that it is meant (R34)."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml

from reconcilers.declared.settings import read_settings
from reconcilers.ingest.landing import Landing
from reconcilers.warehouses.duckdb import Version
from tests.claims.scenarios.company_of_examples import write_company

LINE = {"quantity": 1000, "cost": "0.01"}
COMPANY = {
    "kept": {"bill": [LINE], "calls": [{"tokens": 1000}], "prices": [{"price": "10"}]},
    "left": {"bill": [{**LINE, "day": date(2026, 9, 27)}], "prices": []},
}
DAYS = ("--from", "2026-09-27", "--to", "2026-09-28")


class Job:
    """The company, run night after night."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, write_company(folder, COMPANY)

    def run(self, as_of: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "reconcilers.cli",
            "run",
            *DAYS,
            "--as-of",
            as_of,
            "--config",
            str(self.config),
        ]
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False)

    @property
    def published(self) -> Version:
        return Version((self.folder / "var" / "published" / "current").resolve())


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    made = Job(tmp_path_factory.mktemp("gone"))
    with zipfile.ZipFile(made.folder / "reference" / "eurofxref-hist.zip", "w") as rates:
        rates.writestr("eurofxref-hist.csv", "Date,USD,\n2026-09-01,1.1251,\n")
    assert made.run("2026-10-20T02:00:00").returncode == 0
    return made


@pytest.fixture
def without(job: Job) -> Job:
    """A source no longer configured, two reference files and a bill of another source that are there no more."""
    settings = yaml.safe_load(job.config.read_text())
    settings["billing"] = [source for source in settings["billing"] if source["name"] != "left"]
    job.config.write_text(yaml.safe_dump(settings))
    (job.folder / "reference" / "environments.csv").unlink(missing_ok=True)
    (job.folder / "reference" / "eurofxref-hist.zip").unlink(missing_ok=True)
    (job.folder / "bills" / "kept" / "bill.csv").unlink(missing_ok=True)
    return job


def test_nothing_is_published_without_what_was_there(without: Job) -> None:
    before = without.published.folder
    done = without.run("2026-10-21T02:00:00")
    assert done.returncode == 4
    said = " ".join(done.stderr.split())
    assert "source left was in the last publication and is not configured" in said
    assert "reference file environments.csv was in the last publication and is gone" in said
    assert "reference file eurofxref-hist.zip was in the last publication and is gone" in said
    assert "source kept no longer has bill.csv, which is in force" in said
    accepting = [
        f"--accept-missing {name!r}" for name in ("left", "environments.csv", "eurofxref-hist.zip", "kept/bill.csv")
    ]
    assert f"{' '.join(accepting)} --reason WHY" in said
    assert "build and audit" not in said
    assert without.published.folder == before


def test_what_is_accepted_needs_a_reason_and_must_be_missing(without: Job) -> None:
    unsaid = without.run("2026-10-21T02:00:00", "--accept-missing", "left")
    assert (unsaid.returncode, "needs a reason" in unsaid.stderr) == (5, True)
    wrong = without.run("2026-10-21T02:00:00", "--accept-missing", "lefd", "--reason", "closed")
    said = " ".join(wrong.stderr.split())
    assert (wrong.returncode, "not missing: 'lefd'" in said, "missing is: 'left', 'environments.csv', 'eurofxref-hist.zip', 'kept/bill.csv'" in said) == (5, True, True)  # fmt: skip


def test_what_is_meant_is_published_and_kept_for_the_auditor(without: Job) -> None:
    names = [
        text
        for name in ("left", "environments.csv", "eurofxref-hist.zip", "kept")
        for text in ("--accept-missing", name)
    ]
    done = without.run("2026-10-22T02:00:00", *names, "--reason", "closed in October")
    assert done.returncode == 0, done.stderr
    landing = Landing(read_settings(without.config).landing)
    (accepted,) = landing.history("(accepted)", "left")
    told = json.loads(accepted.path(accepted.objects[0]).read_text())
    assert (told["when"], told["why"], bool(told["who"])) == ("2026-10-22T02:00:00", "closed in October", True)
    # What is known stays known: the bill that is gone counts on.
    (billed,) = without.published.ask("select cost from finance.rpt_invoice_waterfall where step = 'billed'").rows
    assert f"{billed[0]:f}" == "0.010000000"
    assert without.run("2026-10-23T02:00:00").returncode == 0
