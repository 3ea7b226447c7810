#!/usr/bin/env bash
# polars 2.1.0 (1.20.0 not): a quotient of decimals has no more decimals than the amounts, so cost by call is 0.01 where it is 0.0125.
#
# 12.50 for 1,000 calls is 0.0125 a call. In 1.20.0 a quotient has four decimals more than what is divided; in 2.1.0 (seen from 1.34.0 on)
# it has no more than that, and is rounded to it without a warning. Costs have two, so a unit cost below a cent is 0.00 or 0.01, and
# times the calls it does not make the bill again: 10.00 of 12.50. A price per million that is divided first is 0.00 for every model, and
# so is what its tokens cost (the earlier version loses a fifth of 0.003125). What is divided has to be cast to a wider decimal before;
# a cast of the result comes too late.
#
# Seen:
#   1.20.0: cost by call 0.012500, times the calls 12.500000000000, 2.50 per million of 1,250 tokens 0.002500000000
#   2.1.0: cost by call 0.01, times the calls 10.00, 2.50 per million of 1,250 tokens 0.00
#   2.1.0, cast before: cost by call 0.012500000000, times the calls 12.500000000000, 2.50 per million of 1,250 tokens 0.003125000000
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 1.20.0 2.1.0; do
    "${PYTHON:-python3}" -m venv --clear "$room/env"
    "$room/env/bin/pip" install --quiet --disable-pip-version-check "polars==$version"
    env -i HOME="$room" PATH="$PATH" "$room/env/bin/python" -I - <<'PYTHON'
import sys
from decimal import Decimal

import polars as pl

bill = pl.DataFrame({"cost": [Decimal("12.50")], "calls": [1000], "per_million": [Decimal("2.50")], "tokens": [1250]})


def reckoned(cost, per_million):
    by_call = cost / pl.col("calls")
    found = bill.select(by_call=by_call, again=by_call * pl.col("calls"), charge=per_million / 1_000_000 * pl.col("tokens"))
    return tuple(str(amount) for amount in found.row(0))


told = {pl.__version__: reckoned(pl.col("cost"), pl.col("per_million"))}
expected = {"1.20.0": ("0.012500", "12.500000000000", "0.002500000000")}
if pl.__version__ != "1.20.0":
    wide = pl.Decimal(38, 12)
    told[f"{pl.__version__}, cast before"] = reckoned(pl.col("cost").cast(wide), pl.col("per_million").cast(wide))
    expected = {
        "2.1.0": ("0.01", "10.00", "0.00"),
        "2.1.0, cast before": ("0.012500000000", "12.500000000000", "0.003125000000"),
    }
for case, amounts in told.items():
    print("{}: cost by call {}, times the calls {}, 2.50 per million of 1,250 tokens {}".format(case, *amounts))
sys.exit(0 if told == expected else f"this is no longer what {pl.__version__} was seen to do")
PYTHON
done
