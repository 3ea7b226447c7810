"""A billing export on the emulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sources.billing.gcp_export import Export, make_export


@pytest.fixture
def export(emulator: str) -> Callable[..., Export]:
    """Makes an export on the emulator; see ``make_export``."""
    return make_export
