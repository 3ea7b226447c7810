"""The scenarios of OpenAI's own SDK, whoever instruments it."""

from __future__ import annotations

from typing import Any

import work
from openai import OpenAI


def client(made_by: type[OpenAI] = OpenAI) -> OpenAI:
    """A client of the fake provider."""
    return made_by(base_url=f"{work.PROVIDER}/v1", api_key="sk-local")


def scenarios(
    openai: OpenAI, *, responses: bool = True, embeddings: bool = True, unasked: bool = True
) -> dict[str, work.Scenario]:
    """Chat Completions in every way, Responses whole and streamed, embeddings."""

    def chat(model: str, prompt: str, **options: Any) -> Any:
        messages = [{"role": "user", "content": prompt}]
        return openai.with_options(max_retries=options.pop("max_retries", 2)).chat.completions.create(
            model=model, messages=messages, **options
        )

    def whole(model: str, prompt: str) -> None:
        chat(model, prompt)

    def streamed(model: str, prompt: str) -> None:
        for _ in chat(model, prompt, stream=True, stream_options={"include_usage": True}):
            pass

    def streamed_unasked(model: str, prompt: str) -> None:
        for _ in chat(model, prompt, stream=True):
            pass

    def left(model: str, prompt: str) -> None:
        answer = chat(model, prompt, stream=True, stream_options={"include_usage": True})
        for _ in answer:
            break
        answer.close()

    def failed(model: str, prompt: str) -> None:
        chat(model, prompt, max_retries=0)

    def response(model: str, prompt: str) -> None:
        openai.responses.create(model=model, input=prompt)

    def response_streamed(model: str, prompt: str) -> None:
        for _ in openai.responses.create(model=model, input=prompt, stream=True):
            pass

    def embedded(model: str, prompt: str) -> None:
        openai.embeddings.create(model=model, input=prompt)

    found: dict[str, work.Scenario] = {
        "plain": whole,
        "cached": whole,
        "streamed": streamed,
        "unasked": streamed_unasked,
        "cut": streamed,
        "left": left,
        "failed": failed,
        "retried": whole,
    }
    if not unasked:
        del found["unasked"]
    if responses:
        found |= {"responses": response, "responses_streamed": response_streamed}
    if embeddings:
        found["embeddings"] = embedded
    return found
