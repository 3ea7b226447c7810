"""Building a company from nothing, and after a day of it was told anew, by the steps that ``pipeline`` builds by."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter

from reconcilers.ingest import metering
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.warehouses import dbt
from reconcilers.warehouses.duckdb import Store
from tests.benchmarks import company
from tests.benchmarks.measuring import Figures, Row, at_least, at_most, bytes_of, measured, middle
from tests.benchmarks.yardsticks import floor, plain_polars

ENTITIES = ("calls", "charges", "outcomes", *metering.ENTITIES)
#: What is aimed at of a full build's time where it is calls that take it: times the floor, and times plain polars.
MANY, MODELS, AUDITS, POLARS = 10_000_000, 12, 1, 4
#: By calls, GB.
MEMORY = {10_000_000: 1.0, 100_000_000: 1.5}
#: Of a restated day, by days in the store: one such part of a full build.
RESTATED = {30: 20, 90: 60}


def write_company(lake: Path, calls: int, days: int) -> Figures:
    """The company's lake: how many calls, what making numbers of them took, and the bytes of its files."""
    started = perf_counter()
    written, seconds = company.write_lake(lake, calls, days)
    numbers = bytes_of(*(path for entity in metering.ENTITIES for path in lake.glob(f"{entity}-*.parquet")))
    return {
        "seconds": perf_counter() - started,
        "calls": written,
        "making_numbers": seconds,
        "numbers": numbers,
        "wide": bytes_of(lake) - numbers,
    }


def build(home: Path, *lakes: Path) -> Figures:
    """The real build: resolve calls, point the store at the lake's files, run dbt, whose record says what nodes took.

    A file of a later lake stands for the file of its name in an earlier one, as a newer landing does.
    """
    store = Store(home)
    store.folder.mkdir(parents=True, exist_ok=True)
    named = {path.name: path for lake in lakes for path in sorted(lake.iterdir())}
    files = {entity: [path for name, path in named.items() if name.startswith(f"{entity}-")] for entity in ENTITIES}
    started = perf_counter()
    names = Knowledge(model_name=lambda provider, name: name, is_mapped=lambda provider: True)
    for entity, paths in resolve(files["calls"], home / "lake", names, "").items():
        files[entity] = files.get(entity, []) + paths
    resolution = perf_counter() - started
    store.load(files, company.reference_tables(), company.knowledge())
    # A month after its last day every bill is final, so nothing is accrued.
    over = datetime.combine(company.START + timedelta(days=len(files["calls"]) + 31), time())
    dbt.build(artefacts=home / "dbt", environment=store.environment, as_of=over, variables={})
    seconds = perf_counter() - started
    results = json.loads((home / "dbt" / "run_results.json").read_text())["results"]
    nodes = {result["unique_id"]: float(result["execution_time"]) for result in results}
    models = {name.removeprefix("model.reconcile."): took for name, took in nodes.items() if name.startswith("model.")}
    return {
        "seconds": seconds,
        "models": resolution + sum(models.values()),
        "audits": sum(took for name, took in nodes.items() if name.startswith("test.")),
        "by_model": {"resolution": resolution, **models},
        "stored": bytes_of(store.folder),
        "keys": bytes_of(home / "lake"),
    }


def restate(lake: Path, restated: Path, day: date) -> Figures:
    """One day told anew: a call is gone from its telemetry and a line of its bill is a hundredth of a dollar dearer."""
    import duckdb

    started = perf_counter()
    restated.mkdir()
    calls = f"read_parquet('{lake}/calls-{day}.parquet')"
    kept = f"select * from {calls} where landing_row <> (select count(*) // 2 from {calls})"
    dearer = ", ".join(
        f"case when landing_line = 1 then cast({column} + cast('0.01' as decimal(38, 9)) as {kind})"
        f" else {column}{text} end as {column}{text}"
        for column in ("billed_cost", "effective_cost")
        for text, kind in (("", "decimal(38, 9)"), ("_text", "varchar"))
    )
    bill = f"select * replace ({dearer}) from read_parquet('{lake}/charges-{day}.parquet')"
    for entity, sql in (("calls", kept), ("charges", bill)):
        duckdb.sql(f"copy ({sql}) to '{restated}/{entity}-{day}.parquet' (format parquet, compression zstd)")
    company.write_metered(restated / f"calls-{day}.parquet")
    return {"seconds": perf_counter() - started}


def rows(work: Path, calls: int, days: int, repeats: int, polars: bool) -> Iterator[Row | str]:
    """The rows of one company, and what each part of a full build took as lines of text.

    Every build stands between two floors; a full one is of a home of its own, and each restated day is another one.
    """
    lake, home = work / "lake", work / "home"
    told = measured(write_company, lake, calls, days)
    floors, plain, full, again, lakes = [], [], [], [], [lake]
    for _ in range(repeats):
        shutil.rmtree(home, ignore_errors=True)
        floors.append(measured(floor, lake))
        plain += [measured(plain_polars, lake)] if polars else []
        full.append(measured(build, home, lake))
    for number in range(repeats):
        lakes.append(work / f"restated-{number}")
        measured(restate, lake, lakes[-1], company.START + timedelta(days=(days // 2 + number) % days))
        floors.append(measured(floor, lake))
        again.append(measured(build, home, *lakes))
    floors.append(measured(floor, lake))
    least, built = middle(floors), middle(full)
    yield Row(f"{told['calls']:,} calls in {days} days")
    yield Row("  floor: scan, sum by event", f"{least['seconds']:.2f} s", runs=len(floors), peak=least["peak"])
    yield from _full_rows(calls, built, least["seconds"], repeats)
    if plain:
        yardstick, ratio = middle(plain), built["models"] / middle(plain)["seconds"]
        yield Row("  the same sharing in polars", f"{yardstick['seconds']:.2f} s", runs=repeats, peak=yardstick["peak"])
        goal = at_most(POLARS, ratio) if calls >= MANY else None
        yield Row("    full build, models", "", f"{ratio:.1f}× polars", goal, repeats)
    yield from _restated_rows(built, middle(again), RESTATED.get(days), repeats)
    yield from _written_rows(told, built)
    yield Row("  all files of it on disk", f"{bytes_of(work) / 1e9:.1f} GB", runs=1)
    yield f"{told['calls']:,} calls in {days} days, a full build, seconds of models (times the floor): folders, models"
    yield longest(by_folder(built["by_model"]), least["seconds"])
    yield longest(built["by_model"], least["seconds"])


def _full_rows(calls: int, built: Figures, floor_seconds: float, repeats: int) -> Iterator[Row]:
    for part, most in (("models", MODELS), ("audits", AUDITS)):
        ratio = built[part] / floor_seconds
        goal = at_most(most, ratio) if calls >= MANY else None
        yield Row(f"  full build, {part}", f"{built[part]:.1f} s", f"{ratio:.1f}× floor", goal, repeats)
    rest = built["seconds"] - built["models"] - built["audits"]
    yield Row("    dbt's start and the rest", f"{rest:.1f} s", runs=repeats)
    goal = at_most(MEMORY[calls], built["peak"], "≤ {:g} GB") if calls in MEMORY else None
    yield Row("    most memory of it", f"{built['peak']:.2f} GB", "", goal, repeats, built["peak"])


def _restated_rows(built: Figures, again: Figures, part: int | None, repeats: int) -> Iterator[Row]:
    yield Row("  one day restated, models", f"{again['models']:.1f} s", runs=repeats, peak=again["peak"])
    yield Row("    its audits", f"{again['audits']:.1f} s", runs=repeats)
    audited, whole = again["models"] + again["audits"], built["models"] + built["audits"]
    goal = at_least(part, whole / audited, "≤ 1/{:g}") if part else None
    yield Row("    both", f"{audited:.1f} s", f"1/{whole / audited:.1f} of the full build", goal, repeats)
    ratio = f"1/{built['seconds'] / again['seconds']:.1f} of all of it"
    yield Row("    all of it, with dbt's start", f"{again['seconds']:.1f} s", ratio, None, repeats)


def _written_rows(told: Figures, built: Figures) -> Iterator[Row]:
    calls = told["calls"]

    def a_million(size: int) -> str:
        return f"{size / calls:.0f} MB a million"

    took = f"{told['making_numbers'] / calls * 1e6:.1f} µs a call"
    goal = at_most(3, told["making_numbers"] / calls * 1e6, "≤ {:g} µs")
    yield Row("  calls as numbers, once a file", f"{told['making_numbers']:.1f} s", took, goal, 1)
    yield Row("  lake: wide rows", a_million(told["wide"]), runs=1)
    yield Row("    the same as numbers", a_million(told["numbers"]), runs=1)
    yield Row("    keys of resolution", a_million(built["keys"]), runs=1)
    ratio = built["stored"] / (told["wide"] + told["numbers"])
    yield Row("  written by a full build", a_million(built["stored"]), f"{ratio:.2f}× lake", at_most(2, ratio), 1)


def by_folder(models: Mapping[str, float]) -> dict[str, float]:
    """Folder of the dbt project → seconds of the models in it; what is in none stands under its own name."""
    folder_of = {path.stem: path.parent.name for path in (dbt.PROJECT / "models").rglob("*.sql")}
    folders: dict[str, float] = {}
    for model, seconds in models.items():
        folder = folder_of.get(model, model)
        folders[folder] = folders.get(folder, 0) + seconds
    return folders


def longest(seconds: Mapping[str, float], floor_seconds: float, many: int = 12) -> str:
    """So many that took longest, as lines of text."""
    slowest = sorted(seconds.items(), key=lambda named: -named[1])[:many]
    told = ", ".join(f"{name} {took:.1f} ({took / floor_seconds:.1f}×)" for name, took in slowest)
    return textwrap.fill(told, 118, initial_indent="  ", subsequent_indent="  ")
