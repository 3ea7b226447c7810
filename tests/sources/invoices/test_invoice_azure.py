"""Invoices of an Azure billing account over HTTP on the loopback interface, signed in by azure-identity as a managed identity is."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import (
    AccessRefused,
    ReconcileError,
    SourceChangedShape,
    SourceRejected,
    SourceUnreachable,
)
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import microsoft, registry
from tests.sources.conftest import Answer, Api, Params
from tests.sources.far_sides import signed_in, token

ACCOUNT = "4f0c7a52-1111-4222-8333-9d2e51b0c6aa:0a1b2c3d-4444-4555-8666-7e8f90a1b2c3_2019-05-31"
INVOICES = f"/providers/Microsoft.Billing/billingAccounts/{ACCOUNT}/invoices"


def usd(value: float | str, currency: str = "USD") -> dict[str, Any]:
    return {"currency": currency, "value": value}


PROPERTIES: dict[str, Any] = {
    "amountDue": usd(119.0),
    "azurePrepaymentApplied": usd(0.0),
    "billedAmount": usd(104.25),
    "billingProfileId": f"/providers/Microsoft.Billing/billingAccounts/{ACCOUNT}/billingProfiles/AB12-CD34-EF5-TGB",
    "creditAmount": usd(-4.25),
    "documentType": "Invoice",
    "dueDate": "2026-11-05T03:45:33.9495596Z",
    "invoiceDate": "2026-10-06T03:45:33.9495596Z",
    "invoicePeriodEndDate": "2026-09-30T23:59:59.9999999Z",
    "invoicePeriodStartDate": "2026-09-01T00:00:00.0000000Z",
    "isMonthlyInvoice": True,
    "payments": [],
    "status": "Due",
    "subTotal": usd(100.0),
    "taxAmount": usd(19.0),
    "totalAmount": usd(119.0),
}


def invoice(name: str = "T000000001", **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{INVOICES}/{name}",
        "name": name,
        "properties": PROPERTIES | changed,
        "type": "Microsoft.Billing/billingAccounts/invoices",
    }


@pytest.fixture(autouse=True)
def _signed_in(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a managed identity of Azure's App Service, whose tokens the same server gives."""
    signed_in(monkeypatch, api)


def source(url: str, **config: Any) -> Any:
    told = {"name": "azure_invoices", "kind": "invoice_azure", "bill": "azure", "billing_account": ACCOUNT}
    return registry.load("invoices", told | {"base_url": url, "retry": {"attempts": 1}} | config)


def served(api: Api, *pages: list[dict[str, Any]], **members: Any) -> None:
    """Have the API give these pages, linked as the real one links them: a path without host, its dates with a space."""

    def answer(path: str, params: Params) -> Answer:
        if path == "/identity":
            return token(params)
        number = int(dict(params).get("$skiptoken", 0))
        told: dict[str, Any] = {"totalCount": sum(len(page) for page in pages), "value": pages[number], **members}
        if number + 1 < len(pages) and "nextLink" not in members:
            dates = "periodStartDate=2026-09-01 00:00:00Z"
            told["nextLink"] = f"{INVOICES}?$skiptoken={number + 1}&$top=50&api-version=2024-04-01&{dates}"
        return 200, json.dumps(told).encode(), {}

    api.answer = answer


def asked(api: Api) -> list[tuple[str, Params, dict[str, str]]]:
    """The requests for invoices, without those for a token."""
    return [request for request in api.requests if request[0] != "/identity"]


def read(folder: Path, api: Api, unit: str = "2026-09", **config: Any) -> list[dict[str, Any]]:
    """The lake rows of one month, landed first."""
    made = source(api.url, **config)
    landing = Landing(folder / "landing")
    pull = landing.pull(made.name, made.kind, unit)
    made.fetch(unit, pull)
    return [row for _, row in made.rows(landing.prepare(pull, datetime(2026, 10, 8)))]


def test_an_invoice_is_its_charges_less_refunds_and_its_tax(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()])
    net, tax = read(tmp_path, api)
    assert net == net | {
        "bill": "azure",
        "invoice_id": "T000000001",
        "invoice_issuer_name": "Microsoft",
        "billing_account_id": "AB12-CD34-EF5-TGB",
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "billed_cost": Decimal(100),
        "invoice_total": Decimal(119),
        "invoice_issue_status": "issued",
        "invoice_issue_date": date(2026, 10, 6),
        "payment_due_date": date(2026, 11, 5),
        "reference_invoice_id": None,
        "charge_category": None,
    }
    assert (tax["billed_cost"], tax["charge_category"]) == (Decimal(19), "Tax")


def test_the_job_asks_as_itself_for_a_year_from_the_month_on(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()])
    read(tmp_path, api, billing_profile="AB12-CD34-EF5-TGB")
    ((path, params, headers),) = asked(api)
    assert path == INVOICES.replace("/invoices", "/billingProfiles/AB12-CD34-EF5-TGB/invoices")
    assert params == [("api-version", "2024-04-01"), ("periodStartDate", "2026-09-01"), ("periodEndDate", "2027-09-01")]
    assert headers["Authorization"] == "Bearer of-a-test"
    (path, params, headers) = api.requests[0]
    assert (dict(params)["resource"], headers["X-IDENTITY-HEADER"]) == (api.url, "of-the-machine")


def test_every_page_is_followed_by_its_link_without_host(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice("T2"), invoice("T3")])
    made = source(api.url)
    landing = Landing(tmp_path / "landing")
    pull = landing.pull(made.name, made.kind, "2026-09")
    made.fetch("2026-09", pull)
    landed = landing.prepare(pull, datetime(2026, 10, 8))
    assert [row["invoice_id"] for _, row in made.rows(landed)] == ["T000000001"] * 2 + ["T2"] * 2 + ["T3"] * 2
    assert ("periodStartDate", "2026-09-01 00:00:00Z") in asked(api)[-1][1]
    last = landed.objects[-1]
    assert json.loads(made.cited(landed.path(last), last.name, 2))["name"] == "T3"


def test_what_begins_in_another_month_is_that_month_s(tmp_path: Path, api: Api) -> None:
    served(api, [invoice("T1", invoicePeriodStartDate="2026-10-01T00:00:00.0000000Z"), invoice("T2")])
    assert {row["invoice_id"] for row in read(tmp_path, api)} == {"T2"}


def test_a_purchase_has_an_instant_for_a_period(tmp_path: Path, api: Api) -> None:
    bought = "2026-09-24T16:26:51.6925454Z"
    served(api, [invoice(invoicePeriodStartDate=bought, invoicePeriodEndDate=bought, isMonthlyInvoice=False)])
    assert read(tmp_path, api)[0]["billing_period_start"] == date(2026, 9, 1)


def test_what_prepayment_pays_of_an_invoice_stands_apart(tmp_path: Path, api: Api) -> None:
    served(api, [invoice(subTotal=usd(60.0), taxAmount=usd(0.0), totalAmount=usd(60.0))])
    rows = read(tmp_path, api)
    assert [(row["billed_cost"], row["charge_category"]) for row in rows] == [
        (Decimal(100), None),
        (Decimal(-40), "Credit"),
    ]


def test_refunds_that_are_not_told_are_not_taken_for_none(tmp_path: Path, api: Api) -> None:
    served(api, [invoice(creditAmount=None)])
    rows = read(tmp_path, api)
    assert [(row["billed_cost"], row["charge_category"]) for row in rows] == [
        (Decimal(100), None),
        (Decimal(19), "Tax"),
    ]


def test_an_invoice_that_was_billed_anew_names_the_one_before(tmp_path: Path, api: Api) -> None:
    before = {"invoiceDocumentId": f"{INVOICES}/T000000001", "creditNoteDocumentId": f"{INVOICES}/T000000002"}
    served(api, [invoice("T000000003", rebillDetails=before)])
    assert {row["reference_invoice_id"] for row in read(tmp_path, api)} == {"T000000001"}


def test_a_voided_invoice_is_one(tmp_path: Path, api: Api) -> None:
    served(api, [invoice(status="Void")])
    assert {row["invoice_issue_status"] for row in read(tmp_path, api)} == {"voided"}


def note(*amounts: float, **more: Any) -> dict[str, Any]:
    """A credit note; its amounts are JSON numbers, as the API writes them."""
    names = ("billedAmount", "subTotal", "taxAmount", "totalAmount")
    told = dict(zip(names, map(usd, amounts), strict=True))
    return invoice("T9", documentType="CreditNote", creditAmount=usd(0.0), **told, **more)


def test_a_credit_note_lessens_and_names_its_invoice(tmp_path: Path, api: Api) -> None:
    served(api, [note(-10.0, -10.0, -1.9, -11.9, creditForDocumentId=f"{INVOICES}/T1")])
    rows = read(tmp_path, api)
    assert [(row["billed_cost"], row["invoice_total"]) for row in rows] == [
        (Decimal(-10), Decimal("-11.9")),
        (Decimal("-1.9"), Decimal("-11.9")),
    ]
    assert {row["reference_invoice_id"] for row in rows} == {"T1"}


def test_a_credit_note_of_the_other_sign_is_refused_until_it_is_declared(tmp_path: Path, api: Api) -> None:
    served(api, [note(10.0, 10.0, 1.9, 11.9)])
    with pytest.raises(SourceRejected, match=r"line 1: totalAmount: 11.9 of a credit note has the wrong sign"):
        read(tmp_path, api)
    told = [row["billed_cost"] for row in read(tmp_path, api, credit_notes="positive")]
    assert told == [Decimal(-10), Decimal("-1.9")]


def test_an_account_of_another_agreement_tells_what_was_billed_alone(tmp_path: Path, api: Api) -> None:
    told = invoice()
    for name in ("subTotal", "taxAmount", "totalAmount", "creditAmount"):
        del told["properties"][name]
    served(api, [told])
    (row,) = read(tmp_path, api)
    assert (row["billed_cost"], row["invoice_total"]) == (None, Decimal("104.25"))


def test_amounts_are_read_as_they_are_written(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()])
    served_answer = api.answer

    def exact(path: str, params: Params) -> Answer:
        status, body, headers = served_answer(path, params)
        return status, body.replace(b'"value": 119.0}', b'"value": 119.00000000000000001}'), headers

    api.answer = exact
    assert read(tmp_path, api)[0]["invoice_total_text"] == "119.00000000000000001"


def test_a_month_without_invoices(tmp_path: Path, api: Api) -> None:
    served(api, [])
    assert read(tmp_path, api) == []


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"documentType": "Proforma"}, SourceChangedShape, "documentType 'Proforma' is none of"),
        ({"invoicePeriodStartDate": None}, SourceRejected, "invoicePeriodStartDate is empty"),
        ({"invoicePeriodStartDate": "soon"}, SourceChangedShape, "invoicePeriodStartDate: .*soon"),
        ({"totalAmount": None, "billedAmount": None}, SourceRejected, "neither totalAmount nor billedAmount is told"),
        ({"totalAmount": usd("1,190.00")}, SourceRejected, "totalAmount: '1,190.00' is not"),
        ({"taxAmount": usd(19.0, "EUR")}, SourceRejected, "taxAmount is in another currency .*: EUR, USD"),
        ({"totalAmount": 119.0}, SourceChangedShape, "properties.totalAmount is not a JSON object"),
    ],
)
def test_what_no_invoice_says_refuses_its_month(
    tmp_path: Path, api: Api, changed: dict[str, Any], kind: type[Exception], message: str
) -> None:
    served(api, [invoice(), invoice("T2", **changed)])
    with pytest.raises(kind, match=f"source azure_invoices, file invoices/0001.json, line 2: .*{message}"):
        read(tmp_path, api)


def test_pages_that_lack_an_invoice_are_refused(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice("T2")], totalCount=3)
    with pytest.raises(SourceRejected, match=r"file invoices/0002.json: 2 invoices came of 3"):
        read(tmp_path, api)


def test_an_invoice_on_two_pages_was_listed_while_it_changed(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice()])
    with pytest.raises(SourceRejected, match=r"file invoices/0002.json, line 1: the same group came twice"):
        read(tmp_path, api)


def test_a_credential_goes_to_no_other_host(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice("T2")], nextLink="https://elsewhere.example/invoices?$skiptoken=1")
    with pytest.raises(SourceRejected, match=r"nextLink 'https://elsewhere.example.* leads elsewhere"):
        read(tmp_path, api)


def test_a_link_of_the_same_host_may_name_it(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice("T2")])
    linked = api.answer

    def absolute(path: str, params: Params) -> Answer:
        status, body, headers = linked(path, params)
        return status, body.replace(b'"nextLink": "', f'"nextLink": "{api.url}'.encode()), headers

    api.answer = absolute
    assert {row["invoice_id"] for row in read(tmp_path, api)} == {"T000000001", "T2"}


def test_a_page_that_names_itself_ends_the_pull(tmp_path: Path, api: Api) -> None:
    served(api, [invoice()], [invoice("T2")], nextLink=f"{INVOICES}?$skiptoken=1")
    with pytest.raises(SourceRejected, match="the same page came twice"):
        read(tmp_path, api)


def test_who_has_no_identity_is_told_what_to_set(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    microsoft.identity.cache_clear()
    with pytest.raises(AccessRefused, match=r"no identity for Azure: .*set AZURE_CLIENT_ID"):
        read(tmp_path, api)
    assert not api.requests


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, AccessRefused, "rotate the credential in AZURE_CLIENT_SECRET"),
        (403, AccessRefused, "give it the scope this report needs"),
        (404, SourceRejected, "HTTP 404: .*BillingAccountNotFound"),
    ],
)
def test_what_the_api_refuses(tmp_path: Path, api: Api, status: int, kind: type[ReconcileError], message: str) -> None:
    content = json.dumps({"error": {"code": "BillingAccountNotFound", "message": "no"}}).encode()
    api.answer = lambda path, params: token(params) if path == "/identity" else (status, content, {})
    with pytest.raises(kind, match=message):
        read(tmp_path, api)


def test_a_host_that_is_not_there_stops_the_source(tmp_path: Path, api: Api) -> None:
    served(api, [])
    with pytest.raises(SourceUnreachable, match="check base_url and the network"):
        source("http://127.0.0.1:9").fetch(
            "2026-09", Landing(tmp_path).pull("azure_invoices", "invoice_azure", "2026-09")
        )


def test_months_before_the_period_are_asked_for_again(api: Api) -> None:
    served(api, [invoice()])
    period = Period(date(2026, 10, 4), date(2026, 10, 5))
    made = source(api.url, earlier_months=2)
    assert made.units(period) == ["2026-08", "2026-09", "2026-10"]
    assert made.lists("2026-09", period)
    assert not made.lists("2026-07", period)
    assert made.probe(period) == 3
    assert len(asked(api)) == 1
