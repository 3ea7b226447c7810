"""Committed bytes to lake files, once: a backfill or rebuild never parses JSON again.

::

    lake/<source>/<landing_id>-<recipe>/<entity>.parquet   rows of one pull, and content.json beside them

``recipe`` is the source's own: a hash of its configuration and of the text that reads it, so a changed mapping or parser reads
the landed bytes anew and an unchanged one never does. The folder is written under another name and renamed when whole.
``content.json`` has the hash of each file. One whose size and time are still those it was written with is taken for the same;
any other is hashed when it is used, and every one by ``reconcile verify``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

from reconcilers import money
from reconcilers.errors import Damaged
from reconcilers.ingest import metering
from reconcilers.ingest.lake import DAY_OF_ROWS, schema, writer
from reconcilers.ingest.proofs import changed, damaged, noted

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    from reconcilers.ingest.landing import Landed


class Readable(Protocol):
    """All the lake knows of a source; ``sources.contract`` says more."""

    @property
    def name(self) -> str: ...

    @property
    def recipe(self) -> str: ...

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]: ...


@dataclass(frozen=True)
class Normalised:
    """Lake rows of one pull: file per entity, and rows per entity that the source told; ``billed_cost`` is the sum of its charges per
    currency, rounded once; ``last_day`` (ISO) is the newest that a row speaks of, null where none does."""

    files: Mapping[str, Path]
    rows: Mapping[str, int]
    billed_cost: Mapping[str, str]
    last_day: str | None = None


class Lake:
    """The lake files under one root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, source: Readable, landed: Landed) -> bool:
        """Whether the pull is read already, as the source reads it now."""
        return self._folder(source, landed).is_dir()

    def ensure(self, source: Readable, landed: Landed) -> Normalised:
        """Make sure that the pull's lake rows are written, which happens once, and say where they are.

        The landed bytes are proven before they are read. Raises what the source's ``normalise`` raises; then nothing is left
        behind; and ``Damaged`` where rows written before are not as they were.
        """
        folder = self._folder(source, landed)
        if not folder.is_dir():
            landed.prove()
            self._write(source, landed, folder)
        return _written(folder)

    def ensure_fresh(self, source: Readable, landed: Landed) -> Normalised:
        """The same of a pull whose bytes were stored just now: rows of it that were damaged since are written anew."""
        folder = self._folder(source, landed)
        try:
            if folder.is_dir():
                return _written(folder)
        except Damaged:
            shutil.rmtree(folder)
        self._write(source, landed, folder)
        return _written(folder)

    def last_reading(self, source: Readable, landed: Landed) -> Normalised | None:
        """The pull's lake rows as the latest other recipe wrote them, in the shapes of today; None where there are none."""
        import pyarrow.parquet as pq

        folders = (self.root / quote(source.name, safe="")).glob(f"{landed.landing_id}-*/content.json")
        whole = [path for path in folders if path.parent.suffix != ".tmp"]
        for content in sorted(whole, key=lambda path: path.stat().st_mtime_ns, reverse=True):
            try:
                found = _written(content.parent)
            except Damaged:
                continue
            is_metered = "calls" not in found.files or all(entity in found.files for entity in metering.ENTITIES)
            if is_metered and all(pq.read_schema(path).equals(schema(entity)) for entity, path in found.files.items()):
                return found
        return None

    def keep(self, landed: Landed, entity: str, table: pa.Table) -> Path:
        """The file of rows about a pull that follow from more than the pull itself, such as what others told already.

        ::

            lake/<source>/<landing_id>-<hash of the rows>/<entity>.parquet
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = pa.BufferOutputStream()
        pq.write_table(table.cast(schema(entity)), content, compression="zstd")
        rows = content.getvalue().to_pybytes()
        name = f"{landed.landing_id}-{hashlib.sha256(rows).hexdigest()[:16]}"
        path = self.root / quote(landed.source, safe="") / name / f"{entity}.parquet"
        if not path.is_file() or path.read_bytes() != rows:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
            temporary.write_bytes(rows)
            temporary.rename(path)
        return path

    def _folder(self, source: Readable, landed: Landed) -> Path:
        return self.root / quote(source.name, safe="") / f"{landed.landing_id}-{source.recipe}"

    def _write(self, source: Readable, landed: Landed, folder: Path) -> None:
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        writers: dict[str, ParquetWriter] = {}
        rows: dict[str, int] = {}
        billed: dict[str, Decimal] = {}
        last_day: str | None = None
        try:
            try:
                for entity, table in _metered(source.normalise(landed)):
                    if entity not in writers:
                        writers[entity] = writer(entity, temporary / f"{entity}.parquet")
                    writers[entity].write_table(table)
                    rows[entity] = rows.get(entity, 0) + table.num_rows
                    last_day = max(filter(None, (last_day, _last_day(entity, table))), default=None)
                    if entity == "charges":
                        _add_billed(billed, table)
            finally:
                for one in writers.values():
                    one.close()
            content = {
                "rows": rows,
                "billed_cost": {name: f"{money.round_half_away(cost):f}" for name, cost in sorted(billed.items())},
                "last_day": last_day,
                "files": {entity: noted(temporary / f"{entity}.parquet") for entity in writers},
            }
            (temporary / "content.json").write_text(json.dumps(content, indent=1))
            for path in (*temporary.iterdir(), temporary):
                handle = os.open(path, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)
            try:
                temporary.rename(folder)
            except OSError:
                # Another run read the same bytes meanwhile and was first; its rows are these.
                if not folder.is_dir():
                    raise
                shutil.rmtree(temporary, ignore_errors=True)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _written(folder: Path) -> Normalised:
    """What a folder of the lake holds. Raises ``Damaged`` where that is not what was written."""
    content = content_of(folder)
    files = {entity: folder / f"{entity}.parquet" for entity, rows in content["rows"].items() if rows}
    for entity, path in files.items():
        if problem := changed(path, content.get("files", {}).get(entity)):
            raise damaged(folder, f"{path.name} {problem}")
    rows = {entity: rows for entity, rows in content["rows"].items() if entity not in metering.ENTITIES}
    return Normalised(files, rows, content["billed_cost"], content.get("last_day"))


def content_of(folder: Path) -> dict[str, Any]:
    """``content.json`` of a folder of the lake. Raises ``Damaged`` where it is none."""
    try:
        content = json.loads((folder / "content.json").read_bytes())
        if all(isinstance(content[name], dict) for name in ("rows", "billed_cost")):
            return cast("dict[str, Any]", content)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise damaged(folder, "content.json is not what was written")


def _metered(told: Iterator[tuple[str, pa.Table]]) -> Iterator[tuple[str, pa.Table]]:
    """What a source tells, in the shapes of the lake; tellings numbered, and after them what is made of them."""
    meter, numbered = None, 0
    for entity, table in told:
        rows = (_numbered(table, numbered) if entity == "calls" else table).cast(schema(entity))
        yield entity, rows
        if entity == "calls":
            meter = meter or metering.Metering()
            numbered += rows.num_rows
            yield from meter.of(rows).items()


def _numbered(calls: pa.Table, before: int) -> pa.Table:
    """Tellings with the numbers that name them in their pull."""
    import numpy as np

    numbers = metering.whole_numbers(np.arange(before, before + calls.num_rows))
    return calls.set_column(calls.schema.get_field_index("landing_row"), "landing_row", numbers)


def _last_day(entity: str, table: pa.Table) -> str | None:
    """The newest day that rows speak of (ISO): of a bill its usage's, of telemetry a call's, of revenue the first of its period's."""
    import pyarrow.compute as pc

    if entity not in DAY_OF_ROWS:
        return None
    newest = pc.max(table[DAY_OF_ROWS[entity]]).as_py()
    return f"{newest:%Y-%m-%d}" if newest else None


def _add_billed(billed: dict[str, Decimal], table: pa.Table) -> None:
    """Add the exact amounts, as written, per currency."""
    import pyarrow as pa

    whole = pa.decimal128(38, 0)
    exact = table.select(["billing_currency", "billed_cost"])
    # A sum of residuals does not fit a 64-bit integer.
    exact = exact.append_column("residual", table["billed_cost_residual"].cast(whole))
    sums = exact.group_by("billing_currency").aggregate([("billed_cost", "sum"), ("residual", "sum")])
    for row in sums.to_pylist():
        amount = money.exact(row["billed_cost_sum"], row["residual_sum"])
        billed[row["billing_currency"]] = billed.get(row["billing_currency"], 0) + amount


def models_told(files: Mapping[str, Sequence[Path]]) -> list[tuple[str | None, str | None, str]]:
    """The distinct (source, provider, model) that lake files tell: bills, usage reports and estimates under their source, calls, by
    their profiles, under null."""
    import duckdb

    told = {"call_profiles": "null, provider", "charges": "source, provider"}
    told |= dict.fromkeys(("provider_usage", "provider_estimates"), "source, null")
    found: set[tuple[str | None, str | None, str]] = set()
    with duckdb.connect() as connection:
        for entity, who in told.items():
            if paths := [str(path) for path in files.get(entity, ())]:
                sql = f"select distinct {who}, model from read_parquet(?) where model is not null"
                found.update(connection.execute(sql, [paths]).fetchall())
    return sorted(found, key=lambda told: tuple(part or "" for part in told))
