"""Answers of OpenAI's costs and usage APIs, served on the loopback interface."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, content_of
from tests.sources.conftest import Answer, Params

KEY = "OPENAI_ADMIN_KEY"
RETRY = {
    "attempts": 1,
    "first_wait_seconds": 0.01,
    "longest_wait_seconds": 0.1,
    "jitter_seconds": 0,
    "timeout_seconds": 2,
}
CONFIG = {"kind": "openai", "usage": ["completions"], "retry": RETRY, "billing_account_id": "org"}
START = 1_788_998_400  # 2026-09-10
COST = {
    "object": "organization.costs.result",
    "organization_id": "org",
    "line_item": "gpt-4.1, input",
    "project_id": "p",
    "api_key_id": "k",
    "quantity": 1000,
    "amount": {"value": 10.5, "currency": "usd"},
}
USED = {
    "object": "organization.usage.completions.result",
    "input_tokens": 1000,
    "output_tokens": 300,
    "input_cached_tokens": 400,
    "num_model_requests": 7,
    "project_id": "p",
    "model": "gpt-4.1",
    "batch": False,
}


def page(*results: str, start: Any = START, **more: Any) -> bytes:
    bucket = f'{{"object":"bucket","start_time":{json.dumps(start)},"end_time":{START + 86_400},"results":[{",".join(results)}]}}'
    tail = json.dumps({"has_more": False, "next_page": None} | more)
    return f'{{"object":"page","data":[{bucket}],{tail[1:]}'.encode()


def cost(**changed: Any) -> str:
    return json.dumps(COST | changed)


def amount(value: str, currency: str = '"usd"') -> str:
    """A result whose amount is written so."""
    return cost(amount=0).replace('"amount": 0', f'"amount": {{"value": {value}, "currency": {currency}}}')


def used(**changed: Any) -> str:
    return json.dumps(USED | changed)


GOOD, NOTHING = page(cost()), page()
ONE = Good("charges", 1, {"billed_cost": "10.5", "model": "gpt-4.1"})


def good(**values: Any) -> Good:
    return Good("charges", 1, values)


def refused(says: str, line: int | None = 1) -> Refused:
    return Refused(says, line, "costs/0001.json" if line else None)


NO_JSON, CHANGED = refused("not valid JSON", None), refused("amount is not a JSON object")
#: How an amount is written → what it gets.
AMOUNTS: dict[str, Gets] = {
    "0.1": good(billed_cost="0.1"),
    '"0.1"': good(billed_cost="0.1"),
    "-3": good(billed_cost="-3"),
    "0E-6176": good(billed_cost="0"),
    "0.30000000000000004": good(billed_cost="0.3", billed_cost_residual="40000000000"),
    "0." + "1" * 50: good(billed_cost="0.111111111"),
    "-0": good(billed_cost="0"),
    "1e400": refused("BilledCost: '1e400' is outside the range"),
    "99999999999.5": refused("beyond 9000000000"),
    "NaN": NO_JSON,
    "Infinity": NO_JSON,
    '"NaN"': refused("BilledCost: 'NaN'"),
    '"1,000"': refused("BilledCost: '1,000'"),
    '"$5"': refused("BilledCost: '$5'"),
    '""': refused("amount.value is empty"),
    "null": refused("amount.value is empty"),
    "true": refused("value is neither text nor number"),
    "[1]": refused("value is neither text nor number"),
    "1_000": NO_JSON,
    "01": NO_JSON,
}
#: A page of costs → what it gets.
COSTS: dict[str, tuple[Content, Gets]] = {
    "a day": (GOOD, ONE),
    "a day without costs": (NOTHING, Good("charges", 0, {})),
    "byte order mark": ("\ufeff".encode() + GOOD, ONE),
    "UTF-16": (GOOD.decode().encode("utf-16"), ONE),
    "a currency in upper case": (page(amount("10.5", '"USD"')), ONE),
    "no currency": (page(amount("1", "null")), refused("amount.currency is empty")),
    "a currency of two letters": (page(amount("1", '"us"')), refused("is not an ISO 4217 code")),
    "amount is null": (page(cost(amount=None)), CHANGED),
    "amount is a number": (page(cost(amount=10.5)), CHANGED),
    "amount is missing": (page(json.dumps({k: v for k, v in COST.items() if k != "amount"})), CHANGED),
    "half a surrogate pair": (page(cost(line_item="a\ud800b")), refused("half of a surrogate pair")),
    "a surrogate pair": (page(cost(project_id="🦄")), good(sub_account_id="🦄")),
    "NUL in a name": (page(cost(project_id="a\0b")), good(sub_account_id="a\0b")),
    "a name of 10 kB": (page(cost(project_id="x" * 10_000)), good(sub_account_id="x" * 10_000)),
    "a name that is a number": (page(cost(project_id=7)), good(sub_account_id="7")),
    "a name that is a list": (page(cost(project_id=["p"])), refused("project_id is neither text nor number")),
    "a line item nobody knows": (page(cost(line_item="holograms, mauve")), good(model=None, billed_cost="10.5")),
    "no line item": (page(cost(line_item=None)), good(model=None, billed_cost="10.5")),
    "quantity of NaN": (page(cost(quantity="NaN")), refused("ConsumedQuantity: 'NaN'")),
    "quantity of 1e30": (page(cost(quantity="1e30")), refused("ConsumedQuantity: '1e30'")),
    "the same group twice": (page(cost(), cost()), refused("the same group came twice", 2)),
    "an amount told twice": (page(cost()[:-1] + ', "amount": {"value": 1, "currency": "usd"}}'), good(billed_cost="1")),
    "a result that is null": (page("null"), refused("is not a JSON object")),
    "a result that is a text": (page('"cost"'), refused("is not a JSON object")),
    "another object": (page(cost(object="organization.usage.result")), refused("object is")),
    "another organisation": (page(cost(organization_id="other")), refused("is of organisation other")),
    "another day": (page(cost(), start=START - 86_400), refused("which was not asked for")),
    "times in milliseconds": (page(cost(), start=START * 1000), refused("start_time is not in Unix seconds")),
    "times as text": (page(cost(), start=str(START)), ONE),
    "no time": (page(cost(), start=None), refused("start_time is not in Unix seconds")),
    "a negative time": (page(cost(), start=-1), refused("start_time is not in Unix seconds")),
    "a time of the year 5138": (page(cost(), start=99_999_999_999), refused("which was not asked for")),
    "data is null": (b'{"data": null, "has_more": false, "next_page": null}', Refused("data is not a list")),
    "data is missing": (b'{"has_more": false, "next_page": null}', Refused("data is not a list")),
    "a bucket is null": (b'{"data": [null], "has_more": false, "next_page": null}', refused("is not a JSON object")),
    "results are an object": (
        f'{{"data": [{{"start_time": {START}, "end_time": {START + 86_400}, "results": {{}}}}], "has_more": false, "next_page": null}}'.encode(),
        refused("results is not a list"),
    ),
    "has_more is missing": (b'{"data": []}', Refused("has_more or next_page is missing")),
    "more without a cursor": (page(cost(), has_more=True), Refused("has_more is true but next_page is None")),
    "a cursor without more": (page(cost(), next_page="x"), Refused("has_more is false but next_page is 'x'")),
    "pages without end": (page(cost(), has_more=True, next_page="x"), Refused("the same page or cursor came twice")),
    "an empty answer": (b"", NO_JSON),
    "half an answer": (GOOD[:100], NO_JSON),
    "a page of a proxy": (b"<html>Please sign in</html>", NO_JSON),
    "a list": (b"[]", Refused("answer is not a JSON object")),
    "null": (b"null", Refused("answer is not a JSON object")),
    "lists in lists": (b"[" * 100_000, NO_JSON),
    "a number of 5000 digits": (page(cost()[:-1] + f', "n": {"9" * 5000}}}'), NO_JSON),
}
#: A usage report's result → what it gets.
USAGE: dict[str, tuple[str, Gets]] = {
    "counts": (used(), Good("provider_usage", 4, {"quantity": "7", "meter": "requests"})),
    "nothing used": (
        used(input_tokens=0, output_tokens=0, input_cached_tokens=0, num_model_requests=0),
        Good("provider_usage", 0, {}),
    ),
    **{
        f"input of {value!r:.40}": (used(input_tokens=value), Refused(says, 1, "completions/0001.json"))
        for value, says in (
            (-1, "input_tokens is negative"),
            (1.5, "input_tokens is not a whole number"),
            ("1000", "input_tokens is not a whole number"),
            (None, "input_tokens is not a whole number"),
            (True, "input_tokens is not a whole number"),
            (100, "is not the sum of its uncached"),
            (10**13, "more than a bill counts"),
            (10**30, "outside the range"),
        )
    },
    "batch of 1": (used(batch=1), Refused("batch is neither true nor false", 1, "completions/0001.json")),
    "a model that is an object": (
        used(model={"id": "m"}),
        Refused("model is neither text nor number", 1, "completions/0001.json"),
    ),
}
#: What the server answers instead of a page.
STATUS: dict[int, str] = {
    401: "access refused",
    403: "access refused",
    404: "HTTP 404",
    302: "HTTP 302",
    500: "HTTP 500",
    429: "HTTP 429",
}


def answers(files: Mapping[str, Content]) -> Any:
    """What the API says: a file for each list of a day, or a status."""

    def answer(path: str, params: Params) -> Answer:
        if status := next((int(name) for name in files if name.isdigit()), None):
            return status, b'{"error": {"message": "no"}}', {"Location": "http://127.0.0.1:1/"}
        if path.endswith("/costs"):
            grouped = any(name == "group_by[]" for name, _ in params)
            return 200, content_of(files["costs" if grouped or "total" not in files else "total"]), {}
        return 200, content_of(files.get("completions", NOTHING)), {}

    return answer


def inputs() -> Iterator[Input]:
    for text, gets in AMOUNTS.items():
        yield Input("openai", f"amount {text:.40}", {"costs": page(amount(text))}, CONFIG, gets)
    for name, (content, gets) in COSTS.items():
        yield Input("openai", name, {"costs": content}, CONFIG, gets)
    yield Input(
        "openai",
        "lines that do not add up",
        {"costs": GOOD, "total": page(amount("9"))},
        CONFIG,
        Refused("cost lines add up to 10.5 USD"),
    )
    for name, (result, gets) in USAGE.items():
        yield Input("openai", f"usage: {name}", {"costs": NOTHING, "completions": page(result)}, CONFIG, gets)
    for status, says in STATUS.items():
        yield Input("openai", f"HTTP {status}", {str(status): b""}, CONFIG, Refused(says))
