"""What is known at ``as_of``: the lake files and small tables that a build is made from, and their identity."""

from __future__ import annotations

import errno
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from reconcilers.configured import configured_sources
from reconcilers.declared import euro_rates, models, reference
from reconcilers.declared.settings import Settings
from reconcilers.errors import Damaged, ReconcileError, SourceBroken
from reconcilers.fetching import ahead, readers_of
from reconcilers.ingest.completeness import knowledge
from reconcilers.ingest.landing import Landed, Landing, Refused
from reconcilers.ingest.normalise import Lake, Normalised, models_told
from reconcilers.ingest.resolution.days import resolve
from reconcilers.ingest.resolution.tellings import Knowledge
from reconcilers.ingest.told_already import left_out_charges
from reconcilers.periods import Period
from reconcilers.sources.contract import Source
from reconcilers.warehouses import dbt


@dataclass(frozen=True)
class Known:
    """Lake files per entity, reference tables, and tables of what is known of the sources themselves."""

    files: dict[str, list[Path]]
    reference: dict[str, Any]
    knowledge: dict[str, Any]


#: (pulls looked at, all of them, what is read now)
Progress = Callable[[int, int, str], None]


def known(
    settings: Settings,
    as_of: datetime,
    only: Callable[[Landed], bool] | None = None,
    progress: Progress | None = None,
) -> Known:
    """What is known at ``as_of``. Of pulls, ``only`` those it takes. ``progress`` hears of pulls that are read anew, as all are that
    another release read."""
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    configured = configured_sources(settings)
    sources = {source.name: source for _, source in configured}
    files: dict[str, list[Path]] = {}
    charges: list[tuple[Landed, Path]] = []
    declared: dict[str, Landed] = {}
    unread: list[Refused] = []
    told_by: dict[str, list[Landed]] = {}
    for landed in landing.known(as_of):
        if landed.source == reference.SOURCE:
            declared[landed.unit] = landed
        elif landed.source in sources and (only is None or only(landed)):
            told_by.setdefault(landed.source, []).append(landed)
    number, in_all = 0, sum(map(len, told_by.values()))
    for name, pulls in told_by.items():
        source = sources[name]
        anew = {landed.landing_id for landed in pulls if not lake.has(source, landed)} if progress else set()
        for landed, reading_it in ahead(pulls, lambda one: one, partial(reading_of, lake, source), readers_of(source)):
            if progress and landed.landing_id in anew:
                progress(number, in_all, f"read {landed.source} {landed.unit}")
            number += 1
            reading, problem = reading_it.result()
            if problem is not None:
                unread.append(_unread(landed, source.days(landed.unit), problem, reading))
            for entity, path in reading.files.items() if reading else ():
                files.setdefault(entity, []).append(path)
                charges += [(landed, path)] if entity == "charges" else []
    for landed, left_out in left_out_charges(charges):
        files.setdefault("left_out_charges", []).append(lake.keep(landed, "left_out_charges", left_out))
    rows = {name: reference.rows(first_path(declared.get(name)), name) for name in reference.CONTRACTS}
    euro = first_path(declared.get(reference.EURO_RATES))
    rows["exchange_rates"] = euro_rates.with_euro_rates(rows["exchange_rates"], euro, settings.reporting_currency)
    told = [models.Told(*one) for one in models_told(files)]
    bills = [str(config["name"]) for config in settings.billing]
    told += [
        models.Told(source, None, row["model"])
        for row in rows["skus"]
        if row["model"]
        for source in ([row["source"]] if row["source"] else bills)
    ]
    made = resolve(files.get("calls", []), settings.lake, *_knowledge(models.named(rows, told, price_book=False)))
    for entity, paths in made.items():
        files[entity] = files.get(entity, []) + paths
    # A call of several tellings can have one's provider and another's model.
    told += [models.Told(*one) for one in models_told(made)]
    rows = models.named(rows, told, price_book=settings.price_book == "genai-prices")
    rows = rows | _told_in_order(settings, landing.known(as_of))
    tables = {name: reference.table(found, name) for name, found in rows.items()}
    return Known(files, tables, knowledge(landing, configured, as_of, unread))


def held(settings: Settings, as_of: datetime) -> dict[str, dict[str, Any]]:
    """What is known of each configured source at ``as_of``: room, kind, units, rows per entity, billed cost per currency (ISO code →
    decimal text), ``last_day`` its newest line speaks of, the days it answered for (``landed_from`` to ``landed_until``), without those that are only pulled again."""
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    found = {}
    for room, source in configured_sources(settings):
        rows: Counter[str] = Counter()
        billed: dict[str, Decimal] = {}
        last_day = None
        units = landing.known(as_of, [source.name])
        for landed in units:
            content, _ = reading_of(lake, source, landed)
            if content is None:
                continue
            rows.update(content.rows)
            last_day = max(filter(None, (last_day, content.last_day)), default=None)
            for currency, cost in content.billed_cost.items():
                billed[currency] = billed.get(currency, Decimal(0)) + Decimal(cost)
        asked = landing.asked(source.name, as_of).items()
        landed_days = [day for day, told in asked if told.landed and not told.pulled_again]
        found[source.name] = {
            "room": room,
            "kind": source.kind,
            "units": len(units),
            "rows": dict(sorted(rows.items())),
            "billed_cost": {currency: f"{cost:f}" for currency, cost in sorted(billed.items())},
            "last_day": last_day,
            "landed_from": str(min(landed_days)) if landed_days else None,
            "landed_until": str(max(landed_days)) if landed_days else None,
        }
    return found


def fingerprint(told: Known, variables: Mapping[str, object]) -> str:
    """Identity of what the tables are made from: lake files, which never change, the small tables beside them, dbt's text."""
    digest = hashlib.sha256(f"{dbt.recipe(variables)} {dbt.audits()}".encode())
    for entity, paths in sorted(told.files.items()):
        digest.update(f"{entity} {sorted(f'{path.parent.name}/{path.name}' for path in paths)}".encode())
    for tables in (told.reference, told.knowledge):
        for name, table in sorted(tables.items()):
            digest.update(f"{name} {table.to_pylist()}".encode())
    return digest.hexdigest()


#: Errors of the machine and not of a source's code: the next unit would meet them, too.
_OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)


@contextmanager
def our_fault(source: str, unit: str | None = None) -> Iterator[None]:
    """Whatever a source's code fails with is an error of ours that names it, and so stops that unit only."""
    try:
        yield
    except (ReconcileError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
            raise
        raise SourceBroken.by(error, source=source, period=unit) from error


def reading_of(lake: Lake, source: Source, landed: Landed) -> tuple[Normalised | None, ReconcileError | None]:
    """The lake rows of a committed pull. Where the source's recipe of today refuses the bytes: its last good reading, if there is one,
    and why it is that."""
    try:
        with our_fault(source.name, landed.unit):
            return lake.ensure(source, landed), None
    except Damaged:
        raise
    except ReconcileError as error:
        return lake.last_reading(source, landed), error


def _unread(landed: Landed, days: Period | None, problem: ReconcileError, reading: Normalised | None) -> Refused:
    """A pull taken once that the recipe of today does not read."""
    kept = "its last good reading counts" if reading else "no earlier reading is kept, so nothing of it counts"
    told = days_told(days)
    return Refused(
        landed.source, landed.unit, f"landed before and not read as configured now ({problem}); {kept}", *told
    )


def days_told(days: Period | None) -> tuple[str | None, str | None]:
    return (str(days.start), str(days.end - timedelta(days=1))) if days else (None, None)


def _knowledge(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[Knowledge, str]:
    """What resolution needs of what a company declares, and what stands for it."""
    names = {(row["provider"], row["name"]): row["model"] for row in rows["model_names"] if row["source"] is None}
    mapped = {row["provider"] for row in rows["billing_sources"]}
    declared = Knowledge(
        model_name=lambda provider, name: names.get((provider, name), name),
        is_mapped=lambda provider: None in mapped or provider in mapped,
    )
    renamed = sorted((told, model) for told, model in names.items() if told[1] != model)
    return declared, repr((renamed, sorted(mapped, key=repr)))


def _told_in_order(settings: Settings, known: Iterable[Landed]) -> dict[str, list[dict[str, Any]]]:
    """The sources of revenue, and what is known of them and of invoices in the order it was told: of two lines of one ``revenue_id``,
    and of two tellings of one invoice, the later counts."""
    rooms = {"revenue": settings.revenue, "invoice": settings.invoices}
    names = {room: {str(config["name"]) for config in sources} for room, sources in rooms.items()}
    told = sorted((one.known_at, one.unit, one.source, one.landing_id) for one in known)
    return {"revenue_sources": [{"source": name} for name in sorted(names["revenue"])]} | {
        f"{room}_deliveries": [
            {"source": source, "unit": unit, "landing_id": landing_id, "place": place}
            for place, (_, unit, source, landing_id) in enumerate((one for one in told if one[2] in of_room), start=1)
        ]
        for room, of_room in names.items()
    }


def first_path(landed: Landed | None) -> Path | None:
    """The first file of a pull, proven; null where nothing landed. Raises ``SourceRejected`` where it is not what landed."""
    return landed.proven(landed.objects[0]) if landed and landed.objects else None
