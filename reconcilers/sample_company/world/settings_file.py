"""The sample's ``reconcile.yaml``: the settings of a job that reads it, as a company would write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path

from reconcilers.sample_company.world.amounts import plain
from reconcilers.sample_company.world.company import (
    AWS_EXPORT,
    AWS_PAYER,
    AZURE_ACCOUNT,
    AZURE_EXPORT,
    BUNDLE_ID,
    BUNDLE_PRODUCT,
    CALLS_TABLE,
    COHERE_PREFIX,
    DATABRICKS_EXPORTS,
    GCP_EXPORT,
    GPU_PER_HOUR,
    GPUS_ACCOUNT,
    GPUS_PREFIX,
    INPUT,
    INVOCATION_LOGS,
    LLAMA,
    MISTRAL,
    OCI_REPORTS,
    OPENAI_ORGANIZATION,
    OPENROUTER,
    OUTPUT,
    OVERAGE_PRODUCT,
    SNOWFLAKE,
    SNOWFLAKE_CREDIT,
    SNOWFLAKE_EXPORTS,
    SONNET,
    STANDARD,
    VECTORS_PREFIX,
    contract_prices,
    list_prices,
)

FILE = "reconcile.yaml"


@dataclass(frozen=True)
class Addresses:
    """Where the sample's providers are served."""

    openai: str
    stripe: str
    openrouter: str
    anthropic: str
    invoicing: str
    litellm: str
    bigquery: str
    azure: str
    s3: str
    bucket: str


#: Nobody serves the sample yet: a job started now is told that the connection was refused.
NOT_SERVED = Addresses(
    **{one.name: "http://127.0.0.1:9" for one in fields(Addresses) if one.name != "bucket"},
    bucket="acme-billing-exports",
)


def write_settings(out: Path, addresses: Addresses, amended_on: date, warehouse: str | None = None) -> None:
    """Write the settings with these addresses and prices of Priority Tier; without ``warehouse``, with the one they name already."""
    text = _TEMPLATE.format(
        **asdict(addresses),
        warehouse=_WAREHOUSES[warehouse or _warehouse_of(out / FILE)],
        bundle=BUNDLE_ID,
        bundle_product=BUNDLE_PRODUCT,
        overage_product=OVERAGE_PRODUCT,
        organization=OPENAI_ORGANIZATION,
        aws=AWS_EXPORT,
        cohere=COHERE_PREFIX,
        aws_payer=AWS_PAYER,
        vectors=VECTORS_PREFIX,
        azure_export=AZURE_EXPORT,
        azure_account=AZURE_ACCOUNT.rpartition("/")[2],
        gcp_export=GCP_EXPORT,
        calls_table=CALLS_TABLE,
        snowflake=SNOWFLAKE_EXPORTS,
        databricks=DATABRICKS_EXPORTS,
        oci=OCI_REPORTS,
        gpus=GPUS_PREFIX,
        gpus_account=GPUS_ACCOUNT,
        invocation_logs=INVOCATION_LOGS,
        priority_prices="\n".join(_priority_prices(amended_on)),
        openrouter_price=_token_price(OPENROUTER, MISTRAL, Decimal(1)),
        snowflake_price=_token_price(SNOWFLAKE, LLAMA, SNOWFLAKE_CREDIT),
        gpu_per_hour=GPU_PER_HOUR,
    )
    (out / FILE).write_text(text)


def _token_price(source: str, model: str, unit: Decimal) -> str:
    """What a million tokens of a model take, in units that cost so much."""
    prices = {row.meter: plain(row.price_per_million / unit) for row in list_prices() if row.source == source}
    return f'{{model: {model}, input_per_million: "{prices[INPUT]}", output_per_million: "{prices[OUTPUT]}"}}'


def _priority_prices(amended_on: date) -> Iterator[str]:
    """What the contract takes at Anthropic's Priority Tier of the one model that is called at it, by kind of token and time."""
    for row in contract_prices(amended_on):
        if (row.model, row.service_tier, row.context_band) == (SONNET, "priority", STANDARD):
            told = {"cache_ttl": row.cache_ttl, "valid_from": row.valid_from, "valid_to": row.valid_to}
            more = "".join(f", {name}: {value}" for name, value in told.items() if value)
            price = plain(row.price_per_million)
            yield f'      - {{model: {row.model}, meter: {row.meter}, price_per_million: "{price}"{more}}}'


def _warehouse_of(file: Path) -> str:
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((name for name, said in _WAREHOUSES.items() if said.splitlines()[0] in lines), "duckdb")


_WAREHOUSES = {
    "duckdb": "warehouse: duckdb",
    "bigquery": "warehouse: bigquery\nbigquery: {project: acme-finops}",
}

_TEMPLATE = r"""# The job of the sample company. The addresses are those of the sample's own server, which rewrites them when it starts.
company: Acme AI
home: var
reference: reference
reporting_currency: USD
{warehouse}
price_book: none
# Bills change for weeks: AWS tells discounts, tax and credits of a month until ten days after it.
repull_days: 20

billing:
  - name: openai
    kind: openai
    base_url: {openai}
    api_key_env: OPENAI_ADMIN_KEY
    billing_account_id: {organization}
    usage: [completions, embeddings]
    # A server on loopback answers at once or not at all.
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
  - name: anthropic
    kind: anthropic
    base_url: {anthropic}
    api_key_env: ANTHROPIC_ADMIN_KEY
    # What Anthropic reckons that the engineers' coding agents cost stands beside the bill.
    claude_code: true
    # No cost tells what is used at Priority Tier: a commitment pays for it, and the contract says what it is worth.
    priority_prices:
{priority_prices}
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
  - name: cohere
    kind: focus_file
    uri: s3://{bucket}/{cohere}
    endpoint_url: {s3}
    delivery: snapshot
    pattern: 'acme-focus-(?P<period>\d{{4}}-\d\d)-v(?P<version>\d{{8}})\.csv\.gz'
  - name: aws
    kind: aws
    uri: s3://{bucket}/{aws}
    endpoint_url: {s3}
    format: focus_1_2
  # A seller that knows no FOCUS: days and numbers as Germans write them, what the rows come to below them.
  - name: vectors
    kind: mapped_bill
    uri: s3://{bucket}/{vectors}
    endpoint_url: {s3}
    delivery: snapshot
    pattern: '(?P<period>\d{{4}}-\d\d)\.csv'
    format: csv
    numbers: 1.234,56
    period_end: last_day
    total: {{where: {{Posten: Summe}}, column: Betrag}}
    columns:
      x_LineId: Posten
      BillingAccountId: Konto
      BillingPeriodStart: Monat
      ChargePeriodStart: {{column: Von, time: '%d.%m.%Y'}}
      ChargePeriodEnd: {{column: Bis, time: '%d.%m.%Y'}}
      ChargeCategory: {{constant: Usage}}
      ProviderName: {{constant: Vector Index GmbH}}
      ServiceName: {{constant: Vector Index}}
      SkuMeter: Leistung
      x_Model: Index
      x_Meter: {{column: Leistung, map: {{Lesezugriffe: read_units, '*': null}}}}
      ConsumedQuantity: Menge
      ConsumedUnit: {{column: Leistung, map: {{Lesezugriffe: Read Units, '*': null}}}}
      BilledCost: Betrag
      ListCost: Betrag
      BillingCurrency: Waehrung
      InvoiceId: Rechnung
  - name: azure
    kind: azure
    uri: s3://{bucket}/{azure_export}
    endpoint_url: {s3}
  - name: gcp
    kind: gcp
    table: {gcp_export}
    base_url: {bigquery}
  - name: openrouter
    kind: openrouter
    base_url: {openrouter}
    # One amount pays for prompt and completion: the ratio of these prices splits it.
    prices:
      - {openrouter_price}
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
  - name: snowflake
    kind: snowflake
    uri: s3://{bucket}/{snowflake}
    endpoint_url: {s3}
    cortex: {{cortex_ai_functions_usage_history: [AI_SERVICES]}}
    # In credits.
    prices:
      - {snowflake_price}
  - name: databricks
    kind: databricks
    uri: s3://{bucket}/{databricks}
    endpoint_url: {s3}
    billed_at: account_prices
  - name: oci
    kind: oci
    uri: s3://{bucket}/{oci}
    endpoint_url: {s3}
    report: focus
  - name: gpus
    kind: gpu_hours
    uri: s3://{bucket}/{gpus}
    endpoint_url: {s3}
    format: csv
    billing_account_id: {gpus_account}
    columns: {{day: date, node: node, node_type: type, workload: pod, hours: hours, model: model}}
    rates:
      - {{node_type: l40s, per_hour: "{gpu_per_hour}", currency: USD}}

invoices:
  - name: openai_invoices
    kind: invoice_pdf
    uri: invoices/openai
    bill: openai
    fields:
      InvoiceId: 'Invoice number\s+(\S+)'
      InvoiceIssueDate: 'Date of issue\s+(.+)'
      BillingPeriodStart: 'Billing period\s+(.+)'
      x_Subtotal: '^Subtotal\s+\$(\S+)'
      x_InvoiceTotal: '^Amount due\s+\$(\S+)'
      BillingCurrency: '^Amount due\s+\S+ ([A-Z]{{3}})'
    lines: '^(?!Subtotal|Amount due)(?P<InvoiceDetailDescription>(?P<ChargeCategory>Sales tax)?.*?) +(?P<BilledCost>\$-?[\d,.]+)$'
    values: {{ChargeCategory: {{Sales tax: Tax}}}}
    time_format: '%B %d, %Y'
  - name: anthropic_invoices
    kind: invoice_file
    uri: invoices/anthropic
    bill: anthropic
    columns:
      InvoiceId: Invoice
      BillingPeriodStart: Service month
      InvoiceIssueDate: Issued
      x_InvoiceTotal: Total
      InvoiceIssueStatus: Status
    constants: {{BillingCurrency: USD}}
    values: {{InvoiceIssueStatus: {{paid: Issued}}}}
  - name: aws_invoices
    kind: invoice_aws
    bill: aws
    account_id: '{aws_payer}'
    endpoint_url: {invoicing}
  - name: azure_invoices
    kind: invoice_azure
    bill: azure
    billing_account: '{azure_account}'
    base_url: {azure}
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
  - name: cohere_invoices
    kind: invoice_file
    uri: invoices/cohere
    bill: cohere
  - name: gcp_invoices
    kind: invoice_gcp
    uri: invoices/gcp
    bill: gcp
  - name: vectors_invoices
    kind: invoice_file
    uri: invoices/vectors
    bill: vectors
    columns:
      InvoiceId: Rechnungsnummer
      InvoiceIssueDate: Rechnungsdatum
      BillingPeriodStart: Leistungsmonat
      ReferenceInvoiceId: Bezug
      InvoiceDetailDescription: Position
      ChargeCategory: Art
      BilledCost: Betrag
      BillingCurrency: Waehrung
      x_InvoiceTotal: Rechnungsbetrag
    values: {{ChargeCategory: {{Leistung: Usage, Steuer: Tax}}}}
    time_format: '%d.%m.%Y'

telemetry:
  - name: traces
    kind: otlp
    uri: telemetry
    pattern: '.*_traces_\d+\.(json(\.gz)?|binpb\.zst)'
    partition: year=%Y/month=%m/day=%d/
    dialects: [botanu, coding_agents, langfuse, litellm, openinference, otel_genai, traceloop, vercel_ai]
    # The vector index has no model; its kind stands in the bill's place of one.
    attributes:
      model: [db.vector.index_type]
  # What the proxy passes on to OpenRouter no span tells. Its spend is an estimate beside OpenRouter's bill.
  - name: litellm
    kind: litellm
    base_url: {litellm}
    columns:
      event_id: metadata.spend_logs_metadata.event_id
      run_id: metadata.spend_logs_metadata.run_id
      tenant_id: metadata.spend_logs_metadata.tenant_id
      feature_id: metadata.spend_logs_metadata.feature_id
      workflow: metadata.spend_logs_metadata.workflow
      prompt_version: metadata.spend_logs_metadata.prompt_version
      environment: metadata.spend_logs_metadata.environment
      user_hash: end_user
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
  # The service in this account tells its runs and no calls; Bedrock logs them.
  - name: bedrock
    kind: bedrock_invocation_logs
    uri: s3://{bucket}/{invocation_logs}
    endpoint_url: {s3}
    partition: '%Y/%m/%d/'
    columns:
      environment: {{constant: production}}
      workflow: requestMetadata.workflow
      prompt_version: requestMetadata.prompt_version
      user_hash: requestMetadata.user_id
  # The service in Google's cloud keeps its calls in a table.
  - name: gcp_calls
    kind: mapped_bigquery
    table: {calls_table}
    base_url: {bigquery}
    day_column: finished_at
    entity: calls
    columns:
      record_id: id
      response_id: answer.id
      started_at: began_at
      ended_at: finished_at
      provider: {{constant: gcp.vertex_ai}}
      model: answer.model
      sub_account_id: project
      event_id: whom.event_id
      run_id: whom.run_id
      tenant_id: whom.tenant_id
      feature_id: whom.feature_id
      workflow: whom.workflow
      prompt_version: whom.prompt_version
      environment: whom.environment
      user_hash: whom.user_id
    usage:
      semantics: inclusive
      meters:
        - {{meter: input_tokens, column: tokens.input}}
        - {{meter: output_tokens, column: tokens.output}}
  - name: outcomes
    kind: mapped
    uri: outcomes
    pattern: '.*\.ndjson'
    partition: '%Y-%m-%d'
    late_days: 10
    format: ndjson
    entity: outcomes
    columns:
      event_id: event_id
      outcome: outcome
      emitter: emitter
      occurred_at: occurred_at
      outcome_value: value
      value_currency: currency
      reason: reason

revenue:
  - name: accruals
    kind: revenue_file
    uri: revenue
  - name: stripe
    kind: stripe
    base_url: {stripe}
    api_key_env: STRIPE_API_KEY
    earlier_months: 2
    # Each line says its feature, the customer which tenant it is.
    products:
      {bundle_product}: {{bundle_id: {bundle}}}
      {overage_product}: {{pricing: overage}}
    retry: {{attempts: 2, first_wait_seconds: 0.1, jitter_seconds: 0}}
"""
