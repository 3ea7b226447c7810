"""What is rare and easily read wrongly, planted in small numbers: calls told twice, in part, elsewhere or to nobody.

Each leaves money where a careless reading loses it, doubles it or gives it to somebody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from reconcilers.sample_company.emitters.planting import Planting
from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.seen.facts import Usage
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    CONTEXT_THRESHOLDS,
    INPUT,
    LONG,
    OPENAI,
    SONNET,
    TENANTS,
)
from reconcilers.sample_company.world.generate import quantities
from reconcilers.sample_company.world.happened import TrueCall, World

_FEW, _SOME = 3, 6


def plant(world: World, books: Books, used: set[int]) -> None:
    """Choose among calls that arrive undamaged and record every choice."""
    _Rarities(world, books, "rarities", used).run()


class _Rarities(Planting):
    def run(self) -> None:
        # A skewed call must find its own day's rest unclaimed.
        skewed = [call for call in self.world.calls if call.skew_seconds]
        days = {(c.source, c.model, c.ended_at.date() + timedelta(days=n)) for c in skewed for n in (0, 1)}
        self.used |= {c.call_id for c in self.own if (c.source, c.model, c.ended_at.date()) in days}
        self.two_tenants()
        self.long_context()
        self.ids_on_roots_only()
        self.cache_untold()
        self.told_by_gateway()
        self.partly_exported()
        self.reused_response_ids()
        self.ownerless()

    def two_tenants(self) -> None:
        """A worker of a report serves another tenant than the report is for."""
        for call in self.sample((c for c in self.own if c.service == "report-worker" and c.source == OPENAI), _FEW):
            call.tenant_id = self.rng.choice([one.tenant_id for one in TENANTS if one.tenant_id != call.tenant_id])
            self.record("two_tenants", f"{call.event_id} also works for {call.tenant_id}", call, "cost of that tenant")

    def long_context(self) -> None:
        """A few reports are planned over more input than the standard price covers."""
        threshold = CONTEXT_THRESHOLDS[ANTHROPIC, SONNET]
        for call in self.sample((c for c in self.own if c.service == "report-worker" and c.model == SONNET), _FEW):
            more = Usage(INPUT, Decimal(threshold + self.rng.randint(1, 40_000)))
            call.usage = (more, *(usage for usage in call.usage if usage.meter != INPUT))
            call.context_band = LONG
            self.record("long_context", f"more than {threshold} tokens of input", call, "billed in its own band")

    def ids_on_roots_only(self) -> None:
        """Some runs name event and tenant on their root span alone, which comes in another file half of the time."""
        calls: dict[str, list[TrueCall]] = defaultdict(list)
        for call in self.own:
            calls[call.run_id or ""].append(call)
        runs = [
            run
            for run in self.world.runs
            if run.service == "support-agent" and calls[run.run_id] and all(map(self.whole, calls[run.run_id]))
        ]
        for number, run in enumerate(self.rng.sample(runs, min(_SOME, len(runs)))):
            run.ids_on_root, run.root_delivered_late = True, number % 2 == 0
            for call in calls[run.run_id]:
                call.ids_on_root = True
                self.record("ids_on_root", "only the root of the trace names anybody", call, "event, from an ancestor")

    def cache_untold(self) -> None:
        """An older tracker tells all input as one number."""
        workers = (c for c in self.own if c.service == "report-worker" and c.source == OPENAI)
        for call in self.sample(workers, _SOME):
            call.cache_untold = True
            self.record("cache_untold", "the tracker knows no cache", call, "event, a part of it cache_semantics")

    def told_by_gateway(self) -> None:
        """The gateway in front of an SDK tells the call again, with its response id and a provider name of its own."""
        for call in self.sample(self._answers(), _SOME):
            call.told_by_gateway = True
            self.record("told_by_gateway", "gateway and SDK tell one response", call, "none: it is one call")

    def partly_exported(self) -> None:
        """An agent sums two calls of which one was never exported."""
        for host in self.sample(self._answers(), _FEW):
            host.wrapped = True
            self.used.add(host.call_id)
            lost = replace(
                host,
                call_id=len(self.world.calls),
                usage=quantities(self.rng, (800, 4000), (200, 1500)),
                ended_at=host.ended_at - timedelta(milliseconds=50),
                span_id=f"{self.rng.getrandbits(64) | 1:016x}",
                response_id=f"msg_01{self.rng.getrandbits(88):022x}",
                dropped=True,
            )
            self.world.calls.append(lost)
            self.record(
                "partly_exported", "an agent tells a call that has no span", lost, "event, as the agent's excess"
            )

    def reused_response_ids(self) -> None:
        """Two answers hours apart carry one id."""
        chats = [c for c in self.own if c.service == "model-gateway" and self.whole(c)]
        for first in self.sample(chats, 2):
            later = [
                c
                for c in chats
                if self.whole(c)
                and c is not first
                and c.event_id != first.event_id
                and c.ended_at > first.ended_at + timedelta(hours=1)
            ]
            if later:
                second = self.rng.choice(later)
                second.response_id = first.response_id
                both = tuple(f"{c.trace_id}|{c.span_id}" for c in (first, second))
                self.used.add(first.call_id)
                what = f"two answers carry {first.response_id}"
                self.record("reused_response_id", what, second, "none, and break ambiguous_identity", both)

    def ownerless(self) -> None:
        """Plain spans of a notebook: no key, no event, no tenant, a trace of their own. Some on the last days."""
        chats = [c for c in self.own if c.service == "model-gateway"]
        recent = [c for c in chats if c.ended_at.date() >= self.world.end - timedelta(days=2)]
        for call in (*self.sample(recent, 2), *self.sample(chats, _FEW)):
            call.event_lost = call.key_lost = True
            self.record("ownerless_span", "a plain span names no key and nobody", call, "untagged")

    def _answers(self) -> Iterator[TrueCall]:
        return (c for c in self.own if c.service == "support-agent" and c.operation == "chat" and c.source == ANTHROPIC)
