"""What the fake provider serves in each scenario, and what it charges for it: the truth the finance tables are held to.

An *event* is one emitter doing one scenario: ``pydantic_ai.cut``. Its model is its own, so that its bill cells are its
own, too: what one emitter tells wrongly cannot be made good by another.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

#: US dollars per million tokens, by meter and, for cache writes, by how long they are kept.
PRICES = {
    ("input_tokens", None): Decimal("2.00"),
    ("cache_read_input_tokens", None): Decimal("0.20"),
    ("cache_write_input_tokens", "5m"): Decimal("2.50"),
    ("cache_write_input_tokens", "1h"): Decimal("4.00"),
    ("output_tokens", None): Decimal("10.00"),
}

#: Scenarios whose answer is cut off after its first words, by the provider or by a caller who leaves.
BROKEN_OFF = frozenset({"cut", "left"})


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer, no two counts overlapping but ``thoughts``, which ``output`` contains."""

    uncached: int
    cache_read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    output: int = 0
    thoughts: int = 0

    @property
    def input(self) -> int:
        """All that was sent, cached or not."""
        return self.uncached + self.cache_read + self.written_5m + self.written_1h

    def quantities(self) -> dict[tuple[str, str | None], int]:
        """(meter, cache TTL) → tokens, without those that are 0."""
        told = {
            ("input_tokens", None): self.uncached,
            ("cache_read_input_tokens", None): self.cache_read,
            ("cache_write_input_tokens", "5m"): self.written_5m,
            ("cache_write_input_tokens", "1h"): self.written_1h,
            ("output_tokens", None): self.output,
        }
        return {key: tokens for key, tokens in told.items() if tokens}


def usage(family: str, scenario: str, turn: int) -> Usage:
    """Tokens of an event's ``turn``-th answer. ``family``: ``openai``, ``anthropic`` (also on Bedrock), ``gemini``."""
    if scenario.startswith("embeddings"):
        return Usage(uncached=500)
    if scenario.startswith("agent") and turn == 1:
        return Usage(uncached=600, output=40, thoughts=0 if family == "anthropic" else 10)
    if family == "anthropic":
        output = 7 if scenario in BROKEN_OFF else 20
        if scenario == "plain":
            return Usage(uncached=950, output=output)
        if scenario == "hour":
            return Usage(uncached=100, cache_read=800, written_5m=30, written_1h=20, output=output)
        return Usage(uncached=100, cache_read=800, written_5m=50, output=output)
    output, thoughts = (60, 50) if scenario in BROKEN_OFF else (120, 50)
    if scenario == "plain":
        return Usage(uncached=1000, output=output, thoughts=thoughts)
    return Usage(uncached=200, cache_read=800, output=output, thoughts=thoughts)


def cost(quantities: dict[tuple[str, str | None], int]) -> Decimal:
    """What the provider charges for these tokens, in US dollars, exact."""
    return sum((PRICES[key] * tokens for key, tokens in quantities.items()), Decimal(0)) / 10**6
