"""The public price book: dated rows per meter, tier and band, and finance's own rows first."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconcilers.declared.prices import list_prices

MINI = ("openai", "openai", "gpt-4.1-mini-2025-04-14")
SONNET = ("anthropic", "anthropic", "claude-sonnet-4-5-20250929")


def price(rows: list[dict[str, object]], **where: object) -> list[object]:
    return [row["price_per_million"] for row in rows if all(row[name] == value for name, value in where.items())]


def test_every_meter_has_its_price() -> None:
    rows = list_prices([MINI], [])
    standard = {"service_tier": "standard", "batch": "false"}
    assert price(rows, meter="input_tokens", **standard) == [Decimal("0.4")]
    assert price(rows, meter="cache_read_input_tokens", **standard) == [Decimal("0.1")]
    assert price(rows, meter="output_tokens", **standard) == [Decimal("1.6")]
    assert {row["source"] for row in rows} == {"openai"}


def test_a_tier_has_a_price_from_the_day_the_book_knows_it() -> None:
    rows = [row for row in list_prices([MINI], []) if row["service_tier"] == "priority"]
    assert price(rows, meter="input_tokens") == [Decimal("0.7")]
    assert {row["valid_from"] for row in rows} == {date(2026, 10, 12)}


def test_cache_writes_are_priced_by_how_long_they_are_kept_and_long_prompts_apart() -> None:
    rows = list_prices([SONNET], [])
    writes = {"meter": "cache_write_input_tokens", "batch": "false"}
    assert price(rows, cache_ttl="5m", context_band="standard", **writes) == [Decimal("3.75")]
    assert price(rows, cache_ttl="1h", context_band="standard", **writes) == [Decimal("6")]
    assert price(rows, cache_ttl="1h", context_band="long", **writes) == [Decimal("12")]


def test_an_unknown_model_or_provider_has_no_price() -> None:
    assert list_prices([("openai", "openai", "ft:gpt-4.1-mini:acme"), ("x", "nobody", "gpt-4.1-mini")], []) == []


def test_what_finance_declares_goes_first() -> None:
    assert list_prices([MINI], [(MINI[0], MINI[2])]) == []
