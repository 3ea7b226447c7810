"""Ground-truth facts of a company, in plain Python: what the bill says, what telemetry shows, how events ended.

``truth`` reckons the true answer from these by ``rules.md`` and imports nothing of the pipeline, so the pipeline's
SQL and this code can check each other. Field names equal the lake's columns (``docs/lake.md``); amounts and
quantities are ``Decimal`` made from text, times are naive UTC ``datetime``, days are ``date``. ``None`` = not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

PRICE_DIMENSIONS = (
    "service_tier",
    "batch",
    "context_band",
    "geography",
    "region",
    "speed",
    "modality",
    "cache_ttl",
)

#: What a provider means when it leaves a price-setting dimension out (R8). ``cache_ttl`` is ``5m`` for cache writes.
DIMENSION_DEFAULTS = {
    "service_tier": "standard",
    "batch": "false",
    "context_band": "standard",
    "geography": "global",
    "region": "(default)",
    "speed": "standard",
    "modality": "text",
    "cache_ttl": "(none)",
}

#: Decimal places kept of each meter's quantity; every other meter keeps whole units.
METER_SCALES = {"seconds": 3, "gb_hours": 6, "read_units": 3}


@dataclass(frozen=True)
class Key:
    """Who a bill line, report row or call belongs to and what it is a quantity of; ``None`` = not known."""

    billing_account_id: str | None = None
    sub_account_id: str | None = None
    api_key_id: str | None = None
    model: str | None = None
    meter: str | None = None
    service_tier: str | None = None
    batch: str | None = None
    context_band: str | None = None
    geography: str | None = None
    region: str | None = None
    speed: str | None = None
    modality: str | None = None
    cache_ttl: str | None = None


@dataclass(frozen=True)
class Charge:
    """One line of a bill. ``billed_cost`` and ``effective_cost`` are exact, in ``billing_currency``, any number of decimals."""

    source: str
    line_id: str
    key: Key
    billed_cost: Decimal
    effective_cost: Decimal
    charge_period_start: datetime
    charge_period_end: datetime
    billing_period_start: date
    billing_currency: str = "USD"
    charge_category: str = "Usage"
    charge_class: str | None = None
    service_name: str | None = None
    sku_meter: str | None = None
    list_cost: Decimal | None = None
    quantity: Decimal | None = None
    reduction: str | None = None
    commitment_discount_status: str | None = None
    linked_line_ids: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportedUsage:
    """One row of the provider's usage report: quantity of a key on a UTC day (R10)."""

    source: str
    key: Key
    charge_day: date
    quantity: Decimal


@dataclass(frozen=True)
class Usage:
    """One element of a call's disjoint usage partition."""

    meter: str
    quantity: Decimal
    modality: str | None = None
    cache_ttl: str | None = None


@dataclass(frozen=True)
class Call:
    """One billable call as telemetry shows it, after de-duplication and the leaf-span rule.

    ``identity`` is the text whose md5 is ``call_id`` (R17): ``provider|response id``, ``trace id|span id`` or ``source|record id``.
    ``source`` is the billing source whose bill it meets. ``key.meter``, ``key.modality`` and ``key.cache_ttl`` are unused here: they are per usage.
    """

    source: str
    identity: str
    key: Key
    ended_at: datetime
    usage: tuple[Usage, ...]
    event_id: str | None = None
    run_id: str | None = None
    tenant_id: str | None = None
    feature_id: str | None = None
    environment: str | None = "production"
    estimated: bool = False
    sampling_probability_millionths: int | None = None


@dataclass(frozen=True)
class RunRecord:
    """One run as telemetry states it, also where none of its calls is seen: its event exists."""

    run_id: str
    event_id: str
    ended_at: datetime


@dataclass(frozen=True)
class OutcomeRecord:
    """One statement of how an event ended; emitter is system_of_record, human, evaluator or sdk."""

    event_id: str
    outcome: str
    emitter: str
    occurred_at: datetime


@dataclass(frozen=True)
class RevenueLine:
    """Revenue earned evenly by day over a half-open service period; kind is ``invoice`` or ``accrual`` (R27)."""

    revenue_id: str
    tenant_id: str
    feature_id: str | None
    kind: str
    service_period_start: date
    service_period_end: date
    amount: Decimal
    currency: str = "USD"
    bundle_id: str | None = None
    bills_revenue_id: str | None = None


@dataclass(frozen=True)
class Price:
    """Price per million units of a meter; a ``None`` dimension means any."""

    source: str
    model: str
    meter: str
    price_per_million: Decimal
    service_tier: str | None = None
    batch: str | None = None
    context_band: str | None = None
    geography: str | None = None
    region: str | None = None
    speed: str | None = None
    modality: str | None = None
    cache_ttl: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    version: str = "1"


@dataclass(frozen=True)
class ChargeRule:
    """A finance-owned rule sending charges to a destination before matching; ``None`` = any; lowest priority wins."""

    priority: int
    destination: str
    source: str | None = None
    service_name: str | None = None
    billing_account_id: str | None = None
    sub_account_id: str | None = None
    sku_meter: str | None = None
    model: str | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    charge_category: str | None = None


@dataclass(frozen=True)
class Source:
    """What finance declares about one billing source."""

    source: str
    grain: frozenset[str] = frozenset()
    default_account_id: str | None = None
    finality_days: int = 0
    published_units: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class Facts:
    """Everything the answer depends on, as known at ``as_of`` (already filtered: later knowledge is not in here)."""

    as_of: datetime
    reporting_currency: str = "USD"
    sources: dict[str, Source] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    reported_usage: list[ReportedUsage] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    outcomes: list[OutcomeRecord] = field(default_factory=list)
    revenue: list[RevenueLine] = field(default_factory=list)
    contract_prices: list[Price] = field(default_factory=list)
    list_prices: list[Price] = field(default_factory=list)
    charge_rules: list[ChargeRule] = field(default_factory=list)
    #: (source, api_key_id) -> (sub_account_id or None, environment or None)
    key_map: dict[tuple[str, str], tuple[str | None, str | None]] = field(default_factory=dict)
    #: (source, sub_account_id) -> (billing_account_id or None, environment or None)
    project_map: dict[tuple[str, str], tuple[str | None, str | None]] = field(default_factory=dict)
    #: environment -> is production
    environments: dict[str, bool] = field(default_factory=lambda: {"production": True})
    #: (currency, billing period start) -> rate to the reporting currency
    exchange_rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    #: destination -> driver (direct_cost | revenue)
    shared_cost_rules: dict[str, str] = field(default_factory=dict)
    #: (bundle_id, feature_id) -> stand-alone price
    bundle_prices: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    midnight_window_minutes: int = 15
    abandoned_after_days: int = 7
