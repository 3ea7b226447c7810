"""The schema and the page say of the settings what the models that read them do, and no key goes without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconcilers import configuration
from reconcilers.sources import registry
from reconcilers.sources.contract import SourceConfig

ROOT = Path(__file__).parents[1]
FIXTURES = sorted((ROOT / "tests" / "sources" / "fixtures").glob("*/*/*/source.yaml"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return configuration.schema()


@pytest.fixture(scope="module")
def validator(schema: dict[str, Any]) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def said(validator: Draft202012Validator, settings: Any) -> list[str]:
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(settings)]


def every_key(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    yield from configuration.keys(schema, schema["$defs"])
    for room in registry.ROOMS:
        for choice in schema["properties"][room]["items"]["allOf"]:
            kind = choice["if"]["properties"]["kind"]["const"]
            yield from configuration.keys(choice["then"], schema["$defs"], f"{kind}.")


def test_the_page_is_what_the_models_say_now() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == configuration.page(), "make docs"


def test_every_key_of_every_model_is_described(schema: dict[str, Any]) -> None:
    keys = list(every_key(schema))
    assert {"bigquery.row_access.tenants", "openai.retry.attempts", "mapped.usage.meters[].unit"} <= {
        k for k, *_ in keys
    }
    assert [key for key, one, _ in keys if not one.get("description", "").strip().endswith(".")] == []


def test_the_page_has_every_key_of_every_kind(schema: dict[str, Any]) -> None:
    page = configuration.page()
    shown = page.count("\n| `")
    every = set(SourceConfig.model_fields)
    named = {key for key, *_ in every_key(schema) if key.partition("[")[0] not in registry.ROOMS}
    own = [key for key in named if key.partition(".")[2] not in every]
    assert shown == len(own) + len(every)
    for room in registry.ROOMS:
        assert all(f"### `kind: {kind}`" in page for kind in registry.kinds(room))


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: "/".join(file.parts[-4:-1]))
def test_what_sources_take_the_schema_takes(validator: Draft202012Validator, file: Path) -> None:
    room, kind = file.parts[-4:-2]
    written = yaml.safe_load(file.read_text()) or {}
    source = {"name": "s", "kind": kind, **({"uri": "in"} if takes_a_folder(room, kind) else {}), **written}
    registry.load(room, source)
    assert said(validator, {room: [source]}) == []


def takes_a_folder(room: str, kind: str) -> bool:
    return "uri" in registry.source_class(room, kind).Config.model_fields


def test_the_samples_settings_are_taken(validator: Draft202012Validator, tmp_path: Path) -> None:
    from reconcilers.sample_company.world.settings_file import NOT_SERVED, write_settings

    write_settings(tmp_path, NOT_SERVED, "bigquery")
    assert said(validator, yaml.safe_load((tmp_path / "reconcile.yaml").read_text())) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"hom": "var"}, ": Additional properties are not allowed ('hom' was unexpected)"),
        ({"keep_versions": 0}, "keep_versions: 0 is less than the minimum of 1"),
        ({"billing": [{"name": "b", "kind": "focus_fil"}]}, "billing.0.kind: 'focus_fil' is not one of ["),
        ({"billing": [{"kind": "openai"}]}, "billing.0: 'name' is a required property"),
        ({"billing": [{"name": "b"}]}, "billing.0: 'kind' is a required property"),
        ({"billing": [{"name": "b", "kind": "focus_file"}]}, "billing.0: 'uri' is a required property"),
        (
            {"billing": [{"name": "b", "kind": "openai", "uri": "x"}]},
            "billing.0: Additional properties are not allowed ('uri' was unexpected)",
        ),
        (
            {"billing": [{"name": "b", "kind": "openai", "retry": {"attemps": 3}}]},
            "billing.0.retry: Additional properties are not allowed ('attemps' was unexpected)",
        ),
        ({"file": "x"}, ": Additional properties are not allowed ('file' was unexpected)"),
    ],
)
def test_what_is_wrong_the_schema_names_in_the_kind_that_is_meant(
    validator: Draft202012Validator, settings: Any, problem: str
) -> None:
    found = said(validator, settings)
    assert any(one.startswith(problem) for one in found), found
    assert len(set(found)) == 1


def test_the_command_prints_it(schema: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "reconcilers.cli", "schema"]
    assert json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == schema
