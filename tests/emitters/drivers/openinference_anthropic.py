"""openinference-instrumentation-anthropic over the SDK's own spans; the ids are on a span around it."""

import work
from anthropic_calls import client, scenarios
from openinference.instrumentation.anthropic import AnthropicInstrumentor

work.traced()
AnthropicInstrumentor().instrument()
work.perform(scenarios(client()), "claude-sonnet-4", work.on_parent)
