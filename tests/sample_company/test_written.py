"""What the sample company writes and plants: the same bytes, every kind of damage, spans in three packings."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter, defaultdict
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import reconcilers.sample_company
from reconcilers.sample_company import sample, store
from reconcilers.sample_company.seen.view import flushed_at, has_span, seen_place
from reconcilers.sample_company.store import GroundTruth
from reconcilers.sample_company.world.company import (
    FEATURES,
    TENANTS,
)
from tests.sample_company.company import END, SEED, START

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
    "invoice_open",
    "invoice_reissued",
    "invoice_line_unlisted",
    "invoice_credited",
    "retracted_record",
    "idle_gpu",
    "prepaid_capacity",
}


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
