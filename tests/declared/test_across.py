"""What one reference file says and another, the settings or the price book contradict is named with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconcilers.declared import across, reference
from tests.declared.test_reference import BUDGET, PRICE, SHARED, written

Files = dict[str, list[dict[str, str]]]
BILLED = {"source": "acme", "provider": "openai", "finality_days": "3"}
OPENAI = PRICE | {"model": "gpt-4o-mini", "price_per_million": "0.15"}

#: (files, the file that is wrong, its line, what is said, whether the row can never apply)
DOUBTS: list[tuple[Files, str, int, str, bool]] = [
    (
        {"budgets": [BUDGET | {"scope": "all", "scope_value": ""}, BUDGET | {"currency": "EUR"}]},
        "budgets",
        3,
        "currency: EUR; a budget has a state in the reporting currency only, USD",
        True,
    ),
    (
        {
            "tenants": [{"tenant_id": "t", "segment": "enterprise"}, {"tenant_id": "u", "segment": ""}],
            "budgets": [BUDGET, BUDGET | {"scope": "segment", "scope_value": "enterprises"}],
        },
        "budgets",
        3,
        "scope_value: no segment in tenants.csv is called 'enterprises'; nearest is enterprise",
        False,
    ),
    (
        {"key_map": [{"source": "acme", "api_key_id": "k"}, {"source": "acmee", "api_key_id": "k"}]},
        "key_map",
        3,
        "source: no billing source is called 'acmee'; nearest is acme",
        True,
    ),
    (
        {"charge_rules": [{"priority": "1", "source": "other", "destination": "platform_usage", "version": "1"}]},
        "charge_rules",
        2,
        "source: no billing source is called 'other'",
        True,
    ),
    (
        {"contract_prices": [PRICE, PRICE | {"currency": "EUR", "version": "2"}]},
        "contract_prices",
        3,
        "currency: EUR; prices apply in the reporting currency, USD",
        True,
    ),
    (
        {"exchange_rates": [{"currency": "USD", "billing_period_start": "2026-09-01", "rate": "1.1", "version": "1"}]},
        "exchange_rates",
        2,
        "currency: USD is the reporting currency; it has no rate",
        True,
    ),
    (
        {
            "environments": [{"environment": "staging", "production": "false"}],
            "project_map": [
                {"source": "acme", "sub_account_id": "p", "environment": "Staging"},
                {"source": "acme", "sub_account_id": "q", "environment": "stagin"},
            ],
        },
        "project_map",
        3,
        "environment: 'stagin' is not in environments.csv, so it counts as production; nearest is staging",
        False,
    ),
    (
        {
            "features": [{"feature_id": "search"}],
            "bundle_prices": [{"bundle_id": "b", "feature_id": "serach", "stand_alone_price": "1"}],
        },
        "bundle_prices",
        2,
        "feature_id: 'serach' is not in features.csv; nearest is search",
        False,
    ),
    (
        {"model_aliases": [{"alias": "fast", "model": "mini"}, {"alias": "mini", "model": "gpt-4o-mini"}]},
        "model_aliases",
        2,
        "model: 'mini' is an alias itself; a name is followed once",
        False,
    ),
    (
        {
            "model_aliases": [{"alias": "mini", "model": "gpt-4o-mini"}],
            "contract_prices": [OPENAI, OPENAI | {"model": "mini", "price_per_million": "0.2"}],
        },
        "contract_prices",
        3,
        "model: 'mini' is another name of the model on line 2; both say all else alike",
        False,
    ),
    (
        {"contract_prices": [OPENAI | {"version": "9"}, OPENAI | {"version": "10", "price_per_million": "0.2"}]},
        "contract_prices",
        3,
        "price_per_million: another price of the same key and first day is on line 2; version '9' counts",
        False,
    ),
    (
        {
            "billing_sources": [
                {"source": "zeta", "provider": "OpenAI", "finality_days": "3"},
                {"source": "acme", "provider": "openai", "finality_days": "3"},
            ]
        },
        "billing_sources",
        2,
        "provider: line 3 gives the same calls to acme, which gets them",
        True,
    ),
]


def declared(folder: Path, files: Files) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    found = {}
    for name in reference.CONTRACTS:
        rows, faults = reference.examine(
            written(folder, name, *files[name]) if name in files else folder / "none.csv", name
        )
        assert not faults
        found[name] = rows
    return found


@pytest.mark.parametrize(("files", "file", "line", "problem", "is_idle"), DOUBTS)
def test_a_row_that_something_else_contradicts(
    tmp_path: Path, files: Files, file: str, line: int, problem: str, is_idle: bool
) -> None:
    found = list(across.doubts(declared(tmp_path, files), ["acme", "zeta"], "USD"))
    assert found == [across.Doubt(file, line, problem, is_idle)]


def test_a_company_that_agrees_with_itself_is_not_doubted(tmp_path: Path) -> None:
    files = {
        "billing_sources": [BILLED],
        "contract_prices": [OPENAI, OPENAI | {"version": "2"}],
        "environments": [{"environment": "Staging", "production": "false"}],
        "key_map": [{"source": "acme", "api_key_id": "k", "environment": "staging"}],
        "shared_cost_rules": [SHARED],
    }
    assert list(across.doubts(declared(tmp_path, files), ["acme"], "USD")) == []
    assert list(across.doubtful_prices(declared(tmp_path, files))) == []


def test_a_bill_that_no_row_gives_calls_to_is_named(tmp_path: Path) -> None:
    assert across.unmet(declared(tmp_path, {"billing_sources": [BILLED]}), ["acme", "zeta"]) == ["zeta"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"price_per_million": "0.00015"}, "is it the price of a thousand?"),
        ({"price_per_million": "0.00000015"}, "is it the price of a single unit?"),
        ({"price_per_million": "15"}, "price_per_million: 15, and the price book has "),
        ({"model": "gpt-4o-mni"}, "model: 'gpt-4o-mni' is not in the price book; nearest is gpt-4o-mini"),
        ({"price_per_million": "0.1"}, None),
        ({"price_per_million": "0"}, None),
        ({"currency": "EUR", "price_per_million": "15"}, None),
    ],
)
def test_a_price_far_from_the_book_or_of_a_model_it_does_not_know(
    tmp_path: Path, row: dict[str, str], problem: str | None
) -> None:
    files = {"billing_sources": [BILLED], "contract_prices": [OPENAI, OPENAI | {"version": "2"} | row]}
    found = list(across.doubtful_prices(declared(tmp_path, files)))
    assert [(doubt.file, doubt.line) for doubt in found] == ([("contract_prices", 3)] if problem else [])
    assert all(problem and problem in doubt.problem for doubt in found)


def test_models_of_a_provider_the_book_does_not_know_are_not_doubted(tmp_path: Path) -> None:
    files = {
        "billing_sources": [BILLED | {"provider": "in_house"}],
        "list_prices": [OPENAI | {"model": "ours", "price_per_million": "9"}],
    }
    assert list(across.doubtful_prices(declared(tmp_path, files))) == []
