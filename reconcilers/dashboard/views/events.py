"""Events, one of them, and what of it is stored."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dash import dcc, html

from reconcilers.dashboard import questions
from reconcilers.dashboard.parts import facts, rows_of, shown
from reconcilers.dashboard.place import Place
from reconcilers.dashboard.questions import ROWS
from reconcilers.dashboard.views.reader import Page, Reader, choice, links
from reconcilers.errors import SettingsInvalid
from reconcilers.explain import SHOWN_CHARACTERS, Share, Span, StoredLine, explain
from reconcilers.money import parse_amount, round_half_away
from reconcilers.reports.files import visible


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
                html.B(visible(value)),
                " ",
                dcc.Link("all", href=place.but(**{name: None, "below": None, "after": None}), title=f"{name}: all"),
            ],
            className="chosen",
        )
        for name, value in by.items()
    ]
    outcomes = html.Nav(
        [
            choice("all", place.but(outcome=None, below=None, after=None), not place["outcome"]),
            *(
                choice(one, place.but(outcome=one, below=None, after=None), place["outcome"] == one)
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
            links=links(reader, "event"),
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
        facts("As published", question, found, links(reader, "event") | {"event_id": lambda _: None}),
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
        html.P(["At a terminal: ", html.Code(f"reconcile explain {visible(event_id)}")], className="note"),
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
