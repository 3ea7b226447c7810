"""Every statement of the dbt project, compiled for BigQuery, parses strictly and uses only what BigQuery is known to have.

It proves syntax and vocabulary; that both warehouses agree on the numbers is the parity test's work.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

#: Functions the project may use; each exists in GoogleSQL under this name or as the operator it is parsed from.
ALLOWED = {
    *(
        "ABS",
        "AND",
        "ARRAY",  # a list of literals, which unnest takes
        "ARRAY_SIZE",
        "BITWISE_OR_AGG",
        "BITWISE_XOR_AGG",
        "CASE",
        "CAST",
        "COALESCE",
        "CONCAT",
        "COUNT",
        "DATE_ADD",
        "DATE_SUB",
        "DATE_TRUNC",
    ),
    *(
        "DATEDIFF",
        "FARM_FINGERPRINT",
        "FLOOR",
        "FORMAT",
        "GENERATE_DATE_ARRAY",
        "GREATEST",
        "IF",
        "JSON_EXTRACT_SCALAR",
        "LAG",
        "LEAD",
        "LEAST",
    ),
    *(
        "LENGTH",
        "LEVENSHTEIN",
        "LOWER",
        "MAX",
        "MD5",
        "MIN",
        "NULLIF",
        "OR",
        "PARSE_JSON",
        "RANK",
        "REPLACE",
        "ROW_NUMBER",
        "SUBSTRING",
        "SUM",
        "TIMESTAMP_TRUNC",
        "TRIM",
        "UNIX_MICROS",
        "UNIX_TO_TIME",  # timestamp_micros
        "UNNEST",
    ),
    # of statistics that are no money, and of names in order
    *("GROUP_CONCAT", "LN", "ROUND", "SQRT"),
}
#: Cast targets without parameters: BigQuery refuses ``cast(x as numeric(38, 9))``.
TYPES = {"STRING", "NUMERIC", "INT64", "BIGNUMERIC", "DATE", "BOOL", "TIMESTAMP", "FLOAT64"}


@pytest.fixture(scope="module")
def compiled(compiled_for_bigquery: Path) -> dict[str, str]:
    """SQL by file."""
    return {path.name: path.read_text() for path in Path(compiled_for_bigquery, "compiled").rglob("*.sql")}


def problems(sql: str) -> list[str]:
    """What BigQuery would refuse or read differently in some SQL."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="bigquery") if tree is not None]
    except sqlglot.ParseError as error:
        return [str(error)[:300]]
    found = []
    for tree in trees:
        for function in tree.find_all(exp.Func):
            name = function.name.upper() if isinstance(function, exp.Anonymous) else function.sql_name()
            if name not in ALLOWED:
                found.append(f"function {name}")
        for cast in tree.find_all(exp.Cast):
            if cast.to.sql("bigquery") not in TYPES:
                found.append(f"cast to {cast.to.sql('bigquery')}")
            if cast.to.sql("bigquery") == "DATE" and isinstance(cast.this, exp.Literal) and len(cast.this.this) != 10:
                found.append(f"cast of {cast.this.this!r} to a date")
        found += ["filter clause" for _ in tree.find_all(exp.Filter)]
        for clause in tree.find_all(exp.With):
            if clause.recursive and (
                clause.parent is not tree or any(inner is not clause for inner in clause.find_all(exp.With))
            ):
                found.append("recursive WITH beside another, or not at the top")
        for select in tree.find_all(exp.Select):
            named = {column.alias for column in select.expressions if isinstance(column, exp.Alias)}
            grouped = [column for group in [select.args.get("group")] if group for column in group.find_all(exp.Column)]
            found += [
                f"grouped by {column.sql()}, which means the column's alias"
                for column in grouped
                if column.table in named
            ]
        for join in tree.find_all(exp.Join):
            condition = join.args.get("on")
            if join.side in ("LEFT", "FULL") and condition is not None and not list(condition.find_all(exp.EQ)):
                found.append(f"outer join without equality: {condition.sql('bigquery')[:120]}")
        found += [f"float literal {text.this}" for text in tree.find_all(exp.Literal) if _is_float(text)]
    return found + [f"operator {token}" for token in ("::", " // ") if token in _code(sql)]


def _is_float(literal: exp.Literal) -> bool:
    return not literal.is_string and "." in str(literal.this)


def _code(sql: str) -> str:
    return re.sub(r"--[^\n]*|'[^']*'", "", sql)


def test_every_model_reads_on_bigquery(compiled: dict[str, str]) -> None:
    assert len(compiled) > 70
    assert {name: found for name, sql in compiled.items() if (found := problems(sql))} == {}


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("select strftime(x, 'y') from t", "function"),
        ("select cast(x as numeric(38, 9)) from t", "cast to"),
        ("select x * 0.1 from t", "float literal"),
        ("select x::date from t", "operator"),
        ("select cast('2026-01-01 00:00:00' as date)", "to a date"),
        ("select a.x, count(*) as a from t as a group by a.x", "grouped by a.x"),
        ("select * from (with recursive a as (select 1) select * from a)", "recursive WITH"),
        ("with recursive a as (with b as (select 1) select * from b) select * from a", "recursive WITH"),
        ("select sum(x) filter (where y) from t", "filter clause"),
        ("select 1 from a left join b on a.x is not distinct from b.x", "outer join"),
    ],
)
def test_the_check_sees_what_bigquery_refuses(sql: str, problem: str) -> None:
    assert any(problem in found for found in problems(sql))
