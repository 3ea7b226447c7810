"""Node hours, and what ran on them. The traps of such tables, and what holds each:

===========================================================  ================================================================
idle that no row tells                                       test_what_did_not_run_is_idle_and_all_of_it_is_the_nodes_cost
weights that are all zero, so that idle vanishes             test_a_node_on_which_nothing_ran_is_idle
shares that are rounded each on its own                      test_shares_sum_to_the_cost_to_the_last_digit
rates that change within a month                             test_the_rate_is_the_one_in_force_on_the_day
a type without a rate, which is not free                     test_a_node_without_rate_is_a_row_that_says_so
a rate of the node, and one of each of its GPUs              test_a_rate_is_of_the_node_or_of_each_gpu
more hours than a day has                                    test_more_hours_than_a_day_has_are_refused
a node, or a workload, told twice                            test_what_is_there_twice_is_refused
workloads that had more than the node                        test_workloads_that_had_more_than_the_node_are_refused
hours that are binary fractions                              test_hours_of_floats_fill_a_node
workloads of a node that has no row                          test_a_workload_on_a_node_without_row_is_refused
labels with tenants and features                             test_labels_are_tags_and_the_project_is_the_sub_account
OpenCost's allocations, a file that grows                    test_costs_are_taken_as_told_and_idle_apart
allocations that share idle over workloads                   test_a_day_of_costs_without_idle_is_refused
idle below 0, where more was given than there is             test_idle_below_nothing_counts_and_says_so
a day within its month, too                                  test_a_day_within_its_month_is_refused
rows of another day than the file's                          test_a_row_of_another_period_is_refused
===========================================================  ================================================================
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import PeriodIncomplete, ReconcileError, SettingsInvalid, SourceChangedShape
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.databricks_export import csv_of
from tests.sources.billing.gpu_hours_table import ALLOCATION, COLUMNS, COSTS, DAY, IDLE, LABELS, NODE, POD, RATE, Cells
from tests.sources.conftest import Bucket

FILE = f"hours/{DAY}.csv"
SEPTEMBER = Period(date(2026, 9, 1), date(2026, 10, 1))


@pytest.fixture
def gpus(tmp_path: Path) -> Callable[..., Source]:
    """A source over the test's folder ``export``."""

    def load(**config: Any) -> Source:
        base = {"name": "gpus", "kind": "gpu_hours", "uri": str(tmp_path / "export"), "format": "csv"}
        return registry.load("billing", base | {"columns": COLUMNS, "labels": LABELS, "rates": [RATE]} | config)

    return load


@pytest.fixture
def read(put: Any, gpus: Any, land: Any) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """The lake rows of a day of these rows."""

    def take(*rows: Mapping[str, str], **config: Any) -> dict[str, list[dict[str, Any]]]:
        put(FILE, csv_of(*rows))
        found: dict[str, list[dict[str, Any]]] = land(gpus(**config), DAY).rows
        return found

    return take


@pytest.fixture
def refused(put: Any, gpus: Any, refusal: Any) -> Callable[..., ReconcileError]:
    """The error of a day of these rows, which is not taken."""

    def take(*rows: Mapping[str, str], **config: Any) -> ReconcileError:
        put(FILE, csv_of(*rows))
        found: ReconcileError = refusal(gpus(**config), DAY)
        return found

    return take


def without(columns: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name not in names}


def told(rows: Mapping[str, list[dict[str, Any]]]) -> list[tuple[Any, ...]]:
    """(description, whether it was used, cost) of each charge."""
    return [
        (row["charge_description"], row["commitment_discount_status"] != "Unused", row["effective_cost"])
        for row in rows["charges"]
    ]


# Hours at rates -------------------------------------------------------------------------------------------------------


def test_what_did_not_run_is_idle_and_all_of_it_is_the_nodes_cost(read: Any) -> None:
    rows = read(NODE, POD, POD | {"pod": "llama-1", "hours": "12", "gpus": "2"})
    assert told(rows) == [("idle node-a", False, 90), ("llama-0", True, 120), ("llama-1", True, 30)]
    idle, used, _ = rows["charges"]
    expected = {
        "billing_account_id": "(default)",
        "sub_account_id": "chat",
        "model": "llama-3.3-70b",
        "meter": "seconds",
        "quantity": 96 * 3600,
        "consumed_quantity": 96,
        "consumed_unit": "Hours",
        "sku_id": "h100x8",
        "sku_meter": "used",
        "service_name": "GPU hours",
        "provider": "Self-hosted",
        "charge_category": "Usage",
        "charge_period_start": datetime(2026, 9, 15),
        "charge_period_end": datetime(2026, 9, 16),
        "billing_period_start": date(2026, 9, 1),
        "billing_currency": "USD",
        "billed_cost": 120,
        "tags": '{"feature": "f1", "tenant": "t1"}',
    }
    assert {name: used[name] for name in expected} == expected
    # What was not used was not consumed.
    assert (idle["consumed_quantity"], idle["pricing_quantity"], idle["model"]) == (None, 72, None)
    assert (idle["sku_meter"], idle["commitment_discount_id"], idle["landing_line"]) == ("idle", "node-a", 2)


def test_a_node_on_which_nothing_ran_is_idle(read: Any) -> None:
    assert told(read(NODE)) == [("idle node-a", False, 240)]
    # Nothing weighs on it, and its cost is there all the same.
    rate = RATE | {"of": "node"}
    assert told(read(NODE | {"gpus": "0"}, rates=[rate], name="none")) == [("idle node-a", False, 240)]
    assert told(read(NODE | {"hours": "0"}, name="off")) == [("idle node-a", False, 0)]
    idle, ran = told(read(NODE, POD | {"hours": "0"}, name="zero"))
    assert (idle, ran) == (("idle node-a", False, 240), ("llama-0", True, 0))


def test_shares_sum_to_the_cost_to_the_last_digit(read: Any) -> None:
    pods = [POD | {"pod": f"p{number}", "gpus": "1", "hours": hours} for number, hours in enumerate(("7", "5", "3.1"))]
    rows = read(NODE | {"hours": "23.5"}, *pods, rates=[RATE | {"per_hour": "3.333333333333"}])["charges"]
    assert sum(row["billed_cost"] for row in rows) == Decimal("78.333333333")
    again = read(NODE | {"hours": "23.5"}, *pods[::-1], rates=[RATE | {"per_hour": "3.333333333333"}])["charges"]
    assert {row["charge_id"] for row in again} == {row["charge_id"] for row in rows}


def test_hours_of_floats_fill_a_node(read: Any) -> None:
    pods = [POD | {"pod": f"p{number}", "gpus": "1", "hours": "3.4285714285714286"} for number in range(7)]
    rows = read(NODE | {"gpus": "1"}, *pods)
    assert [used for _, used, _ in told(rows)] == [True] * 7
    assert sum(row["billed_cost"] for row in rows["charges"]) == 240


def test_a_table_without_workloads_tells_what_was_used_or_all_of_it(read: Any) -> None:
    columns = without(COLUMNS, "workload", "gpus")
    assert told(read(NODE | {"model": "m"}, columns=columns)) == [("node-a", True, 240)]
    half = NODE | {"used": "6", "model": "m"}
    rows = read(half, columns=columns | {"used_hours": "used"}, name="used")
    assert told(rows) == [("node-a", True, 60), ("idle node-a", False, 180)]
    assert rows["charges"][0]["quantity"] == 6 * 3600


@pytest.mark.parametrize(
    ("used", "problem"), [("", "used_hours is empty"), ("25", "ran 25 GPU hours"), ("-1", "below 0")]
)
def test_used_hours_that_are_none_are_refused(refused: Any, used: str, problem: str) -> None:
    columns = without(COLUMNS, "workload", "gpus") | {"used_hours": "used"}
    assert problem in str(refused(NODE | {"used": used}, columns=columns))


@pytest.mark.parametrize(("of", "cost"), [("node", 240), ("gpu", 1920)])
def test_a_rate_is_of_the_node_or_of_each_gpu(read: Any, of: str, cost: int) -> None:
    assert told(read(NODE, rates=[RATE | {"of": of}]))[0][2] == cost


@pytest.mark.parametrize(("change", "cost"), [("2026-09-15", 480), ("2026-09-16", 240)])
def test_the_rate_is_the_one_in_force_on_the_day(read: Any, change: str, cost: int) -> None:
    rates = [RATE | {"valid_to": change}, RATE | {"valid_from": change, "per_hour": "20"}]
    assert told(read(NODE, rates=rates))[0][2] == cost


def test_a_rate_of_the_type_goes_before_one_of_any(read: Any) -> None:
    rates = [without(RATE, "node_type") | {"per_hour": "1"}, RATE]
    assert [cost for *_, cost in told(read(NODE, NODE | {"node": "b", "type": "a100"}, rates=rates))] == [240, 24]


def test_a_node_without_rate_is_a_row_that_says_so(read: Any) -> None:
    rows = read(NODE, NODE | {"node": "b", "type": "b200"}, POD | {"node": "b"}, NODE | {"node": "c", "type": ""})
    assert told(rows) == [("idle node-a", False, 240)]
    assert [(row["reason"], row["landing_line"], row["charge_day"]) for row in rows["rejected_records"]] == [
        ("no rate of node type b200 is in force on 2026-09-15, so what node b cost is not known", 3, date(2026, 9, 15)),
        (
            "no rate of node type (none) is in force on 2026-09-15, so what node c cost is not known",
            5,
            date(2026, 9, 15),
        ),
    ]


@pytest.mark.parametrize("row", [NODE, POD])
def test_more_hours_than_a_day_has_are_refused(refused: Any, row: Cells) -> None:
    problem = refused(NODE | {"node": "other"}, row | {"hours": "24.5"})
    assert "has 24.5 hours on 2026-09-15, and a day has 24" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)


@pytest.mark.parametrize(("row", "what"), [(NODE, "node node-a"), (POD, "llama-0 on node node-a")])
def test_what_is_there_twice_is_refused(refused: Any, row: Cells, what: str) -> None:
    problem = refused(NODE, POD, row | {"hours": "1"})
    assert f"{what} is there twice on 2026-09-15" in str(problem)
    assert (problem.file, problem.line) == (FILE, 4)


def test_workloads_that_had_more_than_the_node_are_refused(refused: Any) -> None:
    problem = refused(NODE, POD, POD | {"pod": "llama-1", "gpus": "4.5"})
    assert "node node-a ran 204 GPU hours on 2026-09-15 and had 192" in str(problem)
    assert (problem.file, problem.line) == (FILE, 2)


def test_a_workload_on_a_node_without_row_is_refused(refused: Any) -> None:
    problem = refused(NODE, POD | {"node": "b"})
    assert "ran on node b on 2026-09-15, of which there is no row of its own" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)


def test_labels_are_tags_and_the_project_is_the_sub_account(read: Any) -> None:
    rows = read(
        NODE | {"tenant": "pool"}, POD | {"feature": ""}, POD | {"pod": "b", "tenant": "", "feature": "", "gpus": "1"}
    )
    assert [(row["tags"], row["sub_account_id"]) for row in rows["charges"]] == [
        ('{"tenant": "pool"}', None),
        ('{"tenant": "t1"}', "chat"),
        (None, "chat"),
    ]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"hours": "many"}, "hours: 'many' is not a plain decimal amount"),
        ({"hours": "-1"}, "hours: -1 is below 0"),
        ({"hours": ""}, "hours is empty"),
        ({"gpus": "-8"}, "gpus: -8 is below 0"),
        ({"node": ""}, "node is empty"),
        ({"date": "soon"}, "day: "),
        ({"date": ""}, "day: "),
        ({"tenant": "acme"}, "labels: the text on its path is no JSON"),
    ],
)
def test_a_row_that_is_none_is_refused_by_file_and_line(refused: Any, cells: Cells, problem: str) -> None:
    found = refused(NODE, NODE | {"node": "b"} | cells, labels={"tenant": "tenant.id"})
    assert problem in str(found)
    assert (found.file, found.line) == (FILE, 3)


def test_a_column_that_is_missing_is_named(refused: Any) -> None:
    problem = refused(without(NODE, "gpus"))
    assert isinstance(problem, SourceChangedShape)
    assert "no column 'gpus'" in str(problem)


# Told costs -----------------------------------------------------------------------------------------------------------


def test_costs_are_taken_as_told_and_idle_apart(put: Any, gpus: Any, land: Any) -> None:
    other = ALLOCATION | {"Pod": "web-0", "Container": "web", "TotalCost": "0.5", "Labels": ""}
    put("opencost.csv", csv_of(ALLOCATION, other, IDLE))
    source = gpus(**COSTS, delivery="files", pattern="opencost.csv")
    assert list(source.units(SEPTEMBER)) == ["opencost.csv"]
    rows = land(source, "opencost.csv").rows
    assert told(rows) == [
        ("chat/llama-0/vllm", True, Decimal("120.123456789")),
        ("chat/web-0/web", True, Decimal("0.5")),
        ("idle __idle__", False, Decimal("40.5")),
    ]
    assert [(row["model"], row["tags"], row["sub_account_id"]) for row in rows["charges"]] == [
        ("llama-3.3-70b", '{"tenant": "t1"}', "chat"),
        (None, None, "chat"),
        (None, None, "__idle__"),
    ]
    assert "rejected_records" not in rows


def test_allocations_of_the_api_are_objects(put: Any, gpus: Any, land: Any) -> None:
    one = {
        "name": "chat/llama-0",
        "properties": {"node": "node-a", "namespace": "chat", "labels": {"model": "m"}},
        "start": "2026-09-15T00:00:00Z",
        "gpuHours": 96.0,
        "totalCost": 120.12346,
    }
    idle = {"name": "node-a/__idle__", "properties": {"node": "node-a"}, "start": one["start"], "totalCost": 7}
    put(f"{DAY}.ndjson", "".join(json.dumps(row) + "\n" for row in (one, idle)).encode())
    columns = {
        **{"day": "start", "workload": "name", "node": "properties.node", "hours": "gpuHours", "cost": "totalCost"},
        "model": "properties.labels.model",
        "currency": {"constant": "EUR"},
        "idle": {"column": "name", "map": {"*__idle__": "true", "*": "false"}},
    }
    rows = land(gpus(columns=columns, labels={}, rates=[], format="ndjson"), DAY).rows
    assert told(rows) == [("chat/llama-0", True, Decimal("120.12346")), ("idle node-a", False, 7)]
    assert [(row["quantity"], row["billing_currency"]) for row in rows["charges"]] == [
        (96 * 3600, "EUR"),
        (None, "EUR"),
    ]


def test_a_day_of_costs_without_idle_is_refused(read: Any, refused: Any) -> None:
    problem = refused(ALLOCATION, **COSTS)
    assert "tells no idle of 2026-09-15" in str(problem)
    assert problem.period == DAY
    untold = COSTS | {"columns": COSTS["columns"] | {"idle": {"constant": "false"}}}
    assert told(read(ALLOCATION, **untold)) == [("chat/llama-0/vllm", True, Decimal("120.123456789"))]


def test_idle_below_nothing_counts_and_says_so(read: Any) -> None:
    rows = read(ALLOCATION, IDLE | {"TotalCost": "-3.5"}, **COSTS)
    assert told(rows)[1] == ("idle __idle__", False, Decimal("-3.5"))
    (lost,) = rows["rejected_records"]
    assert lost["reason"] == "idle of -3.5 on 2026-09-15: workloads were given more than the nodes cost"
    assert (lost["landing_line"], lost["attribute"]) == (3, "idle")


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({}, "chat/llama-0/vllm is there twice on 2026-09-15"),
        ({"Pod": "b", "TotalCost": ""}, "cost is empty"),
        ({"Pod": "b", "TotalCost": "NaN"}, "cost: 'NaN' is not a plain decimal amount"),
        ({"Pod": "b", "Labels": "model=m"}, "the text on its path is no JSON"),
    ],
)
def test_a_cost_that_is_none_is_refused(refused: Any, cells: Cells, problem: str) -> None:
    found = refused(IDLE, ALLOCATION, ALLOCATION | cells, **COSTS)
    assert problem in str(found)
    assert (found.file, found.line) == (FILE, 4)


# Deliveries -----------------------------------------------------------------------------------------------------------


def test_a_row_is_read_alike_from_each_format(put: Any, gpus: Any, land: Any, read: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (idle, used) = read(NODE, POD)["charges"]
    typed = [row | {"hours": 24.0, "gpus": int(row["gpus"])} for row in (NODE, POD)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(typed), sink)
    put("a/2026-09.parquet", sink.getvalue())
    put("b/20/2026-09.ndjson", "".join(json.dumps(row) + "\n" for row in typed).encode())
    for form, folder in (("parquet", "a"), ("ndjson", "b")):
        rows = land(gpus(format=form, pattern=rf"{folder}/.*(?P<period>\d{{4}}-\d\d)\..*"), "2026-09").rows["charges"]
        assert [row["charge_id"] for row in rows] == [idle["charge_id"], used["charge_id"]]


def test_a_bucket_holds_days_in_parts(bucket: Bucket, gpus: Any, land: Any) -> None:
    bucket.put(f"acme/{DAY}/part-0.csv", csv_of(POD))
    bucket.put(f"acme/{DAY}/part-1.csv", csv_of(NODE))
    source = gpus(uri=f"s3://{bucket.name}/acme", endpoint_url=bucket.endpoint_url)
    assert list(source.units(SEPTEMBER)) == [DAY]
    rows = land(source, DAY).rows
    assert told(rows) == [("llama-0", True, 120), ("idle node-a", False, 120)]
    assert [row["landing_line"] for row in rows["charges"]] == [2, 10_000_000_002]


def test_a_day_told_again_replaces_the_one_before(put: Any, gpus: Any, land: Any, read: Any) -> None:
    read(NODE)
    assert not land(gpus(), DAY, datetime(2026, 11, 2)).news
    put(FILE, csv_of(NODE | {"hours": "20"}))
    again = land(gpus(), DAY, datetime(2026, 11, 3))
    assert (again.news, told(again.rows)) == (True, [("idle node-a", False, 200)])


def test_a_row_of_another_period_is_refused(refused: Any) -> None:
    problem = refused(NODE, NODE | {"date": "2026-09-16"})
    assert "is of 2026-09-16, in the delivery of 2026-09-15" in str(problem)
    assert (problem.file, problem.line) == (FILE, 3)


def test_a_day_within_its_month_is_refused(put: Any, gpus: Any) -> None:
    put("2026-09.csv", csv_of(NODE))
    put("2026-10-01.csv", csv_of(NODE))
    assert list(gpus().units(Period(date(2026, 9, 1), date(2026, 10, 2)))) == ["2026-09", "2026-10-01"]
    put(FILE, csv_of(NODE))
    with pytest.raises(ReconcileError, match="2026-09-15 is delivered by itself and within 2026-09"):
        list(gpus().units(SEPTEMBER))


def test_what_is_not_delivered_waits(gpus: Any, land: Any, put: Any) -> None:
    put("2026-09-14.csv", csv_of(NODE))
    with pytest.raises(PeriodIncomplete, match="not delivered"):
        land(gpus(), DAY)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"columns": {"node": "node", "hours": "hours"}}, "needs a column for: day"),
        ({"columns": without(COLUMNS, "hours")}, "a table of hours needs a column for: hours"),
        ({"columns": COLUMNS | {"currency": "c"}}, "a table of hours has no currency"),
        ({"columns": COLUMNS | {"used_hours": "u"}}, "both tell what ran"),
        ({"columns": COLUMNS | {"cost": "c"}}, "a table of costs needs a column for: currency, idle"),
        ({"columns": COSTS["columns"] | {"used_hours": "u"}}, "a table of costs has no used_hours"),
        ({"rates": []}, "a table of hours needs rates"),
        ({"columns": COSTS["columns"]}, "and one of costs has none"),
        ({"rates": [RATE, RATE | {"valid_from": "2026-09-15"}]}, "two rates of node type h100x8"),
        ({"rates": [RATE | {"per_hour": "-1"}]}, "is below 0"),
        ({"rates": [RATE | {"per_hour": "ten"}]}, "is not a plain decimal amount"),
        ({"rates": [RATE | {"currency": "dollars"}]}, "is not an ISO 4217 code"),
        ({"rates": [RATE | {"valid_from": "2026-09-15", "valid_to": "2026-09-15"}]}, "is not after valid_from"),
        ({"pattern": r".*\.csv"}, "needs a pattern with a group"),
        ({"usage_report": ".*"}, "there is no such setting"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(gpus: Any, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsInvalid, match=problem):
        gpus(**config)
