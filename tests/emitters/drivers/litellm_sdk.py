"""litellm's own OpenTelemetry callback, OpenAI and Anthropic behind it; the ids are on a span around it."""

from typing import Any

import litellm
import work
from litellm.integrations.opentelemetry import OpenTelemetry
from opentelemetry import trace

work.traced()
litellm.telemetry = False
litellm.callbacks = [OpenTelemetry()]


def completion(model: str, prompt: str, **options: Any) -> Any:
    # A streamed call is told by another thread: without its parent handed over it is a trace of its own.
    return litellm.completion(
        model=f"openai/{model}",
        messages=[{"role": "user", "content": prompt}],
        api_base=f"{work.PROVIDER}/v1",
        api_key="sk-local",
        metadata={"litellm_parent_otel_span": trace.get_current_span()},
        **options,
    )


def whole(model: str, prompt: str) -> None:
    completion(model, prompt)


def claude(model: str, prompt: str) -> None:
    messages = [{"role": "user", "content": prompt}]
    model = model.replace("gpt-4.1-mini", "claude-sonnet-4")
    litellm.completion(
        model=f"anthropic/{model}", messages=messages, api_base=work.PROVIDER, api_key="sk-local", max_tokens=100
    )


def streamed(model: str, prompt: str) -> None:
    for _ in completion(model, prompt, stream=True, stream_options={"include_usage": True}):
        pass


def left(model: str, prompt: str) -> None:
    for _ in completion(model, prompt, stream=True, stream_options={"include_usage": True}):
        break


def failed(model: str, prompt: str) -> None:
    completion(model, prompt, max_retries=0)


def retried(model: str, prompt: str) -> None:
    completion(model, prompt, num_retries=2)


def embedded(model: str, prompt: str) -> None:
    litellm.embedding(model=f"openai/{model}", input=[prompt], api_base=f"{work.PROVIDER}/v1", api_key="sk-local")


scenarios = {
    "plain": whole,
    "cached": whole,
    "claude": claude,
    "streamed": streamed,
    "cut": streamed,
    "left": left,
    "failed": failed,
    "retried": retried,
    "embeddings": embedded,
}
work.perform(scenarios, "gpt-4.1-mini", work.on_parent)
