"""Reading bills: ``Source.fetch`` and ``Lake.ensure`` of a FOCUS file and a CUR, small and large, CSV in gzip and Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import process_time

from reconcilers.ingest.landing import Landing
from reconcilers.ingest.normalise import Lake
from reconcilers.sources import registry
from tests.benchmarks.measuring import Figures, Row, at_most, bytes_of, measured, middle
from tests.benchmarks.yardsticks import copied

#: When files are landed; what is known at which time is no matter here.
AS_OF = datetime(2026, 11, 1)
#: What is aimed at: times DuckDB's copy of the same file, and times the memory of a file a tenth as large.
COPY, MEMORY = 3, 1.1
FORMS = {"csv.gz": "(format csv, header, compression gzip)", "parquet": "(format parquet, compression zstd)"}
#: The month of a CUR, which is a folder with a manifest.
MONTH = "2026-09"
_FOCUS = """
    select
        'acct-1' as BillingAccountId, 'USD' as BillingCurrency, '2026-09-01T00:00:00Z' as BillingPeriodStart,
        '2026-10-01T00:00:00Z' as BillingPeriodEnd,
        strftime(timestamp '2026-09-01' + to_hours(i % 720), '%Y-%m-%dT%H:%M:%SZ') as ChargePeriodStart,
        strftime(timestamp '2026-09-01' + to_hours(i % 720 + 1), '%Y-%m-%dT%H:%M:%SZ') as ChargePeriodEnd,
        'Usage' as ChargeCategory, null as ChargeClass, 'tokens of model ' || (i % 50) as ChargeDescription,
        cast((hash(i) % 1000000) / 1e8 as decimal(18, 10)) as BilledCost,
        cast((hash(i) % 1000000) / 1e8 as decimal(18, 10)) as EffectiveCost,
        cast((hash(i) % 1000000) / 9e7 as decimal(18, 10)) as ListCost,
        cast((hash(i) % 1000000) / 95e6 as decimal(18, 10)) as ContractedCost,
        hash(i, 2) % 100000 as ConsumedQuantity, 'Tokens' as ConsumedUnit,
        cast((hash(i, 2) % 100000) / 1000 as decimal(12, 3)) as PricingQuantity, '1K tokens' as PricingUnit,
        'Standard' as PricingCategory, 'AWS' as ProviderName, 'AWS' as PublisherName,
        'Amazon Web Services, Inc.' as InvoiceIssuerName, 'us-east-1' as RegionId,
        'arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/' || (hash(i, 3) % 5000) as ResourceId,
        'AI and Machine Learning' as ServiceCategory, 'Amazon Bedrock' as ServiceName, 'SKU' || (i % 200) as SkuId,
        'price-' || (i % 200) as SkuPriceId, 'project-' || (hash(i, 4) % 100) as SubAccountId,
        '{"team":"' || (hash(i, 5) % 20) || '","app":"' || (hash(i, 6) % 50) || '"}' as Tags
    from range($lines) as told(i)"""
_CUR = """
    select
        md5(i::varchar) as identity_line_item_id,
        strftime(timestamp '2026-09-01' + to_hours(i % 720), '%Y-%m-%dT%H:%M:%SZ') || '/'
            || strftime(timestamp '2026-09-01' + to_hours(i % 720 + 1), '%Y-%m-%dT%H:%M:%SZ') as identity_time_interval,
        '' as bill_invoice_id, 'Amazon Web Services, Inc.' as bill_invoicing_entity, '111122223333' as bill_payer_account_id,
        '2026-09-01T00:00:00.000Z' as bill_billing_period_start_date,
        '2222333344' || (10 + hash(i, 4) % 80) as line_item_usage_account_id,
        case when i % 20 = 0 then 'EdpDiscount' else 'Usage' end as line_item_line_item_type,
        strftime(timestamp '2026-09-01' + to_hours(i % 720), '%Y-%m-%dT%H:%M:%S.000Z') as line_item_usage_start_date,
        strftime(timestamp '2026-09-01' + to_hours(i % 720 + 1), '%Y-%m-%dT%H:%M:%S.000Z') as line_item_usage_end_date,
        'AmazonBedrock' as line_item_product_code,
        'USE1-NovaLite-' || case when i % 2 = 0 then 'input' else 'output' end || '-tokens' as line_item_usage_type,
        'InvokeModelInference' as line_item_operation,
        cast((hash(i, 2) % 100000) / 1000 as decimal(12, 3)) as line_item_usage_amount, 'USD' as line_item_currency_code,
        cast((hash(i) % 1000000) / 1e8 as decimal(18, 10)) as line_item_unblended_cost,
        'tokens of model ' || (i % 50) as line_item_line_item_description,
        'arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/' || (hash(i, 3) % 5000) as line_item_resource_id,
        '1K tokens' as pricing_unit, cast((hash(i) % 1000000) / 9e7 as decimal(18, 10)) as pricing_public_on_demand_cost,
        '{"product_name":"Amazon Bedrock"}' as product, 'us-east-1' as product_region_code,
        'SKU' || (i % 200) as product_sku, 'rate-' || (i % 200) as pricing_rate_code,
        '{"user_team":"' || (hash(i, 5) % 20) || '","user_app":"' || (hash(i, 6) % 50) || '"}' as resource_tags
    from range($lines) as told(i)"""
#: Kind of a bill → its lines, and bytes of one in CSV, so that a file is as large as it is asked for.
BILLS = {"focus_file": (_FOCUS, 430), "aws": (_CUR, 530)}


def write_bill(folder: Path, kind: str, megabytes: float, form: str) -> tuple[Path, int]:
    """A month of lines as large as so many megabytes of CSV, before it is packed. Returns the file and how many lines it has."""
    import duckdb

    sql, line_bytes = BILLS[kind]
    lines = int(megabytes * 1_000_000 // line_bytes)
    path = folder / f"data/BILLING_PERIOD={MONTH}/bill-00001.{form}"
    path.parent.mkdir(parents=True)
    duckdb.execute(f"copy ({sql.replace('$lines', str(lines))}) to '{path}' {FORMS[form]}")
    manifest = folder / f"metadata/BILLING_PERIOD={MONTH}/bill-Manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"dataFiles": [f"s3://bills/{path.relative_to(folder)}"]}))
    return path, lines


def load(folder: Path, kind: str, bill: Path) -> Figures:
    """The real landing and reading of one file. In CPU seconds, of all threads."""
    config, unit = {"uri": str(bill.parent), "pattern": bill.name}, bill.name
    if kind == "aws":
        config, unit = {"uri": str(bill.parents[2]), "format": "cur_2_0"}, MONTH
    source = registry.load("billing", {"name": "bill", "kind": kind} | config)
    landing, lake = Landing(folder / "landing"), Lake(folder / "lake")
    started = process_time()
    pull = landing.pull(source.name, source.kind, unit)
    source.fetch(unit, pull)
    content = lake.ensure(source, landing.commit(pull, AS_OF)[0])
    return {"seconds": process_time() - started, "rows": content.rows["charges"]}


def rows(work: Path, megabytes: int, repeats: int) -> Iterator[Row]:
    """The rows of a bill of so many megabytes and of one a tenth as large, of each kind and in each form."""
    for kind, what in (("focus_file", "FOCUS"), ("aws", "CUR 2.0")):
        yield Row(f"bills, {what}, by one core")
        for form in FORMS:
            yield from _rows_of(work / f"{kind}-{form}", kind, form, megabytes, repeats)


def _rows_of(work: Path, kind: str, form: str, megabytes: int, repeats: int) -> Iterator[Row]:
    large, lines = write_bill(work / "large", kind, megabytes, form)
    small, _ = write_bill(work / "small", kind, megabytes / 10, form)
    loaded, copies = [], []
    for number in range(repeats):
        loaded.append(measured(load, work / f"{number}", kind, large))
        copies.append(measured(copied, large))
    took, yardstick = middle(loaded), middle(copies)["seconds"]
    size, ratio = bytes_of(large) / 1e6, took["seconds"] / yardstick
    held = took["peak"] / measured(load, work / "of-the-small", kind, small)["peak"]
    yield Row(
        f"  {form}: {lines:,} lines, {size:.0f} MB", f"{took['seconds'] / lines * 1e6:.0f} µs a line", runs=repeats
    )
    yield Row(
        "    land and normalise",
        f"{took['seconds']:.1f} s",
        f"{ratio:.1f}× copy",
        at_most(COPY, ratio),
        repeats,
        took["peak"],
    )
    yield Row("    memory against a tenth of it", f"{took['peak']:.2f} GB", f"{held:.2f}×", at_most(MEMORY, held), 1)
