"""Every model under one name: what finance's aliases say first, then how vendors compose ids (``naming.py``).

A name as told is looked up in ``model_aliases.csv`` exactly, then without routing, vendor and version, so that an alias of
``claude-sonnet-4-6`` is one of ``us.anthropic.claude-sonnet-4-6``, too. What an alias names is spelled as finance spells it.
Bills, usage reports, telemetry and prices all go through here: the names become the table ``model_names``, and price rows
are renamed before they are loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconcilers import naming
from reconcilers.declared import prices
from reconcilers.declared.prices import Called
from reconcilers.naming import ModelName

Row = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A model's name as told: by a bill or usage report of ``source``, or by telemetry (null) of a provider."""

    source: str | None
    provider: str | None
    name: str


@dataclass(frozen=True)
class _Alias:
    provider: str | None
    alias: str
    model: str

    def fits(self, providers: Collection[str]) -> bool:
        return self.provider is None or _family(self.provider) in map(_family, providers)


def _family(provider: str) -> str | None:
    """Whose provider it is: ``gcp.gemini`` and ``gcp.gen_ai`` are two doors of one house."""
    return (naming.provider(provider) or "").split(".")[0]


class Models:
    """The names of models by the aliases and billing sources finance declares (rows of the reference files)."""

    def __init__(self, aliases: Iterable[Mapping[str, Any]], billing_sources: Iterable[Mapping[str, Any]]) -> None:
        self._sources = [(row["source"], row["provider"]) for row in billing_sources]
        self._told: dict[str, list[_Alias]] = {}
        self._plain: dict[str, list[tuple[str | None, _Alias]]] = {}
        self._spelled: dict[str, list[tuple[str | None, str]]] = {}
        for row in aliases:
            alias = _Alias(row["provider"], row["alias"], row["model"])
            self._told.setdefault(alias.alias, []).append(alias)
            plain = naming.model(None, alias.alias)
            self._plain.setdefault(plain.model, []).append((plain.geography, alias))
            target = naming.model(None, alias.model)
            self._spelled.setdefault(target.model, []).append((target.geography, alias.model))

    def of_call(self, provider: str | None, name: str) -> ModelName:
        """The name of a model that telemetry tells."""
        return self._name([provider] if provider else [], name)

    def of_bill(self, source: str, name: str, providers: Collection[str] = ()) -> ModelName:
        """The name of a model on a bill, in a usage report or in a price row of ``source``; ``providers`` as its lines tell."""
        return self._name([*self.providers(source), *sorted(providers)], name)

    def providers(self, source: str) -> list[str]:
        """The providers whose calls a billing source bills."""
        return sorted({provider for of, provider in self._sources if of == source and provider})

    def _name(self, providers: Collection[str], name: str) -> ModelName:
        plain = naming.model(next(iter(providers), None), name)
        fitting = [alias for alias in self._told.get(name, ()) if alias.fits(providers)] or [
            alias
            for geography, alias in self._plain.get(plain.model, ())
            if alias.fits(providers) and geography in (None, plain.geography)
        ]
        if fitting:
            return ModelName(min(fitting, key=lambda a: (a.provider is None, a.model)).model, plain.geography)
        spelled = [
            model for geography, model in self._spelled.get(plain.model, ()) if geography in (None, plain.geography)
        ]
        return ModelName(name if name in spelled else min(spelled, default=plain.model), plain.geography)

    def table(self, told: Iterable[Told]) -> list[Row]:
        """Rows of ``model_names``: one for each source and name of bills, one for each provider and name of telemetry."""
        lines: dict[tuple[str, str], set[str]] = {}
        rows: dict[tuple[str | None, str | None, str], ModelName] = {}
        for one in told:
            if one.source is None:
                rows[None, one.provider, one.name] = self.of_call(one.provider, one.name)
            else:
                lines.setdefault((one.source, one.name), set()).update({one.provider} if one.provider else set())
        for (source, name), providers in lines.items():
            rows[source, None, name] = self.of_bill(source, name, providers)
        return [
            {"source": source, "provider": provider, "name": name, "model": found.model, "geography": found.geography}
            for (source, provider, name), found in rows.items()
        ]

    def called(self, told: Iterable[Told]) -> Iterator[Called]:
        """What the price book is asked for: every model as each source that may bill it meets it."""
        for one in told:
            for source, declared in self._sources:
                provider = declared or one.provider
                if (
                    provider is None
                    or one.source not in (None, source)
                    or (one.source is None and declared not in (None, one.provider))
                ):
                    continue
                found = self.of_bill(source, one.name) if one.source else self.of_call(provider, one.name)
                yield Called(source, provider, found.model, found.geography, one.name)

    def price(self, row: Row) -> Row:
        """A price row under its model's one name; a routing in the name is the row's geography where it tells none."""
        geography = row["geography"] or naming.model(None, row["model"]).geography
        return row | {"model": self.of_bill(row["source"], row["model"]).model, "geography": geography}

    def threshold(self, row: Row) -> Row:
        """A row of ``context_thresholds`` under its provider's and model's one name."""
        return row | {
            "provider": naming.provider(row["provider"]),
            "model": self.of_call(row["provider"], row["model"]).model,
        }


def named(declared: Mapping[str, list[Row]], told: Iterable[Told], *, price_book: bool) -> dict[str, list[Row]]:
    """The reference tables with providers and models under their one names, and what the public price book adds to them.

    ``declared`` are the rows of the reference files, ``told`` every name the lake has. What finance declares of a model goes
    before the book.
    """
    sources = [row | {"provider": naming.provider(row["provider"])} for row in declared["billing_sources"]]
    models = Models(declared["model_aliases"], sources)
    names = list(told)
    listed = [models.price(row) for row in declared["list_prices"]]
    thresholds = [models.threshold(row) for row in declared["context_thresholds"]]
    called = list(models.called(names)) if price_book else []
    return {
        **declared,
        "billing_sources": sources,
        "contract_prices": [models.price(row) for row in declared["contract_prices"]],
        "list_prices": listed + prices.list_prices(called, [(row["source"], row["model"]) for row in listed]),
        "context_thresholds": thresholds
        + prices.context_thresholds(called, [(row["provider"], row["model"]) for row in thresholds]),
        "model_names": models.table(names),
    }
