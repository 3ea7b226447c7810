"""Revenue lines from CSV files, plain or packed, in a local folder or an S3 prefix: what customers are charged.

One row is one line of an invoice or of an accrual, earned evenly by day over its service period (rule R27). One file is
one unit and replaces its earlier delivery whole. Columns, by these names or as mapped under ``columns``::

    revenue_id            required, unique: the identity of the line
    tenant_id             required
    kind                  required: invoice, or accrual for what is earned by contract and not invoiced yet
    service_period_start  required: YYYY-MM-DD, the first day the service was rendered
    service_period_end    required: the day after the last one
    amount                required: plain decimal without tax, negative for a credit note
    currency              required: three upper-case letters
    feature_id            what was sold; empty for a bundle
    bundle_id             the bundle whose stand-alone prices split the line over features
    bills_revenue_id      on an invoice line, the accrual it bills and so reverses
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from reconcilers import money
from reconcilers.errors import SourceChangedShape, SourceRejected
from reconcilers.ingest.lake import schema
from reconcilers.periods import parse_day
from reconcilers.sources import folders, tabular
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull
    from reconcilers.periods import Period

REQUIRED = (
    "revenue_id",
    "tenant_id",
    "kind",
    "service_period_start",
    "service_period_end",
    "amount",
    "currency",
)
OPTIONAL = ("feature_id", "bundle_id", "bills_revenue_id")
_KINDS = ("invoice", "accrual")


class RevenueFileConfig(SourceConfig):
    """Where the files are. ``pattern`` is matched against whole keys below ``uri``; ``columns`` names the file's own
    column for a column of the contract, ``constants`` gives the value of one the file does not have."""

    uri: str
    pattern: str = r".*\.csv(\.gz|\.zst)?"
    endpoint_url: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)

    @field_validator("pattern")
    @classmethod
    def _is_expression(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _known_columns(self) -> RevenueFileConfig:
        if unknown := sorted((set(self.columns) | set(self.constants)) - {*REQUIRED, *OPTIONAL}):
            raise ValueError(f"not columns of the contract: {', '.join(unknown)}")
        return self


class RevenueFile(Source):
    """Revenue lines from files; see the module's docstring."""

    kind: ClassVar[str] = "revenue_file"
    Config: ClassVar[type[SourceConfig]] = RevenueFileConfig
    config: RevenueFileConfig

    def units(self, period: Period) -> Iterable[str]:
        """Every file: a line of any file may be earned in any period."""
        return [stored.key for stored in self._folder().list() if re.fullmatch(self.config.pattern, stored.key)]

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        stored = next((found for found in folder.list(unit) if found.key == unit), None)
        if stored is None:
            raise SourceRejected("the file is gone", source=self.name, file=unit, hint="run again; a writer renamed it")
        with folder.copy(stored) as path:
            tabular.verify(path, unit, partial(self._select, unit), source=self.name)
            pull.add(unit, stored.uri, path)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        shape = schema("revenue")
        for index, item in enumerate(landed.objects):
            seen: dict[str, int] = {}
            base = folders.line_base(index)
            select = partial(self._select, item.name)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name):
                rows = []
                for line, *texts in zip(batch.lines, *batch.columns.values(), strict=True):
                    row = self._row(dict(zip(batch.columns, texts, strict=True)), item.name, line)
                    first = seen.setdefault(row["revenue_id"], line)
                    if first != line:
                        raise self._rejected(item.name, line, f"revenue_id is that of line {first}")
                    rows.append(
                        row | {"source": self.name, "landing_id": landed.landing_id, "landing_line": line + base}
                    )
                if rows:
                    yield "revenue", pa.Table.from_pylist(rows, schema=shape)

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _select(self, file: str, header: Sequence[str]) -> dict[str, str]:
        """{column of the contract: column of the file}. Raises ``SourceChangedShape`` naming one that is missing."""
        found = {}
        for name in (*REQUIRED, *OPTIONAL):
            column = self.config.columns.get(name, name)
            if column in header:
                found[name] = column
            elif name in self.config.columns or (name in REQUIRED and name not in self.config.constants):
                hint = "map it under `columns`, or give it under `constants`"
                raise SourceChangedShape(f"no column {column!r:.80}", source=self.name, file=file, hint=hint)
        return found

    def _row(self, texts: Mapping[str, str | None], file: str, line: int) -> dict[str, Any]:
        """One line of revenue, typed."""
        row: dict[str, Any] = {}
        for name in (*REQUIRED, *OPTIONAL):
            text = (texts.get(name) or self.config.constants.get(name) or "").strip()
            if not text and name in REQUIRED:
                raise self._rejected(file, line, f"{name} is empty")
            row[name] = text or None
        try:
            row["service_period_start"] = parse_day(row["service_period_start"])
            row["service_period_end"] = parse_day(row["service_period_end"])
            amount = money.amount(row["amount"])
        except ValueError as error:
            raise self._rejected(file, line, str(error)) from None
        if problem := _contradiction(row):
            raise self._rejected(file, line, problem)
        return row | {"amount": amount.rounded, "amount_text": amount.text}

    def _rejected(self, file: str, line: int, problem: str) -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=file, line=line, hint="correct the file")


def _contradiction(row: Mapping[str, Any]) -> str | None:
    """What no line of revenue says."""
    start, end = row["service_period_start"], row["service_period_end"]
    assert isinstance(start, date)
    if not start < end:
        return f"service_period_end {end} is not after service_period_start {start}"
    if row["kind"] not in _KINDS:
        return f"kind {row['kind']!r:.40} is not one of {', '.join(_KINDS)}"
    if not re.fullmatch("[A-Z]{3}", row["currency"]):
        return f"currency {row['currency']!r:.40} is not three upper-case letters"
    if row["bills_revenue_id"] is not None and row["kind"] != "invoice":
        return "bills_revenue_id stands on an accrual; only an invoice line bills one"
    if row["feature_id"] is not None and row["bundle_id"] is not None:
        return "both feature_id and bundle_id; a line is of one of them"
    return None
