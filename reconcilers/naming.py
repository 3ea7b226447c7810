"""What a provider and a model are called: one spelling for bills, telemetry, prices and aliases.

Instrumentations, gateways, exports and price lists write one provider and one model in many ways. These functions know how
the vendors themselves compose ids (routing, vendor, snapshot, resource paths) and nothing a company declares: its aliases are
``declared/models.py``, which goes first. A name that follows none of these ways stays as it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

#: OpenTelemetry's name of a provider (``gen_ai.provider.name``) ← every spelling seen, in lower case; the commonest first, as they are
#: looked up in this order for every span.
PROVIDERS: dict[str, str] = {
    **{
        name: name
        for name in (
            "openai",
            "anthropic",
            "aws.bedrock",
            "azure.ai.openai",
            "gcp.gemini",
            "gcp.vertex_ai",
            "gcp.gen_ai",
            "mistral_ai",
            "azure.ai.inference",
            "cohere",
            "deepseek",
            "groq",
            "perplexity",
            "x_ai",
            "ibm.watsonx.ai",
            "oci",
        )
    },
    "amazon-bedrock": "aws.bedrock",
    "amazon web services": "aws.bedrock",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "azure_ai": "azure.ai.inference",
    "azure_ai_inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure.openai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "microsoft": "azure.ai.openai",
    # LiteLLM's words for an interface of a seller
    "ai21_chat": "ai21",
    "azure_text": "azure.ai.openai",
    "codestral": "mistral_ai",
    "cohere_chat": "cohere",
    "text-completion-codestral": "mistral_ai",
    "text-completion-openai": "openai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "gemini": "gcp.gemini",
    "google.generative-ai": "gcp.gemini",
    "google-gla": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google cloud": "gcp.gen_ai",
    "google-vertex": "gcp.vertex_ai",
    "google.vertex": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "googlevertex": "gcp.vertex_ai",
    "vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "oracle": "oci",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "xai": "x_ai",
    "x-ai": "x_ai",
}

#: Who made a model that Bedrock serves: the word before the model in its ids.
_VENDORS = (
    "ai21|amazon|anthropic|cohere|deepseek|google|luma|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen"
    "|stability|twelvelabs|writer|xai|zai"
)
#: ``us.anthropic.claude-sonnet-4-5-20250929-v1:0``: routing, vendor, model.
_BEDROCK = re.compile(rf"(?:(?P<routing>global|[a-z]{{2,4}}(?:-gov)?)\.)?(?P<vendor>{_VENDORS})\.(?P<model>.+)")
#: LiteLLM's ``bedrock/converse/…`` and ``bedrock/us-west-2/…``.
_DOOR = re.compile(r"^(?:(?:converse|invoke|converse_like|[a-z]{2}(?:-[a-z]+)+-\d)/)+")
#: Profiles AWS defines and foundation models; a profile of a company's own has an id nobody can read.
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:(?:inference-profile|foundation-model)/(?P<id>[^/]+)")
#: A role of AWS that was assumed, and the session it was assumed in.
_SESSION = re.compile(r"(?P<role>arn:aws[a-z-]*:sts::\d*:assumed-role/[^/]+)/.*")
#: ``publishers/google/models/gemini-2.5-pro``, with or without the project's path before it.
_PATH = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models/(?P<id>[^/]+)")
#: What follows a model's name on Bedrock: its first version is the model itself, any version of a dated snapshot is its only one.
_VERSION = re.compile(r"(?:(?<=-\d{8})-v\d+(?::\d+)?|-v?1:\d+|-v1|(?<=-v[2-9]):0)(?::\d+k)?$")
#: A date as vendors write it (``-2025-04-14``, ``-20250929``, ``-05-20``, ``-0613``, ``-2411``), or a number (``-001``).
_SNAPSHOT = re.compile(
    r"-(?:20\d\d-[01]\d-[0-3]\d|20\d\d[01]\d[0-3]\d|[01]\d-[0-3]\d|[01]\d[0-3]\d|2[3-9][01]\d|00\d|latest)$"
)


@dataclass(frozen=True)
class ModelName:
    """A model's one name, and the geography its id tells.

    ``geography`` is ``global`` or ``regional`` (in-region and geographic profiles are billed alike) where the id tells a
    routing, and for every other model of Bedrock ``regional``, its default; else null.
    """

    model: str
    geography: str | None = None


@lru_cache(maxsize=4096)
def provider(text: str | None) -> str | None:
    """A provider in OpenTelemetry's spelling; what stands behind a known name and a dot is its API, and is left out.

    ``openai.responses`` is ``openai``. A name nobody knows is its lower case.
    """
    if text is None:
        return None
    name = text.strip().lower()
    words = name.split(".")
    known = (PROVIDERS.get(".".join(words[:size])) for size in range(len(words), 0, -1))
    return next((found for found in known if found), name)


@lru_cache(maxsize=1 << 14)
def model(of: str | None, text: str) -> ModelName:
    """The name of a model of provider ``of``, however it is told."""
    name = text.strip()
    bedrock = provider(of) == "aws.bedrock"
    head, slash, rest = name.partition("/")
    if slash and rest and head.lower() in PROVIDERS and provider(head) == provider(of):
        # a gateway's spelling: bedrock/us.anthropic.claude-opus-4-6-v1, where an API or a region may stand between
        name = _DOOR.sub("", rest) if bedrock else rest
    if found := _ARN.fullmatch(name) or _PATH.fullmatch(name):
        name = found["id"]
    if "@" in name:  # Vertex writes a snapshot so
        name, _, snapshot = name.partition("@")
        return ModelName(name if snapshot in ("", "default", "latest") else f"{name}-{snapshot}")
    if found := _BEDROCK.fullmatch(name):
        routing, vendor, name = found["routing"], found["vendor"], _VERSION.sub("", found["model"])
        if vendor == "deepseek" and not name.startswith(vendor):
            name = f"{vendor}-{name}"
        return ModelName(name, "global" if routing == "global" else "regional" if routing or bedrock else None)
    if bedrock:
        return ModelName(_VERSION.sub("", name), "regional")
    return ModelName(name)


def aws_principal(arn: str) -> str:
    """The ARN of who called AWS, as bills and logs are compared by it: of a role without its session, which is another with every call."""
    found = _SESSION.fullmatch(arn.strip())
    return found["role"] if found else arn.strip()


def unrouted(name: str) -> str:
    """A model's name without a provider that a gateway writes before it (``openai/gpt-4.1``), for comparing (rule R29)."""
    head, slash, rest = name.partition("/")
    return rest if slash and rest and head.lower() in PROVIDERS else name


def undated(name: str) -> str:
    """A model's name without its snapshot, for comparing with one that tells none (rule R29)."""
    return _SNAPSHOT.sub("", name)
