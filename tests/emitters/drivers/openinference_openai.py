"""openinference-instrumentation-openai; the ids are on a span around it."""

import work
from openai_calls import client, scenarios
from openinference.instrumentation.openai import OpenAIInstrumentor

work.traced()
OpenAIInstrumentor().instrument()
work.perform(scenarios(client()), "gpt-4.1-mini", work.on_parent)
