"""BigQuery to compare with: an emulator, or with ``BIGQUERY_PROJECT`` set a project of Google's."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from reconcilers.declared.settings import BigQuerySettings


@pytest.fixture(scope="session")
def address(request: pytest.FixtureRequest) -> str | None:
    """Address of the emulator; null where a real project is asked."""
    if os.environ.get("BIGQUERY_PROJECT"):
        return None
    found: str = request.getfixturevalue("emulator")
    return found


@pytest.fixture
def project(address: str | None) -> Iterator[Callable[[str], BigQuerySettings]]:
    """Settings of a job with that name: a project of its own on the emulator, else datasets that are removed afterwards."""
    made: list[BigQuerySettings] = []

    def settings(name: str) -> BigQuerySettings:
        if address:
            return BigQuerySettings(project=name)
        mark = f"parity_{name.replace('-', '_')}_{uuid.uuid4().hex[:8]}"
        location = os.environ.get("BIGQUERY_LOCATION", "EU")
        made.append(
            BigQuerySettings(
                project=os.environ["BIGQUERY_PROJECT"],
                location=location,
                prefix=f"{mark}_",
                published=f"{mark}_finance",
            )
        )
        return made[-1]

    yield settings
    for one in made:
        _remove(one)


def _remove(settings: BigQuerySettings) -> None:
    from google.cloud import bigquery

    client = bigquery.Client(project=settings.project, location=settings.location)
    for dataset in client.list_datasets():
        if dataset.dataset_id.startswith(settings.prefix):
            client.delete_dataset(dataset.reference, delete_contents=True, not_found_ok=True)
