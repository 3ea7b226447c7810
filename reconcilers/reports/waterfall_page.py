"""One page: where every billed cent went, what each bucket means and who acts, features, tenants and open breaks. One file of HTML
without a script, so that it can be mailed and read on a phone.

Amounts are published decimals, written as text; only the widths of the bars are binary floats, because pixels are.
Names come from outside and are escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from reconcilers.reports.completeness import to_look_at, told, verdict
from reconcilers.reports.files import visible
from reconcilers.reports.months import Month, months_of, names_of_tenants, open_breaks
from reconcilers.warehouses.base import Figures, Published

#: Months told in full, the newest ones; of the others the first table has a line.
MONTHS_IN_FULL = 6
#: Rows of a table; of more the first half, those that lose most, and the sum of the others.
ROWS = 40

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:1.5em auto;padding:0 1em;color:#1c2733}
h2{margin:2.5em 0 .5em}.open{background:#fff4e0;border-left:4px solid #d98e04;padding:.1em 1em}
table{border-collapse:collapse;width:100%;margin:1em 0 2em;font-size:13.5px;font-variant-numeric:tabular-nums}
caption{font-weight:600;text-align:left;padding:.4em 0}
td,th{padding:.25em .4em;border-bottom:1px solid #dde3ea;text-align:left;vertical-align:top}
td:first-child{overflow-wrap:anywhere;min-width:7em}
th{font-weight:600}.n{text-align:right}td.n{white-space:nowrap}.loss{color:#b3261e}
.bar{width:22%;min-width:7em}.bar div{height:1em;background:#eef1f5}.bar i{display:block;height:100%;background:#3b7dd8}
.bar .billed{background:#44546a}.bar .back{background:#c0504d}
@media (max-width:1000px){
table,caption,tbody,tr,td,td.bar{display:block;width:auto;font-size:15px}tr:first-child{display:none}
tr{border-bottom:1px solid #b8c2cd;padding:.5em 0}td{border:0;padding:.1em 0}td:first-child{font-weight:600}
td[data-of]{display:flex;justify-content:space-between;gap:1em;text-align:right}td{overflow-wrap:anywhere}td.n{white-space:normal}
td[data-of]::before{content:attr(data-of);color:#5a6775;text-align:left;white-space:nowrap}td:empty{display:none}
}
"""

Text = Callable[[str, object], str]


def write_page(published: Published, target: Path, company: str = "") -> Path:
    """Write the page of what is published to ``target``; ``company`` is whose it is, as its settings say."""
    facts, months = published.facts, months_of(published)
    names = names_of_tenants(published)
    currencies = " and ".join(sorted({month.currency for month in months}))
    title = f"What outcomes cost{f' · {escape(visible(company))}' if company else ''}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"<p>Period {escape(str(facts['period']))}, as known at {escape(str(facts['as_of']))} UTC. All amounts are in "
        f"<b>{escape(currencies)}</b>, but where another currency stands beside them. The waterfall is exact; the other tables are "
        "rounded for reading.</p>",
        _table("Months", _overview(facts, months), exact),
    ]
    for month in reversed(months[-MONTHS_IN_FULL:]):
        parts += _month(month, facts, names)
    breaks = open_breaks(published)
    parts.append(f"<h2>Open breaks, by who acts</h2>{_table('Differences somebody must look at', breaks)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("".join(parts) + "</body></html>\n", encoding="utf-8")
    return target


def _overview(facts: Mapping[str, Any], months: Sequence[Month]) -> Figures:
    rows = [
        (
            f"{month.start:%B %Y}",
            month.billed,
            month.carried,
            month.billed - month.carried,
            verdict(facts, month.start),
        )
        for month in reversed(months)
    ]
    return Figures(["month", "billed", "carried", "difference", "month is"], rows)


def _month(month: Month, facts: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    difference = month.billed - month.carried
    yield f"<h2>{month.start:%B %Y}</h2><p>Billed {month.billed:f} {escape(month.currency)}, carried {month.carried:f}, difference "
    yield f"<b>{difference:f}</b>.</p>{_completeness(facts, month.start)}{_waterfall(month)}"
    yield _table(f"Features, {month.currency}", _foremost(month.features, "contribution_margin"))
    rows = [(_named(names, tenant), *row) for tenant, *row in month.margins.rows]
    margins = Figures(["tenant", *month.margins.names[1:]], rows)
    yield _table(f"Tenant margins, {month.currency}", _foremost(margins, "loaded_margin"))


def _named(names: Mapping[str, str], tenant: str) -> str:
    name = names.get(tenant, tenant)
    return name if name == tenant else f"{name} ({tenant})"


def _waterfall(month: Month) -> str:
    """The billed total, then each step down from it to zero, as rows: what it is, how much, and who does what about it."""
    figures = Figures(["step", "cost", "", "what it is", "who acts", "what to do"], [])
    running, ends = Decimal(0), []
    for step, cost, *_ in month.waterfall.rows:
        running = cost if step == "billed" else running - cost
        ends.append(running)
    low, high = min([Decimal(0), *ends]), max([Decimal(0), *ends])
    starts = [Decimal(0), *ends]
    bars = []
    for (step, cost, meaning, owner, action, _), start, end in zip(month.waterfall.rows, starts, ends, strict=False):
        figures.rows.append((step.replace("_", " "), cost, "", meaning, owner, action))
        kind = "billed" if step == "billed" else "back" if cost < 0 else ""
        bars.append(_bar(min(start, end) - low, abs(end - start), high - low, kind))
    return _table("Where every billed cent went", figures, exact, bars)


def _bar(before: Decimal, long: Decimal, whole: Decimal, kind: str) -> str:
    left, width = (float(part / whole * 100) if whole else 0.0 for part in (before, long))
    return f'<div><i class="{kind}" style="margin-left:{left:.2f}%;width:{width:.2f}%;min-width:1px"></i></div>'


def _foremost(figures: Figures, by: str) -> Figures:
    """A table that fits: of more than ``ROWS`` the first half, those least of ``by``, and the sum of the others."""
    if len(figures.rows) <= ROWS:
        return figures
    place = figures.names.index(by)
    rest = figures.rows[ROWS // 2 :]
    least = sorted((row for row in rest if row[place] is not None), key=lambda row: row[place])[: ROWS // 2]
    others = [row for row in rest if row not in least]
    total: list[object] = [f"{len(others)} others"]
    for name, *column in list(zip(figures.names, *others, strict=True))[1:]:
        amounts = all(isinstance(value, Decimal) for value in column) and not _is_ratio(name)
        total.append(sum(column, Decimal(0)) if amounts else None)
    kept = [row for row in figures.rows if row not in others]
    return Figures(figures.names, [*kept, tuple(total)])


def _is_ratio(name: str) -> bool:
    return "share_" in name or name.endswith("_share") or "_per_" in name


def brief(name: str, value: object) -> str:
    """A figure rounded for reading: shares in percent, unit costs to a hundredth of a cent, amounts to the cent."""
    if not isinstance(value, Decimal):
        return exact(name, value)
    if "share_" in name or name.endswith("_share"):
        return f"{value:.1%}"
    return f"{value:,.4f}" if "_per_" in name else f"{value:,.2f}"


def exact(_: str, value: object) -> str:
    """A value with every stored digit, a text with all its characters."""
    return f"{value:,f}" if isinstance(value, Decimal) else "" if value is None else visible(str(value))


def _completeness(facts: Mapping[str, Any], month: date) -> str:
    """What a difference is worth: whether the month is complete, what of it is missing, and what is open."""
    missing = told(facts, month)
    said = "The month is not complete." if missing else "The month is complete."
    lines = [*missing, *to_look_at(facts, month)]
    if not lines:
        return f"<p>{said}</p>"
    listed = "".join(f"<li>{escape(visible(line))}</li>" for line in lines)
    return f'<div class="open"><p><b>{said}</b></p><ul>{listed}</ul></div>'


def _table(caption: str, figures: Figures, text: Text = brief, bars: Sequence[str] = ()) -> str:
    """Rows under their names; on a narrow screen each row is a block, each value beside its name. ``bars`` are the cells of the
    column without a name."""
    shown = [name.replace("_", " ") for name in figures.names]
    numbers = [any(isinstance(value, (Decimal, int)) for value in column) for column in zip(*figures.rows, strict=True)]
    numbers = numbers or [False] * len(shown)
    head = "".join(
        f"<th{_class(number, None)}>{escape(name)}</th>" for name, number in zip(shown, numbers, strict=True)
    )
    body = []
    for place, row in enumerate(figures.rows):
        cells = []
        for number, (name, told_as, is_number, value) in enumerate(
            zip(figures.names, shown, numbers, row, strict=True)
        ):
            label = f' data-of="{escape(told_as)}"' if number and told_as else ""
            if told_as:
                cells.append(f"<td{_class(is_number, value)}{label}>{escape(text(name, value))}</td>")
            else:
                cells.append(f'<td class="bar">{bars[place]}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><caption>{escape(caption)}</caption><tbody><tr>{head}</tr>{''.join(body)}</tbody></table>"


def _class(is_number: bool, value: object) -> str:
    if not is_number:
        return ""
    return ' class="n loss"' if isinstance(value, Decimal) and value < 0 else ' class="n"'
