"""Answers of Anthropic's cost, usage and analytics reports, served on the loopback interface."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.inputs.openai import RETRY
from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, content_of
from tests.sources.conftest import Answer, Params

KEY = "ANTHROPIC_ADMIN_KEY"
CONFIG = {"kind": "anthropic", "retry": RETRY, "billing_account_id": "org"}
START, END = "2026-09-10T00:00:00Z", "2026-09-11T00:00:00Z"
GROUP = {
    "workspace_id": "w",
    "model": "claude-opus-5",
    "cost_type": "tokens",
    "token_type": "output_tokens",
    "service_tier": "standard",
    "context_window": "0-200k",
}
COST = {"amount": "1050", "currency": "USD", "description": "Output", "inference_geo": None, **GROUP}


def page(*results: str, start: Any = START, end: Any = END) -> bytes:
    bucket = f'{{"starting_at":{json.dumps(start)},"ending_at":{json.dumps(end)},"results":[{",".join(results)}]}}'
    return f'{{"data":[{bucket}],"has_more":false,"next_page":null}}'.encode()


def cost(**changed: Any) -> str:
    return json.dumps(COST | changed)


def amount(value: str) -> str:
    """A result whose amount is written so."""
    return cost(amount=0).replace('"amount": 0', f'"amount": {value}')


def analysed(**changed: Any) -> bytes:
    told = {"amount": "1050", "list_amount": "1100", "currency": "USD"}
    row = {"starting_at": START, "ending_at": END, "group": GROUP, "cost": told} | changed
    return json.dumps({"data": [row], "has_more": False, "next_page": None}).encode()


def good(**values: Any) -> Good:
    return Good("charges", 1, values)


def refused(says: str, line: int | None = 1) -> Refused:
    return Refused(says, line, "costs/0001.json" if line else None)


NO_JSON, NO_TEXT = refused("not valid JSON", None), refused("amount is not a text")
NO_TIME, NOT_ASKED = "is not an RFC 3339 time", "which was not asked for"
#: How an amount is written → what it gets.
AMOUNTS: dict[str, Gets] = {
    '"0.1"': good(billed_cost="0.001"),
    '"-3"': good(billed_cost="-0.03"),
    '"1E+2"': good(billed_cost="1"),
    '"0E-6176"': refused("amount: '0E-6176'"),
    '"-0"': good(billed_cost="0"),
    f'"0.{"1" * 50}"': good(billed_cost="0.001111111"),
    '"1e400"': refused("amount: '1e400' is outside the range"),
    '"9999999999999"': refused("beyond 9000000000"),
    '"NaN"': refused("amount: 'NaN'"),
    '"-Infinity"': refused("amount: '-Infinity'"),
    '"1,000"': refused("amount: '1,000'"),
    '"$5"': refused("amount: '$5'"),
    '"0x10"': refused("amount: '0x10'"),
    '""': refused("amount: ''"),
    "100": NO_TEXT,
    "null": NO_TEXT,
    "true": NO_TEXT,
    "[1]": NO_TEXT,
    "NaN": NO_JSON,
    "01": NO_JSON,
}
#: When a bucket begins and ends → what it gets.
TIMES: dict[tuple[Any, Any], Gets] = {
    ("2026-09-10T02:00:00+02:00", "2026-09-10T17:00:00-07:00"): good(charge_period_start="2026-09-10 00:00:00"),
    ("2026-09-10T00:00:00.000Z", "2026-09-10T24:00:00Z"): refused(f"ending_at {NO_TIME}"),
    (None, END): refused(f"starting_at {NO_TIME}"),
    ("", END): refused(f"starting_at {NO_TIME}"),
    ("yesterday", END): refused(f"starting_at {NO_TIME}"),
    ("10/09/2026", END): refused(f"starting_at {NO_TIME}"),
    ("2026-02-30T00:00:00Z", END): refused(f"starting_at {NO_TIME}"),
    (True, END): refused("starting_at is neither text nor number"),
    (START, START): refused(NOT_ASKED),
    (END, START): refused(NOT_ASKED),
    ("2026-09-09T00:00:00Z", "2026-09-10T00:00:00Z"): refused(NOT_ASKED),
    (START, "2026-10-10T00:00:00Z"): refused(NOT_ASKED),
    ("0001-01-01T00:00:00+14:00", END): refused(f"starting_at {NO_TIME}"),
}
#: A page of costs → what it gets.
COSTS: dict[str, tuple[Content, Gets]] = {
    "another currency": (page(cost(currency="EUR")), refused("currency is 'EUR'")),
    "no currency": (page(cost(currency=None)), refused("currency is empty")),
    "no workspace, though grouped": (
        page(json.dumps({name: value for name, value in COST.items() if name != "workspace_id"})),
        refused("workspace_id is missing"),
    ),
    "half a surrogate pair": (page(cost(workspace_id="w\ud800")), refused("half of a surrogate pair")),
    "NUL in a workspace": (page(cost(workspace_id="w\0")), good(sub_account_id="w\0")),
    "a model that is a list": (page(cost(model=["claude"])), refused("model is neither text nor number")),
    "a kind of token nobody knows": (page(cost(token_type="wishes")), good(meter=None, billed_cost="10.5")),
    "the same group twice": (page(cost(), cost()), refused("the same group came twice", 2)),
    "a result that is null": (page("null"), refused("is not a JSON object")),
    "no bucket": (b'{"data":[],"has_more":false,"next_page":null}', Refused("the answer has no bucket of the day")),
    "half an answer": (page(cost())[:90], NO_JSON),
    "lists in lists": (b"[" * 100_000, NO_JSON),
}
#: A row of analytics → what it gets.
ANALYTICS: dict[str, tuple[Content, Gets]] = {
    "a row": (analysed(), good(billed_cost="10.5", list_cost="11")),
    "a list price of NaN": (
        analysed(cost={"amount": "1", "list_amount": "NaN", "currency": "USD"}),
        Refused("list_amount: 'NaN'", 1, "analytics_costs/0001.json"),
    ),
    "another day": (analysed(ending_at="2026-09-12T00:00:00Z"), Refused(NOT_ASKED, 1, "analytics_costs/0001.json")),
    "no group": (analysed(group=None), Refused("are not JSON objects", 1, "analytics_costs/0001.json")),
}


def answers(files: Mapping[str, Content]) -> Any:
    """What the API says: the organisation, one page of costs however they are grouped, and no usage."""
    costs, usage = content_of(files["costs"]), files.get("usage")

    def answer(path: str, params: Params) -> Answer:
        if path.endswith("/me"):
            return 200, b'{"id": "org"}', {}
        if path.endswith("/cost_report") or path.endswith("/cost"):
            return 200, costs, {}
        empty = page() if path.endswith("/messages") else b'{"data":[],"has_more":false,"next_page":null}'
        return 200, content_of(usage) if usage else empty, {}

    return answer


def inputs() -> Iterator[Input]:
    for text, gets in AMOUNTS.items():
        yield Input("anthropic", f"amount {text:.40}", {"costs": page(amount(text))}, CONFIG, gets)
    for (start, end), gets in TIMES.items():
        yield Input("anthropic", f"from {start} to {end}", {"costs": page(cost(), start=start, end=end)}, CONFIG, gets)
    for name, (content, gets) in COSTS.items():
        yield Input("anthropic", name, {"costs": content}, CONFIG, gets)
    for name, (content, gets) in ANALYTICS.items():
        yield Input("anthropic", f"analytics: {name}", {"costs": content}, CONFIG | {"report": "analytics"}, gets)
