"""Stripe's API as far as revenue asks it: lists by cursor, newest first, in pretty-printed JSON, and links that change with every answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.sources.conftest import Answer, Api, Params

Json = dict[str, Any]

#: 2026-10-01 and 2026-11-01, 00:00 UTC.
OCTOBER, NOVEMBER = 1_790_812_800, 1_793_491_200
DAY = 86_400
#: Lines an invoice embeds.
EMBEDDED = 10


def line(name: str = "il_1", amount: int = 4900, **more: Any) -> Json:
    """A line of a subscription, of October, of tenant ``ten_a``."""
    return {
        "id": name,
        "object": "line_item",
        "amount": amount,
        "currency": "usd",
        "description": "1 × Search (at $49.00 / month)",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "livemode": True,
        "metadata": {"tenant_id": "ten_a", "feature_id": "search"},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {"invoice_item": None, "proration": False, "subscription": "sub_1"},
            "type": "subscription_item_details",
        },
        "period": {"start": OCTOBER, "end": NOVEMBER},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": "price_1", "product": "prod_1"},
            "type": "price_details",
            "unit_amount_decimal": str(amount),
        },
        "quantity": 1,
        "quantity_decimal": "1",
        "subtotal": amount,
        "taxes": [],
    } | more


def tax(amount: int, behavior: str = "exclusive") -> Json:
    return {"amount": amount, "tax_behavior": behavior, "taxable_amount": 0, "type": "tax_rate_details"}


def discount(amount: int) -> Json:
    return {"amount": amount, "discount": "di_1"}


def pretax(amount: int, kind: str = "credit_balance_transaction") -> Json:
    return {"amount": amount, "type": kind, "credit_balance_transaction": None, "discount": None}


def without_tax(lines: list[Json]) -> int:
    """What Stripe's total without tax is of these lines."""

    def taken(one: Json) -> int:
        credits = [p for p in one.get("pretax_credit_amounts") or [] if p["type"] == "credit_balance_transaction"]
        taxes = [t for t in one.get("taxes") or [] if t["tax_behavior"] == "inclusive"]
        return sum(int(part["amount"]) for part in (*(one.get("discount_amounts") or []), *credits, *taxes))

    return sum(int(one["amount"]) - taken(one) for one in lines)


def _total(lines: list[Json]) -> int:
    return without_tax(lines) + sum(int(t["amount"]) for one in lines for t in one.get("taxes") or [])


def invoice(name: str = "in_1", *lines: Json, **more: Any) -> Json:
    """A paid invoice of 1 October."""
    found = list(lines or (line(),))
    return {
        "id": name,
        "object": "invoice",
        "created": OCTOBER + 3600,
        "currency": "usd",
        "customer": "cus_1",
        "hosted_invoice_url": f"https://invoice.stripe.com/i/acct_1/live_{name}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/acct_1/live_{name}/pdf",
        "lines": found,
        "livemode": True,
        "metadata": {},
        "number": "A-0001",
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": "sub_1"},
            "type": "subscription_details",
        },
        # The window of invoicing, which is not the service period of any line.
        "period_start": OCTOBER - 31 * DAY,
        "period_end": OCTOBER,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "shipping_cost": None,
        "status": "paid",
        "subtotal": sum(one["amount"] for one in found),
        "total": _total(found),
        "total_excluding_tax": without_tax(found),
    } | more


def note_line(name: str = "cnli_1", amount: int = 900, of: str | None = "il_1", **more: Any) -> Json:
    return {
        "id": name,
        "object": "credit_note_line_item",
        "amount": amount,
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": of,
        "livemode": True,
        "pretax_credit_amounts": [],
        "taxes": [],
        "type": "invoice_line_item" if of else "custom_line_item",
    } | more


def credit_note(name: str = "cn_1", *lines: Json, of: str = "in_1", **more: Any) -> Json:
    """A credit note of November, issued before the invoice was paid."""
    found = list(lines or (note_line(),))
    return {
        "id": name,
        "object": "credit_note",
        "created": NOVEMBER + DAY,
        "currency": "usd",
        "invoice": of,
        "lines": found,
        "livemode": True,
        "pdf": f"https://pay.stripe.com/credit_notes/acct_1/live_{name}/pdf",
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "total": _total(found),
        "total_excluding_tax": without_tax(found),
        "type": "pre_payment",
    } | more


def refund(name: str = "re_1", amount: int = 4900, payment: str | None = "pi_1", **more: Any) -> Json:
    """A refund of October; refunds tell no mode."""
    return {
        "id": name,
        "object": "refund",
        "amount": amount,
        "charge": "ch_1",
        "created": OCTOBER + 5 * DAY,
        "currency": "usd",
        "payment_intent": payment,
        "status": "succeeded",
    } | more


@dataclass
class Account:
    """What an account has. ``payments`` are the invoices each payment intent paid, ``customers`` what is asked for as expanded."""

    api: Api
    invoices: list[Json] = field(default_factory=list)
    credit_notes: list[Json] = field(default_factory=list)
    refunds: list[Json] = field(default_factory=list)
    payments: dict[str, list[str]] = field(default_factory=dict)
    customers: dict[str, Json] = field(default_factory=dict)
    asked: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.api.answer = self.answer

    def answer(self, path: str, params: Params) -> Answer:
        told = dict(params)
        match path.strip("/").split("/")[1:]:
            case ["invoices"]:
                found = [one for one in self.invoices if _is_of(one, told)]
                return self._list(path, [self._invoice(one, told) for one in found], told)
            case ["invoices", name]:
                return self._json(self._invoice(_named(self.invoices, name), told))
            case ["invoices", name, "lines"]:
                return self._list(path, _named(self.invoices, name)["lines"], told)
            case ["credit_notes"]:
                found = [self._embedding(one) for one in self.credit_notes if one["invoice"] == told["invoice"]]
                return self._list(path, found, told)
            case ["credit_notes", name, "lines"]:
                return self._list(path, _named(self.credit_notes, name)["lines"], told)
            case ["refunds"]:
                return self._list(path, [one for one in self.refunds if _is_of(one, told)], told)
            case ["invoice_payments"]:
                assert told["payment[type]"] == "payment_intent"
                paid = self.payments.get(told["payment[payment_intent]"], [])
                found = [
                    {"id": f"inpay_{n}", "object": "invoice_payment", "invoice": n, "status": "paid"} for n in paid
                ]
                return self._list(path, found, told)
        return 404, b'{"error": {"type": "invalid_request_error", "message": "no such object"}}', {}

    def _invoice(self, one: Json, told: dict[str, str]) -> Json:
        expanded = any(name.startswith("expand") and value.endswith("customer") for name, value in told.items())
        return self._embedding(one) | (
            {"customer": {"id": one["customer"], "object": "customer"} | self.customers.get(one["customer"], {})}
            if expanded and one["customer"]
            else {}
        )

    def _embedding(self, one: Json) -> Json:
        lines = {"object": "list", "data": one["lines"][:EMBEDDED], "has_more": len(one["lines"]) > EMBEDDED}
        return one | {"lines": lines}

    def _list(self, path: str, found: list[Json], told: dict[str, str]) -> Answer:
        first = 1 + [one["id"] for one in found].index(told["starting_after"]) if "starting_after" in told else 0
        last = first + int(told["limit"])
        return self._json({"object": "list", "data": found[first:last], "has_more": last < len(found), "url": path})

    def _json(self, body: Json) -> Answer:
        # A link says when it was made.
        text = json.dumps(body, indent=2, ensure_ascii=False).replace("/live_", f"/live_{next(self.asked)}_")
        return 200, text.encode(), {"Content-Type": "application/json", "Request-Id": "req_1"}


def _is_of(one: Json, told: dict[str, str]) -> bool:
    return int(told.get("created[gte]", 0)) <= one["created"] < int(told.get("created[lt]", 10**10))


def _named(found: list[Json], name: str) -> Json:
    return next(one for one in found if one["id"] == name)
