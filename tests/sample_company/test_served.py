"""What the sample company serves: APIs and exports that show what their providers knew, and add up to it."""

from __future__ import annotations

import io
import json
import re
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import pyarrow.parquet as pq
import pytest
import yaml
from botocore.exceptions import ClientError
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from reconcilers import configured
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import AccessRefused, SourceRejected
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.periods import Period
from reconcilers.sample_company import sample
from reconcilers.sample_company.providers.ledger import Books
from reconcilers.sample_company.providers.server import CREDENTIALS, Providers, serving
from reconcilers.sample_company.seen import knowledge
from reconcilers.sample_company.seen.view import has_span
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    ANTHROPIC,
    AWS,
    AWS_PAYER,
    AZURE,
    AZURE_ACCOUNT,
    CALLS_TABLE,
    GCP,
    GCP_EXPORT,
    OPENAI,
    OPENROUTER,
    SERVICES,
)
from reconcilers.sources import microsoft, registry
from reconcilers.sources.google import bigquery_client as google_client
from reconcilers.sources.telemetry import otlp
from tests.sample_company.company import END, START, planted
from tests.signed_in import sign_in


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
    assert apis == {name: getattr(providers.addresses, name) for name in ("openai", "anthropic", "openrouter")} | {
        "gcp": providers.addresses.bigquery
    }
    assert {one["endpoint_url"] for name, one in by_name.items() if name not in apis} == {providers.addresses.s3}
    text = (out / "reconcile.yaml").read_text()
    assert not [secret for name, secret in CREDENTIALS.items() if "KEY" in name and f" {secret}\n" in text]


def settings_of(providers: Providers, monkeypatch: pytest.MonkeyPatch) -> Settings:
    sign_in(monkeypatch, providers)
    return read_settings(providers.out / "reconcile.yaml")


def test_every_source_of_the_settings_is_answered(providers: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``reconcile check`` asks."""
    period = Period(START, START + timedelta(days=2))
    sources = configured.configured_sources(settings_of(providers, monkeypatch))
    asked = {source.name: source.probe(period) for _, source in sources}
    assert len(asked) > 20
    assert [name for name, units in asked.items() if not units] == []


def test_every_kind_is_served(providers: Providers, monkeypatch: pytest.MonkeyPatch) -> None:
    served = {source.kind for _, source in configured.configured_sources(settings_of(providers, monkeypatch))}
    assert served == {kind for room in ("billing", "invoices", "telemetry", "revenue") for kind in registry.kinds(room)}


def test_every_vocabulary_of_traces_is_spoken(
    providers: Providers, truth: GroundTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = {call.service for call in truth.world.calls if has_span(call)}
    spoken = {re.sub("otel_g[0-9]", "otel_genai", SERVICES[service].dialect) for service in services}
    read = {one for source in settings_of(providers, monkeypatch).telemetry for one in source.get("dialects", ())}
    assert spoken == read == {*otlp.DIALECTS}


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 9, 26), date(2026, 9, 30)), (date(2025, 12, 30), date(2026, 1, 2))]
)
def test_a_month_with_little_of_it_is_read_whole(
    first: date, last: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work of a last evening is billed in the month after, of which there is nothing else."""
    out = tmp_path / "company"
    sample.make(3, first, last + timedelta(days=1), 20, out)
    with serving(out) as running:
        settings = settings_of(running, monkeypatch)
        landing, lake = Landing(settings.landing), Lake(settings.path(settings.home) / "lake")
        read: Counter[str] = Counter()
        for room, source in configured.configured_sources(settings):
            if room == "billing":
                for unit in source.units(Period(first, knowledge.last_day(running.truth) + timedelta(days=1))):
                    pull = landing.pull(source.name, source.kind, unit)
                    source.fetch(unit, pull)
                    content = lake.ensure(source, landing.commit(pull, running.known_at)[0])
                    assert content.rows.get("rejected_records", 0) == 0, (source.name, unit)
                    read[source.name] += content.rows.get("charges", 0)
    assert {name for name, rows in read.items() if rows} == set(ACCOUNTS)


def pages_of_anthropic(
    providers: Providers, path: str, query: list[tuple[str, str]], key: str = ""
) -> Iterator[dict[str, Any]]:
    """Every page of a report."""
    page = None
    while True:
        cursor = [("page", page)] if page else []
        url = f"{providers.addresses.anthropic}/v1/organizations/{path}?{urlencode([*query, *cursor])}"
        request = urllib.request.Request(url)
        request.add_header("x-api-key", key or CREDENTIALS["ANTHROPIC_ADMIN_KEY"])
        request.add_header("anthropic-version", "2023-06-01")
        with urllib.request.urlopen(request, timeout=10) as response:
            body = json.loads(response.read(), parse_float=Decimal)
        yield body
        page = body["next_page"]
        assert body["has_more"] == (page is not None)
        if page is None:
            return


def anthropic(providers: Providers, path: str, *query: tuple[str, str], key: str = "") -> list[Any]:
    """Every result of a report, page after page."""
    days = [("starting_at", f"{START}T00:00:00Z"), ("ending_at", f"{END}T00:00:00Z")]
    buckets = [one for body in pages_of_anthropic(providers, path, [*days, *query], key) for one in body["data"]]
    return [(bucket["starting_at"][:10], result) for bucket in buckets for result in bucket["results"]]


def test_costs_in_cents_add_up_however_they_are_grouped_and_leave_priority_tier_out(
    providers: Providers, truth: GroundTruth
) -> None:
    grouped = [("group_by[]", "workspace_id"), ("group_by[]", "description")]
    paged = anthropic(providers, "cost_report", ("limit", "1"), *grouped)
    assert paged == anthropic(providers, "cost_report", ("limit", "31"), *grouped)
    lines = [
        line.charge
        for line in truth.ledger.lines_as_of(providers.known_at, ANTHROPIC)
        if line.charge.charge_period_start.date() < END
    ]
    billed = sum(charge.billed_cost for charge in lines)
    assert sum(Decimal(row["amount"]) for _, row in paged) == billed * 100
    assert sum(Decimal(row["amount"]) for _, row in anthropic(providers, "cost_report")) == billed * 100
    assert "priority" not in {row["service_tier"] for _, row in paged}
    assert {charge.billed_cost for charge in lines if charge.key.service_tier == "priority"} == {0}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        anthropic(providers, "cost_report", key="sk-ant-wrong")


def test_claude_code_is_reckoned_at_list_price_by_person_and_key(providers: Providers, truth: GroundTruth) -> None:
    asked = [[("starting_at", f"{day}"), ("limit", "1")] for day in Period(START, END).days()]
    pages = [page for day in asked for page in pages_of_anthropic(providers, "usage_report/claude_code", day)]
    records = [record for page in pages for record in page["data"]]
    assert len(pages) == len(records) > len(asked)
    assert {record["actor"]["type"] for record in records} == {"user_actor", "api_actor"}
    calls = [call for call in truth.world.calls if call.service == "claude-code" and call.ended_at.date() < END]
    cents = sum(model["estimated_cost"]["amount"] for record in records for model in record["model_breakdown"])
    books = Books(truth.world)
    assert cents == sum(books.call_cost(call, at_list=True) for call in calls) * 100
    assert cents > sum(books.call_cost(call) for call in calls) * 100


def test_a_restated_day_has_four_fifths_of_its_usage_first(providers: Providers, truth: GroundTruth) -> None:
    (restated,) = planted(truth, "restated_bill")
    assert restated.day is not None

    def output() -> int:
        rows = anthropic(providers, "usage_report/messages", ("group_by[]", "model"))
        return sum(row["output_tokens"] for day, row in rows if day == f"{restated.day}")

    at, whole = providers.known_at, output()
    try:
        providers.know(instant(restated.day + timedelta(days=2)))
        assert 0.79 < output() / whole < 0.81
    finally:
        providers.know(at)


def test_aws_lists_invoices_and_receipts_page_by_page_from_when_they_are_told(
    providers: Providers, truth: GroundTruth
) -> None:
    def listed(most: int, key: str = CREDENTIALS["AWS_ACCESS_KEY_ID"]) -> list[tuple[str, str]]:
        client = boto3.client(
            "invoicing",
            endpoint_url=providers.addresses.invoicing,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key="sample",
        )
        asked = {
            "Selector": {"ResourceType": "ACCOUNT_ID", "Value": AWS_PAYER},
            "Filter": {"BillingPeriod": {"Year": 2026, "Month": 10}},
        }
        pages = client.get_paginator("list_invoice_summaries").paginate(**asked, PaginationConfig={"PageSize": most})
        return [(one["InvoiceId"], one["InvoiceType"]) for page in pages for one in page["InvoiceSummaries"]]

    invoices = [one for one in truth.invoices if one.source == AWS and one.billing_period_start == date(2026, 10, 1)]
    assert (
        listed(1)
        == listed(2)
        == [
            ("AWS-202610", "INVOICE"),
            ("AWS-202610-RECEIPT", "PAYMENT_RECEIPT"),
            ("AWS-202610-C", "CREDIT_MEMO"),
        ]
    )
    at = providers.known_at
    try:
        providers.know(min(one.told_at for one in invoices) - timedelta(seconds=1))
        assert listed(2) == []
    finally:
        providers.know(at)
    with pytest.raises(ClientError) as refused:
        listed(1, "somebody-else")
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


def activity(providers: Providers, *query: tuple[str, str]) -> list[Any]:
    key = CREDENTIALS["OPENROUTER_MANAGEMENT_KEY"]
    rows: list[Any] = get(providers, "/api/v1/activity", [*query], key, providers.addresses.openrouter)["data"]
    return rows


def test_a_day_at_openrouter_comes_to_its_cost_by_workspace_or_not(providers: Providers, truth: GroundTruth) -> None:
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for line in truth.ledger.lines_as_of(providers.known_at, OPENROUTER):
        billed[f"{line.charge.charge_period_start.date()}"] += line.charge.billed_cost
    for day, cost in billed.items():
        for grouped in ([], [("group_by", "workspace")]):
            assert sum(Decimal(str(row["usage"])) for row in activity(providers, ("date", day), *grouped)) == cost
    assert {row["date"] for row in activity(providers)} == set(billed)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        activity(providers, ("date", f"{providers.known_at.date()}"))


def spent(providers: Providers, day: date, size: str) -> list[Any]:
    """Every row of the proxy's logs of a day, page after page."""
    found: list[Any] = []
    for page in range(1, 1000):
        query = [("start_date", f"{instant(day)}"), ("end_date", f"{instant(day, 24)}"), ("page", f"{page}")]
        key = CREDENTIALS["LITELLM_ADMIN_KEY"]
        body = get(providers, "/spend/logs/v2", [*query, ("page_size", size)], key, providers.addresses.litellm)
        found += body["data"]
        if len(found) == body["total"]:
            return found
    raise AssertionError("no end of pages")


def test_a_row_of_the_proxy_is_there_ten_minutes_after_its_call(providers: Providers, truth: GroundTruth) -> None:
    calls = [call for call in truth.world.calls if call.source == OPENROUTER and call.started_at.date() == START]
    assert [row["request_id"] for row in spent(providers, START, "2")] == [call.response_id for call in calls]
    assert spent(providers, START, "2") == spent(providers, START, "1000")
    at, last = providers.known_at, max(call.ended_at for call in calls)
    try:
        for minutes, rows in ((9, len(calls) - 1), (10, len(calls))):
            providers.know(last + timedelta(minutes=minutes))
            assert len(spent(providers, START, "1000")) == rows
    finally:
        providers.know(at)


def google(providers: Providers) -> bigquery.Client:
    return google_client("acme-anything", None, None, providers.addresses.bigquery)


def test_bigquery_answers_googles_client(providers: Providers, truth: GroundTruth) -> None:
    client = google(providers)
    told = client.get_table(GCP_EXPORT)
    assert told.time_partitioning.type_ == "DAY"
    assert {field.name: field.mode for field in told.schema}["credits"] == "REPEATED"
    day = datetime(2026, 10, 1, tzinfo=UTC)
    parameter = bigquery.ScalarQueryParameter("day", "TIMESTAMP", day)
    sql = f"""select to_json_string(struct(t.cost, t.sku.id as sku, t.usage_start_time as began, t.credits)) as line,
                  t.export_time, date(_PARTITIONTIME) as stored, count(*) over () as rows
              from `{GCP_EXPORT}` as t where t.usage_start_time >= @day order by line limit 1"""
    (row,) = client.query(sql, bigquery.QueryJobConfig(query_parameters=[parameter])).result()
    lines = [line for line in truth.ledger.lines_as_of(providers.known_at, GCP) if not line.charge.linked_line_ids]
    assert row.rows == sum(line.charge.charge_period_start >= datetime(2026, 10, 1) for line in lines)
    assert row.export_time in {line.known_from.replace(tzinfo=UTC) for line in lines}
    assert row.stored == row.export_time.date()
    assert json.loads(row.line)["began"].endswith("T00:00:00Z")


def test_what_google_exported_adds_up_and_only_grows(providers: Providers, truth: GroundTruth) -> None:
    sql = f"""select to_json_string(struct(t.cost, t.credits)) as line from `{GCP_EXPORT}` as t order by line"""

    def shown() -> list[str]:
        return [row.line for row in google(providers).query(sql).result()]

    def cost(line: str) -> Decimal:
        row = json.loads(line, parse_float=Decimal)
        return sum((credit["amount"] for credit in row["credits"]), Decimal(row["cost"]))

    at, whole = providers.known_at, shown()
    billed = [line.charge.billed_cost for line in truth.ledger.lines_as_of(at, GCP)]
    assert sum(map(cost, whole)) == sum(billed)
    try:
        providers.know(instant(date(2026, 10, 2)))
        early = Counter(shown())
        assert 0 < early.total() < len(whole)
        assert early <= Counter(whole)
    finally:
        providers.know(at)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("delete from `acme-documents.reader.model_calls` where true", "only a select is answered"),
        ("select 1 from `acme-documents.reader.nothing`", "Not found: Table"),
        ("select nothing from `acme-documents.reader.model_calls`", "the query is not answered"),
        ("select from where", "the query is not answered"),
    ],
)
def test_bigquery_refuses_what_it_cannot_answer(providers: Providers, sql: str, reason: str) -> None:
    client = google(providers)
    with pytest.raises(BadRequest, match=reason):
        client.query(sql, job_retry=None).result()
    with pytest.raises(NotFound):
        client.get_table("acme-documents.reader.nothing")


def test_a_call_is_in_its_table_two_minutes_after_it_ended(providers: Providers, truth: GroundTruth) -> None:
    calls = [call for call in truth.world.calls if call.source == GCP]
    last, at = max(call.ended_at for call in calls), providers.known_at
    try:
        for seconds, rows in ((119, len(calls) - 1), (120, len(calls))):
            providers.know(last + timedelta(seconds=seconds))
            ((found,),) = google(providers).query(f"select count(*) from `{CALLS_TABLE}`").result()
            assert found == rows
    finally:
        providers.know(at)


def test_azure_lists_invoices_page_by_page_to_whoever_the_machine_says_it_is(
    providers: Providers, truth: GroundTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(monkeypatch, providers)
    path = f"{AZURE_ACCOUNT}/invoices"
    asked = [("api-version", "2024-04-01"), ("periodStartDate", "2026-09-01"), ("periodEndDate", "2027-09-01")]
    found: list[str] = []
    with microsoft.client(providers.addresses.azure, source="azure_invoices") as client:
        following: tuple[str, list[tuple[str, str]]] | None = (path, asked)
        while following:
            page = client.get(*following)
            found += [one["name"] for one in page.body["value"]]
            following = microsoft.following(page, providers.addresses.azure, "azure_invoices")
        assert found == [one.invoice_id for one in truth.invoices if one.source == AZURE]
        assert len(found) > 2
        with pytest.raises(SourceRejected, match="400"):
            client.get(path, [("periodStartDate", "2026-09-01")])
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(providers, path, asked, "nobody", providers.addresses.azure)
    monkeypatch.setenv("IDENTITY_HEADER", "somebody else's")
    microsoft.identity.cache_clear()
    with pytest.raises(AccessRefused, match="no identity for Azure"):
        microsoft.client(providers.addresses.azure, source="azure_invoices")
