"""openlit's instrumentation of OpenAI's SDK; the ids travel in baggage."""

import openlit
import work
from openai_calls import client, scenarios

work.traced()
openlit.init(application_name=work.EMITTER, environment="production", disable_metrics=True)
work.perform(scenarios(client()), "gpt-4.1-mini", work.in_baggage)
