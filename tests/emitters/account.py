"""What the finance tables say of each event, beside what the provider served for it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from reconcilers.warehouses.duckdb import read_only
from tests.emitters.drive import read_served
from tests.emitters.figures import cost
from tests.emitters.provider import Served

#: What a break's key calls the model it is about.
_MODEL = "model="
#: Around the part of a model's name that is its event's: the alias that was asked for, and how snapshots of it are named.
_ALIAS = re.compile(r".*(?:gpt-4\.1-mini|text-embedding-3-small|claude-sonnet-4|gemini-2\.5-flash)-")
_SNAPSHOT = re.compile(r"(?:-2026-08-01|-20260801|-001|-v1:0)$")


@dataclass
class Account:
    """One event: an emitter doing one scenario.

    ``answers`` were served and charged for ``served``. ``calls`` are the calls the tables know of the event's run, those
    that failed included; ``paid`` how many of them carry money, ``on_event`` how much, ``elsewhere`` where the rest of
    what the event's models were billed ended. ``breaks`` are the kinds of break that name one of its models.
    """

    emitter: str
    scenario: str
    answers: int = 0
    served: Decimal = Decimal(0)
    calls: int = 0
    paid: int = 0
    on_event: Decimal = Decimal(0)
    elsewhere: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    breaks: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        """Every answer is one call, all of its cost is on the event, and nothing is left to say."""
        return (self.paid, self.on_event) == (self.answers, self.served) and not self.elsewhere and not self.breaks


def accounts(folder: Path) -> dict[str, Account]:
    """event id → its account, in the order the events were driven, from a company that was reconciled in ``folder``."""
    found: dict[str, Account] = {}
    models: dict[str, str] = {}
    for served in read_served(folder):
        account = found.setdefault(served.event_id, Account(served.emitter, served.scenario))
        models[served.event_id.replace(".", "-").replace("_", "-")] = served.event_id
        if served.usage:
            account.answers += 1
            account.served += cost(served.usage.quantities())
    with read_only(folder / "var" / "published" / "current") as connection:
        for event_id, calls in connection.execute(
            "select event_id, sum(calls) from finance.fct_run_cost where event_id is not null group by event_id"
        ).fetchall():
            found[event_id].calls = int(calls)
        for event_id, model, destination, paid, amount in connection.execute(
            """with billed as (
                   select match_group_id, max(model) as model
                   from finance.bridge_match_group_charge inner join read_parquet(?) using (charge_id)
                   group by match_group_id
               )
               select event_id, coalesce(a.model, billed.model), destination, count(distinct call_id), sum(reconciled_cost)
               from finance.fct_allocation as a left join billed using (match_group_id)
               where reconciled_cost <> 0
               group by all""",
            [str(folder / "var" / "lake" / "*" / "*" / "charges.parquet")],
        ).fetchall():
            account = found[models[_bare(model)]]
            if event_id == f"{account.emitter}.{account.scenario}" and destination == "event":
                account.paid += paid
                account.on_event += amount
            else:
                account.elsewhere[destination] += amount
        for kind, key in connection.execute("select kind, break_key from finance.fct_breaks").fetchall():
            told = [word.removeprefix(_MODEL) for word in key.split() if word.startswith(_MODEL)]
            for model in told:
                found[models[_bare(model)]].breaks.add(kind)
    return found


def scopes(folder: Path, emitter: str) -> list[str]:
    """The scopes, with the versions they tell, of an emitter's spans, first seen first; the company's own is left out."""
    found: dict[str, None] = {}
    for line in (folder / "traces" / f"{emitter}.json").read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for spans in resource["scopeSpans"]:
                scope = spans["scope"]
                if scope["name"] != "acme.support":
                    found[" ".join(filter(None, (scope["name"], scope.get("version"))))] = None
    return list(found)


def billed(served: list[Served]) -> Decimal:
    """All that was charged for."""
    return sum((cost(one.usage.quantities()) for one in served if one.usage), Decimal(0))


def _bare(model: str) -> str:
    return _SNAPSHOT.sub("", _ALIAS.sub("", model))
