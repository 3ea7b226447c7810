"""The emitters that are driven: each a driver and pinned packages of its own, both under the emitter's name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
DRIVERS = HERE / "drivers"
PINS = HERE / "environments"


@dataclass(frozen=True)
class Emitter:
    """``package`` is what writes the spans, by its name in its registry; ``ids`` how event, run and tenant travel."""

    name: str
    package: str
    ids: str

    @property
    def is_javascript(self) -> bool:
        return (PINS / self.name).is_dir()

    @property
    def version(self) -> str:
        """The version that is pinned."""
        if self.is_javascript:
            manifest = json.loads((PINS / self.name / "package.json").read_text())
            return str(manifest["dependencies"][self.package])
        pins = dict(line.split("==") for line in (PINS / f"{self.name}.txt").read_text().splitlines() if "==" in line)
        return pins[self.package]


_BAGGAGE = "baggage, on every span"
_PARENT = "a span around the call"
_ASSOCIATION = "association properties"

EMITTERS = (
    Emitter("openai_v2", "opentelemetry-instrumentation-openai-v2", _BAGGAGE),
    Emitter("genai_openai", "opentelemetry-instrumentation-genai-openai", _BAGGAGE),
    Emitter("genai_anthropic", "opentelemetry-instrumentation-genai-anthropic", _BAGGAGE),
    Emitter("google_genai", "opentelemetry-instrumentation-google-genai", _BAGGAGE),
    Emitter("botocore_bedrock", "opentelemetry-instrumentation-botocore", _BAGGAGE),
    Emitter("traceloop_openai", "opentelemetry-instrumentation-openai", _ASSOCIATION),
    Emitter("traceloop_anthropic", "opentelemetry-instrumentation-anthropic", _ASSOCIATION),
    Emitter("traceloop_bedrock", "opentelemetry-instrumentation-bedrock", _ASSOCIATION),
    Emitter("anthropic_sdk", "anthropic", _PARENT),
    Emitter("openinference_openai", "openinference-instrumentation-openai", _PARENT),
    Emitter("openinference_anthropic", "openinference-instrumentation-anthropic", _PARENT),
    Emitter("openinference_bedrock", "openinference-instrumentation-bedrock", _PARENT),
    Emitter("openinference_langchain", "openinference-instrumentation-langchain", _PARENT),
    Emitter("openinference_openai_agents", "openinference-instrumentation-openai-agents", _PARENT),
    Emitter("openinference_smolagents", "openinference-instrumentation-smolagents", _PARENT),
    Emitter("openinference_js", "@arizeai/openinference-instrumentation-openai", _PARENT),
    Emitter("ai_7", "ai", "runtime context, on spans above the call"),
    Emitter("ai_6", "ai", "telemetry metadata"),
    Emitter("pydantic_ai_agent", "pydantic-ai-slim", _BAGGAGE),
    Emitter("logfire_openai", "logfire", "`logfire.set_baggage`"),
    Emitter("litellm_sdk", "litellm", _PARENT),
    Emitter("langfuse_sdk", "langfuse", "propagated metadata"),
    Emitter("openlit_openai", "openlit", _BAGGAGE),
    Emitter("openlit_anthropic", "openlit", _BAGGAGE),
    Emitter("botanu_sdk", "botanu", "its own event"),
)
