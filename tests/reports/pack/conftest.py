"""The pack of the company's October, written once for all tests that read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from reconcilers.reports.pack import Restated, write_pack
from reconcilers.warehouses.duckdb import Version
from tests.reports.pack.company import MARKUP, OCTOBER, published

RESTATED = Restated("2026-11-02T06:00:00", "2026-10-03 to 2026-10-05", f"credit note 4711 {MARKUP}")


@dataclass(frozen=True)
class Written:
    """A pack and what it was written from."""

    version: Version
    page: Path
    workbook: Path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("pack")
    version = published(folder / "home")
    page, workbook = write_pack(version, OCTOBER, folder / "out", f"Müller & Söhne {MARKUP}", [RESTATED])
    return Written(version, page, workbook)
