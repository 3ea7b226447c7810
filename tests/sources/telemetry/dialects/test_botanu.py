"""The botanu SDK's counts, which are whatever its caller passes."""

from __future__ import annotations

from tests.sources.telemetry.conftest import Job, usage
from tests.sources.telemetry.written import CALL, chat

WORK = {"botanu.run_id": "r-1", "botanu.event_id": "e-1", "botanu.tenant_id": "t-1", "botanu.vendor": "openai"}


def test_cache_reads_are_told_twice_and_counted_once(job: Job) -> None:
    counts = {"gen_ai.usage.input_tokens": 90, "botanu.usage.cached_tokens": 60, "botanu.usage.cache_read_tokens": 60}
    (call,) = job.take(chat(CALL | WORK | counts, scope="botanu.gen_ai")).calls
    assert usage(call) == {"input_tokens": 30, "cache_read_input_tokens": 60}


def test_what_a_caller_passes_of_anthropic_excludes_the_cache(job: Job) -> None:
    """The convention's names say nothing of counts that are passed through (rule R31)."""
    counts = {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.cache_read.input_tokens": 60}
    values = CALL | {"gen_ai.provider.name": "anthropic"} | counts
    calls = job.take(chat(values, values | WORK)).calls
    assert [usage(call)["input_tokens"] for call in calls] == [30, 90]


def test_its_word_for_geminis_api_is_its_word_for_vertex_too(job: Job) -> None:
    """Which of Google's doors was called is not known, so that no bill of the other is paid; a word it passes on says so."""
    told = [("botanu.gen_ai", "gcp.vertex_ai"), ("botanu.gen_ai", "gcp.gemini"), ("acme.llm", "gcp.vertex_ai")]
    content = b"".join(
        chat(CALL | WORK | {"gen_ai.provider.name": word, "botanu.vendor": word}, scope=scope) for scope, word in told
    )
    assert [call["provider"] for call in job.take(content).calls] == ["gcp.gen_ai", "gcp.gemini", "gcp.vertex_ai"]


def test_the_vendor_counts_where_no_provider_is_told(job: Job) -> None:
    values = {"gen_ai.operation.name": "chat"} | WORK
    calls = job.take(chat(values, values | {"gen_ai.provider.name": "anthropic"})).calls
    assert [call["provider"] for call in calls] == ["openai", "anthropic"]
