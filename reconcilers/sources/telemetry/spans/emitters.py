"""What the tables of emitters say of a span's emitter, as a table that the query joins by scope and version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from reconcilers.sources.telemetry.base import Emitter

_ROW = (
    "struct(provider varchar, operation varchar, input_contains_cache boolean, output_contains_thoughts boolean, "
    'tells_cache boolean, counts_itself varchar, "over" varchar[], default_provider varchar, provider_means varchar, '
    "zero_cost_is_unknown boolean)"
)
EMITTERS = f"create temp table emitters (scope_name varchar, scope_version varchar, rows_of_scope {_ROW}[])"
#: The row of a span: of those of its scope and version the first that fits, or null.
EMITTER = """list_filter(
            rows_of_scope,
            lambda e: e.provider in ('', coalesce(provider, '')) and e.operation in ('', coalesce(operation_word, lower(span_name)))
        )[1]"""
_RANGE = re.compile(r"(>=|<=|==|>|<)\s*([0-9][0-9A-Za-z.+-]*)")


def rows_of(emitters: Sequence[Emitter], scope_name: str, scope_version: str) -> tuple[str, list[Any]]:
    """The statement, and its values, that notes what is known of one scope in one version, what says most of it first."""
    fitting = [e for e in emitters if e.scope == scope_name and is_within(scope_version, e.versions)]
    fitting.sort(key=lambda e: (not e.versions, not e.provider, not e.operation))
    facts = ("input_contains_cache", "output_contains_thoughts", "tells_cache", "zero_cost_is_unknown")
    rows = [
        {name: getattr(e, name) for name in ("provider", "operation", *facts)}
        | {"counts_itself": e.counts_itself, "over": list(e.over)}
        | {"default_provider": e.default_provider or None, "provider_means": e.provider_means or None}
        for e in fitting
    ]
    return f"insert into emitters values (?, ?, ?::{_ROW}[])", [scope_name, scope_version, rows]


def is_within(version: str, versions: str) -> bool:
    """Whether a version is in a range, ``>=1.2,<2``; by its numbers, so ``1.3b0`` is 1.3. Raises ``ValueError`` for no range."""
    if not versions:
        return True
    for bound in versions.split(","):
        found = _RANGE.fullmatch(bound.strip())
        if found is None:
            raise ValueError(f"{versions!r} is no range of versions")
        told, limit = _numbers(version), _numbers(found[2])
        width = max(len(told), len(limit))
        a, b = (numbers + [0] * (width - len(numbers)) for numbers in (told, limit))
        fits = {">=": a >= b, "<=": a <= b, "==": a == b, ">": a > b, "<": a < b}[found[1]]
        if not told or not fits:
            return False
    return True


def _numbers(version: str) -> list[int]:
    found = re.match(r"v?([0-9]+(\.[0-9]+)*)", version)
    return [int(part) for part in found[1].split(".")] if found else []
