"""BigQuery for the tests of a worker that want it: an emulator, or with ``BIGQUERY_PROJECT`` set a project of Google's."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from reconcilers.settings import BigQuerySettings
from tests.warehouses.emulator.running import running


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str | None]:
    """Address of the emulator, also in ``BIGQUERY_EMULATOR_HOST``; null where a real project is asked."""
    if os.environ.get("BIGQUERY_PROJECT"):
        yield None
        return
    with running(tmp_path_factory.mktemp("emulator") / "log") as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", found)
        yield found


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
