"""One source's units, asked for side by side: in what order they are taken, what stops them, and how often that is said."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SourceRejected, SourceUnreachable
from reconcilers.fetching import ahead, told_once
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.pipeline import LandingReport, land
from tests.sources.conftest import Answer, Api, Params, Speaking

AS_OF = datetime(2026, 10, 1)
DAYS = Period(date(2026, 9, 1), date(2026, 9, 22))
EMPTY = b'{"object": "page", "data": [], "has_more": false, "next_page": null}'


@pytest.fixture
def company(tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """A company with one bill over HTTP, a request a day."""
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")

    def make(**config: object) -> Settings:
        bill = {"name": "openai", "kind": "openai", "base_url": api.url, "usage": [], "control_total": False}
        retry = {"attempts": 2, "first_wait_seconds": 0.01, "jitter_seconds": 0}
        settings = {"billing": [{**bill, "retry": retry, **config}], "repull_days": 0}
        (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump(settings))
        return read_settings(tmp_path / "reconcile.yaml")

    return make


def landed(settings: Settings, days: Period = DAYS) -> LandingReport:
    return land(settings, "openai", days, AS_OF)


def refused_units(settings: Settings) -> list[str]:
    return [one.unit for one in Landing(settings.landing).refused(AS_OF)]


def day_of(params: Params) -> str:
    return f"{datetime.fromtimestamp(int(dict(params)['start_time']), UTC):%Y-%m-%d}"


def answering(api: Api, answer: Callable[[str], Answer]) -> None:
    """Answer each day's request as told."""
    api.answer = lambda path, params: answer(day_of(params))


# Side by side ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side_by_side", [1, 3])
def test_some_units_are_asked_for_at_once_and_no_more(
    api: Api, company: Callable[..., Settings], side_by_side: int
) -> None:
    under_way, most, counting = 0, 0, threading.Lock()

    def answer(day: str) -> Answer:
        nonlocal under_way, most
        with counting:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with counting:
            under_way -= 1
        return 200, EMPTY, {}

    answering(api, answer)
    report = landed(company(side_by_side=side_by_side))
    assert (report.units, report.failures, most) == (21, [], side_by_side)


def test_units_are_taken_in_order_whoever_is_faster(api: Api, company: Callable[..., Settings]) -> None:
    def answer(day: str) -> Answer:
        time.sleep(0.3 if day.endswith(("01", "06")) else 0)
        return 200, EMPTY, {}

    answering(api, answer)
    settings, seen = company(), list[str]()
    land(settings, "openai", DAYS, AS_OF, progress=lambda done, units, unit: seen.append(unit))
    days = [f"{day}" for day in DAYS.days()]
    assert seen == [*days, ""]
    committed = sorted(Landing(settings.landing).known(AS_OF), key=lambda one: one.fetched_at)
    assert [one.unit for one in committed] == days


# What stops a source --------------------------------------------------------------------------------------------------


def test_a_refused_credential_is_told_once_and_not_tried_again(api: Api, company: Callable[..., Settings]) -> None:
    answering(api, lambda day: (200, EMPTY, {}) if day <= "2026-09-02" else (401, b"", {}))
    settings = company()
    [line] = landed(settings).failures
    assert line.startswith("source openai: 19 units, 2026-09-03 to 2026-09-21: HTTP 401: access refused (first: http")
    assert line.endswith("rotate the credential in OPENAI_ADMIN_KEY, or give it the scope this report needs")
    assert len(api.requests) <= 2 + 4
    assert refused_units(settings) == [f"2026-09-{day:02}" for day in range(3, 22)]
    assert [one.unit for one in Landing(settings.landing).known(AS_OF)] == ["2026-09-01", "2026-09-02"]


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "http://no-such-host.invalid"])
def test_a_dead_host_is_told_once(company: Callable[..., Settings], base_url: str) -> None:
    settings = company(base_url=base_url)
    report = landed(settings)
    [line] = report.failures
    assert line.startswith("source openai: 21 units, 2026-09-01 to 2026-09-21: no connection to ")
    assert base_url.removeprefix("http://") in line
    assert report.retryable
    assert len(refused_units(settings)) == 21


def test_a_credential_that_is_not_set_is_told_once(
    company: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    [line] = landed(company()).failures
    assert line.startswith("source openai: 21 units, 2026-09-01 to 2026-09-21: environment variable OPENAI_ADMIN_KEY")


def test_a_source_ends_within_its_time(hostile: Callable[[Speaking], str], company: Callable[..., Settings]) -> None:
    settings = company(base_url=hostile(lambda connection: time.sleep(60)), time_limit_seconds=0.5)
    began = time.monotonic()
    report = landed(settings)
    assert time.monotonic() - began < 3
    assert report.failures == [
        "source openai: 21 units, 2026-09-01 to 2026-09-21: not there within the 0.5 seconds a run waits for the source"
        " -> run again when it is faster, ask for fewer days, or raise its `time_limit_seconds`"
    ]
    assert len(refused_units(settings)) == 21


def test_a_listing_ends_within_the_sources_time(
    tmp_path: Path, hostile: Callable[[Speaking], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    silent = hostile(lambda connection: time.sleep(60))
    bill = {
        "name": "bill",
        "kind": "focus_file",
        "uri": "s3://bills",
        "endpoint_url": silent,
        "time_limit_seconds": 0.5,
    }
    (tmp_path / "reconcile.yaml").write_text(yaml.safe_dump({"billing": [bill]}))
    began = time.monotonic()
    [line] = land(read_settings(tmp_path / "reconcile.yaml"), "bill", DAYS, AS_OF).failures
    assert time.monotonic() - began < 5
    assert "not there within the 0.5 seconds" in line


# One line a cause -----------------------------------------------------------------------------------------------------


def test_messages_of_one_cause_are_one_line(api: Api, company: Callable[..., Settings]) -> None:
    def answer(day: str) -> Answer:
        if "2026-09-03" <= day <= "2026-09-05":
            return 503, b"", {}
        return (400, b"no such day", {}) if day == "2026-09-09" else (200, EMPTY, {})

    answering(api, answer)
    settings = company()
    down, wrong = landed(settings).failures
    assert down.startswith("source openai: 3 units, 2026-09-03 to 2026-09-05: HTTP 503 (first: http://127.0.0.1")
    assert "what was known before stays in force; run again later" in down
    assert wrong.startswith("source openai, period 2026-09-09, file http://127.0.0.1")
    assert wrong.endswith("HTTP 400: no such day")
    assert refused_units(settings) == ["2026-09-03", "2026-09-04", "2026-09-05", "2026-09-09"]


def test_warnings_of_one_kind_are_one_line() -> None:
    gone = "is gone from the source"
    told = [("2026-09-01", gone), ("a.csv", "every row known before has vanished"), ("2026-09-03", gone)]
    assert told_once(told) == [
        "2 units, 2026-09-01 to 2026-09-03: is gone from the source",
        "a.csv: every row known before has vanished",
    ]


# At a terminal --------------------------------------------------------------------------------------------------------

LAND = """
import sys; from datetime import date, datetime; from pathlib import Path
from reconcilers.declared.settings import read_settings; from reconcilers.periods import Period; from reconcilers.pipeline import land
print("landing", flush=True)
report = land(read_settings(Path(sys.argv[1])), "openai", Period(date(2026, 9, 1), date(2026, 9, 4)), datetime(2026, 10, 1))
print(*report.failures, sep="\\n")
"""


@contextmanager
def landing(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that lands, as the command line does: nobody has set up logging."""
    command = [sys.executable, "-c", LAND, str(settings.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def test_retries_are_not_printed(api: Api, company: Callable[..., Settings]) -> None:
    answering(api, lambda day: (503, b"", {}))
    with landing(company()) as running:
        out, err = running.communicate(timeout=60)
    assert len(api.requests) == 3 * 2
    assert err == ""
    [_, line] = out.splitlines()
    assert "3 units, 2026-09-01 to 2026-09-03: HTTP 503" in line


def test_an_interrupt_ends_it(hostile: Callable[[Speaking], str], company: Callable[..., Settings]) -> None:
    asked = threading.Event()

    def never(connection: object) -> None:
        asked.set()
        time.sleep(60)

    with landing(company(base_url=hostile(never))) as running:
        assert asked.wait(60)
        running.send_signal(signal.SIGINT)
        began = time.monotonic()
        running.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert running.returncode != 0


def test_units_are_read_side_by_side_and_handed_over_in_order() -> None:
    together = threading.Barrier(2, timeout=30)

    def read(number: int) -> int:
        if number in (0, 1):
            together.wait()  # neither ends before the other has begun
        if number == 0:
            time.sleep(0.05)
        return number * 10

    assert [(item, made.result()) for item, made in ahead(range(5), lambda n: n, read, 2)] == [
        (n, n * 10) for n in range(5)
    ]


def test_a_source_that_does_not_ask_for_it_is_read_one_unit_after_the_other() -> None:
    told: list[str] = []

    def first(number: int) -> int:
        told.append(f"fetch {number}")
        return number

    for number, made in ahead(range(2), first, lambda n: told.append(f"read {n}"), 1):
        made.result()
        told.append(f"take {number}")
    assert told == ["fetch 0", "read 0", "take 0", "fetch 1", "read 1", "take 1"]


def test_what_fetching_or_reading_a_unit_raises_is_its_own() -> None:
    def first(number: int) -> int:
        if number == 1:
            raise SourceUnreachable("no answer")
        return number

    def read(number: int) -> int:
        if number == 2:
            raise SourceRejected("not readable")
        return number

    met = {item: type(made.exception()) for item, made in ahead(range(4), first, read, 2)}
    assert met == {0: type(None), 1: SourceUnreachable, 2: SourceRejected, 3: type(None)}
