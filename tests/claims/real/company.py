"""A company whose telemetry and one bill are the public data sets; ``REAL_DATA`` names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

REAL_DATA = os.environ.get("REAL_DATA") and str(Path(os.environ["REAL_DATA"]).resolve())
HERE = Path(__file__).parent

#: Real FOCUS files of several providers in one export are one billing source.
FOCUS = {"name": "focus_sample", "kind": "focus_file", "uri": "FOCUS-1.0", "pattern": r"focus_sample\.csv"}


def write_real_company(folder: Path) -> Path:
    """Settings and reference data of a job over every real telemetry set and the FOCUS sample. Returns the settings file."""
    telemetry = [
        config | {"uri": str(Path(REAL_DATA or "") / config["uri"])}
        for mapping in ("ljoukov.yaml", "tau2.yaml")
        for config in yaml.safe_load((HERE / mapping).read_text())
    ]
    bills = [FOCUS | {"uri": str(Path(REAL_DATA or "") / FOCUS["uri"])}]
    settings = folder / "reconcile.yaml"
    settings.write_text(yaml.safe_dump({"billing": bills, "telemetry": telemetry}, sort_keys=False))
    (folder / "reference").mkdir()
    (folder / "reference" / "billing_sources.csv").write_text("source,provider,finality_days\nanthropic,anthropic,0\n")
    return settings
