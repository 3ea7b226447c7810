"""openlit's instrumentation of Anthropic's SDK; the ids travel in baggage."""

import openlit
import work
from anthropic_calls import client, scenarios

work.traced()
openlit.init(application_name=work.EMITTER, environment="production", disable_metrics=True)
work.perform(scenarios(client()), "claude-sonnet-4", work.in_baggage)
