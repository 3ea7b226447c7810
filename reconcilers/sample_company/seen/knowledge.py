"""The facts as anyone could have known them at a given time: bills told, files delivered, spans flushed by then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path

from reconcilers.sample_company.emitters import call_table, invocation_logs, spend_logs
from reconcilers.sample_company.emitters.feed import FEED, TELEMETRY, outcomes_known_from
from reconcilers.sample_company.providers import claude_code
from reconcilers.sample_company.providers.ledger import invoice_number
from reconcilers.sample_company.seen.facts import Emitter, Facts, OutcomeRecord
from reconcilers.sample_company.seen.logs import read_call_table, read_invocation_logs, read_spend_logs
from reconcilers.sample_company.seen.traces import read_traces
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.world import reference
from reconcilers.sample_company.world.calendar import instant, next_month
from reconcilers.sample_company.world.company import (
    CONTEXT_THRESHOLDS,
    ENVIRONMENTS,
    MODEL_TIERS,
    TENANTS,
    contract_prices,
    list_prices,
)

#: Days after the end of the month the last work is billed in by which everything is told, delivered and final.
_SETTLED_AFTER_DAYS = 20
#: What is known of the scopes of the company's spans beyond OpenTelemetry's conventions.
EMITTERS = (
    Emitter("openinference.instrumentation.openai", None, None, False, False, True),
    Emitter("opentelemetry.instrumentation.bedrock", None, None, True, None, True),
    Emitter("ai", None, None, False, False, True),
    Emitter("litellm", None, None, False, False, False),
    Emitter("com.anthropic.claude_code.tracing", None, None, True, None, True),
)


def facts_at(out: Path, truth: GroundTruth, as_of: datetime) -> Facts:
    """What a job that has fetched everything knows at ``as_of``, of the sample written to ``out``."""
    world = truth.world
    known = [one.path for one in truth.delivered if one.known_from <= as_of and one.path.startswith(TELEMETRY)]
    traces = read_traces(out / FEED / path for path in known)
    return Facts(
        as_of=as_of,
        sources=reference.sources(),
        charges=[
            replace(line.charge, invoice_id=invoice_number(line.charge, as_of))
            for line in truth.ledger.lines_as_of(as_of)
        ],
        invoices=[one for one in truth.invoices if one.told_at <= as_of],
        reported_usage=[line.reported for line in truth.ledger.reports_as_of(as_of)],
        estimates=[one for _, one in claude_code.estimates(world, as_of)],
        tellings=[
            *traces.tellings,
            *read_spend_logs(spend_logs.rows(world.calls, as_of)),
            *read_call_table(call_table.rows(world.calls, as_of)),
            *read_invocation_logs(chain(*invocation_logs.lines(world.calls, as_of).values())),
        ],
        runs=traces.runs,
        outcomes=[
            OutcomeRecord(one.event_id, one.outcome, one.emitter, one.occurred_at)
            for one in world.outcomes
            if outcomes_known_from(one) <= as_of
        ],
        revenue=[one.line for one in truth.income if one.known_from <= as_of],
        contract_prices=reference.prices(contract_prices(world.amended_on)),
        list_prices=reference.prices(list_prices()),
        charge_rules=list(reference.CHARGE_RULES),
        emitters=list(EMITTERS),
        key_map=reference.key_map(),
        project_map=reference.project_map(),
        provider_map={provider: source for source, provider in reference.PROVIDERS.items()},
        context_thresholds=dict(CONTEXT_THRESHOLDS),
        environments=dict(ENVIRONMENTS),
        exchange_rates=reference.exchange_rates(world),
        shared_cost_rules=dict(reference.SHARED_COST_RULES),
        bundle_prices=reference.bundle_prices(),
        features=reference.features(),
        cheaper_models={model: cheaper for model, (_, cheaper) in MODEL_TIERS.items() if cheaper is not None},
        cost_classes=list(reference.COST_CLASSES),
        budgets=list(reference.BUDGETS),
        quiet_days={(day, whose) for day, whose, _ in reference.quiet_days(world)},
        segments={tenant.tenant_id: tenant.segment for tenant in TENANTS},
    )


def last_day(truth: GroundTruth) -> date:
    """The last UTC day any bill line is of: work begun in range ends and is billed after it."""
    return max(
        max(line.charge.charge_period_end - timedelta(microseconds=1) for line in truth.ledger.lines).date(),
        max(line.charge.billing_period_start for line in truth.ledger.lines),
    )


def settled_at(truth: GroundTruth) -> datetime:
    """From when on nothing becomes known any more: every bill final, every file delivered."""
    at = instant(next_month(last_day(truth)) + timedelta(days=_SETTLED_AFTER_DAYS), 6)
    told = [line.known_from for line in truth.ledger.lines] + [one.known_from for one in truth.delivered]
    assert max(told) < at, "something becomes known after the sample is settled"
    return at
