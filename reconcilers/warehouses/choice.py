"""Which warehouse a company has; each is imported when it is the one."""

from __future__ import annotations

from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.base import Published, Warehouse


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
