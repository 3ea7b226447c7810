"""What all tests share: the order they begin in, a dbt that is imported already, and one emulator of BigQuery for a worker's tests that want one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from tests.dbt_server import serving
from tests.warehouses.emulator.running import running

#: Names the program that is dbt where settings name none.
DBT = "RECONCILE_DBT_EXECUTABLE"

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
    """Parse the dbt project and import dbt once for the whole suite: every store of a test is a new one, and dbt would do both for each."""
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
        parsed, held = folder / "dbt" / "partial_parse.msgpack", ExitStack()
        config.add_cleanup(held.close)
        os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(parsed)
        if hasattr(os, "fork"):
            served = serving(Path(held.enter_context(TemporaryDirectory())), parsed)
            os.environ[DBT] = str(held.enter_context(served))


@pytest.fixture(scope="module")
def dbt_of_its_own() -> Iterator[None]:
    """dbt starts as in a company: for tests about its process, and for what is measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(DBT, raising=False)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the emulator, also in ``BIGQUERY_EMULATOR_HOST``."""
    with running(tmp_path_factory.mktemp("emulator") / "log") as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield address
