"""What no reference file shows by itself: names that only another file, the settings or the price book know, rows that say one thing twice.

None of it refuses a file. Files change one after the other, and a name may be declared before it is used; but a rule that
cannot apply moves no money, and nobody would see why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from reconcilers import naming
from reconcilers.declared import prices
from reconcilers.declared.models import Models
from reconcilers.declared.prices import Called
from reconcilers.declared.reference import KEYS
from reconcilers.errors import nearest

#: Reference files by name: (line, row) of all that could be read.
Declared = Mapping[str, Sequence[tuple[int, Mapping[str, Any]]]]

_OF_A_SOURCE = (
    *("billing_sources", "billing_grain", "published_units", "key_map", "project_map", "skus"),
    *("contract_prices", "list_prices", "charge_rules"),
)
_PRICES = ("contract_prices", "list_prices")
#: Where the scope of a budget is declared.
_OF_SCOPE = {
    "tenant": ("tenants", "tenant_id"),
    "feature": ("features", "feature_id"),
    "segment": ("tenants", "segment"),
}
#: How many times the book's dearest, or how small a part of its cheapest price, is no discount any more.
_FAR = 20
#: What a price is of where it is that much too small for a million.
_SLIPS = {1000: "thousand", 10**6: "single unit"}


@dataclass(frozen=True)
class Doubt:
    """One line of a reference file that another place contradicts. ``is_idle``: it can never apply as things stand."""

    file: str
    line: int
    problem: str
    is_idle: bool = False


def doubts(
    declared: Declared, bills: Collection[str], currency: str, renamed: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Doubt]:
    """What names and currencies contradict, in the order of the files.

    ``bills`` are the names of the billing sources, ``renamed`` what earlier names of theirs became.
    """
    yield from _unknown_sources(declared, bills, renamed)
    yield from _unknown_names(declared)
    for file in _PRICES:
        for line, row in declared[file]:
            if row["currency"] != currency:
                yield Doubt(
                    file, line, f"currency: {row['currency']}; prices apply in the reporting currency, {currency}", True
                )
    for line, row in declared["budgets"]:
        if row["currency"] != currency:
            problem = f"currency: {row['currency']}; a budget has a state in the reporting currency only, {currency}"
            yield Doubt("budgets", line, problem, True)
    for line, row in declared["exchange_rates"]:
        if row["currency"] == currency:
            yield Doubt("exchange_rates", line, f"currency: {currency} is the reporting currency; it has no rate", True)
    yield from _said_twice(declared)


def unmet(declared: Declared, bills: Collection[str]) -> list[str]:
    """Billing sources whose bill no call can meet, since ``billing_sources`` has no row of them."""
    mapped = {row["source"] for _, row in declared["billing_sources"]}
    return [name for name in bills if name not in mapped]


def doubtful_prices(declared: Declared) -> Iterator[Doubt]:
    """Models of prices that the public book does not know though it knows their provider, and prices far from the book's.

    Reading the book takes half a second, so this is not for every run.
    """
    models = _models(declared)
    for file in _PRICES:
        for line, row in declared[file]:
            found = _listed(models, row)
            if found is None:
                continue
            known, book = found
            if not book:
                yield Doubt(
                    file, line, f"model: {row['model']!r:.60} is not in the price book{nearest(row['model'], known)}"
                )
            elif row["currency"] == "USD" and (far := _far(row, book)):
                yield Doubt(file, line, far)


def _unknown_sources(declared: Declared, bills: Collection[str], renamed: Mapping[str, str]) -> Iterator[Doubt]:
    for file in _OF_A_SOURCE:
        for line, row in declared[file]:
            if row["source"] is not None and row["source"] not in bills:
                now = renamed.get(row["source"])
                hint = f"; it is called {now} now" if now else nearest(row["source"], bills)
                problem = f"source: no billing source is called {row['source']!r:.60}{hint}"
                yield Doubt(file, line, problem, True)


def _unknown_names(declared: Declared) -> Iterator[Doubt]:
    environments = {row["environment"] for _, row in declared["environments"]}
    for file in ("key_map", "project_map"):
        for line, row in declared[file]:
            if row["environment"] is not None and row["environment"] not in environments:
                problem = (
                    f"environment: {row['environment']!r:.60} is not in environments.csv, so it counts as production"
                )
                yield Doubt(file, line, problem + nearest(row["environment"], environments))
    features = {row["feature_id"] for _, row in declared["features"]}
    for line, row in declared["bundle_prices"]:
        if features and row["feature_id"] not in features:
            problem = (
                f"feature_id: {row['feature_id']!r:.60} is not in features.csv{nearest(row['feature_id'], features)}"
            )
            yield Doubt("bundle_prices", line, problem)
    for line, row in declared["budgets"]:
        if row["scope"] == "all":
            continue
        file, column = _OF_SCOPE[row["scope"]]
        names = {named[column] for _, named in declared[file]} - {None}
        if names and row["scope_value"] not in names:
            problem = f"scope_value: no {row['scope']} in {file}.csv is called {row['scope_value']!r:.60}"
            yield Doubt("budgets", line, problem + nearest(row["scope_value"], names))
    aliases = {row["alias"] for _, row in declared["model_aliases"] if row["alias"] != row["model"]}
    for line, row in declared["model_aliases"]:
        if row["model"] in aliases:
            yield Doubt(
                "model_aliases", line, f"model: {row['model']!r:.60} is an alias itself; a name is followed once"
            )


def _said_twice(declared: Declared) -> Iterator[Doubt]:
    """Rows that are one once providers and models have one name each, and bills that claim the same calls."""
    models = _models(declared)
    for file in (*_PRICES, "context_thresholds"):
        seen: dict[tuple[Any, ...], int] = {}
        for line, row in declared[file]:
            renamed = models.threshold(dict(row)) if file == "context_thresholds" else models.price(dict(row))
            key = tuple(renamed[column] for column in KEYS[file])
            if key in seen:
                problem = f"model: {row['model']!r:.60} is another name of the model on line {seen[key]}; both say all else alike"
                yield Doubt(file, line, problem)
            seen.setdefault(key, line)
        if file in _PRICES:
            yield from _decided_by_version(file, declared[file])
    claimed: dict[tuple[Any, ...], tuple[str, int]] = {}
    for line, row in sorted(declared["billing_sources"], key=lambda one: (one[1]["source"], one[0])):
        calls = (naming.provider(row["provider"]), row["endpoint"], row["billing_account_id"])
        if calls in claimed:
            source, first = claimed[calls]
            yield Doubt(
                "billing_sources",
                line,
                f"provider: line {first} gives the same calls to {source}, which gets them",
                True,
            )
        claimed.setdefault(calls, (row["source"], line))


def _decided_by_version(file: str, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Doubt]:
    """Two prices of one key from one day on: the version decides, and 9 goes before 10, since versions are texts."""
    found: dict[tuple[Any, ...], tuple[int, Mapping[str, Any]]] = {}
    for line, row in rows:
        key = tuple(row[column] for column in KEYS[file] if column != "version")
        first, other = found.setdefault(key, (line, row))
        if other["price_per_million"] != row["price_per_million"]:
            counts = max(str(row["version"]), str(other["version"]))
            problem = f"price_per_million: another price of the same key and first day is on line {first}; version {counts!r} counts"
            yield Doubt(file, line, problem)


def _models(declared: Declared) -> Models:
    sources = [{**row, "provider": naming.provider(row["provider"])} for _, row in declared["billing_sources"]]
    return Models([row for _, row in declared["model_aliases"]], sources)


def _listed(models: Models, row: Mapping[str, Any]) -> tuple[list[str], dict[str, tuple[Decimal, Decimal]]] | None:
    """The models the book has of a price row's providers, and its lowest and highest price of the row's model by meter.

    Null where the book knows none of the providers.
    """
    providers = models.providers(row["source"])
    known = [name for provider in providers for name in prices.models_of(provider)]
    if not known:
        return None
    called = models.of_bill(row["source"], row["model"])
    book: dict[str, tuple[Decimal, Decimal]] = {}
    for provider in providers:
        asked = Called(row["source"], provider, called.model, row["geography"] or called.geography, row["model"])
        for listed in prices.list_prices([asked], ()):
            low, high = book.get(listed["meter"], (listed["price_per_million"],) * 2)
            price = listed["price_per_million"]
            book[listed["meter"]] = (min(low, price), max(high, price))
    return known, book


def _far(row: Mapping[str, Any], book: Mapping[str, tuple[Decimal, Decimal]]) -> str | None:
    low, high = book.get(row["meter"], (Decimal(0), Decimal(0)))
    price = row["price_per_million"]
    if not low or not price or (low <= price * _FAR and price <= high * _FAR):
        return None
    spans = f"{low.normalize():f}" + (f" to {high.normalize():f}" if high != low else "")
    told = f"price_per_million: {price.normalize():f}, and the price book has {spans} for a million {row['meter']}"
    # A discount or a dearer tier may stand between the book and what is meant.
    slips = (unit for factor, unit in _SLIPS.items() if low <= price * factor * 3 and price * factor <= high * 3)
    slip = next(slips, None)
    return told + (f"; is it the price of a {slip}?" if slip else "")
