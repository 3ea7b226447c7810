"""What a company declares: its settings, and its reference files."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.inputs.told import CANARY, Content, Gets, Good, Input, Refused

TAKEN = Good("", 0, {})
BILLS = "billing:\n- {name: bills, kind: focus_file, uri: in}\n"


def line(says: str, number: int | None = None) -> Refused:
    return Refused(says, number)


#: Settings, as they are written → what they get.
SETTINGS: dict[str, tuple[Content, Gets]] = {
    "one source": (BILLS.encode(), TAKEN),
    "byte order mark": (f"\ufeff{BILLS}".encode(), TAKEN),
    "a key twice": (f"home: a\n{BILLS}home: b\n".encode(), line("stands here for the second time", 4)),
    "a setting nobody knows": (f"hoome: var\n{BILLS}".encode(), line("nearest is home")),
    "a kind nobody knows": (
        b"billing:\n- {name: b, kind: focus_fil, uri: in}\n",
        line("unknown billing kind 'focus_fil'; nearest is focus_file"),
    ),
    "a source without kind": (b"billing:\n- {name: b, uri: in}\n", line("kind")),
    "a source without name": (b"billing:\n- {kind: focus_file, uri: in}\n", line("a billing source without a name")),
    "a name that leads out": (
        b"billing:\n- {name: ../b, kind: focus_file, uri: in}\n",
        line("no source can be called"),
    ),
    "a name that is a number": (b"billing:\n- {name: 7, kind: focus_file, uri: in}\n", line("no source can be called")),
    "a name twice": (
        f"{BILLS}revenue:\n- {{name: bills, kind: revenue_file, uri: in}}\n".encode(),
        line("a second source called"),
    ),
    "a source that is a text": (b"billing:\n- bills\n", line("billing")),
    "sources that are a mapping": (b"billing: {name: b}\n", line("billing")),
    "a pattern that is none": (
        b"billing:\n- {name: b, kind: focus_file, uri: in, pattern: '('}\n",
        line("not a regular expression"),
    ),
    "a scheme nobody knows": (
        b"billing:\n- {name: b, kind: focus_file, uri: 'ftp://x/y', format: 7}\n",
        line("format"),
    ),
    "a secret where none belongs": (f"api_key: {CANARY}\n{BILLS}".encode(), line("api_key")),
    "a secret as a setting of a source": (
        f"billing:\n- {{name: b, kind: openai, api_key: {CANARY}}}\n".encode(),
        line("api_key"),
    ),
    "a meter nobody knows": (
        b"telemetry:\n- {name: t, kind: mapped, uri: in, format: csv, entity: calls, columns: {record_id: a, ended_at: b, model: c},"
        b" usage: {semantics: inclusive, meters: [{meter: wishes, column: d}]}}\n",
        line("is no meter"),
    ),
    "a column nobody knows": (
        b"telemetry:\n- {name: t, kind: mapped, uri: in, format: csv, entity: calls, columns: {record_id: a, ended_at: b, moodel: c}}\n",
        line("not columns of calls open to mapping: moodel"),
    ),
    "a dialect nobody knows": (
        b"telemetry:\n- {name: t, kind: otlp, uri: in, dialects: [klingon]}\n",
        line("is not a dialect"),
    ),
    "late days below zero": (b"telemetry:\n- {name: t, kind: otlp, uri: in, late_days: -1}\n", line("late_days")),
    "tabs": (b"home: var\n\tbilling: []\n", line("", 2)),
    "a quote not closed": (b'home: "var\n', line("")),
    "a list": (b"- a\n- b\n", line("")),
    "a tag of Python": (b"home: !!python/object/apply:os.system ['true']\n", line("")),
    "bytes that are no UTF-8": (b"home: \xff\n", line("")),
    "NUL": (b"home: a\0b\n", line("")),
    "lists in lists": (b"home: " + b"[" * 5_000, line("without end")),
    "aliases of aliases": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in b"bcdefgh"),
        line("its aliases stand for more"),
    ),
    "an alias of itself": (b"home: &a [*a]\n", line("its aliases stand for more")),
}

PRICE = "source,model,meter,price_per_million,currency,version\n"
RATE = "currency,billing_period_start,rate,version\n"
NAMED = "tenant_id,name\n"
RULE = "priority,tag_key,tag_value,destination,version\n"
#: (file, content) → what it gets; the file is read whole or not at all.
REFERENCE: dict[str, tuple[str, Content, Gets]] = {
    "prices": ("contract_prices", f"{PRICE}s,m,input_tokens,3.00,USD,1\n".encode(), TAKEN),
    "price below zero": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,-2,USD,1\n".encode(),
        line("price_per_million: '-2' is negative", 2),
    ),
    "price of NaN": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,NaN,USD,1\n".encode(),
        line("is not a plain decimal", 2),
    ),
    "price with a comma": (
        "contract_prices",
        f'{PRICE}s,m,input_tokens,"1,5",USD,1\n'.encode(),
        line("is not a plain decimal", 2),
    ),
    "price with a dollar": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,$3,USD,1\n".encode(),
        line("is not a plain decimal", 2),
    ),
    "price of 1e400": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,1e400,USD,1\n".encode(),
        line("outside the range", 2),
    ),
    "price in no currency": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,3,US$,1\n".encode(),
        line("is no currency code", 2),
    ),
    "price of an unknown meter": (
        "contract_prices",
        f"{PRICE}s,m,wishes,3,USD,1\n".encode(),
        line("is none of input_tokens", 2),
    ),
    "price twice": ("contract_prices", f"{PRICE}{'s,m,input_tokens,3,USD,1' + chr(10)}".encode() * 2, line("", None)),
    "price without model": ("contract_prices", f"{PRICE}s,,input_tokens,3,USD,1\n".encode(), line("model is empty", 2)),
    "rate": ("exchange_rates", f"{RATE}EUR,2026-09-01,1.1,1\n".encode(), TAKEN),
    "rate of zero": ("exchange_rates", f"{RATE}EUR,2026-09-01,0,1\n".encode(), line("is zero", 2)),
    "rate inside a month": (
        "exchange_rates",
        f"{RATE}EUR,2026-09-15,1.1,1\n".encode(),
        line("is not the first day of a month", 2),
    ),
    "rate of a day that is none": (
        "exchange_rates",
        f"{RATE}EUR,2026-02-30,1.1,1\n".encode(),
        line("billing_period_start", 2),
    ),
    "rate of a lower currency": (
        "exchange_rates",
        f"{RATE}eur,2026-09-01,1.1,1\n".encode(),
        line("is no currency code", 2),
    ),
    "rate of twelve decimals": (
        "exchange_rates",
        f"{RATE}EUR,2026-09-01,1.123456789012,1\n".encode(),
        line("more than nine decimals", 2),
    ),
    "rule": ("charge_rules", f"{RULE}1,team,x,out_of_scope,1\n".encode(), TAKEN),
    "rule without place": (
        "charge_rules",
        f"{RULE}1,team,x,nirvana,1\n".encode(),
        line("'nirvana' is none of out_of_scope", 2),
    ),
    "priority beyond": (
        "charge_rules",
        f"{RULE}99999999999999999999,team,x,out_of_scope,1\n".encode(),
        line("is too large", 2),
    ),
    "priority of 1.5": ("charge_rules", f"{RULE}1.5,team,x,out_of_scope,1\n".encode(), line("is no whole number", 2)),
    "tenants": ("tenants", f"{NAMED}t1,One\n".encode(), TAKEN),
    "tenants with a byte order mark": ("tenants", f"\ufeff{NAMED}t1,One\n".encode(), TAKEN),
    "tenant twice": ("tenants", f"{NAMED}t1,One\nt1,Two\n".encode(), line("same tenant_id as line 2", 3)),
    "a field more": ("tenants", f"{NAMED}t1,One,x\n".encode(), line("3 fields under 2 columns", 2)),
    "a column twice": ("tenants", b"tenant_id,name,name\nt1,a,b\n", line("stands there twice", 1)),
    "a column nobody knows": ("tenants", b"tenant_id,nmae\nt1,a\n", line("is not in the contract", 1)),
    "a column missing": ("tenants", b"name\na\n", line("columns missing: tenant_id", 1)),
    "a quote not closed": ("tenants", f'{NAMED}t1,"One\n'.encode(), line("", 2)),
    "Latin-1": ("tenants", f"{NAMED}t1,Zürich\n".encode("latin-1"), line("byte 0xfc is not UTF-8", 2)),
    "UTF-16": ("tenants", f"{NAMED}t1,One\n".encode("utf-16"), line("is not UTF-8; the file is UTF-16", 1)),
    "UTF-16 without a mark": ("tenants", f"{NAMED}t1,One\n".encode("utf-16-le"), line("is UTF-16 without a byte", 1)),
    "a workbook": ("tenants", b"PK\x03\x04\x14\0", line("is an Excel or OpenDocument workbook", 1)),
    "semicolons": ("tenants", f"{NAMED}t1,One\n".replace(",", ";").encode(), TAKEN),
    "semicolons, as Excel tells them": ("tenants", f"sep=;\n{NAMED}t1,One\n".replace(",", ";").encode(), TAKEN),
    "tabs, old Mac": ("tenants", f"{NAMED}t1,One\n".replace(",", "\t").replace("\n", "\r").encode(), TAKEN),
    "a header without end": ("tenants", b"tenant_id," + b"x" * 140_000, line("field larger than field limit", 1)),
    "half a time span": (
        "contract_prices",
        PRICE.replace("\n", ",time_from\n").encode() + b"s,m,input_tokens,3,USD,1,09:00\n",
        line("time_from says nothing without time_to", 2),
    ),
    "a price of a billion": (
        "contract_prices",
        f"{PRICE}s,m,input_tokens,1000000000,USD,1\n".encode(),
        line("1,000,000,000 or more", 2),
    ),
    "empty": ("tenants", b"", line("columns missing", 1)),
}


def inputs() -> Iterator[Input]:
    for name, (content, gets) in SETTINGS.items():
        yield Input("settings", name, {"reconcile.yaml": content}, {}, gets)
    for name, (file, content, gets) in REFERENCE.items():
        yield Input("reference", name, {f"reference/{file}.csv": content}, {}, gets)
