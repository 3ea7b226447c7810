"""The page: every figure is one of its own queries' over the published tables, names from outside are text, what is missing is said."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid
from reconcilers.reports.changes import changes_of_months
from reconcilers.reports.pack import pack_of, write_pack
from reconcilers.reports.pack.page import ROWS, page_of
from reconcilers.reports.pack.questions import SECTIONS
from reconcilers.reports.pack.questions.definitions import DEFINITIONS
from reconcilers.reports.pack.questions.month import CHANGES
from reconcilers.reports.pack.questions.question import Question
from reconcilers.reports.verdicts import REASONS
from reconcilers.warehouses.duckdb import FINANCE_FILE
from tests.reports.pack.company import FACTS, FORMULA, LINK, MARKUP, OCTOBER, SEPTEMBER, TABLES, published
from tests.reports.pack.conftest import RESTATED, Written
from tests.reports.pack.reading import Read, asked, read_page, says
from tests.reports.test_waterfall_page import SEEN, UNSEEN

QUESTIONS = [question for section in SECTIONS for question in section.questions]
#: What is read off the rows of one query; the change by feature is made of two.
READ = [question for question in QUESTIONS if question is not CHANGES]


@pytest.fixture(scope="module")
def read(written: Written) -> Read:
    return read_page(written.page.read_text())


@pytest.mark.parametrize("question", READ, ids=lambda question: question.key)
def test_every_figure_is_one_of_its_own_query(written: Written, read: Read, question: Question) -> None:
    """The query is taken from the page's appendix, as a reader would take it."""
    answered = asked(written.version, read.queries[question.key][0])
    shown = read.figures(question.key)
    if question.last:
        shown, last = shown[:-1], shown[-1]
        compare_last(question, answered, last)
    assert len(shown) == min(len(answered), ROWS if not question.in_full else len(answered)) > 0
    compared = 0
    for row, cells in zip(answered, shown, strict=False):
        for column in question.columns:
            if not column.is_number or not column.on_page:
                continue
            text, exact = cells[column.name]
            value = ratio(row, column.made) if column.made else row.get(column.name)
            if value is None and column.name not in row and not column.made:
                continue  # a difference of two columns, told by the workbook's formula
            compared += 1
            if value is None:
                assert (text, exact) == ("–", "")
            else:
                assert exact == f"{Decimal(value):f}"
                assert says(text, Decimal(value)), (column.name, text, value)
    assert compared >= len(shown)


def ratio(row: dict[str, Any], made: tuple[str, str]) -> Decimal | None:
    part, whole = (row[name] for name in made)
    return None if part is None or not whole else round(Decimal(part) / Decimal(whole), 9)


def compare_last(question: Question, rows: list[dict[str, Any]], last: dict[str, Any]) -> None:
    if question.last == "difference":
        rest = rows[0]["cost"] - sum(row["cost"] for row in rows[1:])
        assert last["cost"] == (f"{rest:.9f}", f"{rest:f}") == ("0.000000000", "0.000000000")
        return
    for column in question.columns:
        if column.summed and column.on_page and column.name in rows[0]:
            total = sum(row[column.name] for row in rows if row[column.name] is not None)
            assert last[column.name][1] == f"{Decimal(total):f}"


def test_the_change_is_that_of_every_comparison_of_months(written: Written, read: Read) -> None:
    *shown, last = read.figures("change_by_feature")
    changes = {
        one.name: one for one in changes_of_months(written.version, written.version, SEPTEMBER, OCTOBER, ["feature"])
    }
    assert len(shown) == len(changes) == 4
    names = {"Reports & more": "f1", MARKUP: "f2", FORMULA: "f3", "(tax)": "(tax)"}
    parts = ("volume", "mix", "price", "new", "gone")
    for row in shown:
        change = changes[names[row["feature"][0]]]
        told = {name: Decimal(exact) for name, (_, exact) in row.items() if exact}
        assert told == {"month_before": change.before, "this_month": change.after, "change": change.change} | {
            part: getattr(change, part) for part in parts
        }
        assert sum(told[part] for part in parts) == told["change"]
    # Both months' queries stand in the appendix, and sum to what the table does.
    for query, name in zip(read.queries["change_by_feature"], ("month_before", "this_month"), strict=True):
        assert sum(row["cost"] for row in asked(written.version, query)) == Decimal(last[name][1])


def test_the_first_page_says_what_a_query_says(written: Written, read: Read) -> None:
    """Spend, cost per success, margin, waste and coverage, each asked in a way of its own."""
    one = asked(
        written.version,
        """select (select sum(cost) from finance.rpt_invoice_waterfall where step <> 'billed' and billing_period_start = '2026-10-01') as spend,
            (select sum(event_cost) / 200 from finance.rpt_unit_costs where slice = 'all' and month = '2026-10-01') as per_success,
            (select sum(revenue) - sum(case when revenue is not null then direct_cost + shared_cost end) from finance.fct_tenant_margin
                where month = '2026-10-01') as margin""",
    )[0]
    cards = dict(
        re.findall(r'<h2>([^<]+)</h2>\s*<p class="figure[^"]*">(?:<a[^>]* title="([^"]+)")', written.page.read_text())
    )
    assert list(cards) == ["Spend", "Cost per success", "Margin", "Margin rate", "Waste", "Coverage"]
    assert Decimal(cards["Spend"]) == one["spend"]
    assert Decimal(cards["Margin"]) == one["margin"]
    assert abs(Decimal(cards["Cost per success"]) - Decimal(one["per_success"])) < Decimal("1e-8")
    assert Decimal(cards["Waste"]) == Decimal("7.000000001")
    assert Decimal(cards["Coverage"]) == Decimal("0.981234567")
    assert "difference 0.000000000. The month is complete" in " ".join(read.text.split())


def test_every_figure_leads_to_its_query_and_every_link_to_something(read: Read) -> None:
    assert {f"sql-{question.key}" for question in QUESTIONS} <= read.links
    assert read.links <= read.ids


def test_every_definition_is_of_a_table_and_a_rule() -> None:
    keys = {question.key for question in QUESTIONS}
    assert all(key in keys and re.fullmatch(r"R\d+(, R\d+)*", rule) for _, _, rule, key in DEFINITIONS)


def test_control_characters_of_names_are_seen(tmp_path: Path) -> None:
    features = [TABLES["dim_features"][0] | {"name": UNSEEN}, *TABLES["dim_features"][1:]]
    version = published(tmp_path, {**TABLES, "dim_features": features})
    page = page_of(pack_of(version, OCTOBER))
    assert SEEN in {row["feature"][0] for row in read_page(page).figures("features")}
    assert UNSEEN not in page


def test_names_from_outside_are_text(written: Written, read: Read) -> None:
    page = written.page.read_text()
    assert MARKUP not in page
    assert escape(MARKUP) in page
    assert all(text in read.text for text in (MARKUP, FORMULA, LINK, RESTATED.reason))
    assert not [tag for tag, told in read.tags if tag == "img" or any(name.startswith("on") for name in told)]
    links = [told["href"] for tag, told in read.tags if tag == "a"]
    assert all(link and link.startswith("#") for link in links)


def test_the_page_asks_nobody_for_anything(read: Read) -> None:
    policy = next(told["content"] for tag, told in read.tags if told.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not [tag for tag, told in read.tags if tag == "link" or "src" in told]
    assert sum(tag == "script" and "type" not in told for tag, told in read.tags) == 2


def test_the_same_figures_give_the_same_bytes(written: Written, tmp_path: Path) -> None:
    page, workbook = write_pack(written.version, OCTOBER, tmp_path, f"Müller & Söhne {MARKUP}", [RESTATED])
    assert page.read_bytes() == written.page.read_bytes()
    assert workbook.read_bytes() == written.workbook.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack-2026-10.html", "pack-2026-10.xlsx"]


def test_a_month_nobody_published_says_which_there_are(written: Written, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"no month 2026-07 is published -> there are 2026-09, 2026-10"):
        write_pack(written.version, date(2026, 7, 1), tmp_path)


def shown_of(tmp_path: Path, month: date = OCTOBER, facts: dict[str, Any] | None = None, **tables: list[Any]) -> Read:
    version = published(tmp_path, {**TABLES, **tables}, {**FACTS, **(facts or {})})
    return read_page(page_of(pack_of(version, month)))


def test_what_is_missing_is_said_beside_the_difference(tmp_path: Path) -> None:
    facts = {
        "incomplete": {"2026-10": ["aws: 3 of 31 days missing"]},
        "open": {"2026-10": ["1 open: unmapped (3.27 EUR)"]},
    }
    told = " ".join(shown_of(tmp_path, facts=facts).text.split())
    assert (
        "difference 0.000000000. The month is not complete: aws: 3 of 31 days missing1 open: unmapped (3.27 EUR)"
        in told
    )
    assert "so part of every change is days that are missing" in told
    assert "because the month is not complete" in told


def test_a_month_without_revenue_has_no_margin_of_0(tmp_path: Path) -> None:
    rows = [row | {"revenue": Decimal(0), "loaded_margin": -row["direct_cost"]} for row in TABLES["fct_tenant_margin"]]
    read = shown_of(tmp_path, fct_tenant_margin=rows)
    assert "no revenue of the month is known" in read.text
    for table, column in (("tenants", "loaded_margin"), ("features", "contribution_margin"), ("months", "revenue")):
        assert {row[column][0] for row in read.figures(table)} == {"–"}
    assert {row["direct_cost"][0] for row in read.figures("tenants")} != {"–"}


def test_a_month_without_outcomes_budgets_or_versions_says_so(tmp_path: Path) -> None:
    none: dict[str, list[Any]] = {
        name: [] for name in ("rpt_unit_costs", "fct_budget_status", "fct_prompt_version_impact")
    }
    read = shown_of(tmp_path, **none, fct_cost_per_outcome=[], rpt_waste=[])
    assert "no outcome of the month is known" in read.text
    assert "No budget is declared for the month (budgets.csv)." in read.text
    assert "No event of the month names a prompt version." in read.text
    assert "No production cost of the month was waste." in read.text
    assert not {"budgets", "prompt_versions", "prompt_impact", "waste", "bounds"} & read.rows.keys()


def test_an_older_publication_says_which_table_it_lacks(tmp_path: Path) -> None:
    import duckdb

    version = published(tmp_path)
    with duckdb.connect(str(version.folder / FINANCE_FILE)) as connection:
        for table in ("fct_budget_status", "fct_feature_verdicts"):
            connection.execute(f"drop view main.{table}; drop table finance.{table}")
        connection.execute("drop view main.rpt_waste; alter table finance.rpt_waste drop column production")
    pack = pack_of(version, OCTOBER)
    read = read_page(page_of(pack))
    assert "Not published: there is no table fct_budget_status; the next run makes it." in read.text
    assert "Not published: a column of this table is missing; the next run makes it." in read.text
    assert [pack.tables[key].missing != "" for key in ("budgets", "verdicts", "waste", "tenants")] == [
        True,
        True,
        True,
        False,
    ]


def test_the_first_month_has_nothing_to_compare_with(tmp_path: Path) -> None:
    read = shown_of(tmp_path, SEPTEMBER)
    assert "Nothing of August 2026 is published, so there is no month to compare with." in read.text
    assert not {"change_by_feature", "change_of_spend"} & read.rows.keys()
    assert [row["month"][0] for row in read.figures("months")] == ["September 2026"]


def test_a_long_table_keeps_those_that_lose_most_and_the_whole_sum(tmp_path: Path) -> None:
    rows = [
        {"tenant_id": f"t{n}", "feature_id": "f1", "month": OCTOBER, "revenue": Decimal(n), "direct_cost": Decimal(100)}
        | {"shared_cost": Decimal(0), "loaded_margin": Decimal(n - 100), "contribution_margin": Decimal(n - 100)}
        | {"revenue_complete": True, "currency": "EUR"}
        for n in range(1, 1001)
    ]
    read = shown_of(tmp_path, fct_tenant_margin=rows)
    *shown, last = read.figures("tenants")
    names = [row["tenant"][0] for row in shown]
    assert names[:2] == ["Globex", MARKUP]
    assert names[-2:] == ["t999", "t1000"]
    assert len(names) == ROWS
    assert last["loaded_margin"][1] == f"{sum(range(1, 1001)) - 100_000}.000000000"
    assert "976 more rows are in the workbook, sheet “Tenants”, and in the total." in read.text


def test_every_rule_of_a_verdict_has_a_sentence() -> None:
    """The rules are those the model's description lists."""
    import yaml

    from reconcilers.warehouses.dbt import PROJECT

    described = yaml.safe_load((PROJECT / "models" / "marts" / "decisions" / "_decisions.yml").read_text())
    columns = next(model["columns"] for model in described["models"] if model["name"] == "fct_feature_verdicts")
    listed = next(column["description"] for column in columns if column["name"] == "rule")
    assert set(re.findall(r"[a-z]+(?:_[a-z]+)+|\b(?:rising|wasteful)\b", listed)) == REASONS.keys()


def test_a_sum_of_provisional_rows_looks_like_them(tmp_path: Path) -> None:
    """And one of rows that nothing says it of does not."""
    for status, looks in (("provisional", "last provisional"), ("preliminary", "last")):
        rows = [row | {"status": status} for row in TABLES["fct_tenant_margin"]]
        page = page_of(pack_of(published(tmp_path / status, {**TABLES, "fct_tenant_margin": rows}), OCTOBER))
        tenants = page[page.index('id="tenants"') : page.index('id="segments"')]
        assert re.findall(r'<tr role="row" class="(last[^"]*)"', tenants) == [looks]


def test_every_sheet_says_what_it_is_of(tmp_path: Path) -> None:
    """One is taken out of the pile, and the stamp stays on the first."""
    facts = FACTS | {"incomplete": {"2026-10": ["aws: 3 days missing"]}}
    page = page_of(pack_of(published(tmp_path, TABLES, facts), OCTOBER))
    assert '@top-left{content:"Finance pack, October 2026: PROVISIONAL"}' in page


def test_a_break_names_its_key(read: Read) -> None:
    first, *_ = read.figures("breaks")
    assert first["break_key"][0] == "+source=openai"
