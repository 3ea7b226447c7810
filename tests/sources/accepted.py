"""What sources make of bytes they delivered once, kept to be compared: a folder a case, ``fixtures/<room>/<kind>/<case>/``.

::

    source.yaml         its configuration, without name and uri
    received/           the folder a source reads; of one that asks an API or a table, landed objects as <unit>/<object>
    lake/<entity>.csv   the lake rows accepted of it, without columns that say nothing here

``python -m tests.sources.accepted`` accepts what is read now and prints what that changes.
"""

from __future__ import annotations

import csv
import difflib
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

FIXTURES = Path(__file__).parent / "fixtures"
ASKED = Period(date(2026, 9, 1), date(2026, 10, 1))
KNOWN_AT = datetime(2026, 10, 5)
#: The source has its name from the case and ``landing_id`` names the bytes; neither says how they are read.
_LEFT_OUT = ("source", "landing_id")

#: A lake row as text, null where nothing is known.
Row = dict[str, str | None]
Tables = dict[str, list[Row]]


@dataclass(frozen=True)
class Case:
    """One folder of bytes and the rows accepted of them."""

    folder: Path

    @property
    def room(self) -> str:
        return self.folder.parts[-3]

    @property
    def kind(self) -> str:
        return self.folder.parts[-2]

    def __str__(self) -> str:
        return "/".join(self.folder.parts[-3:])

    def read_now(self, work: Path) -> Tables:
        """Rows per entity after landing, reading into the lake and back; ``work`` holds both."""
        import pyarrow.parquet as pq

        source, lake = self._source(), Lake(work / "lake")
        tables: Tables = {}
        for landed in self._landed(source, Landing(work / "landing")):
            content = lake.ensure(source, landed)
            # What the lake makes of calls follows from them (``tests/ingest/test_metering.py``).
            for entity in content.files.keys() & content.rows.keys():
                rows = pq.read_table(content.files[entity]).to_pylist()
                told = [{name: _text(value) for name, value in row.items() if name not in _LEFT_OUT} for row in rows]
                tables.setdefault(entity, []).extend({"unit": landed.unit, **row} for row in told)
        return tables

    def accepted(self) -> Tables:
        """Rows per entity as they were accepted."""
        tables: Tables = {}
        for path in sorted(self.folder.glob("lake/*.csv")):
            with path.open(encoding="utf-8", newline="") as stream:
                tables[path.stem] = [{n: v or None for n, v in row.items()} for row in csv.DictReader(stream)]
        return tables

    def accept(self, tables: Tables) -> None:
        """Keep these rows as the accepted ones."""
        lake = self.folder / "lake"
        lake.mkdir(exist_ok=True)
        for stale in lake.glob("*.csv"):
            stale.unlink()
        for entity, rows in tables.items():
            columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
            with (lake / f"{entity}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)

    def _source(self) -> Source:
        config = yaml.safe_load((self.folder / "source.yaml").read_text())
        if "uri" in registry.source_class(self.room, self.kind).Config.model_fields:
            config["uri"] = str(self.folder / "received")
        return registry.load(self.room, {"name": self.folder.name, "kind": self.kind, **config})

    def _landed(self, source: Source, landing: Landing) -> list[Landed]:
        """Every unit, fetched by the source where it reads a folder, else its objects as they would be landed."""
        received = self.folder / "received"
        reads_folder = hasattr(source.config, "uri")
        units = sorted(source.units(ASKED) if reads_folder else (path.name for path in received.iterdir()))
        found = []
        for unit in units:
            pull = landing.pull(source.name, source.kind, unit)
            if reads_folder:
                source.fetch(unit, pull)
            else:
                for path in sorted(path for path in (received / unit).rglob("*") if path.is_file()):
                    pull.add(path.relative_to(received / unit).as_posix(), f"fixture:{path.name}", path)
            found.append(landing.commit(pull, KNOWN_AT)[0])
        return found


CASES = [Case(path.parent) for path in sorted(FIXTURES.glob("*/*/*/source.yaml"))]


def changes(case: Case, accepted: Tables, now: Tables) -> str:
    """What differs, one line a value; empty where nothing does."""
    before, after = _unfolded(accepted), _unfolded(now)
    return "\n".join(
        difflib.unified_diff(before, after, f"{case} as accepted", f"{case} as read now", lineterm="", n=2)
    )


def _unfolded(tables: Tables) -> list[str]:
    """A line for every value, named by entity, the place of its row and column, so that a row more moves no other."""
    lines = []
    for entity in sorted(tables):
        met: Counter[tuple[str | None, str | None]] = Counter()
        for row in tables[entity]:
            place = (row["unit"], row.get("landing_line"))
            met[place] += 1
            again = f" ({met[place]})" if met[place] > 1 else ""
            head = f"{entity} {place[0]} line {place[1]}{again}"
            lines += [
                f"{head}: {name} = {value}" for name, value in row.items() if value is not None and name != "unit"
            ]
    return lines


def _text(value: Any) -> str | None:
    """A value of the lake as exact text; an empty text or list is told apart from null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "; ".join(map(str, map(_text, value))) or "[]"
    if isinstance(value, dict):
        return " ".join(text for text in map(_text, value.values()) if text is not None)
    return str(value) or "''"


def main() -> None:
    """Accept every case as it is read now."""
    changed = 0
    for case in CASES:
        with TemporaryDirectory() as work:
            now = case.read_now(Path(work))
        if told := changes(case, case.accepted(), now):
            changed += 1
            case.accept(now)
            print(told)
    print(f"{changed} of {len(CASES)} cases changed", file=sys.stderr)


if __name__ == "__main__":
    main()
