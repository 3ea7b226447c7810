"""Every call of every real emitter is counted once, with all it cost, or a break says why not.

``make emitters`` runs this over the company it has driven and reconciled. The name keeps it out of ``make test``: it
needs packages of its own and ten minutes. ``exceptions.yaml`` says which events cannot be whole and what they come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.warehouses.duckdb import read_only
from tests.emitters.account import Account, accounts, billed
from tests.emitters.drive import read_served
from tests.emitters.emitters import EMITTERS
from tests.emitters.table import EXCEPTIONS

FOLDER = Path("var/emitters/company")


@pytest.fixture(scope="module")
def found() -> dict[str, Account]:
    """The account of every event."""
    return accounts(FOLDER)


@pytest.mark.parametrize("name", [emitter.name for emitter in EMITTERS])
def test_every_call_is_counted_once(found: dict[str, Account], name: str) -> None:
    mine = {account.scenario: account for account in found.values() if account.emitter == name}
    known = EXCEPTIONS.get(name, {})
    pairs = {scenario: (_said(account), _expected(account, known.get(scenario))) for scenario, account in mine.items()}
    differing = [
        f"{scenario}: {said}, not {expected}" for scenario, (said, expected) in pairs.items() if said != expected
    ]
    assert not differing, "\n".join(differing)
    assert known.keys() <= mine.keys()


def test_the_bill_is_all_there(found: dict[str, Account]) -> None:
    served = read_served(FOLDER)
    with read_only(FOLDER / "var" / "published" / "current") as connection:
        (total,) = connection.execute("select sum(reconciled_cost) from finance.fct_allocation").fetchone()
    assert total == billed(served)
    assert sum((account.on_event + sum(account.elsewhere.values()) for account in found.values()), Decimal(0)) == total


def test_each_scenario_is_driven(found: dict[str, Account]) -> None:
    driven = {emitter.name: {a.scenario for a in found.values() if a.emitter == emitter.name} for emitter in EMITTERS}
    assert len(driven) >= 12
    for name, scenarios in driven.items():
        assert {"plain", "cached", "streamed", "cut", "failed", "retried"} <= scenarios, name


def _said(account: Account) -> str:
    return _told(account.paid, account.on_event, account.elsewhere, account.breaks)


def _expected(account: Account, known: dict[str, Any] | None) -> str:
    """``known`` is what ``exceptions.yaml`` says of the event, none where it must be whole."""
    known = known or {}
    told = known.get("elsewhere", {})
    elsewhere = (
        {told: account.served} if isinstance(told, str) else {name: Decimal(cost) for name, cost in told.items()}
    )
    on_event = account.served - sum(elsewhere.values(), Decimal(0))
    paid = known.get("paid", 0 if isinstance(told, str) else account.answers)
    return _told(paid, on_event, elsewhere, known.get("breaks", ()))


def _told(paid: int, on_event: Decimal, elsewhere: Mapping[str, Decimal], breaks: Iterable[str]) -> str:
    costs = ", ".join(f"{name} {cost.normalize():f}" for name, cost in sorted(elsewhere.items()))
    return (
        f"{paid} paid, {on_event.normalize():f} on the event, elsewhere [{costs}], breaks [{', '.join(sorted(breaks))}]"
    )
