"""One number back to its bytes: an event's runs and calls, the charge lines that paid them, the prices, the files.

Everything comes from the published tables, the lake and landing; the private store is never opened, so an explanation
never waits for a run. A share is reckoned again with plain integers (``money.carve``, rule R17), not read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.ingest.lake import schema
from reconcilers.ingest.landing import Landing
from reconcilers.known import known
from reconcilers.money import carve, nanos_of
from reconcilers.periods import parse_instant
from reconcilers.sources.folders import split_line
from reconcilers.warehouses.base import Published
from reconcilers.warehouses.choice import current

#: A stored line longer than this is cut when it is shown.
SHOWN_CHARACTERS = 600
Row = dict[str, Any]
#: What the calls of an event were told by. A telling that stands alone is its call; of others the lake says what each did.
_TOLD_BY = """
with told as (
    select own_id, unnest(took_part, recursive := true) from resolved_calls where event_id = $event_id
    union all
    select
        coalesce(lower(trace_id) || '|' || lower(span_id), source || '|' || record_id), source, landing_id, landing_line,
        case when len(usage) > 0 and not answered_from_cache then 'counted' else 'told' end
    from calls
    where event_id = $event_id and billable
        and (landing_id, landing_row) not in (select (told_landing_id, told_landing_row) from resolved_tellings)
)

select md5(own_id) as call_id, source, landing_id, landing_line, part from told
"""


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
class Span:
    """A line of telemetry, and what it did for which calls of an event (``took_part`` in ``docs/lake.md``): part → call ids."""

    stored: StoredLine
    parts: dict[str, list[str]]


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
    """An event as published, its runs, its dearest shares and the spans that told its calls, those of the dearest first."""

    event: Row
    runs: list[Row]
    shares: list[Share]
    shares_in_all: int
    spans: list[Span]
    spans_in_all: int


def explain(settings: Settings, event_id: str, limit: int = 5) -> Explanation:
    """Explain the cost of one event by its ``limit`` dearest shares and as many spans. Raises ``SettingsInvalid`` for an unknown event."""
    published = current(settings)
    files = _Files(settings, parse_instant(published.facts["as_of"]))
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
    told_by = files.told_by(event_id, [row["call_id"] for row in found])
    spans = [Span(files.stored(*where), parts) for where, parts in list(told_by.items())[:limit]]
    return Explanation(events[0], runs, shares, len(found), spans, len(told_by))


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
    """The lake as known at ``as_of`` and landing, of one company, looked up by id."""

    def __init__(self, settings: Settings, as_of: datetime) -> None:
        self.lake = known(settings, as_of).files
        self.landing = Landing(settings.landing, settings.renamed)
        self.sources = {source.name: source for _, source in configured_sources(settings)}
        #: Objects hashed for this explanation.
        self.proven: set[str] = set()

    def charge(self, source: str, charge_id: str) -> StoredLine | None:
        """The stored line of one charge; null when its bill was landed anew since and is not published yet."""
        sql = """select source, landing_id, landing_line from charges
                 where source = $source and charge_id = $charge_id order by all limit 1"""
        rows = self._ask(sql, ["charges"], source=source, charge_id=charge_id)
        return self.stored(*rows[0]) if rows else None

    def told_by(self, event_id: str, calls: Sequence[str]) -> dict[tuple[str, str, int], dict[str, list[str]]]:
        """(source, landing id, line) → what it did for which calls of an event. Lines of ``calls`` come first, in their order."""
        places = {call_id: place for place, call_id in enumerate(dict.fromkeys(calls))}
        found: dict[tuple[str, str, int], dict[str, list[str]]] = {}
        rows = self._ask(_TOLD_BY, ["calls", "resolved_calls", "resolved_tellings"], event_id=event_id)
        for call_id, *where, part in sorted(rows, key=lambda row: (places.get(row[0], len(places)), *row)):
            source, landing_id, line = where
            found.setdefault((source, landing_id, line), {}).setdefault(part, []).append(call_id)
        return found

    def stored(self, source: str, landing_id: str, landing_line: int) -> StoredLine:
        """The line of a landed file that a row of the lake was read from."""
        landed = self.landing.find(source, landing_id)
        index, line = split_line(landing_line)
        item = landed.objects[index]
        if item.sha256 not in self.proven:
            landed.proven(item)
            self.proven.add(item.sha256)
        text = self.sources[source].cited(landed.path(item), item.name, line)
        return StoredLine(source, item.name, line, item.sha256, text)

    def _ask(self, sql: str, entities: Iterable[str], **values: str) -> list[tuple[Any, ...]]:
        import duckdb

        with duckdb.connect() as connection:
            for entity in entities:
                if paths := [str(path) for path in self.lake.get(entity, ())]:
                    connection.read_parquet(paths).create_view(entity)
                else:
                    connection.register(entity, schema(entity).empty_table())
            return connection.execute(sql, values).fetchall()


def _rows(published: Published, sql: str, *values: Any) -> list[Row]:
    found = published.ask(sql, *values)
    return [dict(zip(found.names, row, strict=True)) for row in found.rows]
