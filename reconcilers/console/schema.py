"""The JSON Schema of the settings, as an editor reads it."""

from __future__ import annotations

import json

from reconcilers.configuration import schema


def print_schema() -> None:
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
