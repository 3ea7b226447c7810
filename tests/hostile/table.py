"""The whole table of inputs, and how each is served and judged.

Every kind of bill has a room. Stripe, LiteLLM and the APIs of invoices have none: an input there is an account of several
linked answers, and ``test_shared_contract.py`` asks hostile text and cut answers of them, their own tests amounts and times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.inputs import (
    anthropic,
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
    openrouter,
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
    *anthropic.inputs(),
    *openrouter.inputs(),
    *otlp.inputs(),
    *mapped.inputs(),
    *mapped_bill.inputs(),
    *revenue.inputs(),
    *declared.inputs(),
)

#: Rooms whose source asks an API, and who answers.
_ASKED = {"openai": openai, "anthropic": anthropic, "openrouter": openrouter}


def verdict(hostile: Input, home: Path) -> Verdict:
    if hostile.room in ("settings", "reference"):
        return judge_declared(hostile, home)
    if hostile.room not in (*_ASKED, "gcp"):
        return judge(hostile, home)
    # Its address is nobody's once it is gone: whoever comes after must not be sent there.
    with serving() as api, pytest.MonkeyPatch.context() as patch:
        if hostile.room == "gcp":
            patch.setenv("BIGQUERY_EMULATOR_HOST", api.url)
            api.answer = gcp.answering(api, hostile.files)
            return judge(hostile, home, {})
        asked = _ASKED[hostile.room]
        patch.setenv(asked.KEY, "sk-of-nobody")
        api.answer = asked.answers(hostile.files)
        return judge(hostile, home, {"base_url": api.url})
