#!/usr/bin/env bash
# DuckDB 1.4.4, 2.0.0 and 2.0.1: bit_xor(hash(k, v)) over a table does not change when the last column changes alike in an even number of rows.
#
# hash() of several values mixes the last one in by an exclusive or, so hash(k, a) and hash(k, b) differ by the same bits for every k. A
# digest of rows made by bit_xor, the usual way to see cheaply whether a table changed, then calls two tables equal whose rows all differ:
# two models whose price goes from 3 to 4 on one day leave the day's digest as it was, and whoever rebuilds by digest keeps the old money.
# The same of hash(row(k, v)). Hashing once more, hash(hash(k, v)), mixes again and sees it.
#
# Seen: the digests of (1, 3), (2, 3) and of (1, 4), (2, 4) are one and the same, by values and by row; hashed once more they are two.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room/venv"
for version in 1.4.4 2.0.0 2.0.1; do
  "$room/venv/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
  "$room/venv/bin/python" - "$version" <<'PYTHON'
import sys

import duckdb

PRICES = {3: "values ('small', 3.00), ('large', 3.00)", 4: "values ('small', 4.00), ('large', 4.00)"}


def same(digest: str) -> bool:
    found = [duckdb.sql(f"select bit_xor({digest}) from ({rows}) as prices(model, price)").fetchall() for rows in PRICES.values()]
    return found[0] == found[1]


assert duckdb.__version__ == sys.argv[1]
seen = {digest: same(digest) for digest in ("hash(model, price)", "hash(row(model, price))", "hash(hash(model, price))")}
print(duckdb.__version__, "digest unchanged though every price changed:", seen)
sys.exit(seen != {"hash(model, price)": True, "hash(row(model, price))": True, "hash(hash(model, price))": False})
PYTHON
done
