"""Narrow calls and their dictionaries say what the calls they are made of say, and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.ingest.lake import schema, writer
from reconcilers.ingest.metering import ENTITIES, SLOTS, Metering

Row = dict[str, Any]
NOON = datetime(2026, 9, 3, 12)
#: What a column has in ``metered_calls`` and its dictionaries, and what it is called in ``calls``.
OF_CALLS = {name for entity in ENTITIES for name in schema(entity).names} & set(schema("calls").names)
#: The text meters of ``usage`` by slot, with the TTL that stands for none told.
METERS = {
    "input_tokens": ("input_tokens", None),
    "cache_read_tokens": ("cache_read_input_tokens", None),
    "cache_write_5m_tokens": ("cache_write_input_tokens", "5m"),
    "cache_write_1h_tokens": ("cache_write_input_tokens", "1h"),
    "output_tokens": ("output_tokens", None),
}
SLOT_OF = {meter: slot for slot, meter in METERS.items()}

# Calls, at random ----------------------------------------------------------------------------------------------------

some_text = (None, "a", "A", "b", "", "ä|Ω")
told_text = ("a", "A", "b", "ÄΩ")
#: Small ones, ones with a fraction that is rounded, half ones of either sign, and more than 2⁶³ billionths.
some_quantities = (
    *("1", "7", "5000", "0.000000001", "0.25", "2.499999999", "3.5", "0.5", "1.5", "-0.5", "-0.500000001", "-3.5"),
    *("9000000000000", "9223372036.854775808", "18446744073.709551616"),
)
METERS_TOLD = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens", "seconds")


def element(chance: Random) -> Row:
    return {
        "meter": chance.choice(METERS_TOLD),
        "modality": chance.choice([None, "text", "text", "audio"]),
        "cache_ttl": chance.choice([None, None, None, "5m", "1h", "30m"]),
        "quantity": Decimal(chance.choice(some_quantities)),
    }


def value_of(field: pa.Field, chance: Random) -> Any:
    kind = field.type
    if pa.types.is_string(kind):
        return chance.choice(some_text if field.nullable else told_text)
    if (field.nullable and chance.random() < 0.3) or pa.types.is_list(kind):
        return None
    if pa.types.is_boolean(kind):
        return chance.random() < 0.5
    if pa.types.is_timestamp(kind):
        return NOON + timedelta(hours=chance.randrange(3))
    if pa.types.is_decimal(kind):
        return Decimal(chance.choice(some_quantities))
    return chance.choice([0, 1, 7, 10**12])


def a_call(chance: Random, entity: str = "calls") -> Row:
    row = {field.name: value_of(field, chance) for field in schema(entity)}
    usage = [element(chance) for _ in range(chance.randrange(6))]
    row |= {"source": "traces", "landing_id": "landing", "usage": usage or chance.choice([None, []])}
    if entity == "resolved_calls":
        return row | {"took_part": []}
    return row | {
        "usage_exclusive": otherwise_read(usage, chance) if chance.random() < 0.5 else chance.choice([None, []])
    }


def otherwise_read(usage: list[Row], chance: Random) -> list[Row]:
    """The same usage with another text input, or none, and other elements beyond the slots."""
    is_input = [one for one in usage if slot_of(one) == "input_tokens"]
    kept = [one for one in usage if slot_of(one) not in (None, "input_tokens")]
    others = [one for one in (element(chance) for _ in range(3)) if slot_of(one) is None]
    modality = "text" if is_input and all(one["modality"] for one in is_input) else None
    whole = used("input_tokens", chance.choice(some_quantities), modality)
    return [*kept, *others, *([whole] if chance.random() < 0.5 else [])]


def slot_of(element: Row) -> str | None:
    meter, modality, ttl = element["meter"], element["modality"], element["cache_ttl"]
    if modality not in (None, "text"):
        return None
    return SLOT_OF.get((meter, "5m" if meter == "cache_write_input_tokens" and ttl is None else ttl))


def table(rows: list[Row], entity: str = "calls") -> pa.Table:
    numbered = [row | ({"landing_row": number} if entity == "calls" else {}) for number, row in enumerate(rows)]
    return pa.Table.from_pylist(numbered, schema=schema(entity))


def metered(*tables: pa.Table) -> list[Row]:
    """Rows of ``metered_calls`` with the words their numbers stand for."""
    meter = Metering()
    made = [meter.of(one) for one in tables]
    found = {entity: pa.concat_tables([one[entity] for one in made]).to_pylist() for entity in ENTITIES}
    for entity in ENTITIES:
        assert all(one[entity].schema.equals(schema(entity)) for one in made)
    dictionaries = {}
    for entity, number in (("call_profiles", "profile"), ("call_contexts", "context")):
        dictionaries[number] = {row[number]: row for row in found[entity]}
        assert [*dictionaries[number]] == [*range(len(found[entity]))], "numbers are unique in a file, from 0 on"
    return [
        dictionaries["profile"][row["profile"]] | dictionaries["context"][row["context"]] | row
        for row in found["metered_calls"]
    ]


def in_slots(usage: list[Row] | None) -> dict[str, int]:
    sums: dict[str, Decimal] = {}
    for one in usage or []:
        if slot := slot_of(one):
            sums[slot] = sums.get(slot, Decimal(0)) + one["quantity"]
    # ROUND_HALF_UP is decimal's name for half away from zero.
    return {slot: int(total.quantize(Decimal(1), ROUND_HALF_UP)) for slot, total in sums.items()}


def others(usage: list[Row] | None) -> list[Row] | None:
    return [one for one in usage or [] if slot_of(one) is None] or None


def bits(usage: list[Row] | None) -> int:
    by_slot: dict[str, list[Row]] = {}
    for one in usage or []:
        if slot := slot_of(one):
            by_slot.setdefault(slot, []).append(one)
    told = sum(
        1 << [*METERS].index(slot) for slot, of in by_slot.items() if all(one["modality"] == "text" for one in of)
    )
    written = by_slot.get("cache_write_5m_tokens")
    return told + (32 if written and all(one["cache_ttl"] == "5m" for one in written) else 0)


def digits(own_id: str) -> tuple[int, int, int]:
    text = hashlib.md5(own_id.encode()).hexdigest()
    return int(text[:15], 16), int(text[15:30], 16), int(text[30:], 16)


def told_id(row: Row) -> str:
    if row["trace_id"] is not None and row["span_id"] is not None:
        return f"{row['trace_id'].lower()}|{row['span_id'].lower()}"
    return f"{row['source']}|{row['record_id']}"


# What is held --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_narrow_calls_say_what_calls_say(seed: int) -> None:
    chance = Random(seed)
    calls = [a_call(chance) for _ in range(400)]
    whole = table(calls)
    found = metered(whole.slice(0, 150), whole.slice(150, 0), whole.slice(150))
    assert len(found) == len(calls)
    for number, (call, narrow) in enumerate(zip(calls, found, strict=True)):
        same = OF_CALLS - {"landing_row"}
        assert {name: narrow[name] for name in same} == {name: call[name] for name in same}
        assert (narrow["landing_row"], narrow["telemetry_source"]) == (number, "traces")
        assert (narrow["cache_blind"], narrow["inherited"], narrow["identity_group"], narrow["names_two_events"]) == (
            None,
            None,
            None,
            False,
        )
        assert (narrow["call_high"], narrow["call_low"], narrow["call_tail"]) == digits(told_id(call))
        assert {slot: narrow[slot] for slot in SLOTS if narrow[slot] is not None} == in_slots(call["usage"])
        assert narrow["other_usage"] == others(call["usage"])
        assert narrow["other_usage_exclusive"] == others(call["usage_exclusive"])
        otherwise = in_slots(call["usage_exclusive"]).get("input_tokens", 0) if call["usage_exclusive"] else None
        assert narrow["input_tokens_exclusive"] == otherwise
        assert narrow["usage_told"] == bits(call["usage"]) | bits(call["usage_exclusive"])


def test_narrow_resolved_calls_say_what_resolved_calls_say() -> None:
    chance = Random(5)
    calls = [a_call(chance, "resolved_calls") for _ in range(300)]
    found = metered(table(calls[:100], "resolved_calls"), table(calls[100:], "resolved_calls"))
    own = {"cache_blind", "inherited", "identity_group", "names_two_events", "telemetry_source"}
    same = OF_CALLS - {"landing_row", "cached_total"} | own
    for number, (call, narrow) in enumerate(zip(calls, found, strict=True)):
        assert {name: narrow[name] for name in same} == {name: call[name] for name in same}
        assert (narrow["landing_row"], narrow["cached_total"]) == (number, None)
        assert (narrow["call_high"], narrow["call_low"], narrow["call_tail"]) == digits(call["own_id"])
        assert {slot: narrow[slot] for slot in SLOTS if narrow[slot] is not None} == in_slots(call["usage"])
        assert (narrow["other_usage"], narrow["input_tokens_exclusive"]) == (others(call["usage"]), None)


def test_words_are_said_once() -> None:
    chance = Random(6)
    calls = [a_call(chance) for _ in range(50)]
    made = Metering().of(table([*calls, *calls]))
    for entity in ("call_profiles", "call_contexts"):
        rows = [tuple(row.values()) for row in made[entity].drop_columns(entity[5:-1]).to_pylist()]
        assert Counter(rows).most_common(1)[0][1] == 1


def test_files_are_made_narrow_at_the_same_time() -> None:
    tables = [table([a_telling(record_id=f"{number} {row}") for row in range(2_000)]) for number in range(12)]
    with ThreadPoolExecutor(4) as readers:
        found = [*readers.map(metered, tables)]
    for number, rows in enumerate(found):
        ids = [f"traces|{number} {row}" for row in range(2_000)]
        assert [(row["call_high"], row["call_low"], row["call_tail"]) for row in rows] == [*map(digits, ids)]


def a_telling(**said: Any) -> Row:
    row: Row = dict.fromkeys(schema("calls").names)
    row |= {
        "source": "traces",
        "landing_id": "landing",
        "landing_line": 1,
        "dialect": "d",
        "span_kind": "model",
        "record_id": "r",
    }
    row |= dict.fromkeys(("billable", "tells_cache"), True)
    row |= dict.fromkeys(("answered_from_cache", "cache_exceeds_input", "usage_inconsistent"), False)
    return row | {"ended_at": NOON, "usage_source": "provider", "meters_told": 1} | said


def used(meter: str, quantity: str | int, modality: str | None = None, ttl: str | None = None) -> Row:
    return {"meter": meter, "modality": modality, "cache_ttl": ttl, "quantity": Decimal(quantity)}


def test_words_that_are_more_than_one_number_holds_stay_apart() -> None:
    """Eight columns of 2¹³ values each: as digits of one 64-bit number all but the last of them would be cut off."""
    names = ("event_id", "run_id", "tenant_id", "feature_id", "customer_id", "user_hash", "workflow", "prompt_version")
    many = 1 << 13
    calls = [a_telling(**{name: f"{name} {number}" for name in names}) for number in range(many)]
    calls += [call | {"event_id": calls[number - 1]["event_id"]} for number, call in enumerate(calls)]
    found = metered(table(calls))
    assert len({row["context"] for row in found}) == 2 * many
    assert all(row[name] == call[name] for row, call in zip(found, calls, strict=True) for name in names)


@pytest.mark.parametrize(
    ("usage", "exclusive"),
    [
        ([used("output_tokens", 5)], [used("output_tokens", 6)]),
        ([used("output_tokens", 5)], [used("input_tokens", 5)]),
        ([used("cache_read_input_tokens", 5)], [used("cache_read_input_tokens", 5, "text")]),
        ([used("cache_write_input_tokens", 5)], [used("cache_write_input_tokens", 5, None, "5m")]),
        ([used("input_tokens", 5)], [used("input_tokens", 6, "text")]),
        ([], [used("output_tokens", 5)]),
    ],
)
def test_readings_that_differ_in_anything_else_are_our_fault(usage: list[Row], exclusive: list[Row]) -> None:
    with pytest.raises(ValueError, match="row 1 of 2"):
        Metering().of(table([a_telling(usage=usage), a_telling(usage=usage, usage_exclusive=exclusive)]))


def test_more_than_any_call_counts_is_not_cut_off() -> None:
    with pytest.raises(ValueError, match="more than any call counts"):
        Metering().of(table([a_telling(usage=[used("output_tokens", 10**19)])]))


def test_what_hardly_repeats_is_written_without_a_dictionary(tmp_path: Path) -> None:
    with writer("calls", tmp_path / "calls.parquet") as out:
        out.write_table(table([a_call(Random(1)) | {"usage": [used("input_tokens", 5)]}]))
    columns = pq.ParquetFile(tmp_path / "calls.parquet").metadata.row_group(0)
    found = [columns.column(number) for number in range(columns.num_columns)]
    with_one = {column.path_in_schema for column in found if column.has_dictionary_page}
    assert {
        "model",
        "over_scopes.list.element",
        "usage.list.element.meter",
        "usage_exclusive.list.element.meter",
    } <= with_one
    assert with_one.isdisjoint(["record_id", "span_id", "response_id", "ended_at", "landing_line", "input_total"])
