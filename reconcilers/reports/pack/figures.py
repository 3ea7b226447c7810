"""The pack of one month: what each question answered, what of it is missing, and what stands on its first page.

Every figure is a published decimal or made of published decimals, exactly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from reconcilers.errors import SettingsInvalid
from reconcilers.periods import Period
from reconcilers.reports.changes import OF_MONTH, changes_of_months
from reconcilers.reports.changes import SECTIONS as SECTIONS_OF_CHANGES
from reconcilers.reports.completeness import to_look_at, told
from reconcilers.reports.pack.questions import SECTIONS
from reconcilers.reports.pack.questions.features import VERDICTS
from reconcilers.reports.pack.questions.month import CHANGES, MONTHS, SPEND, STEPS
from reconcilers.reports.pack.questions.question import Column, Question, Section
from reconcilers.reports.pack.written import WIDE, shown
from reconcilers.reports.verdicts import reason
from reconcilers.warehouses.base import Published

PUBLISHED_MONTHS = """
select month
from (
    select distinct billing_period_start as month from finance.rpt_invoice_waterfall
    union distinct
    select distinct month from finance.fct_tenant_margin
) as months
where month is not null
order by month
"""
BILLED_MONTHS = "select max(billing_period_start) from finance.rpt_invoice_waterfall"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Restated:
    """A run that made days of the month again, and why."""

    at: str
    days: str
    reason: str


@dataclass(frozen=True)
class Table:
    """What a question answered. ``missing`` says why it could not, or that there is nothing; ``queries`` are as they were run."""

    question: Question
    queries: tuple[str, ...]
    rows: tuple[Row, ...] = ()
    missing: str = ""
    note: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.question.columns

    @property
    def provisional(self) -> bool:
        """Whether a row is, and with it the sum of them."""
        return any(is_provisional(row) for row in self.rows)

    @cached_property
    def last(self) -> Row | None:
        """The last row: sums of what is known, ratios of these sums; or what the first row leaves of all others."""
        if not self.rows or not self.question.last:
            return None
        if self.question.last == "difference":
            first, *others = (row["cost"] for row in self.rows)
            return {self.columns[0].name: "difference", "cost": WIDE.subtract(first, _sum(others))}
        sums: dict[str, Any] = {
            column.name: _sum([row[column.name] for row in self.rows]) for column in self.columns if column.summed
        }
        known_in_part = any(
            row[name] is None and sums[name] is not None for name in _OF_REVENUE & sums.keys() for row in self.rows
        )
        sums[self.columns[0].name] = "total of what is known" if known_in_part else "total"
        return with_ratios(sums, [column for column in self.columns if column.made and set(column.made) <= sums.keys()])


def is_provisional(row: Row) -> bool:
    """Whether a row says so of itself: too little coverage, or revenue not known in full (R28)."""
    return row.get("status") == "provisional" or row.get("complete") is False


@dataclass(frozen=True)
class Card:
    """A figure of the first page, a column of ``MONTHS``: this month's, the month before's, and what it means in a line."""

    title: str
    name: str
    kind: str
    value: Decimal | None
    before: Decimal | None
    says: str


@dataclass(frozen=True)
class Pack:
    """The pack of one month. Amounts are in ``currency``, the reporting currency, but where another stands beside them."""

    company: str
    period: Period
    currency: str
    as_of: str
    version: str
    tables: Mapping[str, Table]
    missing: tuple[str, ...]
    to_look_at: tuple[str, ...]
    restated: tuple[Restated, ...]

    @property
    def month(self) -> date:
        return self.period.start

    @property
    def sections(self) -> list[tuple[Section, list[Table]]]:
        return [(section, [self.tables[one.key] for one in section.questions]) for section in SECTIONS]

    @cached_property
    def figures(self) -> Row:
        """The month's row of ``MONTHS``."""
        return self._month(self.month) or {}

    @cached_property
    def figures_before(self) -> Row:
        """The row of the month before; empty where nothing of it is published."""
        return self._month(_before(self.month)) or {}

    def _month(self, month: date) -> Row | None:
        return next((row for row in self.tables[MONTHS.key].rows if row["month"] == month), None)

    @cached_property
    def reasons(self) -> list[str]:
        """Why the figures may still move; empty where nothing says so."""
        reasons = ["the month is not complete"] if self.missing else []
        if self.figures.get("rows_incomplete"):
            reasons.append("revenue is not known in full")
        if self.figures.get("rows_under_gate"):
            reasons.append("too little of the bill is attributed")
        if self.figures.get("accrued_cost"):
            reasons.append("some cost is accrued and not billed yet")
        if self.figures.get("pending"):
            reasons.append("outcomes are still pending")
        return reasons

    @property
    def provisional(self) -> bool:
        return bool(self.reasons)

    @property
    def difference(self) -> Decimal | None:
        last = self.tables[SPEND.key].last
        return last["cost"] if last else None

    @property
    def earned(self) -> bool:
        """Whether anybody's revenue of the month is known."""
        return bool(self.figures.get("rows_with_revenue"))

    @cached_property
    def cards(self) -> list[Card]:
        told = (
            ("Spend", "spend", "money", self._spend_says()),
            ("Cost per success", "cost_per_success", "unit", self._success_says()),
            ("Margin", "loaded_margin", "money", self._margin_says()),
            ("Margin rate", "margin_rate", "share", "margin ÷ revenue" if self.earned else "not known without revenue"),
            ("Waste", "waste_cost", "money", self._waste_says()),
            ("Coverage", "share_attributed", "share", self._coverage_says()),
        )
        now, before = self.figures, self.figures_before
        return [Card(title, name, kind, now.get(name), before.get(name), says) for title, name, kind, says in told]

    def _spend_says(self) -> str:
        return (
            "billed, tax and fees included"
            if self.figures.get("spend") is not None
            else "no bill of the month is published"
        )

    def _success_says(self) -> str:
        if not self.figures.get("events"):
            return "no outcome of the month is known"
        successes = self.figures["successes"]
        return f"over {successes:,} successes" if successes else f"no success among {self.figures['events']:,} events"

    def _margin_says(self) -> str:
        if not self.earned:
            return "no revenue of the month is known"
        if self.figures["rows_without_revenue"]:
            return "revenue less all cost, of those whose revenue is known"
        return "revenue less direct and shared cost"

    def _coverage_says(self) -> str:
        known = self.figures.get("share_attributed") is not None
        return "of production cost is on events" if known else "no production cost is known"

    def _waste_says(self) -> str:
        share = self.figures.get("waste_share")
        if share is None:
            return "no cost of the month's events is known"
        return f"{shown('share', share)} of event cost bought no outcome"


def newest_month(published: Published) -> date:
    """The newest billed month; without any, the newest of which something is published. Raises ``SettingsInvalid`` without that."""
    months = _months(published)
    billed: date | None = published.ask(BILLED_MONTHS).rows[0][0]
    return billed or months[-1]


def _months(published: Published) -> list[date]:
    months = [found for (found,) in published.ask(PUBLISHED_MONTHS).rows]
    if not months:
        raise SettingsInvalid("no month is published yet", hint="run `reconcile run --from DAY --to DAY` first")
    return months


def pack_of(published: Published, month: date, company: str = "", restated: Sequence[Restated] = ()) -> Pack:
    """Ask everything of a month, given by its first day. Raises ``SettingsInvalid`` for one that is not published."""
    months = _months(published)
    if month not in months:
        there = ", ".join(f"{one:%Y-%m}" for one in months)
        raise SettingsInvalid(f"no month {month:%Y-%m} is published", hint=f"there are {there}")
    period, facts = Period.of_month(month), published.facts
    asked = [one for section in SECTIONS for one in section.questions]
    tables = {
        one.key: _changes(published, period) if one is CHANGES else _answer(published, one, period) for one in asked
    }
    if _before(month) not in months:
        for key in (CHANGES.key, STEPS.key):
            told_so = f"nothing of {_before(month):%B %Y} is published, so there is no month to compare with"
            tables[key] = Table(tables[key].question, tables[key].queries, missing=told_so)
    earned = {row["month"] for row in tables[MONTHS.key].rows if row["rows_with_revenue"]}
    tables = {key: _without_revenue(table, month, earned) for key, table in tables.items()}
    currency = next((row["currency"] for row in tables[MONTHS.key].rows if row["currency"]), "")
    return Pack(
        company,
        period,
        currency,
        str(facts["as_of"]),
        published.name,
        tables,
        tuple(told(facts, month)),
        tuple(to_look_at(facts, month)),
        tuple(restated),
    )


def with_ratios(row: Row, columns: Sequence[Column]) -> Row:
    """A row and the ratios its query does not tell: null where one of both is not known, or the denominator is 0 or less."""
    made = dict(row)
    for column in columns:
        if column.made:
            part, whole = (made[name] for name in column.made)
            made[column.name] = (
                None if part is None or not whole or whole < 0 else _ratio(Decimal(part), Decimal(whole))
            )
    return made


def as_run(sql: str, period: Period) -> str:
    """A query with its days in it. They are days of ours and no text from outside, so that what is run is what a reader sees."""
    days = {"month": period.start, "before": _before(period.start), "next": period.end}
    return re.sub(r":(month|before|next)\b", lambda name: f"date '{days[name[1]]}'", sql).strip()


def _answer(published: Published, question: Question, period: Period) -> Table:
    query = as_run(question.sql, period)
    try:
        found = published.ask(query)
    except SettingsInvalid:
        return Table(question, (query,), missing=_lacking(published, query))
    rows = []
    for values in found.rows:
        row = dict(zip(found.names, values, strict=True))
        if question is VERDICTS:
            row["reason"] = reason(row, shown)
        if "name" in row:
            row["feature"] = row["name"] or row["feature_id"]
        rows.append(with_ratios(_with_differences(row, question.columns), question.columns))
    return Table(question, (query,), tuple(rows), "" if rows else question.nothing)


def _with_differences(row: Row, columns: Sequence[Column]) -> Row:
    """A row and what its query leaves to a formula of two of its columns, such as ``left``."""
    made = dict(row)
    for column in columns:
        if column.name not in made and column.formula and not column.made:
            whole, part = re.findall(r"\{(\w+)\}", column.formula)
            known = made[whole] is not None and made[part] is not None
            made[column.name] = WIDE.subtract(made[whole], made[part]) if known else None
    return made


def _lacking(published: Published, query: str) -> str:
    """What an older publication lacks of a query."""
    for name in dict.fromkeys(re.findall(r"\bfinance\.(\w+)", query)):
        try:
            published.ask(f"select 1 from finance.{name} limit 0")
        except SettingsInvalid:
            return f"not published: there is no table `{name}`; the next run makes it"
    return "not published: a column of this table is missing; the next run makes it"


def _changes(published: Published, period: Period) -> Table:
    """Why cost changed against the month before, feature by feature, as every comparison of months tells it."""
    before, month = _before(period.start), period.start
    sql = OF_MONTH.format(name=SECTIONS_OF_CHANGES["feature"]).strip()
    queries = tuple(sql.replace("?", f"date '{one}'") for one in (before, month))
    try:
        found = changes_of_months(published, published, before, month, ["feature"])
        names = dict(published.ask(CHANGES.sql).rows)
    except SettingsInvalid:
        return Table(
            CHANGES, queries, missing="one of the two months has no cost of use, so there is nothing to compare"
        )
    rows = [
        {
            "feature": names.get(one.name, one.name),
            "month_before": one.before,
            "this_month": one.after,
            "change": one.change,
        }
        | {part: getattr(one, part) for part in ("volume", "mix", "price", "new", "gone")}
        for one in found
    ]
    return Table(CHANGES, queries, tuple(rows), "" if rows else CHANGES.nothing)


#: What is of revenue, and says nothing where none is known.
_OF_REVENUE = frozenset({"revenue", "contribution_margin", "loaded_margin", "margin_rate"})


def _without_revenue(table: Table, month: date, earned: Collection[date]) -> Table:
    """A table without revenue and margins in months of which nobody's revenue is known: a revenue of 0 would look like a result."""
    names = _OF_REVENUE & {column.name for column in table.columns}
    rows = tuple(
        {**row, **dict.fromkeys(names)} if row.get("month", month) not in earned else row for row in table.rows
    )
    if not names or rows == table.rows:
        return table
    note = "" if month in earned else "No revenue of the month is known, so no margin is."
    return Table(table.question, table.queries, rows, table.missing, note)


def _sum(values: Sequence[Any]) -> Any:
    """The exact sum of what is known; null where nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    total = known[0]
    for value in known[1:]:
        total = WIDE.add(total, value) if isinstance(total, Decimal) else total + value
    return total


def _ratio(part: Decimal, whole: Decimal) -> Decimal:
    return WIDE.quantize(WIDE.divide(part, whole), Decimal("1e-9"))


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)
