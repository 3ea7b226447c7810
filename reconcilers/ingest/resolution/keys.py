"""Whole numbers that link tellings, kept once beside each lake file, and which tellings they make contested.

``own`` names the operation, by its place in a trace where it tells one, ``parent`` the one above it, ``trace`` all of its
trace, ``response`` the response id of a model operation, ``who`` the event and run it names. Two different texts share a
number with a chance of 1 in 10¹⁸; then both are looked at, and the texts themselves decide. Names are bits: ``lacks`` those
a telling does not tell.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconcilers.ingest.proofs import note, prove
from reconcilers.ingest.resolution.names import NAMES

if TYPE_CHECKING:
    import duckdb

#: What keys, those of all tellings at once, may take of memory; the rest stands on disk meanwhile.
MEMORY_LIMIT = "500MB"
#: The number of who emitted a telling (R8).
EMITTER = "hash(source, scope_name, scope_version, provider, operation)"
_OWN = "hash(coalesce(lower(trace_id) || '|' || lower(span_id), source || '|' || record_id))"
#: What is kept of a file of tellings.
_TELLINGS = f"""
select
    landing_row, cast(ended_at as date) as day,
    {_OWN} as own,
    case when span_kind = 'model' then hash(response_id) end as response,
    hash(lower(trace_id)) as trace,
    case when trace_id is not null and parent_span_id is not null then hash(lower(trace_id) || '|' || lower(parent_span_id)) end as parent,
    case
        when span_kind <> 'model' or coalesce(event_id, run_id, trace_id) is null then null
        when event_id is null and run_id is null then hash(lower(trace_id))
        else hash(event_id, run_id)
    end as who,
    hash(scope_name) as scope, {EMITTER} as emitter,
    billable, answered_from_cache, len(coalesce(over_scopes, [])) > 0 as lies_over,
    {" | ".join(f"(({name} is null)::integer << {bit})" for bit, name in enumerate(NAMES))} as lacks,
    trace_id is not null as in_trace, response_id is not null as has_response
from read_parquet($calls)
"""
# a filter alone would leave the number of every telling to be reckoned
_EMITTERS = f"""
select
    source, scope_name, scope_version, provider, operation,
    bool_or(emitter_tells_cache) as table_tells_cache, bool_or(tells_cache) as tells_cache,
    list(distinct case when cache_exceeds_input then {_OWN} end) filter (cache_exceeds_input) as exceeding,
    list_distinct(flatten(list(distinct over_scopes) filter (over_scopes is not null))) as over_scopes
from read_parquet($calls)
group by all
"""
#: What makes tellings contested, each reckoned by itself: one statement that groups all keys in several ways at once takes memory for
#: all of them. Told twice, by their own id or a response id; traces whose spans wrap others, lack names others tell, or were
#: answered from a cache; who was emitted for by what lies over others.
_CAUSES = {
    "told_twice": "select own from keys group by own having count(*) > 1",
    "shared": "select response from keys where has_response and response is not null group by response having count(*) > 1",
    "wrapping": "select distinct trace from keys where billable and own in (select parent from keys where parent is not null)",
    "traces": f"""
select trace from keys where in_trace group by trace
having count(*) > 1 and (
    bit_or(case when billable then lacks else 0 end) & bit_or({(1 << len(NAMES)) - 1} - lacks) <> 0
    or bool_or(answered_from_cache)
    or trace in (select trace from wrapping)
)""",
    "pairs": """
select who from keys where lies_over or scope in (select hash(unnest($over_scopes)))
group by who having bool_or(lies_over) and count(*) > 1""",
}
#: The tellings they make so.
_CONTESTED = """
select
    file, landing_row, day, emitter,
    case when own in (select own from told_twice) then own end as own,
    case when has_response and response in (select response from shared) then response end as response,
    case when in_trace and trace in (select trace from traces) then trace end as trace,
    case when (lies_over or scope in (select hash(unnest($over_scopes)))) and who in (select who from pairs) then who end as who
from keys
where own in (select own from told_twice)
    or has_response and response in (select response from shared)
    or in_trace and trace in (select trace from traces)
    or (lies_over or scope in (select hash(unnest($over_scopes)))) and who in (select who from pairs)
"""
LINKS = ("own", "response", "trace", "who")


@dataclass(frozen=True)
class KeyFiles:
    """What is kept of one lake file of calls. ``identity`` names its content: source, landing and recipe."""

    calls: Path
    identity: str
    folder: Path

    @property
    def tellings(self) -> Path:
        return self.folder / "tellings.parquet"

    @property
    def emitters(self) -> Path:
        return self.folder / "emitters.parquet"


def kept(calls: Sequence[Path], root: Path, recipe: str) -> list[KeyFiles]:
    """The key files of files of calls, written first where they are not there yet."""
    files = [_of(path, root / recipe) for path in calls]
    if missing := [file for file in files if not file.folder.is_dir()]:
        import duckdb

        spilled = str(root / f"{os.getpid()}.tmp")
        with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": spilled}) as connection:
            for file in missing:
                _write(connection, file)
    for file in files:
        prove(file.folder, ("tellings.parquet", "emitters.parquet"))
    return files


def _of(calls: Path, root: Path) -> KeyFiles:
    identity = "/".join(calls.parts[-3:-1] if calls.name == "calls.parquet" else calls.parts[-2:])
    return KeyFiles(calls, identity, root / identity.replace("/", "-"))


def _write(connection: duckdb.DuckDBPyConnection, file: KeyFiles) -> None:
    temporary = file.folder.with_name(f"{file.folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, sql in (("tellings", _TELLINGS), ("emitters", _EMITTERS)):
        text = sql.replace("$calls", quoted(file.calls))
        connection.execute(
            f"copy ({text}) to {quoted(temporary / f'{name}.parquet')} (format parquet, compression zstd)"
        )
    put(temporary, file.folder)


def put(temporary: Path, folder: Path) -> None:
    """Give a written folder its name, its files noted; whoever was first with the same content has it."""
    note(temporary)
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(temporary, ignore_errors=True)


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def find_contested(
    connection: duckdb.DuckDBPyConnection, files: Sequence[KeyFiles], over_scopes: Collection[str]
) -> int:
    """Make the table ``contested``: tellings and the links that make them so. Returns how many there are."""
    listed = ", ".join(quoted(file.tellings) for file in files)
    numbers = {str(file.tellings): number for number, file in enumerate(files)}
    connection.execute("create or replace temp table files (name varchar, file integer)")
    connection.executemany("insert into files values (?, ?)", [list(pair) for pair in numbers.items()])
    connection.execute(
        f"""create or replace temp view keys as
            select told.*, files.file from read_parquet([{listed}], filename = true) as told join files on told.filename = files.name"""
    )
    scopes = "[" + ", ".join("'" + scope.replace("'", "''") + "'" for scope in sorted(over_scopes)) + "]::varchar[]"
    for name, sql in (_CAUSES | {"contested": _CONTESTED}).items():
        connection.execute(f"create or replace temp table {name} as {sql.replace('$over_scopes', scopes)}")
    found = connection.execute("select count(*) from contested").fetchone()
    assert found is not None
    return int(found[0])
