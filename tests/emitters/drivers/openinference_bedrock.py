"""openinference-instrumentation-bedrock; the ids are on a span around it."""

import work
from openinference.instrumentation.bedrock import BedrockInstrumentor

work.traced()
BedrockInstrumentor().instrument()

from bedrock_calls import scenarios  # noqa: E402

work.perform(scenarios(), "anthropic.claude-sonnet-4", work.on_parent)
