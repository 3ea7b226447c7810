"""docs/sources.md has every kind of source: what it reads, and what of it was seen on real files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconcilers.sources import registry

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
READS, SEEN = PAGE.split("## What was seen on real files", 1)


@pytest.mark.parametrize(("room", "kind"), [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)])
def test_every_kind_is_on_the_page(room: str, kind: str) -> None:
    rows = re.findall(rf"^\| [^|]*`{kind}`[^|]* \|.*", READS, re.MULTILINE)
    assert len(rows) == 1
    final = registry.source_class(room, kind).finality_days
    assert room != "billing" or rows[0].endswith(f"| {final} days |")
    assert re.search(rf"^\| [^|]*`{kind}`", SEEN, re.MULTILINE)
