"""One call of a model: what is asked, and the span that tells what the provider counted."""

from __future__ import annotations

import json
import os
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode


class ModelFailed(Exception):
    """The provider gave no answer."""


def ask(tracer: trace.Tracer, model: str, question: str) -> str:
    """What the model answers. Raises ``ModelFailed``."""
    url = f"{os.environ['MODEL_URL']}/v1/chat/completions"
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "server.address": urlsplit(url).hostname or "",
    }
    asked = json.dumps({"model": model, "messages": [{"role": "user", "content": question}]}).encode()
    # An exception's text may quote what was asked.
    with tracer.start_as_current_span(
        f"chat {model}", kind=SpanKind.CLIENT, attributes=told, record_exception=False
    ) as span:
        try:
            with urlopen(Request(url, asked, {"content-type": "application/json"}), timeout=60) as answer:
                answered = json.load(answer)
        except HTTPError as error:
            span.set_attribute("error.type", str(error.code))
            span.set_status(StatusCode.ERROR)
            raise ModelFailed(f"{model} answered {error.code}") from None
        used = answered["usage"]
        span.set_attributes(
            {
                "gen_ai.response.id": answered["id"],
                "gen_ai.response.model": answered["model"],
                "gen_ai.usage.input_tokens": used["prompt_tokens"],
                "gen_ai.usage.output_tokens": used["completion_tokens"],
                "gen_ai.usage.cache_read.input_tokens": used["prompt_tokens_details"]["cached_tokens"],
            }
        )
    return str(answered["choices"][0]["message"]["content"])
