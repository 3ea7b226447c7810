"""Answers of OpenRouter's activity, served on the loopback interface."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.inputs.openai import RETRY
from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, content_of
from tests.sources.conftest import Answer, Params

KEY = "OPENROUTER_MANAGEMENT_KEY"
CONFIG = {"kind": "openrouter", "retry": RETRY}
ROW = {
    "date": "2026-09-10",
    "model": "openai/gpt-4.1",
    "model_permaslug": "openai/gpt-4.1-2025-04-14",
    "endpoint_id": "e",
    "provider_name": "OpenAI",
    "workspace_id": "w",
    "usage": 10.5,
    "byok_usage_inference": 0,
    "requests": 3,
    "prompt_tokens": 1000,
    "completion_tokens": 0,
    "reasoning_tokens": 0,
}


def page(**changed: Any) -> bytes:
    return json.dumps({"data": [ROW | changed]}).encode()


def written(name: str, value: str) -> bytes:
    """A row whose member is written so."""
    return page(**{name: "?"}).replace(b'"?"', value.encode())


def good(**values: Any) -> Good:
    return Good("charges", 1, values)


def refused(says: str, line: int | None = 1) -> Refused:
    return Refused(says, line, "activity.json" if line else None)


NO_JSON, OTHER_DAY = refused("not valid JSON", None), "which was not asked for"
#: How what was taken is written → what it gets.
AMOUNTS: dict[str, Gets] = {
    "0.1": good(billed_cost="0.1"),
    '"0.1"': good(billed_cost="0.1"),
    "1e-7": good(billed_cost="0.0000001"),
    "-3": good(billed_cost="-3"),
    "-0": good(billed_cost="0"),
    "0.30000000000000004": good(billed_cost="0.3", billed_cost_residual="40000000000"),
    "1e400": refused("usage: '1e400' is outside the range"),
    "99999999999.5": refused("beyond 9000000000"),
    '"NaN"': refused("usage: 'NaN'"),
    '"1,000"': refused("usage: '1,000'"),
    '""': refused("usage is empty"),
    "null": refused("usage is empty"),
    "true": refused("usage is neither text nor number"),
    "[1]": refused("usage is neither text nor number"),
    "NaN": NO_JSON,
    "Infinity": NO_JSON,
    "1_000": NO_JSON,
}
#: How the day is written → what it gets.
TIMES: dict[str, Gets] = {
    '"2026-09-10 00:00:00"': good(charge_period_start="2026-09-10 00:00:00"),
    '"2026-09-10T23:00:00-02:00"': refused(OTHER_DAY),
    '"2026-09-11"': refused(OTHER_DAY),
    '"1970-01-01"': refused(OTHER_DAY),
    '"10/09/2026"': refused("date is not a day"),
    '"2026-02-30"': refused("date is not a day"),
    "20260910": good(charge_period_start="2026-09-10 00:00:00"),
    "1788998400": refused("date is not a day"),
    "null": refused("date is empty"),
    '""': refused("date is empty"),
}
#: How a count of tokens is written → what it gets.
COUNTS: dict[str, Gets] = {
    "50.0": good(quantity="50"),
    "1e3": good(quantity="1000"),
    "-1": refused("prompt_tokens is -1"),
    "1.5": refused("prompt_tokens is 1.5"),
    '"many"': refused("prompt_tokens: 'many'"),
    "1e30": refused("prompt_tokens: '1e30' is outside the range"),
}
ROWS: dict[str, tuple[Content, Gets]] = {
    "half a surrogate pair": (page(workspace_id="w\ud800"), refused("half of a surrogate pair")),
    "NUL in a workspace": (page(workspace_id="w\0"), good(sub_account_id="w\0")),
    "a row that is null": (b'{"data": [null]}', refused("is not a JSON object")),
    "no rows at all": (b'{"activity": []}', Refused("data is not a list")),
    "half an answer": (page()[:60], NO_JSON),
    "a list": (b"[]", Refused("answer is not a JSON object")),
}


def answers(files: Mapping[str, Content]) -> Any:
    """What the API says, whatever is asked."""
    content = content_of(files["activity"])

    def answer(path: str, params: Params) -> Answer:
        return 200, content, {}

    return answer


def inputs() -> Iterator[Input]:
    for member, table in (("usage", AMOUNTS), ("date", TIMES), ("prompt_tokens", COUNTS)):
        for text, gets in table.items():
            name = f"{member} {text:.40}"
            yield Input("openrouter", name, {"activity": written(member, text)}, CONFIG, gets)
    for name, (content, gets) in ROWS.items():
        yield Input("openrouter", name, {"activity": content}, CONFIG, gets)
