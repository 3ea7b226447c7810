"""Of the calls that a build counts, how many tell what they are asked to; and what a person is told to set."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from reconcilers import pipeline
from reconcilers.console.telemetry_lint import print_lint
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.sources.telemetry.attribute_contract import NAMES
from reconcilers.telemetry_lint import Tagged, advice, tagged
from tests.sources.telemetry.written import CALL, ENDED, WORK, Json, lines, message, span

DAYS, AS_OF = Period(date(2026, 10, 1), date(2026, 10, 3)), datetime(2026, 10, 4)
COUNTS = CALL | {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1}
TAGGED = COUNTS | WORK
A_DAY = 86_400 * 10**9
FULL = dict.fromkeys(NAMES, Decimal(1))
SETTINGS = """
home: var
price_book: none
telemetry:
- {name: agents, kind: otlp, uri: traces}
- name: log
  kind: mapped
  uri: log
  format: csv
  entity: calls
  columns: {record_id: id, ended_at: at, event_id: ticket, service: {constant: batch}, model: model}
  usage: {semantics: inclusive, meters: [{meter: input_tokens, column: tokens}]}
"""


def call(number: int, values: Json, **fields: object) -> Json:
    """A span of a trace of its own."""
    return span(
        values, **{"spanId": f"{number:016x}", "traceId": f"{number:032x}", "parentSpanId": "", "name": "chat"} | fields
    )


def of(service: str, *spans: Json, scope: str = "acme.llm") -> Json:
    return message(*spans, resource={"service.name": service}, scope=scope)


def without(*names: str) -> Json:
    return {name: value for name, value in TAGGED.items() if name not in names}


def traces() -> bytes:
    below = {"traceId": f"{50:032x}", "parentSpanId": f"{50:016x}"}
    next_day = {"startTimeUnixNano": str(ENDED + A_DAY), "endTimeUnixNano": str(ENDED + A_DAY)}
    return lines(
        of("answers", call(1, TAGGED), call(2, without("tenant_id")), call(3, CALL | WORK)),
        # One that failed used nothing it could count, and no call is owed by what is none.
        of(
            "answers",
            call(4, CALL | WORK | {"error.type": "429"}),
            call(5, {"http.route": "/"}, parentSpanId=f"{99:016x}"),
        ),
        of("answers", call(6, without("event_id", "run_id"), **next_day)),
        # What the span above tells is told.
        of("search", call(50, WORK), call(51, COUNTS, **below), scope="acme.search"),
        of("search", call(52, {"botanu.vendor": "openai", **without("event_id")}), scope="botanu"),
    )


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    for name in ("traces", "log", "reference"):
        (tmp_path / name).mkdir()
    (tmp_path / "traces" / "one.json").write_bytes(traces())
    # Two services tell the first call once more; it is one.
    (tmp_path / "traces" / "two.json").write_bytes(lines(of("answers", call(1, TAGGED))))
    (tmp_path / "log" / "calls.csv").write_text(
        "id,at,ticket,model,tokens\na,2026-10-01T10:00:00Z,t-1,m,7\nb,2026-10-01T11:00:00Z,,,\n"
    )
    (tmp_path / "reconcile.yaml").write_text(SETTINGS)
    settings = read_settings(tmp_path / "reconcile.yaml")
    for name in ("agents", "log"):
        assert not pipeline.land(settings, name, DAYS, AS_OF).failures
    return settings


def told(found: list[Tagged]) -> dict[tuple[str | None, str], tuple[int, ...]]:
    """(service, emitter) → calls, and how many tell event, run, tenant, feature, model, usage."""
    return {(one.service, one.emitter): (one.calls, *(one.telling[name] for name in NAMES)) for one in found}


EXPECTED = {
    ("answers", "acme.llm 1.0"): (5, 4, 4, 4, 5, 5, 4),
    ("search", "acme.search 1.0"): (1, 1, 1, 1, 1, 1, 1),
    ("search", "botanu 1.0"): (1, 0, 1, 1, 1, 1, 1),
    ("batch", ""): (2, 1, 0, 0, 0, 1, 1),
}


def test_calls_are_counted_with_what_they_tell(company: Settings) -> None:
    found = tagged(company, AS_OF)
    assert told(found) == EXPECTED
    assert [one.calls for one in found] == [5, 2, 1, 1]


def test_a_call_is_what_a_build_counts(company: Settings) -> None:
    files = {entity: [str(path) for path in paths] for entity, paths in known(company, AS_OF).files.items()}
    assert files["resolved_tellings"]
    in_build = """
        select count(*) from read_parquet($metered_calls) as calls
        join read_parquet($call_profiles) as profiles using (landing_id, profile)
        left join read_parquet($resolved_tellings) as replaced
            on calls.landing_id = told_landing_id and calls.landing_row = told_landing_row
        where told_landing_id is null and (billable or calls.source = '(resolved)')
    """
    entities = ("metered_calls", "call_profiles", "resolved_tellings")
    ((calls,),) = duckdb.execute(in_build, {entity: files[entity] for entity in entities}).fetchall()
    assert sum(one.calls for one in tagged(company, AS_OF)) == calls == 9


def test_a_period_and_a_service_are_all_that_is_counted(company: Settings) -> None:
    second = tagged(company, AS_OF, Period.of_day(date(2026, 10, 2)))
    assert told(second) == {("answers", "acme.llm 1.0"): (1, 0, 0, 1, 1, 1, 1)}
    first = tagged(company, AS_OF, Period.of_day(date(2026, 10, 1)), "answers")
    assert told(first) == {("answers", "acme.llm 1.0"): (4, 4, 4, 3, 4, 4, 3)}
    assert tagged(company, datetime(2026, 10, 3)) == [], "nothing was known then"


def test_a_share_is_one_only_where_all_tell() -> None:
    one = Tagged("agents", "answers", "otlp", None, None, 30_000, {"event_id": 29_999, "run_id": 30_000})
    assert (one.share("event_id"), one.share("run_id")) == (Decimal("0.9999"), Decimal(1))


def test_advice_names_service_emitter_and_what_to_set(company: Settings) -> None:
    found = tagged(company, AS_OF)
    at = "source agents, service answers, emitter acme.llm 1.0"
    assert [line for line in advice(company, found, FULL) if line.startswith(at)] == [
        f"{at}: 1 of 5 calls tell no event_id -> set event_id",
        f"{at}: 1 of 5 calls tell no run_id -> set run_id",
        f"{at}: 1 of 5 calls tell no tenant_id -> set tenant_id",
        f"{at}: 1 of 5 calls tell no usage -> set gen_ai.usage.input_tokens and gen_ai.usage.output_tokens",
    ]
    at = "source log, service batch, emitter (untold)"
    assert f"{at}: 1 of 2 calls tell no event_id -> fill its column ticket" in advice(company, found, FULL)
    at = "source agents, service search, emitter botanu 1.0"
    assert f"{at}: 1 of 1 calls tell no event_id -> set botanu.event_id" in advice(company, found, FULL)
    assert advice(company, found, dict.fromkeys(NAMES, Decimal(0))) == []


@pytest.mark.parametrize(
    ("share", "lacks"), [("0.8", []), ("0.8000000001", ["event_id", "run_id", "tenant_id", "usage"])]
)
def test_a_share_is_compared_exactly(company: Settings, share: str, lacks: list[str]) -> None:
    (answers,) = tagged(company, AS_OF, service="answers")
    assert answers.lacking(dict.fromkeys(NAMES, Decimal(share))) == lacks


@pytest.fixture
def run(company: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reconcilers.cli", "lint-telemetry", "--config", str(company.file)]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    return run


def test_a_pipeline_is_stopped_below_a_share(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert (looked := run()).returncode == 0, looked.stderr
    assert "1 of 5 calls tell no event_id -> set event_id" in looked.stdout
    assert run("--service", "answers", "--at-least", "0.8").returncode == 0
    rejected = run("--service", "answers", "--at-least", "event_id=0.81", "--at-least", "0.5", "--format", "json")
    assert rejected.returncode == 1
    (answers,) = json.loads(rejected.stdout)
    assert (answers["calls"], answers["calls_with_event_id"], answers["share_event_id"]) == (5, 4, "0.8")
    assert [line.partition(": ")[2] for line in answers["lacks"]] == ["1 of 5 calls tell no event_id -> set event_id"]
    # Of a service that tells nothing, nothing shows that it is tagged.
    unheard = run("--service", "answer", "--at-least", "0.5")
    assert (unheard.returncode, "no call of service 'answer' is known" in unheard.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--at-least", "95"], "is no share"),
        (["--at-least", "nan"], "is no share"),
        (["--at-least", "event=0.5"], "nearest is event_id"),
        (["--from", "2026-10-01"], "--from DAY --to DAY"),
    ],
)
def test_what_is_typed_wrong_is_said(
    run: Callable[..., subprocess.CompletedProcess[str]], arguments: list[str], says: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_csv_has_what_json_has(company: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_lint(company, None, AS_OF, None, None, "csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["service"], row["calls"], row["share_model"]) for row in rows][:2] == [
        ("answers", "5", "1"),
        ("batch", "2", "0.5"),
    ]
    with pytest.raises(SettingsInvalid, match="unknown format 'xml'"):
        print_lint(company, None, AS_OF, None, None, "xml")
