"""A day's contested tellings, what they are linked to in other days, and the lake files their calls are written to.

::

    lake/(resolved)/<day>-<fingerprint>/resolved_calls.parquet, what is made of it (``metering.py``), resolved_tellings.parquet
    lake/(resolved)/emitters-<fingerprint>/emitters.parquet
    lake/(keys)/<recipe>/…      see ``keys.py``
    lake/(listings)/<fingerprint>.json   which of these belong to one set of known files, so that a night without news reads one file

The fingerprint stands for all that a day's calls are made from: the files its tellings stand in, the tellings of other
days that share an operation, a response id, a trace or an event with them, what is known of emitters, what a company
declares, and this code. A folder is written under another name and renamed when whole; it is never written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers import naming
from reconcilers.ingest import metering
from reconcilers.ingest.lake import schema, writer
from reconcilers.ingest.proofs import prove
from reconcilers.ingest.resolution.keys import EMITTER, LINKS, MEMORY_LIMIT, KeyFiles, find_contested, kept, put, quoted
from reconcilers.ingest.resolution.resolved import resolved
from reconcilers.ingest.resolution.tellings import Knowledge

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: The source that resolved rows are of in the lake.
SOURCE = "(resolved)"
#: Tellings whose calls are made at once: what memory is bounded by.
_BATCH = 200_000
#: R31: so many calls with more cached than input prove that an emitter counts input without the cached tokens.
_PROOF = 3
_ENTITIES = ("emitters", "resolved_calls", "resolved_tellings", *metering.ENTITIES)
_PACKAGE = Path(__file__).parent


def resolve(calls: Sequence[Path], root: Path, knowledge: Knowledge, declared: str) -> dict[str, list[Path]]:
    """Lake files of the calls that contested tellings are: entity → Parquet, written first where they are not there yet.

    ``calls`` are the lake's files of tellings known at one moment, ``root`` the lake's folder, ``declared`` stands for what
    ``knowledge`` was made from.
    """
    if not calls:
        return {}
    files = kept(sorted(calls, key=str), root / "(keys)", _recipe())
    listing = root / "(listings)" / f"{_digest([declared, _recipe(), *(file.identity for file in files)])}.json"
    listed = [root / SOURCE / name for name in _listed(listing)]
    if listed and all(folder.is_dir() for folder in listed):
        return _entities(listed)
    folders = list(_written(files, root / SOURCE, knowledge, declared))
    listing.parent.mkdir(parents=True, exist_ok=True)
    temporary = listing.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps([folder.name for folder in folders]))
    temporary.rename(listing)
    return _entities(folders)


def _written(files: Sequence[KeyFiles], root: Path, knowledge: Knowledge, declared: str) -> Iterator[Path]:
    import duckdb

    spilled = str(root / f"{os.getpid()}.tmp")
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": spilled}) as connection:
        emitters, over_scopes = _emitters(connection, files)
        yield _kept(root, "emitters", _digest(map(repr, emitters)), {"emitters": _emitter_rows(emitters)})
        if not find_contested(connection, files, over_scopes):
            return
        excluding = {tuple(row[:5]) for row in emitters if row[5]}
        blind = {tuple(row[:5]) for row in emitters if row[6]}
        fingerprints = _fingerprints(connection, files, _digest([declared, _recipe()]))
        folders = {day: root / f"{day}-{fingerprint}" for day, fingerprint in fingerprints.items()}
        stale = [day for day, folder in folders.items() if not folder.is_dir()]
        for days in _batches(connection, stale):
            found = resolved(_tellings(connection, files, days), excluding, blind, knowledge)
            for day, entities in _by_day(connection, files, days, found).items():
                _keep(folders[day], entities)
        yield from folders.values()


def _emitters(
    connection: duckdb.DuckDBPyConnection, files: Sequence[KeyFiles]
) -> tuple[list[tuple[Any, ...]], set[str]]:
    """(source, scope name, scope version, provider, operation, excludes the cache, tells no cached count) of every emitter,
    and the scopes that others open, repeat or lie over."""
    listed = ", ".join(quoted(file.emitters) for file in files)
    connection.execute(
        f"""create or replace temp table emitters as
            select source, scope_name, scope_version, provider, operation, {EMITTER} as emitter,
                len(list_distinct(flatten(list(coalesce(exceeding, []))))) >= {_PROOF} as excludes_cache,
                not coalesce(bool_or(table_tells_cache), bool_or(tells_cache), false) as cache_blind
            from read_parquet([{listed}]) group by all"""
    )
    rows = connection.execute("select * exclude (emitter) from emitters order by all").fetchall()
    scopes = connection.execute(f"select distinct unnest(over_scopes) from read_parquet([{listed}])").fetchall()
    return rows, {scope for (scope,) in scopes if scope is not None}


def _emitter_rows(emitters: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    names = (
        "telemetry_source",
        "scope_name",
        "scope_version",
        "provider",
        "operation",
        "excludes_cache",
        "cache_blind",
    )
    own = {"source": SOURCE, "landing_id": "emitters"}
    return [own | dict(zip(names, row, strict=True)) for row in emitters]


def _fingerprints(connection: duckdb.DuckDBPyConnection, files: Sequence[KeyFiles], common: str) -> dict[str, str]:
    """For each day with contested tellings, what stands for all that its calls are made from.

    Makes the table ``reaching``: the tellings of components that reach over several days, by component.
    """
    across = " union ".join(
        f"select * from contested where {link} in (select {link} from contested where {link} is not null group by {link} having min(day) <> max(day))"
        for link in LINKS
    )
    connection.execute(f"create or replace temp table reaching as {across}")
    linked = " or ".join(f"{link} in (select {link} from reaching where {link} is not null)" for link in LINKS)
    while connection.execute(
        f"insert into reaching select * from contested where ({linked}) and (file, landing_row) not in (select (file, landing_row) from reaching)"
    ).fetchall() not in ([], [(0,)]):
        pass
    rows = connection.execute(
        f"select file, landing_row, cast(day as varchar), {', '.join(LINKS)} from reaching"
    ).fetchall()
    components = _components(rows)
    connection.execute(
        "create or replace temp table placed (file integer, landing_row bigint, component integer, day date)"
    )
    touched: dict[str, list[str]] = defaultdict(list)
    placed = []
    for number, members in enumerate(components):
        content = _digest(sorted(f"{files[file].identity}:{row}" for file, row, *_ in members))
        for day in sorted({member[2] for member in members}):
            touched[day].append(content)
            placed += [[file, row, number, day] for file, row, *_ in members]
    if placed:
        connection.executemany("insert into placed values (?, ?, ?, ?)", placed)
    of_day: dict[str, set[int]] = defaultdict(set)
    for day, file in connection.execute(
        "select distinct cast(day as varchar), file from contested order by all"
    ).fetchall():
        of_day[day].add(file)
    read_as = dict(
        connection.execute(
            """select day, string_agg(read_as, ' ' order by read_as)
               from (
                   select distinct cast(days.day as varchar) as day, concat(emitter, excludes_cache, cache_blind) as read_as
                   from (
                       select day, emitter from contested
                       union select placed.day, contested.emitter from placed
                       join placed as others on placed.component = others.component
                       join contested on others.file = contested.file and others.landing_row = contested.landing_row
                   ) as days join emitters using (emitter)
               ) as read group by day"""
        ).fetchall()
    )
    return {
        day: _digest(
            [common, read_as[day], *sorted(files[file].identity for file in found), "|", *sorted(touched[day])]
        )
        for day, found in sorted(of_day.items())
    }


def _components(rows: Sequence[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """Tellings by what links them, directly or by others."""
    leader = list(range(len(rows)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    seen: dict[tuple[str, Any], int] = {}
    for number, (_, _, _, *links) in enumerate(rows):
        for link, value in zip(LINKS, links, strict=True):
            if value is not None:
                leader[find(number)] = find(seen.setdefault((link, value), number))
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[find(number)].append(row)
    return list(found.values())


def _batches(connection: duckdb.DuckDBPyConnection, days: Sequence[str]) -> Iterator[list[str]]:
    """Days, oldest first, in batches of about ``_BATCH`` contested tellings."""
    counts = dict(connection.execute("select cast(day as varchar), count(*) from contested group by all").fetchall())
    batch: list[str] = []
    held = 0
    for day in days:
        if batch and held + counts[day] > _BATCH:
            yield batch
            batch, held = [], 0
        batch.append(day)
        held += counts[day]
    if batch:
        yield batch


def _wanted(connection: duckdb.DuckDBPyConnection, days: Sequence[str]) -> None:
    """Make the table ``wanted``: the contested tellings of some days, and of other days what they are linked to."""
    listed = ", ".join(f"date '{day}'" for day in days)
    connection.execute(
        f"""create or replace temp table wanted as
            select file, landing_row, day from contested where day in ({listed})
            union
            select contested.file, contested.landing_row, contested.day from contested
            join placed on contested.file = placed.file and contested.landing_row = placed.landing_row
            where placed.day in ({listed})"""
    )


def _tellings(
    connection: duckdb.DuckDBPyConnection, files: Sequence[KeyFiles], days: Sequence[str]
) -> Iterator[Mapping[str, Any]]:
    """The rows of the lake that the calls of some days are made from."""
    _wanted(connection, days)
    numbers = [file for (file,) in connection.execute("select distinct file from wanted order by 1").fetchall()]
    for number in numbers:
        found = connection.sql(
            f"""select calls.* from read_parquet({quoted(files[number].calls)}) as calls
                semi join (select landing_row from wanted where file = {number}) as wanted on calls.landing_row = wanted.landing_row
                order by calls.landing_row"""
        )
        yield from found.to_arrow_table().to_pylist()


def _by_day(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[KeyFiles],
    days: Sequence[str],
    found: Iterable[dict[str, Any]],
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Rows of each entity by day."""
    by_day: dict[str, dict[str, list[dict[str, Any]]]] = {
        day: {"resolved_calls": [], "resolved_tellings": []} for day in days
    }
    for row in found:
        day = row["ended_at"].date().isoformat()
        if day in by_day:
            by_day[day]["resolved_calls"].append(row | _own(day) | {"landing_line": row["told_landing_line"]})
    listed = ", ".join(f"date '{day}'" for day in days)
    tellings = connection.execute(
        f"select cast(day as varchar), day, file, landing_row from contested where day in ({listed}) order by file, landing_row"
    ).fetchall()
    landings = {number: _landing_of(files[number]) for number in {file for _, _, file, _ in tellings}}
    for day, charge_day, file, row in tellings:
        told = {"told_landing_id": landings[file], "told_landing_row": row, "charge_day": charge_day}
        by_day[day]["resolved_tellings"].append(_own(day) | told)
    return by_day


def _own(day: str) -> dict[str, str]:
    return {"source": SOURCE, "landing_id": day}


@cache
def _landing_of(file: KeyFiles) -> str:
    """The landing that a file of calls is of: one."""
    import pyarrow.parquet as pq

    table = pq.read_table(file.calls, columns=["landing_id"])
    landing_id: str = table["landing_id"][0].as_py()
    return landing_id


def _kept(root: Path, name: str, fingerprint: str, entities: Mapping[str, list[dict[str, Any]]]) -> Path:
    folder = root / f"{name}-{fingerprint}"
    if not folder.is_dir():
        _keep(folder, entities)
    return folder


def _keep(folder: Path, entities: Mapping[str, list[dict[str, Any]]]) -> None:
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    tables = {entity: _table(entity, rows) for entity, rows in entities.items()}
    if "resolved_calls" in tables:
        tables |= metering.Metering().of(tables["resolved_calls"])
    for entity, table in tables.items():
        with writer(entity, temporary / f"{entity}.parquet") as out:
            out.write_table(table)
    put(temporary, folder)


def _table(entity: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa

    shape = schema(entity)
    columns = [
        pa.array([row.get(name) for row in rows], kind) for name, kind in zip(shape.names, shape.types, strict=True)
    ]
    return pa.table(columns, schema=shape)


def _entities(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """Raises ``Damaged`` where a file is not what was written."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        prove(folder, ())
        for name in _ENTITIES:
            path = folder / f"{name}.parquet"
            if path.is_file():
                found[name].append(path)
    return dict(found)


def _listed(listing: Path) -> list[str]:
    """The folders of a listing; none where it is not there, or is none and so is written again."""
    try:
        told = json.loads(listing.read_bytes())
        return [str(name) for name in told] if isinstance(told, list) else []
    except (OSError, ValueError):
        return []


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()[:16]


@cache
def _recipe() -> str:
    """Identity of this code, of what it knows of models' names, and of the engine whose hashes the keys are."""
    import duckdb

    beside = (_PACKAGE.parent / "lake.py", Path(metering.__file__), Path(naming.__file__))
    texts = [path.read_text() for path in (*sorted(_PACKAGE.glob("*.py")), *beside)]
    return _digest([duckdb.__version__, *texts])
