"""What the tables of emitters say of a span's emitter, as a table that the query joins by scope and version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconcilers.sources.telemetry.base import Emitter
from reconcilers.sources.telemetry.spans.attributes import Held, as_numbers, nullable, texts

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_ROW = (
    "struct(provider varchar, operation varchar, input_contains_cache boolean, output_contains_thoughts boolean, "
    'tells_cache boolean, counts_itself varchar, "over" varchar[], default_provider varchar, provider_means varchar, '
    "zero_cost_is_unknown boolean, counts_before boolean)"
)
#: The row of a span: of those of its scope and version the first that fits, or null.
EMITTER = """list_filter(
            rows_of_scope,
            lambda e: e.provider in ('', coalesce(provider, '')) and e.operation in ('', coalesce(operation_word, lower(span_name)))
        )[1]"""
_RANGE = re.compile(r"(>=|<=|==|>|<)\s*([0-9][0-9A-Za-z.+-]*)")


class Emitters:
    """What is known of emitters, and ``held``, the rows of it that fit the scopes of the spans in hand."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, emitters: Sequence[Emitter]) -> None:
        self.emitters = emitters
        contained = ("input_contains_cache", "output_contains_thoughts")
        facts = (*contained, "tells_cache", "zero_cost_is_unknown", "counts_before")
        rows = [
            {name: getattr(e, name) for name in ("provider", "operation", *facts)}
            | {"counts_itself": e.counts_itself, "over": list(e.over)}
            | {"default_provider": e.default_provider or None, "provider_means": e.provider_means or None}
            for e in emitters
        ]
        told = connection.sql(f"select unnest(?::{_ROW}[]) as row", params=[rows]).to_arrow_table()
        self.rows = told["row"].combine_chunks()
        self.scopes: list[tuple[str, str]] = []
        self.held = Held(self._of([]))

    def know(self, spans: pa.Table) -> None:
        """Hold what fits the scopes of some spans."""
        import numpy as np

        name, version = (
            spans[column].combine_chunks().dictionary_encode("encode") for column in ("scope_name", "scope_version")
        )
        names, versions = name.dictionary.to_pylist(), version.dictionary.to_pylist()
        codes = as_numbers(name.indices).astype(np.int64) * len(versions) + as_numbers(version.indices)
        told = (divmod(code, len(versions)) for code in np.unique(codes).tolist())
        scopes = sorted({(names[n] or "", versions[v] or "") for n, v in told})
        if scopes != self.scopes:
            self.scopes, self.held.rows = scopes, self._of(scopes)

    def _of(self, scopes: Sequence[tuple[str, str]]) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        fitting = [self._fitting(*scope) for scope in scopes]
        offsets = np.cumsum([0, *map(len, fitting)], dtype=np.int32)
        rows = self.rows.take(nullable(np.array([n for one in fitting for n in one], np.int32)))
        lists = pa.Array.from_buffers(pa.list_(rows.type), len(scopes), [None, pa.py_buffer(offsets)], children=[rows])
        names = [texts(name for name, _ in scopes), texts(version for _, version in scopes)]
        return pa.table([*names, lists], ["scope_name", "scope_version", "rows_of_scope"])

    def _fitting(self, scope_name: str, scope_version: str) -> list[int]:
        """The rows of one scope in one version, what says most of it first."""
        numbered = enumerate(self.emitters)
        found = [(n, e) for n, e in numbered if e.scope == scope_name and is_within(scope_version, e.versions)]
        found.sort(key=lambda one: (not one[1].versions, not one[1].provider, not one[1].operation))
        return [number for number, _ in found]


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
