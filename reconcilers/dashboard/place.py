"""Addresses: all that a page shows is in its address, so that each view is a link that can be kept and sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qsl, urlencode

#: A name longer than this is nobody's; neither are more parts of an address.
LONGEST, MOST_PARTS = 2000, 40


@dataclass(frozen=True)
class Place:
    """A page's path and what its address says beyond; everything in it is text from outside."""

    path: str
    said: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str | None, search: str | None) -> Place:
        """The place of an address as a browser tells it; what cannot be read in it is left out."""
        try:
            parts = parse_qsl((search or "").removeprefix("?"), max_num_fields=MOST_PARTS)
        except ValueError:
            parts = []
        return cls(path or "/", {name: value for name, value in parts if len(value) <= LONGEST})

    def __getitem__(self, name: str) -> str:
        return self.said.get(name, "")

    @property
    def month(self) -> date | None:
        """The month it names; null where it names none that there can be."""
        try:
            return date.fromisoformat(f"{self['month']}-01")
        except ValueError:
            return None

    @property
    def page(self) -> int:
        """Which page of rows, from 0."""
        number = self["page"]
        return int(number) - 1 if number.isascii() and number.isdecimal() and 1 <= int(number) <= 10**6 else 0

    def but(self, **changes: str | None) -> str:
        """The address of the same place but for these; null leaves one out."""
        return address(self.path, **{**self.said, **changes})


def address(path: str, **said: str | None) -> str:
    """An address within the dashboard."""
    told = urlencode({name: value for name, value in said.items() if value})
    return f"{path}?{told}" if told else path
