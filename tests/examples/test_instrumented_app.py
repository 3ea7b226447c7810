"""The example's services as processes: one event from its HTTP request over a queue and a fallback to what its calls were billed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.ingest.landing import Landing
from reconcilers.known import known
from reconcilers.sources.telemetry.attribute_contract import NAMES
from reconcilers.telemetry_lint import tagged
from reconcilers.warehouses.duckdb import read_only
from tests.emitters.collector import collector
from tests.emitters.company import write_company
from tests.emitters.figures import cost
from tests.emitters.provider import Handler, Ledger, Served, running

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-example" / "bin" / "python"
SERVICES = ROOT / "examples" / "instrumented_app"
#: What becomes of a ticket whose question says so: the first request of ``retried`` is refused, so that another model answers it.
TICKETS = ("plain", "retried")


class Provider(Handler):
    """The provider, and the headers it was sent."""

    heard: ClassVar[list[dict[str, str]]]

    def do_POST(self) -> None:
        self.heard.append({name.lower(): value for name, value in self.headers.items()})
        super().do_POST()


@dataclass(frozen=True)
class Driven:
    """What came of the tickets: the id of each one's event, what the provider served and was sent, and the company's settings."""

    events: dict[str, str]
    served: list[Served]
    heard: list[dict[str, str]]
    settings: Settings
    as_of: datetime

    def billed(self, ticket: str) -> Decimal:
        mine = [one.usage for one in self.served if one.scenario == ticket and one.usage]
        return sum((cost(used.quantities()) for used in mine), Decimal(0))


@contextmanager
def service(name: str, **environment: str) -> Iterator[str]:
    """A running service: what it says first, its address where it has one. What it has to export is exported when the block ends."""
    assert PYTHON.exists(), "make .venv-example/.ready"
    told = {"PATH": os.environ["PATH"], "OTEL_BSP_SCHEDULE_DELAY": "100", **environment}
    with subprocess.Popen([PYTHON, SERVICES / f"{name}.py"], env=told, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert process.returncode == 0, name


def requested(url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, content), timeout=30) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def answered(url: str) -> str:
    for _ in range(600):
        if answer := requested(url)["answer"]:
            return str(answer)
        time.sleep(0.05)
    raise AssertionError(f"no answer at {url}")


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Driven:
    """Every ticket taken, answered, landed, and reconciled with the provider's bill by the job."""
    folder, ledger = tmp_path_factory.mktemp("app"), Ledger()
    handler = type("ProviderOfApp", (Provider,), {"ledger": ledger, "heard": []})
    with ExitStack() as stack:
        shared = {"MODEL_URL": stack.enter_context(running(handler)), "JOBS": str(folder / "jobs.sqlite")}
        receiver = stack.enter_context(collector(folder))

        def begin(name: str, **more: str) -> str:
            return stack.enter_context(
                service(name, OTEL_EXPORTER_OTLP_ENDPOINT=f"{receiver}/{name}", **shared, **more)
            )

        answers = begin("answers")
        begin("worker", ANSWERS_URL=answers)
        front = begin("front")
        events = {
            ticket: requested(
                f"{front}/tickets", {"tenant": "ten_acme", "question": f"Where is parcel 7? [event app.{ticket}]"}
            )
            for ticket in TICKETS
        }
        for told in events.values():
            assert answered(f"{front}/tickets/{told['event_id']}") == "The parcel is on its way."
    file = write_company(folder, ledger.served)
    days = [one.at.date() for one in ledger.served]
    as_of = datetime.combine(max(days) + timedelta(days=5), datetime.min.time())
    command = [sys.executable, "-m", "reconcilers.cli", "run", "--config", str(file)]
    command += ["--from", f"{min(days)}", "--to", f"{max(days)}", "--as-of", as_of.isoformat()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ids = {ticket: told["event_id"] for ticket, told in events.items()}
    return Driven(ids, ledger.served, handler.heard, read_settings(file), as_of)  # type: ignore[attr-defined]


@pytest.fixture
def published(driven: Driven) -> Iterator[duckdb.DuckDBPyConnection]:
    with read_only(driven.settings.path(driven.settings.home) / "published" / "current") as connection:
        yield connection


def test_an_event_lands_as_each_service_told_it(driven: Driven) -> None:
    telling = {
        one.unit: [
            event
            for event in driven.events.values()
            for item in one.objects
            if event.encode() in one.path(item).read_bytes()
        ]
        for one in Landing(driven.settings.landing).known(driven.as_of, ["emitters"])
    }
    assert telling == {f"{name}.json": list(driven.events.values()) for name in ("answers", "front", "worker")}


def test_no_name_of_the_work_goes_to_the_provider(driven: Driven) -> None:
    assert len(driven.heard) == len(driven.served) == 5
    assert [headers for headers in driven.heard if {"baggage", "traceparent"} & headers.keys()] == []


def test_every_service_keeps_to_the_contract(driven: Driven) -> None:
    found = tagged(driven.settings, driven.as_of)
    assert {one.service: one.calls for one in found} == {"answers": 3, "worker": 2}
    assert [one for one in found if one.lacking(dict.fromkeys(NAMES, Decimal(1)))] == []


def test_a_fallback_is_another_run_of_its_event(driven: Driven, published: duckdb.DuckDBPyConnection) -> None:
    sql = """select kind, status, calls, reconciled_cost > 0 from finance.fct_run_cost where event_id = ? order by attempt"""
    runs = {ticket: published.execute(sql, [event]).fetchall() for ticket, event in driven.events.items()}
    assert runs == {
        "plain": [("primary", "success", 2, True)],
        "retried": [("primary", "failure", 1, False), ("fallback", "success", 2, True)],
    }


def test_an_event_costs_what_its_calls_were_billed(driven: Driven, published: duckdb.DuckDBPyConnection) -> None:
    sql = "select event_id, outcome, tenant_id, feature_id, workflow, reconciled_cost from finance.fct_cost_per_outcome"
    found = {event: rest for event, *rest in published.execute(sql).fetchall()}
    assert found == {
        event: ["success", "ten_acme", "ticket_resolution", "answer_and_check", driven.billed(ticket)]
        for ticket, event in driven.events.items()
    }
    assert all(driven.billed(ticket) > 0 for ticket in TICKETS)
    ((outside,),) = published.execute(
        "select count(*) from finance.fct_allocation where destination <> 'event'"
    ).fetchall()
    assert outside == 0
    kinds = published.execute("select kind from finance.fct_breaks").fetchall()
    assert kinds == []


def test_the_lake_has_the_call_of_each_service(driven: Driven) -> None:
    files = known(driven.settings, driven.as_of).files
    paths = [str(path) for path in files["calls"]]
    sql = "select distinct service from read_parquet(?) where event_id = ? and billable order by 1"
    services = duckdb.execute(sql, [paths, driven.events["retried"]]).fetchall()
    assert services == [("answers",), ("worker",)]
