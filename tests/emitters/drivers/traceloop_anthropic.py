"""opentelemetry-instrumentation-anthropic (Traceloop); the ids are association properties."""

import work
from anthropic_calls import client, scenarios
from traceloop.sdk.instruments import Instruments
from traceloop_sdk import associated, initialised

initialised(Instruments.ANTHROPIC)
work.perform(scenarios(client()), "claude-sonnet-4", associated)
