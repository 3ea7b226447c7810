"""A company of any size at lake level: calls, charges and prices as normalisers would have written them."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
import pyarrow as pa

from reconcilers.declared import reference
from reconcilers.ingest import metering
from reconcilers.ingest.lake import KNOWLEDGE, schema, writer

START = date(2026, 9, 1)
#: Model and price per million tokens of input, cache read and output.
MODELS = {"large": ("2.5", "1.25", "10"), "small": ("0.15", "0.075", "0.6"), "sonnet": ("3", "0.3", "15")}
METERS = ("input_tokens", "cache_read_input_tokens", "output_tokens")


def write_lake(folder: Path, calls: int, days: int, keys: int = 100) -> tuple[int, float]:
    """Parquet per entity and day. Three meters a call, ten calls an event; the bill tells key, model, meter and day.

    Memory is bounded whatever the calls. Returns how many they are, a whole number a day, and the seconds of ``write_metered``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    per_day, seconds = calls // days, 0.0
    for number in range(days):
        day = START + timedelta(days=number)
        path = folder / f"calls-{day}.parquet"
        connection.execute(_copy(_calls_sql(day, per_day, number * per_day, keys), "calls", path))
        seconds += write_metered(path)
        connection.execute(_copy(_charges_sql(path, day), "charges", folder / f"charges-{day}.parquet"))
        connection.execute(_copy(_outcomes_sql(path), "outcomes", folder / f"outcomes-{day}.parquet"))
    return per_day * days, seconds


def write_metered(calls: Path, at_once: int = 400_000) -> float:
    """What the lake makes of a file of calls, beside it, so many at a time, which bounds memory.

    Returns the seconds, those of reading the file back left out.
    """
    import pyarrow.parquet as pq

    meter, seconds = metering.Metering(), 0.0
    with contextlib.ExitStack() as files:
        beside = {entity: calls.with_name(calls.name.replace("calls", entity)) for entity in metering.ENTITIES}
        writers = {entity: files.enter_context(writer(entity, path)) for entity, path in beside.items()}
        for batch in pq.ParquetFile(calls).iter_batches(at_once):
            table = pa.Table.from_batches([batch]).cast(schema("calls"))
            started = perf_counter()
            for entity, rows in meter.of(table).items():
                writers[entity].write_table(rows)
            seconds += perf_counter() - started
    return seconds


def knowledge(source: str = "bench") -> dict[str, pa.Table]:
    """What a store is told beside the lake's files: the sources that are configured, and that no unit was refused or asked for."""
    sources = [{"source": source, "room": "billing"}]
    return {name: pa.Table.from_pylist(sources if name == "sources" else [], schema=schema(name)) for name in KNOWLEDGE}


def reference_tables(source: str = "bench") -> dict[str, Any]:
    """Reference tables of the company."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in reference.CONTRACTS | reference.DERIVED}
    rows["billing_sources"] = [{"source": source, "provider": "openai", "finality_days": 0}]
    rows["environments"] = [{"environment": "production", "production": True}]
    rows["contract_prices"] = [
        {
            "source": source,
            "model": model,
            "meter": meter,
            "price_per_million": Decimal(price),
            "currency": "USD",
            "version": "1",
        }
        for model, prices in MODELS.items()
        for meter, price in zip(METERS, prices, strict=True)
    ]
    rows["model_names"] = [
        {"source": of, "provider": provider, "name": model, "model": model}
        for model in MODELS
        for of, provider in ((source, None), (None, "openai"))
    ]
    return {name: pa.Table.from_pylist(rows[name], schema=reference.schema(name)) for name in rows}


def _copy(sql: str, entity: str, path: Path) -> str:
    """A COPY of ``sql`` in the entity's own columns; those the SQL does not give are null, which the lake must allow."""
    return f"copy ({_shaped(sql, entity)}) to '{path}' (format parquet, compression zstd)"


def _shaped(sql: str, entity: str) -> str:
    given = {column[0] for column in duckdb.sql(f"select * from ({sql}) limit 0").description}
    if missing := [field.name for field in schema(entity) if not field.nullable and field.name not in given]:
        raise ValueError(f"{entity} without {', '.join(missing)}")
    columns = [
        field.name if field.name in given else f"cast(null as {_type(field.type)}) as {field.name}"
        for field in schema(entity)
    ]
    return f"select {', '.join(columns)} from ({sql})"


def _type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "decimal(38, 9)"
    if pa.types.is_list(kind):
        return f"{_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"struct({', '.join(f'{part.name} {_type(part.type)}' for part in kind)})"
    return {"string": "varchar", "int64": "bigint", "bool": "boolean", "date32[day]": "date"}.get(
        str(kind), "timestamp"
    )


def _calls_sql(day: date, count: int, first: int, keys: int) -> str:
    models = ", ".join(f"'{model}'" for model in MODELS)
    return f"""
        select 'otlp' as source, 'landing-{day}' as landing_id, i as landing_line, i - {first} as landing_row, 'otel_genai' as dialect, 'model' as span_kind, false as answered_from_cache, cast(i as varchar) as record_id,
            md5('t' || (i // 10)) as trace_id, substr(md5('s' || i), 1, 16) as span_id, 'resp-' || i as response_id, true as billable,
            'openai' as provider, 'acct' as billing_account_id, 'proj' || (hash(i // 10) % {keys} // 10) as sub_account_id,
            'key' || (hash(i // 10) % {keys}) as api_key_id, ([{models}])[cast(1 + hash(i, 1) % {len(MODELS)} as bigint)] as model,
            'chat' as operation, 'event-' || (i // 10) as event_id, 'run-' || (i // 5) as run_id, 'tenant' || (hash(i // 10, 2) % 50) as tenant_id,
            'feature' || (hash(i // 10, 3) % 5) as feature_id, 'production' as environment, 'ok' as status, 'provider' as usage_source, 3 as meters_told, true as tells_cache, false as cache_exceeds_input, false as usage_inconsistent,
            timestamp '{day}' + interval 1 second * cast((i - {first}) * 86000.0 / {count} as integer) as started_at,
            timestamp '{day}' + interval 1 second * cast((i - {first}) * 86000.0 / {count} as integer) + interval 2 second as ended_at,
            [{{meter: 'input_tokens', modality: cast(null as varchar), cache_ttl: cast(null as varchar), quantity: cast(500 + hash(i, 4) % 4000 as decimal(38, 9))}},
             {{meter: 'cache_read_input_tokens', modality: null, cache_ttl: null, quantity: cast(1 + hash(i, 5) % 1000 as decimal(38, 9))}},
             {{meter: 'output_tokens', modality: null, cache_ttl: null, quantity: cast(20 + hash(i, 6) % 900 as decimal(38, 9))}}] as usage
        from range({first}, {first + count}) as numbers(i)"""


def _charges_sql(calls: Path, day: date) -> str:
    price = " ".join(
        f"when model = '{model}' and meter = '{meter}' then {price}"
        for model, prices in MODELS.items()
        for meter, price in zip(METERS, prices, strict=True)
    )
    return f"""
        select 'bench' as source, 'bill-{day}' as landing_id, row_number() over () as landing_line, md5(concat_ws('|', api_key_id, model, meter, '{day}')) as charge_id,
            'acct' as billing_account_id, sub_account_id, api_key_id, model, meter, 'openai' as provider, 'API' as service_name, 'Usage' as charge_category,
            timestamp '{day}' as charge_period_start, timestamp '{day}' + interval 1 day as charge_period_end, date '{day.replace(day=1)}' as billing_period_start,
            'USD' as billing_currency, cost as billed_cost, cast(cost as varchar) as billed_cost_text, cast(0 as bigint) as billed_cost_residual,
            cost as effective_cost, cast(cost as varchar) as effective_cost_text, cast(0 as bigint) as effective_cost_residual, quantity
        from (
            select sub_account_id, api_key_id, model, meter, sum(quantity) as quantity,
                cast(sum(quantity) * cast(case {price} end as decimal(9, 3)) / 1000000 as decimal(38, 9)) as cost
            from (select sub_account_id, api_key_id, model, unnest(usage).meter as meter, unnest(usage).quantity as quantity from read_parquet('{calls}'))
            group by sub_account_id, api_key_id, model, meter
        )"""


def _outcomes_sql(calls: Path) -> str:
    return f"""
        select 'outcomes' as source, 'outcomes' as landing_id, row_number() over () as landing_line, event_id,
            case when hash(event_id) % 10 < 7 then 'success' else 'failure' end as outcome, 'system_of_record' as emitter, max(ended_at) as occurred_at
        from read_parquet('{calls}') group by event_id"""
