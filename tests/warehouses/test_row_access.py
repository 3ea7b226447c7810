"""Which rows readers see of a published table under row access policies. The emulator applies them as Google documents.

A reader is who a header says; on Google it is who signed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from reconcilers.declared.settings import BigQuerySettings, RowAccess
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.bigquery_access import keep, policies, refuse_others
from tests.warehouses.emulator.reader import reader

PROJECT, JOB = "row-access", "job@row-access.iam.gserviceaccount.com"
Reads = Callable[[str, str], list[tuple[object, ...]]]
EMEA = RowAccess(
    everything=("user:cfo@acme.com",),
    tenants={"group:emea@acme.com": ("globex", "initech"), "user:auditor@acme.com": ("hooli",)},
)


@pytest.fixture
def reads(emulator: str) -> Iterator[Reads]:
    """Two tables of three tenants' rows, and what a member reads of one of them."""
    client = reader(PROJECT, f"serviceAccount:{JOB}")
    client.create_dataset("published", exists_ok=True)
    for table in ("margins", "waterfall"):
        column = "tenant_id" if table == "margins" else "source"
        for statement in (
            f"create or replace table published.{table} ({column} string, cost int64)",
            f"insert into published.{table} ({column}, cost) values ('globex', 1), ('initech', 2), ('hooli', 3)",
        ):
            client.query(statement).result()

    def rows(member: str, table: str) -> list[tuple[object, ...]]:
        found = reader(PROJECT, member).query(f"select * from published.{table} order by cost").result()
        return [tuple(row.values()) for row in found]

    yield rows
    client.delete_dataset("published", delete_contents=True)


def apply(access: RowAccess) -> None:
    client = reader(PROJECT, f"serviceAccount:{JOB}")
    for name in ("margins", "waterfall"):
        table = client.get_table(f"{PROJECT}.published.{name}")
        keep(client, table.reference, policies(access, JOB, [field.name for field in table.schema]))


def names(rows: list[tuple[object, ...]]) -> list[object]:
    return [row[0] for row in rows]


def test_a_group_sees_the_rows_of_its_tenants(reads: Reads) -> None:
    assert names(reads("user:anybody@acme.com", "margins")) == ["globex", "initech", "hooli"]
    apply(EMEA)
    assert names(reads("group:emea@acme.com", "margins")) == ["globex", "initech"]
    assert names(reads("user:auditor@acme.com", "margins")) == ["hooli"]
    for everything in ("user:cfo@acme.com", f"serviceAccount:{JOB}"):
        assert names(reads(everything, "margins")) == ["globex", "initech", "hooli"]
    assert reads("user:anybody@acme.com", "margins") == []


def test_a_table_without_tenants_shows_a_group_nothing(reads: Reads) -> None:
    apply(EMEA)
    assert reads("group:emea@acme.com", "waterfall") == []
    assert names(reads("user:cfo@acme.com", "waterfall")) == ["globex", "initech", "hooli"]


def test_what_is_no_longer_wanted_goes_and_nothing_else(reads: Reads) -> None:
    client = reader(PROJECT, f"serviceAccount:{JOB}")
    client.query(
        "create row access policy somebody_elses on published.margins grant to ('user:friend@acme.com') filter using (cost = 3)"
    ).result()
    apply(EMEA)
    apply(RowAccess(tenants={"group:emea@acme.com": ("globex",)}))
    assert names(reads("group:emea@acme.com", "margins")) == ["globex"]
    assert reads("user:auditor@acme.com", "margins") == reads("user:cfo@acme.com", "margins") == []
    assert names(reads("user:friend@acme.com", "margins")) == ["hooli"]
    apply(RowAccess())
    assert reads("group:emea@acme.com", "margins") == []
    assert names(reads("user:anybody@acme.com", "waterfall")) == ["globex", "initech", "hooli"]


def test_a_table_with_somebody_elses_policies_is_not_made_anew(reads: Reads) -> None:
    client = reader(PROJECT, f"serviceAccount:{JOB}")
    table = client.get_table(f"{PROJECT}.published.margins").reference
    apply(EMEA)
    refuse_others(client, table)
    client.query(
        "create row access policy somebody_elses on published.margins grant to ('user:friend@acme.com') filter using (cost = 3)"
    ).result()
    with pytest.raises(SettingsInvalid, match="margins has row access policies of somebody else: somebody_elses"):
        refuse_others(client, table)


def test_a_night_without_change_changes_nothing(reads: Reads) -> None:
    def made() -> list[tuple[str, str]]:
        found = reader(PROJECT, "user:cfo@acme.com")._connection.api_request(
            method="GET", path=f"/projects/{PROJECT}/datasets/published/tables/margins/rowAccessPolicies"
        )
        return [
            (policy["rowAccessPolicyReference"]["policyId"], policy["creationTime"])
            for policy in found["rowAccessPolicies"]
        ]

    apply(EMEA)
    before = made()
    apply(EMEA)
    assert len(before) == 3
    assert made() == before


@pytest.mark.parametrize(
    "row_access",
    [
        {"everything": ["finance@acme.com"]},
        {"everything": ["group:a@b.com') filter using (true"]},
        {"tenants": {"group:a@b.com": ["o'hara"]}},
        {"tenants": {"group:a@b.com": []}},
        {"tenant": {}},
    ],
)
def test_settings_that_would_let_in_somebody_else_are_refused(row_access: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="row_access"):
        BigQuerySettings.model_validate({"project": "acme", "row_access": row_access})


def test_the_job_reads_everything_whoever_else_does() -> None:
    for job, member in ((JOB, f"serviceAccount:{JOB}"), ("ann@acme.com", "user:ann@acme.com")):
        everything, *_ = policies(EMEA, job, ["tenant_id"])
        assert everything == ((member, "user:cfo@acme.com"), "true")
