"""What the pack asks the published tables: each table of it is one query, which stands in its appendix as it was run.

``:month``, ``:before`` and ``:next`` stand for the first days of the month, of the one before and of the one after. All of it is
read alike by DuckDB and BigQuery. Ratios are no part of a query, since DuckDB divides decimals as binary floats: they are made
of two of its columns, as the workbook's formulas make them.
"""

from __future__ import annotations

from reconcilers.reports.pack.questions.differences import (
    BREAK_SUMS,
    BREAKS,
    COMPLETENESS,
    COMPONENTS_OF_VARIANCE,
    VARIANCE,
)
from reconcilers.reports.pack.questions.features import BOUNDS, FEATURES, MATURITY, REVERSALS, ROUTES, SAVINGS, VERDICTS
from reconcilers.reports.pack.questions.month import CHANGES, MONTHS, SPEND, STEPS
from reconcilers.reports.pack.questions.question import Section
from reconcilers.reports.pack.questions.spending import ALERTS, BUDGETS, DEPLOYS, VERSIONS, WASTE
from reconcilers.reports.pack.questions.tenants import COST_CLASSES, SEGMENTS, TENANTS

#: What the pack says, in its order.
SECTIONS = (
    Section("overview", "The month", (SPEND, CHANGES, STEPS, MONTHS)),
    Section("features", "Features", (VERDICTS, FEATURES, SAVINGS, ROUTES, BOUNDS, MATURITY, REVERSALS)),
    Section("tenants", "Tenants", (TENANTS, SEGMENTS, COST_CLASSES)),
    Section(
        "breaks",
        "Reconciliation and breaks",
        (COMPLETENESS, VARIANCE, COMPONENTS_OF_VARIANCE, BREAK_SUMS, BREAKS),
    ),
    Section("prompts", "Prompt versions", (DEPLOYS, VERSIONS)),
    Section("waste", "Waste", (WASTE,)),
    Section("budgets", "Budgets and alerts", (BUDGETS, ALERTS)),
)
