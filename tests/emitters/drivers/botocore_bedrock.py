"""opentelemetry-instrumentation-botocore; the ids travel in baggage."""

import work
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

work.traced()
BotocoreInstrumentor().instrument()

from bedrock_calls import scenarios  # noqa: E402

work.perform(scenarios(), "anthropic.claude-sonnet-4", work.in_baggage)
