"""The finance guide: its questions, and what a published version answers to each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb

GUIDE = (Path(__file__).parents[2] / "docs" / "finance-guide.md").read_text()
QUERIES = {int(number): sql for number, sql in re.findall(r"### (\d+)\. [^\n]+\n.*?```sql\n(.*?)```", GUIDE, re.DOTALL)}


def answer(published: duckdb.DuckDBPyConnection, question: int) -> list[dict[str, Any]]:
    """Rows of the guide's query for a question, by the names of its columns."""
    cursor = published.execute(QUERIES[question])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
