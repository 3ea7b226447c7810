"""What people are told of a publication: material breaks by kind and source, the others by their number (R19)."""

from __future__ import annotations

from pathlib import Path

from reconcilers.attention import findings, others
from reconcilers.declared.settings import read_settings
from reconcilers.warehouses.choice import warehouse_of


def test_material_breaks_are_told_and_the_others_counted(examples_settings: Path) -> None:
    published = warehouse_of(read_settings(examples_settings)).current()
    assert published is not None
    lines = findings(published)
    # E2's is 1.00, exactly the default; E32's is 0.99; an unpriced usage has no amount.
    assert "material breaks of kind telemetry_without_charge at E02" in lines
    assert not [line for line in lines if line.endswith("at E32")]
    ((small,),) = published.ask("select count(*) from finance.fct_breaks where coalesce(abs(amount), 0) < 1").rows
    assert small > 0
    assert others(published) == [f"and {small} other breaks, smaller or of no known amount"]
