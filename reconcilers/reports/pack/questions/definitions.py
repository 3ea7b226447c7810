"""What the pack's words mean."""

from __future__ import annotations

#: Figure, what it means, the rule that decides it, and the table it is read from.
DEFINITIONS = (
    ("Spend", "What the providers billed in the month, taxes, fees and credits included, in the reporting currency.", "R2, R3, R5", "months"),
    ("Waterfall", "Spend, step by step, to zero: billed = events + named buckets, per source and month.", "R5", "waterfall"),
    ("Event", "One business intent: a ticket, a report. Its cost is that of all its runs, failed ones included, over its whole life.", "R21", "features"),
    ("Cost per success", "All cost of resolved production events ÷ successes. Without a success it is not known.", "R24", "months"),
    ("All-in cost per success", "The same with pending and abandoned events.", "R24", "features"),
    ("Fully loaded cost per success", "All-in and shared cost ÷ successes.", "R24, R26", "months"),
    ("Unobserved success", "An event that succeeded and of which no call was seen: in no unit cost, because its cost is not known.", "R24", "months"),
    ("Direct cost", "Billed cost on the tenant's production calls in the month of use.", "R26", "tenants"),
    ("Shared cost", "Pools that no call drives (fees, idle commitments, platform), moved to tenants by finance's drivers.", "R26", "tenants"),
    ("Accrued cost", "Expected at contract price and not billed yet; never inside a reconciled figure.", "R25", "tenants"),
    ("Revenue", "By service period; what a contract implies is an accrual until an invoice line bills it.", "R27", "tenants"),
    ("Contribution margin", "Revenue − direct cost.", "R26", "tenants"),
    ("Loaded margin", "Revenue − direct cost − shared cost.", "R26", "tenants"),
    ("Margin rate", "Margin ÷ revenue; without revenue it is not known.", "R26", "tenants"),
    ("Waste", "Cost of runs that bought no outcome: failed, abandoned, repeated or after the outcome; one class a cent.", "R23", "waste"),
    ("Share attributed", "Part of production cost that is on events. Under the gate figures are provisional.", "R28", "months"),
    ("Share reconciled", "Part of production cost that is on calls, of an event or not.", "R28", "months"),
    ("Complete", "Every source has landed every day of the month, and nothing was refused, counted twice or left without a rate.", "R34", "completeness"),
    ("Provisional", "Coverage is under the gate, revenue is not known in full, or the month is not complete: the figure may still move.", "R28, R34", "tenants"),
    ("Variance", "Billed − telemetry at contract price, signed, split into components that sum to it.", "R18, R19", "components"),
    ("Break", "A difference somebody must look at; it keeps its identity over reruns.", "R19", "breaks"),
    ("Verdict", "Scale, optimise, reprice, limit, sunset, or investigate where the two bounds disagree.", "R24", "verdicts"),
    ("Volume, mix, price", "The change of a feature's cost against the month before, in parts that sum to it.", "R1", "change_by_feature"),
)  # fmt: skip
