"""What every kind of source owes, asked of each in one way, through the job's own landing (``shared_contract``)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest

from reconcilers import pipeline
from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.ingest.landing import Landed, LandedObject, Landing, Pull
from reconcilers.ingest.normalise import Lake
from reconcilers.periods import Period, days_named
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from reconcilers.sources.folders import split_line
from tests.hostile.judge import MEMORY
from tests.sources.accepted import ASKED
from tests.sources.conftest import Answer, Api, Params, Row
from tests.sources.far_sides import Asked, Delivery, FarSide, Folder, Instead, signed_in
from tests.sources.shared_contract import TABLE, Edits, Entry, edited, sayable

KINDS = [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)]
APIS = [one for one in KINDS if one in TABLE and issubclass(TABLE[one].side, Asked)]
NAME = "asked"
FIRST, SECOND, LAST = (datetime(2026, 11, day, 6) for day in (1, 2, 3))


@dataclass(frozen=True)
class Job:
    """A company whose one source is of the kind in question; ``side`` is who delivers to it."""

    room: str
    entry: Entry
    settings: Settings
    side: FarSide
    received: Delivery

    @property
    def source(self) -> Source:
        ((_, source),) = configured_sources(self.settings)
        return source

    @property
    def landing(self) -> Landing:
        return Landing(self.settings.landing)

    def deliver(self, edits: Edits | str = (), put: str = "", most: int = 0) -> Job:
        assert isinstance(edits, tuple)
        self.side.deliver(edited(self.received, edits, put, most))
        return self

    def land(self, as_of: datetime) -> pipeline.LandingReport:
        """One night's landing of what is delivered."""
        return pipeline.land(self.settings, NAME, self.period, as_of)

    def taken(self, as_of: datetime) -> pipeline.LandingReport:
        report = self.land(as_of)
        assert (report.failures, bool(report.units)) == ([], True)
        return report

    @property
    def period(self) -> Period:
        """The days of the unit that is served, or the month of the files."""
        unit = next(iter(self.received)).partition("/")[0]
        return (days_named(unit) if isinstance(self.side, Asked) else None) or ASKED

    def known(self, as_of: datetime) -> list[Landed]:
        return self.landing.known(as_of, [NAME])

    def rows(self, as_of: datetime) -> dict[str, list[Row]]:
        """The lake rows of what is known then, per entity."""
        rows: dict[str, list[Row]] = {}
        for landed in self.known(as_of):
            content = Lake(self.settings.lake).ensure(self.source, landed)
            for entity in sorted(content.files.keys() & content.rows.keys()):
                rows.setdefault(entity, []).extend(pq.read_table(content.files[entity]).to_pylist())
        return rows

    def elsewhere(self) -> Job:
        """The same of a company that knows nothing yet."""
        return replace(self, settings=self.settings.model_copy(update={"home": Path("anew")}))

    def impatient(self) -> Job:
        """The same, which asks once."""
        assert isinstance(self.side, Asked)
        (config,) = getattr(self.settings, self.room)
        return replace(
            self, settings=self.settings.model_copy(update={self.room: ({**config, **self.side.impatient},)})
        )

    def half_landed(self) -> list[Path]:
        """What a landing that failed has left behind and somebody could take for data."""
        found = (path for path in self.settings.path(self.settings.home).rglob("*") if path.is_file())
        return [path for path in found if path.suffix == ".tmp" or path.parent.name == "incoming"]


@pytest.fixture(params=KINDS, ids="/".join)
def job(request: pytest.FixtureRequest, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job whose provider delivers the kind's case as it was received."""
    room, kind = request.param
    entry = TABLE[room, kind]
    signed_in(monkeypatch, api)
    with TemporaryDirectory(prefix="contract-", dir=MEMORY) as folder:
        home = Path(folder)
        side = entry.side(api, home / "export")
        rooms: dict[str, Any] = {room: ({"name": NAME, **entry.config(room, kind), **side.config},)}
        settings = Settings(file=home / "reconcile.yaml", home=Path("var"), repull_days=0, **rooms)
        yield Job(room, entry, settings, side, entry.received(room, kind)).deliver()


def test_every_kind_is_asked() -> None:
    assert set(TABLE) == set(KINDS)


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_what_a_kind_is_not_asked_has_a_reason(room: str, kind: str) -> None:
    entry = TABLE[room, kind]
    points = {"currency": entry.currency, "unit": entry.unit, "total": entry.total}
    if room in ("billing", "invoices"):
        assert {
            name for name, asked in points.items() if not isinstance(asked, tuple) and len(asked.split()) < 4
        } == set()
    is_asked = "uri" not in registry.source_class(room, kind).Config.model_fields
    assert issubclass(entry.side, Asked) == is_asked


def test_every_page_and_file_of_a_delivery_is_read(job: Job) -> None:
    job.taken(FIRST)
    accepted = job.entry.accepted(job.room, job.source.kind)
    assert {entity: len(rows) for entity, rows in job.rows(FIRST).items()} == accepted


def test_the_same_bytes_again_are_no_news(job: Job) -> None:
    before = job.taken(FIRST)
    rows = job.rows(FIRST)
    again = job.deliver().taken(SECOND)
    assert before.news == before.units > 0
    assert sum(map(len, rows.values())) > 0
    assert (again.news, again.rows, again.billed_cost) == (0, before.rows, before.billed_cost)
    assert job.rows(SECOND) == rows
    assert {landed.known_at for landed in job.known(SECOND)} == {FIRST}


def test_a_restatement_replaces_the_unit_whole_and_the_old_stays_known_as_it_was(job: Job) -> None:
    job.taken(FIRST)
    before = job.rows(FIRST)
    assert job.deliver(job.entry.restated).taken(SECOND).news > 0
    only_the_new = job.elsewhere()
    only_the_new.deliver(job.entry.restated).taken(SECOND)
    assert job.rows(SECOND) == only_the_new.rows(SECOND) != before
    assert job.rows(FIRST) == before


def test_what_is_cut_off_is_refused_by_name_and_what_was_known_stays(job: Job) -> None:
    job.taken(FIRST)
    known, rows = job.known(FIRST), job.rows(FIRST)
    for number, (name, content) in enumerate(sorted(job.received.items())):
        as_of, cut = SECOND.replace(minute=number), content[: len(content) // 2]
        job.side.deliver({**job.received, name: cut})
        report = job.land(as_of)
        if job.room in ("telemetry", "revenue") and not report.failures:
            # Records stand for themselves: the one that is cut off is rejected, by its line.
            last = max(row["landing_line"] for row in job.rows(as_of)["rejected_records"])
            assert split_line(last)[1] == len(cut.splitlines()), name
            continue
        assert (job.known(as_of), job.rows(as_of), job.half_landed()) == (known, rows, [])
        if name in job.entry.unread:
            assert report.failures == []
            continue
        (failure,) = report.failures
        _check_clear(report)
        # What is asked for is named by its address, as long as it is not kept.
        named = (
            re.escape(name) if job.side.__class__ is Folder else rf"(http://\S+|{re.escape(name.partition('/')[2])})"
        )
        found = re.search(rf"(?:file |first: ){named}(?:,? line (\d+))?", failure)
        assert found, (name, failure)
        lines_left = len(cut.splitlines())
        if name.endswith((".csv", ".ndjson")) and lines_left > 1 and "http" not in failure:
            assert found[found.lastindex or 0] == str(lines_left), (name, failure)


class Killed(BaseException):
    """The process is gone; nothing that takes errors for its own takes this."""


class Mortal(Pull):
    """A pull whose process is killed once so many objects are stored."""

    left: int

    def add(self, *args: Any, **meta: str) -> LandedObject:
        added = super().add(*args, **meta)
        self.left -= 1
        if not self.left:
            raise Killed
        return added


def test_a_kill_between_fetch_and_commit_leaves_nothing_and_the_next_run_lands_the_whole(job: Job) -> None:
    whole = job.elsewhere()
    whole.taken(FIRST)
    for landed in whole.known(FIRST):
        for objects in {1, len(landed.objects)}:
            pull = Mortal(job.landing.root, NAME, landed.kind, landed.unit)
            pull.left = objects
            source = job.deliver().source
            assert landed.unit in source.units(job.period)
            with pytest.raises(Killed):
                source.fetch(landed.unit, pull)
            assert (job.known(LAST), job.half_landed()) == ([], [])
    job.deliver().taken(SECOND)
    assert job.rows(SECOND) == whole.rows(FIRST)


#: What a text from outside may be.
TEXTS = {
    "control characters": "a\0b\x1b[31mred\x07",
    "a formula": '=HYPERLINK("http://x","y")',
    "10 kB": "x" * 10_000,
    "bytes of another encoding": "Z\udcfcrich",
    "text that turns around": "\u202etxet",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hostile_text_is_kept_as_it_is_or_refused_by_name(job: Job, text: str) -> None:
    text = sayable(job.received, text)
    report = job.deliver(job.entry.text, text).land(FIRST)
    rows = job.rows(FIRST)
    told = [value for table in rows.values() for row in table for value in row.values()]
    # A tag is kept in the JSON of its line's tags.
    kept = any(text in value or json.dumps(text)[1:-1] in value for value in told if isinstance(value, str))
    _check_clear(report)
    if not (kept or report.failures):
        as_delivered = job.elsewhere()
        as_delivered.deliver().taken(FIRST)
        assert len(rows["rejected_records"]) > len(as_delivered.rows(FIRST).get("rejected_records", []))


def _check_refused(job: Job, report: pipeline.LandingReport, *says: str) -> None:
    """Nothing of it was taken, and words name the source; ``says`` are regular expressions for what else they say."""
    assert report.failures
    assert (job.known(LAST), job.half_landed()) == ([], [])
    _check_clear(report)
    assert [one for one in says if not re.search(one, report.failures[0])] == [], report.failures


def _check_clear(report: pipeline.LandingReport) -> None:
    for failure in report.failures:
        assert "our own code failed" not in failure
        assert failure.startswith(f"source {NAME}")


# What is asked of those that are asked over the network --------------------------------------------------------------


def refusal(status: int, reason: str, kind: str) -> Answer:
    """An answer that refuses, in the words of Google's and of Amazon's APIs at once; others tell a status only."""
    error = {"code": status, "message": "no", "errors": [{"reason": reason, "message": "no"}]}
    return (
        status,
        json.dumps({"error": error, "__type": kind, "message": "no"}).encode(),
        {"Content-Type": "application/json"},
    )


BUSY = refusal(429, "rateLimitExceeded", "ThrottlingException")
DOWN = refusal(503, "backendError", "ServiceUnavailable")
NO_KEY = refusal(401, "authError", "UnrecognizedClientException")
NO_SCOPE = refusal(403, "accessDenied", "AccessDeniedException")
CLOSED = refusal(404, "notFound", "ResourceNotFoundException")


asked_of_apis = pytest.mark.parametrize("job", APIS, indirect=True, ids="/".join)


def answering(job: Job, instead: Instead) -> Asked:
    """The far side of the job, which answers some requests otherwise from its next delivery on."""
    assert isinstance(job.side, Asked)
    job.side.instead = instead
    return job.side


@asked_of_apis
def test_a_provider_that_is_busy_and_down_for_a_while_is_asked_again(job: Job) -> None:
    job.taken(FIRST)
    answering(job, {1: BUSY, 2: DOWN}.get)
    again = job.elsewhere().deliver()
    again.taken(FIRST)
    assert again.rows(FIRST) == job.rows(FIRST)


@pytest.mark.parametrize("refused", [NO_KEY, NO_SCOPE], ids=["401", "403"])
@asked_of_apis
def test_a_refused_credential_is_named_and_not_tried_again(job: Job, refused: Answer) -> None:
    side = answering(job, lambda _: refused)
    report = job.deliver().land(FIRST)
    _check_refused(job, report, side.credential)
    assert (report.retryable, side.requests) == (False, 1)


@asked_of_apis
def test_a_closed_account_is_refused_with_what_to_look_at(job: Job) -> None:
    side = answering(job, lambda _: CLOSED)
    report = job.deliver().land(FIRST)
    _check_refused(job, report, "404|not found|NotFound", " -> check ")
    assert (report.retryable, side.requests) == (False, 1)


@asked_of_apis
def test_a_page_that_fails_midway_lands_nothing(job: Job) -> None:
    job.elsewhere().taken(FIRST)
    last = answering(job, lambda _: None).requests
    answering(job, lambda number: DOWN if number >= last else None)
    report = job.impatient().deliver().land(FIRST)
    _check_refused(job, report)
    assert report.retryable
    answering(job, lambda _: None)
    job.deliver().taken(SECOND)


@asked_of_apis
def test_an_answer_that_is_cut_short_is_not_taken_and_may_be_asked_for_again(job: Job) -> None:
    side = answering(job.impatient().deliver(), lambda _: None)
    whole = side.api.answer

    def short(path: str, params: Params) -> Answer:
        status, body, headers = whole(path, params)
        is_token = path == "/identity"
        return status, body if is_token else body[:-5], {**headers, "Content-Length": str(len(body))}

    side.api.answer = short
    report = job.impatient().land(FIRST)
    _check_refused(job, report)
    assert report.retryable


# What is asked of bills and invoices --------------------------------------------------------------------------------


def asked_of(point: str, *rooms: str) -> Any:
    """The kinds that have such a point; the others say in the table why they have none."""
    kinds = [one for one in KINDS if one in TABLE and one[0] in (rooms or registry.ROOMS)]
    kinds = [one for one in kinds if isinstance(getattr(TABLE[one], point), tuple)]
    return pytest.mark.parametrize("job", kinds, indirect=True, ids="/".join)


def lines(job: Job) -> list[Row]:
    """The lines of money of what is known."""
    rows = job.rows(LAST)
    return rows.get("charges", []) + rows.get("invoice_details", [])


def billed(job: Job) -> dict[str, Decimal]:
    """What is billed, by currency."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines(job):
        sums[line["billing_currency"]] += line["billed_cost"] or 0
    return sums


@asked_of("empty")
def test_a_unit_without_rows_is_told_as_one_or_refused(job: Job) -> None:
    job.taken(FIRST)
    known = job.known(FIRST)
    report = job.deliver(job.entry.empty).land(SECOND)
    if job.entry.empty_is is not None:
        assert job.known(SECOND) == known
        _check_clear(report)
        assert job.entry.empty_is in report.failures[0]
    else:
        (told,) = (*report.warnings, *report.failures)
        assert re.search(
            r"every row known before has vanished at the source|holds less than half of the \d\d+ rows", told
        )
        anew = job.elsewhere().deliver(job.entry.empty)
        assert (anew.taken(SECOND).warnings, anew.rows(SECOND)) == ([], {})


@asked_of("currency")
def test_a_currency_that_is_none_is_refused(job: Job) -> None:
    _check_refused(job, job.deliver(job.entry.currency, "usdd").land(FIRST), "'usdd'|'USDD'|BillingCurrency")


@pytest.mark.parametrize("code", ["GBP", "XXX"])
@asked_of("currency")
def test_a_month_of_another_currency_is_of_that_one(job: Job, code: str) -> None:
    job.taken(FIRST)
    before = billed(job)
    other = job.elsewhere().deliver(job.entry.currency, code)
    if (report := other.land(FIRST)).failures:
        return _check_refused(other, report, f"'{code}'")
    now = billed(other)
    assert now.keys() - before.keys() == {code}
    assert sorted(now.values()) == sorted(before.values())
    if job.room == "billing":
        assert {currency: Decimal(cost) for currency, cost in report.billed_cost.items()} == now


@asked_of("currency", "billing")  # an invoice is of one currency
def test_a_line_of_another_currency_is_summed_with_no_other(job: Job) -> None:
    job.taken(FIRST)
    before = billed(job)
    other = job.elsewhere().deliver(job.entry.currency, "GBP", most=1)
    if (report := other.land(FIRST)).failures:
        return _check_refused(other, report)
    now = billed(other)
    assert now.keys() >= {"GBP", *before}
    assert sum(now.values()) == sum(before.values())


@asked_of("unit")
def test_a_unit_that_nobody_knows_measures_nothing_and_its_money_stays(job: Job) -> None:
    job.taken(FIRST)
    before = billed(job)
    other = job.elsewhere().deliver(job.entry.unit, "wishes")
    other.taken(FIRST)
    assert {line["quantity"] for line in lines(other)} == {None} < {line["quantity"] for line in lines(job)}
    assert billed(other) == before


@asked_of("total")
def test_a_control_that_differs_refuses_the_unit(job: Job) -> None:
    _check_refused(job, job.deliver(job.entry.total).land(FIRST), r"\d")
