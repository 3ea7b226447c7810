"""Killing only the job, not the dbt it started: running again at once works, and dbt does not go on behind its back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.claims.scenarios.company_of_examples import write_company
from tests.claims.scenarios.conftest import EXAMPLES


def dbt_of(pid: int) -> int | None:
    """The dbt process the job started, once it is writing."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        # What is open changes while we look, and the child may be gone.
        with contextlib.suppress(FileNotFoundError):
            for descriptor in os.listdir(f"/proc/{child}/fd"):
                if opened(f"/proc/{child}/fd/{descriptor}").endswith("store.duckdb"):
                    return int(child)
    return None


def opened(descriptor: str) -> str:
    """The file behind a descriptor; empty when it was closed meanwhile."""
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:
        return ""


@pytest.mark.usefixtures("dbt_of_its_own")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds dbt in Linux's /proc")
def test_dbt_ends_with_the_job_that_started_it(tmp_path: Path) -> None:
    settings = write_company(tmp_path, {"E01": EXAMPLES["E01"]})
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += ["--date", "2026-09-28", "--as-of", "2026-10-05T00:00:00"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
        found = None
        for _ in range(2400):
            assert job.poll() is None, "the run ended before its dbt was seen writing"
            found = dbt_of(job.pid)
            if found:
                break
            time.sleep(0.05)
        assert found is not None
        job.send_signal(signal.SIGKILL)
        job.wait()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "var" / "published" / "current" / "run.json").is_file()
