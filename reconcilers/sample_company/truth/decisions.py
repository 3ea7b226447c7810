"""What the figures say to do: a verdict for each feature and month, and what each prompt version changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.carve import half_away, to_money, to_nanos
from reconcilers.sample_company.truth.economics import NOBODY, FeatureMargin, UnitCost, UnitKey, per, share
from reconcilers.sample_company.truth.events import RESOLVED, EventCost

DOMINANT, WASTEFUL, RISING = Decimal("0.50"), Decimal("0.25"), Decimal("0.20")
#: A success costs more than it is worth: ``optimise`` or ``sunset``, by what could be saved, which is not reckoned here.
TOO_DEAR = "optimise or sunset"
INVESTIGATE = "investigate"

_BEFORE = timedelta(days=14)
_FEWEST = 30
_NORMAL_95 = Decimal("1.96")


@dataclass(frozen=True)
class Verdict:
    """What to do about a feature: what both bounds of the cost per success give, else ``investigate`` (R24)."""

    low: str
    high: str
    trend: Decimal | None
    waste_share: Decimal | None

    @property
    def verdict(self) -> str:
        return self.low if self.low == self.high else INVESTIGATE


@dataclass(frozen=True)
class Side:
    """Events of one prompt version: nanos by event."""

    events: tuple[EventCost, ...]

    def cost(self, *outcomes: str) -> int:
        return sum(to_nanos(one.reconciled_cost) for one in self.events if not outcomes or one.outcome in outcomes)

    @property
    def successes(self) -> int:
        return sum(one.outcome == "success" for one in self.events)

    @property
    def resolved(self) -> int:
        return sum(one.outcome in RESOLVED for one in self.events)

    @property
    def cost_per_event(self) -> Decimal | None:
        return per(self.cost(), len(self.events))

    @property
    def cost_per_success(self) -> Decimal | None:
        return per(self.cost(*RESOLVED), self.successes)

    @property
    def success_share(self) -> Decimal | None:
        return share(self.successes, self.resolved)

    @property
    def mean(self) -> Fraction:
        return Fraction(self.cost(), len(self.events))

    @property
    def variance_of_mean(self) -> Fraction:
        """Sample variance ÷ events; 0 of a single event."""
        distances = [to_nanos(one.reconciled_cost) - self.mean for one in self.events]
        squares = sum((distance * distance for distance in distances), Fraction(0))
        return squares / max(len(self.events) - 1, 1) / len(self.events)


@dataclass(frozen=True)
class PromptImpact:
    """A prompt version against the one that had most of the feature's events in the 14 days before its first."""

    before_version: str
    deployed_at: datetime
    before: Side
    after: Side
    segments: dict[str, str]

    @property
    def difference(self) -> Decimal:
        """Of the cost per event."""
        assert self.after.cost_per_event is not None
        assert self.before.cost_per_event is not None
        return self.after.cost_per_event - self.before.cost_per_event

    @property
    def interval(self) -> tuple[Decimal, Decimal]:
        """95 % of the difference by the normal approximation, to six decimals."""
        middle, variance = (
            self.after.mean - self.before.mean,
            self.after.variance_of_mean + self.before.variance_of_mean,
        )
        with localcontext() as exact:
            exact.prec = 60
            half = _NORMAL_95 * (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
            mean = Decimal(middle.numerator) / Decimal(middle.denominator)
            low, high = (half_away((mean + sign * half) / 1000) for sign in (-1, 1))
        return Decimal(low).scaleb(-6), Decimal(high).scaleb(-6)

    @property
    def finding(self) -> str:
        low, high = self.interval
        if min(len(self.before.events), len(self.after.events)) < _FEWEST:
            return "too_few"
        return "dearer" if low > 0 else "cheaper" if high < 0 else "no_difference"

    @property
    def mix_adjusted_difference(self) -> Decimal | None:
        """As if the tenants' segments before had been those after; ``None`` where one of them is new."""
        before, after = self._by_segment(self.before), self._by_segment(self.after)
        if not after.keys() <= before.keys():
            return None
        mixed = sum(half_away(Fraction(Side(before[name]).mean * len(after[name]))) for name in after)
        with_its_mix = per(mixed, len(self.after.events))
        assert with_its_mix is not None
        assert self.after.cost_per_event is not None
        return self.after.cost_per_event - with_its_mix

    @property
    def margin_impact(self) -> Decimal | None:
        """What as many successes would have cost before, less what they cost; ``None`` without a success before."""
        if not self.before.successes:
            return None
        as_before = half_away(Fraction(self.before.cost(*RESOLVED) * self.after.successes, self.before.successes))
        return to_money(as_before - self.after.cost(*RESOLVED))

    def _by_segment(self, side: Side) -> dict[str, tuple[EventCost, ...]]:
        found: dict[str, tuple[EventCost, ...]] = defaultdict(tuple)
        for event in side.events:
            found[self.segments.get(event.tenant_id or "", NOBODY)] += (event,)
        return found


def verdicts(
    facts: Facts, units: dict[UnitKey, UnitCost], margins: dict[tuple[str, date], FeatureMargin]
) -> dict[tuple[str, date], Verdict]:
    """Of every feature and month that has events or costs anything."""
    found = {}
    for (feature, month), margin in margins.items():
        unit = units.get((month, "feature", feature), UnitCost())
        if feature.startswith("(") or not (unit.observed or margin.direct_cost):
            continue
        before = units.get(
            ((month - timedelta(days=1)).replace(day=1), "feature", feature), UnitCost()
        ).cost_per_success
        now, trend = unit.cost_per_success, None
        over = (month + timedelta(days=32)).replace(day=1) <= facts.as_of.date()
        if now is not None and before is not None:
            trend = share(to_nanos(now) - to_nanos(before), to_nanos(before))
        low, high = (
            _class(facts, feature, unit, margin, cost, contribution, trend, over)
            for cost, contribution in (
                (unit.cost_per_success_low, margin.contribution_margin),
                (unit.cost_per_success_high, margin.contribution_margin - margin.accrued_cost),
            )
        )
        found[feature, month] = Verdict(low, high, trend, unit.waste_share)
    return found


def _class(
    facts: Facts,
    feature: str,
    unit: UnitCost,
    margin: FeatureMargin,
    cost: Decimal | None,
    contribution: int,
    trend: Decimal | None,
    month_is_over: bool,
) -> str:
    """The first class that applies at one bound. A margin counts of what is sold, once the month is over (D48)."""
    margin_counts = month_is_over and margin.revenue > 0
    declared = facts.features.get(feature)
    value = declared.value_per_outcome if declared else None
    if not unit.count("success"):
        return INVESTIGATE
    if value is not None and cost is not None and cost > value:
        return TOO_DEAR
    if margin_counts and contribution < 0:
        return "reprice"
    top, part = margin.top_tenant_contribution_margin, margin.top_tenant_share
    if margin_counts and top is not None and part is not None and top < 0 and part >= DOMINANT:
        return "limit"
    if (unit.waste_share or 0) >= WASTEFUL or (trend or 0) >= RISING:
        return "optimise"
    if value is None and margin.revenue <= 0:
        return INVESTIGATE
    return "scale"


def prompt_impacts(facts: Facts, events: Iterable[EventCost]) -> dict[tuple[str, str], PromptImpact]:
    """Every prompt version that took over from another, by feature; of production events with calls."""
    of: dict[str, dict[str, list[EventCost]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event.production and event.seen and event.prompt_version is not None:
            of[event.feature_id or NOBODY][event.prompt_version].append(event)
    found = {}
    for feature, versions in of.items():
        for version, after in versions.items():
            deployed_at = min(event.started_at for event in after)
            before = {
                name: [event for event in its if deployed_at - _BEFORE <= event.started_at < deployed_at]
                for name, its in versions.items()
                if name != version
            }
            counts = Counter({name: len(its) for name, its in before.items() if its})
            if not counts:
                continue
            most = max(counts.values())
            last = {name: max(event.started_at for event in before[name]) for name in counts if counts[name] == most}
            took_over = min(last, key=lambda name: (datetime.max - last[name], name.encode()))
            found[feature, version] = PromptImpact(
                took_over, deployed_at, Side(tuple(before[took_over])), Side(tuple(after)), facts.segments
            )
    return found
