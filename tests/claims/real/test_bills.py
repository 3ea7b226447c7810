"""Real bills through the sources: row counts and exact totals, in every grouping, at the lake level."""

from __future__ import annotations

import ast
import csv
import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from reconcilers.ingest.landing import Landing
from reconcilers.periods import Period
from reconcilers.sources import registry
from reconcilers.sources.contract import Source
from tests.sources.billing.gcp_export import STANDARD, make_export

REAL_DATA = os.environ.get("REAL_DATA")
pytestmark = pytest.mark.skipif(not REAL_DATA, reason="REAL_DATA names no folder of public data sets")
DATA = Path(REAL_DATA or "")
HERE = Path(__file__).parent

Row = dict[str, Any]


@pytest.fixture
def lake(tmp_path: Path) -> Callable[[Source, str], dict[str, list[Row]]]:
    """Rows per entity of one unit, landed and normalised."""

    def read(source: Source, unit: str) -> dict[str, list[Row]]:
        landing = Landing(tmp_path / "landing")
        pull = landing.pull(source.name, source.kind, unit)
        source.fetch(unit, pull)
        landed, _ = landing.commit(pull, datetime(2026, 11, 1))
        rows: dict[str, list[Row]] = defaultdict(list)
        for entity, table in source.normalise(landed):
            rows[entity] += table.to_pylist()
        return rows

    return read


def answers(name: str) -> Any:
    return json.loads((DATA / "answers" / name).read_text())


def billed(rows: Iterable[Row]) -> Fraction:
    """The exact sum of the bill's own text, out of the lake's integers."""
    return sum(
        (Fraction(row["billed_cost"]) + Fraction(row["billed_cost_residual"], 10**27) for row in rows), Fraction(0)
    )


def exact(text: str) -> Fraction:
    return Fraction(Decimal(text))


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


# OpenAI ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded_api() -> Iterator[str]:
    """The recorded pages of one organisation, served bucket by bucket as the API would; numbers stay as recorded."""
    folder = DATA / "openai-cookbook"
    lists = {
        "/v1/organization/costs": "costs_1d.json",
        "/v1/organization/usage/completions": "usage_completions_1d.json",
    }
    recorded = {
        path: json.loads((folder / name).read_text(), parse_float=lambda text: f"number {text}")
        for path, name in lists.items()
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            start, end = (int(asked[name][0]) for name in ("start_time", "end_time"))
            found = [bucket for bucket in recorded[parts.path] if start <= bucket["start_time"] < end]
            body = json.dumps({"object": "page", "data": found, "has_more": False, "next_page": None})
            # What was written as a number goes out as the same digits.
            content = body.replace('"number ', "").replace('", "currency"', ', "currency"').encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_openai_days(recorded_api: str, lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "recorded")
    config = {"name": "openai", "kind": "openai", "base_url": recorded_api, "usage": ["completions"]}
    source, expected = registry.load("billing", config), answers("openai_cookbook.json")
    days = Period(date(2025, 1, 11), date(2025, 1, 26))
    rows = {unit: lake(source, unit) for unit in source.units(days)}
    assert list(rows) == [day["day"] for day in expected["days"]]

    def used(unit: str, *meters: str) -> Decimal:
        found = (row["quantity"] for row in rows[unit]["provider_usage"] if row["meter"] in meters)
        return sum(found, Decimal(0))

    inputs = ("input_tokens", "cache_read_input_tokens", "cache_write_input_tokens")
    for day in expected["days"]:
        unit = day["day"]
        assert billed(rows[unit]["charges"]) == exact(day["billed"])
        assert [row["billed_cost_text"] for row in rows[unit]["charges"]] == [day["billed"]]
        assert used(unit, *inputs) == day["input_tokens"]
        assert used(unit, "output_tokens") == day["output_tokens"]
        assert used(unit, "requests") == day["requests"]
        assert {row["charge_day"].isoformat() for row in rows[unit]["provider_usage"]} <= {unit}
    assert billed(row for unit in rows.values() for row in unit["charges"]) == exact(expected["billed_total"])
    idle = [unit for unit in rows if not rows[unit]["provider_usage"]]
    assert billed(row for unit in idle for row in rows[unit]["charges"]) == exact(
        expected["billed_on_days_without_usage"]
    )
    for total, meters in (("input_tokens", inputs), ("output_tokens", ("output_tokens",)), ("requests", ("requests",))):
        assert sum(used(unit, *meters) for unit in rows) == expected[total]
    # Without line items nothing says what the money was for: it counts, and is unmapped.
    assert {(row["model"], row["meter"]) for unit in rows.values() for row in unit["charges"]} == {(None, None)}


# FOCUS and other tables through focus_file ----------------------------------------------------------------------------


@pytest.fixture
def table(lake: Any) -> Callable[[str], list[Row]]:
    """Charges of one table of ``bills.yaml``."""
    configs = {config["name"]: config for config in yaml.safe_load((HERE / "bills.yaml").read_text())}

    def read(name: str) -> list[Row]:
        config = configs[name]
        source = registry.load("billing", config | {"uri": str(DATA / config["uri"])})
        (unit,) = source.units(Period.of_day(date(2026, 9, 1)))
        found: list[Row] = lake(source, unit)["charges"]
        assert len({row["charge_id"] for row in found}) == len(found)
        return found

    return read


FOCUS_KEYS: dict[str, Callable[[Row], str]] = {
    "by_provider": lambda row: str(row["provider"]),
    "by_charge_category": lambda row: str(row["charge_category"]),
    "by_billing_period": lambda row: f"{row['billing_period_start']} 00:00:00",
    "by_subaccount": lambda row: str(row["sub_account_id"]),
    "by_service": lambda row: str(row["service_name"]),
}


def assert_figures(rows: list[Row], figures: dict[str, Any]) -> None:
    """Billed and effective cost exactly. The lake keeps list and contracted cost to nine decimals only, so their sums may
    differ by half of the last one per row."""
    assert len(rows) == figures["rows"]
    assert billed(rows) == exact(figures["BilledCost"])
    assert sum((exact(row["effective_cost_text"]) for row in rows), Fraction(0)) == exact(figures["EffectiveCost"])
    for column, name in (("list_cost", "ListCost"), ("contracted_cost", "ContractedCost")):
        kept = sum((Fraction(row[column] or 0) for row in rows), Fraction(0))
        assert abs(kept - exact(figures[name])) <= len(rows) * Fraction(1, 2 * 10**9)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("focus_sample", "FOCUS-1.0/focus_sample.csv"),
        ("toolkit_aws_1_2", "focus-data-toolkit/focus_1_2_cost_and_usage_aws.csv"),
        ("toolkit_gcp_1_2", "focus-data-toolkit/focus_1_2_cost_and_usage_gcp.csv"),
        ("toolkit_aws_1_3", "focus-data-toolkit/focus_1_3_cost_and_usage_aws.csv"),
    ],
)
def test_focus_tables(table: Any, name: str, file: str) -> None:
    rows, expected = table(name), dict(answers("cloud_bills.json")[file])
    assert_figures(rows, expected.pop("all"))
    if (currencies := expected.pop("by_currency", None)) is not None:
        assert {
            currency: len(found) for currency, found in grouped(rows, lambda r: r["billing_currency"]).items()
        } == currencies
    for grouping, figures in expected.items():
        groups = grouped(rows, FOCUS_KEYS[grouping])
        assert groups.keys() == figures.keys()
        for key, found in groups.items():
            assert_figures(found, figures[key])


def assert_totals(rows: list[Row], expected: dict[str, Any], keys: dict[str, Callable[[Row], Any]]) -> None:
    """Row counts and exact sums, in all and by every grouping."""
    groupings = {name: figures for name, figures in expected.items() if name.startswith("by_")}
    assert groupings.keys() == keys.keys()
    assert (len(rows), billed(rows)) == (expected["rows"], exact(expected["total"]))
    for name, figures in groupings.items():
        found = {key: (len(group), billed(group)) for key, group in grouped(rows, keys[name]).items()}
        assert found == {key: (figure["rows"], exact(figure["total"])) for key, figure in figures.items()}


def test_google_export(table: Any) -> None:
    (file,) = (name for name in answers("cloud_bills.json") if name.startswith("nise/gcp/"))
    keys = {
        "by_invoice.month": lambda row: f"{row['billing_period_start']:%Y%m}",
        "by_service.description": lambda row: row["service_name"],
        "by_currency": lambda row: row["billing_currency"],
    }
    assert_totals(table("google_export"), answers("cloud_bills.json")[file], keys)


@pytest.fixture
def google_export(emulator: str) -> Any:
    """The generated export as Google keeps it: records, repeated records, doubles."""
    (file,) = (DATA / "nise" / "gcp").glob("*.csv")
    rows: list[Row] = []
    with file.open(newline="") as stream:
        for told in csv.DictReader(stream):
            row: Row = {}
            for name, text in told.items():
                top, _, member = name.partition(".")
                value: Any = text or None
                if name in ("credits", "labels", "system_labels"):
                    value = ast.literal_eval(text)
                if member and value is not None and top in STANDARD and member in STANDARD[top]:
                    row.setdefault(top, {})[member] = value
                elif not member and name in STANDARD:
                    row[name] = value
            rows.append(row)
    return make_export(*rows)


def test_google_export_from_bigquery(google_export: Any, lake: Any) -> None:
    source = google_export.source()
    units = list(source.units(Period.of_month(date(2026, 9, 1))))
    assert len(units) == 31  # the last rows of September were exported in October
    rows = [row for unit in units for row in lake(source, unit)["charges"]]
    assert len({row["charge_id"] for row in rows}) == len(rows)
    (file,) = (name for name in answers("cloud_bills.json") if name.startswith("nise/gcp/"))
    costs = [row for row in rows if row["charge_category"] == "Usage"]
    keys = {
        "by_invoice.month": lambda row: f"{row['billing_period_start']:%Y%m}",
        "by_service.description": lambda row: row["service_name"],
        "by_currency": lambda row: row["billing_currency"],
    }
    assert_totals(costs, answers("cloud_bills.json")[file], keys)
    # A free trial of -0.1 an hour on one of the instances.
    credits = [row for row in rows if row["charge_category"] == "Credit"]
    assert (len(credits), billed(credits)) == (720, exact("-72"))
    assert {(row["reduction"], row["charge_description"]) for row in credits} == {("promotional", "FreeTrial")}
    lines = {row["line_id"] for row in costs}
    assert {row["linked_line_ids"][0] for row in credits} <= lines
    assert len(lines) == 3600
    assert billed(rows) == exact("5008.00000320")


# AWS Cost and Usage Reports -------------------------------------------------------------------------------------------


@pytest.fixture
def report(lake: Any, tmp_path: Path) -> Callable[[str, str], list[Row]]:
    """Charges of a legacy report file of a month, delivered into a local folder with a manifest that names it."""

    def read(file: str, month: str) -> list[Row]:
        period = Period.of_month(date.fromisoformat(f"{month}-01"))
        partition = f"{period.start:%Y%m%d}-{period.end:%Y%m%d}"
        folder = tmp_path / "bills" / "report" / partition
        folder.mkdir(parents=True)
        (folder / "report-1.csv").write_bytes((DATA / file).read_bytes())
        named = {"reportKeys": [f"bills/report/{partition}/report-1.csv"]}
        (folder / "report-Manifest.json").write_text(json.dumps(named))
        config = {"name": "aws", "kind": "aws", "format": "legacy_cur", "uri": str(tmp_path / "bills" / "report")}
        source = registry.load("billing", config)
        assert list(source.units(period)) == [month]
        found: list[Row] = lake(source, month)["charges"]
        return found

    return read


AWS_KEYS: dict[str, Callable[[Row], Any]] = {
    "by_lineItem/ProductCode": lambda row: row["service_name"],
    "by_lineItem/UsageAccountId": lambda row: row["sub_account_id"],
}


def test_aws_report(report: Any) -> None:
    rows, figures = report("focus-converters/aws_cur_sample-anonymous.csv", "2023-11"), answers("cloud_bills.json")
    keys = AWS_KEYS | {"by_lineItem/LineItemType": lambda row: row["charge_category"]}
    assert_totals(rows, figures["focus-converters/aws_cur_sample-anonymous.csv"], keys)
    repeated = figures["aws_cur_duplicates"]
    assert len({row["line_id"] for row in rows}) == repeated["distinct_LineItemId"]
    assert len({row["charge_id"] for row in rows}) == repeated["distinct_LineItemId_TimeInterval"] == repeated["rows"]


def test_generated_aws_report(report: Any) -> None:
    rows = report("nise/aws/September-2026-None.csv", "2026-09")
    assert_totals(rows, answers("cloud_bills.json")["nise/aws/September-2026-None.csv"], AWS_KEYS)
    assert len({row["charge_id"] for row in rows}) == len(rows)


def test_generated_aws_report_without_rows(report: Any) -> None:
    assert report("nise/aws/October-2026-None.csv", "2026-10") == []
