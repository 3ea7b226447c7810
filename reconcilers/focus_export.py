"""A month's bill, allocated, as a FOCUS "Cost and Usage" dataset (https://focus.finops.org/focus-specification/), in 1.2 or 1.3.

A row is a charge day × source × account × model × meter × price dimensions × event, run, tenant and feature, or the bucket the money is in.
Per source, currency of the bill and billing period ``BilledCost`` sums to the waterfall's billed amount and ``EffectiveCost`` to its
destinations, exactly; what is billed now and used in another month is a row of its own, and so is what rounding lines left.

Amounts are in the reporting currency, which is what ``BillingCurrency`` says; the bill's own is ``x_BilledCurrency``. What the charge lines
that paid a share have in common (provider, issuer, invoice, service, category) stands on it; where they differ it is not known.
``ListCost`` is the share's part of its lines' list cost; where they, or their source's bills, tell none it is the effective cost, as
``x_ListCostAssumed`` says, and ``ContractedCost`` the effective cost: no unit price of a share is known. Of 1.3's split cost allocation a
share has the method, and the event as resource; the ratio to *one* origin charge does not fit, as a share may be paid by several.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconcilers.configured import configured_sources
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.ingest.lake import schema
from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.known import reading_of
from reconcilers.periods import parse_instant
from reconcilers.warehouses.base import Published

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

VERSIONS = ("1.2", "1.3")
#: How a share was made (rule R17), FOCUS's name of a documented method.
METHOD = "carved_by_metered_quantity"
#: Meter → unit in FOCUS's spelling.
UNITS = {
    "input_tokens": "Tokens",
    "cache_read_input_tokens": "Tokens",
    "cache_write_input_tokens": "Tokens",
    "output_tokens": "Tokens",
    "requests": "Requests",
    "searches": "Searches",
    "images": "Images",
    "characters": "Characters",
    "bytes": "Bytes",
    "seconds": "Seconds",
    "read_units": "Read Units",
    "write_units": "Write Units",
    "gb_hours": "GiB-Hours",
}
#: Destination → category of a charge whose lines do not agree on one; usage is what is not here. A correction without its original, what
#: belongs to a closed month and what rounding left adjust.
_CATEGORIES = {
    "tax": "Tax",
    "credit": "Credit",
    "support_and_fees": "Purchase",
    "prior_period": "Adjustment",
    "refund_and_dispute": "Adjustment",
    "rounding": "Adjustment",
}
#: Destinations of usage that was matched with calls, or would have been.
_SPLIT = ("event", "untagged", "non_production", "sampled_out", "no_telemetry", "unexplained")


@dataclass(frozen=True)
class Column:
    """A column of the dataset: its type as FOCUS calls it, its value in SQL over ``rows``, and the versions that have it."""

    name: str
    type: str
    value: str
    versions: tuple[str, ...] = VERSIONS


_SQL_TYPES = {
    "Decimal": "decimal(38, 9)",
    "String": "varchar",
    "JSON": "varchar",
    "Date/Time": "timestamp",
    "Boolean": "boolean",
}
_TAGS = """nullif(json_merge_patch('{}', json_object('tenant_id', tenant_id, 'feature_id', feature_id, 'outcome', outcome))::varchar, '{}')"""
#: A day's end is the next midnight; a line longer than a day is of its month.
_START = "coalesce(charge_day, charge_month)"
_END = "case when charge_day is null then charge_month + interval 1 month else charge_day + interval 1 day end"
_IS_SPLIT = f"destination in ({', '.join(repr(one) for one in _SPLIT)})"

COLUMNS: tuple[Column, ...] = (
    Column("AllocatedMethodId", "String", f"case when {_IS_SPLIT} then '{METHOD}' end", ("1.3",)),
    Column("AllocatedResourceId", "String", f"case when {_IS_SPLIT} then event_id end", ("1.3",)),
    Column(
        "AllocatedResourceName",
        "String",
        f"case when {_IS_SPLIT} and event_id is not null then feature_id end",
        ("1.3",),
    ),
    Column("AllocatedTags", "JSON", f"case when {_IS_SPLIT} and event_id is not null then {_TAGS} end", ("1.3",)),
    Column("BilledCost", "Decimal", "billed_cost"),
    Column("BillingAccountId", "String", "billing_account_id"),
    Column("BillingAccountName", "String", "null"),
    Column("BillingCurrency", "String", "currency"),
    Column("BillingPeriodEnd", "Date/Time", "$month + interval 1 month"),
    Column("BillingPeriodStart", "Date/Time", "$month"),
    Column("ChargeCategory", "String", "charge_category"),
    Column("ChargeClass", "String", "charge_class"),
    Column("ChargeDescription", "String", "coalesce(charge_description, concat_ws(' ', model, meter, destination))"),
    Column("ChargePeriodEnd", "Date/Time", _END),
    Column("ChargePeriodStart", "Date/Time", _START),
    Column("ConsumedQuantity", "Decimal", "case when charge_category = 'Usage' then quantity end"),
    Column("ConsumedUnit", "String", "case when charge_category = 'Usage' then unit end"),
    Column("ContractedCost", "Decimal", "effective_cost"),
    Column("EffectiveCost", "Decimal", "effective_cost"),
    Column("HostProviderName", "String", "provider", ("1.3",)),
    Column("InvoiceId", "String", "invoice_id"),
    Column("InvoiceIssuerName", "String", "invoice_issuer_name"),
    Column("ListCost", "Decimal", "list_cost"),
    Column("PricingQuantity", "Decimal", "case when charge_category <> 'Tax' then quantity end"),
    Column("PricingUnit", "String", "case when charge_category <> 'Tax' then unit end"),
    Column("ProviderName", "String", "provider"),
    Column("PublisherName", "String", "provider"),
    Column("ServiceCategory", "String", "case when serves_models then 'AI and Machine Learning' else 'Other' end"),
    Column("ServiceName", "String", "service_name"),
    Column("ServiceProviderName", "String", "provider", ("1.3",)),
    Column("ServiceSubcategory", "String", "case when serves_models then 'Generative AI' else 'Other (Other)' end"),
    Column("SubAccountId", "String", "sub_account_id"),
    Column("SubAccountName", "String", "sub_account_id"),
    Column("Tags", "JSON", _TAGS, ("1.2",)),
    Column("Tags", "JSON", "null", ("1.3",)),
    Column("x_Batch", "String", "batch"),
    Column("x_BilledCurrency", "String", "billing_currency"),
    Column("x_ContextBand", "String", "context_band"),
    Column("x_Destination", "String", "destination"),
    Column("x_EventId", "String", "event_id"),
    Column("x_FeatureId", "String", "feature_id"),
    Column("x_ListCostAssumed", "Boolean", "list_cost_assumed"),
    Column("x_Meter", "String", "meter"),
    Column("x_Model", "String", "model"),
    Column("x_Outcome", "String", "outcome"),
    Column("x_Production", "Boolean", "production"),
    Column("x_RunId", "String", "run_id"),
    Column("x_ServiceTier", "String", "service_tier"),
    Column("x_Source", "String", "source"),
    Column("x_TenantId", "String", "tenant_id"),
)

#: What of a month is published, by table of the query below. Accruals are no part of a bill.
_PUBLISHED = {
    "shares": """
        select shares.source, shares.billing_currency, shares.currency, shares.charge_day, shares.charge_month, shares.match_group_id,
            shares.destination, shares.model, shares.meter, shares.event_id, shares.run_id, shares.tenant_id, shares.feature_id,
            shares.production, cells.billing_account_id, cells.sub_account_id, cells.service_tier, cells.batch, cells.context_band,
            sum(shares.quantity) as quantity, sum(shares.reconciled_cost) as cost
        from finance.fct_allocation as shares
        left join finance.dim_match_groups as cells on shares.match_group_id = cells.match_group_id
        where shares.billing_period_start = ? and (shares.reconciled_cost <> 0 or shares.accrued_cost = 0)
        group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19""",
    "paid": """
        with paid as (
            select usages.match_group_id, lines.charge_id
            from finance.bridge_match_group_usage as usages
            join finance.bridge_match_group_charge as lines on usages.bill_match_group_id = lines.match_group_id
            union distinct
            select match_group_id, charge_id from finance.bridge_match_group_charge
        )

        select distinct paid.match_group_id, paid.charge_id
        from paid
        join finance.fct_allocation as shares on paid.match_group_id = shares.match_group_id
        where shares.billing_period_start = ?""",
    "outcomes": """
        select distinct events.event_id, events.outcome
        from finance.fct_cost_per_outcome as events
        join finance.fct_allocation as shares on events.event_id = shares.event_id
        where shares.billing_period_start = ?""",
    "statements": """
        select source, billing_currency, max(currency) as currency,
            sum(case when section = 'bridge' then cost else 0 end) as bridge_cost,
            sum(case when section = 'destination' then cost else 0 end) as carried_cost
        from finance.rpt_invoice_waterfall
        where billing_period_start = ?
        group by 1, 2""",
    "sources": "select source, provider, default_account_id from finance.dim_sources where cast(? as date) is not null",
}

_ROWS = """
with lines as (

    select distinct on (source, charge_id)
        * replace (case when not list_contains($unlisted::varchar[], source) then list_cost end as list_cost)
    from charges
    where billing_period_start = $month

),

-- a bucket's share names its bill cell, or its line itself
told as (

    select match_group_id, charge_id from paid
    union
    select match_group_id, match_group_id from shares

),

common as (

    select told.match_group_id, lines.source, {common},
        case when count(lines.list_cost) = count(*) then sum(lines.list_cost * 1000000000)::hugeint end as list_nanos,
        sum(lines.effective_cost * 1000000000)::hugeint as line_nanos
    from told
    join lines on told.charge_id = lines.charge_id
    group by told.match_group_id, lines.source

),

priced as (

    select shares.*, common.* exclude (match_group_id, source, billing_account_id, sub_account_id, model, meter),
        common.billing_account_id as line_account, common.sub_account_id as line_sub_account, common.model as line_model,
        common.meter as line_meter, (shares.cost * 1000000000)::hugeint as nanos
    from shares
    left join common on shares.match_group_id = common.match_group_id and shares.source = common.source

),

shared as (

    select
        source, billing_currency, currency, charge_day, charge_month, destination, event_id, run_id, tenant_id, feature_id, production,
        coalesce(model, line_model) as model, coalesce(meter, line_meter) as meter, service_tier, batch, context_band,
        coalesce(case when billing_account_id not like '(%)' then billing_account_id end, line_account) as billing_account_id,
        coalesce(case when sub_account_id not like '(%)' then sub_account_id end, line_sub_account) as sub_account_id,
        provider, invoice_id, invoice_issuer_name, service_name, charge_class, charge_description,
        case when event_id is not null or destination in ('untagged', 'non_production') then 'Usage'
            {categories} else coalesce(charge_category, 'Usage') end as charge_category,
        quantity, cost as billed_cost, cost as effective_cost,
        list_nanos is null or line_nanos <= 0 or greatest(abs(nanos), abs(list_nanos)) >= 1000000000000000000 as list_cost_assumed,
        case when list_cost_assumed then cost
            else ((2 * nanos * list_nanos + line_nanos) // (2 * line_nanos))::decimal(38, 0) * 0.000000001::decimal(10, 9) end as list_cost
    from priced

),

-- who stands on every line of a source in the month
names as (

    select source, {names}
    from lines
    group by source

),

-- what is billed now and used in another month, and what rounding lines left of the bill
beside as (

    select source, billing_currency, currency, 'commitment_and_prepaid_timing' as destination, 'Purchase' as charge_category,
        bridge_cost as billed_cost, 0 as effective_cost
    from statements
    where bridge_cost <> 0
    union all
    select statements.source, statements.billing_currency, statements.currency, 'rounding', 'Adjustment',
        carried_cost - coalesce(cost, 0), carried_cost - coalesce(cost, 0)
    from statements
    left join (select source, billing_currency, sum(cost) as cost from shares group by all) as allocated
        on statements.source = allocated.source and statements.billing_currency = allocated.billing_currency
    where carried_cost <> coalesce(cost, 0)

),

summed as (

    select * exclude (quantity, billed_cost, effective_cost, list_cost), sum(quantity) as quantity, sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost, sum(list_cost) as list_cost
    from (
        select * from shared
        union all by name
        select *, $month as charge_month, true as list_cost_assumed, effective_cost as list_cost from beside
    ) as parts
    group by all

),

named as (

    select summed.* replace (
            coalesce(summed.billing_account_id, names.billing_account_id, sources.default_account_id, summed.source) as billing_account_id,
            coalesce(summed.provider, names.provider, sources.provider, summed.source) as provider,
            coalesce(summed.service_name, names.service_name, names.provider, sources.provider, summed.source) as service_name,
            coalesce(summed.invoice_issuer_name, names.invoice_issuer_name, summed.provider, names.provider, sources.provider,
                summed.source) as invoice_issuer_name,
            coalesce(summed.invoice_id, names.invoice_id) as invoice_id,
            -- a quantity counts in one unit
            case when units.unit is not null then summed.quantity end as quantity
        ), outcomes.outcome, case when summed.quantity is not null then units.unit end as unit
    from summed
    left join names on summed.source = names.source
    left join sources on summed.source = sources.source
    left join outcomes on summed.event_id = outcomes.event_id
    left join units on summed.meter = units.meter

),

-- a service is of one category, whatever a line of it is for
rows as (

    select *, bool_or(model is not null) over (partition by service_name) as serves_models from named

)

select {columns}
from rows
order by source, charge_month, charge_day nulls first, destination, event_id, run_id, model, meter, tenant_id
"""
#: What the charge lines of a share may have in common.
_COMMON = (
    *("provider", "invoice_id", "invoice_issuer_name", "service_name", "charge_category", "charge_class", "charge_description"),
    *("billing_account_id", "sub_account_id", "model", "meter"),
)  # fmt: skip
_NAMES = ("provider", "invoice_id", "invoice_issuer_name", "service_name", "billing_account_id")


def columns_of(version: str) -> list[Column]:
    """The columns of a version of FOCUS, in the order of the file: FOCUS's by name, then ours."""
    return [column for column in COLUMNS if version in column.versions]


def dataset(settings: Settings, published: Published, month: date, version: str) -> pa.RecordBatchReader:
    """The dataset of one billing month. Times are UTC.

    Raises ``SettingsInvalid`` for a month nothing is billed in, and another version of FOCUS than ``VERSIONS``.
    """
    if version not in VERSIONS:
        raise SettingsInvalid(f"FOCUS {version:.20} is not written", hint=f"use {' or '.join(VERSIONS)}")
    sources = [source for room, source in configured_sources(settings) if room == "billing"]
    unlisted = [source.name for source in sources if not source.tells_list_cost]
    bills = list(_bills(settings, parse_instant(published.facts["as_of"])))
    return _batches(published, bills, unlisted, month, version)


def _bills(settings: Settings, as_of: datetime) -> Iterator[Path]:
    """The lake files of charges that the publication was made from; one that is gone is passed over, and what its lines told is not known."""
    landing, lake = Landing(settings.landing, settings.renamed), Lake(settings.lake)
    for room, source in configured_sources(settings):
        for landed in landing.known(as_of, [source.name]) if room == "billing" else ():
            reading, _ = reading_of(lake, source, landed)
            if reading and "charges" in reading.files:
                yield reading.files["charges"]


def _batches(
    published: Published, files: Sequence[Path], unlisted: Sequence[str], month: date, version: str
) -> pa.RecordBatchReader:
    import duckdb
    import pyarrow as pa

    # A month of many events does not fit in memory: it lies in a file while it is asked.
    folder = tempfile.TemporaryDirectory(prefix="reconcile-focus-")
    connection = duckdb.connect(str(Path(folder.name) / "month.duckdb"))
    connection.execute("set timezone = 'UTC'")
    for table, sql in _PUBLISHED.items():
        connection.register("incoming", published.batches(sql, month))
        connection.execute(f"create table {table} as select * from incoming")
        connection.unregister("incoming")
    if not connection.execute("select count(*) from statements").fetchall()[0][0]:
        folder.cleanup()
        raise SettingsInvalid(
            f"nothing is billed in {month:%B %Y}", hint="`reconcile report` shows the months there are"
        )
    _prepare(connection, files)
    reader = connection.sql(_sql(version), params={"month": month, "unlisted": list(unlisted)}).to_arrow_reader(65_536)

    def read() -> Iterator[pa.RecordBatch]:
        with folder, connection:
            yield from reader

    return pa.RecordBatchReader.from_batches(reader.schema, read())


def _prepare(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    if files:
        connection.read_parquet([str(path) for path in files]).create_view("charges")
    else:
        connection.register("charges", schema("charges").empty_table())
    connection.execute("create table units (meter varchar, unit varchar)")
    connection.executemany("insert into units values (?, ?)", [list(pair) for pair in UNITS.items()])


def _sql(version: str) -> str:
    common, names = (
        ", ".join(
            f"case when count(distinct lines.{name}) = 1 then max(lines.{name}) end as {name}" for name in columns
        )
        for columns in (_COMMON, _NAMES)
    )
    categories = " ".join(f"when destination = '{name}' then '{category}'" for name, category in _CATEGORIES.items())
    columns = ", ".join(
        f'cast({column.value} as {_SQL_TYPES[column.type]}) as "{column.name}"' for column in columns_of(version)
    )
    return _ROWS.format(common=common, names=names, categories=categories, columns=columns)


def text_of(value: Any) -> Any:
    """A value as FOCUS writes it in CSV: times as ``2026-09-01T00:00:00Z``, truth as ``true``; others as they are."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return str(value).lower() if isinstance(value, bool) else value
