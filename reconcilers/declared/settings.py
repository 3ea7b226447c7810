"""What a company configures, read once from ``reconcile.yaml`` and passed down. Secrets are never in it: a source names
the environment variable (or Airflow connection) that holds its credential."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from reconcilers import money
from reconcilers.declared import yaml_text
from reconcilers.declared.yaml_text import Place, Written
from reconcilers.errors import SettingsInvalid, nearest


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

    ``tenants`` gives a reader the tenants whose rows it sees, and no other row; ``everything`` are readers of all rows,
    and the job is one of them. Readers are IAM members, ``group:emea@acme.com``. Empty, it takes away the job's policies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    everything: tuple[Reader, ...] = ()
    tenants: dict[Reader, Annotated[tuple[Tenant, ...], Field(min_length=1)]] = Field(default={})


class BigQuerySettings(BaseModel):
    """Where the job builds and publishes on BigQuery: its datasets carry ``prefix``, readers know the one called ``published``.

    Credentials are the machine's own (application default credentials). ``maximum_bytes_billed`` bounds every query.
    Without ``row_access`` the job neither makes nor removes a row access policy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: str
    location: str = "EU"
    prefix: str = Field(default="reconcile_", pattern=r"^[a-z][a-z0-9_]*$")
    published: str = Field(default="finance", pattern=r"^[a-z][a-z0-9_]*$")
    maximum_bytes_billed: int | None = Field(default=None, ge=10_485_760)
    row_access: RowAccess | None = None


class Settings(BaseModel):
    """One company's job. Relative paths are relative to the file the settings came from.

    ``billing``, ``telemetry`` and ``revenue`` list sources: ``name``, ``kind`` (the module that reads it) and that
    kind's own keys. ``company`` is its name on reports. ``materiality`` is the amount, in the reporting currency, from which on people are told of a break (R19). ``warehouse`` is where tables are built and published. ``price_book`` gives list prices for models finance declares none for. ``repull_days`` is how far before the asked period bills are fetched again, since bills change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: str = ""
    home: Path = Path("var")
    reporting_currency: Currency = "USD"
    reference: Path = Path("reference")
    billing: Sources = ()
    telemetry: Sources = ()
    revenue: Sources = ()
    price_book: Literal["genai-prices", "none"] = "genai-prices"
    repull_days: int = Field(default=7, ge=0, le=366)
    midnight_window_minutes: int = Field(default=15, ge=0, le=720)
    abandoned_after_days: int = Field(default=7, ge=1, le=3660)
    excess_ratio_millionths: int = Field(default=20_000, ge=0, le=1_000_000)
    coverage_gate_millionths: int = Field(default=950_000, ge=0, le=1_000_000)
    materiality: Decimal = Field(default=Decimal("1.00"), ge=0)
    keep_versions: int = Field(default=3, ge=1)
    dbt_executable: str | None = None
    warehouse: Literal["duckdb", "bigquery"] = "duckdb"
    bigquery: BigQuerySettings | None = None
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
    def lake(self) -> Path:
        return self.path(self.home) / "lake"


def read_settings(file: Path | None = None) -> Settings:
    """Read ``reconcile.yaml`` (argument, else ``RECONCILE_CONFIG``, else the current folder).

    Raises ``SettingsInvalid`` with all that is wrong, each with its line, its key, and the nearest valid name.
    """
    path = Path(file or os.environ.get("RECONCILE_CONFIG") or "reconcile.yaml").resolve()
    if not path.is_file():
        raise SettingsInvalid(
            f"no settings file at {path}",
            hint="pass --config, set RECONCILE_CONFIG, or make one with `reconcile sample`",
        )
    written = yaml_text.read(path)
    problems: list[tuple[int | None, str]]
    problems = [(line, f"{_named(place)}: {problem}") for place, line, problem in written.problems]
    problems += [(written.line_of(place), problem) for place, problem in _source_problems(written)]
    own = {key: value for key, value in written.values.items() if key != "file"}
    if "file" in written.values:
        problems.append((written.lines["file",], _unknown(("file",))))
    settings = None
    try:
        settings = Settings(**own, file=path)
    except ValidationError as error:
        problems += [(written.line_of(e["loc"]), _problem(e["type"], e["loc"], e["msg"])) for e in error.errors()]
    if problems or settings is None:
        told = sorted(problems, key=lambda problem: problem[0] or 0)
        raise SettingsInvalid(
            "; ".join(f"line {line}: {problem}" if line else problem for line, problem in told), file=str(path)
        )
    return settings


def _source_problems(written: Written) -> Iterator[tuple[Place, str]]:
    """What is wrong with the names of sources: each is a folder of what is kept, and the identity of its rows."""
    lines: dict[str, int | None] = {}
    for room in (name for name, setting in Settings.model_fields.items() if setting.annotation == Sources):
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


def _problem(kind: str, place: Place, message: str) -> str:
    # The value is left out: it may be a secret put in the wrong place.
    return _unknown(place) if kind == "extra_forbidden" else f"{_named(place)}: {message}" if place else message


def _unknown(place: Place) -> str:
    model = BigQuerySettings if place[0] == "bigquery" and len(place) == 2 else Settings
    return f"{_named(place)}: there is no such setting{nearest(str(place[-1]), model.model_fields.keys() - {'file'})}"


def _named(place: Place) -> str:
    return ".".join(map(str, place))
