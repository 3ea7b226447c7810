"""The static world of the sample company: who buys, what is sold, who runs it, and what providers charge.

Nothing here is random. Prices are USD per million units of a meter; ``PriceRow`` is one line of a price agreement.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

OPENAI, ANTHROPIC, AWS, VECTORS = "openai", "anthropic", "aws", "vectors"
#: Whose models read documents, each in the cloud that a customer keeps them in.
AZURE, COHERE, GCP, OPENROUTER, SNOWFLAKE = "azure", "cohere", "gcp", "openrouter", "snowflake"
#: What no product call drives: jobs over what was read, a cluster that is rented whole, a GPU of the company's own.
DATABRICKS, OCI, GPUS = "databricks", "oci", "gpus"

INPUT, CACHE_READ, CACHE_WRITE, OUTPUT = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
)
READ_UNITS = "read_units"

OPENAI_ORGANIZATION = "org-sample"
ANTHROPIC_ORGANIZATION = "org-anthropic-sample"
#: The workspace that the reports of Anthropic name null.
DEFAULT_WORKSPACE = "(default)"
#: The workspace of engineers' coding agents.
CODING_WORKSPACE = "wrkspc_claude_code"
AWS_PAYER, AWS_PROD, AWS_STAGING = "111122223333", "222233334444", "555566667777"
VECTORS_ACCOUNT = "vec-acme"
AZURE_ACCOUNT = "/providers/Microsoft.Billing/billingAccounts/8611537"
AZURE_SUBSCRIPTION = "/subscriptions/7c1f0a52-3d0b-4e1e-9b57-0d8f6f6f2c11"
COHERE_ACCOUNT = "acme-cohere"
GCP_ACCOUNT, GCP_PROJECT = "01F2A7-9C31D0-5E8B44", "acme-documents"
OPENROUTER_ACCOUNT, OPENROUTER_WORKSPACE = "(default)", "6b1c2c7e-documents"
SNOWFLAKE_ORGANIZATION, SNOWFLAKE_ACCOUNT = "ACME", "ACME_DOCUMENTS"
DATABRICKS_ACCOUNT, DATABRICKS_WORKSPACE = "0d26daa6-5e44-4c97-a497-ef015f91254a", "1208513370401"
OCI_SUBSCRIPTION, OCI_TENANCY = "81120497", "ocid1.tenancy.oc1..acme"
GPUS_ACCOUNT = "acme-gpus"
#: Where documents are read, by a service whose spans tell its runs and no calls: Bedrock logs every call of an account.
AWS_DOCUMENTS, DOCUMENTS_SERVICE = "777788889999", "aws-reader"
AWS_REGION = "us-east-1"
#: The account each source bills.
ACCOUNTS = {
    OPENAI: OPENAI_ORGANIZATION,
    ANTHROPIC: ANTHROPIC_ORGANIZATION,
    AWS: AWS_PAYER,
    VECTORS: VECTORS_ACCOUNT,
    AZURE: AZURE_ACCOUNT,
    COHERE: COHERE_ACCOUNT,
    GCP: GCP_ACCOUNT,
    OPENROUTER: OPENROUTER_ACCOUNT,
    SNOWFLAKE: SNOWFLAKE_ORGANIZATION,
    DATABRICKS: DATABRICKS_ACCOUNT,
    OCI: OCI_SUBSCRIPTION,
    GPUS: GPUS_ACCOUNT,
}
#: The one project of a source that has no more: a subscription, workspace, account or tenancy, all of production.
PROJECTS = {
    AZURE: AZURE_SUBSCRIPTION,
    GCP: GCP_PROJECT,
    OPENROUTER: OPENROUTER_WORKSPACE,
    SNOWFLAKE: SNOWFLAKE_ACCOUNT,
    DATABRICKS: DATABRICKS_WORKSPACE,
    OCI: OCI_TENANCY,
}
#: Which price-setting dimensions a source's bill tells.
GRAIN: dict[str, frozenset[str]] = {
    OPENAI: frozenset({"batch", "service_tier"}),
    ANTHROPIC: frozenset({"service_tier", "context_band", "cache_ttl"}),
    AWS: frozenset(),
    VECTORS: frozenset(),
    AZURE: frozenset({"batch", "service_tier"}),
    COHERE: frozenset(),
    GCP: frozenset({"batch", "service_tier"}),
    OPENROUTER: frozenset(),
    SNOWFLAKE: frozenset(),
    DATABRICKS: frozenset(),
    OCI: frozenset(),
    GPUS: frozenset(),
}
#: Services and a meter of the bills that no call drives.
EC2_SERVICE, SUPPORT_SERVICE, STORAGE_METER = "Amazon Elastic Compute Cloud", "AWS Support (Business)", "Index storage"
WAREHOUSE_SERVICE = "WAREHOUSE_METERING"
#: Where in the bucket a source's exports are.
AWS_EXPORT, COHERE_PREFIX, VECTORS_PREFIX = "aws/acme-focus", "cohere", "vectors"
INVOCATION_LOGS = f"aws/AWSLogs/{AWS_DOCUMENTS}/BedrockModelInvocationLogs/{AWS_REGION}"
AZURE_EXPORT, OCI_REPORTS = "azure/acme-focus", "oci/FOCUS Reports"
SNOWFLAKE_EXPORTS, DATABRICKS_EXPORTS, GPUS_PREFIX = "snowflake", "databricks", "gpus"
#: Tables in BigQuery: Google's billing export, and what the document reader there keeps of its calls.
GCP_EXPORT = f"acme-billing.exports.gcp_billing_export_v1_{GCP_ACCOUNT.replace('-', '_')}"
CALLS_TABLE = f"{GCP_PROJECT}.reader.model_calls"

GPT, GPT_MINI, EMBED = "gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "text-embedding-3-small"
#: A fine-tuned model that OpenAI bills and that stands in no price list.
FINE_TUNED = "ft:gpt-4.1-mini-2025-04-14:acme:intent:9xQ2"
#: A model whose calls go through a partner's account: telemetry says OpenAI, our bill never has it.
PARTNER_MODEL = "o4-mini-2025-04-16"
SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
NOVA_LITE, NOVA_PRO = "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"
VECTOR_INDEX = "serverless"
NANO, MISTRAL, LLAMA = "gpt-4.1-nano-2025-04-14", "mistralai/mistral-small-3.2-24b-instruct", "llama3.1-70b"
COMMAND = "command-a-03-2025"
GEMINI = "gemini-2.5-pro"
#: What the bill of Azure calls a model, which names no snapshot.
AZURE_NAMES = {NANO: "gpt-4.1-nano"}
#: Source → the model that reads documents there.
READERS = {AWS: NOVA_LITE, AZURE: NANO, COHERE: COMMAND, OPENROUTER: MISTRAL, SNOWFLAKE: LLAMA, GCP: GEMINI}
#: What an hour of the company's own GPU node costs.
GPU_PER_HOUR = Decimal("0.05")
#: What a credit of Snowflake's costs; models are priced in credits.
SNOWFLAKE_CREDIT = Decimal("3.00")
#: Model → its tier, and the model that may do its work where a wrong answer is cheap.
MODEL_TIERS: dict[str, tuple[str, str | None]] = {
    SONNET: ("top", HAIKU),
    HAIKU: ("small", None),
    GPT: ("top", GPT_MINI),
    GPT_MINI: ("small", None),
    NOVA_PRO: ("mid", NOVA_LITE),
    NOVA_LITE: ("small", None),
}
#: What Bedrock calls a model in a usage type of its bill.
BEDROCK_NAMES = {NOVA_LITE: "NovaLite", NOVA_PRO: "NovaPro"}


@dataclass(frozen=True)
class Tenant:
    """One customer. ``weight`` is its share of events in whole parts; ``seats`` are the seats it pays for; ``pays`` is what it pays of
    every price, less than 1 in a pilot."""

    tenant_id: str
    name: str
    segment: str
    weight: int
    seats: int
    bundle: bool = False
    pays: Decimal = Decimal(1)


@dataclass(frozen=True)
class Feature:
    """One thing that is sold. ``price`` is per seat and month, per successful outcome, or per event over ``included``.

    ``risk`` is how dear a wrong answer is; a ``batchable`` answer may come a day later.
    """

    feature_id: str
    name: str
    owner: str
    workflow: str
    value_per_outcome: Decimal
    revenue_model: str
    price: Decimal
    weight: int
    risk: str
    batchable: bool = False
    included: int = 0


@dataclass(frozen=True)
class Service:
    """One deployed program: the vocabulary its spans speak, and the Collector (so the file format) that carries them.

    An instrumentation that tells no version has an empty one.
    """

    name: str
    dialect: str
    collector: str
    scope: str
    scope_version: str
    sampling_threshold: str | None = None


@dataclass(frozen=True)
class ApiKey:
    """A credential, the project (OpenAI) or workspace (Anthropic) it belongs to and what it is for."""

    source: str
    api_key_id: str
    project: str
    environment: str
    instrumented: bool = True


@dataclass(frozen=True)
class PriceRow:
    """Price of one million units of a meter from ``valid_from`` until ``valid_to`` (``None`` = unbounded)."""

    source: str
    model: str
    meter: str
    service_tier: str | None
    batch: str | None
    cache_ttl: str | None
    price_per_million: Decimal
    context_band: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    version: str = "1"


TENANTS = (
    Tenant("ten_globex", "Globex Logistics", "enterprise", 42, 24, bundle=True),
    Tenant("ten_initech", "Initech", "enterprise", 9, 12),
    Tenant("ten_umbrella", "Umbrella Health", "enterprise", 8, 10, bundle=True),
    Tenant("ten_hooli", "Hooli", "enterprise", 7, 8),
    Tenant("ten_wonka", "Wonka Foods", "mid_market", 6, 5),
    Tenant("ten_stark", "Stark Tooling", "mid_market", 5, 4),
    Tenant("ten_wayne", "Wayne Properties", "mid_market", 5, 4, pays=Decimal("0.05")),
    Tenant("ten_acme", "Acme Parts", "mid_market", 4, 3),
    Tenant("ten_tyrell", "Tyrell Optics", "mid_market", 4, 3),
    Tenant("ten_pied", "Pied Piper", "self_serve", 3, 2),
    Tenant("ten_dunder", "Dunder Paper", "self_serve", 2, 1),
    Tenant("ten_bluth", "Bluth Homes", "self_serve", 2, 1),
    Tenant("ten_oceanic", "Oceanic Travel", "self_serve", 2, 1),
    Tenant("ten_vandelay", "Vandelay Imports", "self_serve", 1, 1),
)

FEATURES = (
    Feature(
        "ticket_resolution",
        "Ticket resolution",
        "support-products",
        "ResolveTicket",
        Decimal("4.00"),
        "per_outcome",
        Decimal("0.99"),
        43,
        "medium",
    ),
    Feature(
        "report_writer",
        "Report writer",
        "insights",
        "WriteReport",
        Decimal("12.00"),
        "usage_overage",
        Decimal("0.10"),
        10,
        "low",
        batchable=True,
        included=20,
    ),
    Feature(
        "invoice_check",
        "Invoice check",
        "finance-products",
        "CheckInvoice",
        Decimal("1.50"),
        "per_outcome",
        Decimal("0.25"),
        16,
        "high",
    ),
    Feature(
        "search_assist",
        "Search assist",
        "search",
        "AnswerSearch",
        Decimal("0.40"),
        "per_seat",
        Decimal("9.00"),
        18,
        "low",
    ),
    Feature(
        "call_summary",
        "Call summary",
        "voice-products",
        "SummariseCall",
        Decimal("0.90"),
        "per_seat",
        Decimal("14.00"),
        13,
        "low",
        batchable=True,
    ),
    # Customers' systems hand documents in; nobody asks for them as for the other features, so it has no share of those.
    Feature(
        "document_intake",
        "Document intake",
        "intake-products",
        "ReadDocument",
        Decimal("0.60"),
        "per_outcome",
        Decimal("0.12"),
        0,
        "low",
    ),
)

BUNDLE_ID = "assist_suite"
#: What Stripe calls what is sold otherwise than by seat, outcome or use of one feature.
BUNDLE_PRODUCT, OVERAGE_PRODUCT = "prod_assist_suite", "prod_more_reports"
#: What the bundled features cost alone, per seat and month; the bundle sells below their sum.
BUNDLE_PRICES = {"search_assist": Decimal("9.00"), "call_summary": Decimal("14.00")}
BUNDLE_PRICE_PER_SEAT = Decimal("18.50")

ENVIRONMENTS = {"production": True, "prod": True, "staging": False, "dev": False}

SERVICES = {
    service.name: service
    for service in (
        Service("support-agent", "otel_g2", "edge", "opentelemetry.instrumentation.anthropic", "0.52.1"),
        Service("model-gateway", "otel_g3", "edge", "acme.gateway", "3.2.0"),
        Service("report-worker", "botanu", "workers", "botanu.tracker", "0.1.77"),
        Service("invoice-checker", "otel_g1", "workers", "opentelemetry.instrumentation.bedrock", "0.40.3"),
        Service("search-api", "botanu", "edge", "botanu.tracker", "0.1.77"),
        Service("embedder", "otel_g2", "edge", "opentelemetry.instrumentation.openai", "0.52.1", "8"),
        Service("call-summariser", "otel_g0", "batch", "opentelemetry.instrumentation.openai", "0.21.0"),
        Service("azure-reader", "openinference", "workers", "openinference.instrumentation.openai", "0.1.66"),
        Service("azure-portal", "vercel_ai", "edge", "ai", "6.0.326"),
        Service(DOCUMENTS_SERVICE, "otel_g2", "edge", "acme.documents", "2.0.1"),
        Service("cohere-reader", "traceloop", "edge", "opentelemetry.instrumentation.cohere", "0.62.4"),
        Service("cohere-gateway", "litellm", "edge", "litellm", ""),
        Service("gcp-reader", "otel_g2", "edge", "acme.documents", "2.0.1"),
        Service("openrouter-reader", "otel_g2", "edge", "acme.documents", "2.0.1"),
        Service("snowflake-reader", "langfuse", "batch", "langfuse-sdk", "5.0.4"),
        Service("claude-code", "coding_agents", "batch", "com.anthropic.claude_code.tracing", "1.0"),
    )
}

API_KEYS = (
    ApiKey(OPENAI, "key_support", "proj_support", "production"),
    ApiKey(OPENAI, "key_reports", "proj_reports", "production"),
    ApiKey(OPENAI, "key_search", "proj_search", "production"),
    ApiKey(OPENAI, "key_voice", "proj_voice", "production"),
    ApiKey(OPENAI, "key_marketing", "proj_marketing", "production", instrumented=False),
    ApiKey(OPENAI, "key_chatbot", "proj_chatbot", "production", instrumented=False),
    ApiKey(OPENAI, "key_staging", "proj_staging", "staging"),
    ApiKey(OPENAI, "key_dev", "proj_dev", "dev", instrumented=False),
    ApiKey(ANTHROPIC, "apikey_support", "wrkspc_support", "production"),
    ApiKey(ANTHROPIC, "apikey_reports", "wrkspc_reports", "production"),
    ApiKey(ANTHROPIC, "apikey_search", DEFAULT_WORKSPACE, "production"),
    ApiKey(ANTHROPIC, "apikey_staging", "wrkspc_staging", "staging"),
    ApiKey(ANTHROPIC, "apikey_claude_code", CODING_WORKSPACE, "dev"),
)

#: What a cut of the published list price each provider gave us (1 = none), per million, of its standard tier.
_LIST: dict[str, dict[str, dict[str, str]]] = {
    OPENAI: {
        GPT: {INPUT: "2.00", CACHE_READ: "0.50", OUTPUT: "8.00"},
        GPT_MINI: {INPUT: "0.40", CACHE_READ: "0.10", OUTPUT: "1.60"},
        EMBED: {INPUT: "0.02"},
        PARTNER_MODEL: {INPUT: "1.10", CACHE_READ: "0.275", OUTPUT: "4.40"},
    },
    ANTHROPIC: {
        SONNET: {INPUT: "3.00", CACHE_READ: "0.30", CACHE_WRITE: "3.75", OUTPUT: "15.00"},
        HAIKU: {INPUT: "1.00", CACHE_READ: "0.10", CACHE_WRITE: "1.25", OUTPUT: "5.00"},
    },
    AWS: {
        NOVA_LITE: {INPUT: "0.06", CACHE_READ: "0.015", OUTPUT: "0.24"},
        NOVA_PRO: {INPUT: "0.80", CACHE_READ: "0.20", OUTPUT: "3.20"},
    },
    VECTORS: {VECTOR_INDEX: {READ_UNITS: "17.60"}},
    AZURE: {NANO: {INPUT: "0.10", OUTPUT: "0.40"}},
    COHERE: {COMMAND: {INPUT: "0.25", OUTPUT: "1.00"}},
    GCP: {GEMINI: {INPUT: "1.25", OUTPUT: "10.00"}},
    OPENROUTER: {MISTRAL: {INPUT: "0.06", OUTPUT: "0.18"}},
    SNOWFLAKE: {LLAMA: {INPUT: "0.36", OUTPUT: "1.08"}},
}
#: A cache write kept for one hour costs 1.6 times one kept for five minutes.
_HOUR_FACTOR = Decimal("1.6")
#: (tier, batch) → factor on the list price; what a provider does not offer is not in its list.
_TIERS: dict[str, dict[tuple[str, str], Decimal]] = {
    OPENAI: {
        ("standard", "false"): Decimal(1),
        ("standard", "true"): Decimal("0.5"),
        ("priority", "false"): Decimal("1.75"),
    },
    ANTHROPIC: {("standard", "false"): Decimal(1), ("priority", "false"): Decimal("1.4")},
    AWS: {("standard", "false"): Decimal(1)},
    **{source: {("standard", "false"): Decimal(1)} for source in (VECTORS, AZURE, COHERE, GCP, OPENROUTER, SNOWFLAKE)},
}
#: Input tokens of a call, cached ones included, above which it is billed as long context, and what that costs by meter.
CONTEXT_THRESHOLDS = {(ANTHROPIC, SONNET): 200_000}
_LONG_FACTORS = {INPUT: Decimal(2), CACHE_READ: Decimal(2), CACHE_WRITE: Decimal(2), OUTPUT: Decimal("1.5")}
STANDARD, LONG = "standard", "long"
#: What the fine-tuned model is billed at; in no price list, so that telemetry cannot price it.
FINE_TUNED_PRICES = {INPUT: Decimal("0.80"), CACHE_READ: Decimal("0.20"), OUTPUT: Decimal("3.20")}
#: Our contract is list times this. Anthropic's was cut again by an amendment in the middle of the range.
CONTRACT_FACTOR = Decimal("0.85")
AMENDED_FACTOR = Decimal("0.80")
#: The vector vendor bills in euro: this much per million read units, at these rates to the dollar by billing month.
VECTORS_EUR_PER_MILLION = Decimal("16.00")


def exchange_rate(month: date) -> Decimal:
    """Locked rate of one euro in dollars for a billing month; varies a little so that a wrong month shows."""
    return Decimal("1.10") + Decimal(month.month % 5) / 1000


def list_prices() -> list[PriceRow]:
    """Published prices of every model but the fine-tuned one."""
    rows = []
    for source, models in _LIST.items():
        for model, meters in models.items():
            bands = (STANDARD, LONG) if (source, model) in CONTEXT_THRESHOLDS else (None,)
            for meter, price in meters.items():
                for (tier, batch), factor in _TIERS[source].items():
                    for band in bands:
                        cost = Decimal(price) * factor * (_LONG_FACTORS[meter] if band == LONG else 1)
                        values = (source, model, meter, tier, batch)
                        if meter == CACHE_WRITE:
                            rows.append(PriceRow(*values, "5m", cost, band))
                            rows.append(PriceRow(*values, "1h", cost * _HOUR_FACTOR, band))
                        else:
                            rows.append(PriceRow(*values, None, cost, band))
    return rows


def contract_prices(amended_on: date) -> list[PriceRow]:
    """What we pay: list, except for Anthropic, below list and lower still from ``amended_on``."""
    rows = []
    for row in list_prices():
        if row.source != ANTHROPIC:
            rows.append(row)
            continue
        before, after = row.price_per_million * CONTRACT_FACTOR, row.price_per_million * AMENDED_FACTOR
        rows.append(replace(row, price_per_million=before, valid_to=amended_on, version="1"))
        rows.append(replace(row, price_per_million=after, valid_from=amended_on, version="2"))
    return rows


class PriceBook:
    """Looks up a price by everything that sets it; ``None`` for what the book does not have."""

    def __init__(self, rows: list[PriceRow]) -> None:
        self._rows: dict[tuple[str, ...], list[PriceRow]] = {}
        for row in rows:
            key = (row.source, row.model, row.meter, row.service_tier or "", row.batch or "", row.cache_ttl or "")
            self._rows.setdefault(key, []).append(row)

    def price(
        self, source: str, model: str, meter: str, tier: str, batch: str, cache_ttl: str | None, band: str, day: date
    ) -> Decimal | None:
        """USD per million units on ``day``."""
        for row in self._rows.get((source, model, meter, tier, batch, cache_ttl or ""), ()):
            in_time = (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day < row.valid_to)
            if in_time and row.context_band in (None, band):
                return row.price_per_million
        return None
