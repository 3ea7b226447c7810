"""`docker-compose.yml` as Compose reads it, for a machine that has no container engine: each service's command and environment.

What a container would change is told as ``moved``: the image's and the volumes' folders, and the names services know each
other by.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "docker-compose.yml"
#: Compose's interpolation: $$, ${NAME}, ${NAME:-default}, ${NAME:?error}.
_INTERPOLATED = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<how>[-?])(?P<text>[^}]*))?\})")


def services() -> dict[str, dict[str, Any]]:
    """Every service as the file says it, anchors and merges resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
    return found


class Composed:
    """One service: what runs in its container, with ``.env`` as ``given``."""

    def __init__(self, name: str, given: Mapping[str, str], moved: Mapping[str, str]) -> None:
        service = services()[name]
        self.name, self._given, self._moved = name, given, moved
        self.command = [self._told(part) for part in service.get("command", [])]
        kind, *check = service.get("healthcheck", {}).get("test", ["NONE"])
        self.healthcheck = [self._told(part) for part in check] if kind == "CMD" else []
        #: Nothing of this process's own but where programs are: a container starts with less.
        self.environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
        for variable, value in service.get("environment", {}).items():
            if value is not None:
                self.environment[variable] = self._told(str(value))
            elif variable in given:
                self.environment[variable] = given[variable]

    def run(self, command: Sequence[str], folder: Path, **environment: str) -> str:
        """What a command says in this service's environment. Raises with all of it where it fails."""
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{self.name}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _told(self, text: str) -> str:
        text = _INTERPOLATED.sub(self._interpolated, text)
        for inside, outside in self._moved.items():
            text = text.replace(inside, outside)
        return text

    def _interpolated(self, found: re.Match[str]) -> str:
        if found["dollar"]:
            return "$"
        if value := self._given.get(found["name"]):
            return value
        if found["how"] == "?":
            raise KeyError(f"{found['name']}: {found['text']}")
        return found["text"] or ""


def copy_of_image(folder: Path) -> None:
    """What the Dockerfile's COPY takes of the project: what `.dockerignore` admits."""
    admitted = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in admitted:
        if (PROJECT / name).is_file():
            shutil.copy(PROJECT / name, folder / name)
        else:
            shutil.copytree(
                PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs")
            )
