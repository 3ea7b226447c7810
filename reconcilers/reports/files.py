"""A table as a file: CSV, JSON, Parquet or a workbook. A file is there whole or not at all, and no text in it runs as a formula.

Amounts are exact: text in CSV and JSON without needless zeros, ``decimal(38, 9)`` in Parquet. A number of a workbook is a double; beside a
column with an amount that a double does not hold stands one with all its digits as text.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.base import Figures

if TYPE_CHECKING:
    import pyarrow as pa

#: What a name ends in → the form it is written in.
ENDINGS = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".xlsx": "xlsx", ".txt": "table"}
#: What a sheet and a cell of a workbook hold, in every program that reads them.
SHEET_ROWS, SHEET_COLUMNS, CELL_CHARACTERS = 1_048_576, 16_384, 32_767
#: The first day a workbook can number.
_FIRST_DAY = date(1900, 3, 1)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A file to write to, which becomes ``target`` where the block ends well, and is gone where it does not.

    Raises ``SettingsInvalid`` where ``target`` cannot be written or is something else than a file.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise SettingsInvalid("it is no file", file=str(target), hint="name a file to write")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.touch()
    except OSError as error:
        raise SettingsInvalid(f"cannot be written: {error.strerror}", file=str(target)) from None
    try:
        yield temporary
        with temporary.open("rb") as written_file:
            os.fsync(written_file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def trimmed(value: object) -> str:
    """A stored value as text: a decimal without needless zeros and never as a power of ten, lists and structs as JSON, null as nothing."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(in_json(value), ensure_ascii=False)
    return "" if value is None else str(value)


def visible(text: str) -> str:
    """Outside text for a reader: what a terminal would act on and a browser leave out, a control character, as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_json(value: object) -> object:
    """A stored value as JSON holds it exactly: decimals and times are text, since a number of JSON is a double to most who read it."""
    if isinstance(value, dict):
        return {trimmed(key): in_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [in_json(one) for one in value]
    exact = value is None or isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value))
    return value if exact else trimmed(value)


def inert(value: object) -> str:
    """A value for a spreadsheet: text that it would run as a formula is made plain text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in tuple("=+-@\t\r") else trimmed(value)


def write_csv(out: IO[str], names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their names; ``out`` is opened with ``newline=""``."""
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows(map(inert, row) for row in rows)


def write_json(out: IO[str], figures: Figures) -> None:
    """An object for each row. Raises ``SettingsInvalid`` where two columns have one name."""
    _named_once(figures.names, "JSON")
    objects = [dict(zip(figures.names, map(in_json, row), strict=True)) for row in figures.rows]
    out.write(json.dumps(objects, indent=1) + "\n")


def write_parquet(target: Path, batches: pa.RecordBatchReader) -> None:
    """Batch by batch, so that memory does not grow with rows. Raises ``SettingsInvalid`` where two columns have one name."""
    import pyarrow.parquet as pq

    _named_once(batches.schema.names, "Parquet")
    with pq.ParquetWriter(target, batches.schema, compression="zstd") as out:
        for batch in batches:
            out.write_batch(batch)


def batches_of(figures: Figures) -> pa.RecordBatchReader:
    """Figures with the types of their values; a column of which nothing is known has none."""
    import pyarrow as pa

    types = {
        Decimal: pa.decimal128(38, 9),
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        datetime: pa.timestamp("us"),
        date: pa.date32(),
        str: pa.string(),
    }
    columns = zip(*figures.rows, strict=True) if figures.rows else ((),) * len(figures.names)
    arrays = []
    for column in columns:
        known = next((type(value) for value in column if value is not None), None)
        arrays.append(pa.array(column, types[known] if known else pa.null()))
    return pa.Table.from_arrays(arrays, names=figures.names).to_reader()


def rows_of(batches: pa.RecordBatchReader) -> Iterator[tuple[Any, ...]]:
    """The rows of a reader, a batch in memory at a time."""
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def write_xlsx(target: Path, figures: Figures, about: Mapping[str, str], created: datetime) -> None:
    """A sheet of rows under a head that stays, and one that says what they are: ``about``. ``created`` stands for when it was written,
    so that the same figures are the same bytes.

    Raises ``SettingsInvalid`` where a workbook cannot hold them.
    """
    import xlsxwriter

    columns = list(_columns(figures))
    _held_by_a_sheet(figures, columns)
    options = {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"created": created})
        forms = {
            name: book.add_format({"num_format": form})
            for name, form in (("amount", "#,##0.00#######"), ("day", "yyyy-mm-dd"), ("time", "yyyy-mm-dd hh:mm:ss"))
        }
        head = book.add_format({"bold": True})
        sheet = book.add_worksheet("result")
        sheet.freeze_panes(1, 0)
        for place, (name, values) in enumerate(columns):
            sheet.write_string(0, place, name, head)
            widest = max((len(trimmed(value)) for value in values[:1000]), default=0)
            sheet.set_column(place, place, min(max(len(name), widest) + 2, 60))
        for line, row in enumerate(zip(*(values for _, values in columns), strict=True), 1):
            for place, value in enumerate(row):
                _write_cell(sheet, line, place, value, forms)
        if figures.rows:
            sheet.autofilter(0, 0, len(figures.rows), len(columns) - 1)
        facts = book.add_worksheet("about")
        facts.set_column(0, 0, 16)
        for line, (name, told) in enumerate(about.items()):
            facts.write_string(line, 0, name, head)
            facts.write_string(line, 1, told[:CELL_CHARACTERS])


def _columns(figures: Figures) -> Iterator[tuple[str, Sequence[object]]]:
    """Each column, and after one with a number that a double does not hold the same as text."""
    columns = zip(*figures.rows, strict=True) if figures.rows else ((),) * len(figures.names)
    for name, values in zip(figures.names, columns, strict=True):
        yield name, values
        if not all(_is_held(value) for value in values):
            yield f"{name} (exact)", [None if value is None else trimmed(value) for value in values]


def _is_held(value: object) -> bool:
    """Whether a number, read from a workbook's file (16 digits) and rounded to its own decimals, is the same again."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int)):
        return True
    exact = Decimal(value)
    places = -min(0, int(exact.as_tuple().exponent))
    return f"{Decimal(f'{float(exact):.16G}'):.{places}f}" == f"{exact:.{places}f}"


def _held_by_a_sheet(figures: Figures, columns: Sequence[tuple[str, Sequence[object]]]) -> None:
    hint = "write it as Parquet or CSV, or ask for less"
    if len(figures.rows) >= SHEET_ROWS or len(columns) > SHEET_COLUMNS:
        raise SettingsInvalid(f"a sheet holds {SHEET_ROWS - 1:,} rows and {SHEET_COLUMNS:,} columns", hint=hint)
    for name, values in columns:
        if any(len(trimmed(value)) > CELL_CHARACTERS for value in values if isinstance(value, (str, list, dict))):
            raise SettingsInvalid(
                f"{name} has a text that no cell holds, which ends at {CELL_CHARACTERS:,} characters", hint=hint
            )


def _write_cell(sheet: Any, line: int, place: int, value: object, forms: Mapping[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif isinstance(value, (Decimal, int)):
        form = forms["amount"] if isinstance(value, Decimal) else None
        sheet.write_number(line, place, float(value), form)
    elif isinstance(value, float) and isfinite(value):
        sheet.write_number(line, place, value)
    elif isinstance(value, datetime) and value.tzinfo is None and value.date() >= _FIRST_DAY:
        sheet.write_datetime(line, place, value, forms["time"])
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DAY:
        sheet.write_datetime(line, place, value, forms["day"])
    else:
        sheet.write_string(line, place, trimmed(value))


def _named_once(names: Sequence[str], form: str) -> None:
    if twice := next((name for name in names if names.count(name) > 1), None):
        hint = "give each a name of its own with `as`"
        raise SettingsInvalid(f"two columns are named {twice}, and {form} holds one", hint=hint)
