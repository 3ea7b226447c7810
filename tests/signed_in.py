"""This process as a job of the sample company's: its credentials, and who its machine is for Microsoft."""

from __future__ import annotations

import pytest

from reconcilers.sample_company.providers.server import Providers
from reconcilers.sources import microsoft


def sign_in(patch: pytest.MonkeyPatch, providers: Providers) -> None:
    """Give the process what a job has in its environment that reads these providers."""
    for name, value in providers.environment.items():
        patch.setenv(name, value)
    # Of the providers before these.
    microsoft.identity.cache_clear()
