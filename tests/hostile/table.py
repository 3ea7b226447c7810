"""The whole table of inputs, and how each is served and judged."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hostile.inputs import aws, bills, declared, mapped, openai, otlp, packed, revenue
from tests.hostile.inputs.told import Input
from tests.hostile.judge import Verdict, judge, judge_declared
from tests.sources.conftest import serving

TABLE: tuple[Input, ...] = (
    *bills.inputs(),
    *packed.inputs(),
    *aws.inputs(),
    *openai.inputs(),
    *otlp.inputs(),
    *mapped.inputs(),
    *revenue.inputs(),
    *declared.inputs(),
)


def verdict(hostile: Input, home: Path) -> Verdict:
    if hostile.room in ("settings", "reference"):
        return judge_declared(hostile, home)
    if hostile.room != "openai":
        return judge(hostile, home)
    os.environ[openai.KEY] = "sk-of-nobody"
    with serving() as api:
        api.answer = openai.answers(hostile.files)
        return judge(hostile, home, {"base_url": api.url})
