"""What goes wrong with invoices, revenue, exchange rates, list prices and a bill's export, and the tests that hold it.

What Stripe takes for a payment (balance transactions) is a cost of being paid, on no line of an invoice, and is not read.
That the FOCUS validator ends with 0 whatever fails, and which rules fail for what reason, is in ``tests/focus/__main__.py``.
"""

from __future__ import annotations

#: A trap → the tests that hold it, ``file: test`` below ``tests/``.
TRAPS = {
    "an invoice that is not issued yet, or voided and issued again": """
        claims/scenarios/test_invoices.py: test_what_is_still_open_is_shown_and_told_where_something_is_missed
        claims/scenarios/test_invoices.py: test_an_invoice_is_as_its_last_delivery_tells_it
        sources/invoices/test_invoice_azure.py: test_an_invoice_that_was_billed_anew_names_the_one_before""",
    "a side that is empty and so agrees with everything; an export that names no invoice": """
        claims/scenarios/test_invoices.py: test_invoice_export_and_allocation_stand_side_by_side""",
    "tax that the invoice has and the export has not": """
        claims/scenarios/test_invoices.py: test_tax_is_told_apart
        sources/invoices/test_invoice_file.py: test_of_a_row_that_tells_an_invoice_whole_its_tax_is_a_line_of_its_own
        sources/invoices/test_invoice_gcp.py: test_tax_is_told_apart""",
    "a floor of a whole unit, below which invoices lean one way for months": """
        claims/scenarios/test_invoices.py: test_every_difference_is_a_break_and_nothing_else
        claims/scenarios/test_invoices.py: test_a_difference_beyond_tolerance_is_told_once_and_leans_nowhere""",
    "a tolerance that grows with the rows": """
        sample_company/truth/test_invoices.py: test_the_tolerance_is_a_hundred_cents_or_half_the_root_of_the_rows
        warehouses/test_dbt_unit_tests.py: test_unit_tests_of_models""",
    "a credit memo whose sign nobody tells; a receipt that is no invoice": """
        sources/invoices/test_invoice_aws.py: test_a_credit_memo_of_the_other_sign_is_refused_until_it_is_declared
        sources/invoices/test_invoice_azure.py: test_a_credit_note_of_the_other_sign_is_refused_until_it_is_declared
        sources/invoices/test_invoice_aws.py: test_a_receipt_of_a_payment_is_no_invoice""",
    "the mark of a footnote behind an amount, a digit like its others in the text of a page": """
        sources/invoices/test_invoice_pdf.py: test_the_raised_mark_of_a_footnote_is_no_digit_of_the_amount_before_it""",
    "an amount in the currency of the services, of tax and of the payment": """
        sources/invoices/test_invoice_aws.py: test_the_currency_that_is_paid_in""",
    "an invoice of two months, or of more than one currency": """
        claims/scenarios/test_invoices.py: test_invoice_export_and_allocation_stand_side_by_side[months]
        claims/scenarios/test_invoices.py: test_invoice_export_and_allocation_stand_side_by_side[currencies]""",
    "a comma before the cents": """
        sources/invoices/test_invoice_pdf.py: test_an_amount_is_read_as_its_country_writes_it
        sources/invoices/test_invoice_gcp.py: test_amounts_as_other_languages_write_them""",
    "an invoice that embeds its first lines only, of a list that a cursor pages": """
        sources/revenue/test_stripe.py: test_lines_beyond_the_first_page_are_read
        sources/revenue/test_stripe.py: test_pages_follow_the_cursor
        sources/revenue/test_stripe.py: test_lines_of_a_credit_note_beyond_the_first_page_are_read""",
    "minor units, of currencies that have none or three": """
        sources/revenue/test_stripe.py: test_minor_units_are_those_of_the_currency""",
    "a period of an invoice that is not the one its lines are earned in": """
        sources/revenue/test_stripe.py: test_a_line_is_earned_over_its_own_period
        sources/revenue/test_stripe.py: test_revenue_is_of_the_time_of_service_whenever_it_was_invoiced_or_paid
        sources/revenue/test_stripe.py: test_a_proration_is_earned_and_taken_back_over_the_rest_of_its_period""",
    "discounts that are told twice, credits that were sold before, tax inside an amount": """
        sources/revenue/test_stripe.py: test_discounts_stand_beside_the_amount_and_count_once
        sources/revenue/test_stripe.py: test_pretax_credits_are_no_revenue
        sources/revenue/test_stripe.py: test_tax_is_no_revenue_whether_on_top_or_included""",
    "drafts, void and uncollectible invoices, and one that was revised": """
        sources/revenue/test_stripe.py: test_what_is_not_finalised_or_void_is_no_revenue
        sources/revenue/test_stripe.py: test_an_open_invoice_is_revenue_and_one_written_off_as_declared
        sources/revenue/test_stripe.py: test_a_revised_invoice_counts_once""",
    "a refund and its credit note": """
        sources/revenue/test_stripe.py: test_a_refund_is_not_counted_on_top_of_its_credit_note
        sources/revenue/test_stripe.py: test_a_credit_note_after_payment_counts_and_a_void_one_does_not""",
    "a version of the API that tells prices, taxes and proration elsewhere": """
        sources/revenue/test_stripe.py: test_requests_are_those_of_the_api_and_pin_its_version
        sources/revenue/test_stripe.py: test_another_shape_refuses_the_month""",
    "an amount without a rate": """
        claims/scenarios/test_revenue.py: test_an_amount_without_rate_is_a_break_in_its_own_currency""",
    "rates newest first, with a comma at the end, N/A for a currency that ended, no weekends": """
        declared/test_euro_rates.py: test_order_of_lines_decides_nothing
        declared/test_euro_rates.py: test_what_is_no_history_is_refused_with_its_line
        declared/test_euro_rates.py: test_a_currency_that_ended_has_no_rate
        declared/test_euro_rates.py: test_on_a_day_without_rates_it_is_the_last_day_before
        declared/test_euro_rates.py: test_a_hole_in_the_file_is_no_holiday""",
    "a history that is corrected, or grows, after a month was converted by it": """
        declared/test_euro_rates.py: test_a_months_rate_is_locked_once_it_is_known
        declared/test_euro_rates.py: test_days_that_follow_and_other_spellings_lock_nothing_anew""",
    "a step of a price: a cliff strictly above its start, for all tokens of the call, by what is cached, too": """
        declared/test_prices.py: test_every_model_of_the_book_costs_what_the_book_says
        claims/scenarios/test_rules_examples.py: test_events""",
    "a premium of long context that ended, and a flat price in place of a stepped one": """
        declared/test_prices.py: test_a_threshold_ends_when_its_dearer_price_does
        declared/test_prices.py: test_a_tier_with_one_price_stands_beside_a_standard_price_with_two""",
    "a tier or batch the book has no price of yet, for which it takes the standard one": """
        declared/test_prices.py: test_a_tier_has_a_price_from_the_day_the_book_knows_it
        declared/test_prices.py: test_fast_answers_and_batches_have_prices_of_their_own""",
    "a price by the hour of the day": """
        declared/test_prices.py: test_a_price_may_depend_on_the_hour""",
    "thoughts and citations at prices of their own, which no usage tells apart": """
        declared/test_prices.py: test_tokens_that_no_usage_tells_apart_have_no_price_where_the_book_has_two""",
    "prices of a thousand searches beside prices of a million tokens": """
        declared/test_prices.py: test_searches_and_requests_are_priced_by_the_thousand""",
    "a model that the book lists under another provider, and a profile that is another model of it": """
        declared/test_prices.py: test_azure_and_google_sell_models_the_book_lists_under_others
        declared/test_prices.py: test_a_global_profile_is_another_model_of_the_book
        declared/test_prices.py: test_a_global_profile_the_book_does_not_list_has_not_the_regional_price""",
    "a fine-tuned model, whose base's price is not its own": """
        declared/test_prices.py: test_an_unknown_model_or_provider_has_no_price""",
    "units, times and numbers as FOCUS writes them, and columns of one's own after all of FOCUS's": """
        test_focus_export.py: test_every_meter_has_a_unit_of_focus
        test_focus_export.py: test_csv_has_focus_s_formats_and_no_formula
        test_focus_export.py: test_every_column_is_there_with_its_type_and_ours_come_last""",
    "converted amounts beside the currency they were billed in": """
        test_focus_export.py: test_amounts_are_in_the_reporting_currency_and_say_so""",
    "a list cost where a bill tells none, by which nothing would have been saved": """
        claims/scenarios/test_openai_bill.py: test_a_bill_without_list_prices_is_exported_with_list_costs_that_are_assumed""",
    "a purchase that is billed and costs nothing, a tax of no quantity, and a sum that is the bill's all the same": """
        test_focus_export.py: test_buckets_are_of_the_category_they_are
        test_focus_export.py: test_the_sums_are_the_bill""",
}
