"""One emulator of BigQuery for all tests of a worker that want one, whichever room they are in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.warehouses.emulator.running import running


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the emulator, also in ``BIGQUERY_EMULATOR_HOST``."""
    with running(tmp_path_factory.mktemp("emulator") / "log") as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIGQUERY_EMULATOR_HOST", address)
        yield address
