"""FOCUS columns of a batch of a bill's rows: each text is read once, however many rows tell it, and spread over them as an Arrow array.

What a text means says ``focus_values.py``; this file knows which row stands where, and says so of one that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.sources import focus_values, units
from reconcilers.sources.line_hashes import Column
from reconcilers.sources.text_columns import Texts, Told, bare, together

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


#: Of a line that does not tell a column, in JSON.
_NULL = "null"
#: What is itself within a text of JSON.
_MEAN_THEMSELVES = bytes(byte for byte in range(ord(" "), ord("\x7f")) if byte not in b'"\\')


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
        if name not in self._told:
            column = self._column(name)
            self._told[name] = column.told if isinstance(column, Texts) else _told(column, name in self.trimmed)
        return self._told[name]

    def together(self, *names: str) -> Told[tuple[str | None, ...]]:
        """What the rows tell of several columns."""
        return together(*map(self.told, names))

    def _column(self, name: str) -> Sequence[str | None]:
        if name not in self.columns:
            return Texts.repeated(None, len(self.lines))
        column = self.columns[name]
        return column.trimmed if isinstance(column, Texts) and name in self.trimmed else column

    def text(self, name: str) -> pa.Array:
        """The column as it stands."""
        column = self._column(name)
        if isinstance(column, Texts):
            return column.array
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
                self._amounts[name] = money.amounts(_array(texts), read)
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

    def fact(self, name: str) -> Column:
        """The column's values as JSON, equal where they mean the same, however they are spelled; ``null`` of one the bill does not have."""
        import numpy as np

        if name in focus_values.COSTS or name in focus_values.UNIT_OF:
            amounts = self.amounts(name) if name in focus_values.COSTS else self.counted(name)
            return Column(_as_json(amounts.plain), np.arange(len(self.lines), dtype=np.int32))
        column, spell = self._column(name), focus_values.ONE_SPELLING.get(name)
        quantity = focus_values.QUANTITY_IN.get(name)
        if isinstance(column, Texts) and spell is None and quantity is None:
            return Column(_as_json(column.distinct), column.codes)
        told = self.told(name)
        facts = told.texts if spell is None else [None if text is None else spell(text) for text in told.texts]
        if quantity is None or quantity not in self.columns:
            return Column(_as_json(facts), told.codes)
        measured = [known.measures[0] if (known := _unit(text)) else text for text in told.texts]
        is_counted = self.amounts(quantity).text.is_valid().to_numpy(zero_copy_only=False)
        codes = np.where(is_counted, told.codes, told.codes + np.int32(len(measured)))
        return Column(_as_json(measured + facts), codes)

    def counted(self, name: str) -> money.Amounts:
        """A column of quantities in ones of what their units measure: 2 of ``1 Million Tokens`` are 2000000; of no known unit as told."""
        if name not in self._counted:
            told_amounts, told = self.amounts(name), self.told(focus_values.UNIT_OF[name])
            known = [_unit(text) for text in told.texts]
            is_told = all(unit is None or unit.size == 1 for unit in known)
            self._counted[name] = told_amounts if is_told else self._products(name, known, told.codes)
        return self._counted[name]

    def _products(self, name: str, known: Sequence[units.Unit | None], codes: np.ndarray) -> money.Amounts:
        """Quantities times the sizes of their units, most of which move the point."""
        import numpy as np
        import pyarrow.compute as pc

        texts = self._column(name)
        zeros = [0 if unit is None else _zeros(unit.size) for unit in known]
        no_power = np.array([count is None for count in zeros])[codes]
        products = [_product(texts[place], known[codes[place]]) for place in np.flatnonzero(no_power).tolist()]
        shifts = np.array([count or 0 for count in zeros])[codes]
        try:
            told = pc.replace_with_mask(_array(texts), no_power, _array(products))
            return money.amounts(told, money.amount, shifts)
        except ValueError:
            quantities = enumerate(zip(texts, codes, strict=True))
            place = next(place for place, (text, code) in quantities if not _is_amount(_product(text, known[code])))
            problem = f"{self.quantity(name, place)} is more than a bill counts"
            raise self.rejected(self.lines[place], problem) from None

    def quantity(self, name: str, place: int) -> str:
        """What a row tells of a quantity, for people."""
        unit_name = focus_values.UNIT_OF[name]
        return f"{name} {self._column(name)[place]} in {unit_name} {self.told(unit_name)[place]!r:.60}"

    def spread(self, name: str, told: Told[Any], values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Array:
        """``values``, one of each text, as what each row tells; text where no other ``kind`` is named."""
        import pyarrow as pa

        kind = kind or pa.string()
        try:
            if len(values) == 1:
                return pa.repeat(pa.scalar(values[0], kind), len(told.codes))
            return pa.array(values, kind).take(pa.array(told.codes))
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


def _zeros(size: Decimal) -> int | None:
    """How many noughts a power of ten has; none of another number."""
    power = size.adjusted()
    return power if power >= 0 and size == 10**power else None


def _told(column: Sequence[str | None], is_trimmed: bool) -> Told[str | None]:
    import numpy as np

    places: dict[str | None, int] = {}
    codes = [places.setdefault(text, len(places)) for text in column]
    told = Told(list(places), np.array(codes, np.int32))
    return told.each(bare) if is_trimmed else told


def _array(texts: Sequence[str | None]) -> pa.Array:
    import pyarrow as pa

    return texts.array if isinstance(texts, Texts) else pa.array(texts, pa.string())


def _as_json(texts: Sequence[str | None] | pa.Array) -> pa.Array:
    """Texts as ``json.dumps`` writes them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(texts, pa.Array):
        if not bytes(texts.buffers()[2] or b"").translate(None, _MEAN_THEMSELVES):
            return pc.fill_null(pc.binary_join_element_wise('"', texts, '"', ""), _NULL)
        texts = texts.to_pylist()
    return pa.array([_NULL if text is None else encode_basestring_ascii(text) for text in texts], pa.string())


def _is_text(value: Any) -> bool:
    """Whether a value can be written as text; a list of them is looked through."""
    try:
        "".join(value or ()).encode()
    except UnicodeEncodeError:
        return False
    return True
