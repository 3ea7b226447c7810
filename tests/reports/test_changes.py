"""What changed between two months or publications: worked examples by hand, parts that sum to the nano, rows by their key."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcilers.console.diff import print_diff
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SettingsInvalid
from reconcilers.reports.changes import PARTS, Change, changes_of_months, changes_of_publications, decomposed
from reconcilers.warehouses.duckdb import Version, row_changes
from tests.reports.published import publish

FACTS = {
    "period": "2026-09-01 to 2026-10-31",
    "as_of": "2026-11-03T06:00:00",
    "failed_units": [],
    "warnings": [],
    "incomplete": {},
}
SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)
Row = dict[str, Any]


def share(
    month: date,
    cost: str,
    quantity: int | None = None,
    *,
    feature: str | None = "chat",
    tenant: str | None = "ten_a",
    **more: Any,
) -> Row:
    """A share of a bill on a production call of an event."""
    row = {
        "allocation_id": f"{month}{cost}{quantity}{feature}{tenant}{more}",
        "charge_month": month,
        "charge_day": month,
        "source": "openai",
        "model": "m-1",
        "meter": "input_tokens",
        "target_kind": "call",
        "destination": "event",
        "production": True,
        "feature_id": feature,
        "tenant_id": tenant,
        "quantity": None if quantity is None else Decimal(quantity),
        "reconciled_cost": Decimal(cost),
        "currency": "USD",
    }  # fmt: skip
    return row | more


def bucket(month: date, cost: str, destination: str) -> Row:
    names = {"target_kind": "bucket", "destination": destination, "model": None, "meter": None, "production": None}
    return share(month, cost, 7, feature=None, tenant=None, **names)


def version(
    home: Path, allocation: Sequence[Row], facts: Mapping[str, Any] = FACTS, **tables: Sequence[Row]
) -> Version:
    shutil.rmtree(home / "store", ignore_errors=True)
    return publish(home, {"fct_allocation": allocation, **tables}, facts)


def parts(changes: Sequence[Change], section: str, name: str) -> dict[str, str]:
    """The parts of one change that are not 0."""
    (one,) = [one for one in changes if (one.section, one.name) == (section, name)]
    assert sum((getattr(one, part) for part in PARTS), Decimal(0)) == one.change == one.after - one.before
    return {part: f"{getattr(one, part).normalize():f}" for part in PARTS if getattr(one, part)}


def test_more_of_the_same_is_volume_and_a_dearer_unit_price(tmp_path: Path) -> None:
    told = version(tmp_path, [share(SEPTEMBER, "10", 1000), share(OCTOBER, "24", 1200)])
    # 200 more at 0.01; 1200 × (0.02 − 0.01)
    assert parts(changes_of_months(told, told, SEPTEMBER, OCTOBER), "feature", "chat") == {"volume": "2", "price": "12"}


def test_a_cheaper_model_for_the_same_work_is_mix(tmp_path: Path) -> None:
    rows = [
        *(share(SEPTEMBER, "10", 500), share(SEPTEMBER, "2", 500, model="m-small")),
        *(share(OCTOBER, "4", 200), share(OCTOBER, "3.2", 800, model="m-small")),
    ]
    told = version(tmp_path, rows)
    # 300 tokens move from 0.02 to 0.004 each; no price and no volume moves
    assert parts(changes_of_months(told, told, SEPTEMBER, OCTOBER), "tenant", "ten_a") == {"mix": "-4.8"}


def test_a_model_nobody_used_before_is_mix_too(tmp_path: Path) -> None:
    told = version(tmp_path, [share(SEPTEMBER, "10", 1000), share(OCTOBER, "4", 1000, model="m-new")])
    assert parts(changes_of_months(told, told, SEPTEMBER, OCTOBER), "feature", "chat") == {"mix": "-6"}


def test_what_has_no_before_is_new_and_no_after_gone(tmp_path: Path) -> None:
    rows = [
        *(
            share(SEPTEMBER, "10", 1000),
            share(SEPTEMBER, "3", 10, meter="searches"),
            share(SEPTEMBER, "5", 9, feature="old"),
        ),
        *(
            share(OCTOBER, "10", 1000),
            share(OCTOBER, "1.5", 4, meter="images"),
            share(OCTOBER, "2", 9, feature="young"),
        ),
    ]
    changes = changes_of_months(told := version(tmp_path, rows), told, SEPTEMBER, OCTOBER)
    assert parts(changes, "feature", "chat") == {"new": "1.5", "gone": "-3"}
    assert parts(changes, "feature", "old") == {"gone": "-5"}
    assert parts(changes, "feature", "young") == {"new": "2"}
    # of the tenant the tokens are one amount of the same meter; the largest change comes first
    assert parts(changes, "tenant", "ten_a") == {"gone": "-3", "new": "1.5", **parts_of_tenant()}
    assert [one.name for one in changes if one.section == "feature"] == ["old", "young", "chat"]


def parts_of_tenant() -> dict[str, str]:
    """Tokens: 1,009 for 15 before and 1,009 for 12 after, of one model."""
    return {"price": "-3"}


def test_what_is_on_no_call_stands_under_its_destination(tmp_path: Path) -> None:
    rows = [
        *(
            bucket(SEPTEMBER, "14.5", "tax"),
            share(SEPTEMBER, "1", 5, production=False),
            share(SEPTEMBER, "2", 5, feature=None, tenant=None),
        ),
        *(bucket(OCTOBER, "20", "tax"), bucket(OCTOBER, "-3", "credit"), share(OCTOBER, "1", 5, tenant="ten_b")),
    ]
    changes = changes_of_months(told := version(tmp_path, rows), told, SEPTEMBER, OCTOBER)
    for section, nobody in (("feature", "(none)"), ("tenant", "(unassigned)")):
        assert parts(changes, section, "(tax)") == {"volume": "5.5"}
        assert parts(changes, section, "(credit)") == {"new": "-3"}
        assert parts(changes, section, "(non_production)") == {"gone": "-1"}
        assert parts(changes, section, nobody) == {"gone": "-2"}
    totals = {
        section: sum(one.change for one in changes if one.section == section)
        for section in ("feature", "tenant", "source")
    }
    assert set(totals.values()) == {Decimal("0.5")}


def test_a_month_that_is_not_published_is_said(tmp_path: Path) -> None:
    told = version(tmp_path, [share(SEPTEMBER, "1", 1)])
    with pytest.raises(SettingsInvalid, match="version 000001 has no cost of 2026-10"):
        changes_of_months(told, told, SEPTEMBER, OCTOBER)


CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["m-1", "m-2", None]), st.sampled_from(["x", "y", None])),
    st.tuples(st.integers(-5, 10**12).map(lambda n: Fraction(n, 1000)), st.integers(-(10**9), 10**15)),
)


@given(CELLS, CELLS)
def test_the_parts_sum_to_the_change_to_the_nano(before: Any, after: Any) -> None:
    found = decomposed(before, after)
    assert found.keys() == {*PARTS}
    change = sum(cost for _, cost in after.values()) - sum(cost for _, cost in before.values())
    assert sum(found.values()) == change
    assert all(isinstance(nanos, int) for nanos in found.values())
    assert set(decomposed(before, before).values()) == {0}


# Publications ---------------------------------------------------------------------------------------------------------


def restated(home: Path) -> tuple[Version, Version]:
    """Two publications: the later knows another price of 1 September, 2 September too, and another tenant's margin."""
    second = date(2026, 9, 2)
    margins = [{"tenant_margin_id": name, "tenant_id": name, "revenue": Decimal(1)} for name in ("a", "b")]
    earlier = version(home, [share(SEPTEMBER, "10", 1000), bucket(SEPTEMBER, "2", "tax")], fct_tenant_margin=margins)
    rows = [share(SEPTEMBER, "11", 1000), bucket(SEPTEMBER, "2", "tax"), share(SEPTEMBER, "4", 9, charge_day=second)]
    changed = [margins[1] | {"revenue": Decimal("1.000000001")}, margins[0] | {"tenant_margin_id": "c"}]
    facts = FACTS | {"period": "2026-09-01 to 2026-09-02", "reason": "credit note 4711"}
    return earlier, version(home, rows, facts, fct_tenant_margin=changed)


def test_of_publications_days_both_tell_are_restated_and_others_new(tmp_path: Path) -> None:
    changes = changes_of_publications(*restated(tmp_path))
    assert parts(changes, "feature", "chat") == {"new": "4", "restated": "1"}
    assert parts(changes, "feature", "(tax)") == {}
    assert parts(changes, "source", "openai") == {"new": "4", "restated": "1"}


def test_of_two_months_of_two_publications_the_earlier_month_is_restated(tmp_path: Path) -> None:
    earlier = version(tmp_path, [share(SEPTEMBER, "10", 1000)])
    later = version(tmp_path, [share(SEPTEMBER, "12", 1000), share(OCTOBER, "24", 2000)])
    changes = changes_of_months(earlier, later, SEPTEMBER, OCTOBER)
    assert parts(changes, "feature", "chat") == {"restated": "2", "volume": "12"}


def test_rows_are_compared_by_their_key(tmp_path: Path) -> None:
    found = {one.table: one for one in row_changes(*restated(tmp_path))}
    margins = found["fct_tenant_margin"]
    assert (margins.before, margins.after, margins.added, margins.gone, margins.changed) == (2, 2, 1, 1, 1)
    assert (found["dim_tenants"].before, found["dim_tenants"].added, found["dim_tenants"].changed) == (0, 0, 0)


@pytest.fixture
def company(tmp_path: Path) -> Path:
    (tmp_path / "reconcile.yaml").write_text("home: .\n")
    restated(tmp_path)
    return tmp_path / "reconcile.yaml"


def diff(company: Path, *versions: str, months: tuple[date, date] | None = None, output: str = "table") -> None:
    earlier, later = (*versions, None, None)[:2]
    print_diff(read_settings(company), (earlier, later), months, output, None)


def test_a_person_sees_rows_money_and_reasons(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff(company)
    said = capsys.readouterr().out
    assert said.startswith("version 000001 and version 000002\nrestated 2026-09-01 to 2026-09-02: credit note 4711\n")
    lines = [line.split() for line in said.splitlines()]
    assert ["fct_tenant_margin", "2", "2", "1", "1", "1"] in lines
    assert ["chat", "10", "15", "5", "4", "1"] in lines
    assert ["feature,", "USD", "before", "after", "change", "new", "restated"] in lines
    assert ["all", "12", "17", "5", "4", "1"] in lines


def test_a_program_gets_everything_in_one_list(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff(company, "1", "2", output="csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["section"] for row in rows} == {"table", "feature", "tenant", "source"}
    (chat,) = [row for row in rows if row["name"] == "chat"]
    assert (chat["change"], chat["restated"], chat["volume"], chat["rows_before"]) == ("5", "1", "0", "")
    (margins,) = [row for row in rows if row["name"] == "fct_tenant_margin"]
    assert (margins["rows_changed"], margins["change"]) == ("1", "")
    diff(company, "1", output="json")
    assert len(json.loads(capsys.readouterr().out)) == len(rows)


@pytest.mark.parametrize("form", ["parquet", "xlsx", "table"])
def test_everything_is_written_to_a_file(company: Path, form: str) -> None:
    out = company.parent / f"changes.{form}"
    print_diff(read_settings(company), ("1", "2"), None, form, out)
    if form == "parquet":
        table = pq.read_table(out)
        assert table.schema.field("change").type == pa.decimal128(38, 9)
        chat = next(row for row in table.to_pylist() if row["name"] == "chat")
        assert (chat["change"], chat["rows_before"]) == (Decimal(5), None)
    elif form == "xlsx":
        book = openpyxl.load_workbook(out)
        assert {"table", "feature", "tenant", "source"} == {
            row[0] for row in book["result"].iter_rows(min_row=2, values_only=True)
        }
        about = dict(book["about"].values)
        assert (about["compared"], about["reason 1"]) == (
            "version 000001 and version 000002",
            "2026-09-01 to 2026-09-02: credit note 4711",
        )
    else:
        assert out.read_text().startswith(" section")


def test_versions_that_are_not_kept_are_said(company: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="version '7' is not kept; kept: 1, 2"):
        diff(company, "7")
    with pytest.raises(SettingsInvalid, match="no two versions to compare, the earlier first; kept: 1, 2"):
        diff(company, "2", "1")
    shutil.rmtree(tmp_path / "published" / "versions" / "000001")
    with pytest.raises(SettingsInvalid, match="no two versions to compare, the earlier first; kept: 2"):
        diff(company)
