"""The sample company, and its providers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reconcilers.console.paper import console, progress_bars
from reconcilers.errors import SettingsInvalid
from reconcilers.periods import Period


def make_sample(seed: int, period: Period, events_per_day: int, out: Path, warehouse: str) -> None:
    """Write a sample company and say what is in it. Raises ``SettingsInvalid`` for what no sample can be made of."""
    from reconcilers.sample_company.sample import make

    with progress_bars() as bars:
        bar = bars.add_task("sample company", total=None)

        def advance(done: int, total: int, name: str) -> None:
            bars.update(bar, completed=done, total=total, description=f"sample company: {name}" if name else None)

        try:
            truth = make(seed, period.start, period.end, events_per_day, out, advance, warehouse)
        except (ValueError, FileExistsError) as error:
            raise SettingsInvalid(str(error)) from None
    console.print(
        f"wrote {out}: {len(truth.world.events)} events, {len(truth.world.calls)} calls, {len(truth.ledger.lines)} bill "
        f"lines, {len(truth.world.planted)} things planted to go wrong; truth.json has the answer"
    )


def serve(out: Path, known_at: datetime | None, host: str, port: int, command: Sequence[str]) -> int:
    """Serve a sample at ``host`` while ``command`` runs, or until interrupted. Returns the command's exit code."""
    from reconcilers.sample_company.providers.server import serving
    from reconcilers.sample_company.sample import TRUTH

    if not (out / TRUTH).is_file():
        raise SettingsInvalid(f"{out} holds no sample", hint="make one with `reconcile sample`")
    run = json.dumps(json.loads((out / TRUTH).read_text())["reconcile"])
    with serving(out, known_at, host, port) as providers:
        needed = {**providers.environment, "RECONCILE_CONFIG": str((out / "reconcile.yaml").resolve())}
        if command:
            needed["RECONCILE_SAMPLE_RUN"] = run
            return subprocess.run(list(command), env={**os.environ, **needed}, check=False).returncode
        console.print(f"serving {out} as known at {providers.known_at} UTC; in another terminal:")
        for name, value in needed.items():
            console.print(f"  export {name}={value}", highlight=False, soft_wrap=True)
        console.print("interrupt to stop")
        providers.wait()
    return 0
