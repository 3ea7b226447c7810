"""The lines of ``bills.py`` as a table of any seller, by a mapping: what is refused there is refused here.

A mapping names columns as they stand, so a header in another case is another header; blanks alone are nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.hostile.inputs import bills
from tests.hostile.inputs.told import Input, Refused

CONFIG = {
    "kind": "mapped_bill",
    "format": "csv",
    "columns": {name: name for name in bills.BASE},
    "period_end": "exclusive",
}
NO_COLUMN = Refused("no column", None, bills.FILE)
OTHERWISE = {
    "amount '   '": bills.refused("BilledCost is empty"),
    "header in another case": NO_COLUMN,
    "blanks around column names": NO_COLUMN,
    "a column twice in another case": NO_COLUMN,
}


def inputs() -> Iterator[Input]:
    for one in bills.inputs():
        if one.config == {"kind": "focus_file"}:
            gets = NO_COLUMN if one.gets == bills.NO_COLUMN else OTHERWISE.get(one.name, one.gets)
            yield replace(one, room="mapped bill", config=CONFIG, gets=gets)
