"""Bedrock's usage types in their four grammars: words in any order, and what is not understood says nothing."""

from __future__ import annotations

import pytest

from reconcilers.sources.billing import bedrock

PRODUCT = "Claude Opus 5 (Amazon Bedrock Edition)"
DEFAULT = {"x_ServiceTier": "standard", "x_Batch": "false", "x_Geography": "regional"}
FIVE, HOUR, LONG = {"x_CacheTtl": "5m"}, {"x_CacheTtl": "1h"}, {"x_ContextBand": "long"}
GLOBAL, BATCH = {"x_Geography": "global"}, {"x_Batch": "true"}


@pytest.mark.parametrize(
    ("usage_type", "model", "meter", "says"),
    [
        # native
        ("EUC1-NovaMicro-input-tokens", "NovaMicro", "input_tokens", {}),
        ("NovaMicro-output-tokens", "NovaMicro", "output_tokens", {}),
        ("EU-Claude4.7Haiku-output-tokens-cross-region-global", "Claude4.7Haiku", "output_tokens", GLOBAL),
        ("APS3-Claude4.7Haiku-cache-read-input-token-count-batch", "Claude4.7Haiku", "cache_read_input_tokens", BATCH),
        ("USE2-NovaMicro-input-tokens-cross-region-global-batch", "NovaMicro", "input_tokens", GLOBAL | BATCH),
        ("USE2-NovaMicro-input-tokens-batch-cross-region-global", "NovaMicro", "input_tokens", GLOBAL | BATCH),
        ("USE2-NovaMicro-output-tokens-flex", "NovaMicro", "output_tokens", {"x_ServiceTier": "flex"}),
        (
            "USE2-NovaMicro-output-tokens-priority-cross-region-global",
            "NovaMicro",
            "output_tokens",
            GLOBAL | {"x_ServiceTier": "priority"},
        ),
        ("USW2-Llama4Scout-output-tokens-latency-optimized", "Llama4Scout", "output_tokens", {"x_Speed": "optimized"}),
        (
            "USW2-Claude4.7Opus-input-tokens-long-context-cross-region-global",
            "Claude4.7Opus",
            "input_tokens",
            LONG | GLOBAL,
        ),
        ("USW2-Claude4.7Opus-cache-write-input-token-count", "Claude4.7Opus", "cache_write_input_tokens", FIVE),
        ("USW2-Claude4.7Opus-cache-write-input-token-count-1-hour", "Claude4.7Opus", "cache_write_input_tokens", HOUR),
        ("USE1-Nova2.0Lite-text-output-tokens", "Nova2.0Lite", "output_tokens", {"x_Modality": "text"}),
        ("USE1-Nova2Sonic-speech-output-tokens", "Nova2Sonic", "output_tokens", {"x_Modality": "audio"}),
        ("USE1-Nova2.0Omni-input-video-token-count", "Nova2.0Omni", "input_tokens", {"x_Modality": "video"}),
        ("USE1-NovaMicro-output-tokens-custom-model", "NovaMicro-custom-model", "output_tokens", {}),
        ("USE1-TitanEmbedG2-Text-input-tokens", "TitanEmbedG2-Text", "input_tokens", {}),
        # mantle
        ("USE1-qwen.qwen3-vl-mantle-input-tokens-standard", "qwen.qwen3-vl", "input_tokens", {}),
        (
            "USE1-anthropic.claude-opus-5-mantle-cache-write-tokens-1h-global-standard",
            "anthropic.claude-opus-5",
            "cache_write_input_tokens",
            HOUR | GLOBAL,
        ),
        (
            "USE1-anthropic.claude-opus-5-mantle-cache-write-tokens-30m-standard",
            "anthropic.claude-opus-5",
            "cache_write_input_tokens",
            {"x_CacheTtl": "30m"},
        ),
        (
            "USE1-anthropic.claude-opus-5-mantle-cache-read-tokens-long-ctx-batch",
            "anthropic.claude-opus-5",
            "cache_read_input_tokens",
            LONG | BATCH,
        ),
        # what stands before the endpoint is the model, whatever words are in it
        ("USE1-qwen.qwen3-image-mantle-input-tokens-standard", "qwen.qwen3-image", "input_tokens", {}),
        (
            "USE1-mistral.small-audio-mantle-audio-output-tokens-flex",
            "mistral.small-audio",
            "output_tokens",
            {"x_Modality": "audio", "x_ServiceTier": "flex"},
        ),
        # Marketplace, CamelCase
        ("USE1-MP:USE1_MillionBatchOutputTokens-Units", "Claude Opus 5", "output_tokens", BATCH),
        ("USE1-MP:USE1_OutputTokenCount-Units", "Claude Opus 5", "output_tokens", {}),
        ("MP:USE1_CacheReadInputTokenCount_Global-Units", "Claude Opus 5", "cache_read_input_tokens", GLOBAL),
        (
            "USE1-MP:USE1_CacheWrite5mInputTokenCount_Geo-Units",
            "Claude Opus 5",
            "cache_write_input_tokens",
            FIVE,
        ),
        (
            "USE1-MP:USE1_CacheWrite1hInputTokenCount_Batch_LCtx_Global-Units",
            "Claude Opus 5",
            "cache_write_input_tokens",
            HOUR | BATCH | LONG | GLOBAL,
        ),
        # Marketplace, snake
        ("USE1-MP:USE1_output_tokens_standard-Units", "Claude Opus 5", "output_tokens", {}),
        ("USE1-MP:USE1_input_tokens_long_ctx_global_standard-Units", "Claude Opus 5", "input_tokens", LONG | GLOBAL),
        ("USE1-MP:USE1_cache_write_tokens_1h_standard-Units", "Claude Opus 5", "cache_write_input_tokens", HOUR),
        ("USE1-MP:USE1_cached_input_tokens_batch-Units", "Claude Opus 5", "cache_read_input_tokens", BATCH),
    ],
)
def test_a_usage_type_is_read(usage_type: str, model: str, meter: str, says: dict[str, str]) -> None:
    product = PRODUCT if "MP:" in usage_type else "Amazon Bedrock"
    found = bedrock.read(usage_type, product, None, None)
    assert found.says == {"x_Model": model, "x_Meter": meter} | DEFAULT | says


@pytest.mark.parametrize(
    "usage_type",
    [
        "Guardrail-ContentPolicyUnitsConsumed",
        "USE1-Rerank-search-units",
        "USE1-NovaReel-output-video",
        "USE1-StableImageUltra-output-image",
        "USE1-NovaMicro-ProvisionedThroughput-ModelUnits",
        "USE1-NovaMicro-customization-training-tokens",
        "USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units",
        "USE1-MP:USE1_Reserved_1Month_InputTokenCount-Units",
        # a word nobody knows, two that contradict each other, a kept entry that is not written
        "USE1-NovaMicro-input-tokens-warp",
        "USE1-NovaMicro-input-tokens-warp-batch",
        "USE1-NovaMicro-input-tokens-priority-flex",
        "USE1-NovaMicro-input-output-tokens",
        "USE1-NovaMicro-input-tokens-1-hour",
        "USE1-input-tokens",
        "",
        None,
    ],
)
def test_a_usage_type_that_is_not_understood_says_nothing(usage_type: str | None) -> None:
    found = bedrock.read(usage_type, PRODUCT, "Units", "1000000 Tokens")
    assert (found.says, found.unit) == ({}, "Units")


def test_a_marketplace_line_without_its_product_names_no_model() -> None:
    assert bedrock.read("USE1-MP:USE1_OutputTokenCount-Units", "Some Agent", "Units", None).says == {}


@pytest.mark.parametrize(
    ("usage_type", "told", "setting", "unit"),
    [
        ("USE1-NovaMicro-input-tokens", None, None, "1000 Tokens"),
        ("USE1-NovaMicro-input-tokens", "1M tokens", None, "1M tokens"),
        ("USE1-MP:USE1_OutputTokenCount-Units", "1M tokens", "1000 Tokens", "1M tokens"),
        ("USE1-MP:USE1_OutputTokenCount-Units", "Units", "1000000 Tokens", "1000000 Tokens"),
        ("USE1-MP:USE1_OutputTokenCount-Units", None, "1000000 Tokens", "1000000 Tokens"),
        ("USE1-MP:USE1_MillionBatchOutputTokens-Units", "Units", None, "1000000 Tokens"),
        ("USE1-MP:USE1_MillionBatchOutputTokens-Units", "MillionBatchOutputTokens", "1000 Tokens", "1000000 Tokens"),
        # What Units count nobody tells here, so there will be no quantity.
        ("USE1-MP:USE1_OutputTokenCount-Units", "Units", None, "Units"),
    ],
)
def test_what_the_quantity_is_in(usage_type: str, told: str | None, setting: str | None, unit: str) -> None:
    assert bedrock.read(usage_type, PRODUCT, told, setting).unit == unit
