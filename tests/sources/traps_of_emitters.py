"""What goes wrong with each emitter that was seen, and the tests that hold it: a row an emitter, as the tables of emitters have them.

``[…]`` names a sketch of ``test_emitters.py``: what the emitter writes, and the calls that are made of it.
"""

from __future__ import annotations

_SKETCH = "sources/telemetry/dialects/test_emitters.py: test_what_an_emitter_writes_is_these_calls"


def _held(*sketches: str, by: str = "") -> str:
    """The tests of some sketches, and others ``by`` name."""
    return "\n".join([*(f"{_SKETCH}[{sketch}]" for sketch in sketches), by])


#: A trap → the tests that hold it, ``file: test`` below ``tests/``.
TRAPS = {
    "openai_v2: no cached count, no id of embeddings, a tier of an older name, a stream nobody asked for its usage": _held(
        "openai_v2 loses the cache",
        by="sources/telemetry/dialects/test_otel_genai.py: test_an_emitter_without_cached_counts_is_known_as_one",
    ),
    "genai.openai: a log record counts its span once more; an answer that does not fit its type has no usage": _held(
        "genai.openai tells a call by a log record again",
        by="""
        sources/telemetry/spans/test_log_records.py: test_an_event_of_a_span_is_another_telling_of_it
        sources/telemetry/spans/test_log_records.py: test_text_attributes_of_records_are_removed""",
    ),
    "genai.anthropic: Anthropic's SDK repeats it below; a stream that was closed has one token out": _held(
        "genai.anthropic lies over Anthropic's SDK, which knows how long a cache is kept",
        "genai.anthropic tells one token of a stream that was closed, and the SDK below none",
        by="sources/telemetry/dialects/test_otel_genai.py: test_what_an_input_contains_is_known_of_its_emitter",
    ),
    "google_genai: a provider of its own spelling, a text count that contains the cache, an output with the thoughts": _held(
        "google_genai calls Gemini by a short name, and its text contains the cache"
    ),
    "botocore: an input without the cache under names that include it, no id, a profile's prefix, InvokeModel without cache": _held(
        "botocore's input excludes the cache under names that include it",
        "botocore loses the cache of InvokeModel, and OpenInference above does not",
        by="sources/telemetry/dialects/test_otel_genai.py: test_what_an_input_contains_is_known_of_its_emitter",
    ),
    "Traceloop's openai: thoughts and cache under two generations of names, ids as association properties": _held(
        "Traceloop's openai",
        by="sources/telemetry/dialects/test_traceloop.py: test_association_properties_are_ids",
    ),
    "Traceloop's anthropic: the SDK repeats it in another trace, one token too many of a stream, a failed call without id": _held(
        "Traceloop's anthropic counts one too many of a stream that the SDK tells in another trace",
        "Traceloop's anthropic and the SDK tell a failed call without an id",
        by="sources/telemetry/dialects/test_traceloop.py: test_its_table_of_emitters",
    ),
    "Traceloop's langchain: no cached count of flex and priority, no writes of Claude's, the SDK in another trace": _held(
        "Traceloop's langchain loses the cache of a tier, and what Claude wrote to it",
        "Traceloop's langchain tells no writes where Anthropic's SDK tells them in another trace",
    ),
    "Traceloop's bedrock: an input without the cache and a total of just that and the output, an id that is cut": _held(
        "Traceloop's bedrock tells a total of what it tells"
    ),
    "Traceloop's openai_agents: lies over a Chat Completion without usage and id, repeats a Response with its id": _held(
        "Traceloop's openai_agents lies over the span of a Chat Completion without usage and id",
        "Traceloop's openai_agents repeats a Response that is told below",
        "Traceloop's openai_agents alone tells no usage of a Chat Completion",
    ),
    "Anthropic's SDK: there whoever traces, below some and beside others; a stream that was cut has no output": _held(
        "Anthropic's SDK tells no output of a stream that was cut",
        by="sources/telemetry/dialects/test_otel_genai.py: test_anthropics_own_sdk_tells_how_long_a_cache_is_kept_and_the_tier",
    ),
    "OpenInference's openai: no id, embeddings by a kind, a stream nobody asked for its usage": _held(
        "OpenInference's openai tells no id",
        by="sources/telemetry/dialects/test_openinference.py: test_what_a_kind_is",
    ),
    "OpenInference's anthropic: no id, over the SDK that has one": _held(
        "OpenInference's anthropic lies over the SDK without its id"
    ),
    "OpenInference's bedrock: with the cache, over botocore without it, no id in common": _held(
        "OpenInference's bedrock includes the cache that botocore below excludes",
        "botocore loses the cache of InvokeModel, and OpenInference above does not",
    ),
    "OpenInference's langchain: the model as asked, the SDK's span in a trace of its own, chains around it": _held(
        "OpenInference's langchain tells as asked what the SDK tells in a trace of its own",
        by="""
        ingest/resolution/test_one_call.py: test_a_framework_beside_an_sdk_that_tells_the_snapshot_is_one_call
        sources/telemetry/dialects/test_openinference.py: test_langchain_lies_over_the_sdk_it_calls""",
    ),
    "OpenInference's openai_agents: an operation of a model over the SDK's, of one API without cache, thoughts and snapshot": _held(
        "OpenInference's openai_agents loses the cache of a Chat Completion and asks for it below"
    ),
    "OpenInference's smolagents: an agent that tells the sum, no provider, no cache, the memory in each step": _held(
        "OpenInference's smolagents tells a sum above and loses the cache",
        by="""
        sources/telemetry/dialects/test_openinference.py: test_whom_a_client_calls_is_known_by_its_name_where_it_is_not_told
        sources/telemetry/dialects/test_openinference.py: test_no_text_of_it_is_landed""",
    ),
    "OpenInference's autogen_agentchat: no provider, no cache, a fine run that records an exception": _held(
        "AutoGen's own spans name the framework as provider and lie over OpenInference's",
        by="""
        sources/telemetry/dialects/test_openinference.py: test_whom_a_client_calls_is_known_by_its_name_where_it_is_not_told
        sources/telemetry/spans/test_runs_and_outcomes.py: test_what_is_recorded_on_a_run_that_went_well_is_no_error_of_it""",
    ),
    "OpenInference's JavaScript: a streamed chat and embeddings without counts": _held(
        "OpenInference's JavaScript tells no counts of a streamed chat and of embeddings"
    ),
    "OpenTelemetry's JavaScript: no cached count, the provider under two names": _held(
        "OpenTelemetry's JavaScript loses the cache and names the provider in two ways"
    ),
    "Traceloop's JavaScript: no cached count, a stream without counts, a streamed Response without id and snapshot": _held(
        "Traceloop's JavaScript loses the cache, and ends a streamed Response when it opens"
    ),
    "the AI SDK 7: agents and steps tell sums, two spans of embeddings, ids above the call, facts inside a text": _held(
        "the AI SDK 7 repeats the sum of its steps, and the ids are above",
        "the AI SDK 7 tells embeddings in two spans of one operation",
        "the AI SDK 7 tells how long a cache is kept and the tier in a text, if at all",
        by="sources/telemetry/dialects/test_vercel_ai.py: test_what_a_provider_says_beside_is_read_and_its_text_is_not_landed",
    ),
    "the AI SDK 6: no operation of OpenTelemetry's, the API behind the provider, cache under names of its own, a sum above": _held(
        "the AI SDK 6 repeats the sum, with the API behind the provider",
        "the AI SDK 6 tells Gemini and Claude by words of its own",
        by="sources/telemetry/dialects/test_vercel_ai.py: test_no_text_of_it_is_landed",
    ),
    "Google's ADK: no id, no snapshot, an event id that is the agent's": _held(
        "Google's ADK has an event id of its own",
        by="sources/telemetry/dialects/test_otel_genai.py: test_an_agents_own_event_is_not_the_business_events",
    ),
    "Pydantic AI: sums under names of their own, one of two times to live, a cost of its price book's": _held(
        "Pydantic AI tells a sum above and half of how long a cache is kept",
        by="sources/telemetry/dialects/test_otel_genai.py: test_sums_and_copies_are_no_unread_usage",
    ),
    "Logfire: a stream is two spans beside each other, the first without id, snapshot and counts": _held(
        "Logfire opens a stream in one span and tells it in another",
        by="""
        ingest/resolution/test_one_call.py: test_a_span_that_opens_a_stream_is_the_call_it_opens
        ingest/resolution/test_names.py: test_the_nearest_above_that_tells_one_goes_before_the_farther""",
    ),
    "LiteLLM's callback: the first names, no cached count but in a text, an id of its own for Claude, a raw request below": _held(
        "LiteLLM's callback loses the cache but in a text",
        by="sources/telemetry/dialects/test_litellm.py: test_the_raw_request_is_no_call_and_its_text_is_not_landed",
    ),
    "Langfuse: one text with the words of whoever counted, no provider, no id, metadata as JSON texts": _held(
        "Langfuse tells the provider's own answer and no provider",
        by="""
        sources/telemetry/dialects/test_langfuse.py: test_counts_in_the_words_of_who_counted
        sources/telemetry/dialects/test_langfuse.py: test_metadata_are_json_texts
        sources/telemetry/dialects/test_langfuse.py: test_the_environment_is_its_own_where_the_deployment_tells_none""",
    ),
    "OpenLIT's openai: a tokenizer's counts of a stream under the same names, a cost of 0 for want of a price": _held(
        "OpenLIT's openai counts a stream itself",
        by="""
        sources/telemetry/dialects/test_otel_genai.py: test_an_emitters_own_counts_of_a_stream_are_estimated
        sources/telemetry/dialects/test_otel_genai.py: test_a_cost_of_nothing_is_not_known_of_an_emitter_that_finds_no_price""",
    ),
    "OpenLIT's anthropic: an input without the cache under names that include it, a client's span of HTTP below": _held(
        "OpenLIT's anthropic excludes the cache under names that include it"
    ),
    "botanu's tracker: counts as they were passed, cached ones under a name of its own, runs above": _held(
        "botanu's tracker tells what it was passed",
        by="""
        sources/telemetry/dialects/test_botanu.py: test_cache_reads_are_told_twice_and_counted_once
        sources/telemetry/dialects/test_botanu.py: test_what_a_caller_passes_of_anthropic_excludes_the_cache""",
    ),
    "Strands: itself as provider, an agent that tells the sum of all its invocations over the calls of one": _held(
        "Strands names itself as provider, and its agent tells what it used before as well"
    ),
    "AutoGen itself: the framework as provider, around the calls of others": _held(
        "AutoGen's own spans name the framework as provider and lie over OpenInference's"
    ),
    # Records beside spans
    "events as log records: named by a field, timed by when they were observed": """
        sources/telemetry/spans/test_log_records.py: test_a_record_that_carries_usage_is_a_call
        sources/telemetry/spans/test_log_records.py: test_an_event_without_a_time_of_its_own_was_observed_at_one
        sources/telemetry/spans/test_log_records.py: test_an_event_of_a_span_is_another_telling_of_it""",
    "exporters of JSON: ids as hexadecimal digits, whole numbers as text in Python and as numbers in JavaScript": _held(
        "OpenTelemetry's JavaScript loses the cache and names the provider in two ways",
        by="""
        sources/telemetry/spans/test_encoding.py: test_numbers_as_text_and_as_numbers
        sources/telemetry/spans/test_encoding.py: test_ids_are_lower_case_and_empty_parents_none""",
    ),
    "protobuf that a Collector turns into JSON, or does not": """
        sources/telemetry/spans/test_protobuf.py: test_what_the_sdk_encodes
        sources/telemetry/spans/test_protobuf.py: test_log_records""",
    "traces as ClickHouse writes them to Parquet: maps of text, instants to the nanosecond, counts without sign": """
        sources/telemetry/test_mapped.py: test_keys_of_a_map_have_dots_of_their_own
        sources/telemetry/test_mapped.py: test_a_time_may_be_told_by_its_beginning_and_its_duration""",
    "an agent's own log of its calls, which tells the usage of turns and tasks again": """
        sources/telemetry/test_mapped.py: test_rows_that_where_leaves_out_are_not_read
        sources/telemetry/test_mapped.py: test_a_mapping_may_say_that_a_row_is_no_usage""",
}
