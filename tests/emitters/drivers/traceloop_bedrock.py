"""opentelemetry-instrumentation-bedrock (Traceloop); the ids are association properties."""

import work
from traceloop.sdk.instruments import Instruments
from traceloop_sdk import associated, initialised

initialised(Instruments.BEDROCK)

from bedrock_calls import scenarios  # noqa: E402

work.perform(scenarios(), "anthropic.claude-sonnet-4", associated)
