#!/usr/bin/env bash
# duckdb 1.3.2, 1.4.4 and 2.0.1: the offset of a time is obeyed, then ignored, when text becomes a TIMESTAMP; charges change their month.
#
# 2026-11-01T00:30:00+02:00 is half past ten at night, UTC, on 31 October. Up to 1.3 a cast of that text to TIMESTAMP, and a CSV column
# declared so, gave just that; from 1.4 on both drop the offset without a warning and keep the wall clock, 1 November. A bill or a
# trace whose times carry an offset lands on another day, here in another month, by an upgrade that changed no line of SQL.
# A CSV reader left to guess the type makes it TIMESTAMP WITH TIME ZONE, which is right in all three.
#
# Seen, session time zone UTC:
#   1.3.2: cast 2026-10-31 22:30, CSV column TIMESTAMP 2026-10-31 22:30, CSV guessed 2026-10-31 22:30
#   1.4.4: cast 2026-11-01 00:30, CSV column TIMESTAMP 2026-11-01 00:30, CSV guessed 2026-10-31 22:30
#   2.0.1: cast 2026-11-01 00:30, CSV column TIMESTAMP 2026-11-01 00:30, CSV guessed 2026-10-31 22:30
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
printf 'charged_at,cost\n2026-11-01T00:30:00+02:00,1.10\n' > "$room/bill.csv"
changed=0
for version in 1.3.2 1.4.4 2.0.1; do
    "${PYTHON:-python3}" -m venv "$room/$version"
    "$room/$version/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version"
    env -i HOME="$room" PATH="$PATH" "$room/$version/bin/python" -I - "$room/bill.csv" <<'PYTHON' || changed=1
import sys

import duckdb

session = duckdb.connect()
session.execute("set timezone = 'UTC'")


def told(time, source):
    return session.execute(f"select strftime({time}, '%Y-%m-%d %H:%M') {source}").fetchone()[0]


bill = sys.argv[1]
cast = told("timestamp_text::timestamp", "from (select '2026-11-01T00:30:00+02:00' as timestamp_text)")
declared = told("charged_at", f"from read_csv('{bill}', columns = {{charged_at: 'TIMESTAMP', cost: 'DECIMAL(18,2)'}})")
guessed = told("charged_at", f"from read_csv('{bill}')")
print(f"{duckdb.__version__}: cast {cast}, CSV column TIMESTAMP {declared}, CSV guessed {guessed}")
expected = "2026-10-31 22:30" if duckdb.__version__ == "1.3.2" else "2026-11-01 00:30"
as_seen = (cast, declared, guessed) == (expected, expected, "2026-10-31 22:30")
sys.exit(0 if as_seen else f"this is no longer what {duckdb.__version__} was seen to do")
PYTHON
done
exit "$changed"
