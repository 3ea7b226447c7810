"""Tellings as rows of the lake, written by what they say; nothing of ours is replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.ingest.lake import schema
from reconcilers.ingest.resolution.resolved import resolved
from reconcilers.ingest.resolution.tellings import Knowledge

NOON = datetime(2026, 9, 3, 12)
TRACE = "0af7651916cd43dd8448eb211c80319c"
Row = dict[str, Any]
#: What a test says of a telling → the meter it counts in.
METERS = {
    "input": "input_tokens",
    "cached": "cache_read_input_tokens",
    "written": "cache_write_input_tokens",
    "output": "output_tokens",
}
KNOWLEDGE = Knowledge(lambda provider, name: name.removesuffix("-2026-01-01"), lambda provider: provider == "openai")


def telling(span: str | None = None, parent: str | None = None, trace: str = TRACE, **said: Any) -> Row:
    """A row of ``calls``. ``input``, ``cached``, ``written``, ``output`` are counts; ``at`` and ``began`` seconds from noon; the
    rest are columns of the lake."""
    counts = {name: said.pop(name) for name in METERS if name in said}
    ended = NOON + timedelta(seconds=said.pop("at", 0))
    began = NOON + timedelta(seconds=said.pop("began")) if "began" in said else ended
    inputs = [count for name, count in counts.items() if name != "output"]
    said.setdefault("span_kind", "model")
    row = dict.fromkeys(schema("calls").names) | {
        "source": "traces",
        "landing_id": "landing",
        "landing_line": 1,
        "landing_row": 0,
        "dialect": "otel_genai",
        "record_id": f"{trace}|{span}",
        "trace_id": trace if span else None,
        "span_id": span,
        "parent_span_id": parent,
        "scope_name": "sdk",
        "provider": "openai",
        "operation": "chat",
        "model": "m",
        "billable": said["span_kind"] == "model" or bool(counts),
        "answered_from_cache": False,
        "started_at": began,
        "ended_at": ended,
        "usage_source": "provider" if counts else "missing",
        "meters_told": len(counts),
        "input_total": sum(inputs) if inputs else None,
        "output_total": counts.get("output"),
        "cached_total": counts.get("cached"),
        "tells_cache": "cached" in counts,
        "cache_exceeds_input": False,
        "usage_inconsistent": False,
        "usage": [
            {"meter": METERS[name], "modality": None, "cache_ttl": None, "quantity": Decimal(count)}
            for name, count in counts.items()
            if count
        ],
    }
    return row | said


@pytest.fixture
def calls() -> Callable[..., list[Row]]:
    """The calls that some tellings are, in the order of their own ids."""

    def made(*tellings: Row, excluding: tuple[Any, ...] = ()) -> list[Row]:
        numbered = [row | {"landing_row": number} for number, row in enumerate(tellings)]
        found = resolved(numbered, excluding, (), KNOWLEDGE)
        backwards = resolved(list(reversed(numbered)), excluding, (), KNOWLEDGE)
        assert found == backwards, "the order of tellings decides something"
        return found

    return made


def used(call: Row) -> dict[str, int]:
    """Count per meter, by the words of ``telling``."""
    words = {meter: word for word, meter in METERS.items()}
    found: dict[str, int] = {}
    for element in call["usage"]:
        found[words[element["meter"]]] = found.get(words[element["meter"]], 0) + int(element["quantity"])
    return found


def parts(call: Row) -> list[tuple[int, str]]:
    """(landing line, what its telling did for the call)."""
    return sorted((row["landing_line"], row["part"]) for row in call["took_part"])
