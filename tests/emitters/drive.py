"""Every emitter, in its environment, put through its scenarios: what it told goes to files, what was served to a ledger."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from tests.emitters.collector import collector
from tests.emitters.emitters import DRIVERS, PINS, Emitter
from tests.emitters.figures import Usage
from tests.emitters.provider import Served, provider

ENVIRONMENTS = Path("var/emitters/environments")
#: Nothing but loopback: whatever asks for another machine finds no way there.
_OFFLINE = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TRACELOOP_TELEMETRY": "false",
}


def drive(emitters: tuple[Emitter, ...], folder: Path) -> list[Served]:
    """What was served to the emitters; their traces, logs and a ``served.jsonl`` are in ``folder``.

    Raises ``RuntimeError`` where a driver fails.
    """
    for emitter in emitters:
        install(emitter)
    with provider() as (provider_address, ledger), collector(folder) as collector_address:
        for emitter in emitters:
            print(f"driving {emitter.name}", flush=True)
            environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | _OFFLINE
            environment |= {
                "HOME": str(folder.resolve()),
                "EMITTER": emitter.name,
                "EMITTER_PROVIDER": provider_address,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"{collector_address}/{emitter.name}",
                "OTEL_SERVICE_NAME": emitter.name,
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=production",
            }
            done = subprocess.run(
                _command(emitter), env=environment, cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{emitter.name} failed\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    with (folder / "served.jsonl").open("w") as out:
        for served in ledger.served:
            out.write(json.dumps(asdict(served), default=str) + "\n")
    return ledger.served


def read_served(folder: Path) -> list[Served]:
    """What a finished drive served."""
    found = []
    for line in (folder / "served.jsonl").read_text().splitlines():
        told = json.loads(line)
        told["at"] = datetime.fromisoformat(told["at"])
        told["usage"] = told["usage"] and Usage(**told["usage"])
        found.append(Served(**told))
    return found


def install(emitter: Emitter) -> None:
    """The emitter's environment, made from its pins; one that is newer than them is kept."""
    target = ENVIRONMENTS / emitter.name
    stamp = target / ".ready"
    pins = [PINS / emitter.name / "package-lock.json"] if emitter.is_javascript else [PINS / f"{emitter.name}.txt"]
    if stamp.exists() and stamp.stat().st_mtime > max(path.stat().st_mtime for path in pins):
        return
    print(f"installing {emitter.name} {emitter.version}", flush=True)
    if emitter.is_javascript:
        target.mkdir(parents=True, exist_ok=True)
        for path in (PINS / emitter.name).iterdir():
            shutil.copy(path, target)
        subprocess.run(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target, check=True)
    else:
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(target)], check=True)
        subprocess.run(
            [uv, "pip", "sync", "--quiet", "--python", str(target / "bin" / "python"), str(pins[0])], check=True
        )
    stamp.touch()


def _command(emitter: Emitter) -> list[str]:
    target = (ENVIRONMENTS / emitter.name).resolve()
    if not emitter.is_javascript:
        return [str(target / "bin" / "python"), str(DRIVERS / f"{emitter.name}.py")]
    # A module finds its packages beside itself only.
    for driver in DRIVERS.glob("*.mjs"):
        shutil.copy(driver, target)
    return ["node", str(target / f"{emitter.name}.mjs")]
