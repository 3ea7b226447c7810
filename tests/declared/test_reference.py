"""Reference files are typed: what no rule could ever use is an error that says where it stands and what was meant."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from pathlib import Path

import pytest

from reconcilers import pipeline
from reconcilers.declared import reference
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
    ("bundle_prices", BUNDLE, {"stand_alone_price": "-5"}, "negative"),
]

#: (bytes of tenants.csv, line, what is wrong)
FILES = [
    (b"tenant_id,name\nt1,caf\xe9\n", 2, "byte 0xe9 is not UTF-8"),
    ("tenant_id,name\nt1,x\n".encode("utf-16"), 1, "not UTF-8"),
    (b'tenant_id,name\nt1,"x\ny"\nt2,"z\n', 4, "unexpected end of data"),
    (b"tenant_id,name\nt1,x,surplus\n", 2, "3 fields under 2 columns"),
    (b'tenant_id,name\nt1,"x\ny"\nt2\n', 4, "1 fields under 2 columns"),
    (b"tenant_id,name,name\nt1,x,y\n", 1, "column name stands there twice"),
    (b"tenant_id,nmae\nt1,x\n", 1, "column 'nmae' is not in the contract"),
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
    assert re.search(f"^{column}: '?{typo[column]}.*{problem}", refused.value.problem)


@pytest.mark.parametrize(("content", "line", "problem"), FILES)
def test_a_file_that_is_no_table_is_refused_with_its_line(
    tmp_path: Path, content: bytes, line: int, problem: str
) -> None:
    path = tmp_path / "tenants.csv"
    path.write_bytes(content)
    with pytest.raises(SourceRejected, match=re.escape(problem)) as refused:
        reference.read(path, "tenants")
    assert refused.value.line == line


def test_a_file_with_the_name_of_no_contract_is_told(tmp_path: Path) -> None:
    (tmp_path / "reconcile.yaml").write_text("home: var\nreference: reference\n")
    (tmp_path / "reference").mkdir()
    for name in ("contract_price.csv", "Features.CSV", "zzz.csv", "tenants.csv", "notes.md"):
        (tmp_path / "reference" / name).write_text("tenant_id\n")
    report = pipeline.land_reference(read_settings(tmp_path / "reconcile.yaml"), datetime(2026, 10, 5))
    assert report.failures == []
    assert report.warnings == [
        "Features.CSV is no reference file and is not read; nearest is features.csv",
        "contract_price.csv is no reference file and is not read; nearest is contract_prices.csv",
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
    assert set(reference.CHOICES["pool"]) == set(destinations) - on_calls
    assert {destinations[name] for name in reference.CHOICES["ruled"]} == {"line"}
    macro = (DBT / "macros" / "dimensions.sql").read_text()
    dimensions = re.search(r"macro price_dimensions\(\) -?%\}\s*\{\{ return\(\[(.*?)\]", macro)
    assert dimensions is not None
    assert tuple(re.findall(r"'(\w+)'", dimensions[1])) == reference.CHOICES["dimension"]
