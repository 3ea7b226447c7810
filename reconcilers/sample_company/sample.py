"""Make a sample company, and say what the true answer about it is at any time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from reconcilers.sample_company import store
from reconcilers.sample_company.emitters import defects, feed, otlp_files
from reconcilers.sample_company.providers import bills, invoice_files, invoices
from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.seen import knowledge
from reconcilers.sample_company.store import FOLDER, GroundTruth, text_of
from reconcilers.sample_company.truth.answer import Truth, reckon
from reconcilers.sample_company.truth.carve import to_money
from reconcilers.sample_company.world import generate, income, reference
from reconcilers.sample_company.world.company import FEATURES
from reconcilers.sample_company.world.happened import TrueCall, World
from reconcilers.sample_company.world.incidents import Incident, incidents
from reconcilers.sample_company.world.settings_file import NOT_SERVED, write_settings

#: (steps done, steps in all, what is done now)
Progress = Callable[[int, int, str], None]

TRUTH = "truth.json"
DEFAULT_SEED, DEFAULT_START, DEFAULT_END, DEFAULT_EVENTS_PER_DAY = 7, date(2026, 9, 1), date(2026, 10, 16), 120
_STEPS = ("events", "damage", "bills", "traces", "outcomes and revenue", "the true answer")


def make(
    seed: int,
    start: date,
    end: date,
    events_per_day: int,
    out: Path,
    progress: Progress | None = None,
    warehouse: str = "duckdb",
) -> GroundTruth:
    """Write a sample of ``start <= day < end`` to the folder ``out``; the same arguments give the same bytes.

    An earlier sample there is replaced; a folder with anything else in it is refused with ``FileExistsError``.
    """
    step = _Steps(progress)
    _clear(out)
    step.next()
    world = generate.generate(seed, start, end, events_per_day)
    books = Books(world)
    step.next()
    defects.plant(world, books)
    step.next()
    ledger = bills.write_ledger(world, books)
    issued = invoices.issue(world, ledger)
    step.next()
    delivered = otlp_files.write_telemetry(out, world)
    step.next()
    earned = income.earn(world)
    delivered += invoice_files.write_invoices(out, issued)
    delivered += feed.write_outcomes(out, world.outcomes) + feed.write_accruals(out, earned)
    step.next()
    reference.write_reference(out / "reference", world)
    truth = GroundTruth(world, ledger, issued, earned, delivered)
    store.save(out, truth)
    as_of = knowledge.settled_at(truth)
    feed.deliver(out, delivered, as_of)
    write_settings(out, NOT_SERVED, world.amended_on, warehouse)
    (out / TRUTH).write_bytes(_truth_json(truth, books, reckon(knowledge.facts_at(out, truth, as_of)), as_of))
    step.next()
    return truth


def truth_at(out: Path, as_of: datetime) -> Truth:
    """The true answer about a written sample as anyone could have known it at ``as_of``."""
    return reckon(knowledge.facts_at(out, store.load(out), as_of))


class _Steps:
    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, -1

    def next(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, len(_STEPS), _STEPS[self.done] if self.done < len(_STEPS) else "")


def _clear(out: Path) -> None:
    """Remove an earlier sample, job state included: what was landed of it is no part of the new one."""
    if out.is_dir() and any(out.iterdir()) and not (out / FOLDER / "world.jsonl").is_file():
        raise FileExistsError(f"{out} holds something that is no sample; name an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    for name in (*feed.FOLDERS, "reference", "var", FOLDER):
        shutil.rmtree(out / name, ignore_errors=True)


# truth.json ----------------------------------------------------------------------------------------------------------


def _truth_json(truth: GroundTruth, books: Books, answer: Truth, as_of: datetime) -> bytes:
    """The answer as JSON; amounts and quantities are text, exact."""
    world = truth.world
    true_cost = _TrueCost(world, books)
    body = {
        "arguments": {
            "seed": world.seed,
            "from": world.start,
            "to": world.end,
            "events_per_day": world.events_per_day,
        },
        "reconcile": {"from": world.start, "to": knowledge.last_day(truth), "as_of": as_of},
        "currency": "USD",
        "waterfall": _waterfall(answer),
        "events": [
            {
                "event_id": event_id,
                "outcome": one.outcome,
                "attempts": one.attempts,
                "failed_attempts": one.failed_attempts,
                "billed_cost": one.reconciled_cost,
                "waste": one.waste,
                "true_cost": true_cost.by_event.get(event_id, Decimal(0)),
            }
            for event_id, one in answer.event_cost.items()
        ],
        "runs": [{"run_id": run_id, **asdict(one)} for run_id, one in answer.run_cost.items()],
        "tenant_margins": [
            {
                "tenant_id": tenant,
                "feature_id": feature,
                "month": month,
                "revenue": row.revenue,
                "direct_cost": row.direct_cost,
                "shared_cost": row.shared_cost,
                "margin": row.revenue - row.direct_cost - row.shared_cost,
                "true_direct_cost": true_cost.by_tenant.get((tenant, feature, month), Decimal(0)),
            }
            for (tenant, feature, month), row in sorted(answer.tenant_margin.items())
        ],
        "feature_verdicts": _verdicts(answer),
        "prompt_versions": _prompt_versions(answer),
        "tables": _tables(answer),
        "breaks": [asdict(one) for one in answer.breaks],
        "planted": [asdict(one) for one in world.planted],
        "incidents": _incidents(world, books, answer),
        "true_cost": [
            {"source": source, "month": month, "environment": environment, "true_cost": cost}
            for (source, month, environment), cost in sorted(true_cost.by_source.items())
        ],
    }
    return orjson.dumps(body, default=text_of, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _waterfall(answer: Truth) -> list[dict[str, Any]]:
    """One object per source, billing month and currency: billed = Σ steps, to the last digit."""
    found = []
    for statement, one in sorted(answer.waterfall.items()):
        steps: list[dict[str, Any]] = [
            {"step": step, "destination": None, "charge_month": None, "cost": c} for step, c in one.bridge.items()
        ]
        rows = sorted(one.rows.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or date.min))
        steps += [{"step": s, "destination": d, "charge_month": m, "cost": cost} for (s, d, m), cost in rows]
        found.append(
            {
                "source": statement.source,
                "billing_period_start": statement.billing_period_start,
                "billing_currency": statement.currency,
                "billed": one.billed,
                "steps": steps,
            }
        )
    return found


def _verdicts(answer: Truth) -> list[dict[str, Any]]:
    """What to do about each feature, by which rule, and the lever that saves most."""
    found = []
    for (feature, month), one in sorted(answer.verdicts.items()):
        unit, margin = answer.unit_costs[month, "feature", feature], answer.feature_margins[feature, month]
        found.append(
            {
                "feature_id": feature,
                "month": month,
                "verdict": one.verdict,
                "verdict_low": one.low,
                "verdict_high": one.high,
                "rule": one.rule,
                "lever": one.lever,
                "saving": one.saving,
                "successes": unit.count("success"),
                "cost_per_success": unit.cost_per_success,
                "cost_per_success_low": unit.cost_per_success_low,
                "cost_per_success_high": unit.cost_per_success_high,
                "waste_share": one.waste_share,
                "trend": one.trend,
                "contribution_margin": to_money(margin.contribution_margin),
                "top_tenant_id": margin.top_tenant,
                "top_tenant_share": margin.top_tenant_share,
            }
        )
    return found


def _tables(answer: Truth) -> dict[str, list[dict[str, Any]]]:
    """Rows of further published tables, by their grain."""
    found: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    for table in answer.tables:
        rows = found.setdefault(table.name, {})
        for key, row in table.rows.items():
            rows.setdefault(key, dict(zip(table.grain, key, strict=True))).update(asdict(row))
    return {
        name: [rows[key] for key in sorted(rows, key=lambda key: [(one is not None, str(one)) for one in key])]
        for name, rows in sorted(found.items())
    }


def _prompt_versions(answer: Truth) -> list[dict[str, Any]]:
    """What each prompt version changed against the one it took over from."""
    return [
        {
            "feature_id": feature,
            "prompt_version": version,
            "before_version": one.before_version,
            "deployed_at": one.deployed_at,
            "events_before": len(one.before.events),
            "events_after": len(one.after.events),
            "cost_per_success_before": one.before.cost_per_success,
            "cost_per_success_after": one.after.cost_per_success,
            "difference": one.difference,
            "margin_impact": one.margin_impact,
            "finding": one.finding,
        }
        for (feature, version), one in sorted(answer.prompt_impacts.items())
    ]


def _incidents(world: World, books: Books, answer: Truth) -> list[dict[str, Any]]:
    """What each incident was, the alert it must raise, and what it came to.

    Its calls are those of the events it added, else those in its time and scope that were of production. ``billed_cost`` is what
    reached its events, ``true_cost`` contract price × true usage of its calls, seen or not.
    """
    added = {event.event_id: event.incident for event in world.events if event.incident}
    owners = {feature.feature_id: feature.owner for feature in FEATURES}
    found = []
    for incident in incidents(world.start, world.end):
        adds = incident.kind in added.values()
        calls = [
            call
            for call in world.calls
            if (added.get(call.event_id or "") == incident.kind if adds else _in_scope(incident, call))
        ]
        events = sorted({call.event_id for call in calls if call.event_id})
        reckoned = [answer.event_cost[event_id] for event_id in events if event_id in answer.event_cost]
        said = asdict(incident)
        found.append(
            {
                **{name: said.pop(name) for name in ("kind", "alert", "what")},
                "from": said.pop("begins"),
                "to": said.pop("ends"),
                **said,
                "owner": owners.get(incident.feature_id or ""),
                "event_ids": events if adds else None,
                "run_ids": sorted({call.run_id for call in calls if call.run_id}) if adds else None,
                "events": len(events),
                "successes": sum(one.outcome == "success" for one in reckoned),
                "calls": len(calls),
                "billed_cost": sum((one.reconciled_cost for one in reckoned), Decimal(0)),
                "true_cost": sum((books.call_cost(call) for call in calls if call.billed), Decimal(0)),
            }
        )
    return found


def _in_scope(incident: Incident, call: TrueCall) -> bool:
    names = ("tenant_id", "feature_id", "prompt_version", "service", "source")
    key = incident.api_key_id
    return (
        incident.covers(call.ended_at)
        and call.environment == "production"
        and all(getattr(incident, name) in (None, getattr(call, name)) for name in names)
        and key in (None, call.api_key)
    )


class _TrueCost:
    """Contract price × true usage, whatever telemetry showed: what bad telemetry hides is the difference to this."""

    def __init__(self, world: World, books: Books) -> None:
        self.by_event: dict[str, Decimal] = {}
        self.by_tenant: dict[tuple[str, str, date], Decimal] = {}
        self.by_source: dict[tuple[str, date, str], Decimal] = {}
        for call in world.calls:
            if not call.billed:
                continue
            cost, month = books.call_cost(call), call.ended_at.date().replace(day=1)
            _add(self.by_source, (call.source, month, call.environment), cost)
            if call.event_id:
                _add(self.by_event, call.event_id, cost)
            if call.tenant_id and call.feature_id and call.environment == "production":
                _add(self.by_tenant, (call.tenant_id, call.feature_id, month), cost)


def _add(totals: dict[Any, Decimal], key: Any, cost: Decimal) -> None:
    totals[key] = totals.get(key, Decimal(0)) + cost
