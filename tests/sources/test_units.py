"""A unit as bills write it: what it measures and how much of that it is, or nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from reconcilers.sources import units


@pytest.mark.parametrize(
    ("text", "measures", "size"),
    [
        ("Tokens", "tokens", "1"),
        ("Million Tokens", "tokens", "1000000"),
        ("1 Million Tokens", "tokens", "1000000"),
        ("1M Tokens", "tokens", "1000000"),
        ("1000000 Tokens", "tokens", "1000000"),
        ("1,000 tokens", "tokens", "1000"),
        ("thousand tokens", "tokens", "1000"),
        ("1000_tokens", "tokens", "1000"),
        ("MTok", "tokens", "1000000"),
        ("Billion characters", "characters", "1000000000"),
        ("duration_seconds", "seconds", "1"),
        ("duration_minutes", "seconds", "60"),
        ("duration_hours", "seconds", "3600"),
        ("gibibyte_hours", "gb_hours", "1"),
        ("images", "images", "1"),
        ("characters", "characters", "1"),
        ("Hrs", "seconds", "3600"),
        ("Queries", "searches", "1"),
        ("1000 Queries", "requests", "1000"),
        ("10K Transactions", "requests", "10000"),
        ("Searches", "searches", "1"),
        ("MB", "bytes", "1000000"),
        ("GiB", "bytes", "1073741824"),
        ("GiB-Hours", "gb_hours", "1"),
        ("GB-Hours", "gb_hours", "0.931322574615478515625"),
        ("1000 Read Units", "read_units", "1000"),
        ("Write Units", "write_units", "1"),
        ("Millions of Tokens", "tokens", "1000000"),
        ("1M Input Tokens", "tokens", "1000000"),
        ("Cached Text Tokens", "tokens", "1"),
        ("1,000.00 Tokens", "tokens", "1000"),
        ("MTokens", "tokens", "1000000"),
        ("API Requests", "requests", "1"),
        ("Gigabytes", "bytes", "1000000000"),
        ("Mebibytes", "bytes", "1048576"),
        ("Gigabyte-Hours", "gb_hours", "0.931322574615478515625"),
    ],
)
def test_a_unit_is_read(text: str, measures: str, size: str) -> None:
    found = units.unit(text)
    assert found is not None
    assert measures in found.measures
    assert found.size == Decimal(size)


@pytest.mark.parametrize(
    "text",
    [
        "Units",
        "1M",
        "LCU-Hours",
        "GB-Months",
        "msec",
        "million",
        "",
        "-1 Tokens",
        "Tokens per day",
        "0 Tokens",
        "Gb",
        "1Gib",
    ],
)
def test_a_unit_that_tells_nothing_is_none(text: str) -> None:
    assert units.unit(text) is None
