"""A company small enough to read whose every file can change between two runs: calls and bills by day, runs, outcomes, reference.

``Company`` holds what the world says now; ``write`` puts it where the job's sources look. Days are numbered from ``FIRST``.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.periods import Period
from reconcilers.warehouses.duckdb import Version
from tests.claims.scenarios.nights import build

FIRST = date(2026, 9, 27)
DAYS = range(6)
Row = dict[str, Any]

_CALL = [
    "record_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "response_id",
    "provider",
    "model",
    "api_key_id",
    "event_id",
    "run_id",
    "tenant_id",
    "feature_id",
    "environment",
    "ended_at",
]
_RUN = ["run_id", "event_id", "retry_of_run_id", "started_at", "ended_at", "status"]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


class Company:
    """What its sources would say if asked now; ``hourly`` in a file of calls an hour, else in one a day."""

    def __init__(self, folder: Path, hourly: bool = False) -> None:
        self.folder, self.hourly = folder, hourly
        self.calls: dict[int, list[Row]] = {number: _calls(number) for number in DAYS}
        self.bills: dict[int, list[Row]] = {number: _bill(number) for number in DAYS}
        self.runs: list[Row] = [_run(number, event) for number in DAYS for event in range(3)]
        self.outcomes: list[Row] = [
            {"event_id": f"e{number}-{event}", "outcome": outcome, "at": f"{day(number)}T23:00:00"}
            for number in DAYS
            for event, outcome in ((0, "success"), (1, "failure"))
        ]
        self.reference: dict[str, list[Row]] = {
            "billing_sources": [
                {"source": "bill", "provider": "acme", "default_account_id": "acct", "finality_days": "3"},
            ],
            "environments": [
                {"environment": "production", "production": "true"},
                {"environment": "preview", "production": "true"},
            ],
            "contract_prices": [_price("small", "2"), _price("large", "10")],
            "key_map": [{"source": "bill", "api_key_id": "K1", "sub_account_id": "p1", "environment": ""}],
            "project_map": [],
            "model_aliases": [],
            "features": [{"feature_id": "chat", "name": "Chat"}],
            "tenants": [{"tenant_id": f"t{number}", "name": f"T{number}"} for number in range(3)],
        }

    def write(self) -> Settings:
        """The files as they are now, and the settings that read them."""
        for number in DAYS:
            for name, calls in self._files_of_calls(number):
                _write(self.folder / "telemetry" / name, [*_CALL, "tokens"], calls)
            _write(self.folder / "bills" / f"bill-{number}.csv", list(_bill(0)[0]), self.bills[number])
        _write(self.folder / "telemetry" / "runs.csv", _RUN, self.runs)
        _write(self.folder / "telemetry" / "outcomes.csv", ["event_id", "outcome", "at"], self.outcomes)
        for name, rows in self.reference.items():
            if rows:
                _write(self.folder / "reference" / f"{name}.csv", list(rows[0]), rows)
        file = self.folder / "reconcile.yaml"
        file.write_text(yaml.safe_dump(_SETTINGS))
        return read_settings(file)

    def _files_of_calls(self, number: int) -> Iterator[tuple[str, list[Row]]]:
        if not self.hourly:
            yield f"calls-{number}.csv", self.calls[number]
            return
        for hour in range(24):
            of_hour = [call for call in self.calls[number] if datetime.fromisoformat(call["ended_at"]).hour == hour]
            yield f"calls-{number}-{hour:02}.csv", of_hour


def _calls(number: int) -> list[Row]:
    """Three events of the day with two calls each, one that goes on past midnight, and a call of nobody's."""
    rows = [
        told_call(
            number,
            call,
            event=f"e{number}-{call // 2}",
            tenant=f"t{call // 2}",
            hour=9 + call,
            model=("small", "large")[call % 2],
        )
        for call in range(6)
    ]
    if number:
        late = told_call(number, 6, event=f"e{number - 1}-0", tenant="t0", hour=1, model="small")
        rows.append(late | {"trace_id": f"trace-{number - 1}-0"})
    return [*rows, told_call(number, 7, event="", tenant="", hour=20, model="large") | {"run_id": ""}]


def told_call(number: int, call: int, *, event: str, tenant: str, hour: int, model: str) -> Row:
    return {
        "record_id": f"r{number}-{call}",
        "trace_id": f"trace-{number}-{call // 2}",
        "span_id": f"span-{number}-{call}",
        "provider": "acme",
        "model": model,
        "api_key_id": f"K{call % 3}",
        "event_id": event,
        "run_id": f"{event}/run",
        "tenant_id": tenant,
        "feature_id": "chat",
        "environment": ("production", "preview")[call % 5 == 4],
        "ended_at": f"{day(number)}T{hour:02}:00:00",
        "tokens": 1000 + 137 * number + 31 * call,
    }


def _bill(number: int) -> list[Row]:
    return [line(number, key, model, "0.0123457") for key in ("K0", "K1", "K2") for model in ("small", "large")]


def line(number: int, key: str, model: str, cost: str, *, quantity: str = "2500", whole_month: bool = False) -> Row:
    start = day(number).replace(day=1) if whole_month else day(number)
    end = (start + timedelta(days=31)).replace(day=1) if whole_month else start + timedelta(days=1)
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost,
        "BillingAccountId": "acct",
        "BillingCurrency": "USD",
        "BillingPeriodStart": start.replace(day=1),
        "ChargePeriodStart": f"{start}T00:00:00Z",
        "ChargePeriodEnd": f"{end}T00:00:00Z",
        "ChargeCategory": "Usage",
        "ServiceName": "API",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "tokens",
        "x_ApiKeyId": key,
        "x_Model": model,
        "x_Meter": "input_tokens",
    }


def _run(number: int, event: int) -> Row:
    at = f"{day(number)}T09:00:00"
    return {
        "run_id": f"e{number}-{event}/run",
        "event_id": f"e{number}-{event}",
        "started_at": at,
        "ended_at": at,
        "status": "success",
    }


def _price(model: str, price: str) -> Row:
    return {
        "source": "bill",
        "model": model,
        "meter": "input_tokens",
        "price_per_million": price,
        "currency": "USD",
        "version": "1",
    }


def _write(path: Path, columns: list[str], rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _mapped(name: str, entity: str, columns: dict[str, Any], **more: Any) -> Row:
    return {
        "name": name,
        "kind": "mapped",
        "uri": "telemetry",
        "pattern": rf"{name}.*\.csv",
        "format": "csv",
        "entity": entity,
        "columns": columns,
        **more,
    }


_SETTINGS: Row = {
    "billing": [{"name": "bill", "kind": "focus_file", "uri": "bills", "pattern": r"bill-.*\.csv"}],
    "telemetry": [
        _mapped(
            "calls",
            "calls",
            {name: name for name in _CALL},
            usage={"semantics": "exclusive", "meters": [{"meter": "input_tokens", "column": "tokens"}]},
        ),
        _mapped("runs", "runs", {name: name for name in _RUN}),
        _mapped(
            "outcomes",
            "outcomes",
            {
                "event_id": "event_id",
                "outcome": "outcome",
                "emitter": {"constant": "system_of_record"},
                "occurred_at": "at",
            },
        ),
    ],
}


PERIOD = Period(FIRST, day(len(DAYS)))


def from_landing_alone(settings: Settings) -> Settings:
    """The same job with nothing but what landed."""
    other = settings.path(settings.home).with_name("anew")
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(settings.landing, other / "landing")
    return settings.model_copy(update={"home": other})


def anew(settings: Settings, as_of: datetime) -> Version:
    """What a job of no history makes of the same landing: lake, resolved calls, store and all."""
    return build(from_landing_alone(settings), PERIOD, as_of)
