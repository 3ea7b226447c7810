"""What truly happened: events, runs, calls, outcomes and revenue of the sample company, before anyone observed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Usage


@dataclass(slots=True)
class TrueCall:
    """One operation a provider served and will bill, with how telemetry came to (mis)represent it.

    ``ended_at`` is when it truly ended (the provider's clock); the span says ``ended_at + skew``. ``usage`` is the
    true, disjoint usage. ``seen_usage`` is what the span carries where that differs: empty for a stream cut off, a guess
    where ``estimated``. ``event_lost``: the span begins a trace of its own and names nobody; ``ids_on_root``: only the
    root of its trace names anybody; ``cache_untold``: an older tracker that knows no cache wrote it; ``told_by_gateway``:
    the gateway in front tells the call once more.
    """

    call_id: int
    source: str
    operation: str
    model: str
    project: str | None
    api_key: str | None
    usage: tuple[Usage, ...]
    started_at: datetime
    ended_at: datetime
    service: str
    trace_id: str
    span_id: str
    parent_span_id: str
    response_id: str | None
    event_id: str | None
    run_id: str | None
    tenant_id: str | None
    feature_id: str | None
    workflow: str | None
    prompt_version: str | None
    environment: str
    user_id: str | None
    service_tier: str = "standard"
    batch: str = "false"
    context_band: str = "standard"
    billed_days_later: int = 0
    failed_with: str | None = None
    instrumented: bool = True
    billed: bool = True
    dropped: bool = False
    sampled_away: bool = False
    delivered_twice: bool = False
    wrapped: bool = False
    event_lost: bool = False
    key_lost: bool = False
    ids_on_root: bool = False
    cache_untold: bool = False
    told_by_gateway: bool = False
    skew_seconds: int = 0
    seen_environment: str | None = None
    seen_usage: tuple[Usage, ...] | None = None
    estimated: bool = False

    @property
    def seen(self) -> bool:
        """Whether any span of it was delivered."""
        return self.instrumented and not self.dropped and not self.sampled_away


@dataclass(slots=True)
class TrueRun:
    """One attempt at an event, or an async worker of one. ``kind`` is primary, retry, fallback, escalation or worker.

    ``dropped``: its root span never arrived.
    """

    run_id: str
    event_id: str
    kind: str
    parent_run_id: str | None
    retry_of_run_id: str | None
    service: str
    trace_id: str
    root_span_id: str
    started_at: datetime
    ended_at: datetime
    succeeded: bool
    error_class: str | None
    tenant_id: str
    feature_id: str
    workflow: str
    prompt_version: str
    environment: str
    user_id: str
    ids_on_root: bool = False
    root_delivered_late: bool = False
    dropped: bool = False


@dataclass(slots=True)
class TrueTool:
    """A tool call inside a run: a span without billed usage."""

    run_id: str
    name: str
    started_at: datetime
    ended_at: datetime
    span_id: str
    dropped: bool = False


@dataclass(slots=True)
class TrueOutcome:
    """One statement of how an event ended, and when it became known."""

    event_id: str
    outcome: str
    emitter: str
    occurred_at: datetime
    value: Decimal | None
    reason: str | None


@dataclass(slots=True)
class TrueEvent:
    """One business intent of one tenant; its cost is the cost of all its runs. ``incident`` is the kind of the one that added it."""

    event_id: str
    tenant_id: str
    feature_id: str
    environment: str
    created_at: datetime
    incident: str | None = None


@dataclass(slots=True)
class Planted:
    """One thing that was made to go wrong: what, to which ids, and the effect the accounting must show for it."""

    kind: str
    what: str
    source: str | None
    day: date | None
    ids: tuple[str, ...]
    expected_effect: str
    amount: Decimal
    currency: str = "USD"


@dataclass
class World:
    """Everything the generator decided, in one place; all else is derived from it."""

    seed: int
    start: date
    end: date
    events_per_day: int
    amended_on: date
    events: list[TrueEvent] = field(default_factory=list)
    runs: list[TrueRun] = field(default_factory=list)
    tools: list[TrueTool] = field(default_factory=list)
    calls: list[TrueCall] = field(default_factory=list)
    outcomes: list[TrueOutcome] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
