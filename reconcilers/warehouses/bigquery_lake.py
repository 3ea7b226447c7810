"""Lake files into BigQuery by load jobs, each once, however often a run is killed or repeated.

A lake file never changes: its folder names the pull and how it was read. What is new of an entity is appended to
``raw_<entity>`` by one job, or a few where it is much; ``begun`` keeps the job's id before it starts, ``loaded`` the pulls
that are there, so that a run finds out what became of the jobs of one that was killed. Both say which table they speak
of, by when it was created. Which pulls count is ``known``,
replaced by every run, and ``<entity>`` is the view of the rows of these: an older ``as_of`` moves no data. A pull read by
another reader replaces its rows; a table whose columns are no longer the lake's is made anew, so nothing is loaded yet.
https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from reconcilers.ingest.lake import DAYS_OF_CALLS, ENTITIES, schema
from reconcilers.sources import google

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud import bigquery


#: The day rows are partitioned by, for entities that grow.
DAYS = {
    "calls": "ended_at",
    "metered_calls": "ended_at",
    "runs": "started_at",
    "outcomes": "occurred_at",
    "charges": "charge_period_start",
    "provider_usage": "charge_day",
    "provider_estimates": "charge_day",
    "resolved_calls": "ended_at",
    "resolved_tellings": "charge_day",
    "unread_usage": "charge_day",
    "left_out_charges": "charge_period_start",
    "call_days": "charge_day",
}
#: Of these, what is large and read by day only: BigQuery refuses a query of it that names no days.
FILTERED = frozenset({"calls", "metered_calls"})
#: What BigQuery calls these types when asked.
_OLDER_NAMES = {"INT64": "INTEGER", "BOOL": "BOOLEAN", "STRUCT": "RECORD", "FLOAT64": "FLOAT"}
#: Google counts jobs and the partitions each changes; few large jobs are within its quotas for longer.
_JOB_BYTES = 256 << 20
#: Stands for a job where rows are taken out.
_NO_JOB = "none"
#: Tries of one load before the run fails: a job that failed loaded nothing, but its id is used up.
_TRIES = 5


class _Pull(NamedTuple):
    """One lake file's pull: source, landing id and reader, as its folder is named."""

    source: str
    landing_id: str
    recipe: str


#: Columns of the two ledgers.
_LEDGERS = {
    "loaded": ("entity", "created", *_Pull._fields),
    "begun": ("entity", "created", *_Pull._fields, "job_id"),
}


class _Load(NamedTuple):
    """One job: an entity's files, which it appends all or none of, and when the table it appends to was created."""

    entity: str
    created: str
    job_id: str
    files: dict[_Pull, Path]


class BigQueryLake:
    """The lake's dataset."""

    def __init__(self, client: bigquery.Client, dataset: str, location: str) -> None:
        self.client, self.name, self.location = client, dataset, location

    def load(self, files: Mapping[str, Sequence[Path]], knowledge: Mapping[str, pa.Table]) -> None:
        """Append what is new, and make the views show exactly ``files``."""

        self._keep(self.name)
        shapes = {entity: schema(entity) for entity in ENTITIES} | {"call_days": _call_days_shape()}
        for name, columns in _LEDGERS.items():
            told = ", ".join(f"{column} string" for column in columns)
            self.client.query(f"create table if not exists `{self.name}.{name}` ({told})").result()
        begun_before = self._ledger("begun")
        # Before any table is made anew: no job of a killed run may be running then.
        succeeded = {job_id: self._succeeded(job_id) for *_, job_id in begun_before}
        tables = {entity: self._keep_raw(entity, shape) for entity, shape in shapes.items()}
        loaded = self._settled(tables, begun_before, succeeded)
        known: list[tuple[str, _Pull]] = []
        begun: list[_Load] = []
        for entity, table in tables.items():
            of = DAYS_OF_CALLS if entity == "call_days" else (entity,)
            pulls = {_pull(path): path for name in of for path in files.get(name, ())}
            news = {pull: path for pull, path in pulls.items() if (entity, pull) not in loaded}
            again = {pull[:2] for pull in news}
            self._forget(entity, table, [pull for of, pull in loaded if of == entity and pull[:2] in again])
            begun += self._planned(entity, table, news)
            known += [(entity, pull) for pull in pulls]
        self._note("begun", [(load.entity, load.created, pull, load.job_id) for load in begun for pull in load.files])
        for load in begun:
            self._append(load, tables[load.entity], shapes[load.entity])
        self._note("loaded", [(load.entity, load.created, pull) for load in begun for pull in load.files])
        self._end(begun)
        self.replace_all(self.name, {"known": _listed(known), **knowledge})
        for entity, shape in shapes.items():
            self._keep_view(entity, shape)

    def replace_all(self, dataset: str, tables: Mapping[str, pa.Table]) -> None:
        """Replace small tables whole, each by one load."""
        self._keep(dataset)
        for name, table in tables.items():
            self._load_rows(f"{dataset}.{name}", table, "WRITE_TRUNCATE")

    def _ledger(self, name: str) -> list[tuple[str, str, _Pull, str]]:
        """Rows of ``begun`` or ``loaded``: entity, when its table was created, pull, and of ``begun`` the job."""
        rows = self.client.query(f"select distinct {', '.join(_LEDGERS[name])} from `{self.name}.{name}`").result()
        return [
            (entity, created, _Pull(*told[:3]), "".join(told[3:]))
            for entity, created, *told in (r.values() for r in rows)
        ]

    def _note(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append to a ledger: entity, when its table was created, pull, and to ``begun`` the job."""
        import pyarrow as pa

        if rows:
            told = [(entity, created, *pull, *job) for entity, created, pull, *job in rows]
            shape = pa.schema([(column, pa.string()) for column in _LEDGERS[name]])
            self._load_rows(
                f"{self.name}.{name}", pa.table([list(c) for c in zip(*told, strict=True)], shape), "WRITE_APPEND"
            )

    def _settled(
        self,
        tables: Mapping[str, bigquery.Table],
        begun: Sequence[tuple[str, str, _Pull, str]],
        succeeded: Mapping[str, bool],
    ) -> set[tuple[str, _Pull]]:
        """The pulls that are in the tables, by entity, now that it is known how the jobs of a killed run ended."""
        created = {entity: _created(table) for entity, table in tables.items()}
        loaded = {(entity, pull) for entity, of, pull, _ in self._ledger("loaded") if of == created.get(entity)}
        begun = [row for row in begun if row[1] == created.get(row[0])]
        done = {(entity, pull) for entity, _, pull, job_id in begun if succeeded[job_id]}
        # What was taken out for a load that then succeeded is out; any other pull begun is made to have nothing.
        there = {(entity, pull[:2]) for entity, pull in done}
        undone = {(entity, pull) for entity, _, pull, _ in begun if (entity, pull[:2]) not in there}
        for entity in {entity for entity, _ in undone}:
            self._clear(entity, [pull for of, pull in undone if of == entity])
        self._note("loaded", [(entity, created[entity], pull) for entity, pull in sorted(done - loaded)])
        self._end(succeeded)
        return (loaded | done) - undone

    def _succeeded(self, job_id: str) -> bool:
        """Whether a job appended its rows; waits for one that is still running."""
        from google.cloud.exceptions import GoogleCloudError

        job = self._job(job_id)
        if job is None:
            return False
        try:
            job.result()
        except GoogleCloudError:
            if job.error_result is None:
                raise  # nothing is known of the job
            return False
        return True

    def _job(self, job_id: str) -> Any:
        """The job of that id; null where there is none."""
        from google.cloud.exceptions import NotFound

        try:
            return self.client.get_job(job_id, location=self.location)
        except NotFound:
            return None

    def _end(self, begun: Collection[object]) -> None:
        if begun:
            self.client.query(f"delete from `{self.name}.begun` where true").result()

    def _keep_raw(self, entity: str, shape: pa.Schema) -> bigquery.Table:
        from google.cloud import bigquery

        table = bigquery.Table(f"{self.name}.raw_{entity}", schema=fields(shape))
        if entity in DAYS:
            table.time_partitioning = bigquery.TimePartitioning(field=DAYS[entity])
            table.require_partition_filter = entity in FILTERED
        table.clustering_fields, table.labels = ["source", "landing_id"], google.LABELS
        self.client.create_table(table, exists_ok=True)
        found = self.client.get_table(table.reference)
        if _columns(found.schema) != _columns(table.schema):
            self.client.delete_table(table.reference)
            self.client.create_table(table)
            found = self.client.get_table(table.reference)
        if bool(found.require_partition_filter) != bool(table.require_partition_filter):
            found.require_partition_filter = table.require_partition_filter
            found = self.client.update_table(found, ["require_partition_filter"])
        return found

    def _keep_view(self, entity: str, shape: pa.Schema) -> None:
        columns = ", ".join(f"raw.{name}" for name in shape.names)
        self.client.query(
            f"""create or replace view `{self.name}.{entity}` as
                select {columns} from `{self.name}.raw_{entity}` as raw
                join (select distinct source, landing_id from `{self.name}.known` where entity = '{entity}') as known
                    on raw.source = known.source and raw.landing_id = known.landing_id"""
        ).result()

    def _planned(self, entity: str, table: bigquery.Table, news: Mapping[_Pull, Path]) -> Iterator[_Load]:
        """Jobs for an entity's new files, each of them of about ``_JOB_BYTES``."""
        files: dict[_Pull, Path] = {}
        size = 0
        for pull in sorted(news):
            files[pull] = news[pull]
            size += news[pull].stat().st_size
            if size >= _JOB_BYTES:
                yield _Load(entity, _created(table), self._free_id(entity, table, files), files)
                files, size = {}, 0
        if files:
            yield _Load(entity, _created(table), self._free_id(entity, table, files), files)

    def _free_id(self, entity: str, table: bigquery.Table, pulls: Iterable[_Pull]) -> str:
        """The first id no job has of those that follow from the table and the files."""
        told = "\n".join([_created(table), *("\t".join(pull) for pull in pulls)])
        name = f"lake_{entity}_{hashlib.sha256(told.encode()).hexdigest()[:32]}"
        return next(job_id for number in count() if self._job(job_id := f"{name}_{number}") is None)

    def _append(self, load: _Load, table: bigquery.Table, shape: pa.Schema) -> None:
        """Run one job; one that failed appended nothing and is tried again under another id."""
        from google.cloud.exceptions import GoogleCloudError

        with _content(load, shape) as content:
            for attempt in range(1, _TRIES + 1):
                content.seek(0)
                try:
                    self.client.load_table_from_file(
                        content, table.reference, job_id=load.job_id, job_config=_load_config(shape, "WRITE_APPEND")
                    ).result()
                    return
                except GoogleCloudError as error:
                    if self._succeeded(load.job_id):
                        return  # only the answer was lost
                    if attempt == _TRIES:
                        raise
                    if google.is_used_up(error):
                        time.sleep(2**attempt)
                load = load._replace(job_id=self._free_id(load.entity, table, load.files))
                self._note("begun", [(load.entity, load.created, pull, load.job_id) for pull in load.files])

    def _load_rows(self, target: str, table: pa.Table, disposition: str) -> None:
        import pyarrow.parquet as pq
        from google.cloud import bigquery

        self.client.create_table(bigquery.Table(target, schema=fields(table.schema)), exists_ok=True)
        content = io.BytesIO()
        pq.write_table(_in_utc(table), content)
        content.seek(0)
        config = _load_config(table.schema, disposition)
        self.client.load_table_from_file(content, target, job_config=config).result()

    def _forget(self, entity: str, table: bigquery.Table, pulls: Sequence[_Pull]) -> None:
        """Take out what another reader read of pulls; killed in between, the next run does it."""
        self._note("begun", [(entity, _created(table), pull, _NO_JOB) for pull in pulls])
        self._clear(entity, pulls)

    def _clear(self, entity: str, pulls: Sequence[_Pull]) -> None:
        """Take out the rows of pulls, then that they are there."""
        from google.cloud import bigquery

        if not pulls:
            return
        # A landing id is of one source only: it is a digest of it, among others.
        names = [
            bigquery.ArrayQueryParameter(None, "STRING", sorted({pull[place] for pull in pulls})) for place in (0, 1)
        ]
        of_pulls = "source in unnest(?) and landing_id in unnest(?)"
        every_day = f" and {DAYS[entity]} >= timestamp '0001-01-01'" if entity in FILTERED else ""
        for sql in (
            f"delete from `{self.name}.raw_{entity}` where {of_pulls}{every_day}",
            f"delete from `{self.name}.loaded` where entity = '{entity}' and {of_pulls}",
        ):
            self.client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=names)).result()

    def _keep(self, dataset: str) -> None:
        from google.cloud import bigquery

        kept = bigquery.Dataset(dataset)
        kept.location = self.location
        self.client.create_dataset(kept, exists_ok=True)


def fields(shape: pa.Schema) -> list[bigquery.SchemaField]:
    """BigQuery's columns for the lake's types."""
    import pyarrow as pa
    from google.cloud import bigquery

    kinds = {
        pa.string(): "STRING",
        pa.int64(): "INT64",
        pa.bool_(): "BOOL",
        pa.date32(): "DATE",
        pa.timestamp("us"): "TIMESTAMP",
        pa.decimal128(38, 9): "NUMERIC",
    }

    def column(field: pa.Field) -> bigquery.SchemaField:
        if not pa.types.is_list(field.type):
            return bigquery.SchemaField(field.name, kinds[field.type], "NULLABLE" if field.nullable else "REQUIRED")
        element = field.type.value_type
        if pa.types.is_struct(element):
            return bigquery.SchemaField(field.name, "RECORD", "REPEATED", fields=[column(part) for part in element])
        return bigquery.SchemaField(field.name, kinds[element], "REPEATED")

    return [column(field) for field in shape]


def _load_config(shape: pa.Schema, disposition: str) -> bigquery.LoadJobConfig:
    from google.cloud import bigquery

    options = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
    options.enable_list_inference = True
    config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition=disposition, schema=fields(shape))
    config.parquet_options, config.labels = options, google.LABELS
    return config


def _pull(path: Path) -> _Pull:
    """``lake/<source>/<landing_id>-<recipe>/<entity>.parquet``"""
    landing_id, _, recipe = path.parent.name.rpartition("-")
    return _Pull(unquote(path.parent.parent.name), landing_id, recipe)


def _created(table: bigquery.Table) -> str:
    return f"{table.created:%Y-%m-%dT%H:%M:%S.%f}"


def _columns(fields: Sequence[bigquery.SchemaField]) -> list[tuple[Any, ...]]:
    """Columns as they compare: BigQuery tells a type by its older name."""
    return [
        (field.name, _OLDER_NAMES.get(field.field_type, field.field_type), field.mode, _columns(field.fields))
        for field in fields
    ]


def _in_utc(table: pa.Table) -> pa.Table:
    """Times told to be UTC: of a Parquet time without a zone BigQuery makes a DATETIME."""
    import pyarrow as pa

    zoned = [
        field.with_type(pa.timestamp("us", "UTC")) if field.type == pa.timestamp("us") else field
        for field in table.schema
    ]
    return table.cast(pa.schema(zoned))


def _content(load: _Load, shape: pa.Schema) -> IO[bytes]:
    """The files of one job as one, written to disk batch by batch, so that memory does not grow with them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content: IO[bytes] = TemporaryFile()  # noqa: SIM115 - the caller closes it
    with pq.ParquetWriter(content, _in_utc(shape.empty_table()).schema, compression="zstd") as out:
        for pull, path in load.files.items():
            if load.entity == "call_days":
                out.write_table(_call_days(pull, path))
                continue
            with pq.ParquetFile(path) as stored:
                for batch in stored.iter_batches():
                    out.write_table(_in_utc(pa.Table.from_batches([batch]).cast(shape)))
    return content


def _call_days_shape() -> pa.Schema:
    import pyarrow as pa

    text = [pa.field(name, pa.string(), nullable=False) for name in ("source", "landing_id", "path")]
    return pa.schema([*text, pa.field("charge_day", pa.date32()), pa.field("calls", pa.int64())])


def _call_days(pull: _Pull, path: Path) -> pa.Table:
    """The days a file speaks of that calls are made from."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    column = DAYS_OF_CALLS[path.stem]
    days = pc.value_counts(pc.cast(pq.read_table(path, columns=[column])[column], pa.date32(), safe=False))
    # Calls are counted once: what replaces a telling says only that the day is made from it, too.
    counts = days.field("counts") if path.stem == "calls" else pa.repeat(pa.scalar(0, pa.int64()), len(days))
    return pa.table(
        {
            "source": [pull.source] * len(days),
            "landing_id": [pull.landing_id] * len(days),
            "path": ["/".join(pull)] * len(days),
            "charge_day": days.field("values"),
            "calls": counts,
        },
        schema=_call_days_shape(),
    )


def _listed(pulls: Sequence[tuple[str, _Pull]]) -> pa.Table:
    import pyarrow as pa

    names = ("entity", *_Pull._fields)
    rows = [(entity, *pull) for entity, pull in pulls]
    columns = [[row[place] for row in rows] for place in range(len(names))]
    return pa.table(columns, schema=pa.schema([(name, pa.string()) for name in names]))
