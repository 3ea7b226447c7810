"""Units of measure as bills write them, and what of a meter's own unit each is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

#: No quantity times a size has more digits.
_EXACT = Context(prec=120)
#: What calls are counted in, whichever meter they are a call of.
_CALLS = ("requests", "searches")
#: The size of a byte's multiples: GB is 10⁹ bytes, GiB 2³⁰.
_BYTES = {
    "byte": Decimal(1),
    **{f"{p}b": Decimal(10) ** (3 * n) for n, p in enumerate("kmgtp", 1)},
    **{f"{p}ib": Decimal(1024) ** n for n, p in enumerate("kmgtp", 1)},
    **{f"{p}byte": Decimal(10) ** (3 * n) for n, p in enumerate(("kilo", "mega", "giga", "tera", "peta"), 1)},
    **{f"{p}byte": Decimal(1024) ** n for n, p in enumerate(("kibi", "mebi", "gibi", "tebi", "pebi"), 1)},
}
#: Name of a unit, one of it → (meters' own units it can be counted in, how many of that).
_UNIT_NAMES: dict[str, tuple[tuple[str, ...], Decimal]] = {
    "token": (("tokens",), Decimal(1)),
    "tok": (("tokens",), Decimal(1)),
    "ktok": (("tokens",), Decimal(1_000)),
    "mtok": (("tokens",), Decimal(1_000_000)),
    "ktoken": (("tokens",), Decimal(1_000)),
    "mtoken": (("tokens",), Decimal(1_000_000)),
    "request": (_CALLS, Decimal(1)),
    "call": (_CALLS, Decimal(1)),
    "api call": (_CALLS, Decimal(1)),
    "api request": (_CALLS, Decimal(1)),
    "transaction": (_CALLS, Decimal(1)),
    "query": (_CALLS, Decimal(1)),
    "search": (("searches",), Decimal(1)),
    "second": (("seconds",), Decimal(1)),
    "sec": (("seconds",), Decimal(1)),
    "minute": (("seconds",), Decimal(60)),
    "min": (("seconds",), Decimal(60)),
    "hour": (("seconds",), Decimal(3600)),
    "hr": (("seconds",), Decimal(3600)),
    "image": (("images",), Decimal(1)),
    "character": (("characters",), Decimal(1)),
    "read unit": (("read_units",), Decimal(1)),
    "write unit": (("write_units",), Decimal(1)),
    **{name: (("bytes",), size) for name, size in _BYTES.items()},
    # The meter counts gibibyte hours.
    **{f"{name} hour": (("gb_hours",), size / Decimal(1024) ** 3) for name, size in _BYTES.items() if name != "byte"},
}
_MULTIPLES = {
    "k": 1_000,
    "thousand": 1_000,
    "m": 1_000_000,
    "million": 1_000_000,
    "b": 1_000_000_000,
    "billion": 1_000_000_000,
}
#: What a unit may say of the tokens it counts; which they are the meter tells.
_OF_TOKENS = frozenset({"input", "output", "cached", "text", "audio", "image"})
#: Bits, which differ from bytes by their case alone.
_BITS = re.compile(r"(?<![A-Za-z])[KMGTP]i?b\b")


@dataclass(frozen=True)
class Unit:
    """A unit of measure: ``size`` of what it ``measures``, e.g. ``1000 Tokens`` = (tokens, 1000).

    Calls are ones of any meter that counts calls, so a unit may measure several.
    """

    measures: tuple[str, ...]
    size: Decimal

    def count(self, quantity: Decimal) -> Decimal:
        """How many ones of what it measures that many of it are, exactly."""
        return _EXACT.multiply(quantity, self.size)


@lru_cache(maxsize=4096)
def unit(text: str) -> Unit | None:
    """What a unit's text means; null for one that no meter counts in (``LCU-Hours``) or that tells nothing (``Units``).

    Accepts FOCUS spelling (``1000 Tokens``, ``GB-Hours``) and what providers write: ``1K tokens``, ``1 Million Tokens``,
    ``Millions of tokens``, ``1M input tokens``, ``1000_tokens``, ``duration_minutes``, ``Requests``, ``Hrs``, ``GiB``.
    """
    plain = re.sub("[_-]", " ", text.strip().lower()).removeprefix("duration ")
    found = re.fullmatch(r"(\d[\d,]*(?:\.0+)?)?\s*(.+)", plain, re.ASCII)
    if not found or _BITS.search(text):
        return None
    count = int(Decimal((found[1] or "1").replace(",", "")))
    words = [_singular(word) for word in found[2].split()]
    if words and words[0] in _MULTIPLES:
        count *= _MULTIPLES[words.pop(0)]
        words = words[1:] if words[:1] == ["of"] else words
    while len(words) > 1 and words[-1] == "token" and words[0] in _OF_TOKENS:
        words.pop(0)
    known = _UNIT_NAMES.get(" ".join(words))
    return Unit(known[0], known[1] * count) if known and count else None


def _singular(word: str) -> str:
    """``queries`` → ``query``, ``searches`` → ``search``, ``tokens`` → ``token``."""
    for many, one in (("ies", "y"), ("ches", "ch"), ("s", "")):
        if word.endswith(many):
            return word.removesuffix(many) + one
    return word
