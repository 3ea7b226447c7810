"""``python -m tests.emitters FOLDER DOCS`` drives every emitter, reconciles what came out, and writes the table of DOCS.

What FOLDER already has of an earlier drive is not driven again.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from tests.emitters.company import write_company
from tests.emitters.drive import drive, read_served
from tests.emitters.emitters import EMITTERS
from tests.emitters.table import write_table


def main(folder: Path, docs: Path) -> None:
    """See the module's docstring. Raises where a driver fails or the job refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "served.jsonl").exists():
        drive(EMITTERS, folder)
    served = read_served(folder)
    settings = write_company(folder, served)
    days = [one.at.date() for one in served]
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(settings)]
    command += [
        "--from",
        f"{min(days)}",
        "--to",
        f"{max(days)}",
        "--as-of",
        f"{max(days) + timedelta(days=5)}T00:00:00",
    ]
    subprocess.run(command, check=True)
    write_table(folder, docs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
