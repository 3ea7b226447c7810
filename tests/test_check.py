"""What ``reconcile check`` says of a company before anything is asked."""

from __future__ import annotations

import csv
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcilers import check
from reconcilers.declared.settings import read_settings

AS_OF = datetime(2026, 10, 5)
KEY = "TEST_OPENAI_KEY"
SETTINGS: dict[str, Any] = {
    "home": "var",
    "reference": "reference",
    "price_book": "none",
    "billing": [{"name": "bill", "kind": "focus_file", "uri": "bills"}],
    "telemetry": [{"name": "traces", "kind": "otlp", "uri": "traces"}],
    "revenue": [{"name": "sales", "kind": "revenue_file", "uri": "revenue"}],
}
REVENUE = "revenue_id,tenant_id,feature_id,amount,currency,service_period_start,service_period_end,kind"
Company = Callable[..., Path]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company nothing is wrong with, but for the settings and files given: (name → text)."""

    def write(changed: dict[str, Any] | None = None, **files: str) -> Path:
        for folder in ("bills", "traces", "revenue", "reference"):
            (tmp_path / folder).mkdir()
        (tmp_path / "bills" / "b.csv").write_text("x\n")
        (tmp_path / "traces" / "t.json").write_text("{}\n")
        (tmp_path / "revenue" / "r.csv").write_text(f"{REVENUE}\n1,ten_a,,5,USD,2026-09-01,2026-09-30,invoice\n")
        texts = {"billing_sources": "source,provider,finality_days\nbill,openai,3\n", "tenants": "tenant_id\nten_a\n"}
        for name, text in (texts | files).items():
            (tmp_path / "reference" / f"{name}.csv").write_text(text)
        settings = {key: value for key, value in (SETTINGS | (changed or {})).items() if value is not None}
        file = tmp_path / "reconcile.yaml"
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
        return file

    return write


def told(file: Path, *, offline: bool = True) -> list[str]:
    """Findings as a person would read them, places relative to the company's folder."""
    found = check.check(file, AS_OF, offline=offline).findings
    assert all(one.file.is_relative_to(file.parent) for one in found)
    return [
        f"{'warning' if one.is_warning else 'error'} {one.file.relative_to(file.parent)}:{one.line} {one.problem}"
        for one in found
    ]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_nothing_is_wrong_with_a_company_in_order(company: Company) -> None:
    file = company()
    checked = check.check(file, AS_OF)
    assert checked == check.Checked([], ["bill", "traces", "sales"], [])
    assert not (file.parent / "var").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"keep_versions": 0}, ["error reconcile.yaml:16 keep_versions: Input should be greater than or equal to 1"]),
        (
            {"billing": [{"name": "bill", "kind": "focus_fil", "uri": "bills"}]},
            ["error reconcile.yaml:6 billing.bill.kind: unknown billing kind 'focus_fil'; nearest is focus_file;"],
        ),
        (
            {"billing": [{"name": "bill", "kind": "focus_file", "uri": "bills", "patern": ".*"}]},
            ["error reconcile.yaml:8 billing.bill.patern: there is no such setting of kind focus_file; nearest is pattern"],
        ),
        (
            {"billing": [{"name": "bill", "kind": "openai", "api_key_env": "PATH", "retry": {"attemps": 2}}]},
            ["error reconcile.yaml:9 billing.bill.retry.attemps: there is no such setting; nearest is attempts"],
        ),
        (
            {"billing": [{"name": "bill", "kind": "focus_file", "uri": "bils"}]},
            ["error reconcile.yaml:5 billing.bill: "],
        ),
        (
            {"billing": [{"name": "bill", "kind": "focus_file", "uri": "bills", "pattern": r".*\.parquet"}]},
            [r"warning reconcile.yaml:5 billing.bill: the pattern .*\.parquet matches nothing below "],
        ),
        (
            {"billing": [{"name": "bill", "kind": "aws", "uri": "s3://<bucket>/x", "format": "focus_1_2"}]},
            ["error reconcile.yaml:7 billing.bill.uri: still says <bucket>; fill it in"],
        ),
        (
            {"billing": [{"name": "bill", "kind": "focus_file", "uri": "bills", "pattern": "(?P<period>b).csv"}]},
            [],
        ),
        ({"reference": "refs"}, ["error reconcile.yaml:2 reference: ", "warning refs/billing_sources.csv:None no row"]),
        ({"home": "var/" * 2000}, ["error reconcile.yaml:1 home: no folder can be called so: File name too long"]),
        (
            {"billing": [{"kind": "focus_file", "uri": "bills"}]},
            [
                "error reconcile.yaml:5 a billing source without a name",
                "error reference/billing_sources.csv:2 source: no billing source is called 'bill'",
            ],
        ),
        (
            {"billing": [{"name": "bill", "kind": "focus_file", "uri": "bills", "renamed_from": [["a"]]}]},
            ["error reconcile.yaml:8 billing.bill.renamed_from.str: ", "error reconcile.yaml:8 billing.bill.renamed_from"],
        ),
        ({"home": "bills/b.csv/var"}, ["error reconcile.yaml:1 home: "]),
        ({"dbt_executable": "dbt-none"}, ["error reconcile.yaml:16 dbt_executable: there is no program dbt-none"]),
        ({"reporting_currency": "EUX"}, ["error reconcile.yaml:16 reporting_currency: "]),
        (
            {"telemetry": None},
            ["warning reconcile.yaml:None no telemetry source is configured, so no cost meets an event"],
        ),
        (
            {"billing": None, "telemetry": None, "revenue": None},
            [
                "error reconcile.yaml:None no source is configured",
                "error reference/billing_sources.csv:2 source: no billing source is called 'bill'",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_settings_and_folders(company: Company, changed: dict[str, Any], said: list[str]) -> None:
    found = told(company(changed))
    assert len(found) == len(said), found
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True)), found


def test_all_that_is_wrong_in_all_files_is_told_at_once(company: Company) -> None:
    file = company(
        {"keep_versions": -1, "billing": [{"name": "bill", "kind": "openai", "api_key_env": KEY}]},
        tenants="tenant_id;nmae\nt1;x\n",
        exchange_rates="currency,billing_period_start,rate,version\neur,2026-09-15,0,1\n",
        key_map="source,api_key_id\nbil,k\n",
        contract_price="x\n",
    )
    found = told(file)
    assert [one.partition(": ")[0] for one in found] == [
        "error reconcile.yaml:5 billing.bill",
        "error reconcile.yaml:16 keep_versions",
        "error reference/exchange_rates.csv:2 currency",
        "error reference/exchange_rates.csv:2 billing_period_start",
        "error reference/exchange_rates.csv:2 rate",
        "error reference/tenants.csv:1 column 'nmae' is not in the contract; nearest is name -> allowed",
        "error reference/key_map.csv:2 source",
        "warning reference:None contract_price.csv is no reference file and is not read; nearest is contract_prices.csv",
    ]  # fmt: skip
    assert f"environment variable {KEY} is not set" in found[0]


def test_a_row_under_a_sources_earlier_name_is_told_its_name_of_now(company: Company) -> None:
    bill = {"name": "bill", "kind": "focus_file", "uri": "bills", "renamed_from": "old"}
    file = company({"billing": [bill]}, key_map="source,api_key_id\nold,k\n")
    assert told(file) == [
        "error reference/key_map.csv:2 source: no billing source is called 'old'; it is called bill now"
    ]


def test_settings_that_are_no_yaml_are_one_error_with_its_line(company: Company) -> None:
    file = company()
    file.write_text("home: var\nbilling: [\n")
    assert [one[:34] for one in told(file)] == ["error reconcile.yaml:3 not YAML: e"]


def test_names_in_revenue_that_nothing_declares_are_warned_of_and_lines_that_cannot_be_read_are_wrong(
    company: Company,
) -> None:
    file = company(features="feature_id\nsearch\n")
    lines = [
        "2,ten_b,serach,5,USD,2026-09-01,2026-09-30,invoice",
        "3,ten_a,,five,USD,2026-09-01,2026-09-30,invoice",
        "4,ten_b,,5,USD,2026-09-01,2026-09-30,invoice",
    ]
    (file.parent / "revenue" / "r.csv").write_text("\n".join([REVENUE, *lines, ""]))
    assert told(file) == [
        "error reconcile.yaml:13 revenue.sales: r.csv, line 3: 'five' is not a plain decimal amount",
        "warning reconcile.yaml:13 revenue.sales: tenant_id: 'ten_b' is not in tenants.csv; nearest is ten_a",
        "warning reconcile.yaml:13 revenue.sales: feature_id: 'serach' is not in features.csv; nearest is search",
    ]


def test_readers_of_a_tenant_nobody_declares_are_warned_of(company: Company) -> None:
    access = {"tenants": {"group:emea@acme.com": ["ten_a", "ten_b"]}}
    file = company({"bigquery": {"project": "p", "row_access": access}})
    (warning,) = told(file)
    assert warning.endswith(
        "bigquery.row_access.tenants.group:emea@acme.com: 'ten_b' is not in tenants.csv; nearest is ten_a"
    )


def test_a_price_of_a_thousand_tokens_is_told_beside_the_book(company: Company) -> None:
    prices = "source,model,meter,price_per_million,currency,version\nbill,gpt-4o-mini,input_tokens,0.00015,USD,1\n"
    file = company({"price_book": "genai-prices"}, contract_prices=prices)
    (warning,) = told(file)
    assert warning.startswith(
        "warning reference/contract_prices.csv:2 price_per_million: 0.00015, and the price book has "
    )
    assert warning.endswith("is it the price of a thousand?")


def test_a_source_that_does_not_answer_is_waited_for_no_longer_than_the_limit(
    company: Company, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "k")
    monkeypatch.setattr(check, "ANSWER_SECONDS", 0.5)
    bill = {"name": "bill", "kind": "openai", "api_key_env": KEY, "base_url": f"http://127.0.0.1:{silent_port}"}
    file = company({"billing": [bill]})
    began = time.monotonic()
    (error,) = told(file, offline=False)
    assert "billing.bill: no answer within" in error
    assert time.monotonic() - began < 10
    checked = check.check(file, AS_OF, offline=True)
    assert (checked.findings, checked.unasked) == ([], ["bill"])


def test_checking_without_requests_takes_less_than_two_seconds(company: Company) -> None:
    file = company(
        {"price_book": "genai-prices"}, contract_prices="source,model,meter,price_per_million,currency,version\n"
    )
    command = [sys.executable, "-m", "reconcilers.cli", "check", "--offline", "--config", str(file)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, so that a busy machine does not count against it.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


def test_a_fault_of_a_sources_code_is_one_of_that_source(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconcilers.sources.billing.focus_file import FocusFile

    monkeypatch.setattr(FocusFile, "units", lambda *_: next(iter(())))
    (error,) = told(company())
    assert error.endswith("billing.bill: StopIteration while it was asked; please report this")


def test_a_run_says_first_what_landing_does_not(company: Company) -> None:
    file = company(key_map="source,api_key_id\nbil,k\n", tenants="tenant\nten_a\n")
    (finding,) = check.before_landing(read_settings(file))
    assert (finding.file.name, finding.line) == ("key_map.csv", 2)


def test_the_command_prints_every_place_and_says_by_its_exit_code_whether_something_is_wrong(company: Company) -> None:
    file = company()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reconcilers.cli", "check", "--config", str(file), "--as-of", "2026-10-05"]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stdout) == (0, "nothing is wrong; 3 sources answered\n")
    with (file.parent / "reference" / "billing_sources.csv").open("a", newline="") as stream:
        csv.writer(stream).writerow(["[bold]b", "", "3"])
    done = run("--offline")
    assert done.returncode == 5
    assert (
        f"error  {file.parent}/reference/billing_sources.csv:3: source: no billing source is called '[bold]b'"
        in done.stdout
    )
    assert done.stdout.endswith("1 error, 0 warnings; 3 sources answered\n")
