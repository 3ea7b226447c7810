"""Bars. Their lengths are binary floats, because pixels are; every word and number beside them is text made of decimals.

Colours are Okabe's and Ito's, which people who see few colours tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dash import dcc, html

from reconcilers.reports.files import visible

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#5B6670"
INK, LINE = "#1b2733", "#d5dbe1"
_LONGEST_LABEL = 28


def waterfall(steps: Sequence[tuple[str, Decimal, str]]) -> html.Figure:
    """What was billed, then each step down from it to nothing. Step, amount, and the amount as text."""
    running, starts, ends = Decimal(0), [], []
    for place, (_, cost, _) in enumerate(steps):
        starts.append(Decimal(0) if place == 0 else running)
        running = cost if place == 0 else running - cost
        ends.append(running)
    colours = [GREY, *(GREEN if cost < 0 else BLUE for _, cost, _ in steps[1:])]
    return _bars(
        [(name.replace("_", " "), text) for name, _, text in steps],
        [
            {
                "base": [float(min(pair)) for pair in zip(starts, ends, strict=True)],
                "x": [float(abs(end - start)) for start, end in zip(starts, ends, strict=True)],
                "marker": {"color": colours},
            }
        ],
        "Billed, then each step down from it to zero; the table below has the same amounts.",
    )


def costs(rows: Sequence[tuple[str, Decimal, Decimal | None, str]], of: str) -> html.Figure:
    """A bar for each name, and within it what of it was waste. Name, cost, waste, and both as text."""
    traces = [{"x": [float(cost) for _, cost, _, _ in rows], "marker": {"color": BLUE}, "name": "cost"}]
    if any(one for _, _, one, _ in rows):
        wasted = [float(one or 0) for _, _, one, _ in rows]
        traces.append({"x": wasted, "marker": {"color": ORANGE}, "name": "of it waste"})
    return _bars([(name, text) for name, _, _, text in rows], traces, f"{of}; the table below has the same amounts.")


def _bars(rows: Sequence[tuple[str, str]], traces: Sequence[dict[str, Any]], meaning: str) -> html.Figure:
    places = list(range(len(rows)))
    # Names may be equal, may look like dates, and may hold what a chart takes for markup.
    labels = [_label(name) for name, _ in rows]
    texts = [_escaped(text) for _, text in rows]
    told = [f"{_escaped(name)}: {text}" for (name, _), text in zip(rows, texts, strict=True)]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "y": places,
            "customdata": told,
            "hovertemplate": "%{customdata}<extra></extra>",
            "showlegend": len(traces) > 1,
            "cliponaxis": False,
            **({"text": texts, "textposition": "outside", "textfont": {"color": INK}} if place == 0 else {}),
            **trace,
        }
        for place, trace in enumerate(traces)
    ]
    layout = {
        "barmode": "overlay",
        "bargap": 0.35,
        "height": 56 + 26 * len(rows) + (26 if len(traces) > 1 else 0),
        "margin": {"l": 8, "r": 16 + 7 * max(map(len, texts), default=0), "t": 8, "b": 8},
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": "#ffffff", "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "xaxis": {"visible": False, "fixedrange": True, "zeroline": False},
        "yaxis": {
            "tickvals": places,
            "ticktext": labels,
            "autorange": "reversed",
            "fixedrange": True,
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
        },
    }
    graph = dcc.Graph(figure={"data": bars, "layout": layout}, config={"displayModeBar": False, "responsive": True})
    # The table says it to who cannot see it.
    return html.Figure([html.Div(graph, **{"aria-hidden": "true"}), html.Figcaption(meaning, className="unseen")])


def _escaped(text: str) -> str:
    """Text that a chart takes for no markup; it knows these three for what they stand for, and no quotes."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _label(name: str) -> str:
    """A name that fits beside its bar: of a long one both ends, since names of a kind begin alike."""
    return _escaped(
        name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL // 2]}…{name[-_LONGEST_LABEL // 2 + 1 :]}"
    )
