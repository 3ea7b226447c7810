"""opentelemetry-instrumentation-google-genai; the ids travel in baggage."""

import work
from google import genai
from google.genai import types
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

work.traced()
GoogleGenAiSdkInstrumentor().instrument()


def client(attempts: int) -> genai.Client:
    """A client of the fake provider."""
    retry = types.HttpRetryOptions(attempts=attempts, initial_delay=0.01)
    return genai.Client(api_key="local", http_options=types.HttpOptions(base_url=work.PROVIDER, retry_options=retry))


gemini, once = client(3), client(1)


def whole(model: str, prompt: str) -> None:
    gemini.models.generate_content(model=model, contents=prompt)


def streamed(model: str, prompt: str) -> None:
    for _ in gemini.models.generate_content_stream(model=model, contents=prompt):
        pass


def left(model: str, prompt: str) -> None:
    answer = gemini.models.generate_content_stream(model=model, contents=prompt)
    next(answer)
    answer.close()


def failed(model: str, prompt: str) -> None:
    once.models.generate_content(model=model, contents=prompt)


scenarios = {
    "plain": whole,
    "cached": whole,
    "streamed": streamed,
    "cut": streamed,
    "left": left,
    "failed": failed,
    "retried": whole,
}
work.perform(scenarios, "gemini-2.5-flash", work.in_baggage)
