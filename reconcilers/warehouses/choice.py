"""Which warehouse a company has; each is imported when it is the one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.base import Published, Warehouse

if TYPE_CHECKING:
    from reconcilers.warehouses.duckdb import Version


def warehouse_of(settings: Settings) -> Warehouse:
    """The warehouse a company's settings name."""
    if settings.warehouse == "bigquery":
        from reconcilers.warehouses.bigquery import BigQuery

        assert settings.bigquery is not None
        return BigQuery(settings.bigquery, settings.path(settings.home))
    from reconcilers.warehouses.duckdb import Store

    return Store(settings.path(settings.home))


def current(settings: Settings) -> Published:
    """What the company has published. Raises ``SettingsInvalid`` before the first time."""
    published = warehouse_of(settings).current()
    if published is None:
        raise SettingsInvalid("nothing is published yet", hint="run `reconcile run --date DAY` first")
    return published


def two_versions(settings: Settings, earlier: str | None, later: str | None) -> list[Version]:
    """The versions from one to another, both included: those of the numbers told, else the one published and the one before it.

    Raises ``SettingsInvalid`` where there are not two; BigQuery keeps one.
    """
    from reconcilers.warehouses.duckdb import Store

    hint = "`--months 2026-09 2026-10` compares two months of what is published"
    warehouse = warehouse_of(settings)
    if not isinstance(warehouse, Store):
        raise SettingsInvalid("on BigQuery one version is published", hint=hint)
    versions = warehouse.versions()
    numbers = {int(version.folder.name): place for place, version in enumerate(versions)}
    last = _place(later, numbers) if later else len(versions) - 1
    first = _place(earlier, numbers) if earlier else last - 1
    if not 0 <= first < last:
        kept = ", ".join(map(str, numbers)) or "none"
        raise SettingsInvalid(f"there are no two versions to compare, the earlier first; kept: {kept}", hint=hint)
    return versions[first : last + 1]


def _place(told: str, numbers: Mapping[int, int]) -> int:
    digits = told.strip().removeprefix("version").strip()
    if not digits.isdecimal() or int(digits) not in numbers:
        kept = ", ".join(map(str, numbers)) or "none"
        raise SettingsInvalid(
            f"version {told!r:.40} is not kept; kept: {kept}", hint="`keep_versions` says how many are"
        )
    return numbers[int(digits)]
