"""What a company configures, read once from ``reconcile.yaml`` and passed down. Secrets are never in it: a source names
the environment variable (or Airflow connection) that holds its credential."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reconcilers.errors import SettingsInvalid

Reader = Annotated[str, Field(pattern=r"^(user|group|serviceAccount|domain):[^\s'\"`\\,]+$")]
Tenant = Annotated[str, Field(pattern=r"^[^'\"\\\x00-\x1f]+$")]


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
    kind's own keys. ``materiality`` is the amount, in the reporting currency, from which on people are told of a break (R19). ``warehouse`` is where tables are built and published. ``price_book`` gives list prices for models finance declares none for. ``repull_days`` is how far before the asked period bills are fetched again, since bills change.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Path("var")
    reporting_currency: str = "USD"
    reference: Path = Path("reference")
    billing: tuple[dict[str, Any], ...] = ()
    telemetry: tuple[dict[str, Any], ...] = ()
    revenue: tuple[dict[str, Any], ...] = ()
    price_book: Literal["genai-prices", "none"] = "genai-prices"
    repull_days: int = 7
    midnight_window_minutes: int = 15
    abandoned_after_days: int = 7
    excess_ratio_millionths: int = 20_000
    coverage_gate_millionths: int = 950_000
    materiality: Decimal = Field(default=Decimal("1.00"), ge=0)
    keep_versions: int = 3
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
    """Read ``reconcile.yaml`` (argument, else ``RECONCILE_CONFIG``, else the current folder). Raises ``SettingsInvalid``."""
    import yaml

    path = Path(file or os.environ.get("RECONCILE_CONFIG") or "reconcile.yaml").resolve()
    if not path.is_file():
        raise SettingsInvalid(
            f"no settings file at {path}",
            hint="pass --config, set RECONCILE_CONFIG, or make one with `reconcile sample`",
        )
    try:
        body = yaml.safe_load(path.read_text()) or {}
        if not isinstance(body, dict):
            raise SettingsInvalid("the settings file must hold keys and values", file=str(path))
        return Settings(**body, file=path)
    except yaml.YAMLError as error:
        raise SettingsInvalid(f"not YAML: {error}", file=str(path)) from error
    except ValidationError as error:
        raise SettingsInvalid(
            "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()), file=str(path)
        ) from error
