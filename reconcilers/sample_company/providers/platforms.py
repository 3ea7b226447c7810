"""What no call drives on platforms around the models: jobs, a warehouse, a rented cluster, a GPU of the company's own.

Everything of it is sent to platform usage by charge rules, but for the hours in which the GPU had nothing to do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from reconcilers.sample_company.providers.fees import account_line, note
from reconcilers.sample_company.providers.ledger import LAG_HOURS, BillLine, Ledger
from reconcilers.sample_company.seen.facts import Key
from reconcilers.sample_company.world.calendar import instant
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    DATABRICKS,
    GPU_PER_HOUR,
    GPUS,
    OCI,
    PROJECTS,
    SNOWFLAKE,
    WAREHOUSE_SERVICE,
)
from reconcilers.sample_company.world.happened import World

#: What a unit of Databricks' costs the company, and by its list.
DBU_PRICE, DBU_LIST_PRICE = Decimal("0.35"), Decimal("0.45")
#: What corrects a record of Databricks'.
RETRACTED, RESTATED = "retracted", "told again"
#: Hours of a day of the GPU node, and what of them is used.
GPU_HOURS, GPU_USED_HOURS = 24, 18
OWN_MODEL = "acme-ocr-2"
#: What a day of Oracle's cluster costs, and of what it keeps.
_CLUSTER = {"Generative AI - Dedicated cluster": Decimal("1.20"), "Block Volume - Performance": Decimal("0.085")}
_JOB_UNITS, _WRONG_UNITS, _RETRACTED_AFTER_DAYS = Decimal("2.5"), Decimal("250"), 2
#: The hour (UTC) in which the job runs.
_JOB_HOUR = 2
_WAREHOUSE_DAY = Decimal("0.90")


def add_platforms(world: World, ledger: Ledger) -> None:
    """Every day of every platform until the last that calls are billed on. Records what is planted."""
    last = max(line.charge.charge_period_start.date() for line in ledger.lines)
    days = [world.start + timedelta(days=offset) for offset in range((last - world.start).days + 1)]
    for day in days:
        _jobs(ledger, day, wrong=day == days[len(days) // 3])
        _warehouse(ledger, day)
        ledger.lines += [_line(OCI, day, cost, what) for what, cost in _CLUSTER.items()]
        _gpu(ledger, day)
    wrong = (_WRONG_UNITS - _JOB_UNITS) * DBU_PRICE
    note(
        world,
        "retracted_record",
        "a hundred times what a job used is told, taken back and told again",
        DATABRICKS,
        days[len(days) // 3],
        f"none after {_RETRACTED_AFTER_DAYS} days",
        wrong,
    )
    idle = (GPU_HOURS - GPU_USED_HOURS) * GPU_PER_HOUR * len(days)
    note(world, "idle_gpu", "a GPU of our own that nothing ran on", GPUS, None, "commitment_idle", idle)
    prepaid = _WAREHOUSE_DAY * len(days)
    what = "warehouses are paid from capacity bought before"
    note(world, "prepaid_capacity", what, SNOWFLAKE, None, "commitment_and_prepaid_timing", prepaid)


def _jobs(ledger: Ledger, day: date, wrong: bool) -> None:
    """What a nightly job used, ingested the same night; on one day told wrong first."""
    if not wrong:
        ledger.lines.append(_record(day, _JOB_UNITS, "job"))
        return
    ledger.lines += [
        _record(day, _WRONG_UNITS, "job"),
        _record(day, -_WRONG_UNITS, RETRACTED, _RETRACTED_AFTER_DAYS),
        _record(day, _JOB_UNITS, RESTATED, _RETRACTED_AFTER_DAYS),
    ]


def _record(day: date, units: Decimal, what: str, days_later: int = 0) -> BillLine:
    line = _line(DATABRICKS, day, units * DBU_PRICE, what)
    charge = replace(
        line.charge,
        charge_period_start=instant(day, _JOB_HOUR),
        charge_period_end=instant(day, _JOB_HOUR + 1),
        charge_class="Correction" if days_later else None,
    )
    known = instant(day + timedelta(days=days_later), _JOB_HOUR + LAG_HOURS[DATABRICKS])
    return replace(line, charge=charge, known_from=known)


def _warehouse(ledger: Ledger, day: date) -> None:
    """A warehouse's day: it costs what the capacity did that pays for it, and bills nothing."""
    line = _line(SNOWFLAKE, day, _WAREHOUSE_DAY, "warehouse", service_name=WAREHOUSE_SERVICE)
    charge = replace(line.charge, billed_cost=Decimal(0), commitment_discount_status="Used", list_cost=None)
    ledger.lines.append(replace(line, charge=charge))


def _gpu(ledger: Ledger, day: date) -> None:
    """A day of the node, by its rate: what ran on it, and what did not."""
    used = _line(GPUS, day, GPU_USED_HOURS * GPU_PER_HOUR, "used")
    idle = _line(GPUS, day, (GPU_HOURS - GPU_USED_HOURS) * GPU_PER_HOUR, "idle")
    key = replace(used.charge.key, model=OWN_MODEL, meter="seconds")
    seconds = Decimal(GPU_USED_HOURS * 3600)
    ledger.lines += [
        replace(used, charge=replace(used.charge, key=key, quantity=seconds)),
        replace(idle, charge=replace(idle.charge, commitment_discount_status="Unused")),
    ]


def _line(source: str, day: date, cost: Decimal, what: str, service_name: str | None = None) -> BillLine:
    charge = account_line(source, f"{what}|{day}", day, day + timedelta(days=1), cost, service_name=service_name)
    key = Key(billing_account_id=ACCOUNTS[source], sub_account_id=PROJECTS.get(source))
    known = instant(day, 24 + LAG_HOURS[source])
    return BillLine(replace(charge, key=key), known, description=what)
