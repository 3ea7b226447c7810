"""Self-hosted inference: what a company's own or rented nodes cost, hours at declared rates or told costs, idle as a line of its own.

No seller bills these hours. A table tells them (CSV, NDJSON or Parquet, its columns declared as those of ``mapped`` are), one of two kinds:

- *hours*: a row for each node and UTC day, its cost the rate in force on it; beside it, where ``workload`` is mapped, a row for
  each workload that ran on the node (a Kubernetes export of pods), or ``used_hours`` on the node's own row. What ran has its share
  of the node's cost by hours times GPUs, and what did not run is idle: all of them sum to the cost exactly.
- *costs*: a row for each workload and day with its cost, and rows of idle, as OpenCost's allocations are.

Idle is ``Unused`` capacity, which is ``commitment_idle`` (rule R5). A node without a rate costs an amount that is not known, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import focus, focus_values, folders, mapped_columns, tabular
from reconcilers.sources.billing.bill_files import DeliveredFiles, DeliveredFilesConfig
from reconcilers.sources.contract import Expression, InForce
from reconcilers.sources.mapped_columns import Column
from reconcilers.sources.rejected import Rejections

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed, LandedObject

#: What a column of the table may tell.
Fact = Literal[
    "day",
    "node",
    "node_type",
    "workload",
    "project",
    "model",
    "hours",
    "gpus",
    "used_hours",
    "cost",
    "currency",
    "idle",
]
_HOURS_OF_A_DAY = 24
_METER, _UNIT = "seconds", "Hours"
_HINT = "correct the table or what `columns` says of it"


class Rate(InForce):
    """What an hour costs."""

    node_type: str | None = Field(default=None, examples=["p5.48xlarge"])
    """The type of node it is of; of any that no other rate names, without it."""
    per_hour: str = Field(examples=["98.32"])
    """The price of an hour, a plain decimal."""
    currency: str = Field(examples=["USD"])
    """Its currency, a code of ISO 4217."""
    of: Literal["node", "gpu"] = "node"
    """Whether it is the price of the whole node or of each of its GPUs."""

    @field_validator("per_hour")
    @classmethod
    def _is_price(cls, value: str) -> str:
        if money.parse_amount(value) < 0:
            raise ValueError(f"{value!r:.40} is below 0")
        return value

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        return focus_values.currency(value)


class GpuHoursConfig(DeliveredFilesConfig):
    """What the table's columns tell, and what an hour costs."""

    format: Literal["csv", "ndjson", "parquet"] = Field(examples=["csv"])
    """What a file is."""
    pattern: Expression = (
        r"(?i)(?:.*\D)?(?P<period>\d{4}-\d\d(?:-\d\d)?)(?:\D.*)?\.(?:(?:csv|ndjson|jsonl)(?:\.(?:gz|zst|zip))?|parquet)"
    )
    """A regular expression for whole keys below `uri`, with the groups that `focus_file` has: any name with a day or a month in it."""
    delivery: Literal["files", "snapshot"] = "snapshot"
    """`snapshot`: a file is what its name's day or month holds, and the newest counts. `files`: every file counts, lines that two
    tell once; for a file that grows and never changes a day, as OpenCost's exporter writes it."""
    columns: dict[Fact, Column] = Field(
        examples=[{"day": "date", "node": "node", "hours": "hours", "workload": "pod", "model": "labels.model"}]
    )
    """What the columns tell. Of hours: `day`, `node`, `hours`, and where the table has them `node_type`, `gpus` (1 without it),
    `workload` (empty on the node's own row) or `used_hours`. Of costs: `day`, `workload`, `cost`, `currency` and `idle`, which is
    `true` on rows of idle. Of both: `project` (a namespace) and `model`."""
    labels: dict[str, Column] = Field(default={}, examples=[{"tenant": "labels.tenant", "feature": "labels.feature"}])
    """What becomes a tag of the line, by the tag's name."""
    rates: tuple[Rate, ...] = ()
    """What an hour costs, for a table of hours. A node of a type and day that none holds for has no cost that is known."""
    billing_account_id: str = "(default)"
    """What the account is called that the nodes are of."""
    service_name: str = "GPU hours"
    """What the lines are called, for rules and reports."""

    @model_validator(mode="after")
    def _is_whole(self) -> GpuHoursConfig:
        told = set(self.columns)
        if "cost" in told:
            needed, other = {"day", "workload", "currency", "idle"}, {"used_hours"}
        else:
            needed, other = {"day", "node", "hours"}, {"currency", "idle"}
        kind = "costs" if "cost" in told else "hours"
        if missing := sorted(needed - told):
            raise ValueError(f"a table of {kind} needs a column for: {', '.join(missing)}")
        if beside := sorted(other & told):
            raise ValueError(f"a table of {kind} has no {', '.join(beside)}")
        if {"used_hours", "workload"} <= told:
            raise ValueError("used_hours and workload both tell what ran: give one of them")
        if ("cost" in told) == bool(self.rates):
            raise ValueError("a table of hours needs rates, and one of costs has none")
        for rate, later in combinations(self.rates, 2):
            if rate.node_type == later.node_type and rate.overlaps(later):
                raise ValueError(f"two rates of node type {rate.node_type} are in force on one day")
        return self

    def reads(self) -> list[str]:
        """Every column of the files that is named, in a stable order."""
        mapped = (*self.columns.values(), *self.labels.values())
        return list(dict.fromkeys(name for column in mapped for name in column.reads()))


@dataclass(frozen=True)
class _Row:
    """A row of the table: where it stands and what it tells. ``facts`` is in the words of ``Fact``."""

    index: int
    file: str
    line: int
    day: date
    facts: Mapping[str, str | None]
    tags: str | None

    @property
    def gpu_hours(self) -> str:
        """Hours times GPUs; 1 GPU where the table tells none."""
        return money.product(self.facts["hours"] or "", self.facts.get("gpus") or "1")


@dataclass
class _NodeDay:
    """A node on a day: its own row, and those of what ran on it."""

    own: _Row | None = None
    ran: list[_Row] = field(default_factory=list)


class GpuHours(DeliveredFiles):
    """Charges of nodes and what ran on them; see the module's docstring."""

    kind = "gpu_hours"
    Config = GpuHoursConfig
    begins = MappingProxyType(
        {
            "": """\
uri: gpu_hours  # a folder, or s3://bucket/prefix
format: csv  # or ndjson, parquet
columns:  # what your table's columns tell
  day: date
  node: node
  node_type: type
  hours: hours
rates:
  - {node_type: <type>, per_hour: "0.00", currency: USD, valid_from: "2026-01-01"}
"""
        }
    )
    config: GpuHoursConfig

    def units(self, period: Period) -> Iterator[str]:
        """The days or months in the names, or every file. Raises ``SourceRejected`` for a day that is delivered within its month, too."""
        found = list(super().units(period))
        if self.config.delivery == "snapshot":
            months = {unit for unit in found if len(unit) == len("2026-09")}
            if day := next((unit for unit in found if unit not in months and unit[:7] in months), None):
                raise SourceRejected(
                    f"{day} is delivered by itself and within {day[:7]}",
                    source=self.name,
                    hint="its hours would count twice; keep days or months, and narrow `pattern` to them",
                )
        return iter(found)

    def normalise(self, landed: Landed) -> Iterator[tuple[str, pa.Table]]:
        charges = focus.Charges(self.name, landed.landing_id)
        lost = Rejections(self.name, landed.landing_id)
        rows = [row for index, item in enumerate(landed.objects) for row in self._rows(landed, index, item)]
        lines = self._costs(rows, landed.unit, lost) if "cost" in self.config.columns else self._hours(rows, lost)
        of_file = sorted(lines, key=lambda pair: (pair[0].index, pair[0].line))
        for index, found in groupby(of_file, key=lambda pair: pair[0].index):
            pairs = [(row.line, line) for row, line in found]
            base = folders.line_base(index)
            for first in range(0, len(pairs), tabular.BATCH_ROWS):
                batch = pairs[first : first + tabular.BATCH_ROWS]
                yield "charges", charges.table_of_rows(batch, file=landed.objects[index].name, line_base=base)
        yield from charges.rejected()
        if lost.rows:
            yield "rejected_records", lost.table()

    # Rows ------------------------------------------------------------------------------------------------------------

    def _rows(self, landed: Landed, index: int, item: LandedObject) -> Iterator[_Row]:
        texts = {
            name: mapped_columns.mapped_text(column, keeps_others=True) for name, column in self.config.columns.items()
        }
        labels = {
            name: mapped_columns.mapped_text(column, keeps_others=True) for name, column in self.config.labels.items()
        }
        asked, file = self.days(landed.unit), item.name
        found = mapped_columns.read_all(
            landed.path(item), file, self.config.reads(), form=self.config.format, source=self.name, hint=_HINT
        )
        for line, told in found:
            name = ""
            try:
                facts: dict[str, str | None] = {}
                for name, text in texts.items():
                    facts[name] = text(told)
                name = "day"
                day = mapped_columns.instant(facts["day"] or "", self.config.columns["day"].time).date()
                name = "labels"
                tags = {label: value for label, text in labels.items() if (value := text(told)) is not None}
                for name in ("hours", "used_hours", "gpus", "cost"):
                    _check_number(name, facts.get(name))
            except (ValueError, OverflowError, ArithmeticError) as error:
                raise self._rejected(file, line, f"{name}: {error}") from None
            if asked and not asked.start <= day < asked.end:
                hint = "a delivery replaces the period in its name, and nothing else; deliver each by itself"
                raise self._rejected(file, line, f"is of {day}, in the delivery of {landed.unit}", hint)
            yield _Row(index, file, line, day, facts, json.dumps(tags, sort_keys=True) if tags else None)

    def _rejected(self, file: str, line: int, problem: str, hint: str = _HINT) -> SourceRejected:
        return SourceRejected(problem, source=self.name, file=file, line=line, hint=hint)

    # Hours at rates --------------------------------------------------------------------------------------------------

    def _hours(self, rows: Iterable[_Row], lost: Rejections) -> Iterator[tuple[_Row, dict[str, str | None]]]:
        """(row, charge line) of nodes and what ran on them."""
        for node in self._node_days(rows).values():
            if (own := node.own) is None:
                first = node.ran[0]
                problem = f"ran on node {first.facts['node']!s:.80} on {first.day}, of which there is no row of its own"
                hint = "what it costs, and what of it was idle, follows from its own hours; deliver them, with `workload` empty"
                raise self._rejected(first.file, first.line, problem, hint)
            rate = self._rate(own)
            if rate is None:
                reason = (
                    f"no rate of node type {own.facts.get('node_type') or '(none)'!s:.80} is in force on {own.day}, so what"
                    f" node {own.facts['node']!s:.80} cost is not known"
                )
                lost.add(
                    own.file,
                    own.line + folders.line_base(own.index),
                    reason,
                    len(json.dumps(dict(own.facts))),
                    day=own.day,
                )
                continue
            yield from self._shared(own, node.ran, rate)

    def _node_days(self, rows: Iterable[_Row]) -> dict[tuple[str, date], _NodeDay]:
        """Node and day → its rows. Raises ``SourceRejected`` for what is there twice, or for more hours than a day has."""
        found: dict[tuple[str, date], _NodeDay] = {}
        seen: set[tuple[str, date, str | None]] = set()
        for row in rows:
            node, workload = row.facts["node"], row.facts.get("workload")
            if node is None or row.facts["hours"] is None:
                raise self._rejected(row.file, row.line, f"{'hours' if node else 'node'} is empty")
            what = f"{workload:.80} on node {node:.80}" if workload else f"node {node:.80}"
            if (node, row.day, workload) in seen:
                hint = "the day was exported twice; deliver it once, hours of one node and day in one row"
                raise self._rejected(row.file, row.line, f"{what} is there twice on {row.day}", hint)
            if Decimal(row.facts["hours"]) > _HOURS_OF_A_DAY:
                problem = f"{what} has {row.facts['hours']:.40} hours on {row.day}, and a day has {_HOURS_OF_A_DAY}"
                raise self._rejected(
                    row.file, row.line, problem, "tell hours of one UTC day; GPUs have a column (`gpus`)"
                )
            seen.add((node, row.day, workload))
            of_node = found.setdefault((node, row.day), _NodeDay())
            if workload:
                of_node.ran.append(row)
            else:
                of_node.own = row
        return found

    def _rate(self, own: _Row) -> Rate | None:
        in_force = [rate for rate in self.config.rates if rate.holds(own.day)]
        of_type = [rate for rate in in_force if rate.node_type == own.facts.get("node_type")]
        return next(iter(of_type or (rate for rate in in_force if rate.node_type is None)), None)

    def _shared(self, own: _Row, ran: Sequence[_Row], rate: Rate) -> Iterator[tuple[_Row, dict[str, str | None]]]:
        """What a node cost on a day, shared by hours times GPUs over what ran on it and what of it was idle."""
        capacity, hours = own.gpu_hours, own.facts["hours"] or ""
        cost = money.product(capacity if rate.of == "gpu" else hours, rate.per_hour)
        used = [(row, row.gpu_hours) for row in sorted(ran, key=lambda row: row.facts["workload"] or "")]
        if "workload" not in self.config.columns:
            told = own.facts.get("used_hours") if "used_hours" in self.config.columns else hours
            if told is None:
                raise self._rejected(own.file, own.line, "used_hours is empty")
            used = [(own, money.product(told, own.facts.get("gpus") or "1"))]
        weights = [_nanos(text) for _, text in used]
        idle = _nanos(capacity) - sum(weights)
        if idle < -len(weights):  # what is less is the rounding of each
            problem = (
                f"node {own.facts['node']!s:.80} ran {money.plain(Decimal(sum(weights)).scaleb(-9))} GPU hours on {own.day}"
                f" and had {money.plain(Decimal(capacity))}"
            )
            hint = "hours that overlap on one GPU share it; tell the part of a GPU that each had (`gpus`)"
            raise self._rejected(own.file, own.line, problem, hint)
        idle = max(0, idle)
        # A node that nothing weighs on was idle, whatever its hours.
        shares = money.split(cost, [*weights, idle if any(weights) else 1])
        for (row, text), share in zip(used, shares, strict=False):
            yield row, self._line(row, own, share, rate.currency) | _used(text)
        if idle or not any(weights):
            rest = money.plain(Decimal(idle).scaleb(-9))
            yield own, self._line(own, own, shares[-1], rate.currency) | _idle(own.facts["node"], rest)

    # Told costs ------------------------------------------------------------------------------------------------------

    def _costs(self, rows: Iterable[_Row], unit: str, lost: Rejections) -> Iterator[tuple[_Row, dict[str, str | None]]]:
        """(row, charge line) of costs that the table tells."""
        seen: set[tuple[date, str | None, str]] = set()
        idle_days: dict[date, bool] = {}
        for row in rows:
            facts, is_idle = row.facts, (row.facts["idle"] or "false").lower() == "true"
            cost, workload, node = facts["cost"], facts["workload"], facts.get("node")
            if cost is None or workload is None:
                raise self._rejected(row.file, row.line, f"{'workload' if cost else 'cost'} is empty")
            if (row.day, node, workload) in seen:
                hint = "the day was exported twice, or `workload` names only a part; map namespace, pod and container together"
                raise self._rejected(row.file, row.line, f"{workload:.80} is there twice on {row.day}", hint)
            seen.add((row.day, node, workload))
            idle_days[row.day] = idle_days.get(row.day, False) or is_idle
            line = self._line(row, row, cost, facts["currency"])
            hours = row.gpu_hours if facts.get("hours") is not None else None
            yield row, line | (_idle(node or workload, hours) if is_idle else _used(hours))
            if is_idle and Decimal(cost) < 0:
                reason = f"idle of {cost:.40} on {row.day}: workloads were given more than the nodes cost"
                lost.add(row.file, row.line + folders.line_base(row.index), reason, len(cost), "idle", row.day)
        tells_none = [day for day, told in sorted(idle_days.items()) if not told]
        if tells_none and self.config.columns["idle"].constant is None:
            raise SourceRejected(
                f"tells no idle of {tells_none[0]}",
                source=self.name,
                period=unit,
                hint="export allocations with idle, and not shared over workloads; where nothing tells it, say"
                ' `idle: {constant: "false"}`',
            )

    # Lines -----------------------------------------------------------------------------------------------------------

    def _line(self, row: _Row, of_node: _Row, cost: str, currency: str | None) -> dict[str, str | None]:
        return {
            "BilledCost": cost,
            "EffectiveCost": cost,
            "BillingAccountId": self.config.billing_account_id,
            "SubAccountId": row.facts.get("project"),
            "BillingCurrency": currency,
            "BillingPeriodStart": row.day.isoformat(),
            "ChargePeriodStart": row.day.isoformat(),
            "ChargePeriodEnd": (row.day + timedelta(days=1)).isoformat(),
            "ChargeCategory": "Usage",
            "ChargeDescription": row.facts.get("workload") or row.facts.get("node"),
            "ServiceName": self.config.service_name,
            "SkuId": of_node.facts.get("node_type"),
            "ResourceId": of_node.facts.get("node"),
            "ProviderName": "Self-hosted",
            "x_Model": row.facts.get("model"),
            "Tags": row.tags,
        }


def _used(gpu_hours: str | None) -> dict[str, str | None]:
    return {
        "SkuMeter": "used",
        "x_Meter": _METER,
        "ConsumedQuantity": gpu_hours,
        "ConsumedUnit": gpu_hours and _UNIT,
        "PricingQuantity": gpu_hours,
        "PricingUnit": gpu_hours and _UNIT,
    }


def _idle(what: str | None, gpu_hours: str | None) -> dict[str, str | None]:
    """Capacity that was paid for and not used (rule R5): it was not consumed, so it has no such quantity."""
    return {
        "SkuMeter": "idle",
        "ChargeDescription": f"idle {what}",
        "CommitmentDiscountId": what,
        "CommitmentDiscountStatus": "Unused",
        "PricingQuantity": gpu_hours,
        "PricingUnit": gpu_hours and _UNIT,
    }


def _check_number(name: str, text: str | None) -> None:
    """Raises ``ValueError`` for hours or GPUs that are none or below 0, and for a cost that is no amount."""
    if text is not None and money.parse_amount(text) < 0 and name != "cost":
        raise ValueError(f"{text:.40} is below 0")


def _nanos(text: str) -> int:
    return money.nanos_of(money.round_half_away(money.parse_amount(text)))
