"""The tasks of a run over days: land every source, build and audit, publish, say what is missing."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, Metadata, task
from airflow.sdk.exceptions import AirflowFailException
from alerts import send
from run_steps import days, log, plan, reports, step, tell

#: Updated with a day as partition once the tables hold every source of that day: a DAG of yours can wait for it.
FINANCE = Asset("finance")


def reconciliation() -> None:
    """Wire the tasks into the DAG being defined. Its parameters are ``day`` or ``from`` and ``to``, ``as_of``, ``reason``."""
    run = task(plan)()
    names = sources(run)
    landing = [land_reference(run), land.partial(run=run).expand(source=names)]
    landing >> reconcile(run) >> every_source_landed(run, names)


@task
def sources(run: dict[str, str]) -> list[str]:
    with step(run) as (pipeline, settings, _, _):
        return pipeline.source_names(settings)


@task
def land_reference(run: dict[str, str], ti: Any = None) -> None:
    with step(run) as (pipeline, settings, _, as_of):
        tell(pipeline.land_reference(settings, as_of), ti)


@task(map_index_template="{{ task.op_kwargs['source'] }}")
def land(run: dict[str, str], source: str, ti: Any = None) -> None:
    with step(run) as (pipeline, settings, period, as_of):
        tell(pipeline.land(settings, source, period, as_of), ti)


@task(pool="reconcile_writer", trigger_rule="all_done_min_one_success")
def reconcile(run: dict[str, str], ti: Any = None) -> None:
    from reconcilers.attention import billed, findings, others
    from reconcilers.gone import refuse_gone
    from reconcilers.warehouses.choice import warehouse_of

    with step(run) as (pipeline, settings, period, as_of), pipeline.writing(settings):
        before = findings(warehouse_of(settings).current())
        landed = reports(ti)
        refuse_gone(settings, as_of, landed)
        pipeline.build(settings, as_of)
        published = pipeline.publish(settings, period, as_of, landed, run["reason"])
        log.info("published %s", published.place)
        for month, source, currency, cost, rest in billed(published, period):
            log.info("%s, %s: billed %s %s, difference %s", f"{month:%B %Y}", source, cost, currency, rest)
        for missing_in, lines in published.facts["incomplete"].items():
            log.info("%s is not complete: %s", missing_in, "; ".join(lines))
        news = [line for line in findings(published) if line not in before]
        send(f"to look at after {period}", news + others(published) if news else [])


# Each landing that failed has alerted already.
@task(outlets=[FINANCE], on_failure_callback=None)
def every_source_landed(run: dict[str, str], sources: list[str], ti: Any = None, outlet_events: Any = None) -> Any:
    """Fail the run when a landing failed, whatever it died of: the tables are published, but not from everything."""
    landings = {"land_reference": "reference", **{f"land_{number}": name for number, name in enumerate(sources)}}
    states = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    failed = [name for landing, name in landings.items() if states[landing] != "success"]
    if failed:
        raise AirflowFailException(f"published without what failed to land: {', '.join(failed)}")
    outlet_events[FINANCE].add_partitions(days(run))
    yield Metadata(FINANCE, {"as_of": run["as_of"]})
