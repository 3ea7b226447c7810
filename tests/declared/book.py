"""A usage priced twice: by the public book itself, and by the rows this project makes of it, looked up as dbt looks them up.

``difference`` says what is not equal. ``ALLOWED`` are the reasons for which it may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot
from genai_prices.types import ModelInfo, Provider, TieredPrices, Usage

from reconcilers import naming
from reconcilers.declared.prices import Called, context_thresholds, list_prices

Row = dict[str, Any]
Part = tuple[str, str, str | None, int]  # meter, modality, TTL, tokens

#: Why a price of ours may not be the book's. Each leaves the usage without a price; no other amount is ever right.
ALLOWED = {
    "no price": "the book lists the model without a price for these tokens, and takes 0",
    "untold kind": "the book prices reasoning, citation or tool tokens apart, and no usage tells them from the others of their meter",
    "several steps": "the book has a second step, and a context band is either below the first or above it",
    "no variant": "the book has no price for the tier, batch or speed on that day, and takes the standard one",
    "another's variant": "of a model it lists under another provider the book leaves variants out, and takes the standard price",
}
STANDARD = {"service_tier": "standard", "batch": "false", "speed": "standard"}


@cache
def rows_of(provider: str, name: str) -> tuple[list[Row], list[Row]]:
    """(price rows, context thresholds) of a model called by its name."""
    found = naming.model(provider, name)
    called = [Called("source", provider, found.model, found.geography, name)]
    return list_prices(called, []), context_thresholds(called, [])


def in_force(rows: Iterable[Row], at: datetime) -> list[Row]:
    """The rows that hold at an instant."""
    day, clock = at.date(), f"{at:%H:%M}"
    return [
        row
        for row in rows
        if (row["valid_from"] is None or row["valid_from"] <= day)
        and (row["valid_to"] is None or day < row["valid_to"])
        and within(clock, row.get("time_from"), row.get("time_to"))
    ]


def within(clock: str, begin: str | None, end: str | None) -> bool:
    """Whether a time of day is in a half-open part of the day, which may lie over midnight."""
    if begin is None or end is None:
        return True
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def price(rows: Iterable[Row], usage: Mapping[str, str | None]) -> Decimal | None:
    """The price of the one row that fits; two that fit would be a choice nobody made."""
    dimensions = ("meter", "service_tier", "batch", "speed", "geography", "context_band", "modality", "cache_ttl")
    fitting = [row for row in rows if all(row.get(name) in (None, usage.get(name)) for name in dimensions)]
    assert len(fitting) <= 1, fitting
    return fitting[0]["price_per_million"] if fitting else None


def parts(usage: Usage) -> list[Part]:
    """What the book calls usage as a partition: no token in two of its parts, text what is no other modality."""
    told = {key: int(value) for key, value in vars(usage).items()}
    found: list[Part] = []

    def split(
        meter: str, whole: str, by: str, ttl: str | None = None, less: Mapping[str, int] | None = None
    ) -> dict[str, int]:
        tokens = {m: told.get(by.format(m), 0) for m in ("audio", "image", "video")}
        tokens["text"] = told.get(whole, 0) - sum(tokens.values())
        left = {m: count - (less or {}).get(m, 0) for m, count in tokens.items()}
        found.extend((meter, modality, ttl, count) for modality, count in left.items() if count)
        return tokens

    read = split("cache_read_input_tokens", "cache_read_tokens", "cache_{}_read_tokens")
    hour = told.get("cache_write_1h_tokens", 0)
    written = told.get("cache_write_tokens", 0)
    found += [("cache_write_input_tokens", "text", ttl, n) for ttl, n in (("5m", written - hour), ("1h", hour)) if n]
    split("input_tokens", "input_tokens", "input_{}_tokens", less=read | {"text": read["text"] + written})
    split("output_tokens", "output_tokens", "output_{}_tokens")
    found += [("searches", "text", None, told["web_searches"])] if told.get("web_searches") else []
    return found


def difference(
    provider: str, name: str, usage: Usage, at: datetime, context: Mapping[str, str] | None = None
) -> str | None:
    """Nothing where both prices are equal, else why they may differ; fails where they must not."""
    book, model = book_model(provider, name)
    prices, thresholds = rows_of(provider, name)
    limit = next((row["threshold"] for row in in_force(thresholds, at)), None)
    band = "long" if limit is not None and vars(usage).get("input_tokens", 0) > limit else "standard"
    geography = naming.model(provider, name).geography
    words = dict(context or {})
    told = {"geography": geography, "context_band": band, **STANDARD}
    told |= {"batch": "true"} if words.pop("processing", None) else {}
    told |= words
    holding = in_force(prices, at)
    ours: Fraction | None = Fraction(0)
    for meter, modality, ttl, count in parts(usage):
        found = price(holding, {**told, "meter": meter, "modality": modality, "cache_ttl": ttl})
        ours = None if ours is None or found is None else ours + Fraction(found) * count / 1_000_000
    asked = model.get_prices(at, context)
    expected = model.calc_price(usage, book, genai_request_timestamp=at, price_context=context).total_price
    # A fee per request is a meter of its own, and what the book counts as one request is not usage.
    fee = getattr(asked, "requests_kcount", None)
    if ours is not None:
        # Our prices have nine decimals, which is all of most of the book's.
        limit_of_rounding = Fraction(sum(count for *_, count in parts(usage)), 2 * 10**15)
        missed = ours - (Fraction(expected) - (Fraction(fee) / 1000 if fee else 0))
        assert abs(missed) <= limit_of_rounding, (provider, name, at, context, ours, expected)
        return None
    return reason(book, model, usage, at, context)


def book_model(provider: str, name: str) -> tuple[Provider, ModelInfo]:
    """What the book itself finds for a provider and a name."""
    providers = get_snapshot().providers
    words = {"azure.ai.openai": "azure", "gcp.gen_ai": "google", "x_ai": "x-ai"}
    book = find_provider_by_id(providers, words.get(provider, provider))
    assert book is not None, provider
    model = book.find_model(name, all_providers=providers)
    assert model is not None, (provider, name)
    return book, model


def reason(book: Provider, model: ModelInfo, usage: Usage, at: datetime, context: Mapping[str, str] | None) -> str:
    """Which of ``ALLOWED`` says why the book has a price and we have none."""
    asked = model.get_prices(at, context)
    if any(f"{way}_mtok" not in vars(asked) and vars(usage).get(f"{way}_tokens") for way in ("input", "output")):
        return "no price"
    if context:
        if not any(model is own for own in book.models):
            return "another's variant"
        variants = [v for v in model.price_variants or () if v.when == context]
        if not any(v.constraint is None or v.constraint.active(at) for v in variants):
            return "no variant"
    if any(kind in key for key in vars(asked) for kind in ("reasoning", "citation", "tool_")):
        return "untold kind"
    if any(isinstance(p, TieredPrices) and len(p.tiers) > 1 for p in vars(asked).values()):
        return "several steps"
    raise AssertionError(f"no price for {book.id} {model.id} at {at} {context}, and no reason")
