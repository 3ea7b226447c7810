"""FOCUS bills as CSV: amounts, quantities, times, words and tags of one line, and the shapes of a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected

BASE = {
    "BilledCost": "10.00",
    "EffectiveCost": "10.00",
    "ListCost": "10.00",
    "BillingAccountId": "acct",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-09-01T00:00:00Z",
    "ChargePeriodStart": "2026-09-10T00:00:00Z",
    "ChargePeriodEnd": "2026-09-11T00:00:00Z",
    "ChargeCategory": "Usage",
    "ServiceName": "LLM",
    "ConsumedQuantity": "1000",
    "ConsumedUnit": "Tokens",
    "x_Model": "m1",
    "x_Meter": "input_tokens",
    "x_Batch": "",
    "Tags": "",
}
FILE = "bill.csv"


def bill(*rows: dict[str, str], end: str = "\n") -> bytes:
    """A bill of one good line and then these, each of which differs from it by what it says."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(BASE), lineterminator=end)
    writer.writeheader()
    writer.writerows([BASE, *(BASE | row for row in rows)])
    return text.getvalue().encode("utf-8", "surrogatepass")


GOOD = bill()
HEADER, LINE = GOOD.decode().splitlines()
ONE = Good("charges", 1, {"billed_cost": "10"})


def good(**values: Any) -> Good:
    return Good("charges", 2, values)


def refused(says: str) -> Refused:
    return Refused(says, 3, FILE)


def unread(says: str) -> Rejected:
    """The line counts, its tags do not."""
    return Rejected(says, 3, "charges", 2, {"tags": None, "billed_cost": "10"})


NO_AMOUNT, NO_TIME = refused("is not a plain decimal amount"), refused("ChargePeriodStart: ")

AMOUNTS: dict[str, Gets] = {
    "1.1": good(billed_cost="1.1"),
    "+5": good(billed_cost="5"),
    "0": good(billed_cost="0"),
    "-0": good(billed_cost="0"),
    "-0.0": good(billed_cost="0"),
    "-12.30": good(billed_cost="-12.3", billed_cost_text="-12.30"),
    ".5": good(billed_cost="0.5"),
    "5.": good(billed_cost="5"),
    "00012": good(billed_cost="12"),
    " 7.50 ": good(billed_cost="7.5"),
    "7\n": good(billed_cost="7"),
    "3E+2": good(billed_cost="300"),
    "3e-06": good(billed_cost="0.000003"),
    "0E-999": good(billed_cost="0"),
    "0.0000000004": good(billed_cost="0", billed_cost_residual="400000000000000000"),
    "0.0000000005": good(billed_cost="0.000000001", billed_cost_residual="-500000000000000000"),
    "-0.0000000005": good(billed_cost="-0.000000001", billed_cost_residual="500000000000000000"),
    "1." + "1" * 50: good(billed_cost="1.111111111", billed_cost_residual="111111111111111111"),
    "9000000000": good(billed_cost="9000000000"),
    "-9000000000": good(billed_cost="-9000000000"),
    "9000000000.000000001": refused("beyond 9000000000"),
    "-99999999999.5": refused("beyond 9000000000"),
    "99999999999999999": refused("beyond 9000000000"),
    "1e18": refused("outside the range"),
    "1e400": refused("outside the range"),
    "1e-400": refused("outside the range"),
    "1E+999999": NO_AMOUNT,
    "9" * 5000: refused("outside the range"),
    "": refused("BilledCost is empty"),
    "NULL": refused("BilledCost is empty"),
    "\\N": refused("BilledCost is empty"),
    **dict.fromkeys(
        (
            *("   ", "NaN", "nan", "-nan", "sNaN", "Infinity", "-inf", "None", "N/A", "-", "true", "#REF!", "=1+1"),
            *("1_000", "1,234.5", "1.234,5", "1 000", "1'000", "1\u00a0000", "$5", "5 USD", "5€", "5%", "(5.00)"),
            *("5-", "--5", "−5", "0x10", "1e", "e5", "1.2.3", "1..2", ".", "+", "5\u200b", "１２", "٣", "5\0"),
            *('"5"', "5;", "[5]", "1/2", "1e5.5"),
        ),
        NO_AMOUNT,
    ),
}

QUANTITIES: dict[tuple[str, str], Gets] = {
    ("2", "1K tokens"): good(quantity="2000"),
    ("2", "1 Million Tokens"): good(quantity="2000000"),
    ("2", "Millions of tokens"): good(quantity="2000000"),
    ("2", "1,000 Tokens"): good(quantity="2000"),
    ("1e3", "Tokens"): good(quantity="1000"),
    ("-5", "Tokens"): good(quantity="-5"),
    ("1000.4", "Tokens"): good(quantity="1000.4"),
    ("1", " TOKENS "): good(quantity="1"),
    ("9000000000000", "Tokens"): good(quantity="9000000000000"),
    # No unit that a meter counts in: the amount counts, the quantity is not known.
    ("1", "0 Tokens"): good(quantity=None, billed_cost="10"),
    ("1", "-1000 Tokens"): good(quantity=None),
    ("1", "1e3 Tokens"): good(quantity=None),
    ("1", "LCU-Hours"): good(quantity=None),
    ("1", "Kb"): good(quantity=None),
    ("1", ""): good(quantity=None),
    ("", "Tokens"): good(quantity=None),
    # A unit of another meter: one of the two was misread.
    ("1", "Seconds"): good(quantity=None, meter=None),
    ("9000000000001", "Tokens"): refused("more than a bill counts"),
    ("-9000000000001", "Tokens"): refused("more than a bill counts"),
    ("1", "99999999999999999999 Tokens"): refused("more than a bill counts"),
    ("9000000001", "1K tokens"): refused("more than a bill counts"),
    ("1e30", "Tokens"): refused("ConsumedQuantity: '1e30' is outside the range"),
    ("NaN", "Tokens"): refused("ConsumedQuantity: 'NaN'"),
    ("many", "Tokens"): refused("ConsumedQuantity: 'many'"),
}

TIMES: dict[str, Gets] = {
    "2026-09-10": good(charge_period_start="2026-09-10 00:00:00"),
    "20260910": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-W37-4": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-09-10T01:00": good(charge_period_start="2026-09-10 01:00:00"),
    "2026-09-10 00:00:00 UTC": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-09-10 02:00:00.000 +0200": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-09-10T02:00:00+02:00": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-09-09T12:00:00-12:00": good(charge_period_start="2026-09-10 00:00:00"),
    "2026-09-10T00:00:00.1234567Z": good(charge_period_start="2026-09-10 00:00:00.123456"),
    "1970-01-21T16:56:38Z": refused("it looks like 2026-09-09 in another unit of time"),
    **dict.fromkeys(
        ("1970-01-01", "0001-01-01", "0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z"),
        refused("is not from 2000 to 2200"),
    ),
    "": refused("ChargePeriodStart is empty"),
    **dict.fromkeys(
        (
            *("2026-02-30", "2026-13-01", "2026-09-31", "2026-9-1", "2026-09-10T24:00:00Z", "2026-09-10T23:59:60Z"),
            *(
                "2026-09-10T00:00:00+99:99",
                "2026-09-10T00:00:00+24:00",
                "2026-09-10T25:00",
                "9999-12-31T23:59:59-05:00",
            ),
            *(
                "09/10/2026",
                "10.09.2026",
                "Sep 10 2026",
                "1788998400",
                "1788998400000",
                "1788998400000000000",
                "46275.5",
            ),
            *(
                "today",
                "0000-00-00",
                "-2026-09-10",
                "+12026-09-10",
                "2026-09-10T",
                "2026‐09‐10",
                "２０２６-09-10",
                "2026-09-10\0",
            ),
        ),
        NO_TIME,
    ),
}

#: (column, text) of what else a line says.
WORDS: dict[tuple[str, str], Gets] = {
    ("BillingCurrency", "usd"): good(billing_currency="USD"),
    ("BillingCurrency", " Usd "): good(billing_currency="USD"),
    # A currency without a rate is a break of its own, in its own currency.
    ("BillingCurrency", "XXX"): good(billing_currency="XXX"),
    ("BillingCurrency", ""): refused("BillingCurrency is empty"),
    **{
        ("BillingCurrency", text): refused("is not an ISO 4217 code")
        for text in ("US", "US$", "EURO", "U S", "$", "€", "ＵＳＤ", "840", "USD;", "ÄÖÜ")
    },
    ("BillingPeriodStart", "202609"): good(billing_period_start="2026-09-01"),
    ("BillingPeriodStart", "2026-09"): good(billing_period_start="2026-09-01"),
    ("BillingPeriodStart", "2026-09-17"): good(billing_period_start="2026-09-01"),
    ("BillingPeriodStart", "2026-13"): refused("BillingPeriodStart"),
    ("BillingPeriodStart", "202600"): refused("BillingPeriodStart"),
    ("BillingPeriodStart", "1970-01-01"): refused("is not from 2000 to 2200"),
    ("BillingPeriodStart", "9999-12-31T23:59:59-05:00"): refused("is out of range"),
    ("BillingPeriodStart", ""): refused("BillingPeriodStart is empty"),
    ("ChargePeriodEnd", "2026-09-10T00:00:00Z"): good(charge_period_end="2026-09-10 00:00:00"),
    ("ChargePeriodEnd", "2026-09-09T00:00:00Z"): refused("is before ChargePeriodStart"),
    ("ChargePeriodEnd", "9999-12-31"): refused("is not from 2000 to 2200"),
    ("ChargePeriodEnd", "9999-12-31T23:59:59-05:00"): refused("is out of range"),
    ("ChargePeriodEnd", ""): refused("ChargePeriodEnd is empty"),
    ("ChargeCategory", "usage"): good(charge_category="Usage"),
    ("ChargeCategory", "USAGE"): good(charge_category="Usage"),
    ("ChargeCategory", ""): refused("ChargeCategory is empty"),
    ("ChargeCategory", "Usages"): refused("is none of Usage"),
    ("ChargeCategory", "Usage\0"): refused("is none of Usage"),
    ("EffectiveCost", ""): refused("EffectiveCost is empty"),
    ("EffectiveCost", "1e10"): refused("beyond 9000000000"),
    ("ListCost", ""): good(list_cost=None),
    ("ListCost", "ten"): refused("ListCost: 'ten'"),
    ("ListCost", "10000000000"): refused("beyond 9000000000"),
    ("x_Batch", "TRUE"): good(batch="true"),
    ("x_Batch", "yes"): refused("x_Batch: 'yes' is neither true nor false"),
    ("x_Batch", "1"): refused("x_Batch: '1' is neither true nor false"),
    ("x_Meter", "Input Tokens"): good(meter="input_tokens"),
    # A meter nobody knows keeps its money, which is a break `unmapped`.
    ("x_Meter", "wishes"): good(meter="wishes", billed_cost="10"),
    ("x_Meter", ""): good(meter=None, billed_cost="10"),
    ("x_Model", ""): good(model=None, billed_cost="10"),
    ("BillingAccountId", " acct "): good(billing_account_id="acct"),
    ("BillingAccountId", "a\r\nb"): good(billing_account_id="a\r\nb"),
    ("BillingAccountId", "x" * 10_000): good(billing_account_id="x" * 10_000),
    ("BillingAccountId", "'; drop table charges; --"): good(billing_account_id="'; drop table charges; --"),
    ("BillingAccountId", '=HYPERLINK("http://x")'): good(billing_account_id='=HYPERLINK("http://x")'),
    ("BillingAccountId", "<script>alert(1)</script>"): good(billing_account_id="<script>alert(1)</script>"),
    ("BillingAccountId", "../../etc/passwd"): good(billing_account_id="../../etc/passwd"),
    ("BillingAccountId", "%s%n{0}"): good(billing_account_id="%s%n{0}"),
    ("BillingAccountId", "0123"): good(billing_account_id="0123"),
    ("BillingAccountId", "🦄\u202etxet"): good(billing_account_id="🦄\u202etxet"),
    ("BillingAccountId", "a\0b"): good(billing_account_id="a\0b"),
    ("BillingAccountId", "\x1b[31mred"): good(billing_account_id="\x1b[31mred"),
    ("BillingAccountId", "\ud800"): refused("byte 0xed is not UTF-8"),
}

TAGS: dict[str, Gets] = {
    '{"team":"a"}': good(tags='{"team":"a"}'),
    '{"a":{"b":null}}': good(tags='{"a":{"b":null}}'),
    "{}": good(tags="{}"),
    **dict.fromkeys(
        (
            *(
                "{not json",
                "[]",
                '"x"',
                "1",
                "true",
                "{'a': 'b'}",
                '{"a":"b"',
                "a=b;c=d",
                '{"a":NaN}',
                '{"a":Infinity}',
            ),
            *(
                '{"a":1,"a":2}',
                '{"a":"\\ud800"}',
                '{"a":1}{"b":2}',
                '{"a":1,}',
                "{a:1}",
                '"a": "b","c": "d"',
                '{"a":' * 5_000,
            ),
        ),
        unread("is no JSON object"),
    ),
}

NO_COLUMN = Refused("is missing", None, FILE)


def line(says: str, number: int) -> Refused:
    return Refused(says, number, FILE)


def _with(*more: str) -> bytes:
    return "\n".join((HEADER, LINE, *more, "")).encode()


SHAPES: dict[str, tuple[Content, Gets]] = {
    "empty": (b"", Refused("no header", None, FILE)),
    "only a byte order mark": ("\ufeff".encode(), Refused("no header", None, FILE)),
    "only blank lines": (b"\n\n\n", Refused("no header", None, FILE)),
    "only a header": (f"{HEADER}\n".encode(), Good("charges", 0, {})),
    "a header without a line end": (HEADER.encode(), Good("charges", 0, {})),
    "byte order mark": ("\ufeff".encode() + GOOD, ONE),
    "two byte order marks": ("\ufeff\ufeff".encode() + GOOD, NO_COLUMN),
    "no line end at the end": (GOOD.rstrip(b"\n"), ONE),
    "lines end with CRLF": (bill(end="\r\n"), ONE),
    "lines end with CR": (bill(end="\r"), ONE),
    "blank lines between": (f"{HEADER}\n\n{LINE}\n\n\n".encode(), ONE),
    "header in another case": (f"{HEADER.upper()}\n{LINE}\n".encode(), ONE),
    "blanks around column names": (f"{HEADER.replace(',', ' , ')}\n{LINE}\n".encode(), ONE),
    "a hundred thousand more columns": (
        f"{HEADER},{','.join(f'c{n}' for n in range(100_000))}\n{LINE}{',' * 100_000}\n".encode(),
        ONE,
    ),
    "header twice": (_with(HEADER), line("BilledCost: 'BilledCost'", 3)),
    "a comment above": (f"# exported today\n{HEADER}\n{LINE}\n".encode(), NO_COLUMN),
    "a title above": (f"Bill of September{',' * 15}\n{HEADER}\n{LINE}\n".encode(), NO_COLUMN),
    "a total below": (_with("Total,20.00"), line("2 fields where the header has 16", 3)),
    "a total below, filled up": (_with(f"20.00,20.00,20.00,Total{',' * 12}"), line("is empty", 3)),
    "end-of-file mark of DOS": (_with("\x1a"), line("1 fields where the header has 16", 3)),
    "one field more": (_with(f"{LINE},x"), line("17 fields where the header has 16", 3)),
    "one field less": (_with(LINE.rpartition(",")[0]), line("15 fields where the header has 16", 3)),
    "no header": (f"{LINE}\n{LINE}\n".encode(), Refused("appears twice", None, FILE)),
    "a column is missing": (f"{HEADER.replace('BilledCost', 'Cost')}\n{LINE}\n".encode(), NO_COLUMN),
    "a column twice": (
        f"{HEADER.replace('Tags', 'BilledCost')}\n{LINE}\n".encode(),
        Refused("appears twice", None, FILE),
    ),
    "a column twice in another case": (
        f"{HEADER.replace('Tags', 'billedcost')}\n{LINE}\n".encode(),
        Refused("appears twice", None, FILE),
    ),
    "semicolons": (GOOD.replace(b",", b";"), Refused("separated by semicolons", None, FILE)),
    "tabs": (GOOD.replace(b",", b"\t"), Refused("separated by tabs", None, FILE)),
    "bars": (GOOD.replace(b",", b"|"), Refused("separated by bars", None, FILE)),
    "UTF-16": (GOOD.decode().encode("utf-16"), line("byte 0xff is not UTF-8", 1)),
    "UTF-16 without a mark": (GOOD.decode().encode("utf-16-le"), NO_COLUMN),
    "UTF-32": (GOOD.decode().encode("utf-32"), line("byte 0xff is not UTF-8", 1)),
    "Latin-1": (GOOD + LINE.replace("acct", "Zürich").encode("latin-1") + b"\n", line("byte 0xfc is not UTF-8", 3)),
    "overlong UTF-8": (GOOD + LINE.encode().replace(b"acct", b"\xc0\xaf") + b"\n", line("byte 0xc0 is not UTF-8", 3)),
    "quote not closed": (_with(LINE.replace("acct", '"acct')), line("not a readable CSV file", 3)),
    "text after a quote": (_with(LINE.replace("acct", '"ac"ct')), line("not a readable CSV file", 3)),
    "backslash before a quote": (_with(LINE.replace("acct", '"a\\"b"')), line("not a readable CSV file", 3)),
    "a field of 200 kB": (_with(LINE.replace("acct", "x" * 200_000)), line("field larger than field limit", 3)),
    "a line without end": (lambda: GOOD + b"x," * (9 << 20), line("a line of more than 16 million characters", 3)),
    "NUL bytes at the end": (GOOD + bytes(512), line("1 fields where the header has 16", 3)),
    "NUL bytes only": (bytes(512), NO_COLUMN),
    "JSON": (b'{"BilledCost": 10}\n', NO_COLUMN),
    "an error page": (b"<html><body>503 Service Unavailable</body></html>\n", NO_COLUMN),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", line("byte 0xe2 is not UTF-8", 2)),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 10\n", NO_COLUMN),
    "equal lines": (bill({}, {}), Good("charges", 3, {"billed_cost": "10"})),
}

REPORT = "ChargePeriodStart,ChargePeriodEnd,ConsumedQuantity,ConsumedUnit,x_Meter\n"
#: Lines of a usage report (rule R10).
REPORTED: dict[str, Gets] = {
    "2026-09-10,2026-09-11,1000,Tokens,input_tokens": Good("provider_usage", 1, {"quantity": "1000"}),
    "2026-09-10,2026-09-12,1000,Tokens,input_tokens": Refused("is of one UTC day", 2, "usage.csv"),
    "2026-09-11,2026-09-10,1000,Tokens,input_tokens": Refused("is of one UTC day", 2, "usage.csv"),
    "1970-01-01,1970-01-02,1000,Tokens,input_tokens": Refused("is not from 2000 to 2200", 2, "usage.csv"),
    "2026-09-10,2026-09-11,1000,Tokens,wishes": Refused("is none of input_tokens", 2, "usage.csv"),
    "2026-09-10,2026-09-11,1000,Seconds,input_tokens": Refused("does not measure x_Meter", 2, "usage.csv"),
    "2026-09-10,2026-09-11,1000,,input_tokens": Refused("does not measure x_Meter", 2, "usage.csv"),
    "2026-09-10,2026-09-11,,Tokens,input_tokens": Refused("ConsumedQuantity is empty", 2, "usage.csv"),
    "2026-09-10,2026-09-11,NaN,Tokens,input_tokens": Refused("ConsumedQuantity: 'NaN'", 2, "usage.csv"),
    "2026-09-10,2026-09-11,9e12,1K Tokens,input_tokens": Refused("more than a bill counts", 2, "usage.csv"),
}

#: Names of snapshots.
SNAPSHOTS: dict[str, Gets] = {
    "2026-09.csv": ONE,
    "2026-13.csv": Refused("is no month or day", None, "2026-13.csv"),
    "0000-00.csv": Refused("is no month or day", None, "0000-00.csv"),
}


def inputs() -> Iterator[Input]:
    config = {"kind": "focus_file"}

    def one(name: str, row: dict[str, str], gets: Gets) -> Input:
        return Input("focus csv", name, {FILE: bill(row)}, config, gets)

    for text, gets in AMOUNTS.items():
        yield one(f"amount {text!r:.40}", {"BilledCost": text}, gets)
    for (quantity, unit), gets in QUANTITIES.items():
        yield one(f"quantity {quantity!r} of {unit!r}", {"ConsumedQuantity": quantity, "ConsumedUnit": unit}, gets)
    for text, gets in TIMES.items():
        yield one(f"time {text!r}", {"ChargePeriodStart": text}, gets)
    for (column, text), gets in WORDS.items():
        yield one(f"{column} {text!r:.40}", {column: text}, gets)
    for text, gets in TAGS.items():
        yield one(f"Tags {text!r:.40}", {"Tags": text}, gets)
    for name, (content, gets) in SHAPES.items():
        yield Input("focus csv", name, {FILE: content}, config, gets)
    for text, gets in REPORTED.items():
        files = {"usage.csv": f"{REPORT}{text}\n".encode()}
        yield Input("focus csv", f"report {text}", files, config | {"usage_report": "usage.csv"}, gets)
    for name, gets in SNAPSHOTS.items():
        snapshot = {"delivery": "snapshot", "pattern": r"(?P<period>\d{4}-\d\d)\.csv"}
        yield Input("focus csv", f"snapshot {name}", {name: GOOD}, config | snapshot, gets)
    american = config | {"time_format": "%m/%d/%Y"}
    for text, gets in {
        "09/10/2026": good(charge_period_start="2026-09-10 00:00:00"),
        "10/09/1970": refused("is not from 2000 to 2200"),
        "13/09/2026": NO_TIME,
    }.items():
        yield Input(
            "focus csv",
            f"time_format {text}",
            {
                FILE: bill(
                    {"ChargePeriodStart": text, "ChargePeriodEnd": "09/11/2026", "BillingPeriodStart": "09/01/2026"}
                )
            },
            american,
            gets,
        )
