"""The compiled half of ``scan.py``: where everything stands in lines of OTLP/JSON, and nothing of what it means.

A line that is written as Collectors write it, without blanks, is walked once. Every object of it that the grammar knows is a row
of ``records``, every attribute a row of ``tape``; both hold positions in the bytes, and names by their numbers. A line with
anything else in it (an unknown member, a member told twice, a map, a text longer than a name where a name stands, a control
character, half a surrogate pair, a number that is none) is left to the general reader: that decides, not this.

Imported by ``scan.py`` inside functions only: numba takes a moment to import and, the first time on a machine, some seconds to
compile. Arrays are int32 but for bytes; positions count from the block's first byte. No walk leaves its line: it ends at a line break, or
before zeros, and neither is part of anything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from reconcilers.compiled import F, compiled
from reconcilers.sources.telemetry.spans.files import PADDING

Array = np.ndarray[Any, Any]

#: What is looked at at once, beyond the end of a text, too.
_AT_ONCE = 32

# The grammar ---------------------------------------------------------------------------------------------------------

#: Parts of a message.
MESSAGE, RESOURCE_SPANS, RESOURCE, SCOPE_SPANS, SCOPE, SPAN, EVENT, LINK, STATUS = range(9)
#: What a member holds: nothing known, a short text or whole number, one that is always empty, attributes, one part, a list of parts.
_UNKNOWN, _SHORT, _EMPTY, _ATTRIBUTES, _PART, _PARTS = range(6)

#: Part → member → where its text stands in a record, None where nobody reads it.
_SHORTS: dict[int, dict[str, int | None]] = {
    RESOURCE_SPANS: {"schemaUrl": None},
    RESOURCE: {"droppedAttributesCount": None},
    SCOPE_SPANS: {"schemaUrl": None},
    SCOPE: {"name": 0, "version": 1, "droppedAttributesCount": None},
    SPAN: {
        **{"traceId": 0, "spanId": 1, "parentSpanId": 2, "name": 3, "traceState": 4},
        **{"startTimeUnixNano": 5, "endTimeUnixNano": 6, "droppedAttributesCount": 7},
        **{"kind": None, "flags": None},
        **{"droppedEventsCount": None, "droppedLinksCount": None},
    },
    EVENT: {"name": 0, "timeUnixNano": None, "droppedAttributesCount": None},
    LINK: {"traceId": None, "spanId": None, "traceState": None, "flags": None, "droppedAttributesCount": None},
    STATUS: {"code": 0},
}
#: Part → member → the part it holds, whether it is a list of them, whether it must be there.
_HELD = {
    MESSAGE: {"resourceSpans": (RESOURCE_SPANS, True, True)},
    RESOURCE_SPANS: {"resource": (RESOURCE, False, False), "scopeSpans": (SCOPE_SPANS, True, True)},
    SCOPE_SPANS: {"scope": (SCOPE, False, False), "spans": (SPAN, True, True)},
    SPAN: {"events": (EVENT, True, False), "links": (LINK, True, False), "status": (STATUS, False, False)},
}
_WITH_ATTRIBUTES = (RESOURCE, SCOPE, SPAN, EVENT, LINK)
#: Names of members, whose numbers are their places here.
MEMBERS = tuple(
    dict.fromkeys(
        [name for part in range(9) for name in (*_SHORTS.get(part, ()), *_HELD.get(part, ()))]
        + ["message", "attributes"]
    )
)
_TRACE_STATE, _NAME = MEMBERS.index("traceState"), MEMBERS.index("name")


def _grammar() -> tuple[Array, Array, Array]:
    """Part × member → what it holds; where its text stands, or the part it holds; and of each part the members it needs, as bits."""
    kind, place = np.zeros((9, len(MEMBERS)), np.int32), np.full((9, len(MEMBERS)), -1, np.int32)
    needed = np.zeros(9, np.int64)
    for part, texts in _SHORTS.items():
        for member, column in texts.items():
            kind[part, MEMBERS.index(member)] = _SHORT
            place[part, MEMBERS.index(member)] = -1 if column is None else column
    for part, parts in _HELD.items():
        for member, (held, is_list, is_needed) in parts.items():
            kind[part, MEMBERS.index(member)] = _PARTS if is_list else _PART
            place[part, MEMBERS.index(member)] = held
            needed[part] |= is_needed << MEMBERS.index(member)
    kind[list(_WITH_ATTRIBUTES), MEMBERS.index("attributes")] = _ATTRIBUTES
    kind[STATUS, MEMBERS.index("message")] = _EMPTY
    return kind, place, needed


_KIND, _PLACE, _NEEDED = _grammar()

# What is written -----------------------------------------------------------------------------------------------------

#: Columns of ``records``: a part's kind, the record that holds it, its line, the number of an event's name, and eight texts of
#: two columns each, position (-1 for none) and length.
PART, PARENT, LINE, NAME_NUMBER, TEXTS = range(5)
RECORD_WIDTH = TEXTS + 2 * 8
#: Columns of ``tape``: whose attribute, the number of its name, its value's kind, position and length, where it begins and ends,
#: and whether it is text that goes, which ``judge`` says.
OWNER, NAME, KIND, AT, LENGTH, BEGIN, END, GOES = range(8)
TAPE_WIDTH = 8
#: Kinds of value. A list is the kind of what its texts together may be; ``ESCAPED`` is a text with a backslash.
NOTHING, TEXT, QUOTED, WHOLE, FRACTION, TRUTH, ESCAPED, LIST, LIST_OF_NAMES, LIST_OF_WORDS, LIST_ESCAPED = range(11)
#: Columns of ``lines``: where its message ends (-1 where another reader must look), its first and the end of its records and tape,
#: and how many attributes go.
MESSAGE_END, FIRST_RECORD, END_RECORD, FIRST_ATTRIBUTE, END_ATTRIBUTE, REMOVED = range(6)
LINE_WIDTH = 6
#: What an attribute's name says of its value, as ``texts.Holds``.
READ, NAMED, WORD, NUMBER, PARTS, PROSE = range(6)
#: Columns of ``counts``: records, tape and names so far, bytes of names, the name before.
_RECORDS, _TAPE, NAMES, _NAME_BYTES, _BEFORE = range(5)
COUNTS = 5

#: Room for names, and for their texts; twice as many slots.
MOST_NAMES, BYTES_OF_NAMES = 1 << 17, 8 << 20
SLOTS = 2 * MOST_NAMES
#: In characters; ``texts.LONGEST``.
_LONGEST, _LONGEST_TRACE_STATE, _MOST_VALUES = 128, 512, 32
#: A character is written in no more bytes.
_MOST_BYTES = 6 * _LONGEST
#: Names that share a place; more are made to.
_MOST_TRIES = 64


def _table(characters: str) -> Array:
    table = np.zeros(256, np.uint8)
    table[np.frombuffer(characters.encode(), np.uint8)] = 1
    return table


#: ``texts.ONE_WORD``.
_WORD = _table("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/@+=,;~%#&|*$^!-")
_HEX = _table("0123456789abcdefABCDEF")
_BLANK = _table(" \t\n\r\x0b\x0c")
#: What stands around keys and values.
_KEY, _VALUE, _TEXT_VALUE, _STRING, _INT, _DOUBLE, _BOOL, _ARRAY, _VALUES, _TRUE, _FALSE = range(11)
_SPELLED = (
    *(b'{"key":"', b',"value":{', b',"value":{"stringValue":"', b'"stringValue":"', b'"intValue":', b'"doubleValue":'),
    *(b'"boolValue":', b'"arrayValue":', b'{"values":[', b"true", b"false"),
)
_SPELLINGS = np.frombuffer(b"".join(text.ljust(_AT_ONCE, b"\0") for text in _SPELLED), np.uint8)
_SIZES = np.array([len(text) for text in _SPELLED], np.int64)


def within(function: F) -> F:
    """The same of a function that is small and called for every value: it becomes part of those that call it."""
    return compiled(function, forceinline=True)


# Memory --------------------------------------------------------------------------------------------------------------

# What is called for every value takes places in memory instead of arrays, for to count who holds an array would take longer than
# the work. From a place on thirty-two bytes are looked at with one instruction each, whatever the processor.

_BYTES = ir.VectorType(ir.IntType(8), _AT_ONCE)


def built(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose machine code is made by hand: what is decorated returns its types, and what makes it."""
    return cast("Callable[..., Any]", intrinsic(function))


@built
def _start(_: Any, array: Any) -> Any:
    """Where an array's values begin, which is indexed as a list of them is, row by row."""

    def code(context: Any, builder: Any, signature: Any, told: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, told[0]).data

    return types.CPointer(array.dtype)(array), code


def _loaded(builder: Any, start: Any, position: Any) -> Any:
    return builder.load(builder.bitcast(builder.gep(start, [position]), _BYTES.as_pointer()), align=1)


def _first(builder: Any, found: Any) -> Any:
    """The place of the first of ``found``, how many places there are for none."""
    bits = builder.bitcast(found, ir.IntType(_AT_ONCE))
    return builder.zext(builder.cttz(bits, ir.Constant(ir.IntType(1), 0)), ir.IntType(64))


@built
def _plain(_: Any, b: Any, i: Any) -> Any:
    """How many of the bytes from ``i`` on mean themselves inside a string, up to the first that does not: a quote, a backslash,
    a control character."""

    def code(_: Any, builder: Any, __: Any, told: Any) -> Any:
        found = _loaded(builder, *told)
        marks = [
            builder.icmp_unsigned(sign, found, ir.Constant(_BYTES, [number] * _AT_ONCE))
            for sign, number in (("==", 34), ("==", 92), ("<", 32))
        ]
        return _first(builder, reduce(builder.or_, marks))

    return types.int64(b, types.int64), code


@built
def _unbroken(_: Any, b: Any, i: Any) -> Any:
    """How many of the bytes from ``i`` on are no line break, up to the first that is."""

    def code(_: Any, builder: Any, __: Any, told: Any) -> Any:
        breaks = ir.Constant(_BYTES, [10] * _AT_ONCE)
        return _first(builder, builder.icmp_unsigned("==", _loaded(builder, *told), breaks))

    return types.int64(b, types.int64), code


@built
def _alike(_: Any, a: Any, i: Any, b: Any, j: Any) -> Any:
    """How many of the bytes of ``a`` from ``i`` on are those of ``b`` from ``j`` on, up to the first that is not."""

    def code(_: Any, builder: Any, __: Any, told: Any) -> Any:
        one, other = _loaded(builder, *told[:2]), _loaded(builder, *told[2:])
        return _first(builder, builder.icmp_unsigned("!=", one, other))

    return types.int64(a, types.int64, b, types.int64), code


@built
def _copy(_: Any, a: Any, i: Any, b: Any, j: Any) -> Any:
    """Write the bytes of ``a`` from ``i`` on to ``b`` from ``j`` on."""

    def code(context: Any, builder: Any, _: Any, told: Any) -> Any:
        to = builder.bitcast(builder.gep(told[2], [told[3]]), _BYTES.as_pointer())
        builder.store(_loaded(builder, *told[:2]), to, align=1)
        return context.get_dummy_value()

    return types.void(a, types.int64, b, types.int64), code


class NameTable(NamedTuple):
    """Names, which ``scan.Names`` makes: where each ends in ``texts``, in which of ``slots`` it is found, which name came ``after``
    it the last time; and ``counts``."""

    ends: Array
    texts: Array
    slots: Array
    after: Array
    counts: Array


@compiled
def line_ends(content: Array, size: int) -> Array:
    """The same as that of ``files.py``."""
    b, found, lines, i = _start(content), np.empty(size, np.int64), 0, 0
    while i < size:
        plain = _unbroken(b, i)
        if plain == _AT_ONCE:
            i += _AT_ONCE
            continue
        i += plain + 1
        if i <= size:
            found[lines] = i
            lines += 1
    return found[:lines].copy()


# Walking a line ------------------------------------------------------------------------------------------------------


@within
def _is(b: Array, i: int, texts: Array, at: int, size: int) -> bool:
    """Whether ``size`` bytes from ``i`` on are those of ``texts`` from ``at`` on."""
    while size > _AT_ONCE:
        if _alike(b, i, texts, at) < _AT_ONCE:
            return False
        i, at, size = i + _AT_ONCE, at + _AT_ONCE, size - _AT_ONCE
    return bool(_alike(b, i, texts, at) >= size)


@within
def _says(b: Array, i: int, spelled: int) -> bool:
    """Whether what is ``spelled`` so stands at ``i``."""
    return bool(_alike(b, i, _start(_SPELLINGS), spelled * _AT_ONCE) >= _SIZES[spelled])


@within
def _string(b: Array, i: int) -> tuple[int, bool]:
    """Where the string ends whose first byte is at ``i``, -1 where it is none, and whether it has a backslash."""
    escaped = False
    while True:
        plain = _plain(b, i)
        if plain == _AT_ONCE:
            i += _AT_ONCE
            continue
        i += plain
        if b[i] == 34:
            return i, escaped
        if b[i] != 92:
            return -1, escaped
        escaped = True
        c = b[i + 1]
        if c == 117:
            if not (_HEX[b[i + 2]] and _HEX[b[i + 3]] and _HEX[b[i + 4]] and _HEX[b[i + 5]]):
                return -1, escaped
            # Surrogates: D800 to DFFF.
            if (b[i + 2] | 32) == 100 and b[i + 3] >= 56:
                return -1, escaped
            i += 6
        elif c == 34 or c == 92 or c == 47 or c == 98 or c == 102 or c == 110 or c == 114 or c == 116:
            i += 2
        else:
            return -1, escaped


@compiled
def _number(b: Array, i: int, whole: bool) -> int:
    """Where the number ends that begins at ``i``, -1 where it is none; a ``whole`` one has up to 18 digits."""
    i += b[i] == 45
    begin = i
    while 48 <= b[i] <= 57:
        i += 1
    if i == begin or (b[begin] == 48 and i > begin + 1):
        return -1
    if whole:
        return i if i - begin <= 18 else -1
    if b[i] == 46:
        i += 1
        begin = i
        while 48 <= b[i] <= 57:
            i += 1
        if i == begin:
            return -1
    if b[i] == 101 or b[i] == 69:
        i += 1
        i += b[i] == 43 or b[i] == 45
        begin = i
        while 48 <= b[i] <= 57:
            i += 1
        if i == begin:
            return -1
    return i


@compiled
def _numbered(b: Array, at: int, length: int, names: NameTable) -> int:
    """The number of a name, a new one for a new name; -1 where there is no room for more."""
    ends, texts, slots, after, counts = names
    h = np.uint64(14695981039346656037)
    for k in range(length):
        h = (h ^ np.uint64(b[at + k])) * np.uint64(1099511628211)
    place = np.int64((h ^ (h >> np.uint64(32))) & np.uint64(SLOTS - 1))
    for _ in range(_MOST_TRIES):
        one = slots[place]
        if one < 0:
            one, end = counts[NAMES], counts[_NAME_BYTES] + length
            if one == MOST_NAMES or end > BYTES_OF_NAMES:
                return -1
            for k in range(length):
                texts[counts[_NAME_BYTES] + k] = b[at + k]
            slots[place], ends[one + 1], after[one] = one, end, one
            counts[NAMES], counts[_NAME_BYTES] = one + 1, end
            break
        if ends[one + 1] - ends[one] == length and _is(b, at, texts, ends[one], length):
            break
        place = (place + 1) & (SLOTS - 1)
    else:
        return -1
    after[counts[_BEFORE]] = one
    counts[_BEFORE] = one
    return int(one)


@within
def _name(b: Array, i: int, names: NameTable) -> tuple[int, int]:
    """The number of the name whose first byte is at ``i``, -1 where it is none or there is no room for more, and where it ends.

    Nearly always it is the one that came ``after`` the name before the last time.
    """
    guess = names.after[names.counts[_BEFORE]]
    begin, end = names.ends[guess], names.ends[guess + 1]
    # In this order: it ends within the block, as nothing behind that is part of a name.
    if _is(b, i, names.texts, begin, end - begin) and b[i + end - begin] == 34:
        names.counts[_BEFORE] = guess
        return guess, i + end - begin
    end, escaped = _string(b, i)
    return (-1 if end < 0 or escaped else _numbered(b, i, end - i, names)), end


@compiled
def numbered(text: Array, names: NameTable) -> int:
    """The number of a name, of whose text the last bytes are ``PADDING``."""
    ends, texts, slots, after, counts = names
    starts = NameTable(_start(ends), _start(texts), _start(slots), _start(after), _start(counts))
    return _numbered(_start(text), 0, text.size - PADDING, starts)


@within
def _scalar(b: Array, i: int) -> tuple[int, int, int, int]:
    """The one member of a value, a text, number or truth value: its kind, position, length, and what comes after it (-1: none)."""
    c = b[i + 1]
    if c == 115 and _says(b, i, _STRING):
        at = i + _SIZES[_STRING]
        end, escaped = _string(b, at)
        return (ESCAPED if escaped else TEXT), at, end - at, (end + 1 if end >= 0 else -1)
    if c == 98 and _says(b, i, _BOOL):
        at = i + _SIZES[_BOOL]
        if _says(b, at, _TRUE):
            return TRUTH, at, 4, at + 4
        return TRUTH, at, 5, at + 5 if _says(b, at, _FALSE) else -1
    if c == 105 and _says(b, i, _INT):
        at = i + _SIZES[_INT]
    elif c == 100 and _says(b, i, _DOUBLE):
        at = i + _SIZES[_DOUBLE]
    else:
        return NOTHING, 0, 0, -1
    if b[at] == 34:
        at += 1
        end, escaped = _string(b, at)
        return QUOTED, at, end - at, (end + 1 if end >= 0 and not escaped else -1)
    end = _number(b, at, c == 105)
    return (WHOLE if c == 105 else FRACTION), at, end - at, end


@within
def characters(b: Array, at: int, length: int) -> int:
    """How many characters a text without a backslash has."""
    found = 0
    for k in range(at, at + length):
        found += (b[k] & 0xC0) != 0x80
    return found


@within
def is_word(b: Array, at: int, length: int) -> bool:
    for k in range(at, at + length):  # noqa: SIM110
        if not _WORD[b[k]]:
            return False
    return True


@compiled
def _list(b: Array, i: int) -> tuple[int, int, int, int]:
    """A value that is a list of texts, numbers and truth values, told as ``_scalar`` tells its."""
    at = i
    if b[i] == 123 and b[i + 1] == 125:
        return LIST_OF_WORDS, at, 2, i + 2
    if not _says(b, i, _VALUES):
        return LIST, at, 0, -1
    i += _SIZES[_VALUES]
    values, length, words, escapes = 0, 0, True, False
    while b[i] != 93:
        if values > 0:
            if b[i] != 44:
                return LIST, at, 0, -1
            i += 1
        if b[i] != 123:
            return LIST, at, 0, -1
        i += 1
        if b[i] != 125:
            kind, begin, size, i = _scalar(b, i)
            # A fraction is landed as text, for which there is no place in here.
            if i < 0 or kind == FRACTION:
                return LIST, at, 0, -1
            escapes |= kind == ESCAPED
            if kind in (TEXT, QUOTED):
                length += characters(b, begin, size)
                words &= is_word(b, begin, size)
        if b[i] != 125:
            return LIST, at, 0, -1
        i += 1
        values += 1
    i += 1
    if b[i] != 125:
        return LIST, at, 0, -1
    i += 1
    if escapes:
        return LIST_ESCAPED, at, i - at, i
    if values > _MOST_VALUES or length > _LONGEST:
        return LIST, at, i - at, i
    return (LIST_OF_WORDS if words else LIST_OF_NAMES), at, i - at, i


@compiled
def _attributes(b: Array, i: int, owner: int, tape: Array, names: NameTable) -> int:
    """The attributes of a list, as rows of ``tape``; returns what comes after the list, -1 where it is none."""
    if b[i] != 91:
        return -1
    i += 1
    if b[i] == 93:
        return i + 1
    while True:
        begin = i
        if not _says(b, i, _KEY):
            return -1
        name, i = _name(b, i + _SIZES[_KEY], names)
        i += 1
        if name < 0:
            return -1
        kind, at, length = NOTHING, i, -1
        if _says(b, i, _TEXT_VALUE):
            at = i + _SIZES[_TEXT_VALUE]
            end, escaped = _string(b, at)
            kind, length, i = ESCAPED if escaped else TEXT, end - at, end + 1
            if end < 0:
                return -1
        elif not _says(b, i, _VALUE):
            return -1
        else:
            i += _SIZES[_VALUE]
            if b[i] == 125:
                at = i
            elif b[i + 1] == 97 and _says(b, i, _ARRAY):
                kind, at, length, i = _list(b, i + _SIZES[_ARRAY])
            else:
                kind, at, length, i = _scalar(b, i)
        if i < 0 or b[i] != 125 or b[i + 1] != 125:
            return -1
        i += 2
        a = names.counts[_TAPE] * TAPE_WIDTH
        tape[a + OWNER], tape[a + NAME], tape[a + KIND] = owner, name, kind
        tape[a + AT], tape[a + LENGTH], tape[a + BEGIN], tape[a + END] = at, length, begin, i
        names.counts[_TAPE] += 1
        if b[i] == 93:
            return i + 1
        if b[i] != 44:
            return -1
        i += 1


@within
def _record(records: Array, counts: Array, part: int, parent: int, line: int) -> int:
    number = counts[_RECORDS]
    counts[_RECORDS] = number + 1
    row = number * RECORD_WIDTH
    for column in range(RECORD_WIDTH):
        records[row + column] = -1
    records[row + PART], records[row + PARENT], records[row + LINE] = part, parent, line
    return int(number)


@within
def _message(b: Array, i: int, line: int, stack: Array, records: Array, tape: Array, names: NameTable) -> int:
    """One message; returns what comes after it, -1 where another reader must look. ``stack``: record, members so far, is in a list."""
    counts = names.counts
    if b[i] != 123:
        return -1
    i += 1
    depth, part, begun = 0, MESSAGE, True
    stack[0], stack[1], stack[2] = _record(records, counts, MESSAGE, -1, line), 0, 0
    while True:
        if b[i] == 125:
            i += 1
            if stack[3 * depth + 1] & _NEEDED[part] != _NEEDED[part]:
                return -1
            if stack[3 * depth + 2]:
                if b[i] == 44:
                    if b[i + 1] != 123:
                        return -1
                    i += 2
                    stack[3 * depth] = _record(records, counts, part, stack[3 * depth - 3], line)
                    stack[3 * depth + 1] = 0
                    begun = True
                    continue
                if b[i] != 93:
                    return -1
                i += 1
            depth -= 1
            if depth < 0:
                return i
            part = records[stack[3 * depth] * RECORD_WIDTH + PART]
            begun = False
            continue
        if not begun:
            if b[i] != 44:
                return -1
            i += 1
        begun = False
        if b[i] != 34:
            return -1
        member, end = _name(b, i + 1, names)
        if member < 0 or member >= len(MEMBERS) or b[end + 1] != 58:
            return -1
        i = end + 2
        kind, place = _KIND[part, member], _PLACE[part, member]
        if kind == _UNKNOWN or stack[3 * depth + 1] >> member & 1:
            return -1
        stack[3 * depth + 1] |= 1 << member
        record = stack[3 * depth]
        if kind == _SHORT:
            at = i
            if b[i] == 34:
                at += 1
                end, escaped = _string(b, at)
                most = _LONGEST_TRACE_STATE if member == _TRACE_STATE else _LONGEST
                if end < 0 or escaped or end - at > most:
                    return -1
                i = end + 1
                if part == EVENT and member == _NAME:
                    number = _numbered(b, at, end - at, names)
                    if number < 0:
                        return -1
                    records[record * RECORD_WIDTH + NAME_NUMBER] = number
            else:
                end = _number(b, at, True)
                if end < 0 or (part == EVENT and member == _NAME):
                    return -1
                i = end
            if place >= 0:
                text = record * RECORD_WIDTH + TEXTS + 2 * place
                records[text], records[text + 1] = at, end - at
        elif kind == _ATTRIBUTES:
            i = _attributes(b, i, record, tape, names)
            if i < 0:
                return -1
        elif kind == _EMPTY:
            if b[i] != 34 or b[i + 1] != 34:
                return -1
            i += 2
        else:
            many = kind == _PARTS
            if many:
                if b[i] != 91:
                    return -1
                i += 1
                if b[i] == 93:
                    i += 1
                    continue
            if b[i] != 123:
                return -1
            i += 1
            depth, part, begun = depth + 1, place, True
            stack[3 * depth], stack[3 * depth + 1], stack[3 * depth + 2] = (
                _record(records, counts, part, record, line),
                0,
                many,
            )


@compiled
def scan(
    content: Array, starts: Array, stops: Array, lines: Array, records: Array, tape: Array, table: NameTable
) -> None:
    """Walk the lines; what is left to another reader has a ``MESSAGE_END`` of -1 and no records and attributes."""
    ends, texts, slots, after, counts = table
    names = NameTable(_start(ends), _start(texts), _start(slots), _start(after), _start(counts))
    b, stack = _start(content), np.zeros(8 * 3, np.int64)
    for n in range(starts.size):
        first_record, first_attribute = counts[_RECORDS], counts[_TAPE]
        end = _message(b, starts[n], n, _start(stack), _start(records), _start(tape), names)
        if end >= 0:
            k = end
            while k < stops[n] and _BLANK[b[k]]:
                k += 1
            if k != stops[n]:
                end = -1
        if end < 0:
            counts[_RECORDS], counts[_TAPE] = first_record, first_attribute
        lines[n, MESSAGE_END], lines[n, REMOVED] = end, 0
        lines[n, FIRST_RECORD], lines[n, END_RECORD] = first_record, counts[_RECORDS]
        lines[n, FIRST_ATTRIBUTE], lines[n, END_ATTRIBUTE] = first_attribute, counts[_TAPE]


# Columns -------------------------------------------------------------------------------------------------------------


@compiled
def meant(tape: Array, records: Array, of_name: Array, column: Array, unread: Array) -> int:
    """Of every attribute the column, and whether it looks like something to read, by the number of its name; returns how many are
    of events, for which it is not so simple."""
    of_events = 0
    for a in range(len(tape)):
        column[a], unread[a] = of_name[tape[a, NAME], 0], of_name[tape[a, NAME], 1]
        of_events += records[tape[a, OWNER], PART] == EVENT
    return of_events


@compiled
def doubt(lines: Array, tape: Array, records: Array, column: Array, unread: Array, is_count: Array) -> None:
    """Leave to another reader the lines with a read text that has a backslash, or a list where a count should be.

    ``column`` and ``unread`` say of every attribute of the tape where it is read and whether it looks like something to read.
    """
    for n in range(len(lines)):
        if lines[n, MESSAGE_END] < 0:
            continue
        for a in range(lines[n, FIRST_ATTRIBUTE], lines[n, END_ATTRIBUTE]):
            part, kind, c = records[tape[a, OWNER], PART], tape[a, KIND], column[a]
            if kind < ESCAPED or part in (SCOPE, LINK):
                continue
            if (kind == ESCAPED and (c >= 0 or unread[a])) or (kind > ESCAPED and c >= 0 and is_count[c]):
                lines[n, MESSAGE_END] = -1
                break


@compiled
def place(
    b: Array,
    lines: Array,
    tape: Array,
    records: Array,
    row_of: Array,
    column: Array,
    unread: Array,
    own: Array,
    shared: Array,
    told: Array,
) -> int:
    """Of every column and span the attribute that tells it, and of every column and resource; returns how many rows of ``told``
    there are: (span, attribute) of what looks like something to read and says something.

    A span's own attribute goes before its events', of several the last counts. ``row_of`` numbers spans, and resources by the
    record that holds them.
    """
    found = 0
    for n in range(len(lines)):
        if lines[n, MESSAGE_END] < 0:
            continue
        for a in range(lines[n, FIRST_ATTRIBUTE], lines[n, END_ATTRIBUTE]):
            c = column[a]
            if c < 0 and not unread[a]:
                continue
            owner = tape[a, OWNER]
            part, parent = records[owner, PART], records[owner, PARENT]
            if part == RESOURCE:
                if c >= 0 and row_of[parent] >= 0:
                    shared[c, row_of[parent]] = a
                continue
            if part != SPAN and part != EVENT:
                continue
            row = row_of[owner] if part == SPAN else row_of[parent]
            if c >= 0:
                before = own[c, row]
                if part == SPAN or before < 0 or records[tape[before, OWNER], PART] == EVENT:
                    own[c, row] = a
                continue
            kind, first = tape[a, KIND], b[tape[a, AT]]
            is_number = kind in (QUOTED, WHOLE, FRACTION)
            if tape[a, LENGTH] > 0 and first != 45 and first != 48 and (is_number if unread[a] == 1 else kind == TEXT):
                told[found, 0], told[found, 1] = row, a
                found += 1
    return found


@within
def _copied(b: Array, begin: int, end: int, out: Array, o: int) -> int:
    """Write bytes to ``out`` from ``o`` on, and some more that do not matter; returns where those end that do."""
    while begin < end:
        _copy(b, begin, out, o)
        begin, o = begin + _AT_ONCE, o + _AT_ONCE
    return o - (begin - end)


@compiled
def of_records(records: Array, which: Array, text: Array, at: Array, length: Array) -> None:
    """Position and length, -1 for none, of a ``text`` of the record ``which`` is a column's in each row; column × row."""
    for c in range(text.size):
        for row in range(which.shape[1]):
            at[c, row] = -1
            if which[c, row] >= 0:
                at[c, row] = records[which[c, row], TEXTS + 2 * text[c]]
                length[c, row] = records[which[c, row], TEXTS + 2 * text[c] + 1]


@compiled
def of_attributes(tape: Array, own: Array, shared: Array, resource: Array, at: Array, length: Array) -> None:
    """The same of what tells a column of a span: its ``own`` attribute, else one ``shared`` by all spans of its resource. A list says
    nothing, nor does what has no value."""
    for c in range(own.shape[0]):
        for row in range(own.shape[1]):
            a = own[c, row] if own[c, row] >= 0 else shared[c, resource[row]]
            at[c, row] = -1
            if a >= 0 and tape[a, KIND] != NOTHING and tape[a, KIND] < LIST:
                at[c, row], length[c, row] = tape[a, AT], tape[a, LENGTH]


@compiled
def gathered(content: Array, at: Array, length: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Texts by position and length as columns; column × row. Returns their bytes and where each column's begin, and of each column
    offsets, validity, and how many are null."""
    columns, rows = at.shape
    begins, nulls = np.zeros(columns + 1, np.int64), np.zeros(columns, np.int64)
    offsets, valid = np.zeros((columns, rows + 1), np.int32), np.zeros((columns, (rows + 7) // 8), np.uint8)
    for c in range(columns):
        total = 0
        for row in range(rows):
            if at[c, row] >= 0:
                total += length[c, row]
                valid[c, row >> 3] |= 1 << (row & 7)
            else:
                nulls[c] += 1
            offsets[c, row + 1] = total
        begins[c + 1] = begins[c] + total
    texts = np.empty(begins[columns] + PADDING, np.uint8)
    for c in range(columns):
        for row in range(rows):
            if at[c, row] >= 0:
                end = at[c, row] + length[c, row]
                _copied(_start(content), at[c, row], end, _start(texts), begins[c] + offsets[c, row])
    return texts, begins, offsets, valid, nulls


# Text ----------------------------------------------------------------------------------------------------------------


@within
def _stays(b: Array, holds: int, kind: int, at: int, length: int) -> int:
    """Whether a value may be landed under a name that ``holds`` such: 1 as it is, 0 not at all, -1 where it takes a closer look."""
    if holds == PROSE:
        return 0
    if holds == PARTS:
        return -1
    if holds == READ:
        return 1 if kind < LIST or kind in (LIST_OF_NAMES, LIST_OF_WORDS) else -1
    if kind in (NOTHING, WHOLE, FRACTION, TRUTH):
        return 1
    if holds == NUMBER:
        if kind != QUOTED:
            return 0
        digits = at + (b[at] == 45)
        for k in range(digits, at + length):
            if not 48 <= b[k] <= 57:
                return -1
        return 1 if at + length > digits and length <= 18 else -1
    if kind >= LIST:
        if kind == LIST_ESCAPED:
            return -1
        return 1 if kind == LIST_OF_WORDS or (kind == LIST_OF_NAMES and holds == NAMED) else 0
    if kind == ESCAPED:
        return -1 if length <= _MOST_BYTES else 0
    if holds == WORD:
        return 1 if length <= _LONGEST and is_word(b, at, length) else 0
    return 1 if length <= _LONGEST or characters(b, at, length) <= _LONGEST else 0


@compiled
def judge(
    content: Array, lines: Array, tape: Array, records: Array, holds: Array, holds_shared: Array, plain_event: Array
) -> None:
    """Note which attributes go. Left to another reader are lines of which that is not sure, and those of which what stays would be
    written otherwise than it is: a text with a backslash in a line that loses something.

    By the number of a name: what it ``holds`` of a call, and of a resource or scope; whether it is an event that stays as it is.
    """
    for n in range(len(lines)):
        if lines[n, MESSAGE_END] < 0:
            continue
        is_sure, escapes, goes = True, False, 0
        for r in range(lines[n, FIRST_RECORD], lines[n, END_RECORD]):
            event = records[r, NAME_NUMBER]
            is_sure &= event < 0 or plain_event[event] != 0
        for a in range(lines[n, FIRST_ATTRIBUTE], lines[n, END_ATTRIBUTE]):
            name, kind, part = tape[a, NAME], tape[a, KIND], records[tape[a, OWNER], PART]
            told = holds_shared[name] if part in (RESOURCE, SCOPE) else holds[name]
            stays = _stays(_start(content), told, kind, tape[a, AT], tape[a, LENGTH])
            is_sure &= stays >= 0
            escapes |= stays == 1 and kind == ESCAPED
            tape[a, GOES] = stays == 0
            goes += stays == 0
        if not is_sure or (goes and escapes):
            lines[n, MESSAGE_END] = -1
        else:
            lines[n, REMOVED] = goes


@compiled
def without(
    content: Array,
    starts: Array,
    numbers: Array,
    lines: Array,
    tape: Array,
    first: int,
    end: int,
    before: int,
    to: Array,
) -> int:
    """Write lines ``first`` to ``end`` without what goes, each at its number; ``before`` is that of the line before. Returns the bytes.

    Commas go with what they part. In a line that loses something fractions become texts, so that every reader keeps their digits.
    ``to`` has room for all of it and ``PADDING``.
    """
    b, out, o = _start(content), _start(to), 0
    for n in range(first, end):
        for _ in range(numbers[n] - before - 1):
            out[o] = 10
            o += 1
        before, i = numbers[n], starts[n]
        if lines[n, REMOVED]:
            for a in range(lines[n, FIRST_ATTRIBUTE], lines[n, END_ATTRIBUTE]):
                if tape[a, GOES]:
                    o = _copied(b, i, tape[a, BEGIN], out, o)
                    i = tape[a, END]
                    if b[i] == 44:
                        i += 1
                    elif out[o - 1] == 44:
                        o -= 1
                elif tape[a, KIND] == FRACTION:
                    at = tape[a, AT]
                    o = _copied(b, i, at, out, o)
                    out[o] = 34
                    i = at + tape[a, LENGTH]
                    o = _copied(b, at, i, out, o + 1)
                    out[o] = 34
                    o += 1
        o = _copied(b, i, lines[n, MESSAGE_END], out, o)
        out[o] = 10
        o += 1
    return o
