"""Lake files into BigQuery by load jobs, each once, however often a run is killed or repeated.

A lake file never changes: its folder names the pull and how it was read. Its rows are appended to ``raw_<entity>`` by a
job whose id follows from the file, so that BigQuery itself refuses to run it twice; ``begun`` keeps what may be there,
``loads`` what is there whole. Which pulls count is ``known``, replaced by every run, and ``<entity>`` is the view of the
rows of these: an older ``as_of`` moves no data. A pull read by another reader replaces its rows; a table whose columns
are no longer the lake's is made anew, and loaded again.
https://cloud.google.com/bigquery/docs/running-jobs#generate-jobid
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Mapping, Sequence
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
#: What may be loaded, and what is: a pull leaves the second first.
_LISTS = ("begun", "loads")
#: Tries of one load before the run fails: a job that failed loaded nothing, but its id is used up.
_TRIES = 5


class _Pull(NamedTuple):
    """One lake file's pull: source, landing id and reader, as its folder is named."""

    source: str
    landing_id: str
    recipe: str


class BigQueryLake:
    """The lake's dataset."""

    def __init__(self, client: bigquery.Client, dataset: str, location: str) -> None:
        self.client, self.name, self.location = client, dataset, location

    def load(self, files: Mapping[str, Sequence[Path]], rejections: Sequence[Refused]) -> None:
        """Append what is new, and make the views show exactly ``files``."""
        import pyarrow as pa

        self._keep(self.name)
        for name in _LISTS:
            columns = "entity string, source string, landing_id string, recipe string"
            self.client.query(f"create table if not exists `{self.name}.{name}` ({columns})").result()
        shapes = {entity: schema(entity) for entity in ENTITIES} | {"call_days": _call_days_shape()}
        tables = {entity: self._keep_raw(entity, shape) for entity, shape in shapes.items()}
        begun, loaded = self._pulls("begun"), self._pulls("loads")
        known: list[tuple[str, _Pull]] = []
        for entity, shape in shapes.items():
            pulls = {_pull(path): path for path in files.get("calls" if entity == "call_days" else entity, ())}
            news = [pull for pull in pulls if (entity, pull) not in loaded]
            for old in [
                pull for of, pull in begun | loaded if of == entity and any(_replaces(new, pull) for new in news)
            ]:
                self._forget(entity, tables[entity], old)
            if news:
                self._append_rows("begun", _listed([(entity, pull) for pull in news]))
            for pull in news:
                content = _call_days(pull, pulls[pull]) if entity == "call_days" else _for_bigquery(pulls[pull], shape)
                with content:
                    self._append(entity, tables[entity], pull, content, shape)
            if news:
                self._append_rows("loads", _listed([(entity, pull) for pull in news]))
            known += [(entity, pull) for pull in pulls]
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

    def _pulls(self, name: str) -> set[tuple[str, _Pull]]:
        """The pulls that ``begun`` or ``loads`` lists, by entity."""
        rows = self.client.query(
            f"select distinct entity, source, landing_id, recipe from `{self.name}.{name}`"
        ).result()
        return {(entity, _Pull(*pull)) for entity, *pull in (row.values() for row in rows)}

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
            # Killed in between, the next run finds an empty table of the new columns, or none.
            for name in _LISTS:
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

    def _append(self, entity: str, table: bigquery.Table, pull: _Pull, content: IO[bytes], shape: pa.Schema) -> None:
        """Load one file. A job of that id that ran before is this one, unless what it loaded was taken out since."""
        from google.cloud.exceptions import Conflict, GoogleCloudError

        failures = 0
        job: Any
        for job_id in _job_ids(entity, table, pull):
            content.seek(0)
            try:
                job = self.client.load_table_from_file(
                    content, table.reference, job_id=job_id, job_config=_load_config(shape, "WRITE_APPEND")
                )
                ran_before = False
            except Conflict:
                job, ran_before = self.client.get_job(job_id, location=self.location), True
            try:
                job.result()
            except GoogleCloudError as error:
                failures += not ran_before
                if failures == _TRIES:
                    raise
                if google.is_used_up(error):
                    time.sleep(2**failures)
                continue
            if not ran_before or getattr(job, "output_rows", None) == 0 or self._holds(entity, pull):
                return

    def _holds(self, entity: str, pull: _Pull) -> bool:
        """Whether there are rows of a pull."""
        sql = f"select 1 from `{self.name}.raw_{entity}` where {_of_pull(entity)} limit 1"
        return bool(list(self.client.query(sql, job_config=_bound(pull)).result()))

    def _append_rows(self, name: str, table: pa.Table) -> None:
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

    def _forget(self, entity: str, table: bigquery.Table, pull: _Pull) -> None:
        """Take out the rows of a pull as another reader read them, then that they are there."""
        from google.cloud.exceptions import GoogleCloudError, NotFound

        for job_id in _job_ids(entity, table, pull):
            try:
                # A run that was killed may have left it running.
                self.client.get_job(job_id, location=self.location).result()
            except NotFound:
                break
            except GoogleCloudError:
                continue
        self.client.query(
            f"delete from `{self.name}.raw_{entity}` where {_of_pull(entity)}", job_config=_bound(pull)
        ).result()
        for name in reversed(_LISTS):
            sql = f"delete from `{self.name}.{name}` where entity = '{entity}' and source = ? and landing_id = ?"
            self.client.query(sql, job_config=_bound(pull)).result()

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


def _job_ids(entity: str, table: bigquery.Table, pull: _Pull) -> Iterator[str]:
    """The ids that loads of one file into that table have, first to last."""
    made = f"{table.created:%Y%m%d%H%M%S%f}" if table.created else ""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", f"lake_{entity}_{'_'.join(pull)}_{made}")
    return (f"{name}_{number}" for number in count())


def _replaces(one: _Pull, other: _Pull) -> bool:
    """Whether they are one pull read in two ways."""
    return one[:2] == other[:2] and one != other


def _of_pull(entity: str) -> str:
    """The condition of the rows of one pull, whose source and landing id are bound; it names days where it must."""
    every_day = f" and {DAYS[entity]} >= timestamp '0001-01-01'" if entity in FILTERED else ""
    return f"source = ? and landing_id = ?{every_day}"


def _bound(pull: _Pull) -> bigquery.QueryJobConfig:
    from google.cloud import bigquery

    values = [bigquery.ScalarQueryParameter(None, "STRING", value) for value in (pull.source, pull.landing_id)]
    return bigquery.QueryJobConfig(query_parameters=values)


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


def _for_bigquery(path: Path, shape: pa.Schema) -> IO[bytes]:
    """A lake file as it is loaded, written to disk batch by batch, so that memory does not grow with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content: IO[bytes] = TemporaryFile()  # noqa: SIM115 - the caller closes it
    with pq.ParquetFile(path) as stored:
        first = _in_utc(shape.empty_table()).schema
        with pq.ParquetWriter(content, first, compression="zstd") as out:
            for batch in stored.iter_batches():
                out.write_table(_in_utc(pa.Table.from_batches([batch]).cast(shape)))
    return content


def _call_days_shape() -> pa.Schema:
    import pyarrow as pa

    text = [pa.field(name, pa.string(), nullable=False) for name in ("source", "landing_id", "path")]
    return pa.schema([*text, pa.field("charge_day", pa.date32()), pa.field("calls", pa.int64())])


def _call_days(pull: _Pull, path: Path) -> IO[bytes]:
    """The days a file of calls speaks of, as a file."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    ended = pc.cast(pq.read_table(path, columns=["ended_at"])["ended_at"], pa.date32(), safe=False)
    days = pc.value_counts(ended)
    table = pa.table(
        {
            "source": [pull.source] * len(days),
            "landing_id": [pull.landing_id] * len(days),
            "path": ["/".join(pull)] * len(days),
            "charge_day": days.field("values"),
            "calls": days.field("counts"),
        },
        schema=_call_days_shape(),
    )
    content = io.BytesIO()
    pq.write_table(table, content)
    return content


def _listed(pulls: Sequence[tuple[str, _Pull]]) -> pa.Table:
    import pyarrow as pa

    names = ("entity", *_Pull._fields)
    rows = [(entity, *pull) for entity, pull in pulls]
    columns = [[row[place] for row in rows] for place in range(len(names))]
    return pa.table(columns, schema=pa.schema([(name, pa.string()) for name in names]))
