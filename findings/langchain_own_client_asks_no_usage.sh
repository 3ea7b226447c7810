#!/usr/bin/env bash
# langchain-openai 1.7.4, openai-agents 0.24.0: a stream through a gateway or a client of one's own no longer asks for its usage.
#
# OpenAI tells a stream's usage only to who asks (stream_options). Both libraries ask by themselves, so nobody sets it, until the same
# code is pointed elsewhere: Agents asks at OpenAI's own address only; LangChain where neither base_url nor http_client is
# given, the latter be it for a certificate or a timeout and to OpenAI itself. The answers are billed as before. LangChain
# tells no usage then; Agents counts the request and 0 tokens, which a sum takes for a request that cost nothing. Asked for by
# stream_usage and ModelSettings(include_usage), both tell it.
#
# Seen, where the provider counts 1000 and 120 of each stream (LangChain's first by its setting alone, as it would leave the machine):
#   LangChain, nothing given: asks
#   LangChain, http_client to api.openai.com: does not ask, no usage
#   LangChain, base_url of a gateway: does not ask, no usage
#   LangChain, base_url of a gateway, stream_usage: asks, 1000 in, 120 out
#   Agents, api.openai.com: asks, 1 request, 1000 in, 120 out
#   Agents, a gateway: does not ask, 1 request, 0 in, 0 out
#   Agents, a gateway, include_usage: asks, 1 request, 1000 in, 120 out
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check langchain-openai==1.7.4 langchain-core==1.8.3 \
    openai-agents==0.24.0 openai==3.57.0
env -i HOME="$room" PATH="$PATH" LANGSMITH_TRACING=false OPENAI_AGENTS_DISABLE_TRACING=1 "$room/bin/python" -I - <<'PYTHON'
import asyncio
import json
import sys

import httpx
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI

OPENAI, GATEWAY = "https://api.openai.com/v1", "https://llm.example.com/v1"
USAGE = {"prompt_tokens": 1000, "completion_tokens": 120, "total_tokens": 1120}
asking = []


def answered(request):
    asked = json.loads(request.content)
    asking.append("asks" if (asked.get("stream_options") or {}).get("include_usage") else "does not ask")
    same = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1-mini-2025-04-14"}
    text = {"role": "assistant", "content": "It is paid."}
    parts = [{"choices": [{"index": 0, "delta": text, "finish_reason": "stop"}]}]
    parts += [{"choices": [], "usage": USAGE}] if asking[-1] == "asks" else []
    lines = [f"data: {json.dumps(same | part)}\n\n" for part in parts]
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, text="".join([*lines, "data: [DONE]\n\n"]))


def of_langchain(**settings):
    client = httpx.Client(transport=httpx.MockTransport(answered))
    model = ChatOpenAI(model="gpt-4.1-mini", api_key="none", http_client=client, **settings)
    first, *others = model.stream("Is invoice 7 paid?")
    usage = sum(others, first).usage_metadata
    told = f"{usage['input_tokens']} in, {usage['output_tokens']} out" if usage else "no usage"
    return f"{asking[-1]}, {told}"


async def of_agents(address, **settings):
    http = httpx.AsyncClient(transport=httpx.MockTransport(answered))
    model = OpenAIChatCompletionsModel("gpt-4.1-mini", AsyncOpenAI(base_url=address, api_key="none", http_client=http))
    run = Runner.run_streamed(Agent(name="clerk", model=model, model_settings=ModelSettings(**settings)), "Is invoice 7 paid?")
    async for _ in run.stream_events():
        pass
    usage = run.context_wrapper.usage
    return f"{asking[-1]}, {usage.requests} request, {usage.input_tokens} in, {usage.output_tokens} out"


seen = {
    "LangChain, nothing given": "asks" if ChatOpenAI(model="gpt-4.1-mini", api_key="none").stream_usage else "does not ask",
    "LangChain, http_client to api.openai.com": of_langchain(),
    "LangChain, base_url of a gateway": of_langchain(base_url=GATEWAY),
    "LangChain, base_url of a gateway, stream_usage": of_langchain(base_url=GATEWAY, stream_usage=True),
    "Agents, api.openai.com": asyncio.run(of_agents(OPENAI)),
    "Agents, a gateway": asyncio.run(of_agents(GATEWAY)),
    "Agents, a gateway, include_usage": asyncio.run(of_agents(GATEWAY, include_usage=True)),
}
for case, told in seen.items():
    print(f"{case}: {told}")
expected = ["asks", "does not ask, no usage", "does not ask, no usage", "asks, 1000 in, 120 out"]
expected += [f"{how}, 1 request, {told}" for how, told in (("asks", "1000 in, 120 out"), ("does not ask", "0 in, 0 out"))]
expected += ["asks, 1 request, 1000 in, 120 out"]
sys.exit(0 if [*seen.values()] == expected else "this is no longer what was seen")
PYTHON
