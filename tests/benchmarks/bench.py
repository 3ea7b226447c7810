"""The benchmark behind ``make bench``: ratios between the real job and yardsticks, measured in turns in the same run.

Seconds are this machine's; the ratios are what the project promises. Each section is a module: what is measured, then
the rows it makes of that. 100 million calls want 20 GB of disk (where: TMPDIR) and are run by hand:

    make bench
    make bench ARGS="--only builds --calls 1000000 --history 0"
    make bench ARGS="--only bills --megabytes 2000 --repeats 1"
    make bench ARGS="--only builds --calls 100000000 --history 0 --repeats 1"
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks import bills, builds, ingest, nights
from tests.benchmarks.measuring import Failed, Row

#: From a folder to work in to the rows; text stands below the table.
Section = Callable[[Path], Iterator[Row | str]]
SECTIONS = ["ingest", "bills", "nights", "builds"]


def sections(arguments: argparse.Namespace) -> list[Section]:
    """What was asked for, in the order it is measured."""
    asked: list[Section] = []
    repeats, days = arguments.repeats, arguments.days
    if "ingest" in arguments.only:
        asked.append(partial(ingest.rows, megabytes=arguments.megabytes, repeats=repeats))
    if "bills" in arguments.only:
        asked.append(partial(bills.rows, megabytes=arguments.megabytes, repeats=repeats))
    if "nights" in arguments.only:
        asked.append(partial(nights.rows, repeats=repeats))
    if "builds" in arguments.only:
        companies = [(calls, days) for calls in arguments.calls]
        if arguments.history:
            companies.insert(1, (companies[0][0] // days * arguments.history, arguments.history))
        polars = not arguments.no_polars
        asked += [partial(builds.rows, calls=of, days=over, repeats=repeats, polars=polars) for of, over in companies]
    return asked


def machine() -> str:
    """What the figures are of."""
    cores, memory = len(os.sched_getaffinity(0)), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{cores} cores ({_processor()}), {memory / 2**30:.0f} GiB, Python {platform.python_version()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def print_table(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "figure", "ratio", "goal", "reached", box=None, header_style="bold")
    table.add_column("runs", justify="right")
    table.add_column("peak GB", justify="right")
    for row in rows:
        goal, reached = (row.goal.text, "yes" if row.goal.reached else "no") if row.goal else ("", "")
        peak = "" if row.peak is None else f"{row.peak:.2f}"
        table.add_row(row.what, row.figure, row.ratio, goal, reached, f"{row.runs or ''}", peak)
    Console(width=120).print(table)


def main() -> int:
    """Print the table. Returns 1 where something could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="sections; else all")
    parser.add_argument("--calls", type=int, nargs="+", default=[1_000_000, 10_000_000], help="calls of each company")
    parser.add_argument("--days", type=int, default=30, help="days in each store")
    parser.add_argument(
        "--history",
        type=int,
        default=90,
        help="the first company again, with the same calls a day, over so many days; 0 leaves it out",
    )
    parser.add_argument("--megabytes", type=int, default=200, help="of traces, and of a bill as CSV")
    parser.add_argument("--repeats", type=int, default=3, help="measurements that a median is of")
    parser.add_argument("--no-polars", action="store_true", help="leave out plain polars")
    arguments = parser.parse_args()
    arguments.only = arguments.only or SECTIONS
    rows: list[Row] = []
    below: list[str] = []
    failures: list[str] = []
    for section in sections(arguments):
        with tempfile.TemporaryDirectory(prefix="bench-") as work:
            try:
                for found in section(Path(work)):
                    rows += [found] if isinstance(found, Row) else []
                    below += [found] if isinstance(found, str) else []
            except Failed as failure:
                failures.append(f"not measured: {failure}")
    print(machine())
    print_table(rows)
    print(*below, *failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
