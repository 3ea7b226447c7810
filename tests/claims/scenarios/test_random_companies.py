"""Over random companies and nights: a store that changed night by night publishes what one made at once from the same landing does.

Each company has in it what rules R29 to R34 speak of, which is read from what was resolved and published, not from what was planted.
A failure names the seed, the night and what changed in it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcilers import pipeline
from reconcilers.configured import source_names
from reconcilers.declared.settings import Settings
from reconcilers.known import known
from reconcilers.quarantine import quarantined, readmit
from reconcilers.warehouses.duckdb import Version
from tests import AT_LENGTH
from tests.claims.published_tables import differences
from tests.claims.scenarios.changing_company import anew, from_landing_alone
from tests.claims.scenarios.nights import build
from tests.claims.scenarios.random_company import PERIOD, RandomCompany, changes_of_a_night

#: How much later the next run is; the last passes every bill's finality and every event's patience.
LATER = [timedelta(hours=1), timedelta(days=1), timedelta(days=3), timedelta(days=12)]
BEGIN = datetime(2026, 10, 4, 2)
SEEDS, NIGHTS = range(1, 11), 3
#: The short one has a night that tells one call anew and loses another and a parent.
LAKE_SEEDS, LAKE_NIGHTS = (range(1, 31), 6) if AT_LENGTH else (range(1, 2), 2)

#: Sources that told something of a call.
_TOLD_BY = "len(list_distinct([part.source for part in took_part if part.part <> 'wraps']))"
#: What of the rules is in the lake: entity, and of which rows.
IN_THE_LAKE = {
    "R29 a call told by two sources": ("resolved_calls", f"tellings > 1 and {_TOLD_BY} > 1"),
    "R29 a call told twice by one": ("resolved_calls", f"tellings > 1 and {_TOLD_BY} = 1"),
    "R29 calls of one response id that do not agree": ("resolved_calls", "identity_group is not null"),
    "R30 what a span tells beyond its calls": ("resolved_calls", "list_bool_or([part.part = 'beyond' for part in took_part])"),
    "R30 a call below a span that wraps it": ("resolved_calls", "list_bool_or([part.part = 'wraps' for part in took_part])"),
    "R31 a reading that a told total proves": ("call_profiles", "token_semantics_by = 'total'"),
    "R31 an emitter that leaves the cached tokens out": ("emitters", "excludes_cache"),
    "R32 the name of an ancestor": ("resolved_calls", "contains(inherited, '=ancestor')"),
    "R32 the only name of its trace": ("resolved_calls", "contains(inherited, '=trace')"),
    "R32 an answer from a cache": ("resolved_calls", "answered_from_cache"),
}  # fmt: skip
#: And what is in the tables: table, and of which rows.
PUBLISHED = {
    "R29 ambiguous": ("fct_breaks", "kind = 'ambiguous_identity' and amount > 0"),
    "R31 inconsistent": ("fct_breaks", "kind = 'usage_inconsistent'"),
    "R32 a long context": ("fct_reconciliation", "told_context_band = 'long' and expected_cost > 0"),
    "R33 a record that cannot be read": ("fct_breaks", "kind = 'record_rejected'"),
    "R33 a count nobody reads": ("fct_breaks", "kind = 'unread_usage'"),
    "R33 a line told by two deliveries": ("fct_breaks", "kind = 'duplicate' and quantity > 0"),
    "R33 a line counted in two sources": ("fct_breaks", "kind = 'duplicate' and quantity is null"),
    "R33 no rate": ("fct_breaks", "kind = 'no_rate'"),
    "R33 a name nobody declares": ("fct_breaks", "kind = 'undeclared'"),
    "R33 no calls": ("fct_breaks", "kind = 'no_calls'"),
    "R34 a month that a source has whole": ("fct_completeness", "complete"),
    "R34 one with days that are missing": ("fct_completeness", "days_missing > 0"),
    "R34 one with records that were not read": ("fct_completeness", "days_missing = 0 and records_rejected > 0"),
    "R34 one with lines told twice and without a rate": ("fct_completeness", "duplicate_lines > 0 and charges_without_rate > 0"),
}  # fmt: skip
#: What every publication must not have.
UNBALANCED = """
    select source, currency, billing_period_start from finance.rpt_invoice_waterfall
    group by all having sum(case when step = 'billed' then cost else -cost end) <> 0
"""


def land(settings: Settings, as_of: datetime) -> None:
    """Reference data and every source. A bill that comes without most of its lines stands refused until somebody says that it is meant,
    as it is here."""
    reports = [pipeline.land_reference(settings, as_of)]
    reports += [pipeline.land(settings, name, PERIOD, as_of) for name in source_names(settings)]
    refused = quarantined(settings, as_of)
    assert len(refused) == sum(len(report.failures) for report in reports)
    for one in refused:
        assert "holds less than half" in one.refused.problem
        readmit(settings, as_of, one.landing_id)


def missing(settings: Settings, as_of: datetime) -> list[str]:
    """What of R29 to R32 is not in a company's lake."""
    files = known(settings, as_of).files
    with duckdb.connect() as connection:
        return [
            name
            for name, (entity, rows) in IN_THE_LAKE.items()
            if not connection.read_parquet([str(path) for path in files[entity]]).filter(rows).limit(1).fetchall()
        ]


def unpublished(version: Version) -> list[str]:
    """What of R29 to R34 is not in its tables."""
    return [
        name
        for name, (table, rows) in PUBLISHED.items()
        if not version.ask(f"select 1 from finance.{table} where {rows} limit 1").rows
    ]


def lake(settings: Settings, as_of: datetime) -> dict[str, pa.Table]:
    """Rows of every lake file that a build would read."""
    files = known(settings, as_of).files
    return {
        str(path.relative_to(settings.lake)): pq.read_table(path) for of_entity in files.values() for path in of_entity
    }


@pytest.mark.skipif(
    not AT_LENGTH, reason="make long: a minute a night; test_incremental.py goes this way with a company made by hand"
)
@pytest.mark.parametrize("seed", SEEDS)
def test_nights_of_a_random_company_come_to_what_it_is_at_once(tmp_path: Path, seed: int) -> None:
    company, as_of = RandomCompany(tmp_path / "company", seed), BEGIN
    settings = company.write()
    land(settings, as_of)
    before = build(settings, PERIOD, as_of)
    assert missing(settings, as_of) + unpublished(before) == []
    for night in range(1, NIGHTS + 1):
        changes = changes_of_a_night(company)
        settings = company.write()
        as_of += company.random.choice(LATER)
        land(settings, as_of)
        after = build(settings, PERIOD, as_of)
        told = f"seed {seed}, night {night} ({as_of}): {', '.join(change.__name__ for change in changes)}"
        assert differences(after, before) != [], f"nothing changed: {told}"
        assert differences(after, anew(settings, as_of)) == [], told
        assert after.ask(UNBALANCED).rows == [], told
        before = after


@pytest.mark.parametrize("seed", LAKE_SEEDS)
def test_what_is_resolved_night_by_night_is_what_is_resolved_at_once(tmp_path: Path, seed: int) -> None:
    """Which day's calls are made again, as R29 to R32 link tellings of several days; no table is built, so there are more nights."""
    company, as_of = RandomCompany(tmp_path / "company", seed), BEGIN
    for night in range(LAKE_NIGHTS):
        changes = changes_of_a_night(company) if night else []
        settings = company.write()
        as_of += company.random.choice(LATER)
        land(settings, as_of)
        told = f"seed {seed}, night {night}: {', '.join(change.__name__ for change in changes)}"
        assert night or missing(settings, as_of) == [], told
        assert lake(settings, as_of) == lake(from_landing_alone(settings), as_of), told
