"""What of a publication a person should look at, and how much money it speaks of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from reconcilers.periods import Period
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


def billed(published: Published, period: Period) -> list[tuple[date, str, str, Decimal, Decimal]]:
    """Billing month, source, currency, what was billed, and what of it went nowhere (0), for the months of ``period``."""
    sql = """select billing_period_start, source, currency,
               sum(case when section = 'billed' then cost else 0 end),
               sum(case when section = 'billed' then cost else -cost end)
             from finance.rpt_invoice_waterfall where billing_period_start >= ? and billing_period_start < ? group by 1, 2, 3 order by 1, 2, 3"""
    return [tuple(row) for row in published.ask(sql, period.start.replace(day=1), period.end).rows]
