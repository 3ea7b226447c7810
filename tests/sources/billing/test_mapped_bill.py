"""Bills declared column by column: what a row becomes, and what refuses a file.

| trap of sellers' tables | test |
|---|---|
| costs come late, so a month is exported again | `test_a_month_exported_again_replaces_the_one_before` |
| the same rows in two exports | `test_rows_of_two_overlapping_exports_count_once` |
| one export in numbered parts | `test_equal_rows_of_two_parts_count_each` |
| a meter nobody declared | `test_a_meter_nobody_declared_keeps_its_money_and_its_name` |
| a kind of row nobody declared | `test_a_row_that_is_no_declared_line_refuses_its_file`, `test_a_category_nobody_declared_refuses_the_file` |
| credits told without a sign, and with one | `test_a_negated_line_takes_off`, `test_a_sign_told_twice_is_refused`, `test_a_credit_that_adds_is_refused` |
| tax or a credit in a column of its own | `test_a_row_is_as_many_lines_as_it_has_amounts` |
| an id or a quantity that two lines share | `test_of_the_lines_of_a_row_the_first_has_its_id`, `test_of_the_lines_of_a_row_the_first_has_its_quantities` |
| a row of no amount where nothing was spent | `test_days_without_an_amount_are_no_lines_where_that_is_declared` |
| a row of no amount, or of 0 | `test_a_row_that_tells_no_amount_refuses_the_file`, `test_an_amount_of_0_is_a_line_where_it_is_the_first` |
| one amount counted by two lines | `test_an_amount_is_counted_once` |
| a fee for a month, or a year | `test_a_flat_fee_is_spread_over_its_days_to_the_last_digit`, `test_a_fee_of_a_year_stays_in_the_month_it_was_billed`, `test_of_the_days_of_a_fee_the_first_has_its_id` |
| the last day, told as one, as a second or as a month | `test_what_the_end_of_a_period_tells_is_declared`, `test_an_exclusive_end_that_is_the_last_second_is_refused` |
| a shortfall of a minimum | `test_a_shortfall_stays_one_line_without_model_and_meter` |
| totals and subtotals among the rows | `test_what_repeats_other_rows_is_no_line`, `test_a_total_that_its_lines_do_not_make_refuses_the_file`, `test_a_total_is_held_to_the_decimals_of_its_currency` |
| a file cut off | `test_a_file_without_its_total_was_cut_off`, `test_a_damaged_file_is_refused_before_it_lands` |
| amounts in cents, thousands of tokens, commas | `test_amounts_in_cents`, `test_numbers_as_people_write_them`, `test_a_number_of_another_form_is_refused` |
| another currency, a sign for it, two in one total | `test_each_line_has_its_own_currency`, `test_a_total_of_two_currencies_is_refused` |
| a column renamed | `test_a_column_that_is_gone_is_named`, `test_an_amount_no_object_has_is_a_changed_shape` |
| a time in another form | `test_a_time_in_another_form_is_refused` |
| nothing at all | `test_a_file_without_rows_has_no_charges` |
| a provider's usage beside its bill | `test_a_usage_report_is_mapped_likewise` |
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from reconcilers import money
from reconcilers.errors import ReconcileError, SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
COLUMNS: dict[str, Any] = {
    "BilledCost": "amount",
    "BillingCurrency": "currency",
    "BillingAccountId": {"constant": "acct"},
    "BillingPeriodStart": "day",
    "ChargePeriodStart": "day",
    "ChargeCategory": {"column": "type", "map": {"usage": "Usage", "fee": "Purchase", "credit": "Credit"}},
    "ServiceName": {"constant": "Vectors"},
    "x_Model": {"constant": "serverless"},
    "x_Meter": {"column": "metric", "map": {"Read Units": "read_units"}},
    "ConsumedQuantity": "quantity",
    "ConsumedUnit": "unit",
}
ROW = {
    **{"day": "2026-09-14", "type": "usage", "metric": "Read Units", "quantity": "10", "unit": "Read Units"},
    **{"amount": "0.10", "currency": "USD", "last": "2026-09-14", "tax": ""},
}
FLAT = {"ChargePeriodEnd": "last"}


def table(*rows: dict[str, str]) -> str:
    """A CSV of rows, each of which differs from ``ROW`` by what it says."""
    lines = [ROW | row for row in rows]
    return "\n".join([",".join(ROW), *(",".join(f'"{text}"' for text in line.values()) for line in lines)]) + "\n"


def objects(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``bills``; ``columns`` are added to the usual ones, ``instead`` replaces settings whole."""

    def load(columns: dict[str, Any] | None = None, instead: dict[str, Any] | None = None, **config: Any) -> Source:
        base = {"name": "seller", "kind": "mapped_bill", "uri": str(tmp_path / "bills"), "format": "csv"}
        return registry.load("billing", base | {"columns": COLUMNS | (columns or {})} | config | (instead or {}))

    return load


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    def write(key: str, content: str | bytes, hour: int = 6) -> None:
        path = tmp_path / "bills" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        at = datetime(2026, 10, 1, hour).timestamp()
        os.utime(path, (at, at))

    return write


@pytest.fixture
def charges(put: Any, source: Any, land: Any) -> Callable[..., list[dict[str, Any]]]:
    """The charges of one bill, read by a mapping."""

    def read(content: str | bytes, key: str = "bill.csv", **config: Any) -> list[dict[str, Any]]:
        put(key, content)
        return list(land(source(**config), key).rows.get("charges", []))

    return read


def refusal(charges: Any, content: str | bytes, **config: Any) -> ReconcileError:
    with pytest.raises((SourceRejected, SourceChangedShape)) as found:
        charges(content, **config)
    assert found.value.source == "seller"
    assert found.value.file
    return found.value


# Rows ------------------------------------------------------------------------------------------------------------------


def test_a_row_is_read_alike_from_each_format(put: Any, source: Any, land: Any) -> None:
    packed = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([ROW | {"amount": Decimal("0.10"), "quantity": 10}]), packed)
    put("a.csv", table({}))
    put("b.ndjson", objects(ROW | {"amount": 0.10, "quantity": 10}))
    put("c.parquet", packed.getvalue())
    found = []
    for key, form in (("a.csv", "csv"), ("b.ndjson", "ndjson"), ("c.parquet", "parquet")):
        (row,) = land(source(format=form), key).rows["charges"]
        found.append({name: row[name] for name in ("charge_id", "billed_cost", "quantity", "meter", "model")})
    assert found[0] == found[1] == found[2]
    assert (found[0]["billed_cost"], found[0]["quantity"]) == (Decimal("0.10"), 10)


def test_what_is_not_mapped_is_billed_as_it_is_and_of_one_day(charges: Any) -> None:
    (row,) = charges(table({}))
    assert (row["effective_cost_text"], row["list_cost"]) == ("0.10", None)
    assert (row["charge_period_start"], row["charge_period_end"]) == (datetime(2026, 9, 14), datetime(2026, 9, 15))


def test_a_meter_nobody_declared_keeps_its_money_and_its_name(charges: Any) -> None:
    (row,) = charges(table({"metric": "Restores"}))
    assert (row["meter"], row["billed_cost"], row["quantity"]) == ("Restores", Decimal("0.10"), None)


def test_a_category_nobody_declared_refuses_the_file(charges: Any) -> None:
    error = refusal(charges, table({}, {"type": "overage"}))
    assert "ChargeCategory 'overage' is none of Usage, Purchase" in str(error)
    assert error.line == 3


def test_a_row_that_is_no_declared_line_refuses_its_file(charges: Any) -> None:
    lines = [{"where": {"type": ["usage", "fee"]}}]
    error = refusal(charges, table({}, {"type": "true-up"}), lines=lines)
    assert "fits none of `lines`: type is 'true-up'" in str(error)
    assert error.line == 3


def test_a_row_is_as_many_lines_as_it_has_amounts(charges: Any) -> None:
    tax = {"columns": {"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}}
    rows = charges(table({"tax": "0.019"}, {"tax": ""}, {"tax": "0.00"}), lines=[{}, tax])
    told = [(row["landing_line"], row["charge_category"], row["billed_cost_text"]) for row in rows]
    assert told == [(2, "Usage", "0.10"), (2, "Tax", "0.019"), (3, "Usage", "0.10"), (4, "Usage", "0.10")]


def test_of_the_lines_of_a_row_the_first_has_its_id(charges: Any) -> None:
    """Others are linked to a line by its id, so it must name one: a refund of the row takes nothing off the tax."""
    tax = {"columns": {"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}}
    own = {"columns": tax["columns"] | {"x_LineId": {"template": "{day}/tax"}}}
    for further, named in ((tax, None), (own, "2026-09-14/tax")):
        rows = charges(table({"tax": "0.019"}), columns={"x_LineId": "day"}, lines=[{}, further])
        assert [row["line_id"] for row in rows] == ["2026-09-14", named]


def test_of_the_lines_of_a_row_the_first_has_its_quantities(charges: Any) -> None:
    """Tax on usage is no second usage, and the list cost of the usage is none of the tax."""
    costs = {"EffectiveCost": {"constant": "0.09"}, "ListCost": {"constant": "0.20"}}
    tax = {"columns": {"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}}
    own = {"columns": tax["columns"] | {"ListCost": "tax", "ConsumedQuantity": {"constant": "3"}}}
    told = ("billed_cost", "effective_cost", "list_cost", "consumed_quantity")
    for further, has in ((tax, [None, None]), (own, [Decimal("0.019"), 3])):
        rows = charges(table({"tax": "0.019"}), columns=costs, lines=[{}, further])
        assert [[row[name] for name in told] for row in rows] == [
            [Decimal("0.10"), Decimal("0.09"), Decimal("0.20"), 10],
            [Decimal("0.019"), Decimal("0.019"), *has],
        ]


#: Lines of which each has an amount of its own, as those of an invoice with a column a kind.
EACH = [
    {"columns": {"BilledCost": "amount"}},
    {"columns": {"BilledCost": "tax", "ChargeCategory": {"constant": "Tax"}}},
]


def test_a_row_that_tells_no_amount_refuses_the_file(charges: Any) -> None:
    error = refusal(charges, table({"tax": "0.019"}, {"amount": ""}), lines=EACH)
    assert "nothing tells an amount: 'amount', 'tax'" in str(error)
    assert error.line == 3


@pytest.mark.parametrize(
    ("amount", "tax", "lines"),
    [
        ("0.00", "", [("Usage", 0, 10, "2026-09-14")]),
        ("0.00", "0", [("Usage", 0, 10, "2026-09-14")]),
        ("0", "0.5", [("Usage", 0, 10, "2026-09-14"), ("Tax", Decimal("0.5"), None, None)]),
        ("", "0", [("Tax", 0, 10, "2026-09-14")]),
        ("", "0.5", [("Tax", Decimal("0.5"), 10, "2026-09-14")]),
    ],
)
def test_an_amount_of_0_is_a_line_where_it_is_the_first(
    charges: Any, amount: str, tax: str, lines: list[tuple[Any, ...]]
) -> None:
    """What is used and costs nothing was used; a tax of 0 beside it says nothing more."""
    rows = charges(table({"amount": amount, "tax": tax}), columns={"x_LineId": "day"}, lines=EACH)
    told = ("charge_category", "billed_cost", "consumed_quantity", "line_id")
    assert [tuple(row[name] for name in told) for row in rows] == lines


def test_an_amount_is_counted_once(charges: Any) -> None:
    error = refusal(charges, table({}), lines=[{"where": {"type": "usage"}}, {"where": {"metric": "Read Units"}}])
    assert "fits two of `lines` that both count column 'amount'" in str(error)
    assert error.line == 2


def test_a_row_without_its_amount_refuses_the_file(charges: Any) -> None:
    error = refusal(charges, table({}, {"amount": ""}))
    assert "BilledCost is empty" in str(error)
    assert error.line == 3


# Credits and refunds ---------------------------------------------------------------------------------------------------

CREDITS = [{"where": {"type": ["usage", "fee"]}}, {"where": {"type": "credit"}, "negated": True}]


def test_a_negated_line_takes_off(charges: Any) -> None:
    rows = charges(table({}, {"type": "credit", "amount": "+0.04", "quantity": "4"}), lines=CREDITS)
    assert [(row["billed_cost"], row["effective_cost"], row["quantity"]) for row in rows] == [
        (Decimal("0.10"), Decimal("0.10"), 10),
        (Decimal("-0.04"), Decimal("-0.04"), -4),
    ]


def test_a_sign_told_twice_is_refused(charges: Any) -> None:
    error = refusal(charges, table({}, {"type": "credit", "amount": "-0.04"}), lines=CREDITS)
    assert "BilledCost: -0.04 has its sign already" in str(error)
    assert error.line == 3


def test_a_credit_that_adds_is_refused(charges: Any) -> None:
    error = refusal(charges, table({}, {"type": "credit", "amount": "0.04"}))
    assert "a credit of 0.04 adds to the bill" in str(error)
    assert error.line == 3
    (row,) = charges(table({"type": "credit", "amount": "-0.04"}))
    assert (row["charge_category"], row["billed_cost_text"]) == ("Credit", "-0.04")


# Periods ---------------------------------------------------------------------------------------------------------------


def test_a_flat_fee_is_spread_over_its_days_to_the_last_digit(charges: Any) -> None:
    fee = {"type": "fee", "day": "2026-09-29", "last": "2026-10-05", "amount": "100.0000000000001", "quantity": "1"}
    rows = charges(table(fee), columns=FLAT, period_end="last_day", lines=[{"spread": True}])
    assert [row["charge_period_start"].date() for row in rows] == [
        *(date(2026, 9, day) for day in (29, 30)),
        *(date(2026, 10, day) for day in (1, 2, 3, 4, 5)),
    ]
    assert {row["charge_period_end"] - row["charge_period_start"] for row in rows} == {
        datetime(2026, 9, 2) - datetime(2026, 9, 1)
    }
    assert {row["billing_period_start"] for row in rows} == {date(2026, 9, 1)}
    for measure in ("billed", "effective"):
        exact = [money.exact(row[f"{measure}_cost"], row[f"{measure}_cost_residual"]) for row in rows]
        assert sum(exact) == Decimal("100.0000000000001")
        assert max(exact) - min(exact) < Decimal("0.00000001")
    assert sum(row["consumed_quantity"] for row in rows) == 1


def test_a_fee_of_a_year_stays_in_the_month_it_was_billed(charges: Any) -> None:
    fee = {"type": "fee", "day": "2026-09-01", "last": "2027-09-01", "amount": "-1200"}
    rows = charges(table(fee), columns=FLAT, period_end="exclusive", lines=[{"spread": True}])
    assert len(rows) == len({row["charge_id"] for row in rows}) == 365
    assert {row["billing_period_start"] for row in rows} == {date(2026, 9, 1)}
    assert sum(row["billed_cost"] for row in rows) == -1200


def test_of_the_days_of_a_fee_the_first_has_its_id(charges: Any) -> None:
    fee = {"type": "fee", "last": "2026-09-16", "amount": "3"}
    rows = charges(table(fee), columns=FLAT | {"x_LineId": "day"}, period_end="last_day", lines=[{"spread": True}])
    assert [row["line_id"] for row in rows] == ["2026-09-14", None, None]
    assert len({row["charge_id"] for row in rows}) == 3


def test_a_fee_of_no_whole_day_is_refused(charges: Any) -> None:
    error = refusal(
        charges, table({"last": "2026-09-14"}), columns=FLAT, period_end="exclusive", lines=[{"spread": True}]
    )
    assert "empty period: 2026-09-14 to 2026-09-14" in str(error)


@pytest.mark.parametrize(
    ("period_end", "told", "end"),
    [
        ("exclusive", "2026-10-01", datetime(2026, 10, 1)),
        ("last_day", "2026-09-30", datetime(2026, 10, 1)),
        ("last_day", "2026-09-30T23:59:59Z", datetime(2026, 10, 1)),
        ("month", "2026-09-01", datetime(2026, 10, 1)),
        ("month", "2026-12-31", datetime(2027, 1, 1)),
    ],
)
def test_what_the_end_of_a_period_tells_is_declared(charges: Any, period_end: str, told: str, end: datetime) -> None:
    (row,) = charges(table({"last": told}), columns=FLAT, period_end=period_end)
    assert row["charge_period_end"] == end


def test_an_exclusive_end_that_is_the_last_second_is_refused(charges: Any) -> None:
    error = refusal(charges, table({"last": "2026-09-30 23:59:59"}), columns=FLAT, period_end="exclusive")
    assert "ChargePeriodEnd: 2026-09-30 23:59:59 is the end of a day that `period_end: exclusive` would lose" in str(
        error
    )


@pytest.mark.parametrize(
    ("day", "problem"), [("09/14/2026", "ChargePeriodStart: "), ("1788998400", "ChargePeriodStart: "), ("", "is empty")]
)
def test_a_time_in_another_form_is_refused(charges: Any, day: str, problem: str) -> None:
    error = refusal(charges, table({}, {"day": day}))
    assert problem in str(error)
    assert error.line == 3
    assert "focus_file" not in str(error)


@pytest.mark.parametrize(
    ("form", "told"), [("%m/%d/%Y", "09/14/2026"), ("epoch_s", "1789344000"), ("%B %d, %Y", "September 14, 2026")]
)
def test_a_time_is_read_as_declared(charges: Any, form: str, told: str) -> None:
    times = {name: {"column": "day", "time": form} for name in ("BillingPeriodStart", "ChargePeriodStart")}
    (row,) = charges(table({"day": told}), columns=times)
    assert (row["charge_period_start"], row["billing_period_start"]) == (datetime(2026, 9, 14), date(2026, 9, 1))


def test_a_month_may_be_told_as_one(charges: Any) -> None:
    (row,) = charges(table({"last": "202610"}), columns={"BillingPeriodStart": "last"})
    assert row["billing_period_start"] == date(2026, 10, 1)


def test_a_shortfall_stays_one_line_without_model_and_meter(charges: Any) -> None:
    of_usage = {name: COLUMNS[name] for name in ("x_Model", "x_Meter", "ConsumedQuantity", "ConsumedUnit")}
    config = {
        "columns": {name: of for name, of in (COLUMNS | FLAT).items() if name not in of_usage},
        "period_end": "last_day",
        "lines": [
            {"where": {"type": "usage"}, "columns": of_usage},
            {"where": {"type": "minimum"}, "columns": {"ChargeCategory": {"constant": "Usage"}, "SkuMeter": "type"}},
        ],
    }
    minimum = {"type": "minimum", "amount": "1468.75", "day": "2026-09-01", "last": "2026-09-30"}
    usage, shortfall = charges(table({}, minimum), instead=config)
    assert (usage["model"], usage["meter"], usage["quantity"]) == ("serverless", "read_units", 10)
    told = ("sku_meter", "model", "meter", "quantity", "billed_cost_text")
    assert [shortfall[name] for name in told] == ["minimum", None, None, None, "1468.75"]
    assert shortfall["charge_period_end"] == datetime(2026, 10, 1)


# Numbers ---------------------------------------------------------------------------------------------------------------


def test_amounts_in_cents(charges: Any) -> None:
    (row,) = charges(table({"amount": "1234.5", "quantity": "10"}), minor_digits=2)
    assert (row["billed_cost_text"], row["quantity"]) == ("12.345", 10)


@pytest.mark.parametrize(
    ("numbers", "told", "means"),
    [
        ("1,234.56", "1,234,567.80", "1234567.80"),
        ("1,234.56", "-0.5", "-0.5"),
        ("1.234,56", "1.234.567,80", "1234567.80"),
        ("1.234,56", "1234,5", "1234.5"),
    ],
)
def test_numbers_as_people_write_them(charges: Any, numbers: str, told: str, means: str) -> None:
    (row,) = charges(table({"amount": told, "quantity": ""}), numbers=numbers)
    assert row["billed_cost_text"] == means


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        *(("1234.56", told) for told in ("1,234.56", "12,5", "$5", "NaN", "1_000", "(5.00)", "٥")),
        *(("1,234.56", told) for told in ("1.234,56", "12,34", "1,2345", ",5")),
        *(("1.234,56", told) for told in ("1,234.56", "12.5", "1e3")),
    ],
)
def test_a_number_of_another_form_is_refused(charges: Any, numbers: str, told: str) -> None:
    first = {"quantity": "1", "amount": "1"}
    error = refusal(charges, table(first, first | {"amount": told}), numbers=numbers)
    assert "BilledCost: " in str(error)
    assert error.line == 3


def test_a_unit_that_does_not_measure_the_meter_leaves_the_money_unmapped(charges: Any) -> None:
    (row,) = charges(table({"unit": "Hours"}))
    assert (row["meter"], row["quantity"], row["billed_cost_text"]) == (None, None, "0.10")


def test_each_line_has_its_own_currency(charges: Any) -> None:
    rows = charges(
        table({}, {"currency": "€"}), columns={"BillingCurrency": {"column": "currency", "map": {"€": "EUR"}}}
    )
    assert [row["billing_currency"] for row in rows] == ["USD", "EUR"]
    error = refusal(charges, table({}, {"currency": "€"}))
    assert "BillingCurrency: '€' is not an ISO 4217 code" in str(error)


# Sums ------------------------------------------------------------------------------------------------------------------

TOTAL = {"total": {"where": {"type": "total"}, "column": "amount"}}


@pytest.mark.parametrize(
    ("amount", "total"),
    [("0.15", "0.25"), ("0.15", "0.250"), ("0.1502", "0.25"), ("0.155", "0.26"), ("0.1502", "0.2502")],
)
def test_a_total_that_its_lines_make_lets_them_count(charges: Any, amount: str, total: str) -> None:
    assert len(charges(table({}, {"amount": amount}, {"type": "total", "amount": total}), **TOTAL)) == 2


@pytest.mark.parametrize("total", ["0.19", "0.24", "0.2500001", "-0.25"])
def test_a_total_that_its_lines_do_not_make_refuses_the_file(charges: Any, total: str) -> None:
    error = refusal(charges, table({}, {"amount": "0.15"}, {"type": "total", "amount": total}), **TOTAL)
    assert "cost lines add up to 0.25" in str(error)
    assert f"the file's total is {total}" in str(error)


@pytest.mark.parametrize(
    ("currency", "amount", "total", "is_made"),
    [
        ("USD", "10.40", "10.5", True),
        ("USD", "10.404", "10.50", True),
        ("USD", "10.40", "11", False),  # rounded to the digits it is told with, it would be 11
        ("USD", "10.36", "10.5", False),
        ("JPY", "10.40", "11", True),
        ("KWD", "10.404", "10.50", False),
        ("usd", "10.40", "10.50", True),
    ],
)
def test_a_total_is_held_to_the_decimals_of_its_currency(
    charges: Any, currency: str, amount: str, total: str, is_made: bool
) -> None:
    rows = table({"currency": currency.upper()}, {"amount": amount, "currency": currency})
    rows += table({"type": "total", "amount": total}).partition("\n")[2]
    if is_made:
        assert len(charges(rows, **TOTAL)) == 2
    else:
        assert f"the file's total is {total}" in str(refusal(charges, rows, **TOTAL))


def test_a_total_of_nothing_is_0(charges: Any) -> None:
    assert charges(table({"type": "total", "amount": "0"}), **TOTAL) == []
    error = refusal(charges, table({"type": "total", "amount": "5"}), **TOTAL)
    assert "cost lines add up to 0.00 of no currency, the file's total is 5" in str(error)


def test_a_file_without_its_total_was_cut_off(charges: Any) -> None:
    assert "no row tells its total; it was cut off" in str(refusal(charges, table({}, {}), **TOTAL))


def test_a_total_of_two_currencies_is_refused(charges: Any) -> None:
    rows = table({}, {"currency": "EUR"}, {"type": "total", "amount": "0.20"})
    assert "its total is of several currencies: EUR, USD" in str(refusal(charges, rows, **TOTAL))


def test_what_repeats_other_rows_is_no_line(charges: Any) -> None:
    rows = charges(table({}, {"type": "subtotal"}), left_out={"type": "subtotal"})
    assert [row["landing_line"] for row in rows] == [2]


# Files -----------------------------------------------------------------------------------------------------------------


def test_days_without_an_amount_are_no_lines_where_that_is_declared(charges: Any) -> None:
    """The console of OpenAI leaves a day's amount blank where nothing was spent; undeclared it may be one that was lost."""
    header = "start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id\n"
    blank = "2026-09-01T00:00:00+00:00,2026-09-02T00:00:00+00:00,,,,,org-acme\n"
    spent = '2026-09-02T00:00:00+00:00,2026-09-03T00:00:00+00:00,4.207500,usd,"gpt-4.1, input",proj_a,org-acme\n'
    columns = {
        **{"BilledCost": "amount_value", "BillingCurrency": "amount_currency", "BillingAccountId": "organization_id"},
        **{"SubAccountId": "project_id", "ChargePeriodStart": "start_time_iso", "ChargePeriodEnd": "end_time_iso"},
        **{"BillingPeriodStart": "start_time_iso", "ChargeCategory": {"constant": "Usage"}, "SkuMeter": "line_item"},
        "ServiceName": {"constant": "OpenAI API"},
    }
    console = {"instead": {"columns": columns}, "period_end": "exclusive"}
    (row,) = charges(header + blank + spent, **console, left_out={"amount_value": "", "line_item": ""})
    assert (row["billed_cost_text"], row["billing_currency"], row["sub_account_id"]) == ("4.207500", "USD", "proj_a")
    assert "BilledCost is empty" in str(refusal(charges, header + blank + spent, **console))


def test_objects_of_which_none_has_what_is_asked_to_be_empty_are_refused(charges: Any) -> None:
    """A seller that renames the column would else bill nothing, without a word."""
    error = refusal(charges, objects(ROW, ROW), key="b.ndjson", format="ndjson", left_out={"item": ""})
    assert "no row has 'item'" in str(error)


def test_a_month_exported_again_replaces_the_one_before(put: Any, source: Any, land: Any) -> None:
    put("2026-09-a.csv", table({}, {"day": "2026-09-15"}), hour=6)
    put("2026-09-b.csv", table({"amount": "0.11"}), hour=7)
    seller = source(delivery="snapshot", pattern=r"(?P<period>\d{4}-\d\d)-(?P<version>.)\.csv")
    assert list(seller.units(SEPTEMBER)) == ["2026-09"]
    taken = land(seller, "2026-09")
    assert [row["billed_cost_text"] for row in taken.rows["charges"]] == ["0.11"]
    assert not land(seller, "2026-09").news


def test_rows_of_two_overlapping_exports_count_once(put: Any, source: Any, land: Any) -> None:
    fee = {"type": "fee", "last": "2026-09-16", "amount": "1"}
    put("a.csv", table(fee, {}))
    put("b.csv", table(fee | {"amount": "1.00"}, {}, {}))
    seller = source(
        FLAT, period_end="last_day", lines=[{"where": {"type": "usage"}}, {"where": {"type": "fee"}, "spread": True}]
    )
    first, second = ({row["charge_id"] for row in land(seller, key).rows["charges"]} for key in ("a.csv", "b.csv"))
    assert len(first) == 4
    assert len(second - first) == 1
    assert first <= second


def test_equal_rows_of_two_parts_count_each(put: Any, source: Any, land: Any) -> None:
    for part in ("part_0.csv", "part_1.csv"):
        put(part, table({}))
    (unit,) = source().units(SEPTEMBER)
    rows = land(source(), unit).rows["charges"]
    assert len({row["charge_id"] for row in rows}) == 2
    assert [row["landing_line"] for row in rows] == [2, 10_000_000_002]


@pytest.mark.parametrize(("form", "content"), [("csv", table()), ("ndjson", ""), ("ndjson", "\n\n")])
def test_a_file_without_rows_has_no_charges(charges: Any, form: str, content: str) -> None:
    assert charges(content, key="closed.csv" if form == "csv" else "closed.ndjson", format=form) == []


def test_a_column_that_is_gone_is_named(charges: Any) -> None:
    error = refusal(charges, table({}).replace("amount", "cost"))
    assert "no column 'amount'" in str(error)


def test_an_amount_no_object_has_is_a_changed_shape(charges: Any) -> None:
    tax = {"columns": {"BilledCost": "tax.amount", "ChargeCategory": {"constant": "Tax"}}}
    config = {"key": "b.ndjson", "format": "ndjson", "lines": [{}, tax]}
    taxed, free = ROW | {"tax": {"amount": 0.019}}, ROW | {"tax": None}
    assert len(charges(objects(free, taxed), **config)) == 3
    error = refusal(charges, objects(free, ROW | {"vat": {"amount": 0.019}}), **config)
    assert "no row has 'tax.amount'" in str(error)


@pytest.mark.parametrize(
    ("key", "form", "content", "problem"),
    [
        ("b.csv", "csv", table({}) + "2026-09-14,usage\n", "2 fields where the header has"),
        ("b.csv", "csv", table({})[:-6], "not a readable CSV file"),
        ("b.csv", "csv", b"\xff\xfe", "is not UTF-8"),
        ("b.csv", "csv", "", "no header"),
        ("b.csv.gz", "csv", b"\x1f\x8b\x08\x00torn", "ends early"),
        ("b.ndjson", "ndjson", objects(ROW) + '{"day": "2026-09', "not a JSON object"),
        ("b.ndjson", "ndjson", "[1]\n", "not a JSON object: a list"),
        ("b.parquet", "parquet", b"PAR1torn", "not a readable Parquet file"),
    ],
)
def test_a_damaged_file_is_refused_before_it_lands(
    put: Any, source: Any, land: Any, tmp_path: Path, key: str, form: str, content: str | bytes, problem: str
) -> None:
    put(key, content)
    put("good.csv", table({}))
    land(source(), "good.csv")
    with pytest.raises(SourceRejected, match=problem):
        land(source(format=form), key)
    assert len(list((tmp_path / "landing" / "manifests").rglob("*.json"))) == 1


@pytest.mark.parametrize("text", ["\ud800", {"a": 1}, ["usage"]])
def test_a_text_that_is_none_is_refused(charges: Any, text: Any) -> None:
    error = refusal(charges, objects(ROW, ROW | {"metric": text}), key="b.ndjson", format="ndjson")
    assert error.line == 2


def test_a_text_of_a_seller_is_kept_as_text(charges: Any) -> None:
    hostile = '=HYPERLINK("x"); drop table charges; --\n\u202e<script>'
    (row,) = charges(
        objects(ROW | {"note": hostile}), key="b.ndjson", format="ndjson", columns={"ChargeDescription": "note"}
    )
    assert row["charge_description"] == hostile


def test_a_usage_report_is_mapped_likewise(put: Any, source: Any, land: Any) -> None:
    names = ("ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "x_Meter", "x_Model")
    report = {"usage_report": r"usage.*\.csv", "usage_columns": {name: COLUMNS[name] for name in names}}
    put("usage-1.csv", "day,metric,quantity,unit\n2026-09-14,Read Units,10,Read Units\n")
    put("bill.csv", table({}))
    seller = source(**report)
    assert sorted(seller.units(SEPTEMBER)) == ["bill.csv", "usage-1.csv"]
    assert list(land(seller, "bill.csv").rows) == ["charges"]
    (row,) = land(seller, "usage-1.csv").rows["provider_usage"]
    assert (row["charge_day"], row["meter"], row["quantity"]) == (date(2026, 9, 14), "read_units", 10)


def test_a_line_is_cited_as_it_stands(put: Any, source: Any, land: Any) -> None:
    put("bill.csv", table({}, {"amount": "0.2"}))
    taken = land(source(), "bill.csv")
    (item,) = taken.landed.objects
    row = taken.rows["charges"][1]
    assert '"0.2"' in source().cited(taken.landed.path(item), item.name, row["landing_line"])


# Settings --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"columns": {"Cost": "amount"}}, "Cost is no column that is read"),
        ({"lines": [{"columns": {"Cost": "amount"}}]}, "Cost is no column that is read"),
        ({"columns": {"BilledCost": "amount"}}, "a line needs a mapping for: BillingAccountId, BillingCurrency"),
        ({"columns": COLUMNS | FLAT}, "period_end says what ChargePeriodEnd tells"),
        ({"period_end": "month"}, "period_end says what ChargePeriodEnd tells"),
        ({"lines": [{"spread": True}]}, "a line that is spread needs ChargePeriodEnd"),
        ({"lines": []}, "at least 1 item"),
        *(
            ({"numbers": "1.234,56", "format": form}, "numbers 1.234,56 are for csv alone")
            for form in ("ndjson", "parquet")
        ),
        ({"usage_report": ".*usage.*"}, "usage_report and usage_columns go together"),
        (
            {"usage_report": ".*", "usage_columns": {"x_Model": "m"}},
            "usage_columns needs a mapping for: ChargePeriodStart",
        ),
        (
            {"columns": COLUMNS | {"x_Model": {"column": "a", "constant": "b"}}},
            "exactly one of column, constant, template",
        ),
        ({"pattern": "("}, "not a regular expression"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(tmp_path: Path, config: dict[str, Any], problem: str) -> None:
    base = {"name": "seller", "kind": "mapped_bill", "uri": str(tmp_path), "format": "csv", "columns": COLUMNS}
    with pytest.raises(SettingsInvalid, match=problem):
        registry.load("billing", base | config)


def test_the_example_of_the_documents_is_read(tmp_path: Path, land: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    (example,) = yaml.safe_load(
        page.partition("```yaml\n- name: vectors")[2].partition("```")[0].join(("- name: vectors", ""))
    )
    (tmp_path / "bill.csv").write_text(
        "kind,item,quantity,unit,amount,tax,currency,invoiced,from,to\n"
        "usage,Read units,10,Read units,1.00,0.19,€,30.09.2026,2026-09-14,2026-09-14\n"
        "plan,Standard,,,30.00,,€,30.09.2026,2026-09-01,2026-09-30\n"
        "minimum,Minimum,,,5.00,,€,30.09.2026,2026-09-01,2026-09-30\n"
        "refund,Outage,,,2.00,,€,30.09.2026,2026-09-01,2026-09-30\n"
        "total,,,,34.19,,€,,,\n"
    )
    rows = land(registry.load("billing", example | {"uri": str(tmp_path)}), "bill.csv").rows["charges"]
    told = Counter(row["charge_category"] for row in rows)
    assert told == {"Usage": 2, "Tax": 1, "Purchase": 30, "Credit": 1}
    assert sum(row["billed_cost"] for row in rows) == Decimal("34.19")
