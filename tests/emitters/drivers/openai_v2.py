"""opentelemetry-instrumentation-openai-v2; the ids travel in baggage."""

import work
from openai_calls import client, scenarios
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

work.traced()
OpenAIInstrumentor().instrument()
work.perform(scenarios(client()), "gpt-4.1-mini", work.in_baggage)
