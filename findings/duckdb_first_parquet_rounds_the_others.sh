#!/usr/bin/env bash
# duckdb 1.4.4, 2.0.1 (pyarrow 26.0.1): of several Parquet files the first one's decimals are everyone's: 0.0075 of the next day is 0.01.
#
# A Parquet file says of each column what it is, and writers take that from the values: a day with whole cents is DECIMAL(4,2), one with
# fees by the call DECIMAL(4,4). Read together by a pattern or a list, all files are cast to the types of the first name in order, and
# amounts are rounded to its decimals without a word. Each file alone is exact, so that days do not add up to their month,
# and a file that comes later and sorts first changes what the others say. union_by_name takes a type that holds all.
# pyarrow and polars refuse the same files.
#
# Seen, in both versions, of one day with 12.50 and 3.00 and one with 0.0075 and 0.0049:
#   each file alone: 15.50 + 0.0124
#   both: 15.51, of DECIMAL(4,2)
#   both, union_by_name: 15.5124, of DECIMAL(6,4)
#   both, by pyarrow: Rescaling Decimal value would cause data loss
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 1.4.4 2.0.1; do
    "${PYTHON:-python3}" -m venv --clear "$room/env"
    "$room/env/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version" pyarrow==26.0.1
    rm -rf "$room/days" && mkdir "$room/days"
    env -i HOME="$room" PATH="$PATH" "$room/env/bin/python" -I - "$room/days" <<'PYTHON'
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

days = Path(sys.argv[1])
costs = {"2026-10-01": ("12.50", "3.00"), "2026-10-02": ("0.0075", "0.0049")}
for day, amounts in costs.items():
    pa.parquet.write_table(pa.table({"cost": [Decimal(amount) for amount in amounts]}), days / f"{day}.parquet")


def total(of, how=""):
    files = f"read_parquet('{days}/{of}.parquet'{how})"
    ((amount, kind),) = duckdb.sql(f"select sum(cost), any_value(typeof(cost)) from {files}").fetchall()
    return str(amount), kind


alone = tuple(total(day)[0] for day in costs)
both, by_name = total("*"), total("*", ", union_by_name = true")
try:
    pa.dataset.dataset(days).to_table()
    refused = "not refused"
except pa.ArrowInvalid as error:
    refused = str(error)
print(f"{duckdb.__version__}, each file alone: {' + '.join(alone)}")
print("{}, both: {}, of {}".format(duckdb.__version__, *both))
print("{}, both, union_by_name: {}, of {}".format(duckdb.__version__, *by_name))
print(f"both, by pyarrow: {refused}")
expected = (("15.50", "0.0124"), ("15.51", "DECIMAL(4,2)"), ("15.5124", "DECIMAL(6,4)"))
as_seen = (alone, both, by_name) == expected and refused == "Rescaling Decimal value would cause data loss"
sys.exit(0 if as_seen else f"this is no longer what {duckdb.__version__} was seen to do")
PYTHON
done
