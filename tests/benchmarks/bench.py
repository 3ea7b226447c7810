"""The benchmark behind ``make bench``: ratios between the real job and yardsticks measured in the same run.

Ingest is ``Source.fetch`` and ``Lake.ensure_fresh`` of the ``otlp`` source; the build is ``Store.load`` and ``dbt.build``, as
``pipeline`` calls them. Every measurement is a process of its own, so that its peak memory is its own. Seconds are
this machine's; the ratios are what the project promises.

    python -m tests.benchmarks.bench --calls 1000000 10000000 --days 30
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from reconcilers import pipeline
from reconcilers.declared.settings import Settings
from reconcilers.ingest import metering
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from tests.benchmarks import company

ENTITIES = ("calls", "charges", "outcomes", *metering.ENTITIES)
#: The day after the last bill is final, so that nothing is accrued.
AS_OF = datetime(2026, 11, 1)
REPEATS = 3
Figures = dict[str, Any]


# Ingest --------------------------------------------------------------------------------------------------------------


def write_spans(path: Path, megabytes: int) -> int:
    """OTLP/JSON lines of one span of about 2 KB each, as a Collector writes an agent's calls. Returns the spans."""
    spans = 0
    with path.open("wb") as out:
        while out.tell() < megabytes * 1_000_000:
            out.write(json.dumps(_message(spans), separators=(",", ":")).encode() + b"\n")
            spans += 1
    return spans


def _message(number: int) -> Figures:
    end = int(datetime(2026, 9, 1, 8, tzinfo=UTC).timestamp()) * 10**9 + number * 10**6
    texts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini-2026-08-07",
        "gen_ai.response.id": f"chatcmpl-{number:024d}",
        "gen_ai.conversation.id": f"conversation-{number // 10}",
        "gen_ai.agent.name": "triage",
        "event_id": f"event-{number // 10}",
        "run_id": f"run-{number // 5}",
        "tenant.id": f"tenant-{number % 50}",
        "feature.id": f"feature-{number % 5}",
        "deployment.environment.name": "production",
        "server.address": "api.openai.com",
        "openai.response.service_tier": "default",
        "prompt.version": "2026-08-30",
        "app.note": "lorem ipsum dolor sit amet " * 10,
    }
    counts = {
        "gen_ai.usage.input_tokens": 500 + number % 4000,
        "gen_ai.usage.cache_read.input_tokens": number % 400,
        "gen_ai.usage.output_tokens": 20 + number % 900,
        "server.port": 443,
    }
    resource_texts = {
        "service.name": "support-agent",
        "service.version": "4.11.0",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": "1.40.0",
        "host.name": f"worker-{number % 7}",
    }
    span = {
        "traceId": f"{number // 10:032x}",
        "spanId": f"{number + 1:016x}",
        "parentSpanId": "",
        "name": "chat gpt-5-mini",
        "kind": 3,
        "startTimeUnixNano": str(end - 2 * 10**9),
        "endTimeUnixNano": str(end),
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
        + [{"key": key, "value": {"intValue": str(count)}} for key, count in counts.items()],
        "status": {"code": 1},
    }
    scope = {"name": "opentelemetry.instrumentation.openai_v2", "version": "2.3b0"}
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in resource_texts.items()]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"scope": scope, "spans": [span]}]},
        ]
    }


def ingest(folder: Path, spans: Path) -> Figures:
    """The real ingest of one file: land its bytes, then write its lake rows. In CPU seconds, of all threads."""
    config = {"name": "traces", "kind": "otlp", "uri": str(spans.parent), "pattern": spans.name}
    source = registry.load("telemetry", config)
    landing, lake = Landing(folder / "landing"), Lake(folder / "lake")
    _start_reader(folder / "start", spans)
    started = process_time()
    pull = landing.pull(source.name, source.kind, spans.name)
    source.fetch(spans.name, pull)
    landed_at = process_time()
    content = lake.ensure_fresh(source, landing.prepare(pull, AS_OF))
    ended = process_time()
    return {"seconds": ended - started, "normalise": ended - landed_at, "rows": content.rows["calls"]}


def _start_reader(folder: Path, spans: Path) -> None:
    """A few lines first, so that imports and the compiler's start, once a process, are not the reader's speed."""
    folder.mkdir(parents=True)
    with spans.open("rb") as lines:
        (folder / "few.jsonl").write_bytes(lines.read(3_000_000).rpartition(b"\n")[0] + b"\n")
    source = registry.load("telemetry", {"name": "traces", "kind": "otlp", "uri": str(folder), "pattern": "few.jsonl"})
    landing = Landing(folder / "landing")
    pull = landing.pull(source.name, source.kind, "few.jsonl")
    source.fetch("few.jsonl", pull)
    Lake(folder / "lake").ensure(source, landing.commit(pull, AS_OF)[0])


def land_files(home: Path, folder: Path, cores: int) -> Figures:
    """The real landing of a folder of files, as the nightly job does it, by a process that has so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    _start_reader(home / "start", next(folder.iterdir()))
    telemetry = [{"name": "traces", "kind": "otlp", "uri": str(folder)}]
    settings = Settings.model_validate({"home": home, "telemetry": telemetry})
    started = perf_counter()
    report = pipeline.land(settings, "traces", Period.of_day(company.START), AS_OF)
    assert not report.failures, report.failures
    return {"seconds": perf_counter() - started, "rows": report.rows["calls"]}


def decode(spans: Path, parse: Callable[[bytes], Any]) -> Figures:
    """A JSON reader over the same lines, which keeps nothing. CPU seconds, as of ``ingest``: what a core does."""
    started = process_time()
    with spans.open("rb") as lines:
        for line in lines:
            parse(line)
    return {"seconds": process_time() - started}


# Allocation ----------------------------------------------------------------------------------------------------------


def floor(lake: Path) -> Figures:
    """What no job can go below: scan the same Parquet once and sum what was used by event."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set threads = 2")
    started = perf_counter()
    connection.execute(
        f"""select count(*), sum(quantity) from (
                select event_id, sum(usage.quantity) as quantity
                from (select event_id, unnest(usage) as usage from read_parquet('{lake}/calls-*.parquet')) group by event_id)"""
    ).fetchall()
    return {"seconds": perf_counter() - started}


def plain_polars(lake: Path) -> Figures:
    """The allocation as one would write it in polars: floats, one key, no audit trail."""
    import polars

    key = ["api_key_id", "model", "meter", "day"]
    started = perf_counter()
    usages = (
        polars.scan_parquet(f"{lake}/calls-*.parquet")
        .select("event_id", "api_key_id", "model", polars.col("ended_at").dt.date().alias("day"), "usage")
        .explode("usage")
        .with_columns(
            polars.col("usage").struct.field("meter"),
            polars.col("usage").struct.field("quantity").cast(polars.Float64),
        )
        .drop("usage")
    )
    bills = polars.scan_parquet(f"{lake}/charges-*.parquet").select(
        "api_key_id",
        "model",
        "meter",
        polars.col("charge_period_start").dt.date().alias("day"),
        polars.col("effective_cost").cast(polars.Float64),
    )
    rates = (
        usages.group_by(key)
        .agg(polars.col("quantity").sum().alias("whole"))
        .join(bills.group_by(key).agg(polars.col("effective_cost").sum()), on=key)
    )
    cost = polars.col("quantity") * polars.col("effective_cost") / polars.col("whole")
    events = usages.join(rates, on=key).group_by("event_id").agg(cost.sum().alias("cost")).collect()
    return {"seconds": perf_counter() - started, "cost": float(events["cost"].sum())}


def plain_pandas(lake: Path) -> Figures:
    """The allocation as one would write it in pandas; Arrow unpacks the lists, which pandas cannot."""
    import pandas
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    key = ["api_key_id", "model", "meter", "day"]
    started = perf_counter()
    calls = pa.concat_tables(
        pq.read_table(path, columns=["event_id", "api_key_id", "model", "ended_at", "usage"])
        for path in sorted(lake.glob("calls-*.parquet"))
    )
    elements = calls["usage"].combine_chunks()
    parents, values = pc.list_parent_indices(elements), pc.list_flatten(elements)
    frame = calls.select(["event_id", "api_key_id", "model", "ended_at"]).to_pandas()
    usages = frame.take(parents.to_numpy()).reset_index(drop=True)
    usages["meter"] = values.field("meter").to_pandas()
    usages["quantity"] = values.field("quantity").cast(pa.float64()).to_numpy()
    usages["day"] = usages.pop("ended_at").dt.floor("D")
    bills = pandas.concat(
        pandas.read_parquet(path, columns=["api_key_id", "model", "meter", "charge_period_start", "effective_cost"])
        for path in sorted(lake.glob("charges-*.parquet"))
    )
    bills["effective_cost"] = bills["effective_cost"].astype(float)
    bills["day"] = bills.pop("charge_period_start").dt.floor("D")
    rates = usages.groupby(key, as_index=False)["quantity"].sum().rename(columns={"quantity": "whole"})
    rates = rates.merge(bills.groupby(key, as_index=False)["effective_cost"].sum(), on=key)
    shared = usages.merge(rates, on=key)
    shared["cost"] = shared["quantity"] * shared["effective_cost"] / shared["whole"]
    events = shared.groupby("event_id")["cost"].sum()
    return {"seconds": perf_counter() - started, "cost": float(events.sum())}


def build(home: Path, *lakes: Path) -> Figures:
    """The real build: resolve calls, point the store at the lake's files and run dbt, whose own record says what each node took.

    A file of a later lake stands for the file of its name in an earlier one, as a newer landing does.
    """
    store = Store(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    named = {path.name: path for lake in lakes for path in sorted(lake.iterdir())}
    files = {entity: [path for name, path in named.items() if name.startswith(f"{entity}-")] for entity in ENTITIES}
    started = perf_counter()
    told = Knowledge(model_name=lambda provider, name: name, is_mapped=lambda provider: True)
    for entity, paths in resolve(files["calls"], home / "lake", told, "").items():
        files[entity] = files.get(entity, []) + paths
    resolution = perf_counter() - started
    store.load(files, company.reference_tables(), company.knowledge())
    dbt.build(
        artefacts=home / "dbt",
        environment=store.environment,
        as_of=AS_OF,
        variables={},
    )
    seconds = perf_counter() - started
    results = json.loads((home / "dbt" / "run_results.json").read_text())["results"]
    nodes = {result["unique_id"]: float(result["execution_time"]) for result in results}
    models = {name.removeprefix("model.reconcile."): took for name, took in nodes.items() if name.startswith("model.")}
    return {
        "seconds": seconds,
        "resolution": resolution,
        "models": resolution + sum(models.values()),
        "tests": sum(took for name, took in nodes.items() if name.startswith("test.")),
        "slowest": sorted([(resolution, "resolution"), *((took, name) for name, took in models.items())], reverse=True)[
            :12
        ],
    }


def narrow(lake: Path, folder: Path) -> Figures:
    """What reading a landed file adds for builds to come: its calls once more as numbers, with their words (``ingest/metering.py``)."""
    folder.mkdir()
    seconds, calls = 0.0, 0
    for path in sorted(lake.glob("calls-*.parquet")):
        table = company.read_calls(path)
        started = perf_counter()
        company.write_metered(table, folder / path.name)
        seconds += perf_counter() - started
        calls += table.num_rows
    return {"seconds": seconds, "calls": calls}


def restate(lake: Path, restated: Path, day: date) -> None:
    """One day told anew: a call is gone from its telemetry and a line of its bill is a hundredth of a dollar dearer."""
    import duckdb

    restated.mkdir()
    kept = f"select * from read_parquet('{lake}/calls-{day}.parquet') qualify 2 * row_number() over (order by landing_line) not in (count(*) over (), count(*) over () - 1)"
    dearer = ", ".join(
        f"case when landing_line = 1 then cast({column} + cast('0.01' as decimal(38, 9)) as {kind}) else {column}{text} end as {column}{text}"
        for column in ("billed_cost", "effective_cost")
        for text, kind in (("", "decimal(38, 9)"), ("_text", "varchar"))
    )
    bill = f"select * replace ({dearer}) from read_parquet('{lake}/charges-{day}.parquet')"
    for entity, sql in (("calls", kept), ("charges", bill)):
        duckdb.sql(f"copy ({sql}) to '{restated}/{entity}-{day}.parquet' (format parquet, compression zstd)")
    path = restated / f"calls-{day}.parquet"
    company.write_metered(company.read_calls(path), path)


# Processes and the table ---------------------------------------------------------------------------------------------


def _orjson(spans: Path) -> Figures:
    import orjson

    return decode(spans, orjson.loads)


def _simdjson(spans: Path) -> Figures:
    import simdjson

    return decode(spans, simdjson.Parser().parse)


JOBS: dict[str, Callable[..., Figures]] = {
    "ingest": lambda folder, spans: ingest(Path(folder), Path(spans)),
    "land_files": lambda home, folder, cores: land_files(Path(home), Path(folder), int(cores)),
    "orjson": lambda spans: _orjson(Path(spans)),
    "simdjson": lambda spans: _simdjson(Path(spans)),
    "floor": lambda lake: floor(Path(lake)),
    "polars": lambda lake: plain_polars(Path(lake)),
    "pandas": lambda lake: plain_pandas(Path(lake)),
    "narrow": lambda lake, folder: narrow(Path(lake), Path(folder)),
    "build": lambda home, *lakes: build(Path(home), *map(Path, lakes)),
}


def measured(job: str, *arguments: str | Path) -> Figures:
    """One job in a process of its own; ``peak`` is the most memory it or a process below it held, in GB."""
    command = [sys.executable, "-m", "tests.benchmarks.bench", "--job", job, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"failed": f"exit code {done.returncode}"}
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _run_job(job: str, arguments: list[str]) -> None:
    figures = JOBS[job](*arguments)
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(figures | {"peak": max(peaks) / 1e6}))


def bench_ingest(folder: Path, megabytes: int) -> list[tuple[str, ...]]:
    spans = folder / "spans" / "traces.jsonl"
    spans.parent.mkdir()
    write_spans(spans, megabytes)
    size = spans.stat().st_size / 1e6
    runs: dict[str, list[Figures]] = {"ingest": [], "orjson": [], "simdjson": []}
    # Taken in turns, so that a busy neighbour slows all three.
    for number in range(REPEATS):
        runs["ingest"].append(measured("ingest", folder / f"ingest-{number}", spans))
        runs["orjson"].append(measured("orjson", spans))
        runs["simdjson"].append(measured("simdjson", spans))
    if any("failed" in run for run in runs["ingest"]):
        return [("ingest of OTLP/JSON lines", "failed", "", "", "")]
    took = {name: median(run["seconds"] for run in each) for name, each in runs.items()}
    normalise = median(run["normalise"] for run in runs["ingest"])
    peak = max(run["peak"] for run in runs["ingest"])
    rows: list[tuple[str, ...]] = []
    for name, seconds, target in (
        ("ingest a core: land and normalise", took["ingest"], "≥ 0.8×"),
        ("  of it normalise", normalise, "≥ 1×"),
    ):
        rows.append(
            (
                name,
                f"{size / seconds:.0f} MB/s",
                f"{took['orjson'] / seconds:.2f}× orjson decode",
                target,
                f"{peak:.2f}",
            )
        )
        rows.append(("", "", f"{took['simdjson'] / seconds:.3f}× simdjson parse", "", ""))
    for name in ("orjson", "simdjson"):
        rows.append((f"{name} over the same bytes", f"{size / took[name]:.0f} MB/s", "", "", ""))
    return [*rows, *_bench_cores(folder, spans)]


def _bench_cores(folder: Path, spans: Path) -> list[tuple[str, ...]]:
    """Four files, together as large as the one, landed by one core and by all, in turns."""
    files = folder / "files"
    files.mkdir()
    write_spans(files / "traces-0.jsonl", max(spans.stat().st_size // 4_000_000, 1))
    for number in range(1, 4):
        os.link(files / "traces-0.jsonl", files / f"traces-{number}.jsonl")
    cores = len(os.sched_getaffinity(0))
    runs: dict[int, list[Figures]] = {1: [], cores: []}
    for number in range(REPEATS):
        for count, done in runs.items():
            done.append(measured("land_files", folder / f"landed-{number}-{count}", files, str(count)))
    if cores == 1 or any("failed" in run for done in runs.values() for run in done):
        return [("four files by all cores", "not measured", "", "", "")]
    one, all_ = (median(run["seconds"] for run in runs[count]) for count in (1, cores))
    size = sum(path.stat().st_size for path in files.iterdir()) / 1e6
    peak = max(run["peak"] for run in runs[cores])
    return [
        (
            f"four files by {cores} cores",
            f"{size / all_:.0f} MB/s",
            f"{one / all_:.2f}× one core",
            "≥ 1.8×" if cores == 2 else "",
            f"{peak:.2f}",
        )
    ]


def bench_build(folder: Path, calls: int, days: int, plain: bool) -> list[tuple[str, ...]]:
    lake, restated = folder / f"lake-{calls}", folder / f"restated-{calls}"
    company.write_lake(lake, calls, days)
    restate(lake, restated, company.START + timedelta(days=days // 2))
    home = folder / f"home-{calls}"
    narrowed = measured("narrow", lake, folder / f"narrow-{calls}")
    floors = [measured("floor", lake)]
    full = measured("build", home, lake)
    floors.append(measured("floor", lake))
    again = measured("build", home, lake, restated)
    floors.append(measured("floor", lake))
    floor_seconds = median(run["seconds"] for run in floors)
    rows: list[tuple[str, ...]] = [
        (f"{calls:,} calls: floor", f"{floor_seconds:.2f} s", "", "", f"{max(run['peak'] for run in floors):.2f}")
    ]
    if "failed" in full or "failed" in again or "failed" in narrowed:
        return [*rows, ("  build", "failed", "", "", "")]
    a_call = f"{narrowed['seconds'] / narrowed['calls'] * 1e6:.1f} µs a call"
    rows += [
        ("  calls as numbers, once a file", f"{narrowed['seconds']:.1f} s", a_call, "≤ 3 µs", f"{narrowed['peak']:.2f}")
    ]
    rows += [
        (
            "  full build, models",
            f"{full['models']:.1f} s",
            f"{full['models'] / floor_seconds:.1f}× floor",
            "≤ 20×",
            f"{full['peak']:.2f}",
        ),
        ("  its tests", f"{full['tests']:.1f} s", f"{full['tests'] / floor_seconds:.1f}× floor", "", ""),
        ("  dbt's start and the rest", f"{full['seconds'] - full['models'] - full['tests']:.1f} s", "", "", ""),
        (
            "  one day restated, models",
            f"{again['models']:.1f} s",
            f"1/{full['models'] / again['models']:.1f} of full",
            "≤ 1/15",
            f"{again['peak']:.2f}",
        ),
        ("  its tests", f"{again['tests']:.1f} s", f"{again['tests'] / floor_seconds:.1f}× floor", "", ""),
        (
            "  all of it",
            f"{again['seconds']:.1f} s",
            f"1/{full['seconds'] / again['seconds']:.1f} of all of the full build",
            "≤ 1/5",
            "",
        ),
    ]
    for name in ("polars", "pandas") if plain else ():
        run = measured(name, lake)
        if "failed" in run:
            rows.append((f"  plain {name}", run["failed"], "", "", ""))
        else:
            ratio = f"build is {full['models'] / run['seconds']:.1f}× {name}"
            rows.append((f"  plain {name}", f"{run['seconds']:.1f} s", ratio, "", f"{run['peak']:.2f}"))
    for took, name in full["slowest"]:
        rows.append((f"    {name}", f"{took:.1f} s", f"{took / floor_seconds:.1f}× floor", "", ""))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="*", default=[1_000_000, 10_000_000], help="calls of each company")
    parser.add_argument("--days", type=int, default=30, help="days in the store")
    parser.add_argument("--megabytes", type=int, default=200, help="OTLP/JSON to ingest; 0 leaves it out")
    parser.add_argument("--no-plain", action="store_true", help="leave out pandas and polars")
    parser.add_argument("--job", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        _run_job(arguments.job[0], arguments.job[1:])
        return

    from rich.console import Console
    from rich.table import Table

    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        if arguments.megabytes:
            rows += bench_ingest(Path(work), arguments.megabytes)
        for calls in arguments.calls:
            rows += bench_build(Path(work), calls, arguments.days, not arguments.no_plain)
    table = Table("what", "took", "ratio", "goal", "peak GB", box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
