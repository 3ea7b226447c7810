"""What goes wrong with bills whoever writes them, and the tests that hold it, each at a source where it happens.

Traps of one provider's own format stand at the top of that provider's test file, in words of its docstring, each with the
tests that hold it: of that file, or of another test file that it names.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.sources import traps_of_emitters, traps_of_invoices, traps_of_telemetry
from tests.sources.traps import all_tests, not_there

HERE = Path(__file__).parent

#: A trap → the tests that hold it, ``file: test`` below this folder.
TRAPS = {
    "pages that a cursor links, and one that fails midway": """
        billing/test_openai.py: test_pages_are_followed_with_the_same_parameters
        billing/test_openai.py: test_failure_on_a_later_page_lands_nothing
        billing/test_anthropic.py: test_failure_on_a_later_page_lands_nothing
        invoices/test_invoice_azure.py: test_every_page_is_followed_by_its_link_without_host
        invoices/test_invoice_azure.py: test_pages_that_lack_an_invoice_are_refused""",
    "a day on which nothing was spent": """
        billing/test_openai.py: test_a_day_without_spend_is_known_to_be_empty
        billing/test_anthropic.py: test_a_day_without_spend_is_known_to_be_empty
        billing/test_openrouter.py: test_a_day_without_spend_is_known_to_be_empty""",
    "a group without a name: the default workspace, no key, no project": """
        billing/test_anthropic.py: test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped
        billing/test_anthropic.py: test_console_usage_has_no_key_and_the_default_workspace_no_name
        billing/test_gcp.py: test_account_level_rows_have_no_project""",
    "a negative amount": """
        billing/test_openai.py: test_credits_and_negative_amounts""",
    "a line item, usage type or SKU that nobody knows": """
        billing/test_openai.py: test_line_items_that_name_none_keep_their_money
        billing/test_gcp_sku.py: test_a_sku_nobody_knows_keeps_its_money
        billing/test_azure.py: test_a_meter_with_an_unknown_word_keeps_its_money_without_a_model
        test_focus.py: test_a_meter_nobody_knows_stays_as_told""",
    "a period that is delivered again, a line of it changed and one gone": """
        billing/test_openai.py: test_redelivery_is_no_news_and_a_restatement_replaces
        billing/test_anthropic.py: test_redelivery_is_no_news_and_a_restatement_replaces
        billing/test_aws.py: test_redelivery_is_no_news_and_a_restatement_replaces
        billing/test_azure.py: test_redelivery_is_no_news_and_a_restatement_replaces
        billing/test_openrouter.py: test_redelivery_is_no_news_and_a_restatement_replaces""",
    "two manifests, and files left over from the longer one": """
        billing/test_aws.py: test_only_what_the_newest_manifest_names_is_read
        billing/test_aws.py: test_files_left_over_from_a_longer_delivery_do_not_count""",
    "a month that ends by the UTC day for usage and by the Pacific day for its invoice": """
        billing/test_gcp.py: test_usage_meets_telemetry_in_utc_and_its_invoice_as_google_says
        billing/test_anthropic.py: test_the_last_day_of_a_month_is_utcs_in_whatever_zone_it_is_told""",
    "a correction, told with the next month's invoice": """
        billing/test_gcp.py: test_a_correction_keeps_its_usage_day
        billing/test_oci.py: test_a_correction_is_refused_until_somebody_says_how_it_counts""",
    "a row with two credits": """
        billing/test_gcp.py: test_credits_neither_repeat_nor_drop_a_cost""",
    "the same tokens in thousands and in millions": """
        test_units.py: test_a_unit_is_read""",
    "cents read as dollars": """
        billing/test_anthropic.py: test_cents_are_dollars_digit_for_digit
        billing/test_openai.py: test_a_cost_is_a_charge_with_its_exact_text
        billing/test_mapped_bill.py: test_amounts_in_cents""",
    "a bill in another currency": """
        billing/test_gcp.py: test_a_billing_currency_is_kept
        billing/test_oci.py: test_money_keeps_its_currency_and_account
        billing/test_anthropic.py: test_minor_units_of_another_currency_are_not_guessed
        billing/test_anthropic.py: test_an_estimate_that_cannot_be_read_is_told_and_stops_no_bill""",
    "an estimate of what a bill has, added to it": """
        billing/test_anthropic.py: test_claude_code_is_an_estimate_and_no_charge
        billing/test_openrouter.py: test_what_the_upstream_takes_on_ones_own_key_is_no_money_here""",
    "a report by person": """
        billing/test_anthropic.py: test_no_person_is_landed""",
    "cached tokens and no other input": """
        billing/test_anthropic.py: test_only_cached_input_is_usage""",
    "usage and what a savings plan takes back of it": """
        billing/test_aws_cur.py: test_commitments_cost_what_they_cover_and_show_what_they_do_not""",
    "ten thousand amounts that no binary float holds": """
        billing/test_anthropic.py: test_ten_thousand_tenths_of_a_cent_are_ten_dollars
        billing/test_openrouter.py: test_ten_thousand_tenths_are_a_thousand
        billing/test_gcp.py: test_no_double_is_added""",
    "a credit, refund or row that comes late is a line of its own": """
        billing/test_anthropic.py: test_a_credit_that_comes_late_is_a_line_of_its_own_day
        billing/test_gcp.py: test_late_rows_come_by_the_day_they_were_exported
        billing/test_aws_cur.py: test_refund_names_its_model_and_takes_no_quantity_back""",
    "a period that has ended and is told anew": """
        billing/test_snowflake.py: test_a_day_that_changes_is_told_anew
        billing/test_aws.py: test_units_are_delivered_months_and_the_one_before
        invoices/test_invoice_azure.py: test_an_invoice_that_was_billed_anew_names_the_one_before
        invoices/test_invoice_azure.py: test_months_before_the_period_are_asked_for_again""",
}


#: Of each table of traps: where its files stand, and the table.
KEPT = (
    (HERE, TRAPS),
    *((HERE.parent, table.TRAPS) for table in (traps_of_invoices, traps_of_telemetry, traps_of_emitters)),
)


@pytest.mark.parametrize(
    ("folder", "trap", "held"), [(folder, *one) for folder, table in KEPT for one in table.items()]
)
def test_a_trap_is_held_by_tests_there_are(folder: Path, trap: str, held: str) -> None:
    assert not_there(held, folder) == [], trap


def _told_above(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""


def _named_above(file: Path) -> set[str]:
    """The tests that a file's docstring names."""
    return set(re.findall(r"\btest_\w+\b(?!\.py)", _told_above(file)))


#: Test files with a table of traps at their top.
TABLES = [str(path.relative_to(HERE)) for path in sorted(HERE.rglob("test_*.py")) if len(_named_above(path)) > 3]


def test_every_format_with_facts_of_its_own_has_a_table() -> None:
    formats = ("anthropic", "openai", "aws", "azure", "gcp", "mapped_bill", "oci")
    assert {"test_focus.py", *(f"billing/test_{kind}.py" for kind in formats)} <= set(TABLES)


@pytest.mark.parametrize("file", TABLES)
def test_a_table_of_traps_names_tests_there_are(file: str) -> None:
    told = _told_above(HERE / file)
    there = {HERE / file, *(path for path in HERE.parent.rglob("test_*.py") if path.name in told)}
    assert _named_above(HERE / file) - set().union(*map(all_tests, there)) == set()
