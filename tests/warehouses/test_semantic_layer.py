"""The semantic layer: dbt reads every metric that is declared, and every expression of it is one the tables can answer.

dbt drops what it does not read without a word, and never looks whether a column exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from reconcilers.warehouses.dbt import PROJECT, described

TEXT = (PROJECT / "models" / "marts" / "semantic" / "_semantic.yml").read_text()
DECLARED: dict[str, Any] = yaml.safe_load(TEXT)
#: MetricFlow takes these for parts of a date.
RESERVED = {"day", "week", "month", "quarter", "year", "hour", "minute", "second", "metric_time"}
#: Exposure → the code that asks its tables.
ASKED_BY = {
    "waterfall_page": "reconcilers/reports/months.py",
    "finance_pack": "reconcilers/reports/pack reconcilers/reports/changes.py reconcilers/reports/decisions.py",
    "dashboard": "reconcilers/dashboard reconcilers/reports/decisions.py",
    "what_if": "reconcilers/reports/what_if.py",
    "changes": "reconcilers/reports/changes.py",
    "focus_export": "reconcilers/focus_export.py",
    "unit_economics_notebook": "docs/notebooks/unit_economics.ipynb",
}


@pytest.fixture
def read(compiled_for_bigquery: Path) -> dict[str, Any]:
    """What dbt read of it."""
    manifest: dict[str, Any] = json.loads((compiled_for_bigquery / "semantic_manifest.json").read_text())
    return manifest


@pytest.fixture
def exposures(compiled_for_bigquery: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((compiled_for_bigquery / "manifest.json").read_text())["exposures"]
    return found


def names(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["name"] for row in rows)


def test_dbt_reads_all_that_is_declared(read: dict[str, Any], exposures: dict[str, Any]) -> None:
    assert len(DECLARED["metrics"]) > 20
    assert names(read["metrics"]) == names(DECLARED["metrics"])
    assert names(read["semantic_models"]) == names(DECLARED["semantic_models"])
    assert names(list(exposures.values())) == names(DECLARED["exposures"])
    measures = {measure["name"] for model in read["semantic_models"] for measure in model["measures"]}
    assert measures == {
        measure["name"] for model in DECLARED["semantic_models"] for measure in model.get("measures", ())
    }
    (spine,) = read["project_configuration"]["time_spines"]
    assert (spine["node_relation"]["alias"], spine["primary_column"]["name"]) == ("dim_days", "calendar_day")


def test_every_measure_is_in_a_metric_and_every_exposure_reads_something(exposures: dict[str, Any]) -> None:
    measures = {measure["name"] for model in DECLARED["semantic_models"] for measure in model.get("measures", ())}
    simple = {metric["type_params"]["measure"] for metric in DECLARED["metrics"] if metric["type"] == "simple"}
    assert measures == simple
    assert all(exposure["depends_on"]["nodes"] for exposure in exposures.values())


def test_an_exposure_reads_what_its_code_asks(exposures: dict[str, Any]) -> None:
    """A table of the project that a page or command asks for, and the exposure does not name, is missed by whoever changes it."""
    modelled = {path.stem for path in (PROJECT / "models" / "marts").rglob("*.sql")}
    for exposure in exposures.values():
        read = {node.rpartition(".")[2] for node in exposure["depends_on"]["nodes"]}
        assert read == asked_for(ASKED_BY[exposure["name"]]) & modelled, exposure["name"]


def asked_for(place: str) -> set[str]:
    """The tables that modules, packages or a notebook name."""
    paths = [PROJECT.parent / one for one in place.split()]
    texts = [file.read_text() for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    # The schema is a name of ours where the hourly watch is asked.
    pattern = r"""(?:finance\.|\}\.|\\")((?:fct|rpt|dim|bridge)_[a-z_]+)"""
    return {name for text in texts for name in re.findall(pattern, text)}


def test_no_name_is_one_that_metricflow_keeps(read: dict[str, Any]) -> None:
    told = [
        one["name"] for model in read["semantic_models"] for kind in ("dimensions", "entities") for one in model[kind]
    ]
    assert not RESERVED & {*told}


def expressions(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(what is declared, its SQL over a row or rows of the model)."""
    for kind in ("entities", "dimensions"):
        for one in model.get(kind, ()):
            yield one["name"], one.get("expr", one["name"])
    for measure in model.get("measures", ()):
        yield measure["name"], f"{measure['agg']}({measure['expr']})"


def unanswered(model: dict[str, Any]) -> list[str]:
    """What of a semantic model cannot be asked of its table, as the project describes its columns."""
    table = re.fullmatch(r"ref\('(\w+)'\)", model["model"])
    assert table
    columns = ", ".join(f"{column.name} {column.type}" for column in described()[table[1]].columns)
    failed = []
    with duckdb.connect() as connection:
        connection.execute(f"create table {table[1]} ({columns})")
        for name, sql in expressions(model):
            try:
                connection.execute(f"select {sql} from {table[1]}")
            except duckdb.Error as error:
                failed.append(f"{model['name']}.{name}: {error}")
    return failed


@pytest.mark.parametrize("model", DECLARED["semantic_models"], ids=lambda model: str(model["name"]))
def test_every_expression_is_one_its_table_answers(model: dict[str, Any]) -> None:
    assert unanswered(model) == []


def test_a_column_that_is_not_there_is_found() -> None:
    measures = [{"name": "costs", "agg": "sum", "expr": "costs"}]
    (failed,) = unanswered({"name": "bill", "model": "ref('rpt_invoice_waterfall')", "measures": measures})
    assert failed.startswith("bill.costs: Binder Error")


def test_the_form_that_dbt_drops_is_not_used() -> None:
    """A ``semantic_model`` below a model is ignored by dbt 1.11, with its measures."""
    files = sorted(PROJECT.rglob("*.yml"))
    assert [str(file) for file in files if re.search(r"^\s+semantic_model:", file.read_text(), re.MULTILINE)] == []
