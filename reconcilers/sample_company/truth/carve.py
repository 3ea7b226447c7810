"""Exact integer arithmetic of the accounting: rounding, units and ``carve`` (R3, R10, R17).

Money is whole nanos (10⁻⁹ of the reporting currency), weights made of money are whole micro-units (10⁻⁶), quantities
are whole units of the meter's fixed scale. Nothing here knows what a bill or a call is.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

NANOS = 10**9
NANOS_PER_MICRO = 1000
#: R17: the fixed-point scale of a carve's unit price.
CARVE_SCALE = 10**12
#: R17: INT64 suffices while the divisor and the amount stay within these.
MAX_DIVISOR = 9 * 10**12
MAX_AMOUNT = 9 * 10**9 * NANOS


def half_away(value: Fraction | Decimal | int) -> int:
    """``value`` rounded to a whole number, half away from zero."""
    exact = Fraction(value)
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return -whole if exact < 0 else whole


def to_nanos(amount: Decimal | Fraction) -> int:
    """An amount of money as whole nanos, rounded once (R3)."""
    return half_away(Fraction(amount) * NANOS)


def to_money(nanos: int) -> Decimal:
    """Whole nanos as an amount of money."""
    return Decimal(nanos).scaleb(-9)


def micros(nanos: int) -> int:
    """``max(0, amount)`` in whole micro-units, rounded down: the weight an amount of money has (R6, R10, R15)."""
    return max(0, nanos) // NANOS_PER_MICRO


def cumulative(amount: int, divisor: int, upto: int) -> int:
    """C(u) of R17: what a running total of weight ``upto`` out of ``divisor`` has received of ``amount``, signed."""
    assert 0 < divisor <= MAX_DIVISOR, f"R17: divisor {divisor} is outside 1 .. {MAX_DIVISOR}"
    assert abs(amount) <= MAX_AMOUNT, f"R17: amount {amount} is beyond {MAX_AMOUNT}"
    assert 0 <= upto <= divisor, f"R17: running total {upto} is outside 0 .. {divisor}"
    size = abs(amount)
    unit = -(-size * CARVE_SCALE // divisor)
    share = min(size, unit * upto // CARVE_SCALE)
    return -share if amount < 0 else share


def carve(amount: int, divisor: int, weights: Sequence[int]) -> list[int]:
    """R17: the share of ``amount`` each weight receives, in the order given. Weights that fill ``divisor`` sum to ``amount``."""
    shares, done, paid = [], 0, 0
    for weight in weights:
        assert weight >= 0, f"R17: weight {weight} is negative"
        done += weight
        reached = cumulative(amount, divisor, done)
        shares.append(reached - paid)
        paid = reached
    return shares
