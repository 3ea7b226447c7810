"""Lines of revenue: each refuses itself, never its file (rule R33)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.inputs.told import Content, Gets, Good, Input, Refused, Rejected

BASE = {
    "revenue_id": "r2",
    "tenant_id": "t1",
    "kind": "invoice",
    "service_period_start": "2026-09-01",
    "service_period_end": "2026-10-01",
    "amount": "100",
    "currency": "USD",
    "feature_id": "f1",
    "bundle_id": "",
    "bills_revenue_id": "",
}
FILE = "revenue.csv"
HEADER, FIRST = ",".join(BASE), ",".join((BASE | {"revenue_id": "r1"}).values())
NO_AMOUNT = "is not a plain decimal amount"


def good(**values: str | None) -> Good:
    return Good("revenue", 2, values)


def rejected(says: str) -> Rejected:
    return Rejected(says, 3, "revenue", 1, {"revenue_id": "r1"})


#: (column, text) of a line behind a good one.
CELLS: dict[tuple[str, str], Gets] = {
    ("amount", "-12.30"): good(amount="-12.3"),
    ("amount", "0.0000000005"): good(amount="0.000000001", amount_text="0.0000000005"),
    ("amount", "9000000000"): good(amount="9000000000"),
    ("amount", "9000000000.1"): rejected("beyond 9000000000"),
    ("amount", "1e19"): rejected("outside the range"),
    ("amount", ""): rejected("amount is empty"),
    **{
        ("amount", text): rejected(NO_AMOUNT)
        for text in ("NaN", "inf", "1e400x", "1_000", "$5", "5 USD", "１２", "(5)", "#N/A")
    },
    ("amount", "1,234.50"): rejected("11 fields where the header has 10; an amount with a comma in it?"),
    ("currency", "usd"): rejected("is not three upper-case letters"),
    ("currency", ""): rejected("currency is empty"),
    ("currency", "US"): rejected("is not three upper-case letters"),
    ("currency", "EURO"): rejected("is not three upper-case letters"),
    ("kind", "Invoice"): rejected("is not one of invoice, accrual"),
    ("kind", ""): rejected("kind is empty"),
    ("kind", "accrual"): good(kind="accrual"),
    ("service_period_start", "2026-02-30"): rejected("is no day, YYYY-MM-DD"),
    ("service_period_start", "2026-09-01T00:00:00Z"): rejected("is no day, YYYY-MM-DD"),
    ("service_period_start", "01.09.2026"): rejected("is no day, YYYY-MM-DD"),
    ("service_period_start", "1788998400"): rejected("is no day, YYYY-MM-DD"),
    ("service_period_start", "1970-01-01"): rejected("is not from 2000 to 2200"),
    ("service_period_start", "0001-01-01"): rejected("is not from 2000 to 2200"),
    ("service_period_start", ""): rejected("service_period_start is empty"),
    ("service_period_start", "2026-10-02"): rejected("is before service_period_start"),
    ("service_period_end", "9999-12-31"): rejected("is not from 2000 to 2200"),
    ("service_period_end", "2099-12-31"): rejected("more than 20 years"),
    ("service_period_end", "2026-09-01"): good(service_period_end="2026-09-01"),
    ("service_period_end", ""): rejected("service_period_end is empty"),
    ("revenue_id", ""): rejected("revenue_id is empty"),
    ("revenue_id", "x" * 10_000): good(revenue_id="x" * 10_000),
    ("revenue_id", "a\0b"): good(revenue_id="a\0b"),
    ("tenant_id", "   "): rejected("tenant_id is empty"),
    ("tenant_id", "NULL"): rejected("tenant_id is empty"),
    ("tenant_id", "=cmd|' /C calc'!A0"): good(tenant_id="=cmd|' /C calc'!A0"),
    ("bundle_id", "b1"): rejected("both feature_id and bundle_id"),
    ("bills_revenue_id", "nobody"): good(bills_revenue_id="nobody"),
}

LINES: dict[str, Gets] = {
    "r2,t1,accrual,2026-09-01,2026-10-01,5,USD,f1,,r1": rejected("bills_revenue_id stands on an accrual"),
    "Total,,,,,200": rejected("6 fields where the header has 10"),
    HEADER: rejected("service_period_start 'service_period_start' is no day"),
}

NO_COLUMN = Refused("no column", None, FILE)
SHAPES: dict[str, tuple[Content, Gets]] = {
    "empty": (b"", Refused("no header", None, FILE)),
    "only a header": (f"{HEADER}\n".encode(), Good("revenue", 0, {})),
    "byte order mark": (f"\ufeff{HEADER}\n{FIRST}\n".encode(), Good("revenue", 1, {"amount": "100"})),
    "lines end with CRLF": (f"{HEADER}\r\n{FIRST}\r\n".encode(), Good("revenue", 1, {"currency": "USD"})),
    "semicolons": (f"{HEADER}\n{FIRST}\n".replace(",", ";").encode(), Refused("separated by semicolons", None, FILE)),
    "a column is missing": (f"{HEADER.replace('amount', 'total')}\n{FIRST}\n".encode(), NO_COLUMN),
    "a column twice": (f"{HEADER},amount\n{FIRST},1\n".encode(), Refused("appears twice", None, FILE)),
    "Latin-1": (
        f"{HEADER}\n{FIRST}\n".replace("t1", "Zürich").encode("latin-1"),
        Refused("byte 0xfc is not UTF-8", 2, FILE),
    ),
    "UTF-16": (f"{HEADER}\n{FIRST}\n".encode("utf-16"), Refused("byte 0xff is not UTF-8", 1, FILE)),
    "quote not closed": (f'{HEADER}\n"{FIRST}\n'.encode(), Refused("not a readable CSV file", 2, FILE)),
}


def inputs() -> Iterator[Input]:
    config = {"kind": "revenue_file"}
    for (column, text), gets in CELLS.items():
        line = ",".join((BASE | {column: text}).values())
        yield Input("revenue", f"{column} {text!r:.40}", {FILE: f"{HEADER}\n{FIRST}\n{line}\n".encode()}, config, gets)
    for line, gets in LINES.items():
        yield Input("revenue", f"line {line:.40}", {FILE: f"{HEADER}\n{FIRST}\n{line}\n".encode()}, config, gets)
    for name, (content, gets) in SHAPES.items():
        yield Input("revenue", name, {FILE: content}, config, gets)
