"""What every planting needs: calls to choose from, and one record of what was done to which."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random

from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.seen.view import has_span
from reconcilers.sample_company.world.happened import Planted, TrueCall, World


class Planting:
    """Calls to choose from, which of them are damaged already, and the record of every damage."""

    def __init__(self, world: World, books: Books, salt: str, used: set[int] | None = None) -> None:
        self.world, self.books = world, books
        self.rng = Random(f"{world.seed}|{salt}")
        self.own = [c for c in world.calls if has_span(c) and c.environment == "production" and c.event_id]
        self.used: set[int] = used if used is not None else set()

    def record(self, kind: str, what: str, call: TrueCall, effect: str, ids: tuple[str, ...] | None = None) -> None:
        """Record one damaged call with its true cost."""
        self.used.add(call.call_id)
        day = call.ended_at.date()
        shown = ids or (f"{call.trace_id}|{call.span_id}",)
        cost = self.books.call_cost(call)
        self.world.planted.append(Planted(kind, what, call.source, day, shown, effect, cost))

    def total(
        self, kind: str, what: str, source: str | None, calls: list[TrueCall], effect: str, ids: tuple[str, ...] = ()
    ) -> None:
        """Record a stream of calls with its true cost."""
        cost = sum((self.books.call_cost(call) for call in calls), Decimal(0))
        self.world.planted.append(Planted(kind, what, source, None, ids, effect, cost))

    def whole(self, call: TrueCall) -> bool:
        """Whether a call's span arrives undamaged."""
        return has_span(call) and call.call_id not in self.used

    def pick(self, calls: Iterable[TrueCall]) -> TrueCall:
        return self.rng.choice([call for call in calls if call.call_id not in self.used])

    def sample(self, calls: Iterable[TrueCall], count: int) -> list[TrueCall]:
        """At most ``count`` undamaged calls."""
        whole = [call for call in calls if self.whole(call)]
        return self.rng.sample(whole, min(count, len(whole)))
