"""What calls used and what the bill says it cost, and what of it a lever would have saved (D49)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.books import CallIndex
from reconcilers.sample_company.truth.calls import LONG, STANDARD
from reconcilers.sample_company.truth.carve import carve, half_away, to_money, to_nanos
from reconcilers.sample_company.truth.counts import CACHE_READ, INPUT, OUTPUT
from reconcilers.sample_company.truth.decisions import PromptImpact
from reconcilers.sample_company.truth.economics import NOBODY, FeatureMargin, unobserved_ids
from reconcilers.sample_company.truth.events import RESOLVED, EventCost
from reconcilers.sample_company.truth.keys import Prices, is_production, meter_scale, to_quantity
from reconcilers.sample_company.truth.runs import RunCost
from reconcilers.sample_company.truth.tables import Table
from reconcilers.sample_company.truth.usage import UsageCell

#: Sizes of a usage, in units: powers of four, each up to the next; the smallest class is 0.
_SIZES = (0, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
#: Tokens from which on providers cache a prefix.
_LEAST_PREFIX = 1024
_OVERHEAD = ("failed_attempt", "retry_overhead", "fallback_overhead")
#: Levers that make calls cheaper; ``quota`` and ``price`` change who may call and who pays.
COST_LEVERS = ("batch", "cheaper_route", "context", "cache", "output_cap", "retry", "prompt_rollback")
_MILLION = 1_000_000

#: day, production, feature, prompt version, source, model, meter, tier, batch, context band, size class
UsageKey = tuple[date, bool, str | None, str | None, str, str | None, str, str, str, str, int]


@dataclass
class Used:
    """Usages of one day that differ in nothing a table tells; quantities in the meter's stored units, money in nanos."""

    quantities: list[int] = field(default_factory=list)
    cost: int = 0
    accrued: int = 0


@dataclass(frozen=True)
class UsageCost:
    """What calls used of a meter, and what the bill says it cost."""

    calls: int
    quantity: Decimal
    least_quantity: Decimal | None
    reconciled_cost: Decimal
    accrued_cost: Decimal


def used(facts: Facts, calls: CallIndex, usages: Iterable[UsageCell]) -> dict[UsageKey, Used]:
    """Every usage that a bill paid for, or an accrual is made of, by what it was for and its size."""
    found: dict[UsageKey, Used] = defaultdict(Used)
    for cell in usages:
        if not cell.received and not cell.accrued:
            continue
        costs = dict.fromkeys(cell.calls, 0)
        for amount in cell.received.values():
            for name, part in zip(cell.calls, carve(amount, cell.quantity, list(cell.calls.values())), strict=True):
                costs[name] += part
        accrued = carve(cell.accrued, cell.quantity, list(cell.calls.values()))
        scale = meter_scale(cell.dims.meter)
        for (name, quantity), part in zip(cell.calls.items(), accrued, strict=True):
            call, dims = calls.calls[name], cell.dims
            size = max(size for size in _SIZES if quantity >= size * scale)
            assert dims.meter is not None
            assert dims.service_tier is not None
            assert dims.batch is not None
            assert dims.context_band is not None
            production = is_production(call.environment, facts)
            what = dims.source, dims.model, dims.meter, dims.service_tier, dims.batch, dims.context_band
            one = found[(call.day, production, call.feature_id, call.prompt_version, *what, size)]
            one.quantities.append(quantity)
            one.cost += costs[name]
            one.accrued += part
    return found


def usage_costs(found: dict[UsageKey, Used]) -> Table:
    """As a table."""
    names = ("charge_day", "production", "feature_id", "prompt_version", "source", "model", "meter")
    rows = {
        key: UsageCost(
            len(one.quantities),
            to_quantity(key[6], sum(one.quantities)),
            to_quantity(key[6], min(one.quantities)),
            to_money(one.cost),
            to_money(one.accrued),
        )
        for key, one in found.items()
    }
    return Table("fct_usage_cost", (*names, "service_tier", "batch", "context_band", "size_class"), UsageCost, rows)


# --- levers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Saving:
    """What a lever would have saved of ``basis_cost``."""

    saving: Decimal
    basis_cost: Decimal
    calls: int


class _Levers:
    """Nanos saved, nanos they were saved of, and calls (of some levers events, runs or tenants) by month, feature and lever."""

    def __init__(self) -> None:
        self.sums: dict[tuple[date, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, month: date, feature: str, lever: str, saving: int, basis: int, calls: int) -> None:
        row = self.sums[month, feature, lever]
        for place, number in enumerate((saving, basis, calls)):
            row[place] += number


def savings(
    facts: Facts,
    prices: Prices,
    usages: Iterable[UsageCell],
    found: dict[UsageKey, Used],
    events: Mapping[str, EventCost],
    runs: Mapping[str, RunCost],
    impacts: Mapping[tuple[str, str], PromptImpact],
    margins: Mapping[tuple[str, date], FeatureMargin],
) -> Table:
    """Every lever that would have saved something of the month's own cost."""
    levers = _Levers()
    paid = {key: one for key, one in found.items() if key[1] and one.cost > 0}
    cheaper = _alternatives(facts, prices, usages)
    _of_prices(facts, cheaper, paid, levers)
    _of_prefixes(cheaper, paid, levers)
    _of_outputs(paid, levers)
    _of_attempts(events, runs, levers)
    _of_versions(events.values(), impacts, levers)
    for (feature, month), margin in margins.items():
        if not feature.startswith("("):
            if margin.losses_of_tenants > 0:
                sums = margin.losses_of_tenants, margin.direct_cost, len(margin.tenants)
                levers.add(month, feature, "quota", *sums)
            if margin.contribution_margin < 0:
                levers.add(
                    month, feature, "price", -margin.contribution_margin, margin.direct_cost, len(margin.tenants)
                )
    rows = {
        key: Saving(to_money(saved), to_money(basis), calls)
        for key, (saved, basis, calls) in levers.sums.items()
        if saved > 0
    }
    return Table("fct_savings", ("month", "feature_id", "lever"), Saving, rows)


#: day, source, model, meter, tier, batch, context band → lever → part of its price that the alternative costs, in millionths
_Cheaper = dict[tuple[object, ...], dict[str, int]]


def _alternatives(facts: Facts, prices: Prices, usages: Iterable[UsageCell]) -> _Cheaper:
    """What the same would cost otherwise; of usages that differ in nothing a table tells, the dearest."""
    found: _Cheaper = defaultdict(dict)
    for cell in usages:
        if cell.price is None or cell.price <= 0:
            continue
        dims = cell.dims
        others = {}
        if dims.batch == "false":
            others["batch"] = dims._replace(batch="true")
        if dims.model in facts.cheaper_models:
            others["cheaper_route"] = dims._replace(model=facts.cheaper_models[dims.model])
        if dims.meter == INPUT:
            others["cache"] = dims._replace(meter=CACHE_READ)
        if dims.context_band == LONG:
            others["context"] = dims._replace(context_band=STANDARD)
        key = (cell.day, dims.source, dims.model, dims.meter, dims.service_tier, dims.batch, dims.context_band)
        for lever, other in others.items():
            price = prices.price_per_million(other)
            if price is not None:
                part = int(Fraction(to_nanos(price) * _MILLION, to_nanos(cell.price)))
                found[key][lever] = max(part, found[key].get(lever, 0))
    return found


def _part_of(key: UsageKey, cheaper: _Cheaper, lever: str) -> int | None:
    """Millionths of its price, where the alternative is cheaper."""
    part = cheaper.get((key[0], *key[4:10]), {}).get(lever)
    return part if part is not None and part < _MILLION else None


def _of_prices(facts: Facts, cheaper: _Cheaper, paid: dict[UsageKey, Used], levers: _Levers) -> None:
    """Answers that may wait asked for at once, dear models where a wrong answer is cheap, tokens in the long band."""
    for key, one in paid.items():
        feature = facts.features.get(key[2] or "")
        may = {
            "batch": feature is not None and feature.batchable,
            "cheaper_route": feature is not None and feature.risk == "low",
            "context": True,
        }
        for lever, allowed in may.items():
            part = _part_of(key, cheaper, lever)
            if allowed and part is not None:
                saved = half_away(Fraction(one.cost * (_MILLION - part), _MILLION))
                levers.add(_month(key), key[2] or NOBODY, lever, saved, one.cost, len(one.quantities))


def _of_prefixes(cheaper: _Cheaper, paid: dict[UsageKey, Used], levers: _Levers) -> None:
    """The calls of a prompt version and day share at most the shortest input; sent again it could have been read from a cache."""
    groups: dict[tuple[object, ...], list[UsageKey]] = defaultdict(list)
    for key in paid:
        if _part_of(key, cheaper, "cache") is not None:
            groups[_month(key), key[2] or NOBODY, key[3] or NOBODY, key[0], *key[4:10]].append(key)
    for keys in groups.values():
        quantities = [quantity for key in keys for quantity in paid[key].quantities]
        prefix, cost = min(quantities), sum(paid[key].cost for key in keys)
        part = max(_part_of(key, cheaper, "cache") or 0 for key in keys)
        if prefix >= _LEAST_PREFIX and len(quantities) > 1:
            again = half_away(Fraction(cost * prefix * (len(quantities) - 1), sum(quantities)))
            saved = half_away(Fraction(again * (_MILLION - part), _MILLION))
            levers.add(_month(keys[0]), keys[0][2] or NOBODY, "cache", saved, cost, len(quantities))


def _of_outputs(paid: dict[UsageKey, Used], levers: _Levers) -> None:
    """Output beyond four times what the size class of the median answer has."""
    models: dict[tuple[date, str, str, str | None], dict[int, Used]] = defaultdict(lambda: defaultdict(Used))
    for key, one in paid.items():
        if key[6] == OUTPUT:
            of_size = models[_month(key), key[2] or NOBODY, key[4], key[5]][key[10]]
            of_size.quantities += one.quantities
            of_size.cost += one.cost
    for (month, feature, _, _), sizes in models.items():
        ordered = sorted(size for size in sizes for _ in sizes[size].quantities)
        median = ordered[(len(ordered) - 1) // 2]
        # the class ends where the next begins, four times as high; the smallest ends at 256
        cap = 4 * (4 * median or _SIZES[1])
        for size, one in sizes.items():
            if size >= cap:
                whole = sum(one.quantities)
                saved = half_away(Fraction(one.cost * (whole - cap * len(one.quantities)), whole))
                levers.add(month, feature, "output_cap", saved, one.cost, len(one.quantities))


def _of_attempts(events: Mapping[str, EventCost], runs: Mapping[str, RunCost], levers: _Levers) -> None:
    """Attempts that failed on the way, and what retries and fallbacks cost."""
    for run in runs.values():
        event, cost = events[run.event_id], to_nanos(run.reconciled_cost)
        if event.production and run.waste_class in _OVERHEAD and cost > 0:
            levers.add(event.month, event.feature_id or NOBODY, "retry", cost, cost, 1)


def _of_versions(events: Iterable[EventCost], impacts: Mapping[tuple[str, str], PromptImpact], levers: _Levers) -> None:
    """What as many successes cost less with the version before a dearer one."""
    events = list(events)
    unseen = unobserved_ids(events)
    of: dict[tuple[date, str, str], list[EventCost]] = defaultdict(list)
    for event in events:
        if event.production and event.prompt_version is not None and id(event) not in unseen:
            of[event.month, event.feature_id or NOBODY, event.prompt_version].append(event)
    for (month, feature, version), its in of.items():
        impact = impacts.get((feature, version))
        before = impact.before.cost_per_success if impact is not None and impact.finding == "dearer" else None
        if before is not None:
            cost = sum(to_nanos(one.reconciled_cost) for one in its if one.outcome in RESOLVED)
            successes = sum(one.outcome == "success" for one in its)
            levers.add(month, feature, "prompt_rollback", cost - to_nanos(before) * successes, cost, len(its))


def _month(key: UsageKey) -> date:
    return key[0].replace(day=1)


def best_savings(table: Table) -> dict[tuple[date, str], tuple[str, int]]:
    """The lever on cost that saves most of a feature's month, and nanos; ties in order of names."""
    found: dict[tuple[date, str], tuple[str, int]] = {}
    for (month, feature, lever), row in sorted(table.rows.items(), key=lambda item: item[0][2]):
        best = found.get((month, feature))
        if lever in COST_LEVERS and (best is None or to_nanos(row.saving) > best[1]):
            found[month, feature] = lever, to_nanos(row.saving)
    return found
