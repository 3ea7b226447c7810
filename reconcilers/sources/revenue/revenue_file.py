"""Revenue lines from CSV files, plain or packed, in a local folder or an S3 prefix: what customers are charged.

One row is one line of an invoice or of an accrual, earned evenly by day over its service period (rule R27). One file is
one unit and replaces its earlier delivery whole. A line that cannot be read is a row of ``rejected_records`` and refuses only
itself (R33). Columns, by these names or as mapped under ``columns``::

    revenue_id            required: the identity of the line; told twice, the last told counts (D11)
    tenant_id             required
    kind                  required: invoice, or accrual for what is earned by contract and not invoiced yet
    service_period_start  required: YYYY-MM-DD, the first day the service was rendered
    service_period_end    required: the day after the last one; the first day again where all is earned on it
    amount                required: plain decimal without tax, negative for a credit note
    currency              required: three upper-case letters
    feature_id            what was sold; empty for a bundle
    bundle_id             the bundle whose stand-alone prices split the line over features
    bills_revenue_id      on an invoice line, the accrual it bills and so reverses
    pricing               what the price is for: seat, usage, overage, outcome or bundle; else the feature's revenue model says
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from reconcilers.errors import SourceChangedShape
from reconcilers.ingest.lake import schema
from reconcilers.periods import parse_day
from reconcilers.sources import folders, tabular
from reconcilers.sources.contract import Expression, SourceConfig
from reconcilers.sources.every_file import EveryFile, EveryFileConfig
from reconcilers.sources.rejected import Rejections
from reconcilers.sources.revenue_lines import OPTIONAL, REQUIRED, typed

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed


class RevenueFileConfig(EveryFileConfig):
    """Where the files are, and what their columns are called."""

    pattern: Expression = r".*\.csv(\.gz|\.zst)?"
    """A regular expression for whole keys below `uri`."""
    columns: dict[str, str] = Field(default_factory=dict, examples=[{"revenue_id": "line_id"}])
    """The file's own column for a column of the contract."""
    constants: dict[str, str] = Field(default_factory=dict, examples=[{"currency": "USD"}])
    """The value of a column of the contract that the file does not have."""

    @model_validator(mode="after")
    def _known_columns(self) -> RevenueFileConfig:
        if unknown := sorted((set(self.columns) | set(self.constants)) - {*REQUIRED, *OPTIONAL}):
            raise ValueError(f"not columns of the contract: {', '.join(unknown)}")
        return self


class RevenueFile(EveryFile):
    """Revenue lines from files; see the module's docstring."""

    kind: ClassVar[str] = "revenue_file"
    begins = MappingProxyType({"": "uri: revenue  # a folder, or s3://bucket/prefix\n"})
    Config: ClassVar[type[SourceConfig]] = RevenueFileConfig
    config: RevenueFileConfig

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        rejections = Rejections(self.name, landed.landing_id)
        for batch in self._batches(landed, rejections):
            yield "revenue", pa.Table.from_pylist(batch, schema=schema("revenue"))
        if rejections.rows:
            yield "rejected_records", rejections.table()

    def rows(self, landed: Landed) -> Iterator[tuple[str, dict[str, Any]]]:
        """Without Arrow, which takes longer to load than a small file to read."""
        rejections = Rejections(self.name, landed.landing_id)
        yield from (("revenue", row) for batch in self._batches(landed, rejections) for row in batch)
        yield from (("rejected_records", row) for row in rejections.rows)

    def _batches(self, landed: Landed, rejections: Rejections) -> Iterator[list[dict[str, Any]]]:
        """Lines of revenue, some at a time; those that cannot be read are told to ``rejections``."""
        for index, item in enumerate(landed.objects):
            base = folders.line_base(index)
            select = partial(self._select, item.name)
            lose = partial(_lose, rejections, item.name, base)
            for batch in tabular.read(landed.path(item), item.name, select, source=self.name, lose=lose):
                rows = []
                for line, *texts in zip(batch.lines, *batch.columns.values(), strict=True):
                    told = self._told(dict(zip(batch.columns, texts, strict=True)))
                    place = {"source": self.name, "landing_id": landed.landing_id, "landing_line": line + base}
                    try:
                        rows.append(place | typed(told))
                    except ValueError as error:
                        size, day = _size(texts), _day_of(told["service_period_start"])
                        tenant = told["tenant_id"]
                        rejections.add(item.name, line + base, str(error), size, day=day, tenant_id=tenant)
                if rows:
                    yield rows

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

    def _told(self, texts: Mapping[str, str | None]) -> dict[str, str | None]:
        """The columns of the contract as the line tells them, null where it tells nothing."""
        constants = self.config.constants
        return {name: (texts.get(name) or constants.get(name) or "").strip() or None for name in (*REQUIRED, *OPTIONAL)}


def _day_of(text: str | None) -> date | None:
    """The day a line's service begins, null where it cannot be read either."""
    try:
        return parse_day(text or "")
    except ValueError:
        return None


def _size(texts: Iterable[str | None]) -> int:
    """Bytes of what a line tells, its commas and its end counted."""
    return sum(len((text or "").encode()) + 1 for text in texts)


def _lose(rejections: Rejections, unit: str, base: int, line: int, problem: str, texts: Sequence[str]) -> None:
    rejections.add(unit, line + base, f"{problem}; an amount with a comma in it?", _size(texts))
