"""Alerts as people are told of them: what is open in the store of the hourly watch and in the finance tables, each told once.

Which were told stands in a small file beside each store. It is written after the telling, so a killed run tells twice
rather than never.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import warehouse_of
from reconcilers.watch import watched, watched_schema

#: Where alerts are: by telemetry each hour, by the bill each night.
STORES = ("watch", "finance")
#: An alert is in no table for longer than this after it was told, so nothing forgotten is told again.
_REMEMBERED = timedelta(days=400)


@dataclass(frozen=True)
class Alert:
    """A row of ``fct_alerts``, where the columns are explained; ``store`` is which one."""

    store: str
    alert_id: str
    kind: str
    scope: str
    scope_value: str
    opened_at: datetime
    last_seen_at: datetime
    state: str
    severity: str
    measured: Decimal
    expected: Decimal | None
    threshold: Decimal
    unit: str
    driver_feature_id: str | None
    driver_tenant_id: str | None
    driver_prompt_version: str | None
    estimated_cost: Decimal
    owner: str
    checklist: str
    message: str
    currency: str

    @property
    def title(self) -> str:
        return f"{self.severity}: {self.kind.replace('_', ' ')}, {self.scope_value} ({self.owner})"

    @property
    def driver(self) -> str:
        """Whoever drives it, in words; empty where nobody is known."""
        told = {
            "feature": self.driver_feature_id,
            "tenant": self.driver_tenant_id,
            "prompt": self.driver_prompt_version,
        }
        return ", ".join(f"{name} {value}" for name, value in told.items() if value)

    def lines(self) -> list[str]:
        """What was found, whose it is and who drives it, and the checklist, a step a line."""
        about = f"since {self.opened_at:%Y-%m-%d %H:%M} UTC, about {self.estimated_cost:.2f} {self.currency}"
        owned = f"owner {self.owner}" + (f"; driver: {self.driver}" if self.driver else "")
        return [self.message, about, owned, *steps(self.checklist)]


def steps(checklist: str) -> list[str]:
    """The steps of a checklist, each with its number before it."""
    return re.split(r" (?=[2-5]\. )", checklist)


def alerts(settings: Settings, store: str) -> list[Alert]:
    """All alerts of a store, those that are open first, then the latest; none before anything is published there.

    Raises ``SettingsInvalid`` where the publication has none, since it was made before there were alerts.
    """
    published = _published(settings, store)
    if published is None:
        return []
    names = [field.name for field in fields(Alert)][1:]
    sql = f"""select {", ".join(names)} from {_schema(settings, store)}.fct_alerts
              order by case state when 'open' then 0 else 1 end, opened_at desc, kind, scope, scope_value, alert_id"""
    try:
        return [Alert(store, *row) for row in published.ask(sql).rows]
    except SettingsInvalid as error:
        hint = "reconcile watch" if store == "watch" else "reconcile run"
        raise SettingsInvalid(f"what {store} published has no alerts: {error.problem}", hint=f"run `{hint}`") from None


def news(settings: Settings, store: str) -> Iterator[Alert]:
    """Open alerts of a store that nobody was told of. Each counts as told once the next is asked for."""
    path = settings.path(settings.home) / ("watch" if store == "watch" else "") / "alerts_told.json"
    told = _told(path)
    for alert in alerts(settings, store):
        if alert.state == "open" and alert.alert_id not in told:
            yield alert
            told[alert.alert_id] = alert.opened_at.isoformat()
            _keep(path, told)


def _published(settings: Settings, store: str) -> Published | None:
    return (watched(settings) if store == "watch" else warehouse_of(settings)).current()


def _schema(settings: Settings, store: str) -> str:
    return watched_schema(settings) if store == "watch" else "finance"


def _told(path: Path) -> dict[str, str]:
    """Alert → when it began, of those told; none where the file is not there or is none."""
    try:
        found = json.loads(path.read_bytes())
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _keep(path: Path, told: dict[str, str]) -> None:
    latest = max(told.values())
    since = (datetime.fromisoformat(latest) - _REMEMBERED).isoformat()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps({key: value for key, value in told.items() if value >= since}, indent=1))
    temporary.replace(path)
