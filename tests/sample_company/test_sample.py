"""The sample company: what it writes, what it plants, what it serves, and that its true answer closes."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard

import reconcilers.sample_company
from reconcilers.sample_company import sample, store
from reconcilers.sample_company.providers.server import CREDENTIALS, Providers, serving
from reconcilers.sample_company.seen import knowledge, traces
from reconcilers.sample_company.seen.view import flushed_at, has_span, seen_place
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.truth.answer import Truth
from reconcilers.sample_company.truth.calls import Call, call_id
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    AWS,
    COHERE,
    DATABRICKS,
    FEATURES,
    GPUS,
    OPENAI,
    READERS,
    SNOWFLAKE,
    TENANTS,
)
from reconcilers.sample_company.world.happened import Planted, TrueCall
from reconcilers.sample_company.world.incidents import (
    BURST,
    CONCENTRATION,
    PRICE_CHANGE,
    PROMPT_REGRESSION,
    QUIET,
    REGRESSED_PROMPT,
    RUNAWAY_RUN,
    UNINSTRUMENTED,
    Incident,
    incidents,
)

SEED, START, END, EVENTS_PER_DAY = 1, date(2026, 9, 25), date(2026, 10, 5), 60

PLANTED_KINDS = {
    "dropped_span",
    "delivered_twice",
    "nested_usage",
    "call_without_event",
    "cut_stream",
    "estimated_usage",
    "uninstrumented_key",
    "contract_below_list",
    "price_tier",
    "cached_tokens",
    "late_bill",
    "restated_bill",
    "billed_next_month",
    "credit",
    "tax",
    "support_fee",
    "price_reduction",
    "idle_commitment",
    "gpu_host",
    "foreign_currency",
    "unmapped_line",
    "quantity_in_report_only",
    "no_quantity",
    "staging_traffic",
    "clock_skew",
    "reversed_outcome",
    "sampled_spans",
    "billed_nowhere",
    "unknown_environment",
    "unpriced_model",
    "prompt_regression",
    "two_tenants",
    "long_context",
    "ids_on_root",
    "cache_untold",
    "told_by_gateway",
    "partly_exported",
    "reused_response_id",
    "ownerless_span",
    "dearer_days",
    "batch_billed_next_day",
    "invoice_sent_twice",
    "invoice_rounded",
    "invoice_before_exports",
    "invoice_too_high",
    "invoice_never_sent",
    "invoice_reissued",
    "invoice_line_unlisted",
    "invoice_credited",
    "retracted_record",
    "idle_gpu",
    "prepaid_capacity",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "company"
    sample.make(SEED, START, END, EVENTS_PER_DAY, folder)
    return folder


@pytest.fixture(scope="module")
def truth(out: Path) -> GroundTruth:
    return store.load(out)


@pytest.fixture(scope="module")
def answer(out: Path, truth: GroundTruth) -> Truth:
    return sample.truth_at(out, knowledge.settled_at(truth))


@pytest.fixture(scope="module")
def providers(out: Path) -> Iterator[Providers]:
    with serving(out) as running:
        yield running


def planted(truth: GroundTruth, kind: str) -> list[Planted]:
    return [one for one in truth.world.planted if one.kind == kind]


def call_of(answer: Truth, call: TrueCall) -> Call:
    """The call of the answer whose only telling is the true call's span."""
    return answer.calls[call_id(["|".join(seen_place(call))])]


def cost_of(answer: Truth, call: TrueCall) -> Decimal:
    return answer.call_cost[call_of(answer, call).call_id]


def step_cost(answer: Truth, step: str, source: str | None = None) -> Decimal:
    """What all statements together show under one step."""
    return sum(
        (
            cost
            for statement, one in answer.waterfall.items()
            for (_, destination, _), cost in one.rows.items()
            if destination == step and source in (None, statement.source)
        ),
        Decimal(0),
    )


# What is written ------------------------------------------------------------------------------------------------------


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        sample.make(SEED, START, END, 20, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append(
            {path.relative_to(tmp_path / name): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        )
    assert digests[0] == digests[1]
    assert len(digests[0]) > 50
    sample.make(SEED + 1, START, END, 20, tmp_path / "second")
    assert (tmp_path / "first" / "truth.json").read_bytes() != (tmp_path / "second" / "truth.json").read_bytes()


def test_ground_truth_loads_back_equal(tmp_path: Path) -> None:
    made = sample.make(SEED, START, END, 20, tmp_path / "company")
    loaded = store.load(tmp_path / "company")
    for field in fields(made.world):
        if field.name != "tools":
            assert getattr(loaded.world, field.name) == getattr(made.world, field.name), field.name
    for name in ("ledger", "invoices", "income", "delivered"):
        assert getattr(loaded, name) == getattr(made, name), name


def test_a_folder_that_is_no_sample_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="no sample"):
        sample.make(SEED, START, END, 20, tmp_path)
    assert (tmp_path / "letters.txt").read_text() == "dear"


def test_the_company_is_as_large_as_promised(truth: GroundTruth) -> None:
    events = Counter(event.tenant_id for event in truth.world.events)
    assert len(events) >= 12
    assert len({tenant.segment for tenant in TENANTS}) == 3
    assert events.most_common(1)[0][1] > 3 * events.most_common(2)[1][1]
    assert {event.feature_id for event in truth.world.events} == {feature.feature_id for feature in FEATURES}
    kinds = Counter(run.kind for run in truth.world.runs)
    assert set(kinds) == {"primary", "retry", "fallback", "escalation", "worker"}
    workers = defaultdict(set)
    for run in truth.world.runs:
        if run.feature_id == "report_writer":
            workers[run.event_id].add(run.ended_at.date())
    assert any(len(days) == 2 for days in workers.values())
    assert any(len({day.month for day in days}) == 2 for days in workers.values())


def test_every_kind_of_damage_is_planted_and_recorded(truth: GroundTruth) -> None:
    assert {one.kind for one in truth.world.planted} == PLANTED_KINDS
    assert all(one.what and one.expected_effect for one in truth.world.planted)
    assert [one for one in truth.world.planted if not one.amount] == []


def test_nothing_of_the_pipeline_is_imported() -> None:
    for path in Path(reconcilers.sample_company.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("reconcilers") or name.startswith("reconcilers.sample_company"), path


# Traces ---------------------------------------------------------------------------------------------------------------


def messages(path: Path) -> Iterator[Any]:
    """Every message of a trace file, in any of the three packings."""
    content = path.read_bytes()
    if path.suffix == ".zst":
        while content:
            size = int.from_bytes(content[:4], "big")
            yield traces.of_protobuf(zstandard.ZstdDecompressor().decompress(content[4 : 4 + size]))
            content = content[4 + size :]
    else:
        lines = gzip.decompress(content) if path.suffix == ".gz" else content
        yield from map(json.loads, lines.splitlines())


@pytest.fixture(scope="module")
def spans(out: Path) -> dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]]:
    """(trace, span) → every delivery: its file and the span, attributes as a plain object."""
    found: dict[tuple[str, str], list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in sorted((out / "telemetry").rglob("*_traces_*")):
        for message in messages(path):
            for resource in message["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        told = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
                        span = span | {"attributes": told}
                        found[span["traceId"], span["spanId"]].append((path.relative_to(out), span))
    return found


def test_three_packings_are_written(out: Path) -> None:
    assert {path.suffix for path in (out / "telemetry").rglob("*_traces_*")} == {".json", ".gz", ".zst"}


def test_each_call_is_delivered_as_often_as_it_should(spans: Any, truth: GroundTruth) -> None:
    for call in truth.world.calls:
        deliveries = spans.get(seen_place(call), [])
        assert len(deliveries) == (0 if not has_span(call) else 2 if call.delivered_twice else 1), call
        if call.delivered_twice:
            (first, span), (again, repeated) = deliveries
            assert first != again
            assert span == repeated


def test_a_file_is_named_by_when_it_was_flushed(spans: Any, truth: GroundTruth) -> None:
    delivered = {one.path: one.known_from for one in truth.delivered}
    for call in truth.world.calls:
        if has_span(call):
            path = spans[seen_place(call)][0][0].as_posix()
            at = flushed_at(call.service, call.ended_at)
            assert delivered[path] == at
            assert path.startswith(f"telemetry/year={at:%Y}/month={at:%m}/day={at:%d}/")


def test_baggage_joins_services_unless_it_was_lost_or_stays_on_the_root(spans: Any, truth: GroundTruth) -> None:
    services = defaultdict(set)
    for call in truth.world.calls:
        if has_span(call) and call.feature_id != "document_intake":
            told = spans[seen_place(call)][0][1]["attributes"]
            event = told.get("event_id") or told.get("botanu.event_id")
            assert event == (None if call.event_lost or call.ids_on_root else call.event_id)
            services[event].add(call.service)
    assert any(len(found) >= 3 for event, found in services.items() if event)


def test_nested_spans_repeat_the_usage_of_what_is_below_them(spans: Any, truth: GroundTruth) -> None:
    every = {key: deliveries[0][1] for key, deliveries in spans.items()}
    wrapped = [call for call in truth.world.calls if call.wrapped]
    assert {call.seen for call in wrapped} == {True, False}
    for call in (one for one in wrapped if one.seen):
        own = every[call.trace_id, call.span_id]
        above = every[call.trace_id, own["parentSpanId"]]
        summed, its = (int(one["attributes"]["gen_ai.usage.output_tokens"]) for one in (above, own))
        assert summed >= its
        assert above["parentSpanId"] != ""


def test_sampled_spans_say_so(spans: Any, truth: GroundTruth) -> None:
    embeddings = [call for call in truth.world.calls if call.service == "embedder"]
    kept = [call for call in embeddings if not call.sampled_away]
    assert 0.4 < len(kept) / len(embeddings) < 0.6
    states = {spans[seen_place(call)][0][1].get("traceState") for call in kept if call.seen}
    assert states == {"ot=th:8"}


def test_a_cut_stream_tells_no_usage(spans: Any, truth: GroundTruth) -> None:
    cut = [call for call in truth.world.calls if call.seen_usage == ()]
    assert cut
    for call in cut:
        told = spans[seen_place(call)][0][1]["attributes"]
        assert told["error.type"] == "stream_aborted"
        assert not [name for name in told if ".usage." in name]


# What is served -------------------------------------------------------------------------------------------------------


def get(
    providers: Providers, path: str, query: list[tuple[str, str]], key: str | None = None, at: str | None = None
) -> Any:
    request = urllib.request.Request(f"{at or providers.addresses.openai}{path}?{urlencode(query)}")
    request.add_header("Authorization", f"Bearer {key or CREDENTIALS['OPENAI_ADMIN_KEY']}")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read(), parse_float=Decimal)


def window(first: date, end: date) -> list[tuple[str, str]]:
    seconds = [int((instant(day) - datetime(1970, 1, 1)).total_seconds()) for day in (first, end)]
    return [("start_time", str(seconds[0])), ("end_time", str(seconds[1]))]


def costs(providers: Providers, *query: tuple[str, str]) -> list[Any]:
    """All results of the sample's window, page after page."""
    found, page = [], None
    while True:
        cursor = [("page", page)] if page else []
        body = get(providers, "/v1/organization/costs", [*window(START, END), *query, *cursor])
        found += [(bucket["start_time"], result) for bucket in body["data"] for result in bucket["results"]]
        page = body["next_page"]
        assert body["has_more"] == (page is not None)
        if page is None:
            return found


def test_costs_come_in_pages_that_add_up(providers: Providers, truth: GroundTruth) -> None:
    groups = [("group_by[]", name) for name in ("project_id", "line_item", "api_key_id")]
    paged = costs(providers, ("limit", "3"), *groups)
    assert paged == costs(providers, ("limit", "180"), *groups)
    billed = sum(
        line.charge.billed_cost
        for line in truth.ledger.lines_as_of(providers.known_at, OPENAI)
        if line.charge.charge_period_start.date() < END
    )
    assert sum(Decimal(str(result["amount"]["value"])) for _, result in paged) == billed
    assert sum(Decimal(str(result["amount"]["value"])) for _, result in costs(providers)) == billed
    assert {result["amount"]["currency"] for _, result in paged} == {"usd"}


def test_usage_adds_up_to_what_was_truly_used(providers: Providers, truth: GroundTruth) -> None:
    totals: Counter[str] = Counter()
    for report in ("completions", "embeddings"):
        query = [*window(START, END), ("limit", "31"), ("group_by[]", "model"), ("group_by[]", "api_key_id")]
        for bucket in get(providers, f"/v1/organization/usage/{report}", query)["data"]:
            for row in bucket["results"]:
                totals["requests"] += row["num_model_requests"]
                totals["input"] += row["input_tokens"]
                totals["output"] += row.get("output_tokens", 0)
    calls = [
        call
        for call in truth.world.calls
        if call.source == OPENAI and call.billed and call.ended_at.date() + timedelta(days=call.billed_days_later) < END
    ]
    used: Counter[str] = Counter()
    for call in calls:
        for usage in call.usage:
            used["output" if usage.meter == "output_tokens" else "input"] += int(usage.quantity)
    assert totals == used + Counter(requests=len(calls))


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [
        ([], "sk-wrong", 401),
        ([("limit", "181")], None, 400),
        ([("group_by[]", "model")], None, 400),
        ([("page", "nonsense")], None, 400),
    ],
)
def test_wrong_questions_are_refused(
    providers: Providers, query: list[tuple[str, str]], key: str | None, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(providers, "/v1/organization/costs", [*window(START, END), *query], key)
    assert refused.value.code == status
    assert json.loads(refused.value.read())["error"]["message"]


def test_providers_show_what_they_knew(out: Path, providers: Providers, truth: GroundTruth) -> None:
    (late,) = planted(truth, "late_bill")
    assert late.day is not None
    at = providers.known_at
    night = instant(late.day + timedelta(days=2))
    try:
        request = urllib.request.Request(
            f"{providers.addresses.openai}/sample/known_at", night.isoformat().encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=10).close()
        assert providers.known_at == night
        shown = {datetime.fromtimestamp(start).date() for start, _ in costs(providers)}
        known = {line.charge.charge_period_start.date() for line in truth.ledger.lines_as_of(night, OPENAI)}
        assert len(shown) == len(known)
        assert late.day not in known
        delivered = {path.relative_to(out).as_posix() for path in (out / "telemetry").rglob("*_traces_*")}
        assert delivered == {
            one.path for one in truth.delivered if one.known_from <= night and one.path.startswith("telemetry/")
        }
    finally:
        providers.know(at)
    assert len({start for start, _ in costs(providers)}) == (END - START).days
    assert all((out / one.path).is_file() for one in truth.delivered)


def stripe(providers: Providers, path: str, *query: tuple[str, str]) -> list[Any]:
    """Every object of a list, page after page."""
    found: list[Any] = []
    while True:
        after = [("starting_after", found[-1]["id"])] if found else []
        page = get(providers, path, [*query, *after], CREDENTIALS["STRIPE_API_KEY"], providers.addresses.stripe)
        found += page["data"]
        if not page["has_more"]:
            return found


def test_what_customers_are_invoiced_comes_in_pages_that_add_up(providers: Providers, truth: GroundTruth) -> None:
    invoices = stripe(providers, "/v1/invoices", ("limit", "3"), ("expand[0]", "data.customer"))
    assert invoices == stripe(providers, "/v1/invoices", ("limit", "100"), ("expand[0]", "data.customer"))
    assert [one["created"] for one in invoices] == sorted((one["created"] for one in invoices), reverse=True)
    invoiced = [one.line for one in truth.income if one.line.kind == "invoice"]
    assert sum(one["total"] for one in invoices) == sum(line.amount for line in invoiced if line.amount > 0) * 100
    for one in invoices:
        lines = stripe(providers, f"/v1/invoices/{one['id']}/lines")
        assert one["lines"]["data"] == lines[:10]
        assert one["total"] == sum(line["amount"] for line in lines)
    assert {one["customer"]["metadata"]["tenant_id"] for one in invoices} == {line.tenant_id for line in invoiced}
    (credited,) = [one for one in invoices if one["pre_payment_credit_notes_amount"]]
    (note,) = stripe(providers, "/v1/credit_notes", ("invoice", credited["id"]))
    (taken,) = [line for line in invoiced if line.amount < 0]
    assert note["total"] == credited["pre_payment_credit_notes_amount"] == -taken.amount * 100
    assert note["lines"]["data"] == stripe(providers, f"/v1/credit_notes/{note['id']}/lines")


def test_stripe_knows_an_invoice_from_when_it_is_written(providers: Providers, truth: GroundTruth) -> None:
    at, first = providers.known_at, min(one.known_from for one in truth.income)
    try:
        providers.know(first)
        known = [one for one in truth.income if one.known_from <= first]
        (newest, *_) = stripe(providers, "/v1/invoices", ("limit", "100"))
        assert newest["created"] == int(first.replace(tzinfo=UTC).timestamp())
        assert sum(one["total"] for one in stripe(providers, "/v1/invoices")) == sum(o.line.amount for o in known) * 100
    finally:
        providers.know(at)


@pytest.mark.parametrize("query", [("limit", "101"), ("starting_after", "in_none"), ("created[gte]", "today")])
def test_stripe_refuses_wrong_questions(providers: Providers, query: tuple[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        stripe(providers, "/v1/invoices", query)
    assert refused.value.code == 400


@pytest.mark.parametrize("path", ["/v1/invoices/in_none/lines", "/v1/credit_notes/cn_none/lines", "/v1/charges"])
def test_stripe_has_nothing_where_nothing_is(providers: Providers, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        stripe(providers, path)
    assert refused.value.code == 404


def test_exports_are_laid_out_as_the_manifest_says(providers: Providers, truth: GroundTruth) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=providers.addresses.s3,
        aws_access_key_id="sample",
        aws_secret_access_key="sample",
        region_name="us-east-1",
    )
    bucket = providers.addresses.bucket
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    manifests = [key for key in keys if key.endswith("-Manifest.json")]
    assert len(manifests) == 2
    billed = Decimal(0)
    for key in manifests:
        (file,) = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["dataFiles"]
        content = s3.get_object(Bucket=bucket, Key=file.removeprefix(f"s3://{bucket}/"))["Body"].read()
        table = pq.read_table(io.BytesIO(content))
        assert "x_Model" not in table.column_names
        billed += sum(Decimal(repr(cost)) for cost in table.column("BilledCost").to_pylist())
    lines = truth.ledger.lines_as_of(providers.known_at, AWS)
    assert billed == sum(line.charge.billed_cost for line in lines)


def test_settings_name_the_running_server(out: Path, providers: Providers) -> None:
    settings = yaml.safe_load((out / "reconcile.yaml").read_text())
    by_name = {one["name"]: one for one in settings["billing"]}
    apis = {name: one["base_url"] for name, one in by_name.items() if "base_url" in one}
    assert apis == {name: getattr(providers.addresses, name) for name in ("openai", "anthropic", "openrouter")}
    assert {one["endpoint_url"] for name, one in by_name.items() if name not in apis} == {providers.addresses.s3}
    text = (out / "reconcile.yaml").read_text()
    assert not [secret for name, secret in CREDENTIALS.items() if "KEY" in name and f" {secret}\n" in text]


# The true answer ------------------------------------------------------------------------------------------------------


def test_truth_file_closes_to_the_last_digit(out: Path, truth: GroundTruth) -> None:
    body = json.loads((out / "truth.json").read_text())
    assert {row["source"] for row in body["waterfall"]} == set(ACCOUNTS)
    for row in body["waterfall"]:
        assert sum(Decimal(step["cost"]) for step in row["steps"]) == Decimal(row["billed"])
    of_events = sum(Decimal(event["billed_cost"]) for event in body["events"])
    production = {e.event_id for e in truth.world.events if e.environment == "production"}
    staging = sum(Decimal(e["billed_cost"]) for e in body["events"] if e["event_id"] not in production)
    shown = sum(
        Decimal(step["cost"]) for row in body["waterfall"] for step in row["steps"] if step["destination"] == "event"
    )
    assert shown == of_events - staging
    margins = sum(Decimal(row["margin"]) for row in body["tenant_margins"])
    revenue = sum(Decimal(row["revenue"]) for row in body["tenant_margins"])
    effective = sum(
        Decimal(step["cost"])
        for row in body["waterfall"]
        for step in row["steps"]
        if step["step"] != "commitment_and_prepaid_timing"
    )
    assert margins == revenue - effective
    assert len(body["planted"]) == len(truth.world.planted)


def test_bad_telemetry_hides_a_cost_the_true_cost_shows(out: Path) -> None:
    body = json.loads((out / "truth.json").read_text())
    billed = sum(Decimal(event["billed_cost"]) for event in body["events"])
    true = sum(Decimal(event["true_cost"]) for event in body["events"])
    assert 0 < billed < true


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("credit", "credit"),
        ("tax", "tax"),
        ("support_fee", "support_and_fees"),
        ("unmapped_line", "unmapped"),
    ],
)
def test_what_is_planted_in_bills_shows_under_its_step(truth: GroundTruth, answer: Truth, kind: str, step: str) -> None:
    assert step_cost(answer, step) == sum(one.amount for one in planted(truth, kind))


@pytest.mark.parametrize(("kind", "source"), [("idle_commitment", AWS), ("idle_gpu", GPUS)])
def test_what_is_idle_shows_as_such(truth: GroundTruth, answer: Truth, kind: str, source: str) -> None:
    assert step_cost(answer, "commitment_idle", source) == sum(one.amount for one in planted(truth, kind))


def test_a_record_that_was_taken_back_costs_nothing(out: Path, truth: GroundTruth, answer: Truth) -> None:
    """What was told too much stands on the bill until its retraction is told."""
    (wrong,) = planted(truth, "retracted_record")
    assert wrong.day is not None
    told, later = (
        step_cost(known, "platform_usage", DATABRICKS)
        for known in (sample.truth_at(out, instant(wrong.day, 24 * days)) for days in (1, 3))
    )
    assert told > wrong.amount > later > 0


def test_capacity_bought_before_is_cost_and_bills_nothing(truth: GroundTruth, answer: Truth) -> None:
    (prepaid,) = planted(truth, "prepaid_capacity")
    bridged = [
        one.bridge["commitment_and_prepaid_timing"]
        for statement, one in answer.waterfall.items()
        if statement.source == SNOWFLAKE
    ]
    assert sum(bridged) == -prepaid.amount
    assert step_cost(answer, "platform_usage", SNOWFLAKE) == prepaid.amount


def test_documents_reach_their_events_in_every_cloud(truth: GroundTruth, answer: Truth) -> None:
    """Whatever words their instrumentation speaks, and whoever bills them."""
    for source in READERS:
        seen = [call for call in truth.world.calls if call.source == source and call.seen and not call.event_lost]
        assert seen
        assert all(answer.event_cost[str(call.event_id)].reconciled_cost > 0 for call in seen)


def test_invoices_that_are_wrong_are_breaks_and_no_others(truth: GroundTruth, answer: Truth) -> None:
    wrong = {
        (one.expected_effect.removeprefix("break "), one.source, one.day)
        for one in truth.world.planted
        if one.expected_effect.startswith("break invoice_")
    }
    assert len(wrong) == 5
    found = {one.identity: one for one in answer.breaks if one.kind.startswith("invoice_")}
    assert {(one.kind, one.source, one.charge_day) for one in found.values()} == wrong
    assert len(found) == 5
    for kind, planted_as in (("invoice_total", "invoice_line_unlisted"), ("invoice_missing", "invoice_never_sent")):
        (amount,) = (one.amount for one in found.values() if one.kind == kind)
        assert amount == planted(truth, planted_as)[0].amount


def test_invoices_that_are_right_make_the_bill(answer: Truth) -> None:
    (table,) = (one for one in answer.tables if one.name == "fct_invoice_reconciliation")
    compared = {key[:3]: (row.invoice_ids, row.status) for key, row in table.rows.items()}
    october = date(2026, 10, 1)
    assert compared[OPENAI, "USD", october] == ("OPENAI-202610", "within_tolerance")
    assert compared[AWS, "USD", october] == ("AWS-202610 AWS-202610-C", "within_tolerance")
    assert compared[COHERE, "USD", october] == ("COHERE-202610-R", "within_tolerance")
    assert compared["vectors", "EUR", october] == ("VECTORS-202610 VECTORS-202610-C", "within_tolerance")


def test_calls_billed_nowhere_are_breaks_and_no_money(truth: GroundTruth, answer: Truth) -> None:
    ghosts = [call for call in truth.world.calls if not call.billed]
    used = sum(usage.quantity for call in ghosts for usage in call.usage)
    found = [one for one in answer.breaks if one.kind == "telemetry_without_charge"]
    partner = [one for one in found if one.key["model"] == ghosts[0].model]
    assert sum(one.quantity or 0 for one in partner) == used
    assert sum(one.amount or 0 for one in partner) == sum(one.amount for one in planted(truth, "billed_nowhere"))
    assert {cost_of(answer, call) for call in ghosts} == {Decimal(0)}


def test_skewed_calls_are_paid_by_the_day_they_truly_ended(truth: GroundTruth, answer: Truth) -> None:
    skewed = [call for call in truth.world.calls if call.skew_seconds]
    assert len(skewed) == 3
    # Other calls near the midnights on both sides compete for the same day, and calls that name no key for what its own leave, so a
    # part may go to those.
    cost = sum(cost_of(answer, call) for call in skewed)
    assert cost > Decimal("0.8") * sum(one.amount for one in planted(truth, "clock_skew"))


def test_reversed_outcomes_fail_once_the_reversal_is_known(out: Path, truth: GroundTruth, answer: Truth) -> None:
    for one in planted(truth, "reversed_outcome"):
        (event_id,) = one.ids
        assert one.day is not None
        assert answer.event_cost[event_id].outcome == "failure"
        assert sample.truth_at(out, instant(one.day)).event_cost[event_id].outcome == "success"


def test_an_uninstrumented_key_reaches_no_event(truth: GroundTruth, answer: Truth) -> None:
    (marketing,) = (one for one in planted(truth, "uninstrumented_key") if one.ids == ("key_marketing",))
    assert step_cost(answer, "no_telemetry", OPENAI) >= marketing.amount


def test_unknown_environment_and_unpriced_model_are_breaks(answer: Truth) -> None:
    kinds = Counter(one.kind for one in answer.breaks)
    assert kinds["unknown_environment"] == 1
    assert kinds["unpriced"] > 0


# What is rare ---------------------------------------------------------------------------------------------------------


def damaged(truth: GroundTruth, flag: str) -> list[TrueCall]:
    found = [call for call in truth.world.calls if getattr(call, flag) and call.seen]
    assert found
    return found


def test_runs_and_waste_stand_in_the_truth_file(out: Path, truth: GroundTruth) -> None:
    body = json.loads((out / "truth.json").read_text())
    told = {run["run_id"]: run for run in body["runs"]}
    seen = {call.run_id for call in truth.world.calls if call.seen and not call.event_lost}
    assert told.keys() == {run.run_id for run in truth.world.runs if not run.dropped or run.run_id in seen}
    # How a run ended whose root never arrived, nobody knows.
    unknown = {run.event_id for run in truth.world.runs if run.dropped}
    whole = [run for run in truth.world.runs if run.event_id not in unknown]
    checked = [run for run in whole if run.service == "invoice-checker"]
    # Nothing declares these: they follow from how the run before ended, and from its model.
    derived = {(run.kind, told[run.run_id]["kind"]) for run in checked}
    assert {("primary", "primary"), ("retry", "retry"), ("fallback", "fallback")} <= derived
    assert all(kind == "retry" for true, kind in derived if true != kind), "a model nobody saw is no other model"
    assert all(told[run.run_id]["kind"] == run.kind for run in whole if run not in checked)
    waste = sum(Decimal(cost) for event in body["events"] for cost in event["waste"].values())
    assert waste == sum(Decimal(run["reconciled_cost"]) for run in body["runs"] if run["waste_class"])
    assert 0 < waste < sum(Decimal(event["billed_cost"]) for event in body["events"])
    attempts = Counter(run["event_id"] for run in body["runs"] if run["attempt"])
    assert all(event["attempts"] == attempts[event["event_id"]] for event in body["events"])


def test_an_event_of_two_tenants_costs_both(truth: GroundTruth, answer: Truth) -> None:
    for one in planted(truth, "two_tenants"):
        (call,) = (call for call in truth.world.calls if f"{call.trace_id}|{call.span_id}" in one.ids)
        (event,) = (event for event in truth.world.events if event.event_id == call.event_id)
        assert call_of(answer, call).tenant_id == call.tenant_id != event.tenant_id


def test_ids_on_the_root_reach_its_calls(truth: GroundTruth, answer: Truth) -> None:
    for call in damaged(truth, "ids_on_root"):
        found = call_of(answer, call)
        assert (found.event_id, found.tenant_id) == (call.event_id, call.tenant_id)
        assert found.origins["event_id"] == "ancestor"


def test_a_late_root_is_nobody_s_until_it_is_known(out: Path, truth: GroundTruth) -> None:
    its: dict[str, list[TrueCall]] = defaultdict(list)
    for call in truth.world.calls:
        if call.seen:
            its[f"{call.run_id} {call.service}"].append(call)
    # A fallback's calls are the gateway's, whose spans come when they come.
    runs = [run for run in truth.world.runs if run.root_delivered_late and its[f"{run.run_id} {run.service}"]]
    assert runs
    for run in runs:
        early = sample.truth_at(out, flushed_at(run.service, run.ended_at))
        assert {call_of(early, call).event_id for call in its[f"{run.run_id} {run.service}"]} == {None}


def test_gateway_and_sdk_are_one_call(truth: GroundTruth, answer: Truth, spans: Any) -> None:
    for call in damaged(truth, "told_by_gateway"):
        told = [
            place
            for place, deliveries in spans.items()
            if deliveries[0][1]["attributes"].get("gen_ai.response.id") == call.response_id
        ]
        assert len(told) == 2
        one = answer.calls[call_id("|".join(place) for place in told)]
        assert sum(usage.quantity for usage in one.usage) == sum(usage.quantity for usage in call.usage)
        assert sum(other.response_ids == {call.response_id} for other in answer.calls.values()) == 1


def test_an_agent_carries_the_call_that_was_never_exported(truth: GroundTruth, answer: Truth) -> None:
    lost = [call for call in truth.world.calls if call.wrapped and not call.seen]
    for call in lost:
        found = [
            one
            for one in answer.calls.values()
            if one.run_id == call.run_id
            and sorted(u.quantity for u in one.usage) == sorted(u.quantity for u in call.usage)
        ]
        assert [one.key.model for one in found] == [call.model]
        assert answer.call_cost[found[0].call_id] > 0


def test_reused_response_ids_stay_apart_and_are_breaks(truth: GroundTruth, answer: Truth) -> None:
    kinds = Counter(one.kind for one in answer.breaks)
    assert kinds["ambiguous_identity"] == len(planted(truth, "reused_response_id"))
    for one in planted(truth, "reused_response_id"):
        for place in one.ids:
            assert answer.calls[call_id([place])].usage


def test_input_without_a_word_of_the_cache_meets_cached_lines(truth: GroundTruth, answer: Truth) -> None:
    blind = damaged(truth, "cache_untold")
    assert all(call_of(answer, call).cache_blind for call in blind)
    true = sum(one.amount for one in planted(truth, "cache_untold"))
    moved = sum(parts["cache_semantics"] for parts in answer.variance.values() if parts.get("cache_semantics", 0) > 0)
    assert 0 < moved < true
    # Other days and dropped calls aside, what these calls truly cost is what they are paid.
    assert Decimal("0.8") * true < sum(cost_of(answer, call) for call in blind) < Decimal("1.2") * true


def test_long_prompts_meet_their_own_line(truth: GroundTruth, answer: Truth) -> None:
    long = [call for call in truth.world.calls if call.context_band == "long"]
    assert {call_of(answer, call).call_id for call in long} == {
        one.call_id for one in answer.calls.values() if one.key.context_band == "long"
    }
    assert sum(cost_of(answer, call) for call in long) == sum(one.amount for one in planted(truth, "long_context"))


def test_three_dear_days_are_breaks_of_price(truth: GroundTruth, answer: Truth) -> None:
    (dear,) = planted(truth, "dearer_days")
    found = [one for one in answer.breaks if one.kind == "price"]
    assert dear.day is not None
    assert {one.charge_day for one in found} == {dear.day + timedelta(days=number) for number in range(3)}
    assert {(one.source, one.key["model"]) for one in found} == {(AWS, "amazon.nova-lite-v1:0")}
    amount = sum(one.amount or Decimal(0) for one in found)
    # Spans that never arrived have no share in it.
    assert Decimal("0.8") * dear.amount < amount <= dear.amount


def test_a_batch_billed_on_the_next_day_is_paid_and_no_break(truth: GroundTruth, answer: Truth) -> None:
    (later,) = planted(truth, "batch_billed_next_day")
    batch = [call for call in truth.world.calls if call.billed_days_later and call.environment == "production"]
    seen = [call for call in batch if call.seen and call.seen_usage is None]
    assert seen
    assert all(cost_of(answer, call) > 0 for call in seen)
    silent = [one for one in answer.breaks if one.charge_day == later.day and one.key.get("batch") == "true"]
    assert [one.kind for one in silent if one.kind == "telemetry_without_charge"] == []


def test_spans_of_nobody_are_untagged(truth: GroundTruth, answer: Truth) -> None:
    nobody = damaged(truth, "key_lost")
    for call in nobody:
        found = call_of(answer, call)
        assert (found.event_id, found.tenant_id, found.key.api_key_id, found.key.sub_account_id) == (None,) * 4
    assert sum(cost_of(answer, call) for call in nobody) > 0
    assert any(call.ended_at.date() >= END - timedelta(days=2) for call in nobody)


def test_a_whole_month_loses_money_on_a_feature_and_on_a_tenant(tmp_path: Path) -> None:
    out = tmp_path / "company"
    sample.make(7, date(2026, 9, 1), date(2026, 10, 1), EVENTS_PER_DAY, out)
    margins: dict[str, Decimal] = defaultdict(Decimal)
    for (tenant, feature, month), row in sample.truth_at(
        out, knowledge.settled_at(store.load(out))
    ).tenant_margin.items():
        if month == date(2026, 9, 1):
            # Shared cost reaches tenants and no feature.
            margins[tenant] += row.revenue - row.direct_cost - row.shared_cost
            margins[feature] += row.revenue - row.direct_cost
    assert [one.tenant_id for one in TENANTS if margins[one.tenant_id] < 0] == ["ten_wayne"]
    assert [one.feature_id for one in FEATURES if margins[one.feature_id] < 0] == ["report_writer"]


# Incidents ------------------------------------------------------------------------------------------------------------


def incident(truth: GroundTruth, kind: str) -> Incident:
    (found,) = (one for one in incidents(truth.world.start, truth.world.end) if one.kind == kind)
    return found


def test_incidents_stand_in_the_truth_file_with_their_dates(out: Path, truth: GroundTruth) -> None:
    told = json.loads((out / "truth.json").read_text())["incidents"]
    assert [one["kind"] for one in told] == [one.kind for one in incidents(START, END)]
    assert len({one["kind"] for one in told}) == len({one["alert"] for one in told}) == 7
    for one in told:
        assert instant(START).isoformat() <= one["from"] < one["to"] <= instant(END).isoformat()
        assert one["calls"] > 0
        assert Decimal(one["true_cost"]) > 0
    added = {event.event_id for event in truth.world.events if event.incident}
    assert {event_id for one in told for event_id in one["event_ids"] or ()} == added


@pytest.mark.parametrize("days", [5, 8, 10, 30, 45])
def test_every_range_has_every_incident_and_they_begin_on_working_days(days: int) -> None:
    for offset in range(7):
        start = date(2026, 9, 1) + timedelta(days=offset)
        planned = {one.kind: one for one in incidents(start, start + timedelta(days=days))}
        assert len(planned) == 7
        assert all(instant(start) <= one.begins < one.ends <= instant(start, 24 * days) for one in planned.values())
        assert all(
            planned[kind].begins.weekday() < 5 for kind in (PROMPT_REGRESSION, BURST, CONCENTRATION, RUNAWAY_RUN)
        )
        # The nightly calls that are missed are those of a working day.
        assert planned[QUIET].begins.weekday() in range(1, 5)


def test_the_regressed_prompt_makes_a_success_clearly_dearer(truth: GroundTruth, answer: Truth) -> None:
    versions = {run.event_id: run.prompt_version for run in truth.world.runs if run.feature_id == "ticket_resolution"}
    added = {event.event_id for event in truth.world.events if event.incident}
    costs: dict[str, Decimal] = defaultdict(Decimal)
    successes: Counter[str] = Counter()
    for event_id, one in answer.event_cost.items():
        if one.production and event_id in versions and event_id not in added:
            costs[versions[event_id]] += one.reconciled_cost
            successes[versions[event_id]] += one.outcome == "success"
    before, after = (costs[name] / successes[name] for name in ("v12", REGRESSED_PROMPT))
    assert after > before * Decimal("1.4")
    regressed = incident(truth, PROMPT_REGRESSION)
    its = [run for run in truth.world.runs if run.prompt_version == REGRESSED_PROMPT]
    assert {regressed.covers(run.started_at) for run in its if run.kind == "primary"} == {True}


def test_a_runaway_run_has_many_times_its_usual_calls(truth: GroundTruth, answer: Truth) -> None:
    added = {event.event_id for event in truth.world.events if event.incident == RUNAWAY_RUN}
    calls = Counter(call.run_id for call in truth.world.calls if call.feature_id == "ticket_resolution")
    runaway = {run.run_id for run in truth.world.runs if run.event_id in added}
    assert len(runaway) == len(added) == 3
    assert min(calls[run_id] for run_id in runaway) > 40
    assert max(count for run_id, count in calls.items() if run_id not in runaway) < 8
    assert {answer.run_cost[run_id].status for run_id in runaway} == {"failure"}
    assert all(incident(truth, RUNAWAY_RUN).covers(run.started_at) for run in truth.world.runs if run.event_id in added)


def test_a_burst_multiplies_a_tenant_s_events_and_hardly_any_succeed(truth: GroundTruth, answer: Truth) -> None:
    burst = incident(truth, BURST)
    hours = [
        event
        for event in truth.world.events
        if event.tenant_id == burst.tenant_id
        and event.created_at.weekday() < 5
        and burst.begins.hour <= event.created_at.hour < burst.ends.hour
    ]
    during = [event for event in hours if burst.covers(event.created_at)]
    days = {event.created_at.date() for event in hours} - {burst.begins.date()}
    assert len(during) > 4 * (len(hours) - len(during)) / len(days)
    ended = Counter(answer.event_cost[event.event_id].outcome for event in during if event.incident)
    assert ended["success"] < 0.25 * sum(ended.values())


def test_one_tenant_takes_most_of_a_feature_from_a_day_on(truth: GroundTruth, answer: Truth) -> None:
    concentrated = incident(truth, CONCENTRATION)
    cost: dict[tuple[bool, bool], Decimal] = defaultdict(Decimal)
    for event in truth.world.events:
        if event.feature_id == concentrated.feature_id and event.event_id in answer.event_cost:
            key = concentrated.covers(event.created_at), event.tenant_id == concentrated.tenant_id
            cost[key] += answer.event_cost[event.event_id].reconciled_cost
    assert cost[True, True] > cost[True, False]
    assert cost[False, True] < cost[False, False] / 4


def test_a_key_goes_live_that_only_the_bill_knows(truth: GroundTruth, answer: Truth) -> None:
    live = incident(truth, UNINSTRUMENTED)
    lines = [line.charge for line in truth.ledger.lines if line.charge.key.api_key_id == live.api_key_id]
    assert min(line.charge_period_start for line in lines) == live.begins
    assert sum(line.billed_cost for line in lines) > 0
    assert live.api_key_id not in {call.key.api_key_id for call in answer.calls.values()}


def test_a_silent_service_is_billed_and_tells_nothing(truth: GroundTruth, spans: Any) -> None:
    quiet = incident(truth, QUIET)
    served = [c for c in truth.world.calls if c.service == quiet.service and quiet.covers(c.ended_at)]
    assert served
    assert all(call.billed for call in served)
    assert [call for call in served if seen_place(call) in spans] == []
    roots = [run for run in truth.world.runs if run.service == quiet.service and quiet.covers(run.ended_at)]
    assert roots
    assert [run for run in roots if (run.trace_id, run.root_span_id) in spans] == []
    read = [span for ((_, span), *_) in spans.values() if span["name"] == "execute_tool load_transcript"]
    ended = [datetime(1970, 1, 1) + timedelta(microseconds=int(span["endTimeUnixNano"]) // 1000) for span in read]
    assert any(at.date() == quiet.begins.date() - timedelta(days=1) for at in ended)
    assert [at for at in ended if quiet.covers(at)] == []


def test_the_price_is_cut_on_the_day_that_is_told(truth: GroundTruth) -> None:
    assert incident(truth, PRICE_CHANGE).begins == instant(truth.world.amended_on)
