"""The true answer: what ``rules.md`` says a company's bill, telemetry and revenue come to, in plain integers.

Written from the rules alone, beside the SQL that must give the same to the last stored unit. It is short because it is
slow: cells are lists, groups are dictionaries, and every rule is cited where it is applied.

Readings: where the rules and ``DECISIONS.md`` leave a choice, this code takes the following.

Keys and cells
 1. The reporting currency's rate is 1, whatever a rate table says. The rate is that of ``billing_period_start``. Billed and
    effective cost are each cut after 27 decimals, multiplied and rounded once (R3). List cost is rounded to nanos and never
    converted: R6 only weighs list costs of one currency against each other.
 2. Filling (R8): a key's project is learned from all lines of the source as told, also lines without rate or outside matching;
    then a project's account is learned from all lines with their projects so filled (also ``(key) …`` projects), so that a key
    told with an account always reaches it.
 3. Ties of bill cells after those of R8: a day before a month, then the destination in R5 order (cells of other destinations are
    cells too, for R6). Ties of usage cells: price by number, provider-reported before estimated, ``after`` before ``before``
    before none, probability by number, not cache-blind before blind, then the other days.
 4. A usage or line rounded to quantity 0 is 0: the usage takes no part (and is no break), the line only adjusts (D5) if it has money.
    A line of no length lies within its day.
 5. "Knows at least as much" compares depths. Null meets any, within a pass in this order: cells of equal accounts, null equal to
    null; bill cells without account with what any usage has left; usage without account with what any bill cell has left.
 6. A report row's untold price dimensions are filled with defaults. Rows that fit several bill keys of one depth serve the first in
    key order. Only cells of matching are keys. The report's quantity for a key is rounded per row, summed, and less the net quantity
    of all lines of the key in any currency and billing period.

Where money goes
 7. A rule that fits and has the lowest priority is the only one; if its destination's place in R5 is not reached it does nothing.
    Rules compare what the line tells, before filling and before R15 completes it. A price reduction is recognised after
    ``out_of_scope``, ``tax`` and ``support_and_fees``, before ``credit``.
 8. R6: targets, linked or not, are lines that form a cell: no price reductions, no lines that only adjust. Account and service compare
    as told. Shares change B before R10's weights and R15's test of net cost.
 9. R15: the original is the first id in ``linked_line_ids`` that names a line of the source; a link to a line that only adjusts
    leads on to that line's original; a link is never replaced by a search. A linked line takes each of account, project, key, model
    and meter that it does not tell. If the original forms no cell in matching: ``refund_and_dispute``. Money alone whose link nobody
    knows goes there in place of ``unmapped`` or matching, and did not reach matching. An
    original in another currency is treated as one in another billing period. A cross-period correction keeps its own billing period,
    currency and charge month; money added to a cell of its own period takes the cell's charge month. Each correction is carved on
    its own over what the cell gave without other corrections, weight max(0, micro-units); no weight: ``refund_and_dispute``.
10. "Received from" (R10, break limits) is a received quantity above 0 when the bill cell's t_i is carved over m_j.
11. R14: a usage cell took part if its m_j was above 0. A cell whose Q in micro-units is 0 is wholly ``unexplained``.
12. In the waterfall only ``other_period_usage`` carries a charge month; ``refund_and_dispute`` reached matching and is in it too.
    The exact sum's distance is ``rounding`` of the billing month.

What telemetry told
13. R29: times are [began, ended], one unknown is the other, both unknown agree. Totals are of the input and the output side, cached
    tokens and thoughts included. Tellings of one emitter agree only with both totals equal, untold equal to untold. A telling above
    another of its response id takes no part in laying by that id. A pair of the table is the only one on both sides, and not nested.
    Model operations above or below an answer from a cache that agree with it are one call with it.
14. Usage is chosen provider-reported, estimated, untold; then by distinct meters, output total, own id. The earliest telling is the
    first to begin, else to end.
15. R30: a call of several tellings lies below a span if one of them does. Nothing compared below: a model operation is a call, counts
    or not. Provider and account of an excess are, like the model, the span's, else the only ones below. A null model is of no other.
    A router's side must be above 0. What is no token is a side of its own. Cache writes of several TTLs: in byte order of TTL.
16. R31: a total proves something if exactly one non-empty set of cache reads, cache writes, thoughts and tool tokens with counts
    makes up what it exceeds. Calls of an emitter are its distinct spans or records.
17. R32: ancestors of a call are those of all its tellings, by distance, then own id.
18. R16: a batch is what tells ``batch`` as true. The day a source dates batches by is then the usage's day for everything.

Breaks and variance
19. ``telemetry_without_charge`` is summed over the cells of one usage key and day before the R10 limit and before
    one rounding of the value; usage that took part in R14 is not in it. It, ``price``, ``missing_telemetry`` and ``cache_semantics``
    wait for finality (D7). ``unpriced`` counts the whole quantity and has no amount; a usage without model is unpriced.
20. ``unmapped`` is the effective cost of the lines before R6, by day of the charge's start. ``no_rate`` has the billing period's first
    day and no amount. A null environment is unknown (R7); only calls raise ``unknown_environment``, maps do not.
21. ``price`` and ``missing_telemetry`` have R25's key. ``price`` is signed, billed less expected: of what met in stages 1 to 3 and
    R14, less the rest of R14 unless its stage 4 left it; that rest is a break ``cache_semantics``, of any size.
    ``missing_telemetry`` is ``no_telemetry`` only. A month-long key has the first of its month for a day.
22. The contract price contains R6's reductions where one is declared and below the list price.
23. ``sampled_out`` and ``non_production`` rests are the component ``quantity``. Usage left is ``timing`` before finality, ``rounding``
    within R10's limit, ``aborted_stream`` of estimated cells, ``tier`` where the bill has money left at another value of a dimension
    only assumed, else ``quantity`` where the key is billed at all and ``missing_charge`` where it is not.
24. ``ambiguous_identity`` has the response id for a key and source and day of its largest call; answers from a cache and what R30 left
    nothing do not count; its amount is null where a call in doubt is unpriced. ``no_calls`` is per feature and day, in records.

Accruals, events and stage 2
25. D8: C is what the cells gave to usage cells and U their ``no_telemetry``, without cross-period corrections; a C below 0 is none.
    A day has a bill if it has a day-level cell in matching. Unpriced usage expects nothing. ``cost already on calls`` is everything
    the day's usage received, also from month-long cells and corrections; not below 0.
26. R22: the run before is the one before in (start, run id), workers too. The costliest model is by reconciled cost, then byte order;
    a run without any has none, and none is no other model.
27. R23: duplicates are the event's successful primary runs but the kept one, or but the last where that is not primary. A run that
    began after the outcome is ``after_outcome``; any unsuccessful run, workers too, a ``failed_attempt``. A run has one class for
    all its cost; a call without run can only be of the event's classes.
28. Production calls without tenant are direct cost of ``(unassigned)`` under their own feature; every other stage-1 amount is shared cost
    of ``(unassigned)`` until a driver moves it. A pool is one destination and charge month over all sources and currencies.
    ``(unassigned)`` has no driver. Revenue in another currency converts at the rate of the month its service period starts
    in. An outcome tie goes to the bytewise last. An event known only by its
    outcome or a run is an event, with no cost.
29. R13, R28: usage exceeds the ratio by its key's rest on a final day over what was billed of the key; its money stays in the
    denominator and leaves both numerators. A row's own scope is its ``event`` and ``untagged`` cost; a part of nothing is null, and of two the known one is the lower.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.bill import Bill, Statement, read_bill
from reconcilers.sample_company.truth.books import (
    AccruedKey,
    Entry,
    accrue,
    day_keys,
    exact_billed,
    index_calls,
    keep_books,
)
from reconcilers.sample_company.truth.breaks import Break, find_breaks
from reconcilers.sample_company.truth.budgets import budget_alerts, budget_status, budgets_by_month
from reconcilers.sample_company.truth.calls import Call, read_calls
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.truth.coverage import Coverage, find_coverage
from reconcilers.sample_company.truth.decisions import PromptImpact, Verdict, prompt_impacts, verdicts
from reconcilers.sample_company.truth.economics import (
    FeatureMargin,
    UnitCost,
    UnitKey,
    Waste,
    WasteKey,
    add_billing,
    feature_margins,
    unit_costs,
    waste_ledger,
)
from reconcilers.sample_company.truth.estimates import provider_estimates
from reconcilers.sample_company.truth.events import EventCost, cost_per_success, event_months, reckon_events
from reconcilers.sample_company.truth.invoices import compare_invoices
from reconcilers.sample_company.truth.keys import DayKey, Filler, Prices
from reconcilers.sample_company.truth.margins import MarginKey, Owners, reckon_margins
from reconcilers.sample_company.truth.matching import match
from reconcilers.sample_company.truth.outcomes import outcome_maturity, outcome_reversals
from reconcilers.sample_company.truth.review import weekly_review
from reconcilers.sample_company.truth.routes import model_comparison, route_entropy
from reconcilers.sample_company.truth.runs import RunCost
from reconcilers.sample_company.truth.savings import best_savings, savings, usage_costs, used
from reconcilers.sample_company.truth.signals import run_signals
from reconcilers.sample_company.truth.spend import cost_classes, spending
from reconcilers.sample_company.truth.standing import coverage_beside, feature_standing, margin_trend, tenant_standing
from reconcilers.sample_company.truth.tables import Table
from reconcilers.sample_company.truth.usage import read_usage
from reconcilers.sample_company.truth.variance import beyond_ratio, find_variances

OTHER_PERIOD = "other_period_usage"
TIMING = "commitment_and_prepaid_timing"

#: step, destination, charge month: the last two differ from (step, none) only where step is ``other_period_usage`` (R4)
RowKey = tuple[str, str, date | None]


@dataclass
class Waterfall:
    """One source, billing period and currency: ``billed`` = Σ ``bridge`` + Σ ``rows``, difference exactly 0 (R5)."""

    billed: Decimal
    bridge: dict[str, Decimal] = field(default_factory=dict)
    rows: dict[RowKey, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class TenantMargin:
    """One tenant, feature and month; ``accrued_cost`` stands beside the reconciled ``direct_cost`` (R25, R26)."""

    revenue: Decimal
    direct_cost: Decimal
    accrued_cost: Decimal
    shared_cost: Decimal


@dataclass(frozen=True)
class Accrual:
    """What one key of a day not final yet is still expected to cost: in all, on calls, and the rest (R25)."""

    accrual: Decimal
    on_calls: Decimal
    no_telemetry: Decimal


@dataclass
class Truth:
    """Everything the pipeline must agree with, in the reporting currency. Zero amounts are left out, except of calls and events.

    ``tables`` are further published tables, or columns of them. ``variance`` holds the components other than 0 of every key and day (R19); ``coverage`` a row's own and its month's (R28).
    """

    calls: dict[str, Call]
    waterfall: dict[Statement, Waterfall]
    event_cost: dict[str, EventCost]
    event_cost_month: dict[tuple[str, date, bool], Decimal]
    run_cost: dict[str, RunCost]
    call_cost: dict[str, Decimal]
    call_accrued: dict[str, Decimal]
    tenant_margin: dict[MarginKey, TenantMargin]
    coverage: dict[MarginKey, tuple[Coverage, Coverage]]
    tables: list[Table]
    variance: dict[DayKey, dict[str, Decimal]]
    breaks: list[Break]
    accruals: dict[DayKey, Accrual]
    unit_costs: dict[UnitKey, UnitCost]
    unit_costs_week: dict[UnitKey, UnitCost]
    unit_costs_day: dict[UnitKey, UnitCost]
    feature_margins: dict[tuple[str, date], FeatureMargin]
    waste: dict[WasteKey, Waste]
    verdicts: dict[tuple[str, date], Verdict]
    prompt_impacts: dict[tuple[str, str], PromptImpact]


def reckon(facts: Facts) -> Truth:
    """The true answer for ``facts``; asserts that every statement closes to exactly 0."""
    filler, prices = Filler(facts), Prices(facts)
    told = read_calls(facts)
    calls = index_calls(facts, told)
    bill = read_bill(facts, filler)
    usages = read_usage(facts, told, filler, prices)
    matched = match(filler, bill, usages)
    keys = day_keys(filler, bill, usages)
    entries = keep_books(facts, bill, usages, beyond_ratio(facts, filler, usages, matched), calls)
    accruals = accrue(facts, filler, bill, usages, keys)
    variances = find_variances(facts, filler, prices, bill, usages, matched, keys)
    on_calls = [(one.call_id, one.charge_month, one.amount) for one in entries if one.call_id is not None]
    reconciled = _sum((name, amount) for name, _, amount in on_calls)
    accrued = _sum((name, part) for one in accruals.values() for name, part in one.on_calls.items())
    owners = Owners(facts, told)
    margins = reckon_margins(facts, owners, calls, entries, accruals)
    event_cost, run_cost = reckon_events(facts, told, reconciled, accrued)
    billed_months = event_months(facts, calls.calls, on_calls)
    units, of_features = unit_costs(facts, event_cost.values()), feature_margins(facts, margins)
    add_billing(facts, units, event_cost, billed_months, margins)
    coverages = find_coverage(owners, calls, entries, accruals)
    spent = spending(facts, owners, calls, event_cost, entries, accruals)
    budgets = budgets_by_month(facts, spent)
    impacts = prompt_impacts(facts, event_cost.values())
    usage = used(facts, calls, usages)
    saved = savings(facts, prices, usages, usage, event_cost, run_cost, impacts, of_features)
    best_of = best_savings(saved)
    of_month = verdicts(facts, units, of_features, best_of)
    invoice_tables, invoice_breaks = compare_invoices(facts, bill)
    found = find_breaks(facts, filler, bill, told, usages, matched, keys, variances)
    tenants = tenant_standing(facts, margins, coverages)
    return Truth(
        calls=calls.calls,
        waterfall=_waterfalls(facts, bill, entries),
        event_cost=event_cost,
        event_cost_month=billed_months,
        run_cost=run_cost,
        call_cost={name: to_money(reconciled.get(name, 0)) for name in calls.calls},
        call_accrued={name: to_money(accrued.get(name, 0)) for name in calls.calls},
        tenant_margin={
            key: TenantMargin(*map(to_money, (row.revenue, row.direct_cost, row.accrued_cost, row.shared_cost)))
            for key, row in margins.items()
        },
        coverage={
            (tenant, feature, month): coverages.beside(tenant, feature, month)
            for tenant, feature, month in coverages.of
            if tenant is not None and feature is not None
        },
        tables=[
            *coverage_beside(coverages, margins, of_features, units),
            tenants,
            feature_standing(facts, margins, of_features, coverages),
            margin_trend(facts, margins, tenants),
            cost_classes(facts, spent),
            outcome_maturity(facts, event_cost.values()),
            outcome_reversals(facts, event_cost),
            model_comparison(event_cost.values()),
            route_entropy(event_cost.values()),
            run_signals(facts, told, run_cost),
            usage_costs(usage),
            saved,
            budget_status(budgets),
            budget_alerts(spent, budgets),
            weekly_review(facts, spent, margins, of_month, impacts, budgets, event_cost.values()),
            *invoice_tables,
            provider_estimates(facts, bill),
        ],
        variance={
            key: {name: to_money(amount) for name, amount in one.parts.items() if amount}
            for key, one in variances.items()
        },
        breaks=sorted([*found, *invoice_breaks], key=lambda one: one.identity),
        accruals={key: _accrual(one) for key, one in accruals.items()},
        unit_costs=units,
        unit_costs_week=unit_costs(
            facts, event_cost.values(), lambda event: event.day - timedelta(days=event.day.weekday())
        ),
        unit_costs_day=unit_costs(facts, event_cost.values(), lambda event: event.day),
        feature_margins=of_features,
        waste=waste_ledger(event_cost, run_cost),
        verdicts=of_month,
        prompt_impacts=impacts,
    )


def _sum(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for name, amount in pairs:
        totals[name] += amount
    return totals


def _accrual(one: AccruedKey) -> Accrual:
    return Accrual(to_money(one.total), to_money(sum(one.on_calls.values())), to_money(one.no_telemetry))


def _waterfalls(facts: Facts, bill: Bill, entries: list[Entry]) -> dict[Statement, Waterfall]:
    timing: dict[Statement, int] = defaultdict(int)
    for line in bill.lines:
        timing[line.statement] += line.billed - line.effective
    rows: dict[Statement, dict[RowKey, int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        other = entry.matched and entry.charge_month != entry.statement.billing_period_start.replace(day=1)
        step = OTHER_PERIOD if other else entry.destination
        rows[entry.statement][(step, entry.destination, entry.charge_month if other else None)] += entry.amount
    waterfalls = {}
    for statement, billed in exact_billed(facts).items():
        assert billed == timing[statement] + sum(rows[statement].values()), f"R5: {statement} does not close"
        waterfalls[statement] = Waterfall(
            billed=to_money(billed),
            bridge={TIMING: to_money(timing[statement])} if timing[statement] else {},
            rows={key: to_money(amount) for key, amount in rows[statement].items() if amount},
        )
    assert rows.keys() <= waterfalls.keys(), "R5: money outside any statement"
    return waterfalls


__all__ = ["Accrual", "Break", "EventCost", "TenantMargin", "Truth", "Waterfall", "cost_per_success", "reckon"]
