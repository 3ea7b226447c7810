"""What the job is measured against, each as well as its own tool does it; of ours only dbt's project runs in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from tests.benchmarks.measuring import Figures

if TYPE_CHECKING:
    import polars


def floor(lake: Path) -> Figures:
    """What no build can go below: scan the calls' Parquet once and sum what was used by event."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set threads = 2")
    started = perf_counter()
    connection.execute(
        f"""select count(*), sum(quantity) from (
                select event_id, sum(usage.quantity) as quantity
                from (select event_id, unnest(usage) as usage from read_parquet('{lake}/calls-*.parquet'))
                group by event_id)"""
    ).fetchall()
    return {"seconds": perf_counter() - started}


def plain_polars(lake: Path) -> Figures:
    """The same sharing of the same bills as one would write it in polars: binary floats, one key, no audit trail."""
    started = perf_counter()
    events = shared_in_polars(lake)
    return {"seconds": perf_counter() - started, "cost": float(events["cost"].sum())}


def shared_in_polars(lake: Path) -> polars.DataFrame:
    """Event → cost: what bills tell of a key, model, meter and day, shared over the calls' usages by their quantities."""
    import polars

    key = ["api_key_id", "model", "meter", "day"]
    # One query, words that repeat as categories, the streaming engine: the quickest of the ways that were tried.
    usages = (
        polars.scan_parquet(f"{lake}/calls-*.parquet")
        .select(
            "event_id",
            polars.col("api_key_id", "model").cast(polars.Categorical),
            polars.col("ended_at").dt.date().alias("day"),
            "usage",
        )
        .explode("usage")
        .unnest("usage")
        .select(
            "event_id",
            "api_key_id",
            "model",
            polars.col("meter").cast(polars.Categorical),
            "day",
            polars.col("quantity").cast(polars.Float64),
        )
    )
    bills = polars.scan_parquet(f"{lake}/charges-*.parquet").select(
        polars.col("api_key_id", "model", "meter").cast(polars.Categorical),
        polars.col("charge_period_start").dt.date().alias("day"),
        polars.col("effective_cost").cast(polars.Float64),
    )
    rates = (
        bills.group_by(key)
        .agg(polars.col("effective_cost").sum())
        .join(usages.group_by(key).agg(polars.col("quantity").sum().alias("whole")), on=key)
        .select(*key, (polars.col("effective_cost") / polars.col("whole")).alias("rate"))
    )
    cost = polars.col("quantity") * polars.col("rate")
    shared = usages.join(rates, on=key).group_by("event_id").agg(cost.sum().alias("cost"))
    return shared.collect(engine="streaming")


def orjson(spans: Path) -> Figures:
    """A JSON reader over the same lines, which keeps nothing. CPU seconds: what a core does."""
    from orjson import loads

    started = process_time()
    with spans.open("rb") as lines:
        for line in lines:
            loads(line)
    return {"seconds": process_time() - started}


def copied(bill: Path) -> Figures:
    """DuckDB makes Parquet of the same file, every column as it finds it. CPU seconds, by one thread."""
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        started = process_time()
        connection.execute(f"copy (from '{bill}') to '{bill}.copy' (format parquet, compression zstd)")
        return {"seconds": process_time() - started}


def bare_dbt(home: Path, as_of: datetime) -> Figures:
    """A start of dbt that makes one small table of the project in a store that was built, whose parse is saved."""
    started = perf_counter()
    code = dbt.by_hand(
        ["--quiet", "run", "--select", "dim_features"],
        artefacts=home / "dbt",
        environment=Store(home).environment,
        as_of=as_of,
        variables=pipeline.variables(Settings()),
    )
    if code:
        raise RuntimeError(f"dbt ended with {code}")
    return {"seconds": perf_counter() - started}
