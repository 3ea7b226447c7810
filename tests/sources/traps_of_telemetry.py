"""What goes wrong with telemetry whoever emits it, and the tests that hold it: here, in resolution, or where the bill is met."""

from __future__ import annotations

#: A trap → the tests that hold it, ``file: test`` below ``tests/``.
TRAPS = {
    # What a count contains
    "an input that contains the cache, and one that does not": """
        sources/telemetry/spans/test_counts.py: test_no_token_is_in_two_meters
        sources/telemetry/spans/test_counts.py: test_what_a_total_and_thoughts_prove_of_one_telling
        sources/telemetry/dialects/test_otel_genai.py: test_what_an_input_contains_is_known_of_its_emitter
        sources/telemetry/test_bedrock_invocation_logs.py: test_input_does_not_contain_what_was_cached""",
    "counts as a caller passed them, under names of the convention": """
        sources/telemetry/dialects/test_botanu.py: test_what_a_caller_passes_of_anthropic_excludes_the_cache""",
    "more cached than input, which proves an emitter, whichever version of it": """
        sources/telemetry/spans/test_counts.py: test_more_cached_than_input_by_convention_comes_with_its_alternative
        ingest/resolution/test_days.py: test_three_calls_with_more_cached_than_input_prove_an_emitter
        ingest/resolution/test_wrapping.py: test_an_emitter_found_to_exclude_the_cache_is_read_so""",
    "thoughts beside the output, as Gemini counts them": """
        sources/telemetry/dialects/test_contract.py: test_an_emitter_whose_thoughts_are_outside
        sources/telemetry/spans/test_counts.py: test_the_setting_says_whether_thoughts_are_inside""",
    "a map of counts with its own total": """
        sources/telemetry/dialects/test_langfuse.py: test_counts_in_the_words_of_who_counted
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted""",
    "one count under two names": """
        sources/telemetry/dialects/test_botanu.py: test_cache_reads_are_told_twice_and_counted_once
        sources/telemetry/dialects/test_otel_genai.py: test_a_synonym_is_read_where_the_conventions_name_is_not_told
        sources/telemetry/dialects/test_otel_genai.py: test_cached_tokens_under_other_names
        sources/telemetry/spans/test_vocabularies.py: test_a_newer_name_goes_before_an_older_one""",
    "names of four generations": """
        sources/telemetry/spans/test_vocabularies.py: test_a_call_in_each_generation_of_names""",
    "an emitter that loses what was cached": """
        sources/telemetry/dialects/test_otel_genai.py: test_an_emitter_without_cached_counts_is_known_as_one
        claims/scenarios/test_rules_examples.py: test_what_met_as_cached_tokens_is_marked""",
    "an export that passed counts on as they came, and later did not": """
        sources/telemetry/test_mapped.py: test_an_export_of_counts_as_they_came_is_mapped_as_one
        sources/telemetry/test_mapped.py: test_more_cached_than_there_is_input_stays_as_told""",
    "an emitter whose next version counts otherwise": """
        sources/telemetry/dialects/test_contract.py: test_of_an_emitters_rows_the_one_that_says_most_counts""",
    "counts of modalities, which are inside their side; a provider's own tools, which may be beside it": """
        sources/telemetry/spans/test_counts.py: test_no_token_is_in_two_meters
        sources/telemetry/spans/test_counts.py: test_what_a_total_and_thoughts_prove_of_one_telling""",
    "an answer that is read again and was billed when it was made": """
        sources/telemetry/spans/test_counts.py: test_which_spans_can_be_billed""",
    "an answer from a gateway's own cache, with the counts of the first": """
        sources/telemetry/spans/test_counts.py: test_what_a_cache_in_between_answered_is_said
        sources/telemetry/test_litellm.py: test_an_answer_from_the_proxys_cache_was_served_by_nobody
        ingest/resolution/test_one_call.py: test_an_answer_from_a_cache_uses_nothing_whatever_id_it_replays""",
    # Whom was called, and for whom
    "a provider spelled as everybody likes": """
        sources/telemetry/spans/test_vocabularies.py: test_providers_are_in_one_spelling
        test_naming.py: test_a_provider_has_one_spelling_and_its_api_is_left_out""",
    "one word for two of a seller's doors, each with a bill of its own": """
        sources/telemetry/dialects/test_botanu.py: test_its_word_for_geminis_api_is_its_word_for_vertex_too""",
    "a model's maker, who does not host it": """
        sources/telemetry/dialects/test_openinference.py: test_who_hosts_a_model_goes_before_who_made_it""",
    "the model that was asked for, the tier that was asked for": """
        sources/telemetry/dialects/test_openinference.py: test_the_model_that_answered_goes_before_the_one_asked_for
        sources/telemetry/spans/test_vocabularies.py: test_a_call_in_each_generation_of_names
        sources/telemetry/spans/test_vocabularies.py: test_the_tier_that_answered""",
    "the hash of a gateway's key, which no bill knows": """
        sources/telemetry/test_litellm.py: test_the_hash_of_a_proxys_key_is_no_key_of_a_bill""",
    "a cost that a gateway or a platform reckoned, which is no charge": """
        sources/telemetry/test_litellm.py: test_spend_is_a_told_cost_and_no_charge
        claims/scenarios/test_gateways.py: test_what_is_reckoned_is_in_no_step_of_the_waterfall""",
    "a conversation, which is neither an event nor a run": """
        sources/telemetry/dialects/test_otel_genai.py: test_a_conversation_is_neither_an_event_nor_a_run""",
    "ids under a prefix of the emitter's own": """
        sources/telemetry/dialects/test_traceloop.py: test_association_properties_are_ids
        sources/telemetry/dialects/test_langfuse.py: test_metadata_are_json_texts
        sources/telemetry/spans/test_unread_usage.py: test_owners_under_a_prefix_that_nobody_reads_are_named_where_none_is_told""",
    "a blank that baggage wrote as a plus, or that is one": """
        sources/telemetry/spans/test_vocabularies.py: test_an_id_is_as_its_span_tells_it""",
    "ids that an exporter scrubbed as secrets, one text for all of them": """
        sources/telemetry/spans/test_vocabularies.py: test_ids_that_were_scrubbed_are_not_known""",
    "a folder named by the first tenant of a batch": """
        sources/telemetry/spans/test_files.py: test_whose_a_call_is_its_span_says_and_no_folder""",
    "calls of a test or a demo, which are billed and which no customer pays": """
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted
        claims/scenarios/test_rules_examples.py: test_waterfall""",
    # botanu, Opsmeter, OpenInference, LiteLLM, Helicone
    "a retry that nobody calls one": """
        sources/telemetry/spans/test_runs_and_outcomes.py: test_runs_of_botanu
        claims/scenarios/test_rules_examples.py: test_runs""",
    "how a run ended, which is not how its event did": """
        sources/telemetry/spans/test_runs_and_outcomes.py: test_runs_of_botanu""",
    "a grade of an answer, which is not how its event ended": """
        sources/telemetry/spans/test_log_records.py: test_a_record_states_how_an_event_ended
        sources/telemetry/spans/test_log_records.py: test_a_grade_is_an_outcome_where_the_company_says_so
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted""",
    "an environment the SDK made up": """
        sources/telemetry/spans/test_vocabularies.py: test_environment_of_botanu_counts_where_the_deployment_tells_none""",
    "an id that is called like the event's and is another's": """
        sources/telemetry/dialects/test_otel_genai.py: test_an_agents_own_event_is_not_the_business_events""",
    "a payload of Opsmeter's, whose provider is a guess and whose zeros are unknown": """
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted""",
    "payloads that a gateway's callback writes, or its export, and not its API": """
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted""",
    "tokens that a span repeats of others": """
        sources/telemetry/dialects/test_openinference.py: test_no_tokens_are_counted_of_kinds_that_repeat_them_and_each_is_told""",
    "an object in gzip that says so to whoever asks over HTTP": """
        sources/test_folders.py: test_an_object_that_says_how_it_is_packed_comes_packed""",
    "times without a zone": """
        sources/telemetry/test_litellm.py: test_a_time_without_a_zone_is_utc
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/test_accepted.py: test_bytes_are_read_as_accepted""",
    "outcomes that a system of record has and no span": """
        sources/telemetry/test_mapped_bigquery.py: test_outcomes_of_a_system_of_record""",
    "metadata that is Python and no JSON": """
        sources/telemetry/dialects/test_openinference.py: test_ids_are_read_of_metadata_as_python_prints_it
        sources/telemetry/dialects/test_openinference.py: test_metadata_that_is_neither_is_not_landed
        sources/telemetry/dialects/test_litellm.py: test_what_a_caller_passed_is_a_text_of_pythons_of_which_ids_are_read""",
    "a cost of 0 for want of a price": """
        sources/telemetry/dialects/test_otel_genai.py: test_a_cost_of_nothing_is_not_known_of_an_emitter_that_finds_no_price""",
    "units of a vector store": """
        sources/telemetry/spans/test_counts.py: test_units_of_a_vector_store_have_fractions""",
    # How files are written
    "ids in capitals, a root with an empty parent": """
        sources/telemetry/spans/test_encoding.py: test_ids_are_lower_case_and_empty_parents_none""",
    "whole numbers as text and as numbers, and more of them than a float holds": """
        sources/telemetry/spans/test_encoding.py: test_numbers_as_text_and_as_numbers
        sources/telemetry/spans/test_encoding.py: test_nanoseconds_are_more_than_a_float_holds""",
    "an attribute told twice, or without a value": """
        sources/telemetry/spans/test_encoding.py: test_of_two_attributes_with_one_name_the_last_counts
        sources/telemetry/spans/test_encoding.py: test_an_empty_value_is_none_and_text_is_trimmed""",
    "fields of later versions": """
        sources/telemetry/spans/test_encoding.py: test_fields_of_later_versions_are_passed_over""",
    "metrics beside the spans, which would count once more": """
        sources/telemetry/spans/test_records.py: test_a_line_that_cannot_be_read_loses_itself
        sources/telemetry/spans/test_records.py: test_a_file_without_a_line_that_can_be_read_is_refused""",
    "a span that lost attributes": """
        sources/telemetry/spans/test_counts.py: test_how_sure_the_usage_is
        sources/telemetry/spans/test_log_records.py: test_a_record_that_lost_attributes_may_have_lost_counts""",
    "lines in any order, a run over several files": """
        ingest/resolution/test_days.py: test_the_order_of_files_decides_nothing
        ingest/resolution/test_days.py: test_a_trace_is_resolved_across_files_and_days""",
    "a last line that is torn, a file that is rotated": """
        sources/telemetry/spans/test_records.py: test_the_last_line_of_a_writer_that_was_stopped
        sources/telemetry/spans/test_records.py: test_a_line_cut_by_rotation_costs_neither_file_its_other_lines""",
    "messages behind their length, and the same file in every packing": """
        sources/telemetry/spans/test_protobuf.py: test_messages_of_the_file_exporter
        sources/telemetry/spans/test_files.py: test_every_packing_gives_the_same_rows""",
    "folders of the hour of upload": """
        sources/telemetry/spans/test_files.py: test_units_are_the_files_of_the_pattern_and_days""",
    "attributes that are all text, as ClickHouse keeps them": """
        sources/test_documented.py: test_a_mapping_that_is_shown_is_the_one_that_is_read
        sources/telemetry/test_mapped.py: test_keys_of_a_map_have_dots_of_their_own""",
    # What happens on the way
    "a span that was sampled, which is never scaled": """
        sources/telemetry/spans/test_counts.py: test_sampling_probability
        sources/telemetry/spans/test_counts.py: test_a_kept_span_counts_what_it_tells_however_many_it_stands_for
        sources/telemetry/spans/test_counts.py: test_a_span_whose_flags_say_it_was_not_sampled_was_exported_all_the_same
        claims/scenarios/test_rules_examples.py: test_waterfall""",
    "one span delivered twice": """
        ingest/resolution/test_one_call.py: test_one_span_told_by_two_files_is_one_telling_too
        sources/telemetry/spans/test_files.py: test_redelivery_is_no_news
        sources/telemetry/spans/test_log_records.py: test_a_record_that_comes_twice_is_one""",
    "a span that comes late": """
        ingest/resolution/test_days.py: test_only_the_days_that_share_something_with_news_are_made_again
        sources/telemetry/test_mapped_bigquery.py: test_late_days_are_those_before_the_period""",
    "one call seen by a framework and an SDK": """
        ingest/resolution/test_one_call.py: test_one_response_id_from_two_emitters_is_one_call
        ingest/resolution/test_one_call.py: test_a_framework_beside_an_sdk_that_tells_the_snapshot_is_one_call
        ingest/resolution/test_wrapping.py: test_a_deep_chain_of_copies_is_one_call""",
    "an agent that tells the sum of its calls, or its last": """
        ingest/resolution/test_wrapping.py: test_a_sum_and_a_copy_are_no_calls
        ingest/resolution/test_wrapping.py: test_what_an_agent_tells_beyond_its_calls_is_a_call""",
    "a model's operation below another one": """
        ingest/resolution/test_wrapping.py: test_a_model_operation_is_not_compared_with_what_a_tool_of_it_called""",
    "a stream or an error without counts, and zeros for want of them": """
        sources/telemetry/spans/test_counts.py: test_how_sure_the_usage_is
        claims/scenarios/test_rules_examples.py: test_calls""",
    "counts of a tokenizer": """
        sources/telemetry/spans/test_counts.py: test_how_sure_the_usage_is
        sources/telemetry/dialects/test_otel_genai.py: test_an_emitters_own_counts_of_a_stream_are_estimated
        sources/telemetry/dialects/test_contract.py: test_an_emitter_that_counts_itself_estimates""",
    "a clock that is wrong, a call across midnight": """
        sources/telemetry/spans/test_records.py: test_a_span_that_begins_after_it_ends_is_a_call_whose_begin_is_not_known
        sources/telemetry/spans/test_records.py: test_a_begin_in_another_unit_is_not_known
        claims/scenarios/test_rules_examples.py: test_what_met_another_day_is_marked""",
    "a call that does not say whose it is": """
        ingest/resolution/test_names.py: test_the_nearest_above_that_tells_one_goes_before_the_farther
        ingest/resolution/test_names.py: test_the_only_one_told_in_its_trace_is_its
        claims/scenarios/test_rules_examples.py: test_e35_says_where_its_names_come_from""",
    "an outcome that is not final, not known, or told by a log record": """
        sources/telemetry/spans/test_runs_and_outcomes.py: test_outcomes
        sources/telemetry/spans/test_runs_and_outcomes.py: test_an_unknown_outcome_is_said_and_its_span_stays
        sources/telemetry/spans/test_log_records.py: test_a_record_states_how_an_event_ended""",
    "an event that ends twice, and not alike": """
        warehouses/test_dbt_unit_tests.py: test_unit_tests_of_models""",
    "a trace of several events, a name told once in it": """
        ingest/resolution/test_names.py: test_its_own_goes_first
        ingest/resolution/test_names.py: test_the_only_one_told_in_its_trace_is_its""",
    "a count that nobody reads": """
        sources/telemetry/spans/test_unread_usage.py: test_counts_that_nobody_reads_are_counted_by_scope_attribute_and_day
        sources/telemetry/spans/test_log_records.py: test_usage_of_records_that_nobody_reads_is_named""",
}
