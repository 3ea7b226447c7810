"""What goes wrong with bills whoever writes them, and the tests that hold it, each at a source where it happens.

Traps of one provider's own format stand at the top of that provider's test file (``test_traps.py`` looks them up). Not
read, so without traps of their own: AWS's Cost Explorer and price lists, Google's pricing export, Azure's price sheets and
reservation reports, FOCUS's datasets of contract commitments and billing periods, limits and alerts of spend.
"""

from __future__ import annotations

#: A trap → the tests that hold it, ``file: test`` below ``tests/``.
TRAPS = {
    "pages that a cursor links, and one that fails midway": """
        sources/billing/test_openai.py: test_pages_are_followed_with_the_same_parameters
        sources/billing/test_openai.py: test_failure_on_a_later_page_lands_nothing
        sources/billing/test_anthropic.py: test_failure_on_a_later_page_lands_nothing
        sources/invoices/test_invoice_azure.py: test_every_page_is_followed_by_its_link_without_host
        sources/invoices/test_invoice_azure.py: test_pages_that_lack_an_invoice_are_refused""",
    "a day on which nothing was spent": """
        sources/billing/test_openai.py: test_a_day_without_spend_is_known_to_be_empty
        sources/billing/test_anthropic.py: test_a_day_without_spend_is_known_to_be_empty
        sources/billing/test_openrouter.py: test_a_day_without_spend_is_known_to_be_empty""",
    "a group without a name: the default workspace, no key, no project": """
        sources/billing/test_anthropic.py: test_default_workspace_is_a_group_and_not_an_answer_that_was_not_grouped
        sources/billing/test_anthropic.py: test_console_usage_has_no_key_and_the_default_workspace_no_name
        sources/billing/test_gcp.py: test_account_level_rows_have_no_project""",
    "a negative amount": """
        sources/billing/test_openai.py: test_credits_and_negative_amounts""",
    "a line item, usage type or SKU that nobody knows": """
        sources/billing/test_openai.py: test_line_items_that_name_none_keep_their_money
        sources/billing/test_gcp_sku.py: test_a_sku_nobody_knows_keeps_its_money
        sources/billing/test_azure.py: test_a_meter_with_an_unknown_word_keeps_its_money_without_a_model
        sources/test_focus.py: test_a_meter_nobody_knows_stays_as_told""",
    "a period that is delivered again, a line of it changed and one gone": """
        sources/billing/test_openai.py: test_redelivery_is_no_news_and_a_restatement_replaces
        sources/billing/test_anthropic.py: test_redelivery_is_no_news_and_a_restatement_replaces
        sources/billing/test_aws.py: test_redelivery_is_no_news_and_a_restatement_replaces
        sources/billing/test_azure.py: test_redelivery_is_no_news_and_a_restatement_replaces
        sources/billing/test_openrouter.py: test_redelivery_is_no_news_and_a_restatement_replaces""",
    "two manifests, and files left over from the longer one": """
        sources/billing/test_azure.py: test_what_an_overwritten_run_left_behind_does_not_count
        sources/billing/test_aws.py: test_only_what_the_newest_manifest_names_is_read
        sources/billing/test_aws.py: test_files_left_over_from_a_longer_delivery_do_not_count""",
    "a month that ends by the UTC day for usage and by the Pacific day for its invoice": """
        sources/billing/test_gcp.py: test_usage_meets_telemetry_in_utc_and_its_invoice_as_google_says
        sources/billing/test_anthropic.py: test_the_last_day_of_a_month_is_utcs_in_whatever_zone_it_is_told""",
    "a correction, told with the next month's invoice": """
        sources/billing/test_gcp.py: test_a_correction_keeps_its_usage_day
        sources/billing/test_oci.py: test_a_correction_is_refused_until_somebody_says_how_it_counts""",
    "a list price for a contract's, a list price in another currency, a list cost of 0 that is not known": """
        sources/billing/test_databricks.py: test_a_record_without_price_is_a_row_that_says_so
        sources/billing/test_databricks.py: test_a_list_in_another_currency_is_no_list_cost
        sources/billing/test_aws_cur.py: test_a_list_price_in_another_currency_is_no_list_cost
        sources/billing/test_azure.py: test_a_trap_of_the_focus_dataset[a list cost of 0 is unknown]""",
    "cost that no usage report counts, and usage that no cost tells": """
        claims/scenarios/test_anthropic_bill.py: test_every_cent_that_is_billed_is_somewhere
        claims/scenarios/test_anthropic_bill.py: test_a_price_that_neither_bill_nor_contract_tells_is_a_break""",
    "credits bought in advance, and what they pay for later": """
        sources/test_focus.py: test_a_commitment_is_billed_once_and_costs_what_it_covers
        sources/billing/test_snowflake.py: test_what_a_balance_paid_is_billed_before_or_never
        claims/scenarios/test_rules_examples.py: test_waterfall""",
    "one call on the bills of two sellers": """
        sources/billing/test_openrouter.py: test_what_the_upstream_takes_on_ones_own_key_is_no_money_here
        claims/scenarios/test_gateways.py: test_what_is_reckoned_is_in_no_step_of_the_waterfall""",
    "a row with two credits": """
        sources/billing/test_gcp.py: test_credits_neither_repeat_nor_drop_a_cost""",
    "the same tokens in thousands and in millions": """
        sources/test_units.py: test_a_unit_is_read""",
    "cents read as dollars": """
        sources/billing/test_anthropic.py: test_cents_are_dollars_digit_for_digit
        sources/billing/test_openai.py: test_a_cost_is_a_charge_with_its_exact_text
        sources/billing/test_mapped_bill.py: test_amounts_in_cents""",
    "an estimate of what a bill has, added to it": """
        sources/billing/test_anthropic.py: test_claude_code_is_an_estimate_and_no_charge
        sources/billing/test_openrouter.py: test_what_the_upstream_takes_on_ones_own_key_is_no_money_here""",
    "a report by person": """
        sources/billing/test_anthropic.py: test_no_person_is_landed""",
    "a bill in another currency": """
        sources/billing/test_gcp.py: test_a_billing_currency_is_kept
        sources/billing/test_oci.py: test_money_keeps_its_currency_and_account
        sources/billing/test_anthropic.py: test_minor_units_of_another_currency_are_not_guessed
        sources/billing/test_anthropic.py: test_an_estimate_that_cannot_be_read_is_told_and_stops_no_bill
        sources/billing/test_openai.py: test_an_amount_of_no_currency_is_of_none_and_one_that_is_left_out_is_not_0""",
    "cached tokens and no other input": """
        sources/billing/test_anthropic.py: test_only_cached_input_is_usage""",
    "usage and what a savings plan takes back of it": """
        sources/billing/test_aws_cur.py: test_commitments_cost_what_they_cover_and_show_what_they_do_not""",
    "ten thousand amounts that no binary float holds": """
        sources/billing/test_anthropic.py: test_ten_thousand_tenths_of_a_cent_are_ten_dollars
        sources/billing/test_openrouter.py: test_ten_thousand_tenths_are_a_thousand
        sources/billing/test_gcp.py: test_no_double_is_added""",
    "a credit, refund or row that comes late is a line of its own": """
        sources/billing/test_anthropic.py: test_a_credit_that_comes_late_is_a_line_of_its_own_day
        sources/billing/test_gcp.py: test_late_rows_come_by_the_day_they_were_exported
        sources/billing/test_aws_cur.py: test_refund_names_its_model_and_takes_no_quantity_back""",
    "a period that has ended and is told anew": """
        sources/billing/test_snowflake.py: test_a_day_that_changes_is_told_anew
        sources/billing/test_aws.py: test_units_are_delivered_months_and_the_one_before
        sources/invoices/test_invoice_azure.py: test_an_invoice_that_was_billed_anew_names_the_one_before
        sources/invoices/test_invoice_azure.py: test_months_before_the_period_are_asked_for_again""",
}
