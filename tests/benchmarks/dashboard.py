"""How long pages of the dashboard take, beside bare DuckDB answering the same SQL over the same file:

    python -m tests.benchmarks.dashboard --events 10000000
    python -m tests.benchmarks.dashboard --config var/sample/reconcile.yaml

The first publishes a company of so many events, three calls each, made in SQL; its reports have as many rows as a company's
have. A page is everything the server does for it; bare is a DuckDB that opens the file and answers its queries. The aim is 3× at most, and
5 s for the first page at ten million events, 2 s on the sample.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

import duckdb

from reconcilers.dashboard.place import Place
from reconcilers.dashboard.views import page_of
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.warehouses import dbt
from reconcilers.warehouses.choice import current
from reconcilers.warehouses.duckdb import FINANCE_FILE, Held, Store
from tests.reports.published import publish

REPEATS = 5
MONTHS, TENANTS, FEATURES = 3, 400, 12
FACTS = {"period": "2026-07-01 to 2026-09-30", "as_of": "2026-10-09T06:00:00", "failed_units": [], "warnings": []}
#: What the rows of one event are told by: its number.
EVENT = f"""
select
    'event-' || n as event_id, cast('2026-07-01' as timestamp) + to_seconds(n % ({MONTHS} * 30 * 86400)) as started_at,
    started_at + interval 40 seconds as ended_at, started_at + interval 90 seconds as outcome_at, cast(started_at as date) as event_day,
    'tenant-' || (n * 7919 % {TENANTS}) as tenant_id, 'feature-' || (n % {FEATURES}) as feature_id,
    case when n % 10 < 8 then 'success' when n % 10 = 8 then 'failure' else 'abandoned' end as outcome,
    true as production, 1 as runs, 1 as attempts, 0 as failed_attempts, 3 as calls, 'workflow' as workflow, 'v1' as prompt_version,
    'model-' || (n % 5) as model_route,
    cast((n * 48271 % 2147483647) as decimal(38, 9)) / 10000000000::bigint as reconciled_cost, 0 as accrued_cost,
    case when n % 10 > 7 then reconciled_cost else 0 end as waste_cost, 'USD' as currency, 'final' as status
from range({{events}}) as numbers(n)"""
CALL = """
select
    event_id || '-' || part as allocation_id, event_day as charge_day, date_trunc('month', event_day) as charge_month,
    'call' as target_kind, md5(event_id || part) as call_id, model_route as model, 'openai' as source,
    'input_tokens' as meter, event_id, event_id as run_id, tenant_id, feature_id, production, 1000 as quantity,
    reconciled_cost, accrued_cost, currency
from finance.fct_cost_per_outcome cross join (values (1), (2), (3)) as parts(part)
order by charge_day"""
REPORTS = {
    "rpt_invoice_waterfall": """
        select billing_period_start, 'openai' as source, section, step, sum(cost) as cost, 'USD' as currency from (
            select date_trunc('month', event_day) as billing_period_start, unnest(['billed', 'destination']) as section,
                unnest(['billed', 'event']) as step, reconciled_cost as cost from finance.fct_cost_per_outcome)
        group by all""",
    "dim_tenants": "select distinct tenant_id, true as declared from finance.fct_cost_per_outcome",
    "dim_features": "select distinct feature_id, true as declared from finance.fct_cost_per_outcome",
    "rpt_unit_costs": """
        select date_trunc('month', event_day) as month, slice, slice_value, count(*) as events, sum(reconciled_cost) as event_cost,
            sum(waste_cost) as waste_cost, count(*) filter (outcome = 'success') as successes, 'USD' as currency
        from (select *, unnest(['all', 'tenant', 'feature']) as slice, unnest(['all', tenant_id, feature_id]) as slice_value
            from finance.fct_cost_per_outcome) group by all""",
    "fct_tenant_margin": """
        select date_trunc('month', event_day) as month, tenant_id, feature_id, sum(reconciled_cost) as direct_cost, 0 as shared_cost,
            2 * sum(reconciled_cost) as revenue, sum(reconciled_cost) as loaded_margin, 'USD' as currency
        from finance.fct_cost_per_outcome group by all""",
}
PAGES = {
    "first page": "/",
    "features": "/by/feature?month=2026-08",
    "tenants": "/by/tenant?month=2026-08",
    "hours": "/by/hour?month=2026-08",
    "one feature": "/feature?id=feature-1&month=2026-08",
    "events of a month": "/events?month=2026-08",
    "events of a feature and tenant": "/events?month=2026-08&feature=feature-1&tenant=tenant-19",
    "one event": "/event?id=event-4711",
}
OF_THE_SAMPLE = {
    "features": "/by/feature",
    "tenants": "/by/tenant",
    "models": "/by/model",
    "hours": "/by/hour",
    "one feature": "/feature?id=report_writer",
    "events of a month": "/events",
    "decisions": "/decisions",
}


def company_of(home: Path, events: int) -> Settings:
    """A published version of so many events, made in SQL as the contracts have their columns."""
    store = Store(home)
    publish(home, {}, FACTS)
    with duckdb.connect(str(store.folder / FINANCE_FILE)) as candidate:
        candidate.execute("set preserve_insertion_order = false")
        filled = {"fct_cost_per_outcome": EVENT.format(events=events), "fct_allocation": CALL, **REPORTS}
        for table, sql in filled.items():
            candidate.execute(f"insert into finance.{table} by name ({sql})")
    store.publish(FACTS, keep=1)
    return Settings(home=home)


def took(what: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = perf_counter()
        what()
        seconds.append(perf_counter() - started)
    return median(seconds)


def asked_for(settings: Settings, place: Place) -> list[tuple[str, tuple[Any, ...]]]:
    """The SQL of a page that the publication can answer, with its values."""
    asked: list[tuple[str, tuple[Any, ...]]] = []
    answer = Held.ask

    def heard(held: Held, sql: str, *values: Any) -> Any:
        found = answer(held, sql, *values)
        asked.append((sql, values))
        return found

    with mock.patch.object(Held, "ask", heard):
        page_of(settings, place)
    return asked


def answered(file: Path, queries: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
    with duckdb.connect(str(file), read_only=True) as connection:
        for sql, values in queries:
            connection.execute(sql, list(values)).fetchall()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--config", type=Path, help="a company that has published, instead of one made here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = read_settings(arguments.config) if arguments.config else company_of(Path(home), arguments.events)
        dbt.described()
        folder = Store(settings.path(settings.home)).published / "current"
        pages = {"first page": "/", **OF_THE_SAMPLE} if arguments.config else PAGES
        print(f"{current(settings).place}\n{'page':<32}{'page, s':>10}{'bare, s':>10}{'ratio':>8}{'queries':>9}")
        for name, url in pages.items():
            place = Place.of(*url.partition("?")[::2])
            queries = asked_for(settings, place)
            bare = took(lambda: answered(folder / FINANCE_FILE, queries))  # noqa: B023
            page = took(lambda: page_of(settings, place))  # noqa: B023
            print(f"{name:<32}{page:>10.3f}{bare:>10.3f}{page / bare:>7.1f}×{len(queries):>9}", flush=True)


if __name__ == "__main__":
    main()
