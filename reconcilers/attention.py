"""What of a publication a person should look at, and how much money it speaks of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconcilers.periods import Period
from reconcilers.reports.completeness import verdict
from reconcilers.warehouses.base import Published


def findings(published: Published | None) -> list[str]:
    """One line each: what failed or was warned of, months under the coverage gate, kinds of break that are material (R19).

    A line says nothing that changes from night to night, so that a line not there before is news.
    """
    if published is None:
        return []
    facts = published.facts
    lines = [*facts["failed_units"], *facts["warnings"]]
    gates = """select distinct month, revenue_complete from finance.fct_tenant_margin
               where status = 'provisional' order by month, revenue_complete desc"""
    lines += [
        f"margins of {month:%B %Y} are provisional: "
        + ("too little of the bill is attributed" if complete else "revenue is not known in full")
        for month, complete in published.ask(gates).rows
    ]
    breaks = "select distinct source, kind from finance.fct_breaks where state = 'open' and material order by 1, 2"
    lines += [f"material breaks of kind {kind} at {source}" for source, kind in published.ask(breaks).rows]
    return lines


def others(published: Published) -> list[str]:
    """How many breaks are open of which ``findings`` says nothing: below the policy's materiality, or of no known amount."""
    sql = "select count(*) from finance.fct_breaks where state = 'open' and not material"
    ((count,),) = published.ask(sql).rows
    return [f"and {count} other breaks, smaller or of no known amount"] if count else []


def money_in_and_out(published: Published, period: Period) -> list[tuple[str, str, str]]:
    """Currency, what the months of ``period`` were billed, and what of it has a destination: the same, or nothing was published."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for _, _, currency, cost, rest in billed(published, period):
        into, out = sums.get(currency, (Decimal(0), Decimal(0)))
        sums[currency] = into + cost, out + cost - rest
    return [(currency, f"{into:f}", f"{out:f}") for currency, (into, out) in sorted(sums.items())]


def closing(published: Published, period: Period) -> list[str]:
    """Each month of ``period``: what was billed, the difference, and whether it is complete, in one line."""
    lines = []
    for month in period.months():
        parts = [
            f"billed {into} {currency}, difference {Decimal(into) - Decimal(out):f}"
            for currency, into, out in money_in_and_out(published, month)
        ]
        lines.append(
            f"{month.start:%B %Y}: {', '.join(parts) or 'nothing billed'}; {verdict(published.facts, month.start)}"
        )
    return lines


def billed(published: Published, period: Period) -> list[tuple[date, str, str, Decimal, Decimal]]:
    """Billing month, source, currency, what was billed, and what of it went nowhere (0), for the months of ``period``."""
    sql = """select billing_period_start, source, currency,
               sum(case when section = 'billed' then cost else 0 end),
               sum(case when section = 'billed' then cost else -cost end)
             from finance.rpt_invoice_waterfall where billing_period_start >= ? and billing_period_start < ? group by 1, 2, 3 order by 1, 2, 3"""
    return [tuple(row) for row in published.ask(sql, period.start.replace(day=1), period.end).rows]
