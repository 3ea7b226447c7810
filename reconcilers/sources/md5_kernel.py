"""The compiled half of ``line_hashes``: MD5 of many lines side by side, each joined of the texts its columns tell.

A processor that reckons with many numbers at once hashes as many lines in the time of a few; ``hashlib`` takes one after another, and
wants each joined before. MD5 is as RFC 1321 writes it down, step by step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reconcilers.compiled import compiled

Array = np.ndarray[Any, Any]

#: Lines that are hashed side by side, and the bytes that MD5 takes of each at a time: 16 words, the last two of all for the length.
_LANES, _BLOCK, _WORDS, _LENGTH = 16, 64, 16, 8
_COMMA, _BLANK = b", "
_U = np.uint32


@compiled
def md5(
    before: Array, data: Array, starts: Array, ends: Array, codes: Array, after: Array, trimmed: Array, found: Array
) -> None:
    """``found[i]`` becomes the 16 bytes of line ``i``: ``before``, then the texts ``codes[:, i]`` with ", " between them, without the
    bytes that end them and are ``trimmed``, then the text ``after[i]``. Text ``k`` is ``data[starts[k]:ends[k]]``.
    """
    columns, rows = codes.shape
    taken = np.zeros((_LANES, 16 * _BLOCK), np.uint8)
    taken_words = taken.view(np.uint32)
    sizes, words = np.zeros(_LANES, np.int64), np.zeros((_WORDS, _LANES), np.uint32)
    state, goes_on = np.zeros((4, _LANES), np.uint32), np.zeros(_LANES, np.uint32)
    for first in range(0, rows, _LANES):
        lanes = min(_LANES, rows - first)
        most = 0
        for lane in range(lanes):
            row = first + lane
            size = before.size + 2 * columns + ends[after[row]] - starts[after[row]]
            for column in range(columns):
                size += ends[codes[column, row]] - starts[codes[column, row]]
            most = max(most, size)
        if most + _LENGTH + _BLOCK > taken.shape[1]:
            taken = np.zeros((_LANES, (most // _BLOCK + 4) * _BLOCK), np.uint8)
            taken_words = taken.view(np.uint32)
        sizes[:] = 0
        for lane in range(lanes):
            row, line = first + lane, taken[lane]
            at = _write(line, 0, before, 0, before.size)
            for column in range(columns):
                if column:
                    line[at], line[at + 1] = _COMMA, _BLANK
                    at += 2
                code = codes[column, row]
                at = _write(line, at, data, starts[code], ends[code])
            while at > before.size and trimmed[line[at - 1]]:
                at -= 1
            at = _write(line, at, data, starts[after[row]], ends[after[row]])
            # A bit, nothings up to a whole block, and how many bits it was before.
            sizes[lane] = (at + 1 + _LENGTH + _BLOCK - 1) // _BLOCK
            line[at], line[at + 1 : sizes[lane] * _BLOCK] = 0x80, 0
            for place in range(_LENGTH):
                line[sizes[lane] * _BLOCK - _LENGTH + place] = (8 * at) >> (8 * place) & 0xFF
        state[0], state[1], state[2], state[3] = _U(0x67452301), _U(0xEFCDAB89), _U(0x98BADCFE), _U(0x10325476)
        for block in range(sizes.max()):
            for lane in range(lanes):
                goes_on[lane] = block < sizes[lane]
                for word in range(_WORDS):
                    words[word, lane] = taken_words[lane, block * _WORDS + word]
            _take(words, goes_on, state[0], state[1], state[2], state[3])
        for lane in range(lanes):
            for place in range(16):
                found[first + lane, place] = state[place // 4, lane] >> _U(8 * (place % 4))


@compiled
def _write(line: Array, at: int, data: Array, start: int, end: int) -> int:
    """Puts a text into a line. Returns where it ends."""
    # A place without a sign is never counted from an array's end, which would be asked of every byte.
    to, source = np.uint64(at), np.uint64(start)
    for place in range(np.uint64(end - start)):
        line[to + place] = data[source + place]
    return at + end - start


@compiled
def _turned(number: Any, left: int) -> Any:
    return _U(_U(number << _U(left)) | _U(number >> _U(32 - left)))


@compiled
def _f(a: Any, b: Any, c: Any, d: Any, word: Any, left: int, sine: int) -> Any:
    return _U(b + _turned(_U(a + (d ^ (b & (c ^ d))) + _U(word + _U(sine))), left))


@compiled
def _g(a: Any, b: Any, c: Any, d: Any, word: Any, left: int, sine: int) -> Any:
    return _U(b + _turned(_U(a + (c ^ (d & (b ^ c))) + _U(word + _U(sine))), left))


@compiled
def _h(a: Any, b: Any, c: Any, d: Any, word: Any, left: int, sine: int) -> Any:
    return _U(b + _turned(_U(a + (b ^ c ^ d) + _U(word + _U(sine))), left))


@compiled
def _i(a: Any, b: Any, c: Any, d: Any, word: Any, left: int, sine: int) -> Any:
    return _U(b + _turned(_U(a + (c ^ (b | _U(~d))) + _U(word + _U(sine))), left))


@compiled
def _take(words: Array, goes_on: Array, first: Array, second: Array, third: Array, fourth: Array) -> None:
    """Takes a block of every lane into its state; of one that does not go on, nothing. One loop without a choice in it: such a one
    the compiler makes of all lanes at once."""
    for lane in range(_LANES):
        a, b, c, d = first[lane], second[lane], third[lane], fourth[lane]
        a = _f(a, b, c, d, words[0, lane], 7, 0xD76AA478)
        d = _f(d, a, b, c, words[1, lane], 12, 0xE8C7B756)
        c = _f(c, d, a, b, words[2, lane], 17, 0x242070DB)
        b = _f(b, c, d, a, words[3, lane], 22, 0xC1BDCEEE)
        a = _f(a, b, c, d, words[4, lane], 7, 0xF57C0FAF)
        d = _f(d, a, b, c, words[5, lane], 12, 0x4787C62A)
        c = _f(c, d, a, b, words[6, lane], 17, 0xA8304613)
        b = _f(b, c, d, a, words[7, lane], 22, 0xFD469501)
        a = _f(a, b, c, d, words[8, lane], 7, 0x698098D8)
        d = _f(d, a, b, c, words[9, lane], 12, 0x8B44F7AF)
        c = _f(c, d, a, b, words[10, lane], 17, 0xFFFF5BB1)
        b = _f(b, c, d, a, words[11, lane], 22, 0x895CD7BE)
        a = _f(a, b, c, d, words[12, lane], 7, 0x6B901122)
        d = _f(d, a, b, c, words[13, lane], 12, 0xFD987193)
        c = _f(c, d, a, b, words[14, lane], 17, 0xA679438E)
        b = _f(b, c, d, a, words[15, lane], 22, 0x49B40821)
        a = _g(a, b, c, d, words[1, lane], 5, 0xF61E2562)
        d = _g(d, a, b, c, words[6, lane], 9, 0xC040B340)
        c = _g(c, d, a, b, words[11, lane], 14, 0x265E5A51)
        b = _g(b, c, d, a, words[0, lane], 20, 0xE9B6C7AA)
        a = _g(a, b, c, d, words[5, lane], 5, 0xD62F105D)
        d = _g(d, a, b, c, words[10, lane], 9, 0x02441453)
        c = _g(c, d, a, b, words[15, lane], 14, 0xD8A1E681)
        b = _g(b, c, d, a, words[4, lane], 20, 0xE7D3FBC8)
        a = _g(a, b, c, d, words[9, lane], 5, 0x21E1CDE6)
        d = _g(d, a, b, c, words[14, lane], 9, 0xC33707D6)
        c = _g(c, d, a, b, words[3, lane], 14, 0xF4D50D87)
        b = _g(b, c, d, a, words[8, lane], 20, 0x455A14ED)
        a = _g(a, b, c, d, words[13, lane], 5, 0xA9E3E905)
        d = _g(d, a, b, c, words[2, lane], 9, 0xFCEFA3F8)
        c = _g(c, d, a, b, words[7, lane], 14, 0x676F02D9)
        b = _g(b, c, d, a, words[12, lane], 20, 0x8D2A4C8A)
        a = _h(a, b, c, d, words[5, lane], 4, 0xFFFA3942)
        d = _h(d, a, b, c, words[8, lane], 11, 0x8771F681)
        c = _h(c, d, a, b, words[11, lane], 16, 0x6D9D6122)
        b = _h(b, c, d, a, words[14, lane], 23, 0xFDE5380C)
        a = _h(a, b, c, d, words[1, lane], 4, 0xA4BEEA44)
        d = _h(d, a, b, c, words[4, lane], 11, 0x4BDECFA9)
        c = _h(c, d, a, b, words[7, lane], 16, 0xF6BB4B60)
        b = _h(b, c, d, a, words[10, lane], 23, 0xBEBFBC70)
        a = _h(a, b, c, d, words[13, lane], 4, 0x289B7EC6)
        d = _h(d, a, b, c, words[0, lane], 11, 0xEAA127FA)
        c = _h(c, d, a, b, words[3, lane], 16, 0xD4EF3085)
        b = _h(b, c, d, a, words[6, lane], 23, 0x04881D05)
        a = _h(a, b, c, d, words[9, lane], 4, 0xD9D4D039)
        d = _h(d, a, b, c, words[12, lane], 11, 0xE6DB99E5)
        c = _h(c, d, a, b, words[15, lane], 16, 0x1FA27CF8)
        b = _h(b, c, d, a, words[2, lane], 23, 0xC4AC5665)
        a = _i(a, b, c, d, words[0, lane], 6, 0xF4292244)
        d = _i(d, a, b, c, words[7, lane], 10, 0x432AFF97)
        c = _i(c, d, a, b, words[14, lane], 15, 0xAB9423A7)
        b = _i(b, c, d, a, words[5, lane], 21, 0xFC93A039)
        a = _i(a, b, c, d, words[12, lane], 6, 0x655B59C3)
        d = _i(d, a, b, c, words[3, lane], 10, 0x8F0CCC92)
        c = _i(c, d, a, b, words[10, lane], 15, 0xFFEFF47D)
        b = _i(b, c, d, a, words[1, lane], 21, 0x85845DD1)
        a = _i(a, b, c, d, words[8, lane], 6, 0x6FA87E4F)
        d = _i(d, a, b, c, words[15, lane], 10, 0xFE2CE6E0)
        c = _i(c, d, a, b, words[6, lane], 15, 0xA3014314)
        b = _i(b, c, d, a, words[13, lane], 21, 0x4E0811A1)
        a = _i(a, b, c, d, words[4, lane], 6, 0xF7537E82)
        d = _i(d, a, b, c, words[11, lane], 10, 0xBD3AF235)
        c = _i(c, d, a, b, words[2, lane], 15, 0x2AD7D2BB)
        b = _i(b, c, d, a, words[9, lane], 21, 0xEB86D391)
        first[lane] += _U(a * goes_on[lane])
        second[lane] += _U(b * goes_on[lane])
        third[lane] += _U(c * goes_on[lane])
        fourth[lane] += _U(d * goes_on[lane])
