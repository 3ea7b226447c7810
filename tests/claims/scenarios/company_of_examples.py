"""One company whose billing sources are the worked examples, one each, as files the real job lands and reconciles.

A source meets only its own telemetry (R8), so one run reckons every example side by side, as a company with as many
providers would. What an example leaves out is filled here: account, model, meter, key, price and environment.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

DAY = date(2026, 9, 28)
#: What an emitter counts, by the file its calls are in: only the second tells cached tokens apart.
EMITTERS = {"calls": ["input_tokens"], "calls_with_cache": ["input_tokens", "cache_read_input_tokens"]}
Row = dict[str, Any]


def read_examples(path: Path) -> dict[str, Row]:
    """{example: its input and what is expected}."""
    examples: dict[str, Row] = yaml.safe_load(path.read_text())
    return examples


def write_company(folder: Path, examples: dict[str, Row]) -> Path:
    """Bills, usage reports, telemetry, outcomes and reference files of every example. Returns the settings file."""
    reference: dict[str, list[Row]] = {
        "billing_sources": [],
        "billing_grain": [],
        "published_units": [],
        "exchange_rates": [],
        "contract_prices": [],
        "context_thresholds": [],
        "list_prices": [],
        "environments": [
            {"environment": "production", "production": "true"},
            {"environment": "staging", "production": "false"},
        ],
        "features": [{"feature_id": name, "name": name} for name in examples],
    }
    calls: list[Row] = []
    spans: list[Row] = []
    runs: list[Row] = []
    outcomes: list[Row] = []
    for name, example in examples.items():
        _write_csv(folder / "bills" / name / "bill.csv", [_bill_line(line) for line in example["bill"]])
        if "other_bill" in example:
            lines = [_bill_line(line) for line in example["other_bill"]]
            _write_csv(folder / "bills" / f"{name}-other" / "bill.csv", lines)
        if "report" in example:
            _write_csv(folder / "bills" / name / "usage.csv", [_report_row(row) for row in example["report"]])
        calls += _calls(name, example.get("calls", []))
        spans += [_span(name, span) for span in example.get("spans", [])]
        runs += [_run(name, run) for run in example.get("runs", [])]
        outcomes += _outcomes(name, example)
        reference["billing_sources"].append(
            {
                "source": name,
                "provider": name.lower(),
                "default_account_id": example.get("default_account", "acct"),
                "finality_days": example.get("finality_days", 0),
                "batch_day": example.get("batch_day", ""),
            }
        )
        reference["billing_sources"] += [
            {"source": name, "provider": f"{name.lower()}-{other}", "finality_days": 0}
            for other in example.get("other_providers", [])
        ]
        reference["billing_grain"] += [{"source": name, "dimension": told} for told in example.get("told", [])]
        if "threshold" in example:
            reference["context_thresholds"].append(
                {"provider": name.lower(), "model": "model", "threshold": example["threshold"], "version": "1"}
            )
        reference["exchange_rates"] += [
            {"currency": currency, "billing_period_start": DAY.replace(day=1), "rate": rate, "version": "1"}
            for currency, rate in example.get("rates", {}).items()
        ]
        if "published_unit" in example:
            reference["published_units"].append(
                {"source": name, "meter": "input_tokens", "unit": example["published_unit"]}
            )
        for price in example.get("prices", [{"price": "10"}]):
            table = "list_prices" if price.get("list") else "contract_prices"
            reference[table].append(
                {
                    "source": name,
                    "model": price.get("model", "model"),
                    "meter": price.get("meter", "input_tokens"),
                    "context_band": price.get("context_band", ""),
                    "price_per_million": price["price"],
                    "currency": "USD",
                    "version": "1",
                }
            )
    for emitter, meters in EMITTERS.items():
        told = [call for call in calls if (call["cache_read_input_tokens"] != "") == (len(meters) > 1)]
        _write_csv(folder / "telemetry" / f"{emitter}.csv", told)
    _write_csv(folder / "telemetry" / "runs.csv", runs)
    _write_csv(folder / "telemetry" / "outcomes.csv", outcomes)
    (folder / "telemetry").mkdir(exist_ok=True)
    for file, told in spans_by_file(spans).items():
        (folder / "telemetry" / f"{file}.json").write_text("".join(json.dumps(message) + "\n" for message in told))
    for table, rows in reference.items():
        _write_csv(folder / "reference" / f"{table}.csv", rows)
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump(_settings(examples)))
    return settings


def _settings(examples: dict[str, Row]) -> Row:
    same = {name: name for name in ("event_id", "run_id", "tenant_id", "feature_id", "environment")}
    columns = same | {
        "record_id": "id",
        "response_id": "id",
        "provider": "provider",
        "model": "model",
        "billing_account_id": "account",
        "sub_account_id": "project",
        "api_key_id": "key",
        "batch": "batch",
        "context_band": "context_band",
        "usage_source": "usage_source",
        "sampling_probability_millionths": "probability",
        "ended_at": "at",
        "started_at": "began",
        "status": "status",
    }
    calls = [
        {
            "name": emitter,
            "kind": "mapped",
            "uri": "telemetry",
            "pattern": rf"{emitter}\.csv",
            "format": "csv",
            "entity": "calls",
            "columns": columns,
            "usage": {"semantics": "exclusive", "meters": [{"meter": meter, "column": meter} for meter in meters]},
        }
        for emitter, meters in EMITTERS.items()
    ]
    runs = {
        "name": "runs",
        "kind": "mapped",
        "uri": "telemetry",
        "pattern": r"runs\.csv",
        "format": "csv",
        "entity": "runs",
        "columns": same | {"customer_id": "customer", "status": "status", "started_at": "began", "ended_at": "at"},
    }
    outcomes = {
        "name": "outcomes",
        "kind": "mapped",
        "uri": "telemetry",
        "pattern": r"outcomes\.csv",
        "format": "csv",
        "entity": "outcomes",
        "columns": {
            "event_id": "event_id",
            "outcome": "outcome",
            "emitter": {"constant": "system_of_record"},
            "occurred_at": "at",
        },
    }
    bills = [
        {
            "name": name,
            "kind": "focus_file",
            "uri": f"bills/{name}",
            "pattern": r"bill\.csv",
            "usage_report": r"usage\.csv",
        }
        for name in (*examples, *(f"{name}-other" for name in examples if "other_bill" in examples[name]))
    ]
    traces = {"name": "traces", "kind": "otlp", "uri": "telemetry", "pattern": r".*\.json"}
    return {"billing": bills, "telemetry": [*calls, runs, outcomes, traces]}


def _bill_line(line: Row) -> Row:
    day = line.get("day", DAY)
    end = line.get("until", day + timedelta(days=1))
    return {
        "BilledCost": line["cost"],
        "EffectiveCost": line.get("effective", line["cost"]),
        "ListCost": line.get("list", line["cost"]),
        "BillingAccountId": line.get("account", "acct"),
        "SubAccountId": line.get("project", ""),
        "BillingCurrency": line.get("currency", "USD"),
        "BillingPeriodStart": line.get("billing_month", day.replace(day=1)),
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{end}T00:00:00Z",
        "ChargeCategory": line.get("category", "Usage"),
        "ServiceName": line.get("service", "API"),
        "ConsumedQuantity": line.get("quantity", ""),
        "ConsumedUnit": line.get("unit", "tokens"),
        "x_ApiKeyId": line.get("key", "A"),
        "x_Model": line.get("model", "model"),
        "x_Meter": line.get("meter", "input_tokens"),
        "x_Batch": line.get("batch", ""),
        "x_ContextBand": line.get("context_band", ""),
        "x_CacheTtl": line.get("ttl", ""),
        "x_LineId": line.get("line", ""),
        "x_LinkedLineIds": line.get("linked", ""),
        "x_Reduction": line.get("reduction", ""),
    }


def _report_row(row: Row) -> Row:
    day = row.get("day", DAY)
    return {
        "ChargePeriodStart": f"{day}T00:00:00Z",
        "ChargePeriodEnd": f"{day + timedelta(days=1)}T00:00:00Z",
        "ConsumedQuantity": row["quantity"],
        "ConsumedUnit": "tokens",
        "x_Meter": "input_tokens",
        "x_Model": "model",
        "BillingAccountId": row.get("account", ""),
        "x_ApiKeyId": row.get("key", "A"),
    }


def _calls(name: str, calls: list[Row]) -> Iterator[Row]:
    for number, call in enumerate(calls):
        for copy in range(call.get("repeat", 1)):
            at = f"{call.get('at', f'{DAY}T12:00:00')}".replace(" ", "T")
            own_event = "repeat" in call and not call.get("one_event")
            event = f"{copy}" if own_event else call.get("event", "e1")
            yield {
                "id": f"{name}-{number}-{copy}",
                "event_id": _own(name, event),
                "run_id": _own(f"{name}/{event}", call.get("run", "r1") if event else ""),
                "tenant_id": _own(name, call.get("tenant", "tenant")),
                "feature_id": name,
                "environment": call.get("environment", "production"),
                "provider": name.lower(),
                "model": "model",
                "account": call.get("account", ""),
                "project": call.get("project", ""),
                "key": call.get("key", "A"),
                "batch": call.get("batch", ""),
                "context_band": call.get("context_band", ""),
                "usage_source": call.get("usage_source", "provider"),
                "probability": call.get("probability", ""),
                "at": at,
                "began": f"{call.get('began', at)}".replace(" ", "T"),
                "status": call.get("status", "ok"),
                "input_tokens": call["tokens"],
                "cache_read_input_tokens": call.get("cached", ""),
            }


def _own(example: str, name: str) -> str:
    """A name that is the example's alone; nothing where it tells none."""
    return f"{example}/{name}" if name else ""


def _run(example: str, run: Row) -> Row:
    event = run.get("event", "e1")
    at = f"{run.get('at', f'{DAY}T12:00:00')}".replace(" ", "T")
    return {
        "event_id": _own(example, event),
        "run_id": _own(f"{example}/{event}", run["run"]),
        "tenant_id": _own(example, run.get("tenant", "tenant")),
        "customer": run.get("customer", ""),
        "feature_id": example,
        "environment": "production",
        "status": run.get("status", ""),
        "began": f"{run.get('began', at)}".replace(" ", "T"),
        "at": at,
    }


#: Key of a span in an example → the attribute that tells it.
_ATTRIBUTES = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "model": "gen_ai.response.model",
    "response": "gen_ai.response.id",
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "written": "gen_ai.usage.cache_creation.input_tokens",
    "thoughts": "gen_ai.usage.reasoning.output_tokens",
    "total": "gen_ai.usage.total_tokens",
    "unheard_of": "gen_ai.usage.unheard_of_tokens",
    "cache_hit": "llm.cache_hit",
    "event": "event_id",
    "run": "run_id",
    "tenant": "tenant_id",
    "feature": "feature_id",
    "environment": "deployment.environment.name",
    "key": "api_key_id",
}


def _span(example: str, told: Row) -> Row:
    """An OTLP/JSON span and the file it stands in. Ids are digests of the example's own names for them."""
    trace = hashlib.md5(f"{example}/{told.get('trace', 't')}".encode()).hexdigest()
    number = {
        name: hashlib.md5(f"{example}/{told[name]}".encode()).hexdigest()[:16]
        for name in ("id", "parent")
        if name in told
    }
    named = {name: f"{example}/{told[name]}" for name in ("event", "run", "tenant", "response") if told.get(name)}
    provider = f"{example.lower()}-{told['provider']}" if told.get("provider") else example.lower()
    values = (
        {"operation": "chat", "model": "model", "key": "A", "feature": example, "environment": "production"}
        | told
        | named
    )
    if "plain" not in told:
        values |= {"provider": provider}
    at = datetime.fromisoformat(str(told.get("at", f"{DAY}T12:00:00"))).replace(tzinfo=UTC)
    began = datetime.fromisoformat(str(told.get("began", at.isoformat()))).replace(tzinfo=UTC)
    attributes = [
        {
            "key": attribute,
            "value": {"intValue": str(values[name])}
            if isinstance(values[name], int)
            else {"stringValue": str(values[name])},
        }
        for name, attribute in _ATTRIBUTES.items()
        if values.get(name) is not None and not (told.get("plain") and name not in told)
    ]
    times = {
        f"{name}TimeUnixNano": f"{int(moment.timestamp())}000000000" for name, moment in (("start", began), ("end", at))
    }
    if told.get("untimed"):
        times = {}
    span = {"traceId": trace, "spanId": number["id"], "name": told["id"], "kind": 3, "attributes": attributes} | times
    if "parent" in number:
        span["parentSpanId"] = number["parent"]
    return {"file": told.get("file", "spans"), "scope": told.get("scope", "examples"), "span": span}


def spans_by_file(spans: list[Row]) -> dict[str, list[Row]]:
    """OTLP/JSON messages, one a span, by the file they stand in."""
    files: dict[str, list[Row]] = {}
    for told in spans:
        scoped = {"scope": {"name": told["scope"]}, "spans": [told["span"]]}
        files.setdefault(told["file"], []).append({"resourceSpans": [{"resource": {}, "scopeSpans": [scoped]}]})
    return files


def _outcomes(name: str, example: Row) -> Iterator[Row]:
    """Outcomes as ``said`` of single events; else of the first events successes, of the next failures; the rest have none."""
    at = str(example.get("outcome_at", "2026-10-01T13:00:00")).replace(" ", "T")
    number = 0
    events = ["e1"] if name == "E13" else [str(copy) for copy in range(100)]
    for outcome, count in example.get("outcomes", {}).items():
        for _ in range(count):
            yield {"event_id": f"{name}/{events[number]}", "outcome": outcome, "at": at}
            number += 1
    for event, outcome in example.get("said", {}).items():
        yield {"event_id": _own(name, event), "outcome": outcome, "at": at}


def _write_csv(path: Path, rows: list[Row]) -> None:
    """A file with these rows; none where there are none."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
