"""Who a row belongs to and what it is a quantity of: key dimensions, filling upwards, depth, prices (R8, D3, D12)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from reconcilers.sample_company.seen.facts import (
    DIMENSION_DEFAULTS,
    METER_SCALES,
    PRICE_DIMENSIONS,
    Charge,
    Facts,
    Key,
    Price,
    Source,
)
from reconcilers.sample_company.truth.carve import half_away

#: Depths of R8, shallowest first; each is the number of account, project and key it stands for.
NONE, ACCOUNT, PROJECT, KEY = range(4)

SortKey = tuple[tuple[bool, bytes], ...]


class Dims(NamedTuple):
    """The key dimensions in key order (R8); ``time`` is the ISO date of the UTC day, or of the month's first day."""

    source: str
    billing_account_id: str | None
    sub_account_id: str | None
    api_key_id: str | None
    model: str | None
    meter: str | None
    service_tier: str | None
    batch: str | None
    context_band: str | None
    geography: str | None
    region: str | None
    speed: str | None
    modality: str | None
    cache_ttl: str | None
    time: str

    @property
    def depth(self) -> int:
        """How much the row knows: key, project, account or none (R8)."""
        if self.api_key_id is not None:
            return KEY
        if self.sub_account_id is not None:
            return PROJECT
        return NONE if self.billing_account_id is None else ACCOUNT

    @property
    def prices(self) -> tuple[str | None, ...]:
        """The eight price-setting dimensions."""
        return self[6:14]


def text_order(text: str | None) -> tuple[bool, bytes]:
    """Sorts text bytewise, null last (R8)."""
    return (text is None, b"" if text is None else text.encode())


def key_order(dims: Dims) -> SortKey:
    """Key order: bytewise over the dimensions, null last (R8)."""
    return tuple(text_order(value) for value in dims)


def scaled_quantity(meter: str | None, quantity: Decimal) -> int:
    """A quantity in whole units of the meter's fixed scale, rounded half away from zero (R10)."""
    return half_away(Fraction(quantity) * meter_scale(meter))


def meter_scale(meter: str | None) -> int:
    """How many stored units make one unit of the meter."""
    return int(10 ** METER_SCALES.get(meter or "", 0))


def to_quantity(meter: str | None, stored: int) -> Decimal:
    """Stored units as a quantity in the meter's own unit."""
    return Decimal(stored).scaleb(-METER_SCALES.get(meter or "", 0))


def default_of(dimension: str, meter: str | None) -> str:
    """What the provider means by leaving a price-setting dimension out."""
    if dimension == "cache_ttl" and meter == "cache_write_input_tokens":
        return "5m"
    return DIMENSION_DEFAULTS[dimension]


class Filler:
    """Fills what is known upwards, a source at a time: a key determines its project, a project its account (R8, D3)."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        #: What the bill's own lines say; the bytewise smallest where they contradict each other.
        self.project_of_key: dict[tuple[str, str], str] = {}
        self.account_of_project: dict[tuple[str, str], str] = {}
        self._learn(facts.charges)

    def _learn(self, charges: list[Charge]) -> None:
        for charge in charges:
            key = charge.key
            if key.api_key_id is not None and key.sub_account_id is not None:
                _keep_smallest(self.project_of_key, (charge.source, key.api_key_id), key.sub_account_id)
        for charge in charges:  # Reading 2: with projects already filled from keys
            project = self.project(charge.source, charge.key)
            if project is not None and charge.key.billing_account_id is not None:
                _keep_smallest(self.account_of_project, (charge.source, project), charge.key.billing_account_id)

    def source(self, source: str) -> Source:
        """What finance declares about a source; nothing, if it declares nothing."""
        return self.facts.sources.get(source) or Source(source)

    def project(self, source: str, key: Key) -> str | None:
        """The project told, else of the key: by the bill, then the mapping, else a project of its own."""
        if key.sub_account_id is not None or key.api_key_id is None:
            return key.sub_account_id
        place = (source, key.api_key_id)
        mapped, _ = self.facts.key_map.get(place, (None, None))
        return self.project_of_key.get(place) or mapped or f"(key) {key.api_key_id}"

    def account(self, source: str, key: Key, project: str | None) -> str | None:
        """The account told, else of the project: by the bill, then the mapping, then configuration."""
        if key.billing_account_id is not None or project is None:
            return key.billing_account_id
        place = (source, project)
        mapped, _ = self.facts.project_map.get(place, (None, None))
        return self.account_of_project.get(place) or mapped or self.source(source).default_account_id

    def dims(self, source: str, key: Key, meter: str | None, time: str, *, told_only: bool) -> Dims:
        """All key dimensions of a row; with ``told_only`` those its source's bill does not tell are null (R8)."""
        project = self.project(source, key)
        grain = self.source(source).grain
        prices: list[str | None] = [
            (getattr(key, name) or default_of(name, meter)) if not told_only or name in grain else None
            for name in PRICE_DIMENSIONS
        ]
        who = (source, self.account(source, key, project), project, key.api_key_id, key.model, meter)
        return Dims._make((*who, *prices, time))

    def told(self, dims: Dims) -> tuple[str | None, ...]:
        """The price-setting dimensions of ``dims`` that its source's bill tells; null for the others."""
        grain = self.source(dims.source).grain
        pairs = zip(PRICE_DIMENSIONS, dims.prices, strict=True)
        return tuple(value if name in grain else None for name, value in pairs)

    def is_mapped_non_production(self, dims: Dims) -> bool:
        """R7: the key, else its project, is mapped to a known non-production environment."""
        environment = None
        if dims.api_key_id is not None:
            environment = self.facts.key_map.get((dims.source, dims.api_key_id), (None, None))[1]
        if environment is None and dims.sub_account_id is not None:
            environment = self.facts.project_map.get((dims.source, dims.sub_account_id), (None, None))[1]
        return environment is not None and not is_production(environment, self.facts)


def is_production(environment: str | None, facts: Facts) -> bool:
    """R7: compared without case; an unknown environment counts as production (and is a break)."""
    return environment is None or facts.environments.get(environment.lower(), True)


def _keep_smallest(table: dict[tuple[str, str], str], place: tuple[str, str], value: str) -> None:
    known = table.get(place)
    if known is None or value.encode() < known.encode():
        table[place] = value


class DayKey(NamedTuple):
    """What billed and expected cost are held against each other for (R19, R25): the account, filled, and nothing below.

    ``told`` are the eight price-setting dimensions, null where the bill tells none. ``day`` is the first of its month
    where ``is_month``: a line longer than a day.
    """

    source: str
    billing_account_id: str | None
    model: str | None
    meter: str | None
    told: tuple[str | None, ...]
    day: date
    is_month: bool = False

    @property
    def names(self) -> dict[str, str | None]:
        """The key of a break."""
        told = dict(zip(PRICE_DIMENSIONS, self.told, strict=True))
        return {"billing_account_id": self.billing_account_id, "model": self.model, "meter": self.meter, **told}


class DayKeys:
    """Day keys of the rows of one answer. Where some row tells no account, those equal in all else are one key (R25)."""

    def __init__(self, filler: Filler, rows: Iterable[tuple[Dims, bool]]) -> None:
        self._filler = filler
        keys = {self._filled(dims, is_month) for dims, is_month in rows}
        self._without_account = {key for key in keys if key.billing_account_id is None}

    def of(self, dims: Dims, is_month: bool = False) -> DayKey:
        key = self._filled(dims, is_month)
        without = key._replace(billing_account_id=None)
        return without if without in self._without_account else key

    def _filled(self, dims: Dims, is_month: bool) -> DayKey:
        account = dims.billing_account_id or self._filler.source(dims.source).default_account_id
        day = date.fromisoformat(dims.time)
        return DayKey(dims.source, account, dims.model, dims.meter, self._filler.told(dims), day, is_month)


class Prices:
    """Looks prices up: contract, else list (D12)."""

    def __init__(self, facts: Facts) -> None:
        self.contract = _by_meter(facts.contract_prices)
        self.list = _by_meter(facts.list_prices)

    def price_per_million(self, dims: Dims) -> Decimal | None:
        """The price in use of a usage on its day; ``None`` = not known, never 0 (R18)."""
        found = _best(self.contract, dims)
        return found if found is not None else _best(self.list, dims)

    def contains_reductions(self, dims: Dims) -> bool:
        """R19: a contract price below list is one that price reductions (R6) have made (reading 22)."""
        contract, listed = _best(self.contract, dims), _best(self.list, dims)
        return contract is not None and listed is not None and contract < listed


_PriceList = dict[tuple[str, str | None, str | None], list[Price]]


def _by_meter(prices: Iterable[Price]) -> _PriceList:
    table: _PriceList = {}
    for price in prices:
        table.setdefault((price.source, price.model, price.meter), []).append(price)
    return table


def _best(prices: _PriceList, dims: Dims) -> Decimal | None:
    """Of the rows that fit: most dimensions told, then the latest ``valid_from``, then the bytewise last version."""
    day = date.fromisoformat(dims.time)
    fitting = [
        price
        for price in prices.get((dims.source, dims.model, dims.meter), [])
        if all(getattr(price, name) in (None, getattr(dims, name)) for name in PRICE_DIMENSIONS)
        and (price.valid_from is None or price.valid_from <= day)
        and (price.valid_to is None or day < price.valid_to)
    ]
    if not fitting:
        return None
    return max(fitting, key=_rank).price_per_million


def _rank(price: Price) -> tuple[int, date, bytes]:
    told = sum(getattr(price, name) is not None for name in PRICE_DIMENSIONS)
    return (told, price.valid_from or date.min, price.version.encode())
