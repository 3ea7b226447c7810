"""BigQuery's client as the job makes it, for the warehouse and for bills alike, and reading one table of somebody else's.

Credentials are the machine's own (application default credentials); ``BIGQUERY_EMULATOR_HOST``, or an address of the API that
is not https, points at an emulator, which takes none. https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from reconcilers.errors import AccessRefused, SettingsInvalid, SourceChangedShape, SourceRejected, SourceUnavailable

if TYPE_CHECKING:
    from google.cloud import bigquery

#: On every job and table, so that a bill tells whose they are.
LABELS = {"application": "reconcile"}
NO_CREDENTIALS_HINT = "run as a service account, or `gcloud auth application-default login`"
#: Reasons Google gives for what another try may heal. https://cloud.google.com/bigquery/docs/error-messages
_PASSING = ("rateLimitExceeded", "quotaExceeded", "backendError", "internalError", "jobRateLimitExceeded", "timeout")


def bigquery_client(
    project: str, location: str | None, maximum_bytes_billed: int | None, base_url: str | None = None
) -> bigquery.Client:
    """A client whose every query is labelled and bounded. Raises ``GoogleAuthError`` where the machine has no credentials."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    is_emulated = not base_url.startswith("https:") if base_url else bool(os.environ.get("BIGQUERY_EMULATOR_HOST"))
    return bigquery.Client(
        project=project,
        location=location,
        credentials=AnonymousCredentials() if is_emulated else None,  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": base_url} if base_url else None,
        default_query_job_config=bigquery.QueryJobConfig(labels=LABELS, maximum_bytes_billed=maximum_bytes_billed),
    )


def is_used_up(error: Exception) -> bool:
    """Whether a refusal is only a quota or rate that is used up for now."""
    return not _reasons(error).isdisjoint(_PASSING)


class TableConfig(BaseModel):
    """Which table a source reads, and at whose expense."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    table: str = Field(
        pattern=r"^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]*\.[A-Za-z0-9_]+\.[A-Za-z0-9_-]+$",
        examples=["acme-billing.exports.table"],
    )
    """The table or view, `project.dataset.table`."""
    project: str | None = Field(default=None, pattern=r"^([a-z][a-z0-9.-]*:)?[a-z][a-z0-9-]*$", exclude=True)
    """The project that runs and pays for the queries; without it, the table's own."""
    maximum_bytes_billed: int | None = Field(default=None, ge=10_485_760, exclude=True)
    """The most bytes one query may be billed."""
    timeout_seconds: float = Field(default=120.0, gt=0, le=86_400, exclude=True)
    """Seconds a busy or silent BigQuery is asked again."""
    limit_seconds: float = Field(default=1800.0, gt=0, le=86_400, exclude=True)
    """Seconds one query may take in all."""
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        exclude=True,
        examples=["https://bigquery.europe-west3.rep.googleapis.com"],
    )
    """Where BigQuery's API is: a regional or private endpoint. One without https is an emulator and is sent no credentials."""

    def reader(self, source: str) -> Reader:
        """What reads the table for the source of that name."""
        return Reader(
            self.table,
            source=source,
            project=self.project,
            maximum_bytes_billed=self.maximum_bytes_billed,
            timeout_seconds=self.timeout_seconds,
            limit_seconds=self.limit_seconds,
            base_url=self.base_url,
        )


class Reader:
    """Reads one table, or view, that a source names: ``project.dataset.table``; ``project`` runs and pays for the queries.

    What may pass by itself (a quota used up, 429, 5xx, no answer) is asked again for ``timeout_seconds`` and ends as
    ``SourceUnavailable``, as does a query that takes longer than ``limit_seconds``; what a human must look at is
    ``SourceRejected`` or ``SettingsInvalid`` at once. Several threads may read at the same time.
    """

    def __init__(
        self,
        table: str,
        *,
        source: str,
        project: str | None,
        maximum_bytes_billed: int | None,
        timeout_seconds: float,
        limit_seconds: float,
        base_url: str | None,
    ) -> None:
        self.name, self.source, self.seconds, self.limit_seconds = table, source, timeout_seconds, limit_seconds
        #: How long one request may be silent: one that is waited for less never ends well.
        self.silence_seconds = max(1.0, timeout_seconds)
        self._of_thread = threading.local()
        self.dataset = table.rpartition(".")[0]
        self.project = project or self.dataset.rpartition(".")[0]
        self.maximum_bytes_billed, self.base_url = maximum_bytes_billed, base_url

    def table(self) -> bigquery.Table:
        """The table as it is now: columns, partitions, location."""
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        with self._telling():
            return self._client.get_table(
                self.name, retry=DEFAULT_RETRY.with_timeout(self.seconds), timeout=self.silence_seconds
            )

    def rows(self, sql: str, location: str | None, **values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of one query, run where the table is. Values are bound; see ``_parameter``."""
        from google.cloud.bigquery import QueryJobConfig
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        parameters = [_parameter(name, value) for name, value in values.items()]
        retry = DEFAULT_RETRY.with_timeout(self.seconds)
        with self._telling():
            job = self._client.query(
                sql,
                job_config=QueryJobConfig(query_parameters=parameters),
                location=location,
                retry=retry,
                timeout=self.silence_seconds,
                job_retry=None,  # its own patience is twenty minutes, whatever it is told
            )
            for row in job.result(retry=retry, timeout=self.limit_seconds, job_retry=None):
                yield row.values()

    @property
    def _client(self) -> bigquery.Client:
        """A thread's own: the sessions of ``requests`` inside are no thread's but the one that made them."""
        if not hasattr(self._of_thread, "client"):
            self._of_thread.client = bigquery_client(self.project, None, self.maximum_bytes_billed, self.base_url)
        client: bigquery.Client = self._of_thread.client
        return client

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What Google refuses, as an error that says what to do."""
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        source, table = self.source, self.name
        try:
            yield
        except GoogleAuthError as error:
            if error.retryable:
                raise SourceUnavailable(f"no answer to a sign-in: {error}", source=source, file=table) from error
            raise SettingsInvalid(f"no credentials: {error}", source=source, hint=NO_CREDENTIALS_HINT) from error
        except exceptions.NotFound as error:
            hint = f"check `table`: is there a dataset {self.dataset}, and is its table there yet?"
            raise SettingsInvalid(f"not found: {_told(error)}", source=source, file=table, hint=hint) from error
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
            if "bytesBilledLimitExceeded" in _reasons(error):
                raise SettingsInvalid(
                    f"the query is dearer than allowed: {_told(error)}",
                    source=source,
                    file=table,
                    hint="raise `maximum_bytes_billed`, or leave it out",
                ) from error
            passing = (exceptions.TooManyRequests, exceptions.ServerError, exceptions.RetryError)
            if is_used_up(error) or isinstance(error, passing):
                hint = "it is tried again"
                raise SourceUnavailable(f"BigQuery: {_told(error)}", source=source, file=table, hint=hint) from error
            if isinstance(error, exceptions.Forbidden):
                need = f"roles/bigquery.dataViewer on dataset {self.dataset}"
                if "bigquery.jobs.create" in error.message:
                    need = f"roles/bigquery.jobUser on project {self.project}"
                hint = f"the job's identity needs {need}"
                raise AccessRefused(
                    f"BigQuery refused: {_told(error)}", source=source, file=table, hint=hint
                ) from error
            raise SourceRejected(f"BigQuery refused: {_told(error)}", source=source, file=table) from error
        except OSError as error:
            hint = "it is tried again"
            raise SourceUnavailable(f"no answer: {error}", source=source, file=table, hint=hint) from error


def landed(row: str) -> bytes:
    """A row in JSON as a line to land. Half a surrogate pair, which no bytes of UTF-8 are, stands as JSON escapes it."""
    return row.encode("utf-8", "backslashreplace") + b"\n"


@dataclass(frozen=True)
class Columns:
    """The columns of a table that a source reads, held against what it expects."""

    source: str
    table: str
    schema: Sequence[bigquery.SchemaField]

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.schema]

    def has(self, path: str, types: Sequence[str], *, required: bool, repeated: Sequence[str]) -> bool:
        """Whether there is a column ``record.member`` of one of ``types``; those that ``repeated`` names are lists.

        Raises ``SourceChangedShape`` for a required one that is missing, and for any that is there with another type.
        """
        fields, parts = self.schema, path.split(".")
        for depth, part in enumerate(parts, 1):
            field = next((field for field in fields if field.name.lower() == part.lower()), None)
            here = ".".join(parts[:depth])
            if field is None:
                if required:
                    raise self._changed(f"column {here} is missing")
                return False
            wanted = types if depth == len(parts) else ("RECORD", "STRUCT")
            if field.field_type not in wanted or (field.mode == "REPEATED") != (here in repeated):
                found = f"repeated {field.field_type}" if field.mode == "REPEATED" else field.field_type
                raise self._changed(
                    f"column {here} is {found}, not {'repeated ' if here in repeated else ''}{' or '.join(wanted)}"
                )
            fields = field.fields
        return True

    def _changed(self, problem: str) -> SourceChangedShape:
        hint = "check the source's `format` and `table`; if the provider changed its columns, the source's code must follow"
        return SourceChangedShape(problem, source=self.source, file=self.table, hint=hint)


def _parameter(name: str, value: list[str] | date) -> bigquery.ArrayQueryParameter | bigquery.ScalarQueryParameter:
    """A list of text; a day, an instant, or a time without zone as DATE, TIMESTAMP or DATETIME, which do not compare."""
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    if isinstance(value, list):
        return ArrayQueryParameter(name, "STRING", value)
    if not isinstance(value, datetime):
        return ScalarQueryParameter(name, "DATE", value)
    return ScalarQueryParameter(name, "TIMESTAMP" if value.tzinfo else "DATETIME", value)


def _reasons(error: Exception) -> set[str]:
    return {str(told.get("reason")) for told in getattr(error, "errors", ())}


def _told(error: Exception) -> str:
    """What Google says, on one line."""
    return " ".join(str(error).split())
