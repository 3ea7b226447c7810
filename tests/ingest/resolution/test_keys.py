"""Which keys make tellings contested: more of them than memory holds."""

from __future__ import annotations

from pathlib import Path

import duckdb

from reconcilers.ingest.resolution.keys import KeyFiles, find_contested, quoted

TELLINGS = 2_000_000


def test_keys_that_do_not_fit_memory_are_compared_on_disk(tmp_path: Path) -> None:
    """Two million tellings in 60 MB, of which one is told twice and two answers share a response id."""
    file = KeyFiles(tmp_path / "calls.parquet", "one", tmp_path)
    settings = {"memory_limit": "60MB", "threads": "2", "temp_directory": str(tmp_path / "spilled")}
    with duckdb.connect(config=settings) as connection:
        connection.execute(
            f"""copy (
                    select i as landing_row, date '2026-10-01' as day, hash(greatest(i, 1), 'own') as own,
                        case when i in (7, 8) then 1::ubigint else hash(i, 'response') end as response,
                        hash(i // 5, 'trace') as trace, hash(i, 'self') as self,
                        case when i % 5 > 0 then hash(i - i % 5, 'self') end as parent, hash(i // 5, 'who') as who,
                        1::ubigint as scope, 2::ubigint as emitter, i % 5 > 0 as billable, false as answered_from_cache,
                        false as lies_over, 0 as lacks, true as in_trace, true as has_response
                    from range({TELLINGS}) as told(i)
                ) to {quoted(file.tellings)} (format parquet)"""
        )
        assert find_contested(connection, [file], set()) == 4
        rows = connection.execute("select landing_row, own is null, response is null from contested order by 1")
        assert rows.fetchall() == [(0, False, True), (1, False, True), (7, True, False), (8, True, False)]
