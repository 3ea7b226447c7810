"""opentelemetry-instrumentation-openai (Traceloop); the ids are association properties."""

import work
from openai_calls import client, scenarios
from traceloop.sdk.instruments import Instruments
from traceloop_sdk import associated, initialised

initialised(Instruments.OPENAI)
work.perform(scenarios(client()), "gpt-4.1-mini", associated)
