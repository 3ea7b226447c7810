"""The list-price book: dated public prices from ``genai-prices``, as rows of the ``list_prices`` contract (``docs/lake.md``).

Prices are USD per million units of a meter. What finance declares goes first: a model with a row of its own in
``list_prices.csv`` takes nothing from here, and contract prices always stand before list prices (rule R18).

The book is asked for every price as its own calculation asks it: which model a name is (also among the models of the
providers it falls back to), which prices hold on a day, at an hour, for a tier, batch or speed, and which of them prices a
token that has none of its own. Nothing of that is reckoned again here. Where the book takes the standard price because
it knows no other (a tier, batch or speed without a variant, or one before its first day), there is no price: unknown is null
plus a break.

Source of the figures: https://github.com/pydantic/genai-prices, as bundled with the pinned package; its version is the
price's version, so a book never changes under a built table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from reconcilers import money, naming

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

#: The book's provider ← OpenTelemetry's name of it, where the book itself does not know that name or takes it for another's.
_PROVIDERS = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
}
#: What the book calls a meter's unit.
_METERS: dict[str, dict[str, str]] = {
    "input_tokens": {"family": "tokens", "direction": "input"},
    "cache_read_input_tokens": {"family": "tokens", "direction": "input", "token_type": "cache_read"},
    "cache_write_input_tokens": {"family": "tokens", "direction": "input", "token_type": "cache_write"},
    "output_tokens": {"family": "tokens", "direction": "output"},
    "requests": {"family": "requests"},
    "searches": {"family": "tool_calls", "tool_type": "web_search"},
    "characters": {"family": "characters", "direction": "input"},
}
_MODALITIES = ("text", "audio", "image", "video")
_TTLS = ("5m", "1h")
#: Kinds of token that no usage tells apart: where the book prices one apart, its meter has no price.
_UNTOLD = ("reasoning", "citation", "tool")
#: What the book asks of a request, and the price dimension that tells it. Anything else it asks no call tells.
_DIMENSIONS = {"service_tier": "service_tier", "processing": "batch", "speed": "speed"}
_STANDARD = {"service_tier": "standard", "batch": "false", "speed": "standard"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Called:
    """A model under its one name, as a source's calls or bill tell it: ``name`` is how it was told."""

    source: str
    provider: str
    model: str
    geography: str | None
    name: str


@dataclass(frozen=True)
class _Listed:
    """A model of the book. ``own``: the provider's own, so that its variants hold."""

    model: ModelInfo
    own: bool


def list_prices(called: Iterable[Called], declared: Iterable[tuple[str, str]]) -> list[Row]:
    """Rows for the models called, except for the (source, model) finance declares itself.

    All rows of a meter tell the same dimensions, so that at most one of them fits a usage. A model the book does not know,
    or that its names make two models of, gives no row. Decimal throughout: the book's data are exact.
    """
    own = set(declared)
    return [
        {"source": source, "model": name, "geography": geography, "currency": "USD", "version": _version(), **row}
        for (source, name, geography), listed in _found(called, lambda c: (c.source, c.model, c.geography))
        if (source, name) not in own
        for row in _joined(_rows(listed))
    ]


def context_thresholds(called: Iterable[Called], declared: Iterable[tuple[str | None, str]]) -> list[Row]:
    """Rows of ``context_thresholds`` for the models called, except for the (provider, model) finance declares itself."""
    own = set(declared)
    return [
        {"provider": provider, "model": name, "version": _version(), **row}
        for (provider, name), listed in _found(called, lambda c: (c.provider, c.model))
        if own.isdisjoint({(provider, name), (None, name)})
        for row in _joined(_thresholds(listed))
    ]


def models_of(provider: str) -> list[str]:
    """The ids the book lists of a provider's models; none of one it does not know."""
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

    found = find_provider_by_id(get_snapshot().providers, _PROVIDERS.get(provider, provider))
    return [model.id for model in found.models] if found else []


def _found(
    called: Iterable[Called], by: Callable[[Called], tuple[str | None, ...]]
) -> Iterator[tuple[tuple[Any, ...], _Listed]]:
    """What the book lists for every key that ``by`` makes, where all that is called so is one model of it."""
    groups: dict[tuple[str | None, ...], list[Called]] = {}
    for one in called:
        groups.setdefault(by(one), []).append(one)
    for key in sorted(groups, key=lambda parts: [part or "" for part in parts]):
        found = {id(listed.model): listed for one in groups[key] if (listed := _listed(one)) is not None}
        if len(found) == 1:
            yield key, found.popitem()[1]


@cache
def _listed(called: Called) -> _Listed | None:
    """The model as it was told, else by its one name; by that first where an alias says that the two are not one.

    ``global.`` profiles are models of their own in the book, so these go by what was told alone.
    """
    from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

    providers = get_snapshot().providers
    provider = find_provider_by_id(providers, _PROVIDERS.get(called.provider, called.provider))
    if provider is None:
        return None
    aliased = naming.model(called.provider, called.name).model != called.model
    names = [called.model, called.name] if aliased else [called.name, called.model]
    if called.geography == "global":
        names = [called.name]
    for name in names:
        if model := provider.find_model(name, all_providers=providers):
            return _Listed(model, any(model is own for own in provider.models))
    return None


def _rows(listed: _Listed) -> Iterator[Row]:
    """Every price of a model with its days, hours, tier, batch and speed, and what of its meters tells prices apart."""
    for start, end in _periods(listed.model):
        asked = list(_asked(listed, start, end))
        threshold = _threshold(prices for _, _, prices in asked)
        for hours, told, prices in asked:
            for row in _meters(prices, threshold):
                yield {"valid_from": start, "valid_to": end, **hours, **told, **row}


def _asked(listed: _Listed, start: date | None, end: date | None) -> list[tuple[Row, Row, ModelPrice]]:
    """(hours, tier batch and speed, prices) of one period in which the book's answers do not change by day."""
    day = start or (end - timedelta(days=1) if end else date(2026, 1, 1))
    found = []
    for told, context in _contexts(listed, day):
        slots = [
            (hours, listed.model.get_prices(datetime.combine(day, begin, UTC), context))
            for begin, hours in _hours(listed.model)
        ]
        if all(prices == slots[0][1] for _, prices in slots):
            slots = [({}, slots[0][1])]
        found += [(hours, told, prices) for hours, prices in slots]
    return found


def _constraints(model: ModelInfo) -> list[Any]:
    dated = model.prices if isinstance(model.prices, list) else []
    return [one.constraint for one in (*dated, *(model.price_variants or ())) if one.constraint is not None]


def _periods(model: ModelInfo) -> list[tuple[date | None, date | None]]:
    """Half-open periods of days between those from which the book says something else."""
    starts = sorted({c.start_date for c in _constraints(model) if hasattr(c, "start_date")})
    return list(pairwise([None, *starts, None]))


def _hours(model: ModelInfo) -> list[tuple[time, Row]]:
    """Parts of the day between the times at which the book says something else: (first instant, half-open part)."""
    times = sorted(
        {
            at.replace(tzinfo=None)
            for c in _constraints(model)
            if hasattr(c, "start_time")
            for at in (c.start_time, c.end_time)
        }
    )
    ends = [*times[1:], *times[:1]]
    return [(b, {"time_from": f"{b:%H:%M}", "time_to": f"{e:%H:%M}"}) for b, e in zip(times, ends, strict=True)] or [
        (time(), {})
    ]


def _contexts(listed: _Listed, day: date) -> Iterator[tuple[Row, Mapping[str, str]]]:
    """What a call may tell on a day, and the book's words for it: nothing, or what one of the variants in force asks for."""
    # `default` is what OpenAI answers for its standard tier.
    yield _STANDARD, {"service_tier": "default"} if listed.own else {}
    seen: list[Mapping[str, str]] = [{"service_tier": "default"}]
    for variant in (listed.model.price_variants or ()) if listed.own else ():
        known = set(variant.when) <= set(_DIMENSIONS) and variant.when.get("processing", "batch") == "batch"
        if known and variant.when not in seen and _in_force(variant.constraint, day):
            seen.append(variant.when)
            told = {_DIMENSIONS[word]: value for word, value in variant.when.items()}
            yield _STANDARD | told | ({"batch": "true"} if "batch" in told else {}), variant.when


def _in_force(constraint: Any, day: date) -> bool:
    """Whether a variant holds the whole of a day."""
    return constraint is None or (hasattr(constraint, "start_date") and constraint.start_date <= day)


def _thresholds(listed: _Listed) -> Iterator[Row]:
    for start, end in _periods(listed.model):
        threshold = _threshold(prices for _, _, prices in _asked(listed, start, end))
        if threshold is not None:
            yield {"valid_from": start, "valid_to": end, "threshold": threshold}


def _threshold(asked: Iterable[ModelPrice]) -> int | None:
    """The smallest prompt, in tokens, above which any price is another."""
    return min(
        (price.tiers[0].start for prices in asked for price in vars(prices).values() if _is_stepped(price)),
        default=None,
    )


def _meters(prices: ModelPrice, threshold: int | None) -> Iterator[Row]:
    """Price per million units of every meter, by modality, TTL and context band where these tell prices apart."""
    for meter, unit in _METERS.items():
        if any(_price(prices, {"token_type": kind} | unit) != _price(prices, unit) for kind in _UNTOLD):
            continue
        parts: dict[tuple[str | None, ...], Decimal | None] = {
            (modality, ttl, band): _of_band(_price(prices, unit | _token(modality, ttl)), band, threshold)
            for modality in _MODALITIES
            for ttl in (_TTLS if meter == "cache_write_input_tokens" else (None,))
            for band in ("standard", "long")
        }
        telling = [_tells(parts, place) for place in range(3)]
        merged = {
            tuple(w if t else None for w, t in zip(part, telling, strict=True)): price for part, price in parts.items()
        }
        for (modality, ttl, band), price in merged.items():
            if price is not None:
                # Some prices of the book are quotients written out; tables of prices have nine decimals.
                price = money.round_half_away(price)
                told = {"modality": modality, "cache_ttl": ttl, "context_band": band}
                yield {"meter": meter, **told, "price_per_million": price}


def _token(modality: str | None, ttl: str | None) -> dict[str, str]:
    return {name: value for name, value in (("modality", modality), ("cache_ttl", ttl)) if value}


def _tells(parts: Mapping[tuple[str | None, ...], Decimal | None], place: int) -> bool:
    """Whether prices differ by what stands at one place of their keys."""
    apart: dict[tuple[str | None, ...], set[Decimal | None]] = {}
    for part, price in parts.items():
        apart.setdefault(part[:place] + part[place + 1 :], set()).add(price)
    return any(len(prices) > 1 for prices in apart.values())


def _price(prices: ModelPrice, unit: Mapping[str, str]) -> Any:
    """What the book takes for a unit, per million of it: its own price, else that of the nearest unit that contains it."""
    from genai_prices.data_units import unit_data

    containing = [
        (len(known["dimensions"]), known["per"], price)
        for known in unit_data.values()
        if known["dimensions"].items() <= unit.items()
        and (price := getattr(prices, known["price_key"], None)) is not None
    ]
    if not containing:
        return None
    _, per, price = max(containing, key=lambda found: found[0])
    return _per_million(price, per)


def _per_million(price: Any, per: int) -> Any:
    """A price, or one with steps, of ``per`` units as one of a million. Exact: ``per`` is a power of ten."""
    if not _is_stepped(price):
        return price * 1_000_000 / per
    return replace(
        price,
        base=_per_million(price.base, per),
        tiers=[replace(t, price=_per_million(t.price, per)) for t in price.tiers],
    )


def _of_band(price: Any, band: str, threshold: int | None) -> Decimal | None:
    """The price of a context band; unknown above the threshold where the price has its own step or several."""
    if not _is_stepped(price):
        return cast("Decimal | None", price)
    if band == "standard":
        return cast("Decimal", price.base)
    return price.tiers[0].price if [tier.start for tier in price.tiers] == [threshold] else None


def _joined(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of their days, those that say the same of days that follow each other as one."""
    last: dict[tuple[object, ...], Row] = {}
    joined = []
    for row in rows:
        said = tuple(value for name, value in row.items() if name not in ("valid_from", "valid_to"))
        if said in last and last[said]["valid_to"] == row["valid_from"]:
            last[said]["valid_to"] = row["valid_to"]
        else:
            last[said] = row
            joined.append(row)
    return joined


@cache
def _version() -> str:
    from genai_prices import __version__

    return f"genai-prices {__version__}"


def _is_stepped(price: object) -> bool:
    return hasattr(price, "tiers")
