"""openinference-instrumentation-openai-agents, with that of OpenAI's SDK below it; the ids are on a span around them."""

import asyncio

import work
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

work.traced()
OpenAIAgentsInstrumentor().instrument()
OpenAIInstrumentor().instrument()


@function_tool
def look_up(parcel: str) -> str:
    """Where a parcel is."""
    return f"parcel {parcel} left the depot"


def client(retries: int = 2) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{work.PROVIDER}/v1", api_key="sk-local", max_retries=retries)


def run(api, model: str, prompt: str, retries: int = 2):
    agent = Agent("helper", model=api(model, client(retries)), tools=[look_up])
    return Runner.run_sync(agent, prompt)


def responses(model: str, prompt: str) -> None:
    run(OpenAIResponsesModel, model, prompt)


def chat(model: str, prompt: str) -> None:
    run(OpenAIChatCompletionsModel, model, prompt)


def failed(model: str, prompt: str) -> None:
    run(OpenAIResponsesModel, model, prompt, retries=0)


def streamed(model: str, prompt: str) -> None:
    async def all_of_it() -> None:
        agent = Agent("helper", model=OpenAIResponsesModel(model, client()), tools=[look_up])
        async for _ in Runner.run_streamed(agent, prompt).stream_events():
            pass

    asyncio.run(all_of_it())


scenarios = {
    "plain": responses,
    "cached": responses,
    "agent": responses,
    "chat": chat,
    "agent_chat": chat,
    "streamed": streamed,
    "agent_streamed": streamed,
    "cut": streamed,
    "failed": failed,
    "retried": responses,
}
work.perform(scenarios, "gpt-4.1-mini", work.on_parent)
