"""The sources a company configured: which there are, what is wrong with them, what secrets they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconcilers.declared import yaml_text
from reconcilers.declared.settings import Problem, Settings
from reconcilers.errors import SettingsInvalid, nearest
from reconcilers.sources import registry
from reconcilers.sources.contract import Source


def configured_sources(settings: Settings) -> list[tuple[str, Source]]:
    """Every configured source with its room, in the order of the settings. Raises ``SettingsInvalid`` with all that is wrong."""
    if wrong := list(source_problems(settings)):
        lines = yaml_text.read(settings.file).line_of if settings.file.is_file() else lambda _: None
        told = []
        for room, number, place, problem in wrong:
            name = getattr(settings, room)[number].get("name")
            named = ".".join(map(str, (room, name or number, *place)))
            told.append(str(Problem(lines((room, number, *place)), named, problem)))
        raise SettingsInvalid("; ".join(told), file=str(settings.file))
    return [
        (room, registry.load(room, resolved(settings, config)))
        for room in registry.ROOMS
        for config in getattr(settings, room)
    ]


def source_problems(settings: Settings) -> Iterator[tuple[str, int, yaml_text.Place, str]]:
    """(room, number in it, key, what is wrong) of all that is wrong with the keys of sources."""
    for room in registry.ROOMS:
        for number, config in enumerate(getattr(settings, room)):
            for place, problem in registry.problems(room, config):
                yield room, number, place, problem
    bills = [str(config.get("name")) for config in settings.billing]
    for number, config in enumerate(settings.invoices):
        if bills and isinstance(bill := config.get("bill"), str) and bill not in bills:
            yield (
                "invoices",
                number,
                ("bill",),
                f"no source under billing is called {bill!r:.60}{nearest(bill, bills)}",
            )


def source_names(settings: Settings) -> list[str]:
    """Names of the configured sources, as Airflow maps over them."""
    return [str(config["name"]) for room in registry.ROOMS for config in getattr(settings, room)]


def credentials(settings: Settings) -> list[str]:
    """Environment variables that the configured sources take secrets from, those they leave to a default too."""
    return sorted({variable for _, source in configured_sources(settings) for variable in source.secrets})


def resolved(settings: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
    """The source's configuration with a relative folder made absolute."""
    uri = config.get("uri")
    if isinstance(uri, str) and "://" not in uri:
        return {**config, "uri": str(settings.path(uri))}
    return dict(config)
