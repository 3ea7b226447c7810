"""A user who is forgotten is in no byte below home; every row but for that user's hash stays; whatever was interrupted is finished."""

from __future__ import annotations

import hmac
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reconcilers import pipeline
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import Busy, SettingsInvalid, SourceRejected
from reconcilers.forget import FORGOTTEN, Told, forget, look_for
from reconcilers.ingest.landing import Landing
from reconcilers.known import known
from reconcilers.periods import Period
from reconcilers.sources.telemetry.spans.files import read_lines
from reconcilers.verify import verify
from tests.sources.telemetry.written import (
    CALL,
    ENDED,
    Json,
    attributes,
    event,
    framed,
    gzipped,
    lines,
    message,
    span,
    zstandard_file,
)

ADA, BOB, KEY = "ada@acme.example", "bob@acme.example", "a key of the tests"
DAY, BEFORE, AS_OF = Period.of_day(date(2026, 10, 1)), datetime(2026, 10, 2), datetime(2026, 10, 3)
FORGOTTEN_AT = datetime(2026, 11, 1, 12)
COUNTS = CALL | {"gen_ai.usage.input_tokens": 5, "acme.ratio": 0.1}
COLUMNS = """
  columns: {record_id: id, ended_at: at, event_id: event, user_hash: who.user, model: model, provider: {constant: openai}}
  usage: {semantics: inclusive, meters: [{meter: input_tokens, column: tokens}]}
"""
SETTINGS = f"""
home: var
price_book: none
telemetry:
- {{name: agents, kind: otlp, uri: traces, renamed_from: old_agents, attributes: {{user_id: [acme.login]}}}}
- name: log
  kind: mapped
  uri: log
  format: ndjson
  entity: calls{COLUMNS}
- name: sheet
  kind: mapped
  uri: sheet
  format: csv
  entity: calls{COLUMNS}
"""


def told(number: int, values: Json, **fields: Any) -> Json:
    return span(COUNTS | values, spanId=f"{number:016x}", parentSpanId="", traceId=f"{number:032x}", **fields)


def traces() -> dict[str, bytes]:
    """Every place and form in which a vocabulary or the settings read a user's id, ADA's beside BOB's."""
    places = lines(
        message(told(1, {"user.id": ADA}), told(2, {"user.id": BOB})),
        message(told(3, {"enduser.id": f" {ADA} "}), told(4, {})),
        message(told(5, {"user.id": BOB})),
        message(told(6, {}), resource={"user.id": ADA, "service.name": "answers"}),
        # Nobody's call becomes somebody else's.
        message(told(18, {"user.id": ADA}), resource={"user.id": BOB}),
    )
    more = lines(
        message(told(7, {"metadata": json.dumps({"user_id": ADA, "tenant_id": "ten-1"})})),
        message(told(8, {"langfuse.trace.metadata.user_id": json.dumps(ADA)})),
        message(told(9, {"acme.login": ADA}, events=[event("said", {"user.id": ADA})])),
        message(
            told(10, {}, links=[{"traceId": "f" * 32, "spanId": "1" * 16, "attributes": attributes({"user.id": ADA})}])
        ),
    )
    escaped = lines(message(told(11, {"user.id": ADA}))).replace(b"ada@", b"\\u0061da\\u0040")
    record = {
        "timeUnixNano": str(ENDED),
        "eventName": "claude_code.api_request",
        "body": {"stringValue": "api_request"},
    }
    logs = {
        "resourceLogs": [
            {
                "resource": {"attributes": attributes({"service.name": "claude-code"})},
                "scopeLogs": [
                    {
                        "scope": {"name": "com.anthropic.claude_code.events"},
                        "logRecords": [
                            record | {"attributes": attributes({"user.id": who, "model": "m", "input_tokens": 7})}
                            for who in (ADA, BOB)
                        ],
                    }
                ],
            }
        ]
    }
    return {
        "places.json": places,
        "places.json.gz": gzipped(more),
        "places.zst": zstandard_file(escaped),
        "framed.zst": framed(lines(message(told(12, {"user.id": ADA})), message(told(13, {"user.id": BOB})))),
        "logs.json": lines(logs),
        # What cannot be read, blank lines, and nothing to forget.
        "torn.json": b"\n" + lines(message(told(14, {"user.id": ADA}))) + b"\n{torn\n" + lines(message(told(15, {}))),
        # Told twice, so that a day is resolved.
        "twice.json": lines(message(told(17, {"user.id": ADA}))),
        "twice_more.json": lines(message(told(17, {"user.id": ADA}))),
        "nobody.json": lines(message(told(16, {"user.id": BOB, "acme.reviewer": "eve@acme.example"}))),
    }


def rows(first: int, *users: str) -> list[Json]:
    return [
        {
            "id": f"c{n}",
            "at": "2026-10-01T10:00:00Z",
            "event": f"e{n}",
            "who": {"user": user},
            "model": "m",
            "tokens": n,
        }
        for n, user in enumerate(users, first)
    ]


def csv_of(*found: Json) -> bytes:
    names = ("id", "at", "event", "who.user", "model", "tokens", "note")
    cells = [
        [r["id"], r["at"], f'"{r["event"]}\nof two lines"', r["who"]["user"], "m", str(r["tokens"]), "x"] for r in found
    ]
    return "".join(f"{','.join(line)}\n" for line in (names, *cells)).encode()


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Telemetry of two users, landed twice under two names of one source, and read into the lake."""
    folder = tmp_path_factory.mktemp("acme")
    for name in ("traces", "log", "sheet", "reference"):
        (folder / name).mkdir()
    file = folder / "reconcile.yaml"
    (folder / "log" / "calls.ndjson").write_text("\n".join(map(json.dumps, rows(1, ADA, BOB))) + "\n\n{torn\n")
    (folder / "sheet" / "calls.csv").write_bytes(csv_of(*rows(3, BOB, ADA, BOB)))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RECONCILE_USER_KEY", KEY)
        file.write_text(SETTINGS.replace("name: agents", "name: old_agents").replace(" renamed_from: old_agents,", ""))
        (folder / "traces" / "places.json").write_bytes(lines(message(told(1, {"user.id": ADA}))))
        land(read_settings(file), ["old_agents", "log", "sheet"], BEFORE)
        file.write_text(SETTINGS)
        for name, content in traces().items():
            (folder / "traces" / name).write_bytes(content)
        pipeline.land_reference(read_settings(file), AS_OF)
        land(read_settings(file), ["agents", "log", "sheet"], AS_OF)
    return folder


@pytest.fixture
def company(landed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RECONCILE_USER_KEY", KEY)
    shutil.copytree(landed, tmp_path / "acme")
    return read_settings(tmp_path / "acme" / "reconcile.yaml")


def land(settings: Settings, names: list[str], as_of: datetime) -> None:
    for name in names:
        assert not pipeline.land(settings, name, DAY, as_of).failures
    known(settings, as_of)


def home(settings: Settings) -> Path:
    return settings.path(settings.home)


def holding(settings: Settings, text: str) -> set[str]:
    """The files below home with the text in their bytes, names, or what is packed in them."""
    return {
        str(path.relative_to(home(settings)))
        for path in home(settings).rglob("*")
        if path.is_file()
        for one in contents(path)
        if text.encode() in one
    }


def contents(path: Path) -> Iterator[bytes]:
    yield str(path).encode()
    yield path.read_bytes()
    if path.suffix == ".parquet":
        yield repr(pq.read_table(path).to_pylist()).encode()
    elif "objects" in path.parts:
        content = b"".join(content for _, content in read_lines(path, path.name))
        yield content
        yield content.replace(b"\\u0061", b"a").replace(b"\\u0040", b"@")


def lake(settings: Settings, as_of: datetime) -> Counter[str]:
    """All rows known, but for what names their pull, the id of a log record and the bytes of a line that is rejected."""
    found: Counter[str] = Counter()
    for entity, paths in known(settings, as_of).files.items():
        for row in (row for path in paths for row in rows_of(path, entity)):
            unnamed = {name: value for name, value in row.items() if not name.endswith("landing_id")}
            if row.get("scope_name") == "com.anthropic.claude_code.events":
                for name in ("record_id", "call_high", "call_low", "call_tail"):
                    unnamed.pop(name, None)
            if row.get("took_part"):
                unnamed["took_part"] = sorted(
                    f"{one['source']} {one['landing_line']} {one['part']}" for one in row["took_part"]
                )
            found[f"{entity} {json.dumps(unnamed, default=str, sort_keys=True)}"] += 1
    return found


def rows_of(path: Path, entity: str) -> list[Json]:
    """Rows of a lake file; of calls as numbers with the words in place of theirs, which are told at other numbers without a user."""
    words = {"profile": "call_profiles", "context": "call_contexts"}
    if entity in words.values():
        return []
    rows: list[Json] = pq.read_table(path).to_pylist()
    for number, dictionary in words.items() if entity == "metered_calls" else ():
        told = {row[number]: row for row in pq.read_table(path.with_name(f"{dictionary}.parquet")).to_pylist()}
        rows = [row | told[row[number]] | {number: None} for row in rows]
    return rows


def hash_of(user: str) -> str:
    return hmac.new(KEY.encode(), user.encode(), "sha256").hexdigest()


@pytest.mark.parametrize("as_of", [BEFORE, AS_OF])
def test_a_forgotten_user_is_in_no_file_and_every_row_stays(company: Settings, as_of: datetime) -> None:
    before = lake(company, as_of)
    assert holding(company, ADA), "the search finds what is there"
    assert holding(company, hash_of(ADA))
    others = holding(company, BOB)
    forget(company, ADA, FORGOTTEN_AT, "request 88")
    assert holding(company, ADA) == set()
    after = lake(company, as_of)
    expected: Counter[str] = Counter()
    for row, count in before.items():
        expected[row.replace(f'"{hash_of(ADA)}"', "null")] += count
    assert after == expected
    hashed = holding(company, hash_of(ADA))
    assert len(hashed) == 2, "who was forgotten: the record and its folder"
    assert not any("lake" in path for path in hashed)
    assert len(holding(company, BOB)) == len(others) > 0
    assert verify(company).problems == []


def test_says_what_it_rewrote_and_keeps_who_asked(company: Settings) -> None:
    expected = {"agents": Told(9, 9, 15), "log": Told(1, 1, 1), "sheet": Told(1, 1, 1)}
    assert look_for(company, ADA).told == expected
    assert holding(company, ADA), "looking changes nothing"
    assert forget(company, ADA, FORGOTTEN_AT, "request 88").told == expected
    ((record),) = Landing(company.landing).history(FORGOTTEN, hash_of(ADA))
    kept = json.loads(record.path(record.objects[0]).read_bytes())
    assert (kept["when"], kept["why"], kept["user_hash"]) == (FORGOTTEN_AT.isoformat(), "request 88", hash_of(ADA))
    assert kept["told"]["agents"] == {"pulls": 9, "objects": 9, "lines": 15}


def test_other_lines_keep_their_bytes_and_all_their_numbers(company: Settings) -> None:
    def landed(name: str) -> list[bytes]:
        source = "agents" if name.endswith(".json") else name.partition("/")[0]
        (pull,) = [
            one for one in Landing(company.landing).known(AS_OF, [source]) if one.unit == name.rpartition("/")[2]
        ]
        return pull.path(pull.objects[0]).read_bytes().splitlines(keepends=True)

    files = ("places.json", "torn.json", "log/calls.ndjson", "sheet/calls.csv")
    before = {name: landed(name) for name in files}
    forget(company, ADA, FORGOTTEN_AT)
    changed = {
        name: [n for n, (old, new) in enumerate(zip(before[name], landed(name), strict=True), 1) if old != new]
        for name in files
    }
    assert changed == {"places.json": [1, 2, 4, 5], "torn.json": [2], "log/calls.ndjson": [1], "sheet/calls.csv": [5]}


def tree(settings: Settings) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in home(settings).rglob("*") if path.is_file()}


def test_forgetting_twice_changes_nothing_more(company: Settings) -> None:
    forget(company, ADA, FORGOTTEN_AT)
    before = tree(company)
    again = forget(company, ADA, datetime(2026, 11, 2))
    assert not any(one.pulls for one in again.told.values())
    assert tree(company) == before


def test_what_was_interrupted_is_finished(company: Settings, tmp_path: Path) -> None:
    """Killed after a manifest was written and before the one it replaces was removed, with all that was to go still there."""
    shutil.copytree(home(company), tmp_path / "before")
    forget(company, ADA, FORGOTTEN_AT)
    done = {path: content for path, content in tree(company).items() if "/lake/" not in path}
    shutil.copytree(tmp_path / "before", home(company), dirs_exist_ok=True)
    assert holding(company, ADA)
    forget(company, ADA, FORGOTTEN_AT)
    assert holding(company, ADA) == set()
    assert {path: content for path, content in tree(company).items() if "/lake/" not in path} == done
    assert verify(company).problems == []


def test_what_was_left_over_is_removed_though_no_manifest_tells_the_id(company: Settings, tmp_path: Path) -> None:
    """Killed after the last manifest: old objects and lake files are there, and a pull that never was committed."""
    shutil.copytree(home(company), tmp_path / "before")
    forget(company, ADA, FORGOTTEN_AT)
    for folder in ("landing/objects", "lake"):
        shutil.copytree(tmp_path / "before" / folder, home(company) / folder, dirs_exist_ok=True)
    Landing(company.landing).pull("agents", "otlp", "never.json").add(
        "never.json", "", lines(message(told(1, {"user.id": ADA})))
    )
    (company.landing / "incoming" / "cut").write_text(ADA)
    assert holding(company, ADA)
    assert any("resolved" in path for path in holding(company, hash_of(ADA)))
    found = forget(company, ADA, FORGOTTEN_AT)
    assert found.removed
    assert min(found.removed.objects, found.removed.folders) > 0
    assert holding(company, ADA) == set()
    assert not any("lake" in path for path in holding(company, hash_of(ADA)))


def test_nothing_is_forgotten_while_a_run_lands(company: Settings) -> None:
    with Landing(company.landing).adding(), pytest.raises(Busy, match="a run is landing"):
        forget(company, ADA, FORGOTTEN_AT)
    with pipeline.writing(company), pytest.raises(Busy, match="another run is writing"):
        forget(company, ADA, FORGOTTEN_AT)
    assert holding(company, ADA)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("user_id: [acme.login]", "tenant_id: [user.id]"),
        ("event_id: event, user_hash: who.user", "event_id: event, tenant_id: who.user, user_hash: who.user"),
    ],
)
def test_an_id_that_also_names_a_tenant_is_refused_before_anything_changes(
    company: Settings, before: str, after: str
) -> None:
    company.file.write_text(SETTINGS.replace(before, after))
    settings, stored = read_settings(company.file), holding(company, ADA)
    with pytest.raises(SourceRejected, match="tells the user's id and something else"):
        forget(settings, ADA, FORGOTTEN_AT)
    assert holding(settings, ADA) == stored


def test_rows_that_could_not_be_read_again_are_not_lost(company: Settings) -> None:
    company.file.write_text(SETTINGS.replace("record_id: id,", "record_id: number,"))
    settings, stored = read_settings(company.file), holding(company, ADA)
    with pytest.raises(SettingsInvalid, match="its earlier reading, which counts, would be lost"):
        forget(settings, ADA, FORGOTTEN_AT)
    assert holding(settings, ADA) == stored


@pytest.mark.parametrize("key", ["", "another key"])
def test_others_keep_their_hash_whoever_types_the_command(
    company: Settings, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    before = lake(company, AS_OF)
    monkeypatch.setenv("RECONCILE_USER_KEY", key)
    with pytest.raises(SettingsInvalid, match="hashes under another RECONCILE_USER_KEY"):
        forget(company, ADA, FORGOTTEN_AT)
    monkeypatch.setenv("RECONCILE_USER_KEY", KEY)
    assert lake(company, AS_OF) == before
    forget(company, ADA, FORGOTTEN_AT)
    of_bob = sorted(row for row in before.elements() if hash_of(BOB) in row)
    assert of_bob == sorted(row for row in lake(company, AS_OF).elements() if hash_of(BOB) in row)


def test_the_command_says_what_came_of_it(company: Settings) -> None:
    def reconcile(*arguments: str) -> str:
        command = [sys.executable, "-m", "reconcilers.cli", "forget", *arguments, "--config", str(company.file)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    looked = reconcile(ADA, "--dry-run")
    assert "log: 1 lines of 1 objects" in looked
    assert "nothing was changed" in looked
    said = reconcile(ADA, "--reason", "request 88")
    assert "agents: 15 lines of 9 objects" in said
    assert "Published tables never held the id" in said
    assert "nothing in landing tells the id" in reconcile(ADA)
    company.file.write_text(SETTINGS.replace("name: log", "name: other"))
    assert "not looked at: log" in reconcile(ADA)
