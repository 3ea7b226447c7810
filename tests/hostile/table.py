"""The whole table of inputs, and how each is served and judged."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.inputs import aws, bills, declared, gcp, mapped, openai, otlp, packed, revenue
from tests.hostile.inputs.told import Input
from tests.hostile.judge import Verdict, judge, judge_declared
from tests.sources.conftest import serving

TABLE: tuple[Input, ...] = (
    *bills.inputs(),
    *packed.inputs(),
    *aws.inputs(),
    *gcp.inputs(),
    *openai.inputs(),
    *otlp.inputs(),
    *mapped.inputs(),
    *revenue.inputs(),
    *declared.inputs(),
)


def verdict(hostile: Input, home: Path) -> Verdict:
    if hostile.room in ("settings", "reference"):
        return judge_declared(hostile, home)
    if hostile.room not in ("openai", "gcp"):
        return judge(hostile, home)
    with serving() as api:
        if hostile.room == "gcp":
            os.environ["BIGQUERY_EMULATOR_HOST"] = api.url
            api.answer = gcp.answering(api, hostile.files)
            return judge(hostile, home, {})
        os.environ[openai.KEY] = "sk-of-nobody"
        api.answer = openai.answers(hostile.files)
        return judge(hostile, home, {"base_url": api.url})
