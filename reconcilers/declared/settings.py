"""What a company configures, read once from ``reconcile.yaml`` and passed down. Secrets are never in it: a source names
the environment variable (or Airflow connection) that holds its credential."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from reconcilers import money
from reconcilers.declared import yaml_text
from reconcilers.declared.yaml_text import Place, Written
from reconcilers.errors import SettingsInvalid, nearest, told_by_model
from reconcilers.schemas import keys_at


def _currency(code: str) -> str:
    if not money.is_currency(code):
        raise ValueError("is no currency code of ISO 4217, such as USD")
    return code


Currency = Annotated[str, AfterValidator(_currency)]
Reader = Annotated[str, Field(pattern=r"^(user|group|serviceAccount|domain):[^\s'\"`\\,]+$")]
Tenant = Annotated[str, Field(pattern=r"^[^'\"\\\x00-\x1f]+$")]


#: Sources of one room: each with ``name``, ``kind`` and that kind's own keys.
Sources = tuple[dict[str, Any], ...]
#: Words that start with a letter or a digit; the name is a folder's, too.
SOURCE_NAME = r"[^\W_][\w .@+-]*"
#: Names that rows have which are of no source.
RESERVED = frozenset({"reference"})


class RowAccess(BaseModel):
    """Who sees which rows of the published tables: BigQuery's row access policies, by tenant.

    Readers are IAM members, `group:emea@acme.com`. Empty, it takes away the job's policies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    everything: tuple[Reader, ...] = ()
    """Readers of all rows; the job is one of them."""
    tenants: dict[Reader, Annotated[tuple[Tenant, ...], Field(min_length=1)]] = Field(default={})
    """The tenants whose rows a reader sees, and no other row."""


class BigQuerySettings(BaseModel):
    """Where the job builds and publishes on BigQuery. Credentials are the machine's own (application default credentials)."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    project: str
    """The project that holds the datasets and pays for the queries."""
    location: str = "EU"
    """Where the datasets are."""
    prefix: str = Field(default="reconcile_", pattern=r"^[a-z][a-z0-9_]*$")
    """What the names of the job's own datasets begin with."""
    published: str = Field(default="finance", pattern=r"^[a-z][a-z0-9_]*$")
    """The dataset that readers know."""
    maximum_bytes_billed: int | None = Field(default=None, ge=10_485_760)
    """The most bytes one query may be billed."""
    row_access: RowAccess | None = None
    """Who sees which rows. Without it the job neither makes nor removes a row access policy."""


class Settings(BaseModel):
    """One company's job. Relative paths are relative to the file the settings came from.

    The text below a setting is its description in ``docs/configuration.md`` and in editors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    company: str = ""
    """The name of the company on reports."""
    home: Path = Path("var")
    """The folder the job keeps everything in: `landing/` cannot be made again and is to be backed up."""
    reporting_currency: Currency = "USD"
    """The currency of all tables, a code of ISO 4217. Prices apply in it; other currencies need `exchange_rates.csv` or the ECB's file."""
    reference: Path = Path("reference")
    """The folder of the reference files that finance owns (`docs/lake.md`)."""
    billing: Sources = ()
    """The bills: each with `name`, `kind` and that kind's own keys."""
    invoices: Sources = ()
    """The invoices of those bills, as they are paid: each with `name`, `kind` and that kind's own keys."""
    telemetry: Sources = ()
    """Who called what, for which event: each with `name`, `kind` and that kind's own keys."""
    revenue: Sources = ()
    """What customers are charged: each with `name`, `kind` and that kind's own keys."""
    price_book: Literal["genai-prices", "none"] = "genai-prices"
    """Where list prices come from for models that finance declares none for."""
    repull_days: int = Field(default=7, ge=0, le=366)
    """Days before the asked period for which bills are fetched again, since providers restate."""
    midnight_window_minutes: int = Field(default=15, ge=0, le=720)
    """Minutes around midnight, UTC, within which a call may be billed on the other day (rule R16)."""
    abandoned_after_days: int = Field(default=7, ge=1, le=3660)
    """Days without a sign of an event after which it is abandoned, where nothing told its outcome."""
    excess_ratio_millionths: int = Field(default=20_000, ge=0, le=1_000_000)
    """By how much telemetry may exceed the bill before it is provisional, in millionths: 20000 is 2 % (rule R13)."""
    coverage_gate_millionths: int = Field(default=950_000, ge=0, le=1_000_000)
    """Below which coverage a figure is provisional, in millionths: 950000 is 95 % (rule R28)."""
    materiality: Decimal = Field(default=Decimal("1.00"), ge=0)
    """The amount, in the reporting currency, from which on people are told of a break (rule R19)."""
    keep_versions: int = Field(default=3, ge=1)
    """How many published versions stay readable."""
    dbt_executable: str | None = None
    """The dbt program, where it is neither the one installed beside the job nor what `RECONCILE_DBT_EXECUTABLE` names."""
    warehouse: Literal["duckdb", "bigquery"] = "duckdb"
    """Where tables are built and published."""
    bigquery: BigQuerySettings | None = None
    """Where on BigQuery, with `warehouse: bigquery`."""
    file: Path = Path("reconcile.yaml")

    @model_validator(mode="after")
    def _names_its_warehouse(self) -> Settings:
        if self.warehouse == "bigquery" and self.bigquery is None:
            raise ValueError("warehouse is bigquery; say which project: `bigquery: {project: NAME, location: EU}`")
        return self

    def path(self, value: Path | str) -> Path:
        """A configured path, made absolute."""
        return (self.file.parent / value).resolve()

    @property
    def landing(self) -> Path:
        return self.path(self.home) / "landing"

    @property
    def renamed(self) -> dict[str, tuple[str, ...]]:
        """Of sources that were called otherwise before (``renamed_from``), their earlier names."""
        sources = [source for room in ROOMS for source in getattr(self, room)]
        found = {str(source.get("name")): source.get("renamed_from") or () for source in sources}
        return {name: (names,) if isinstance(names, str) else tuple(names) for name, names in found.items() if names}

    @property
    def lake(self) -> Path:
        return self.path(self.home) / "lake"


#: Settings that list sources.
ROOMS = tuple(name for name, setting in Settings.model_fields.items() if setting.annotation == Sources)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a settings file: ``line`` and ``key`` say where, null for what is wrong with the whole of it."""

    line: int | None
    key: str | None
    problem: str

    def __str__(self) -> str:
        told = f"{self.key}: {self.problem}" if self.key else self.problem
        return f"line {self.line}: {told}" if self.line else told


def read_settings(file: Path | None = None) -> Settings:
    """Read ``reconcile.yaml`` (argument, else ``RECONCILE_CONFIG``, else the current folder).

    Raises ``SettingsInvalid`` with all that is wrong, each with its line, its key, and the nearest valid name.
    """
    settings, problems = examine_settings(settings_file(file))
    if problems or settings is None:
        raise SettingsInvalid("; ".join(map(str, problems)), file=str(settings_file(file)))
    return settings


def settings_file(file: Path | None = None) -> Path:
    """Where the settings are. Raises ``SettingsInvalid`` where there is no such file."""
    path = Path(file or os.environ.get("RECONCILE_CONFIG") or "reconcile.yaml").resolve()
    if not path.is_file():
        raise SettingsInvalid(
            f"no settings file at {path}",
            hint="pass --config, set RECONCILE_CONFIG, or make one with `reconcile init`",
        )
    return path


def examine_settings(path: Path) -> tuple[Settings | None, list[Problem]]:
    """The settings as far as they can be read, what is wrong left at its default, and all that is wrong in order of lines.

    Raises ``SettingsInvalid`` for what is not YAML.
    """
    written = yaml_text.read(path)
    problems = [Problem(line, _named(place), problem) for place, line, problem in written.problems]
    problems += [Problem(written.line_of(place), None, problem) for place, problem in _source_problems(written)]
    own = {key: value for key, value in written.values.items() if key != "file"}
    if "file" in written.values:
        problems.append(_problem(written, "extra_forbidden", ("file",), ""))
    try:
        return Settings(**own, file=path), sorted(problems, key=lambda problem: problem.line or 0)
    except ValidationError as error:
        problems += [_problem(written, e["type"], e["loc"], told_by_model(e)) for e in error.errors()]
        wrong = {e["loc"][0] for e in error.errors() if e["loc"]}
    problems.sort(key=lambda problem: problem.line or 0)
    try:
        return Settings(**{key: value for key, value in own.items() if key not in wrong}, file=path), problems
    except ValidationError:
        return None, problems


def _source_problems(written: Written) -> Iterator[tuple[Place, str]]:
    """What is wrong with the names of sources: each is a folder of what is kept, and the identity of its rows."""
    lines: dict[str, int | None] = {}
    for room in ROOMS:
        sources = written.values.get(room)
        for number, source in enumerate(sources if isinstance(sources, list) else ()):
            place: Place = (room, number, "name")
            name = source.get("name") if isinstance(source, dict) else None
            if name is None:
                yield place, f"a {room} source without a name"
            elif not isinstance(name, str) or not re.fullmatch(SOURCE_NAME, name) or name in RESERVED:
                yield (
                    place,
                    f"no source can be called {str(name)!r:.60}: a word of letters, digits, blanks and . _ - @ +",
                )
            elif name in lines:
                yield place, f"a second source called {name!r:.60}; the first is on line {lines[name]}"
            else:
                lines[name] = written.line_of(place)
    yield from _renaming_problems(written, lines)


def _renaming_problems(written: Written, lines: dict[str, int | None]) -> Iterator[tuple[Place, str]]:
    """An earlier name that is another source's name of now, or that two sources had: whose landing is it?"""
    had: dict[str, str] = {}
    for room in ROOMS:
        sources = written.values.get(room)
        for number, source in enumerate(sources if isinstance(sources, list) else ()):
            names = source.get("renamed_from") if isinstance(source, dict) else None
            for name in [names] if isinstance(names, str) else names if isinstance(names, list) else ():
                if not isinstance(name, str):
                    continue  # its kind says that it is no text
                place: Place = (room, number, "renamed_from")
                if name in lines:
                    yield (
                        place,
                        f"{name!r:.60} is a source on line {lines[name]}; a name is of one source",
                    )
                elif name in had:
                    yield (
                        place,
                        f"{had[name]!r:.60} was called {name!r:.60} as well; a name is of one source",
                    )
                else:
                    had[str(name)] = str(source.get("name"))


def _problem(written: Written, kind: str, place: Place, message: str) -> Problem:
    # The value is left out: it may be a secret put in the wrong place.
    if kind == "extra_forbidden":
        known = set(keys_at(Settings.model_json_schema(), place[:-1])) - {"file"}
        message = f"there is no such setting{nearest(str(place[-1]), known)}"
    return Problem(written.line_of(place), _named(place) or None, message)


def _named(place: Place) -> str:
    return ".".join(map(str, place))
