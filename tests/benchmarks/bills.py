"""Reading bills: ``Source.fetch`` and ``Lake.ensure`` of a FOCUS file, small and large, CSV in gzip and Parquet."""

from __future__ import annotations

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
#: Bytes of a line of CSV, so that a file is as large as it is asked for.
_LINE_BYTES = 430
_LINES = """
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


def write_bill(path: Path, megabytes: float, form: str) -> int:
    """A month of FOCUS lines as large as so many megabytes of CSV, before it is packed. Returns the lines."""
    import duckdb

    lines = int(megabytes * 1_000_000 // _LINE_BYTES)
    duckdb.execute(f"copy ({_LINES.replace('$lines', str(lines))}) to '{path}' {FORMS[form]}")
    return lines


def load(folder: Path, bill: Path) -> Figures:
    """The real landing and reading of one file. In CPU seconds, of all threads."""
    source = registry.load(
        "billing", {"name": "bill", "kind": "focus_file", "uri": str(bill.parent), "pattern": bill.name}
    )
    landing, lake = Landing(folder / "landing"), Lake(folder / "lake")
    started = process_time()
    pull = landing.pull(source.name, source.kind, bill.name)
    source.fetch(bill.name, pull)
    content = lake.ensure(source, landing.commit(pull, AS_OF)[0])
    return {"seconds": process_time() - started, "rows": content.rows["charges"]}


def rows(work: Path, megabytes: int, repeats: int) -> Iterator[Row]:
    """The rows of a bill of so many megabytes and of one a tenth as large, in each form."""
    yield Row("bills, FOCUS, by one core")
    for form in FORMS:
        large, small = (work / f"{name}.{form}" for name in ("large", "small"))
        lines = write_bill(large, megabytes, form)
        write_bill(small, megabytes / 10, form)
        loaded, copies = [], []
        for number in range(repeats):
            loaded.append(measured(load, work / f"{form}-{number}", large))
            copies.append(measured(copied, large))
        took, yardstick = middle(loaded), middle(copies)["seconds"]
        size, ratio = bytes_of(large) / 1e6, took["seconds"] / yardstick
        held = took["peak"] / measured(load, work / f"{form}-small", small)["peak"]
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
        yield Row(
            "    memory against a tenth of it", f"{took['peak']:.2f} GB", f"{held:.2f}×", at_most(MEMORY, held), 1
        )
