#!/usr/bin/env bash
# strands-agents 1.62.0: the span of an agent's invocation has the tokens of all invocations since the agent was made, not its own.
#
# invoke_agent has the names that a call's span has, in the trace of one request. An agent object that is asked again, as a chat with
# a memory or one agent kept by a worker is, counts on: its second span has the first one's tokens too. They are a sum
# of what lies below only for the first; whoever takes an agent's span for what its request used charges the second customer
# of a worker with the first one's tokens. accumulated_usage of the result is the same count. The spans of the calls are right.
#
# Seen, where a model tells 1000 in and 100 out each time:
#   request 1: call 1000 in, 100 out; agent 1000 in, 100 out; result 1000 in, 100 out
#   request 2: call 1000 in, 100 out; agent 2000 in, 200 out; result 2000 in, 200 out
#   request 3: call 1000 in, 100 out; agent 3000 in, 300 out; result 3000 in, 300 out
#   in all: calls 3000 in, agents 6000 in
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check strands-agents==1.62.0 opentelemetry-sdk==1.45.1
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from strands import Agent
from strands.models import Model


class Answers(Model):
    def get_config(self):
        return {"model_id": "some-model"}

    def update_config(self, **_):
        pass

    def structured_output(self, *_, **__):
        raise NotImplementedError

    async def stream(self, *_, **__):
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": "It is paid."}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        usage = {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}
        yield {"metadata": {"usage": usage, "metrics": {"latencyMs": 1}}}


spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
agent = Agent(model=Answers(), callback_handler=None)
told = []
for request in (1, 2, 3):
    spans.clear()
    result = agent("Is invoice 7 paid?").metrics.accumulated_usage
    found = {span.attributes["gen_ai.operation.name"]: span.attributes for span in spans.get_finished_spans()}
    sides = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    call, of_agent = (tuple(found[operation][side] for side in sides) for operation in ("chat", "invoke_agent"))
    told.append((call, of_agent, (result["inputTokens"], result["outputTokens"])))
    words = (f"{who} {count[0]} in, {count[1]} out" for who, count in zip(("call", "agent", "result"), told[-1], strict=True))
    print(f"request {request}: {'; '.join(words)}")
calls, agents = (sum(one[which][0] for one in told) for which in (0, 1))
print(f"in all: calls {calls} in, agents {agents} in")
expected = [((1000, 100), (1000 * n, 100 * n), (1000 * n, 100 * n)) for n in (1, 2, 3)]
sys.exit(0 if told == expected else "this is no longer what 1.62.0 was seen to do")
PYTHON
