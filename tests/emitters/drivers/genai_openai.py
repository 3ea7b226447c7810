"""opentelemetry-instrumentation-genai-openai; the ids travel in baggage."""

import work
from openai_calls import client, scenarios
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

work.traced()
OpenAIInstrumentor().instrument()
work.perform(scenarios(client()), "gpt-4.1-mini", work.in_baggage)
