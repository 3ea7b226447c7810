"""Charts of the pack, as the figures plotly.js draws.

Lengths of bars are binary floats, because pixels are; every number that can be read is text made from exact decimals, so the
value axes carry none. Colours are those of Okabe and Ito, which colour-blind people tell apart; what is provisional is hatched,
too. Names come from outside: plotly reads a little markup in labels, so they are escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from reconcilers.reports.files import visible
from reconcilers.reports.pack.figures import Row, Table, is_provisional
from reconcilers.reports.pack.written import WIDE, shown

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#7A7A7A",
)  # fmt: skip
#: Bars of a chart; the table behind it has every row.
BARS = 18
_LABEL = 32
Spec = dict[str, Any]


def chart_of(table: Table, provisional: bool) -> Spec | None:
    """What plotly.js draws of a table; null where it has no chart, or nothing to show. ``provisional`` is of the whole month."""
    draw = _DRAWN.get(table.question.chart)
    return draw(table, provisional) if draw and table.rows else None


def _waterfall(table: Table, provisional: bool) -> Spec:
    """The billed total, then each step down from it to zero."""
    running, bars = Decimal(0), []
    for row in table.rows:
        cost = row["cost"]
        start, running = (Decimal(0), cost) if row["step"] == "billed" else (running, running - cost)
        colour = BLACK if row["step"] == "billed" else ORANGE if cost < 0 else BLUE if row["step"] == "event" else SKY
        bars.append((row["step"], min(start, running), abs(cost), colour, shown("money", cost), provisional))
    return _bars(bars)


def _changes(table: Table, provisional: bool) -> Spec:
    """From the cost of the month before to this month's, by reason."""
    last = table.last or {}
    running, bars = Decimal(0), []
    for name in ("month_before", "volume", "mix", "price", "new", "gone", "this_month"):
        amount, whole = last[name], name.endswith(("_before", "_month"))
        start, running = (Decimal(0), amount) if whole else (running, running + amount)
        colour = BLACK if whole else VERMILLION if amount > 0 else GREEN
        bars.append((name, min(start, running), abs(running - start), colour, shown("money", amount), provisional))
    return _bars(bars)


def _features(table: Table, provisional: bool) -> Spec | None:
    rows = [row for row in table.rows if row["cost_per_success"]][:BARS]
    if not rows:
        return None
    cost = _trace(
        list(enumerate(rows)),
        "feature",
        "cost_per_success",
        type="bar",
        name="cost per success",
        marker={"color": BLUE, "pattern": _hatching([provisional or is_provisional(row) for row in rows])},
        textposition="outside",
    )
    value = _trace(
        [(place, row) for place, row in enumerate(rows) if row["value_per_success"]],
        "feature",
        "value_per_success",
        type="scatter",
        mode="markers+text",
        name="value per success",
        marker={"color": ORANGE, "symbol": "diamond", "size": 11, "line": {"color": BLACK, "width": 1}},
        textposition="middle right",
    )
    layout = _layout(
        [str(row["feature"]) for row in rows],
        "bars: what a success cost · diamonds: what it is worth · on a scale of tenfold steps",
    )
    layout["xaxis"] |= {"type": "log", "zeroline": False}
    return {"data": [cost, value], "layout": layout}


def _by(column: str, name: str, bad: bool = False) -> Callable[[Table, bool], Spec | None]:
    """Bars of one column; where less than nothing is ``bad`` news, these are told apart."""

    def draw(table: Table, provisional: bool) -> Spec | None:
        rows = [row for row in table.rows if row[column] is not None]
        rows = sorted(rows, key=lambda row: abs(row[column]), reverse=True)[:BARS]
        rows = [row for row in table.rows if row in rows]
        if not rows:
            return None
        bars = []
        for row in rows:
            amount = row[column]
            colour = VERMILLION if bad and amount < 0 else BLUE if amount >= 0 else ORANGE
            hatched = provisional or is_provisional(row)
            bars.append(
                (_named(row, name), min(amount, Decimal(0)), abs(amount), colour, shown("money", amount), hatched)
            )
        left_out = len(table.rows) - len(rows)
        return _bars(
            bars, f"the {len(rows)} largest; {left_out} smaller ones are in the table or workbook" if left_out else ""
        )

    return draw


def _components(table: Table, provisional: bool) -> Spec:
    """The components of all sources together, in their rule's order."""
    sums: dict[str, Decimal] = {}
    for row in table.rows:
        sums[row["component"]] = WIDE.add(sums.get(row["component"], Decimal(0)), row["amount"])
    bars = [
        (
            name,
            min(amount, Decimal(0)),
            abs(amount),
            BLUE if amount >= 0 else ORANGE,
            shown("money", amount),
            provisional,
        )
        for name, amount in sums.items()
    ]
    return _bars(bars)


def _budgets(table: Table, provisional: bool) -> Spec | None:
    """Spent and forecast as parts of each budget, so that small ones are seen beside large ones."""
    rows = [row for row in table.rows if row["amount"]][:BARS]
    if not rows:
        return None
    parts = {name: [float((row[name] or Decimal(0)) / row["amount"]) for row in rows] for name in ("spent", "forecast")}
    names = [_named(row, "scope scope_value") for row in rows]
    places = list(range(len(rows)))

    def bars(column: str, colour: str, width: float, hatched: bool) -> Spec:
        marker = {"color": colour, "pattern": _hatching([hatched] * len(rows))}
        hover = [
            _text(f"{name}, {column}: {shown('money', row[column])}") for name, row in zip(names, rows, strict=True)
        ]
        told = {"hovertext": hover, "hoverinfo": "text", "width": width, "marker": marker}
        return {"type": "bar", "orientation": "h", "y": places, "x": parts[column], **told}

    told = {
        "type": "scatter",
        "mode": "text",
        "y": places,
        "x": [max(1.0, *pair) for pair in zip(parts["spent"], parts["forecast"], strict=True)],
        "text": [f" {shown('money', row['spent'])} of {shown('money', row['amount'])}, {row['state']}" for row in rows],
        "textposition": "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    layout = _layout(names, "blue: spent · orange: forecast to the end of the month · line: the whole budget")
    layout["shapes"] = [
        {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": BLACK, "width": 2}}
    ]
    layout["margin"]["r"] = 190
    drawn = [bars("forecast", ORANGE, 0.7, True), bars("spent", BLUE, 0.4, provisional), told]
    return {"data": drawn, "layout": layout | {"barmode": "overlay"}}


def _trace(rows: Sequence[tuple[int, Row]], named: str, column: str, **more: Any) -> Spec:
    """Rows at their places, by one column; each says its figure beside it, and its name too where a pointer is on it."""
    return {
        "orientation": "h",
        "y": [place for place, _ in rows],
        "x": [float(row[column]) for _, row in rows],
        "text": [shown("money" if column != "cost_per_success" else "unit", row[column]) for _, row in rows],
        "cliponaxis": False,
        "hovertext": [_text(f"{row[named]}: {shown('unit', row[column])}") for _, row in rows],
        "hoverinfo": "text",
        **more,
    }


def _bars(bars: Sequence[tuple[str, Decimal, Decimal, str, str, bool]], title: str = "") -> Spec:
    """Bars one below the other: label, where it begins, its length, colour, the figure as text, whether it is provisional."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(bars))),
        "base": [float(start) for _, start, *_ in bars],
        "x": [float(length) for _, _, length, *_ in bars],
        "marker": {
            "color": [colour for *_, colour, _, _ in bars],
            "pattern": _hatching([hatched for *_, hatched in bars]),
        },
        "text": [text for *_, text, _ in bars],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [_text(f"{label}: {text}") for label, _, _, _, text, _ in bars],
        "hoverinfo": "text",
    }
    return {"data": [trace], "layout": _layout([label for label, *_ in bars], title)}


def _layout(labels: Sequence[str], title: str = "") -> Spec:
    """Places from the top down, each with its label: two names that are cut to the same one stay two."""
    above = 34 if title else 8
    return {
        "title": {
            "text": _text(title),
            "font": {"size": 12, "color": GREY},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 4},
        },
        "height": 26 * len(labels) + above + 20,
        "margin": {"l": 8, "r": 84, "t": above, "b": 12},
        "showlegend": False,
        "bargap": 0.3,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#1c2733"},
        "paper_bgcolor": "#FFFFFF",
        "plot_bgcolor": "#FFFFFF",
        "xaxis": {
            "showticklabels": False,
            "showgrid": False,
            "zeroline": True,
            "zerolinecolor": GREY,
            "fixedrange": True,
        },
        "yaxis": {
            "autorange": "reversed",
            "automargin": True,
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "tickvals": list(range(len(labels))),
            "ticktext": [_label(label) for label in labels],
            "ticks": "outside",
            "ticklen": 5,
            "tickcolor": "#FFFFFF",
        },
        "hoverlabel": {"namelength": -1},
    }


def _hatching(provisional: Sequence[bool]) -> Spec:
    """White strokes over the bars of what is provisional."""
    return {
        "shape": ["/" if one else "" for one in provisional],
        "fillmode": "overlay",
        "fgcolor": "#FFFFFF",
        "fgopacity": 0.75,
        "size": 8,
        "solidity": 0.25,
    }


def _named(row: Row, names: str) -> str:
    return " · ".join(str(row[name]) for name in names.split() if row[name])


def _text(text: str) -> str:
    """Text that plotly takes for no markup."""
    return escape(visible(text))


def _label(text: str) -> str:
    """A name that fits beside a bar, with markup of its own as text."""
    told = text.replace("_", " ")
    return _text(told if len(told) <= _LABEL else f"{told[: _LABEL - 1]}…")


_DRAWN: dict[str, Callable[[Table, bool], Spec | None]] = {
    "waterfall": _waterfall,
    "changes": _changes,
    "features": _features,
    "savings": _by("saving", "feature lever"),
    "tenants": _by("loaded_margin", "tenant", bad=True),
    "components": _components,
    "waste": _by("waste_cost", "feature waste_class"),
    "budgets": _budgets,
}
