#!/usr/bin/env bash
# sqlglot 30.30.0 (duckdb 2.0.1): BigQuery's NUMERIC becomes DuckDB's DECIMAL, which has three decimals: a price by the token is 0.
#
# BigQuery's NUMERIC has nine decimals, its BIGNUMERIC 38. sqlglot writes the first as DECIMAL, which DuckDB reads as DECIMAL(18,3), and
# the second as DECIMAL(38,5), so that a query tried out in DuckDB, or a test of one, rounds each amount before it is
# multiplied or summed. Nothing is raised, and sums of whole cents are right. A NUMERIC that says its scale keeps it.
# The other way a scale is lost: DECIMAL(18,2) is NUMERIC in BigQuery, which does not round to cents.
#
# Seen:
#   1,000,000 tokens at 0.0000025: NUMERIC 0.000, BIGNUMERIC 0.00000, NUMERIC(38, 9) 2.500000000
#   sum of 1,000 calls at 0.0004: NUMERIC 0.000, BIGNUMERIC 0.40000, NUMERIC(38, 9) 0.400000000
#   sum of 1,000 calls at 0.0025: NUMERIC 3.000, BIGNUMERIC 2.50000, NUMERIC(38, 9) 2.500000000
#   DuckDB's CAST(cost AS DECIMAL(18, 2)) in BigQuery: CAST(cost AS NUMERIC)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import sys

import duckdb
import sqlglot

KINDS = ("NUMERIC", "BIGNUMERIC", "NUMERIC(38, 9)")


def asked(sql):
    (translated,) = sqlglot.transpile(sql, read="bigquery", write="duckdb")
    ((amount,),) = duckdb.sql(translated).fetchall()
    return str(amount)


def by_kind(sql):
    return tuple(asked(sql.format(kind)) for kind in KINDS)


cases = {"1,000,000 tokens at 0.0000025": by_kind("select cast('0.0000025' as {}) * 1000000")}
for price in ("0.0004", "0.0025"):
    calls = "from unnest(generate_array(1, 1000)) as call"
    cases[f"sum of 1,000 calls at {price}"] = by_kind(f"select sum(cast('{price}' as {{}})) {calls}")
for case, amounts in cases.items():
    print(f"{case}: {', '.join(f'{kind} {amount}' for kind, amount in zip(KINDS, amounts, strict=True))}")
(back,) = sqlglot.transpile("select cast(cost as decimal(18, 2)) from bill", read="duckdb", write="bigquery")
back = back.removeprefix("SELECT ").removesuffix(" FROM bill")
print(f"DuckDB's CAST(cost AS DECIMAL(18, 2)) in BigQuery: {back}")
expected = [
    ("0.000", "0.00000", "2.500000000"),
    ("0.000", "0.40000", "0.400000000"),
    ("3.000", "2.50000", "2.500000000"),
]
as_seen = [*cases.values()] == expected and back == "CAST(cost AS NUMERIC)"
sys.exit(0 if as_seen else "this is no longer what 30.30.0 was seen to do")
PYTHON
