"""``kind: mapped`` — calls, runs or outcomes from CSV, NDJSON or Parquet files, by a declared mapping (``mapping.py``).

``land: mapped_columns`` lands only the columns the mapping names. Tables that also carry prompt or completion text are
read so, because such text is never landed; ``land: as_received`` refuses them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Literal, TextIO

from pydantic import Field

from reconcilers.money import parse_amount
from reconcilers.sources import tabular
from reconcilers.sources.contract import SourceConfig
from reconcilers.sources.folders import open_unpacked
from reconcilers.sources.rejected import Lost, unreadable, why_unreadable
from reconcilers.sources.telemetry.base import FileSource, FileSourceConfig
from reconcilers.sources.telemetry.mapping import (
    BEGIN_CALLS,
    BEGIN_OUTCOMES,
    MappingConfig,
    MappingSource,
    Row,
    lookup,
    whole_lines,
)

#: Columns that hold prompts or completions in the tables known to us. A number or an empty value there is no text.
_PROMPT_COLUMNS = (
    "messages",
    "message.content",
    "content",
    "prompt",
    "completion",
    "response",
    "input",
    "output",
    "toolUseResult",
)


class MappedConfig(MappingConfig, FileSourceConfig):
    """A mapping of files of one format, and what of them is landed."""

    format: Literal["csv", "ndjson", "parquet"] = Field(examples=["csv"])
    """What a file is."""
    land: Literal["as_received", "mapped_columns"] = "as_received"
    """`mapped_columns` lands only the columns the mapping names, as tables that also carry prompts or completions need;
    `as_received` refuses those."""


class Mapped(FileSource, MappingSource):
    """Tables with a declared mapping; see the module's docstring."""

    kind: ClassVar[str] = "mapped"
    begins = MappingProxyType(
        {
            "calls": f"uri: calls  # a folder, or s3://bucket/prefix\nformat: csv  # or ndjson, parquet\n{BEGIN_CALLS}",
            "outcomes": f"uri: outcomes\nformat: csv\n{BEGIN_OUTCOMES}",
        }
    )
    Config: ClassVar[type[SourceConfig]] = MappedConfig
    config: MappedConfig

    def accept(self, unit: str, received: Path, work: Path) -> tuple[Path, dict[str, str]]:
        """Refuse a table with prompt or completion text, or keep only the columns the mapping names.

        In place of a line that cannot be read the landed file says why and how long that was: what it holds may be text.
        Raises ``SourceRejected`` for a file of which no line can be read.
        """
        if self.config.land == "mapped_columns":
            return self._projected(unit, received, work / "mapped_columns"), {"land": "mapped_columns"}
        lost: dict[int, Lost] = {}
        lines = 0
        for line, row in self._rows(unit, received, all_columns=True):
            lines += 1
            if isinstance(row, Lost):
                lost[line] = row
            elif found := next((name for name in _PROMPT_COLUMNS if _is_prose(row, name)), None):
                problem = f"column {found!r} holds prompt or completion text, which is never landed"
                raise self._rejected(unit, line, problem, "set land: mapped_columns")
        if lost and len(lost) == lines:
            line, first = next(iter(lost.items()))
            raise self._rejected(unit, line, first.reason)
        if not lost:
            return received, {}
        target = work / "readable_lines"
        with open_unpacked(received, unit, source=self.name) as stream, target.open("wb") as out:
            if self.config.format == "csv":
                out.writelines(_without_rows(stream, lost))
            else:
                for line, content in enumerate(whole_lines(stream), 1):
                    out.write(unreadable(lost[line].reason, lost[line].size) + b"\n" if line in lost else content)
        return target, {"rewritten": "without lines that cannot be read", "unreadable": str(len(lost))}

    def _rows(self, unit: str, path: Path, all_columns: bool = False) -> Iterator[tuple[int, Row | Lost]]:
        """(line, row) of one table; in Parquet the line is the row's number."""
        if self.config.format == "ndjson":
            yield from super()._rows(unit, path)
            return
        lost: list[tuple[int, Row | Lost]] = []
        lose = partial(self._lose, lost)
        for batch in tabular.read(path, unit, partial(self._select, unit, all_columns), source=self.name, lose=lose):
            names = list(batch.columns)
            columns = zip(batch.lines, *batch.columns.values(), strict=True)
            rows: Iterator[tuple[int, Row | Lost]] = (
                (line, dict(zip(names, texts, strict=True))) for line, *texts in columns
            )
            yield from merge(lost, rows, key=itemgetter(0))
            lost.clear()

    def _lose(self, lost: list[tuple[int, Row | Lost]], line: int, problem: str, fields: list[str]) -> None:
        """Note a CSV row that does not fit its header, or what is landed in its place."""
        stated = why_unreadable(fields[0].encode()) if len(fields) == 1 else None
        lost.append((line, stated or Lost(problem, len(",".join(fields).encode()))))

    def _select(self, unit: str, all_columns: bool, header: Sequence[str]) -> dict[str, str]:
        """Which columns of a table to read; refuses one that lacks a mapped column. A path starts with one."""
        names = {name: name if name in header else name.partition(".")[0] for name in self.config.reads()}
        if absent := next((name for name, column in names.items() if column not in header), None):
            raise self._changed(unit, f"no column {absent!r:.80}")
        return {name: name for name in (header if all_columns else dict.fromkeys(names.values()))}

    def _projected(self, unit: str, received: Path, target: Path) -> Path:
        """The table with only the mapped columns: NDJSON of flat names, or CSV for CSV and Parquet."""
        names = self.config.reads()
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            if self.config.format != "ndjson":
                writer.writerow(names)
            for _, row in self._rows(unit, received):
                if isinstance(row, Lost):
                    stated = unreadable(row.reason, row.size).decode()
                    if self.config.format == "ndjson":
                        out.write(stated + "\n")
                    else:
                        writer.writerow([stated])
                    continue
                found = {name: _found(row, name) for name in names}
                if self.config.format != "ndjson":
                    writer.writerow(found.values())
                else:
                    out.write(json.dumps({n: v for n, v in found.items() if v is not None}, default=str) + "\n")
        return target


def _without_rows(stream: BinaryIO, lost: Mapping[int, Lost]) -> Iterator[bytes]:
    """A CSV in which rows that do not fit say why instead; each row stays in its line."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    rows, line = csv.reader(_kept := _Kept(text), strict=True), 1
    for _ in rows:
        if line in lost:
            out = io.StringIO()
            csv.writer(out).writerow([unreadable(lost[line].reason, lost[line].size).decode()])
            yield out.getvalue().encode() + b"\n" * (rows.line_num - line)
        else:
            yield "".join(_kept.lines).encode()
        _kept.lines.clear()
        line = rows.line_num + 1


class _Kept:
    """Lines of a text, each kept once it is read."""

    def __init__(self, text: TextIO) -> None:
        self.text, self.lines = text, list[str]()

    def __iter__(self) -> Iterator[str]:
        for line in self.text:
            self.lines.append(line)
            yield line


def _found(row: Row, name: str) -> Any:
    """What is under a name; nothing where its path leads into a text that is no JSON, which may be any text."""
    try:
        return lookup(row, name)
    except ValueError:
        return None


def _is_prose(row: Row, name: str) -> bool:
    """Whether a column can hold prompt or completion text: not empty and not a number."""
    value = _found(row, name)
    if isinstance(value, str):
        try:
            parse_amount(value)
        except ValueError:
            return value.strip().lower() not in ("", "null", "none", "{}", "[]", "redacted-by-litellm")
        return False
    return isinstance(value, Mapping | list) and bool(value)
