"""openinference-instrumentation-smolagents, with that of OpenAI's SDK below it; the ids are on a span around them."""

from typing import Any

import work
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.instrumentation.smolagents import SmolagentsInstrumentor
from smolagents import OpenAIModel, ToolCallingAgent, tool

work.traced()
SmolagentsInstrumentor().instrument()
OpenAIInstrumentor().instrument()


@tool
def look_up(parcel: str) -> str:
    """Where a parcel is.

    Args:
        parcel: its number
    """
    return f"parcel {parcel} left the depot"


def model_of(model: str, **options: Any) -> OpenAIModel:
    return OpenAIModel(model_id=model, api_base=f"{work.PROVIDER}/v1", api_key="sk-local", **options)


def asked(prompt: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": prompt}]}]


def whole(model: str, prompt: str) -> None:
    model_of(model).generate(asked(prompt))


def streamed(model: str, prompt: str) -> None:
    for _ in model_of(model).generate_stream(asked(prompt)):
        pass


def left(model: str, prompt: str) -> None:
    answer = model_of(model).generate_stream(asked(prompt))
    next(answer)
    answer.close()


def failed(model: str, prompt: str) -> None:
    model_of(model, retry=False, client_kwargs={"max_retries": 0}).generate(asked(prompt))


def agent(model: str, prompt: str) -> None:
    ToolCallingAgent(tools=[look_up], model=model_of(model), max_steps=4, verbosity_level=0).run(prompt)


scenarios = {
    "plain": whole,
    "cached": whole,
    "agent": agent,
    "streamed": streamed,
    "cut": streamed,
    "left": left,
    "failed": failed,
    "retried": whole,
}
work.perform(scenarios, "gpt-4.1-mini", work.on_parent)
