"""What to decide after a week, and what came of the week before's decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from reconcilers.sample_company.seen.facts import Facts
from reconcilers.sample_company.truth.budgets import EXCEEDED, SPEND_ALERT, WARNING, Budgeted, median
from reconcilers.sample_company.truth.carve import to_money, to_nanos
from reconcilers.sample_company.truth.decisions import PromptImpact, Verdict
from reconcilers.sample_company.truth.economics import unobserved_ids
from reconcilers.sample_company.truth.events import EventCost
from reconcilers.sample_company.truth.margins import UNASSIGNED, MarginKey, MarginNanos
from reconcilers.sample_company.truth.spend import Spend
from reconcilers.sample_company.truth.tables import Table

PATH, VERSION, BUDGET, TENANT, LAST_WEEK = (
    "negative_margin_path",
    "prompt_version",
    "budget",
    "outlier_tenant",
    "last_week",
)
_TOP = 3
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Decision:
    """One thing to decide; ``worked`` only of what was to be done a week ago."""

    feature_id: str | None
    tenant_id: str | None
    prompt_version: str | None
    amount: Decimal
    measured: Decimal | None
    action: str
    owner: str | None
    last_week_action: str | None = None
    worked: bool | None = None


@dataclass
class _Path:
    """What a tenant paid for a feature in a week, and what it cost, in nanos."""

    revenue: int = 0
    cost: int = 0

    @property
    def margin(self) -> int:
        return self.revenue - self.cost


#: (tenant, feature) → its week
_Paths = dict[tuple[str, str], _Path]


def weekly_review(
    facts: Facts,
    spent: Iterable[Spend],
    margins: Mapping[MarginKey, MarginNanos],
    verdicts: Mapping[tuple[str, date], Verdict],
    impacts: Mapping[tuple[str, str], PromptImpact],
    budgets: Iterable[Budgeted],
    events: Iterable[EventCost],
) -> Table:
    """Of every week that is known from its first day to its last."""
    budgets, weeks = list(budgets), _weeks(spent, margins)
    used = _versions_used(events)
    rows: dict[tuple[date, str, int], Decision] = {}
    for week, paths in sorted(weeks.items()):
        sections = {
            PATH: _paths(facts, week, paths, verdicts),
            VERSION: _versions(facts, week, impacts),
            BUDGET: _budgets(facts, week, budgets),
            TENANT: _tenants(facts, week, weeks),
            LAST_WEEK: _followed(week, rows, paths, used),
        }
        for section, decisions in sections.items():
            rows.update({(week, section, rank): one for rank, one in enumerate(decisions, start=1)})
    return Table("rpt_weekly_review", ("week", "section", "rank"), Decision, rows)


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _weeks(spent: Iterable[Spend], margins: Mapping[MarginKey, MarginNanos]) -> dict[date, _Paths]:
    """A week's revenue is that of its months by days; its cost what production calls cost, billed and accrued."""
    spent = [one for one in spent if one.day is not None and one.destination != "out_of_scope"]
    known = [one.day for one in spent if one.day is not None]
    first_day, last_day = min(known, default=date.max), max(known, default=date.min)
    weeks: dict[date, _Paths] = {}
    for one in spent:
        week = None if one.day is None else _monday(one.day)
        if one.direct and week is not None and first_day <= week <= last_day - 6 * _DAY:
            paths = weeks.setdefault(week, {})
            if one.tenant_id is not None and one.feature_id is not None:
                paths.setdefault((one.tenant_id, one.feature_id), _Path()).cost += one.cost + one.accrued
    for week, paths in weeks.items():
        for month, days in Counter((week + number * _DAY).replace(day=1) for number in range(7)).items():
            length = ((month + timedelta(days=31)).replace(day=1) - month).days
            for (tenant, feature, charged), margin in margins.items():
                if charged == month and tenant != UNASSIGNED and not feature.startswith("("):
                    revenue = int(Fraction(margin.revenue * days, length))
                    paths.setdefault((tenant, feature), _Path()).revenue += revenue
    return weeks


def _owner(facts: Facts, feature: str | None) -> str | None:
    declared = facts.features.get(feature or "")
    return declared.owner if declared else None


def _by_feature(paths: _Paths) -> dict[str, list[tuple[str, _Path]]]:
    found: dict[str, list[tuple[str, _Path]]] = defaultdict(list)
    for (tenant, feature), path in paths.items():
        found[feature].append((tenant, path))
    return found


def _by_tenant(paths: _Paths) -> dict[str, list[tuple[str, _Path]]]:
    found: dict[str, list[tuple[str, _Path]]] = defaultdict(list)
    for (tenant, feature), path in paths.items():
        found[tenant].append((feature, path))
    return found


def _margin(its: Iterable[tuple[str, _Path]]) -> int:
    return sum(path.margin for _, path in its)


def _cost(its: Iterable[tuple[str, _Path]]) -> int:
    return sum(path.cost for _, path in its)


def _paths(facts: Facts, week: date, paths: _Paths, verdicts: Mapping[tuple[str, date], Verdict]) -> Iterator[Decision]:
    """The features that lost most, with the verdict of the month in which the week ends."""
    losing = [(_margin(its), feature, its) for feature, its in _by_feature(paths).items() if _margin(its) < 0]
    for margin, feature, its in sorted(losing, key=lambda one: (one[0], one[1].encode()))[:_TOP]:
        worst, _ = min(its, key=lambda one: (one[1].margin, one[0].encode()))
        verdict = verdicts.get((feature, (week + 6 * _DAY).replace(day=1)))
        action = verdict.verdict if verdict is not None else "investigate"
        if verdict is not None and action == "optimise":
            action = verdict.lever or action
        action = {"limit": "quota", "scale": "investigate"}.get(action, action)
        money = to_money(margin), to_money(_cost(its))
        yield Decision(feature, worst, None, *money, action, _owner(facts, feature))


def _versions(facts: Facts, week: date, impacts: Mapping[tuple[str, str], PromptImpact]) -> Iterator[Decision]:
    """Deployed in the week or the one before, so that there is something to compare."""
    found = [
        (impact.margin_impact, feature, version, impact)
        for (feature, version), impact in impacts.items()
        if impact.margin_impact is not None and week - _WEEK <= impact.deployed_at.date() < week + _WEEK
    ]
    for amount, feature, version, impact in sorted(found, key=lambda one: (one[0], one[1].encode(), one[2].encode())):
        action = {"dearer": "roll back", "cheaper": "keep"}.get(impact.finding, "wait")
        yield Decision(feature, None, version, amount, impact.difference, action, _owner(facts, feature))


def _budgets(facts: Facts, week: date, budgets: Iterable[Budgeted]) -> Iterator[Decision]:
    """Budgets that reached a state in the week: thresholds move by the risk of the feature."""
    found = [
        one
        for one in budgets
        if any(
            reached is not None and _monday(reached.since) == week
            for reached in (one.reached.get(state) for state in (EXCEEDED, SPEND_ALERT, WARNING))
        )
    ]
    for one in sorted(found, key=lambda one: (-(one.share_spent or 0), *one.key[:2])):
        budget = one.budget
        feature = budget.scope_value if budget.scope == "feature" else None
        declared = facts.features.get(feature or "")
        risk = declared.risk if declared else None
        earlier = to_money(to_nanos(budget.warning_share) - 10**8)
        action = {
            "high": f"raise the amount, and warn from {earlier:.2f}",
            "low": "keep the amount, and cap the feature",
        }.get(risk or "", "agree on the amount")
        tenant = budget.scope_value if budget.scope == "tenant" else None
        forecast = None if one.forecast is None else to_money(one.forecast)
        yield Decision(feature, tenant, None, budget.amount, forecast, action, one.owner)


def _tenants(facts: Facts, week: date, weeks: Mapping[date, _Paths]) -> Iterator[Decision]:
    """Who lost money; where it also used twice what it did, a quota stops it, else its price is what is wrong."""
    losing = [(_margin(its), tenant, its) for tenant, its in _by_tenant(weeks[week]).items() if _margin(its) < 0]
    before = [_by_tenant(paths) for other, paths in weeks.items() if week - 4 * _WEEK <= other < week]
    for margin, tenant, its in sorted(losing, key=lambda one: (one[0], one[1].encode())):
        dearest, _ = min(its, key=lambda one: (-one[1].cost, one[0].encode()))
        cost, history = _cost(its), [_cost(its[tenant]) for its in before if tenant in its]
        action = "quota" if history and cost >= 2 * median(history) else "price"
        yield Decision(dearest, tenant, None, to_money(margin), to_money(cost), action, _owner(facts, dearest))


def _versions_used(events: Iterable[EventCost]) -> Counter[tuple[date, str | None, str | None]]:
    """Production events by week, feature and prompt version."""
    events = list(events)
    unseen = unobserved_ids(events)
    return Counter(
        (_monday(one.day), one.feature_id, one.prompt_version)
        for one in events
        if one.production and id(one) not in unseen
    )


def _followed(
    week: date,
    rows: Mapping[tuple[date, str, int], Decision],
    paths: _Paths,
    used: Counter[tuple[date, str | None, str | None]],
) -> Iterator[Decision]:
    """It worked where at most three quarters of the loss are left; a version that was to go is gone when nothing ran with it."""
    features, tenants = _by_feature(paths), _by_tenant(paths)
    for (before, section, _), one in sorted(rows.items(), key=lambda item: item[0]):
        if before != week - _WEEK or section in (BUDGET, LAST_WEEK) or one.action in ("keep", "wait"):
            continue
        worked: bool | None
        if section == VERSION:
            now = Decimal(used[week, one.feature_id, one.prompt_version])
            worked = now == 0
        else:
            its = features.get(one.feature_id or "", []) if section == PATH else tenants.get(one.tenant_id or "", [])
            now = to_money(_margin(its))
            worked = 4 * now >= 3 * one.amount
        action = "none: it worked" if worked else one.action
        yield Decision(
            one.feature_id,
            one.tenant_id,
            one.prompt_version,
            now,
            one.amount,
            action,
            one.owner,
            last_week_action=one.action,
            worked=worked,
        )
