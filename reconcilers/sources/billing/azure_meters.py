"""What the name of a meter of Azure OpenAI or Foundry says, and how many tokens a line of one counts.

Azure's bill names a model, a direction and a deployment in the text of a meter alone (``gpt 4.1 cached Inp glbl Tokens``), in
abbreviations that differ by product. ``azure_meters.csv`` says what each word is; a meter with one unknown word says nothing,
so that its money is ``unmapped`` until ``skus.csv`` or that table knows it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from functools import cache, lru_cache
from pathlib import Path

from reconcilers import money

#: The columns a meter may say.
COLUMNS = (
    "x_Model",
    "x_Meter",
    "x_ServiceTier",
    "x_Batch",
    "x_ContextBand",
    "x_Geography",
    "x_Modality",
)
#: Which tokens are counted, by direction and cache.
_METERS = {
    ("input", ""): "input_tokens",
    ("output", ""): "output_tokens",
    ("input", "read"): "cache_read_input_tokens",
    ("", "read"): "cache_read_input_tokens",
    ("input", "write"): "cache_write_input_tokens",
    ("", "write"): "cache_write_input_tokens",
}
#: A meter of capacity by the hour names no model: what is deployed on it is not on the bill.
_PROVISIONED = "provisioned"
_EXACT = Context(prec=120)
#: ``1K``, ``1M``, ``1000``, ``1M Tokens``; any other unit of measure counts no tokens.
_BLOCK = re.compile(r"(\d{1,12})\s*([KM]?)(?:\s*tokens?)?", re.IGNORECASE)
_MULTIPLES = {"": 1, "k": 1_000, "m": 1_000_000}

_Phrases = Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]


@lru_cache(maxsize=1 << 14)
def read(name: str | None, product: str | None) -> Mapping[str, str]:
    """Model, meter and price dimensions of a meter; ``product`` is its subcategory (``Azure OpenAI GPT5``), by which short names are told.

    Of a meter of provisioned throughput only the tier and where it runs; nothing where a word is unknown or two contradict.
    """
    words = re.findall(r"[a-z0-9.]+", (name or "").lower())
    phrases = _phrases((product or "").strip().lower())
    most = max(map(len, phrases))
    said: dict[str, str] = {}
    place = 0
    while place < len(words):
        size = next((n for n in range(most, 0, -1) if tuple(words[place : place + n]) in phrases), 0)
        if not size:
            return {}
        for column, value in phrases[tuple(words[place : place + size])]:
            if said.setdefault(column, value) != value:
                return {}
        place += size
    if said.get("x_ServiceTier") == _PROVISIONED:
        return {column: said[column] for column in COLUMNS if column in said and column != "x_Model"}
    meter = _METERS.get((said.get("direction", ""), said.get("cache", "")))
    if meter is None or "x_Model" not in said:
        return {}
    model = "-".join(filter(None, (said["x_Model"], said.get("snapshot"))))
    told = {column: said[column] for column in COLUMNS if column in said}
    return {"x_ServiceTier": "standard", "x_Batch": "false"} | told | {"x_Model": model, "x_Meter": meter}


@cache
def _phrases(product: str) -> _Phrases:
    """What words in a row say in a meter of one product; what the table has for it goes before what it has for any."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for of in ("", product):
        own = [row for row in rows if row["product"] == of]
        for row in own:
            found[tuple(row["words"].split())] = {}
        for row in own:
            says = found[tuple(row["words"].split())]
            if row["says"]:
                says[row["says"]] = row["value"]
    return {words: tuple(says.items()) for words, says in found.items()}


def block_size(told: str | None, unit: str | None) -> Decimal | None:
    """How many of what a meter counts have one price: as told (``x_PricingBlockSize``), else as the unit of measure has it (``1K``)."""
    try:
        size = money.parse_amount(told or "")
    except ValueError:
        size = Decimal(0)
    if size >= 1 and size == int(size):
        return size
    found = _BLOCK.fullmatch((unit or "").strip())
    return Decimal(int(found[1]) * _MULTIPLES[found[2].lower()]) or None if found else None


def tokens(
    quantity: str | None,
    priced: str | None,
    block: Decimal | None,
    proofs: Sequence[tuple[str | None, str | None]],
) -> tuple[str, str] | None:
    """(quantity, unit) of a line of a token meter, such as (``5000``, ``1000 Tokens``); null where its count is not certain.

    ``quantity`` is what the file calls consumed, ``priced`` its pricing quantity, each in tokens or in blocks of them: files
    written before Azure mended its pricing quantity count blocks where later ones count tokens, and nothing in them says which.
    What does are ``proofs``, pairs of a price and the cost it made: a price of Azure's is for a block. Where no price is told,
    two equal quantities are blocks, and else the consumed one counts tokens, as documented.
    """
    try:
        consumed, charged = _amount(quantity), _amount(priced)
        pairs = [(_amount(price), _amount(paid)) for price, paid in proofs]
    except ValueError:
        return None  # a quantity or a cost is refused with its line where it is parsed; a price proves nothing
    if quantity is None or consumed is None or block is None:
        return None
    in_blocks, in_tokens = (quantity, f"{int(block)} Tokens"), (quantity, "Tokens")
    if block == 1:
        return in_tokens
    if any(price is not None for price, _ in pairs):
        made = [(price, paid) for price, paid in pairs if price and paid]
        # Amounts are rounded and prices may be before a discount; blocks and tokens are a thousandfold apart.
        if any(_about(_EXACT.multiply(price, consumed), paid) for price, paid in made):
            return in_blocks
        blocks = _EXACT.divide(consumed, block)
        return in_tokens if any(_about(_EXACT.multiply(price, blocks), paid) for price, paid in made) else None
    return in_blocks if charged == consumed else in_tokens


def _about(one: Decimal, other: Decimal) -> bool:
    return one * other > 0 and abs(one) <= 5 * abs(other) and abs(other) <= 5 * abs(one)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else money.parse_amount(text)
