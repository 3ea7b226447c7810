"""How the dbt project hangs together, read from its manifest: who reads whom, what a day is made from, what a row is."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from dbt.contracts.graph.manifest import Manifest

from reconcilers.ingest import lake, metering
from reconcilers.warehouses.dbt import PROJECT

Nodes = dict[str, dict[str, Any]]

#: Which days a lake file speaks of stands for what it says of them: a file's bytes never change under its path.
TOLD_BY = {
    f"source.reconcile.lake.{entity}": "source.reconcile.lake.call_days"
    for entity in ("calls", "resolved_calls", "resolved_tellings", *metering.ENTITIES)
}

LONGEST_LINE = 140

#: Prefixes of marts, those that may be read by the later ones first.
ORDER = ["dim_", "fct_", "rpt_"]


@pytest.fixture
def nodes(compiled_for_bigquery: Path) -> Nodes:
    """Everything dbt knows, by unique id; a copy that a test may change."""
    manifest = json.loads((compiled_for_bigquery / "manifest.json").read_text())
    return {**manifest["nodes"], **manifest["sources"]}


def models(nodes: Nodes) -> Iterator[dict[str, Any]]:
    return (node for node in nodes.values() if node["resource_type"] == "model")


def read_by(node: dict[str, Any]) -> list[str]:
    """Unique ids of what a node reads."""
    return list(node.get("depends_on", {}).get("nodes", []))


def behind(nodes: Nodes, unique_id: str) -> set[str]:
    """A node with all it is made from, however far back."""
    found, waiting = set(), [unique_id]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += read_by(nodes[one])
    return found


def unseen_changes(nodes: Nodes) -> list[str]:
    """What a model kept by day reads that can change without the fingerprint of its days."""
    found = []
    for model in models(nodes):
        if model["config"]["materialized"] == "by_day":
            known = behind(nodes, f"model.reconcile.{model['config']['meta']['made_from']}")
            found += [
                f"{model['name']} reads {nodes[one]['name']}"
                for one in read_by(model)
                if not is_seen(nodes, one, known)
            ]
    return found


def is_seen(nodes: Nodes, read: str, known: set[str]) -> bool:
    """Whether a change of what is read changes something known: it is known, made day by day from it, or only passes on what is."""
    node = nodes[read]
    if read in known or TOLD_BY.get(read) in known or node["resource_type"] == "seed":  # a seed is part of the recipe
        return True
    if node["resource_type"] == "source":
        return False
    if node["config"]["materialized"] == "by_day":
        return f"model.reconcile.{node['config']['meta']['made_from']}" in known
    return node["config"]["materialized"] in ("ephemeral", "view") and all(
        is_seen(nodes, one, known) for one in read_by(node)
    )


def without_grain_or_key(nodes: Nodes) -> list[str]:
    """Models whose description, in a .yml beside them, tells no grain, or that have neither a test of their key nor a reason why there is none."""
    keyed = {
        node["attached_node"]
        for node in nodes.values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") in ("unique", "key")
    }
    found = []
    for model in models(nodes):
        told = PurePosixPath((model["patch_path"] or "").removeprefix("reconcile://"))
        if told.parent != PurePosixPath(model["original_file_path"]).parent or "Grain: " not in model["description"]:
            found.append(f"{model['name']} has no grain")
        if (model["unique_id"] in keyed) == bool(model["config"]["meta"].get("no_key")):
            found.append(f"{model['name']} has no key")
    return found


def keys_of_tables(nodes: Nodes) -> set[tuple[str, str]]:
    """Table and column of every key that is one column and that a night makes anew, all but the hourly watch's."""
    return {
        (node["attached_node"].split(".")[-1], node["test_metadata"]["kwargs"]["column_name"])
        for node in nodes.values()
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == "unique"
        for table in [nodes[node["attached_node"]]]
        if table["config"]["materialized"] in ("table", "by_day") and "watch" not in table["config"]["tags"]
    }


def keys_asked_nightly(nodes: Nodes) -> set[tuple[str, str]]:
    """The same as the audits name them."""
    audits = [
        nodes[f"test.reconcile.{name}"]["compiled_code"]
        for name in ("keys_are_told_once", "runs_and_events_are_told_once")
    ]
    whole = re.findall(r"select '(\w+)' as relation, '(\w+)' as key_column", audits[0])
    return {*whole, *re.findall(r"select '(\w+)' as relation, told\.(\w+) as value", audits[1])}


def backward_reads(nodes: Nodes) -> list[str]:
    """Reads that make folders read each other in a circle, and marts that read what comes after them."""
    folders: dict[str, set[str]] = {}
    found = []
    for model in models(nodes):
        folder = str(PurePosixPath(model["original_file_path"]).parent)
        others = [nodes[one] for one in read_by(model) if nodes[one]["resource_type"] == "model"]
        folders.setdefault(folder, set()).update(str(PurePosixPath(one["original_file_path"]).parent) for one in others)
        found += [f"{model['name']} reads {one['name']}" for one in others if rank(one) > rank(model)]
    for folder, others in folders.items():
        others.discard(folder)
    try:
        TopologicalSorter(folders).prepare()
    except CycleError as error:
        found.append(" → ".join(error.args[1]))
    return found


def rank(model: dict[str, Any]) -> int:
    """Place of a model in the order in which marts may read each other; what is no mart comes before all."""
    name = model["name"].replace("bridge_", "fct_")
    return next((place for place, prefix in enumerate(ORDER, 1) if name.startswith(prefix)), 0)


def test_a_day_is_made_again_when_anything_it_reads_changes(nodes: Nodes) -> None:
    assert len([model for model in models(nodes) if model["config"]["materialized"] == "by_day"]) > 12
    assert unseen_changes(nodes) == []


def test_every_model_has_a_grain_and_a_key(nodes: Nodes) -> None:
    assert len(list(models(nodes))) > 90
    assert without_grain_or_key(nodes) == []


def test_every_key_is_asked_nightly(nodes: Nodes) -> None:
    assert len(keys_of_tables(nodes)) > 20
    assert keys_asked_nightly(nodes) == keys_of_tables(nodes)


def reading_estimates(nodes: Nodes) -> list[str]:
    """What is made of providers' estimates, but for the table that shows them and the audit of its key (D60, D65)."""
    shown = {"provider_estimates", "stg_billing__provider_estimates", "fct_provider_estimate", "keys_are_told_once"}
    found = [
        node["name"]
        for unique_id, node in nodes.items()
        if "source.reconcile.lake.provider_estimates" in behind(nodes, unique_id) and not node.get("attached_node")
    ]
    assert shown <= set(found)
    return [name for name in found if name not in shown]


def test_no_figure_is_made_of_an_estimate(nodes: Nodes) -> None:
    assert reading_estimates(nodes) == []


def test_folders_and_marts_are_read_one_way(nodes: Nodes) -> None:
    assert backward_reads(nodes) == []


def test_no_line_is_longer_than_a_reader_sees() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for folder in ("analyses", "macros", "models", "seeds", "tests")
        for path in (PROJECT / folder).rglob("*.*")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path.suffix in (".sql", ".yml") and len(line) > LONGEST_LINE
    ]
    assert not found


def test_the_waterfall_waits_for_no_event(nodes: Nodes) -> None:
    behind_it = [nodes[one] for one in behind(nodes, "model.reconcile.rpt_invoice_waterfall")]
    assert len(behind_it) > 40
    assert [one["name"] for one in behind_it if "/events/" in one["original_file_path"]] == []


def _forget_environments(nodes: Nodes) -> None:
    nodes["model.reconcile.int_call_inputs"]["depends_on"]["nodes"].remove(
        "model.reconcile.stg_reference__environments"
    )


def _read_events(nodes: Nodes) -> None:
    nodes["model.reconcile.int_call_amounts"]["depends_on"]["nodes"].append("model.reconcile.int_events")


def _read_margins(nodes: Nodes) -> None:
    nodes["model.reconcile.dim_tenants"]["depends_on"]["nodes"].append("model.reconcile.fct_tenant_margin")


def _read_back(nodes: Nodes) -> None:
    nodes["model.reconcile.int_charges"]["depends_on"]["nodes"].append("model.reconcile.int_events")


def _add_estimates(nodes: Nodes) -> None:
    nodes["model.reconcile.int_bill_lines"]["depends_on"]["nodes"].append(
        "model.reconcile.stg_billing__provider_estimates"
    )


def _forget_grain(nodes: Nodes) -> None:
    nodes["model.reconcile.int_runs"]["description"] = "Runs."


def _forget_key(nodes: Nodes) -> None:
    for test in [name for name, node in nodes.items() if node["resource_type"] == "test" and "int_runs" in name]:
        del nodes[test]


def _tell_elsewhere(nodes: Nodes) -> None:
    nodes["model.reconcile.int_runs"]["patch_path"] = "reconcile://models/intermediate/_all.yml"


@pytest.mark.parametrize(
    ("change", "check", "found"),
    [
        (_forget_environments, unseen_changes, "int_call_contexts reads stg_reference__environments"),
        (_read_events, unseen_changes, "int_call_amounts reads int_events"),
        (_read_margins, backward_reads, "dim_tenants reads fct_tenant_margin"),
        (_read_back, backward_reads, "models/intermediate/billing"),
        (_add_estimates, reading_estimates, "rpt_invoice_waterfall"),
        (_forget_grain, without_grain_or_key, "int_runs has no grain"),
        (_tell_elsewhere, without_grain_or_key, "int_runs has no grain"),
        (_forget_key, without_grain_or_key, "int_runs has no key"),
    ],
)
def test_the_guards_see(
    nodes: Nodes, change: Callable[[Nodes], None], check: Callable[[Nodes], list[str]], found: str
) -> None:
    change(nodes)
    assert any(found in one for one in check(nodes))


def test_meters_and_their_scales_are_the_lake_s() -> None:
    with (PROJECT / "seeds" / "meters.csv").open(encoding="utf-8", newline="") as stream:
        scales = {row["meter"]: int(row["scale_factor"]) for row in csv.DictReader(stream)}
    assert scales == {meter: lake.SCALES.get(meter, 1) for meter in lake.METERS}


def test_what_each_run_tells_anew_is_not_read_while_parsing(compiled_for_bigquery: Path) -> None:
    """dbt parses every file again that read another value then, which is seconds a night."""
    read = Manifest.from_msgpack((compiled_for_bigquery / "partial_parse.msgpack").read_bytes()).env_vars
    assert "RECONCILE_SCHEMA_PREFIX" in read
    assert not {"RECONCILE_AS_OF", "RECONCILE_WATCHED_UNTIL"} & set(read)
