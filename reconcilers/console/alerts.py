"""Alerts on paper: open ones after a run, all of them when asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

from reconcilers.alerts import STORES, Alert, alerts
from reconcilers.console.paper import check_format, console, paper, plain, print_table, write_figures
from reconcilers.declared.settings import Settings
from reconcilers.warehouses.base import Figures

_SHOWN = ("store", "state", "severity", "kind", "opened_at", "estimated_cost", "owner", "driver", "message")


def print_alerts(settings: Settings, everything: bool, output: str) -> None:
    """Open alerts of both stores, or all; as ``table``, ``csv`` or ``json``. Raises ``SettingsInvalid`` for any other format."""
    check_format(output)
    found = [one for store in STORES for one in alerts(settings, store) if everything or one.state == "open"]
    figures = Figures([field.name for field in fields(Alert)], [astuple(one) for one in found])
    if output != "table":
        write_figures(figures, output)
    elif found:
        _print_table(found)
        paper().print("what to do: the checklist of each with `--format json`, and docs/operations.md")
    else:
        console.print("no alerts" if everything else "no alert is open")


def print_open(settings: Settings) -> None:
    """The open alerts of the hourly watch, a line for each."""
    found = [one for one in alerts(settings, "watch") if one.state == "open"]
    for one in found:
        console.print(f"[yellow]{one.severity}[/] {one.kind}: {plain(one.message)}")
        console.print(f"  owner {plain(one.owner)}" + (f"; driver: {plain(one.driver)}" if one.driver else ""))
    if not found:
        console.print("no alert is open")


def _print_table(found: Sequence[Alert]) -> None:
    rows = [
        [f"{one.estimated_cost:.2f}" if name == "estimated_cost" else getattr(one, name) for name in _SHOWN]
        for one in found
    ]
    print_table(paper(), [name.replace("_", " ") for name in _SHOWN], rows)
