"""The whole table of inputs, and how each is served and judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.inputs import (
    aws,
    azure,
    bills,
    databricks,
    declared,
    gcp,
    gpu_hours,
    mapped,
    mapped_bill,
    oci,
    openai,
    otlp,
    packed,
    revenue,
    snowflake,
)
from tests.hostile.inputs.told import Input
from tests.hostile.judge import Verdict, judge, judge_declared
from tests.sources.conftest import serving

TABLE: tuple[Input, ...] = (
    *bills.inputs(),
    *packed.inputs(),
    *aws.inputs(),
    *azure.inputs(),
    *oci.inputs(),
    *databricks.inputs(),
    *snowflake.inputs(),
    *gpu_hours.inputs(),
    *gcp.inputs(),
    *openai.inputs(),
    *otlp.inputs(),
    *mapped.inputs(),
    *mapped_bill.inputs(),
    *revenue.inputs(),
    *declared.inputs(),
)


def verdict(hostile: Input, home: Path) -> Verdict:
    if hostile.room in ("settings", "reference"):
        return judge_declared(hostile, home)
    if hostile.room not in ("openai", "gcp"):
        return judge(hostile, home)
    # Its address is nobody's once it is gone: whoever comes after must not be sent there.
    with serving() as api, pytest.MonkeyPatch.context() as patch:
        if hostile.room == "gcp":
            patch.setenv("BIGQUERY_EMULATOR_HOST", api.url)
            api.answer = gcp.answering(api, hostile.files)
            return judge(hostile, home, {})
        patch.setenv(openai.KEY, "sk-of-nobody")
        api.answer = openai.answers(hostile.files)
        return judge(hostile, home, {"base_url": api.url})
