"""One number back to its bytes: an event's runs and calls, the charge lines that paid them, the prices, the files.

Everything comes from the published tables, the lake and landing; the private store is never opened, so an explanation
never waits for a run. A share is reckoned again with plain integers (``money.carve``, rule R17), not read back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.ingest.landing import Landing
from reconcilers.money import carve, nanos_of
from reconcilers.pipeline import configured_sources
from reconcilers.sources.folders import split_line
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import warehouse_of

#: A stored line longer than this is cut when it is shown.
SHOWN_CHARACTERS = 600
Row = dict[str, Any]


@dataclass(frozen=True)
class StoredLine:
    """One line of a landed file: where it is, the sha256 of the file, and its text as stored."""

    source: str
    file: str
    line: int
    sha256: str
    text: str


@dataclass
class ChargeLine:
    """One line of a bill that paid a usage cell's bill cell; ``cost`` is what it brings to the bill cell."""

    charge_id: str
    part: str
    cost: Decimal
    stored: StoredLine | None


@dataclass
class Share:
    """What one usage of a call received, and the same reckoned again from the cell's receipt."""

    call_id: str
    run_id: str | None
    model: str | None
    meter: str | None
    quantity: Decimal
    cost: Decimal
    cell_id: str
    cell_quantity: Decimal
    cell_cost: Decimal
    rederived_cost: Decimal
    contract_price: Decimal | None
    price_version: str | None
    lines: list[ChargeLine] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the published share is what the rules give."""
        return self.rederived_cost == self.cost


@dataclass
class Explanation:
    """An event as published, its runs, its dearest shares and the spans behind its calls."""

    event: Row
    runs: list[Row]
    shares: list[Share]
    shares_in_all: int
    spans: list[StoredLine]


def explain(settings: Settings, event_id: str, limit: int = 5) -> Explanation:
    """Explain the cost of one event by its ``limit`` dearest shares. Raises ``SettingsInvalid`` for an unknown event."""
    published = current(settings)
    files = _Files(settings)
    events = _rows(published, "select * from finance.fct_cost_per_outcome where event_id = ?", event_id)
    if not events:
        raise SettingsInvalid(
            f"no event {event_id!r:.200} is published",
            hint='`reconcile query "select event_id from finance.fct_cost_per_outcome limit 10"` shows some',
        )
    runs = _rows(
        published, "select * from finance.fct_run_cost where event_id = ? order by started_at, run_id", event_id
    )
    found = _rows(
        published,
        """select allocation.*, cells.quantity_scale, cells.contract_price, coalesce(cells.contract_price_version, cells.list_price_version) as price_version
           from finance.fct_allocation as allocation
           left join finance.dim_match_groups as cells on allocation.match_group_id = cells.match_group_id
           where allocation.event_id = ? and allocation.target_kind = 'call' order by allocation.reconciled_cost desc, allocation.allocation_id""",
        event_id,
    )
    shares = [_share(published, files, row) for row in found[:limit]]
    return Explanation(events[0], runs, shares, len(found), list(files.spans(event_id)))


def current(settings: Settings) -> Published:
    """What the company has published. Raises ``SettingsInvalid`` before the first time."""
    published = warehouse_of(settings).current()
    if published is None:
        raise SettingsInvalid("nothing is published yet", hint="run `reconcile run --date DAY` first")
    return published


def _share(published: Published, files: _Files, row: Row) -> Share:
    """One share, its cell's receipt carved again over the cell's calls, and the lines that paid."""
    cell = _rows(
        published,
        """select call_id, quantity, reconciled_cost from finance.fct_allocation
           where match_group_id = ? and target_kind = 'call' and billing_currency = ? and billing_period_start = ? and charge_month = ?
           order by call_id""",
        *(row[name] for name in ("match_group_id", "billing_currency", "billing_period_start", "charge_month")),
    )
    received = sum((other["reconciled_cost"] for other in cell), Decimal(0))
    weights = [int(other["quantity"] * row["quantity_scale"]) for other in cell]
    shares = carve(nanos_of(received), sum(weights), weights)
    mine = next(index for index, other in enumerate(cell) if other["call_id"] == row["call_id"])
    lines = _rows(
        published,
        """select distinct charges.charge_id, charges.part, charges.cost
           from finance.bridge_match_group_usage as paid
           join finance.bridge_match_group_charge as charges on paid.bill_match_group_id = charges.match_group_id
           where paid.match_group_id = ? order by charges.cost desc, charges.charge_id limit 5""",
        row["match_group_id"],
    )
    return Share(
        row["call_id"],
        row["run_id"],
        row["model"],
        row["meter"],
        row["quantity"],
        row["reconciled_cost"],
        row["match_group_id"],
        sum((other["quantity"] for other in cell), Decimal(0)),
        received,
        Decimal(shares[mine]).scaleb(-9),
        row["contract_price"],
        row["price_version"],
        [
            ChargeLine(line["charge_id"], line["part"], line["cost"], files.charge(row["source"], line["charge_id"]))
            for line in lines
        ],
    )


class _Files:
    """The lake and landing of one company, looked up by id."""

    def __init__(self, settings: Settings) -> None:
        self.lake, self.landing = settings.lake, Landing(settings.landing)
        self.sources = {source.name: source for _, source in configured_sources(settings)}

    def charge(self, source: str, charge_id: str) -> StoredLine | None:
        """The stored line of one charge; null when the lake no longer has it (``reconcile run`` writes it again)."""
        rows = self._find("charges", source, "charge_id = ?", [charge_id])
        return next((self._stored(row) for row in rows), None)

    def spans(self, event_id: str) -> Iterator[StoredLine]:
        """The stored lines of an event's calls, as delivered, at most ten."""
        found = [
            row for name in self.sources for row in self._find("calls", name, "event_id = ? and billable", [event_id])
        ]
        for row in found[:10]:
            yield self._stored(row)

    def _find(self, entity: str, source: str, condition: str, values: list[Any]) -> list[Row]:
        import duckdb

        files = [str(path) for path in sorted((self.lake / source).glob(f"*/{entity}.parquet"))]
        if not files:
            return []
        with duckdb.connect() as connection:
            sql = (
                f"select distinct source, landing_id, landing_line from read_parquet(?) where {condition} order by all"
            )
            cursor = connection.execute(sql, [files, *values])
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _stored(self, row: Row) -> StoredLine:
        landed = self.landing.find(row["source"], row["landing_id"])
        index, line = split_line(row["landing_line"])
        item = landed.objects[index]
        text = self.sources[row["source"]].cited(landed.path(item), item.name, line)
        return StoredLine(row["source"], item.name, line, item.sha256, text)


def _rows(published: Published, sql: str, *values: Any) -> list[Row]:
    found = published.ask(sql, *values)
    return [dict(zip(found.names, row, strict=True)) for row in found.rows]
