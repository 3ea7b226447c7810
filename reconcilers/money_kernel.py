"""The compiled half of ``money.amounts``: texts of amounts as whole numbers, as far as they are written as nearly every bill writes them.

Any other text (an exponent, a plus sign, blanks, more digits than fit 64 bits) is left to ``money.amount``: that decides, not this.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reconcilers.compiled import compiled

Array = np.ndarray[Any, Any]

_MINUS, _POINT, _ZERO, _NINE = b"-.09"
#: Digits before the point that fit, decimals of ``rounded``, and those behind them, which are the residual's.
_WHOLE, _DECIMALS, _BEYOND = 9, 9, 18
_A_NANO = 10**_BEYOND


@compiled
def read(
    starts: Array, data: Array, shifts: Array, usual: Array, rounded: Array, residual: Array, plain: Array, ends: Array
) -> None:
    """Text ``i`` is ``data[starts[i]:starts[i + 1]]`` and stands for its number times ``10 ** shifts[i]``; of those that are ``usual``.

    One that is left is no longer. Of the others ``rounded`` is in 10⁻⁹ and ``residual`` in 10⁻²⁷; their one spelling goes to ``plain``,
    up to ``ends[i]``: it has two bytes more than a text, and as many as it is shifted.
    """
    at = 0
    for row in range(usual.size):
        if usual[row]:
            begin, end = starts[row], starts[row + 1]
            negative = begin < end and data[begin] == _MINUS
            begin += negative
            point = begin
            while point < end and data[point] != _POINT:
                point += 1
            # Digits before the point, and places in all, as far as there are digits or, shifted beyond them, the point.
            before = point - begin + shifts[row]
            places = max(before, point - begin + max(end - point - 1, 0))
            first = 0
            while first < before and _digit(data, begin, point, end, first) == 0:
                first += 1
            usual[row] = (
                _are_digits(data, begin, point)
                and (point == end or _are_digits(data, point + 1, end))
                and before - first <= _WHOLE
                and places - before <= _DECIMALS + _BEYOND
            )
        if usual[row]:
            nanos, beyond = 0, 0
            for place in range(first, before + _DECIMALS):
                nanos = nanos * 10 + _digit(data, begin, point, end, place)
            for place in range(before + _DECIMALS, before + _DECIMALS + _BEYOND if places > before + _DECIMALS else 0):
                beyond = beyond * 10 + _digit(data, begin, point, end, place)
            while places > before and _digit(data, begin, point, end, places - 1) == 0:
                places -= 1
            negative = negative and (nanos > 0 or beyond > 0)
            if negative:
                plain[at] = _MINUS
                at += 1
            if first == before:
                plain[at] = _ZERO
                at += 1
            for place in range(first, places):
                if place == before:
                    plain[at] = _POINT
                    at += 1
                plain[at] = _ZERO + _digit(data, begin, point, end, place)
                at += 1
            if 2 * beyond >= _A_NANO:  # rounded away from zero
                nanos, beyond = nanos + 1, beyond - _A_NANO
            rounded[row] = -nanos if negative else nanos
            residual[row] = -beyond if negative else beyond
        ends[row] = at


@compiled
def _digit(data: Array, begin: int, point: int, end: int, place: int) -> Any:
    """The digit at a place of a number, the point not counted; 0 behind its last."""
    i = begin + place
    i += i >= point
    return np.int64(data[i]) - _ZERO if i < end else 0


@compiled
def _are_digits(data: Array, begin: int, end: int) -> bool:
    """Whether there is something and it is digits."""
    for i in range(begin, end):
        if data[i] < _ZERO or data[i] > _NINE:
            return False
    return begin < end
