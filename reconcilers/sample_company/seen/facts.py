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
    invoice_id: str | None = None


@dataclass(frozen=True)
class InvoiceLine:
    """One line of an invoice; a line of tax has the category ``Tax``."""

    description: str
    billed_cost: Decimal
    charge_category: str = "Usage"


@dataclass(frozen=True)
class Invoice:
    """What one delivery tells of an invoice of one month; the one told last counts (R33).

    ``total`` is what the paper says is to be paid, tax included. ``status`` is issued, open or voided; ``reference_invoice_id`` the
    invoice that a credit note or a reissue refers to.
    """

    source: str
    invoice_id: str
    billing_period_start: date
    billing_currency: str
    issued_on: date
    told_at: datetime
    lines: tuple[InvoiceLine, ...] = ()
    total: Decimal | None = None
    status: str = "issued"
    reference_invoice_id: str | None = None


@dataclass(frozen=True)
class ReportedUsage:
    """One row of the provider's usage report: quantity of a key on a UTC day (R10)."""

    source: str
    key: Key
    charge_day: date
    quantity: Decimal


@dataclass(frozen=True)
class Estimate:
    """What a provider reckons, and does not bill so, that a model's usage of a UTC day cost; ``tokens`` by meter (D60, D65)."""

    source: str
    kind: str
    charge_day: date
    model: str
    customer_type: str | None
    cost: Decimal
    tokens: dict[str, int]


@dataclass(frozen=True)
class Usage:
    """One element of a call's disjoint usage partition."""

    meter: str
    quantity: Decimal
    modality: str | None = None
    cache_ttl: str | None = None


@dataclass(frozen=True)
class Counts:
    """Numbers of one telling as it wrote them, before anyone decided what contains what (R31); ``None`` = not told.

    ``cache_writes`` are (TTL or ``None``, tokens); ``tool`` are tokens of tool use; ``others`` are meters that are neither
    input nor output.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_writes: tuple[tuple[str | None, int], ...] = ()
    thoughts: int | None = None
    tool: int | None = None
    total: int | None = None
    others: tuple[Usage, ...] = ()


@dataclass(frozen=True)
class Telling:
    """One span or table row as its file told it (R29); several may tell one call, and one may tell the sum of several.

    ``source`` is the telemetry source. ``kind`` is ``model`` (an operation of a model or index itself), ``tool`` or
    ``other`` (agent, workflow, chain). ``provider`` is the word told, in one spelling. ``key.model`` is in one spelling,
    too; ``key.meter``, ``key.modality`` and ``key.cache_ttl`` are unused: they are of the counts. ``estimated`` covers
    tokenizer counts and streams cut off. Names (event to data mode) are this telling's own, nothing inherited. Queue, jitter
    (whole milliseconds, rounded down) and throttling are of the machine it ran on.
    """

    source: str
    kind: str = "model"
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    record_id: str | None = None
    scope_name: str | None = None
    scope_version: str | None = None
    operation: str | None = None
    provider: str | None = None
    key: Key = Key()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    response_id: str | None = None
    counts: Counts = Counts()
    estimated: bool = False
    answered_from_cache: bool = False
    sampling_probability_millionths: int | None = None
    event_id: str | None = None
    run_id: str | None = None
    tenant_id: str | None = None
    feature_id: str | None = None
    workflow: str | None = None
    prompt_version: str | None = None
    user_id: str | None = None
    environment: str | None = None
    data_mode: str | None = None
    queue_ms: int | None = None
    jitter_ms: int | None = None
    throttled: bool | None = None

    @property
    def own_id(self) -> str:
        """The text that names the span or record (R29)."""
        if self.trace_id is None or self.span_id is None:
            return f"{self.source}|{self.record_id}"
        return f"{self.trace_id}|{self.span_id}".lower()


@dataclass(frozen=True)
class Emitter:
    """A row of the table of emitters (R29, R31): what one scope is known to do; ``None`` = any, or not known.

    ``one_call_with`` names scopes whose one call this scope's telling opens, repeats or lies over.
    """

    scope_name: str
    provider: str | None = None
    operation: str | None = None
    input_excludes_cache: bool | None = None
    output_excludes_thoughts: bool | None = None
    tells_cache: bool | None = None
    one_call_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunRecord:
    """One run as telemetry states it, also where none of its calls is seen: its event exists.

    ``status`` is success, failure, timeout, cancelled or ``None``; ``declared_kind`` where the emitter says it (R22).
    """

    run_id: str
    event_id: str
    started_at: datetime
    ended_at: datetime
    status: str | None = None
    declared_kind: str | None = None
    tenant_id: str | None = None
    feature_id: str | None = None
    workflow: str | None = None
    prompt_version: str | None = None
    user_id: str | None = None
    environment: str | None = None
    data_mode: str | None = None


@dataclass(frozen=True)
class OutcomeRecord:
    """One statement of how an event ended; emitter is system_of_record, human, evaluator or sdk."""

    event_id: str
    outcome: str
    emitter: str
    occurred_at: datetime
    feature_id: str | None = None


@dataclass(frozen=True)
class RejectedRecord:
    """A record that cannot be read, of a file whose other records can (R33)."""

    source: str
    unit: str
    line: int
    reason: str
    charge_day: date
    attribute: str | None = None


@dataclass(frozen=True)
class UnreadUsage:
    """A number attribute of model operations that looks like a token count and is not read (R33)."""

    source: str
    scope_name: str | None
    attribute: str
    calls: int
    charge_day: date


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
    #: what the price is for: seat, usage, overage, outcome or bundle
    pricing: str | None = None


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
    #: whole days from the one a batch call ended on to the one this source's bill dates it by (R16)
    batch_day: int = 0
    published_units: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Feature:
    """What finance declares about one feature; ``value_per_outcome`` is what one success is worth.

    ``risk`` (low, medium, high) is how dear a wrong answer is; a ``batchable`` answer may come a day later.
    """

    owner: str | None = None
    value_per_outcome: Decimal | None = None
    revenue_model: str | None = None
    risk: str | None = None
    batchable: bool = False


@dataclass(frozen=True)
class Budget:
    """What may be spent in a month, in any month where ``month`` is ``None``; ``scope_value`` is ``None`` of all.

    From ``warning_share`` and ``alert_share`` of ``amount`` on it has those states.
    """

    scope: str
    scope_value: str | None
    month: date | None
    amount: Decimal
    currency: str = "USD"
    warning_share: Decimal = Decimal("0.75")
    alert_share: Decimal = Decimal("0.90")
    owner: str | None = None


@dataclass(frozen=True)
class CostClass:
    """The class finance books cost under by environment and destination; ``None`` = any."""

    environment: str | None
    destination: str | None
    cost_class: str


@dataclass
class Facts:
    """Everything the answer depends on, as known at ``as_of`` (already filtered: later knowledge is not in here)."""

    as_of: datetime
    reporting_currency: str = "USD"
    sources: dict[str, Source] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    reported_usage: list[ReportedUsage] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    tellings: list[Telling] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    unread: list[UnreadUsage] = field(default_factory=list)
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
    #: provider as telemetry tells it -> billing source
    provider_map: dict[str, str] = field(default_factory=dict)
    emitters: list[Emitter] = field(default_factory=list)
    #: telemetry source -> whether its input counts are ``inclusive`` or ``exclusive`` of the cache, where the company says so
    token_semantics: dict[str, str] = field(default_factory=dict)
    #: (billing source, model) -> input tokens above which a call's context band is ``long`` (R32)
    context_thresholds: dict[tuple[str, str], int] = field(default_factory=dict)
    #: environment, in lower case -> is production
    environments: dict[str, bool] = field(default_factory=lambda: {"production": True})
    #: (currency, billing period start) -> rate to the reporting currency
    exchange_rates: dict[tuple[str, date], Decimal] = field(default_factory=dict)
    #: destination -> driver (direct_cost | revenue)
    shared_cost_rules: dict[str, str] = field(default_factory=dict)
    #: (bundle_id, feature_id) -> stand-alone price
    bundle_prices: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    features: dict[str, Feature] = field(default_factory=dict)
    #: tenant -> segment
    segments: dict[str, str] = field(default_factory=dict)
    #: model -> the cheaper one that may do its work where a wrong answer is cheap
    cheaper_models: dict[str, str] = field(default_factory=dict)
    cost_classes: list[CostClass] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    #: days on which a surge is meant, and of whom; ``None`` = of everybody
    quiet_days: set[tuple[date, str | None]] = field(default_factory=set)
    #: R28: the part of a cost that must be attributed, and reconciled, for a figure not to be provisional
    coverage_gate: Decimal = Decimal("0.95")
    #: R13, R19: a difference up to this part of a key's cost is no break of price or telemetry
    policy_ratio: Decimal = Decimal("0.02")
    midnight_window_minutes: int = 15
    abandoned_after_days: int = 7
