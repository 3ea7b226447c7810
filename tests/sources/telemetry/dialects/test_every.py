"""What holds of every vocabulary."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from reconcilers.sources.telemetry import dialects, otlp
from reconcilers.sources.telemetry.spans.emitters import is_within
from reconcilers.sources.telemetry.spans.texts import Holds, TextNames, known_dialects

TABLES = sorted(Path(dialects.__path__[0]).glob("*_emitters.csv"))


def test_every_vocabulary_is_read_unless_a_source_says_otherwise() -> None:
    assert sorted(otlp.DIALECTS) == sorted(dialect.name for dialect in known_dialects())
    assert [otlp.dialect_named(name).name for name in otlp.DIALECTS] == list(otlp.DIALECTS)


@pytest.mark.parametrize("dialect", known_dialects(), ids=lambda dialect: dialect.name)
def test_words_are_in_the_case_they_are_looked_up_in(dialect: otlp.Dialect) -> None:
    words = [*dialect.kinds, *dialect.kinds_by_name, *dialect.service_tiers, *dialect.outcomes]
    words += [word for emitter in dialect.emitters for word in (emitter.provider, emitter.operation)]
    assert [word for word in words if word != word.lower()] == []


@pytest.mark.parametrize("dialect", known_dialects(), ids=lambda dialect: dialect.name)
def test_no_vocabulary_takes_for_text_what_another_counts(dialect: otlp.Dialect) -> None:
    counts = [name for names in dialect.counts.values() for name in names]
    names = TextNames(counts)
    assert [name for name in counts if "$" not in name and names[name] is not Holds.READ] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_a_table_of_emitters_says_of_each_once_when_it_was_seen(table: Path) -> None:
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    keys = [(row["scope"], row["versions"], row["provider"], row["operation"]) for row in rows]
    assert len(set(keys)) == len(keys) > 0
    for row in rows:
        assert all(value is not None for value in row.values())
        assert row["scope"]
        assert row["call"]
        assert any(word in row["observed"] for word in ("driven", "published"))
        is_within("1.0", row["versions"])
