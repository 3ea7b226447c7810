"""The tasks of a run over days: land every source, build and audit, publish; then once more what answered late; say what is missing."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, Metadata, task
from airflow.sdk.exceptions import AirflowFailException
from alerts import Alert, send, send_news
from run_steps import days, knowing, log, plan, progress, reports, row, step, tell

#: Updated with a day as partition once the tables hold every source of that day: a DAG of yours can wait for it.
FINANCE = Asset("finance")


def reconciliation() -> None:
    """Wire the tasks into the DAG being defined. Its parameters are ``day`` or ``from`` and ``to``, ``as_of``, ``reason``.

    Nobody's retries hold back the others: each source is asked once, what came is published, and only then are those asked again
    that may answer later.
    """
    run = task(plan)()
    names = sources(run)
    landing = [land_reference(run), land.partial(run=run).expand(source=names)]
    published, late = reconcile(run), late_sources(run, names)
    landing >> published >> late
    published_late = reconcile.override(task_id="reconcile_late")(run)
    again = land.override(task_id="land_late", retries=3, on_failure_callback=Alert())
    again.partial(run=run).expand(source=late) >> published_late
    [published, published_late] >> every_source_landed(run, names)


@task
def sources(run: dict[str, str]) -> list[str]:
    from reconcilers.configured import source_names

    with step(run) as (_, settings, _, _):
        return source_names(settings)


@task
def land_reference(run: dict[str, str], ti: Any = None) -> None:
    with step(run) as (pipeline, settings, period, as_of):
        tell(pipeline.land_reference(settings, as_of), period, ti)


# Tried once here. Where trying again may help, `land_late` does, and it alerts.
@task(map_index_template="{{ task.op_kwargs['source'] }}", retries=0, on_failure_callback=Alert(for_good=True))
def land(run: dict[str, str], source: str, ti: Any = None) -> None:
    with step(run) as (pipeline, settings, period, as_of):
        tell(pipeline.land(settings, source, period, as_of), period, ti)


@task
def late_sources(run: dict[str, str], sources: list[str], ti: Any = None) -> list[str]:
    """Sources that may answer later: what failed and may pass by itself, and landings that were killed."""
    told = {report.source: report for report in reports(ti)}
    return [name for name in sources if name not in told or told[name].retryable]


@task(pool="reconcile_writer", trigger_rule="all_done_min_one_success")
def reconcile(run: dict[str, str], ti: Any = None) -> None:
    from reconcilers.attention import billed, findings, money_in_and_out, others
    from reconcilers.configured import source_names
    from reconcilers.gone import refuse_gone
    from reconcilers.reports.completeness import verdict
    from reconcilers.warehouses.choice import warehouse_of

    with step(run) as (pipeline, settings, period, _), row(run, settings) as entry, pipeline.writing(settings):
        before, as_of = findings(warehouse_of(settings).current()), knowing(run, settings)
        landed = reports(ti)
        refuse_gone(settings, as_of, landed)
        built = pipeline.build(settings, as_of, progress())
        published = pipeline.publish(settings, period, as_of, landed, run["reason"])
        failed = {report.source for report in landed if not report.failures} != {
            "reference",
            *source_names(settings),
        }
        entry.published(published.name, failed, bool(built.nodes), money_in_and_out(published, period))
        log.info("published %s", published.place)
        for month, source, currency, cost, rest in billed(published, period):
            log.info(
                "%s, %s: billed %s %s, difference %s", f"{month:%B %Y}", source, f"{cost:f}", currency, f"{rest:f}"
            )
        for month in period.months():
            log.info("%s: %s", f"{month.start:%B %Y}", verdict(published.facts, month.start))
        news = [line for line in findings(published) if line not in before]
        send(f"to look at after {period}", news + others(published) if news else [])
        send_news(settings, "finance")


# Each landing that failed has alerted already, and so has what kept the tables from being published.
@task(outlets=[FINANCE], on_failure_callback=None, trigger_rule="all_done")
def every_source_landed(run: dict[str, str], sources: list[str], ti: Any = None, outlet_events: Any = None) -> Any:
    """Fail the run when a landing failed, whatever it died of: the tables are published, but not from everything."""
    states = ti.get_task_states(ti.dag_id, run_ids=[ti.run_id])[ti.run_id]
    if states["reconcile"] != "success":
        raise AirflowFailException("nothing was published; the log of reconcile says why")
    late = {name: f"land_late_{number}" for number, name in enumerate(ti.xcom_pull(task_ids="late_sources") or [])}
    landings = {"reference": "land_reference", **{name: f"land_{number}" for number, name in enumerate(sources)}}
    in_time = {name for name, landing in landings.items() if states.get(landing) == "success"}
    if states.get("reconcile_late") == "success":
        in_time |= {name for name, landing in late.items() if states.get(landing) == "success"}
    if failed := [name for name in landings if name not in in_time]:
        raise AirflowFailException(f"published without what failed to land: {', '.join(failed)}")
    outlet_events[FINANCE].add_partitions(days(run))
    yield Metadata(FINANCE, {"as_of": run["as_of"]})
