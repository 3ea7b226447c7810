"""What the description of a SKU of Gemini says: model, meter and the price it was used at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

#: Words of a description, in lower case → what each says; empty where it says nothing. Descriptions have no contract:
#: these are the words of Gemini SKUs on https://cloud.google.com/skus (Vertex AI and Gemini API).
_WORDS: Mapping[str, tuple[str, str]] = {
    "input": ("direction", "input"),
    "output": ("direction", "output"),
    "cached": ("cache", "read"),
    "caching": ("cache", "read"),
    "text": ("x_Modality", "text"),
    "audio": ("x_Modality", "audio"),
    "image": ("x_Modality", "image"),
    "video": ("x_Modality", "video"),
    "long": ("x_ContextBand", "long"),
    "short": ("x_ContextBand", "standard"),
    "priority": ("x_ServiceTier", "priority"),
    "flex": ("x_ServiceTier", "flex"),
    "batch": ("x_Batch", "true"),
    "global": ("x_Geography", "global"),
    "regional": ("x_Geography", "regional"),
    **dict.fromkeys(("predictions", "ga", "thinking", "non", "on", "off"), ("", "")),
    **dict.fromkeys(("generate", "content", "generatecontent", "token", "count", "for"), ("", "")),
}
#: Words that belong to a model's name.
_VARIANTS = frozenset({"pro", "flash", "lite", "image", "live", "tts", "preview"})
_METERS = {
    ("input", None): "input_tokens",
    ("input", "read"): "cache_read_input_tokens",
    ("output", None): "output_tokens",
}


@lru_cache(maxsize=4096)
def read_sku(description: str) -> Mapping[str, str]:
    """Model, meter and price dimensions of ``Gemini 2.5 Flash GA Text Input - Predictions``; empty where a word is not known.

    Also ``Generate content cached input token count gemini 3.5 flash text`` of the Developer API. What a description
    leaves out is the default of Google's price list, but for geography, which older models do not split. Storage of
    caches, grounding, tuning, other models and Gemini 1, which counted characters, are not read.
    """
    words = re.findall(r"[a-z0-9.]+", re.sub(r"\bnon[- ]global\b", "regional", description.lower().replace("_", " ")))
    if "gemini" not in words:
        return {}
    place = words.index("gemini")
    before, (version, *after) = words[:place], words[place + 1 :] or [""]
    if not re.fullmatch(r"[2-9](\.\d+)?|\d\d(\.\d+)?", version):
        return {}
    longest = next((n for n, word in enumerate(after) if word not in _VARIANTS), len(after))
    # The longest name that leaves a modality: `Flash Image Image Output` is of Flash Image, `Flash Image Input` of Flash.
    for size in range(longest, -1, -1):
        said = _read_words(before, after[size:])
        if said:
            return {"x_Model": "-".join(("gemini", version, *after[:size])), **said}
    return {}


def _read_words(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """What the words around a model's name say together; empty where one is not known or two contradict each other."""
    said: dict[str, str] = {}
    for number, word in enumerate((*before, *after)):
        if word not in _WORDS:
            return {}
        name, value = _WORDS[word]
        # `output token count gemini 2.5 flash short input text` counts output; its input only sets the price.
        is_aside = name == "direction" and "count" in before and number >= len(before)
        if name and not is_aside and said.setdefault(name, value) != value:
            return {}
    meter = _METERS.get((said.pop("direction", ""), said.pop("cache", None)))
    if meter is None or "x_Modality" not in said:
        return {}
    return {"x_Meter": meter, "x_ServiceTier": "standard", "x_Batch": "false", "x_ContextBand": "standard", **said}
