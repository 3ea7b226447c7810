"""Row access policies of the published tables: which rows a group of readers sees, kept by every publication.

Not made by dbt: dbt builds datasets that no reader sees, and policies belong to the published tables, which outlive
their rows. A new table gets its policies while it is empty, and ``everything`` is the first of them: from then on
whoever is not named sees nothing. A policy's id follows from what it says, so a night without change changes nothing.
A table without ``tenant_id`` shows nothing to readers of tenants.
https://cloud.google.com/bigquery/docs/row-level-security-intro
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reconcilers.declared.settings import RowAccess
from reconcilers.errors import SettingsInvalid

if TYPE_CHECKING:
    from google.cloud import bigquery

_OURS = "reconcile_"
_TENANT = "tenant_id"


class Policy(NamedTuple):
    """Readers, and the condition of the rows they see."""

    readers: tuple[str, ...]
    condition: str

    @property
    def id(self) -> str:
        return _OURS + hashlib.sha256("\n".join([self.condition, *self.readers]).encode()).hexdigest()[:24]


def policies(access: RowAccess, job: str, columns: Sequence[str]) -> list[Policy]:
    """What a published table of these columns should have. ``job`` is the email the job's queries run as.

    DML needs every row of its table, so the job is always among the readers of everything.
    """
    if not (access.everything or access.tenants):
        return []
    kind = "serviceAccount" if job.endswith(".gserviceaccount.com") else "user"
    wanted = [Policy(tuple(dict.fromkeys([f"{kind}:{job}", *access.everything])), "true")]
    if _TENANT in columns:
        for reader, tenants in access.tenants.items():
            told = ", ".join(f"'{tenant}'" for tenant in tenants)
            wanted.append(Policy((reader,), f"{_TENANT} in ({told})"))
    return wanted


def keep(client: bigquery.Client, table: bigquery.TableReference, wanted: Sequence[Policy]) -> None:
    """Make what is missing, then take away what the job once made and is not wanted any more; others' policies stay."""
    path = f"{table.path}/rowAccessPolicies"
    found = set(_found(client, path))
    for policy in wanted:
        if policy.id not in found:
            reference = {
                "projectId": table.project,
                "datasetId": table.dataset_id,
                "tableId": table.table_id,
                "policyId": policy.id,
            }
            body = {
                "rowAccessPolicyReference": reference,
                "filterPredicate": policy.condition,
                "grantees": policy.readers,
            }
            _ask(client, "POST", path, data=body)
    if stale := sorted(id for id in found - {policy.id for policy in wanted} if id.startswith(_OURS)):
        # Google refuses to take away a table's last policy unless told to, since that opens the table.
        _ask(client, "POST", f"{path}:batchDelete", data={"policyIds": stale, "force": not wanted})


def refuse_others(client: bigquery.Client, table: bigquery.TableReference) -> None:
    """Raise ``SettingsInvalid`` where a table that is to be made anew has policies the job cannot make anew."""
    others = sorted(id for id in _found(client, f"{table.path}/rowAccessPolicies") if not id.startswith(_OURS))
    if others:
        hint = "this release changes the table's columns; take the policies away, and make them again after the run"
        raise SettingsInvalid(f"{table} has row access policies of somebody else: {', '.join(others)}", hint=hint)


def _found(client: bigquery.Client, path: str) -> Iterator[str]:
    query: dict[str, str] = {}
    while True:
        page = _ask(client, "GET", path, query_params=query)
        for policy in page.get("rowAccessPolicies", ()):
            yield policy["rowAccessPolicyReference"]["policyId"]
        if not page.get("nextPageToken"):
            return
        query = {"pageToken": page["nextPageToken"]}


def _ask(client: bigquery.Client, method: str, path: str, **told: Any) -> Any:
    """One call of the REST API: Google's client has no method for policies."""
    return client._connection.api_request(method=method, path=path, **told)  # type: ignore[no-untyped-call]
