"""What Stripe's API answers of the company's customers: invoices, their lines and credit notes, by cursor and newest first, as Stripe
tells them at a given time.

https://docs.stripe.com/api/invoices/object, version 2026-10-28. One invoice a customer and time of invoicing; it embeds its first ten
lines. Amounts are whole cents, times Unix seconds. The customer says which tenant it is, a line which feature it is for and which
accrual it bills, a product what is sold as a bundle or beyond the included number.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconcilers.sample_company.providers.bad_request import BadRequest
from reconcilers.sample_company.world.calendar import instant, unix_seconds
from reconcilers.sample_company.world.company import BUNDLE_PRODUCT, OVERAGE_PRODUCT
from reconcilers.sample_company.world.income import IncomeLine

_EMBEDDED_LINES = 10
#: (default, most) objects of a page.
_LIMITS = (10, 100)

Json = dict[str, Any]


class StripeApi:
    """Answers from what one company's customers pay."""

    def __init__(self, income: Sequence[IncomeLine]) -> None:
        self.income = income

    def answer(self, path: str, query: Mapping[str, Sequence[str]], known_at: datetime) -> bytes:
        """The body of one page. Raises ``KeyError`` for a path that does not exist and ``BadRequest``."""
        invoices, notes = self._invoices(known_at), self._credit_notes(known_at)
        match path.strip("/").split("/")[1:]:
            case ["invoices"]:
                shown = [_embedding(_expanded(one, query)) for one in invoices if _created_in(one, query)]
            case ["invoices", name, "lines"]:
                shown = {one["id"]: one["lines"] for one in invoices}[name]
            case ["credit_notes"]:
                of = query.get("invoice", [""])[0]
                shown = [_embedding(one) for one in notes if one["invoice"] == of]
            case ["credit_notes", name, "lines"]:
                shown = {one["id"]: one["lines"] for one in notes}[name]
            case ["refunds"]:  # nobody was paid back without a credit note
                shown = []
            case _:
                raise KeyError(path)
        return json.dumps(_page(path, shown, query), indent=2).encode()

    def _invoices(self, known_at: datetime) -> list[Json]:
        """Every invoice known by then with all its lines, newest first."""
        credited: dict[str, int] = defaultdict(int)
        for note in self._credit_notes(known_at):
            credited[note["invoice"]] += note["total"]
        found = []
        for (tenant, created), lines in self._grouped(known_at, lambda one: one.credits is None).items():
            name = _id("in", tenant, created)
            told = [_line(one, name) for one in lines]
            found.append(
                {
                    "id": name,
                    "object": "invoice",
                    "created": unix_seconds(created),
                    "currency": "usd",
                    "customer": f"cus_{tenant}",
                    "lines": told,
                    "livemode": True,
                    "metadata": {},
                    "number": f"{tenant.removeprefix('ten_').upper()}-{created:%Y%m%d}",
                    "parent": None,
                    "pre_payment_credit_notes_amount": credited[name],
                    "post_payment_credit_notes_amount": 0,
                    "shipping_cost": None,
                    "status": "paid",
                    "total": sum(one["amount"] for one in told),
                    "total_excluding_tax": sum(one["amount"] for one in told),
                }
            )
        return sorted(found, key=lambda one: (one["created"], one["id"]), reverse=True)

    def _credit_notes(self, known_at: datetime) -> list[Json]:
        issued = {one.line.revenue_id: one.known_from for one in self.income}
        found = []
        for (tenant, created), lines in self._grouped(known_at, lambda one: one.credits is not None).items():
            told = [_credited(one) for one in lines]
            of = _id("in", tenant, issued[str(lines[0].credits)])
            found.append(
                {
                    "id": _id("cn", tenant, created),
                    "object": "credit_note",
                    "created": unix_seconds(created),
                    "currency": "usd",
                    "invoice": of,
                    "lines": told,
                    "livemode": True,
                    "refunds": [],
                    "shipping_cost": None,
                    "status": "issued",
                    "total": sum(one["amount"] for one in told),
                    "total_excluding_tax": sum(one["amount"] for one in told),
                    "type": "pre_payment",
                }
            )
        return found

    def _grouped(
        self, known_at: datetime, counts: Callable[[IncomeLine], bool]
    ) -> dict[tuple[str, datetime], list[IncomeLine]]:
        """The lines of each paper: by customer and the time it was written."""
        found: dict[tuple[str, datetime], list[IncomeLine]] = defaultdict(list)
        for one in self.income:
            if one.line.kind == "invoice" and one.known_from <= known_at and counts(one):
                found[one.line.tenant_id, one.known_from].append(one)
        return found


def _line(one: IncomeLine, invoice: str) -> Json:
    line = one.line
    metadata = {"feature_id": line.feature_id, "bills_revenue_id": line.bills_revenue_id}
    product = BUNDLE_PRODUCT if line.bundle_id else OVERAGE_PRODUCT if line.pricing == "overage" else "prod_feature"
    return {
        "id": line.revenue_id,
        "object": "line_item",
        "amount": _cents(one),
        "currency": "usd",
        "discount_amounts": [],
        "invoice": invoice,
        "livemode": True,
        "metadata": {name: told for name, told in metadata.items() if told is not None},
        "parent": None,
        "period": {
            "start": unix_seconds(instant(line.service_period_start)),
            "end": unix_seconds(instant(line.service_period_end)),
        },
        "pretax_credit_amounts": [],
        "pricing": {"type": "price_details", "price_details": {"price": f"price_{product[5:]}", "product": product}},
        "taxes": [],
    }


def _credited(one: IncomeLine) -> Json:
    return {
        "id": one.line.revenue_id,
        "object": "credit_note_line_item",
        "amount": -_cents(one),
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": one.credits,
        "livemode": True,
        "pretax_credit_amounts": [],
        "taxes": [],
        "type": "invoice_line_item",
    }


def _cents(one: IncomeLine) -> int:
    cents = one.line.amount * 100
    assert cents == int(cents), f"{one.line.revenue_id} is not in whole cents"
    return int(cents)


def _expanded(invoice: Json, query: Mapping[str, Sequence[str]]) -> Json:
    """The invoice with its customer as an object, where that is asked for."""
    asked = [place for name, places in query.items() if name.startswith("expand") for place in places]
    if not any(place.endswith("customer") for place in asked):
        return invoice
    name = invoice["customer"]
    customer = {"id": name, "object": "customer", "metadata": {"tenant_id": name.removeprefix("cus_")}}
    return invoice | {"customer": customer}


def _embedding(paper: Json) -> Json:
    lines = paper["lines"]
    listed = {"object": "list", "data": lines[:_EMBEDDED_LINES], "has_more": len(lines) > _EMBEDDED_LINES}
    return paper | {"lines": listed | {"url": f"/v1/{paper['object']}s/{paper['id']}/lines"}}


def _created_in(paper: Json, query: Mapping[str, Sequence[str]]) -> bool:
    first, end = (_whole(query, f"created[{side}]") for side in ("gte", "lt"))
    return (first is None or paper["created"] >= first) and (end is None or paper["created"] < end)


def _page(path: str, shown: list[Json], query: Mapping[str, Sequence[str]]) -> Json:
    limit = _whole(query, "limit") or _LIMITS[0]
    if not 1 <= limit <= _LIMITS[1]:
        raise BadRequest(f"This value must be less than or equal to {_LIMITS[1]}.")
    if after := query.get("starting_after", [""])[0]:
        names = [one["id"] for one in shown]
        if after not in names:
            raise BadRequest(f"No such object: '{after:.80}'")
        shown = shown[names.index(after) + 1 :]
    return {"object": "list", "data": shown[:limit], "has_more": len(shown) > limit, "url": path}


def _whole(query: Mapping[str, Sequence[str]], name: str) -> int | None:
    text = query.get(name, [""])[0]
    if text and not text.isdigit():
        raise BadRequest(f"Invalid integer: {text:.40}")
    return int(text) if text else None


def _id(kind: str, tenant: str, created: datetime) -> str:
    return f"{kind}_{tenant}_{created:%Y%m%d%H%M}"
