"""What a reader sees of a page, and what its own queries say."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import duckdb

from reconcilers.warehouses.duckdb import Version, read_only

Shown = tuple[str, str]


@dataclass
class Read:
    """A page: by the id of its section the heads of a table and its rows, each cell as text and exact figure; its queries; its text."""

    heads: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, list[list[Shown]]] = field(default_factory=dict)
    queries: dict[str, list[str]] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def figures(self, table: str) -> list[dict[str, Shown]]:
        """Rows of a table by the names of its columns; what stands across a whole row is left out."""
        names = [head.replace(" ", "_") for head in self.heads[table]]
        return [dict(zip(names, row, strict=True)) for row in self.rows[table] if len(row) == len(names)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read, self._sections = Read(), [""]
        self._into: list[Any] | None = None
        self._exact, self._cell = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.read.tags.append((tag, told))
        if told.get("id"):
            self.read.ids.add(str(told["id"]))
        if (told.get("href") or "").startswith("#"):
            self.read.links.add(str(told["href"])[1:])
        if tag == "section":
            self._sections.append(told.get("id") or "")
        elif tag == "tr":
            self.read.rows.setdefault(self._sections[-1], []).append([])
        elif tag in ("td", "th", "pre"):
            self._cell, self._exact = "", told.get("title") or ""

    def handle_endtag(self, tag: str) -> None:
        place = self._sections[-1]
        if tag == "section":
            self._sections.pop()
        elif tag in ("td", "th"):
            self.read.rows[place][-1].append((self._cell.strip(), self._exact))
        elif tag == "thead":
            self.read.heads[place] = [text for text, _ in self.read.rows.pop(place)[0]]
        elif tag == "pre":
            self.read.queries.setdefault(place.removeprefix("sql-"), []).append(self._cell)

    def handle_data(self, data: str) -> None:
        self._cell += data
        if not self.cdata_elem:
            self.read.text += data


def read_page(text: str) -> Read:
    reader = _Reader()
    reader.feed(text)
    return reader.read


def asked(version: Version, query: str) -> list[dict[str, Any]]:
    """Rows of a query over the published tables, by the names of their columns."""
    with read_only(version.folder) as connection:
        cursor: duckdb.DuckDBPyConnection = connection.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def says(text: str, value: Decimal) -> bool:
    """Whether a text is a figure rounded to the decimals it has, and 0 only where the figure is."""
    plain = text.replace(",", "").replace("−", "-")
    scale = 2 if plain.endswith("%") else 0
    number = Decimal(plain.rstrip("%"))
    half = Decimal(1).scaleb(int(number.as_tuple().exponent)) / 2
    return abs(number - value.scaleb(scale)) <= half and (number == 0) == (value == 0)
