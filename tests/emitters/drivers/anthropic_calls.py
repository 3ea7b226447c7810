"""The scenarios of Anthropic's own SDK, whoever instruments it."""

from __future__ import annotations

from typing import Any

import work
from anthropic import Anthropic


def client() -> Anthropic:
    """A client of the fake provider."""
    return Anthropic(base_url=work.PROVIDER, api_key="sk-local")


def scenarios(anthropic: Anthropic) -> dict[str, work.Scenario]:
    """Messages in every way; ``hour`` writes a part of its cache for an hour."""

    def message(model: str, prompt: str, **options: Any) -> Any:
        messages = [{"role": "user", "content": prompt}]
        return anthropic.with_options(max_retries=options.pop("max_retries", 2)).messages.create(
            model=model, max_tokens=100, messages=messages, **options
        )

    def whole(model: str, prompt: str) -> None:
        message(model, prompt)

    def streamed(model: str, prompt: str) -> None:
        for _ in message(model, prompt, stream=True):
            pass

    def left(model: str, prompt: str) -> None:
        answer = message(model, prompt, stream=True)
        for event in answer:
            if event.type == "content_block_delta":
                break
        answer.close()

    def failed(model: str, prompt: str) -> None:
        message(model, prompt, max_retries=0)

    return {
        "plain": whole,
        "cached": whole,
        "hour": whole,
        "streamed": streamed,
        "cut": streamed,
        "left": left,
        "failed": failed,
        "retried": whole,
    }
