"""How each kind is asked what all are asked (``test_shared_contract.py``): its case, who serves it, what is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconcilers.sample_company.providers.paper import pdf
from tests.sources import far_sides
from tests.sources.accepted import FIXTURES, Case
from tests.sources.far_sides import Delivery, FarSide, Folder

#: (part of an object's name, regular expression, what stands in its place); ``{}`` is where a test puts its own.
Edits = tuple[tuple[str, str, str], ...]
#: Edits, or why a kind has nothing to edit, in words.
Point = Edits | str


@dataclass(frozen=True)
class Entry:
    """``restated`` says something else and is as good; ``text`` is one that no rule reads; ``empty`` has no rows left, and
    ``empty_is`` how that is refused, where it is. ``unread`` are objects that no delivery in force counts.

    Of bills and invoices alone: ``currency`` where one is told, ``unit`` where a unit of measure is; ``total`` makes a
    control differ.
    """

    case: str
    side: type[FarSide]
    restated: Edits
    text: Edits
    empty: Edits
    currency: Point = ""
    unit: Point = ""
    total: Point = ""
    empty_is: str | None = None
    unread: tuple[str, ...] = ()

    def accepted(self, room: str, kind: str) -> dict[str, int]:
        """How many rows of each entity were accepted of the case."""
        return {entity: len(rows) for entity, rows in Case(self._folder(room, kind)).accepted().items()}

    def config(self, room: str, kind: str) -> dict[str, Any]:
        """The case's settings without where it is."""
        return {**yaml.safe_load((self._folder(room, kind) / "source.yaml").read_text()), "kind": kind}

    def received(self, room: str, kind: str) -> dict[str, bytes]:
        """What the case's provider delivered."""
        folder = self._folder(room, kind) / "received"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}

    def _folder(self, room: str, kind: str) -> Path:
        return FIXTURES / room / kind / self.case


def edited(delivery: Delivery, edits: Edits, put: str = "", most: int = 0) -> dict[str, bytes]:
    """The delivery with every edit made, ``most`` times an object at the most; an edit that finds nothing is an error.

    ``put`` is written as the object's format writes a text.
    """
    changed = dict(delivery)
    for part, old, new in edits:
        names = [name for name in changed if part in name]
        found = 0
        for name in names:
            text = _text_of(name, changed[name])
            made = new.replace("{}", _written(name, put))
            text, times = re.subn(old, lambda _, made=made: made, text, count=most, flags=re.DOTALL)
            changed[name], found = _content_of(name, text), found + times
        assert found, f"nothing is {old!r} in {names}"
    return changed


def sayable(delivery: Delivery, text: str) -> str:
    """What of a text the delivery's format can hold: a page is drawn with the signs of its font."""
    if not any(name.endswith(".pdf") for name in delivery):
        return text
    return "".join(sign for sign in text if sign.isprintable()).encode("cp1252", "ignore").decode("cp1252")


def _written(name: str, text: str) -> str:
    if name.endswith(".csv"):
        doubled = text.replace('"', '""')
        return text if text.isalnum() else f'"{doubled}"'
    return text if name.endswith(".pdf") else json.dumps(text, ensure_ascii=False)[1:-1]


def _text_of(name: str, content: bytes) -> str:
    if not name.endswith(".pdf"):
        return content.decode("utf-8", "surrogateescape")
    drawn = re.findall(rb"\((.*)\) Tj", content)
    return "\n".join(re.sub(r"\\(.)", r"\1", line.decode("cp1252")) for line in drawn)


def _content_of(name: str, text: str) -> bytes:
    return pdf(text.split("\n")) if name.endswith(".pdf") else text.encode("utf-8", "surrogateescape")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


_NO_ROWS = (("", r'"results": \[.*?\n      \]', '"results": []'),)
_HEADER_ONLY = r"(?<=\n).*"
_OWN_UNIT = "each count has a name of its own, which says what is counted"
_NO_CONTROL = "no total and no count of rows is delivered with it; a file is as long as its folder lists it"
_ONLY_FILES = "the manifest tells files, no total and no count of rows; test_aws.py asks that all of them are there"
_ONLY_PARTS = "no total and no count of rows is delivered with a report; test_oci.py asks that it is all of its parts"

TABLE: Mapping[tuple[str, str], Entry] = {
    ("billing", "anthropic"): Entry(
        case="day",
        side=far_sides.Anthropic,
        restated=(("costs/0001", '"750.000000"', '"751.000000"'), ("costs_total", '"1462.', '"1463.')),
        text=(("costs/", '"wrkspc_reports"', '"{}"'),),
        empty=_NO_ROWS,
        currency=(("costs", '"currency": "USD"', '"currency": "{}"'),),
        unit=_OWN_UNIT,
        total=(("costs_total", '"1462.', '"1463.'),),
    ),
    ("billing", "aws"): Entry(
        case="focus_1_2",
        side=Folder,
        restated=(("/daily-0", "0.00042,0.00042", "0.00043,0.00043"),),
        text=(("/daily-0", "222233334444", "{}"),),
        empty=(("/daily-0", _HEADER_ONLY, ""),),
        currency=(("/daily-0", ",USD,", ",{},"),),
        unit=(("/daily-0", ",1K tokens,", ",{},"),),
        total=_ONLY_FILES,
    ),
    ("billing", "azure"): Entry(
        case="focus_1_2",
        side=Folder,
        restated=(("202609150610/10000000-0000-4000-8000-000000000002/part_0", "2.583,2.583,2", "2.6,2.6,2"),),
        text=(("/part_", "Azure OpenAI - gpt 4.1 Inp glbl Tokens", "{}"),),
        empty=(("/part_", _HEADER_ONLY, ""), ("manifest", r'"dataRowCount": \d', '"dataRowCount": 0')),
        currency=(("/part_", ",EUR,", ",{},"),),
        unit="a quantity follows from the price of a block and the cost it made, whatever the block is called (D61)",
        unread=("20260901-20260930/202609140612/f0000000-0000-4000-8000-000000000001/part_0_0001.csv",),
        total=(
            ("202609150610/10000000-0000-4000-8000-000000000002/manifest", '"dataRowCount": 4', '"dataRowCount": 5'),
        ),
    ),
    ("billing", "databricks"): Entry(
        case="tables",
        side=Folder,
        restated=(("usage/ingestion_date=2026-09-15", ",DBU,12.5,", ",DBU,12.25,"),),
        text=(("usage/", "1234567890123456", "{}"),),
        empty=(("usage/", _HEADER_ONLY, ""),),
        currency=(("prices/", ",USD,", ",{},"),),
        unit="a DBU measures no meter, so no line of it has a quantity",
        total=_NO_CONTROL,
    ),
    ("billing", "focus_file"): Entry(
        case="month_to_date",
        side=Folder,
        restated=(("0904", "8230.452", "8231"),),
        text=(("", "ws-search", "{}"),),
        empty=(("", _HEADER_ONLY, ""),),
        currency=(("", ",USD,", ",{},"),),
        unit=(("", ",(1K )?tokens,", ",{},"),),
        total=_NO_CONTROL,
    ),
    ("billing", "gcp"): Entry(
        case="standard",
        side=far_sides.GoogleExport,
        restated=(("", '"cost":0.07', '"cost":0.08'),),
        text=(("", '"tenant-a"', '"{}"'),),
        empty=(("", ".*", ""),),
        currency=(("", '"currency":"USD"', '"currency":"{}"'),),
        unit=(("", '"unit":"[a-z]+"', '"unit":"{}"'),),
        total="rows are counted before they are read, which test_gcp.py asks; a sum would be one of doubles",
        empty_is="no row was exported on that day",
    ),
    ("billing", "gpu_hours"): Entry(
        case="pods",
        side=Folder,
        restated=(("09-15", "7.25", "7.5"),),
        text=(("", "ip-10-0-0-1", "{}"),),
        empty=(("", _HEADER_ONLY, ""),),
        currency="rates are declared in the settings, each with its currency",
        unit="hours and GPUs are columns of their own",
        total=_NO_CONTROL,
    ),
    ("billing", "mapped_bill"): Entry(
        case="audio_invoice",
        side=Folder,
        restated=(("", "2450", "2451"),),
        text=(("", '"ws-1"', '"{}"'),),
        empty=(("", ".*", ""),),
        empty_is="no row tells its total",
        currency=(("", '"currency": "EUR"', '"currency": "{}"'),),
        unit="the case's unit is declared in the settings; of one that a column tells test_focus.py asks",
        total=(("", '"cents": 11444', '"cents": 11445'),),
    ),
    ("billing", "oci"): Entry(
        case="cost_report",
        side=Folder,
        restated=(("", ",1.25,0,", ",1.30,0,"),),
        text=(("", ",search(?=\n)", ",{}"),),
        empty=(("", _HEADER_ONLY, ""),),
        currency=(("", ",EUR,", ",{},"),),
        unit="a transaction measures no meter, so no line of the case has a quantity; test_oci.py has one of tokens",
        total=_ONLY_PARTS,
    ),
    ("billing", "openai"): Entry(
        case="day",
        side=far_sides.OpenAI,
        restated=(("costs/0001", '"value": 0.8,', '"value": 0.9,'), ("costs_total", "2.7350", "2.8350")),
        text=(("costs/", '"proj_search"', '"{}"'),),
        empty=_NO_ROWS,
        currency=(("costs", '"currency": "usd"', '"currency": "{}"'),),
        unit=(("costs/", '"quantity_unit": "[a-z]+"', '"quantity_unit": "{}"'),),
        total=(("costs_total", "2.7350", "2.8350"),),
    ),
    ("billing", "openrouter"): Entry(
        case="day",
        side=far_sides.OpenRouter,
        restated=(
            ("activity.json", '"usage":0.117', '"usage":0.217'),
            ("activity_total", '"usage":1.118', '"usage":1.218'),
        ),
        text=(("activity.json", '"7c9e6679-7425-40de-944b-e07fc1f90ae7"', '"{}"'),),
        empty=(("", r'"data":\[.*\]', '"data":[]'),),
        currency="amounts are credits of 1 USD, and no member names a currency",
        unit=_OWN_UNIT,
        total=(("activity_total", '"usage":1.118', '"usage":1.218'),),
    ),
    ("billing", "snowflake"): Entry(
        case="views",
        side=Folder,
        restated=(("daily/", ",7.50,", ",7.60,"), ("total", "282.85", "282.95")),
        text=(("daily/", "PROD", "{}"), ("cortex", "PROD", "{}")),
        empty=(("daily/", _HEADER_ONLY, ""), ("total", _HEADER_ONLY, ""), ("cortex", _HEADER_ONLY, "")),
        currency=(("daily/", ",USD,", ",{},"), ("total", "USD,", "{},")),
        unit=(("cortex", '""unit"":""[a-z]+""', '""unit"":""wishes""'),),
        total=(("total", "282.85", "282.95"),),
    ),
    ("invoices", "invoice_aws"): Entry(
        case="september",
        side=far_sides.AWSInvoices,
        restated=(("0001", '"12.345678"', '"12.50"'),),
        text=(("", '"Anthropic, PBC"', '"{}"'),),
        empty=(("", r"\[.*\](?=[,}])", "[]"),),
        currency=(("", '"CurrencyCode": "USD"', '"CurrencyCode": "{}"'),),
        unit="an invoice's lines tell no quantity",
        total="a total that its lines do not make is a break of its own, `invoice_total`",
    ),
    ("invoices", "invoice_azure"): Entry(
        case="september",
        side=far_sides.AzureInvoices,
        restated=(("0001", "59.5", "60.5"), ("0001", "9.5}", "10.5}")),
        text=(("", "T100000004", "{}"),),
        empty=(("", r'"value":\[.*\]', '"value":[]'), ("", '"totalCount":5', '"totalCount":0')),
        currency=(("", '"currency":"USD"', '"currency":"{}"'),),
        unit="an invoice's lines tell no quantity",
        total="a total that its lines do not make is a break of its own, `invoice_total`",
    ),
    ("invoices", "invoice_file"): Entry(
        case="focus_lines",
        side=Folder,
        restated=(("", "-40.00,-40", "-41.00,-41"),),
        text=(("", "API usage September", "{}"),),
        empty=(("", _HEADER_ONLY, ""),),
        currency=(("", ",(USD|usd),", ",{},"),),
        unit="an invoice's lines tell no quantity",
        total="a total that its lines do not make is a break of its own, `invoice_total`",
    ),
    ("invoices", "invoice_gcp"): Entry(
        case="september",
        side=Folder,
        restated=(("", r"50\.0,50\.00", "51.0,51.00"), ("", r"113\.05", "114.05")),
        text=(("", "Output tokens", "{}"),),
        empty=(("", r"\nAcme,.*", "\n"),),
        empty_is="its rows come to 0 and 113.05 is due",
        currency=(("", '"USD"', '"{}"'),),
        unit="its quantities are those of the bill, and no line of an invoice has one",
        total=(("", r"\$113\.05", "$114.05"),),
    ),
    ("invoices", "invoice_pdf"): Entry(
        case="us_letter",
        side=Folder,
        restated=(("", r"\$40\.00", "$41.00"), ("", r"1,270\.50", "1,271.50"), ("", r"1,511\.90", "1,512.90")),
        text=(("", "API usage, example-large", "{}"),),
        empty=(("", ".*", ""),),
        currency=(("", " USD", " {}"),),
        unit="an invoice's lines tell no quantity",
        total=(("", r"1,270\.50", "1,271.50"),),
        empty_is="its pages hold no text",
    ),
    ("telemetry", "bedrock_invocation_logs"): Entry(
        case="hour",
        side=Folder,
        restated=(("", '"outputTokenCount": 38', '"outputTokenCount": 39'),),
        text=(("", '"ticket-7"', '"{}"'),),
        empty=(("", ".*", ""),),
    ),
    ("telemetry", "litellm"): Entry(
        case="day",
        side=far_sides.LiteLLM,
        restated=(("", '"completion_tokens": 120', '"completion_tokens": 121'),),
        text=(("", '"ticket-1"', '"{}"'),),
        empty=(("", ".*", ""),),
    ),
    ("telemetry", "mapped"): Entry(
        case="calls_csv",
        side=Folder,
        restated=(("", ",0.006,", ",0.007,"),),
        text=(("", "ten_b", "{}"),),
        empty=(("", _HEADER_ONLY, ""),),
    ),
    ("telemetry", "mapped_bigquery"): Entry(
        case="calls",
        side=far_sides.GoogleCalls,
        restated=(("", '"input":120', '"input":121'),),
        text=(("", '"ticket-1"', '"{}"'),),
        empty=(("", ".*", ""),),
    ),
    ("telemetry", "otlp"): Entry(
        case="otel_genai",
        side=Folder,
        restated=(("", '"1000"', '"1001"'),),
        text=(("", '"t-1"', '"{}"'),),
        empty=(("", ".*", ""),),
    ),
    ("revenue", "revenue_file"): Entry(
        case="invoices",
        side=Folder,
        restated=(("", ",1200.00", ",1201.00"),),
        text=(("", "ten_a", "{}"),),
        empty=(("", _HEADER_ONLY, ""),),
    ),
    ("revenue", "stripe"): Entry(
        case="month",
        side=far_sides.Stripe,
        restated=(("refunds", '"amount": 250', '"amount": 260'),),
        text=(("", '"ten_beta"', '"{}"'),),
        empty=(("", r'"data": \[.*\](?=,\n  "has_more": false,\n  "url")', '"data": []'),),
    ),
}
