"""Reference files are typed: what no rule could ever use is an error that says where it stands and what was meant."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from pathlib import Path

import pytest

from reconcilers import pipeline
from reconcilers.declared import reference, values
from reconcilers.declared.settings import read_settings
from reconcilers.errors import SourceRejected

DBT = Path(__file__).parents[2] / "dbt_project"
PRICE = {
    "source": "acme",
    "model": "m",
    "meter": "input_tokens",
    "price_per_million": "2",
    "currency": "USD",
    "version": "1",
}
RULE = {"priority": "1", "destination": "platform_usage", "version": "1"}
BUNDLE = {"bundle_id": "suite", "feature_id": "f", "stand_alone_price": "5"}
RATE = {"currency": "EUR", "billing_period_start": "2026-09-01", "rate": "1.1", "version": "1"}
SHARED = {"destination": "credit", "driver": "revenue", "version": "1"}
BILLED = {"source": "acme", "finality_days": "3"}
BUDGET = {"scope": "feature", "scope_value": "f", "amount": "500", "currency": "USD"}
ALERTED = {"kind": "runaway_run", "threshold": "5"}

#: (file, a row that is taken, what is wrong in it, what the error says of it)
TYPOS = [
    (
        "billing_grain",
        {"source": "acme", "dimension": "region"},
        {"dimension": "regoin"},
        "none of service_tier, .*nearest is region$",
    ),
    ("charge_rules", RULE, {"destination": "platform_use"}, "none of out_of_scope, .*nearest is platform_usage$"),
    ("charge_rules", RULE, {"destination": "event"}, "none of out_of_scope, support_and_fees"),
    ("charge_rules", RULE, {"charge_category": "usage"}, "none of Usage, .*nearest is Usage$"),
    ("charge_rules", RULE, {"priority": "9" * 20}, "too large"),
    ("charge_rules", RULE, {"priority": "1_0"}, "no whole number"),
    ("contract_prices", PRICE, {"meter": "input_token"}, "none of .*nearest is input_tokens$"),
    ("contract_prices", PRICE, {"batch": "yes"}, "none of true, false$"),
    ("contract_prices", PRICE, {"cache_ttl": "60m"}, "none of 5m, 30m, 1h; nearest is 30m$"),
    ("contract_prices", PRICE, {"price_per_million": "-2"}, "negative"),
    ("contract_prices", PRICE, {"currency": "usd"}, "no currency code of ISO 4217"),
    ("contract_prices", PRICE, {"valid_from": "2026-09-02", "valid_to": "2026-09-02"}, "not after valid_from"),
    ("exchange_rates", RATE, {"rate": "0.0000000001"}, "zero"),
    ("exchange_rates", RATE, {"rate": "0.0065123456789"}, "more than nine decimals"),
    ("exchange_rates", RATE, {"billing_period_start": "2026-09-15"}, "first day of a month"),
    ("published_units", {"source": "acme", "meter": "requests", "unit": "10"}, {"unit": "-10"}, "negative"),
    ("shared_cost_rules", SHARED, {"destination": "credits"}, "none of tax, .*nearest is credit$"),
    ("shared_cost_rules", SHARED, {"driver": "direct"}, "none of direct_cost, revenue; nearest is direct_cost$"),
    ("billing_sources", BILLED, {"finality_days": "-5"}, "negative"),
    ("billing_sources", BILLED, {"finality_days": "4000"}, "more than 400"),
    ("billing_sources", BILLED, {"batch_day": "32"}, "more than 31 days away"),
    ("bundle_prices", BUNDLE, {"stand_alone_price": "-5"}, "negative"),
    ("bundle_prices", BUNDLE, {"stand_alone_price": "1000000000"}, "1,000,000,000 or more"),
    ("bundle_prices", BUNDLE, {"stand_alone_price": "2,50"}, "write a point before the decimals"),
    ("bundle_prices", BUNDLE, {"valid_from": "01.09.2026"}, "no day, written YYYY-MM-DD"),
    ("bundle_prices", BUNDLE, {"valid_from": "2026-02-30"}, "no day: day"),
    ("contract_prices", PRICE, {"currency": "eur"}, "nearest is EUR$"),
    ("contract_prices", PRICE, {"time_from": "09:00"}, "says nothing without time_to"),
    ("charge_rules", RULE, {"tag_value": "eval"}, "says nothing without tag_key"),
    ("budgets", BUDGET, {"scope": "features"}, "none of all, tenant, feature, segment; nearest is feature$"),
    ("budgets", BUDGET, {"scope_value": ""}, "whose feature is it"),
    ("budgets", BUDGET, {"scope": "all", "scope_value": "f"}, "a budget of all names none"),
    ("budgets", BUDGET, {"amount": "0"}, "zero"),
    ("budgets", BUDGET, {"warning_share": "75"}, "more than 1, the whole"),
    ("budgets", BUDGET, {"warning_share": "0.95", "alert_share": ""}, "0.9 is not above warning_share 0.95$"),
    ("budgets", BUDGET, {"month": "2026-09-02"}, "first day of a month"),
    ("alert_rules", ALERTED, {"kind": "runaway"}, "none of .*nearest is runaway_run$"),
    ("alert_rules", ALERTED, {"threshold": "-1"}, "negative"),
    ("quiet_days", {"day": "2026-11-27", "reason": "sale"}, {"reason": ""}, "is empty"),
]

#: Spellings of one table as spreadsheet programs save it.
SHEETS = [
    "tenant_id;name\r\nt1;Café, Köln\r\n".encode(),
    "tenant_id\tname\nt1\tCafé, Köln\n".encode(),
    "\ufefftenant_id;name\nt1;Café, Köln\n".encode(),
    "sep=;\ntenant_id;name\nt1;Café, Köln\n;\n".encode(),
    'tenant_id, name\rt1,"Café, Köln"\r,\r'.encode(),
]

#: (bytes of tenants.csv, line, what is wrong)
FILES = [
    (b"tenant_id,name\nt1,caf\xe9\n", 2, "byte 0xe9 is not UTF-8"),
    (b"tenant_id,name\nt1,caf\xe9\n", 2, "in Windows-1252 it is '\xe9'"),
    ("tenant_id,name\nt1,x\n".encode("utf-16-le"), 1, "UTF-16 without a byte order mark"),
    ("tenant_id,name\nt1,x\n".encode("utf-16"), 1, "byte 0xff is not UTF-8; the file is UTF-16"),
    (b"tenant_id," + b"x" * 140_000, 1, "field larger than field limit"),
    (b'sep="\ntenant_id\nt1\n', 1, "columns missing: tenant_id"),
    (b"PK\x03\x04\x14\x00", 1, "an Excel or OpenDocument workbook, not CSV"),
    (b"\x05Ada\x00\x03A\x00d\x80", 1, "the file is binary, not CSV"),
    (b'tenant_id,name\nt1,"x\ny"\nt2,"z\n', 4, "unexpected end of data"),
    (b"tenant_id,name\nt1,x,surplus\n", 2, "3 fields under 2 columns"),
    (b'tenant_id,name\nt1,"x\ny"\nt2\n', 4, "1 fields under 2 columns"),
    (b"tenant_id,name,name\nt1,x,y\n", 1, "column name stands there twice"),
    (b"tenant_id,nmae\nt1,x\n", 1, "column 'nmae' is not in the contract; nearest is name"),
    (b"name\nx\n", 1, "columns missing: tenant_id"),
    (b"tenant_id,name\n\nt1,x\nt1,y\n", 4, "same tenant_id as line 3"),
]


def written(folder: Path, name: str, *rows: dict[str, str]) -> Path:
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(column for row in rows for column in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(("name", "row", "typo", "problem"), TYPOS)
def test_a_typo_is_an_error_that_says_where_and_what_was_meant(
    tmp_path: Path, name: str, row: dict[str, str], typo: dict[str, str], problem: str
) -> None:
    assert len(reference.read(written(tmp_path, name, row), name)) == 1
    path = written(tmp_path, name, row, row | typo)
    with pytest.raises(SourceRejected) as refused:
        reference.read(path, name)
    assert refused.value.file == str(path)
    assert refused.value.line == 3
    column = list(typo)[-1]
    assert re.search(f"^{column}:? .*{problem}", refused.value.problem)


@pytest.mark.parametrize(("content", "line", "problem"), FILES)
def test_a_file_that_is_no_table_is_refused_with_its_line(
    tmp_path: Path, content: bytes, line: int, problem: str
) -> None:
    path = tmp_path / "tenants.csv"
    path.write_bytes(content)
    with pytest.raises(SourceRejected, match=re.escape(problem)) as refused:
        reference.read(path, "tenants")
    assert refused.value.line == line


@pytest.mark.parametrize("content", SHEETS)
def test_a_table_is_read_as_spreadsheet_programs_save_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tenants.csv"
    path.write_bytes(content)
    assert reference.read(path, "tenants") == [{"tenant_id": "t1", "name": "Café, Köln", "segment": None}]


def test_all_that_is_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    bad = PRICE | {"meter": "input", "currency": "usd"}
    path = written(tmp_path, "contract_prices", PRICE, bad, PRICE, *[bad] * 20)
    with pytest.raises(SourceRejected) as refused:
        reference.read(path, "contract_prices")
    told = refused.value.problem
    assert refused.value.line == 3
    assert told.startswith("meter: 'input' is none of")
    assert "; line 3: currency: 'usd' is no currency code" in told
    assert "; line 4: same source, " in told
    assert told.endswith("; and 23 more")


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tenants.csv").mkdir()
    with pytest.raises(SourceRejected, match="cannot be read: Is a directory"):
        reference.read(tmp_path / "tenants.csv", "tenants")


def test_a_file_with_the_name_of_no_contract_is_told(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("home: var\nreference: reference\n")
    (tmp_path / "reference").mkdir()
    passed_over = ("~$tenants.csv", ".~lock.tenants.csv#", "notes.md")
    for name in ("contract_price.csv", "Features.CSV", "zzz.csv", "tenants.csv", "tenants.xlsx", *passed_over):
        (tmp_path / "reference" / name).write_text("tenant_id\n")
    report = pipeline.land_reference(read_settings(tmp_path / "reconcile.yaml"), datetime(2026, 10, 5))
    assert report.failures == []
    assert report.warnings == [
        "Features.CSV is no reference file and is not read; nearest is features.csv",
        "contract_price.csv is no reference file and is not read; nearest is contract_prices.csv",
        "tenants.xlsx is no reference file and is not read; save it as tenants.csv, CSV in UTF-8",
        "zzz.csv is no reference file and is not read",
    ]


def test_two_prices_of_one_key_are_refused_and_those_of_two_versions_are_not(tmp_path: Path) -> None:
    dearer = PRICE | {"price_per_million": "9"}
    with pytest.raises(SourceRejected, match="as line 2"):
        reference.read(written(tmp_path, "contract_prices", PRICE, dearer), "contract_prices")
    assert (
        len(reference.read(written(tmp_path, "contract_prices", PRICE, dearer | {"version": "2"}), "contract_prices"))
        == 2
    )


def test_words_that_set_a_price_are_read_in_any_case(tmp_path: Path) -> None:
    header = "source,model,meter,service_tier,geography,speed,price_per_million,currency,version"
    path = tmp_path / "contract_prices.csv"
    path.write_text(f"{header}\nacme,m,input_tokens,Flex,EU,Fast,1,USD,1\n")
    (price,) = reference.rows(path, "contract_prices")
    assert [price[name] for name in ("service_tier", "geography", "speed")] == ["flex", "eu", "fast"]


def test_the_closed_lists_are_those_of_the_warehouse() -> None:
    with (DBT / "seeds" / "destinations.csv").open() as stream:
        destinations = {row["destination"]: row["decided_by"] for row in csv.DictReader(stream)}
    on_calls = {"out_of_scope", "event", "untagged"}
    assert set(values.CHOICES["pool"]) == set(destinations) - on_calls
    assert {destinations[name] for name in values.CHOICES["ruled"]} == {"line"}
    with (DBT / "seeds" / "alert_kinds.csv").open() as stream:
        assert tuple(row["kind"] for row in csv.DictReader(stream)) == values.CHOICES["alert_kind"]
    macro = (DBT / "macros" / "dimensions.sql").read_text()
    dimensions = re.search(r"macro price_dimensions\(\) -?%\}\s*\{\{ return\(\[(.*?)\]", macro)
    assert dimensions is not None
    assert tuple(re.findall(r"'(\w+)'", dimensions[1])) == values.CHOICES["dimension"]
