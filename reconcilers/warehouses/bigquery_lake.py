"""Lake files into BigQuery by load jobs, each once, however often a run is killed or repeated.

A lake file never changes: its folder names the pull and how it was read. What is new of an entity is appended to
``raw_<entity>`` by one job, or a few where it is much; ``begun`` keeps the job's id before it starts, ``loads`` the pulls
that are there, so that a run finds out what became of the jobs of one that was killed. Which pulls count is ``known``,
replaced by every run, and ``<entity>`` is the view of the rows of these: an older ``as_of`` moves no data. A pull read by
another reader replaces its rows; a table whose columns are no longer the lake's is made anew, and loaded again.
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

from reconcilers import google
from reconcilers.lake import ENTITIES, schema

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud import bigquery

    from reconcilers.landing import Refused

#: The day rows are partitioned by, for entities that grow.
DAYS = {
    "calls": "ended_at",
    "runs": "started_at",
    "outcomes": "occurred_at",
    "charges": "charge_period_start",
    "provider_usage": "charge_day",
    "call_days": "charge_day",
}
#: Of these, what is large and read by day only: BigQuery refuses a query of it that names no days.
FILTERED = frozenset({"calls"})
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


class _Load(NamedTuple):
    """One job: an entity's files, which it appends all or none of."""

    entity: str
    job_id: str
    files: dict[_Pull, Path]


class BigQueryLake:
    """The lake's dataset."""

    def __init__(self, client: bigquery.Client, dataset: str, location: str) -> None:
        self.client, self.name, self.location = client, dataset, location

    def load(self, files: Mapping[str, Sequence[Path]], rejections: Sequence[Refused]) -> None:
        """Append what is new, and make the views show exactly ``files``."""
        import pyarrow as pa

        self._keep(self.name)
        shapes = {entity: schema(entity) for entity in ENTITIES} | {"call_days": _call_days_shape()}
        self._make("loads", *_Pull._fields)
        self._make("begun", *_Pull._fields, "job_id")
        tables = {entity: self._keep_raw(entity, shape) for entity, shape in shapes.items()}
        loaded = self._settled()
        known: list[tuple[str, _Pull]] = []
        begun: list[_Load] = []
        for entity, table in tables.items():
            pulls = {_pull(path): path for path in files.get("calls" if entity == "call_days" else entity, ())}
            news = {pull: path for pull, path in pulls.items() if (entity, pull) not in loaded}
            again = {pull[:2] for pull in news}
            self._forget(entity, [pull for of, pull in loaded if of == entity and pull[:2] in again])
            begun += self._planned(entity, table, news)
            known += [(entity, pull) for pull in pulls]
        self._begin(begun)
        for load in begun:
            self._append(load, tables[load.entity], shapes[load.entity])
        self._note(begun)
        refused = [[getattr(one, name) for one in rejections] for name in ("source", "unit", "problem")]
        text = pa.schema([(name, pa.string()) for name in ("source", "unit", "problem")])
        self.replace_all(self.name, {"known": _listed(known), "rejections": pa.table(refused, schema=text)})
        for entity, shape in shapes.items():
            self._keep_view(entity, shape)

    def replace_all(self, dataset: str, tables: Mapping[str, pa.Table]) -> None:
        """Replace small tables whole, each by one load."""
        self._keep(dataset)
        for name, table in tables.items():
            self._load_rows(f"{dataset}.{name}", table, "WRITE_TRUNCATE")

    def _make(self, name: str, *columns: str) -> None:
        told = ", ".join(f"{column} string" for column in ("entity", *columns))
        self.client.query(f"create table if not exists `{self.name}.{name}` ({told})").result()

    def _settled(self) -> set[tuple[str, _Pull]]:
        """The pulls that are there, by entity, once what a killed run left running has ended."""
        listed = f"select distinct entity, {', '.join(_Pull._fields)}"
        loaded = {_entry(row.values()) for row in self.client.query(f"{listed} from `{self.name}.loads`").result()}
        begun: dict[str, list[tuple[str, _Pull]]] = {}
        for row in self.client.query(f"{listed}, job_id from `{self.name}.begun`").result():
            *entry, job_id = row.values()
            begun.setdefault(job_id, []).append(_entry(entry))
        succeeded = {job_id: self._succeeded(job_id) for job_id in begun}
        done = {entry for job_id, entries in begun.items() if succeeded[job_id] for entry in entries}
        # What was taken out for a load that then succeeded is out; any other pull begun is made to have nothing.
        there = {(entity, pull[:2]) for entity, pull in done}
        undone = {entry for entries in begun.values() for entry in entries if (entry[0], entry[1][:2]) not in there}
        for entity in {entity for entity, _ in undone}:
            self._clear(entity, [pull for of, pull in undone if of == entity])
        self._append_rows("loads", _listed(sorted(done - loaded)))
        self._end(begun)
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
            # Killed in between, the next run finds a table with other columns again, or none.
            for name in ("begun", "loads"):
                self.client.query(f"delete from `{self.name}.{name}` where entity = '{entity}'").result()
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
                yield _Load(entity, self._free_id(entity, table, files), files)
                files, size = {}, 0
        if files:
            yield _Load(entity, self._free_id(entity, table, files), files)

    def _free_id(self, entity: str, table: bigquery.Table, pulls: Iterable[_Pull]) -> str:
        """The first id no job has of those that follow from the table and the files."""
        told = "\n".join([f"{table.created}", *("\t".join(pull) for pull in pulls)])
        name = f"lake_{entity}_{hashlib.sha256(told.encode()).hexdigest()[:32]}"
        return next(job_id for number in count() if self._job(job_id := f"{name}_{number}") is None)

    def _begin(self, loads: Sequence[_Load]) -> None:
        """Keep the ids before the jobs start."""
        rows = [(load.entity, pull, load.job_id) for load in loads for pull in load.files]
        self._append_rows("begun", _listed([row[:2] for row in rows], job_id=[row[2] for row in rows]))

    def _note(self, loads: Sequence[_Load]) -> None:
        """Keep what is there now."""
        self._append_rows("loads", _listed([(load.entity, pull) for load in loads for pull in load.files]))
        self._end(loads)

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
                    if attempt == _TRIES:
                        raise
                    if google.is_used_up(error):
                        time.sleep(2**attempt)
                load = load._replace(job_id=self._free_id(load.entity, table, load.files))
                self._begin([load])

    def _append_rows(self, name: str, table: pa.Table) -> None:
        if len(table):
            self._load_rows(f"{self.name}.{name}", table, "WRITE_APPEND")

    def _load_rows(self, target: str, table: pa.Table, disposition: str) -> None:
        import pyarrow.parquet as pq
        from google.cloud import bigquery

        self.client.create_table(bigquery.Table(target, schema=fields(table.schema)), exists_ok=True)
        content = io.BytesIO()
        pq.write_table(_in_utc(table), content)
        content.seek(0)
        config = _load_config(table.schema, disposition)
        self.client.load_table_from_file(content, target, job_config=config).result()

    def _forget(self, entity: str, pulls: Sequence[_Pull]) -> None:
        """Take out what another reader read of pulls; killed in between, the next run does it."""
        self._append_rows("begun", _listed([(entity, pull) for pull in pulls], job_id=[_NO_JOB] * len(pulls)))
        self._clear(entity, pulls)

    def _clear(self, entity: str, pulls: Sequence[_Pull]) -> None:
        """Take out the rows of pulls, then that they are there."""
        from google.cloud import bigquery

        if not pulls:
            return
        names = bigquery.ArrayQueryParameter(None, "STRING", [f"{pull.source}/{pull.landing_id}" for pull in pulls])
        every_day = f" and {DAYS[entity]} >= timestamp '0001-01-01'" if entity in FILTERED else ""
        for sql in (
            f"delete from `{self.name}.raw_{entity}` where concat(source, '/', landing_id) in unnest(?){every_day}",
            f"delete from `{self.name}.loads` where entity = '{entity}' and concat(source, '/', landing_id) in unnest(?)",
        ):
            self.client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=[names])).result()

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


def _entry(values: Sequence[str]) -> tuple[str, _Pull]:
    entity, *pull = values
    return entity, _Pull(*pull)


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
    """The days a file of calls speaks of."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    ended = pc.cast(pq.read_table(path, columns=["ended_at"])["ended_at"], pa.date32(), safe=False)
    days = pc.value_counts(ended)
    return pa.table(
        {
            "source": [pull.source] * len(days),
            "landing_id": [pull.landing_id] * len(days),
            "path": ["/".join(pull)] * len(days),
            "charge_day": days.field("values"),
            "calls": days.field("counts"),
        },
        schema=_call_days_shape(),
    )


def _listed(pulls: Sequence[tuple[str, _Pull]], **more: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    names = ("entity", *_Pull._fields)
    rows = [(entity, *pull) for entity, pull in pulls]
    columns = [[row[place] for row in rows] for place in range(len(names))]
    shape = pa.schema([(name, pa.string()) for name in (*names, *more)])
    return pa.table([*columns, *more.values()], schema=shape)
