"""The page of an address. Each view asks the publication of its request and no other, and never for more rows than it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dash import dcc, html

from reconcilers.dashboard import charts, questions
from reconcilers.dashboard.parts import Link, Row, cell, currency_of, facts, panel, reckoned, rows_of, shown, tile
from reconcilers.dashboard.place import Place, address
from reconcilers.dashboard.questions import ROWS, SLICES, Question
from reconcilers.declared.settings import Settings
from reconcilers.errors import ReconcileError, SettingsInvalid
from reconcilers.explain import SHOWN_CHARACTERS, Share, Span, StoredLine, explain
from reconcilers.money import parse_amount, round_half_away
from reconcilers.reports.completeness import to_look_at, told
from reconcilers.reports.verdicts import reason
from reconcilers.warehouses.base import Figures, Published
from reconcilers.warehouses.choice import warehouse_of
from reconcilers.watch import watched

#: Months that have a link of their own on every page; older ones are behind another.
MONTHS_AT_HAND = 12
#: Alerts of the first page; all of them have a page.
ALERTS = 3
#: Bars of a chart; the table below it has all rows of its page.
BARS = 12


@dataclass(frozen=True)
class Page:
    """What is shown of an address; ``title`` is the window's."""

    title: str
    content: list[Any]


@dataclass(frozen=True)
class Reader:
    """One request: what is published now, and what is asked of it."""

    settings: Settings
    published: Published
    place: Place
    months: Sequence[date]
    month: date

    def ask(self, question: Question) -> Figures | None:
        return question.asked(self.published)

    def row(self, question: Question) -> Row:
        """The only row of an answer; empty where there is none."""
        found = self.ask(question)
        return rows_of(found)[0] if found and found.rows else {}

    @property
    def every_digit(self) -> bool:
        return self.place["digits"] == "all"

    @property
    def said_month(self) -> str:
        return f"{self.month:%Y-%m}"

    def to(self, path: str, **said: str | None) -> str:
        """An address of the same month, with as many digits."""
        return address(path, month=self.said_month, digits=self.place["digits"], **said)

    def panel(self, title: str, question: Question, **beside: Any) -> html.Section:
        found = beside.pop("found", None) or self.ask(question)
        lacks = question.lacking(self.published) if found is None else ()
        return panel(title, question, found, **{"every_digit": self.every_digit, "lacks": lacks, **beside})


def page_of(settings: Settings, place: Place) -> Page:
    """The page of an address, from what is published at this moment. What is wrong is a page, too, which says so."""
    try:
        published = warehouse_of(settings).current()
        if published is None:
            return _framed(settings, None, "Nothing is published yet", _unpublished())
        with published.held() as held:
            return _of(settings, held, place)
    except ReconcileError as error:
        return _framed(settings, None, "This cannot be shown", [html.P(str(error), className="missing", role="alert")])


def _of(settings: Settings, published: Published, place: Place) -> Page:
    months: list[date] = [month for (month,) in published.ask(questions.months().sql).rows]
    if not months:
        return _framed(settings, None, "No month is published", [html.P("No bill of any month is published.")])
    asked = place.month
    month = asked if asked and asked in months else months[-1]
    reader = Reader(settings, published, place, months, month)
    view = VIEWS.get(place.path)
    if view is None:
        return _framed(settings, reader, "There is no such page", [html.P(dcc.Link("The first page", href="/"))])
    page = view(reader)
    content = page.content
    if place["month"] and asked not in months:
        note = f"The month asked for is not published; this is {month:%B %Y}."
        content = [html.P(note, className="missing", role="status"), *content]
    return _framed(settings, reader, page.title, content)


# The frame -----------------------------------------------------------------------------------------------------------


def _framed(settings: Settings, reader: Reader | None, title: str, content: Sequence[Any]) -> Page:
    company = settings.company
    head: list[Any] = [html.P(dcc.Link(company or "Reconcile", href="/"), className="company")]
    foot: list[Any] = []
    if reader:
        head += [_months(reader), _rooms(reader)]
        facts_ = reader.published.facts
        foot.append(
            html.Footer(
                [
                    html.P(
                        f"Period {facts_['period']}, as known at {facts_['as_of'].replace('T', ' ')} UTC; {reader.published.name}."
                    ),
                    html.P(
                        dcc.Link("Rounded for reading", href=reader.place.but(digits=None))
                        if reader.every_digit
                        else dcc.Link("Every digit", href=reader.place.but(digits="all"))
                    ),
                ]
            )
        )
    body = html.Main([html.H1(title, id="title", tabIndex="-1"), *content], id="content")
    return Page(f"{title} · {company or 'Reconcile'}", [html.Header(head), body, *foot])


def _rooms(reader: Reader) -> html.Nav:
    rooms = [("Overview", "/"), *((one.heading, f"/by/{name}") for name, one in list(SLICES.items())[:6])]
    rooms += [("Events", "/events"), ("Decisions", "/decisions"), ("Alerts", "/alerts"), ("Breaks", "/breaks")]
    return html.Nav(
        [_choice(label, reader.to(path), path == reader.place.path) for label, path in rooms],
        className="rooms",
        **{"aria-label": "Pages"},
    )


def _months(reader: Reader) -> html.Nav:
    newest = list(reversed(reader.months))

    def link(month: date) -> html.Span:
        href = reader.place.but(month=f"{month:%Y-%m}", page=None, below=None, after=None)
        return _choice(f"{month:%b %Y}", href, month == reader.month)

    older = (
        [html.Details([html.Summary("earlier"), *map(link, newest[MONTHS_AT_HAND:])])]
        if len(newest) > MONTHS_AT_HAND
        else []
    )
    return html.Nav([*map(link, newest[:MONTHS_AT_HAND]), *older], className="months", **{"aria-label": "Month"})


def _choice(label: str, href: str, here: bool) -> html.Span:
    # A link of Dash takes no aria-current, so its place says it.
    if here:
        return html.Span([dcc.Link(label, href=href), html.Span("(this page)", className="unseen")], className="here")
    return html.Span(dcc.Link(label, href=href))


def _unpublished() -> list[Any]:
    command = "reconcile run --date DAY"
    return [
        html.P("There are no tables to show until a first run has built, audited and published them."),
        html.P(
            [
                "Run ",
                html.Code(command),
                " for a day whose bill is there, then load this page again. ",
                html.Code("reconcile check"),
            ]
        ),
        html.P("says all that is wrong before anything is asked."),
    ]


# The first page ------------------------------------------------------------------------------------------------------


def overview(reader: Reader) -> Page:
    """What a month cost, what a success of it cost, what was earned, what was wasted, and what all of that stands on."""
    month = reader.month
    asked = {name: ask(month) for name, ask in _HEADLINES.items()}
    found = {name: reader.row(question) for name, question in asked.items()}
    incomplete = told(reader.published.facts, month)
    content = [
        _sentence(found),
        _tiles(reader, asked, found, bool(incomplete)),
        html.Div([_waterfall(reader, found["billed"]), _beside(reader, incomplete)], className="two"),
        _verdicts(reader),
        reader.panel(
            "Features",
            SLICES["feature"].question(month),
            links=_links(reader, "feature"),
            more=reader.to("/by/feature"),
            nothing="No feature had an event or earned anything.",
        ),
        reader.panel(
            "Tenants that cost more than they pay",
            questions.losing(month),
            links=_links(reader, "tenant"),
            nothing="None: every tenant pays more than it costs.",
        ),
        reader.panel("Waste, by class", questions.waste(month), nothing="No waste.", bar="waste_cost"),
    ]
    return Page(f"{month:%B %Y}", content)


_HEADLINES: dict[str, Callable[[date], Question]] = {
    "billed": questions.billed,
    "unit": questions.unit_costs,
    "margin": questions.margin,
}


def _earned(found: dict[str, Row]) -> Decimal | None:
    """Revenue of a month; null where none is known, which is no revenue of 0."""
    return found["margin"].get("revenue") or None


def _sentence(found: dict[str, Row]) -> html.P:
    billed, unit, margin = found["billed"], found["unit"], found["margin"]
    currency = currency_of([billed]) or currency_of([unit])
    parts: list[Any] = []
    if billed.get("billed") is not None:
        parts += ["Providers billed ", html.B(f"{shown('billed', billed['billed'])} {currency}"), ". "]
    if (cost := unit.get("cost_per_success")) is not None:
        parts += ["One successful outcome cost ", html.B(f"{shown('cost_per_success', cost)} {currency}"), ". "]
    elif unit:
        parts.append("No outcome is known to have succeeded, so there is no cost per success. ")
    if (revenue := _earned(found)) is not None and margin["loaded_margin"] is not None:
        kept = margin["loaded_margin"]
        verb = "leaves" if kept >= 0 else "falls short by"
        parts += [
            f"Revenue of {shown('revenue', revenue)} {verb} ",
            html.B(f"{shown('margin', abs(kept))} {currency}"),
            " after all cost. ",
        ]
    else:
        parts.append("No revenue is known. ")
    return html.P(parts, className="sentence")


def _tiles(reader: Reader, asked: dict[str, Question], found: dict[str, Row], incomplete: bool) -> html.Div:
    billed, unit, margin = (found[name] for name in ("billed", "unit", "margin"))
    currency = currency_of([billed]) or currency_of([unit])
    provisional = incomplete or margin.get("status") == "provisional"

    def figure(label: str, of: str, column: str, under: Sequence[Any], kind: str = "") -> html.Div:
        value = found[of].get(column)
        if column in ("revenue", "loaded_margin") and _earned(found) is None:
            value = None
        text = shown(column, value, reader.every_digit) if value is not None else "not known"
        unit_ = f" {currency}" if isinstance(value, Decimal) and "share" not in column else ""
        lost = isinstance(value, Decimal) and value < 0
        kind = f"{kind} {'loss' if lost else ''} {'nothing' if value is None else ''}"
        return tile(
            label,
            asked[of],
            text + unit_,
            under,
            provisional and value is not None,
            "" if value is None else f"{value}",
            kind,
        )

    def text(row: Row, column: str, words: str) -> str:
        return words.format(shown(column, row[column])) if row.get(column) is not None else ""

    difference = billed.get("difference")
    missing = "revenue of some rows is not known" if margin.get("rows_without_revenue") else ""
    return html.Div(
        [
            figure(
                "Spend",
                "billed",
                "billed",
                [
                    "" if difference is None else _closes(difference),
                    text(margin, "accrued_cost", "{} accrued beside it") if margin.get("accrued_cost") else "",
                ],
            ),
            figure(
                "Cost per success",
                "unit",
                "cost_per_success",
                [
                    text(unit, "successes", "{} successes of ") + text(unit, "events", "{} events")
                    if unit
                    else "no event in this month",
                    text(unit, "fully_loaded_cost_per_success", "{} with shared cost"),
                ],
            ),
            figure(
                "Margin",
                "margin",
                "loaded_margin",
                [
                    text(margin, "revenue", "of revenue {}")
                    if _earned(found)
                    else "no revenue is known for this month",
                    missing,
                ],
            ),
            figure("Waste", "unit", "waste_cost", [text(unit, "waste_share", "{} of what events cost")], "waste"),
            figure(
                "Coverage",
                "unit",
                "share_attributed",
                ["of production cost is on events", text(unit, "share_reconciled", "{} on calls")],
            ),
        ],
        className="tiles",
    )


def _verdicts(reader: Reader) -> html.Section:
    """What to do about each feature, each with its number, in a line."""
    question = questions.verdicts(reader.month)
    found = reader.ask(question)
    if not found or not found.rows:
        return reader.panel("What to do, by feature", question, nothing="No feature had an event.")
    to = _links(reader, "feature")["feature_id"]
    lines = []
    for row in rows_of(found):
        lever = f" Lever: {str(row['lever']).replace('_', ' ')}" if row["lever"] else ""
        saving = (
            f", worth {shown('saving', row['saving'])} {row['currency']} a month"
            if lever and row["saving"] is not None
            else ""
        )
        lines.append(
            html.Li(
                [
                    dcc.Link(row["name"] or row["feature_id"], href=to(row)),
                    cell("verdict", row),
                    html.Span(f"{_why(row)}.{lever}{saving}{'.' if lever else ''}"),
                ]
            )
        )
    return html.Section(
        [
            html.H2("What to do, by feature"),
            html.Ul(lines, className="verdicts"),
            html.P(
                dcc.Link("With all numbers, and what could be saved", href=reader.to("/decisions")), className="more"
            ),
            reckoned(question),
        ],
        className="panel",
    )


_KINDS = {"money": "cost", "unit": "cost_per_success", "share": "share_of_it"}


def _why(row: Row) -> str:
    said = reason(row, lambda kind, value: "not known" if value is None else shown(_KINDS[kind], value))
    return said[:1].upper() + said[1:]


def _closes(difference: Decimal) -> str:
    return f"{difference:f} has no place" if difference else "closes to zero: every billed cent has a place"


def _waterfall(reader: Reader, billed: Row) -> html.Section:
    question = questions.waterfall(reader.month)
    found = reader.ask(question)
    chart = None
    if found and found.rows:
        steps = [(str(row["step"]), row["cost"], shown("cost", row["cost"])) for row in rows_of(found)]
        chart = charts.waterfall(steps)
    left = billed.get("difference")
    note = "" if left is None else f"After the last step {left:f} {billed['currency']} is left."
    section = reader.panel(
        "Where every billed cent went", question, found=found, every_digit=True, chart=chart, note=note
    )
    return _folded(section, "The same as a table, with what each step is and who acts") if chart else section


def _folded(section: html.Section, words: str) -> html.Section:
    """The same panel with its table closed until asked for, where a chart stands above it."""
    title, *charts_, rows, sql = section.children
    return html.Section(
        [title, *charts_, html.Details([html.Summary(words), rows], className="same"), sql], className="panel"
    )


def _beside(reader: Reader, incomplete: Sequence[str]) -> html.Aside:
    """What a difference of zero is worth: what of the month is missing, and what is open."""
    lines = [*incomplete, *to_look_at(reader.published.facts, reader.month)]
    said = "The month is not complete" if incomplete else "The month is complete"
    box = html.Section(
        [
            html.H2(said),
            html.Ul([html.Li(line) for line in lines])
            if lines
            else html.P("Every source answered for every day, and nothing is open."),
            html.P("Figures of this month are provisional.", className="note") if incomplete else None,
            html.P(dcc.Link("All open breaks", href=reader.to("/breaks"))),
        ],
        className=f"panel completeness {'open' if lines else ''}",
    )
    question = questions.alerts()
    found = reader.ask(question)
    alerts: list[Any] = [html.H2("Open alerts")]
    if found is None:
        alerts.append(
            html.P("Not known: this publication has no alerts yet. The next run publishes them.", className="missing")
        )
    elif not found.rows:
        alerts.append(html.P("None."))
    else:
        alerts.append(
            html.Ul([html.Li([html.B(f"{row['severity']}: "), str(row["message"])]) for row in rows_of(found)[:ALERTS]])
        )
        alerts.append(html.P(dcc.Link(f"All {len(found.rows)}", href=reader.to("/alerts"))))
    return html.Aside(
        [box, html.Section([*alerts, reckoned(question)], className="panel")], **{"aria-label": "What this stands on"}
    )


# Slices --------------------------------------------------------------------------------------------------------------


def _links(reader: Reader, of: str) -> dict[str, Link]:
    """Where the cells of a row lead: what it is about to its own page or its events."""

    def to_one(name: str) -> Link:
        def link(row: Row) -> str | None:
            return reader.to(f"/{name}", id=row[f"{name}_id"]) if row[f"{name}_id"] else None

        return link

    def to_events(row: Row) -> str | None:
        return reader.to("/events", **{of: str(row[of])})

    pages = {"feature_id": to_one("feature"), "tenant_id": to_one("tenant"), "event_id": _to_event(reader)}
    return {**pages, of: to_events} if of in questions.NARROWED else pages


def _to_event(reader: Reader) -> Link:
    return lambda row: reader.to("/event", id=row["event_id"]) if row["event_id"] else None


def _slice(name: str) -> Callable[[Reader], Page]:
    of = SLICES[name]

    def view(reader: Reader) -> Page:
        question = of.question(reader.month, reader.place.page)
        found = reader.ask(question)
        rows = rows_of(found)[:ROWS] if found else []
        label = f"{name}_id" if name in ("feature", "tenant") else name if name != "tier" else "service_tier"
        dearest = [row for row in rows if row[of.cost] is not None]
        if name not in ("hour", "day"):
            dearest = sorted(dearest, key=lambda row: row[of.cost], reverse=True)[:BARS]
        chart = (
            charts.costs(
                [
                    (
                        _told(row, label),
                        row[of.cost],
                        row.get("waste_cost"),
                        shown("cost", row[of.cost])
                        + (f", {shown('waste_cost', row['waste_cost'])} waste" if row.get("waste_cost") else ""),
                    )
                    for row in dearest
                ],
                f"Cost of {of.heading.lower()}",
            )
            if len(dearest) > 1
            else None
        )
        content = [
            _ways(reader, name),
            reader.panel(
                f"{of.heading} of {reader.month:%B %Y}",
                question,
                found=found,
                links=_links(reader, name),
                chart=chart,
                note=of.note,
                nothing=f"Nothing of {reader.month:%B %Y} is known by {of.heading.lower()}.",
                more=reader.place.but(page=str(reader.place.page + 2)),
                bar=of.cost if chart is None else None,
            ),
        ]
        if name == "hour":
            content.append(_last_hours(reader))
        if name == "segment":
            content.append(
                reader.panel("Margin by segment", questions.segments(reader.month), nothing="No margin of this month.")
            )
        if name == "model_route":
            nothing = "No workflow was told."
            content.append(reader.panel("Routes of the same workflow", questions.routes(reader.month), nothing=nothing))
        return Page(f"{of.heading}, {reader.month:%B %Y}", content)

    return view


def _told(row: Row, label: str) -> str:
    value = row.get("name") or row[label]
    if label == "hour":
        return f"{int(value):02d}:00"
    if label == "service_tier":
        batch = row.get("batch")
        return f"{value or 'no tier told'}{', batch' if batch in (True, 'true') else ''}"
    return "not known" if value is None else str(value)


def _ways(reader: Reader, name: str) -> html.Nav:
    links = [_choice(one.heading, reader.to(f"/by/{other}"), other == name) for other, one in SLICES.items()]
    return html.Nav(links, className="ways", **{"aria-label": "By"})


def _last_hours(reader: Reader) -> html.Section:
    """What the hourly watch published, which knows no bill; its tables are no part of the publication."""
    question = questions.last_hours()
    watch = watched(reader.settings).current()
    note = "Telemetry at list price, before any bill; estimates, asked of the watch's own tables."
    if watch is None:
        parts = [
            html.H2("The last hours, estimated"),
            html.P(["No hourly watch has run: ", html.Code("reconcile watch --date DAY"), "."], className="missing"),
        ]
        return html.Section(parts, className="panel")
    return panel(
        "The last hours, estimated",
        question,
        question.asked(watch),
        every_digit=reader.every_digit,
        note=f"{note} {watch.place}",
    )


# One feature or tenant -----------------------------------------------------------------------------------------------


def _one(name: str) -> Callable[[Reader], Page]:
    other = "tenant" if name == "feature" else "feature"

    def view(reader: Reader) -> Page:
        value, month = reader.place["id"], reader.month
        across = questions.across(name, value, month, reader.place.page)
        content = [
            html.P(
                [
                    dcc.Link(f"Its events of {month:%B %Y}", href=reader.to("/events", **{name: value})),
                    " · ",
                    dcc.Link("Those that failed", href=reader.to("/events", **{name: value, "outcome": "failure"})),
                ],
                className="next",
            ),
            reader.panel(
                "Month by month",
                questions.history(name, value),
                links=_to_months(reader),
                bar="event_cost",
                nothing="It had no event in any month.",
            ),
            reader.panel(
                f"Its {other}s in {month:%B %Y}",
                across,
                links=_links(reader, other),
                bar="direct_cost",
                more=reader.place.but(page=str(reader.place.page + 2)),
                nothing=f"No {other} cost or earned anything with it.",
            ),
            reader.panel(
                f"Its waste in {month:%B %Y}, by class",
                questions.waste(month, name, value),
                bar="waste_cost",
                nothing="No waste.",
            ),
        ]
        return Page(f"{name.capitalize()} {value}", content)

    return view


def _to_months(reader: Reader) -> dict[str, Link]:
    return {"month": lambda row: reader.place.but(month=f"{row['month']:%Y-%m}", page=None)}


# Events --------------------------------------------------------------------------------------------------------------


def events(reader: Reader) -> Page:
    """The events of a month that an address narrows down, the dearest first."""
    place = reader.place
    by = {name: place[name] for name in questions.NARROWED if place[name]}
    question, whole = questions.events(reader.month, by, _after(place)), questions.events_in_all(reader.month, by)
    found = reader.ask(question)
    more = place.but(page=None)
    if found and len(found.rows) > ROWS:
        last = rows_of(found)[ROWS - 1]
        more = place.but(below=f"{last['reconciled_cost']}", after=last["event_id"])
    chosen = [
        html.Span(
            [
                f"{name.replace('_', ' ')}: ",
                html.B(value),
                " ",
                dcc.Link("all", href=place.but(**{name: None, "below": None, "after": None}), title=f"{name}: all"),
            ],
            className="chosen",
        )
        for name, value in by.items()
    ]
    outcomes = html.Nav(
        [
            _choice("all", place.but(outcome=None, below=None, after=None), not place["outcome"]),
            *(
                _choice(one, place.but(outcome=one, below=None, after=None), place["outcome"] == one)
                for one in questions.OUTCOMES
            ),
        ],
        className="ways",
        **{"aria-label": "Outcome"},
    )
    content = [
        html.P(chosen, className="next") if chosen else None,
        outcomes,
        reader.panel("In all", whole),
        reader.panel(
            "The dearest first",
            question,
            found=found,
            links=_links(reader, "event"),
            every_digit=True,
            more=more,
            nothing="No production event of this month fits.",
        ),
    ]
    return Page(f"Events of {reader.month:%B %Y}", content)


def _after(place: Place) -> tuple[Decimal, str] | None:
    """The last event of the page before, as the address tells it."""
    try:
        below = parse_amount(place["below"])
    except ValueError:
        return None
    return (below, place["after"]) if below == round_half_away(below) and place["after"] else None


def event(reader: Reader) -> Page:
    """One event: what is published of it, its runs and its calls."""
    event_id = reader.place["id"]
    question = questions.event(event_id)
    found = reader.row(question)
    if not found:
        return Page("No such event", [html.P("No event of this id is published.", className="missing"), _find(reader)])
    content = [
        html.P(
            dcc.Link("Down to charge lines and stored bytes", href=reader.to("/stored", id=event_id)), className="next"
        ),
        facts("As published", question, found, _links(reader, "event") | {"event_id": lambda _: None}),
        reader.panel("Its runs", questions.runs(event_id), every_digit=True, nothing="No run of it was told."),
        reader.panel("Its calls", questions.calls(event_id), every_digit=True, nothing="No call of it was seen."),
    ]
    return Page(f"Event {event_id}", content)


def _find(reader: Reader) -> html.P:
    return html.P(dcc.Link(f"Events of {reader.month:%B %Y}", href=reader.to("/events")))


def stored(reader: Reader) -> Page:
    """The dearest shares of an event, each reckoned again, the charge lines that paid them, and the bytes they stand in."""
    event_id = reader.place["id"]
    number = reader.place["shares"]
    limit = min(int(number), 200) if number.isascii() and number.isdecimal() and int(number[:4]) else 5
    try:
        found = explain(reader.settings, event_id, limit)
    except SettingsInvalid as error:
        return Page("No such event", [html.P(str(error), className="missing"), _find(reader)])
    currency = str(found.event["currency"])
    rest = max(found.shares_in_all - len(found.shares), found.spans_in_all - len(found.spans))
    content: list[Any] = [
        html.P(dcc.Link("The event and its runs", href=reader.to("/event", id=event_id)), className="next"),
        html.P(
            [
                f"{found.event['outcome']}, tenant {found.event['tenant_id']}, feature {found.event['feature_id']}: ",
                html.B(f"{found.event['reconciled_cost']:f} {currency} billed"),
                f", on {found.shares_in_all} usages of its calls. Each share shown is reckoned again by rule R17.",
            ],
            className="sentence",
        ),
        html.H2("What paid for it"),
        *(_share(share, currency) for share in found.shares),
        html.H2("As telemetry was landed"),
        *(_span(span) for span in found.spans),
        html.P(dcc.Link(f"{rest} more", href=reader.place.but(shares=str(min(limit * 4, 200)))), className="more")
        if rest and limit < 200
        else None,
        html.P(["At a terminal: ", html.Code(f"reconcile explain {event_id}")], className="note"),
    ]
    return Page(f"Event {event_id}, to the bytes", content)


def _share(share: Share, currency: str) -> html.Section:
    price = (
        f"Contract price {share.contract_price:f} {currency} per million, version {share.price_version}."
        if share.contract_price is not None
        else "No contract price is known."
    )
    return html.Section(
        [
            html.H3(
                [f"{share.model} · {(share.meter or '').replace('_', ' ')}: ", html.B(f"{share.cost:f} {currency}")]
            ),
            html.P(
                [
                    f"{shown('quantity', share.quantity)} of the {shown('quantity', share.cell_quantity)} in its match group received ",
                    f"{share.cost:f} of {share.cell_cost:f}; reckoned again: ",
                    html.B(
                        f"{share.rederived_cost:f}, equal" if share.holds else f"{share.rederived_cost:f}, NOT EQUAL"
                    ),
                    f". {price}",
                ]
            ),
            html.P(
                f"call {share.call_id}, run {share.run_id or 'not told'}, match group {share.cell_id}", className="note"
            ),
            *(
                html.Div(
                    [
                        html.P(f"Paid by charge {line.charge_id} ({line.part}) of {line.cost:f} {currency}"),
                        _bytes(line.stored),
                    ]
                )
                for line in share.lines
            ),
        ],
        className="panel share",
    )


_PARTS = {
    "counted": "its usage is that of",
    "beyond": "its usage beyond the calls below it is that of",
    "told": "tells, and its usage does not count,",
    "wraps": "contains in its own usage",
}


def _span(span: Span) -> html.Section:
    said = []
    for part, calls in span.parts.items():
        verb, _, names = part.partition(" ")
        words = _PARTS.get(verb) or f"tells {', '.join(names.split())} of"
        said.append(
            html.P(
                f"{words} {f'call {calls[0]}' if len(calls) == 1 else f'{len(calls)} calls of the event'}",
                className="note",
            )
        )
    return html.Section([*said, _bytes(span.stored)], className="panel share")


def _bytes(line: StoredLine | None) -> html.Div:
    """A line as it is stored, and where."""
    if line is None:
        return html.Div(
            html.P("Landed anew since this was published; run the job, then ask again.", className="missing")
        )
    cut = line.text if len(line.text) <= SHOWN_CHARACTERS else f"{line.text[:SHOWN_CHARACTERS]} …"
    return html.Div(
        [
            html.P([f"{line.source} {line.file} line {line.line}, sha256 ", html.Code(line.sha256)], className="where"),
            html.Pre(html.Code(cut), className="bytes", tabIndex="0"),
        ]
    )


# What to do ----------------------------------------------------------------------------------------------------------


def breaks(reader: Reader) -> Page:
    more = reader.place.but(page=str(reader.place.page + 2))
    return Page(
        "Open breaks",
        [
            reader.panel(
                "Differences somebody must look at",
                questions.breaks(reader.place.page),
                more=more,
                nothing="None is open.",
            )
        ],
    )


def decisions(reader: Reader) -> Page:
    month, links = reader.month, _links(reader, "feature")
    return Page(
        f"Decisions, {month:%B %Y}",
        [
            reader.panel(
                "Verdicts by feature", questions.verdicts(month), links=links, nothing="No feature had an event."
            ),
            reader.panel(
                "What could be saved",
                questions.savings(month),
                links=links,
                bar="saving",
                nothing="No lever would have saved anything.",
            ),
            reader.panel(
                "Prompt versions, before and after",
                questions.prompt_versions(),
                links=links,
                nothing="No prompt version was told.",
            ),
        ],
    )


def alerts(reader: Reader) -> Page:
    month, links = reader.month, _links(reader, "feature")
    return Page(
        "Alerts and budgets",
        [
            reader.panel("Open alerts", questions.alerts(), links=links, nothing="None."),
            reader.panel(
                f"Budgets of {month:%B %Y}", questions.budgets(month), links=links, nothing="No budget is declared."
            ),
            reader.panel("Weekly review, the last", questions.review(), links=links, nothing="No week is over yet."),
        ],
    )


VIEWS: dict[str, Callable[[Reader], Page]] = {
    "/": overview,
    **{f"/by/{name}": _slice(name) for name in SLICES},
    "/feature": _one("feature"),
    "/tenant": _one("tenant"),
    "/events": events,
    "/event": event,
    "/stored": stored,
    "/breaks": breaks,
    "/decisions": decisions,
    "/alerts": alerts,
}
