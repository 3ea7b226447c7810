"""The first files of a company: settings for the kinds of sources it has, a JSON Schema beside them, every reference file with its header.

What is written is right as it stands but for what only the company knows: ``reconcile check`` names that.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import indent

from reconcilers import configuration
from reconcilers.declared import reference
from reconcilers.errors import SettingsInvalid, nearest
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

SETTINGS, SCHEMA = "reconcile.yaml", "reconcile.schema.json"

_HEAD = f"""# yaml-language-server: $schema={SCHEMA}
# What this job reads and how. docs/configuration.md has every key; `reconcile check` says what is wrong.
# Secrets are never in here: keys that end in _env name environment variables.

home: var                       # all that is landed and built; back up var/landing
reference: reference            # CSV files that finance owns (docs/lake.md)
reporting_currency: USD
price_book: genai-prices        # list prices of models that reference/list_prices.csv has none for; or none
repull_days: 7                  # bills are fetched again for so many days, since providers restate
"""


def write_company(out: Path, kinds: Mapping[str, Sequence[str]]) -> list[Path]:
    """Write the files of a company with these kinds of sources by room, and the folders its sources read.

    Raises ``SettingsInvalid`` for a kind there is not, and where any of the files is there already; nothing is written then.
    """
    sources = [
        (room, name, cls, text) for room in registry.ROOMS for name, cls, text in _sources(room, kinds.get(room, ()))
    ]
    files = {
        SETTINGS: _settings(sources),
        SCHEMA: json.dumps(configuration.schema(), indent=2, ensure_ascii=False) + "\n",
    }
    files |= {f"reference/{name}.csv": _reference(name, sources) for name in reference.CONTRACTS}
    if there := [name for name in files if (out / name).exists()]:
        raise SettingsInvalid(
            f"{', '.join(there[:3])} is there already", file=str(out), hint="name another folder with --out"
        )
    for name, text in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    for folder in _folders(sources):
        (out / folder).mkdir(parents=True, exist_ok=True)
    return [out / name for name in files]


_Begun = tuple[str, str, type[Source], str]


def _sources(room: str, kinds: Sequence[str]) -> Iterator[tuple[str, type[Source], str]]:
    """(name, class, text below name and kind) of the sources that the kinds of a room begin with."""
    known = registry.kinds(room)
    for kind in dict.fromkeys(kinds):
        if kind not in known:
            raise SettingsInvalid(
                f"there is no {room} kind {kind!r:.60}{nearest(kind, known)}", hint=f"use one of {', '.join(known)}"
            )
        cls = registry.source_class(room, kind)
        for end, text in cls.begins.items():
            yield f"{kind}_{end}" if end else kind, cls, text


def _settings(sources: Sequence[_Begun]) -> str:
    parts = [_HEAD]
    for room in registry.ROOMS:
        of_room = [(name, cls, text) for in_room, name, cls, text in sources if in_room == room]
        parts.append(f"\n{room}:\n" if of_room else f"\n{room}: []\n")
        for name, cls, text in of_room:
            parts.append(f"  - name: {name}\n    kind: {cls.kind}\n{indent(text, '    ')}")
    return "".join(parts)


def _reference(name: str, sources: Sequence[_Begun]) -> str:
    """A reference file: its header, and what is known of the bills by their kind."""
    columns = [column for column, _, _ in reference.columns(name)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for room, source, cls, _ in sources:
        if room == "billing" and name == "billing_sources":
            finality = {"finality_days": cls.finality_days}
            writer.writerows({"source": source, "provider": provider, **finality} for provider in cls.providers)
        elif room == "billing" and name == "billing_grain":
            writer.writerows({"source": source, "dimension": dimension} for dimension in cls.tells)
    return out.getvalue()


def _folders(sources: Sequence[_Begun]) -> Iterator[str]:
    """The folders beside the settings that sources begin with."""
    import yaml

    for *_, text in sources:
        uri = (yaml.safe_load(text) or {}).get("uri", "://")
        if "://" not in uri:
            yield uri
