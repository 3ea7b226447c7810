"""The first files of a company, after asking which sources it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from reconcilers.console.paper import here, paper, plain
from reconcilers.errors import nearest
from reconcilers.new_company import SETTINGS, write_company
from reconcilers.sources import registry

_QUESTIONS = {
    "billing": ("Who bills you?", "openai"),
    "invoices": ("Where are the invoices of those bills?", "none"),
    "telemetry": ("How is it told who called what?", "otlp"),
    "revenue": ("Where is what customers are charged?", "revenue_file"),
}


def begin(out: Path, told: Mapping[str, Sequence[str]]) -> None:
    """Write the files; without any kind told, ask for those of each room."""
    kinds = told if any(told.values()) else {room: _asked(room) for room in registry.ROOMS}
    written = write_company(out, kinds)
    page = paper()
    for file in written[:2]:
        page.print(plain(f"wrote {here(file)}"))
    page.print(
        plain(
            f"wrote {here(out / 'reference')}: {len(written) - 2} files of finance, docs/lake.md says what each means"
        )
    )
    page.print(plain(f"next: fill in {here(out / SETTINGS)}, then reconcile check --config {here(out / SETTINGS)}"))


def _asked(room: str) -> list[str]:
    """Kinds, apart by commas, asked again until there are such."""
    question, default = _QUESTIONS[room]
    known = registry.kinds(room)
    while True:
        answer = typer.prompt(f"{question} {room}: {', '.join(known)}, or none", default=default)
        kinds = [kind for kind in (word.strip() for word in answer.split(",")) if kind and kind != "none"]
        unknown = [kind for kind in kinds if kind not in known]
        if not unknown:
            return kinds
        typer.echo(f"there is no kind {unknown[0]!r}{nearest(unknown[0], known)}")
