#!/usr/bin/env bash
# duckdb 2.0.1 (1.4.4 not): a cast of a CSV column skips the type the column was declared with, unless the column is asked for as well.
#
# A view reads a CSV whose cost is declared DECIMAL(18,2), so 1.105 is 1.11 in it. `select cost::decimal(18,3)` from that view is
# 1.110 in 1.4.4, and 1.105 in 2.0.1: the reader makes the last type straight from the text, and what the declaration rounds is
# not rounded. As soon as the same select also has the column itself, the cast is of the rounded value again. So one expression over
# one row has two amounts, by what stands beside it, and a sum of detail does not meet the sum of the rounded column.
#
# Seen for rows of 1.105 and 2.499:
#   1.4.4: the cast alone 1.110 2.500, the cast beside its column 1.110 2.500
#   2.0.1: the cast alone 1.105 2.499, the cast beside its column 1.110 2.500
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
printf 'line,cost\n1,1.105\n2,2.499\n' > "$room/bill.csv"
changed=0
for version in 1.4.4 2.0.1; do
    "${PYTHON:-python3}" -m venv "$room/$version"
    "$room/$version/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
    env -i HOME="$room" PATH="$PATH" "$room/$version/bin/python" -I - "$room/bill.csv" <<'PYTHON' || changed=1
import sys

import duckdb

session = duckdb.connect()
columns = "{line: 'INTEGER', cost: 'DECIMAL(18,2)'}"
session.execute(f"create view bill as select * from read_csv('{sys.argv[1]}', columns = {columns})")
alone = [str(row[0]) for row in session.execute("select cost::decimal(18,3) from bill").fetchall()]
beside = [str(row[0]) for row in session.execute("select cost::decimal(18,3), cost from bill").fetchall()]
print(f"{duckdb.__version__}: the cast alone {' '.join(alone)}, the cast beside its column {' '.join(beside)}")
rounded = ["1.110", "2.500"]
expected = {"1.4.4": (rounded, rounded), "2.0.1": (["1.105", "2.499"], rounded)}[duckdb.__version__]
sys.exit(0 if (alone, beside) == expected else f"this is no longer what {duckdb.__version__} was seen to do")
PYTHON
done
exit "$changed"
