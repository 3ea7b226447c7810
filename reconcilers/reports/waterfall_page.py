"""One page: the penny-closed waterfall as a chart, tenant margins and unit costs as tables. Self-contained HTML.

Amounts are published decimals, written as text; only the heights of the bars are binary floats, because pixels are.
Names come from outside and are escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from reconcilers.reports.completeness import told
from reconcilers.warehouses.base import Figures, Published

#: Steps smaller than the rest still get a bar; what nobody billed has none.
WATERFALL = """
select step, sum(steps.cost) as cost, max(section) as section, min(steps.position) as place
from finance.rpt_invoice_waterfall as steps
where billing_period_start = ?
group by step
having sum(steps.cost) <> 0 or step = 'billed'
order by case when step = 'billed' then 0 else 1 end, place, step
"""
MONTHS = "select distinct billing_period_start from finance.rpt_invoice_waterfall order by 1"
DEAREST_FEATURES = """
select slice_value as feature, successes, cost_per_success, all_in_cost_per_success, waste_share, share_attributed, share_reconciled
from finance.rpt_unit_costs
where slice = 'feature' and month = ? and successes > 0
order by cost_per_success desc, feature limit 3
"""
MARGINS = """
select tenant_id, sum(revenue) as revenue, sum(direct_cost) as direct_cost, sum(accrued_cost) as accrued_cost,
    sum(shared_cost) as shared_cost, sum(loaded_margin) as loaded_margin, min(share_attributed) as share_attributed,
    min(share_reconciled) as share_reconciled, max(status) as status
from finance.fct_tenant_margin
where month = ?
group by tenant_id order by case when tenant_id = '(unassigned)' then 1 else 0 end, revenue desc, tenant_id
"""


def month_figures(published: Published) -> list[tuple[Any, Figures, Figures, Figures]]:
    """(billing month, waterfall, dearest features per success, tenant margins) of what is published, in order."""
    ask = published.ask
    months = [month for (month,) in ask(MONTHS).rows]
    return [(month, ask(WATERFALL, month), ask(DEAREST_FEATURES, month), ask(MARGINS, month)) for month in months]


def write_page(published: Published, target: Path) -> Path:
    """Write the page of what is published to ``target``."""
    import plotly.graph_objects as go
    from plotly.offline import get_plotlyjs

    facts = published.facts
    parts = []
    for month, waterfall, features, margins in month_figures(published):
        chart = go.Figure(_bars(waterfall.rows))
        chart.update_layout(height=420, margin={"t": 30, "b": 90}, showlegend=False, template="plotly_white")
        billed = sum((cost for step, cost, *_ in waterfall.rows if step == "billed"), Decimal(0))
        carried = sum((cost for step, cost, *_ in waterfall.rows if step != "billed"), Decimal(0))
        parts.append(
            f"<h2>{month:%B %Y}</h2><p>Billed {billed:f}, carried {carried:f}, difference <b>{billed - carried:f}</b>.</p>"
            + _completeness(told(facts, month))
            + chart.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False})
            + _table(
                "Where every billed cent went",
                Figures(["step", "cost"], [row[:2] for row in waterfall.rows]),
                lambda _, value: shown(value),
            )
            + _table("The dearest features per success", features)
            + _table("Tenant margins", margins)
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>What outcomes cost</title><style>"
        "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1c2733}"
        "table{border-collapse:collapse;margin:1em 0 2em}td,th{padding:.25em .8em;border-bottom:1px solid #dde3ea;text-align:right}"
        "td:first-child,th:first-child,caption{text-align:left}caption{font-weight:600;padding:.4em 0;white-space:nowrap}</style>"
        f"<script>{get_plotlyjs()}</script><h1>What outcomes cost</h1>"
        f"<p>Period {escape(str(facts['period']))}, as known at {escape(str(facts['as_of']))} UTC. Amounts in the reporting currency; the waterfall is exact, the other tables are rounded for reading.</p>"
        + "".join(parts)
        + "</html>\n"
    )
    return target


def _bars(rows: Sequence[tuple[Any, ...]]) -> Any:
    """The billed total, then each step down from it to zero."""
    import plotly.graph_objects as go

    names = [str(step).replace("_", " ") for step, *_ in rows]
    amounts = [cost if step == "billed" else -cost for step, cost, *_ in rows]
    return go.Waterfall(
        x=[*names, "difference"],
        y=[*(float(amount) for amount in amounts), 0.0],
        measure=["absolute", *["relative"] * (len(rows) - 1), "total"],
        text=[*(f"{cost:,.2f}" for _, cost, *_ in rows), f"{sum(amounts, Decimal(0)):,.2f}"],
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": "#c0504d"}},
        decreasing={"marker": {"color": "#3b7dd8"}},
        totals={"marker": {"color": "#44546a"}},
    )


def brief(name: str, value: object) -> str:
    """A figure rounded for reading: shares in percent, unit costs to a hundredth of a cent, amounts to the cent."""
    if not isinstance(value, Decimal):
        return shown(value)
    if "share_" in name or name.endswith("_share"):
        return f"{value:.1%}"
    return f"{value:,.4f}" if "_per_" in name else f"{value:,.2f}"


def shown(value: object) -> str:
    """A value for a reader: every stored digit that is not a trailing zero, at least cents."""
    if not isinstance(value, Decimal):
        return "" if value is None else str(value)
    text = f"{value:f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}"


def _completeness(missing: Sequence[str]) -> str:
    """What a difference is worth: the month is complete, or what of it is missing."""
    if not missing:
        return "<p>The month is complete.</p>"
    return f"<p><b>The month is not complete.</b></p><ul>{''.join(f'<li>{escape(line)}</li>' for line in missing)}</ul>"


def _table(caption: str, figures: Figures, text: Callable[[str, object], str] = brief) -> str:
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in figures.names)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(text(name, value))}</td>" for name, value in zip(figures.names, row, strict=True))
        + "</tr>"
        for row in figures.rows
    )
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"
