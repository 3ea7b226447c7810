"""Prices that part what one amount pays for into input and output: only their ratio matters, so they make no cost of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from pydantic import Field, field_validator

from reconcilers import money
from reconcilers.sources.contract import InForce


class TokenPrice(InForce):
    """What the tokens of a model take, in the unit of what is split."""

    model: str = Field(examples=["openai/gpt-4.1"])
    """The model as the source names it."""
    input_per_million: str = Field(examples=["2.00"])
    """What a million input tokens take: USD at OpenRouter, credits at Snowflake."""
    output_per_million: str = Field(examples=["8.00"])
    """What a million output tokens take, likewise."""

    @field_validator("input_per_million", "output_per_million")
    @classmethod
    def _is_price(cls, value: str) -> str:
        if money.parse_amount(value) <= 0:
            raise ValueError(f"{value!r:.40} is not positive, so nothing is split by it")
        return value

    def weights(self, counted: Mapping[str, str]) -> list[int]:
        """Weights of tokens by meter (``input_tokens``, ``output_tokens``), in the order given: what they take in whole nanos, at
        least one, since weights of a carve are integers."""
        told = {"input_tokens": self.input_per_million, "output_tokens": self.output_per_million}
        return [
            max(1, int(money.parse_amount(money.product(count, told[meter])) * 1000))
            for meter, count in counted.items()
        ]


def price_of(prices: Iterable[TokenPrice], model: str | None, day: date) -> TokenPrice | None:
    """The first price of the model that holds on the day."""
    return next((one for one in prices if one.model == model and one.holds(day)), None)
