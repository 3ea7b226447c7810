"""docs/coverage.md: what each of its lines says an answer is seen by, and whether it is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[2]
#: What is asked, and how the answer is seen, of every line of a table.
LINES = re.findall(r"^\| (?!asked|---)(.+?) \| .+? \| `(.+)` \|$", (ROOT / "docs" / "coverage.md").read_text(), re.M)
KINDS = {row["kind"] for row in csv.DictReader((ROOT / "dbt_project" / "seeds" / "alert_kinds.csv").open())}


def unanswered(published: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What is asked and not answered: a query without rows."""
    for asked, seen_by in LINES:
        if seen_by.startswith("select ") and published.execute(seen_by).fetchone() is None:
            yield asked
