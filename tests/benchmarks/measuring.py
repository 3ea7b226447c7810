"""A measurement is a process of its own, so that its memory is its own; what is said of it is a row of one table."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

#: What a job found, by name: a number, or such figures again. ``peak`` is GB of memory, ``seconds`` how long it took.
Figures = dict[str, Any]


class Failed(Exception):
    """A job that is measured ended without figures."""


class Goal(NamedTuple):
    """What a figure is to be, and whether it is."""

    text: str
    reached: bool


class Row(NamedTuple):
    """A line of the table. ``runs`` is how many measurements the figure is the median of; a peak is their most."""

    what: str
    figure: str = ""
    ratio: str = ""
    goal: Goal | None = None
    runs: int | None = None
    peak: float | None = None


def at_most(most: float, figure: float, text: str = "≤ {:g}×") -> Goal:
    return Goal(text.format(most), figure <= most)


def at_least(least: float, figure: float, text: str = "≥ {:g}×") -> Goal:
    return Goal(text.format(least), figure >= least)


def measured(job: Callable[..., Figures], *arguments: Any) -> Figures:
    """What a function of a module finds, in a process of its own, with the most memory that one or one below it held.

    Raises ``Failed`` where it ends otherwise.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        try:
            found = alone.submit(_with_peak, job, arguments).result()
        except BrokenProcessPool:
            raise Failed(f"{job.__name__} was killed") from None
    if "failed" in found:
        raise Failed(f"{job.__name__}: {found['failed']}")
    print(f"  {job.__name__}: {found.get('seconds', 0):.1f} s, {found['peak']:.2f} GB", file=sys.stderr, flush=True)
    return found


def _with_peak(job: Callable[..., Figures], arguments: Sequence[Any]) -> Figures:
    try:
        found = job(*arguments)
    # Not every error can be sent from one process to another.
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    return found | {"peak": max(_own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1e6}


def _own_peak() -> int:
    """KB. ``getrusage`` would begin with what the process that started this one held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def middle(runs: Sequence[Figures]) -> Figures:
    """Each figure's median over runs of one job; of ``peak`` the most."""
    return {name: _middle(name, [run[name] for run in runs]) for name in runs[0]}


def _middle(name: str, figures: list[Any]) -> Any:
    if isinstance(figures[0], dict):
        return middle(figures)
    return max(figures) if name == "peak" else median(figures)


def bytes_of(*paths: Path) -> int:
    """Of files, and of folders with all that is in them."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
