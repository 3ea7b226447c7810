"""A DAG of yours that starts once a day's tables hold every source of that day, and writes the finance pack of its month again.

The asset `finance` is updated with days as partitions, by every run, also by one that was started by hand over a range: wait for
it by `PartitionedAssetTimetable`. A DAG that names the asset alone as its schedule is not started by partitions.
"""

from airflow.sdk import Asset, PartitionedAssetTimetable, dag, task


@dag(schedule=PartitionedAssetTimetable(assets=Asset("finance")))
def monthly_pack() -> None:
    @task
    def write(dag_run: object = None) -> list[str]:
        # Imported here, so that Airflow reads this file fast.
        from reconcilers.console.pack import write
        from reconcilers.declared.settings import read_settings
        from reconcilers.periods import Period, parse_day

        day = parse_day(str(dag_run.partition_key))  # type: ignore[attr-defined]
        return [str(path) for path in write(read_settings(), Period.of_month(day).start)]

    write()


monthly_pack()
