"""Stripe's API on loopback, asked by Stripe's own client: what an invoice becomes, what is taken off it, and what is no revenue."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.errors import (
    AccessRefused,
    ReconcileError,
    SettingsInvalid,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
)
from reconcilers.periods import Period
from reconcilers.sources import folders, registry
from reconcilers.sources.contract import Source
from tests.sources.conftest import QUICK, Api, Params
from tests.sources.revenue.stripe_api import (
    DAY,
    NOVEMBER,
    OCTOBER,
    Account,
    Json,
    credit_note,
    discount,
    invoice,
    line,
    note_line,
    pretax,
    refund,
    tax,
)

UNIT = "2026-10"
SECRET = "rk_live_secret"


@pytest.fixture
def account(api: Api) -> Account:
    return Account(api)


@pytest.fixture
def stripe(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Source]:
    monkeypatch.setenv("STRIPE_API_KEY", SECRET)

    def load(**config: Any) -> Source:
        return registry.load(
            "revenue", {"name": "stripe", "kind": "stripe", "base_url": api.url, "retry": QUICK} | config
        )

    return load


@pytest.fixture
def read(account: Account, stripe: Any, land: Any) -> Callable[..., dict[str, list[Json]]]:
    """Rows per entity of October, with these invoices."""

    def rows(*invoices: Json, config: Json | None = None) -> dict[str, list[Json]]:
        account.invoices = [*invoices]
        taken: dict[str, list[Json]] = land(stripe(**(config or {})), UNIT).rows
        return taken

    return rows


def told(rows: dict[str, list[Json]]) -> list[tuple[str, str]]:
    """(id, amount as text) of each line of revenue; asserts that nothing was lost."""
    assert rows.get("rejected_records", []) == []
    return [(row["revenue_id"], row["amount_text"]) for row in rows.get("revenue", [])]


def lost(rows: dict[str, list[Json]]) -> str:
    """Why the only record that could not be read was not."""
    (one,) = rows["rejected_records"]
    return str(one["reason"])


# What is asked --------------------------------------------------------------------------------------------------------


def test_units_are_months_and_those_around_whose_invoices_may_be_of_them(stripe: Any) -> None:
    period = Period(date(2026, 9, 30), date(2026, 10, 2))
    assert list(stripe(earlier_months=2).units(period)) == [f"2026-{month:02}" for month in range(7, 12)]
    assert list(stripe(earlier_months=0, later_months=3).units(period))[-1] == "2027-01"
    source = stripe()
    assert next(iter(source.units(period))) == "2025-09"
    assert [source.lists(unit, period) for unit in ("2025-08", "2025-09", "2026-11", "2026-12")] == [
        False,
        True,
        True,
        False,
    ]
    # What is invoiced in a month may be earned in any.
    assert source.days("2026-10") is None


def test_requests_are_those_of_the_api_and_pin_its_version(api: Api, account: Account, stripe: Any, land: Any) -> None:
    account.invoices = [invoice()]
    landed = land(stripe(account="acct_7"), UNIT).landed
    created = [("created[gte]", str(OCTOBER)), ("created[lt]", str(NOVEMBER))]
    assert [(path, sorted(params)) for path, params, _ in api.requests] == [
        ("/v1/invoices", sorted([*created, ("limit", "100"), ("expand[0]", "data.customer")])),
        ("/v1/refunds", sorted([*created, ("limit", "100")])),
    ]
    headers = api.requests[0][2]
    assert (headers["Authorization"], headers["Stripe-Account"]) == (f"Bearer {SECRET}", "acct_7")
    assert headers["Stripe-Version"] == landed.meta["api_version"] == "2026-10-28.endive"
    # Stripe's client would tell of this machine, too.
    assert not {name for name in headers if name.startswith("X-Stripe")}
    land(stripe(api_version="2025-03-31.basil"), UNIT)
    assert api.requests[-1][2]["Stripe-Version"] == "2025-03-31.basil"


def test_only_what_a_setting_needs_is_asked(api: Api, account: Account, stripe: Any, land: Any) -> None:
    account.invoices = [invoice()]
    land(stripe(tenant_from=["line.metadata.tenant_id"], refunds=False), UNIT)
    assert [(path, "expand[0]" in dict(params)) for path, params, _ in api.requests] == [("/v1/invoices", False)]


def test_a_probe_is_one_request_and_tells_a_key_of_test_mode(api: Api, account: Account, stripe: Any) -> None:
    period = Period.of_day(date(2026, 10, 1))
    account.invoices = [invoice()]
    assert stripe(earlier_months=3).probe(period) == 5
    assert [(path, params) for path, params, _ in api.requests] == [("/v1/invoices", [("limit", "1")])]
    account.invoices = [invoice(livemode=False)]
    with pytest.raises(SourceRejected, match="test mode"):
        stripe().probe(period)
    api.answer = lambda *_: (503, b"", {})
    with pytest.raises(SourceUnavailable):
        stripe().probe(period)
    assert len(api.requests) == 3


def test_bytes_are_landed_as_received_but_for_links_that_open_an_invoice(
    account: Account, stripe: Any, land: Any
) -> None:
    account.invoices = [invoice(pre_payment_credit_notes_amount=900, description="né 'pdf': \"pdf\" — ₤")]
    account.credit_notes = [credit_note()]
    landed = land(stripe(), UNIT).landed
    assert [item.name for item in landed.objects] == [
        "invoices/0001.json",
        "credit_notes/in_1/0001.json",
        "refunds/0001.json",
    ]
    texts = [landed.path(item).read_text() for item in landed.objects]
    assert not any("://" in text for text in texts)
    assert json.loads(texts[0])["data"][0]["description"] == account.invoices[0]["description"]
    assert json.loads(texts[0])["data"][0]["hosted_invoice_url"] is None
    # As Stripe writes it, line by line.
    assert '\n      "object": "invoice",\n' in texts[0]
    assert all(SECRET not in item.uri for item in landed.objects)


def test_a_month_asked_for_again_is_no_news_and_a_change_replaces_it(account: Account, stripe: Any, land: Any) -> None:
    account.invoices = [invoice("in_1", line("il_1")), invoice("in_2", line("il_2"))]
    assert land(stripe(), UNIT, datetime(2026, 11, 1)).news
    assert not land(stripe(), UNIT, datetime(2026, 11, 2)).news
    account.invoices[0]["status"] = "void"
    again = land(stripe(), UNIT, datetime(2026, 11, 3))
    assert again.news
    assert told(again.rows) == [("il_2", "49.00")]


def test_a_month_without_invoices_is_known_to_be_empty(read: Any) -> None:
    assert read() == {}


# What a line becomes --------------------------------------------------------------------------------------------------


def test_a_line_is_earned_over_its_own_period(read: Any) -> None:
    """Trap: the invoice's period is the window of invoicing."""
    (row,) = read(invoice())["revenue"]
    assert row == row | {
        "source": "stripe",
        "landing_line": 2,
        "revenue_id": "il_1",
        "tenant_id": "ten_a",
        "feature_id": "search",
        "bundle_id": None,
        "kind": "invoice",
        "bills_revenue_id": None,
        "pricing": None,
        "service_period_start": date(2026, 10, 1),
        "service_period_end": date(2026, 11, 1),
        "amount": Decimal("49"),
        "amount_text": "49.00",
        "currency": "USD",
    }


def test_revenue_is_of_the_time_of_service_whenever_it_was_invoiced_or_paid(read: Any) -> None:
    """Trap: the year that was paid in October begins in November, and September's usage is invoiced a month later."""
    year = line("il_1", period={"start": NOVEMBER, "end": NOVEMBER + 365 * DAY})
    usage = line("il_2", period={"start": OCTOBER - 30 * DAY, "end": OCTOBER})
    paid = {"finalized_at": OCTOBER + 7200, "paid_at": NOVEMBER + 40 * DAY}
    rows = read(invoice("in_1", year, usage, status_transitions=paid, effective_at=OCTOBER))["revenue"]
    assert [(str(row["service_period_start"]), str(row["service_period_end"])) for row in rows] == [
        ("2026-11-01", "2027-11-01"),
        ("2026-09-01", "2026-10-01"),
    ]


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [
        ("usd", 1, "0.01"),
        ("jpy", 500, "500"),
        ("mga", 500, "500"),
        ("kwd", 5120, "5.120"),
        ("isk", 500, "5.00"),
        ("ugx", 500, "5.00"),
        ("huf", 1045, "10.45"),
        ("eur", -123_456_789, "-1234567.89"),
    ],
)
def test_minor_units_are_those_of_the_currency(read: Any, currency: str, minor: int, amount: str) -> None:
    """Trap: yen have no minor unit, dinars a thousand, and ISK and UGX are written with two decimals they do not have."""
    rows = read(invoice("in_1", line(amount=minor, currency=currency), currency=currency))
    assert told(rows) == [("il_1", amount)]
    assert rows["revenue"][0]["currency"] == currency.upper()


def test_decimals_that_stripe_changes_are_a_setting(read: Any) -> None:
    one = invoice("in_1", line(currency="ugx"), currency="ugx")
    assert told(read(one, config={"minor_digits": {"UGX": 0}})) == [("il_1", "4900")]


def test_discounts_stand_beside_the_amount_and_count_once(read: Any) -> None:
    """Trap: a line's amount is before discounts, which the pretax credits list once more."""
    taken = line(discount_amounts=[discount(490), discount(10)], pretax_credit_amounts=[pretax(500, "discount")])
    assert told(read(invoice("in_1", taken))) == [("il_1", "44.00")]
    older = line(discount_amounts=[discount(490)], pretax_credit_amounts=None)
    assert told(read(invoice("in_1", older))) == [("il_1", "44.10")]


def test_pretax_credits_are_no_revenue(read: Any) -> None:
    """Trap: what a credit grant pays was sold with the grant, or given away."""
    granted = line(discount_amounts=[discount(900)], pretax_credit_amounts=[pretax(900, "discount"), pretax(1000)])
    assert told(read(invoice("in_1", granted))) == [("il_1", "30.00")]


def test_tax_is_no_revenue_whether_on_top_or_included(read: Any) -> None:
    """Trap: an inclusive tax is part of the amount."""
    taxed = [line("il_1", 10_000, taxes=[tax(1900)]), line("il_2", 11_900, taxes=[tax(1900, "inclusive"), tax(5)])]
    assert told(read(invoice("in_1", *taxed))) == [("il_1", "100.00"), ("il_2", "100.00")]


def test_a_proration_is_earned_and_taken_back_over_the_rest_of_its_period(read: Any) -> None:
    """Trap: a change of plan in the middle of a month is two lines, one of them negative, that reach into the next."""
    rest = {"start": OCTOBER + 14 * DAY + 46_800, "end": OCTOBER + 45 * DAY + 46_800}
    rows = read(invoice("in_1", line("il_1", -2450, period=rest), line("il_2", 9900, period=rest)))
    assert told(rows) == [("il_1", "-24.50"), ("il_2", "99.00")]
    days = {(row["service_period_start"], row["service_period_end"]) for row in rows["revenue"]}
    assert days == {(date(2026, 10, 15), date(2026, 11, 15))}


@pytest.mark.parametrize(
    ("start", "end", "first", "after"),
    [
        (OCTOBER, OCTOBER, "2026-10-01", "2026-10-01"),
        (OCTOBER + 50_000, OCTOBER + 50_000, "2026-10-01", "2026-10-01"),
        (OCTOBER, NOVEMBER - 1, "2026-10-01", "2026-11-01"),
        (OCTOBER + 50_000, NOVEMBER + 50_000, "2026-10-01", "2026-11-01"),
        (NOVEMBER - 1, NOVEMBER - 1, "2026-10-31", "2026-11-01"),
    ],
)
def test_a_period_in_seconds_is_whole_days(read: Any, start: int, end: int, first: str, after: str) -> None:
    (row,) = read(invoice("in_1", line(period={"start": start, "end": end})))["revenue"]
    assert (str(row["service_period_start"]), str(row["service_period_end"])) == (first, after)


def test_lines_beyond_the_first_page_are_read(api: Api, read: Any) -> None:
    """Trap: an invoice embeds its first lines only."""
    many = [line(f"il_{number}", 1) for number in range(230)]
    rows = read(invoice("in_1", *many), invoice("in_2", line("il_other")))
    assert [name for name, _ in told(rows)] == [*(one["id"] for one in many), "il_other"]
    cursors = [dict(params).get("starting_after") for path, params, _ in api.requests if path.endswith("/lines")]
    assert cursors == [None, "il_99", "il_199"]


def test_pages_follow_the_cursor(read: Any) -> None:
    many = [invoice(f"in_{number}", line(f"il_{number}")) for number in range(201)]
    assert len(told(read(*many))) == 201


# Whose it is ----------------------------------------------------------------------------------------------------------


def test_a_tenant_is_told_by_the_first_place_that_tells_one(account: Account, read: Any) -> None:
    account.customers = {"cus_1": {"metadata": {"tenant_id": "of_customer"}}, "cus_gone": {"deleted": True}}
    bare: Json = line(metadata={"feature_id": "search"})
    of_subscription = {"subscription_details": {"metadata": {"tenant_id": "of_subscription"}, "subscription": "sub_1"}}

    def tenant(one: Json, **config: Any) -> Any:
        return read(one, config=config)["revenue"][0]["tenant_id"]

    assert tenant(invoice(parent=of_subscription, metadata={"tenant_id": "of_invoice"})) == "ten_a"
    assert tenant(invoice("in_1", bare, parent=of_subscription, metadata={"tenant_id": "x"})) == "of_subscription"
    assert tenant(invoice("in_1", bare, metadata={"tenant_id": " of_invoice "})) == "of_invoice"
    assert tenant(invoice("in_1", bare)) == "of_customer"
    assert tenant(invoice("in_1", bare), tenant_from=["customer.metadata.crm", "customer.id"]) == "cus_1"
    assert tenant(invoice("in_1", bare), tenant_from=["subscription.id"]) == "sub_1"
    assert "no tenant is told in line.metadata" in lost(read(invoice("in_1", bare, customer="cus_gone")))


def test_a_line_of_nobody_is_lost_with_its_amount_and_the_others_count(read: Any) -> None:
    free = line("il_2", 0, metadata={})
    rows = read(invoice("in_1", line("il_1"), line("il_3", 700, metadata={}), free))
    assert [row["revenue_id"] for row in rows["revenue"]] == ["il_1"]
    assert lost(rows).startswith("il_3: 7.00 USD: no tenant is told in line.metadata.tenant_id, subscription.metadata")
    (record,) = rows["rejected_records"]
    assert record == record | {
        "unit": "invoices/0001.json",
        "landing_line": 3,
        "charge_day": date(2026, 10, 1),
        "tenant_id": None,
        "attribute": None,
    }


def test_what_a_line_sells_is_told_by_its_price_or_product(read: Any) -> None:
    products = {
        "price_1": {"feature_id": "answers", "pricing": "overage"},
        "prod_1": {"bundle_id": "suite", "pricing": "seat"},
    }
    bare = {"tenant_id": "ten_a"}
    other = {"price_details": {"price": "price_2", "product": "prod_1"}, "type": "price_details"}
    unknown = {"price_details": {"price": "price_3", "product": "prod_3"}, "type": "price_details"}
    lines = [
        line("il_1", metadata=bare),
        line("il_2", metadata=bare, pricing=other),
        line("il_3", metadata=bare, pricing=unknown),
        line("il_4", metadata=bare, pricing=None),
        line("il_5", metadata=bare | {"feature_id": "search", "bills_revenue_id": "acc_1"}, pricing=other),
    ]
    rows = read(invoice("in_1", *lines), config={"products": products})["revenue"]
    assert [(r["feature_id"], r["bundle_id"], r["pricing"], r["bills_revenue_id"]) for r in rows] == [
        ("answers", None, "overage", None),
        (None, "suite", "seat", None),
        (None, None, None, None),
        (None, None, None, None),
        ("search", None, "seat", "acc_1"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant_from": ["line.tenant"]},
        {"tenant_from": []},
        {"api_version": "latest"},
        {"minor_digits": {"JPY": -1}},
        {"products": {"p": {"pricing": "free"}}},
    ],
)
def test_settings_that_say_nothing_are_refused(stripe: Any, wrong: Json) -> None:
    with pytest.raises(SettingsInvalid, match=next(iter(wrong))):
        stripe(**wrong)


# What is no revenue ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "void"])
def test_what_is_not_finalised_or_void_is_no_revenue(api: Api, read: Any, status: str) -> None:
    many = [line(f"il_{number}") for number in range(11)]
    assert told(read(invoice("in_1", *many, status=status, total_excluding_tax=0))) == []
    assert [path for path, *_ in api.requests] == ["/v1/invoices", "/v1/refunds"]


def test_an_open_invoice_is_revenue_and_one_written_off_as_declared(read: Any) -> None:
    """Trap: uncollectible is bad debt."""
    both = [invoice("in_1", line("il_1"), status="open"), invoice("in_2", line("il_2"), status="uncollectible")]
    assert [name for name, _ in told(read(*both))] == ["il_1", "il_2"]
    assert [name for name, _ in told(read(*both, config={"count_uncollectible": False}))] == ["il_1"]


def test_a_revised_invoice_counts_once(read: Any) -> None:
    """Trap: its revision is an invoice of its own, a draft beside it and then in its place."""
    revision = {"from_invoice": {"action": "revision", "invoice": "in_1"}}
    before = [
        invoice("in_1", line("il_1"), status="open"),
        invoice("in_2", line("il_2", 3900), status="draft", **revision),
    ]
    assert told(read(*before)) == [("il_1", "49.00")]
    after = [
        invoice("in_1", line("il_1"), status="void", latest_revision="in_2"),
        invoice("in_2", line("il_2", 3900), status="open", **revision),
    ]
    assert told(read(*after)) == [("il_2", "39.00")]


def test_test_mode_is_left_out_with_a_word(read: Any) -> None:
    rows = read(invoice("in_1", line("il_1"), livemode=False), invoice("in_2", line("il_2")))
    assert [row["revenue_id"] for row in rows["revenue"]] == ["il_2"]
    assert lost(rows) == "in_1: is of test mode: nobody is charged"


# What is taken off ----------------------------------------------------------------------------------------------------


def test_a_credit_note_takes_off_the_line_it_names_over_that_lines_period(account: Account, read: Any) -> None:
    """Issued a month later, it stands with its invoice; what it credits of tax is no revenue."""
    account.credit_notes = [credit_note("cn_1", note_line(amount=1000, taxes=[tax(190), tax(100, "inclusive")]))]
    rows = read(invoice(pre_payment_credit_notes_amount=1190))
    assert told(rows) == [("il_1", "49.00"), ("cnli_1", "-9.00")]
    earned, taken = rows["revenue"]
    same = ("tenant_id", "feature_id", "service_period_start", "service_period_end", "currency", "kind")
    assert [taken[name] for name in same] == [earned[name] for name in same]


def test_a_credit_note_after_payment_counts_and_a_void_one_does_not(account: Account, read: Any) -> None:
    account.credit_notes = [
        credit_note("cn_1", note_line("cnli_1", 100), type="post_payment"),
        credit_note("cn_2", note_line("cnli_2", 4800), status="void"),
    ]
    rows = read(invoice(post_payment_credit_notes_amount=100))
    assert told(rows) == [("il_1", "49.00"), ("cnli_1", "-1.00")]


def test_a_discount_is_credited_with_its_line(account: Account, read: Any) -> None:
    account.credit_notes = [credit_note("cn_1", note_line(amount=1000, discount_amounts=[discount(100)]))]
    assert told(read(invoice(pre_payment_credit_notes_amount=900)))[1] == ("cnli_1", "-9.00")


def test_a_credit_that_names_no_line_is_taken_off_the_whole_invoice(account: Account, read: Any) -> None:
    account.credit_notes = [credit_note("cn_1", note_line("cnli_1", 500, of=None))]
    later = {"start": NOVEMBER, "end": NOVEMBER + 30 * DAY}
    other = line("il_2", 100, period=later, metadata={"tenant_id": "ten_a", "feature_id": "answers"})
    rows = read(invoice("in_1", line("il_1"), other, pre_payment_credit_notes_amount=500))
    taken = rows["revenue"][2]
    assert (taken["amount_text"], taken["tenant_id"], taken["feature_id"]) == ("-5.00", "ten_a", None)
    assert (taken["service_period_start"], taken["service_period_end"]) == (date(2026, 10, 1), date(2026, 12, 1))
    two = invoice(
        "in_1", line("il_1"), line("il_2", metadata={"tenant_id": "ten_b"}), pre_payment_credit_notes_amount=1
    )
    assert "of no one tenant" in lost(read(two))


def test_lines_of_a_credit_note_beyond_the_first_page_are_read(account: Account, read: Any) -> None:
    account.credit_notes = [credit_note("cn_1", *(note_line(f"cnli_{number}", 1) for number in range(120)))]
    assert len(told(read(invoice(pre_payment_credit_notes_amount=120)))) == 121


@pytest.mark.parametrize("status", ["succeeded", "pending"])
def test_a_refund_without_credit_note_takes_off_its_share_without_tax(account: Account, read: Any, status: str) -> None:
    account.refunds = [refund("re_1", 1190, status=status)]
    account.payments = {"pi_1": ["in_1"]}
    rows = read(invoice("in_1", line(amount=10_000, taxes=[tax(1900)])))
    assert told(rows) == [("il_1", "100.00"), ("re_1", "-10.00")]
    assert rows["revenue"][1]["service_period_end"] == date(2026, 11, 1)
    assert told(read(invoice("in_1", line(amount=10_000, taxes=[tax(1900)])), config={"refunds": False})) == [
        ("il_1", "100.00")
    ]


def test_a_refund_takes_off_lines_neither_tax_nor_shipping(account: Account, read: Any) -> None:
    """Trap: the total without tax has the shipping in it, which is of no line and was never read as revenue."""
    account.refunds = [refund("re_1", 6188)]
    account.payments = {"pi_1": ["in_1"]}
    lines = [line("il_1", 9000, taxes=[tax(1710)]), line("il_2", -1000, taxes=[tax(-190)])]
    shipped = {"amount_subtotal": 2400, "amount_tax": 456, "amount_total": 2856}
    sold = invoice("in_1", *lines, shipping_cost=shipped, total=12_376, total_excluding_tax=10_400)
    # Half of the total is paid back, and half of what the lines make.
    assert [(row["revenue_id"], row["amount_text"]) for row in read(sold)["revenue"]] == [
        ("il_1", "90.00"),
        ("il_2", "-10.00"),
        ("re_1", "-40.00"),
    ]


def test_a_refund_is_not_counted_on_top_of_its_credit_note(account: Account, read: Any) -> None:
    """Trap: the money goes back by a refund, the revenue by the credit note that names it."""
    by = {"amount_refunded": 900, "refund": "re_1", "type": "refund"}
    account.credit_notes = [
        credit_note("cn_1", refunds=[by], type="post_payment"),
        credit_note("cn_2", note_line("cnli_2"), refunds=[by], status="void"),
    ]
    account.refunds = [refund("re_1", 900)]
    account.payments = {"pi_1": ["in_1"]}
    paid = invoice(post_payment_credit_notes_amount=900)
    assert told(read(paid)) == [("il_1", "49.00"), ("cnli_1", "-9.00")]
    account.refunds = [refund("re_1", 1000)]
    assert told(read(paid)) == [("il_1", "49.00"), ("cnli_1", "-9.00"), ("re_1", "-1.00")]


def test_a_refund_of_an_earlier_months_invoice_reads_that_invoice_and_counts_it_once(
    api: Api, account: Account, read: Any
) -> None:
    september = OCTOBER - 30 * DAY
    many = [line(f"il_{number}", 100, period={"start": september, "end": OCTOBER}) for number in range(12)]
    account.refunds = [refund("re_1", 600), refund("re_2", 600, payment="pi_2")]
    account.payments = {"pi_1": ["in_old"], "pi_2": ["in_old"]}
    rows = read(invoice("in_old", *many, created=september))
    assert told(rows) == [("re_1", "-6.00"), ("re_2", "-6.00")]
    assert rows["revenue"][0]["service_period_start"] == date(2026, 9, 1)
    assert [path for path, *_ in api.requests].count("/v1/invoices/in_old") == 1


def test_a_refund_of_an_invoice_whose_tax_is_not_known_takes_its_share_of_what_the_lines_tell(
    account: Account, read: Any
) -> None:
    account.refunds, account.payments = [refund(amount=490)], {"pi_1": ["in_1"]}
    assert told(read(invoice(total_excluding_tax=None), config={"control_total": False})) == [
        ("il_1", "49.00"),
        ("re_1", "-4.90"),
    ]


@pytest.mark.parametrize("status", ["failed", "canceled", "requires_action"])
def test_a_refund_that_paid_nothing_back_takes_nothing_off(api: Api, account: Account, read: Any, status: str) -> None:
    account.refunds, account.payments = [refund(status=status)], {"pi_1": ["in_1"]}
    assert told(read(invoice())) == [("il_1", "49.00")]


def test_a_refund_of_what_was_no_invoice_takes_nothing_off(account: Account, read: Any) -> None:
    account.refunds = [refund("re_1"), refund("re_2", payment="pi_2")]
    account.payments = {"pi_2": ["in_2"]}
    rows = read(invoice(), invoice("in_2", line("il_2"), status="void"))
    assert told(rows) == [("il_1", "49.00")]


@pytest.mark.parametrize(
    ("change", "payments", "reason"),
    [
        ({"payment_intent": None}, [], "names no payment"),
        ({}, ["in_1", "in_2"], "its payment paid 2 invoices"),
        ({"currency": "eur"}, ["in_1"], "is in eur, its invoice in usd"),
        ({"status": "lent"}, ["in_1"], "status 'lent' is not known"),
        ({}, ["in_3"], "lines make"),
    ],
)
def test_a_refund_that_cannot_be_placed_is_lost_with_a_word(
    account: Account, read: Any, change: Json, payments: list[str], reason: str
) -> None:
    account.refunds, account.payments = [refund(**change)], {"pi_1": payments}
    september = OCTOBER - 30 * DAY
    wrong = invoice("in_3", line("il_3"), created=september, total_excluding_tax=1)
    rows = read(invoice(), invoice("in_2", line("il_2")), wrong)
    assert reason in lost(rows)
    assert len(rows["revenue"]) == 2


# Bad input ------------------------------------------------------------------------------------------------------------


def wrong_line(**change: Any) -> Json:
    """An invoice whose totals are right and whose line is not."""
    return invoice() | {"lines": [line() | change]}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (invoice(total_excluding_tax=4800), "lines make 4900 minor units without tax, the total is 4800"),
        (wrong_line(currency="eur"), "line il_1 is in eur, the invoice in usd"),
        (invoice("in_1", line(currency="xyz"), currency="xyz"), "currency 'XYZ' is no code of ISO 4217"),
        (invoice("in_1", line(currency="US$"), currency="US$"), "is no code of ISO 4217"),
        (wrong_line(period={"start": NOVEMBER, "end": OCTOBER}), "line il_1 ends before it begins"),
        (wrong_line(pretax_credit_amounts=[pretax(1, "voucher")]), "pretax credit of type voucher"),
        (
            wrong_line(discount_amounts=[discount(1)], pretax_credit_amounts=[pretax(2, "discount")]),
            "line il_1 tells its discounts in two ways",
        ),
        (invoice(total_excluding_tax=None), "total_excluding_tax is null"),
        (invoice(status="sent"), "status 'sent' is not known"),
        (invoice(status=None), "status None is not known"),
        (wrong_line(period={"start": 0, "end": 0}), "is not from 2000 to 2200"),
        (wrong_line(period={"start": OCTOBER, "end": OCTOBER + 21 * 366 * DAY}), "more than 20 years"),
    ],
)
def test_an_invoice_that_contradicts_itself_is_lost_with_a_word_and_the_others_count(
    read: Any, one: Json, reason: str
) -> None:
    rows = read(one, invoice("in_2", line("il_2")))
    assert reason in lost(rows)
    assert [row["revenue_id"] for row in rows["revenue"]] == ["il_2"]


@pytest.mark.parametrize(
    ("minor", "reason"), [(10**13, "the most that is carried exactly"), (10**19, "outside the range of an amount")]
)
def test_an_amount_no_invoice_has_is_lost(read: Any, minor: int, reason: str) -> None:
    rows = read(invoice("in_1", line(amount=minor)), invoice("in_2", line("il_2")))
    assert reason in lost(rows)
    assert [row["revenue_id"] for row in rows["revenue"]] == ["il_2"]


def test_included_tax_may_be_rounded_by_the_total(read: Any) -> None:
    taxed = [line(f"il_{number}", 333, taxes=[tax(53, "inclusive")]) for number in (1, 2, 3)]
    assert len(told(read(invoice("in_1", *taxed, total_excluding_tax=839)))) == 3
    assert "lines make 840" in lost(read(invoice("in_1", *taxed, total_excluding_tax=836)))
    assert len(told(read(invoice("in_1", *taxed, total_excluding_tax=0), config={"control_total": False}))) == 3


def test_shipping_is_told_and_the_lines_count(read: Any) -> None:
    rows = read(invoice(shipping_cost={"amount_subtotal": 500}, total_excluding_tax=5400))
    assert [row["amount_text"] for row in rows["revenue"]] == ["49.00"]
    assert "500 minor units of shipping" in lost(rows)
    assert rows["rejected_records"][0]["attribute"] == "shipping_cost"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (credit_note(total_excluding_tax=None), "total_excluding_tax is null"),
        (credit_note(total_excluding_tax=1), "lines make 900 minor units without tax, the total is 1"),
        (credit_note("cn_1", note_line(of="il_7")), "takes off line il_7, which invoice in_1 does not have"),
        (credit_note(currency="eur"), "is in eur, its invoice in usd"),
        (credit_note(status="lost"), "status 'lost' is not known"),
    ],
)
def test_a_credit_note_that_contradicts_its_invoice_is_lost_with_a_word(
    account: Account, read: Any, note: Json, reason: str
) -> None:
    account.credit_notes = [note]
    rows = read(invoice(pre_payment_credit_notes_amount=900))
    assert reason in lost(rows)
    assert [row["revenue_id"] for row in rows["revenue"]] == ["il_1"]


def test_what_is_credited_of_a_line_of_nobody_is_lost_with_it(account: Account, read: Any) -> None:
    account.credit_notes = [credit_note()]
    rows = read(invoice("in_1", line(metadata={}), pre_payment_credit_notes_amount=900))
    assert "revenue" not in rows
    assert [row["reason"].partition(": no tenant")[0] for row in rows["rejected_records"]] == [
        "il_1: 49.00 USD",
        "cnli_1: -9.00 USD",
    ]


def without(one: Json, *names: str) -> Json:
    return {name: value for name, value in one.items() if name not in names}


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (invoice() | {"lines": [without(line(), "taxes") | {"tax_amounts": []}]}, "of another version of the API"),
        (wrong_line(amount="4900"), "amount is not a whole number"),
        (wrong_line(amount=49.0), "amount is not a whole number"),
        (wrong_line(amount=True), "amount is not a whole number"),
        (wrong_line(discount_amounts={}), "discount_amounts is not a list"),
        (wrong_line(period=None), "end is not a whole number"),
        (wrong_line(period={"start": OCTOBER * 1000, "end": NOVEMBER * 1000}), "start is not in Unix seconds"),
        (without(invoice(), "total_excluding_tax"), "total_excluding_tax is not a whole number"),
        (invoice(livemode="yes"), "livemode is neither true nor false"),
        (invoice(status=7), "status is not a text"),
        (wrong_line(id=7), "id is missing"),
    ],
)
def test_another_shape_refuses_the_month(account: Account, stripe: Any, refusal: Any, one: Json, problem: str) -> None:
    """Trap: older versions of the API have prices and taxes of a line elsewhere."""
    account.invoices = [one, invoice("in_2", line("il_2"))]
    error = refusal(stripe(), UNIT)
    assert isinstance(error, SourceChangedShape)
    assert problem in str(error)


@pytest.mark.parametrize(
    ("first", "problem"),
    [
        ({"data": [], "has_more": True}, "has_more is true on an empty page"),
        ({"data": [invoice()], "has_more": None}, "has_more is missing"),
        ({"data": [invoice(), invoice()], "has_more": False}, "the same object came twice"),
        ({"data": {}, "has_more": False}, "data is not a list"),
        ({"data": ["in_1"], "has_more": False}, "an object has no id"),
        ({"data": [invoice("../../v1/payouts")], "has_more": False}, "an object has no id"),
        ({"data": [invoice() | {"lines": []}], "has_more": False}, "lines is not a list"),
    ],
)
def test_pages_that_contradict_themselves_refuse_the_month(
    api: Api, stripe: Any, refusal: Any, first: Json, problem: str
) -> None:
    """Trap: Stripe's own paging ends without a word at an empty page that says there is more."""
    empty = {"object": "list", "data": [], "has_more": False}

    def answer(path: str, _: Params) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps({"object": "list"} | (first if path == "/v1/invoices" else empty)).encode(), {}

    api.answer = answer
    assert problem in str(refusal(stripe(), UNIT))


def test_a_cursor_that_leads_back_refuses_the_month(api: Api, stripe: Any, refusal: Any) -> None:
    body = {"object": "list", "data": [invoice()], "has_more": True}
    api.answer = lambda *_: (200, json.dumps(body).encode(), {})
    assert "the same object came twice" in str(refusal(stripe(), UNIT))
    assert len(api.requests) == 2


def test_a_line_that_shifted_between_pages_refuses_the_month(account: Account, stripe: Any, refusal: Any) -> None:
    account.invoices = [invoice("in_1", line("il_1")), invoice("in_2", line("il_1"))]
    assert "il_1 came twice" in str(refusal(stripe(), UNIT))


@pytest.mark.parametrize(
    ("created", "problem"),
    [(b"1000000000", "invoice of 2001-09-09, which was not asked for"), (b"1790816400000000", "not in Unix seconds")],
)
def test_an_invoice_of_another_month_refuses_the_month(
    api: Api, account: Account, stripe: Any, refusal: Any, created: bytes, problem: str
) -> None:
    account.invoices = [invoice()]
    body = account.answer("/v1/invoices", [("limit", "100")])[1].replace(str(OCTOBER + 3600).encode(), created)
    api.answer = lambda path, params: (200, body, {}) if path == "/v1/invoices" else account.answer(path, params)
    assert problem in str(refusal(stripe(), UNIT))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"object": "list", "data": [', b"[]", b'{"data": NaN}'])
def test_an_answer_that_is_none_refuses_the_month(api: Api, stripe: Any, refusal: Any, body: bytes) -> None:
    api.answer = lambda *_: (200, body, {})
    assert isinstance(refusal(stripe(), UNIT), SourceRejected | SourceChangedShape)


# How it insists -------------------------------------------------------------------------------------------------------


def test_429_is_asked_again_when_the_answer_says(api: Api, account: Account, stripe: Any, land: Any) -> None:
    """Trap: Stripe's own client asks again after a fault or a 5xx, never after 429."""
    account.invoices = [invoice()]
    answers = iter([(429, b'{"error": {"type": "rate_limit_error"}}', {"Retry-After": "1"})])
    times = []

    def answer(path: str, params: Params) -> tuple[int, bytes, dict[str, str]]:
        times.append(time.monotonic())
        return next(answers, None) or account.answer(path, params)

    api.answer = answer
    assert told(land(stripe(), UNIT).rows) == [("il_1", "49.00")]
    assert times[1] - times[0] >= 1


@pytest.mark.parametrize(
    ("status", "requests", "error"),
    [(429, 3, SourceUnavailable), (500, 3, SourceUnavailable), (401, 1, AccessRefused), (403, 1, AccessRefused)],
)
def test_nothing_is_kept_of_a_month_that_stays_refused(
    api: Api, account: Account, stripe: Any, refusal: Any, status: int, requests: int, error: type[ReconcileError]
) -> None:
    account.invoices = [invoice()]
    body = json.dumps({"error": {"message": f"bad key {SECRET}"}}).encode()
    api.answer = lambda path, params: (status, body, {}) if path == "/v1/refunds" else account.answer(path, params)
    assert isinstance(refusal(stripe(), UNIT), error)
    assert [path for path, *_ in api.requests].count("/v1/refunds") == requests


def test_an_error_of_the_api_is_told_without_the_key(api: Api, stripe: Any, refusal: Any) -> None:
    api.answer = lambda *_: (400, json.dumps({"error": {"message": f"no version {SECRET}"}}).encode(), {})
    assert "no version (credential)" in str(refusal(stripe(), UNIT))


def test_without_a_key_nothing_is_asked(api: Api, stripe: Any, refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stripe()
    monkeypatch.delenv("STRIPE_API_KEY")
    assert isinstance(refusal(source, UNIT), SettingsInvalid)
    assert (api.requests, source.secrets, source.needs) == ([], ("STRIPE_API_KEY",), ("STRIPE_API_KEY",))


def test_hostile_text_stays_text(read: Any) -> None:
    name = "ten\u202e\x00'; drop table revenue; --"
    (row,) = read(invoice("in_1", line(metadata={"tenant_id": name, "feature_id": "=cmd|' /C calc'!A0"})))["revenue"]
    assert (row["tenant_id"], row["feature_id"]) == (name, "=cmd|' /C calc'!A0")


def test_a_row_cites_the_object_it_was_made_of(account: Account, stripe: Any, land: Any) -> None:
    account.credit_notes = [credit_note()]
    account.refunds, account.payments = [refund(amount=100)], {"pi_1": ["in_1"]}
    account.invoices = [
        invoice("in_2", *(line(f"il_2_{number}") for number in range(11))),
        invoice("in_1", line("il_1"), line("il_b"), pre_payment_credit_notes_amount=900),
    ]
    source = stripe()
    taken = land(source, UNIT)
    assert len(taken.rows["revenue"]) == 11 + 2 + 1 + 1
    assert len({row["landing_line"] for row in taken.rows["revenue"]}) == 15
    for row in taken.rows["revenue"]:
        index, number = folders.split_line(row["landing_line"])
        item = taken.landed.objects[index]
        assert json.loads(source.cited(taken.landed.path(item), item.name, number))["id"] == row["revenue_id"]
    with pytest.raises(SourceRejected, match="no object 99"):
        source.cited(taken.landed.path(item), item.name, 99)
