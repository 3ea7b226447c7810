"""What vendors' ids are called, and what stays as it is told."""

from __future__ import annotations

import pytest

from reconcilers import naming
from reconcilers.naming import ModelName

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("told", "provider"),
    [
        ("openai", "openai"),
        ("OpenAI", "openai"),
        ("openai.responses", "openai"),
        ("anthropic.messages", "anthropic"),
        ("azure.chat", "azure.ai.openai"),
        ("azure.ai.openai", "azure.ai.openai"),
        ("az.ai.inference", "azure.ai.inference"),
        ("gemini", "gcp.gemini"),
        ("gcp.gen_ai", "gcp.gen_ai"),
        ("google.generative-ai", "gcp.gemini"),
        ("google.vertex.chat", "gcp.vertex_ai"),
        ("amazon-bedrock", "aws.bedrock"),
        ("bedrock_converse", "aws.bedrock"),
        ("vertex.anthropic.messages", "gcp.vertex_ai"),
        ("google_genai", "gcp.gemini"),
        ("google-gla", "gcp.gemini"),
        ("xai.chat", "x_ai"),
        ("Oracle", "oci"),
        ("cohere_chat", "cohere"),
        ("text-completion-openai", "openai"),
        ("codestral", "mistral_ai"),
        ("watsonx", "ibm.watsonx.ai"),
        # Not ours to cut: nobody knows what stands before the dot.
        ("acme.small", "acme.small"),
        (None, None),
    ],
)
def test_a_provider_has_one_spelling_and_its_api_is_left_out(told: str | None, provider: str | None) -> None:
    assert naming.provider(told) == provider


@pytest.mark.parametrize(
    ("told", "model", "geography"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "regional"),
        ("apac.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "regional"),
        ("us-gov.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "regional"),
        ("global.anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6", "global"),
        ("anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6", "regional"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet-20241022", "regional"),
        ("bedrock/eu.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "regional"),
        ("bedrock/converse/global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "global"),
        ("bedrock/us-west-2/anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6", "regional"),
        ("global.xai.grok-4.6", "grok-4.6", "global"),
        (f"{ACCOUNT}:inference-profile/global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "global"),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "nova-pro", "regional"),
        ("amazon.nova-lite-v1:0:300k", "nova-lite", "regional"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b", "regional"),
        ("deepseek.r1-v1:0", "deepseek-r1", "regional"),
        # A second version is another model, and an undated one is told by its version alone.
        ("amazon.titan-embed-text-v2:0", "titan-embed-text-v2", "regional"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-7b-instruct-v0:2", "regional"),
        # What an instrumentation has cut already, and what nobody can read.
        ("claude-opus-4-6-v1", "claude-opus-4-6", "regional"),
        (f"{ACCOUNT}:application-inference-profile/4hq2", f"{ACCOUNT}:application-inference-profile/4hq2", "regional"),
    ],
)
def test_bedrock(told: str, model: str, geography: str) -> None:
    assert naming.model("aws.bedrock", told) == ModelName(model, geography)


@pytest.mark.parametrize(
    ("provider", "told", "model"),
    [
        ("gcp.gemini", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        (
            "gcp.vertex_ai",
            "projects/p/locations/eu/publishers/anthropic/models/claude-opus-4-6@default",
            "claude-opus-4-6",
        ),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
        ("gcp.vertex_ai", "projects/p/locations/eu/endpoints/7", "projects/p/locations/eu/endpoints/7"),
        ("openai", "openai/gpt-4.1", "gpt-4.1"),
        # Which tuned model it is some bills tell, and some only its base (`ft-gpt-4.1-2025-04-14`): an alias says which.
        ("openai", "ft:gpt-4.1-2025-04-14:acme:router:x1", "ft:gpt-4.1-2025-04-14:acme:router:x1"),
        ("openai", "gpt-4.1-2025-04-14", "gpt-4.1-2025-04-14"),
        # A provider whose own ids have the maker before a slash.
        ("groq", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("openrouter", "anthropic/claude-opus-4.6", "anthropic/claude-opus-4.6"),
        (None, "Claude Sonnet 4.6", "Claude Sonnet 4.6"),
    ],
)
def test_other_vendors_tell_no_geography(provider: str | None, told: str, model: str) -> None:
    assert naming.model(provider, told) == ModelName(model, None)


def test_a_routing_tells_geography_whoever_passed_the_id_on() -> None:
    assert naming.model("litellm", "global.anthropic.claude-opus-4-6") == ModelName("claude-opus-4-6", "global")
    assert naming.model("litellm", "anthropic.claude-opus-4-6") == ModelName("claude-opus-4-6", None)


def test_a_snapshot_can_be_left_out() -> None:
    told = ["gpt-4.1-2025-04-14", "claude-sonnet-4-5-20250929", "gemini-2.5-pro", "mistral-large-latest"]
    told += [
        "gpt-4-0613",
        "mistral-large-2411",
        "gemini-2.0-flash-001",
        "gemini-2.5-flash-preview-05-20",
        "llama-3-70b",
    ]
    assert [naming.undated(name) for name in told] == [
        "gpt-4.1",
        "claude-sonnet-4-5",
        "gemini-2.5-pro",
        "mistral-large",
        "gpt-4",
        "mistral-large",
        "gemini-2.0-flash",
        "gemini-2.5-flash-preview",
        "llama-3-70b",
    ]
