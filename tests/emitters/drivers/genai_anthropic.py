"""opentelemetry-instrumentation-genai-anthropic over the SDK's own spans; the ids travel in baggage."""

import work
from anthropic_calls import client, scenarios
from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor

work.traced()
AnthropicInstrumentor().instrument()
work.perform(scenarios(client()), "claude-sonnet-4", work.in_baggage)
