"""The commands a person types, over the company of examples."""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest


def reconcile(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reconcilers.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_report_closes_every_month_and_writes_the_page(examples_settings: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = reconcile("report", "--config", str(examples_settings), "--page", str(page))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("difference 0.000000000") == 4
    assert " open: missing_telemetry (" in done.stdout
    assert "E12 50 1.6000 2.0000" in " ".join(done.stdout.split())
    assert "explain E12/" in done.stdout
    html = page.read_text()
    assert html.count("difference <b>0.000000000</b>") == 4
    assert re.search(r">unexplained</td><td[^>]*>17\.500000000</td>", html)


def test_status_says_what_is_published(examples_settings: Path) -> None:
    done = reconcile("status", "--config", str(examples_settings))
    assert "run for    2026-01-01 to 2026-10-01" in done.stdout
    assert "telemetry_without_charge" in done.stdout
    assert "covers     2026-01-01 to 2026-10-01" in done.stdout
    assert ": published, which is what is published" in done.stdout
    assert "2026-09 not complete: " in done.stdout
    assert " open: " in done.stdout


def test_runs_and_sources_are_rows(examples_settings: Path) -> None:
    config = ("--format", "json", "--config", str(examples_settings))
    (run, *_) = json.loads(reconcile("runs", *config).stdout)
    assert (run["command"], run["result"], run["period"]) == ("run", "published", "2026-01-01 to 2026-10-01")
    assert run["billed"] == run["carried"] != {}
    sources = {one["source"]: one for one in json.loads(reconcile("sources", *config).stdout)}
    assert sources["E01"]["billed"] == {"USD": "10.000000000"}
    assert sources["calls"]["rows"]["calls"] > 100
    assert sources["E01"]["landed_until"] == "2026-10-01"
    assert reconcile("sources", "--format", "xml", *config[2:]).returncode == 5


def test_dbt_reads_the_store_of_the_last_build(examples_settings: Path) -> None:
    sql = "select count(*) as lines_of_e1 from {{ ref('int_charges') }} where source = 'E1'"
    done = reconcile("dbt", "--config", str(examples_settings), "show", "--inline", sql)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lines_of_e1" in done.stdout
    days = reconcile("dbt", "--config", str(examples_settings), "compile", "-s", "int_usages", "--days", "2026-09-28")
    assert "2026-09-28" in days.stdout
    failed = reconcile("dbt", "--config", str(examples_settings), "show", "--inline", "select no_such_column")
    assert failed.returncode != 0


def test_query_in_every_format(examples_settings: Path) -> None:
    sql = "select '=1+1' as cell, reconciled_cost from finance.fct_cost_per_outcome where event_id = 'E13/e1'"
    asked = {
        name: reconcile("query", sql, "--format", name, "--config", str(examples_settings)).stdout
        for name in ("table", "csv", "json")
    }
    assert asked["table"].split()[-1] == "5"
    assert list(csv.reader(io.StringIO(asked["csv"])))[1] == ["'=1+1", "5"]
    assert json.loads(asked["json"]) == [{"cell": "=1+1", "reconciled_cost": "5"}]


def test_outside_text_is_shown_as_it_stands(examples_settings: Path) -> None:
    """No picture for a word between colons, no markup, nothing a terminal acts on or that turns the reading direction."""
    sql = "select 'ev:100:x:1' as a, 'x' || chr(27) || '[2Jy' as b, '[bold]z[/] \\[' as c, chr(8238) || 'txt' as d"
    shown = reconcile("query", sql, "--format", "table", "--config", str(examples_settings)).stdout
    assert shown.splitlines()[-1].split() == ["ev:100:x:1", "x\\x1b[2Jy", "[bold]z[/]", "\\[", "\\u202etxt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["query", "select * from nothing"], "the query failed"),
        (["query", "drop table finance.fct_breaks"], "the query failed"),
        (["run", "--date", "2026-13-01"], "month must be in 1..12"),
        (["run", "--date", "2026-10-02", "--as-of", "2026-10-02T23:00:00"], "2026-10-02 is not over"),
        (["run", "--date", "2026-09-01", "--from", "2026-09-01"], "give --date DAY, or --from DAY --to DAY"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(examples_settings: Path, arguments: list[str], said: str) -> None:
    done = reconcile(*arguments, "--config", str(examples_settings))
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_settings_file_says_how_to_get_one(tmp_path: Path) -> None:
    done = reconcile("status", "--config", str(tmp_path / "none.yaml"))
    assert (done.returncode, "make one with `reconcile init`" in done.stderr) == (5, True)


def test_help_starts_within_a_second() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "explain" in reconcile("--help").stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, so that a busy machine does not count against it.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
