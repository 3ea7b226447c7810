"""logfire's instrumentation of OpenAI's SDK, exporting to a collector; the ids are set by ``logfire.set_baggage``."""

import logfire
import work
from openai_calls import client, scenarios

logfire.configure(send_to_logfire=False, service_name=work.EMITTER, environment="production", console=False)
openai = client()
logfire.instrument_openai()


def in_baggage(told):
    return logfire.set_baggage(**told)


work.perform(scenarios(openai), "gpt-4.1-mini", in_baggage)
