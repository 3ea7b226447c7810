"""What the text of a SKU says: a model, a meter and its price; what nobody taught says nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from reconcilers.sources.billing.gcp_sku import read_sku
from tests.sources.billing.gcp_export import Land, charges, used


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("Gemini 2.5 Flash Lite Text Input - Predictions", "gemini-2.5-flash-lite input_tokens text"),
        ("Gemini 2.5 Flash GA Thinking Text Output - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 2.5 Flash Text Output (Thinking On) - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 2.5 Flash Text and Thinking Output - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 3.5 Flash Global Text Input - Predictions", "gemini-3.5-flash input_tokens text geography=global"),
        ("Gemini 3.5 Flash Regional Text Output - Predictions", "gemini-3.5-flash output_tokens text geography=regional"),
        ("Gemini 3.5 Flash Non-Global Text Input - Predictions", "gemini-3.5-flash input_tokens text geography=regional"),
        ("Gemini 2.5 Flash Text Output (Thinking Off) - Predictions", "gemini-2.5-flash output_tokens text"),
        ("Gemini 3.0 Pro Text Input (Long) - Predictions", "gemini-3.0-pro input_tokens text context=long"),
        ("Gemini 2.5 Pro Input Text Caching (Long)", "gemini-2.5-pro cache_read_input_tokens text context=long"),
        ("Gemini 3 Flash Image Input Caching Priority", "gemini-3-flash cache_read_input_tokens image tier=priority"),
        ("Gemini 2.5 Flash Text Input - Batch Predictions", "gemini-2.5-flash input_tokens text batch=true"),
        ("Gemini 3.1 Flash Image Text Input - Predictions", "gemini-3.1-flash-image input_tokens text"),
        ("Gemini 3.1 Flash Image Image Output - Predictions", "gemini-3.1-flash-image output_tokens image"),
        ("Generate content input token count gemini 3.5 flash text", "gemini-3.5-flash input_tokens text"),
        ("Generate content output token count gemini 2.5 flash short input text", "gemini-2.5-flash output_tokens text"),
        ("Generate content output token count gemini 2.5 flash short output text non-thinking", "gemini-2.5-flash output_tokens text"),
        ("Generate content cached input token count gemini 2.5 flash input short text", "gemini-2.5-flash cache_read_input_tokens text"),
        ("Generate_content text cached input token count for gemini 3 pro short", "gemini-3-pro cache_read_input_tokens text"),
        ("Generate_content image output token count for Gemini 3 Pro Image", "gemini-3-pro-image output_tokens image"),
        ("Generate content input token count gemini 3.7 flash image flex caching", "gemini-3.7-flash cache_read_input_tokens image tier=flex"),
        ("Generate content input token count gemini 3.1 flash lite preview text", "gemini-3.1-flash-lite-preview input_tokens text"),
        # Not calls of a model by the token, or words nobody has taught: no model, so the money is seen as unmapped.
        ("Gemini 3 Flash Text Input Caching Storage", ""),
        ("Gemini 3.8 Flash Cyber Global Text Input Caching Offpeak", ""),
        ("Gemini 1.5 Flash Text Input - Predictions", ""),
        ("Gemini 2.5 Flash Text Output Caching", ""),
        ("Gemini 2.5 Flash Text Input Output", ""),
        ("Gemini 2.5 Flash Input - Predictions", ""),
        ("Grounding with Google Search on Gemini 3", ""),
        ("Gemini", ""),
        ("Claude Sonnet 4.5 - Input Tokens", ""),
        ("Standard Storage US Regional", ""),
    ],
)  # fmt: skip
def test_what_a_sku_says(description: str, said: str) -> None:
    found = dict(read_sku(description))
    if not said:
        assert found == {}
        return
    model, meter, modality, *more = said.split()
    expected = {"x_Model": model, "x_Meter": meter, "x_Modality": modality}
    expected |= {"x_ServiceTier": "standard", "x_Batch": "false", "x_ContextBand": "standard"}
    names = {"tier": "x_ServiceTier", "batch": "x_Batch", "context": "x_ContextBand", "geography": "x_Geography"}
    expected |= {names[one.partition("=")[0]]: one.partition("=")[2] for one in more}
    assert found == expected


def test_a_sku_nobody_knows_keeps_its_money(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(sku={"id": "1", "description": "Sprockets"})).source())
    assert (row["model"], row["meter"], row["quantity"], row["billed_cost_text"]) == (None, None, None, "3.6")


@pytest.mark.parametrize("unit", ["count", "requests"])
def test_a_count_without_a_unit_of_its_own_is_of_tokens(export: Any, land: Land, unit: str) -> None:
    """Trap: the price is of a million of them, and the count is not."""
    (row,) = charges(land, export(used(usage__unit=unit)).source())
    assert (row["meter"], row["quantity"], row["pricing_quantity"]) == ("output_tokens", 1_600_000, Decimal("1.6"))


def test_a_unit_that_is_no_token_gives_no_tokens(export: Any, land: Land) -> None:
    (row,) = charges(land, export(used(usage__unit="seconds")).source())
    assert (row["meter"], row["quantity"]) == (None, None)
