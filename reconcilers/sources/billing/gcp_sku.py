"""What the description of a SKU of Gemini says: model, meter and the price it was used at.

Descriptions have no contract. ``gcp_sku.csv`` has the words of Gemini's SKUs on https://cloud.google.com/skus (Vertex AI and
Gemini API), in lower case, and what each says: nothing, a column's value, or that it may belong to the model's name. A
description with another word says nothing, so that its money is ``unmapped`` until ``skus.csv`` or that table knows it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

#: What a word of a model's name says in the table.
_NAME = "model"
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
    variants = _words()[1]
    longest = next((n for n, word in enumerate(after) if word not in variants), len(after))
    # The longest name that leaves a modality: `Flash Image Image Output` is of Flash Image, `Flash Image Input` of Flash.
    for size in range(longest, -1, -1):
        said = _read_words(before, after[size:])
        if said:
            return {"x_Model": "-".join(("gemini", version, *after[:size])), **said}
    return {}


def _read_words(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """What the words around a model's name say together; empty where one is not known or two contradict each other."""
    known, said = _words()[0], dict[str, str]()
    for number, word in enumerate((*before, *after)):
        if word not in known:
            return {}
        name, value = known[word]
        # `output token count gemini 2.5 flash short input text` counts output; its input only sets the price.
        is_aside = name == "direction" and "count" in before and number >= len(before)
        if name and not is_aside and said.setdefault(name, value) != value:
            return {}
    meter = _METERS.get((said.pop("direction", ""), said.pop("cache", None)))
    if meter is None or "x_Modality" not in said:
        return {}
    return {"x_Meter": meter, "x_ServiceTier": "standard", "x_Batch": "false", "x_ContextBand": "standard", **said}


@cache
def _words() -> tuple[Mapping[str, tuple[str, str]], frozenset[str]]:
    """What each word says, and the words that may belong to a model's name."""
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    said = {row["word"]: (row["says"], row["value"]) for row in rows if row["says"] != _NAME}
    return said, frozenset(row["word"] for row in rows if row["says"] == _NAME)
