"""Oracle Cloud's reports. The traps of the format, and what holds each:

=============================================================  ============================================================
names of FOCUS 1.0's preview, quantities lost without a word   test_a_focus_report_has_the_names_of_the_preview
commitments and credits, told in a subcategory                 test_what_a_focus_report_says_in_a_subcategory_is_said
a prefix that newer files spell otherwise                      test_newer_files_spell_the_prefix_otherwise
both kinds tell the same usage                                 test_both_kinds_tell_one_line_alike
overage and attributed cost beside an amount that has them     test_overage_and_attributed_costs_are_never_added
corrections, added to a line or in its place                   test_a_correction_is_refused_until_somebody_says_how_it_counts
large reports in parts                                         test_a_report_is_all_of_its_parts
late rows, and reports of several days                         test_a_late_row_is_of_the_day_it_was_used
reports deleted after a year                                   test_a_report_that_oracle_deletes_is_not_missed
tags in a column each                                          test_every_tag_of_a_cost_report_is_read
usage reports beside cost reports                              test_a_file_without_costs_is_no_bill
two subscriptions, two currencies, none                        test_money_keeps_its_currency_and_account
=============================================================  ============================================================
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import PeriodIncomplete, SourceChangedShape, SourceRejected
from reconcilers.money import exact
from reconcilers.naming import provider
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.oci_report import COST, FOCUS, csv_of, gz_of
from tests.sources.conftest import Bucket

REPORT = "2026/09/15/0001000000902893"
SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
LINES = {"focus": FOCUS, "cost": COST}
COST_OF = {"focus": "BilledCost", "cost": "cost/myCost"}
CORRECTION = {
    "focus": {"oci_BackReferenceNumber": "V2.1..one=="},
    "cost": {"lineItem/isCorrection": "true", "lineItem/backreferenceNo": "V2.1..one=="},
}


@pytest.fixture
def oci(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``reports``."""

    def load(kind: str = "focus", **config: Any) -> Source:
        base = {"name": "oci", "kind": "oci", "uri": str(tmp_path / "export"), "report": kind}
        return registry.load("billing", base | config)

    return load


@pytest.fixture
def charged(put: Any, oci: Any, land: Any) -> Callable[..., list[dict[str, Any]]]:
    """The charges of a report of these lines."""

    def take(*rows: Mapping[str, str], kind: str = "focus", **config: Any) -> list[dict[str, Any]]:
        put(f"{REPORT}-00001.csv.gz", gz_of(*rows, like=LINES[kind]))
        found: list[dict[str, Any]] = land(oci(kind, **config), REPORT).rows.get("charges", [])
        return found

    return take


def amounts(rows: list[dict[str, Any]]) -> list[Decimal]:
    return [row["billed_cost"] for row in rows]


# Reports --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["focus", "cost"])
def test_a_bucket_holds_reports(bucket: Bucket, oci: Any, land: Any, kind: str) -> None:
    bucket.put(f"acme/{REPORT}-00001.csv.gz", gz_of(LINES[kind]))
    bucket.put("acme/readme.txt", b"no report")
    source = oci(kind, uri=f"s3://{bucket.name}/acme", endpoint_url=bucket.endpoint_url)
    assert list(source.units(SEPTEMBER)) == [REPORT]
    taken = land(source, REPORT)
    assert amounts(taken.rows["charges"]) == [Decimal("1.25")]
    assert [item.uri for item in taken.landed.objects] == [f"s3://{bucket.name}/acme/{REPORT}-00001.csv.gz"]


def test_a_report_is_all_of_its_parts(put: Any, oci: Any, land: Any, refusal: Any) -> None:
    for part, cost in ((3, "3"), (1, "1")):
        put(f"{REPORT}-0000{part}.csv.gz", gz_of(FOCUS | {"BilledCost": cost}))
    problem = refusal(oci(), REPORT)
    assert isinstance(problem, PeriodIncomplete)
    assert "part 2 of 3 is missing" in str(problem)
    put(f"{REPORT}-00002.csv.gz", gz_of(FOCUS | {"BilledCost": "2"}))
    put("2026/09/15/0001000000902894.csv", csv_of(FOCUS))
    assert list(oci().units(SEPTEMBER)) == [REPORT, "2026/09/15/0001000000902894"]
    rows = land(oci(), REPORT).rows["charges"]
    assert [(row["billed_cost"], row["landing_line"]) for row in rows] == [
        (1, 2),
        (2, 10_000_000_002),
        (3, 20_000_000_002),
    ]


def test_a_part_that_is_there_twice_is_refused(put: Any, oci: Any) -> None:
    put(f"{REPORT}-00001.csv.gz", gz_of(FOCUS))
    put(f"{REPORT}-00001.csv", csv_of(FOCUS))
    with pytest.raises(SourceRejected, match="is the same part of a report as"):
        list(oci().units(SEPTEMBER))


def test_reports_written_before_the_month_before_are_not_read_again(put: Any, oci: Any, tmp_path: Path) -> None:
    put(f"{REPORT}.csv.gz", gz_of(FOCUS))
    at = datetime(2026, 9, 15).timestamp()
    os.utime(tmp_path / "export" / f"{REPORT}.csv.gz", (at, at))
    after = Period.of_month(SEPTEMBER.end)
    assert list(oci().units(SEPTEMBER)) == list(oci().units(after)) == [REPORT]
    assert list(oci(earlier_months=0).units(after)) == []


def test_only_the_folders_of_the_months_asked_for_are_listed(put: Any, oci: Any, land: Any) -> None:
    """Half a year of reports, four a day in parts, is thousands of names; what is wrong in another month is its own matter."""
    november, december = "2026/11/03/1", "2026/12/03/1"
    for report in ("2026/08/31/1", REPORT, f"{REPORT}1", "2026/10/07/1", november, december):
        put(f"{report}-00001.csv.gz", gz_of(FOCUS))
    for old in ("2026/07/31/1-00001", f"{november}-00001"):
        put(f"{old}.csv.gz", gz_of(FOCUS))
        put(f"{old}.csv", csv_of(FOCUS))
    # A report tells of days before it was written, so those until the last day of the period is final are asked for, too.
    assert list(oci().units(SEPTEMBER)) == ["2026/08/31/1", REPORT, f"{REPORT}1", "2026/10/07/1"]
    assert [item.name for item in land(oci(), REPORT).landed.objects] == [f"{REPORT}-00001.csv.gz"]
    with pytest.raises(SourceRejected, match="is the same part of a report as"):
        list(oci().units(Period.of_month(date(2026, 10, 1)).widened(after_days=1)))


def test_reports_in_no_folders_of_days_are_told_by_when_they_were_written(put: Any, oci: Any, tmp_path: Path) -> None:
    for name, day in (("1", datetime(2026, 7, 30)), ("2", datetime(2026, 8, 2)), ("3", datetime(2026, 12, 1))):
        put(f"{name}-00001.csv.gz", gz_of(COST))
        os.utime(tmp_path / "export" / f"{name}-00001.csv.gz", (day.timestamp(), day.timestamp()))
    assert list(oci("cost").units(SEPTEMBER)) == ["2", "3"]


def test_a_report_that_oracle_deletes_is_not_missed(put: Any, oci: Any) -> None:
    put(f"{REPORT}.csv.gz", gz_of(FOCUS))
    assert not oci().lists(REPORT, SEPTEMBER)


def test_a_report_that_is_not_there(oci: Any, put: Any, refusal: Any) -> None:
    put("2026/09/15/another.csv.gz", gz_of(FOCUS))
    assert "not delivered" in str(refusal(oci(), REPORT))


def test_a_cut_report_lands_nothing(put: Any, oci: Any, refusal: Any) -> None:
    put(f"{REPORT}-00001.csv.gz", gz_of(FOCUS))
    put(f"{REPORT}-00002.csv.gz", gz_of(*[FOCUS] * 50)[:-9])
    error = refusal(oci(), REPORT)
    assert "ends early" in str(error)
    assert error.file == f"{REPORT}-00002.csv.gz"


def test_a_report_delivered_again_is_no_news_and_a_changed_one_replaces(put: Any, oci: Any, land: Any) -> None:
    put(f"{REPORT}.csv.gz", gz_of(FOCUS, FOCUS | {"oci_ReferenceNumber": "two", "BilledCost": "2"}))
    first = land(oci(), REPORT, datetime(2026, 10, 2))
    again = land(oci(), REPORT, datetime(2026, 10, 3))
    assert (first.news, again.news, again.rows) == (True, False, first.rows)
    put(f"{REPORT}.csv.gz", gz_of(FOCUS | {"BilledCost": "5"}))
    changed = land(oci(), REPORT, datetime(2026, 10, 4))
    assert (changed.news, amounts(changed.rows["charges"])) == (True, [5])


def test_a_line_that_two_reports_tell_has_one_id(put: Any, oci: Any, land: Any) -> None:
    for report, line in (("one", FOCUS), ("two", FOCUS), ("three", FOCUS | {"oci_ReferenceNumber": "V2.1..two=="})):
        put(f"{report}.csv.gz", gz_of(line))
    (one,), (same,), (other,) = (land(oci(), unit).rows["charges"] for unit in ("one", "two", "three"))
    assert one["charge_id"] == same["charge_id"] != other["charge_id"]


@pytest.mark.parametrize("kind", ["focus", "cost"])
def test_a_report_without_lines_is_a_report(charged: Any, kind: str) -> None:
    assert charged(kind=kind) == []


# Columns --------------------------------------------------------------------------------------------------------------


def test_a_focus_report_has_the_names_of_the_preview(charged: Any) -> None:
    (row,) = charged(FOCUS)
    expected = {
        "billed_cost_text": "1.25",
        "list_cost": Decimal("1.5"),
        "quantity": 100_000,
        "consumed_unit": "Tokens",
        "provider": "Oracle",
        "invoice_issuer_name": "Oracle",
        "region": "eu-frankfurt-1",
        "line_id": "V2.1..one==",
        "charge_class": None,
        "charge_period_start": datetime(2026, 9, 15, 6),
        "billing_period_start": date(2026, 9, 1),
    }
    assert {name: row[name] for name in expected} == expected
    assert provider(row["provider"]) in registry.source_class("billing", "oci").providers


def test_what_a_focus_report_says_in_a_subcategory_is_said(charged: Any) -> None:
    """Capacity that nobody used would meet calls as usage, and a credit would be an adjustment of nothing."""
    nothing = {"UsageQuantity": "", "UsageUnit": ""}
    credit = {"ChargeCategory": "Adjustment", "ChargeSubCategory": "Credit", "BilledCost": "-5", "EffectiveCost": "-5"}
    rounding = {"ChargeCategory": "Adjustment", "ChargeSubCategory": "Rounding Error", "BilledCost": "0.01"}
    rows = charged(
        FOCUS,
        FOCUS | {"ChargeSubCategory": "Used Commitment"},
        FOCUS | nothing | {"ChargeSubCategory": "Unused Commitment"},
        FOCUS | nothing | credit,
        FOCUS | nothing | rounding,
    )
    assert [(row["charge_category"], row["commitment_discount_status"]) for row in rows] == [
        ("Usage", None),
        ("Usage", "Used"),
        ("Usage", "Unused"),
        ("Credit", None),
        ("Adjustment", None),
    ]
    without = {name: text for name, text in FOCUS.items() if name != "ChargeSubCategory"}
    assert charged(without)[0]["commitment_discount_status"] is None


def test_newer_files_spell_the_prefix_otherwise(charged: Any, put: Any, oci: Any, refusal: Any) -> None:
    newer = {f"x_{name}" if name.startswith("oci_") else name: text for name, text in FOCUS.items()}
    assert charged(newer)[0]["line_id"] == "V2.1..one=="
    put(f"{REPORT}-00001.csv.gz", gz_of(newer | {"x_oci_BackReferenceNumber": "zero"}))
    assert "corrects line zero" in str(refusal(oci(name="newer"), REPORT))


def test_names_of_focus_itself_go_before_the_previews(charged: Any) -> None:
    (row,) = charged(FOCUS | {"ConsumedQuantity": "7", "ConsumedUnit": "Tokens", "ProviderName": "OCI"})
    assert (row["quantity"], row["provider"]) == (7, "OCI")


def test_both_kinds_tell_one_line_alike(charged: Any) -> None:
    (focus,), (cost,) = charged(FOCUS), charged(COST, kind="cost")
    same = ("billed_cost_text", "effective_cost_text", "billing_account_id", "sub_account_id", "billing_currency")
    same += ("charge_period_start", "charge_period_end", "billing_period_start", "charge_category", "service_name")
    same += ("sku_id", "charge_description", "provider", "invoice_issuer_name", "region", "line_id", "tags")
    assert {name: cost[name] for name in same} == {name: focus[name] for name in same}
    # A cost report tells no list price, and a unit that no meter counts in.
    assert (cost["list_cost"], cost["quantity"]) == (None, None)
    assert (cost["consumed_quantity"], cost["consumed_unit"]) == (100_000, "ONE TRANSACTION")


def test_overage_and_attributed_costs_are_never_added(charged: Any) -> None:
    told = {"oci_OverageFlag": "Y", "oci_CostOverage": "0.75", "oci_AttributedCost": "9"}
    assert amounts(charged(FOCUS | told)) == [Decimal("1.25")]
    told = {"cost/overageFlag": "Y", "cost/myCostOverage": "0.75", "cost/attributedCost": "9"}
    assert amounts(charged(COST | told, kind="cost")) == [Decimal("1.25")]


@pytest.mark.parametrize("kind", ["focus", "cost"])
def test_a_correction_is_refused_until_somebody_says_how_it_counts(
    put: Any, oci: Any, land: Any, refusal: Any, kind: str
) -> None:
    fix = LINES[kind] | {COST_OF[kind]: "-0.25"} | CORRECTION[kind]
    put(f"{REPORT}.csv.gz", gz_of(LINES[kind], fix))
    problem = refusal(oci(kind), REPORT)
    assert (problem.file, problem.line) == (f"{REPORT}.csv.gz", 3)
    assert "corrects line V2.1..one==" in str(problem)
    assert "corrections: add" in str(problem.hint)
    rows = land(oci(kind, corrections="add"), REPORT).rows["charges"]
    assert [(row["billed_cost_text"], row["charge_class"]) for row in rows] == [
        ("1.25", None),
        ("-0.25", "Correction"),
    ]


def test_a_correction_that_names_no_line_is_one(charged: Any) -> None:
    flagged = COST | {"lineItem/isCorrection": "True"}
    with pytest.raises(SourceRejected, match="corrects line \\(not named\\)"):
        charged(flagged, kind="cost")


def test_a_late_row_is_of_the_day_it_was_used(charged: Any) -> None:
    late = {"lineItem/intervalUsageStart": "2026-08-31T23:00Z", "lineItem/intervalUsageEnd": "2026-09-01T00:00Z"}
    (row,) = charged(COST | late, kind="cost")
    assert row["charge_period_start"] == datetime(2026, 8, 31, 23)
    assert row["billing_period_start"] == date(2026, 8, 1)


def test_every_tag_of_a_cost_report_is_read(charged: Any) -> None:
    tagged = COST | {"tags/Oracle-Tags.CreatedBy": 'a "b"\n', "tags/ünïcode": "\u202e=1+1"}
    rows = charged(tagged, tagged | {name: "" for name in tagged if name.startswith("tags/")}, kind="cost")
    assert json.loads(rows[0]["tags"]) == {
        "Oracle-Tags.CreatedBy": 'a "b"\n',
        "team": "search",
        "ünïcode": "\u202e=1+1",
    }
    assert rows[1]["tags"] is None


def test_a_file_without_costs_is_no_bill(put: Any, oci: Any, refusal: Any) -> None:
    usage = {name: text for name, text in COST.items() if not name.startswith("cost/")}
    put(f"{REPORT}.csv.gz", gz_of(usage))
    problem = refusal(oci("cost"), REPORT)
    assert isinstance(problem, SourceChangedShape)
    assert "no column cost/myCost" in str(problem)
    assert "column BilledCost is missing" in str(refusal(oci("focus"), REPORT))


def test_columns_in_another_case_are_the_same(charged: Any) -> None:
    (row,) = charged(
        {name.replace("tenantId", "TenantId").replace("myCost", "mycost"): COST[name] for name in COST}, kind="cost"
    )
    assert (row["sub_account_id"], row["billed_cost_text"]) == ("ocid1.tenancy.oc1..acme", "1.25")


def test_money_keeps_its_currency_and_account(charged: Any) -> None:
    other = COST | {"cost/currencyCode": "jpy", "cost/subscriptionId": "99", "cost/myCost": "1E-7"}
    nobody = COST | {"cost/subscriptionId": ""}
    rows = charged(COST, other, nobody, kind="cost", billing_account_id="acme")
    assert [(row["billing_currency"], row["billing_account_id"]) for row in rows] == [
        ("EUR", "4710815"),
        ("JPY", "99"),
        ("EUR", "acme"),
    ]
    assert exact(rows[1]["billed_cost"], rows[1]["billed_cost_residual"]) == Decimal("1E-7")
    assert charged(nobody, kind="cost", name="other")[0]["billing_account_id"] is None


@pytest.mark.parametrize(
    ("kind", "cells", "problem"),
    [
        ("focus", {"BilledCost": "1,25"}, "BilledCost: "),
        ("focus", {"BilledCost": ""}, "BilledCost is empty"),
        ("focus", {"BillingCurrency": "credits"}, "BillingCurrency: "),
        ("focus", {"ChargeCategory": "Gift"}, "ChargeCategory 'Gift' is none of"),
        ("focus", {"UsageQuantity": "many"}, "ConsumedQuantity: "),
        ("focus", {"ChargePeriodStart": "1788998400"}, "ChargePeriodStart: "),
        ("cost", {"cost/myCost": "NaN"}, "BilledCost: "),
        ("cost", {"cost/currencyCode": ""}, "BillingCurrency is empty"),
        ("cost", {"lineItem/intervalUsageEnd": "2026-09-15T05:00Z"}, "is before ChargePeriodStart"),
        ("cost", {"usage/billedQuantity": "many"}, "Quantity: "),
    ],
)
def test_a_line_that_is_none_is_refused_by_file_and_line(
    put: Any, oci: Any, refusal: Any, kind: str, cells: dict[str, str], problem: str
) -> None:
    put(f"{REPORT}.csv.gz", gzip.compress(csv_of(LINES[kind], LINES[kind] | cells)))
    found = refusal(oci(kind), REPORT)
    assert problem in str(found)
    assert (found.file, found.line) == (f"{REPORT}.csv.gz", 3)
