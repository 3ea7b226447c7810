"""botanu's runs and its manual tracker over OpenAI's SDK, which is told what a careful caller tells it."""

import botanu
import work
from botanu.tracking.llm import track_llm_call
from openai_calls import client

botanu.enable()
openai = client()


def ask(model: str, prompt: str, **options) -> None:
    messages = [{"role": "user", "content": prompt}]
    with track_llm_call(vendor="openai", model=model) as tracker:
        retries = options.pop("max_retries", 2)
        answer = openai.with_options(max_retries=retries).chat.completions.create(
            model=model, messages=messages, **options
        )
        if options.get("stream"):
            tracker.set_streaming()
            *_, answer = answer
        usage = answer.usage
        tracker.set_request_id(answer.id)
        tracker.set_response_model(answer.model)
        tracker.set_tokens(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read_tokens=usage.prompt_tokens_details.cached_tokens,
        )


def whole(model: str, prompt: str) -> None:
    ask(model, prompt)


def streamed(model: str, prompt: str) -> None:
    ask(model, prompt, stream=True, stream_options={"include_usage": True})


def failed(model: str, prompt: str) -> None:
    ask(model, prompt, max_retries=0)


def in_event(told):
    return botanu.event(
        event_id=told["event_id"], customer_id=told["tenant_id"], tenant_id=told["tenant_id"], workflow="support"
    )


scenarios = {
    "plain": whole,
    "cached": whole,
    "streamed": streamed,
    "cut": streamed,
    "failed": failed,
    "retried": whole,
}
work.perform(scenarios, "gpt-4.1-mini", in_event)
