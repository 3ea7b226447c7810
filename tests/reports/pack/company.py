"""A published company of two whole months: names that are markup and formulas, amounts beyond what a double holds, a feature sold
below its cost, one that began, one that ended, and a tenant nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from reconcilers.reports.pack.questions.differences import COMPONENTS
from reconcilers.warehouses.duckdb import Version
from tests.reports.published import Rows, publish

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
MARKUP = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script></script>"
FORMULA = "=cmd|' /C calc'!A0"
LINK = "https://example.com/?a=1&b=<b>2</b>"
#: More than a double holds to nine decimals.
LARGE = Decimal("12345678.123456789")
FACTS: Mapping[str, Any] = {
    "period": "2026-09-01 to 2026-10-31",
    "as_of": "2026-11-09T06:00:00",
    "failed_units": [],
    "warnings": [],
    "incomplete": {},
}


def steps(month: date, **costs: str) -> list[dict[str, Any]]:
    """A month's waterfall; what is billed is the sum of its steps."""
    told = {name: Decimal(cost) for name, cost in costs.items()}
    rows = [("billed", sum(told.values()), None), *((name, cost, "finance") for name, cost in told.items())]
    return [
        {
            "step": step,
            "cost": cost,
            "position": place,
            "billing_period_start": month,
            "currency": "EUR",
            "owner": owner,
        }
        | {
            "source": "openai",
            "section": "billed" if step == "billed" else "destination",
            "meaning": f"what {step} is",
            "action": MARKUP,
        }
        for place, (step, cost, owner) in enumerate(rows)
    ]


def margin(
    tenant: str, feature: str, month: date, revenue: str | None, direct: str, shared: str = "0"
) -> dict[str, Any]:
    earned = None if revenue is None else Decimal(revenue)
    cost, pool = Decimal(direct), Decimal(shared)
    known = {} if earned is None else {"contribution_margin": earned - cost, "loaded_margin": earned - cost - pool}
    return {
        "tenant_id": tenant,
        "feature_id": feature,
        "month": month,
        "revenue": earned,
        "direct_cost": cost,
        "shared_cost": pool,
        "accrued_cost": Decimal(0),
        "revenue_complete": earned is not None,
        "share_attributed": Decimal("0.981234567"),
        "share_reconciled": Decimal("0.99"),
        "status": "provisional" if revenue is None else "preliminary",
        "currency": "EUR",
        "segment": "enterprise" if tenant == "t1" else None,
        **known,
    }


def unit(month: date, part: str, value: str, events: int, successes: int, cost: str, waste: str) -> dict[str, Any]:
    whole = Decimal(cost)
    per_success = round(whole / successes, 9) if successes else None
    return {
        "month": month,
        "slice": part,
        "slice_value": value,
        "events": events,
        "successes": successes,
        "failures": events - successes,
        "pending": 0,
        "event_cost": whole,
        "waste_cost": Decimal(waste),
        "cost_per_success": per_success,
        "cost_per_success_low": per_success,
        "cost_per_success_high": per_success,
        "pending_share": Decimal(0),
        "p50_cost": Decimal("0.000123456"),
        "top_1_percent_share": Decimal("0.123456789"),
        "active_users": 12,
        "month_share_attributed": Decimal("0.981234567"),
        "month_share_reconciled": Decimal("0.99"),
        "currency": "EUR",
    }


def used(
    month: date, feature: str | None, quantity: str, cost: str, meter: str = "input_tokens", model: str = "m"
) -> dict[str, Any]:
    """What of a month's bill is on calls of a feature; without one, at a destination."""
    where = (
        {"target_kind": "call", "feature_id": feature} if feature else {"target_kind": "bucket", "destination": meter}
    )
    return where | {
        "charge_month": month,
        "production": True,
        "source": "openai",
        "model": model,
        "meter": meter,
        "quantity": Decimal(quantity),
        "reconciled_cost": Decimal(cost),
        "currency": "EUR",
    }


TABLES: dict[str, Rows] = {
    "rpt_invoice_waterfall": [
        *steps(SEPTEMBER, tax="7.50", event="92.500000001", credit="-5"),
        *steps(OCTOBER, tax="9.000000007", event=f"{LARGE + 100}", credit="-3.25", rounding="0.000000004"),
    ],
    "dim_features": [
        {
            "feature_id": "f1",
            "name": "Reports & more",
            "owner": "insights",
            "value_per_outcome": Decimal("1.5"),
            "declared": True,
        },
        {"feature_id": "f2", "name": MARKUP, "declared": True},
        {"feature_id": "f3", "name": FORMULA, "owner": LINK, "declared": True},
        {"feature_id": "(shared)", "declared": False},
    ],
    "dim_tenants": [
        {"tenant_id": "t1", "name": "Globex"},
        {"tenant_id": "t2", "name": MARKUP},
        {"tenant_id": "t3", "name": FORMULA},
        {"tenant_id": "t4", "name": LINK},
        {"tenant_id": "t5", "name": "007"},
    ],
    "rpt_unit_costs": [
        unit(SEPTEMBER, "all", "all", 150, 120, "60.000000001", "6"),
        unit(OCTOBER, "all", "all", 230, 200, "100.123456789", "7.000000001"),
        unit(SEPTEMBER, "feature", "f1", 100, 90, "50", "5"),
        unit(SEPTEMBER, "feature", "f2", 50, 30, "10.000000001", "1"),
        unit(OCTOBER, "feature", "f1", 150, 140, "90", "7"),
        unit(OCTOBER, "feature", "f3", 80, 60, "10.123456789", "0.000000001"),
    ],
    "fct_allocation": [
        used(SEPTEMBER, "f1", "1000", "40"),
        used(SEPTEMBER, "f1", "10", "0.3", "output_tokens"),
        used(SEPTEMBER, "f2", "50", "10"),
        used(SEPTEMBER, None, "0", "7.5", "tax"),
        used(OCTOBER, "f1", "1500", "75.000000007"),
        used(OCTOBER, "f1", "30", "1.2", "output_tokens"),
        used(OCTOBER, "f3", "80", "10.123456789"),
        used(OCTOBER, None, "0", "9.000000007", "tax"),
    ],
    "fct_tenant_margin": [
        margin("t1", "f1", SEPTEMBER, "80", "50.000000001"),
        margin("t1", "f2", SEPTEMBER, "20", "10"),
        margin("t1", "f1", OCTOBER, f"{LARGE}", "60.000000007", "4.000000001"),
        margin("t2", "f1", OCTOBER, "5", "30.2"),
        margin("t3", "f3", OCTOBER, "0.004", "10.123456789", "1"),
        margin("t4", "f3", OCTOBER, None, "0.000000002"),
        margin("t5", "f1", OCTOBER, "77.7", "1.3"),
        margin("(unassigned)", "(shared)", OCTOBER, "0", "0", "3.5"),
    ],
    "rpt_margin_trend": [
        {
            "month": month,
            "segment": "enterprise",
            "tenants": 1,
            "revenue": Decimal(80),
            "direct_cost": Decimal(50),
            "shared_cost": Decimal(4),
            "contribution_margin": Decimal(30),
            "loaded_margin": Decimal(26),
            "top_tenant_cost_share": Decimal(1),
            "status": "preliminary",
        }
        for month in (SEPTEMBER, OCTOBER)
    ],
    "rpt_cost_classes": [
        {
            "month": OCTOBER,
            "cost_class": one,
            "destination": "event",
            "environment": "production",
            "reconciled_cost": Decimal(cost),
        }
        for one, cost in (("cogs", "90.5"), ("r_and_d", "10.000000001"))
    ],
    "rpt_waste": [
        {
            "month": OCTOBER,
            "feature_id": "f1",
            "tenant_id": "t1",
            "waste_class": "failed_event",
            "production": True,
            "runs": 9,
            "waste_cost": Decimal("7"),
        },
        {
            "month": OCTOBER,
            "feature_id": "f3",
            "tenant_id": "t2",
            "waste_class": "retry_overhead",
            "production": True,
            "runs": 1,
            "waste_cost": Decimal("0.000000001"),
        },
        {
            "month": OCTOBER,
            "feature_id": "f3",
            "tenant_id": "t2",
            "waste_class": "retry_overhead",
            "production": False,
            "runs": 5,
            "waste_cost": Decimal(100),
        },
    ],
    "fct_feature_verdicts": [
        {
            "month": OCTOBER,
            "feature_id": feature,
            "verdict": verdict,
            "rule": rule,
            "measured": Decimal(measured),
            "owner": MARKUP,
            "threshold": Decimal(threshold),
            "lever": lever,
            "saving": saving,
            "value_per_outcome": Decimal("1.5"),
            "status": "preliminary",
            "cost_per_success_low": Decimal("0.4"),
            "cost_per_success_high": Decimal("0.6428"),
            "trend": Decimal("-0.07"),
            "verdict_low": verdict,
            "verdict_high": verdict,
        }
        for feature, verdict, rule, measured, threshold, lever, saving in (
            ("f1", "scale", "worth_more_than_it_costs", "0.642857143", "1.5", None, None),
            ("f3", "reprice", "sold_below_cost", "-10.119456789", "0", "price", Decimal("10.119456789")),
        )
    ],
    "fct_savings": [
        {
            "month": OCTOBER,
            "feature_id": "f3",
            "lever": "price",
            "saving": Decimal("10.119456789"),
            "basis_cost": Decimal("10.12"),
            "calls": 80,
            "explanation": MARKUP,
        },
        {
            "month": OCTOBER,
            "feature_id": "f1",
            "lever": "batch",
            "saving": Decimal("30"),
            "basis_cost": Decimal("60"),
            "calls": 1000,
            "explanation": FORMULA,
        },
    ],
    "rpt_model_comparison": [
        {
            "month": OCTOBER,
            "workflow": "w",
            "model_route": route,
            "events": 100,
            "successes": 90,
            "event_cost": Decimal(cost),
            "cost_per_success": Decimal("0.5"),
            "failure_share": Decimal("0.1"),
        }
        for route, cost in (("m > large", "50"), ("m", "45.000000001"))
    ],
    "rpt_outcome_maturity": [
        {
            "month": OCTOBER,
            "feature_id": "f1",
            "days_after": days,
            "events": 150,
            "outcomes_known": 150,
            "pending": 0,
            "successes": 140,
            "cost_per_success": Decimal("0.642857143"),
            "settled": True,
        }
        for days in (0, 30)
    ],
    "rpt_outcome_reversals": [
        {
            "event_id": "e1",
            "month": OCTOBER,
            "feature_id": "f1",
            "production": True,
            "first_outcome": "success",
            "outcome": "failure",
            "reconciled_cost": Decimal("0.25"),
        },
    ],
    "fct_reconciliation": [
        {
            "source": "openai",
            "charge_month": OCTOBER,
            "billed_cost": Decimal("100.5"),
            "expected_cost": Decimal("97.25"),
            "variance": Decimal("3.25"),
        }
        | {f"{name}_variance": Decimal(0) for name in COMPONENTS}
        | {"price_variance": Decimal("3.500000001"), "rounding_variance": Decimal("-0.250000001")},
    ],
    "fct_completeness": [
        {
            "source": source,
            "room": "billing",
            "month": OCTOBER,
            "days_expected": 31,
            "days_landed": 31,
            "days_final": 31,
            "days_missing": 0,
            "complete": complete,
            "no_telemetry_cost": Decimal("0.5"),
            "untagged_cost": Decimal(0),
        }
        for source, complete in (("openai", True), (MARKUP, False))
    ],
    "fct_breaks": [
        {
            "break_id": f"{number:032}",
            "kind": "price",
            "class": "price",
            "source": "openai",
            "charge_day": date(2026, 10, 1 + number % 28),
            "amount": Decimal(number) / 100,
            "currency": "EUR",
            "material": number > 100,
            "state": "open",
            "owner": "finance",
            "action": "compare contract and invoice",
            "note": FORMULA,
            "break_key": "+source=openai",
            "age_days": 9,
        }
        for number in range(120)
    ],
    "fct_prompt_version_impact": [
        {
            "feature_id": "f1",
            "prompt_version": "v2",
            "before_version": "v1",
            "deployed_at": datetime(2026, 10, 3, 4),
            "events_before": 100,
            "events_after": 90,
            "cost_per_success_before": Decimal("0.5"),
            "cost_per_success_after": Decimal("0.64"),
            "difference": Decimal("0.1"),
            "difference_low": Decimal("0.05"),
            "difference_high": Decimal("0.15"),
            "margin_impact": Decimal("-9.000000001"),
            "excess_cost": Decimal("9.000000001"),
            "finding": "dearer",
        }
    ],
    "fct_cost_per_outcome": [
        {
            "event_id": f"e{number}",
            "feature_id": "f1",
            "prompt_version": f"v{1 + number % 2}",
            "production": True,
            "calls": 1,
            "outcome": outcome,
            "reconciled_cost": Decimal("0.300000001"),
            "outcome_at": datetime(2026, 10, 5),
            "ended_at": datetime(2026, 10, 5),
        }
        for number, outcome in enumerate(["success", "success", "failure", "pending"])
    ],
    "fct_budget_status": [
        {
            "scope": "tenant",
            "scope_value": "t1",
            "month": OCTOBER,
            "amount": Decimal(50),
            "spent": Decimal("60.000000007"),
            "accrued": Decimal(0),
            "forecast": Decimal("60.000000007"),
            "share_spent": Decimal("1.2"),
            "state": "exceeded",
            "state_since": date(2026, 10, 20),
            "owner": FORMULA,
        },
        {
            "scope": "all",
            "month": OCTOBER,
            "amount": Decimal(1000),
            "spent": Decimal(100),
            "accrued": Decimal(0),
            "forecast": None,
            "share_spent": Decimal("0.1"),
            "state": "ok",
        },
    ],
    "fct_alerts": [
        {
            "alert_id": "a1",
            "kind": "negative_margin_tenant",
            "severity": "high",
            "scope_value": "t2",
            "state": "open",
            "opened_at": datetime(2026, 10, 4),
            "last_seen_at": datetime(2026, 10, 9),
            "message": MARKUP,
            "driver_tenant_id": FORMULA,
            "owner": "finance",
            "estimated_cost": Decimal("25.2"),
            "checklist": "look",
        }
    ],
}


def published(folder: Path, tables: Mapping[str, Rows] = TABLES, facts: Mapping[str, Any] = FACTS) -> Version:
    return publish(folder, dict(tables), dict(facts))
