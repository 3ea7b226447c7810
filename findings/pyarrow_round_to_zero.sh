#!/usr/bin/env bash
# pyarrow 25.0.0 and 26.0.1: a decimal column with an amount that rounds to more digits than its type has is refused only where that
# amount comes last; elsewhere the amount becomes 0, and the column goes on.
#
# pyarrow.compute.round keeps the type it was given. 999.99 of decimal128(5, 2) rounds to 1000.0, which does not fit: alone, or as the
# last of a column, that is ArrowInvalid. With any row behind it there is no error and the row holds 0.00. So the same bill is refused
# or loses its largest charge by the order of its lines, and a test with one amount does not see it. Every mode that rounds it up does
# so, on decimal128 and decimal256. Rounding a column whose type has a digit to spare is right.
#
# Seen, the same in both versions:
#   999.99 alone: Rounded value 1000.00 does not fit in precision of decimal128(5, 2)
#   999.99 last of 1.25, 999.99: Rounded value 1000.00 does not fit in precision of decimal128(5, 2)
#   999.99 first of 999.99, 1.25: ['0.00', '1.30']
#   the same as decimal128(6, 2): ['1000.00', '1.30']
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 25.0.0 26.0.1; do
    "${PYTHON:-python3}" -m venv --clear "$room/env"
    "$room/env/bin/pip" install --quiet --disable-pip-version-check "pyarrow==$version"
    env -i HOME="$room" PATH="$PATH" "$room/env/bin/python" -I - <<'PYTHON'
import sys
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc


def rounded(digits, *amounts):
    column = pa.array([Decimal(amount) for amount in amounts], pa.decimal128(digits, 2))
    try:
        return str([str(amount) for amount in pc.round(column, 1, "half_towards_infinity").to_pylist()])
    except pa.ArrowInvalid as error:
        return str(error)


refused = "Rounded value 1000.00 does not fit in precision of decimal128(5, 2)"
told = {
    "999.99 alone": (rounded(5, "999.99"), refused),
    "999.99 last of 1.25, 999.99": (rounded(5, "1.25", "999.99"), refused),
    "999.99 first of 999.99, 1.25": (rounded(5, "999.99", "1.25"), "['0.00', '1.30']"),
    "the same as decimal128(6, 2)": (rounded(6, "999.99", "1.25"), "['1000.00', '1.30']"),
}
print(f"pyarrow {pa.__version__}")
for case, (seen, _) in told.items():
    print(f"{case}: {seen}")
sys.exit(0 if all(seen == expected for seen, expected in told.values()) else "this is no longer what was seen")
PYTHON
done
