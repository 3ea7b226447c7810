"""Azure's bill: Cost Management exports from Azure Blob Storage, an S3 prefix or a folder, one billing month a unit.

https://learn.microsoft.com/azure/cost-management-billing/costs/tutorial-improved-exports. An export of a month to date is
written whole by each of its runs, so a month is what its newest run wrote and nothing else; ``azure_runs.py`` finds that run.
``azure_focus.py`` makes FOCUS columns of the dataset ``FocusCost``, ``azure_costs.py`` of cost details; what the names of
meters say is in ``azure_meters.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from reconcilers.errors import PeriodIncomplete, SourceRejected
from reconcilers.periods import Period, months_before
from reconcilers.sources import focus, folders, http, tabular
from reconcilers.sources.billing import azure_costs, azure_focus, azure_meters, azure_runs, focus_preview
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

#: `dataset` → what a manifest calls it.
_TYPES = {"focus": "FocusCost", "actual": "ActualCost", "amortized": "AmortizedCost"}


class AzureConfig(SourceConfig):
    """Where one export is delivered."""

    uri: str = Field(exclude=True, examples=["https://acmebilling.blob.core.windows.net/exports/acme-focus"])
    """The folder of the export itself, the one that holds its `yyyymmdd-yyyymmdd` folders:
    `https://account.blob.core.windows.net/container/folder/export` (with `AZURE_STORAGE_SAS_TOKEN` or `AZURE_STORAGE_KEY` in
    the environment), `az://container/folder/export` (with `AZURE_STORAGE_CONNECTION_STRING`), `s3://bucket/prefix` or a path."""
    dataset: Literal["focus", "actual", "amortized"] = Field(default="focus", examples=["focus"])
    """What is exported: `focus` (FocusCost, which tells what is invoiced and what is used), or cost details of one kind:
    `actual` shows commitments when they are bought, `amortized` as they are used and not what is invoiced. Never configure two
    exports of one account as two sources: each tells the same usage."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""
    manifests: bool = Field(default=True, exclude=True)
    """Whether runs have a `manifest.json`. `false` is for exports made before Azure wrote one, and copies without: then the run
    whose files were modified last counts, and nothing tells whether its last partition is there."""
    billing_account_id: str | None = None
    """The account of files that tell none, as those of pay-as-you-go do not."""
    time_format: str | None = Field(default=None, examples=["%d/%m/%Y"])
    """The form of days in cost details that are not in ISO 8601, as `strptime` has it. Without it they have the month first
    (`%m/%d/%Y`), and a file whose days do not show that they do is refused."""
    earlier_months: int = Field(default=1, ge=0, le=24, exclude=True)
    """Months before the asked period that are read again, since Azure changes closed months for days."""

    @field_validator("time_format")
    @classmethod
    def _tells_a_day(cls, value: str | None) -> str | None:
        if value is None:
            return None
        day = datetime(2026, 9, 25)
        try:
            told = datetime.strptime(day.strftime(value), value)
        except ValueError:
            told = None
        if told != day:
            raise ValueError(f"{value!r:.60} does not tell a day; write its form as strptime has it, such as %m/%d/%Y")
        return value


class Azure(Source):
    """Azure charges from the folder of an export."""

    kind = "azure"
    Config = AzureConfig
    begins = MappingProxyType(
        {
            "": "uri: https://<account>.blob.core.windows.net/<container>/<folder>/<export>  # the export's own folder\n"
            "dataset: focus  # or actual, amortized\n"
        }
    )
    providers = ("azure.ai.openai", "azure.ai.inference")
    finality_days = 10
    tells = ("service_tier", "batch")
    config: AzureConfig

    def units(self, period: Period) -> Iterator[str]:
        """Billing months ``2026-10`` that touch the period and the day after it, or lie shortly before, and have a folder with a file."""
        first = months_before(period.start, self.config.earlier_months)
        delivered = self._export().months()
        for month in Period(first, period.end + timedelta(days=1)).months():
            if (unit := f"{month.start:%Y-%m}") in delivered:
                yield unit

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The months there is a folder of."""
        return (month for unit in units if (month := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        export = self._export()
        run = export.newest(unit)
        if run.manifest:
            pull.add(run.manifest.key, run.manifest.uri, run.content)
        for stored in run.files:
            with export.folder.copy(stored) as path:
                pull.add(stored.key, stored.uri, path)
        if export.newest(unit) != run:
            raise PeriodIncomplete(
                "the month was delivered anew while it was read", source=self.name, period=unit, hint="run again"
            )

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        stated: dict[str, int] = {}
        of_the_run, manifest, all_rows = None, None, 0
        for index, item in enumerate(landed.objects):
            if item.name.endswith(azure_runs.MANIFEST):
                content = http.parse_json(landed.path(item).read_bytes(), source=self.name, file=item.name)
                stated, of_the_run, manifest = (*azure_runs.stated_rows(content), item.name)
                continue
            count = 0
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                count += len(batch.lines)
                if not batch.lines:
                    continue
                columns = self._focus_columns(batch, landed.unit, item.name)
                starts = columns["BillingPeriodStart"]
                hint = "have the export run again; of cost details, check `time_format`"
                focus.check_month(landed.unit, starts, batch.lines, source=self.name, file=item.name, hint=hint)
                base = folders.line_base(index)
                yield "charges", charges.table(columns, batch.lines, file=item.name, line_base=base)
            if (rows := stated.get(item.name.rpartition("/")[2])) not in (None, count):
                raise SourceRejected(
                    f"{count} rows where the manifest states {rows}",
                    source=self.name,
                    period=landed.unit,
                    file=item.name,
                    hint="the partition is cut off; have the export run again",
                )
            all_rows += count
        if of_the_run not in (None, all_rows):
            raise SourceRejected(
                f"{all_rows} rows where the manifest states {of_the_run} in all",
                source=self.name,
                period=landed.unit,
                file=manifest,
                hint="a partition is cut off; have the export run again",
            )
        yield from charges.rejected()

    @classmethod
    def readers(cls) -> set[Path]:
        meters = Path(azure_meters.__file__)
        parts = {Path(azure_runs.__file__), Path(azure_focus.__file__), Path(azure_costs.__file__)}
        parts.add(Path(focus_preview.__file__))
        return super().readers() | parts | {meters, meters.with_suffix(".csv")}

    def _export(self) -> azure_runs.Export:
        config = self.config
        return azure_runs.Export(self.name, config.uri, _TYPES[config.dataset], config.manifests, config.endpoint_url)

    def _select(self, file: str) -> tabular.Select:
        part = azure_focus if self.config.dataset == "focus" else azure_costs
        return lambda header: part.select(header, self.name, file, account=self.config.billing_account_id)

    def _focus_columns(self, batch: tabular.Batch, unit: str, file: str) -> dict[str, list[str | None]]:
        account = self.config.billing_account_id
        if self.config.dataset == "focus":
            return azure_focus.focus_columns(batch, account)
        month = Period.of_month(date.fromisoformat(f"{unit}-01"))
        return azure_costs.Costs(batch, month, self.name, file, account, self.config.time_format).focus_columns()
