"""BigQuery on this machine: ``python -m tests.warehouses.emulator.running COMMAND …`` runs a command beside an emulator.

The emulator's packages do not go with ours, so they have an environment of their own, ``.venv-bigquery``; see Makefile.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PYTHON = Path(__file__).parents[3] / ".venv-bigquery" / "bin" / "python"
LAUNCHER = Path(__file__).with_name("launcher.py")


@contextmanager
def running(log: Path) -> Iterator[str]:
    """The address of an empty emulator, gone with whoever started it. What it says goes to ``log``."""
    command = [PYTHON, LAUNCHER, "start", "--rest-port", "0", "--grpc-port", "0", "--log-format", "json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment) as job:
        try:
            yield f"http://127.0.0.1:{_port(job, log)}"
        finally:
            job.send_signal(signal.SIGTERM)
            job.wait()


def _port(job: subprocess.Popen[bytes], log: Path) -> int:
    """The port it listens on, once it does."""
    for _ in range(600):
        for line in log.read_text().splitlines():
            if '"rest.listen"' in line:
                return int(json.loads(line)["port"])
        if job.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the emulator did not start; see {log}")


def main() -> None:
    log = Path("var") / "bigquery-emulator.log"
    log.parent.mkdir(exist_ok=True)
    with running(log) as address:
        done = subprocess.run(sys.argv[1:], env={**os.environ, "BIGQUERY_EMULATOR_HOST": address}, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
