"""Oracle Cloud's bill: cost reports or FOCUS reports from Object Storage (by its S3 protocol) or a folder, one report a unit.

https://docs.oracle.com/iaas/Content/Billing/Concepts/costusagereportsoverview.htm. Oracle writes a report every six hours, with
the usage since the last one and whatever came late, and never writes it again; a large one in numbered parts. So a day is what
all reports tell of it, and a report that Oracle deletes, as it does after a year, is still the bill.
A cost report has Oracle's own columns; a FOCUS report has those of FOCUS 1.0's preview and Oracle's with a prefix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.periods import Period, months_before
from reconcilers.sources import focus, folders, tabular
from reconcilers.sources.billing import focus_preview
from reconcilers.sources.contract import Source, SourceConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull

#: ``0001000000902893-00001.csv.gz``: a report, and which part of it the file is.
_FILE = re.compile(r"(?i)(?P<report>.+?)(?:-(?P<part>\d{5}))?\.csv(?:\.gz)?")

#: FOCUS column ← column of a cost report that holds it as it is.
_COST_REPORT = {
    "BilledCost": "cost/myCost",
    "BillingAccountId": "cost/subscriptionId",
    "SubAccountId": "lineItem/tenantId",
    "BillingCurrency": "cost/currencyCode",
    "ChargePeriodStart": "lineItem/intervalUsageStart",
    "ChargePeriodEnd": "lineItem/intervalUsageEnd",
    "ChargeDescription": "product/Description",
    "ServiceName": "product/service",
    "SkuId": "cost/productSku",
    "SkuMeter": "cost/skuUnitDescription",
    "PricingQuantity": "usage/billedQuantity",
    "PricingUnit": "cost/billingUnitReadable",
    "RegionId": "product/region",
    "AvailabilityZone": "product/availabilityDomain",
    "ResourceId": "product/resourceId",
    "x_LineId": "lineItem/referenceNo",
}
#: Without these a line of a cost report has no amount or no place.
_REQUIRED = ("BilledCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ServiceName")
#: FOCUS column ← what a FOCUS report calls it where it has not FOCUS's own name.
_PREVIEW = {
    "ConsumedQuantity": ("UsageQuantity",),
    "ConsumedUnit": ("UsageUnit",),
    "InvoiceIssuerName": ("InvoiceIssuer",),
    "ProviderName": ("Provider",),
    "RegionId": ("Region",),
    "x_LineId": ("oci_ReferenceNumber", "x_oci_ReferenceNumber"),
}
#: What says of a line that it corrects another, and which.
_CORRECTS, _CORRECTED = "(corrects)", "(corrected line)"
_CORRECTION: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cost": {_CORRECTS: ("lineItem/isCorrection",), _CORRECTED: ("lineItem/backreferenceNo",)},
    "focus": {_CORRECTED: ("oci_BackReferenceNumber", "x_oci_BackReferenceNumber")},
}
_SUBCATEGORY = "ChargeSubCategory"
_TAG = "tags/"


class OciConfig(SourceConfig):
    """Where the reports of one kind are."""

    uri: str = Field(exclude=True, examples=["s3://acme-oci-reports/FOCUS Reports"])
    """The folder of the reports of one kind, `FOCUS Reports` or `reports/cost-csv` of the reports' bucket or of a copy of it:
    `s3://bucket/prefix` or a path. Never configure both kinds as two sources: each tells the same usage."""
    report: Literal["focus", "cost"] = Field(default="focus", examples=["focus"])
    """What the reports are: `focus`, or `cost`, Oracle's own, which tells no list price."""
    endpoint_url: str | None = Field(
        default=None,
        exclude=True,
        examples=["https://namespace.compat.objectstorage.eu-frankfurt-1.oraclecloud.com"],
    )
    """Where Object Storage speaks S3's protocol."""
    corrections: Literal["add"] | None = None
    """How a correction changes the bill. Oracle says which line it corrects, not whether its amount is added to that line's or
    stands in its place; so a report with one is refused until you have compared a corrected month with its invoice and found that
    they add up (`add`)."""
    billing_account_id: str | None = None
    """The account of lines of cost reports without a subscription."""
    earlier_months: int = Field(default=1, ge=0, le=24, exclude=True)
    """Months before the asked period whose reports are read again, so that none written while the job stood still is missed."""


class Oci(Source):
    """Oracle Cloud charges from a folder of reports."""

    kind = "oci"
    Config = OciConfig
    begins = MappingProxyType(
        {
            "": "uri: s3://<bucket>/FOCUS Reports  # of the reports' bucket, or of a copy of it\n"
            "report: focus  # or cost\n"
            "endpoint_url: https://<namespace>.compat.objectstorage.<region>.oraclecloud.com\n"
        }
    )
    providers = ("oci",)
    config: OciConfig

    def units(self, period: Period) -> Iterator[str]:
        """Reports ``2026/09/15/0001000000902893`` written in the months of the period, shortly before, or until its days are final.

        Only those months' folders are listed. Where they hold nothing, as with cost reports and flat copies, whose names tell no
        day, all that was written since then is listed: no report tells what is yet to come.
        """
        first = months_before(period.start, self.config.earlier_months)
        written = Period(first, period.end + timedelta(days=self.finality_days))
        found = [report for month in written.months() for report in self._reports(f"{month.start:%Y/%m}/")]
        yield from found or [
            report
            for report, parts in self._reports().items()
            if max(stored.modified_at for stored in parts.values()).date() >= first
        ]

    def lists(self, unit: str, period: Period) -> bool:
        """Never: Oracle takes no report back but deletes it after a year, and what it told stays true."""
        return False

    def fetch(self, unit: str, pull: Pull) -> None:
        parts = self._reports(unit).get(unit)
        if not parts:
            raise PeriodIncomplete(
                "not delivered", source=self.name, period=unit, hint=f"no such report in {self.config.uri}"
            )
        if absent := next((number for number in range(1, max(parts)) if number not in parts), None):
            raise PeriodIncomplete(
                f"part {absent} of {max(parts)} is missing",
                source=self.name,
                period=unit,
                hint="the report is being written, or a copy of it is cut off; run again later",
            )
        folder = self._folder()
        for _, stored in sorted(parts.items()):
            with folder.copy(stored) as path:
                pull.add(stored.key, stored.uri, path)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        for index, item in enumerate(landed.objects):
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                if batch.lines:
                    columns = self._focus_columns(batch, item.name)
                    base = folders.line_base(index)
                    yield "charges", charges.table(columns, batch.lines, file=item.name, line_base=base)
        yield from charges.rejected()

    @classmethod
    def readers(cls) -> set[Path]:
        return super().readers() | {Path(focus_preview.__file__)}

    # Delivery --------------------------------------------------------------------------------------------------------

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _reports(self, prefix: str = "") -> dict[str, dict[int, folders.StoredObject]]:
        """Report → number of a part → its file, of keys that begin so. Raises ``SourceRejected`` where a part is there twice."""
        reports: dict[str, dict[int, folders.StoredObject]] = {}
        for stored in self._folder().list(prefix):
            if found := _FILE.fullmatch(stored.key):
                parts = reports.setdefault(found["report"], {})
                other = parts.setdefault(int(found["part"] or 1), stored)
                if other is not stored:
                    raise SourceRejected(
                        f"is the same part of a report as {other.key:.200}",
                        source=self.name,
                        file=stored.key,
                        hint="remove one of both from the copy",
                    )
        return reports

    # Columns ---------------------------------------------------------------------------------------------------------

    def _select(self, file: str) -> tabular.Select:
        def select(header: Sequence[str]) -> dict[str, str]:
            stored = {title.strip().lower(): title for title in reversed(header)}
            own = {
                name: stored[told.lower()]
                for name, names in _CORRECTION[self.config.report].items()
                for told in names
                if told.lower() in stored
            }
            if self.config.report == "focus":
                renamed = {
                    name: told
                    for name, names in _PREVIEW.items()
                    for told in names
                    if told.lower() in stored and name.lower() not in stored
                }
                if told := stored.get(_SUBCATEGORY.lower()):
                    own[_SUBCATEGORY] = told
                return focus.select(header, renamed=renamed, source=self.name, file=file) | own
            found = {name: stored[told.lower()] for name, told in _COST_REPORT.items() if told.lower() in stored}
            required = _REQUIRED if self.config.billing_account_id else (*_REQUIRED, "BillingAccountId")
            if missing := next((name for name in required if name not in found), None):
                raise SourceChangedShape(
                    f"no column {_COST_REPORT[missing]}",
                    source=self.name,
                    file=file,
                    hint="check `report`; a usage report has no costs and is no bill",
                )
            return found | own | {title: title for title in header if title.startswith(_TAG)}

        return select

    def _focus_columns(self, batch: tabular.Batch, file: str) -> dict[str, Sequence[str | None]]:
        """The batch's rows as FOCUS columns.

        What was used beyond the commitment (overage) is within a line's amount, and what is attributed to another resource is
        told by that resource's own lines, so neither is added.
        """
        columns: dict[str, Sequence[str | None]] = {**batch.columns}
        count = len(batch.lines)
        nothing: list[str | None] = [None] * count
        classes = zip(columns.get("ChargeClass", nothing), self._classes(batch, file), strict=True)
        columns["ChargeClass"] = [told or found for told, found in classes]
        if self.config.report == "focus":
            return columns | focus_preview.of_subcategories(columns.get(_SUBCATEGORY, nothing), columns)
        return columns | {
            "EffectiveCost": columns["BilledCost"],
            "BillingAccountId": [
                text or self.config.billing_account_id for text in columns.get("BillingAccountId", nothing)
            ],
            # A cost report names no billing month.
            "BillingPeriodStart": columns["ChargePeriodStart"],
            "ChargeCategory": ["Usage"] * count,
            "ConsumedQuantity": columns.get("PricingQuantity", nothing),
            "ConsumedUnit": columns.get("PricingUnit", nothing),
            "ProviderName": ["Oracle"] * count,
            "InvoiceIssuerName": ["Oracle"] * count,
            "Tags": self._tags(batch),
        }

    def _tags(self, batch: tabular.Batch) -> list[str | None]:
        """The tags of each row as a JSON object: a cost report has a column for each."""
        names = [name for name in batch.columns if name.startswith(_TAG)]
        found: list[dict[str, str]] = [{} for _ in batch.lines]
        for name in names:
            for tags, text in zip(found, batch.columns[name], strict=True):
                if text is not None:
                    tags[name.removeprefix(_TAG)] = text
        return [json.dumps(tags) if tags else None for tags in found]

    def _classes(self, batch: tabular.Batch, file: str) -> list[str | None]:
        """ChargeClass of each row. Raises ``SourceRejected`` for a correction as long as nobody said how it counts."""
        nothing: list[str | None] = [None] * len(batch.lines)
        flags, corrected = (batch.columns.get(name, nothing) for name in (_CORRECTS, _CORRECTED))
        classes: list[str | None] = []
        for line, flag, other in zip(batch.lines, flags, corrected, strict=True):
            corrects = bool(other) or (flag or "false").strip().lower() not in ("false", "0", "no", "n")
            if corrects and self.config.corrections is None:
                raise SourceRejected(
                    f"corrects line {other or '(not named)'!s:.80}, and nothing says whether it is added to it or replaces it",
                    source=self.name,
                    file=file,
                    line=line,
                    hint="compare the month with its invoice; if they add up, set `corrections: add`",
                )
            classes.append("Correction" if corrects else None)
        return classes
