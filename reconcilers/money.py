"""Exact decimals from text. The only place where an amount is parsed or rounded in Python.

An amount is kept three ways: its text, its value rounded once to 10⁻⁹ (half away from zero, as both warehouses store
NUMERIC), and the residual ``text − rounded`` in whole 10⁻²⁷ units, so that exact sums survive in integers. Text counts
to 27 decimals; what is beyond is cut (rule R5).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

#: ``numeric(38, 9)``: 29 digits before the point.
SCALE = Decimal("1e-9")
RESIDUAL_SCALE = Decimal("1e-27")
#: The decimals of both, and how many units of the second one of the first is.
_DECIMALS, RESIDUAL_DECIMALS = 9, 27
_A_NANO = 10 ** (RESIDUAL_DECIMALS - _DECIMALS)
#: What an amount never exceeds in its own currency, and a quantity at its meter's scale: the integers of the SQL carry no more (rule R17).
MOST, MOST_QUANTITY = Decimal(9 * 10**9), Decimal(9 * 10**12)
MAX_INTEGER_DIGITS = 18
MAX_FRACTION_DIGITS = 60

_AMOUNT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
#: An amount as nearly every bill writes it, which is in range and of which nothing is cut: sign, digits, decimals.
_USUAL = re.compile(r"(-?)(\d{1,18})(?:\.(\d{1,27}))?", re.ASCII)
#: Of fewer texts what is compiled takes longer to start than they take one by one.
_WORTH_COMPILING = 5_000
_WIDE = Context(prec=120, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount of money as a source stated it: ``text``, cut at 27 decimals, = ``rounded`` + ``residual`` × 10⁻²⁷; ``plain`` is the
    one spelling that equal amounts share."""

    text: str
    rounded: Decimal
    residual: int
    plain: str


def parse_amount(text: str) -> Decimal:
    """The exact value of a plain decimal text such as ``-12.30`` or ``3e-06``.

    Raises ``ValueError`` for an empty text, NaN, infinity, thousands separators, currency signs, underscores, and for
    magnitudes no bill has (more than 18 integer or 60 fraction digits).
    """
    if isinstance(text, str) and _USUAL.fullmatch(text):
        return Decimal(text)
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text.strip()):
        raise ValueError(f"{text!r:.60} is not a plain decimal amount")
    value = Decimal(text.strip())
    if value and (value.adjusted() >= MAX_INTEGER_DIGITS or value.adjusted() < -MAX_FRACTION_DIGITS):
        raise ValueError(f"{text!r:.60} is outside the range of an amount")
    return value


def round_half_away(value: Decimal, unit: Decimal = SCALE) -> Decimal:
    """``value`` rounded once to a multiple of ``unit``, half away from zero."""
    return value.quantize(unit, ROUND_HALF_UP, _WIDE)


def cut(value: Decimal) -> Decimal:
    """What of an amount counts: its first 27 decimals (rule R5)."""
    return value.quantize(RESIDUAL_SCALE, ROUND_DOWN, _WIDE)


def amount(text: str) -> Amount:
    """Parse, cut at 27 decimals, round once and keep the residual."""
    usual = _USUAL.fullmatch(text)
    if usual is None:
        value = cut(parse_amount(text))
        rounded = round_half_away(value)
        return Amount(text.strip(), rounded, int(_WIDE.scaleb(_WIDE.subtract(value, rounded), 27)), plain(value))
    value, (sign, whole, decimals) = Decimal(text), usual.groups("")
    whole, decimals = whole.lstrip("0") or "0", decimals.rstrip("0")
    spelled = f"{whole}.{decimals}" if decimals else whole
    rounded = round_half_away(value)
    residual = 0
    if beyond := decimals[_DECIMALS:]:
        residual = int(beyond.ljust(RESIDUAL_DECIMALS - _DECIMALS, "0"))
        residual -= _A_NANO if 2 * residual >= _A_NANO else 0  # rounded away from zero
    return Amount(text, rounded, -residual if sign else residual, spelled if spelled == "0" else sign + spelled)


def charged(text: str) -> Amount:
    """The same of an amount that is charged or earned. Raises ``ValueError`` for one beyond ``MOST``, too."""
    found = amount(text)
    if abs(found.rounded) > MOST:
        raise ValueError(f"{text!r:.60} is beyond {MOST:f}, the most that is carried exactly")
    return found


@dataclass(frozen=True, slots=True)
class Amounts:
    """A column of amounts, null where none is told: Arrow arrays of what ``Amount`` has of one, ``text`` and ``plain`` as ``string``,
    ``rounded`` as ``decimal128(38, 9)``, ``residual`` as ``int64``."""

    text: pa.Array
    rounded: pa.Array
    residual: pa.Array
    plain: pa.Array


def is_worth_compiling(count: int) -> bool:
    """Whether a column of so many texts is read sooner by what is compiled for it, which takes half a second to start in every process."""
    return count >= _WORTH_COMPILING or "reconcilers.compiled" in sys.modules


def amounts(texts: pa.Array, read: Callable[[str], Amount] = charged, shifts: np.ndarray | None = None) -> Amounts:
    """The same of a column of texts, ``read`` being what one of them is: ``charged`` or ``amount``. A text stands for its number times
    ten to the power of its place in ``shifts``.

    Raises ``ValueError`` as ``read`` does.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    count = len(texts)
    shifts = np.zeros(count, np.int64) if shifts is None else shifts
    usual = texts.is_valid().to_numpy(zero_copy_only=False) & is_worth_compiling(count)
    rounded, residual = np.zeros((count, 2), np.int64), np.zeros(count, np.int64)
    _, starts, data = texts.buffers()
    room = (data.size if data else 0) + 2 * count + int(shifts.sum())
    ends, plain = np.zeros(count + 1, np.int32), np.zeros(room, np.uint8)
    if usual.any():
        from reconcilers import money_kernel

        first = np.frombuffer(starts, np.int32)[texts.offset :]
        money_kernel.read(first, np.frombuffer(data, np.uint8), shifts, usual, rounded[:, 0], residual, plain, ends[1:])
        rounded[:, 1] = rounded[:, 0] >> 63  # a decimal has 128 bits
    is_told, nothing = pa.array(usual).buffers()[1], count - int(usual.sum())
    decimals = pa.decimal128(38, _DECIMALS)
    found = Amounts(
        texts,
        pa.Array.from_buffers(decimals, count, [is_told, pa.py_buffer(rounded)], nothing),
        pa.Array.from_buffers(pa.int64(), count, [is_told, pa.py_buffer(residual)], nothing),
        pa.Array.from_buffers(
            pa.string(), count, [is_told, pa.py_buffer(ends), pa.py_buffer(plain[: ends[-1]])], nothing
        ),
    )
    others = texts.is_valid().to_numpy(zero_copy_only=False) & ~usual
    if not others.any():
        return found
    told = zip(texts.filter(pa.array(others)).to_pylist(), shifts[others].tolist(), strict=True)
    read_alone = [read(f"{_WIDE.scaleb(parse_amount(text), shift):f}" if shift else text) for text, shift in told]

    def with_others(name: str) -> pa.Array:
        column = getattr(found, name)
        return pc.replace_with_mask(column, others, pa.array([getattr(one, name) for one in read_alone], column.type))

    return Amounts(*map(with_others, ("text", "rounded", "residual", "plain")))


def of_minor(text: str, digits: int) -> str:
    """An amount written in a currency's minor unit as one in the currency, digit for digit: ``318.0425`` cents are ``3.180425``.

    ``digits`` is how many the minor unit stands for: 2 of USD (ISO 4217). Raises ``ValueError`` as ``parse_amount`` does.
    """
    return f"{_WIDE.scaleb(parse_amount(text), -digits):f}"


def product(quantity: str, price: str) -> str:
    """What a quantity costs at the price of one, exactly. Raises ``ValueError`` as ``parse_amount`` does."""
    return f"{_WIDE.multiply(parse_amount(quantity), parse_amount(price)):f}"


def sum_exactly(so_far: Decimal, amount: Decimal | str) -> Decimal:
    """A running sum with one amount more. Raises ``ValueError`` as ``parse_amount`` does of a text."""
    return _WIDE.add(so_far, parse_amount(amount) if isinstance(amount, str) else amount)


def exact(rounded: Decimal, residual: int | Decimal) -> Decimal:
    """The amount that ``rounded`` and its residual in 10⁻²⁷ units stand for, or a sum of such."""
    return _WIDE.add(rounded, _WIDE.scaleb(Decimal(residual), -27))


def plain(value: Decimal) -> str:
    """What counts of an amount in the one spelling that equal amounts share: no exponent, no needless zero, no ``-0``."""
    text = f"{cut(value):f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def nanos_of(value: Decimal) -> int:
    """An amount of at most nine decimals as whole nanos. Raises ``ValueError`` for a finer one."""
    nanos = _WIDE.scaleb(value, 9)
    if nanos != int(nanos):
        raise ValueError(f"{value} has more than nine decimals")
    return int(nanos)


def carve(amount_nanos: int, whole: int, weights: Sequence[int]) -> list[int]:
    """Shares of an amount by weight, in the order given, exact to the last nano (rule R17).

    ``whole`` is what the weights would fill; weights that fill it receive the whole amount.
    """
    size, sign = abs(amount_nanos), -1 if amount_nanos < 0 else 1
    unit_price = -(-size * 10**12 // whole)
    shares, low = [], 0
    for weight in weights:
        high = low + weight
        shares.append(
            sign * (min(size, unit_price * high // 10**12) - min(size, unit_price * low // 10**12)),
        )
        low = high
    return shares


def split(text: str, weights: Sequence[int]) -> list[str]:
    """Shares of an amount by weight, in the order given, that sum exactly to what of it counts (rule R17).

    Each is whole nanos; what is finer goes to the last that weighs anything. Raises ``ValueError`` as ``parse_amount`` does, and
    where no weight is positive or one is negative.
    """
    if min(weights) < 0 or not any(weights):
        raise ValueError("weights that share nothing out")
    value = parse_amount(text)
    shares = [_WIDE.scaleb(Decimal(nanos), -9) for nanos in carve(int(_WIDE.scaleb(value, 9)), sum(weights), weights)]
    last = max(place for place, weight in enumerate(weights) if weight)
    shares[last] = _WIDE.add(shares[last], reduce(_WIDE.subtract, shares, value))
    return [plain(share) for share in shares]


def is_currency(code: str) -> bool:
    """Whether a code is one of ISO 4217, past ones too."""
    from babel.core import get_global

    return code in get_global("all_currencies")


#: Currencies whose least unit is not a hundredth (ISO 4217) → its decimals.
_LEAST_UNITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def decimals_of(currency: str) -> int:
    """How many decimals an amount of a currency has on paper (ISO 4217): 2 of USD, 0 of JPY. dbt's ``least_unit`` says the same."""
    return _LEAST_UNITS.get(currency, 2)
