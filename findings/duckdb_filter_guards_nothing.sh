#!/usr/bin/env bash
# DuckDB 1.4.4 and 2.0.1: the argument of an aggregate is evaluated for the rows that its FILTER leaves out, too.
#
# A bill whose rows of tax say "n/a" where charges have an amount: sum(cast(amount as decimal(38, 9))) filter (where kind = 'charge')
# fails for a row that it does not sum, and so does the whole statement. Where the argument is dear and the filter takes few rows, as a
# hash of ids taken of every row for the few that are wanted, each row pays for it all the same. A WHERE, and a CASE with the filter's
# condition around the argument, guard it.
#
# Seen: a conversion error with FILTER alone, by sum and by list; 12.50 with WHERE, and with CASE beside the FILTER.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
for version in 1.4.4 2.0.1; do
  "$room/venv/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
  "$room/venv/bin/python" - "$version" <<'PYTHON'
import sys

import duckdb

BILL = "(values ('charge', '12.50'), ('tax', 'n/a')) as bill(kind, amount)"
CHARGE, AMOUNT = "kind = 'charge'", "cast(amount as decimal(38, 9))"
ASKED = {
    "filter": f"select sum({AMOUNT}) filter (where {CHARGE}) from {BILL}",
    "list and filter": f"select list({AMOUNT}) filter (where {CHARGE}) from {BILL}",
    "where": f"select sum({AMOUNT}) from {BILL} where {CHARGE}",
    "case and filter": f"select sum(case when {CHARGE} then {AMOUNT} end) filter (where {CHARGE}) from {BILL}",
}


def answer(sql: str) -> str:
    try:
        return f"{duckdb.sql(sql).fetchall()[0][0]:.2f}"
    except duckdb.ConversionException:
        return "conversion error"


assert duckdb.__version__ == sys.argv[1]
seen = {name: answer(sql) for name, sql in ASKED.items()}
print(duckdb.__version__, seen)
sys.exit(list(seen.values()) != ["conversion error", "conversion error", "12.50", "12.50"])
PYTHON
done
