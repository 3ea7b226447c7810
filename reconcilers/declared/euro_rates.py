"""The European Central Bank's history of reference rates, as rates of ``exchange_rates.csv``.

``eurofxref-hist.csv`` (https://www.ecb.europa.eu/stats/eurofxref/, as it is or in its ``.zip``) has a line a business day,
newest first: what 1 EUR is in each currency, ``N/A`` where there is no such rate, and a comma at the end of every line.

The locked rate of a month (rule R3) is that of its first day: the day's own, on a day without rates the last one before. It is
known while the month runs and no later day changes it; a file that says otherwise of it than the one before is refused. A
rate between two currencies is the quotient of what 1 EUR is in each, rounded once, half away from zero, to the nine decimals
a rate has. A currency without a rate on that day, or on the next day with rates where that one stands for the first, has
none: the lev ended with the last day of 2025.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path
from typing import Any

from reconcilers.declared import sheet
from reconcilers.declared.reference import EURO_RATES, SOURCE
from reconcilers.declared.values import MOST
from reconcilers.errors import SourceRejected
from reconcilers.money import SCALE, is_currency
from reconcilers.periods import parse_day

#: The names it has in the reference folder.
FILES = (f"{EURO_RATES}.csv", f"{EURO_RATES}.zip")
_GET = "get it anew from https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip"
_NONE = "N/A"
_RATE = re.compile(r"(?=.*[1-9])\d{1,12}(\.\d{1,12})?", re.ASCII)
_MAX_BYTES = 64 << 20
#: More days without rates than this are no holidays: the file has a hole.
_LONGEST_PAUSE = timedelta(days=7)

#: Day → what 1 EUR is in each currency, as text.
History = dict[date, dict[str, str]]


def path_in(folder: Path) -> Path:
    """The history file of a reference folder, whether or not it is there. Raises ``SourceRejected`` where it is there twice."""
    there = [folder / name for name in FILES if (folder / name).exists()]
    if len(there) > 1:
        raise SourceRejected(f"{' and '.join(FILES)} are both there", source=SOURCE, file=str(folder), hint="keep one")
    return there[0] if there else folder / FILES[0]


def read(path: Path) -> History:
    """Every day of the file; none where there is no file. Raises ``SourceRejected`` with the line of what is wrong."""
    if not path.exists():
        return {}
    try:
        return _history(_unpacked(path.read_bytes()))
    except OSError as error:
        raise SourceRejected(
            f"cannot be read: {error.strerror}", source=SOURCE, file=str(path), hint="give the job read access to it"
        ) from None
    except sheet.Unreadable as error:
        raise SourceRejected(error.problem, source=SOURCE, file=str(path), line=error.line, hint=error.hint) from None


def rates(history: History, currency: str) -> Iterator[dict[str, Any]]:
    """Rows of ``exchange_rates`` to ``currency``, of every month whose first day the file has reached."""
    for month, (day, of_euro) in _locked(history).items():
        for code, rate in _to(currency, of_euro):
            yield {"currency": code, "billing_period_start": month, "rate": rate, "version": f"ECB {day}"}


def read_after(path: Path, before: Path | None) -> None:
    """Read the file that follows ``before``. Raises ``SourceRejected`` where it changes a locked rate or no longer has it."""
    locked, now = _locked(read(before)) if before else {}, _locked(read(path))
    for month, (day, was) in locked.items() if path.exists() else ():
        _, of_euro = now.get(month, (day, {}))
        for code, text in was.items():
            told = of_euro.get(code)
            if told is None or Decimal(told) != Decimal(text):
                raise SourceRejected(
                    f"the month's rate of {code} is locked at {text} of {day}; now it is {told or 'not there'}",
                    source=SOURCE,
                    period=f"{month:%Y-%m}",
                    file=str(path),
                    hint=f"{_GET}; where the bank itself corrected it, run once without the file, accepting that it is missing",
                )


def with_euro_rates(declared: Sequence[dict[str, Any]], path: Path | None, currency: str) -> list[dict[str, Any]]:
    """Rates that finance declares, and those of the history for what it declares none for."""
    own = {(row["currency"], row["billing_period_start"]) for row in declared}
    found = rates(read(path), currency) if path else ()
    return [*declared, *(row for row in found if (row["currency"], row["billing_period_start"]) not in own)]


def _locked(history: History) -> dict[date, tuple[date, dict[str, str]]]:
    """First day of a month → the day whose rates are the month's, and what 1 EUR is then in each currency that has a rate."""
    found: dict[date, tuple[date, dict[str, str]]] = {}
    days = sorted(history)
    # A file that ends before the first day does not know yet whether that day has rates, or a currency goes on.
    for before, day in pairwise([*days[:1], *days]):
        first = day.replace(day=1)
        if first == day or (before < first and day - before <= _LONGEST_PAUSE):
            of = day if first == day else before
            both = ((code, text, history[day][code]) for code, text in history[of].items())
            found[first] = (of, {code: text for code, text, following in both if _NONE not in (text, following)})
    return found


def _to(currency: str, of_euro: dict[str, str]) -> Iterator[tuple[str, Decimal]]:
    """(currency, what one of it is in ``currency``) of one day."""
    told = {code: Fraction(text) for code, text in {"EUR": "1", **of_euro}.items()}
    if currency not in told:
        return
    for code in sorted(told.keys() - {currency}):
        rate = floor(told[currency] / told[code] / Fraction(SCALE) + Fraction(1, 2)) * SCALE
        if 0 < rate < MOST:
            yield code, rate


def _history(content: bytes) -> History:
    lines = sheet.records(content, {"Date", "USD", "JPY"})
    line, header = next(lines, (1, []))
    codes = [column.strip() for column in header[1:]]
    if header[:1] != ["Date"] or codes[-1:] != [""]:
        raise sheet.Unreadable(line, "it does not begin with Date and currencies, and a comma at the end", _GET)
    codes.pop()
    if wrong := next((code for code in codes if not is_currency(code) or codes.count(code) > 1), None):
        raise sheet.Unreadable(line, f"column {wrong!r:.40} is no currency, or is there twice", _GET)
    history: History = {}
    for line, fields in lines:
        if len(fields) != len(codes) + 2 or fields[-1]:
            raise sheet.Unreadable(line, f"{len(fields)} fields under {len(codes) + 2} columns: it is cut off", _GET)
        try:
            day = parse_day(fields[0])
        except ValueError:
            raise sheet.Unreadable(line, f"Date {fields[0]!r:.40} is no day, YYYY-MM-DD", _GET) from None
        if day in history:
            raise sheet.Unreadable(line, f"{day} is there twice", _GET)
        of_euro = dict(zip(codes, fields[1:-1], strict=True))
        for code, text in of_euro.items():
            if text != _NONE and not _RATE.fullmatch(text):
                raise sheet.Unreadable(line, f"{code} {text!r:.40} is neither a rate nor {_NONE}", _GET)
        history[day] = of_euro
    return history


def _unpacked(content: bytes) -> bytes:
    """The file itself, where it came in its archive. Raises ``Unreadable`` for any other archive."""
    if not content.startswith(b"PK\x03\x04"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (entry,) = archive.infolist()
            if entry.filename != FILES[0] or entry.file_size > _MAX_BYTES:
                raise ValueError
            with archive.open(entry) as stream:
                return stream.read(_MAX_BYTES)
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, EOFError, OSError):
        raise sheet.Unreadable(1, f"the archive does not hold {FILES[0]} alone and whole", _GET) from None
