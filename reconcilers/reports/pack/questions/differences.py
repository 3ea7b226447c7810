"""What of the month is there, and where bill and telemetry differ."""

from __future__ import annotations

from reconcilers.reports.pack.questions.question import Column, Question, count, money

COMPLETENESS = Question(
    "completeness",
    "What of the month is there",
    "Completeness",
    "A month is complete when every source has landed every day and nothing was refused, counted twice or left without a rate (R34).",
    """
select source, room, days_expected, days_landed, days_final, days_missing, units_rejected, records_rejected, duplicate_lines,
    duplicate_amount, charges_without_rate, amount_without_rate, currency_without_rate, no_telemetry_cost, untagged_cost, complete
from finance.fct_completeness
where month = :month
order by case when complete then 1 else 0 end, room, source
""",
    (
        Column("source"),
        Column("room"),
        count("days_expected", summed=False),
        count("days_landed", summed=False),
        count("days_final", summed=False),
        count("days_missing", summed=False),
        count("units_rejected", summed=False),
        count("records_rejected", summed=False),
        count("duplicate_lines", summed=False),
        money("duplicate_amount", summed=False, on_page=False),
        count("charges_without_rate", summed=False),
        money("amount_without_rate", summed=False, on_page=False),
        Column("currency_without_rate", on_page=False),
        money("no_telemetry_cost", summed=False),
        money("untagged_cost", summed=False),
        Column("complete"),
    ),
    "nothing is known of what should have come",
    in_full=True,
)

VARIANCE = Question(
    "reconciliation",
    "Billed against expected at contract price",
    "Reconciliation",
    "Expected is telemetry at contract price, else list. Variance is billed less expected (R19); of what nobody could expect, such as "
    "platform usage, all of it is variance.",
    """
select source, sum(billed_cost) as billed, sum(expected_cost) as expected, sum(variance) as variance
from finance.fct_reconciliation
where charge_month = :month
group by source
order by abs(sum(variance)) desc, source
""",
    (Column("source"), money("billed"), money("expected"), money("variance", "{billed}-{expected}")),
    "no charge of the month could be compared",
    last="total",
)

#: The components of R19, in its order.
COMPONENTS = (
    "duplicate", "missing_telemetry", "missing_charge", "timing", "quantity", "cache_semantics", "tier", "price",
    "aborted_stream", "fx", "tax", "credit", "fees", "unpriced", "rounding", "unexplained",
)  # fmt: skip

COMPONENTS_OF_VARIANCE = Question(
    "components",
    "What the variance is made of",
    "Variance",
    "The components sum to the variance of every source, to the last digit (R19).",
    "select source, component, amount\nfrom (\n"
    + "\n    union all\n".join(
        f"    select source, {place} as place, '{name}' as component, sum({name}_variance) as amount\n"
        "    from finance.fct_reconciliation\n    where charge_month = :month\n    group by source"
        for place, name in enumerate(COMPONENTS)
    )
    + "\n) as components\nwhere amount <> 0\norder by place, source\n",
    (Column("source"), Column("component"), money("amount")),
    "billed and expected agree to the last digit, or nothing could be compared",
    last="total",
    chart="components",
)

BREAK_SUMS = Question(
    "break_sums",
    "Open breaks, by who acts",
    "Breaks by owner",
    "Differences somebody must look at, of the month or of no day. Amounts of unknown value are in no sum (R19).",
    """
select owner, kind, count(*) as breaks, sum(case when material then 1 else 0 end) as material, sum(amount) as amount, currency, action
from finance.fct_breaks
where state = 'open' and (charge_day is null or (charge_day >= :month and charge_day < :next))
group by owner, kind, currency, action
order by sum(case when material then 1 else 0 end) desc, count(*) desc, owner, kind, currency
""",
    (
        Column("owner"),
        Column("kind"),
        count("breaks"),
        count("material"),
        money("amount", summed=False),
        Column("currency"),
        Column("action"),
    ),
    "no break of the month is open",
    last="total",
)

BREAKS = Question(
    "breaks",
    "The largest open breaks",
    "Breaks",
    "The largest first; the workbook has the 50,000 largest.",
    """
select kind, class, source, charge_day, age_days, amount, currency, material, owner, action, note, break_key, break_id
from finance.fct_breaks
where state = 'open' and (charge_day is null or (charge_day >= :month and charge_day < :next))
order by case when material then 0 else 1 end, abs(amount) desc nulls last, break_id
limit 50000
""",
    (
        Column("kind"),
        Column("class", on_page=False),
        Column("break_key"),
        Column("source", on_page=False),
        Column("charge_day", "day"),
        count("age_days", summed=False),
        money("amount", summed=False),
        Column("currency"),
        Column("material"),
        Column("owner"),
        Column("action"),
        Column("note"),
        Column("break_id", on_page=False),
    ),
    "no break of the month is open",
)
