"""The lake: one Parquet shape per entity, whatever the source or dialect.

Normalisers (``billing/``, ``invoices/``, ``telemetry/``, ``revenue/``) write these shapes and dbt staging reads them; nothing else
knows both sides. Null means *not known*. Money is ``numeric(38, 9)``; the source's own text stays beside every amount.
Times are UTC. Column by column meaning: ``docs/lake.md``.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from reconcilers.money import MOST_QUANTITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

#: What each meter counts (``dbt_project/seeds/meters.csv``).
METERS = {
    "input_tokens": "tokens",
    "cache_read_input_tokens": "tokens",
    "cache_write_input_tokens": "tokens",
    "output_tokens": "tokens",
    "requests": "requests",
    "seconds": "seconds",
    "bytes": "bytes",
    "images": "images",
    "characters": "characters",
    "searches": "searches",
    "read_units": "read_units",
    "write_units": "write_units",
    "gb_hours": "gb_hours",
}

#: Parts of its unit that a meter is kept in, where that is not the unit itself (the same file's ``scale_factor``).
SCALES = {"seconds": 1000, "read_units": 1000, "write_units": 1000, "gb_hours": 1_000_000}


def most_of(meter: str | None) -> Decimal:
    """What no line, report row or call counts more of, in the meter's own unit."""
    return MOST_QUANTITY / SCALES.get(meter or "", 1)


#: Lines of text: (column, type). ``!`` marks a column that is never null.
_KEYS = """
billing_account_id string
sub_account_id string
api_key_id string
model string
meter string
service_tier string
batch string
context_band string
geography string
region string
speed string
modality string
cache_ttl string
"""

_LANDING = """
landing_id string!
landing_line int64!
"""

_USAGE = "list<struct<meter:string!,modality:string,cache_ttl:string,quantity:money!>>"

_TELLING = f"""
landing_row int64
dialect string!
scope_name string
scope_version string
span_kind string!
over_scopes list<string>
record_id string!
trace_id string
span_id string
parent_span_id string
response_id string
billable bool!
answered_from_cache bool!
provider string
endpoint string
billing_account_id string
sub_account_id string
api_key_id string
model string
request_model string
service_tier string
batch string
context_band string
geography string
region string
speed string
operation string
event_id string
run_id string
tenant_id string
customer_id string
user_hash string
feature_id string
workflow string
prompt_version string
environment string
data_mode string
service string
started_at timestamp
ended_at timestamp!
status string
error_type string
usage_source string!
meters_told int64!
input_total int64
output_total int64
cached_total int64
tells_cache bool!
emitter_tells_cache bool
token_semantics string
token_semantics_by string
cache_exceeds_input bool!
usage_inconsistent bool!
reported_cost money
reported_currency string
queue_ms int64
jitter_ms int64
throttled bool
sampling_probability_millionths int64
usage {_USAGE}
usage_exclusive {_USAGE}
"""

ENTITIES: dict[str, str] = {
    # one FOCUS row of a bill
    "charges": f"""
charge_id string!
source string!
{_LANDING}
{_KEYS}
line_id string
linked_line_ids list<string>
provider string
service_name string
sku_id string
sku_meter string
charge_category string!
charge_class string
charge_description string
reduction string
commitment_discount_id string
commitment_discount_status string
charge_period_start timestamp!
charge_period_end timestamp!
billing_period_start date!
billing_currency string!
billed_cost money!
billed_cost_text string!
billed_cost_residual int64!
effective_cost money!
effective_cost_text string!
effective_cost_residual int64!
list_cost money
contracted_cost money
quantity money
consumed_quantity money
consumed_unit string
pricing_quantity money
pricing_unit string
invoice_id string
invoice_issuer_name string
tags string
""",
    # the provider's own usage report: quantity per key and day
    "provider_usage": f"""
source string!
{_LANDING}
{_KEYS}
charge_day date!
quantity money!
""",
    # what a provider reckons that usage costs and does not bill so; in no sum with ``charges``
    "provider_estimates": f"""
source string!
{_LANDING}
kind string!
charge_day date!
customer_type string
model string
input_tokens int64
cache_read_input_tokens int64
cache_write_input_tokens int64
output_tokens int64
estimated_cost money!
estimated_cost_text string!
currency string!
""",
    # one telling of an operation, a span or a table row; which of them are one call is decided in ``resolution`` (R29 to R32)
    "calls": f"""
source string!
{_LANDING}
{_TELLING}
""",
    # what replaces the tellings of ``resolved_tellings``: calls told several times, wrapping others, or named by their trace
    "resolved_calls": f"""
source string!
{_LANDING}
own_id string!
telemetry_source string!
told_landing_id string!
told_landing_line int64!
tellings int64!
inherited string
identity_group string
names_two_events bool!
cache_blind bool!
took_part list<struct<source:string!,landing_id:string!,landing_line:int64!,part:string!>>
{_TELLING}
""",
    # each row of ``calls`` and of ``resolved_calls`` as whole numbers, its words by their numbers in its file (``metering.py``)
    "metered_calls": f"""
source string!
landing_id string!
landing_row int64!
profile int64!
context int64!
call_high int64!
call_low int64!
call_tail int64!
started_at timestamp
ended_at timestamp!
input_total int64
cached_total int64
input_tokens int64
input_tokens_exclusive int64
cache_read_tokens int64
cache_write_5m_tokens int64
cache_write_1h_tokens int64
output_tokens int64
other_usage {_USAGE}
other_usage_exclusive {_USAGE}
reported_cost money
queue_ms int64
jitter_ms int64
throttled bool
""",
    # what was called, by whom it was told, and how its counts are read
    "call_profiles": """
source string!
landing_id string!
profile int64!
telemetry_source string!
scope_name string
scope_version string
provider string
operation string
endpoint string
billing_account_id string
sub_account_id string
api_key_id string
model string
service_tier string
batch string
context_band string
geography string
region string
speed string
span_kind string!
billable bool!
answered_from_cache bool!
usage_source string!
token_semantics_by string
cache_exceeds_input bool!
usage_inconsistent bool!
sampling_probability_millionths int64
cache_blind bool
usage_told int64!
""",
    # for whom and why a call was made
    "call_contexts": """
source string!
landing_id string!
context int64!
event_id string
run_id string
tenant_id string
feature_id string
customer_id string
user_hash string
workflow string
prompt_version string
environment string
data_mode string
inherited string
identity_group string
names_two_events bool!
""",
    # a row of ``calls`` that counts no more as it stands
    "resolved_tellings": """
source string!
landing_id string!
told_landing_id string!
told_landing_row int64!
charge_day date!
""",
    # what all calls known tell of one emitter (R8, R31)
    "emitters": """
source string!
landing_id string!
telemetry_source string!
scope_name string
scope_version string
provider string
operation string
excludes_cache bool!
cache_blind bool!
""",
    # a record of a stream that cannot be read; the others of its file can (R33)
    "rejected_records": f"""
source string!
{_LANDING}
unit string!
reason string!
attribute string
bytes int64!
charge_day date
tenant_id string
""",
    # a number that looks like a token count and that no dialect reads, on model operations of one day (R33)
    "unread_usage": f"""
source string!
{_LANDING}
scope_name string
attribute string!
calls int64!
charge_day date!
""",
    # a line of a bill left out as told already, and the line that counts (R33)
    "left_out_charges": f"""
source string!
{_LANDING}
charge_id string!
unit string!
kept_landing_id string!
kept_landing_line int64!
kept_unit string!
billing_account_id string
charge_period_start timestamp!
billing_period_start date!
billing_currency string!
billed_cost money!
billed_cost_text string!
""",
    # one statement about a run (a root span, a row of a runs table)
    "runs": f"""
source string!
{_LANDING}
run_id string!
event_id string
parent_run_id string
retry_of_run_id string
declared_kind string
tenant_id string
customer_id string
user_hash string
feature_id string
workflow string
prompt_version string
environment string
started_at timestamp
ended_at timestamp
status string
error_type string
""",
    # one statement about how an event ended; precedence is dbt's
    "outcomes": f"""
source string!
{_LANDING}
event_id string!
outcome string!
emitter string!
occurred_at timestamp!
outcome_value money
value_currency string
confidence money
reason string
""",
    # one line of an invoice (FOCUS 1.4, Invoice Detail), with what the invoice tells of itself
    "invoice_details": f"""
source string!
{_LANDING}
bill string!
billing_account_id string
invoice_id string!
invoice_detail_id string
invoice_issuer_name string
invoice_issue_status string!
invoice_issue_date date
payment_due_date date
reference_invoice_id string
billing_period_start date!
billing_currency string!
charge_category string
invoice_detail_description string
billed_cost money
billed_cost_text string
invoice_total money
invoice_total_text string
""",
    # one revenue line, recognised by service period
    "revenue": f"""
source string!
{_LANDING}
revenue_id string!
tenant_id string!
feature_id string
bundle_id string
kind string!
bills_revenue_id string
pricing string
service_period_start date!
service_period_end date!
amount money!
amount_text string!
currency string!
""",
}


#: Small tables beside the entities, replaced whole by every run: what is known of the sources themselves.
KNOWLEDGE: dict[str, str] = {
    # a unit whose latest pull was refused, and the days it speaks of
    "rejections": """
source string!
unit string!
problem string!
first_day date
last_day date
""",
    # a configured source
    "sources": """
source string!
room string!
""",
    # a day a source was asked for (R34)
    "asked_days": """
source string!
charge_day date!
landed bool!
pulled_again bool!
""",
}

#: The column that tells which day a row speaks of, of entities whose newest row says how fresh a source is.
DAY_OF_ROWS = {
    "charges": "charge_period_start",
    "calls": "ended_at",
    "runs": "ended_at",
    "outcomes": "occurred_at",
    "revenue": "service_period_start",
    "invoice_details": "billing_period_start",
}

#: Entities whose files say which days' calls are made from them, and the column that tells a row's day. Of a day with resolved calls
#: there are tellings they replace.
DAYS_OF_CALLS = {"calls": "ended_at", "resolved_tellings": "charge_day"}


#: Columns whose values hardly repeat, so that a dictionary of them would only be in the way.
_HARDLY_REPEAT = {
    *("record_id", "span_id", "response_id", "landing_line", "landing_row", "started_at", "ended_at"),
    *("input_total", "output_total", "cached_total"),
}
#: Of entities with columns whose values hardly repeat, hashes and amounts, the columns whose values do.
_REPEATED = {
    "metered_calls": ["source", "landing_id"],
    "charges": [
        *("source", "landing_id", "charge_period_start", "charge_period_end", "billing_period_start"),
        *("provider", "service_name", "sku_id", "sku_meter", "charge_category", "charge_class", "charge_description"),
        *("reduction", "commitment_discount_id", "commitment_discount_status", "billing_currency", "consumed_unit"),
        *("pricing_unit", "invoice_id", "invoice_issuer_name", "tags"),
        *(line.split()[0] for line in _KEYS.split("\n") if line),
    ],
}


def writer(entity: str, path: Path) -> pq.ParquetWriter:
    """What writes tables of an entity as one lake file."""
    import pyarrow.parquet as pq

    repeated = _REPEATED.get(entity) or [name for name in _leaves(schema(entity)) if name not in _HARDLY_REPEAT]
    return pq.ParquetWriter(path, schema(entity), compression="zstd", use_dictionary=repeated)


def _leaves(fields: Iterable[pa.Field]) -> Iterator[str]:
    """The columns of a Parquet file, as it names them: a list of structs is one for each of their parts."""
    import pyarrow as pa

    for field in fields:
        if pa.types.is_list(field.type):
            element = field.type.value_field
            parts = _leaves(element.type) if pa.types.is_struct(element.type) else [""]
            yield from (f"{field.name}.list.element.{part}".rstrip(".") for part in parts)
        else:
            yield field.name


@cache
def schema(entity: str) -> pa.Schema:
    """The Arrow schema of one entity or table of knowledge. Raises ``KeyError`` for any other name."""
    import pyarrow as pa

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "money": pa.decimal128(38, 9),
    }

    def column(name: str, kind: str) -> pa.Field:
        return pa.field(name, type_of(kind.removesuffix("!")), nullable=not kind.endswith("!"))

    def type_of(kind: str) -> pa.DataType:
        if kind.startswith("list<"):
            return pa.list_(type_of(kind[len("list<") : -1]))
        if kind.startswith("struct<"):
            return pa.struct([column(*part.split(":")) for part in kind[len("struct<") : -1].split(",")])
        return types[kind]

    return pa.schema([column(*line.split()) for line in (ENTITIES | KNOWLEDGE)[entity].split("\n") if line])
