"""Pages say what the published tables say: every figure is its SQL's, what is not known is no zero, and an address is only a value."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import plotly.graph_objects
import pytest

from reconcilers.dashboard import questions
from reconcilers.dashboard.place import Place, address
from reconcilers.dashboard.server import program, server
from reconcilers.dashboard.views import VIEWS, Page, page_of
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid
from reconcilers.warehouses import dbt
from reconcilers.warehouses.base import Figures
from reconcilers.warehouses.choice import current
from reconcilers.warehouses.duckdb import FINANCE_FILE, Store
from reconcilers.watch import watched
from tests.dashboard import company
from tests.reports import published as few_rows
from tests.reports.published import Rows
from tests.reports.test_waterfall_page import FACTS, SEEN, UNSEEN
from tests.reports.test_waterfall_page import TABLES as OF_A_REPORT

SEPTEMBER = date(2026, 9, 1)


def steps(**costs: str) -> Rows:
    """Steps of September's waterfall, in order."""
    return [
        {"step": step, "cost": Decimal(cost), "position": place, "billing_period_start": SEPTEMBER, "currency": "CHF"}
        | {"section": "billed" if step == "billed" else "destination"}
        for place, (step, cost) in enumerate(costs.items())
    ]


TABLES = {**OF_A_REPORT, "rpt_invoice_waterfall": steps(billed="100", tax="7.50", credit="-5", event="97.50")}


def parts(component: Any) -> Iterator[Any]:
    """A component and all within it, in reading order."""
    if isinstance(component, (list, tuple)):
        for one in component:
            yield from parts(one)
    elif component is not None:
        yield component
        if not isinstance(component, str):
            yield from parts(getattr(component, "children", None))


def of_type(component: Any, kind: str) -> list[Any]:
    return [one for one in parts(component) if type(one).__name__ == kind]


def text(component: Any) -> str:
    """What a reader sees of it."""
    return "".join(one for one in parts(component) if isinstance(one, str))


def said(page: Page) -> str:
    return text(page.content)


@dataclass
class Shown:
    """One table of a page: its SQL as shown, and its cells by the names above them."""

    title: str
    sql: str
    rows: list[dict[str, Any]]


def tables(page: Page) -> list[Shown]:
    found = []
    for section in of_type(page.content, "Section"):
        for table in of_type(section, "Table"):
            rows = []
            for row in of_type(of_type(table, "Tbody")[0], "Tr"):
                cells = [one for one in row.children if type(one).__name__ in ("Th", "Td")]
                rows.append({getattr(cell, "data-of"): cell for cell in cells})
            sql = next(one for one in of_type(section, "Pre") if one.className == "sql")
            found.append(Shown(text(of_type(section, "H2")[0]), text(sql), rows))
    return found


def open_(settings: Settings, path: str, **query: str) -> Page:
    return page_of(settings, Place.of(path, f"?{address('', **query).partition('?')[2]}"))


def written(value: object, name: str) -> str:
    """A stored value as a table with every digit shows it, told by none of the code that writes it."""
    if value is None:
        return "–not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        whole = f"{value:,.9f}"
        return whole.rstrip("0").rstrip(".") if name.endswith("quantity") else whole
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M" if name == "hour" else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, date) and name == "month":
        return value.strftime("%B %Y")
    if isinstance(value, int):
        return f"{value:02d}:00" if name == "hour" else f"{value:,}"
    return str(value)


def links(page: Page) -> list[tuple[str, str]]:
    return [(text(link), link.href) for link in of_type(page.content, "Link")]


EVENT = "chat/e1"
EVERY_PAGE = [
    *((path, {}) for path in VIEWS if path not in ("/feature", "/tenant", "/event", "/stored")),
    ("/by/hour", {"at": "2026-09-28T12:00"}),
    ("/feature", {"id": "chat"}),
    ("/tenant", {"id": f"chat/{company.FORMULA}"}),
    ("/event", {"id": EVENT}),
    ("/events", {"outcome": "success", "tenant": f"chat/{company.MARKUP}"}),
]


@pytest.mark.parametrize(("path", "query"), EVERY_PAGE)
def test_every_table_shows_what_its_sql_gives(settings: Settings, path: str, query: dict[str, str]) -> None:
    published, watch = current(settings), watched(settings).current()
    assert watch is not None
    shown = tables(open_(settings, path, month="2026-09", digits="all", **query))
    for table in shown:
        found = (watch if "fct_cost_hourly" in table.sql else published).ask(table.sql)
        assert len(table.rows) == min(len(found.rows), questions.ROWS), table.title
        for row, values in zip(table.rows, found.rows, strict=False):
            by_name = dict(zip(found.names, values, strict=True))
            for name, cell in row.items():
                column = name.replace(" ", "_")
                value = by_name.get(column, by_name.get(f"{column}_id"))
                told = written(value, column)
                # A name stands above its id, and a word of a list without its underscores.
                fits = (told, f"{by_name.get('name')}{told}", told.replace("_", " "))
                assert text(cell) in fits, (table.title, name)
    if path not in ("/decisions", "/alerts"):
        told = said(open_(settings, path, month="2026-09", **query))
        assert shown or "Nothing of September 2026" in told or "Not known: this publication has" in told


def test_first_figures_are_their_sql(settings: Settings) -> None:
    published, page = current(settings), open_(settings, "/", month="2026-09")
    found = {}
    for tile in of_type(page.content, "Div"):
        if "tile" in str(getattr(tile, "className", "")).split():
            figure = next(one for one in of_type(tile, "P") if "figure" in one.className)
            sql = text(next(one for one in of_type(tile, "Pre")))
            found[text(of_type(tile, "H2")[0])] = (text(figure), getattr(figure, "data-figure"), published.ask(sql))
    assert list(found) == ["Spend", "Cost per success", "Margin", "Waste", "Coverage"]
    columns = {
        "Spend": "billed",
        "Cost per success": "cost_per_success",
        "Waste": "waste_cost",
        "Coverage": "share_attributed",
    }
    for label, column in columns.items():
        shown, exact, answer = found[label]
        value = dict(zip(answer.names, answer.rows[0], strict=True))[column]
        assert exact == str(value), label
        assert shown.split()[0].rstrip("%") in (f"{value:.2f}", f"{value:.4f}", f"{value * 100:.1f}"), label
    assert found["Spend"][0] == "10.00 USD"
    # Chat's cost is 4.00 + 1.00 + 3.00 + 1.00, search's 0.000006: 9.000006 over three successes.
    assert found["Cost per success"][0] == "3.0000 USD"
    assert found["Margin"][0] == "not known"
    assert "no revenue is known for this month" in said(page)


def test_the_waterfall_closes_and_a_tiny_amount_is_no_zero(settings: Settings) -> None:
    page = open_(settings, "/by/feature", month="2026-09")
    (table,) = [one for one in tables(page) if one.title == "Features of September 2026"]
    by_feature = {text(row["feature"]): text(row["event cost"]) for row in table.rows}
    assert by_feature == {"chat": "9.00", "search": "< 0.01"}
    first = said(open_(settings, "/", month="2026-09"))
    assert "closes to zero" in first
    assert "After the last step 0.000000000 USD is left." in first


def test_charts_hold_no_text_made_of_floats(settings: Settings) -> None:
    for path in ("/", "/by/feature", "/by/hour"):
        graphs = of_type(open_(settings, path, month="2026-09").content, "Graph")
        assert graphs, path
        for graph in graphs:
            # plotly itself knows every key and value of it.
            plotly.graph_objects.Figure(graph.figure)
            for trace in graph.figure["data"]:
                assert trace["hovertemplate"] == "%{customdata}<extra></extra>"
                assert "<" not in "".join(trace["customdata"])
            assert graph.figure["layout"]["xaxis"]["visible"] is False


def test_the_drill_goes_down_to_the_stored_bytes(settings: Settings) -> None:
    page = open_(settings, "/stored", id=EVENT)
    told = said(page)
    assert "4.000000000 of 9.000000000; reckoned again: 4.000000000, equal" in told
    stored = [text(one) for one in of_type(page.content, "Pre") if one.className == "bytes"]
    bill = (settings.file.parent / "bills" / "chat" / "bill.csv").read_text().splitlines()
    assert any(line in stored for line in bill[1:]), stored
    spans = (settings.file.parent / "telemetry" / "calls.csv").read_text().splitlines()
    assert any(line.startswith(one) for one in stored for line in spans[1:])


def test_before_the_first_publication_a_page_says_so(tmp_path: Path) -> None:
    told = said(page_of(Settings(home=tmp_path), Place.of("/", "")))
    assert "Nothing is published yet" in told
    assert "reconcile run --date DAY" in told


def publish(home: Path, tables: Mapping[str, Rows], facts: Mapping[str, Any] = FACTS) -> Settings:
    """Publish these rows, whatever was published before. Returns the settings of who reads them."""
    (Store(home).folder / FINANCE_FILE).unlink(missing_ok=True)
    few_rows.publish(home, tables, facts)
    return Settings(home=home)


def test_what_a_publication_lacks_is_said_and_is_no_zero(tmp_path: Path) -> None:
    settings = publish(tmp_path, TABLES)
    version = current(settings)
    question = questions.Question("select sum(cost) from finance.fct_of_a_later_release")
    assert question.asked(version) is None
    assert question.lacking(version) == ["fct_of_a_later_release"]
    assert questions.Question("select no_column from finance.fct_breaks").asked(version) is None
    with pytest.raises(SettingsInvalid):
        questions.Question("select cast('x' as integer) from finance.dim_tenants").asked(version)


def test_a_month_without_outcomes_or_revenue_says_so(tmp_path: Path) -> None:
    settings = publish(tmp_path, {"rpt_invoice_waterfall": steps(billed="3", event="3")})
    told = said(page_of(settings, Place.of("/", "")))
    assert "Providers billed 3.00 CHF" in told
    assert told.count("not known") >= 4
    assert "No revenue is known" in told
    # The only zero is one that is known: what the waterfall leaves.
    assert "0.00" not in told.replace("After the last step 0.000000000 CHF is left.", "")


def test_an_incomplete_month_looks_provisional(tmp_path: Path) -> None:
    facts = {**FACTS, "incomplete": {"2026-09": ["aws: 3 of 30 days missing"]}}
    page = page_of(publish(tmp_path, TABLES, facts), Place.of("/", ""))
    assert "The month is not complete" in said(page)
    assert "aws: 3 of 30 days missing" in said(page)
    tiles = [one for one in of_type(page.content, "Div") if "tile" in str(getattr(one, "className", "")).split()]
    known = [one for one in tiles if "not known" not in text(one)]
    assert known
    assert all("provisional" in one.className and "provisional" in text(one) for one in known)


@pytest.mark.parametrize(
    ("path", "search"),
    [
        ("/feature", "?id=' or 1=1 --&month=2026-09"),
        ("/events", "?tenant='; drop table finance.fct_breaks; --"),
        ("/events", "?below=NaN&after=x&month=2026-09"),
        ("/events", "?below=1e999999999&after=x"),
        ("/events", "?below=0.0000000000000000001&after=x"),
        ("/events", "?hour=%00&day=9999-99-99"),
        ("/by/tenant", "?page=99999999999999999999&month=0000-00"),
        ("/by/tenant", "?page=-1&month=2026-09-01"),
        ("/event", "?id=../../etc/passwd"),
        ("/stored", "?id=../../etc/passwd&shares=²"),
        ("/stored", "?id=chat/e1&shares=0"),
        ("/by/<script>", "?" + "&".join(f"a{number}=1" for number in range(3000))),
        ("", None),
    ],
)
def test_an_address_is_only_a_value(settings: Settings, path: str, search: str | None) -> None:
    page = page_of(settings, Place.of(path, search))
    assert "This cannot be shown" not in said(page)
    # Whatever was named, nothing of it fits, and the tables stand as they stood.
    assert len(current(settings).ask("select * from finance.fct_cost_per_outcome").rows) == 4


def test_pages_of_events_follow_each_other_without_gap_or_overlap(tmp_path: Path) -> None:
    events = [
        {
            "event_id": f"e{number:03}",
            "production": True,
            "outcome_at": datetime(2026, 9, 5),
            "currency": "USD",
            "calls": 1,
        }
        | {"outcome": "success", "reconciled_cost": Decimal(number // 40), "waste_cost": Decimal(0)}
        for number in range(120)
    ]
    settings = publish(
        tmp_path, {"fct_cost_per_outcome": events, "rpt_invoice_waterfall": steps(billed="1", event="1")}
    )
    seen: list[str] = []
    where = "/events?month=2026-09"
    for _ in range(5):
        page = page_of(settings, Place.of(*where.split("?")))
        (table,) = [one for one in tables(page) if one.title == "The dearest first"]
        seen += [text(row["event"]) for row in table.rows]
        following = [href for label, href in links(page) if label == "More rows"]
        if not following:
            break
        where = following[0]
    assert sorted(seen) == [event["event_id"] for event in events]


def test_a_request_keeps_its_version_and_the_next_sees_the_new_one(tmp_path: Path) -> None:
    settings = publish(tmp_path, {"rpt_invoice_waterfall": steps(billed="3", event="3")})
    held = current(settings)
    assert "Providers billed 3.00" in said(page_of(settings, Place.of("/", "")))
    publish(tmp_path, {"rpt_invoice_waterfall": steps(billed="4", event="4")})
    three = Figures(["billed", "difference", "currency"], [(Decimal(3), Decimal(0), "CHF")])
    assert questions.billed(SEPTEMBER).asked(held) == three
    assert "Providers billed 4.00" in said(page_of(settings, Place.of("/", "")))


def test_what_is_held_answers_though_newer_versions_push_it_out(tmp_path: Path) -> None:
    settings = publish(tmp_path, {"rpt_invoice_waterfall": steps(billed="3", event="3")})
    version = current(settings)
    with version.held() as held:
        for billed in "4567":
            publish(tmp_path, {"rpt_invoice_waterfall": steps(billed=billed, event=billed)})
        assert not Path(version.place.removesuffix(" (schema finance)")).exists()
        answer = questions.billed(SEPTEMBER).asked(held)
        assert answer is not None
        assert answer.rows[0][0] == 3
        assert held.facts["period"] == FACTS["period"]


def test_many_read_while_a_run_publishes(tmp_path: Path) -> None:
    settings = publish(tmp_path, {"rpt_invoice_waterfall": steps(billed="1", event="1")})

    def read(_: int) -> str:
        return said(page_of(settings, Place.of("/", "")))

    with ThreadPoolExecutor(4) as readers:
        pages = readers.map(read, range(24))
        for billed in ("2", "3"):
            publish(tmp_path, {"rpt_invoice_waterfall": steps(billed=billed, event=billed)})
        found = list(pages)
    assert all(any(f"Providers billed {billed}.00" in page for billed in "123") for page in found)


def test_only_names_of_this_machine_are_answered(settings: Settings) -> None:
    client = program(settings, {"localhost", "127.0.0.1", "::1"}).server.test_client()
    for host in ("127.0.0.1:8050", "localhost:8050", "[::1]:8050"):
        answer = client.get("/", headers={"Host": host})
        assert answer.status_code == 200, host
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for host in ("attacker.example", "127.0.0.1.attacker.example:8050", "[::1", ""):
        assert client.get("/", headers={"Host": host}).status_code == 400, host
        assert client.post("/_dash-update-component", headers={"Host": host}, json={}).status_code == 400, host
    for path in ("/assets/../server.py", "/assets/%2e%2e/server.py", "/_dash-component-suites/dash/../../secret"):
        assert b"import dash" not in client.get(path).data


def test_a_port_in_use_is_said(settings: Settings) -> None:
    listening = server(settings, "127.0.0.1", 0)
    try:
        with pytest.raises(SettingsInvalid, match="cannot listen at"):
            server(settings, "127.0.0.1", listening.socket.getsockname()[1])
    finally:
        listening.server_close()


def test_the_command_line_starts_without_it() -> None:
    told = "import reconcilers.cli, sys; print([name for name in ('dash', 'plotly', 'flask') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def every_question() -> list[questions.Question]:
    asks = questions
    by = dict.fromkeys(asks.NARROWED, "1")
    return [
        *(
            ask(SEPTEMBER)
            for ask in (asks.billed, asks.unit_costs, asks.margin, asks.waterfall, asks.losing, asks.waste)
        ),
        *(ask(SEPTEMBER) for ask in (asks.segments, asks.routes, asks.verdicts, asks.savings, asks.budgets)),
        *(one.question(SEPTEMBER) for one in asks.SLICES.values()),
        *(ask(of, "x") for ask in (asks.history,) for of in ("feature", "tenant")),
        *(asks.across(of, "x", SEPTEMBER) for of in ("feature", "tenant")),
        *(asks.waste(SEPTEMBER, of, "x") for of in ("feature", "tenant")),
        *(ask("x") for ask in (asks.event, asks.runs, asks.calls)),
        *(ask() for ask in (asks.months, asks.alerts, asks.breaks, asks.prompt_versions, asks.review)),
        *(ask(Settings()) for ask in (asks.alerts, asks.last_hours)),
        asks.in_hour(Settings(), datetime(2026, 9, 28, 12)),
        asks.events(SEPTEMBER, by, (Decimal(1), "x")),
        asks.events_in_all(SEPTEMBER, by),
    ]


def test_every_question_fits_the_tables_the_project_builds(tmp_path: Path) -> None:
    """A name that no table has would be told as missing for ever."""
    built = dbt.described()
    version = current(publish(tmp_path, {}))
    asked = [question for question in every_question() if set(question.tables) <= set(built)]
    assert len(asked) >= 30
    for question in asked:
        assert question.asked(version) is not None, question.typed
        # As a person types it, it is the same question.
        assert version.ask(question.typed).names == question.asked(version).names  # type: ignore[union-attr]


def test_a_verdict_says_its_reason_and_its_number(tmp_path: Path) -> None:
    tables = {
        "rpt_invoice_waterfall": steps(billed="1", event="1"),
        "fct_feature_verdicts": [
            {"month": SEPTEMBER, "feature_id": "f1", "verdict": "reprice", "rule": "sold_below_cost", "currency": "CHF"}
            | {"measured": Decimal("-27.2691"), "lever": "price", "saving": Decimal("27.2691")},
            {"month": SEPTEMBER, "feature_id": "f2", "verdict": "optimise", "rule": "wasteful", "currency": "CHF"}
            | {"measured": Decimal("0.3021"), "threshold": Decimal("0.25")},
        ],
    }
    told = said(page_of(publish(tmp_path, tables), Place.of("/", "")))
    assert "f1reprice" in told
    assert "is -27.27. Lever: price, worth 27.27 CHF a month." in told
    assert "f2optimise30.2% of its cost is waste" in told


def test_the_last_hours_are_what_telemetry_says_at_list_price(settings: Settings) -> None:
    page = open_(settings, "/by/hour", month="2026-09", digits="all", at="2026-09-28T12:00")
    who, hours, _ = tables(page)
    by_hour = {text(row["hour"]): (text(row["calls"]), text(row["estimated cost"])) for row in hours.rows}
    # 800,000 tokens at 12 a million; search has no list price, so what its call cost is not known.
    assert by_hour["2026-09-28 12:00"] == ("4", "9.600000000")
    assert by_hour["2026-09-28 03:00"] == ("1", "1.200000000")
    assert [text(row["estimated cost"]) for row in who.rows] == ["6.000000000", "3.600000000", "–not known"]
    assert [text(row["unpriced calls"]) for row in who.rows] == ["0", "0", "1"]
    assert "as known at 2026-10-05 00:00:00 UTC" in said(page)


def test_without_a_watch_the_pages_say_so(tmp_path: Path) -> None:
    settings = publish(tmp_path, TABLES)
    for path in ("/by/hour", "/alerts"):
        assert "No hourly watch has run: reconcile watch --date DAY." in said(page_of(settings, Place.of(path, "")))


ALERT = {
    "alert_id": "a1", "kind": "tenant_concentration", "scope": "tenant", "scope_value": "t1", "state": "open", "severity": "warning",
    "opened_at": datetime(2026, 9, 5, 7), "last_seen_at": datetime(2026, 9, 5, 9), "estimated_cost": Decimal("1.5"), "owner": "search",
    "message": "t1 takes <b>most</b>", "driver_tenant_id": "t1", "checklist": "1. Look first. 2. Own it. 3. Stop it.", "currency": "CHF",
}  # fmt: skip


def test_alerts_of_bill_and_telemetry_stand_with_their_checklists(tmp_path: Path) -> None:
    settings = publish(tmp_path, {**TABLES, "fct_alerts": [ALERT, ALERT | {"alert_id": "a2", "state": "over"}]})
    hourly = [ALERT | {"alert_id": f"h{number}", "message": f"hour {number}"} for number in range(2)]
    few_rows.publish(tmp_path / "watch", {"fct_alerts": hourly}, FACTS)
    page = page_of(settings, Place.of("/alerts", ""))
    bill, telemetry = (one for one in of_type(page.content, "Ul") if one.className == "alerts")
    assert [text(step) for step in of_type(of_type(bill, "Ol")[0], "Li")] == ["Look first.", "Own it.", "Stop it."]
    assert "since 2026-09-05 07:00 UTC · about 1.50 CHF · owner search · tenant t1" in text(bill)
    assert text(bill).count("t1 takes") == 1
    assert [label for label, href in links(page) if href.startswith("/tenant?")] == ["t1"] * 3
    assert ("hour 0" in text(telemetry), "hour 1" in text(telemetry), "takes" in text(telemetry)) == (True, True, False)
    assert "2 more by the hourly watch" in said(page_of(settings, Place.of("/", "")))


def test_control_characters_of_names_are_seen(tmp_path: Path) -> None:
    """But in a query, which is there to be asked."""
    margins = [TABLES["fct_tenant_margin"][0] | {"tenant_id": UNSEEN}]
    alert = ALERT | {"driver_tenant_id": UNSEEN, "message": f"{UNSEEN} takes most"}
    settings = publish(tmp_path, {**TABLES, "fct_tenant_margin": margins, "fct_alerts": [alert]})
    for path, ask in (("/tenant", f"&id={quote(UNSEEN)}"), ("/alerts", ""), ("/", "")):
        page = page_of(settings, Place.of(path, f"?month=2026-09{ask}"))
        told = said(page)
        for query in of_type(page.content, "Code"):
            told = told.replace(text(query), "")
        assert (SEEN in told, UNSEEN in told) == (True, False), path
        assert UNSEEN not in page.title


def test_pages_of_an_incomplete_month_say_that_figures_may_move(tmp_path: Path) -> None:
    facts = {**FACTS, "incomplete": {"2026-09": ["aws: 3 of 30 days missing"]}}
    for given, says in ((facts, True), (FACTS, False)):
        page = page_of(publish(tmp_path / str(says), TABLES, given), Place.of("/by/tenant", "?month=2026-09"))
        assert ("September 2026 is not complete, so that its figures may still move" in said(page)) is says


def test_a_feature_has_no_shared_cost_and_says_what_to_do(settings: Settings) -> None:
    """Shared cost is of tenants (R26): a 0 beside a feature's tenants would look like a result."""
    found = {table.title: table for table in tables(open_(settings, "/feature", id="chat", month="2026-09"))}
    assert {"contribution margin", "direct cost"} <= found["Its tenants in September 2026"].rows[0].keys()
    assert not {"shared cost", "loaded margin"} & found["Its tenants in September 2026"].rows[0].keys()
    mine = tables(open_(settings, "/tenant", id=f"chat/{company.MARKUP}", month="2026-09"))
    assert {"shared cost", "loaded margin"} <= next(one for one in mine if "features" in one.title).rows[0].keys()
    assert "What to do" in said(open_(settings, "/feature", id="chat", month="2026-09"))
