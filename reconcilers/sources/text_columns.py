"""Columns of text as Arrow has them: what a table's reader gives, and how a source makes other columns of the few texts they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

#: How writers of tables spell nothing; ``\\N`` is Snowflake's and MySQL's.
NULLS = frozenset({"", "NULL", "null", "\\N"})

Value = TypeVar("Value")
Other = TypeVar("Other")


def bare(text: str | None) -> str | None:
    """A text without blanks around it; of nothing but blanks nothing is left."""
    return text.strip() or None if text else None


def without_nulls(column: pa.Array) -> pa.Array:
    """Texts, or a dictionary of them, with nothing where it is spelled somehow."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(column.indices, without_nulls(column.dictionary))
    return pc.if_else(pc.is_in(column, pa.array(sorted(NULLS))), pa.scalar(None, pa.string()), column)


class Texts(Sequence[str | None]):
    """A column of text: an Arrow array of it, or of the places its texts have in a dictionary. A list is made of it once somebody looks
    at a row; whoever reads columns takes ``array``, or ``distinct`` and ``codes``: row ``i`` tells ``distinct[codes[i]]``."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column

    @classmethod
    def of(cls, told: Told[str | None]) -> Texts:
        """What each row is told by one of a few texts."""
        import pyarrow as pa

        return cls(pa.DictionaryArray.from_arrays(pa.array(told.codes), pa.array(told.texts, pa.string())))

    @classmethod
    def repeated(cls, text: str | None, count: int) -> Texts:
        import numpy as np

        return cls.of(Told([text], np.zeros(count, np.int32)))

    @property
    def _is_dictionary(self) -> bool:
        import pyarrow as pa

        return isinstance(self._column, pa.DictionaryArray)

    @cached_property
    def array(self) -> pa.Array:
        return self._column.dictionary.take(self._column.indices) if self._is_dictionary else self._column

    @cached_property
    def _encoded(self) -> tuple[pa.Array, np.ndarray]:
        import numpy as np
        import pyarrow as pa

        column = self._column if self._is_dictionary else self._column.dictionary_encode("encode")
        texts, codes = column.dictionary, column.indices.cast(pa.int32())
        if codes.null_count:
            texts = pa.concat_arrays([texts, pa.nulls(1, pa.string())])
            codes = codes.fill_null(len(texts) - 1)
        codes = codes.to_numpy()
        if len(texts) == 1:
            return texts, codes
        # A file's dictionary has texts that no row here tells.
        is_told = np.zeros(len(texts), bool)
        is_told[codes] = True
        if is_told.all():
            return texts, codes
        return texts.filter(pa.array(is_told)), (np.cumsum(is_told, dtype=np.int32) - 1)[codes]

    @property
    def distinct(self) -> pa.Array:
        return self._encoded[0]

    @property
    def codes(self) -> np.ndarray:
        return self._encoded[1]

    @cached_property
    def told(self) -> Told[str | None]:
        return Told(self.distinct.to_pylist(), self.codes)

    @cached_property
    def trimmed(self) -> Texts:
        """The column with each text ``bare``."""
        import numpy as np

        texts = self.distinct if self._is_dictionary else self.array
        _, offsets, data = texts.buffers()
        bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        begin, end = bounds[:-1], bounds[1:]
        written, letters = end > begin, np.frombuffer(data or b"", np.uint8)
        edges = letters[np.concatenate((begin[written], end[written] - 1))]
        # Of other letters than ASCII's a byte does not tell it.
        is_bare = ((edges > ord(" ")) & (edges < ord("\x7f"))).all() and written.sum() == len(texts) - texts.null_count
        return self if is_bare else Texts.of(self.told.each(bare))

    @cached_property
    def _rows(self) -> list[str | None]:
        rows: list[str | None] = self.array.to_pylist()
        return rows

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, place: Any) -> Any:
        return self._rows[place]

    def __iter__(self) -> Iterator[str | None]:
        return iter(self._rows)

    def __contains__(self, text: object) -> bool:
        return self.array.null_count > 0 if text is None else text in self._rows


@dataclass(frozen=True)
class Told(Generic[Value]):
    """A column by the few texts it has, or by what was made of them: row ``i`` tells ``texts[codes[i]]``. ``codes`` are int32."""

    texts: list[Value]
    codes: np.ndarray

    def each(self, make: Callable[..., Other]) -> Told[Other]:
        """What is made of each text, or of the members of each tuple of them."""
        return Told([make(*text) if isinstance(text, tuple) else make(text) for text in self.texts], self.codes)

    def __iter__(self) -> Iterator[Value]:
        return (self.texts[code] for code in self.codes)

    def __getitem__(self, place: int) -> Value:
        return self.texts[int(self.codes[place])]


def together(*columns: Told[Any]) -> Told[tuple[Any, ...]]:
    """What the rows tell of several columns, as tuples."""
    import numpy as np
    import pyarrow as pa

    first, *others = columns
    texts: list[tuple[Any, ...]] = [(text,) for text in first.texts]
    codes = first.codes
    for other in others:
        if len(other.texts) == 1:
            texts = [(*text, other.texts[0]) for text in texts]
            continue
        size = len(other.texts)
        found = pa.array(codes.astype(np.int64) * size + other.codes).dictionary_encode()
        texts = [(*texts[pair // size], other.texts[pair % size]) for pair in found.dictionary.to_pylist()]
        codes = found.indices.to_numpy()
    return Told(texts, codes)
