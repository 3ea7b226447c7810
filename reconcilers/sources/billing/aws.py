"""AWS's bill from S3: Data Exports (FOCUS 1.2, CUR 2.0) and the legacy Cost and Usage Report, one billing month a unit.

https://docs.aws.amazon.com/cur/latest/userguide/what-is-data-exports.html. A month is what its manifest names, and
nothing else: with new versions beside old ones a folder holds the month several times. AWS writes the manifest after
the files, refreshes an open month daily and a closed one for weeks, so a later delivery replaces the month whole.
CUR columns become FOCUS columns in ``aws_cur.py``, what Bedrock's usage types say is in ``bedrock.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from reconcilers import naming
from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.periods import Period, months_before
from reconcilers.sources import focus, folders, http, tabular, units
from reconcilers.sources.billing import aws_cur, bedrock
from reconcilers.sources.contract import Expression, Source, SourceConfig
from reconcilers.sources.text_columns import Texts, Told, together

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, Pull


class AwsConfig(SourceConfig):
    """Where one export or report is delivered."""

    uri: str = Field(exclude=True, examples=["s3://acme-billing/exports/acme-focus"])
    """The folder of the export itself, `s3://bucket/prefix/export-name` (or a local copy of it): it holds `data/` and
    `metadata/`, for the legacy report its `yyyymmdd-yyyymmdd/` folders."""
    format: Literal["focus_1_2", "cur_2_0", "legacy_cur"] = Field(examples=["focus_1_2"])
    """What is exported: Data Exports as FOCUS 1.2 or CUR 2.0, or the legacy Cost and Usage Report."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""
    cost: Literal["unblended", "net_unblended"] | None = None
    """What CUR's BilledCost is: `net_unblended` where discounts have no lines of their own. Undeclared it is `unblended`, and a
    month is refused whose lines tell discounts that no line takes off."""
    marketplace_unit: str | None = Field(default=None, examples=["1000000 Tokens"])
    """What one unit of a Bedrock Marketplace line without a unit of measure counts; without it such lines have no quantity."""
    callers: bedrock.Callers | None = None
    """What stands for the key of a line of Bedrock, which has none: `iam_principal`, the role or user that called (CUR with IAM
    principals; a role's session is cut off), `inference_profile`, the application inference profile that was called, or `either`,
    the profile where there is one. Telemetry has to tell the same as `api_key_id`."""
    price_credits: tuple[Expression, ...] = Field(default=(), examples=[["Private rate.*"]])
    """Regular expressions of what descriptions of credits say in full where a credit is part of the price agreed (a private
    rate, a volume tier), and so lowers what it credits (rule R6); any other credit is one."""
    earlier_months: int = Field(default=1, ge=0, le=24, exclude=True)
    """Months before the asked period that are read again, since AWS refreshes closed months."""

    @field_validator("marketplace_unit")
    @classmethod
    def _unit(cls, value: str | None) -> str | None:
        if value is not None and units.unit(value) is None:
            raise ValueError(f"{value!r:.40} is no unit that a meter counts in; write 1000000 Tokens")
        return value

    @model_validator(mode="after")
    def _focus_tells_no_principal(self) -> AwsConfig:
        if self.format == "focus_1_2" and self.callers in ("iam_principal", "either"):
            raise ValueError("FOCUS 1.2 tells no IAM principal; use callers: inference_profile, or format: cur_2_0")
        return self


class Aws(Source):
    """AWS charges from an S3 prefix."""

    kind = "aws"
    Config = AwsConfig
    begins = MappingProxyType(
        {
            "": "uri: s3://<bucket>/<prefix>/<export>  # the export's own folder\nformat: focus_1_2  # or cur_2_0, legacy_cur\n"
        }
    )
    providers = ("aws.bedrock",)
    finality_days = 12
    config: AwsConfig

    def units(self, period: Period) -> Iterator[str]:
        """Billing months ``2026-10`` that touch the period and the day after it, or lie shortly before, and have a file or a manifest."""
        first = months_before(period.start, self.config.earlier_months)
        folder = self._folder()
        # On the evening a month ends, AWS already keeps the next month's books.
        for month in Period(first, period.end + timedelta(days=1)).months():
            unit = f"{month.start:%Y-%m}"
            if self._listed(folder, unit, "metadata") or self._listed(folder, unit, "data"):
                yield unit

    def answered(self, period: Period, units: Sequence[str]) -> Iterator[Period]:
        """The months there is a file or a manifest of."""
        return (month for unit in units if (month := self.days(unit)))

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        manifest = self._manifest(folder, unit)
        content = folder.read(manifest)
        delivered: dict[str, folders.StoredObject] = {}
        keys = self._files(manifest.key, content, unit)
        for parent in sorted({key.rpartition("/")[0] for key in keys}):
            delivered |= {stored.key: stored for stored in folder.list(f"{parent}/")}
        for key in keys:
            if key not in delivered:
                raise PeriodIncomplete(
                    f"the manifest names {key}, which is not there",
                    source=self.name,
                    period=unit,
                    file=manifest.key,
                    hint="a delivery is in flight; run again later",
                )
        pull.add(manifest.key, manifest.uri, content)
        for key in keys:
            with folder.copy(delivered[key]) as path:
                pull.add(key, delivered[key].uri, path)
        if self._manifest(folder, unit) != manifest:
            raise PeriodIncomplete(
                "the month was delivered anew while it was read",
                source=self.name,
                period=unit,
                file=manifest.key,
                hint="run again",
            )

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        # Line ids of a CUR differ from delivery to delivery; FOCUS has none but those an export adds itself.
        charges = focus.Charges(self.name, landed.landing_id, stable_line_ids=self.config.format == "focus_1_2")
        discounts = aws_cur.Discounts()
        for index, item in enumerate(landed.objects):
            if item.name.endswith(".json"):
                continue
            for batch in tabular.read(landed.path(item), item.name, self._select(item.name), source=self.name):
                if not batch.lines:
                    continue
                discounts.see(batch, item.name)
                columns, lines = self._focus_columns(batch, item.name)
                starts = columns["BillingPeriodStart"]
                focus.check_month(landed.unit, starts, lines, source=self.name, file=item.name)
                base = folders.line_base(index)
                yield "charges", charges.table(columns, lines, file=item.name, line_base=base)
        if self.config.cost is None and discounts.beside and not discounts.have_lines:
            file, line = discounts.beside
            raise SourceRejected(
                "a discount is told beside its line and no line takes it off: the unblended cost is not what is billed",
                source=self.name,
                period=landed.unit,
                file=file,
                line=line,
                hint="compare with an invoice, then declare cost: net_unblended, or unblended if that is what it has",
            )
        yield from charges.rejected()

    @classmethod
    def readers(cls) -> set[Path]:
        return super().readers() | {Path(aws_cur.__file__), Path(bedrock.__file__), Path(naming.__file__)}

    # Delivery --------------------------------------------------------------------------------------------------------

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)

    def _month(self, key: str) -> str | None:
        """The billing month a key belongs to, by the name of its partition."""
        if self.config.format == "legacy_cur":
            found = re.match(r"(\d{4})(\d\d)01-\d{8}/", key)
        else:
            # CUR 2.0 writes the partition in upper case, FOCUS in lower case.
            found = re.match(r"(?:data|metadata)/billing_period=(\d{4})-(\d\d)/", key, re.IGNORECASE)
        return f"{found[1]}-{found[2]}" if found else None

    def _listed(
        self, folder: folders.Folder, unit: str, kind: Literal["data", "metadata"]
    ) -> list[folders.StoredObject]:
        """What is delivered for a month: its files or its manifests, which the legacy report keeps in one folder."""
        if self.config.format == "legacy_cur":
            prefixes = [f"{unit.replace('-', '')}01-"]
        else:
            prefixes = [f"{kind}/{partition}={unit}/" for partition in ("BILLING_PERIOD", "billing_period")]
        found = [stored for prefix in prefixes for stored in folder.list(prefix)]
        return [stored for stored in found if stored.key.endswith("-Manifest.json") == (kind == "metadata")]

    def _manifest(self, folder: folders.Folder, unit: str) -> folders.StoredObject:
        """The manifest of the newest delivery of a month.

        Overwritten deliveries have one. New versions have one each, in a folder of their own; the legacy report then also
        keeps the newest beside them.
        """
        found = self._listed(folder, unit, "metadata")
        if self.config.format == "legacy_cur":
            found = [stored for stored in found if stored.key.count("/") == 1] or found
        if not found:
            raise PeriodIncomplete(
                "no manifest", source=self.name, period=unit, hint=f"AWS writes it last; see {self.config.uri}"
            )
        return max(found, key=lambda stored: (stored.modified_at, stored.key.encode()))

    def _files(self, name: str, content: bytes, unit: str) -> list[str]:
        """The keys a manifest names, below the export's folder, in its order. None may lead out of it or stand twice."""
        body = http.parse_json(content, source=self.name, file=name)
        field = "reportKeys" if self.config.format == "legacy_cur" else "dataFiles"
        named = body.get(field) if isinstance(body, dict) else None
        if not isinstance(named, list) or not all(isinstance(text, str) for text in named):
            raise SourceChangedShape(f"the manifest has no list {field}", source=self.name, period=unit, file=name)
        if not named:
            raise PeriodIncomplete(
                "the manifest names no file", source=self.name, period=unit, file=name, hint="run again later"
            )
        keys = [self._relative(text, name) for text in named]
        for key in keys:
            if keys.count(key) > 1:
                raise SourceRejected(f"the manifest names {key} twice", source=self.name, period=unit, file=name)
            if self._month(key) != unit:
                raise SourceRejected(
                    f"the manifest names {key}, which is not of this month", source=self.name, period=unit, file=name
                )
        return keys

    def _relative(self, named: str, manifest: str) -> str:
        """A file named by a manifest, ``s3://bucket/key`` or a key of the bucket, relative to the export's folder."""
        folder, file = urlsplit(self.config.uri), named
        if named.startswith("s3://"):
            bucket, _, file = named.removeprefix("s3://").partition("/")
            if folder.scheme == "s3" and bucket != folder.netloc:
                raise self._outside(named, manifest)
        folders.check_key(file, self.name)
        if folder.scheme != "s3":
            # A local copy keeps the layout below the export's folder, not the prefix above it.
            below = re.search(r"(?:^|/)((?:data/billing_period=|\d{8}-\d{8}/).*)", file, re.IGNORECASE)
            if not below:
                raise self._outside(named, manifest)
            return below[1]
        base = folder.path.strip("/")
        if base and not file.startswith(f"{base}/"):
            raise self._outside(named, manifest)
        return file.removeprefix(f"{base}/") if base else file

    def _outside(self, named: str, manifest: str) -> SourceRejected:
        return SourceRejected(
            f"the manifest names {named:.200}, which is not below {self.config.uri}",
            source=self.name,
            file=manifest,
            hint="set uri to the export's own folder",
        )

    # Columns ---------------------------------------------------------------------------------------------------------

    def _select(self, file: str) -> tabular.Select:
        if self.config.format == "focus_1_2":
            return lambda header: focus.select(header, source=self.name, file=file)
        net, callers = self.config.cost == "net_unblended", self.config.callers
        return lambda header: aws_cur.select(header, self.name, file, net=net, callers=callers)

    def _focus_columns(self, batch: tabular.Batch, file: str) -> tuple[dict[str, Texts], list[int]]:
        if self.config.format == "focus_1_2":
            columns, lines = _with_bedrock(batch, self.config.marketplace_unit, self.config.callers), batch.lines
        else:
            net, unit = self.config.cost == "net_unblended", self.config.marketplace_unit
            columns, lines = aws_cur.Cur(batch, self.name, file, net, unit, self.config.callers).focus_columns()
        if self.config.price_credits:
            columns["x_Reduction"] = self._reductions(tabular.Batch(lines, columns))
        return columns, lines

    def _reductions(self, batch: tabular.Batch) -> Texts:
        """What lowers a price, credits that were declared to be of it included."""

        def reduction(own: str | None, category: str | None, description: str | None) -> str | None:
            return "price" if category == "Credit" and self._is_of_the_price(description or "") else own

        names = ("x_Reduction", "ChargeCategory", "ChargeDescription")
        return Texts.of(together(*(batch.column(name).told for name in names)).each(reduction))

    def _is_of_the_price(self, description: str) -> bool:
        return any(re.fullmatch(text, description.strip()) for text in self.config.price_credits)


def _with_bedrock(
    batch: tabular.Batch, marketplace_unit: str | None, callers: bedrock.Callers | None
) -> dict[str, Texts]:
    """FOCUS rows with model, meter and caller of Bedrock usage where the export does not tell them itself."""

    def told(*names: str) -> Told[tuple[Any, ...]]:
        return together(*(batch.column(name).told for name in names))

    def meter(
        used: str | None, sku: str | None, name: str | None, unit: str | None, model: str | None, category: str | None
    ) -> bedrock.Meter:
        is_usage = (category or "").lower() in ("usage", "adjustment")
        if model is None and is_usage and "bedrock" in (name or "").lower():
            return bedrock.read(used or sku, name, unit, marketplace_unit)
        return bedrock.Meter({}, unit)

    def key(own: str | None, resource: str | None, name: str | None) -> str | None:
        return own or (bedrock.caller(callers, resource, None) if "bedrock" in (name or "").lower() else None)

    meters = told("x_UsageType", "SkuMeter", "ServiceName", "ConsumedUnit", "x_Model", "ChargeCategory").each(meter)
    columns = dict(batch.columns)
    for name, read in bedrock.columns(meters).items():
        columns[name] = Texts.of(together(batch.column(name).told, read.told).each(lambda own, value: own or value))
    columns["ConsumedUnit"] = Texts.of(meters.each(lambda meter: meter.unit))
    if callers:
        columns["x_ApiKeyId"] = Texts.of(told("x_ApiKeyId", "ResourceId", "ServiceName").each(key))
    return columns
