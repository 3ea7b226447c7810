"""Which days are resolved again, and that what comes out depends on the set of files only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.ingest.lake import schema
from reconcilers.ingest.resolution.days import resolve
from tests.ingest.resolution.conftest import KNOWLEDGE, Row, telling

DAY = 86_400
A, B, C = ("a" * 16, "b" * 16, "c" * 16)
OTHER = "1bf7651916cd43dd8448eb211c80319d"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a lake file of tellings, as of a landing."""

    def written(landing: str, *tellings: Row) -> Path:
        path = tmp_path / "lake" / "traces" / f"{landing}-recipe" / "calls.parquet"
        path.parent.mkdir(parents=True)
        rows = [row | {"landing_id": landing, "landing_row": number} for number, row in enumerate(tellings)]
        pq.write_table(pa.Table.from_pylist(rows, schema=schema("calls")), path)
        return path

    return written


def made(tmp_path: Path, *calls: Path) -> dict[str, list[Path]]:
    return resolve(calls, tmp_path / "lake", KNOWLEDGE, "declared")


def rows(files: dict[str, list[Path]], entity: str) -> list[Row]:
    found = [row for path in files.get(entity, []) for row in pq.read_table(path).to_pylist()]
    return sorted(found, key=lambda row: str(sorted(row.items(), key=str)))


def days(files: dict[str, list[Path]]) -> set[str]:
    """Folders of resolved days, with their fingerprints."""
    return {path.parent.name for path in files.get("resolved_calls", [])}


def test_tellings_nobody_contests_pass_by(tmp_path: Path, write: Write) -> None:
    files = made(tmp_path, write("one", telling(A, input=1), telling(B, trace=OTHER, input=1)))
    assert set(files) == {"emitters"}
    (emitter,) = rows(files, "emitters")
    assert (emitter["scope_name"], emitter["cache_blind"], emitter["excludes_cache"]) == ("sdk", True, False)


def test_a_trace_is_resolved_across_files_and_days(tmp_path: Path, write: Write) -> None:
    root = write("roots", telling(A, span_kind="other", model=None, at=-DAY, event_id="e"))
    call = write("calls", telling(B, A, input=1))
    files = made(tmp_path, root, call)
    (resolved,), (metered,), (context,) = (
        rows(files, entity) for entity in ("resolved_calls", "metered_calls", "call_contexts")
    )
    assert (metered["landing_id"], metered["ended_at"]) == (resolved["landing_id"], resolved["ended_at"])
    assert (metered["input_tokens"], context["event_id"], context["inherited"]) == (1, "e", resolved["inherited"])
    assert [(row["event_id"], row["landing_id"]) for row in rows(files, "resolved_calls")] == [("e", "2026-09-03")]
    replaced = {(row["told_landing_id"], str(row["charge_day"])) for row in rows(files, "resolved_tellings")}
    assert replaced == {("calls", "2026-09-03"), ("roots", "2026-09-02")}


def test_records_that_name_nothing_have_nothing_in_common(tmp_path: Path, write: Write) -> None:
    """Neither event, run nor trace: of two emitters that tell each other's calls they are as many calls."""
    repeated = write("spans", telling(record_id="1", input=1), telling(A, input=1))
    repeating = write("logs", telling(record_id="2", scope_name="w", over_scopes=["sdk"], input=1))
    assert set(made(tmp_path, repeated, repeating)) == {"emitters"}


def test_the_order_of_files_decides_nothing(tmp_path: Path, write: Write) -> None:
    one, two = (
        write("one", telling(A, response_id="r", input=1)),
        write("two", telling(B, trace=OTHER, response_id="r", scope_name="w", input=1)),
    )
    assert made(tmp_path, one, two) == made(tmp_path, two, one)


def test_only_the_days_that_share_something_with_news_are_made_again(tmp_path: Path, write: Write) -> None:
    before = [
        write(
            "one",
            telling(A, response_id="r", input=1, output=1),
            telling(B, response_id="r", scope_name="w", input=1, output=1),
        ),
        write(
            "two",
            telling(C, OTHER[:16], trace=OTHER, at=5 * DAY, input=1, output=1),
            telling(OTHER[:16], trace=OTHER, at=5 * DAY, input=1, output=1),
        ),
    ]
    first = made(tmp_path, *before)
    news = write("three", telling("d" * 16, trace="2" * 32, at=DAY, response_id="r", scope_name="x", input=1, output=1))
    second = made(tmp_path, *before, news)
    assert {name[:10] for name in days(first)} == {"2026-09-03", "2026-09-08"}
    kept = {name[:10] for name in days(first) & days(second)}
    assert kept == {"2026-09-08"}
    (joined,) = [
        row for row in rows(second, "resolved_calls") if row["own_id"].startswith("0af") and row["tellings"] > 1
    ]
    assert joined["tellings"] == 3


def test_three_calls_with_more_cached_than_input_prove_an_emitter(tmp_path: Path, write: Write) -> None:
    said = {"input": 10, "cached": 40, "cache_exceeds_input": True, "token_semantics_by": "convention"}
    files = [write(f"f{number}", telling(f"{number:016x}", trace=f"{number:032x}", **said)) for number in (1, 2, 3)]
    assert [row["excludes_cache"] for row in rows(made(tmp_path, *files[:2]), "emitters")] == [False]
    assert [row["excludes_cache"] for row in rows(made(tmp_path, *files), "emitters")] == [True]
    again = write("again", telling(f"{1:016x}", trace=f"{1:032x}", **said))
    assert [row["excludes_cache"] for row in rows(made(tmp_path, *files[:2], again), "emitters")] == [False]


def test_a_killed_run_leaves_nothing_that_counts(tmp_path: Path, write: Write) -> None:
    file = write("one", telling(A, response_id="r", input=1), telling(A, response_id="r", input=1))
    whole = rows(made(tmp_path, file), "resolved_calls")
    lake = tmp_path / "lake"
    for path in [*lake.glob("(listings)/*"), *lake.glob("(resolved)/2026*/*.parquet")]:
        path.unlink()
    for folder in lake.glob("(resolved)/2026*"):
        folder.rename(folder.with_name(f"{folder.name}.1.tmp"))
    assert rows(made(tmp_path, file), "resolved_calls") == whole


def test_a_day_is_named_by_what_it_is_made_from_and_nothing_else(tmp_path: Path, write: Write) -> None:
    """However many emitters told something of it, and in whichever order an engine meets them."""
    told = write("many", *(telling(A, response_id="r", scope_name=f"scope {number}", input=1) for number in range(40)))
    assert len({frozenset(days(made(tmp_path / f"{number}", told))) for number in range(5)}) == 1
