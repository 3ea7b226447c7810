"""The list-price book: dated public prices from ``genai-prices``, as rows of the ``list_prices`` contract (``docs/lake.md``).

Prices are USD per million units of a meter. What finance declares goes first: a model with a row of its own in
``list_prices.csv`` takes nothing from here, and contract prices always stand before list prices (rule R18). A tier,
batch or date the book says nothing of has no price: unknown is null plus a break, never the standard price.

Source of the figures: https://github.com/pydantic/genai-prices, as bundled with the pinned package; its version is the
price's version, so a book never changes under a built table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

#: The book's provider ← OpenTelemetry's name of it.
_PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "groq": "groq",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "perplexity": "perplexity",
}
#: meter, modality, cache TTL, and what the book's unit is in millions of the meter's.
_METERS: dict[str, tuple[str, str | None, str | None, Decimal]] = {
    "input_mtok": ("input_tokens", None, None, Decimal(1)),
    "input_audio_mtok": ("input_tokens", "audio", None, Decimal(1)),
    "cache_read_mtok": ("cache_read_input_tokens", None, None, Decimal(1)),
    "cache_audio_read_mtok": ("cache_read_input_tokens", "audio", None, Decimal(1)),
    "cache_write_mtok": ("cache_write_input_tokens", None, "5m", Decimal(1)),
    "cache_write_1h_mtok": ("cache_write_input_tokens", None, "1h", Decimal(1)),
    "output_mtok": ("output_tokens", None, None, Decimal(1)),
    "output_audio_mtok": ("output_tokens", "audio", None, Decimal(1)),
    "requests_kcount": ("requests", None, None, Decimal(1000)),
    "web_searches_kcount": ("searches", None, None, Decimal(1000)),
}
_TIERS = {"default": "standard"}

Row = dict[str, Any]


def list_prices(seen: Iterable[tuple[str, str, str]], declared: Iterable[tuple[str, str]]) -> list[Row]:
    """Rows for the (source, provider, model) seen, except for the (source, model) finance declares itself.

    A provider or model the book does not know gives no row. Decimal throughout: the book's data are exact.
    """
    from genai_prices import __version__
    from genai_prices.data_snapshot import get_snapshot

    books = {provider.id: provider for provider in get_snapshot().providers}
    own = set(declared)
    rows: list[Row] = []
    for source, provider, name in sorted(set(seen)):
        book = books.get(_PROVIDERS.get(provider, ""))
        model = book.find_model(name) if book and (source, name) not in own else None
        if model is None:
            continue
        for row in _dated(model):
            rows.append(
                {**row, "source": source, "model": name, "currency": "USD", "version": f"genai-prices {__version__}"}
            )
    return rows


def _dated(model: ModelInfo) -> Iterator[Row]:
    """Every price of a model with its tier, batch and days."""
    from genai_prices.types import StartDateConstraint

    periods: list[tuple[date | None, ModelPrice]] = []
    if isinstance(model.prices, list):
        for dated in model.prices:
            if dated.constraint is None:
                periods.append((None, dated.prices))
            elif isinstance(dated.constraint, StartDateConstraint):
                periods.append((dated.constraint.start_date, dated.prices))
            else:
                # A price by hour of the day is no price of a day: leave the model unpriced rather than guess.
                return
    else:
        periods = [(None, model.prices)]
    periods.sort(key=lambda period: period[0] or date.min)
    ends = [following[0] for _, following in pairwise(periods)] + [None]
    for (start, prices), end in zip(periods, ends, strict=True):
        days = {"valid_from": start, "valid_to": end}
        standard = _meters(prices)
        yield from ({**row, **days, "service_tier": "standard", "batch": "false"} for row in standard)
        for variant in model.price_variants or ():
            when = dict(variant.when)
            tier, batch = when.pop("service_tier", "standard"), when.pop("processing", None)
            tier = _TIERS.get(str(tier), str(tier))
            if when or batch not in (None, "batch") or (tier == "standard" and batch is None):
                continue
            began = variant.constraint.start_date if isinstance(variant.constraint, StartDateConstraint) else None
            since = max((day for day in (start, began) if day), default=None)
            if (variant.constraint is not None and began is None) or (since and end and since >= end):
                continue
            # A variant states what differs; a meter it leaves out keeps the standard price.
            stated = {_place(row): row for row in (*standard, *_meters(variant.prices))}
            for row in stated.values():
                yield {
                    **row,
                    "valid_from": since,
                    "valid_to": end,
                    "service_tier": tier,
                    "batch": "true" if batch else "false",
                }


def _place(row: Row) -> tuple[object, ...]:
    return row["meter"], row["modality"], row["cache_ttl"], row["context_band"]


def _meters(prices: ModelPrice) -> list[Row]:
    """Price per million units of every meter; a second price from a prompt size on is that of long context."""
    from genai_prices.types import TieredPrices

    rows = []
    for name, (meter, modality, cache_ttl, millions) in _METERS.items():
        price = getattr(prices, name, None)
        if price is None:
            continue
        bands: list[tuple[str | None, Decimal]] = [(None, price)]
        if isinstance(price, TieredPrices):
            bands = [("standard", price.base), *(("long", tier.price) for tier in price.tiers[:1])]
        for band, amount in bands:
            rows.append(
                {
                    "meter": meter,
                    "modality": modality,
                    "cache_ttl": cache_ttl,
                    "context_band": band,
                    "price_per_million": Decimal(amount) * millions,
                }
            )
    return rows
