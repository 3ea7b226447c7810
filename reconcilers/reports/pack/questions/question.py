"""What a table of the pack is: one query and its columns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column as it is shown.

    ``kind``: text, count, money, exact (money with all its digits), unit (money per event or success), share, month, day. ``made``: numerator and
    denominator of a ratio the query does not tell. ``formula`` is what an accountant would write of other columns, in braces.
    """

    name: str
    kind: str = "text"
    summed: bool = False
    formula: str = ""
    made: tuple[str, str] | None = None
    on_page: bool = True

    @property
    def head(self) -> str:
        return self.name.replace("_", " ")

    @property
    def is_number(self) -> bool:
        return self.kind in ("count", "money", "exact", "unit", "share")


@dataclass(frozen=True)
class Question:
    """One table of the pack.

    ``nothing`` is said where there are no rows. ``least``: of a table too long for the page, rows with the least of this column stay on it.
    ``last``: whether the last row sums (``total``), or is what the first leaves of all others (``difference``).
    """

    key: str
    title: str
    sheet: str
    says: str
    sql: str
    columns: tuple[Column, ...]
    nothing: str
    last: str = ""
    least: str = ""
    chart: str = ""
    in_full: bool = False


def money(name: str, formula: str = "", summed: bool = True, on_page: bool = True) -> Column:
    return Column(name, "money", summed, formula, on_page=on_page)


def count(name: str, summed: bool = True, on_page: bool = True) -> Column:
    return Column(name, "count", summed, on_page=on_page)


def share(name: str, of: tuple[str, str] | None = None) -> Column:
    return Column(name, "share", made=of, formula=f"{{{of[0]}}}/{{{of[1]}}}" if of else "")


COVERAGE = (share("share_attributed"), Column("share_reconciled", "share", on_page=False), Column("status"))


@dataclass(frozen=True)
class Section:
    """A part of the pack under its own heading."""

    anchor: str
    title: str
    questions: tuple[Question, ...]
