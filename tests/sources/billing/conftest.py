"""Billing exports where AWS and Google keep them: a bucket, and the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.gcp_export import Export, make_export
from tests.sources.conftest import Bucket


@pytest.fixture
def export(emulator: str) -> Callable[..., Export]:
    """Makes an export on the emulator; see ``make_export``."""
    return make_export


@pytest.fixture
def aws(bucket: Bucket) -> Callable[..., Source]:
    """A source over the export below ``bills/daily`` of the bucket."""

    def load(kind: str = "cur_2_0", **config: Any) -> Source:
        base = {"name": "aws", "kind": "aws", "uri": f"s3://{bucket.name}/bills/daily", "format": kind}
        return registry.load("billing", base | {"endpoint_url": bucket.endpoint_url} | config)

    return load
