"""Telemetry in a BigQuery table, read by the mapping that reads files: on the emulator, which keeps no partitions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.gcp_export import PROJECT, Export, fields
from tests.sources.telemetry.conftest import DAY, Job, Row

FIRST = "2026-10-01"
COLUMNS: Row = {
    "created_at": "TIMESTAMP",
    "noted_at": "DATETIME",
    "day": "DATE",
    "id": "STRING",
    "message": {"model": "STRING", "usage": {"input": "INTEGER", "output": "INTEGER"}, "content": "STRING"},
    "attributes": "JSON",
    "cost": "NUMERIC",
    "seconds": "FLOAT",
    "failed": "BOOLEAN",
    "prompt": "STRING",
    "tags": ["STRING"],
    "raw": "BYTES",
}
MAPPING: Row = {
    "entity": "calls",
    "columns": {
        "record_id": "id",
        "event_id": "attributes.event.id",
        "user_hash": "attributes.event.user",
        "provider": {"constant": "vertex_ai"},
        "model": "message.model",
        "ended_at": "created_at",
        "status": {"column": "failed", "map": {"true": "error", "false": "ok", "": None}},
        "reported_cost": "cost",
        "reported_currency": {"constant": "USD"},
    },
    "usage": {
        "semantics": "exclusive",
        "meters": [
            {"meter": "input_tokens", "column": "message.usage.input"},
            {"meter": "output_tokens", "column": "attributes.usage.output"},
            {"meter": "seconds", "column": "seconds"},
        ],
    },
}
_DATASETS = count(1)


def call(name: str, at: str = f"{FIRST}T08:00:00Z", **changes: Any) -> Row:
    """One row of the company's own table of calls."""
    return {
        "created_at": at,
        "noted_at": at.removesuffix("Z"),
        "day": at[:10],
        "id": name,
        "message": {"model": "gemini-2.5-flash", "usage": {"input": 120, "output": 7}, "content": "a secret answer"},
        "attributes": {"event": {"id": "ticket-1", "user": "u1"}, "usage": {"output": 30}, "note": "a secret note"},
        "cost": "0.000123456",
        "seconds": 0.1,
        "failed": False,
        "prompt": "a secret question",
        "tags": ["a"],
        **changes,
    }


class Calls(Export):
    """The company's table on the emulator, in a dataset of its own."""

    def source(self, instead: Row = MAPPING, **config: Any) -> Source:
        own = {"name": "traces", "kind": "mapped_bigquery", "table": self.name, "day_column": "created_at"}
        return registry.load("telemetry", own | instead | {"timeout_seconds": 5} | config)


@pytest.fixture
def calls(emulator: str) -> Callable[..., Calls]:
    """Makes the company's table with these rows."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    def make(*rows: Row) -> Calls:
        client = bigquery.Client(PROJECT, AnonymousCredentials())
        dataset = f"{PROJECT}.app_{next(_DATASETS)}"
        client.create_dataset(dataset)
        table = bigquery.Table(f"{dataset}.calls", schema=fields(COLUMNS))
        table.time_partitioning = bigquery.TimePartitioning(field="created_at")
        client.create_table(table)
        made = Calls(client, str(table.reference))
        if rows:
            made.append(*rows)
        return made

    return make


def test_a_table_says_what_a_file_of_its_rows_says(calls: Any, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_USER_KEY", "key")
    rows = [
        call("a", seconds=0.30000000000000004, cost="12345678901.000000001"),
        call("b", f"{FIRST}T09:00:00.123456Z", failed=True, cost="-0.5", message={"usage": {"input": 999_999_999_999}}),
        call("c", f"{FIRST}T10:00:00Z", failed=None, cost=None, message=None, attributes={"usage": {"output": 999_999_999_998}}),
        call("d", f"{FIRST}T11:00:00Z", cost="1", seconds=None, attributes=None),
    ]  # fmt: skip
    table = job.land(calls(*reversed(rows)).source(), FIRST)
    content = "\n".join(map(json.dumps, rows)).encode()
    file = job.take(content, "rows.ndjson", kind="mapped", format="ndjson", **MAPPING)
    own = {"landing_id": ""}
    assert [row | own for row in table.calls] == [row | own for row in file.calls]
    assert [row["record_id"] for row in table.calls] == ["a", "b", "c", "d"]
    assert table.calls[0]["usage"][2]["quantity"] == Decimal("0.3")
    assert table.calls[1]["usage"][0]["quantity"] == 999_999_999_999
    assert (table.calls[1]["ended_at"], table.calls[1]["status"]) == (datetime(2026, 10, 1, 9, 0, 0, 123456), "error")


def test_outcomes_of_a_system_of_record(calls: Any, job: Job) -> None:
    """A view is a query that is kept: what it says of events ends them."""
    columns = {
        "event_id": "attributes.event.id",
        "outcome": {"column": "failed", "map": {"true": "failure", "false": "success"}},
        "emitter": {"constant": "system_of_record"},
        "occurred_at": "created_at",
    }
    made = calls(call("a"), call("b", failed=True, attributes={"event": {"id": "ticket-2"}}))
    told = job.land(made.source(instead={"entity": "outcomes", "columns": columns}), FIRST).rows["outcomes"]
    assert {(row["event_id"], row["outcome"], row["emitter"]) for row in told} == {
        ("ticket-1", "success", "system_of_record"),
        ("ticket-2", "failure", "system_of_record"),
    }


def test_prompts_stay_in_bigquery(calls: Any, job: Job) -> None:
    taken = job.land(calls(call("a")).source(), FIRST)
    assert b"secret" not in taken.stored
    line = json.loads(taken.stored)
    assert set(line) == {"attributes", "cost", "created_at", "failed", "id", "message", "seconds"}
    assert line["message"] == {"model": "gemini-2.5-flash", "usage": {"input": 120}}
    assert line["attributes"] == {"event": {"id": "ticket-1", "user": "u1"}, "usage": {"output": 30}}


def test_attributes_with_dots_in_their_names(calls: Any, job: Job) -> None:
    """As OpenTelemetry's are stored; a value keeps every digit."""
    made = calls(call("a", attributes={"gen_ai.usage.input_tokens": 123456789012, "gen_ai": {"usage": 5}}))
    meter = {"meter": "input_tokens", "column": "attributes.gen_ai.usage.input_tokens"}
    (row,) = job.land(made.source(usage={"semantics": "exclusive", "meters": [meter]}), FIRST).calls
    assert [element["quantity"] for element in row["usage"]] == [123456789012]


def test_numbers_as_bigquery_writes_them(job: Job) -> None:
    """With many digits NUMERIC and INT64 are text, where the emulator writes numbers; doubles are not."""
    own = {"name": "traces", "kind": "mapped_bigquery", "table": "p-app.app.calls", "day_column": "created_at"}
    source = registry.load("telemetry", own | MAPPING)
    pull = job.landing.pull("traces", "mapped_bigquery", FIRST)
    line = (
        b'{"created_at":"2026-10-01T08:00:00.5Z","id":"a","cost":"9007199254740993.000123456","seconds":1e-09,'
        b'"message":{"usage":{"input":"999999999999"}},"attributes":null,"failed":true}\n'
    )
    pull.add("rows", "bigquery://p-app.app.calls", line)
    landed, _ = job.landing.commit(pull, datetime(2026, 10, 2))
    (row,) = [row for _, table in source.normalise(landed) for row in table.to_pylist()]
    assert (row["reported_cost"], row["status"]) == (Decimal("9007199254740993.000123456"), "error")
    assert [element["quantity"] for element in row["usage"]] == [999999999999, Decimal("1e-9")]


def test_nights_of_the_job(calls: Any, tmp_path: Path) -> None:
    """Days are read again for what came late; equal rows are no news, a changed row replaces, vanished rows are told."""
    rows = [call("a"), call("aa"), call("b", "2026-09-30T08:00:00Z"), call("late", "2026-09-29T08:00:00Z")]
    made = calls(*rows)
    config = made.source().config.model_dump() | {"late_days": 1}
    settings = Settings(telemetry=(config,), file=tmp_path / "reconcile.yaml")

    def night(hour: int) -> pipeline.LandingReport:
        report = pipeline.land(settings, "traces", DAY, datetime(2026, 10, 2, hour))
        assert (report.units, report.failures) == (2, [])
        return report

    def change(sql: str) -> None:
        made.client.query(sql.replace("calls", f"`{made.name}`")).result()

    first = night(1)
    assert (first.news, first.rows) == (2, {"calls": 3})
    change("delete from calls where true")
    made.append(*reversed(rows))
    assert night(2).news == 0
    change("update calls set cost = 9 where id = 'b'")
    changed = night(3)
    assert (changed.news, changed.warnings) == (1, [])
    change("delete from calls where id = 'b'")
    gone = night(4)
    assert (gone.news, gone.rows) == (1, {"calls": 2})
    assert gone.warnings == ["2026-09-30: every row known before has vanished at the source"]


def test_late_days_are_those_before_the_period() -> None:
    source = Calls(None, "p-app.app.calls").source(late_days=2)
    assert list(source.units(Period(date(2026, 10, 1), date(2026, 10, 3)))) == [
        "2026-09-29",
        "2026-09-30",
        FIRST,
        "2026-10-02",
    ]


@pytest.mark.parametrize("column", ["created_at", "noted_at", "day"])
def test_a_unit_is_a_day_of_its_column(calls: Any, job: Job, column: str) -> None:
    times = ("2026-09-30T23:59:59.999999Z", f"{FIRST}T00:00:00Z", f"{FIRST}T23:59:59.999999Z", "2026-10-02T00:00:00Z")
    made = calls(*(call(str(n), at) for n, at in enumerate(times)))
    assert [row["record_id"] for row in job.land(made.source(day_column=column), FIRST).calls] == ["1", "2"]


def test_of_rows_with_one_key_the_latest_is_kept(calls: Any, job: Job) -> None:
    made = calls(call("a", f"{FIRST}T10:00:00Z", cost="1"), call("a", f"{FIRST}T09:00:00Z", cost="2"), call("b"))
    config = {"dedupe": {"key": ["id"], "keep": "last"}, "where": {"id": "a"}}
    (row,) = job.land(made.source(**config), FIRST).calls
    assert (row["reported_cost"], row["landing_line"]) == (1, 3)


def test_a_row_that_does_not_fit_names_day_line_and_column(calls: Any, job: Job) -> None:
    made = calls(call("a"), call("b", f"{FIRST}T09:00:00Z", cost="-1"), call("c", f"{FIRST}T10:00:00Z", id=None))
    taken = job.land(made.source(), FIRST)
    assert [row["record_id"] for row in taken.calls] == ["a", "b"]
    (lost,) = taken.rows["rejected_records"]
    assert (lost["unit"], lost["landing_line"]) == ("2026-10-01.ndjson", 3)
    assert lost["reason"] == "column record_id (from id): is empty and must not be"


def test_columns_that_cannot_be_read(calls: Any, job: Job) -> None:
    made = calls()
    for column, problem in {
        "team": "no column 'team'",
        "message.team": "no column 'message.team'",
        "id.team": "no column 'id.team'",
        "tags": "column 'tags' is repeated, where one value is expected",
        "raw": "column 'raw' is BYTES, which a mapping cannot read",
        "message.usage": "column 'message.usage' is RECORD, which",
    }.items():
        with pytest.raises(SourceChangedShape, match=f"source traces, file {made.name}: {problem}.* -> .*mapping"):
            job.land(made.source(columns=MAPPING["columns"] | {"tenant_id": column}), FIRST)
    with pytest.raises(SourceChangedShape, match="column 'id' is STRING, which is no TIMESTAMP or DATETIME or DATE"):
        job.land(made.source(day_column="id"), FIRST)
    with pytest.raises(SettingsInvalid, match=r"not found: .* -> check `table`: is there a dataset"):
        job.land(made.source(table=f"{PROJECT}.nowhere.calls"), FIRST)
    with pytest.raises(SettingsInvalid, match="'id` or true' can be no column of BigQuery"):
        made.source(day_column="id` or true")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Row]]:
    """What BigQuery is asked over HTTP: a server that has the company's table, and refuses every query it notes."""
    asked: list[Row] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reference = {"projectId": "p-app", "datasetId": "app", "tableId": "calls"}
            schema = {"fields": [field.to_api_repr() for field in fields(COLUMNS)]}
            self.tell(200, {"tableReference": reference, "schema": schema, "location": "asia-southeast2"})

        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.tell(400, {"error": {"code": 400, "message": "noted", "errors": [{"reason": "invalidQuery"}]}})

        def tell(self, status: int, answer: Row) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()


@pytest.mark.parametrize(
    ("column", "kind", "start", "end"),
    [
        ("created_at", "TIMESTAMP", "2026-10-01 00:00:00+00:00", "2026-10-02 00:00:00+00:00"),
        ("noted_at", "DATETIME", "2026-10-01T00:00:00.000000", "2026-10-02T00:00:00.000000"),
        ("day", "DATE", "2026-10-01", "2026-10-02"),
    ],
)
def test_the_day_is_bound_as_its_column_is_typed(
    asked: list[Row], job: Job, column: str, kind: str, start: str, end: str
) -> None:
    """The column stands alone in the filter, as pruning wants it; BigQuery compares no two of the three types."""
    config = {"day_column": column, "project": "p-jobs", "maximum_bytes_billed": 10_485_760}
    with pytest.raises(SourceRejected, match=r"source traces, file p-app.app.calls: BigQuery refused: .*noted"):
        job.land(Calls(None, "p-app.app.calls").source(**config), FIRST)
    (one,) = asked
    assert (one["jobReference"]["projectId"], one["jobReference"]["location"]) == ("p-jobs", "asia-southeast2")
    query = one["configuration"]["query"]
    assert query["maximumBytesBilled"] == "10485760"
    assert f"where t.`{column}` >= @start and t.`{column}` < @end order" in query["query"]
    bound = {p["name"]: (p["parameterType"]["type"], p["parameterValue"]["value"]) for p in query["queryParameters"]}
    assert bound == {"start": (kind, start), "end": (kind, end)}


def test_a_probe_asks_for_the_columns_and_runs_no_query(asked: list[Row]) -> None:
    day = Period.of_day(date(2026, 10, 1))
    assert Calls(None, "p-app.app.calls").source(day_column="created_at").probe(day) == 1
    with pytest.raises(SourceChangedShape, match="no_such_column"):
        Calls(None, "p-app.app.calls").source(day_column="no_such_column").probe(day)
    assert asked == []
