"""Google's FOCUS export: what is billed, what credits take off, and which columns must be there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.errors import SourceChangedShape, SourceRejected
from tests.sources.billing.gcp_export import (
    FIRST,
    FOCUS,
    OCTOBER,
    Json,
    Land,
    charges,
    focus_row,
    stated,
    total,
    without,
)


def test_focus_rows(export: Any, land: Land) -> None:
    made = export(
        focus_row("3.6", "3"),
        focus_row("3.6", "2.9", "-0.5", "-0.2"),
        focus_row("0.7", "0.7", ChargeCategory="Tax", x_Project=None, ChargeDescription="Tax", ConsumedUnit=None),
        columns=FOCUS,
        format="focus",
    )
    source = made.source()
    assert list(source.units(OCTOBER)) == [FIRST]
    rows = charges(land, source)
    kinds = sorted(
        (row["charge_category"], row["billed_cost_text"], row["effective_cost_text"], row["sub_account_id"])
        for row in rows
    )
    assert [(kind, Decimal(billed), Decimal(effective), project) for kind, billed, effective, project in kinds] == [
        ("Credit", Decimal("-0.2"), Decimal("-0.2"), "tenant-a"),
        ("Credit", Decimal("-0.5"), Decimal("-0.5"), "tenant-a"),
        ("Tax", Decimal("0.7"), Decimal("0.7"), None),
        # An amount that was paid before is cheaper than billed only in effect.
        ("Usage", Decimal("3.6"), Decimal("3"), "tenant-a"),
        ("Usage", Decimal("3.6"), Decimal("3.6"), "tenant-a"),
    ]
    assert total(rows) == stated("7.2", "-0.7", "0.7")
    usage = next(row for row in rows if row["charge_category"] == "Usage")
    assert (usage["model"], usage["meter"], usage["quantity"]) == ("gemini-2.5-flash", "output_tokens", 1600000)
    assert (usage["billing_period_start"], usage["tags"], usage["provider"]) == (
        date(2026, 10, 1),
        '{"tenant": "a"}',
        "Google Cloud",
    )


def test_focus_rows_after_credits(export: Any, land: Land) -> None:
    made = export(focus_row("2.9", "2.9", "-0.5", "-0.2"), columns=FOCUS, format="focus", credits="included")
    rows = charges(land, made.source())
    assert sorted(Decimal(row["billed_cost_text"]) for row in rows) == [
        Decimal("-0.5"),
        Decimal("-0.2"),
        Decimal("3.6"),
    ]
    assert total(rows) == stated("2.9")


@pytest.mark.parametrize(
    ("setting", "billed", "other"),
    [("apart", "2.9", "included"), ("included", "3.6", "apart")],
    ids=["apart", "included"],
)
def test_focus_credits_are_not_counted_twice(export: Any, land: Land, setting: str, billed: str, other: str) -> None:
    made = export(focus_row(billed, "2.9", "-0.5", "-0.2"), columns=FOCUS, format="focus", credits=setting)
    with pytest.raises(
        SourceRejected, match=rf"line 1: BilledCost {billed}0*, credits -0.70* .*set `credits: {other}`"
    ):
        land(made.source(), FIRST)


def test_focus_amounts_may_be_rounded_apart(export: Any, land: Land) -> None:
    """1.0000000014, a credit of 0.0000000006 and 1.0000000008, each rounded on its own: nothing is said about the setting."""
    made = export(focus_row("1.000000001", "1.000000001", "-0.000000001"), columns=FOCUS, format="focus")
    assert total(charges(land, made.source())) == 1


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (without(FOCUS, "BilledCost"), "column BilledCost is missing"),
        (without(FOCUS, "ServiceName"), "column ServiceName is missing"),
        (without(FOCUS, "x_Credits"), "column x_Credits is missing"),
        (without(FOCUS, "x_ExportTime"), "column x_ExportTime is missing"),
        (FOCUS | {"EffectiveCost": "STRING"}, "column EffectiveCost is STRING"),
    ],
)
def test_a_focus_column_that_is_missing_or_of_another_type(export: Any, columns: Json, problem: str) -> None:
    with pytest.raises(SourceChangedShape, match=problem):
        list(export(columns=columns, format="focus").source().units(OCTOBER))
