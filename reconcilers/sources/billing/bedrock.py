"""What a usage type of Amazon Bedrock says: model, meter and the price it was used at.

AWS writes it in four grammars: native (``USW2-Nova2.0Pro-text-input-tokens-cross-region-global``), the mantle endpoint
(``USE1-openai.gpt-oss-120b-mantle-input-tokens-standard``) and Marketplace in CamelCase and in snake case
(``USE1-MP:USE1_InputTokenCount_LCtx_Global-Units``, ``USE1-MP:USE1_cache_write_tokens_1h_standard-Units``). The order of
the words is not fixed in any of them, so they are read as a set: what stands before them is the model. A usage type with
a word that is not known says nothing, and its money ends as ``unmapped``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from reconcilers import naming
from reconcilers.sources import units
from reconcilers.sources.text_columns import Texts, Told

SERVICE = "Amazon Bedrock"
#: How Marketplace names the product of a model: ``Claude Sonnet 4.6 (Amazon Bedrock Edition)``.
EDITION = "(Amazon Bedrock Edition)"
PRODUCT_CODES = ("AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels")

#: By what a line says who called.
Callers = Literal["iam_principal", "inference_profile", "either"]
_PROFILE = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:application-inference-profile/[^/]+")

#: The columns a usage type may say.
COLUMNS = (
    "x_Model",
    "x_Meter",
    "x_ServiceTier",
    "x_Batch",
    "x_ContextBand",
    "x_Geography",
    "x_Speed",
    "x_Modality",
    "x_CacheTtl",
)

#: ``USE1-``, ``EU-``, ``APS3-``; region prefixes do not follow from region names.
_REGION = r"(?:(?:EU|(?:US|UG|EU|AP|CA|SA|ME|AF|IL|MX|CN)[A-Z]{1,2}\d)-)?"
_NATIVE = re.compile(_REGION + r"(?P<text>[A-Za-z0-9][\w.:-]*)")
_MARKETPLACE = re.compile(_REGION + r"MP:[A-Z]{2,4}\d{0,2}_(?P<text>\w+)-Units")
#: Words that say something only together → one word.
_PHRASES = {
    "cross-region-global": "global",
    "cross-region-geo": "geo",
    "in-region": "regional",
    "long-context": "lctx",
    "long-ctx": "lctx",
    "latency-optimized": "optimized",
    "custom-model": "custom",
    "1-hour": "1h",
    "30-minute": "30m",
    "5-minute": "5m",
    "token-count": "tokens",
}
#: Which tokens are counted, by the words that say so.
_METERS = {
    frozenset({"input"}): "input_tokens",
    frozenset({"output"}): "output_tokens",
    frozenset({"cache", "read"}): "cache_read_input_tokens",
    frozenset({"cache", "read", "input"}): "cache_read_input_tokens",
    frozenset({"cached", "input"}): "cache_read_input_tokens",
    frozenset({"cache", "write"}): "cache_write_input_tokens",
    frozenset({"cache", "write", "input"}): "cache_write_input_tokens",
}
_METER_WORDS = frozenset().union(*_METERS)
#: A line without routing word is an in-region call or a ``us.``, ``eu.``, ``apac.`` profile; it does not tell which.
_SAYS: Mapping[str, tuple[str, str]] = {
    "global": ("x_Geography", "global"),
    "geo": ("x_Geography", "regional"),
    "regional": ("x_Geography", "regional"),
    "batch": ("x_Batch", "true"),
    "flex": ("x_ServiceTier", "flex"),
    "priority": ("x_ServiceTier", "priority"),
    "standard": ("x_ServiceTier", "standard"),
    "lctx": ("x_ContextBand", "long"),
    "optimized": ("x_Speed", "optimized"),
    "text": ("x_Modality", "text"),
    "speech": ("x_Modality", "audio"),
    "audio": ("x_Modality", "audio"),
    "image": ("x_Modality", "image"),
    "video": ("x_Modality", "video"),
    "5m": ("x_CacheTtl", "5m"),
    "30m": ("x_CacheTtl", "30m"),
    "1h": ("x_CacheTtl", "1h"),
}
#: A model of one's own is billed apart from the model it was made of.
_CUSTOM = "custom"
#: Stands behind the model and before everything else, so what is before it is the model's name, whatever its words are.
_MANTLE = "mantle"
#: What older Marketplace usage types say of their unit (``MillionBatchInputTokens``).
_MILLION = "million"
_WORDS = _METER_WORDS | _SAYS.keys() | {"tokens", _MANTLE, _CUSTOM}


@dataclass(frozen=True)
class Meter:
    """What a usage type says: FOCUS ``x_`` columns, none when it is not understood, and the unit its quantity is in."""

    says: Mapping[str, str]
    unit: str | None


@lru_cache(maxsize=1 << 14)
def read(usage_type: str | None, product_name: str | None, unit: str | None, marketplace_unit: str | None) -> Meter:
    """Model and meter of a line of Bedrock's.

    Native usage types count thousands of tokens where no unit says otherwise. Marketplace ones count what their unit says,
    and ``marketplace_unit`` where it says nothing (none, or ``Units``).
    """
    if market := _MARKETPLACE.fullmatch(usage_type or ""):
        model = (product_name or "").strip().removesuffix(EDITION).strip()
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)|_", "-", market["text"]).lower()
        # The product names the model: a word that is not known is none of a model here.
        before, says = _read(words)
        if says and before in ("", _MILLION) and model and (product_name or "").strip().endswith(EDITION):
            otherwise = "1000000 Tokens" if before else marketplace_unit or unit
            return Meter({"x_Model": model} | says, unit if unit is not None and units.unit(unit) else otherwise)
    elif native := _NATIVE.fullmatch(usage_type or ""):
        model, says = _read(native["text"])
        if says and model:
            return Meter({"x_Model": model} | says, unit or "1000 Tokens")
    return Meter({}, unit)


def _read(text: str) -> tuple[str, dict[str, str]]:
    """(model, what the words after it say) of words between dashes."""
    for phrase, word in _PHRASES.items():
        text = re.sub(f"(?<![^-]){phrase}(?![^-])", word, text)
    parts = text.split("-")
    start = len(parts)
    while start and parts[start - 1] in _WORDS and parts[start : start + 1] != [_MANTLE]:
        start -= 1
    words = parts[start:]
    model = "-".join([*parts[:start], *(["custom-model"] if _CUSTOM in words else [])])
    return model, _said(words)


def _said(words: Iterable[str]) -> dict[str, str]:
    """Meter and price dimensions; none when the words contradict each other or count no tokens."""
    found = set(words)
    meter = _METERS.get(frozenset(found & _METER_WORDS))
    if meter is None or "tokens" not in found:
        return {}
    says = {"x_Meter": meter}
    for word in found & _SAYS.keys():
        column, value = _SAYS[word]
        if says.setdefault(column, value) != value:
            return {}
    if meter == "cache_write_input_tokens":
        says.setdefault("x_CacheTtl", "5m")
    elif "x_CacheTtl" in says:
        return {}
    return {"x_ServiceTier": "standard", "x_Batch": "false", "x_Geography": "regional"} | says


def caller(by: Callers | None, profile: str | None, principal: str | None) -> str | None:
    """What stands for the key of a line of Bedrock's: the ``ResourceId`` where that is an application inference profile, or who called."""
    if by in ("inference_profile", "either") and _PROFILE.fullmatch(profile or ""):
        return profile
    return naming.aws_principal(principal) if principal and by in ("iam_principal", "either") else None


def columns(meters: Told[Meter]) -> dict[str, Texts]:
    """What the usage types of rows say, as columns."""
    return {name: Texts.of(Told([meter.says.get(name) for meter in meters.texts], meters.codes)) for name in COLUMNS}
