"""Landing keeps bytes as they came, under the name of their content, and says what was known when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from reconcilers.errors import Damaged, SourceRejected
from reconcilers.ingest.landing import Landed, Landing, Refused
from reconcilers.periods import Period

NOON, EVENING = datetime(2026, 9, 3, 12), datetime(2026, 9, 3, 18)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


def put(landing: Landing, known_at: datetime, *contents: bytes, unit: str = "2026-09-02") -> tuple[Landed, bool]:
    """Land objects ``0``, ``1``… of one unit of ``bill``."""
    pull = landing.pull("bill", "focus_file", unit)
    for number, content in enumerate(contents):
        pull.add(str(number), f"s3://bills/{number}", content)
    return landing.commit(pull, known_at)


def known(landing: Landing, as_of: datetime) -> list[tuple[str, list[bytes]]]:
    return [(one.unit, [one.path(item).read_bytes() for item in one.objects]) for one in landing.known(as_of)]


def test_content_has_one_identity_whenever_it_came(landing: Landing) -> None:
    first, news = put(landing, NOON, b"a", b"b")
    again, news_again = put(landing, EVENING, b"a", b"b")
    assert (news, news_again) == (True, False)
    assert (again.landing_id, again.known_at) == (first.landing_id, NOON)
    swapped, _ = put(landing, EVENING, b"b", b"a")
    other_unit, _ = put(landing, EVENING, b"a", b"b", unit="2026-09-01")
    assert len({first.landing_id, swapped.landing_id, other_unit.landing_id}) == 3
    # Bytes are stored once, however often they came.
    assert sorted(path.read_bytes() for path in landing.root.glob("objects/*/*")) == [b"a", b"b"]


def test_what_is_noted_about_a_pull_is_content_too(landing: Landing) -> None:
    pulls = []
    for noted in ("1", "2"):
        pull = landing.pull("bill", "focus_file", "2026-09-02")
        pull.add("0", "s3://bills/0", b"a")
        pull.meta["version"] = noted
        pulls.append(landing.commit(pull, NOON)[0])
    assert pulls[0].landing_id != pulls[1].landing_id
    assert landing.find("bill", pulls[1].landing_id).meta == {"version": "2"}


def test_a_run_knows_what_was_known_at_its_instant(landing: Landing) -> None:
    put(landing, NOON, b"a")
    put(landing, EVENING, b"b")
    put(landing, EVENING, b"c", unit="2026-09-01")
    assert known(landing, datetime(2026, 9, 3, 11)) == []
    assert known(landing, NOON) == [("2026-09-02", [b"a"])]
    assert known(landing, EVENING) == [("2026-09-01", [b"c"]), ("2026-09-02", [b"b"])]
    assert landing.known(EVENING, ["other"]) == []


def test_content_that_comes_back_is_news_again(landing: Landing) -> None:
    for hour, content in ((12, b"a"), (13, b"b"), (14, b"a")):
        _, news = put(landing, datetime(2026, 9, 3, hour), content)
        assert news
    assert [one.known_at.hour for one in landing.history("bill", "2026-09-02")] == [12, 13, 14]


def test_the_later_word_at_one_instant_counts(landing: Landing) -> None:
    put(landing, NOON, b"a")
    put(landing, NOON, b"b")
    assert known(landing, NOON) == [("2026-09-02", [b"b"])]
    assert len(landing.history("bill", "2026-09-02")) == 1


def test_a_unit_without_objects_is_known_to_be_empty(landing: Landing) -> None:
    put(landing, NOON, b"a")
    put(landing, EVENING)
    assert known(landing, EVENING) == [("2026-09-02", [])]


def test_an_object_that_breaks_off_leaves_nothing(landing: Landing) -> None:
    def torn() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    pull = landing.pull("bill", "focus_file", "2026-09-02")
    with pytest.raises(ConnectionError):
        pull.add("0", "s3://bills/0", torn())
    assert pull.objects == []
    assert [path for path in landing.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../../outside", "/etc/bill", "a/b.csv", ".", "..", "ü\0", "long" * 100])
def test_no_name_leads_out_of_landing(landing: Landing, name: str) -> None:
    pull = landing.pull(name, "focus_file", name)
    pull.add(name, "s3://bills/0", b"a")
    landed, _ = landing.commit(pull, NOON)
    landing.refuse(Refused(name, name, "torn"), NOON)
    depths = {
        path.relative_to(landing.root).parts[0]: len(path.relative_to(landing.root).parts) for path in files(landing)
    }
    assert depths == {"objects": 3, "manifests": 4, "refusals": 4}
    assert landing.history(name, name) == [landed]
    assert landing.find(name, landed.landing_id) == landed
    assert [(one.source, one.unit) for one in landing.refused(NOON)] == [(name, name)]


def files(landing: Landing) -> list[Path]:
    """Every file below the folder that holds landing."""
    return [path for path in landing.root.parent.rglob("*") if path.is_file()]


def test_two_long_names_stay_apart(landing: Landing) -> None:
    for number in (1, 2):
        put(landing, NOON, b"a", unit="x" * 200 + str(number))
    assert [one.unit[-1] for one in landing.known(NOON)] in (["1", "2"], ["2", "1"])


def test_a_pull_that_is_not_there_is_told(landing: Landing) -> None:
    with pytest.raises(Damaged, match=r"no pull 00 of bill"):
        landing.find("bill", "00")


def test_a_refusal_stands_until_the_unit_is_taken(landing: Landing) -> None:
    refused = Refused("bill", "2026-09-02", "torn", "2026-09-02", "2026-09-02")
    landing.end_refusal("bill", "2026-09-02", NOON)
    landing.refuse(refused, NOON)
    landing.end_refusal("bill", "2026-09-02", EVENING)
    assert landing.refused(datetime(2026, 9, 3, 11)) == []
    assert landing.refused(NOON) == [refused]
    assert landing.refused(EVENING) == []


def test_a_renamed_source_has_what_landed_under_its_earlier_names(landing: Landing) -> None:
    put(landing, NOON, b"first", unit="one")
    put(landing, NOON, b"other", unit="two")
    landing.refuse(Refused("bill", "three", "torn"), NOON)
    landing.refuse(Refused("bill", "four", "torn"), NOON)
    day = Period.of_day(date(2026, 9, 2))
    landing.ask("bill", day, day, [day], NOON)

    renamed = Landing(landing.root, {"invoices": ("bill", "older")})
    pull = renamed.pull("invoices", "focus_file", "one")
    pull.add("0", "s3://bills/0", b"second")
    # At the same instant too, what it tells under its name of now counts.
    renamed.commit(pull, NOON)
    renamed.end_refusal("invoices", "three", EVENING)
    assert {one.source for one in renamed.known(EVENING)} == {"invoices"}
    assert known(renamed, EVENING) == [("one", [b"second"]), ("two", [b"other"])]
    assert [one.unit for one in renamed.known(EVENING, ["invoices"])] == ["one", "two"]
    assert [len(one.objects) for one in renamed.history("invoices", "one")] == [1, 1]
    assert renamed.find("invoices", landing.history("bill", "two")[0].landing_id).source == "invoices"
    assert [(one.source, one.unit) for one in renamed.refused(EVENING)] == [("invoices", "four")]
    assert renamed.asked("invoices", EVENING)[date(2026, 9, 2)].landed
    # Under the old settings nothing has changed.
    assert known(landing, EVENING)[0] == ("one", [b"first"])


def test_an_object_that_changed_is_refused_by_name_until_it_lands_again(landing: Landing) -> None:
    landed, _ = put(landing, NOON, b"as it came")
    path = landed.path(landed.objects[0])
    path.write_bytes(b"as it went")
    with pytest.raises(SourceRejected, match="holds other bytes than were written") as caught:
        landed.prove()
    assert (caught.value.source, caught.value.period, caught.value.file) == ("bill", "2026-09-02", "0")
    again, news = put(landing, EVENING, b"as it came")
    assert (again, news) == (landed, False)
    assert landed.proven(landed.objects[0]).read_bytes() == b"as it came"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"objects": 5}', "\0" * 100])
def test_a_manifest_that_cannot_be_read_is_named(landing: Landing, content: str) -> None:
    put(landing, NOON, b"a")
    (path,) = landing.root.glob("manifests/*/*/*.json")
    path.write_text(content)
    with pytest.raises(Damaged, match="delete it and land its days again") as caught:
        landing.known(NOON)
    assert caught.value.file == str(path)
