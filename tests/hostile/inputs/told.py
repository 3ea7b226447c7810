"""One input, and what it must get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Content = bytes | Callable[[], bytes]
#: Text that must not stand in any file the job keeps, nor in anything it says.
CANARY = "the-quick-canary-sings-at-dawn"


@dataclass(frozen=True)
class Good:
    """Taken: ``entity`` has ``rows`` rows, and the last of them says ``values``. Nothing of it is refused."""

    entity: str
    rows: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Refused:
    """Refused whole, in words that name the source, the file, the line where one is given, and ``says``."""

    says: str
    line: int | None = None
    file: str | None = None


@dataclass(frozen=True)
class Rejected:
    """A record, or what one attribute of it says, is a row of ``rejected_records``; of ``entity`` ``rows`` rows count."""

    says: str
    line: int
    entity: str
    rows: int
    values: Mapping[str, Any] = field(default_factory=dict)


Gets = Good | Refused | Rejected


@dataclass(frozen=True)
class Input:
    """Files of a source (name → content; pages of an API likewise), how it is configured, and what it must get."""

    room: str
    name: str
    files: Mapping[str, Content]
    config: Mapping[str, Any]
    gets: Gets

    def __str__(self) -> str:
        return f"{self.room}: {self.name}"


def content_of(content: Content) -> bytes:
    return content if isinstance(content, bytes) else content()
