"""What the steps of the job say before they do anything."""

from __future__ import annotations

import pytest

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid


def test_all_sources_that_are_wrong_are_told_at_once() -> None:
    settings = Settings(
        billing=(
            {"name": "bill", "kind": "focus_fil", "uri": "in"},
            {"name": "good", "kind": "focus_file", "uri": "in"},
        ),
        telemetry=({"name": "traces", "kind": "otlp", "url": "in"},),
    )
    with pytest.raises(SettingsInvalid) as found:
        configured_sources(settings)
    told = str(found.value)
    assert "billing.bill.kind: unknown billing kind 'focus_fil'; nearest is focus_file" in told
    assert "telemetry.traces.url: there is no such setting of kind otlp; nearest is uri" in told
    assert "good" not in told
