"""FOCUS columns of a batch of a bill's rows: each text is read once, however many rows tell it, and spread over them as an Arrow array.

What a text means says ``focus_values.py``; this file knows which row stands where, and says so of one that cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.sources import focus_values, units
from reconcilers.sources.csv_blocks import Texts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


Text = TypeVar("Text")


@dataclass(frozen=True, slots=True)
class Told(Generic[Text]):
    """A column by the texts it has, or two by the pairs of theirs: row ``i`` tells ``texts[codes[i]]``. ``codes`` are whole numbers."""

    texts: list[Text]
    codes: np.ndarray

    def __iter__(self) -> Iterator[Text]:
        return (self.texts[code] for code in self.codes)

    def __getitem__(self, place: int) -> Text:
        return self.texts[int(self.codes[place])]


class Rows:
    """Rows of one file of a bill. ``columns`` are those it has; ``trimmed`` names those that are taken over without blanks around them."""

    def __init__(
        self,
        columns: Mapping[str, Sequence[str | None]],
        lines: Sequence[int],
        *,
        trimmed: frozenset[str],
        source: str,
        file: str,
        line_base: int = 0,
    ) -> None:
        self.columns, self.lines, self.trimmed = columns, lines, trimmed
        self.source, self.file, self.line_base = source, file, line_base
        self._told: dict[str, Told[str | None]] = {}
        self._amounts: dict[str, money.Amounts] = {}
        self._counted: dict[str, money.Amounts] = {}

    def told(self, name: str) -> Told[str | None]:
        """The column's texts; one that the bill does not have tells nothing in every row."""
        import numpy as np

        if name not in self._told:
            column = self._column(name)
            if isinstance(column, Texts):
                encoded = column.array.dictionary_encode("encode")
                texts, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
            else:
                places: dict[str | None, int] = {}
                codes = np.array([places.setdefault(text, len(places)) for text in column], np.int32)
                texts = list(places)
            if name in self.trimmed:
                texts = [text.strip() or None if text else None for text in texts]
            self._told[name] = Told(texts, codes)
        return self._told[name]

    def pairs(self, name: str, other_name: str) -> Told[tuple[str | None, str | None]]:
        """What the rows tell of two columns."""
        import numpy as np

        one, other = self.told(name), self.told(other_name)
        size = max(len(other.texts), 1)
        found, codes = np.unique(one.codes.astype(np.int64) * size + other.codes, return_inverse=True)
        return Told([(one.texts[pair // size], other.texts[pair % size]) for pair in found.tolist()], codes)

    def _column(self, name: str) -> Sequence[str | None]:
        return self.columns[name] if name in self.columns else [None] * len(self.lines)

    def text(self, name: str) -> pa.Array:
        """The column as it stands."""
        told = self.told(name)
        return self.spread(name, told, told.texts)

    def optional(self, name: str, parse: Callable[[str], Any], kind: pa.DataType | None = None) -> pa.Array:
        """What ``parse`` makes of the column's texts, as text or of another ``kind``; null where a row tells none."""
        told = self.told(name)
        try:
            values = [None if text is None else parse(text) for text in told.texts]
        except ValueError:
            for line, text in zip(self.lines, told, strict=True):
                self._parse(name, parse, line, text)
            raise
        return self.spread(name, told, values, kind)

    def required(self, name: str, parse: Callable[[str], Any], kind: pa.DataType | None = None) -> pa.Array:
        """The same of a column that every row has to tell."""
        told = self.told(name)
        if None in told.texts:
            self._first_empty(name, parse, told)
        return self.optional(name, parse, kind)

    def instants(self, name: str) -> pa.Array:
        """A column of times, as ``timestamp[us]`` in UTC, which every row has to tell."""
        import pyarrow as pa

        return self.required(name, focus_values.instant, pa.timestamp("us"))

    def amounts(self, name: str) -> money.Amounts:
        """A column of amounts or quantities."""
        if name not in self._amounts:
            texts, read = self._column(name), _reader(name)
            try:
                self._amounts[name] = money.amounts(texts.array if isinstance(texts, Texts) else texts, read)
            except ValueError:
                for line, text in zip(self.lines, texts, strict=True):
                    self._parse(name, read, line, text)
                raise
        return self._amounts[name]

    def required_amounts(self, name: str) -> money.Amounts:
        """The same of a column that every row has to tell."""
        if None in self._column(name):
            self._first_empty(name, _reader(name), self.told(name))
        return self.amounts(name)

    def fact(self, name: str) -> pa.Array | None:
        """The column's values as JSON, equal where they mean the same, however they are spelled; none of a column the bill does not have."""
        import pyarrow.compute as pc

        if name not in self.columns:
            return None
        if name in focus_values.COSTS:
            return _quoted(self.amounts(name).plain)
        if name in focus_values.UNIT_OF:
            return _quoted(self.counted(name).plain)
        told, spell = self.told(name), focus_values.ONE_SPELLING.get(name, str)
        facts = [None if text is None else json.dumps(spell(text)) for text in told.texts]
        quantity = focus_values.QUANTITY_IN.get(name)
        if quantity is None or quantity not in self.columns:
            return self.spread(name, told, facts)
        measured = [known.measures[0] if (known := _unit(text)) else text for text in told.texts]
        counted = self.amounts(quantity).text.is_valid()
        return pc.if_else(
            counted,
            self.spread(name, told, [text and json.dumps(text) for text in measured]),
            self.spread(name, told, facts),
        )

    def counted(self, name: str) -> money.Amounts:
        """A column of quantities in ones of what their units measure: 2 of ``1 Million Tokens`` are 2000000; of no known unit as told."""
        if name not in self._counted:
            told_amounts = self.amounts(name)
            told = self.told(focus_values.UNIT_OF[name])
            known = [_unit(text) for text in told.texts]
            if all(unit is None or unit.size == 1 for unit in known):
                self._counted[name] = told_amounts
            else:
                quantities = zip(self._column(name), told.codes, strict=True)
                products = [_product(text, known[code]) for text, code in quantities]
                try:
                    self._counted[name] = money.amounts(products, money.amount)
                except ValueError:
                    place = next(place for place, text in enumerate(products) if not _is_amount(text))
                    raise self.rejected(
                        self.lines[place], f"{self.quantity(name, place)} is more than a bill counts"
                    ) from None
        return self._counted[name]

    def quantity(self, name: str, place: int) -> str:
        """What a row tells of a quantity, for people."""
        unit_name = focus_values.UNIT_OF[name]
        return f"{name} {self._column(name)[place]} in {unit_name} {self.told(unit_name)[place]!r:.60}"

    def spread(self, name: str, told: Told[Any], values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Array:
        """``values``, one of each text, as what each row tells; text where no other ``kind`` is named."""
        import pyarrow as pa

        try:
            return pa.array(values, kind or pa.string()).take(pa.array(told.codes))
        except UnicodeEncodeError:
            code = next(code for code, value in enumerate(values) if not _is_text(value))
            line = self.lines[int((told.codes == code).argmax())]
            raise self.rejected(line, f"{name} holds half of a surrogate pair, which is no text") from None

    def refuse(self, wrong: pa.Array, problem: Callable[[int], str]) -> None:
        """Raise ``SourceRejected`` for the first row that is ``wrong``, of whose place ``problem`` says what is."""
        import pyarrow.compute as pc

        place = pc.index(wrong, True).as_py()
        if place >= 0:
            raise self.rejected(self.lines[place], problem(place))

    def rejected(self, line: int, problem: str) -> SourceRejected:
        """What to raise of a row that cannot be read."""
        return SourceRejected(
            problem, source=self.source, file=self.file, line=line, hint="ask the provider for a corrected file"
        )

    def _first_empty(self, name: str, parse: Callable[[str], Any], told: Told[str | None]) -> None:
        """Refuse the first row that does not tell the column, or a row before it whose text cannot be read."""
        for line, text in zip(self.lines, told, strict=True):
            if text is None:
                raise self.rejected(line, f"{name} is empty")
            self._parse(name, parse, line, text)

    def _parse(self, name: str, parse: Callable[[str], Any], line: int, text: str | None) -> None:
        try:
            if text is not None:
                parse(text)
        except focus_values.NewWord as error:
            raise SourceChangedShape(
                f"{name} {error}",
                source=self.source,
                file=self.file,
                line=line,
                hint="teach reconcilers/sources/focus_values.py the word",
            ) from None
        except focus_values.NoInstant as error:
            raise SourceRejected(
                f"{name}: {error}",
                source=self.source,
                file=self.file,
                line=line,
                hint="if the file writes times in a form of its own, a focus_file source takes it as `time_format`,"
                " for 09/15/2026 `time_format: '%m/%d/%Y'`",
            ) from None
        except ValueError as error:
            raise self.rejected(line, f"{name}: {error}") from None


def _reader(name: str) -> Callable[[str], money.Amount]:
    """What reads an amount of a column: money that is charged has a bound."""
    return money.charged if name in focus_values.COSTS else money.amount


def _unit(text: str | None) -> units.Unit | None:
    return units.unit(text) if text else None


@lru_cache(maxsize=1 << 16)
def _product(text: str | None, unit: units.Unit | None) -> str | None:
    """A quantity in ones of what its unit measures; nothing of one of which nothing counts (R5)."""
    if text is None or unit is None or unit.size == 1:
        return text
    product = unit.count(money.parse_amount(text))
    return f"{product:f}" if product.adjusted() >= -money.RESIDUAL_DECIMALS else "0"


def _is_amount(text: str | None) -> bool:
    try:
        return text is None or bool(money.amount(text))
    except ValueError:
        return False


def _quoted(texts: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.binary_join_element_wise('"', texts, '"', "")


def _is_text(value: Any) -> bool:
    """Whether a value can be written as text; a list of them is looked through."""
    try:
        "".join(value or ()).encode()
    except UnicodeEncodeError:
        return False
    return True
