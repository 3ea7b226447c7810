"""The public price book: every price of its own calculation, as dated rows, and finance's own rows first."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import Usage

from reconcilers import naming
from reconcilers.declared import reference
from reconcilers.declared.prices import Called, context_thresholds, list_prices
from tests.declared.book import ALLOWED, book_model, difference, in_force, price, rows_of

MINI = Called("openai", "openai", "gpt-4.1-mini-2025-04-14", None, "gpt-4.1-mini-2025-04-14")
STANDARD: dict[str, Any] = {"service_tier": "standard", "batch": "false", "speed": "standard", "modality": "text"}
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
#: A short prompt with caches, a long one, and one that lies exactly on most thresholds, which still is a short one.
USAGES = (
    Usage(input_tokens=1000, cache_read_tokens=600, cache_write_tokens=50, cache_write_1h_tokens=20, output_tokens=70),
    Usage(input_tokens=600_001, cache_read_tokens=1, output_tokens=3),
    Usage(input_tokens=200_000, output_tokens=1),
)
CONTEXTS = (None, {"service_tier": "priority"}, {"service_tier": "flex"}, {"processing": "batch"}, {"speed": "fast"})


def prices(provider: str, name: str, meter: str, at: datetime = NOON, **told: str) -> Decimal | None:
    """The price of one meter of a model as it is told, by the row that fits."""
    asked = STANDARD | {"context_band": "standard", "geography": naming.model(provider, name).geography, "meter": meter}
    return price(in_force(rows_of(provider, name)[0], at), asked | told)


@pytest.mark.parametrize(
    "at", [datetime(2025, 6, 1, 2, tzinfo=UTC), datetime(2026, 9, 1, 8, 30, tzinfo=UTC), NOON], ids=str
)
def test_every_model_of_the_book_costs_what_the_book_says(at: datetime) -> None:
    differing: Counter[str] = Counter()
    for provider in get_snapshot().providers:
        spelled = naming.provider(provider.id) or ""
        for model in provider.models:
            # Some ids are families that no call names; the book finds nothing for them either.
            if provider.find_model(model.id) is not model or book_model(spelled, model.id)[1] is not model:
                continue
            for usage in USAGES:
                for context in CONTEXTS[: len(CONTEXTS) if model.price_variants else 1]:
                    differing[difference(spelled, model.id, usage, at, context) or "equal"] += 1
    assert set(differing) - {"equal"} <= set(ALLOWED)
    assert differing["equal"] > 5_000, differing


def test_a_price_of_many_decimals_fits_its_table() -> None:
    """OpenRouter's cache writes are the book's quotients; one that did not fit would stop the job for every source."""
    written = rows_of("openrouter", "google/gemini-3.6-flash")[0]
    assert price(in_force(written, NOON), STANDARD | {"meter": "cache_write_input_tokens"}) == Decimal("0.041666667")
    assert reference.table(written, "list_prices").num_rows == len(written)


def test_a_tier_has_a_price_from_the_day_the_book_knows_it() -> None:
    rows = [row for row in list_prices([MINI], []) if row["service_tier"] == "priority"]
    assert {row["price_per_million"] for row in rows if row["meter"] == "input_tokens"} == {Decimal("0.7")}
    assert {row["valid_from"] for row in rows} == {date(2026, 10, 12)}
    assert {(row["valid_from"], row["valid_to"]) for row in list_prices([MINI], []) if row["batch"] == "true"} == {
        (date(2026, 10, 14), None)
    }


def test_azure_and_google_sell_models_the_book_lists_under_others() -> None:
    assert prices("azure.ai.openai", "gpt-4.1-2025-04-14", "input_tokens") == Decimal(2)
    assert prices("azure.ai.openai", "grok-4", "output_tokens") == Decimal(15)
    assert prices("gcp.vertex_ai", "claude-sonnet-4-5@20250929", "input_tokens") == Decimal(3)
    # Of another provider's model the book takes no variant, so there is no price for one.
    assert prices("openai", "gpt-4.1", "input_tokens", service_tier="priority") == Decimal("3.5")
    assert prices("azure.ai.openai", "gpt-4.1", "input_tokens", service_tier="priority") is None


def test_a_tier_with_one_price_stands_beside_a_standard_price_with_two() -> None:
    assert [prices("openai", "gpt-5.5", "input_tokens", context_band=band) for band in ("standard", "long")] == [5, 10]
    assert [
        prices("openai", "gpt-5.5", "input_tokens", context_band=band, service_tier="priority")
        for band in ("standard", "long")
    ] == [Decimal("12.5"), Decimal("12.5")]


def test_cache_writes_are_priced_by_how_long_they_are_kept_and_reads_without_a_price_as_input() -> None:
    writes = "cache_write_input_tokens"
    assert [prices("anthropic", "claude-sonnet-4-5-20250929", writes, cache_ttl=ttl) for ttl in ("5m", "1h")] == [
        Decimal("3.75"),
        6,
    ]
    assert prices("anthropic", "claude-sonnet-4-5-20250929", writes, cache_ttl="1h", context_band="long") == 12
    assert (
        prices("openai", "gpt-4-turbo", "cache_read_input_tokens")
        == prices("openai", "gpt-4-turbo", "input_tokens")
        == 10
    )


def test_fast_answers_and_batches_have_prices_of_their_own() -> None:
    assert prices("anthropic", "claude-opus-5", "output_tokens", speed="fast") == 50
    assert prices("anthropic", "claude-opus-5", "output_tokens", batch="true") == Decimal("12.5")
    assert prices("anthropic", "claude-opus-5", "output_tokens", batch="true", speed="fast") is None
    assert prices("anthropic", "claude-haiku-4-5", "output_tokens", speed="fast") is None


def test_tokens_that_no_usage_tells_apart_have_no_price_where_the_book_has_two() -> None:
    """Output with its thoughts and citations at three prices: at the dearest, all of it would cost too much."""
    _, model = book_model("perplexity", "sonar-deep-research")
    told = vars(model.get_prices(NOON))
    assert [told[f"output_{kind}mtok"] for kind in ("", "reasoning_", "citation_")] == [8, 3, 2]
    assert prices("perplexity", "sonar-deep-research", "output_tokens") is None
    assert prices("perplexity", "sonar-deep-research", "input_tokens") == 2


def test_searches_and_requests_are_priced_by_the_thousand() -> None:
    """What the book takes for tokens is of a million, and rows of prices are of a million of anything."""
    _, searching = book_model("anthropic", "claude-sonnet-4-5-20250929")
    _, answering = book_model("perplexity", "sonar")
    told = vars(searching.get_prices(NOON))["web_searches_kcount"], vars(answering.get_prices(NOON))["requests_kcount"]
    assert told == (10, 12)
    assert prices("anthropic", "claude-sonnet-4-5-20250929", "searches") == 10_000
    assert prices("perplexity", "sonar", "requests") == 12_000


def test_a_price_may_depend_on_the_hour() -> None:
    at = {
        clock: datetime(2026, 11, 5, *map(int, clock.split(":")), tzinfo=UTC)
        for clock in ("00:59", "01:00", "03:59", "04:00", "23:00")
    }
    assert [prices("deepseek", "deepseek-v4-pro", "input_tokens", when) for when in at.values()] == [
        Decimal(text) for text in ("0.66", "1.32", "1.32", "0.66", "0.66")
    ]


def test_a_global_profile_is_another_model_of_the_book() -> None:
    assert prices("aws.bedrock", "us.anthropic.claude-sonnet-4-6", "input_tokens") == Decimal("3.3")
    assert prices("aws.bedrock", "global.anthropic.claude-sonnet-4-6", "input_tokens") == 3
    both = [
        Called("aws", "aws.bedrock", "claude-sonnet-4-6", naming.model("aws.bedrock", name).geography, name)
        for name in (
            "eu.anthropic.claude-sonnet-4-6",
            "global.anthropic.claude-sonnet-4-6",
            "anthropic.claude-sonnet-4-6",
        )
    ]
    usage = STANDARD | {"meter": "input_tokens", "context_band": "standard"}
    assert [price(list_prices(both, []), usage | {"geography": g}) for g in ("regional", "global")] == [
        Decimal("3.3"),
        3,
    ]


def test_a_global_profile_the_book_does_not_list_has_not_the_regional_price() -> None:
    name = "anthropic.claude-opus-4-1-20250805-v1:0"
    assert prices("aws.bedrock", f"us.{name}", "input_tokens") is not None
    assert prices("aws.bedrock", f"global.{name}", "input_tokens") is None


def test_names_that_make_two_models_of_one_have_no_price() -> None:
    one = Called("openai", "openai", "our-model", None, "gpt-4.1")
    assert list_prices([one], [])
    assert list_prices([one, Called("openai", "openai", "our-model", None, "gpt-4o")], []) == []


def test_an_alias_says_which_model_is_priced() -> None:
    aliased = [Called("openai", "openai", "gpt-4o-2024-05-13", None, "gpt-4o")]
    assert price(list_prices(aliased, []), STANDARD | {"meter": "input_tokens", "context_band": "standard"}) == 5


def test_an_unknown_model_or_provider_has_no_price() -> None:
    unknown = [
        Called("openai", "openai", "ft:gpt-4.1-mini", None, "ft:gpt-4.1-mini:acme"),
        Called("x", "nobody", "gpt-4.1", None, "gpt-4.1"),
    ]
    assert list_prices(unknown, []) == context_thresholds(unknown, []) == []


def test_what_finance_declares_goes_first() -> None:
    sonnet = Called("anthropic", "anthropic", "claude-sonnet-4-5", None, "claude-sonnet-4-5")
    assert list_prices([sonnet], [("anthropic", "claude-sonnet-4-5")]) == []
    assert [row["threshold"] for row in context_thresholds([sonnet], [("openai", "claude-sonnet-4-5")])] == [200_000]
    for declared in (("anthropic", "claude-sonnet-4-5"), (None, "claude-sonnet-4-5")):
        assert context_thresholds([sonnet], [declared]) == []


def test_a_threshold_ends_when_its_dearer_price_does() -> None:
    opus = Called("anthropic", "anthropic", "claude-opus-4-6", None, "claude-opus-4-6")
    assert [(row["threshold"], row["valid_from"], row["valid_to"]) for row in context_thresholds([opus], [])] == [
        (200_000, None, date(2026, 3, 13))
    ]
