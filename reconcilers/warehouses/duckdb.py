"""The embedded warehouse: one private store that dbt writes, and published finance files that readers open.

::

    store/store.duckdb       staging and intermediate models, lake views, reference tables; nobody reads it
    store/reconciled.duckdb  candidate marts, attached by dbt; nobody reads it
    published/versions/<n>/  one published set: reconciled.duckdb and run.json, never written again
    published/current        symbolic link to the version that counts, replaced atomically

A reader resolves ``current`` once and keeps its version for as long as it likes. A killed build leaves the store
half-new, which nobody sees and the next build replaces; a killed publish leaves a ``.tmp`` folder, which it removes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.errors import Busy, Damaged, ReconcileError, SettingsInvalid
from reconcilers.ingest.lake import DAYS_OF_CALLS, ENTITIES, schema
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Column, Figures, Table, one_writer

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

#: Name of the published file.
FINANCE_FILE = "reconciled.duckdb"
_VERSION = re.compile(r"\d{6,}")
_PUBLISHED_AGAIN = "the next run publishes again, and `reconcile rebuild --from DAY --to DAY` does from landing alone"
#: The dbt of a job that was killed a moment ago is killed too, and holds the store a little longer.
_LETTING_GO_SECONDS = 3.0
#: Rows of a result that are in memory at a time.
_BATCH_ROWS = 65_536


class Store:
    """The private store under ``home`` and what is published from it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "store"
        self.published = home / "published"

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile needs."""
        return {
            "RECONCILE_WAREHOUSE": "duckdb",
            "RECONCILE_STORE": str(self.folder / "store.duckdb"),
            "RECONCILE_FINANCE_FILE": str(self.folder / FINANCE_FILE),
            "RECONCILE_FINANCE_DATABASE": "finance_file",
        }

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """The one writer's place."""
        return one_writer(self.folder)

    def load(
        self,
        files: Mapping[str, Sequence[Path]],
        reference: Mapping[str, pa.Table],
        knowledge: Mapping[str, pa.Table],
    ) -> None:
        """Point the lake's views at ``files`` (entity → Parquet); replace the reference tables and those of knowledge."""
        with self._connect() as connection:
            # dbt will: better said here than by it.
            self._attach(connection, "")
            connection.execute("create schema if not exists lake")
            connection.execute("create schema if not exists reference_files")
            for entity in ENTITIES:
                _view(connection, entity, files.get(entity, ()))
            _days_of_calls(
                connection, {entity: [str(path) for path in files.get(entity, ())] for entity in DAYS_OF_CALLS}
            )
            for schema_name, tables in (("lake", knowledge), ("reference_files", reference)):
                for name, table in tables.items():
                    connection.register("incoming", table)
                    connection.execute(f"create or replace table {schema_name}.{name} as select * from incoming")
                    connection.unregister("incoming")

    def candidate(self, table: str, schema: str = "finance", where: str = "true") -> Figures:
        """Rows of a table as it was built and is not published yet: all, or those ``where`` takes."""
        with self._connect() as connection:
            self._attach(connection)
            file = "finance_file" if schema == "finance" else "store"
            cursor = connection.execute(f"select * from {file}.{schema}.{table} where {where}")
            return Figures([column[0] for column in cursor.description or ()], cursor.fetchall())

    def publish(self, facts: Mapping[str, Any], keep: int) -> Version:
        """Copy the audited candidate under the next version number and make it current."""
        versions = self.published / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        for left in versions.glob("*.tmp"):
            shutil.rmtree(left)
        number = max((int(version.folder.name) for version in self.versions()), default=0) + 1
        candidate, final = versions / f"{number:06d}.tmp", versions / f"{number:06d}"
        candidate.mkdir()
        self._copy_finance(candidate / FINANCE_FILE)
        (candidate / "run.json").write_text(json.dumps(dict(facts), indent=1, sort_keys=True) + "\n")
        for path in (*candidate.iterdir(), candidate):
            _fsync(path)
        candidate.rename(final)
        _fsync(versions)
        link = self.published / "current.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("versions") / final.name)
        os.replace(link, self.published / "current")
        _fsync(self.published)
        for old in self.versions()[:-keep]:
            shutil.rmtree(old.folder)
        return Version(final)

    def current(self) -> Version | None:
        """The published version that counts; null before the first publish. Raises ``Damaged`` where it is gone."""
        link = self.published / "current"
        if link.is_symlink() and not link.exists():
            raise Damaged("the published version that counts is gone", file=str(link), hint=_PUBLISHED_AGAIN)
        return Version(link.resolve()) if link.exists() else None

    def versions(self) -> list[Version]:
        """All that is published, the oldest first; whatever else lies among them is passed over."""
        folder = self.published / "versions"
        found = (path for path in folder.iterdir() if _VERSION.fullmatch(path.name)) if folder.is_dir() else ()
        return [Version(path) for path in sorted(found) if path.is_dir()]

    def damages(self) -> Iterator[tuple[str, ReconcileError | None]]:
        """Each part of the warehouse, read through, and what is wrong with it: the store, every version, which one counts."""
        if (self.folder / "store.duckdb").exists():
            yield "store", _problem(self._look)
        for version in self.versions():
            yield version.name, _problem(version.prove)
        if self.published.exists():
            yield "current", _problem(self.current)

    def _look(self) -> None:
        with self._connect() as connection:
            self._attach(connection)

    def _copy_finance(self, target: Path) -> None:
        """A plain copy of the candidate file, which explains itself and whose write-ahead log is folded in."""
        with self._connect() as connection:
            connection.execute(f"attach '{_quoted(self.folder / FINANCE_FILE)}' as finance_file")
            connection.execute("use finance_file")
            _explain_tables(connection)
            connection.execute("checkpoint finance_file")
        shutil.copyfile(self.folder / FINANCE_FILE, target)

    def _attach(self, connection: duckdb.DuckDBPyConnection, how: str = "(read_only)") -> None:
        """Attach the candidate, if there is one. Raises ``Damaged`` where it cannot be read."""
        import duckdb

        path = self.folder / FINANCE_FILE
        try:
            if path.exists():
                connection.execute(f"attach '{_quoted(path)}' as finance_file {how}")
        except duckdb.Error as error:
            if "lock" in str(error):
                raise Busy(f"another process has the store open: {error}", hint=f"close what holds {path}") from error
            raise self._damaged(path, error) from None

    def _damaged(self, path: Path, error: Exception) -> Damaged:
        hint = f"delete the folder {self.folder}; the next run makes it again"
        return Damaged(f"the store is damaged: {_first_line(error)}", file=str(path), hint=hint)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        path, deadline = self.folder / "store.duckdb", time.monotonic() + _LETTING_GO_SECONDS
        while True:
            try:
                connection = duckdb.connect(str(path))
                break
            except duckdb.Error as error:
                if "lock" not in str(error):
                    raise self._damaged(path, error) from None
                if time.monotonic() > deadline:
                    hint = f"close what holds {path}"
                    raise Busy(f"another process has the store open: {error}", hint=hint) from error
            time.sleep(0.1)
        try:
            yield connection
        finally:
            connection.close()


class Version:
    """One published version: a folder whose files never change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def facts(self) -> dict[str, Any]:
        """``run.json`` of the version. Raises ``Damaged`` where it is not what was written."""
        path = self.folder / "run.json"
        try:
            facts = json.loads(path.read_bytes())
            if isinstance(facts, dict) and {"period", "as_of", "failed_units", "warnings"} <= facts.keys():
                return facts
            problem = "it is not what was written"
        except (ValueError, RecursionError):
            problem = "it is no JSON"
        except OSError as error:
            problem = str(error.strerror)
        raise Damaged(f"a published version is damaged: {problem}", file=str(path), hint=self._published_again)

    @property
    def _published_again(self) -> str:
        return f"delete the folder {self.folder}; {_PUBLISHED_AGAIN}"

    @property
    def name(self) -> str:
        return f"version {self.folder.name}"

    @property
    def place(self) -> str:
        return f"{self.folder / FINANCE_FILE} (schema finance)"

    def ask(self, sql: str, *values: Any) -> Figures:
        """The result of one query, which knows nothing but this version: it reads and writes no other file, attaches and installs
        nothing, and changes no setting. Raises ``SettingsInvalid`` where it fails."""
        with self._opened() as connection:
            return _answer(connection, sql, values)

    @contextlib.contextmanager
    def held(self) -> Iterator[Held]:
        with self._opened() as connection:
            yield Held(self, connection)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with read_only(self.folder) as connection:
            connection.execute("set enable_external_access = false; set lock_configuration = true")
            yield connection

    def batches(self, sql: str, *values: Any) -> pa.RecordBatchReader:
        """The same with the types of its columns, a part at a time; the version stays open until the last is read."""
        import duckdb
        import pyarrow as pa

        connection = read_only(self.folder)
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        try:
            found = connection.sql(sql, params=list(values))
            if found is None:
                raise SettingsInvalid("the query gives no rows", hint="ask with `select`")
            reader = found.to_arrow_reader(_BATCH_ROWS)
        except duckdb.Error as error:
            raise SettingsInvalid(f"the query failed: {error}", hint="tables are in schema finance") from None

        def read() -> Iterator[pa.RecordBatch]:
            try:
                yield from reader
            except (pa.ArrowException, OSError) as error:
                raise SettingsInvalid(f"the query failed: {error}", hint="tables are in schema finance") from None
            finally:
                connection.close()

        return pa.RecordBatchReader.from_batches(reader.schema, read())

    def tables(self) -> list[Table]:
        """What is published, with the comments its file carries."""
        told = """select tables.name, tables.comment, columns.column_name, columns.data_type, columns.comment
                  from (
                      select schema_name, table_name as name, comment from duckdb_tables()
                      union all select schema_name, view_name, comment from duckdb_views()
                  ) as tables
                  join duckdb_columns() as columns
                      on tables.schema_name = columns.schema_name and tables.name = columns.table_name
                  where tables.schema_name = 'finance'
                  order by tables.name, columns.column_index"""
        found: dict[str, Table] = {}
        for name, meaning, column, kind, said in self.ask(told).rows:
            table = found.setdefault(name, Table(name, meaning or "", []))
            table.columns.append(Column(column, kind.lower(), said or ""))
        return list(found.values())

    def prove(self) -> None:
        """Read every value of its tables, which DuckDB keeps checksums of. Raises ``Damaged``."""
        import duckdb

        self.facts  # noqa: B018
        with read_only(self.folder) as connection:
            told = """select table_name from information_schema.tables
                      where table_schema = 'finance' and table_type = 'BASE TABLE' and table_catalog = current_database()"""
            try:
                tables = [name for (name,) in connection.execute(told).fetchall()]
                counted = [f"select count(*), bit_xor(hash(t)) from finance.{name} as t" for name in tables]
                rows = [connection.execute(sql).fetchall()[0][0] for sql in counted]
            except duckdb.Error as error:
                raise self._damaged(error) from None
        if not sum(rows):
            raise self._damaged("no table in it has a row")

    def _damaged(self, problem: object) -> Damaged:
        return Damaged(
            f"a published version is damaged: {_first_line(problem)}",
            file=str(self.folder / FINANCE_FILE),
            hint=self._published_again,
        )


class Held(Version):
    """A version opened once: it answers to its end, though newer ones push its folder out meanwhile."""

    def __init__(self, version: Version, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(version.folder)
        self.connection = connection
        self._facts = version.facts

    @property
    def facts(self) -> dict[str, Any]:
        return self._facts

    def ask(self, sql: str, *values: Any) -> Figures:
        return _answer(self.connection, sql, values)


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]) -> Figures:
    import duckdb

    try:
        cursor = connection.execute(sql, list(values))
        # DuckDB gives no cursor for a text without a statement.
        if cursor is None:
            raise SettingsInvalid("the query is empty", hint="tables are in schema finance")
        return Figures([column[0] for column in cursor.description or ()], cursor.fetchall())
    except duckdb.Error as error:
        raise SettingsInvalid(f"the query failed: {error}", hint="tables are in schema finance") from None


def read_only(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection to one published version, its tables in schema ``finance``. It never locks anybody out.

    The file is attached to a database of the connection's own: two connections to one file share its settings, so that one
    which locks them would stop another thread from asking. Raises ``Damaged`` where the file cannot be read.
    """
    import duckdb

    connection = duckdb.connect()
    try:
        connection.execute(f"attach '{_quoted(folder / FINANCE_FILE)}' as reconciled (read_only)")
    except duckdb.Error as error:
        connection.close()
        raise Version(folder)._damaged(error) from None
    connection.execute("use reconciled; set timezone = 'UTC'")
    return connection


@dataclass(frozen=True)
class RowChanges:
    """How the rows of a table differ between two versions, by its key; null where no key is known. What a version lacks is null, too."""

    table: str
    before: int | None
    after: int | None
    added: int | None = None
    gone: int | None = None
    changed: int | None = None


def row_changes(earlier: Version, later: Version) -> Iterator[RowChanges]:
    """Each table of either version, in order of names. A row has changed where a column that both versions have says another thing."""
    keys = {name: table.key for name, table in dbt.described().items()}
    tables = [
        {table.name: [column.name for column in table.columns] for table in one.tables()} for one in (earlier, later)
    ]
    with read_only(later.folder) as connection, tempfile.TemporaryDirectory() as spilled:
        connection.execute(f"set temp_directory = '{_quoted(spilled)}'")
        connection.execute(f"attach '{_quoted(earlier.folder / FINANCE_FILE)}' as earlier (read_only)")
        for table in sorted({*tables[0], *tables[1]}):
            places = [f"earlier.finance.{table}", f"finance.{table}"]
            counts = [
                connection.execute(f"select count(*) from {place}").fetchall()[0][0] if table in of else None
                for of, place in zip(tables, places, strict=True)
            ]
            shared = [column for column in tables[0].get(table, ()) if column in tables[1].get(table, ())]
            key = keys.get(table, ())
            if not key or not set(key) <= set(shared):
                yield RowChanges(table, *counts)
                continue
            told, row = ", ".join(key), f"hash(row({', '.join(shared)}))"
            sql = f"""select count(*) filter (earlier.told is null), count(*) filter (later.told is null),
                          count(*) filter (earlier.told <> later.told)
                      from (select {told}, {row} as told from {places[0]}) as earlier
                      full join (select {told}, {row} as told from {places[1]}) as later
                          on {" and ".join(f"earlier.{column} is not distinct from later.{column}" for column in key)}"""
            yield RowChanges(table, *counts, *connection.execute(sql).fetchall()[0])


def _view(connection: duckdb.DuckDBPyConnection, entity: str, files: Sequence[Path]) -> None:
    """A view over the entity's files; without files, one of no rows and the right types."""
    if files:
        listed = ", ".join(f"'{_quoted(path)}'" for path in files)
        connection.execute(f"create or replace view lake.{entity} as select * from read_parquet([{listed}])")
        return
    connection.register("nothing", schema(entity).empty_table())
    connection.execute(f"create or replace table lake._empty_{entity} as select * from nothing")
    connection.unregister("nothing")
    connection.execute(f"create or replace view lake.{entity} as select * from lake._empty_{entity}")


def _days_of_calls(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[str]]) -> None:
    """Keep ``lake.call_days``: the days each file speaks of that calls are made from. A lake file never changes, so only new
    ones are read."""
    paths = [path for of_entity in files.values() for path in of_entity]
    connection.execute("create table if not exists lake.call_days (path varchar, charge_day date, calls bigint)")
    known = {path for (path,) in connection.execute("select distinct path from lake.call_days").fetchall()}
    gone = [[path] for path in known.difference(paths)]
    if gone:
        connection.executemany("delete from lake.call_days where path = ?", gone)
    for entity, day in DAYS_OF_CALLS.items():
        new = [path for path in files[entity] if path not in known]
        if new:
            # Calls are counted once: what replaces a telling says only that the day is made from it, too.
            count = "count(*)" if entity == "calls" else "0"
            connection.execute(
                f"""insert into lake.call_days
                    select filename, cast({day} as date), {count} from read_parquet(?, filename = true) group by all""",
                [new],
            )


def _explain_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """In the file that is used: what the project says of each finance table and column, as comments, and each under its bare name.

    A file keeps no search path: who names no schema looks in ``main``, where a view of each table stands and says the same.
    """
    told = """select table_name, table_type = 'VIEW' from information_schema.tables
              where table_catalog = current_database() and table_schema = 'finance'"""
    kinds = {table: "view" if view else "table" for table, view in connection.execute(told).fetchall()}
    statements = ["begin"]
    for name, table in dbt.described().items():
        # The hourly watch builds a table of its own, and none of the others.
        if name not in kinds:
            continue
        statements.append(f"create or replace view main.{name} as from finance.{name}")
        for kind, place in ((kinds[name], "finance"), ("view", "main")):
            statements.append(f"comment on {kind} {place}.{name} is '{_quoted(table.meaning)}'")
            statements += [
                f"comment on column {place}.{name}.{column.name} is '{_quoted(column.meaning)}'"
                for column in table.columns
            ]
    connection.execute("; ".join([*statements, "commit"]))


def _problem(look: Callable[[], object]) -> ReconcileError | None:
    try:
        look()
    except ReconcileError as error:
        return error
    return None


def _first_line(problem: object) -> str:
    return str(problem).partition("\n")[0]


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
