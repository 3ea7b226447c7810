"""Who keeps to the contract of telemetry, for a person, or for a pipeline that takes tagged calls only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from reconcilers.console.paper import check_format, console, paper, plain, print_table, write_figures
from reconcilers.declared.settings import Settings
from reconcilers.periods import Period
from reconcilers.sources.telemetry.attribute_contract import NAMES
from reconcilers.telemetry_lint import Tagged, advice, tagged
from reconcilers.warehouses.base import Figures

_ALL = dict.fromkeys(NAMES, Decimal(1))


def print_lint(
    settings: Settings,
    period: Period | None,
    as_of: datetime,
    service: str | None,
    at_least: Mapping[str, Decimal] | None,
    output: str,
) -> bool:
    """The share of calls that tell each of ``NAMES``, per service and emitter, with what to set where it is under ``at_least``.

    Returns whether all tell as much as ``at_least`` says, null for nothing; where no call is known nothing shows that they do.
    Raises ``SettingsInvalid`` for an unknown format.
    """
    check_format(output)
    with console.status("reading what has landed"):
        found = tagged(settings, as_of, period, service)
    lines = advice(settings, found, at_least or _ALL)
    if output == "table":
        _print_table(found, lines)
    else:
        write_figures(_figures(settings, found, at_least or _ALL), output)
    if not found:
        of_service = f" of service {plain(repr(service))}" if service else ""
        console.print(f"no call{of_service} is known of {period or 'any day'}; land some with `reconcile run`")
    return at_least is None or bool(found and not lines)


def _print_table(found: Sequence[Tagged], lines: Sequence[str]) -> None:
    rows = [
        (one.source, one.service, one.emitter, one.dialect, one.calls, *(_percent(one.share(name)) for name in NAMES))
        for one in found
    ]
    out = paper()
    if rows:
        print_table(out, ["source", "service", "emitter", "dialect", "calls", *NAMES], rows)
    for line in lines:
        out.print(plain(line), highlight=False)
    if lines:
        out.print("names of work go into baggage where the work begins: docs/telemetry-contract.md", highlight=False)


def _figures(settings: Settings, found: Sequence[Tagged], at_least: Mapping[str, Decimal]) -> Figures:
    names = ["source", "service", "dialect", "scope_name", "scope_version", "calls"]
    heads = [*names, *(f"calls_with_{name}" for name in NAMES), *(f"share_{name}" for name in NAMES), "lacks"]
    rows = [
        (
            *(getattr(one, name) for name in names),
            *(one.telling[name] for name in NAMES),
            *(one.share(name) for name in NAMES),
            advice(settings, [one], at_least),
        )
        for one in found
    ]
    return Figures(heads, rows)


def _percent(share: Decimal) -> str:
    return f"{share * 100:.2f}%"
