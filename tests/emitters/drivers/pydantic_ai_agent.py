"""pydantic-ai's own spans, OpenAI and Anthropic behind it; the ids travel in baggage."""

from typing import Any

import work
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

work.traced()
Agent.instrument_all()


def provider(retries: int = 2) -> OpenAIProvider:
    return OpenAIProvider(
        openai_client=AsyncOpenAI(base_url=f"{work.PROVIDER}/v1", api_key="sk-local", max_retries=retries)
    )


def helper(model: Any) -> Agent:
    agent = Agent(model)

    @agent.tool_plain
    def look_up(parcel: str) -> str:
        """Where a parcel is."""
        return f"parcel {parcel} left the depot"

    return agent


def chat(model: str, prompt: str) -> None:
    helper(OpenAIChatModel(model, provider=provider())).run_sync(prompt)


def response(model: str, prompt: str) -> None:
    helper(OpenAIResponsesModel(model, provider=provider())).run_sync(prompt)


def failed(model: str, prompt: str) -> None:
    helper(OpenAIChatModel(model, provider=provider(retries=0))).run_sync(prompt)


def streamed(model: str, prompt: str) -> None:
    answer = helper(OpenAIChatModel(model, provider=provider())).run_stream_sync(prompt)
    for _ in answer.stream_text():
        pass


def claude(model: str, prompt: str) -> None:
    model = model.replace("gpt-4.1-mini", "claude-sonnet-4")
    anthropic = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=work.PROVIDER, api_key="sk-local"))
    helper(AnthropicModel(model, provider=anthropic)).run_sync(prompt)


scenarios = {
    "plain": chat,
    "cached": chat,
    "agent": chat,
    "streamed": streamed,
    "cut": streamed,
    "failed": failed,
    "retried": chat,
    "responses": response,
    "claude": claude,
    "agent_claude": claude,
    "hour": claude,
}
work.perform(scenarios, "gpt-4.1-mini", work.in_baggage)
