"""FOCUS columns of text as charges: quantities, times, amounts to 27 decimals, and what makes two lines equal.

Where such bills go wrong, and the test that holds it, here, in test_focus_file.py, test_units.py or test_oci.py:

- times without seconds, with an offset, with a zone's name: test_a_time_is_read
- times that could mean two: test_a_time_that_could_mean_two_is_refused, test_times_of_a_form_of_their_own
- small numbers as 6.123E-7, more digits than count: test_an_amount_counts_to_27_decimals
- a currency in lower case, a category in any: test_words_of_a_line_are_compared_without_case
- units in every spelling, ones that say nothing: test_a_unit_is_read, test_a_unit_that_tells_nothing_is_none,
  test_a_unit_nobody_knows_leaves_the_meter
- nothing, however it is written: test_nothing_is_nothing_however_a_writer_spells_it
- a purchase billed and what it covers: test_a_commitment_is_billed_once_and_costs_what_it_covers
- what is billed elsewhere: test_what_a_marketplace_bills_elsewhere_keeps_its_effective_cost
- a correction of an invoiced month in a later one: test_a_correction_is_billed_later_and_of_the_day_it_corrects
- a virtual currency beside the one that is billed: test_a_virtual_currency_is_no_currency_of_a_cost
- the provider's column of 1.3, which 1.4 has alone: test_the_provider_of_newer_versions_is_the_provider
- names of the preview, quantities lost without a word: test_a_focus_report_has_the_names_of_the_preview
- lines that are equal: test_equal_lines_of_one_delivery_are_numbered, test_lines_equal_in_value_are_equal_however_spelled
- ids in a column of doubles: test_ids_in_a_column_of_doubles_are_whole_numbers
- tags without a value: test_a_bill_whose_tags_can_be_read_has_nothing_rejected
- tags that are none: test_tags_that_cannot_be_read_are_noted_once_for_a_file_and_day_and_their_lines_count
- a delivery in parts, and one that replaces another: test_parts_of_one_delivery_are_one_unit_whose_lines_count_each,
  test_of_runs_with_random_names_the_one_modified_last_counts
- a delivery that adds to another: test_files_that_are_no_parts_tell_a_line_again
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcilers import money
from reconcilers.errors import SourceRejected
from reconcilers.sources import focus

LINE = {
    "BilledCost": "0.25",
    "EffectiveCost": "0.25",
    "ListCost": "0.30",
    "BillingAccountId": "acct",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-09-01T00:00:00Z",
    "ChargePeriodStart": "2026-09-15T00:00:00Z",
    "ChargePeriodEnd": "2026-09-16T00:00:00Z",
    "ChargeCategory": "Usage",
    "ServiceName": "LLM",
    "ConsumedQuantity": "1000000",
    "ConsumedUnit": "Tokens",
    "x_Model": "m-1",
    "x_Meter": "input_tokens",
    "x_Batch": "false",
    "Tags": '{"env": "prod", "team": "search"}',
}


def charges(*lines: dict[str, str | None]) -> list[dict[str, Any]]:
    rows = list(enumerate(lines, 2))
    found: list[dict[str, Any]] = focus.Charges("bill", "landing").table_of_rows(rows, file="b.csv").to_pylist()
    return found


def test_a_commitment_is_billed_once_and_costs_what_it_covers() -> None:
    """Billed before and used later, the two sums differ, and neither is the other's."""
    bought = LINE | {"ChargeCategory": "Purchase", "BilledCost": "10", "EffectiveCost": "0", "ConsumedQuantity": None}
    covered = LINE | {"BilledCost": "0", "EffectiveCost": "3", "CommitmentDiscountStatus": "Used"}
    rows = charges(bought, covered)
    assert [(row["billed_cost"], row["effective_cost"]) for row in rows] == [(10, 0), (0, 3)]


def test_a_correction_is_billed_later_and_of_the_day_it_corrects() -> None:
    later = {"ChargeClass": "Correction", "BillingPeriodStart": "2026-10-01T00:00:00Z", "BilledCost": "-0.05"}
    line, correction = charges(LINE, LINE | later | {"InvoiceId": "october"})
    assert (correction["charge_class"], correction["billing_period_start"]) == ("Correction", date(2026, 10, 1))
    assert correction["charge_period_start"] == line["charge_period_start"] == datetime(2026, 9, 15)
    assert (correction["billed_cost"], line["billed_cost"]) == (Decimal("-0.05"), Decimal("0.25"))


def test_a_virtual_currency_is_no_currency_of_a_cost() -> None:
    (row,) = charges(LINE | {"PricingCurrency": "CCU", "PricingCurrencyEffectiveCost": "25", "BillingCurrency": "usd"})
    assert (row["billing_currency"], row["effective_cost"]) == ("USD", Decimal("0.25"))
    with pytest.raises(SourceRejected, match=r"BillingCurrency: 'Credits' is not an ISO 4217 code"):
        charges(LINE | {"BillingCurrency": "Credits"})


def test_the_provider_of_newer_versions_is_the_provider() -> None:
    old, new, both = charges(
        LINE | {"ProviderName": "old"},
        LINE | {"ServiceProviderName": "new"},
        LINE | {"ProviderName": "old", "ServiceProviderName": "new"},
    )
    assert [row["provider"] for row in (old, new, both)] == ["old", "new", "old"]


@pytest.mark.parametrize("unit", ["Units", "1K", "Compute Units", None])
def test_a_unit_nobody_knows_leaves_the_meter(unit: str | None) -> None:
    (row,) = charges(LINE | {"ConsumedUnit": unit, "ConsumedQuantity": "5000"})
    assert (row["model"], row["meter"], row["quantity"]) == ("m-1", "input_tokens", None)
    assert (row["consumed_quantity"], row["consumed_unit"]) == (5000, unit)


def test_a_unit_of_another_meter_was_misread() -> None:
    (row,) = charges(LINE | {"ConsumedUnit": "Minutes"})
    assert (row["meter"], row["quantity"]) == (None, None)


def test_words_of_a_line_are_compared_without_case() -> None:
    plain, spelled = charges(
        LINE | {"x_ContextBand": "long", "x_ServiceTier": "priority", "x_CacheTtl": "1h"},
        LINE | {"x_ContextBand": "Long", "x_ServiceTier": "Priority", "x_CacheTtl": "1H", "x_Meter": "INPUT-TOKENS"},
    )
    names = ("meter", "context_band", "service_tier", "cache_ttl", "quantity")
    assert [spelled[name] for name in names] == [plain[name] for name in names]


def test_names_are_told_without_blanks_around_them() -> None:
    """Some of Google's descriptions begin with one, which no row of ``skus.csv`` could name."""
    (row,) = charges(LINE | {"SkuMeter": " Text Caching", "BillingAccountId": "acct ", "SubAccountId": " "})
    assert (row["sku_meter"], row["billing_account_id"], row["sub_account_id"]) == ("Text Caching", "acct", None)


def test_a_meter_nobody_knows_stays_as_told() -> None:
    (row,) = charges(LINE | {"x_Meter": "Prompt Tokens"})
    assert row["meter"] == "Prompt Tokens"


def test_calls_are_counted_by_any_word_for_them() -> None:
    rows = charges(
        *(LINE | {"x_Meter": "searches", "ConsumedUnit": unit} for unit in ("Queries", "Requests", "Searches"))
    )
    assert [row["quantity"] for row in rows] == [1_000_000] * 3


@pytest.mark.parametrize("unit", ["99999999999999999999 Tokens", "1000000000000 Tokens"])
def test_more_than_a_bill_counts_is_refused(unit: str) -> None:
    with pytest.raises(
        SourceRejected, match=r"line 3: ConsumedQuantity 1000000 in ConsumedUnit .* is more than a bill counts"
    ):
        charges(LINE, LINE | {"ConsumedUnit": unit})


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-15 00:00:00 UTC",
        "2026-09-15 00:00:00.000 UTC",
        "2026-09-15 00:00:00.000",
        "2026-09-15T00:00Z",
        "2026-09-15",
        "2026-09-15T02:00:00+02:00",
        "2026-09-15 00:00:00+00:00",
        "2026-09-15 02:00:00.000 +0200",
        "2026-09-15 00:00:00.0000000 Z",
        "2026-09-15 00:00:00 utc",
        "2026-09-15 00:00:00 GMT",
        "2026-09-15T00:00:00z",
        " 2026-09-15T00:00:00UTC ",
    ],
)
def test_a_time_is_read(text: str) -> None:
    (row,) = charges(LINE | {"ChargePeriodStart": text})
    assert row["charge_period_start"] == datetime(2026, 9, 15)
    assert row["charge_id"] == charges(LINE)[0]["charge_id"]


@pytest.mark.parametrize(
    "text",
    [
        "09/15/2026",
        "15.09.2026",
        "2026-09-15 00:00:00 CET",
        "2026-09-15T00:00:00+02:00 UTC",
        "9999-12-31T23:59:59-05:00",
    ],
)
@pytest.mark.parametrize("column", ["ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart"])
def test_a_time_that_could_mean_two_is_refused(column: str, text: str) -> None:
    with pytest.raises(SourceRejected, match=rf"line 3: {column}: .*time_format: '%m/%d/%Y'"):
        charges(LINE, LINE | {column: text})


@pytest.mark.parametrize(
    ("text", "rounded", "residual"),
    [
        ("0.0000000004", "0", 4 * 10**17),
        ("0.0000000005", "0.000000001", -5 * 10**17),
        ("-0.0000000005", "-0.000000001", 5 * 10**17),
        ("1.000000000000000000000000001", "1", 1),
        # What is beyond 27 decimals is cut, never rounded.
        ("1.0000000000000000000000000019", "1", 1),
        ("-1.0000000000000000000000000019", "-1", -1),
        ("0.00000000049999999999999999999999999", "0", 499_999_999_999_999_999),
        ("6.123E-7", "0.000000612", 3 * 10**17),
    ],
)
def test_an_amount_counts_to_27_decimals(text: str, rounded: str, residual: int) -> None:
    found = money.amount(text)
    assert (found.rounded, found.residual) == (Decimal(rounded), residual)
    (row,) = charges(LINE | {"BilledCost": text, "EffectiveCost": text})
    assert (row["billed_cost"], row["billed_cost_residual"], row["billed_cost_text"]) == (
        Decimal(rounded),
        residual,
        text,
    )
    assert (row["effective_cost"], row["effective_cost_residual"]) == (Decimal(rounded), residual)


@pytest.mark.parametrize(
    "spelled",
    [
        {"BilledCost": "0.250", "EffectiveCost": "+.25", "ListCost": "3E-1"},
        {"BilledCost": "0.2500000000000000000000000009"},
        {"ChargePeriodStart": "2026-09-15 00:00:00 UTC", "ChargePeriodEnd": "2026-09-16T01:00:00+01:00"},
        {"BillingPeriodStart": "202609"},
        {"BillingPeriodStart": "2026-09"},
        {"BillingCurrency": "usd", "ChargeCategory": "usage", "x_Batch": "False"},
        {"ConsumedQuantity": "1.0", "ConsumedUnit": "1M Tokens"},
        {"Tags": '{"team":"search","env":"prod"}'},
        {"x_Meter": "Input Tokens"},
        {"BillingAccountId": " acct ", "x_Model": "m-1\t", "SubAccountId": "  "},
    ],
)
def test_lines_equal_in_value_are_equal_however_spelled(spelled: dict[str, str | None]) -> None:
    assert charges(LINE | spelled)[0]["charge_id"] == charges(LINE)[0]["charge_id"]


@pytest.mark.parametrize(
    "other",
    [
        {"BilledCost": "0.2500000000000000000000001"},
        {"ChargePeriodEnd": "2026-09-16T00:00:00-01:00"},
        {"ConsumedQuantity": "1000001"},
        {"ConsumedUnit": "1K Tokens"},
        {"x_Model": "m-2"},
        {"ResourceId": "r"},
    ],
)
def test_lines_that_differ_in_a_value_differ(other: dict[str, str | None]) -> None:
    assert charges(LINE | other)[0]["charge_id"] != charges(LINE)[0]["charge_id"]


def test_equal_lines_of_one_delivery_are_numbered() -> None:
    first, second, third = (row["charge_id"] for row in charges(LINE, LINE | {"BilledCost": "0.250"}, LINE))
    assert len({first, second, third}) == 3
    assert [row["charge_id"] for row in charges(LINE, LINE)] == [first, second]


def test_tags_that_cannot_be_read_are_noted_once_for_a_file_and_day_and_their_lines_count() -> None:
    next_day = LINE | {"ChargePeriodStart": "2026-09-16T00:00:00Z", "ChargePeriodEnd": "2026-09-17T00:00:00Z"}
    lines = [LINE, LINE | {"Tags": "{no"}, LINE | {"Tags": "[]"}, next_day | {"Tags": "1"}]
    built = focus.Charges("bill", "landing")
    made = built.table_of_rows(enumerate(lines, 2), file="b.csv", line_base=10_000_000_000).to_pylist()
    assert [row["tags"] for row in made] == [LINE["Tags"], None, None, None]
    ((entity, told),) = built.rejected()
    assert entity == "rejected_records"
    places = [(r["unit"], r["landing_line"], r["attribute"], r["charge_day"].day, r["bytes"]) for r in told.to_pylist()]
    assert places == [("b.csv", 10_000_000_003, "Tags", 15, 5), ("b.csv", 10_000_000_005, "Tags", 16, 1)]
    assert told["reason"][0].as_py() == "Tags of 2 lines cannot be read; the first: '{no' is no JSON object"


def test_a_bill_whose_tags_can_be_read_has_nothing_rejected() -> None:
    built = focus.Charges("bill", "landing")
    #: FOCUS writes `true` for the value of a tag that has none.
    told = [LINE["Tags"], None, '{"reviewed": true}']
    made = built.table_of_rows([(line, LINE | {"Tags": tags}) for line, tags in enumerate(told, 2)], file="b.csv")
    assert (list(built.rejected()), made["tags"].to_pylist()) == ([], told)


#: What makes a row another one, or cannot be read; a bill mixes them.
CHANGES = st.dictionaries(
    st.sampled_from(
        ["ConsumedUnit", "ConsumedQuantity", "x_Meter", "Tags", "ListCost", "x_Region", "RegionId", "PricingUnit"]
    ),
    st.sampled_from(
        [None, "1K Tokens", "Tokens", "GB", "Minutes", "seconds", "7", "0.5", "1e-7", "12.5000000000001", " eu "]
    ),
)


@settings(deadline=None)
@given(st.lists(CHANGES, min_size=2, max_size=6))
def test_rows_are_read_together_as_each_alone(changes: list[dict[str, str | None]]) -> None:
    """Ids are numbered where rows are equal, and the first row that cannot be read is the one that is told."""
    lines = [LINE | {"PricingQuantity": "2"} | change for change in changes]
    alone: list[dict[str, Any] | str] = []
    for number, line in enumerate(lines, 2):
        try:
            alone.append(charges(line)[0] | {"landing_line": number})
        except SourceRejected as error:
            alone.append(error.problem)
    if refused := [found for found in alone if isinstance(found, str)]:
        with pytest.raises(SourceRejected) as raised:
            charges(*lines)
        assert raised.value.problem in refused
        assert raised.value.line is not None
        assert alone[raised.value.line - 2] == raised.value.problem
        return
    together, seen = charges(*lines), Counter[str]()
    for row, expected in zip(together, alone, strict=True):
        assert isinstance(expected, dict)
        again = seen[expected["charge_id"]]
        assert (row["charge_id"] == expected["charge_id"]) == (again == 0)
        seen[expected["charge_id"]] += 1
        assert {name: value for name, value in row.items() if name != "charge_id"} == {
            name: value for name, value in expected.items() if name != "charge_id"
        }


@settings(deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=40))
def test_what_is_compiled_reads_and_numbers_rows_alike(changes: list[dict[str, str | None]]) -> None:
    lines = [LINE | {"PricingQuantity": "2"} | change for change in changes]
    found: list[list[dict[str, Any]] | tuple[str, int | None]] = []
    for compiled in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(money, "is_worth_compiling", lambda _, compiled=compiled: compiled)
            try:
                found.append(charges(*lines))
            except SourceRejected as error:
                found.append((error.problem, error.line))
    assert found[0] == found[1]


@settings(deadline=None)
@given(costs=st.lists(st.sampled_from(["1", "1.0", "2", "3"]), max_size=12), cuts=st.sets(st.integers(0, 12)))
def test_equal_lines_are_numbered_alike_however_a_delivery_is_cut(costs: list[str], cuts: set[int]) -> None:
    lines = [LINE | {"BilledCost": cost} for cost in costs]
    places = sorted({0, len(lines), *(cut for cut in cuts if cut <= len(lines))})
    built, ids = focus.Charges("bill", "landing"), []
    for first, end in pairwise(places):
        ids += built.table_of_rows(enumerate(lines[first:end], first), file="b.csv")["charge_id"].to_pylist()
    assert ids == [row["charge_id"] for row in charges(*lines)]
    assert len(set(ids)) == len(ids)


def test_a_bill_may_tell_a_unit_and_no_quantity() -> None:
    line = {name: text for name, text in LINE.items() if name != "ConsumedQuantity"}
    (row,) = charges(line | {"ConsumedUnit": "1K Tokens"})
    assert (row["meter"], row["quantity"], row["consumed_quantity"]) == ("input_tokens", None, None)


def test_no_rows_are_a_table_without_rows() -> None:
    assert charges() == []
    for kind in (focus.Charges, focus.UsageReport):
        assert kind("bill", "landing").table({}, [], file="u.csv").num_rows == 0


@pytest.mark.parametrize("quantity", [None, "5"])
def test_a_sign_that_stands_for_no_unit_is_none(quantity: str | None) -> None:
    (row,) = charges(LINE | {"ConsumedUnit": "-", "ConsumedQuantity": quantity})
    assert (row["meter"], row["quantity"], row["consumed_unit"]) == ("input_tokens", None, "-")


HALF = "\ud800"


@pytest.mark.parametrize(
    "line",
    [
        {"ProviderName": "p", "ServiceProviderName": HALF},
        {"x_Region": "eu", "RegionId": HALF},
        {"ResourceId": HALF},
        {"Tags": f'{{"a": "{HALF}"}}'},
    ],
)
def test_half_a_pair_refuses_only_where_it_would_be_kept(line: dict[str, str | None]) -> None:
    assert len(charges(LINE | line)) == 1


@pytest.mark.parametrize("name", ["ProviderName", "ServiceProviderName", "x_Model", "x_Speed", "ChargeDescription"])
def test_half_a_pair_that_would_be_kept_is_refused(name: str) -> None:
    with pytest.raises(SourceRejected, match=r"line 3: \w+ holds half of a surrogate pair, which is no text"):
        charges(LINE, LINE | {name: HALF})


def test_a_report_tells_the_row_that_is_wrong() -> None:
    """A count has no bound of money's."""
    row = {name: LINE[name] for name in ("ChargePeriodStart", "ChargePeriodEnd", "ConsumedUnit", "x_Meter")}
    rows = [(2, row | {"ConsumedQuantity": "10000000000"}), (3, row | {"ConsumedQuantity": None})]
    with pytest.raises(SourceRejected, match="line 3: ConsumedQuantity is empty"):
        focus.UsageReport("bill", "landing").table_of_rows(rows, file="u.csv")


def test_less_of_a_unit_than_counts_is_nothing() -> None:
    (row,) = charges(LINE | {"x_Meter": "gb_hours", "ConsumedUnit": "KB-Hours", "ConsumedQuantity": "1e-57"})
    assert (row["quantity"], row["consumed_quantity"]) == (0, 0)
