"""What every source says of itself."""

from __future__ import annotations

import ast
import importlib.util
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import reconcilers
from reconcilers.configured import credentials
from reconcilers.declared.settings import read_settings
from reconcilers.sources import focus, registry
from reconcilers.sources.contract import InForce, Source

KINDS = [(room, kind) for room in registry.ROOMS for kind in registry.kinds(room)]
#: What lands bytes, proves them or takes a user out of them, and what names an error, say nothing of a row.
NOT_OF_A_ROW = {
    *("reconcilers.errors", "reconcilers.ingest.landing", "reconcilers.ingest.proofs"),
    "reconcilers.sources.telemetry.user_columns",
}
PACKAGE = Path(reconcilers.__path__[0])


def imported(file: Path) -> set[str]:
    """The project's modules that one file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("reconcilers.")}


def file_of(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return path if path.is_file() else None


@pytest.mark.parametrize(("room", "kind"), KINDS)
def test_whatever_code_makes_a_row_is_in_the_recipe(room: str, kind: str) -> None:
    source = registry.source_class(room, kind)
    reached, ahead, files = set(), {source.__module__}, set()
    while ahead:
        reached |= ahead
        found = {file for name in ahead if (file := file_of(name))}
        files |= found
        ahead = {name for file in found for name in imported(file)} - reached - NOT_OF_A_ROW
    assert len(files) > 1
    tables = {table for file in files if (table := file.with_suffix(".csv")).is_file()}
    assert files | tables <= source.readers()


def test_vocabularies_are_found_by_name_and_are_in_the_recipe() -> None:
    readers = {file.name for file in registry.source_class("telemetry", "otlp").readers()}
    assert {"botanu.py", "botanu_emitters.csv", "otel_genai.py", "otel_genai_emitters.csv"} <= readers


def test_a_table_beside_a_source_is_in_its_recipe_and_in_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("one", "another"):
        (tmp_path / f"{kind}.py").write_text(f"from {Source.__module__} import Source\nclass One(Source): ...\n")
    (tmp_path / "one.csv").write_text("text,meaning\n")
    for kind, held in (("one", {"one.py", "one.csv"}), ("another", {"another.py"})):
        spec = importlib.util.spec_from_file_location(f"{kind}_of_test", tmp_path / f"{kind}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        assert {file.name for file in module.One.readers() if tmp_path in file.parents} == held


#: (room, what of a source decides its rows, what only steers the fetch)
FETCHED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "billing",
        {"kind": "openai"},
        {"group_costs_by": ["project_id"]},
        {"base_url": "https://elsewhere", "api_key_env": "KEY", "retry": {"attempts": 2}, "side_by_side": 1},
    ),
    (
        "billing",
        {"kind": "anthropic"},
        {"billing_account_id": "one"},
        {"base_url": "https://elsewhere", "api_key_env": "KEY", "group_usage_by": [], "control_total": False},
    ),
    ("billing", {"kind": "aws", "format": "cur_2_0"}, {"cost": "net_unblended"}, {"earlier_months": 2}),
    (
        "billing",
        {"kind": "azure", "dataset": "actual"},
        {"time_format": "%d/%m/%Y"},
        {"endpoint_url": "http://here", "manifests": False, "earlier_months": 2},
    ),
    (
        "billing",
        {"kind": "databricks", "billed_at": "account_prices"},
        {"billed_at": "list_prices"},
        {"endpoint_url": "http://here", "success_file": False},
    ),
    (
        "billing",
        {
            "kind": "mapped_bill",
            "format": "csv",
            "columns": {name: "a" for name in focus.REQUIRED if name != "ChargePeriodEnd"},
        },
        {"minor_digits": 2},
        {"endpoint_url": "http://here"},
    ),
    ("billing", {"kind": "focus_file"}, {"time_format": "%d.%m.%Y"}, {"endpoint_url": "http://here"}),
    (
        "billing",
        {"kind": "gcp", "table": "a.b.c"},
        {"table": "a.b.d"},
        {"project": "payer", "timeout_seconds": 5, "limit_seconds": 9},
    ),
    (
        "billing",
        {"kind": "openrouter"},
        {"prices": [{"model": "one/m", "input_per_million": "1", "output_per_million": "2"}]},
        {"base_url": "https://elsewhere", "api_key_env": "KEY", "control_total": False},
    ),
    (
        "billing",
        {"kind": "oci", "report": "cost"},
        {"corrections": "add"},
        {"endpoint_url": "http://here", "earlier_months": 2},
    ),
    (
        "billing",
        {"kind": "snowflake"},
        {"balance_sources": {"rebate": "free"}},
        {"endpoint_url": "http://here", "control_total": False, "earlier_months": 2},
    ),
    (
        "billing",
        {
            "kind": "gpu_hours",
            "format": "csv",
            "columns": {"day": "day", "node": "node", "hours": "hours"},
            "rates": [{"per_hour": "1", "currency": "USD"}],
        },
        {"service_name": "Nodes"},
        {"endpoint_url": "http://here"},
    ),
    ("telemetry", {"kind": "otlp"}, {"dialects": ["botanu"]}, {"late_days": 9, "time_limit_seconds": 60}),
    (
        "telemetry",
        {"kind": "litellm", "base_url": "https://here"},
        {"columns": {"event_id": "metadata.event"}},
        {"base_url": "https://elsewhere", "api_key_env": "KEY", "late_days": 9, "retry": {"attempts": 2}},
    ),
    (
        "invoices",
        {"kind": "invoice_aws", "bill": "aws", "account_id": "111122223333"},
        {"credit_memos": "positive"},
        {"endpoint_url": "http://here", "region": "eu-central-1", "earlier_months": 3},
    ),
    (
        "invoices",
        {"kind": "invoice_gcp", "bill": "gcp"},
        {"decimal_sign": ","},
        {"endpoint_url": "http://here"},
    ),
    (
        "invoices",
        {"kind": "invoice_azure", "bill": "azure", "billing_account": "8611537"},
        {"credit_notes": "positive"},
        {"base_url": "https://elsewhere", "billing_profile": "AB12", "earlier_months": 3},
    ),
    ("revenue", {"kind": "revenue_file"}, {"constants": {"currency": "USD"}}, {"endpoint_url": "http://here"}),
    (
        "revenue",
        {"kind": "stripe"},
        {"count_uncollectible": False},
        {
            "base_url": "https://elsewhere",
            "api_version": "2025-03-31.basil",
            "account": "acct_1",
            "earlier_months": 3,
            "later_months": 2,
        },
    ),
]


@pytest.mark.parametrize(("room", "config", "decides", "steers"), FETCHED)
def test_only_what_decides_a_row_is_in_the_recipe(
    room: str, config: dict[str, Any], decides: dict[str, Any], steers: dict[str, Any]
) -> None:
    folder = {} if {"base_url", "project", "region"} & set(steers) else {"uri": "/old/place"}
    moved = dict.fromkeys(folder, "/new/place")
    recipes = [
        registry.load(room, {"name": "one", **config, **folder, **changed}).recipe
        for changed in ({}, {**steers, **moved}, decides)
    ]
    assert recipes[0] == recipes[1] != recipes[2]


@pytest.mark.parametrize(
    ("begins", "ends", "held"),
    [
        (None, None, [True, True, True, True]),
        (date(2026, 10, 1), None, [False, True, True, True]),
        (None, date(2026, 10, 2), [True, True, False, False]),
        (date(2026, 10, 1), date(2026, 10, 2), [False, True, False, False]),
        (date.min, date.max, [True, True, True, True]),
    ],
)
def test_what_is_declared_holds_from_its_first_day_to_the_one_before_its_end(
    begins: date | None, ends: date | None, held: list[bool]
) -> None:
    days = (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 2), date(2026, 10, 3))
    declared = InForce(valid_from=begins, valid_to=ends)
    assert [declared.holds(day) for day in days] == held


@pytest.mark.parametrize("ends", [date(2026, 10, 1), date(2026, 9, 30)])
def test_what_would_hold_on_no_day_is_refused(ends: date) -> None:
    with pytest.raises(ValueError, match=f"valid_to {ends} is not after valid_from 2026-10-01"):
        InForce(valid_from=date(2026, 10, 1), valid_to=ends)


@pytest.mark.parametrize(
    ("room", "kind"), [one for one in KINDS if "api_key_env" in registry.source_class(*one).Config.model_fields]
)
def test_a_credential_that_a_source_names_is_a_secret_that_it_needs(room: str, kind: str) -> None:
    source = registry.load(room, {"name": "one", "kind": kind, "base_url": "https://here", "api_key_env": "ITS_KEY"})
    assert "ITS_KEY" in source.secrets
    assert source.needs == ("ITS_KEY",)


def test_a_source_tells_the_secrets_it_leaves_to_a_default(tmp_path: Path) -> None:
    settings = tmp_path / "reconcile.yaml"
    settings.write_text(
        """
        billing: [{name: openai, kind: openai}, {name: anthropic, kind: focus_file, uri: "s3://bills/anthropic"},
          {name: azure, kind: azure, uri: "https://acme.blob.core.windows.net/costs/daily"},
          {name: others, kind: azure, uri: "az://costs/others"}]
        telemetry: [{name: traces, kind: otlp, uri: traces}]
        revenue: [{name: crm, kind: revenue_file, uri: revenue}, {name: stripe, kind: stripe}]
        """
    )
    assert credentials(read_settings(settings)) == [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "OPENAI_ADMIN_KEY",
        "RECONCILE_USER_KEY",
        "STRIPE_API_KEY",
    ]


@pytest.mark.parametrize(
    ("told", "tells"),
    [
        ({"kind": "openai"}, False),
        ({"kind": "openrouter"}, False),
        ({"kind": "anthropic"}, False),
        ({"kind": "anthropic", "report": "analytics", "billing_account_id": "org-acme"}, True),
        ({"kind": "focus_file", "uri": "bills"}, True),
    ],
)
def test_a_bill_that_tells_what_was_billed_alone_tells_no_list_cost(told: dict[str, Any], tells: bool) -> None:
    assert registry.load("billing", {"name": "bill", **told}).tells_list_cost is tells
