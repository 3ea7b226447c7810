"""A DAG of yours that starts once a day's tables hold every source of that day, and knows which day it was.

The asset `finance` is updated with days as partitions, by every run, also by one that was started by hand over a range: wait for
it by `PartitionedAssetTimetable`. A DAG that names the asset alone as its schedule is not started by partitions.
"""

from airflow.sdk import Asset, PartitionedAssetTimetable, dag, task


@dag(schedule=PartitionedAssetTimetable(assets=Asset("finance")))
def monthly_pack() -> None:
    @task
    def write(dag_run: object = None) -> str:
        return str(dag_run.partition_key)  # type: ignore[attr-defined]

    write()


monthly_pack()
