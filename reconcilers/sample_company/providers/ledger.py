"""The ledger behind every bill: each line with the time from which the provider tells it, and until when.

A restated line is two lines: the first is superseded when the second becomes known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Charge, Key, ReportedUsage
from reconcilers.sample_company.world.calendar import instant, next_month
from reconcilers.sample_company.world.company import (
    ANTHROPIC,
    AWS,
    AZURE,
    COHERE,
    DATABRICKS,
    FINE_TUNED,
    FINE_TUNED_PRICES,
    GCP,
    GPUS,
    OCI,
    OPENAI,
    OPENROUTER,
    SNOWFLAKE,
    VECTORS,
    PriceBook,
    contract_prices,
    list_prices,
)
from reconcilers.sample_company.world.happened import TrueCall, World

SERVICE_NAMES = {
    OPENAI: "OpenAI API",
    ANTHROPIC: "Claude API",
    AWS: "Amazon Bedrock",
    VECTORS: "Vector Index",
    AZURE: "Azure OpenAI",
    COHERE: "Cohere API",
    GCP: "Vertex AI",
    OPENROUTER: "OpenRouter API",
    SNOWFLAKE: "AI_SERVICES",
    DATABRICKS: "JOBS",
    OCI: "GENERATIVE_AI",
    GPUS: "GPU hours",
}
#: Hours after the end of a UTC day when its bill is told.
LAG_HOURS = {
    OPENAI: 3,
    ANTHROPIC: 4,
    AWS: 5,
    VECTORS: 5,
    AZURE: 6,
    COHERE: 4,
    GCP: 8,
    OPENROUTER: 1,
    SNOWFLAKE: 30,
    DATABRICKS: 4,
    OCI: 9,
    GPUS: 2,
}
#: Whose exports name the invoice that a line stands on.
_TELLS_INVOICE = (COHERE, AWS)
#: Days after the end of a month when its invoice is final and its lines carry the number.
INVOICED_AFTER_DAYS = 10


@dataclass(frozen=True)
class BillLine:
    """One line of a bill as told from ``known_from`` until ``superseded_at``; ``charge`` is what it says."""

    charge: Charge
    known_from: datetime
    superseded_at: datetime | None = None
    description: str = ""
    unit: str | None = None


@dataclass(frozen=True)
class ReportLine:
    """One row of a usage report, told from ``known_from`` until ``superseded_at``."""

    reported: ReportedUsage
    known_from: datetime
    superseded_at: datetime | None = None


def by_month(lines: Iterable[BillLine]) -> dict[date, list[BillLine]]:
    """Billing month → its lines, in their order."""
    months: dict[date, list[BillLine]] = defaultdict(list)
    for line in lines:
        months[line.charge.billing_period_start].append(line)
    return months


@dataclass
class Ledger:
    """Everything providers will ever bill and report for the world."""

    lines: list[BillLine] = field(default_factory=list)
    reports: list[ReportLine] = field(default_factory=list)

    def lines_as_of(self, as_of: datetime, source: str | None = None) -> Iterator[BillLine]:
        """Lines told at ``as_of``, in ledger order."""
        for line in self.lines:
            if _is_told(line, as_of) and (source is None or line.charge.source == source):
                yield line

    def reports_as_of(self, as_of: datetime, source: str | None = None) -> Iterator[ReportLine]:
        """Usage report rows told at ``as_of``."""
        for line in self.reports:
            if _is_told(line, as_of) and (source is None or line.reported.source == source):
                yield line


def _is_told(line: BillLine | ReportLine, as_of: datetime) -> bool:
    return line.known_from <= as_of and (line.superseded_at is None or as_of < line.superseded_at)


class Books:
    """Contract and list prices of a world."""

    def __init__(self, world: World) -> None:
        self.contract = PriceBook(contract_prices(world.amended_on))
        self.list = PriceBook(list_prices())

    def cost(
        self, call: TrueCall, meter: str, quantity: Decimal, cache_ttl: str | None, *, at_list: bool = False
    ) -> Decimal:
        """What ``quantity`` of a call costs at its true tier, in USD; the fine-tuned model costs what it is billed at."""
        if call.model == FINE_TUNED:
            price: Decimal | None = FINE_TUNED_PRICES[meter]
        else:
            book = self.list if at_list else self.contract
            day = call.ended_at.date()
            told = (call.service_tier, call.batch, cache_ttl, call.context_band)
            price = book.price(call.source, call.model, meter, *told, day)
        if price is None:
            raise ValueError(
                f"no price for {call.source} {call.model} {meter} {call.service_tier} {call.batch} {cache_ttl}"
            )
        return quantity * price / 1_000_000

    def call_cost(self, call: TrueCall, *, at_list: bool = False) -> Decimal:
        """True economic cost of a call: contract price times true usage."""
        return sum((self.cost(call, u.meter, u.quantity, u.cache_ttl, at_list=at_list) for u in call.usage), Decimal(0))


def number_of(source: str, month: date) -> str:
    """The number of a source's invoice of a month."""
    return f"{source.upper()}-{month:%Y%m}"


def invoice_number(charge: Charge, clock: datetime) -> str | None:
    """The invoice that a line of an export names at ``clock``."""
    month = charge.billing_period_start
    final = clock >= instant(next_month(month) + timedelta(days=INVOICED_AFTER_DAYS))
    return number_of(charge.source, month) if final and charge.source in _TELLS_INVOICE else None


def key_order(key: Key) -> tuple[str, ...]:
    """A stable order of keys, unknown first."""
    return tuple(
        value or ""
        for value in (
            key.billing_account_id,
            key.sub_account_id,
            key.api_key_id,
            key.model,
            key.meter,
            key.service_tier,
            key.batch,
            key.context_band,
            key.cache_ttl,
        )
    )
