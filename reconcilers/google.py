"""BigQuery's client as the job makes it, for the warehouse and for bills alike, and which of its refusals pass by themselves.

Credentials are the machine's own (application default credentials); ``BIGQUERY_EMULATOR_HOST`` points at an emulator,
which takes none. https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud import bigquery

NO_CREDENTIALS_HINT = "run as a service account, or `gcloud auth application-default login`"
#: Reasons Google gives for what another try may heal. https://cloud.google.com/bigquery/docs/error-messages
_PASSING = ("rateLimitExceeded", "quotaExceeded", "backendError", "internalError", "jobRateLimitExceeded", "timeout")


def bigquery_client(project: str, location: str | None, maximum_bytes_billed: int | None) -> bigquery.Client:
    """A client whose every query is labelled and bounded. Raises ``GoogleAuthError`` where the machine has no credentials."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    return bigquery.Client(
        project=project,
        location=location,
        credentials=AnonymousCredentials() if os.environ.get("BIGQUERY_EMULATOR_HOST") else None,  # type: ignore[no-untyped-call]
        default_query_job_config=bigquery.QueryJobConfig(
            labels={"application": "reconcile"}, maximum_bytes_billed=maximum_bytes_billed
        ),
    )


def is_used_up(error: Exception) -> bool:
    """Whether a refusal is only a quota or rate that is used up for now."""
    return any(told.get("reason") in _PASSING for told in getattr(error, "errors", ()))
