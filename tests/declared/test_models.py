"""A model's one name on every side, by finance's aliases first."""

from __future__ import annotations

from typing import Any

from reconcilers.declared.models import Models, Told, named
from reconcilers.naming import ModelName

SONNET = "claude-sonnet-4-6"


def alias(alias: str, model: str, provider: str | None = None) -> dict[str, Any]:
    return {"provider": provider, "alias": alias, "model": model}


def models(*aliases: dict[str, Any]) -> Models:
    sources = [{"source": "aws", "provider": "aws.bedrock"}, {"source": "google", "provider": "gcp.gemini"}]
    return Models(aliases, sources)


def test_without_an_alias_bill_and_telemetry_meet_by_the_vendors_own_way() -> None:
    found = {
        models().of_call("aws.bedrock", f"{routing}anthropic.{SONNET}-v1:0").model
        for routing in ("us.", "eu.", "global.", "")
    }
    assert found == {models().of_bill("aws", SONNET).model} == {SONNET}


def test_an_alias_stands_for_an_id_however_it_is_routed() -> None:
    names = models(alias(SONNET, "Claude Sonnet 4.6"))
    assert names.of_call("aws.bedrock", f"us.anthropic.{SONNET}") == ModelName("Claude Sonnet 4.6", "regional")
    assert names.of_call("aws.bedrock", f"global.anthropic.{SONNET}") == ModelName("Claude Sonnet 4.6", "global")


def test_an_alias_of_one_routing_is_none_of_another() -> None:
    names = models(
        alias(f"us.anthropic.{SONNET}", "Sonnet, in region"), alias(f"global.anthropic.{SONNET}", "Sonnet, anywhere")
    )
    assert names.of_call("aws.bedrock", f"eu.anthropic.{SONNET}").model == "Sonnet, in region"
    assert names.of_call("aws.bedrock", f"global.anthropic.{SONNET}-v1:0").model == "Sonnet, anywhere"


def test_what_is_written_exactly_so_goes_before_what_is_the_same_model() -> None:
    names = models(alias(SONNET, "any"), alias(f"eu.anthropic.{SONNET}", "european"))
    assert names.of_call("aws.bedrock", f"eu.anthropic.{SONNET}").model == "european"
    assert names.of_call("aws.bedrock", f"us.anthropic.{SONNET}").model == "any"


def test_an_alias_of_a_provider_is_one_at_all_its_doors_and_goes_before_one_of_any() -> None:
    names = models(alias("flash", "gemini-2.5-flash", "gemini"), alias("flash", "another"))
    assert names.of_call("gcp.gen_ai", "flash").model == names.of_bill("google", "flash").model == "gemini-2.5-flash"
    assert names.of_call("openai", "flash").model == "another"


def test_a_bill_is_asked_what_provider_it_names_where_finance_declares_none() -> None:
    names = Models([alias("small", "gpt-4.1-mini", "openai")], [{"source": "gateway", "provider": None}])
    assert names.of_bill("gateway", "small", ["OpenAI"]).model == "gpt-4.1-mini"
    assert names.of_bill("gateway", "small").model == "small"


def test_what_an_alias_names_is_spelled_as_finance_spells_it() -> None:
    names = models(alias("NovaLite", "amazon.nova-lite-v1:0"))
    assert names.of_bill("aws", "NovaLite").model == "amazon.nova-lite-v1:0"
    assert names.of_call("aws.bedrock", "us.amazon.nova-lite-v1:0").model == "amazon.nova-lite-v1:0"


def test_what_two_aliases_spell_differently_stays_as_it_is_told() -> None:
    names = models(alias("Sonnet, cached", f"anthropic.{SONNET}-v1:0"), alias("Sonnet", f"us.anthropic.{SONNET}"))
    for told in (f"us.anthropic.{SONNET}", f"anthropic.{SONNET}-v1:0"):
        assert names.of_call("aws.bedrock", told).model == told


def reference(**tables: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    empty: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("model_aliases", "contract_prices", "list_prices", "context_thresholds")
    }
    return empty | {"billing_sources": [{"source": "aws", "provider": "Bedrock"}]} | tables


def test_prices_are_rows_of_the_one_name_and_a_routing_in_it_is_their_geography() -> None:
    rows = [
        {"source": "aws", "model": f"{routing}anthropic.{SONNET}", "geography": None}
        for routing in ("", "us.", "global.")
    ]
    found = named(reference(contract_prices=rows), [], price_book=False)["contract_prices"]
    assert [(row["model"], row["geography"]) for row in found] == [
        (SONNET, None),
        (SONNET, "regional"),
        (SONNET, "global"),
    ]


def test_finance_goes_before_the_price_book_under_whatever_name_it_declares_a_model() -> None:
    told = [Told(None, "aws.bedrock", f"us.anthropic.{SONNET}")]
    mine = [{"source": "aws", "model": f"anthropic.{SONNET}-v1:0", "geography": None}]
    assert len(named(reference(), told, price_book=True)["list_prices"]) > 1
    assert len(named(reference(list_prices=mine), told, price_book=True)["list_prices"]) == 1
    assert named(reference(), told, price_book=False)["list_prices"] == []


def test_every_name_told_has_a_row_of_its_side() -> None:
    told = [
        Told(None, "aws.bedrock", f"us.anthropic.{SONNET}"),
        Told("aws", "AWS", f"anthropic.{SONNET}"),
        Told("aws", None, "NovaPro"),
    ]
    rows = named(reference(), told, price_book=False)["model_names"]
    assert {(row["source"], row["provider"], row["name"]): (row["model"], row["geography"]) for row in rows} == {
        (None, "aws.bedrock", f"us.anthropic.{SONNET}"): (SONNET, "regional"),
        ("aws", None, f"anthropic.{SONNET}"): (SONNET, "regional"),
        ("aws", None, "NovaPro"): ("NovaPro", "regional"),
    }
