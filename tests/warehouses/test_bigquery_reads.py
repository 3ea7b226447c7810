"""Which tables kept by day are read by day, and which whole: what a night on BigQuery reads grows with the latter's history.

It proves what the compiled text asks for; that BigQuery prunes by it, only a real project can show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from reconcilers.warehouses.bigquery_lake import DAYS, FILTERED

DOCS = Path(__file__).parents[2] / "docs" / "warehouses.md"
ROW = re.compile(r"^\| `(\w+\.\w+)` \| .+ \| (.+) \|$", re.MULTILINE)


def nodes_of(target: Path) -> list[dict[str, Any]]:
    """Models and audits that are statements of their own and that a night runs: generic tests are asked of small stores only."""
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    return [
        node
        for node in nodes
        if node["resource_type"] in ("model", "test")
        and node["config"]["materialized"] != "ephemeral"
        and "test_metadata" not in node
    ]


def days_of(nodes: list[dict[str, Any]]) -> dict[str, str]:
    """The column that names its day, by table kept by day."""
    lake = {f"lake.{entity}": day for entity, day in DAYS.items()}
    kept = [node for node in nodes if node["config"]["materialized"] == "by_day"]
    return lake | {f"{node['schema']}.{node['alias']}": node["config"]["meta"]["day"] for node in kept}


def reads(sql: str, days: dict[str, str]) -> Iterator[tuple[str, bool]]:
    """(table kept by day, whether only days that the text names are read of it), once for each place that reads one."""
    root = build_scope(sqlglot.parse_one(sql, read="bigquery"))
    assert root is not None
    queries = list(root.traverse())
    for query in queries:
        for alias, (_, source) in query.selected_sources.items():
            if isinstance(source, exp.Table) and (day := days.get(f"{source.db}.{source.name}")) is not None:
                yield f"{source.db}.{source.name}", is_limited(query, alias, day, queries)


def is_limited(query: Scope, alias: str, day: str, queries: list[Scope]) -> bool:
    """Whether a query that knows rows as ``alias``, or else each query that takes its rows, names days of them."""
    clauses = [clause.this for clause in [query.expression.args.get("where")] if clause]
    for join in query.expression.args.get("joins") or []:
        # An outer join keeps rows that its condition does not fit: only the joined side of a LEFT one is limited by it.
        if join.args.get("on") and (not join.side or (join.side == "LEFT" and join.this.alias_or_name == alias)):
            clauses.append(join.args["on"])
    parts = [part for clause in clauses for part in (clause.flatten() if isinstance(clause, exp.And) else [clause])]
    if any(names_days(part, alias, day) for part in parts):
        return True
    if not passes_on(query.expression, day):
        return False
    takers = [
        (other, name) for other in queries for name, (_, source) in other.selected_sources.items() if source is query
    ]
    takers += [(other, "") for other in queries if query in other.set_operation_scopes]
    return bool(takers) and all(is_limited(other, name, day, queries) for other, name in takers)


def passes_on(query: exp.Expr, day: str) -> bool:
    """Whether a condition on the day of a query's rows is one on the day of the rows it reads."""
    if not isinstance(query, exp.Select):
        return True
    if any(query.args.get(part) for part in ("group", "distinct", "limit")) or list(query.find_all(exp.Window)):
        return False
    told = [column for column in query.expressions if column.alias_or_name == day]
    return all(isinstance(column, exp.Column) for column in told) and (bool(told) or query.is_star)


def names_days(condition: exp.Expr, alias: str, day: str) -> bool:
    """Whether it holds the day's column against dates that stand in the text."""
    if not isinstance(condition, exp.In | exp.GTE | exp.EQ):
        return False
    column = condition.this
    others = condition.expressions if isinstance(condition, exp.In) else [condition.expression]
    constant = bool(others) and all(not list(other.find_all(exp.Column)) for other in others)
    if isinstance(condition, exp.GTE) and "0001-01-01" in condition.sql():
        return False  # every day there is
    return constant and isinstance(column, exp.Column) and column.name == day and column.table in ("", alias)


@pytest.fixture(scope="module")
def whole(compiled_for_bigquery: Path) -> dict[str, set[str]]:
    """Who reads all days, by table kept by day."""
    nodes = nodes_of(compiled_for_bigquery)
    days = days_of(nodes)
    found: dict[str, set[str]] = {table: set() for table in days}
    for node in nodes:
        for table, limited in reads(node["compiled_code"], days):
            if not limited:
                found[table].add(node["alias"] if node["resource_type"] == "model" else node["name"])
    return found


def test_a_table_that_must_be_read_by_day_is(compiled_for_bigquery: Path, whole: dict[str, set[str]]) -> None:
    required = {f"lake.{entity}" for entity in FILTERED}
    for node in nodes_of(compiled_for_bigquery):
        if node["config"].get("require_partition_filter"):
            required.add(f"{node['schema']}.{node['alias']}")
    assert len(required) >= 3
    assert {table: whole[table] for table in required if whole[table]} == {}


def test_the_docs_tell_who_reads_all_of_history(whole: dict[str, set[str]]) -> None:
    told = {table: set(re.findall(r"`(\w+)`", readers)) for table, readers in ROW.findall(DOCS.read_text())}
    assert told == {table: readers for table, readers in whole.items() if readers}


@pytest.mark.parametrize(
    ("sql", "limited"),
    [
        ("select * from a.t where day in (date '2026-01-01')", True),
        ("select * from a.t where x = 1 and day >= cast('2026-01-01' as date)", True),
        ("select * from a.t where x = 1 or day >= cast('2026-01-01' as date)", False),
        ("select * from a.t where day = other_day", False),
        ("select * from a.t join b on t.id = b.id and b.day in (date '2026-01-01')", False),
        ("with t as (select * from (select * from a.t)) select * from t where day in (date '2026-01-01')", True),
        ("with c as (select * from a.t union all select 1) select * from c where day in (date '2026-01-01')", True),
        ("select * from a.t join b on t.id = b.id and t.day in (date '2026-01-01')", True),
        ("with c as (select * from a.t) select * from c where day in (date '2026-01-01')", True),
        (
            "with c as (select * from a.t), d as (select * from c where day = date '2026-01-01') select * from c, d",
            False,
        ),
        ("select * from a.t left join b on t.id = b.id and t.day in (date '2026-01-01')", False),
        ("select * from b left join a.t on t.id = b.id and t.day in (date '2026-01-01')", True),
        ("select * from (select day, max(x) from a.t group by day) where day in (date '2026-01-01')", False),
        ("select * from (select other as day from a.t) where day in (date '2026-01-01')", False),
        ("select * from (select *, row_number() over (order by x) from a.t) where day in (date '2026-01-01')", False),
        ("select * from a.t where day >= cast('0001-01-01' as date)", False),
        ("select * from a.t", False),
    ],
)
def test_the_check_sees_a_read_of_everything(sql: str, limited: bool) -> None:
    assert list(reads(sql, {"a.t": "day"})) == [("a.t", limited)]
