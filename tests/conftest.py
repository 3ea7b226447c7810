"""What all tests share: the order they begin in, and one emulator of BigQuery for a worker's tests that want one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the emulator, also in ``BIGQUERY_EMULATOR_HOST``."""
    with running(tmp_path_factory.mktemp("emulator") / "log") as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield address
