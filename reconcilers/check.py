"""What can be known to be wrong before anything is asked: settings, credentials, folders, reference files, names across them.

All of it at once, each with its place. ``check`` adds what takes longer: one small request of every source, the price book,
the names in revenue. Nothing is written and nothing lands.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reconcilers.configured import resolved
from reconcilers.declared import across, euro_rates, reference, yaml_text
from reconcilers.declared.settings import Settings, examine_settings
from reconcilers.errors import ReconcileError, SettingsInvalid, SourceRejected, nearest
from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from reconcilers.sources.folders import split_line

#: How long one source is waited for.
ANSWER_SECONDS = 15.0
#: Of a source's revenue so many files, and so many bytes of each, are looked into.
_REVENUE_FILES, _REVENUE_BYTES = 20, 4 << 20
_SHOWN = 20
#: What `reconcile init` leaves to be filled in; a named group of a regular expression is none.
_UNFILLED = re.compile(r"(?<!\?P)<[a-z]+>")

Row = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or a warning: what may be meant. ``line`` is null where the whole file is meant."""

    file: Path
    line: int | None
    problem: str
    is_warning: bool = False


@dataclass(frozen=True)
class Checked:
    """``asked`` names the sources that answered, ``unasked`` those that only a request can tell of and that were left out."""

    findings: list[Finding]
    asked: list[str]
    unasked: list[str]


class _Company:
    """A settings file, what it declares, and where each of its sources stands in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.settings: Settings | None = None
        self.problems: list[Finding] = []
        self.sources: list[tuple[str, int, Source]] = []
        self.declared: dict[str, list[tuple[int, Row]]] = {name: [] for name in reference.CONTRACTS}
        try:
            self.written = yaml_text.read(file)
            self.settings, wrong = examine_settings(file)
        except SettingsInvalid as error:
            self.problems.append(Finding(file, error.line, error.problem))
            return
        for one in wrong:
            self.problems.append(Finding(file, one.line, f"{one.key}: {one.problem}" if one.key else one.problem))
        if self.settings is None:
            return
        for room in registry.ROOMS:
            for number, config in enumerate(getattr(self.settings, room)):
                self._take(self.settings, room, number, config)

    def _take(self, settings: Settings, room: str, number: int, config: Mapping[str, Any]) -> None:
        """One configured source, or what is wrong with its keys."""
        wrong: dict[yaml_text.Place, str] = {
            (key,): f"still says {found[0]}; fill it in" for key, found in _unfilled(config)
        }
        for place, problem in registry.problems(room, config):
            wrong.setdefault(place, problem)
        # Of names the settings have said what is wrong.
        told = [(place, problem) for place, problem in wrong.items() if place != ("name",)]
        self.problems += [self.at((room, number, *place), problem) for place, problem in told]
        if not wrong:
            self.sources.append((room, number, registry.load(room, resolved(settings, config))))

    @property
    def folder(self) -> Path:
        assert self.settings is not None
        return self.settings.path(self.settings.reference)

    def at(self, place: yaml_text.Place, problem: str, is_warning: bool = False) -> Finding:
        """A finding at a key of the settings; of a source the name is told, too."""
        named = ".".join(map(str, place))
        if self.settings is not None and len(place) > 1 and place[0] in registry.ROOMS:
            name = getattr(self.settings, str(place[0]))[int(place[1])].get("name")
            named = ".".join(map(str, (place[0], name if isinstance(name, str) else place[1], *place[2:])))
        return Finding(self.file, self.written.line_of(place), f"{named}: {problem}", is_warning)

    def names(self, room: str) -> list[str]:
        assert self.settings is not None
        return [str(config["name"]) for config in getattr(self.settings, room) if "name" in config]


def _unfilled(config: Mapping[str, Any]) -> Iterator[tuple[str, re.Match[str]]]:
    return ((key, found) for key, said in config.items() if (found := _UNFILLED.search(str(said))))


def before_landing(settings: Settings) -> list[Finding]:
    """What a run can say before it lands anything and landing does not say again: credentials, folders, names across files."""
    company = _Company(settings.file)
    _read_reference(company)
    return [*_surroundings(company), *_across(company)]


def check(file: Path, as_of: datetime, *, offline: bool = False) -> Checked:
    """Everything that can be known of the settings ``file`` and what it names; ``offline`` sends no request.

    Sources on other machines are asked for the day before ``as_of``, each for ``ANSWER_SECONDS`` at most.
    """
    company = _Company(file)
    findings = list(company.problems)
    if company.settings is None:
        return Checked(findings, [], [])
    findings += _surroundings(company)
    findings += _read_reference(company)
    findings += _across(company)
    if company.settings.price_book != "none":
        findings += [_of_doubt(company, doubt) for doubt in across.doubtful_prices(company.declared)]
    findings += _readers(company)
    unset = {source.name for _, _, source in company.sources if _unset(source)}
    askable = [one for one in company.sources if one[2].name not in unset and (one[2].is_near or not offline)]
    unasked = [source.name for _, _, source in company.sources if offline and not source.is_near]
    day = Period.of_day(as_of.date() - timedelta(days=1)).widened(company.settings.repull_days)
    answers = _answers([source for _, _, source in askable], day)
    asked = []
    for room, number, source in askable:
        answer = answers.get(source.name)
        if isinstance(answer, int):
            asked.append(source.name)
            findings += [] if answer else [company.at((room, number), _nothing(source, day), is_warning=True)]
        elif answer is None:
            findings.append(company.at((room, number), f"no answer within {ANSWER_SECONDS:.0f} seconds"))
        else:
            findings.append(company.at((room, number), answer))
    for room, number, source in askable:
        if room == "revenue" and source.is_near and source.name in asked:
            findings += _revenue(company, number, source, day, as_of)
    return Checked(_once(findings), asked, unasked)


def _once(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first, then warnings, each in the order of its file and line; the settings before all."""
    files = {one.file: place for place, one in reversed(list(enumerate(findings)))}
    return sorted(dict.fromkeys(findings), key=lambda one: (one.is_warning, files[one.file], one.line or 0))


# What is around -----------------------------------------------------------------------------------------------------


def _surroundings(company: _Company) -> Iterator[Finding]:
    """Credentials, folders and programs the job needs on this machine."""
    settings = company.settings
    assert settings is not None
    if not company.sources and not any(getattr(settings, room) for room in registry.ROOMS):
        yield Finding(
            company.file, None, "no source is configured; name one under billing, invoices, telemetry or revenue"
        )
    for room in ("billing", "telemetry"):
        others = any(getattr(settings, other) for other in registry.ROOMS if other != room)
        if others and not getattr(settings, room):
            yield Finding(company.file, None, f"no {room} source is configured, so no cost meets an event", True)
    if problem := _not_writable(settings.path(settings.home)):
        yield company.at(("home",), problem)
    if not company.folder.is_dir():
        what = "is no folder" if company.folder.exists() else "does not exist"
        yield company.at(("reference",), f"{company.folder} {what}, so nothing is declared")
    elif not os.access(company.folder, os.R_OK | os.X_OK):
        yield company.at(("reference",), f"{company.folder} cannot be read by this user")
    if settings.dbt_executable and shutil.which(settings.dbt_executable) is None:
        yield company.at(("dbt_executable",), f"there is no program {settings.dbt_executable}")
    for room, number, source in company.sources:
        for variable in _unset(source):
            yield company.at((room, number), f"environment variable {variable} is not set; it holds the credential")


def _unset(source: Source) -> list[str]:
    return [variable for variable in source.needs if not os.environ.get(variable, "").strip()]


def _not_writable(home: Path) -> str | None:
    """What keeps the job from writing below ``home``, which it makes where it is not there yet."""
    try:
        there = next(folder for folder in (home, *home.parents) if folder.exists())
    except OSError as error:
        return f"no folder can be called so: {error.strerror}"
    if not there.is_dir():
        return f"{there} is no folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written by this user"


# Reference files ----------------------------------------------------------------------------------------------------


def _read_reference(company: _Company) -> list[Finding]:
    """What is wrong in single reference files; what can be read of them is the company's from then on."""
    findings = []
    for name in reference.CONTRACTS:
        path = company.folder / f"{name}.csv"
        company.declared[name], faults = reference.examine(path, name)
        findings += [Finding(path, fault.line, str(fault)) for fault in faults]
    findings += _euro_rates(company)
    return findings + [Finding(company.folder, None, told, True) for told in reference.unread(company.folder)]


def _euro_rates(company: _Company) -> Iterator[Finding]:
    """What is wrong with the European Central Bank's file, and whether it has the reporting currency."""
    settings = company.settings
    assert settings is not None
    try:
        path = euro_rates.path_in(company.folder)
        history = euro_rates.read(path)
    except SourceRejected as error:
        problem = f"{error.problem} -> {error.hint}" if error.hint else error.problem
        yield Finding(Path(str(error.file)), error.line, problem)
        return
    currency = settings.reporting_currency
    if history and not any(euro_rates.rates(history, currency)):
        yield Finding(path, None, f"it has no rate of {currency}, the reporting currency, so no rate follows", True)


def _across(company: _Company) -> Iterator[Finding]:
    settings = company.settings
    assert settings is not None
    bills = company.names("billing")
    renamed = {before: now for now, names in settings.renamed.items() for before in names if isinstance(before, str)}
    for doubt in across.doubts(company.declared, bills, settings.reporting_currency, renamed):
        yield _of_doubt(company, doubt)
    file = company.folder / "billing_sources.csv"
    if settings.telemetry:
        for name in across.unmet(company.declared, bills):
            problem = (
                f"no row says whose calls the bill {name} is for, so none meets it and its usage stays `no_telemetry`"
            )
            yield Finding(file, None, problem, True)


def _of_doubt(company: _Company, doubt: across.Doubt) -> Finding:
    return Finding(company.folder / f"{doubt.file}.csv", doubt.line, doubt.problem, not doubt.is_idle)


def _readers(company: _Company) -> Iterator[Finding]:
    """Readers of rows (BigQuery's row access) that are given a tenant nobody declares."""
    settings = company.settings
    assert settings is not None
    access = settings.bigquery.row_access if settings.bigquery else None
    tenants = {row["tenant_id"] for _, row in company.declared["tenants"]}
    for reader, given in (access.tenants if access and tenants else {}).items():
        for tenant in given:
            if tenant not in tenants:
                problem = f"{tenant!r:.60} is not in tenants.csv{nearest(tenant, tenants)}"
                yield company.at(("bigquery", "row_access", "tenants", reader), problem, is_warning=True)


# Sources ------------------------------------------------------------------------------------------------------------


def _answers(sources: Sequence[Source], period: Period) -> dict[str, int | str]:
    """What each source answered, side by side: how many units it has, or what is wrong. One that does not answer in time is left out."""
    answers: dict[str, int | str] = {}

    def ask(source: Source) -> None:
        try:
            answers[source.name] = source.probe(period)
        except ReconcileError as error:
            answers[source.name] = _told(error)
        except Exception as error:  # a fault of the source's code is one of that source, and its text may be anything
            answers[source.name] = f"{type(error).__name__} while it was asked; please report this"

    # Daemons: a far side that never answers does not hold the command.
    threads = [threading.Thread(target=ask, args=(source,), daemon=True) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ANSWER_SECONDS)
    return dict(answers)


def _told(error: ReconcileError) -> str:
    """An error without its source, which the place names."""
    return str(ReconcileError(error.problem, period=error.period, file=error.file, line=error.line, hint=error.hint))


def _nothing(source: Source, period: Period) -> str:
    days = f"{period.start} to {period.end - timedelta(days=1)}"
    pattern = getattr(source.config, "pattern", None)
    if pattern is None:
        return f"it has nothing for {days}"
    return f"the pattern {pattern:.120} matches nothing below {getattr(source.config, 'uri', '')} for {days}"


def _revenue(company: _Company, number: int, source: Source, period: Period, as_of: datetime) -> Iterator[Finding]:
    """Lines of revenue that cannot be read, and tenants and features in it that no reference file declares."""
    declared = {
        "tenant_id": ("tenants.csv", _column(company, "tenants", "tenant_id")),
        "feature_id": ("features.csv", _column(company, "features", "feature_id")),
        "bundle_id": ("bundle_prices.csv", _column(company, "bundle_prices", "bundle_id")),
    }
    told: dict[tuple[str, str], None] = {}
    lost: list[Row] = []
    with TemporaryDirectory(prefix="reconcile-") as work:
        landing = Landing(Path(work))
        for unit in list(source.units(period))[:_REVENUE_FILES]:
            pull = landing.pull(source.name, source.kind, unit)
            try:
                source.fetch(unit, pull)
                landed = landing.prepare(pull, as_of)
                if sum(item.bytes for item in landed.objects) > _REVENUE_BYTES:
                    continue
                for entity, row in source.rows(landed):
                    if entity == "rejected_records":
                        lost.append(row)
                    elif entity == "revenue":
                        told |= {(column, row[column]): None for column in declared if row[column]}
            except ReconcileError as error:
                yield company.at(("revenue", number), _told(error))
    for row in lost[:_SHOWN]:
        line = split_line(row["landing_line"])[1]
        yield company.at(("revenue", number), f"{row['unit']}, line {line}: {row['reason']}")
    for column, name in told:
        file, names = declared[column]
        if names and name not in names:
            problem = f"{column}: {name!r:.60} is not in {file}{nearest(name, names)}"
            yield company.at(("revenue", number), problem, is_warning=True)


def _column(company: _Company, file: str, column: str) -> Collection[str]:
    return {row[column] for _, row in company.declared[file]}
