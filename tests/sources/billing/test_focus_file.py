"""FOCUS files: which are one delivery, which version counts, and what settings say of columns, values and times."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers.errors import SettingsInvalid, SourceRejected
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source

SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))
HEADER = "BilledCost,EffectiveCost,ListCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName"


def bill(*lines: tuple[str, str], extra: Mapping[str, str] | None = None) -> str:
    """A file with a line per (day, cost)."""
    more = extra or {}
    rows = [",".join([HEADER, *more])]
    for day, cost in lines:
        rows.append(",".join([cost, cost, cost, "acct", "USD", "2026-09-01", day, day, "Usage", "LLM", *more.values()]))
    return "\n".join(rows) + "\n"


FOURTEENTH, FIFTEENTH = ("2026-09-14", "0.01"), ("2026-09-15", "0.02")


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    """A focus_file source over the test's folder ``bills``."""

    def load(**config: Any) -> Source:
        base = {"name": "bill", "kind": "focus_file", "uri": str(tmp_path / "bills")}
        return registry.load("billing", base | config)

    return load


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Write a file below ``bills``, last modified on the hour given of 20 September."""

    def write(key: str, content: str | bytes, hour: int = 6) -> None:
        path = tmp_path / "bills" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        at = datetime(2026, 9, 20, hour).timestamp()
        os.utime(path, (at, at))

    return write


def units(source: Source) -> list[str]:
    return list(source.units(SEPTEMBER))


def ids(land: Any, source: Source) -> list[list[str]]:
    """The charge ids of each unit."""
    return [[row["charge_id"] for row in land(source, unit).rows["charges"]] for unit in units(source)]


# Deliveries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("part_0.csv", "part_1.csv"),
        ("run-a/part-00000-c4f1.snappy.csv", "run-a/part-00001-c4f1.snappy.csv"),
        ("x/part_0_0001.csv", "x/part_0_0002.csv"),
        ("x/0000_part_00.csv", "x/0001_part_00.csv"),
        ("x/focus-000000000000.csv", "x/focus-000000000001.csv"),
        ("x/data_0_0_0.csv", "x/data_0_1_0.csv"),
        (
            "part-00000-tid-83-1a2b3c4d-0000-4000-8000-0123456789ab-41-1-c000.csv",
            "part-00001-tid-83-1a2b3c4d-0000-4000-8000-0123456789ab-42-1-c000.csv",
        ),
    ],
)
def test_parts_of_one_delivery_are_one_unit_whose_lines_count_each(
    put: Any, source: Any, land: Any, first: str, second: str
) -> None:
    put(first, bill(FOURTEENTH))
    put(second, bill(FOURTEENTH))
    (found,) = ids(land, source())
    assert len(set(found)) == 2


@pytest.mark.parametrize("nothing", ["", '""', "NULL", "null", r"\N"])
def test_nothing_is_nothing_however_a_writer_spells_it(put: Any, source: Any, land: Any, nothing: str) -> None:
    put("b.csv", bill(FOURTEENTH, extra={"SubAccountId": nothing, "ConsumedQuantity": nothing}))
    (row,) = land(source(), "b.csv").rows["charges"]
    assert (row["sub_account_id"], row["consumed_quantity"]) == (None, None)


def test_what_a_marketplace_bills_elsewhere_keeps_its_effective_cost(put: Any, source: Any, land: Any) -> None:
    """FOCUS: of a row that a third party is paid for BilledCost is 0; its other costs are what it takes."""
    elsewhere = bill(("2026-09-14", "0.01")).replace("0.01,0.01,0.01", "0,3.27,4.00")
    put("b.csv", elsewhere)
    (row,) = land(source(), "b.csv").rows["charges"]
    told = [row[name] for name in ("billed_cost", "effective_cost", "list_cost", "effective_cost_text")]
    assert told == [0, Decimal("3.27"), 4, "3.27"]


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, bill(FOURTEENTH))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("b.csv.gz", gzip.compress(bill(FOURTEENTH).encode())),
        ("b.csv.zip", zipped("exports/", "exports/b.csv")),
        ("B.CSV", bill(FOURTEENTH)),
        # a spreadsheet's empty columns
        ("b.csv", bill(FOURTEENTH).replace("\n", ",,\n")),
    ],
)
def test_a_file_is_read_however_it_is_packed(put: Any, source: Any, land: Any, key: str, content: str | bytes) -> None:
    put("plain.csv", bill(FOURTEENTH))
    put(key, content)
    found = ids(land, source())
    assert len(found) == 2
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(zipped("a.csv", "b.csv"), "a zip archive of 2 files"), (zipped("a.csv")[:-30], "zip data is corrupt")],
)
def test_a_zip_that_is_not_one_file_is_refused(put: Any, source: Any, land: Any, content: bytes, problem: str) -> None:
    put("b.csv.zip", content)
    with pytest.raises(SourceRejected, match=problem):
        land(source(), "b.csv.zip")


def test_ids_in_a_column_of_doubles_are_whole_numbers(put: Any, source: Any, land: Any) -> None:
    names = HEADER.split(",")
    line: dict[str, Any] = dict(zip(names, bill(FOURTEENTH).splitlines()[1].split(","), strict=True))
    packed = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([line | {"SubAccountId": 123456789012.0, "BilledCost": 0.25}]), packed)
    put("b.parquet", packed.getvalue())
    (row,) = land(source(), "b.parquet").rows["charges"]
    assert (row["sub_account_id"], row["billed_cost_text"]) == ("123456789012", "0.25")


def test_a_group_says_what_numbers_a_part(put: Any, source: Any, land: Any) -> None:
    put("aug-1.csv", bill(FOURTEENTH))
    put("aug-2.csv", bill(FOURTEENTH))
    assert len({charge_id for unit in ids(land, source()) for charge_id in unit}) == 1
    (found,) = ids(land, source(pattern=r"\w+-(?P<part>\d)\.csv"))
    assert len(set(found)) == 2


@pytest.mark.parametrize("second", ["mtd-16.csv", "mtd-202609160600.csv", "party_1.csv", "part.csv"])
def test_files_that_are_no_parts_tell_a_line_again(put: Any, source: Any, land: Any, second: str) -> None:
    put("mtd-15.csv", bill(FOURTEENTH))
    put(second, bill(("2026-09-14 00:00:00 UTC", "0.0100"), FIFTEENTH))
    first, again = ids(land, source())
    assert set(first) < set(again)


def test_run_folders_tell_a_line_again_and_their_parts_do_not(put: Any, source: Any, land: Any) -> None:
    put("f0/part_0.csv", bill(FOURTEENTH))
    put("f0/part_1.csv", bill(FOURTEENTH))
    put("10/part_0.csv", bill(FOURTEENTH, FOURTEENTH, FIFTEENTH))
    newer, older = ids(land, source())
    assert len(set(older)) == 2
    assert set(newer) > set(older)


# Versions of a snapshot -----------------------------------------------------------------------------------------------

RUNS = r"(?P<period>\d{6})/(?P<version>[^/]+)/.*\.csv"
OLD, NEW = "f0000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"


def costs(land: Any, source: Source) -> list[Decimal]:
    return [row["billed_cost"] for row in land(source, "2026-09").rows["charges"]]


def test_of_runs_with_random_names_the_one_modified_last_counts(put: Any, source: Any, land: Any) -> None:
    put(f"202609/{OLD}/part_0_0001.csv", bill(FOURTEENTH), hour=6)
    put(f"202609/{NEW}/part_0_0001.csv", bill(FOURTEENTH), hour=7)
    put(f"202609/{NEW}/part_0_0002.csv", bill(FIFTEENTH), hour=5)
    snapshots = source(delivery="snapshot", pattern=RUNS)
    assert units(snapshots) == ["2026-09"]
    assert costs(land, snapshots) == [Decimal("0.01"), Decimal("0.02")]
    put(f"202609/{OLD}/part_0_0001.csv", bill(("2026-09-14", "0.05")), hour=8)
    assert costs(land, snapshots) == [Decimal("0.05")]


@pytest.mark.parametrize(
    "names", [(OLD, NEW), (NEW, NEW.replace("1", "2")), ("aaaa", "bbbb"), ("", "corrected"), ("1", "20260915T0600")]
)
def test_a_name_without_order_needs_a_time(put: Any, source: Any, land: Any, names: tuple[str, str]) -> None:
    for name in names:
        put(f"202609/v{name}/b.csv", bill(FOURTEENTH))
    with pytest.raises(SourceRejected, match=r"modified at the same time.*a version must sort by time"):
        costs(land, source(delivery="snapshot", pattern=r"(?P<period>\d{6})/v(?P<version>[^/]*)/b\.csv"))


@pytest.mark.parametrize(
    ("older", "newer"),
    [("v2", "v10"), ("20260915", "20260916"), ("2026-09-15T060000Z", "2026-09-15T180000Z"), ("1.9", "1.10")],
)
def test_a_version_that_is_a_date_or_a_number_sorts_by_it(
    put: Any, source: Any, land: Any, older: str, newer: str
) -> None:
    put(f"202609/{newer}/b.csv", bill(FIFTEENTH), hour=6)
    put(f"202609/{older}/b.csv", bill(FOURTEENTH), hour=7)
    assert costs(land, source(delivery="snapshot", pattern=RUNS)) == [Decimal("0.02")]


def test_a_day_and_a_time_of_day_are_no_numbers_of_one_kind(put: Any, source: Any, land: Any) -> None:
    put("202609/20260915120000/b.csv", bill(FOURTEENTH), hour=6)
    put("202609/20260916/b.csv", bill(FIFTEENTH), hour=7)
    assert costs(land, source(delivery="snapshot", pattern=RUNS)) == [Decimal("0.02")]


def test_files_of_one_version_count_each(put: Any, source: Any, land: Any) -> None:
    for name in ("east.csv", "west.csv"):
        put(f"202609/{NEW}/{name}", bill(FOURTEENTH))
    found = land(source(delivery="snapshot", pattern=RUNS), "2026-09").rows["charges"]
    assert len({row["charge_id"] for row in found}) == 2


def test_a_corrected_file_under_a_new_name_tells_its_lines_again(put: Any, source: Any, land: Any) -> None:
    put("bill-202609.csv", bill(FOURTEENTH, FIFTEENTH))
    put("bill-202609-corrected.csv", bill(FOURTEENTH, ("2026-09-15", "0.03")))
    snapshot = source(delivery="snapshot", pattern=r"bill-(?P<period>\d{6})(-corrected)?\.csv")
    rows = land(snapshot, "2026-09").rows["charges"]
    assert len(rows) == 4
    assert len({row["charge_id"] for row in rows}) == 3


# Columns, values, times -----------------------------------------------------------------------------------------------


def test_values_are_mapped_beside_columns(put: Any, source: Any, land: Any) -> None:
    put("b.csv", bill(FOURTEENTH, extra={"Direction": "Inp", "Kind": "llm-small"}))
    mapped = source(
        columns={"x_Meter": "Direction", "x_Model": "Kind"},
        values={"x_Meter": {"Inp": "input_tokens"}, "ChargeCategory": {"Usage": "Adjustment"}},
    )
    (row,) = land(mapped, "b.csv").rows["charges"]
    assert (row["meter"], row["model"], row["charge_category"]) == ("input_tokens", "llm-small", "Adjustment")


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("%m/%d/%Y", "09/14/2026"),
        ("%d.%m.%Y %H:%M", "14.09.2026 00:00"),
        ("%Y-%m-%d %H:%M:%S %z", "2026-09-14 02:00:00 +0200"),
    ],
)
def test_times_of_a_form_of_their_own(put: Any, source: Any, land: Any, form: str, start: str) -> None:
    put("b.csv", bill((start, "0.01")))
    (row,) = land(source(time_format=form), "b.csv").rows["charges"]
    assert row["charge_period_start"] == datetime(2026, 9, 14)
    # Times in ISO 8601 beside it are no guess.
    assert row["billing_period_start"] == date(2026, 9, 1)


def test_a_form_that_could_be_two_is_refused_until_it_is_told(put: Any, source: Any, land: Any) -> None:
    put("b.csv", bill(FOURTEENTH, ("09/15/2026", "0.01")))
    with pytest.raises(SourceRejected, match=r"file b.csv, line 3: ChargePeriodStart.*time_format: '%m/%d/%Y'"):
        land(source(), "b.csv")


@pytest.mark.parametrize(
    "config",
    [
        {"values": {"x_Metre": {"a": "b"}}},
        {"time_format": "%H:%M"},
        {"time_format": "%m/%Y"},
        {"time_format": "dd.mm.yyyy"},
        {"delivery": "snapshot"},
    ],
)
def test_settings_that_mean_nothing_are_refused(source: Any, config: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid):
        source(**config)
