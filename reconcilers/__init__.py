"""What one successful AI outcome cost, in billed money. For analysts: ``reconcilers.open()`` gives the published tables as data frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcilers.analysis import Finance


def open(config: str | Path | None = None) -> Finance:
    """What a company has published, for pandas. ``config`` is its settings file; else RECONCILE_CONFIG, else ./reconcile.yaml.

    It is the version published now, and stays it; open again for a newer one. Raises ``SettingsInvalid`` before the first publication.
    """
    from reconcilers.analysis import Finance

    return Finance.opened(Path(config) if config is not None else None)
