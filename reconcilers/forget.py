"""A user's id out of all that is stored: landing is rewritten where telemetry told it, and what came of it before is removed.

Of a pull everything else stays: unit, knowledge time, lines and their numbers, so that no event, tenant, call or amount changes;
the user of a call is then not known. What was received of telemetry and refused goes whole: it was not understood, so nobody
knows where in it an id stands. Killed anywhere, forgetting again finishes it: a pull is rewritten before anything is
removed, and what is removed is all that no manifest names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.errors import ReconcileError, SettingsInvalid
from reconcilers.ingest.landing import Landed, Landing
from reconcilers.ingest.normalise import Lake, Normalised
from reconcilers.ingest.unnamed import Removed, remove_unnamed
from reconcilers.pipeline import who, writing
from reconcilers.sources import registry
from reconcilers.sources.telemetry.base import USER_KEY_VARIABLE, TelemetrySource, hash_user

#: That somebody was forgotten lands under this name.
FORGOTTEN = "(forgotten)"
#: (objects looked through, those that tell the id)
Progress = Callable[[int, int], None]


@dataclass
class Told:
    """Where a source told the id: pulls, objects of them, lines of those."""

    pulls: int = 0
    objects: int = 0
    lines: int = 0


@dataclass
class Forgotten:
    """What there was to forget, by source. ``passed_over`` are sources of telemetry that landed and are not configured, so that nobody
    knows what of theirs is a user's id; ``refused`` counts the deliveries of telemetry that stand in quarantine, whoever they tell
    of; ``removed`` is null where nothing was to be changed."""

    told: dict[str, Told] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    refused: int = 0
    removed: Removed | None = None


@dataclass
class _Telling:
    """A pull that tells the id: its manifest, and of each object that does its number and the file without it."""

    source: TelemetrySource
    record: Path
    landed: Landed
    without: dict[int, tuple[Path, int]]


def look_for(settings: Settings, user_id: str, progress: Progress | None = None) -> Forgotten:
    """Where a user's id, as emitters told it, stands in landing; nothing is changed. Raises ``SourceRejected`` where landed bytes
    are damaged, or the id also tells something else."""
    found = Forgotten(refused=len(_refused(Landing(settings.landing))))
    with TemporaryDirectory(prefix="reconcile-forget-") as work:
        for _ in _telling(settings, user_id, found, Path(work), progress):
            pass
    return found


def forget(
    settings: Settings, user_id: str, as_of: datetime, reason: str = "", progress: Progress | None = None
) -> Forgotten:
    """Take a user's id, as emitters told it, out of landing and the lake; ``as_of`` is when, for the record of it.

    Raises ``Busy`` while a run is at work, what ``look_for`` does, and ``SettingsInvalid`` where rows that count could not be read
    again; then nothing was changed.
    """
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    found = Forgotten()
    rewritten: list[tuple[Path, Landed]] = []
    with writing(settings), landing.alone(), TemporaryDirectory(prefix="reconcile-forget-") as work:
        for one in _telling(settings, user_id, found, Path(work), progress):
            pull = landing.pull(one.landed.source, one.landed.kind, one.landed.unit)
            objects = list(one.landed.objects)
            for number, (path, lines) in one.without.items():
                before = objects[number]
                told = lines + int(before.meta.get("forgotten", 0))
                objects[number] = pull.add(before.name, before.uri, path, **before.meta | {"forgotten": str(told)})
            again = one.landed.with_objects(objects)
            try:
                _read_again(lake, one.source, one.landed, again, user_id)
            except SettingsInvalid:
                remove_unnamed(landing, settings.lake)
                raise
            rewritten.append((one.record, again))
        if rewritten:
            _record(settings, landing, found, user_id, as_of, reason)
        for record, again in rewritten:
            landing.rewrite(record, again.objects)
        for record in _refused(landing):
            landing.let_go(record)
            found.refused += 1
        found.removed = remove_unnamed(landing, settings.lake)
    return found


def _refused(landing: Landing) -> list[Path]:
    """The records of telemetry in quarantine."""
    kinds = registry.kinds("telemetry")
    kept = ((record, landing.received(record)) for record in landing.records())
    return [record for record, pull in kept if pull and pull.objects and pull.kind in kinds]


def _telling(
    settings: Settings, user_id: str, found: Forgotten, work: Path, progress: Progress | None
) -> Iterator[_Telling]:
    """Every pull ever committed that tells the id; its files without it stand until the next is asked for."""
    landing, sources, kinds = (
        Landing(settings.landing, settings.renamed),
        _sources(settings),
        registry.kinds("telemetry"),
    )
    objects = 0
    for record in landing.records():
        landed = landing.read(record)
        if landed is None:
            continue
        source = sources.get(landed.source)
        if source is None:
            if landed.kind in kinds and landed.source not in found.passed_over:
                found.passed_over.append(landed.source)
            continue
        told = found.told.setdefault(source.name, Told())
        without = {}
        for number, item in enumerate(landed.objects):
            path = work / str(number)
            with path.open("wb") as out:
                lines = source.without_user(landed.proven(item), item.name, user_id, out)
            if lines:
                without[number] = path, lines
            objects += 1
            if progress:
                progress(objects, sum(one.objects for one in found.told.values()) + len(without))
        if without:
            told.pulls += 1
            told.objects += len(without)
            told.lines += sum(lines for _, lines in without.values())
            yield _Telling(source, record, landed, without)


def _sources(settings: Settings) -> dict[str, TelemetrySource]:
    """The configured sources of telemetry by what they are called and were called before."""
    found = [source for _, source in configured_sources(settings) if isinstance(source, TelemetrySource)]
    return {name: source for source in found for name in chain([source.name], settings.renamed.get(source.name, ()))}


def _read_again(lake: Lake, source: TelemetrySource, before: Landed, again: Landed, user_id: str) -> None:
    """Make sure that a pull has the rows without the id that it had with it: its earlier reading is about to go."""
    earlier = lake.last_reading(source, before)
    if earlier is None:
        return
    try:
        reading = lake.ensure(source, again)
    except ReconcileError as error:
        raise SettingsInvalid(
            f"{before.unit} is not read as configured now ({error.problem}); its earlier reading, which counts, would be lost",
            source=source.name,
            hint="mend the settings of the source, then forget again",
        ) from error
    if _user_hashes(earlier) - _user_hashes(reading) - {hash_user(user_id, source.user_key)}:
        raise SettingsInvalid(
            f"users in {before.unit} have hashes under another {USER_KEY_VARIABLE}, which would be lost",
            source=source.name,
            hint=f"set {USER_KEY_VARIABLE} as the runs have it; where it was changed, delete the lake first: the next run makes it again",
        )


def _user_hashes(reading: Normalised) -> set[str | None]:
    import pyarrow.parquet as pq

    files = [reading.files[entity] for entity in ("calls", "runs") if entity in reading.files]
    return {one for path in files for one in pq.read_table(path)["user_hash"].unique().to_pylist()} - {None}


def _record(settings: Settings, landing: Landing, found: Forgotten, user_id: str, as_of: datetime, reason: str) -> None:
    """Keep who asked for it, when, why and what there was; of the id its HMAC, or nothing without a key."""
    key = next((source.user_key for source in _sources(settings).values()), None)
    user_hash = hash_user(user_id, key)
    told = {
        "who": who(),
        "when": as_of.isoformat(),
        "why": reason,
        "user_hash": user_hash,
        "told": {name: asdict(one) for name, one in found.told.items() if one.pulls},
    }
    pull = landing.pull(FORGOTTEN, "forgotten", user_hash or "a user")
    pull.add("forgotten.json", "", json.dumps(told).encode())
    landing.commit(pull, as_of)
