"""BigQuery as the warehouse: the job's own datasets, which nobody else reads, and the dataset ``finance``, which finance does.

::

    <prefix>lake             rows of every lake file ever loaded, and views of those known at ``as_of``
    <prefix>reference_files  finance-owned reference tables
    <prefix>intermediate, <prefix>finance, <prefix>allocation   what dbt builds; an audit runs before anything is published
    <prefix>partitions       what each day of each table was made from, and what was published from it
    finance                  the published tables; of tables kept by day only the days that changed are replaced;
                             ``bigquery_access.py`` keeps who sees which of their rows

All published tables change in one multi-statement transaction, so a reader sees all of a version or all of the one
before, and a killed publish changes nothing. https://cloud.google.com/bigquery/docs/transactions
``BIGQUERY_EMULATOR_HOST`` points the job at an emulator, as it does Google's own client.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.declared.settings import BigQuerySettings
from reconcilers.errors import Busy, ReconcileError, SettingsInvalid, SourceUnavailable
from reconcilers.sources import google
from reconcilers.warehouses import bigquery_access
from reconcilers.warehouses.base import Column, Figures, Table, one_writer

if TYPE_CHECKING:
    import pyarrow as pa
    from google.cloud import bigquery
    from google.cloud.bigquery.table import RowIterator


#: How the tables of dbt's schemas are called in the dataset readers know.
_PUBLISHED_NAMES = {"finance": "{table}", "allocation": "allocation_{table}"}
_TYPES: dict[type, str] = {
    bool: "BOOL",
    int: "INT64",
    str: "STRING",
    Decimal: "NUMERIC",
    datetime: "TIMESTAMP",
    date: "DATE",
}


class BigQuery:
    """One company's datasets in one project."""

    def __init__(self, settings: BigQuerySettings, home: Path) -> None:
        self.settings, self.home = settings, home

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile needs."""
        settings, emulator = self.settings, os.environ.get("BIGQUERY_EMULATOR_HOST")
        told = {
            "RECONCILE_WAREHOUSE": "bigquery",
            "RECONCILE_SCHEMA_PREFIX": settings.prefix,
            "RECONCILE_FINANCE_DATABASE": settings.project,
            "BIGQUERY_PROJECT": settings.project,
            "BIGQUERY_LOCATION": settings.location,
        }
        if settings.maximum_bytes_billed:
            told["BIGQUERY_MAXIMUM_BYTES_BILLED"] = str(settings.maximum_bytes_billed)
        if emulator:
            told |= {"BIGQUERY_ENDPOINT": emulator, "BIGQUERY_METHOD": "oauth-secrets", "BIGQUERY_TOKEN": "emulator"}
        return told

    @cached_property
    def client(self) -> bigquery.Client:
        """Google's client; every job it starts is labelled and bounded."""
        settings = self.settings
        return google.bigquery_client(settings.project, settings.location, settings.maximum_bytes_billed)

    def dataset(self, schema: str) -> str:
        """The dataset of one of dbt's schemas."""
        return f"{self.settings.project}.{self.settings.prefix}{schema}"

    def writing(self) -> AbstractContextManager[None]:
        """The one writer's place: a lock beside landing, which every worker of the job shares."""
        return one_writer(self.folder)

    @property
    def folder(self) -> Path:
        """What of the warehouse is kept beside landing, the writer's place among it."""
        return self.home / "bigquery"

    def load(
        self,
        files: Mapping[str, Sequence[Path]],
        reference: Mapping[str, pa.Table],
        knowledge: Mapping[str, pa.Table],
    ) -> None:
        """Load what is new of the lake, name what is known, and replace the reference tables and those of knowledge."""
        from reconcilers.warehouses.bigquery_lake import BigQueryLake

        with self.telling():
            lake = BigQueryLake(self.client, self.dataset("lake"), self.settings.location)
            lake.load(files, knowledge)
            lake.replace_all(self.dataset("reference_files"), reference)

    def candidate(self, table: str, schema: str = "finance", where: str = "true") -> Figures:
        """Rows of a table as it was built and is not published yet: all, or those ``where`` takes."""
        with self.telling():
            return self.query(f"select * from `{self.dataset(schema)}.{table}` where {where}")

    def publish(self, facts: Mapping[str, Any], keep: int) -> FinanceDataset:
        """Make the audited candidate what readers see, in one transaction. Older versions are BigQuery's time travel."""
        with self.telling():
            self._keep_dataset(f"{self.settings.project}.{self.settings.published}")
            told, models = self._tell(facts), self._models()
            statements = ["begin transaction"]
            views = []
            for schema, naming in _PUBLISHED_NAMES.items():
                for built in self.client.list_tables(self.dataset(schema)):
                    name = naming.format(table=built.table_id)
                    if built.table_id not in models:
                        continue  # an earlier release built it
                    if built.table_type == "VIEW":
                        views.append((built.reference, name))
                    else:
                        statements += self._replacing(
                            built.reference, name, models[built.table_id]["config"].get("day")
                        )
            self._keep_row_access()
            partitions = self.dataset("partitions")
            made = [
                f"select '{name}', recipe, day, fingerprint from `{partitions}.made_{name}`"
                for name, node in models.items()
                if node["config"]["materialized"] == "by_day"
            ]
            statements += [
                f"delete from `{partitions}.published` where true",
                f"insert into `{partitions}.published` (model, recipe, day, fingerprint) {' union all '.join(made)}",
                f"insert into `{partitions}.publications` (number, told) "
                f"select coalesce(max(number), 0) + 1, '{told}' from `{partitions}.publications`",
                "commit transaction",
            ]
            # A view of the marts reads one of the audit trail.
            for built, name in reversed(views):
                self._publish_view(built, name, models[built.table_id]["compiled_code"])
            self.query(";\n".join(statements))
        published = self.current()
        assert published is not None
        return published

    def current(self) -> FinanceDataset | None:
        """What is published; null before the first time."""
        from google.api_core.exceptions import NotFound

        partitions = self.dataset("partitions")
        sql = f"""select publications.number, facts.facts from `{partitions}.publications` as publications
            join `{partitions}.facts` as facts on publications.told = facts.told order by publications.number desc limit 1"""
        with self.telling():
            try:
                rows = self.query(sql).rows
            except NotFound:
                return None
        return FinanceDataset(self, rows[0][0], json.loads(rows[0][1])) if rows else None

    def damages(self) -> Iterator[tuple[str, ReconcileError | None]]:
        """BigQuery keeps its own bytes; whether what is published can be read at all."""
        try:
            if published := self.current():
                published.ask("select count(*) from finance.fct_completeness")
            yield "publication", None
        except ReconcileError as error:
            yield "publication", error

    def query(self, sql: str, *values: Any) -> Figures:
        """One query or script. Raises what Google's client raises."""
        found = self.result(sql, *values)
        names = [field.name for field in found.schema]
        return Figures(names, [tuple(_plain(value) for value in row.values()) for row in found])

    def result(self, sql: str, *values: Any) -> RowIterator:
        """The same as Google's client gives it."""
        from google.cloud import bigquery

        parameters = [bigquery.ScalarQueryParameter(None, _TYPES[type(value)], value) for value in values]
        return self.client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters)).result()

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What Google refuses, as an error that says what to do."""
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        project = self.settings.project
        try:
            yield
        except GoogleAuthError as error:
            raise SettingsInvalid(f"BigQuery: no credentials: {error}", hint=google.NO_CREDENTIALS_HINT) from error
        except exceptions.Forbidden as error:
            if google.is_used_up(error):
                raise Busy(f"BigQuery: {error.message}", hint="a quota is used up; it is tried again") from error
            hint = f"the job needs roles/bigquery.jobUser on project {project} and roles/bigquery.dataEditor on its datasets"
            if "rowAccessPolicies" in error.message:
                hint = f"for row access policies the job needs roles/bigquery.dataOwner on dataset {self.settings.published}"
            raise SettingsInvalid(f"BigQuery refused: {error.message}", hint=hint) from error
        except exceptions.NotFound as error:
            hint = f"is everything of the job in location {self.settings.location} of project {project}?"
            raise SettingsInvalid(f"BigQuery does not find it: {error.message}", hint=hint) from error
        except (exceptions.TooManyRequests, exceptions.ServerError, exceptions.RetryError) as error:
            raise SourceUnavailable(f"BigQuery: {error}", hint="it is tried again") from error
        except exceptions.BadRequest as error:
            if "concurrent" in error.message:
                raise Busy(f"BigQuery: {error.message}", hint="another run published meanwhile; try again") from error
            raise ReconcileError(f"BigQuery: {error.message}", hint="nothing was published") from error
        except ConnectionError as error:
            raise SourceUnavailable(f"BigQuery does not answer: {error}", hint="it is tried again") from error

    def _keep_dataset(self, name: str) -> None:
        from google.cloud import bigquery

        dataset = bigquery.Dataset(name)
        dataset.location = self.settings.location
        self.client.create_dataset(dataset, exists_ok=True)

    def _tell(self, facts: Mapping[str, Any]) -> str:
        """Keep what is to be said of a publication, before it counts. Returns its id, which the publication names.

        Its text comes from outside, and a script of statements takes no bound values everywhere.
        """
        partitions, text = self.dataset("partitions"), json.dumps(dict(facts), sort_keys=True)
        told = hashlib.sha256(text.encode()).hexdigest()
        for table in (
            "published (model string, recipe string, day date, fingerprint int64)",
            "publications (number int64, told string)",
            "facts (told string, facts string)",
        ):
            name, _, columns = table.partition(" ")
            self.query(f"create table if not exists `{partitions}.{name}` {columns}")
        self.query(f"insert into `{partitions}.facts` (told, facts) values (?, ?)", told, text)
        return told

    def _models(self) -> dict[str, Any]:
        """What dbt knows of each model it built, by the name of its table."""
        nodes = json.loads((self.home / "dbt" / "manifest.json").read_text())["nodes"].values()
        return {node["alias"]: node for node in nodes if node["resource_type"] == "model"}

    def _replacing(self, built: bigquery.TableReference, name: str, day: str | None) -> list[str]:
        """Statements that make one published table what was built: of a table kept by ``day``, the days that changed."""
        from google.cloud import bigquery
        from google.cloud.exceptions import NotFound

        candidate = self.client.get_table(built)
        target = bigquery.TableReference.from_string(f"{self.settings.project}.{self.settings.published}.{name}")
        columns = ", ".join(f"`{field.name}`" for field in candidate.schema)
        try:
            published = self.client.get_table(target)
        except NotFound:
            published = None
        same = published is not None and _shape(published) == _shape(candidate)
        if not same:
            # Columns change with a new release only: this table is replaced by itself, just before the others.
            if published is not None:
                bigquery_access.refuse_others(self.client, target)
            self.query(f"delete from `{self.dataset('partitions')}.published` where model = '{built.table_id}'")
            self.client.delete_table(target, not_found_ok=True)
            self.client.create_table(_like(candidate, target))
        chosen = f"{day} >= date '0001-01-01'" if day else "true"
        if day and same:
            changed = self._changed_days(built.table_id)
            if not changed:
                return []
            chosen = f"{day} in ({', '.join(f'''date '{one}' ''' for one in changed)})"
        return [
            f"delete from `{target}` where {chosen}",
            f"insert into `{target}` ({columns}) select {columns} from `{built}` where {chosen}",
        ]

    def _keep_row_access(self) -> None:
        """The policies that the settings want of every published table, of an earlier release's too; new ones are empty yet."""
        if self.settings.row_access is None:
            return
        job = self.query("select session_user()").rows[0][0]
        for listed in self.client.list_tables(f"{self.settings.project}.{self.settings.published}"):
            if listed.table_type == "TABLE":
                columns = [field.name for field in self.client.get_table(listed.reference).schema]
                wanted = bigquery_access.policies(self.settings.row_access, job, columns)
                bigquery_access.keep(self.client, listed.reference, wanted)

    def _changed_days(self, table: str) -> list[date]:
        """Days of a built table that are not what was published of them."""
        partitions = self.dataset("partitions")
        sql = f"""select coalesce(made.day, published.day)
            from `{partitions}.made_{table}` as made
            full outer join (select * from `{partitions}.published` where model = ?) as published
                on made.day = published.day and made.recipe = published.recipe and made.fingerprint = published.fingerprint
            where made.day is null or published.day is null"""
        return sorted({day for (day,) in self.query(sql, table).rows})

    def _publish_view(self, built: bigquery.TableReference, name: str, text: str) -> None:
        """The view over the published tables instead of the built ones."""
        for schema, naming in _PUBLISHED_NAMES.items():
            dataset = self.dataset(schema)
            for table in self.client.list_tables(dataset):
                parts = [*dataset.split("."), table.table_id]
                for written in (f"`{'`.`'.join(parts)}`", f"`{'.'.join(parts)}`"):
                    published = (
                        f"`{self.settings.project}.{self.settings.published}.{naming.format(table=table.table_id)}`"
                    )
                    text = text.replace(written, published)
        self.query(f"create or replace view `{self.settings.project}.{self.settings.published}.{name}` as {text}")


class FinanceDataset:
    """The published dataset as it is now."""

    def __init__(self, warehouse: BigQuery, number: int, facts: dict[str, Any]) -> None:
        self.warehouse, self.number, self.facts = warehouse, number, facts

    @property
    def name(self) -> str:
        return f"publication {self.number}"

    @property
    def place(self) -> str:
        settings = self.warehouse.settings
        return f"{settings.project}.{settings.published} on BigQuery ({self.name})"

    def ask(self, sql: str, *values: Any) -> Figures:
        """The result of one read-only query. Raises ``SettingsInvalid`` where it fails."""
        with self._asking():
            return self.warehouse.query(sql, *values)

    def batches(self, sql: str, *values: Any) -> pa.RecordBatchReader:
        """The same with the types of its columns. Google's answer is fetched whole."""
        import pyarrow as pa

        with self._asking():
            table = self.warehouse.result(sql, *values).to_arrow(create_bqstorage_client=False)
        naive = [pa.timestamp("us") if pa.types.is_timestamp(field.type) else field.type for field in table.schema]
        return table.cast(pa.schema(list(zip(table.schema.names, naive, strict=True)))).to_reader()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        from google.api_core.exceptions import BadRequest, NotFound

        with self.warehouse.telling():
            try:
                yield
            except (BadRequest, NotFound) as error:
                hint = f"tables are in dataset {self.warehouse.settings.published}"
                raise SettingsInvalid(f"the query failed: {error.message}", hint=hint) from None

    def tables(self) -> list[Table]:
        """What is published, with the descriptions its tables and columns carry; the audit trail's own tables are left out."""
        client, settings = self.warehouse.client, self.warehouse.settings
        found = []
        with self.warehouse.telling():
            for listed in client.list_tables(f"{settings.project}.{settings.published}"):
                if not listed.table_id.startswith("allocation_"):
                    table = client.get_table(listed.reference)
                    columns = [
                        Column(field.name, field.field_type.lower(), field.description or "") for field in table.schema
                    ]
                    found.append(Table(listed.table_id, table.description or "", columns))
        return sorted(found, key=lambda table: table.name)

    @contextmanager
    def held(self) -> Iterator[FinanceDataset]:
        """The same: nothing of a dataset is opened, and its views are read as they are at each query."""
        yield self


def _plain(value: Any) -> Any:
    """Times as everywhere in the job: UTC without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


def _shape(table: bigquery.Table) -> tuple[Any, ...]:
    """What must be equal for rows of one table to fit the other, day by day."""
    day = table.time_partitioning.field if table.time_partitioning else None
    return [(field.name, field.field_type, field.mode) for field in table.schema], day, table.clustering_fields


def _like(table: bigquery.Table, name: bigquery.TableReference) -> bigquery.Table:
    """An empty table of the same columns, descriptions and partitions."""
    from google.cloud import bigquery

    made = bigquery.Table(name, schema=table.schema)
    made.description, made.labels = table.description, google.LABELS
    made.time_partitioning, made.clustering_fields = table.time_partitioning, table.clustering_fields
    made.require_partition_filter = table.require_partition_filter
    return made
