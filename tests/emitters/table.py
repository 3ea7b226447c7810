"""``docs/emitters.md``: what real emitters told, and what the finance tables make of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.emitters.account import Account, accounts, scopes
from tests.emitters.emitters import EMITTERS

#: event id → why its account is not whole; what is expected there is in the same place.
EXCEPTIONS: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("exceptions.yaml").read_text()
)

_HEAD = """# Real emitters

`make emitters` installs each of these packages, pinned, in an environment of its own, and lets it make the same calls of a provider on loopback
(`tests/emitters/`). What it told is collected as OTLP/JSON, what the provider served is the bill, and the job reconciles the two. This page is
written by that command.

An event is one emitter doing one scenario, with a model of its own, so that nothing is made good by a neighbour:

| scenario | what happens |
|---|---|
| plain | an answer without any cache: OpenAI and Gemini 1,000 in, 120 out, 50 of them thoughts; Anthropic 950 in, 20 out |
| cached | 800 of the 1,000 read from the cache; Anthropic and Bedrock 100 not cached, 800 read, 50 written for five minutes |
| hour | 20 of the 50 written for an hour |
| streamed, unasked | as cached, in a stream; *unasked*: without asking OpenAI for its usage |
| cut, left | the provider breaks the stream off; the caller leaves it. Both are billed in full as far as they came |
| failed | status 500, not billed |
| retried | status 429 first, then as cached |
| agent… | a tool call (600 in, 40 out), then as cached |
| responses…, chat, embeddings, invoked, claude… | another API of the provider, or another provider behind the same emitter |

*Whole* is an event all of whose answers are one call each, with every cent of what the provider charged for them, and no break that names its model.
"""


def write_table(folder: Path, docs: Path) -> None:
    """Write ``docs`` from the company in ``folder``."""
    found = accounts(folder)
    lines = [
        _HEAD,
        "## By emitter",
        "",
        "| emitter | package | scopes | ids travel by | whole | not whole, because |",
        "|---|---|---|---|---|---|",
    ]
    for emitter in EMITTERS:
        mine = [account for account in found.values() if account.emitter == emitter.name]
        whole = ", ".join(account.scenario for account in mine if account.is_whole)
        rest = "; ".join(f"{account.scenario}: {_why(account)}" for account in mine if not account.is_whole)
        told = ", ".join(f"`{scope}`" for scope in scopes(folder, emitter.name))
        lines.append(
            f"| {emitter.name} | {emitter.package} {emitter.version} | {told} | {emitter.ids} | {whole} | {rest} |"
        )
    lines += [
        "",
        "## By event",
        "",
        "Amounts in USD. *Calls* are those the tables know of the event, failed ones included; *paid* those that carry money.",
        "",
    ]
    lines += [
        "| event | answers | calls | paid | served | on the event | elsewhere | breaks |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for event_id, account in found.items():
        elsewhere = ", ".join(f"{name} {_amount(cost)}" for name, cost in sorted(account.elsewhere.items()))
        breaks = ", ".join(sorted(account.breaks))
        lines.append(
            f"| {event_id} | {account.answers} | {account.calls} | {account.paid} | {_amount(account.served)} "
            f"| {_amount(account.on_event)} | {elsewhere} | {breaks} |"
        )
    docs.write_text("\n".join(lines) + "\n")


def _why(account: Account) -> str:
    known = EXCEPTIONS.get(account.emitter, {}).get(account.scenario)
    return str(known["why"]) if known else "**not explained**"


def _amount(cost: Decimal) -> str:
    return f"{cost.normalize():f}"
