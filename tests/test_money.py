"""Shares of an amount, amounts in minor units, running sums: exact whatever the size."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcilers import money

MACROS = Path(__file__).parents[1] / "dbt_project" / "macros"


@pytest.mark.parametrize(
    ("text", "weights", "shares"),
    [
        ("10", [1, 1, 1], ["3.333333333", "3.333333333", "3.333333334"]),
        ("-10", [1, 1, 1], ["-3.333333333", "-3.333333333", "-3.333333334"]),
        ("0.036", [20, 16], ["0.02", "0.016"]),
        # What is finer than a nano goes to the last that weighs anything.
        ("1.0000000000000002", [5, 4, 0], ["0.555555555", "0.4444444450000002", "0"]),
        ("0.0000000004", [1, 1], ["0", "0.0000000004"]),
        ("8000000000.0000000000000000001", [20, 16], ["4444444444.444444444", "3555555555.5555555560000000001"]),
        ("0", [1, 3], ["0", "0"]),
        ("7", [5], ["7"]),
    ],
)
def test_shares_are_by_weight_and_sum_to_the_amount(text: str, weights: list[int], shares: list[str]) -> None:
    assert money.split(text, weights) == shares
    assert reduce(money.sum_exactly, shares, Decimal(0)) == Decimal(text)


def test_shares_of_any_weights_sum_to_the_amount() -> None:
    for amount in ("0.01", "-1234.567890123456789", "9000000000", "1e-27"):
        for weights in ([1] * 365, [10**12, 1, 0, 7], list(range(50))):
            shares = money.split(amount, weights)
            assert reduce(money.sum_exactly, shares, Decimal(0)) == Decimal(amount)
            assert all(Decimal(share) * Decimal(amount) >= 0 for share in shares)


@pytest.mark.parametrize(("text", "weights"), [("1", [0, 0]), ("1", [2, -1]), ("one", [1]), ("1,5", [1])])
def test_what_cannot_be_shared_out_is_refused(text: str, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"share nothing out|not a plain decimal amount"):
        money.split(text, weights)


def test_a_running_sum_keeps_every_digit() -> None:
    amounts: list[Decimal | str] = ["1e17", Decimal("1e-27"), "-1e17"]
    assert reduce(money.sum_exactly, amounts, Decimal(0)) == Decimal("1e-27")
    with pytest.raises(ValueError, match="not a plain decimal amount"):
        money.sum_exactly(Decimal(0), "NaN")


def test_a_currency_has_the_decimals_that_dbt_holds_invoices_to() -> None:
    """``least_unit`` says it to the warehouse."""
    macro = (MACROS / "invoices.sql").read_text().partition("macro least_unit")[2].partition("endmacro")[0]
    said = re.findall(r"in \(([^)]*)\) then \{\{ money\(\"'([\d.]+)'\"\)", macro)
    units = {code: unit for codes, unit in said for code in re.findall("[A-Z]{3}", codes)}
    assert {code: money.decimals_of(code) for code in units} == {
        code: len(unit.partition(".")[2]) for code, unit in units.items()
    }
    assert sorted(set(units.values())) == ["0.001", "1"]
    assert [money.decimals_of(code) for code in ("USD", "EUR", "HUF")] == [2, 2, 2]


_DIGITS = st.text("0123456789", min_size=1, max_size=18)


@given(
    sign=st.sampled_from(["", "-", "+"]),
    whole=_DIGITS,
    decimals=st.text("0459", max_size=30),
    exponent=st.sampled_from(["", "e0"]),
)
def test_an_amount_is_its_rounded_value_and_its_residual(sign: str, whole: str, decimals: str, exponent: str) -> None:
    """However it is written: an exponent of nothing takes the way that not every text takes."""
    text = f"{sign}{whole}.{decimals}{exponent}" if decimals else f"{sign}{whole}{exponent}"
    found, exact = money.amount(text), Decimal(f"{sign}{whole}.{decimals[:27]}")
    assert money.exact(found.rounded, found.residual) == exact
    assert abs(found.residual) * 2 <= 10**18
    assert found.rounded == exact.quantize(Decimal("1e-9"), ROUND_HALF_UP, Context(prec=60))
    assert found.plain == money.plain(money.parse_amount(text))
    assert (found.text, Decimal(found.plain)) == (text, exact)


@pytest.mark.parametrize("compiled", [False, True])
@settings(deadline=None)
@given(
    st.lists(
        st.none()
        | st.builds(
            "{}{}{}{}".format,
            st.sampled_from(["", "-", "+", "00"]),
            _DIGITS,
            st.text("0459", max_size=30).map(lambda decimals: decimals and f".{decimals}"),
            st.sampled_from(["", "", "e0", " "]),
        )
        | st.sampled_from(["-0", "-0.000", "000", "0.1", ".5", "5.", "999999999.9999999999", "-0.0000000005", "1e-27"]),
        max_size=9,
    )
)
def test_a_column_of_amounts_is_its_amounts(compiled: bool, texts: list[str | None]) -> None:
    column = pa.array([None, *texts], pa.string())[1:]
    fits = [text is not None and abs(money.amount(text).rounded) < 10**14 for text in texts]
    shifts = np.array([place % 4 if moves else 0 for place, moves in enumerate(fits)], np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money, "is_worth_compiling", lambda _: compiled)
        found, shifted = money.amounts(column, money.amount), money.amounts(column, money.amount, shifts)
    assert _rows(found) == [text and _row(money.amount(text)) for text in texts]
    for text, shift, row in zip(texts, shifts.tolist(), _rows(shifted), strict=True):
        moved = text and _row(money.amount(f"{money.parse_amount(text).scaleb(shift, Context(prec=120)):f}"))
        assert (row and row[1:]) == (moved and moved[1:])
    assert (str(found.rounded.type), str(found.residual.type)) == ("decimal128(38, 9)", "int64")


def _row(one: money.Amount) -> tuple[str, Decimal, int, str]:
    return one.text, one.rounded, one.residual, one.plain


def _rows(found: money.Amounts) -> list[tuple[Any, ...] | None]:
    columns = (found.text, found.rounded, found.residual, found.plain)
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return [None if row == (None,) * 4 else row for row in rows]


@pytest.mark.parametrize("wrong", ["1,5", "", "NaN", "9000000000.01", "1e400"])
def test_one_that_is_not_charged_is_refused_in_a_column_too(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"not a plain decimal amount|the most that is carried|outside the range"):
        money.amounts(pa.array(["1.50", None, wrong, "2"]))
