"""Differences that are no money, or money finance must look at: one break per kind, key and day (R13, R14, R18, R19, R33)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Charge, Facts
from reconcilers.sample_company.truth.bill import Bill, as_written, convert, rate_of
from reconcilers.sample_company.truth.books import is_final
from reconcilers.sample_company.truth.calls import NO_SOURCE, Call
from reconcilers.sample_company.truth.carve import half_away, to_money
from reconcilers.sample_company.truth.keys import DayKey, DayKeys, Filler, to_quantity
from reconcilers.sample_company.truth.matching import Matched
from reconcilers.sample_company.truth.usage import UsageCell
from reconcilers.sample_company.truth.variance import Variance, limit, usage_by_key


@dataclass(frozen=True)
class Break:
    """One break. ``key`` names its dimensions; ``quantity`` is in the meter's own unit, or a count of records; ``amount``
    is in the reporting currency, of invoices in their own; ``None`` = not known or not meaningful. ``telemetry_without_charge`` is positive where
    telemetry expects more than is billed; ``price`` is billed less expected. ``charge_day`` of a whole month is its first.
    ``break_class`` is the largest component of the variance, the kind itself where none is behind it.
    """

    kind: str
    source: str
    key: dict[str, str | None]
    charge_day: date
    quantity: Decimal | None = None
    amount: Decimal | None = None
    break_class: str = ""

    @property
    def identity(self) -> tuple[str, str, str, date]:
        """What is unique: kind, source, key and day (R19)."""
        return (self.kind, self.source, repr(sorted(self.key.items())), self.charge_day)


def find_breaks(
    facts: Facts,
    filler: Filler,
    bill: Bill,
    calls: list[Call],
    usages: list[UsageCell],
    matched: Matched,
    keys: DayKeys,
    variances: dict[DayKey, Variance],
) -> list[Break]:
    """All breaks, ordered by kind, source, key and day."""
    found = _of_usage(facts, filler, usages, matched, keys, variances)
    found += _of_variance(facts, filler, variances)
    found += _of_bill(bill) + _counted_twice(facts)
    found += _of_environments(calls, facts) + _of_identity(calls, usages) + _of_counts(calls)
    found += _of_records(facts) + _without_calls(facts, calls)
    assert len({one.identity for one in found}) == len(found), "R19: one break per kind, key and day"
    return sorted(found, key=lambda one: one.identity)


def _of_usage(
    facts: Facts,
    filler: Filler,
    usages: list[UsageCell],
    matched: Matched,
    keys: DayKeys,
    variances: dict[DayKey, Variance],
) -> list[Break]:
    found: list[Break] = []
    for numbers in usage_by_key(usages).values():
        cells = [usages[number] for number in numbers]
        dims, day, meter = cells[0].dims, cells[0].day, cells[0].dims.meter
        key = dims._asdict()
        source = key.pop("source")
        del key["time"]
        if cells[0].price is None:
            quantity = to_quantity(meter, sum(cell.quantity for cell in cells))
            # What is unpriced is expected at nothing, so most often what is billed for it is the difference, but not where less was told.
            variance = variances[keys.of(dims)]
            name = variance.largest if any(variance.parts.values()) else "unpriced"
            found.append(Break("unpriced", source, key, day, quantity, None, name))
        left = sum(usages[number].left for number in numbers if number not in matched.by_money)
        # D7: before finality the accrual covers it.
        if is_final(facts, filler, source, day) and left > limit(filler, numbers, matched):
            amount = None if cells[0].price is None else to_money(cells[0].value_in_nanos(left))
            name = variances[keys.of(dims)].largest
            found.append(Break("telemetry_without_charge", source, key, day, to_quantity(meter, left), amount, name))
    return found


def _of_variance(facts: Facts, filler: Filler, variances: dict[DayKey, Variance]) -> list[Break]:
    """R19: money beyond the policy ratio at another price, or that no telemetry explains; what R14 left of the cache."""
    found: dict[tuple[str, str, str, date], Break] = {}
    for key, one in variances.items():
        last = (key.day + timedelta(days=31)).replace(day=1) - timedelta(days=1) if key.is_month else key.day
        if not is_final(facts, filler, key.source, last):
            continue
        least = Fraction(facts.policy_ratio) * max(one.expected, one.billed)
        amounts = {kind: one.parts[kind] for kind in ("price", "missing_telemetry") if abs(one.parts[kind]) > least}
        for kind, amount in (amounts | {"cache_semantics": -one.cache_left}).items():
            if amount:
                told = Break(kind, key.source, key.names, key.day, None, to_money(amount), one.largest)
                # A month and its first day are one key and day.
                before = found.get(told.identity)
                total = to_money(amount) + (before.amount or Decimal(0) if before else Decimal(0))
                found[told.identity] = replace(told, amount=total)
    return list(found.values())


def _of_bill(bill: Bill) -> list[Break]:
    unmapped: dict[tuple[str, str | None, str | None, str | None, date], int] = defaultdict(int)
    for line in bill.lines:
        if line.destination == "unmapped":
            charge = line.charge
            what = charge.sku_meter if charge.sku_meter is not None else charge.key.model
            day = charge.charge_period_start.date()
            unmapped[(charge.source, charge.service_name, what, charge.key.meter, day)] += line.effective
    found = []
    for (source, service, what, meter, day), amount in unmapped.items():
        key = {"service_name": service, "sku_meter_or_model": what, "meter": meter}
        found.append(Break("unmapped", source, key, day, None, to_money(amount), "unmapped"))
    periods = {(charge.source, charge.billing_currency, charge.billing_period_start) for charge in bill.no_rate}
    for source, currency, start in periods:
        key = {"currency": currency, "billing_period_start": start.isoformat()}
        found.append(Break("no_rate", source, key, start, None, None, "no_rate"))
    return found


def _counted_twice(facts: Facts) -> list[Break]:
    """R33: equal lines of two sources of one account and month; both stay in the bill."""
    lines: dict[tuple[object, ...], dict[str, list[Charge]]] = defaultdict(lambda: defaultdict(list))
    for charge in facts.charges:
        if charge.key.billing_account_id is not None and charge.billed_cost:
            what = (
                charge.key,
                charge.billing_period_start,
                charge.billing_currency,
                charge.billed_cost,
                charge.quantity,
            )
            when = (charge.charge_period_start, charge.charge_period_end, charge.charge_category)
            lines[(*what, *when)][charge.source].append(charge)
    amounts: dict[tuple[str, str, str | None, date], Decimal] = defaultdict(Decimal)
    for by_source in lines.values():
        first, *others = sorted(by_source)
        for other in others:
            charges = by_source[other][: len(by_source[first])]
            place = (first, other, charges[0].key.billing_account_id, charges[0].charge_period_start.date())
            for charge in charges:
                rate = rate_of(facts, charge.billing_currency, charge.billing_period_start)
                if rate is not None:
                    amounts[place] += to_money(convert(as_written(charge.billed_cost), rate))
    return [
        Break(
            "duplicate", source, {"other_source": other, "billing_account_id": account}, day, None, amount, "duplicate"
        )
        for (source, other, account, day), amount in amounts.items()
    ]


def _of_environments(calls: list[Call], facts: Facts) -> list[Break]:
    """R7: an environment nobody declared, or none at all, per billing source and day."""
    unknown = {
        (call.source, call.environment, call.day)
        for call in calls
        if call.environment is None or call.environment.lower() not in facts.environments
    }
    kind = "unknown_environment"
    return [Break(kind, source, {"environment": name}, day, None, None, kind) for source, name, day in unknown]


def _of_identity(calls: list[Call], usages: list[UsageCell]) -> list[Break]:
    """R29: one response id, several calls: all but the largest are in doubt; so is one call that names two events."""
    values: dict[str, Fraction] = defaultdict(Fraction)
    unpriced: set[str] = set()
    for cell in usages:
        for name, quantity in cell.calls.items():
            if cell.price is None:
                unpriced.add(name)
            else:
                values[name] += cell.value(quantity)
    by_response: dict[str, list[Call]] = defaultdict(list)
    found: dict[tuple[str, str, str, date], list[Call]] = defaultdict(list)
    for call in calls:
        for response_id in call.response_ids:
            if call.usage:
                by_response[response_id].append(call)
        if call.names_two_events:
            name, value = ("response_id", min(call.response_ids)) if call.response_ids else ("call_id", call.call_id)
            found[(call.source, name, value, call.day)].append(call)
    for response_id, its in by_response.items():
        if len(its) > 1:
            largest = min(its, key=lambda call: (-values[call.call_id], call.call_id))
            in_doubt = [call for call in its if call is not largest]
            found[(largest.source, "response_id", response_id, largest.day)] += in_doubt
    kind, breaks = "ambiguous_identity", []
    for (source, name, value, day), its in found.items():
        worth = half_away(sum(values[call.call_id] for call in its) * 1000)
        amount = None if any(call.call_id in unpriced for call in its) else to_money(worth)
        breaks.append(Break(kind, source, {name: value}, day, Decimal(len(its)), amount, kind))
    return breaks


def _of_counts(calls: list[Call]) -> list[Break]:
    """R31: a total no reading fits, or two proofs against each other, per emitter and day."""
    counts = Counter((call.source, call.inconsistent_scope, call.day) for call in calls if call.inconsistent_scope)
    kind, names = "usage_inconsistent", ("scope_name", "scope_version", "operation")
    return [
        Break(kind, source, dict(zip(names, scope or (), strict=True)), day, Decimal(number), None, kind)
        for (source, scope, day), number in counts.items()
    ]


def _of_records(facts: Facts) -> list[Break]:
    """R33: what was received and not used."""
    found = []
    for one in facts.rejected:
        key: dict[str, str | None] = {
            "unit": one.unit,
            "line": str(one.line),
            "attribute": one.attribute,
            "reason": one.reason,
        }
        found.append(Break("record_rejected", one.source, key, one.charge_day, None, None, "record_rejected"))
    for unread in facts.unread:
        key = {"scope_name": unread.scope_name, "attribute": unread.attribute}
        quantity = Decimal(unread.calls)
        found.append(Break("unread_usage", unread.source, key, unread.charge_day, quantity, None, "unread_usage"))
    return found


def _without_calls(facts: Facts, calls: list[Call]) -> list[Break]:
    """R33: runs, and outcomes of events without any run, of which no call was seen, per feature and day."""
    runs, events = {call.run_id for call in calls}, {call.event_id for call in calls}
    counts: Counter[tuple[str | None, date]] = Counter(
        (run.feature_id, run.started_at.date()) for run in facts.runs if run.run_id not in runs
    )
    events |= {run.event_id for run in facts.runs}
    silent: Iterable[tuple[str | None, date]] = (
        (one.feature_id, one.occurred_at.date()) for one in facts.outcomes if one.event_id not in events
    )
    counts.update(silent)
    kind = "no_calls"
    return [
        Break(kind, NO_SOURCE, {"feature_id": feature}, day, Decimal(number), None, kind)
        for (feature, day), number in counts.items()
    ]
