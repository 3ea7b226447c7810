"""Invoices of an AWS account, by boto3 against a server on the loopback interface: pages, months, tax, credit memos, refusals."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import (
    AccessRefused,
    SourceChangedShape,
    SourceRejected,
    SourceUnavailable,
    SourceUnreachable,
)
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from tests.sources.conftest import Answer, Api, Params

ISSUED, DUE = datetime(2026, 10, 3, 9, tzinfo=UTC).timestamp(), datetime(2026, 11, 2, tzinfo=UTC).timestamp()


def amounts(total: str, before_tax: str | None, tax: str | None, currency: str = "USD") -> dict[str, Any]:
    told: dict[str, Any] = {"TotalAmount": total, "TotalAmountBeforeTax": before_tax, "CurrencyCode": currency}
    return told | {"AmountBreakdown": {"SubTotalAmount": before_tax, "Taxes": {"TotalAmount": tax, "Breakdown": []}}}


INVOICE: dict[str, Any] = {
    "AccountId": "111122223333",
    "InvoiceId": "EUINGB26-1",
    "InvoiceType": "INVOICE",
    "IssuedDate": ISSUED,
    "DueDate": DUE,
    "Entity": {"InvoicingEntity": "Amazon Web Services EMEA SARL", "BillingEntity": "AWS"},
    "BillingPeriod": {"Month": 9, "Year": 2026},
    "BaseCurrencyAmount": amounts("119.00", "100.00", "19.00"),
    "PaymentCurrencyAmount": amounts("107.10", "90.00", "17.10", "EUR"),
}
MEMO = INVOICE | {
    "InvoiceId": "EUCNGB26-7",
    "InvoiceType": "CREDIT_MEMO",
    "OriginalInvoiceId": "EUINGB26-1",
    "BaseCurrencyAmount": amounts("-11.90", "-10.00", "-1.90"),
}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-a-test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def source(url: str, **config: Any) -> Any:
    told = {"name": "aws_invoices", "kind": "invoice_aws", "bill": "aws", "account_id": "111122223333"}
    return registry.load("invoices", told | {"endpoint_url": url} | config)


def served(api: Api, *pages: list[dict[str, Any]]) -> None:
    """Have the API give these pages of invoices for September, and none of other months."""

    def answer(path: str, params: Params) -> Answer:
        asked = json.loads(api.bodies[-1])
        if asked["Filter"]["BillingPeriod"] != {"Year": 2026, "Month": 9}:
            return 200, b'{"InvoiceSummaries":[]}', {}
        number = int(asked.get("NextToken", 0))
        more = {"NextToken": str(number + 1)} if number + 1 < len(pages) else {}
        return 200, json.dumps({"InvoiceSummaries": pages[number], **more}).encode(), {}

    api.answer = answer


def read(folder: Path, api: Api, unit: str = "2026-09", **config: Any) -> list[dict[str, Any]]:
    """The lake rows of one month, landed first."""
    asked = source(api.url, **config)
    landing = Landing(folder / "landing")
    pull = landing.pull(asked.name, asked.kind, unit)
    asked.fetch(unit, pull)
    return [row for _, row in asked.rows(landing.prepare(pull, datetime(2026, 10, 5)))]


def test_an_invoice_is_what_is_paid_before_tax_and_its_tax(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE])
    net, tax = read(tmp_path, api)
    assert net == net | {
        "bill": "aws",
        "invoice_id": "EUINGB26-1",
        "invoice_issuer_name": "Amazon Web Services EMEA SARL",
        "billing_account_id": "111122223333",
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "billed_cost": Decimal(100),
        "invoice_total": Decimal(119),
        "invoice_total_text": "119.00",
        "invoice_issue_date": date(2026, 10, 3),
        "payment_due_date": date(2026, 11, 2),
        "charge_category": None,
    }
    assert (tax["billed_cost"], tax["charge_category"], tax["invoice_total"]) == (Decimal(19), "Tax", Decimal(119))


def test_every_page_is_read_and_cited_by_its_number(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE], [INVOICE | {"InvoiceId": "M-2"}, INVOICE | {"InvoiceId": "M-3"}])
    asked = source(api.url)
    landing = Landing(tmp_path / "landing")
    pull = landing.pull(asked.name, asked.kind, "2026-09")
    asked.fetch("2026-09", pull)
    landed = landing.prepare(pull, datetime(2026, 10, 5))
    assert [row["invoice_id"] for _, row in asked.rows(landed)] == ["EUINGB26-1"] * 2 + ["M-2"] * 2 + ["M-3"] * 2
    last = landed.objects[-1]
    assert json.loads(asked.cited(landed.path(last), last.name, 2))["InvoiceId"] == "M-3"
    assert {json.loads(body)["Selector"]["Value"] for body in api.bodies} == {"111122223333"}


def test_the_currency_that_is_paid_in(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE])
    net, tax = read(tmp_path, api, amounts="payment")
    assert (net["billing_currency"], net["billed_cost"], tax["billed_cost"]) == ("EUR", Decimal(90), Decimal("17.1"))


@pytest.mark.parametrize("told", [("119.00", "100.00", None), ("119.00", None, "19.00")])
def test_of_a_total_and_one_part_the_other_follows(tmp_path: Path, api: Api, told: tuple[str, Any, Any]) -> None:
    served(api, [INVOICE | {"BaseCurrencyAmount": amounts(*told)}])
    assert [row["billed_cost"] for row in read(tmp_path, api)] == [Decimal(100), Decimal(19)]


def test_an_invoice_of_a_total_alone_is_one_row_without_cost(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE | {"BaseCurrencyAmount": {"TotalAmount": "5", "CurrencyCode": "USD"}}])
    (row,) = read(tmp_path, api)
    assert (row["billed_cost"], row["invoice_total"]) == (None, Decimal(5))


def test_an_invoice_without_tax_has_no_row_of_it(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE | {"BaseCurrencyAmount": amounts("100.00", "100.00", "0.00")}])
    assert [row["billed_cost"] for row in read(tmp_path, api)] == [Decimal(100)]


def test_a_credit_memo_lessens_and_names_its_invoice(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE, MEMO])
    rows = [row for row in read(tmp_path, api) if row["invoice_id"] == "EUCNGB26-7"]
    assert [(row["billed_cost"], row["invoice_total"]) for row in rows] == [
        (Decimal(-10), Decimal("-11.9")),
        (Decimal("-1.9"), Decimal("-11.9")),
    ]
    assert {row["reference_invoice_id"] for row in rows} == {"EUINGB26-1"}


def test_a_credit_memo_of_the_other_sign_is_refused_until_it_is_declared(tmp_path: Path, api: Api) -> None:
    served(api, [MEMO | {"BaseCurrencyAmount": amounts("11.90", "10.00", "1.90")}])
    with pytest.raises(SourceRejected, match=r"line 1: BaseCurrencyAmount.TotalAmount: 11.90 of a credit note has"):
        read(tmp_path, api)
    assert [row["billed_cost"] for row in read(tmp_path, api, credit_memos="positive")] == [
        Decimal(-10),
        Decimal("-1.9"),
    ]


def test_a_receipt_of_a_payment_is_no_invoice(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE | {"InvoiceType": "PAYMENT_RECEIPT", "InvoiceId": "R-1"}])
    assert read(tmp_path, api) == []


def test_a_month_without_invoices(tmp_path: Path, api: Api) -> None:
    served(api)
    assert read(tmp_path, api, "2026-10") == []


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"InvoiceId": None}, SourceRejected, "InvoiceId is empty"),
        ({"InvoiceType": "PROFORMA"}, SourceChangedShape, "InvoiceType 'PROFORMA' is none of"),
        ({"BillingPeriod": {"Month": 8, "Year": 2026}}, SourceRejected, "is of 2026-08, which was not asked for"),
        ({"BillingPeriod": None}, SourceChangedShape, "BillingPeriod.Year is not a whole number"),
        ({"BaseCurrencyAmount": None}, SourceRejected, "BaseCurrencyAmount.TotalAmount is empty"),
        ({"BaseCurrencyAmount": amounts("1,190.00", "1000", "190")}, SourceRejected, "TotalAmount: '1,190.00' is not"),
        ({"BaseCurrencyAmount": amounts("1", "1", "0", "$")}, SourceRejected, "'\\$' is not an ISO 4217 code"),
        ({"IssuedDate": "2026-10-03"}, SourceChangedShape, "IssuedDate '2026-10-03' is no count of seconds"),
    ],
)
def test_what_no_invoice_says_refuses_its_month(
    tmp_path: Path, api: Api, changed: dict[str, Any], kind: type[Exception], message: str
) -> None:
    served(api, [INVOICE, INVOICE | {"InvoiceId": "M-2"} | changed])
    with pytest.raises(kind, match=f"source aws_invoices, file summaries/0001.json, line 2: .*{message}"):
        read(tmp_path, api)


def test_a_time_that_boto3_cannot_read_is_another_shape(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE | {"DueDate": "soon"}])
    with pytest.raises(SourceChangedShape, match=r"period 2026-09: an answer that boto3 cannot read: .*soon"):
        read(tmp_path, api)


def test_an_invoice_on_two_pages_was_listed_while_it_changed(tmp_path: Path, api: Api) -> None:
    served(api, [INVOICE], [INVOICE])
    with pytest.raises(SourceRejected, match=r"file summaries/0002.json, line 1: the same group came twice"):
        read(tmp_path, api)


@pytest.mark.parametrize(
    ("status", "code", "kind", "message"),
    [
        (400, "AccessDeniedException", SourceRejected, "grant it invoicing:ListInvoiceSummaries"),
        (403, "InvalidSignatureException", AccessRefused, "renew the AWS credentials"),
        (400, "UnrecognizedClientException", AccessRefused, "renew the AWS credentials"),
        (400, "ValidationException", SourceRejected, "check account_id and region"),
        (400, "ThrottlingException", SourceUnavailable, "answered ThrottlingException"),
        (500, "InternalServerException", SourceUnavailable, "answered InternalServerException"),
    ],
)
def test_what_the_api_refuses(
    tmp_path: Path, api: Api, status: int, code: str, kind: type[Exception], message: str
) -> None:
    content = json.dumps({"__type": f"com.amazonaws#{code}", "message": "no"}).encode()
    api.answer = lambda path, params: (status, content, {})
    with pytest.raises(kind, match=message):
        read(tmp_path, api)
    assert len(api.bodies) == (5 if kind is SourceUnavailable else 1)


def test_a_host_that_is_not_there_stops_the_source(tmp_path: Path, api: Api) -> None:
    with pytest.raises(SourceUnreachable, match="check endpoint_url and the network"):
        source("http://127.0.0.1:9").fetch("2026-09", Landing(tmp_path).pull("aws_invoices", "invoice_aws", "2026-09"))


def test_months_before_the_period_are_asked_for_again(api: Api) -> None:
    served(api, [INVOICE])
    period = Period(date(2026, 10, 4), date(2026, 10, 5))
    asked = source(api.url)
    assert asked.units(period) == ["2026-08", "2026-09", "2026-10"]
    assert asked.lists("2026-09", period)
    assert not asked.lists("2026-07", period)
    assert asked.probe(period) == 3
    assert len(api.bodies) == 1
