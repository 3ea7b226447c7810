"""Reading a table of BigQuery: what Google refuses, and how long a busy or silent Google is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import ReconcileError, SettingsInvalid, SourceRejected, SourceUnavailable
from reconcilers.sources.google import TableConfig
from tests.sources.billing.gcp_export import PROJECT, make_export
from tests.sources.conftest import Answer, Api, Params, Speaking, trickle

TABLE = {"table": "p-billing.export.t", "project": "p-jobs", "timeout_seconds": 0.01}


def read(table: Mapping[str, Any]) -> None:
    """Look at a table, then ask it one query, as every source does."""
    reader = TableConfig.model_validate(table).reader("gcp")
    reader.table()
    list(reader.rows("select 1", None))


def test_a_dataset_that_is_not_there(emulator: str) -> None:
    made = make_export().name
    read({"table": made})
    with pytest.raises(
        SettingsInvalid, match=rf"not found: .*nowhere.* -> check `table`: is there a dataset {PROJECT}.nowhere"
    ):
        read({"table": f"{PROJECT}.nowhere.gcp_billing_export_v1"})
    with pytest.raises(SettingsInvalid, match=r"not found: .*gcp_billing_export_v2"):
        read({"table": f"{made.rpartition('.')[0]}.gcp_billing_export_v2"})


REFUSED = "Access Denied: Table p-billing:export.t: Permission bigquery.tables.get denied on table p-billing:export.t"
NO_JOBS = "Access Denied: Project p-jobs: User does not have bigquery.jobs.create permission in project p-jobs."
DEAR = "Query exceeded limit for bytes billed: 10485760. 20971520 or higher required."


@pytest.mark.parametrize(
    ("table", "query", "kind", "problem"),
    [
        ((403, "accessDenied", REFUSED), None, SourceRejected, "needs roles/bigquery.dataViewer on dataset p-billing.export"),
        (None, (403, "accessDenied", NO_JOBS), SourceRejected, "needs roles/bigquery.jobUser on project p-jobs"),
        (None, (404, "notFound", "Not found: Dataset p-billing:export was not found in location US"), SettingsInvalid, "check `table`"),
        (None, (403, "quotaExceeded", "Quota exceeded"), SourceUnavailable, "tried again"),
        (None, (403, "rateLimitExceeded", "Exceeded rate limits"), SourceUnavailable, "tried again"),
        (None, (429, "rateLimitExceeded", "Exceeded rate limits"), SourceUnavailable, "tried again"),
        (None, (503, "backendError", "Error encountered during execution"), SourceUnavailable, "tried again"),
        ((503, "backendError", "Error encountered during execution"), None, SourceUnavailable, "tried again"),
        (None, (500, "bytesBilledLimitExceeded", DEAR), SettingsInvalid, "raise `maximum_bytes_billed`"),
        (None, (400, "invalidQuery", "Unrecognized name: cost"), SourceRejected, "Unrecognized name: cost"),
    ],
)  # fmt: skip
def test_what_google_refuses(google: Any, table: Any, query: Any, kind: type[ReconcileError], problem: str) -> None:
    google(query, table=table)
    with pytest.raises(kind, match=rf"source gcp, file p-billing.export.t: .*{problem}") as raised:
        read(TABLE)
    assert raised.value.retryable == (kind is SourceUnavailable)


def test_a_silent_google(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    with pytest.raises(SourceUnavailable, match=r"source gcp, file p-billing\.export\.t"):
        read(TABLE)


@pytest.mark.parametrize("drop", [b"", b"X-More: 1\r\n"], ids=["says nothing", "a head without end"])
def test_a_google_that_never_answers(
    hostile: Callable[[Speaking], str], monkeypatch: pytest.MonkeyPatch, drop: bytes
) -> None:
    """The head without end is cut by the client's own bound of a hundred lines."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", hostile(trickle(b"HTTP/1.1 200 OK\r\n" if drop else b"", drop)))
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"source gcp, file p-billing\.export\.t"):
        read({**TABLE, "timeout_seconds": 0.5})
    assert time.monotonic() - began < 10


def test_a_query_that_does_not_end(google: Any, api: Api) -> None:
    served = google([])

    def answer(path: str, params: Params) -> Answer:
        if path.endswith("/jobs"):
            served(path, params)
        return served.told({**served.job(), "status": {"state": "RUNNING"}, "jobComplete": False})

    api.answer = answer
    reader = TableConfig.model_validate({**TABLE, "limit_seconds": 0.3}).reader("gcp")
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="no answer"):
        list(reader.rows("select 1", None))
    assert time.monotonic() - began < 5


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(SettingsInvalid, match=r"no credentials: .*gcloud auth application-default login"):
        read(TABLE)


def test_an_address_of_ones_own_is_asked_and_only_https_gets_credentials(
    google: Any, api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    google(table=(404, "notFound", "Not found: Table"))
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(SettingsInvalid, match="not found"):
        read({**TABLE, "base_url": f"{api.url}/behind"})
    ((path, _, headers),) = api.requests
    assert path == "/behind/bigquery/v2/projects/p-billing/datasets/export/tables/t"
    assert "Authorization" not in headers
    with pytest.raises(SettingsInvalid, match="no credentials"):
        read({**TABLE, "base_url": "https://127.0.0.1:1"})
