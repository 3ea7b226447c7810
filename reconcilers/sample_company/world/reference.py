"""The company's reference data: what finance declares, as facts for the truth and as the CSV files of ``docs/lake.md``.

Both come from the same rows here, so they cannot disagree.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import date
from decimal import Decimal
from pathlib import Path

from reconcilers.sample_company.seen.facts import Budget, ChargeRule, CostClass, Feature, Price, Source
from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.calendar import month_of, next_month
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    ANTHROPIC,
    API_KEYS,
    AWS,
    AWS_DOCUMENTS,
    AWS_PAYER,
    AWS_PROD,
    AWS_STAGING,
    AZURE,
    AZURE_NAMES,
    BEDROCK_NAMES,
    BUNDLE_ID,
    BUNDLE_PRICES,
    COHERE,
    CONTEXT_THRESHOLDS,
    DATABRICKS,
    EC2_SERVICE,
    ENVIRONMENTS,
    FEATURES,
    GCP,
    GPUS,
    GRAIN,
    MODEL_TIERS,
    OCI,
    OPENAI,
    OPENROUTER,
    PROJECTS,
    SNOWFLAKE,
    STORAGE_METER,
    SUPPORT_SERVICE,
    TENANTS,
    VECTORS,
    WAREHOUSE_SERVICE,
    PriceRow,
    contract_prices,
    exchange_rate,
    list_prices,
)
from reconcilers.sample_company.world.happened import World

#: OpenTelemetry's name of each billing source's provider; the vector index is known by its database system.
PROVIDERS = {
    OPENAI: "openai",
    ANTHROPIC: "anthropic",
    AWS: "aws.bedrock",
    VECTORS: "pinecone",
    AZURE: "azure.ai.openai",
    COHERE: "cohere",
    GCP: "gcp.vertex_ai",
    OPENROUTER: "openrouter",
    SNOWFLAKE: "snowflake",
    DATABRICKS: "databricks",
    OCI: "oci",
    GPUS: "vllm",
}
_FINALITY_DAYS = {
    OPENAI: 6,
    ANTHROPIC: 7,
    AWS: 12,
    VECTORS: 3,
    AZURE: 10,
    COHERE: 5,
    GCP: 7,
    OPENROUTER: 4,
    SNOWFLAKE: 12,
    DATABRICKS: 7,
    OCI: 7,
    GPUS: 3,
}
_AWS_UNIT_TOKENS = Decimal(10)
_TOKEN_METERS = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens", "output_tokens")

CHARGE_RULES = (
    ChargeRule(10, "platform_usage", source=AWS, service_name=EC2_SERVICE),
    ChargeRule(20, "support_and_fees", source=AWS, service_name=SUPPORT_SERVICE),
    ChargeRule(30, "platform_usage", source=VECTORS, sku_meter=STORAGE_METER),
    ChargeRule(40, "platform_usage", source=SNOWFLAKE, service_name=WAREHOUSE_SERVICE),
    *(ChargeRule(50, "platform_usage", source=source) for source in (DATABRICKS, GPUS, OCI)),
)
SHARED_COST_RULES = {
    "support_and_fees": "direct_cost",
    "commitment_idle": "direct_cost",
    "platform_usage": "revenue",
}
#: Environment, destination and the cost class finance books them under; a blank is any. What is not recognised has none.
COST_CLASSES = (
    CostClass("production", None, "cogs"),
    CostClass("prod", None, "cogs"),
    CostClass("staging", None, "r_and_d"),
    CostClass("dev", None, "r_and_d"),
    *(
        CostClass(None, destination, "cogs")
        for destination in ("no_telemetry", "sampled_out", "platform_usage", "commitment_idle", "credit", "rounding")
    ),
    CostClass(None, "non_production", "r_and_d"),
    CostClass(None, "support_and_fees", "g_and_a"),
    CostClass(None, "tax", "g_and_a"),
)
#: What may be spent in any month, in dollars.
BUDGETS = (
    Budget("all", None, None, Decimal(1200), owner="finance"),
    Budget("feature", "ticket_resolution", None, Decimal(100), owner="support-products"),
    Budget("feature", "report_writer", None, Decimal(240), owner="insights"),
    Budget("tenant", "ten_wayne", None, Decimal(18), owner="sales"),
    Budget("segment", "self_serve", None, Decimal(60), owner="sales"),
)
#: The company spends some dollars a day: alarms that wait for more by default would never come.
ALERT_MINIMUMS = {
    "cost_per_call_drift": Decimal("0.25"),
    "tenant_concentration": Decimal("0.10"),
    "unattributed_share": Decimal("0.50"),
    "capture_rate": Decimal("0.50"),
    "price_change": Decimal("0.20"),
}


def sources() -> dict[str, Source]:
    """What finance declares about each billing source."""
    return {
        source: Source(
            source=source,
            grain=GRAIN[source],
            # Finance never needed one for the vector index: nothing but its bill names an account.
            default_account_id=None if source == VECTORS else account,
            finality_days=_FINALITY_DAYS[source],
            published_units=dict.fromkeys(_TOKEN_METERS, _AWS_UNIT_TOKENS) if source == AWS else {},
        )
        for source, account in ACCOUNTS.items()
    }


def prices(rows: Iterable[PriceRow]) -> list[Price]:
    """Price rows as facts."""
    return [
        Price(
            source=row.source,
            model=row.model,
            meter=row.meter,
            price_per_million=row.price_per_million,
            service_tier=row.service_tier,
            batch=row.batch,
            context_band=row.context_band,
            cache_ttl=row.cache_ttl,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            version=row.version,
        )
        for row in rows
    ]


def key_map() -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(source, API key) → (project or workspace, environment)."""
    return {(key.source, key.api_key_id): (key.project, key.environment) for key in API_KEYS}


def project_map() -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """(source, project, workspace or AWS account) → (billing account, environment)."""
    rows: dict[tuple[str, str], tuple[str | None, str | None]] = {
        (key.source, key.project): (ACCOUNTS[key.source], key.environment) for key in API_KEYS
    }
    rows[AWS, AWS_PROD] = (AWS_PAYER, "production")
    rows[AWS, AWS_STAGING] = (AWS_PAYER, "staging")
    rows[AWS, AWS_DOCUMENTS] = (AWS_PAYER, "production")
    rows |= {(source, project): (ACCOUNTS[source], "production") for source, project in PROJECTS.items()}
    return rows


def exchange_rates(world: World) -> dict[tuple[str, date], Decimal]:
    """(currency, billing month) → rate, for the world's months and the one after, where late work is billed."""
    months = [month_of(world.start)]
    while months[-1] <= world.end:
        months.append(next_month(months[-1]))
    return {("EUR", month): exchange_rate(month) for month in months}


def bundle_prices() -> dict[tuple[str, str], Decimal]:
    """(bundle, feature) → stand-alone price."""
    return {(BUNDLE_ID, feature): price for feature, price in BUNDLE_PRICES.items()}


def features() -> dict[str, Feature]:
    """What is declared about each feature."""
    return {
        one.feature_id: Feature(one.owner, one.value_per_outcome, one.revenue_model, one.risk, one.batchable)
        for one in FEATURES
    }


def quiet_days(world: World) -> list[tuple[date, str | None, str]]:
    """Day, whose, and why."""
    quarter = world.start + (world.end - world.start) // 4
    return [(quarter, "call_summary", "calls of a quarter are summarised again")]


def write_reference(folder: Path, world: World) -> None:
    """Write every reference file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in _files(world).items():
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows([_cell(value) for value in row] for row in rows)
        (folder / name).write_text(text.getvalue())


def _files(world: World) -> dict[str, tuple[str, list[Sequence[object]]]]:
    dimensions = "service_tier batch context_band geography region speed modality cache_ttl"
    price_header = f"source model meter {dimensions} price_per_million currency valid_from valid_to version"
    declared = sources().values()
    return {
        "billing_sources.csv": (
            "source provider endpoint billing_account_id default_account_id finality_days",
            [(s.source, PROVIDERS[s.source], None, None, s.default_account_id, s.finality_days) for s in declared],
        ),
        "billing_grain.csv": ("source dimension", [(s.source, d) for s in declared for d in sorted(s.grain)]),
        "published_units.csv": (
            "source meter unit",
            [(s.source, meter, unit) for s in declared for meter, unit in s.published_units.items()],
        ),
        "key_map.csv": (
            "source api_key_id sub_account_id environment",
            [(*key, *value) for key, value in key_map().items()],
        ),
        "project_map.csv": (
            "source sub_account_id billing_account_id environment",
            [(*key, *value) for key, value in project_map().items()],
        ),
        "environments.csv": ("environment production", list(ENVIRONMENTS.items())),
        # AWS names a model in its own words, in the usage type; Azure without its snapshot.
        "model_aliases.csv": (
            "provider alias model",
            [
                *((None, alias, model) for model, alias in BEDROCK_NAMES.items()),
                *((PROVIDERS[AZURE], alias, model) for model, alias in AZURE_NAMES.items()),
            ],
        ),
        "context_thresholds.csv": (
            "provider model threshold valid_from valid_to version",
            [
                (PROVIDERS[source], model, threshold, None, None, 1)
                for (source, model), threshold in CONTEXT_THRESHOLDS.items()
            ],
        ),
        "contract_prices.csv": (price_header, [_price(row) for row in contract_prices(world.amended_on)]),
        "list_prices.csv": (price_header, [_price(row) for row in list_prices()]),
        "charge_rules.csv": (
            "priority source service_name billing_account_id sub_account_id sku_meter model tag_key tag_value "
            "charge_category destination valid_from valid_to version",
            [
                (
                    r.priority,
                    r.source,
                    r.service_name,
                    None,
                    None,
                    r.sku_meter,
                    *(None,) * 4,
                    r.destination,
                    None,
                    None,
                    1,
                )
                for r in CHARGE_RULES
            ],
        ),
        "exchange_rates.csv": (
            "currency billing_period_start rate version",
            [(currency, month, rate, 1) for (currency, month), rate in exchange_rates(world).items()],
        ),
        "tenants.csv": ("tenant_id name segment", [(t.tenant_id, t.name, t.segment) for t in TENANTS]),
        "features.csv": (
            "feature_id name owner value_per_outcome revenue_model risk batchable",
            [
                (f.feature_id, f.name, f.owner, f.value_per_outcome, f.revenue_model, f.risk, f.batchable)
                for f in FEATURES
            ],
        ),
        "model_tiers.csv": (
            "model tier cheaper_model",
            [(model, tier, cheaper) for model, (tier, cheaper) in MODEL_TIERS.items()],
        ),
        "cost_classes.csv": ("environment destination cost_class", [astuple(one) for one in COST_CLASSES]),
        "budgets.csv": (
            "scope scope_value month amount currency warning_share alert_share owner",
            [astuple(budget) for budget in BUDGETS],
        ),
        "alert_rules.csv": (
            "kind scope_value threshold minimum_cost minimum_calls owner",
            [(kind, None, None, cost, None, None) for kind, cost in ALERT_MINIMUMS.items()],
        ),
        "quiet_days.csv": (
            "day scope_value reason",
            list(quiet_days(world)),
        ),
        "bundle_prices.csv": (
            "bundle_id feature_id stand_alone_price valid_from valid_to",
            [(*key, price, None, None) for key, price in bundle_prices().items()],
        ),
        "shared_cost_rules.csv": (
            "destination driver valid_from valid_to version",
            [(destination, driver, None, None, 1) for destination, driver in SHARED_COST_RULES.items()],
        ),
    }


def _price(row: PriceRow) -> Sequence[object]:
    told = (row.service_tier, row.batch, row.context_band, *(None,) * 4, row.cache_ttl)
    key = (row.source, row.model, row.meter)
    return (*key, *told, row.price_per_million, "USD", row.valid_from, row.valid_to, row.version)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, Decimal) else str(value)
