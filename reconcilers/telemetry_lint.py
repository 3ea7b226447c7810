"""Who keeps to the contract of telemetry: of the calls of each service and emitter the share that tell what they are asked to.

A call is what a build counts: tellings that are one call are one, and what a span above it or its trace tells is told (R29, R32).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.known import known
from reconcilers.periods import FIRST_INSTANT, LAST_INSTANT, Period
from reconcilers.sources.telemetry.attribute_contract import NAMES, what_to_set

_MEMORY_LIMIT = "1GB"
_EMITTER = ("service", "dialect", "scope_name", "scope_version")
#: A call that failed, or that a cache in between answered, used nothing to count.
_TOLD = f"""
    {", ".join(_EMITTER)}, {", ".join(name for name in NAMES if name != "usage")}, ended_at,
    case when usage_source <> 'missing' or answered_from_cache or status = 'error' or error_type is not null then true end as usage
"""
#: The service is in the wide rows only; of columns that are not named nothing is read.
_CALLS = f"select source, {_TOLD} from read_parquet($calls) as told {{but_resolved}} where billable"
_BUT_RESOLVED = """
    anti join (
        select told_landing_id as landing_id, told_landing_row as landing_row from read_parquet($resolved_tellings)
        where charge_day >= $first_day and charge_day < $end
    ) using (landing_id, landing_row)
"""
_RESOLVED = f"select telemetry_source as source, {_TOLD} from read_parquet($resolved_calls)"
_COUNTED = f"""
    select source, {", ".join(_EMITTER)}, count(*), {", ".join(f"count({name})" for name in NAMES)}
    from ({{calls}}) where ended_at >= $first_day and ended_at < $end
    group by all
"""


@dataclass(frozen=True)
class Tagged:
    """The calls of one service and emitter, and how many of them tell each of ``NAMES``; null is a name that nothing tells."""

    source: str
    service: str | None
    dialect: str
    scope_name: str | None
    scope_version: str | None
    calls: int
    telling: Mapping[str, int]

    def share(self, name: str) -> Decimal:
        """The share of calls that tell it, rounded down: 1 only where all do."""
        return Decimal(self.telling[name] * 10**4 // self.calls).scaleb(-4)

    def lacking(self, at_least: Mapping[str, Decimal]) -> list[str]:
        """The names that fewer calls tell than they should."""
        return [name for name in NAMES if self.telling[name] < at_least[name] * self.calls]

    @property
    def emitter(self) -> str:
        """Its instrumentation scope and version; empty where it tells none."""
        return " ".join(part for part in (self.scope_name, self.scope_version) if part)


def tagged(
    settings: Settings, as_of: datetime, period: Period | None = None, service: str | None = None
) -> list[Tagged]:
    """Every service and emitter known at ``as_of``, those with most calls first: of a period, or of all that landed; of one service,
    or of all."""
    telemetry = {str(config["name"]) for config in settings.telemetry}
    found = _counted(known(settings, as_of, lambda landed: landed.source in telemetry).files, period)
    wanted = [one for one in found if service is None or one.service == service]
    return sorted(wanted, key=lambda one: (-one.calls, one.source, one.service or "", one.emitter, one.dialect))


def _counted(files: Mapping[str, Sequence[Path]], period: Period | None) -> list[Tagged]:
    import duckdb

    if not files.get("calls"):
        return []
    read = ("calls", *(name for name in ("resolved_tellings", "resolved_calls") if files.get(name)))
    calls = _CALLS.format(but_resolved=_BUT_RESOLVED if "resolved_tellings" in read else "")
    if "resolved_calls" in read:
        calls = f"{calls} union all {_RESOLVED}"
    values: dict[str, object] = {entity: [str(path) for path in files[entity]] for entity in read}
    values["first_day"], values["end"] = (period.start, period.end) if period else (FIRST_INSTANT, LAST_INSTANT)
    with (
        TemporaryDirectory(prefix="reconcile-lint-") as spilled,
        duckdb.connect(config={"memory_limit": _MEMORY_LIMIT, "temp_directory": spilled}) as connection,
    ):
        rows = connection.execute(_COUNTED.format(calls=calls), values).fetchall()
    return [_tagged(*row) for row in rows]


def _tagged(
    source: str,
    service: str | None,
    dialect: str,
    scope_name: str | None,
    scope_version: str | None,
    calls: int,
    *told: int,
) -> Tagged:
    telling = dict(zip(NAMES, told, strict=True))
    return Tagged(source, service, dialect, scope_name, scope_version, calls, telling)


def advice(settings: Settings, found: Sequence[Tagged], at_least: Mapping[str, Decimal]) -> list[str]:
    """For each service and emitter under ``at_least`` (a share for each of ``NAMES``) what it lacks, and what to set; a line each."""
    sources = {source.name: source for _, source in configured_sources(settings)}
    return [
        f"source {one.source}, service {one.service or '(untold)'}, emitter {one.emitter or '(untold)'}: "
        f"{one.calls - one.telling[name]} of {one.calls} calls tell no {name}"
        f" -> {what_to_set(sources.get(one.source), one.dialect, name)}"
        for one in found
        for name in one.lacking(at_least)
    ]
