#!/usr/bin/env bash
# duckdb 1.4.4 and 2.0.1: where the first 20,480 rows of a CSV have whole amounts, the cents of later rows are rounded away without a word.
#
# Readers guess a column's type from the first rows. If those have whole amounts, as a cloud's bill that begins with thousands of lines
# at 0, the column is BIGINT. One expects an error at the first 0.40 behind them; but DuckDB casts text to a whole number by rounding
# it, so 0.40 is 0 and 1.60 is 2. No error, no warning, and the table has as many rows as the file. NDJSON, which 1.4.4 reads right, does
# the same in 2.0.1. A longer sample (`sample_size = -1`) or a declared type reads the same file right.
#
# Seen for 25,000 rows of 0, then a thousand of 0.40 and ten of 1.60, which are 416.00 in all:
#   CSV, guessed: BIGINT, sum 20
#   CSV, all of it sampled: DOUBLE, sum 416
#   CSV, declared: DECIMAL(18,2), sum 416
#   NDJSON, guessed: DOUBLE, sum 416 in 1.4.4; BIGINT, sum 20 in 2.0.1
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 1.4.4 2.0.1; do
    "${PYTHON:-python3}" -m venv --clear "$room/env"
    "$room/env/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
    env -i HOME="$room" PATH="$PATH" "$room/env/bin/python" -I - "$room" <<'PYTHON'
import sys

import duckdb

amounts = ["0"] * 25_000 + ["0.40"] * 1_000 + ["1.60"] * 10
csv, ndjson = f"{sys.argv[1]}/bill.csv", f"{sys.argv[1]}/bill.ndjson"
with open(csv, "w") as bill:
    bill.writelines(["line,cost\n", *(f"{line},{amount}\n" for line, amount in enumerate(amounts))])
with open(ndjson, "w") as bill:
    bill.writelines(f'{{"line": {line}, "cost": {amount}}}\n' for line, amount in enumerate(amounts))
READERS = {
    "CSV, guessed": f"read_csv('{csv}')",
    "CSV, all of it sampled": f"read_csv('{csv}', sample_size = -1)",
    "CSV, declared": f"read_csv('{csv}', types = {{cost: 'DECIMAL(18,2)'}})",
    "NDJSON, guessed": f"read_json('{ndjson}')",
}
print(f"duckdb {duckdb.__version__}")
told = []
for case, reader in READERS.items():
    kind, total, rows = duckdb.execute(f"select any_value(typeof(cost)), sum(cost), count(*) from {reader}").fetchone()
    told.append((kind, round(float(total), 6), rows))
    print(f"{case}: {kind}, sum {told[-1][1]:g}, of {rows} rows")
rounded, right = ("BIGINT", 20, len(amounts)), ("DOUBLE", 416, len(amounts))
lines = right if duckdb.__version__ == "1.4.4" else rounded
expected = [rounded, right, ("DECIMAL(18,2)", 416, len(amounts)), lines]
sys.exit(0 if told == expected else f"this is no longer what {duckdb.__version__} was seen to do")
PYTHON
done
