"""Alerts are told once, whoever asks, and shown so that no name in them does anything."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from reconcilers import alerts
from reconcilers.console.alerts import print_alerts
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses.duckdb import FINANCE_FILE

CHECKLIST = "1. Confirm the type of spike: volume? 2. ops owns the incident. 3. Contain it. 4. Document the driver. 5. One guardrail."
ALERT: dict[str, object] = {
    "alert_id": "a1",
    "kind": "runaway_run",
    "scope": "feature",
    "scope_value": "=cmd|' /C calc'!A0",
    "opened_at": datetime(2026, 9, 28, 12),
    "last_seen_at": datetime(2026, 9, 28, 13),
    "state": "open",
    "severity": "critical",
    "measured": Decimal("75.000000000"),
    "expected": Decimal("4.000000000"),
    "threshold": Decimal("3.000000000"),
    "unit": "times expected",
    "driver_feature_id": "[red]f[/red]",
    "driver_tenant_id": None,
    "driver_prompt_version": "v\u001b[31m",
    "estimated_cost": Decimal("11.048688750"),
    "owner": "ops",
    "checklist": CHECKLIST,
    "message": "feature f: 75 calls",
    "currency": "USD",
}
TYPES = {datetime: "timestamp", Decimal: "decimal(38, 9)"}


def publish(home: Path, *rows: dict[str, object]) -> None:
    """One more version with these alerts."""
    versions = home / "published" / "versions"
    version = versions / f"{len(list(versions.glob('*'))) + 1:06d}"
    version.mkdir(parents=True)
    with duckdb.connect(str(version / FINANCE_FILE)) as connection:
        columns = ", ".join(f"{name} {TYPES.get(type(value), 'varchar')}" for name, value in ALERT.items())
        connection.execute(f"create schema finance; create table finance.fct_alerts ({columns})")
        for row in rows:
            connection.execute(
                f"insert into finance.fct_alerts values ({', '.join('?' * len(row))})", list(row.values())
            )
    (version / "run.json").write_text(json.dumps({"period": "", "as_of": "", "failed_units": [], "warnings": []}))
    link = home / "published" / "current"
    link.unlink(missing_ok=True)
    link.symlink_to(version)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "reconcile.yaml").write_text("home: var\n")
    return read_settings(tmp_path / "reconcile.yaml")


def told(settings: Settings, store: str = "finance") -> list[str]:
    return [alert.alert_id for alert in alerts.news(settings, store)]


def test_each_open_alert_is_news_once(settings: Settings, tmp_path: Path) -> None:
    assert told(settings) == []
    publish(tmp_path / "var", ALERT, {**ALERT, "alert_id": "a2", "state": "over"})
    publish(tmp_path / "var" / "watch", {**ALERT, "alert_id": "w1"})
    assert told(settings) == ["a1"]
    assert told(settings, "watch") == ["w1"]
    assert told(settings) == []
    later = {**ALERT, "alert_id": "a3", "opened_at": datetime(2026, 9, 29)}
    publish(tmp_path / "var", {**ALERT, "last_seen_at": datetime(2026, 9, 29)}, later)
    assert told(settings) == ["a3"]


def test_a_teller_killed_in_between_tells_again(settings: Settings, tmp_path: Path) -> None:
    publish(tmp_path / "var", ALERT, {**ALERT, "alert_id": "a2", "opened_at": datetime(2026, 9, 27)})
    teller = alerts.news(settings, "finance")
    assert [next(teller).alert_id, next(teller).alert_id] == ["a1", "a2"]
    teller.close()
    assert told(settings) == ["a2"]
    (tmp_path / "var" / "alerts_told.json").write_text("torn")
    assert told(settings) == ["a1", "a2"]


def test_an_alert_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    publish(tmp_path / "var", ALERT)
    [alert] = alerts.alerts(settings, "finance")
    assert alert.title == "critical: runaway run, =cmd|' /C calc'!A0 (ops)"
    assert alert.lines()[1] == "since 2026-09-28 12:00 UTC, about 11.05 USD"
    assert alert.lines()[2].startswith("owner ops; driver: feature [red]f[/red], prompt v")
    assert alert.lines()[3:] == [
        "1. Confirm the type of spike: volume?",
        "2. ops owns the incident.",
        "3. Contain it.",
        "4. Document the driver.",
        "5. One guardrail.",
    ]


def test_every_form_has_all_and_runs_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / "var", ALERT, {**ALERT, "alert_id": "a2", "state": "over"})
    publish(tmp_path / "var" / "watch", {**ALERT, "alert_id": "w1"})
    print_alerts(settings, True, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["store"], row["alert_id"]) for row in rows] == [("watch", "w1"), ("finance", "a1"), ("finance", "a2")]
    assert rows[0]["scope_value"].startswith("'=cmd")
    print_alerts(settings, False, "json")
    found = json.loads(capsys.readouterr().out)
    assert [one["alert_id"] for one in found] == ["w1", "a1"]
    assert Decimal(found[0]["estimated_cost"]) == Decimal("11.04868875")
    print_alerts(settings, False, "table")
    shown = capsys.readouterr().out
    assert "feature [red]f[/red], prompt v\\x1b[31m" in shown
    assert "\u001b[31m" not in shown
    with pytest.raises(SettingsInvalid, match="unknown format 'yaml'"):
        print_alerts(settings, False, "yaml")


def test_a_publication_of_before_says_what_is_missing(settings: Settings, tmp_path: Path) -> None:
    publish(tmp_path / "var")
    version = (tmp_path / "var" / "published" / "current").resolve()
    with duckdb.connect(str(version / FINANCE_FILE)) as connection:
        connection.execute("drop table finance.fct_alerts")
    with pytest.raises(SettingsInvalid, match="what finance published has no alerts"):
        alerts.alerts(settings, "finance")
