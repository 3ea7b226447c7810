"""Charges that count once although two deliveries tell them (rule R33).

Lines equal in value have one ``charge_id``, except within one delivery, where each is a charge of its own. Of equal lines
the one in the bytewise first unit is kept, there the first: since they are equal, no amount depends on which. What is left
out depends on the set of deliveries known, never on the order they came in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconcilers.ingest.lake import schema

if TYPE_CHECKING:
    import pyarrow as pa

    from reconcilers.ingest.landing import Landed

_LEFT_OUT = """
    with told_twice as (
        select source, charge_id from read_parquet($files) group by source, charge_id having count(*) > 1
    ),
    tellings as (
        select
            *, row_number() over (partition by source, charge_id order by encode(unit), landing_id, landing_line) as telling
        from read_parquet($files) join told_twice using (source, charge_id) join units using (landing_id)
    )
    select again.*, kept.landing_id as kept_landing_id, kept.landing_line as kept_landing_line, kept.unit as kept_unit
    from tellings as again join tellings as kept using (source, charge_id)
    where again.telling > 1 and kept.telling = 1
    order by again.landing_id, again.landing_line, charge_id
"""


def left_out_charges(pulls: Sequence[tuple[Landed, Path]]) -> Iterator[tuple[Landed, pa.Table]]:
    """Rows of ``left_out_charges`` for each pull that has any; ``pulls`` are those known, with the file of their charges."""
    import duckdb
    import pyarrow as pa

    if not pulls:
        return
    names = {"landing_id": [landed.landing_id for landed, _ in pulls], "unit": [landed.unit for landed, _ in pulls]}
    shape = schema("left_out_charges")
    with duckdb.connect() as connection:
        connection.register("units", pa.table(names))
        told = connection.sql(_LEFT_OUT, params={"files": [str(path) for _, path in pulls]})
        found = told.to_arrow_table().select(shape.names).cast(shape)
    for landed, _ in pulls:
        of_pull = found.filter(pa.compute.equal(found["landing_id"], landed.landing_id)) if found.num_rows else found
        if of_pull.num_rows:
            yield landed, of_pull
