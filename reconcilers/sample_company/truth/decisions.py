"""What the figures say to do: a verdict for each feature and month, and what each prompt version changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.carve import half_away, to_money, to_nanos
from reconcilers.sample_company.truth.economics import NOBODY, FeatureMargin, UnitCost, UnitKey, per, share
from reconcilers.sample_company.truth.events import RESOLVED, EventCost

DOMINANT, WASTEFUL, RISING = Decimal("0.50"), Decimal("0.25"), Decimal("0.20")
INVESTIGATE = "investigate"
#: What to do where a rule applies (D48), in the order in which they are asked.
VERDICTS = {
    "no_success": INVESTIGATE,
    "dearer_than_its_worth": "optimise",
    "dearer_than_its_worth_whatever_is_saved": "sunset",
    "sold_below_cost": "reprice",
    "one_tenant_costs_most_and_loses": "limit",
    "wasteful": "optimise",
    "rising": "optimise",
    "nobody_says_its_worth": INVESTIGATE,
    "worth_more_than_it_costs": "scale",
}
#: Rules that weigh what a success costs against what it is worth.
_OF_WORTH = (
    "dearer_than_its_worth",
    "dearer_than_its_worth_whatever_is_saved",
    "bounds_disagree",
    "worth_more_than_it_costs",
)

_BEFORE = timedelta(days=14)
_FEWEST = 30
_NORMAL_95 = Decimal("1.96")


@dataclass(frozen=True)
class Verdict:
    """What to do about a feature: what both bounds of the cost per success give, else ``investigate`` (R24)."""

    rule_low: str
    rule_high: str
    trend: Decimal | None
    waste_share: Decimal | None
    unit: UnitCost
    margin: FeatureMargin
    value: Decimal | None
    #: the lever on cost that saves most, and nanos
    best: tuple[str, int] | None

    @property
    def low(self) -> str:
        return VERDICTS[self.rule_low]

    @property
    def high(self) -> str:
        return VERDICTS[self.rule_high]

    @property
    def verdict(self) -> str:
        return self.low if self.low == self.high else INVESTIGATE

    @property
    def rule(self) -> str:
        return self.rule_high if self.low == self.high else "bounds_disagree"

    @property
    def measured(self) -> Decimal | None:
        """The number that decided, at the high bound."""
        if self.rule in _OF_WORTH:
            return self.unit.cost_per_success_high
        return {
            "no_success": to_money(self.unit.cost()) if self.unit.observed or self.unit.unobserved else None,
            "sold_below_cost": to_money(self.margin.contribution_margin - self.margin.accrued_cost),
            "one_tenant_costs_most_and_loses": self.margin.top_tenant_share,
            "wasteful": self.waste_share,
            "rising": self.trend,
        }.get(self.rule)

    @property
    def threshold(self) -> Decimal | None:
        """What it was held against."""
        if self.rule in _OF_WORTH:
            return self.value
        return {
            "sold_below_cost": Decimal(0),
            "one_tenant_costs_most_and_loses": DOMINANT,
            "wasteful": WASTEFUL,
            "rising": RISING,
        }.get(self.rule)

    @property
    def lever(self) -> str | None:
        """What would change the verdict: who pays, who may call, else what saves most."""
        if self.verdict in ("reprice", "limit"):
            return "price" if self.verdict == "reprice" else "quota"
        return self.best[0] if self.best is not None and self.verdict != "scale" else None

    @property
    def saving(self) -> Decimal | None:
        if self.verdict == "reprice":
            return to_money(-self.margin.contribution_margin)
        if self.verdict == "limit":
            top = self.margin.top_tenant_contribution_margin
            return None if top is None else to_money(-top)
        return to_money(self.best[1]) if self.best is not None and self.verdict != "scale" else None


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
        mean = self.mean
        distances = [to_nanos(one.reconciled_cost) - mean for one in self.events]
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

    @cached_property
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
    facts: Facts,
    units: dict[UnitKey, UnitCost],
    margins: dict[tuple[str, date], FeatureMargin],
    best_of: Mapping[tuple[date, str], tuple[str, int]],
) -> dict[tuple[str, date], Verdict]:
    """Of every feature and month that has events or costs anything; ``best_of`` is the lever on cost that saves most, and nanos."""
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
        declared, best = facts.features.get(feature), best_of.get((month, feature))
        value = declared.value_per_outcome if declared else None
        low, high = (
            _rule(value, best, unit, margin, cost, contribution, trend, over)
            for cost, contribution in (
                (unit.cost_per_success_low, margin.contribution_margin),
                (unit.cost_per_success_high, margin.contribution_margin - margin.accrued_cost),
            )
        )
        found[feature, month] = Verdict(low, high, trend, unit.waste_share, unit, margin, value, best)
    return found


def _rule(
    value: Decimal | None,
    best: tuple[str, int] | None,
    unit: UnitCost,
    margin: FeatureMargin,
    cost: Decimal | None,
    contribution: int,
    trend: Decimal | None,
    month_is_over: bool,
) -> str:
    """The first rule that applies at one bound. A margin counts of what is sold, once the month is over (D48)."""
    margin_counts = month_is_over and margin.revenue > 0
    successes = unit.count("success")
    if not successes:
        return "no_success"
    if value is not None and cost is not None and cost > value:
        saved = per(best[1] if best else 0, successes) or Decimal(0)
        return "dearer_than_its_worth" if cost - saved <= value else "dearer_than_its_worth_whatever_is_saved"
    if margin_counts and contribution < 0:
        return "sold_below_cost"
    top, part = margin.top_tenant_contribution_margin, margin.top_tenant_share
    if margin_counts and top is not None and part is not None and top < 0 and part >= DOMINANT:
        return "one_tenant_costs_most_and_loses"
    if (unit.waste_share or 0) >= WASTEFUL:
        return "wasteful"
    if (trend or 0) >= RISING:
        return "rising"
    return "nobody_says_its_worth" if value is None and margin.revenue <= 0 else "worth_more_than_it_costs"


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
