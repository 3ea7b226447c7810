"""Raw bytes exactly as received: content-addressed objects, then a manifest, then nothing else is needed.

Layout under the landing root::

    objects/<sha256[:2]>/<sha256>             the bytes
    manifests/<source>/<unit>/<known_at>-<landing_id>.json   one committed pull of one unit
    refusals/<source>/<unit>/<known_at>.json                 why a unit was not taken; empty once it was, or is gone
    quarantine/<source>/<unit>/<known_at>.json               what was received of it then, which no build reads, and where it is wrong
    asked/<source>/<known_at>-<first day>-<end>.json         days a source was asked for, and which it answered for
    adding.lock                               held by whoever lands, and alone by whoever removes what no manifest names

A manifest is written to a temporary name, flushed and renamed, so it is the commit marker: readers see whole pulls or
none. ``landing_id`` is a hash of the content, so the same content has one identity whenever it was fetched;
``known_at`` is knowledge time (rule R1), the ``as_of`` of the run that pulled it. For a unit, the manifest with the
latest ``known_at`` not after a run's ``as_of`` is what that run knows.

An object is hashed when it is read again, so what differs from what landed is refused by name; landing the same content again
writes it anew. Files of other names (of editors, of file managers) are passed over.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconcilers.errors import Busy, Damaged, SourceRejected
from reconcilers.ingest.proofs import problem_of
from reconcilers.periods import Period

_CHUNK = 1 << 20
_AT = r"\d{8}T\d{6}\.\d{6}"
_MANIFEST = re.compile(rf"{_AT}-[0-9a-f]{{32}}\.json")
_REFUSAL = re.compile(rf"{_AT}\.json")
_ASKED = re.compile(rf"{_AT}-\d{{4}}-\d\d-\d\d-\d{{4}}-\d\d-\d\d\.json")


@dataclass(frozen=True)
class LandedObject:
    """One received object: its name inside the pull, where it came from, and the address of its bytes."""

    name: str
    uri: str
    sha256: str
    bytes: int
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Landed:
    """One committed pull of one unit of one source, as known at ``known_at``."""

    landing_id: str
    source: str
    kind: str
    unit: str
    known_at: datetime
    fetched_at: datetime
    objects: tuple[LandedObject, ...]
    meta: dict[str, str]
    root: Path

    def path(self, landed_object: LandedObject) -> Path:
        """The file that holds the object's bytes."""
        return _object_path(self.root, landed_object.sha256)

    def proven(self, landed_object: LandedObject) -> Path:
        """The same file, hashed. Raises ``SourceRejected`` where it is not what landed."""
        path = self.path(landed_object)
        if problem := problem_of(path, landed_object.sha256, landed_object.bytes):
            raise SourceRejected(
                f"the landed bytes in {path} are damaged: the file {problem}",
                source=self.source,
                period=self.unit,
                file=landed_object.name,
                hint="land its days again, which writes it anew, or restore that file from a backup of landing",
            )
        return path

    def prove(self) -> None:
        """Hash every object. Raises ``SourceRejected`` for the first that is not what landed."""
        for landed_object in self.objects:
            self.proven(landed_object)

    def with_objects(self, objects: Sequence[LandedObject]) -> Landed:
        """The same pull of other content."""
        landing_id = _landing_id(self.source, self.kind, self.unit, self.meta, objects)
        return replace(self, landing_id=landing_id, objects=tuple(objects))

    @property
    def is_as_named(self) -> bool:
        """Whether the landing id is that of this content."""
        return self.landing_id == _landing_id(self.source, self.kind, self.unit, self.meta, self.objects)


@dataclass(frozen=True)
class Refused:
    """A unit whose latest pull was refused or failed, and why; what was known of it before stays in force.

    ``first_day`` to ``last_day`` (ISO) are the days it speaks of: those its name tells, else those that were asked for when
    it was refused. Null means any day.
    """

    source: str
    unit: str
    problem: str
    first_day: str | None = None
    last_day: str | None = None


@dataclass(frozen=True)
class Received:
    """What came of a delivery that was refused: ``objects`` and what was ``meta`` noted of the pull, where it was received whole.

    ``file`` and ``line`` are where it is wrong and ``hint`` what to do, as far as that is known.
    """

    kind: str = ""
    file: str | None = None
    line: int | None = None
    hint: str | None = None
    objects: tuple[LandedObject, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Quarantined:
    """A refused delivery: first refused at ``first_known``, last at ``last_known``, and why then.

    ``stands``: its unit was not taken since, is not gone from its source, and nothing else of it was received.
    """

    refused: Refused
    received: Received
    first_known: datetime
    last_known: datetime
    stands: bool

    @property
    def landing_id(self) -> str:
        """Identity of what was received; where nothing of it is kept, of the unit."""
        return _refused_id(self.refused, self.received)


@dataclass(frozen=True)
class AskedDay:
    """What came of asking a source for a day, once the day was over.

    ``landed``: the source answered for it, though it may have no rows. ``pulled_again``: it was only asked for because bills
    are pulled again for days before the period of a run.
    """

    landed: bool
    pulled_again: bool


class Pull:
    """A pull in flight. Objects may be written at any time; nobody sees them until ``Landing.commit``."""

    def __init__(self, root: Path, source: str, kind: str, unit: str) -> None:
        self.root, self.source, self.kind, self.unit = root, source, kind, unit
        self.objects: list[LandedObject] = []
        self.meta: dict[str, str] = {}

    def add(
        self, name: str, uri: str, content: bytes | Iterator[bytes | memoryview] | Path, **meta: str
    ) -> LandedObject:
        """Store one object's bytes as received (streamed for an iterator or a path) and note it in the pull."""
        chunks: Iterator[bytes | memoryview]
        if isinstance(content, bytes):
            chunks = iter([content])
        elif isinstance(content, Path):
            chunks = _read_chunks(content)
        else:
            chunks = content
        digest, size = hashlib.sha256(), 0
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as out:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            target = _object_path(self.root, digest.hexdigest())
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, target)
            _fsync_folder(target.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        landed = LandedObject(name, uri, digest.hexdigest(), size, dict(meta))
        self.objects.append(landed)
        return landed


class Landing:
    """The landing area under one root folder.

    ``renamed``: of a source that was called otherwise before, its earlier names. What landed under them is its own: of a unit that
    landed under several, the latest word counts, as ever.
    """

    def __init__(self, root: Path, renamed: Mapping[str, Sequence[str]] | None = None) -> None:
        self.root = root
        self.renamed = dict(renamed or {})

    def pull(self, source: str, kind: str, unit: str) -> Pull:
        return Pull(self.root, source, kind, unit)

    def prepare(self, pull: Pull, known_at: datetime) -> Landed:
        """The pull as it would be committed, for a look at its content before anyone else can see it."""
        return Landed(
            _landing_id(pull.source, pull.kind, pull.unit, pull.meta, pull.objects),
            pull.source,
            pull.kind,
            pull.unit,
            known_at,
            datetime.now(UTC).replace(tzinfo=None),  # an audit fact of the pull; no row or rule reads it
            tuple(pull.objects),
            dict(pull.meta),
            self.root,
        )

    def commit(self, pull: Pull, known_at: datetime) -> tuple[Landed, bool]:
        """Write the manifest. Returns it and whether it is news: content equal to what was known already is not.

        ``known_at`` is naive UTC. A pull without objects is a unit known to be empty.
        """
        landed = self.prepare(pull, known_at)
        for known in reversed(self.history(pull.source, pull.unit)):
            if known.known_at <= known_at:
                if known.landing_id == landed.landing_id:
                    return known, False
                break
        self._put(landed, self.folder("manifests", pull.source, pull.unit))
        return landed, True

    def rewrite(self, record: Path, objects: Sequence[LandedObject]) -> None:
        """Let a committed pull, one of ``records``, have other objects: what was known and when stays, under the name it landed."""
        self._put(self._read(record).with_objects(objects), record.parent)

    def _put(self, landed: Landed, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{landed.known_at:%Y%m%dT%H%M%S.%f}-{landed.landing_id}.json"
        body = asdict(landed)
        del body["root"]
        body["known_at"], body["fetched_at"] = landed.known_at.isoformat(), landed.fetched_at.isoformat()
        # A different content for the same knowledge time replaces it: the later word at one instant counts.
        superseded = [p for p in folder.glob(f"{landed.known_at:%Y%m%dT%H%M%S.%f}-*.json") if p != target]
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as out:
            json.dump(body, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(out.name, target)
        for path in superseded:
            path.unlink(missing_ok=True)
        _fsync_folder(folder)

    def history(self, source: str, unit: str) -> list[Landed]:
        """Every committed pull of a unit, oldest knowledge first."""
        folders = [self.folder("manifests", name, unit) for name in self._names(source)]
        paths = [path for folder in folders for path in _named(folder, _MANIFEST)]
        return [self._read(path, source) for path in sorted(paths, key=self._word)]

    def find(self, source: str, landing_id: str) -> Landed:
        """The committed pull with that content. Raises ``Damaged`` when landing does not hold it."""
        for name in self._names(source):
            for path in sorted((self.root / "manifests" / _segment(name)).glob(f"*/*-{landing_id}.json")):
                return self._read(path, source)
        raise Damaged(
            f"landing holds no pull {landing_id} of {source}",
            hint=f"restore {self.root / 'manifests' / _segment(source)} from a backup; `reconcile verify` says what else is gone",
        )

    def known(self, as_of: datetime, sources: list[str] | None = None) -> list[Landed]:
        """What is known at ``as_of``: for every (source, unit) its latest committed pull, ordered by source and unit."""
        limit = f"{as_of:%Y%m%dT%H%M%S.%f}~"
        wanted = None if sources is None else {_segment(source) for source in sources}
        latest: dict[tuple[str, str], Path] = {}
        for folder in self._folders("manifests"):
            source = self._now_called(folder.name)
            if wanted is not None and source not in wanted:
                continue
            for unit in folder.iterdir():
                names = [path.name for path in _named(unit, _MANIFEST) if path.name < limit]
                told = [unit / max(names)] if names else []
                told += [latest[source, unit.name]] if (source, unit.name) in latest else []
                if told:
                    latest[source, unit.name] = max(told, key=self._word)
        earlier = {_segment(name): source for source, names in self.renamed.items() for name in names}
        return [self._read(path, earlier.get(path.parent.parent.name)) for _, path in sorted(latest.items())]

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Held while pulls are in flight: until ``alone`` ends they are not begun. Many may hold it at the same time."""
        with self._lock(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held while no pull is in flight, so that what no manifest names is nobody's. Raises ``Busy`` while one is."""
        try:
            with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield
        except BlockingIOError:
            raise Busy("a run is landing", hint="wait for it to end") from None

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "adding.lock").open("a") as lock:
            fcntl.flock(lock, how)
            yield

    def records(self) -> Iterator[Path]:
        """Every record, whoever wrote it and whether or not it can be read: manifests first."""
        kinds = (
            ("manifests", _MANIFEST, 2),
            ("refusals", _REFUSAL, 2),
            ("quarantine", _REFUSAL, 2),
            ("asked", _ASKED, 1),
        )
        for kind, form, depth in kinds:
            for folder in self._folders(kind):
                for unit in sorted(folder.iterdir()) if depth == 2 else [folder]:
                    yield from sorted(_named(unit, form))

    def read(self, record: Path) -> Landed | None:
        """One of ``records``; the pull where it is a manifest. Raises ``Damaged``."""
        if _MANIFEST.fullmatch(record.name):
            return self._read(record)
        _json(record)
        return None

    def received(self, record: Path) -> Landed | None:
        """The pull that one of ``records`` holds in quarantine, as it would be committed; null for any other record. Raises ``Damaged``."""
        if record.parents[2].name != "quarantine":
            return None
        source, unit, received = _quarantine(record)
        return self.as_received(source, unit, received, _known_at(record))

    def as_received(self, source: str, unit: str, received: Received, known_at: datetime) -> Landed:
        """What was received of a refused delivery, as it would be committed."""
        pull = self.pull(source, received.kind, unit)
        pull.objects, pull.meta = list(received.objects), dict(received.meta)
        return self.prepare(pull, known_at)

    def let_go(self, record: Path) -> None:
        """Let one of ``records`` that is a quarantine's name nothing that was received; where it is wrong stays."""
        self._write(record, _json(record) | {"objects": [], "meta": {}})

    def refuse(self, refused: Refused, known_at: datetime, received: Received | None = None) -> None:
        """Record that a unit could not be taken at ``known_at``: what was refused is knowledge too. What was received stays."""
        if received:
            body = {"source": refused.source, "unit": refused.unit, **asdict(received)}
            self._write_refusal(self.folder("quarantine", refused.source, refused.unit), known_at, body)
        self._write_refusal(self.folder("refusals", refused.source, refused.unit), known_at, asdict(refused))

    def end_refusal(self, source: str, unit: str, known_at: datetime) -> None:
        """Record that a unit refused earlier is so no more from ``known_at`` on: it was taken, or its source has it no longer.

        Does nothing for one that never was refused.
        """
        if any(self.folder("refusals", name, unit).is_dir() for name in self._names(source)):
            self._write_refusal(self.folder("refusals", source, unit), known_at, {})

    def refused(self, as_of: datetime) -> list[Refused]:
        """Units whose latest pull known at ``as_of`` was refused, ordered by source and unit."""
        latest = (self._refused(paths[-1]) for paths in self._refusals(as_of))
        return [one for one in latest if one]

    def quarantined(self, as_of: datetime) -> list[Quarantined]:
        """Every delivery that was refused up to ``as_of``, whether or not it stands so, by source and unit, the oldest first."""
        return [one for paths in self._refusals(as_of) for one in self._deliveries(paths)]

    def _deliveries(self, paths: Sequence[Path]) -> Iterator[Quarantined]:
        """The refused deliveries of one unit; the same content refused again is one."""
        found: dict[str, Quarantined] = {}
        for path in paths:
            at, refused, received = _known_at(path), self._refused(path), Received()
            if refused:
                twin = self.root / "quarantine" / path.relative_to(self.root / "refusals")
                received = _quarantine(twin)[2] if twin.is_file() else received
            # Where nothing was received, what was received before is still the latest there is of the unit.
            if received.objects or not refused:
                found = {name: replace(one, stands=False) for name, one in found.items()}
            if refused:
                name = _refused_id(refused, received)
                first = found[name].first_known if name in found else at
                found[name] = Quarantined(refused, received, first, at, stands=True)
        yield from found.values()

    def _refusals(self, as_of: datetime) -> Iterator[list[Path]]:
        """For each unit that was ever refused its records known at ``as_of``, the oldest first; by source and unit."""
        found: dict[tuple[str, str], list[Path]] = {}
        for folder in self._folders("refusals"):
            for path in (path for unit in folder.iterdir() for path in _named(unit, _REFUSAL)):
                if path.stem <= f"{as_of:%Y%m%dT%H%M%S.%f}":
                    found.setdefault((self._now_called(folder.name), path.parent.name), []).append(path)
        return (sorted(paths, key=self._word) for _, paths in sorted(found.items()))

    def _refused(self, path: Path) -> Refused | None:
        """What a refusal says; null where it says that there is none any more."""
        body = _json(path)
        names = {_segment(name): name for name in self.renamed}
        now = self._now_called(path.parent.parent.name)
        return Refused(**{**body, "source": names.get(now, body["source"])}) if body else None

    def ask(self, source: str, window: Period, period: Period, answered: Iterable[Period], known_at: datetime) -> None:
        """Record that a source was asked for the days of ``window`` at ``known_at`` and answered for those of ``answered``.

        ``period`` is what the run was for. Nothing is written where that is known already.
        """
        told = [[str(one.start), str(one.end)] for one in answered]
        body = {"window": [str(window.start), str(window.end)], "period": [str(period.start), str(period.end)]}
        before = self.asked(source, known_at)
        asked = _asked_days({**body, "answered": told}, known_at)
        if any(_with(before.get(day), told_now) != before.get(day) for day, told_now in asked.items()):
            name = f"{known_at:%Y%m%dT%H%M%S.%f}-{window.start}-{window.end}.json"
            self._write(self.root / "asked" / _segment(source) / name, {**body, "answered": told})

    def asked(self, source: str, as_of: datetime) -> dict[date, AskedDay]:
        """Days a source was asked for as known at ``as_of``. A day asked for before it was over is not among them."""
        found: dict[date, AskedDay] = {}
        folders = [self.root / "asked" / _segment(name) for name in self._names(source)]
        for path in sorted((path for folder in folders for path in _named(folder, _ASKED)), key=lambda path: path.name):
            known_at = _known_at(path)
            if known_at <= as_of:
                for day, told in _asked_days(_json(path), known_at).items():
                    found[day] = _with(found.get(day), told)
        return found

    def _write_refusal(self, folder: Path, known_at: datetime, body: dict[str, Any]) -> None:
        self._write(folder / f"{known_at:%Y%m%dT%H%M%S.%f}.json", body)

    def _write(self, target: Path, body: dict[str, Any]) -> None:
        folder = target.parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as out:
            json.dump(body, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(out.name, target)
        _fsync_folder(folder)

    def folder(self, kind: str, source: str, unit: str) -> Path:
        """Where records of one kind about a unit are kept; no name can lead out of the landing area."""
        return self.root / kind / _segment(source) / _segment(unit)

    def _names(self, source: str) -> tuple[str, ...]:
        """What a source is called and was called before."""
        return source, *self.renamed.get(source, ())

    def _now_called(self, segment: str) -> str:
        """The folder of the source that a folder of a source is of now."""
        now = {_segment(name): _segment(source) for source, names in self.renamed.items() for name in names}
        return now.get(segment, segment)

    def _word(self, path: Path) -> tuple[str, bool, str]:
        """The order of what was told of a unit: by knowledge time, and at one instant what its source tells under its name of now."""
        source = path.parent.parent.name
        return path.name.removesuffix(".json").split("-")[0], self._now_called(source) == source, path.name

    def _folders(self, kind: str) -> list[Path]:
        """The folders of all sources."""
        base = self.root / kind
        return sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []

    def _read(self, path: Path, source: str | None = None) -> Landed:
        """A manifest; ``source`` is what its source is called now, null as it was."""
        body = _json(path)
        try:
            body["source"] = source or body["source"]
            body["known_at"] = datetime.fromisoformat(body["known_at"])
            body["fetched_at"] = datetime.fromisoformat(body["fetched_at"])
            body["objects"] = tuple(LandedObject(**o) for o in body["objects"])
            return Landed(**body, root=self.root)
        except (KeyError, TypeError, ValueError) as error:
            raise _not_as_written(path, f"not the shape of a manifest: a {type(error).__name__}") from None


def _landing_id(source: str, kind: str, unit: str, meta: Mapping[str, str], objects: Iterable[LandedObject]) -> str:
    facts: list[object] = [source, kind, unit, sorted(meta.items()), *([o.name, o.sha256] for o in objects)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _named(folder: Path, form: re.Pattern[str]) -> Iterator[Path]:
    """The files of a folder that are named as ours are."""
    return (folder / name for name in (os.listdir(folder) if folder.is_dir() else ()) if form.fullmatch(name))


def _json(path: Path) -> dict[str, Any]:
    """What one of landing's records says. Raises ``Damaged``."""
    try:
        body = json.loads(path.read_bytes())
        if isinstance(body, dict):
            return body
        problem = f"a JSON {type(body).__name__}"
    except (ValueError, RecursionError) as error:
        problem = f"no JSON, {error}" if isinstance(error, json.JSONDecodeError) else "no JSON"
    except OSError as error:
        problem = f"not to be read, {error.strerror}"
    raise _not_as_written(path, problem)


def _not_as_written(path: Path, problem: str) -> Damaged:
    return Damaged(
        f"a record of landing is not what was written: it is {problem}",
        file=str(path),
        hint="restore it from a backup of landing; or delete it and land its days again (`reconcile run --from DAY --to DAY`), "
        "after which what was known of them before is lost",
    )


def _quarantine(record: Path) -> tuple[str, str, Received]:
    """Source, unit, and what was received of it, as a record of the quarantine says. Raises ``Damaged``."""
    body = _json(record)
    try:
        told = {name: value for name, value in body.items() if name not in ("source", "unit", "objects")}
        received = Received(**told, objects=tuple(LandedObject(**one) for one in body["objects"]))
        return body["source"], body["unit"], received
    except (KeyError, TypeError) as error:
        raise _not_as_written(record, f"not the shape of a quarantine's: a {type(error).__name__}") from None


def _refused_id(refused: Refused, received: Received) -> str:
    return _landing_id(refused.source, received.kind, refused.unit, received.meta, received.objects)


def _known_at(record: Path) -> datetime:
    """The knowledge time that a record's name begins with."""
    return datetime.strptime(record.name[:22], "%Y%m%dT%H%M%S.%f")


def _asked_days(body: dict[str, Any], known_at: datetime) -> dict[date, AskedDay]:
    """The days of one record of ``asked`` that were over by then."""
    window, period, *answered = (
        Period(*map(date.fromisoformat, one)) for one in (body["window"], body["period"], *body["answered"])
    )
    had = {day for one in answered for day in one.days()}
    return {
        day: AskedDay(day in had, not period.start <= day < period.end)
        for day in window.days()
        if day < known_at.date()
    }


def _with(before: AskedDay | None, told: AskedDay) -> AskedDay:
    """What is known of a day asked for again: what was had once was had."""
    if before is None:
        return told
    return AskedDay(before.landed or told.landed, before.pulled_again and told.pulled_again)


def _segment(name: str) -> str:
    """A path segment that cannot leave its folder, whatever the name; long names are shortened by a hash."""
    safe = quote(name, safe="=_-").replace(".", "%2E")
    return safe if len(safe) <= 120 else f"{safe[:80]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _object_path(root: Path, sha256: str) -> Path:
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"not a sha256: {sha256!r:.80}")
    return root / "objects" / sha256[:2] / sha256


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
