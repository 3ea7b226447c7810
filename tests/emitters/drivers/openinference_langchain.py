"""openinference-instrumentation-langchain, with that of OpenAI's SDK below it; the ids are on a span around them."""

from typing import Any

import work
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor

work.traced()
LangChainInstrumentor().instrument()
OpenAIInstrumentor().instrument()
TICKET = ChatPromptTemplate.from_messages([("user", "{question}")])


def model_of(model: str, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{work.PROVIDER}/v1", api_key="sk-local", **options)


def whole(model: str, prompt: str) -> None:
    (TICKET | model_of(model)).invoke({"question": prompt})


def alone(model: str, prompt: str) -> None:
    model_of(model).invoke(prompt)


def streamed(model: str, prompt: str) -> None:
    for _ in (TICKET | model_of(model, stream_usage=True)).stream({"question": prompt}):
        pass


def left(model: str, prompt: str) -> None:
    answer = (TICKET | model_of(model, stream_usage=True)).stream({"question": prompt})
    next(answer)
    answer.close()


def failed(model: str, prompt: str) -> None:
    (TICKET | model_of(model, max_retries=0)).invoke({"question": prompt})


def response(model: str, prompt: str) -> None:
    (TICKET | model_of(model, use_responses_api=True)).invoke({"question": prompt})


scenarios = {
    "plain": whole,
    "cached": whole,
    "alone": alone,
    "streamed": streamed,
    "cut": streamed,
    "left": left,
    "failed": failed,
    "retried": whole,
    "responses": response,
}
work.perform(scenarios, "gpt-4.1-mini", work.on_parent)
