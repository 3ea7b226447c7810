"""What the dbt project says of itself holds over a built store: its unit tests, which take the types of their rows from it, and the keys
of its models. Compiled for days, a model's text gives the rows that the store keeps of them.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.warehouses.built import Built

#: Kept by day, one model of each kind of day, with its folder.
KEPT = {"telemetry/int_usage_cells__formed": "charge_day", "events/int_runs": "event_day"}


def test_unit_tests_of_models(built: Built) -> None:
    assert re.search(r"PASS=[1-9]", built.dbt("test", "--select=test_type:unit"))


def test_no_two_rows_have_one_key(built: Built) -> None:
    assert re.search(r"PASS=2\d\d", built.dbt("test", "--select=test_type:generic", "--exclude=tag:watch"))


def test_text_compiled_for_days_gives_their_rows(built: Built) -> None:
    built.dbt("compile", "--select", *[Path(model).name for model in KEPT])
    with built.connect() as store:
        for model, day in KEPT.items():
            [path] = (built.target / "compiled").rglob(f"{model}.sql")
            named = ", ".join(f"date '{one}'" for one in built.days)
            kept, text = f"select * from intermediate.{Path(model).name} where {day} in ({named})", path.read_text()
            differing = "select count(*) from (({}) except all ({}))"
            assert store.execute(f"select count(*) from ({kept})").fetchall() != [(0,)]
            assert store.execute(differing.format(kept, text)).fetchall() == [(0,)]
            assert store.execute(differing.format(text, kept)).fetchall() == [(0,)]
