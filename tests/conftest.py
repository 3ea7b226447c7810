"""What all tests share: the order they begin in, and one emulator of BigQuery for a worker's tests that want one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from tests.warehouses.emulator.running import running

#: What takes minutes begins first, so that no worker is left alone with it at the end.
LONGEST = (
    "tests/dags/test_scheduler.py",
    "tests/claims/parity/test_parity.py",
    "tests/claims/truth/test_pipeline_agrees.py",
    "tests/claims/scenarios/test_partitions.py",
    "tests/claims/scenarios/test_idempotence.py",
    "tests/claims/crash/test_kill_anywhere.py",
    "tests/claims/scenarios/test_incremental.py",
    "tests/claims/scenarios/test_random_companies.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Parse the dbt project once for the whole suite: every store of a test is a new one, and dbt would parse it for each."""
    if not getattr(config.option, "numprocesses", None):
        return
    assert config.cache is not None
    folder = config.cache.mkdir("dbt_parsed")
    told = dbt.by_hand(
        ["parse", "--quiet"],
        artefacts=folder / "dbt",
        environment=Store(folder).environment,
        as_of=datetime(2026, 1, 1),
        variables=pipeline.variables(Settings()),
    )
    if told == 0:
        os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(folder / "dbt" / "partial_parse.msgpack")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the emulator, also in ``BIGQUERY_EMULATOR_HOST``."""
    with running(tmp_path_factory.mktemp("emulator") / "log") as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield address
